"""Trees as values: equal where they mean the same, and expressions that are made of trees."""

from __future__ import annotations

import itertools
import pickle

import pyarrow as pa
import pytest
from language_kit import errors_of, values_of

from xdmprep.errors import ExpressionError
from xdmprep.language import Function, Options, evaluate
from xdmprep.language.catalogue import Context
from xdmprep.language.evaluation import fold
from xdmprep.language.expression import Expression
from xdmprep.language.functions import table
from xdmprep.language.tree import Call, Constant, FieldPath, Node, children, walk

COLUMNS = pa.schema([("a", pa.string()), ("b", pa.string()), ("n", pa.int64())])
#: Constants that Python takes for equal, or that hash alike, and that differ in the language.
UNLIKE = [1, 1.0, True, "1", 0, 0.0, -0.0, False, "", None, "None", "null"]
TEXTS = [
    'iif(a != null && a != "", b, null)', 'a.substring(1).replace("x", "y")', "[n, 1, 1.0]", "n > 1 ? -n : n + 1",
    '{"k": upper(a)}', "transformArray([a, b], x -> concat(x, a))", 'a =~ ["x", "y"]',
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(UNLIKE, 2)))
def test_unlike_constants_differ(one: object, other: object) -> None:
    assert Constant(0, one) != Constant(0, other)
    assert Call(0, "upper", (Constant(0, one),)) != Call(0, "upper", (Constant(0, other),))


@pytest.mark.parametrize("text", TEXTS)
def test_trees_are_equal_wherever_they_stand(text: str) -> None:
    """Blanks move every node; what it means stays."""
    here, there = (Expression(written, COLUMNS).tree for written in (text, f"  ( {text.replace(', ', ' ,  ')} )"))
    assert [node.position for node in walk(here)] != [node.position for node in walk(there)]
    assert here == there
    assert hash(here) == hash(there)
    assert len({*walk(here), *walk(there)}) == len(set(walk(here)))


def test_expressions_are_equal_by_what_they_give() -> None:
    upper = Expression("upper(a)", COLUMNS)
    assert upper == Expression("upper( a )", COLUMNS)
    assert len({upper, Expression("upper( a )", COLUMNS)}) == 1
    assert upper != Expression("upper(b)", COLUMNS)
    assert upper != Expression("upper(a)", pa.schema([("a", pa.int64())]))
    assert upper != Expression("upper(a)", COLUMNS, Options(concat_null="null"))
    assert Expression("uuid()", COLUMNS) != Expression("uuid()", COLUMNS)
    assert Expression("now()", COLUMNS) != Expression("now()", COLUMNS)


@pytest.mark.parametrize("again", [False, True])
def test_expression_of_a_tree(again: bool) -> None:
    """A tree that no text can spell works as one that was written; pickled, too."""
    columns = pa.schema([('q"}{\\', pa.string())])
    tree: Node = Call(0, "==", (FieldPath(0, ('q"}{\\',)), Constant(0, 'x"\n\\')))
    made = Expression("for messages", columns, tree=tree)
    if again:
        made = pickle.loads(pickle.dumps(made))
    assert (made.text, made.tree, made.columns, made.type) == ("for messages", tree, ('q"}{\\',), pa.bool_())
    records = pa.RecordBatch.from_arrays([pa.array(['x"\n\\', "x", None])], schema=columns)
    assert made.apply(records).values.to_pylist() == [True, False, False]
    assert children(tree) == (FieldPath(9, ('q"}{\\',)), Constant(9, 'x"\n\\'))


ENTRIES = [entry for entry in dict.fromkeys(table().values()) if entry.availability != "no"]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_an_entry_of_the_table_has_all_that_it_takes_to_run(entry: Function) -> None:
    """A reference, unless the interpreter is one itself; where null decides, that it does; a kernel of the table."""
    assert (entry.run is None) == (entry.name == "contains_key")
    assert entry.kernel is None or entry.kernel.entry is entry
    assert entry.fewest <= (entry.fewest if entry.most is None else entry.most)
    if entry.nulls and entry.run is not None:
        for place in entry.nulls:
            arguments = ["x"] * max(entry.fewest, place + 1)
            arguments[place] = None  # type: ignore[call-overload]
            assert entry.run(Context(), *arguments) is None


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_operators_and_methods_are_not_called_by_name(entry: Function) -> None:
    """What is no function cannot be written as one, with whatever letters its name in the table has."""
    if entry.category in ("operator", "method"):
        with pytest.raises(ExpressionError):
            Expression(f"{entry.name}({', '.join('a' * max(entry.fewest, 1))})", COLUMNS)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("upper(concat('a', 'b'))", Constant(0, "AB")),
        ("concat(a, lower('X'))", Call(0, "concat", (FieldPath(0, ("a",)), Constant(0, "x")))),
        ("left('abc', -1)", Call(0, "left", (Constant(0, "abc"), Constant(0, -1)))),
        ("transformArray([1, 2], x -> x + 1)", Constant(0, [2, 3])),
        ("uuid()", Call(0, "uuid", ())),
        ("[a, 1 + 1]", Call(0, "[,]", (FieldPath(0, ("a",)), Constant(0, 2)))),
    ],
)
def test_folding_gives_a_tree(text: str, folded: Node) -> None:
    """Parts that are the same in every row are worked out; what fails, or differs from row to row, stays."""
    assert fold(Expression(text, COLUMNS).tree, Options()) == folded


ROWS = pa.record_batch({"a": ["x", None, "yy"], "b": ["1", "x", None], "n": pa.array([1, None, 3], pa.int64())})


@pytest.mark.parametrize(
    "text",
    [
        "filterArray([a, b], 1)",
        "transformArray(a, v -> v)",
        "transformArray([a], (v, w) -> concat(v, b, w))",
        "a !~ ['x', b]",
        "a =~ [b, null]",
        "b !~ '[0-9]'",
        "n =~ ['1', 3]",
        "left(null, n)",
        "filterArray(null, v -> v)",
        "a.length() + null.length()",
    ],
)
def test_lists_and_nulls_where_functions_do_not_expect_them(text: str) -> None:
    expression = Expression(text, ROWS.schema)
    got = expression.apply(ROWS)
    values = values_of(got)
    for i, row in enumerate(ROWS.to_pylist()):
        try:
            wanted = evaluate(text, row, strict=True)
        except ExpressionError:
            assert i in dict(errors_of(got)), text
            continue
        assert values[i] == wanted, text


@pytest.mark.parametrize(
    "text",
    [
        "coalesce(a, v -> 1, v -> 2)",
        "concat(a, v -> v)",
        "[a, v -> v]",
        "{'k': v -> v}",
        "a == (v -> v)",
        "(v -> v).size()",
        "v -> v",
        "transformArray([a], v -> (w -> w))",
        "filterArray(v -> v, [a])",
        "transformArray([a], v -> (w -> w) ?: v)",
        "iif(a, v -> v, null)",
        "(v -> v)[0]",
    ],
)
def test_a_lambda_is_no_value(text: str) -> None:
    with pytest.raises(ExpressionError, match=r"A lambda is no value; it stands in filterArray\(array, lambda\) and"):
        Expression(text, COLUMNS)
