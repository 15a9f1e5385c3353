"""The law of a patch: the earlier records with the patch merged in are the later ones, but for what is listed.

What an upsert does is written here once more, as plainly as can be, on dicts.  The last test asks the emulator instead,
through files and requests.
"""

from __future__ import annotations

import datetime
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import xdmprep as xp
from xdmprep.client import Client
from xdmprep.core.paths import parse_path
from xdmprep.core.shred import prune
from xdmprep.emulator import Emulator
from xdmprep.pipeline.upsert import write_patch

_TEXT = {"type": "string", "meta:xdmType": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_MAP = {"type": "object", "meta:xdmType": "map"}
_IDENTITY = {
    "type": "object",
    "properties": {"id": _TEXT, "primary": {"type": "boolean", "meta:xdmType": "boolean"}},
}
_INSIDE: dict[str, Any] = {
    "text": _TEXT,
    "number": {"type": "number", "meta:xdmType": "number"},
    "long": {"type": "integer", "meta:xdmType": "long"},
    "byte": {"type": "integer", "meta:xdmType": "byte", "minimum": -128, "maximum": 127},
    "flag": {"type": "boolean", "meta:xdmType": "boolean"},
    "day": {"type": "string", "format": "date", "meta:xdmType": "date"},
    "moment": {"type": "string", "format": "date-time", "meta:xdmType": "date-time"},
    "tags": _TEXTS,
    "cards": {"type": "array", "items": {"type": "object", "properties": {"number": _TEXT, "marks": _TEXTS}}},
    "points": {**_MAP, "additionalProperties": {"type": "integer", "meta:xdmType": "long"}},
    "places": {**_MAP, "additionalProperties": {"type": "object", "properties": {
        "city": _TEXT, "rooms": _TEXTS, "seen": {**_MAP, "additionalProperties": _TEXT}}}},
    "deep": {"type": "object", "properties": {
        "deeper": {"type": "object", "properties": {"text": _TEXT, "list": _TEXTS}}, "text": _TEXT}},
}  # fmt: skip
SCHEMA: dict[str, Any] = {
    "$id": "https://ns.adobe.com/acme/schemas/patch-law",
    "title": "Patch law",
    "version": "1.0",
    "type": "object",
    "meta:class": "https://ns.adobe.com/xdm/context/profile",
    "meta:extends": ["https://ns.adobe.com/xdm/context/profile", "https://ns.adobe.com/xdm/data/record"],
    "properties": {
        "identityMap": {**_MAP, "additionalProperties": {"type": "array", "items": _IDENTITY}},
        "_acme": {"type": "object", "properties": _INSIDE},
    },
}

words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6).filter(str.strip)
few = st.sampled_from(["a", "b", "é", "日本"])
some = st.lists(few, max_size=3)
moments = st.datetimes(datetime.datetime(1970, 1, 1), datetime.datetime(2100, 1, 1)).map(
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000, tzinfo=datetime.UTC)
)
inside = st.fixed_dictionaries(
    {},
    optional={
        "text": words,
        "number": st.sampled_from([0.0, -0.0, 1.5, 1e300, -2.25, 3.0]),
        "long": st.integers(-(2**63), 2**63 - 1) | st.integers(0, 3),
        "byte": st.integers(-128, 127),
        "flag": st.booleans(),
        "day": st.dates(datetime.date(1900, 1, 1)),
        "moment": moments,
        "tags": some,
        "cards": st.lists(st.fixed_dictionaries({"number": few}, optional={"marks": some}), max_size=3),
        "points": st.dictionaries(few, st.integers(0, 3), max_size=3),
        "places": st.dictionaries(
            few,
            st.fixed_dictionaries(
                {}, optional={"city": few, "rooms": some, "seen": st.dictionaries(few, few, max_size=2)}
            ),
            max_size=2,
        ),
        "deep": st.fixed_dictionaries(
            {},
            optional={
                "deeper": st.fixed_dictionaries({}, optional={"text": words, "list": some}),
                "text": few,
            },
        ),
    },
)
snapshots = st.dictionaries(st.integers(0, 5), st.tuples(inside, st.lists(few, max_size=2, unique=True)), min_size=1)


