"""A report as one HTML page that needs nothing else: no network, no other file.

The page shows errors before warnings.  Its table holds the findings as columns of distinct texts and draws only the
rows in view, so a hundred thousand of them open at once; it says how many it does not hold.  What the functions here
take is a :class:`xdmprep.report.Report`, which hands itself over.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..core.notebook import escape, grid, tiles, wrap
from ..core.paths import EVERY, Path, format_path, parse_path
from ..errors import ExpressionError, SchemaError, UsageError, counted

if TYPE_CHECKING:
    from ..schema import Schema


#: Findings that a page holds, kinds of findings in its summary, mappings in its picture, findings on paper.
ROWS = 100_000
KINDS = 500
PICTURED = 200
PRINTED = 200
#: Findings in a notebook's view.
NOTEBOOK_ROWS = 50
#: Texts are cut after this many characters in summaries; the table of findings has them whole.
CUT = 120

_COLUMNS = ("row", "severity", "code", "path", "column", "value", "message", "hint")
_CHOICES = (("severity", "severity"), ("code", "rule"), ("path", "field"), ("file", "file"))
#: Above this many different texts a column is not offered as a choice; the text filter finds them.
_MOST_CHOICES = 500
_WIDTHS = {"row": "5rem", "severity": "5rem", "code": "8rem", "column": "7.5rem", "value": "8.5rem"}


def report_page(report: Any) -> str:
    """The whole page."""
    table = report.head(ROWS).sort_by([("severity", "ascending"), ("row", "ascending")])
    named = "file" in table.column_names
    columns = [*_COLUMNS, *(["file"] if named else [])]
    data = {name: _column(table.column(name)) for name in columns}
    groups = report.groups
    choices = [
        (name, label, sorted(data[name]["words"]))
        for name, label in _CHOICES
        if name in data and 1 < len(data[name]["words"]) <= _MOST_CHOICES
    ]
    shown = _template().render(
        report=report,
        headline=report.headline(),
        about=_about(report),
        tiles=_counts(report),
        hidden=report.hides_values,
        files=report.files,
        groups=groups[:KINDS],
        groups_cut=max(len(groups) - KINDS, 0),
        named=named,
        count=table.num_rows,
        columns=columns,
        widths=_WIDTHS,
        choices=choices,
        printed=table.slice(0, PRINTED).to_pylist(),
        fields=_fields(report),
        picture=_picture(report),
        style=_part("page.css"),
        script=_part("page.js"),
        data=_markup(_script_json({"columns": columns, "count": table.num_rows, "data": data})),
    )
    return str(shown)


def report_fragment(report: Any) -> str:
    """The report for a notebook: counts, kinds of findings, the first findings; no script."""
    named = bool(report.files)
    kinds = grid(
        ("count", "rule", "field", "column", "what", "such as", "first row"),
        [
            (
                f"{group.count:,}", (group.code, group.severity), group.path or "record", group.column or "",
                group.message + (f"\nhint: {group.hint}" if group.hint else ""),
                "\n".join(map(_cut, group.examples)), str(group.first_row),
            )
            for group in report.groups[:KINDS]
        ],
    )  # fmt: skip
    of_files = grid(
        ("file", "rows", "invalid", "findings"),
        [(one.name, f"{one.rows:,}", f"{one.invalid:,}", f"{one.found:,}") for one in report.files],
    )
    table = report.head(NOTEBOOK_ROWS)
    first = grid(
        ("row", "rule", "field", "column", "value", "message", *(["file"] if named else [])),
        [
            (
                str(row["row"]), (row["code"], row["severity"]), row["path"] or "record", row["column"] or "",
                _cut(row["value"] or ""), row["message"], *([row["file"] or ""] if named else []),
            )
            for row in table.to_pylist()
        ],
    )  # fmt: skip
    more = f"<p>{table.num_rows} of {report.found:,} findings.</p>" if report.found > table.num_rows else ""
    details = f"<details><summary>Findings</summary>{first}{more}</details>" if table.num_rows else ""
    notes = "".join(f"<p>{escape(note)}</p>" for note in report.notes)
    title = f"{report.name}: {'valid' if report.valid else 'not valid'}"
    return wrap(
        title, f"{tiles(_counts(report))}{notes}{of_files if named else ''}{kinds if report.found else ''}{details}"
    )


def _counts(report: Any) -> list[tuple[str, int]]:
    counts = [("rows", report.rows), ("valid", report.rows - report.invalid), ("invalid", report.invalid)]
    left_out = sum(entry["lost"] for entry in report.values.table(lost_only=True).values())
    return [*counts, *([("values left out", left_out)] if left_out else []), ("findings", report.found)]


def _about(report: Any) -> str:
    """The schema and how long the run took, as far as the report knows."""
    parts = [f"schema {report.schema.name}"] if report.schema is not None else []
    if report.seconds is not None:
        rate = f" ({report.rows / report.seconds:,.0f} rows/s)" if report.seconds > 0 else ""
        parts.append(f"{report.seconds:.2f} s{rate}")
    return ", ".join(parts)


def _column(column: pa.ChunkedArray) -> dict[str, Any]:
    """A column of the page's table: numbers as they are, texts as distinct words and an index a row (-1: none)."""
    if pa.types.is_integer(column.type):
        return {"numbers": column.to_pylist()}
    encoded = column.combine_chunks().dictionary_encode()
    return {"words": encoded.dictionary.to_pylist(), "at": encoded.indices.fill_null(-1).to_pylist()}


