"""The command `xdmprep prepare`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ..core.documents import is_file
from ..core.remote import shown as place
from ..core.typing import Format, RuleSet
from ..errors import UsageError
from . import complete
from .command import JSON_LINES, Command
from .findings import OUTPUT_FORMAT, annotate_report, show_next, show_report
from .lineage import OPENLINEAGE, lineage, told_of_run
from .places import PLACE
from .printer import event, print_json, say, show, show_lines
from .progress import progress
from .quick import load_arrow
from .values import SET, filled_mapping

_BOOKS = (".xlsx", ".xlsm")


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  xdmprep prepare crm.csv --mapping crm.mapping.yaml --schema crm.schema.json --out out/
  xdmprep prepare crm.csv -m crm.mapping.yaml -s crm.schema.json -o out/ --format parquet --report out.html
  xdmprep prepare day*.csv -m crm.mapping.yaml -s crm.schema.json -o out/
  xdmprep prepare changes.csv -m changes.mapping.yaml -s crm.schema.json -o patch/ --upsert
  xdmprep prepare crm.tsv -m m.yaml -s s.json -o out/ --delimiter tab --encoding latin-1 --error-threshold 5

Ends with 0 if every row was written, 1 if rows were set aside or a field lost most of its values (--max-loss), 2 on
wrong use or input that cannot be read.
""",
)
@click.argument("sources", nargs=-1, required=True, type=PLACE, metavar="SOURCE...")
@click.option("--mapping", "-m", required=True, type=PLACE, help="Mapping set, YAML or JSON.")
@click.option("--schema", "-s", required=True, type=PLACE, help="XDM schema, JSON.")
@click.option("--out", "-o", required=True, type=click.Path(path_type=Path), help="Folder for what is written.")
@click.option(
    "--format", "-f", type=click.Choice(["json", "parquet", "csv"]),
    help="Of the parts.  [default: json; parquet with --upsert]",
)  # fmt: skip
@click.option("--upsert", is_flag=True, help="A Profile patch: SOURCE has the key and the changed columns alone.")
@click.option("--relax-required", is_flag=True, help="With --upsert: do not ask for the schema's required fields.")
@click.option("--multiline", is_flag=True, help="JSON as one array a file instead of one record a line.")
@click.option("--max-bytes", type=int, help="Largest part, in bytes.  [default: 240000000]")
@click.option("--max-rows", type=int, help="Most records of a part.")
@click.option(
    "--error-threshold", type=float, metavar="PCT", help="Keep nothing if more than PCT % of rows are faulty."
)
@click.option(
    "--max-loss", type=click.FloatRange(0, 100), default=50.0, show_default=True, metavar="PCT",
    help="End with 1 if a field loses more than PCT % of its values; 100 turns this off.",
)  # fmt: skip
@click.option(
    "--rules", default="strict", show_default=True, shell_complete=complete.rule_sets,
    help="Rule set: strict, batch or jsonschema.",
)  # fmt: skip
@click.option("--strict", is_flag=True, help="Set a row aside too where a value did not fit its field's type.")
@click.option("--delimiter", default=",", help="Of a CSV source: one character, or 'tab'.")
@click.option("--quote", default='"', help="Of a CSV source.")
@click.option("--encoding", default="utf-8", show_default=True, help="Of a CSV source.")
@click.option("--names", help="Column names of a CSV source without a header, with commas between them.")
@click.option("--sheet", help="Of an Excel source: the sheet's name or number.  [default: the first]")
@click.option("--header-row", type=click.IntRange(1), help="Of an Excel source.  [default: the first row with text]")
@click.option("--null", "nulls", multiple=True, help="A text of a CSV source that means 'no value'; may be repeated.")
@SET
@click.option(
    "--contract",
    type=click.Path(path_type=Path),
    help="A pandera schema for the source's columns (Python or YAML), run first; rows that break it are set aside.",
)
@click.option(
    "--engine", type=click.Choice(["local", "spark"]), default="local", show_default=True,
    help="Where the work is done: in this process, or on Spark.",
)  # fmt: skip
@click.option("--master", metavar="URL", help="Of Spark, such as local[2].  [default: as spark-submit has it]")
@click.option("--jobs", "-j", type=click.IntRange(0), help="Worker threads.  [default: one per core]")
@click.option("--report", type=click.Path(path_type=Path), metavar="FILE.html", help="Write the report as a web page.")
@click.option("--hide-values", is_flag=True, help="Show no value of the data: on the terminal, in --json, --report.")
@click.option("--overwrite", is_flag=True, help="Replace another run's output in the folder.")
@click.option("--progress/--no-progress", "bar", default=None, help="Show a progress bar.  [default: on a terminal]")
@OPENLINEAGE
@OUTPUT_FORMAT
@JSON_LINES
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def prepare(
    sources: tuple[Path | str, ...], mapping: Path | str, schema: Path | str, out: Path, format: Format | None,
    upsert: bool,
    relax_required: bool, multiline: bool, max_bytes: int | None, max_rows: int | None, error_threshold: float | None,
    max_loss: float, rules: RuleSet,
    strict: bool, delimiter: str, quote: str, encoding: str, names: str | None,
    sheet: str | None, header_row: int | None, nulls: tuple[str, ...], values: tuple[str, ...],
    contract: Path | None, engine: str, master: str | None, jobs: int | None, report: Path | None, hide_values: bool,
    overwrite: bool, bar: bool | None, openlineage: str | None, output_format: str, as_json: bool,
) -> int:  # fmt: skip
    """Map, check and write SOURCE as files ready for upload.

    A source is a CSV, Parquet, NDJSON or Excel file, a folder or a glob; several make one run.
    """
    event("started", command="prepare", sources=[place(one) for one in sources], out=str(out))
    load_arrow()
    source = sources[0] if len(sources) == 1 else list(sources)
    mapping_set = filled_mapping(mapping, values)
    from ..core.manifest import check_target
    from ..pipeline.prepare import prepare as run
    from ..read import CsvOptions, ExcelOptions
    from ..write import PLATFORM_MAX_BYTES

    csv = CsvOptions(
        delimiter="\t" if delimiter in ("tab", "\\t") else delimiter,
        quote=quote,
        encoding=encoding,
        names=tuple(name.strip() for name in names.split(",")) if names else None,
        null_values=("", *nulls),
    )
    if report is not None and report.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--report writes a web page; give a name that ends in .html, not {report.name!r}.")
    if report is not None and report.parent != out:
        check_target(report)
    if max_bytes is not None and max_bytes > PLATFORM_MAX_BYTES:
        say(
            f"warning: --max-bytes {max_bytes:,} is above what the platform takes in one request "
            f"({PLATFORM_MAX_BYTES:,}); such parts go up in pieces, which is the slower way."
        )
    if (sheet or header_row) and all(is_file(one) and Path(one).suffix.lower() not in _BOOKS for one in sources):
        option = "--sheet" if sheet else "--header-row"
        raise UsageError(f"{option} is for Excel books, and {sources[0]} is none. Leave {option} out.")
    if relax_required and not upsert:
        raise UsageError("--relax-required is for patches; give --upsert with it.")
    if master is not None and engine != "spark":
        raise UsageError("--master is of Spark; give --engine spark with it.")
    if engine == "spark":
        others: dict[str, Any] = {
            "--upsert": upsert, "--multiline": multiline, "--contract": contract, "--sheet": sheet,
            "--header-row": header_row, "--names": names, "--null": nulls, "--jobs": jobs,
        }  # fmt: skip
        for name, value in others.items():
            if value not in (None, False, ()):
                raise UsageError(f"{name} cannot be combined with --engine spark.")
    if upsert:
        unfit = {"--multiline": multiline, "--max-rows": max_rows, "--error-threshold": error_threshold,
                 "--contract": contract}  # fmt: skip
        for name, value in unfit.items():
            if value is not None and value is not False:
                raise UsageError(f"{name} cannot be combined with --upsert.")
        return _patch(
            source, mapping_set, schema, out, format or "parquet", report, hide_values, bar, as_json, output_format,
            openlineage, relax_required=relax_required, rules=rules, strict=strict, max_bytes=max_bytes,
            csv=csv, jobs=jobs, overwrite=overwrite,
        )  # fmt: skip
    job = f"prepare {Path(place(mapping)).name}"
    with lineage(openlineage, job, sources, out) as told, progress(bar if engine == "local" else False) as shown:
        result = _on_spark(
            sources, master, csv, mapping_set, schema, out, format=format or "json", rules=rules, strict=strict,
            error_threshold=error_threshold, max_loss=max_loss, max_bytes=max_bytes, max_rows=max_rows,
            overwrite=overwrite,
        ) if engine == "spark" else run(
            source, mapping_set, schema, out, format=format or "json", rules=rules, strict=strict,
            error_threshold=error_threshold, max_loss=max_loss, max_bytes=max_bytes, max_rows=max_rows,
            multiline=multiline, csv=csv, excel=ExcelOptions(sheet, header_row) if sheet or header_row else None,
            contract=contract, jobs=jobs, overwrite=overwrite,
            on_start=shown.start, on_chunk=shown.advance, on_part=shown.part,
        )  # fmt: skip
        if openlineage:
            local = json.loads((out / "run.json").read_text(encoding="utf-8")) if engine == "local" else {}
            told_of_run(told, result, schema, local.get("again", {}).get("columns"))
    if hide_values:
        result = replace(result, report=result.report.without_values())
    if report is not None:
        result.report.save(report)
    if as_json:
        print_json(_facts(result))
    elif output_format == "github":
        annotate_report(result.report, str(source) if len(sources) == 1 else None)
    else:
        show(str(result))
        if result.report.found or result.report.notes:
            show_report(result.report)
        if report is not None:
            show(f"report -> {report}")
        for path in result.excessive:
            entry = result.manifest.values[path]
            say(
                f"{path}: {entry['lost']:,} of {entry['read']:,} values were left out, more than the {max_loss:g} % "
                "that --max-loss allows. See issues.csv for the reason."
            )
        if result.rejected:
            show_lines([[f"Correct the rows in {out / 'rejects.jsonl'}; mend runs them again into a further part."]])
            show_next("mend", out)
        elif result.written:
            show_next("upload", out, "--dataset", "DATASET_ID")
    return 1 if result.rejected or result.excessive else 0


