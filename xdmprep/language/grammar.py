"""Text to tree: a parser of expressions by precedence.

The precedence is that of Apache Commons JEXL, whose keywords and operator strings the platform publishes.  Statements
and assignments belong to JEXL scripts and have no place in a calculated field.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from ..errors import ExpressionError
from .tree import ARRAY, CHOICE, ELEMENT, MAP, Call, Constant, FieldPath, Lambda, Node, children

MAX_LENGTH = 4096
#: Levels of nesting, of which a lambda counts as two: what Python's stack has room for, with the caller's frames on it.
MAX_DEPTH = 150

#: Words that the platform reserves and that are no operators; a field of this name is written ``${name}``.
RESERVED = frozenset("new break var for while continue else return if _errors do function".split())

_SIGNS = {
    "or": "||", "and": "&&", "eq": "==", "ne": "!=", "lt": "<", "gt": ">", "le": "<=", "ge": ">=",
    "div": "/", "mod": "%", "not": "!",
}  # fmt: skip
_WORDS = {"true": True, "false": False, "null": None}
#: All words that stand for no field of their name.
KEYWORDS = RESERVED | {*_SIGNS, *_WORDS, "empty", "size"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)

# Tokens: an operator, an operand and the name behind a dot are looked for where they can stand only, so that the words
# of operators are names elsewhere.

_ENDS = r"(?![\w$])"
_PREFIX = rf"[-+~!]|(?:not|empty|size){_ENDS}"
_WRAPPED = r"\$\{(?:[^}\\]|\\.)*\}"
_NAME = r"(?:[^\W\d]|\$(?!\{))(?:[\w$]|\\\.)*+"
_NUMBER = (
    r"0[xX][0-9a-fA-F]+[lLhH]?|(?:\d+\.\d+|\.\d+|\d+(?=[eE][+-]?\d))(?:[eE][+-]?\d+)?[dDfFbB]?"
    rf"|\d+[lLhHdDfFbB]?{_ENDS}"
)
_OPERAND = re.compile(
    rf"(?P<wrapped>{_WRAPPED})|(?P<word>(?:true|false|null){_ENDS})|(?P<regex>~/(?:[^/\\\n]|\\.)+/)"
    rf"|(?P<prefix>{_PREFIX})|(?P<number>{_NUMBER})|(?P<string>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')|(?P<name>{_NAME})",
    re.DOTALL,
)
#: The binary operators, those that bind least first.
_BINARY = (
    rf"\|\||or{_ENDS}", rf"&&|and{_ENDS}", r"\|", r"\^", "&", rf"==|!=|(?:eq|ne){_ENDS}",
    rf"<=|>=|=~|!~|=\^|!\^|=\$|!\$(?!\{{)|<|>|(?:lt|gt|le|ge){_ENDS}", r"\+|-(?!>)", rf"[*/%]|(?:div|mod){_ENDS}",
)  # fmt: skip
#: Levels of operators that are not written in a row, as in ``a < b < c``.
_SINGLE = (5, 6)
_OPERATOR = re.compile("|".join(f"({each})" for each in _BINARY))
_CHOOSES = re.compile(r"\?[:?]?")
_DOT = re.compile(r"\?\.(?!\d)|\.")
_MEMBER = re.compile(f"(?P<wrapped>{_WRAPPED})|{_NAME}", re.DOTALL)
_BLANKS = r"(?>\s+|(?:##|//)[^\n]*|/\*(?s:.*?)\*/)*+"
_BLANK = re.compile(_BLANKS)
_ARROW = re.compile(
    rf"(?!(?:true|false|null|not|empty|size){_ENDS})"
    rf"(?:(?P<one>{_NAME})|\({_BLANKS}(?P<several>(?:{_NAME}{_BLANKS}(?:,{_BLANKS}{_NAME}{_BLANKS})*)?)\)){_BLANKS}->"
)
#: What is quoted of a text where nothing fits: a whole token.
_TOKEN = re.compile(
    "|".join((_WRAPPED, *_BINARY, "->", _DOT.pattern, _CHOOSES.pattern, _OPERAND.pattern, r"[][(){},:]")), re.DOTALL
)


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
        text.encode()
        tree = _Parser(text).whole()
    except UnicodeEncodeError as error:
        raise ExpressionError(_HALF, text, error.start) from None
    except RecursionError:
        raise ExpressionError(_TOO_DEEP, text, None) from None
    todo = [(tree, 1)]
    while todo:
        node, depth = todo.pop()
        if depth > MAX_DEPTH:
            raise ExpressionError(_TOO_DEEP, text, node.position)
        todo += [(child, depth + 1 + isinstance(child, Lambda)) for child in children(node)]
    return tree


_WILDCARD = "[*] stands in plain field mappings only; in an expression write transformArray(array, x -> ...)"
_HALF = "Half a surrogate pair is no character"
_TOO_DEEP = f"The expression is nested too deeply: at most {MAX_DEPTH} levels are read"


class _Parser:
    """Reads an expression from left to right: `at` is the place of what is read next, `start` of what was read last."""

    def __init__(self, text: str) -> None:
        self.text, self.start, self.at, self.depth = text, 0, 0, 0
        self._went_to(0)

    def _went_to(self, at: int) -> None:
        self.start, blank = self.at, _BLANK.match(self.text, at)
        self.at = blank.end() if blank else at

    def _found(self, token: re.Pattern[str]) -> re.Match[str] | None:
        """The token, if it is next; it is then read."""
        found = token.match(self.text, self.at)
        if found:
            self._went_to(found.end())
        return found

    def _sign(self, sign: str) -> bool:
        """Whether a sign is next; it is then read."""
        there = self.text.startswith(sign, self.at)
        if there:
            self._went_to(self.at + len(sign))
        return there

    def _expect(self, sign: str) -> None:
        if not self._sign(sign):
            raise _unexpected(self.text, self.at)

    def _fault(self, message: str, position: int) -> ExpressionError:
        return ExpressionError(message, self.text, position)

    def whole(self) -> Node:
        """The tree of all of the string."""
        tree = self._expression()
        if self.at < len(self.text):
            raise _unexpected(self.text, self.at)
        return tree

    def _expression(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self._fault(_TOO_DEEP, self.at)
        if arrow := self._found(_ARROW):
            tree = self._lambda(arrow, self.start)
        else:
            tree = self._binary(0)
            if sign := self._found(_CHOOSES):
                tree = self._choice(tree, sign[0], self.start)
        self.depth -= 1
        return tree

    def _lambda(self, arrow: re.Match[str], at: int) -> Node:
        names = [arrow["one"]] if arrow["one"] else re.findall(_NAME, arrow["several"])
        for name in names:
            self._check_name(name, at)
        return Lambda(at, tuple(map(_plain, names)), self._expression())

    def _choice(self, condition: Node, sign: str, at: int) -> Node:
        """What is chosen by a condition, whose sign was read."""
        yes = self._expression()
        if sign != "?":
            return Call(at, sign, (condition, yes))
        self._expect(":")
        return Call(condition.position, CHOICE, (condition, yes, self._expression()))

    def _binary(self, least: int) -> Node:
        """An operand, and what operators of this level or a higher one join to it."""
        left, most = self._operand(), len(_BINARY)
        while found := _OPERATOR.match(self.text, self.at):
            level = (found.lastindex or 0) - 1
            if not least <= level <= most:
                break
            self._went_to(found.end())
            at, right = self.start, self._binary(level + 1)
            left, most = Call(at, _SIGNS.get(found[0], found[0]), (left, right)), level - (level in _SINGLE)
        return left

    def _operand(self) -> Node:
        """A value with the signs before it, and what is taken of it."""
        signs: list[tuple[int, str]] = []
        while (found := self._found(_OPERAND)) and found.lastgroup == "prefix":
            signs.append((self.start, _SIGNS.get(found[0], found[0])))
        value = self._postfix(self._primary(found))
        for at, sign in reversed(signs):
            if sign in "+-" and isinstance(value, Constant) and _is_number(value.value):
                value = Constant(at, -value.value if sign == "-" else value.value)
            else:
                value = Call(at, f"{sign}@", (value,))
        return value

    def _primary(self, found: re.Match[str] | None) -> Node:
        at = self.start
        if found is None:
            at = self.at
            if self._sign("("):
                tree = self._expression()
                self._expect(")")
                return tree
            if self._sign("["):
                return Call(at, ARRAY, self._list("]"))
            if self._sign("{"):
                return Call(at, MAP, self._entries())
            raise _unexpected(self.text, at)
        token = found[0]
        match found.lastgroup:
            case "wrapped":
                return self._wrapped(token, at)
            case "word":
                return Constant(at, _WORDS[token])
            case "regex":
                return Constant(at, token[2:-1].replace("\\/", "/"))
            case "number":
                return Constant(at, self._number(token, at))
            case "string":
                return Constant(at, self._string(token[1:-1], at))
        if self._sign("("):
            return Call(at, token, self._list(")"))
        self._check_name(token, at)
        return FieldPath(at, (_plain(token),))

    def _postfix(self, value: Node) -> Node:
        """A value with its members, methods and elements."""
        while True:
            if self._found(_DOT):
                value = self._member(value)
            elif self._sign("["):
                if self.text.startswith("*", self.at):
                    raise self._fault(_WILDCARD, self.at)
                value = Call(value.position, ELEMENT, (value, self._expression()))
                self._expect("]")
            else:
                return value

    def _member(self, value: Node) -> Node:
        found = self._found(_MEMBER)
        if found is None:
            raise _unexpected(self.text, self.at)
        at, token = self.start, found[0]
        names: tuple[str, ...] = (_plain(token),)
        if found["wrapped"]:
            steps = self._wrapped(token, at)
            names = steps.names if isinstance(steps, FieldPath) else (token[2:-1],)
        elif self._sign("("):
            return Call(at, f".{token}", (value, *self._list(")")))
        if isinstance(value, FieldPath):
            return FieldPath(value.position, (*value.names, *names), value.wrapped)
        for step in names:
            value = Call(value.position, ELEMENT, (value, Constant(at, step)))
        return value

    def _list(self, end: str) -> tuple[Node, ...]:
        """Expressions with commas between them, and the sign behind them."""
        if self._sign(end):
            return ()
        items = [self._expression()]
        while self._sign(","):
            items.append(self._expression())
        self._expect(end)
        return tuple(items)

    def _entries(self) -> tuple[Node, ...]:
        """Keys and values in turn, and the brace behind them."""
        parts: list[Node] = []
        if self._sign("}"):
            return ()
        if self._sign(":"):
            self._expect("}")
            return ()
        while not parts or self._sign(","):
            parts.append(self._expression())
            self._expect(":")
            parts.append(self._expression())
        self._expect("}")
        return tuple(parts)

    def _check_name(self, name: str, at: int) -> None:
        if name in RESERVED:
            raise self._fault(f"'{name}' is a reserved word; a field of this name is written ${{{name}}}", at)

    def _wrapped(self, token: str, at: int) -> Node:
        if len(token) == 3:
            raise self._fault("A field name is missing between the braces", at)
        steps = split_name(token[2:-1])
        names = [step for step in steps if isinstance(step, str)]
        first_index = next((i for i, step in enumerate(steps) if isinstance(step, int)), len(steps))
        node: Node = FieldPath(at, tuple(names[:first_index]), True)
        for step in steps[first_index:]:
            node = Call(at, ELEMENT, (node, Constant(at, step)))
        return node

    def _string(self, body: str, at: int) -> str:
        try:
            return unescape(body).encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            raise self._fault(_HALF, at) from None

    def _number(self, digits: str, at: int) -> int | float:
        lower = digits.lower()
        whole = lower.rstrip("lh")
        if lower.startswith("0x"):
            return int(whole, 16)
        if lower[-1] in "dfb" or "." in lower or "e" in lower:
            value = float(lower.rstrip("dfb"))
            if value == float("inf"):
                raise self._fault(f"{digits} is too large", at)
            return value
        try:
            return int(whole, 8 if whole == lower and len(lower) > 1 and lower[0] == "0" else 10)
        except ValueError:
            raise self._fault(f"{digits} is not a number (a leading 0 means octal)", at) from None


def _unexpected(text: str, position: int) -> ExpressionError:
    """What is said of a place where the expression cannot go on."""
    rest, before = text[position:], text[:position].rstrip()
    if not rest:
        return ExpressionError("The expression ends too early" + (_missing(text) or _named(text)), text, position)
    found = _TOKEN.match(rest)
    if found is None:
        said = next((said for starts, said in _BEGINNINGS if rest.startswith(starts)), "")
        hint = next((hint for signs, hint in _HINTS.items() if rest[0] in signs), "")
        return ExpressionError(said or f"Unexpected character {rest[0]!r}{hint}", text, position)
    fits, hint = found[0], ""
    if text[position - 1 : position + 1] == "<>":
        hint = ": 'not equal' is written !="
    if fits == "}":
        hint = ": a map is written {key: value}, and the name of a field ${...}"
    if fits == "->":
        hint = ": the parameters of a lambda are plain names, as in (x, i) -> x + i"
    if re.match(r"[\w$\"']", fits) and re.search(r"[\w$\"')\]]$", before):
        hint = ": an operator or a comma is missing before it, or a name with blanks is not written ${...}"
    return ExpressionError(f"Unexpected {fits!r}{hint or _named(before)}", text, position)


_BEGINNINGS: tuple[tuple[str | tuple[str, ...], str], ...] = (
    (('"', "'"), "This string has no closing quote"),
    ("${", "This field name has no closing brace"),
    ("=>", "A lambda is written with '->', as in x -> upper(x)"),
    ("=", "A calculated field assigns nothing; write '==' to compare"),
)
#: What may have been meant by characters that no expression has.
_HINTS = {
    "\u201c\u201d\u201e\u201f\u00ab\u00bb": ": strings stand in straight quotes (\")",
    "\u2018\u2019\u201a\u201b\u00b4": ": strings stand in straight quotes (')",
    "\u200b\u200c\u200d\u2060\ufeff\u00ad": ": it is invisible; delete it",
    ";": ": a calculated field is one expression, and a comma stands between arguments",
    "0123456789": ": a name that begins with a digit is written ${...}",
    "#": ": a comment begins with ## or //", "\u2013\u2014\u2212": ": minus is written -",
    "\\": ": a name with signs in it is written ${...}",
    "`": ": strings stand in straight quotes (\"), and names of fields with blanks in ${...}",
}  # fmt: skip
_OPERATOR_WORD = re.compile(r"(?<![\w$.])(?:empty|size|not|and|or|eq|ne|lt|gt|le|ge|div|mod)$")


def _named(before: str) -> str:
    """A hint where the string before a fault ends in an operator that may have been meant as a field."""
    word = _OPERATOR_WORD.search(before.rstrip())
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


def _plain(token: str) -> str:
    return token.replace("\\.", ".")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
