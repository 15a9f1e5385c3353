# ruff: noqa: E501
"""Writes the tables of Java's answers that the tests read: ``python -m oracles.tables`` in ``tests``, with a Java 17."""

from __future__ import annotations

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent

TEXTS = [
    "", "a", "ab", "aab", "abc", "Ab c", "b\n", "b\r\n", "\r\n", "a\nb", "a\x85b", "a\u2028", "Žluť", "é", "É", "ß", "ſ", "K",
    "K", "🐲", "Ωω", "0_9", "٣", "\u00a0", "\x0b\t", "e\u0301x", "a.b", "^]&-", "\x1b", "bab bb", "AbA", "a🐲a", "_",
]  # fmt: skip
#: Expressions beside those that `regex_java_cases` draws from.
EXPRESSIONS = [
    r"[\p{Alpha} ]+", r"\p{L}+", r"\w+", r"[^\W_]+", r"(\w)(\w*)", r"(a|b)*", r"(a*)(b*)", r"([^ ]*) (.*)", r"\bb", r"b\b", r"a*+b",
    r"(?>a*)b", r"(?<first>a)(?<second>b)?", r"\Qa.b\E", r"^.*$", r"(?m)^.$", r"(?s).+", r"(?x) a  b # c", r"b$", r"b\Z", r"b\z", r"\\z",
    r"(?i)a.*B", r"(?iu)É", r"(?i)É", r"(?U)\w+", r"(?U)\d", r"(?U)\s", r"(?U)\b.\b", r"\R", r"[\w&&[^\d]]+", r"[a-z&&[^b]]+",
    r"[^a-z&&[^b]]+", r"\p{Punct}+", r"\p{IsUppercase}", r"\p{javaUpperCase}", r"\p{IsHiragana}",
    r"\p{InLatin-1 Supplement}", r"\p{block=Latin Extended-A}", r"\p{blk=GREEK}", r"\p{sc=Grek}", r"\p{gc=Lu}", r"\p{L1}", r"\p{LC}",
    r"\p{all}", r"\P{ASCII}", r"\p{IsEmoji}", r"\p{XX}", r"\p{IsXX}", r"\p{InXX}", r"(", r")", r"[", r"a{", r"a{2", r"a{2,1}", r"*", r"\y",
    r"(?<1a>b)", r"\k<n>", r"[b-a]", r"(?q)", r"\x{110000}", r"\08", r"[\b]", "a\\", r"(?<a>b)(?<a>c)", r"(.)\1", r"(?i)(a)\1", r"(?=b)b",
    r"(?<!a)b", r"a??b", r"a{2}", r"a{1,2}b", r"(?:ab)+", r"(a|ab)(c|bcd)?", r"[[a-c]&&[b]]", r"\h+", r"\v", r"\X", r"\G.", r"(|a)+",
    r"(a?)*", r"(a??)*b", r"(?:(a)|b)*", r"(?-i)a", r"(?i:b)a", r"\0141", r"\x61", r"\u0061", r"\cA", r"[\x61-\x63]+", r"\N{DIGIT ONE}",
    r"(?d).", r"(?dm)^.$",
]  # fmt: skip
PROPERTIES = [
    *"Lower Upper ASCII Alpha Digit Alnum Punct Graph Print Blank Cntrl XDigit Space L1 all LC LD".split(),
    *"Cn Lu Ll Lt Lm Lo Mn Me Mc Nd Nl No Zs Zl Zp Cc Cf Co Pd Ps Pe Pc Po Sm Sc Sk So Pi Pf L M N Z C P S".split(),
    *("Is" + name for name in "Alphabetic Letter Ideographic Lowercase Uppercase Titlecase White_Space Control Punctuation "
      "Hex_Digit Assigned Noncharacter_Code_Point Digit Alnum Blank Graph Print Word Join_Control WhiteSpace Greek Latin "
      "Cyrillic Han Hiragana Common Lu".split()),
    *("java" + name for name in "LowerCase UpperCase Alphabetic Ideographic TitleCase Digit Defined Letter LetterOrDigit "
      "JavaIdentifierStart JavaIdentifierPart IdentifierIgnorable SpaceChar Whitespace ISOControl Mirrored".split()),
    *("In" + name for name in "BasicLatin Latin-1Supplement LatinExtended-A Greek Cyrillic CombiningMarksforSymbols Arrows "
      "CYRILLIC_SUPPLEMENTARY CJKUnifiedIdeographs GeneralPunctuation HalfwidthandFullwidthForms".split()),
]  # fmt: skip
#: Assigned in Unicode 13 and before: blocks that did not change since.
ALPHABET = "".join(map(chr, [*range(0x2500), *range(0x3000, 0x3100), *range(0x4E00, 0x4E10), *range(0xFE00, 0xFFFE),
                             *range(0x10000, 0x10100), *range(0x1D400, 0x1D500)]))  # fmt: skip


def expressions() -> list[str]:
    """All expressions of the table."""
    from regex_java_cases import QUANTITIES, SINGLES

    drawn = [
        single + QUANTITIES[at % len(QUANTITIES)] + SINGLES[(7 * at) % len(SINGLES)]
        for at, single in enumerate(SINGLES)
    ]
    grouped = [f"({single}){QUANTITIES[(at + 5) % len(QUANTITIES)]}" for at, single in enumerate(SINGLES)]
    flagged = [f"(?{'ixsmdUu'[at % 7]}){single}b?" for at, single in enumerate(SINGLES)]
    return list(dict.fromkeys([*EXPRESSIONS, *SINGLES, *drawn, *grouped, *flagged]))


def regexes() -> None:
    """The table of regular expressions: for each the texts that match as a whole, and all finds where there are some."""
    from oracles.java import ask_regex

    table = {}
    cases = [(expression, TEXTS) for expression in expressions()]
    for (expression, _), answers in zip(cases, ask_regex(cases), strict=True):
        if isinstance(answers, str):
            table[expression] = None
            continue
        table[expression] = [
            "".join("1" if answer.matches else "0" for answer in answers),
            {str(at): answer.finds for at, answer in enumerate(answers) if any(find != [""] for find in answer.finds)},
        ]
    sets = {}
    for name, answers in zip(
        PROPERTIES, ask_regex([(rf"\p{{{name}}}", list(ALPHABET)) for name in PROPERTIES]), strict=True
    ):
        assert not isinstance(answers, str), name
        ranges: list[list[int]] = []
        for at, answer in enumerate(answers):
            if answer.matches and ranges and ranges[-1][1] == at:
                ranges[-1][1] = at + 1
            elif answer.matches:
                ranges.append([at, at + 1])
        sets[name] = ranges
    path = HERE / "java_regex.json"
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in table.items()]
    lists = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in sets.items()]
    path.write_text('{"expressions": {\n' + ",\n".join(lines) + '\n}, "properties": {\n' + ",\n".join(lists) + "\n}}\n")


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent))
    regexes()
