"""Errors of single rows, and the source rows they come from; several files at once."""

from __future__ import annotations

import json
import threading

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from network_kit import folder_of, lines, new_dataset, quick, record

from xdmprep.client import row_errors
from xdmprep.client.files import Stopped, each
from xdmprep.errors import PlatformError


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(1, n)))))
def test_source_rows_are_those_that_were_not_set_aside(case):
    total, rejected = case
    kept = [row for row in range(1, total + 1) if row not in rejected]
    assert [row_errors._source_row(number, sorted(rejected)) for number in range(1, len(kept) + 1)] == kept


BAD = [record(2, person={"name": 5}), b"{broken"]


def failing(emulator, folder, client, **more):
    path = folder_of(folder, [lines([record(1), *BAD, record(4)])])
    return path, client.wait(client.upload(path, new_dataset(emulator.url), percent=90, **more), timeout=20)


@pytest.mark.parametrize("rule", ["drop=half,count=3", "drop=before,count=3", "status=503,count=3", "slow=2000"])
def test_error_files_come_whole_or_again(emulator, tmp_path, rule):
    client = quick(emulator.url)
    folder, batch = failing(emulator, tmp_path / "out", client)
    requests.post(emulator.url + "/_emulator/faults", json=f"route=export,{rule}", timeout=20)
    found = sorted(client.errors(batch, folder), key=lambda error: error.row)
    assert [(error.row, error.record_number) for error in found] == [(2, 2), (3, 3)]


def test_a_connection_that_breaks_every_time_is_an_error(emulator, tmp_path):
    client = quick(emulator.url, retries=3)
    _, batch = failing(emulator, tmp_path / "out", client)
    requests.post(emulator.url + "/_emulator/faults", json="route=export,drop=half,rate=1", timeout=20)
    with pytest.raises(PlatformError) as caught:
        list(client.errors(batch))
    assert caught.value.retryable is True


def test_without_diagnostics_the_failed_records_are_read(emulator, tmp_path):
    client = quick(emulator.url)
    folder, batch = failing(emulator, tmp_path / "out", client, diagnostics=False)
    found = list(client.errors(batch, folder))
    assert sorted(error.row for error in found) == [2, 3]
    assert {error.errors[0].get("keyword") for error in found} == {"type", None}


def test_rows_set_aside_shift_the_source_rows(emulator, tmp_path):
    client = quick(emulator.url)
    folder = folder_of(tmp_path / "out", [lines([record(1), BAD[0]])], rejected=3)
    batch = client.wait(client.upload(folder, new_dataset(emulator.url), percent=90), timeout=20)
    (error,) = client.errors(batch, folder)
    assert (error.row, error.record_number) == (None, 2)  # nobody knows which rows were set aside
    (folder / "rejects.jsonl").write_text("".join(json.dumps({"row": row}) + "\n" for row in (1, 3, 9)))
    (error,) = client.errors(batch, folder)
    assert error.row == 4


def test_the_same_record_twice_names_both_rows(emulator, tmp_path):
    client = quick(emulator.url)
    folder = folder_of(tmp_path / "out", [lines([BAD[0], record(1), BAD[0]])])
    batch = client.wait(client.upload(folder, new_dataset(emulator.url), percent=90), timeout=20)
    found = list(client.errors(batch, folder))
    assert [(error.row, error.more_rows) for error in found] == [(1, (3,)), (1, (3,))]


def test_records_of_every_format_have_the_same_key(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    from xdmprep.core.manifest import Manifest

    wanted = {row_errors._record_key({"a": "x", "n": 1})}
    table = pa.table({"a": ["w", "x"], "n": pa.array([None, 1.0])})
    pq.write_table(table, tmp_path / "p.parquet")
    contents = {
        "parquet": (tmp_path / "p.parquet").read_bytes(),
        "json": b'{"a":"w"}\n{"n":1.0,"a":"x"}\n',
    }
    for format, data in contents.items():
        folder = folder_of(tmp_path / format, [data], [2], format=format)
        assert row_errors._places(Manifest.load(folder), wanted) == {
            next(iter(wanted)): [(f"part-00000.{format}", 2, 2)]
        }
    folder = folder_of(tmp_path / "array", [b'[{"a":"w"},{"a":"x","n":1}]'], [2], multiline=True)
    assert len(row_errors._places(Manifest.load(folder), wanted)) == 1
    folder = folder_of(tmp_path / "csv", [b"a,n\nw,\nx,1\n"], [2], format="csv")
    assert len(row_errors._places(Manifest.load(folder), {row_errors._record_key({"a": "x", "n": "1"})})) == 1


# ---- several at once -----------------------------------------------------------------------------------------------


def test_each_item_once():
    seen: list[int] = []
    each(lambda item, stop: seen.append(item), range(100), 7)
    assert sorted(seen) == list(range(100))
    each(lambda item, stop: seen.append(item), [], 7)


def test_the_first_error_ends_the_run():
    seen: list[int] = []
    gate = threading.Event()

    def work(item: int, stop: threading.Event) -> None:
        seen.append(item)
        if item == 0:
            raise ValueError("first")
        gate.wait(0.2)
        if stop.is_set():
            raise Stopped

    with pytest.raises(ValueError, match="first"):
        each(work, range(100), 3)
    assert len(seen) < 10
