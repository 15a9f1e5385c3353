"""Reads Java's regular expressions (``java.util.regex``), which the functions of mappings take."""

from __future__ import annotations

import unicodedata
from functools import cache

from .charset import ANYTHING, ASCII, DIGITS, NOTHING, WORD, CharSet
from .ends import DOLLAR, LINE_ENDS, RETURN, UNIX_DOLLAR, UNIX_END, line_end
from .reader import Cursor
from .tree import (
    EMPTY,
    Alt,
    Atomic,
    BackRef,
    Begin,
    Border,
    Capture,
    Chars,
    End,
    Grapheme,
    LastMatch,
    Look,
    Node,
    Seq,
    seq,
    walk,
    width,
)
from .unicode import any_case, property_set

_BLANKS = CharSet.chars(" \t\n\x0b\f\r")
_HORIZONTAL = CharSet.of([(9, 9), (32, 32), (0xA0, 0xA0), (0x1680, 0x1680), (0x180E, 0x180E), (0x2000, 0x200A),
                          (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000)])  # fmt: skip
_VERTICAL = CharSet.chars("\n\x0b\f\r\x85\u2028\u2029")
_CONTROLS = {"t": 9, "n": 10, "r": 13, "f": 12, "a": 7, "e": 27}
_FLAGS = "idmsuxU"
#: What comes behind escapes that give a code point as a number.
_NUMBERS = {
    "0": " is followed by octal digits", "x": " is followed by two hexadecimal digits, or by some in braces",
    "{": "{ is followed by the hexadecimal number of a character and a brace",
    "u": " is followed by four hexadecimal digits of a character",
}  # fmt: skip