def records(snapshot: dict[int, Any]) -> list[dict[str, Any]]:
    """Records with an identity for each number, in another order for other contents."""
    made = []
    for number, (fields, mails) in sorted(snapshot.items(), key=lambda item: json.dumps(item, default=str)):
        identities = {"CRMID": [{"id": f"c{number}", "primary": True}]}
        if mails:
            identities["Email"] = [{"id": f"{mail}{number}@example.com", "primary": False} for mail in mails]
        made.append({"identityMap": identities, "_acme": fields})
    return made


@pytest.fixture(scope="module")
def schema() -> xp.Schema:
    return xp.Schema.from_dict(SCHEMA)


def table(snapshot: dict[int, Any], schema: xp.Schema) -> pa.Table:
    return pa.Table.from_pylist(records(snapshot), schema=schema.arrow_schema)


def merge(old: Any, new: Any) -> Any:
    """What an upsert does."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    return {
        key: merge(old[key], new[key]) if key in old and key in new else {**old, **new}[key] for key in {**old, **new}
    }


def without(record: dict[str, Any], path: str) -> dict[str, Any]:
    """`record` with the value at `path` gone."""
    *above, last = parse_path(path)
    node: Any = record
    for step in above:
        node = node[step]
    del node[last]
    return record


def by_key(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["identityMap"]["CRMID"][0]["id"]: row for row in rows}


def plain_records(made: pa.Table) -> dict[str, dict[str, Any]]:
    return by_key([prune(row) for row in made.to_pylist(maps_as_pydicts="strict")])


def paths(value: Any, at: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Places of a record that are replaced as a whole."""
    if not isinstance(value, dict):
        return {at}
    return {path for key, inner in value.items() for path in paths(inner, (*at, key))}


@settings(max_examples=100)
@given(
    early=snapshots, late=snapshots, on=st.sampled_from([None, "identityMap.CRMID[0].id"]), jobs=st.sampled_from([0, 2])
)
def test_before_with_the_patch_is_after(early: Any, late: Any, on: str | None, jobs: int, schema: xp.Schema) -> None:
    before, after = table(early, schema), table(late, schema)
    patch = xp.diff(before, after, schema, on=on, jobs=jobs)
    was, now = plain_records(before), plain_records(after)
    sent = by_key(patch.to_pylist())
    assert len(sent) == patch.records == patch.counts.changed + patch.counts.new
    vanished = {key.removeprefix("CRMID:") for key in patch.vanished["key"].to_pylist()}
    assert vanished == set(was) - set(now)
    gone: dict[str, list[str]] = {}
    for item in patch.cannot_clear.to_pylist():
        gone.setdefault(item["key"].removeprefix("CRMID:"), []).append(item["path"])
    assert patch.counts.cannot_clear == sum(map(len, gone.values()))
    for key, record in now.items():
        state = merge(was.get(key, {}), sent.get(key, {}))
        for path in gone.get(key, []):
            state = without(state, path)
        assert prune(state) == record
        # no more is sent than what changed, and the identities
        for path in paths(sent.get(key, {})):
            if path[0] != "identityMap":
                before_value, after_value = (value_at(side.get(key, {}), path) for side in (was, now))
                assert before_value != after_value
    assert set(patch.arrow_schema.names) <= {"identityMap", "_acme"}
    assert set(patch.fields) >= {".".join(path) for row in sent.values() for path in unit_paths(row)}


