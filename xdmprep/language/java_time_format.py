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
from typing import Any
from zoneinfo import ZoneInfo

from .options import Options
from .values import Failed
from .zoned_datetime import Moment, offset_text

#: Letters with their widths, and literals with width 0.  At the end the name of a zone may stand, with the width REST;
#: and where an optional section was left out, the layouts that must not stand there, with the width NOT.
Layout = tuple[tuple[Any, int], ...]
REST, NOT = -1, -2
#: A letter, its width (0 where it is filled up) and what prints it; or a literal, 0 and None.
Piece = tuple[str, int, "Callable[[Moment], str] | None"]

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
_TOKEN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|([\[\]])|([^A-Za-z'\[\]{}#]+)")


@dataclass(frozen=True, slots=True)
class _Part:
    """One part of a pattern: a letter with its width, filled up to `pad` with blanks; or a literal; or a bracket."""

    letter: str = ""
    width: int = 0
    pad: int = 0
    literal: str = ""
    bracket: str = ""


def _parts(text: str) -> list[_Part]:
    """The parts of a pattern. Raises Failed: it is none."""
    found: list[_Part] = []
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
            found.append(_letter(match[2], len(match[0]), pad, text))
            pad = 0
        elif match[3]:
            depth += 1 if match[3] == "[" else -1
            if depth < 0:
                raise Failed(f"the date format {text!r} has a ']' without a '['")
            found.append(_Part(bracket=match[3]))
        else:
            found.append(_Part(literal=match[4] or match[1].replace("''", "'") or "'"))
    if pad:
        raise Failed(f"the date format {text!r} has a 'p' that no letter follows")
    return [*found, *[_Part(bracket="]")] * depth]


#: Letters, and how wide they may be.
_WIDEST = {
    **dict.fromkeys("WFa", 1), **dict.fromkeys("dwhKkHmsV", 2), "D": 3, **dict.fromkeys("zO", 4),
    **dict.fromkeys("GMLQqEecXxZ", 5), **dict.fromkeys("uyYSAnN", 9),
}  # fmt: skip
_SYNONYMS = {"L": "M", "c": "e", "q": "Q"}


def _letter(letter: str, width: int, pad: int, text: str) -> _Part:
    if letter not in _WIDEST:
        raise Failed(f"{letter!r} in {text!r} is not a letter of a date format; put literals in single quotes")
    wrong = width > _WIDEST[letter] or letter + str(width) in ("V1", "c2", "O2", "O3")
    if wrong:
        raise Failed(f"{letter * width!r} in {text!r} is no part of a date format: the letter is not repeated so often")
    if letter == "z" and width > 3:
        raise Failed(f"{text!r} asks for full names of time zones, which are not known here; use z or VV")
    return _Part(_SYNONYMS.get(letter, letter), width, pad)


def letters(text: str) -> list[tuple[str, int]]:
    """The letters of a pattern with their widths, ``L``, ``c`` and ``q`` as ``M``, ``e`` and ``Q``.

    Raises:
        Failed: it is no pattern.
    """
    return [(part.letter, part.width) for part in _parts(text) if part.letter]


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


def named_zone(letter: str, text: str, options: Options) -> tzinfo:
    """The zone that the text of a pattern's letter names. Raises Failed: there is no such zone."""
    return zone(text) if text[-1:].isdigit() or letter == "V" else _abbreviation(text, options)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern.

    Attributes:
        text: as written.
        layouts: what texts of this pattern look like as bytes, one for each choice of one or two digits, so that whole
            columns can be read (an offset is the letter x); none where names or free widths are in the way.
        pieces: letters with their widths and printers, and literals with width 0.
    """

    text: str
    options: Options
    regex: re.Pattern[str]
    fields: tuple[tuple[str, int], ...]
    layouts: tuple[Layout, ...]
    pieces: tuple[Piece, ...]

    def read(self, text: str) -> Moment:
        """The moment that `text` names. Raises Failed: the text does not have this pattern, or names no real date."""
        match = self.regex.fullmatch(text)
        if match is None:
            raise Failed(f"{text[:80]!r} does not have the format {self.text!r}")
        found: dict[str, str | int] = {}
        for (letter, width), part in zip(self.fields, match.groups(), strict=True):
            if part is None:
                continue
            value = _value(letter, width, part)
            if letter == "e" and not part.isdigit():
                letter = "E"
            if found.get(letter, value) != value:
                raise Failed(f"{text[:80]!r} contradicts itself")
            found[letter] = value
        try:
            return _moment(found, self.options)
        except (ValueError, OverflowError) as error:
            raise Failed(f"{text[:80]!r} is no date: {error}") from None

    def check_reads(self) -> None:
        """Checks that a date can be read with the pattern.

        Raises:
            Failed: it has no year, so that no text names a date.
        """
        names = {letter for letter, _ in self.fields}
        if not names & {"y", "u"} and not {"Y", "w"} <= names:
            raise Failed(f"the date format {self.text!r} has no year (y), so no text is a date in it")

    def print(self, moment: Moment) -> str:
        """`moment` in this pattern."""
        return "".join(printer(moment) if printer else text for text, _, printer in self.pieces)


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
    return int(re.sub("[^0-9]", "", part))


def _index(part: str, names: list[str]) -> int:
    return next(i for i, name in enumerate(names, 1) if name[:3].lower() == part[:3].lower())


def _moment(found: dict[str, str | int], options: Options) -> Moment:
    number = {letter: value for letter, value in found.items() if isinstance(value, int)}
    if str(found.get("G", "AD"))[:1].upper() == "B":
        raise ValueError("years before 1 are not supported")
    day = _day(number, options)
    hour, minute, second, nanos = _time(number)
    at = datetime(day.year, day.month, day.day, hour, minute, second, nanos // 1000, UTC)
    _check(number, Moment(at, nanos % 1000), options)
    place: tzinfo = UTC
    for letter in "VzXxZO":
        if letter in found:
            place = named_zone(letter, str(found[letter]), options)
    return Moment.local(at.replace(tzinfo=place), nanos % 1000)


def _day(number: dict[str, int], options: Options) -> date:
    year = number.get("y", number.get("u"))
    weekday = number.get("E") or (_iso_weekday(number["e"], options) if "e" in number else None)
    if "Y" in number and "w" in number:
        return _week_day(number["Y"], number["w"], weekday, options)
    if year is None:
        raise ValueError("it has no year")
    if "D" in number:
        day = date(year, 1, 1) + timedelta(days=number["D"] - 1)
        if day.year != year or number["D"] < 1:
            raise ValueError("there is no such day of the year")
        return day
    month = number.get("M", 3 * number["Q"] - 2 if "Q" in number else 1)
    if "W" in number and "d" not in number and weekday is not None:
        for day in (date(year, month, 1) + timedelta(days=n) for n in range(31)):
            if day.month == month and day.isoweekday() == weekday and _week_of_month(day, options) == number["W"]:
                return day
        raise ValueError("there is no such day in that week of the month")
    return date(year, month, number.get("d", 1))


def _time(number: dict[str, int]) -> tuple[int, int, int, int]:
    """Hour, minute, second and nanoseconds."""
    if "N" in number or "A" in number:
        nanos = number.get("N", number.get("A", 0) * 1_000_000)
        if nanos >= 86_400 * 10**9:
            raise ValueError("a day is not so long")
        seconds, rest = divmod(nanos, 10**9)
        return seconds // 3600, seconds // 60 % 60, seconds % 60, rest
    hour = number.get("H", number.get("k", 0) % 24)
    if "k" in number and number["k"] > 24:
        raise ValueError("there is no such hour")
    if "h" in number or "K" in number:
        if number.get("h", 1) > 12 or number.get("K", 0) > 11:
            raise ValueError("there is no such hour")
        hour = number.get("h", number.get("K", 0)) % 12 + 12 * number.get("a", 0)
    nanos = number.get("S", number.get("n", 0))
    if nanos >= 10**9:
        raise ValueError("a second is not so long")
    return hour, number.get("m", 0), number.get("s", 0), nanos


def _check(number: dict[str, int], moment: Moment, options: Options) -> None:
    """Checks what was read besides against the date. Raises ValueError: it contradicts the date."""
    day = moment.at.date()
    is_day = "E" in number and number["E"] != day.isoweekday()
    if is_day or ("e" in number and number["e"] != weekday(moment, options)):
        raise ValueError(f"it is a {DAYS[day.weekday()]}")
    real = {
        "y": day.year, "u": day.year, "M": day.month, "d": day.day, "Q": (day.month + 2) // 3,
        "D": day.timetuple().tm_yday, "F": (day.day - 1) % 7 + 1, "a": moment.at.hour // 12,
    }  # fmt: skip
    if "w" in number or "Y" in number:
        real["Y"], real["w"] = _week(moment, options)
    if "W" in number:
        real["W"] = _week_of_month(day, options)
    for letter, value in real.items():
        if number.get(letter, value) != value:
            raise ValueError("its parts contradict each other")


@lru_cache(maxsize=1024)
def compile_pattern(text: str, options: Options) -> Pattern:
    """The compiled `text`. Raises Failed: it is not a date pattern."""
    parts = [
        _Part("e", part.width, part.pad) if part.letter == "u" and options.date_letters == "simple" else part
        for part in _parts(text)
    ]
    regex, fields = "", []
    for i, part in enumerate(parts):
        if part.bracket:
            regex += "(?:" if part.bracket == "[" else ")?+"
        elif part.literal:
            regex += re.escape(part.literal)
        else:
            added, count = _readers(part, _reserved(parts[i + 1 :]))
            regex += added
            fields += [(part.letter, part.width)] * count
    pieces: list[Piece] = []
    for part in parts:
        if part.literal:
            pieces.append((part.literal, 0, None))
        elif not part.bracket:
            pieces.append((part.letter, 0 if part.pad else part.width, _printer(part, options)))
    layouts = () if any(part.pad for part in parts) else _layouts(parts)
    return Pattern(text, options, re.compile(regex, re.ASCII), tuple(fields), layouts, tuple(pieces))


_NUMERIC = "yuYMdDHhKkmsSnANwWFQe"


def _is_number(part: _Part) -> bool:
    return bool(part.letter) and part.letter in _NUMERIC and not (part.letter in "MQe" and part.width >= 3)


def _reserved(parts: list[_Part]) -> int:
    """How many digits the numbers of fixed width that follow directly take; a number of free width leaves these."""
    digits = 0
    for part in parts:
        if not (_is_number(part) and _fixed(part)):
            break
        digits += part.width
    return digits


def _fixed(part: _Part) -> bool:
    return part.letter == "S" or (
        part.width == 2 - (part.letter == "Y" and part.width != 2) and part.letter not in "DnAN"
    )


def _readers(part: _Part, reserved: int) -> tuple[str, int]:
    """The regular expression of a letter, and how many groups it has."""
    if part.pad:
        sizes = range(part.pad, 0, -1)
        return "(?:" + "|".join(f" {{{part.pad - n}}}({_reader(part, reserved, n)})" for n in sizes) + ")", part.pad
    return f"({_reader(part, reserved)})", 1


def _reader(part: _Part, reserved: int, size: int | None = None) -> str:
    letter, width = part.letter, part.width
    names = {"M": MONTHS, "E": DAYS, "e": DAYS}
    if letter == "E" or (letter in names and width >= 3):
        full = names[letter] if width == 4 else [name[:3] for name in names[letter]]
        return "(?i:" + "|".join(full) + ")"
    if letter == "G":
        return "(?i:AD|BC|CE|BCE|Anno Domini|Before Christ)"
    if letter == "a":
        return "(?i:AM|PM)"
    if letter in "XxZ" and not (letter == "Z" and width == 4):
        return _OFFSET
    if letter in "OZzV":
        return zone_expression(letter)
    if letter == "Q" and width >= 3:
        return {3: "(?i:Q)[1-4]", 4: "(?i:1st|2nd|3rd|4th) quarter", 5: "[1-4]"}[width]
    if size is not None:
        return rf"[0-9]{{{size}}}"
    if letter == "S":
        return rf"[0-9]{{{width}}}"
    if letter in "yuY" and width == 4:
        return r"[0-9]{4}"
    if letter == "D" and width == 2:
        return r"[0-9]{2,3}"
    if width == 2 or (letter == "D" and width == 3):
        return rf"[0-9]{{{width}}}"
    return rf"[0-9]{{{width},19}}" + (f"(?=[0-9]{{{reserved}}}(?![0-9]))" if reserved else "+")


def zone_expression(letter: str) -> str:
    """A regular expression of what the letters of zones (not of bare offsets) read; A stands for abbreviations."""
    if letter == "A":
        return "[A-Z]{2,5}"
    if letter in "OZ":
        return r"GMT(?:[+-]\d{1,2}(?::\d{2})?)?"
    return rf"[A-Za-z][A-Za-z_]*(?:/[A-Za-z_+\-0-9]+)*(?:[+-]\d{{1,2}}(?::?\d{{2}})?)?|{_OFFSET}"


#: Names as columns are read by: short ones have three letters, of full ones each length is a layout of its own.
NAMES = {"M": MONTHS, "E": DAYS}

#: Widths of the letters whose bytes can be read: 3 for a month is its short name, ``a`` is AM or PM.
_WIDTHS = {
    "y": (2, 4), "u": (2, 4), "M": (1, 2, 3), "d": (1, 2), "H": (1, 2), "h": (1, 2), "m": (1, 2), "s": (1, 2),
    "S": (1, 2, 3), "a": (1, 2),
}  # fmt: skip


#: So many layouts a pattern has at most; of others the texts are read one by one.
_MOST_LAYOUTS = 128


def _layouts(parts: list[_Part]) -> tuple[Layout, ...]:
    found: list[Layout] = []
    for way in _ways(parts):
        letters = [part.letter for part in way if isinstance(part, _Part) and part.letter]
        if (
            len(set(letters)) == len(letters)
            and len({"y", "u"} & set(letters)) == 1
            and len({"H", "h"} & set(letters)) <= 1
            and len({"X", "x", "Z", "z", "V", "O"} & set(letters)) <= 1
            and ("a" not in letters or "h" in letters)
        ):
            found += _layouts_of(way)
    return tuple(dict.fromkeys(found)) if len(found) <= _MOST_LAYOUTS else ()


def _ways(parts: list[_Part]) -> list[list[Any]]:
    """The parts of a pattern with every optional section taken or left out; none where these are too many."""
    at = next((i for i, part in enumerate(parts) if part.bracket), None)
    if at is None:
        return [list(parts)]
    depth, end = 1, at + 1
    while depth:
        depth += {"[": 1, "]": -1}.get(parts[end].bracket, 0)
        end += 1
    inside, behind = parts[at + 1 : end - 1], _ways(parts[end:])
    taken = _ways(inside)
    if len(taken) * len(behind) > _MOST_LAYOUTS:
        return []
    begins = [*parts[:at]]
    return [
        *[[*begins, *middle, *rest] for middle in taken for rest in behind],
        *[[*begins, tuple(inside), *rest] for rest in behind],
    ]


def _layouts_of(parts: list[Any]) -> tuple[Layout, ...]:
    """The layouts of the parts of a pattern, sections that are left out among them."""
    choices: list[list[tuple[Any, int]]] = []
    for i, part in enumerate(parts):
        if isinstance(part, tuple):
            left_out = [layout for way in _ways(list(part)) for layout in _layouts_of(way)]
            if not left_out:
                return ()
            choices.append([(tuple(left_out), NOT)])
            continue
        letter, width = part.letter, part.width
        if part.literal:
            if not part.literal.isascii() or any(sign.isdigit() for sign in part.literal):
                return ()
            choices.append([(part.literal, 0)])
        elif letter in ("z", "V", "O") or letter * width == "ZZZZ":
            if i + 1 < len(parts):
                return ()
            choices.append([("O" if letter == "Z" else letter, REST)])
        elif letter in ("X", "x", "Z"):
            choices.append([("Z", 0), ("x", 3), ("x", 5), ("x", 6)])
        elif letter in NAMES and width == 4:
            choices.append([(letter + letter, size) for size in sorted({len(name) for name in NAMES[letter]})])
        elif letter == "E":
            choices.append([("E", 3)])
        elif width not in _WIDTHS.get(letter, ()):
            return ()
        elif letter == "a":
            choices.append([("a", 2)])
        elif width > 1 or letter == "S":
            choices.append([(letter, width)])
        else:
            behind = next(
                (p for p in parts[i + 1 :] if isinstance(p, tuple) or not (_is_number(p) and _fixed(p))), None
            )
            if behind is not None and (isinstance(behind, tuple) or _is_number(behind)):
                return ()  # which number has how many digits cannot be told
            choices.append([(letter, 1), (letter, 2)])
    return tuple(product(*choices)) if prod(map(len, choices)) <= _MOST_LAYOUTS else ()


def _first_day(options: Options) -> tuple[int, int]:
    """The weekday that begins a week (Monday is 1), and how many days of a year its first week has at least."""
    return (1, 4) if options.weeks == "iso" else (7, 1)


def _iso_weekday(number: int, options: Options) -> int:
    if not 1 <= number <= 7:
        raise ValueError("there is no such day of the week")
    return (number + _first_day(options)[0] - 2) % 7 + 1


def _week_start(year: int, options: Options) -> date:
    """The first day of the first week of a week-based year."""
    first, least = _first_day(options)
    day = date(year, 1, least)  # is always in the first week
    return day - timedelta(days=(day.isoweekday() - first) % 7)


def _week_day(year: int, week: int, weekday: int | None, options: Options) -> date:
    first, _ = _first_day(options)
    start = _week_start(year, options) + timedelta(days=7 * (week - 1))
    if week < 1 or start >= _week_start(year + 1, options):
        raise ValueError("there is no such week")
    return start if weekday is None else start + timedelta(days=(weekday - first) % 7)


def _week(moment: Moment, options: Options) -> tuple[int, int]:
    """(week-based year, week)."""
    day = moment.at.date()
    if options.weeks == "iso":
        year, week, _ = day.isocalendar()
        return year, week
    saturday = day.toordinal() + 6 - day.isoweekday() % 7  # the week that holds 1 January is the first
    year = day.year + (saturday > date(day.year, 12, 31).toordinal())
    january = date(day.year, 1, 1).toordinal() if year == day.year else date(day.year, 12, 31).toordinal() + 1
    return year, (saturday - january) // 7 + 1


def _week_of_month(day: date, options: Options) -> int:
    first, least = _first_day(options)
    start = (day.day - ((day.isoweekday() - first) % 7 + 1)) % 7
    return (7 + (7 - start if start + 1 > least else -start) + day.day - 1) // 7


def week(moment: Moment, options: Options) -> int:
    """The week of the year."""
    return _week(moment, options)[1]


def weekday(moment: Moment, options: Options) -> int:
    """The day of the week: Monday is 1 in iso weeks, Sunday is 1 in us weeks."""
    day = moment.at.isoweekday()
    return day if options.weeks == "iso" else day % 7 + 1


def _gmt(at: datetime, width: int) -> str:
    text = offset_text(at)
    if text == "Z" or width == 4:
        return "GMT" + text.removeprefix("Z")
    return f"GMT{text[0]}{int(text[1:3])}" + text[3:].removesuffix(":00")


def _zone_name(at: datetime) -> str:
    if isinstance(at.tzinfo, ZoneInfo):
        return at.tzname() or str(at.tzinfo)
    return offset_text(at)


def _zone_id(at: datetime) -> str:
    return str(at.tzinfo) if isinstance(at.tzinfo, ZoneInfo) else offset_text(at)


def _digits(value: int, width: int) -> str:
    return str(value).zfill(width)


def _year(value: int, width: int) -> str:
    return _digits(value % 100, 2) if width == 2 else _digits(value, width)


def _named(names: list[str], index: int, width: int) -> str:
    name = names[index]
    return name if width == 4 else name[:1] if width == 5 else name[:3]


def _quarter(moment: Moment, width: int) -> str:
    number = (moment.at.month + 2) // 3
    if width == 4:
        return ("1st", "2nd", "3rd", "4th")[number - 1] + " quarter"
    return ("Q" if width == 3 else "") + _digits(number, 1 if width >= 3 else width)


def _nanos(moment: Moment) -> int:
    return moment.at.microsecond * 1000 + moment.nanos


def _of_day(moment: Moment) -> int:
    """Nanoseconds since midnight."""
    at = moment.at
    return ((at.hour * 60 + at.minute) * 60 + at.second) * 10**9 + _nanos(moment)


_PRINTERS: dict[str, Callable[[Moment, int, Options], str]] = {
    "G": lambda m, w, o: "Anno Domini" if w == 4 else "A" if w == 5 else "AD",
    "y": lambda m, w, o: _year(m.at.year, w),
    "u": lambda m, w, o: _year(m.at.year, w),
    "Y": lambda m, w, o: _year(_week(m, o)[0], w),
    "M": lambda m, w, o: _digits(m.at.month, w) if w < 3 else _named(MONTHS, m.at.month - 1, w),
    "w": lambda m, w, o: _digits(week(m, o), w),
    "W": lambda m, w, o: str(_week_of_month(m.at.date(), o)),
    "D": lambda m, w, o: _digits(m.at.timetuple().tm_yday, w),
    "d": lambda m, w, o: _digits(m.at.day, w),
    "F": lambda m, w, o: _digits((m.at.day - 1) % 7 + 1, w),
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
    "A": lambda m, w, o: _digits(_of_day(m) // 10**6, w),
    "N": lambda m, w, o: _digits(_of_day(m), w),
    "Q": lambda m, w, o: _quarter(m, w),
    "z": lambda m, w, o: _zone_name(m.at),
    "V": lambda m, w, o: _zone_id(m.at),
    "X": lambda m, w, o: offset_text(m.at, w in (3, 5), short=w == 1),
    "x": lambda m, w, o: offset_text(m.at, w in (3, 5), False, w == 1),
    "Z": lambda m, w, o: _gmt(m.at, 4) if w == 4 else offset_text(m.at, w == 5, w == 5),
    "O": lambda m, w, o: _gmt(m.at, w),
}


def _printer(part: _Part, options: Options) -> Callable[[Moment], str]:
    show, width, pad = _PRINTERS[part.letter], part.width, part.pad

    def printed(moment: Moment) -> str:
        text = show(moment, width, options)
        if pad and len(text) > pad:
            raise Failed(f"{text!r} is longer than the {pad} characters that the format leaves for it")
        return text.rjust(pad)

    return printed


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
def automatic_shape() -> re.Pattern[str]:
    """Matches every string in an automatic format that the ISO-8601 reading does not cover, and few others."""
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
            at = datetime(year, month, day, hour, minute, second, nanos // 1000, place)
            return Moment.local(at, nanos % 1000)
        except (ValueError, OverflowError):
            raise Failed(f"{text[:80]!r} is no date") from None
    for pattern in _automatic(options) if automatic_shape().fullmatch(text) else ():
        if pattern.regex.fullmatch(text):
            try:
                return pattern.read(text)
            except Failed:
                continue
    raise Failed(f"{text[:80]!r} is in none of the known date formats")
