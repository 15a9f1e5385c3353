"""The commands `xdmprep prepare` and `xdmprep mend`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ..core.remote import is_url
from ..core.remote import shown as place
from ..core.typing import Format
from ..errors import UsageError
from . import options
from .arrow_runtime import load_arrow
from .command import Command
from .findings import REASONS, show_losses, show_next, show_outcome
from .lineage import OPENLINEAGE, lineage, record_run
from .printer import answer, event, show, show_lines, warn
from .progress import progress


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  xdmprep prepare crm.csv --mapping crm.mapping.yaml --schema crm.schema.json --out out/
  xdmprep prepare crm.csv -m crm.mapping.yaml -s crm.schema.json -o out/ --format parquet --report out.html
  xdmprep prepare day*.csv -m crm.mapping.yaml -s crm.schema.json -o out/
  xdmprep prepare changes.csv -m changes.mapping.yaml -s crm.schema.json -o patch/ --upsert
  xdmprep prepare crm.csv -m m.yaml -s s.json -o out/ --delimiter tab --encoding latin-1 --error-threshold 5

Ends with 0 if every row was written, 1 if rows were set aside or a field lost most of its values (--max-loss), 2 on
wrong use or input that cannot be read.
""",
)
@click.argument("sources", nargs=-1, required=True, type=options.PLACE, metavar="SOURCE...")
@click.option("--mapping", "-m", required=True, type=options.PLACE, help="Mapping set, YAML or JSON.")
@options.SCHEMA
@click.option(
    "--out", "-o", required=True, type=options.PLACE,
    help="Folder for what is written; with --engine spark also the URL of one in an object store.",
)  # fmt: skip
@click.option(
    "--format", "-f", type=click.Choice(["json", "parquet", "csv"]),
    help="File format of the parts.  [default: json; parquet with --upsert]",
)  # fmt: skip
@click.option("--upsert", is_flag=True, help="Write a Profile patch: SOURCE has only the key and the changed columns.")
@click.option("--relax-required", is_flag=True, help="With --upsert: do not ask for the schema's required fields.")
@click.option("--multiline", is_flag=True, help="Write JSON as one array per file instead of one record per line.")
@options.MAX_BYTES
@click.option("--max-rows", type=int, help="Maximum number of records in a part.")
@click.option(
    "--error-threshold", type=float, metavar="PCT", help="Keep nothing if more than PCT % of rows are faulty."
)
@options.MAX_LOSS
@options.RULES
@options.STRICT
@options.source_options
@click.option("--names", help="Column names of a CSV source without a header, separated by commas.")
@options.SET
@click.option(
    "--contract", type=options.FILE,
    help="A pandera schema for the source's columns (Python or YAML), run first; rows that break it are set aside.",
)  # fmt: skip
@click.option(
    "--engine", type=click.Choice(["local", "spark"]), default="local", show_default=True,
    help="Where the work is done: in this process, or on Spark.",
)  # fmt: skip
@click.option("--master", metavar="URL", help="Spark master, such as local[2].  [default: as spark-submit has it]")
@options.JOBS
@click.option("--report", type=options.FILE, metavar="FILE.html", help="Write the report as a web page.")
@options.HIDE_VALUES
@options.OVERWRITE
@options.PROGRESS
@OPENLINEAGE
@options.OUTPUT_FORMAT
@options.JSON_LINES
@options.JSON
def prepare(
    sources: tuple[Path | str, ...], mapping: Path | str, schema: Path | str, out: Path | str,
    format: Format | None, upsert: bool, relax_required: bool, multiline: bool, max_rows: int | None,
    error_threshold: float | None, max_loss: float, reading: options.SourceOptions, names: str | None,
    values: tuple[str, ...], contract: Path | None, engine: str, master: str | None, jobs: int | None,
    report: Path | None, hide_values: bool, bar: bool | None, openlineage: str | None, output_format: str,
    max_bytes: int | None, **common: Any,
) -> int:  # fmt: skip
    """Map, check and write SOURCE as files ready for upload.

    A source is a CSV, Parquet, NDJSON or Excel file, a folder or a glob; several make one run.
    """
    event("started", command="prepare", sources=[place(one) for one in sources], out=place(out))
    load_arrow()
    source = sources[0] if len(sources) == 1 else list(sources)
    mapping_set = options.filled_mapping(mapping, values)
    from ..core.manifest import check_target
    from ..pipeline.prepare import prepare as run
    from ..pipeline.prepare import within
    from ..write import PLATFORM_MAX_BYTES

    texts = reading.csv(sources, names)
    if report is not None and report.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--report writes a web page; give a name that ends in .html, not {report.name!r}.")
    if report is not None and report.parent != out:
        check_target(report)
    if max_bytes is not None and max_bytes > PLATFORM_MAX_BYTES:
        warn(
            f"--max-bytes {max_bytes:,} is above what the platform takes in one request ({PLATFORM_MAX_BYTES:,}); such "
            "parts go up in pieces, which is the slower way."
        )
    of_books = reading.excel(sources)
    if upsert:
        from ..pipeline.upsert import JSON_WARNING, array_warnings, partial_arrays, write_patch

        for text in array_warnings(mapping_set):
            warn(text)
        for path in partial_arrays(mapping_set):
            warn(f"'{path}' is an array: the platform replaces all of it by the mapped elements.")
        if format == "json":
            warn(JSON_WARNING)
    job = "prepare --upsert" if upsert else f"prepare {Path(place(mapping)).name}"
    common |= {"max_bytes": max_bytes, "max_loss": max_loss}
    limits: dict[str, Any] = {"error_threshold": error_threshold, "max_rows": max_rows}
    columns = None
    with lineage(openlineage, job, sources, out) as lineage_run, progress(bar if engine == "local" else False) as shown:
        result: Any
        if engine == "spark":
            result = _on_spark(
                sources, master, texts, mapping_set, schema, out, format=format or "json", **common, **limits
            )
        elif upsert:
            result = write_patch(
                None, source, schema, out, mapping=mapping_set, format=format or "parquet", csv=texts, excel=of_books,
                jobs=jobs, relax_required=relax_required, **common, **shown.hooks,
            )  # fmt: skip
        else:
            result = run(
                source, mapping_set, schema, out, format=format or "json", multiline=multiline, csv=texts, jobs=jobs,
                excel=of_books, contract=contract,
                **common, **limits, **shown.hooks,
            )  # fmt: skip
            if openlineage:
                columns = (
                    json.loads((result.folder / "run.json").read_text(encoding="utf-8")).get("again", {}).get("columns")
                )
        if openlineage:
            record_run(lineage_run, result, schema, columns)
    if hide_values:
        result = replace(result, report=result.report.without_values())
    if report is not None:
        result.report.save(report)
    file = place(sources[0]) if len(sources) == 1 else None
    if upsert:
        from .diff import shown_result

        return shown_result(result, output_format, max_loss, file=file)
    answer(lambda: _facts(result))
    show_outcome(result, output_format, max_loss, file)
    if output_format != "github":
        if report is not None:
            show(f"report -> {report}")
        if result.rejected and (lacking := _of_the_mapping(result)):
            show_lines([[f"Every row has an error at {lacking} that no column can correct: change the mapping, then "
                         "run again with --overwrite."]])  # fmt: skip
            given = [word for value in values for word in ("--set", value)]
            show_next("mapping", "check", mapping, "--schema", schema, "--source", sources[0], *reading.words(), *given)
        elif result.rejected:
            rows = f"Correct the rows in {within(result.place, 'rejects.jsonl')}; mend runs them again"
            if is_url(result.place):
                show_lines([[f"{rows} in a copy of the folder on this machine."]])
            else:
                show_lines([[f"{rows} into a further part."]])
                show_next("mend", out)
        elif result.written:
            show_next("upload", out, "--dataset", "DATASET_ID")
    return 1 if result.rejected or result.excessive else 0


