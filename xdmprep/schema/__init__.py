"""The XDM schema model: fields, types, identities, components, compatibility names."""

from .descriptors import Identity, Relationship
from .documents import duplicate_keys
from .field import ANY_KEY, Field
from .model import Schema, SchemaLike, as_schema
from .registry import Registry

__all__ = [
    "ANY_KEY",
    "Field",
    "Identity",
    "Registry",
    "Relationship",
    "Schema",
    "SchemaLike",
    "as_schema",
    "duplicate_keys",
]
