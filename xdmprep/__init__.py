"""xdmprep: CSV files and DataFrames to validated XDM records, and on to Adobe Experience Platform in batches.

The names below load on first use, so that ``import xdmprep`` costs almost nothing.  The network side is imported by
name: ``from xdmprep.client import Client``, ``from xdmprep.emulator import Emulator``.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .core.manifest import Manifest
    from .core.stream import Stream
    from .errors import DataError, Issue, MappingError, PlatformError, SchemaError, SourceError, XdmPrepError
    from .language import evaluate
    from .mapping import MappingSet
    from .pipeline.checking import validate
    from .pipeline.draft import draft_schema
    from .pipeline.prepare import Result, map_rows, prepare, write_csv, write_json, write_parquet
    from .pipeline.resubmit import mend
    from .pipeline.sampling import sample
    from .pipeline.stage import ArrowStage
    from .pipeline.upsert import diff
    from .read import CsvOptions, ExcelOptions
    from .report import Report
    from .schema import Registry, Schema

__version__ = "0.1.0"

#: public name -> the module it lives in
_HOME = {
    "ArrowStage": "pipeline.stage",
    "CsvOptions": "read",
    "DataError": "errors",
    "ExcelOptions": "read",
    "Issue": "errors",
    "Manifest": "core.manifest",
    "MappingError": "errors",
    "MappingSet": "mapping",
    "PlatformError": "errors",
    "Registry": "schema",
    "Report": "report",
    "Result": "pipeline.prepare",
    "Schema": "schema",
    "SchemaError": "errors",
    "SourceError": "errors",
    "Stream": "core.stream",
    "XdmPrepError": "errors",
    "diff": "pipeline.upsert",
    "draft_schema": "pipeline.draft",
    "evaluate": "language",
    "map_rows": "pipeline.prepare",
    "mend": "pipeline.resubmit",
    "prepare": "pipeline.prepare",
    "sample": "pipeline.sampling",
    "validate": "pipeline.checking",
    "write_csv": "pipeline.prepare",
    "write_json": "pipeline.prepare",
    "write_parquet": "pipeline.prepare",
    "write_patch": "pipeline.upsert",
}

__all__ = [
    "ArrowStage", "CsvOptions", "DataError", "ExcelOptions", "Issue", "Manifest", "MappingError", "MappingSet",
    "PlatformError", "Registry", "Report", "Result", "Schema", "SchemaError", "SourceError", "Stream", "XdmPrepError",
    "diff", "draft_schema", "evaluate", "map_rows", "mend", "prepare", "sample", "validate", "write_csv", "write_json",
    "write_parquet", "write_patch",
]  # fmt: skip


class _Face(ModuleType):
    """This package: a public name stays the function of that name, also when the module of that name is imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"module 'xdmprep' has no attribute {name!r}")
        value = getattr(import_module(f".{_HOME[name]}", __name__), name)
        setattr(self, name, value)
        return value

    def __dir__(self) -> list[str]:
        return [*__all__, "__version__"]


sys.modules[__name__].__class__ = _Face
