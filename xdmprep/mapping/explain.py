"""How each mapping of a set runs: over whole columns, once per distinct value, or row by row; and what a row costs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from ..core.stream import Stream
from ..errors import UsageError
from ..language import Expression
from ..schema import Schema
from .evaluation import Program, SourceRows
from .mapper import source_records
from .plan import Output, make_plan
from .sets import MappingSet
from .sources import CallableSource, ConstantSource, ExpressionSource

Runs = Literal["columns", "distinct", "rows"]
#: Seconds that the measuring of one mapping takes at most, the first run aside.
_PATIENCE = 0.05


@dataclass(frozen=True)
class Explained:
    """How one mapping runs.

    Attributes:
        destination, source: as written in the set.
        runs: ``columns`` (kernels over whole columns), ``distinct`` (a part is evaluated once per distinct value), or
            ``rows`` (a part is evaluated row by row).
        why: the reason in a few words.
        micros: microseconds a row on the rows that were looked at; None where there are none.
    """

    destination: str
    source: str
    runs: Runs
    why: str
    micros: float | None

    def to_dict(self) -> dict[str, Any]:
        """As it is printed with ``--json``."""
        return {
            "destination": self.destination, "source": self.source, "runs": self.runs, "why": self.why,
            "us_per_row": self.micros,
        }  # fmt: skip


def explain_mapping(mapping: MappingSet, stream: Stream, schema: Schema | None, rows: int = 10_000) -> list[Explained]:
    """How each mapping of a set runs on the first rows of a source.

    Args:
        mapping: the set.
        stream: the source.
        schema: the XDM schema; None passes types through.
        rows: how many rows are looked at, at most.

    Returns:
        One entry a mapping, in the order of the set.

    Raises:
        MappingError: with all errors of the set.
        UsageError: `rows` is not positive.
    """
    if rows < 1:
        raise UsageError(f"explain: rows is at least 1, got {rows}.")
    records = _first_rows(stream, rows)
    plan = make_plan(mapping, stream.arrow_schema, schema, records)
    found = []
    for item in mapping.mappings:
        outputs = [output for output in plan.outputs if output.item is item]
        runs, why = how(outputs[0], records) if outputs else ("columns", "other mappings make all of its fields")
        micros = _measured(outputs, records, plan.options) if records.num_rows else None
        found.append(Explained(item.destination, item.text, runs, why, micros))
    return found


def _first_rows(stream: Stream, rows: int) -> pa.RecordBatch:
    """The first rows of a source, as its columns."""
    found: list[pa.RecordBatch] = []
    for chunk in stream.chunks():
        found.append(source_records(chunk, stream.arrow_schema))
        if sum(batch.num_rows for batch in found) >= rows:
            break
    if not found:
        return pa.RecordBatch.from_pylist([], schema=stream.arrow_schema)
    same = [batch for batch in found if batch.schema == found[0].schema]
    whole = same[0] if len(same) == 1 or same[0].num_rows >= rows else pa.concat_batches(same)
    return whole.slice(0, rows)


def how(output: Output, records: pa.RecordBatch) -> tuple[Runs, str]:
    """How an output runs on some records, and why."""
    source = output.source
    if isinstance(source, ExpressionSource):
        return _expression(source.expression, source.usable(records))
    if isinstance(source, ConstantSource):
        return "columns", "a constant"
    if isinstance(source, CallableSource):
        return "columns", "a Python function over whole columns"
    if source.absent:
        return "columns", f"the source has no column {source.absent[0]!r}: null in every row"
    return "columns", "a column"


def _expression(expression: Expression, records: pa.RecordBatch) -> tuple[Runs, str]:
    asked = expression.interpreted(records)
    slow = [name for name, once in asked if not once]
    if slow:
        return "rows", f"{_listed(slow)} evaluated row by row: no kernel takes these arguments"
    if asked:
        return "distinct", f"{_listed([name for name, _ in asked])} evaluated once per distinct value"
    return "columns", "kernels over whole columns"


def _listed(names: list[str]) -> str:
    names = list(dict.fromkeys(names))
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"


def _measured(outputs: list[Output], records: pa.RecordBatch, options: Any) -> float:
    """Microseconds a row, the least of some runs."""
    program = Program([(output.node, output.path) for output in outputs], options)
    rows = SourceRows(records, np.arange(records.num_rows, dtype=np.int64))
    best, left = float("inf"), _PATIENCE
    for _ in range(5):
        start = time.perf_counter()
        program.run(rows)
        spent = time.perf_counter() - start
        best, left = min(best, spent), left - spent
        if left < 0:
            break
    return float(round(best / records.num_rows * 1e6, 3))


def slow_mappings(outputs: list[Output], columns: pa.Schema) -> Iterator[str]:
    """A sentence for each mapping of which a part runs row by row, as far as the types of the columns tell."""
    empty = pa.RecordBatch.from_pylist([], schema=columns)
    seen = set()
    for output in outputs:
        if isinstance(output.source, ExpressionSource) and id(output.item) not in seen:
            seen.add(id(output.item))
            runs, why = how(output, empty)
            if runs == "rows":
                yield f"{output.item}: {why}, which takes longer; 'xdmprep mapping explain' shows how long."
