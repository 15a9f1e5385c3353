"""40 mappings, 15 of them calculated: ``python tests/benchmarks/mapping_vs_polars.py [ROWS] [THREADS]``.

The same table of text columns (in memory) is mapped by xdmprep, by polars expressions, and by a pandas script that
applies a Python function to every row (on at most 50,000 rows; its time is scaled). Calculated are concat, iif, date,
decode, replacestr, sha256, upper(trim), and explode with join; the rest are copies, some with coercion to numbers,
dates and booleans. First the results of xdmprep and polars are compared, value by value, on 2,000 rows. Prints
seconds, rows per second and the ratio to polars, the best of three runs in turns.
"""

from __future__ import annotations

import hashlib
import os
import random
import sys
import time
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pyarrow as pa

THREADS = int(sys.argv[2]) if len(sys.argv) > 2 else os.cpu_count() or 1
os.environ.setdefault("POLARS_MAX_THREADS", str(THREADS))

import pandas as pd  # noqa: E402
import polars as pl  # noqa: E402

from xdmprep.mapping import MappingSet, map_stream  # noqa: E402
from xdmprep.read import open_source  # noqa: E402
from xdmprep.schema import Schema  # noqa: E402

COPIES = [f"t{n}" for n in range(15)]
KINDS = {"n": "number", "i": "long", "d": "date", "b": "boolean"}

CALCULATED = {
    "c0": 'concat(first, " ", last)',
    "c1": 'concat(upper(trim(first)), "-", lower(last))',
    "c2": 'iif(tier == "g", "gold", "other")',
    "c3": 'iif(city == "Ghent", first, last)',
    "c4": 'date(seen, "dd/MM/yyyy")',
    "c5": 'date(joined, "yyyyMMdd")',
    "c6": 'decode(tier, "g", "gold", "s", "silver", "b", "bronze", "none")',
    "c7": 'decode(city, "Ghent", "BE", "Lyon", "FR", "Bern", "CH", "XX")',
    "c8": 'replacestr(phone, "-", "")',
    "c9": 'replacestr(email, "example.com", "example.org")',
    "c10": "sha256(email)",
    "c11": "sha256(phone)",
    "c12": "upper(trim(last))",
    "c13": 'join(" ", explode(tags, ";"))',
    "c14": 'join("|", explode(tags, ";"))',
}


def table(rows: int) -> pa.Table:
    """Text columns, some of few distinct values and some all different."""
    draw = random.Random(7)
    columns: dict[str, list[str]] = {name: [] for name in ["first", "last", "tier", "city", "phone", "email", "tags"]}
    columns |= {"seen": [], "joined": []}
    names = [f"Name{n}" for n in range(2000)]
    for _ in range(rows):
        columns["first"].append(draw.choice(names))
        columns["last"].append(" " + draw.choice(names))
        columns["tier"].append(draw.choice("gsbx"))
        columns["city"].append(draw.choice(["Ghent", "Lyon", "Bern", "Oslo"]))
        columns["phone"].append(f"{draw.randrange(1000):03}-{draw.randrange(1000):03}-{draw.randrange(10000):04}")
        columns["email"].append(f"user{draw.randrange(10**9)}@example.com")
        columns["tags"].append(";".join(draw.choices("abcdefgh", k=3)))
        day = date.fromordinal(draw.randrange(720_000, 739_000))
        columns["seen"].append(day.strftime("%d/%m/%Y"))
        columns["joined"].append(day.strftime("%Y%m%d"))
    for name in COPIES:
        columns[name] = columns[draw.choice(["first", "last", "phone", "email"])]
    for number in range(4):
        columns[f"n{number}"] = [f"{draw.uniform(-90, 90):.6f}" for _ in range(rows)]
    for number in range(3):
        columns[f"i{number}"] = [str(draw.randrange(10**9)) for _ in range(rows)]
    columns["d0"] = [date.fromordinal(draw.randrange(720_000, 739_000)).isoformat() for _ in range(rows)]
    columns["d1"] = columns["d0"]
    columns["b0"] = [draw.choice(["true", "false"]) for _ in range(rows)]
    return pa.table(columns)


TYPED = ["n0", "n1", "n2", "n3", "i0", "i1", "i2", "d0", "d1", "b0"]
MAPPING = MappingSet({name: name for name in [*COPIES, *TYPED]} | CALCULATED)


def schema() -> Schema:
    """The destination: one flat field per mapping."""
    properties: dict[str, Any] = {name: {"type": "string"} for name in COPIES}
    for name in TYPED:
        properties[name] = {
            "n": {"type": "number"}, "i": {"type": "integer", "meta:xdmType": "long"},
            "d": {"type": "string", "format": "date", "meta:xdmType": "date"}, "b": {"type": "boolean"},
        }[name[0]]  # fmt: skip
    for name in CALCULATED:
        properties[name] = {"type": "string"}
    for name in ("c4", "c5"):
        properties[name] = {"type": "string", "format": "date", "meta:xdmType": "date"}
    return Schema.from_dict({"title": "benchmark", "type": "object", "properties": properties})


def with_xdmprep(source: pa.Table) -> Callable[[], Any]:
    """Maps all chunks, counts rows and findings."""
    stream = map_stream(open_source(source), MAPPING, schema())

    def work() -> Any:
        return sum(len(chunk) for chunk, _ in stream.run(jobs=THREADS))

    return work


