"""The rules for identities: constraints on identity fields, on items of identityMap, and on their number in a record.

Values: an ECID is 38 digits (Identity Service skips the record otherwise); others have at most 1024 characters and are
not blank, ``null``, ``anonymous`` or ``invalid`` (such identities are blocked).  Primary: a profile record without an
identity field that its schema names as primary has exactly one item with ``primary: true`` in its identityMap; no
record has more than one.  Sources: Adobe's pages on identityMap, identity fields and Identity Service guardrails.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.arrow_types import holds_text
from ..core.paths import EVERY, Path
from ..core.shred import plain, slots, valid
from ..kernels.arrays import Mask
from ..schema import Schema
from . import messages
from .messages import Failure, Violation, Violations
from .node import ANY_TYPE, OBJECT, ColumnCompiler, Constraint
from .patterns import compile_pattern
from .ruleset import Rules
from .value_tests import Length, NoMatch, PatternTest, ValueTest
from .view import ANY_KEY, ColumnView, FindingSink, Op, SchemaPath, Shape, View

MAX_LENGTH = 1024
#: Identities of one record.
MAX_IDENTITIES = 20
MAPS = ("identityMap", "xdm:identityMap")
#: Names of the parts of an item of the one or the other.
_ID, _PRIMARY = ("id", "xdm:id"), ("primary", "xdm:primary")
#: Names of counts: identities, primary marks, and values where at least one is required.
COUNT, PRIMARY, REQUIRED = "identities", "primary marks", "required identities"

TOO_LONG = messages.broken("identity-length", most=MAX_LENGTH)
TOO_MANY = messages.broken("identity-count", most=MAX_IDENTITIES)

#: Blanks as Python's `str.isspace` knows them.
_SPACE = r"[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
#: Strings that are no identities: blank ones and placeholders.
_BLANK = rf"^(?i:{_SPACE}*(?:null|anonymous|invalid)?{_SPACE}*)\z"
#: What spreadsheets make of ids: text that is forced by a formula or an apostrophe, and numbers with an exponent.
_SPREADSHEET = r"""^(?s:=".*"|'[0-9]+|[0-9](?:[.,][0-9]+)?E\+[0-9]+)\z"""


@cache
def _tests(ecid: bool) -> tuple[tuple[Failure, ValueTest], ...]:
    if ecid:
        return ((messages.NOT_ECID, PatternTest(compile_pattern("^[0-9]{38}$"))),)
    return (
        (messages.BLANK, NoMatch(_BLANK)), (TOO_LONG, Length(0, MAX_LENGTH)),
        (messages.SPREADSHEET, NoMatch(_SPREADSHEET)),
    )  # fmt: skip


def identity_tests(namespace: str) -> tuple[tuple[Failure, ValueTest], ...]:
    """The tests of identities of a namespace."""
    return _tests(_is_ecid(namespace))


def _is_ecid(namespace: str) -> bool:
    """Whether a namespace is that of ECIDs; the platform takes its code in any case of letters."""
    return namespace.strip().casefold() == "ecid"


def _applying(ecid: bool, rules: Rules) -> list[tuple[Failure, ValueTest]]:
    return [(failure, test) for failure, test in _tests(ecid) if failure.code in rules]


class IdentityValue(Constraint):
    """The value of an identity field; `required`: it may be the one that a record needs."""

    kinds = ANY_TYPE - {"null"}

    def __init__(self, namespace: str, rules: Rules, required: bool) -> None:
        self._tests, self._required = _applying(_is_ecid(namespace), rules), required

    def check(self, value: Any, at: Path, out: list[Violation]) -> None:
        tally = _tally(out)
        tally[REQUIRED] += self._required and value != ""
        if isinstance(value, str):
            tally[COUNT] += 1
            out += [failure.of(at, value) for failure, test in self._tests if not test.value(value)]

    def columns(self, compiler: ColumnCompiler, shape: Shape, place: SchemaPath) -> list[Op]:
        def op(view: View, sink: FindingSink) -> None:
            _report(view, place, self._tests, sink)
            if self._required:
                sink.count(REQUIRED, view, _filled(view))
            if shape.kind == "string":
                sink.count(COUNT, view, view.valued())

        return [op]


class IdentityItem(Constraint):
    """An item of an identityMap, of its list's namespace; `required`: it may be the one that a record needs."""

    kinds = OBJECT

    def __init__(self, rules: Rules, required: bool) -> None:
        self._rules, self._required = rules, required
        self._ecid, self._other = _applying(True, rules), _applying(False, rules)

    def _tests(self, namespace: str) -> list[tuple[Failure, ValueTest]]:
        return self._ecid if _is_ecid(namespace) else self._other

    def check(self, value: Any, at: Path, out: list[Violation]) -> None:
        tally = _tally(out)
        tally[COUNT] += 1
        tally[PRIMARY] += any(value.get(name) is True for name in _PRIMARY)
        ids = [(name, value[name]) for name in _ID if value.get(name) is not None]
        if not ids and messages.NO_ID.code in self._rules:
            out.append(messages.NO_ID.of((*at, _id_name(at)), None))
        for name, id in ids:
            tally[REQUIRED] += self._required and id != ""
            if isinstance(id, str):
                wrong = [failure for failure, test in self._tests(str(at[1])) if not test.value(id)]
                out += [failure.of((*at, name), id) for failure in wrong]

    def columns(self, compiler: ColumnCompiler, shape: Shape, place: SchemaPath) -> list[Op]:
        leaves = {name: inner.leaf for name, inner in (() if shape.is_map else shape.fields()) if inner.leaf}
        places = {name: place.child(name, leaf.column if (leaf := leaves.get(name)) else None) for name in _ID}
        missing = places[_id_name(place.path)]

        def op(view: View, sink: FindingSink) -> None:
            there = view.valued()
            sink.count(COUNT, view, there)
            lacking = there.copy()
            for name in _ID:
                if (ids := view.child(name)) is not None:
                    lacking &= ~ids.valued()
                    if self._required:
                        sink.count(REQUIRED, view, _filled(ids))
                    self._report(ids, view, places[name], sink)
            if messages.NO_ID.code in self._rules:
                sink.add(missing, view, messages.NO_ID, np.flatnonzero(lacking))
            for name in _PRIMARY:
                marks = view.child(name)
                if isinstance(marks, ColumnView) and pa.types.is_boolean(marks.array.type):
                    sink.count(PRIMARY, view, slots(marks.array) & valid(marks.array) & there)

        return [op]

    def _report(self, ids: View, items: View, place: SchemaPath, sink: FindingSink) -> None:
        if place.path[1] != ANY_KEY:
            _report(ids, place, self._tests(str(place.path[1])), sink)
        elif isinstance(ids, ColumnView):
            keys = items.labels[0]
            for namespace in keys.unique().to_pylist():
                some = np.flatnonzero(np.asarray(pc.equal(keys, namespace).to_numpy(zero_copy_only=False)))
                _report(ids.some(some), place, self._tests(namespace), sink)


class IdentityCounts(Constraint):
    """Records with as many identities as required (`some`: at least one), judged after all identities."""

    kinds = OBJECT

    def __init__(self, schema: Schema, rules: Rules, some: bool) -> None:
        self._rules, self._some = rules, some
        self._map = next((name for name in MAPS if name in schema.root.children), MAPS[0])
        self._primary = primary = schema.primary_identity
        self._one = schema.has_identity_map and primary is None and schema.behavior == "record"

    def _applying(self, tally: Mapping[str, Any]) -> Iterator[tuple[Failure, Path, Any, Any]]:
        return (found for found in self._failures(tally) if found[0].code in self._rules)

    def _failures(self, tally: Mapping[str, Any]) -> Iterator[tuple[Failure, Path, Any, Any]]:
        """What may be wrong with the counts of one or all records: failure, path, where, and the count to show."""
        if self._primary is not None:
            missing = messages.broken("identity-primary", namespace=self._primary.namespace)
            yield missing, self._primary.path, tally[REQUIRED] == 0, None
        elif self._one:
            yield messages.NO_PRIMARY, (self._map,), tally[PRIMARY] == 0, None
        if self._some:
            yield messages.NO_IDENTITY, (), tally[REQUIRED] == 0, None
        yield messages.TWO_PRIMARY, (self._map,), tally[PRIMARY] > 1, tally[PRIMARY]
        yield TOO_MANY, (self._map,), tally[COUNT] > MAX_IDENTITIES, tally[COUNT]

    def check(self, value: Any, at: Path, out: list[Violation]) -> None:
        for failure, path, bad, count in self._applying(_tally(out)):
            if bad:
                out.append(failure.of(path, count))

    def columns(self, compiler: ColumnCompiler, shape: Shape, place: SchemaPath) -> list[Op]:
        def op(view: View, sink: FindingSink) -> None:
            for failure, path, bad, counts in self._applying(sink.tally):
                shown = None if counts is None else lambda at, counts=counts: pa.array(map(str, counts[at]))
                sink.add(SchemaPath(path), view, failure, np.flatnonzero(bad), shown)

        return [op]


def identity_constraints(schema: Schema, rules: Rules) -> Iterator[tuple[Path, Constraint]]:
    """The constraints on the identities of records by their path; that on the whole record last."""
    if any(code.startswith("identity-") for code in rules.settings):
        primary = schema.primary_identity
        some = primary is None and schema.for_profile and schema.behavior == "time-series"
        some = some and (schema.has_identity_map or bool(schema.identities))
        for identity in schema.identities:
            yield identity.path, IdentityValue(identity.namespace, rules, some or identity == primary)
        for name in MAPS:
            yield (name, ANY_KEY, EVERY), IdentityItem(rules, some)
        yield (), IdentityCounts(schema, rules, some)


def _tally(out: list[Violation]) -> Counter[str]:
    return out.tally if isinstance(out, Violations) else Counter()


def _id_name(path: Path) -> str:
    return _ID[MAPS.index(str(path[0]))]


def _report(ids: View, place: SchemaPath, tests: Iterable[tuple[Failure, ValueTest]], sink: FindingSink) -> None:
    """Test identities; other types are faults of the schema's own rules."""
    if isinstance(ids, ColumnView) and holds_text(ids.array.type):
        for failure, test in tests:
            bad = test.positions(ids.array)
            if bad is not None:
                sink.add(place, ids, failure, bad, ids.texts)


def _filled(ids: View) -> Mask:
    """Where there is a value other than an empty string."""
    there = ids.valued()
    if isinstance(ids, ColumnView) and holds_text(ids.array.type):
        longer = pc.greater(pc.binary_length(plain(ids.array)), 0).fill_null(False)
        there = there & np.asarray(longer.to_numpy(zero_copy_only=False), dtype=bool)
    return there
