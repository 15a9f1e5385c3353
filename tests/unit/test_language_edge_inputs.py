"""Every function meets null, empty, foreign letters, the wrong type and huge input; what it gives is stated here.

Each function has one line for each of the five kinds.  The expectations are written by hand, or worked out with
Python's own library.  The expression runs alone and over a batch of rows.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from language_kit import errors_of, values_of

from xdmprep.errors import ExpressionError
from xdmprep.language import Options, catalogue, compile_expression, evaluate


class Fails:
    """Stands for an evaluation that fails."""

    def __repr__(self) -> str:
        return "FAILS"


FAILS = Fails()
KINDS = ("null", "empty", "unicode", "wrong type", "huge")
U = "Žluť 漢字\U0001f600"
HUGE = "ab,c; " * 20_000
NUMBERS = list(range(5_000))
WORDS = [f"w{i}" for i in range(5_000)]
OBJECT = {f"k{i}": i for i in range(2_000)}
PRODUCTS = ",".join(f"c{i};p{i};{i};1.5;event1={i}:id{i};eVar1=v{i}" for i in range(2_000))
EVENTS = ",".join(f"event{i}={i}:id{i}" for i in range(2_000))
PAIRS = ",".join(f"k{i}:{i}" for i in range(2_000))
RECORD: dict[str, Any] = {
    "nothing": None, "u": U, "huge": HUGE, "numbers": NUMBERS, "words": WORDS, "object": OBJECT, "products": PRODUCTS,
    "events": EVENTS, "pairs": PAIRS, "url": "https://h.example/" + "p/" * 5_000 + "end?q=" + "x" * 5_000 + "#f",
    "digits": "9" * 4_000, "nested": [[n] for n in NUMBERS], "rows": [{"k": f"k{n}", "v": n} for n in NUMBERS],
    "json": json.dumps(NUMBERS), "place": {"città": "Zürich"},
}  # fmt: skip
ROWS = pa.RecordBatch.from_pylist([RECORD, RECORD])


def hashed(name: str) -> list[tuple[str, Any]]:
    def of(text: str) -> str:
        if name == "crc32":
            return zlib.crc32(text.encode()).to_bytes(4, "little").hex()
        return hashlib.new(name, text.encode()).hexdigest()

    return [(f"{name}(nothing)", None), (f'{name}("")', of("")), (f"{name}(u)", of(U)), (f"{name}([1])", FAILS),
            (f"{name}(huge)", of(HUGE))]  # fmt: skip


def agent(name: str, unknown: str) -> list[tuple[str, Any]]:
    return [(f"{name}(nothing)", None), (f'{name}("")', unknown), (f"{name}(u)", unknown), (f"{name}([1])", FAILS),
            (f"{name}(huge)", unknown)]  # fmt: skip


def product(name: str, at: int, huge: list[Any]) -> list[tuple[str, Any]]:
    row = [None] * 6
    row[at] = "é漢"
    one = ";".join(part or "" for part in row)
    return [(f"{name}(nothing)", None), (f'{name}("")', []), (f'{name}("{one}")', ["é漢"]), (f"{name}([1])", FAILS),
            (f"{name}(products)", huge)]  # fmt: skip


CASES: dict[str, list[tuple[str, Any]]] = {
    # string
    "concat": [("concat(nothing, nothing)", ""), ('concat("", "")', ""), ('concat(u, "-", u)', f"{U}-{U}"),
               ('concat(true, 5, 2.5, [1, "a"])', 'true52.5[1,"a"]'), ("concat(huge, huge)", HUGE * 2)],
    "explode": [("explode(nothing)", None), ('explode("")', [""]), ('explode(u, "漢")', U.split("漢")),
                ("explode([1])", FAILS), ('explode(huge, ";")', HUGE.split(";"))],
    "instr": [('instr(nothing, "a")', None), ('instr("", "a")', -1), ('instr(u, "字")', 6), ('instr([1], "a")', FAILS),
              ('instr(huge, ";")', HUGE.index(";"))],
    "replacestr": [('replacestr(nothing, "a", "b")', None), ('replacestr("", "a", "b")', ""),
                   ('replacestr(u, "漢", "x")', U.replace("漢", "x")), ('replacestr([1], "a", "b")', FAILS),
                   ('replacestr(huge, "; ", "")', HUGE.replace("; ", ""))],
    "substr": [("substr(nothing, 1)", None), ('substr("", 0, 5)', ""), ("substr(u, 5, 3)", "漢字\U0001f600"),
               ('substr("abc", "x")', FAILS), ("substr(huge, 119990, 99)", HUGE[119990:])],
    "lower": [("lower(nothing)", None), ('lower("")', ""), ('lower("ÀÉŽ漢")', "àéž漢"), ("lower([1])", FAILS),
              ("lower(huge)", HUGE)],
    "upper": [("upper(nothing)", None), ('upper("")', ""), ("upper(u)", U.upper()), ("upper({})", FAILS),
              ("upper(huge)", HUGE.upper())],
    "split": [('split(nothing, ",")', None), ('split("", ",")', []), ('split(u, "漢 ")', ["Žluť", "字\U0001f600"]),
              ('split([1], ",")', FAILS), ('split(huge, ",; ")', ["ab", "c"] * 20_000)],
    "join": [('join(",", nothing)', None), ('join(",", [])', ""), ('join("漢", ["é", "ü"])', "é漢ü"),
             ("join([1], [2, 3])", FAILS), ('join("-", words)', "-".join(WORDS))],
    "lpad": [('lpad(nothing, 3, "x")', None), ('lpad("", 3, "x")', "xxx"), ('lpad("é", 3, "漢")', "漢漢é"),
             ('lpad("a", "x", "y")', FAILS), ('lpad("a", 100000, "b")', "b" * 99_999 + "a")],
    "rpad": [('rpad(nothing, 3, "x")', None), ('rpad("", 3, "")', "   "), ('rpad("é", 4, "漢x")', "é漢x漢"),
             ('rpad([], 3, "y")', FAILS), ('rpad("a", 100000, "b")', "a" + "b" * 99_999)],
    "left": [("left(nothing, 2)", None), ('left("", 2)', ""), ("left(u, 6)", "Žluť 漢"), ('left("a", [])', FAILS),
             ("left(huge, 99999)", HUGE[:99_999])],
    "right": [("right(nothing, 2)", None), ('right("", 2)', ""), ("right(u, 2)", "字\U0001f600"),
              ('right("a", -1)', FAILS), ("right(huge, 99999)", HUGE[-99_999:])],
    "ltrim": [("ltrim(nothing)", None), ('ltrim("  ")', ""), ('ltrim(" é ")', "é "), ("ltrim([1])", FAILS),
              ("ltrim(huge)", HUGE)],
    "rtrim": [("rtrim(nothing)", None), ('rtrim("")', ""), ('rtrim(" 漢 ")', " 漢"), ("rtrim({})", FAILS),
              ("rtrim(huge)", HUGE.rstrip())],
    "trim": [("trim(nothing)", None), ('trim(" \t\n")', ""), ('trim(" 漢 ")', "漢"), ("trim([1])", FAILS),
             ("trim(huge)", HUGE.strip())],
    "equals": [("nothing.equals(nothing)", False), ('"".equals("")', True), ('u.equals(concat(u, ""))', True),
               ('"1".equals(1)', False), ('huge.equals(concat(huge, "x"))', False)],
    "equalsIgnoreCase": [('nothing.equalsIgnoreCase("a")', False), ('"".equalsIgnoreCase(nothing)', False),
                         ('"ŽLUŤ".equalsIgnoreCase("žluť")', True), ("equalsIgnoreCase([1], [1])", FAILS),
                         ("huge.equalsIgnoreCase(upper(huge))", True)],
    # regex
    "extract_regex": [('extract_regex(nothing, "a")', None), ('extract_regex("", "a")', []),
                      ('extract_regex(u, "(漢)(.)")', ["漢字", "漢", "字"]), ('extract_regex("a", "(")', FAILS),
                      ('extract_regex(huge, "c(; a)")', ["c; a", "; a"])],
    "matches_regex": [('matches_regex(nothing, "a")', None), ('matches_regex("", ".*")', True),
                      ('matches_regex(u, "[^a-z]+")', False), ('matches_regex([1], "a")', FAILS),
                      ('matches_regex(huge, "(ab,c; )+")', True)],
    # hash
    **{name: hashed(name) for name in ("sha1", "sha256", "sha512", "md5", "crc32")},
    # url
    "get_url_protocol": [("get_url_protocol(nothing)", None), ('get_url_protocol("")', None),
                         ('get_url_protocol("https://é.example/")', "https"), ("get_url_protocol([1])", None),
                         ("get_url_protocol(url)", "https")],
    "get_url_host": [("get_url_host(nothing)", None), ('get_url_host("")', None),
                     ('get_url_host("https://bücher.example/x")', "bücher.example"), ("get_url_host({})", None),
                     ("get_url_host(url)", "h.example")],
    "get_url_port": [("get_url_port(nothing)", None), ('get_url_port("")', None),
                     ('get_url_port("http://é.example:81/")', 81), ("get_url_port([1])", None),
                     ("get_url_port(url)", 443)],
    "get_url_path": [("get_url_path(nothing)", None), ('get_url_path("")', None),
                     ('get_url_path("https://h.example/漢/字?q")', "/漢/字"), ("get_url_path([1])", None),
                     ("get_url_path(url, false)", "end")],
    "get_url_query_str": [('get_url_query_str(nothing, "remove")', None), ('get_url_query_str("", "remove")', None),
                          ('get_url_query_str("https://h.example/?é=漢", "remove")', {"é": "漢"}),
                          ('get_url_query_str("https://h.example/?a=1", "bad")', FAILS),
                          ('get_url_query_str(url, "append")', {"q": "x" * 5_000, "_anchor_": "f"})],
    "get_url_encoded": [("get_url_encoded(nothing)", None), ('get_url_encoded("")', ""),
                        ("get_url_encoded(u)", quote(U, safe="")), ("get_url_encoded([1])", FAILS),
                        ("get_url_encoded(huge)", quote(HUGE, safe=""))],
    "get_url_decoded": [("get_url_decoded(nothing)", None), ('get_url_decoded("")', ""),
                        ('get_url_decoded("%C3%A9%E6%BC%A2")', "é漢"), ("get_url_decoded([1])", FAILS),
                        ("get_url_decoded(get_url_encoded(huge))", HUGE)],
    # date
    "date": [("date(nothing)", None), ('date("", "yyyy", date("2020-01-02"))', "2020-01-02T00:00:00Z"),
             ('date("２０２０-01-02")', FAILS), ("date([1])", FAILS), ("date(huge)", FAILS)],
    "date_part": [('date_part("year", nothing)', None), ('date_part("year", "")', FAILS),
                  ('date_part("é", date("2020-01-02"))', FAILS), ('date_part("year", 5)', FAILS),
                  ('date_part("yyyy", date("9999-12-31T23:59:59.999Z"))', 9999)],
    "dformat": [('dformat(nothing, "yyyy")', None), ('dformat(0, "")', ""),
                ("dformat(0, \"yyyy'年'\")", "1970年"), ('dformat("x", "yyyy")', FAILS),
                ('dformat(9000000000000000000, "yyyy")', FAILS)],
    "format": [('format(nothing, "yyyy")', None), ('format(date("2020-01-02"), "")', ""),
               ("format(date(\"2020-01-02\"), \"yyyy'年'M'月'\")", "2020年1月"), ('format([1], "yyyy")', FAILS),
               ('format(date("9999-12-31T23:59:59.999Z"), "yyyy-MM-dd HH:mm:ss.SSS")', "9999-12-31 23:59:59.999")],
    "make_date_time": [('make_date_time(nothing, 1, 1, 0, 0, 0, 0, "UTC")', None),
                       ('make_date_time("", 1, 1, 0, 0, 0, 0, "UTC")', FAILS),
                       ('make_date_time(2020, 1, 1, 0, 0, 0, 0, "漢")', FAILS),
                       ('make_date_time([1], 1, 1, 0, 0, 0, 0, "UTC")', FAILS),
                       ('make_date_time(99999999999, 1, 1, 0, 0, 0, 0, "UTC")', FAILS)],
    "set_date_part": [('set_date_part("day", 5, nothing)', None), ('set_date_part("day", 5, "")', FAILS),
                      ('set_date_part("漢", 5, date("2020-01-02"))', FAILS),
              ('set_date_part("day", [1], date("2020-01-02"))', FAILS),
                      ('set_date_part("year", 99999, date("2020-01-02"))', FAILS)],
    "zone_date_to_utc": [("zone_date_to_utc(nothing)", None), ('zone_date_to_utc("")', FAILS),
                         ("zone_date_to_utc(u)", FAILS), ("zone_date_to_utc([1])", FAILS),
                         ('zone_date_to_utc(date("0001-01-01T00:00:00+01:00"))', FAILS)],
    "zone_date_to_zone": [('zone_date_to_zone(nothing, "UTC")', None),
                          ('zone_date_to_zone(date("2020-01-02"), "")', FAILS),
                          ('zone_date_to_zone(date("2020-01-02"), "Zürich")', FAILS),
                          ('zone_date_to_zone(date("2020-01-02"), 5)', FAILS),
                          ('zone_date_to_zone(date("9999-12-31T23:59:59Z"), "Asia/Tokyo")', FAILS)],
    # object, json
    "is_empty": [("is_empty(nothing)", True), ("is_empty({})", True), ("is_empty(u)", False), ("is_empty(0)", False),
                 ("is_empty(numbers)", False)],
    "arrays_to_objects": [('arrays_to_objects("a", nothing)', []), ('arrays_to_objects("a", [])', []),
                          ('arrays_to_objects("é", ["漢"])', [{"é": "漢"}]), ('arrays_to_objects("a", 5)', FAILS),
                          ('arrays_to_objects("n", numbers, "w", words)',
                           [{"n": n, "w": w} for n, w in zip(NUMBERS, WORDS, strict=True)])],
    "to_object": [('to_object("a", nothing)', {"a": None}), ('to_object("", "")', {"": ""}),
                  ('to_object("é", u)', {"é": U}), ("to_object(nothing, 1)", FAILS),
                  ('to_object("a", numbers)', {"a": NUMBERS})],
    "str_to_object": [("str_to_object(nothing)", None), ('str_to_object("")', {}),
                      ('str_to_object("é:漢, ü : 字")', {"é": "漢", "ü": "字"}), ("str_to_object([1])", FAILS),
                      ("str_to_object(pairs)", {key: str(value) for key, value in OBJECT.items()})],
    "contains_key": [('contains_key("nothing")', False), ('contains_key("place.absent")', False),
                     ('contains_key("place.città")', True), ('contains_key("huge.x.y")', False),
                     ('contains_key("object.k1999")', True)],
    "nullify": [("nullify()", None), ('iif("" == "", nullify(), 1)', None), ("coalesce(nullify(), u)", U),
                ("to_array(true, nullify())", [None]), ("coalesce(nullify(), huge)", HUGE)],
    "get_keys": [("get_keys(nothing)", None), ("get_keys({})", []), ("get_keys(place)", ["città"]),
                 ('get_keys("text")', FAILS), ("get_keys(object)", list(OBJECT))],
    "get_values": [('get_values(nothing, "a", ":", ",")', None), ('get_values("", "a", ":", ",")', None),
                   ('get_values("é:漢", "é", ":", ",")', "漢"), ('get_values([1], "a", ":", ",")', FAILS),
                   ('get_values(pairs, "k1999", null, null)', "1999")],
    "json_to_object": [("json_to_object(nothing)", None), ('json_to_object("")', FAILS),
                       ('json_to_object("{\\"é\\": \\"\\\\u6f22\\"}")', {"é": "漢"}), ("json_to_object([1])", [1]),
                       ("json_to_object(json)", NUMBERS)],
    # map
    "map_get_values": [('map_get_values(nothing, "a")', None), ('map_get_values({}, "a")', None),
                       ('map_get_values(place, "città")', "Zürich"), ('map_get_values("a", "a")', FAILS),
                       ('map_get_values(object, "k1999")', 1999)],
    "map_has_keys": [('map_has_keys(nothing, "a")', False), ('map_has_keys({}, "a")', False),
                     ('map_has_keys(place, ["x", "città"])', True), ("map_has_keys(5, 5)", FAILS),
                     ('map_has_keys(object, "k2000")', False)],
    "add_to_map": [("add_to_map(nothing, nothing)", {}), ("add_to_map({}, {})", {}),
                   ('add_to_map(place, {"città": 1, "é": 2})', {"città": "Zürich", "é": 2}), ("add_to_map(5)", FAILS),
                   ('add_to_map(object, {"k0": -1, "z": 1})', {**OBJECT, "z": 1})],
    "object_to_map": [("object_to_map(nothing)", None), ("object_to_map({})", {}),
                      ('object_to_map("é", "漢")', {"é": "漢"}), ('object_to_map("text")', FAILS),
                      ("object_to_map(object)", OBJECT)],
    "array_to_map": [('array_to_map(nothing, "k")', None), ('array_to_map([], "k")', {}),
                     ('array_to_map([place], "città")', {"Zürich": {"città": "Zürich"}}),
                     ('array_to_map("a", "k")', FAILS),
                     ('array_to_map(rows, "k")', {f"k{n}": {"k": f"k{n}", "v": n} for n in NUMBERS})],
    "to_map": [('to_map("a", nothing)', {"a": None}), ('to_map("", "")', {"": ""}), ('to_map("é", u)', {"é": U}),
               ("to_map(nothing, 1)", FAILS), ('to_map("a", huge)', {"a": HUGE})],
    # array
    "coalesce": [("coalesce(nothing, nothing)", None), ('coalesce("", "x")', ""), ("coalesce(nothing, u)", U),
                 ('coalesce(nothing, [null, "x"])', [None, "x"]), ("coalesce(nothing, huge)", HUGE)],
    "first": [("first(nothing)", None), ("first([])", None), ('first(["漢", "b"])', "漢"), ("first(5)", 5),
              ("first(words)", "w0")],
    "last": [("last(nothing)", None), ("last([])", None), ('last(["b", "漢"])', "漢"), ("last(5)", 5),
             ("last(words)", "w4999")],
    "add_to_array": [("add_to_array(nothing, nothing)", [None]), ("add_to_array([], 1)", [1]),
                     ('add_to_array(["é"], u)', ["é", U]), ('add_to_array("a", 1)', FAILS),
                     ("add_to_array(numbers, -1)", [*NUMBERS, -1])],
    "join_arrays": [("join_arrays(nothing, nothing)", []), ("join_arrays([], [])", []),
                    ('join_arrays(["é"], [u])', ["é", U]), ('join_arrays([1], "a")', FAILS),
                    ("join_arrays(numbers, numbers)", NUMBERS * 2)],
    "to_array": [("to_array(false, nothing)", []), ('to_array(true, "")', [""]), ("to_array(true, u)", [U]),
                 ("to_array([1], 1)", FAILS), ("to_array(false, huge, nothing)", [HUGE])],
    "size_of": [("size_of(nothing)", 0), ("size_of([])", 0), ("size_of(u)", 8), ("size_of(5)", FAILS),
                ("size_of(numbers)", 5_000)],
    "upsert_array_append": [("upsert_array_append(nothing)", None), ("upsert_array_append([])", []),
                            ("upsert_array_append([u])", [U]), ('upsert_array_append("a")', FAILS),
                            ("upsert_array_append(numbers)", NUMBERS)],
    "upsert_array_replace": [("upsert_array_replace(nothing)", None), ("upsert_array_replace([])", []),
                             ("upsert_array_replace([u])", [U]), ("upsert_array_replace(5)", FAILS),
                             ("upsert_array_replace(numbers)", NUMBERS)],
    "array_to_string": [('array_to_string("-", nothing)', None), ('array_to_string("-", [])', ""),
                        ('array_to_string("漢", ["é", ["ü"]])', "é漢ü"), ('array_to_string("-", {})', FAILS),
                        ('array_to_string("", nested)', "".join(map(str, NUMBERS)))],
    "filterArray": [("filterArray(nothing, x -> true)", None), ("filterArray([], x -> true)", []),
                    ('filterArray(["é", "b"], é -> é == "é")', ["é"]), ("filterArray(5, x -> true)", FAILS),
                    ("filterArray(numbers, x -> x % 1000 == 0)", NUMBERS[::1000])],
    "transformArray": [("transformArray(nothing, x -> 1)", None), ("transformArray([], x -> 1)", []),
                       ('transformArray(["é"], x -> upper(x))', ["É"]), ('transformArray("a", x -> 1)', FAILS),
                       ("transformArray(numbers, x -> x + 1)", [n + 1 for n in NUMBERS])],
    "flattenArray": [("flattenArray(nothing)", None), ("flattenArray([[], [[]]])", []),
                     ('flattenArray([["é"], "漢"])', ["é", "漢"]), ('flattenArray("a")', FAILS),
                     ("flattenArray(nested)", NUMBERS)],
    # logic, aggregation
    "decode": [('decode(nothing, "a", 1, "none")', "none"), ('decode("", "", "blank", "none")', "blank"),
               ('decode("漢", "字", 1, "漢", 2)', 2), ('decode([1], [1], "same", "other")', "same"),
               ('decode(huge, "x", 1, huge, 2)', 2)],
    "iif": [('iif(nothing, "a", "b")', "b"), ('iif("", "a", "b")', "b"), ('iif("漢", "a", "b")', "a"),
            ('iif([1], "a", "b")', FAILS), ("iif(true, huge, 1/0)", HUGE)],
    "min": [("min(nothing, nothing)", None), ("min([])", None), ('min("漢", "é")', "é"), ("min(1, [2])", FAILS),
            ("min(numbers)", 0)],
    "max": [("max(nothing, 1)", 1), ("max([])", None), ('max("漢", "é")', "漢"), ("max(1, {})", FAILS),
            ("max(numbers)", 4_999)],
    # conversion
    "to_integer": [("to_integer(nothing)", None), ('to_integer("")', FAILS), ('to_integer("١٢")', FAILS),
                   ("to_integer(true)", FAILS), ("to_integer(digits)", FAILS)],
    "to_decimal": [("to_decimal(nothing)", None), ('to_decimal("")', FAILS), ('to_decimal("１.５")', FAILS),
                   ("to_decimal([1])", FAILS), ("to_decimal(digits)", FAILS)],
    "to_float": [("to_float(nothing)", None), ('to_float("")', FAILS), ('to_float("漢")', FAILS),
                 ("to_float({})", FAILS), ('to_float("1e39")', FAILS)],
    "to_bigint": [("to_bigint(nothing)", None), ('to_bigint("")', FAILS), ('to_bigint("٣")', FAILS),
                  ("to_bigint(false)", FAILS),
              ('to_bigint("123456789012345678901234567890")', 123456789012345678901234567890)],
    # Analytics
    "aa_get_event_id": [('aa_get_event_id(nothing, "event1")', None), ('aa_get_event_id("", "event1")', None),
                        ('aa_get_event_id("event1=5:é漢", "event1")', "é漢"), ('aa_get_event_id([1], "event1")', FAILS),
                        ('aa_get_event_id(events, "event1999")', "id1999")],
    "aa_get_event_value": [('aa_get_event_value(nothing, "event1")', None), ('aa_get_event_value("", "event1")', None),
                           ('aa_get_event_value("é=漢", "é")', "漢"), ('aa_get_event_value([1], "event1")', FAILS),
                           ('aa_get_event_value(events, "event1999")', "1999")],
    "aa_get_product_categories": product("aa_get_product_categories", 0, [f"c{i}" for i in range(2_000)]),
    "aa_get_product_names": product("aa_get_product_names", 1, [f"p{i}" for i in range(2_000)]),
    "aa_get_product_quantity": product("aa_get_product_quantity", 2, [str(i) for i in range(2_000)]),
    "aa_get_product_price": product("aa_get_product_price", 3, ["1.5"] * 2_000),
    "aa_get_product_event_values": [
        ('aa_get_product_event_values(nothing, "event1")', None), ('aa_get_product_event_values("", "event1")', []),
        ('aa_get_product_event_values(";;;;é=漢", "é")', ["漢"]), ('aa_get_product_event_values([1], "event1")', FAILS),
        ('aa_get_product_event_values(products, "event1")', [str(i) for i in range(2_000)])],
    "aa_get_product_event_ids": [
        ('aa_get_product_event_ids(nothing, "event1")', None), ('aa_get_product_event_ids("", "event1")', []),
        ('aa_get_product_event_ids(";;;;é=1:漢", "é")', ["漢"]), ('aa_get_product_event_ids([1], "event1")', FAILS),
        ('aa_get_product_event_ids(products, "event1")', [f"id{i}" for i in range(2_000)])],
    "aa_get_product_events": [
        ('aa_get_product_events(nothing, "event1")', None), ('aa_get_product_events("", "event1")', []),
        ('aa_get_product_events(";;;;é=1:漢", "é")', [{"id": "漢", "value": "1"}]),
        ('aa_get_product_events([1], "event1")', FAILS),
        ('aa_get_product_events(products, "event1")', [{"id": f"id{i}", "value": str(i)} for i in range(2_000)])],
    "aa_get_product_evars": [
        ('aa_get_product_evars(nothing, "eVar1")', None), ('aa_get_product_evars("", "eVar1")', []),
        ('aa_get_product_evars(";;;;;é=漢", "é")', ["漢"]), ('aa_get_product_evars([1], "eVar1")', FAILS),
        ('aa_get_product_evars(products, "eVar1")', [f"v{i}" for i in range(2_000)])],
    # user agents
    "ua_os_name": agent("ua_os_name", "Unknown"),
    "ua_os_version": agent("ua_os_version", "??"),
    "ua_os_name_version": agent("ua_os_name_version", "Unknown ??"),
    "ua_os_version_major": agent("ua_os_version_major", "Unknown ??"),
    "ua_agent_name": agent("ua_agent_name", "Unknown"),
    "ua_agent_version": agent("ua_agent_version", "??"),
    "ua_agent_version_major": agent("ua_agent_version_major", "Unknown ??"),
    "ua_device_class": agent("ua_device_class", "Unknown"),
}  # fmt: skip

#: Functions without arguments, of which the five kinds make no sense.
ALONE = {"now", "timestamp", "uuid"}
CLOCK = Options(clock=lambda: datetime(2024, 2, 29, 12, tzinfo=UTC), seed=7)


def test_every_function_has_its_five_cases() -> None:
    names = {entry.name for entry in catalogue() if entry.availability != "no"}
    assert set(CASES) == names - ALONE
    assert {name: len(cases) for name, cases in CASES.items() if len(cases) != len(KINDS)} == {}
    assert all(name in expression for name, cases in CASES.items() for expression, _ in cases)


EVERY = [
    pytest.param(expression, wanted, id=f"{name}-{kind}")
    for name, cases in CASES.items()
    for kind, (expression, wanted) in zip(KINDS, cases, strict=True)
]


@pytest.mark.parametrize(("expression", "wanted"), EVERY)
def test_a_value_alone_and_over_a_batch(expression: str, wanted: Any) -> None:
    record = {name: value for name, value in RECORD.items() if name in expression}  # of the many, what is needed
    if wanted is FAILS:
        with pytest.raises(ExpressionError, match="The evaluation failed: ") as caught:
            evaluate(expression, record, strict=True)
        assert len(str(caught.value)) < 900
        assert evaluate(expression, record) is None
    else:
        value = evaluate(expression, record, strict=True)
        assert value == wanted
        assert type(value) is type(wanted)

    got = compile_expression(expression, ROWS.schema, CLOCK).apply(ROWS)
    assert [at for at, _ in errors_of(got)] == ([0, 1] if wanted is FAILS else [])
    values = values_of(got)
    if wanted is FAILS:
        assert values == [None, None]
    elif not expression.startswith("date("):  # a date is a text above and a time here
        assert values == [wanted, wanted]


@pytest.mark.parametrize("name", sorted(ALONE))
def test_functions_without_arguments_take_none(name: str) -> None:
    with pytest.raises(ExpressionError, match="it has 1 argument here"):
        evaluate(f"{name}(1)", {})
    assert evaluate(f"{name}()", None, options=CLOCK) == evaluate(f"{name}()", {}, options=CLOCK)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.int64(3), 3),
        (np.uint8(3), 3),
        (np.float64(2.5), 2.5),
        (np.float32(0.1), 0.1),
        (np.float64("nan"), None),
        (np.bool_(True), True),
        (np.str_("q"), "q"),
        (np.datetime64("2026-01-02T03:04:05.123456789"), "2026-01-02T03:04:05.123456Z"),
        (np.datetime64("NaT"), None),
        (pd.NaT, None),
    ],
)
def test_values_of_numpy_and_pandas_are_those_of_python(value: Any, plain: Any) -> None:
    found = evaluate("a", {"a": value}), evaluate("b[0].c", {"b": [{"c": value}]})
    assert found == (plain, plain) and {type(one) for one in found} == {type(plain)}
