"""A date of the language: a moment in a zone, exact to the nanosecond (Java's ``ZonedDateTime``)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import total_ordering
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """`at` has a zone; `nanos` (0-999) is what a datetime cannot hold.  Equal and ordered as instants."""

    at: datetime
    nanos: int = 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Moment) and (self.micros, self.nanos) == (other.micros, other.nanos)

    def __lt__(self, other: Moment) -> bool:
        return (self.micros, self.nanos) < (other.micros, other.nanos)

    def __hash__(self) -> int:
        return hash((self.micros, self.nanos))

    def __str__(self) -> str:
        """ISO-8601 with seconds; a fraction only where there is one; ``Z`` for UTC."""
        micro, nanos = self.at.microsecond, self.nanos
        fraction = f".{micro:06d}{nanos:03d}" if nanos else f".{micro:06d}" if micro % 1000 else ""
        if micro and not fraction:
            fraction = f".{micro // 1000:03d}"
        return f"{self.at:%H:%M:%S}".join((f"{self.at.date().isoformat()}T", fraction)) + offset_text(self.at)

    @property
    def micros(self) -> int:
        """Microseconds since the epoch."""
        return (self.at - _EPOCH) // _MICRO

    @property
    def millis(self) -> int:
        """Milliseconds since the epoch, truncated."""
        return self.micros // 1000

    def to(self, zone: tzinfo) -> Moment:
        """The same instant in another zone."""
        return replace(self, at=self.at.astimezone(zone))

    @classmethod
    def local(cls, at: datetime, nanos: int = 0) -> Moment:
        """The moment of a local time in its zone, as ``java.time`` has it.

        A time that summer time skips is moved forward by what is skipped; one that comes twice is the earlier, unless
        `at` says ``fold=1``.  Raises OverflowError, ValueError: it is out of range.
        """
        tz = at.tzinfo
        if isinstance(tz, ZoneInfo):
            first, second = at.replace(fold=0), at.replace(fold=1)
            before, after = first.utcoffset(), second.utcoffset()
            if before is None or after is None:
                raise ValueError("its zone is unknown")
            if before < after:  # skipped
                at = first.astimezone(UTC).astimezone(tz)
            elif before == after:
                at = first
        return cls(at, nanos)

    @classmethod
    def of_millis(cls, millis: int) -> Moment:
        """The moment that many milliseconds after the epoch, in UTC."""
        return cls(_EPOCH + timedelta(milliseconds=millis))

    @classmethod
    def of_micros(cls, micros: int) -> Moment:
        """The moment that many microseconds after the epoch, in UTC."""
        return cls(_EPOCH + timedelta(microseconds=micros))

    @classmethod
    def of(cls, value: date) -> Moment:
        """The moment of a date (midnight UTC) or datetime (UTC where it has no zone)."""
        if not isinstance(value, datetime):
            return cls(datetime(value.year, value.month, value.day, tzinfo=UTC))
        if value.tzinfo is None or str(value.tzinfo) == "UTC":  # a region of this name, which has another string
            value = value.replace(tzinfo=UTC)
        return cls(value, getattr(value, "nanosecond", 0))


def offset_text(at: datetime, colon: bool = True, zulu: bool = True, short: bool = False, exact: bool = True) -> str:
    """The offset of a time.

    Args:
        at: the time, in a zone.
        colon: ``+HH:MM``, otherwise ``+HHMM``.
        zulu: ``Z`` where it is none.
        short: ``+HH`` where the minutes are 0.
        exact: with its seconds, which offsets have from before the time zones.

    Returns:
        Such as ``+02:00``, ``+00:09:21`` or ``Z``.
    """
    offset = int((at.utcoffset() or timedelta()).total_seconds())
    minutes, seconds = divmod(abs(offset), 60) if exact else (abs(offset) // 60, 0)
    if not minutes and not seconds:
        if zulu:
            return "Z"
        offset = 0
    parts = [f"{part:02d}" for part in (*divmod(minutes, 60), *([seconds] if seconds else []))]
    return ("-" if offset < 0 else "+") + (":" if colon else "").join(
        parts[:1] if short and parts[1:] == ["00"] else parts
    )
