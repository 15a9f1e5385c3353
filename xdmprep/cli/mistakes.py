"""Advice about mistakes on the command line that only the whole line shows: files that were swapped or misspelt."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import click

from ..core.documents import exists, is_file
from ..errors import MappingError, SchemaError, SourceError, UsageError, XdmPrepError, did_you_mean

#: Largest file that is looked into.
_LARGEST = 20_000_000
_MARKS = ("$id", "meta:class", "meta:extends", "meta:altId", "allOf", "properties", "definitions")
_MISSING = re.compile(r"no such file|not a folder|holds no run", re.IGNORECASE)
#: Most names of a folder that a misspelt one is compared with.
_NAMES = 2_000


def kind_of_file(path: Path) -> Literal["schema", "mapping", "table"] | None:
    """Whether a file looks like an XDM schema, a mapping set or a table; None if like none of them."""
    with suppress(OSError, ValueError, RecursionError):
        if not is_file(path) or path.stat().st_size > _LARGEST:
            return None
        if path.suffix.lower() in (".csv", ".tsv", ".parquet", ".xlsx", ".arrow", ".feather"):
            return "table"
        text = path.read_text(encoding="utf-8-sig")
        if not text.strip():
            return None
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


#: What each kind of file is called, and what to do where another one was given.
_CALLED = {"schema": "an XDM schema", "mapping": "a mapping set", "table": "a table"}
_WANTED = {
    "schema": "Give --schema an XDM schema in JSON; `xdmprep schema pull` fetches one.",
    "mapping": "Give --mapping a mapping set; `xdmprep mapping suggest SOURCE --schema SCHEMA` drafts one.",
    "table": "Give a CSV, Parquet, Excel or JSON lines file with the rows.",
}


def wrong_kind(error: XdmPrepError) -> tuple[str, str] | None:
    """What happened, and what to do, if a run failed because one of its files is of another kind."""
    if not isinstance(error, MappingError | SchemaError | SourceError):
        return None
    given = _files(error)
    if isinstance(error, MappingError | SourceError) and "table" in given and (written := _of_a_run(given["table"])):
        return written
    kinds = {role: kind_of_file(path) for role, path in given.items()}
    others = {role: kind for role, kind in kinds.items() if kind not in (None, role)}
    pairs = [(role, kind) for role, kind in others.items() if kind in others and others[kind] == role]
    if pairs:
        role, kind = pairs[0]
        names = {"schema": "the schema", "mapping": "the mapping set", "table": "the source"}
        message = (
            f"{names[role]} and {names[kind]} are swapped: {given[role]} is {_CALLED[kind]}, {given[kind]} "
            f"{_CALLED[role]}."
        )
        order = {"table": "", "mapping": "--mapping ", "schema": "--schema "}
        right = {kind: given[role], role: given[kind]}
        return message, "Write " + " ".join(f"{order[one]}{right[one]}" for one in order if one in right) + "."
    blamed = {MappingError: "mapping", SchemaError: "schema", SourceError: "table"}
    for kind_of_error, wanted in blamed.items():
        if isinstance(error, kind_of_error) and wanted in others and not _has_faults_inside(error, others[wanted]):
            return f"{given[wanted]} is {_CALLED[str(others[wanted])]}, not {_CALLED[wanted]}.", _WANTED[wanted]
    return None


#: What a run writes beside its parts.
_LISTS = {
    "manifest.json": "lists the files of a run", "run.json": "says how a run was made",
    "issues.csv": "lists what a run found",
}  # fmt: skip


def refuse_lists(path: Path) -> None:
    """Raise SourceError for a file that a run wrote beside its records, where records are wanted."""
    if (path.name in _LISTS or path.name == "rejects.jsonl") and (written := _of_a_run(path)):
        raise SourceError(" ".join(written))


def _of_a_run(path: Path) -> tuple[str, str] | None:
    """What a source is, and what to do with it, if it is the output of a run, or a file of it."""
    with suppress(OSError):
        folder = path if path.is_dir() else path.parent
        if not (folder / "run.json").is_file() or not (folder / "manifest.json").is_file():
            return None
        if path.name == "rejects.jsonl":
            return (f"{path} holds the rows that a run set aside, not a source.",
                    f"Correct them there, and run `xdmprep mend {folder}`.")  # fmt: skip
        if path.name in _LISTS:
            return (f"{path} {_LISTS[path.name]}; it holds no records.",
                    f"The records are in the parts: {folder / 'part-00000.json'} and so on.")  # fmt: skip
        if path == folder or path.name.startswith("part-"):
            return (f"{path} is the output of a run: records that are mapped already.",
                    f"Give the source; or run `xdmprep upload {folder} --dataset DATASET_ID`.")  # fmt: skip
    return None


def _has_faults_inside(error: XdmPrepError, kind: str | None) -> bool:
    """Whether a mapping set is in CSV, which is a form of its own, and it is its lines that are wrong."""
    return kind == "table" and isinstance(error, MappingError) and "headings for source" not in str(error)


def _files(error: XdmPrepError) -> dict[str, Path]:
    """The files of a command by what they should be."""
    run: Any = error.__dict__.get("run")
    command, params = run if run else ("", {})
    found = {
        "schema": params.get("schema") or params.get("schema_path"), "mapping": params.get("mapping"),
        "table": params.get("source") or params.get("source_path") or params.get("sources") or params.get("files"),
    }  # fmt: skip
    of_path = params.get("path") or params.get("paths")
    if of_path:
        found["mapping" if " mapping " in command else "schema"] = of_path
    found = {role: path[0] if isinstance(path, tuple) and path else path for role, path in found.items()}
    return {role: Path(path) for role, path in found.items() if isinstance(path, str | os.PathLike) and path}


def missing(error: click.ClickException, arguments: Sequence[str]) -> str:
    """What to give for a required option that is missing, as a sentence; or nothing."""
    if not isinstance(error, click.MissingParameter) or error.param is None or error.param.name is None:
        return ""
    role = error.param.name.removesuffix("_path")
    for word in arguments if role in ("schema", "mapping") else ():
        before = arguments[arguments.index(word) - 1]
        if kind_of_file(Path(word)) == role and not before.startswith("-"):
            return f" {word} is {_CALLED[role]}: write --{role} {word}."
    return f" {_WANTED[role]}" if role in _WANTED else ""


def near_choice(error: click.ClickException) -> str:
    """The choice of an option that a misspelt value was likely meant to be, as a sentence; or nothing."""
    kind = getattr(getattr(error, "param", None), "type", None)
    found = re.search(r"'([^']*)' is not one of", error.format_message())
    return did_you_mean(found[1], map(str, kind.choices), 2) if found and isinstance(kind, click.Choice) else ""


def near_file(error: XdmPrepError, arguments: Sequence[str]) -> str:
    """The names that a file which is not there was likely meant to have, as a sentence; or nothing."""
    if not isinstance(error, SourceError | MappingError | SchemaError | UsageError):
        return ""
    message = str(error)
    if not _MISSING.search(message):
        return ""
    run: Any = error.__dict__.get("run")
    for text in (*_paths(run[1] if run else {}), *arguments):
        text = text.partition("=")[2] if text.startswith("-") else text
        if len(text) < 2 or f"{text}:" not in message or exists(text):
            continue
        path = Path(text)
        with suppress(OSError, ValueError):
            names = [entry.name for entry, _ in zip(path.parent.iterdir(), range(_NAMES), strict=False)]
            same = [name for name in names if Path(name).suffix.lower() == path.suffix.lower()]
            stem = path.name.partition(".")[0].lower()
            twins = [name for name in names if name.partition(".")[0].lower() == stem]  # with another ending
            if near := did_you_mean(path.name, twins, 2) or did_you_mean(path.name, same, 2):
                return near.strip()
    return ""


def _paths(params: Mapping[str, Any]) -> Iterator[str]:
    """The paths among the values of a command's options."""
    for value in params.values():
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, Path):
                yield str(one)
