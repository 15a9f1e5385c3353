"""Subclasses of click's commands and groups that say which run failed, and suggest the nearest command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import reduce, wraps
from typing import Any

import click
from click.core import ParameterSource

from ..errors import UsageError, XdmPrepError, did_you_mean
from . import printer

#: Options that have no effect without another one: (command, parameter) -> the other one, and the values it needs
#: (empty for any).
NEEDS: dict[tuple[str, str], tuple[str, tuple[Any, ...]]] = {
    ("prepare", "relax_required"): ("upsert", ()),
    ("prepare", "master"): ("engine", ("spark",)),
    ("prepare", "multiline"): ("format", ("json", None)),
    ("validate", "max_loss"): ("mapping", ()),
    ("diff", "max_loss"): ("mapping", ()),
    ("diff", "trial"): ("preview", ()),
    ("upload", "wait_seconds"): ("wait_", ()),
    ("upload", "replay_prefix"): ("replay", ()),
    ("batch status", "wait_seconds"): ("wait_", ()),
    ("schema diff", "rules"): ("data", ()),
} | {
    (f"mapping {command}", parameter): ("source_path", ())
    for command in ("check", "convert", "push")
    for parameter in ("delimiter", "quote", "encoding", "nulls", "sheet", "header_row")
}  # fmt: skip
#: Options that have no effect beside another one.
IDLE_WITH = {
    ("schema pull", "out"): "list_them",
    ("schema pull", "form"): "list_them",
    ("schema pull", "only_check"): "list_them",
    ("mapping pull", "overwrite"): "list_them",
}


#: Options that cannot be combined: (command, parameter, its value) -> the others.
EXCLUDED: dict[tuple[str, str, Any], tuple[str, ...]] = {
    ("prepare", "engine", "spark"): (
        "upsert", "multiline", "contract", "sheet", "header_row", "names", "nulls", "jobs",
    ),
    ("prepare", "upsert", True): ("multiline", "contract", "max_rows", "error_threshold"),
}  # fmt: skip


#: Options of which a blank is a value like others.
MAY_BE_BLANK = frozenset({"--delimiter", "--quote", "--null", "--replay-prefix"})


class Command(click.Command):
    """A command that refuses blank arguments and options, as of a variable that is not set.

    It attaches its name and options to an error that ends it, so that advice can refer to them.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the arguments and options from the command line."""
        rest = super().parse_args(ctx, args)
        for one in self.params:
            exempt = ctx.resilient_parsing or MAY_BE_BLANK.intersection(one.opts)
            given = () if exempt else ctx.params.get(str(one.name))
            for text in given if isinstance(given, tuple) else (given,):
                if isinstance(text, str) and not text.strip():
                    raise click.BadParameter("it is blank." if text else "it is empty.", ctx, one)
        return rest

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        wanted = [ctx.params.pop(name, False) for name in ("json_lines", "as_json")]
        printer.want_json(any(wanted))
        try:
            _refuse_idle(ctx)
            return super().invoke(ctx)
        except XdmPrepError as error:
            error.__dict__.setdefault("run", (ctx.command_path, dict(ctx.params)))
            raise


def was_given(ctx: click.Context, parameter: str) -> bool:
    """Whether the value of a parameter is no default."""
    return ctx.get_parameter_source(parameter) not in (None, ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP)


def option_name(ctx: click.Context, parameter: str) -> str:
    """The option of a parameter, such as ``--max-loss``."""
    return next(max(one.opts, key=len) for one in ctx.command.params if one.name == parameter)


def gathered(kind: type[Any], name: str, options: Sequence[Callable[..., Any]]) -> Callable[..., Any]:
    """A decorator that gives a command some options, whose values it gets as one object of a dataclass."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def wrapped(**given: Any) -> Any:
            own = {field.name: given.pop(field.name) for field in fields(kind)}
            return command(**{name: kind(**own)}, **given)

        return reduce(lambda inner, option: option(inner), reversed(options), wrapped)

    return decorate


def _refuse_idle(ctx: click.Context) -> None:
    """Refuse an option that has no effect beside the others that were given."""
    for (command, parameter), (other, values) in NEEDS.items():
        if _is_given(ctx, command, parameter):
            found = ctx.params[other]
            if (found not in values) if values else not found:
                name, needed = option_name(ctx, parameter), option_name(ctx, other)
                needed += f" {values[0]}" if values else ""
                raise UsageError(f"{name} has no effect without {needed}. Give {needed} with it, or leave {name} out.")
    for (command, parameter), other in IDLE_WITH.items():
        if _is_given(ctx, command, parameter) and ctx.params[other]:
            name = option_name(ctx, parameter)
            raise UsageError(f"{name} has no effect with {option_name(ctx, other)}. Leave {name} out.")
    for (command, parameter, value), others in EXCLUDED.items():
        given = [one for one in others if ctx.params.get(one) not in (None, False, ())]
        if _is_command(ctx, command) and ctx.params[parameter] == value and given:
            other = option_name(ctx, parameter) + ("" if value is True else f" {value}")
            raise UsageError(f"{option_name(ctx, given[0])} cannot be combined with {other}.")


def _is_given(ctx: click.Context, command: str, parameter: str) -> bool:
    return _is_command(ctx, command) and was_given(ctx, parameter)


def _is_command(ctx: click.Context, command: str) -> bool:
    return f"xdmprep {ctx.command_path}".endswith(f" {command}")


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
