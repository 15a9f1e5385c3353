"""The compiled loops against Arrow's CSV parser, Python's json, and what stands in where they were not compiled."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import xdmprep
from xdmprep import kernels
from xdmprep.core.shred import Leaf
from xdmprep.kernels import Kernels, native
from xdmprep.kernels.csv_arrow import Aside
from xdmprep.read import csv as reading

COMPILER = shutil.which(os.environ.get("CC", "cc"))


def loops() -> ModuleType:
    if native.compiled is None:
        pytest.skip("the inner loops were not compiled here")
    return native.compiled


def compiled() -> Kernels:
    if kernels.compiled is None:
        pytest.skip("the inner loops were not compiled here")
    return kernels.compiled


def test_where_a_compiler_is_the_loops_are_compiled() -> None:
    """A build that fails goes unnoticed, since everything works without; so it is asked for here."""
    if COMPILER is None or os.environ.get("XDMPREP_NATIVE") == "0":
        pytest.skip("no C compiler here, or the other way was asked for")
    assert native.compiled is not None


def shape(columns: int, words: int, nulls: tuple[str, ...] = ("",)) -> reading.CsvShape:
    names = tuple(f"c{number}" for number in range(columns))
    kinds = {
        name: pa.dictionary(pa.int32(), pa.string()) if number < words else pa.string()
        for number, name in enumerate(names)
    }
    leaves = tuple(Leaf((name,), pa.string(), name) for name in names)
    return reading.CsvShape(names, kinds, leaves, reading.CsvOptions(null_values=nulls))


cells = st.one_of(
    st.sampled_from(["", "a", "NA", '"', '""', ",", "\n", "\r\n", "x" * 70, "é", " ", 'say "hi"', "a,b", "1.5"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=40),
)


@settings(max_examples=200)
@given(
    st.integers(1, 5).flatmap(
        lambda width: st.tuples(
            st.just(width), st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=40)
        )
    ),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.integers(0, 5),
)
def test_what_a_csv_writer_wrote_is_read_as_arrow_reads_it(
    made: tuple[int, list[list[str]]], quoting: int, line: str, ended: bool, words: int
) -> None:
    width, rows = made
    out = io.StringIO()
    csv.writer(out, quoting=quoting, lineterminator=line).writerows(rows)  # type: ignore[arg-type]
    text = out.getvalue().encode()
    if not ended:
        text = text[: -len(line)]
    same_by_both(text, shape(width, words, ("", "NA")))


def same_by_both(text: bytes, asked: reading.CsvShape) -> pa.RecordBatch:
    """The rows by the compiled parser, which are those of Arrow's."""
    found, aside, _ = compiled().parse_csv(text, asked.form, asked.names)
    expected, expected_aside, _ = kernels.plain.parse_csv(text, asked.form, asked.names)
    found.validate(full=True)
    assert found.schema == expected.schema
    assert found.to_pylist() == expected.to_pylist()

    def shown(records: Aside) -> list[object]:
        return [(number, text[start:end].rstrip(b"\r\n"), values) for number, start, end, values in records.tolist()]

    assert shown(aside) == shown(expected_aside)
    return found


pieces = st.sampled_from(
    [b'"', b",", b"\n", b"\r\n", b"\r", b"a", b'"a"', b'"a,b"', b'""', b'"x\ny",', b"abc" * 30, b"\xc3\xa9"]
)


@settings(max_examples=500)
@given(st.lists(pieces, max_size=60).map(b"".join), st.integers(1, 4), st.integers(0, 4))
@example(b"a\r\n\r\nb\n\nc", 1, 0)
@example(b'"' + b"a" * 62 + b'"\n"b"', 1, 1)
@example(b"a" * 63 + b"\r", 1, 0)
@example(b"a" * 63 + b"\r\nb", 1, 0)
@example(b'a"' + b"a" * 61 + b"\r\nb", 1, 0)
@example(b"," * 5000 + b"\n", 2, 0)
@example(b"x\n" * 70 + b'"a"b"c,"\n\xff\n\xc3\xa9\n"d"' * 30, 1, 1)
def test_any_text_is_read_as_arrow_reads_it(text: bytes, width: int, words: int) -> None:
    asked = shape(width, words)
    end = compiled().last_record_end(text, 0, len(text), True, ",", '"')
    same_by_both(text[:end], asked)
    if end < len(text):
        with pytest.raises(ValueError, match="open at the end"):
            compiled().parse_csv(text, asked.form, asked.names)


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_delimiter_of_zeros(end: str) -> None:
    """What is looked at beyond the end of the text is zeros, too."""
    names, kinds = ("a", "b"), dict.fromkeys("ab", pa.string())
    asked = reading.CsvShape(names, kinds, (), reading.CsvOptions(delimiter="\0"))
    found, *_ = compiled().parse_csv(f"1\x002\n3\x004{end}".encode(), asked.form, names)
    assert found.to_pydict() == {"a": ["1", "3"], "b": ["2", "4"]}


