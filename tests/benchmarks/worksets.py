"""The benchmarks' input: ``python tests/benchmarks/worksets.py SET ROWS FOLDER [--faulty PCT]``.

Work sets, made with numpy and Arrow at about a million rows in a few seconds:

``crm``
    21 columns like a CRM export: about 10 % nulls, names outside ASCII, 1 % of the streets with characters that JSON
    must escape, postal codes with leading zeros, 38-digit identities, numbers, booleans, dates and times.
``objects``
    The rows and the schema of `crm`, with a mapping that makes identities and groups of fields as calculated objects:
    ``to_array(false, iif(ID2 != null && ID2 != "", to_object("id", ID2, "primary", false), null), ...)``.
``purchases``
    60 columns: an event with up to three products, an order, tenant objects nested three deep, and long texts of which
    most need escapes.
``purchase-objects``
    The same for `purchases`: its products as one ``to_array(false, to_object(...), ...)``.
``contacts``
    25 columns like a Salesforce contact export: ids of 18 characters, date-times with milliseconds and ``Z``, empty
    standard fields, custom fields (``__c``), and a long description.
``orders``
    Lines of orders, three to an order on average, grouped by order (``$group_by``); customer and address are objects of
    JSON in two text columns, in all rows of the order.

Beside ``SET-ROWS.csv`` stand the schema (``SET.schema.json``, about 30 constraints in `crm`, more in `purchases`) and
the mapping (``SET.mapping.yaml``). The same command makes the same bytes.

With ``--faulty PCT`` that share of the rows has one fault each, of ten kinds: an unknown code, a wrong pattern, a
number out of range or unreadable, an impossible date, a text too long, a missing identity. The file is then
``SET-ROWS-faultyPCT.csv``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import yaml
from layout import CURRENCIES, GROUPS, LAYOUTS, Field, Tree, columns, is_array, tree

CHUNK = 200_000

FIRST = (
    "Ana Noah Chloé Maëlle Łukasz Søren 美咲 Иван Priya Thandiwe Mateo Jürgen Liam Emma Peter Grace Olivia Kofi".split()
)
LAST = [
    "Lindqvist",
    "O'Brien",
    "Müller",
    "García",
    "Nguyễn",
    "Smith",
    "Lee",
    "van der Berg",
    "佐藤",
    "Silva",
    "Kowalski",
]
STREETS = ["Harbour Lane", "Orchard Crossing", "Main Street", "Rue de la Paix", "Königstraße", "Elm Court Flat 4"]
ESCAPED = ['12 "Old Mill" Lane', "C:\\maps\\route", "3 Quay\tRear", 'Flat 5 \\"B\\"']
CITIES = ["Duluth", "Boise", "San José", "Zürich", "Paris", "Austin", "New York", "München", "東京", "Mérida"]
STATES = ["Alabama", "North Carolina", "California", "Île-de-France", "Bayern", "Texas", "Québec"]
COUNTRY = ["US", "US", "US", "DE", "FR", "GB", "JP", "CH"]
HOSTS = ["example.com", "example.org", "mail.example.net", "post.example.co.uk"]
WORDS = (
    'the parcel came late but well packed\tand the colour is as shown | she said "lovely" twice | path C:\\gifts\\2 | '
    'größer als gedacht | très belle qualité | would buy again, "maybe" | 5" screen, 3\\4 full | leave at no. 7'
).split(" | ")


class Maker:
    """Columns of `count` random values; `first` is the number of the first row."""

    def __init__(self, rng: np.random.Generator, first: int, count: int) -> None:
        self.rng, self.first, self.count = rng, first, count

    def pick(self, values: list[str]) -> Any:
        """One of the values."""
        return pa.array(values).take(pa.array(self.rng.integers(0, len(values), self.count)))

    def whole(self, low: int, high: int) -> Any:
        """Whole numbers."""
        return pa.array(self.rng.integers(low, high, self.count))

    def text(self, numbers: Any, width: int = 0) -> Any:
        """Numbers as text, padded with zeros."""
        return pc.utf8_lpad(numbers.cast(pa.string()), width, "0")

    def digits(self, count: int) -> Any:
        """Texts of so many digits, an even number up to 38, the first not zero."""
        half = count // 2
        low, high = 10 ** (half - 1), min(10**half, 2**63 - 1)
        return self.join(self.text(self.whole(low, high)), self.text(self.whole(low, high)))

    def join(self, *parts: Any, by: str = "") -> Any:
        """Texts joined."""
        return pc.binary_join_element_wise(*parts, by)

    def number(self) -> Any:
        """The row's number as text."""
        return self.text(pa.array(np.arange(self.first, self.first + self.count)), 10)

    def money(self, high: int) -> Any:
        """Amounts with two decimals."""
        return pa.array(self.rng.integers(0, high * 100, self.count) / 100)

    def yes(self) -> Any:
        """True or false."""
        return pa.array(self.rng.random(self.count) < 0.5)

    def day(self) -> Any:
        """Days of 1940 to 2005 as text."""
        return (
            pa.array(self.rng.integers(-10957, 13000, self.count).astype("int32")).cast(pa.date32()).cast(pa.string())
        )

    def time(self) -> Any:
        """Times of 2020 to 2024 as text."""
        seconds = self.rng.integers(1_577_836_800, 1_735_689_600, self.count)
        return pc.strftime(pa.array(seconds).cast(pa.timestamp("s")), "%Y-%m-%d %H:%M:%S")

    def some(self, values: Any, absent: float | Any = 0.1) -> Any:
        """The values, some of them null: a share, or where a mask says so."""
        mask = pa.array(self.rng.random(self.count) < absent) if isinstance(absent, float) else absent
        return pc.if_else(mask, pa.scalar(None, values.type), values)

    def streets(self) -> Any:
        """Streets with numbers, 1 % with characters to escape."""
        plain = self.join(self.text(self.whole(1, 9999)), self.pick(STREETS), by=" ")
        return pc.if_else(pa.array(self.rng.random(self.count) < 0.01), self.pick(ESCAPED), plain)

    def prose(self, sentences: int) -> Any:
        """Long texts, most of them with characters to escape."""
        return self.join(*(self.pick(WORDS) for _ in range(sentences)), by=". ")


