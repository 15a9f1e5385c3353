"""Adobe Analytics functions: the event list and the products string.

An event list is ``event1,event2=value:id``.  A products string is
``category;product;quantity;price;events;eVars``, products parted by commas, events and eVars by pipes.  On the platform
these functions are offered for Web SDK and Analytics sources.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from ..catalogue import Context, function, text

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


def _event_function(name: str, meaning: str, gives: str) -> Callable[..., Any]:
    return function(
        f"{name}(events, event)", meaning, f'{name}("event101=5:123456,scOpen", "event101")', gives,
        category="analytics", result=pa.string(),
    )  # fmt: skip


@_event_function("aa_get_event_id", "The id of an event in an event list; null without one.", "123456")
def aa_get_event_id(ctx: Context, events: Any, event: Any) -> str | None:
    found = None if events is None or event is None else _event(text(events), ",", text(event))
    return None if found is None else found[1]


@_event_function("aa_get_event_value", "The value of an event in an event list; 1 where none is given.", "5")
def aa_get_event_value(ctx: Context, events: Any, event: Any) -> str | None:
    found = None if events is None or event is None else _event(text(events), ",", text(event))
    return None if found is None else found[0] or "1"


def _products(value: Any) -> list[list[str]] | None:
    if value is None:
        return None
    here = text(value)
    return [product.split(";") for product in here.split(",")] if here else []


def _part(product: list[str], at: int) -> str | None:
    return product[at].strip() or None if at < len(product) else None


def _part_function(name: str, at: int, meaning: str, gives: list[str | None], **more: Any) -> None:
    @function(
        f"{name}(products)", meaning, f'{name}("{_PRODUCTS}")', gives, category="analytics", result=_TEXTS, **more
    )
    def run(ctx: Context, value: Any) -> list[str | None] | None:
        products = _products(value)
        return None if products is None else [_part(product, at) for product in products]


_part_function("aa_get_product_categories", 0, "The category of each product.", [None, "Example category 2"])
_part_function("aa_get_product_names", 1, "The name of each product.", ["Example product 1", "Example product 2"])
_part_function(
    "aa_get_product_quantity", 2, "The quantity of each product.", ["1", None], aliases=("aa_get_product_quantities",)
)
_part_function(
    "aa_get_product_price", 3, "The price of each product.", ["3.50", None], aliases=("aa_get_product_prices",)
)


def _found(value: Any, wanted: Any, at: int) -> list[tuple[str | None, str | None] | None] | None:
    products = _products(value)
    if products is None or wanted is None:
        return None
    return [_event(_part(product, at) or "", "|", text(wanted)) for product in products]


@function(
    "aa_get_product_event_values(products, event)", "The value of an event for each product.",
    f'aa_get_product_event_values("{_EVENTS}", "event2")', ["5", "2"], category="analytics", result=_TEXTS,
)  # fmt: skip
def aa_get_product_event_values(ctx: Context, value: Any, event: Any) -> list[str | None] | None:
    found = _found(value, event, 4)
    return None if found is None else [None if each is None else each[0] or "1" for each in found]


_HIDDEN = "left out of the published list; read from its commented-out entry"


@function(
    "aa_get_product_event_ids(products, event)", "The id of an event for each product.",
    f'aa_get_product_event_ids("{_EVENTS}", "event2")', ["1", "2"], category="analytics", result=_TEXTS,
    reason=_HIDDEN,
)  # fmt: skip
def aa_get_product_event_ids(ctx: Context, value: Any, event: Any) -> list[str | None] | None:
    found = _found(value, event, 4)
    return None if found is None else [None if each is None else each[1] for each in found]


@function(
    "aa_get_product_events(products, event)", "Id and value of an event for each product that has it.",
    f'aa_get_product_events("{_EVENTS}", "event2")', [{"id": "1", "value": "5"}, {"id": "2", "value": "2"}],
    category="analytics", reason=_HIDDEN,
)  # fmt: skip
def aa_get_product_events(ctx: Context, value: Any, event: Any) -> list[dict[str, str | None]] | None:
    found = _found(value, event, 4)
    return None if found is None else [{"id": each[1], "value": each[0] or "1"} for each in found if each is not None]


@function(
    "aa_get_product_evars(products, evar)", "The value of a merchandising eVar for each product.",
    'aa_get_product_evars(";A;1;4.20;;eVar1=red|eVar2=x,;B;1;2;;eVar1=blue", "eVar1")', ["red", "blue"],
    category="analytics", result=_TEXTS,
)  # fmt: skip
def aa_get_product_evars(ctx: Context, value: Any, evar: Any) -> list[str | None] | None:
    products = _products(value)
    if products is None or evar is None:
        return None
    wanted = text(evar) + "="
    return [
        next((item.strip()[len(wanted) :] or None for item in (_part(product, 5) or "").split("|")
              if item.strip().startswith(wanted)), None)
        for product in products
    ]  # fmt: skip