def test_many_words_are_numbered_in_their_order() -> None:
    values = [f"value {number * 7919 % 5003}" for number in range(20_000)]
    found, *_ = compiled().parse_csv("\n".join(values).encode(), shape(1, 1).form, ["c0"])
    assert found.column(0).equals(pa.array(values).dictionary_encode())


def test_only_the_columns_that_are_asked_for() -> None:
    found, *_ = compiled().parse_csv(b"1,2,3\n4,5,6\n", shape(3, 0).form, ["c2", "c0"])
    assert found.to_pydict() == {"c2": ["3", "6"], "c0": ["1", "4"]}


@settings(max_examples=100)
@given(
    st.lists(st.lists(st.lists(cells, min_size=1, max_size=3), max_size=6), min_size=1, max_size=6),
    st.sampled_from(["\n", "\r\n", "\r", "\n\n"]),
)
def test_records_are_counted_to_the_end_of_each_part(parts: list[list[list[str]]], line: str) -> None:
    """Rows of other widths than two count too, empty lines do not."""
    texts, stops, counts = [], [], []
    for rows in parts:
        out = io.StringIO()
        csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator=line).writerows(rows)  # type: ignore[arg-type]
        texts.append(out.getvalue().encode())
        stops.append(sum(map(len, texts)))
        counts.append((counts or [0])[-1] + len(rows))
    asked = shape(2, 1)
    for loops in (compiled(), kernels.plain):
        assert loops.parse_csv(b"".join(texts), asked.form, asked.names, stops)[2].tolist() == counts


@given(st.lists(st.none() | st.text(max_size=70), max_size=30), st.integers(0, 3))
@example(['\x00\x1f\x7f\b\f\n\r\t"\\/' * 5, None, "plain"], 0)
def test_escapes_are_those_of_json(texts: list[str | None], skip: int) -> None:
    expected = [None if text is None else json.dumps(text, ensure_ascii=False)[1:-1] for text in texts[skip:]]
    for loops in (compiled(), kernels.plain):
        found = loops.escape(pa.array(texts, pa.string())[skip:])
        found.validate(full=True)
        assert found.to_pylist() == expected


I4, I8 = np.int32, np.int64
ALLOCATE = pa.allocate_buffer
OFFSETS, CODES = np.array([0, 1, 2], I4), np.array([1, 0], I4)
LEG = (OFFSETS, 2, b"ab", CODES, np.ones(2, bool), np.array([1], I8), np.array([0, 1], I4), b"z")
TABLES = (np.array([-1, -1], I4), np.array([0], I4), np.array([0], I4), np.array([1], I4), 2)
TEXTS = (OFFSETS, 2, b"ab", b"\3", 0)

#: {"a": integer, "m": map of arrays of integers, "t": text}
FIELDS = (5, (b"a", b"m", b"t"), ((2, (), ()), (7, (), ((1, (), ()), (6, (), ((2, (), ()),)))), (1, (), ())))

