"""The commands that talk to the platform, and the one that emulates it."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..core.remote import shown
from ..core.remote_folder import output_here
from ..errors import PlatformError, counted, printable, visible
from . import complete
from .command import Command, CommandGroup
from .connection import Connection, connection
from .findings import show_next
from .options import JSON_LINES
from .printer import answer, event, say, show

if TYPE_CHECKING:
    from ..client import Batch, Client
    from ..core.manifest import Manifest


def _describe(batch: Batch) -> None:
    """The batch as text, on standard output."""
    show(f"batch {printable(batch.id, 80)}: {printable(batch.status, 80)} ({batch.explanation})")
    if batch.input_records is not None:
        show(f"records: {batch.input_records} in, {batch.output_records} ingested, {batch.failed_records} failed")
    for error in batch.errors[:_SHOWN]:
        count = f" [{printable(error['recordCount'], 20)} records]" if "recordCount" in error else ""
        show(f"  {printable(error.get('code', 'error'), 80)}: {printable(error.get('description', ''))}{count}")
    if len(batch.errors) > _SHOWN:
        show(f"  ... and {len(batch.errors) - _SHOWN} more errors")
    if batch.ok and batch.failed_records:
        show(f"ATTENTION: lost {counted(batch.failed_records, 'record')} although the batch is {batch.status}.")


def _watched(batch: Batch, tell: Callable[[str], None] = say) -> None:
    """Print a batch's state, as text and as an event."""
    tell(f"{printable(batch.status, 80)}: {batch.explanation}")
    event("batch", id=batch.id, status=batch.status)


def _next(batch: Batch, to: Connection, manifest: str | None = None, known: bool = True) -> None:
    """The next command: wait for a batch, or see which rows failed; nothing where all is well."""
    key = printable(batch.id, 80)
    if batch.errors or batch.failed_records:
        show_next("batch", "errors", key, *(("--manifest", manifest) if manifest else ()), *to.words())
    elif not known:
        unsaid = (
            "Its counts were not compared" if batch.final else "Nothing is known yet of what becomes of its records"
        )
        show_next("batch", "status", key, "--wait", *to.words(), note=f"{unsaid}.")
    elif not batch.final:
        show_next("batch", "status", key, "--wait", *to.words())


def _report(batch: Batch, to: Connection, manifest: str | None = None) -> None:
    answer(batch.to_dict)
    _describe(batch)
    _next(batch, to, manifest)


_SHOWN = 20  #: errors of a batch
_WAIT_SECONDS = click.option(
    "--wait-seconds", type=click.FloatRange(0), metavar="SECONDS",
    help="With --wait: stop waiting after SECONDS (default: --timeout, else never).",
)  # fmt: skip


