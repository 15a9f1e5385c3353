"""The type of arguments that name a source, schema or mapping set: a path, a URL, or ``-``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..core.remote import STANDARD_INPUT, is_url


class PlaceType(click.Path):
    """A path as a Path; a URL, which a Path would change, and ``-`` as texts."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, allow_dash=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value for the command."""
        if isinstance(value, str) and (value == STANDARD_INPUT or is_url(value)):
            return value
        return super().convert(value, param, ctx)


PLACE = PlaceType()
