"""Fields of dates, of one and of a column: those of Python's datetime and calendar."""

from __future__ import annotations

from calendar import Calendar
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from language_kit import values_of

import xdmprep as xp
from xdmprep.language import compile_expression
from xdmprep.language.date_fields import FIELDS, Local, local_time
from xdmprep.language.options import Options
from xdmprep.language.shapes import instant_of

ISO, US = Options(weeks="iso"), Options(weeks="us")
_EPOCH = datetime(1970, 1, 1)


def week_of_month(day: date) -> int:
    """The week of the month where weeks begin on Sunday."""
    weeks = Calendar(6).monthdayscalendar(day.year, day.month)
    return next(number for number, days in enumerate(weeks, 1) if day.day in days)


def fields_of(at: datetime) -> dict[str, int]:
    week_year, week, weekday = at.isocalendar()
    return {
        "year": at.year, "quarter": (at.month + 2) // 3, "month": at.month, "day": at.day, "weekyear": week_year,
        "dayofyear": at.timetuple().tm_yday, "week": week, "isoweekday": weekday, "weekday": weekday,
        "ampm": int(at.strftime("%p") == "PM"), "hour": at.hour, "hour12": int(at.strftime("%I")),
        "hour11": int(at.strftime("%I")) % 12, "minute": at.minute, "second": at.second,
        "millisecond": at.microsecond // 1000, "nano": at.microsecond * 1000,
    }  # fmt: skip


moments = st.datetimes()


@given(st.lists(moments, min_size=1, max_size=8))
@example([datetime(2020, 12, 31, 23, 59, 59, 999_999), datetime(2021, 1, 3), datetime(2000, 2, 29, 12)])
def test_fields_of_a_column_are_those_of_each_date(some: list[datetime]) -> None:
    since = [at - _EPOCH for at in some]
    days = np.array([one.days for one in since])
    nanos = np.array([one.seconds * 10**9 + one.microseconds * 1000 for one in since])
    alone = [Local(day, nano) for day, nano in zip(days.tolist(), nanos.tolist(), strict=True)]
    for name in fields_of(some[0]):
        wanted = [fields_of(at)[name] for at in some]
        assert FIELDS[name].of(Local(days, nanos), ISO).tolist() == wanted, name
        assert [FIELDS[name].of(local, ISO) for local in alone] == wanted, name
    wanted = [week_of_month(at) for at in some]
    assert FIELDS["weekofmonth"].of(Local(days, nanos), US).tolist() == wanted
    weekdays = np.array([at.isoweekday() for at in some])
    years, months = (np.array([getattr(at, name) for at in some]) for name in ("year", "month"))
    found = {"year": years, "month": months, "weekofmonth": np.array(wanted), "isoweekday": weekdays}
    again = local_time(found, US)
    assert again.days.tolist() == days.tolist()


@pytest.mark.parametrize("day", [date(1, 1, 1), date(1, 12, 31), date(9999, 1, 1), date(9999, 12, 31)])
def test_the_first_and_the_last_days(day: date) -> None:
    days = (day - _EPOCH.date()).days
    for at in (days, np.array([days])):
        local = Local(at, at * 0)
        assert [int(np.ravel(one)[0]) for one in (local.year, local.month, local.day)] == [day.year, day.month, day.day]
    assert local_time({"year": day.year, "month": day.month, "day": day.day}, ISO).days == days


@given(st.integers(2, 9998), st.integers(1, 52), st.none() | st.integers(1, 7))
def test_a_week_without_a_weekday_is_its_first_day(year: int, week: int, weekday: int | None) -> None:
    found = {"weekyear": year, "week": week} | ({} if weekday is None else {"isoweekday": weekday})
    assert local_time(found, ISO).days == (date.fromisocalendar(year, week, weekday or 1) - _EPOCH.date()).days


def test_a_month_has_six_weeks_at_most() -> None:
    found = {"year": 2023, "month": 7, "weekofmonth": 6, "isoweekday": 1}
    local = local_time(found, US)
    assert local.days == (date(2023, 7, 31) - _EPOCH.date()).days
    assert FIELDS["weekofmonth"].of(local, US) == FIELDS["weekofmonth"].most == 6


def weeks_of(year: int) -> list[str]:
    return [f"{year:04}-W{week:02}-{day}" for week in (1, 2, 51, 52, 53) for day in range(1, 8)]


@pytest.mark.parametrize("options", [ISO, US], ids=["iso", "us"])
@pytest.mark.parametrize("year", [1, 2020, 9998, 9999])
def test_weeks_that_lead_out_of_the_years_or_are_not_in_theirs_are_no_dates(year: int, options: Options) -> None:
    """Those of the United States begin on Sunday, the first one with 1 January in it."""

    def day_of(text: str) -> datetime | None:
        week, day = int(text[-4:-2]), int(text[-1])
        if options is ISO:
            with suppress(ValueError):
                return datetime.fromisocalendar(year, week, day).replace(tzinfo=UTC)
            return None
        # the calendar is the same 400 years earlier or later
        new_year = date(2000 + year % 400, 1, 1)
        found = new_year + timedelta(7 * week + day - 8 - new_year.isoweekday() % 7)
        if found >= (sunday := date(new_year.year + 1, 1, 1)) - timedelta(sunday.isoweekday() % 7):
            return None
        with suppress(ValueError):
            return datetime(found.year - new_year.year + year, found.month, found.day, tzinfo=UTC)
        return None

    texts = weeks_of(year)
    expression = "date(v, \"YYYY-'W'ww-e\")"
    made = compile_expression(expression, pa.schema([("v", pa.string())]), options=options)
    wanted = [day_of(text) for text in texts]
    assert values_of(made.apply(pa.record_batch({"v": texts}))) == wanted
    for text, day in zip(texts, wanted, strict=True):
        got = xp.evaluate(expression, {"v": text}, options=options)
        assert got == (None if day is None else day.isoformat().replace("+00:00", "Z")), text


@pytest.mark.parametrize(
    ("day", "week"), [("9999-12-25", "9999-52"), ("9999-12-26", "10000-01"), ("9999-12-31", "10000-01")]
)
def test_the_last_days_are_in_a_week_of_the_next_year(day: str, week: str) -> None:
    expression = 'format(date(v, "yyyy-MM-dd"), "YYYY-ww")'
    made = compile_expression(expression, pa.schema([("v", pa.string())]), options=US)
    assert values_of(made.apply(pa.record_batch({"v": [day, "2024-01-01", day]}))) == [week, "2024-01", week]
    assert xp.evaluate(expression, {"v": day}, options=US) == week


def test_offsets_of_both_signs_in_one_column() -> None:
    texts = [f"2024-01-01T00:00:00{sign}{hours:02}:30" for hours in (2, 11) for sign in "+-"]
    made = compile_expression("date(v, \"yyyy-MM-dd'T'HH:mm:ssXXX\")", pa.schema([("v", pa.string())]))
    values = instant_of(made.apply(pa.record_batch({"v": texts})).values).to_pylist()
    assert values == [datetime.fromisoformat(text) for text in texts]
