"""Reading the Schema Registry: which schemas there are, and one schema with everything that belongs to it.

A schema is fetched resolved (*xed-full*, one tree of fields; the usual choice) or compact (*xed*) with the components
it refers to, and with its descriptors.  It is saved as files that need no network any more, and pinned: `pulled.json`
beside them holds the hash of each file as it came, so that a later change on either side is seen.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .. import wire
from ..core.documents import exists
from ..core.manifest import whole_file
from ..errors import OutputError, PlatformError, SourceError, UsageError, did_you_mean
from .session import Session, check_json

PINS = "pulled.json"
FORMS = ("xed-full", "xed")
PAGE = 200
PAGES = 1000  #: of a listing
COMPONENTS = 2000  #: of a schema; the largest of the open repository has some 200

#: Kinds of components, and what in an id hints at them; ids of the open repository hint at little.
_KINDS = (("classes", "/classes/"), ("fieldgroups", "/mixins/"), ("datatypes", "/datatypes/"), ("behaviors", "/data/"))


@dataclass(frozen=True)
class Pulled:
    """One schema as the registry gave it, with its descriptors and, for the form ``xed``, its components."""

    schema: dict[str, Any]
    components: tuple[dict[str, Any], ...] = ()
    descriptors: tuple[dict[str, Any], ...] = ()

    @property
    def id(self) -> str:
        """The schema's ``$id``."""
        return str(self.schema.get("$id", ""))


@dataclass(frozen=True)
class Saved:
    """Where a schema is kept, and whether it is ``new``, the ``same`` as pinned, or ``changed``."""

    file: Path
    state: str


def list_schemas(session: Session) -> list[dict[str, Any]]:
    """``$id``, ``meta:altId``, title and version of all schemas of a container, all pages."""
    return list(_pages(session, f"{wire.REGISTRY}/tenant/schemas", "application/vnd.adobe.xed-id+json"))


def pull(session: Session, schema_id: str, form: str = "xed-full") -> Pulled:
    """One schema with its descriptors and, in the form ``xed``, its components."""
    found = look_up(session, schema_id, form)
    if found is None:
        known = [str(item.get(key, "")) for item in list_schemas(session) for key in ("$id", "meta:altId")]
        raise PlatformError(f"the registry has no schema {schema_id!r}.{did_you_mean(schema_id, known)}", status=404)
    return found


def look_up(session: Session, schema_id: str, form: str = "xed-full") -> Pulled | None:
    """What :func:`pull` gives, or None where the registry has no such schema."""
    if form not in FORMS:
        raise UsageError(f"A schema has the forms {' and '.join(FORMS)}, not {form!r}.")
    accept = f"application/vnd.adobe.{form}+json; version=1"
    schema = _resource(session, ("tenant", "global"), ("schemas",), schema_id, accept)
    if schema is None:
        return None
    components = tuple(_components(session, schema, accept)) if form == "xed" else ()
    own_id = str(schema.get("$id") or schema_id)
    return Pulled(schema, components, tuple(_descriptors(session, own_id)))


def _pages(session: Session, path: str, accept: str) -> Iterator[dict[str, Any]]:
    """The results of a listing, page by page, each once.

    The next page begins strictly after the last value of the sort key, so the key should be unique: the id.  Adobe does
    not list the keys that may be sorted by; where the id is refused, titles serve.
    """
    seen: set[str] = set()
    order, start = "$id", ""
    for _ in range(PAGES):
        params = {"orderby": order, "limit": PAGE, **({"start": start} if start else {})}
        answer = session.call(
            "GET", path, params=params, headers={"Accept": accept}, what="list of schemas",
            expect=(200, 400) if order == "$id" and not start else (200,),
        )  # fmt: skip
        if answer.status_code == 400:
            order = "title"
            continue
        data = check_json(answer, "list of schemas")
        results = data.get("results") if isinstance(data, dict) else None
        if not isinstance(results, list):
            raise PlatformError(f"list of schemas: the answer of {session.config.url} holds no 'results'.")
        fresh = [item for item in results if isinstance(item, dict) and str(item.get("$id")) not in seen]
        seen |= {str(item.get("$id")) for item in fresh}
        yield from fresh
        page = data.get("_page")
        following = _start(str((page.get("next") if isinstance(page, dict) else "") or ""))
        if following in ("", start) or not fresh:
            return
        start = following
    raise PlatformError(f"list of schemas: it has more than {PAGES} pages.", code="odd-answer")


def _start(following: str) -> str:
    """Where the next page starts: the value itself, or the one in the address of that page; both are described."""
    return next(iter(parse_qs(urlsplit(following).query).get("start", [])), following)


def _resource(
    session: Session, containers: tuple[str, ...], kinds: tuple[str, ...], id: str, accept: str
) -> dict[str, Any] | None:
    """The resource with this id, wherever it is; None if nowhere."""
    for container in containers:
        for kind in kinds:
            path = f"{wire.REGISTRY}/{container}/{kind}/{wire.id_part(id)}"
            what = f"schema {id}"
            answer = session.call("GET", path, headers={"Accept": accept}, what=what, expect=(200, 404))
            if answer.status_code == 200:
                found: dict[str, Any] = check_json(answer, what, dict)
                return found
    return None


def _components(session: Session, schema: dict[str, Any], accept: str) -> Iterator[dict[str, Any]]:
    """Everything that `schema` refers to, and that in turn refers to, each once."""
    own = str(schema.get("$id", ""))
    seen = {own}
    todo = [ref for ref in wire.references(schema) if ref not in seen]
    while todo:
        id = todo.pop(0)
        if id in seen:
            continue
        seen.add(id)
        if len(seen) > COMPONENTS:
            raise PlatformError(f"schema {own}: it refers to more than {COMPONENTS} components.", code="odd-answer")
        kinds = tuple(kind for kind, _ in sorted(_KINDS, key=lambda entry: entry[1] not in id))
        containers = ("global", "tenant") if id.startswith("https://ns.adobe.com/xdm/") else ("tenant", "global")
        found = _resource(session, containers, kinds, id, accept)
        if found is None:
            raise PlatformError(f"the registry has no component {id!r}, which {own} refers to.", status=404)
        yield found
        todo += [ref for ref in wire.references(found) if ref not in seen]


