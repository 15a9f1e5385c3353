"""JSON Patch (RFC 6902), as Catalog and the Schema Registry take it: all operations but ``move`` and ``copy``."""

from __future__ import annotations

import copy
from typing import Any

from ..core.paths import pointer_steps
from .responses import Refusal


def json_patch(doc: dict[str, Any], operations: Any) -> dict[str, Any]:
    """`doc` changed; the original stays.  A Refusal where an operation is none, or does not fit."""
    if not isinstance(operations, list):
        raise Refusal(400, "a JSON Patch is an array of operations")
    result = copy.deepcopy(doc)
    for operation in operations:
        if not isinstance(operation, dict) or not isinstance(operation.get("path"), str):
            raise Refusal(400, "an operation of a JSON Patch is an object with op and path")
        path = operation["path"]
        steps = pointer_steps(path)
        if not steps or not path.startswith("/"):
            raise Refusal(400, f"{path!r} is not the path of a member")
        parent: Any = result
        for step in steps[:-1]:
            parent = _member(parent, step, path)
        _apply(parent, steps[-1], operation, path)
    return result


def _apply(parent: Any, step: str, operation: dict[str, Any], path: str) -> None:
    name = operation.get("op")
    if name not in ("add", "replace", "remove", "test"):
        raise Refusal(400, f"operation {name!r} is not taken here")
    if name != "remove" and "value" not in operation:
        raise Refusal(400, f"operation {name!r} needs a value")
    if name == "test" and _member(parent, step, path) != operation["value"]:
        raise Refusal(400, f"the value at {path} differs")
    if name == "replace" or name == "remove":
        _member(parent, step, path)  # it is there
    if isinstance(parent, list):
        at = len(parent) if step == "-" and name == "add" else _place(parent, step, path, name == "add")
        if name == "add":
            parent.insert(at, operation["value"])
        elif name == "replace":
            parent[at] = operation["value"]
        elif name == "remove":
            del parent[at]
    elif isinstance(parent, dict):
        if name in ("add", "replace"):
            parent[step] = operation["value"]
        elif name == "remove":
            del parent[step]
    else:
        raise Refusal(400, f"there is nothing at {path}")


def _member(parent: Any, step: str, path: str) -> Any:
    if isinstance(parent, dict) and step in parent:
        return parent[step]
    if isinstance(parent, list):
        return parent[_place(parent, step, path, False)]
    raise Refusal(400, f"there is nothing at {path}")


def _place(parent: list[Any], step: str, path: str, end: bool) -> int:
    if not (step.isascii() and step.isdigit() and len(step) < 10 and int(step) < len(parent) + end):
        raise Refusal(400, f"there is nothing at {path}")
    return int(step)
