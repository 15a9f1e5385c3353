"""How alike two names are, from 0 to 100: by the letters they share in order, and by their words in any order."""

from __future__ import annotations

from functools import lru_cache


def ratio(a: str, b: str) -> float:
    """Twice the longest common subsequence as a share of both lengths, 0 to 100 (two empty texts are equal)."""
    if a == b:
        return 100.0
    if not a or not b:
        return 0.0
    places, whole = _places(a)
    # Hyyrö's bit-parallel subsequence: a bit of `row` is 0 where the length of the subsequence grows.
    row = whole
    for letter in b:
        if mask := places.get(letter):
            match = row & mask
            row = ((row + match) | (row - match)) & whole
    return 200.0 * (len(a) - row.bit_count()) / (len(a) + len(b))


@lru_cache(maxsize=4096)
def _places(text: str) -> tuple[dict[str, int], int]:
    """For each letter the places where it is, as bits; and all places."""
    places: dict[str, int] = {}
    for at, letter in enumerate(text):
        places[letter] = places.get(letter, 0) | 1 << at
    return places, (1 << len(text)) - 1


@lru_cache(maxsize=4096)
def _words(text: str) -> tuple[str, frozenset[str]]:
    """The words of a text sorted, and as a set."""
    words = text.split()
    return " ".join(sorted(words)), frozenset(words)


def likeness(a: str, b: str) -> float:
    """The best of three, 0 to 100: letters in order, words sorted, and (for a little less) the words not shared."""
    (sorted_a, ours), (sorted_b, theirs) = _words(a), _words(b)
    best = ratio(a, b)
    if (sorted_a, sorted_b) != (a, b):
        best = max(best, ratio(sorted_a, sorted_b))
    common = ours & theirs
    if common and (ours <= theirs or theirs <= ours):
        return max(best, 92.0)  # one holds all words of the other
    both = sorted(common)
    left, right = (" ".join([*both, *sorted(own - common)]) for own in (ours, theirs))
    best = max(best, 0.92 * ratio(left, right))
    if not both:
        return best
    shared = " ".join(both)
    return max(best, 0.92 * max(ratio(shared, left), ratio(shared, right)))
