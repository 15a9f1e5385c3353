"""The commands of `xdmprep schema`: look at a schema, check it, fetch it, compare two, make up records."""

from __future__ import annotations

import json
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from ..core.documents import is_file, is_folder
from ..core.paths import format_path
from ..core.typing import RuleSet
from ..errors import Issue, SchemaError, UsageError, counted
from ..schema import Registry, Schema, duplicate_keys
from ..schema.diff import diff
from ..schema.lint import lint
from . import complete
from .command import CommandGroup as Commands
from .connection import Connection, connection
from .findings import FindingLine, annotate, show_findings
from .options import FILE, JSON, OUTPUT_FORMAT
from .printer import answer, emit, note, show, warn

if TYPE_CHECKING:
    from ..core.stream import Chunk
    from ..report import Group

_COMPAT = click.option("--compat", is_flag=True, help="Turn raw XDM names (xdm:name) into those used in the platform.")
_ID = click.option("--id", "schema_id", metavar="ID", help="$id of the schema, if PATH is a folder.")
_COMPONENTS = click.option(
    "--components",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of components that the schema refers to; by default those beside the file.",
)


@click.group(cls=Commands)
def schema() -> None:
    """Show, check, pull or compare XDM schemas, or make up records of one."""


@schema.command("show", epilog="Example: xdmprep schema show schemas/crm-profile.schema.json --depth 2")
@click.argument("path")
@click.option("--depth", type=click.IntRange(1), help="How many levels of fields to show.")
@_ID
@_COMPONENTS
@_COMPAT
@JSON
def show_command(path: str, depth: int | None, schema_id: str | None, components: Path | None, compat: bool) -> None:
    """Print the fields of the schema in PATH as a tree.

    PATH is a file, or a folder with --id; a folder alone lists its schemas.  Required fields carry a star.
    """
    if is_folder(path) and not schema_id:
        _list(Registry.load(path, compat=compat))
        return
    found = _open_schema(path, schema_id, components, compat)
    warn(found.profile_warning)
    answer(lambda: _facts(found), [found.describe(depth=depth)])


#: What ``schema check --json`` prints of a finding.
_KEYS = ("code", "severity", "path", "message", "value", "hint")


@schema.command(epilog="Example: xdmprep schema check schemas/crm-profile.schema.json")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@_ID
@_COMPONENTS
@_COMPAT
@OUTPUT_FORMAT
@JSON
def check(
    paths: tuple[str, ...], schema_id: str | None, components: Path | None, compat: bool, output_format: str,
) -> None:  # fmt: skip
    """Report what is doubtful in the schemas in PATH: contradictions, fields that no value fits, pitfalls.

    Exit code 2 if anything is an error, 0 otherwise; warnings do not change it.
    """
    checked = []
    for path in paths:
        found = _open_schema(path, schema_id, components, compat)
        issues = lint(found)
        if is_file(path):
            issues += [
                Issue("schema-duplicate-key", "warning", f"the key '{key}' occurs twice in one object; the last counts")
                for key in duplicate_keys(path)
            ]
            issues += _edited(Path(path), found)
        errors = sum(issue.severity == "error" for issue in issues)
        checked.append((path, found, issues, errors))
    facts = [
        {"id": found.id, "sha256": found.sha256, "errors": errors, "warnings": len(issues) - errors,
         "issues": [{key: getattr(issue, key) for key in _KEYS} for issue in issues]}
        for _, found, issues, errors in checked
    ]  # fmt: skip
    every = [{"file": str(path), **one} for (path, *_), one in zip(checked, facts, strict=True)]
    answer(lambda: facts[0] if len(paths) == 1 else {"errors": sum(one[3] for one in checked), "files": every})
    for path, found, issues, errors in checked:
        fields = sum(1 for _ in found.root.walk()) - 1
        verdict = (
            f"{counted(errors, 'error')}, {counted(len(issues) - errors, 'warning')}" if issues else "nothing doubtful"
        )
        name = found.name if len(paths) == 1 else f"{path}: {found.name}"
        summary = f"{name}: {counted(fields, 'field')}, {verdict}"
        listed = [FindingLine.of_issue(issue, path if is_file(path) else None) for issue in issues]
        if output_format == "github":
            annotate(listed, summary)
        else:
            show_findings(listed, one_file=len(paths) == 1)
            (note if issues else show)(summary)
    sys.exit(2 if any(errors for *_, errors in checked) else 0)


def _edited(path: Path, found: Schema) -> list[Issue]:
    """Whether a file that was pulled is still as it came."""
    from ..client.registry import read_pins
    from ..core.manifest import sha256_of

    pinned = read_pins(path.parent).get(found.id, {}).get("sha256", {})
    changed = [
        name
        for name, sum_ in pinned.items()
        if not is_file(path.parent / name) or sha256_of(path.parent / name) != sum_
    ]
    return [
        Issue("schema-edited", "warning", f"{name} is not as it was pulled", hint="Pull the schema again.")
        for name in changed
    ]