def value_at(record: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        record = record.get(step) if isinstance(record, dict) else None
    return record


def unit_paths(record: dict[str, Any]) -> set[tuple[str, ...]]:
    """The fields of a record where arrays and maps are one field."""
    found = set()
    for path in paths(record):
        steps = []
        for step in path:
            steps.append(step)
            if step in ("identityMap", "points", "places"):
                break
        found.add(tuple(steps))
    return found


@settings(max_examples=30)
@given(early=snapshots, late=snapshots, keep=st.sampled_from([0, 2, 100]))
def test_the_effects_are_the_differences_that_the_merge_makes(
    early: Any, late: Any, keep: int, schema: xp.Schema, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before, after = table(early, schema), table(late, schema)
    result = write_patch(before, after, schema, tmp_path_factory.mktemp("effects"), effects=keep, format="json")
    effects = result.effects
    assert effects is not None
    was, sent = plain_records(before), by_key(xp.diff(before, after, schema).to_pylist())
    wanted: dict[tuple[str, ...], list[int]] = {}
    for key, record in sent.items():
        if key in was:
            now = merge(was[key], record)
            for path in {step for state in (was[key], now) for step in paths(state)}:
                old, new = value_at(was[key], path), value_at(now, path)
                if old != new and not isinstance(new, dict):  # {} became something: told by what is in it
                    wanted.setdefault(path, [0, 0])[old is not None and not isinstance(old, dict)] += 1
    found = {parse_path(path): [change.added, change.changed] for path, change in effects.attributes.items()}
    assert found == wanted
    assert (effects.records, effects.new) == (len(sent), len(set(sent) - set(was)))
    assert effects.kept == min(keep, len(sent))
    former = [one for part in effects.before for one in part.to_pylist(maps_as_pydicts="strict")]
    assert [prune(one) if one else None for one in former] == [was.get(key) for key in sent][:keep]
    for change in effects.attributes.values():
        assert len(change.examples) == min(3, change.added + change.changed)


@settings(max_examples=60)
@given(snapshot=snapshots)
def test_nothing_changed_is_an_empty_patch(snapshot: Any, schema: xp.Schema) -> None:
    shuffled = table(dict(reversed(snapshot.items())), schema)
    patch = xp.diff(table(snapshot, schema), shuffled, schema, jobs=0)
    assert patch.to_pylist() == []
    assert patch.counts.unchanged == len(snapshot)
    assert (patch.vanished.num_rows, patch.cannot_clear.num_rows) == (0, 0)


MAPPING = {
    "identityMap.CRMID[0].id": "trim(id)",
    "identityMap.CRMID[0].primary": True,
    "_acme.text": "text",
    "_acme.long": "long",
    "_acme.day": "day",
    "_acme.tags[0]": "text",
    "_acme.tags[1]": "more",
    "_acme.points.a": "long",
    "_acme.deep.deeper.text": 'iif(long == "1", more, text)',
}
cells = st.sampled_from([None, "a", "é", "1"])
rows = st.lists(
    st.tuples(st.sampled_from([None, "1", "1 ", "2", "3", "4"]), cells, cells,
              st.sampled_from([None, "1", "x", "7"]), st.sampled_from([None, "2020-01-31", "31.1."])),
    min_size=1, max_size=8,
)  # fmt: skip


@settings(max_examples=40)
@given(early=rows, late=rows, on=st.sampled_from([None, "_acme.text"]))
def test_rows_compared_before_or_after_mapping_make_the_same_patch(
    early: Any, late: Any, on: str | None, schema: xp.Schema
) -> None:
    names = ["id", "text", "more", "long", "day"]
    sides = [pa.table([list(column) for column in zip(*side, strict=True)],
                      pa.schema([(name, pa.string()) for name in names])) for side in (early, late)]  # fmt: skip
    raw = xp.diff(*sides, schema, mapping=MAPPING, on=on, jobs=0)
    mapped = xp.diff(*(xp.map_rows(side, MAPPING, schema) for side in sides), schema, on=on, jobs=0)
    assert raw.to_pylist() == mapped.to_pylist()
    of_rows, of_records = raw.issues.to_pylist(), mapped.issues.to_pylist()
    # rows whose text changed are mapped, so what is lost of them is told even where the record stays what it was
    told = [item for item in of_rows if item not in of_records]
    assert [item for item in of_rows if item in of_records] == of_records
    assert all(item["code"] == "unparsable" and late[item["row"] - 1] not in early for item in told)
    assert raw.counts == mapped.counts
    assert raw.arrow_schema == mapped.arrow_schema
    assert raw.vanished.equals(mapped.vanished)
    assert raw.cannot_clear.equals(mapped.cannot_clear)
    counts = raw.counts
    assert counts.after == len(late) == (
        counts.unchanged + counts.changed + counts.new + counts.left_out + counts.superseded + counts.set_aside
    )  # fmt: skip


PEOPLE = {
    "identityMap.CRMID[0].id": "id",
    "identityMap.CRMID[0].primary": False,
    "identityMap.Email[0].id": "mail",
    "identityMap.Email[0].primary": True,
    "_acme.text": "text",
    "_acme.long": "long",
}
people = st.lists(
    st.tuples(st.sampled_from("1234"), st.sampled_from("abc"), st.sampled_from([None, "x", "y"]),
              st.sampled_from([None, "1", "2"])),
    min_size=1, max_size=7,
)  # fmt: skip


@settings(max_examples=150)
@given(early=people, late=people)
def test_one_row_for_each_primary_identity_whatever_the_key(early: Any, late: Any, schema: xp.Schema) -> None:
    """The platform knows profiles by mail; the key is a number, and any rows may share either."""
    kind = pa.schema([(name, pa.string()) for name in ("id", "mail", "text", "long")])
    sides = [pa.Table.from_pylist([dict(zip(kind.names, row, strict=True)) for row in side], kind)
             for side in (early, late)]  # fmt: skip
    patch = xp.diff(*sides, schema, mapping=PEOPLE, on="identityMap.CRMID[0].id", jobs=0)
    was, now = (xp.map_rows(side, PEOPLE, schema).to_pylist() for side in sides)
    found = patch.issues.to_pylist()
    moved = {item["row"] for item in found if item["code"] == "patch-identity"}
    former = {row[0]: row[1] for row in early}
    last = {row[0]: number for number, row in enumerate(late, 1)}
    assert moved == {
        number for key, number in last.items() if former.get(key, late[number - 1][1]) != late[number - 1][1]
    }
    wanted = {late[number - 1][1]: number for number in sorted(set(last.values()) - moved)}  # mail -> its row
    state = {row[1]: record for row, record in zip(early, was, strict=True)}
    sent = patch.to_pylist()
    mails = [record["identityMap"]["Email"][0]["id"] for record in sent]
    assert len(set(mails)) == len(mails)
    for mail, record in zip(mails, sent, strict=True):
        state[mail] = merge(state.get(mail, {}), record)
    for item in patch.cannot_clear.to_pylist():
        mail = late[item["row"] - 1][1]
        state[mail] = without(state[mail], item["path"])
    assert {mail: prune(state[mail]) for mail in wanted} == {mail: now[number - 1] for mail, number in wanted.items()}
    counts = patch.counts
    assert {item["row"] for item in found if item["code"] == "patch-duplicate"} == (
        set(range(1, len(late) + 1)) - set(wanted.values()) - moved
    )
    assert counts.superseded == len(late) - len(wanted) - len(moved)
    assert (
        counts.after
        == len(late)
        == counts.unchanged + counts.changed + counts.new + counts.superseded + counts.set_aside
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("schemas")
    (folder / "law.schema.json").write_text(json.dumps(SCHEMA))
    with Emulator(schemas=folder) as emulator:
        yield emulator


def profiles(client: Client, keys: list[str]) -> dict[str, Any]:
    found = {}
    for key in keys:
        entity = client.profile("CRMID", key)
        if entity is not None:
            found[key] = entity
    return found


def forget(url: str) -> None:
    import requests

    requests.post(f"{url}/_emulator/reset", timeout=10).raise_for_status()


def ingest(client: Client, folder: Path, dataset: str) -> None:
    batch = client.wait(client.upload(folder, dataset_id=dataset).id)
    assert batch.status in ("success", "active"), client.errors(batch.id)


# Each example is six batches; shrinking would take minutes and say little more.
@settings(max_examples=12, phases=[Phase.explicit, Phase.reuse, Phase.generate],
          suppress_health_check=[HealthCheck.too_slow])  # fmt: skip
@given(early=snapshots, late=snapshots, format=st.sampled_from(["parquet", "json"]))
def test_the_law_holds_in_the_emulator(
    early: Any, late: Any, format: str, schema: xp.Schema, server: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("law")
    keys = [f"c{number}" for number in range(6)]
    for name, snapshot in (("before", early), ("after", late)):
        pq.write_table(table(snapshot, schema), folder / f"{name}.parquet")
        same = {field: field for field in schema.arrow_schema.names}
        xp.prepare(folder / f"{name}.parquet", same, schema, folder / name, format=format)
    result = write_patch(folder / "before.parquet", folder / "after.parquet", schema, folder / "patch", format=format)
    with Client(url=server.url) as client:
        forget(server.url)
        dataset = client.create_dataset("after", SCHEMA["$id"], profile=True)
        ingest(client, folder / "after", dataset)
        wanted = profiles(client, keys)
        forget(server.url)
        dataset = client.create_dataset("patched", SCHEMA["$id"], upsert=True)
        ingest(client, folder / "before", dataset)
        if result.manifests[0].files:
            ingest(client, folder / "patch", dataset)
        patched = profiles(client, keys)
    if result.counts.vanished:
        for line in (folder / "patch" / "vanished.csv").read_text().splitlines()[1:]:
            del patched[line.split(",")[1].strip('"').removeprefix("CRMID:")]
    if result.counts.cannot_clear:
        for line in (folder / "patch" / "cannot-clear.jsonl").read_text(encoding="utf-8").splitlines():
            item = json.loads(line)
            key = item["key"].removeprefix("CRMID:")
            patched[key] = prune(without(patched[key], item["path"]))
    assert patched == wanted


LINE = st.tuples(st.integers(0, 4) | st.none(), st.none() | few, few)
LINES = pa.schema([("id", pa.string()), ("text", pa.string()), ("tag", pa.string())])
GROUPED = {
    "$group_by": "id", "identityMap.CRMID[0].id": "id", "identityMap.CRMID[0].primary": True,
    "_acme.text": "text", "_acme.tags[*]": "tag",
}  # fmt: skip


@given(before=st.lists(LINE, min_size=1, max_size=12), after=st.lists(LINE, min_size=1, max_size=12))
def test_rows_that_the_mapping_groups(before: list[Any], after: list[Any], schema: xp.Schema) -> None:
    """The patch is that of the records, and every row is in one of them."""
    rows, made, firsts = [], [], []
    for snapshot in (before, after):
        groups: dict[Any, list[int]] = {}
        for at, (number, _, _) in enumerate(snapshot):
            groups.setdefault(("none", at) if number is None else number, []).append(at)
        records = []
        for number, members in groups.items():
            record: dict[str, Any] = {"_acme": {"tags": [snapshot[at][2] for at in members]}}
            texts = [snapshot[at][1] for at in members if snapshot[at][1] is not None]
            record["_acme"] |= {"text": texts[0]} if texts else {}
            if not isinstance(number, tuple):
                record["identityMap"] = {"CRMID": [{"id": f"c{number}", "primary": True}]}
            records.append(record)
        lines = [{"id": None if a is None else f"c{a}", "text": text, "tag": tag} for a, text, tag in snapshot]
        rows.append(pa.Table.from_pylist(lines, schema=LINES))
        made.append(pa.Table.from_pylist(records, schema=schema.arrow_schema))
        firsts.append([members[0] + 1 for members in groups.values()])
    found, wanted = xp.diff(*rows, schema, mapping=GROUPED), xp.diff(*made, schema)
    assert found.to_pylist() == wanted.to_pylist()
    assert replace(found.counts, merged=0) == wanted.counts
    assert found.counts.after + found.counts.merged == len(after)
    first_rows = [firsts[1][row - 1] for chunk in wanted.chunks() for row in chunk.rows.tolist()]
    assert [row for chunk in found.chunks() for row in chunk.rows.tolist()] == first_rows
    for name, side in (("vanished", 0), ("cannot_clear", 1)):
        lists = [getattr(patch, name).to_pylist() for patch in (found, wanted)]
        assert lists[0] == [{**line, "row": firsts[side][line["row"] - 1]} for line in lists[1]]
