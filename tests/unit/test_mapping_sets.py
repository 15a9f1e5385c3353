"""Mapping sets as data: reading, editing, forms, files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from xdmprep.errors import MappingError
from xdmprep.mapping import FieldMapping, MappingSet
from xdmprep.mapping.files import read_csv_template

POSTED = {
    "name": "Members",
    "inputSchema": {"id": "0f1e2d3c4b5a69788796a5b4c3d2e1f0", "version": 0},
    "mappings": [
        {"sourceType": "ATTRIBUTE", "source": "a", "destination": "x.a", "name": "A", "description": "the a"},
        {"sourceType": "EXPRESSION", "source": "concat(a, b)", "destination": "x.b"},
        {"sourceType": "STATIC", "source": "gold", "destination": "x.c"},
        {"sourceType": "ATTRIBUTE", "source": "First Name", "destination": "x.d", "identity": True, "odd": [1]},
    ],
}


def read_yaml(tmp_path: Path, text: str) -> MappingSet:
    file = tmp_path / "m.yaml"
    file.write_text(text)
    return MappingSet.load(file)


def test_a_dict_reads_back_as_it_was() -> None:
    content: dict[str, Any] = {"a.b": "COL", "c": "concat(x, y)", "d": 5, "e": True, "f": 1.5, "g": '"text"'}
    assert MappingSet(content).to_dict() == content


def test_edit_like_a_dict() -> None:
    mapping = MappingSet({"a": "X", "b": "Y"})
    copy = mapping.copy()
    copy["a"] = "Z"
    copy["c"] = 3
    del copy["b"]
    assert dict(copy) == {"a": "Z", "c": 3}
    assert dict(mapping) == {"a": "X", "b": "Y"}
    assert dict(mapping | {"b": "W"}) == {"a": "X", "b": "W"}
    assert len(copy) == 2 and "c" in copy and "b" not in copy
    with pytest.raises(KeyError):
        del copy["b"]


def test_repr_shows_every_mapping() -> None:
    text = repr(MappingSet({"person.name.firstName": "F_NAME", "x": "to_integer(Y)"}, name="crm"))
    assert text.splitlines() == [
        "crm, 2 mappings",
        "  person.name.firstName  <- F_NAME",
        "  x                      <- to_integer(Y)",
    ]


def test_yaml_keeps_words_that_older_yaml_takes_for_booleans(tmp_path: Path) -> None:
    mapping = read_yaml(tmp_path, "a: NO\nb: y\nc: on\nd: 2024-01-02\ne: 010\nf: true\ng: 1_000\nh: 12:30\n")
    assert mapping.to_dict() == {
        "a": "NO", "b": "y", "c": "on", "d": "2024-01-02", "e": "010", "f": True, "g": "1_000", "h": "12:30",
    }  # fmt: skip


def test_yaml_and_json_say_the_same(tmp_path: Path) -> None:
    content = {
        "$group_by": ["k"],
        "a[0].b": "COL",
        "c": 'concat(x, ": ")',
        "d": {"constant": "x", "description": "why"},
    }
    (tmp_path / "m.json").write_text(json.dumps(content))
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    first, second = MappingSet.load(tmp_path / "m.json"), MappingSet.load(tmp_path / "m.yaml")
    assert first == second
    assert first.options.group_by == ("k",)
    assert first.mappings[2].description == "why"


def test_yaml_tells_the_line_of_a_mapping(tmp_path: Path) -> None:
    mapping = read_yaml(tmp_path, "# comment\n\na: X\n\nb: Y\n")
    assert [item.line for item in mapping.mappings] == [3, 5]


def test_a_destination_given_twice_is_kept_twice(tmp_path: Path) -> None:
    assert [item.source for item in read_yaml(tmp_path, "a: X\na: Y\n").mappings] == ["X", "Y"]
    file = tmp_path / "m.json"
    file.write_text('{"a": "X", "a": "Y"}')
    assert [item.source for item in MappingSet.load(file).mappings] == ["X", "Y"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1]", "a: a source is a column, an expression or a constant, got [1]"),
        ("a:", "a: a source is a column, an expression or a constant, got nothing"),
        ("a: ''", "a: the source is blank. Write nullify()"),
        ("$grup_by: k\na: X", "unknown option '$grup_by'. Did you mean '$group_by'?"),
        ("$group_by: {k: 1}\na: X", "$group_by is a column or a list of columns"),
        ("$missing: maybe\na: X", "$missing is error or null, got 'maybe'"),
        ("a: {expresion: x}", "Did you mean 'expression'?"),
        ("a: {b: {c: x}}", "If it is a field inside, write the whole path: a.b."),
        ("a: {x}", "A column is written without braces: a: x."),
        ("a = x", "Write lines of `destination: source`."),
        ("- a: x\n- b: y", "mapping 1: has no source and no destination, but 'a'. Write lines of"),
        ("a: @x", "or begins with a quote or a sign, in single quotes"),
        ("a: {column: x, constant: 1}", "the long form has exactly one of"),
        ("- 1", "mapping 1: is not an object but 1"),
        ("just text", "a mapping set is an object of destination -> source"),
        ("a: 'x", "is not YAML"),
        ("a: b: c", "line 1, column 5: is not YAML"),
    ],
)
def test_bad_files_each_with_one_message(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(MappingError) as error:
        read_yaml(tmp_path, text)
    assert message in str(error.value)
    assert "m.yaml" in str(error.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="No such file"):
        MappingSet.load(tmp_path / "none.yaml")
    (tmp_path / "empty.yaml").write_text(" \n")
    with pytest.raises(MappingError, match="is empty"):
        MappingSet.load(tmp_path / "empty.yaml")
    (tmp_path / "latin.yaml").write_bytes("a: é".encode("latin-1"))
    with pytest.raises(MappingError, match="not UTF-8 text"):
        MappingSet.load(tmp_path / "latin.yaml")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(MappingError, match="not JSON"):
        MappingSet.load(tmp_path / "bad.json")


def test_all_faults_of_a_form_at_once() -> None:
    with pytest.raises(MappingError) as error:
        MappingSet({"a": [1], "b": None, "$nonsense": 1})
    assert len(error.value.faults) == 3


@pytest.mark.parametrize("form", ["posted", "stored"])
def test_data_prep_sets_survive_a_round_trip(tmp_path: Path, form: str) -> None:
    mapping = MappingSet(POSTED)
    assert mapping.losses(form) == []
    file = tmp_path / "set.json"
    assert mapping.save(file, form) == []
    again = MappingSet.load(file)
    assert [(m.kind, m.source, m.destination, m.name) for m in again.mappings] == [
        (m.kind, m.source, m.destination, m.name) for m in mapping.mappings
    ]
    assert again.options.extra["inputSchema"] == POSTED["inputSchema"]
    assert again.mappings[3].extra["odd"] == [1] and again.mappings[3].extra["identity"] is True


def test_posted_form_is_given_back_as_it_was() -> None:
    assert MappingSet(POSTED).to_dict("posted") == POSTED


def test_stored_form_has_media_types_and_both_pairs_of_names() -> None:
    first, second, third, _ = MappingSet(POSTED).to_dict("stored")["mappings"]
    assert first["sourceType"] == "text/x.schema-path" and second["sourceType"] == "text/x.aep-xl"
    assert third["sourceType"] == "text/plain"
    assert second["sourceAttribute"] == second["source"] and second["destinationXdmPath"] == second["destination"]


def test_our_yaml_holds_a_whole_data_prep_set(tmp_path: Path) -> None:
    mapping = MappingSet(POSTED)
    file = tmp_path / "m.yaml"
    assert mapping.save(file) == []
    again = MappingSet.load(file)
    assert again.to_dict("posted") == POSTED
    assert again.options.missing == "null"


def test_old_form_holds_plain_copies_only() -> None:
    mapping = MappingSet(POSTED)
    content = mapping.to_dict("old")
    assert [m["sourceAttribute"] for m in content["mappings"]] == ["a", "First Name"]
    assert all("sourceType" not in m for m in content["mappings"])
    losses = mapping.losses("old")
    assert any(text.startswith("x.b:") for text in losses) and any(text.startswith("x.c:") for text in losses)


def test_reads_the_old_form_and_wrapped_answers() -> None:
    old = {"xdmSchema": "s", "xdmVersion": "1", "mappings": [
        {"sourceAttribute": "a", "destinationXdmPath": "x.a", "identity": False},
    ]}  # fmt: skip
    assert MappingSet(old).mappings[0] == FieldMapping("x.a", "a", "column")
    wrapped = {"data": [old], "_page": {"count": 1}}
    assert MappingSet(wrapped).mappings == MappingSet(old).mappings
    assert MappingSet(old["mappings"]).mappings == MappingSet(old).mappings
    with pytest.raises(MappingError, match="holds 2 mapping sets"):
        MappingSet({"data": [{"id": "1", **old}, {"id": "2", **old}]})


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (
            {"source": "a", "sourceAttribute": "b", "destination": "x"},
            "'source' says 'a' and 'sourceAttribute' says 'b'",
        ),
        ({"source": "a"}, "mapping 1: ? <- a: has no destination"),
        ({"destination": "x"}, "mapping 1: x <- ?: has no source"),
        ({"source": "a", "destination": 7}, "mapping 1: ? <- a: the destination is a string, got 7"),
        ({"source": " ", "destination": "x"}, "mapping 1: x <-  : has no source"),
        ({"source": ["a"], "destination": "x"}, "mapping 1: x <- ?: the source is a string, got ['a']"),
        ({"sourceType": "EXPRESION", "source": "a", "destination": "x"}, "Did you mean 'EXPRESSION'?"),
    ],
)
def test_faults_of_data_prep_mappings(item: dict[str, Any], message: str) -> None:
    with pytest.raises(MappingError) as error:
        MappingSet([item])
    assert message in str(error.value)


def test_constants_in_data_prep_forms() -> None:
    made = MappingSet({"a": 5, "b": True, "c": {"constant": 'say "hi"\\'}}).to_dict("posted")["mappings"]
    assert [(m["sourceType"], m["source"]) for m in made] == [
        ("EXPRESSION", "5"), ("EXPRESSION", "true"), ("STATIC", 'say "hi"\\'),
    ]  # fmt: skip


def test_what_data_prep_cannot_hold_is_listed() -> None:
    mapping = MappingSet({"a": lambda X: X, "b": "concat(" + ", ".join(["x"] * 2000) + ")", "$group_by": "k"})
    losses = mapping.losses("posted")
    assert len(losses) == 3
    assert any("Python callable" in text for text in losses)
    assert any("4096" in text for text in losses)
    assert any("$group_by" in text for text in losses)
    assert mapping.losses("own") == ["a: a Python callable has no text; the mapping is left out."]


def test_csv_template_both_ways(tmp_path: Path) -> None:
    mapping = MappingSet(POSTED)
    losses = mapping.save(tmp_path / "t.csv")
    assert len(losses) == 3  # names of mapping 1, keys of mapping 4, keys of the set
    again = MappingSet.load(tmp_path / "t.csv")
    assert [(m.kind, m.source, m.destination) for m in again.mappings] == [
        (m.kind, m.source, m.destination) for m in mapping.mappings
    ]


def test_csv_template_of_other_headings(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text('Source field,Target field,Field type\na,x.a,\n"concat(a,b)",x.b,Calculated field\n', "utf-8-sig")
    assert [(m.kind, m.source) for m in MappingSet.load(file).mappings] == [
        ("column", "a"), ("expression", "concat(a,b)"),
    ]  # fmt: skip
    file.write_text("Source,Destination,Source,Type\n a , b ,c\n , ,\n\nd,e,,text/x\nf,g,h,Calculated")
    assert read_csv_template(file.read_text(), "t.csv") == [
        {"source": "a", "destination": "b"}, {"source": "d", "destination": "e", "sourceType": "text/x"},
        {"source": "f", "destination": "g", "sourceType": "EXPRESSION"},
    ]  # fmt: skip
    file.write_text("from,to\na,b\n")
    with pytest.raises(MappingError, match="no headings for source and destination"):
        MappingSet.load(file)


def test_unknown_form() -> None:
    with pytest.raises(MappingError, match="there is no form 'xml'"):
        MappingSet({"a": "b"}).to_dict("xml")


def test_group_by_argument() -> None:
    assert MappingSet({"a": "b"}, group_by="k").options.group_by == ("k",)
    assert MappingSet({"a": "b"}, group_by=["k", "l"]).to_dict()["$group_by"] == ["k", "l"]


def test_a_column_with_blanks_and_a_description_reads_back_as_a_column(tmp_path: Path) -> None:
    """Nothing says which it is; what is no expression and may be a name is a column."""
    given = MappingSet([FieldMapping("person.name.firstName", "First Name", description="as it comes")])
    assert given["person.name.firstName"] == {"column": "First Name", "description": "as it comes"}
    given.save(tmp_path / "m.yaml")
    assert MappingSet.load(tmp_path / "m.yaml").mappings[0].kind == "column"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"mappings": {"a": "b"}}, "'mappings' is a list of mappings, got {'a': 'b'}."),
        ({"mappings": None}, "'mappings' is a list of mappings, got None."),
        ({"data": []}, "the file holds no mapping set. Give a file with one."),
        ({"data": [{"id": "1"}, {"id": "2"}]}, "the file holds 2 mapping sets (1, 2). Give a file with one."),
        (7, "or a Data Prep mapping set; got 7."),
        (None, "or a Data Prep mapping set; got None."),
        ([None], "mapping 1: is not an object but None."),
    ],
)
def test_what_is_no_mapping_set_is_named(content: Any, message: str, tmp_path: Path) -> None:
    file = tmp_path / "m.json"
    file.write_text(json.dumps(content))
    with pytest.raises(MappingError) as error:
        MappingSet.load(file)
    assert message in str(error.value)


def test_a_destination_may_be_called_mappings() -> None:
    assert MappingSet({"mappings": "A"}).pairs == [("A", "mappings")]
    assert MappingSet({"mappings": {"column": "A"}}).pairs == [("A", "mappings")]
