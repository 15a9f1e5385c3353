"""What one record of JSON means, exactly.  Every faster way of reading must agree with this module.

A record is one JSON object as RFC 8259 has it, in UTF-8, and

* no object has a key twice (also if one of them is escaped);
* no text holds a lone surrogate, raw or escaped, nor an unescaped control character;
* objects and arrays are nested at most :data:`MAX_DEPTH` levels deep, the record itself included;
* no number is beyond what a double can hold (``1e400``) or longer than :data:`MAX_DIGITS` digits as an integer; ``NaN``
  and ``Infinity`` are no JSON.

Numbers keep their kind: one without point and exponent is an integer of any size (Python's int), others are doubles.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ...errors import shorten

#: Levels of objects and arrays, the record included.
MAX_DEPTH = 128
#: Significant digits that identify a double, and as many as every double holds.
DOUBLE_DIGITS, SURE_DIGITS = 17, 15
#: Digits of an integer; with as many it is surely within the range of doubles.
MAX_DIGITS = 308


class UnreadableError(ValueError):
    """A text is no record: rule code, message, and the byte where it shows."""

    def __init__(self, code: str, message: str, at: int = 0) -> None:
        self.code, self.message, self.at = code, message, at
        super().__init__(message)


class WrittenNumber(float):
    """A double, with the digits that it has in the file, which are not its own."""

    text: str


def strict_json(line: bytes, written: bool = False) -> dict[str, Any]:
    """The JSON object on a line, or of an element of an array.

    Args:
        line: its text.
        written: numbers with digits that no double has are :class:`WrittenNumber`.

    Raises:
        UnreadableError: it is none.
    """
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise _fault(f"the line is not UTF-8 ({error.reason})", error.start) from None
    if line.count(b"{") + line.count(b"[") > MAX_DEPTH:
        deep = _too_deep(line)
        if deep is not None:
            raise _fault(f"nested too deep: more than {MAX_DEPTH} levels of objects and arrays", deep)
    many = len(line) > MAX_DIGITS and MANY_DIGITS.search(line) is not None
    decoder = _DECODERS[many, written]
    try:
        value = decoder.decode(text)
        if _SURROGATE.search(line):
            json.dumps(value, ensure_ascii=False).encode()
    except _DuplicateError as error:
        raise UnreadableError(
            "duplicate-key", f"the key {shorten(str(error), 60)} occurs twice in one object"
        ) from None
    except json.JSONDecodeError as error:
        if text.startswith("\ufeff"):
            raise _fault("a byte order mark before the record, as in files joined to one", 0) from None
        raise _fault(f"not JSON: {error.msg.removesuffix(' at')}", len(text[: error.pos].encode())) from None
    except UnicodeEncodeError:
        raise _fault("half a surrogate pair (\\ud800 to \\udfff) in a string") from None
    except ValueError as error:
        raise _fault(f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise _fault(f"not a JSON object but {shorten(json.dumps(value, ensure_ascii=False), 40)}")
    return value


def _fault(message: str, at: int = 0) -> UnreadableError:
    return UnreadableError("unreadable", message, at)


class _DuplicateError(ValueError):
    pass


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _DuplicateError(name)
            seen.add(name)
    return out


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _double(text: str) -> float:
    value = float(text)
    if value - value != 0:
        raise ValueError(f"the number {shorten(text, 40)} is too large: doubles end at 1.8e308")
    return value


def _written(text: str) -> float:
    value = _double(text)
    if not holds_digits(value, text):
        value = WrittenNumber(value)
        value.text = text
    return value


def holds_digits(value: float, text: str) -> bool:
    """Whether a double, printed with as many digits, is the number of a text, to which it is the nearest one."""
    if len(text) <= SURE_DIGITS:
        return True
    digits = significant(text)
    if digits <= SURE_DIGITS or not math.isfinite(value):
        return True
    return digits <= DOUBLE_DIGITS and Decimal(f"{value:.{digits - 1}e}") == Decimal(text)


def significant(text: str) -> int:
    """How many digits of a number count: without zeros at its begin, and without the exponent."""
    digits = text.lower().partition("e")[0].lstrip("-").replace(".", "")
    return len(digits.lstrip("0"))


def _integer(text: str) -> int:
    digits = len(text) - text.startswith("-")
    if digits > MAX_DIGITS:
        raise ValueError(f"an integer of {digits:,} digits: at most {MAX_DIGITS:,} are read")
    return int(text)


def _decoder(parse_int: Callable[[str], int] | None, parse_float: Callable[[str], float]) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=_pairs, parse_constant=_refuse_constant, parse_float=parse_float, parse_int=parse_int
    )


#: (integers may be too long, doubles keep what is written) -> how to decode.
_DECODERS = {
    (many, written): _decoder(_integer if many else None, _written if written else _double)
    for many in (False, True)
    for written in (False, True)
}
#: Where an integer may have more digits.
MANY_DIGITS = re.compile(rb"[0-9]{%d}" % MAX_DIGITS)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


def _too_deep(line: bytes) -> int | None:
    """Where the nesting goes deeper than allowed; None if it does not."""
    depth = 0
    for match in _STRUCTURE.finditer(line):
        first = match[0][:1]
        if first in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                return match.start()
        elif first in b"]}":
            depth -= 1
    return None
