"""The published JSON Schemas of what the commands print with ``--json``, one file a command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import UsageError, did_you_mean

FOLDER = Path(__file__).resolve().parents[1] / "contracts"


def names() -> list[str]:
    """What there is a schema for: commands such as ``mapping check``, and ``events`` for the lines of --json-lines."""
    return sorted(file.stem for file in FOLDER.glob("*.json"))


def contract(command: str) -> dict[str, Any]:
    """The JSON Schema of a command's output; UsageError where it is unknown or prints no JSON."""
    name = "-".join(command.removeprefix("xdmprep ").split())
    if name not in names():
        raise UsageError(
            f"no JSON Schema for {command!r}.{did_you_mean(name, names())} There are {', '.join(names())}."
        )
    content: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return content
