"""OpenLineage: events that say where a run's data came from and went.

A command emits START when it begins and COMPLETE, FAIL or ABORT when it ends.  The events hold names, types and counts,
never a value of the data.  An event that cannot be delivered is a warning; the run goes on.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from .. import __version__
from ..core.remote import is_url, shown
from ..errors import UsageError, XdmPrepError
from .printer import say

#: The option, and OpenLineage's own variables where it is not given.
OPENLINEAGE = click.option(
    "--openlineage", metavar="URL|FILE", envvar="OPENLINEAGE_URL",
    help="Tell the run's inputs, outputs, schemas and row counts as OpenLineage events: to a server, or as lines of a "
    "file.  [env: OPENLINEAGE_URL, OPENLINEAGE_ENDPOINT, OPENLINEAGE_API_KEY, OPENLINEAGE_NAMESPACE]",
)  # fmt: skip
PRODUCER = f"urn:xdmprep:{__version__}"
SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_FACETS = "https://openlineage.io/spec/facets"
#: Seconds that a server has for an event.
PATIENCE = 5.0


def _facet(kind: str, edition: str, /, **content: Any) -> dict[str, Any]:
    url = f"{_FACETS}/{edition}/{kind}.json#/$defs/{kind}"
    return {"_producer": PRODUCER, "_schemaURL": url, **content}


def schema_facet(columns: Any) -> dict[str, Any]:
    """The facet ``schema`` of a dataset with these columns, objects and lists with the fields inside them."""

    def described(column: Any) -> dict[str, Any]:
        import pyarrow as pa

        kind = column.type
        inner = kind.value_type if pa.types.is_list(kind) else kind
        word = "array" if pa.types.is_list(kind) else "struct" if pa.types.is_struct(kind) else str(kind)
        made = {"name": column.name, "type": "map" if pa.types.is_map(kind) else word}
        return made | ({"fields": [described(one) for one in inner]} if pa.types.is_struct(inner) else {})

    return _facet("SchemaDatasetFacet", "1-2-0", fields=[described(column) for column in columns])


def dataset(place: Any) -> dict[str, str]:
    """Namespace and name of a file, folder or URL, by OpenLineage's naming."""
    if isinstance(place, str) and is_url(place):
        parts = urlsplit(place)
        return {"namespace": f"{parts.scheme}://{parts.hostname or ''}", "name": parts.path.lstrip("/") or "/"}
    name = shown(place)
    return {"namespace": "file", "name": name if name == "-" else Path(name).absolute().as_posix()}


@dataclass
class LineageRun:
    """One run of a command: its job, its datasets with their facets, and what takes its events."""

    job: str
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    send: Callable[[dict[str, Any]], None]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def emit(self, kind: str, **facets: Any) -> None:
        """Send an event of a kind (``START``, ``COMPLETE``, ``FAIL``, ``ABORT``) with the facets of the run."""
        language = _facet("ProcessingEngineRunFacet", "1-1-1", name="xdmprep", version=__version__)
        job_type = _facet("JobTypeJobFacet", "2-0-4", processingType="BATCH", integration="XDMPREP", jobType="COMMAND")
        self.send({
            "eventType": kind,
            "eventTime": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "run": {"runId": self.id, "facets": {"processing_engine": language, **facets}},
            "job": {"namespace": os.environ.get("OPENLINEAGE_NAMESPACE") or "default", "name": self.job,
                    "facets": {"jobType": job_type}},
            "inputs": self.inputs, "outputs": self.outputs, "producer": PRODUCER, "schemaURL": SPEC,
        })  # fmt: skip


