"""What makes plans of calls: builders, and what they ask of the planner.

A builder looks at the arguments of a call and gives a plan, or None where the interpreter has to do it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import pyarrow as pa

from .columns import Column
from .options import Options
from .plan import Kernel, Plan
from .tree import Constant, Node


class Parts(Protocol):
    """What a builder asks of the planner: plans of the arguments."""

    options: Options

    def plan(self, node: Node) -> Plan | None:
        """The plan of a part; None where its type is known per row only."""

    def exact(self, node: Node) -> Plan | None:
        """The plan of a part if kernels may build on it."""

    def valued(self, node: Node) -> Plan | None:
        """The plan of a part if its values are right as numbers."""

    def all_exact(self, nodes: tuple[Node, ...]) -> list[Plan] | None:
        """The exact plans of all parts; None where one has none."""

    def condition(self, node: Node) -> Plan | None:
        """A part as a boolean column without nulls."""

    def is_instant(self, arguments: tuple[Node, ...]) -> bool:
        """Whether only the instant of a call with these arguments counts, not its zone."""

    def made(self, kind: pa.DataType, parts: list[Plan], work: Callable[..., Column], scalars: bool = False) -> Kernel:
        """A kernel plan over parts."""


Builder = Callable[[Parts, tuple[Node, ...], pa.DataType], Plan | None]


def literal(node: Node, kind: type) -> Any:
    """The value of a literal of that type, else None."""
    return node.value if isinstance(node, Constant) and type(node.value) is kind else None
