"""Properties of Unicode characters as sets, from one database for all engines: that of the package ``regex``."""

from __future__ import annotations

from functools import cache, lru_cache

from .charset import LAST, CharSet


@cache
def _everything() -> str:
    """All code points without surrogates, in order."""
    return "".join(map(chr, [*range(0xD800), *range(0xE000, LAST + 1)]))


@lru_cache(maxsize=256)
def property_set(expression: str) -> CharSet | None:
    """The characters of a class as ``regex`` writes it, such as ``\\p{L}`` or ``\\p{Script=Greek}``; None if none."""
    import regex

    try:
        found = regex.compile(f"(?:{expression})+", flags=regex.V1)
    except regex.error:
        return None
    ranges = []
    for match in found.finditer(_everything()):
        first, last = match.start(), match.end() - 1
        if first < 0xD800 <= last:  # surrogates are no characters of a string, but lie between
            ranges += [(first, 0xD7FF), (0xE000, last + 0x800)]
        else:
            ranges.append((first + 0x800 * (first >= 0xD800), last + 0x800 * (last >= 0xD800)))
    return CharSet.of(ranges)


@cache
def _cases() -> tuple[dict[int, int], dict[int, set[int]]]:
    """For every cased code point what it folds to (lower case of its upper case), and the reverse."""
    folds: dict[int, int] = {}
    for char in _everything():
        upper = char.upper()
        if len(upper) != 1:
            title = char.title()  # U+1FB3 and its like have a full mapping besides the simple one
            upper = title if len(title) == 1 else char
        low = "i" if upper == "\u0130" else upper.lower()
        if len(low) == 1 and low != char:
            folds[ord(char)] = ord(low)
    groups: dict[int, set[int]] = {}
    for code, low_code in folds.items():
        groups.setdefault(low_code, {low_code}).add(code)
    return folds, groups


def any_case(some: CharSet, unicode: bool) -> CharSet:
    """A set with both cases of its letters: of the ASCII letters, or of all (by simple mappings)."""
    extra: list[tuple[int, int]] = []
    if not unicode:
        for first, last in some.ranges:
            for low, shift in ((65, 32), (97, -32)):
                a, b = max(first, low), min(last, low + 25)
                if a <= b:
                    extra.append((a + shift, b + shift))
        return CharSet.of([*some.ranges, *extra]) if extra else some
    folds, groups = _cases()
    reached = {folds.get(code, code) for code in folds if code in some}
    reached |= {low for low in groups if low in some}
    for low in reached:
        extra += [(code, code) for code in groups.get(low, ())]
        extra.append((low, low))
    return CharSet.of([*some.ranges, *extra])
