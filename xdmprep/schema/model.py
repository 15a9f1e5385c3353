"""The XDM schema: one object that knows its fields, its Arrow schema, its identities and its exact JSON Schema.

A schema is read in any form the platform gives it: resolved (*xed-full*: one tree of properties), compact (*xed*:
``allOf`` and references to components, which lie beside the file or in a registry), the raw XDM of the open
repository (``xdm:`` names), and ad-hoc schemas for CSV, whose columns stand flat under one generated namespace and are
used without it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from functools import cache, cached_property
from pathlib import Path as FilePath
from typing import Any, TypeAlias

import pyarrow as pa

from ..core.arguments import COUNT, FLAG, TEXT, WORD, document, either, instance, nullable, takes
from ..core.documents import Shape, descriptor_list, is_file, kind_of
from ..core.paths import EVERY, Path, format_path, parse_path
from ..core.remote import as_local, is_remote
from ..core.typing import Place, RuleSet
from ..errors import ExpressionError, Issue, SchemaError, UsageError, did_you_mean, shorten
from . import descriptors as described
from .compat import compatible
from .descriptors import Identity, Relationship
from .documents import (
    Components,
    Document,
    beside,
    descriptors_file,
    main_document,
    read_documents,
    read_json,
)
from .field import IDENTITY_MAPS, Field, field_count
from .resolve import Lookup, Resolver, keywords
from .show import field_table, tree_text

RECORD_CLASS = "https://ns.adobe.com/xdm/data/record"
TIME_SERIES_CLASS = "https://ns.adobe.com/xdm/data/time-series"
ADHOC_CLASS = "https://ns.adobe.com/xdm/data/adhoc"

#: Schemas with more fields are refused, for everything that lists them would take its time.
MAX_FIELDS = 100_000


_LOOKUP: Shape = kind_of("a Registry", lambda value: callable(getattr(value, "document", None)))
DESCRIPTORS: Shape = kind_of(
    "a list of descriptors", lambda value: isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)
)


class Schema:
    """An XDM schema, resolved.  Made by :meth:`load`, :meth:`from_dict` or a :class:`~xdmprep.schema.Registry`.

    Attributes:
        source: the JSON as it was given.
        json_schema: a self-contained JSON Schema (draft-06) that accepts exactly the records the schema accepts.
        root: the record as a field; its children are the top-level fields.
        namespace: for an ad-hoc schema the generated ``_{hex}`` that its columns are nested in, empty otherwise.
        name: what messages call the schema: its title, or its file.
        descriptors: the descriptors that are about this schema.
        identities: the identity fields, the primary one first.
        relationships: the fields that refer to other schemas.

    Examples:
        >>> schema = xp.Schema.load("schemas/crm-profile.schema.json")
        >>> schema.id
        'https://ns.adobe.com/acme/schemas/crm-profile'
        >>> schema.find("person.birthDate").type
        'date'
        >>> schema.primary_identity is None
        True
    """

    def __init__(
        self,
        document: Document,
        lookup: Callable[[str], Document | None] = lambda _: None,
        descriptors: Iterable[dict[str, Any]] = (),
        compat: bool = False,
    ) -> None:
        if not isinstance(document, Document):
            raise UsageError("Schema is made by Schema.load(path), Schema.from_dict(content) or a Registry.")
        self._made_of = (document, tuple(descriptors), compat)
        resolver = Resolver(lookup)
        resolved = resolver.resolve(document)
        if compat:
            resolved = compatible(resolved)
        self.source: dict[str, Any] = document.content
        self.name: str = str(self.source.get("title") or document.name)
        self._used = resolver.used
        self._supers = _supers(self.source, resolver.used)
        self.namespace = ""
        if ADHOC_CLASS in self._supers and not resolver.endless:
            self.namespace = _namespace(resolved, self.source)
        if self.namespace:
            columns = resolved["properties"][self.namespace]
            kept = {key: value for key, value in resolved.items() if key in ("$schema", "title", "definitions")}
            resolved = {**columns, **kept}
        self.json_schema: dict[str, Any] = resolved
        definitions = {**resolved.get("definitions", {}), "#": resolved}
        if field_count(resolved, definitions, MAX_FIELDS) > MAX_FIELDS:
            raise SchemaError(
                f"{document.name}: has more than {MAX_FIELDS:,} fields, all references followed. "
                "The platform takes at most 10,000."
            )
        self.root = Field.of("", (), resolved, True, definitions)
        types = resolved.get("type", "object")
        if "object" not in (types if isinstance(types, list) else [types]):
            raise SchemaError(
                f"{document.name}: is of type {self.root.type}, not a record. "
                "A schema of records has 'properties', or 'allOf' with references to components that have them."
            )
        own = descriptor_list(self.source.get("meta:descriptors", []), f"{document.name}, 'meta:descriptors'")
        self.descriptors = described.of_schema([*own, *self._made_of[1]], (document.id, document.alternative))
        self.identities: tuple[Identity, ...] = described.identities(self.descriptors, self.root, document.name)
        self.relationships: tuple[Relationship, ...] = described.relationships(
            self.descriptors, self.root, document.name
        )

    @classmethod
    @takes(registry=nullable(_LOOKUP), descriptors=DESCRIPTORS, compat=FLAG)
    def load(
        cls,
        path: str | os.PathLike[str],
        registry: Lookup | None = None,
        *,
        descriptors: Iterable[dict[str, Any]] = (),
        compat: bool = False,
    ) -> Schema:
        """Read a schema file.

        Args:
            path: the file; descriptors may lie beside it as ``NAME.descriptors.json``.  Or a
                URL, of a file that holds all components.
            registry: where components are looked up first; then beside the file, and in a folder ``components`` there.
            descriptors: more descriptors, for instance from the Schema Registry.
            compat: turn the raw names of the open XDM repository into those used in Experience Platform.

        Returns:
            The schema, with all references resolved.

        Raises:
            SchemaError: the file is not a schema, a component is missing, or a descriptor does not fit.
            UsageError: an argument is of another type.

        Examples:
            >>> xp.Schema.load("schemas/loyalty-profile.schema.json").title
            'Loyalty Profile'
        """
        if not isinstance(path, str | os.PathLike):
            raise SchemaError(f"Schema.load takes the path of a file, got {type(path).__name__}. Use Schema.from_dict.")
        path = as_local(path)
        documents = read_documents(path)
        file = None if is_remote(path) else FilePath(path)
        main = main_document(documents)
        near = Components({d.id: d for d in documents if d.id})
        around = cache(lambda: beside(file) if file else Components())  # read only where a component is not known yet

        def lookup(id: str) -> Document | None:
            listed = None if registry is None else registry.document(id)
            return near.document(id) or listed or around().document(id)

        more = [*descriptors, *(_descriptors_beside(file) if file else [])]
        return cls(main, lookup, more, compat)

    @classmethod
    @takes(registry=nullable(_LOOKUP), descriptors=DESCRIPTORS, compat=FLAG, name=TEXT)
    def from_dict(
        cls,
        content: Mapping[str, Any] | bool,
        registry: Lookup | None = None,
        *,
        descriptors: Iterable[dict[str, Any]] = (),
        compat: bool = False,
        name: str = "schema",
    ) -> Schema:
        """A schema from its JSON; the arguments are those of :meth:`load`.

        Args:
            content: the schema as its JSON object.
            registry: where components are found that the schema refers to; None if it holds all.
            descriptors: the schema's descriptors (identities, relationships), as the platform lists them.
            compat: whether names of the compatibility form (``xdm:`` prefixes) are used; None decides it by the schema.
            name: what messages call it; its title otherwise.

        Returns:
            The schema.

        Raises:
            SchemaError: it is not a schema, a component is missing, or a descriptor does not fit.
            UsageError: an argument is of another type.

        Examples:
            >>> content = {"$id": "https://ns.adobe.com/acme/schemas/x", "type": "object", "properties": {"a": {}}}
            >>> xp.Schema.from_dict(content).paths()
            ['a']
        """
        if not isinstance(content, Mapping | bool):
            raise SchemaError(f"{name}: a schema is a JSON object, got {type(content).__name__}.")
        return cls(Document(dict(keywords(content)), name), (registry or Components()).document, descriptors, compat)

    @property
    def id(self) -> str:
        """The ``$id``; empty if the schema has none."""
        return str(self.source.get("$id") or "")

    @property
    def title(self) -> str:
        """The title; empty if the schema has none."""
        return str(self.source.get("title") or "")

    @property
    def version(self) -> str:
        """The version as the registry gives it, such as ``1.2``; empty if the schema has none."""
        return str(self.source.get("version") or "")

    @property
    def class_id(self) -> str | None:
        """The ``$id`` of the class the schema is composed from; None where the schema does not say."""
        own = self.source.get("meta:class")
        if isinstance(own, str):
            return own
        supers = [*_refs(self.source), *_listed(self.source, "meta:extends")]
        behaviors = (RECORD_CLASS, TIME_SERIES_CLASS, ADHOC_CLASS)
        return next((id for id in supers if "/classes/" in id or id in _CLASSES), None) or next(
            (id for id in supers if id in behaviors), None
        )

    @cached_property
    def behavior(self) -> str:
        """``record``, ``time-series`` or ``adhoc``."""
        if ADHOC_CLASS in self._supers:
            return "adhoc"
        if TIME_SERIES_CLASS in self._supers:
            return "time-series"
        if RECORD_CLASS in self._supers:
            return "record"
        required = self.root.required_children
        return "time-series" if "timestamp" in required or "xdm:timestamp" in required else "record"

    @property
    def extends(self) -> frozenset[str]:
        """Ids of everything the schema is an instance of: its class, that one's behavior, the field groups."""
        return self._supers

    @property
    def for_profile(self) -> bool:
        """Whether the schema takes part in Real-Time Customer Profile."""
        tags = self.source.get("meta:immutableTags")
        return isinstance(tags, list) and "union" in tags

    @property
    def primary_identity(self) -> Identity | None:
        """The identity field that is primary; None where the schema names none."""
        return self.identities[0] if self.identities and self.identities[0].primary else None

    @cached_property
    def has_identity_map(self) -> bool:
        """Whether records may carry identities in ``identityMap``."""
        return any(name in self.root.children for name in ("identityMap", "xdm:identityMap"))

    @cached_property
    def profile_warning(self) -> str:
        """Why no record can reach Profile though the schema is enabled for it, and the mend; empty if all is well."""
        if not self.for_profile or self.primary_identity is not None or self.has_identity_map:
            return ""
        inner = next((field for field in self.root.walk() if field.name.endswith("identityMap")), None)
        mend = (
            'Add an identity descriptor with "xdm:isPrimary": true, or the field group IdentityMap.'
            if inner is None
            else f"The map at '{inner}' does not count: identityMap must be at the top of the record."
        )
        return (
            f"{self.name} is enabled for Profile but has neither a primary identity nor identityMap, "
            f"so no record of it reaches Profile. {mend}"
        )

    @property
    def about(self) -> dict[str, str]:
        """What a manifest says of the schema that its files were made for."""
        facts = {"id": self.id, "title": self.title, "version": self.version, "sha256": self.sha256}
        return facts | ({"warning": self.profile_warning} if self.profile_warning else {})

    @cached_property
    def sha256(self) -> str:
        """Hex SHA-256 of the schema as canonical JSON, together with the components and descriptors it draws in."""
        content: Any = self.source
        own = descriptor_list(self.source.get("meta:descriptors", []), self.name)
        outside = [descriptor for descriptor in self.descriptors if descriptor not in own]
        if self._used or outside:
            used = {id: document.content for id, document in self._used.items()}
            content = {"schema": self.source, "components": used, "descriptors": outside}
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    @cached_property
    def arrow_schema(self) -> pa.Schema:
        """The Arrow schema of the records; every field may be null.

        Fields without a declared type have no Arrow type and are left out; see :attr:`undeclared`.

        Raises:
            SchemaError: a definition contains itself, so that its type would never end.
        """
        return pa.schema([(name, child.arrow_type) for name, child in self.root.children.items() if child.declared])

    @cached_property
    def undeclared(self) -> tuple[str, ...]:
        """Paths of the fields that the schema gives no type, such as an object without properties."""
        found: list[str] = []

        def visit(field: Field) -> None:
            if not field.declared:
                found.append(str(field))
                return
            for part in field.below:
                visit(part)

        for child in self.root.children.values():
            visit(child)
        return tuple(found)

    @takes(path=either(WORD, instance(tuple)))
    def find(self, path: str | Path) -> Field:
        """The field that a path of a record or of the schema leads to.

        Args:
            path: such as ``identityMap.ECID[0].id`` or ``productListItems[*].SKU``, or its steps.

        Returns:
            The field.

        Raises:
            SchemaError: the schema has no such field; the message names the nearest ones.
            UsageError: an argument is of another type.

        Examples:
            >>> schema.find("person.name.firstName").type
            'string'
        """
        try:
            steps = parse_path(path) if isinstance(path, str) else path
        except ExpressionError as error:
            raise SchemaError(str(error)) from None
        field = self.root
        for at, step in enumerate(steps):
            below = _step(field, step)
            if below is None:
                raise SchemaError(self._not_found(path, field, steps, at))
            field = below
        return field

    def _not_found(self, path: str | Path, field: Field, steps: Path, at: int) -> str:
        step = steps[at]
        text = path if isinstance(path, str) else format_path(path)
        start = f"'{text}' is not in {self.name}"
        if field.type == "array" and not isinstance(step, int):
            return f"{start}: '{field}' is an array. Write '{format_path((*steps[:at], 0, *steps[at:]))}'."
        if isinstance(step, int) or step == EVERY:
            article = "an" if field.type in ("object", "int", "any") else "a"
            index = format_path((step,))
            return f"{start}: '{field}' is {article} {field.type}, not an array. Leave out the index {index}."
        if not field.children:
            return f"{start}: '{field}' is {field.type} and has no fields below it."
        if field.path in IDENTITY_MAPS:
            return (
                f"{start}: the schema gives identityMap the namespaces {', '.join(field.children)} only. Make it a map "
                "('additionalProperties'), as the field group IdentityMap has it."
            )
        rest = steps[at + 1 :]
        near = [name for name in field.children if did_you_mean(step, [name])] or list(field.children)
        whole = [format_path((*steps[:at], name, *rest)) for name in near if _reaches(field, (name, *rest))]
        hint = did_you_mean(text, whole)
        if not hint:
            hint = did_you_mean(format_path(steps[: at + 1]), [format_path((*steps[:at], name)) for name in near])
        where = f" '{field}' has no field '{step}'." if field.name else ""
        return f"{start}.{where}{hint or did_you_mean(text, self.paths())}"

    def paths(self) -> list[str]:
        """The paths of all leaves in document order, arrays as ``[*]`` and map values as ``{*}``.

        Examples:
            >>> schema.paths()[:3]
            ['_id', '_repo.createDate', '_repo.modifyDate']
        """
        return [str(field) for field in self.root.walk() if field.leaf and field.path]

    @property
    def columns(self) -> Mapping[str, Field]:
        """The top-level fields by name; for an ad-hoc schema these are the columns of its CSV files."""
        return self.root.children

    def fields(self) -> pa.Table:
        """All fields as a table: path, type, required, title, description, constraints, identity, status, and more.

        Examples:
            >>> schema.fields().select(["path", "type"]).to_pylist()[0]
            {'path': '_id', 'type': 'string'}
        """
        return field_table(self.root, self.identities)

    def tree(self, *, depth: int | None = None) -> str:
        """The fields as an indented text.

        Args:
            depth: how many levels; None means all.

        Returns:
            One line a field, indented by branches.

        Examples:
            >>> print(schema.tree(depth=1).splitlines()[0])
            ├── _id            string              format uri-reference  “Record”
        """
        return tree_text(self.root, self.identities, self.relationships, depth)

    def check(self, record: Mapping[str, Any], rules: RuleSet = "strict") -> list[Issue]:
        """The errors of one record; an empty list means nothing.

        Args:
            record: the record as JSON values.
            rules: ``strict``, ``batch`` or ``jsonschema``.

        Returns:
            The findings, errors and warnings; empty for a valid record.

        Raises:
            UsageError: the record is no dict or is nested too deep, or there is no such rule set.

        Examples:
            >>> [issue.code for issue in schema.check({"person": {"birthDate": "yesterday"}}, rules="jsonschema")]
            ['format']
        """
        from ..validate import check_record  # a higher floor, asked when called

        if not isinstance(record, Mapping):
            raise UsageError(f"Schema.check: a record is a dict, got {shorten(record)}.")
        try:
            found = check_record(self, record, rules)
            if _has_half_a_pair(record):
                found.append(
                    Issue("unreadable", "error", "half a surrogate pair (\\ud800 to \\udfff) in a string or key")
                )
            return found
        except RecursionError:
            raise UsageError("Schema.check: the record is nested too deep, or contains itself.") from None
        except (AttributeError, TypeError, ValueError, ArithmeticError):
            fault = next(document(record, "record"), None)
            if fault is None:
                raise
            raise UsageError(f"Schema.check: {fault}.") from None

    @takes(depth=nullable(COUNT))
    def describe(self, *, depth: int | None = None) -> str:
        """What the schema is, in one line, and its fields as :meth:`tree` shows them.

        Args:
            depth: how many levels of fields; None means all.

        Returns:
            Name, behavior, version and ``$id`` in one line, then the fields.

        Raises:
            UsageError: an argument is of another type.

        Examples:
            >>> print(schema.describe(depth=1).splitlines()[0])
            CRM Profile (record, version 1.0, https://ns.adobe.com/acme/schemas/crm-profile)
        """
        facts = [self.behavior, f"version {self.version}" if self.version else "", self.id]
        return f"{self.name} ({', '.join(fact for fact in facts if fact)})\n{self.tree(depth=depth)}"

    def __str__(self) -> str:
        return self.describe()

    def _repr_html_(self) -> str:
        from ..core.notebook import escape, wrap

        facts = ", ".join(fact for fact in (self.behavior, f"version {self.version}" if self.version else "") if fact)
        tree = f"<pre>{escape(self.tree())}</pre>"
        return wrap(f"{self.name} ({facts})", f"<details open><summary>{escape(self.id)}</summary>{tree}</details>")

    def __reduce__(self) -> tuple[Any, ...]:
        document, descriptors, compat = self._made_of
        return type(self), (document, Components(self._used).document, descriptors, compat)

    def __repr__(self) -> str:
        return f"<Schema {self.name!r} {self.id} ({self.behavior}, {len(self.columns)} top-level fields)>"


