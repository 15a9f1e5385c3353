"""Text to tree: precedence, names, literals, and faults with their position."""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from typing import Any

import pyarrow as pa
import pytest

from xdmprep.errors import ExpressionError, UsageError
from xdmprep.language import Options, compile_expression, evaluate, grammar
from xdmprep.language.tree import Constant, FieldPath


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("10 - 3 - 2", 5),
        ("-3 + 5", 2),
        ("+5", 5),
        ("5d", 5.0),
        ("5f + 5b", 10.0),
        ('"a\\"b"', 'a"b'),
        ("1 //\n + 2", 3),
        ("1 ##\n", 1),
        ("+2.5", 2.5),
        ("-+5", -5),
        ("+-5", -5),
        ("-~5", 6),
        ("~-5", 4),
        ("-~~5", -5),
        ("7 div 2", 3),
        ("-7 / 2", -3),
        ("-7 % 4", -3),
        ("7.0 / 2", 3.5),
        ("true || false && false", True),
        ("not false and false", False),
        ("1 < 2 == true", True),
        ("false ? 1 : true ? 2 : 3", 2),
        ("null ?: 'd'", "d"),
        ("'' ?: 'd'", "d"),
        ("'' ?? 'd'", ""),
        ("6 & 3 | 8 ^ 1", 11),
        ("~5", -6),
        ("'abc' =^ 'ab'", True),
        ("'abc' =$ 'bc'", True),
        ("'abc' !^ 'ab'", False),
        ("'abc' =~ 'a.c'", True),
        ("2 =~ [1, 2]", True),
        ("3 !~ [1, 2]", True),
        ("empty ''", True),
        ("size [1, 2]", 2),
        ("size('abc')", 3),
        ("0x1F", 31),
        ("010", 8),
        ("12L", 12),
        ("1.5e2", 150.0),
        (".5", 0.5),
        ("true ?.5 : 1", 0.5),
        (r"'a\'b\n\u0041\d'", "a'b\nA\\d"),
        ('{"a": 1, "b": [1, {}]}', {"a": 1, "b": [1, {}]}),
        ("{:}", {}),
        ("[]", []),
        ("9223372036854775807 + 1", 9223372036854775808),
        ("'a' + 1", "a1"),
        ("1 + '2'", 3),
        ("'1' + '2'", "12"),
        ("[1, 2][1]", 2),
        ("{'a': {'b': 3}}.a.b", 3),
        ("{'a': 1}.get('a')", 1),
        ("transformArray([1, 2], (x) -> x * x)", [1, 4]),
        ("filterArray([[1], [2, 3]], x -> x.size() > 1)[0][1]", 3),
        ("'Abc'.toLowerCase().length()", 3),
        ("1 + 2 // and 'the rest", 3),
        ("1 ## + 2\n + 3", 4),
        ('/* the sum:\n * of two */ 1 /**/ + /* " */ 2', 3),
        ("concat('http://x', \"/* y */\", '##')", "http://x/* y */##"),
        ("8 / 2 / 2", 2),
    ],
)
def test_an_expression_without_a_record(text: str, wanted: Any) -> None:
    got = evaluate(text, None, strict=True)
    assert got == wanted
    assert isinstance(got, bool) == isinstance(wanted, bool)


RECORD = {
    "and_more": 1, "First Name": "F", "First.Name": "dotted",
    "a": {"b.c": 1, "b": {"c": 2}, "é": 3, "list": [{"x": 4}]}, "$y": 5, "order": 6, "in": 7,
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("and_more", 1),
        ("${First Name}", "F"),
        ("${First.Name}", "dotted"),
        ("First.Name", "dotted"),
        ("a.b.c", 2),
        (r"a.b\.c", 1),
        (r"${a.b\.c}", 1),
        ("a.${b.c}", 2),
        ("a.é", 3),
        ("a.list[0].x", 4),
        ("${a.list[0].x}", 4),
        ("a['list'][0]['x']", 4),
        ("$y", 5),
        ("order + in", 13),
        ("a.none.at.all", None),
        ("missing", None),
    ],
)
def test_names_of_every_spelling_find_their_values(text: str, wanted: Any) -> None:
    assert evaluate(text, RECORD, strict=True) == wanted


def test_dotted_columns_can_be_switched_off() -> None:
    assert evaluate("${First.Name}", RECORD, options=Options(dotted_columns=False)) is None


