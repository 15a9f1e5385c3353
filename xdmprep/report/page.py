"""A report as one HTML page that needs nothing else: summary, bars by rule and by path, a table to filter.

Everything is in the page: styles, a few lines of script, and the findings as JSON.  A page with a million rows helps
nobody and opens in no browser, so the table holds the first :data:`ROWS` findings and says so; summary and bars
count all of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from typing import Protocol

import pyarrow as pa


class Group(Protocol):
    """The findings of one rule at one path, as :class:`xdmprep.report.Group` has them."""

    code: str
    severity: str
    path: str
    column: str | None
    message: str
    hint: str
    count: int
    first_row: int
    examples: list[str]
    file: str | None


class Report(Protocol):
    """What a page shows of :class:`xdmprep.report.Report`."""

    name: str
    rows: int
    invalid: int
    found: int
    kept: int
    cap: int | None
    notes: tuple[str, ...]

    @property
    def files(self) -> Sequence[Report]:
        """Where several files were checked, the report of each."""

    @property
    def valid(self) -> bool:
        """Whether no row has an error."""

    @property
    def groups(self) -> Sequence[Group]:
        """The findings grouped by rule and path."""

    def head(self, count: int) -> pa.Table:
        """The first findings."""


#: Findings in the table of a page, and in a notebook's view.
ROWS = 5_000
NOTEBOOK_ROWS = 50

_STYLE = """
.xr{font:14px/1.5 system-ui,sans-serif;color:#222;max-width:1200px}
.xr h1{font-size:1.4em;margin:.2em 0}.xr h2{font-size:1.1em;margin:1.4em 0 .4em}
.xr .tiles{display:flex;gap:1em;flex-wrap:wrap;margin:1em 0}
.xr .tile{border:1px solid #ddd;border-radius:6px;padding:.5em 1em;min-width:7em}
.xr .tile b{display:block;font-size:1.5em}
.xr table{border-collapse:collapse;width:100%}.xr th,.xr td{text-align:left;vertical-align:top;padding:.25em .6em;
border-bottom:1px solid #e4e4e4}.xr th{position:sticky;top:0;background:#f6f6f6}
.xr td.n{text-align:right;font-variant-numeric:tabular-nums}.xr code{font-size:.95em;overflow-wrap:anywhere}
.xr .bar{display:grid;grid-template-columns:minmax(12em,30%) 1fr 6em;gap:.6em;align-items:center}
.xr .bar i{display:block;height:1em;border-radius:2px;background:#b3261e}.xr .bar i.warning{background:#c58a00}
.xr .error{color:#b3261e}.xr .warning{color:#8a6100}.xr .fine{color:#1b7f3b}
.xr input{padding:.4em;width:24em;max-width:100%;margin:.3em 0}
@media (prefers-color-scheme:dark){.xr{color:#ddd}.xr th{background:#2a2a2a}.xr .tile,.xr th,.xr td{border-color:#444}
.xr .error{color:#ff8a80}.xr .warning{color:#ffcc66}.xr .fine{color:#7ad79a}}
"""

_SCRIPT = """
const data=JSON.parse(document.getElementById('findings').textContent),body=document.querySelector('#rows tbody'),
box=document.getElementById('filter'),shown=document.getElementById('shown');
function draw(){const want=box.value.toLowerCase().split(/\\s+/).filter(Boolean);body.replaceChildren();let n=0;
const part=document.createDocumentFragment();
for(const row of data){const text=row.join(' ').toLowerCase();if(!want.every(w=>text.includes(w)))continue;n++;
if(n>1000)continue;const tr=document.createElement('tr');
row.forEach((cell,i)=>{const td=document.createElement('td');td.textContent=cell;if(i===0)td.className='n';
if(i===1)td.className=cell;tr.append(td)});part.append(tr)}
body.append(part);shown.textContent=n+' of '+data.length+(n>1000?', the first 1000 shown':'')}
box.addEventListener('input',draw);draw();
"""


def report_page(report: Report) -> str:
    """The whole page."""
    table = report.head(ROWS)
    columns = ["row", "severity", "code", "path", "column", "value", "message", "hint"]
    columns += ["file"] if report.files else []
    rows = [["" if row[name] is None else row[name] for name in columns] for row in table.to_pylist()]
    data = json.dumps(rows, ensure_ascii=False).replace("<", "\\u003c").replace("\u2028", "").replace("\u2029", "")
    heads = "".join(f"<th>{name}</th>" for name in columns)
    note = ""
    if report.found > len(rows):
        note = f"<p>The table holds the first {len(rows):,} of {report.found:,} findings; all are counted above.</p>"
    findings = (
        f'<h2>Findings</h2>{note}<input id="filter" placeholder="filter: rule, path, value, ..." '
        f'aria-label="filter findings"> <span id="shown"></span><table id="rows"><thead><tr>{heads}</tr></thead>'
        f'<tbody></tbody></table><script id="findings" type="application/json">{data}</script>'
        f"<script>{_SCRIPT}</script>"
        if rows
        else ""
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(report.name)}: validation</title><style>{_STYLE}</style></head>"
        f'<body><div class="xr">{_overview(report)}{_bars(report)}{findings}</div></body></html>\n'
    )


def report_fragment(report: Report) -> str:
    """The report for a notebook: summary, bars, the first findings; no script."""
    table = report.head(NOTEBOOK_ROWS)
    rows = "".join(
        f'<tr><td class="n">{row["row"]}</td><td class="{row["severity"]}">{escape(row["code"])}</td>'
        f"<td><code>{escape(row['path'] or 'record')}</code></td><td>{_text(row['value'])}</td>"
        f"<td>{escape(row['message'])}</td>{_cell(row['file']) if report.files else ''}</tr>"
        for row in table.to_pylist()
    )
    more = f"<p>The first {table.num_rows} of {report.found:,} findings.</p>" if report.found > table.num_rows else ""
    findings = (
        "<details><summary>Findings</summary><table><tr><th>row</th><th>code</th><th>path</th><th>value</th>"
        f"<th>message</th>{'<th>file</th>' if report.files else ''}</tr>{rows}</table>{more}</details>"
        if rows
        else ""
    )
    return f'<style>{_STYLE}</style><div class="xr">{_overview(report)}{_bars(report)}{findings}</div>'


def _overview(report: Report) -> str:
    outcome = '<span class="fine">valid</span>' if report.valid else '<span class="error">not valid</span>'
    tiles = (("rows", report.rows), ("valid", report.rows - report.invalid), ("invalid", report.invalid),
             ("findings", report.found))  # fmt: skip
    shown = "".join(f'<div class="tile"><b>{count:,}</b>{name}</div>' for name, count in tiles)
    capped = (
        f"<p>The report keeps the first {report.kept:,} findings (cap {report.cap:,}); all are counted.</p>"
        if report.cap is not None and report.kept < report.found
        else ""
    )
    capped += "".join(f'<p class="warning">{escape(note)}</p>' for note in report.notes)
    rows = "".join(
        f'<tr><td class="n">{group.count:,}</td><td class="{group.severity}">{escape(group.code)}</td>'
        f"<td><code>{escape(group.path or 'record')}</code></td><td>{_text(group.column)}</td>"
        f"<td>{escape(group.message)}{' <br>' + escape(group.hint) if group.hint else ''}</td>"
        f"<td>{'<br>'.join(_text(value) for value in group.examples)}</td>"
        f'<td class="n">{group.first_row}</td>{_cell(group.file) if report.files else ""}</tr>'
        for group in report.groups
    )
    table = (
        "<h2>Summary</h2><table><tr><th>count</th><th>rule</th><th>path</th><th>column</th><th>what</th>"
        f"<th>such as</th><th>first row</th>{'<th>of file</th>' if report.files else ''}</tr>{rows}</table>"
        if rows
        else ""
    )
    return f'<h1>{escape(report.name)}: {outcome}</h1><div class="tiles">{shown}</div>{capped}{_files(report)}{table}'


def _files(report: Report) -> str:
    """Where several files were checked, a line for each."""
    lines = "".join(
        f"<tr>{_cell(one.name)}"
        + "".join(f'<td class="n">{n:,}</td>' for n in (one.rows, one.invalid, one.found))
        + "</tr>"
        for one in report.files
    )
    heads = "<tr><th>file</th><th>rows</th><th>invalid</th><th>findings</th></tr>"
    return f"<h2>Files</h2><table>{heads}{lines}</table>" if lines else ""


def _cell(text: str | None) -> str:
    return f"<td>{_text(text)}</td>"


def _bars(report: Report) -> str:
    by_rule: dict[tuple[str, str], int] = {}
    by_path: dict[tuple[str, str], int] = {}
    for group in report.groups:
        for counts, name in ((by_rule, group.code), (by_path, group.path or "record")):
            counts[name, group.severity] = counts.get((name, group.severity), 0) + group.count
    return "".join(
        _bar_chart(f"By {name}", counts) for name, counts in (("rule", by_rule), ("path", by_path)) if counts
    )


def _bar_chart(title: str, counts: dict[tuple[str, str], int], limit: int = 20) -> str:
    most = max(counts.values())
    ordered = sorted(counts.items(), key=lambda entry: -entry[1])
    bars = "".join(
        f'<div class="bar"><code>{escape(name)}</code>'
        f'<i class="{severity}" style="width:{max(100 * count / most, 0.5):.1f}%"></i><span>{count:,}</span></div>'
        for (name, severity), count in ordered[:limit]
    )
    more = f"<p>... and {len(ordered) - limit} more</p>" if len(ordered) > limit else ""
    return f"<h2>{title}</h2>{bars}{more}"


def _text(value: str | None) -> str:
    if value is None:
        return ""
    return f"<code>{escape(value if len(value) <= 120 else value[:117] + '...')}</code>"
