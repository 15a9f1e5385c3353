"""The grammar of the language, and text to tree.

The precedence is that of Apache Commons JEXL, whose keywords and operator strings the platform publishes.  Statements
and assignments belong to JEXL scripts and have no place in a calculated field.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, UnexpectedToken, v_args
from lark import __version__ as LARK
from lark.exceptions import VisitError

from ..errors import ExpressionError
from .tree import ARRAY, CHOICE, ELEMENT, MAP, Call, Constant, FieldPath, Lambda, Node, children

MAX_LENGTH = 4096
#: Levels of nesting, of which a lambda counts as two: what Python's stack has room for, with the caller's frames on it.
MAX_DEPTH = 150

#: Words that the platform reserves and that are no operators; a field of this name is written ``${name}``.
RESERVED = frozenset("new break var for while continue else return if _errors do function".split())

GRAMMAR = r"""
?start: expression

?expression: choice
    | NAME "->" expression                               -> bare_lambda
    | "(" expression ("," expression)* ")" "->" expression -> lambda_
    | "(" ")" "->" expression                            -> lambda_

?choice: disjunction
    | disjunction "?" expression ":" expression          -> conditional
    | disjunction ELVIS expression                       -> binary
    | disjunction NULLISH expression                     -> binary

?disjunction: conjunction | disjunction OR conjunction   -> binary
?conjunction: bit_or | conjunction AND bit_or            -> binary
?bit_or: bit_xor | bit_or PIPE bit_xor                   -> binary
?bit_xor: bit_and | bit_xor CARET bit_and                -> binary
?bit_and: equality | bit_and AMPERSAND equality          -> binary
?equality: relation | relation EQUALITY relation         -> binary
?relation: sum | sum RELATION sum                        -> binary
?sum: product | sum (PLUS | MINUS) product               -> binary
?product: unary | product TIMES unary                    -> binary
?unary: postfix
    | (PLUS | MINUS | TILDE | NOT | EMPTY | SIZE) unary  -> unary

?postfix: primary
    | postfix DOT NAME                                   -> member
    | postfix DOT WRAPPED                                -> member
    | postfix DOT NAME "(" [arguments] ")"               -> method
    | postfix "[" expression "]"                         -> element
    | postfix "[" TIMES "]"                              -> wildcard

?primary: NUMBER                                         -> number
    | STRING                                             -> string
    | REGEX                                              -> regex
    | WORD                                               -> word
    | NAME                                               -> name
    | WRAPPED                                            -> wrapped
    | NAME "(" [arguments] ")"                           -> call
    | "(" expression ")"
    | "[" [arguments] "]"                                -> array
    | "{" [entry ("," entry)*] "}"                       -> map
    | "{" ":" "}"                                        -> map

arguments: expression ("," expression)*
entry: expression ":" expression

