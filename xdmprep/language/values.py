"""The value rules of the expression engine: text, truth, equality, order, arithmetic.

They are those of Apache Commons JEXL in its lenient mode, as far as the platform's documents show which rules it has;
where JEXL would compare a number with text that is no number by failing, ``==`` is false here.

A decimal of a record stays exact: it has at least one digit behind the point, meets doubles by the digits that they are
printed with, and makes decimals of what it is added to or multiplied by.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import date, time
from decimal import ROUND_HALF_EVEN, Decimal
from decimal import Context as DecimalContext
from operator import ge, gt, le, lt
from typing import Any

from ..core.ndjson.strict import holds_digits
from .options import Options
from .zoned_datetime import Moment


class Failed(Exception):
    """An evaluation failed: the value is null, and this is the reason (cut where it quotes a long text)."""

    def __init__(self, reason: str) -> None:
        super().__init__(shortened(reason))


#: What Java's ``String.trim`` cuts off, and ``strip``.
CONTROLS = "".join(map(chr, range(33)))
WHITE = "\t\n\v\f\r\x1c\x1d\x1e\x1f \u1680\u2028\u2029\u205f\u3000" + "".join(
    chr(code) for code in range(0x2000, 0x200B) if code != 0x2007
)


def shortened(reason: str) -> str:
    """A reason, cut where it quotes a long text."""
    return reason if len(reason) <= 500 else f"{reason[:250]} ... {reason[-200:]}"


_INTEGER = re.compile(r"[+-]?[0-9]+")
DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def number_in(text: str) -> int | float | None:
    """The number that `text` spells, None if it spells none (or one that no double can hold)."""
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) < 4000 else None
    if DECIMAL.fullmatch(text):
        value = float(text)
        return value if math.isfinite(value) else None
    return None


def incoming(value: Any) -> Any:
    """A value of a record as the language has it: dates are moments, whole decimals integers, NaN and infinity null.

    Times of day are strings.
    """
    if isinstance(value, date):
        return Moment.of(value)
    if isinstance(value, time):
        return value.isoformat()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return of_decimal(value) if isinstance(value, Decimal) else value


def of_decimal(value: Decimal) -> Any:
    """A decimal of a record: an integer where it is written without a point, else with a digit behind the point."""
    if not value.is_finite():
        return None
    return int(value) if _exponent(value) >= 0 else value


def written_number(text: str) -> int | float | Decimal:
    """The number of a string with digits and perhaps a point or an exponent: exactly, if doubles reach as far."""
    return int(text) if len(text) < 4000 and text.lstrip("-").isdigit() else _spelled(text)


def read_number(text: str) -> int | float | Decimal:
    """A number of JSON with a point or an exponent: a double, or a decimal where that loses digits.

    Raises Failed: it is too large.
    """
    value = float(text)
    if math.isinf(value):
        raise Failed(f"{text[:80]} is too large")
    return value if holds_digits(value, text) else written_number(text)


def _spelled(text: str) -> float | Decimal:
    found = Decimal(text)
    return pointed(found) if abs(found.adjusted()) <= _FAR or not found else float(text)


def pointed(value: Decimal) -> Decimal:
    """A decimal with a digit behind the point at least, as doubles are printed. Raises Failed: it is too large."""
    made = value if _exponent(value) < 0 else value.quantize(_TENTH, context=WIDE)
    if not made.is_finite():
        raise Failed("the result is too large")
    return made if made else made.copy_abs()  # zero has no sign


def exact(value: int | float | Decimal) -> Decimal:
    """A number as a decimal: of a double, the digits that it is printed with. Raises Failed: it is infinite."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Failed("the result is no finite number")
        return Decimal(repr(value))
    return Decimal(value)


def comparable(left: Any, right: Any) -> tuple[Any, Any]:
    """Two values, of which a double is a decimal of the same digits where it meets one."""
    if isinstance(left, Decimal) or isinstance(right, Decimal):
        left, right = (_beside_decimal(value) for value in (left, right))
    return left, right


def _beside_decimal(value: Any) -> Any:
    if isinstance(value, float):
        return Decimal(repr(value)) if math.isfinite(value) else value
    return value


