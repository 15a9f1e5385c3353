"""The error tree and the single finding.

::

    XdmPrepError
    ├── UsageError              wrong options or arguments                                  exit code 2
    ├── SourceError             an input cannot be read at all                              exit code 2
    │   └── NoRowsError         it has no row                                               exit code 2
    ├── SchemaError             a schema file is wrong or incomplete                        exit code 2
    ├── MappingError            a mapping set is wrong; holds every error found             exit code 2
    │   └── ExpressionError     one expression is wrong, at a position                      exit code 2
    ├── OutputError             a folder or file cannot be written                          exit code 2
    ├── MissingDependencyError  an optional package is not installed                        exit code 2
    ├── DataError               the data has errors and the caller asked to be stopped      exit code 1
    └── PlatformError           the platform could not be reached, or refused               exit code 3

Errors of the author (mapping, schema, options) raise before the first row.  Errors of the data are
rows in a report (:class:`Issue`), never exceptions, unless the caller requests one.
"""

from __future__ import annotations

import bisect
import errno
import itertools
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Severity = Literal["error", "warning"]


#: Characters of errors that the text of a MappingError lists; `faults` has them all.
_LONGEST = 12_000


class XdmPrepError(Exception):
    """Base of all errors that xdmprep raises on purpose.

    Class attributes: `exit_code` is what the command ends with, `kind` what it calls the error in JSON (stable).

    Examples:
        >>> try:
        ...     xp.Schema.load("nowhere.json")
        ... except xp.XdmPrepError as error:
        ...     print(error.kind, error.exit_code, error)
        schema 2 nowhere.json: no such file. Give the path of a schema file.
    """

    exit_code = 2
    kind = "error"


class UsageError(XdmPrepError):
    """Wrong options or arguments."""

    kind = "usage"


class SourceError(XdmPrepError):
    """An input cannot be read at all (missing, empty, wrong encoding, not the format it was said to be).

    Examples:
        >>> try:
        ...     xp.map_rows("nowhere.csv", mapping)
        ... except xp.SourceError as error:
        ...     print(error)
        nowhere.csv: No such file or directory.
    """

    kind = "source"


class NoRowsError(SourceError):
    """A source has no row; `columns` is the Arrow schema of those it has, None where it has none."""

    def __init__(self, message: str, columns: Any = None) -> None:
        self.columns = columns
        super().__init__(message)


class SchemaError(XdmPrepError):
    """A schema file is wrong or incomplete.

    Examples:
        >>> try:
        ...     registry["https://ns.adobe.com/acme/schemas/none"]
        ... except xp.SchemaError as error:
        ...     print(str(error)[:70])
        schemas: no schema 'https://ns.adobe.com/acme/schemas/none' among 4. D
    """

    kind = "schema"


class MappingError(XdmPrepError):
    """A mapping set is wrong.  `faults` holds one message per error; all are collected before this is raised.

    Examples:
        >>> try:
        ...     xp.map_rows([{"first": "Ada"}], {"person.name.firstName": "frist", "person.age": "first"}, schema)
        ... except xp.MappingError as error:
        ...     for fault in error.faults:
        ...         print(fault)
        person.name.firstName <- frist: the source has no column 'frist'. Did you mean 'first'?
        person.age <- first: 'person.age' is not in CRM Profile. 'person' has no field 'age'. Did you mean
        'person.name', 'person.gender' or 'person.birthDate'?
    """

    kind = "mapping"

    def __init__(self, faults: str | Sequence[str], name: str | None = None) -> None:
        self.faults: tuple[str, ...] = (faults,) if isinstance(faults, str) else tuple(faults)
        self.name = name
        super().__init__(self.faults, name)

    def __str__(self) -> str:
        where = f"{self.name[:300]}: " if self.name else ""
        if len(self.faults) == 1:
            return where + self.faults[0]
        shown = list(itertools.accumulate(len(fault) for fault in self.faults))
        few = max(bisect.bisect(shown, _LONGEST), 1)
        more = f"\n  ... and {len(self.faults) - few:,} more" if few < len(self.faults) else ""
        return f"{where}{len(self.faults)} faults\n" + "\n".join(f"  - {fault}" for fault in self.faults[:few]) + more


class ExpressionError(MappingError):
    """One expression is wrong; `position` is the 0-based offset in `expression`, None if the whole is meant."""

    kind = "expression"

    def __init__(self, message: str, expression: str = "", position: int | None = None) -> None:
        self.message, self.expression, self.position = message, expression, position
        super().__init__(message)

    def __str__(self) -> str:
        if self.position is None or not self.expression:
            return self.message
        start = self.expression.rfind("\n", 0, self.position) + 1
        line = self.expression[start:].split("\n", 1)[0]
        return f"{self.message}\n    {line}\n    {' ' * (self.position - start)}^"


