"""Every function over columns in every memory layout that Arrow has gives what the interpreter gives row by row.

Slices, casts of slices (whose offsets do not begin at 0), large and view types, dictionaries with nulls on either side,
run-end encoded and empty columns hold the same values, so they must give the same results.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from language_kit import errors_of, outgoing, values_of

import xdmprep as xp
from xdmprep import kernels
from xdmprep.errors import ExpressionError, MissingDependencyError
from xdmprep.language import compile_expression
from xdmprep.language.catalogue import Context
from xdmprep.language.functions import table
from xdmprep.language.interpreter import Scope, compile_node, run
from xdmprep.language.options import DEFAULT
from xdmprep.language.values import Failed

pytestmark = pytest.mark.usefixtures("both_ways")

#: In front of the values and behind them, so that slices have something to be cut from.
JUNK = ["Cut Off", "ÀÉ", "junk, junk"]


def cut(array: pa.Array) -> pa.Array:
    return array.slice(len(JUNK), len(array) - 2 * len(JUNK))


def around(values: list[Any], kind: pa.DataType) -> pa.Array:
    return pa.array([*JUNK, *values, *JUNK], kind)


def filled(values: list[Any], kind: pa.DataType) -> pa.Array:
    """The values without nulls: a cast of them keeps the offsets of the slice."""
    return cut(around([value or "" for value in values], kind))


def worded(values: list[Any], words: pa.DataType, index: pa.DataType, null_word: bool) -> pa.Array:
    """Dictionary-encoded, the nulls in the indices or as a word, or both."""
    known = [*dict.fromkeys(value for value in values if value is not None), *([None] if null_word else [])]
    place = {value: at for at, value in enumerate(known)}
    nulls = [None if at % 2 or not null_word else place[None] for at in range(len(values))]
    codes = [nulls[at] if value is None else place[value] for at, value in enumerate(values)]
    indices = pa.array([0, *codes, 0], index).slice(1, len(codes))
    return pa.DictionaryArray.from_arrays(indices, pa.array(known, words))


LAYOUTS: dict[str, Callable[[list[Any]], pa.Array]] = {
    "slice": lambda values: cut(around(values, pa.string())),
    "cast of a slice": lambda values: filled(values, pa.large_string()).cast(pa.string()),
    "slice of a cast of a slice": lambda values: pa.concat_arrays(
        [filled([*values, "x"], pa.large_string())]
    ).cast(pa.string()).slice(0, len(values)),
    "large": lambda values: cut(around(values, pa.large_string())),
    "large without nulls": lambda values: filled(values, pa.large_string()),
    "view": lambda values: cut(around(values, pa.string_view())),
    "dictionary": lambda values: worded(values, pa.string(), pa.int32(), null_word=False),
    "dictionary with a null word": lambda values: worded(values, pa.string(), pa.int32(), null_word=True),
    "small dictionary of large words": lambda values: worded(values, pa.large_string(), pa.int8(), null_word=True),
    "dictionary of views": lambda values: worded(values, pa.string_view(), pa.uint16(), null_word=False),
    "run-end encoded": lambda values: pc.run_end_encode(pa.array(values, pa.string())),
    "empty": lambda values: around([], pa.string()).slice(0, 0),
}  # fmt: skip

WORDS = [None, "", " ", "Ab", "HeLLo WORLD", "x", "1", "-7", "2.50", "true", "é", "ÀÉ ", "ǆ", "ß", "a,b,,c",
         "\tq\u00a0", "2020-02-29", "2020-01-02T03:04:05Z", "99999999999999999999", "\U0001f600x", "k=v;w=u",
         "Ab"]  # fmt: skip

#: Beside the catalogue's own examples: what has kernels of its own, `{}` being a column.
KERNELS = [
    "upper({})", "lower({})", "upper(concat({}, 'z'))", "sha256(lower({}))", "trim({})", "ltrim({})", "rtrim({})",
    "equalsIgnoreCase({}, 'hello world')", "({}).equalsIgnoreCase({})", "({}).equals('Ab')", "{} == 'Ab'", "{} > 'a'",
    "concat({}, '-', {})", "{} + {}", "substr({}, 1, 2)", "left({}, 2)", "right({}, 2)", "instr({}, 'l')",
    "size_of({})", "replacestr({}, 'l', 'LL')", "replacestr({}, ',', ';')", "explode({}, ',')", "split({}, ',;')",
    "first(explode({}))", "last(explode({}, ','))", "join('|', explode({}, ','))",
    "transformArray(explode({}, ','), i -> upper(i))", "filterArray(explode({}, ','), i -> i != 'b')",
    "lpad({}, 4, '0')", "rpad({}, 4, 'é')", "matches_regex({}, '[a-z]+')", "extract_regex({}, '([a-z])(.?)')",
    "{} =~ '[A-Z].*'", "{} =^ 'A'", "{} =$ 'b'", "decode({}, 'x', 1, 'Ab', 2)",
    "decode({}, 'x', 'X', 'Ab', {}, 'none')", "iif({} == 'x', upper({}), {})", "coalesce({}, 'none')", "{} ?? 'none'",
    "is_empty({})", "!({})", "to_integer({})", "to_decimal({})", "date({})", "date({}, 'yyyy-MM-dd')",
    "date_part('yyyy', date({}))", "format(date({}), 'dd.MM.yyyy')", "crc32({})", "md5({})",
    "to_array(true, {}, 'x')", "to_object('k', upper({}))", "min({}, 'b')", "max({}, 'b')", "{} * 2",
    "get_url_host({})", "{} && true",
]  # fmt: skip


def of_the_catalogue() -> list[str]:
    """The examples of all functions, one text literal after the other in them replaced by a column."""
    found = []
    for function in {entry.name: entry for entry in table().values()}.values():
        if function.availability == "no" or function.record:
            continue
        texts = list(re.finditer(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'', function.example))
        for match in texts or []:
            found.append(function.example[: match.start()] + "{}" + function.example[match.end() :])
    return list(dict.fromkeys(found))


@cache
def alone(text: str, type_: pa.DataType, value: Any) -> tuple[Any, bool]:
    """What an expression gives for one row, and whether it fails; the layouts share the answers."""
    tree = compiled(text, type_)
    try:
        return outgoing(run(tree, Scope({"c": value}, Context(DEFAULT)))), False
    except Failed:
        return None, True


@cache
def compiled(text: str, type_: pa.DataType) -> Any:
    return compile_node(compile_expression(text, pa.schema({"c": type_, "other": pa.null()})).tree)


def same(left: Any, right: Any) -> bool:
    if isinstance(left, datetime) and isinstance(right, datetime):
        return abs((left - right).total_seconds()) < 0.001
    if isinstance(left, dict) and isinstance(right, dict):
        keys = {key for item in (left, right) for key in item if item[key] is not None}
        return all(same(left.get(key), right.get(key)) for key in keys)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float) and isinstance(right, int | float):
        return left == right and math.copysign(1, left) == math.copysign(1, right)
    return type(left) is type(right) and left == right


def check(template: str, layout: str) -> bool:
    """Compare batch and rows; False where the function takes no column at this place."""
    text = template.replace("{}", "c")
    literals = [match[0][1:-1] for match in re.finditer(r'"[^"\\]*"|\'[^\']*\'', template)]
    column = LAYOUTS[layout]([*WORDS, *literals])
    batch = pa.record_batch({"c": column, "other": pa.nulls(len(column))})
    try:
        expression = compile_expression(text, batch.schema)
    except (ExpressionError, MissingDependencyError):
        return False  # a literal is asked for here
    got = expression.apply(batch)
    values = values_of(got)
    if isinstance(got.values, pa.Array):
        got.values.validate(full=True)
    failed = {at for at, _ in errors_of(got)}
    items = column.to_pylist()
    assert len(values) == len(items)
    for at, item in enumerate(items):
        value, fails = alone(text, pa.string(), item)
        assert (at in failed) == fails, (text, layout, item, value, errors_of(got))
        assert same(values[at], value), (text, layout, item, values[at], value)
    return True


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_kernel_in_every_layout(layout: str) -> None:
    assert all(check(template, layout) for template in KERNELS)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_function_of_the_catalogue_in_every_layout(layout: str) -> None:
    first = list(LAYOUTS).index(layout) % 2  # each example in half of the layouts
    assert sum(check(template, layout) for template in of_the_catalogue()[first::2]) > 50


NUMBERS: dict[str, Callable[[list[Any]], pa.Array]] = {
    "slice": lambda values: pa.array([9, *values, 9], pa.int64()).slice(1, len(values)),
    "unsigned": lambda values: pa.array([None if v is None else abs(v) for v in values], pa.uint16()),
    "64 bits unsigned": lambda values: pa.array([None if v is None else abs(v) + 2**63 for v in values], pa.uint64()),
    "dictionary": lambda values: pa.array(values, pa.int32()).dictionary_encode(),
    "run-end encoded": lambda values: pc.run_end_encode(pa.array(values, pa.int64())),
    "float": lambda values: pa.array([9.0, *values], pa.float32()).slice(1),
    "half": lambda values: pa.array([9.0, *values], pa.float16()).slice(1),
    "decimal": lambda values: pa.array([9, *values], pa.int32()).cast(pa.decimal128(12, 2)).slice(1),
    "decimal of 32 bits": lambda values: pa.array([9, *values], pa.int16()).cast(pa.decimal32(9, 2)).slice(1),
    "decimal of 256 bits": lambda values: pa.array([9, *values], pa.int32()).cast(pa.decimal256(50, 2)).slice(1),
}  # fmt: skip


@pytest.mark.parametrize("layout", NUMBERS)
def test_numbers_in_every_layout(layout: str) -> None:
    column = NUMBERS[layout]([3, None, 0, -7, 12, 3, 3, 1])
    batch = pa.record_batch({"c": column})
    plain = column.to_pylist()
    for text in ("c + 1", "c * 2", "c > 2", "c == 3", "c % 2", "iif(c > 2, 'a', 'b')", "max(c, 2)", "c / 2.5", "c ?? 5",
                 "decode(c, 3, 'x', 'y')", "-c", "concat(c, '')", "to_integer(c)", "c"):  # fmt: skip
        expression = compile_expression(text, batch.schema)
        got = expression.apply(batch)
        values = values_of(got)
        failed = {at for at, _ in errors_of(got)}
        for at, item in enumerate(plain):
            value, fails = alone(text, column.type, item)
            assert fails == (at in failed), (text, layout, item)
            if text == "c":
                assert values[at] == item, (text, layout)
            else:
                assert same(values[at], value) or values[at] == value, (text, layout, item, values[at], value)


DAY = datetime(2020, 2, 29, 1, 2, 3, tzinfo=UTC)
TYPED = {
    "8 bits": pa.array([None, 0, 1, -7, 100], pa.int8()), "unsigned": pa.array([None, 0, 2**63 + 5], pa.uint64()),
    "integers as words": pa.array([None, 3, 3, 1]).dictionary_encode(), "double": pa.array([None, -0.0, 1.5, 1e300]),
    "not finite": pa.array([float("nan"), 1.0, None, float("inf")]),
    "decimal": pa.array([None, Decimal("1.50"), Decimal("0.00"), Decimal("12345678901234567890.12")]),
    "whole decimal": pa.array([None, Decimal(5), Decimal(12345678901234567890)], pa.decimal128(38, 0)),
    "boolean": pa.array([None, True, False]), "null": pa.nulls(2), "no string": pa.nulls(2, pa.string()),
    "no number": pa.nulls(2, pa.int64()), "date": pa.array([None, DAY.date()]),
    "long date": pa.array([DAY], pa.date64()),
    "milliseconds": pa.array([None, DAY], pa.timestamp("ms", "UTC")), "time of day": pa.array([None, DAY.time()]),
    "in a zone": pa.array([None, DAY], pa.timestamp("us", "Europe/Paris")),
    "without zone": pa.array([None, DAY.replace(tzinfo=None)], pa.timestamp("s")),

    "nanoseconds": pa.array([None, 1_600_000_000_123_456_000], pa.timestamp("ns", "Asia/Tokyo")),
    "list": pa.array([None, [], ["a", None, "b"], ["1"]]),
    "list of numbers": pa.array([None, [], [1, None, 3]]),
    "fixed list": pa.array([None, [1, 2]], pa.list_(pa.int32(), 2)),
    "large list of views": pa.array([None, ["a"]], pa.large_list(pa.string_view())),
    "struct": pa.array([None, {"a": "x", "b": 1}, {"a": None, "b": 2}]),
    "decimal in a struct": pa.array([None, {"a": Decimal("1.5")}]),
    "list of structs": pa.array([[], [{"a": "x"}, None]]),
    "map": pa.array([None, [], [("k", "v")]], pa.map_(pa.string(), pa.string())),
}  # fmt: skip


@pytest.mark.parametrize("both_ways", ["plain"], indirect=True)  # and the other way in the test: the rest is shared
@pytest.mark.parametrize("kind", TYPED)
def test_columns_of_every_type_give_what_each_value_gives_alone(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    column, start = TYPED[kind], list(TYPED).index(kind) % 3  # each example with a third of the types
    items = column.to_pylist(maps_as_pydicts="strict")
    for template in [*KERNELS, *of_the_catalogue()[start::3]]:
        text = template.replace("{}", "c")
        try:
            expression = compile_expression(text, pa.schema({"c": column.type}))
        except (ExpressionError, MissingDependencyError):
            continue
        if text.startswith("get_keys"):  # keys of a column of objects have one order
            continue
        wanted = [alone.__wrapped__(text, column.type, item) for item in items]
        for way in filter(None, (kernels.plain, kernels.compiled)):
            monkeypatch.setattr(kernels, "active", way)
            assert len(expression.apply(pa.record_batch({"c": column.slice(0, 0)})).values) == 0
            got = expression.apply(pa.record_batch({"c": column}))
            values = values_of(got)
            failed = {at for at, _ in errors_of(got)}
            for at, (value, fails) in enumerate(wanted):
                assert (at in failed) == fails, (text, items[at], value, errors_of(got))
                assert same(values[at], value) or values[at] == value, (text, items[at], values[at], value)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
def test_long_frames_of_every_text_type(kind: pa.DataType) -> None:
    """A source is read 16,384 rows at a time, so every chunk but the first is a slice."""
    emails = [f"User{number}@Example.COM" for number in range(40_000)]
    frame = pa.table({"email": pa.array(emails, kind), "id": list(range(40_000))})
    mapping = {"h": "sha256(lower(email))", "u": "upper(email)", "e": "email.equalsIgnoreCase('USER39999@EXAMPLE.com')"}
    made = xp.map_rows(frame, mapping).to_pylist()
    assert [row["h"] for row in made] == [hashlib.sha256(email.lower().encode()).hexdigest() for email in emails]
    assert [row["u"] for row in made] == [email.upper() for email in emails]
    assert [at for at, row in enumerate(made) if row["e"]] == [39_999]
