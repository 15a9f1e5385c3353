"""Time zones by their names, and as numbers that columns can hold.

The number of a fixed offset is its seconds; regions are numbered.  The offsets of a region come from its transitions,
which are computed once per region and span of years.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from .values import Failed

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

Numbers = np.ndarray[Any, np.dtype[np.int32]]
Micros = np.ndarray[Any, np.dtype[np.int64]]

_FIRST_REGION = 1_000_000  # beyond the seconds of all offsets
_REGIONS: list[ZoneInfo] = []
_NUMBERS: dict[str, int] = {}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400
_SPAN = 16 * 366 * _DAY
_SECOND = 1_000_000
#: An offset in seconds, and the name of the zone while it has that.
_Kept = tuple[int, str | None]
#: Spans of years in one batch of which transitions are looked for.
_MOST_SPANS = 24


def zone(name: str) -> tzinfo:
    """The zone of a region (``Europe/Paris``), an offset (``+02:00``, ``GMT+2``, ``UTC-08``) or an abbreviation.

    Raises Failed: there is no such zone.
    """
    found = _zone(name.strip())
    if found is None:
        raise Failed(f"{name[:80]!r} is not a time zone")
    return found


@lru_cache(maxsize=1024)
def _zone(text: str) -> tzinfo | None:
    if match := re.fullmatch(r"(?:GMT|UTC|UT)?([+-])(\d{1,2})(?::?(\d{2}))?(?::?(\d{2}))?", text):
        delta = timedelta(hours=int(match[2]), minutes=int(match[3] or 0), seconds=int(match[4] or 0))
        if delta <= timedelta(hours=18) and int(match[3] or 0) < 60 and int(match[4] or 0) < 60:
            return timezone(-delta if match[1] == "-" else delta) if delta else UTC
        return None
    if ZONE_NAMES.get(text, ("", ""))[1] == "UTC":
        return UTC
    try:
        return ZoneInfo(text)
    except (ValueError, OSError, KeyError):
        return ZoneInfo(ZONE_NAMES[text][1]) if text in ZONE_NAMES else None


def number_of(place: tzinfo | None) -> int:
    """The number of a zone; 0 is UTC, which is taken for what is neither a fixed offset of seconds nor a region."""
    if place is UTC or place is None:
        return 0
    if isinstance(place, timezone):
        offset = place.utcoffset(None)
        return 0 if offset.microseconds else round(offset.total_seconds())
    if not isinstance(place, ZoneInfo) or place.key is None:
        return 0
    found = _NUMBERS.get(place.key)
    if found is None:  # two threads may both add it: then either number means the zone
        _REGIONS.append(place)
        found = _NUMBERS[place.key] = _FIRST_REGION + _REGIONS.index(place)
    return found


@lru_cache(maxsize=1024)
def zone_of(number: int) -> tzinfo:
    """The zone of a number."""
    if number >= _FIRST_REGION:
        return _REGIONS[number - _FIRST_REGION]
    return timezone(timedelta(seconds=number)) if number else UTC


def offsets(micros: Micros, zones: Numbers) -> Micros:
    """Offsets in microseconds at instants.

    Raises Failed: they lie in too many different years, or beyond the years that dates have.
    """
    found = zones.astype(np.int64)
    for at, seconds, starts, values in _by_region(micros, zones):
        found[at] = values[np.searchsorted(starts, seconds, side="right")]
    return found * _SECOND


def stretches(micros: Micros, zones: Numbers) -> Micros:
    """Numbers of the stretches of time around instants in which a zone has one offset and one name.

    Raises Failed: as :func:`offsets`.
    """
    found = np.zeros(len(micros), dtype=np.int64)
    for at, seconds, starts, _ in _by_region(micros, zones):
        found[at] = np.searchsorted(starts, seconds, side="right")
    return found


def instants(local: Micros, zones: Numbers) -> tuple[Micros, np.ndarray[Any, np.dtype[np.bool_]]]:
    """The instants of local times, and where one comes twice; of these the earlier.

    A time that summer time skips is moved forward by what is skipped.  Raises Failed: as :func:`offsets`.
    """
    found = zones.astype(np.int64)
    twice = np.zeros(len(local), dtype=bool)
    for at, seconds, starts, values in _by_region(local, zones):
        before, after = values[:-1], values[1:]
        low = np.searchsorted(starts + np.minimum(before, after), seconds, side="right")
        high = np.searchsorted(starts + np.maximum(before, after), seconds, side="right")
        found[at], twice[at] = values[high], low != high
    return local - found * _SECOND, twice


def _by_region(micros: Micros, zones: Numbers) -> Iterator[tuple[Any, Micros, Micros, Micros]]:
    """For each region its rows, their times in seconds, and its transitions."""
    for number in np.unique(zones[zones >= _FIRST_REGION]).tolist():
        at = zones == number
        seconds = micros[at] // _SECOND
        yield at, seconds, *_transitions(number, seconds)


def _transitions(number: int, seconds: Micros) -> tuple[Micros, Micros]:
    """Where offset or name of a region change around some instants; the offsets before the first and from each on."""
    spans = np.unique(seconds // _SPAN)
    first, last = (int(spans[0]), int(spans[-1])) if len(spans) else (0, 0)
    if last - first >= _MOST_SPANS:
        raise Failed("too many different years")
    found = [_changes(number, span) for span in range(first - 1, last + 2)]
    changes = [change for span in found for change in span[1]]
    starts = np.array([at for at, _ in changes], dtype=np.int64)
    return starts, np.array([found[0][0][0], *[value for _, (value, _) in changes]], dtype=np.int64)


@lru_cache(maxsize=2048)
def _changes(number: int, span: int) -> tuple[_Kept, tuple[tuple[int, _Kept], ...]]:
    """Offset and name at the start of a span of years, and each second from which on they are others, with those."""
    place = zone_of(number)

    def kept(second: int) -> _Kept:
        try:
            at = (_EPOCH + timedelta(seconds=second)).astimezone(place)
        except OverflowError:
            raise Failed("beyond the years that dates have") from None
        found = at.utcoffset()
        return 0 if found is None else round(found.total_seconds()), at.tzname()

    changes = []
    first = before = kept(span * _SPAN)
    for low in range(span * _SPAN, (span + 1) * _SPAN, _DAY):
        after = kept(low + _DAY)
        if after == before:
            continue
        start, end = low, low + _DAY
        while end - start > 1:
            middle = (start + end) // 2
            start, end = (middle, end) if kept(middle) == before else (start, middle)
        changes.append((end, after))
        before = after
    return first, tuple(changes)
