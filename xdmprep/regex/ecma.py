"""Reads ECMA-262 regular expressions as JSON Schema uses them: by code points, with property classes.

Syntax that only Annex B of ECMA-262 permits (``\\-`` or a lone ``{``) is read as browsers read it.
"""

from __future__ import annotations

import re

from .charset import ANYTHING, DIGITS, NOTHING, WORD, CharSet
from .reader import Cursor
from .tree import (
    EMPTY,
    Alt,
    BackRef,
    Begin,
    Border,
    Capture,
    Chars,
    End,
    Look,
    Node,
    Repeat,
    children,
    seq,
    walk,
)
from .unicode import property_set

LINE_ENDS = CharSet.chars("\n\r\u2028\u2029")
SPACE = CharSet.of([(9, 13), (32, 32), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029),
                    (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)])  # fmt: skip
_CLASSES = {"d": DIGITS, "D": ~DIGITS, "w": WORD, "W": ~WORD, "s": SPACE, "S": ~SPACE}
_CONTROLS = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13}
_SYNTAX = "^$\\.*+?()[]{}|/"
_NAME = r"[A-Za-z_$\u0080-\U0010ffff][A-Za-z0-9_$\u0080-\U0010ffff]*"
_BINARY = frozenset(
    "any ascii assigned asciihexdigit ahex alphabetic alpha bidicontrol bidic bidimirrored bidim caseignorable "
    "ci cased changeswhencasefolded cwcf changeswhencasemapped cwcm changeswhenlowercased cwl "
    "changeswhennfkccasefolded cwkcf changeswhentitlecased cwt changeswhenuppercased cwu dash "
    "defaultignorablecodepoint di deprecated dep diacritic dia emoji emojicomponent ecomp emojimodifier emod "
    "emojimodifierbase ebase emojipresentation epres extendedpictographic extpict extender ext graphemebase "
    "grbase graphemeextend grext hexdigit hex idsbinaryoperator idsb idstrinaryoperator idst idcontinue idc "
    "idstart ids ideographic ideo joincontrol joinc logicalorderexception loe lowercase lower math "
    "noncharactercodepoint nchar patternsyntax patsyn patternwhitespace patws quotationmark qmark radical "
    "regionalindicator ri sentenceterminal sterm softdotted sd terminalpunctuation term unifiedideograph uideo "
    "uppercase upper variationselector vs whitespace space xidcontinue xidc xidstart xids".split()
)
_CATEGORIES = frozenset(
    "c other cc control cntrl cf format cn unassigned co privateuse cs surrogate l letter lc casedletter ll "
    "lowercaseletter lm modifierletter lo otherletter lt titlecaseletter lu uppercaseletter m mark combiningmark mc "
    "spacingmark me enclosingmark mn nonspacingmark n number nd decimalnumber digit nl letternumber no othernumber p "
    "punctuation punct pc connectorpunctuation pd dashpunctuation pe closepunctuation pf finalpunctuation pi "
    "initialpunctuation po otherpunctuation ps openpunctuation s symbol sc currencysymbol sk modifiersymbol sm "
    "mathsymbol so othersymbol z separator zl lineseparator zp paragraphseparator zs spaceseparator".split()
)


def read_ecma(text: str, strict: bool = False) -> tuple[Node, int, dict[str, int]]:
    """The tree of an expression, its number of groups, and the numbers of the named ones.

    `strict` refuses what only Annex B permits, as ECMA-262 does with its flag ``u``.  Raises RegexError: it is no
    expression, or cannot be evaluated exactly.
    """
    reader = _EcmaReader(text, strict)
    return reader.whole(), reader.total, reader.names


def _may_keep(node: Node, looped: bool) -> set[int]:
    """Groups that an iteration of a repetition may skip: those in an alternative or an optional part."""
    found: set[int] = set()
    for inner in children(node):
        found |= _may_keep(inner, looped or (isinstance(node, Repeat) and (node.most is None or node.most > 1)))
    if looped and (isinstance(node, Alt | Look) or (isinstance(node, Repeat) and node.least == 0)):
        found |= {inner.number for inner in walk(node) if isinstance(inner, Capture)}
    return found


