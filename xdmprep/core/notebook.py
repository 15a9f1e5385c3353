"""HTML for notebooks: counts, tables, a title.

A view takes its colours from the notebook around it, light or dark: text and lines inherit, and only the badge of a
severity brings its own background, with white text that is legible on it everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_STYLE = (
    ".xdmprep{color:inherit;background:none;max-width:100%;overflow-x:auto}"
    ".xdmprep table{border-collapse:collapse;margin:.4em 0;color:inherit;background:none}"
    ".xdmprep tr{background:none!important}"
    ".xdmprep th,.xdmprep td{text-align:left!important;vertical-align:top;padding:.2em .7em;color:inherit;"
    "border-bottom:1px solid rgba(128,128,128,.4);white-space:pre-wrap;overflow-wrap:anywhere}"
    ".xdmprep th{overflow-wrap:normal}"
    ".xdmprep td.number{text-align:right!important;font-variant-numeric:tabular-nums}"
    ".xdmprep .tile{display:inline-block;border:1px solid rgba(128,128,128,.5);border-radius:5px;padding:.2em .8em;"
    "margin:.2em .5em .2em 0}.xdmprep .tile b{margin-right:.4em}"
    ".xdmprep .error,.xdmprep .warning{color:#fff;border-radius:4px;padding:0 .4em;white-space:nowrap}"
    ".xdmprep .error{background:#b3261e}.xdmprep .warning{background:#8a5a00}"
)

#: What `html.escape` does, without the table of entities that its module brings.
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})

#: A cell: a text, or a text and the severity that it is marked with.
Cell = str | tuple[str, str]


def wrap(title: str, inner: str) -> str:
    """A view of HTML with its title, escaped here, and style."""
    return f'<style>{_STYLE}</style><div class="xdmprep"><div><strong>{escape(title)}</strong></div>{inner}</div>'


def escape(text: str) -> str:
    """Text as HTML."""
    return text.translate(_ENTITIES)


def lines(text: str) -> str:
    """Text of several lines, each in a block of its own."""
    return "".join(f"<div>{escape(line)}</div>" for line in text.splitlines())


def tiles(counts: Iterable[tuple[str, int]]) -> str:
    """Counts in a row, each with its name."""
    return "".join(f'<span class="tile"><b>{count:,}</b>{escape(name)}</span>' for name, count in counts)


def grid(heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A table; numbers are right-aligned."""
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def facts(title: str, pairs: Iterable[tuple[str, object]]) -> str:
    """A view of names and what they are; pairs without a value are left out."""
    shown = [
        (name, f"{value:,}" if type(value) is int else str(value)) for name, value in pairs if value not in (None, "")
    ]
    body = "".join(f"<tr><th>{escape(name)}</th>{_cell(value)}</tr>" for name, value in shown)
    return wrap(title, f"<table><tbody>{body}</tbody></table>")


def _cell(cell: Cell) -> str:
    if isinstance(cell, tuple):
        return f'<td><span class="{escape(cell[1])}">{escape(cell[0])}</span></td>'
    number = cell.replace(",", "").replace(".", "", 1).isdigit()
    return f"<td{' class=' + chr(34) + 'number' + chr(34) if number else ''}>{escape(cell)}</td>"