def _of_the_mapping(result: Any) -> str | None:
    """The XDM path at which every row has an error that no column of the source can correct; None if there is none."""
    for group in result.report.groups:
        if group.severity == "error" and group.path and group.column is None and group.count >= result.rows:
            return str(group.path)
    return None


def _on_spark(sources: tuple[Path | str, ...], master: str | None, csv: Any, *job: Any, **options: Any) -> Any:
    """The run inside a Spark session of its own."""
    from ..schema import as_schema
    from ..spark import prepare as run
    from ..spark.session import read_files, refuse_missing, session

    refuse_missing(sources)
    as_schema(job[1])  # wrong ones are refused before Spark starts
    with session(master) as spark:
        return run(read_files(spark, sources, csv), *job, **options)


def _facts(result: Any) -> dict[str, Any]:
    return {
        "rows": result.rows, "written": result.written, "rejected": result.rejected, "folder": result.place,
        "files": result.manifest.to_dict()["files"], "issues": result.report.to_dict()["summary"],
        "values": result.manifest.values, "excessive": list(result.excessive),
        "seconds": round(result.seconds, 3), "notes": list(result.report.notes),
    } | ({"sourceRows": result.source_rows} if result.merged else {})  # fmt: skip


@click.command(cls=Command, epilog="Example: xdmprep mend out/ mended.jsonl")
@click.argument("out", type=options.FILE)
@click.argument("rejects", type=options.FILE, required=False)
@click.option("--schema", "-s", type=options.FILE, help="Path of the schema, if it has moved.")
@click.option(
    "--max-loss", type=click.FloatRange(0, 100), metavar="PCT",
    help="End with 1 if a field loses more than PCT % of its values in all of OUT.  [default: as the run had it]",
)  # fmt: skip
@options.JSON
def mend(out: Path, rejects: Path | None, schema: Path | None, max_loss: float | None) -> int:
    """Run corrected rejects of the run in OUT again, into a further part of it.

    REJECTS has lines as in OUT/rejects.jsonl, with a corrected "source"; the default is that file itself.
    """
    from ..pipeline.resubmit import mend as run

    done = run(out, rejects, schema=schema, max_loss=max_loss)
    answer(lambda: {
        "tried": done.tried, "written": done.written, "rejected": done.still_rejected, "skipped": done.skipped,
        "values": done.manifest.values, "excessive": list(done.excessive),
    })  # fmt: skip
    show(str(done))
    show_losses(done.excessive, done.values, done.max_loss, REASONS)
    if done.manifest.files and not done.still_rejected:
        show_next("upload", out, "--dataset", "DATASET_ID")
    return 1 if done.still_rejected or done.excessive else 0
