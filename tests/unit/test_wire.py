"""The words of the batch API."""

from __future__ import annotations

import pytest

from xdmprep import wire
from xdmprep.errors import UsageError


def test_addresses_are_those_of_the_guide():
    assert wire.batch_path("B") == "/data/foundation/import/batches/B"
    assert wire.file_path("B", "D", "p=a/x.json") == "/data/foundation/import/batches/B/datasets/D/files/p=a/x.json"
    assert wire.catalog_batch_path("B") == "/data/foundation/catalog/batches/B"
    assert wire.export_path("B", "meta") == "/data/foundation/export/batches/B/meta"


def test_no_part_of_an_address_can_leave_its_place():
    for path in (wire.batch_path, wire.catalog_batch_path, wire.dataset_path):
        for empty in ("", " "):
            with pytest.raises(UsageError, match="the id is empty"):
                path(empty)
    assert wire.batch_path("../x?y") == "/data/foundation/import/batches/..%2Fx%3Fy"
    assert "?" not in wire.file_path("B", "D", "a?b#c")


@pytest.mark.parametrize("name", ["part-00000.json", "p1=a/p2=b/x.parquet"])
def test_good_file_names(name):
    assert wire.check_file_name(name) is None


@pytest.mark.parametrize("name", ["", "../x", "a//b", "/a", "a b", "a/..", "ä.json", "a\0b", "."])
def test_bad_file_names(name):
    assert wire.check_file_name(name)


def test_create_batch_says_what_the_guide_says():
    assert wire.create_batch("D", "json") == {
        "datasetId": "D",
        "inputFormat": {"format": "json"},
        "enableErrorDiagnostics": True,
    }
    body = wire.create_batch("D", "json", multiline=True, external_id="E", replay=["A"], replay_prefix="$", percent=5)
    assert body["inputFormat"] == {"format": "json", "isMultiLineJson": True}
    assert body["replay"] == {"predecessors": ["$A"], "reason": "replace"}
    assert body["externalId"] == "E"
    assert body["partialIngestionPercent"] == 5


def test_create_batch_refuses_unknown_formats():
    with pytest.raises(UsageError, match="avro"):
        wire.create_batch("D", "avro")


@pytest.mark.parametrize("text", ["A", "$A", "${A}", " A "])
def test_ids_are_read_without_braces(text):
    assert wire.bare_id(text) == "A"
    assert (wire.bare_id("{A"), wire.bare_id("A}")) == ("{A", "A}")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["enabled: true"], True),
        (["enabled:true"], True),
        (["Enabled : TRUE"], True),
        (["enabled:false"], False),
        ([], False),
    ],
)
def test_flags_of_tags(values, expected):
    assert wire.has_flag({"unifiedProfile": values}, "unifiedProfile", "enabled") is expected
    assert wire.has_flag(None, "unifiedProfile", "enabled") is False


def test_content_range():
    assert wire.content_range(0, 9) == "bytes 0-9"
    assert wire.parse_content_range("bytes 0-9") == (0, 9)
    assert wire.parse_content_range("bytes 5-9/10") == (5, 9)
    assert wire.parse_content_range("bytes 5-5/*") == (5, 5)
    for text in (None, "", "bytes 5-9/9", "bytes 9-5", "bytes 0-", "0-9", "items 0-9"):
        assert wire.parse_content_range(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, []), ("bytes=0-9", [(0, 9)]), ("0 - 9", [(0, 9)]), ("bytes=20-29,0-9", [(0, 9), (20, 29)]), ("none", []),
        ("bytes=5-5,5-4", [(5, 5)]), (" " * 65_533 + "1-2", [(1, 2)]), (" " * 65_534 + "1-2", []),
    ],
)  # fmt: skip
def test_received_ranges(text, expected):
    assert wire.parse_received(text) == expected


