"""Expressions over batches: types known beforehand, dictionaries kept, odd batches, threads."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from language_kit import errors_of, fits, values_of

from xdmprep.core.stream import TIMESTAMP
from xdmprep.errors import ExpressionError
from xdmprep.language import Expression, Options, columns, compile_expression, evaluate, evaluation
from xdmprep.language.functions import table
from xdmprep.language.kernels.table import kind

SCHEMA = pa.schema(
    [
        ("a", pa.string()),
        ("w", pa.dictionary(pa.int32(), pa.string())),
        ("i", pa.int32()),
        ("x", pa.float32()),
        ("b", pa.bool_()),
        ("day", pa.date32()),
        ("o", pa.struct([("s", pa.string()), ("when", pa.timestamp("us", "Europe/Paris"))])),
        ("l", pa.list_(pa.int64())),
        ("m", pa.map_(pa.string(), pa.int64())),
    ]
)
OBJECT = pa.struct([("k", pa.string()), ("n", pa.int64())])


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a", pa.string()),
        ("w", pa.string()),
        ("i", pa.int32()),
        ("day", pa.date32()),
        ("o.s", pa.string()),
        ("l", pa.list_(pa.int64())),
        ("l[0]", pa.int64()),
        ("m.k", pa.int64()),
        ("concat(a, i)", pa.string()),
        ("i + 1", pa.int64()),
        ("i / 2.0", pa.float64()),
        ("a == 'x' && b", pa.bool_()),
        ("iif(b, a, null)", pa.string()),
        ("iif(b, a, 1)", None),
        ("iif(b, a, nullify())", pa.string()),
        ("decode(a, 'x', 1, 'y', 2)", pa.int64()),
        ("decode(a, 'x', 1, 'y')", None),
        ("to_object('k', a, 'n', i + 1)", OBJECT),
        ("iif(b, to_object('k', a, 'n', i + 1), null)", OBJECT),
        ("to_array(true, a, 'x')", pa.list_(pa.string())),
        ("date(a)", TIMESTAMP),
        ("to_array(true, date(a))", pa.list_(TIMESTAMP)),
        ("transformArray(l, i -> i * 2)", pa.list_(pa.int64())),
        ("filterArray(l, i -> i > 2)", pa.list_(pa.int64())),
        ("explode(a)[0]", pa.string()),
        ("json_to_object(a)", None),
        ("a + 1", None),
        ("1 + 1", pa.int64()),
        ("'x'", pa.string()),
        ("null", pa.null()),
        ("now()", TIMESTAMP),
    ],
)
def test_the_type_is_known_before_the_first_row(text: str, kind: pa.DataType | None) -> None:
    expression = compile_expression(text, SCHEMA)
    assert expression.type == kind
    rows = [
        {"a": "x,2020-01-01", "w": "q", "i": 3, "x": 1.5, "b": True, "day": date(2020, 1, 1),
         "o": {"s": "t", "when": datetime(2020, 1, 1, tzinfo=UTC)}, "l": [1, 5], "m": [("k", 1)]},
        dict.fromkeys(SCHEMA.names),
    ]  # fmt: skip
    for batch in (pa.RecordBatch.from_pylist(rows, SCHEMA), pa.RecordBatch.from_pylist([], SCHEMA)):
        values = values_of(expression.apply(batch))
        assert len(values) == batch.num_rows
        assert kind is None or all(fits(value, kind) for value in values)


def apply(text: str, columns: dict[str, Any], options: Options | None = None) -> Any:
    batch = pa.record_batch(columns)
    return compile_expression(text, batch.schema, options or Options()).apply(batch)


def test_a_plain_column_is_passed_on_untouched() -> None:
    batch = pa.record_batch({"a": pa.array(["x", None, "x"]).dictionary_encode()})
    got = compile_expression("a", batch.schema).apply(batch).values
    assert got.indices.buffers()[1].address == batch.column(0).indices.buffers()[1].address


def test_text_functions_work_on_the_dictionary() -> None:
    words = pa.array(["Ab", "cD", None] * 20).dictionary_encode()
    got = apply("upper(concat(w, '!'))", {"w": words}).values
    assert pa.types.is_dictionary(got.type)
    assert len(got.dictionary) <= 3
    assert got.to_pylist() == ["AB!", "CD!", "!"] * 20


def test_failures_name_row_and_reason_and_leave_the_others() -> None:
    got = apply("to_integer(n) * 2", {"n": ["1", "x", None, "3"]})
    assert got.values.to_pylist() == [2, None, 0, 6]
    assert errors_of(got) == [(1, "'x' is not a number")]


def test_a_branch_that_is_not_taken_does_not_fail() -> None:
    got = apply("iif(n == 'x', 0, to_integer(n))", {"n": ["1", "x", "y"]})
    assert got.values.to_pylist() == [1, 0, None]
    assert [at for at, _ in errors_of(got)] == [2]


@pytest.mark.parametrize(
    "text",
    [
        "iif(n == 'x', 'not', {})", "n == 'x' ? 'not' : {}", "n != 'x' ? {} : 'not'", "n != 'x' && {} == 1",
        "n == 'x' || {} == 1", "iif(n == 'x', 'not', null) ?? {}", "iif(n == 'x', '1', null) ?: {}",
        "iif(n == 'x', 'not', iif(n == '1', {}, 'other'))", "iif(n == 'x', 'not', concat(n, {}))",
        "size_of(transformArray(l, e -> iif(n == 'x', 'not', {})))",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "call", ["to_integer(n)", "to_decimal(n)", "date(n, 'y')", "date(n)", "n + 1", "lpad(n, 3, n)"]
)
def test_rows_that_do_not_take_a_branch_are_neither_interpreted_nor_explained(
    text: str, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words: set[str] = set()
    each, told = evaluation.each, columns.shortened
    monkeypatch.setattr(
        evaluation,
        "each",
        lambda work, given, *rest, **more: (
            words.update(*(c.values.to_pylist() for c in given if kind(c) == "text")),
            each(work, given, *rest, **more),
        )[1],
    )
    monkeypatch.setattr(columns, "shortened", lambda text: (words.add(text.split("'")[1]), told(text))[1])
    got = apply(text.format(call), {"n": ["1", "x", "y", "2", "z"] * 40, "l": [[1, 2]] * 200})
    assert "x" not in words
    assert 1 not in {at % 5 for at, _ in errors_of(got)}


def test_a_constant_that_fails_fails_on_every_row() -> None:
    got = apply("1 / 0", {"n": [1, 2]})
    assert got.values.to_pylist() == [None, None]
    assert errors_of(got) == [(0, "division by zero"), (1, "division by zero")]


def test_integers_beyond_64_bits_stay_exact() -> None:
    got = apply("n * 2", {"n": [1, 2**62]})
    assert values_of(got) == [2, 2**63]
    assert values_of(apply("n + 1", {"n": [2**63 - 1]})) == [2**63]
    assert apply("n == 9007199254740993", {"n": [2**53, 2**53 + 1]}).values.to_pylist() == [False, True]
    assert apply("n > x", {"n": [2**53 + 1], "x": [2.0**53]}).values.to_pylist() == [True]


def test_slices_and_offsets_are_honoured() -> None:
    whole = pa.record_batch({"a": ["zero", " one ", None, "Two", "é"], "l": [["a"], ["b", "c"], None, [], ["d"]]})
    part = whole.slice(1, 4)
    for text, wanted in (
        ("upper(trim(a))", ["ONE", None, "TWO", "É"]),
        ("sha256(a) == null", [False, True, False, False]),
        ("join('-', l)", ["b-c", None, "", "d"]),
        ("l[1]", ["c", None, None, None]),
        ("transformArray(l, i -> upper(i))", [["B", "C"], None, [], ["D"]]),
        ("filterArray(l, i -> i != 'b')", [["c"], None, [], ["d"]]),
        ("substr(a, 1, 2)", ["on", None, "wo", ""]),
    ):
        assert compile_expression(text, whole.schema).apply(part).values.to_pylist() == wanted, text


def test_types_of_parquet_sources() -> None:
    columns = {
        "big": pa.array(["x"], pa.large_string()),
        "u": pa.array([2**64 - 1], pa.uint64()),
        "money": pa.array([Decimal("1.50")], pa.decimal128(9, 2)),
        "ns": pa.array([1_600_000_000_123_456_789], pa.timestamp("ns")),
        "day": pa.array([date(2020, 2, 29)]),
        "half": pa.array([np.float16(0.5)], pa.float16()),
        "nan": pa.array([float("nan")]),
        "none": pa.nulls(1),
        "z": pa.array([0], pa.timestamp("s", "Asia/Tokyo")),
    }
    for text, wanted in (
        ("concat(big, '!')", "x!"),
        ("u", 2**64 - 1),
        ("concat(u, '')", "18446744073709551615"),
        ("money * 2", 3.0),
        ("format(ns, 'yyyy-MM-dd HH:mm:ss.SSS')", "2020-09-13 12:26:40.123"),
        ("format(day, 'dd.MM.yyyy')", "29.02.2020"),
        ("half + 1", 1.5),
        ("nan ?? 'none'", "none"),
        ("concat(none, 'x')", "x"),
        ("none == null", True),
        ("format(z, 'HH:mm')", "09:00"),
    ):
        got = apply(text, columns)
        values = values_of(got)
        assert values == [wanted], text
        assert not errors_of(got)


def test_values_that_arrow_has_no_plain_type_for_are_typed_columns() -> None:
    texts = ["2020-01-02T03:04:05.123456789+02:00", "2020-01-02T03:04:05.5Z", None]
    columns = {"t": pa.array(texts), "j": pa.array(['{"\\u0000k": 1}', '{"a": [2]}', None])}
    for text, wanted in (
        ("concat('', date(t))", ["2020-01-02T03:04:05.123456789+02:00", "2020-01-02T03:04:05.500Z", ""]),
        ("format([date(t), null][0], 'SSSSSSSSS X')", ["123456789 +02", "500000000 Z", None]),
        ("date(t) == date('2020-01-02T01:04:05.123456789Z')", [True, False, False]),
        ("iif(t == null, 'none', date(t)) == 'none'", [False, False, True]),
        ("json_to_object(j)['\\u0000k']", [1, None, None]),
        ("json_to_object(j).a[0]", [None, 2, None]),
    ):
        got = apply(text, columns)
        assert isinstance(got.values, pa.Array)
        assert (values_of(got), errors_of(got)) == (wanted, []), text
        assert [
            evaluate(text, {"t": t, "j": j}) for t, j in zip(texts, columns["j"].to_pylist(), strict=True)
        ] == wanted


def test_half_a_surrogate_pair_fails_the_row_that_has_it() -> None:
    columns = {"j": pa.array(['{"a": "\\ud83d\\ude00"}', '{"a": "\\ud83d"}', '{"\\ude00": 1}', '{"a": "\\\\ud83d"}'])}
    got = apply("json_to_object(j).a", columns)
    assert values_of(got) == ["\U0001f600", None, None, "\\ud83d"]
    assert [at for at, _ in errors_of(got)] == [1, 2]
    assert all("half a surrogate pair" in why for _, why in errors_of(got))


def test_a_batch_may_lack_columns_where_they_were_not_declared() -> None:
    got = compile_expression("coalesce(missing, a)").apply(pa.record_batch({"a": ["x"]}))
    assert values_of(got) == ["x"]


def test_contains_key_of_an_unknown_column_is_false() -> None:
    assert apply("contains_key('zzz.y')", {"a": ["x"]}).values.to_pylist() == [False]
    assert apply("contains_key('a')", {"a": ["x", None]}).values.to_pylist() == [True, False]


def test_threads_share_an_expression() -> None:
    batches = [pa.record_batch({"a": [f"{i}-{j}" for j in range(200)]}) for i in range(40)]
    expression: Expression = compile_expression("concat(explode(a, '-')[0], '/', lpad(a, 9, '0'))")
    with ThreadPoolExecutor(8) as pool:
        for i, got in enumerate(pool.map(expression.apply, batches)):
            wanted = [f"{i}/{f'{i}-{j}'.rjust(9, '0')}" for j in range(200)]
            assert values_of(got) == wanted


def test_an_expression_can_be_sent_to_another_process() -> None:
    batch = pa.record_batch({"a": ["x", "1"]})
    expression = pickle.loads(pickle.dumps(compile_expression("concat(a, to_integer(a))", batch.schema)))
    got = expression.apply(batch)
    assert got.values.to_pylist() == [None, "11"]
    assert errors_of(got) == [(0, "'x' is not a number")]


def test_a_function_runs_once_per_distinct_value(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    replace = table()["replacestr"].run
    assert replace is not None
    monkeypatch.setattr(table()["replacestr"], "run", lambda *given: (calls.append(given), replace(*given))[1])
    words = pa.array([str(i) for i in range(10_000)]).dictionary_encode()
    part = pa.record_batch({"a": words}).slice(5_000, 3)  # a small piece of a large dictionary
    got = apply("replacestr(a, left(a, 3), 'zero')", {"a": part.column("a")})
    assert got.values.to_pylist() == ["zero0", "zero1", "zero2"]
    assert len(calls) == 3
    calls.clear()
    got = apply("replacestr(a, n, b)", {"a": ["x3", "y4"] * 500, "n": [3, 3, 4, 4] * 250, "b": ["+-"] * 1000})
    assert got.values.to_pylist() == ["x+-", "y4", "x3", "y+-"] * 250
    assert len(calls) == 4


def test_the_language_needs_no_pandas() -> None:
    code = "import sys, xdmprep.language as l; l.evaluate('upper(a)', {'a': 'x'}); print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    "text",
    [
        "format(n, 'yyyy')", "format(x, 'yyyy')", "format(b, 'yyyy')", "format(l, 'yyyy')", "format(o, 'yyyy')",
        "date_part('year', n)", "zone_date_to_utc(x)", "zone_date_to_zone(n, 'Asia/Tokyo')",
        "set_date_part('day', 1, b)", "concat('on ', format(n, 'yyyy'))", "to_integer(x * n)", "to_integer(n * x + 1)",
        "format(x * n, 'yyyy')", "date_part('year', iif(b, n, x))", "format(iif(b, n, a), 'yyyy')",
    ],
)  # fmt: skip
def test_values_that_a_function_never_takes_fail_in_columns_with_the_reason_of_each_row(text: str) -> None:
    rows: list[dict[str, Any]] = [
        {"a": "2020-02-03", "n": 7, "x": 1.25, "b": True, "l": [1], "o": {"k": "v"}},
        {"a": "noon", "n": 8, "x": None, "b": False, "l": [], "o": {"k": None}},
        {"a": None, "n": None, "x": None, "b": None, "l": None, "o": None},
        {"a": "2020-02-04", "n": None, "x": 2.0, "b": False, "l": None, "o": None},
        {"a": "2020-02-05", "n": 2, "x": 3.5, "b": True, "l": None, "o": None},
    ]
    kinds = {"a": pa.string(), "n": pa.int64(), "x": pa.float64(), "b": pa.bool_(), "l": pa.list_(pa.int64())}
    records = pa.RecordBatch.from_pylist(rows, pa.schema([*kinds.items(), ("o", pa.struct([("k", pa.string())]))]))
    expression = compile_expression(text, records.schema)
    wanted = []
    for i, row in enumerate(rows):
        try:
            evaluate(text, row, strict=True)
        except ExpressionError as error:
            wanted.append((i, str(error).partition("The evaluation failed: ")[2].partition("\n")[0]))
    assert wanted
    assert expression.interpreted(records) == []
    assert errors_of(expression.apply(records)) == wanted


LETTERS = [chr(code) for code in range(0x20000) if not 0xD800 <= code < 0xE000]


@pytest.mark.parametrize(("name", "exact"), [("lower", str.lower), ("upper", str.upper)])
def test_every_letter_has_the_case_that_python_gives_it(name: str, exact: Callable[[str], str]) -> None:
    words = [f"{before}{letter}{behind}" for before, behind in (("", ""), ("a", ""), ("é", "b")) for letter in LETTERS]
    for given in (words, ["plain", None, "Σ", *words[-3:]], words[:128]):
        found = compile_expression(f"{name}(a)", SCHEMA).apply(pa.record_batch({"a": pa.array(given)}))
        assert values_of(found) == [word and exact(word) for word in given]


@pytest.mark.parametrize(
    "regex", [".*b.*", "b.*", ".*b", ".*b$", ".*(a|b)c*.*", "(?i).*B.*", ".*.*", ".*+b", "(?s).*b"]
)
@pytest.mark.parametrize("end", ["", "\n", "\r", "\r\n", "\x85", "\u2028", "\u2029", "é\u201c"])
def test_all_of_a_string_is_matched_by_what_is_open_at_its_ends(regex: str, end: str) -> None:
    words = [f"{one}{end}{two}" for one in ("", "a", "xbc", "xB") for two in ("", "b", "aby", "c")]
    one_line = regex if "(?s)" in regex else regex.replace(".", "[^\n\r\x85\u2028\u2029]")
    if regex.endswith("$"):  # the last line end may follow, but `.*` in front of it takes none
        one_line = one_line[:-1]
    found = compile_expression(f"a.matches('{regex}')", SCHEMA).apply(pa.record_batch({"a": pa.array(words)}))
    assert values_of(found) == [re.fullmatch(one_line, word) is not None for word in words]