@contextmanager
def lineage(target: str | None, job: str, inputs: Sequence[Any], out: Any) -> Iterator[LineageRun]:
    """Emit the lineage of a run: where its data comes from and goes.

    Args:
        target: a server's address, or a file that events are appended to, one a line; None emits nothing.
        job: name of the job.
        inputs: paths and URLs of the sources.
        out: the folder that is written.

    Yields:
        The run, while it is open: COMPLETE is emitted at its end, or FAIL after an error.

    Raises:
        UsageError: the target is neither.
    """
    run = LineageRun(job, [dataset(one) for one in inputs], [dataset(out)], _sender(target))
    run.emit("START")
    try:
        yield run
    except KeyboardInterrupt:
        run.emit("ABORT")
        raise
    except BaseException as error:
        kind = error.kind if isinstance(error, XdmPrepError) else type(error).__name__
        error_facet = _facet(
            "ErrorMessageRunFacet", "1-0-1", message=f"{job} failed: {kind}", programmingLanguage="Python"
        )
        run.emit("FAIL", errorMessage=error_facet)
        raise
    run.emit("COMPLETE")


def record_run(run: LineageRun, result: Any, schema: Any, source_columns: Any = None) -> None:
    """Add what a run wrote.

    Args:
        run: the run, before its end.
        result: a Result or a PatchResult.
        schema: its schema, or where that is.
        source_columns: name -> type of the source's columns, where they are known.
    """
    from ..schema import as_schema

    made = [result.manifest] if hasattr(result, "manifest") else result.manifests
    files = [file for manifest in made for file in manifest.files]
    rows = result.rows + result.merged if hasattr(result, "merged") else result.report.rows
    if len(run.inputs) == 1:
        statistics = _facet("InputStatisticsInputDatasetFacet", "1-0-0", rowCount=rows)
        run.inputs[0]["inputFacets"] = {"inputStatistics": statistics}
        if source_columns:
            fields = [{"name": name, "type": kind} for name, kind in source_columns.items()]
            run.inputs[0].setdefault("facets", {})["schema"] = _facet("SchemaDatasetFacet", "1-2-0", fields=fields)
    statistics = _facet(
        "OutputStatisticsOutputDatasetFacet", "1-0-2", rowCount=sum(file.rows for file in files),
        size=sum(file.bytes for file in files), fileCount=len(files),
    )  # fmt: skip
    run.outputs[0]["outputFacets"] = {"outputStatistics": statistics}
    run.outputs[0].setdefault("facets", {})["schema"] = schema_facet(as_schema(schema).arrow_schema)


def _sender(target: str | None) -> Callable[[dict[str, Any]], None]:
    if not target or os.environ.get("OPENLINEAGE_DISABLED", "").lower() == "true":
        return lambda event: None
    if not is_url(target):
        file = Path(target)
        if not file.parent.is_dir() or file.is_dir():
            raise UsageError(f"--openlineage {target}: no such folder. Give a server's address (http://...) or a file.")

        def append(event: dict[str, Any]) -> None:
            try:
                with file.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(event, ensure_ascii=False) + "\n")
            except OSError as error:
                say(f"warning: the OpenLineage event was not written to {file}: {error.strerror}.")

        return append
    if not target.startswith(("http://", "https://")):
        raise UsageError(f"--openlineage {shown(target)}: give an address with http:// or https://, or a file.")
    url = target.rstrip("/") + "/" + os.environ.get("OPENLINEAGE_ENDPOINT", "api/v1/lineage").lstrip("/")

    def post(event: dict[str, Any]) -> None:
        import urllib.error
        import urllib.request  # brings an HTTP client, which runs without events do without

        headers = {"Content-Type": "application/json"}
        if key := os.environ.get("OPENLINEAGE_API_KEY"):
            headers["Authorization"] = f"Bearer {key}"
        request = urllib.request.Request(url, json.dumps(event).encode(), headers, method="POST")  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310 (http or https, see above)
                answer.read()
        except (OSError, ValueError) as error:
            why = f"HTTP {error.code}" if isinstance(error, urllib.error.HTTPError) else type(error).__name__
            say(f"warning: the OpenLineage event did not reach {shown(target)} ({why}).")

    return post
