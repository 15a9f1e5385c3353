"""What the benchmarks' work sets look like: flat columns, and where each of them goes in the nested record.

One table serves everybody: the schema and the mapping for xdmprep, and the nested expressions of the contestants. A
contestant reads it with :func:`layout_of`, by the header of the CSV it is given, so that every script has the same
call, ``script.py IN OUT``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COUNTRIES = ["US", "DE", "FR", "GB", "JP", "CH"]
CURRENCIES = ["USD", "EUR", "GBP", "JPY", "CHF"]
EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


@dataclass(frozen=True)
class Field:
    """One leaf of the record.

    Attributes:
        path: keys and array positions from the top; ``*`` is an array with one element for each row of a group.
        column: the source column.
        kind: ``text``, ``number``, ``integer``, ``boolean``, ``date`` or ``timestamp`` (``YYYY-MM-DD hh:mm:ss``, UTC);
            ``instant`` is a date-time as Salesforce writes it (``YYYY-MM-DDThh:mm:ss.000Z``); ``year`` and
            ``month-day`` take a part of a date; ``true`` and ``false`` are constants that stand where the column has a
            value; ``json:NAME`` is a member of the object that the column's text holds.
        rules: JSON Schema keywords of the leaf.
    """

    path: tuple[str | int, ...]
    column: str
    kind: str = "text"
    rules: dict[str, Any] = field(default_factory=dict)


def _f(path: str, column: str, kind: str = "text", **rules: Any) -> Field:
    parts = tuple(int(part) if part.isdigit() else part for part in path.split("."))
    return Field(parts, column, kind, rules)


def _identity(namespace: str, at: int, column: str, primary: bool, **rules: Any) -> list[Field]:
    path = f"identityMap.{namespace}.{at}"
    return [
        _f(f"{path}.id", column, minLength=1, **rules),
        _f(f"{path}.primary", column, "true" if primary else "false"),
    ]


CRM = (
    _f("person.name.courtesyTitle", "TITLE", minLength=1, maxLength=32),
    _f("person.name.firstName", "F_NAME", minLength=1, maxLength=64),
    _f("person.name.lastName", "L_NAME", minLength=1, maxLength=64),
    _f("person.gender", "GENDER", enum=["female", "male", "not_specified", "non_specific"]),
    _f("person.birthDayAndMonth", "DOB", "month-day", pattern="^[0-9]{2}-[0-9]{2}$"),
    _f("person.birthDate", "DOB", "date"),
    _f("person.birthYear", "DOB", "year", minimum=1, maximum=32767),
    *_identity("CRMID", 0, "ID1", True),
    *_identity("ECID", 0, "ID2", False),
    *_identity("ECID", 1, "ID4", False),
    *_identity("LOYALTYID", 0, "ID3", False),
    _f("mobilePhone.number", "PHONE", pattern="^[0-9]{3}-[0-9]{3}-[0-9]{4}$"),
    _f("personalEmail.address", "EMAIL", pattern=EMAIL, format="email", maxLength=254),
    _f("homeAddress.street1", "STREET", minLength=1, maxLength=128),
    _f("homeAddress.city", "CITY", minLength=1, maxLength=64),
    _f("homeAddress.stateProvince", "STATE", minLength=1),
    _f("homeAddress.country", "COUNTRY", enum=COUNTRIES),
    _f("homeAddress.postalCode", "ZIP", minLength=2, maxLength=10),
    _f("homeAddress._schema.latitude", "LAT", "number", minimum=-90, maximum=90),
    _f("homeAddress._schema.longitude", "LONG", "number", minimum=-180, maximum=180),
    _f("_acme.loyaltyPoints", "LOYALTY", "integer", minimum=0, maximum=2147483647),
    _f("_acme.optIn", "OPT_IN", "boolean"),
    _f("_repo.createDate", "CREATED_AT", "timestamp"),
)


def _item(at: int) -> list[Field]:
    path, column = f"productListItems.{at}", f"ITEM{at + 1}"
    return [
        _f(f"{path}.SKU", f"{column}_SKU", pattern="^[A-Z]{2}-[0-9]{6}$"),
        _f(f"{path}.name", f"{column}_NAME", minLength=1, maxLength=200),
        _f(f"{path}.quantity", f"{column}_QUANTITY", "integer", minimum=0, maximum=10000),
        _f(f"{path}.priceTotal", f"{column}_PRICE", "number", minimum=0),
        _f(f"{path}.currencyCode", f"{column}_CURRENCY", enum=CURRENCIES),
        _f(f"{path}._acme.category", f"{column}_CATEGORY", minLength=1, maxLength=64),
        _f(f"{path}._acme.discount", f"{column}_DISCOUNT", "number", minimum=0, maximum=100),
    ]


PURCHASES = (
    _f("_id", "EVENT_ID", minLength=1),
    _f("timestamp", "EVENT_TIME", "timestamp"),
    _f("eventType", "EVENT_TYPE", enum=["commerce.purchases", "commerce.checkouts", "commerce.inStorePurchase"]),
    _f("producedBy", "PRODUCED_BY", enum=["self", "system", "salesRef"]),
    *_identity("CRMID", 0, "CUSTOMER_ID", True),
    *_identity("ECID", 0, "ECID", False),
    *_identity("LOYALTYID", 0, "MEMBER_ID", False),
    *_item(0),
    *_item(1),
    *_item(2),
    _f("commerce.order.purchaseID", "ORDER_ID", pattern="^[A-Z0-9-]{4,40}$"),
    _f("commerce.order.purchaseOrderNumber", "ORDER_NUMBER", minLength=1, maxLength=40),
    _f("commerce.order.priceTotal", "ORDER_TOTAL", "number", minimum=0),
    _f("commerce.order.currencyCode", "ORDER_CURRENCY", enum=CURRENCIES),
    _f("commerce.purchases.value", "PURCHASES", "number", minimum=0),
    _f("_acme.store.id", "STORE_ID", pattern="^S[0-9]{4}$"),
    _f("_acme.store.name", "STORE_NAME", minLength=1, maxLength=100),
    _f("_acme.store.city", "STORE_CITY", minLength=1, maxLength=64),
    _f("_acme.store.country", "STORE_COUNTRY", enum=COUNTRIES),
    _f("_acme.store.register", "REGISTER", "integer", minimum=1, maximum=99),
    _f("_acme.loyalty.tier", "TIER", enum=["basic", "silver", "gold"]),
    _f("_acme.loyalty.points", "POINTS", "integer", minimum=0, maximum=1000000),
    _f("_acme.loyalty.member", "IS_MEMBER", "boolean"),
    _f("_acme.campaign.code", "CAMPAIGN", maxLength=40),
    _f("_acme.campaign.source", "SOURCE", maxLength=40),
    _f("_acme.campaign.medium", "MEDIUM", maxLength=40),
    _f("_acme.campaign.content", "CONTENT", maxLength=200),
    _f("_acme.delivery.method", "DELIVERY", enum=["store", "home", "locker"]),
    _f("_acme.delivery.address.street", "SHIP_STREET", minLength=1, maxLength=128),
    _f("_acme.delivery.address.city", "SHIP_CITY", minLength=1, maxLength=64),
    _f("_acme.delivery.address.postalCode", "SHIP_ZIP", minLength=2, maxLength=10),
    _f("_acme.delivery.address.country", "SHIP_COUNTRY", enum=COUNTRIES),
    _f("_acme.delivery.promised", "PROMISED", "date"),
    _f("_acme.delivery.notes", "NOTES", maxLength=2000),
    _f("_acme.review.title", "REVIEW_TITLE", maxLength=200),
    _f("_acme.review.text", "REVIEW", maxLength=4000),
    _f("_acme.review.rating", "RATING", "integer", minimum=1, maximum=5),
    _f("_acme.device.type", "DEVICE", enum=["mobile", "desktop", "till"]),
    _f("_acme.device.system", "SYSTEM", maxLength=40),
    _f("_acme.device.language", "LANGUAGE", pattern="^[a-z]{2}-[A-Z]{2}$"),
    _f("_acme.cart.id", "CART_ID", minLength=1, maxLength=64),
    _f("_acme.cart.created", "CART_CREATED", "timestamp"),
)

CONTACTS = (
    *_identity("SalesforceContact", 0, "Id", True),
    *_identity("Email", 0, "Email", False),
    _f("person.name.courtesyTitle", "Salutation", enum=["Mr.", "Ms.", "Mrs.", "Dr.", "Prof."]),
    _f("person.name.firstName", "FirstName", minLength=1, maxLength=40),
    _f("person.name.lastName", "LastName", minLength=1, maxLength=80),
    _f("person.birthDate", "Birthdate", "date"),
    _f("personalEmail.address", "Email", pattern=EMAIL, format="email", maxLength=80),
    _f("mobilePhone.number", "MobilePhone", maxLength=40),
    _f("workPhone.number", "Phone", maxLength=40),
    _f("workAddress.street1", "MailingStreet", maxLength=255),
    _f("workAddress.city", "MailingCity", maxLength=40),
    _f("workAddress.stateProvince", "MailingState", maxLength=80),
    _f("workAddress.postalCode", "MailingPostalCode", maxLength=20),
    _f("workAddress.country", "MailingCountry", enum=COUNTRIES),
    _f("_acme.account.id", "AccountId", pattern="^001[A-Za-z0-9]{15}$"),
    _f("_acme.account.owner", "OwnerId", pattern="^005[A-Za-z0-9]{15}$"),
    _f("_acme.account.revenue", "AnnualRevenue__c", "number", minimum=0),
    _f("_acme.job.title", "Title", maxLength=128),
    _f("_acme.job.department", "Department", maxLength=80),
    _f("_acme.leadSource", "LeadSource", enum=["Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other"]),
    _f("_acme.score", "Score__c", "integer", minimum=0, maximum=100),
    _f("_acme.consent.noEmail", "HasOptedOutOfEmail", "boolean"),
    _f("_acme.consent.noCalls", "DoNotCall", "boolean"),
    _f("_acme.description", "Description", maxLength=32000),
    _f("_acme.lastActivity", "LastActivityDate", "date"),
    _f("_repo.createDate", "CreatedDate", "instant"),
    _f("_repo.modifyDate", "LastModifiedDate", "instant"),
)

#: One row is a line of an order; an order's head is in all of its rows.
ORDERS = (
    _f("_id", "ORDER_ID", minLength=1),
    _f("timestamp", "ORDERED_AT", "timestamp"),
    _f("eventType", "EVENT_TYPE", enum=["commerce.purchases"]),
    _f("identityMap.CRMID.0.id", "CUSTOMER", "json:id", minLength=1),
    _f("identityMap.CRMID.0.primary", "CUSTOMER", "true"),
    _f("_acme.customer.email", "CUSTOMER", "json:email", pattern=EMAIL),
    _f("_acme.customer.tier", "CUSTOMER", "json:tier", enum=["basic", "silver", "gold"]),
    _f("_acme.shipping.city", "SHIPPING", "json:city", maxLength=64),
    _f("_acme.shipping.postalCode", "SHIPPING", "json:zip", maxLength=10),
    _f("_acme.shipping.country", "SHIPPING", "json:country", enum=COUNTRIES),
    _f("commerce.order.purchaseID", "ORDER_ID", maxLength=40),
    _f("commerce.order.priceTotal", "ORDER_TOTAL", "number", minimum=0),
    _f("commerce.order.currencyCode", "CURRENCY", enum=CURRENCIES),
    _f("productListItems.*.SKU", "SKU", pattern="^[A-Z]{2}-[0-9]{6}$"),
    _f("productListItems.*.name", "PRODUCT", minLength=1, maxLength=200),
    _f("productListItems.*.quantity", "QUANTITY", "integer", minimum=0, maximum=10000),
    _f("productListItems.*.priceTotal", "LINE_TOTAL", "number", minimum=0),
    _f("productListItems.*._acme.line", "LINE", "integer", minimum=1),
)

LAYOUTS = {"crm": CRM, "purchases": PURCHASES, "contacts": CONTACTS, "orders": ORDERS}

#: Work sets of which several rows make a record: the column whose equal values bring them together, and their order.
GROUPS = {"orders": ("ORDER_ID", "LINE")}

#: Source columns as the SQL engines read them; parts of a date and constants come from a column that is read already.
COLUMN_KINDS = ("text", "number", "integer", "boolean", "date", "timestamp")


def columns(layout: tuple[Field, ...]) -> dict[str, str]:
    """Source column -> its kind, in the order of the layout."""
    found: dict[str, str] = {}
    for leaf in layout:
        if leaf.kind in COLUMN_KINDS and found.get(leaf.column, "text") == "text":
            found[leaf.column] = leaf.kind
        else:
            found.setdefault(leaf.column, "text")
    return found


def header(path: str | Path) -> list[str]:
    """The column names of a CSV file."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        return next(csv.reader(file))


