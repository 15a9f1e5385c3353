"""The command `xdmprep explain`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click

from ..core.rules import RULES
from ..errors import UsageError, did_you_mean
from . import complete
from .command import Command
from .options import JSON
from .printer import answer, print_json, show

#: The JSON Schemas of what the commands print with ``--json``, one file a command, and one of what several share.
FOLDER = Path(__file__).resolve().parents[1] / "contracts"
_SHARED = "shared"
#: The page with a section for each rule.
PAGE = Path(__file__).resolve().parents[1] / "docs" / "rules.md"
_SECTION = re.compile(r"^## `(?P<code>[^`]+)`\n(?P<text>.*?)(?=^##? |\Z)", re.MULTILINE | re.DOTALL)
_PART = re.compile(r"\*\*(Why|Mend)\.\*\* (.*?)(?:\n\n|\Z)", re.DOTALL)
_EXAMPLE = re.compile(r"```json\n(.*?)\n```", re.DOTALL)


def section(code: str) -> dict[str, Any]:
    """What the documentation says of a rule: ``why``, ``mend``, perhaps ``example`` (JSON); UsageError if unknown."""
    if code not in RULES:
        raise UsageError(f"there is no rule {code!r}.{did_you_mean(code, RULES)} All codes: xdmprep explain --list.")
    text = next(found["text"] for found in _SECTION.finditer(PAGE.read_text(encoding="utf-8")) if found["code"] == code)
    parts = {name.lower(): " ".join(said.split()) for name, said in _PART.findall(text)}
    example = _EXAMPLE.search(text)
    return parts | ({"example": json.loads(example[1])} if example else {})


def names() -> list[str]:
    """What there is a schema for: commands such as ``mapping check``, and ``events`` for the lines of --json-lines."""
    return sorted(file.stem for file in FOLDER.glob("*.json") if file.stem != _SHARED)


def contract(command: str) -> dict[str, Any]:
    """The JSON Schema of a command's output; UsageError where it is unknown or prints no JSON."""
    name = "-".join(command.removeprefix("xdmprep ").split())
    if name not in names():
        raise UsageError(
            f"no JSON Schema for {command!r}.{did_you_mean(name, names())} There are {', '.join(names())}."
        )
    return {"$id": f"urn:xdmprep:json:{name}", **_whole(_read(name), _read(_SHARED)["$defs"])}


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return content


def _whole(node: Any, shared: dict[str, Any]) -> Any:
    """A part of a schema with the shared parts in the place of references to them."""
    if isinstance(node, list):
        return [_whole(part, shared) for part in node]
    if not isinstance(node, dict):
        return node
    own = {key: _whole(part, shared) for key, part in node.items() if key != "$ref"}
    return {**_whole(shared[node["$ref"].rpartition("/")[2]], shared), **own} if "$ref" in node else own


def _complete_command(_ctx: Any, _parameter: Any, start: str) -> list[str]:
    return [name for name in names() if name.startswith(start)]


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  xdmprep explain pattern
  xdmprep explain identity-ecid --json
  xdmprep explain --list
  xdmprep explain --json-schema "mapping check"
""",
)
@click.argument("code", required=False, shell_complete=complete.rules)
@click.option("--list", "everything", is_flag=True, help="List all codes.")
@click.option(
    "--json-schema", "command", metavar="COMMAND", shell_complete=_complete_command,
    help="Print the JSON Schema of what COMMAND prints with --json; 'events' for --json-lines.",
)  # fmt: skip
@JSON
def explain(code: str | None, everything: bool, command: str | None) -> None:
    """Explain what the rule CODE checks, why the platform cares, and how to correct what it finds."""
    if command is not None:
        if everything or code is not None:
            raise UsageError("--json-schema explains a command's output; give no CODE and no --list with it.")
        print_json(contract(command), indent=2)
        return
    if everything == (code is not None):
        raise UsageError("Give the code of a rule, such as `xdmprep explain pattern`, or --list.")
    if everything:
        wide = max(map(len, RULES))
        listed = [f"{rule.code:<{wide}}  {rule.severity:<7}  {rule.title}" for rule in RULES.values()]
        answer(lambda: {"rules": {rule.code: rule.title for rule in RULES.values()}}, listed)
        return
    said = section(str(code))
    rule = RULES[str(code)]
    sets = [name for name in ("jsonschema", "batch", "strict") if name in rule.sets]
    facts = {"code": rule.code, "title": rule.title, "severity": rule.severity, "sets": sets}
    answer(lambda: facts | {"platform_code": rule.platform} | said)
    show(f"{rule.code}: {rule.title}")
    scope = f"rule set{'s' if len(sets) > 1 else ''} {', '.join(sets)}" if sets else "in every rule set"
    show(f"{rule.severity}, {scope}" + (f"; the platform's code is {rule.platform}" if rule.platform else ""))
    for name in ("why", "mend"):
        show(f"\n{name.capitalize()}: " + click.wrap_text(said[name], 100, subsequent_indent="  "))
    if "example" in said:
        show("\nExample:")
        for key, value in said["example"].items():
            lines = isinstance(value, str) and "\n" in value
            text = value.strip().replace("\n", "\n" + " " * 15) if lines else json.dumps(value, ensure_ascii=False)
            show(f"  {key + ':':<12} {text}")
