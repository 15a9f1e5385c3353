"""Views of columns for checks: a view is one object, array or value of all records of a chunk at once.

A record comes *shredded*, one column per leaf, and a leaf may be a nested Arrow column.  A :class:`LeafView` is an
object or array above the leaves, a :class:`ColumnView` a leaf or a part of one; both answer the same questions.  A
*shape* is the type of a view, known before there are values: checks are compiled for it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.arrow_types import is_list
from ..core.paths import EVERY, Path, format_path
from ..core.shred import Leaf, nest, plain, valid
from ..core.stream import Finding
from ..kernels.arrays import Mask, Positions
from .arrow_kinds import json_kind, lengths, map_entries, presence, to_json_values
from .messages import Failure
from .ruleset import Rules
from .value_tests import texts_at

#: Step of a path for the values of a map.
ANY_KEY = "{*}"

#: More different paths than this in one finding are shown with ``[*]`` instead of the index or key.
MAX_PATHS = 256


@dataclass(frozen=True)
class SchemaPath:
    """The place of a check: its path with ``[*]`` and ``{*}``, and the source column."""

    path: Path
    column: str | None = None

    def child(self, step: str | int, column: str | None = None) -> SchemaPath:
        """The path one step below."""
        return SchemaPath((*self.path, step), column or self.column)


# ---- shapes ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ColumnShape:
    """An Arrow type; of a leaf also the leaf and its number."""

    type: pa.DataType
    leaf: Leaf | None = None
    number: int = -1

    @cached_property
    def kind(self) -> str:
        """The JSON type of the values."""
        return json_kind(self.type)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The leaf's number."""
        return (self.number,)

    @property
    def is_map(self) -> bool:
        """Whether it is an object whose keys are data."""
        return bool(pa.types.is_map(self.type))

    @property
    def elements(self) -> ColumnShape:
        """The shape of the items of a list or the values of a map."""
        return ColumnShape(self.type.item_type if self.is_map else self.type.value_type)

    def fields(self) -> Iterator[tuple[str | int, Shape]]:
        """The fields of a struct."""
        for inner in self.type:
            yield inner.name, ColumnShape(inner.type)


