"""The command `xdmprep diff`."""

from __future__ import annotations

from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ..core.documents import is_file
from ..core.remote import shown as place
from ..core.typing import Format
from ..errors import MissingDependencyError, install_command
from . import options
from .arrow_runtime import load_arrow
from .command import Command
from .findings import show_next, show_outcome
from .lineage import OPENLINEAGE, lineage, record_run
from .printer import answer, event, say, show, warn
from .progress import progress

if TYPE_CHECKING:
    from ..patch import Preview
    from ..pipeline.upsert import PatchResult


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  xdmprep diff crm-may.csv crm-june.csv --mapping crm.mapping.yaml --schema crm.schema.json --out patch/
  xdmprep diff old.parquet new.parquet -s crm.schema.json --on identityMap.CRMID[0].id -o patch/ --preview
  xdmprep upload patch/ --dataset 5deac2648a19d218a888d2b1 --config config.json --wait

Ends with 0 if the patch says all that changed (or nothing did), 1 if keys vanished, values are gone that an upsert
cannot clear, rows were set aside (all are listed in the folder) or a field lost most of its values (--max-loss); 2 on
wrong use or input that cannot be read.
""",
)
@click.argument("before", type=options.PLACE)
@click.argument("after", type=options.PLACE)
@options.SCHEMA
@click.option("--mapping", "-m", type=options.PLACE, help="Mapping set; none if both are XDM records.")
@click.option("--on", metavar="PATH", help="The key, such as identityMap.CRMID[0].id.  [default: primary identity]")
@options.OUT
@click.option("--format", "-f", type=click.Choice(["parquet", "json"]), default="parquet", show_default=True)
@click.option(
    "--new", type=click.Choice(["whole", "leave-out"]), default="whole", show_default=True,
    help="Send records that BEFORE does not have, or leave them out.",
)  # fmt: skip
@click.option(
    "--duplicates", type=click.Choice(["last", "error"]), default="last", show_default=True,
    help="If rows have the same key: the last one wins, or nothing is written.",
)  # fmt: skip
@click.option("--preview", is_flag=True, help="Show what the patch does to the profiles, attribute by attribute.")
@click.option(
    "--trial", type=click.IntRange(0), default=1000, show_default=True, metavar="N",
    help="With --preview: number of records to ingest in an emulator as a check.",
)  # fmt: skip
@click.option("--relax-required", is_flag=True, help="Do not repeat or require the schema's required fields.")
@options.RULES
@options.STRICT
@options.MAX_LOSS
@options.MAX_BYTES
@click.option(
    "--max-records", type=int, help="Maximum number of records in a batch; a larger patch is split.  [default: 2000000]"
)
@options.source_options
@options.SET
@options.JOBS
@options.OVERWRITE
@options.PROGRESS
@OPENLINEAGE
@options.OUTPUT_FORMAT
@options.JSON_LINES
@options.JSON
def diff(
    before: Path | str, after: Path | str, schema: Path | str, mapping: Path | str | None, out: Path, format: Format,
    preview: bool, trial: int, max_loss: float, max_records: int | None, reading: options.SourceOptions,
    values: tuple[str, ...], bar: bool | None, openlineage: str | None, output_format: str, **given: Any,
) -> int:  # fmt: skip
    """Write a Profile patch: what makes the profiles of BEFORE those of AFTER, as upsert records."""
    event("started", command="diff", sources=[place(before), place(after)], out=str(out))
    load_arrow()
    from ..pipeline.upsert import JSON_WARNING, MAX_RECORDS, array_warnings, write_patch

    if preview and trial and find_spec("uvicorn") is None:
        if click.get_current_context().get_parameter_source("trial") is not ParameterSource.DEFAULT:
            raise MissingDependencyError("A trial in an emulator", "uvicorn")
        trial = 0
        say(f"note: without a trial in an emulator. {install_command('uvicorn')} installs it.")
    if format == "json":
        warn(JSON_WARNING)
    texts, of_books = reading.csv([before, after]), reading.excel([before, after])
    mapping_set = options.filled_mapping(mapping, values)
    for text in array_warnings(mapping_set):
        warn(text)
    event("file", name=Path(place(before)).name, bytes=Path(before).stat().st_size if is_file(before) else None)
    with lineage(openlineage, "diff", [before, after], out) as lineage_run, progress(bar) as shown:
        result = write_patch(
            before, after, schema, out, mapping=mapping_set, max_loss=max_loss, format=format, csv=texts,
            excel=of_books, max_records=MAX_RECORDS if max_records is None else max_records,
            effects=trial if preview else None, **given, **shown.hooks,
        )  # fmt: skip
        if openlineage:
            record_run(lineage_run, result, schema)
    seen = None
    if preview:
        from .preview import preview_of

        seen = preview_of(result, schema)
    return shown_result(result, output_format, max_loss, seen, file=place(after))


def shown_result(
    result: PatchResult, output_format: str, max_loss: float, seen: Preview | None = None,
    file: str | None = None,
) -> int:  # fmt: skip
    """Print what was written of a patch.

    Args:
        result: what was written.
        output_format: ``github`` for workflow commands, else text.
        max_loss: percentage that --max-loss allows.
        seen: the preview, if one was requested.
        file: path of the file that findings refer to; None where there is none.

    Returns:
        The exit code.
    """
    answer(lambda: {
        "folder": str(result.folder), "key": result.key, "fields": result.fields, **asdict(result.counts),
        "batches": [
            {"manifest": str((manifest.folder or result.folder) / "manifest.json"),
             "files": manifest.to_dict()["files"]}
            for manifest in result.manifests
        ],
        "values": result.values.table(lost_only=True), "excessive": list(result.excessive),
        "seconds": round(result.seconds, 3), "notes": list(result.report.notes),
        **({} if seen is None else {"preview": seen.to_dict()}),
    })  # fmt: skip
    show_outcome(result, output_format, max_loss, file)
    if output_format != "github":
        if seen is not None:
            show(str(seen))
        if any(manifest.files for manifest in result.manifests):
            show_next("upload", result.folder, "--dataset", "DATASET_ID", "--wait")
    return 0 if result.clean and not result.excessive else 1
