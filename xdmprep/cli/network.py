"""The commands that speak with the platform, and the one that plays it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import PlatformError

if TYPE_CHECKING:
    from ..client import Batch, Client
    from ..manifest import Manifest


def _say(text: str) -> None:
    click.echo(text, err=True)


def _print_json(data: Any) -> None:
    click.echo(json.dumps(data, ensure_ascii=False, indent=2))


def connection(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that every command needs to reach the platform."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output."),
        click.option("--sandbox", help="Name of the sandbox (default: prod)."),
        click.option("--config", "config", metavar="FILE", help="JSON file with the credentials."),
        click.option("--url", help="Base address; alone it is enough for an emulator."),
    ):
        command = option(command)
    return command


def _client(url: str | None, config: str | None, sandbox: str | None) -> Client:
    from ..client import Client

    return Client.from_config(config, sandbox=sandbox, url=url, tell=_say)


def _describe(batch: Batch) -> None:
    """The batch in words, on standard output."""
    click.echo(f"batch {batch.id}: {batch.status} ({batch.explanation})")
    if batch.input_records is not None:
        click.echo(f"records: {batch.input_records} in, {batch.output_records} ingested, {batch.failed_records} failed")
    for error in batch.errors:
        count = f" [{error['recordCount']} records]" if "recordCount" in error else ""
        click.echo(f"  {error.get('code')}: {error.get('description')}{count}")
    if batch.ok and batch.failed_records:
        click.echo(f"ATTENTION: {batch.failed_records} records were lost although the batch is {batch.status}.")
    if batch.errors:
        click.echo(f"Which rows: xdmprep batch errors {batch.id}")


def _report(batch: Batch, as_json: bool) -> None:
    if as_json:
        _print_json(batch.to_dict())
    else:
        _describe(batch)


@click.command()
@click.argument("folder", metavar="DIR|MANIFEST")
@click.option("--dataset", required=True, metavar="ID", help="Dataset to send to.")
@connection
@click.option(
    "--replay", multiple=True, metavar="ID", help="Batch that this one replaces; several with commas, or again."
)
@click.option(
    "--replay-prefix", default="", metavar="TEXT", help="Written before each replaced id ('$' as in the spec)."
)
@click.option("--wait", "wait_", is_flag=True, help="Wait until the batch is ingested or has failed.")
@click.option("--timeout", type=float, metavar="SECONDS", help="With --wait: give up after so long.")
@click.option("--jobs", type=click.IntRange(1, 64), default=4, show_default=True, help="Files sent at the same time.")
@click.option("--partial-percent", type=click.FloatRange(0, 100), help="Bad rows that the batch may have, in percent.")
@click.option("--diagnostics/--no-diagnostics", default=True, help="Keep the errors of single rows (default: on).")
@click.option("--again", is_flag=True, help="Send as a new batch where the last one failed or was aborted.")
def upload(
    folder: str, dataset: str, url: str | None, config: str | None, sandbox: str | None, as_json: bool,
    replay: tuple[str, ...], replay_prefix: str, wait_: bool, timeout: float | None, jobs: int,
    partial_percent: float | None, diagnostics: bool, again: bool,
) -> int:  # fmt: skip
    """Send prepared files as one batch.  The same command goes on where an earlier one stopped.

    A patch that was split into several batches is sent in order, each batch when the one before has been ingested.

    \b
    Examples:
      xdmprep upload out/ --dataset 5deac2648a19d218a888d2b1 --config config.json --wait
      xdmprep upload out/ --dataset 5deac2648a19d218a888d2b1 --url http://127.0.0.1:8080
      xdmprep upload out/ --dataset 5deac2648a19d218a888d2b1 --config config.json --replay 01E8043CY305K2MTV5ANH9G1GC
    """
    replay = tuple(part.strip() for item in replay for part in item.split(",") if part.strip())
    options: dict[str, Any] = {
        "replay": replay, "replay_prefix": replay_prefix, "jobs": jobs, "percent": partial_percent,
        "diagnostics": diagnostics, "again": again,
    }  # fmt: skip
    with _client(url, config, sandbox) as client:
        if len(_manifests(folder)) > 1:
            return _upload_series(client, folder, dataset, wait_, timeout, as_json, options)
        if replay:
            _show_plan(client, replay, dataset)
        try:
            batch = _upload(client, folder, client.upload, dataset, **options)
        except PlatformError as error:
            if not wait_ or not error.batch or error.status is not None:
                raise
            _say(f"xdmprep: {error}")
            batch = client.status(error.batch)
            _report(batch, as_json)
            return 1 if _failed(batch) else 3
        if wait_:
            batch = client.wait(batch.id, timeout, on_status=lambda now: _say(f"{now.status}: {now.explanation}"))
        _report(batch, as_json)
        return 1 if wait_ and _failed(batch) else 0


def _failed(batch: Batch) -> bool:
    return not batch.ok and (batch.final or batch.status == "stalled")


def _show_plan(client: Client, replay: tuple[str, ...], dataset: str) -> None:
    _say(f"replay: when the new batch in dataset {dataset} is active, these become inactive:")
    for predecessor in replay:
        old = client.status(predecessor)
        records = "" if old.output_records is None else f", {old.output_records} records"
        _say(f"  {old.id} ({old.status}{records})")


def _manifests(folder: str) -> list[Manifest]:
    from ..manifest import Manifest

    return Manifest.load_all(folder)


def _upload(client: Client, folder: str, send: Callable[..., Any], dataset: str, **options: Any) -> Any:
    """What `send` gives, with a progress bar in bytes, where somebody looks."""
    from tqdm import tqdm

    total = sum(file.bytes for manifest in _manifests(folder) for file in manifest.files)
    with tqdm(
        total=total, unit="B", unit_scale=True, desc="upload", file=sys.stderr, disable=not sys.stderr.isatty(),
        leave=False,
    ) as bar:  # fmt: skip

        def advance(size: int) -> None:
            bar.update(size)

        client.tell = lambda text: tqdm.write(text, file=sys.stderr)
        return send(Path(folder), dataset, on_bytes=advance, **options)


def _upload_series(
    client: Client, folder: str, dataset: str, wait_: bool, timeout: float | None, as_json: bool,
    options: dict[str, Any],
) -> int:  # fmt: skip
    """Several batches in order; one summary."""

    def told(now: Batch) -> None:
        client.tell(f"{now.status}: {now.explanation}")

    series = _upload(client, folder, client.upload_series, dataset, timeout=timeout, on_status=told, **options)
    if wait_ and not series.failed:
        last = client.wait(series.batches[-1].id, timeout, on_status=told)
        series = replace(series, batches=(*series.batches[:-1], last))
    if as_json:
        _print_json(series.to_dict())
    else:
        for sent in series.batches:
            if not sent.ok or sent.failed_records:
                _describe(sent)
        click.echo(str(series))
    return 1 if series.failed or (wait_ and _failed(series.batches[-1])) else 0


@click.group()
def batch() -> None:
    """Look at a batch, abort it, revert it."""


@batch.command("status")
@click.argument("batch_id")
@connection
@click.option("--wait", "wait_", is_flag=True, help="Wait until the batch has ended.")
@click.option("--timeout", type=float, metavar="SECONDS", help="With --wait: give up after so long.")
def batch_status(
    batch_id: str, url: str | None, config: str | None, sandbox: str | None, as_json: bool, wait_: bool,
    timeout: float | None,
) -> int:  # fmt: skip
    """Show a batch's state, counts and errors; exit code 1 if it failed.

    \b
    Example:
      xdmprep batch status 01E8043CY305K2MTV5ANH9G1GC --config config.json --wait
    """
    with _client(url, config, sandbox) as client:
        if wait_:
            found = client.wait(batch_id, timeout, on_status=lambda now: _say(f"{now.status}: {now.explanation}"))
        else:
            found = client.status(batch_id)
        _report(found, as_json)
        return 1 if found.status in ("failed", "failure") else 0


@batch.command("errors")
@click.argument("batch_id")
@connection
@click.option("--manifest", metavar="DIR|MANIFEST", help="The files that were sent; gives each error its source row.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Errors to show.")
def batch_errors(
    batch_id: str, url: str | None, config: str | None, sandbox: str | None, as_json: bool, manifest: str | None,
    limit: int,
) -> int:  # fmt: skip
    """Show which rows of a batch failed, and why.

    \b
    Example:
      xdmprep batch errors 01E8043CY305K2MTV5ANH9G1GC --manifest out/ --config config.json
    """
    with _client(url, config, sandbox) as client:
        found = client.status(batch_id)
        shown: list[Any] = []
        more = 0
        for error in client.errors(batch_id, manifest):
            if len(shown) < limit:
                shown.append(error)
            else:
                more += 1
        if as_json:
            data = {**found.to_dict(), "rowErrors": [error.to_dict() for error in shown], "rowErrorsNotShown": more}
            _print_json(data)
        else:
            _describe(found)
            for error in shown:
                click.echo(str(error))
            if more:
                click.echo(f"... and {more} more (--limit)")
            if not shown and found.failed_records:
                click.echo("The platform names no rows: the batch was sent without diagnostics, or they are too old.")
        return 0


@batch.command("abort")
@click.argument("batch_id")
@connection
def batch_abort(batch_id: str, url: str | None, config: str | None, sandbox: str | None, as_json: bool) -> int:
    """Cancel a batch that has not ended."""
    with _client(url, config, sandbox) as client:
        _report(client.abort(batch_id), as_json)
        return 0


@batch.command("revert")
@click.argument("batch_id")
@connection
def batch_revert(batch_id: str, url: str | None, config: str | None, sandbox: str | None, as_json: bool) -> int:
    """Delete an ingested batch: it becomes inactive, its data no longer counts."""
    with _client(url, config, sandbox) as client:
        _report(client.revert(batch_id), as_json)
        return 0


@click.group()
def dataset() -> None:
    """Create or look at a dataset."""


def _schema_id(text: str) -> str:
    """The ``$id`` of a schema given as id or as file."""
    from ..errors import UsageError

    if "://" in text:
        return text
    found = _schema_file(text).get("$id")
    if not isinstance(found, str):
        raise UsageError(f"--schema {text}: not a schema with an $id.")
    return found


def _schema_file(text: str) -> dict[str, Any]:
    """The JSON of a schema's file."""
    from ..errors import UsageError

    try:
        found = json.loads(Path(text).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"--schema {text}: {error.strerror or error}. Give a schema's $id or its file.") from None
    except ValueError:
        raise UsageError(f"--schema {text}: not a schema with an $id.") from None
    if not isinstance(found, dict):
        raise UsageError(f"--schema {text}: not a schema with an $id.")
    return found


