# ruff: noqa: E501
"""Objects, arrays, maps and mixed values over a batch are what they are for each row alone, absent keys included."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from language_kit import errors_of, fits, values_of

from xdmprep.language import Options, catalogue, compile_expression
from xdmprep.language.catalogue import Context
from xdmprep.language.columns import nulls_of
from xdmprep.language.interpreter import Scope, compile_node, run
from xdmprep.language.kernels.equality import same as same_columns
from xdmprep.language.options import DEFAULT
from xdmprep.language.shapes import entries_of, from_python, map_of, type_kind
from xdmprep.language.values import Failed, text_of
from xdmprep.language.values import same as reference
from xdmprep.language.zoned_datetime import Moment

TEXT, LONG = pa.string(), pa.int64()
ITEM = pa.struct([("id", TEXT), ("n", LONG), ("x", pa.float64())])
SCHEMA = pa.schema(
    [
        ("a", TEXT),
        ("b", pa.dictionary(pa.int32(), TEXT)),
        ("n", LONG),
        ("x", pa.float64()),
        ("t", pa.bool_()),
        ("d", pa.timestamp("ms", "UTC")),
        ("o", ITEM),
        ("l", pa.list_(TEXT)),
        ("ln", pa.list_(LONG)),
        ("lo", pa.list_(ITEM)),
        ("ll", pa.list_(pa.list_(TEXT))),
        ("m", pa.map_(TEXT, TEXT)),
        ("mo", pa.map_(TEXT, ITEM)),
    ]
)
WORDS = ["", "a", "B", "k", "id", "1", "-7", "2.5", "1e2", "true", "x,y,,z", "k:1, a:2", "é€", '{"k": [1, null]}', "  q ",
         "http://h/p/q?k=1#f", "2020-02-29", "2020-01-02T03:04:05+02:00", "99999999999999999999", "[1.5, \"a\"]"]  # fmt: skip
text = st.none() | st.sampled_from(WORDS)
whole = st.none() | st.integers(-3, 9) | st.sampled_from([2**53 + 1, 2**63 - 1, -(2**63)])
real = st.none() | st.sampled_from([0.0, -0.0, 1.5, 3.0, -2.25, 1e300])
item = st.none() | st.fixed_dictionaries({"id": text, "n": whole, "x": real})
keys = st.sampled_from(["k", "a", "id", "1", ""])


def listed(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | st.lists(inner, max_size=3)


row = st.fixed_dictionaries(
    {
        "a": text,
        "b": text,
        "n": whole,
        "x": real,
        "t": st.none() | st.booleans(),
        "d": st.none()
        | st.sampled_from([datetime(1969, 12, 31, 23, 59, 59, 5000, UTC), datetime(2020, 2, 29, tzinfo=UTC)]),
        "o": item,
        "l": listed(text),
        "ln": listed(whole),
        "lo": listed(item),
        "ll": listed(listed(text)),
        "m": st.none() | st.dictionaries(keys, text, max_size=3),
        "mo": st.none() | st.dictionaries(keys, item, max_size=2),
    }
)
FIELDS = [*SCHEMA.names, "o.id", "o.n", "lo[0]", "lo[1].id", "m.k", "mo.k.n", "ll[0]"]
LITERALS = ["null", "true", "false", "0", "1", "-2", "2.5", "''", "'a'", "'k'", "'id'", "','", "[]", "['a', null, 1]",
            "{'k': 1, 'a': 'b'}", "{}"]  # fmt: skip
CALLS = [entry for entry in catalogue() if entry.availability == "yes" and entry.name != "contains_key"]
METHODS = ["equals(P)", "equalsIgnoreCase(P)", "length()", "isEmpty()", "contains(P)", "startsWith(P)", "endsWith(P)",
           "indexOf(P)", "substring(P)", "substring(P, Q)", "charAt(P)", "isBlank()", "strip()", "toLowerCase()",
           "toUpperCase()", "trim()", "concat(P)", "replace(P, Q)", "get(P)", "getOrDefault(P, Q)", "containsKey(P)",
           "size()", "keySet()", "values()", "toString()", "lastIndexOf(P)"]  # fmt: skip
OPERATORS = "+ - * / % & | ^ == != < <= > >= && || ?: ?? =^ =$ !^".split()


@st.composite
def trees(draw: st.DrawFn, depth: int = 4, variables: tuple[str, ...] = ()) -> str:
    """Any expression of the language, up to so many calls deep."""
    leaf = st.sampled_from([*FIELDS, *variables, *[f"{v}.id" for v in variables], *LITERALS])
    if depth == 0 or draw(st.integers(0, 5)) == 0:
        return draw(leaf)

    def part() -> str:
        return draw(trees(depth - 1, variables))

    match draw(st.integers(0, 9)):
        case 0 | 1 | 2 | 3:
            entry = draw(st.sampled_from(CALLS))
            if entry.name in ("filterArray", "transformArray"):
                return f"{entry.name}({part()}, i -> {draw(trees(depth - 1, (*variables, 'i')))})"
            n = entry.fewest + draw(st.integers(0, 2))
            n = n if entry.most is None else min(n, entry.most)
            if entry.name in ("to_object", "to_map", "arrays_to_objects"):
                n = max(n - n % 2, 2)
            if entry.package:
                return part()
            return f"{entry.name}({', '.join(part() for _ in range(n))})"
        case 4:
            method = draw(st.sampled_from(METHODS))
            return f"({part()}).{method.replace('P', part()).replace('Q', part())}"
        case 5:
            return f"({part()}) {draw(st.sampled_from(OPERATORS))} ({part()})"
        case 6:
            return f"({part()}) ? ({part()}) : ({part()})"
        case 7:
            return f"[{', '.join(part() for _ in range(draw(st.integers(1, 3))))}]"
        case 8:
            return f"{{'k': {part()}, {draw(st.sampled_from(['a', chr(39) + 'id' + chr(39), 'n']))}: {part()}}}"
        case _:
            return f"({part()})[{draw(st.sampled_from(['0', '1', chr(39) + 'k' + chr(39), 'a', 'n']))}]"


def alone(compiled: Any, record: dict[str, Any], options: Options) -> tuple[Any, str | None]:
    try:
        return run(compiled, Scope(record, Context(options))), None
    except Failed as error:
        return None, str(error)


def same(left: Any, right: Any) -> bool:
    """Values as they leave: dates as instants in milliseconds, absent keys as nulls."""
    if isinstance(right, Moment):
        return isinstance(left, datetime) and Moment.of(left).millis == right.millis
    if isinstance(left, datetime) or isinstance(right, datetime):
        return (
            isinstance(left, datetime)
            and isinstance(right, datetime)
            and Moment.of(left).millis == Moment.of(right).millis
        )
    if isinstance(left, list) and left and isinstance(left[0], tuple) and isinstance(right, dict):
        left = dict(left)
    if isinstance(left, list) and not left and right == {}:
        return True
    if isinstance(left, dict) and isinstance(right, dict):
        return all(same(left.get(key), right.get(key)) for key in left.keys() | right.keys())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float) and type(right) is int:  # null counts as the integer 0 among doubles
        return left == float(right)
    return type(left) is type(right) and repr(left) == repr(right)


def batch_of(rows: list[dict[str, Any]]) -> tuple[pa.RecordBatch, list[dict[str, Any]]]:
    """The rows as a slice of a batch, and that slice as records."""
    around = pa.RecordBatch.from_pylist([RECORDS[7], *rows, RECORDS[8]], schema=SCHEMA)
    batch = around.slice(1, len(rows))
    return batch, batch.to_pylist(maps_as_pydicts="strict")


def check(text: str, rows: list[dict[str, Any]], options: Options = DEFAULT) -> None:
    batch, records = BATCH if rows is RECORDS else batch_of(rows)
    expression = compile_expression(text, SCHEMA, options)
    got = expression.apply(batch)
    values = values_of(got)
    if isinstance(got.values, pa.Array):
        got.values.validate(full=True)
    if expression.type is not None:
        assert all(fits(value, expression.type) for value in values), (text, expression.type, values)
    failed = dict(errors_of(got))
    assert len(values) == len(rows)
    compiled = compile_node(expression.tree)
    for i, record in enumerate(records):
        value, reason = alone(compiled, record, options)
        assert failed.get(i) == reason, (text, record, values[i], value)
        assert same(values[i], value), (text, record, values[i], value)


RECORDS = [
    {
        "a": WORDS[i % len(WORDS)] if i % 7 else None,
        "b": WORDS[3 * i % len(WORDS)] if i % 5 else None,
        "n": [None, 0, 1, 2, -1, 2**63 - 1][i % 6],
        "x": [None, 0.0, -0.0, 1.5, 3.0, 1e300][i % 6],
        "t": [None, True, False][i % 3],
        "d": [None, datetime(2020, 2, 29, 23, 5, 9, 5000, UTC)][i % 2],
        "o": None if i % 4 == 0 else {"id": WORDS[i % len(WORDS)], "n": i % 3, "x": None if i % 5 else 2.5},
        "l": None if i % 6 == 0 else [WORDS[i % len(WORDS)], None, "a"][: i % 4],
        "ln": None if i % 6 == 1 else [3, None, 1, 2**63 - 1][: i % 5],
        "lo": None if i % 6 == 2 else [{"id": WORDS[i % 9], "n": 1, "x": 2.0}, None, {"id": "k", "n": None, "x": None}][: i % 4],
        "ll": None if i % 6 == 3 else [["a", None], None, [], ["b"]][: i % 5],
        "m": None if i % 6 == 4 else dict([("k", "1"), ("a", None), ("id", "x")][: i % 4]),
        "mo": None if i % 6 == 5 else {"k": {"id": "k", "n": 4, "x": 0.5}, "a": None} if i % 2 else {},
    }
    for i in range(24)
]  # fmt: skip
BATCH = batch_of(RECORDS)
EQUAL = [
    ("o", "{'x': o.x, 'n': o.n, 'id': o.id}"), ("o", "iif(t, o, {'id': a})"), ("iif(t, o, {'id': null})", "iif(n > 0, {'id': null}, {'k': null})"),
    ("{'k': a, 'n': n}", "{'n': x, 'k': b}"), ("{'n': ln}", "{'n': [3, null]}"), ("l", "[a, null]"), ("ln", "[3]"), ("ln", "transformArray(ln, i -> to_decimal(i))"),
    ("[n]", "[x]"), ("[9007199254740993]", "[9007199254740992.0]"), ("[n]", "[x * 9223372036854775807]"), ("[t]", "[1]"), ("[a]", "[t]"), ("[null]", "[a]"), ("[]", "l"),
    ("lo", "[{'id': 'k', 'n': null, 'x': null}]"), ("lo", "join_arrays(lo, [])"), ("ll", "[['a', null], null]"), ("ll", "filterArray(ll, i -> true)"),
    ("m", "{'k': '1', 'a': null}"), ("m", "add_to_map({'a': null}, m)"), ("mo", "{'k': {'id': 'k', 'x': 0.5, 'n': 4.0}, 'a': null}"), ("to_map(a, 1, b, 2)", "to_map(b, 2, a, 1)"),
    ("{}", "m"), ("m", "o"), ("l", "m"), ("o", "a"), ("o", "n"), ("t", "l"), ("d", "l"), ("d", "n"), ("d", "t"), ("d", "null"), ("l", "null"), ("d", "a"),
    ("d", "'2020-02-29T23:05:09.005Z'"), ("zone_date_to_zone(d, 'Asia/Tokyo')", "concat(set_date_part('hour', 1, d))"), ("zone_date_to_zone(d, 'Asia/Tokyo')", "'2020-03-01T08:05:09.005+09:00'"),
    ("zone_date_to_zone(d, 'Asia/Tokyo')", "d"), ("[zone_date_to_zone(d, 'Asia/Tokyo')]", "[d]"), ("[d]", "['2020-02-29T23:05:09.005Z']"), ("iif(t, a, n)", "iif(n > 0, n, x)"), ("iif(t, o, l)", "o"),
    ("[iif(t, a, n)]", "[n]"), ("[iif(t, l, a), o]", "[l, iif(n > 0, o, x)]"),
]  # fmt: skip
TEMPLATES = [
    "iif(t, {'k': a, 'id': n}, {'k': b, 'x': x})", "iif(t, o, {'id': n})", "iif(t, m, o)", "iif(t, a, n)", "iif(t, x, n)",
    "decode(a, 'a', o, 'k', {'k': n}, null)", "decode(n, 0, 'z', '1', x, a)", "decode(t, true, 'y', false, 'n')",
    "decode(a, b, 1, null, 2, 3)", "coalesce(o, {'id': 'none'}, null)", "coalesce(l)", "coalesce(lo[0], lo[1])",
    "to_array(false, iif(a != null && a != '', to_object('id', a, 'primary', false), null), to_object('id', b))",
    "to_array(true, a, n, x, null)", "to_array(false, a, b, null)", "[o, null, {'k': 1}]", "[l, ln]", "[[a], [], null]",
    "add_to_array(l, a, 'z')", "add_to_array(ln, a)", "add_to_array(null, o)", "join_arrays(l, ln, null, [a])",
    "join_arrays(lo, [o])", "upsert_array_append(lo)", "flattenArray(ll)", "flattenArray([l, a])", "flattenArray([ll, ll])",
    "array_to_string('-', ll)", "join('-', ln)", "join('-', [x, n, a])", "join(',', a, n, x, null)", "first(lo)", "last(ln)",
    "first(a, b)", "last(n, null)", "min(ln)", "max(l)", "max(n, x)", "max(a, n)", "min(x, a)", "max(n, '1')", "min(x, 0)", "max(a, b)", "min(n, x, 2, null)", "max([])",
    "max(transformArray(lo, i -> i.x))", "min(d, d)", "size_of(m)", "size_of(o)", "size_of(lo)", "size_of(iif(t, o, {}))", "size(l)",
    "is_empty(o)", "is_empty(ln)", "empty(m)", "a ? max(a, []) : upsert_array_append(true)", "t ? upsert_array_append(a) : max(n, l)", "get_keys(o)", "get_keys(m)", "get_keys(iif(t, {'k': 1}, {'a': 2, 'k': 1}))",
    "m.k", "m[a]", "m['id']", "mo.k.id", "o[a]", "o['id']", "l[n]", "ln[1]", "lo[0].id", "{'a': 'A', 'k': 'K'}[a]",
    "{'a': 1, 'k': 'K'}.getOrDefault(a, 'no')", "m.get('k')", "m.getOrDefault('k', 'no')", "m.containsKey('k')", "o.containsKey('q')",
    "map_get_values(m, 'k')", "map_get_values(m, 'k', 'a')", "map_get_values(o, 'id', 'n')", "map_has_keys(m, 'q', 'k')",
    "map_get_values(to_map('a', 1, 'k', 2), a)", "map_has_keys(o, 'id')", "to_map('a', a, 'b', n)", "to_map(a, n)", "to_map(a, n, b, x)",
    "to_object(a, n, 'z', b)", "object_to_map(o)", "object_to_map(m)", "object_to_map('a', a, 'b', b)", "object_to_map(lo, id)",
    "array_to_map(lo, 'id')", "array_to_map(lo, 'n')", "array_to_map(ll, 'q')", "array_to_map(join_arrays(lo, lo, [o]), 'n')", "to_map(a, 1, b, 2, a, n)", "object_to_map('a', a, b, n)", "add_to_map(m, {'k': 'z', 'q': 'r'})", "add_to_map(o, {'id': 1, 'q': 2})",
    "add_to_map(iif(t, {'k': 1}, {'a': 2}), {'k': 3, 'a': 4})", "add_to_map(m, m, o)", "add_to_map(null, m)",
    "arrays_to_objects('id', l, 'n', ln)", "arrays_to_objects('id', l)", "arrays_to_objects('a', null, 'b', ln)", "arrays_to_objects('a', l, 'a', ln)",
    "['a', 'k', null].contains(a)", "[1, 2].contains(n)", "l.contains(a)", "ln.contains(n)", "l.size()", "m.size()", "m.isEmpty()", "m.keySet()", "o.values()",
    "a =~ ['a', 'k']", "b =~ ['1', null]", "n =~ [1, '2']", "a =~ [b, n, x]", "n =~ [x, a, null]", "x =~ [n, 1, '2.5']", "t =~ [a, n]", "o =~ [lo[0], o]", "d =~ [concat(d), a]", "iif(t, a, n) =~ [b, x, [a]]", "a =~ []", "null =~ [a, n]", "l =~ [[a], ll[0]]", "contains_key('m.k')", "contains_key('o.id')", "contains_key('lo[1].id')",
    "filterArray(lo, i -> i.n > 0)", "transformArray(lo, i -> {'k': i.id, 'a': a})", "transformArray(ln, i -> iif(i > 1, i, 'few'))", "filterArray(ln, i -> i != n)",
    "transformArray(lo, i -> iif(i.n == 1, {'k': 1}, null))", "transformArray(l, i -> transformArray(ln, j -> concat(i, j)))", "filterArray([o, {'id': a}], i -> i.id != null)",
    "a + b", "a + n", "n + a", "x + a", "a + null", "a * 2", "a * 2.5 + 1", "a - x", "x * n", "x / n", "x % 2", "-x", "-n", "+a", "~n", "n & 3", "(x * 2) + n", "to_integer(x)",
    "to_float(a)", "to_bigint(a)", "to_decimal(n)", "to_decimal(n * 9000000000 * 9000000000)", "a == n", "n == x", "t == a", "x < a", "n >= t", "o == o", "a ?: b", "n ?: 'none'", "x ?? n", "o ?? a", "d ?: a", "!a", "!n", "!o",
    "substr(a, n)", "substr(a, 1, n)", "left(a, size_of(a) - 1)", "right(b, n)", "a.substring(n)", "a.substring(0, 1)", "a.charAt(0)", "instr(a, '€')", "b.indexOf('é')", "lpad(n, 3, '0')",
    "concat(d)", "concat(x, '-', t)", "split(a)", "lower(x)", "equals(a, b)", "equalsIgnoreCase(n, a)", "set_date_part('day', n, d)", "set_date_part('month', 2, d)", "date(a)", "date(n)", "date(20200131 + n, 'yyyyMMdd')", "date(x, 'y')", "format(d, 'EEE d')", "a.split('(?<=a)')", "explode(a, '(?=a|k)')", "extract_regex(a, 'a*')",
    "zone_date_to_utc(date(a))", "dformat(n, 'yyyy')", "get_url_host(a)", "get_url_path(a, false)", "get_url_protocol(b)", "get_url_decoded(a)", "json_to_object(a)", "json_to_object(a).k", "str_to_object(a).k",
    "iif(t, json_to_object(a), o)", "[json_to_object(a), l]", "transformArray(json_to_object(a), i -> i)", "a.concat(b)", "a.replace('a', 'zz')", "uuid() == null", *[f"aa_get_product_{part}({given})" for part in ("categories", "names", "quantity", "price") for given in ("a", "concat(a, ';', b, '; ;3,', n)")], "str_to_object(a)", "str_to_object(a).k", "str_to_object(b, '=', '&')", "get_values(a, 'k', '', '')", "get_values(a, 'a', ':', ',')",
    "str_to_object(concat(a, ', k : 2,k:3,,'))", "get_values(concat(a, ', k : 2,k:3,,'), 'k', null, ',')", "a.replaceAll('[^0-9]', '')", "a.replaceAll('a|k:', '<>')",
    *[f"{text}.split({mark})" for text in ("a", "concat(a, ',', b, ',,')", "concat(',', a)") for mark in ("','", "'a'", "' '", "'[.]'", "''")],
    "l.indexOf(a)", "l.indexOf('k')", "ln.indexOf(n)", "ln.indexOf(1)", "lo.indexOf(o)", "[a, b].indexOf(b)", "l.indexOf(n)", "ln.indexOf(x)", "ln.indexOf(null)",
    "a.lastIndexOf('a')", "concat(b, 'é', a, b).lastIndexOf('é')", "concat(a, '€', b).lastIndexOf(':')", "a.lastIndexOf('')", "n.lastIndexOf('1')",
    *[f"concat({start}, n) {sign} 5" for start in ("'12345678901234567'", "'-0000123456789012345678'", "a", "'1'") for sign in ("==", "<", ">=", "!=")],
    *[f"get_url_query_str(concat('http://h/p?', a, '=', b, '&k=', n, '&&', a{end}){how})" for end in ("", ", '#', b", ", '&k=2'") for how in ("", ", 'remove'", ", 'append'", ", null", ", a")],
    "get_url_query_str('x:?#f')", "get_url_query_str(concat('x:', a, '#', b))", "get_url_query_str(a).k",
    *[f"aa_get_event_{what}(concat(a, ',event1=', n, ':', b, ', event2 ,event3:', a, ',event1=9, = 4:5'), {event})"
      for what in ("id", "value") for event in ("'event1'", "'event2'", "'event3'", "'k'", "''", "null", "b")],
    *[f"aa_get_product_{what}(concat(a, ';', b, ',c;p;1;2; event1=', n, ':', a, '|event2:', b, ';eVar1=', a, '| eVar1=b|eVar2=,;;;;event1|event2=;eVar2=x'), {event})"
      for what in ("event_values", "event_ids", "events", "evars") for event in ("'event1'", "'event2'", "'eVar1'", "'eVar2'", "''", "null", "a")],
    *[f"aa_get_product_{what}({text}, 'event1')" for what in ("event_values", "events", "evars") for text in ("a", "''", "n")],
    *[f"{left} {sign} {right}" for sign in ("==", "!=") for left, right in EQUAL], *[f"({left}).equals({right})" for left, right in EQUAL],
    *[f"[{left}, null, {right}].contains({left})" for left, right in EQUAL], *[f"[a, {right}, o, null, n].indexOf({left})" for left, right in EQUAL],
    *[f"decode({left}, {right}, 1, {left}, 2, 3)" for left, right in EQUAL], "lo.contains(o)", "ln.contains(x)", "ll.contains(l)", "l.contains(iif(t, n, a))",
    "iif(o > a, to_integer(b), date(a))", "concat(to_integer(a), '-', date(b, 'yyyy'))", "to_decimal(a) * to_integer(b) + date_part('dd', b)",
    "(date(a) > date(b)) && (to_integer(a) > 1)", "decode(to_integer(a), to_decimal(b), json_to_object(b), date(b))", "iif(to_integer(a) > 1, date(b), to_integer(b))",
    "b.replaceFirst('[0-9]+', '#')", "a.replaceFirst('\\\\w?', '<$0>')", "b.replaceFirst('^é*', '+')", "a.replaceAll('x*', '-')", "a.replaceAll('(.)', '$1$1')", "b.replaceAll('é|.$', 'e')",
]  # fmt: skip


OTHER = Options(null_operand="error", concat_null="null", join_null="skip", null_condition="error", null_keys="present",
                zip_short="null", null_size="null", map_get="map", fractions="truncate", overrun="error",
                path_end="slash", query_repeats="list")  # fmt: skip


@pytest.mark.parametrize("text", TEMPLATES)
def test_nested_and_mixed_values_over_a_batch(text: str) -> None:
    check(text, RECORDS)
    check(text, RECORDS, OTHER)
    if "concat" in text or "join" in text or "array_to_string" in text:
        check(text, RECORDS, Options(concat_null="text", join_null="empty"))
    if not text.startswith("uuid"):  # printed as JSON, absent keys and nulls differ
        check(f"concat('', [{text}])", RECORDS)


@settings(max_examples=300)
@given(trees(), st.lists(row, min_size=1, max_size=6))
def test_any_tree_over_a_batch_gives_what_each_row_gives_alone(text: str, rows: list[dict[str, Any]]) -> None:
    check(text, rows)


def test_text_of_is_what_concat_prints() -> None:
    got = compile_expression("concat('', {'k': a, 'n': n})", SCHEMA).apply(
        pa.RecordBatch.from_pylist(RECORDS, schema=SCHEMA)
    )
    assert got.values.to_pylist() == [text_of({"k": each["a"], "n": each["n"]}) for each in RECORDS]


VALUES = st.recursive(
    st.none() | st.sampled_from([True, False, 0, 1, 2, 0.0, -0.0, 1.0, 2.5, 2**53 + 1, 2.0**53, 2**63 - 1, -(2**63), 2.0**63, float("inf"), "", "1", "true", "k"])
    | st.sampled_from([Moment.of_micros(0), Moment.of_micros(1), Moment.of_micros(0).to(ZoneInfo("Asia/Tokyo"))]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "k"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def maps_of(column: pa.Array) -> pa.Array:
    """Objects as maps of the same entries; other columns as they are."""
    if type_kind(column.type) != "object" or not len(column.type):
        return column
    return map_of(*entries_of(column), nulls_of(column))


@settings(max_examples=400)
@given(st.lists(st.tuples(VALUES, VALUES | st.just(...)), min_size=1, max_size=6))
def test_equality_of_columns_is_that_of_their_values(pairs: list[tuple[Any, Any]]) -> None:
    left, right = [a for a, _ in pairs], [a if b is ... else b for a, b in pairs]
    columns = [from_python(left), from_python(right)]
    wanted = [reference(a, b) for a, b in zip(left, right, strict=True)]
    if any(isinstance(column, list) for column in columns):  # integers beyond 64 bits
        return
    one, two = columns
    assert same_columns(one, two).tolist() == wanted
    assert same_columns(maps_of(one), two).tolist() == wanted
    assert same_columns(maps_of(one), maps_of(two)).tolist() == wanted
    behind = pa.concat_arrays([two, two]).slice(len(two))
    assert same_columns(one, behind).tolist() == wanted
