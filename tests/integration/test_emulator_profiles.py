"""The profile store: what records become, by identity, and what promotion leaves behind when it is cut short."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from network_kit import (
    CRM,
    EXPORT,
    LOYALTY,
    PROFILE_TAGS,
    UPSERT_TAGS,
    act,
    call,
    ingest,
    lines,
    new_batch,
    new_dataset,
    profile,
    put,
    quick,
    record,
)  # fmt: skip

from xdmprep.emulator import Emulator
from xdmprep.emulator.ingest import Ingestion
from xdmprep.emulator.profiles import GRAPH_LIMIT, identities, merge, target_of
from xdmprep.emulator.registry import Schemas
from xdmprep.errors import SchemaError, SourceError
from xdmprep.pipeline.ingest import default_check

EVENT = "https://ns.adobe.com/acme/schemas/purchase-event"


def parse(path, format, multiline, csv_options):
    return default_check()(path, format, multiline, {}, csv_options)


def parsed_only(path, format, multiline, schema, csv_options):
    return parse(path, format, multiline, csv_options)


@pytest.fixture(scope="module")
def url(request):
    with Emulator(schemas=request.config.rootpath / "schemas", check=parsed_only) as server:
        yield server.url


def test_an_ordinary_record_replaces_the_fragment(url):
    dataset = new_dataset(url, tags=PROFILE_TAGS)
    ingest(url, dataset, [record("r1", a={"x": 1, "y": 2}, b=[1, 2])])
    ingest(url, dataset, [record("r1", a={"x": 9})])
    assert profile(url, "CRMID", "cr1") == record("r1", a={"x": 9})


def test_an_upsert_merges_objects_and_replaces_arrays(url):
    base = new_dataset(url, tags=UPSERT_TAGS)
    ingest(url, base, [record("u1", a={"x": 1, "y": {"z": 2}}, b=[1, 2], m={"k": 1})])
    ingest(url, base, [record("u1", a={"y": {"w": 3}}, b=[3], m={"l": 2})])
    assert profile(url, "crmid", "cu1") == record("u1", a={"x": 1, "y": {"z": 2, "w": 3}}, b=[3], m={"k": 1, "l": 2})


def test_a_dataset_that_is_not_enabled_never_reaches_profile(url):
    for tags in ({}, {"unifiedProfile": ["enabled:false"]}):
        ingest(url, new_dataset(url, tags=tags), [record("n1")])
    assert profile(url, "CRMID", "cn1") is None


def test_fragments_of_several_datasets_are_merged_along_the_graph(url):
    crm, loyalty = new_dataset(url, tags=PROFILE_TAGS), new_dataset(url, LOYALTY, tags=PROFILE_TAGS)
    ingest(url, crm, [{
        "identityMap": {"CRMID": [{"id": "g1", "primary": True}], "Email": [{"id": "g1@example.com"}]},
        "person": {"name": {"firstName": "A"}},
    }])  # fmt: skip
    ingest(
        url, loyalty, [{"_acme": {"loyalty": {"loyaltyId": "L-g1"}}, "personalEmail": {"address": "g1@example.com"}}]
    )
    for namespace, identity in (("CRMID", "g1"), ("LOYALTYID", "L-g1"), ("Email", "g1@example.com")):
        found = profile(url, namespace, identity)
        assert found is not None
        assert found["person"]["name"]["firstName"] == "A"
        assert found["_acme"]["loyalty"]["loyaltyId"] == "L-g1"
    params = {"entityId": "g1", "entityIdNS": "CRMID"}
    (body,) = call("GET", url, "/data/core/ups/access/entities", params=params).json().values()
    assert body["sources"] == [crm, loyalty] and len(body["identityGraph"]) == 3
    params["mergePolicyId"] = "none"
    (body,) = call("GET", url, "/data/core/ups/access/entities", params=params).json().values()
    assert body["sources"] == [crm]
    params = {"entityId": "g1", "entityIdNS": "CRMID", "fields": "person.name"}
    (body,) = call("GET", url, "/data/core/ups/access/entities", params=params).json().values()
    assert body["entity"] == {"person": {"name": {"firstName": "A"}}}


def test_look_up_refusals_and_many_at_once(url):
    path = "/data/core/ups/access/entities"
    assert call("GET", url, path, params={"entityId": "x"}).status_code == 400
    assert call("GET", url, path, params={"entityId": "x", "entityIdNS": "y", "schema.name": "z"}).status_code == 400
    assert call("GET", url, path, params={"entityId": "none", "entityIdNS": "CRMID"}).status_code == 404
    ingest(url, new_dataset(url, tags=PROFILE_TAGS), [record("m1"), record("m2")])
    wanted = [{"entityId": key, "entityIdNS": {"code": "CRMID"}} for key in ("cm1", "cm2", "none")]
    body = {"schema": {"name": "_xdm.context.profile"}, "identities": wanted}
    assert len(call("POST", url, path, json=body).json()) == 2
    assert call("POST", url, path, json={}).status_code == 400


def test_events_are_kept_by_profile(url):
    dataset = new_dataset(url, EVENT, tags=PROFILE_TAGS)
    identity = {"CRMID": [{"id": "e1", "primary": True}]}
    events = [
        {"_id": "b", "timestamp": "2024-02-01T00:00:00Z", "identityMap": identity, "n": 1},
        {"_id": "a", "timestamp": "2024-01-01T00:00:00Z", "identityMap": identity, "n": 2},
        {"_id": "b", "timestamp": "2024-02-01T00:00:00Z", "identityMap": identity, "n": 3},
    ]
    ingest(url, dataset, events)
    assert [(item["entityId"], item["entity"]["n"]) for item in events_of(url, "e1")] == [("a", 2), ("b", 3)]
    assert profile(url, "CRMID", "e1") is None


def events_of(url: str, identity: str) -> list[dict[str, Any]]:
    params = {
        "schema.name": "_xdm.context.experienceevent", "relatedSchema.name": "_xdm.context.profile",
        "relatedEntityId": identity, "relatedEntityIdNS": "CRMID",
    }  # fmt: skip
    return call("GET", url, "/data/core/ups/access/entities", params=params).json()["children"]


def test_a_reverted_or_replaced_batch_leaves_no_trace(url):
    dataset = new_dataset(url, tags=UPSERT_TAGS)
    first = ingest(url, dataset, [record("v1", a=1)])
    second = ingest(url, dataset, [record("v1", b=2)])
    assert profile(url, "CRMID", "cv1") == record("v1", a=1, b=2)
    act(url, second["id"], "REVERT")
    assert profile(url, "CRMID", "cv1") == record("v1", a=1)
    ingest(url, dataset, [record("v1", c=3)], replay={"predecessors": [first["id"]]})
    assert profile(url, "CRMID", "cv1") == record("v1", c=3)


def test_a_failed_batch_reaches_nobody(url):
    dataset = new_dataset(url, tags=PROFILE_TAGS)
    found = ingest(url, dataset, [record("f1"), b"{broken"])
    assert found["status"] == "failed" and profile(url, "CRMID", "cf1") is None


@pytest.mark.parametrize(
    "bad",
    [
        {"identityMap": {"CRMID": [{"id": "w1"}]}},  # none is primary
        {"identityMap": {"CRMID": [{"id": "w1", "primary": True}], "ECID": [{"id": "123"}]}},
        {"identityMap": {"CRMID": [{"id": " ", "primary": True}]}},
    ],
)
def test_records_that_profile_drops(url, bad):
    assert ingest(url, new_dataset(url, tags=PROFILE_TAGS), [bad])["status"] == "active"
    assert profile(url, "CRMID", "w1") is None


@pytest.mark.parametrize("over", [0, 1])
def test_records_above_the_limit_of_their_class_do_not_reach_profile(url, over):
    identity = {"CRMID": [{"id": f"limit{over}", "primary": True}]}
    event = {"_id": "e", "timestamp": "2024-02-01T00:00:00Z", "identityMap": identity}
    for one, most, schema in (({"identityMap": identity}, 102_400, ()), (event, 10_240, (EVENT,))):
        one["x"] = "y" * (most + over - len(json.dumps({**one, "x": ""}, separators=(",", ":"))))
        assert ingest(url, new_dataset(url, *schema, tags=PROFILE_TAGS), [one])["status"] == "active"
    assert (profile(url, "CRMID", f"limit{over}") is None, len(events_of(url, f"limit{over}"))) == (
        bool(over),
        1 - over,
    )


PRIMARY = {"@type": "xdm:descriptorIdentity", "xdm:sourceProperty": "/personalEmail/xdm:address",
           "xdm:namespace": "Email", "xdm:isPrimary": True}  # fmt: skip
OTHER = {"@type": "xdm:descriptorOneToOne", "xdm:sourceProperty": "/x"}
#: The three forms in which descriptors stand in a schema.
FORMS: list[list[Any] | dict[str, Any]] = [
    [PRIMARY, OTHER], {"xdm:descriptorIdentity": [PRIMARY], "xdm:descriptorOneToOne": [OTHER]}, PRIMARY,
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS, ids=["list", "by type", "one"])
def test_identities_of_descriptors_and_map(form):
    target = target_of("D", {"meta:descriptors": form}, upsert=False)
    data = {
        "personalEmail": {"address": "a@b"},
        "identityMap": {"CRMID": [{"id": "1", "primary": True}, {"id": 5}, "x"]},
    }
    assert identities(data, target) == (("email", "a@b"), [("email", "a@b"), ("crmid", "1")])
    assert identities({"identityMap": "x"}, target) == (None, [])


@pytest.mark.parametrize("form", FORMS, ids=["list", "by type", "one"])
def test_descriptors_of_a_folder_are_listed_whatever_their_form(form, tmp_path):
    id = "https://ns.adobe.com/t/schemas/a"
    (tmp_path / "a.json").write_text(json.dumps({"$id": id, "type": "object", "meta:descriptors": form}))
    beside = {**PRIMARY, "xdm:sourceSchema": id, "xdm:namespace": "Phone", "xdm:isPrimary": False}
    (tmp_path / "a.descriptors.json").write_text(json.dumps({"xdm:descriptorIdentity": [beside]}))
    found = Schemas(tmp_path).descriptors()
    assert [item["xdm:namespace"] for item in found if item["@type"] == PRIMARY["@type"]] == ["Email", "Phone"]
    assert all(item["xdm:sourceSchema"] == id and item["@id"] for item in found)


def test_descriptors_that_are_none_are_refused_with_their_file(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"$id": "https://e.example/a", "meta:descriptors": ["x"]}))
    with pytest.raises(SchemaError, match=r"a\.json, 'meta:descriptors': expected a list of descriptors"):
        Schemas(tmp_path)


def test_merge_changes_neither_side():
    old, new = {"a": {"b": 1}, "c": [1]}, {"a": {"d": 2}, "c": []}
    assert merge(old, new) == {"a": {"b": 1, "d": 2}, "c": []}
    assert old == {"a": {"b": 1}, "c": [1]} and new == {"a": {"d": 2}, "c": []}


def test_a_graph_has_an_end(url):
    dataset = new_dataset(url, tags=PROFILE_TAGS)
    chain = [
        {"identityMap": {"CHAIN": [{"id": str(number), "primary": True}, {"id": str(number + 1)}]}, f"f{number}": 1}
        for number in range(2 * GRAPH_LIMIT)
    ]
    ingest(url, dataset, chain)
    found = profile(url, "CHAIN", "0")
    assert found is not None and GRAPH_LIMIT <= len(found) <= GRAPH_LIMIT + 2


# ---- promotion that is cut short -----------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["_finish", "_stage", "_ingest"])
def test_promotion_goes_on_after_a_crash_and_happens_once(tmp_path, monkeypatch, where):
    class Killed(BaseException):
        pass

    def killed(self, *args):
        raise Killed

    monkeypatch.setattr("threading.excepthook", lambda args: None)
    with Emulator(data=tmp_path) as server:
        dataset = new_dataset(server.url, tags=PROFILE_TAGS)
        batch = new_batch(server.url, dataset)
        put(server.url, batch, dataset, "a.json", lines([record("k1"), record("k2")]))
        with monkeypatch.context() as patched:
            patched.setattr(Ingestion, where, killed)
            act(server.url, batch, "COMPLETE")
            for thread in server.state.ingestion._threads:
                thread.join(timeout=10)  # they died, as the process would
        assert quick(server.url).status(batch).status in ("loaded", "staging", "staged")
    with Emulator(data=tmp_path) as server:
        found = quick(server.url).wait(batch, timeout=20)
        assert found.ok and found.output_records == 2
        assert server.state.profiles.counts()["fragments"] == 2
        (item,) = call("GET", server.url, f"{EXPORT}/batches/{batch}/files").json()["data"]
        path = f"{EXPORT}/files/{item['dataSetFileId']}"
        text = call("GET", server.url, path, params={"path": "part-00000.json"}).text
        assert [json.loads(line) for line in text.splitlines()] == [record("k1"), record("k2")]
        assert len(list((tmp_path / "bytes").iterdir())) == 2  # the input and the data, nothing left over


def test_a_batch_that_cannot_be_checked_does_not_hold_up_others():
    def broken(path, format, multiline, schema, csv_options):
        if b"poison" in path.read_bytes():
            raise ZeroDivisionError("a fault of the check")
        return parse(path, format, multiline, csv_options)

    with Emulator(check=broken) as server:
        server.state.schemas.by_id["https://x"] = {"$id": "https://x"}
        dataset = new_dataset(server.url, "https://x")
        found = ingest(server.url, dataset, [record("poison")])
        assert found["status"] == "failed" and found["errors"][0]["code"] == "unknown"
        assert ingest(server.url, dataset, [record("good")])["status"] == "active"


class SlowCheck:
    """Parses; where a file holds b"slow" it stops behind its first chunk, until it may go on."""

    def __init__(self) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()

    def __call__(self, path, format, multiline, schema, csv_options):
        for chunk in parse(path, format, multiline, csv_options):
            yield chunk
            if b"slow" in path.read_bytes():
                self.reached.set()
                assert self.go_on.wait(30)


def begin(url: str, dataset: str, records: list, **more) -> str:
    """A batch that is complete, and not waited for."""
    batch = new_batch(url, dataset, **more)
    put(url, batch, dataset, "a.json", lines(records))
    assert act(url, batch, "COMPLETE").status_code == 200
    return batch


def test_a_slow_check_holds_up_only_its_own_dataset():
    check = SlowCheck()
    with Emulator(check=check) as server:
        url, client = server.url, quick(server.url)
        server.state.schemas.by_id["https://x"] = {"$id": "https://x"}
        slow, other = (new_dataset(url, "https://x", tags=UPSERT_TAGS) for _ in range(2))
        old = ingest(url, slow, [record("old")])
        first = begin(url, slow, [record("n", note="slow"), record("m")])
        assert check.reached.wait(20)
        try:
            assert profile(url, "CRMID", "cm") is None  # nothing of it is seen before all of it is
            second = begin(url, slow, [record("n", note="later")])
            assert ingest(url, other, [record("other")])["status"] == "active"
            assert profile(url, "CRMID", "cother") is not None
            assert act(url, old["id"], "REVERT").status_code == 200  # and others are acted on
            assert profile(url, "CRMID", "cold") is None
            aborted = begin(url, slow, [record("x")])
            assert act(url, aborted, "ABORT").status_code == 200
            assert client.status(second).status == "loaded"
            assert client.status(first).status == "staging"
        finally:
            check.go_on.set()
        assert client.wait(first, timeout=20).ok and client.wait(second, timeout=20).ok
        assert profile(url, "CRMID", "cn")["note"] == "later"  # in the order of COMPLETE
        assert client.status(aborted).status == "aborted" and profile(url, "CRMID", "cx") is None


def test_a_batch_that_is_aborted_while_it_is_checked_leaves_nothing():
    check = SlowCheck()
    with Emulator(check=check) as server:
        url = server.url
        server.state.schemas.by_id["https://x"] = {"$id": "https://x"}
        dataset = new_dataset(url, "https://x", tags=PROFILE_TAGS)
        rows = [record(number, note="slow") for number in range(5_000)]
        batch = begin(url, dataset, rows)
        assert check.reached.wait(20)
        assert act(url, batch, "ABORT").status_code == 200
        check.go_on.set()
        assert ingest(url, dataset, [record("next")])["status"] == "active"
        assert server.state.profiles.counts() == {"fragments": 1, "events": 0}


def test_many_datasets_at_once_keep_each_their_order():
    with Emulator() as server:
        url, client = server.url, quick(server.url)
        datasets = [new_dataset(url, tags=UPSERT_TAGS) for _ in range(5)]
        batches = [
            begin(url, dataset, [{"identityMap": {f"NS{at}": [{"id": "1", "primary": True}]}, "turn": turn}])
            for turn in range(8)
            for at, dataset in enumerate(datasets)
        ]
        for batch in batches:
            assert client.wait(batch, timeout=30).ok
        assert [profile(url, f"NS{at}", "1")["turn"] for at in range(5)] == [7] * 5


def test_a_batch_that_cannot_be_promoted_stalls(monkeypatch):
    with Emulator() as server:
        real = Ingestion._ingest
        monkeypatch.setattr(Ingestion, "_ingest", lambda self, batch_id: (_ for _ in ()).throw(OSError("disk full")))
        dataset = new_dataset(server.url)
        assert ingest(server.url, dataset, [record(1)])["status"] == "stalled"
        monkeypatch.setattr(Ingestion, "_ingest", real)
        assert ingest(server.url, dataset, [record(1)])["status"] == "active"


def test_half_a_surrogate_pair(url):
    dataset = new_dataset(url, tags=PROFILE_TAGS)
    text = rb'{"identityMap":{"CRMID":[{"id":"s1","primary":true},{"id":"\ud800"}]},"x":"\udc00"}'
    found = ingest(url, dataset, [text])
    assert found["status"] == "failed"
    answer = call("POST", url, "/data/foundation/catalog/dataSets", data=rb'{"name":"\ud800"}')
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "options",
    [{"delimiter": "ab"}, {"quote": 5}, {"escape": ""}, {"charset": "utf-99"}, {"nullMarker": []}, {"header": "x"}],
)
def test_options_of_csv_files_must_make_sense(url, options):
    dataset = new_dataset(url)
    body = {"datasetId": dataset, "inputFormat": {"format": "csv", **options}}
    assert call("POST", url, "/data/foundation/import/batches", json=body).status_code == 400
    batch = new_batch(url, dataset)
    if isinstance(next(iter(options.values())), str):
        path = f"/data/foundation/import/batches/{batch}/datasets/{dataset}/preview"
        assert call("GET", url, path, params={"format": "csv", **options}).status_code == 400


# ---- reading without a schema --------------------------------------------------------------------------------------


def read(tmp_path, data, format="json", multiline=False, **options):
    path = tmp_path / "x"
    path.write_bytes(data)
    chunks = list(parse(path, format, multiline, options))
    return [item for chunk in chunks for item in chunk.records], [item.raw for chunk in chunks for item in chunk.failed]


def test_json_is_read_line_by_line(tmp_path):
    good, bad = read(tmp_path, b'{"a":1}\n\n{"a":NaN}\r\n[1]\n{"a":\xff}\n{"b":2}')
    assert good == [(1, {"a": 1}), (5, {"b": 2})]
    assert bad == ['{"a":NaN}', "[1]", '{"a":\ufffd}']


@pytest.mark.parametrize("text", ["[]", "[ ]", '[{"a": 1}]', '[\n{"a": "]"},\n {"b": [1,{"c":2}]} ]\n'])
def test_arrays_of_json_are_read_item_by_item(tmp_path, text):
    good, bad = read(tmp_path, text.encode(), multiline=True)
    assert [item for _, item in good] == json.loads(text) and bad == []


def test_a_long_array_is_read_in_pieces(tmp_path):
    rows = [{"n": number, "text": "ä" * 50, "list": [number / 3]} for number in range(5000)]
    good, bad = read(tmp_path, json.dumps(rows, indent=1, ensure_ascii=False).encode(), multiline=True)
    assert [item for _, item in good] == rows and bad == []


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('[{"a":1} {"b":2}]', 1),
        ('[{"a":1},', 1),
        ('[{"a":1}', 1),
        ('[{"a":1}]x', 1),
        ('{"a":1}\n{"b":2}', 0),
        ("[1]", 0),
    ],
)
def test_a_broken_array_is_one_bad_item(tmp_path, text, count):
    good, bad = read(tmp_path, text.encode(), multiline=True)
    assert len(good) == count
    assert len(bad) == 1


def test_csv_is_read_with_the_options_of_the_batch(tmp_path):
    good, bad = read(tmp_path, b'a,b\n1,"x,y"\n1\n,2\n', "csv")
    assert good == [(1, {"a": "1", "b": "x,y"}), (3, {"b": "2"})] and bad == ["1"]
    good, _ = read(tmp_path, b"1;N\n", "csv", delimiter=";", header="false", nullMarker="N")
    assert good == [(1, {"_c0": "1"})]


def test_parquet_is_read_with_its_types(tmp_path):
    import datetime

    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "x.parquet"
    kind = pa.map_(pa.string(), pa.int64())
    table = pa.table({"d": [datetime.date(2020, 1, 2), None], "m": pa.array([[("k", 1)], None], kind)})
    pq.write_table(table, path)
    (chunk,) = parse(path, "parquet", False, {})
    assert chunk.records == [(1, {"d": "2020-01-02", "m": {"k": 1}}), (2, {})]
    path.write_bytes(b"no parquet")
    with pytest.raises(SourceError, match="not a Parquet file"):
        list(parse(path, "parquet", False, {}))


def test_the_shipped_schema_is_known(url):
    assert new_dataset(url, CRM)