@pytest.mark.parametrize(
    ("text", "message", "position"),
    [
        ("concat(a, ", "ends too early; ')' is missing", 10),
        ("concat(a, 'x)", "no closing quote", 10),
        ("upper(First Name)", "a name with blanks", 12),
        ("a = 1", "'=='", 2),
        ("a <> 1", "'not equal' is written !=", 3),
        ("concat(a, \u201cx\u201d)", "straight quotes", 10),
        ("concat(a, \u2019x\u2019)", "straight quotes", 10),
        ("`a`", "straight quotes", 0),
        ("a\u200b", "invisible", 1),
        ("a; a", "one expression", 1),
        ("a # x", "begins with ## or //", 2),
        ("1 \u2013 1", "minus is written -", 2),
        ("filterArray(a, x => x)", "x -> upper(x)", 17),
        ("/* a", "Unexpected '/'", 0),
        ("${a", "no closing brace", 0),
        ("for + 1", "reserved word", 0),
        ("1 +* 2", "Unexpected '*'", 3),
        ("1 < 2 <= 3", "Unexpected '<='", 6),
        ("1 == 2 ne 3", "Unexpected 'ne'", 7),
        ("a !${b:1}", "Unexpected '!'", 2),
        ("a + 2024_sales", "a name that begins with a digit is written ${...}", 4),
        ("1 + (a.b) -> a", "Unexpected '->': the parameters of a lambda are plain names", 10),
        ("join(',', [a, b c])", "an operator or a comma is missing", 16),
        ("a[*].b", "[*]", 2),
        ("09", "octal", 0),
        ("uper(a)", "Did you mean 'upper'?", 0),
        ("1 + LOWER(a)", "Did you mean 'lower'", 4),
        ("upper()", "upper(text); it has 0 arguments", 0),
        ("upper(a, a)", "it has 2 arguments", 0),
        ("to_object('a')", "to_object(key, value, ...)", 0),
        ("to_object('a', 1, 'b')", "keys and values", 0),
        ("len(a)", "'xdmprep mapping functions' lists the functions.", 0),
        ("a.upper()", "There is no method 'upper'. It is a function: write upper(text).", 2),
        ("a == NULL", "no column 'NULL'. Write null.", 5),
        ("{a}", "the name of a field ${...}", 2),
        (r"\[0\]", "a name with signs in it is written ${...}", 0),
        ("a.equal('x')", "Did you mean 'equals'", 2),
        ("a.equals('x', 'y')", "takes 1 arguments", 2),
        ("fpid_to_ecid(a)", "does not publish", 0),
        ("contains_key(a)", "string literal", 0),
        ("upper(b)", "no column 'b'", 6),
    ],
)
def test_faults_name_their_place(text: str, message: str, position: int) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text, pa.schema([("a", pa.string())]))
    assert message in str(caught.value)
    assert caught.value.position == position
    shown, caret = str(caught.value).splitlines()[-2:]
    assert shown == "    " + text
    assert caret == "    " + " " * position + "^"


