"""Changes to files and values: as bytes, as trees of JSON and YAML, as CSV, as Parquet."""

from __future__ import annotations

import csv
import io
import json
import random
import re
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml


class Raw(str):
    """Text that stands in a JSON or YAML document as it is."""


def deep(depth: int, opening: str = "[", closing: str = "]") -> Raw:
    """A value nested so deep that it can only be written as text."""
    return Raw(opening * depth + "1" + closing * depth)


_WORDS = [
    "", " ", "x", "null", "NaN", "-0", "1e999", "=1+1", "@SUM(A1)", "\t", "\r", "a\nb", "\x00", "\x1b[31m", "\u202e",
        "é", "\u2028",
    "😀", "a" * 300, "z" * 120_000, "../../etc/passwd", "${X}", "${", "concat(", "to_integer(YOB)", "iif(a,",
        "a.b[0].c", "[*]", "a..b",
    "2024-13-45", "0000-00-00", "9999-12-31T23:59:60Z", "2024-02-30", "true", "%s%n", "{}", "#", "#/definitions/x",
    "#/", "https://ns.adobe.com/x",
    "^(a+)+$", "[", "(?<=", "\\", "'", '"', "string", "object", "array", "integer", "date-time", "json", "parquet",
        "10" * 30, "-5", "\ud800",
]  # fmt: skip


