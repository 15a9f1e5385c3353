"""JSON Patch (RFC 6902), as Catalog and the Schema Registry take it: all operations but ``move`` and ``copy``."""

from __future__ import annotations

import copy
import re
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
            parent = parent[_key(parent, step, path)]
        _apply(parent, steps[-1], operation, path)
    return result


def _apply(parent: Any, step: str, operation: dict[str, Any], path: str) -> None:
    name = operation.get("op")
    if name not in ("add", "replace", "remove", "test"):
        raise Refusal(400, f"operation {name!r} is not taken here")
    if name != "remove" and "value" not in operation:
        raise Refusal(400, f"operation {name!r} needs a value")
    key, value = _key(parent, step, path, new=name == "add"), operation.get("value")
    if name == "test" and parent[key] != value:
        raise Refusal(400, f"the value at {path} differs")
    if name == "remove":
        del parent[key]
    elif name == "add" and isinstance(parent, list):
        parent.insert(int(key), value)
    elif name != "test":
        parent[key] = value


def _key(parent: Any, step: str, path: str, new: bool = False) -> Any:
    """The key or index of a member that is there, or that is `new`; a Refusal where there is none."""
    if isinstance(parent, dict) and (new or step in parent):
        return step
    if isinstance(parent, list):
        at = len(parent) if step == "-" else int(step) if re.fullmatch("[0-9]{1,9}", step) else -1
        if 0 <= at < len(parent) + new:
            return at
    raise Refusal(400, f"there is nothing at {path}")
