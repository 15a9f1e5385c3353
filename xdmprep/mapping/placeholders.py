"""Placeholders of templates: ``${MUNCHKIN_ID}``, which somebody fills in before a set is used.

In an expression, ``${}`` also names a field (``${First Name}``, ``${list\\.listID}``).  So a placeholder is what occurs
in a string literal, a constant or a destination, or is not the name of a column.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from ..errors import MappingError, did_you_mean
from .fields import FieldMapping, constant_text

_NAME = r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}"
_PIECE = re.compile(rf"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|{_NAME}", re.DOTALL)
#: In a string, where it can be nothing else, the name may have more characters.
_PLACEHOLDER = re.compile(r"\$\{\s*([A-Za-z_][A-Za-z0-9_.-]*)\s*\}")
#: Methods whose second argument has ``${name}`` for a group of the regular expression, and the names of groups.
_TEMPLATES = re.compile(r"\.\s*replace(?:All|First)\s*\(")
_GROUP = re.compile(r"\(\?<([A-Za-z][A-Za-z0-9]*)>")


def _groups(text: str) -> frozenset[str]:
    """The names that ``${}`` may stand for in a literal without being placeholders."""
    return frozenset(_GROUP.findall(text)) if _TEMPLATES.search(text) else frozenset()


def names(item: FieldMapping) -> Iterator[str]:
    """The names in ``${}`` that a mapping holds."""
    yield from _PLACEHOLDER.findall(item.destination)
    if isinstance(item.source, str):
        yield from _PLACEHOLDER.findall(item.source)


def _visited(item: FieldMapping, columns: Collection[str], fill: Callable[[str, str], str | None]) -> FieldMapping:
    """A mapping with what `fill` gives for the name of each placeholder and the kind of place it stands in.

    Names of columns outside of literals are no placeholders; where `fill` gives None, the placeholder stays.
    """

    def filling(where: str, written: Callable[[str], str] = str) -> Callable[[re.Match[str]], str]:
        def one(found: re.Match[str]) -> str:
            value = fill(found[1], where)
            return found[0] if value is None else written(value)

        return one

    def piece(found: re.Match[str]) -> str:
        if found[1] is not None:
            return found[0] if found[1] in columns else filling("expression", constant_text)(found)
        quote = found[0][0]

        def escaped(value: str) -> str:
            return constant_text(value)[1:-1].replace("'", "\\'" if quote == "'" else "'")

        return _PLACEHOLDER.sub(filling("string literal", escaped), found[0])

    text = item.source
    if "${" not in item.destination and not (isinstance(text, str) and "${" in text):
        return item
    item = replace(item, destination=_PLACEHOLDER.sub(filling("destination"), item.destination))
    if not isinstance(text, str) or "${" not in text or (item.kind == "column" and text in columns):
        return item
    if item.kind in ("constant", "column"):
        return replace(item, source=_PLACEHOLDER.sub(filling(item.kind), text))
    return replace(item, source=_PIECE.sub(piece, text))


def filled(item: FieldMapping, values: Mapping[str, str], columns: Collection[str]) -> FieldMapping:
    """A mapping with its placeholders replaced by their values; names of columns outside of literals are left."""
    return _visited(item, columns, lambda name, _: values.get(name)) if values else item


def left(item: FieldMapping, columns: Collection[str]) -> str | None:
    """What to say of the first placeholder that a mapping still holds, None if it holds none."""
    found: list[tuple[str, str]] = []
    groups = _groups(item.source) if isinstance(item.source, str) else frozenset()

    def note(name: str, where: str) -> None:
        if not (where == "string literal" and name in groups) and (where != "expression" or name.isupper()):
            found.append((name, where))

    _visited(item, columns, note)
    return _message(*found[0], columns) if found else None


def _message(name: str, where: str, columns: Collection[str]) -> str:
    if name in columns and where in ("constant", "string literal"):
        hint = f' If the column is meant, join it to the string: concat("...", {name}).'
    else:
        hint = did_you_mean(name, columns)
    return (
        f"the {where} holds the placeholder ${{{name}}}, which was not filled in. Give its value: "
        f"--set {name}=VALUE, or values={{'{name}': ...}} of MappingSet.{hint}"
    )


def check_values(values: Mapping[str, str], items: Iterable[FieldMapping], name: str | None) -> None:
    """Checks that every value belongs to a placeholder.

    Raises:
        MappingError: a name that no mapping holds.
    """
    known = sorted({each for item in items for each in names(item)})
    faults = []
    for each in values:
        if each not in known:
            has = f" It has {', '.join(known[:8])}." if known else " It has no placeholders."
            faults.append(f"no mapping holds the placeholder ${{{each}}}.{did_you_mean(each, known) or has}")
    if faults:
        raise MappingError(faults, name)