@pytest.mark.parametrize("text", ["", "  ", "x" * 4097])
def test_faults_of_the_whole(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(text, {})
    assert caught.value.position is None


def test_the_caret_stands_under_the_right_line() -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate("concat(\n  a,\n  b b)", {})
    assert str(caught.value).splitlines()[-2:] == ["      b b)", "        ^"]


@pytest.mark.parametrize(
    ("before", "middle", "after"),
    [
        ("(", "a", ")"), ("!", "a", ""), ("", "a", "+a"), ("", "a", ".trim()"), ("concat(", "a", ")"),
        ("iif(a == 1, a, ", "a", ")"), ("a ? a : ", "a", ""), ("[", "a", "]"), ("{'k': ", "a", "}"),
        ("transformArray([a], x -> ", "x", ")"), ("", "a", "[0]"), ("to_array(false, ", "a", ")"),
    ],
)  # fmt: skip
def test_deep_nesting_is_a_fault_of_the_author_not_a_crash(before: str, middle: str, after: str) -> None:
    rows = pa.record_batch({"a": ["b"]})

    def below(frames: int, text: str) -> None:
        if frames:
            return below(frames - 1, text)
        compile_expression(text, rows.schema).apply(rows)
        evaluate(text, {"a": "b"})
        return None

    def nested(levels: int) -> str:
        return before * levels + middle + after * levels

    def is_parsed(levels: int) -> bool:
        with suppress(ExpressionError):
            return bool(grammar.parse(nested(levels)))
        return False

    refused, deepest = 0, next(levels for levels in count(10) if not is_parsed(levels + 1))
    for levels in (10, deepest, deepest + 1, 400, 1000, 2000):
        text = nested(levels)
        try:
            below(100, text)
        except ExpressionError as error:
            assert levels > max(30, deepest)
            assert "nested too deeply" in str(error) or len(text) > grammar.MAX_LENGTH
            refused += 1
    assert refused == 4


@pytest.mark.parametrize(
    ("before", "after", "levels"),
    [("a+", "", 149), ("!", "", 149), ("[", "]", 149), ("(", ")", 149), ("x -> ", "", 75)],
)
def test_how_deep_an_expression_may_be(before: str, after: str, levels: int) -> None:
    assert grammar.parse(before * levels + "a" + after * levels)
    with pytest.raises(ExpressionError, match="nested too deeply: at most 150 levels"):
        grammar.parse(before * (levels + 1) + "a" + after * (levels + 1))


def test_what_stands_side_by_side_is_not_deep() -> None:
    assert evaluate(f"[{', '.join(['[(1)]'] * 400)}]", None) == [[1]] * 400


@pytest.mark.parametrize("operator", ["+", "-", "*", "/", "%"])
def test_infinite_operands_are_null(operator: str) -> None:
    assert evaluate(f"a {operator} 2", {"a": float("inf")}) == evaluate(f"a {operator} 2", {"a": None})
    with pytest.raises(ExpressionError, match="operand is null"):
        evaluate(f"a {operator} 2", {"a": float("inf")}, strict=True, options=Options(null_operand="error"))
    with pytest.raises(ExpressionError, match="1e999 is too large"):
        evaluate(f"1 {operator} 1e999", {})


def test_what_an_expression_reads() -> None:
    expression = compile_expression("iif(a.x > 1, transformArray(b, i -> i.y + c), contains_key('d.e'))")
    assert expression.columns == ("a", "b", "c", "d")
    assert not expression.is_constant


@pytest.mark.parametrize(("text", "constant"), [("1 + 1", 2), ("concat('a', 'b')", "ab"), ("nullify()", None)])
def test_constants_are_known_beforehand(text: str, constant: Any) -> None:
    expression = compile_expression(text)
    assert expression.is_constant
    assert expression.constant == constant


@pytest.mark.parametrize("text", ["now()", "uuid()", "concat(timestamp(), '')"])
def test_volatile_expressions_are_not_constant(text: str) -> None:
    assert not compile_expression(text).is_constant


@pytest.mark.parametrize(
    ("text", "word"), [("size", "size"), ("size == 3", "size"), ("upper(empty)", "empty"), ("a == not", "not")]
)
def test_a_field_named_like_an_operator_is_told_how_to_be_written(text: str, word: str) -> None:
    with pytest.raises(
        ExpressionError, match=rf"'{word}' is an operator: a field of this name is written \$\{{{word}\}}"
    ):
        compile_expression(text)
    assert evaluate(f"${{{word}}}", {word: 7}) == 7


@pytest.mark.parametrize(
    "text", ["concat(a, 1)", "a == a", "size_of(a)", "to_array(false, a)", "object_to_map(a)", "b"]
)
def test_a_record_that_contains_itself_is_refused_before_it_is_read(text: str) -> None:
    """By any expression, also one that does not look at the place: no function meets a value without an end."""
    record: dict[str, Any] = {"b": 1}
    record["a"] = {"x": [record]}
    with pytest.raises(UsageError, match="contains itself"):
        evaluate(text, record)


def test_escapes_of_a_surrogate_pair_are_one_character_and_halves_are_refused() -> None:
    assert evaluate(r'"\ud83d\ude00".length()', {}) == 1
    for text in (r'"a\ud83d"', r'"\ude00\ud83d"', '"\ud83d"'):
        with pytest.raises(ExpressionError, match="Half a surrogate pair is no character"):
            grammar.parse(text)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("  a.b.c", 2), ("  a.${b.c}", 2), (" f(a).b.c", 1), (" a[0].b", 1), (" a.b ? 1 : 2", 1), ("a ?: b", 2),
        (" a.b(c)", 3), ("a + b", 2), (" -a", 1), (" x -> x", 1), ("a.b + c", 4), (" (a.b)", 2), (" [a]", 1),
        (" {1: 2}", 1),
    ],
)  # fmt: skip
def test_where_a_part_of_an_expression_stands(text: str, position: int) -> None:
    """At its first character; an operator or a method where its sign or its name is."""
    assert grammar.parse(text).position == position


def test_names_and_regexes_in_a_tree() -> None:
    assert grammar.split_name("a[0]b") == ["a[0]b"] and grammar.split_name("a[0][1]") == ["a", 0, 1]
    assert grammar.parse(r"~/a\/b/") == Constant(0, "a/b")
    assert grammar.parse("${a}.b") == FieldPath(0, ("a", "b"), True)
    assert evaluate("eq + 1", {"eq": 3}) == 4


@pytest.mark.parametrize(
    ("text", "position", "said"),
    [
        ("{'a' 1}", 5, "Unexpected '1'"), ("{: 1}", 3, "Unexpected '1'"), ("((a", 3, "'))' is missing"),
        ("a[*]", 2, "[*] stands in plain field mappings only"), ("xor )", 4, "Unexpected ')'\n"),
        ("a or )", 5, "'or' is an operator"),
    ],
)  # fmt: skip
def test_what_is_said_of_a_fault(text: str, position: int, said: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        grammar.parse(text)
    assert caught.value.position == position
    assert said in str(caught.value)
