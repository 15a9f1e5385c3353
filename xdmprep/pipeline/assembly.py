"""What mapping, schema and rules make together, for all that writes or hands on records."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import __version__
from ..core.manifest import Manifest
from ..core.stream import Stream
from ..core.typing import RuleSet
from ..mapping import MappingLike, MappingSet, as_mapping, map_stream
from ..read import as_records
from ..schema import Schema, SchemaLike, as_schema
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

    @classmethod
    def of(
        cls, schema: SchemaLike, mapping: MappingLike | None = None, rules: RuleSet | Rules = "strict",
        strict: bool = False,
    ) -> Assembly:  # fmt: skip
        """The assembly of what a caller gave.

        Args:
            schema: a Schema or a path.
            mapping: a MappingSet, a dict of destination -> expression, or a path; None where the rows are records.
            rules: the rule set: ``strict``, ``batch`` or ``jsonschema``, or a Rules object.
            strict: whether a row is set aside too where a value did not fit its destination's type.

        Returns:
            The assembly, with both of them loaded.

        Raises:
            SchemaError, MappingError: one of them cannot be read.
        """
        return cls(as_schema(schema), None if mapping is None else as_mapping(mapping), rules, strict)

    def records(self, read: Stream) -> Stream:
        """The rows of a source as records, unchecked; MappingError with all errors of the mapping."""
        if self.mapping is None:
            return as_records(read)
        return map_stream(read, self.mapping, self.schema, strict=self.strict)

    def checked(self, read: Stream) -> Stream:
        """The rows of a source as records with findings; raises as :meth:`records` does, and SchemaError."""
        return check_stream(self.records(read), self.schema, self.rules)

    def key(self, options: WriteOptions, source: dict[str, Any], **more: Any) -> dict[str, Any]:
        """What makes a run this run, for :class:`.OutputFolder`; :func:`xdmprep.mend` reads it back.

        Args:
            options: how it writes.
            source: what tells its source from others.
            **more: what else it depends on.
        """
        return {
            "source": source, "mapping": None if self.mapping is None else self.mapping.to_dict(),
            "schema": self.schema.sha256, "rules": str(self.rules), "strict": self.strict, "format": options.format,
            "maxBytes": options.max_bytes, "maxRows": options.max_rows, "multiline": options.multiline, **more,
        }  # fmt: skip


def write_options(schema: Schema, write: WriteOptions | None = None, **given: Any) -> WriteOptions:
    """The options of writing records of a schema: `write`, or those `given` that are not None."""
    return stamped(write or WriteOptions(**{name: one for name, one in given.items() if one is not None}), schema)


def stamped(options: WriteOptions, schema: Schema, software: str = SOFTWARE) -> WriteOptions:
    """The options of writing with the schema and the software in the metadata of Parquet files."""
    if options.format != "parquet":
        return options
    return replace(options, metadata=(("xdm.schema.id", schema.id), ("writer", software)))


def manifest_of(
    done: Written, options: WriteOptions, folder: Path, source: dict[str, Any], schema: Schema | None, **more: Any
) -> Manifest:
    """The manifest of what was written.

    Args:
        done: the parts and counts.
        options: how they were written.
        folder: where they are.
        source: what describes the source, with its ``name``.
        schema: of the records; None without one.
        **more: further fields of :class:`.Manifest`: `upsert`, `values`, `threshold`.

    Returns:
        The manifest, not yet written.
    """
    return Manifest(
        options.format, done.files, done.rows, done.written, done.rejected, source=source,
        schema={} if schema is None else schema.about, multiline=options.multiline, software=SOFTWARE, folder=folder,
        **more,
    )  # fmt: skip
