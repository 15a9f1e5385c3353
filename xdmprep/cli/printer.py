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
import shutil
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
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
    """Print a part of the result for people on standard output; nothing where JSON is wanted."""
    if not _wants_json:
        _write("\n".join(_cut(line) for line in visible(text, keep="\n\t").split("\n")))


def say(text: str) -> None:
    """Print text for people on standard error."""
    _write("\n".join(_cut(line) for line in visible(text, keep="\n\t").split("\n")), to_stderr=True)


def note(text: str) -> None:
    """Print a part of the result for people on standard error; nothing where JSON is wanted."""
    if not _wants_json:
        say(text)


def note_all(lines: list[str]) -> None:
    """Print lines as :func:`note` does: the first ones, and how many more there are."""
    if lines:
        note(bounded([visible(line, keep="\n") for line in lines]))


#: A stretch of a line: a text, or a text and the name of its style.
Piece = str | tuple[str, str]

#: Style -> code of the terminal.
_STYLES = {"error": "1;31", "warning": "33", "hint": "36", "good": "32", "strong": "1", "dim": "2"}


def show_lines(lines: Iterable[Sequence[Piece]], hang: int = 4, to_stderr: bool = False, wrap: bool = True) -> None:
    """Print lines for people in colours, wrapped to the width of the terminal; nothing where JSON is wanted.

    Colours are for terminals alone; ``NO_COLOR`` switches them off and ``FORCE_COLOR`` on.  What goes to a file or a
    pipe is not wrapped, so that it can be searched.

    Args:
        lines: each as its pieces, whose control characters are escaped.
        hang: by how many columns the further lines of a wrapped one are indented.
        to_stderr: print on standard error.
        wrap: False for lines that are copied, such as commands.
    """
    if _wants_json:
        return
    stream: IO[str] | None = sys.stderr if to_stderr else sys.stdout
    in_colour, columns = coloured(stream), width(stream) if wrap else None
    done: list[str] = []
    for line in lines:
        pieces = [(visible(piece), "") if isinstance(piece, str) else (visible(piece[0]), piece[1]) for piece in line]
        if sum(len(text) for text, _ in pieces) > MAX_LINE:
            pieces = [(_cut("".join(text for text, _ in pieces)), "")]
        for row in _wrapped(pieces, columns, hang):
            done.append("".join(_painted(text, style) if in_colour else text for text, style in row))
    if done:
        _write("\n".join(done), to_stderr=to_stderr, color=in_colour)


def coloured(stream: IO[str] | None) -> bool:
    """Whether a stream takes colours: a terminal does, unless the environment says otherwise."""
    if os.environ.get("NO_COLOR"):
        return False
    if force := os.environ.get("FORCE_COLOR"):
        return force != "0"
    return _is_terminal(stream) and os.environ.get("TERM") != "dumb"


def width(stream: IO[str] | None) -> int | None:
    """Columns of the terminal that a stream leads to; None where lines are not wrapped."""
    return max(shutil.get_terminal_size().columns, 40) if _is_terminal(stream) else None


def _is_terminal(stream: IO[str] | None) -> bool:
    with suppress(ValueError, OSError, AttributeError):
        return bool(stream.isatty())  # type: ignore[union-attr]
    return False


def _painted(text: str, style: str) -> str:
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if style and text else text


def _cells(text: str) -> int:
    """Columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def _wrapped(pieces: Sequence[tuple[str, str]], columns: int | None, hang: int) -> list[list[tuple[str, str]]]:
    """The pieces as lines of at most this many columns, broken at blanks; longer words stay whole."""
    if columns is None or sum(_cells(text) for text, _ in pieces) <= columns:
        return [list(pieces)]
    rows: list[list[tuple[str, str]]] = [[]]
    used = 0
    for text, style in pieces:
        for word in re.findall(r" *[^ ]+| +", text):
            size = _cells(word)
            if used + size > columns and used > hang:
                rows.append([(" " * hang, "")])
                word = word.lstrip(" ")
                used, size = hang, _cells(word)
            rows[-1].append((word, style))
            used += size
    return rows


def emit(text: str, end: str = "\n") -> None:
    """Print text for programs on standard output, as it is; nothing where JSON is wanted."""
    if not _wants_json:
        _write(text, end=end)


def event(kind: str, /, **facts: Any) -> None:
    """Print a line of the event stream, where one was requested with ``--json-lines``."""
    if _lines:
        with _LOCK:
            _print({"event": kind, "time": datetime.now(UTC).isoformat(timespec="milliseconds"), **facts})


def finish(code: int) -> None:
    """Print the last line of the event stream: the exit code, and the command's result or why it was refused."""
    if _lines:
        event("finished", exitCode=code, **_last)
        begin()


def warn(text: str) -> None:
    """Say a warning on standard error, if there is one."""
    if text:
        say(f"warning: {text}")


def print_json(data: Any, indent: int | None = None) -> None:
    """Print one JSON object on standard output; in an event stream it becomes part of the last line."""
    global _printed_json
    _printed_json = True
    if _lines:
        _last.update({"error": data["error"]} if data.get("ok") is False and "error" in data else {"result": data})
    else:
        _print(data, indent)


