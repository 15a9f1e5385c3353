# ruff: noqa: E501
"""Expressions of Java and texts for them, drawn by Hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

SINGLES = [
    "a", "b", "é", "É", "ß", "ſ", "K", "🐲", "_", " ", "#", ".", r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", r"\h", r"\H", r"\v",
    r"\V", r"\R", "[ab]", "[^a]", r"[\d-]", "[a-f0-9]", "[a-e&&[^b]]", "[a-d[x-z]]", "[^a[b]]", "[a&&b]", "[ab&&[bc]&&[b]]",
    "[]a]", "[^]a]", "[a-]", "[-a]", "[a^]", r"[\Q^]\E]", "[a&]", "[&&a]", "[a-z&&bcd]", r"[\w&&[^\d]]", "[[a][b]&&a]", "[ a]",
    r"\p{L}", r"\p{Lu}", r"\P{Lu}", r"\pL", r"\p{Alpha}", r"\p{Punct}", r"\p{IsAlphabetic}", r"\p{javaLowerCase}",
    r"\p{IsGreek}", r"\p{InGreek}", r"\p{IsLatin}", r"\p{script=Greek}", r"\p{InBasicLatin}", r"\p{IsL}", r"\p{Lower}",
    r"\p{Upper}", r"\p{javaLetterOrDigit}", r"\p{IsWhite_Space}", r"[\p{L}&&[^\p{Lu}]]", r"[\P{L}a]", r"\p{Space}",
    r"\t", r"\n", r"\r", r"\x41", r"\x{1F432}", r"\u00e9", r"\uD83D\uDC32", r"\0101", r"\07", r"\cA", r"\e", r"\.", r"\-", r"\é",
    r"\Qa.b\E", r"\Q\E", r"\Qa", r"\\", "^", "$", r"\b", r"\B", r"\A", r"\z", r"\Z", r"\G", "(?=a)", "(?!b)", "(?<=a)", "(?<!b)",
    "(?<=a|bb)", r"(a)\1", r"(?<n>b)\k<n>", "(?i)", "(?-i)", "(?u)", "(?m)", "(?s)", "(?d)", "(?x)", "(?U)", "(?iu)", "(?>a|ab)",
    "(?:)", "()", "|", "(", ")", "[", "]", "{", "}", "*", "\\", r"\N{LATIN SMALL LETTER A}", "A", "B", r"\X", "-", "&", "Ω", "ω",
    "(?i:a)", "(?i:é)", "(?iu:É)", "(?i:[a-c])", "(?i:[^a])", "(?iU:K)",
]  # fmt: skip
QUANTITIES = ["*", "+", "?", "{2}", "{1,3}", "*?", "+?", "??", "*+", "++", "?+", "{0}", "{2,}?", "{0,2}+", "{", "**"]
patterns = st.recursive(
    st.sampled_from(SINGLES),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.tuples(inner, st.sampled_from(QUANTITIES)).map("".join),
        inner.map(lambda text: f"(?:{text})"),
        inner.map(lambda text: f"({text})"),
        st.lists(inner, min_size=2, max_size=2).map("|".join),
    ),
    max_leaves=5,
)
texts = st.lists(
    st.text("aabbcAéÉßſKΩω🐲09_- .#&\n\t\r\x85\u2028\u0301\x0b\x1b\xa0", max_size=6), min_size=1, max_size=5
)