@dataset.command("create")
@click.argument("name")
@click.option("--schema", required=True, metavar="ID|FILE", help="The schema: its $id, or the file that holds it.")
@click.option("--profile", is_flag=True, help="Enable it for Profile.")
@click.option("--upsert", is_flag=True, help="Enable it for Profile with upsert (patches).")
@click.option("--format", "format_", type=click.Choice(["csv", "json", "parquet"]), help="csv for an ad-hoc schema.")
@click.option("--adhoc", is_flag=True, help="For CSV: first create the class and the schema with the file's columns.")
@connection
def dataset_create(
    name: str, schema: str, profile: bool, upsert: bool, format_: str | None, adhoc: bool, url: str | None,
    config: str | None, sandbox: str | None, as_json: bool,
) -> int:  # fmt: skip
    """Create a dataset and print its id.

    \b
    Examples:
      xdmprep dataset create "CRM profiles" --schema schemas/crm-profile.schema.json --profile --config config.json
      xdmprep dataset create visits --schema schemas/store-visits.adhoc.schema.json --adhoc --config config.json
    """
    from ..client.registry import adhoc_columns
    from ..errors import UsageError

    if adhoc and (profile or upsert or format_ not in (None, "csv")):
        raise UsageError("--adhoc is for CSV, which never reaches Profile. Leave --profile, --upsert and --format out.")
    columns, required = adhoc_columns(_schema_file(schema)) if adhoc else ({}, [])
    with _client(url, config, sandbox) as client:
        schema_id = client.create_adhoc_schema(name, columns, required) if adhoc else _schema_id(schema)
        if adhoc:
            _say(f"schema {schema_id} created; get it with: xdmprep schema pull {schema_id}")
            format_ = "csv"
        key = client.create_dataset(name, schema_id, profile=profile, upsert=upsert, format=format_)
        if as_json:
            _print_json({"id": key, "name": name, "schema": schema_id})
        else:
            click.echo(key)
        return 0


