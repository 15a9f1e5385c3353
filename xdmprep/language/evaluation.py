"""An expression over a batch: kernels over typed columns, and the interpreter where none exists.

A bound tree is folded once and walked batch by batch.  Every call asks the kernel of its entry in the table of
functions with the columns that its arguments gave; their kinds decide (:mod:`xdmprep.language.kernels.table`).
Where there is no kernel for them, the interpreter evaluates this call, and no other, once per distinct combination of
the arguments.  A call that reads one dictionary-encoded column with few words only runs on its words.

The type of a node is what it gives for no rows (:func:`annotate`): kernels are the only rules for types.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import cache
from itertools import repeat
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from .catalogue import Context
from .columns import (
    LONG,
    NUMERAL,
    TEXT,
    UNKNOWN,
    Column,
    Ints,
    Mask,
    as_mask,
    distinct,
    first_reasons,
    marked,
    merged,
    nulls_of,
    patched,
    plain,
    some,
)
from .functions import table
from .interpreter import Scope, compile_node, reason_of, row_function, run
from .kernels import Body, Constants, Kernel, Rows, attempted, lifted, truths
from .kernels.regexes import literal_text
from .options import Options
from .shapes import chosen, digits_of, final_type, from_python, normal, only_where, stacked, to_python, zoneless
from .tree import ELEMENT, Call, Constant, FieldPath, Lambda, Node, children, rebuild, walk
from .values import Failed

log = logging.getLogger("xdmprep.language")

#: A call of so many nodes or more, or with a function that costs as much, runs on the distinct strings of its column
#: where the first rows have few of them.
_WORTH, _HEAD, _FEW = 6, 1000, 100
_COSTLY = {"json_to_object"}


#: Nodes that occur more than once, and their values once they are known.
Shared: TypeAlias = dict[Node, Column | None]

#: The type that each node of a tree has between kernels; None where it is known per row only.
Types: TypeAlias = dict[Node, pa.DataType | None]


class Frame:
    """The rows that a tree is evaluated on.

    Args:
        columns: arrays of the source by name, as they come.
        n: number of rows.
        context: options, clock, compiled patterns.
        keys: what tells a row from all others, for seeded random values.
        asked: where given, the nodes that asked the interpreter are noted here, and whether once per distinct value.
        shared: the nodes that are evaluated once, with their values once they are known.
        types: where given, the type of each node is noted here.
        root: the node whose values are handed out, so that no kernel has to take them.
    """

    def __init__(
        self,
        columns: Mapping[str, pa.Array],
        n: int,
        context: Context,
        keys: Callable[[int], bytes] | None = None,
        asked: dict[Node, bool] | None = None,
        shared: Shared | None = None,
        types: Types | None = None,
        root: Node | None = None,
    ) -> None:
        self.columns, self.n, self.context, self.keys, self.asked = columns, n, context, keys, asked
        self.shared, self.types, self.root = shared or {}, types, root
        self.wanted: Callable[[], Mask] | None = None
        self._normal: dict[str, Any] = {}
        self._worded: dict[str, Any] = {}

    @property
    def rows(self) -> Rows:
        """The rows, as kernels take them."""
        return Rows(self.n, self.context, self.wanted)

    def asking(self, wanted: Callable[[], Mask] | None) -> Frame:
        """The same rows, of which the values of some are `wanted` (None: of all)."""
        made = copy(self)
        made.wanted = wanted
        return made

    def raw(self, name: str) -> Any:
        """A column of the source as it comes; None where it is not there."""
        return self.columns.get(name)

    def column(self, name: str) -> Any:
        """A column in one of the types between kernels."""
        found = self._normal.get(name)
        if found is None:
            array = self.raw(name)
            if array is None:
                array = pa.nulls(self.n)
            found = self._normal[name] = normal(array)
        return found

    def worded(self, name: str) -> Any:
        """A column of the source, with a dictionary where it is of strings and those are few."""
        found = self._worded.get(name)
        if found is None:
            found = self.raw(name)
            long = isinstance(found, pa.Array) and found.type == TEXT and self.n >= 2 * _HEAD
            if long and len(found.slice(0, _HEAD).unique()) <= _FEW:
                found = found.dictionary_encode()
            self._worded[name] = found
        return found


class Around(Frame):
    """The elements of all lists as rows: lambda variables, and the columns around them repeated."""

    def __init__(self, outer: Frame, parents: Ints, variables: dict[str, Any]) -> None:
        super().__init__({}, len(parents), outer.context, None, outer.asked, None, outer.types)
        self.outer, self.parents = outer, parents
        wanted = outer.wanted
        self.wanted = None if wanted is None else lambda: wanted()[parents]
        self._normal.update(variables)

    def raw(self, name: str) -> Any:
        """See :meth:`Frame.raw`."""
        if name in self._normal:
            return self._normal[name]
        found = self.outer.raw(name)
        return None if found is None else found.take(pa.array(self.parents))


def annotate(tree: Node, columns: Mapping[str, pa.DataType], options: Options) -> Types:
    """The types of all nodes of a folded tree: those of what they give for no rows, of columns of some types.

    Where a node means different things in different places, as the variable of two lambdas, its type is None.
    """
    types: Types = {}
    arrays = {name: pa.nulls(0, kind) for name, kind in columns.items()}
    frame = Frame(arrays, 0, Context(options), types=types)
    for node in walk(tree):
        if node not in types and not isinstance(node, Lambda):  # what the interpreter evaluates as a whole
            evaluate(node, frame)
    return types


def evaluate(node: Node, frame: Frame) -> Column:
    """The values of a node of a folded tree for all rows."""
    made = frame.rows.opened(_evaluated(node, frame))
    if frame.types is not None:
        kind = zoneless(plain(made.values).type)
        kind = None if final_type(kind) is None else kind
        frame.types[node] = kind if frame.types.get(node, kind) == kind else None
    return made


def _evaluated(node: Node, frame: Frame) -> Column:
    match node:
        case Constant(_, value):
            return Constants(value, frame.n)
        case FieldPath():
            return _field(node, frame)
        case Call() if node.paths or node.volatile:
            made = frame.shared.get(node)
            if made is None:
                within = frame.asking(None) if node in frame.shared else frame
                on_words = None if node.random or not node.paths or not frame.n else _on_words(node, within)
                made = _call(node, within) if on_words is None else on_words
                if node in frame.shared:
                    frame.shared[node] = made
            return made
    return Column(pa.nulls(frame.n), np.ones(frame.n, dtype=bool))  # a constant that could not be folded fails


def _call(node: Call, frame: Frame) -> Column:
    rows = frame.rows
    entry = table()[node.name]
    arguments = _arguments(node, frame)
    kernel: Kernel | None = entry.kernel
    made: Column | None = None
    if kernel is not None and entry.lazy:
        made = attempted(kernel.run, rows, *arguments)
    elif kernel is not None:
        made = lifted(kernel, rows, arguments)
        if made is None and not node.random:
            made = _by_word(kernel, rows, arguments)
    if made is not None:
        first = arguments[:1] if entry.lazy else arguments
        why = first_reasons([*(each for each in first if isinstance(each, Column)), made], frame.n)
        made = rows.opened(made if why is None else Column(made.values, made.open, why))
        return made if made.open is None or entry.lazy or node.random else _decided(node, made, arguments, frame)
    columns = [given for given in arguments if isinstance(given, Column)]
    # what is not asked for may fail, the place is asked for and not the value, or an argument is a lambda
    if entry.lazy or entry.run is None or len(columns) < len(arguments):
        return _whole(node, frame)
    return _interpreted(node, entry.run, columns, frame)


def _decided(node: Call, made: Column, arguments: Sequence[Column | Body], frame: Frame) -> Column:
    """What a kernel gave, with the rows that it could not decide evaluated by the interpreter from the arguments.

    Rows stay open where an argument is, and inside the tree where the values are of another type than the column.
    """
    columns, run = [given for given in arguments if isinstance(given, Column)], table()[node.name].run
    unknown, known = without_reason(made), merged(*[column.open for column in columns])
    if known is not None:
        unknown = unknown & ~known
    if not unknown.any() or run is None or len(columns) < len(arguments):
        return made
    return answered(run, made, unknown, columns, frame, node, keep=node is not frame.root)


def without_reason(found: Column) -> Mask:
    """The open rows of which it is not known that they fail."""
    is_open = marked(len(found.values), found.open)
    return is_open if found.why is None else is_open & nulls_of(found.why)


def answered(
    work: Callable[..., Any], found: Column, unknown: Mask, columns: Sequence[Column], frame: Frame, node: Node,
    *, keep: bool = False,
) -> Column:  # fmt: skip
    """A column with some of its open rows evaluated by the interpreter.

    Args:
        work: takes a context and a value of each of the columns.
        found: what is known.
        unknown: the rows that are evaluated.
        columns: what they are evaluated from.
        frame: the rows around.
        node: what the column is of; noted as asking the interpreter where that is more than now and then.
        keep: whether the rows stay open where the values are of another type than the column.

    Returns:
        The column, open where a row fails; its type holds the values of all rows.
    """
    at, n = np.flatnonzero(unknown), frame.n
    columns = columns if len(at) == n else [_taken(column, at) for column in columns]
    values, reasons = each(work, columns, at, frame, node.random, node if len(at) * 10 > n else None)
    old, new, why, is_open = found.values, from_python(values), found.why, marked(n, found.open) & ~unknown
    if reasons is not None:
        why = patched(pa.nulls(n, TEXT) if why is None else why, unknown, reasons)
        is_open |= marked(n, at[~nulls_of(reasons)])
    old = plain(old)
    if pa.types.is_null(new.type):
        return Column(only_where(old, ~unknown), some(is_open), why)
    if new.type == old.type:
        return Column(patched(old, unknown, new), some(is_open), why)
    if keep:
        return Column(old, found.open, why)
    places = np.zeros(n, dtype=np.int64)
    places[at] = np.arange(len(at))
    made = chosen(unknown.astype(np.int64), [Column(old), Column(new.take(pa.array(places)))])
    return Column(made.values, some(is_open), why)


#: Whether the argument behind a condition matters where that holds, or where it does not.
_ASKED = {"iif": True, "&&": True, "||": False, "?:": False, "??": False}


def _arguments(node: Call, frame: Frame) -> list[Column | Body]:
    """The arguments of a call; of those that matter in some rows only the values there."""
    given: list[Column | Body] = []
    when, here, rest = _ASKED.get(node.name), frame, frame
    for place, part in enumerate(node.arguments):
        given.append(_argument(part, here))
        here = rest
        if when is not None and place % 2 == 0 and place < len(node.arguments) - 1:
            held = attempted(truths, rest.rows, given[place])
            if held is not None:
                here, rest = (rest.asking(_where(held, where, rest)) for where in (when, not when))
    return given


def _where(held: Column, where: bool, frame: Frame) -> Callable[[], Mask]:
    """Gives the rows where a condition holds, or does not, once it is asked."""

    @cache
    def found() -> Mask:
        mask: Mask = as_mask(held.values) == where
        return mask if frame.wanted is None else mask & frame.wanted()

    return found


def _argument(node: Node, frame: Frame) -> Column | Body:
    """The values of an argument; of a lambda what it gives for the elements of all lists as rows."""
    if not isinstance(node, Lambda):
        return evaluate(node, frame)

    def body(parents: Ints, items: pa.Array) -> Column:
        variables: dict[str, Any] = {name: pa.nulls(len(parents)) for name in node.parameters[1:]}
        variables |= dict.fromkeys(node.parameters[:1], items)
        return evaluate(node.body, Around(frame, parents, variables))

    return body


def _field(node: FieldPath, frame: Frame) -> Column:
    first, *rest = node.names
    made = Column(frame.column(first))
    for name in rest:
        found = lifted(table()[ELEMENT].kernel, frame.rows, [made, Constants(name, frame.n)])
        if found is None:
            return _whole(node, frame)
        made = found
    return made


def _on_words(node: Call, frame: Frame) -> Column | None:
    """A node that reads one column of strings, evaluated on the column's words if those are few."""
    if len(node.columns) != 1:
        return None
    (name,) = node.columns
    costly = node.size >= _WORTH or any(isinstance(each, Call) and each.name in _COSTLY for each in walk(node))
    values = frame.worded(name) if costly else frame.raw(name)
    if not isinstance(values, pa.DictionaryArray) or values.type.value_type != TEXT:
        return None
    words, at = values.dictionary, values.indices
    if at.null_count:
        at = at.fill_null(pa.scalar(len(words), at.type))
        words = pa.concat_arrays([words, pa.nulls(1, words.type)])
    if len(words) * 2 > frame.n:
        return None
    places = at.to_numpy(zero_copy_only=False)
    found = _call(node, Frame({name: words}, len(words), frame.context, None, frame.asked, root=frame.root))
    is_open = None if found.open is None else some(found.open[places])
    why = None if found.why is None else found.why.take(pa.array(places))
    if isinstance(found, Constants):
        return Constants(found.value, frame.n)
    answers = plain(found.values)
    if answers.type != TEXT:
        return Column(answers.take(pa.array(places)), is_open, why)
    absent = nulls_of(answers)[places] if answers.null_count else None
    answers = answers.fill_null("")  # a null among the words would be one more way to say null
    return Column(pa.DictionaryArray.from_arrays(pa.array(places, pa.int32(), mask=absent), answers), is_open, why)


