# ruff: noqa: E501
"""Placeholders of templates, alias bombs, and functions that a batch patch does not carry out."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from command_kit import command

import xdmprep as xp
from xdmprep.errors import MappingError, UsageError
from xdmprep.mapping import MappingSet, compile_mapping
from xdmprep.mapping.check import check_mapping
from xdmprep.pipeline.contract import load_contract
from xdmprep.pipeline.upsert import array_warnings

COLUMNS = pa.schema(
    [("id", pa.string()), ("list.listID", pa.string()), ("First Name", pa.string()), ("CITY", pa.string())]
)


def mapped(source: str, values: dict[str, object] | None = None) -> object:
    made = compile_mapping(MappingSet({"a": source}, values=values), COLUMNS)
    batch = pa.record_batch({"id": ["7"], "list.listID": ["L"], "First Name": ["Ann"], "CITY": ["Oslo"]})
    (record,) = xp.map_rows(pa.Table.from_batches([batch]), MappingSet({"a": source}, values=values), None).to_pylist()
    assert made.arrow_schema.names == ["a"]
    return record["a"]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ('concat(id, "@${MUNCHKIN_ID}.marketo")', "MUNCHKIN_ID"), ("concat(id, '${ORG}')", "ORG"), ("concat(id, ${CRM_TYPE})", "CRM_TYPE"),
        ('"${CRM_TYPE}"', "CRM_TYPE"), ('iif(id != null, to_object("id", "${X}"), null)', "X"), ('concat(id, "${CITY}")', "CITY"),
    ],
)  # fmt: skip
def test_a_placeholder_that_is_left_is_refused_before_the_first_row(source: str, name: str) -> None:
    for mapping in (
        MappingSet({"a": source}),
        MappingSet({"mappings": [{"sourceType": "EXPRESSION", "source": source, "destination": "a"}]}),
    ):
        with pytest.raises(MappingError, match=rf"\${{{name}}}.*--set {name}=VALUE"):
            compile_mapping(mapping, COLUMNS)


#: A mapping set with a placeholder that nobody filled in, and its name.
LEFT: list[tuple[object, str]] = [
    ({"_${TENANT}.id": "id"}, "TENANT"), ({"${TENANT}.id": "id"}, "TENANT"), ({"identityMap.${NS}[0].id": "id"}, "NS"),
    ({"a[0].${X}": {"constant": 5}}, "X"),
    ({"a": {"constant": "${ORG}"}}, "ORG"), ({"a": {"constant": "x ${ ORG-ID } y"}}, "ORG-ID"), ({"a": '"${ORG.NAME}"'}, "ORG.NAME"),
    ({"a": {"expression": "concat(id, '${ORG}')"}}, "ORG"), ({"a": {"column": "${COLUMN}"}}, "COLUMN"),
    ({"a": 'decode(id, "7", "${VALUE}", "x")'}, "VALUE"), ({"a": 'contains_key("${PATH}")'}, "PATH"), ({"a": '{"${KEY}": 1}'}, "KEY"),
    ({"a": 'transformArray([1], x -> "${X}")'}, "X"),
    ({"a": 'concat(id.replaceAll("(?<D>7)", "<${D}>"), "${SITE}")'}, "SITE"),
    ({"mappings": [{"sourceType": "ATTRIBUTE", "source": "${COLUMN}", "destination": "a"}]}, "COLUMN"),
    ({"mappings": [{"sourceType": "ATTRIBUTE", "source": "id", "destination": "_${TENANT}.a"}]}, "TENANT"),
    ({"mappings": [{"sourceAttribute": "${COLUMN}", "destinationXdmPath": "a"}]}, "COLUMN"),
    ({"mappings": [{"sourceType": "text/plain", "source": "x${ORG}y", "destination": "a"}]}, "ORG"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "name"), LEFT, ids=[f"{name} in {str(content)[:60]}" for content, name in LEFT])
def test_a_placeholder_is_refused_and_filled_in_every_place_of_a_template(content: object, name: str) -> None:
    mapping = MappingSet(content)
    with pytest.raises(MappingError, match=rf"\${{{name}}}.*--set {name}=VALUE"):
        compile_mapping(mapping, COLUMNS)
    assert check_mapping(mapping, COLUMNS).faults
    value = "id" if name == "COLUMN" else "acme"
    table = pa.table({"id": ["7"], "list.listID": ["L"], "First Name": ["Ann"], "CITY": ["Oslo"], "acme": ["x"]})
    (record,) = xp.map_rows(table, MappingSet(content, values={name: value}), None).to_pylist()
    assert "${" not in str(record) and "{name}" not in str(record)


def test_a_value_that_holds_a_placeholder_fills_nothing() -> None:
    with pytest.raises(MappingError, match=r"\${B}"):
        compile_mapping(MappingSet({"a": '"${A}"', "$values": {"A": "${B}"}}), COLUMNS)


@pytest.mark.parametrize("value", [None, [], {}, ["x"]])
def test_values_that_are_none_fill_nothing(value: object) -> None:
    with pytest.raises(MappingError, match=r"ORG.*is filled with"):
        MappingSet({"a": '"${ORG}"'}, values={"ORG": value})
    with pytest.raises(MappingError, match=r"ORG.*is filled with"):
        MappingSet({"a": '"${ORG}"', "$values": {"ORG": value}})


@pytest.mark.parametrize(
    ("source", "values", "expected"),
    [
        ('concat(id, "@${ORG}.x")', {"ORG": "acme"}, "7@acme.x"), ("concat(id, '${ORG}')", {"ORG": "O'Hara \"x\" \\\\"}, "7O'Hara \"x\" \\\\"),
        ("concat(id, ${ORG})", {"ORG": "acme"}, "7acme"), ("${CITY}", {}, "Oslo"), (r"${list\.listID}", {}, "L"), ("${First Name}", {}, "Ann"),
        ('concat(${CITY}, "${CITY}")', {"CITY": "Rome"}, "OsloRome"), ('"${N}"', {"N": 5}, "5"), ('concat(id.replaceAll("(?<D>7)", "<${D}>"))', {}, "<7>"),
    ],
)  # fmt: skip
def test_placeholders_are_filled_and_fields_are_fields(source: str, values: dict[str, object], expected: str) -> None:
    assert mapped(source, values) == expected


def test_constants_of_a_platform_set_are_filled() -> None:
    content = {"mappings": [{"sourceType": "text/plain", "source": "${ORG}-1", "destination": "a"}]}
    with pytest.raises(MappingError, match="--set ORG"):
        compile_mapping(MappingSet(content), COLUMNS)
    made = MappingSet(content, values={"ORG": "acme"})
    assert xp.map_rows(pa.table({"id": ["1"]}), made, None).to_pylist() == [{"a": "acme-1"}]
    assert MappingSet(made.to_dict()).options.values == {"ORG": "acme"}
    assert made.filled().to_dict("posted")["mappings"][0]["source"] == "acme-1"


def test_a_value_for_no_placeholder_is_refused() -> None:
    with pytest.raises(MappingError, match=r"\${ORH}.*ORG"):
        MappingSet({"a": '"${ORG}"'}, values={"ORH": "x"})


def test_the_command_fills_placeholders(tmp_path: Path, schemas: Path) -> None:
    (tmp_path / "m.yaml").write_text('person.name.firstName: concat(F, "-${ORG}")\n')
    (tmp_path / "s.csv").write_text("F\nAnn\n")
    check = ["mapping", "check", "m.yaml", "--source", "s.csv", "--json"]
    refused = command(*check, cwd=tmp_path)
    assert refused.returncode == 2 and "--set ORG=VALUE" in json.loads(refused.stdout)["faults"][0]
    assert command(*check, "--set", "ORG=acme", cwd=tmp_path).returncode == 0
    convert = ["mapping", "convert", "m.yaml", "out.json", "--set", "ORG=acme"]
    assert command(*convert, cwd=tmp_path).returncode == 0
    assert "-acme" in (tmp_path / "out.json").read_text()
    schema = str(schemas / "crm-profile.schema.json")
    prepare = ["prepare", "s.csv", "-m", "m.yaml", "-s", schema, "-o", "out", "--rules", "jsonschema"]
    assert command(*prepare, cwd=tmp_path).returncode == 2
    assert not (tmp_path / "out").exists()
    done = command(*prepare, "--set", "ORG=acme", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Ann-acme" in (tmp_path / "out" / "part-00000.json").read_text()
    validate = ["validate", "s.csv", "-m", "m.yaml", "-s", schema, "--rules", "jsonschema", "--set", "ORG=acme"]
    done = command(*validate, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


BOMB = "\n".join(
    ["a: &a0 [x, x, x, x, x, x, x, x, x]"] + [f"b{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
)


@pytest.mark.parametrize(
    "text", [BOMB, "a: &a {b: *a}", "a: &a [*a, *a]", BOMB.replace("[", "{k: [").replace("]", "]}")]
)
def test_aliases_that_explode_are_refused(tmp_path: Path, text: str) -> None:
    """Written out, the first would be ten billion values."""
    (tmp_path / "m.yaml").write_text(text)
    with pytest.raises(MappingError, match="aliases"):
        MappingSet.load(tmp_path / "m.yaml")


def test_aliases_of_a_contract_that_explode_are_refused(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(BOMB)
    with pytest.raises(UsageError, match="aliases"):
        load_contract(tmp_path / "c.yaml")


def test_aliases_that_do_not_explode_are_read(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text("a: &x {expression: upper(id), description: d}\nb: *x\n")
    assert dict(MappingSet.load(tmp_path / "m.yaml")).keys() == {"a", "b"}


def test_ways_of_merging_arrays_are_warned_of() -> None:
    mapping = MappingSet({"a": "upsert_array_append(x)", "b": "iif(y, upsert_array_replace(x, 1), null)", "c": "x"})
    found = array_warnings(mapping)
    assert [text.split(":")[0] for text in found] == ["a", "b"]
    assert all("replaces the whole array" in text for text in found)
    assert array_warnings(None) == []


def test_the_check_of_a_set_knows_placeholders() -> None:
    assert check_mapping(MappingSet({"a": 'concat(id, "${ORG}")'}), COLUMNS).faults
    assert check_mapping(MappingSet({"a": 'concat(id, "${ORG}")'}, values={"ORG": "x"})).sound
