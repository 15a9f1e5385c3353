"""The option ``--set NAME=VALUE``: values for the placeholders of a mapping set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..errors import UsageError

SET = click.option(
    "--set", "values", multiple=True, metavar="NAME=VALUE",
    help="The value of a placeholder ${NAME} of the mapping; may be repeated.",
)  # fmt: skip


def named_values(texts: tuple[str, ...]) -> dict[str, str]:
    """The values by their names.

    Raises:
        UsageError: one has no name, or a name has two values.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--set {text!r}: expected NAME=VALUE.")
        if found.setdefault(name.strip(), value) != value:
            raise UsageError(f"--set gives {name.strip()!r} two values.")
    return found


def filled_mapping(path: Path | str | None, texts: tuple[str, ...]) -> Any:
    """The mapping file with values for its placeholders; without values the path as it is.

    Raises:
        UsageError: there are values and no mapping, or they are not written NAME=VALUE.
        MappingError: the file is no mapping set, or has no such placeholder.
    """
    if not texts:
        return path
    if path is None:
        raise UsageError("--set fills placeholders of a mapping; give --mapping with it.")
    from ..mapping import MappingSet

    return MappingSet.load(path, values=named_values(texts))
