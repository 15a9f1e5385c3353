"""Advice about mistakes on the command line that only the whole line shows: files that were swapped or misspelt."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from ..documents import exists, is_file
from ..errors import MappingError, SchemaError, SourceError, UsageError, XdmPrepError, did_you_mean

#: Largest file that is looked into.
_LARGEST = 20_000_000
_MARKS = ("$id", "meta:class", "meta:extends", "meta:altId", "allOf", "properties", "definitions")
#: Most names of a folder that a misspelt one is compared with.
_NAMES = 2_000


def kind_of_file(path: Path) -> Literal["schema", "mapping"] | None:
    """Whether a file looks like an XDM schema or a mapping set; None if like neither."""
    with suppress(OSError, ValueError, RecursionError):
        if not is_file(path) or path.stat().st_size > _LARGEST:
            return None
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() in (".yaml", ".yml"):
            return "mapping"
        content = json.loads(text)
        if not isinstance(content, dict):
            return None
        if "$schema" in content or sum(mark in content for mark in _MARKS) >= 2:
            return "schema"
        named = [key for key in content if not key.startswith("$")]
        if "mappings" in content or (named and all(isinstance(content[key], str) for key in named)):
            return "mapping"
    return None


def swapped(error: XdmPrepError) -> tuple[str, str] | None:
    """What happened, and what to do, if the mapping or the schema of a run that failed is the other kind of file."""
    if not isinstance(error, MappingError | SchemaError):
        return None
    run: Any = error.__dict__.get("run")
    params: Mapping[str, Any] = run[1] if run else {}
    mapping, schema = params.get("mapping"), params.get("schema") or params.get("schema_path")
    if mapping is None and params.get("schema_path") is not None:  # the commands of `xdmprep mapping`
        mapping = params.get("path")
    kinds = [kind_of_file(Path(path)) if isinstance(path, str | os.PathLike) else None for path in (mapping, schema)]
    if kinds == ["schema", "mapping"]:
        return (
            f"the mapping and the schema are swapped: {mapping} is an XDM schema, {schema} a mapping set.",
            f"Write --mapping {schema} --schema {mapping}."
            if "mapping" in params
            else f"Exchange them: {schema} first, then --schema {mapping}.",
        )
    if kinds[0] == "schema" and isinstance(error, MappingError):
        return f"{mapping} is an XDM schema, not a mapping set.", "Give --mapping (-m) the mapping, --schema (-s) this."
    if kinds[1] == "mapping" and isinstance(error, SchemaError):
        return f"{schema} is a mapping set, not an XDM schema.", "Give --schema (-s) the schema, --mapping (-m) this."
    return None


def near_file(error: XdmPrepError, arguments: Sequence[str]) -> str:
    """The names that a file which is not there was likely meant to have, as a sentence; or nothing."""
    if not isinstance(error, SourceError | MappingError | SchemaError | UsageError):
        return ""
    message = str(error)
    run: Any = error.__dict__.get("run")
    for text in (*_paths(run[1] if run else {}), *arguments):
        text = text.partition("=")[2] if text.startswith("-") else text
        if len(text) < 2 or text not in message or exists(text):
            continue
        path = Path(text)
        with suppress(OSError, ValueError):
            names = [entry.name for entry, _ in zip(path.parent.iterdir(), range(_NAMES), strict=False)]
            same = [name for name in names if Path(name).suffix.lower() == path.suffix.lower()]
            stem = path.name.partition(".")[0].lower()
            twins = [name for name in names if name.partition(".")[0].lower() == stem]  # with another ending
            if near := did_you_mean(path.name, same, 2) or did_you_mean(path.name, twins, 2):
                return near.strip()
    return ""


def _paths(params: Mapping[str, Any]) -> Iterator[str]:
    """The paths among the values of a command's options."""
    for value in params.values():
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, Path):
                yield str(one)
