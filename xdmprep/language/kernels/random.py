"""Random ids for all rows at once."""

from __future__ import annotations

import os

import numpy as np

from ..columns import Column
from .table import Made, Rows, kernel, need
from .texts import made_of


@kernel("uuid")
def uuid(rows: Rows) -> Made:
    """Random UUIDs of version 4; with a seed, the interpreter draws them row by row."""
    need(rows.options.seed is None)
    n = rows.n
    drawn = np.frombuffer(os.urandom(16 * n), dtype=np.uint8).reshape(n, 16).copy()
    drawn[:, 6] = (drawn[:, 6] & 0x0F) | 0x40
    drawn[:, 8] = (drawn[:, 8] & 0x3F) | 0x80
    digits = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
    spelled = np.empty((n, 32), dtype=np.uint8)
    spelled[:, 0::2], spelled[:, 1::2] = digits[drawn >> 4], digits[drawn & 15]
    out = np.full((n, 36), ord("-"), dtype=np.uint8)
    for start, end, at in ((0, 8, 0), (8, 12, 9), (12, 16, 14), (16, 20, 19), (20, 32, 24)):
        out[:, at : at + end - start] = spelled[:, start:end]
    return Column(made_of(np.arange(n + 1) * 36, out.tobytes(), None))
