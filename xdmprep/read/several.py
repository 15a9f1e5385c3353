"""Several files as one source: lists of paths, folders and globs.

Files are read one after the other, in the order given; those of a folder or glob in the order of their names.  Headers
may differ in order.  A column that one file lacks is null in its rows; whether a mapping may read such a column is for
the mapping to decide (:class:`~xdmprep.core.stream.Origins` knows which files lack it).
"""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import lru_cache, partial, reduce
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa

from ..core.arrow_types import held_column, held_rows, joined_batches, plain_type
from ..core.documents import exists, files_below, is_file, is_folder, why_no_file
from ..core.manifest import NAME, Manifest
from ..core.ndjson.fields import MAX_NOTES
from ..core.packed import ENDINGS as PACKED
from ..core.packed import ending
from ..core.remote import RemoteError, as_local, is_elsewhere, is_remote, shown
from ..core.remote import expand as listed
from ..core.shred import Leaf, column_leaves, conform
from ..core.stream import Chunk, Origins, Stream, pieces_of, reading
from ..errors import NoRowsError, SourceError, counted, shorten
from .csv import CsvBlock, joined

#: Endings of the files that a folder is searched for; each kind may be compressed.
KINDS = {
    ".csv": "CSV", ".tsv": "CSV", ".tab": "CSV", ".txt": "CSV", ".json": "JSON", ".jsonl": "JSON", ".ndjson": "JSON",
    ".parquet": "Parquet", ".pq": "Parquet", ".xlsx": "Excel", ".xlsm": "Excel",
    ".arrow": "Arrow", ".arrows": "Arrow", ".feather": "Arrow", ".ipc": "Arrow",
}  # fmt: skip
#: Endings of other files of tables, which a folder is not read without.
OTHERS = frozenset((".xls", ".xlsb", ".ods", ".numbers", ".avro", ".orc", ".sas7bdat", ".sav", ".dta", ".rds", ".pkl"))
#: Beginnings of names that are hidden, or that programs keep for themselves.
_HIDDEN = (".", "_", "~$")
#: Files without rows that programs leave in folders of data; no one needs to hear that they are not read.
_MARKS = ("_SUCCESS", "_committed_*", "_started_*", ".*.crc", ".DS_Store", "Thumbs.db", "desktop.ini", "~$*")
_MAGIC = "*?["

#: Files of no more bytes come together into one chunk, of about as many bytes at most.
SMALL_FILE, TOGETHER = 2 << 20, 5 << 20

#: The number of a file, and a piece of it.
_Piece = tuple[int, Any]


def expand(source: Any, others: list[str] | None = None) -> list[str] | None:
    """The files that a list of paths, a folder or a glob stands for; None if `source` is none of these.

    `others` takes the files of folders that are not read for their names.
    """
    others = [] if others is None else others
    if isinstance(source, list | tuple):
        if not source or not all(isinstance(one, str | os.PathLike) for one in source):
            return None
        return [file for one in source for file in (expand(one, others) or [os.fspath(one)])]
    if not isinstance(source, str | os.PathLike):
        return None
    text = os.fspath(as_local(source))
    if is_remote(text):
        return _elsewhere(text, others)
    if is_folder(text):
        return _in_folder(Path(text), others)
    if any(sign in text for sign in _MAGIC) and not exists(text):
        folder, name = os.path.split(text)
        pattern = os.path.join(glob.escape(folder), name) if is_folder(folder) else text  # noqa: PTH118
        names = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207
        found = [file for name in names for file in _matching(name, "**" in text, others)]
        if not found:
            raise SourceError(f"{text}: no file matches. Check the folder and the ending.")
        return found
    return None


def kind_of(file: Path) -> str | None:
    """``CSV``, ``JSON``, ``Parquet``, ``Excel`` or ``Arrow`` by the ending, compressed or not; None for others."""
    return KINDS.get(ending(file.name))


