"""What expressions give, as values to compare."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pyarrow as pa

from xdmprep.language.columns import Column
from xdmprep.language.shapes import to_python
from xdmprep.language.values import leaves_changed
from xdmprep.language.zoned_datetime import Moment


def outgoing(value: Any) -> Any:
    """A value of the language with its moments as datetimes."""
    return leaves_changed(value, lambda leaf: leaf.at if isinstance(leaf, Moment) else leaf)


def values_of(got: Column) -> list[Any]:
    """The values that an expression gave for a batch, as Python has them."""
    try:
        return list(map(outgoing, to_python(got.values)))
    except TypeError:  # a column of the source that is passed on, in a type of its own
        return list(got.values.to_pylist(maps_as_pydicts="strict"))


def errors_of(got: Column) -> list[tuple[int, str]]:
    """The positions of the rows on which an expression failed, each with the reason."""
    if got.open is None or got.why is None:
        return []
    return [(at, got.why[at].as_py()) for at in got.open.nonzero()[0].tolist()]


def fits(value: Any, kind: pa.DataType) -> bool:
    """Whether a value of a row is one of a type, as Python has it; integers are among the doubles."""
    if value is None:
        return True
    if pa.types.is_list(kind):
        return isinstance(value, list) and all(fits(item, kind.value_type) for item in value)
    if pa.types.is_map(kind):
        return isinstance(value, dict) and all(fits(item, kind.item_type) for item in value.values())
    if pa.types.is_struct(kind):
        known = {field.name for field in kind}
        return isinstance(value, dict) and known >= set(value) and all(fits(value.get(f.name), f.type) for f in kind)
    if pa.types.is_timestamp(kind):
        return isinstance(value, datetime)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return type(value) in (int, float) or type(value).__name__ == "Decimal"
    if pa.types.is_date(kind):
        return type(value) is date
    wanted = str if pa.types.is_string(kind) else bool if pa.types.is_boolean(kind) else int
    return type(value) is wanted and (wanted is not int or pa.types.is_integer(kind))
