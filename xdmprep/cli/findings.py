"""How findings look: those of a report, of a schema and of a mapping set, as lines for people and as annotations.

One line a kind of finding (how many, where, what, one example), errors first; a hint stands on a line of its own.
Annotations are the workflow commands that GitHub shows beside the lines of a change.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.remote import is_url, shown
from ..errors import Issue, shorten, visible
from .printer import Piece, emit, hint_line, note, show, show_lines, split_hint

if TYPE_CHECKING:
    from ..core.losses import ValueCounts
    from ..report import Group, Report

#: Where a folder of output says why values were left out.
REASONS = "See issues.csv for the reason."
#: Kinds of findings that are listed; the others are counted.
SHOWN = 40
#: Endings of files whose rows are lines, and the line of their first row.
_FIRST_LINE = {".csv": 2, ".tsv": 2, ".json": 1, ".jsonl": 1, ".ndjson": 1}


@dataclass(frozen=True)
class FindingLine:
    """One kind of finding: what is wrong and where, how often, an example, and where the first one is."""

    severity: str
    message: str
    code: str = ""
    place: str = ""
    hint: str = ""
    count: int | None = None
    example: str | None = None
    row: int | None = None
    file: str | None = None
    line: int | None = None

    @classmethod
    def of_group(cls, group: Group, file: str | None = None) -> FindingLine:
        """A kind of finding of a report about a file."""
        place = (group.path or "record") + (f" (column {group.column})" if group.column else "")
        example = shorten(group.examples[0], 60) if group.examples else None
        return cls(
            group.severity, group.message, group.code, place, group.hint, group.count, example, group.first_row,
            group.file or file,
        )  # fmt: skip

    @classmethod
    def of_issue(cls, issue: Issue, file: str | None = None) -> FindingLine:
        """A finding about a schema."""
        value = None if issue.value is None else shorten(issue.value, 60)
        return cls(
            issue.severity, issue.message, issue.code, issue.path or "schema", issue.hint, example=value, file=file
        )

    @classmethod
    def of_text(cls, text: str, severity: str, file: str | None = None, line: int | None = None) -> FindingLine:
        """A finding that is a message.

        Args:
            text: the message; the sentence that says what to do becomes the hint.
            severity: ``error``, ``warning`` or ``note``.
            file: path of the file that it refers to.
            line: number of the line in it, counted from 1.

        Returns:
            The line to print.
        """
        message, hint = split_hint(text)
        return cls(severity, message, hint=hint, file=file, line=line)

    def lines(self, one_file: bool) -> list[list[Piece]]:
        """The lines for people; the name of the file is left out where all findings are about `one_file`."""
        count = "" if self.count is None else f"{self.count:>9,} "
        place = f"{self.place}: " if self.place else ""
        code = f" {self.code:<18}" if self.code else ""
        tail = f", such as {self.example}" if self.example is not None and self.count is not None else ""
        if self.example is not None and self.count is None:
            tail = f", got {self.example}"
        if self.row is not None:
            tail += f"; first in row {self.row:,}"
        first, *more = self.message.split("\n")
        severity = (f"{self.severity:<7}", self.severity)
        found: list[list[Piece]] = [[f"  {count}", severity, (code, "strong"), f" {place}{first}{tail}"]]
        found += [[f"    {text}"] for text in more]
        if not one_file and self.file:
            found[-1].append(f" of {self.file}")
        return [*found, hint_line(self.hint)] if self.hint else found

    def annotation(self) -> str:
        """The workflow command."""
        line = self.line
        if line is None and self.row is not None and self.file is not None:
            ending = re.search(r"\.[^./\\]*$", self.file.lower())
            first = _FIRST_LINE.get(ending[0]) if ending else None
            line = None if first is None else self.row - 1 + first
        known: dict[str, Any] = {"file": self.file and _relative(self.file), "line": line, "title": self.code or None}
        at = ",".join(f"{key}={_property(str(value))}" for key, value in known.items() if value is not None)
        text = f"{self.place}: {self.message}" if self.place else self.message
        if self.example is not None:
            text += f", {'got' if self.count is None else 'such as'} {self.example}"
        if self.count is not None:
            rows = f"; {self.count:,} finding{'s' * (self.count != 1)}"
            text += rows + (f", the first in row {self.row:,}" if self.row is not None else "")
        text += "" if text.endswith((".", "?", "!")) else "."
        return f"::{self.severity}{' ' if at else ''}{at}::{_data(text + (f' {self.hint}' if self.hint else ''))}"


def _relative(file: str) -> str:
    """The path from the current folder, as the lines of a change are found; others stay as they are."""
    with suppress(ValueError, OSError):
        return Path(file).resolve().relative_to(Path.cwd().resolve()).as_posix()
    return file


def _data(text: str) -> str:
    escaped = visible(text, keep="\n\r").replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return escaped[:4_000]


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def line_of(path: str | Path, message: str) -> int | None:
    """The line of a file that a message is about: the one it names, or the first that holds what it quotes."""
    if found := re.search(r"\bline (\d+)", message):
        return int(found[1])
    words = [message.partition(": ")[0], *re.findall(r"'([^']+)'", message)]
    with suppress(OSError, ValueError):
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
        for word in words:
            for number, line in enumerate(lines, 1):
                if word and word in line:
                    return number
    return None


def show_findings(findings: Sequence[FindingLine], to_stderr: bool = False, one_file: bool = True) -> None:
    """Print the first :data:`SHOWN` findings for people, errors first, with hints; `one_file`: all are about one."""
    ordered = sorted(findings, key=lambda one: one.severity != "error")
    lines = [line for one in ordered[:SHOWN] for line in one.lines(one_file)]
    if len(ordered) > SHOWN:
        lines.append([f"  ... and {len(ordered) - SHOWN} more kinds of findings"])
    show_lines(lines, hang=8, to_stderr=to_stderr)


def _of_report(report: Report, file: str | None = None) -> list[FindingLine]:
    """The notes and the findings of a report about a file."""
    notes = [FindingLine.of_text(text, "warning") for text in report.notes]
    return [*notes, *(FindingLine.of_group(group, file) for group in report.groups)]


def show_report(report: Report) -> None:
    """Print a report for people: the outcome, then its findings."""
    show_lines([[(report.headline(), "" if report.valid else "strong")]])
    several = bool(report.files) or any(group.file for group in report.groups)
    show_findings(_of_report(report), one_file=not several)


def show_losses(excessive: Iterable[str], values: ValueCounts, percent: float, where: str = "") -> None:
    """Print a line for each field that lost more of its values than --max-loss allows.

    Args:
        excessive: the fields.
        values: the counts.
        percent: what --max-loss allows.
        where: a sentence on where the reasons are.
    """
    counts = values.table(lost_only=True)
    for path in excessive:
        entry = counts[path]
        note(
            f"{path or 'record'}: {entry['lost']:,} of {entry['read']:,} values were left out, more than the "
            f"{percent:g} % that --max-loss allows. {where}".rstrip()
        )


def annotate(findings: Iterable[FindingLine], summary: str) -> None:
    """Print findings as annotations, and a summary for people on standard error."""
    for one in sorted(findings, key=lambda one: one.severity != "error"):
        emit(one.annotation())
    note(summary)


def annotate_report(report: Report, file: str | None) -> None:
    """Print a report as annotations of the file that was read."""
    annotate(_of_report(report, file), report.headline())


def show_outcome(result: Any, output_format: str, max_loss: float, file: str | None) -> None:
    """Print what a run wrote and found.

    Args:
        result: a Result or a PatchResult.
        output_format: ``github`` for annotations, else text.
        max_loss: percentage that --max-loss allows.
        file: path of the file that findings refer to; None where there is none.
    """
    if output_format == "github":
        annotate_report(result.report, file)
        note(str(result))
    else:
        show(str(result))
        if result.report.found or result.report.notes:
            show_report(result.report)
    show_losses(result.excessive, result.values, max_loss, REASONS)


def next_command(*words: Any) -> str:
    """A command line ready to paste, from words of which None is left out."""
    return " ".join(shlex.quote(shown(word) if is_url(word) else str(word)) for word in words if word is not None)


def show_next(*words: Any, note: str | None = None) -> None:
    """Print the next command as the last line; a note stands behind it as a comment of the shell."""
    comment = f"  # {note}" if note else ""
    show_lines([[("next:", "good"), f" {next_command('xdmprep', *words)}{comment}"]], wrap=False)
