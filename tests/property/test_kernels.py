"""The kernels in C and in numpy give the same results, called through their one interface."""

from __future__ import annotations

import itertools
import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import xdmprep
from xdmprep import kernels
from xdmprep.kernels import _numpy
from xdmprep.kernels.arrays import located
from xdmprep.kernels.csv_arrow import CsvForm
from xdmprep.kernels.interface import Automaton, Kernels
from xdmprep.kernels.json_columns import (
    ARRAY,
    CHECK,
    GOOD,
    INTEGER,
    LEARN,
    MAPPED,
    NUMBER,
    OBJECT,
    TEXT,
    JsonNode,
    Parsed,
)  # fmt: skip
from xdmprep.regex import compile_ecma
from xdmprep.regex.dfa import automaton

PACKAGE = Path(xdmprep.__file__).parent
PATTERNS = ["^[a-z]{2}$", "^[0a-c]+$", "^[a-z0-9.-]*$", "^.{0,3}$", "^[0-9]{2,}"]
columns = st.lists(st.none() | st.text('aé"\\\n\x01\r0.-Z', max_size=90), max_size=20)
pytestmark = pytest.mark.skipif(kernels.compiled is None, reason="the inner loops were not compiled here")


def both() -> tuple[Kernels, Kernels]:
    assert kernels.compiled is not None
    return kernels.compiled, kernels.plain


def as_list(positions: Any) -> list[int]:
    return [] if positions is None else [int(at) for at in positions]


def exact(data: bytes) -> pa.Buffer:
    """Memory of just this size, so that a sanitizer sees what is read or written behind it."""
    return pa.py_buffer(np.frombuffer(data, np.uint8).copy())


@pytest.fixture(autouse=True)
def _results_in_memory_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in Arrow's pool, which a sanitizer cannot look into."""
    monkeypatch.setattr(pa, "allocate_buffer", lambda size: pa.py_buffer(np.zeros(size, np.uint8)))


def hidden(texts: list[str | None], skip: int) -> pa.Array:
    """A column cut from a longer one, in whose null slots texts stand; its buffers end with the last text."""
    pieces = [("z" if text is None else text).encode() for text in texts]
    offsets = np.cumsum([skip, *map(len, pieces)], dtype=np.int32)
    bitmap = None
    if skip != 1 or None in texts:
        bitmap = exact(np.packbits(np.array([text is not None for text in texts], bool), bitorder="little").tobytes())
    data = exact(b"#" * skip + b"".join(pieces))
    return pa.StringArray.from_buffers(len(texts), exact(offsets.tobytes()), data, bitmap)[skip:]


@given(columns, st.integers(0, 3))
def test_text_kernels(texts: list[str | None], skip: int) -> None:
    column = hidden(texts, skip)
    shown = [text.encode() for text in column.to_pylist() if text is not None]
    sizes = [len(text) for text in shown]
    for each in both():
        assert each.text_sizes(column) == ((min(sizes), max(sizes)) if sizes else (0, 0))
        assert each.text_sizes(column, True)[1] >= max(sizes, default=0)
    plain, compiled = (each.escape(column).to_pylist() for each in both())
    assert plain == compiled


@given(columns, st.integers(0, 3), st.data())
def test_texts_are_taken_as_arrow_takes_them(texts: list[str | None], skip: int, data: st.DataObject) -> None:
    column = hidden(texts, skip)
    last = len(column) - 1
    places = np.array(data.draw(st.lists(st.integers(0, last), max_size=60)) if last >= 0 else [], np.int32)
    for each in both():
        made = each.take_texts(column, places)
        made.validate(full=True)
        assert made.equals(column.take(pa.array(places)))
        with pytest.raises((IndexError, ValueError)):
            each.take_texts(column, np.array([last + 1], np.int32))


class Missing:
    """What frames hold where there is no value, beside None and NaN."""


class Words(str):
    """A text of another class."""


MISSING = Missing()
objects = st.lists(
    st.none() | st.just(float("nan")) | st.just(MISSING) | st.text("aé\0🎈", max_size=90) | st.text(max_size=3),
    max_size=40,
)
others = st.sampled_from([0, True, 0.5, b"a", "\ud800", [], {}, Words("a"), Missing(), np.float64("nan"), None])


