"""Every documented limit just below it, at it, and just above it: on single records, lines of a file, and columns.

The limits are written here as numbers, so that a changed constant is found.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from leaves_kit import shredded

import xdmprep as xp
from xdmprep import wire
from xdmprep.core.stream import row_chunk
from xdmprep.errors import OutputError, SchemaError, UsageError
from xdmprep.schema.lint import lint
from xdmprep.validate import compile_checks
from xdmprep.write import parts

pytestmark = pytest.mark.usefixtures("few_lines_become_columns")

RECORD, EVENT = "https://ns.adobe.com/xdm/data/record", "https://ns.adobe.com/xdm/data/time-series"
TEXT = {"type": "string"}
ITEM = {"type": "object", "properties": {"id": TEXT, "primary": {"type": "boolean"}}}
FIELDS: dict[str, Any] = {
    "identityMap": {"type": "object", "additionalProperties": {"type": "array", "items": ITEM}},
    "_id": TEXT,
    "timestamp": {"type": "string", "format": "date-time"},
    "text": TEXT,
    "more": {"type": "array", "items": TEXT},
    "numbers": {"type": "array", "items": {"type": "number"}},
    "number": {"type": "number"},
    "map": {"type": "object", "additionalProperties": TEXT},
    "mail": TEXT,
    "inner": {"type": "object", "properties": {
        "list": {"type": "array", "items": TEXT}, "map": {"type": "object", "additionalProperties": TEXT}}},
    **{kind: {"type": "integer", "meta:xdmType": kind} for kind in ("byte", "short", "int", "long")},
}  # fmt: skip


def schema(behavior: str = RECORD, fields: dict[str, Any] | None = None, **more: Any) -> xp.Schema:
    return xp.Schema.from_dict(
        {"title": "T", "type": "object", "meta:extends": [behavior], "properties": fields or FIELDS, **more}
    )


PROFILE, EVENTS = schema(), schema(EVENT)


def found(made: xp.Schema, record: dict[str, Any], code: str, folder: Path) -> dict[str, int]:
    """How often each path finds a rule broken in a record; a column of the schema's own type may not hold it."""
    file = folder / "records.json"
    file.write_text("\n".join([json.dumps(record, ensure_ascii=False, separators=(",", ":"))] * 2), encoding="utf-8")
    counts = {
        "record": [issue.code for issue in made.check(record)],
        "lines": [issue.code for issue in xp.validate(file, made) if issue.row == 1],
        "frame": [issue.code for issue in xp.validate(pa.Table.from_pylist([record]), made)],
    }
    with suppress(pa.ArrowException):
        own = pa.Table.from_pylist([record], pa.schema([part for part in made.arrow_schema if part.name in record]))
        counts["own types"] = [issue.code for issue in xp.validate(own, made)]
    for name, chunk in (("leaves", shredded(record)), ("nested", row_chunk(pa.RecordBatch.from_pylist([record])))):
        done = compile_checks(made, chunk.leaves)(chunk)
        counts[name] = [issue.code for finding in done.issues for issue in finding.issues()]
    return {name: codes.count(code) for name, codes in counts.items()}


def ids(n: int, namespace: str = "CRMID") -> dict[str, Any]:
    return {"identityMap": {namespace: [{"id": f"c{i}", "primary": i == 0} for i in range(n)]}}


