"""The benchmarks: ``python tests/benchmarks/run.py JOB --rows N --rounds K --data DIR [--set SET]``.

Jobs:
    json      CSV to NDJSON beside pandas, polars, DuckDB, DataFusion
    parquet   CSV to Parquet (Snappy) beside pyarrow, polars, DuckDB
    dirty     a clean file, one with 5 % faulty rows and one with nothing but faulty rows
    validate  NDJSON checked, beside orjson + jsonschema-rs
    mapping   40 mappings, 15 of them calculated, beside pandas apply and polars expressions
    diff      two snapshots, 5 % changed, beside a pandas merge
    memory    one, five and twenty times ROWS: peak memory and rate
    startup   ``import xdmprep`` and ``xdmprep --help``
    spark     the job `json` with PySpark beside us (needs Java)

Before the measured rounds, each contestant's output on a small file is compared with ours, record by record. A
contestant whose package is missing is left out with a line that says so. xdmprep always runs as its users run it: the
command, with the mapping file, all checks, faulty rows set aside, hashes and manifest; the others check nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import measure
import worksets
from compare import difference
from layout import GROUPS
from measure import Contestant, ratio

SMALL = 2_000
PLAIN = "not_compiled"
PEERS = {
    "json": [
        ("pandas_json", "omits nulls", ("pandas",)), ("pandas_orjson", "omits nulls", ("orjson",)),
        ("polars_json", "writes nulls", ("polars",)), ("polars_text", "omits nulls", ("polars",)),
        ("duckdb_json", "writes nulls", ("duckdb",)), ("datafusion_json", "loses the order", ("datafusion",)),
    ],
    "parquet": [
        ("duckdb_parquet", "", ("duckdb",)), ("polars_parquet", "dates as text", ("polars",)),
        ("arrow_parquet", "", ()),
    ],
    "spark": [("spark_json", "2 cores", ("pyspark",))],
    "mapping": [("pandas_mapping", "apply", ("pandas",)), ("polars_mapping", "expressions", ("polars",))],
}  # fmt: skip


#: The contestants that know all work sets; the others know those of flat layouts.
EVERY_SET = {"duckdb_json", "datafusion_json", "duckdb_parquet"}


@dataclass(frozen=True)
class Goal:
    """A figure to reach: `less` says whether small is good."""

    measure: str
    value: float
    hold: float
    aim: float
    less: bool = True

    def __str__(self) -> str:
        def met(limit: float) -> str:
            return "met" if (self.value <= limit if self.less else self.value >= limit) else "NOT met"

        sign = "at most" if self.less else "at least"
        return (
            f"- {self.measure}: **{self.value:.2f}**; hold {sign} {self.hold:g} {met(self.hold)}, "
            f"aim {self.aim:g} {met(self.aim)}"
        )


class Bench:
    """One call of the command: where files are, what was asked, what was found."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.folder: Path = given.data
        self.name: str = given.set
        self.rows: int = given.rows
        self.count: int = given.rounds
        self.only: set[str] = set(given.only or [])
        self.log = self.folder / "last.log"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.goals: list[Goal] = []
        self.missing: list[str] = []

    def say(self, text: str) -> None:
        """A line on standard error."""
        print(text, file=sys.stderr, flush=True)

    def source(self, rows: int | None = None, faulty: float = 0) -> Path:
        """A CSV of the work set."""
        return worksets.data(self.name, rows or self.rows, self.folder, faulty)

    def prepare(self, source: Path, format: str = "json", title: str = "xdmprep", set_name: str = "") -> Contestant:
        """xdmprep's own command on a file."""
        schema, mapping = worksets.side_files(set_name or self.name, self.folder)
        out = self.folder / f"out-{source.stem}-{format}"
        command = [sys.executable, "-m", "xdmprep", "prepare", str(source), "-m", str(mapping), "-s", str(schema),
                   "-o", str(out), "--format", format, "--no-progress"]  # fmt: skip
        return Contestant(title, command, out, "checks, sets faulty rows aside", codes=(0, 1))

    def plain(self, source: Path, format: str = "json") -> list[Contestant]:
        """The same without its compiled inner loops."""
        if self.only and PLAIN not in self.only:
            return []
        ours = self.prepare(source, format, PLAIN)
        out = self.folder / f"out-{source.stem}-{format}-plain"
        options = [str(out) if option == str(ours.out) else option for option in ours.command[3:]]
        code = "import os; os.environ['XDMPREP_NATIVE'] = '0'; from xdmprep.cli import main; main()"
        return [replace(ours, command=[sys.executable, "-c", code, *options], out=out, note="no compiled loops")]

    def peers(self, job: str, source: Path) -> list[Contestant]:
        """The contestants of a job whose packages are here."""
        found = []
        for script, note, needs in PEERS[job]:
            if self.only and script not in self.only:
                continue
            if self.name in ("contacts", "orders") and script not in EVERY_SET:
                continue
            absent = [name for name in needs if find_spec(name) is None]
            if absent:
                self.missing.append(f"{script}: {absent[0]} is not installed")
                continue
            out = self.folder / f"{source.stem}.{script}.out"
            command = [sys.executable, str(measure.HERE / "contestants" / f"{script}.py"), str(source), str(out)]
            found.append(Contestant(script, command, out, note, needs))
        return found

    def same(self, make: Callable[[Path], list[Contestant]], source: Path) -> None:
        """Compare what everybody makes of a small file; the first is the one to be like.

        Raises:
            SystemExit: somebody's records differ.
        """
        ours, *others = make(source)
        measure.run(ours, self.log)
        assert ours.out is not None
        for other in others:
            measure.run(other, self.log)
            assert other.out is not None
            ordered = "order" not in other.note and self.name not in GROUPS
            found = difference(ours.out, other.out, ordered)
            if found is not None:
                raise SystemExit(f"{other.name} differs from {ours.name} on {source.name}: {found}")
        self.say(f"same records from {', '.join(one.name for one in (ours, *others))} on {source.name}")

    def race(self, contestants: list[Contestant], rows: int | None = None) -> str:
        """The rounds, and their table."""
        measure.rounds(contestants, self.count, self.log, self.say)
        return measure.table(contestants, rows or self.rows)

    def goal(self, text: str, ours: Contestant, other: Contestant | None, hold: float, aim: float) -> None:
        """A goal for our time beside another's."""
        if other is not None:
            self.goals.append(Goal(text, ratio(ours, other)[0], hold, aim))

    def faster(self, text: str, ours: Contestant, other: Contestant | None, hold: float, aim: float) -> None:
        """A goal for how many times as fast as another we are."""
        if other is not None:
            self.goals.append(Goal(text, ratio(other, ours)[0], hold, aim, less=False))


