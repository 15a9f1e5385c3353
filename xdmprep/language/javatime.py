"""Java date patterns: reading and printing.

A pattern becomes a regular expression and a list of printers, once.  Letters are those of ``DateTimeFormatter``; the
letter ``u`` of the older ``SimpleDateFormat`` (day of the week) is an option.  Reading is strict where Java's default
quietly changes a date (30 February is no date here), and lenient in the letter case of names and the spelling of
offsets.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from itertools import product
from math import prod
from zoneinfo import ZoneInfo

from .moment import Moment
from .options import Options
from .values import Failed

#: Letters with their widths, and literals with width 0.
Layout = tuple[tuple[str, int], ...]

MONTHS = ("January February March April May June July August September October November December").split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_SHORT_MONTHS = [name[:3] for name in MONTHS]
_SHORT_DAYS = [name[:3] for name in DAYS]

#: Offsets in hours of the abbreviations that Java reads as well, and the regions that it takes them for.
ZONE_NAMES: dict[str, tuple[float, str]] = {
    "UTC": (0, "UTC"), "GMT": (0, "UTC"), "Z": (0, "UTC"), "UT": (0, "UTC"), "WET": (0, "Europe/Lisbon"),
    "BST": (1, "Europe/London"), "CET": (1, "Europe/Paris"), "CEST": (2, "Europe/Paris"),
    "EET": (2, "Europe/Athens"), "EEST": (3, "Europe/Athens"), "MSK": (3, "Europe/Moscow"),
    "IST": (5.5, "Asia/Kolkata"), "JST": (9, "Asia/Tokyo"), "AEST": (10, "Australia/Sydney"),
    "AEDT": (11, "Australia/Sydney"), "NZST": (12, "Pacific/Auckland"), "NZDT": (13, "Pacific/Auckland"),
    "EST": (-5, "America/New_York"), "EDT": (-4, "America/New_York"), "CST": (-6, "America/Chicago"),
    "CDT": (-5, "America/Chicago"), "MST": (-7, "America/Denver"), "MDT": (-6, "America/Denver"),
    "PST": (-8, "America/Los_Angeles"), "PDT": (-7, "America/Los_Angeles"), "AKST": (-9, "America/Anchorage"),
    "AKDT": (-8, "America/Anchorage"), "HST": (-10, "Pacific/Honolulu"),
}  # fmt: skip

_OFFSET = r"(?:Z|[+-]\d{2}(?::?\d{2}(?::?\d{2})?)?)"
_TOKEN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|([^A-Za-z']+)")


@lru_cache(maxsize=1024)
def zone(name: str) -> tzinfo:
    """The zone of a region (``Europe/Paris``), an offset (``+02:00``, ``GMT+2``, ``UTC-08``) or an abbreviation.

    Raises:
        Failed: there is no such zone.
    """
    text = name.strip()
    if match := re.fullmatch(r"(?:GMT|UTC|UT)?([+-])(\d{1,2})(?::?(\d{2}))?(?::?(\d{2}))?", text):
        delta = timedelta(hours=int(match[2]), minutes=int(match[3] or 0), seconds=int(match[4] or 0))
        if delta <= timedelta(hours=18) and int(match[3] or 0) < 60 and int(match[4] or 0) < 60:
            return timezone(-delta if match[1] == "-" else delta) if delta else UTC
    elif text in ("Z", "UTC", "GMT", "UT"):
        return UTC
    else:
        try:
            return ZoneInfo(text)
        except (ValueError, OSError, KeyError):
            if text in ZONE_NAMES:
                return ZoneInfo(ZONE_NAMES[text][1])
    raise Failed(f"{name!r} is not a time zone")


def _abbreviation(name: str, options: Options) -> tzinfo:
    known = ZONE_NAMES.get(name.upper())
    if known is None:
        return zone(name)
    if options.zone_names == "region":
        return zone(known[1])
    return timezone(timedelta(hours=known[0])) if known[0] else UTC


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern.

    Attributes:
        text: as written.
        zoned: whether it reads a zone or offset.
        layout: for patterns of nothing but fixed-width numbers and single-byte literals: (letter or literal, width)
            pairs, so that whole columns can be printed as bytes; None for others.
        layouts: what texts of this pattern look like as bytes, one for each choice of one or two digits, so that whole
            columns can be read; none where names or free widths are in the way.
    """

    text: str
    options: Options
    regex: re.Pattern[str]
    fields: tuple[tuple[str, int], ...]
    printers: tuple[str | Callable[[Moment], str], ...]
    zoned: bool
    layout: Layout | None
    layouts: tuple[Layout, ...]

    def read(self, text: str) -> Moment:
        """The moment that `text` names.

        Raises:
            Failed: the text does not have this pattern, or names no real date.
        """
        match = self.regex.fullmatch(text)
        if match is None:
            raise Failed(f"{text[:80]!r} does not have the format {self.text!r}")
        found: dict[str, str | int] = {}
        for (letter, width), part in zip(self.fields, match.groups(), strict=True):
            if part is None:
                continue
            value = _value(letter, width, part)
            if letter == "E" and part.isdigit() and self.options.weeks == "us":
                value = (int(part) - 2) % 7 + 1
            if found.get(letter, value) != value:
                raise Failed(f"{text[:80]!r} contradicts itself")
            found[letter] = value
        try:
            return _moment(found, self.options)
        except (ValueError, OverflowError) as error:
            raise Failed(f"{text[:80]!r} is no date: {error}") from None

    def print(self, moment: Moment) -> str:
        """`moment` in this pattern."""
        return "".join(part if isinstance(part, str) else part(moment) for part in self.printers)