def answer(facts: Callable[[], Any], lines: Iterable[str] = ()) -> None:
    """Print the facts where JSON is wanted, else the lines, which say the same to people."""
    if _wants_json:
        print_json(facts())
    else:
        for line in lines:
            show(line)


def _print(data: Any, indent: int | None = None) -> None:
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "")
    text = json.dumps(data, ensure_ascii=not encoding.startswith("utf"), indent=indent)
    _write(_FOR_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


_wants_json = _printed_json = _lines = False
_command = ""
_last: dict[str, Any] = {}
_LOCK = threading.Lock()


def begin(lines: bool = False, command: str = "", as_json: bool = False) -> None:
    """Forget what an earlier command of this process printed; `lines` asks for events (:func:`event`)."""
    global _printed_json, _lines, _command
    _printed_json, _lines, _command = False, lines, command
    want_json(as_json)
    _last.clear()


def want_json(wanted: bool) -> None:
    """Say whether the result is wanted as JSON; then what is a part of it for people is not printed."""
    global _wants_json
    _wants_json = wanted


#: Words by which a message already says what to do.
_SAID = re.compile(r"\b[Gg]ive\b|\bWrite\b|Did you mean|--\w| faults\n|; \w+ (?:it|its|the)\b")
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
#: The same in the commands that the hints name.
_HINTS_OF_CHECKS = {
    "schema": "Give an XDM schema.",
    "mapping": "Give a mapping set with lines of `destination: source`.",
    "expression": "Correct the expression in the mapping set.",
}


def refuse(code: str, message: str, hint: str, text: str | None = None, **more: Any) -> None:
    """Say why the command ends without a result: on standard error, and where JSON is wanted as an object too.

    An object that was printed already stays the only one.

    Args:
        code: what kind of error it is, stable.
        message: what happened, and where.
        hint: what to do about it; may be empty.
        text: what standard error gets instead of `message` and `hint`.
        more: further keys of the error.
    """
    as_json = _wants_json and not _printed_json
    want_json(False)  # what follows is for people too
    usual = _HINTS.get(code, "")
    if _command and f"`xdmprep {_command}`" in usual:
        usual = _HINTS_OF_CHECKS[code]
    if code == "platform" and more.get("status") == 404:
        usual = "Check the name, --sandbox and the organization."
    if as_json:
        error = {"code": code, "message": message, "hint": hint or usual, **more}
        with suppress(ReaderGoneError, OutputError):
            print_json({"ok": False, "error": error})
    if text is not None:
        say(text)
        return
    if hint.startswith("Did you mean"):
        message, hint = f"{message} {hint}", ""
    elif code in ("source", "schema", "mapping", "expression") and not _SAID.search(message):
        hint = hint or usual
    first, *others = visible(message, keep="\n").split("\n")
    lines: list[Sequence[Piece]] = [[("xdmprep:", "error"), f" {first}"]]
    lines += [[line] for line in others]
    show_lines([*lines, hint_line(hint)] if hint else lines, to_stderr=True)


def hint_line(hint: str) -> list[Piece]:
    """The line that says what to do."""
    return ["    ", ("hint:", "hint"), f" {hint}"]


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


#: What the sentences of a message that say what to do begin with.
_ADVICE_WORDS = """
Add Ask Call Check Choose Close Convert Correct Create Enable Give For Install It~is Leave Load Look Make Mend Move Name
Open Pull Put Read Remove Rename Repeat Run Save Say See Send Set Start There~may~be Try Use Wait Write Did~you~mean
""".split()
_ADVICE = re.compile(rf"(?<=[.!?)]) (?=(?:{'|'.join(_ADVICE_WORDS).replace('~', ' ')})\b)")


def split_hint(text: str) -> tuple[str, str]:
    """What happened, and what to do about it: the closing sentences of a message, if any."""
    if "\n" in text:
        return text, ""
    found = _ADVICE.search(text)
    return (text, "") if found is None else (text[: found.start()], text[found.end() :])


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


def _write(text: str, to_stderr: bool = False, end: str = "\n", color: bool | None = None) -> None:
    stream: IO[str] | None = sys.stderr if to_stderr else sys.stdout
    try:
        click.echo(text + end, nl=False, err=to_stderr, color=color)
    except UnicodeEncodeError as error:
        encoding = getattr(stream, "encoding", None) or "ascii"
        text = (text + end).encode(encoding, "backslashreplace").decode(encoding)
        click.echo(text, nl=False, err=to_stderr, color=color)
        del error
    except OSError as error:
        _abandon(stream)
        if to_stderr:
            return  # nobody listens; what the command does matters more
        if error.errno in (errno.EPIPE, errno.ESHUTDOWN):
            raise ReaderGoneError from None
        raise OutputError(f"standard output: cannot be written: {error.strerror or error}.") from None


def flush() -> None:
    """Hand over what is buffered; raises as printing does."""
    _write("", end="")


def _abandon(stream: IO[str] | None) -> None:
    """Lead what is still written to a stream that failed nowhere."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())  # type: ignore[union-attr]
        os.close(nowhere)