def _exponent(value: Decimal) -> int:
    return int(value.as_tuple().exponent)


_TENTH = Decimal("0.1")
#: Exact for decimals of 76 digits, the most that columns have: sums and products are not rounded.
WIDE = DecimalContext(prec=400, rounding=ROUND_HALF_EVEN, traps=[])
#: Decimals do not go beyond this power of ten, or its inverse.
_FAR = 350
#: Digits of a quotient, as many as those of its operands or as IEEE 754's decimal128 has.
QUOTIENT_DIGITS = 34


def leaves_changed(value: Any, change: Callable[[Any], Any]) -> Any:
    """`value` with its leaves changed: what is no array, pair or object, however deep it lies in those."""
    if isinstance(value, list):
        return [leaves_changed(item, change) for item in value]
    if isinstance(value, tuple):
        return tuple(leaves_changed(item, change) for item in value)
    if isinstance(value, dict):
        return {key: leaves_changed(item, change) for key, item in value.items()}
    return change(value)


def is_number(value: Any) -> bool:
    """Whether `value` is an integer, decimal or double (a boolean is not)."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


class _Folded(dict[int, str]):
    """The letter that each code point becomes, found when it is asked for."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        upper = letter.upper() if len(letter.upper()) == 1 else letter
        self[code] = found = "i" if letter == "İ" else upper.lower()
        return found


_FOLDED = _Folded()


def folded(text: str) -> str:
    """`text` case-folded as in Java: each character becomes one other."""
    if text.isascii():
        return text.lower()
    for letter in set(text):  # far quicker than `str.translate`
        if letter > "\x7f" and _FOLDED[ord(letter)] != letter:
            text = text.replace(letter, _FOLDED[ord(letter)])
    return text.encode(errors="surrogatepass").lower().decode(errors="surrogatepass")


def text_of(value: Any) -> str:
    """`value` as text: numbers as in JSON, dates in ISO-8601, objects and arrays as JSON, null as ``null``."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, int | Moment):
        return str(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_no_decimal)
    except _DecimalInside:
        return _json(value)


class _DecimalInside(Exception):
    """A value holds decimals, which Python's encoder cannot write."""


def _no_decimal(value: Any) -> str:
    if isinstance(value, Decimal):
        raise _DecimalInside
    return str(value)


def _json(value: Any) -> str:
    """JSON of a value with decimals in it, which are numbers with all their digits."""
    if isinstance(value, dict):
        pairs = (f"{json.dumps(str(key), ensure_ascii=False)}:{_json(item)}" for key, item in value.items())
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_json, value)) + "]"
    if isinstance(value, Decimal):
        return format(value, "f")
    return json.dumps(value, ensure_ascii=False, default=str)


