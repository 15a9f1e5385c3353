"""Java's date patterns: strings read and moments printed, and the automatic formats.

Reading is strict where Java's default changes a date in silence (30 February is no date), and lenient in the letter
case of names and in the spelling of offsets.  The letter ``u`` of the older ``SimpleDateFormat`` (day of the week) is
an option.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any

from .date_letters import ABBREVIATION, DAYS, FIELDS, LETTERS, SYNONYMS, Digits, Element, first_day, week_of_month
from .options import DEFAULT, Options
from .values import Failed
from .zoned_datetime import Moment

_TOKEN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|([\[\]])|([^A-Za-z'\[\]{}#]+)")


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """A part of a pattern: a letter with its element, padded with spaces to a width; or a literal; or a bracket."""

    letter: str = ""
    element: Element | None = None
    pad: int = 0
    literal: str = ""
    bracket: str = ""

    def print(self, moment: Moment, options: Options) -> str:
        """`moment` as this part shows it. Raises Failed: it is wider than the part."""
        if self.element is None:
            return self.literal
        text = self.element.print(moment, options)
        if not self.pad:
            return text
        if len(text) > self.pad:
            raise Failed(f"{text!r} is longer than the {self.pad} characters that the format leaves for it")
        return text.rjust(self.pad)


def parts_of(text: str, options: Options = DEFAULT) -> list[Part]:
    """The parts of a pattern. Raises Failed: it is no pattern."""
    found: list[Part] = []
    at = pad = depth = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            sign = text[at]
            why = "has an open quote" if sign == "'" else f"has {sign!r}, which is reserved; put it in single quotes"
            raise Failed(f"the date format {text!r} {why}")
        at = match.end()
        if pad and (not match[2] or match[2] == "p"):
            break
        if match[2] == "p":
            pad = len(match[0])
        elif match[2]:
            simple = match[2] == "u" and options.date_letters == "simple"
            found.append(_part("e" if simple else match[2], len(match[0]), pad, text))
            pad = 0
        elif match[3]:
            depth += 1 if match[3] == "[" else -1
            if depth < 0:
                raise Failed(f"the date format {text!r} has a ']' without a '['")
            found.append(Part(bracket=match[3]))
        else:
            found.append(Part(literal=match[4] or match[1].replace("''", "'") or "'"))
    if pad:
        raise Failed(f"the date format {text!r} has a 'p' that no letter follows")
    return [*found, *[Part(bracket="]")] * depth]


def _part(letter: str, width: int, pad: int, text: str) -> Part:
    if letter not in LETTERS:
        raise Failed(f"{letter!r} in {text!r} is not a letter of a date format; put literals in single quotes")
    if letter * width == "zzzz":
        raise Failed(f"{text!r} asks for full names of time zones, which are not known here; use z or VV")
    element = LETTERS[letter].get(width)
    if element is None:
        raise Failed(f"{letter * width!r} in {text!r} is no part of a date format: the letter is not repeated so often")
    return Part(SYNONYMS.get(letter, letter), element, pad)


@dataclass(frozen=True, eq=False, slots=True)
class Pattern:
    """A compiled pattern.

    Attributes:
        text: as written.
        options: the readings of open points.
        parts: the parts of the pattern, brackets among them.
        regex: matches the strings of this pattern; `groups` has the element of each group.
    """

    text: str
    options: Options
    parts: tuple[Part, ...]
    regex: re.Pattern[str]
    groups: tuple[Element, ...]
    printed: tuple[Part, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "printed", tuple(part for part in self.parts if not part.bracket))

    def read(self, text: str) -> Moment:
        """The moment that `text` names. Raises Failed: the string does not have this pattern, or names no real date."""
        match = self.regex.fullmatch(text)
        if match is None:
            raise Failed(f"{text[:80]!r} does not have the format {self.text!r}")
        found: dict[str, Any] = {}
        try:
            for element, group in zip(self.groups, match.groups(), strict=True):
                if group is not None:
                    value = element.read(group, self.options)
                    if found.setdefault(element.field, value) != value:
                        raise Failed(f"{text[:80]!r} contradicts itself")
            return _moment(found, self.options)
        except (ValueError, OverflowError) as error:
            raise Failed(f"{text[:80]!r} is no date: {error}") from None

    def check_reads(self) -> None:
        """Checks that dates can be read. Raises Failed: the pattern has no year, so that no string names a date."""
        names = {element.field for element in self.groups}
        if "year" not in names and not {"weekyear", "week"} <= names:
            raise Failed(f"the date format {self.text!r} has no year (y), so no string is a date in it")

    def print(self, moment: Moment) -> str:
        """`moment` in this pattern."""
        return "".join([part.literal or part.print(moment, self.options) for part in self.printed])


@lru_cache(maxsize=1024)
def compile_pattern(text: str, options: Options) -> Pattern:
    """The compiled `text`. Raises Failed: it is not a date pattern."""
    parts = parts_of(text, options)
    regex, groups = "", []
    for i, part in enumerate(parts):
        if part.bracket:
            regex += "(?:" if part.bracket == "[" else ")?+"
        elif part.element is None:
            regex += re.escape(part.literal)
        else:
            element, behind = part.element, _reserved(parts[i + 1 :])
            ways = [
                f"{' ' * (part.pad - size)}({element.expression(behind, size)})" for size in range(part.pad, 0, -1)
            ] or [f"({element.expression(behind)})"]
            regex += f"(?:{'|'.join(ways)})"
            groups += [element] * len(ways)
    return Pattern(text, options, tuple(parts), re.compile(regex, re.ASCII), tuple(groups))


def _reserved(parts: list[Part]) -> int:
    """How many digits the numbers of fixed width that follow directly take; a number of free width leaves these."""
    digits = 0
    for part in parts:
        if not (isinstance(part.element, Digits) and part.element.reserved):
            break
        digits += part.element.reserved
    return digits


def _moment(found: dict[str, Any], options: Options) -> Moment:
    """The moment with some fields. Raises ValueError, OverflowError: none exists."""
    if not found.get("era", 1):
        raise ValueError("years before 1 are not supported")
    day = _day(found, options)
    hour, minute, second, nanos = _time(found)
    at = datetime(day.year, day.month, day.day, hour, minute, second, nanos // 1000, UTC)
    moment = Moment(at, nanos % 1000)
    for name in ("isoweekday", "weekday", *_CHECKED):
        if name in found and found[name] != FIELDS[name].of(moment, options):
            raise ValueError("its parts contradict each other" if name in _CHECKED else f"it is a {DAYS[at.weekday()]}")
    place: tzinfo = found.get("offset") or found.get("zone") or UTC
    return Moment.local(at.replace(tzinfo=place), nanos % 1000)


#: Fields that may be read besides those that make the date.
_CHECKED = (
    "year", "month", "day", "quarter", "dayofyear", "weekofday", "weekyear", "week", "weekofmonth", "ampm"
)  # fmt: skip


def _day(found: dict[str, Any], options: Options) -> date:
    year, weekday = found.get("year"), found.get("isoweekday")
    if weekday is None and "weekday" in found:
        if not 1 <= found["weekday"] <= 7:
            raise ValueError("there is no such day of the week")
        weekday = (found["weekday"] + first_day(options)[0] - 2) % 7 + 1
    if "weekyear" in found and "week" in found:
        return _week_day(found["weekyear"], found["week"], weekday, options)
    if year is None:
        raise ValueError("it has no year")
    if "dayofyear" in found:
        day = date(year, 1, 1) + timedelta(days=found["dayofyear"] - 1)
        if day.year != year or found["dayofyear"] < 1:
            raise ValueError("there is no such day of the year")
        return day
    month = found.get("month", 3 * found.get("quarter", 1) - 2)
    if "weekofmonth" in found and "day" not in found and weekday is not None:
        for day in (date(year, month, 1) + timedelta(days=n) for n in range(31)):
            in_week = week_of_month(day, options) == found["weekofmonth"]
            if day.month == month and day.isoweekday() == weekday and in_week:
                return day
        raise ValueError("there is no such day in that week of the month")
    return date(year, month, found.get("day", 1))


def _time(found: dict[str, Any]) -> tuple[int, int, int, int]:
    """Hour, minute, second and nanoseconds."""
    if "nanoofday" in found or "milliofday" in found:
        nanos = found.get("nanoofday", found.get("milliofday", 0) * 1_000_000)
        if nanos >= 86_400 * 10**9:
            raise ValueError("a day is not so long")
        seconds, rest = divmod(nanos, 10**9)
        return seconds // 3600, seconds // 60 % 60, seconds % 60, rest
    if found.get("hour24", 0) > 24 or found.get("hour12", 1) > 12 or found.get("hour11", 0) > 11:
        raise ValueError("there is no such hour")
    hour = found.get("hour", found["hour24"] % 24 if "hour24" in found else None)
    if "hour12" in found or "hour11" in found:
        half = found.get("hour12", found.get("hour11", 0)) % 12
        if hour is not None and hour % 12 != half:
            raise ValueError("its parts contradict each other")
        hour = half + 12 * found.get("ampm", (hour or 0) // 12)
    hour = hour or 0
    nanos = found.get("nano", 0)
    if nanos >= 10**9:
        raise ValueError("a second is not so long")
    return hour, found.get("minute", 0), found.get("second", 0), nanos


def _week_start(year: int, options: Options) -> date:
    """The first day of the first week of a week-based year."""
    first, least = first_day(options)
    day = date(year, 1, least)  # is always in the first week
    return day - timedelta(days=(day.isoweekday() - first) % 7)


def _week_day(year: int, week: int, weekday: int | None, options: Options) -> date:
    start = _week_start(year, options) + timedelta(days=7 * (week - 1))
    if week < 1 or start >= _week_start(year + 1, options):
        raise ValueError("there is no such week")
    return start if weekday is None else start + timedelta(days=(weekday - first_day(options)[0]) % 7)


#: Formats that a string mapped to a date field is tried against, first fit wins (Data Prep guide, "Automatic date
#: formats"), and those that ``date()`` takes besides.
AUTOMATIC = (
    "yyyy-MM-dd HH:mm:ssZ", "yyyy-MM-dd HH:mm:ss.SSSZ", "yyyy-MM-dd HH:mm:ss.SSS", "yyyy-MM-dd'T'HH:mm:ss.SSSX",
    "yyyy-MM-dd'T'HH:mm:ss'Z'", "yyyy-MM-dd", "yyyy/MM/dd", "yyyy.MM.dd", "yyyy-MMM-dd", "yyyyMMdd", "MM-dd-yyyy",
    "MMddyyyy", "M/dd/yyyy", "dd.M.yyyy", "M/dd/yyyy hh:mm:ss a", "dd.M.yyyy hh:mm:ss a", "dd.MMM.yyyy",
    "dd-MMM-yyyy",
)  # fmt: skip

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)? ?(Z|z|[+-]\d\d(?::?\d\d){0,2}|[A-Z]{2,5})?",
    re.ASCII,
)


def iso_shape() -> str:
    """A regular expression of all strings that :func:`read_date` reads and :func:`automatic_layouts` do not cover."""
    return f"^(?:{_ISO.pattern})$"


@lru_cache(maxsize=64)
def automatic(options: Options) -> tuple[Pattern, ...]:
    """The automatic formats that the ISO-8601 reading does not cover, in their order."""
    return tuple(compile_pattern(text, options) for text in AUTOMATIC[5:])


@lru_cache(maxsize=1)
def automatic_shape() -> re.Pattern[str]:
    """Matches every string in an automatic format that the ISO-8601 reading does not cover, and few others."""
    return re.compile("|".join(f"(?:{_narrowed(pattern)})" for pattern in automatic(Options())), re.ASCII)


def _narrowed(pattern: Pattern) -> str:
    """The regular expression of a pattern; where all numbers of two digits are days or months, with none above 31."""
    return (
        pattern.regex.pattern
        if "h" in pattern.text
        else pattern.regex.pattern.replace("[0-9]{2}", "(?:[0-2][0-9]|3[01])")
    )


def read_date(text: str, options: Options) -> Moment:
    """The moment that `text` names in an automatic format, or in ISO-8601. Raises Failed: it is in none of them."""
    match = _ISO.fullmatch(text)
    if match is not None:
        year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
        nanos = int((match[7] or "0").ljust(9, "0"))
        mark = match[8]
        if options.zoneless_millis == "drop" and (mark is None or (mark.isalpha() and mark not in "Zz")):
            nanos = 0
        try:
            place = UTC if mark is None or mark in "Zz" else ABBREVIATION.read(mark, options)
            at = datetime(year, month, day, hour, minute, second, nanos // 1000, place)
            return Moment.local(at, nanos % 1000)
        except (ValueError, OverflowError):
            raise Failed(f"{text[:80]!r} is no date") from None
    for pattern in automatic(options) if automatic_shape().fullmatch(text) else ():
        if pattern.regex.fullmatch(text):
            try:
                return pattern.read(text)
            except Failed:
                continue
    raise Failed(f"{text[:80]!r} is in none of the known date formats")
