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


#: Dates to print, with offsets and zones.
DATES = [
    "2019-10-23T11:24:35.123456789Z",
    "2021-01-03T00:05:09Z",
    "2024-02-29T23:59:59.005+05:30",
    "2020-12-28T12:00:00-08:00[America/Los_Angeles]",
    "2021-07-04T04:05:06.7+02:00[Europe/Paris]",
    "0999-03-01T01:02:03Z",
    "2005-01-01T13:00:00-03:30",
]
_LETTERS = {
    "G": 5, "u": 5, "y": 5, "D": 3, "M": 5, "L": 5, "d": 2, "Q": 5, "q": 5, "Y": 5, "w": 2, "W": 1, "E": 5, "e": 5, "c": 5, "F": 1,
    "a": 1, "h": 2, "K": 2, "k": 2, "H": 2, "m": 2, "s": 2, "S": 9, "A": 9, "n": 9, "N": 9, "V": 2, "z": 3, "O": 4, "X": 5, "x": 5, "Z": 5,
}  # fmt: skip
#: Patterns to print with: every letter in every width, and some more.
PATTERNS = [
    *(letter * width for letter, most in _LETTERS.items() for width in range(1, most + 1)),
    "yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "EEE, d MMM yyyy HH:mm:ss Z", "h:mm a", "yyyy[-MM[-dd]]", "ppH", "pppd", "''yyyy''", "'o''clock'",
    "yyyyMMddHHmmssSSS", "[yyyy]", "yyyy#", "{yyyy}", "a b", "'open", "yyyy-MM-dd'T'HH:mm[:ss[.SSS]][XXX]", "p", "pp", "VVV", "MMMMMM",
    "ZZZZZZ", "xxxxxx", "yyyy]", "YYYY-'W'ww-e", "QQQ yyyy", "pM", "ppy", "DDDD", "aa", "ddd", "HHH", "b", "T", "yyyy-MM-ddTHH:mm",
]  # fmt: skip
#: Patterns, and texts to read with them; an underscore is a blank.
READ = [("yyyy-MM-dd","2019-10-23 2019-1-2 19-10-23 02019-10-23 2021-02-29 2021-02-30 2021-13-01 2019-00-01 10000-01-01 +10000-01-01 0000-01-01 -001-01-01 2019-10-23x"),
("y-M-d","2019-1-2 2019-01-02 99-1-2 2019-001-002 12019-1-2 2019-1-32"),("yy-MM-dd","19-10-23 99-10-23 2019-10-23 00-01-01"),("uuuu-MM-dd","2019-10-23"),
("yyyyMMdd","20191023 2019102 201910233"),("yMMdd","20191023 120191023 91023"),("yyyyDDD","2019366 2020366 2019001 2019000"),("yyyy-D","2019-5 2019-365 2019-366"),
("YYYY-'W'ww-e","2020-W53-1 2021-W01-1 2021-W53-7 2021-W54-1 2021-W01-8"),("YYYY-ww-EEE","2021-01-Mon 2021-01-Fri 2020-53-Sat 2021-53-Thu"),
("yyyy-MM-W-EEE","2021-01-1-Fri 2021-01-2-Mon 2021-01-1-Mon"),("yyyy-QQ","2019-03 2019-05"),("yyyy-QQQ","2019-Q3 2019-q3"),("yyyy QQQQ","2019-x"),
("EEE, d MMM yyyy","Wed,_23_Oct_2019 Thu,_23_Oct_2019 wed,_23_oct_2019 Wed,_3_Oct_2019"),("EEEE d MMMM yyyy","Wednesday_23_October_2019 Wed_23_October_2019"),
("yyyy-MM-dd HH:mm:ss","2019-10-23_11:24:35 2019-10-23_24:00:00 2019-10-23_23:60:00 2019-10-23_23:59:60 2019-10-23_9:05:00"),
("yyyy-MM-dd H:m:s","2019-10-23_1:2:3 2019-10-23_01:02:03 2019-10-23_123:4:5"),("yyyy-MM-dd hh:mm a","2019-10-23_12:30_AM 2019-10-23_12:30_PM 2019-10-23_01:30_PM 2019-10-23_13:30_PM 2019-10-23_00:30_AM 2019-10-23_01:30_pm"),
("yyyy-MM-dd KK:mm a","2019-10-23_00:30_PM 2019-10-23_11:30_PM 2019-10-23_12:30_PM"),("yyyy-MM-dd kk:mm","2019-10-23_24:30 2019-10-23_00:30 2019-10-23_23:30"),
("yyyy-MM-dd HH:mm a","2019-10-23_13:30_PM 2019-10-23_13:30_AM"),
("yyyy-MM-dd HH:mm:ss.SSS","2019-10-23_11:24:35.123 2019-10-23_11:24:35.1 2019-10-23_11:24:35.1234"),("yyyyMMddHHmmssSSS","20191023112435123"),("yyyy-MM-dd HH:mm:ss.n","2019-10-23_11:24:35.5 2019-10-23_11:24:35.999999999 2019-10-23_11:24:35.9999999999"),
("yyyy-MM-dd A","2019-10-23_1000 2019-10-23_86399999 2019-10-23_86400000"),("yyyy-MM-dd N","2019-10-23_1000"),
("yyyy-MM-dd'T'HH:mm:ssX","2019-10-23T11:24:35Z 2019-10-23T11:24:35+02 2019-10-23T11:24:35+0230 2019-10-23T11:24:35+02:30"),("yyyy-MM-dd'T'HH:mm:ssXXX","2019-10-23T11:24:35Z 2019-10-23T11:24:35+02:30 2019-10-23T11:24:35-18:00 2019-10-23T11:24:35+19:00"),
("yyyy-MM-dd'T'HH:mm:ssx","2019-10-23T11:24:35+02 2019-10-23T11:24:35+0230"),("yyyy-MM-dd'T'HH:mm:ssZ","2019-10-23T11:24:35+0000 2019-10-23T11:24:35-0830"),("yyyy-MM-dd'T'HH:mm:ssZZZZ","2019-10-23T11:24:35GMT+08:00 2019-10-23T11:24:35GMT"),("yyyy-MM-dd'T'HH:mm:ssZZZZZ","2019-10-23T11:24:35+08:00 2019-10-23T11:24:35Z"),
("yyyy-MM-dd'T'HH:mm:ss O","2019-10-23T11:24:35_GMT+8 2019-10-23T11:24:35_GMT"),("yyyy-MM-dd'T'HH:mm VV","2019-10-23T11:24_Europe/Paris 2019-10-23T11:24_UTC 2019-10-23T11:24_Z 2019-10-23T11:24_+02:00 2021-03-28T02:30_Europe/Paris 2021-10-31T02:30_Europe/Paris 2019-10-23T11:24_Nowhere/City"),
("yyyy-MM-dd HH:mm z","2019-10-23_11:24_UTC 2019-07-23_11:24_GMT 2019-10-23_11:24_Europe/Paris"),
("yyyy[-MM[-dd]]","2019 2019-10 2019-10-23 2019-10-"),("yyyy-MM-dd['T'HH:mm[:ss[.SSS]][XXX]]","2019-10-23 2019-10-23T11:24 2019-10-23T11:24:35 2019-10-23T11:24:35.123 2019-10-23T11:24:35.123Z 2019-10-23T11:24+02:00"),
("ppd/ppM/yyyy","_1/_2/2019 11/12/2019 1/2/2019"),("yyyy 'year' MM","2019_year_10"),("G yyyy-MM-dd","AD_2019-10-23 BC_2019-10-23"),("yyyy-MM-dd G","2019-10-23_AD"),("MMM d, yyyy","Oct_3,_2019 October_3,_2019 OCT_3,_2019"),("LLLL yyyy","October_2019"),("HH:mm","11:24"),("MM-dd","10-23"),("yyyy-MM-dd F","2019-10-23_2 2019-10-23_4"),("yyyy-MM-dd e","2019-10-23_3 2019-10-23_4"),("yyyy-MM-dd w","2019-10-23_43 2019-10-23_42"),("yyyy-w","2019-43"),("Hmm d.M.yyyy","930_1.2.2019 1130_1.2.2019"),("yyyyy-MM","02019-10 2019-10"),("yyy-MM","2019-10 199-10"),]  # fmt: skip
#: Local times in zones, around changes of their offset.
LOCAL = [
    (zone, f"{day}T{hour:02}:{minute:02}:00")
    for zone, days in (
        ("Europe/Paris", ("2021-03-28", "2021-10-31", "2021-07-01")), ("America/New_York", ("2021-03-14", "2021-11-07")),
        ("Australia/Lord_Howe", ("2021-10-03", "2021-04-04")), ("America/Sao_Paulo", ("2018-11-04", "2018-02-18", "2018-02-17")),
        ("Pacific/Apia", ("2011-12-29", "2011-12-30", "2011-12-31")), ("Asia/Kathmandu", ("2021-01-01",)), ("Asia/Beirut", ("2021-03-28",)),
        ("Africa/Casablanca", ("2018-06-17", "2018-05-13")),
    )
    for day in days
    for hour, minute in ((0, 0), (0, 30), (1, 0), (1, 30), (2, 0), (2, 15), (2, 30), (3, 0), (23, 30))
]  # fmt: skip


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


