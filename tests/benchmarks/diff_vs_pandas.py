"""Two snapshots of a CRM export, some rows changed: ``python tests/benchmarks/diff_vs_pandas.py ROWS [PERCENT]``.

Makes both files (kept in the system's temporary folder for the next run), then times, each in a process of its own and
in turns: xdmprep from CSV files to a Parquet patch; pandas from the same files to a Parquet file of the changed rows
(read, merge, compare column by column); Arrow's join (Acero) and, where it is installed, DuckDB's of the same files.
These map, check and nest nothing.  ``join_*`` time the join alone, of digests, in the three ways.  Prints wall time,
processor time and peak memory of each.
"""

from __future__ import annotations

import csv
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SCHEMAS = Path(__file__).parents[2] / "schemas"
FOLDER = Path(tempfile.gettempdir()) / "xdmprep-benchmark"


def snapshots(rows: int, percent: float) -> tuple[Path, Path]:
    """The two files: rows in the same order, `percent` of them with another street, 0.1 % gone, 0.1 % new."""
    before, after = FOLDER / f"before-{rows}.csv", FOLDER / f"after-{rows}-{percent:g}.csv"
    FOLDER.mkdir(exist_ok=True)
    if not before.exists():
        subprocess.run(
            [sys.executable, str(Path(__file__).with_name("make_crm.py")), str(rows), str(before)], check=True
        )
    if not after.exists():
        rng = random.Random(1)
        with before.open(encoding="utf-8", newline="") as source, after.open("w", encoding="utf-8", newline="") as out:
            lines, writer = csv.reader(source), csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
            header = next(lines)
            writer.writerow(header)
            street, loyalty = header.index("STREET"), header.index("ID3")
            for row in lines:
                draw = rng.random()
                if draw < percent / 100:
                    row[street] = f"{rng.randrange(10_000)} New Road"
                elif draw > 0.999:
                    row[loyalty] = f"new-{rng.getrandbits(64):016x}"
                writer.writerow(row)
    return before, after


def ours(before: str, after: str) -> str:
    """xdmprep, from file to file."""
    from xdmprep.pipeline.upsert import write_patch

    out = FOLDER / "patch"
    shutil.rmtree(out, ignore_errors=True)
    mapping, schema = SCHEMAS / "crm-profile.mapping.yaml", SCHEMAS / "crm-profile.schema.json"
    result = write_patch(before, after, schema, out, mapping=mapping)
    return str(result.counts)


def pandas(before: str, after: str) -> str:
    """pandas, from file to file."""
    import pandas as pd

    early, late = (pd.read_csv(path, dtype="str", keep_default_na=False) for path in (before, after))
    both = late.merge(early, on="ID3", how="outer", suffixes=("", "_before"), indicator=True)
    columns = [name for name in early.columns if name != "ID3"]
    new = both["_merge"] == "left_only"
    changed = {name: (both["_merge"] == "both") & (both[name] != both[name + "_before"]) for name in columns}
    touched = [name for name in columns if (changed[name] | new).any()]
    some = new.copy()
    for name in touched:
        some |= changed[name]
    patch = both.loc[some, ["ID3", *touched]].copy()
    for name in touched:
        patch[name] = patch[name].where((changed[name] | new)[some])
    patch.to_parquet(FOLDER / "pandas.parquet")
    return f"{len(patch)} rows, {int((both['_merge'] == 'right_only').sum())} gone"


def pandas_only_merge(before: str, after: str) -> str:
    """pandas, read and merge alone."""
    import pandas as pd

    early, late = (pd.read_csv(path, dtype="str", keep_default_na=False) for path in (before, after))
    return str(len(late.merge(early, on="ID3", how="outer", suffixes=("", "_before"), indicator=True)))


def frames(before: str, after: str) -> str:
    """From DataFrames in memory: pandas' merge alone, then xdmprep's diff; the times are in the text."""
    import pandas as pd

    import xdmprep as xp

    early, late = (pd.read_csv(path, dtype="str", keep_default_na=False) for path in (before, after))
    mapping, schema = SCHEMAS / "crm-profile.mapping.yaml", SCHEMAS / "crm-profile.schema.json"
    xp.diff(early.head(9), late.head(9), schema, mapping=mapping)  # everything is imported before the clock runs
    started = time.perf_counter()
    patch = xp.diff(early, late, schema, mapping=mapping)
    between = time.perf_counter()
    late.merge(early, on="ID3", how="outer", suffixes=("", "_before"), indicator=True)
    ended = time.perf_counter()
    return f"diff {between - started:.2f} s ({patch.records:,} records), merge alone {ended - between:.2f} s"


