"""What the emulator validates uploaded files with: schema and checks put together as one check.

A file of a batch comes in; good and failed records go out, in order and in bounded memory.  The `batch` rules apply
(what batch ingestion is documented to check) unless others are given; each finding carries the platform's own error
code where one is known.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

from ..core.batch_check import CheckedChunk, FailedRecord, IngestCheck
from ..core.ndjson.blocks import spread
from ..core.rules import RULES
from ..core.shred import json_value, prune, to_pylist
from ..core.stream import Chunk
from ..core.typing import RuleSet
from ..errors import Issue, SourceError
from ..schema import Field, Registry, Schema
from ..schema.documents import looks_like_schema
from ..validate import Rules, check_stream, issue_pointer
from ..validate.opening import open_records

#: Most records in one chunk.  Records become Python values here, so chunks are smaller than elsewhere.
CHUNK_ROWS = 500
#: Text of one chunk.
BLOCK_BYTES = 1 << 19
_T = TypeVar("_T")
_OF_DOCUMENT = ("$id", "version", "title", "description", "imsOrg")


def ingest_check(rules: RuleSet | Rules = "batch") -> IngestCheck:
    """A check for :class:`xdmprep.emulator.Emulator` by a rule set, of schemas that are resolved."""
    chosen, only_parsed = Rules.of(rules), Rules.of("jsonschema")

    @lru_cache(maxsize=64)
    def resolve(text: str) -> Schema:
        return Schema.from_dict(json.loads(text))

    def check(
        path: Path, format: str, multiline: bool, schema: dict[str, Any], csv_options: dict[str, Any]
    ) -> Iterator[CheckedChunk]:
        resolved = resolve(json.dumps(schema, sort_keys=True))
        if format == "csv":
            return _csv(path, resolved, csv_options)
        return _records(path, format, multiline, resolved, chosen if schema else only_parsed)

    return check


@lru_cache(maxsize=1)
def default_check() -> IngestCheck:
    """The check with the `batch` rules, made once."""
    return ingest_check()


def whole_schema(schema: dict[str, Any], documents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A schema as the Schema Registry gives it in full; SchemaError if a component is missing."""
    others = [item for item in documents if item.get("$id") != schema.get("$id") and looks_like_schema(item)]
    found = Schema.from_dict(schema, Registry().add(*others), name=str(schema.get("$id") or "schema"))
    tree = found.json_schema
    if found.namespace:  # the columns of an ad-hoc schema stand under its namespace
        outer = ("$schema", "definitions")
        columns = {key: value for key, value in tree.items() if key not in outer}
        tree = {**{key: tree[key] for key in outer if key in tree}, "type": "object",
                "properties": {found.namespace: columns}}  # fmt: skip
        schema = {**schema, "meta:datasetNamespace": found.namespace}
    kept = {key: value for key, value in schema.items() if key.startswith("meta:") or key in _OF_DOCUMENT}
    supers = {"meta:extends": sorted(found.extends)} if found.extends else {}
    own_class = {"meta:class": found.class_id} if found.class_id else {}
    return {**tree, **kept, **supers, **own_class}


def _records(path: Path, format: str, multiline: bool, schema: Schema, rules: Rules) -> Iterator[CheckedChunk]:
    with path.open("rb") as file:
        head = file.read(4096)
    parquet = head.startswith(b"PAR1")
    if parquet != (format == "parquet"):
        wrong = (
            "is not a Parquet file: the magic number PAR1 is missing" if format == "parquet" else "is Parquet, not JSON"
        )
        raise SourceError(f"{path.name}: {wrong}.")
    is_array = head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")
    if not parquet and (is_array != multiline or spread(head)):
        yield from _misread(path, multiline)
        return
    for chunk in check_stream(open_records(path, BLOCK_BYTES, CHUNK_ROWS), schema, rules):
        yield _checked(chunk, json_text=not parquet)


