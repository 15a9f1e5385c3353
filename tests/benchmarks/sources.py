"""Kinds of sources beside each other: ``python tests/benchmarks/sources.py {speed,memory} [--rows N] [--data DIR]``.

``speed``
    The rows of a CSV file (work set `crm`) as frames, as JSON of several layouts, as a folder of 100 files and
    compressed, each prepared to JSON in one process, in turns; of each the best round counts.  Frames and JSON are
    made, and files unpacked, outside the clock; the time of unpacking is told beside them.  ``--only WORD`` takes the
    kinds with that word in their names, and the CSV file.
``memory``
    Peak memory of a process that prepares a source, at one and four times ``--rows``: a generator of dicts, a list of
    files, a dataset, a file of a web server on loopback, a zip archive, a JSON array.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
FILES = 100


def made(rows: int, data: Path) -> Path:
    """The CSV file of so many rows."""
    file = data / f"crm-{rows}.csv"
    if not file.exists():
        subprocess.run([sys.executable, HERE / "worksets.py", "crm", str(rows), data], check=True)
    return file


def prepared(source: Any, data: Path) -> int:
    """Prepare a source; the number of its rows."""
    import xdmprep as xp

    with tempfile.TemporaryDirectory(dir=data) as out:
        return xp.prepare(source, data / "crm.mapping.yaml", data / "crm.schema.json", Path(out) / "out").rows


# ---- speed -------------------------------------------------------------------------------------------------------


def split(file: Path) -> Path:
    """The rows of a file in a folder of files."""
    folder = file.with_suffix("")
    if not folder.exists():
        folder.mkdir()
        header, *lines = file.read_bytes().splitlines(keepends=True)
        for number in range(FILES):
            some = lines[number * len(lines) // FILES : (number + 1) * len(lines) // FILES]
            (folder / f"{number:03}.csv").write_bytes(header + b"".join(some))
    return folder


def packed(file: Path, how: str = "gz") -> Path:
    """A file compressed: gz, zst or zip."""
    small = file.with_name(f"{file.name}.{how}")
    if small.exists():
        return small
    if how == "zip":
        with zipfile.ZipFile(small, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(file, file.name)
    elif how == "zst":
        import pyarrow as pa

        small.write_bytes(pa.compress(file.read_bytes(), "zstd", asbytes=True))
    else:
        small.write_bytes(gzip.compress(file.read_bytes(), 6))
    return small


def json_files(file: Path) -> dict[str, Any]:
    """The rows as JSON objects with the header's names, texts as they are in the CSV file, without empty values."""
    layouts = {
        "JSON lines": "lines", "JSON lines, a blank one in 1,000": "blank", "JSON lines, keys shuffled": "shuffled",
        "JSON array, an element a line": "array", "JSON array, pretty-printed": "pretty",
    }  # fmt: skip
    made = {name: file.with_name(f"{file.stem}-{layout}.json") for name, layout in layouts.items()}
    if not all(path.exists() for path in made.values()):
        chance = random.Random(1)
        with ExitStack() as stack:
            opened = stack.enter_context(file.open(newline="", encoding="utf-8"))
            out = {
                layout: stack.enter_context(path.open("w", encoding="utf-8"))
                for layout, path in zip(layouts.values(), made.values(), strict=True)
            }
            for number, row in enumerate(csv.DictReader(opened)):
                record = {name: value for name, value in row.items() if value}
                line = json.dumps(record, ensure_ascii=False)
                out["lines"].write(line + "\n")
                out["blank"].write(line + "\n" + ("\n" if number % 1000 == 999 else ""))
                keys = chance.sample(list(record), len(record))
                out["shuffled"].write(json.dumps({key: record[key] for key in keys}, ensure_ascii=False) + "\n")
                before = ",\n" if number else "[\n"
                out["array"].write(before + line)
                out["pretty"].write(before + json.dumps(record, ensure_ascii=False, indent=2))
            for layout in ("array", "pretty"):
                out[layout].write("\n]\n")
    return made


def sources(file: Path) -> dict[str, Any]:
    """The rows of a file as each kind of source."""
    import pandas as pd
    import polars as pl

    text = pl.read_csv(file, infer_schema=False)
    return {
        "CSV file": file,
        "pandas, dtype=str": pd.read_csv(file, dtype=str),
        "pandas, dtype=object": pd.read_csv(file, dtype=object),
        "pandas, its own types": pd.read_csv(file, dtype=dict.fromkeys([c for c in text.columns if "ID" in c], str)),
        "polars, text": text,
        "polars, its own types": pl.read_csv(file, schema_overrides={c: pl.String for c in text.columns if "ID" in c}),
        "polars, lazy scan": pl.scan_csv(file, infer_schema=False),
        "Arrow table": text.to_arrow(),
        f"folder of {FILES} files": split(file),
        **{f".csv.{how}": packed(file, how) for how in ("gz", "zst", "zip")},
        **json_files(file),
    }