def _descriptors(session: Session, schema_id: str) -> Iterator[dict[str, Any]]:
    answer = session.call(
        "GET", f"{wire.REGISTRY}/tenant/descriptors", params={"property": f"xdm:sourceSchema=={schema_id}"},
        headers={"Accept": "application/vnd.adobe.xdm+json"}, what="descriptors",
    )  # fmt: skip
    data = check_json(answer, "descriptors")
    for listed in data.values() if isinstance(data, dict) else ():
        for item in listed if isinstance(listed, list) else ():
            if isinstance(item, dict) and item.get("xdm:sourceSchema") == schema_id:
                yield item


# ---- ad-hoc schemas -------------------------------------------------------------------------------------------------


def adhoc_columns(schema: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The columns of an ad-hoc schema (name -> JSON Schema) and the required ones; UsageError if it is none."""
    fields = schema.get("properties")
    fields = fields if isinstance(fields, dict) else {}
    name = schema.get("meta:datasetNamespace") or (next(iter(fields)) if len(fields) == 1 else None)
    node = fields.get(name) if isinstance(name, str) else None
    columns = node.get("properties") if isinstance(node, dict) else None
    if not isinstance(node, dict) or not isinstance(columns, dict) or not columns:
        raise UsageError(f"{schema.get('$id', 'the schema')}: not an ad-hoc schema; its columns were not found.")
    required = node.get("required") or []
    if not isinstance(required, list) or not all(isinstance(one, str) for one in required):
        raise UsageError(f"{schema.get('$id', 'the schema')}: 'required' must be a list of column names.")
    return columns, required


def create(session: Session, kind: str, body: dict[str, Any]) -> str:
    """Create a resource of the tenant; its ``$id``."""
    what = f"create {kind.removesuffix('es') if kind == 'classes' else 'schema'} {body['title']!r}"
    answer = session.call(
        "POST", f"{wire.REGISTRY}/tenant/{kind}", safe=False, json_body=body, what=what, expect=(200, 201)
    )
    found = check_json(answer, what, dict).get("$id")
    if not isinstance(found, str):
        raise PlatformError(f"{what}: the answer holds no '$id'.")
    return found


# ---- files ----------------------------------------------------------------------------------------------------------


def save(pulled: Pulled, folder: str | os.PathLike[str], check: bool = False) -> Saved:
    """Write a schema, its components and descriptors into `folder`, and pin them; with `check` nothing is written.

    Files: ``NAME.schema.json``, ``NAME.descriptors.json`` where there are any, ``components/``, and the pins.

    Raises:
        OutputError: the folder cannot be written.
    """
    root = Path(folder)
    pins = read_pins(root)
    pin = pins.get(pulled.id, {})
    name = str(pin.get("file") or _free_name(pulled, root, pins))
    files = _files(pulled, name)
    sums = {file: hashlib.sha256(text).hexdigest() for file, text in files.items()}
    done = Saved(root / name, "new" if not pin else "same" if sums == pin.get("sha256") else "changed")
    if check:
        return done
    try:
        (root / "components" if pulled.components else root).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{root}: cannot be made: {error.strerror or error}. Give another folder.") from None
    if not pulled.descriptors:
        (root / _descriptors_file(name)).unlink(missing_ok=True)
    pins[pulled.id] = {
        "file": name, "title": pulled.schema.get("title", ""), "version": pulled.schema.get("version", ""),
        "sha256": sums,
    }  # fmt: skip
    for file, text in {**files, PINS: _text({"pulled": dict(sorted(pins.items()))})}.items():
        with whole_file(root / file) as out:
            out.write(text)
    return done


def read_pins(folder: Path) -> dict[str, Any]:
    """The pins of a folder by ``$id``, empty if it has none; SourceError if they cannot be read."""
    file = folder / PINS
    try:
        pins = json.loads(file.read_text(encoding="utf-8"))["pulled"]
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{file}: not readable as pins ({error}). Remove it and pull the schemas again.") from None
    if not isinstance(pins, dict):
        raise SourceError(f"{file}: not readable as pins. Remove it and pull the schemas again.")
    return pins


def _files(pulled: Pulled, name: str) -> dict[str, bytes]:
    """What is kept of a schema whose file has this name: file -> text."""
    files: dict[str, Any] = {name: pulled.schema}
    for component in pulled.components:
        files[f"components/{_slug(str(component.get('meta:altId') or component.get('$id')))}.json"] = component
    if pulled.descriptors:
        files[_descriptors_file(name)] = list(pulled.descriptors)
    return {file: _text(content) for file, content in files.items()}


def _descriptors_file(name: str) -> str:
    return name.removesuffix(".schema.json") + ".descriptors.json"


def _text(content: Any) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def _free_name(pulled: Pulled, root: Path, pins: dict[str, Any]) -> str:
    """A file name made of the title that no other schema has."""
    stem = _slug(str(pulled.schema.get("title") or pulled.id))
    taken = {str(pin.get("file")) for pin in pins.values()}
    name = f"{stem}.schema.json"
    if name in taken or exists(root / name):
        name = f"{stem}-{hashlib.sha256(pulled.id.encode()).hexdigest()[:8]}.schema.json"
    return name


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9._]+", "-", text.lower()).strip("-.") or "schema"