def _on_spark(sources: tuple[Path | str, ...], master: str | None, csv: Any, *job: Any, **options: Any) -> Any:
    """The run inside a Spark session of its own."""
    from ..schema import as_schema
    from ..spark import prepare as run
    from ..spark.session import read_files, refuse_missing, session

    refuse_missing(sources)
    as_schema(job[1])  # wrong ones are refused before Spark starts
    with session(master) as spark:
        return run(read_files(spark, sources, csv), *job, **options)


def _patch(
    source: Any, mapping: Any, schema: Path | str, out: Path, format: Format, report: Path | None, hide_values: bool,
    bar: bool | None, as_json: bool, output_format: str, openlineage: str | None, **options: Any,
) -> int:  # fmt: skip
    """A patch from a file of changes."""
    from ..pipeline.upsert import JSON_WARNING, array_warnings, partial_arrays, write_patch
    from .diff import shown_result

    for text in array_warnings(mapping):
        say(f"warning: {text}")
    for path in partial_arrays(mapping):
        say(f"warning: '{path}' is an array: the platform replaces all of it by the mapped elements.")
    if format == "json":
        say(f"warning: {JSON_WARNING}")
    inputs = source if isinstance(source, list) else [source]
    with lineage(openlineage, "prepare --upsert", inputs, out) as told, progress(bar) as shown:
        result = write_patch(
            None, source, schema, out, mapping=mapping, format=format, on_start=shown.start, on_chunk=shown.advance,
            on_part=shown.part, **options,
        )  # fmt: skip
        if openlineage:
            told_of_run(told, result, schema)
    if hide_values:
        result = replace(result, report=result.report.without_values())
    if report is not None:
        result.report.save(report)
    return shown_result(result, as_json, output_format, file=str(source) if isinstance(source, Path) else None)


def _facts(result: Any) -> dict[str, Any]:
    return {
        "rows": result.rows, "written": result.written, "rejected": result.rejected, "folder": str(result.folder),
        "files": result.manifest.to_dict()["files"], "issues": result.report.to_dict()["summary"],
        "values": result.manifest.values, "excessive": list(result.excessive),
        "seconds": round(result.seconds, 3), "notes": list(result.report.notes),
    } | ({"sourceRows": result.source_rows} if result.merged else {})  # fmt: skip
