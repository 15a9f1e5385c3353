"""The commands of `xdmprep schema`: look at a schema, and see that it is sound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ..paths import format_path
from ..schema import Registry, Schema

_COMPAT = click.option("--compat", is_flag=True, help="Turn raw XDM names (xdm:name) into those used in the platform.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
_COMPONENTS = click.option(
    "--components",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of components that the schema refers to; by default those beside the file.",
)


@click.group()
def schema() -> None:
    """Show, check, pull or compare XDM schemas, or make records of them."""


@schema.command(epilog="Example: xdmprep schema show schemas/crm-profile.schema.json --depth 2")
@click.argument("path")
@click.option("--depth", type=click.IntRange(1), help="How many levels of fields to show.")
@click.option("--id", "schema_id", help="Which schema, where PATH is a folder.")
@_COMPONENTS
@_COMPAT
@_JSON
def show(
    path: str, depth: int | None, schema_id: str | None, components: Path | None, compat: bool, as_json: bool
) -> None:
    """Print the fields of the schema in PATH (a file, or a folder with --id) as a tree."""
    found = open_schema(path, schema_id, components, compat)
    if isinstance(found, Registry):
        _list(found, as_json)
    elif as_json:
        click.echo(json.dumps(_facts(found), ensure_ascii=False))
    else:
        click.echo(found.describe(depth=depth))


def open_schema(
    path: str, schema_id: str | None = None, components: Path | None = None, compat: bool = False
) -> Schema | Registry:
    """The schema in a file, or in a folder by its id; the whole folder if no id is given."""
    if Path(path).is_dir():
        registry = Registry.load(path, compat=compat)
        return registry[schema_id] if schema_id else registry
    known = Registry.load(components) if components else None
    return Schema.load(path, known, compat=compat)


def _list(registry: Registry, as_json: bool) -> None:
    titles = {id: registry.document(id).content.get("title", "") for id in registry}  # type: ignore[union-attr]
    if as_json:
        click.echo(json.dumps({"schemas": titles}, ensure_ascii=False))
        return
    for id, title in titles.items():
        click.echo(f"{id}  {title}")
    click.echo(f"{len(titles)} schemas and components; name one with --id.", err=True)


def _facts(found: Schema) -> dict[str, Any]:
    return {
        "id": found.id,
        "title": found.title,
        "version": found.version,
        "class": found.class_id,
        "behavior": found.behavior,
        "sha256": found.sha256,
        "identityMap": found.has_identity_map,
        "identities": [
            {"path": format_path(identity.path), "namespace": identity.namespace, "primary": identity.primary}
            for identity in found.identities
        ],
        "fields": found.fields().to_pylist(),
    }
