"""Java's ``$``, and what the anchors of an expression come to when all of a string, or its end, must match."""

from __future__ import annotations

from dataclasses import replace

from .charset import CharSet
from .tree import EMPTY, Alt, Atomic, Begin, Border, Capture, Chars, End, Look, Node, Repeat, Seq, seq, walk, width

LINE_ENDS = CharSet.chars("\n\r\x85\u2028\u2029")
UNIX_END, RETURN = CharSet.chars("\n"), CharSet.chars("\r")


def line_end(unix: bool, *behind: Node) -> Node:
    """The string's end, or before a line end that comes before some nodes; not within CR LF."""

    def before(*nodes: Node) -> Node:
        return Look(seq([*nodes, *behind]), True, False)

    if unix:
        return Alt((End(), before(Chars(UNIX_END))))
    within = Seq((Look(Chars(RETURN), False, True), before(Chars(UNIX_END))))
    return Alt((End(), before(Chars(RETURN), Chars(UNIX_END)), before(Chars(LINE_ENDS - UNIX_END)), within))


#: Java's ``$``: the string's end, or before its last line end.
DOLLAR, UNIX_DOLLAR = line_end(False, End()), line_end(True, End())


def without_anchors(tree: Node) -> Node:
    """A tree that is to match all of a string, without the anchors that say no more than that."""
    if isinstance(tree, Alt):
        return Alt(tuple(map(without_anchors, tree.options)))
    parts: list[Node] = [*tree.parts] if isinstance(tree, Seq) else [tree]
    while parts and isinstance(parts[0], Begin):
        parts.pop(0)
    while parts and parts[-1] in (End(), DOLLAR, UNIX_DOLLAR):
        parts.pop()
    return seq(parts)


def in_one_line(tree: Node) -> Node:
    """A tree for strings without line ends, in which ``$`` is the end."""
    if tree in (DOLLAR, UNIX_DOLLAR):
        return End()
    if isinstance(tree, Seq):
        return Seq(tuple(map(in_one_line, tree.parts)))
    if isinstance(tree, Alt):
        return Alt(tuple(map(in_one_line, tree.options)))
    if isinstance(tree, Repeat | Capture | Atomic | Look):
        return replace(tree, body=in_one_line(tree.body))
    return tree


def without_open_ends(tree: Node) -> Node | None:
    """What is found in a string without line ends where all of it matches a tree with ``.*`` at its ends.

    None for trees without.
    """
    tree = in_one_line(without_anchors(tree))
    parts = tree.parts if isinstance(tree, Seq) else (tree,)
    first, last = (_takes_all(part) for part in (parts[0], parts[-1])) if len(parts) > 1 else (False, False)
    if not (first or last):
        return None
    return seq([*[Begin()][first:], *parts[first : len(parts) - last], *[End()][last:]])


def _takes_all(node: Node) -> bool:
    """Whether a node is ``.*``."""
    return (
        isinstance(node, Repeat)
        and (node.least, node.most) == (0, None)
        and node.kind != "possessive"
        and isinstance(node.body, Chars)
        and not ~node.body.set - LINE_ENDS
    )


def split_line_end(tree: Node) -> tuple[Node, Node]:
    """A tree without the ``$`` at its end, and what to match behind it instead; the empty node if there is none.

    Looking ahead for the last line end becomes matching it, which is the same unless a match may end within CR LF.
    """
    parts = tree.parts if isinstance(tree, Seq) else (tree,)
    if not parts or parts[-1] not in (DOLLAR, UNIX_DOLLAR):
        return tree, EMPTY
    before = seq(list(parts[:-1]))
    if parts[-1] == UNIX_DOLLAR:
        return before, Seq((Repeat(Chars(UNIX_END), 0, 1), End()))
    unclear = (node.set & RETURN if isinstance(node, Chars) else isinstance(node, Begin | Border | Look)
               for node in walk(before))  # fmt: skip
    if width(before)[0] == 0 or any(unclear):  # it may end in CR
        return tree, EMPTY
    crlf = Seq((Chars(RETURN), Chars(UNIX_END)))
    return before, Seq((Repeat(Alt((crlf, Chars(LINE_ENDS))), 0, 1), End()))
