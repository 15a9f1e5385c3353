"""Expressions of the mapping language beside polars expressions that do the same, on one million rows.

Run: ``python tests/benchmarks/bench_language.py [ROWS]``.  Both sides get two threads; the best of three runs counts.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "2")

import numpy as np
import polars as pl
import pyarrow as pa

from xdmprep.language import compile_expression

CHUNK = 125_000


def source(n: int) -> pa.RecordBatch:
    """A CRM-like source of text columns."""
    rng = np.random.default_rng(1)
    days = np.datetime64("1950-01-01") + rng.integers(0, 20_000, n)
    return pa.record_batch(
        {
            "first": pa.array(rng.choice(["Anna", "Bob", "Chloe", "Dan", "Eve"], n)),
            "last": pa.array(np.char.add("N", rng.integers(0, 200_000, n).astype(str))),
            "title": pa.array(rng.choice(["MR", "MRS", "DR", "X"], n)),
            "phone": pa.array(np.char.add("555-", rng.integers(10**6, 10**7, n).astype(str))),
            "email": pa.array([f"user{i}@example.com" for i in range(n)]),
            "tags": pa.array(rng.choice(["a,b,c", "x", "p,q", "k,l,m,n"], n)),
            "born": pa.array(np.datetime_as_string(days)),
            "amount": pa.array(rng.integers(0, 1000, n).astype(str)),
        }
    )


c = pl.col
CASES: dict[str, pl.Expr] = {
    'concat(first, " ", last)': pl.concat_str([c("first").fill_null(""), pl.lit(" "), c("last").fill_null("")]),
    'iif(amount != null && to_integer(amount) > 500, "big", "small")': pl.when(
        c("amount").is_not_null() & (c("amount").cast(pl.Int64, strict=False) > 500)
    ).then(pl.lit("big")).otherwise(pl.lit("small")),
    'iif(title.equals("MR"), first, last)': pl.when(c("title") == "MR").then(c("first")).otherwise(c("last")),
    'date(born, "yyyy-MM-dd")': c("born").str.to_datetime("%Y-%m-%d", strict=False, time_unit="ms"),
    'format(date(born, "yyyy-MM-dd"), "dd.MM.yyyy")': c("born").str.to_date("%Y-%m-%d").dt.to_string("%d.%m.%Y"),
    'decode(title, "MR", "Mister", "MRS", "Missus", "other")': c("title").replace_strict(
        {"MR": "Mister", "MRS": "Missus"}, default="other"
    ),
    'replacestr(phone, "-", "")': c("phone").str.replace_all("-", "", literal=True),
    "sha256(email)": c("email").map_elements(
        lambda text: hashlib.sha256(text.encode()).hexdigest(), return_dtype=pl.String
    ),
    'join("|", explode(tags, ","))': c("tags").str.split(",").list.join("|"),
    "lower(email)": c("email").str.to_lowercase(),
    "trim(first)": c("first").str.strip_chars(),
    "left(email, 5)": c("email").str.slice(0, 5),
}  # fmt: skip


def best(work: Callable[[], Any]) -> float:
    """Seconds of the fastest of three runs."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Prints milliseconds of both sides and their ratio, for each expression and in total."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    pa.set_cpu_count(2)
    rows = source(n)
    frame = pl.DataFrame(pa.Table.from_batches([rows]))
    chunks = [rows.slice(i, CHUNK) for i in range(0, n, CHUNK)]
    total = np.zeros(2)
    with ThreadPoolExecutor(2) as pool:
        print(f"{'xdmprep ms':>10} {'polars ms':>10} {'ratio':>6}")
        for text, peer in CASES.items():
            expression = compile_expression(text, rows.schema)
            ours = best(lambda apply=expression.apply: list(pool.map(apply, chunks)))
            theirs = best(lambda peer=peer: frame.select(peer.alias("o")))
            total += ours, theirs
            print(f"{ours * 1e3:10.1f} {theirs * 1e3:10.1f} {ours / theirs:6.2f}  {text}")
    print(f"{total[0] * 1e3:10.1f} {total[1] * 1e3:10.1f} {total[0] / total[1]:6.2f}  all")


if __name__ == "__main__":
    main()