@given(objects, st.none() | others, st.integers(1, 2))
def test_python_texts_are_a_column_or_left_to_others(some: list[Any], other: Any, step: int) -> None:
    """Every second of them, too, which lie apart."""
    given = np.empty(len(some) + (other is not None), object)
    given[:] = [*some, *([other] if other is not None else [])]
    values = list(given[::step])
    expected = [value if isinstance(value, str) else None for value in values]
    for each in both():
        made = each.object_texts(given[::step], (MISSING,))
        if any(value is other for value in values if other is not None):
            assert made is None
            assert other == "\ud800" or not each.are_texts(given[::step], (MISSING,))
        else:
            assert made is not None
            assert each.are_texts(given[::step], (MISSING,)) == any(text is not None for text in expected)
            made.validate(full=True)
            assert made.to_pylist() == expected
        assert each.object_texts(np.array(["a", MISSING], object), ()) is None
        assert each.object_types(given[::step]) == set(map(type, values))


@given(st.lists(st.permutations("abc"), min_size=1, max_size=9), st.booleans(), st.none() | st.sampled_from("abcd"))
def test_dicts_are_columns_where_all_have_the_same_keys(orders: list[list[str]], anew: bool, odd: str | None) -> None:
    """In any order, and of keys that are equal but not the same objects; in the last dict one may lack or be added."""
    rows: list[dict[str, Any]] = [
        {(key + "!")[:1] if anew else key: (key, number) for key in order} for number, order in enumerate(orders)
    ]
    if odd == "d":
        rows[-1]["d"] = 0
    elif odd:
        rows[-1].pop(odd)
    for each in both():
        cells = each.dict_columns(rows, ("a", "b", "c"))
        expected = None if odd else [[row[key] for row in rows] for key in "abc"]
        assert (None if cells is None else cells.tolist()) == expected


repeated = st.lists(st.none() | st.sampled_from(["", "a", "ab", "é", "12345678", "123456789"]) | st.text(max_size=40))


@given(repeated, st.integers(0, 3))
def test_texts_are_numbered_as_a_dict_numbers_them(texts: list[str | None], skip: int) -> None:
    column = hidden(texts, skip)
    found: dict[object, int] = {}
    shown = [text if text is not None else at for at, text in enumerate(column.to_pylist())]
    wanted = [found.setdefault(text, len(found)) for text in shown]
    for each in both():
        numbers, count = each.number_texts(column)
        assert (numbers.tolist(), count) == (wanted, len(found))


def test_many_texts_are_numbered() -> None:
    rng = np.random.default_rng(4)
    column = pa.array([f"key {number}" for number in rng.integers(0, 40_000, 100_000)])
    wanted = column.dictionary_encode()
    for each in both():
        numbers, count = each.number_texts(column)
        assert count == len(wanted.dictionary) and np.array_equal(numbers, wanted.indices.to_numpy())


def test_many_groups_are_ordered() -> None:
    codes = np.random.default_rng(2).integers(0, 200_000, 300_000).astype(np.int32)
    for each in both():
        order, _ = each.order_groups(codes, 200_000)
        assert order is not None and np.array_equal(order, np.argsort(codes, kind="stable"))


@given(st.lists(st.integers(0, 6)) | st.lists(st.integers(0, 200_000)), st.booleans())
def test_groups_are_ordered_as_a_stable_sort_orders_them(numbers: list[int], ordered: bool) -> None:
    codes, count = np.array(sorted(numbers) if ordered else numbers, np.int32), max([*numbers, 0]) + 1
    wanted = sorted(range(len(codes)), key=codes.tolist().__getitem__)
    for each in both():
        order, bounds = each.order_groups(codes, count)
        assert (list(range(len(codes))) if order is None else order.tolist()) == wanted
        assert [len(codes)] == bounds[-1:].tolist()
        assert np.diff(bounds).tolist() == np.bincount(codes, minlength=count).tolist()
        with pytest.raises(ValueError, match="not below"):
            each.order_groups(np.append(codes, np.int32(count)), count)


@given(columns, st.integers(0, 3), st.integers(0, 3))
def test_texts_have_the_same_hashes_with_and_without_a_compiler(texts: list[str | None], skip: int, more: int) -> None:
    column = hidden([*texts, "x" * 1024 * more + "y"], skip)
    made = [each.hash_texts(column).tolist() for each in both()]
    assert made[0] == made[1]
    known: dict[bytes, int] = {}
    for text, code in zip(column.to_pylist(), made[0], strict=True):
        assert known.setdefault((text or "").encode(), code) == code
    assert len(set(known.values())) == len(known)


#: Around the steps of 8, 16, 32 and 64 bytes in which texts are compared and copied.
SIZES = [*range(70), *range(126, 131), 1023, 1024, 1025]