def test_problem_text_of_every_documented_shape():
    assert wire.problem_text('{"error_code":"401013","message":"Oauth token is not valid"}') == (
        "Oauth token is not valid", "401013",
    )  # fmt: skip
    words, code = wire.problem_text(
        '{"type":"http://ns.adobe.com/aep/errors/XDM-1012-404","title":"Resource Not Found","status":404,'
        '"report":{"detailed-message":"no such schema"},"detail":"gone"}'
    )
    assert words == "Resource Not Found: gone: no such schema"
    assert code == "http://ns.adobe.com/aep/errors/XDM-1012-404"
    assert wire.problem_text('{"error":"invalid_client","error_description":"wrong"}')[0] == "wrong: invalid_client"
    assert wire.problem_text("<html><b>Bad</b> gateway</html>") == ("Bad gateway", None)
    assert wire.problem_text(b"\xff\xfe") == ("\ufffd\ufffd", None)
    assert wire.problem_text("[1]") == ("[1]", None)
    assert wire.problem_text("a" * 65_536 + "b") == ("a" * 65_536, None)
    assert wire.problem_text('{"error_code":"","code":[1],"type":"t"}')[1] == "t"


def test_a_batch_of_the_documentation():
    doc = {
        "status": "success",
        "relatedObjects": [{"type": "dataSet", "id": "D"}],
        "id": "B",
        "externalId": "E",
        "metrics": {"inputRecordCount": 519, "outputRecordCount": 514, "failedRecordCount": 5},
        "errors": [{"code": "INGEST-1212-400"}],
        "neverHeardOf": 1,
    }
    batch = wire.Batch.of(doc)
    assert (batch.id, batch.dataset_id, batch.external_id) == ("B", "D", "E")
    assert batch.ok and batch.final
    assert (batch.input_records, batch.output_records, batch.failed_records) == (519, 514, 5)
    assert batch.raw["neverHeardOf"] == 1
    assert batch.to_dict()["recordsFailed"] == 5


def test_lost_records_follow_from_in_and_out():
    batch = wire.Batch.of({"id": "B", "status": "active", "metrics": {"inputRecordCount": 3, "outputRecordCount": "2"}})
    assert batch.failed_records == 1
    assert wire.Batch.of({"id": "B", "status": "active"}).failed_records is None


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (0, 0), ("0", 0), (-1, None), (1.5, None), (True, None), (10**15 - 1, 10**15 - 1), (10**15, None),
        ("9" * 15, 10**15 - 1), ("9" * 16, None), ([], None),
    ],
)  # fmt: skip
def test_what_is_a_number_of_records(value, count):
    assert wire.Batch.of({"metrics": {"inputRecordCount": value}}).input_records == count


@pytest.mark.parametrize(
    ("data", "name", "value"),
    [
        ({"externalId": ""}, "external_id", None), ({"externalId": 5}, "external_id", None),
        *(({"errors": none}, "errors", ()) for none in (None, "", {}, [])),
        *(({"errors": some}, "errors", ({"description": "bad"},)) for some in ("bad", ["bad"], {"description": "bad"})),
        *(({"relatedObjects": odd}, "dataset_id", None)
          for odd in (5, [5], [{"id": "D"}], [{"type": "batch", "id": "D"}], [{"type": "dataSet", "id": 5}])),
        ({"id": 5}, "id", "given"), ({"id": "B"}, "id", "B"), ({"metrics": [1]}, "metrics", {}),
    ],
)  # fmt: skip
def test_what_is_of_another_type_than_documented_counts_as_absent(data, name, value):
    assert getattr(wire.Batch.of(data, "given"), name) == value


def test_every_status_of_catalog_is_explained():
    statuses = (
        "processing success failure queued retrying stalled aborted abandoned inactive failed loading loaded staged "
        "active staging deleted"
    )
    for status in statuses.split():
        assert wire.EXPLAIN[status]
    assert "not documented" in wire.Batch.of({"id": "B", "status": "odd"}).explanation
