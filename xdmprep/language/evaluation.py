"""An expression over a batch: kernels over typed columns, and the interpreter where there is none.

A tree is lowered once to :class:`Part` objects and run batch by batch.  Every part asks the table of kernels
(:mod:`xdmprep.language.kernels.table`) with the columns that its arguments gave; the kinds of those columns decide.
Where the table has no kernel for them, the interpreter works out this part, and no other, once per distinct
combination of the arguments.  A part that reads dictionary-encoded columns with few words only runs on their words.

The type of a part is what it gives for no rows at all: there is no second set of rules for types.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import numpy as np
import pyarrow as pa

from ..core.stream import TIMESTAMP
from . import tree as syntax
from .binding import columns_of, is_volatile
from .catalogue import Context
from .columns import LONG, MOMENT, TEXT, Column, Ints, Mask, distinct, merged, nulls_of, plain, some
from .functions import table
from .interpreter import Direct, Evaluator, Scope, compile_node, direct, reason_of, run
from .kernels import KERNELS, LAMBDAS, LAZY, Constants, Kernel, Rows, attempted, lifted, walked
from .kernels.regexes import literal_text
from .options import Options
from .shapes import from_python, normal, stacked, to_python
from .values import Failed

log = logging.getLogger("xdmprep.language")

#: A part of so many nodes or more runs on the distinct texts of its column where the first rows have few of them.
_WORTH, _HEAD, _FEW = 6, 1000, 100


class Frame:
    """The rows that parts are run on.

    Args:
        columns: arrays of the source by name, as they come.
        n: number of rows.
        context: options, clock, compiled patterns.
        keys: what tells a row from all others, for seeded random values.
        asked: where given, the parts that asked the interpreter are noted here, and whether once per distinct value.
    """

    def __init__(
        self,
        columns: Mapping[str, pa.Array],
        n: int,
        context: Context,
        keys: Callable[[int], bytes] | None = None,
        asked: dict[syntax.Node, bool] | None = None,
    ) -> None:
        self.columns, self.n, self.context, self.keys, self.asked = columns, n, context, keys, asked
        self._normal: dict[str, Any] = {}
        self._worded: dict[str, Any] = {}

    def raw(self, name: str) -> Any:
        """A column of the source as it comes; None where it is not there."""
        return self.columns.get(name)

    def column(self, name: str) -> Any:
        """A column in one of the types between kernels, or as Python values."""
        found = self._normal.get(name)
        if found is None:
            array = self.raw(name)
            if array is None:
                array = pa.nulls(self.n)
            found = self._normal[name] = array if isinstance(array, list) else normal(array)
        return found

    def worded(self, name: str) -> Any:
        """A column of the source, with a dictionary where it is of texts and those are few."""
        found = self._worded.get(name)
        if found is None:
            found = self.raw(name)
            long = isinstance(found, pa.Array) and found.type == TEXT and self.n >= 2 * _HEAD
            if long and len(found.slice(0, _HEAD).unique()) <= _FEW:
                found = found.dictionary_encode()
            self._worded[name] = found
        return found

    def taken(self, rows: Ints) -> Frame:
        """Some of the rows."""
        at = pa.array(rows)
        keys = self.keys
        picked = None if keys is None else lambda i: keys(int(rows[i]))
        columns = {name: column.take(at) for name, column in self.columns.items()}
        return Frame(columns, len(rows), self.context, picked, self.asked)


class Around(Frame):
    """The elements of all lists as rows: lambda variables, and the columns around them repeated."""

    def __init__(self, outer: Frame, parents: Ints, variables: dict[str, Any]) -> None:
        super().__init__({}, len(parents), outer.context, None, outer.asked)
        self.outer, self.parents = outer, parents
        self._normal.update(variables)

    def raw(self, name: str) -> Any:
        """See :meth:`Frame.raw`."""
        if name in self._normal:
            return self._normal[name]
        found = self.outer.raw(name)
        if isinstance(found, list):
            return [found[i] for i in self.parents.tolist()]
        return None if found is None else found.take(pa.array(self.parents))


@dataclass(slots=True, eq=False)
class Part:
    """One node of an expression, ready to run.

    Attributes:
        node: the bound tree.
        name: its name in the table of kernels.
        parts: its arguments; None stands for a lambda.
        reads: columns that it reads, variables of lambdas around it included.
        random: whether every row gets another value, so that equal rows may not be worked out once.
        constant: whether it is the same `value` in all rows; it fails where `failure` says why.
        body, parameters: of the lambda among its arguments.
        result: type of its values where that is always the same.
        size: how many nodes it has.
    """

    node: syntax.Node
    name: str
    parts: tuple[Part | None, ...]
    reads: tuple[str, ...]
    random: bool = False
    constant: bool = False
    value: Any = None
    failure: str | None = None
    body: Part | None = None
    parameters: tuple[str, ...] = ()
    result: pa.DataType | None = None
    size: int = 1
    spliced: tuple[syntax.Node, Evaluator, tuple[str, ...]] | None = field(default=None, repr=False)

    def run(self, frame: Frame) -> Column:
        """The values for all rows."""
        if self.constant:
            if self.failure is None:
                return Constants(self.value, frame.n)
            return Column(pa.nulls(frame.n), np.ones(frame.n, dtype=bool))
        if isinstance(self.node, syntax.FieldPath):
            return self._field(frame)
        on_words = None if self.random or not self.reads else self._on_words(frame)
        return self._run(frame) if on_words is None else on_words

    def _run(self, frame: Frame) -> Column:
        rows = Rows(frame.n, frame.context)
        arguments = [None if part is None else part.run(frame) for part in self.parts]
        given = [column for column in arguments if column is not None]
        made: Column | None = None
        if self.body is not None:
            kernel = LAMBDAS.get(self.name)
            if kernel is not None and len(given) == 1 and arguments[0] is not None:
                made = attempted(kernel, rows, given[0], lambda parents, items: self._inside(frame, parents, items))
        elif self.name in LAZY:
            made = attempted(LAZY[self.name], rows, *given)
            return made if made is not None else self._whole(frame)
        elif self.name in KERNELS:
            made = lifted(KERNELS[self.name], rows, given)
            if made is None and not self.random:
                made = _by_word(KERNELS[self.name], rows, given)
        if made is None and self.name == "contains_key":  # it asks for the place, not for the value there
            return self._whole(frame)
        return self._spliced(frame, arguments) if made is None else made

    def _field(self, frame: Frame) -> Column:
        assert isinstance(self.node, syntax.FieldPath)  # noqa: S101
        first, *rest = self.node.names
        made = Column(frame.column(first))
        for name in rest:
            found = lifted(walked, Rows(frame.n, frame.context), [made, Constants(name, frame.n)])
            if found is None:
                return self._whole(frame)
            made = found
        return made

    def _inside(self, frame: Frame, parents: Ints, items: pa.Array) -> Column:
        """The body of the lambda, with the elements of all lists as rows."""
        assert self.body is not None  # noqa: S101
        variables: dict[str, Any] = {name: pa.nulls(len(parents)) for name in self.parameters[1:]}
        variables |= dict.fromkeys(self.parameters[:1], items)
        return self.body.run(Around(frame, parents, variables))

    def _on_words(self, frame: Frame) -> Column | None:
        """The part worked out on the dictionaries of the columns that it reads, if all have small ones.

        Several columns give every combination of their words a place, whether it occurs or not.
        """
        columns = [frame.raw(name) for name in self.reads]
        if len(columns) == 1 and self.size >= _WORTH:
            columns = [frame.worded(self.reads[0])]
        combinations = 1
        for values in columns:
            if not isinstance(values, pa.DictionaryArray) or values.type.value_type != TEXT:
                return None
            combinations *= len(values.dictionary) + bool(values.indices.null_count)
        if combinations * 2 > frame.n:
            return None
        places: Any = None
        words: dict[str, pa.Array] = {}
        repeat, tile = combinations, 1
        for name, values in zip(self.reads, columns, strict=True):
            known, at = values.dictionary, values.indices
            if at.null_count:
                at = at.fill_null(pa.scalar(len(known), at.type))
                known = pa.concat_arrays([known, pa.nulls(1, known.type)])
            repeat //= max(len(known), 1)
            order = np.tile(np.repeat(np.arange(len(known)), repeat), tile)
            words[name] = known.take(pa.array(order))
            tile *= len(known)
            codes = at.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
            places = codes if places is None else places * np.int32(len(known)) + codes
        found = self._run(Frame(words, combinations, frame.context, None, frame.asked))
        is_open = None if found.open is None else some(found.open[places])
        if isinstance(found, Constants):
            return Constants(found.value, frame.n)
        if isinstance(found.values, list):
            return Column([found.values[i] for i in places.tolist()], is_open)
        answers = plain(found.values)
        if answers.type != TEXT:
            return Column(answers.take(pa.array(places)), is_open)
        absent = nulls_of(answers)[places] if answers.null_count else None
        answers = answers.fill_null("")  # a null among the words would be one more way to say null
        return Column(pa.DictionaryArray.from_arrays(pa.array(places, pa.int32(), mask=absent), answers), is_open)

    def _whole(self, frame: Frame) -> Column:
        """This part and all below by the interpreter."""
        columns = {name: Column(frame.column(name)) for name in self.reads}
        return self._interpreted(self.node, compile_node(self.node), columns, frame)

    def _spliced(self, frame: Frame, arguments: Sequence[Column | None]) -> Column:
        """This part by the interpreter, its arguments being worked out; lambdas see the columns around."""
        if self.spliced is None:
            nodes: list[syntax.Node] = []
            for i, (part, node) in enumerate(zip(self.parts, syntax.children(self.node), strict=True)):
                fixed = part is None or (part.constant and part.failure is None)
                nodes.append(node if fixed else syntax.FieldPath(0, (_input(i),), True))
            node = syntax.rebuild(self.node, tuple(nodes))
            free = tuple(name for name in columns_of(node) if not name.startswith("\0"))
            self.spliced = node, compile_node(node), free
        node, evaluator, free = self.spliced
        columns = {name: Column(frame.column(name)) for name in free}
        for i, (part, column) in enumerate(zip(self.parts, arguments, strict=True)):
            if part is not None and column is not None and not (part.constant and part.failure is None):
                columns[_input(i)] = column
        return self._interpreted(node, evaluator, columns, frame)

    def _interpreted(self, tree: syntax.Node, evaluate: Evaluator, columns: dict[str, Column], frame: Frame) -> Column:
        """What an evaluator gives for the rows where all columns are settled; where it fails, the row is open."""
        n = frame.n
        if not n:
            if frame.asked is not None:
                frame.asked[self.node] = not any(_is_nested(column.values) for column in columns.values())
            return Column([] if self.result is None else pa.nulls(0, self.result))
        is_open = merged(*[column.open for column in columns.values()])
        at = None if is_open is None or not is_open.any() else np.flatnonzero(~is_open)
        arrays = {name: _some_of(column.values, at) for name, column in columns.items()}
        values, reasons = each(tree, evaluate, arrays, n if at is None else len(at), frame, self.random, self.node)
        failed = np.zeros(n, dtype=bool)
        if at is None:
            failed[list(reasons)] = True
        else:
            whole: list[Any] = [None] * n
            for i, value in zip(at.tolist(), values, strict=True):
                whole[i] = value
            values, failed[at[list(reasons)]] = whole, True
        made = from_python(values)
        if self.result is not None and not isinstance(made, list) and pa.types.is_null(made.type):
            made = pa.nulls(n, self.result)
        return Column(made, merged(is_open, some(failed)))


#: A kernel that takes a constant runs once for each value of a column of so few, if each stands in so many rows.
_WORDS, _ROWS_EACH = 64, 32


def _by_word(entry: Kernel, rows: Rows, given: Sequence[Column]) -> Column | None:
    """A kernel once for each value of an argument that has few, as a constant; None where that does not help."""
    few = [(i, words) for i, column in enumerate(given) if (words := _few_words(column, rows.n)) is not None]
    for i, words in sorted(few, key=lambda one: len(one[1].dictionary)):
        pieces: list[pa.Array] = []
        places, is_open, filled = np.zeros(rows.n, dtype=np.int64), np.ones(rows.n, dtype=bool), 0
        codes = words.indices.to_numpy(zero_copy_only=False)
        for code, word in enumerate(words.dictionary.to_pylist()):
            at = np.flatnonzero(codes == code)
            there = [_taken(column, at) for column in given]
            there[i] = Constants(word, len(at))
            within = Rows(len(at), rows.context)
            made = lifted(entry, within, there) or _by_word(entry, within, there)
            if made is not None and not isinstance(made.values, list):
                places[at] = filled + np.arange(len(at))
                is_open[at] = False if made.open is None else made.open
                pieces.append(plain(made.values))
                filled += len(at)
        if pieces:
            return Column(stacked(pieces).take(pa.array(places)), some(is_open))
    return None


def _few_words(column: Column, n: int) -> pa.DictionaryArray | None:
    if isinstance(column, Constants) or isinstance(column.values, list) or n < 2 * _ROWS_EACH:
        return None
    values = plain(column.values)
    if not (values.type in (TEXT, LONG) and len(values.slice(0, 2 * _WORDS).unique()) <= _WORDS):
        return None
    found = values.dictionary_encode(null_encoding="encode")
    return found if len(found.dictionary) <= min(_WORDS, n // _ROWS_EACH) else None


def _taken(column: Column, at: Ints) -> Column:
    if isinstance(column, Constants):
        return Constants(column.value, len(at))
    return Column(_some_of(column.values, at), None if column.open is None else some(column.open[at]))


def _input(i: int) -> str:
    return f"\0{i}"


def _is_nested(values: Any) -> bool:
    """Whether rows cannot be told apart, so that equal ones are not evaluated once; False where it is not known."""
    return not isinstance(values, list) and pa.types.is_nested(values.type)


def _some_of(values: Any, at: Ints | None) -> Any:
    if at is None:
        return values
    return [values[i] for i in at.tolist()] if isinstance(values, list) else values.take(pa.array(at))


def each(
    tree: syntax.Node, evaluate: Evaluator, columns: Mapping[str, Any], n: int, frame: Frame, random: bool = False,
    node: syntax.Node | None = None,
) -> tuple[list[Any], dict[int, str]]:  # fmt: skip
    """What the interpreter gives, once per distinct combination of the columns where they can be told apart.

    Args:
        tree: the expression.
        evaluate: gives its value for one row.
        columns: what it reads.
        n: number of rows.
        frame: the rows around.
        random: whether every row gets another value.
        node: what is noted as asking the interpreter.

    Returns:
        The values of all rows, and why rows failed, by their position.
    """
    arrays = list(columns.values())
    flat = not random and not any(_is_nested(values) or isinstance(values, list) for values in arrays)
    if frame.asked is not None and node is not None:
        frame.asked[node] = flat
    unique = distinct(arrays, n) if flat and not _differ(arrays, n) else None
    if log.isEnabledFor(logging.DEBUG) and node is not None:
        runs = n if unique is None else len(unique[0][0]) if unique[0] else min(n, 1)
        name = getattr(node, "name", type(node).__name__)
        log.debug("%s has no kernel for its arguments: interpreted %d times for %d rows", name, runs, n)
    called = None if random else direct(tree)
    if unique is None:
        return _each(called, evaluate, list(columns), [to_python(values) for values in arrays], n, frame, random)
    words, at = unique
    count = len(words[0]) if words else min(n, 1)
    lists = [to_python(plain(word)) for word in words]
    values, reasons = _each(called, evaluate, list(columns), lists, count, frame, False)
    which = at.to_pylist()
    failed = {i: reasons[code] for i, code in enumerate(which) if code in reasons} if reasons else {}
    return [values[code] for code in which], failed


#: Of so many rows that are looked at, as many as the share differ where evaluating each row is cheaper.
_LOOK, _DIFFER = 500, 0.95


def _differ(arrays: Sequence[Any], n: int) -> bool:
    """Whether the first rows nearly all differ in one of the columns."""
    if n < _LOOK:
        return False
    heads = [plain(values.slice(0, _LOOK)) for values in arrays]
    return any(len(head.unique()) >= _DIFFER * _LOOK for head in heads)


def _each(
    called: Direct | None, evaluate: Evaluator, names: list[str], lists: list[list[Any]], n: int, frame: Frame,
    random: bool,
) -> tuple[list[Any], dict[int, str]]:  # fmt: skip
    out: list[Any] = [None] * n
    reasons: dict[int, str] = {}
    context = frame.context
    if called is not None:
        places = dict(zip(names, lists, strict=True))
        given = [places[part] if isinstance(part, str) else repeat(part.value, n) for part in called.arguments]
        work = called.run
        for i, arguments in enumerate(zip(*given, strict=True)):
            try:
                out[i] = work(context, *arguments)
            except Failed as error:
                reasons[i] = str(error)
            except (RecursionError, OverflowError, MemoryError) as error:
                reasons[i] = reason_of(error)
        return out, reasons
    record = dict[str, Any]()
    scope = Scope(record, context)
    for i in range(n):
        for name, values in zip(names, lists, strict=True):
            record[name] = values[i]
        if random and frame.keys is not None:
            context.row, context.drawn = frame.keys(i), 0
        try:
            out[i] = run(evaluate, scope)
        except Failed as error:
            reasons[i] = str(error)
    return out, reasons


# Lowering


def lower(node: syntax.Node, options: Options) -> Part:
    """A bound tree as parts."""
    node = _shortened(node, options)
    nodes = syntax.children(node)
    parts = tuple(None if isinstance(child, syntax.Lambda) else lower(child, options) for child in nodes)
    body: Part | None = None
    parameters: tuple[str, ...] = ()
    lambdas = [child for child in nodes if isinstance(child, syntax.Lambda)]
    if lambdas:
        parameters = lambdas[0].parameters
        body = lower(lambdas[0].body, options)
    if isinstance(node, syntax.FieldPath) or lambdas:
        reads = columns_of(node)
    else:
        reads = tuple(dict.fromkeys(name for part in parts if part is not None for name in part.reads))
    inner = [part for part in (*parts, body) if part is not None]
    random = any(part.random for part in inner) or (isinstance(node, syntax.Call) and node.name == "uuid")
    made = Part(node, _name(node), parts, reads, random, body=body, parameters=parameters, result=_result(node))
    made.size = 1 + sum(part.size for part in inner) + len(lambdas)
    if len(lambdas) > 1:
        made.body = None
    if not reads and not random and not is_volatile(node) and not isinstance(node, syntax.FieldPath):
        made.constant = True
        try:
            made.value = run(compile_node(node), Scope({}, Context(options)))
        except Failed as error:
            made.failure = str(error)
    return made


def _shortened(node: syntax.Node, options: Options) -> syntax.Node:
    """``join(s, explode(text, t))`` as a replacement: the parts are never made."""
    match node:
        case syntax.Call(at, "join", (syntax.Constant(_, str()) as new, syntax.Call(_, "explode", (text, *rest)))) if (
            options.replace == "all" and len(rest) < 2 and all(isinstance(each, syntax.Constant) for each in rest)
        ):
            between = literal_text(rest[0].value if rest and isinstance(rest[0], syntax.Constant) else ",")
            if between:
                return syntax.Call(at, "replacestr", (text, syntax.Constant(at, between), new))
    return node


def _name(node: syntax.Node) -> str:
    match node:
        case syntax.Call(_, name, _):
            return name
        case syntax.Method(_, _, name, _):
            return "." + name
        case syntax.Unary(_, operator, _):
            return f"unary{operator}" if operator in "-+~" else operator
        case syntax.Binary(_, operator, _, right):
            return "in" if operator == "=~" and _is_list(right) else operator
        case syntax.Conditional():
            return "?"
        case syntax.Element():
            return "[]"
        case syntax.Array():
            return "[,]"
        case syntax.Map():
            return "{:}"
    return ""


def _is_list(node: syntax.Node) -> bool:
    return isinstance(node, syntax.Array) or (isinstance(node, syntax.Constant) and isinstance(node.value, list))


_METHODS: dict[str, pa.DataType] = {
    **dict.fromkeys(("equals", "equalsIgnoreCase", "containsKey", "matches", "startsWith", "endsWith"), pa.bool_()),
    **dict.fromkeys(("isEmpty", "isBlank", "contains"), pa.bool_()),
    **dict.fromkeys(("length", "size", "indexOf", "lastIndexOf"), pa.int64()),
    **dict.fromkeys(("substring", "charAt", "strip", "trim", "replaceAll", "replaceFirst", "replace"), TEXT),
    **dict.fromkeys(("toLowerCase", "toUpperCase", "toString"), TEXT),
    "split": pa.list_(TEXT),
}
_TESTS = frozenset({"==", "!=", "<", "<=", ">", ">=", "&&", "||", "=~", "!~", "=^", "!^", "=$", "!$"})


def _result(node: syntax.Node) -> pa.DataType | None:
    """The type that a node gives whatever its arguments are."""
    match node:
        case syntax.Call(_, name, _):
            kind = table()[name].result
            return MOMENT if kind == TIMESTAMP else kind
        case syntax.Method(_, _, name, _):
            return _METHODS.get(name)
        case syntax.Binary(_, operator, _, _) if operator in _TESTS:
            return pa.bool_()
        case syntax.Binary(_, operator, _, _) if operator in "&|^":
            return pa.int64()
        case syntax.Unary(_, operator, _) if operator in ("!", "empty"):
            return pa.bool_()
        case syntax.Unary(_, operator, _) if operator in ("~", "size"):
            return pa.int64()
    return None


__all__ = ["Constants", "Frame", "Mask", "Part", "each", "lower"]