@pytest.mark.parametrize("letter", ["x", "é", '"'])
def test_texts_of_every_size(letter: str) -> None:
    texts: list[str | None] = [letter.rjust(size, "a") + "b" for size in SIZES]
    column = hidden(texts, 0)
    back = np.arange(len(texts) - 1, -1, -1, dtype=np.int32)
    form = CsvForm(("a", "b"), frozenset("b"), ",", "'", ("",))
    lines = [json.dumps({"a": text}, ensure_ascii=False) for text in texts]
    tree = JsonNode(OBJECT, ("a",), (JsonNode(TEXT),))
    for each in both():
        assert each.take_texts(column, back).to_pylist() == texts[::-1]
        assert each.escape(column).to_pylist() == [json.dumps(text, ensure_ascii=False)[1:-1] for text in texts]
        for quote in ("", "'"):
            rows = [f"{quote}{text}{quote}," + f"{quote}{text}{quote}" for text in texts]
            for end in ("", "\n"):
                data = memoryview(exact(("\n".join(rows) + end).encode()))
                batch, *_ = each.parse_csv(data, form, ["a", "b"])
                assert [name.to_pylist() for name in batch.columns] == [texts, texts]
        text = "\n".join(lines).encode()
        parsed = parsed_lines(each, text, tree, CHECK)
        if each is kernels.compiled:
            assert parsed.root.children[0].whole().to_pylist() == texts


def parsed_lines(kind: Any, text: bytes, tree: JsonNode, purpose: int) -> Parsed:
    """Lines as columns."""
    data = np.frombuffer(exact(text + bytes(64)), np.uint8)
    ends = kind.line_ends(data, len(text))
    return kind.parse_json(data, np.append(0, ends[:-1] + 1)[: len(ends)], ends, tree, purpose, False)


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False).map(str) | st.integers().map(str)), st.booleans())
@example(["726760592.4670536", "0.1234567890123456", "-92843871.68916432", "1.0", "0.5", "00.5", "-0", "-0.0"], False)
@example(["01", "-0", "0", "-1", "9223372036854775807", "123456789012345678"], True)
def test_numbers_are_printed_as_their_text_or_named(texts: list[str], whole: bool) -> None:
    kind = r"-?[0-9]+" if whole else r"-?[0-9]+\.[0-9]+"
    texts = [text for text in texts if re.fullmatch(kind, text) and (not whole or abs(int(text)) < 2**63)]
    for each in both():
        named = set(as_list(each.printed_otherwise(pa.array(texts, pa.string()), whole)))
        for at, text in enumerate(texts):
            assert at in named or json.dumps(int(text) if whole else float(text)) == text


#: Around what one operation on doubles rounds right, and what 64 bits hold.
NUMBERS = [
    sign + digits + end
    for digits in ("0", "1", "9", "9007199254740992", "9007199254740993", "9007199254740994", "123456789012345",
                   "9223372036854775807", "9223372036854775808", "9223372036854775809", "18446744073709551615",
                   "99999999999999999999")
    for end in ("", ".0", ".5", ".25e3", "." + "0" * 22 + "1", "." + "3" * 17,
                *(f"e{power}" for power in (-330, -24, -23, -22, -21, 0, 21, 22, 23, 24, 280)))
    for sign in ("", "-")
]  # fmt: skip


@pytest.mark.parametrize("purpose", [CHECK, MAPPED, LEARN])
@pytest.mark.parametrize("kind", [NUMBER, INTEGER])
def test_numbers_of_lines_are_those_that_python_reads(kind: int, purpose: int) -> None:
    text = "".join(f'{{"a":{number}}}\n' for number in NUMBERS).encode()
    tree = JsonNode(OBJECT, ("a",), (JsonNode(kind),))
    for each in both():
        parsed = parsed_lines(each, text, tree, purpose)
        taken = [at for at, status in enumerate(parsed.status) if status == 0]
        found = parsed.root.children[0].whole().to_pylist()
        assert found == [(float if kind == NUMBER else int)(NUMBERS[at]) for at in taken]
        assert taken or each is kernels.plain


@pytest.mark.parametrize("deep", ["[]", "{}"])
@pytest.mark.parametrize(("levels", "taken"), [(127, True), (128, True), (129, False)])
def test_levels_of_lines(deep: str, levels: int, taken: bool) -> None:
    """Of what nobody reads, too."""
    begin = "[" if deep == "[]" else '{"k":'
    line = f'{{"b":{begin * (levels - 2)}{deep}{deep[1] * (levels - 2)}}}'.encode()
    tree = JsonNode(OBJECT, ("a",), (JsonNode(TEXT),))
    for each in both():
        parsed = parsed_lines(each, line, tree, MAPPED)
        assert (parsed.status[0] == 0) == taken or (taken and each is kernels.plain)


