"""Java's date patterns: strings read and moments printed, and the automatic formats.

Reading is strict where Java's default changes a date in silence (30 February is no date), and lenient in the letter
case of names and in the spelling of offsets.  The letter ``u`` of the older ``SimpleDateFormat`` (day of the week) is
an option.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any

from .date_fields import FIELDS, Local, local_time
from .date_letters import ABBREVIATION, DAYS, LETTERS, SYNONYMS, Digits, Element, Names, Zone
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

    def padded(self, text: str) -> str:
        """What the element prints, in the width of the part. Raises Failed: it is wider."""
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
        printed: the parts without the brackets.
        uniform: whether of strings that differ only in their digits all have the pattern, or none.
    """

    text: str
    options: Options
    parts: tuple[Part, ...]
    regex: re.Pattern[str]
    groups: tuple[Element, ...]
    printed: tuple[Part, ...] = field(init=False)
    uniform: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "printed", tuple(part for part in self.parts if not part.bracket))
        literals = [part.literal for part in self.parts]
        names = [name for element in self.groups if isinstance(element, Names) for name in element.accepted]
        object.__setattr__(self, "uniform", re.search("[0-9]", "".join(literals + names)) is None)

    def read(self, text: str) -> Moment:
        """The moment that `text` names. Raises Failed: the string does not have this pattern, or names no real date."""
        match = self.regex.fullmatch(text)
        if match is None:
            raise Failed(f"{text[:80]!r} does not have the format {self.text!r}")
        found: dict[str, Any] = {}
        for element, group in zip(self.groups, match.groups(), strict=True):
            if group is not None:
                value = element.read(group, self.options)
                if found.setdefault(element.field, value) != value:
                    raise Failed(f"{text[:80]!r} contradicts itself")
        zone, offset = found.pop("zone", UTC), found.pop("offset", None)
        try:
            return moment_of(found, offset or zone, self.options)
        except (ValueError, OverflowError) as error:
            raise Failed(f"{text[:80]!r} is no date: {error}") from None

    def check_reads(self) -> None:
        """Checks that dates can be read. Raises Failed: the pattern has no year, so that no string names a date."""
        if not has_year({element.field for element in self.groups}):
            raise Failed(f"the date format {self.text!r} has no year (y), so no string is a date in it")

    def print(self, moment: Moment) -> str:
        """`moment` in this pattern. Raises Failed: it is too wide for a part."""
        local, shown = local_of(moment), []
        for part in self.printed:
            element = part.element
            if element is None:
                shown.append(part.literal)
            elif isinstance(element, Zone):
                shown.append(part.padded(element.shown(moment.at)))
            else:
                shown.append(part.padded(element.print(FIELDS[element.field].of(local, self.options))))
        return "".join(shown)


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


def has_year(names: set[str] | dict[str, Any]) -> bool:
    """Whether some fields say a year."""
    return "year" in names or ("weekyear" in names and "week" in names)


def moment_of(found: dict[str, Any], place: tzinfo, options: Options) -> Moment:
    """The moment with some fields in a zone. Raises ValueError, OverflowError: none exists."""
    if not found.get("era", 1):
        raise ValueError("years before 1 are not supported")
    if not has_year(found):
        raise ValueError("it has no year")
    for name, value in found.items():
        if not FIELDS[name].least <= value <= FIELDS[name].most:
            raise ValueError(f"there is no {name.removesuffix('11')} {value}")
    local = local_time(found, options)
    wrong = {name for name, value in found.items() if FIELDS[name].of(local, options) != value}
    if "day" in wrong and "dayofyear" not in found and "weekyear" not in found:
        raise ValueError(f"the month has no day {found['day']}")
    if wrong:
        weekday = DAYS[FIELDS["isoweekday"].of(local, options) - 1]
        raise ValueError(
            f"it is a {weekday}" if wrong <= {"isoweekday", "weekday"} else "its parts contradict each other"
        )
    at = datetime(local.year, local.month, local.day, tzinfo=place) + timedelta(microseconds=local.nanos // 1000)
    return Moment.local(at, local.nanos % 1000)


def local_of(moment: Moment) -> Local:
    """The local time of a moment."""
    at = moment.at
    seconds = (at.hour * 60 + at.minute) * 60 + at.second
    return Local(at.toordinal() - 719_163, seconds * 10**9 + at.microsecond * 1000 + moment.nanos)


#: Formats that a string mapped to a date field is tried against after ISO-8601, first fit wins (Data Prep guide,
#: "Automatic date formats"; ISO-8601 covers the first five there), and those that ``date()`` takes besides.
AUTOMATIC = (
    "yyyy-MM-dd", "yyyy/MM/dd", "yyyy.MM.dd", "yyyy-MMM-dd", "yyyyMMdd", "MM-dd-yyyy",
    "MMddyyyy", "M/dd/yyyy", "dd.M.yyyy", "M/dd/yyyy hh:mm:ss a", "dd.M.yyyy hh:mm:ss a", "dd.MMM.yyyy",
    "dd-MMM-yyyy",
)  # fmt: skip


@lru_cache(maxsize=64)
def automatic(options: Options) -> tuple[Pattern, ...]:
    """The automatic formats in their order, ISO-8601 first."""
    fraction = r"\.(?:(\d{1,9})(?= ?(?:[Zz]\Z|[+-]))|\d{1,9})" if options.zoneless_millis == "drop" else r"\.(\d{1,9})"
    iso = re.compile(
        rf"(\d{{4}})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:{fraction})?)?"
        r" ?(Z|z|[+-]\d\d(?::?\d\d){0,2}|[A-Z]{2,5})?",
        re.ASCII,
    )
    numbers = [LETTERS[letter][width] for letter, width in (("y", 4), *((letter, 2) for letter in "MdHms"), ("S", 9))]
    return (
        Pattern("ISO-8601", options, (), iso, (*numbers, ABBREVIATION)),
        *(compile_pattern(text, options) for text in AUTOMATIC),
    )


def read_date(text: str, options: Options) -> Moment:
    """The moment that `text` names in an automatic format, or in ISO-8601. Raises Failed: it is in none of them."""
    for pattern in automatic(options):
        if pattern.regex.fullmatch(text):
            try:
                return pattern.read(text)
            except Failed:
                continue
    raise Failed(f"{text[:80]!r} is in none of the known date formats")