#: Each entry point with arguments that are right, and what it then gives; None where that is not looked at.
RIGHT: dict[str, tuple[tuple[object, ...], object]] = {
    "last_record_end": ((b"a\nb", 0, 3, False, 44, 34), 2),
    "parse_csv": ((b"1,2\n", 44, 34, 2, [(0, True), (1, False)], [b""], ALLOCATE, np.array([0, 4])), None),
    "escape": ((OFFSETS, 2, b'"b', ALLOCATE), None),
    "join": (([LEG], TABLES, np.array([0, 1, 2, 4], I4), b"<>{}" + bytes(64), 2, np.ones(2, bool), np.zeros(2, I4),
              np.zeros(2, I4), True, ALLOCATE), None),
    "line_ends": ((b"a\nb", 3), None),
    "memory": ((9,), None),
    "split_array": ((b'{"a": [1]} {}, 2]',), None),
    "write": ((-1, b"", 9), None),
    "parse_json": ((b'{"a":1,"m":{"k":[2]}}\n{}\nx' + bytes(64), np.array([0, 22, 25], I8), np.array([21, 24, 26], I8),
                    FIELDS, 1), None),
    "text_sizes": (TEXTS, (1, 1)),
    "take_texts": ((*TEXTS, np.array([1, 0, 1], I4), 3, ALLOCATE), None),
    "object_texts": ((np.array(["a", None], object), (), ALLOCATE), None),
    "object_types": ((np.array(["a", None], object),), None),
    "dict_columns": (([{"a": 1}, {"a": 2}], ("a",), np.empty((1, 2), object)), None),
    "number_texts": ((*TEXTS, ALLOCATE), None),
    "order_groups": ((np.array([1, 0, 1], I4), 3, 2, ALLOCATE), None),
    "hash_texts": ((*TEXTS, np.ones(1024, np.uint64), ALLOCATE), None),
    "not_accepted": ((*TEXTS, bytes(256), b"\1"), None),
    "printed_otherwise": ((*TEXTS, True), np.array([0, 1], I8).tobytes()),
    "is_utf8": ((b"a",), True),
    "count_lines": ((b"\r\na\r\n\n\r\n",), 4),
    "print_times": ((np.zeros(2, I8), 2, b"\3", 0, ALLOCATE), None),
}  # fmt: skip
#: What stands in for each argument in turn.
WRONG = [
    None, "text", -1, 1 << 31, 1 << 62, -(1 << 62), 1 << 70, 0.5, [], [None], [(1,)], [(-1, True)], [(9, True)],
    ["x"], (), (1, 2), {},
    b"", b"x", b"\xff" * 12, bytearray(b"\xff" * 12), memoryview(bytes(16))[1:], memoryview(bytes(64))[::2], object(),
    np.zeros(0, I4), np.array([0, 9, 2], I4), np.array([2, 1, 0], I4), np.array([-5, -1, 0], I4),
    np.full(3, 1 << 30, I4),
    np.full(9, -1, I4), np.zeros(3, I8), np.zeros(3, np.int8), np.zeros(3, np.float64), np.zeros((3, 3), I4),
    np.array([0, 1 << 40, 2], I8), np.array(["a"], object), pa.array([1, 2, 3]), lambda size: None, lambda size: b"",
    lambda size: bytearray(1), lambda size: pa.allocate_buffer(0), lambda: 0, True,
]  # fmt: skip


def test_every_entry_point_is_tried() -> None:
    made = {name for name in dir(loops()) if callable(getattr(loops(), name)) and not name.startswith("_")}
    assert made == set(RIGHT)


def changed(arguments: tuple[object, ...], at: tuple[int, ...], wrong: object) -> tuple[object, ...]:
    """The arguments with one of them replaced, perhaps within a list or tuple among them."""
    items = list(arguments)
    if len(at) > 1:
        inner = items[at[0]]
        assert isinstance(inner, (list, tuple))
        wrong = type(inner)(changed(tuple(inner), at[1:], wrong))
    items[at[0]] = wrong
    return tuple(items)


def places(arguments: tuple[object, ...], within: tuple[int, ...] = ()) -> list[tuple[int, ...]]:
    """Where an argument, or an item of one, stands."""
    found = []
    for number, value in enumerate(arguments):
        found.append((*within, number))
        if isinstance(value, (list, tuple)):
            found += places(tuple(value), (*within, number))
    return found


@pytest.mark.parametrize("name", sorted(RIGHT))
def test_wrong_arguments_are_refused_or_harmless(name: str) -> None:
    """Of any type, length or sign: an exception of a caller's fault, or a result; never a crash."""
    call = getattr(loops(), name)
    arguments, expected = RIGHT[name]
    if name != "write":
        made = call(*arguments)
        assert expected is None or made == expected
    refused = 0
    for at in places(arguments):
        for wrong in WRONG:
            if name == "write" and (at == (0,) or wrong is True):
                continue
            try:
                call(*changed(arguments, at, wrong))
            except (ValueError, TypeError, BufferError, OverflowError, MemoryError, IndexError, OSError):
                refused += 1
    assert refused > 10
    for count in range(len(arguments)):
        with pytest.raises(TypeError):
            call(*arguments[:count])


