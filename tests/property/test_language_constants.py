"""What is refused for its constants before the first row has no value in any row."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdmprep import evaluate
from xdmprep.errors import ExpressionError
from xdmprep.language import constants
from xdmprep.language.grammar import parse
from xdmprep.language.options import Options

TEXTS = ["", "a", "b", "a,b", ",", "(a)", "$1", "UTC", "UTF-8", "retain", "year", "yyyy", "month", "day", "hour",
         "MM/dd/yyyy", "2020-02-29T10:20:30Z", "01/31/2020", "http://a/?b=c"]  # fmt: skip
SCALARS: list[Any] = [*TEXTS, 0, 1, 2, 13, 24, 31, 59, -1, True]
VALUES: list[Any] = [*SCALARS, ["a"], [{"a": 1}], {"a": 1}]
SAMPLES = {**{name: sample for name, (sample, _) in constants._TRIALS.items()},
           **{name: sample for name, (sample, _) in constants._TURNS.items()}}  # fmt: skip
del SAMPLES["date"]  # a pattern or a default that is none is a mistake, though rows may do without it
#: Rows that are tried for each call.
ROWS = 1500


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A call with constants and columns, and its columns."""
    name = draw(st.sampled_from(sorted(SAMPLES)))
    columns: list[str] = []
    arguments = []
    for at in range(len(SAMPLES[name])):
        if len(columns) < 2 and draw(st.booleans()):
            columns.append(f"c{at}")
            arguments.append(columns[-1])
        else:
            arguments.append(json.dumps(draw(st.sampled_from(SCALARS))))
    if name.startswith("."):
        return f"({arguments[0]}){name}({', '.join(arguments[1:])})", columns
    if not name[0].isalpha():
        return f"{arguments[0]} {name} {arguments[1]}", columns
    return f"{name}({', '.join(arguments)})", columns


def has_value(expression: str, row: dict[str, Any]) -> bool:
    try:
        return evaluate(expression, row, strict=True) is not None
    except ExpressionError:
        return False


def refused(expression: str) -> bool:
    try:
        constants.check_constants(parse(expression), expression, Options())
    except ExpressionError:
        return True
    return False


@given(calls())
def test_a_call_that_is_refused_has_no_value_in_any_row(call: tuple[str, list[str]]) -> None:
    expression, columns = call
    if refused(expression):
        rows = itertools.product(VALUES, repeat=len(columns))
        found = [
            values
            for values in itertools.islice(rows, ROWS)
            if has_value(expression, dict(zip(columns, values, strict=True)))
        ]
        assert found == [], expression


@pytest.mark.parametrize(
    "expression",
    [
        'set_date_part("hour", 0, t)',
        "set_date_part(p, 0, t)",
        't.replaceAll(p, "$1")',
        "t.substring(s, 2)",
        'set_date_part("minute", 59, t)',
    ],
)
def test_a_constant_beside_a_column_is_not_tried_with_a_value_of_ours(expression: str) -> None:
    assert not refused(expression)