def crm(make: Maker) -> dict[str, Any]:
    """Columns of the CRM work set."""
    homeless = pa.array(make.rng.random(make.count) < 0.03)

    def home(values: Any, absent: float = 0.1) -> Any:
        return make.some(make.some(values, absent), homeless)

    return {
        "TITLE": make.some(make.pick(["Mr", "Mrs", "Ms", "Dr", "Rev", "Honorable"]), 0.3),
        "F_NAME": make.some(make.pick(FIRST), 0.02),
        "L_NAME": make.some(make.pick(LAST), 0.02),
        "GENDER": make.some(make.pick(["male", "female", "non_specific", "not_specified"])),
        "DOB": make.some(make.day()),
        "EMAIL": make.some(make.join(make.join(pa.scalar("user"), make.number()), make.pick(HOSTS), by="@")),
        "ID1": make.join(make.digits(8), make.digits(4), make.digits(4), make.number(), by="-"),
        "ID2": make.some(make.digits(38)),
        "ID3": make.some(make.join(pa.scalar("2e33"), make.digits(12), pa.scalar("-0365c"), make.digits(10)), 0.3),
        "ID4": make.some(make.digits(38), 0.5),
        "PHONE": make.some(
            make.join(make.text(make.whole(200, 999)), make.text(make.whole(200, 999)), make.digits(4), by="-")
        ),
        "STREET": home(make.streets()),
        "CITY": home(make.pick(CITIES)),
        "STATE": home(make.pick(STATES)),
        "COUNTRY": home(make.pick(COUNTRY), 0.05),
        "ZIP": home(make.text(make.whole(0, 99999), 5)),
        "LAT": home(pa.array(make.rng.integers(-90_000_000, 90_000_000, make.count) / 1e6)),
        "LONG": home(pa.array(make.rng.integers(-1_800_000_000, 1_800_000_000, make.count) / 1e7)),
        "LOYALTY": make.some(make.whole(0, 250_000)),
        "OPT_IN": make.some(make.yes()),
        "CREATED_AT": make.some(make.time(), 0.05),
    }


