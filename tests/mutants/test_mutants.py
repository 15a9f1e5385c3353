"""Mutation testing of the rule tables, the limits and the checks that use them: each change must fail a test.

A mutant is a copy of the package with one comparison or one number changed: at each of the listed sites, and the listed
changes.  The tests that are to notice are run against each; the survivors are printed, and there must be none.

A single file or function can be looked at: ``pytest tests/mutants --slow -s -k platform``.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import sanitize

from xdmprep.core import rules

ROOT = Path(__file__).resolve().parents[2]
LIMITS, RULES = "tests/unit/test_limits.py", "tests/unit/test_validate_rules.py"
INPUT, PATCH = "tests/unit/test_input_limits.py", "tests/unit/test_patch_diff.py"
CLIENT, EMULATOR = "tests/integration/test_client_limits.py", "tests/integration/test_emulator_limits.py"
FIGURES, WRITE = "tests/unit/test_documented_figures.py", "tests/unit/test_write.py"
WIRE, GROUPS = "tests/unit/test_wire.py", "tests/unit/test_mapping_groups.py"
KERNELS, NATIVE = "tests/property/test_kernels.py", "tests/property/test_native.py"

#: file -> names of constants and functions to mutate, and the tests that are to notice.
SITES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "validate/identities.py": (
        ("MAX_LENGTH", "MAX_IDENTITIES", "_tests", "_is_ecid", "_filled", "IdentityValue.check",
         "IdentityValue.columns", "IdentityItem.check", "IdentityItem.columns", "IdentityCounts.__init__",
         "IdentityCounts._failures"),
        (LIMITS, RULES),
    ),
    "validate/platform.py": (
        ("MAX_BYTES", "MAX_ITEMS", "MAX_KEYS", "BITS", "PlatformCompiler._constraints", "PlatformCompiler._inside",
         "PlatformCompiler._width", "PlatformCompiler._events", "column_types"),
        (LIMITS, RULES),
    ),
    "validate/record_size.py": (
        ("LONGER", "TIMES_LONGER", "RecordSize.check", "RecordSize.columns", "_Bounds.exceeded", "_json_sizes",
         "_ESCAPED", "size_of"),
        (LIMITS, RULES, "tests/unit/test_long_records.py"),
    ),
    "validate/constraints.py": (("Size.check", "Size.columns"), (LIMITS,)),
    "validate/value_tests.py": (
        ("Length.value", "Length.plain", "Past.value", "Past.plain", "Range.value", "Range.holds_all",
         "Range.plain", "_nearest", "_unfit"),
        (LIMITS, RULES),
    ),
    "schema/types.py": (("INTEGER_BOUNDS", "_width", "_bound"), (LIMITS, "tests/unit/test_schema_model.py")),
    "schema/lint.py": (("MAX_FIELDS", "lint"), (LIMITS,)),
    "schema/resolve.py": (("MAX_DEPTH", "Resolver._node"), (LIMITS,)),
    "schema/scopes.py": (("MAX_NESTING",), (LIMITS,)),
    "schema/model.py": (("MAX_FIELDS",), (LIMITS,)),
    "write/parts.py": (
        ("PLATFORM_MAX_BYTES", "PLATFORM_MAX_FILES", "PLATFORM_MAX_BATCH_BYTES", "PLATFORM_MAX_FIELDS",
         "Parts._end_part"),
        (LIMITS,),
    ),
}  # fmt: skip

#: Changes that no rule makes: of limits, guards, retries and borders, by file, with the tests that are to notice.
CHANGES: dict[str, tuple[tuple[str, ...], list[tuple[str, str]]]] = {
    "wire.py": ((WIRE, FIGURES), [
        ("SMALL_FILE_BYTES = 256 *", "SMALL_FILE_BYTES = 257 *"),
        ("CHUNK_BYTES = 512_000_000", "CHUNK_BYTES = 512_000_001"),
        ("= 25_000, 10_000", "= 25_000, 10_001"), ("= 25_000, 10_000", "= 25_001, 10_000"),
        ("100 * 1000**3", "101 * 1000**3"), ("ADVISED = 2_000_000", "ADVISED = 2_000_001"),
        ("POLL_SECONDS = 120.0", "POLL_SECONDS = 121.0"), ("0 <= value < 1e15", "0 < value < 1e15"),
        ("0 <= value < 1e15", "0 <= value <= 1e15"), ("{1,15}", "{1,16}"), ("last < first or", "last <= first or"),
        ("int(match[3]) <= last", "int(match[3]) < last"), ("int(a) <= int(b)", "int(a) < int(b)"),
        ('(text or "")[:65536]', '(text or "")[:65537]'), ('text.startswith("{") and', 'text.startswith("{") or'),
    ]),
    "emulator/profiles.py": ((FIGURES, "tests/integration/test_emulator_profiles.py"), [
        ("EVENT_BYTES = 100 << 10", "EVENT_BYTES = 101 << 10"),
        ("len(text.encode()) > limit", "len(text.encode()) >= limit"),
    ]),
    "emulator/export.py": (("tests/integration/test_emulator_routes.py",), [
        ("int(match[1]) >= size", "int(match[1]) > size"),
    ]),
    "emulator/faults.py": ((EMULATOR,), [
        ("400 <= self.status <= 599", "400 < self.status <= 599"),
        ("400 <= self.status <= 599", "400 <= self.status < 599"),
        ("0 <= self.rate <= 1", "0 <= self.rate < 1"), ("rule.count == 0", "rule.count != 0"),
        ("rule.method.upper() != method", "rule.method.upper() == method"), ("rule.count -= rule.count > 0", "pass"),
        ("self.count < 0 and not self.rate", "self.count < 0 or not self.rate"),
    ]),
    "emulator/admin_routes.py": ((EMULATOR,), [("not fault.stall and not", "not fault.stall or not")]),
    "emulator/store.py": ((EMULATOR,), [
        ("digest[16:20], digest[20:32]", "digest[16:21], digest[21:32]"), ("86400", "86460"), ("- 86400", "- 86340"),
        ("expires < ?", "expires > ?"),
    ]),
    "emulator/mappings.py": ((EMULATOR,), [
        ("len(str(source)) > EXPRESSION", "len(str(source)) >= EXPRESSION"),
    ]),
    "mapping/spill.py": ((GROUPS,), [
        ("\nDEPTH = 3", "\nDEPTH = 4"), ("64, 8, 4096", "63, 8, 4096"), ("64, 8, 4096", "64, 9, 4096"),
        ("> self._memory and self._depth", ">= self._memory and self._depth"), ("8 + 6 * self._depth", "8"),
    ]),
    "core/arrow_types.py": ((GROUPS,), [
        ("[1] <= _CODED_BYTES", "[1] < _CODED_BYTES"), ("len(words) > 2 * len(column):", "len(words) > len(column):"),
    ]),
    "core/stream.py": ((GROUPS, FIGURES), [
        ("8 << 20, 32 << 10, 64 << 20", "8 << 20, 32 << 10, 65 << 20"),
        ("8 << 20, 32 << 10, 64 << 20", "8 << 20, 33 << 10, 64 << 20"),
    ]),
    "read/several.py": (("tests/unit/test_read_several.py",), [
        ("types.is_map(a) and types", "types.is_map(a) or types"), ("is_uint64(a) or types", "is_uint64(a) and types"),
        ("digits <= 38", "digits < 38"),
    ]),
    "read/csv.py": (("tests/unit/test_read_odd_beginnings.py",), [
        ("if above or (first", "if above and (first"), ("(times > 1 and other", "(times >= 1 and other"),
        ("wide > 1 and 2", "wide > 0 and 2"), ("2 * wide > len(widths)", "2 * wide >= len(widths)"),
        ("said != opts.quote", "True"), ("said.isascii() and said", "said"),
        ("len(set(names)) == len(names)", "names"), ("times > 1 and len(records) > 1 and", "times > 1 and"),
        ("_WITH_COLONS.fullmatch(record.strip())", "_WITH_COLONS.fullmatch(record)"), ("not one.isalnum() and ", ""),
        ('rb" {2,}", one.strip()', 'rb" {2,}", one'),
        ('if more and first.startswith("# ")', 'if first.startswith("#")'),
    ]),
    "schema/resolve.py": (("tests/unit/test_schema_resolve.py",), [
        ("if len(self._missing) > 10", "if len(self._missing) >= 10"),
        ('"additionalItems" in node and not', '"additionalItems" in node or not'),
    ]),
    "patch/keys.py": ((PATCH,), [
        ("in leaves if leaf.path[0] == _PRIMARY]", "in leaves if leaf.path[0] != _PRIMARY]"),
    ]),
    "pipeline/resubmit.py": (("tests/unit/test_mend.py",), [
        ("source.get(str(name)) is None for", "source.get(str(name)) is not None for"),
    ]),
    "client/session.py": ((CLIENT,), [
        ("PAUSE_LIMIT = 60.0", "PAUSE_LIMIT = 61.0"), ("RETRY_AFTER_LIMIT = 600.0", "RETRY_AFTER_LIMIT = 601.0"),
        ("RENEW_EARLY = 3600.0", "RENEW_EARLY = 3601.0"), ("\nDEADLINE = 600.0", "\nDEADLINE = 601.0"),
        ("REDIRECTS = 5", "REDIRECTS = 6"), ("hops < REDIRECTS", "hops <= REDIRECTS"),
        ("SECRET_IN_DATA = 6, 16", "SECRET_IN_DATA = 7, 16"), ("SECRET_IN_DATA = 6, 16", "SECRET_IN_DATA = 6, 17"),
        ("len(one) >= least", "len(one) > least"), ("len(token) > 16_384", "len(token) >= 16_384"),
        ("attempt -= 1\n                    self._renew", "self._renew"),
        ("authorized and not renewed and", "authorized and"), ("seconds / 2), 1.0", "seconds), 1.0"),
        ('"http": 80', '"http": 81'), ("{408, 500,", "{500,"), ("503, 504})", "503})"),
    ]),
    "client/polling.py": ((CLIENT,), [
        ("UNKNOWN_POLLS = 10", "UNKNOWN_POLLS = 11"), ("LOADING_POLLS = 20", "LOADING_POLLS = 21"),
        ("same >= UNKNOWN_POLLS", "same > UNKNOWN_POLLS"), ("time.monotonic() + pause > end", "time.monotonic() > end"),
    ]),
    "client/files.py": ((CLIENT,), [
        ("STARTS = 4", "STARTS = 5"), ("file.bytes > self.small", "file.bytes >= self.small"),
        ("min(chunk, wire.CHUNK_BYTES)", "chunk"), ("len(length) < 19", "len(length) < 20"),
        ("error.status != 413 or not file.bytes", "error.status != 413"),
    ]),
    "client/upload.py": ((CLIENT, "tests/integration/test_client_upload.py"), [
        ('content.pop("software", None)', "pass"), ("sorted(replay)", "list(replay)"),
        ("if error.status in (400, 404):", "if error.status == 400:"),
        ("_SILENT = 20", "_SILENT = 21"), ("len(held) < _SILENT", "len(held) <= _SILENT"),
        ("len(batch.id) > _ID", "len(batch.id) >= _ID"), (' and other.status == "loading":', ":"),
        ("error.status != 400 or polling", "error.status != 400 and polling"),
        ("(None, self.external) and", "(None, self.external) or"),
        ("if error.status != 404:", "if error.status == 404:"), ("if error.status == 409 else", "if False else"),
        ("if error.status == 409 else", "if error.status == 400 else"), (" or not batch.id.isprintable()", ""),
        ("for batch in found if batch.external_id == self.external]", "for batch in found]"),
        ("if self.options.percent is None else", "if not self.options.percent else"),
        ("if attempt == retries:", "if attempt == retries - 1:"), ("(None, NOT_THERE) for size", "(None,) for size"),
        ("(rank.get(batch.status, 3), age(batch),", "(age(batch), rank.get(batch.status, 3),"),
    ]),
    "client/row_errors.py": ((CLIENT,), [
        ("range(1, _DOWNLOADS + 1)", "range(1, _DOWNLOADS)"),
        ("len(self.errors) > _SHOWN", "len(self.errors) >= _SHOWN"), ("\nPAGES = 1000", "\nPAGES = 1001"),
        ("len(found) < wire.LIST_LIMIT", "len(found) <= wire.LIST_LIMIT"),
    ]),
    "client/journal.py": ((CLIENT,), [
        ("0 < chunk <= wire", "0 <= chunk <= wire"), ("0 < chunk <= wire", "0 < chunk < wire"),
        (" and sha256 is not None", ""),
    ]),
    "client/config.py": ((CLIENT,), [
        ("\nMOST = 100_000", "\nMOST = 100_001"), ("low or number > MOST", "low or number >= MOST"),
        ("len(str(value)) > 100", "len(str(value)) >= 100"),
    ]),
    "core/transport.py": ((CLIENT,), [
        ("if size > limit", "if size >= limit"), ("HEAD_BYTES = 64 * 1024", "HEAD_BYTES = 65 * 1024"),
    ]),
    "emulator/uploads.py": ((EMULATOR,), [
        ("len(name) > MAX_NAME", "len(name) >= MAX_NAME"), ("int(declared) > limit", "int(declared) >= limit"),
        ("size != int(declared)", "size > int(declared)"),
    ]),
    "emulator/ingest.py": ((EMULATOR, "tests/integration/test_emulator_routes.py"), [
        ("TRIES = 3", "TRIES = 4"), ("len(self.files) > BATCH_FILES", "len(self.files) >= BATCH_FILES"),
        ("< now_ms() - self.abandon_after", "<= now_ms() - self.abandon_after"),
        ("< now_ms() - self.collect_after", "<= now_ms() - self.collect_after"),
        ("doc is None:\n                return\n            if", "doc:\n                return\n            if"),
    ]),
    "mapping/files.py": (("tests/unit/test_mapping_sets.py",), [
        ("number < len(row) and", "number <= len(row) and"),
        ("in reversed([*enumerate(header)])", "in enumerate(header)"),
        ('if kind and not kind.startswith("text/")', "if kind"), ("and row[number].strip()}", "}"),
    ]),
    "client/readiness.py": (("tests/integration/test_client_readiness.py",), [
        ("if state.upsert and manifest is not None and", "if (state.upsert or manifest is not None) and"),
        ("if state.upsert and manifest is not None and not patch:", "if state.upsert and manifest is not None:"),
        ("if state.upsert and manifest is not None and", "if state.upsert and"),
        ("state.upsert and (patch or", "state.upsert or (patch or"), ('"error" if patch else "note"', '"error"'),
        ('"not-identity", "error" if', '"not-identity", "note" if'),
    ]),
    "core/documents.py": ((INPUT, "tests/unit/test_documents.py"), [
        ("if count > MAX_ENTRIES", "if count >= MAX_ENTRIES"), ("len(below) > MAX_VALUES", "len(below) >= MAX_VALUES"),
        ("size(node) <= MAX_EXPANDED", "size(node) < MAX_EXPANDED"), ("depth == MAX_DEPTH", "depth == MAX_DEPTH - 1"),
        ("abs(value) < 1e18", "abs(value) <= 1e18"),
    ]),
    "core/arguments.py": ((INPUT,), [
        ("abs(value) < 1 << 63", "abs(value) <= 1 << 63"), ("0 <= value < 1 << 16", "0 <= value <= 1 << 16"),
        ("0 <= value <= 1e9", "0 <= value < 1e9"), ("0 <= value <= 1e9", "0 < value <= 1e9"),
        ("_MAX_PATH = 4096", "_MAX_PATH = 4097"),
    ]),
    "core/losses.py": ((INPUT,), [
        ("shares[path] > percent", "shares[path] >= percent"), ("0 <= percent <= 100", "0 < percent <= 100"),
        ("0 <= percent <= 100", "0 <= percent < 100"), ("MAX_LOSS = 50.0", "MAX_LOSS = 51.0"),
    ]),
    "core/ndjson/strict.py": ((INPUT,), [
        ("if depth > MAX_DEPTH", "if depth >= MAX_DEPTH"), ("if digits > MAX_DIGITS", "if digits >= MAX_DIGITS"),
    ]),
    "read/objects.py": ((INPUT,), [
        ("if depth > MAX_DEPTH", "if depth >= MAX_DEPTH"),
        ("-(2**63) <= value < 2**63 else", "-(2**63) < value < 2**63 else"),
    ]),
    "mapping/forms.py": ((INPUT,), [
        ("len(source) > MAX_EXPRESSION", "len(source) >= MAX_EXPRESSION"),
    ]),
    "language/grammar.py": ((INPUT, "tests/unit/test_language_grammar.py"), [
        ("MAX_LENGTH = 4096", "MAX_LENGTH = 4097"), ("_SINGLE = (5, 6)", "_SINGLE = (5,)"),
        ("if depth > MAX_DEPTH", "if depth >= MAX_DEPTH"),
        ("depth + 1 + isinstance(child, Lambda)", "depth + 1"), ("        self.depth -= 1\n", ""),
        (r"\?\.(?!\d)", r"\?\."), ("in reversed(signs):", "in signs:"),
        ('-value.value if sign == "-" else value.value', "-value.value"), ("(value.position, (*v", "(at, (*v"),
        ("(?:##|//)[^\\n]*", "(?:##|//)[^\\n]+"), ('.startswith("*", self.at)', '.startswith("**", self.at)'),
        (r'.replace("\\/", "/"))', ")"), ("if name in RESERVED:", "if name in KEYWORDS:"),
    ]),
    "language/date_fields.py": (("tests/property/test_date_fields.py", "tests/unit/test_language_dates.py"), [
        ("_DAYS = 1 - _EPOCH,", "_DAYS = 2 - _EPOCH,"), ('found.get("weekday", 1)', 'found.get("weekday", 2)'),
        ("_week_of_month, 0, 6", "_week_of_month, 0, 5"), ("self.days >= _DAYS[0]", "self.days > _DAYS[0]"),
        ("self.days <= _DAYS[1]", "self.days < _DAYS[1]"), ("(self.nanos >= 0) & ", ""),
        ("self.nanos < NANOS_OF_DAY", "self.nanos <= NANOS_OF_DAY"), ("day >= days_of(", "day > days_of("),
        ("day < days_of(", "day <= days_of("),
    ]),
    "language/kernels/dates.py": (("tests/unit/test_language_dates.py",), [
        ("which[~todo] = 0", "pass"), ("or not has_year(names)", ""), ("place, good & named", "place, named"),
    ]),
    "mapping/split.py": (("tests/property/test_mapping_split.py",), [
        ('for key in ("id", "xdm:id")', 'for key in ("id",)'), (", *items)) if arrays:", ", *items)):"),
        ("if len({way for way, _ in made}) == len(made) else []", ""),
        ("(condition, yes, Constant(_, None))", "(condition, yes, _)"),
        ("Constant(_, None | str())))", "Constant()))"),
    ]),
    "mapping/grouping.py": ((GROUPS,), [
        ("code * np.uint64(31) + kernels", "code + kernels"),
        ('bounds[at] + rows, side="right"', 'bounds[at] + rows, side="left"'),
        ("coded = encoded(comparable(column))", "coded = encoded(column)"),
        ("len(some.dictionary) > 2 * len(some)", "False"),
    ]),
    "core/shred.py": ((GROUPS,), [
        (" or len(words) > len(array) or pc", " or pc"), (" or pc.count_distinct(words).as_py() < len(words)", ""),
    ]),
    "mapping/evaluation.py": ((GROUPS, "tests/unit/test_mapping_nested.py"), [
        ("return of_groups or isinstance(node, First)", "return False"),
        (".fill_null(True)", ".fill_null(False)"), ("path.count(EVERY) - bool(self._keys)", "path.count(EVERY)"),
        ("path[: len(path) - len(node.steps)] if", "path if"),
    ]),
    "validate/view.py": ((RULES, "tests/unit/test_check_tree.py"), [
        ("EVERY if step == ANY_KEY else step for", "step for"),
        ("return self.columns.nulls.get(self.number)", "return None"), ("else found | nulls", "else found"),
        ("is_list(kind) and self.columns.count_empty", "is_list(kind)"), ("- starts[parents]", ""),
        ("MAX_PATHS = 256", "MAX_PATHS = 257"), ("len(distinct) > MAX_PATHS", "len(distinct) >= MAX_PATHS"),
        ("codes * len(names[-1]) + index", "codes + index"), ("lambda entry: entry[0])", "lambda entry: -entry[0])"),
    ]),
    "validate/formats.py": ((RULES,), [
        ('["local"].encode()) > 64', '["local"].encode()) >= 64'), ("[{_ATOM}]{{1,20}}(?", "[{_ATOM}]{{1,23}}(?"),
        (r'\\[ -~])*"', r'\\[!-~])*"'),
    ]),
    "pipeline/prepare.py": ((INPUT, "tests/unit/test_prepare.py"), [
        ("percent > self.threshold", "percent >= self.threshold"), ("0 <= self.threshold", "0 < self.threshold"),
        ("threshold <= 100", "threshold < 100"),
    ]),
    "pipeline/upsert.py": ((PATCH,), [
        ("if max_records < 1", "if max_records < 0"), ("patch.records <= most", "patch.records < most"),
    ]),
    "patch/diff.py": ((PATCH,), [
        ("chosen[match >= 0],", "chosen[match > 0],"), ("new = match < 0", "new = match <= 0"),
        ("counts > 1]", "counts > 2]"),
    ]),
    "write/parts.py": ((INPUT, FIGURES, WRITE), [
        ("DEFAULT_MAX_BYTES = 240_000_000", "DEFAULT_MAX_BYTES = 240_000_001"),
        ("group_bytes: int = 12 << 20", "group_bytes: int = 13 << 20"),
        ("""csv_escape == '"' else""", """csv_escape != '"' else"""),
        ("self.max_bytes < MIN_MAX", "self.max_bytes <= MIN_MAX"), ("self.max_rows < 1", "self.max_rows <= 1"),
        ("len(text) <= self.options.max_bytes", "len(text) < self.options.max_bytes"),
        ("and rows <= self._rows_left()", "and rows < self._rows_left()"),
    ]),
    "_native.c": ((KERNELS, NATIVE), [
        ("numbers[i] >= join->literal_count", "numbers[i] > join->literal_count"),
        ("place < 0 || place >= n", "place < 0 || place > n"),
        ("code < 0 || code >= count", "code < 0 || code > count"),
        ("index < 0 || index >= columns", "index < 0 || index > columns"),
        ("table[i * 256 + k] >= states", "table[i * 256 + k] > states"),
        ("offsets[0] || offsets[n] > size", "offsets[0]"), ("values[i] >= END_MS", "values[i] > END_MS"),
        ("lead > 0xF4", "lead > 0xF5"), ("lead == 0xED ? 0x9F", "lead == 0xED ? 0xBF"),
        ("size > 16 ||", "size > 17 ||"), ("n <= 32 && from_end", "n <= 33 && from_end"),
        ("< 255 ? size : at + 255", "< 256 ? size : at + 256"), ("(2 * (start / 1024) + 1)", "1"),
        ("line_before = line >> 63;", "line_before = 0;"),
    ]),
    "_json.c": ((KERNELS, NATIVE, INPUT), [
        ("#define MAX_DEPTH 128", "#define MAX_DEPTH 129"),
        ("exponent < -22 || number->exponent > 22", "exponent < -22 || number->exponent > 23"),
        ("exponent < -22 || number->exponent > 22", "exponent < -23 || number->exponent > 22"),
        ("second > 0xDFFF", "second > 0xE000"), ("second < 0xDC00 || ", ""), ("code >= 0xDC00 ||", "code > 0xDC00 ||"),
        ("number->mantissa > EXACT_DOUBLES ||", "number->mantissa > EXACT_DOUBLES * 2 ||"),
    ]),
}  # fmt: skip

#: Mutants that change no answer: file and what was changed, and why.
_MORE = "more is looked at exactly, with the same answer"
_NEVER = "the two are never equal there"
EQUIVALENT: dict[tuple[str, str], str] = {
    ("validate/platform.py",
     "field.children.keys() <= known.fields.keys() -> field.children.keys() < known.fields.keys()"):
        "two constraints beside each other give the same answer",
    ("validate/record_size.py", "14 -> 15"): _MORE,
    ("validate/record_size.py", "4 -> 5"): _MORE,
    ("validate/record_size.py", "127 -> 126"): "a tilde is one byte",
    ("validate/record_size.py", "256 -> 255"): "no UTF-8 has the byte 255",
    ("validate/record_size.py", "256 -> 257"): "bytes are below 256",
    ("validate/record_size.py",
     "TIMES_LONGER * sizes.max() <= self._most -> TIMES_LONGER * sizes.max() < self._most"): _MORE,
    ("validate/record_size.py", "sizes + self._numbers > self._most -> sizes + self._numbers >= self._most"): _MORE,
    ("validate/record_size.py", "rough <= self._most -> rough < self._most"): _MORE,
    ("validate/record_size.py",
     "sum(map(_rough_bound, arrays), sizes) > self._most -> "
     "sum(map(_rough_bound, arrays), sizes) >= self._most"): _MORE,
    ("validate/record_size.py",
     "self._keys + sum((_bytes_bound(array, _text_sizes) for array in some)) > self._most -> "
     "self._keys + sum((_bytes_bound(array, _text_sizes) for array in some)) >= self._most"): _MORE,
    ("validate/value_tests.py", "longest(array) <= self.most -> longest(array) < self.most"): _MORE,
    ("validate/value_tests.py",
     "_shortest(array) >= max(4 * self.least - 3, 1) -> _shortest(array) > max(4 * self.least - 3, 1)"): _MORE,
    ("validate/value_tests.py", "moment <= datetime.now(UTC) -> moment < datetime.now(UTC)"): _NEVER,
    ("validate/value_tests.py", "bound > 0 -> bound >= 0"): "the bound is larger than any double there",
    ("write/parts.py", "self._bytes <= _CACHED_BYTES -> self._bytes < _CACHED_BYTES"): "a hint for the disk",
}  # fmt: skip

_COMPARE: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="),
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One change of one file."""

    file: str
    site: str
    line: int
    was: str
    now: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.site}: {self.was} -> {self.now}"


