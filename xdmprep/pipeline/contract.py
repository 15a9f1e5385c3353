"""Contracts for source columns, as pandera schemas.

:func:`source_contract` says what an XDM schema means for the columns that a mapping set copies, so that a DataFrame can
be checked in a notebook before anything is mapped.  :func:`contract_stream` runs a pandera schema over the
source's rows on their way to the mapping: rows that break it are set aside with a finding.

A mapped column is checked as the mapping does it: a text that converts to the destination's type is fine.  Columns
that only feed expressions must be there; nothing more is known of them.
"""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ..core.arrow_types import inexact
from ..core.documents import is_file, why_explosive
from ..core.paths import format_path, parse_path
from ..core.stream import Chunk, Finding, Stream
from ..errors import SchemaError, UsageError, did_you_mean, needed_by, printable, shorten
from ..language import Options, coerce
from ..mapping.forms import without_header
from ..schema import Field, Schema
from ..validate.compile import value_tests
from ..validate.identities import identity_tests
from ..validate.messages import Failure
from ..validate.node import NUMBERS, STRING
from ..validate.value_tests import ValueTest

if TYPE_CHECKING:
    from ..mapping import MappingSet

_Series = Any
_SeriesTest = Callable[[_Series], _Series]


def source_contract(mapping: MappingSet, schema: Schema) -> Any:
    """A pandera schema for the source columns that `mapping` reads.

    Args:
        mapping: a :class:`~xdmprep.mapping.MappingSet`.
        schema: the XDM schema.

    Returns:
        A `pandera.DataFrameSchema`; columns it does not name are allowed.  Use ``validate(frame, lazy=True)``.

    Raises:
        SchemaError: a destination is not in the schema.
    """
    pandera = _pandera()
    checks: dict[str, list[Any]] = {}
    needed: set[str] = set()
    for item in mapping.filled().mappings:
        kind, names = without_header(item)
        if kind != "column":
            for name in names:
                checks.setdefault(name, [])
            continue
        field = schema.find(item.destination)
        found = checks.setdefault(item.source, [])
        known = {check.name for check in found}
        found += [
            pandera.Check(test, name=f"{item.destination}: {name}", error=f"{item.destination}: {message}")
            for name, message, test in _tests(item.destination, field, schema)
            if f"{item.destination}: {name}" not in known
        ]
        if _needed(item.destination, field, schema):
            needed.add(item.source)
    columns = {
        name: pandera.Column(None, own, nullable=name not in needed, required=True, title=name)
        for name, own in checks.items()
    }
    return pandera.DataFrameSchema(columns, strict=False, name=f"source columns for {schema.name}")


#: Variables that pandera sets where they are not set.
_OF_PYSPARK = ("PYARROW_IGNORE_TIMEZONE", "SPARK_LOCAL_IP")


@cache
def _pandera() -> Any:
    """pandera's classes for pandas.

    With its first validation it imports PySpark too where that is installed, which may warn; so that happens here.
    It also sets variables for PySpark, one of which makes Arrow drop the zones of Python's times: they are put back.
    """
    before = {name: os.environ.get(name) for name in _OF_PYSPARK}
    try:
        with warnings.catch_warnings(), needed_by("A contract for source columns", "pandera"):
            warnings.simplefilter("ignore")
            import pandas as pd
            import pandera.pandas

            pandera.pandas.DataFrameSchema({}).validate(pd.DataFrame())
            return pandera.pandas
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)


def _needed(destination: str, field: Field, schema: Schema) -> bool:
    """Whether every record must have the field: it and all above it are required, or it is the primary identity."""
    primary = schema.primary_identity
    if primary is not None and format_path(primary.path) == destination:
        return True
    steps = parse_path(destination)
    return all(schema.find(steps[: at + 1]).required for at in range(len(steps)))


def _tests(destination: str, field: Field, schema: Schema) -> Iterator[tuple[str, str, _SeriesTest]]:
    """Rule, message and test of everything the field demands of one value."""
    kind = field.arrow_type
    if not field.declared or pa.types.is_nested(kind):
        return
    if not pa.types.is_string(kind):
        yield "type", f"must convert to the type {field.type}", _judged(kind)
    with suppress(SchemaError):  # a pattern that cannot be read
        for kinds, failure, test in value_tests(field.constraints):
            if kinds is NUMBERS:
                yield failure.code, failure.message, _judged(pa.float64(), test)
            elif pa.types.is_string(kind) or kinds is not STRING:
                yield failure.code, failure.message, _judged(kind, test)
    for failure, test in _identity_tests(destination, field, schema):
        yield failure.code, failure.message, _judged(pa.string(), test)


def _identity_tests(destination: str, field: Field, schema: Schema) -> Sequence[tuple[Failure, ValueTest]]:
    steps = parse_path(destination)
    if steps[0] == "identityMap" and steps[-1] == "id":
        return identity_tests(str(steps[1]))
    found = [identity for identity in schema.identities if identity.path == field.path]
    return identity_tests(found[0].namespace) if found else ()


def _judged(kind: pa.DataType, test: ValueTest | None = None) -> _SeriesTest:
    """Whether each value of a Series converts to an Arrow type, as the mapping converts, or passes a test as such."""

    def of_series(series: _Series) -> _Series:
        import pandas as pd

        values, bad = coerce(_arrow(series), kind, Options())
        failed = bad if test is None else test.positions(values)
        fine = np.ones(len(series), dtype=bool)
        if failed is not None:
            fine[failed] = False
        return pd.Series(fine, index=series.index)

    return of_series


