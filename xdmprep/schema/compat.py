"""Compatibility names: what fields of the open XDM repository are called in Experience Platform data.

``xdm:firstName`` is ``firstName``, ``@id`` is ``_id``, ``repo:createDate`` is ``createDate`` within an object
``_repo``, and ``https://ns.adobe.com/experience/campaign/x`` is ``x`` within ``_experience.campaign`` (Adobe's
"XDM compatibility mode" appendix).  ``required`` moves along, a renamed field remembers its old name in
``meta:xdmField``, and every field gets its ``meta:xdmType``.

Raw XDM is a closed world: it refuses names without a known prefix, by patterns of prefixes.  With the prefixes gone
these rules have nothing to say any more, so they are left out; every other constraint is kept.  A name without a
prefix stays what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from .merge import both
from .scopes import with_subschemas
from .types import xdm_type


def compatible_steps(name: str) -> tuple[str, ...]:
    """The steps that a raw XDM name has in compatibility mode; one step, the name itself, if it has no prefix."""
    if name.startswith("@"):
        return ("_" + name[1:],)
    if name.startswith("xdm:"):
        return (name[4:],)
    if "://" in name:
        first, *rest = urlsplit(name).path.strip("/").split("/")
        return ("_" + first, *rest) if rest else ("_" + first,)
    prefix, colon, rest_of_name = name.partition(":")
    return ("_" + prefix, rest_of_name) if colon and prefix and rest_of_name else (name,)


def compatible(resolved: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a resolved schema with compatibility names throughout."""
    work = _Renaming()
    out: dict[str, Any] = work.node(resolved)
    if "definitions" in resolved:
        out["definitions"] = {name: work.node(node) for name, node in resolved["definitions"].items()}
    return out


class _Renaming:
    def __init__(self) -> None:
        self._done: dict[int, tuple[Any, Any]] = {}  # by identity: parts of a resolved schema are shared

    def node(self, node: Any) -> Any:
        if not isinstance(node, dict):
            return node
        known = self._done.get(id(node))
        if known is None:
            known = self._done[id(node)] = (node, self._renamed(node))
        return known[1]

    def _renamed(self, node: dict[str, Any]) -> dict[str, Any]:
        out = {key: value for key, value in node.items() if key not in ("properties", "required", "definitions")}
        if _speaks_of_prefixes(node):
            out.pop("patternProperties")
            out.pop("additionalProperties", None)
        for key in ("oneOf", "anyOf", "not", "allOf"):
            if key in out and _mentions_prefixes(out[key]):
                if key == "allOf":
                    out[key] = [part for part in out[key] if not _speaks_of_prefixes(part)]
                else:
                    del out[key]
        out = with_subschemas(out, lambda tokens, part: part if tokens[0] == "dependencies" else self.node(part))
        if out.get("allOf") == []:
            del out["allOf"]
        return self._with_fields(out, node)

    def _with_fields(self, out: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
        """`out` with the fields of `node` under their new names."""
        level = _Level()
        for name, child in node.get("properties", {}).items():
            level.put(compatible_steps(name), _named(self.node(child), name))
        for name in node.get("required", ()):
            level.require(compatible_steps(name))
        if level.below and "minProperties" in out:
            out["minProperties"] = min(out["minProperties"], 1)  # several fields may have moved into one object
        others = out.get("additionalProperties", True)
        return {**out, **level.keywords({} if others is True else {"additionalProperties": others})}


class _Level:
    """The fields of one object while they are put together: those with a plain name, and objects made for prefixes."""

    def __init__(self) -> None:
        self.names: dict[str, None] = {}  # in the order of their first appearance
        self.fields: dict[str, Any] = {}
        self.below: dict[str, _Level] = {}
        self.required: dict[str, None] = {}

    def put(self, steps: tuple[str, ...], child: Any) -> None:
        """Add a field at `steps`; two of one name must both hold."""
        first, *rest = steps
        self.names.setdefault(first)
        if rest:
            self.below.setdefault(first, _Level()).put(tuple(rest), child)
        else:
            self.fields[first] = both(self.fields[first], child) if first in self.fields else child

    def require(self, steps: tuple[str, ...]) -> None:
        """Make the field at `steps`, and so the objects around it, required."""
        first, *rest = steps
        self.required.setdefault(first)
        if rest:
            self.names.setdefault(first)
            self.below.setdefault(first, _Level()).require(tuple(rest))

    def keywords(self, others: dict[str, Any]) -> dict[str, Any]:
        """The JSON Schema keywords; `others` is what is said about undeclared fields, at every level."""
        properties: dict[str, Any] = {}
        for name in self.names:
            node = self.fields.get(name, True)
            if name in self.below:
                made = {"type": "object", "meta:xdmType": "object", **self.below[name].keywords(others), **others}
                node = both(node, made) if name in self.fields else made
            properties[name] = node
        out: dict[str, Any] = {}
        if properties:
            out["properties"] = properties
        if self.required:
            out["required"] = list(self.required)
        return out


def _named(child: Any, name: str) -> Any:
    """A renamed field with its type, and its old name if that is another."""
    if not isinstance(child, dict) or "$ref" in child:
        return child
    kind = child.get("meta:xdmType") or xdm_type(child)
    out = child if kind == "any" else {**child, "meta:xdmType": kind}
    return out if compatible_steps(name) == (name,) else {**out, "meta:xdmField": name}


def _speaks_of_prefixes(node: Any) -> bool:
    """Whether the node itself limits names by their prefixes."""
    if not isinstance(node, dict):
        return False
    patterns = node.get("patternProperties")
    return isinstance(patterns, dict) and any(":" in pattern or "@" in pattern for pattern in patterns)


def _mentions_prefixes(node: Any) -> bool:
    if isinstance(node, list):
        return any(_mentions_prefixes(part) for part in node)
    return isinstance(node, dict) and (
        _speaks_of_prefixes(node)
        or any(_mentions_prefixes(node.get(key)) for key in ("oneOf", "anyOf", "allOf", "not"))
    )
