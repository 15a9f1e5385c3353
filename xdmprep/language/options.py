"""How expressions are evaluated where the documents leave a choice, and what makes a run repeatable.

Every field that is a choice names two plausible readings of the same document; the default is the likelier one
(``xdmprep/docs/language.md`` has the reasons).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal


def utc_now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Options:
    """Clock, seed, and the readings of open points.

    Attributes:
        clock: what ``now()`` and ``timestamp()`` ask; give a fixed one to repeat a run.
        seed: makes ``uuid()`` repeatable for the same source; None means random.
        null_operand: null in arithmetic: ``zero`` counts as 0, ``error`` fails.
        concat_null: null in ``concat``: ``skip``, the word (``text``), or a null result (``null``).
        join_null: null elements in ``join`` and ``array_to_string``: the word (``text``), nothing between the
            separators (``empty``), or left out with their separator (``skip``).
        null_condition: null as a condition: ``false``, or ``error``.
        not_found: what ``instr`` gives where nothing is found: ``-1`` or ``null``.
        replace: ``replacestr`` replaces ``all`` hits or the ``first``.
        overrun: ``substr``, ``left`` and ``right`` beyond the end: ``cut`` gives the rest, ``error`` fails.
        pad_long: ``lpad``/``rpad`` of a string longer than the size: ``keep`` or ``cut``.
        matches: ``matches_regex`` tests the ``whole`` text or looks for a ``part``.
        no_match: ``extract_regex`` without a match: an ``empty`` array or ``null``.
        fractions: ``to_integer`` of a string with a fraction: ``error`` or ``truncate``.
        bigint_fractions: the same for ``to_bigint``.
        map_get: ``map_get_values`` gives the ``values`` or the part of the ``map``.
        null_keys: ``contains_key`` takes a key with a null value as ``absent`` or ``present``.
        null_size: ``size_of(null)``: ``zero`` or ``null``.
        zip_short: ``arrays_to_objects`` with arrays of unlike length: ``absent`` or ``null`` for what is missing.
        query_repeats: repeated names in ``get_url_query_str``: ``first``, ``last`` or ``list``.
        path_end: ``get_url_path(url, false)``: ``bare`` or with its ``slash``.
        date_letters: whose pattern letter ``u`` is: ``formatter`` (year) or ``simple`` (day of the week).
        weeks: ``iso`` weeks (Monday first) or ``us`` weeks (Sunday first, from 1 January).
        letter_w: the component ``w`` of ``date_part``: ``week`` or ``weekday``.
        short_year: the component ``yy`` of ``date_part``: ``full`` or ``two`` digits.
        zone_names: zone abbreviations such as PST: a ``fixed`` offset, or the ``region`` with its summer time.
        zoneless_millis: milliseconds of strings without a zone in date coercion: ``keep`` or ``drop``.
        booleans: strings read as booleans: the ``documented`` words, or any letter case, 1/0 and t/f (``lenient``).
        dotted_columns: a column whose name is the whole dotted text wins over walking.
    """

    clock: Callable[[], datetime] = utc_now
    seed: int | None = None
    null_operand: Literal["zero", "error"] = "zero"
    concat_null: Literal["skip", "text", "null"] = "skip"
    join_null: Literal["text", "empty", "skip"] = "text"
    null_condition: Literal["false", "error"] = "false"
    not_found: Literal["-1", "null"] = "-1"
    replace: Literal["all", "first"] = "all"
    overrun: Literal["cut", "error"] = "cut"
    pad_long: Literal["keep", "cut"] = "keep"
    matches: Literal["whole", "part"] = "whole"
    no_match: Literal["empty", "null"] = "empty"
    fractions: Literal["error", "truncate"] = "error"
    bigint_fractions: Literal["error", "truncate"] = "truncate"
    map_get: Literal["values", "map"] = "values"
    null_keys: Literal["absent", "present"] = "absent"
    null_size: Literal["zero", "null"] = "zero"
    zip_short: Literal["absent", "null"] = "absent"
    query_repeats: Literal["first", "last", "list"] = "first"
    path_end: Literal["bare", "slash"] = "bare"
    date_letters: Literal["formatter", "simple"] = "formatter"
    weeks: Literal["iso", "us"] = "iso"
    letter_w: Literal["week", "weekday"] = "week"
    short_year: Literal["full", "two"] = "full"
    zone_names: Literal["fixed", "region"] = "fixed"
    zoneless_millis: Literal["keep", "drop"] = "keep"
    booleans: Literal["documented", "lenient"] = "documented"
    dotted_columns: bool = True


DEFAULT = Options()
