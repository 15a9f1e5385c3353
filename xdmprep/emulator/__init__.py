"""The batch ingestion API on localhost: catalog, lake and profile store, strict as far as the sources say.

What the platform does not document is listed in ``xdmprep/docs/emulator.md``.  The modules of this folder know nothing
of schemas and checks; here the server is given both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..core.batch_check import CheckedChunk
from ..errors import needed_by

with needed_by("The emulator"):
    from .server import EmulatorServer

__all__ = ["Emulator"]


def _check(
    path: Path, format: str, multiline: bool, schema: dict[str, Any], csv_options: dict[str, Any]
) -> Iterator[CheckedChunk]:
    from ..pipeline.ingest import default_check  # numpy and pyarrow, which a server needs from its first batch on

    return default_check()(path, format, multiline, schema, csv_options)


def _resolve(schema: dict[str, Any], documents: Sequence[dict[str, Any]], /) -> dict[str, Any]:
    from ..pipeline.ingest import whole_schema

    return whole_schema(schema, documents)


class Emulator(EmulatorServer):  # noqa: D101 (it takes that of its base)
    __doc__ = EmulatorServer.__doc__

    default_check = staticmethod(_check)
    resolve_schema = staticmethod(_resolve)