class Source:
    """A file of the package, and the changes of it."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.text = (ROOT / "xdmprep" / file).read_text(encoding="utf-8")
        self._starts = [0]
        for line in self.text.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line.encode()))

    def mutants(self, names: tuple[str, ...]) -> Iterator[Mutant]:
        found = dict(self._nodes())
        for name in names:
            node = found[name]
            assigned = isinstance(node, ast.Assign | ast.AnnAssign)
            for part in ast.walk(node):
                if isinstance(part, ast.Compare):
                    yield from self._comparisons(name, part)
                elif isinstance(part, ast.Constant) and (assigned or "{38}" in str(part.value)):
                    yield from self._constants(name, part)

    def _nodes(self) -> Iterator[tuple[str, ast.AST]]:
        for node in ast.parse(self.text).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                yield node.targets[0].id, node
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                yield node.target.id, node
            elif isinstance(node, ast.FunctionDef):
                yield node.name, node
            elif isinstance(node, ast.ClassDef):
                for inner in node.body:
                    if isinstance(inner, ast.FunctionDef):
                        yield f"{node.name}.{inner.name}", inner

    def _comparisons(self, site: str, node: ast.Compare) -> Iterator[Mutant]:
        before = node.left
        for operator, after in zip(node.ops, node.comparators, strict=True):
            signs = _COMPARE.get(type(operator))
            if signs is not None:
                start, end = self._place(before)[1], self._place(after)[0]
                between = self.text.encode()[start:end].decode()
                shown = f"{ast.unparse(before)} {signs[0]} {ast.unparse(after)}"
                now = f"{ast.unparse(before)} {signs[1]} {ast.unparse(after)}"
                changed = between.replace(signs[0], signs[1], 1)
                yield self._changed(site, node.lineno, start, end, changed, shown, now)
            before = after

    def _constants(self, site: str, node: ast.Constant) -> Iterator[Mutant]:
        start, end = self._place(node)
        if isinstance(node.value, int) and not isinstance(node.value, bool):
            for value in (node.value - 1, node.value + 1):
                yield self._changed(site, node.lineno, start, end, f"({value})", str(node.value), str(value))
        elif isinstance(node.value, str) and (found := re.search(r"\{(\d+)\}", node.value)):
            for value in (int(found[1]) - 1, int(found[1]) + 1):
                was = self.text.encode()[start:end].decode()
                now = was.replace(found[0], f"{{{value}}}")
                yield self._changed(site, node.lineno, start, end, now, was, now)

    def _place(self, node: ast.expr) -> tuple[int, int]:
        assert node.end_lineno is not None and node.end_col_offset is not None
        return (
            self._starts[node.lineno - 1] + node.col_offset,
            self._starts[node.end_lineno - 1] + node.end_col_offset,
        )

    def _changed(self, site: str, line: int, start: int, end: int, text: str, was: str, now: str) -> Mutant:
        data = self.text.encode()
        return Mutant(self.file, site, line, was, now, (data[:start] + text.encode() + data[end:]).decode())


def survives(mutant: Mutant, tests: tuple[str, ...], folder: Path) -> bool:
    """Whether all tests pass with the mutant in the place of the package's file."""
    shutil.copytree(ROOT / "xdmprep", folder / "xdmprep")  # with what was compiled of it: the changed file is newer
    (folder / "schemas").symlink_to(ROOT / "schemas")
    (folder / "xdmprep" / mutant.file).write_text(mutant.text, encoding="utf-8")
    if mutant.file.endswith(".c"):
        sanitize.compiled("gcc", folder / "xdmprep", ["-w"])
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-W", "ignore", *tests],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    shutil.rmtree(folder)
    assert done.returncode < 3, done.stdout + done.stderr
    return done.returncode == 0