def fingerprint(source: Any, stream: Stream) -> dict[str, Any]:
    """The identity of an input: of files name, size and time of change, else the columns."""
    source = as_local(source)
    files = None if isinstance(source, str) and is_elsewhere(source) else expand(source)
    if files is None and isinstance(source, str | os.PathLike):
        files = [os.fspath(source)]
    if not files or any(is_elsewhere(file) or not exists(file) for file in files):
        return {"name": stream.name, "columns": str(stream.arrow_schema), "bytes": stream.total_bytes}
    stats = [(file, Path(file).stat()) for file in files]
    if len(stats) == 1:
        return {"name": stream.name, "bytes": stats[0][1].st_size, "modified": stats[0][1].st_mtime_ns}
    return {"name": stream.name, "files": [[file, stat.st_size, stat.st_mtime_ns] for file, stat in stats]}


def not_read(others: Sequence[str]) -> str:
    """What is said of the files of folders that are not read for their names."""
    few = ", ".join(shorten(name, 200) for name in others[:3])
    more = f" and {len(others) - 3:,} more" if len(others) > 3 else ""
    return (
        f"{counted(len(others), 'file')} not read, hidden or without the ending of a data file: {few}{more}. "
        "A glob reads them."
    )


def _matching(name: str, deep: bool, others: list[str]) -> list[str]:
    """What a name that a glob gave stands for: itself, or the files of a folder, unless the glob goes into it."""
    if is_folder(name):
        return [] if deep else _in_folder(Path(name), others, needed=False)
    if why := why_no_file(name):
        raise SourceError(f"{name}: {why}.")
    return [name] if is_file(name) and not Path(name).name.startswith("~$") else []


def _in_folder(folder: Path, others: list[str], needed: bool = True) -> list[str]:
    """The data files below a folder; of an output folder of ours its parts."""
    if exists(folder / NAME):
        return [str(folder / file.name) for file in Manifest.load(folder).files]
    rest: list[str] = []
    files = files_below(
        folder, lambda name: bool(_kind_in_folder(name)), SourceError, lambda name: not _hidden(name), rest
    )
    return _of_one_kind([*map(str, files), *sorted(rest)], str(folder), others, needed)


def _elsewhere(url: str, others: list[str]) -> list[str] | None:
    """The data files that the URL of a folder or glob stands for; None for the URL of a file."""
    try:
        found = listed(url)
    except RemoteError as error:
        raise SourceError(f"{shown(url)}: {error}.") from None
    if found is None:
        return None
    place = shown(url)
    if place.endswith("/"):
        return _of_one_kind(found, place.rstrip("/"), others)
    if not found:
        raise SourceError(f"{place}: no file matches. Check the folder and the ending.")
    return found


def _hidden(name: str) -> bool:
    return name.startswith(_HIDDEN)


@lru_cache(1024)  # asked several times a file
def _kind_in_folder(name: str) -> str | None:
    """As :func:`kind_of` for a file of a folder; empty for an archive of an unknown kind, None for hidden files."""
    if _hidden(name):
        return None
    last = Path(name).suffix.lower()
    return kind_of(Path(name)) or (last if last in OTHERS else "archive" if last in PACKED else None)


def _of_one_kind(files: Sequence[str], folder: str, others: list[str], needed: bool = True) -> list[str]:
    """The data files of a folder; hidden ones and those of no kind go to `others`.

    What is in an archive is known when it is opened.
    """
    rest: list[str] = []
    kinds: dict[str, list[str]] = {}
    for file in files:
        *above, name = Path(shown(file)[len(folder) :]).parts
        kind = None if any(map(_hidden, above)) else _kind_in_folder(name)
        if kind:
            kinds.setdefault(kind, []).append(file)
        elif not any(fnmatchcase(name, mark) for mark in _MARKS):
            rest.append(shown(file))
    archives = kinds.pop("archive", [])
    if needed and not kinds and not archives:
        seen = f" {not_read(rest)}" if rest else ""
        raise SourceError(f"{folder}: is a folder without CSV, JSON, Parquet, Excel or Arrow files.{seen}")
    others += rest
    if len(kinds) > 1:
        counts = " and ".join(f"{len(some)} {kind}" for kind, some in kinds.items())
        raise SourceError(
            f"{folder}: is a folder with {counts} files. Say which with a glob, such as '{folder}/*.csv'."
        )
    wanted = {*archives, *next(iter(kinds.values()), ())}
    return [file for file in files if file in wanted]


