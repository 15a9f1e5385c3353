"""Shapes of input that cost more than others: ``python tests/benchmarks/shapes.py [--rows N] [--only TEXT]``.

Each case stands beside the same work without its trouble. Prints microseconds a row (processor time, one thread, the
best of three, in turns) and the ratio.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import xdmprep
from xdmprep.language import compile_expression
from xdmprep.mapping import MappingSet, map_stream
from xdmprep.read import open_source
from xdmprep.schema import Schema

TEXT, LONG = {"type": "string"}, {"type": "integer", "meta:xdmType": "long"}
Work = Callable[[], Any]


def schema_of(fields: dict[str, Any]) -> Schema:
    """A schema with these fields below ``_acme``."""
    inside = {"_acme": {"type": "object", "properties": fields}}
    return Schema.from_dict({"title": "Shapes", "type": "object", "properties": inside})


def texts(rows: int, number: int = 0) -> pa.Array:
    """Texts of which each stands in ten rows."""
    return pa.array([f"value {row // 10 * 7 + number}" for row in range(rows)])


def prepared(source: Any, mapping: Any, schema: Schema, format: Any) -> Work:
    """The source prepared into a folder of its own."""

    def work() -> None:
        with tempfile.TemporaryDirectory() as folder:
            xdmprep.prepare(source, mapping, schema, Path(folder) / "out", format=format, jobs=1, rules="batch")

    return work


def mapped(source: Any, mapping: Any, schema: Schema | None = None) -> Work:
    """The source mapped."""
    made = MappingSet(mapping)

    def work() -> None:
        for _ in map_stream(open_source(source), made, schema).chunks():
            pass

    return work


def wide_schema(rows: int) -> tuple[int, Work, Work]:
    """Parquet of 20 mapped fields, of a schema of 20 and of one of 2,000."""
    table = pa.table({f"C{n}": texts(rows, n) for n in range(20)})
    mapping = {f"_acme.f{n}": f"C{n}" for n in range(20)}
    few, many = (schema_of({f"f{n}": TEXT for n in range(count)}) for count in (20, 2000))
    return rows, prepared(table, mapping, many, "parquet"), prepared(table, mapping, few, "parquet")


def map_keys(rows: int) -> tuple[int, Work, Work]:
    """Parquet of a map with 50 keys given by path, beside an object with 50 fields."""
    rows //= 5
    table = pa.table({f"C{n}": texts(rows, n) for n in range(50)})
    as_map = schema_of({"m": {"type": "object", "additionalProperties": TEXT, "meta:xdmType": "map"}})
    as_object = schema_of({"m": {"type": "object", "properties": {f"k{n}": TEXT for n in range(50)}}})
    mapping = {f"_acme.m.k{n}": f"C{n}" for n in range(50)}
    return rows, prepared(table, mapping, as_map, "parquet"), prepared(table, mapping, as_object, "parquet")


def small_chunks(size: int) -> Callable[[int], tuple[int, Work, Work]]:
    """An Arrow table in chunks of some rows, beside a whole one."""

    def case(rows: int) -> tuple[int, Work, Work]:
        whole = pa.table({f"C{n}": texts(rows, n) for n in range(10)})
        mapping = {f"f{n}": f"C{n}" for n in range(10)}
        return rows, mapped(pa.Table.from_batches(whole.to_batches(size)), mapping), mapped(whole, mapping)

    return case


def small_batches(size: int) -> Callable[[int], tuple[int, Work, Work]]:
    """A reader of batches of some rows, beside Arrow reading and joining them alone."""

    def case(rows: int) -> tuple[int, Work, Work]:
        whole = pa.table({f"C{n}": texts(rows, n) for n in range(10)})
        mapping, batches = {f"f{n}": f"C{n}" for n in range(10)}, whole.to_batches(size)

        def reader() -> pa.RecordBatchReader:
            return pa.RecordBatchReader.from_batches(whole.schema, batches)

        return rows, lambda: mapped(reader(), mapping)(), lambda: reader().read_all().combine_chunks()

    return case


def csv_rows(trouble: str) -> Callable[[int], tuple[int, Work, Work]]:
    """A CSV in which one row of a thousand is in trouble, beside a clean one."""

    def case(rows: int) -> tuple[int, Work, Work]:
        clean = [",".join(f"v{row}-{n}" for n in range(10)) for row in range(rows)]
        head = ",".join(f"C{n}" for n in range(10))
        dirty = [trouble.format(row) if number % 1000 == 500 else row for number, row in enumerate(clean)]
        mapping = {f"f{n}": f"C{n}" for n in range(10)}
        files = ["\n".join([head, *lines]).encode() for lines in (dirty, clean)]
        return rows, *(mapped_bytes(file, mapping) for file in files)  # type: ignore[return-value]

    return case


def mapped_bytes(content: bytes, mapping: Any) -> Work:
    """A CSV in memory mapped."""
    return lambda: mapped(io.BytesIO(content), mapping)()


def letter(expression: str) -> Callable[[int], tuple[int, Work, Work]]:
    """Texts with one letter beyond ASCII, beside texts without."""

    def case(rows: int) -> tuple[int, Work, Work]:
        both = [pa.record_batch({"T": pa.array([f"{name} street no. {n}" for n in range(rows)])})
                for name in ("Müller", "Miller")]  # fmt: skip
        compiled = compile_expression(expression, both[0].schema)
        return rows, *((lambda batch=batch: compiled.apply(batch)) for batch in both)  # type: ignore[return-value]

    return case


def faulty(rows: int) -> tuple[int, Work, Work]:
    """Half of the values are no numbers, beside none."""
    good = np.arange(rows).astype(str)
    bad = np.where(np.arange(rows) % 2 == 0, np.char.add("x", good), good)
    schema = schema_of({"n": LONG})
    return rows, *(mapped(pa.table({"N": pa.array(one)}), {"_acme.n": "N"}, schema) for one in (bad, good))  # type: ignore[return-value]


def wide_groups(rows: int) -> tuple[int, Work, Work]:
    """2,000 CSV columns grouped by key, beside the same mapped row by row; a value counts, not a row."""
    rows //= 100
    lines = [",".join(["k" + str(row // 3), *(f"v{row // 3 % 50}" for _ in range(2000))]) for row in range(rows)]
    content = "\n".join([",".join(["KEY", *(f"C{n}" for n in range(2000))]), *lines]).encode()
    mapping = {"key": "KEY", **{f"f{n}": f"C{n}" for n in range(2000)}}
    grouped = {"$group_by": "KEY", **mapping}
    return rows * 2000, mapped_bytes(content, grouped), mapped_bytes(content, mapping)


CASES: dict[str, Callable[[int], tuple[int, Work, Work]]] = {
    "Parquet, 20 fields mapped of a schema of 2,000": wide_schema,
    "Parquet, a map with 50 keys by path": map_keys,
    "an Arrow table in chunks of 10 rows": small_chunks(10),
    "an Arrow table in chunks of 100 rows": small_chunks(100),
    "a reader of batches of 10 rows, beside Arrow joining them": small_batches(10),
    "CSV, a ragged row in 1,000": csv_rows("a,b"),
    "CSV, a quote in an unquoted value in 1,000 rows": csv_rows('5" pipe,{}'.replace("{}", ",".join("abcdefghi"))),
    "lower(T), a letter beyond ASCII": letter("lower(T)"),
    'T.indexOf("street"), a letter beyond ASCII': letter('T.indexOf("street")'),
    'replacestr(T, "street", "st"), a letter beyond ASCII': letter('replacestr(T, "street", "st")'),
    "half of the values faulty": faulty,
    "2,000 CSV columns with $group_by": wide_groups,
}


def micros(works: list[Work], rows: int) -> list[float]:
    """Microseconds a row of each, the best of three."""
    best = [float("inf")] * len(works)
    for _ in range(3):
        for number, work in enumerate(works):
            start = time.process_time()
            work()
            best[number] = min(best[number], time.process_time() - start)
    return [one / rows * 1e6 for one in best]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    pa.set_cpu_count(1)
    print("| case | µs | without it | ratio |\n|---|---|---|---|")
    for name, case in CASES.items():
        if given.only in name:
            rows, *works = case(given.rows)
            own, plain = micros(works, rows)
            print(f"| {name} | {own:.3f} | {plain:.3f} | {own / plain:.1f} |", flush=True)


if __name__ == "__main__":
    main()
