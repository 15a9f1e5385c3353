"""The commands of `xdmprep mapping`: check a set, draft one, turn one form into another, list the functions."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from ..core.documents import exists
from ..core.manifest import whole_file
from ..core.remote import shown
from ..errors import MappingError, OutputError, UsageError, counted, did_you_mean
from ..schema import Schema
from . import complete
from .command import CommandGroup
from .connection import Connection, connection
from .findings import FindingLine, annotate, line_of, show_findings, show_next
from .options import FILE, JSON, OUTPUT_FORMAT, PLACE, SET, SourceOptions, named_values, source_options
from .printer import answer, emit, note_all, show, warn


@click.group(cls=CommandGroup)
def mapping() -> None:
    """Check, draft or convert mapping sets, and list the functions of their language."""


@mapping.command(
    epilog="Example: xdmprep mapping check crm.mapping.yaml --schema crm-profile.schema.json --source crm.csv"
)
@click.argument("paths", type=PLACE, nargs=-1, required=True, metavar="PATH...")
@click.option("--schema", "-s", "schema_path", type=PLACE, help="XDM schema of the destinations.")
@click.option("--source", "source_path", type=PLACE, help="Source whose columns the mappings read.")
@source_options
@SET
@OUTPUT_FORMAT
@JSON
def check(
    paths: tuple[Path | str, ...], schema_path: Path | str | None, source_path: Path | str | None,
    values: tuple[str, ...], output_format: str, reading: SourceOptions,
) -> None:  # fmt: skip
    """Report everything that is wrong with the mapping sets in PATH.

    Exit code 2 if one cannot run, 0 otherwise; warnings do not change the exit code.
    """
    schema = Schema.load(schema_path) if schema_path else None
    warn(schema.profile_warning if schema else "")
    columns = reading.columns(source_path)
    checked = [_checked(path, columns, schema, named_values(values), len(paths) > 1) for path in paths]
    sound = all(found.sound for _, found in checked)
    facts = [
        {"mapping": shown(path), "mappings": count, "sound": found.sound, "faults": list(found.faults),
         "warnings": list(found.warnings), "unused": list(found.unused)}
        for path, (count, found) in zip(paths, checked, strict=True)
    ]  # fmt: skip
    answer(lambda: facts[0] if len(paths) == 1 else {"sound": sound, "files": facts})
    for path, (count, found) in zip(paths, checked, strict=True):
        listed = [
            FindingLine.of_text(text, severity, shown(path), line_of(path, text) if output_format == "github" else None)
            for severity, texts in (("error", found.faults), ("warning", found.warnings)) for text in texts
        ]  # fmt: skip
        verdict = "fine" if found.sound else counted(len(found.faults), "fault")
        summary = f"{shown(path)}: {counted(count, 'mapping')}, {verdict}"
        if output_format == "github":
            annotate(listed, summary)
            continue
        show_findings(listed, to_stderr=True, one_file=len(paths) == 1)
        if found.unused:
            show(f"columns that no mapping reads: {', '.join(found.unused)}")
        show(summary)
    if output_format == "text" and schema_path is not None:
        given = ("--schema", schema_path, "--source" if source_path else None, source_path, *reading.words())
        if not sound:
            show_next("mapping", "check", *(path for path, one in zip(paths, checked, strict=True) if not one[1].sound),
                      *given)  # fmt: skip
        elif source_path is not None and len(paths) == 1:
            show_next("prepare", source_path, "--mapping", paths[0], "--schema", schema_path, "--out", "out",
                      *reading.words())  # fmt: skip
    sys.exit(0 if sound else 2)


def _loaded(path: Path | str, values: tuple[str, ...], columns: Any) -> Any:
    """A mapping set with the values of its placeholders, its names read by the columns of a source, if there is one."""
    from ..mapping import MappingSet

    made = MappingSet.load(path, values=named_values(values))
    if columns is not None:
        made = made.for_columns(columns.names)
    return made.filled([] if columns is None else columns.names) if values else made


def _checked(
    path: Path | str, columns: Any, schema: Schema | None, values: dict[str, str], several: bool
) -> tuple[int, Any]:
    """How many mappings a file holds, and what was found; of several files one that is no mapping set has errors."""
    from ..mapping import MappingSet
    from ..mapping.check import Check, check_mapping

    try:
        made = MappingSet.load(path, values=values)
    except MappingError as error:
        if not several:
            raise
        return 0, Check(error.faults, (), ())
    return len(made.mappings), check_mapping(made, columns, schema)


@mapping.command(
    epilog="Example: xdmprep mapping explain crm.mapping.yaml --schema crm-profile.schema.json --source crm.csv"
)
@click.argument("path", type=PLACE)
@click.option("--schema", "-s", "schema_path", type=PLACE, help="XDM schema of the destinations.")
@click.option(
    "--source", "source_path", type=PLACE, required=True, help="Source whose first rows are mapped and timed."
)
@click.option("--rows", type=click.IntRange(1), default=10_000, show_default=True, help="Number of rows to read.")
@source_options
@SET
@JSON
def explain(
    path: Path | str, schema_path: Path | str | None, source_path: Path | str, rows: int, values: tuple[str, ...],
    reading: SourceOptions,
) -> None:  # fmt: skip
    """Show how each mapping of the set in PATH runs, and how long a row takes.

    columns: over whole columns; distinct: a part once per distinct value; rows: a part row by row.
    """
    from ..mapping import MappingSet
    from ..mapping.explain import explain_mapping

    made = MappingSet.load(path, values=named_values(values))
    schema = Schema.load(schema_path) if schema_path else None
    warn(schema.profile_warning if schema else "")
    found = explain_mapping(made, reading.open(source_path), schema, rows)
    lines = []
    for one in found:
        cost = "" if one.micros is None else f"{one.micros:9.3f} us"
        lines.append(f"{one.runs:8} {cost:>12}  {one.destination} <- {one.source}  ({one.why})")
    count = {runs: sum(one.runs == runs for one in found) for runs in ("columns", "distinct", "rows")}
    said = ", ".join(f"{n} {runs}" for runs, n in count.items())
    lines.append(f"{shown(path)}: {counted(len(found), 'mapping')}: {said}")
    answer(lambda: {"mapping": shown(path), "mappings": [one.to_dict() for one in found]}, lines)


@mapping.command(
    epilog="Example: xdmprep mapping suggest members.csv --schema loyalty-profile.schema.json > members.mapping.yaml"
)
@click.argument("source", type=PLACE)
@click.option("--schema", "-s", "schema_path", type=PLACE, required=True, help="XDM schema to map to.")
@click.option("--rows", type=click.IntRange(1), default=1000, show_default=True, help="Number of rows to read.")
@click.option("--least", type=click.IntRange(0, 100), default=50, show_default=True, help="Lowest confidence to show.")
@source_options
@JSON
def suggest(source: Path | str, schema_path: Path | str, rows: int, least: int, reading: SourceOptions) -> None:
    """Print a draft mapping set for SOURCE, with a confidence and a reason per line.

    Nothing is applied: read it, correct it, save it.
    """
    from ..pipeline.suggest import draft, suggest_mapping

    schema = Schema.load(schema_path)
    warn(schema.profile_warning)
    found = suggest_mapping(reading.open(source), schema, rows=rows)
    answer(lambda: {"suggestions": [one.to_dict() for one in found]})
    emit(draft(found, least=least), end="")


#: The form of a file by its ending.
_FORMS = {".csv": "csv", ".json": "posted", ".yaml": "own", ".yml": "own"}


@mapping.command(epilog="Example: xdmprep mapping convert exported.json crm.mapping.yaml")
@click.argument("path", type=PLACE)
@click.argument("target", type=FILE)
@click.option(
    "--form",
    type=click.Choice(["own", "posted", "stored", "old", "csv"]),
    help="own: ours (YAML or JSON); posted, stored, old: Data Prep JSON; csv: the template of the mapping screen. "
    "Default: csv for a .csv target, posted for .json, own for .yaml.",
)
@click.option("--source", "source_path", type=PLACE, help="Source whose header says which names are columns.")
@source_options
@SET
@JSON
def convert(
    path: Path | str, target: Path, form: str | None, source_path: Path | str | None, values: tuple[str, ...],
    reading: SourceOptions,
) -> None:  # fmt: skip
    """Write the mapping set in PATH to TARGET in another form; what the form cannot hold is listed."""
    made = _loaded(path, values, reading.columns(source_path))
    chosen = form or _FORMS.get(target.suffix.lower())
    if chosen is None:
        raise UsageError(f"{target}: the ending {target.suffix!r} names no form. Use {', '.join(_FORMS)}, or --form.")
    losses = made.save(target, chosen)
    facts = {"from": shown(path), "to": str(target), "form": chosen, "mappings": len(made.mappings), "losses": losses}
    note_all([f"not held by the form {chosen}: {text}" for text in losses])
    count = counted(len(made.mappings), "mapping")
    answer(lambda: facts, [f"{target}: {count} in the form {chosen}, {len(losses)} things not held"])


@mapping.command(
    epilog="Example: xdmprep mapping pull 3f2a9e1c4b7d4f0f8e5d6c7b8a901234 crm.mapping.yaml --config config.json"
)
@click.argument("set_id", required=False, metavar="[ID]", shell_complete=complete.mapping_sets)
@click.argument("target", type=FILE, required=False)
@click.option("--list", "list_them", is_flag=True, help="List the mapping sets of the sandbox instead.")
@click.option("--overwrite", is_flag=True, help="Replace TARGET if it exists.")
@connection
def pull(set_id: str | None, target: Path | None, list_them: bool, overwrite: bool, to: Connection) -> None:
    """Fetch the mapping set ID from Data Prep and write it to TARGET.

    A .json file holds the set as Data Prep stores it, .yaml our own form; both remember where they came from, so that
    `xdmprep mapping push` sends them back to the same place.
    """
    from ..client import mappings as remote
    from ..mapping import MappingSet

    if list_them != (set_id is None):
        raise UsageError("Name the mapping set to pull, or give --list to see which there are.")
    if list_them:
        with to.client() as client:
            found = remote.list_sets(client.session)
        keys = ("id", "name", "version", "modifiedDate")
        lines = [f"{one['id']}  version {one.get('version', '')}  {one.get('name') or ''}".rstrip() for one in found]
        answer(lambda: {"mappingSets": [{key: one.get(key) for key in keys} for one in found]}, lines)
        return
    file = target or Path(f"{set_id}.mapping.yaml")
    if exists(file) and not overwrite:
        raise OutputError(f"{file}: is there already. Give another name, or --overwrite.")
    with to.client() as client:
        content = remote.pull(client.session, str(set_id))
    losses: list[str] = []
    if file.suffix.lower() == ".json":
        with whole_file(file) as out:
            out.write(f"{json.dumps(content, indent=2, ensure_ascii=False)}\n".encode())
    else:
        losses = MappingSet(content).save(file)
    version, count = content.get("version"), len(content["mappings"])
    note_all([f"warning: {text}" for text in losses])
    facts = {"id": content.get("id"), "version": version, "mappings": count, "file": str(file), "losses": losses}
    answer(lambda: facts, [f"{file}: {counted(count, 'mapping')}, version {version}"])
    show_next("mapping", "check", file)


@mapping.command(epilog="Example: xdmprep mapping push crm.mapping.yaml --source crm.csv --config config.json")
@click.argument("path", type=PLACE)
@click.option("--schema", "-s", metavar="ID|FILE", help="The schema to map to, where the set does not name it.")
@click.option("--source", "source_path", type=PLACE, help="Source whose header says which names are columns.")
@click.option("--id", "set_id", metavar="ID", help="The set to replace.  [default: the one it was pulled from]")
@click.option("--new", is_flag=True, help="Create a new set even if this one was pulled.")
@click.option("--force", is_flag=True, help="Send it although Data Prep cannot hold all of it, or its set has changed.")
@source_options
@SET
@connection
def push(
    path: Path | str, schema: str | None, source_path: Path | str | None, set_id: str | None, new: bool, force: bool,
    values: tuple[str, ...], to: Connection, reading: SourceOptions,
) -> None:  # fmt: skip
    """Send the mapping set in PATH to Data Prep: to the set it was pulled from, or as a new one."""
    from ..client import mappings as remote
    from ..mapping.check import check_mapping
    from .dataset import schema_id_of

    if new and set_id:
        raise UsageError("--new creates a set, --id replaces one; give one of them.")
    columns = reading.columns(source_path)
    made = _loaded(path, values, columns)
    found = check_mapping(made, columns)
    if not found.sound:
        raise MappingError(found.faults, shown(path))
    losses = made.losses("posted")
    if losses and not force:
        raise MappingError([f"{text} Give --force to send it without." for text in losses], shown(path))
    content = made.to_dict("posted")
    known, version = content.get("id"), content.get("version")
    body = {key: value for key, value in content.items() if key not in _OF_THE_SERVICE}
    body["mappings"] = [
        {key: value for key, value in one.items() if key not in _OF_THE_SERVICE} for one in content["mappings"]
    ]
    if schema is not None:
        body["outputSchema"] = remote.output_schema(schema_id_of(schema))
    if not any(key in body for key in ("outputSchema", "schemaRef", "xdmSchema")):
        raise UsageError(f"{shown(path)}: names no schema to map to. Give --schema with its $id or its file.")
    target = None if new else (set_id or (str(known) if known else None))
    with to.client() as client:
        if target is not None:
            now = remote.pull(client.session, target).get("version")
            if target == known and now != version and not force:
                raise UsageError(
                    f"mapping set {target} was changed since it was pulled: it has version {now}, the file version "
                    f"{version}. Pull it again, or give --force to replace it."
                )
        done = remote.push(client.session, body, target)
    count, verb = len(body["mappings"]), "created" if target is None else "replaced"
    facts = {"id": done.get("id"), "version": done.get("version"), "created": target is None}
    note_all([f"warning: {text}" for text in losses])
    said = f"mapping set {done.get('id')} {verb}: {count} mappings, version {done.get('version')}"
    answer(lambda: facts | {"mappings": count, "losses": losses}, [said])
    if done.get("id"):
        show_next("mapping", "pull", done["id"], f"{Path(shown(path)).name.split('.')[0]}.stored.json", *to.words())


#: Keys of a set and of a mapping that Data Prep gives.
_OF_THE_SERVICE = frozenset(
    "id version status createdDate modifiedDate createdBy modifiedBy sourceAttribute destinationXdmPath".split()
)


@mapping.command(epilog="Example: xdmprep mapping functions date")
@click.argument("name", required=False, shell_complete=complete.functions)
@click.option("--category", shell_complete=complete.categories, help="Only the functions of one category.")
@JSON
def functions(name: str | None, category: str | None) -> None:
    """Print the functions of the expression language, or all about one NAME."""
    from ..language import catalogue

    known = catalogue()
    found = [
        one
        for one in known
        if (name is None or name in (one.name, *one.aliases)) and (category is None or one.category == category)
    ]
    if not found:
        if name is not None:
            names = [text for one in known for text in (one.name, *one.aliases)]
            raise UsageError(f"there is no function {name!r}.{did_you_mean(name, names)}")
        categories = sorted({one.category for one in known})
        near = did_you_mean(category or "", categories) or f" There are {', '.join(categories)}."
        raise UsageError(f"there is no category {category!r}.{near}")
    keys = ("name", "category", "signature", "meaning", "example", "availability", "reason")
    facts = [{"aliases": list(one.aliases), **{key: getattr(one, key) for key in keys}} for one in found]
    wide = max((len(one.signature) for one in found if len(one.signature) <= 60), default=0)
    lines = [
        f"{one.signature:{wide}}  {one.meaning}{'' if one.availability != 'no' else '  (not available here)'}"
        for one in found
    ]
    answer(lambda: {"functions": facts}, lines if name is None else map(_page, found))


def _page(one: Any) -> str:
    lines = [one.signature, f"  {one.meaning}", f"  category: {one.category}"]
    if one.aliases:
        lines.append(f"  also called: {', '.join(one.aliases)}")
    if one.example:
        lines.append(f"  example: {one.example}")
    if one.reason:
        lines.append(f"  availability: {one.availability} ({one.reason})")
    return "\n".join(lines)
