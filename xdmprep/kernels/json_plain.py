"""JSON without a compiler: arrays taken apart by their tokens; their records are left to the exact reader."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from . import json_columns as json
from .arrays import Ints
from .json_columns import JsonColumn, JsonNode, Parsed

#: Bytes that follow a text.
PADDING = 64
#: Strings, and what is not in strings.
_TOKENS = re.compile(rb'\\["\\]|"(?:[^"\\]|\\.)*+"?|[][{},]', re.DOTALL)


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
    closed = stray = -1
    depth = end = 0
    begun = False  # an object or array, since the last comma
    ends: list[int] = []
    missing: list[int] = []
    for match in _TOKENS.finditer(data):
        token, at = match[0], match.start()
        if token in b"{[":
            if depth == 0:
                if begun and data[at - 1] <= 32:
                    missing.append(at)
                    ends.append(at - 1)
                begun = True
            depth += 1
        elif token in b"}]":
            if depth:
                depth -= 1
            elif token == b"]":
                closed = at
                break
            else:
                stray = at
        elif token == b"," and depth == 0:
            ends.append(at)
            end, begun = at + 1, False
    return Elements(end, closed, stray, np.array(ends, np.int64), np.array(missing, np.int64))


def parse_json(data: Any, starts: Ints, ends: Ints, tree: JsonNode, purpose: int, elements: bool) -> Parsed:
    status = np.full(len(starts), json.EXACT, np.uint8)
    text = bytes(data)
    for number, (begin, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        if not text[begin:end].strip(b" \t\r"):
            status[number] = json.BLANK
    children = [JsonColumn(node, pa.array([], node.type), None, 0, None, ()) for node in tree.children]
    return Parsed(status, JsonColumn(tree, None, None, 0, None, tuple(children)))