@pytest.mark.parametrize("first", ["d7ff", "d800", "dbff", "dc00", "dfff", "e000", "DBFF"])
@pytest.mark.parametrize("second", ["", "d7ff", "d800", "dbff", "dc00", "dfff", "e000", "DFFF"])
def test_surrogates_of_lines_are_pairs(first: str, second: str) -> None:
    escaped = f"\\u{first}" + (f"\\u{second}" if second else "")
    line = f'{{"a":"{escaped}"}}'.encode()
    text = json.loads(f'"{escaped}"')
    readable = not any("\ud800" <= char <= "\udfff" for char in text)
    tree = JsonNode(OBJECT, ("a",), (JsonNode(TEXT),))
    for each in both():
        parsed = parsed_lines(each, line, tree, CHECK)
        if parsed.status[0] == 0:
            assert readable and parsed.root.children[0].whole().to_pylist() == [text]
        assert not readable or parsed.status[0] == 0 or each is kernels.plain


def test_utf_8_is_what_python_decodes() -> None:
    """Each first byte with second ones around the borders of RFC 3629, whole and cut, behind ASCII or not."""
    seconds = [b"", *(bytes([code]) for code in (0, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0))]
    rests = [b"", b"\x80", b"\xbf\x80", b"\x80\xbf", b"\x80\xc0", b"\x7f\x80", b"\x80a", b"\x80\x80\x80"]
    for lead in range(0x7F, 0x100):
        for second, rest in itertools.product(seconds, rests):
            for before in (b"", b"x" * 15):
                text = before + bytes([lead]) + second + rest
                try:
                    text.decode()
                    readable = True
                except UnicodeDecodeError:
                    readable = False
                assert all(each.is_utf8(exact(text)) == readable for each in both()), text


def accepts(machine: Automaton, text: bytes) -> bool:
    state = 0
    for byte in text:
        state = machine.table[state, byte]
    return bool(machine.accepting[state])


@given(st.sampled_from(PATTERNS), columns, st.integers(0, 3))
def test_kernels_of_patterns(pattern: str, texts: list[str | None], skip: int) -> None:
    tree, column = compile_ecma(pattern).tree, hidden(texts, skip)
    machine = automaton(tree)
    compiled, plain = both()
    if machine is not None:
        one, other = as_list(compiled.not_accepted(column, machine)), as_list(plain.not_accepted(column, machine))
        there = {at: text.encode() for at, text in enumerate(column.to_pylist()) if text is not None}
        wrong = {at for at, text in there.items() if not accepts(machine, text)}
        assert wrong <= set(one) <= wrong | {at for at, text in there.items() if len(text) > 64}
        assert wrong <= set(other) <= there.keys()


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(_VALUES, min_size=1, max_size=5), st.sampled_from([None, 0, 2, "\t"]), st.booleans())
def test_elements_of_an_array_end_at_commas(values: list[Any], indent: int | str | None, ascii_only: bool) -> None:
    whole = json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode() + b" \n"
    data = np.frombuffer(whole[1:], np.uint8)
    for each in both():
        found = each.split_array(data)
        assert found.closed == len(data) - 3 and found.stray == -1 and not len(found.missing)
        ends = [*found.ends.tolist(), found.closed]
        starts = [0, *(end + 1 for end in ends)]
        assert [json.loads(whole[1:][start:end]) for start, end in zip(starts, ends, strict=False)] == values


