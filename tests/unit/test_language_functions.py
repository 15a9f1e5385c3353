"""The catalogue: every example runs, and every function meets null, empty, foreign and wrong input."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from language_kit import values_of

from xdmprep.errors import ExpressionError, MissingDependencyError
from xdmprep.language import Function, Options, catalogue, compile_expression, evaluate
from xdmprep.language.grammar import parse
from xdmprep.language.tree import Call

AVAILABLE = [entry for entry in catalogue() if entry.availability != "no"]
NOON = Options(clock=lambda: datetime(2024, 2, 29, 12, 0, 0, 5000, UTC), seed=1)


@pytest.mark.parametrize("entry", AVAILABLE, ids=lambda entry: entry.name)
def test_the_example_gives_what_the_catalogue_says(entry: Function) -> None:
    got = evaluate(entry.example, entry.record, strict=True, options=NOON)
    if entry.availability == "volatile":
        assert got is not None
    else:
        assert got == entry.gives
    assert entry.meaning.endswith(".")
    assert entry.category
    assert entry.signature.startswith(entry.name + "(")


@pytest.mark.parametrize("entry", AVAILABLE, ids=lambda entry: entry.name)
def test_the_result_has_the_type_that_the_catalogue_says(entry: Function) -> None:
    if entry.result is None:
        return
    expression = compile_expression(entry.example, None, NOON)
    rows = pa.RecordBatch.from_pylist([entry.record or {"_": 1}])
    assert compile_expression(entry.example, rows.schema, NOON).type in (entry.result, expression.type)
    values = values_of(expression.apply(rows))
    assert pa.array(values, entry.result).null_count in (0, 1)


#: First arguments that no function may fall over: it gives a value or a reason.
ODD = [
    "null", "''", "' '", "'ÀÉ\U0001f600'", "0", "-1", "2.5", "9223372036854775807", "true", "[]", "[null]",
    "[[1], 'a']", "{}", "{'a': null}", "date('2020-02-29')", "x", "huge",
]  # fmt: skip


@pytest.mark.parametrize("entry", AVAILABLE, ids=lambda entry: entry.name)
def test_constants_of_every_kind_are_checked(entry: Function) -> None:
    """Whatever constant stands at a place, alone among fields or at all places: it is looked at without a crash."""
    count = max(entry.fewest, 1) if entry.most is None or entry.most else 0
    for constant in ("null", "true", "1", "-2.5", '""', '"a"', '[1, "a"]', '{"k": 1}'):
        for at in (*range(count), None):
            arguments = [constant if at in (None, i) else "field" for i in range(count)]
            try:
                expression = compile_expression(f"{entry.name}({', '.join(arguments)})")
            except ExpressionError:  # a path that is no text, a key without a value
                continue
            assert all(isinstance(fault, ExpressionError) for fault in expression.faults())


@pytest.mark.parametrize("entry", AVAILABLE, ids=lambda entry: entry.name)
def test_odd_input_gives_a_value_or_a_reason(entry: Function) -> None:
    most = entry.most if entry.most is not None else max(entry.fewest, 2)
    record = {"huge": "a,b;c:d=" * 20_000}
    for odd in ODD:
        for n in {entry.fewest, most}:
            if n == 0:
                continue
            arguments = ", ".join([odd] * n)
            if entry.name in ("filterArray", "transformArray"):
                arguments = f"{odd}, i -> i"
            if entry.name == "contains_key":
                arguments = "'x'"
            if entry.name in ("to_object", "to_map", "arrays_to_objects") and n % 2:
                continue
            try:
                evaluate(f"{entry.name}({arguments})", record, strict=True, options=NOON)
            except ExpressionError as error:
                assert str(error).startswith("The evaluation failed: "), error
                assert len(str(error)) < 900


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("explode('a,b,', ',')", ["a", "b", ""]),
        ("explode('abc', '')", ["a", "b", "c"]),
        ("explode('a|b', '\\\\|')", ["a", "b"]),
        ("explode('', ',')", [""]),
        ("explode('a1b2', '([0-9])')", ["a", "b", ""]),
        ("split('a  b')", ["a", "b"]),
        ("instr('banana', 'an', 0, 2)", 3),
        ("instr('banana', 'an', 0, 3)", -1),
        ("replacestr('aaa', 'aa', 'b')", "ba"),
        ("replacestr('a', '', 'b')", "a"),
        ("replacestr('a.b', '.', null)", "ab"),
        ("lpad('7', 3, '0')", "007"),
        ("rpad(7, 3, null)", "7  "),
        ("upper('straße')", "STRASSE"),
        ("lower('İ')", "i̇"),
        ("trim('\u00a0\t a \u3000')", "a"),
        ("left('\U0001f600ab', 2)", "\U0001f600a"),
        ("extract_regex('x=1', '(?<k>[a-z])=([0-9])(z)?')", ["x=1", "x", "1", None]),
        ("matches_regex('ab', '\\\\p{Alpha}+')", True),
        ("sha256('é', 'US-ASCII') == sha256('?')", True),
        ("md5('a', 'UTF-16')", "4b936244fb81c0500598b1938266f69a"),
        ("get_url_host('HTTPS://user:pw@Example.com:8080/x')", "Example.com"),
        ("get_url_port('http://[::1]:99999/')", None),
        ("get_url_port('https://example.com')", 443),
        ("get_url_path('https://example.com')", ""),
        ("get_url_protocol('no url')", None),
        ("get_url_query_str('foo://h/p?name=ferret#nose', 'retain')", {"name": "ferret#nose"}),
        ("get_url_query_str('foo://h/p?name=ferret#nose', 'remove')", {"name": "ferret"}),
        ("get_url_encoded('a b/c?é~')", "a%20b%2Fc%3F%C3%A9~"),
        ("get_url_decoded(get_url_encoded('a b/c?é+~'))", "a b/c?é+~"),
        ("date_part('yy', date('2019-10-17'))", 2019),
        ("date_part('WEEKDAY', date('2019-10-17'))", 4),
        ("date_part('millisecond', date('2019-10-17T00:00:00.123Z'))", 123),
        ("set_date_part('month', 2, date('2020-01-31'))", "2020-02-29T00:00:00Z"),
        ("set_date_part('hour', 25, date('2020-01-31'))", None),
        ("make_date_time(2019, 10, 17, 11, 55, 12, 999, 'America/Los_Angeles')", "2019-10-17T11:55:12.000000999-07:00"),
        ("make_date_time(2019, 13, 17, 11, 55, 12, 0, 'UTC')", None),
        ("format(date('2020-07-04T12:30:00+02:00'), 'HH:mm XXX')", "12:30 +02:00"),
        ("dformat('0', 'yyyy')", "1970"),
        ("date('2020-02-30', 'yyyy-MM-dd')", None),
        ("date('', 'yyyy-MM-dd')", None),
        ("date(null, 'yyyy', date('2000-01-01'))", "2000-01-01T00:00:00Z"),
        ("date('Thu, 17 Oct 2019 11:55:12 GMT', 'EEE, d MMM yyyy HH:mm:ss z')", "2019-10-17T11:55:12Z"),
        ("date('Fri, 17 Oct 2019', 'EEE, d MMM yyyy')", None),
        ("arrays_to_objects('a', [1, 2], 'b', [3])", [{"a": 1, "b": 3}, {"a": 2}]),
        ("str_to_object(' a : b:c , d ')", {"a": "b:c", "d": None}),
        ("get_values('a:1', 'z', '', '')", None),
        ("object_to_map([{'t': 'h', 'n': 1}], t)", {"h": {"t": "h", "n": 1}}),
        ("object_to_map('k', x)", {"k": 1}),
        ("coalesce([null, 2])", 2),
        ("last([])", None),
        ("min(2, '10', null)", 2),
        ("max('b', 'a', null)", "b"),
        ("max(1, true)", 1),
        ("decode(1, '1', 'one')", "one"),
        ("decode(null, null, 'n', 'd')", "n"),
        ("to_integer('12.0')", None),
        ("to_integer(12.0)", 12),
        ("to_integer('9223372036854775808')", None),
        ("to_decimal('1e400')", None),
        ("to_decimal('NaN')", None),
        ("to_float('1e39')", None),
        ("json_to_object('[1, {\"a\": 12345678901234567890}]')", [1, {"a": 12345678901234567890}]),
        ("json_to_object('NaN')", None),
        ("filterArray(null, i -> i)", None),
        ("filterArray([1], 2)", None),
        ("array_to_string('-', [[1, null], [[true]]])", "1-null-true"),
        ("aa_get_event_value('event1', 'event10')", None),
        ("aa_get_product_names('')", []),
        ("ua_device_class('curl/7.1')", "Robot"),
    ],
)
def test_what_the_pages_say_of_single_functions(text: str, wanted: Any) -> None:
    assert evaluate(text, {"x": 1, "t": "ignored"}) == wanted


@pytest.mark.parametrize(
    ("text", "options", "default", "other"),
    [
        ("null + 1", {"null_operand": "error"}, 1, None),
        ("concat('a', null)", {"concat_null": "text"}, "a", "anull"),
        ("concat('a', null)", {"concat_null": "null"}, "a", None),
        ("join(',', ['a', null])", {"join_null": "skip"}, "a,null", "a"),
        ("join(',', ['a', null])", {"join_null": "empty"}, "a,null", "a,"),
        ("iif(null, 1, 2)", {"null_condition": "error"}, 2, None),
        ("instr('a', 'b')", {"not_found": "null"}, -1, None),
        ("replacestr('aa', 'a', 'b')", {"replace": "first"}, "bb", "ba"),
        ("substr('abc', 1, 9)", {"overrun": "error"}, "bc", None),
        ("lpad('abc', 2, 'x')", {"pad_long": "cut"}, "abc", "ab"),
        ("matches_regex('abc', 'b')", {"matches": "part"}, False, True),
        ("extract_regex('a', 'b')", {"no_match": "null"}, [], None),
        ("to_integer('12.7')", {"fractions": "truncate"}, None, 12),
        ("to_bigint('12.7')", {"bigint_fractions": "error"}, 12, None),
        ("map_get_values({'a': 1}, 'a')", {"map_get": "map"}, 1, {"a": 1}),
        ("contains_key('n')", {"null_keys": "present"}, False, True),
        ("size_of(null)", {"null_size": "null"}, 0, None),
        ("arrays_to_objects('a', [1], 'b', [])", {"zip_short": "null"}, [{"a": 1}], [{"a": 1, "b": None}]),
        ("get_url_query_str('http://h?a=1&a=2')", {"query_repeats": "last"}, {"a": "1"}, {"a": "2"}),
        ("get_url_query_str('http://h?a=1&a=2')", {"query_repeats": "list"}, {"a": "1"}, {"a": ["1", "2"]}),
        ("get_url_path('http://h/a/b', false)", {"path_end": "slash"}, "b", "/b"),
        ("format(date('2019-10-17'), 'u')", {"date_letters": "simple"}, "2019", "4"),
        ("date_part('week', date('2021-01-03'))", {"weeks": "us"}, 53, 2),
        ("date_part('weekday', date('2019-10-17'))", {"weeks": "us"}, 4, 5),
        ("date_part('w', date('2019-10-17'))", {"letter_w": "weekday"}, 42, 4),
        ("date_part('yy', date('2019-10-17'))", {"short_year": "two"}, 2019, 19),
        ("date('2019-10-17 11:55:12 PST')", {"zone_names": "region"}, "2019-10-17T11:55:12-08:00",
         "2019-10-17T11:55:12-07:00"),
        ("date('2019-10-17 11:55:12.005')", {"zoneless_millis": "drop"}, "2019-10-17T11:55:12.005Z",
         "2019-10-17T11:55:12Z"),
    ],
)  # fmt: skip
def test_readings_that_can_be_switched(text: str, options: dict[str, Any], default: Any, other: Any) -> None:
    assert evaluate(text, {"n": None}) == default
    assert evaluate(text, {"n": None}, options=Options(**options)) == other


@pytest.mark.parametrize("reading", ["absent", "present"])
def test_a_key_that_is_not_there_is_contained_in_no_reading(reading: Any) -> None:
    options = Options(null_keys=reading)
    record = {"a": None, "o": {"x": None, "t": "text"}, "l": [None], "d.e": 1}
    for path, present in [("a", True), ("o.x", True), ("l[0]", True), ("b", False), ("o.y", False), ("o.t.z", False),
                          ("l[1]", False), ("a.b", False)]:  # fmt: skip
        wanted = present and reading == "present"
        assert evaluate(f'contains_key("{path}")', record, strict=True, options=options) is wanted, path
    assert evaluate('contains_key("d.e")', record, strict=True, options=options) is True
    columns = pa.schema([("a", pa.string())])
    rows = pa.record_batch({"a": pa.array([None, "x"])})
    for path, values in [("a", [reading == "present", True]), ("b", [False, False])]:
        got = compile_expression(f'contains_key("{path}")', columns, options).apply(rows)
        assert values_of(got) == values


def test_every_switch_is_tested_and_documented(request: pytest.FixtureRequest) -> None:
    docs = (request.config.rootpath / "xdmprep" / "docs" / "language.md").read_text(encoding="utf-8")
    fields = set(Options.__dataclass_fields__)
    assert not {name for name in fields if f"`{name}`" not in docs}
    tested = {
        name for mark in test_readings_that_can_be_switched.pytestmark for case in mark.args[1] for name in case[1]
    }
    assert fields - tested == {"clock", "seed", "dotted_columns", "booleans"}  # these have tests of their own


def test_every_function_is_in_the_documentation(request: pytest.FixtureRequest) -> None:
    docs = (request.config.rootpath / "xdmprep" / "docs" / "language.md").read_text(encoding="utf-8")
    assert not [entry.name for entry in catalogue() if f"`{entry.signature}`" not in docs]


def test_clock_and_seed_repeat_a_run() -> None:
    rows = pa.record_batch({"a": ["x", "x", "y"]})
    for text in ("now()", "timestamp()", "concat(a, uuid())"):
        first, again = (compile_expression(text, rows.schema, NOON).apply(rows).values for _ in range(2))
        assert list(first) == list(again)
    ids = compile_expression("uuid()", rows.schema, NOON).apply(rows).values.to_pylist()
    assert len(set(ids)) == 3
    assert all(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", i) for i in ids)
    other = compile_expression("uuid()", rows.schema, Options(seed=2)).apply(rows).values.to_pylist()
    assert not set(ids) & set(other)
    assert evaluate("now()", None, options=NOON) == "2024-02-29T12:00:00.005Z"


def test_random_ids_differ_without_a_seed() -> None:
    rows = pa.record_batch({"a": ["x"] * 50})
    assert len(set(compile_expression("concat(a, uuid())").apply(rows).values.to_pylist())) == 50


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xdmprep.language.binding.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r'pip install "xdmprep\[agents\]"'):
        compile_expression("ua_os_name(a)")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('"hello".substring(2)', "llo"), ('"hello".substring(1, 3)', "el"), ('"hello".substring(5)', ""),
        ('"漢字é".substring(1, 2)', "字"), ('"hello".charAt(4)', "o"), ('"banana".indexOf("an", 2)', 3),
        ('"banana".indexOf("x")', -1), ('"banana".lastIndexOf("an")', 3), ('" \t".isBlank()', True),
        ('" a ".strip()', "a"), ('"abc1".matches("[a-z]+")', False), ('"abc".matches("[a-z]+")', True),
        ('"a1b22".replaceAll("[0-9]+", "#")', "a#b#"), ('"a1b22".replaceFirst("[0-9]+", "#")', "a#b22"),
        ('"2020-12".replaceAll("(\\\\d+)-(\\\\d+)", "$2/$1")', "12/2020"),
        ('"a.b".replaceAll("[.]", "\\\\$")', "a$b"), ('"a,b,,c,,".split(",")', ["a", "b", "", "c"]),
        ('"".split(",")', [""]), ('",a".split(",")', ["", "a"]), ('"abc".split("")', ["a", "b", "c"]),
        ('"A".toLowerCase().concat("b")', "ab"), ('{"a": 1}.getOrDefault("b", 2)', 2), ("[1, 2].indexOf(2)", 1),
    ],
)  # fmt: skip
def test_methods_of_values(text: str, wanted: Any) -> None:
    assert evaluate(text, None, strict=True) == wanted


@pytest.mark.parametrize(
    "text",
    ['"abc".substring(4)', '"abc".substring(2, 1)', '"abc".substring(-1)', '"abc".charAt(3)', '"abc".charAt("x")',
     '"abc".matches("(")', '"abc".replaceAll("b", "$1")', "(5).substring(1)"],
)  # fmt: skip
def test_methods_fail_with_a_reason(text: str) -> None:
    with pytest.raises(ExpressionError, match="The evaluation failed: "):
        evaluate(text, None, strict=True)


@pytest.mark.parametrize(("text", "says"), [('"a".substring()', "takes 1 or 2 arguments"), ('"a".foo()', "no method")])
def test_wrong_methods_are_found_before_the_first_row(text: str, says: str) -> None:
    with pytest.raises(ExpressionError, match=says):
        compile_expression(text)


#: Functions whose example is no call with arguments that could be columns, or calls them as a method: all have kernels.
NOT_TRIED = {
    "json_to_object",
    "equals",
    "equalsIgnoreCase",
    "is_empty",
    "contains_key",
    "now",
    "timestamp",
    "nullify",
    "uuid",
}


def how_it_runs(entry: Function) -> str:
    """How a function runs where one of the arguments of its example is a column, as the documentation says it."""
    tree = parse(entry.example)
    assert isinstance(tree, Call), entry.name
    starts = [argument.position for argument in tree.arguments]
    names = re.split(r"[\s,\[\]]+", entry.signature.partition("(")[2].rstrip(")"))
    slow, columns = [], False
    for number, start in enumerate(starts):
        end = entry.example.rindex(*(",", start, starts[number + 1]) if number + 1 < len(starts) else (")",))
        try:
            value = evaluate(entry.example[start:end], {})
            records = pa.record_batch({"v": pa.array([value] * 3 + [None])})
            expression = compile_expression(f"{entry.example[:start]}v{entry.example[end:]}", records.schema)
        except (ExpressionError, pa.ArrowInvalid):  # an argument that is a field, a lambda, or has to be a constant
            continue
        asked = expression.interpreted(records)
        assert all(once for _, once in asked), entry.name
        if asked and number < len(names) and names[number] not in ("", "..."):
            slow.append(names[number])
        columns = columns or not asked
    if not columns:
        return "distinct values" if slow else "columns"
    return f"columns; distinct values of {', '.join(dict.fromkeys(slow))}" if slow else "columns"


def test_the_documentation_says_how_every_function_runs(request: pytest.FixtureRequest) -> None:
    docs = (request.config.rootpath / "xdmprep" / "docs" / "language.md").read_text(encoding="utf-8")
    for entry in catalogue():
        if entry.availability == "no" or not entry.example:
            continue
        runs = "columns" if entry.name in NOT_TRIED else how_it_runs(entry)
        line = next(line for line in docs.splitlines() if line.startswith(f"| `{entry.signature}`"))
        assert f" | {runs} | " in line, f"{entry.signature} runs by {runs}"