def purchases(make: Maker) -> dict[str, Any]:
    """Columns of the work set of purchase events."""
    letters = ["AB", "CD", "KX", "ZZ"]
    many = make.rng.integers(0, 4, make.count)
    out = {
        "EVENT_ID": make.join(pa.scalar("evt"), make.number(), by="-"),
        "EVENT_TIME": make.time(),
        "EVENT_TYPE": make.pick(["commerce.purchases", "commerce.checkouts", "commerce.inStorePurchase"]),
        "PRODUCED_BY": make.some(make.pick(["self", "system", "salesRef"])),
        "CUSTOMER_ID": make.join(pa.scalar("C"), make.digits(12)),
        "ECID": make.some(make.digits(38), 0.3),
        "MEMBER_ID": make.some(make.digits(16), 0.3),
    }
    for at in range(3):
        gone, name = pa.array(many <= at), f"ITEM{at + 1}"
        out |= {
            f"{name}_SKU": make.some(make.join(make.pick(letters), make.digits(6), by="-"), gone),
            f"{name}_NAME": make.some(make.join(make.pick(FIRST), make.pick(STREETS), by=" "), gone),
            f"{name}_QUANTITY": make.some(make.whole(1, 20), gone),
            f"{name}_PRICE": make.some(make.money(5000), gone),
            f"{name}_CURRENCY": make.some(make.pick(CURRENCIES), gone),
            f"{name}_CATEGORY": make.some(make.some(make.pick(["home", "garden", "books", "vêtements"])), gone),
            f"{name}_DISCOUNT": make.some(make.some(make.money(100), 0.5), gone),
        }
    shipped = pa.array(make.rng.random(make.count) < 0.4)
    out |= {
        "ORDER_ID": make.join(pa.scalar("ORD"), make.digits(12), by="-"),
        "ORDER_NUMBER": make.some(make.digits(8), 0.5),
        "ORDER_TOTAL": make.some(make.money(20000)),
        "ORDER_CURRENCY": make.some(make.pick(CURRENCIES)),
        "PURCHASES": pa.array(np.ones(make.count, dtype="int64")),
        "STORE_ID": make.some(make.join(pa.scalar("S"), make.digits(4)), 0.3),
        "STORE_NAME": make.some(make.pick(CITIES), 0.3),
        "STORE_CITY": make.some(make.pick(CITIES), 0.3),
        "STORE_COUNTRY": make.some(make.pick(COUNTRY), 0.3),
        "REGISTER": make.some(make.whole(1, 99), 0.3),
        "TIER": make.some(make.pick(["basic", "silver", "gold"])),
        "POINTS": make.some(make.whole(0, 100_000)),
        "IS_MEMBER": make.some(make.yes()),
        "CAMPAIGN": make.some(make.join(pa.scalar("spring"), make.digits(4), by="-"), 0.6),
        "SOURCE": make.some(make.pick(["newsletter", "search", "partner"]), 0.6),
        "MEDIUM": make.some(make.pick(["email", "cpc", "banner"]), 0.6),
        "CONTENT": make.some(make.prose(1), 0.6),
        "DELIVERY": make.some(make.pick(["store", "home", "locker"])),
        "SHIP_STREET": make.some(make.streets(), shipped),
        "SHIP_CITY": make.some(make.pick(CITIES), shipped),
        "SHIP_ZIP": make.some(make.text(make.whole(0, 99999), 5), shipped),
        "SHIP_COUNTRY": make.some(make.pick(COUNTRY), shipped),
        "PROMISED": make.some(make.day(), shipped),
        "NOTES": make.some(make.prose(6), 0.3),
        "REVIEW_TITLE": make.some(make.prose(1), 0.5),
        "REVIEW": make.some(make.prose(12), 0.5),
        "RATING": make.some(make.whole(1, 6), 0.5),
        "DEVICE": make.some(make.pick(["mobile", "desktop", "till"])),
        "SYSTEM": make.some(make.pick(["Android 16", "iOS 19", "Windows", "Linux"])),
        "LANGUAGE": make.some(make.pick(["en-US", "de-DE", "fr-FR", "ja-JP"])),
        "CART_ID": make.some(make.digits(20), 0.2),
        "CART_CREATED": make.some(make.time(), 0.2),
    }
    return out