def partitions(file: str) -> dict[str, str | None]:
    """The columns that the names of a file's folders give, as in ``year=2024/month=05/a.parquet``."""
    place = shown(file).partition("?")[0]
    found = (folder.partition("=") for folder in Path(place).parts[:-1])
    return {
        unquote(name): None if value in ("", "__HIVE_DEFAULT_PARTITION__") else unquote(value)
        for name, sign, value in found
        if name and sign
    }


def read_files(files: Sequence[str], open_file: Callable[[str], Stream]) -> Stream:
    """The rows of several files as one stream; files without rows add nothing, not even columns.

    Args:
        files: their paths; a path may occur once.
        open_file: opens one of them.

    Raises:
        SourceError: a file cannot be read, is named twice, none has rows, or a column's types cannot be joined.
    """
    _refuse_twice(files)
    opened: dict[int, tuple[str, Stream]] = {}
    for number, file in enumerate(files):
        try:
            opened[number] = file, open_file(file)
        except NoRowsError:
            if len(files) == 1:
                raise
    if not opened:
        raise NoRowsError(f"none of the {len(files)} files has rows.")
    schema, unlike, clashes = _joined([*opened.values()])
    own = set(schema.names)
    places = {
        number: {name: value for name, value in partitions(file).items() if name not in own}
        for number, (file, _) in opened.items()
    }
    for name in dict.fromkeys(name for place in places.values() for name in place):
        schema = schema.append(pa.field(name, pa.string()))
    names = set(schema.names)
    streams = {number: stream for number, (_, stream) in opened.items()}
    absent = {
        number: frozenset(names.difference(stream.arrow_schema.names, places[number]))
        for number, stream in streams.items()
    }
    lacking = {number: columns for number, columns in absent.items() if columns}
    leaves = column_leaves(schema)
    sizes = [stream.total_bytes for stream in streams.values()]
    rest = len(files) - 1
    joiner = _Joiner(streams, places, leaves, schema, clashes)
    first = next(iter(streams.values()))
    return Stream(
        source=lambda: iter(streams.items()),
        steps=(joiner,),
        leaves=leaves,
        arrow_schema=schema,
        name=f"{first.name} and {rest} more file{'s' if rest > 1 else ''}" if rest else first.name,
        total_bytes=None if None in sizes else sum(size or 0 for size in sizes),
        unlike=partial(_unlike, unlike, [*streams.values()]),
        whole=next((stream.whole for stream in streams.values() if stream.whole is not None), None),
        origins=Origins([*map(shown, files)], lacking),
        narrowed=joiner.reading,
        gather=_pieces,
    )


def _refuse_twice(files: Sequence[str]) -> None:
    """Refuse files that are one and the same, perhaps by links."""
    seen: dict[object, str] = {}
    for file in files:
        key = _identity(file)
        if key in seen:
            how = "is given twice" if seen[key] == file else f"is the same file as {shown(seen[key])}"
            raise SourceError(f"{shown(file)}: {how}. Its rows would be written twice.")
        seen[key] = file


def _identity(file: str) -> object:
    """What a file has in common with itself under another name."""
    try:
        stat = None if is_elsewhere(file) else Path(as_local(file)).stat()
    except (OSError, ValueError):
        stat = None
    return (stat.st_dev, stat.st_ino) if stat is not None and stat.st_ino else file


def _unlike(joined: Sequence[str], streams: Sequence[Stream]) -> list[str]:
    """The places whose values became text: within files, where each tells the same if they share their columns."""
    notes = [text for stream in streams if stream.unlike is not None for text in stream.unlike()]
    return list(dict.fromkeys([*notes, *joined]))[:MAX_NOTES]