def named(contestants: list[Contestant], name: str) -> Contestant | None:
    """The contestant of that name, if it takes part."""
    return next((one for one in contestants if one.name == name), None)


def job_json(bench: Bench) -> tuple[list[Contestant], str]:
    """CSV to NDJSON."""

    def make(source: Path) -> list[Contestant]:
        return [bench.prepare(source), *bench.plain(source), *bench.peers("json", source)]

    bench.same(make, bench.source(SMALL))
    crew = make(bench.source())
    text = bench.race(crew)
    bench.faster("speed beside pandas + json.dumps", crew[0], named(crew, "pandas_json"), 10, 20)
    bench.goal("time beside DuckDB COPY, order kept", crew[0], named(crew, "duckdb_json"), 0.70, 0.50)
    bench.goal("time beside DataFusion", crew[0], named(crew, "datafusion_json"), 1.2, 0.9)
    bench.goals.append(Goal("peak memory, MiB", crew[0].median("rss"), 400, 250))
    return crew, text


def job_parquet(bench: Bench) -> tuple[list[Contestant], str]:
    """CSV to Parquet."""

    def make(source: Path) -> list[Contestant]:
        return [bench.prepare(source, "parquet"), *bench.plain(source, "parquet"), *bench.peers("parquet", source)]

    bench.same(make, bench.source(SMALL))
    crew = make(bench.source())
    text = bench.race(crew)
    bench.goal("CSV to Parquet: time beside DuckDB", crew[0], named(crew, "duckdb_parquet"), 0.9, 0.7)
    return crew, text


def job_spark(bench: Bench) -> tuple[list[Contestant], str]:
    """CSV to NDJSON beside Spark."""

    def make(source: Path) -> list[Contestant]:
        return [bench.prepare(source), *bench.peers("spark", source)]

    bench.same(make, bench.source(SMALL))
    crew = make(bench.source())
    return crew, bench.race(crew)