#: Classes whose ids do not say that they are classes.
_CLASSES = frozenset(
    {
        "https://ns.adobe.com/xdm/context/profile",
        "https://ns.adobe.com/xdm/context/experienceevent",
        "https://ns.adobe.com/xdm/context/product",
        "https://ns.adobe.com/xdm/context/segmentdefinition",
    }
)


def _has_half_a_pair(record: Any) -> bool:
    """Whether a text or key of a record has half of a surrogate pair, which UTF-8 cannot hold."""
    try:
        json.dumps(record, ensure_ascii=False, default=str, skipkeys=True).encode()
    except UnicodeEncodeError:
        return True
    except (TypeError, ValueError, RecursionError):  # what else JSON does not have is no such text
        pass
    return False


def _step(field: Field, step: str | int) -> Field | None:
    if field.type == "array":
        return field.items if isinstance(step, int) or step == EVERY else None
    if field.type == "map":
        return field.values if isinstance(step, str) and step != EVERY else None
    return field.children.get(step) if isinstance(step, str) else None


def _reaches(field: Field | None, steps: Path) -> bool:
    for step in steps:
        field = _step(field, step) if field is not None else None
    return field is not None


def _descriptors_beside(file: FilePath) -> list[dict[str, Any]]:
    beside_file = descriptors_file(file)
    return descriptor_list(read_json(beside_file), str(beside_file)) if is_file(beside_file) else []


