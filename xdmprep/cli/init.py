"""The command `xdmprep init`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from ..core.documents import exists
from ..core.remote import STANDARD_INPUT, name_of, shown
from ..errors import OutputError, UsageError, visible
from .command import Command
from .options import FILE, JSON, PLACE
from .printer import answer, warn
from .project import NAME

CONFIG = "config.json"
#: A template with the names that the Python client `aepp` uses too.
_CREDENTIALS = {
    "org_id": "", "client_id": "", "secret": "", "scopes": "", "sandbox-name": "prod", "environment": "prod",
}  # fmt: skip
_IGNORED = (CONFIG, "out/", "patch/")


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  xdmprep init crm.csv --schema crm-profile.schema.json
  xdmprep init --dir crm/

\b
An xdmprep.toml holds defaults of the commands' options; every command finds it in the current folder or above it:
  schema = "crm-profile.schema.json"
  mapping = "crm.mapping.yaml"
  sandbox = "dev"
  [command.prepare]
  format = "parquet"
""",
)
@click.argument("source", required=False, type=PLACE)
@click.option("--schema", "-s", type=FILE, help="XDM schema (JSON); with SOURCE a mapping is drafted.")
@click.option("--dir", "folder", type=FILE, default=Path(), help="The project folder.  [default: the current one]")
@JSON
def init(source: Path | str | None, schema: Path | None, folder: Path) -> None:
    """Create a project folder: settings, a drafted mapping for SOURCE, a template for credentials, a .gitignore.

    Existing files are never changed, except that lines are added to .gitignore.
    """
    if source is not None and schema is None:
        raise UsageError("A mapping is drafted for a schema: give --schema with SOURCE.")
    files: dict[Path, str] = {}
    mapping = None
    if source is not None and schema is not None:
        mapping = folder / f"{_name(source).split('.')[0]}.mapping.yaml"
        if not exists(mapping):
            files[mapping] = _draft(source, schema)
    files[folder / NAME] = _settings(folder, schema, mapping)
    files[folder / CONFIG] = json.dumps(_CREDENTIALS, indent=2) + "\n"
    made, kept = [], []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            if exists(file):
                kept.append(file)
                continue
            with file.open("x", encoding="utf-8") as out:
                os.chmod(file, 0o600 if file.name == CONFIG else 0o644)  # noqa: PTH101
                out.write(text)
            made.append(file)
        if _ignore(folder / ".gitignore"):
            made.append(folder / ".gitignore")
    except OSError as error:
        raise OutputError(f"{error.filename or folder}: cannot write: {error.strerror or error}.") from None
    command = _next(source, schema, mapping)
    lines = [f"made  {file}" for file in made] + [f"kept  {file}, which was there already" for file in kept]
    answer(
        lambda: {"made": [*map(str, made)], "kept": [*map(str, kept)], "next": command}, [*lines, f"next: {command}"]
    )


def _name(source: Path | str) -> str:
    if isinstance(source, Path):
        return os.fsencode(source.name).decode("utf-8", "replace")  # the name goes into files of UTF-8
    return "source" if source == STANDARD_INPUT else name_of(source)


def _draft(source: Path | str, schema: Path) -> str:
    from ..pipeline.suggest import draft, suggest_mapping
    from ..read import open_source
    from ..schema import Schema

    known = Schema.load(schema)
    warn(known.profile_warning)
    return draft(suggest_mapping(open_source(source), known))


def _settings(folder: Path, schema: Path | None, mapping: Path | None) -> str:
    lines = [
        "# Defaults of the commands' options; what is given on the command line wins. Paths are relative to this file.",
        f"schema = {_text(_relative(schema, folder))}" if schema else '# schema = "profile.schema.json"',
        f"mapping = {_text(_relative(mapping, folder))}" if mapping else '# mapping = "crm.mapping.yaml"',
        "",
        "# The platform. Credentials are in the config file, which .gitignore keeps out of the repository.",
        f'# config = "{CONFIG}"',
        '# sandbox = "prod"',
        "",
        "[command.prepare]",
        '# format = "parquet"',
        "# max-loss = 20",
        "",
    ]
    return "\n".join(lines)


def _relative(file: Path, folder: Path) -> str:
    place = Path(os.path.relpath(file.resolve(), folder.resolve())).as_posix()
    if visible(place, keep="\t") != place:
        raise UsageError(f"{file}: the name holds a character that cannot be printed. Rename it.")
    return place


def _text(value: str) -> str:
    """A TOML string; JSON's strings are TOML's basic strings."""
    return json.dumps(value, ensure_ascii=False)


def _ignore(file: Path) -> bool:
    """Add what must not be committed; whether anything was added."""
    known = file.read_text(encoding="utf-8").splitlines() if exists(file) else []
    more = [line for line in _IGNORED if line not in known]
    if more:
        with file.open("a", encoding="utf-8") as out:
            out.write(("\n" if known and known[-1].strip() else "") + "\n".join(more) + "\n")
    return bool(more)


def _next(source: Path | str | None, schema: Path | None, mapping: Path | None) -> str:
    if mapping is not None:
        return f"xdmprep mapping check {mapping} --schema {schema} --source {shown(source or '')}"
    return "xdmprep init SOURCE --schema SCHEMA, or write a mapping; `xdmprep mapping --help`"
