"""The XDM schema model: fields, types, identities, components, compatibility names."""

from .descriptors import Identity, Relationship
from .field import ANY_KEY, Field
from .model import Schema
from .registry import Registry

__all__ = ["ANY_KEY", "Field", "Identity", "Registry", "Relationship", "Schema"]
