"""An expression over a batch gives what it gives for each row alone: values, types and failures."""

from __future__ import annotations

import itertools
import math
import random
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from language_kit import errors_of, fits, outgoing, values_of

from xdmprep.language import Options, compile_expression
from xdmprep.language.catalogue import Context
from xdmprep.language.interpreter import Scope, compile_node, run
from xdmprep.language.options import DEFAULT
from xdmprep.language.values import Failed
from xdmprep.mapping.convert import convert

SCHEMA = pa.schema(
    [
        ("a", pa.string()),
        ("b", pa.string()),
        ("c", pa.dictionary(pa.int32(), pa.string())),
        ("n", pa.int64()),
        ("x", pa.float64()),
        ("t", pa.bool_()),
        ("d", pa.timestamp("ms", "UTC")),
        ("o", pa.struct([("s", pa.string()), ("k", pa.int32())])),
        ("l", pa.list_(pa.string())),
        ("m", pa.list_(pa.struct([("s", pa.string()), ("k", pa.int64())]))),
    ]
)
WORDS = ["", " ", "a", "A b", "1", "-7", "2.5", "007", "+3", "1e3", "true", "false", "x,y,,z", "é", "ÀÉ ",
         "ǆ", "ß", "Straße ΑΣ", "İı日", "it's", "a\\b", "x" * 81, "12x", "E5", "-.5.5",
         "2020-02-29", "2021-02-29", "2020-01-02T03:04:05Z", "2020-01-02 03:04:05.678", "20200131", "01/31/2020",
         "2020-01-02T03:04:05+02:00", "9223372036854775807", "99999999999999999999", "0.1", "-0", "nan", "\tq\u00a0",
         "12", "MR", "MRS", "a=1;b=2", "https://h.example/p?q=1#f", "\U0001f600x"]  # fmt: skip