class OutputError(XdmPrepError):
    """A folder or file cannot be written."""

    kind = "output"


@contextmanager
def scratch_files(folder: Path | None = None) -> Iterator[None]:
    """Errors of the system in the block are those of temporary files, in `folder` or where the system has them."""
    try:
        yield
    except OSError as error:
        where = f"{folder or tempfile.gettempdir()}: no scratch file can be written: {error.strerror or error}."
        raise OutputError(f"{where} Free space there, or set TMPDIR to another folder.") from None


#: Optional package, as it is imported -> the extra of xdmprep that brings it (pyproject.toml).
EXTRAS = {
    "fsspec": "remote",
    "hypothesis": "testing",
    "pandas": "pandas",
    "pandera": "contract",
    "pyspark": "spark",
    "starlette": "emulator",
    "ua_parser": "agents",
    "uvicorn": "emulator",
}


class MissingDependencyError(XdmPrepError, ImportError):
    """An optional package is not installed; the message ends with the command that installs it.

    Args:
        what: what needs it, the subject of the message's sentence.
        package: its name as it is imported, one of :data:`EXTRAS`.
    """

    kind = "missing-dependency"

    def __init__(self, what: str, package: str) -> None:
        self.what, self.package = what, package
        super().__init__(what, package)

    def __str__(self) -> str:
        name = self.package.replace("_", "-")
        return f"{self.what} needs the package {name}, which is not installed. Run: {install_command(self.package)}"


def install_command(package: str) -> str:
    """The command that installs an optional package, one of :data:`EXTRAS`."""
    return f'pip install "xdmprep[{EXTRAS[package]}]"'


@contextmanager
def needed_by(what: str, package: str = "") -> Iterator[None]:
    """Around imports of optional packages that `what` needs: MissingDependencyError names the missing one."""
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in EXTRAS:
            raise
        raise MissingDependencyError(what, package or missing) from None


class DataError(XdmPrepError):
    """The data has errors and the caller asked to be stopped by them.

    Examples:
        >>> try:
        ...     report.raise_if_invalid()
        ... except xp.DataError as error:
        ...     print(str(error).splitlines()[0])
        crm-profiles.csv: 300 rows, 59 invalid, 103 findings
    """

    exit_code = 1
    kind = "data"


class PlatformError(XdmPrepError):
    """The platform could not be reached, or refused.

    What others have sent (bodies, headers, addresses) is printable and short in `message` and in the text.

    Attributes: `message` what happened; `hint` what to do; `status` the HTTP status or None; `code` the platform's own
    error code, else a word of ours such as ``unreachable`` or ``counts-differ``; `request_id`; `batch`; `file`;
    `retryable` whether trying the same again can help.

    Examples:
        >>> try:
        ...     client.status("a-batch-that-nobody-made")
        ... except xp.PlatformError as error:
        ...     print(error.status, error.batch)
        404 a-batch-that-nobody-made
    """

    exit_code = 3
    kind = "platform"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        batch: str | None = None,
        file: str | None = None,
        retryable: bool = False,
    ) -> None:
        self.message, self.hint = message, hint
        self.status, self.code, self.request_id = status, code, request_id
        self.batch, self.file, self.retryable = batch, file, retryable
        super().__init__(f"{message} {hint}" if hint else message)

    def within(self, what: str) -> PlatformError:
        """The same error as part of something larger."""
        return PlatformError(**{**vars(self), "message": f"{what}: {self.message}"})


@dataclass(frozen=True, slots=True)
class Issue:
    """One finding about one value of one row.

    Attributes:
        code: the rule's stable code, see :mod:`xdmprep.rules`.
        severity: ``"error"`` sets the row aside, ``"warning"`` does not.
        row: 1-based data row of the source (header not counted), None where there is no row.
        path: XDM path such as ``identityMap.ECID[0].id``; empty for the whole record.
        column: source column or expression that the value came from, None where unknown.
        value: the offending value as text, None for an absent one.
        message: what is wrong.
        hint: what to do about it, may be empty.
        pointer: JSON Pointer of the place in the record, where the record itself was checked.
        file: the file that holds the row, where several were checked.

    Examples:
        >>> (issue,) = schema.check({"_id": "1", "person": {"name": {"firstName": 1}}}, rules="jsonschema")
        >>> issue.code, issue.path, issue.severity
        ('type', 'person.name.firstName', 'error')
        >>> print(issue)
        person.name.firstName: expected a string, got '1'.
    """

    code: str
    severity: Severity
    message: str
    row: int | None = None
    path: str = ""
    column: str | None = None
    value: str | None = None
    hint: str = ""
    pointer: str = ""
    file: str | None = None

    def __str__(self) -> str:
        where = f"{self.file}: " if self.file is not None else ""
        where += f"row {self.row}: " if self.row is not None else ""
        column = f" (column {self.column})" if self.column else ""
        got = f", got {shorten(self.value)}" if self.value is not None else ""
        hint = f" {self.hint}" if self.hint else ""
        return f"{where}{self.path or 'record'}{column}: {self.message}{got}.{hint}"


