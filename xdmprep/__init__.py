"""xdmprep: CSV files and DataFrames to validated XDM records, and on to Adobe Experience Platform in batches.

The names below load on first use, so that ``import xdmprep`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from . import ports

__version__ = "0.1.0"

_HOME = {
    "Issue": "errors",
    "Manifest": "manifest",
    "Registry": "schema",
    "Schema": "schema",
    "XdmPrepError": "errors",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'xdmprep' has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def _check_record(schema: Any, record: Any, rules: str) -> list[Any]:
    found: list[Any] = import_module(".validate", __name__).check_record(schema, record, rules)
    return found


def _source_contract(mapping: Any, schema: Any) -> Any:
    return import_module(".contract", __name__).source_contract(mapping, schema)


ports.check_record = _check_record
ports.source_contract = _source_contract
