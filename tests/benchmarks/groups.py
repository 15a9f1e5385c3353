"""Rows put together by key, beside polars: ``python tests/benchmarks/groups.py [ROWS] [--only TEXT]``.

The same table in memory is grouped by ``$group_by`` (mapped to records with a list of objects) and by polars'
``group_by(maintain_order=True).agg()`` with the same list of structs, or with the first values of ten columns and
whether any row says something else, which ``$group_by`` warns of. Their results are compared first. Prints microseconds
a row (processor time, one thread, the best of five, in turns), and the ratio.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import numpy as np
import polars as pl
import pyarrow as pa

from xdmprep.mapping import MappingSet, map_stream
from xdmprep.read import open_source
from xdmprep.schema import Schema

TEXT, LONG = {"type": "string"}, {"type": "integer", "meta:xdmType": "long"}
ITEM = {"type": "object", "properties": {"id": TEXT, "name": TEXT, "qty": LONG}}
SCHEMA = Schema.from_dict({
    "title": "Orders", "type": "object",
    "properties": {"_acme": {"type": "object", "properties": {
        "key": TEXT, "items": {"type": "array", "items": ITEM},
        **{f"first{number}": TEXT for number in range(10)},
    }}},
})  # fmt: skip


def table(rows: int) -> pa.Table:
    """Order lines; the keys in the columns named for how many rows share one."""
    rng = np.random.default_rng(5)
    orders = np.sort(rng.integers(0, max(1, rows // 10), rows))
    numbers = np.arange(rows)
    return pa.table({
        "DISTINCT": [f"k{number:09d}" for number in rng.permutation(rows)],
        "TEN": [f"o{number:08d}" for number in rng.permutation(orders)],
        "SORTED": [f"o{number:08d}" for number in orders],
        "CITY": np.array([f"city {number}" for number in range(12)])[rng.integers(0, 12, rows)],
        "ONE": ["one"] * rows,
        "NUMBER": rng.integers(0, max(1, rows // 10), rows),
        "SKU": [f"sku-{number}" for number in rng.integers(0, 100_000, rows)],
        "NAME": [f"Thing no. {number}" for number in numbers],
        "QTY": rng.integers(1, 20, rows),
    })  # fmt: skip


def of_groups(frame: pa.Table, key: str) -> pa.Table:
    """The table with ten columns of texts that are the same in all rows of a group, as of an order's head."""
    codes = frame.column(key).combine_chunks().dictionary_encode().indices.to_numpy()
    words = np.array([f"value {number}" for number in range(1000)])
    for number in range(10):
        frame = frame.append_column(f"F{number}", pa.array(words[(codes * 7 + number) % 1000]))
    return frame


def ours(frame: pa.Table, key: str, firsts: bool) -> pa.Table:
    """The rows as records, by `key`."""
    mapping: dict[str, Any] = {"$group_by": key, "_acme.key": key, "$sorted": key == "SORTED"}
    if firsts:
        mapping |= {f"_acme.first{number}": f"F{number}" for number in range(10)}
    else:
        mapping |= {"_acme.items[*].id": "SKU", "_acme.items[*].name": "NAME", "_acme.items[*].qty": "QTY"}
    return map_stream(open_source(frame), MappingSet(mapping), SCHEMA).to_table()


def theirs(frame: pl.DataFrame, key: str, firsts: bool) -> pl.DataFrame:
    """The same by polars."""
    groups = frame.group_by(key, maintain_order=True)
    if firsts:
        columns = [pl.col(f"F{number}").drop_nulls() for number in range(10)]
        return groups.agg(*(column.first() for column in columns), differ=pl.any_horizontal(
            column.n_unique() > 1 for column in columns))  # fmt: skip
    return groups.agg(pl.struct(id="SKU", name="NAME", qty="QTY").alias("items"))


def _same(made: pa.Table, other: pl.DataFrame, key: str, firsts: bool) -> bool:
    records = made.column("_acme").combine_chunks()
    names = {key: "key"} | ({f"F{number}": f"first{number}" for number in range(10)} if firsts else {"items": "items"})
    found = {name: records.field(field).to_pylist() for name, field in names.items()}
    found[key] = [str(value) for value in found[key]]
    wanted = other.with_columns(pl.col(key).cast(pl.String)).select(list(found)).to_dict(as_series=False)
    return found == wanted


def _micros(works: list[Callable[[], Any]], rows: int) -> list[float]:
    best = [float("inf")] * len(works)
    for _ in range(5):
        for number, work in enumerate(works):
            start = time.process_time()
            work()
            best[number] = min(best[number], time.process_time() - start)
    return [one / rows * 1e6 for one in best]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="?", type=int, default=500_000)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    pa.set_cpu_count(1)
    few, many = table(2_000), table(given.rows)
    print(f"{'us a row':>9} {'polars':>8} {'ratio':>7}  key")
    for key in ("DISTINCT", "TEN", "SORTED", "NUMBER", "CITY", "ONE"):
        small, whole = of_groups(few, key), of_groups(many, key)
        peer = pl.from_arrow(whole)
        assert isinstance(peer, pl.DataFrame)
        for firsts in (False, True):
            name = f"{key}, {'first values of 10 columns' if firsts else 'a list of objects of 3 fields'}"
            if given.only not in name:
                continue
            if not _same(ours(small, key, firsts), theirs(pl.from_arrow(small), key, firsts), key, firsts):
                raise SystemExit(f"{name}: the results differ")
            works = [partial(ours, whole, key, firsts), partial(theirs, peer, key, firsts)]
            own, other = _micros(works, given.rows)
            print(f"{own:9.3f} {other:8.3f} {own / other:7.1f}  {name}")


if __name__ == "__main__":
    main()