def _value(letter: str, width: int, part: str) -> str | int:
    if letter == "S":
        return int(part.ljust(9, "0")[:9])
    if letter in "yuY" and width == 2:
        return 2000 + int(part)
    if letter == "M" and width >= 3:
        return _index(part, MONTHS)
    if letter in "Ee" and not part.isdigit():
        return _index(part, DAYS)
    if letter == "a":
        return int(part[0] in "pP")
    if letter in "GVzXxZO":
        return part
    return int(part.lstrip("Q")) if letter == "Q" and part[0] == "Q" else int(part)


def _index(part: str, names: list[str]) -> int:
    return next(i for i, name in enumerate(names, 1) if name[:3].lower() == part[:3].lower())


def _moment(found: dict[str, str | int], options: Options) -> Moment:
    number = {letter: value for letter, value in found.items() if isinstance(value, int)}
    year = number.get("y", number.get("u"))
    if str(found.get("G", "AD"))[:1].upper() == "B":
        raise ValueError("years before Christ are not supported")
    weekday = number.get("E")
    if "Y" in number and "w" in number:
        day = date.fromisocalendar(number["Y"], number["w"], weekday or 1)
    elif year is None:
        raise ValueError("it has no year")
    elif "D" in number:
        day = date(year, 1, 1) + timedelta(days=number["D"] - 1)
        if day.year != year or number["D"] < 1:
            raise ValueError("there is no such day of the year")
    else:
        month = number.get("M", 3 * number["Q"] - 2 if "Q" in number else 1)
        day = date(year, month, number.get("d", 1))
    if weekday is not None and day.isoweekday() != weekday:
        raise ValueError(f"it is a {DAYS[day.weekday()]}")
    hour = number.get("H", number.get("k", 0) % 24)
    if "k" in number and not 1 <= number["k"] <= 24:
        raise ValueError("there is no such hour")
    if "h" in number or "K" in number:
        if not (1 <= number.get("h", 1) <= 12 and 0 <= number.get("K", 0) <= 11):
            raise ValueError("there is no such hour")
        hour = number.get("h", number.get("K", 0)) % 12 + 12 * number.get("a", 0)
    nanos = number.get("S", number.get("n", 0))
    at = datetime(day.year, day.month, day.day, hour, number.get("m", 0), number.get("s", 0), nanos // 1000, UTC)
    place: tzinfo = UTC
    for letter in "VzXxZO":
        if letter in found:
            text = str(found[letter])
            place = zone(text) if text[-1:].isdigit() or letter == "V" else _abbreviation(text, options)
    if place is not UTC:
        at = at.replace(tzinfo=place)
        if at.utcoffset() is None:
            raise ValueError("its zone is unknown")
    return Moment(at, nanos % 1000)


@lru_cache(maxsize=1024)
def compile_pattern(text: str, options: Options) -> Pattern:
    """The compiled `text`.

    Raises:
        Failed: it is not a date pattern.
    """
    tokens: list[tuple[str, int]] = []  # (letter, width), or (literal text, 0)
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise Failed(f"the date format {text!r} has an open quote")
        if match[2]:
            letter = {"L": "M", "c": "e", "q": "Q"}.get(match[2], match[2])
            if letter == "u" and options.date_letters == "simple":
                letter = "e"
            if letter not in _PRINTERS:
                raise Failed(f"{letter!r} in {text!r} is not a letter of a date format; put literals in single quotes")
            if letter == "z" and len(match[0]) > 3:
                raise Failed(f"{text!r} asks for full names of time zones, which are not known here; use z or VV")
            tokens.append((letter, len(match[0])))
        else:
            tokens.append(((match[1].replace("''", "'") or "'") if match[3] is None else match[3], 0))
        at = match.end()
    regex, fields = "", []
    for i, (part, width) in enumerate(tokens):
        if not width:
            regex += re.escape(part)
            continue
        adjacent = i + 1 < len(tokens) and tokens[i + 1][1] > 0 and tokens[i + 1][0] in _NUMERIC
        regex += f"({_reader(part, width, adjacent)})"
        fields.append((part if part not in "eE" else "E", width))
    printers = tuple(part if not width else _printer(part, width, options) for part, width in tokens)
    zoned = any(width and part in "VzXxZO" for part, width in tokens)
    reader = re.compile(regex, re.ASCII)
    return Pattern(text, options, reader, tuple(fields), printers, zoned, _layout(tokens), _layouts(tokens))


_NUMERIC = "yuYMdDHhKkmsSnwWF"


def _reader(letter: str, width: int, adjacent: bool) -> str:
    names = {"M": MONTHS, "E": DAYS, "e": DAYS}
    if letter in names and width >= 3:
        full = names[letter] if width == 4 else [name[:3] for name in names[letter]]
        return "(?i:" + "|".join(full) + ")"
    if letter == "E":
        return "(?i:" + "|".join(_SHORT_DAYS) + ")"
    if letter == "G":
        return "(?i:AD|BC|CE|BCE|Anno Domini|Before Christ)"
    if letter == "a":
        return "(?i:AM|PM)"
    if letter in "XxZ":
        return _OFFSET
    if letter == "O":
        return r"GMT(?:[+-]\d{1,2}(?::\d{2})?)?"
    if letter in "zV":
        return rf"[A-Za-z][A-Za-z_]*(?:/[A-Za-z_+\-0-9]+)*(?:[+-]\d{{1,2}}(?::?\d{{2}})?)?|{_OFFSET}"
    if letter == "Q":
        return "Q[1-4]" if width >= 3 else "0[1-4]" if width == 2 else "[1-4]"
    if letter == "S":
        return rf"[0-9]{{{width}}}"
    if letter in "yuY":
        return r"[0-9]{2}" if width == 2 else r"[0-9]{4}"
    if letter == "n":
        return r"[0-9]{1,9}"
    most = 3 if letter == "D" else 2
    if width >= 2:
        return rf"[0-9]{{{width}}}"
    return r"[0-9]" if adjacent else rf"[0-9]{{1,{most}}}"


#: Widths of the letters whose bytes can be read: 3 for a month is its short name, ``a`` is AM or PM.
_WIDTHS = {
    "y": (4,), "u": (4,), "M": (1, 2, 3), "d": (1, 2), "H": (1, 2), "h": (1, 2), "m": (1, 2), "s": (1, 2),
    "S": (1, 2, 3), "a": (1, 2),
}  # fmt: skip


def _layouts(tokens: list[tuple[str, int]]) -> tuple[Layout, ...]:
    letters = [part for part, width in tokens if width]
    if len(set(letters)) != len(letters) or len({"y", "u"} & set(letters)) != 1 or len({"H", "h"} & set(letters)) > 1:
        return ()
    if "a" in letters and "h" not in letters:
        return ()
    choices: list[list[tuple[str, int]]] = []
    for i, (part, width) in enumerate(tokens):
        if not width:
            if not part.isascii() or any(letter.isdigit() for letter in part):
                return ()
            choices.append([(part, 0)])
        elif width not in _WIDTHS.get(part, ()):
            return ()
        elif part == "a":
            choices.append([("a", 2)])
        else:
            adjacent = i + 1 < len(tokens) and tokens[i + 1][1] > 0 and tokens[i + 1][0] in _NUMERIC
            choices.append([(part, width)] + ([(part, 2)] if width == 1 and part != "S" and not adjacent else []))
    return tuple(product(*choices)) if prod(map(len, choices)) <= 32 else ()


def _layout(tokens: list[tuple[str, int]]) -> Layout | None:
    allowed = {"y": (4,), "u": (4,), "M": (2,), "d": (2,), "H": (2,), "m": (2,), "s": (2,), "S": (1, 2, 3)}
    layout: list[tuple[str, int]] = []
    for part, width in tokens:
        if width and width not in allowed.get(part, ()):
            return None
        if not width and not part.isascii():
            return None
        layout.append((part, width))
    letters = [part for part, width in tokens if width]
    if len(set(letters)) != len(letters) or not {"y", "u"} & set(letters):
        return None
    return tuple(layout)


def _week(moment: Moment, options: Options) -> tuple[int, int]:
    """(week-based year, week)."""
    if options.weeks == "iso":
        year, week, _ = moment.at.isocalendar()
        return year, week
    day = moment.at.date()
    saturday = day + timedelta(days=6 - day.isoweekday() % 7)  # the week that holds 1 January is the first
    first = date(saturday.year, 1, 1)
    return saturday.year, ((saturday - first).days) // 7 + 1


def week(moment: Moment, options: Options) -> int:
    """The week of the year."""
    return _week(moment, options)[1]


def weekday(moment: Moment, options: Options) -> int:
    """The day of the week: Monday is 1 in iso weeks, Sunday is 1 in us weeks."""
    day = moment.at.isoweekday()
    return day if options.weeks == "iso" else day % 7 + 1


def _offset(at: datetime, colon: bool, zulu: bool, short: bool = False) -> str:
    seconds = int((at.utcoffset() or timedelta()).total_seconds())
    if zulu and not seconds:
        return "Z"
    sign, seconds = ("-", -seconds) if seconds < 0 else ("+", seconds)
    hours, minutes = seconds // 3600, seconds // 60 % 60
    if short and not minutes:
        return f"{sign}{hours:02d}"
    return f"{sign}{hours:02d}{':' if colon else ''}{minutes:02d}"


def _gmt(at: datetime, width: int) -> str:
    seconds = int((at.utcoffset() or timedelta()).total_seconds())
    if not seconds:
        return "GMT"
    sign, seconds = ("-", -seconds) if seconds < 0 else ("+", seconds)
    hours, minutes = seconds // 3600, seconds // 60 % 60
    if width == 4:
        return f"GMT{sign}{hours:02d}:{minutes:02d}"
    return f"GMT{sign}{hours}" + (f":{minutes:02d}" if minutes else "")


def _zone_name(at: datetime) -> str:
    if isinstance(at.tzinfo, ZoneInfo):
        return at.tzname() or str(at.tzinfo)
    return "UTC" if not at.utcoffset() else _offset(at, True, True)


def _zone_id(at: datetime) -> str:
    return str(at.tzinfo) if isinstance(at.tzinfo, ZoneInfo) else _offset(at, True, True)


def _digits(value: int, width: int) -> str:
    return str(value).zfill(width)


def _year(value: int, width: int) -> str:
    return _digits(value % 100, 2) if width == 2 else _digits(value, width)


def _named(names: list[str], index: int, width: int) -> str:
    name = names[index]
    return name if width == 4 else name[:1] if width == 5 else name[:3]


def _nanos(moment: Moment) -> int:
    return moment.at.microsecond * 1000 + moment.nanos


_PRINTERS: dict[str, Callable[[Moment, int, Options], str]] = {
    "G": lambda m, w, o: "Anno Domini" if w == 4 else "A" if w == 5 else "AD",
    "y": lambda m, w, o: _year(m.at.year, w),
    "u": lambda m, w, o: _year(m.at.year, w),
    "Y": lambda m, w, o: _year(_week(m, o)[0], w),
    "M": lambda m, w, o: _digits(m.at.month, w) if w < 3 else _named(MONTHS, m.at.month - 1, w),
    "w": lambda m, w, o: _digits(week(m, o), w),
    "W": lambda m, w, o: str((m.at.day + (m.at.replace(day=1).isoweekday() % 7) - 1) // 7 + 1),
    "D": lambda m, w, o: _digits(m.at.timetuple().tm_yday, w),
    "d": lambda m, w, o: _digits(m.at.day, w),
    "F": lambda m, w, o: _digits((m.at.day - 1) // 7 + 1, w),
    "E": lambda m, w, o: _named(DAYS, m.at.weekday(), w),
    "e": lambda m, w, o: _digits(weekday(m, o), w) if w < 3 else _named(DAYS, m.at.weekday(), w),
    "a": lambda m, w, o: "AM" if m.at.hour < 12 else "PM",
    "H": lambda m, w, o: _digits(m.at.hour, w),
    "k": lambda m, w, o: _digits(m.at.hour or 24, w),
    "K": lambda m, w, o: _digits(m.at.hour % 12, w),
    "h": lambda m, w, o: _digits(m.at.hour % 12 or 12, w),
    "m": lambda m, w, o: _digits(m.at.minute, w),
    "s": lambda m, w, o: _digits(m.at.second, w),
    "S": lambda m, w, o: _digits(_nanos(m), 9)[:w],
    "n": lambda m, w, o: _digits(_nanos(m), w),
    "Q": lambda m, w, o: ("Q" if w == 3 else "") + _digits((m.at.month + 2) // 3, 1 if w >= 3 else w),
    "z": lambda m, w, o: _zone_name(m.at),
    "V": lambda m, w, o: _zone_id(m.at),
    "X": lambda m, w, o: _offset(m.at, w in (3, 5), True, w == 1),
    "x": lambda m, w, o: _offset(m.at, w in (3, 5), False, w == 1),
    "Z": lambda m, w, o: _gmt(m.at, 4) if w == 4 else _offset(m.at, w == 5, w == 5),
    "O": lambda m, w, o: _gmt(m.at, w),
}


def _printer(letter: str, width: int, options: Options) -> Callable[[Moment], str]:
    show = _PRINTERS[letter]
    return lambda moment: show(moment, width, options)


#: Formats that a text mapped to a date field is tried against, first fit wins (Data Prep guide, "Automatic date
#: formats"), and those that ``date()`` takes besides.
AUTOMATIC = (
    "yyyy-MM-dd HH:mm:ssZ", "yyyy-MM-dd HH:mm:ss.SSSZ", "yyyy-MM-dd HH:mm:ss.SSS", "yyyy-MM-dd'T'HH:mm:ss.SSSX",
    "yyyy-MM-dd'T'HH:mm:ss'Z'", "yyyy-MM-dd", "yyyy/MM/dd", "yyyy.MM.dd", "yyyy-MMM-dd", "yyyyMMdd", "MM-dd-yyyy",
    "MMddyyyy", "M/dd/yyyy", "dd.M.yyyy", "M/dd/yyyy hh:mm:ss a", "dd.M.yyyy hh:mm:ss a", "dd.MMM.yyyy",
    "dd-MMM-yyyy",
)  # fmt: skip

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)? ?(Z|z|[+-]\d\d(?::?\d\d)?|[A-Z]{2,5})?",
    re.ASCII,
)


def iso_shape() -> str:
    """A regular expression of all texts that :func:`read_date` reads and :func:`automatic_layouts` do not cover."""
    return f"^(?:{_ISO.pattern})$"


@lru_cache(maxsize=64)
def automatic_layouts(options: Options) -> tuple[Layout, ...]:
    """The layouts of the automatic formats that the ISO-8601 reading does not cover, in their order."""
    return tuple(layout for pattern in _automatic(options) for layout in pattern.layouts)


@lru_cache(maxsize=64)
def _automatic(options: Options) -> tuple[Pattern, ...]:
    """The automatic formats that the ISO-8601 reading does not cover."""
    return tuple(compile_pattern(text, options) for text in AUTOMATIC[5:])


@lru_cache(maxsize=1)
def _shape() -> re.Pattern[str]:
    """Matches every text in one of the automatic formats, and few others."""
    return re.compile("|".join(f"(?:{pattern.regex.pattern})" for pattern in _automatic(Options())), re.ASCII)


def read_date(text: str, options: Options) -> Moment:
    """The moment that `text` names in one of the automatic formats, or in ISO-8601 (seconds and zone may lack).

    Raises:
        Failed: in none of them.
    """
    match = _ISO.fullmatch(text)
    if match is not None:
        year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
        nanos = int((match[7] or "0").ljust(9, "0"))
        mark = match[8]
        if options.zoneless_millis == "drop" and (mark is None or (mark.isalpha() and mark not in "Zz")):
            nanos = 0
        try:
            place = (
                UTC if mark is None or mark in "Zz" else zone(mark) if mark[0] in "+-" else _abbreviation(mark, options)
            )
            return Moment(datetime(year, month, day, hour, minute, second, nanos // 1000, place), nanos % 1000)
        except (ValueError, OverflowError):
            raise Failed(f"{text[:80]!r} is no date") from None
    for pattern in _automatic(options) if _shape().fullmatch(text) else ():
        if pattern.regex.fullmatch(text):
            try:
                return pattern.read(text)
            except Failed:
                continue
    raise Failed(f"{text[:80]!r} is in none of the known date formats")