@click.command(cls=Command)
@click.argument("folder", metavar="DIR|MANIFEST")
@click.option("--dataset", required=True, metavar="ID", shell_complete=complete.datasets, help="Dataset to send to.")
@connection
@JSON_LINES
@click.option(
    "--replay",
    multiple=True,
    metavar="ID",
    help="Batch that this one replaces; may be repeated or separated by commas.",
)
@click.option(
    "--replay-prefix", default="", metavar="TEXT", help="Written before each replaced id ('$' as in the spec)."
)
@click.option("--wait", "wait_", is_flag=True, help="Wait until the batch is ingested or has failed.")
@_WAIT_SECONDS
@click.option(
    "--jobs", "-j", type=click.IntRange(1, 64), default=4, show_default=True, help="Files sent at the same time."
)
@click.option(
    "--partial-percent",
    "percent",
    type=click.FloatRange(0, 100),
    help="Share of bad rows that the batch may have, in percent.",
)
@click.option("--diagnostics/--no-diagnostics", default=True, help="Keep the errors of single rows (default: on).")
@click.option(
    "--again", is_flag=True, help="Send as a new batch if the last one failed, was aborted or no longer exists."
)
@click.option(
    "--force",
    is_flag=True,
    help="Send a patch also to a dataset that is not enabled for upsert. Each record then replaces the whole fragment "
    "that the dataset holds of its profile: attributes that the patch leaves out are lost.",
)
def upload(folder: str, dataset: str, to: Connection, wait_: bool, wait_seconds: float | None, **options: Any) -> int:
    """Send prepared files as one batch.  The same command goes on where an earlier one stopped.

    A patch that was split into several batches is sent in order, each batch when the one before has been ingested.

    \b
    Examples:
      xdmprep upload out/ --dataset 5deac2648a19d218a888d2b1 --config config.json --wait
      xdmprep upload out/ --dataset 5deac2648a19d218a888d2b1 --url http://127.0.0.1:8080
      xdmprep upload out/ --dataset 5deac2648a19d218a888d2b1 --config config.json --replay 01E8043CY305K2MTV5ANH9G1GC
    """
    parts = [part.strip() for item in options["replay"] for part in item.split(",")]
    replay = options["replay"] = tuple(filter(None, parts))
    event("started", command="upload", sources=[shown(folder)], dataset=dataset)
    with output_here(folder) as here, to.client() as client:
        timeout = to.timeout if wait_seconds is None else wait_seconds
        if len(_manifests(here)) > 1:
            return _upload_series(client, folder, here, dataset, wait_, timeout, to, options)
        if replay:
            _show_plan(client, replay, dataset)
        try:
            batch = _upload(client, here, client.upload, dataset, **options)
        except PlatformError as error:
            if not wait_ or not error.batch or error.code != "sent-before":
                raise
            say(f"xdmprep: {error}")
            batch = client.status(error.batch)
            _report(batch, to, folder)
            return 1 if _failed(batch) else 3
        event("batch", id=batch.id, status=batch.status)
        if wait_:
            batch = client.wait(batch.id, timeout, on_status=_watched, completed=True)
        _describe(batch)
        if wait_:  # counts that are not those of the files are an error
            from ..client.checks import check_counts

            say(check_counts(_manifests(here)[0], batch))
        answer(batch.to_dict)
        _next(batch, to, folder, known=wait_)
        return 1 if wait_ and _failed(batch) else 0


def _failed(batch: Batch) -> bool:
    return not batch.ok and (batch.final or batch.status == "stalled")


def _show_plan(client: Client, replay: tuple[str, ...], dataset: str) -> None:
    say(f"replay: when the new batch in dataset {dataset} is active, these become inactive:")
    for predecessor in replay:
        old = client.status(predecessor)
        records = "" if old.output_records is None else f", {counted(old.output_records, 'record')}"
        say(f"  {old.id} ({old.status}{records})")


def _manifests(folder: Path) -> list[Manifest]:
    from ..core.manifest import Manifest

    return Manifest.load_all(folder)


def _upload(client: Client, folder: Path, send: Callable[..., Any], dataset: str, **options: Any) -> Any:
    """What `send` gives, with a progress bar in bytes, where it is seen."""
    from tqdm import tqdm

    total = sum(file.bytes for manifest in _manifests(folder) for file in manifest.files)
    with tqdm(
        total=total, unit="B", unit_scale=True, desc="upload", file=sys.stderr, disable=not sys.stderr.isatty(),
        leave=False,
    ) as bar:  # fmt: skip
        client.tell = lambda text: tqdm.write(visible(text), file=sys.stderr)
        return send(
            folder, dataset, on_bytes=bar.update,
            on_file=lambda file: event("file", name=file.name, bytes=file.bytes, rows=file.rows), **options,
        )  # fmt: skip


def _upload_series(
    client: Client, folder: str, here: Path, dataset: str, wait_: bool, timeout: float | None, to: Connection,
    options: dict[str, Any],
) -> int:  # fmt: skip
    """Several batches in order; one summary."""
    from ..client.checks import check_counts

    def on_status(now: Batch) -> None:
        _watched(now, client.tell)

    series = _upload(client, here, client.upload_series, dataset, timeout=timeout, on_status=on_status, **options)
    if wait_ and not series.failed:
        last = client.wait(series.batches[-1].id, timeout, on_status=on_status, completed=True)
        check_counts(_manifests(here)[-1], last)
        series = replace(series, batches=(*series.batches[:-1], last))
    answer(series.to_dict)
    for sent in series.batches:
        if not sent.ok or sent.failed_records:
            _describe(sent)
    show(str(series))
    if series.batches:
        _next(series.batches[-1], to, folder, known=wait_)
    return 1 if series.failed or (wait_ and _failed(series.batches[-1])) else 0


@click.group(cls=CommandGroup)
def batch() -> None:
    """Look at a batch, abort it, revert it."""


