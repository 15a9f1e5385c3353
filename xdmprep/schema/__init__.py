"""The XDM schema model: fields, types, identities, components, compatibility names."""

from .descriptors import Identity, Relationship
from .diff import Change, diff
from .documents import duplicate_keys
from .field import ANY_KEY, Field
from .lint import lint
from .model import Schema, SchemaLike, as_schema
from .registry import Registry

__all__ = [
    "ANY_KEY",
    "Change",
    "Field",
    "Identity",
    "Registry",
    "Relationship",
    "Schema",
    "SchemaLike",
    "as_schema",
    "diff",
    "duplicate_keys",
    "lint",
]