def acero(before: str, after: str) -> str:
    """Arrow's own join (Acero), from file to file, all columns as text."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv as arrow_csv
    import pyarrow.parquet as pq

    names = arrow_csv.open_csv(before).schema.names
    text = arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True)
    early, late = (arrow_csv.read_csv(path, convert_options=text) for path in (before, after))
    rest = [name for name in names if name != "ID3"]
    both = late.join(early, "ID3", join_type="full outer", right_suffix="_before", coalesce_keys=False)
    gone = pc.sum(pc.is_null(both["ID3"])).as_py()
    columns, some = {"ID3": both["ID3"]}, pc.is_null(both["ID3_before"])
    for name in rest:
        now, was = both[name], both[f"{name}_before"]
        other = pc.fill_null(pc.not_equal(now, was), pc.xor(pc.is_null(now), pc.is_null(was)))
        columns[name] = pc.if_else(other, now, None)
        some = pc.or_(some, other)
    keep = pc.and_(some, pc.is_valid(both["ID3"]))
    patch = pa.table(columns).filter(keep)
    pq.write_table(patch, FOLDER / "acero.parquet")
    return f"{len(patch)} rows, {gone} gone"


def _digests(before: str, after: str) -> list[Any]:
    """Three numbers for each row of both files (key, content, position), as the comparison by digests has them."""
    import numpy as np

    made = []
    for path in (before, after):
        with Path(path).open("rb") as file:
            header = next(csv.reader([next(file).decode()]))
            key = header.index("ID3")
            rows = [(hash(line.split(b'","')[key]), hash(line)) for line in file]
        numbers = np.array(rows, np.int64)
        made.append((numbers[:, 0].copy(), numbers[:, 1].copy(), np.arange(len(rows))))
    return made


def join_ours(before: str, after: str) -> str:
    """The join alone, of digests: by parts and sorting (what xdmprep does)."""
    import numpy as np

    from xdmprep.patch.join import Entries, join

    sides = _digests(before, after)
    started = time.process_time()
    entries = []
    for keys, records, at in sides:
        made = Entries()
        for start in range(0, len(at), 16_384):
            part = slice(start, start + 16_384)
            made.add(keys[part].view(np.uint64), records[part].view(np.uint64), at[part])
        entries.append(made)
    found = join(*entries)
    return (
        f"join {time.process_time() - started:.2f} s of CPU: {len(found.after)} to look at, {found.unchanged} unchanged"
    )


def join_acero(before: str, after: str) -> str:
    """The join alone, of digests: Arrow's."""
    import pyarrow as pa
    import pyarrow.compute as pc

    early, late = (pa.table(dict(zip(("key", "record", "at"), side, strict=True))) for side in _digests(before, after))
    started = time.process_time()
    both = late.join(early, "key", join_type="full outer", right_suffix="_before")
    other = pc.fill_null(pc.not_equal(both["record"], both["record_before"]), True)
    found = both.filter(other)
    return f"join {time.process_time() - started:.2f} s of CPU: {len(found)} to look at"


def join_duckdb(before: str, after: str) -> str:
    """The join alone, of digests: DuckDB's."""
    import duckdb
    import pyarrow as pa

    early, late = (pa.table(dict(zip(("key", "record", "at"), side, strict=True))) for side in _digests(before, after))
    con = duckdb.connect()
    con.register("early", early)
    con.register("late", late)
    started = time.process_time()
    found = con.execute(
        "SELECT a.at AS late, b.at AS early FROM late a FULL JOIN early b ON a.key = b.key "
        "WHERE a.record IS DISTINCT FROM b.record"
    ).fetchnumpy()["late"]
    return f"join {time.process_time() - started:.2f} s of CPU: {len(found)} to look at"


def duckdb(before: str, after: str) -> str:
    """DuckDB, from file to file, with the memory that a laptop gives it."""
    import duckdb

    con = duckdb.connect()
    con.execute("SET memory_limit = '4GB'; SET preserve_insertion_order = false")
    names = [row[0] for row in con.execute(f"DESCRIBE SELECT * FROM read_csv('{before}', all_varchar=true)").fetchall()]
    fields = ", ".join(f"CASE WHEN a.{n} IS DISTINCT FROM b.{n} THEN a.{n} END AS {n}" for n in names if n != "ID3")
    differ = " OR ".join(f"a.{n} IS DISTINCT FROM b.{n}" for n in names)
    con.execute(
        f"COPY (SELECT a.ID3, {fields} FROM read_csv('{after}', all_varchar=true) a "
        f"LEFT JOIN read_csv('{before}', all_varchar=true) b ON a.ID3 = b.ID3 WHERE {differ}) "
        f"TO '{FOLDER / 'duckdb.parquet'}' (FORMAT parquet)"
    )
    gone = con.execute(
        f"SELECT count(*) FROM read_csv('{before}', all_varchar=true) b "
        f"ANTI JOIN read_csv('{after}', all_varchar=true) a ON a.ID3 = b.ID3"
    ).fetchall()
    rows = con.execute(f"SELECT count(*) FROM '{FOLDER / 'duckdb.parquet'}'").fetchall()
    return f"{rows[0][0]} rows, {gone[0][0]} gone"


def main() -> None:
    """Run everything, in turns."""
    if len(sys.argv) > 4 and sys.argv[1] == "--one":
        started = time.perf_counter()
        said = globals()[sys.argv[2]](sys.argv[3], sys.argv[4])
        used = resource.getrusage(resource.RUSAGE_SELF)
        wall, cpu, peak = time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
        print(f"{sys.argv[2]:18} {wall:7.2f} s {cpu:7.2f} s of CPU {peak:8,.0f} MB   {said}", flush=True)
        return
    rows, percent = int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 5.0
    before, after = snapshots(rows, percent)
    kinds = sys.argv[3].split(",") if len(sys.argv) > 3 else [
        "ours", "pandas", "pandas_only_merge", "duckdb", "acero", "frames", "join_ours", "join_acero", "join_duckdb",
    ]  # fmt: skip
    for turn in range(int(sys.argv[4]) if len(sys.argv) > 4 else 2):
        print(f"turn {turn + 1}: {rows:,} rows, {percent:g} % changed")
        for kind in kinds:
            subprocess.run([sys.executable, __file__, "--one", kind, str(before), str(after)], check=True)


if __name__ == "__main__":
    main()