@dataset.command("show")
@click.argument("dataset_id")
@connection
def dataset_show(dataset_id: str, url: str | None, config: str | None, sandbox: str | None, as_json: bool) -> int:
    """Show a dataset: its schema, its tags, its newest batches."""
    from .. import wire

    with _client(url, config, sandbox) as client:
        doc = client.dataset(dataset_id)
        batches = client.batches(dataSet=dataset_id, limit=5)
        if as_json:
            _print_json({"id": dataset_id, **doc, "batches": [found.to_dict() for found in batches]})
            return 0
        tags = doc.get("tags") or {}
        click.echo(f"dataset {dataset_id}: {doc.get('name')}")
        click.echo(f"schema: {(doc.get('schemaRef') or {}).get('id')}")
        enabled = wire.has_flag(tags, "unifiedProfile", "enabled")
        upsert_ = wire.has_flag(tags, "unifiedProfile", "isUpsert")
        click.echo(f"Profile: {'enabled' if enabled else 'not enabled'}{', upsert' if upsert_ else ''}")
        for found in batches:
            click.echo(f"  batch {found.id}: {found.status}")
        return 0


@dataset.command("check")
@click.argument("dataset_id")
@click.option("--manifest", required=True, metavar="DIR|MANIFEST", help="Prepared files that are to be sent to it.")
@connection
def dataset_check(
    dataset_id: str, manifest: str, url: str | None, config: str | None, sandbox: str | None, as_json: bool
) -> int:
    """Check that prepared files can go to a dataset; nothing is sent."""
    from ..client.checks import check_dataset, check_files

    with _client(url, config, sandbox) as client:
        loaded = _manifests(manifest)
        notes = [note for one in loaded for note in check_files(one, 2)]
        check_dataset(loaded[0], dataset_id, client.dataset(dataset_id), notes.append)
        if as_json:
            _print_json({"dataset": dataset_id, "ok": True, "notes": notes})
        else:
            for note in notes:
                _say(f"note: {note}")
            files, records = sum(len(one.files) for one in loaded), sum(one.written for one in loaded)
            click.echo(f"dataset {dataset_id} takes these files ({files} files, {records} records)")
        return 0


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes a free one.")
@click.option(
    "--data", metavar="DIR", help="Keep everything in this folder; without it everything ends with the process."
)
@click.option("--schemas", metavar="DIR", help="XDM schemas (JSON files) that datasets may refer to.")
@click.option(
    "--fault", "faults", multiple=True, metavar="RULE", help="A fault, such as route=file,status=503,count=3."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the draws of faults with a rate.")
@click.option("--answers", type=click.Choice(["guide", "spec"]), default="guide", show_default=True,
              help="Whose answers to give where the developer guide and the OpenAPI descriptions differ.")  # fmt: skip
@click.option("--token", metavar="TEXT", help="Take only this bearer token, and those that the token route issues.")
@click.option("--delay", type=click.FloatRange(0), default=0.0, show_default=True,
              help="Seconds that a batch spends in each state of promotion.")  # fmt: skip
@click.option("--token-seconds", type=click.IntRange(1), default=86_399, help="How long issued tokens live.")
@click.option("--abandon-after", type=click.FloatRange(0), metavar="SECONDS", help="Abandon batches nobody completes.")
@click.option("--collect-after", type=click.FloatRange(0), metavar="SECONDS", help="Delete inactive batches.")
def emulate(
    host: str, port: int, data: str | None, schemas: str | None, faults: tuple[str, ...], seed: int, answers: Any,
    token: str | None, delay: float, token_seconds: int, abandon_after: float | None, collect_after: float | None,
) -> int:  # fmt: skip
    """Run the batch ingestion API on this machine, with Catalog, Data Access and profile look-ups.

    \b
    Examples:
      xdmprep emulate --schemas schemas/
      xdmprep emulate --port 0 --data lake/ --fault route=file,status=503,rate=0.1
    """
    import logging

    from ..emulator import Emulator
    from .lean import little_memory

    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    server = Emulator(
        data, schemas, host=host, port=port, answers=answers, token=token, delay=delay, faults=faults, seed=seed,
        token_seconds=token_seconds, abandon_after=abandon_after, collect_after=collect_after,
    )  # fmt: skip
    url = server.open_url()
    if host not in ("127.0.0.1", "localhost", "::1"):
        _say(f"attention: {host} can be reached from other machines; without --token any bearer token is taken")
    click.echo(f"emulator listening on {url}")
    sys.stdout.flush()
    with little_memory():
        server.run()
    return 0
