# ruff: noqa: E501
"""Java's regular expressions against a table of Java's own answers, and, on long runs, against Java itself.

The table `oracles/java_regex.json` is written by `oracles/tables.py` with a Java 17.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracles.java import PRESENT, RegexAnswer, ask_regex
from oracles.tables import ALPHABET, PROPERTIES, TEXTS
from regex_java_cases import patterns, texts

import xdmprep as xp
from xdmprep.errors import ExpressionError
from xdmprep.language import matching
from xdmprep.language.catalogue import Context
from xdmprep.language.columns import Column
from xdmprep.language.functions import table
from xdmprep.language.kernels import Constants, Rows, regexes
from xdmprep.language.options import DEFAULT
from xdmprep.language.values import Failed
from xdmprep.regex import MatchTimeout, Regex, RegexError, compile_java

TABLE: dict[str, Any] = json.loads((Path(__file__).parent.parent / "oracles" / "java_regex.json").read_text())


def finds(regex: Regex, text: str) -> list[list[str | None]]:
    return [[match[0], *match.groups()] for match in regex.finditer(text)]


def in_pairs(text: str, found: list[list[str | None]]) -> bool:
    """Whether Java found empty matches within a character beyond U+FFFF, which is two of its chars."""
    return any(ord(char) > 0xFFFF for char in text) and any(find[0] == "" for find in found)


def test_the_table_of_expressions() -> None:
    wrong, refused = [], []
    for expression, answers in TABLE["expressions"].items():
        try:
            regex = compile_java(expression)
        except RegexError as error:
            assert 0 <= error.position <= len(expression)
            if answers is not None:
                refused.append((expression, error.message))
            continue
        if answers is None:
            wrong.append((expression, "Java refuses it"))
            continue
        for at, text in enumerate(TEXTS):
            found = answers[1].get(str(at), None)
            if regex.matches(text) != (answers[0][at] == "1"):
                wrong.append((expression, text))
            if found is not None and finds(regex, text) != found and not in_pairs(text, found):
                wrong.append((expression, text, finds(regex, text), found))
            if found is None and any(find != [""] for find in finds(regex, text)):
                wrong.append((expression, text, finds(regex, text)))
    assert wrong == []
    assert [
        pair for pair in refused if not ("\\G" in pair[0] or "before this reference" in pair[1] or "exactly" in pair[1])
    ] == []
    assert len(refused) < 30


@pytest.mark.parametrize("name", PROPERTIES)
def test_properties_of_characters(name: str) -> None:
    """Beside what later versions of Unicode assigned or changed."""
    expected = {at for first, last in TABLE["properties"][name] for at in range(first, last)}
    regex = compile_java(rf"\p{{{name}}}")
    known = {at for first, last in TABLE["properties"]["IsAssigned"] for at in range(first, last)}
    wrong = [char for at, char in enumerate(ALPHABET) if at in known and regex.matches(char) != (at in expected)]
    assert len(wrong) <= (40 if name[-5:] in ("betic", "Alnum") else 12), wrong  # Unicode 16 made letters of marks


def same(regex: Regex, text: str, answer: RegexAnswer) -> bool:
    try:
        if regex.matches(text) != answer.matches or regex.found_in(text) != bool(answer.finds):
            return False
        if in_pairs(text, answer.finds):
            return True
        return (
            finds(regex, text) == answer.finds
            and matching.parts(regex, text, keep_empty=False) == answer.split
            and matching.replacer(regex, "<$0>")(text) == answer.replaced
        )
    except (MatchTimeout, Failed):
        return True


@pytest.mark.slow
@pytest.mark.skipif(not PRESENT, reason="needs a Java")
def test_what_java_finds() -> None:
    cases: dict[str, list[str]] = {}

    @settings(max_examples=5_000, database=None, suppress_health_check=list(HealthCheck))
    @given(patterns, texts)
    def draw(pattern: str, values: list[str]) -> None:
        cases.setdefault(pattern, values)

    draw()
    wrong, checked = [], 0
    for (pattern, values), answers in zip(cases.items(), ask_regex(list(cases.items())), strict=True):
        try:
            regex = compile_java(pattern)
        except RegexError as error:
            told = "exactly" in error.message or "carried out" in error.message or "reference" in error.message
            if not isinstance(answers, str) and not told:
                wrong.append((pattern, str(error)))
            continue
        if isinstance(answers, str):
            wrong.append((pattern, f"Java: {answers}"))
            continue
        checked += 1
        wrong += [
            (pattern, text) for text, answer in zip(values, answers, strict=True) if not same(regex, text, answer)
        ]
    assert wrong == [] and checked > len(cases) / 3


@settings(max_examples=500)
@given(patterns, texts)
def test_kernels_find_what_the_interpreter_finds(pattern: str, values: list[str]) -> None:
    try:
        regex = compile_java(pattern)
    except RegexError:
        assert regexes.test(pattern, True) is None and regexes.search(pattern) is None
        return
    column = pa.array([None, *values]).slice(1)
    for whole in (True, False):
        test = regexes.test(pattern, whole)
        if test is not None:
            found, left = test(column)
            for at, text in enumerate(values):
                if left is None or not left[at]:
                    assert found[at].as_py() == (regex.matches(text) if whole else regex.found_in(text))
    extraction = regexes.search(pattern)
    if extraction is not None:
        got, left = regexes.extracted(column, extraction, absent=False), extraction.beyond(column)
        got.validate(full=True)
        for at, text in enumerate(values):
            if left is None or not left[at]:
                assert got[at].as_py() == (matching.first(regex, text) or [])
    literal = regexes.literal_text(pattern)
    if literal is not None:
        assert all(regex.matches(text) == (text == literal) for text in [*values, literal])


@settings(max_examples=500)
@given(patterns, texts, st.sampled_from(["", "x", "<$0>", "$1", "\\$", "a\\\\$0"]))
def test_kernels_cut_and_replace_where_the_interpreter_does(pattern: str, values: list[str], template: str) -> None:
    try:
        regex = compile_java(pattern)
    except RegexError:
        return
    rows = Rows(len(values), Context(DEFAULT))
    column, constant = Column(pa.array(values, pa.string())), Constants(pattern, len(values))

    def compare(name: str, given: list[Column], alone: Callable[[str], Any]) -> None:
        made = table()[name].kernel(rows, given)
        for at, text in enumerate(values):
            if made is not None and (made.open is None or not made.open[at]):
                assert made.values[at].as_py() == alone(text), (name, pattern, text)

    compare("explode", [column, constant], lambda text: matching.parts(regex, text, keep_empty=True))
    compare(".split", [column, constant], lambda text: matching.parts(regex, text, keep_empty=False))
    given = [column, constant, Constants(template, len(values))]
    compare(".replaceAll", given, lambda text: matching.replacer(regex, template)(text))
    compare(".replaceFirst", given, lambda text: matching.replacer(regex, template, 1)(text))


@settings(max_examples=200)
@given(
    st.text(st.sampled_from("aAé 1_,;:/=@%&~!<>'\"-\U0001f600日"), min_size=1, max_size=2),
    texts,
    st.sampled_from(["", "<$0>"]),
)
def test_words_are_found_as_the_expressions_that_they_are(word: str, values: list[str], template: str) -> None:
    short, regex = matching.compiled(word), compile_java(word)
    for text in [*values, word, word * 2, f"b{word}c{word}"]:
        assert matching.matches(short, text) == regex.matches(text)
        assert matching.matches(short, text, True) == regex.found_in(text)
        assert matching.first(short, text) == matching.first(regex, text)
        for keep in (True, False):
            assert matching.parts(short, text, keep) == matching.parts(regex, text, keep)
        for most in (0, 1):
            assert matching.replacer(short, template, most)(text) == matching.replacer(regex, template, most)(text)


USUAL = [
    r"^\s+|\s+$", r"\bthe\b", r"^([A-Z]{2})-(\d+)$", r"(\d{3})|(\d{2})", r"(\w+)\s(?:(\w+)\s)?(\w+)", "[^0-9]*",
    r"^\+?1?", r"\s+", "[/?&=]", r"a$", r"^a|b$", r"(a)|b", "(?=.*b)a.*", "^(?=.{2,4}$)[^@]+$", r"(?!a).*", r"\D", "b*",
    "(?<=a)b", "(?<=a)[ab]+", "(?<![0-9])[0-9]+", "(?<!a)(b)?1", "(?<!b)$", "(?<=[ab])(a|)", "(?<!a)^b", r"(?<=-)\b1", "(?<!é)é",
]  # fmt: skip


@settings(max_examples=300)
@given(st.sampled_from(USUAL), st.lists(st.text("ab 1-@\n\ré", max_size=6), min_size=1, max_size=6), st.data())
def test_usual_expressions_give_the_same_in_columns(pattern: str, values: list[str], data: st.DataObject) -> None:
    test_kernels_find_what_the_interpreter_finds.hypothesis.inner_test(pattern, values)
    template = data.draw(st.sampled_from(["", "x", "<$0>"]))
    test_kernels_cut_and_replace_where_the_interpreter_does.hypothesis.inner_test(pattern, values, template)


@pytest.mark.parametrize(
    "regex",
    ["^[^@ ]+@[^@ ]+$", r"\d{3}-\d{4}", r"(\w+)@(\w+)\.com", r"[\p{Alpha} ]+", r"\p{L}+", "(?i)abc", r"a|b$", r"\bword\b",
     "(?<year>[0-9]{4})-(?<month>[0-9]{2})", r"^.*\S$", r"\Qa.b\E", "(?x) a b", "[a-z&&[^b]]+"],
)  # fmt: skip
def test_usual_expressions_run_over_columns(regex: str) -> None:
    assert regexes.test(regex, True) is not None


EXPLODING = r"(?:(?=a)(?:a|aa))+$"  # no RE2: it looks ahead


@pytest.mark.parametrize(
    "expression",
    ['matches_regex(v, "{}")', 'extract_regex(v, "{}")', 'explode(v, "{}")', 'v.matches("{}")', 'v.replaceAll("{}", "x")',
     'v.split("{}")', 'v =~ "{}"', 'matches_regex(v, r)', 'explode(v, r)'],
)  # fmt: skip
def test_exploding_expressions_become_findings(expression: str) -> None:
    """Each of these would run for years without its bound."""
    text = expression.replace("{}", EXPLODING)
    with pytest.raises(ExpressionError, match="took too long"):
        xp.evaluate(text, {"v": "a" * 5000 + "b", "r": EXPLODING}, strict=True)


def test_exploding_expressions_from_rows_are_answered_where_re2_can() -> None:
    assert xp.evaluate("matches_regex(v, r)", {"v": "a" * 5000 + "b", "r": "(a+)+"}, strict=True) is False
    assert xp.evaluate("matches_regex(v, r)", {"v": "a" * 5000, "r": "(a|aa)+"}, strict=True) is True


@settings(max_examples=300)
@given(st.text("$\\{}n01a9", max_size=6), st.integers(0, 11))
def test_replacements_are_read_as_java_reads_them(template: str, groups: int) -> None:
    try:
        pieces = matching.template_parts(template, groups, (("n", 1),) if groups else ())
    except Failed as error:
        assert "replacement" in str(error)
        return
    assert all(isinstance(piece, str) or 0 <= piece <= groups for piece in pieces)
    if "$" not in template and "\\" not in template:
        assert "".join(map(str, pieces)) == template


@pytest.mark.parametrize(
    ("value", "regex", "template", "expected"),
    [("abc", "(b)", "[$1]", "a[b]c"), ("abc", "b", r"\$1", "a$1c"), ("abc", "(?<x>b)", "${x}${x}", "abbc"), ("ab", "(a)|b", "<$1>", "<a><>"),
     ("abc", "(b)", "$12", "ab2c"), ("aaa", "a?", "x", "xxxx")],
)  # fmt: skip
def test_replacements(value: str, regex: str, template: str, expected: str) -> None:
    assert matching.replacer(compile_java(regex), template)(value) == expected


@pytest.mark.parametrize(
    ("regex", "found"),
    [
        (r"(?i)\p{Lu}", "aAǅ"), (r"(?i)\p{Ll}", "aAǅ"), (r"(?i)\p{Lt}", "aAǅ"), (r"\p{Lu}", "A"), (r"\p{Ll}", "a"),
        (r"\p{Lt}", "ǅ"), (r"\p{LC}", "aAǅ"), (r"(?i)\p{Lo}", "ª"),
    ],
)  # fmt: skip
def test_categories_of_letters_with_and_without_case(regex: str, found: str) -> None:
    """As a Java 17 answers."""
    assert "".join(letter for letter in "aAǅ1ª" if finds(compile_java(regex), letter)) == found


@pytest.mark.parametrize(("code", "taken"), [("D7FF", True), ("D800", False), ("DFFF", False), ("E000", True)])
def test_half_a_surrogate_pair_is_no_character(code: str, taken: bool) -> None:
    if taken:
        assert finds(compile_java(rf"\u{code}"), chr(int(code, 16))) == [[chr(int(code, 16))]]
        return
    with pytest.raises(RegexError, match="four hexadecimal digits of a character"):
        compile_java(rf"\u{code}")


@pytest.mark.parametrize(
    ("regex", "text", "found"),
    [
        (r"\b{2}a", "ba a", [["a"]]), (r"\B{1,2}b", "ab", [["b"]]), (r"a\b{0}1", "a1", [["a1"]]),
        (r"(\b{1}a)+", "a1", [["a", "a"]]), (r"a\b{0,1}\.", "a.", [["a."]]),
    ],
)  # fmt: skip
def test_borders_of_words_may_be_repeated(regex: str, text: str, found: list[list[str]]) -> None:
    """As a Java 17 answers."""
    assert finds(compile_java(regex), text) == found
