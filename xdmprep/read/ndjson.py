"""JSON records as a source to map: JSON lines or one JSON array.

The columns come from the first records (8 MiB of text): a column takes every value found at its path. A later value
that does not fit its column is null and a finding (`unfit`), which counts where the column is mapped. Where the records
are written as they are, the columns come from all of them (:attr:`Stream.whole`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.ndjson.blocks import LineBlock, Skipped, open_blocks
from ..core.ndjson.fields import MAX_NOTES, Seen, kind_of
from ..core.ndjson.lines import BlockLines
from ..core.ndjson.strict import WrittenNumber
from ..core.paths import Path as Steps
from ..core.paths import format_path
from ..core.shred import Leaf, column_leaves
from ..core.signatures import other_kind, what_it_is
from ..core.stream import Chunk, Finding, Stream, Unlike, Unread
from ..errors import NoRowsError, SourceError
from ..kernels import json_columns as kinds
from ..kernels.json_columns import JsonNode

#: Text that the columns are learned from.
SAMPLE_BYTES = 8 << 20
#: Text read at a time.
BLOCK_BYTES = 8 << 20
#: Of more columns, less text is read at a time.
MANY_COLUMNS = 500
#: Records that are learned from one by one; of the others only those that do not fit.
FIRST = 64


@dataclass(frozen=True)
class LearnedColumns:
    """What was learned from the first records.

    Attributes:
        tree: the columns.
        unlike: the places whose values become text because their types differ, each with these.
        complete: whether the columns come from all records.
    """

    tree: JsonNode
    unlike: tuple[str, ...] = ()
    complete: bool = True


def read_ndjson(path: str | os.PathLike[str], columns: LearnedColumns | None = None) -> Stream:
    """The records of a file of JSON lines or of one JSON array, nested as they are.

    Args:
        path: the file.
        columns: its columns; None learns them from the first records.

    Raises:
        SourceError: the file is missing, empty, compressed or UTF-16, or has no record among the first.
    """
    file = Path(path)
    open_blocks(file)  # it can be read at all
    columns = columns or learned([file])
    tree = columns.tree
    blocks = open_blocks(file, max(BLOCK_BYTES * MANY_COLUMNS // max(len(tree.names), MANY_COLUMNS), 1 << 14))
    leaves = column_leaves(_schema(tree))
    steps = (partial(_parse, tree=tree, leaves=leaves),)
    unlike: Unlike | None = partial(list, columns.unlike) if columns.unlike else None
    whole = None if columns.complete else partial(_read_whole, file)
    return Stream(blocks, steps, leaves, _schema(tree), file.name, file.stat().st_size, unlike=unlike, whole=whole)


def _read_whole(file: Path) -> Stream:
    return read_ndjson(file, learned([file], whole=True))


def learned(files: Sequence[Path], whole: bool = False) -> LearnedColumns:
    """The columns for the records of some files that are read alike; from all records if `whole`, else the first."""
    learner = _Learner()
    sample_bytes = None if whole else max(SAMPLE_BYTES // len(files), 1 << 16)
    records, complete = 0, True
    for number, file in enumerate(files, 1):
        try:
            count, whole_file = learner.file(file, sample_bytes)
        except NoRowsError:
            if number == len(files) and not records:
                raise
            continue
        if count == 1 and (kind := _is_error(file)):
            raise SourceError(f"{file}: is {kind}.")
        records, complete = records + count, complete and whole_file
    columns = learner.seen.record_to_map(records)
    return LearnedColumns(columns, tuple(islice(learner.seen.unlike(), MAX_NOTES)), complete)


def _is_error(file: Path) -> str | None:
    with file.open("rb") as opened:
        kind = what_it_is(opened.read(1 << 16))
    return kind if kind and "tells of an error" in kind else None


class _Learner:
    """Learns what records hold: from some one by one, and from the others only where they do not fit these."""

    def __init__(self) -> None:
        self.seen = Seen()
        self._tree: JsonNode | None = None

    def file(self, file: Path, sample_bytes: int | None) -> tuple[int, bool]:
        """Learn from the beginning of a file, or from all of it; gives how many records, and whether these were all."""
        records = size = before = 0
        fault: Unread | None = None
        complete = True
        for block in open_blocks(file, min(BLOCK_BYTES, sample_bytes or BLOCK_BYTES))():
            if sample_bytes is not None and size >= sample_bytes and records:
                complete = False
                break
            if isinstance(block, Skipped):
                unread, lines = (block.unread,), block.lines
            else:
                of_block = BlockLines(block)
                records += self._block(of_block)
                read = of_block.read()
                unread, lines = read["unread"], read["lines"]
                size += block.size
            if fault is None and unread:
                fault = unread[0].shift(0, before)
            before += lines
        reason = "" if fault is None else f" The first that is none: {fault.finding().message}."
        if not records:
            with file.open("rb") as opened:
                kind = other_kind(opened.read(4096))
            if kind and not kind.startswith("it is JSON"):
                raise SourceError(f"{file}: has no JSON objects: {kind}.")
            error = NoRowsError if fault is None else SourceError
            raise error(f"{file}: has no JSON objects, neither one a line nor in one array.{reason}")
        if not self.seen.inside:
            raise SourceError(f"{file}: its records have no fields.{reason}")
        return records, complete

    def _block(self, lines: BlockLines) -> int:
        """Learn what the lines of a block hold; gives the number of records."""
        records = 0
        pending, many = lines.all, FIRST
        while len(pending):
            if self._tree is not None:
                parsed = lines.parse(pending, self._tree, kinds.LEARN)
                status = parsed.status
                records += int(np.count_nonzero(status == kinds.GOOD))
                if not self._tree.kinds.isdisjoint((kinds.INTEGER, kinds.NUMBER_TEXT)):
                    _learn_long(parsed.root.whole(), self._tree, self.seen)
                pending = pending[(status == kinds.UNLIKE) | (status == kinds.EXACT)]
            some, pending, many = pending[:many], pending[many:], 2 * many
            for line in some[lines.filled[some]].tolist():
                if (value := lines.record(line, written=True)) is not None:
                    self.seen.learn(value)
                    records += 1
            if len(some) and (tree := self.seen.record_to_learn()) != self._tree:
                self._tree = tree
        return records


def _learn_long(values: pa.Array, node: JsonNode, seen: Seen) -> None:
    """Learn the kinds of numbers that fit their columns: integers that doubles may not hold, and those beside them."""
    if node.kind == kinds.INTEGER:
        ends = pc.min_max(values).as_py()
        some = [end for end in ends.values() if end is not None]
    elif node.kind == kinds.NUMBER_TEXT:
        some = [int(text) for text in values.filter(pc.match_substring_regex(values, _LONG)).unique().to_pylist()]
        others = {_SHORT: 0, _FRACTION: 0.5}
        some += [each for regex, each in others.items() if pc.any(pc.match_substring_regex(values, regex)).as_py()]
    else:
        if node.kind == kinds.OBJECT:
            for name, part, child in zip(node.names, values.flatten(), node.children, strict=True):
                _learn_long(part, child, seen.inside.setdefault(name, Seen()))
        elif node.kind == kinds.ARRAY:
            seen.items = seen.items or Seen()
            _learn_long(values.flatten(), node.children[0], seen.items)
        elif node.kind == kinds.MAP:  # what its keys hold is taken together anyway
            _learn_long(values.items, node.children[1], next(iter(seen.inside.values())))
        return
    for kind in map(kind_of, some):
        seen.kinds.setdefault(kind, 1)


#: Texts of integers that may be beyond 2^53, of other integers, and of other numbers.
_LONG, _SHORT, _FRACTION = "^-?[0-9]{16,}$", "^-?[0-9]{1,15}$", "[.eE]"


def _parse(block: LineBlock | Skipped, tree: JsonNode, leaves: tuple[Leaf, ...]) -> Chunk:
    if isinstance(block, Skipped):
        empty = pa.RecordBatch.from_arrays([pa.array([], field.type) for field in tree.fields], schema=_schema(tree))
        none = np.zeros(0, np.int64)
        return Chunk(leaves, empty, none, (), (block.unread,), empty, 1, block.lines, block.size)
    lines = BlockLines(block)
    parsed = lines.parse(lines.all, tree, kinds.MAPPED)
    taken = parsed.status == kinds.GOOD
    slow: list[int] = []
    misfits: _Misfits = {}
    values: list[Any] = []
    left = lines.all[~taken & lines.filled[lines.all]]
    for line in [*left.tolist(), *sorted(lines.without_comma)]:
        if (value := lines.record(line, written=True)) is not None:
            values.append(_fit(value, tree, (), int(lines.rows[line]), misfits))
            slow.append(line)
    columns = [column.whole() for column in parsed.root.children]
    numbers = lines.all[taken]
    if values:
        more = pa.array(values, tree.type)
        columns = [pa.concat_arrays([a, b]) for a, b in zip(columns, more.flatten(), strict=True)]
        numbers = np.concatenate([numbers, np.asarray(slow, np.int64)])
        order = np.argsort(numbers)
        numbers, places = numbers[order], pa.array(order)
        columns = [column.take(places) for column in columns]
    batch = pa.RecordBatch.from_arrays(columns, schema=_schema(tree))
    issues = tuple(
        Finding("unfit", format_path(path), message, np.array(rows), pa.array(texts, pa.string()), str(path[0]))
        for (path, message), (rows, texts) in misfits.items()
    )
    return Chunk(leaves, batch, lines.rows[numbers], issues, source=batch, **lines.read())


def _schema(tree: JsonNode) -> pa.Schema:
    return pa.schema(tree.fields)


#: What does not fit, by place and message: rows and the values as text.
_Misfits = dict[tuple[Steps, str], tuple[list[int], list[str]]]


def _fit(value: Any, node: JsonNode, path: Steps, row: int, misfits: _Misfits) -> Any:
    """A value for the column of its place; None, and one more misfit, where it does not fit."""

    def unfit(path: Steps, value: Any, message: str) -> None:
        rows, texts = misfits.setdefault((path, message), ([], []))
        rows.append(row)
        texts.append(_shown(value))

    if value is None:
        return None
    kind = kind_of(value)
    if node.kind == kinds.OBJECT and kind == "object":
        places = zip(node.names, node.children, strict=True)
        if path and value.keys() > set(node.names) & value.keys():
            for name in sorted(value.keys() - set(node.names)):
                if value[name] is not None:
                    unfit((*path, name), value[name], "is in no object of the first records")
        return {name: _fit(value.get(name), child, (*path, name), row, misfits) for name, child in places}
    if node.kind == kinds.MAP and kind == "object":
        there = ((key, item) for key, item in value.items() if item is not None)
        return [(key, _fit(item, node.children[1], (*path, key), row, misfits)) for key, item in there]
    if node.kind == kinds.ARRAY and kind == "array":
        return [_fit(item, node.children[0], (*path, number), row, misfits) for number, item in enumerate(value)]
    if node.type == pa.string():
        return _shown(value)
    if node.kind == kinds.BOOLEAN and kind == "boolean":
        return value
    if node.kind in (kinds.INTEGER, kinds.NUMBER) and kind in ("integer", "long", "number", "digits"):
        fitted = int(value) if node.kind == kinds.INTEGER else float(value)
        if fitted == value and (node.kind == kinds.NUMBER or -(2**63) <= fitted < 2**63):
            return fitted
    unfit(path, value, f"is not {_WORDS[node.kind]} as in the first records")
    return None


def _shown(value: Any) -> str:
    """A value as text: of a number all digits that are written."""
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    if isinstance(value, WrittenNumber):
        return value.text
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_json(name)}: {_json(item)}' for name, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_json, value))}]"
    return json.dumps(value, ensure_ascii=False)


_WORDS = {
    kinds.BOOLEAN: "a boolean", kinds.INTEGER: "an integer of 64 bits", kinds.NUMBER: "a double",
    kinds.OBJECT: "an object", kinds.MAP: "an object", kinds.ARRAY: "an array",
}  # fmt: skip
