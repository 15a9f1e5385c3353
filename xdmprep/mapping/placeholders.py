"""Placeholders of templates: ``${MUNCHKIN_ID}``, which somebody fills in before a set is used.

Inside ``${}`` an expression may as well name a field (``${First Name}``, ``${list\\.listID}``).  So a placeholder is
what stands in a text literal, a constant or a destination, or names no column of the source.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from ..errors import MappingError, did_you_mean
from .fields import FieldMapping, constant_text

_NAME = r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}"
_PIECE = re.compile(rf"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|{_NAME}", re.DOTALL)
#: In a text a name may be written more freely; there it can be nothing else.
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


def filled(item: FieldMapping, values: Mapping[str, str], columns: Collection[str]) -> FieldMapping:
    """A mapping with its placeholders replaced by their values; names of columns outside of literals are left."""
    if not values:
        return item

    def fill(text: str) -> str:
        return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)

    text, item = item.source, replace(item, destination=fill(item.destination))
    if not isinstance(text, str) or "${" not in text or item.kind == "callable":
        return item
    if item.kind == "constant" or (item.kind == "column" and text not in columns):
        return replace(item, source=fill(text))
    if item.kind == "column":
        return item

    def piece(found: re.Match[str]) -> str:
        if found[1] is not None:
            known = found[1] not in columns and found[1] in values
            return constant_text(values[found[1]]) if known else found[0]
        quote = found[0][0]

        def inside(inner: re.Match[str]) -> str:
            if inner[1] not in values:
                return inner[0]
            return constant_text(values[inner[1]])[1:-1].replace("'", "\\'" if quote == "'" else "'")

        return _PLACEHOLDER.sub(inside, found[0])

    made = _PIECE.sub(piece, text)
    return item if made == text else replace(item, source=made)


def left(item: FieldMapping, columns: Collection[str]) -> str | None:
    """What to say of the first placeholder that a mapping still holds, None if it holds none.

    Args:
        item: the mapping.
        columns: names of the source's columns.
    """
    if (found := _PLACEHOLDER.search(item.destination)) is not None:
        return _message(found[1], "destination", columns)
    text = item.source
    if not isinstance(text, str) or "${" not in text:
        return None
    if item.kind in ("constant", "column"):
        found = None if item.kind == "column" and text in columns else _PLACEHOLDER.search(text)
        return None if found is None else _message(found[1], item.kind, columns)
    groups = _groups(text)
    for piece in _PIECE.finditer(text):
        if piece[1] is not None:
            if piece[1] not in columns and piece[1].isupper():
                return _message(piece[1], "expression", columns)
        else:
            for inner in _PLACEHOLDER.finditer(piece[0]):
                if inner[1] not in groups:
                    return _message(inner[1], "text literal", columns)
    return None


def _message(name: str, where: str, columns: Collection[str]) -> str:
    if name in columns and where in ("constant", "text literal"):
        hint = f' If the column is meant, join it to the text: concat("...", {name}).'
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
