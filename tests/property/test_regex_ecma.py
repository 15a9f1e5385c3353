"""ECMA-262 expressions against another engine for them, and against RE2; and matching in bounded time."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
import time
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import regress
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from xdmprep.regex import MatchTimeout, RegexError, compile_ecma, engine, is_ecma
from xdmprep.regex.charset import CharSet

SINGLES = [
    "a", "b", "é", "🐲", ".", r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", "[ab]", "[^a]", r"[\d-]", "[a-f0-9]", "[]",
    "[^]", r"\t", r"\x41", r"\u00e9", r"\u{1F432}", r"\uD83D\uDC32", r"\cA", r"\0", r"\.", r"\/", r"[\b]", r"[\]\\^-]",
    r"\p{L}", r"\P{Lu}", r"\p{Script=Greek}", r"[\p{Nd}_]", r"\p{Alphabetic}", r"[^\w\s]", r"\-", " ", "^", "$", r"\b",
    r"\B",
    "(?=a)", "(?!b)", "(?<=a)", "(?<!a|b)", r"(a)\1", r"(?<n>b)\k<n>", "(?:)", "|", "(", ")", "[", "]", "{", "}", "*",
    "\\",
]  # fmt: skip
patterns = st.recursive(
    st.sampled_from(SINGLES),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "*?", "+?", "{0}", "{2,}?"])).map("".join),
        inner.map(lambda text: f"(?:{text})"),
        inner.map(lambda text: f"({text})"),
        st.lists(inner, min_size=2, max_size=2).map("|".join),
    ),
    max_leaves=5,
)
texts = st.lists(st.text("abAé🐲Ωω09_- \n\t\r\u2028\u0130ß\u0307\x01", max_size=6), min_size=1, max_size=6)


@settings(max_examples=600)
@given(patterns, texts)
@example("^abc$", ["abc\n", "abc"])
@example(r"^\p{Lu}+$", ["ÄÖ", "äö", "A"])
@example(pattern=r"\B", values=["0ß0"])
@example(r"[\-]", ["-", "\b"])
@example(r"(a)\2", ["a\x02", "a"])
@example(r"(a)\8", ["a8", "a"])
@example(r"\k", ["k", ""])
@example(r"(?=a)*b", ["b", "ab"])
@example(r"(?<=a)*b", ["b", "ab"])
@example(r"(?<=\1(a))b", ["aab", "ab", "b"])
@example(r"(?<=\1(a)|x)b\1", ["aab", "ab", "xb"])
@example(r"\1(?<=(a))b", ["ab", "b"])
def test_verdicts_equal_those_of_another_engine(pattern: str, values: list[str]) -> None:
    try:
        other = regress.Regex(pattern, "u")
    except regress.RegressError:
        try:
            other = regress.Regex(pattern)  # what Annex B permits
        except regress.RegressError:
            assert not is_ecma(pattern)
            return
        assert not is_ecma(pattern)
        assume(pattern.isascii() and all(value.isascii() for value in values))  # it works on UTF-16 units
        assume(not any(word in pattern for word in (r"\p", r"\P", r"\u{", "k<")))
    try:
        regex = compile_ecma(pattern)
    except RegexError as error:
        assert (
            "exactly" in error.message
            or "two groups" in error.message
            or re.search(r"\\[bB](?:[*+?{])|[$^][*+?{]|\(\?<[=!].*[*+?{]", pattern)
        )
        return
    expected = [other.find(value) is not None for value in values]
    assert [regex.found_in(value) for value in values] == expected
    if regex.re2 is not None:
        assert pc.match_substring_regex(pa.array(values), regex.re2).to_pylist() == expected


@pytest.mark.parametrize(
    ("text", "position"),
    [("(", 0), ("a)", 1), ("[a", 0), ("a**", 2), ("*a", 0), ("a{3,2}", 1), ("[z-a]", 1), ("a\\", 1), (r"\p{X}", 0),
     ("(?P<n>a)", 0), ("(?#x)", 0), ("(?i)a", 0), (r"(?:(a)|b)*\1", 10), ("(" * 101, 101)],
)  # fmt: skip
def test_what_is_no_expression_is_refused_with_its_place(text: str, position: int) -> None:
    with pytest.raises(RegexError) as caught:
        compile_ecma(text)
    assert caught.value.position == position


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=5), st.sets(st.integers(0, 60), max_size=9))
def test_sets_are_sets(ranges: list[tuple[int, int]], other: set[int]) -> None:
    made = CharSet.of((min(pair), max(pair)) for pair in ranges)
    plain = {code for pair in ranges for code in range(min(pair), max(pair) + 1)}
    second = CharSet.of((code, code) for code in other)
    assert set(made) == plain and len(made) == len(plain)
    assert set(made | second) == plain | other and set(made & second) == plain & other
    assert set(made - second) == plain - other and set((~made) & CharSet.of([(0, 70)])) == set(range(71)) - plain
    assert all((code in made) == (code in plain) for code in range(62))


EXPLODING = [
    ("^(a+)+$", "a" * 5000 + "b", False), ("^(a|aa)+$", "a" * 5000 + "b", False), ("(a*)*b", "a" * 3000, False),
    ("^(([a-z])+.)+[A-Z]([a-z])+$", "a" * 3000, False), ("(x+x+)+y", "x" * 3000, False),
    ("(.*)*(.*)*z", "a" * 3000, False),
    (r"^([a-zA-Z0-9])(([\-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}[a-z0-9]+[.]{1}(([a-z]{2,3})|([a-z]{2,3}[.]{1}[a-z]{2,3}))$",
     "a" * 3000 + "!", False),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "text", "expected"), EXPLODING)
def test_exploding_expressions_are_answered_where_re2_can(pattern: str, text: str, expected: bool) -> None:
    """Without their bound each of these would run longer than this suite's time limit."""
    regex = compile_ecma(pattern)
    assert [regex.found_in(text) for _ in range(3)] == [expected] * 3


