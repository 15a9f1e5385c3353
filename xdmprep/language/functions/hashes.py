"""Hashes: lower-case hexadecimal digests of the encoded text.

Characters that a charset lacks become question marks, as in Java.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from ..catalogue import Context, function, text
from ..values import Failed, text_of

#: Python's names of the documented charsets; Java's UTF-16 begins with a big-endian byte order mark.
CHARSETS = {
    "utf-8": "utf-8", "utf8": "utf-8", "utf-16": "utf-16-be", "utf-16be": "utf-16-be", "utf-16le": "utf-16-le",
    "iso-8859-1": "latin-1", "us-ascii": "ascii",
}  # fmt: skip


def encoded(value: Any, charset: Any) -> bytes:
    """The bytes of a text."""
    name = "utf-8" if charset is None else text(charset).lower()
    if name not in CHARSETS:
        raise Failed(f"{text_of(charset)!r} is not one of the charsets UTF-8, UTF-16, ISO-8859-1, US-ASCII")
    data = text(value).encode(CHARSETS[name], "replace")
    return b"\xfe\xff" + data if name == "utf-16" else data


def _digest(name: str, example: str) -> None:
    make: Callable[..., Any] = getattr(hashlib, name)

    @function(
        f"{name}(text, [charset])",
        f"The {name.upper()} digest of the text.",
        f'{name}("my text")',
        example,
        category="hash",
        result=pa.string(),
    )
    def run(ctx: Context, value: Any, charset: Any = None) -> str | None:
        return None if value is None else str(make(encoded(value, charset), usedforsecurity=False).hexdigest())


_digest("sha1", "c3599c11e47719df18a2448690840c5dfcce3c80")
_digest("sha256", "7330d2b39ca35eaf4cb95fc846c21ee6a39af698154a83a586ee270a0d372104")
_digest(
    "sha512",
    "a3d7e45a0d9be5fd4e4b9a3b8c9c2163c21ef708bf11b4232bb21d2a8704ada2cdcd7b367dd0788a89a5c908cfe377aceb1072a7b386b7d4fd2ff68a8fd24d16",
)
_digest("md5", "d3b96ce8c9fb4e9bd0198d03ba6852c7")


@function(
    "crc32(text, [charset])",
    "The CRC-32 of the text, its bytes in little-endian order.",
    'crc32("hello")',
    "86a61036",
    category="hash",
    result=pa.string(),
)
def crc32(ctx: Context, value: Any, charset: Any = None) -> str | None:
    return None if value is None else zlib.crc32(encoded(value, charset)).to_bytes(4, "little").hex()