_POSIX = {
    "Lower": CharSet.of([(97, 122)]), "Upper": CharSet.of([(65, 90)]), "ASCII": ASCII,
    "Alpha": CharSet.of([(65, 90), (97, 122)]), "Digit": DIGITS, "Alnum": WORD - CharSet.chars("_"),
    "Punct": CharSet.of([(33, 47), (58, 64), (91, 96), (123, 126)]), "Graph": CharSet.of([(33, 126)]),
    "Print": CharSet.of([(32, 126)]), "Blank": CharSet.chars(" \t"), "Cntrl": CharSet.of([(0, 31), (127, 127)]),
    "XDigit": CharSet.of([(48, 57), (65, 70), (97, 102)]), "Space": _BLANKS, "L1": CharSet.of([(0, 255)]),
    "all": ANYTHING,
}  # fmt: skip
_CATEGORIES = frozenset(
    "Cn Lu Ll Lt Lm Lo Mn Me Mc Nd Nl No Zs Zl Zp Cc Cf Co Cs Pd Ps Pe Pc Po Sm Sc Sk So Pi Pf L M N Z C P S".split()
)
#: Names of ``java.lang.Character`` that mean a property.
_JAVA_ALIASES = {
    "LowerCase": "LOWERCASE", "UpperCase": "UPPERCASE", "TitleCase": "TITLECASE", "Alphabetic": "ALPHABETIC",
    "Ideographic": "IDEOGRAPHIC", "Digit": "DIGIT", "Defined": "ASSIGNED", "Letter": "LETTER", "ISOControl": "CONTROL",
}  # fmt: skip
_JAVA = {
    "LetterOrDigit": r"[\p{gc=L}\p{gc=Nd}]",
    "JavaIdentifierStart": r"[\p{gc=L}\p{gc=Nl}\p{gc=Sc}\p{gc=Pc}]",
    "JavaIdentifierPart": (
        r"[\p{gc=L}\p{gc=Nl}\p{gc=Sc}\p{gc=Pc}\p{gc=Nd}\p{gc=Mc}\p{gc=Mn}\x00-\x08\x0e-\x1b\x7f-\x9f\p{gc=Cf}]"
    ),
    "IdentifierIgnorable": r"[\x00-\x08\x0e-\x1b\x7f-\x9f\p{gc=Cf}]", "SpaceChar": r"[\p{gc=Z}]",
    "Whitespace": r"[\x09-\x0d\x1c-\x1f[\p{gc=Z}--[\xa0\u2007\u202f]]]", "Mirrored": r"[\p{Bidi_Mirrored}]",
}  # fmt: skip
_BINARY = {
    "ALPHABETIC": r"[\p{Alphabetic}]", "LETTER": r"[\p{gc=L}]", "IDEOGRAPHIC": r"[\p{Ideographic}]",
    "LOWERCASE": r"[\p{Lowercase}]", "UPPERCASE": r"[\p{Uppercase}]", "TITLECASE": r"[\p{gc=Lt}]",
    "WHITE_SPACE": r"[\p{White_Space}]", "CONTROL": r"[\p{gc=Cc}]", "PUNCTUATION": r"[\p{gc=P}]",
    "HEX_DIGIT": r"[\p{gc=Nd}0-9A-Fa-f\uff10-\uff19\uff21-\uff26\uff41-\uff46]", "ASSIGNED": r"[^\p{gc=Cn}]",
    "NONCHARACTER_CODE_POINT": r"[\p{Noncharacter_Code_Point}]", "DIGIT": r"[\p{gc=Nd}]",
    "ALNUM": r"[\p{Alphabetic}\p{gc=Nd}]", "BLANK": r"[\p{gc=Zs}\t]",
    "GRAPH": r"[^\p{gc=Z}\p{gc=Cc}\p{gc=Cs}\p{gc=Cn}]",
    "PRINT": r"[^\p{gc=Zl}\p{gc=Zp}\p{gc=Cc}\p{gc=Cs}\p{gc=Cn}]", "JOIN_CONTROL": r"[\u200c\u200d]",
    "WORD": r"[\p{Alphabetic}\p{gc=M}\p{gc=Nd}\p{gc=Pc}\u200c\u200d]",
}  # fmt: skip
_ALIASES = {"WHITESPACE": "WHITE_SPACE", "HEXDIGIT": "HEX_DIGIT", "JOINCONTROL": "JOIN_CONTROL",
            "NONCHARACTERCODEPOINT": "NONCHARACTER_CODE_POINT"}  # fmt: skip
_UNICODE_POSIX = {"ALPHA": "ALPHABETIC", "LOWER": "LOWERCASE", "UPPER": "UPPERCASE", "SPACE": "WHITE_SPACE",
                  "PUNCT": "PUNCTUATION", "XDIGIT": "HEX_DIGIT", "ALNUM": "ALNUM", "CNTRL": "CONTROL", "DIGIT": "DIGIT",
                  "BLANK": "BLANK", "GRAPH": "GRAPH", "PRINT": "PRINT"}  # fmt: skip
_BLOCK_ALIASES = {"combiningmarksforsymbols": "combiningdiacriticalmarksforsymbols", "cyrillicsupplementary":
                  "cyrillicsupplement", "greek": "greekandcoptic"}  # fmt: skip


_ANY_LINE_END = Alt((Seq((Chars(RETURN), Chars(UNIX_END))), Chars(_VERTICAL)))


def _multiline(begin: bool, unix: bool) -> Node:
    """``^`` and ``$`` with the flag m."""
    ends = UNIX_END if unix else LINE_ENDS
    if begin:  # not at the end of the string, nor between CR and LF
        after: Node = Look(Chars(ends), False, False)
        if not unix:
            inside = Seq((Look(Chars(RETURN), False, False), Look(Chars(UNIX_END), True, False)))
            after = Seq((after, Look(inside, True, True)))
        return Seq((Look(End(), True, True), Alt((Begin(), after))))
    return line_end(unix)