def _arrow(series: _Series) -> pa.Array | list[Any]:
    try:
        array = pa.Array.from_pandas(series)
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # values of unlike types
        return [None if value is None or value != value else value for value in series]
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def load_contract(path: str | os.PathLike[str]) -> Any:
    """A user's own pandera schema, from Python or pandera's YAML; UsageError unless the file has exactly one."""
    pandera = _pandera()
    file = Path(path)
    if not is_file(file):
        raise UsageError(f"{file}: no such file. Give a Python file that defines a pandera schema, or pandera's YAML.")
    if file.suffix.lower() in (".yaml", ".yml"):
        import yaml

        try:
            why = why_explosive(yaml.compose(file.read_text(encoding="utf-8"), yaml.SafeLoader))
            if why is not None:
                raise UsageError(f"{file}: {why}.")
            made = pandera.DataFrameSchema.from_yaml(file)
            if not (made.columns or made.checks or made.index or made.unique):
                raise UsageError(
                    f"{file}: is no pandera schema: it asks nothing of the columns. Does it list `columns`?"
                )
            return made
        except UsageError:
            raise
        except ImportError as error:
            raise UsageError(f"{file}: reading pandera's YAML needs more: {error}.") from None
        except Exception as error:
            raise UsageError(f"{file}: is no pandera schema: {shorten(str(error), 200)}.") from error
    spec = importlib.util.spec_from_file_location("xdmprep_contract", file)
    if spec is None or spec.loader is None:
        raise UsageError(f"{file}: is neither Python nor YAML. Give a Python file that defines a pandera schema.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever the user's file raises
        raise UsageError(f"{file}: cannot be run: {type(error).__name__}: {error}.") from error
    models: list[Any] = [
        value.to_schema()  # type: ignore[attr-defined]
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, pandera.DataFrameModel) and value is not pandera.DataFrameModel
    ]
    found = [value for value in vars(module).values() if isinstance(value, pandera.DataFrameSchema)] + models
    if len(found) != 1:
        raise UsageError(f"{file}: defines {len(found)} pandera schemas, one is needed.")
    return found[0]


def contract_stream(stream: Stream, contract: Any) -> Stream:
    """The stream, where rows that break `contract` carry a finding of the rule ``contract`` (an error).

    The contract sees the source's columns as they were read, a piece at a time: checks of a whole column, such as
    uniqueness, hold within a piece only.

    Args:
        stream: rows of a source, not mapped yet.
        contract: a `pandera.DataFrameSchema` or a `DataFrameModel` class.

    Raises:
        UsageError: it is no pandera schema, or a column that it needs is not in the source.
    """
    schema = contract.to_schema() if hasattr(contract, "to_schema") else contract
    if not hasattr(schema, "columns") or not hasattr(schema, "validate"):
        raise UsageError(f"a contract is a pandera schema, got {type(contract).__name__}.")
    names = stream.arrow_schema.names
    for name, column in schema.columns.items():
        if column.required and not column.regex and name not in names:
            raise UsageError(f"the contract needs the column '{name}'.{did_you_mean(name, names)}")
    return stream.then(partial(_judge, schema=schema))


def _judge(chunk: Chunk, schema: Any) -> Chunk:
    """Validate a chunk's columns; findings name rows, columns and checks."""
    import pandas as pd

    frame = inexact(chunk.records).to_pandas()
    frame.index = pd.RangeIndex(len(chunk))
    try:
        schema.validate(frame, lazy=True)
    except _pandera().errors.SchemaErrors as error:
        return replace(chunk, issues=(*chunk.issues, *_findings(error.failure_cases, chunk, frame)))
    except Exception as error:  # a check that does not fit its column, or of the author's own code
        raise UsageError(f"the contract cannot be checked: {type(error).__name__}: {printable(error)}.") from error
    return chunk


#: What checks of pandera's own say.
_WORDS = {"not_nullable": "must not be null", "field_uniqueness": "must be unique"}


def _findings(cases: Any, chunk: Chunk, frame: Any) -> list[Finding]:
    found: dict[tuple[str, str], dict[int, Any]] = {}
    for case in cases.to_dict("records"):
        column, check, at = case.get("column"), str(case["check"]), case.get("index")
        name = str(column) if isinstance(column, str) else ""
        if at is None or at != at:  # the column as a whole, such as its dtype: every row of the piece
            for position in range(len(chunk)):
                found.setdefault((name, check), {})[position] = case["failure_case"]
        else:
            value = frame[name].iloc[int(at)] if name in frame.columns else case["failure_case"]
            found.setdefault((name, check), {})[int(at)] = value
    made = []
    for (column, check), rows in found.items():
        positions = sorted(rows)
        values = pa.array(
            [None if rows[at] is None or rows[at] != rows[at] else str(rows[at]) for at in positions], pa.string()
        )
        message = f"breaks the contract: {_WORDS.get(check, check if len(check) <= 200 else shorten(check, 200))}"
        made.append(Finding("contract", "", message, chunk.rows[positions], values, column or None))
    return made
