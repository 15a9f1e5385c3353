"""What the mapping layer adds to the trees of the language.

The leaves are sources (:mod:`xdmprep.mapping.sources`); an expression is a leaf that holds a tree of the language.
Above them stand the steps of a mapping: the way into an object, the type of the destination, a condition, rows that are
put together, arrays side by side.  Equal nodes give the same values, so each is worked out once for a chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pyarrow as pa

from ..core.paths import Path
from ..language.tree import Node
from .convert import Misfit


class Made(NamedTuple):
    """What a node gives for a chunk.

    Attributes:
        values: an array; of :class:`IsValid` a mask, of :class:`Collect` offsets and flat values.
        misfits: what did not fit, and why rows failed.
    """

    values: Any
    misfits: Sequence[Misfit] = ()


@dataclass(frozen=True)
class Step(Node):
    """A node with one node below from which its values come."""

    position: int = field(default=0, init=False, compare=False, repr=False)
    value: Node


@dataclass(frozen=True)
class GetPath(Step):
    """What is found by walking `steps` into the values."""

    steps: Path


@dataclass(frozen=True)
class Cast(Step):
    """The values as exactly `type`; what does not fit is null.

    The author was told of the fields `noted` inside of the values, which `type` does not have.  Where doubles at one of
    the `printed` places in the source have lost digits, there is no value.
    """

    type: pa.DataType
    noted: frozenset[Path] = frozenset()
    printed: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Where(Step):
    """The values where `condition` holds, else null."""

    condition: Node


@dataclass(frozen=True)
class IsValid(Step):
    """Whether there is a value, as a mask."""


@dataclass(frozen=True)
class First(Step):
    """Of each group of rows the first value that is not null."""


@dataclass(frozen=True)
class Collect(Step):
    """Of each group of rows the list of the values."""


@dataclass(frozen=True)
class Zip(Node):
    """Lists side by side as one list of objects: each part goes to its path inside the elements.

    `by_id` leaves out elements without an ``id``.
    """

    position: int = field(default=0, init=False, compare=False, repr=False)
    parts: tuple[tuple[Path, Node], ...]
    type: pa.DataType
    by_id: bool