@given(
    st.lists(st.dictionaries(st.sampled_from("ab"), st.text("a\"\\é{[]},\n ") | st.lists(st.text("x]},")))),
    st.sampled_from([None, 0, 2, "\t"]), st.booleans(),
    st.sampled_from(["{", "}", "[", "]", '"', ",", "\\", " ", "\n"]), st.integers(0, 200),
)  # fmt: skip
@example([{}, {"a": "x"}], None, False, " ", 0)
def test_elements_are_parsed_as_lines_are(
    values: list[Any], indent: int | str | None, insert: bool, more: str, at: int
) -> None:
    """Also where a character is put in somewhere: what is taken is what Python reads between the ends."""
    text = json.dumps(values, indent=indent, ensure_ascii=False)[1:]
    whole = (text[:at] + more + text[at:] if insert else text).encode()
    tree = JsonNode(OBJECT, ("a", "b"), (JsonNode(TEXT), JsonNode(ARRAY, (), (JsonNode(TEXT),))), whole=True)
    for each in both():
        found = each.split_array(np.frombuffer(whole, np.uint8))
        stop = found.closed if found.closed >= 0 else len(whole)
        ends = np.append(found.ends, stop)
        data = np.frombuffer(exact(whole[:stop] + bytes(64)), np.uint8)
        starts = np.append(0, ends[:-1] + 1)
        parsed = each.parse_json(data, starts, ends, tree, CHECK, True)
        taken = [json.loads(whole[starts[i] : ends[i]]) for i in np.flatnonzero(parsed.status == GOOD)]
        read = [{k: v for k, v in row.items() if v is not None} for row in parsed.root.whole().to_pylist()]
        assert read == taken
        if each is kernels.compiled and not insert:
            fits = [isinstance(row.get("a", ""), str) and isinstance(row.get("b", []), list) for row in values]
            assert fits == (parsed.status == GOOD).tolist() or not values


@given(st.text(alphabet='{}[],"\\ \n\tae\x01é', max_size=60))
def test_pieces_of_arrays_are_split_alike(text: str) -> None:
    data = np.frombuffer(text.encode(), np.uint8)
    seen = []
    for each in both():
        found = each.split_array(data)
        seen.append((found.end, found.closed, found.stray, found.ends.tolist(), found.missing.tolist()))
    assert seen[1:] in ([], seen[:1])


@given(st.binary(max_size=200), st.sampled_from([b"", b"\n", b"\r\n", "é".encode()]))
@example(b"\n" * 600, b"")
@example(b"\r" * 600, b"")
def test_kernels_of_bytes(text: bytes, end: bytes) -> None:
    text += end
    padded = np.frombuffer(text + bytes(64), np.uint8)
    lines = [match.start() for match in re.finditer(b"\n", text)]
    expected = [*lines, len(text)] if text and not text.endswith(b"\n") else lines
    try:
        text.decode()
        readable = True
    except UnicodeDecodeError:
        readable = False
    for each in both():
        assert each.line_ends(padded, len(text)).tolist() == expected
        assert each.count_lines(text) == len(re.findall(rb"\r\n|\r|\n", text))
        assert each.is_utf8(text) == readable


@given(
    st.lists(st.none() | st.integers(-62_135_596_800_000, 253_402_300_799_999), min_size=1, max_size=9),
    st.integers(0, 2),
)
@example([-62_135_596_800_000, 253_402_300_799_999], 0)
@example([-62_135_596_800_001], 0)
@example([253_402_300_800_000], 0)
def test_times_are_printed_alike(values: list[int | None], skip: int) -> None:
    column = pa.array(values, pa.int64())[skip:]
    if column.null_count < len(column):
        compiled, plain = both()
        made = compiled.print_times(column)
        made.validate(full=True)
        assert made.to_pylist() == plain.print_times(column).to_pylist()


@given(st.binary(max_size=300), st.integers(1, 100))
def test_all_of_a_buffer_is_written(data: bytes, piece: int) -> None:
    for each in both():
        with tempfile.TemporaryFile() as file:
            each.write(file.fileno(), data, piece)
            assert os.pread(file.fileno(), 400, 0) == data


def test_each_implementation_has_all_of_the_interface() -> None:
    names = {name for name in vars(Kernels) if not name.startswith("_")}
    assert names == set(_numpy.__all__)
    for each in both():
        assert [name for name in names if not hasattr(each, name)] == []


def test_only_the_kernels_know_how_they_were_made() -> None:
    """No other module branches on whether the loops were compiled."""
    branch = re.compile(r"native\.compiled|\b_native\b|native import.*\bcompiled\b|kernels\.(compiled|plain)\b")
    found = [
        str(path.relative_to(PACKAGE))
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.relative_to(PACKAGE).parts[0] not in ("native.py", "kernels")
        and branch.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@given(st.sets(st.integers(-9, 9)).map(sorted), st.lists(st.integers(-10, 10)))
@example([4, 5, 6], [6, 3, 7, 4, 4])
@example([4, 6], [5, 6])
def test_rows_are_located_among_those_that_ascend(rows: list[int], wanted: list[int]) -> None:
    at, there = located(np.array(wanted, np.int64), np.array(rows, np.int64))
    assert there.tolist() == [one in rows for one in wanted]
    assert at.tolist() == [rows.index(one) for one in wanted if one in rows]