def _checked(chunk: Chunk, json_text: bool) -> CheckedChunk:
    errors: dict[int, list[dict[str, Any]]] = {}
    for finding in chunk.issues:
        if finding.severity == "error":
            for issue in finding.issues():
                errors.setdefault(issue.row or 0, []).append(violation(issue))
    if json_text:
        texts = [text.rstrip("\r\n") for text in chunk.records.column(0).to_pylist()]
        values: list[Any] = []
    else:
        values = [prune(json_value(value)) for value in to_pylist(chunk.nested())]
        texts = []
    records: list[tuple[int, dict[str, Any]]] = []
    failed = [FailedRecord.corrupt(u.row, u.text.rstrip("\r\n"), u.message) for u in chunk.unread]
    for at, row in enumerate(chunk.rows.tolist()):
        if row in errors:
            raw = texts[at] if json_text else json.dumps(values[at], ensure_ascii=False, default=str)
            failed.append(FailedRecord(row, raw, errors[row]))
        else:
            records.append((row, json.loads(texts[at]) if json_text else values[at]))
    failed.sort(key=lambda record: record.row)
    return CheckedChunk(chunk.consumed, records, failed)


def violation(issue: Issue) -> dict[str, Any]:
    """An issue as the platform writes it into its error files."""
    rule = RULES.get(issue.code)
    pointer = issue.pointer or issue_pointer(issue)
    where = f"#{pointer}" if pointer else "#"
    return {
        "code": (rule.platform if rule else None) or "INGEST-1212-400",
        "message": f"{where}: {issue.message}" + (f", got {issue.value!r}" if issue.value is not None else ""),
        "keyword": issue.code,
        "pointerToViolation": where,
    }


def _misread(path: Path, multiline: bool) -> Iterator[CheckedChunk]:
    """An array or a pretty-printed record read as lines, or lines read as an array: every row is corrupt."""
    what = (
        "an array was announced (isMultiLineJson) and lines came"
        if multiline
        else "lines were announced, and an array or a record over several lines came"
    )
    with path.open("rb") as file:
        lines = enumerate(filter(bytes.strip, iter(partial(file.readline, 1 << 20), b"")), 1)
        for some in _pieces(lines, 1 if multiline else CHUNK_ROWS):
            failed = [FailedRecord.corrupt(row, line.decode(errors="replace").rstrip(), what) for row, line in some]
            yield CheckedChunk(len(failed), [], failed)
            if multiline:
                return


def _pieces(items: Iterator[_T], size: int) -> Iterator[list[_T]]:
    while some := list(islice(items, size)):
        yield some


def _csv(path: Path, schema: Schema, options: Mapping[str, Any]) -> Iterator[CheckedChunk]:
    """CSV of an ad-hoc schema: the header must name columns of the schema; texts become values where they read so."""
    delimiter, quote = str(options.get("delimiter") or ","), str(options.get("quote") or '"')
    null, escape, charset = (options.get(name) for name in ("nullMarker", "escape", "charset"))
    charset = "utf-8-sig" if str(charset or "UTF-8").upper() == "UTF-8" else str(charset)
    with path.open(encoding=charset, errors="replace", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, quotechar=quote, escapechar=None if escape == quote else escape)
        rows: Iterator[list[str]] = filter(None, reader)
        header = next(rows, None)
        if header and str(options.get("header", "true")).lower() == "false":
            rows, header = chain([header], rows), [f"_c{i}" for i in range(len(header))]
        if not header or not any(header):
            raise SourceError(f"{path.name}: the CSV header row is empty.")
        width = len(header)

        def record(cells: list[str]) -> dict[str, Any]:
            pairs = ((name, cell) for name, cell in zip(header, cells, strict=True) if cell not in ("", null))
            return {name: _cell(schema.columns.get(name), cell) for name, cell in pairs}

        for some in _pieces(enumerate(rows, 1), CHUNK_ROWS):
            good = [(row, record(cells)) for row, cells in some if len(cells) == width]
            bad = [
                FailedRecord.corrupt(row, delimiter.join(cells), f"{len(cells)} columns, expected {width}")
                for row, cells in some if len(cells) != width
            ]  # fmt: skip
            yield CheckedChunk(len(some), good, bad)


def _cell(field: Field | None, text: str) -> Any:
    """A cell as a value of its column; text where it does not read so (CSV is ingested without conversion checks)."""
    try:
        if field is not None and field.type in ("int", "long", "short", "byte"):
            return int(text)
        if field is not None and field.type == "number":
            return float(text)
    except ValueError:
        return text
    if field is not None and field.type == "boolean" and text in ("true", "false"):
        return text == "true"
    return text