def _joined(opened: Sequence[tuple[str, Stream]]) -> tuple[pa.Schema, list[str], dict[str, str]]:
    """The columns of all files; which became text since their types differ; why no type holds others."""
    fields: dict[str, pa.Field] = {}
    first: dict[str, tuple[str, pa.DataType]] = {}
    unlike: dict[str, str] = {}
    clashes: dict[str, str] = {}
    schemas: dict[int, tuple[str, pa.Schema]] = {}
    for file, stream in opened:
        schemas.setdefault(id(stream.arrow_schema), (file, stream.arrow_schema))
    for file, schema in schemas.values():
        for field in schema:
            known = fields.setdefault(field.name, field)
            where, kind = first.setdefault(field.name, (shown(file), field.type))
            if not known.equals(field, check_metadata=True):
                joined = _common(known.type, field.type)
                if joined is None:
                    clashes[field.name] = (
                        f"column {field.name!r} is {kind} in {where} and {field.type} in {shown(file)}. "
                        "Prepare the files one by one, or bring them to one type."
                    )
                    continue
                nothing = pa.types.is_null(known.type) or pa.types.is_null(field.type)
                if not (nothing or known.type.equals(field.type)) and pa.types.is_string(joined):
                    here = f"{field.name!r} holds {kind} in {where} and {field.type} in {shown(file)}"
                    unlike.setdefault(field.name, here)
                fields[field.name] = pa.field(field.name, joined)
    often = {name for _, schema in schemas.values() for name, times in Counter(schema.names).items() if times > 1}
    twice = [name for name in fields if name in often]
    for name in clashes:
        fields[name] = pa.field(name, pa.null())
    return pa.schema([fields[name] for name in [*fields, *twice]]), [*unlike.values()], clashes


def _common(a: pa.DataType, b: pa.DataType) -> pa.DataType | None:
    """The type that holds the values of both without loss; None if there is none."""
    types = pa.types
    if a.equals(b):
        return plain_type(a)
    if types.is_null(a) or types.is_null(b):
        return b if types.is_null(a) else a
    if types.is_struct(a) and types.is_struct(b):
        fields: dict[str, pa.DataType | None] = {field.name: field.type for field in a}
        for field in b:
            known = fields.get(field.name)
            fields[field.name] = field.type if known is None else _common(known, field.type)
        return None if None in fields.values() else pa.struct(list(fields.items()))
    if types.is_list(a) and types.is_list(b):
        inner = _common(a.value_type, b.value_type)
        return None if inner is None else pa.list_(inner)
    if types.is_map(a) and types.is_map(b):
        inner = _common(a.item_type, b.item_type)
        return None if inner is None else pa.map_(pa.string(), inner)
    if types.is_integer(a) and types.is_integer(b):
        return pa.string() if types.is_uint64(a) or types.is_uint64(b) else pa.int64()
    if types.is_timestamp(a) and types.is_timestamp(b):  # as text each keeps its zone, and so its day
        return pa.string()
    if types.is_decimal(a) and types.is_decimal(b):
        scale = max(a.scale, b.scale)
        digits = max(a.precision - a.scale, b.precision - b.scale) + scale
        return pa.decimal128(digits, scale) if digits <= 38 else pa.decimal256(min(digits, 76), scale)
    numbers = [kind for kind in (a, b) if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)]
    if len(numbers) == 2 and all(pa.types.is_floating(kind) for kind in numbers):
        return pa.float64()
    for text, other in ((a, b), (b, a)):
        if types.is_string(text) and (len(numbers) == 1 or types.is_boolean(other) or types.is_temporal(other)):
            return text
    return pa.string() if len(numbers) == 2 else None


def _pieces(
    streams: Iterable[tuple[int, Stream]], only: frozenset[str] | None = None, whole: bool = False
) -> Iterator[list[_Piece]]:
    """The pieces of all files; those of small files together, since each chunk takes a fixed time through all steps."""
    held: list[_Piece] = []
    size = 0
    for number, stream in streams:
        small = stream.total_bytes is not None and stream.total_bytes <= SMALL_FILE
        if held and (not small or size + (stream.total_bytes or 0) > TOGETHER):
            yield held
            held, size = [], 0
        for piece in pieces_of(reading(stream, only, whole)):
            if small:
                held.append((number, piece))
            else:
                yield [(number, piece)]
        size += stream.total_bytes or 0 if small else 0
    if held:
        yield held


