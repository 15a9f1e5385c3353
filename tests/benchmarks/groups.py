"""Rows put together by key, beside polars: ``python tests/benchmarks/groups.py [ROWS] [--only TEXT]``.

The same table in memory is grouped by ``$group_by`` (mapped to records with a list of objects) and by polars'
``group_by(maintain_order=True).agg()`` with the same list of structs, or with the first values of ten columns and
whether any row says something else, which ``$group_by`` warns of. Their results are compared first. Prints microseconds
a row (processor time, one thread, the best of five, in turns), and the ratio; both also for polars' result as an Arrow
table, whose strings stand one after the other as in the records and as writers need them, where polars has views of
those in the source. Strings of 1,000 bytes are measured with a fifth of the rows, objects of 2,000 fields with a
hundredth.
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

#: Fields of the objects in the lists, with their columns.
FEW = {"id": "SKU", "name": "NAME", "qty": "QTY"}
BYTES = {"text": "TEXT"}
MANY = {f"field{number}": f"C{number}" for number in range(2000)}


def schema_of(fields: dict[str, str]) -> Schema:
    """A schema of records with a key, a list of objects, and ten texts."""
    item = {"type": "object", "properties": {name: LONG if name == "qty" else TEXT for name in fields}}
    return Schema.from_dict({
        "title": "Orders", "type": "object",
        "properties": {"_acme": {"type": "object", "properties": {
            "key": TEXT, "items": {"type": "array", "items": item},
            **{f"first{number}": TEXT for number in range(10)},
        }}},
    })  # fmt: skip


SCHEMA = schema_of(FEW)


def table(rows: int) -> pa.Table:
    """Order lines; the keys in the columns named for how many rows share one."""
    rng = np.random.default_rng(5)
    orders = np.sort(rng.integers(0, max(1, rows // 10), rows))
    numbers = np.arange(rows)
    cities = np.array([f"city {number}" for number in range(12)])[rng.integers(0, 12, rows)]
    return pa.table({
        "DISTINCT": [f"k{number:09d}" for number in rng.permutation(rows)],
        "TEN": [f"o{number:08d}" for number in rng.permutation(orders)],
        "SORTED": [f"o{number:08d}" for number in orders],
        "CITY": cities,
        "CATEGORY": pa.array(cities).dictionary_encode(),
        "BOOLEAN": rng.integers(0, 2, rows).astype(bool),
        "ONE": ["one"] * rows,
        "HALF": [f"o{number:08d}" if number % 2 else "half" for number in rng.permutation(orders)],
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


def of_strings(rows: int, fields: dict[str, str], size: int) -> pa.Table:
    """Strings of so many bytes in each column, and about ten rows a key, all over the table."""
    rng = np.random.default_rng(6)
    keys = [f"o{number:08d}" for number in rng.integers(0, max(1, rows // 10), rows)]
    texts = {name: [f"{number:0{size}d}" for number in rng.integers(0, 1000, rows)] for name in fields.values()}
    return pa.table({"TEN": keys, **texts})


def ours(frame: pa.Table, key: str, firsts: bool, fields: dict[str, str] = FEW, schema: Schema = SCHEMA) -> pa.Table:
    """The rows as records, by `key`.

    Args:
        frame: the rows.
        key: the column whose values are equal in a group.
        firsts: whether first values are taken, and not lists of objects.
        fields: those of an object, with their columns.
        schema: that of the records.

    Returns:
        One record a group.
    """
    mapping: dict[str, Any] = {"$group_by": key, "_acme.key": key, "$sorted": key == "SORTED"}
    if firsts:
        mapping |= {f"_acme.first{number}": f"F{number}" for number in range(10)}
    else:
        mapping |= {f"_acme.items[*].{field}": column for field, column in fields.items()}
    return map_stream(open_source(frame), MappingSet(mapping), schema).to_table()


def theirs(frame: pl.DataFrame, key: str, firsts: bool, fields: dict[str, str] = FEW) -> pl.DataFrame:
    """The same by polars."""
    groups = frame.group_by(key, maintain_order=True)
    if firsts:
        columns = [pl.col(f"F{number}").drop_nulls() for number in range(10)]
        return groups.agg(*(column.first() for column in columns), differ=pl.any_horizontal(
            column.n_unique() > 1 for column in columns))  # fmt: skip
    return groups.agg(pl.struct(**fields).alias("items"))


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
    print(f"{'us a row':>9} {'polars':>8} {'ratio':>7} {'to Arrow':>8} {'ratio':>7}  key")
    few, many = table(2_000), table(given.rows)
    for key in ("DISTINCT", "TEN", "SORTED", "NUMBER", "CITY", "CATEGORY", "BOOLEAN", "ONE", "HALF"):
        small, whole = of_groups(few, key), of_groups(many, key)
        _beside(given.only, f"{key}, a list of objects of 3 fields", small, whole, key)
        _beside(given.only, f"{key}, first values of 10 columns", small, whole, key, firsts=True)
    for name, fields, size, share in (("strings of 1,000 bytes", BYTES, 1000, 5), ("2,000 fields", MANY, 8, 100)):
        if given.only in (name := f"TEN, a list of objects of {name}"):
            small, whole = (of_strings(rows, fields, size) for rows in (200, given.rows // share))
            _beside(given.only, name, small, whole, "TEN", fields=fields)


def _beside(
    only: str,
    name: str,
    small: pa.Table,
    whole: pa.Table,
    key: str,
    *,
    firsts: bool = False,
    fields: dict[str, str] = FEW,
) -> None:
    """Print what a row of `whole` takes, if `only` is part of the name and the results for `small` are equal."""
    if only not in name:
        return
    schema = schema_of(fields)
    peer, little = pl.from_arrow(whole), pl.from_arrow(small)
    if not _same(ours(small, key, firsts, fields, schema), theirs(little, key, firsts, fields), key, firsts):
        raise SystemExit(f"{name}: the results differ")
    grouped = partial(theirs, peer, key, firsts, fields)
    works: list[Callable[[], Any]] = [
        partial(ours, whole, key, firsts, fields, schema),
        grouped,
        lambda: grouped().to_arrow(compat_level=pl.CompatLevel.oldest()),
    ]
    own, other, arrow = _micros(works, whole.num_rows)
    print(f"{own:9.3f} {other:8.3f} {own / other:7.1f} {arrow:8.3f} {own / arrow:7.1f}  {name}")


if __name__ == "__main__":
    main()