def contacts(make: Maker) -> dict[str, Any]:
    """Columns of the Salesforce contact export."""

    def instant() -> Any:
        return pc.binary_join_element_wise(pc.replace_substring(make.time(), " ", "T"), ".000Z", "")

    phone = make.join(pa.scalar("+1 "), make.text(make.whole(200, 999)), pa.scalar("-555-"), make.digits(4))
    owners = [f"0058d00000{number:05d}AAC" for number in range(40)]
    return {
        "Id": make.join(pa.scalar("0038d0"), make.number(), pa.scalar("AA"), by=""),
        "AccountId": make.join(pa.scalar("0018d0"), make.text(make.whole(0, 50_000), 10), pa.scalar("AQ")),
        "OwnerId": make.pick(owners),
        "Salutation": make.some(make.pick(["Mr.", "Ms.", "Mrs.", "Dr.", "Prof."]), 0.4),
        "FirstName": make.some(make.pick(FIRST), 0.05),
        "LastName": make.pick(LAST),
        "Birthdate": make.some(make.day(), 0.7),
        "Email": make.some(make.join(make.join(pa.scalar("c."), make.number()), make.pick(HOSTS), by="@")),
        "MobilePhone": make.some(phone, 0.5),
        "Phone": make.some(phone, 0.2),
        "Title": make.some(
            make.pick(["CEO", "Buyer", "VP, Purchasing", "Einkäufer", 'Head of "Special" Projects']), 0.3
        ),
        "Department": make.some(make.pick(["Finance", "Purchasing", "IT & Ops", "R&D"]), 0.6),
        "LeadSource": make.some(
            make.pick(["Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other"]), 0.5
        ),
        "MailingStreet": make.some(make.streets(), 0.2),
        "MailingCity": make.some(make.pick(CITIES), 0.2),
        "MailingState": make.some(make.pick(STATES), 0.4),
        "MailingPostalCode": make.some(make.text(make.whole(0, 99999), 5), 0.2),
        "MailingCountry": make.some(make.pick(COUNTRY), 0.2),
        "HasOptedOutOfEmail": make.yes(),
        "DoNotCall": make.yes(),
        "Description": make.some(make.prose(4), 0.6),
        "Score__c": make.some(make.whole(0, 101), 0.3),
        "AnnualRevenue__c": make.some(make.money(5_000_000), 0.6),
        "LastActivityDate": make.some(make.day(), 0.4),
        "CreatedDate": instant(),
        "LastModifiedDate": instant(),
    }


def orders(make: Maker) -> dict[str, Any]:
    """Lines of orders.  What stands in the head of an order depends on its number alone, so that all lines agree."""
    rows = np.arange(make.first, make.first + make.count)
    order, line = rows // 6 * 2 + (rows % 6 >= 2), np.where(rows % 6 < 2, rows % 6, rows % 6 - 2) + 1

    def head(values: list[str], step: int) -> Any:
        return pa.array(values).take(pa.array(order * step % len(values)))

    number = make.text(pa.array(order), 9)
    person = make.join(pa.scalar('{"id": "C'), make.text(pa.array(order * 7919 % 400_000), 8))
    customer = make.join(person, pa.scalar('", "email": "c'), number, pa.scalar('@example.com", "tier": "'))
    place = make.join(
        pa.scalar('{"city": "'), head(CITIES, 3), pa.scalar('", "zip": "'), make.text(pa.array(order % 99991), 5)
    )
    seconds = pa.array(1_700_000_000 + order * 37 % 31_536_000).cast(pa.timestamp("s"))
    return {
        "ORDER_ID": make.join(pa.scalar("ORD-"), number),
        "ORDERED_AT": pc.strftime(seconds, "%Y-%m-%d %H:%M:%S"),
        "EVENT_TYPE": make.pick(["commerce.purchases"]),
        "CUSTOMER": make.join(customer, head(["basic", "silver", "gold"], 5), pa.scalar('"}')),
        "SHIPPING": make.join(place, pa.scalar('", "country": "'), head(COUNTRY, 3), pa.scalar('"}')),
        "ORDER_TOTAL": pa.array(order * 131 % 900_000 / 100),
        "CURRENCY": head(CURRENCIES, 3),
        "LINE": pa.array(line),
        "SKU": make.join(make.pick(["AB", "CD", "KX", "ZZ"]), make.digits(6), by="-"),
        "PRODUCT": make.join(make.pick(FIRST), make.pick(STREETS), by=" "),
        "QUANTITY": make.whole(1, 20),
        "LINE_TOTAL": make.some(make.money(900)),
    }


MAKERS = {
    "crm": crm, "objects": crm, "purchases": purchases, "purchase-objects": purchases, "contacts": contacts,
    "orders": orders,
}  # fmt: skip
#: Sets with the rows and the schema of another one, and its mapping written with calculated objects.
OBJECTS = {"objects": "crm", "purchase-objects": "purchases"}

