"""The command `xdmprep dataset`: create, show, check a dataset, and enable it for patches."""

from __future__ import annotations

from typing import Any

import click

from .. import wire
from ..core.documents import DocumentKind
from ..errors import PlatformError, UsageError, counted
from . import complete
from .command import CommandGroup
from .connection import Connection, connection
from .printer import answer, say, show


@click.group(cls=CommandGroup)
def dataset() -> None:
    """Create, show or check a dataset, enable it for patches."""


def schema_id_of(text: str) -> str:
    """The ``$id`` of a schema given as id or as file."""
    if "://" in text:
        return text
    found = _schema_file(text).get("$id")
    if not isinstance(found, str):
        raise UsageError(f"--schema {text}: not a schema with an $id.")
    return found


def _schema_file(text: str) -> dict[str, Any]:
    """The JSON of a schema's file."""
    found = DocumentKind(UsageError, "Give a schema's $id or its file.").read_json(text)
    if not isinstance(found, dict):
        raise UsageError(f"--schema {text}: not a schema with an $id.")
    return found


@dataset.command("create")
@click.argument("name")
@click.option("--schema", "-s", required=True, metavar="ID|FILE", help="$id of the schema, or its file.")
@click.option("--profile", is_flag=True, help="Enable it for Profile.")
@click.option("--upsert", is_flag=True, help="Enable it for Profile with upsert (patches).")
@click.option(
    "--format", "-f", "format_", type=click.Choice(["csv", "json", "parquet"]), help="csv for an ad-hoc schema."
)
@click.option("--adhoc", is_flag=True, help="For CSV: first create the class and the schema with the file's columns.")
@connection
def dataset_create(
    name: str, schema: str, profile: bool, upsert: bool, format_: str | None, adhoc: bool, to: Connection,
) -> int:  # fmt: skip
    """Create a dataset and print its id.

    \b
    Examples:
      xdmprep dataset create "CRM profiles" --schema schemas/crm-profile.schema.json --profile --config config.json
      xdmprep dataset create visits --schema schemas/store-visits.adhoc.schema.json --adhoc --config config.json
    """
    from ..client.registry import adhoc_columns

    if adhoc and (profile or upsert or format_ not in (None, "csv")):
        raise UsageError("--adhoc is for CSV, which never reaches Profile. Leave --profile, --upsert and --format out.")
    columns, required = adhoc_columns(_schema_file(schema)) if adhoc else ({}, [])
    with to.client() as client:
        schema_id = client.create_adhoc_schema(name, columns, required) if adhoc else schema_id_of(schema)
        if adhoc:
            say(f"schema {schema_id} created; get it with: xdmprep schema pull {schema_id}")
            format_ = "csv"
        key = client.create_dataset(name, schema_id, profile=profile, upsert=upsert, format=format_)
        if profile or upsert:
            for finding in _doubts(client, key):
                say(f"warning: {finding.text}. {' '.join(finding.steps)}")
        answer(lambda: {"id": key, "name": name, "schema": schema_id}, [key])
        return 0


def _doubts(client: Any, key: str) -> list[Any]:
    """Why no record of a new dataset would reach Profile; nothing where the schema cannot be seen."""
    try:
        found = client.check_dataset(key).findings
    except PlatformError:
        return []
    return [finding for finding in found if finding.code in ("no-identity", "schema-not-profile")]


@dataset.command("show")
@click.argument("dataset_id", shell_complete=complete.datasets)
@connection
def dataset_show(dataset_id: str, to: Connection) -> int:
    """Show a dataset: its schema, its tags, its newest batches."""
    with to.client() as client:
        doc = client.dataset(dataset_id)
        batches = client.batches(dataSet=dataset_id, limit=5)
        answer(lambda: {"id": dataset_id, **doc, "batches": [found.to_dict() for found in batches]})
        tags = doc.get("tags") or {}
        show(f"dataset {dataset_id}: {doc.get('name')}")
        show(f"schema: {(doc.get('schemaRef') or {}).get('id')}")
        show(_flags(tags))
        for found in batches:
            show(f"  batch {found.id}: {found.status}")
        return 0


def _flags(tags: dict[str, Any]) -> str:
    """What a dataset's tags enable it for."""
    enabled = [
        "enabled" if wire.has_flag(tags, tag, flag) else "not enabled"
        for tag, flag in (("unifiedProfile", "enabled"), ("unifiedProfile", "isUpsert"), ("unifiedIdentity", "enabled"))
    ]
    return "Profile: {}, upsert: {}, Identity: {}".format(*enabled)


@dataset.command("check")
@click.argument("dataset_id", shell_complete=complete.datasets)
@click.option("--manifest", metavar="DIR|MANIFEST", help="Prepared files to be sent to it.")
@connection
def dataset_check(dataset_id: str, manifest: str | None, to: Connection) -> int:
    """Check whether prepared files can be sent to a dataset, and report what to do; nothing is sent.

    Looks at the files, and at the dataset's schema, format and tags.  Without --manifest: what it is ready for.
    Ends with 0 if nothing would go wrong, 1 if something would, 2 if the files themselves are wrong.

    \b
    Examples:
      xdmprep dataset check 5deac2648a19d218a888d2b1 --manifest patch/ --config config.json
    """
    with to.client() as client:
        found = client.check_dataset(dataset_id, manifest)
    answer(found.to_dict)
    show(f"dataset {dataset_id}: {found.name}\nschema: {found.schema}\n{_flags(found.tags)}")
    for finding in found.findings:
        show(f"{finding.level}: {finding.text}")
        for number, step in enumerate(finding.steps, 1):
            show(f"  {number}. {step}")
    if manifest is not None:
        verb = "takes" if found.ok else "is not ready for"
        sizes = f"{counted(found.files or 0, 'file')}, {counted(found.records or 0, 'record')}"
        show(f"dataset {dataset_id} {verb} these files ({sizes})")
    return 0 if found.ok else 1


@dataset.command("enable-upsert")
@click.argument("dataset_id", shell_complete=complete.datasets)
@click.option("--yes", is_flag=True, help="Carry it out; without this only the plan is shown.")
@connection
def dataset_enable_upsert(dataset_id: str, yes: bool, to: Connection) -> int:
    """Enable a dataset for patches (Profile with upsert).

    A dataset that is enabled for Profile already is disabled first and then enabled again, as the platform wants it.
    What is ingested between the two never reaches Profile; while batches are on their way into it, nothing is done.

    \b
    Examples:
      xdmprep dataset enable-upsert 5deac2648a19d218a888d2b1 --config config.json --yes
    """
    with to.client() as client:
        plan = client.plan_upsert(dataset_id)
        for line in plan.lines():
            show(line)
        if yes:
            client.enable_upsert(dataset_id, plan)
    done = yes or not plan.patches
    answer(lambda: plan.to_dict(done))
    if yes and plan.patches:
        show(f"dataset {dataset_id} takes patches now")
    elif not done:
        show("Nothing was changed. To do it, add --yes.")
    return 0
