"""What the DuckDB contestants share."""

from __future__ import annotations

import duckdb
from layout import header
from sql import Record, column_types


def copy(path: str, out: str, options: str, typed: bool = False) -> None:
    """Read the CSV, nest it, COPY it; two threads, order kept."""
    record = Record(
        path,
        lambda members: "{" + ", ".join(f"'{key}': {text}" for key, text in members.items()) + "}",
        lambda items: f"list_filter([{', '.join(items)}], lambda x: x IS NOT NULL)",
        typed,
    )
    types = column_types(path)
    columns = ", ".join(f"'{name}': '{types[name]}'" for name in header(path))
    read = f"read_csv('{path}', header=true, auto_detect=false, quote='\"', escape='\"', columns={{{columns}}})"
    with duckdb.connect() as database:
        database.execute("SET threads = 2; SET enable_progress_bar = false")
        database.execute(f"COPY (SELECT {record.top()} FROM {read}{record.grouping}) TO '{out}' ({options})")
