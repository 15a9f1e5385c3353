"""What the shell offers as the next word: rule codes, functions, and what the configured platform holds.

The platform is asked once, briefly; where it does not answer, nothing is offered and no message is printed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, get_args

import click
from click.shell_completion import CompletionItem

from ..core.rules import RULES
from ..core.typing import RuleSet

if TYPE_CHECKING:
    from ..client import Client

#: Seconds that the platform has to answer.
PATIENCE = 4.0
#: Most names that are requested.
MOST = 100

_Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
_Pairs = Iterable[tuple[str, str]]


def _offering(found: Callable[[str, click.Context], _Pairs]) -> _Complete:
    """A completion by the words, with help, that a function gives for what the user has begun."""
    return lambda ctx, _parameter, start: [
        CompletionItem(name, help=about or None) for name, about in found(start, ctx) if name.startswith(start)
    ]


def _settings(start: str, _ctx: click.Context) -> _Pairs:
    """Codes of rules with the levels that they can be set to."""
    code, equals, _ = start.partition("=")
    if not equals:
        return ((f"{rule.code}=", rule.title) for rule in RULES.values())
    return ((f"{code}={level}", "") for level in ("error", "warning", "off"))


def _catalogue() -> Iterable[Any]:
    from ..language import catalogue

    return catalogue()


def _of_platform(ask: Callable[[Client], _Pairs]) -> _Complete:
    """A completion by names that the platform knows, reached by the options and the project file of the command."""

    def found(_start: str, ctx: click.Context) -> _Pairs:
        from .connection import Connection

        given = {name: ctx.params.get(name) for name in ("url", "config", "sandbox")}
        with (
            suppress(Exception),
            Connection(**given, timeout=PATIENCE, retries=1, deadline=PATIENCE).client() as client,
        ):
            client.tell = lambda text: None
            return ask(client)
        return []

    return _offering(found)


def _datasets(client: Client) -> _Pairs:
    from .. import wire

    answer: dict[str, Any] = client.session.call(
        "GET", f"{wire.CATALOG}/dataSets", params={"limit": MOST, "properties": "name"}, what="datasets"
    ).json()
    return [(key, str(doc.get("name") or "")) for key, doc in answer.items()]


def _schemas(client: Client) -> _Pairs:
    from ..client.registry import list_schemas

    return [(str(one["$id"]), str(one.get("title") or "")) for one in list_schemas(client.session)]


def _mapping_sets(client: Client) -> _Pairs:
    from ..client.mappings import list_sets

    return [(str(one["id"]), str(one.get("name") or "")) for one in list_sets(client.session)]


rules = _offering(lambda *_: ((rule.code, rule.title) for rule in RULES.values()))
settings = _offering(_settings)
rule_sets = _offering(lambda *_: ((name, "") for name in get_args(RuleSet)))
functions = _offering(lambda *_: ((one.name, one.signature) for one in _catalogue()))
categories = _offering(lambda *_: ((name, "") for name in sorted({one.category for one in _catalogue()})))
datasets = _of_platform(_datasets)
batches = _of_platform(lambda client: [(one.id, one.status) for one in client.batches(limit=MOST)])
schemas = _of_platform(_schemas)
mapping_sets = _of_platform(_mapping_sets)
