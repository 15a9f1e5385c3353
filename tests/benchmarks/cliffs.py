# ruff: noqa: E501
"""Expressions beside polars: ``python tests/benchmarks/cliffs.py [ROWS] [--only TEXT]``.

Each expression is mapped over a table in memory; where polars can say the same in one expression, that is timed beside
it. Prints microseconds a row (processor time, one thread, the best of three), the ratio, and how the expression runs
(``columns``, ``distinct`` or ``rows``, as ``xdmprep mapping explain`` says). A case above 1.5 us that costs more than
five times polars is a cliff; they are counted at the end.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import numpy as np
import polars as pl
import pyarrow as pa

from xdmprep.language import compile_expression

c = pl.col
SLOW, TIMES = 1.5, 5.0


def table(rows: int) -> pa.RecordBatch:
    """Columns like those of exports; nearly all values differ."""
    rng = np.random.default_rng(3)
    whole = rng.integers(0, 10**9, rows)
    texts = [f"n{number}" for number in whole]
    lists = [[f"t{number % 97}", f"t{number % 89}"][: number % 3] for number in whole.tolist()]
    times = (whole * 1000).astype("datetime64[ms]")

    def words(*few: str) -> pa.Array:
        return pa.array(few).take(pa.array(np.arange(rows) % len(few)))

    return pa.record_batch(
        {
            "F": pa.array(texts, mask=whole % 10 == 0),
            "L": pa.array([f"Müller {text}" for text in texts]),
            "ID": pa.array([f"{number:019d}" for number in whole], mask=whole % 5 == 0),
            "Q": pa.array((whole % 100_000).astype(str)),
            "P": pa.array([f"{number % 10**6 / 100:.2f}" for number in whole.tolist()]),
            "N": pa.array(whole),
            "D": pa.array(whole / 7, mask=whole % 11 == 0),
            "AT": pa.array(times, pa.timestamp("ms")).cast(pa.timestamp("ms", "UTC")),
            "OFF": pa.array([f"{at}+02:00" for at in times.astype("datetime64[s]").astype(str)]),
            "URL": pa.array(
                [f"https://h{number % 50}.example.com/a/{number}?id={number}#t" for number in whole.tolist()]
            ),
            "JS": pa.array([f'{{"id": {number}, "a": {{"b": "x{number}"}}}}' for number in whole.tolist()]),
            "KV": pa.array([f"a:{number},b:2" for number in whole.tolist()]),
            "NULLS": pa.array([f'{{"id": {number}, "a": null}}' for number in whole.tolist()]),
            "PAT": words("[a-z]+", "n1.*", "[0-9]"),
            "SEP": words(":", "/", "1"),
            "FMT": words("yyyy-MM-dd", "dd.MM.yyyy HH:mm", "yyyy-MM-dd'T'HH:mm:ssXXX"),
            "UNIT": words("yyyy", "mm", "hh"),
            "ZONE": words("Europe/Paris", "America/New_York"),
            "KEY": words("id", "a"),
            "LT": pa.array(lists),
            "DUP": pa.array(
                [[{"k": f"k{number % 3}", "n": n} for n in (number, number + 1)] for number in whole.tolist()]
            ),
            "LONG": pa.array([f"{'ab, cd efgh ij,' * 26}{number}" for number in whole.tolist()]),
            "NOTE": pa.array([f"{'the size fits größer, price naïve ' * 13}#{number}" for number in whole.tolist()]),
            "LN": pa.array([[number % 7, number % 5] for number in whole.tolist()]),
            "AMT": pa.array(whole).cast(pa.decimal128(19, 0)).view(pa.decimal128(19, 2)),
        }
    )


def _item(name: str) -> pl.Expr:
    return pl.when(c(name).is_not_null() & (c(name) != "")).then(pl.struct(id=c(name), primary=pl.lit(False)))


CASES: dict[str, pl.Expr | None] = {
    'to_array(false, iif(ID != null && ID != "", to_object("id", ID, "primary", false), null))': pl.concat_list(_item("ID")).list.drop_nulls(),
    'to_array(false, F, ID, L)': pl.concat_list("F", "ID", "L").list.drop_nulls(),
    '{"id": ID, "name": F}': pl.struct(id=c("ID"), name=c("F")),
    'iif(N > 500000000, {"id": ID}, {"name": F})': None,
    "iif(N > 500000000, F, N)": pl.when(c("N") > 500_000_000).then(c("F")).otherwise(c("N").cast(pl.String)),
    "join_arrays(LT, [F])": pl.concat_list("LT", pl.concat_list("F")),
    'transformArray(LT, x -> {"id": x, "of": F})': None,
    "filterArray(LN, x -> x > 3)": c("LN").list.eval(pl.element().filter(pl.element() > 3)),
    "max(LN)": c("LN").list.max(),
    "size_of(LT)": c("LT").list.len(),
    "first(LN)": c("LN").list.first(),
    'LT.contains("t3")': c("LT").list.contains("t3"),
    'join(", ", LN)': c("LN").cast(pl.List(pl.String)).list.join(", "),
    'to_map("a", F, "b", L)': None,
    'arrays_to_objects("id", LT, "n", LN)': None,
    "to_decimal(P) * 100 + 0.5": c("P").cast(pl.Float64) * 100 + 0.5,
    "D * N": c("D") * c("N"),
    "P * Q": c("P").cast(pl.Float64) * c("Q").cast(pl.Float64),
    "iif(D > 0, D, 0)": pl.when(c("D") > 0).then(c("D")).otherwise(0.0),
    "to_float(P)": c("P").cast(pl.Float32),
    "substr(L, 0, size_of(L) - 1)": c("L").str.slice(0, c("L").str.len_chars() - 1),
    'concat("at ", AT)': pl.concat_str(pl.lit("at "), c("AT").dt.to_string("%Y-%m-%dT%H:%M:%SZ")),
    'format(AT, "dd MMM yyyy")': c("AT").dt.to_string("%d %b %Y"),
    'set_date_part("dd", 1, AT)': c("AT").dt.replace(day=1),
    'date(OFF, "yyyy-MM-dd\'T\'HH:mm:ssXXX")': c("OFF").str.to_datetime("%Y-%m-%dT%H:%M:%S%z"),
    "get_url_host(URL)": c("URL").str.extract("https?://([^/]+)", 1),
    'extract_regex(URL, "id=([0-9]+)")[1]': c("URL").str.extract("id=([0-9]+)", 1),
    'F.replaceAll("[^0-9]", "")': c("F").str.replace_all("[^0-9]", ""),
    "sha256(F)": None,
    "uuid()": None,
    "json_to_object(JS).a.b": c("JS").str.json_path_match("$.a.b"),
    'str_to_object(KV, ":", ",").a': c("KV").str.extract("(?:^|,)a:([^,]*)", 1),
    'get_values(KV, "a", ":", ",")': c("KV").str.extract("(?:^|,)a:([^,]*)", 1),
    "format(date(OFF), \"yyyy-MM-dd'T'HH:mm:ssXXX\")": None,
    'date_part("hour", date(OFF))': None,
    'format(zone_date_to_zone(AT, "Europe/Paris"), "yyyy-MM-dd HH:mm")': c("AT").dt.convert_time_zone("Europe/Paris").dt.to_string("%Y-%m-%d %H:%M"),
    'zone_date_to_zone(AT, "America/New_York")': c("AT").dt.convert_time_zone("America/New_York"),
    "date(OFF, \"yyyy-MM-dd'T'HH:mm:ss[.SSS]X\")": c("OFF").str.to_datetime("%Y-%m-%dT%H:%M:%S%z"),
    'make_date_time(2020, N % 12 + 1, N % 28 + 1, N % 24, 0, 0, 0, "Europe/Paris")': None,
    "iif(date(OFF) > AT, 1, 0)": None,
    'concat("at ", date(OFF))': None,
    "AT.toString()": c("AT").dt.to_string("%Y-%m-%dT%H:%M:%SZ"),
    'explode(URL, "[/?&=]")': None,
    'L.split("\\\\s+")': None,
    'L.replaceAll("(\\\\w+) (\\\\w+)", "$2 $1")': c("L").str.replace_all(r"(\w+) (\w+)", "$2 $1"),
    'extract_regex(P, "^(\\\\d+)\\\\.(\\\\d+)$")[2]': c("P").str.extract(r"^(\d+)\.(\d+)$", 2),
    'matches_regex(F, "^(?=.{3,64}$)n[0-9]+$")': None,
    'F.replaceAll("^0+|0+$", "")': c("F").str.replace_all("^0+|0+$", ""),
    "get_url_port(URL)": None,
    "get_url_path(URL, false)": c("URL").str.extract("([^/?#]*)(?:[?#].*)?$", 1),
    'get_url_query_str(URL, "remove").id': c("URL").str.extract("[?&]id=([^&#]*)", 1),
    "get_url_encoded(URL)": None,
    "get_url_decoded(get_url_encoded(L))": None,
    'instr(F, "1", 2)': None,
    "lpad(F, N % 20, \"x\")": None,
    'iif(Q == "1", "a", iif(Q == "2", "b", iif(Q == "3", "c", iif(Q == "4", "d", "e"))))': None,
    "join(\",\", transformArray(LT, x -> upper(x)))": c("LT").list.eval(pl.element().str.to_uppercase()).list.join(","),
    "to_integer(F)": c("F").cast(pl.Int64, strict=False),
    'date(F, "yyyy-MM-dd")': c("F").str.to_date("%Y-%m-%d", strict=False),
    "LT == LT": None,
    "to_bigint(ID)": None,
    "F =~ PAT": None,
    "F.replaceAll(PAT, SEP)": None,
    "explode(URL, SEP)": None,
    "format(AT, FMT)": None,
    "date_part(UNIT, AT)": None,
    'date(OFF, FMT)': None,
    "zone_date_to_zone(AT, ZONE)": None,
    "str_to_object(KV, SEP, \",\")": None,
    "json_to_object(JS)[KEY]": None,
    'transformArray(LT, x -> x.split(SEP))': None,
    'concat("", LT)': None,
    'join("-", [LT, LT])': None,
    'concat("", {"id": N, "tags": LT, "name": L})': None,
    "to_integer(D)": None,
    'json_to_object(NULLS)': None,
    "[F, L] == [L, F]": None,
    'F.replaceAll("(?<=n)1", "x")': None,
}  # fmt: skip


#: Chains as people write them, texts beyond ASCII, arguments from columns, values of which half fail.
CASES |= {
    "upper(trim(L))": c("L").str.strip_chars().str.to_uppercase(),
    "concat(upper(left(L, 1)), lower(substr(L, 1)))": c("L").str.head(1).str.to_uppercase() + c("L").str.slice(1).str.to_lowercase(),
    'replacestr(lower(L), "ü", "ue")': c("L").str.to_lowercase().str.replace_all("ü", "ue", literal=True),
    'substr(L, 0, instr(L, " "))': c("L").str.split(" ").list.first(),
    'L.substring(L.lastIndexOf(" ") + 1)': c("L").str.split(" ").list.last(),
    'L.equalsIgnoreCase("MÜLLER")': c("L").str.to_lowercase() == "müller",
    "equalsIgnoreCase(L, F)": c("L").str.to_lowercase() == c("F").str.to_lowercase(),
    'join("", transformArray(explode(L, " "), w -> upper(left(w, 1))))': None,
    'rpad(L, 30, "·")': c("L").str.pad_end(30, "·"),
    "L.charAt(1)": c("L").str.slice(1, 1),
    'L.replaceAll("[^A-Za-z ]", "")': c("L").str.replace_all("[^A-Za-z ]", ""),
    'P.replaceFirst("^0*", "+")': c("P").str.replace("^0*", "+"),
    "instr(L, F)": c("L").str.find(c("F"), literal=True),
    "L.contains(F)": c("L").str.contains(c("F"), literal=True),
    "L.endsWith(F)": c("L").str.ends_with(c("F")),
    'replacestr(L, F, "-")': None,
    "explode(L, F)": None,
    "L =~ F": None,
    "substr(L, N % 3, N % 5)": c("L").str.slice(c("N") % 3, c("N") % 5),
    'date(format(AT, "dd.MM.yyyy"), "dd.MM.yyyy")': c("AT").dt.to_string("%d.%m.%Y").str.to_datetime("%d.%m.%Y", strict=False),
    'date(format(AT, "dd MMM yyyy"), "dd MMM yyyy")': c("AT").dt.to_string("%d %b %Y").str.to_datetime("%d %b %Y", strict=False),
    'date(format(AT, "MM/dd/yyyy"))': c("AT").dt.to_string("%m/%d/%Y").str.to_datetime("%m/%d/%Y", strict=False),
    'concat(format(AT, "yyyy"), "-Q", (date_part("mm", AT) + 2) / 3)': pl.concat_str(c("AT").dt.year(), pl.lit("-Q"), (c("AT").dt.month() + 2) // 3),
    'iif(date_part("mm", AT) < 7, "H1", "H2")': pl.when(c("AT").dt.month() < 7).then(pl.lit("H1")).otherwise(pl.lit("H2")),
    'iif(AT > "2010-01-01", "new", "old")': None,
    'to_integer(iif(N % 2 == 0, Q, "12x"))': pl.when(c("N") % 2 == 0).then(c("Q")).otherwise(pl.lit("12x")).cast(pl.Int64, strict=False),
    "to_decimal(iif(N % 2 == 0, P, F))": pl.when(c("N") % 2 == 0).then(c("P")).otherwise(c("F")).cast(pl.Float64, strict=False),
    "to_integer(P)": c("P").cast(pl.Int64, strict=False),
    "to_decimal(F) * 2": c("F").cast(pl.Float64, strict=False) * 2,
    'date(iif(N % 2 == 0, OFF, F), "yyyy-MM-dd\'T\'HH:mm:ssXXX")': None,
    "json_to_object(iif(N % 2 == 0, JS, F)).id": None,
    "D > F": None,
    "N * N * N": c("N") * c("N") * c("N"),
    "N / (N % 2)": None,
    'iif(to_decimal(P) > 100 && to_integer(Q) < 50000, upper(F), lower(L))': pl.when((c("P").cast(pl.Float64) > 100) & (c("Q").cast(pl.Int64) < 50_000)).then(c("F").str.to_uppercase()).otherwise(c("L").str.to_lowercase()),
    'decode(N % 4, 0, F, 1, L, 2, "two", "other")': None,
    'add_to_map(to_map("a", F), to_map("b", L))': None,
    'coalesce(str_to_object(KV, ":", ",").z, str_to_object(KV, ":", ",").a)': None,
    "first(filterArray(LT, x -> x != F))": None,
    'size_of(filterArray(LN, x -> x > 2))': c("LN").list.eval(pl.element().filter(pl.element() > 2)).list.len(),
    'transformArray(filterArray(LN, x -> x > 1), x -> {"id": x, "name": F})': None,
    'join("-", transformArray(LT, x -> x.replaceAll("[0-9]", "")))': c("LT").list.eval(pl.element().str.replace_all("[0-9]", "")).list.join("-"),
    'last(explode(get_url_path(URL), "/"))': c("URL").str.extract("https?://[^/]+([^?#]*)", 1).str.split("/").list.last(),
    "md5(upper(trim(L)))": None,
    "max(N, to_integer(Q))": pl.max_horizontal(c("N"), c("Q").cast(pl.Int64)),
}  # fmt: skip


#: Keys that come twice, rows that all fail for one reason, numbers where strings or dates are expected, long strings.
CASES |= {
    'array_to_map(DUP, "k")': None,
    'str_to_object(concat("a:1,a:", N))': None,
    'get_url_query_str(concat("https://h/?x=1&x=2&y=", N))': None,
    'zone_date_to_zone(AT, "Nowhere")': None,
    'make_date_time(2020, N % 12 + 1, 1, 0, 0, 0, 0, "Nowhere")': None,
    'set_date_part("dd", 31, AT)': None,
    "max(F, N)": None,
    "max(Q, N)": pl.max_horizontal(c("Q").cast(pl.Int64), "N"),
    "date(to_bigint(ID))": None,
    'date(N % 12 * 100 + N % 28 + 20240101, "yyyyMMdd")': (c("N") % 12 * 100 + c("N") % 28 + 20_240_101).cast(pl.String).str.to_date("%Y%m%d", strict=False),
    "to_decimal(N * N * N)": (c("N") * c("N") * c("N")).cast(pl.Float64),
    'LONG.replaceAll("[aeiou]", "")': c("LONG").str.replace_all("[aeiou]", ""),
    'explode(LONG, "[, ]+")': c("LONG").str.extract_all("[^, ]+"),
    'json_to_object(iif(N % 2 == 0, JS, left(JS, 9)))': None,
    'date(concat(format(AT, "yyyy-MM-dd\'T\'HH:mm:ss.SSS"), "0000Z"))': None,
    'iif(N % 2 == 0, date(P, "yyyy-MM-dd"), date(OFF, "yyyy-MM-dd\'T\'HH:mm:ssXXX"))': None,
    'get_url_query_str(concat("https://exämple.org/p?f[]=", Q, "&q=é", F), "remove").q': None,
    'LONG.split("(?<=,)")': c("LONG").str.split(",", inclusive=True),
}  # fmt: skip


#: Long strings with letters beyond ASCII, their words, and decimals.
CASES |= {
    "upper(NOTE)": c("NOTE").str.to_uppercase(),
    "equalsIgnoreCase(NOTE, upper(NOTE))": c("NOTE").str.to_lowercase() == c("NOTE").str.to_uppercase().str.to_lowercase(),
    "NOTE.substring(40)": c("NOTE").str.slice(40),
    "right(NOTE, 20)": c("NOTE").str.tail(20),
    'NOTE.substring(NOTE.indexOf("#"))': c("NOTE").str.extract("(#.*)$", 1),
    'NOTE.matches(".*battery.*")': c("NOTE").str.contains("battery", literal=True),
    'matches_regex(NOTE, "(?i)^the.*[0-9]$")': c("NOTE").str.contains("(?i)^the.*[0-9]$"),
    'extract_regex(NOTE, "[0-9]+$")[0]': c("NOTE").str.extract("([0-9]+)$", 1),
    'NOTE.replaceAll("#\\\\d+$", "")': c("NOTE").str.replace_all(r"#\d+$", ""),
    'transformArray(split(NOTE, " "), w -> {"w": w, "n": size_of(w)})': c("NOTE").str.split(" ").list.eval(pl.struct(w=pl.element(), n=pl.element().str.len_chars())),
    'size_of(filterArray(split(NOTE, " "), w -> size_of(w) > 5))': c("NOTE").str.split(" ").list.eval(pl.element().filter(pl.element().str.len_chars() > 5)).list.len(),
    "(AMT + D) / 2": (c("AMT").cast(pl.Float64) + c("D")) / 2,
    "AMT / 3": c("AMT").cast(pl.Float64) / 3,
    'get_url_query_str(URL, "retain").id': c("URL").str.extract("[?&]id=([^&]*)", 1),
}  # fmt: skip


def _micros(work: Callable[[], Any], rows: int) -> float:
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best / rows * 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="?", type=int, default=50_000)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    pa.set_cpu_count(1)
    batch = table(given.rows)
    frame = pl.from_arrow(pa.table(batch))
    assert isinstance(frame, pl.DataFrame)
    cliffs = 0
    print(f"{'us a row':>9} {'polars':>8} {'ratio':>7}  runs      expression")
    for text, peer in CASES.items():
        if given.only not in text:
            continue
        expression = compile_expression(text, batch.schema)
        asked = expression.interpreted(batch)
        runs = "columns" if not asked else "distinct" if all(once for _, once in asked) else "rows"
        own = _micros(lambda made=expression: made.apply(batch), given.rows)
        other = None if peer is None else _micros(lambda made=peer: frame.select(made.alias("x")), given.rows)
        ratio = None if other is None else own / max(other, 1e-3)
        cliff = own > SLOW and (ratio is None or ratio > TIMES)
        cliffs += cliff
        shown = ("" if other is None else f"{other:.3f}"), ("" if ratio is None else f"{ratio:.1f}")
        print(f"{own:9.3f} {shown[0]:>8} {shown[1]:>7}  {runs:8}  {text}{'   <- cliff' if cliff else ''}")
    print(f"{cliffs} of {len(CASES)} cases are cliffs")


if __name__ == "__main__":
    main()