def scalar(rng: random.Random) -> Any:
    """A value of any simple kind."""
    return rng.choice([
        None, True, False, 0, 1, -1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**64), 0.5, -0.0, 1e308, 5e-324,
        Raw("1" * 400), Raw("1" * 5000), Raw("NaN"), Raw("Infinity"), Raw("-Infinity"), Raw("1e400"), Raw("1E-400"),
        rng.choice(_WORDS), rng.choice(_WORDS), rng.choice(_WORDS), [], {}, [None], [[]], [{}], {"": None}, {"a": 1},
        [1, "a", None],
        deep(60), deep(150), deep(600), deep(5000), deep(100_000), deep(300, '{"a":', "}"),
        deep(100_000, '{"a":', "}"), deep(900, '[{"properties":', "}]"),
    ])  # fmt: skip


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at]
    if isinstance(value, dict):
        for key, item in value.items():
            found += _places(item, (*at, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            found += _places(item, (*at, number))
    return found


def _get(tree: Any, place: tuple[Any, ...]) -> Any:
    for step in place:
        tree = tree[step]
    return tree


def _set(tree: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    _get(tree, place[:-1])[place[-1]] = value
    return tree


def tree(rng: random.Random, value: Any, times: int | None = None) -> Any:
    """`value` (JSON) with some changes; the original stays as it is."""
    made = json.loads(json.dumps(value))
    for _ in range(times if times is not None else rng.choice([1, 1, 1, 2, 3, 6])):
        places = _places(made)
        if len(places) > 20_000:
            break
        place = rng.choice(places)
        if rng.random() < 0.5:  # the outer parts have the more interesting keys
            place = place[: rng.randint(0, min(len(place), 3))]
        here = _get(made, place)
        kind = rng.randrange(10)
        if kind <= 3:
            made = _set(made, place, scalar(rng))
        elif kind == 4 and place and isinstance(_get(made, place[:-1]), dict):
            del _get(made, place[:-1])[place[-1]]
        elif kind == 5 and isinstance(here, dict):
            keys = [key for at in places for key in at if isinstance(key, str)] or ["x"]
            here[rng.choice([*keys, rng.choice(_WORDS)])] = rng.choice([scalar(rng), _copy(made, rng.choice(places))])
        elif kind == 6:
            made = _set(made, place, rng.choice([[here], {"x": here}, [here, here], str(here)[:1000]]))
        elif kind == 7:
            made = _set(made, place, _copy(made, rng.choice(places)))
        elif kind == 8 and isinstance(here, dict) and here:
            key = rng.choice(list(here))
            here[rng.choice([key.upper(), key + "x", key[:-1], rng.choice(_WORDS)])] = here.pop(key)
        elif isinstance(here, str):
            made = _set(made, place, text(rng, here))
        elif isinstance(here, list) and here:
            made = _set(made, place, rng.choice([here * rng.choice([2, 200]), here[::-1], here[:-1]]))
    return made


def _copy(made: Any, place: tuple[Any, ...]) -> Any:
    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return [plain(item) for item in value] if isinstance(value, list) else value

    return plain(_get(made, place))


def text(rng: random.Random, value: str) -> str:
    """`value` with a small change."""
    at = rng.randint(0, len(value))
    return rng.choice([
        value[:at] + rng.choice(_WORDS) + value[at:], value[:at], value[at:], value * 2, value.upper(), value[::-1],
        value + " ",
        value.replace(".", ".."), value.replace("[0]", "[99999999999]"), value.replace("(", "((("),
            value.replace("(", "(" * 2000), value + "\\",
        value[:at] + chr(rng.choice([0, 9, 10, 13, 27, 34, 39, 92, 127, 155, 0x2028, 0xFEFF, 0x1F600])) + value[at:],
    ])  # fmt: skip


def to_json(rng: random.Random, value: Any) -> str:
    """The JSON text of a changed tree, also where it is none any more."""
    raws: list[str] = []

    def mark(item: Any) -> Any:
        if isinstance(item, Raw):
            raws.append(str(item))
            return f"@@RAW{len(raws) - 1}@@"
        if isinstance(item, dict):
            return {key: mark(inner) for key, inner in item.items()}
        return [mark(inner) for inner in item] if isinstance(item, list) else item

    out = json.dumps(mark(value), ensure_ascii=rng.random() < 0.3, indent=rng.choice([None, 2]))
    out = re.sub(r'"@@RAW(\d+)@@"', lambda found: raws[int(found[1])], out)
    if rng.random() < 0.05 and '"' in out:  # a key twice
        at = out.rfind("{")
        out = out[: at + 1] + '"a":1,"a":2' + ("" if out[at + 1 :].lstrip().startswith("}") else ",") + out[at + 1 :]
    return out


_YAML_RAW = [
    "2024-13-45", "!!timestamp 2024-13-01", "!!timestamp '2024-02-30T25:61:61Z'",
    "!!python/object/apply:os.getcwd []", "!!binary '???'",
    "!!int abc", "!!float abc", "!!set {a, b}", "!!omap [a: 1]", "!!bool maybe", "&a [*a]", "*nowhere",
    "? [a, b]\n  : c", ".nan", ".inf", "0x1F", "0o17",
    "1:30:00", "~", "yes", "!custom x", "!!str 5", "|\n    a\n    b", "'unclosed", "\"\\x\"", "{a: b", "[a", "<<: 5",
        "- a\n  b: c", "@x", "`x", "%x", "\tx", "---\nx",
    "2001-12-14t21:59:43.10-05:00", "2024-01-01", "12e03", "1_000", "[" * 80 + "]" * 80, "[" * 3000 + "]" * 3000,
    "{a: " * 500 + "1" + "}" * 500,
]  # fmt: skip


def to_yaml(rng: random.Random, value: Any) -> str:
    """The YAML text of a changed tree, with things that only YAML has."""
    raws: list[str] = []

    def mark(item: Any) -> Any:
        if isinstance(item, Raw):
            raws.append(str(item))
            return f"@@RAW{len(raws) - 1}@@"
        if isinstance(item, dict):
            return {key: mark(inner) for key, inner in item.items()}
        if isinstance(item, list):
            return [mark(inner) for inner in item]
        if rng.random() < 0.03:
            return mark(Raw(rng.choice(_YAML_RAW)))
        return item

    try:
        out = yaml.safe_dump(mark(value), sort_keys=False, allow_unicode=True, width=10_000)
    except (yaml.YAMLError, UnicodeError):
        return to_json(rng, value)
    for number, raw in enumerate(raws):
        out = out.replace(f"'@@RAW{number}@@'", raw)
    return out


def blob(rng: random.Random, data: bytes) -> bytes:
    """`data` with changes that know nothing of its form."""
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 5, 20])):
        at, size = rng.randint(0, len(out)), rng.choice([1, 1, 2, 8, 100])
        kind = rng.randrange(12)
        if kind <= 2 and out:
            out[at % len(out)] ^= 1 << rng.randrange(8)
        elif kind <= 4:
            out[at:at] = rng.choice([
                rng.randbytes(size), b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n", b'"', b"\\", b",", b"{",
                    b"}", b"]", b"\xed\xa0\x80", b"\x1b[2J",
                b"'" * 3, b"\t", b"-" * 3, b"9" * 400, b"[" * 1000,
            ])  # fmt: skip
        elif kind == 5:
            del out[at : at + size]
        elif kind == 6:
            out[at:at] = out[at : at + size * 10]
        elif kind == 7:
            del out[at:]
        elif kind == 8:
            out[at : at + size] = rng.randbytes(size)
        elif kind == 9 and rng.random() < 0.2:
            out = bytearray(
                rng.choice(
                    [
                        b"",
                        b" ",
                        b"\n",
                        b"\x00" * 100,
                        b"PAR1",
                        b"\x1f\x8b\x08",
                        b"PK\x03\x04",
                        b"null",
                        b"[]",
                        b"{}",
                        b"0",
                        b'""',
                        b"\xff",
                    ]
                )
            )
        elif kind == 10 and rng.random() < 0.3:
            out = bytearray(
                bytes(out)
                .decode("utf-8", "replace")
                .encode(rng.choice(["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7"]))
            )
        elif kind == 11 and rng.random() < 0.3:
            out = bytearray(bytes(out).replace(b"\n", rng.choice([b"\r", b"\r\n", b"", b"\n\n", b"\x85"])))
    return bytes(out)