@pytest.mark.parametrize("file", SITES)
def test_the_sites_are_there(file: str) -> None:
    """What was renamed or moved is found at once, not when the long test runs."""
    names, _ = SITES[file]
    known = dict(Source(file)._nodes())
    assert [name for name in names if name not in known] == []
    changes = {f"{mutant.was} -> {mutant.now}" for mutant in Source(file).mutants(names)}
    assert changes and {change for name, change in EQUIVALENT if name == file} <= changes


@pytest.mark.parametrize("file", CHANGES)
def test_the_changes_are_of_the_code_as_it_is(file: str) -> None:
    text = Source(file).text
    assert [was for was, now in CHANGES[file][1] if text.count(was) != 1 or was == now] == [], "changed or moved"


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("file", SITES)
def test_every_mutant_fails_a_test(file: str, tmp_path: Path) -> None:
    names, tests = SITES[file]
    all_mutants = list(Source(file).mutants(names))
    unknown = {change for name, change in EQUIVALENT if name == file} - {f"{m.was} -> {m.now}" for m in all_mutants}
    assert not unknown, "listed as equivalent, but no mutant"
    mutants = [mutant for mutant in all_mutants if (file, f"{mutant.was} -> {mutant.now}") not in EQUIVALENT]
    _tried(file, mutants, tests, tmp_path)


