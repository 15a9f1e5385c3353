"""The project file `xdmprep.toml`: defaults of the commands' options, found from the current folder upwards.

Keys at the top (:data:`SHARED`) hold for every command that has such an option, those in a table ``[command.prepare]``
or ``[command.dataset.create]`` for that command alone.  What is given on the command line wins.  Paths are relative to
the file.  ``mapping`` at the top holds for commands that need a mapping; ``validate`` and ``diff``, which read records
without one, take it from their own table.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from ..core.documents import is_file
from ..core.remote import is_url
from ..errors import UsageError, did_you_mean, shorten
from .command import MAY_BE_BLANK

NAME = "xdmprep.toml"
#: The table that holds those of the commands.
TABLES = "command"
#: Keys that may stand at the top.
SHARED = (
    "schema", "mapping", "rules", "jobs", "delimiter", "quote", "encoding", "url", "config", "sandbox", "timeout",
    "retries", "deadline",
)  # fmt: skip
#: Options that hold a path though their type is text.
_PATHS = frozenset({"config"})
#: Keys at the top that only reach commands that cannot do without.
_WHERE_REQUIRED = frozenset({"mapping"})
#: Options that are about one run and no project.
_NEVER = frozenset({"json", "json-lines", "help", "overwrite", "yes", "again", "force", "replay", "version"})


def find(folder: Path | None = None) -> Path | None:
    """The nearest project file of a folder (the current one if None) and the folders above it."""
    try:
        start = (folder or Path.cwd()).resolve()
    except OSError:  # the current folder is gone
        return None
    for place in (start, *start.parents):
        file = place / NAME
        if is_file(file):
            return file
    return None


def read(file: Path) -> dict[str, Any]:
    """The content of a project file; UsageError if it cannot be read, or is not TOML."""
    import tomllib  # most runs have no project file

    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror or error}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{file}: is not TOML ({error}). See `xdmprep init --help` for an example.") from None


def defaults(file: Path, content: Mapping[str, Any], command: click.Command, name: str) -> dict[str, Any]:
    """What the project says of a command's options, in the form of click's `default_map`.

    Args:
        file: path of the project file, for messages.
        content: what it holds.
        command: the command, or the group of commands.
        name: its name below ``xdmprep``.

    Returns:
        Values by the names of the parameters of `command`; for a group, those of its commands by their names.

    Raises:
        UsageError: a key of the command's table is none of its options, or a value has no form an option takes.
    """
    table = _tables(file, content).get(name, {})
    if not isinstance(table, dict):
        raise UsageError(f"{file}: command.{name} must be a table: [command.{name}].")
    shared = {key: value for key, value in content.items() if key != TABLES}
    if isinstance(command, click.Group):
        own = {key: value for key, value in table.items() if not isinstance(value, dict)}
        out = {}
        for below, inner in command.commands.items():
            out[below] = _options(file, shared | own, table.get(below, {}), inner, f"{name}.{below}")
        unknown = [key for key, value in table.items() if isinstance(value, dict) and key not in command.commands]
        if unknown:
            raise UsageError(f"{file}: there is no command '{name} {unknown[0]}'.")
        return out
    return _options(file, shared, table, command, name)


def _options(file: Path, shared: Mapping[str, Any], own: Any, command: click.Command, name: str) -> dict[str, Any]:
    if not isinstance(own, dict):
        raise UsageError(f"{file}: command.{name} must be a table.")
    options = dict(_named(command))
    for key in own:
        if key not in options:
            raise UsageError(f"{file}: [command.{name}] has no option {key!r}.{did_you_mean(key, options)}")
    wanted = {
        key: value
        for key, value in shared.items()
        if key in options and (options[key].required or key not in _WHERE_REQUIRED)
    }
    given = {**wanted, **own}
    return {str(options[key].name): _value(file, key, options[key], value) for key, value in given.items()}


def _named(command: click.Command) -> Iterator[tuple[str, click.Option]]:
    """The options of a command that a project may set, by their long names without dashes."""
    for option in command.params:
        if isinstance(option, click.Option):
            for text in option.opts:
                key = text.removeprefix("--")
                if text.startswith("--") and key not in _NEVER:
                    yield key, option


def _value(file: Path, key: str, option: click.Option, value: Any) -> Any:
    if option.multiple:
        value = value if isinstance(value, list) else [value]
        return [_value(file, key, click.Option([f"--{key}"], type=option.type), one) for one in value]
    if isinstance(value, dict | list) or not isinstance(value, str | int | float | bool):
        raise UsageError(f"{file}: {key} takes one value, not {shorten(value, 40)}.")
    if isinstance(value, str) and not value.strip() and f"--{key}" not in MAY_BE_BLANK:
        raise UsageError(f"{file}: {key} is blank. Give it a value, or leave it out.")
    if isinstance(value, bool) != (option.is_flag or option.is_bool_flag):
        wanted = "true or false" if option.is_flag else "a value, not true or false"
        raise UsageError(f"{file}: {key} takes {wanted}.")
    if (isinstance(option.type, click.Path) or key in _PATHS) and not is_url(value):
        return os.fspath(file.parent / str(value))
    return value if isinstance(value, bool) else str(value)


def known_tables(file: Path, content: Mapping[str, Any], commands: Mapping[str, Any]) -> None:
    """Raise UsageError for a table that is no command."""
    for key in _tables(file, content):
        if key not in commands:
            raise UsageError(f"{file}: there is no command {key!r}.{did_you_mean(key, commands)}")
    for key, value in content.items():
        if isinstance(value, dict) and key != TABLES:
            right = f"write [command.{key}]" if key in commands else "tables of commands are named [command.NAME]"
            raise UsageError(f"{file}: the table [{key}] is not known; {right}.")
        if key != TABLES and key not in SHARED:
            more = "" if (near := did_you_mean(key, SHARED)) else f" Keys at the top are {', '.join(SHARED)}."
            raise UsageError(f"{file}: the key {key!r} is not known.{near}{more}")


def _tables(file: Path, content: Mapping[str, Any]) -> dict[str, Any]:
    tables = content.get(TABLES, {})
    if not isinstance(tables, dict):
        raise UsageError(f"{file}: {TABLES!r} holds the tables of the commands, such as [command.prepare].")
    return tables