def sized(size: int, letter: str, wide: bool = False) -> dict[str, Any]:
    """A record of so many bytes of JSON."""
    record: dict[str, Any] = {**ids(1), "text": "", **({"more": [letter * 10] * 3} if wide else {})}
    room = size - len(json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode())
    assert room > 2
    return {**record, "text": letter * (room // len(letter.encode())) + "x" * (room % len(letter.encode()))}


def within(value: Any) -> dict[str, Any]:
    return {**ids(1), **value}


#: name: schema, rule, the last good number, what makes a record of a number.
LIMITS: dict[str, tuple[xp.Schema, str, int, Callable[[int], dict[str, Any]]]] = {
    "identities": (PROFILE, "identity-count", 20, ids),
    "identities of several namespaces": (
        PROFILE, "identity-count", 20,
        lambda n: {"identityMap": {**ids(n - 9)["identityMap"], "Email": [{"id": f"{i}@x.org"} for i in range(9)]}},
    ),
    "length of an id": (
        PROFILE, "identity-length", 1024, lambda n: {"identityMap": {"CRMID": [{"id": "x" * n, "primary": True}]}},
    ),
    "length of an id beyond ASCII": (
        PROFILE, "identity-length", 1024, lambda n: {"identityMap": {"CRMID": [{"id": "é" * n, "primary": True}]}},
    ),
    "primary identities": (
        PROFILE, "identity-primary", 1,
        lambda n: {"identityMap": {"CRMID": [{"id": f"c{i}", "primary": i < n} for i in range(3)]}},
    ),
    "size of a profile": (PROFILE, "record-size", 102_400, lambda n: sized(n, "x")),
    "size of a profile beyond ASCII": (PROFILE, "record-size", 102_400, lambda n: sized(n, "é")),
    "size of a profile with arrays": (PROFILE, "record-size", 102_400, lambda n: sized(n, "x", wide=True)),
    "size of an event": (EVENTS, "record-size", 10_240, lambda n: sized(n, "x")),
    "size of an event with arrays": (EVENTS, "record-size", 10_240, lambda n: sized(n, "é", wide=True)),
    "items of a profile": (PROFILE, "array-items", 500, lambda n: within({"more": ["x"] * n})),
    "items within an object": (PROFILE, "array-items", 500, lambda n: within({"inner": {"list": ["x"] * n}})),
    "items of an event": (EVENTS, "array-items", 10, lambda n: within({"more": ["x"] * n})),
    "keys of a map": (PROFILE, "map-keys", 15, lambda n: within({"map": {f"k{i}": "x" for i in range(n)}})),
    "keys of a map within an object": (
        PROFILE, "map-keys", 15, lambda n: within({"inner": {"map": {f"k{i}": "x" for i in range(n)}}}),
    ),
    **{
        f"{kind} at the top": (PROFILE, "width", 2 ** (bits - 1) - 1, lambda n, kind=kind: within({kind: n}))  # type: ignore[misc]
        for kind, bits in (("byte", 8), ("short", 16), ("int", 32))
    },
    **{
        f"{kind} at the bottom": (PROFILE, "width", 2 ** (bits - 1), lambda n, kind=kind: within({kind: -n}))  # type: ignore[misc]
        for kind, bits in (("byte", 8), ("short", 16), ("int", 32))
    },
}  # fmt: skip


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_and_its_neighbours(name: str, tmp_path: Path) -> None:
    made, code, limit, record = LIMITS[name]
    for number, broken in ((limit - 1, False), (limit, False), (limit + 1, True)):
        if name == "primary identities" and not number:
            continue
        counts = found(made, record(number), code, tmp_path)
        assert {path: count > 0 for path, count in counts.items()} == dict.fromkeys(counts, broken), (number, counts)


def broken_rows(made: xp.Schema, records: list[dict[str, Any]], code: str, folder: Path) -> dict[str, set[int]]:
    """Which of several records break a rule, on each path that takes them together."""
    file = folder / "several.json"
    file.write_text("\n".join(json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in records))
    found = {
        "lines": list(xp.validate(file, made)),
        "frame": list(xp.validate(pa.Table.from_struct_array(pa.array(records)), made)),
    }
    chunk = shredded(*records)
    done = compile_checks(made, chunk.leaves)(chunk)
    found["leaves"] = [issue for finding in done.issues for issue in finding.issues()]
    return {path: {issue.row or 0 for issue in issues if issue.code == code} for path, issues in found.items()}


@pytest.mark.parametrize("name", [name for name in LIMITS if name != "primary identities"])
def test_a_limit_and_its_neighbours_side_by_side(name: str, tmp_path: Path) -> None:
    made, code, limit, record = LIMITS[name]
    rows = broken_rows(made, [record(limit - 1), record(limit), record(limit + 1)], code, tmp_path)
    assert rows == {key: {3} for key in rows}


@pytest.mark.parametrize("keyword", ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"])
@pytest.mark.parametrize("kind", [pa.int8(), pa.int64(), pa.float64()])
@pytest.mark.parametrize("bound", [5, -128, 127, 5.5])
def test_bounds_of_a_column_of_many_values(keyword: str, kind: pa.DataType, bound: float) -> None:
    values = [-128, -127, 4, 5, 6, 126, 127]
    keeps: Callable[[float], bool] = {
        "minimum": lambda value: value >= bound,
        "maximum": lambda value: value <= bound,
        "exclusiveMinimum": lambda value: value > bound,
        "exclusiveMaximum": lambda value: value < bound,
    }[keyword]
    made = schema(fields={"v": {"type": "number", keyword: bound}})
    report = xp.validate(pa.table({"v": pa.array(values, kind)}), made, rules="jsonschema")
    assert {values[(issue.row or 0) - 1] for issue in report} == {value for value in values if not keeps(value)}


def test_an_object_that_is_not_there_has_not_too_few_fields(tmp_path: Path) -> None:
    made = schema(fields={"v": {"type": "object", "properties": NINE, "minProperties": 2}, "pad": TEXT})
    records: list[dict[str, Any]] = [{"pad": "x"}, {"v": {"k0": "x"}}, {"v": {"k0": "x", "k1": "x"}}]
    rows = broken_rows(made, records, "min-properties", tmp_path)
    assert rows == {key: {2} for key in rows}


@pytest.mark.parametrize("edge", ["minimum", "maximum"])
def test_a_bound_that_is_that_of_the_width_is_told_once(edge: str, tmp_path: Path) -> None:
    value = {"minimum": -(2**15), "maximum": 2**15 - 1}[edge]
    made = schema(fields={"v": {"type": "integer", "meta:xdmType": "short", edge: value}, "pad": TEXT})
    record = {"v": value + (1 if edge == "maximum" else -1), "pad": "x"}
    assert set(found(made, record, edge, tmp_path).values()) == {1}
    assert set(found(made, record, "width", tmp_path).values()) == {0}


def test_the_bounds_of_a_field() -> None:
    for kind, bits in (("byte", 8), ("short", 16), ("int", 32), ("long", 64)):
        assert PROFILE.find(kind).bounds() == (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def test_a_profile_has_one_primary_identity_and_an_event_may_have_none(tmp_path: Path) -> None:
    none = {"identityMap": {"CRMID": [{"id": "c", "primary": False}]}}
    assert set(found(PROFILE, none, "identity-primary", tmp_path).values()) == {1}
    assert set(found(EVENTS, none, "identity-primary", tmp_path).values()) == {0}


@pytest.mark.parametrize(("text", "broken"), [("", True), ("x", False)])
def test_an_empty_text_is_no_identity(text: str, broken: bool, tmp_path: Path) -> None:
    descriptor = {"@type": "xdm:descriptorIdentity", "xdm:sourceProperty": "/mail", "xdm:namespace": "Email"}
    tags = {"meta:immutableTags": ["union"]}
    event = schema(EVENT, **tags, **{"meta:descriptors": [descriptor]})
    person = schema(**tags, **{"meta:descriptors": [{**descriptor, "xdm:isPrimary": True}]})
    for made, record, code in (
        (event, {"_id": "e", "mail": text}, "identity-none"),
        (event, {"_id": "e", "identityMap": {"CRMID": [{"id": text}]}}, "identity-none"),
        (person, {"text": "x", "mail": text}, "identity-primary"),
    ):
        assert set(found(made, record, code, tmp_path).values()) == {int(broken)}, record


@pytest.mark.parametrize(("digits", "broken"), [(37, True), (38, False), (39, True)])
@pytest.mark.parametrize("namespace", ["ECID", "ecid", "Ecid"])
def test_an_ecid_has_38_digits(digits: int, broken: bool, namespace: str, tmp_path: Path) -> None:
    record = {"identityMap": {namespace: [{"id": "1" * digits, "primary": True}]}}
    assert set(found(PROFILE, record, "identity-ecid", tmp_path).values()) == {int(broken)}


@pytest.mark.parametrize("value", [2**63 - 1, 2**63, -(2**63), -(2**63) - 1])
def test_a_long_has_64_bits(value: int, tmp_path: Path) -> None:
    record = within({"long": value})
    file = tmp_path / "records.json"
    file.write_text(json.dumps(record))
    broken = not -(2**63) <= value < 2**63
    assert ("width" in {issue.code for issue in PROFILE.check(record)}) is broken
    assert ("width" in {issue.code for issue in xp.validate(file, PROFILE)}) is broken


def test_a_number_written_short_counts_as_long_as_it_is_written_again(tmp_path: Path) -> None:
    """1e15 in a file is 1000000000000000.0 in the record that is measured: 14 bytes more, and almost four times."""
    many = '{"more":[' + ",".join(["1e15"] * 5400) + "]}"
    assert 3 * len(many) < 102_400 < len(json.dumps(json.loads(many), separators=(",", ":")))
    file = tmp_path / "records.json"
    file.write_text(f"{many}\n{many}")
    assert [issue.row for issue in xp.validate(file, PROFILE) if issue.code == "record-size"] == [1, 2]
    start = '{"number":1e15,"text":"'
    for size, broken in ((102_400, False), (102_401, True)):
        line = start + "x" * (size - 14 - len(start) - 2) + '"}'
        assert len(json.dumps(json.loads(line), separators=(",", ":"))) == size
        file.write_text("\n".join([line] * 2))
        rows = [issue.row for issue in xp.validate(file, PROFILE) if issue.code == "record-size"]
        assert rows == ([1, 2] if broken else [])


@pytest.mark.parametrize(("minutes", "late"), [(-1, False), (1, True)])
def test_an_event_lies_in_the_past(minutes: int, late: bool, tmp_path: Path) -> None:
    moment = datetime.now(UTC) + timedelta(minutes=minutes)
    for text in (moment.isoformat(), (moment + timedelta(hours=14)).isoformat()[:-6] + "+14:00"):
        counts = found(EVENTS, {"_id": "e", **ids(1), "timestamp": text}, "event-timestamp", tmp_path)
        assert set(counts.values()) == {int(late)}, (text, counts)
    for kind in (pa.timestamp("ms", "UTC"), pa.timestamp("us", "UTC")):
        table = pa.table({"_id": ["e"], "timestamp": pa.array([moment], kind)})
        assert ("event-timestamp" in {issue.code for issue in xp.validate(table, EVENTS)}) is late


BOUNDS = {
    "minimum": (5, [(4, True), (5, False), (6, False)]),
    "maximum": (5, [(4, False), (5, False), (6, True)]),
    "exclusiveMinimum": (5, [(4, True), (5, True), (6, False)]),
    "exclusiveMaximum": (5, [(4, False), (5, True), (6, True)]),
}


@pytest.mark.parametrize("keyword", BOUNDS)
@pytest.mark.parametrize("fraction", [0, 0.5])
def test_bounds_of_numbers(keyword: str, fraction: float, tmp_path: Path) -> None:
    bound, cases = BOUNDS[keyword]
    for kind in ("integer", "number"):
        made = schema(fields={"v": {"type": kind, keyword: bound + fraction}, "pad": TEXT})
        for value, broken in cases:
            if fraction and value == bound:  # beside 5.5, 5 is below and 6 above
                broken = keyword.endswith("inimum")
            if fraction and value == bound + 1:
                broken = keyword.endswith("aximum")
            numbers: list[Any] = [value] if kind == "integer" else [value, value + fraction]
            for number in numbers:
                wrong = broken
                if fraction and number != value:  # 4.5, 5.5 and 6.5 beside 5.5 are as 4, 5 and 6 beside 5
                    wrong = dict(cases)[value]
                counts = found(made, {"v": number, "pad": "x"}, keyword.removeprefix("exclusive").lower(), tmp_path)
                assert {name: count > 0 for name, count in counts.items()} == dict.fromkeys(counts, wrong), number


#: A bound that no double is, and the doubles on its two sides.
BETWEEN = 2**53 + 1


@pytest.mark.parametrize("keyword", BOUNDS)
def test_bounds_between_two_doubles_are_exact(keyword: str) -> None:
    made = schema(fields={"v": {"type": "number", keyword: BETWEEN}})
    for value in (float(2**53), float(2**53 + 2)):
        broken = value < BETWEEN if keyword.endswith("inimum") else value > BETWEEN
        assert bool(made.check({"v": value})) is broken
        assert xp.validate(pa.table({"v": pa.array([value])}), made).valid is not broken


@pytest.mark.parametrize("keyword", BOUNDS)
@pytest.mark.parametrize("kind", [pa.int8(), pa.int64(), pa.uint64(), pa.float64()])
def test_bounds_beyond_a_column_decide_for_all_of_it(keyword: str, kind: pa.DataType) -> None:
    for bound in (-(10**400), -(2**70), 2**70, 10**400):
        made = schema(fields={"v": {"type": "number", keyword: bound}})
        fine = (bound < 0) == keyword.endswith("inimum")
        assert xp.validate(pa.table({"v": pa.array([0, 100], kind)}), made).valid is fine
        assert (not made.check({"v": 100})) is fine


NINE = {f"k{i}": TEXT for i in range(9)}
SIZES: dict[str, tuple[dict[str, Any], Callable[[int], Any], bool]] = {
    "minLength": (TEXT, lambda n: "é" * n, True),
    "maxLength": (TEXT, lambda n: "é" * n, False),
    "minItems": ({"type": "array", "items": TEXT}, lambda n: ["x"] * n, True),
    "maxItems": ({"type": "array", "items": TEXT}, lambda n: ["x"] * n, False),
    "minProperties": ({"type": "object", "properties": NINE}, lambda n: {f"k{i}": "x" for i in range(n)}, True),
    "maxProperties": ({"type": "object", "properties": NINE}, lambda n: {f"k{i}": "x" for i in range(n)}, False),
}  # fmt: skip


@pytest.mark.parametrize("keyword", SIZES)
def test_bounds_of_sizes(keyword: str, tmp_path: Path) -> None:
    node, value, least = SIZES[keyword]
    made = schema(fields={"v": {**node, keyword: 3}, "pad": TEXT})
    code = "".join("-" + char.lower() if char.isupper() else char for char in keyword)
    for number in (2, 3, 4):
        counts = found(made, {"v": value(number), "pad": "x"}, code, tmp_path)
        broken = number < 3 if least else number > 3
        assert {name: count > 0 for name, count in counts.items()} == dict.fromkeys(counts, broken), (number, counts)
    top = schema(fields=NINE, **({keyword: 3} if "Prop" in keyword else {}))
    for number in (2, 3, 4) if "Prop" in keyword else ():
        broken = number < 3 if least else number > 3
        counts = found(top, {f"k{i}": "x" for i in range(number)}, code, tmp_path)
        assert {name: count > 0 for name, count in counts.items()} == dict.fromkeys(counts, broken), (number, counts)


# ---- schemas -------------------------------------------------------------------------------------------------------


def nested(levels: int) -> dict[str, Any]:
    node: dict[str, Any] = TEXT
    for _ in range(levels):
        node = {"type": "object", "properties": {"x": node}}
    return node


def lists(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def test_a_schema_has_at_most_100_levels() -> None:
    xp.Schema.from_dict(nested(99))
    with pytest.raises(SchemaError, match="nested deeper than 100 levels"):
        xp.Schema.from_dict(nested(100))


def test_values_in_a_schema_have_at_most_400_levels() -> None:
    for levels in (397, 398):
        assert xp.Schema.from_dict({"properties": {}, "default": lists(levels)})
    with pytest.raises(SchemaError, match="nested deeper than 400 levels"):
        xp.Schema.from_dict({"properties": {}, "default": lists(400)})


def test_a_schema_has_at_most_100_000_fields() -> None:
    one = {"type": "object", "properties": {f"f{i}": TEXT for i in range(999)}}
    full = {"properties": {f"o{i}": {"$ref": "#/definitions/one"} for i in range(99)}, "definitions": {"one": one}}
    full["properties"] |= {f"t{i}": TEXT for i in range(998)}  # type: ignore[operator]
    for more in (0, 1):
        full["properties"] |= {f"u{i}": TEXT for i in range(more)}  # type: ignore[operator]
        xp.Schema.from_dict(full)
    full["properties"] |= {"v": TEXT}  # type: ignore[operator]
    with pytest.raises(SchemaError, match="more than 100,000 fields"):
        xp.Schema.from_dict(full)


def test_more_than_10_000_fields_are_warned_of() -> None:
    for number, warned in ((9_998, False), (9_999, False), (10_000, True)):
        made = schema(fields={f"f{i}": TEXT for i in range(number)})
        assert ("schema-size" in {issue.code for issue in lint(made)}) is warned


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_the_width_of_an_integer_follows_from_its_bounds(bits: int) -> None:
    kinds = {8: "byte", 16: "short", 32: "int", 64: "long"}
    top = 2 ** (bits - 1) - 1
    for low, high, kind in (
        (-top - 1, top, kinds[bits]), (-top, top - 1, kinds[bits]), (-top - 2, top, kinds[2 * bits]),
        (-top - 1, top + 1, kinds[2 * bits]),
    ):  # fmt: skip
        given = {"type": "integer", "minimum": low, "maximum": high}
        strict = {"type": "integer", "exclusiveMinimum": low - 1, "exclusiveMaximum": high + 1}
        for node in (given, strict):
            assert schema(fields={"v": node}).find("v").type == kind, node


# ---- files ---------------------------------------------------------------------------------------------------------


def test_the_documented_limits_of_files() -> None:
    assert parts.PLATFORM_MAX_FILES == wire.BATCH_FILES == 25_000
    assert parts.PLATFORM_MAX_BATCH_BYTES == 2**40
    assert parts.PLATFORM_MAX_BYTES == 256_000_000
    assert parts.PLATFORM_MAX_FIELDS == 10_000


@pytest.mark.parametrize(("limit", "refused"), [(4, False), (3, False), (2, True)])
def test_a_batch_of_more_parts_than_it_may_have(
    limit: int, refused: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PLATFORM_MAX_FILES", limit)
    table = pa.table({"text": ["a", "b", "c"]})
    if refused:
        with pytest.raises(OutputError, match=f"more than {limit} parts"):
            xp.write_json(table, tmp_path / "out", max_rows=1)
    else:
        assert len(xp.write_json(table, tmp_path / "out", max_rows=1).files) == 3


@pytest.mark.parametrize(("limit", "refused"), [(40, False), (39, False), (38, True)])
def test_a_batch_of_more_bytes_than_it_may_have(
    limit: int, refused: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PLATFORM_MAX_BATCH_BYTES", limit)
    table = pa.table({"text": ["a", "b", "c"]})  # {"text":"a"} and a line break are 13 bytes
    if refused:
        with pytest.raises(OutputError, match="larger than 1 TB"):
            xp.write_json(table, tmp_path / "out", max_rows=1)
    else:
        assert sum(file.bytes for file in xp.write_json(table, tmp_path / "out", max_rows=1).files) == 39


@pytest.mark.parametrize(("limit", "refused"), [(4, False), (3, False), (2, True)])
def test_records_of_more_fields_than_the_platform_takes(
    limit: int, refused: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xdmprep.write.PLATFORM_MAX_FIELDS", limit)
    table = pa.table({f"f{i}": ["x"] for i in range(3)})
    if refused:
        with pytest.raises(UsageError, match="3 fields, the platform takes 2"):
            xp.write_json(table, tmp_path / "out")
    else:
        assert xp.write_json(table, tmp_path / "out").written == 1


@pytest.mark.parametrize(("kind", "told"), [(pa.int32(), False), (pa.int64(), True), (pa.string(), True)])
def test_a_column_of_another_type_than_the_schema_names_is_told(kind: pa.DataType, told: bool, tmp_path: Path) -> None:
    pq.write_table(pa.table({"int": pa.array([1], pa.int64()).cast(kind)}), tmp_path / "a.parquet")
    assert ("column-type" in {issue.code for issue in xp.validate(tmp_path / "a.parquet", PROFILE)}) is told