def _tried(file: str, mutants: list[Mutant], tests: tuple[str, ...], folder: Path) -> None:
    """Try each mutant of a file, and the file as it is."""
    assert mutants
    as_it_is = replace(mutants[0], text=Source(file).text)
    assert survives(as_it_is, tests, folder / "unchanged"), "the tests fail without any mutant"
    with ThreadPoolExecutor(2) as pool:
        lives = list(pool.map(lambda n: survives(mutants[n], tests, folder / str(n)), range(len(mutants))))
    survivors = [str(mutant) for mutant, alive in zip(mutants, lives, strict=True) if alive]
    print(f"{file}: {len(mutants)} mutants, {len(survivors)} survivors", *survivors, sep="\n  ")
    assert not survivors, "\n".join(survivors)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("file", CHANGES)
def test_every_change_fails_a_test(file: str, tmp_path: Path) -> None:
    tests, changes = CHANGES[file]
    text = Source(file).text
    if file.endswith(".c") and shutil.which("gcc") is None:
        pytest.skip("needs gcc")
    mutants = [
        Mutant(file, "", text[: text.index(was)].count("\n") + 1, was, now, text.replace(was, now))
        for was, now in changes
    ]
    _tried(file, mutants, tests, tmp_path)


def test_every_change_of_the_rule_table_differs_from_the_documentation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table in the documentation is compared with the code, so that it kills each of these."""
    page = (ROOT / "xdmprep" / "docs" / "validation.md").read_text(encoding="utf-8")
    lines = set(page.splitlines())

    def line(rule: rules.Rule) -> str:
        sets = ", ".join(f"`{name}`" for name in ("jsonschema", "batch", "strict") if name in rule.sets)
        return f"| `{rule.code}` | {rule.title} | {rule.severity} | {sets} | {rule.platform or ''} |"

    for rule in rules.RULES.values():
        assert line(rule) in lines
        flipped = replace(rule, severity="warning" if rule.severity == "error" else "error")
        changed = [flipped, *(replace(rule, sets=rule.sets ^ {name}) for name in ("jsonschema", "batch", "strict"))]
        assert not any(line(one) in lines for one in changed)
