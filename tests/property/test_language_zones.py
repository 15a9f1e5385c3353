# ruff: noqa: E501
"""Dates in zones as columns: offsets beside the standard library, and every function of dates beside the reference."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from language_kit import errors_of, values_of

from xdmprep.language import coerce, compile_expression
from xdmprep.language.catalogue import Context
from xdmprep.language.coercion import coerce_value
from xdmprep.language.interpreter import Scope, compile_node, run
from xdmprep.language.options import DEFAULT
from xdmprep.language.values import Failed, incoming, leaves_changed
from xdmprep.language.zoned_datetime import Moment
from xdmprep.language.zones import instants, number_of, offsets, zone_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
REGIONS = sorted(set(zoneinfo.available_timezones()) - {"localtime", "Factory"})
SOME = ["Europe/Paris", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Casablanca", "Etc/GMT+5"]


@settings(max_examples=60)
@given(
    st.sampled_from(REGIONS),
    st.lists(st.datetimes(datetime(1850, 1, 1), datetime(2100, 1, 1)), min_size=1, max_size=30),
)
def test_offsets_of_regions_are_those_of_zoneinfo(name: str, times: list[datetime]) -> None:
    place = zoneinfo.ZoneInfo(name)
    zones = np.full(len(times), number_of(place), dtype=np.int32)
    assert zone_of(int(zones[0])) is place
    micros = np.array([(at.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1) for at in times], dtype=np.int64)
    try:
        found = offsets(micros, zones)
        back, twice = instants(micros, zones)
    except Failed:
        return
    for i, at in enumerate(times):
        wanted = at.replace(tzinfo=UTC).astimezone(place).utcoffset()
        assert wanted is not None
        assert found[i] == wanted // timedelta(microseconds=1), (name, at)
        moment = Moment.local(at.replace(tzinfo=place, fold=0))
        assert back[i] == moment.micros, (name, at)
        both = [at.replace(tzinfo=place, fold=fold).utcoffset() for fold in (0, 1)]
        assert bool(twice[i]) == (both[0] != both[1]), (name, at)


@pytest.mark.parametrize("name", SOME)
def test_hours_around_every_change(name: str) -> None:
    place = zoneinfo.ZoneInfo(name)
    hours = np.arange(0, 366 * 24 * 2, dtype=np.int64) * 1800 * 1_000_000 + 1_704_067_200_000_000
    zones = np.full(len(hours), number_of(place), dtype=np.int32)
    found, (back, _) = offsets(hours, zones), instants(hours, zones)
    for i, at in enumerate(hours.tolist()):
        instant = EPOCH + timedelta(microseconds=at)
        assert timedelta(microseconds=int(found[i])) == instant.astimezone(place).utcoffset(), (name, instant)
        assert back[i] == Moment.local(instant.replace(tzinfo=place)).micros, (name, instant)


NAMES = ["+02:00", "-08:00", "Z", "+05:30", "+0200", "-08", "+14:00"]
ZONES = ["Europe/Paris", "America/New_York", "UTC", "+02:00", "PST", "GMT-3", "Nowhere/Land", "Asia/Kolkata"]
TIMES = st.one_of(
    st.datetimes(datetime(1900, 1, 1), datetime(2090, 1, 1)),
    st.sampled_from([datetime(2024, 3, 31, 2, 30), datetime(2024, 10, 27, 2, 30), datetime(2024, 11, 3, 1, 30)]),
).map(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000))


@st.composite
def zoned_dates(draw: st.DrawFn, depth: int = 3) -> str:
    """An expression that gives a date, often in a zone."""
    leaves = [
        "date(t)", "date(s)", "date(t, \"yyyy-MM-dd'T'HH:mm:ss[.SSS]XXX\")", "date(z, 'yyyy-MM-dd HH:mm:ss z')",
        "date(v, 'yyyy-MM-dd HH:mm VV')", "date(s, '[yyyy-MM-dd HH:mm][yyyy-MM-dd]')", "m", "null",
        "date(t, \"[yyyy-MM-dd'T'HH:mm:ssX][yyyy-MM-dd]\", m)",
        "make_date_time(y, 3, d, h, 30, 0, 0, zone)", "make_date_time(2024, 10, 27, h, 30, 0, 5000, 'Europe/Paris')",
    ]  # fmt: skip
    if not depth or draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(leaves))
    inner, other = draw(zoned_dates(depth - 1)), draw(zoned_dates(depth - 1))
    part = draw(st.sampled_from(["year", "month", "day", "hour", "minute", "second"]))
    return draw(
        st.sampled_from(
            [
                f"zone_date_to_zone({inner}, zone)",
                f"zone_date_to_zone({inner}, 'America/New_York')",
                f"zone_date_to_utc({inner})",
                f"set_date_part('{part}', d, {inner})",
                f"iif(k, {inner}, {other})",
                f"coalesce({inner}, {other})",
                f"max({inner}, {other})",
                f"[{inner}, {other}][1]",
                f"to_object('a', {inner}).a",
                f"({inner} ?? {other})",
                f"date({inner})",
                f"last(transformArray([{inner}, m], x -> iif(k, x, {other})))",
            ]
        )
    )


SHOWN = [
    "{}", "format({}, \"yyyy-MM-dd'T'HH:mm:ss.SSSXXX\")", "format({}, 'EEE d MMM yy hh:mm a z VV O ZZZZ xx')",
    "date_part('hour', {})", "date_part('dw', {})", "concat('at ', {})", "join(',', [{}, t])", "{} == m", "{} > date(t)",
    "dformat({}, 'HH:mm XXX')", "to_array(false, {}, null)", "iif(k, {}, 'none')", "({}).toString()",
]  # fmt: skip


@settings(max_examples=250)
@given(st.data())
def test_dates_in_zones_as_columns_are_those_of_each_row(data: st.DataObject) -> None:
    def text(mark: str, pattern: str, ends: list[str]) -> st.SearchStrategy[str | None]:
        made = st.tuples(TIMES, st.sampled_from(ends)).map(lambda drawn: f"{drawn[0]:{pattern}}".replace("~", drawn[1]))
        return st.one_of(made, made, made, st.sampled_from([None, "", "n/a", mark]))

    row = st.fixed_dictionaries(
        {
            "t": text("2020-02-30T00:00:00Z", "%Y-%m-%dT%H:%M:%S~", [*NAMES, ".125Z", ".5+02:00", ""]),
            "s": text("2020-13-01", "%Y-%m-%d~", ["", " 10:30", " 10:30:15 EST", " 01:02:03.125-0500"]),
            "z": text(
                "2020-01-01 00:00:00 XYZ", "%Y-%m-%d %H:%M:%S ~", ["PST", "CET", "GMT", "Europe/Paris", "+02:00"]
            ),
            "v": text("2020-01-01 00:00 ", "%Y-%m-%d %H:%M ~", ["Europe/Paris", "Asia/Tokyo", "America/New_York", "Z"]),
            "m": st.one_of(st.none(), TIMES.map(lambda at: at.replace(tzinfo=UTC))),
            "y": st.integers(1990, 2030),
            "d": st.integers(-1, 32),
            "h": st.integers(-1, 24),
            "k": st.booleans(),
            "zone": st.one_of(st.none(), st.sampled_from(ZONES)),
        }
    )
    rows = data.draw(st.lists(row, min_size=1, max_size=6))
    expression_text = data.draw(st.sampled_from(SHOWN)).replace("{}", data.draw(zoned_dates()))
    types = {**dict.fromkeys("tszv", pa.string()), "m": pa.timestamp("ms", "UTC"), "zone": pa.string(), "k": pa.bool_()}
    batch = pa.Table.from_pylist(
        rows, pa.schema([(name, types.get(name, pa.int64())) for name in rows[0]])
    ).to_batches()[0]
    expression = compile_expression(expression_text, batch.schema)
    got = expression.apply(batch)
    values = values_of(got)
    failed = {at for at, _ in errors_of(got)}
    evaluate = compile_node(expression.tree)
    for i, record in enumerate(rows):
        try:
            wanted, fails = run(evaluate, Scope(record, Context(DEFAULT))), False
        except Failed:
            wanted, fails = None, True
        assert (i in failed) == fails, (expression_text, record, values[i], wanted)
        assert _plain(values[i]) == _plain(wanted), (expression_text, record)


def _plain(value: Any) -> Any:
    """Dates as milliseconds since 1970."""
    if isinstance(value, datetime):
        return Moment.of(value).millis
    if isinstance(value, Moment):
        return value.millis
    return [_plain(item) for item in value] if isinstance(value, list) else value


@settings(max_examples=60)
@given(
    st.sampled_from(["America/New_York", "Europe/Paris", "Europe/Moscow", "Europe/Lisbon", "Asia/Tokyo"]),
    st.lists(st.datetimes(datetime(1940, 1, 1), datetime(1995, 1, 1)), min_size=1, max_size=30),
)
def test_names_that_change_while_the_offset_stays_are_printed(name: str, times: list[datetime]) -> None:
    """EWT became EPT, Paris had WEMT before it had CEST: the same offset, another name."""
    changes = [datetime(1945, 8, 14, 22, 30), datetime(1945, 8, 14, 23, 30), datetime(1945, 5, 1), datetime(1976, 5, 1)]
    place = zoneinfo.ZoneInfo(name)
    given_ = [at.replace(tzinfo=UTC, microsecond=0) for at in [*times, *changes]]
    batch = pa.record_batch({"m": pa.array(given_, pa.timestamp("us", "UTC"))})
    expression = compile_expression(f"format(zone_date_to_zone(m, '{name}'), 'z')", batch.schema)
    assert [str(text) for text in values_of(expression.apply(batch))] == [
        at.astimezone(place).tzname() for at in given_
    ]


@pytest.mark.parametrize("name", ["Europe/Paris", "+05:30", "Etc/UTC", "UTC", "America/New_York"])
@pytest.mark.parametrize(
    "text",
    [
        "w", "concat(w, '')", "format(w, 'yyyy-MM-dd HH:mm XXX')", "date_part('hh', w)", "set_date_part('dd', 1, w)",
        "iif(k, w, m)", "nvl(w, m)", "max(w, m)", "zone_date_to_utc(w)", "w == m", "w < m", "date(concat(w, ''))",
        "to_array(false, w, m)[0]", "{'a': w}.a", "first(l)", "decode(w, m, 'same', 'other')", "first(transformArray(l, x -> format(x, 'HH z')))",
    ],
)  # fmt: skip
def test_times_of_a_source_keep_their_zone(name: str, text: str) -> None:
    instants_ = [datetime(2024, 3, 31, 0, 59, 59, tzinfo=UTC), datetime(1969, 7, 20, 23, 30, tzinfo=UTC), None, EPOCH]
    zoned, plain = pa.timestamp("ms", name), pa.timestamp("ms", "UTC")
    rows = [{"w": at, "m": EPOCH, "k": i % 2 == 0, "l": [at]} for i, at in enumerate(instants_)]
    schema = pa.schema([("w", zoned), ("m", plain), ("k", pa.bool_()), ("l", pa.list_(zoned))])
    batch = pa.RecordBatch.from_pylist(rows, schema)
    expression = compile_expression(text, schema)
    made = expression.apply(batch)
    assert not errors_of(made)
    tree = compile_node(expression.tree)
    wanted = [
        run(tree, Scope(leaves_changed(record, incoming), Context(DEFAULT))) for record in batch.to_pylist()
    ]  # fmt: skip
    for kind in (pa.string(), pa.date32(), plain):
        if isinstance(wanted[0], Moment) or pa.types.is_string(kind):
            values, bad = coerce(made.values, kind)
            assert not len(bad)
            assert values.to_pylist() == [coerce_value(value, kind) for value in wanted]
