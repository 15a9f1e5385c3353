"""Nested sources: paths, whole objects with overrides, and parallel copies between arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xdmprep.core.shred import array_at, prune
from xdmprep.errors import MappingError
from xdmprep.mapping import MappingSet, compile_mapping, map_stream
from xdmprep.read import open_source
from xdmprep.schema import Schema

SCHEMAS = Path(__file__).parents[2] / "schemas"


@pytest.fixture(scope="module")
def crm() -> Schema:
    return Schema.load(SCHEMAS / "crm-profile.schema.json")


@pytest.fixture(scope="module")
def event() -> Schema:
    return Schema.load(SCHEMAS / "purchase-event.schema.json")


def run(mapping: dict[str, Any], rows: Any, schema: Schema | None = None) -> list[dict[str, Any]]:
    table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows)
    return map_stream(open_source(table), MappingSet(mapping), schema).to_pylist()


def fault(mapping: dict[str, Any], rows: list[dict[str, Any]], schema: Schema | None = None) -> str:
    with pytest.raises(MappingError) as error:
        compile_mapping(MappingSet(mapping), pa.Table.from_pylist(rows).schema, schema)
    return str(error.value)


class TestPaths:
    ROW: ClassVar[Any] = {"c": {"name": "N", "tags": ["x", "y"], "odd.name": "O"}, "list": [{"a": "1"}, {"a": "2"}]}

    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            ("c.name", "N"), ("c.tags[1]", "y"), ("list[0].a", "1"), ("list[5].a", None), ("c.odd\\.name", "O"),
            ("list[*].a", ["1", "2"]), ("c.tags", ["x", "y"]),
        ],
    )  # fmt: skip
    def test_paths_into_a_record(self, source: str, expected: Any) -> None:
        assert run({"x": {"column": source}}, [self.ROW]) == [prune({"x": expected})]

    def test_a_header_that_has_the_whole_text_comes_first(self) -> None:
        assert run({"x": "c.name"}, [{"c.name": "flat", "c": {"name": "nested"}}]) == [{"x": "flat"}]

    @pytest.mark.parametrize(("source", "name"), [(r"\[0\]", "[0]"), (r"a\[x\] b", "a[x] b"), (r"a\\b", "a\\b")])
    def test_a_name_with_escapes_is_one_of_a_column(self, source: str, name: str) -> None:
        assert run({"x": source}, [{name: "v"}]) == run({"x": {"column": source}}, [{name: "v"}]) == [{"x": "v"}]

    def test_a_text_with_two_meanings_is_told(self) -> None:
        columns = pa.Table.from_pylist([{"c.name": "flat", "c": {"name": "nested"}}]).schema
        assert "the column is taken" in compile_mapping(MappingSet({"x": "c.name"}), columns).notes[0]

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            ("c.nam", "'c' has no field 'nam'. Did you mean 'c.name' or"),
            ("list.a", "'list' is an array; write 'list[0].a' or 'list[*].a'"),
            ("list.0", "'list' is an array; write 'list[0]'."),
            ("c.name.first", "'c.name' is a string and has no field 'first'"),
            ("c[0]", "'c' is an object, not an array"),
        ],
    )
    def test_paths_that_lead_nowhere(self, source: str, message: str) -> None:
        assert message in fault({"x": {"column": source}}, [self.ROW])

    def test_maps_by_key(self) -> None:
        kind = pa.map_(pa.string(), pa.int64())
        table = pa.table({"m": pa.array([[("a", 1), ("b", 2)], [("b", 3)], None], kind)})
        assert run({"x": "m.b", "y": "m.a"}, table) == [{"x": 2, "y": 1}, {"x": 3}, {}]

    @settings(max_examples=60)
    @given(st.lists(st.none() | st.lists(st.none() | st.fixed_dictionaries({"a": st.none() | st.integers(0, 9)}))))
    def test_walking_arrays_equals_walking_each_value(self, values: list[Any]) -> None:
        array = pa.array(values, pa.list_(pa.struct([("a", pa.int64())])))
        starred = [None if v is None else [None if e is None else e["a"] for e in v] for v in values]
        second = [v[1]["a"] if v is not None and len(v) > 1 and v[1] is not None else None for v in values]
        for piece, cut in ((array, slice(None)), (array.slice(1), slice(1, None))):
            assert array_at(piece, ("[*]", "a")).to_pylist() == starred[cut]
            assert array_at(piece, (1, "a")).to_pylist() == second[cut]


class TestObjects:
    ROW: ClassVar[Any] = {
        "adr": {"street1": "S", "city": "C", "unknown": 1, "_schema": {"latitude": "1.5", "other": 2}},
        "z": "Z",
    }

    def test_fields_of_equal_name_come_along_and_the_rest_is_dropped(self, crm: Schema) -> None:
        records = run({"homeAddress": "adr"}, [self.ROW, {"adr": None, "z": "Z"}], crm)
        assert records == [{"homeAddress": {"street1": "S", "city": "C", "_schema": {"latitude": 1.5}}}, {}]

    def test_dropped_fields_are_told(self, crm: Schema) -> None:
        mapper = compile_mapping(MappingSet({"homeAddress": "adr"}), pa.Table.from_pylist([self.ROW]).schema, crm)
        assert [note.split("'")[1::2] for note in mapper.notes] == [
            ["homeAddress.unknown", "homeAddress._schema.other"]
        ]

    @pytest.mark.parametrize("parent_first", [True, False])
    def test_a_more_specific_mapping_wins_in_any_order(self, crm: Schema, parent_first: bool) -> None:
        pairs = [("homeAddress", "adr"), ("homeAddress.city", "z"), ("homeAddress._schema.latitude", "2")]
        records = run(dict(pairs if parent_first else pairs[::-1]), [self.ROW], crm)
        assert records == [{"homeAddress": {"street1": "S", "city": "Z", "_schema": {"latitude": 2.0}}}]

    def test_an_object_made_by_an_expression_can_be_overridden(self, crm: Schema) -> None:
        mapping = {"homeAddress": "json_to_object(j)", "homeAddress.city": "z", "homeAddress.country": '"NL"'}
        rows = [{"j": '{"street1": "S", "city": "C", "_schema": {"latitude": "3.5"}}', "z": "Z"}, {"j": None, "z": "Z"}]
        assert run(mapping, rows, crm) == [
            {"homeAddress": {"street1": "S", "city": "Z", "country": "NL", "_schema": {"latitude": 3.5}}},
            {"homeAddress": {"city": "Z", "country": "NL"}},
        ]

    def test_an_object_that_failed_is_one_finding(self, crm: Schema) -> None:
        table = pa.table({"a": ["x", "2024-01-01"], "z": ["Y", "Z"]})
        mapping = MappingSet({"homeAddress": "{'city': z, 'country': format(date(a), 'yyyy')}"})
        (chunk,) = map_stream(open_source(table), mapping, crm).chunks()
        (finding,) = chunk.issues
        assert (finding.code, finding.path, finding.rows.tolist()) == ("expression", "homeAddress", [1])

    def test_nothing_in_common_is_a_fault(self, crm: Schema) -> None:
        assert "no field of the source's object" in fault({"homePhone": "a"}, [{"a": {"b": 1}}], crm)

    def test_a_field_that_can_never_fit_is_a_fault(self, crm: Schema) -> None:
        message = fault({"homeAddress": "a"}, [{"a": {"city": ["x"]}}], crm)
        assert "'homeAddress.city': an array cannot become a string" in message

    def test_without_a_schema_objects_go_as_they_are(self) -> None:
        assert run({"x": "adr", "x.city": "z"}, [self.ROW]) == [{"x": {**self.ROW["adr"], "city": "Z"}}]

    def test_whole_arrays(self, event: Schema) -> None:
        rows = [{"items": [{"SKU": "a", "quantity": "2", "odd": 1}, {"SKU": "b", "quantity": "x", "odd": 2}]}]
        stream = map_stream(open_source(pa.Table.from_pylist(rows)), MappingSet({"productListItems": "items"}), event)
        assert stream.to_pylist() == [{"productListItems": [{"SKU": "a", "quantity": 2}, {"SKU": "b"}]}]
        (finding,) = [finding for chunk in stream for finding in chunk.issues]
        assert finding.path == "productListItems[*].quantity" and finding.rows.tolist() == [1]
        assert finding.values is not None and finding.values.to_pylist() == ["x"]

    def test_dropped_fields_of_arrays_are_told(self, event: Schema) -> None:
        columns = pa.Table.from_pylist([{"items": [{"SKU": "a", "odd": 1}]}]).schema
        mapper = compile_mapping(MappingSet({"productListItems": "items"}), columns, event)
        assert [note.split("'")[1] for note in mapper.notes] == ["productListItems[*].odd"]

    def test_whole_arrays_made_by_an_expression(self, event: Schema) -> None:
        rows = [{"j": '[{"SKU": "a", "quantity": "2"}, {"SKU": "b", "quantity": "x"}]'}, {"j": '[{"SKU": "c"}]'}]
        mapping = MappingSet({"productListItems": "json_to_object(j)"})
        stream = map_stream(open_source(pa.Table.from_pylist(rows)), mapping, event)
        assert stream.to_pylist() == [
            {"productListItems": [{"SKU": "a", "quantity": 2}, {"SKU": "b"}]}, {"productListItems": [{"SKU": "c"}]},
        ]  # fmt: skip
        (finding,) = [finding for chunk in stream for finding in chunk.issues]
        assert finding.path == "productListItems[*].quantity" and finding.rows.tolist() == [1]


class TestStars:
    ROWS: ClassVar[Any] = (
        {"emails": [{"name": "a", "at": {"d": "1"}}, {"name": "b", "at": None}], "sizes": ["10", "20", "30"]},
        {"emails": [], "sizes": ["40"]},
        {"emails": None, "sizes": None},
    )

    def test_element_by_element(self) -> None:
        assert run({"pi[*].names": "emails[*].name"}, list(self.ROWS)) == [
            {"pi": [{"names": "a"}, {"names": "b"}]}, {}, {},
        ]  # fmt: skip

    def test_several_fields_of_one_array_stand_side_by_side(self) -> None:
        mapping = {"pi[*].n": "emails[*].name", "pi[*].in.d": "emails[*].at.d", "pi[*].kind": '"work"'}
        assert run(mapping, list(self.ROWS)) == [
            {"pi": [{"n": "a", "in": {"d": "1"}, "kind": "work"}, {"n": "b", "kind": "work"}]}, {}, {},
        ]  # fmt: skip

    def test_arrays_of_unlike_length(self, event: Schema) -> None:
        mapping = {"productListItems[*].SKU": "emails[*].name", "productListItems[*].quantity": "sizes"}
        assert run(mapping, list(self.ROWS), event) == [
            {"productListItems": [{"SKU": "a", "quantity": 10}, {"SKU": "b", "quantity": 20}, {"quantity": 30}]},
            {"productListItems": [{"quantity": 40}]},
            {},
        ]

    def test_plain_elements(self, event: Schema) -> None:
        assert run({"_acme.coupons[*]": "emails[*].name"}, list(self.ROWS), event) == [
            {"_acme": {"coupons": ["a", "b"]}}, {}, {},
        ]  # fmt: skip

    def test_arrays_in_arrays(self, event: Schema) -> None:
        rows = [
            {"o": [{"sku": "a", "c": [{"i": "1"}, {"i": "2"}]}, {"sku": "b", "c": []}]},
            {"o": [{"sku": "c", "c": None}]},
        ]
        mapping = {
            "productListItems[*].SKU": "o[*].sku",
            "productListItems[*].productCategories[*].categoryID": "o[*].c[*].i",
            "productListItems[*].productCategories[*].categoryName": '"x"',
        }
        assert run(mapping, rows, event) == [
            {
                "productListItems": [
                    {
                        "SKU": "a",
                        "productCategories": [
                            {"categoryID": "1", "categoryName": "x"},
                            {"categoryID": "2", "categoryName": "x"},
                        ],
                    },
                    {"SKU": "b"},
                ]
            },
            {"productListItems": [{"SKU": "c"}]},
        ]

    def test_what_does_not_fit_is_a_finding(self, event: Schema) -> None:
        mapping = MappingSet({"productListItems[*].quantity": "sizes"})
        stream = map_stream(open_source(pa.Table.from_pylist([{"sizes": ["1", "x"]}])), mapping, event)
        assert stream.to_pylist()[0]["productListItems"][0] == {"quantity": 1}
        assert [f.code for chunk in stream for f in chunk.issues] == ["unparsable"]

    def test_what_fits_no_array_is_a_fault(self, event: Schema) -> None:
        rows = [{"a": "x", "l": ["y"]}]
        assert "write the source with [*] as well" in fault({"productListItems[*].SKU": "a"}, rows, event)
        assert "needs a mapping beside it" in fault({"productListItems[*].SKU": '"x"'}, rows, event)
        both = {"productListItems[*].SKU": "l", "productListItems[0].quantity": "a"}
        assert "productListItems" in fault(both, rows, event)