def _script_json(value: Any) -> str:
    """JSON that cannot end the script element that holds it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


@dataclass(slots=True)
class _FieldRow:
    """A line of the table of fields; `filled` is the percentage of written records with a value, if known."""

    name: str
    depth: int
    type: str = ""
    filled: float | None = None
    written: int = 0
    lost: int = 0
    errors: int = 0
    warnings: int = 0


def _fields(report: Any) -> list[_FieldRow]:
    """Every field that has values or findings, below the fields that it is in."""
    rows: dict[Path, _FieldRow] = {}

    def row(path: Path) -> _FieldRow:
        found = rows.get(path)
        if found is None:
            if path:
                row(path[:-1])
            kind = ""
            if report.schema is not None and path:
                kind = _type(report.schema, path)
            name = format_path(path[-1:]) if path else "record"
            found = rows[path] = _FieldRow(name, max(len(path) - 1, 0), kind)
        return found

    written_rows = report.rows - report.invalid
    for text, entry in report.values.table().items():
        path = _path(text)
        line = row(path)
        line.written, line.lost = entry["written"], entry["lost"]
        if written_rows and EVERY not in path:
            line.filled = min(100.0 * entry["written"] / written_rows, 100.0)
    for group in report.groups:
        line = row(_path(group.path))
        if group.severity == "error":
            line.errors += group.count
        else:
            line.warnings += group.count
    if not any(path for path in rows):
        return []
    met = {path: number for number, path in enumerate(rows)}  # children after their parents, siblings as they were met
    ordered = sorted(rows, key=lambda path: [met[path[:steps]] for steps in range(len(path) + 1)])
    return [rows[path] for path in ordered if path or rows[path].errors or rows[path].warnings]


def _type(schema: Schema, path: Path) -> str:
    """The type of a field; empty for a path that the schema does not have."""
    try:
        return schema.find(format_path(path)).type or ""
    except (SchemaError, UsageError):
        return ""


def _path(text: str) -> Path:
    try:
        return tuple(EVERY if isinstance(step, int) else step for step in parse_path(text)) if text else ()
    except ExpressionError:
        return (text,)


def _picture(report: Any) -> dict[str, Any] | None:
    """Sources on the left, destinations on the right, a line for each mapping; in red where values were left out."""
    pairs = list(report.mapped)[:PICTURED]
    if not pairs:
        return None
    lost = report.values.table(lost_only=True)
    sources: dict[str, int] = {}
    lines, destinations = [], []
    for number, (source, destination) in enumerate(pairs):
        y = 24 * number + 16
        start = sources.setdefault(source, 24 * len(sources) + 16)
        bad = destination in lost
        lines.append({"from": start, "to": y, "bad": bad})
        share = f": {lost[destination]['lost']:,} of {lost[destination]['read']:,} left out" if bad else ""
        text = _cut(" ".join(destination.split()), 52)
        destinations.append({"y": y, "text": text, "title": destination + share, "bad": bad})
    return {
        "height": 24 * max(len(sources), len(pairs)) + 12,
        "lines": lines,
        "sources": [{"y": y, "text": _cut(" ".join(text.split()), 42), "title": text} for text, y in sources.items()],
        "destinations": destinations,
        "label": f"{counted(len(pairs), 'mapping')} from {len(sources)} sources",
        "cut": len(report.mapped) - len(pairs),
    }


def _cut(text: str, length: int = CUT) -> str:
    return text if len(text) <= length else text[: length - 1] + "\u2026"


@cache
def _part(name: str) -> Any:
    return _markup((files(__package__) / name).read_text(encoding="utf-8"))


def _markup(text: str) -> Any:
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 (our own files, and JSON that holds no "<")


@cache
def _template() -> Any:
    """The page's template; everything that it shows is escaped unless it is marked as markup."""
    from jinja2 import Environment

    environment = Environment(autoescape=True, trim_blocks=True)
    environment.filters["cut"] = _cut
    return environment.from_string((files(__package__) / "page.html").read_text(encoding="utf-8"))