def _whole(node: Node, frame: Frame) -> Column:
    """A node and all below by the interpreter."""
    return _interpreted(node, row_function(node), [Column(frame.column(name)) for name in node.columns], frame)


def _interpreted(node: Node, work: Callable[..., Any], columns: Sequence[Column], frame: Frame) -> Column:
    """What a function gives for the rows where all columns are settled; where it fails, the row is open.

    It takes a context and a value of each of the columns.
    """
    n = frame.n
    result = table()[node.name].column_type if isinstance(node, Call) else None
    if not n:
        if frame.asked is not None:
            frame.asked[node] = not any(_is_nested(column.values) for column in _varying(columns))
        unknown_type = UNKNOWN if frame.types is not None else pa.null()  # an outline has null for what is not known
        return Column(pa.nulls(0, result or unknown_type))
    is_open = marked(n, merged(*[column.open for column in columns]))
    unknown = ~is_open if frame.wanted is None else ~is_open & frame.wanted()
    none = Column(pa.nulls(n, result or pa.null()), is_open | unknown, first_reasons(columns, n))
    return answered(work, none, unknown, columns, frame, node)


#: A kernel that takes a constant runs once for each value of a column of so few, if each stands in so many rows.
_WORDS, _ROWS_EACH = 64, 32


def _by_word(entry: Kernel, rows: Rows, given: Sequence[Column | Body]) -> Column | None:
    """A kernel once for each value of an argument that has few, as a constant; None where that does not help."""
    few = [(i, words) for i, column in enumerate(given) if (words := _few_words(column, rows.n)) is not None]
    for i, words in sorted(few, key=lambda one: len(one[1].dictionary)):
        pieces: list[pa.Array] = []
        places, is_open, filled = np.zeros(rows.n, dtype=np.int64), np.ones(rows.n, dtype=bool), 0
        why = pa.nulls(rows.n, TEXT)
        codes = words.indices.to_numpy(zero_copy_only=False)
        for code, word in enumerate(words.dictionary.to_pylist()):
            at = np.flatnonzero(codes == code)
            there = [_taken(each, at) if isinstance(each, Column) else _lambda_taken(each, at) for each in given]
            there[i] = Constants(word, len(at))
            within = Rows(len(at), rows.context)
            made = lifted(entry, within, there) or _by_word(entry, within, there)
            if made is not None:
                places[at] = filled + np.arange(len(at))
                is_open[at] = False if made.open is None else made.open
                why = why if made.why is None else patched(why, marked(rows.n, at), made.why)
                pieces.append(plain(made.values))
                filled += len(at)
        if pieces:
            return Column(stacked(pieces).take(pa.array(places)), some(is_open), why)
    return None


