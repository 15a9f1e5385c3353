"""Subclasses of click's commands and groups that say which run failed, and suggest the nearest command."""

from __future__ import annotations

from typing import Any

import click

from ..errors import XdmPrepError, did_you_mean


class Command(click.Command):
    """A command that attaches its name and options to an error that ends it, so that advice can refer to them."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        if ctx.params.pop("json_lines", False):
            ctx.params["as_json"] = True
        try:
            return super().invoke(ctx)
        except XdmPrepError as error:
            error.__dict__.setdefault("run", (ctx.command_path, dict(ctx.params)))
            raise


class CommandGroup(click.Group):
    """A group of such commands."""

    command_class = Command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is meant; the error for an unknown one names the nearest, or all."""
        name = args[0] if args else ""
        known = self.list_commands(ctx)
        if name and not name.startswith("-") and name not in known:
            near = did_you_mean(name, known, 2) or f" There are {', '.join(known)}."
            ctx.fail(f"No such command {name!r}.{near}")
        return super().resolve_command(ctx, args)