def _refs(content: Mapping[str, Any]) -> list[str]:
    parts = [part for part in content.get("allOf", ()) if isinstance(part, dict)]
    return [part["$ref"] for part in parts if isinstance(part.get("$ref"), str) and not part["$ref"].startswith("#")]


def _listed(content: Mapping[str, Any], key: str) -> list[str]:
    value = content.get(key)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _supers(content: Mapping[str, Any], used: Mapping[str, Document]) -> frozenset[str]:
    """Ids of everything the schema is an instance of: the class, its behavior, the field groups."""
    found: set[str] = set()
    todo = [content]
    while todo:
        here = todo.pop()
        own = here.get("meta:class")
        ids = [*_refs(here), *_listed(here, "meta:extends"), *([own] if isinstance(own, str) else [])]
        for id in ids:
            if id not in found:
                found.add(id)
                if id in used:
                    todo.append(used[id].content)
    return frozenset(found)


def _namespace(resolved: Mapping[str, Any], source: Mapping[str, Any]) -> str:
    """The one object of an ad-hoc schema that holds its columns; empty if the columns are at the top."""
    properties = resolved.get("properties", {})
    named = source.get("meta:datasetNamespace")
    if isinstance(named, str) and isinstance(properties.get(named), dict) and "$ref" not in properties[named]:
        return named
    if len(properties) == 1:
        ((name, node),) = properties.items()
        if name.startswith("_") and isinstance(node, dict) and "properties" in node:
            return str(name)
    return ""


#: A schema, or where its file is.
SchemaLike: TypeAlias = "Schema | Place"


def as_schema(given: SchemaLike) -> Schema:
    """A schema, or the one that a file holds."""
    return given if isinstance(given, Schema) else Schema.load(given)
