"""Order lines to purchase events with the shipped mapping and schema, read back by other tools than ours."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import pytest

from xdmprep.errors import UsageError
from xdmprep.pipeline.prepare import prepare
from xdmprep.pipeline.resubmit import mend
from xdmprep.schema import Schema

SCHEMAS = Path(__file__).parents[2] / "schemas"
COLUMNS = "order_no,ordered_at,customer,ecid,sku,product,quantity,line_total,currency,order_total,tax,store".split(",")


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """600 lines of 200 orders, in no order of the key; one order has a wrong currency, one line has no order."""
    file = tmp_path / "lines.csv"
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(COLUMNS)
        for number in range(600):
            order = number % 200
            writer.writerow(
                [
                    f"A{order:03}" if number != 599 else "", "2024-05-01T10:00:00Z", f"c{order}",
                    "1" * 38 if order % 2 else "", f"sku-{number}", "Ski, é", number // 200 + 1, "19.5",
                    "cad" if number == 405 else "CAD", "58.5", "3", "" if order % 3 else "7",
                ]
            )  # fmt: skip
    return file


def run(lines: Path, out: Path, format: str) -> Any:
    mapping, schema = SCHEMAS / "purchase-event.mapping.yaml", SCHEMAS / "purchase-event.schema.json"
    return prepare(lines, mapping, schema, out, format=format)


def test_json_is_valid_and_complete(lines: Path, tmp_path: Path) -> None:
    result = run(lines, tmp_path / "out", "json")
    text = (tmp_path / "out" / "part-00000.json").read_text(encoding="utf-8")
    records = [json.loads(line) for line in text.splitlines()]
    validator = jsonschema.Draft6Validator(Schema.load(SCHEMAS / "purchase-event.schema.json").json_schema)
    assert all(validator.is_valid(record) for record in records)
    assert (result.rows, result.written, result.rejected, result.merged) == (201, 199, 2, 399)
    assert result.source_rows == {"rows": 600, "written": 596, "rejected": 4}  # the order with a wrong currency has 3
    assert str(result).startswith("lines.csv: 600 rows read, 201 records: 199 of 596 rows written (1 file, ")
    assert "2 of 4 rows set aside -> " in str(result)
    assert result.report.headline().startswith("lines.csv: 201 records of 600 rows, 2 invalid")
    assert result.manifest.source == {"name": "lines.csv", "rows": 600, "written": 596, "rejected": 4}
    run_file = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run_file["counts"]["source"] == {"rows": 600, "written": 596, "rejected": 4}
    assert [record["_id"] for record in records] == [f"order/A{order:03}" for order in range(200) if order != 5]
    for order, record in ((int(record["_id"][-3:]), record) for record in records):
        skus = [f"sku-{order + 200 * line}" for line in range(3) if order + 200 * line != 599]
        assert [item["SKU"] for item in record["productListItems"]] == skus
        assert [item["quantity"] for item in record["productListItems"]] == list(range(1, len(skus) + 1))
        assert record["commerce"]["order"]["priceTotal"] == 58.5
        assert ("ECID" in record["identityMap"]) == bool(order % 2)
        assert record["_acme"]["channel"] == ("store" if order % 3 == 0 else "web")
    rejects = [json.loads(line) for line in (tmp_path / "out" / "rejects.jsonl").read_text().splitlines()]
    assert [(reject["row"], {reason["code"] for reason in reject["reasons"]}) for reject in rejects] == [
        (6, {"pattern", "group-differs"}), (600, {"group-key"}),
    ]  # fmt: skip
    assert rejects[0]["source"]["sku"] == ["sku-5", "sku-205", "sku-405"]
    assert [reject["rows"] for reject in rejects] == [[6, 206, 406], [600]]
    kept = {item["SKU"] for record in records for item in record["productListItems"]}
    aside = {sku for reject in rejects for sku in reject["source"]["sku"]}
    assert len(kept) + len(aside) == 600 and kept | aside == {f"sku-{number}" for number in range(600)}


def test_parquet_says_the_same(lines: Path, tmp_path: Path) -> None:
    run(lines, tmp_path / "json", "json")
    run(lines, tmp_path / "parquet", "parquet")
    query = (
        'SELECT _id, [x."SKU" for x in productListItems], list_sum([x."priceTotal" for x in productListItems]), '
        "_acme.channel FROM read_{}({!r}) ORDER BY ALL"
    )
    parquet = duckdb.sql(query.format("parquet", str(tmp_path / "parquet" / "part-00000.parquet"))).fetchall()
    ndjson = duckdb.sql(query.format("json", str(tmp_path / "json" / "part-00000.json"))).fetchall()
    assert parquet == ndjson and len(parquet) == 199


def test_rejects_of_grouped_rows_are_not_mended_in_place(lines: Path, tmp_path: Path) -> None:
    run(lines, tmp_path / "out", "json")
    with pytest.raises(UsageError, match="one record of several rows"):
        mend(tmp_path / "out")


def test_rejects_of_several_files_name_the_file_of_each_row(lines: Path, tmp_path: Path) -> None:
    header, *rows = lines.read_text(encoding="utf-8").splitlines(keepends=True)
    files = []
    for number in range(3):
        files.append(tmp_path / f"lines-{number}.csv")
        files[-1].write_text(header + "".join(rows[number::3]), encoding="utf-8")
    mapping, schema = SCHEMAS / "purchase-event.mapping.yaml", SCHEMAS / "purchase-event.schema.json"
    prepare(files, mapping, schema, tmp_path / "out")
    entries = [json.loads(line) for line in (tmp_path / "out" / "rejects.jsonl").read_text("utf-8").splitlines()]
    assert sorted(len(entry["rows"]) for entry in entries) == [1, 3]
    for entry in entries:
        assert (entry["file"], entry["row"]) == (entry["files"][0], entry["rows"][0])
        for file, row, sku in zip(entry["files"], entry["rows"], entry["source"]["sku"], strict=True):
            with Path(file).open(encoding="utf-8", newline="") as text:
                assert list(csv.DictReader(text))[row - 1]["sku"] == sku
