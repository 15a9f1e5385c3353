"""The command `xdmprep validate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..core.documents import is_file
from ..core.remote import shown as place
from ..core.rules import RULES
from ..core.typing import RuleSet
from ..errors import UsageError
from . import complete, options
from .arrow_runtime import load_arrow
from .command import Command
from .findings import annotate_report, show_losses, show_next, show_report
from .mistakes import refuse_lists
from .printer import answer, event, show
from .progress import progress

if TYPE_CHECKING:
    from ..report import Report


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  xdmprep validate part-00000.json --schema crm.schema.json
  xdmprep validate out/*.parquet -s crm.schema.json --rules batch --report findings.html
  xdmprep validate crm.csv -s crm.schema.json --mapping crm.mapping.yaml
  xdmprep validate part-00000.json -s crm.schema.json --set pattern=warning --set soft-enum=off

Ends with 0 if all records are valid, 1 if some are not or, with --mapping, a field loses most of its values
(--max-loss); 2 on wrong use or a file that cannot be read.
""",
)
@click.argument("files", nargs=-1, required=True, type=options.PLACE, metavar="FILE...")
@options.SCHEMA
@click.option("--mapping", "-m", type=options.PLACE, help="Mapping set that turns rows into records first.")
@options.RULES
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", shell_complete=complete.settings,
    help="Set a rule to error, warning or off, or a placeholder ${NAME} of the mapping to a value.",
)  # fmt: skip
@click.option(
    "--cap", type=click.IntRange(1), help="Maximum number of findings to keep for all FILES; all are counted."
)
@options.MAX_LOSS
@options.JOBS
@click.option(
    "--report", type=options.FILE, metavar="FILE",
    help="Write one report over all FILES: .html, .json, .jsonl, .csv or .parquet.",
)  # fmt: skip
@options.HIDE_VALUES
@options.PROGRESS
@options.OUTPUT_FORMAT
@options.JSON_LINES
@options.JSON
def validate(
    files: tuple[Path | str, ...], schema: Path | str, mapping: Path | str | None, rules: RuleSet,
    settings: tuple[str, ...], cap: int | None, max_loss: float, jobs: int | None, report: Path | None,
    hide_values: bool, bar: bool | None, output_format: str,
) -> int:  # fmt: skip
    """Check FILES (JSON lines, a JSON array, Parquet; CSV with a mapping or an ad-hoc schema) against a schema."""
    event("started", command="validate", sources=[place(file) for file in files])
    load_arrow()
    from ..core.manifest import check_target
    from ..pipeline.checking import validate as run
    from ..read import expand, not_read
    from ..report import ENDINGS, FilesReport
    from ..report.page import ROWS
    from ..schema import Schema
    from ..validate import Rules

    if report is not None:
        if report.suffix.lower() not in ENDINGS:
            raise UsageError(f"--report: {report.name!r} must end in {', '.join(ENDINGS)}.")
        check_target(report)
    levels, values = _settings(settings, mapping is not None)
    chosen = Rules.of(Rules.of(rules), levels)
    mapping_set = options.filled_mapping(mapping, values)
    loaded = Schema.load(schema)
    others: list[str] = []
    if any(not is_file(file) for file in files):  # folders and globs
        files = tuple(expand(list(files), others) or files)
    for file in files:
        refuse_lists(Path(file))
    found: list[Report] = []
    # all findings are held only where all are written; a page shows the first, the text their counts
    held = None if report is not None and report.suffix.lower() != ".html" else ROWS
    for file in files:
        room = None if cap is None else cap - sum(one.kept for one in found)
        with progress(bar) as shown:
            one = run(
                file, loaded, mapping=mapping_set, rules=chosen, cap=room, jobs=jobs,
                on_start=shown.start, on_chunk=shown.advance,
            )  # fmt: skip
        if hide_values:
            one = one.without_values()
        if others and not found:
            one.notes += (not_read(others),)
        found.append(one)
        if len(files) > 1:
            one.name, one.cap = place(file), cap
            if held is not None and cap is None:
                one.keep(held)
        if output_format == "github":
            annotate_report(one, place(file))
        else:
            show_report(one)
    whole = found[0] if len(found) == 1 else FilesReport(found, cap=cap)
    whole.hides_values = hide_values
    excessive = () if mapping is None else whole.values.excessive(max_loss)
    if report is not None:
        whole.save(report)
    if output_format == "text":
        if len(found) > 1:
            show(whole.headline())
        if report is not None:
            show(f"report -> {report}")
    show_losses(excessive, whole.values, max_loss)
    if output_format == "text":
        _show_next(found, files, mapping, schema)
    answer(lambda: {
        "valid": whole.valid, "rows": whole.rows, "invalid": whole.invalid, "findings": whole.found,
        "values": whole.values.table(lost_only=True), "excessive": list(excessive),
        "files": [{"file": place(file), **one.to_dict()} for file, one in zip(files, found, strict=True)],
    })  # fmt: skip
    return 0 if whole.valid and not excessive else 1


def _show_next(
    found: list[Report], files: tuple[Path | str, ...], mapping: Path | str | None, schema: Path | str
) -> None:
    """The next command: what a rule that was broken means, or what is done with records that are valid."""
    codes = [group.code for one in found for group in one.groups if group.severity == "error" and group.code in RULES]
    if codes:
        show_next("explain", codes[0])
    elif mapping is not None:
        show_next("prepare", *files, "--mapping", mapping, "--schema", schema, "--out", "out")
    elif is_file(Path(files[0]).parent / "manifest.json"):
        show_next("upload", Path(files[0]).parent, "--dataset", "DATASET_ID")


def _settings(texts: tuple[str, ...], has_mapping: bool) -> tuple[dict[str, str], tuple[str, ...]]:
    """Levels of rules; and, with a mapping, values of its placeholders: names that are no rule's."""
    levels, values = {}, []
    for text in texts:
        code, equals, level = text.partition("=")
        if not equals:
            raise UsageError(f"--set {text!r}: expected RULE=error, RULE=warning, RULE=off, or NAME=VALUE.")
        if code.strip() in RULES or not has_mapping:
            levels[code.strip()] = level.strip()
        else:
            values.append(text)
    return levels, tuple(values)