ELVIS.3: "?:"
NULLISH.3: "??"
OR.3: /\|\||or(?![\w$])/
AND.3: /&&|and(?![\w$])/
PIPE: "|"
CARET: "^"
AMPERSAND: "&"
EQUALITY.3: /==|!=|(?:eq|ne)(?![\w$])/
RELATION.4: /<=|>=|=~|!~|=\^|!\^|=\$|!\$(?!\{)|<|>|(?:lt|gt|le|ge)(?![\w$])/
PLUS: "+"
MINUS: "-"
TIMES.2: /[*\/%]|(?:div|mod)(?![\w$])/
TILDE: "~"
NOT.2: /!|not(?![\w$])/
EMPTY.2: /empty(?![\w$])/
SIZE.2: /size(?![\w$])/
WORD.2: /(?:true|false|null)(?![\w$])/
DOT: /\?\.(?!\d)|\./
NUMBER: /0[xX][0-9a-fA-F]+[lLhH]?|(?:\d+\.\d+|\.\d+|\d+(?=[eE][+-]?\d))(?:[eE][+-]?\d+)?[dDfFbB]?|\d+[lLhHdDfFbB]?(?![\w$])/
STRING: /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/s
REGEX.2: /~\/(?:[^\/\\\n]|\\.)+\//
WRAPPED.5: /\$\{(?:[^}\\]|\\.)*\}/s
NAME: /(?:[^\W\d]|\$(?!\{))(?:[\w$]|\\\.)*/
COMMENT.6: /(?:##|\/\/)[^\n]*|\/\*.*?\*\//s
%ignore COMMENT
%ignore /\s+/
"""  # noqa: E501

_SIGNS = {
    "or": "||", "and": "&&", "eq": "==", "ne": "!=", "lt": "<", "gt": ">", "le": "<=", "ge": ">=",
    "div": "/", "mod": "%", "not": "!",
}  # fmt: skip
_WORDS = {"true": True, "false": False, "null": None}
#: All words that stand for no field of their name.
KEYWORDS = RESERVED | {*_SIGNS, *_WORDS, "empty", "size"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)


#: The parser's tables, since making them takes longer than mapping a small file: a line that says for which grammar and
#: which version of lark, and what lark saved.  Where either is another, the tables are made afresh.  After a change of
#: the grammar write them anew with :func:`save`.
FILE = Path(__file__).with_name("tables.bin")


def header(grammar: str) -> bytes:
    """The first line of the file: what its tables are for."""
    digest = hashlib.sha256(grammar.encode()).hexdigest()
    return f"lark {LARK} grammar {digest}\n".encode()


def made(grammar: str) -> Lark:
    """A parser made from the grammar."""
    return Lark(grammar, parser="lalr", propagate_positions=False, maybe_placeholders=True)


def parser(grammar: str, file: Path = FILE) -> Lark:
    """A parser of the grammar, from the file if it has this grammar's tables."""
    try:
        data = file.read_bytes()
    except OSError:
        return made(grammar)
    mark = header(grammar)
    return Lark.load(io.BytesIO(data[len(mark) :])) if data.startswith(mark) else made(grammar)


def save(grammar: str, file: Path = FILE) -> None:
    """Write the file."""
    out = io.BytesIO()
    made(grammar).save(out)
    file.write_bytes(header(grammar) + out.getvalue())


@lru_cache(maxsize=1)
def _parser() -> Lark:
    return parser(GRAMMAR)


class _Fault(Exception):
    """A fault found while the tree is built."""

    def __init__(self, message: str, position: int) -> None:
        self.message, self.position = message, position
        super().__init__(message)


@lru_cache(maxsize=1024)
def parse(text: str) -> Node:
    """The tree of `text`. Raises ExpressionError: with the position of the fault."""
    if not text.strip():
        raise ExpressionError("The expression is empty", text, None)
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            f"The expression has {len(text)} characters; the platform takes at most {MAX_LENGTH}",
            text[:80] + "...",
            None,
        )
    try:
        tree = _BUILDER.transform(_parser().parse(text))
    except VisitError as error:
        fault = error.orig_exc
        if isinstance(fault, _Fault):
            raise ExpressionError(fault.message, text, fault.position) from None
        if isinstance(fault, RecursionError):
            raise ExpressionError(_TOO_DEEP, text, None) from None
        raise
    except UnexpectedInput as error:
        raise _explain(error, text) from None
    except RecursionError:
        raise ExpressionError(_TOO_DEEP, text, None) from None
    todo = [(tree, 1)]
    while todo:
        node, depth = todo.pop()
        if depth > MAX_DEPTH:
            raise ExpressionError(_TOO_DEEP, text, node.position)
        todo += [(child, depth + 1 + isinstance(child, Lambda)) for child in children(node)]
    return tree


_TOO_DEEP = f"The expression is nested too deeply: at most {MAX_DEPTH} levels are read"


def _explain(error: UnexpectedInput, text: str) -> ExpressionError:
    position = error.pos_in_stream if error.pos_in_stream is not None else len(text)
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        return ExpressionError("The expression ends too early" + (_missing(text) or _named(text)), text, len(text))
    if isinstance(error, UnexpectedCharacters):
        rest = text[position:]
        if rest[0] in "\"'":
            return ExpressionError("This string has no closing quote", text, position)
        if rest.startswith("${"):
            return ExpressionError("This field name has no closing brace", text, position)
        if rest.startswith("=>"):
            return ExpressionError("A lambda is written with '->', as in x -> upper(x)", text, position)
        if rest[0] == "=":
            return ExpressionError("A calculated field assigns nothing; write '==' to compare", text, position)
        hint = next((hint for signs, hint in _HINTS.items() if rest[0] in signs), "")
        return ExpressionError(f"Unexpected character {rest[0]!r}{hint}", text, position)
    token = str(error.token) if isinstance(error, UnexpectedToken) else text[position : position + 1]
    hint = ""
    before = text[:position].rstrip()
    if text[position - 1 : position + 1] == "<>":
        hint = ": 'not equal' is written !="
    if re.match(r"[\w$\"']", token) and re.search(r"[\w$\"')\]]$", before):
        hint = ": an operator or a comma is missing before it, or a name with blanks is not written ${...}"
    return ExpressionError(f"Unexpected {token!r}{hint or _named(before)}", text, position)


#: What may have been meant by characters that no expression has.
_HINTS = {
    "\u201c\u201d\u201e\u201f\u00ab\u00bb": ": strings stand in straight quotes (\")",
    "\u2018\u2019\u201a\u201b\u00b4": ": strings stand in straight quotes (')",
    "\u200b\u200c\u200d\u2060\ufeff\u00ad": ": it is invisible; delete it",
    ";": ": a calculated field is one expression, and a comma stands between arguments",
    "#": ": a comment begins with ## or //", "\u2013\u2014\u2212": ": minus is written -",
    "`": ": strings stand in straight quotes (\"), and names of fields with blanks in ${...}",
}  # fmt: skip


_OPERATOR = re.compile(r"(?<![\w$.])(?:empty|size|not|and|or|eq|ne|lt|gt|le|ge|div|mod)$")


def _named(before: str) -> str:
    """A hint where the string before a fault ends in an operator that may have been meant as a field."""
    word = _OPERATOR.search(before.rstrip())
    return f"; '{word[0]}' is an operator: a field of this name is written ${{{word[0]}}}" if word else ""


def _missing(text: str) -> str:
    """What closing sign a string lacks, literals left out."""
    bare = re.sub(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'", "", text, flags=re.DOTALL)
    lacking = "".join(close * (bare.count(open_) - bare.count(close)) for open_, close in ("()", "[]", "{}"))
    return f"; {lacking!r} is missing" if lacking else ""


def unescape(body: str) -> str:
    """The inside of a string literal: ``\\n`` and the like, ``\\uXXXX``; a backslash before another letter stays."""

    def one(match: re.Match[str]) -> str:
        code = match[1]
        if len(code) == 5:
            return chr(int(code[1:], 16))
        if code in "\\'\"":
            return code
        return _ESCAPES.get(code, match[0])

    return _ESCAPE.sub(one, body) if "\\" in body else body


def split_name(text: str) -> list[str | int]:
    """The steps of the inside of ``${...}``: bare dots walk, escaped ones belong to the name, ``[0]`` is an index."""
    steps: list[str | int] = []
    for part in re.split(r"(?<!\\)\.", text):
        name, *indexes = re.split(r"\[(\d+)\](?=(?:\[\d+\])*$)", part)
        steps.append(re.sub(r"\\(.)", r"\1", name))
        steps.extend(int(index) for index in indexes if index)
    return steps


def _at(token: Token) -> int:
    return token.start_pos or 0


@v_args(inline=True)
class _Builder(Transformer[Token, Node]):
    """Parse tree to our tree."""

    def number(self, token: Token) -> Node:
        digits = str(token)
        try:
            value = _number(digits)
        except ValueError:
            raise _Fault(f"{digits} is not a number (a leading 0 means octal)", _at(token)) from None
        if value == float("inf"):
            raise _Fault(f"{digits} is too large", _at(token))
        return Constant(_at(token), value)

    def string(self, token: Token) -> Node:
        return Constant(_at(token), unescape(token[1:-1]))

    def regex(self, token: Token) -> Node:
        return Constant(_at(token), token[2:-1].replace("\\/", "/"))

    def word(self, token: Token) -> Node:
        return Constant(_at(token), _WORDS[token])

    def name(self, token: Token) -> Node:
        if token in RESERVED:
            raise _Fault(f"'{token}' is a reserved word; a field of this name is written ${{{token}}}", _at(token))
        return FieldPath(_at(token), (_plain(token),))

    def wrapped(self, token: Token) -> Node:
        return _wrapped(token)

    def call(self, name: Token, arguments: list[Node] | None) -> Node:
        return Call(_at(name), str(name), tuple(arguments or ()))

    def arguments(self, *given: Node) -> list[Node]:
        return list(given)

    def entry(self, key: Node, value: Node) -> tuple[Node, Node]:
        return key, value

    def array(self, items: list[Node] | None) -> Node:
        return Call(items[0].position - 1 if items else 0, ARRAY, tuple(items or ()))

    def map(self, *given: tuple[Node, Node] | None) -> Node:
        flat = tuple(part for entry in given if entry is not None for part in entry)
        return Call(flat[0].position - 1 if flat else 0, MAP, flat)

    def member(self, value: Node, _: Token, name: Token) -> Node:
        if name.type == "WRAPPED":
            steps = _wrapped(name)
            names = steps.names if isinstance(steps, FieldPath) else (str(name)[2:-1],)
        else:
            names = (_plain(name),)
        if isinstance(value, FieldPath):
            return FieldPath(value.position, (*value.names, *names), value.wrapped)
        for step in names:
            value = Call(value.position, ELEMENT, (value, Constant(_at(name), step)))
        return value

    def method(self, value: Node, _: Token, name: Token, arguments: list[Node] | None) -> Node:
        return Call(_at(name), f".{name}", (value, *(arguments or ())))

    def element(self, value: Node, key: Node) -> Node:
        return Call(value.position, ELEMENT, (value, key))

    def wildcard(self, _: Node, sign: Token) -> Node:
        if sign != "*":
            raise _Fault(f"Unexpected {str(sign)!r}", _at(sign))
        raise _Fault(
            "[*] stands in plain field mappings only; in an expression write transformArray(array, x -> ...)", _at(sign)
        )

    def unary(self, sign: Token, operand: Node) -> Node:
        operator = _SIGNS.get(sign, str(sign))
        if operator in "+-" and isinstance(operand, Constant) and _is_number(operand.value):
            return Constant(_at(sign), -operand.value if operator == "-" else operand.value)
        return Call(_at(sign), f"{operator}@", (operand,))

    def binary(self, left: Node, sign: Token, right: Node) -> Node:
        return Call(_at(sign), _SIGNS.get(sign, str(sign)), (left, right))

    def conditional(self, condition: Node, yes: Node, no: Node) -> Node:
        return Call(condition.position, CHOICE, (condition, yes, no))

    def bare_lambda(self, name: Token, body: Node) -> Node:
        return Lambda(_at(name), (str(name),), body)

    def lambda_(self, *parts: Node) -> Node:
        *parameters, body = parts
        names = []
        for parameter in parameters:
            if not isinstance(parameter, FieldPath) or len(parameter.names) != 1:
                raise _Fault("The parameters of a lambda are plain names", parameter.position)
            names.append(parameter.names[0])
        return Lambda(parameters[0].position if parameters else body.position, tuple(names), body)


_BUILDER = _Builder()


def _plain(token: str) -> str:
    return token.replace("\\.", ".")


def _wrapped(token: Token) -> Node:
    inside = token[2:-1]
    if not inside:
        raise _Fault("A field name is missing between the braces", _at(token))
    steps = split_name(inside)
    names = [step for step in steps if isinstance(step, str)]
    first_index = next((i for i, step in enumerate(steps) if isinstance(step, int)), len(steps))
    node: Node = FieldPath(_at(token), tuple(names[:first_index]), True)
    for step in steps[first_index:]:
        node = Call(_at(token), ELEMENT, (node, Constant(_at(token), step)))
    return node


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_SUFFIXED: dict[str, Callable[[str], int | float]] = {
    "l": int, "h": int, "d": float, "f": float, "b": float,
}  # fmt: skip


def _number(digits: str) -> int | float:
    lower = digits.lower()
    if lower.startswith("0x"):
        return int(lower.rstrip("lh"), 16)
    if lower[-1] in _SUFFIXED:
        return _SUFFIXED[lower[-1]](lower[:-1])
    if "." in lower or "e" in lower:
        return float(lower)
    return int(lower, 8) if len(lower) > 1 and lower[0] == "0" else int(lower)
