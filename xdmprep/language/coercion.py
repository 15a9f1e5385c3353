"""Values to the type of their destination, as the platform converts them.

Clean columns are converted by Arrow and numpy; what does not fit goes once per distinct value through
:func:`coerce_value`, which is the reference for one value.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from .catalogue import Context
from .javatime import read_date
from .moment import Moment
from .options import DEFAULT, Options
from .values import Failed, kind_of, number_in, text_of

Positions = np.ndarray[Any, np.dtype[np.int64]]

TRUE = frozenset({"y", "yes", "Y", "YES", "on", "ON", "true", "TRUE"})
FALSE = frozenset({"n", "no", "N", "NO", "off", "OFF", "false", "FALSE"})


def coerce(values: pa.Array | list[Any], target: pa.DataType, options: Options = DEFAULT) -> tuple[pa.Array, Positions]:
    """`values` as an array of exactly `target`, and the 0-based positions of those that did not fit (now null)."""
    items = values if isinstance(values, list) else values.to_pylist()
    out, bad = [], []
    for i, item in enumerate(items):
        try:
            out.append(coerce_value(item, target, options))
        except Failed:
            out.append(None)
            bad.append(i)
    return pa.array(out, target), np.asarray(bad, dtype=np.int64)


def coerce_value(value: Any, target: pa.DataType, options: Options = DEFAULT) -> Any:
    """One value as `target` holds it: str, int, float, bool, date, datetime, list, dict.

    Raises:
        Failed: it does not fit.
    """
    if value is None:
        return None
    if pa.types.is_string(target):
        return _text(value)
    if pa.types.is_integer(target):
        return _integer(value, target)
    if pa.types.is_floating(target):
        return _double(value)
    if pa.types.is_boolean(target):
        return _boolean(value, options)
    if pa.types.is_date(target):
        return _moment(value, options).at.date()
    if pa.types.is_timestamp(target):
        return _moment(value, options).at.astimezone(UTC)
    if pa.types.is_list(target):
        items = value if isinstance(value, list) else [value]
        return [coerce_value(item, target.value_type, options) for item in items]
    if pa.types.is_struct(target) and isinstance(value, dict):
        return {f.name: coerce_value(value.get(f.name), f.type, options) for f in target}
    if pa.types.is_map(target) and isinstance(value, dict):
        return [(text_of(key), coerce_value(item, target.item_type, options)) for key, item in value.items()]
    raise Failed(f"{kind_of(value)} does not fit {target}")


def _text(value: Any) -> str:
    if isinstance(value, list | dict):
        raise Failed(f"{kind_of(value)} is no text")
    if isinstance(value, datetime):
        return str(Moment.of(value))
    return value.isoformat() if isinstance(value, date) else text_of(value)


def _integer(value: Any, target: pa.DataType) -> int:
    found: Any = value
    if isinstance(value, str):
        found = number_in(value)
        if isinstance(found, float):
            found = None
    elif isinstance(value, float) and value.is_integer():
        found = int(value)
    if isinstance(found, bool) or not isinstance(found, int):
        raise Failed(f"{text_of(value)[:80]!r} is not a whole number")
    bits = target.bit_width - 1
    if not -(1 << bits) <= found < 1 << bits:
        raise Failed(f"{found} does not fit in {target.bit_width} bits")
    return found


def _double(value: Any) -> float:
    found = number_in(value) if isinstance(value, str) else value
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        raise Failed(f"{text_of(value)[:80]!r} is not a number")
    return float(found)


def _boolean(value: Any, options: Options) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        if value in TRUE or value in FALSE:
            return value in TRUE
        if options.booleans == "lenient":
            lower = value.lower()
            if lower in TRUE or lower in ("1", "t"):
                return True
            if lower in FALSE or lower in ("0", "f"):
                return False
    raise Failed(f"{text_of(value)[:80]!r} is not a boolean")


def _moment(value: Any, options: Options) -> Moment:
    if isinstance(value, Moment):
        return value
    if isinstance(value, date):
        return Moment.of(value)
    if isinstance(value, str):
        return read_date(value, options)
    raise Failed(f"{kind_of(value)} is no date")


__all__ = ["Context", "Positions", "coerce", "coerce_value"]
