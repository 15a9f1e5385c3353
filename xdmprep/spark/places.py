"""Where rows come from: the file and the position in it where Spark knows them, else the partition and the position.

Spark gives the file of a row (and of a Parquet row its number) in hidden columns, which survive steps that only keep,
drop or move rows.  Other positions are counted while a task reads: from the begin of a file's block where the frame is
such a block, else from the begin of the partition.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ..core.remote import as_local, shown
from ..core.stream import Origins

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Ints = np.ndarray[Any, np.dtype[np.int64]]

#: Steps of a plan that keep every row, in the order of the file.
_KEEP = frozenset({"Project", "SubqueryAlias"})
#: Further steps that give every row at most once.
_ONCE = _KEEP | {
    "Filter", "Repartition", "RepartitionByExpression", "RebalancePartitions", "Sort", "GlobalLimit", "LocalLimit",
    "Offset",
}  # fmt: skip
#: Columns that travel behind those of the frame.  Rows of a block get their file from functions: `_metadata` knows it
#: too, but costs a copy of every row of a text format, a tenth of what reading it takes.
_FILE, _ROW, _ORDER = "_metadata.file_path", "_metadata.row_index", "order"
_BLOCK_FILE, _START = "input_file_name()", "input_file_block_start()"
#: Of Spark's monotonically_increasing_id: the partition's number stands above them, the position in it below.
PARTITION_BITS = 33


@dataclass(frozen=True)
class Placing:
    """How a frame's rows are named.

    Attributes:
        columns: what travels behind the frame's own columns, and puts rows of a frame into its order.
        named_by: those of them that name a row: file and row, file and start of its block, Spark's own number of the
            row in the frame, or none.
    """

    columns: tuple[str, ...] = ()
    named_by: tuple[str, ...] = ()


def placed(frame: DataFrame, moved: bool) -> tuple[DataFrame, Placing]:
    """The frame with columns that name its rows; `moved`: rows are going to be moved to other partitions."""
    from pyspark.sql import functions as f

    where = _file_columns(frame)
    counted = moved and where != (_FILE, _ROW)
    placing = Placing((*where, _ORDER), (_ORDER,)) if counted else Placing(where, where)
    known = {_ORDER: f.monotonically_increasing_id, _BLOCK_FILE: f.input_file_name, _START: f.input_file_block_start}
    more = [(known[name]() if name in known else f.col(name)).alias(safe_name(name)) for name in placing.columns]
    return (frame.select("*", *more) if more else frame), placing


def safe_name(column: str) -> str:
    """The name under which a column of a place travels."""
    return column.rpartition(".")[2].removesuffix("()")


def _file_columns(frame: DataFrame) -> tuple[str, ...]:
    """What Spark knows of the files whose rows the frame has; nothing where a row may occur twice."""
    steps, kind = _plan(frame)
    if kind == "parquet" and steps <= _ONCE:
        return _FILE, _ROW
    if kind in ("csv", "json", "text", "orc", "avro", "xml") and steps <= _KEEP:
        return _BLOCK_FILE, _START
    return ()


def _plan(frame: DataFrame) -> tuple[set[str], str]:
    """The steps of a frame's plan, and the kind of the files that it begins with; empty if there are none."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        frame.explain(True)
    found = re.search(r"^== Analyzed Logical Plan ==\n.*?\n(.*?)\n\n", text.getvalue(), re.MULTILINE | re.DOTALL)
    lines = found[1].splitlines() if found else []
    nodes = [match for match in (re.match(r"(?:[:+|] *-? *| )*(\w+)", line) for line in lines) if match]
    source = re.match(r"[ +:|-]*Relation (?:[\w.`]+)?\[.*\] (\w+)$", lines[-1]) if lines else None
    if source is None or len(nodes) != len(lines):
        return set(), ""
    return {node[1] for node in nodes[:-1]}, source[1].lower()


