"""Trees as values: equal where they mean the same, and expressions that are made of trees."""

from __future__ import annotations

import itertools
import pickle

import pyarrow as pa
import pytest

from xdmprep.language import Options
from xdmprep.language.expression import Expression
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
