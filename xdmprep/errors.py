"""The error tree and the single finding.

::

    XdmPrepError
    ├── UsageError              wrong options or arguments                                  exit code 2
    ├── SourceError             an input cannot be read at all                              exit code 2
    ├── SchemaError             a schema file is wrong or incomplete                        exit code 2
    ├── MappingError            a mapping set is wrong; holds every fault found             exit code 2
    │   └── ExpressionError     one expression is wrong, at a position                      exit code 2
    ├── OutputError             a folder or file cannot be written                          exit code 2
    ├── MissingDependencyError  an optional package is not installed                        exit code 2
    ├── DataError               the data has faults and the caller asked to be stopped      exit code 1
    └── PlatformError           the platform could not be reached, or refused               exit code 3

Faults of the author (mapping, schema, options) raise before the first row.  Faults of the data are
rows in a report (:class:`Issue`), never exceptions, unless the caller asks for one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["error", "warning"]


class XdmPrepError(Exception):
    """Base of all errors that xdmprep raises on purpose; `exit_code` is what the command ends with."""

    exit_code = 2


class UsageError(XdmPrepError):
    """Wrong options or arguments."""


class SourceError(XdmPrepError):
    """An input cannot be read at all (missing, empty, wrong encoding, not the format it was said to be)."""


class SchemaError(XdmPrepError):
    """A schema file is wrong or incomplete."""


class MappingError(XdmPrepError):
    """A mapping set is wrong.  `faults` holds one message per fault; all are gathered before this is raised."""

    def __init__(self, faults: str | Sequence[str], name: str | None = None) -> None:
        self.faults: tuple[str, ...] = (faults,) if isinstance(faults, str) else tuple(faults)
        self.name = name
        super().__init__(self.faults, name)

    def __str__(self) -> str:
        where = f"{self.name}: " if self.name else ""
        if len(self.faults) == 1:
            return where + self.faults[0]
        return f"{where}{len(self.faults)} faults\n" + "\n".join(f"  - {fault}" for fault in self.faults)


class ExpressionError(MappingError):
    """One expression is wrong; `position` is the 0-based offset in `expression`, None if the whole is meant."""

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


class MissingDependencyError(XdmPrepError):
    """An optional package is not installed; the message ends with the line that installs it."""

    def __init__(self, what: str, package: str, install: str) -> None:
        self.package = package
        super().__init__(f"{what} needs the package {package!r}, which is not installed. Run: {install}")


class DataError(XdmPrepError):
    """The data has faults and the caller asked to be stopped by them."""

    exit_code = 1


class PlatformError(XdmPrepError):
    """The platform could not be reached, or refused.

    Attributes: `status` the HTTP status or None; `code` the platform's own error code; `request_id`; `batch`; `file`;
    `retryable` whether trying the same again can help.
    """

    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        batch: str | None = None,
        file: str | None = None,
        retryable: bool = False,
    ) -> None:
        self.status, self.code, self.request_id = status, code, request_id
        self.batch, self.file, self.retryable = batch, file, retryable
        super().__init__(message)


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


def shorten(value: Any, limit: int = 80) -> str:
    """`value` as a quoted text of at most `limit` characters, for messages."""
    text = repr(value)
    end = {"{": "}", "[": "]", "(": ")"}.get(text[0], text[0])
    return text if len(text) <= limit else text[: limit - 4] + "..." + end


def did_you_mean(word: str, known: Iterable[str], n: int = 3) -> str:
    """A sentence " Did you mean 'a' or 'b'?" with the nearest of `known`, or an empty text if none is near."""
    import difflib  # only where something is wrong

    names = list(known)
    near = difflib.get_close_matches(word, names, n=n, cutoff=0.6)
    if not near:  # names that differ by letter case or by their parents only
        lower = word.lower()
        near = [k for k in names if k.lower() == lower or k.lower().endswith("." + lower)][:n]
    if not near:
        return ""
    quoted = [f"'{name}'" for name in near]
    return " Did you mean " + (quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " or " + quoted[-1]) + "?"