def job_dirty(bench: Bench) -> tuple[list[Contestant], str]:
    """The cost of faults."""
    crew = [
        bench.prepare(bench.source(), title="clean"),
        bench.prepare(bench.source(faulty=5), title="5 % of the rows with a fault"),
        bench.prepare(bench.source(faulty=100), title="all rows with a fault"),
    ]
    text = bench.race(crew)
    bench.goal("5 % faulty rows: time beside clean", crew[1], crew[0], 1.3, 1.1)
    bench.goal("all rows faulty: time beside clean", crew[2], crew[0], 3, 1.5)
    return crew, text


def job_validate(bench: Bench) -> tuple[list[Contestant], str]:
    """NDJSON checked."""
    made = bench.prepare(bench.source())
    measure.run(made, bench.log)
    assert made.out is not None
    source = bench.folder / f"{bench.name}-{bench.rows}-records.json"
    with source.open("wb") as out:
        for part in sorted(made.out.glob("part-*.json")):
            out.write(part.read_bytes())
    schema, _ = worksets.side_files(bench.name, bench.folder)
    counts = bench.folder / "schema_rs.out"
    script = str(measure.HERE / "contestants" / "schema_rs.py")
    command = [sys.executable, "-m", "xdmprep", "validate", str(source), "-s", str(schema), "--no-progress"]
    crew = [
        Contestant("xdmprep", command, note="strict: schema and platform rules"),
        Contestant("schema_rs", [sys.executable, script, str(source), str(counts)], counts, "orjson + jsonschema-rs"),
    ]
    if find_spec("jsonschema_rs") is None or find_spec("orjson") is None:
        bench.missing.append("schema_rs: jsonschema-rs or orjson is not installed")
        crew.pop()
    text = bench.race(crew)
    if len(crew) > 1:
        found = json.loads(counts.read_text(encoding="utf-8"))
        if found != {"rows": bench.rows, "invalid": 0}:
            raise SystemExit(f"schema_rs counted {found}, expected {bench.rows} valid records.")
        bench.faster("validate: speed beside orjson + jsonschema-rs", crew[0], crew[1], 2, 4)
    return crew, text


def job_mapping(bench: Bench) -> tuple[list[Contestant], str]:
    """40 mappings, 15 calculated; always on the CRM set."""
    bench.name = "crm"

    def make(source: Path) -> list[Contestant]:
        return [bench.prepare(source, set_name="calculated"), *bench.peers("mapping", source)]

    bench.same(make, bench.source(SMALL))
    crew = make(bench.source())
    text = bench.race(crew)
    bench.faster("40 mappings: speed beside pandas apply", crew[0], named(crew, "pandas_mapping"), 20, 50)
    bench.goal("40 mappings: time beside polars", crew[0], named(crew, "polars_mapping"), 1.5, 1.0)
    return crew, text


def job_diff(bench: Bench) -> tuple[list[Contestant], str]:
    """Two snapshots; always on the CRM set."""
    bench.name = "crm"
    schema, mapping = worksets.side_files("crm", bench.folder)

    def make(before: Path) -> list[Contestant]:
        after, out = worksets.changed(before), bench.folder / f"diff-{before.stem}"
        key = "identityMap.CRMID[0].id"
        ours = [sys.executable, "-m", "xdmprep", "diff", str(before), str(after), "-m", str(mapping), "-s", str(schema),
                "--on", key, "-o", str(out), "--format", "parquet", "--no-progress"]  # fmt: skip
        text = bench.folder / f"{before.stem}.merge.out"
        theirs = [
            sys.executable,
            str(measure.HERE / "contestants" / "pandas_merge.py"),
            str(before),
            str(after),
            str(text),
        ]
        return [
            Contestant("xdmprep diff", ours, out, "checks, writes upsert records"),
            Contestant("pandas_merge", theirs, text, "changed columns; another order"),
        ]

    bench.same(make, bench.source(SMALL))
    crew = make(bench.source())
    text = bench.race(crew)
    bench.goal("diff, 5 % changed: time beside pandas merge", crew[0], crew[1], 0.5, 0.2)
    return crew, text


