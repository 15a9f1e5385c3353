"""One Parquet file: Arrow writes the columns that records fill, and this module the columns that none of them fills.

Every field of the schema is a column of the file, and Arrow's writer takes some 3 ns a row for a column without any
value.  Of 2,000 fields of which 20 are mapped that is seven eighths of the time.  In a row group such a column is one
page that says at which level each row is null: the same page for all columns of the same object.  So Arrow gets the
filled columns only, the pages of the others are put beside its row groups, and the footer (Thrift's compact protocol)
is completed when the file ends.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..core.shred import Leaf, path_tree, valid
from .folder import WholeFile

#: Pages are handed to the file this many bytes at a time; each time takes the interpreter lock.
_SINK_BYTES = 1 << 20
_MAGIC = b"PAR1"
#: Types of the compact protocol.
_I32, _I64, _BINARY, _LIST, _STRUCT = 5, 6, 8, 9, 12
_FIXED = {1: 0, 2: 0, 3: 1, 7: 8}
#: Fields of FileMetaData and RowGroup, in the words of parquet.thrift.
_SCHEMA, _ROW_GROUPS, _COLUMN_ORDERS = 2, 4, 7
_COLUMNS, _TOTAL_BYTE_SIZE, _FILE_OFFSET, _TOTAL_COMPRESSED_SIZE = 1, 2, 5, 6
#: Their numbers in parquet.thrift; with another compression the pages are stored as they are.
_CODECS = {"snappy": 1, "gzip": 2, "brotli": 4, "zstd": 6}
_PHYSICAL = {"BOOLEAN": 0, "INT32": 1, "INT64": 2, "INT96": 3, "FLOAT": 4, "DOUBLE": 5, "BYTE_ARRAY": 6,
             "FIXED_LEN_BYTE_ARRAY": 7}  # fmt: skip

Levels = np.ndarray[Any, np.dtype[np.uint8]]
#: The page of a column in a row group, and the fields num_values to total_compressed_size of its metadata.
Page = tuple[bytes, bytes]


class Layout:
    """Which columns of a schema the leaves fill, and what the file says of the others.

    Args:
        arrow_schema: of the records.
        leaves: of the records.
        compression: of pages.

    Attributes:
        filled: `arrow_schema` without what no leaf fills.
    """

    def __init__(self, arrow_schema: pa.Schema, leaves: Sequence[Leaf], compression: str) -> None:
        self._compression = compression if compression in _CODECS else None
        self._above: list[tuple[str, ...] | None] = []  # of each column the object that it is null in; None if filled
        tree = path_tree([leaf.path for leaf in leaves])
        self.filled = pa.schema(self._filled(arrow_schema, tree, ()))
        self.unfilled = [number for number, above in enumerate(self._above) if above is not None]
        self.leads = bool(self.unfilled) and self.unfilled[0] == 0
        self._heads: list[bytes] = []  # a column's chunk up to the codec in its metadata
        # the object that a column is null in, and the bits of its levels; where they are equal, so is the page
        self._kinds: list[tuple[tuple[str, ...], int, int]] = []
        if self.unfilled:
            self._prepare(arrow_schema)

    def _filled(self, fields: Iterable[pa.Field], tree: dict[Any, Any], above: tuple[str, ...]) -> Iterator[pa.Field]:
        for field in fields:
            node = tree.get(field.name)
            if node is not None and pa.types.is_struct(field.type) and not isinstance(node, int):
                yield field.with_type(pa.struct(list(self._filled(field.type, node, (*above, field.name)))))
                continue
            self._above += [above if node is None else None for _ in columns([field])]
            if node is not None:
                yield field

    def _prepare(self, arrow_schema: pa.Schema) -> None:
        """The parts of the footer that are known before the first record; of the schema, from a file without any."""
        paths = [path for path, _ in columns(arrow_schema)]
        sink = io.BytesIO()
        pq.write_table(arrow_schema.empty_table(), sink, store_schema=False)
        known = pq.read_metadata(sink).schema
        fields = _fields(_footer_of(sink.getvalue()))
        self._schema = fields[_SCHEMA]
        self._orders = (_LIST, _list([_struct({1: (_STRUCT, b"\x00")})] * len(paths)))  # by type
        codec = (_I32, _number(_CODECS.get(self._compression or "", 0)))
        encodings = (_LIST, b"\x25" + _number(0) + _number(3))  # PLAIN, RLE
        for number in self.unfilled:
            column = known.column(number)
            names = [_varint(len(name)) + name for name in map(str.encode, paths[number])]
            path = (_LIST, _list(names, _BINARY))
            about = _struct({1: (_I32, _number(_PHYSICAL[column.physical_type])), 2: encodings, 3: path, 4: codec})
            self._heads.append(b"\x26\x00\x1c" + about[:-1])
            deepest, repeated = int(column.max_definition_level), int(column.max_repetition_level)
            self._kinds.append((self._above[number] or (), deepest.bit_length(), repeated.bit_length()))

    def pages(self, group: pa.RecordBatch) -> list[Page]:
        """The page of each unfilled column for the records of a row group, which have the schema `filled`."""
        made: dict[tuple[tuple[str, ...], int, int], Page] = {}
        levels = {above: _levels(group, above) for above in {above for above, _, _ in self._kinds}}
        for kind in self._kinds:
            if kind not in made:
                made[kind] = self._page(levels[kind[0]], kind[1], kind[2])
        return [made[kind] for kind in self._kinds]

    def _page(self, levels: Levels, width: int, repeated: int) -> Page:
        n = len(levels)
        parts = [_encoded(np.zeros(n, np.uint8), repeated)] if repeated else []
        body = b"".join(len(part).to_bytes(4, "little") + part for part in [*parts, _encoded(levels, width)])
        packed = body if self._compression is None else pa.compress(body, self._compression, asbytes=True)
        plain, rle = (_I32, _number(0)), (_I32, _number(3))
        data_page = _struct({1: (_I32, _number(n)), 2: plain, 3: rle, 4: rle})
        sizes = {2: (_I32, _number(len(body))), 3: (_I32, _number(len(packed)))}
        page = _struct({1: (_I32, _number(0)), **sizes, 5: (_STRUCT, data_page)}) + packed
        whole = len(page) - len(packed) + len(body)
        about = b"".join(b"\x16" + _number(value) for value in (n, whole, len(page)))
        return page, about + b"\x26"

    def footer(self, written: bytes, groups: Sequence[tuple[int, list[Page]]]) -> bytes:
        """The footer of a file whose row groups have these pages from these places on.

        Args:
            written: what Arrow wrote after the last row group.
            groups: of each row group, where the first page of an unfilled column stands, and all of them.
        """
        fields = _fields(_footer_of(written))
        made = [
            self._row_group(group, start, pages)
            for group, (start, pages) in zip(_items(fields[_ROW_GROUPS][1]), groups, strict=True)
        ]
        fields |= {_SCHEMA: self._schema, _ROW_GROUPS: (_LIST, _list(made)), _COLUMN_ORDERS: self._orders}
        footer = _struct(fields)
        return footer + len(footer).to_bytes(4, "little") + _MAGIC

    def _row_group(self, group: bytes, at: int, pages: list[Page]) -> bytes:
        fields = _fields(group)
        chunks: list[bytes] = [b""] * len(self._above)
        start, added = at, sum(len(page) for page, _ in pages)
        for number, head, (page, about) in zip(self.unfilled, self._heads, pages, strict=True):
            chunks[number] = b"%b%b%b\x00\x00" % (head, about, _number(at))
            at += len(page)
        filled = iter(_items(fields[_COLUMNS][1]))
        chunks = [chunk or next(filled) for chunk in chunks]
        fields[_COLUMNS] = (_LIST, _list(chunks))
        for size in (_TOTAL_BYTE_SIZE, _TOTAL_COMPRESSED_SIZE):
            if size in fields:
                fields[size] = (_I64, _number(_value(fields[size][1]) + added))
        if self.leads and _FILE_OFFSET in fields:
            fields[_FILE_OFFSET] = (_I64, _number(start))
        return _struct(fields)


class ParquetFile:
    """A Parquet file that row groups are written into; `options` are those of Arrow's writer."""

    def __init__(self, part: WholeFile, layout: Layout, metadata: dict[str, str], **options: Any) -> None:
        self._layout = layout
        self._raw = ParquetSink(part)
        self._sink = pa.BufferedOutputStream(pa.PythonFile(self._raw, mode="w"), _SINK_BYTES)
        self._writer = pq.ParquetWriter(self._sink, store_schema=False, **options)
        if metadata:
            self._writer.add_key_value_metadata(metadata)
        self._groups: list[tuple[int, list[Page]]] = []

    def write(self, group: pa.RecordBatch) -> None:
        """Append a row group.  Its columns stand one after the other, the first column of the schema first."""
        pages = self._layout.pages(group) if self._layout.unfilled else []
        if self._layout.leads:
            self._put(pages)
        self._writer.write_table(pa.Table.from_batches([group]), row_group_size=max(1, group.num_rows))
        if not self._layout.leads:
            self._put(pages)
        self._sink.flush()

    def _put(self, pages: list[Page]) -> None:
        self._groups.append((self._sink.tell(), pages))
        if pages:
            self._sink.write(b"".join([page for page, _ in pages]))

    def close(self) -> None:
        """Write the footer."""
        self._sink.flush()
        if not self._layout.unfilled:
            self._writer.close()
            self._sink.flush()
            return
        kept = self._raw.hold()
        self._writer.close()
        self._sink.flush()
        self._raw.release(self._layout.footer(bytes(kept), self._groups))

    def drop(self) -> None:
        """Let go of the file; what its sink still holds is handed on."""
        self._sink.flush()


