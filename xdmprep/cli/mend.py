"""The command `xdmprep mend`."""

from __future__ import annotations

from pathlib import Path

import click

from .command import Command
from .findings import REASONS, show_losses
from .options import FILE, JSON
from .printer import print_json, show


@click.command(cls=Command, epilog="Example: xdmprep mend out/ mended.jsonl")
@click.argument("out", type=FILE)
@click.argument("rejects", type=FILE, required=False)
@click.option("--schema", "-s", type=FILE, help="Path of the schema, if it has moved.")
@click.option(
    "--max-loss", type=click.FloatRange(0, 100), metavar="PCT",
    help="End with 1 if a field loses more than PCT % of its values in all of OUT.  [default: as the run had it]",
)  # fmt: skip
@JSON
def mend(out: Path, rejects: Path | None, schema: Path | None, max_loss: float | None, as_json: bool) -> int:
    """Run corrected rejects of the run in OUT again, into a further part of it.

    REJECTS has lines as in OUT/rejects.jsonl, with a corrected "source"; the default is that file itself.
    """
    from ..pipeline.resubmit import mend as run

    done = run(out, rejects, schema=schema, max_loss=max_loss)
    if as_json:
        facts = {"tried": done.tried, "written": done.written, "rejected": done.still_rejected, "skipped": done.skipped,
                 "values": done.manifest.values, "excessive": list(done.excessive)}  # fmt: skip
        print_json(facts)
    else:
        show(str(done))
        show_losses(done.excessive, done.values, done.max_loss, REASONS)
    return 1 if done.still_rejected or done.excessive else 0
