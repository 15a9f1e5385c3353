"""Parallel copies between arrays: ``emails[*].address`` to ``personalEmails[*].address``.

All mappings whose destinations share the path up to their first ``[*]`` make one column, a list.  Element by element
the sources are laid side by side; where one is shorter, its fields are absent from the elements that it does not reach.
A constant goes into every element that the others make.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ..errors import MappingError
from ..leaves import Leaf, conform, nest, plain
from ..paths import EVERY, Path
from ..schema import Schema
from .nested import list_parts
from .plan import Output
from .sources import ConstantSource
from .targets import find

if TYPE_CHECKING:
    from .step import Work

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
            for _ in range(sum(step == EVERY for step in output.path)):
                kind = pa.list_(kind)
            parts.append((rest, work.output(_as_list(output, kind))))
        array, _ = _assemble(parts, constants, self.type)
        return array


def _as_list(output: Output, kind: pa.DataType) -> Output:
    return Output(output.path, kind, output.source, output.item)


def _assemble(
    parts: Sequence[tuple[Path, pa.Array]], constants: Sequence[tuple[Path, Output]], kind: pa.DataType
) -> tuple[pa.Array, _Ints]:
    """A list array of `kind` from list arrays, each with the path inside the element that its values go to."""
    offsets, columns = _side_by_side([array for _, array in parts])
    n = int(offsets[-1])
    inside: dict[Path, list[tuple[Path, pa.Array]]] = {}
    inside_constants: dict[Path, list[tuple[Path, Output]]] = {}
    leaves: list[Leaf] = []
    arrays: list[pa.Array] = []
    for (rest, _), values in zip(parts, columns, strict=True):
        if not rest:
            return pa.ListArray.from_arrays(pa.array(offsets), conform(plain(values), kind.value_type)), offsets
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
        array, _ = _assemble(more, inside_constants.get(prefix, ()), _type_inside(kind.value_type, prefix))
        leaves.append(Leaf(prefix, array.type))
        arrays.append(array)
    fields = list(kind.value_type)
    records = pa.RecordBatch.from_arrays(arrays, [leaf.name for leaf in leaves])
    nested = nest(leaves, records, pa.schema(fields))
    element = pa.StructArray.from_arrays(nested.columns, fields=fields)
    return pa.ListArray.from_arrays(pa.array(offsets), element, type=kind), offsets


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