@dataclass(frozen=True, eq=False)
class LeafShape:
    """An object or array above leaves: the shapes of its fields by name, or of its elements by index."""

    below: dict[str | int, Shape] = field(default_factory=dict)
    type: None = None
    leaf: None = None
    is_map = False

    @classmethod
    def of(cls, leaves: tuple[Leaf, ...]) -> LeafShape:
        """The shape of records with some leaves."""
        root = cls()
        for number, leaf in enumerate(leaves):
            here = root
            for step in leaf.path[:-1]:
                here = here.below.setdefault(step, cls())  # type: ignore[assignment]
            here.below[leaf.path[-1]] = ColumnShape(leaf.type, leaf, number)
        return root

    @cached_property
    def kind(self) -> str:
        """The JSON type of the values."""
        return "array" if self.below and all(isinstance(step, int) for step in self.below) else "object"

    @cached_property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of all leaves below."""
        return tuple(number for inner in self.below.values() for number in inner.numbers)

    def fields(self) -> Iterable[tuple[str | int, Shape]]:
        """The fields of an object, or the elements of an array by their index."""
        return self.below.items()


Shape = ColumnShape | LeafShape


# ---- views ----------------------------------------------------------------------------------------------------------


class ColumnView:
    """A column, or a part of a nested one.

    Attributes:
        array: the values.
        columns: the chunk that it belongs to.
        rows: position of the chunk's row for each value; None means value i is of row i.
        labels: for each ``[*]`` or ``{*}`` of the path the index (numpy) or key (Arrow) of each value.
        number: of a whole leaf its number, else -1.
    """

    __slots__ = ("_elements", "_inside", "array", "columns", "labels", "number", "rows")

    def __init__(
        self, array: pa.Array, columns: ChunkColumns, rows: Positions | None = None, labels: tuple[Any, ...] = (),
        number: int = -1,
    ) -> None:  # fmt: skip
        self.array, self.columns, self.rows, self.labels, self.number = array, columns, rows, labels, number
        #: made on first use, and shared by all checks
        self._inside: list[ColumnView] | None = None
        self._elements: ColumnView | None = None

    def __len__(self) -> int:
        return len(self.array)

    def rows_at(self, positions: Positions) -> Positions:
        """The rows of some positions."""
        return positions if self.rows is None else self.rows[positions]

    def present(self) -> Mask | None:
        """Where there is a value, a JSON null included; None means everywhere."""
        if self.number >= 0:
            return self.columns.present(self.number)
        keep = self.columns.keep_empty
        if self.array.null_count == 0 and (keep or not pa.types.is_nested(self.array.type)):
            return None
        return presence(self.array, keep)

    def valued(self) -> Mask:
        """Where there is a value other than null."""
        return presence(self.array, self.columns.keep_empty)

    def nulls(self) -> Mask | None:
        """Where there is a JSON null; None means nowhere."""
        return self.columns.nulls.get(self.number)

    def child(self, name: str | int) -> ColumnView | None:
        """The field of a struct or map column, None if it has none of that name."""
        if pa.types.is_map(self.array.type):
            keys, items, parents = map_entries(self.array)
            here = np.flatnonzero(np.asarray(pc.equal(keys, name)))
            at = np.full(len(self), -1, np.int64)
            at[parents[here]] = here
            found = items.take(pa.array(at, mask=at < 0))
            return ColumnView(found, self.columns, self.rows, self.labels) if len(here) else None
        number = self.array.type.get_field_index(name)
        return None if number < 0 else self._fields()[number]

    def _fields(self) -> list[ColumnView]:
        if self._inside is None:
            self._inside = [ColumnView(array, self.columns, self.rows, self.labels) for array in self.array.flatten()]
        return self._inside

    def elements(self) -> ColumnView:
        """The items of a list column or the values of a map column."""
        if self._elements is None:
            self._elements = self._flattened()
        return self._elements

    def _flattened(self) -> ColumnView:
        if pa.types.is_map(self.array.type):
            keys, items, parents = map_entries(self.array)
            return self.below(items, parents, keys)
        sizes = lengths(self.array)
        items = self.array.flatten()
        parents = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
        starts = np.cumsum(sizes) - sizes
        return self.below(items, parents, np.arange(len(parents)) - starts[parents])

    def below(self, array: pa.Array, parents: Positions, label: Any) -> ColumnView:
        """Values that belong to the positions `parents` of this view, with a label each."""
        labels = tuple(_taken(known, parents) for known in self.labels)
        return ColumnView(array, self.columns, self.rows_at(parents), (*labels, label))

    def some(self, positions: Positions) -> ColumnView:
        """Some of the values."""
        labels = tuple(_taken(label, positions) for label in self.labels)
        return ColumnView(self.array.take(pa.array(positions)), self.columns, self.rows_at(positions), labels)

    def counts(self) -> tuple[Any, Mask]:
        """How many fields or elements there are, and where there is an object or array to count them of."""
        kind = self.array.type
        if pa.types.is_struct(kind):
            count = np.zeros(len(self), dtype=np.int64)
            for child in self._fields():
                count += child.valued()
            return count, self.valued()
        whole = is_list(kind) and self.columns.count_empty
        return lengths(self.array), valid(self.array) if whole else self.valued()

    def texts(self, positions: Positions) -> pa.Array | None:
        """The values at some positions as findings show them."""
        return texts_at(self.array, positions)

    def values(self, path: Path, spelled: bool) -> tuple[Positions, Iterable[Any]]:
        """Positions with a value, and the values as Python has JSON.

        Args:
            path: the path of the view.
            spelled: whether it matters how a number is written: a column of doubles holds 1 and 1.0 alike, so the
                values are read from the text of their records if there is one.
        """
        found = np.flatnonzero(self.valued())
        if spelled and self.columns.texts is not None and self.number >= 0:
            return found, self.columns.read(path, found)
        some = self.array if len(found) == len(self) else self.array.take(pa.array(found))
        return found, to_json_values(plain(some), self.columns.keep_empty) if len(found) else []

    def alone(self) -> ColumnView:
        """The same values as if each were a record of its own."""
        return ColumnView(self.array, self.columns)


class LeafView:
    """An object or array above the leaves of a chunk; see :class:`ColumnView` for what it answers."""

    __slots__ = ("_present", "columns", "root", "shape")

    rows = None
    labels: tuple[Any, ...] = ()

    def __init__(self, columns: ChunkColumns, shape: LeafShape, root: bool = False) -> None:
        self.columns, self.shape, self.root = columns, shape, root
        self._present: Mask | bool | None = False

    def __len__(self) -> int:
        return self.columns.size

    def rows_at(self, positions: Positions) -> Positions:
        """The rows of some positions."""
        return positions

    def present(self) -> Mask | None:
        """Where there is a value; None means everywhere.  A record is there even if it is empty."""
        if self._present is False:
            self._present = None if self.root else self.columns.any_of(self.shape.numbers)
        return self._present  # type: ignore[return-value]

    def valued(self) -> Mask:
        """Where there is a value."""
        present = self.present()
        return np.ones(self.columns.size, dtype=bool) if present is None else present

    def nulls(self) -> Mask | None:
        """Nowhere: a null is a leaf."""
        return None

    def child(self, name: str | int) -> View | None:
        """The field or element, None if no leaf is below it."""
        below = self.shape.below.get(name)
        if below is None:
            return None
        return LeafView(self.columns, below) if isinstance(below, LeafShape) else self.columns.view(below.number)

    def counts(self) -> tuple[Any, Mask]:
        """How many fields or elements there are, and where there is an object or array to count them of."""
        count = np.zeros(self.columns.size, dtype=np.int64)
        for below in self.shape.below.values():
            present = self.columns.any_of(below.numbers)
            count += 1 if present is None else present
        return count, self.valued()

    def texts(self, positions: Positions) -> pa.Array | None:
        """Nothing: objects and arrays are not shown."""
        return None

    def values(self, path: Path, spelled: bool) -> tuple[Positions, Iterable[Any]]:
        """Positions with a value, and the values as Python has JSON."""
        found = np.flatnonzero(self.valued())
        columns = self.columns
        if columns.texts is not None or not len(found):
            return found, columns.read(path, found)
        if not self.shape.numbers:
            return found, [{}] * len(found)
        some = [columns.arrays[number].take(pa.array(found)) for number in self.shape.numbers]
        leaves = [columns.leaves[number] for number in self.shape.numbers]
        below = [replace(leaf, path=("", *leaf.path[len(path) :])) for leaf in leaves]
        records = pa.RecordBatch.from_arrays(some, names=[str(number) for number in self.shape.numbers])
        return found, [value or {} for value in to_json_values(nest(below, records).column(0), columns.keep_empty)]

    def alone(self) -> LeafView:
        """The same: each is a record of its own."""
        return self


View = ColumnView | LeafView


class ChunkColumns:
    """The columns of one chunk, and where they have values.

    Args:
        arrays: one for each leaf.
        size: how many records there are.
        leaves: the paths of the columns.
        keep_empty: empty objects and arrays are in the records as they are (JSON text), not left out (all else).
        count_empty: an empty array has too few items where some are asked for, though it is left out (Parquet).
        nulls: in which rows a leaf is ``null`` in JSON; such a value is there, but in no column.
        texts: the records as they stand in a JSON file.
    """

    def __init__(
        self, arrays: Sequence[pa.Array], size: int, leaves: tuple[Leaf, ...], keep_empty: bool,
        count_empty: bool = False, nulls: Mapping[int, Mask] | None = None, texts: Callable[[], pa.Array] | None = None,
    ) -> None:  # fmt: skip
        self.arrays, self.leaves, self.keep_empty, self.size = arrays, leaves, keep_empty, size
        self.count_empty = count_empty
        self.nulls: Mapping[int, Mask] = nulls or {}
        self.texts = texts
        self._present: dict[int, Mask | None] = {}
        self._views: dict[int, ColumnView] = {}

    def root(self, shape: LeafShape | None = None) -> LeafView:
        """The records; `shape`, the shape of the leaves, saves making it."""
        return LeafView(self, shape or LeafShape.of(self.leaves), root=True)

    def view(self, number: int) -> ColumnView:
        """The column of a leaf."""
        if number not in self._views:
            self._views[number] = ColumnView(self.arrays[number], self, number=number)
        return self._views[number]

    def release(self) -> None:
        """Forget the views, which refer to the chunk in a circle: its memory is free at once."""
        self._views.clear()

    def read(self, path: Path, rows: Positions) -> Iterator[Any]:
        """The values at a path of some records that have one, read from their text."""
        if self.texts is not None:
            for text in self.texts().take(pa.array(rows)).to_pylist():
                yield reduce(lambda value, step: value[step], path, json.loads(text))

    def present(self, number: int) -> Mask | None:
        """Where a leaf has a value; None means everywhere."""
        if number not in self._present:
            self._present[number] = self._find(number)
        return self._present[number]

    def _find(self, number: int) -> Mask | None:
        array, nulls = self.arrays[number], self.nulls.get(number)
        if array.null_count == 0 and (self.keep_empty or not pa.types.is_nested(array.type)):
            return None
        found = presence(array, self.keep_empty)
        return found if nulls is None else found | nulls

    def any_of(self, numbers: Iterable[int]) -> Mask | None:
        """Where any of some leaves has a value; None means everywhere."""
        found = np.zeros(self.size, dtype=bool)
        for number in numbers:
            mask = self.present(number)
            if mask is None:
                return None
            found |= mask
        return found


# ---- findings -------------------------------------------------------------------------------------------------------

#: Values to show for some positions.
Shown = Callable[[Positions], "pa.Array | None"]


@dataclass
class FindingSink:
    """Gathers the findings of one chunk."""

    rows: Positions
    rules: Rules
    findings: list[Finding] = field(default_factory=list)

    @cached_property
    def tally(self) -> defaultdict[str, Any]:
        """By name, how many of something each row has."""
        return defaultdict(lambda: np.zeros(len(self.rows), np.int64))

    def count(self, name: str, view: View, numbers: Any) -> None:
        """Add to the tally `name` of the rows how many there are of each value of a view; a mask counts one each."""
        if view.rows is not None:
            numbers = np.bincount(view.rows, numbers, minlength=len(self.rows)).astype(np.int64)
        self.tally[name] += numbers

    def add(
        self, place: SchemaPath, view: View, failure: Failure, positions: Positions, shown: Shown | None = None
    ) -> None:
        """A rule failed at some positions of a view.

        Args:
            place: path in the schema, and the column of the source.
            view: the values that the positions count in.
            failure: code, message and hint.
            positions: int64, ascending, 0-based positions in `view`; nothing is reported if there are none.
            shown: gives the values at positions as a text array; None where there is nothing to show.
        """
        if not len(positions):
            return
        severity = self.rules.severity(failure.code) or "error"  # of no rule: what cannot be decided
        values = None if shown is None else shown(positions)
        for path, some in _paths(place.path, view, positions):
            numbers = self.rows[view.rows_at(positions[some])]
            there = values if values is None or isinstance(some, slice) else values.take(pa.array(some))
            self.findings.append(
                Finding(failure.code, format_path(path), failure.message, numbers, there, place.column, failure.hint,
                        severity)
            )  # fmt: skip


class Verdict(FindingSink):
    """Gathers only which positions failed, or were counted, for the branches of anyOf, oneOf and not."""

    def __init__(self, size: int) -> None:
        self.bad: Mask = np.zeros(size, dtype=bool)

    def count(self, name: str, view: View, numbers: Any) -> None:
        """Mark all positions: the check cannot be left out."""
        self.bad[:] = True

    def add(
        self, place: SchemaPath, view: View, failure: Failure, positions: Positions, shown: Shown | None = None
    ) -> None:
        """Mark the positions."""
        self.bad[view.rows_at(positions)] = True


def _taken(label: Any, positions: Positions) -> Any:
    return label.take(pa.array(positions)) if isinstance(label, pa.Array) else label[positions]


def _paths(path: Path, view: View, positions: Positions) -> Iterable[tuple[Path, Any]]:
    """The actual paths of the positions, each with the indexes into `positions` that are there."""
    if not view.labels:
        return [(path, slice(None))]
    codes = np.zeros(len(positions), dtype=np.int64)
    names: list[list[Any]] = []
    for label in view.labels:
        some = _taken(label, positions)
        if isinstance(some, pa.Array):
            encoded = plain(some).dictionary_encode()
            names.append(encoded.dictionary.to_pylist())
            index = np.asarray(encoded.indices)
        else:
            distinct, index = np.unique(some, return_inverse=True)
            names.append([int(number) for number in distinct])
        codes = codes * len(names[-1]) + index
    distinct, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    if len(distinct) > MAX_PATHS:
        return [(tuple(EVERY if step == ANY_KEY else step for step in path), slice(None))]
    out = []
    for number, code in enumerate(distinct.tolist()):
        steps: list[Any] = []
        for known in reversed(names):
            code, at = divmod(code, len(known))
            steps.append(known[at])
        wild = iter(reversed(steps))
        actual = tuple(next(wild, step) if step in (EVERY, ANY_KEY) else step for step in path)
        out.append((int(first[number]), actual, np.flatnonzero(inverse == number)))
    return [(actual, some) for _, actual, some in sorted(out, key=lambda entry: entry[0])]


#: A compiled check of a view of the shape that it was compiled for.
Op = Callable[[Any, FindingSink], None]
