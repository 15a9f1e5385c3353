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
from .types import xdm_type

_NODE = ("additionalProperties", "additionalItems", "contains", "not", "items")
_NODES = ("allOf", "anyOf", "oneOf", "items")


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
    """A resolved schema with compatibility names throughout.

    Args:
        resolved: what :class:`~xdmprep.schema.resolve.Resolver` gives; it stays as it is.
    """
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
        for key in _NODE:
            if isinstance(out.get(key), dict):
                out[key] = self.node(out[key])
        for key in _NODES:
            if isinstance(out.get(key), list):
                out[key] = [self.node(part) for part in out[key]]
        if isinstance(out.get("patternProperties"), dict):
            out["patternProperties"] = {name: self.node(part) for name, part in out["patternProperties"].items()}
        if out.get("allOf") == []:
            del out["allOf"]
        return self._with_fields(out, node)

    def _with_fields(self, out: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
        root: dict[str, Any] = {}
        if isinstance(node.get("properties"), dict):
            root["properties"] = {}
            for name, child in node["properties"].items():
                _place(root, compatible_steps(name), name, self.node(child))
        for name in node.get("required", ()):
            _require(root, compatible_steps(name))
        if "minProperties" in out and any(len(compatible_steps(name)) > 1 for name in node.get("properties", ())):
            out["minProperties"] = min(out["minProperties"], 1)
        if any(len(compatible_steps(name)) > 1 for name in node.get("properties", ())):
            out.pop("maxProperties", None)  # fields move into one object, so there are never more than before
        return {**out, **root}


def _place(node: dict[str, Any], steps: tuple[str, ...], name: str, child: Any) -> None:
    """Put `child` below `node` at `steps`, making objects on the way."""
    *up, last = steps
    for step in up:
        properties = node["properties"]
        inner = properties.get(step)
        if not isinstance(inner, dict) or "$ref" in inner:
            inner = {"type": "object", "meta:xdmType": "object", "properties": {}}
            _join(properties, step, inner)
            inner = properties[step]
        else:
            inner = properties[step] = {**inner, "properties": dict(inner.get("properties", {}))}
        node = inner
    if isinstance(child, dict) and "$ref" not in child:
        child = {**child, "meta:xdmType": child.get("meta:xdmType") or xdm_type(child)}
        if child["meta:xdmType"] == "any":
            del child["meta:xdmType"]
        if steps != (name,):
            child["meta:xdmField"] = name
    _join(node["properties"], last, child)


def _join(properties: dict[str, Any], name: str, child: Any) -> None:
    properties[name] = both(properties[name], child) if name in properties else child


def _require(node: dict[str, Any], steps: tuple[str, ...]) -> None:
    first, *rest = steps
    node["required"] = list(dict.fromkeys([*node.get("required", ()), first]))
    if rest:
        inner = node.setdefault("properties", {}).get(first, {"type": "object", "properties": {}})
        if isinstance(inner, dict) and "$ref" not in inner:
            inner = {**inner}
            _require(inner, tuple(rest))
            node["properties"][first] = inner


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