@dataclass(frozen=True)
class _Joiner:
    """The step that makes chunks of the pieces of one or several of the files, with the columns of all.

    Attributes:
        streams: of each file, by its number.
        places: of each file, by its number, the columns that the names of its folders give.
        leaves, schema: the columns of all files.
        clashes: columns that are read from no file since their types differ, and why.
        narrow: whether they may be left out.
    """

    streams: dict[int, Stream]
    places: dict[int, dict[str, str | None]]
    leaves: tuple[Leaf, ...]
    schema: pa.Schema
    clashes: dict[str, str]
    narrow: bool = False

    def reading(self, names: frozenset[str]) -> _Joiner:
        """The same for those who read some columns; SourceError if the types of one of them differ."""
        self._refuse(names)
        streams = {number: reading(stream, names) for number, stream in self.streams.items()}
        return replace(self, streams=streams, narrow=True)

    def _refuse(self, names: Iterable[str]) -> None:
        for name in names:
            if name in self.clashes:
                raise SourceError(self.clashes[name])

    def __call__(self, pieces: list[_Piece]) -> Chunk:
        if not self.narrow:
            self._refuse(self.clashes)
        made = []
        for numbers, value in self._runs(pieces):
            chunk: Chunk = reduce(lambda made, step: step(made), self.streams[numbers[0]].steps, value)
            records = self._with_columns(chunk.records, numbers[0])
            source = records if chunk.source is chunk.records else chunk.source
            if source is not None and source is not records:
                source = self._with_columns(source, numbers[0])
            counts = chunk.files or ((0, chunk.consumed),)
            files = tuple((numbers[at], rows) for at, rows in counts)
            made.append(replace(chunk, leaves=self.leaves, records=records, source=source, files=files))
        return made[0] if len(made) == 1 else _together(made)

    def _runs(self, pieces: list[_Piece]) -> Iterator[tuple[list[int], Any]]:
        """The pieces with the numbers of their files; whole CSV files of one shape and place as one piece."""

        def alike(piece: _Piece) -> Any:
            number, value = piece
            whole = isinstance(value, CsvBlock) and value.whole
            return id(self.streams[number].steps), [*self.places[number].items()], whole

        for _, run in groupby(pieces, alike):
            numbers, values = map(list, zip(*run, strict=True))
            if len(values) > 1 and isinstance(values[0], CsvBlock) and values[0].whole:
                yield numbers, joined(values)
            else:
                yield from (([number], value) for number, value in zip(numbers, values, strict=True))

    def _with_columns(self, batch: pa.RecordBatch, number: int) -> pa.RecordBatch:
        left = list(zip(batch.schema.names, batch.columns, strict=True))  # a name may occur twice
        columns = []
        for field in self.schema:
            at = next((number for number, (name, _) in enumerate(left) if name == field.name), None)
            if at is None:
                text = self.places[number].get(field.name)
                none = pa.nulls(batch.num_rows, field.type)
                columns.append(none if text is None else pa.repeat(text, batch.num_rows))
                continue
            _, column = left.pop(at)
            if field.name in self.clashes:
                column = pa.nulls(batch.num_rows)
            fits = plain_type(column.type) == field.type
            columns.append(column if fits else conform(held_column(column)[0], field.type))
        return pa.RecordBatch.from_arrays(columns, names=self.schema.names)


def _together(chunks: list[Chunk]) -> Chunk:
    """Chunks of whole files as one."""
    rows = lines = 0
    file = -1
    moved: list[Chunk] = []
    for chunk in chunks:
        lines = lines if chunk.files[0][0] == file else 0
        file = chunk.files[-1][0]
        moved.append(chunk.shift(rows, lines))
        rows, lines = rows + chunk.consumed, lines + chunk.lines
    records = joined_batches([held_rows(chunk.records) for chunk in chunks])
    alike = all(chunk.source is chunk.records for chunk in chunks)
    sources = [held_rows(chunk.source) for chunk in chunks if chunk.source is not None and not alike]
    return Chunk(
        chunks[0].leaves, records, np.concatenate([chunk.rows for chunk in moved]),
        tuple(issue for chunk in moved for issue in chunk.issues),
        tuple(unread for chunk in moved for unread in chunk.unread),
        records if alike else joined_batches(sources) if len(sources) == len(chunks) else None,
        consumed=rows, lines=lines, size=sum(chunk.size for chunk in chunks),
        files=tuple(entry for chunk in chunks for entry in chunk.files),
    )  # fmt: skip
