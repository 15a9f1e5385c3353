"""Deterministic automata over the bytes of texts, run over a whole column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from .arrays import Positions, text_bytes, valid

#: Texts that are not decided after this many bytes count as not accepted.
_LONGEST = 64


@dataclass(frozen=True)
class Automaton:
    """A table of states: uint8 (states, 256), the next state by byte; `accepting` is 1 where a text matches."""

    table: np.ndarray[Any, np.dtype[np.uint8]]
    accepting: np.ndarray[Any, np.dtype[np.uint8]]


def not_accepted(array: pa.Array, automaton: Automaton) -> Positions | None:
    """As the kernel of that name; all texts take a step together."""
    if not len(array) or array.null_count == len(array):
        return None
    table, accepting = automaton.table, automaton.accepting.astype(bool)
    final = (table == np.arange(len(table))[:, None]).all(axis=1)  # states that are never left
    places, data = text_bytes(array)
    state = np.zeros(len(array), np.uint8)
    at = places[:-1].astype(np.int64)
    left = np.flatnonzero(places[1:] > at) if not final[0] else np.zeros(0, np.int64)
    for _ in range(_LONGEST):
        if not len(left):
            break
        now = table[state[left], data[at[left]]]
        state[left] = now
        at[left] += 1
        left = left[(at[left] < places[1:][left]) & ~final[now]]
    wrong = ~accepting[state]
    wrong[left] = True
    if array.null_count:
        wrong &= valid(array)
    found: Positions = np.flatnonzero(wrong)
    return found if len(found) else None
