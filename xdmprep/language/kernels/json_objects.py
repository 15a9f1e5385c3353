"""JSON strings to typed columns with the parser of JSON files: one shape for a batch, learned from a sample."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ... import kernels
from ...core.ndjson.fields import Seen
from ...core.ndjson.strict import SURE_DIGITS, holds_digits
from ...kernels import json_columns as json
from ...kernels.arrays import list_parts
from ...kernels.json_plain import PADDING
from ..columns import DOUBLE, LONG, NEVER, Column, Ints, Mask, as_mask, nulls_of, reported, some, used_bytes
from ..functions.objects import parse_json
from ..shapes import MOST_KEYS, list_of, mixed_of, object_of, written_numerals
from ..values import Failed
from .table import Made, Rows, kernel, need

#: Strings from which the shape is learned, how often it may grow, the share of others that is worth it, and the share
#: of strings of the shape that is worth the parser.
SAMPLE, GROWTHS, SHARE, LEAST = 48, 3, 0.01, 0.05
_BEGIN = np.frombuffer(b'{"v":', np.uint8)
_END = np.frombuffer(b"}\n" + bytes(PADDING), np.uint8)
_NUMBERS = {"integer", "long", "big", "number", "digits"}
#: Of strings that begin otherwise the parser of Python says that there is no value.
_BEGINS = r'^(?:[{\["]|-?[0-9]|true|false|null|NaN|-?Infinity|[ \t\n\r\x{feff}])'
_NO_VALUE = "Expecting value: line 1 column 1 (char 0)"
_KINDS = {"text": json.TEXT, "integer": json.INTEGER, "number": json.NUMBER, "boolean": json.BOOLEAN}


@kernel("json_to_object", "words")
def json_to_object(rows: Rows, values: pa.Array) -> Made:
    """The values of JSON strings; open where one has a line break, or another shape than most."""
    absent = nulls_of(values)
    open_ = as_mask(pc.match_substring(values, "\n"))
    none = ~as_mask(pc.match_substring_regex(values, _BEGINS)) & ~absent
    why = reported(values, Column(None, some(none)), (NEVER, f"is not JSON: {_NO_VALUE}")).why
    usual = np.flatnonzero(~(absent | open_ | none))
    if not len(usual):
        return None if why is None else Column(pa.nulls(len(values)), some(~absent), why)
    seen = Seen()
    left = usual
    node: json.JsonNode | None = None
    parsed: json.Parsed | None = None
    for _ in range(GROWTHS):
        _learn(seen, values, left)
        before, node = node, _node(seen)
        if node is None or node.kind == json.UNKNOWN:
            return None
        if node == before:  # the others are no JSON, or of another kind
            break
        parsed = _parse(values.take(pa.array(usual)), node)
        left = usual[parsed.status == json.UNLIKE]
        if len(left) <= SHARE * len(usual):
            break
    assert parsed is not None  # noqa: S101  (it was parsed once at least)
    good = parsed.status == json.GOOD
    n = len(values)
    if good.sum() < LEAST * len(usual):
        return None
    root = parsed.root.children[0]
    made = _shaped(root, root.whole())
    at = np.zeros(n, dtype=np.int64)
    there = np.zeros(n, dtype=bool)
    at[usual[good]] = np.arange(int(good.sum()))
    there[usual[good]] = True
    if not there.all():
        made = made.take(pa.array(at, mask=~there))
    return Column(made, some(~there & ~absent), why)


def _learn(seen: Seen, values: pa.Array, rows: Ints) -> None:
    picked = rows[:: max(1, len(rows) // SAMPLE)]
    for text in values.take(pa.array(picked)).to_pylist():
        with suppress(Failed, RecursionError):
            seen.learn(parse_json(text))


def _node(seen: Seen) -> json.JsonNode | None:
    """The column for what was seen in one place; None where an object has too many keys for a struct."""
    if not seen.kinds:
        return json.JsonNode(json.UNKNOWN)
    kind = max(seen.kinds, key=lambda name: seen.kinds[name])
    numbers = _NUMBERS & seen.kinds.keys()
    if kind in numbers and numbers != {"number"} and not numbers <= {"integer", "long"}:
        return json.JsonNode(json.NUMBER_TEXT)
    if kind == "array":
        items = _node(seen.items or Seen())
        return None if items is None else json.JsonNode(json.ARRAY, (), (items,))
    if kind == "object":
        if len(seen.inside) > MOST_KEYS or any(name.startswith("\0") for name in seen.inside):
            return None
        inside = {name: _node(below) for name, below in seen.inside.items()}
        children = tuple(child for child in inside.values() if child is not None)
        if len(children) < len(inside):
            return None
        return json.JsonNode(json.OBJECT, tuple(inside), children, True) if inside else json.JsonNode(json.UNKNOWN)
    return json.JsonNode(_KINDS.get(kind, json.UNKNOWN))


def _parse(values: pa.Array, node: json.JsonNode) -> json.Parsed:
    """Every string as the one value of a record."""
    whole = pa.ListArray.from_arrays(pa.array([0, len(values)], pa.int32()), values)
    text = used_bytes(pc.binary_join(whole, '}\n{"v":'))  # a twentieth of the time of joining each with its ends
    data = np.concatenate([_BEGIN, text, _END])
    ends = kernels.active.line_ends(data, len(data) - PADDING)
    tree = json.JsonNode(json.OBJECT, ("v",), (node,))
    return kernels.active.parse_json(data, np.append(0, ends[:-1] + 1), ends, tree, json.LEARN, False)


def _shaped(column: json.JsonColumn, array: pa.Array) -> pa.Array:
    """The parser's column, of which `array` is the whole, as one of the language's."""
    node = column.node
    if node.kind == json.OBJECT:
        absent = nulls_of(array)
        fields = [array.field(i) for i in range(len(node.names))]
        gone: list[Mask | None] = []
        for child, values in zip(column.children, fields, strict=True):
            missing = nulls_of(values) & ~absent
            gone.append(some(missing if child.nulls is None else missing & ~child.nulls))
        parts = [_shaped(child, values) for child, values in zip(column.children, fields, strict=True)]
        return object_of(node.names, parts, gone, absent)
    if node.kind == json.ARRAY:
        offsets, items = list_parts(array)
        return list_of(offsets, _shaped(column.children[0], items), nulls_of(array))
    if node.kind == json.NUMBER_TEXT:
        return _numbers(array)
    return _finite(array) if node.kind == json.NUMBER else array


def _finite(doubles: pa.Array) -> pa.Array:
    need(pc.all(pc.is_finite(doubles)).as_py() is not False)  # the interpreter says which are too large
    return doubles


def _numbers(texts: pa.Array) -> pa.Array:
    """Numbers as they are written: integers and doubles, or decimals where those lose digits."""
    whole = pc.match_substring_regex(texts, "^-?[0-9]+$")
    numeral = _beyond(texts, whole)
    double = _finite(pc.if_else(pc.or_(whole, numeral), None, texts).cast(DOUBLE))
    if not pc.any(numeral).as_py():
        longs = pc.if_else(whole, texts, None).cast(LONG)
        return mixed_of({"long": longs, "double": double}) if double.null_count < len(texts) else longs
    exact = written_numerals(pc.if_else(pc.or_(whole, numeral), texts, None))
    return mixed_of({"double": double, "numeral": exact}) if double.null_count < len(texts) else exact


def _beyond(texts: pa.Array, whole: pa.Array) -> pa.Array:
    """Which numbers neither a double nor an integer of 64 bits holds."""
    many = as_mask(pc.match_substring_regex(texts, f"[0-9.]{{{SURE_DIGITS + 2}}}").fill_null(False))
    beyond = np.zeros(len(texts), dtype=bool)
    at = np.flatnonzero(many)
    some = texts.take(pa.array(at)).to_pylist()
    for place, text, integer in zip(at.tolist(), some, as_mask(whole)[at].tolist(), strict=True):
        beyond[place] = not -(2**63) <= int(text) < 2**63 if integer else not holds_digits(float(text), text)
    return pa.array(beyond)
