# ruff: noqa: E501
"""The parser takes what a grammar takes, and groups it alike; lark's LALR parser is the oracle."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lark import Lark, Transformer, UnexpectedInput
from lark.exceptions import VisitError

from xdmprep.errors import ExpressionError
from xdmprep.language import catalogue
from xdmprep.language.grammar import parse
from xdmprep.language.tree import Call, Constant, FieldPath, Lambda, Node, children

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
"""
LALR = Lark(GRAMMAR, parser="lalr", maybe_placeholders=False)
#: None of them is refused for what it means, as reserved words and octal numbers are.
PIECES = [*(
    "a b x -> -> ( ) ( ) [ ] { } , : ? ?: ?? ?. . .x .5 1 10L 0x1F 1.5e2 1e5 's' 'open ~/r/ ~ ! not empty size true null "
    "or and | & ^ == != eq lt < <= =~ !~ =^ !^ =$ !$ + - * / % div ${a} ${ # ## // /* */ /*c*/ $ $y a\\.b f( .m( ; = => <> é "
    "` 1a (x) (x,y)-> concat(a, a[0] a.b"
).split(), " ", " ", " ", "\n"]  # fmt: skip
SIGNS = {"or": "||", "and": "&&", "eq": "==", "lt": "<", "div": "/", "not": "!"}


class Grouped(Transformer[Any, Any]):
    """What the grammar finds, as nested tuples that begin with what joins the rest."""

    def __default__(self, data: Any, parts: list[Any], meta: Any) -> Any:
        rule = str(data)
        match rule, parts:
            case (("number" | "string" | "regex" | "word" | "name" | "wrapped"), _):
                return (rule,)
            case (("arguments" | "entry"), _):
                return [part for each in parts for part in (each if isinstance(each, list) else [each])]
            case "call", [name, *given]:
                return (str(name), *_flat(given))
            case "method", [value, _, name, *given]:
                return (f".{name}", value, *_flat(given))
            case (("array" | "map"), _):
                return ("[,]" if rule == "array" else "{:}", *_flat(parts))
            case "member", [value, *_]:
                return ("member",) if value[0] in ("name", "wrapped", "member") else ("[]", value, ("string",))
            case "element", _:
                return ("[]", *parts)
            case "unary", [sign, value]:
                folds = value == ("number",) and sign in "+-"
                return value if folds else (f"{SIGNS.get(sign, sign)}@", value)
            case "binary", [left, sign, right]:
                return (SIGNS.get(sign, str(sign)), left, right)
            case "conditional", _:
                return ("?", *parts)
            case "bare_lambda", [_, body]:
                return ("->", body)
            case "lambda_", [*names, body]:
                if any(name != ("name",) for name in names):
                    raise ValueError("parameters that are no names")
                return ("->", body)
        raise AssertionError(rule)


def _flat(given: list[Any]) -> list[Any]:
    return [part for each in given for part in (each if isinstance(each, list) else [each])]


def grouped(node: Node) -> Any:
    """The same of a tree of the parser."""
    match node:
        case Constant():
            return ("literal",)
        case FieldPath():
            return ("field",)
        case Call(_, name, arguments):
            return (name, *map(grouped, arguments))
        case Lambda(_, _, body):
            return ("->", grouped(body))
    raise AssertionError(children(node))


def named(part: Any) -> Any:
    """Leaves as the tree has them, which does not tell kinds of literals and of names apart."""
    if len(part) > 1 or part[0] in ("[,]", "{:}") or part[0] not in LEAVES:
        return (part[0], *map(named, part[1:]))
    return ("field",) if part[0] in ("name", "wrapped", "member") else ("literal",)


LEAVES = {"number", "string", "regex", "word", "name", "wrapped", "member"}


@settings(max_examples=1500)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=14).map("".join))
@example("a < b == c")
@example("x -> a ? b : x -> c ?: d")
@example("a ?.5 : (b) -> b")
@example("-1.5.abs() * -(2) - - 3")
def test_the_parser_takes_and_groups_what_the_grammar_does(text: str) -> None:
    if not text.strip():
        return
    try:
        wanted = named(Grouped(visit_tokens=False).transform(LALR.parse(text)))
    except (UnexpectedInput, VisitError):  # what is no expression; parameters that are no names
        with pytest.raises(ExpressionError):
            parse(text)
        return
    assert grouped(parse(text)) == wanted


def test_the_parser_reads_all_examples_as_the_grammar_does() -> None:
    for entry in catalogue():
        if entry.example:
            assert grouped(parse(entry.example)) == named(
                Grouped(visit_tokens=False).transform(LALR.parse(entry.example))
            )
