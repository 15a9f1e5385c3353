"""What the commands that talk to the platform share: the options that reach it, and how they answer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from .command import gathered
from .printer import say

if TYPE_CHECKING:
    from ..client import Client


@dataclass(frozen=True)
class Connection:
    """The connection options of a command: address, account, time limits; None where an option is not given."""

    url: str | None = None
    config: str | None = None
    sandbox: str | None = None
    timeout: float | None = None
    retries: int | None = None
    deadline: float | None = None

    def words(self) -> list[str | None]:
        """The options that lead the next command to the same place."""
        given = (("--url", self.url), ("--config", self.config), ("--sandbox", self.sandbox))
        return [word for name, value in given if value is not None for word in (name, value)]

    def client(self) -> Client:
        """The client that the options ask for."""
        from ..client import Client

        settings = {name: value for name, value in asdict(self).items() if name != "config"}
        return Client.from_config(self.config, tell=say, **settings)


_SECONDS = click.FloatRange(0, min_open=True)
_OPTIONS = (
    click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output."),
    click.option("--url", help="Base URL; enough for an emulator."),
    click.option("--config", "config", metavar="FILE", help="JSON file with the credentials."),
    click.option("--sandbox", help="Name of the sandbox (default: prod)."),
    click.option("--timeout", type=_SECONDS, metavar="SECONDS", help="Silence after which a try ends (default: 120)."),
    click.option("--retries", type=click.IntRange(1), metavar="N", help="Tries for each request (default: 8)."),
    click.option("--deadline", type=_SECONDS, metavar="SECONDS",
                 help="Longest time for one request, tries and pauses included (default: 600, more for large files)."),
)  # fmt: skip
#: The options that every command needs to reach the platform; it gets them as `to`.
connection = gathered(Connection, "to", _OPTIONS)
