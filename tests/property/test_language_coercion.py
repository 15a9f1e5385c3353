"""A column is converted as each of its values would be alone."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xdmprep.core.stream import TIMESTAMP
from xdmprep.language import Options, coerce
from xdmprep.language.coercion import coerce_value
from xdmprep.language.values import Failed
from xdmprep.language.zoned_datetime import Moment

SCALARS = [
    pa.string(), pa.int64(), pa.int32(), pa.int16(), pa.int8(), pa.float64(), pa.bool_(), pa.date32(), TIMESTAMP
]  # fmt: skip
TARGETS = [*SCALARS, pa.list_(pa.int32()), pa.struct([("r", pa.date32())]), pa.map_(pa.string(), pa.int64())]
WORDS = [
    "", " 1", "1", "-1", "+1", "007", "1.0", "1.5", ".5", "5.", "1e3", "1e999", "nan", "NaN", "Infinity", "-inf",
    "0x1F", "1_000", "1,000", "127", "128", "-129", "32768", "2147483648", "9223372036854775807",
    "9223372036854775808", "-0", "٣", "--1", "true", "TRUE", "True", "y", "Yes", "ON", "off", "0", "t",
    "2020-12-31", "2020-02-30", "2020-1-1", "1979-01-3", "2020/12/31", "2020.12.31", "2020-Dec-31", "20201231",
    "12-31-2020", "12312020", "7/04/2020", "31.7.2020", "7/04/2020 01:02:03 PM", "31.Jul.2020", "31-Jul-2020",
    "2020-12-31T23:59:58Z", "2020-12-31T23:59:58.123Z", "2020-12-31T23:59:58+02:00", "2020-12-31 23:59:58",
    "2020-12-31 23:59:58.5", "2020-12-31 23:59:58+0000", "2020-12-31T24:00:00Z", "1969-12-31T23:59:59.9995Z",
    "0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00", "2020-12-31T23:59:58 PST", "0000-00-00", "é",
]  # fmt: skip
texts = st.one_of(st.none(), st.sampled_from(WORDS), st.text("0123456789-+.eE:/TZ ", max_size=12))
COLUMNS: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.string(), texts),
    (pa.dictionary(pa.int32(), pa.string()), texts),
    (pa.large_string(), texts),
    (pa.int64(), st.one_of(st.none(), st.integers(-300, 300), st.integers(-(2**63), 2**63 - 1))),
    (pa.int16(), st.one_of(st.none(), st.integers(-(2**15), 2**15 - 1))),
    (pa.uint64(), st.one_of(st.none(), st.integers(0, 2**64 - 1))),
    (pa.float64(), st.one_of(st.none(), st.integers(-300, 300).map(float), st.floats())),
    (pa.bool_(), st.one_of(st.none(), st.booleans())),
    (pa.date32(), st.one_of(st.none(), st.dates(date(1, 2, 1), date(9999, 11, 1)))),
    (pa.timestamp("us", "UTC"), st.one_of(st.none(), st.datetimes(datetime(1, 2, 1), datetime(9999, 11, 1)).map(
        lambda d: d.replace(tzinfo=UTC)))),
    (pa.list_(pa.string()), st.one_of(st.none(), st.lists(texts, max_size=3))),
    (pa.struct([("p", pa.string()), ("q", pa.int64()), ("z", pa.bool_())]), st.one_of(st.none(), st.fixed_dictionaries(
        {"p": texts, "q": st.one_of(st.none(), st.integers(0, 9)), "z": st.booleans()}))),
    (pa.null(), st.none()),
]  # fmt: skip


def alone(value: Any, target: pa.DataType, options: Options) -> tuple[Any, bool]:
    try:
        found = coerce_value(value, target, options)
    except (Failed, OverflowError):
        return None, True
    if target == TIMESTAMP and found is not None:
        return Moment.of(found).millis, False
    return found, False


def same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return left == right and math.copysign(1, left) == math.copysign(1, right)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, datetime):
        return Moment.of(left).millis == right
    return type(left) is type(right) and left == right


@settings(max_examples=400)
@given(
    st.sampled_from(COLUMNS).flatmap(lambda pair: st.tuples(st.just(pair[0]), st.lists(pair[1], max_size=10))),
    st.sampled_from(TARGETS),
    st.sampled_from([Options(), Options(booleans="lenient", zoneless_millis="drop", zone_names="region")]),
)
def test_a_column_is_converted_as_each_value_alone(
    column: tuple[pa.DataType, list[Any]], target: pa.DataType, options: Options
) -> None:
    kind, items = column
    array = pa.array(items, kind if not pa.types.is_dictionary(kind) else pa.string())
    if pa.types.is_dictionary(kind):
        array = pa.concat_arrays([array] * 3).dictionary_encode()  # so many that each word is converted once
    before = array.to_pylist()
    found, bad = coerce(array, target, options)
    found.validate(full=True)
    assert found.type == target
    flat = found.view(pa.int64()) if target == TIMESTAMP else found
    for i, (item, got) in enumerate(zip(before, flat.to_pylist(), strict=True)):
        value, fails = alone(item, target, options)
        assert (i in bad) == fails, (item, got, value)
        assert same(got, value), (item, got, value)


FORMS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%fZ"]


@st.composite
def nearly_alike(draw: st.DrawFn) -> list[str | None]:
    """Dates of one form, of which a few have a character replaced, are no day, have another form or are missing."""
    form = draw(st.sampled_from(FORMS))
    day = st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 1)).map(lambda moment: moment.strftime(form))
    items: list[str | None] = [*draw(st.lists(day, min_size=16, max_size=24))]
    for at in draw(st.lists(st.integers(0, len(items) - 1), max_size=3)):
        text = items[at] or draw(day)
        place = draw(st.integers(0, len(text) - 1))
        other = text[:place] + draw(st.sampled_from("0123456789-T:.Z /x")) + text[place + 1 :]
        days = ["0000-00-00", "2024-02-29", "2023-02-29", "2024-13-45", "2024-04-31", "0000-01-01"]
        clocks = ["24:00:00", "23:60:00", "23:59:60", "00:00:00"]
        wrong = draw(st.sampled_from(days)) + text[10:11] + draw(st.sampled_from(clocks)) + text[19:]
        items[at] = draw(st.sampled_from([other, wrong[: len(text)], *WORDS, "é" * (len(text) // 2), None]))
    return items


@settings(max_examples=300)
@given(nearly_alike(), st.sampled_from([pa.date32(), TIMESTAMP]), st.integers(0, 2))
def test_a_few_strings_that_differ_leave_the_dates_of_a_column(
    items: list[str | None], target: pa.DataType, first: int
) -> None:
    found, bad = coerce(pa.array(items, pa.string())[first:], target, Options())
    flat = found.view(pa.int64()) if target == TIMESTAMP else found
    for i, (item, got) in enumerate(zip(items[first:], flat.to_pylist(), strict=True)):
        value, fails = alone(item, target, Options())
        assert (i in bad) == fails, (item, got, value)
        assert same(got, value), (item, got, value)


@pytest.mark.parametrize("target", SCALARS)
def test_a_text_survives_the_way_there_and_back(target: pa.DataType) -> None:
    values = pa.array(WORDS)
    there, bad = coerce(values, target)
    back, none = coerce(there, pa.string())
    again, _ = coerce(back, target)
    assert len(none) == 0
    assert again.equals(there)
    assert there.null_count == len(bad)
