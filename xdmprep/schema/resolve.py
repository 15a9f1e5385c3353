"""From a schema and its components to one self-contained tree.

References are followed by ``$id`` and pointer and replaced by what they mean, ``allOf`` is merged where that is exact
(:mod:`.merge`), and definitions that refer back to themselves stay references, collected under ``definitions``.  The
result accepts exactly what the original accepts under JSON Schema draft-06 (the dialect of XDM), or under draft-07
where ``$schema`` says so: ``if``, ``then`` and ``else`` are said in keywords of draft-06.  The neighbours of a ``$ref``
do not constrain; titles, descriptions and ``meta:`` keywords beside a reference are kept, as the Schema
Registry keeps them.  Parts that occur many times are one and the same object in the tree: never change it in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Protocol
from urllib.parse import unquote

from ..core.paths import json_pointer, pointer_steps
from ..errors import SchemaError, shorten
from .documents import Document
from .merge import ASSERTIONS, both, merge
from .scopes import CONDITIONAL, LISTED, join, with_subschemas
from .shapes import check_shape

#: Deeper schemas are refused; the deepest of the open repository has about 30 levels.
MAX_DEPTH = 100
#: Schemas with more objects and lists than this, references followed, are refused.
MAX_SIZE = 2_000_000

DRAFT_06 = "http://json-schema.org/draft-06/schema#"

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
    """Resolves one schema; `used` are the components drawn in, `endless` whether it is part of itself."""

    def __init__(self, lookup: Callable[[str], Document | None]) -> None:
        self.used: dict[str, Document] = {}
        self.endless = False
        self._lookup = lookup
        self._done: dict[tuple[str, str], Any] = {}
        self._open: list[tuple[str, str]] = []
        self._names: dict[tuple[str, str], str] = {}
        self._missing: dict[str, str] = {}
        self._sizes: dict[int, tuple[int, Any]] = {}
        self._main = Document({}, "")
        self._root = ("", "")
        self._depth = 0

    def resolve(self, document: Document) -> dict[str, Any]:
        """The whole of `document` as one self-contained draft-06 schema; SchemaError if a part is missing."""
        self._main, self._root = document, (document.id or document.name, "")
        self._open.append(self._root)
        root = self._node(document.content, document, "")
        self._bounded(root, document.name)
        self._open.pop()
        if self._missing:
            raise SchemaError(self._missing_message(document))
        root = dict(keywords(root))
        definitions = {name: self._done[key] for key, name in self._names.items() if key != self._root}
        _check_progress({**definitions, "#": root}, document.name)
        return {"$schema": DRAFT_06, **root, **({"definitions": definitions} if definitions else {})}

    def _missing_message(self, document: Document) -> str:
        lines = [f"'{id}', referenced from {where}" for id, where in list(self._missing.items())[:10]]
        if len(self._missing) > 10:
            lines.append(f"and {len(self._missing) - 10} more")
        what = "a component is" if len(self._missing) == 1 else f"{len(self._missing)} components are"
        listed = "; ".join(lines)
        return (
            f"{document.name}: {what} missing: {listed}. "
            "Put the files of the components beside the schema, in a folder `components` there, or give a Registry."
        )

    def _node(self, node: Any, document: Document, pointer: str) -> Any:
        if not isinstance(node, dict):
            if isinstance(node, bool):
                return node
            raise SchemaError(
                f"{document.name}: expected a schema (an object or a boolean) at {pointer or '/'}, got {shorten(node)}."
            )
        if isinstance(node.get("$ref"), str):
            return self._reference(node, document, pointer)
        check_shape(node, document.name, pointer, document.scopes.at(pointer)[1])
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise SchemaError(f"{document.name}: nested deeper than {MAX_DEPTH} levels at {pointer}.")
        try:
            return self._resolved(node, document, pointer)
        finally:
            self._depth -= 1

    def _resolved(self, node: dict[str, Any], document: Document, pointer: str) -> Any:
        conditions: dict[str, Any] = {}
        if any(key in node for key in CONDITIONAL):
            if document.scopes.at(pointer)[1]:
                given = {key: node[key] for key in CONDITIONAL if key in node}
                conditions = {key: self._node(part, document, f"{pointer}/{key}") for key, part in given.items()}
            node = {key: value for key, value in node.items() if key not in CONDITIONAL}
        if any(key in node for key in _OF_PLACE):
            node = {key: value for key, value in node.items() if key not in _OF_PLACE}
        node = with_subschemas(node, lambda tokens, part: self._node(part, document, pointer + json_pointer(tokens)))
        if "additionalItems" in node and not isinstance(node.get("items"), list):  # means nothing there
            node = {key: value for key, value in node.items() if key != "additionalItems"}
        more = _without_if(conditions)
        return self._all_of({**node, "allOf": [*node.get("allOf", ()), *more]}) if "allOf" in node or more else node

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
        address, _, fragment = ref.partition("#")
        fragment = unquote(fragment)
        notes = {
            key: value
            for key, value in node.items()
            if key in ("title", "description", "default", "examples")
            or (key.startswith("meta:") and key != "meta:xdmType")
        }
        found = self._resource(address, document, pointer)
        if found is None:
            self._missing.setdefault(address, f"{document.name} at {pointer or '/'}")
            return notes
        target, start = found
        place, found_node = _at(target, start, fragment, f"{document.name} at {pointer or '/'}: the reference {ref!r}")
        key = (target.id or target.name, place)
        if key in self._open:
            return {**notes, "$ref": self._local(key)}
        if key not in self._done:
            self._open.append(key)
            self._done[key] = self._node(found_node, target, place)
            self._open.pop()
            self._bounded(self._done[key], document.name)
        result = self._done[key]
        if isinstance(result, bool):
            return result
        if "$ref" in result:
            return {**result, **notes}
        if not place:
            result = {name: value for name, value in result.items() if name not in _OF_DOCUMENT}
            if target is not document:
                notes.setdefault("meta:referencedFrom", target.id or address)
        return {**result, **notes} if notes else result

    def _resource(self, address: str, document: Document, pointer: str) -> tuple[Document, str] | None:
        """The document that an address without a fragment means at a place, and the pointer where its resource begins.

        An address is a URI reference, or a ``meta:altId`` of the Schema Registry.
        """
        base = document.scopes.at(pointer)[0]
        uri = join(base, address)
        if not address or uri in document.scopes.resources:
            return document, document.scopes.resources[uri]
        for known in (document, self._main):
            if address in (known.id, known.alternative) or uri == known.id:
                return known, ""
        found = self._lookup(uri) or self._lookup(address)
        if found is not None:
            self.used[found.id or address] = found
            return found, ""
        for known in (self._main, *self.used.values()):
            if uri in known.scopes.resources:
                return known, known.scopes.resources[uri]
        meta = _meta_schema(uri)
        return None if meta is None else (meta, "")

    def _bounded(self, node: Any, name: str) -> None:
        """See that a part stays of a size that can be worked with: references to references double it at each step."""
        if isinstance(node, dict) and self._size(node) > MAX_SIZE:
            raise SchemaError(
                f"{name}: with all its references followed it is larger than {MAX_SIZE:,} parts. "
                "Definitions that refer to each other several times multiply; refer to them fewer times."
            )

    def _size(self, node: Any) -> int:
        """Objects and lists in a tree; one that occurs several times counts each time, but is looked at once."""
        known, todo = self._sizes, [node]
        while todo:
            here = todo[-1]
            parts = [part for part in _parts(here) if isinstance(part, dict | list)]
            new = [part for part in parts if id(part) not in known]
            if new:
                todo += new
            else:
                known[id(here)] = (1 + sum(known[id(part)][0] for part in parts), here)
                todo.pop()
        return known[id(node)][0]

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


def _parts(node: Any) -> Iterable[Any]:
    return node.values() if isinstance(node, dict) else node


def _at(target: Document, start: str, fragment: str, what: str) -> tuple[str, Any]:
    """Pointer and node that a fragment names, in the resource of `target` that begins at the pointer `start`.

    What a resource within a document does not have is looked for in the document: files that were put together of
    several components keep the ``$id`` of these, while their references count from the file's top.
    """
    if fragment and not fragment.startswith("/"):
        base = target.scopes.at(start)[0]
        anchor = target.scopes.anchors.get(f"{base}#{fragment}")
        if anchor is None:
            raise SchemaError(f"{what} leads nowhere: {target.name} has no '$id' that is '#{fragment}'.")
        start, fragment = anchor, ""
    found = _descend(target.content, start + fragment)
    if found is None and start:
        found = _descend(target.content, fragment)
    if found is None:
        raise SchemaError(f"{what} leads nowhere: {target.name} has no {fragment!r}.")
    return found


def _descend(node: Any, pointer: str) -> tuple[str, Any] | None:
    place = ""
    for key in pointer_steps(pointer):
        if isinstance(node, list) and key.isdigit() and int(key) < len(node):
            node = node[int(key)]
        elif isinstance(node, dict) and key in node:
            node = node[key]
        elif key:
            return None
        else:
            continue  # a slash at the end
        place += json_pointer((key,))
    return place, node


@cache
def _meta_schema(uri: str) -> Document | None:
    """The meta-schema of draft-06 or draft-07."""
    if not uri.startswith(("http://json-schema.org/draft-06/", "http://json-schema.org/draft-07/")):
        return None
    import jsonschema  # only where a schema refers to it

    known = jsonschema.Draft6Validator if "draft-06" in uri else jsonschema.Draft7Validator
    document = Document(dict(known.META_SCHEMA), uri)
    return document if document.id == uri else None


def _without_if(parts: dict[str, Any]) -> list[Any]:
    """What ``if``, ``then`` and ``else`` demand, in keywords of draft-06."""
    if "if" not in parts:
        return []
    test, out = parts["if"], []
    if parts.get("then", True) is not True:
        out.append({"anyOf": [{"not": test}, parts["then"]]})
    if parts.get("else", True) is not True:
        out.append({"anyOf": [test, parts["else"]]})
    return out


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
    for part in [*(part for key in LISTED for part in node.get(key, ())), node.get("not"), *needs]:
        yield from _in_place(part)


def _definition(ref: str) -> str:
    return ref.removeprefix("#/definitions/")


def follow(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> tuple[Mapping[str, Any], str | None]:
    """A resolved node with its local reference followed, and the name of the definition it came from, if any."""
    name = None
    while isinstance(node.get("$ref"), str):
        name = _definition(node["$ref"])
        notes = {key: value for key, value in node.items() if key not in ASSERTIONS}
        node = {**keywords(definitions[name]), **notes}
    return node, name


def declared(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """`node` with the fields and types that its ``allOf`` declares, and the definitions that these come from."""
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