def _few_words(column: Column | Body, n: int) -> pa.DictionaryArray | None:
    if not isinstance(column, Column) or isinstance(column, Constants) or n < 2 * _ROWS_EACH:
        return None
    values = plain(column.values)
    if not (values.type in (TEXT, LONG) and len(values.slice(0, 2 * _WORDS).unique()) <= _WORDS):
        return None
    found = values.dictionary_encode(null_encoding="encode")
    return found if len(found.dictionary) <= min(_WORDS, n // _ROWS_EACH) else None


def _taken(column: Column, at: Ints) -> Column:
    if isinstance(column, Constants):
        return Constants(column.value, len(at))
    rows = pa.array(at)
    why = None if column.why is None else column.why.take(rows)
    return Column(column.values.take(rows), None if column.open is None else some(column.open[at]), why)


def _lambda_taken(body: Body, at: Ints) -> Body:
    """A lambda that is told the rows of the batch."""
    return lambda parents, items: body(at[parents], items)


def _varying(columns: Sequence[Column]) -> list[Column]:
    return [column for column in columns if not isinstance(column, Constants)]


def _is_nested(values: pa.Array) -> bool:
    """Whether rows cannot be told apart, so that equal ones are not evaluated once."""
    return bool(pa.types.is_nested(values.type) and values.type != NUMERAL)


def each(
    work: Callable[..., Any], columns: Sequence[Column], at: Ints, frame: Frame, random: bool = False,
    node: Node | None = None,
) -> tuple[list[Any], pa.Array | None]:  # fmt: skip
    """What a function gives for some rows, once per distinct combination of the columns where they can be told apart.

    Args:
        work: takes a context and a value of each of the columns.
        columns: what it reads in these rows.
        at: the numbers of the rows.
        frame: the rows around.
        random: whether every row gets another value.
        node: what is noted as asking the interpreter.

    Returns:
        The values of these rows, and why rows failed (null where they did not; None: none did).
    """
    n = len(at)
    arrays = [column.values for column in _varying(columns)]
    flat = not random and not any(map(_is_nested, arrays))
    if frame.asked is not None and node is not None:
        frame.asked[node] = flat
    unique = distinct(arrays, n) if flat and not _differ(arrays, n) else None
    if log.isEnabledFor(logging.DEBUG) and node is not None:
        runs = n if unique is None else len(unique[0][0]) if unique[0] else min(n, 1)
        name = getattr(node, "name", type(node).__name__)
        log.debug("%s has no kernel for its arguments: interpreted %d times for %d rows", name, runs, n)
    words = arrays if unique is None else [plain(word) for word in unique[0]]
    count = n if unique is None else len(words[0]) if words else min(n, 1)
    left, context, keys = map(to_python, words), frame.context, frame.keys
    lists: list[Any] = [repeat(column.value) if isinstance(column, Constants) else next(left) for column in columns]
    call = work
    if random and keys is not None:
        lists = [range(count), *lists]

        def call(context: Context, i: int, *given: Any) -> Any:
            context.row, context.drawn = keys(int(at[i])), 0
            return work(context, *given)

    out: list[Any] = []
    reasons: dict[int, str] = {}
    calls = map(call, repeat(context, count), *lists)
    while len(out) < count:
        try:
            for value in calls:
                out.append(value)
        except Failed as error:
            reasons[len(out)] = str(error)
            out.append(None)
        except (RecursionError, OverflowError, MemoryError) as error:
            reasons[len(out)] = reason_of(error)
            out.append(None)
    why = pa.array([reasons.get(i) for i in range(count)], TEXT) if reasons else None
    if unique is None:
        return out, why
    return [out[code] for code in unique[1].to_pylist()], None if why is None else why.take(unique[1])


#: Of so many rows that are looked at, as many as the share differ where evaluating each row is cheaper.
_LOOK, _DIFFER = 500, 0.95


def _differ(arrays: Sequence[Any], n: int) -> bool:
    """Whether the first rows nearly all differ in one of the columns."""
    if n < _LOOK:
        return False
    heads = [plain(values.slice(0, _LOOK)) for values in arrays]
    heads = [digits_of(head) if head.type == NUMERAL else head for head in heads]
    return any(len(head.unique()) >= _DIFFER * _LOOK for head in heads)


def _flat(at: int, condition: Node, yes: Node, no: Node) -> Node:
    """A choice in one with the choice where its condition does not hold: ``iif(a, x, b, y, z)``.

    Choices of constants and columns by what one value equals become a lookup.
    """
    match condition, no:
        case Call(_, "==" | ".equals" as sign, (value, Constant(_, str() | int()) as key)), Call(
            _, name, (first, *cases)
        ) if _cannot_fail(yes) and not value.random:
            if name == f"iif{sign}" and first == value:
                return Call(at, name, (value, key, yes, *cases))
            if name == "iif" and len(cases) == 2 and all(map(_cannot_fail, cases)):
                match first:
                    case Call(_, again, (other, Constant(_, str() | int()) as second)) if (
                        again == sign and other == value
                    ):
                        return Call(at, f"iif{sign}", (value, key, yes, second, *cases))
    return Call(at, "iif", (condition, yes, *(no.arguments if isinstance(no, Call) and no.name == "iif" else (no,))))


def _cannot_fail(node: Node) -> bool:
    return isinstance(node, Constant) or (isinstance(node, FieldPath) and len(node.names) == 1)


def fold(node: Node, options: Options) -> Node:
    """A bound tree with the parts that are the same in every row evaluated, those that fail left as they are."""
    node = rebuild(node, tuple(fold(child, options) for child in children(node)))
    match node:
        case Call(at, "iif" | "?", (condition, yes, no)):
            node = _flat(at, condition, yes, no)
        # the parts of the string are never made
        case Call(at, "join", (Constant(_, str()) as new, Call(_, "explode", (text, *rest)))) if (
            options.replace == "all" and len(rest) < 2 and all(isinstance(each, Constant) for each in rest)
        ):
            between = literal_text(rest[0].value if rest and isinstance(rest[0], Constant) else ",")
            if between:
                node = Call(at, "replacestr", (text, Constant(at, between), new))
    if not isinstance(node, Call) or node.paths or node.volatile:
        return node
    try:
        return Constant(node.position, run(compile_node(node), Scope({}, Context(options))))
    except Failed:
        return node
