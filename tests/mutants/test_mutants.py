"""Mutation testing of the rule tables, the limits and the checks that use them: each change must fail a test.

A mutant is a copy of the package with one comparison or one number changed.  The listed sites are mutated one by one
and the tests that are to notice are run against each; the survivors are printed, and there must be none.

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

from xdmprep.core import rules

ROOT = Path(__file__).resolve().parents[2]
LIMITS, RULES = "tests/unit/test_limits.py", "tests/unit/test_validate_rules.py"

#: file -> names of constants and functions to mutate, and the tests that are to notice.
SITES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "validate/identities.py": (
        ("MAX_LENGTH", "MAX_IDENTITIES", "_is_identity", "_tests", "_is_ecid", "_filled", "IdentityValue.check",
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
        ("LONGER", "RecordSize.check", "RecordSize.columns", "_bound_of_texts", "_bound", "size_of"), (LIMITS, RULES),
    ),
    "validate/constraints.py": (("Size.check", "Size.columns"), (LIMITS,)),
    "validate/value_tests.py": (
        ("Length.value", "Length.plain", "Past.value", "Past.plain", "Range.value", "Range.holds_all",
         "Range.plain", "_outside"),
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

#: Mutants that change no answer: file and what was changed, and why.
_MORE = "more is looked at exactly, with the same answer"
_NEVER = "the two are never equal there"
EQUIVALENT: dict[tuple[str, str], str] = {
    ("validate/record_size.py", "14 -> 15"): _MORE,
    ("validate/record_size.py", "bound > self._most -> bound >= self._most"): _MORE,
    ("validate/record_size.py", "rough <= most -> rough < most"): _MORE,
    ("validate/value_tests.py", "longest(array) <= self.most -> longest(array) < self.most"): _MORE,
    ("validate/value_tests.py",
     "_shortest(array) >= max(4 * self.least - 3, 1) -> _shortest(array) > max(4 * self.least - 3, 1)"): _MORE,
    ("validate/value_tests.py", "moment <= datetime.now(UTC) -> moment < datetime.now(UTC)"): _NEVER,
    ("validate/value_tests.py", "side > 0 -> side >= 0"): "a side is 1 or -1",
    ("validate/value_tests.py", "abs(bound) < 1.7e+308 -> abs(bound) <= 1.7e+308"): "both ways give that double",
    ("validate/value_tests.py", "bound > 0 -> bound >= 0"): "the bound is larger than any double there",
    ("validate/value_tests.py", "nearest < bound -> nearest <= bound"): _NEVER,
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
    shutil.copytree(ROOT / "xdmprep", folder / "xdmprep", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "schemas").symlink_to(ROOT / "schemas")
    (folder / "xdmprep" / mutant.file).write_text(mutant.text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-W", "ignore", *tests],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    shutil.rmtree(folder)
    assert done.returncode in (0, 1, 2), done.stdout + done.stderr
    return done.returncode == 0


@pytest.mark.parametrize("file", SITES)
def test_the_sites_are_there(file: str) -> None:
    """What was renamed or moved is found at once, not when the long test runs."""
    names, _ = SITES[file]
    known = dict(Source(file)._nodes())
    assert [name for name in names if name not in known] == []
    changes = {f"{mutant.was} -> {mutant.now}" for mutant in Source(file).mutants(names)}
    assert changes and {change for name, change in EQUIVALENT if name == file} <= changes


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("file", SITES)
def test_every_mutant_fails_a_test(file: str, tmp_path: Path) -> None:
    names, tests = SITES[file]
    all_mutants = list(Source(file).mutants(names))
    unknown = {change for name, change in EQUIVALENT if name == file} - {f"{m.was} -> {m.now}" for m in all_mutants}
    assert not unknown, "listed as equivalent, but no mutant"
    mutants = [mutant for mutant in all_mutants if (file, f"{mutant.was} -> {mutant.now}") not in EQUIVALENT]
    assert mutants
    as_it_is = replace(mutants[0], text=Source(file).text)
    assert survives(as_it_is, tests, tmp_path / "unchanged"), "the tests fail without any mutant"
    with ThreadPoolExecutor(2) as pool:
        lives = list(pool.map(lambda n: survives(mutants[n], tests, tmp_path / str(n)), range(len(mutants))))
    survivors = [str(mutant) for mutant, alive in zip(mutants, lives, strict=True) if alive]
    print(f"{file}: {len(mutants)} mutants, {len(survivors)} survivors", *survivors, sep="\n  ")
    assert not survivors, "\n".join(survivors)


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