def job_memory(bench: Bench) -> tuple[list[Contestant], str]:
    """Constant memory and rate: each size in turns, and a small file, which shows what start-up takes."""
    sizes = [bench.rows, 5 * bench.rows, 20 * bench.rows]
    crew = [bench.prepare(bench.source(size), title=f"{size:,} rows") for size in (SMALL, *sizes)]
    measure.rounds(crew, bench.count, bench.log, bench.say)
    start = crew[0].median("wall")
    lines = ["| rows | wall s | cpu s | peak MiB | krows/s | krows/s after start-up |", "|---|---|---|---|---|---|"]
    rates, later, peaks = [], [], []
    for size, one in zip(sizes, crew[1:], strict=True):
        wall = one.median("wall")
        rates.append(size / wall)
        later.append((size - SMALL) / (wall - start))
        peaks.append(one.median("rss"))
        lines.append(
            f"| {size:,} | {wall:.2f} | {one.median('cpu'):.2f} | {peaks[-1]:.0f} "
            f"| {rates[-1] / 1e3:.0f} | {later[-1] / 1e3:.0f} |"
        )
    lines.append(f"| {SMALL:,} | {start:.2f} | {crew[0].median('cpu'):.2f} | {crew[0].median('rss'):.0f} | | |")
    bench.goals += [
        Goal("peak memory, MiB, the most", max(peaks), 400, 250),
        Goal("peak memory, most beside least", max(peaks) / min(peaks), 1.10, 1.10),
        Goal("rate, most beside least", max(rates) / min(rates), 1.15, 1.15),
        Goal("rate after start-up, most beside least", max(later) / min(later), 1.15, 1.15),
    ]
    return crew, "\n".join(lines)


def job_startup(bench: Bench) -> tuple[list[Contestant], str]:
    """Start-up."""
    crew = [
        Contestant("import xdmprep", [sys.executable, "-c", "import xdmprep"]),
        Contestant("xdmprep --help", [sys.executable, "-m", "xdmprep", "--help"]),
        Contestant("python -c pass", [sys.executable, "-c", "pass"]),
    ]
    measure.rounds(crew, bench.count, bench.log, bench.say)
    lines = ["| command | wall s (min-max) | peak MiB |", "|---|---|---|"]
    for one in crew:
        walls = [sample.wall for sample in one.samples]
        lines.append(
            f"| {one.name} | {one.median('wall'):.3f} ({min(walls):.3f}-{max(walls):.3f}) | {one.median('rss'):.0f} |"
        )
    bench.goals += [
        Goal("import xdmprep, s", crew[0].median("wall"), 0.3, 0.15),
        Goal("xdmprep --help, s", crew[1].median("wall"), 0.4, 0.25),
    ]
    return crew, "\n".join(lines)


JOBS = {
    "json": job_json, "parquet": job_parquet, "dirty": job_dirty, "validate": job_validate, "mapping": job_mapping,
    "diff": job_diff, "memory": job_memory, "startup": job_startup, "spark": job_spark,
}  # fmt: skip


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Race xdmprep against others; see the top of the file.")
    parser.add_argument("job", choices=list(JOBS))
    parser.add_argument("--set", choices=sorted(worksets.MAKERS), default="crm", help="work set (default: crm)")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, required=True, help="folder for the files (outside the repository)")
    parser.add_argument("--only", action="append", metavar="SCRIPT", help="only this contestant; may be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures to a file")
    given = parser.parse_args()
    bench, about = Bench(given), measure.machine()
    crew, text = JOBS[given.job](bench)
    title = f"{given.job}, {bench.name}, {given.rows:,} rows, {given.rounds} rounds"
    print(f"### {title}\n\n" + "; ".join(f"{key}: {value}" for key, value in about.items()) + f"\n\n{text}\n")
    for line in (*map(str, bench.goals), *(f"- left out: {one}" for one in bench.missing)):
        print(line)
    if given.json is not None:
        facts: dict[str, Any] = {
            "job": given.job, "set": bench.name, "rows": given.rows, "machine": about,
            "contestants": {one.name: [asdict(sample) for sample in one.samples] for one in crew},
            "goals": [asdict(goal) for goal in bench.goals], "leftOut": bench.missing,
        }  # fmt: skip
        given.json.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
