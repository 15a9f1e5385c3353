"""Everything the command prints goes through this module.

Text for people (:func:`show`, :func:`say`) has its control characters escaped, so that a header, a value or a file name
cannot move the cursor, change colours or forge a line's direction; lines and messages that are too long are cut, and
say by how much.  Output for programs (:func:`emit`, :func:`print_json`) is complete; characters that a terminal would
obey are written as JSON escapes.

A reader that has gone (``xdmprep ... | head``) ends the command quietly; any other failure to write is an error.
"""

from __future__ import annotations

import errno
import json
import os
import re
import sys
from contextlib import suppress
from typing import IO, Any

import click

from ..errors import ExpressionError, MappingError, OutputError, XdmPrepError, visible

#: Longest line of text for people, in characters.
MAX_LINE = 1_500
#: Longest error message, in characters; what follows is counted.
MAX_MESSAGE = 12_000

_FOR_JSON = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class ReaderGoneError(Exception):
    """Nobody reads standard output any more."""


def show(text: str) -> None:
    """Print text for people on standard output."""
    _write("\n".join(_cut(line) for line in visible(text, keep="\n\t").split("\n")))


def say(text: str) -> None:
    """Print text for people on standard error."""
    _write("\n".join(_cut(line) for line in visible(text, keep="\n\t").split("\n")), to_stderr=True)


def say_all(lines: list[str]) -> None:
    """Print lines for people on standard error: the first ones, and how many more there are."""
    if lines:
        say(bounded([visible(line, keep="\n") for line in lines]))


def emit(text: str, end: str = "\n") -> None:
    """Print text for programs on standard output, as it is."""
    _write(text, end=end)


def print_json(data: Any, indent: int | None = None) -> None:
    """Print one JSON object on standard output."""
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "")
    text = json.dumps(data, ensure_ascii=not encoding.startswith("utf"), indent=indent)
    global _printed_json
    _printed_json = True
    _write(_FOR_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


_printed_json = False


def begin() -> None:
    """Forget what an earlier command of this process printed."""
    global _printed_json
    _printed_json = False


#: What to do, by kind of error, where the message does not say.
_HINTS = {
    "usage": "See `xdmprep --help`.",
    "source": "Check the file's path and content.",
    "schema": "Run `xdmprep schema check` on the schema.",
    "mapping": "Run `xdmprep mapping check` on the mapping set.",
    "expression": "Run `xdmprep mapping check` on the mapping set.",
    "output": "Check the path and its permissions.",
    "data": "Correct the data that the findings name.",
    "platform": "Run the same command again later.",
    "interrupted": "Run the same command again.",
}


def refuse(code: str, message: str, hint: str, as_json: bool, text: str | None = None, **more: Any) -> None:
    """Say why the command ends without a result: on standard error, and with ``--json`` as an object too.

    Args:
        code: what kind of error it is, stable.
        message: what happened, and where.
        hint: what to do about it; may be empty.
        as_json: whether ``--json`` was given; an object that was printed already stays the only one.
        text: what standard error gets instead of `message` and `hint`.
        more: further keys of the error.
    """
    if as_json and not _printed_json:
        error = {"code": code, "message": message, "hint": hint or _HINTS.get(code, ""), **more}
        with suppress(ReaderGoneError, OutputError):
            print_json({"ok": False, "error": error})
    say(f"xdmprep: {message}" + (f" {hint}" if hint else "") if text is None else text)


def message_of(error: XdmPrepError) -> str:
    """The message of an error for people: its variable parts on one line each, of bounded length."""
    if isinstance(error, ExpressionError):
        return bounded([visible(line) for line in str(error).split("\n")])
    if isinstance(error, MappingError):
        where = f"{visible(error.name)}: " if error.name else ""
        faults = ["\n    ".join(visible(part) for part in fault.split("\n    ")) for fault in error.faults]
        if len(faults) == 1:
            return bounded((where + faults[0]).split("\n"))
        return bounded([f"{where}{len(faults):,} faults", *(f"  - {fault}" for fault in faults)])
    if error.exit_code == 1:  # the summary of a report, line by line
        return bounded(visible(str(error), keep="\n").split("\n"))
    return bounded([visible(str(error))])


def bounded(lines: list[str]) -> str:
    """The lines as one message: long ones are cut, and of too many the first are kept and the others counted."""
    kept: list[str] = []
    size = 0
    for number, line in enumerate(lines):
        line = "\n".join(_cut(part) for part in line.split("\n"))
        size += len(line) + 1
        if kept and size > MAX_MESSAGE:
            kept.append(f"  ... and {len(lines) - number:,} more")
            break
        kept.append(line)
    return "\n".join(kept)


def _cut(line: str) -> str:
    if len(line) <= MAX_LINE:
        return line
    room = MAX_LINE - 40
    head, tail = room * 2 // 3, room // 3
    return f"{line[:head]}[... {len(line) - head - tail:,} characters ...]{line[-tail:]}"


def _write(text: str, to_stderr: bool = False, end: str = "\n") -> None:
    stream: IO[str] | None = sys.stderr if to_stderr else sys.stdout
    try:
        click.echo(text + end, nl=False, err=to_stderr)
    except UnicodeEncodeError as error:
        encoding = getattr(stream, "encoding", None) or "ascii"
        click.echo((text + end).encode(encoding, "backslashreplace").decode(encoding), nl=False, err=to_stderr)
        del error
    except OSError as error:
        _abandon(stream)
        if to_stderr:
            return  # nobody listens; what the command does matters more
        if error.errno in (errno.EPIPE, errno.ESHUTDOWN):
            raise ReaderGoneError from None
        raise OutputError(f"standard output: cannot be written: {error.strerror or error}.") from None


def flush() -> None:
    """Hand over what is buffered.

    Raises:
        ReaderGoneError, OutputError: as for printing.
    """
    _write("", end="")


def _abandon(stream: IO[str] | None) -> None:
    """Lead what is still written to a stream that failed nowhere."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())  # type: ignore[union-attr]
        os.close(nowhere)
