"""One mapping of a set, and the options of a whole set: plain data, no behaviour.

A mapping says where one value goes (`destination`, an XDM path) and where it comes from (`source`).  `kind` says how
`source` is read: a column or path, an expression of the Data Prep language, a constant, a Python callable, or ``auto``
where the writer left it open (a bare text in YAML or a dict), which is settled once the header is known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..errors import printable
from ..language.grammar import KEYWORDS

Kind = Literal["auto", "column", "expression", "constant", "callable"]
Missing = Literal["error", "null"]

_PLAIN_PATH = re.compile(r"[^\W\d][\w$]*(?:\.[^\W\d][\w$]*|\[(?:\d+|\*)\])*")


def is_plain_path(text: str) -> bool:
    """Whether `text` is a path of plain names, such as ``address.city`` or ``emails[*].name``."""
    return _PLAIN_PATH.fullmatch(text) is not None and re.split(r"[.\[]", text)[0] not in KEYWORDS


def may_be_a_name(text: str) -> bool:
    """Whether `text`, if it is no expression, may be the name of a column."""
    return text[0] not in "\u201c\u201d\u201e\u00ab\u2018\u2019`" and not any(
        character in text for character in "\"'(){}[]$+*/<>=!&|?:,;"
    )


@dataclass(frozen=True)
class FieldMapping:
    """One mapping.

    Attributes:
        destination: XDM path, such as ``identityMap.ECID[0].id``.
        source: text for columns and expressions; str, int, float or bool for constants; or a Python callable.
        kind: how `source` is read.
        name, description: for people.
        columns: for callables, the source columns it is given; empty takes them from its parameters.
        extra: keys of a Data Prep mapping that have no effect here, kept as they came.
        line: line in the file, for messages; 0 where unknown.
        number: which mapping of a list it is, counted from 1, for messages; 0 where there is no list.
    """

    destination: str
    source: Any
    kind: Kind = "auto"
    name: str = ""
    description: str = ""
    columns: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict, compare=False)
    line: int = field(default=0, compare=False)
    number: int = field(default=0, compare=False)

    @property
    def text(self) -> str:
        """The source as people write it."""
        if self.kind == "callable":
            return f"{getattr(self.source, '__name__', type(self.source).__name__)}()"
        if self.kind == "constant":
            return constant_text(self.source)
        return str(self.source)

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else f"mapping {self.number}: " if self.number else ""
        return f"{where}{printable(self.destination, 300)} <- {printable(self.text, 300)}"


def constant_text(value: Any) -> str:
    """A constant as a literal of the expression language."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
        return f'"{escaped}"'
    return repr(value)


@dataclass(frozen=True)
class SetOptions:
    """What a mapping set says beside its mappings.

    Attributes:
        name: its name, empty if it has none.
        group_by: columns whose equal values make several rows one record; empty keeps one record a row.
        sorted: the rows of a group are promised to stand together, so that grouping needs no second pass.
        missing: what a mapping from a column that the source lacks does: ``error`` refuses the set, ``null`` gives no
            value and a warning, as the platform does (the default of sets that come from it).
        language: settings of the expression language, such as ``{"seed": 1}``.
        values: what the placeholders of a template stand for: name in ``${}`` -> text.
        extra: keys of a Data Prep set that have no effect here, kept as they came.
    """

    name: str = ""
    group_by: tuple[str, ...] = ()
    sorted: bool = False
    missing: Missing = "error"
    language: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
