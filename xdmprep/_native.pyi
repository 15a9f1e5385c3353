from collections.abc import Callable, Sequence
from typing import Any, overload

SOURCE_CHECK: int

def last_record_end(text: Any, start: int, stop: int, final: bool, delimiter: int, quote: int, /) -> int: ...
def parse_csv(
    text: Any,
    delimiter: int,
    quote: int,
    columns: int,
    wanted: list[tuple[int, bool]],
    nulls: list[bytes],
    allocate: Callable[[int], Any],
    stops: Any,
    /,
) -> tuple[int, list[tuple[Any, ...]], bytes, bytes]: ...
def escape(offsets: Any, n: int, data: Any, allocate: Callable[[int], Any], /) -> tuple[Any, Any] | None: ...
def join(
    legs: Sequence[tuple[Any, ...]],
    tables: tuple[Any, Any, Any, Any, int],
    literals: Any,
    literal_data: Any,
    n: int,
    keep: Any,
    before: Any,
    after: Any,
    starts: bool,
    allocate: Callable[[int], Any],
    /,
) -> tuple[int, Any, Any]: ...
def write(file: int, data: Any, piece: int, /) -> None: ...
def text_sizes(offsets: Any, n: int, data: Any, valid: Any, first_bit: int, /) -> tuple[int, int] | None: ...
def number_texts(
    offsets: Any, n: int, data: Any, valid: Any, first_bit: int, allocate: Callable[[int], Any], /
) -> tuple[Any, int]: ...
def order_groups(codes: Any, n: int, count: int, allocate: Callable[[int], Any], /) -> tuple[Any, Any]: ...
def hash_texts(
    offsets: Any, n: int, data: Any, valid: Any, first_bit: int, weights: Any, allocate: Callable[[int], Any], /
) -> Any: ...
def take_texts(
    offsets: Any,
    n: int,
    data: Any,
    valid: Any,
    first_bit: int,
    places: Any,
    count: int,
    allocate: Callable[[int], Any],
    /,
) -> tuple[Any, Any, Any, int] | None: ...
@overload
def object_texts(
    objects: Any, missing: tuple[Any, ...], allocate: Callable[[int], Any], /
) -> tuple[int, Any, Any, Any, int] | None: ...
@overload
def object_texts(objects: Any, missing: tuple[Any, ...], allocate: None, /) -> int | None: ...
def misfits(
    offsets: Any, n: int, data: Any, valid: Any, first_bit: int, lows: bytes, spans: bytes, /
) -> bytes | None: ...
def not_accepted(
    offsets: Any, n: int, data: Any, valid: Any, first_bit: int, table: Any, accepting: Any, /
) -> bytes | None: ...
def printed_otherwise(offsets: Any, n: int, data: Any, valid: Any, first_bit: int, whole: bool, /) -> bytes | None: ...
def is_utf8(data: Any, /) -> bool: ...
def count_lines(data: Any, /) -> int: ...
def print_times(
    values: Any, n: int, valid: Any, first_bit: int, allocate: Callable[[int], Any], /
) -> tuple[Any, Any] | None: ...
def memory(size: int, /) -> Any: ...
def split_array(data: Any, /) -> tuple[int, int, int, Any, Any]: ...
def line_ends(data: Any, size: int, /) -> Any: ...
def parse_json(
    data: Any, starts: Any, ends: Any, spec: tuple[Any, ...], flags: int, /
) -> tuple[Any, tuple[Any, ...]]: ...