#: Set -> (column, value that is a fault there); None is a missing value.
FAULTS: dict[str, list[tuple[str, str | None]]] = {
    "crm": [
        ("GENDER", "unbekannt"), ("COUNTRY", "XX"), ("PHONE", "555 0100"), ("EMAIL", "nobody at example"),
        ("LAT", "123.5"), ("LAT", "n/a"), ("DOB", "2024-13-45"), ("F_NAME", "x" * 70), ("LOYALTY", "-5"), ("ID1", None),
    ],
    "purchases": [
        ("EVENT_TYPE", "purchase"), ("STORE_COUNTRY", "XX"), ("ITEM1_SKU", "ab-1"), ("STORE_ID", "4711"),
        ("RATING", "9"), ("ORDER_TOTAL", "12,50"), ("PROMISED", "2024-02-30"), ("CAMPAIGN", "x" * 50),
        ("ITEM1_PRICE", "-1"), ("EVENT_ID", None),
    ],
    "contacts": [
        ("Salutation", "Sir"), ("MailingCountry", "XX"), ("Email", "nobody at example"), ("Score__c", "900"),
        ("AccountId", "4711"), ("Birthdate", "2024-02-30"), ("AnnualRevenue__c", "12,5"), ("Id", None),
    ],
    "orders": [
        ("SKU", "ab-1"), ("QUANTITY", "-1"), ("LINE_TOTAL", "12,50"), ("SHIPPING", "{"), ("CURRENCY", "EURO"),
        ("ORDERED_AT", "2024-02-30 10:00:00"), ("CUSTOMER", '{"id": ""}'), ("ORDER_ID", None),
    ],
}  # fmt: skip
FAULTS |= {name: FAULTS[base] for name, base in OBJECTS.items()}


def spoil(table: dict[str, Any], faults: list[tuple[str, str | None]], rng: np.random.Generator, share: float) -> None:
    """Put one fault into a share of the rows, the kinds in turn; the columns they hit become text."""
    count = len(next(iter(table.values())))
    kind = np.where(rng.random(count) < share, rng.integers(0, len(faults), count), -1)
    for number, (column, value) in enumerate(faults):
        texts = table[column].cast(pa.string())
        table[column] = pc.if_else(pa.array(kind == number), pa.scalar(value, pa.string()), texts)