@schema.command(
    "diff", epilog="Example: xdmprep schema diff old.schema.json new.schema.json --data records.json"
)  # fmt: skip
@click.argument("old")
@click.argument("new")
@click.option("--data", type=FILE, help="Records; also report which rows become valid or invalid.")
@click.option("--rules", default="strict", show_default=True, help="Rule set for the data.")
@_COMPONENTS
@_COMPAT
@JSON
def diff_command(old: str, new: str, data: Path | None, rules: RuleSet, components: Path | None, compat: bool) -> None:
    """Show what changed from the schema OLD to NEW, and what the platform forbids once there is data.

    Exit code 1 if a change is breaking or a row would start to fail, 0 otherwise.
    """
    before, after = (_open_schema(path, None, components, compat) for path in (old, new))
    warn(after.profile_warning)
    changes = diff(before, after)
    breaking = sum(change.effect == "breaking" for change in changes)
    effect = _effect(data, before, after, rules) if data is not None else None
    listed = [{"path": c.path, "effect": c.effect, "message": c.message} for c in changes]
    facts: dict[str, Any] = {"breaking": breaking, "changes": listed}
    for change in changes:
        show(str(change))
    if changes:
        note(f"{len(changes)} changes, {breaking} of them breaking")
    else:
        show("no difference that matters to data")
    if effect is not None:
        facts |= {
            "startsFailing": effect.starts, "stopsFailing": effect.stops, "failsUnderBoth": effect.both,
            "moreFindings": [
                {"code": g.code, "path": g.path, "message": g.message, "more": more} for g, more in effect.more
            ],
        }  # fmt: skip
        show(f"{data}: {counted(len(effect.starts), 'row')} newly failing{_some(effect.starts)}, "
             f"{len(effect.stops):,} stop failing{_some(effect.stops)}, "
             f"{effect.both:,} fail under both")  # fmt: skip
        for group, more in effect.more:
            show(f"  {more:>9,} more {group.code:<18} {group.path or 'record'}: {group.message}")
    answer(lambda: facts)
    sys.exit(1 if breaking or (effect is not None and effect.starts) else 0)


def _some(rows: list[int]) -> str:
    if not rows:
        return ""
    more = ", …" if len(rows) > 10 else ""
    return f" ({', '.join(map(str, rows[:10]))}{more})"


@dataclass(frozen=True)
class _Effect:
    """What a change of schema does to records.

    Attributes:
        starts, stops: rows that fail under the new schema alone, and under the old one alone.
        both: how many rows fail under both.
        more: errors that are found more often under the new schema, and how much more often; rows that failed before
            count too, so an error that all rows have in common hides nothing.
    """

    starts: list[int]
    stops: list[int]
    both: int
    more: list[tuple[Group, int]]


def _effect(data: Path, before: Schema, after: Schema, rules: RuleSet) -> _Effect:
    (old, old_groups), (new, new_groups) = (_failing(data, one, rules) for one in (before, after))
    counts: Counter[tuple[str, str]] = Counter()
    for group in old_groups:
        counts[group.code, group.place] -= group.count
    first: dict[tuple[str, str], Group] = {}
    for group in new_groups:
        if group.severity == "error":
            first.setdefault((group.code, group.place), group)
            counts[group.code, group.place] += group.count
    more = [(group, counts[key]) for key, group in first.items() if counts[key] > 0]
    starts, stops = (np.setdiff1d(*pair).tolist() for pair in ((new, old), (old, new)))
    return _Effect(starts, stops, len(np.intersect1d(old, new)), more)


def _failing(data: Path, schema: Schema, rules: RuleSet) -> tuple[Any, list[Group]]:
    """Numbers of the rows that have an error or cannot be read, and the findings, grouped."""
    from ..pipeline.checking import validate

    rows = [np.zeros(0, np.int64)]

    def note(chunk: Chunk) -> None:
        rows.append(chunk.rows[chunk.faulty()])
        rows.append(np.asarray([one.row for one in chunk.unread], np.int64))

    report = validate(data, schema, rules=rules, cap=0, on_chunk=note)
    return np.concatenate(rows), report.groups