@pytest.mark.parametrize(
    "pattern",
    ["^(" + "|".join(f"w{n:05d}" for n in range(3000)) + ")$", "(" * 99 + "a" + ")" * 99,
     "(?:(?:a{0,1000}){0,1000}){0,1000}b",
     "(?:(?:(a|ab){0,1000000}){0,1000000}){0,1000000}b", "a?" * 3000 + "a" * 3000,
     "[a-z]{1,1000000}x" * 20, r"[\p{L}\P{L}]" * 500],
)  # fmt: skip
def test_large_expressions_are_read_and_answered(pattern: str) -> None:
    assert compile_ecma(pattern).found_in("-" * 50) is False


@pytest.mark.parametrize("pattern", ["^(?!(a|a)*$).*", r"^(?:(?=a)(?:a|aa))+$"])
def test_other_exploding_expressions_are_stopped(pattern: str) -> None:
    regex = compile_ecma(pattern)
    with pytest.raises(MatchTimeout, match="took too long"):
        regex.found_in("a" * 5000 + "b")
    assert regex.found_in("") is not None  # and others are answered as before


def test_stopped_matches_share_a_total_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it is spent, texts as long as those stopped are not tried again until time has granted more."""
    now = [1000.0]
    tried: list[str] = []

    class Slow:
        def search(self, text: str, at: int, timeout: float, concurrent: bool) -> None:
            tried.append(text)
            now[0] += timeout
            if len(text) > 9:
                raise TimeoutError

    monkeypatch.setattr(engine, "time", SimpleNamespace(monotonic=lambda: now[0]))
    programs = engine._Programs("(?=(a+)+b)", compile_ecma("(?=(a+)+b)").tree)
    programs._short = {True: -1, False: -1}
    monkeypatch.setattr(programs, "_program", lambda *_: Slow())
    for number in range(100_000):
        with pytest.raises(MatchTimeout):
            programs.run("a" * 10 + str(number))
    assert len(tried) * 0.001 < 2 * engine.TOTAL and now[0] - 1000 <= engine.TOTAL + 1 < 100_000 * 0.001
    before = len(tried)
    assert programs.run("a" * 9) is None and len(tried) == before + 1  # a shorter text is still tried
    now[0] += 3_600
    with pytest.raises(MatchTimeout):
        programs.run("a" * 20)
    assert len(tried) == before + 2


def test_other_threads_run_while_one_matches() -> None:
    regex = compile_ecma("^(?!(a|a)*$).*")
    ticks: list[float] = []
    done = threading.Event()

    def tick() -> None:
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.001)

    other = threading.Thread(target=tick)
    other.start()
    try:
        before = len(ticks)
        for _ in range(3):
            with pytest.raises(MatchTimeout):
                regex.found_in("a" * 5000 + "b")
        assert len(ticks) > before + 10
    finally:
        done.set()
        other.join()


_NODE = """
for (const [pattern, texts] of JSON.parse(require("fs").readFileSync(0, "utf8"))) {
  let made = null, strict = true;
  try { made = new RegExp(pattern, "u") } catch (e) { strict = false; try { made = new RegExp(pattern) } catch (e) {} }
  console.log(JSON.stringify([made !== null, strict, made && texts.map(text => made.test(text))]));
}
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_verdicts_equal_those_of_node() -> None:
    cases: list[tuple[str, list[str]]] = []

    @settings(max_examples=20_000, database=None)
    @given(patterns, texts)
    def draw(pattern: str, values: list[str]) -> None:
        cases.append((pattern, values))

    draw()
    shown = subprocess.run(["node", "-e", _NODE], input=json.dumps(cases), capture_output=True, text=True, check=True)
    wrong, checked = [], 0
    for (pattern, values), line in zip(cases, shown.stdout.splitlines(), strict=True):
        valid, strict, verdicts = json.loads(line)
        if is_ecma(pattern) != (valid and strict):
            wrong.append((pattern, "valid" if strict else "not valid"))
        try:
            regex = compile_ecma(pattern)
        except RegexError as error:
            if valid and "exactly" not in error.message and "two groups" not in error.message:
                wrong.append((pattern, str(error)))
            continue
        units = not strict and not all(text.isascii() for text in (pattern, *values))
        if not valid or units:  # without its flag u it works on UTF-16 units
            continue
        if not strict and any(word in pattern for word in (r"\p", r"\P", r"\u{")):
            continue
        checked += 1
        if [regex.found_in(value) for value in values] != verdicts:
            wrong.append((pattern, repr(values)))
    assert wrong == [] and checked > len(cases) / 10