def data(name: str, rows: int, folder: Path, faulty: float = 0.0) -> Path:
    """Write a work set as CSV, unless it is there already.

    Returns:
        The file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (f"{name}-{rows}-faulty{faulty:g}.csv" if faulty else f"{name}-{rows}.csv")
    if path.exists():
        return path
    rng, broken = np.random.default_rng(7), np.random.default_rng(11)
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        writer = None
        for first in range(0, rows, CHUNK):
            made = MAKERS[name](Maker(rng, first, min(CHUNK, rows - first)))
            if faulty:
                spoil(made, FAULTS[name], broken, faulty / 100)
            table = pa.table(made)
            if writer is None:
                writer = pcsv.CSVWriter(file, table.schema, write_options=pcsv.WriteOptions(quoting_style="needed"))
            writer.write_table(table)
        if writer is not None:
            writer.close()
    partial.rename(path)
    return path


def changed(before: Path, share: float = 0.05) -> Path:
    """A later snapshot of a CRM file: in a share of the rows the city or the postal code is another one.

    Returns:
        The file, beside the first one.
    """
    path = before.with_name(f"{before.stem}-later.csv")
    if path.exists():
        return path
    rng = np.random.default_rng(13)
    texts = pcsv.ConvertOptions(
        column_types=dict.fromkeys(columns(LAYOUTS["crm"]), pa.string()), strings_can_be_null=True
    )
    partial, writer = path.with_suffix(".partial"), None
    with partial.open("wb") as file:
        for batch in pcsv.open_csv(before, pcsv.ReadOptions(block_size=8 << 20), convert_options=texts):
            chosen = rng.random(batch.num_rows)
            for column, low, value in (("CITY", 0.0, "Reykjavík"), ("ZIP", share / 2, "00107")):
                mask = pa.array((chosen >= low) & (chosen < low + share / 2))
                place = batch.schema.get_field_index(column)
                batch = batch.set_column(place, column, pc.if_else(mask, pa.scalar(value), batch.column(column)))
            writer = writer or pcsv.CSVWriter(file, batch.schema)
            writer.write_batch(batch)
        if writer is not None:
            writer.close()
    partial.rename(path)
    return path


# -- schema and mapping ---------------------------------------------------------------------------------------------

_TYPES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "text": ("string", "string", {}),
    "month-day": ("string", "string", {}),
    "number": ("number", "number", {}),
    "integer": ("integer", "int", {}),
    "year": ("integer", "short", {}),
    "boolean": ("boolean", "boolean", {}),
    "true": ("boolean", "boolean", {}),
    "false": ("boolean", "boolean", {}),
    "date": ("string", "date", {"format": "date"}),
    "timestamp": ("string", "date-time", {"format": "date-time"}),
    "instant": ("string", "date-time", {"format": "date-time"}),
    "json": ("string", "string", {}),
}

_PROFILE, _EVENT = ("profile", "record", []), ("experienceevent", "time-series", ["_id", "timestamp"])
_CLASSES: dict[str, tuple[str, str, list[str]]] = {
    "crm": _PROFILE, "contacts": _PROFILE, "purchases": _EVENT, "orders": _EVENT,
}  # fmt: skip


def _node(node: Tree | Field, key: str = "") -> dict[str, Any]:
    if isinstance(node, Field):
        json_type, xdm_type, more = _TYPES[node.kind.partition(":")[0]]
        return {"type": json_type, "meta:xdmType": xdm_type, **more, **node.rules}
    if is_array(node):
        return {"type": "array", "meta:xdmType": "array", "items": _node(next(iter(node.values())))}
    if key == "identityMap":
        item = _node(next(iter(node.values()))[0]) | {"required": ["id"]}
        items = {"type": "array", "meta:xdmType": "array", "items": item}
        return {"type": "object", "meta:xdmType": "map", "additionalProperties": items}
    members = {name: _node(member, name) for name, member in node.items()}
    return {"type": "object", "meta:xdmType": "object", "properties": members}


#: The 15 calculated destinations of the job `mapping`: name -> (expression, kind).
CALCULATED = {
    "fullName": ('concat(F_NAME, " ", L_NAME)', "text"),
    "shout": ("upper(L_NAME)", "text"),
    "handle": ("lower(F_NAME)", "text"),
    "adult": ('iif(LOYALTY_N >= 100000, "gold", "basic")', "text"),
    "hemisphere": ('iif(LAT_N >= 0, "north", "south")', "text"),
    "joined": ('date(CREATED_AT, "yyyy-MM-dd HH:mm:ss")', "timestamp"),
    "region": ('decode(COUNTRY, "US", "Americas", "JP", "Asia", "Europe")', "text"),
    "salutation": ('decode(TITLE, "Dr", "Doctor", "Rev", "Reverend", "other")', "text"),
    "phoneDigits": ('replacestr(PHONE, "-", "")', "text"),
    "emailHash": ("sha256(EMAIL)", "text"),
    "idWords": ('join(" ", explode(ID1, "-"))', "text"),
    "birthYear": ("to_integer(substr(DOB, 0, 4))", "integer"),
    "zip3": ("substr(ZIP, 0, 3)", "text"),
    "place": ("coalesce(CITY, STATE)", "text"),
    "plus": ("to_integer(LOYALTY) + 500", "integer"),
}


def _calculated() -> tuple[dict[str, Any], dict[str, Any]]:
    """Schema and mapping of the job `mapping`: the 21 columns, four constants, 15 calculated values."""
    members: dict[str, Any] = {}
    expressions: dict[str, Any] = {}
    for column, kind in columns(LAYOUTS["crm"]).items():
        members[column.lower()] = _node(Field((column,), column, kind))
        expressions[f"_acme.{column.lower()}"] = column
    for number in range(4):
        members[f"constant{number}"] = _node(Field((), ""))
        expressions[f"_acme.constant{number}"] = f'"value {number}"'
    for name, (expression, kind) in CALCULATED.items():
        members[name] = _node(Field((name,), "", kind))
        numbers = {"LAT_N": "to_decimal(LAT)", "LOYALTY_N": "to_integer(LOYALTY)"}
        for short, text in numbers.items():
            expression = expression.replace(short, text)
        expressions[f"_acme.{name}"] = expression
    whole = {
        "$id": "https://ns.adobe.com/acme/schemas/calculated", "title": "Work set calculated", "version": "1.0",
        "meta:class": "https://ns.adobe.com/xdm/data/adhoc-v2", "meta:extends": ["https://ns.adobe.com/xdm/data/adhoc-v2"],
        "type": "object", "meta:xdmType": "object",
        "properties": {"_acme": {"type": "object", "meta:xdmType": "object", "properties": members}},
    }  # fmt: skip
    return whole, expressions


def _with_objects(paths: dict[str, Any]) -> dict[str, Any]:
    """A set of paths written as people write it in Data Prep: identities and groups of fields as calculated objects."""
    arrays: dict[str, dict[int, dict[str, Any]]] = {}
    groups: dict[str, dict[str, Any]] = {}
    out: dict[str, Any] = {}
    for path, source in paths.items():
        above, _, field = path.rpartition(".")
        array, bracket, rest = path.partition("[")
        if bracket:
            number, _, below = rest.partition("].")
            item = arrays.setdefault(array, {}).setdefault(int(number), {})
            *way, field = below.split(".")
            for step in way:
                item = item.setdefault(step, {})
            item[field] = source
        elif "." in path:
            groups.setdefault(above, {})[field] = source
        else:
            out[path] = source
    for above, fields in groups.items():
        if any(other.startswith(above + ".") for other in groups) or len(fields) < 2:
            out.update({f"{above}.{field}": source for field, source in fields.items()})
        else:
            out[above] = _object(fields)
    for array, items in arrays.items():
        given = [
            f'iif({item["id"]} != null && {item["id"]} != "", {_object(item)}, null)' if "id" in item else _object(item)
            for item in items.values()
        ]
        out[array] = f"to_array(false, {', '.join(given)})"
    return out


def _object(fields: dict[str, Any]) -> str:
    """A calculated object of fields."""
    words = {True: "true", False: "false"}
    parts = []
    for name, source in fields.items():
        written = _object(source) if isinstance(source, dict) else words[source] if isinstance(source, bool) else source
        parts.append(f'"{name}", {written}')
    return f"to_object({', '.join(parts)})"


def schema(name: str) -> dict[str, Any]:
    """The work set's XDM schema (the complete form, as the Schema Registry exports it)."""
    if name == "calculated":
        return _calculated()[0]
    name = OBJECTS.get(name, name)
    base, behaviour, required = _CLASSES[name]
    top = f"https://ns.adobe.com/xdm/context/{base}"
    extends = [top, f"https://ns.adobe.com/xdm/data/{behaviour}"]
    named = {"$id": f"https://ns.adobe.com/acme/schemas/{name}-workset", "title": f"Work set {name}", "version": "1.0"}
    return named | {"meta:class": top, "meta:extends": extends} | _node(tree(LAYOUTS[name])) | {"required": required}