@schema.command(epilog="Example: xdmprep schema sample schemas/crm-profile.schema.json --count 100 > records.json")
@click.argument("path")
@click.option(
    "--count", "-n", default=10, show_default=True, type=click.IntRange(0, 1_000_000_000), help="How many records."
)
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same records.")
@click.option(
    "--fill",
    default=0.7,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Probability that an optional field is present.",
)
@click.option("-o", "--out", type=FILE, help="File to write.  [default: standard output]")
@_ID
@_COMPONENTS
@_COMPAT
@JSON
def sample(
    path: str, count: int, seed: int, fill: float, out: Path | None, schema_id: str | None, components: Path | None,
    compat: bool,
) -> None:  # fmt: skip
    """Generate valid records for the schema in PATH, as single-line JSON."""
    from ..core.manifest import whole_file
    from ..sample import sample as make_up

    found = _open_schema(path, schema_id, components, compat)
    warn(found.profile_warning)
    records = make_up(found, count, seed=seed, fill=fill)
    lines = (json.dumps(record, ensure_ascii=False, separators=(",", ":")) for record in records)
    if out is None:
        answer(lambda: {"records": list(records)})
        for line in lines:
            emit(line)
        return
    with whole_file(out) as file:
        for line in lines:
            file.write((line + "\n").encode())
    answer(lambda: {"file": str(out), "count": count})
    note(f"{out}: {counted(count, 'record')}")


@schema.command(
    epilog="Example: xdmprep schema pull https://ns.adobe.com/acme/schemas/3f2a --out schemas/ --config config.json"
)
@click.argument("ids", nargs=-1, metavar="[ID]...", shell_complete=complete.schemas)
@click.option("-o", "--out", type=FILE, default=Path("schemas"), show_default=True, help="Folder to save to.")
@click.option(
    "--form", type=click.Choice(["xed-full", "xed"]), default="xed-full", show_default=True,
    help="Resolved, or compact with its components.",
)  # fmt: skip
@click.option("--list", "list_them", is_flag=True, help="List the schemas of the sandbox instead.")
@click.option(
    "--check", "only_check", is_flag=True, help="Write nothing; exit with 1 if a schema differs from what was pulled."
)
@connection
def pull(ids: tuple[str, ...], out: Path, form: str, list_them: bool, only_check: bool, to: Connection) -> None:
    """Fetch schemas by $id or meta:altId from the Schema Registry, with descriptors, and pin them by hash."""
    from ..client import registry as remote

    if list_them == bool(ids):
        raise UsageError("Name the schemas to pull, or give --list to see which there are.")
    with to.client() as client:
        if list_them:
            found = remote.list_schemas(client.session)
            lines = [f"{item.get('$id')}  {item.get('version', '')}  {item.get('title', '')}" for item in found]
            answer(lambda: {"schemas": found}, lines)
            return
        saved = []
        for schema_id in ids:
            pulled = remote.pull(client.session, schema_id, form)
            done = remote.save(pulled, out, check=only_check)
            if form == "xed-full":
                with suppress(SchemaError):  # what was pulled is kept, whatever can be read of it
                    warn(Schema.from_dict(pulled.schema, descriptors=pulled.descriptors).profile_warning)
            saved.append({"id": pulled.id, "file": str(done.file), "state": done.state})
            show(f"{done.state:<8}{pulled.id}  {'' if only_check else done.file}".rstrip())
        answer(lambda: {"schemas": saved})
    sys.exit(1 if only_check and any(entry["state"] != "same" for entry in saved) else 0)


def _open_schema(
    path: str, schema_id: str | None = None, components: Path | None = None, compat: bool = False
) -> Schema:
    """The schema in a file with its components, or in a folder by its id."""
    if is_folder(path):
        if not schema_id:
            raise UsageError(f"{path}: is a folder. Name one of its schemas with --id, or give a file.")
        if components:
            raise UsageError(f"--components is for a file, and {path} is a folder. Leave --components out.")
        return Registry.load(path, compat=compat)[schema_id]
    if schema_id:
        raise UsageError(f"--id is for a folder, and {path} is none. Leave --id out.")
    known = Registry.load(components) if components else None
    return Schema.load(path, known, compat=compat)


def _list(registry: Registry) -> None:
    titles = {id: registry.document(id).content.get("title", "") for id in registry}  # type: ignore[union-attr]
    if not titles:
        raise SchemaError("no schema is in the folder. Give a folder of XDM schemas in JSON, or a schema's file.")
    answer(lambda: {"schemas": titles}, [f"{id}  {title}" for id, title in titles.items()])
    note(f"{len(titles)} schemas and components; name one with --id.")


def _facts(found: Schema) -> dict[str, Any]:
    return {
        "id": found.id, "title": found.title, "version": found.version, "class": found.class_id,
        "behavior": found.behavior, "sha256": found.sha256, "identityMap": found.has_identity_map,
        "identities": [
            {"path": format_path(identity.path), "namespace": identity.namespace, "primary": identity.primary}
            for identity in found.identities
        ],
        "fields": found.fields().to_pylist(),
    }  # fmt: skip