class _EcmaReader(Cursor):
    def __init__(self, text: str, strict: bool) -> None:
        super().__init__(text)
        self._strict = strict
        self.total, self.names = self._groups()
        self._opened = self._behind = 0  # `_behind`: look-behinds around this place, which match from right to left
        self._closed: set[int] = set()
        self._references: list[tuple[int, int]] = []  # (group, position)
        self._inexact: list[tuple[str, int]] = []

    def _groups(self) -> tuple[int, dict[str, int]]:
        """The number of groups and the names of some, found beforehand since references may precede them."""
        bare = re.sub(r"\\.|\[(?:\\.|[^\\\]])*\]", lambda found: "." * len(found[0]), self.text, flags=re.DOTALL)
        names: dict[str, int] = {}
        total = 0
        for found in re.finditer(r"\((?!\?)|\(\?<(?![=!])", bare):
            total += 1
            name = re.compile(_NAME).match(bare, found.end()) if len(found[0]) > 1 else None
            if name is not None:
                if name[0] in names:
                    self.fail(f"there are two groups {name[0]!r}", found.start())
                names[name[0]] = total
        return total, names

    def whole(self) -> Node:
        """The whole expression."""
        tree = self.either()
        if self.at < len(self.text):
            self.fail("a ')' without a '('")
        self._check_references(tree)
        return tree

    def _check_references(self, tree: Node) -> None:
        """Each iteration of a repetition resets its groups; other engines keep the values of the last one."""
        kept = _may_keep(tree, False)
        for number, position in self._references:
            if number in kept:
                self._inexact.append(("a reference to a group that a repetition may skip", position))
        if self._inexact and not self._strict:
            message, position = self._inexact[0]
            self.fail(f"{message} cannot be carried out exactly", position)

    def row(self) -> Node:
        """The nodes up to a ``|``, a ``)`` or the end."""
        parts: list[Node] = []
        while self.at < len(self.text) and self.peek() not in "|)":
            start = self.at
            if self.peek() in "*+?":
                self.fail("nothing to repeat")
            if self.peek() == "{" and self.counts():
                self.fail("nothing to repeat", start)
            assertion = self.text.startswith(("^", "$", "\\b", "\\B", "(?=", "(?!", "(?<=", "(?<!"), self.at)
            node = self._one()
            # only look-aheads may be quantified, by Annex B
            fixed = assertion and (self._strict or not isinstance(node, Look) or not node.ahead)
            found = None if fixed else self.quantified(node, possessive=False)
            parts.append(node if found is None else found)
        return seq(parts)

    def _one(self) -> Node:
        start, char = self.at, self.peek()
        self.at += 1
        if char == "(":
            return self._group(start)
        if char == "[":
            return Chars(self._class(start))
        if char == "\\":
            return self._escape(start)
        if char == "^":
            return Begin()
        if char == "$":
            return End()
        if char == ".":
            return Chars(~LINE_ENDS)
        if self._strict and char in "{}]":
            self.fail(f"a lone {char!r}", start)
        return Chars(CharSet.chars(char))

    def _group(self, start: int) -> Node:
        self.deeper()
        look, captures = None, not self.take("?")
        if not captures and (look := self.look()) is None and not self.take(":"):
            name = re.compile(rf"<{_NAME}>").match(self.text, self.at)
            if name is None:
                self.fail(f"{self.text[start : start + 4]!r} is not ECMA-262", start)
            self.at, captures = name.end(), True
        self._opened += captures
        number = self._opened
        behind = look is not None and not look[0]
        self._behind += behind
        body = self.either()
        self._behind -= behind
        if not self.take(")"):
            self.fail("a '(' without a ')'", start)
        self.depth -= 1
        if look is not None:
            if behind and any(isinstance(inner, BackRef) for inner in walk(body)):
                self._inexact.append(("a reference inside a look-behind", start))
            return Look(body, *look)
        if not captures:
            return body
        self._closed.add(number)
        return Capture(body, number)

    def _reference(self, number: int, start: int) -> Node:
        if number not in self._closed and not self._behind:  # still unset: matches the empty string
            return EMPTY
        self._references.append((number, start))
        return BackRef(number, "empty")

    def _escape(self, start: int) -> Node:
        char = self.peek()
        if char in ("b", "B"):
            self.at += 1
            return Border(WORD, char == "B")
        if char == "k" and (self.names or self._strict):
            found = re.compile(rf"k<({_NAME})>").match(self.text, self.at)
            if found is None or found[1] not in self.names:
                self.fail("there is no such named group", start)
            self.at = found.end()
            return self._reference(self.names[found[1]], start)
        if char.isdigit() and char.isascii() and char != "0":
            digits = re.compile("[0-9]+").match(self.text, self.at)
            number = int(digits[0][:9]) if digits else 0
            if digits and number <= self.total:
                self.at = digits.end()
                return self._reference(number, start)
            if self._strict:
                self.fail(f"there is no group {number}", start)
        some = self._escaped(start, in_class=False)
        return Chars(some if isinstance(some, CharSet) else CharSet(((some, some),)))

    def _escaped(self, start: int, in_class: bool) -> CharSet | int:
        """The class or code point of an escape whose backslash was read."""
        char = self.peek()
        if not char:
            self.fail("it ends with a single backslash", start)
        self.at += 1
        if char in _CLASSES:
            return _CLASSES[char]
        if char in "pP":
            return self._property(start, char == "P")
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char == "b" and in_class:
            return 8
        if char == "c":
            letter = self.peek()
            if letter.isalpha() and letter.isascii():
                self.at += 1
                return ord(letter) % 32
            if self._strict:
                self.fail("\\c is followed by a letter", start)
            self.at -= 1
            return 92
        if char == "x" and (code := self.hex(2)) is not None:
            return code
        if char == "u":
            return self._unicode(start)
        if char.isdigit() and char.isascii():
            return self._octal(start, char)
        if self._strict and not (char in _SYNTAX or (char == "-" and in_class)):
            self.fail(f"\\{char} is no escape of ECMA-262", start)
        return ord(char)

    def _octal(self, start: int, char: str) -> int:
        if char == "0" and not (self.peek().isdigit() and self.peek().isascii()):
            return 0
        if self._strict:
            self.fail(f"\\{char} is no escape of ECMA-262", start)
        if char in "89":  # these match the digits
            return ord(char)
        self.at -= 1
        return self.octal() or 0

    def _unicode(self, start: int) -> int:
        before = self.at
        code = self.utf16()
        if code is None:
            code = self.braced_code()
        if code is not None:
            return code
        if self._strict:
            self.fail("\\u is followed by four hexadecimal digits, or by some in braces", start)
        self.at = before
        return ord("u")

    def _property(self, start: int, negative: bool) -> CharSet:
        name = self.braced()
        if name is None:
            if self._strict:
                self.fail("\\p is followed by a name in braces", start)
            return CharSet.chars(self.text[self.at - 1])
        key, equals, value = name.partition("=")
        loose = re.sub(r"[_\s-]", "", value or key).lower()
        found = None
        if equals and key in ("General_Category", "gc") and loose in _CATEGORIES:
            found = property_set(rf"\p{{gc={loose}}}")
        elif equals and key in ("Script", "sc", "Script_Extensions", "scx"):
            found = property_set(rf"\p{{{'scx' if key[-1] in 'sx' and key not in ('sc',) else 'sc'}={loose}}}")
        elif not equals and loose in _CATEGORIES:
            found = property_set(rf"\p{{gc={loose}}}")
        elif not equals and loose in _BINARY:
            found = ANYTHING if loose == "any" else property_set(rf"\p{{{loose}}}")
        if found is None or not re.fullmatch("[A-Za-z0-9_]+", value or key):
            self.fail(f"there is no property {name!r} of characters", start)
        return ~found if negative else found

    def _class(self, start: int) -> CharSet:
        negative = self.take("^")
        total = NOTHING
        ranges: list[tuple[int, int]] = []
        while not self.take("]"):
            if self.at >= len(self.text):
                self.fail("a '[' without a ']'", start)
            at = self.at
            low = self._member()
            if self.peek() == "-" and self.peek(1) not in ("]", ""):
                self.at += 1
                high = self._member()
                if isinstance(low, CharSet) or isinstance(high, CharSet):
                    if self._strict:
                        self.fail("a class of characters cannot bound a range", at)
                    for part in (low, high, 45):  # Annex B: the hyphen is literal
                        total |= part if isinstance(part, CharSet) else CharSet(((part, part),))
                    continue
                if low > high:
                    self.fail("the range is in the wrong order", at)
                ranges.append((low, high))
            elif isinstance(low, CharSet):
                total |= low
            else:
                ranges.append((low, low))
        found = CharSet.of([*total.ranges, *ranges])
        return ~found if negative else found

    def _member(self) -> CharSet | int:
        start, char = self.at, self.peek()
        self.at += 1
        return self._escaped(start, in_class=True) if char == "\\" else ord(char)