class ParquetSink(io.RawIOBase):
    """What pyarrow's Parquet writer writes into: a WholeFile that stays open when the writer closes.

    After a write that failed nothing more is written, since Arrow tries again what its buffers hold when they end.
    """

    def __init__(self, part: WholeFile) -> None:
        self._part = part
        self._failed = False
        self._held: bytearray | None = None

    def writable(self) -> bool:
        """True."""
        return True

    def hold(self) -> bytearray:
        """Keep what comes next from the file; it is in what is given back."""
        self._held = bytearray()
        return self._held

    def release(self, data: bytes) -> None:
        """Write `data` in place of what was held."""
        self._held = None
        self.write(data)

    def write(self, data: Any) -> int:
        """Append."""
        if self._failed:
            return len(data)
        if self._held is not None:
            self._held += data
            return len(data)
        try:
            return self._part.write(data)
        except BaseException:
            self._failed = True
            raise

    def tell(self) -> int:
        """Bytes so far."""
        return self._part.bytes + len(self._held or b"")


def columns(fields: Iterable[pa.Field], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], pa.DataType]]:
    """Path and type of each column that these fields have in a Parquet file."""
    for field in fields:
        kind, path = field.type, (*above, field.name)
        if pa.types.is_struct(kind):
            yield from columns(kind, path)
        elif pa.types.is_map(kind):
            inside = (kind.key_field.with_name("key"), kind.item_field.with_name("value"))
            yield from columns(inside, (*path, "key_value"))
        elif pa.types.is_list(kind):
            yield from columns([kind.value_field.with_name("element")], (*path, "list"))
        else:
            yield path, kind


