"""One JSON value, read strictly: no key twice, no NaN, no half surrogates, nothing coerced."""

from __future__ import annotations

import json
from typing import Any

from ..errors import shorten


class UnreadableError(ValueError):
    """A text is no JSON object: rule code, message, and the byte where it shows."""

    def __init__(self, code: str, message: str, at: int = 0) -> None:
        self.code, self.message, self.at = code, message, at
        super().__init__(message)


class _DuplicateError(ValueError):
    pass


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) < len(pairs):
        names = [name for name, _ in pairs]
        raise _DuplicateError(next(name for at, name in enumerate(names) if name in names[:at]))
    return out


def refuse_constant(name: str) -> Any:
    """NaN and Infinity are not JSON."""
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=refuse_constant)


def strict_json(line: bytes) -> dict[str, Any]:
    """The JSON object on a line.

    Raises:
        UnreadableError: it is none, has a key twice, NaN or Infinity, or half a surrogate pair.
    """
    try:
        text = line.decode()
        value = _DECODER.decode(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except _DuplicateError as error:
        raise UnreadableError(
            "duplicate-key", f"the key {shorten(str(error), 60)} stands twice in one object"
        ) from None
    except json.JSONDecodeError as error:
        at = len(text[: error.pos].encode())
        raise UnreadableError("unreadable", f"not JSON: {error.msg}", at) from None
    except UnicodeEncodeError:
        raise UnreadableError("unreadable", "half a surrogate pair (\\ud800 to \\udfff) in a text") from None
    except UnicodeDecodeError as error:
        raise UnreadableError("unreadable", f"not UTF-8 ({error.reason})", error.start) from None
    except RecursionError:
        raise UnreadableError("unreadable", "nested too deep") from None
    except ValueError as error:
        raise UnreadableError("unreadable", f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise UnreadableError("unreadable", f"not a JSON object but {shorten(value, 40)}")
    return value
