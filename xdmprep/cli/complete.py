"""What the shell offers as the next word: rule codes, functions, and what the configured platform holds.

The platform is asked once, briefly; where it does not answer, nothing is offered and nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from ..core.rules import RULES

if TYPE_CHECKING:
    from ..client import Client

#: Seconds that the platform has to answer.
PATIENCE = 4.0
#: Most names that are asked for.
MOST = 100
_LEVELS = ("error", "warning", "off")

_Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _items(found: Iterable[tuple[str, str]], start: str) -> list[CompletionItem]:
    """The words that begin as the user has begun, with a word of help each."""
    return [CompletionItem(name, help=about or None) for name, about in found if name.startswith(start)]


def rules(_ctx: click.Context, _parameter: click.Parameter, start: str) -> list[CompletionItem]:
    """Codes of rules."""
    return _items(((rule.code, rule.title) for rule in RULES.values()), start)


def settings(_ctx: click.Context, _parameter: click.Parameter, start: str) -> list[CompletionItem]:
    """Codes of rules with the levels that they can be set to."""
    code, equals, _ = start.partition("=")
    if not equals:
        return _items(((f"{rule.code}=", rule.title) for rule in RULES.values()), start)
    return _items(((f"{code}={level}", "") for level in _LEVELS), start)


def rule_sets(_ctx: click.Context, _parameter: click.Parameter, start: str) -> list[CompletionItem]:
    """Names of rule sets."""
    return _items((("strict", ""), ("batch", ""), ("jsonschema", "")), start)


def functions(_ctx: click.Context, _parameter: click.Parameter, start: str) -> list[CompletionItem]:
    """Functions of the expression language."""
    from ..language import catalogue

    return _items(((one.name, one.signature) for one in catalogue()), start)


def categories(_ctx: click.Context, _parameter: click.Parameter, start: str) -> list[CompletionItem]:
    """Categories of those functions."""
    from ..language import catalogue

    return _items(((name, "") for name in sorted({one.category for one in catalogue()})), start)


def _of_platform(ask: Callable[[Client], Iterable[tuple[str, str]]]) -> _Complete:
    """A completion by names that the platform knows, reached by the options and the project file of the command."""

    def complete(ctx: click.Context, _parameter: click.Parameter, start: str) -> list[CompletionItem]:
        from .connection import Connection

        given = {name: ctx.params.get(name) for name in ("url", "config", "sandbox")}
        with (
            suppress(Exception),
            Connection(**given, timeout=PATIENCE, retries=1, deadline=PATIENCE).client() as client,
        ):
            client.tell = lambda text: None
            return _items(ask(client), start)
        return []

    return complete


def _datasets(client: Client) -> Iterable[tuple[str, str]]:
    from .. import wire

    answer: dict[str, Any] = client.session.call(
        "GET", f"{wire.CATALOG}/dataSets", params={"limit": MOST, "properties": "name"}, what="datasets"
    ).json()
    return [(key, str(doc.get("name") or "")) for key, doc in answer.items()]


def _schemas(client: Client) -> Iterable[tuple[str, str]]:
    from ..client.registry import list_schemas

    return [(str(one["$id"]), str(one.get("title") or "")) for one in list_schemas(client.session)]


def _mapping_sets(client: Client) -> Iterable[tuple[str, str]]:
    from ..client.mappings import list_sets

    return [(str(one["id"]), str(one.get("name") or "")) for one in list_sets(client.session)]


datasets = _of_platform(_datasets)
batches = _of_platform(lambda client: [(one.id, one.status) for one in client.batches(limit=MOST)])
schemas = _of_platform(_schemas)
mapping_sets = _of_platform(_mapping_sets)