def speed(rows: int, rounds: int, data: Path, only: str) -> None:
    """Print the time of each kind, and its ratio to that of the CSV file."""
    file = made(rows, data)
    kinds = {"CSV file": file, **json_files(file)} if only == "JSON" else sources(file)
    kinds = {name: kind for name, kind in kinds.items() if name == "CSV file" or only in name}
    best: dict[str, tuple[float, float]] = {}
    for number in range(rounds + 1):
        names = list(kinds)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            took = timed(lambda source=kinds[name]: prepared(source, data))
            if number:  # the first round warms up
                known = best.get(name, took)
                best[name] = (min(took[0], known[0]), min(took[1], known[1]))
    wall, cpu = best["CSV file"]
    print(f"{rows:,} rows, best of {rounds} rounds\n")
    print("| source | wall s | beside CSV | cpu s | beside CSV |\n|---|---|---|---|---|")
    for name, (here, busy) in best.items():
        print(f"| {name} | {here:.2f} | {here / wall:.2f} | {busy:.2f} | {busy / cpu:.2f} |")
    if ".csv.gz" not in best:
        return
    small = packed(file)
    unpacking = min(timed(lambda: unpacked(small))[0] for _ in range(rounds))
    beside = best[".csv.gz"][0] / (wall + unpacking)
    print(f"\nunpacking alone takes {unpacking:.2f} s; .csv.gz beside unpacking first: {beside:.2f}")


def timed(run: Callable[[], Any]) -> tuple[float, float]:
    """Seconds on the clock, and of processor time."""
    os.sync()
    start, busy = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - start, time.process_time() - busy


def unpacked(file: Path) -> None:
    """Unpack a file to the disk, as one would before a run."""
    target = file.with_name("unpacked.csv")
    with gzip.open(file) as source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)
    target.unlink()


# ---- memory ------------------------------------------------------------------------------------------------------


def generator(file: Path, _: Path) -> Any:
    with file.open(newline="", encoding="utf-8") as opened:
        yield from csv.DictReader(opened)


def several(file: Path, _: Path) -> Any:
    return split(file)


def dataset(file: Path, data: Path) -> Any:
    import pyarrow.csv as pcsv
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    target = file.with_suffix(".parquet")
    if not target.exists():
        text = pcsv.read_csv(file)
        pq.write_table(text, target, row_group_size=50_000)
    return ds.dataset(target)


def web(file: Path, _: Path) -> Any:
    return os.environ["SOURCES_URL"] + f"/{file.name}"


MEMORY: dict[str, Callable[[Path, Path], Any]] = {
    "CSV file": lambda file, _: file, "generator of dicts": generator, f"folder of {FILES} files": several,
    "dataset": dataset, "https and http": web, "zip": lambda file, _: packed(file, "zip"),
    "JSON array": lambda file, _: json_files(file)["JSON array, an element a line"],
}  # fmt: skip


def child(kind: str, rows: int, data: Path) -> None:
    """Prepare one source, and print this process's peak of memory in MiB."""
    source = MEMORY[kind](made(rows, data), data)
    assert prepared(source, data) == rows
    # of this program alone: what `getrusage` says begins with the peak of the process that started it
    print(int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024)  # type: ignore[index]


def memory(rows: int, data: Path) -> None:
    """Print the peak memory of each kind at two sizes."""
    made(4 * rows, data)
    words = [sys.executable, "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(data)]
    server = subprocess.Popen(
        [words[0], "-u", *words[1:]], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert server.stdout is not None
    port = server.stdout.readline().split("port ")[1].split()[0]
    try:
        print(f"peak memory in MiB\n\n| source | {rows:,} rows | {4 * rows:,} rows | ratio |\n|---|---|---|---|")
        for kind in MEMORY:
            peaks = []
            for size in (rows, 4 * rows):
                MEMORY[kind](made(size, data), data) if kind != "https and http" else None  # files are made outside
                call = [sys.executable, __file__, "child", "--kind", kind, "--rows", str(size), "--data", str(data)]
                env = {**os.environ, "SOURCES_URL": f"http://127.0.0.1:{port}"}
                peaks.append(float(subprocess.run(call, env=env, check=True, capture_output=True, text=True).stdout))
            print(f"| {kind} | {peaks[0]:.0f} | {peaks[1]:.0f} | {peaks[1] / peaks[0]:.2f} |", flush=True)
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    """Run a job."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=["speed", "memory", "child"])
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "xdmprep-sources")
    parser.add_argument("--only", default="", metavar="WORD")
    parser.add_argument("--kind", default="", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    asked.data.mkdir(parents=True, exist_ok=True)
    if asked.job == "speed":
        speed(asked.rows, asked.rounds, asked.data, asked.only)
    elif asked.job == "memory":
        memory(asked.rows, asked.data)
    else:
        child(asked.kind, asked.rows, asked.data)


if __name__ == "__main__":
    main()