text = st.one_of(st.none(), st.sampled_from(WORDS), st.text(max_size=6).filter(lambda s: s.isprintable()))
whole = st.one_of(st.none(), st.integers(-5, 40), st.integers(-(2**63), 2**63 - 1))
real = st.one_of(st.none(), st.sampled_from([0.0, -0.0, 1.5, 3.0, 1e300, 0.1]), st.floats(allow_nan=False))
time = st.one_of(st.none(), st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)).map(
    lambda d: d.replace(microsecond=d.microsecond // 1000 * 1000, tzinfo=UTC)))  # fmt: skip
row = st.fixed_dictionaries(
    {
        "a": text,
        "b": text,
        "c": text,
        "n": whole,
        "x": real,
        "t": st.one_of(st.none(), st.booleans()),
        "d": time,
        "o": st.one_of(st.none(), st.fixed_dictionaries({"s": text, "k": st.integers(-9, 9)})),
        "l": st.one_of(st.none(), st.lists(text, max_size=3)),
        "m": st.one_of(
            st.none(), st.lists(st.one_of(st.none(), st.fixed_dictionaries({"s": text, "k": whole})), max_size=3)
        ),
    }
)

literal = st.sampled_from(
    ["'a'", "' '", "''", "','", "'1'", "'2.5'", "1", "0", "-2", "2.5", "true", "false", "null", "12"]
)
field = st.sampled_from(["a", "b", "c", "n", "x", "t", "d", "o.s", "o.k", "l", "l[0]", "l[5]"])
text_field = st.sampled_from(["a", "b", "c", "o.s"])


ONE = ["lower({})", "upper({})", "trim({})", "ltrim({})", "rtrim({})", "sha256({})", "crc32({})", "to_integer({})",
       "to_decimal({})", "date({})", "date({}, 'yyyy-MM-dd')", "date({}, 'MM/dd/yyyy')", "date({}, 'yyyyMMdd')",
       "format({}, 'dd.MM.yyyy HH:mm')", "date_part('dd', {})", "substr({}, 1, 2)", "substr({}, 0)", "left({}, 2)",
       "right({}, 2)", "right({}, 0)", "explode({}, ',')", "explode({}, '[,;]')[0]", "explode({})[1]",
       "join('-', explode({}, ','))", "replacestr({}, 'a', 'bb')", "size_of({})", "is_empty({})", "!({})",
       "-({})", "empty({})", "to_object('k', {})", "to_array(false, {}, 'z')", "zone_date_to_zone({}, 'Asia/Tokyo')",
       "format(zone_date_to_zone({}, 'Asia/Tokyo'), 'HH')", "matches_regex({}, '[a-z]+')", "first(explode({}))",
       "decode({}, 'a', 1, 'MR', 2)", "decode({}, 'a', 'A', 'MR', 'Mr', 'none')", "decode({}, 'a', b, '1', c, a)",
       "get_url_host({})", "transformArray(explode({}), i -> upper(i))", "json_to_object({})", "to_bigint({})",
       "filterArray(explode({}), i -> i != b)",
       "transformArray(m, i -> concat(i.s, {}))", "filterArray(m, i -> i.k > ({}))",
        "transformArray(l, i -> i == ({}))",
       "transformArray(m, i -> i.k * 2)", "join('|', transformArray(l, i -> trim(i)))", "array_to_string({}, l)",
       "transformArray(m, i -> to_object('v', upper(i.s), 'w', {}))", "size_of(filterArray(l, i -> i =~ 'a.*'))",
       "str_to_object({})", "instr({}, 'a')", "md5({}, 'UTF-16')", "instr({}, 'é')", "split({}, ',; ')", "split({})",
        "lpad({}, 4, '0')", "rpad({}, 3, null)", "rpad({}, 3, 'é')", "lpad({}, -1, 'x')", "empty ({})",
        "matches_regex({}, '-?[0-9]+(\\\\.[0-9]*)?')", "extract_regex({}, '([a-z0-9])(.?)')",
        "extract_regex({}, '([^,]*),')", "({}) =~ '[A-Z]+|[0-9]{{2,}}'", "({}) !~ '.*'", "({}) =~ '.*a.*'",
        "({}) =~ '.*[,1]'", "({}) =~ '(?s)a.*'", "({}) =^ '2020'",
        "({}) !$ 'Z'", "({}) !^ ''", "date_part('year', {})", "date_part('Q', {})", "date_part('week', {})",
        "date_part('dw', {})", "date_part('dy', {})", "date_part('hh12', {})", "date_part('mi', {})",
        "date_part('SSS', {})", "dformat({}, 'yyyy-MM-dd HH:mm:ss.SSS')", "date({}, 'M/d/yyyy')",
        "first(split({}, ','))", "last(explode({}))", "first(l)", "last(l)",
        "iif(({0}) == 'a', 'A', iif(({0}) == '1', b, iif(({0}) == 7, n, x)))",
        "iif(({0}).equals('a'), 1, iif(({0}).equals(12), b, iif(({0}).equals('a'), 2, null)))",
        "iif(({0}) == 'a', n, ({0}) == '1' ? to_integer(a) : iif({0}, b, iif(n > 3, {0}, c)))",
        "~({})", "instr({}, 'a', 1)", "instr({}, ',', 0, 2)", "crc32({}, 'utf-16')", "sha1({}, 'ISO-8859-1')",
        "explode({}, '[,; ]+')", "explode({}, '\\\\W')", "explode({}, '[ab1]+?')", "lpad({}, 5, 'é-')",
        "rpad({}, n, '')",
        "min(transformArray(m, i -> i.k * x))", "max(transformArray(m, i -> i.k / 2))", "get_url_path({}, false)",
        "({}) * 2.5 + 1", "(x + ({})) / 2", "(x * n - 1.5) % ({})", "upper(extract_regex({}, '(a)')[1])"]  # fmt: skip
TWO = ["concat({}, {})", "concat({}, '-', {}, null)", "nvl({}, {})", "coalesce({}, {}, 'd')", "{} ?? {}", "{} ?: {}",
       "min({}, {})", "max({}, {})", "({}).equalsIgnoreCase({})", "max({}, 7, {})",
       "({}).equals({})", "{} == {}", "{} != {}", "{} < {}", "{} >= {}",
    "{} <= {}", "{} > {}", "{} + {}", "{} - {}",
       "{} * {}", "{} / {}", "{} % {}", "{} && {}", "{} || {}", "{} =^ {}", "lpad({}, 4, {})",
       "rpad({}, {}, b)", "iif({}, {}, null)",
       "({}) == null ? {} : 'q'", "to_object('p', {}, 'q', {})", "date({}, 'yyyy-MM-dd', {})"]  # fmt: skip
THREE = ["iif({}, {}, {})", "({}) ? ({}) : ({})", "replacestr({}, {}, {})", "decode({}, {}, {})"]


def calls(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def of(template: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.tuples(*parts).map(lambda given: template.format(*given))

    return st.one_of(
        st.sampled_from(ONE).flatmap(lambda t: of(t, inner)),
        st.sampled_from(TWO).flatmap(lambda t: of(t, inner.map(_wrap), inner.map(_wrap))),
        st.sampled_from(THREE).flatmap(lambda t: of(t, inner, inner, inner)),
    )


def _wrap(inner: str) -> str:
    return f"({inner})"


expressions = st.recursive(st.one_of(text_field, field, literal), calls, max_leaves=6)


def alone(tree: Any, record: dict[str, Any], options: Options) -> tuple[Any, str | None]:
    """Value of one row, and why it failed."""
    try:
        return outgoing(run(tree, Scope(record, Context(options)))), None
    except Failed as error:
        return None, str(error)


def same(left: Any, right: Any) -> bool:
    if isinstance(left, datetime) and isinstance(right, datetime):
        return abs((left - right).total_seconds()) < 0.001
    if isinstance(left, dict) and isinstance(right, dict):
        return {k for k in left if left[k] is not None} == {k for k in right if right[k] is not None} and all(
            same(left.get(k), right.get(k)) for k in left
        )
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float) and isinstance(right, float):
        return left == right and math.copysign(1, left) == math.copysign(1, right)
    return type(left) is type(right) and left == right


def check(text: str, rows: list[dict[str, Any]], options: Options = DEFAULT, schema: pa.Schema = SCHEMA) -> None:
    batch = pa.RecordBatch.from_pylist(rows, schema=schema)
    expression = compile_expression(text, schema, options)
    got = expression.apply(batch)
    values = values_of(got)
    if isinstance(got.values, pa.Array):
        got.values.validate(full=True)
    if expression.type is not None:
        assert all(fits(value, expression.type) for value in values), (text, expression.type, values)
    assert len(values) == len(rows)
    failed = dict(errors_of(got))
    assert list(failed) == sorted(failed)
    tree = compile_node(expression.tree)
    for i, record in enumerate(batch.to_pylist()):
        value, reason = alone(tree, record, options)
        assert failed.get(i) == reason, (text, record, values[i], value)
        assert same(values[i], value), (text, record, values[i], value)


NUMBERS = [None, 0, 1, -1, 2, 7, -7, 12, 2**53 + 1, 2**62, 2**63 - 1, -(2**63)]
REALS = [None, 0.0, -0.0, 1.0, 2.5, -2.5, 12.0, 1e300, 2.0**53]
TIMES = [None, *[datetime(y, m, 29, 23, 5, 9, 5000, UTC) for y, m in ((1900, 1), (1969, 12), (2020, 2), (2099, 11))]]
ROWS = [
    {
        "a": WORDS[i % len(WORDS)] if i % 19 else None,
        "b": WORDS[5 * i % len(WORDS)] if i % 17 else None,
        "c": WORDS[7 * i % len(WORDS)] if i % 13 else None,
        "n": NUMBERS[i % len(NUMBERS)],
        "x": REALS[i % len(REALS)],
        "t": (None, True, False)[i % 3],
        "d": TIMES[i % len(TIMES)],
        "o": None if i % 11 == 0 else {"s": WORDS[i % len(WORDS)], "k": i % 5 - 2},
        "l": None if i % 5 == 0 else [WORDS[i % len(WORDS)], None, "a"][: i % 4],
        "m": None if i % 7 == 0 else [{"s": WORDS[i % len(WORDS)], "k": NUMBERS[i % len(NUMBERS)]}, None][: i % 3],
    }
    for i in range(len(WORDS))
]
PAIRS = ["a b", "a c", "c c", "o.s 'a'", "a '12'", "a 2.5", "n a", "n n", "n o.k", "n x", "x 2", "12 n", "t a", "t t",
         "d d", "d a", "null a", "a null", "l a", "to_integer(a) n", "to_decimal(b) x", "date(a) d"]  # fmt: skip


@pytest.mark.parametrize("template", [*ONE, *TWO, *THREE])
def test_every_function_over_a_batch_gives_what_each_row_gives_alone(template: str) -> None:
    given = [(name,) * 3 for name in ("a", "c", "o.s", "n", "x", "t", "d", "l", "l[0]", "to_integer('a')")]
    if template in TWO:
        given = [tuple(pair.split(" ", 1)) for pair in PAIRS]
    if template in THREE:
        given = [("t", "a", "b"), ("a", "b", "c"), ("a == b", "n", "o.k"), ("n > 1", "x", "2.5"), ("c", "'a'", "b")]
    for parts in given:
        check(template.format(*parts), ROWS)


@settings(max_examples=300)
@given(expressions, st.lists(row, min_size=1, max_size=12))
def test_a_batch_gives_what_each_row_gives_alone(text: str, rows: list[dict[str, Any]]) -> None:
    check(text, rows)


READINGS = [
    Options(null_operand="error", concat_null="null", join_null="skip", null_condition="error", not_found="null",
            replace="first", overrun="error", pad_long="cut", matches="part", no_match="null", fractions="truncate",
            weeks="us", zone_names="region", zoneless_millis="drop", zip_short="null", null_size="null"),
    Options(concat_null="text", join_null="empty", null_keys="present", date_letters="simple", dotted_columns=False),
]  # fmt: skip


@settings(max_examples=150)
@given(expressions, st.lists(row, min_size=1, max_size=8), st.sampled_from(READINGS))
def test_the_same_holds_for_other_readings(text: str, rows: list[dict[str, Any]], options: Options) -> None:
    check(text, rows, options)


@settings(max_examples=150)
@given(expressions, st.lists(row, min_size=1, max_size=4))
def test_columns_of_few_words_give_the_same(text: str, rows: list[dict[str, Any]]) -> None:
    """Dictionary-encoded columns, with so many rows that each word is worked out once."""
    plain_rows = pa.RecordBatch.from_pylist(rows * 40, schema=SCHEMA)
    columns = [
        column.dictionary_encode() if field.name in ("a", "b") else column
        for field, column in zip(SCHEMA, plain_rows.columns, strict=True)
    ]
    encoded = pa.RecordBatch.from_arrays(columns, SCHEMA.names)
    one, other = compile_expression(text, SCHEMA).apply(plain_rows), compile_expression(text, SCHEMA).apply(encoded)
    values = [values_of(got) for got in (one, other)]
    assert all(same(left, right) for left, right in zip(*values, strict=True)), (text, rows)
    assert errors_of(one) == errors_of(other)


#: Calls whose second column the kernels take as a constant only.
BY_WORD = [
    "a =~ b", "a !~ b", "a.matches(b)", "a.replaceAll(b, c)", 'a.replaceFirst("1", b)', "a.split(b)", "explode(a, b)",
    "split(a, b)", "a.replace(b, c)", "instr(a, b)", "extract_regex(a, b)", "a.lastIndexOf(b)", 'lpad(a, 7, b)',
    "lpad(a, n, b)", "format(d, b)", "date(a, b)", "date_part(b, d)", "set_date_part(b, n, d)", "o[b]",
    'str_to_object(a, b, c)', 'get_values(a, b, "=", c)', "zone_date_to_zone(d, b)", "iif(t, a =~ b, null)",
    "transformArray(l, x -> x.split(b))", "array_to_map(m, b)", "left(a, n)",
]  # fmt: skip
FEW = ["yyyy", "dd.MM.yyyy", "[0-9]+", "A", ",", "=", ";", "s", "k", "Europe/Paris", "(", "", None]
LITTLE = st.lists(st.sampled_from(FEW), min_size=1, max_size=3)


@settings(max_examples=60)
@given(st.sampled_from(BY_WORD), LITTLE, LITTLE, st.lists(row, min_size=1, max_size=5))
def test_columns_of_few_words_serve_where_kernels_take_constants(
    text: str, words: list[str | None], others: list[str | None], rows: list[dict[str, Any]]
) -> None:
    many = [
        {**rows[i % len(rows)], "b": words[i % len(words)], "c": others[i // 3 % len(others)], "n": i % 4}
        for i in range(200)
    ]
    check(text, many)


STRUCTURES = [
    'concat("", m)', "concat(a, o)", 'join("-", m)', 'join(",", [l, l])', "o.toString()", "l.toString()",
    'array_to_string("-", [m, m])',
    'concat("", {"k": a, "v": [x, n, t]}, null)', 'concat("", iif(t, {"a": n}, {"b": l}))', 'join("|", a, o, l)',
    'join("|", transformArray(m, y -> {"s": y.s, "x": x}))', 'concat("", to_map(a, x))', 'concat("", [a, n, d])',
    'concat("", json_to_object(a))', 'concat("", iif(t, l, n))', 'concat("", {"q\\"é": b})',
]  # fmt: skip


@settings(max_examples=100)
@given(st.sampled_from(STRUCTURES), st.lists(row, min_size=1, max_size=12))
def test_objects_and_arrays_are_printed_as_each_alone(text: str, rows: list[dict[str, Any]]) -> None:
    check(text, rows)


sums = st.recursive(
    st.sampled_from(["x", "n", "null", "1", "2.5", "o.k"]),
    lambda inner: st.tuples(inner, st.sampled_from("+-*/%"), inner).map(" ".join).map("({})".format),
    max_leaves=4,
)


@settings(max_examples=100)
@given(sums, st.lists(row, min_size=1, max_size=12), st.sampled_from(["{}", "[{}]", "to_map('k', {})"]))
def test_numbers_become_the_strings_that_concat_makes_of_them(text: str, rows: list[dict[str, Any]], form: str) -> None:
    """Null is the integer 0, also beside doubles; a destination of strings shows which numbers are integers."""
    batch = pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
    targets = {"{}": pa.string(), "[{}]": pa.list_(pa.string()), "to_map('k', {})": pa.map_(pa.string(), pa.string())}
    numbers = compile_expression(form.format(text), SCHEMA).apply(batch)
    words = compile_expression(form.format(f'iif(({text}) == null, null, concat("", {text}))'), SCHEMA).apply(batch)
    made, unfit = convert(numbers.values, targets[form], DEFAULT)
    failed = {at for misfit in unfit for at in misfit.rows.tolist()} | {at for at, _ in errors_of(words)}
    expected = convert(words.values, targets[form], DEFAULT)[0].to_pylist()
    assert [v for i, v in enumerate(made.to_pylist()) if i not in failed] == [
        v for i, v in enumerate(expected) if i not in failed
    ], (text, rows)


SCALARS = {
    "n": (pa.int64(), [None, 0, 1, -7, 10, 3, 2**53 + 1, 2**62, -(2**63)]),
    "x": (pa.float64(), [None, 0.0, -0.0, 0.1, 1.0, 10.0, -7.0, 3.5, 2.0**53, 2.0**62, 1e300]),
    "e": (pa.decimal128(38, 7), [None, *map(Decimal, ("0", "0.1", "1", "10", "-7.0000001", "9007199254740993.5"))]),
    "w": (pa.decimal128(38, 0), [None, *map(Decimal, (0, 1, 10, -7, 2**53 + 1, 10**30))]),
    "s": (pa.string(), [
        None, "0", "1", "a", "10", "9", "0.1", "0.1000000000000000055", "-0.0", "", "9007199254740993",
        "9007199254740993.5", "1e2", "7.",
    ]),
    "b": (pa.bool_(), [None, True, False]),
    "d": (pa.timestamp("us", "UTC"), [None, *(datetime(y, 2, 29, tzinfo=UTC) for y in (1968, 2020))]),
    "z": (pa.null(), [None]),
}  # fmt: skip


@pytest.mark.parametrize("name", ["min", "max"])
@pytest.mark.parametrize("first", [*SCALARS, "0", "2.5", "'10'", "true"])
def test_extremes_of_all_kinds_are_those_of_each_row(name: str, first: str) -> None:
    """With each other kind, and with a third of the pairs of kinds: another third for the next kind."""
    chance = random.Random(f"{name} {first}")
    schema = pa.schema([(key, kind) for key, (kind, _) in SCALARS.items()])
    others = [*SCALARS, "0", "2.5", "'10'", "true"]
    pairs = list(itertools.product(others, repeat=2))[(others.index(first) + (name == "max")) % 3 :: 3]
    for rest in [(one,) for one in others] + pairs:
        rows = [{key: chance.choice(values) for key, (_, values) in SCALARS.items()} for _ in range(16)]
        check(f"{name}({', '.join((first, *rest))})", rows, schema=schema)


@pytest.mark.parametrize("value", [*SCALARS, "'10'"])
@pytest.mark.parametrize("key", [*SCALARS, "0", "2.5", "'10'", "'0.1000000000000000055'", "'US'", "true", "null"])
def test_values_of_all_kinds_equal_keys_as_in_each_row(value: str, key: str) -> None:
    chance = random.Random(f"{value} {key}")
    schema = pa.schema([(name, kind) for name, (kind, _) in SCALARS.items()])
    rows = [{name: chance.choice(values) for name, (_, values) in SCALARS.items()} for _ in range(60)]
    for text in ("decode({}, {}, 'a', 'b')", "decode({}, {}, 1, s, 2, 'US', 3, 'b')"):
        check(text.format(value, key), rows, schema=schema)
    for sign in "== != < >= + - * / %".split():
        check(f"({value}) {sign} ({key})", rows, schema=schema)
