"""The command `xdmprep mend`."""

from __future__ import annotations

from pathlib import Path

import click

from .command import Command
from .options import FILE, JSON
from .printer import print_json, show


@click.command(cls=Command, epilog="Example: xdmprep mend out/ mended.jsonl")
@click.argument("out", type=FILE)
@click.argument("rejects", type=FILE, required=False)
@click.option("--schema", "-s", type=FILE, help="Where the schema is now, if it moved.")
@JSON
def mend(out: Path, rejects: Path | None, schema: Path | None, as_json: bool) -> int:
    """Run corrected rejects of the run in OUT again, into a further part of it.

    REJECTS has lines as in OUT/rejects.jsonl, with a corrected "source"; the default is that file itself.
    """
    from ..pipeline.resubmit import mend as run

    done = run(out, rejects, schema=schema)
    if as_json:
        facts = {"tried": done.tried, "written": done.written, "rejected": done.still_rejected, "skipped": done.skipped}
        print_json(facts)
    else:
        show(str(done))
    return 1 if done.still_rejected else 0