def read_cases() -> list[tuple[str, str, str]]:
    """Week rules, pattern and text of each reading."""
    return [
        (place, pattern, text.replace("_", " "))
        for pattern, texts in READ
        for text in texts.split(" ")
        for place in (("US", "GB") if set(pattern) & set("YwWe") else ("US",))
    ]


def print_cases() -> list[tuple[str, str, str]]:
    """Week rules, pattern and date of each print; Britain's names and marks differ, so only numbers by its weeks."""
    return [
        (place, pattern, day)
        for pattern in PATTERNS
        for day in DATES
        for place in ("US", "GB")
        if place == "US" or (set(pattern) & set("YwWe") and not set(pattern) & set("ELMa") and "eee" not in pattern)
    ]


def sweep_cases() -> list[tuple[str, str, str]]:
    """Week rules, pattern and date for every letter in every width, behind a date that makes it readable."""
    return [
        (place, f"uuuu-MM-dd'T'HH:mm:ss|{letter * width}", day)
        for letter, most in _LETTERS.items()
        for width in range(1, most + 1)
        for day in DATES
        for place in ("US", "GB")
        if place == "US" or (letter in "YwWec" and width < 3)
    ]


def _sweep() -> list[list[str]]:
    """For each case what Java prints, what it reads from that, and what it prints of this; "!" where it refuses to."""
    from oracles.java import ask_dates

    cases = sweep_cases()
    printed = ask_dates([("F", *case) for case in cases])
    texts = [(*case[:2], answer[1:]) for case, answer in zip(cases, printed, strict=True)]
    answers = [printed, *(ask_dates([(what, *text) for text in texts]) for what in "PR")]
    return [[answer if answer[0] == "=" else "!" for answer in row] for row in zip(*answers, strict=True)]


def dates() -> None:
    """The tables of dates: what is printed, what is read, and what a local time in a zone is."""
    from oracles.java import ask_dates

    table = {
        "print": ask_dates([("F", *case) for case in print_cases()]),
        "read": [answer if answer[0] == "=" else "-" for answer in ask_dates([("P", *case) for case in read_cases()])],
        "local": ask_dates([("L", *case) for case in LOCAL]),
        "sweep": _sweep(),
    }
    table["print"] = [answer if answer[0] == "=" else answer[0] for answer in table["print"]]
    (HERE / "java_dates.json").write_text(json.dumps(table, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent))
    regexes()
    dates()