def table(rng: random.Random, data: bytes) -> bytes:
    """A CSV file with changed cells, headers and rows."""
    rows = list(csv.reader(io.StringIO(data.decode("utf-8", "replace"))))
    for _ in range(rng.choice([1, 1, 2, 4])):
        if not rows:
            break
        row = rng.randrange(len(rows)) if rng.random() < 0.6 else 0
        column = rng.randrange(len(rows[row])) if rows[row] else 0
        kind = rng.randrange(8)
        if kind <= 2 and rows[row]:
            rows[row][column] = rng.choice(
                [rng.choice(_WORDS), text(rng, rows[row][column]), str(scalar(rng))[:200_000]]
            )
        elif kind == 3:
            rows[row].insert(column, rng.choice(_WORDS))
        elif kind == 4 and rows[row]:
            del rows[row][column]
        elif kind == 5:
            rows.insert(row, rng.choice([[], [""], ["x"], rows[0], rows[row] * 2]))
        elif kind == 6:
            rows = rng.choice([rows[:1], rows[1:], rows[::-1], rows[: row + 1] * 3, [*rows, []]])
        elif kind == 7 and rows[row]:
            rows[row][column] = rows[row][-1] if row else rng.choice(rows[0])
    out = io.StringIO()
    csv.writer(
        out, delimiter=rng.choice([",", ",", ",", ",", ";", "\t"]),
        lineterminator=rng.choice(["\n", "\n", "\r\n", "\r"]),
        quoting=rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    ).writerows(rows)  # fmt: skip
    return out.getvalue().encode("utf-8", "surrogatepass")


def arrow_column(rng: random.Random, rows: int) -> pa.Array:
    """A column of a random type."""
    numbers = list(range(rows))
    kinds: list[Any] = [
        lambda: pa.array([None] * rows), lambda: pa.array(numbers, pa.uint64()),
        lambda: pa.array([2**64 - 1] * rows, pa.uint64()),
        lambda: pa.array([float("nan")] * rows),
        lambda: pa.array([1.5] * rows, pa.float16() if rows < 0 else pa.float32()),
        lambda: pa.array([b"\xff\x00"] * rows, pa.binary()),
        lambda: pa.array(["x\x00y", None] * rows, pa.string())[:rows],
        lambda: pa.array(["a"] * rows, pa.large_string()),
        lambda: pa.array(["a", None] * rows).dictionary_encode()[:rows],
        lambda: pa.array([2**62] * rows, pa.timestamp("s")),
        lambda: pa.array([2**62] * rows, pa.timestamp("ns", "UTC")),
        lambda: pa.array([-(2**31)] * rows, pa.date32()), lambda: pa.array([2**60] * rows, pa.duration("s")),
        lambda: pa.array([1] * rows, pa.time32("s")), lambda: pa.array([10**30] * rows, pa.decimal128(38, 0)),
        lambda: pa.array([[1, None], None] * rows, pa.list_(pa.int8()))[:rows],
        lambda: pa.array([[[]]] * rows, pa.list_(pa.list_(pa.string()))),
        lambda: pa.array([{"a": 1}, None] * rows, pa.struct([("a", pa.int64())]))[:rows],
        lambda: pa.array([{}] * rows, pa.struct([])),
        lambda: pa.array([[("k", "v"), ("k", "w")]] * rows, pa.map_(pa.string(), pa.string())),
        lambda: pa.array([[(1, 2.0)]] * rows, pa.map_(pa.int64(), pa.float64())),
        lambda: pa.array([True, None] * rows)[:rows],
        lambda: pa.array([[1, 2]] * rows, pa.list_(pa.int64(), 2)), lambda: pa.array([b"ab"] * rows, pa.binary(2)),
    ]  # fmt: skip
    return rng.choice(kinds)()


def parquet(rng: random.Random, data: bytes) -> bytes:
    """A Parquet file with other columns, or damaged."""
    if rng.random() < 0.5:
        return blob(rng, data)
    found = pq.read_table(io.BytesIO(data))
    names, columns = list(found.schema.names), list(found.columns)
    for _ in range(rng.choice([1, 1, 2, 5])):
        at = rng.randrange(len(names)) if names else 0
        kind = rng.randrange(6)
        if kind <= 2 and names:
            columns[at] = arrow_column(rng, found.num_rows)
        elif kind == 3 and names:
            names[at] = rng.choice([rng.choice(_WORDS).replace("\ud800", "?"), rng.choice(names)])
        elif kind == 4 and names:
            del names[at], columns[at]
        else:
            names.append(rng.choice(["extra", *names]))
            columns.append(arrow_column(rng, found.num_rows))
    out = io.BytesIO()
    try:
        made = pa.Table.from_arrays(columns, names=names).slice(0, rng.choice([None, None, 0, 1]))
        pq.write_table(
            made, out, row_group_size=rng.choice([1, 1000]), compression=rng.choice(["snappy", "none", "zstd"])
        )
    except (pa.ArrowException, ValueError):
        return blob(rng, data)
    return out.getvalue()