def kind_of(value: Any) -> str:
    """What `value` is, in words for messages."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, int | float | Decimal):
        return "a number"
    if isinstance(value, Moment):
        return "a date"
    return "an array" if isinstance(value, list) else "an object"


def expected(value: Any, kind: type, what: str) -> Any:
    """`value`, if it is of a Python type. Raises Failed: it is not; `what` is what is expected."""
    if not isinstance(value, kind):
        raise Failed(f"{what} is expected, not {kind_of(value)}")
    return value


def truth(value: Any, options: Options) -> bool:
    """`value` as a condition: false, null, 0, ``""`` and ``"false"`` are false."""
    held = _boolean(value)
    if held is not None:
        return held
    if value is not None:
        raise Failed(f"{kind_of(value)} is no condition")
    if options.null_condition == "error":
        raise Failed("the condition is null")
    return False


def equal(left: Any, right: Any) -> bool:
    """``==``: null equals null only; numbers and numeric strings by value; booleans against text by its truth."""
    if left is None or right is None:
        return left is right
    if isinstance(left, bool) or isinstance(right, bool):
        return _boolean(left) is _boolean(right)
    if is_number(left) and isinstance(right, str):
        right = number_beside(left, right)
    elif is_number(right) and isinstance(left, str):
        left = number_beside(right, left)
    elif isinstance(left, Moment) != isinstance(right, Moment):
        return text_of(left) == text_of(right)
    if isinstance(left, list | dict) and type(left) is type(right):
        return same(left, right)
    left, right = comparable(left, right)
    return bool(left == right)


def number_beside(number: Any, text: str) -> int | float | Decimal | None:
    """The number that a string spells, exactly where it meets a decimal; None if it spells none."""
    found = number_in(text)
    return _spelled(text) if isinstance(found, float) and isinstance(number, Decimal) else found


def same(left: Any, right: Any) -> bool:
    """Equality without coercion, true and 1 apart; used inside arrays and objects."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    left, right = comparable(left, right)
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _boolean(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value not in ("", "false")
    if isinstance(value, int | float | Decimal):
        return value != 0
    return None


def compare(operator: str, left: Any, right: Any) -> bool:
    """``<``, ``<=``, ``>``, ``>=``; false where one side is null (``null <= null`` holds, as the two are equal)."""
    if left is None or right is None:
        return left is right and operator in ("<=", ">=")
    if isinstance(left, bool) or isinstance(right, bool):
        left, right = _boolean(left), _boolean(right)
    elif is_number(left) or is_number(right):
        left, right = numbers(left, right)
    elif not (isinstance(left, str | Moment) and type(left) is type(right)):
        raise Failed(f"{kind_of(left)} and {kind_of(right)} have no order")
    if left is None or right is None:
        raise Failed("the two sides have no order")
    left, right = comparable(left, right)
    return bool(_ORDER[operator](left, right))


_ORDER: dict[str, Callable[[Any, Any], Any]] = {"<": lt, "<=": le, ">": gt, ">=": ge}


def numbers(left: Any, right: Any) -> tuple[Any, Any]:
    """Two values as numbers; of a numeric text beside a decimal all digits count. Raises Failed: one is none."""
    a, b = number(left), number(right)
    if isinstance(a, Decimal) and isinstance(b, float) and isinstance(right, str):
        b = _spelled(right)
    elif isinstance(b, Decimal) and isinstance(a, float) and isinstance(left, str):
        a = _spelled(left)
    return a, b


def in_order(values: list[Any]) -> list[Any]:
    """Values as numbers that can be compared with each other. Raises Failed: one is none."""
    if not any(isinstance(value, Decimal) for value in values):
        return [number(value) for value in values]
    return [_beside_decimal(numbers(value, _TENTH)[0]) for value in values]


def number(value: Any) -> int | float | Decimal:
    """`value` as a number; numeric text counts, a boolean is 1 or 0. Raises Failed: it is none."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float | Decimal):
        return value
    found = number_in(value) if isinstance(value, str) else None
    if found is None:
        raise Failed(f"{repr(value[:80]) if isinstance(value, str) else kind_of(value)} is not a number")
    return found


def operand(value: Any, options: Options) -> int | float | Decimal:
    """`value` as an operand of arithmetic; null is 0, or a failure."""
    if value is None:
        if options.null_operand == "error":
            raise Failed("an operand is null")
        return 0
    return number(value)


def _operands(left: Any, right: Any, options: Options) -> tuple[Any, Any]:
    """Two operands; decimals where one is."""
    a, b = operand(left, options), operand(right, options)
    if isinstance(a, Decimal) or isinstance(b, Decimal):
        a, b = numbers(0 if left is None else left, 0 if right is None else right)
        return exact(a), exact(b)
    return a, b


def integer(value: Any, options: Options) -> int:
    """`value` as an operand of a bit operator or an index."""
    found = operand(value, options)
    if isinstance(found, float):
        if not found.is_integer():
            raise Failed(f"{found!r} is not an integer")
        return int(found)
    if isinstance(found, Decimal):
        if found != found.to_integral_value():
            raise Failed(f"{found} is not an integer")
        return int(found)
    return found


def add(left: Any, right: Any, options: Options) -> Any:
    """``+``: joins two strings, adds numbers and numeric strings; a number and another string are joined."""
    if isinstance(left, str) and isinstance(right, str):
        return left + right
    if isinstance(left, str | int | float | Decimal | None) and isinstance(right, str | int | float | Decimal | None):
        try:
            a, b = _operands(left, right, options)
            return pointed(WIDE.add(a, b)) if isinstance(a, Decimal) else finite(a + b)
        except Failed:
            if not isinstance(left, str) and not isinstance(right, str):
                raise
            if options.null_operand == "error" and (left is None or right is None):
                raise
            return ("" if left is None else text_of(left)) + ("" if right is None else text_of(right))
    raise Failed(f"{kind_of(left)} and {kind_of(right)} cannot be added")


def arithmetic(operator: str, left: Any, right: Any, options: Options) -> int | float | Decimal:
    """``-``, ``*``, ``/``, ``%``; integers stay integers, division cuts toward zero.

    Args:
        operator: one of the four signs.
        left: the first operand, a value of the language.
        right: the second operand.
        options: say whether null is 0 or fails.

    Returns:
        A decimal if an operand is one, an int if both are integers, else a finite float.

    Raises:
        Failed: an operand is no number, the divisor is 0, or the result is not finite.
    """
    a, b = _operands(left, right, options)
    if isinstance(a, Decimal):
        return _of_decimals(operator, a, b)
    if operator == "-":
        return finite(a - b)
    if operator == "*":
        return finite(a * b)
    if b == 0:
        raise Failed("division by zero")
    if isinstance(a, int) and isinstance(b, int):
        quotient = abs(a) // abs(b)
        if operator == "/":
            return quotient if (a < 0) == (b < 0) else -quotient
        rest = abs(a) % abs(b)
        return -rest if a < 0 else rest
    return finite(a / b if operator == "/" else math.fmod(a, b))


def _of_decimals(operator: str, a: Decimal, b: Decimal) -> Decimal:
    if operator == "-":
        return pointed(WIDE.subtract(a, b))
    if operator == "*":
        return pointed(WIDE.multiply(a, b))
    if b == 0:
        raise Failed("division by zero")
    if operator == "%":
        return pointed(WIDE.remainder(a, b))
    digits = max(QUOTIENT_DIGITS, *(len(value.as_tuple().digits) for value in (a, b)))
    return pointed(quotients(digits).divide(a, b))


def quotients(digits: int) -> DecimalContext:
    """Gives quotients of so many digits."""
    return DecimalContext(prec=digits, rounding=ROUND_HALF_EVEN, traps=[])


def finite(value: int | float) -> int | float:
    """`value`, if it is a number that JSON can hold; zero has no sign."""
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        raise Failed("the result is no finite number")
    return value + 0.0


def signed(operator: str, value: Any, options: Options) -> int | float | Decimal | None:
    """Unary ``-``, ``+``, ``~``; null stays null (or fails, as in arithmetic)."""
    if value is None and options.null_operand == "zero":
        return None
    if operator == "~":
        return ~integer(value, options)
    found = operand(value, options)
    if isinstance(found, Decimal):
        return found.copy_negate() if operator == "-" and found else found
    return -found if operator == "-" else found


def is_blank(value: Any) -> bool:
    """Whether `value` is null, an empty text, array or object."""
    return value is None or (isinstance(value, str | list | dict) and not value)


def size(value: Any) -> int:
    """How many elements, entries or characters; null has none. Raises Failed: `value` has no size."""
    if value is None:
        return 0
    if isinstance(value, str | list | dict):
        return len(value)
    raise Failed(f"{kind_of(value)} has no size")


def tested(operator: str, left: Any, right: Any, matches: Callable[[str, str], bool]) -> bool:
    """``=~`` (matches the whole regular expression, or is in an array or object), ``=^`` (starts), ``=$`` (ends).

    Args:
        operator: the sign; with ``!`` in place of ``=`` the result is negated.
        left: the value to test.
        right: the regular expression, start or end; for ``=~`` also an array or object.
        matches: called with a string and a regular expression; whether the whole text matches.

    Returns:
        Whether the test holds; null only matches null, and neither starts nor ends with anything.
    """
    if operator[0] == "!":
        return not tested("=" + operator[1], left, right, matches)
    if operator[1] == "~":
        if isinstance(right, list):
            return any(equal(left, item) for item in right)
        if isinstance(right, dict):
            return left is not None and text_of(left) in right
        if left is None or right is None:
            return left is right
        return matches(text_of(left), text_of(right))
    if left is None or right is None:
        return False
    text, part = text_of(left), text_of(right)
    return text.startswith(part) if operator[1] == "^" else text.endswith(part)