def expressions() -> list[pl.Expr]:
    """The same in polars."""
    c = pl.col
    tier = {"g": "gold", "s": "silver", "b": "bronze"}
    made = [
        (c("first") + " " + c("last")).alias("c0"),
        (c("first").str.strip_chars().str.to_uppercase() + "-" + c("last").str.to_lowercase()).alias("c1"),
        pl.when(c("tier") == "g").then(pl.lit("gold")).otherwise(pl.lit("other")).alias("c2"),
        pl.when(c("city") == "Ghent").then(c("first")).otherwise(c("last")).alias("c3"),
        c("seen").str.to_date("%d/%m/%Y").alias("c4"),
        c("joined").str.to_date("%Y%m%d").alias("c5"),
        c("tier").replace_strict(tier, default="none", return_dtype=pl.String).alias("c6"),
        c("city").replace_strict({"Ghent": "BE", "Lyon": "FR", "Bern": "CH"}, default="XX", return_dtype=pl.String)
        .alias("c7"),
        c("phone").str.replace_all("-", "", literal=True).alias("c8"),
        c("email").str.replace_all("example.com", "example.org", literal=True).alias("c9"),
        c("email").map_elements(_sha256, return_dtype=pl.String).alias("c10"),
        c("phone").map_elements(_sha256, return_dtype=pl.String).alias("c11"),
        c("last").str.strip_chars().str.to_uppercase().alias("c12"),
        c("tags").str.split(";").list.join(" ").alias("c13"),
        c("tags").str.split(";").list.join("|").alias("c14"),
    ]  # fmt: skip
    casts = [
        c(name).cast(pl.Float64) if name[0] == "n"
        else c(name).cast(pl.Int64) if name[0] == "i"
        else c(name).str.to_date("%Y-%m-%d") if name[0] == "d"
        else (c(name) == "true").alias(name)
        for name in TYPED
    ]  # fmt: skip
    return [*(c(name) for name in COPIES), *casts, *made]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def with_polars(source: pa.Table) -> Callable[[], Any]:
    """One select."""
    frame = pl.from_arrow(source)
    assert isinstance(frame, pl.DataFrame)
    made = expressions()
    return lambda: len(frame.select(made))


def with_pandas(source: pa.Table) -> Callable[[], Any]:
    """A Python function per row."""
    frame = source.to_pandas()
    tiers = {"g": "gold", "s": "silver", "b": "bronze"}
    countries = {"Ghent": "BE", "Lyon": "FR", "Bern": "CH"}

    def one(row: Any) -> dict[str, Any]:
        made = {name: row[name] for name in COPIES}
        for name in TYPED:
            value = row[name]
            made[name] = (
                float(value) if name[0] == "n" else int(value) if name[0] == "i"
                else date.fromisoformat(value) if name[0] == "d" else value == "true"
            )  # fmt: skip
        made["c0"] = f"{row['first']} {row['last']}"
        made["c1"] = f"{row['first'].strip().upper()}-{row['last'].lower()}"
        made["c2"] = "gold" if row["tier"] == "g" else "other"
        made["c3"] = row["first"] if row["city"] == "Ghent" else row["last"]
        made["c4"] = datetime.strptime(row["seen"], "%d/%m/%Y").date()
        made["c5"] = datetime.strptime(row["joined"], "%Y%m%d").date()
        made["c6"] = tiers.get(row["tier"], "none")
        made["c7"] = countries.get(row["city"], "XX")
        made["c8"] = row["phone"].replace("-", "")
        made["c9"] = row["email"].replace("example.com", "example.org")
        made["c10"], made["c11"] = _sha256(row["email"]), _sha256(row["phone"])
        made["c12"] = row["last"].strip().upper()
        parts = row["tags"].split(";")
        made["c13"], made["c14"] = " ".join(parts), "|".join(parts)
        return made

    return lambda: len(pd.DataFrame(list(frame.apply(one, axis=1))))


def compare() -> None:
    """xdmprep and polars give the same values."""
    source = table(2000)
    ours = map_stream(open_source(source), MAPPING, schema()).to_table().to_pylist()
    theirs = pl.from_arrow(source).select(expressions()).to_dicts()  # type: ignore[union-attr]
    names = list(MAPPING)
    assert [{name: row[name] for name in names} for row in ours] == [
        {name: row[name] for name in names} for row in theirs
    ]


def main() -> None:
    """Compare, then time."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    compare()
    source = table(rows)
    few = source.slice(0, 50_000)
    contestants = {"xdmprep": with_xdmprep(source), "polars": with_polars(source), "pandas": with_pandas(few)}
    best: dict[str, float] = {}
    for turn in range(3):
        for name, work in contestants.items():
            if name == "pandas" and turn:
                continue
            started = time.perf_counter()
            work()
            seconds = time.perf_counter() - started
            best[name] = min(best.get(name, seconds), seconds)
    best["pandas"] *= rows / len(few)
    for name, seconds in best.items():
        ratio = seconds / best["polars"]
        print(f"{name:8} {seconds:8.2f} s  {rows / seconds:12,.0f} rows/s  {ratio:6.2f} x polars")


if __name__ == "__main__":
    main()
