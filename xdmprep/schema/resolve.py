"""From a schema and its components to one self-contained tree.

References are followed by ``$id`` and pointer and replaced by what they mean, ``allOf`` is merged where that is exact
(:mod:`.merge`), and definitions that refer back to themselves stay references, gathered under ``definitions``.  The
result accepts exactly what the original accepts under JSON Schema draft-06 (the dialect of XDM), where the neighbours
of a ``$ref`` do not constrain; titles, descriptions and ``meta:`` keywords beside a reference are kept, as the Schema
Registry keeps them.  Parts that occur many times are one and the same object in the tree: never change it in place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol
from urllib.parse import unquote

from ..errors import SchemaError
from .documents import Document
from .merge import ASSERTIONS, both, merge
from .shapes import check_shape

#: Deeper schemas are refused; the deepest of the open repository has about 30 levels.
MAX_DEPTH = 150

DRAFT_06 = "http://json-schema.org/draft-06/schema#"

_NODE = ("additionalProperties", "additionalItems", "contains", "not", "propertyNames")
_NODES = ("allOf", "anyOf", "oneOf")
_NAMED = ("properties", "patternProperties")

#: Keywords that say where a schema is and what it keeps aside; the resolved tree is one document.
_OF_PLACE = ("$id", "$schema", "definitions")

#: Keywords that describe a whole document and mean nothing on a field.
_OF_DOCUMENT = frozenset(
    {
        "version", "imsOrg", "meta:license", "meta:extensible", "meta:abstract",
        "meta:extends", "meta:intendedToExtend", "meta:createdDate", "meta:auditable", "meta:altId", "meta:class",
        "meta:resourceType", "meta:containerId", "meta:tenantNamespace", "meta:sandboxId", "meta:sandboxType",
        "meta:registryMetadata", "meta:globalLibVersion", "meta:tags", "meta:usageCount", "meta:immutableTags",
        "meta:descriptors",
    }
)  # fmt: skip


class Lookup(Protocol):
    """Where components are found by ``$id`` or ``meta:altId``."""

    def document(self, id: str) -> Document | None:
        """The component with this id, or None."""
        ...


class Resolver:
    """Resolves one schema.

    Attributes:
        used: the components that were drawn in, by ``$id``.
        endless: whether the schema as a whole is part of itself.
    """

    def __init__(self, lookup: Lookup) -> None:
        self.used: dict[str, Document] = {}
        self.endless = False
        self._lookup = lookup
        self._done: dict[tuple[str, str], Any] = {}
        self._open: list[tuple[str, str]] = []
        self._names: dict[tuple[str, str], str] = {}
        self._missing: dict[str, str] = {}
        self._main = Document({}, "")
        self._root = ("", "")
        self._depth = 0

    def resolve(self, document: Document) -> dict[str, Any]:
        """The whole of `document` as one self-contained draft-06 schema.

        Raises:
            SchemaError: a component is missing, or a reference leads nowhere.
        """
        self._main, self._root = document, (document.id or document.name, "")
        self._open.append(self._root)
        root = self._node(document.content, document, "")
        self._open.pop()
        if self._missing:
            raise SchemaError(self._missing_message(document))
        if isinstance(root, bool):
            root = {} if root else {"not": {}}
        definitions = {name: self._done[key] for key, name in self._names.items() if key != self._root}
        _check_progress({**definitions, "#": root}, document.name)
        return {"$schema": DRAFT_06, **root, **({"definitions": definitions} if definitions else {})}

    def _missing_message(self, document: Document) -> str:
        lines = [f"'{id}', referenced from {where}" for id, where in list(self._missing.items())[:10]]
        if len(self._missing) > 10:
            lines.append(f"and {len(self._missing) - 10} more")
        what = "a component is" if len(self._missing) == 1 else f"{len(self._missing)} components are"
        listed = lines[0] if len(lines) == 1 else "\n  - " + "\n  - ".join(lines)
        return (
            f"{document.name}: {what} missing: {listed}\n"
            "Put the files of the components beside the schema, in a folder `components` there, or give a Registry."
        )

    def _node(self, node: Any, document: Document, pointer: str) -> Any:
        if not isinstance(node, dict):
            if isinstance(node, bool):
                return node
            raise SchemaError(
                f"{document.name}: expected a schema (an object) at {pointer or '/'}, got {type(node).__name__}."
            )
        if isinstance(node.get("$ref"), str):
            return self._reference(node, document, pointer)
        check_shape(node, document.name, pointer)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise SchemaError(f"{document.name}: nested deeper than {MAX_DEPTH} levels at {pointer}.")
        try:
            return self._resolved(node, document, pointer)
        finally:
            self._depth -= 1

    def _resolved(self, node: dict[str, Any], document: Document, pointer: str) -> Any:
        if any(key in node for key in _OF_PLACE):  # an inner $id would be the base of local references
            node = {key: value for key, value in node.items() if key not in _OF_PLACE}
        changed: dict[str, Any] = {}
        for key in _NAMED:
            if isinstance(node.get(key), dict):
                parts = {
                    name: self._node(child, document, f"{pointer}/{key}/{name}") for name, child in node[key].items()
                }
                if any(parts[name] is not child for name, child in node[key].items()):
                    changed[key] = parts
        for key in _NODES:
            if isinstance(node.get(key), list):
                listed = [self._node(part, document, f"{pointer}/{key}/{i}") for i, part in enumerate(node[key])]
                if any(new is not old for new, old in zip(listed, node[key], strict=True)):
                    changed[key] = listed
        for key in _NODE:
            if isinstance(node.get(key), dict):
                part = self._node(node[key], document, f"{pointer}/{key}")
                if part is not node[key]:
                    changed[key] = part
        self._items_and_dependencies(node, document, pointer, changed)
        if "additionalItems" in node and not isinstance(node.get("items"), list):  # means nothing there
            node = {key: value for key, value in node.items() if key != "additionalItems"}
            changed.pop("additionalItems", None)
        if "allOf" in node:
            return self._all_of({**node, **changed})
        return {**node, **changed} if changed else node

    def _items_and_dependencies(
        self, node: dict[str, Any], document: Document, pointer: str, changed: dict[str, Any]
    ) -> None:
        items = node.get("items")
        if isinstance(items, dict):
            part = self._node(items, document, f"{pointer}/items")
            if part is not items:
                changed["items"] = part
        elif isinstance(items, list):
            changed["items"] = [self._node(item, document, f"{pointer}/items/{i}") for i, item in enumerate(items)]
        needs = node.get("dependencies")
        if isinstance(needs, dict):
            changed["dependencies"] = {
                name: need if isinstance(need, list) else self._node(need, document, f"{pointer}/dependencies/{name}")
                for name, need in needs.items()
            }

    def _all_of(self, node: dict[str, Any]) -> Any:
        out: Any = {key: value for key, value in node.items() if key != "allOf"}
        left = []
        for part in node["allOf"]:
            merged = merge(out, part)
            if merged is None:
                left.append(part)
            else:
                out = merged
        if left and isinstance(out, dict):
            out = {**out, "allOf": [*out.get("allOf", []), *left]}
        return out

    def _reference(self, node: dict[str, Any], document: Document, pointer: str) -> Any:
        ref: str = node["$ref"]
        base, _, fragment = ref.partition("#")
        fragment = unquote(fragment)
        notes = {
            key: value
            for key, value in node.items()
            if key in ("title", "description", "default", "examples")
            or (key.startswith("meta:") and key != "meta:xdmType")
        }
        target = document
        if base and base not in (document.id, document.alternative):
            if base in (self._main.id, self._main.alternative):
                found: Document | None = self._main
            else:
                found = self._lookup.document(base)
            if found is None:
                self._missing.setdefault(base, f"{document.name} at {pointer or '/'}")
                return notes
            target = found
            if found is not self._main:
                self.used[found.id or base] = found
        whole = not fragment.strip("/")
        key = (target.id or target.name, "" if whole else fragment)
        if key in self._open:
            return {**notes, "$ref": self._local(key)}
        if key not in self._done:
            self._open.append(key)
            found_node = _at(target, fragment, ref, document, pointer)
            self._done[key] = self._node(found_node, target, fragment)
            self._open.pop()
        result = self._done[key]
        if isinstance(result, bool):
            return result
        if "$ref" in result:
            return {**result, **notes}
        if whole:
            result = {name: value for name, value in result.items() if name not in _OF_DOCUMENT}
            if target is not document:
                notes.setdefault("meta:referencedFrom", target.id or base)
        return {**result, **notes} if notes else result

    def _local(self, key: tuple[str, str]) -> str:
        if key == self._root:
            self.endless = True
            return "#"
        if key not in self._names:
            stem = (key[1].rstrip("/").rpartition("/")[2] or key[0].rstrip("/").rpartition("/")[2]) or "part"
            stem = "".join(c if c.isalnum() or c in "-_." else "_" for c in stem)
            name, n = stem, 1
            while name in self._names.values():
                n += 1
                name = f"{stem}{n}"
            self._names[key] = name
        return f"#/definitions/{self._names[key]}"


def _at(target: Document, fragment: str, ref: str, document: Document, pointer: str) -> Any:
    """The node of `target` that the pointer `fragment` names."""
    node: Any = target.content
    where = f"{document.name} at {pointer or '/'}"
    if fragment and not fragment.startswith("/"):
        raise SchemaError(f"{where}: the reference {ref!r} is not a JSON pointer. XDM refers by '#/definitions/...'.")
    for token in fragment.split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")
        if isinstance(node, list) and token.isdigit() and int(token) < len(node):
            node = node[int(token)]
        elif isinstance(node, dict) and token in node:
            node = node[token]
        elif token:
            raise SchemaError(f"{where}: the reference {ref!r} leads nowhere: {target.name} has no {fragment!r}.")
    return node


def _check_progress(definitions: Mapping[str, Any], name: str) -> None:
    """See that no definition applies itself to the same value, for then checking a value would never end."""
    uses = {key: set(_in_place(node)) for key, node in definitions.items()}
    while uses:
        free = [key for key, used in uses.items() if not used & uses.keys()]
        if not free:
            raise SchemaError(
                f"{name}: the definition '{next(iter(uses))}' contains itself for the same value (by '$ref', 'allOf', "
                "'anyOf', 'oneOf' or 'not'), so checking a record would never end. Refer to it from a field instead."
            )
        for key in free:
            del uses[key]


def _in_place(node: Any) -> Iterator[str]:
    """Names of the definitions that a node applies to its own value."""
    if not isinstance(node, Mapping):
        return
    if isinstance(node.get("$ref"), str):
        yield _definition(node["$ref"])
        return
    needs = node.get("dependencies", {}).values()
    for part in [*(part for key in _NODES for part in node.get(key, ())), node.get("not"), *needs]:
        yield from _in_place(part)


def _definition(ref: str) -> str:
    return ref.removeprefix("#/definitions/")


def follow(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> tuple[Mapping[str, Any], str | None]:
    """A resolved node with its local reference followed.

    Args:
        definitions: what local references mean, by name; the root of the schema is named ``#``.

    Returns:
        The node, and the name of the definition it came from, None if it is no reference.
    """
    name = None
    while isinstance(node.get("$ref"), str):
        name = _definition(node["$ref"])
        notes = {key: value for key, value in node.items() if key not in ASSERTIONS}
        node = {**keywords(definitions[name]), **notes}
    return node, name


def declared(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """`node` with what remains of its ``allOf`` joined as far as it declares fields and types (not as constraints).

    Returns:
        The node, and the names of the definitions it was joined from.
    """
    if "allOf" not in node:
        return node, ()
    out = dict(node)
    names: list[str] = []
    for part in node["allOf"]:
        if not isinstance(part, Mapping):
            continue
        part, name = follow(part, definitions)
        part, deeper = declared(part, definitions)
        names += [*([] if name is None else [name]), *deeper]
        if "properties" in part:
            joined = dict(out.get("properties", {}))
            for field, child in part["properties"].items():
                joined[field] = both(joined[field], child) if field in joined else child
            out["properties"] = joined
        if "required" in part:
            out["required"] = list(dict.fromkeys([*out.get("required", []), *part["required"]]))
        for key in ("items", "type", "meta:xdmType", "format", "minimum", "maximum"):
            if key in part:
                out.setdefault(key, part[key])
        if isinstance(part.get("additionalProperties"), dict):
            out.setdefault("additionalProperties", part["additionalProperties"])
    return out, tuple(names)


def keywords(node: Any) -> Mapping[str, Any]:
    """A schema that is True or False as keywords that mean the same."""
    if isinstance(node, Mapping):
        return node
    return {} if node else {"not": {}}
