"""Number formats of Excel: the string for a number that a cell shows by such a format.

- Formats of dates and times give ISO 8601, whatever their order and language: ``2024-01-31``, ``2024-01-31T10:20:30``,
  ``10:20:30``.  Elapsed times are as the sheet shows them, ``30:00`` for ``[h]:mm``, with the seconds that it hides.
- A whole number is shown as the sheet shows it where its format makes an id of it: two or more zeros (``00000``), signs
  between the digits (``000-00-0000``), a prefix with digits, or with letters and one of ``-/#_`` at its end
  (``"ID-"0``).
- All other numbers are quantities and keep their 15 digits: no format rounds them, groups digits, or adds a unit, and
  12 % is 0.12.
"""

from __future__ import annotations

import datetime
import math
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

#: The string for a cell's value, None where it has none; and what is wrong with it, empty where nothing is.
Shown = tuple[str | None, str]

LOST = "a number of more than 15 digits has lost digits in Excel"
_NO_NUMBER = "the cell's value is no number"
_NO_DATE = "the cell's number is no date in Excel's calendar"
#: Numbers from here on have more digits than Excel keeps.
_DIGITS = 10**15
_DAY = 86_400_000
_LAST_DAY = datetime.date(9999, 12, 31).toordinal()

#: Formats by number that a book need not declare; of 27 to 58 only what all languages share (ECMA-376, 18.8.30).
_BUILTIN = {
    14: "d/m/yyyy", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm",
    21: "h:mm:ss", 22: "d/m/yyyy h:mm", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0",
    **dict.fromkeys((27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58), "yyyy-mm-dd"),
    **dict.fromkeys((32, 33, 34, 35, 55, 56), "AM/PM"),
}  # fmt: skip
_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|[_*].|\[(?P<bracket>[^\]]*)\]'
    r"|(?P<general>General|G/通用格式|G/標準)|(?P<half>AM/PM|A/P|上午/下午)|(?P<code>.)",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?[\d.]+)")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "<>": operator.ne,
}  # fmt: skip
#: What a format shows that makes a number a quantity: a decimal point, groups of digits, percent, fractions, powers.
_QUANTITY = frozenset(".,%/eE")
#: What also groups the digits of quantities in some countries.
_GROUPING = " .'’\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}"
_PREFIX = re.compile(r".*\d|.*[^\W\d_].*[-/#_]\s*\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Section:
    """One of the parts of a format, which are for positive and negative numbers, zero and text.

    Attributes:
        codes: the characters that stand for parts of the number, in their order.
        items: the places of digits as ``(True, "0")``, and the text around them as ``(False, "-")``.
        elapsed: of an elapsed time the unit with its length, as ``hh``; else empty.
        condition: of a section in brackets, as ``[<100]``; else None.
    """

    codes: str
    items: tuple[tuple[bool, str], ...]
    elapsed: str
    condition: tuple[str, float] | None

    @property
    def is_temporal(self) -> bool:
        """Whether it shows dates or times: their letters come before any digit."""
        first = re.search(r"[0#?ymdhsegb]|@", self.codes)
        return bool(self.elapsed) or (first is not None and first[0] not in "0#?@") or "a/p" in self.codes

    @property
    def is_id(self) -> bool:
        """Whether it shows a whole number as an id."""
        if _QUANTITY & set(self.codes):
            return False
        digits = [at for at, (is_digit, _) in enumerate(self.items) if is_digit]
        if not digits:
            return False
        prefix = "".join(text for _, text in self.items[: digits[0]])
        inner = "".join(text for is_digit, text in self.items[digits[0] : digits[-1]] if not is_digit)
        zeros = sum(text == "0" for is_digit, text in self.items if is_digit)
        return zeros > 1 or bool(inner.strip(_GROUPING)) or _PREFIX.match(prefix) is not None


def format_code(number: int, declared: dict[int, str]) -> str:
    """The format of a number that styles name it by; ``General`` where the book and Excel have none."""
    return declared.get(number) or _BUILTIN.get(number, "General")


def shown_by(code: str, since_1904: bool) -> Callable[[str], Shown]:
    """A function that gives what a cell of the format `code` shows for a number, as the book has it."""
    sections = _sections(code)
    if not any(section.is_temporal or section.is_id for section in sections):
        return exact
    return partial(_shown, sections=sections, since_1904=since_1904)


def exact(text: str) -> Shown:
    """A number by itself, of the 15 digits that Excel shows: whole ones without a decimal point, others as short."""
    if len(text) < 16 and text.isdecimal() and text.isascii() and (text[0] != "0" or text == "0"):
        return text, ""
    try:
        value = float(text)
    except ValueError:
        return None, _NO_NUMBER
    if not math.isfinite(value):
        return None, _NO_NUMBER
    if not re.search("[.eE]", text):
        shown = str(int(text))
    else:
        value = value if abs(value) >= _DIGITS else float(f"{value:.15g}")
        shown = f"{Decimal(repr(value + 0.0)):.0f}" if value.is_integer() and abs(value) < 1e21 else repr(value)
    return shown, LOST if abs(value) >= _DIGITS else ""


def _shown(text: str, sections: Sequence[_Section], since_1904: bool) -> Shown:
    shown, wrong = exact(text)
    if shown is None:
        return shown, wrong
    value = float(shown)
    section = next((one for at, one in enumerate(sections) if _applies(one, at, len(sections), value)), None)
    if section is None:
        return shown, wrong
    if section.is_temporal and (not section.elapsed or set("yd") & set(section.codes)):
        return _moment(value, section, since_1904)
    if abs(value) >= _DIGITS:
        return shown, wrong
    if section.elapsed:
        return _elapsed(value, section), ""
    if section.is_id and value.is_integer() and (value or "0" in section.codes):
        sign = "-" if value < 0 and len(sections) == 1 else ""
        return sign + _as_id(abs(int(value)), section), wrong
    return shown, wrong


def _sections(code: str) -> list[_Section]:
    """The sections of a format that are for numbers."""
    parts: list[list[re.Match[str]]] = [[]]
    for token in _TOKEN.finditer(code):
        if token["code"] == ";":
            parts.append([])
        else:
            parts[-1].append(token)
    sections = [_section(part) for part in parts]
    if len(sections) > 1 and "@" in sections[-1].codes:
        sections.pop()
    return sections[:3]


def _section(tokens: Sequence[re.Match[str]]) -> _Section:
    codes = elapsed = ""
    items: list[tuple[bool, str]] = []
    condition = None
    for token in tokens:
        kind, text = token.lastgroup, token[token.lastgroup or 0]
        if kind == "bracket":
            if re.fullmatch("h+|m+|s+", text, re.IGNORECASE):
                elapsed = elapsed or text.lower()
            elif found := _CONDITION.match(text):
                condition = (found[1], float(found[2]))
            elif text.startswith("$"):
                items.append((False, text[1:].rpartition("-")[0] if "-" in text else text[1:]))
        elif kind == "half":
            codes += "a/p"
        elif kind == "general":
            codes += "."
        elif kind == "code" and text in "0#?":
            codes += text
            items.append((True, text))
        elif kind == "code" and text.lower() in "ymdhsegb@.,%/":
            codes += text.lower()
        elif kind is not None:
            items.append((False, text))
    return _Section(codes, tuple(items), elapsed, condition)


def _applies(section: _Section, at: int, count: int, value: float) -> bool:
    if section.condition is not None:
        return _COMPARE[section.condition[0]](value, section.condition[1])
    if at == count - 1:
        return True
    return (value > 0 or (count == 2 and value == 0)) if at == 0 else value < 0


def _as_id(number: int, section: _Section) -> str:
    """The digits of a number put into the places of a format, the first of which takes all that are left."""
    places = sum(is_digit for is_digit, _ in section.items)
    left = list(str(number)) if number else []
    made: list[str] = []
    for is_digit, text in reversed(section.items):
        if not is_digit:
            made.append(text)
            continue
        places -= 1
        if places == 0 and left:
            made.append("".join(left))
        elif left:
            made.append(left.pop())
        else:
            made.append({"0": "0", "?": " ", "#": ""}[text])
    return "".join(reversed(made)).strip()


def _elapsed(value: float, section: _Section) -> str:
    """An elapsed time, from the unit in brackets down to the last that the format shows or that is not zero."""
    milliseconds = round(abs(value) * _DAY)
    sizes = {"h": 3_600_000, "m": 60_000, "s": 1000}
    units = "hms"["hms".index(section.elapsed[0]) :]
    shown = max([units.index(unit) for unit in units if unit in section.codes], default=0)
    parts = []
    for at, unit in enumerate(units):
        if at > shown and not milliseconds:
            break
        count, milliseconds = divmod(milliseconds, sizes[unit])
        parts.append(str(count).zfill(len(section.elapsed) if at == 0 else 2))
    decimals = section.codes.partition(".")[2].count("0")
    fraction = (f"{milliseconds:03}".rstrip("0") if milliseconds else "").ljust(decimals, "0")
    return ("-" if value < 0 else "") + ":".join(parts) + (f".{fraction}" if fraction else "")


def _moment(value: float, section: _Section, since_1904: bool) -> Shown:
    """A date, a time, or both."""
    codes = section.codes
    shows_time = "h" in codes or "s" in codes
    shows_date = any(sign in codes for sign in "ydegb") or ("m" in codes and not shows_time)
    if not 0 <= value <= _LAST_DAY:
        return None, _NO_DATE
    days, milliseconds = divmod(round(value * _DAY), _DAY)
    time = (datetime.datetime.min + datetime.timedelta(milliseconds=milliseconds)).time()
    clock = time.isoformat("milliseconds" if milliseconds % 1000 else "seconds")
    if days == 0 and not shows_date:
        return clock, ""
    if days in (0, 60) and not since_1904:  # 1900 has a day 0 and a 29 February
        return None, _NO_DATE
    first = datetime.date(1904, 1, 1) if since_1904 else datetime.date(1899, 12, 31 if days < 60 else 30)
    ordinal = first.toordinal() + days
    if ordinal > _LAST_DAY:
        return None, _NO_DATE
    date = datetime.date.fromordinal(ordinal).isoformat()
    return (f"{date}T{clock}" if milliseconds or shows_time else date), ""
