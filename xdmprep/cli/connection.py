"""What the commands that speak with the platform share: the options that reach it, and how they answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from .printer import say

if TYPE_CHECKING:
    from ..client import Client


def connection(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that every command needs to reach the platform."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output."),
        click.option("--sandbox", help="Name of the sandbox (default: prod)."),
        click.option("--config", "config", metavar="FILE", help="JSON file with the credentials."),
        click.option("--url", help="Base address; alone it is enough for an emulator."),
    ):
        command = option(command)
    return command


def client_of(url: str | None, config: str | None, sandbox: str | None) -> Client:
    """The client that the options ask for."""
    from ..client import Client

    return Client.from_config(config, sandbox=sandbox, url=url, tell=say)
