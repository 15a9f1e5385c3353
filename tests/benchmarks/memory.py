"""Peak memory beside the number of rows: ``python tests/benchmarks/memory.py --data DIR [--rows N ...] [--only TEXT]``.

Each run is a process of its own; the peak is what the operating system counts for it.  Sources:

``distinct``
    Ten columns of texts, no two alike in a column: mapped to JSON and to Parquet, and the JSON checked.
``groups``
    ``$group_by`` with all keys different, with ten rows to a key, with one key for half of the rows, and with one for
    all; the mapping reads three of ten columns.  A group is one record in memory, so the last two grow with the columns
    that are read.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import measure
import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv
from measure import Contestant

COLUMNS = [f"C{number}" for number in range(10)]
TEXT = {"type": "string"}
STEP = 200_000


def source(folder: Path, rows: int) -> Path:
    """A CSV of texts that all differ, with columns to group by."""
    path = folder / f"distinct-{rows}.csv"
    if path.exists():
        return path
    partial, writer = path.with_suffix(".partial"), None
    order = np.random.default_rng(5).permutation(rows)
    with partial.open("wb") as file:
        for start in range(0, rows, STEP):
            numbers = np.arange(start, min(rows, start + STEP))
            some = order[start : start + STEP]
            columns = {"KEY": [f"k{n:09d}" for n in some], "TEN": [f"t{n:09d}" for n in some // 10]}
            columns["HALF"] = ["half" if n % 2 else f"h{n // 20:09d}" for n in some]
            columns["ONE"] = ["one"] * len(some)
            columns |= {name: [f"{name} value no. {n}" for n in numbers] for name in COLUMNS}
            table = pa.table(columns)
            writer = writer or pcsv.CSVWriter(file, table.schema)
            writer.write_table(table)
        if writer is not None:
            writer.close()
    partial.rename(path)
    return path


def side_files(folder: Path) -> tuple[Path, dict[str, Path]]:
    """The schema, and the mappings by name."""
    item = {"type": "object", "properties": {name.lower(): TEXT for name in COLUMNS[:3]}}
    inside: dict[str, Any] = {"key": TEXT, "items": {"type": "array", "items": item}}
    inside |= {name.lower(): TEXT for name in COLUMNS}
    schema = {"title": "Texts", "type": "object", "properties": {"_acme": {"type": "object", "properties": inside}}}
    maps: dict[str, Any] = {"distinct": {f"_acme.{name.lower()}": name for name in COLUMNS}}
    for key in ("KEY", "TEN", "HALF", "ONE"):
        maps[key] = {"$group_by": key, "_acme.key": key}
        maps[key] |= {f"_acme.items[*].{name.lower()}": name for name in COLUMNS[:3]}
    (folder / "memory.schema.json").write_text(json.dumps(schema), encoding="utf-8")
    paths = {name: folder / f"memory-{name}.json" for name in maps}
    for name, mapping in maps.items():
        paths[name].write_text(json.dumps(mapping), encoding="utf-8")
    return folder / "memory.schema.json", paths


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", type=int, default=[100_000, 600_000, 2_400_000])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", default="", help="only runs whose name has this text")
    given = parser.parse_args()
    given.data.mkdir(parents=True, exist_ok=True)
    schema, mappings = side_files(given.data)
    base = [sys.executable, "-m", "xdmprep"]
    print("| run | " + " | ".join(f"{rows:,} rows" for rows in given.rows) + " |\n|---|" + "---|" * len(given.rows))
    runs = [("distinct", "json"), ("distinct", "parquet"), ("distinct", "validate"),
            *((key, form) for key in ("KEY", "TEN", "HALF", "ONE") for form in ("json", "parquet"))]  # fmt: skip
    for name, form in runs:
        title = f"{name}, {form}"
        if given.only not in title:
            continue
        cells = []
        for rows in given.rows:
            file, out = source(given.data, rows), given.data / f"memory-out-{name}"
            to = "json" if form == "validate" else form
            command = [*base, "prepare", str(file), "-m", str(mappings[name]), "-s", str(schema), "-o", str(out),
                       "--format", to, "--no-progress"]  # fmt: skip
            sample = measure.run(Contestant(title, command, out, codes=(0, 1)), given.data / "memory.log")
            if form == "validate":
                parts = sorted(map(str, out.glob("part-*.json")))
                command = [*base, "validate", *parts, "-s", str(schema), "--no-progress"]
                sample = measure.run(Contestant(title, command), given.data / "memory.log")
            cells.append(f"{sample.rss:.0f} MiB, {sample.wall:.1f} s")
        print(f"| {title} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
