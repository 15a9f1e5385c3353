"""What a function of the language is, and the table of all of them.

The modules of :mod:`xdmprep.language.functions` fill the table, one category or two each, with :func:`function`.  A
function takes a :class:`Context` and its evaluated arguments and gives a value, or raises
:class:`~xdmprep.language.values.Failed`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, TypeVar
from uuid import UUID, uuid4

import pyarrow as pa

from ..core.stream import TIMESTAMP
from .columns import MOMENT
from .java_time_format import Pattern, compile_pattern
from .options import DEFAULT, Options
from .values import Failed, kind_of, text_of
from .zoned_datetime import Moment

#: A function, or None where none exists.
Run = TypeVar("Run", bound="Callable[..., Any] | None")
Availability = Literal["yes", "volatile", "data", "no"]


@dataclass(slots=True)
class Context:
    """What a function may use besides its arguments.

    Attributes:
        options: the readings of open points, clock and seed.
        row: identifies the row, for seeded random values; `drawn` counts them.
        time: the clock's time, once it was asked.
        patterns: compiled date patterns, kept for the run.
    """

    options: Options = DEFAULT
    row: bytes = b""
    drawn: int = 0
    time: Moment | None = None
    patterns: dict[str, Pattern] = field(default_factory=dict)

    def present(self) -> Moment:
        """The clock's time, the same for all rows of a batch."""
        if self.time is None:
            self.time = Moment.of(self.options.clock())
        return self.time

    def random_id(self) -> str:
        """A random UUID; with a seed, one that follows from seed, row and number of draws before."""
        if self.options.seed is None:
            return str(uuid4())
        self.drawn += 1
        key = f"{self.options.seed}:{self.drawn}:".encode() + self.row
        return str(UUID(bytes=hashlib.blake2b(key, digest_size=16).digest(), version=4))

    def pattern(self, text: Any) -> Pattern:
        """The date pattern `text`, compiled."""
        if not isinstance(text, str):
            raise Failed(f"a date format must be a string, not {kind_of(text)}")
        found = self.patterns.get(text)
        if found is None:
            found = self.patterns[text] = compile_pattern(text, self.options)
        return found


@dataclass(slots=True, eq=False)
class Function:
    """One function, method or operator of the language: an entry of the table.

    Attributes:
        name: its name; names are case sensitive.  See :mod:`xdmprep.language.tree` for those of operators.
        aliases: other names of the same function.
        category: ``string``, ``date``, ``object``...; ``method`` or ``operator``.
        signature: as it is written, optional parameters in square brackets.
        meaning: what it gives, in one sentence.
        example: an expression that needs no record, or reads the one in `record`.
        gives: what the example gives, JSON-like; None also where it is volatile.
        availability: ``yes``, ``volatile`` (asks clock or randomness), ``data`` (needs an optional package), or ``no``.
        reason: why it is not available, or what the result rests on.
        fewest, most: numbers of arguments; `most` None means any number.
        result: Arrow type of the result where it is always the same.
        run: the function itself, the reference; `lazy` ones take functions that give their arguments.
        kernel: what does the same to columns (see :mod:`xdmprep.language.kernels.table`); None where nothing does.
        nulls: places of the arguments of which null makes the result null; `run` is not called then.
        lambda_at: place of the argument that is a lambda.
        random: whether every row gets another value.
        package: optional package that it needs.
    """

    name: str
    signature: str
    category: str
    meaning: str
    example: str = ""
    gives: Any = None
    record: dict[str, Any] | None = None
    aliases: tuple[str, ...] = ()
    availability: Availability = "yes"
    reason: str = ""
    fewest: int = 0
    most: int | None = None
    result: pa.DataType | None = None
    run: Callable[..., Any] | None = None
    lazy: bool = False
    kernel: Any = None
    nulls: tuple[int, ...] = ()
    lambda_at: int | None = None
    random: bool = False
    package: str = ""

    @property
    def column_type(self) -> pa.DataType | None:
        """The type of a column of what it gives, where that is always the same."""
        return MOMENT if self.result == TIMESTAMP else self.result


TABLE: dict[str, Function] = {}


def function(
    signature: str, meaning: str, example: str = "", gives: Any = None, *, category: str, **more: Any
) -> Callable[[Run], Run]:
    """Puts the decorated Python function into the table; the numbers of arguments follow from `signature`.

    Args:
        signature: the name and the parameters in parentheses, optional ones in square brackets.
        meaning: what the function gives, in one sentence.
        example: an expression that needs no record, or reads the one in ``record``.
        gives: the result of the example, JSON-like.
        category: ``string``, ``date``, ``object``...
        more: other attributes of :class:`Function`.

    Returns:
        A decorator that gives the function back unchanged; None, where there is no function.

    Raises:
        ValueError: a function of this name or alias is in the table.
    """

    def decorated(run: Run) -> Run:
        name, _, parameters = signature.partition("(")
        fewest, most = _arity(parameters.rstrip(")"))
        put(Function(name, signature, category, meaning, example, gives, fewest=fewest, most=most, run=run, **more))
        return run

    return decorated


def put(entry: Function) -> None:
    """Puts an entry into the table. Raises ValueError: one of its name or alias is in the table."""
    if entry.nulls and entry.run is not None:
        entry.run = _unless_null(entry.run, entry.nulls)
    for word in (entry.name, *entry.aliases):
        if word in TABLE:
            raise ValueError(f"two functions are called {word}")
        TABLE[word] = entry


def _unless_null(run: Callable[..., Any], places: tuple[int, ...]) -> Callable[..., Any]:
    if places == (0,):  # of most functions
        return lambda context, value, *more: None if value is None else run(context, value, *more)

    def called(context: Context, *arguments: Any) -> Any:
        for place in places:
            if arguments[place] is None:
                return None
        return run(context, *arguments)

    return called


def _arity(parameters: str) -> tuple[int, int | None]:
    optional = parameters.count("[")
    names = [part for part in re.split(r"[\s,\[\]]+", parameters) if part]
    if "..." in names:
        names = [name for name in names if name != "..."]
        return len(names) - optional, None
    return len(names) - optional, len(names)


def text(value: Any) -> str:
    """A string argument: scalars are taken as text, arrays and objects are refused."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, list | dict):
        raise Failed(f"a string is expected, not {kind_of(value)}")
    return text_of(value)


def whole(value: Any, name: str) -> int:
    """A whole-number argument; numeric text counts."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,18}", value):
        return int(value)
    if (isinstance(value, float) and value.is_integer()) or (isinstance(value, Decimal) and value == int(value)):
        return int(value)
    raise Failed(f"{name} is a whole number, not {text_of(value)[:40]!r}")