def mapping(name: str) -> dict[str, Any]:
    """The work set's mapping: destination -> expression."""
    if name == "calculated":
        return _calculated()[1]
    if name in OBJECTS:
        return _with_objects(mapping(OBJECTS[name]))
    out: dict[str, Any] = {"$group_by": GROUPS[name][0]} if name in GROUPS else {}
    for leaf in LAYOUTS[name]:
        path = ""
        for part in leaf.path:
            path += f"[{part}]" if isinstance(part, int) or part == "*" else f".{part}" if path else part
        out[path] = {
            "true": True, "false": False, "year": f"to_integer(substr({leaf.column}, 0, 4))",
            "month-day": f"substr({leaf.column}, 5, 5)",
        }.get(leaf.kind, leaf.column)  # fmt: skip
        if leaf.kind.startswith("json:"):
            out[path] = f"json_to_object({leaf.column}).{leaf.kind.removeprefix('json:')}"
    return out


def side_files(name: str, folder: Path) -> tuple[Path, Path]:
    """Write the work set's schema and mapping into a folder.

    Returns:
        The two files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    schema_file, mapping_file = folder / f"{name}.schema.json", folder / f"{name}.mapping.yaml"
    schema_file.write_text(json.dumps(schema(name), indent=1) + "\n", encoding="utf-8")
    text = yaml.safe_dump(mapping(name), sort_keys=False, allow_unicode=True)
    mapping_file.write_text(text, encoding="utf-8")
    return schema_file, mapping_file


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Make a work set with its schema and mapping.")
    parser.add_argument("set", choices=sorted(MAKERS))
    parser.add_argument("rows", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--faulty", type=float, default=0.0, metavar="PCT", help="share of rows with a fault, per cent")
    given = parser.parse_args()
    for path in (data(given.set, given.rows, given.folder, given.faulty), *side_files(given.set, given.folder)):
        print(path)


if __name__ == "__main__":
    main()
