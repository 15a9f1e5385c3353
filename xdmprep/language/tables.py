"""The parser's tables, worked out beforehand: making them from the grammar takes longer than mapping a small file.

``tables.bin`` holds them: a line that says for which grammar and which version of lark, and what lark saved.  Where
either is another, the tables are made afresh, so that the file can never be wrong, only useless.

After a change of the grammar, write it anew:
``python -c "from xdmprep.language import grammar, tables; tables.save(grammar.GRAMMAR)"``.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import lark

FILE = Path(__file__).with_name("tables.bin")


def header(grammar: str) -> bytes:
    """The first line of the file: what its tables are for."""
    digest = hashlib.sha256(grammar.encode()).hexdigest()
    return f"lark {lark.__version__} grammar {digest}\n".encode()


def made(grammar: str) -> lark.Lark:
    """A parser made from the grammar."""
    return lark.Lark(grammar, parser="lalr", propagate_positions=False, maybe_placeholders=True)


def parser(grammar: str, file: Path = FILE) -> lark.Lark:
    """A parser of the grammar, from the file if it has this grammar's tables."""
    try:
        data = file.read_bytes()
    except OSError:
        return made(grammar)
    mark = header(grammar)
    return lark.Lark.load(io.BytesIO(data[len(mark) :])) if data.startswith(mark) else made(grammar)


def save(grammar: str, file: Path = FILE) -> None:
    """Write the file."""
    out = io.BytesIO()
    made(grammar).save(out)
    file.write_bytes(header(grammar) + out.getvalue())
