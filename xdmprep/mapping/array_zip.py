"""Parallel copies between arrays: ``emails[*].address`` to ``personalEmails[*].address``.

All mappings whose destinations share the path up to their first ``[*]`` make one column, a list.  Element by element
the sources are laid side by side; where one is shorter, its fields are absent from the elements that it does not reach.
A constant goes into every element that the others make.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.paths import EVERY, Path
from ..core.shred import Leaf, conform, nest, plain, valid
from ..errors import MappingError
from ..schema import Schema
from .destinations import IDENTITY_MAPS, find
from .evaluation import Work
from .nested import list_parts
from .plan import Output
from .sources import ConstantSource

_Ints = np.ndarray[Any, np.dtype[np.int32]]


@dataclass(frozen=True)
class StarGroup:
    """One list column made of several outputs.

    Attributes:
        path: the destination up to the first ``[*]``.
        type: the Arrow list type of the column.
        outputs: what goes into its elements.
    """

    path: Path
    type: pa.DataType
    outputs: tuple[Output, ...]

    @property
    def text(self) -> str:
        """The sources, for messages."""
        return ", ".join(dict.fromkeys(output.source.text for output in self.outputs))

    def read(self, work: Work) -> pa.Array:
        """The column."""
        parts = []
        constants = []
        for output in self.outputs:
            rest = output.path[len(self.path) + 1 :]
            if isinstance(output.source, ConstantSource):
                constants.append((rest, output))
                continue
            kind = output.type
            for _ in range(sum(step == EVERY for step in output.path) - (work.offsets is not None)):
                kind = pa.list_(kind)
            array = work.output(replace(output, type=kind))
            if work.offsets is not None:  # each row of a group gives one element
                array = pa.ListArray.from_arrays(pa.array(work.offsets), plain(array))
            parts.append((rest, array))
        by_id = len(self.path) == 2 and self.path[0] in IDENTITY_MAPS
        return _assemble(parts, constants, self.type, by_id)


def _assemble(
    parts: Sequence[tuple[Path, pa.Array]],
    constants: Sequence[tuple[Path, Output]],
    kind: pa.DataType,
    by_id: bool = False,
) -> pa.Array:
    """A list array of `kind` from list arrays, each with the path inside the element that its values go to.

    Elements where all values are null are left out; `by_id` leaves out those without an ``id`` too.
    """
    offsets, columns = _side_by_side([array for _, array in parts])
    n = int(offsets[-1])
    inside: dict[Path, list[tuple[Path, pa.Array]]] = {}
    inside_constants: dict[Path, list[tuple[Path, Output]]] = {}
    leaves: list[Leaf] = []
    arrays: list[pa.Array] = []
    for (rest, _), values in zip(parts, columns, strict=True):
        if not rest:
            return _list_of(conform(plain(values), kind.value_type), offsets, kind)
        if EVERY in rest:
            at = rest.index(EVERY)
            inside.setdefault(rest[:at], []).append((rest[at + 1 :], values))
        else:
            leaves.append(Leaf(rest, values.type))
            arrays.append(values)
    for rest, output in constants:
        if EVERY in rest:
            at = rest.index(EVERY)
            inside_constants.setdefault(rest[:at], []).append((rest[at + 1 :], output))
        else:
            leaves.append(Leaf(rest, output.type))
            arrays.append(pa.repeat(pa.scalar(output.source.value, output.type), n))  # type: ignore[attr-defined]
    for prefix, more in inside.items():
        array = _assemble(more, inside_constants.get(prefix, ()), _type_inside(kind.value_type, prefix))
        leaves.append(Leaf(prefix, array.type))
        arrays.append(array)
    ids = [array for leaf, array in zip(leaves, arrays, strict=True) if leaf.path in (("id",), ("xdm:id",))]
    if by_id and ids and ids[0].null_count:
        arrays = [only_where(array, valid(ids[0])) for array in arrays]
    fields = list(kind.value_type)
    records = pa.RecordBatch.from_arrays(arrays, [leaf.name for leaf in leaves])
    nested = nest(leaves, records, pa.schema(fields))
    empty = np.ones(n, dtype=bool)
    for column in nested.columns:
        empty &= ~valid(column)
    return _list_of(pa.StructArray.from_arrays(nested.columns, fields=fields, mask=pa.array(empty)), offsets, kind)


def _list_of(values: pa.Array, offsets: _Ints, kind: pa.DataType) -> pa.Array:
    """The lists of the elements that are there; null where none is."""
    if values.null_count:
        keep = valid(values)
        offsets = np.concatenate([[0], np.cumsum(keep)])[offsets].astype(np.int32)
        values = values.filter(pa.array(keep))
    return pa.ListArray.from_arrays(pa.array(offsets), values, type=kind, mask=pa.array(np.diff(offsets) == 0))


def only_where(array: pa.Array, keep: np.ndarray[Any, np.dtype[np.bool_]]) -> pa.Array:
    """`array` with nulls where `keep` is False."""
    if isinstance(array, pa.DictionaryArray):
        if array.indices.null_count:
            return only_where(plain(array), keep)
        indices = array.indices.to_numpy(zero_copy_only=False)
        return pa.DictionaryArray.from_arrays(pa.array(indices, pa.int32(), mask=~keep), array.dictionary)
    if pa.types.is_nested(array.type):
        return array.take(pa.array(np.arange(len(array)), mask=~keep))
    return pc.if_else(pa.array(keep), array, pa.scalar(None, array.type))


def _side_by_side(lists: Sequence[pa.Array]) -> tuple[_Ints, list[pa.Array]]:
    """Common offsets, and each list's flat values stretched to them with nulls."""
    split = [list_parts(array) for array in lists]
    first = split[0][0]
    if all(np.array_equal(offsets, first) for offsets, _ in split):
        return first, [values for _, values in split]
    lengths = np.stack([np.diff(offsets) for offsets, _ in split])
    common = np.zeros(len(first), dtype=np.int32)
    np.cumsum(lengths.max(axis=0), out=common[1:])
    row = np.repeat(np.arange(len(first) - 1), np.diff(common))
    within = np.arange(common[-1]) - common[:-1][row]
    stretched = []
    for (offsets, values), length in zip(split, lengths, strict=True):
        missing = within >= length[row]
        stretched.append(values.take(pa.array((offsets[:-1][row] + within), pa.int64(), mask=missing)))
    return common, stretched


