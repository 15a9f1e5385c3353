"""What a run costs grows with the number of fields, and not with its square: counted in calls, not in seconds."""

from __future__ import annotations

import ast
import cProfile
import json
from pathlib import Path
from typing import Any

import pytest

import xdmprep as xp

ROWS = 5


def calls(tmp_path: Path, count: int, kind: str, format: str) -> int:
    """Function calls of one run over `count` fields."""
    fields: dict[str, Any] = {f"f{n}": {"type": "string"} for n in range(count)}
    properties = {"m": {"type": "object", "additionalProperties": {"type": "string"}}} if kind == "map" else fields
    if kind == "wrong":
        properties = {name: {"type": "integer"} for name in fields}
    document = {"$id": "https://ns.adobe.com/x/schemas/w", "title": "w", "type": "object", "properties": properties}
    schema = tmp_path / f"{kind}{count}.schema.json"
    schema.write_text(json.dumps(document))
    source = tmp_path / f"{count}.csv"
    lines = [
        ",".join(f"c{n}" for n in range(count)),
        *[",".join(f"v{row}" for _ in range(count)) for row in range(ROWS)],
    ]
    source.write_text("\n".join(lines) + "\n")
    place = "m.f" if kind == "map" else "f"
    mapping = {f"{place}{n}": f"upper(c{n})" if kind == "calculated" else f"c{n}" for n in range(count)}
    if kind == "unread":
        mapping = {"f0": f"c{count - 1}"}
    profile = cProfile.Profile()
    result = profile.runcall(
        xp.prepare,
        source,
        mapping,
        schema,
        tmp_path / f"out-{kind}-{count}-{format}",
        format=format,
        jobs=1,
        strict=True,
    )
    assert (result.written, result.rejected) == ((0, ROWS) if kind == "wrong" else (ROWS, 0))
    return sum(entry.callcount for entry in profile.getstats())


@pytest.mark.parametrize(
    ("kind", "format"),
    [(kind, "json") for kind in ("copied", "calculated", "map", "wrong", "unread")]
    + [("copied", "parquet"), ("map", "parquet"), ("copied", "csv")],
)
def test_calls_grow_with_the_fields(tmp_path: Path, kind: str, format: str) -> None:
    calls(tmp_path, 3, kind, format)  # what is imported or cached at the first run
    few, some, many = (calls(tmp_path, count, kind, format) for count in (20, 60, 140))
    assert (many - some) / (some - few) < 2.3  # twice as many more fields; 3.3 and more where each looks at all others


def test_columns_are_looked_up_and_not_searched() -> None:
    """`name in columns.names` makes a list of all names each time; `get_field_index` is a look-up."""
    package = Path(xp.__file__).parent
    found = []
    for path in [*package.joinpath("mapping").rglob("*.py"), *package.joinpath("language").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn)):
                place = ast.unparse(node.comparators[0])
                if place in ("columns.names", "schema.names", "records.schema.names", "self.schema.names"):
                    found.append(f"{path.name}:{node.lineno}")
    assert found == []