#: Control characters, marks that change a line's direction, line separators of Unicode, and halves of surrogate pairs.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str, keep: str = "") -> str:
    r"""`text` with what a terminal obeys or cannot show as escapes (``\x1b``), except for `keep`."""
    return _CONTROL.sub(lambda found: found[0] if found[0] in keep else repr(found[0])[1:-1], text)


def printable(text: Any, limit: int = 500) -> str:
    """Text from another program as part of a message: one line, visible, at most `limit` characters."""
    shown = visible(str(text)[: limit + 1].translate(_BLANKS))  # escapes make it longer, never shorter
    return shown if len(shown) <= limit else shown[: limit - 4] + " ..."


_BLANKS = str.maketrans("\r\n\t", "   ")


def shorten(value: Any, limit: int = 80) -> str:
    """`value` as a quoted text of at most `limit` characters, for messages."""
    try:
        text = repr(value[: limit + 1] if isinstance(value, str) else value)
        if " object at 0x" in text or "\n" in text:  # such as of a table
            text = f"<{type(value).__name__}>"
    except Exception:  # numbers of more digits than Python prints, values nested too deep, classes of the caller
        text = f"<{type(value).__name__}>"
    end = {"{": "}", "[": "]", "(": ")"}.get(text[:1], text[:1])
    return text if len(text) <= limit else text[: limit - 4] + "..." + end


#: Options that Python has in classes of options -> the argument that holds them, and its class.
_CLASSES = {
    **dict.fromkeys(("delimiter", "encoding", "names"), ("csv", "CsvOptions")),
    **dict.fromkeys(("sheet", "header_row"), ("excel", "ExcelOptions")),
}  # fmt: skip
_by_command = False


@contextmanager
def options_of_command() -> Iterator[None]:
    """While a command runs: :func:`option` names the options of the command."""
    global _by_command  # threads that read a source must see it too
    before, _by_command = _by_command, True
    try:
        yield
    finally:
        _by_command = before


def option(name: str, value: Any = None) -> str:
    """An option as the caller writes it, for messages: ``--header-row 3`` in a command, else as in Python.

    Args:
        name: of the parameter in Python.
        value: a string, number, or tuple of names; True for a flag; None where no value is suggested.
    """
    if _by_command:
        word = ",".join(value) if isinstance(value, tuple) else "tab" if value == "\t" else str(value)
        if not word.isprintable():
            word = f"$'\\x{ord(word):02x}'"
        elif not any(map(str.isalnum, word)):
            word = repr(word)
        return f"--{name.replace('_', '-')}" + ("" if value is None or value is True else f" {word}")
    if name in _CLASSES:
        argument, kind = _CLASSES[name]
        return f"{argument}={kind}({name}={'...' if value is None else repr(value)})"
    return name if value is None else f"{name}={value!r}"


def unwritable(path: Any, error: OSError) -> OutputError:
    """The error that says why a file or folder cannot be written, and what to do about it."""
    advice = ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        advice = " Make room on the disk, or give another folder."
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        advice = " Give another folder, or change the permissions of this one."
    return OutputError(f"{path}: cannot be written: {error.strerror or error}.{advice}")


def counted(number: int, noun: str) -> str:
    """The number with its noun: "1 row", "1,200 rows"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def did_you_mean(word: Any, known: Iterable[str], n: int = 3) -> str:
    """A sentence " Did you mean 'a' or 'b'?" with the nearest of `known`, or an empty string if none is near.

    A name that only seems to be `word`, or holds what cannot be seen, is shown with escapes: ``'first\\xa0name'``.
    """
    import difflib  # only where something is wrong
    from unicodedata import normalize

    if not isinstance(word, str) or len(word) > 200:  # no slip of the fingers, and slow to compare
        return ""
    names = [name for name in known if name != word]  # such as a link that leads nowhere
    near = difflib.get_close_matches(word, names, n=n, cutoff=0.6)
    if not near:  # names that differ by letter case or by their parents only
        lower = word.lower()
        near = [k for k in names if k.lower() == lower or k.lower().endswith("." + lower)][:n]
    if not near:
        return ""
    plain = normalize("NFC", word)
    quoted = [f"'{name}'" if name.isprintable() and normalize("NFC", name) != plain else ascii(name) for name in near]
    return " Did you mean " + (quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " or " + quoted[-1]) + "?"