def _type_inside(kind: pa.DataType, path: Path) -> pa.DataType:
    for step in path:
        kind = kind.field(str(step)).type
    return kind


def star_groups(outputs: Sequence[Output], schema: Schema | None) -> list[StarGroup]:
    """The outputs with ``[*]`` in their destination, put together by what comes before it.

    Raises:
        MappingError: a group has nothing but constants, so nobody knows how many elements there are.
    """
    groups: dict[Path, list[Output]] = {}
    for output in outputs:
        groups.setdefault(output.path[: output.path.index(EVERY)], []).append(output)
    made, faults = [], []
    for path, members in groups.items():
        if all(isinstance(output.source, ConstantSource) for output in members):
            faults.append(
                f"{members[0].item}: [*] in the destination needs a mapping beside it whose source has [*] as well, "
                "or [0] instead."
            )
            continue
        field = find(path, schema)
        if field is None:
            tree = _element_type([(output.path[len(path) + 1 :], output.type) for output in members])
            made.append(StarGroup(path, pa.list_(tree), tuple(members)))
        else:
            made.append(StarGroup(path, field.arrow_type, tuple(members)))
    if faults:
        raise MappingError(faults)
    return made


def _element_type(rests: Sequence[tuple[Path, pa.DataType]]) -> pa.DataType:
    """The type of an element when no schema says it."""
    if any(not rest for rest, _ in rests):
        return rests[0][1]
    children: dict[str | int, list[tuple[Path, pa.DataType]]] = {}
    for rest, kind in rests:
        children.setdefault(rest[0], []).append((rest[1:], kind))
    if set(children) == {EVERY}:
        return pa.list_(_element_type(children[EVERY]))
    return pa.struct([(str(step), _element_type(below)) for step, below in children.items()])
