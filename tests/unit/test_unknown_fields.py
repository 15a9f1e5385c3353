"""Fields that the schema does not have are told: once by a note, or by findings where only the data has them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xdmprep as xp
from xdmprep.mapping import compile_mapping

ITEM = {"type": "object", "properties": {"id": {"type": "string"}, "n": {"type": "integer"}}}
OBJECT = {"type": "object", "properties": {
    **ITEM["properties"], "in": ITEM, "list": {"type": "array", "items": ITEM},
}}  # fmt: skip
SCHEMA = xp.Schema.from_dict({
    "$id": "https://ns.example.com/unknown", "type": "object", "meta:class": "https://ns.adobe.com/xdm/data/record",
    "properties": {
        "o": OBJECT, "l": {"type": "array", "items": OBJECT}, "m": {"type": "object", "additionalProperties": ITEM},
    },
})  # fmt: skip

#: Objects with fields that the schema has, and with others; null is no value that is lost.
OBJECTS: list[dict[str, Any] | None] = [
    {"id": "a", "typo": "x", "in": {"id": "b", "other": "1"}, "list": [{"id": "c", "odd": "z"}, {"id": "d"}]},
    {"id": "e", "typo": None, "in": None, "list": [{"id": "f", "odd": "y"}, {"id": "g", "odd": "w"}]},
    None,
    {"id": "h", "typo": "u", "in": {"id": "i", "other": None}, "list": []},
    {"id": "j", "typo": None, "in": {"id": "k", "other": "2"}, "list": None},
]
KNOWN = {"id", "n", "in", "list"}


def lost(value: Any, path: str) -> Iterator[str]:
    """The place of each value, not null, of a field that the schema does not have."""
    if isinstance(value, list):
        for item in value:
            yield from lost(item, f"{path}[*]")
    elif isinstance(value, dict):
        for name, item in value.items():
            if name in KNOWN:
                yield from lost(item, f"{path}.{name}")
            elif item is not None:
                yield f"{path}.{name}"


def kept(value: Any) -> Any:
    """A value without nulls and empty arrays, and without the fields that the schema does not have."""
    if isinstance(value, list):
        return [kept(item) for item in value]
    if isinstance(value, dict):
        return {name: kept(item) for name, item in value.items() if name in KNOWN and item not in (None, [])}
    return value


STRUCT = pa.array(OBJECTS)
SOURCE = pa.table({
    "J": pa.array([None if value is None else json.dumps(value) for value in OBJECTS]),
    "S": STRUCT,
    "N": pa.array([1, 2, 3, 4, 5]), "Q": pa.array(['{"id": "q"}', None, '{"n": 1}', "{}", "null"]),
    "A": pa.array(["a", None, "c", "d", "e"]), "X": pa.array(["x", "y", None, "z", "w"]),
})  # fmt: skip

#: What makes the objects: expressions whose names only the data has, and such as are known before the first row.
FROM_DATA = {"json": "json_to_object(J)", "choice": "iif(N < 9, json_to_object(J), X)"}
#: Where they go, and what the objects stand in there.
NESTED: dict[str, tuple[str, str]] = {
    "object": ("o", "{}"), "element": ("l[0]", "{}"), "array": ("l", "to_array(false, {})"),
}  # fmt: skip


def written(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for file in sorted(folder.glob("part-*")):
        if file.suffix == ".parquet":
            rows += pq.read_table(file).to_pylist()
        else:
            rows += [json.loads(line) for line in file.read_text().splitlines()]
    return rows


def found(result: xp.Result) -> dict[str, int]:
    groups = result.report.groups
    assert {(group.code, group.severity) for group in groups} <= {("unknown-field", "warning")}
    counts: Counter[str] = Counter()
    for group in groups:
        counts[group.path.replace("[0]", "[*]")] += group.count
    return dict(counts)


@pytest.mark.parametrize("kind", ["json", "parquet"])
@pytest.mark.parametrize("nesting", NESTED)
@pytest.mark.parametrize("source", FROM_DATA)
def test_names_that_only_the_data_has_are_findings(source: str, nesting: str, kind: Any, tmp_path: Path) -> None:
    destination, around = NESTED[nesting]
    mapping = {destination: around.format(FROM_DATA[source])}
    result = xp.prepare(SOURCE, mapping, SCHEMA, out=tmp_path / "out", format=kind, rules="jsonschema")
    place = destination.replace("[0]", "[*]") + ("[*]" if nesting == "array" else "")
    assert found(result) == Counter(path for value in OBJECTS for path in lost(value, place))
    assert (result.report.notes, result.rows) == ((), len(OBJECTS))
    first = [row.get("o") or (row.get("l") or [None])[0] for row in written(tmp_path / "out")]
    assert [kept(value) for value in first if value] == [kept(value) for value in OBJECTS if value is not None]


#: The destination, the source, and the places of the fields that it does not have.
FROM_TYPES: dict[str, tuple[str, Any, list[str]]] = {
    "literal keys": ("o", 'to_object("id", A, "typo", X)', ["o.typo"]),
    "below": ("o", 'to_object("in", to_object("id", A, "t", X, "u", N))', ["o.in.t", "o.in.u"]),
    "values of several types": ("o", 'to_object("id", A, "typo", iif(N == 1, X, N))', ["o.typo"]),
    "beside values of several types": ("o", 'to_object("id", iif(N == 1, X, N), "typo", X)', ["o.typo"]),
    "beside JSON": ("o", 'to_object("id", A, "typo", X, "in", json_to_object(Q))', ["o.typo"]),
    "a choice": ("o", 'iif(N == 9, to_object("id", A, "t", json_to_object(Q)), to_object("u", json_to_object(Q)))',
                 ["o.t", "o.u"]),
    "elements beside JSON": ("l", '[to_object("id", A, "typo", json_to_object(Q))]', ["l[*].typo"]),
    "pairs of a map": ("o", 'to_map("id", A, "typo", X)', ["o.typo"]),
    "in a map": ("m", 'to_object("k", to_object("id", A, "typo", X))', ["m.k.typo"]),
    "items of a map": ("m.k", 'to_object("id", A, "typo", X)', ["m.k.typo"]),
    "elements": ("l", 'to_array(false, to_object("id", A, "typo", X))', ["l[*].typo"]),
    "arrays side by side": ("l", 'arrays_to_objects("id", [A], "typo", [X])', ["l[*].typo"]),
    "each element": ("l[*]", 'to_array(false, to_object("id", A, "typo", X))', ["l[*].typo"]),
    "one element": ("l[0]", 'to_object("id", A, "typo", X)', ["l[0].typo"]),
    "a column": ("o", "S", ["o.typo", "o.in.other", "o.list[*].odd"]),
    "a callable": ("o", lambda records: records.column("S"), ["o.typo", "o.in.other", "o.list[*].odd"]),
    "a column in an array": ("l", "to_array(false, S)", ["l[*].typo", "l[*].in.other", "l[*].list[*].odd"]),
    "a column in an element": ("l[0]", "S", ["l[0].typo", "l[0].in.other", "l[0].list[*].odd"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["json", "parquet"])
@pytest.mark.parametrize("case", FROM_TYPES)
def test_names_that_types_tell_are_one_note(case: str, kind: Any, tmp_path: Path) -> None:
    destination, source, places = FROM_TYPES[case]
    mapping = {destination: source}
    (note,) = compile_mapping(xp.MappingSet(mapping), SOURCE.schema, SCHEMA).notes
    verb = "is not in the schema; the field is" if len(places) == 1 else "are not in the schema; the fields are"
    assert note.startswith(f"{destination} <- ")
    assert note.endswith(f": {', '.join(map(repr, places))} {verb} left out.")
    result = xp.prepare(SOURCE, mapping, SCHEMA, out=tmp_path / "out", format=kind, rules="jsonschema")
    assert (result.report.notes, found(result), result.rejected) == ((note,), {}, 0)


def test_a_note_names_a_few_of_many_fields() -> None:
    wide = pa.schema([("W", pa.struct([("id", pa.string()), *((f"f{number}", pa.string()) for number in range(30))]))])
    (note,) = compile_mapping(xp.MappingSet({"o": "W"}), wide, SCHEMA).notes
    assert "'o.f9' and 20 more are not in the schema" in note and "o.f10" not in note


@pytest.mark.parametrize("text", [True, False], ids=["text", "map"])
@pytest.mark.parametrize("names", [2, 15, 900])
def test_keys_of_maps_are_counted_by_name_unless_they_are_many(names: int, text: bool, tmp_path: Path) -> None:
    pairs = [[("id", "a"), (f"k{number % names}", "y"), ("z", None)] for number in range(1_800)]
    maps = pa.array(pairs, pa.map_(pa.string(), pa.string()))
    texts = pa.array([f"id:a,k{number % names}:y" for number in range(1_800)])
    source: Any = "str_to_object(M)" if text else "M"
    result = xp.prepare(pa.table({"M": texts if text else maps}), {"o": source}, SCHEMA, out=tmp_path / "out")
    every = {f"o.k{number}": 1_800 // names for number in range(names)}
    assert found(result) == ({"o.{*}": 1_800} if names > 20 else every)
    assert result.written == 1_800


def test_values_of_no_arrow_type_are_looked_through_too(tmp_path: Path) -> None:
    texts = [json.dumps({"id": "a", "typo": number, "\0x": [1], "in": {"bad": "b"}}) for number in range(3)]
    result = xp.prepare(pa.table({"J": texts}), {"o": "json_to_object(J)"}, SCHEMA, out=tmp_path / "out")
    assert found(result) == {"o.typo": 3, "o.\0x": 3, "o.in.bad": 3}


def test_a_name_is_not_told_twice_where_values_have_no_arrow_type(tmp_path: Path) -> None:
    texts = [json.dumps({"id": "a", "\0x": 1}) for _ in range(3)]
    mapping = {"o": 'to_object("id", "a", "typo", 1, "in", json_to_object(J))'}
    result = xp.prepare(pa.table({"J": texts}), mapping, SCHEMA, out=tmp_path / "out")
    (note,) = result.report.notes
    assert "'o.typo' is not" in note and found(result) == {"o.in.\0x": 3}


def test_rows_of_a_group_are_looked_through_too(tmp_path: Path) -> None:
    rows = pa.table({"K": ["1", "1", "2"], "J": ['{"id": "a", "t": 1}', '{"id": "b", "t": 2}', '{"id": "c"}']})
    mapping = {"$group_by": "K", "o.id": "K", "l[*]": "json_to_object(J)"}
    result = xp.prepare(rows, mapping, SCHEMA, out=tmp_path / "out")
    assert found(result) == {"l[*].t": 2}
    assert [issue.value for issue in result.report] == ["1", "2"]