class Places(Origins):
    """The places of a partition's rows, as its batches are read."""

    def __init__(self, placing: Placing, partition: int) -> None:
        super().__init__(())
        self.highest: dict[str, int] = {}
        self._placing, self._partition = placing, partition
        self._numbers: dict[str, int] = {}
        self._starts: list[int] = []  # rows of the partition before each run
        self._runs: list[tuple[Any, Any]] = []  # number of the name and row; each an int for all, or an array
        self._count = 0
        self._last: tuple[int, int] | None = None  # name and next row of a run that may go on

    def read(self, batches: Any, columns: int) -> Iterator[pa.RecordBatch]:
        """The first `columns` columns of batches; the others say where rows come from."""
        for batch in batches:
            self._take([batch.column(at) for at in range(columns, batch.num_columns)], batch.num_rows)
            yield batch.select(range(columns))

    def _take(self, columns: list[pa.Array], rows: int) -> None:
        by = dict(zip(self._placing.columns, columns, strict=True))
        named = self._placing.named_by
        if not rows:
            return
        if _ROW in named:
            self._many(_names(by[_FILE]), by[_ROW].to_numpy(zero_copy_only=False) + 1)
        elif _ORDER in named:
            order = by[_ORDER].to_numpy(zero_copy_only=False)
            names = pa.array(order >> PARTITION_BITS).dictionary_encode()
            texts = pa.array([f"partition {number}" for number in names.dictionary.to_pylist()], pa.string())
            self._many(pa.DictionaryArray.from_arrays(names.indices, texts), (order & ((1 << PARTITION_BITS) - 1)) + 1)
        elif _START in named:
            files, starts = by[_BLOCK_FILE], by[_START].to_numpy(zero_copy_only=False)
            codes = files.dictionary_encode().indices.to_numpy(zero_copy_only=False)
            cuts = np.flatnonzero((np.diff(codes) != 0) | (np.diff(starts) != 0)) + 1
            for at, end in zip([0, *cuts.tolist()], [*cuts.tolist(), rows], strict=True):
                start = int(starts[at])
                self._run(_shown(files[at].as_py()) + (f"@{start}" if start else ""), end - at)
        else:
            self._run(f"partition {self._partition}", rows)

    def _number(self, name: str) -> int:
        number = self._numbers.setdefault(name, len(self._numbers))
        if number == len(self.names):
            self.names = (*self.names, name)
        return number

    def _run(self, name: str, rows: int) -> None:
        """Further rows, counted within `name`."""
        before = self.highest.get(name, 0)
        self.highest[name] = before + rows
        self._add(self._number(name), before + 1, rows)

    def _many(self, names: pa.DictionaryArray, rows: Ints) -> None:
        """Further rows with numbers of their own."""
        codes = names.indices.to_numpy(zero_copy_only=False)
        texts = names.dictionary.to_pylist()
        numbers = np.array([self._number(text) for text in texts], np.int32)
        for code, text in enumerate(texts):
            there = rows[codes == code]
            self.highest[text] = max(self.highest.get(text, 0), int(there.max()))
        if len(texts) == 1 and (np.diff(rows) == 1).all():
            self._add(int(numbers[0]), int(rows[0]), len(rows))
        else:
            self._add(numbers[codes], rows, len(rows))

    def _add(self, name: Any, row: Any, count: int) -> None:
        goes_on = isinstance(row, int) and self._last == (name, row)
        if not goes_on:
            self._starts.append(self._count)
            self._runs.append((name, row))
        self._count += count
        self._last = (name, row + count) if isinstance(row, int) else None

    def of(self, rows: Ints) -> tuple[pa.Array, Ints]:
        """Names (dictionary-encoded text) and row numbers for positions in the partition, counted from 1."""
        at = np.asarray(rows, np.int64) - 1
        runs = np.searchsorted(np.asarray(self._starts, np.int64), at, side="right") - 1
        codes, numbers = np.zeros(len(at), np.int32), np.zeros(len(at), np.int64)
        for run in np.unique(runs).tolist():
            here = runs == run
            inside = at[here] - self._starts[run]
            name, first = self._runs[run]
            codes[here] = name if isinstance(name, int) else name[inside]
            numbers[here] = first + inside if isinstance(first, int) else first[inside]
        return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(self.names, pa.string())), numbers

    def only(self, rows: Ints) -> Places:
        """The places of some rows alone; `rows` ascend."""
        codes, numbers = self.of(rows)
        starts = [int(row) - 1 for row in rows]
        pairs = zip(codes.indices.to_pylist(), numbers.tolist(), strict=True)
        made = Places(Placing(), self._partition)
        made.names, made._starts = self.names, starts
        made._runs = [(int(code), int(number)) for code, number in pairs]
        return made

    def ids(self, rows: Ints) -> pa.Array:
        """One text for each row, unique in the frame."""
        names, numbers = self.of(rows)
        texts = [name.removeprefix("partition ") for name in self.names]
        marks = ["-" if text != name else ":" for text, name in zip(texts, self.names, strict=True)]
        codes = names.indices.to_pylist()
        ids = [f"{texts[code]}{marks[code]}{row}" for code, row in zip(codes, numbers.tolist(), strict=True)]
        return pa.array(ids, pa.string())


def _names(files: pa.Array) -> pa.DictionaryArray:
    """The files of rows, as they are shown."""
    encoded = files.dictionary_encode()
    texts = pa.array([_shown(name) for name in encoded.dictionary.to_pylist()], pa.string())
    return pa.DictionaryArray.from_arrays(encoded.indices, texts)


def _shown(url: str) -> str:
    """A file by its path on this machine, else by its URL."""
    return shown(as_local(re.sub(r"^file:/+", "file:///", url)))
