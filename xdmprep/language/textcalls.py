"""Plans of calls on texts: case, blanks, pieces, padding, splitting and joining, hashes, regular expressions."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from .builders import Builder, Parts, literal
from .columns import BOOL, LONG, TEXT, Column, merged, nulls_of, plain, some
from .kernels import regexes, texts
from .plan import Plan
from .tree import Call, Constant, Node


def _mapped(change: Callable[[pa.Array], pa.Array]) -> Builder:
    """A function of one text."""

    def build(planner: Parts, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
        part = planner.exact(arguments[0])
        if part is None or part.type != TEXT or len(arguments) != 1:
            return None
        return planner.made(kind, [part], lambda x: Column(change(plain(x.values)), x.open))

    return build


def _replacestr(planner: Parts, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
    find, new = literal(arguments[1], str), literal(arguments[2], str)
    part = planner.exact(arguments[0])
    if part is None or part.type != TEXT or not find or new is None:
        return None
    most = -1 if planner.options.replace == "all" else 1

    def work(x: Column) -> Column:
        return Column(texts.replaced(plain(x.values), find, new, most), x.open)

    return planner.made(TEXT, [part], work)


def _sliced(bounds: Callable[[list[int]], tuple[int, int | None] | None]) -> Builder:
    """A piece of a text between literal bounds."""

    def build(planner: Parts, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
        given = [literal(node, int) for node in arguments[1:]]
        part = planner.exact(arguments[0])
        if part is None or part.type != TEXT or None in given or min(given, default=0) < 0:
            return None
        found = bounds(given)
        if found is None or planner.options.overrun == "error":
            return None
        start, stop = found
        return planner.made(
            TEXT, [part], lambda x: Column(pc.utf8_slice_codeunits(plain(x.values), start, stop), x.open)
        )

    return build


def _hash(name: str) -> Builder:
    def build(planner: Parts, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
        part = planner.exact(arguments[0])
        if part is None or part.type != TEXT:
            return None
        if len(arguments) > 1 and (literal(arguments[1], str) or "").lower() not in ("utf-8", "utf8"):
            return None
        return planner.made(TEXT, [part], lambda x: Column(texts.digests(plain(x.values), name), x.open))

    return build


def _explode(planner: Parts, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
    found = _separated(planner, arguments)
    if found is None:
        return None
    part, separator = found
    return planner.made(kind, [part], lambda x: Column(pc.split_pattern(plain(x.values), separator), x.open))


def _exploded(planner: Parts, node: Node) -> tuple[Plan, str] | None:
    """Text and literal separator of ``explode(text, separator)``; None where `node` is nothing of the kind."""
    return _separated(planner, node.arguments) if isinstance(node, Call) and node.name == "explode" else None


def _separated(planner: Parts, arguments: tuple[Node, ...]) -> tuple[Plan, str] | None:
    part = planner.exact(arguments[0])
    separator = regexes.literal_text(literal(arguments[1], str)) if len(arguments) > 1 else ","
    return None if part is None or part.type != TEXT or not separator else (part, separator)


def _join(planner: Parts, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
    separator = literal(arguments[0], str)
    exploded = _exploded(planner, arguments[1])
    if exploded is not None and separator is not None and len(arguments) == 2:  # the parts are never made
        whole, between = exploded
        return planner.made(
            TEXT, [whole], lambda x: Column(texts.replaced(plain(x.values), between, separator), x.open)
        )
    part = planner.exact(arguments[1])
    if part is None or part.type != pa.list_(TEXT) or separator is None or len(arguments) != 2:
        return None

    def work(x: Column) -> Column:
        values = pc.binary_join(x.values, separator)
        odd = nulls_of(values) & ~nulls_of(x.values)
        return Column(values, merged(x.open, some(odd)))

    return planner.made(TEXT, [part], work)


def _split(planner: Parts, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
    marks = literal(arguments[1], str) if len(arguments) == 2 else None
    part = planner.exact(arguments[0])
    if part is None or part.type != TEXT or not marks:
        return None
    return planner.made(kind, [part], lambda x: Column(texts.split_at_any(plain(x.values), marks), x.open))


def _padded(kernel: Callable[..., pa.Array]) -> Builder:
    """A text filled up to a literal size with one literal character."""

    def build(planner: Parts, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
        part, size = planner.exact(arguments[0]), literal(arguments[1], int)
        fill = arguments[2].value if isinstance(arguments[2], Constant) else 0
        fill = " " if fill in (None, "") else fill
        if part is None or part.type not in (TEXT, LONG) or size is None or not 0 <= size <= 1_000_000:
            return None
        if planner.options.pad_long != "keep" or not isinstance(fill, str) or len(fill) != 1:
            return None

        def work(x: Column) -> Column:
            return Column(kernel(texts.as_text(plain(x.values)), size, fill), x.open)

        return planner.made(TEXT, [part], work)

    return build


def _instr(planner: Parts, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
    part, what = planner.exact(arguments[0]), literal(arguments[1], str)
    if part is None or part.type != TEXT or len(arguments) != 2 or not what:
        return None
    absent = planner.options.not_found == "null"

    def work(x: Column) -> Column:
        found, odd = texts.places(plain(x.values), what)
        return Column(pc.if_else(pc.less(found, 0), None, found) if absent else found, merged(x.open, odd))

    return planner.made(LONG, [part], work)


def _matches(planner: Parts, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
    part, regex = planner.exact(arguments[0]), literal(arguments[1], str)
    if part is None or part.type != TEXT or regex is None:
        return None
    test = regexes.test(regex, planner.options.matches == "whole")
    return None if test is None else planner.made(BOOL, [part], lambda x: _asked(test, x))


def _asked(test: regexes.Test, x: Column) -> Column:
    found, odd = test(plain(x.values))
    return Column(found, merged(x.open, odd))


def _extract(planner: Parts, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
    part, regex = planner.exact(arguments[0]), literal(arguments[1], str)
    found = None if regex is None else regexes.extraction(regex)
    if part is None or part.type != TEXT or found is None:
        return None
    absent = planner.options.no_match == "null"
    return planner.made(kind, [part], lambda x: Column(regexes.extracted(plain(x.values), found, absent), x.open))


def tested(planner: Parts, operator: str, left: Node, right: Node) -> Plan | None:
    """The plan of ``=~``, ``=^``, ``=$`` and their opposites with a literal on the right."""
    part, text = planner.exact(left), literal(right, str)
    if part is None or part.type != TEXT or text is None:
        return None
    test = regexes.test(text, True) if operator[1] == "~" else None
    if operator[1] == "~" and test is None:
        return None

    def work(x: Column) -> Column:
        column = x
        if test is not None:
            column = _asked(test, x)
        else:
            kernel = {"^": pc.starts_with, "$": pc.ends_with}[operator[1]]
            column = Column(kernel(plain(x.values), text), x.open)
        found = column.values.fill_null(False)
        return Column(pc.invert(found) if operator[0] == "!" else found, column.open)

    return planner.made(BOOL, [part], work)


def blank(planner: Parts, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
    """The plan of ``is_empty`` and ``empty`` of a text."""
    part = planner.exact(arguments[0])
    if part is None or part.type != TEXT or not part.reads:
        return None
    return planner.made(BOOL, [part], lambda x: Column(pc.equal(plain(x.values), "").fill_null(True), x.open))


def _size(planner: Parts, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
    part = planner.exact(arguments[0])
    if part is None or part.type != TEXT or not part.reads:
        return None
    zero = planner.options.null_size == "zero"

    def work(x: Column) -> Column:
        found = pc.utf8_length(plain(x.values)).cast(LONG)
        return Column(found.fill_null(0) if zero else found, x.open)

    return planner.made(LONG, [part], work)


TEXT_CALLS: dict[str, Builder] = {
    "lower": _mapped(texts.lower),
    "upper": _mapped(texts.upper),
    "trim": _mapped(lambda values: texts.trimmed(values, True, True)),
    "ltrim": _mapped(lambda values: texts.trimmed(values, True, False)),
    "rtrim": _mapped(lambda values: texts.trimmed(values, False, True)),
    "replacestr": _replacestr,
    "substr": _sliced(lambda given: (given[0], given[0] + given[1] if len(given) > 1 else None)),
    "left": _sliced(lambda given: (0, given[0])),
    "right": _sliced(lambda given: (-given[0], None) if given[0] else None),
    **{name: _hash(name) for name in ("sha1", "sha256", "sha512", "md5", "crc32")},
    "explode": _explode,
    "join": _join,
    "split": _split,
    "lpad": _padded(pc.utf8_lpad),
    "rpad": _padded(pc.utf8_rpad),
    "instr": _instr,
    "matches_regex": _matches,
    "extract_regex": _extract,
    "is_empty": blank,
    "size_of": _size,
}