def test_join_gives_what_it_should() -> None:
    size, data, starts = loops().join(*RIGHT["join"][0])
    assert (bytes(data[:size]), np.frombuffer(starts, I4, 3).tolist()) == (b"<<b><<<z><", [0, 5, 10])


@pytest.mark.parametrize(
    ("name", "at", "wrong", "message"),
    [
        ("join", (0, 0, 3), np.array([2, 0], I4), "unknown texts"),
        ("join", (0, 0, 3), np.array([-1, 0], I4), "unknown texts"),
        ("join", (0, 0, 1), -1, "-1 texts"),
        ("join", (4,), -1, "-1 rows"),
        ("join", (4,), 1 << 62, "rows"),
        ("join", (1, 1), np.array([3], I4), "unknown literals"),
        ("join", (1, 4), 3, "no tables"),
        ("join", (1, 0), np.array([0, -1], I4), "no tables"),
        ("join", (1, 0), np.array([-1, 5], I4), "no tables"),
        ("join", (1, 1), np.zeros(0, I4), "too short"),
        ("join", (2,), np.array([0, 3, 2, 4], I4), "outside the literals"),
        ("join", (2,), np.array([0, 1, 2, 400], I4), "outside the literals"),
        ("join", (6,), np.array([0, 7], I4), "unknown literals"),
        ("escape", (0,), np.array([0, 9, 9], I4), "outside"),
        ("escape", (0,), np.array([0, 2, 1], I4), "ascend"),
        ("escape", (1,), -1, "outside"),
        ("text_sizes", (1,), -1, "negative"),
        ("text_sizes", (4,), 1 << 62, "too short"),
        ("text_sizes", (0,), np.zeros(3, I8), "items of 8 bytes"),
        ("take_texts", (5,), np.array([0, 2, 1], I4), "places outside"),
        ("take_texts", (5,), np.array([0, -1, 1], I4), "places outside"),
        ("take_texts", (6,), -1, "items"),
        ("take_texts", (6,), 4, "too short"),
        ("parse_csv", (4, 0, 0), 2, "no such column"),
        ("not_accepted", (5,), b"\1" * 256, "no automaton"),
        ("order_groups", (2,), 1, "not below"),
        ("parse_json", (0,), b"{}".ljust(26) + bytes(63), "with zeros"),
        ("parse_json", (0,), b"{}".ljust(90), "with zeros"),
        ("parse_json", (1,), np.array([-1, 22, 25], I8), "with zeros"),
        ("parse_json", (1,), np.array([0, 22, 27], I8), "with zeros"),
        ("parse_json", (1,), np.array([0, 21, 25], I8), "with zeros"),
        ("parse_json", (1,), np.array([0], I8), "with zeros"),
        ("parse_json", (2,), np.array([21, 24, 1 << 62], I8), "with zeros"),
        ("line_ends", (1,), 4, "shorter"),
        ("print_times", (1,), -1, "items"),
        ("write", (2,), 0, "no bytes"),
    ],
)
def test_what_is_said_of_wrong_arguments(name: str, at: tuple[int, ...], wrong: object, message: str) -> None:
    arguments = RIGHT[name][0]
    with pytest.raises((ValueError, TypeError, IndexError), match=message):
        getattr(loops(), name)(*changed(arguments, at, wrong))


def test_another_source_than_was_compiled_is_not_used(tmp_path: Path) -> None:
    """After a pull, until the package is installed again."""
    loops()
    package = Path(xdmprep.__file__).parent
    copy = tmp_path / "xdmprep"
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    ask = "import xdmprep.kernels.native as n; print(n.__file__, n.compiled is not None)"

    def asked(**more: str) -> list[str]:
        environment = {**os.environ, "PYTHONPATH": str(tmp_path), "XDMPREP_NATIVE": "1", **more}
        run = subprocess.run([sys.executable, "-c", ask], cwd=tmp_path, env=environment, capture_output=True, text=True)
        return run.stdout.split()

    assert asked() == [str(copy / "kernels" / "native.py"), "True"]
    assert asked(XDMPREP_NATIVE="0")[1] == "False"
    (copy / "_native.c").write_text("/* another */")
    assert asked()[1] == "False"
