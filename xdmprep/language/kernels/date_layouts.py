"""Layouts of date patterns: what their strings look like as bytes, so that whole columns can be read.

A pattern has a layout for each choice of one or two digits, of optional sections and of the spelling of an offset; none
where names or widths are too free, or columns of its fields are not read.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from math import prod
from typing import Any

from ..date_letters import ABBREVIATION, OFFSET, Digits, Names, Zone
from ..java_time_format import Part, Pattern, automatic, parts_of
from ..options import Options

#: Elements with their widths in bytes, and literals with width 0.  The name of a zone comes last, with the width REST
#: and the number of parts before it that stand behind it in strings; where an optional section was left out are the
#: layouts that must not occur there, with the width NOT.
Layout = tuple[tuple[Any, int], ...]
REST, NOT = -1, -2

#: The most layouts of a pattern; strings of others are read one by one.
_MOST_LAYOUTS = 128
#: The fields that columns are read by.
_FIELDS = {
    "year", "month", "day", "isoweekday", "hour", "hour12", "ampm", "minute", "second", "nano", "offset", "zone",
}  # fmt: skip


@lru_cache(maxsize=1024)
def layouts_of(pattern: Pattern) -> tuple[Layout, ...]:
    """The layouts of a pattern; none where its strings are read one by one."""
    return _layouts(list(pattern.parts))


@lru_cache(maxsize=64)
def automatic_layouts(options: Options) -> tuple[Layout, ...]:
    """The layouts of the automatic formats that :func:`iso_layouts` do not cover, in their order."""
    return tuple(layout for pattern in automatic(options) for layout in layouts_of(pattern))


@lru_cache(maxsize=1)
def iso_layouts() -> tuple[Layout, ...]:
    """ISO-8601 forms, which the automatic reading tries first: with an offset, or the abbreviation of a zone."""
    clocks = ("HH:mm:ss", "HH:mm", *(f"HH:mm:ss.{'S' * n}" for n in (3, 6, 1, 2, 4, 5, 7, 9)))
    named = ((" ", 0), ((ABBREVIATION, 0), REST))
    return (
        plain_layout("yyyy-MM-dd"),
        *(
            layout
            for clock in clocks
            for mark in "T "
            for zone in ("", "X")
            for layout in _layouts(parts_of(f"yyyy-MM-dd'{mark}'{clock}{zone}"))
        ),
        *((*plain_layout(f"yyyy-MM-dd'{mark}'HH:mm:ss{end}"), *named) for mark in "T " for end in ("", ".SSS")),
    )


def plain_layout(text: str) -> Layout:
    """The layout of a pattern that has only one."""
    (layout,) = _layouts(parts_of(text))
    return layout


@lru_cache(maxsize=4096)
def length_of(layout: Layout) -> int:
    """The length in bytes of the strings of a layout, without the name of a zone."""
    return sum(max(width, 0) or (width == 0 and len(element)) for element, width in layout)


def _layouts(parts: list[Part]) -> tuple[Layout, ...]:
    if any(part.pad for part in parts):
        return ()
    found: list[Layout] = []
    for way in _ways(parts):
        fields = [part.element.field for part in way if isinstance(part, Part) and part.element]
        names = set(fields)
        if (
            len(names) == len(fields)
            and names <= _FIELDS
            and "year" in names
            and not {"hour", "hour12"} <= names
            and not {"offset", "zone"} <= names
            and ("ampm" not in names or "hour12" in names)
        ):
            found += _layouts_of(way)
    return tuple(dict.fromkeys(found)) if len(found) <= _MOST_LAYOUTS else ()


def _ways(parts: list[Part]) -> list[list[Any]]:
    """The parts of a pattern with every optional section taken or left out; none where these are too many."""
    at = next((i for i, part in enumerate(parts) if part.bracket), None)
    if at is None:
        return [list(parts)]
    depth, end = 1, at + 1
    while depth:
        depth += {"[": 1, "]": -1}.get(parts[end].bracket, 0)
        end += 1
    inside, behind = parts[at + 1 : end - 1], _ways(parts[end:])
    taken = [*_ways(inside), [tuple(inside)]]
    if len(taken) * len(behind) > _MOST_LAYOUTS:
        return []
    return [[*parts[:at], *middle, *rest] for middle in taken for rest in behind]


def _layouts_of(parts: list[Any]) -> tuple[Layout, ...]:
    """The layouts of the parts of a pattern, where a tuple of parts is a section that is left out."""
    choices = [_choices(part, parts[i + 1 :]) for i, part in enumerate(parts)]
    at = next((i for i, part in enumerate(parts) if isinstance(part, Part) and _is_named(part)), None)
    if at is not None:
        behind = parts[at + 1 :]
        if behind and not (all(isinstance(part, Part) for part in parts) and behind[0].literal.startswith(" ")):
            return ()
        choices = [*choices[:at], *choices[at + 1 :], [((parts[at].element, len(behind)), REST)]]
    return tuple(product(*choices)) if prod(map(len, choices)) <= _MOST_LAYOUTS else ()


def _choices(part: Any, behind: list[Any]) -> list[tuple[Any, int]]:
    """The elements and widths that a part may have before some others; empty where they are ambiguous."""
    if isinstance(part, tuple):
        left_out = tuple(layout for way in _ways(list(part)) for layout in _layouts_of(way))
        return [(left_out, NOT)] if left_out else []
    element = part.element
    if element is None:
        fine = part.literal.isascii() and not any(sign.isdigit() for sign in part.literal)
        return [(part.literal, 0)] if fine else []
    if isinstance(element, Zone):
        if element.regex == OFFSET:
            return [("Z", 0), (element, 3), (element, 5), (element, 6)]
        return [(element, REST)]
    if isinstance(element, Names):
        return [(element, size) for size in sorted(set(map(len, element.accepted)))]
    if element.least == element.most:
        return [(element, element.least)]
    if element.least > 1 or element.field == "year":
        return []
    # the numbers of fixed width directly behind it do not hide how many digits it has
    after = next((p for p in behind if isinstance(p, tuple) or not (_is_number(p) and p.element.reserved)), None)
    if after is not None and (isinstance(after, tuple) or _is_number(after)):
        return []
    return [(element, 1), (element, 2)]


def _is_named(part: Part) -> bool:
    return isinstance(part.element, Zone) and part.element.regex != OFFSET


def _is_number(part: Part) -> bool:
    return isinstance(part.element, Digits)