def name_of(path: str | Path) -> str:
    """The work set that a CSV file holds, told by its header."""
    names = set(header(path))
    for name, layout in LAYOUTS.items():
        if set(columns(layout)) == names:
            return name
    raise SystemExit(f"{path}: the header is that of no work set ({', '.join(LAYOUTS)}).")


def layout_of(path: str | Path) -> tuple[Field, ...]:
    """The layout of the work set that a CSV file holds."""
    return LAYOUTS[name_of(path)]


def is_dirty(path: str | Path) -> bool:
    """Whether a file has values that do not parse, so that a contestant must read it as text and cast with care."""
    return "faulty" in Path(path).name


Tree = dict[Any, Any]


def tree(layout: tuple[Field, ...]) -> Tree:
    """The layout as nested dicts with a Field at each leaf; an array is a dict whose keys are 0, 1, ..."""
    root: Tree = {}
    for leaf in layout:
        node = root
        for part in leaf.path[:-1]:
            node = node.setdefault(part, {})
        node[leaf.path[-1]] = leaf
    return root


def is_array(node: Tree) -> bool:
    """Whether a node of the tree is an array."""
    return all(isinstance(key, int) or key == "*" for key in node)


def guards(node: Tree) -> Iterator[Field]:
    """The leaves below a node whose presence makes the node stand: all but constants."""
    for member in node.values():
        if isinstance(member, Field):
            if member.kind not in ("true", "false"):
                yield member
        else:
            yield from guards(member)
