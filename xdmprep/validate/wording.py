"""What findings say: one message and one hint per rule, the same whether a column or a single record was checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..errors import shorten
from .formats import EXAMPLES

_ARTICLE = {"array": "an array", "object": "an object", "integer": "an integer", "null": "null"}


def kinds(types: Any) -> str:
    """JSON type names with their articles, such as ``a string or an integer``."""
    names = types if isinstance(types, list | tuple) else [types]
    return " or ".join(_ARTICLE.get(name, f"a {name}") for name in names)


def limited(values: Any, limit: int = 8) -> str:
    """The listed values as JSON, at most `limit` of them."""
    shown = ", ".join(json.dumps(value, ensure_ascii=False) for value in list(values)[:limit])
    return shown + (f", ... ({len(values)} in all)" if len(values) > limit else "")


def as_text(value: Any) -> str | None:
    """A JSON value as the text that findings show; None for null."""
    if value is None or isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "nested too deep to be shown"
    except TypeError:
        return str(value)
    except ValueError:
        return "a number too long to be shown"


def wording(keyword: str, node: Mapping[str, Any]) -> tuple[str, str]:
    """Message and hint for a failed JSON Schema keyword of `node`."""
    value = node.get(keyword)
    match keyword:
        case "type":
            return f"expected {kinds(value)}", ""
        case "enum":
            return f"expected one of {limited(value)}", "Map the source's values to the listed ones."
        case "const":
            return f"expected {json.dumps(value, ensure_ascii=False)}", ""
        case "minimum":
            return f"expected at least {value}", ""
        case "exclusiveMinimum":
            return f"expected more than {value}", ""
        case "maximum":
            return f"expected at most {value}", ""
        case "exclusiveMaximum":
            return f"expected less than {value}", ""
        case "multipleOf":
            return f"expected a multiple of {value}", ""
        case "minLength":
            return f"expected at least {value} character{'s' if value != 1 else ''}", ""
        case "maxLength":
            return f"expected at most {value} characters", ""
        case "pattern":
            return f"expected text matching {value}", ""
        case "format":
            example = EXAMPLES.get(str(value))
            return f"expected format {value}", f"It looks like {example}." if example else ""
        case "minItems":
            return f"expected at least {value} item{'s' if value != 1 else ''}", ""
        case "maxItems":
            return f"expected at most {value} items", ""
        case "uniqueItems":
            return "expected items that all differ", ""
        case "contains":
            return "expected an item that fits the schema's 'contains'", ""
        case "minProperties":
            return f"expected at least {value} field{'s' if value != 1 else ''}", ""
        case "maxProperties":
            return f"expected at most {value} fields", ""
        case "required":
            return "required field is missing", "Map a value to it; a null or an empty value does not count."
        case "additionalProperties":
            return "field is not declared, and the schema allows no others here", "Remove it or correct its name."
        case "additionalItems":
            return "the schema allows no further items here", ""
        case "propertyNames":
            return "a field's name does not fit the schema's 'propertyNames'", ""
        case "dependencies":
            return "a field that another one depends on is missing or wrong", ""
        case "anyOf":
            return "fits none of the permitted forms (anyOf)", ""
        case "oneOf":
            return "must fit exactly one of the permitted forms (oneOf)", ""
        case "not":
            return "fits what the schema excludes (not)", ""
    return f"the schema's {keyword} does not hold", ""


NULL = ("null is not accepted", "Leave the field out.")
EMPTY = ("empty text is not accepted", "Leave the field out.")
UNDECIDED = "Write the pattern without nested repetitions, look-around and back references, or shorten the text."
FALSE = ("the schema allows no value here", "Remove it.")
UNKNOWN = ("field is not in the schema", "Remove it, correct its name, or add it to the schema.")

#: JSON Schema keyword -> rule code, where they are not the same in kebab case.
_CODES = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum", "additionalItems": "max-items"}


def code_of(keyword: str) -> str:
    """The rule code of a JSON Schema keyword."""
    if keyword in _CODES:
        return _CODES[keyword]
    return "".join("-" + char.lower() if char.isupper() else char for char in keyword)


__all__ = [
    "EMPTY", "FALSE", "NULL", "UNDECIDED", "UNKNOWN", "as_text", "code_of", "kinds", "limited", "shorten", "wording",
]  # fmt: skip
