"""What mapping, schema and rules make together, for all that writes or hands on records."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import __version__
from ..core.manifest import Manifest
from ..core.stream import Stream
from ..core.typing import RuleSet
from ..mapping import MappingSet, map_stream
from ..read import ExcelOptions, as_records
from ..schema import Schema
from ..validate import Rules, check_stream
from ..write import WriteOptions, Written

SOFTWARE = f"xdmprep {__version__}"


@dataclass(frozen=True, slots=True)
class Assembly:
    """A mapping (None where the rows are records already), a schema and a rule set."""

    schema: Schema
    mapping: MappingSet | None = None
    rules: RuleSet | Rules = "strict"
    strict: bool = False

    def records(self, read: Stream) -> Stream:
        """The rows of a source as records, unchecked; MappingError with all errors of the mapping."""
        if self.mapping is None:
            return as_records(read)
        return map_stream(read, self.mapping, self.schema, strict=self.strict)

    def checked(self, read: Stream) -> Stream:
        """The rows of a source as records with findings; raises as :meth:`records` does, and SchemaError."""
        return check_stream(self.records(read), self.schema, self.rules)

    def key(
        self, write: WriteOptions, source: dict[str, Any], excel: ExcelOptions | None, **more: Any
    ) -> dict[str, Any]:
        """What makes a run this run, for :class:`.OutputFolder`; :func:`xdmprep.mend` reads it back.

        Args:
            write: how it writes.
            source: what tells its source from others.
            excel: what is read of an Excel book.
            **more: what else it depends on.
        """
        return {
            "source": source, "mapping": None if self.mapping is None else self.mapping.to_dict(),
            "schema": self.schema.sha256, "rules": str(self.rules), "strict": self.strict, "format": write.format,
            "maxBytes": write.max_bytes, "maxRows": write.max_rows, "multiline": write.multiline, **more,
            **({} if excel is None else {"excel": [excel.sheet, excel.header_row]}),
        }  # fmt: skip


def write_options(schema: Schema, write: WriteOptions | None = None, **given: Any) -> WriteOptions:
    """The options of writing records of a schema: `write`, or those `given` that are not None."""
    return stamped(write or WriteOptions(**{name: one for name, one in given.items() if one is not None}), schema)


def stamped(options: WriteOptions, schema: Schema, software: str = SOFTWARE) -> WriteOptions:
    """The options of writing with the schema and the software in the metadata of Parquet files."""
    if options.format != "parquet":
        return options
    return replace(options, metadata=(("xdm.schema.id", schema.id), ("writer", software)))


def manifest_of(done: Written, options: WriteOptions, folder: Path, **more: Any) -> Manifest:
    """The manifest of what was written into a folder, not yet saved; `more` are further fields of it."""
    return Manifest(
        options.format, done.files, done.rows, done.written, done.rejected, multiline=options.multiline,
        software=SOFTWARE, folder=folder, **more,
    )  # fmt: skip
