"""JSON without a compiler: records read one by one, and arrays taken apart by their tokens."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from . import json_columns as json
from .arrays import Ints
from .json_columns import JsonColumn, JsonNode, Parsed

#: Bytes that follow a text.
PADDING = 64
_TYPES: dict[int, Any] = {json.TEXT: str, json.INTEGER: int, json.BOOLEAN: bool, json.OBJECT: dict, json.ARRAY: list}
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


def parse_json(
    data: Any, starts: Ints, ends: Ints, tree: JsonNode, purpose: int, elements: bool,
    read: Callable[[bytes], dict[str, Any]],
) -> Parsed:  # fmt: skip
    status = np.full(len(starts), json.EXACT, np.uint8)
    values = []
    text = bytes(data)
    for number, (begin, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        if not text[begin:end].strip(b" \t\r"):
            status[number] = json.BLANK
        elif purpose != json.LEARN:
            try:
                value = read(text[begin:end])
            except ValueError:
                continue
            if purpose == json.MAPPED:
                value = {name: value[name] for name in tree.names if name in value}
            status[number] = json.GOOD if _fits(value, tree, purpose) else json.UNLIKE
            if status[number] == json.GOOD:
                values.append(value)
    columns = pa.array(values, tree.type).flatten()
    children = [JsonColumn(*pair, None, len(values), None, ()) for pair in zip(tree.children, columns, strict=True)]
    return Parsed(status, JsonColumn(tree, None, None, len(values), None, tuple(children)))


def _fits(value: Any, node: JsonNode, purpose: int) -> bool:
    """Whether a column holds a value as it is; columns of maps and of any value take none here."""
    if value is None:
        return purpose == json.MAPPED
    if node.kind == json.NUMBER:
        return type(value) is float or (type(value) is int and abs(value) < 2**53)
    if type(value) is not _TYPES.get(node.kind):
        return False
    if node.kind == json.INTEGER:
        return bool(-(2**63) <= value < 2**63)
    if node.kind == json.ARRAY:
        return all(_fits(item, node.children[0], purpose) for item in value)
    if node.kind == json.OBJECT:
        inside = dict(zip(node.names, node.children, strict=True))
        return all(name in inside and _fits(item, inside[name], purpose) for name, item in value.items())
    return True
