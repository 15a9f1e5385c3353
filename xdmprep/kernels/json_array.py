"""A JSON array taken apart: where its elements end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .arrays import Ints
from .json_arrow import outside_texts

#: Bytes that follow a text.
PADDING = 64


@dataclass(frozen=True, slots=True, eq=False)
class Elements:
    """What is in a piece of an array that begins with an element.

    Attributes:
        end: behind the last comma between elements; 0 if there is none.
        closed: where the array's closing bracket is; -1 if it is not in the piece.
        stray: where the last brace too many is; -1 if there is none.
        ends: where elements end: at the comma behind them, or at the blank before each of `missing`.
        missing: where objects and arrays begin behind a blank instead of a comma, up to `closed`.
    """

    end: int
    closed: int
    stray: int
    ends: Ints
    missing: Ints


def split_array(data: Any) -> Elements:
    """As the kernel of that name."""
    outside = outside_texts(data)
    folded = data | 32
    brackets = np.flatnonzero(outside & ((folded == ord("{")) | (folded == ord("}"))))
    steps = np.where((data[brackets] | 32) == ord("{"), 1, -1)
    depth = np.cumsum(steps)
    beyond = np.flatnonzero(depth < 0)
    stray = -1
    if len(beyond) and data[brackets[beyond[0]]] != ord("]"):  # a brace too many: the element will say so
        depth, last = _depths(data[brackets].tolist(), steps.tolist())
        stray = int(brackets[last])
        beyond = np.flatnonzero(depth < 0)
    closed = int(brackets[beyond[0]]) if len(beyond) else -1
    size = closed if closed >= 0 else len(data)
    commas = np.flatnonzero(outside[:size] & (data[:size] == ord(",")))
    inside = np.concatenate([np.zeros(1, depth.dtype), depth])[np.searchsorted(brackets, commas)]
    commas = commas[inside == 0]
    end = int(commas[-1]) + 1 if len(commas) else 0
    begins = brackets[(steps > 0) & (depth == 1) & (brackets < size)]
    before = np.searchsorted(commas, begins)
    missing = begins[1:][before[1:] == before[:-1]]
    missing = missing[data[missing - 1] <= 32]
    return Elements(end, closed, stray, np.union1d(commas, missing - 1), missing)


def _depths(brackets: list[int], steps: list[int]) -> tuple[Any, int]:
    """The depth behind each bracket, where braces too many count for nothing, and the number of the last of these."""
    found: list[int] = []
    depth = last = 0
    for number, (bracket, step) in enumerate(zip(brackets, steps, strict=True)):
        if depth or step > 0 or bracket == ord("]"):
            depth += step
        else:
            last = number
        found.append(depth)
        if depth < 0:
            break
    return np.asarray(found + [-1] * (len(brackets) - len(found))), last
