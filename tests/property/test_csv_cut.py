"""Record ends found by bits equal those of a plain state machine, on any text."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from xdmprep import kernels

pytestmark = pytest.mark.usefixtures("both_ways")


def last_end(text: bytes, final: bool) -> int:
    """The end of the last whole record, read character by character (RFC 4180)."""
    end, at_begin, quoted, was_quote = 0, True, False, False
    for at, char in enumerate(text.decode("latin-1")):
        if quoted:
            if was_quote and char != '"':
                quoted = was_quote = False  # the quote before closed the value
            else:
                was_quote = char == '"' and not was_quote
                continue
        if at_begin and char == '"':
            quoted, at_begin = True, False
        else:
            at_begin = char in ",\n"
            if char == "\n":
                end = at + 1
    return len(text) if final and (not quoted or was_quote) else end


pieces = st.sampled_from(
    [b'"', b",", b"\n", b"\r\n", b"a", b'"a"', b'"a,b"', b'""', b'"x\ny",', b"abc" * 30, b"\xc3\xa9"]
)


@given(st.lists(pieces, max_size=60).map(b"".join), st.integers(0, 3), st.booleans())
@example(b'"' + b"a" * 62 + b'"\n"b', 0, False)  # a quoted value that ends with a word of 64 bytes
@example(b'"' + b"a" * 63 + b'"\n', 0, False)
@example(b'"a"\n' * 20_000, 0, False)  # more than a slice
def test_the_last_record_end_is_found(text: bytes, start: int, final: bool) -> None:
    """From any offset, in the middle and at the end of a file."""
    padded = b"#" * start + text
    found = kernels.active.last_record_end(padded, start, len(padded), final, ",", '"')
    assert found == start + last_end(text, final)
