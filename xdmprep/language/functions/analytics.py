"""Adobe Analytics functions: the event list and the products string.

An event list is ``event1,event2=value:id``.  A products string is
``category;product;quantity;price;events;eVars``, products parted by commas, events and eVars by pipes.  On the platform
these functions are offered for Web SDK and Analytics sources.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from operator import itemgetter
from typing import Any

import pyarrow as pa

from ..catalogue import Context, function, text

_function = partial(function, category="analytics")
_TEXTS = pa.list_(pa.string())
_PRODUCTS = ";Example product 1;1;3.50,Example category 2;Example product 2"
_EVENTS = ";Example product 1;1;4.20;event1=2.3|event2=5:1,;Example product 2;1;4.20;event1=3|event2=2:2"


def _event(items: str, separator: str, wanted: str) -> tuple[str | None, str | None] | None:
    """Value and id of an event (or eVar) in a list; None where it is not in it."""
    for item in items.split(separator):
        name, _, rest = item.strip().partition("=")
        if "=" not in item:
            name, _, ident = name.partition(":")
            rest = ":" + ident if ident else ""
        if name.strip() == wanted:
            value, _, ident = rest.partition(":")
            return value or None, ident or None
    return None


def _event_function(name: str, meaning: str, gives: str, give: Callable[[Any], str | None]) -> None:
    @_function(f"{name}(events, event)", meaning, f'{name}("event101=5:123456,scOpen", "event101")', gives,
               nulls=(0, 1), result=pa.string())  # fmt: skip
    def run(ctx: Context, events: Any, event: Any) -> str | None:
        found = _event(text(events), ",", text(event))
        return None if found is None else give(found)


def _value(found: tuple[str | None, str | None]) -> str:
    return found[0] or "1"


_event_function("aa_get_event_id", "The id of an event in an event list; null without one.", "123456", itemgetter(1))
_event_function("aa_get_event_value", "The value of an event in an event list; 1 where none is given.", "5", _value)


def _products(value: Any) -> list[list[str]]:
    here = text(value)
    return [product.split(";") for product in here.split(",")] if here else []


def _part(product: list[str], at: int) -> str | None:
    return product[at].strip() or None if at < len(product) else None


def _part_function(name: str, at: int, meaning: str, gives: list[str | None], **more: Any) -> None:
    @_function(f"{name}(products)", meaning, f'{name}("{_PRODUCTS}")', gives, nulls=(0,), result=_TEXTS, **more)
    def run(ctx: Context, value: Any) -> list[str | None]:
        return [_part(product, at) for product in _products(value)]


_part_function("aa_get_product_categories", 0, "The category of each product.", [None, "Example category 2"])
_part_function("aa_get_product_names", 1, "The name of each product.", ["Example product 1", "Example product 2"])
_part_function("aa_get_product_quantity", 2, "The quantity of each product.", ["1", None],
               aliases=("aa_get_product_quantities",))  # fmt: skip
_part_function("aa_get_product_price", 3, "The price of each product.", ["3.50", None],
               aliases=("aa_get_product_prices",))  # fmt: skip


def _product_events(
    signature: str, meaning: str, gives: list[Any], give: Callable[[list[Any]], Any], **more: Any
) -> None:
    example = f'{signature.partition("(")[0]}("{_EVENTS}", "event2")'

    @_function(signature, meaning, example, gives, nulls=(0, 1), **more)
    def run(ctx: Context, value: Any, event: Any) -> Any:
        return give([_event(_part(product, 4) or "", "|", text(event)) for product in _products(value)])


_HIDDEN = "left out of the published list; read from its commented-out entry"
_product_events("aa_get_product_event_values(products, event)", "The value of an event for each product.", ["5", "2"],
                lambda found: [None if each is None else _value(each) for each in found], result=_TEXTS)  # fmt: skip
_product_events("aa_get_product_event_ids(products, event)", "The id of an event for each product.", ["1", "2"],
                lambda found: [None if each is None else each[1] for each in found],
                result=_TEXTS, reason=_HIDDEN)  # fmt: skip
_product_events("aa_get_product_events(products, event)", "Id and value of an event for each product that has it.",
                [{"id": "1", "value": "5"}, {"id": "2", "value": "2"}],
                lambda found: [{"id": each[1], "value": _value(each)} for each in found if each is not None],
                reason=_HIDDEN)  # fmt: skip


@_function("aa_get_product_evars(products, evar)", "The value of a merchandising eVar for each product.",
           'aa_get_product_evars(";A;1;4.20;;eVar1=red|eVar2=x,;B;1;2;;eVar1=blue", "eVar1")', ["red", "blue"],
           nulls=(0, 1), result=_TEXTS)  # fmt: skip
def aa_get_product_evars(ctx: Context, value: Any, evar: Any) -> list[str | None]:
    wanted = text(evar) + "="
    items = [[item.strip() for item in (_part(product, 5) or "").split("|")] for product in _products(value)]
    return [next((item[len(wanted) :] or None for item in each if item.startswith(wanted)), None) for each in items]
