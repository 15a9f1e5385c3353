"""Conversion to the destination's type: what fits, what does not, and that bad values stay cheap."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import pyarrow as pa
import pytest

from xdmprep.core.stream import TIMESTAMP
from xdmprep.errors import ExpressionError, UsageError
from xdmprep.kernels import native
from xdmprep.language import Options, coerce, coercion, evaluate
from xdmprep.language.coercion import coerce_value
from xdmprep.language.values import Failed


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2020-12-31 23:59:58+0000", utc(2020, 12, 31, 23, 59, 58)),
        ("2020-12-31 23:59:58.000-0800", utc(2021, 1, 1, 7, 59, 58)),
        ("2020-12-31 23:59:58.005", utc(2020, 12, 31, 23, 59, 58, 5000)),
        ("2020-12-31T23:59:58.000+01", utc(2020, 12, 31, 22, 59, 58)),
        ("2020-12-31T23:59:58Z", utc(2020, 12, 31, 23, 59, 58)),
        ("2020-12-31T23:59:58.123456789Z", utc(2020, 12, 31, 23, 59, 58, 123000)),
        ("2020-12-31T23:59:58+05:30", utc(2020, 12, 31, 18, 29, 58)),
        ("2020-12-31", utc(2020, 12, 31)),
        ("2020/12/31", utc(2020, 12, 31)),
        ("2020.12.31", utc(2020, 12, 31)),
        ("2020-Dec-31", utc(2020, 12, 31)),
        ("20201231", utc(2020, 12, 31)),
        ("12-31-2020", utc(2020, 12, 31)),
        ("12112020", utc(2020, 12, 11)),
        ("7/04/2020", utc(2020, 7, 4)),
        ("12/04/2020", utc(2020, 12, 4)),
        ("31.7.2020", utc(2020, 7, 31)),
        ("7/04/2020 01:02:03 PM", utc(2020, 7, 4, 13, 2, 3)),
        ("31.7.2020 12:02:03 AM", utc(2020, 7, 31, 0, 2, 3)),
        ("31.Dec.2020", utc(2020, 12, 31)),
        ("31-Dec-2020", utc(2020, 12, 31)),
        ("7/4/2020", None),
        ("1979-01-3", None),
        ("2020-02-30", None),
        ("2021-02-29", None),
        ("2020-12-31T24:00:00Z", None),
        ("31/12/2020", None),
        (" 2020-12-31", None),
        ("", None),
        ("٢٠٢٠-12-31", None),
    ],
)
def test_text_to_date_time_and_date(text: str, wanted: datetime | None) -> None:
    for repeat in (1, 5):
        values, bad = coerce(pa.array([text] * repeat), TIMESTAMP)
        assert values.to_pylist() == [wanted] * repeat
        assert len(bad) == (repeat if wanted is None else 0)
    days, bad = coerce(pa.array([text]), pa.date32())
    written = None if wanted is None else date(2020, *_written(text, wanted))
    assert days.to_pylist() == [written]


def _written(text: str, wanted: datetime) -> tuple[int, int]:
    """Month and day as the text has them: an offset does not move the date."""
    return (12, 31) if "-0800" in text else (wanted.month, wanted.day)


@pytest.mark.parametrize(
    ("value", "kind", "wanted"),
    [
        ("12", pa.int8(), 12), ("-128", pa.int8(), -128), ("128", pa.int8(), None), ("+7", pa.int64(), 7),
        ("007", pa.int32(), 7), ("9223372036854775807", pa.int64(), 2**63 - 1),
        ("9223372036854775808", pa.int64(), None),
        ("12.0", pa.int64(), None), ("1e3", pa.int64(), None), (" 1", pa.int64(), None), ("1_000", pa.int64(), None),
        ("0x1F", pa.int64(), None), ("١", pa.int64(), None), ("", pa.int64(), None), ("-", pa.int64(), None),
        (12.0, pa.int16(), 12), (12.5, pa.int16(), None), (40000, pa.int16(), None), (True, pa.int64(), None),
        ("0.1", pa.float64(), 0.1), ("1e3", pa.float64(), 1000.0), (".5", pa.float64(), 0.5), ("5.", pa.float64(), 5.0),
        ("nan", pa.float64(), None), ("Infinity", pa.float64(), None), ("1e999", pa.float64(), None),
        (3, pa.float64(), 3.0),
        ("0.1000000000000000055511151231257827", pa.float64(), 0.1), (True, pa.float64(), None),
        (float("inf"), pa.float64(), None),
        ("y", pa.bool_(), True), ("NO", pa.bool_(), False), ("Yes", pa.bool_(), None), ("1", pa.bool_(), None),
        (1, pa.bool_(), None), (5, pa.string(), "5"), (5.0, pa.string(), "5.0"), (0.1, pa.string(), "0.1"),
        (True, pa.string(), "true"), (date(2020, 1, 2), pa.string(), "2020-01-02"),
        (utc(2020, 1, 2, 3, 4, 5, 6000), pa.string(), "2020-01-02T03:04:05.006Z"),
        (date(2020, 1, 2), TIMESTAMP, utc(2020, 1, 2)),
        (utc(1969, 12, 31, 23, 59, 59, 999), pa.date32(), date(1969, 12, 31)),
        (20200101, TIMESTAMP, None), (None, pa.int8(), None),
    ],
)  # fmt: skip
def test_values_become_the_type_or_are_bad(value: Any, kind: pa.DataType, wanted: Any) -> None:
    got, bad = coerce(pa.array([value, None, value]), kind)
    assert got.type == kind
    assert got.to_pylist() == [wanted, None, wanted]
    fails = wanted is None and value is not None
    assert bad.tolist() == ([0, 2] if fails else [])
    with pytest.raises(Failed) if fails else nullcontext():
        assert coerce_value(value, kind) == wanted


def test_options_change_what_is_taken() -> None:
    lenient = Options(booleans="lenient", zoneless_millis="drop")
    assert coerce(pa.array(["Yes", "t", "0", "FALSE", "2"]), pa.bool_(), lenient)[0].to_pylist() == [
        True,
        True,
        False,
        False,
        None,
    ]
    times = pa.array(["2024-05-05 20:39:00.005", "2024-05-05 20:39:00.005 PST", "2024-05-05 20:39:00.005-0800"])
    assert [t.microsecond for t in coerce(times, TIMESTAMP, lenient)[0].to_pylist()] == [0, 0, 5000]


@pytest.mark.parametrize("words", [["1", "x"], ["x", "1"], ["1", None, "x"], ["x", None]])
@pytest.mark.parametrize("codes", [[0, None, 1, 0, None, 1, 0], [1, 1, None, 1, 1, 1], [0] * 6])
def test_codes_are_converted_as_their_words(words: list[str | None], codes: list[int | None]) -> None:
    """Each word once, and neither a row without a code nor a word that is null is a value that does not fit."""
    array = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(words, pa.string()))
    plain = [None if code is None else words[code] for code in codes]
    got, bad = coerce(array, pa.int64())
    assert got.to_pylist() == [int(word) if word == "1" else None for word in plain]
    assert bad.tolist() == [at for at, word in enumerate(plain) if word == "x"]


@pytest.mark.parametrize("kind", [pa.list_(pa.string()), pa.struct([("a", pa.string())])])
def test_no_scalar_fits_a_nested_type(kind: pa.DataType) -> None:
    for values in (pa.array(["a", None, "a"]), pa.array([1, None, 1])):
        got, bad = coerce(values, kind)
        assert (got.type, got.to_pylist(), bad.tolist()) == (kind, [None] * 3, [0, 2])


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.bool_(), TIMESTAMP, pa.date32()])
def test_clean_values_never_meet_the_reference(kind: pa.DataType, monkeypatch: pytest.MonkeyPatch) -> None:
    clean = {pa.int64(): "7", pa.float64(): "7.5", pa.bool_(): "true"}.get(kind, "2020-12-31")
    seen: list[Any] = []
    reference = coercion.coerce_value
    monkeypatch.setattr(coercion, "coerce_value", lambda value, *rest: (seen.append(value), reference(value, *rest))[1])
    odd = "2020-02-30" if clean == "2020-12-31" else "bad"
    values = pa.array(([clean] * 99 + [odd]) * 10)
    got, bad = coerce(values, kind)
    asked = {value for value in seen if value is not None}
    assert asked <= ({odd} if native.IN_USE else {odd, clean})  # without the loops in C each text once
    assert bad.tolist() == list(range(99, 1000, 100))
    assert got.null_count == 10


def test_texts_are_passed_on_untouched() -> None:
    values = pa.array(["a", None])
    assert coerce(values, pa.string())[0] is values
    words = values.dictionary_encode()
    assert coerce(words, pa.string())[0].to_pylist() == ["a", None]


def test_evaluate_converts_to_an_xdm_type() -> None:
    assert evaluate("v", {"v": "5"}, target_type="long") == 5
    assert evaluate("v", {"v": "2020-12-31"}, target_type="date") == "2020-12-31"
    assert evaluate("v", {"v": "x"}, target_type="int") is None
    with pytest.raises(ExpressionError, match="'x' is not a whole number"):
        evaluate("v", {"v": "x"}, target_type="int", strict=True)
    with pytest.raises(UsageError, match="Did you mean 'date-time'"):
        evaluate("v", {}, target_type="datetime")


ISO_FORMS = (
    "2024-03-29",
    "2024-03-29T23:59:58",
    "2024-03-29 23:59:58Z",
    "2024-03-29T23:59:58.123Z",
    "0001-01-01T00:00:00.000Z",
)
#: As long as one of these forms, and more that Arrow reads in another way than Data Prep.
OTHER_FORMS = (
    "2024-03-29T00:30:58+0100", "2024-03-29 23:59:58.1-08", "2024-03-29T23:59:58.1234", "2024-03-29t23:59:58.123Z",
    "2024-03-32T23:59:58.123Z", "2024-03-29T24:00:00.000Z", "2024-03-29T23:59:60.000Z", "0000-01-01T00:00:00.000Z",
    "2024-03-29T23:59:58,123Z", "2024-03-29T23:59:58.12xZ", "2024-03-29T23:59:58.123z", "2024-03-29T23:59:5823.Z",
    "2024-03-29T23:59:58.123", "2024-03-29T23:59+01", "", "x" * 24,
)  # fmt: skip


@pytest.mark.parametrize("drop", [False, True])
@pytest.mark.parametrize("target", [TIMESTAMP, pa.date32()], ids=str)
@pytest.mark.parametrize("form", ISO_FORMS)
def test_a_column_of_one_iso_form_is_read_as_each_string_alone(form: str, target: pa.DataType, drop: bool) -> None:
    options, number = (
        Options(zoneless_millis="drop" if drop else "keep"),
        pa.int64() if target == TIMESTAMP else pa.int32(),
    )

    def each(strings: list[str | None]) -> list[tuple[Any, bool]]:
        found, bad = coerce(pa.array(strings, pa.string()), target, options)
        return [(value, at in bad) for at, value in enumerate(found.cast(number).to_pylist())]

    @cache
    def alone(text: str | None) -> tuple[Any, bool]:
        try:
            value = coercion.coerce_value(text, target, options)
        except Failed:
            return None, True
        return pa.array([value], target).cast(number)[0].as_py(), False

    many = [form.replace("2024", str(1900 + number)) for number in range(101)]
    for other in (*OTHER_FORMS, *ISO_FORMS):
        for column in ([*many[:9], other, None], [*many, other], [form, other]):
            assert each(column) == [alone(text) for text in column], column