def _levels(group: pa.RecordBatch, above: tuple[str, ...]) -> Levels:
    """uint8 (n,): how many of the objects along the path `above` each record has."""
    levels = np.zeros(group.num_rows, np.uint8)
    array: Any = group
    for name in above:
        array = array.column(name) if array is group else array.field(name)
        levels += valid(array)
    return levels


def _encoded(levels: Levels, width: int) -> bytes:
    """Levels in Parquet's hybrid of run lengths and packed bits, whichever is smaller."""
    starts = np.flatnonzero(np.diff(levels, prepend=levels[:1] ^ 1))
    groups = -(-len(levels) // 8)
    if 5 * len(starts) < groups * width:  # a run takes up to 5 bytes
        lengths = np.diff(starts, append=len(levels))
        runs = zip(lengths.tolist(), levels[starts].tolist(), strict=True)
        return b"".join(_varint(length << 1) + bytes([level]) for length, level in runs)
    padded = np.zeros(groups * 8, np.uint8)
    padded[: len(levels)] = levels
    bits = padded[:, None] >> np.arange(width, dtype=np.uint8) & 1
    return _varint(groups << 1 | 1) + np.packbits(bits, bitorder="little").tobytes()


# Thrift's compact protocol: as much of it as it takes to copy fields, replace some, and add structs.


def _footer_of(data: bytes) -> bytes:
    """The metadata at the end of a Parquet file."""
    return data[-8 - int.from_bytes(data[-8:-4], "little") : -8]


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(value: int) -> bytes:
    """An i32 or i64 that is not negative."""
    return _varint(value << 1)


def _value(raw: bytes) -> int:
    return _read(raw, 0)[0] >> 1


def _read(data: bytes, at: int) -> tuple[int, int]:
    """A varint, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _end(data: bytes, at: int, kind: int) -> int:
    """Where the value of that type ends that begins at `at`."""
    if kind in _FIXED:
        return at + _FIXED[kind]
    if kind == _STRUCT:
        while head := data[at]:
            at = _end(data, at + 1 if head >> 4 else _read(data, at + 1)[1], head & 15)
        return at + 1
    if kind == _LIST:
        size, inner, at = _list_head(data, at)
        for _ in range(size):
            at = at + 1 if inner in (1, 2) else _end(data, at, inner)
        return at
    size, at = _read(data, at)
    return at + size if kind == _BINARY else at


def _list_head(data: bytes, at: int) -> tuple[int, int, int]:
    """Of a list: how many items, of which type, from where on."""
    size, inner = data[at] >> 4, data[at] & 15
    at += 1
    if size == 15:
        size, at = _read(data, at)
    return size, inner, at


def _fields(data: bytes) -> dict[int, tuple[int, bytes]]:
    """The fields of a struct, each with its type and its bytes."""
    found: dict[int, tuple[int, bytes]] = {}
    number = at = 0
    while head := data[at]:
        at += 1
        if head >> 4:
            number += head >> 4
        else:
            raw, at = _read(data, at)
            number = raw >> 1
        end = _end(data, at, head & 15)
        found[number] = head & 15, data[at:end]
        at = end
    return found


def _items(data: bytes) -> list[bytes]:
    """The items of a list of structs."""
    size, inner, at = _list_head(data, 0)
    found = []
    for _ in range(size):
        end = _end(data, at, inner)
        found.append(data[at:end])
        at = end
    return found


def _struct(fields: dict[int, tuple[int, bytes]]) -> bytes:
    """A struct of fields whose numbers are at most 15 apart."""
    out, last = [], 0
    for number in sorted(fields):
        kind, value = fields[number]
        out += [bytes([(number - last) << 4 | kind]), value]
        last = number
    return b"".join([*out, b"\x00"])


def _list(items: Sequence[bytes], kind: int = _STRUCT) -> bytes:
    head = bytes([len(items) << 4 | kind]) if len(items) < 15 else bytes([15 << 4 | kind]) + _varint(len(items))
    return head + b"".join(items)