def read_java(text: str) -> tuple[Node, int, dict[str, int]]:
    """The tree of an expression, its number of groups, and the numbers of the named ones.

    Raises RegexError: it is no expression, or cannot be evaluated exactly.
    """
    reader = _JavaReader(text)
    tree = reader.whole()
    return tree, reader.total, reader.names


@cache
def _database(expression: str) -> CharSet:
    found = property_set(expression)
    if found is None:
        raise ValueError(f"unknown class {expression}")
    return found


class _JavaReader(Cursor):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.total = 0
        self.names: dict[str, int] = {}
        self._flags: frozenset[str] = frozenset()
        self._closed: set[int] = set()
        self._quoted = False

    # --- the cursor, with quotes and comments ------------------------------------------------------------------------

    def _settle(self) -> None:
        """Skips ``\\Q``, ``\\E`` and, with the flag x, white space and comments."""
        while True:
            if self._quoted:
                if not self.take("\\E"):
                    return
                self._quoted = False
            elif self.take("\\Q"):
                self._quoted = True
            elif "x" in self._flags and self.peek() and self.peek() in " \t\n\x0b\f\r":
                self.at += 1
            elif "x" in self._flags and self.peek() == "#":
                ends = "\n" if "d" in self._flags else "\n\r\x85\u2028\u2029"
                while self.peek() and self.peek() not in ends:
                    self.at += 1
            else:
                return

    def sign(self) -> str:
        """The next character unless it is quoted; empty otherwise and at the end."""
        self._settle()
        return "" if self._quoted else self.peek()

    def _ended(self) -> bool:
        self._settle()
        return self.at >= len(self.text)

    # --- expressions -------------------------------------------------------------------------------------------------

    def whole(self) -> Node:
        """The whole expression."""
        tree = self.either()
        if not self._ended():
            self.fail("a ')' without a '('")
        first = tree.parts[0] if isinstance(tree, Seq) and tree.parts else tree
        for node in walk(tree):
            if isinstance(node, LastMatch) and node is not first:
                self.fail("\\G can only be carried out at the begin of an expression", self.text.find("\\G"))
        return tree

    def row(self) -> Node:
        """The nodes up to a ``|``, a ``)`` or the end."""
        parts: list[Node] = []
        while not self._ended() and self.sign() not in ("|", ")"):
            start = self.at
            if self.sign() in ("*", "+", "?"):
                self.fail("nothing to repeat")
            if self.sign() == "{":  # a second count repeats nothing
                if self.quantified(EMPTY, possessive=True) is None:
                    self.fail("'{' begins a repetition such as {2,5}; write \\{ for the character", start)
                continue
            node = self._one()
            if node is not None:
                parts.append(self._repeated(node))
        return seq(parts)

    def _repeated(self, node: Node) -> Node:
        sign = self.sign()
        if not sign or sign not in "*+?{":
            return node
        start = self.at
        found = self.quantified(node, possessive=True)
        if found is None:
            self.fail("'{' begins a repetition such as {2,5}; write \\{ for the character", start)
        if width(node)[1] == 0 and any(isinstance(part, Capture) for part in walk(node)):
            self.fail("a repetition of a group that is always empty cannot be carried out exactly", start)
        return found

    def _one(self) -> Node | None:
        """The next node; None for flags without a group."""
        start = self.at
        if self._quoted:
            self.at += 1
            return self._char(ord(self.text[start]))
        char = self.peek()
        self.at += 1
        if char == "(":
            return self._group(start)
        if char == "[":
            return Chars(self._class(start, True))
        if char == "\\":
            return self._escape(start)
        unix = "d" in self._flags
        if char == "^":
            return _multiline(True, unix) if "m" in self._flags else Begin()
        if char == "$":
            return _multiline(False, unix) if "m" in self._flags else UNIX_DOLLAR if unix else DOLLAR
        if char == ".":
            return Chars(ANYTHING if "s" in self._flags else ~(UNIX_END if unix else LINE_ENDS))
        return self._char(ord(char))

    def _char(self, code: int) -> Node:
        return Chars(self._cased(CharSet(((code, code),))))

    def _cased(self, some: CharSet) -> CharSet:
        if "i" not in self._flags:
            return some
        return any_case(some, unicode=bool(self._flags & {"u", "U"}))

    def _group(self, start: int) -> Node | None:
        self.deeper()
        before = self._flags
        number, look, atomic = None, None, False
        if self.sign() != "?":
            self.total += 1
            number = self.total
        else:
            self.at += 1
            look = self.look()
            atomic = look is None and self.take(">")
            if look is not None or atomic:
                pass
            elif self.take("<"):
                number = self._named()
            elif not self.take(":") and self._inline_flags(start):
                self.depth -= 1
                return None
        body = self.either()
        if self.sign() != ")":
            self.fail("a '(' without a ')'", start)
        self.at += 1
        self.depth -= 1
        self._flags = before
        if number is not None:
            self._closed.add(number)
            return Capture(body, number)
        if look is None:
            return Atomic(body) if atomic else body
        least, most = width(body)
        if not look[0] and least != most and any(isinstance(node, Capture | BackRef) for node in walk(body)):
            self.fail("a group in a look-behind of varying length cannot be carried out exactly", start)
        return Look(body, *look)

    def _named(self) -> int:
        start = self.at
        while self.peek().isalnum() and self.peek().isascii():
            self.at += 1
        name = self.text[start : self.at]
        if not name or name[0].isdigit() or not self.take(">"):
            self.fail("a name of letters and digits and a '>' are expected", start)
        if name in self.names:
            self.fail(f"there are two groups {name!r}", start)
        self.total += 1
        self.names[name] = self.total
        return self.total

    def _inline_flags(self, start: int) -> bool:
        """Reads flags; True if they end the parentheses, as in ``(?i)``, False if a group follows, as in ``(?i:``."""
        on = True
        while True:
            char = self.peek()
            self.at += 1
            if char == "-" and on:
                on = False
            elif char and char in _FLAGS:
                self._flags = self._flags | {char} if on else self._flags - {char}
            elif char == ")":
                return True
            elif char == ":":
                return False
            else:
                self.fail(f"there is no group of this kind, and no flag {char!r}", start)

    # --- escapes -----------------------------------------------------------------------------------------------------

    def _escape(self, start: int) -> Node:
        char = self.peek()
        self.at += 1
        unix = "d" in self._flags
        match char:
            case "A":
                return Begin()
            case "z":
                return End()
            case "Z":
                return UNIX_DOLLAR if unix else DOLLAR
            case "G":
                return LastMatch()
            case "R":
                return _ANY_LINE_END
            case "X":
                return Grapheme()
            case "b" | "B":
                if char == "b" and self.text.startswith("{g", self.at):
                    self.fail("\\b{g} cannot be carried out", start)
                return self._border(char == "B")
            case "k":
                end = self.text.find(">", self.at)
                name = self.text[self.at + 1 : end]
                if not self.take("<") or end < 0 or name not in self.names:
                    self.fail("there is no such named group before this", start)
                self.at = end + 1
                return self._reference(self.names[name], start)
        if char and char in "123456789":
            number = int(char)
            while self.peek().isascii() and self.peek().isdigit() and number * 10 + int(self.peek()) <= self.total:
                number = number * 10 + int(self.peek())
                self.at += 1
            return self._reference(number, start)
        some = self._escaped(start, char)
        return self._char(some) if isinstance(some, int) else Chars(some)

    def _border(self, negative: bool) -> Node:
        marks = _database(r"[\p{gc=Mn}]")
        bases = _database(_JAVA["LetterOrDigit"])
        word = _database(_BINARY["WORD"]) if "U" in self._flags else bases | CharSet.chars("_")
        return Border(word, negative, bases, marks - word)

    def _reference(self, number: int, start: int) -> Node:
        fold = "i" in self._flags
        if fold and self._flags & {"u", "U"}:
            self.fail("a reference that ignores the case of all letters cannot be carried out exactly", start)
        if number not in self._closed:
            self.fail(f"group {number} does not end before this reference to it", start)
        return BackRef(number, "nothing", fold)

    def _escaped(self, start: int, char: str) -> CharSet | int:
        """The class or code point of an escape whose letter was read."""
        unicode = "U" in self._flags
        if not char:
            self.fail("it ends with a single backslash", start)
        if char in _CONTROLS:
            return _CONTROLS[char]
        match char:
            case "d" | "D":
                some = _database(_BINARY["DIGIT"]) if unicode else DIGITS
            case "w" | "W":
                some = _database(_BINARY["WORD"]) if unicode else WORD
            case "s" | "S":
                some = _database(_BINARY["WHITE_SPACE"]) if unicode else _BLANKS
            case "h" | "H":
                some = _HORIZONTAL
            case "v" | "V":
                some = _VERTICAL
            case "p" | "P":
                some = self._property(start)
            case "0" | "x" | "u":
                return self._number(start, char)
            case "c":
                if not self.peek():
                    self.fail("\\c is followed by a character", start)
                self.at += 1
                return ord(self.text[self.at - 1]) ^ 64
            case "N":
                name = self.braced()
                try:
                    return ord(unicodedata.lookup(name or ""))
                except KeyError:
                    self.fail("\\N is followed by the name of a character in braces", start)
            case _:
                if char.isascii() and char.isalpha():
                    self.fail(f"\\{char} is no escape of Java", start)
                return ord(char)
        return ~some if char.isupper() else some

    def _number(self, start: int, char: str) -> int:
        """The code point that an escape gives as a number."""
        braces = char == "x" and self.peek() == "{"
        code = {"0": self.octal, "u": self.utf16, "x": self.braced_code if braces else lambda: self.hex(2)}[char]()
        if code is None or (char == "u" and 0xD800 <= code < 0xE000):
            self.fail(f"\\{char}{_NUMBERS['{' if braces else char]}", start)
        return code

    def _property(self, start: int) -> CharSet:
        if self.peek() == "{":
            name = self.braced()
        else:
            name = self.peek()
            self.at += 1
        found = self._named_set(name or "")
        if found is None:
            self.fail(f"there is no property {name!r} of characters", start)
        return found

    def _named_set(self, name: str) -> CharSet | None:
        key, equals, value = name.partition("=")
        if equals:
            match key.lower():
                case "sc" | "script":
                    return _script(value)
                case "blk" | "block":
                    return _block(value)
                case "gc" | "general_category":
                    return self._category(value)
            return None
        if name.startswith("In"):
            return _block(name[2:])
        if name.startswith("Is"):
            upper = name[2:].upper()
            upper = _ALIASES.get(upper, upper)
            if upper in _BINARY:
                return self._both_cases(upper)
            found = self._category(name[2:])
            return _script(name[2:]) if found is None else found
        if "U" in self._flags and name.upper() in _UNICODE_POSIX:
            return self._both_cases(_UNICODE_POSIX[name.upper()])
        return self._category(name)

    def _both_cases(self, name: str) -> CharSet:
        if "i" in self._flags and name in ("LOWERCASE", "UPPERCASE", "TITLECASE"):
            return _database(r"[\p{Lowercase}\p{Uppercase}\p{gc=Lt}]")
        return _database(_BINARY[name])

    def _category(self, name: str) -> CharSet | None:
        cased = "i" in self._flags
        if name in ("Lower", "Upper") and cased:
            return _POSIX["Alpha"]
        if name in _POSIX:
            return _POSIX[name]
        if (name in ("Lu", "Ll", "Lt") and cased) or name == "LC":
            return _database(r"[\p{gc=Lu}\p{gc=Ll}\p{gc=Lt}]")
        if name == "LD":
            return _database(_JAVA["LetterOrDigit"])
        if name in _CATEGORIES:
            return _database(rf"[\p{{gc={name}}}]")
        if name.startswith("java") and name[4:] in _JAVA_ALIASES:
            return self._both_cases(_JAVA_ALIASES[name[4:]])
        return _database(_JAVA[name[4:]]) if name.startswith("java") and name[4:] in _JAVA else None

    # --- classes -----------------------------------------------------------------------------------------------------

    def _class(self, start: int, closes: bool) -> CharSet:
        """The characters of a class after its '[' up to the ']' (read if `closes`), combined as Java does."""
        self.deeper()
        negative = closes and not self._quoted and self.take("^")
        before: CharSet | None = None
        singles: CharSet | None = None
        all_singles = NOTHING  # Java keeps them over an intersection
        while True:
            if self._ended():
                self.fail("a '[' without a ']'", start)
            sign = self.sign()
            if sign == "[":
                self.at += 1
                inner = self._class(self.at - 1, True)
                before = _union(before, inner)
                continue
            if sign == "&" and self._double():
                right = self._right_side(start)
                if right is None:
                    self.fail("'&&' stands between two classes", start)
                if singles is not None:
                    before, singles = _union(before, singles), None
                before = right if before is None else before & right
                continue
            if sign == "]" and (before is not None or singles is not None):
                if closes:
                    self.at += 1
                break
            found, single = self._range()
            if single:
                singles = all_singles = all_singles | found
            else:
                before = _union(before, found)
        self.depth -= 1
        total = (before or NOTHING) | (singles or NOTHING)
        return ~total if negative else total

    def _double(self) -> bool:
        """Whether ``&&`` comes next; if so it is skipped."""
        at = self.at
        self.at += 1
        if self.sign() == "&":
            self.at += 1
            return True
        self.at = at
        return False

    def _right_side(self, start: int) -> CharSet | None:
        """The class between ``&&`` and the end of the class or the next ``&``; None if there is none."""
        right: CharSet | None = None
        while self.sign() not in ("]", "&"):
            if self._ended():
                self.fail("a '[' without a ']'", start)
            if self.sign() == "[":
                self.at += 1
                inner = self._class(self.at - 1, True)
            else:
                inner = self._class(start, False)
            right = _union(right, inner)
        return right

    def _range(self) -> tuple[CharSet, bool]:
        """One item of a class, and whether it is a single character."""
        at = self.at
        low = self._member()
        if not isinstance(low, int):
            return low, False
        if self.sign() == "-" and self.peek(1) not in ("[", "]", ""):
            self.at += 1
            self._settle()
            high = self._member()
            if not isinstance(high, int):
                self.fail("a class of characters cannot bound a range", at)
            if high < low:
                self.fail("the range is in the wrong order", at)
            return self._cased(CharSet(((low, high),))), False
        return self._cased(CharSet(((low, low),))), True

    def _member(self) -> CharSet | int:
        start, char = self.at, self.peek()
        if not char:
            self.fail("a '[' without a ']'")
        self.at += 1
        if char != "\\" or self._quoted:
            return ord(char)
        char = self.peek()
        self.at += 1
        if char and char in "123456789ABGRXZzbk":
            self.fail(f"\\{char} does not stand in a class", start)
        return self._escaped(start, char)


def _union(some: CharSet | None, more: CharSet) -> CharSet:
    return more if some is None else some | more


def _script(name: str) -> CharSet | None:
    plain = name.replace("_", "").replace(" ", "")
    return property_set(rf"[\p{{sc={plain}}}]") if plain.isascii() and plain.isalnum() else None


def _block(name: str) -> CharSet | None:
    plain = name.replace("_", "").replace(" ", "").replace("-", "").lower()
    plain = _BLOCK_ALIASES.get(plain, plain)
    return property_set(rf"[\p{{blk={plain}}}]") if plain.isascii() and plain.isalnum() else None
