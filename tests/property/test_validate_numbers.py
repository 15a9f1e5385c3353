"""Verdicts on number columns of every Arrow type are those of Python's own numbers."""

from __future__ import annotations

import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xdmprep as xp

CENTS = [Decimal(value).scaleb(-2) for value in (771248, 771249, 1, -7, 0, 100, 110, 1234567, 30, 10**9 + 7)]
MOST = sys.float_info.max
ENDS = [0.0, -0.0, MOST, -MOST, sys.float_info.min, 5e-324, 1.0]
WHOLE = [0, 1, 2, 7, 100, 127, 3, 12]
COLUMNS: dict[str, tuple[pa.Array, list[Any]]] = {
    **{
        str(kind): (pa.array([*CENTS, None], kind), [*map(float, CENTS), None])
        for kind in (pa.decimal64(12, 2), pa.decimal128(12, 2), pa.decimal256(40, 2))
    },
    "decimal128(38, 0)": (pa.array([*WHOLE, None], pa.decimal128(38, 0)), [*WHOLE, None]),
    "decimal128(9, 0)": (pa.array([*WHOLE, None], pa.decimal128(9, 0)), [*WHOLE, None]),
    **{
        str(kind): (pa.array([*WHOLE, None], kind), [*WHOLE, None])
        for kind in (pa.int8(), pa.uint8(), pa.uint32(), pa.int64(), pa.uint64())
    },
    "uint64, large": (pa.array([2**64 - 1, 2**63, 7], pa.uint64()), [2**64 - 1, 2**63, 7]),
    "float": (pa.array([0.5, 1.25, -2.0, None], pa.float32()), [0.5, 1.25, -2.0, None]),
    "double": (pa.array(ENDS, pa.float64()), ENDS),
    "halffloat": (pa.array([0.5, 1.25, -2.0, None], pa.float16()), [0.5, 1.25, -2.0, None]),
}


def exact(value: Any) -> Fraction:
    return Fraction(repr(value))


RULES: dict[str, tuple[dict[str, Any], Any]] = {
    "maximum": ({"maximum": 7712.48}, lambda v: v <= 7712.48),
    "maximum, beyond longs": ({"maximum": 2**63}, lambda v: v <= 2**63),
    "minimum": ({"minimum": 0.01}, lambda v: v >= 0.01),
    "exclusive-maximum": ({"exclusiveMaximum": 100}, lambda v: v < 100),
    "exclusive-minimum": ({"exclusiveMinimum": 1.1}, lambda v: v > 1.1),
    "multiple-of": ({"multipleOf": 0.01}, lambda v: exact(v) % Fraction("0.01") == 0),
    "multiple-of, whole": ({"multipleOf": 3}, lambda v: exact(v) % 3 == 0),
    "multiple-of, tenths": ({"multipleOf": 0.1}, lambda v: exact(v) % Fraction("0.1") == 0),
    "enum": ({"enum": [7712.48, 1.1, 7, -1, 2**64 - 1]}, lambda v: v in (7712.48, 1.1, 7, 2**64 - 1)),
    "exclusive-maximum, largest": ({"exclusiveMaximum": MOST}, lambda v: v < MOST),
    "exclusive-minimum, largest": ({"exclusiveMinimum": -MOST}, lambda v: v > -MOST),
    "maximum, largest": ({"maximum": MOST}, lambda v: v <= MOST),
    "minimum, below the largest": ({"minimum": int(MOST) - 1}, lambda v: v >= int(MOST) - 1),
    "maximum, beyond doubles": ({"maximum": int(MOST) + 1}, lambda v: v <= int(MOST) + 1),
    "minimum, beyond doubles": ({"minimum": int(MOST) + 1}, lambda v: v >= int(MOST) + 1),
    "enum, zero": ({"enum": [0.0, 7]}, lambda v: v in (0, 7)),
    "enum, minus zero": ({"enum": [-0.0, 7]}, lambda v: v in (0, 7)),
    "enum, ends": ({"enum": ENDS[2:6]}, lambda v: v in ENDS[2:6]),
    "const": ({"const": 100}, lambda v: v == 100),
    "const, zero": ({"const": 0}, lambda v: v == 0),
    "const, largest": ({"const": MOST}, lambda v: v == MOST),
    "type": ({"type": "integer"}, lambda v: v == int(v)),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("column", COLUMNS)
def test_verdicts_on_numbers(column: str, rule: str, tmp_path: Path) -> None:
    array, values = COLUMNS[column]
    keywords, fits = RULES[rule]
    node = {"type": "number", **keywords}
    schema = xp.Schema.from_dict(
        {"$id": "https://e.example/s", "title": "S", "type": "object", "properties": {"x": node}}
    )
    wanted = [row for row, value in enumerate(values, 1) if value is not None and not fits(value)]
    sources: list[Any] = [pa.table({"x": array})] if column != "decimal128(38, 0)" else []  # text in a frame: an id
    if not pa.types.is_float16(array.type) and not pa.types.is_decimal64(array.type):
        pq.write_table(pa.table({"x": array}), tmp_path / "x.parquet")
        sources.append(tmp_path / "x.parquet")
    sources.append([{"x": value} for value in values if value is not None] if None not in values[:-1] else [])
    for source in sources:
        found = xp.validate(source, schema, rules="jsonschema").issues["row"].to_pylist()
        assert sorted(set(found)) == wanted, type(source)