@batch.command("status")
@click.argument("batch_id", shell_complete=complete.batches)
@connection
@click.option("--wait", "wait_", is_flag=True, help="Wait until the batch has ended.")
@_WAIT_SECONDS
def batch_status(batch_id: str, to: Connection, wait_: bool, wait_seconds: float | None) -> int:
    """Show a batch's state, counts and errors; exit code 1 if it failed.

    \b
    Examples:
      xdmprep batch status 01E8043CY305K2MTV5ANH9G1GC --config config.json --wait
    """
    with to.client() as client:
        if wait_:
            timeout = to.timeout if wait_seconds is None else wait_seconds
            found = client.wait(batch_id, timeout, on_status=_watched)
        else:
            found = client.status(batch_id)
        _report(found, to)
        return 1 if found.status in ("failed", "failure") else 0


@batch.command("errors")
@click.argument("batch_id", shell_complete=complete.batches)
@connection
@click.option("--manifest", metavar="DIR|MANIFEST", help="The files that were sent; gives each error its source row.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Errors to show.")
def batch_errors(batch_id: str, to: Connection, manifest: str | None, limit: int) -> int:
    """Show which rows of a batch failed, and why.

    \b
    Examples:
      xdmprep batch errors 01E8043CY305K2MTV5ANH9G1GC --manifest out/ --config config.json
    """
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(to.client())
        sent = None if manifest is None else stack.enter_context(output_here(manifest))
        found = client.status(batch_id)
        errors = client.errors(batch_id, sent)
        first = list(islice(errors, limit))
        more = sum(1 for _ in errors)
        listed = [error.to_dict() for error in first]
        answer(lambda: {**found.to_dict(), "rowErrors": listed, "rowErrorsNotShown": more})
        _describe(found)
        for error in first:
            show(str(error))
        if more:
            show(f"... and {more} more (--limit)")
        if not first and found.failed_records:
            show("The platform names no rows: the batch was sent without diagnostics, or they are too old.")
        return 0


def _action(name: str, about: str) -> None:
    """Add a command that acts on a batch, and shows it as it is then."""

    @batch.command(name, help=about)
    @click.argument("batch_id", shell_complete=complete.batches)
    @connection
    def act(batch_id: str, to: Connection) -> None:
        with to.client() as client:
            _report(getattr(client, name)(batch_id), to)


_action("abort", "Cancel a batch that has not ended.")
_action("revert", "Delete an ingested batch: it becomes inactive, its data no longer counts.")


@click.command(cls=Command)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes a free one.")
@click.option(
    "--data", metavar="DIR", help="Keep all data in this folder; without it the data is lost when the process ends."
)
@click.option("--schemas", metavar="DIR", help="XDM schemas (JSON files) that datasets may refer to.")
@click.option(
    "--fault", "faults", multiple=True, metavar="RULE", help="A fault, such as route=file,status=503,count=3."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Random seed for faults with a rate.")
@click.option("--answers", type=click.Choice(["guide", "spec"]), default="guide", show_default=True,
              help="Which source to follow where the developer guide and the OpenAPI descriptions differ.")  # fmt: skip
@click.option("--token", metavar="TEXT", help="Accept only this bearer token and those that the token route issues.")
@click.option("--delay", type=click.FloatRange(0), default=0.0, show_default=True,
              help="Seconds that a batch spends in each state of promotion.")  # fmt: skip
@click.option("--token-seconds", type=click.IntRange(1), default=86_399, help="Lifetime of issued tokens, in seconds.")
@click.option(
    "--abandon-after",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="Abandon batches that are not completed in time.",
)
@click.option("--collect-after", type=click.FloatRange(0), metavar="SECONDS", help="Delete inactive batches.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object once it listens.")
def emulate(data: str | None, schemas: str | None, host: str, **settings: Any) -> int:
    """Run the batch ingestion API on this machine, with Catalog, Data Access and profile look-ups.

    \b
    Examples:
      xdmprep emulate --schemas schemas/
      xdmprep emulate --port 0 --data lake/ --fault route=file,status=503,rate=0.1
    """
    import logging

    from ..emulator import Emulator
    from .arrow_runtime import little_memory

    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    server = Emulator(data, schemas, host=host, **settings)
    url = server.open_url()
    if host not in ("127.0.0.1", "localhost", "::1"):
        say(f"attention: {host} can be reached from other machines; without --token any bearer token is taken")
    answer(lambda: {"url": url, "pid": os.getpid()}, [f"emulator listening on {url}"])
    sys.stdout.flush()
    with little_memory():
        server.run()
    return 0
