"""A draft mapping set for a source and a schema, with a confidence and a reason per line; never applied unasked.

Three things speak for a pair of column and field: how alike their names are (abbreviations spelled
out), what the sampled values look like (e-mail, date, phone, country, ECID...), and whether they fit the field's
type and constraints.  The best pairs are taken first; a column and a field are used once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa

from ..core.paths import format_path
from ..core.shred import plain, to_pylist
from ..core.stream import Stream
from ..mapping.fields import is_plain_path
from ..schema import Field, Schema

#: Below this a pair is not worth showing.
LEAST = 40


@dataclass(frozen=True)
class Suggestion:
    """One line of the draft; `destination` is empty where nothing in the schema is like the column."""

    column: str
    destination: str
    source: str
    confidence: int
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """The suggestion as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class _Column:
    name: str
    words: tuple[str, ...]
    values: tuple[str, ...]
    looks: str


@dataclass(frozen=True)
class _Target:
    path: str
    field: Field
    names: tuple[str, ...]
    words: frozenset[str]


_ABBREVIATIONS = {
    "fname": "first name", "f name": "first name", "given": "first name", "given name": "first name",
    "forename": "first name", "lname": "last name", "l name": "last name", "surname": "last name",
    "family": "last name", "family name": "last name", "mname": "middle name", "m name": "middle name",
    "dob": "birth date", "date of birth": "birth date", "birthday": "birth date", "bday": "birth date",
    "birthdate": "birth date", "born": "birth date", "born on": "birth date", "birth": "birth date",
    "yob": "birth year",
    "year of birth": "birth year", "month and date": "birth day and month",
    "sex": "gender", "salutation": "courtesy title", "title": "courtesy title", "mail": "email", "e mail": "email",
    "email address": "email address", "tel": "phone number", "telephone": "phone number", "phone": "phone number",
    "fone": "phone number", "mobile": "mobile phone number", "cell": "mobile phone number",
    "street": "street1", "address": "street1", "address line 1": "street1", "address1": "street1",
    "address line 2": "street2", "addr": "street1", "town": "city", "zip": "postal code", "zip code": "postal code",
    "postcode": "postal code", "plz": "postal code", "state": "state province", "province": "state province",
    "region": "state province", "lat": "latitude", "lng": "longitude", "lon": "longitude", "long": "longitude",
    "qty": "quantity", "amount": "price total", "total": "price total", "currency": "currency code",
    "order no": "purchase id", "order id": "purchase id", "order number": "purchase id", "country": "country",
    "nick name": "nickname", "member no": "loyalty id", "member number": "loyalty id", "member id": "loyalty id",
    "membership number": "loyalty id", "loyalty number": "loyalty id",
    "ts": "timestamp", "event time": "timestamp", "order date": "timestamp",
    "event date": "timestamp", "event name": "event type",
    "created": "create date", "created at": "create date", "created on": "create date", "created date": "create date",
    "creation date": "create date", "updated at": "modify date", "updated": "modify date",
    "last modified date": "modify date", "last modified": "modify date", "modified at": "modify date",
    "joined on": "join date", "joined": "join date", "member since": "join date", "points balance": "points",
    "lifetime spend": "lifetime value", "country region": "country", "state region": "state province",
    "discount code": "promotion id", "coupon code": "promotion id", "coupon": "promotion id", "voucher": "promotion id",
    "taxes": "tax amount", "tax": "tax amount", "order total": "order price total", "payment method": "payment type",
    # SAP
    "name1": "full name", "ort01": "city", "pstlz": "postal code", "stras": "street1", "land1": "country",
    "telf1": "phone number", "smtp addr": "email address", "regio": "state province", "erdat": "create date",
    "gbdat": "birth date", "namev": "first name", "waers": "currency code", "matnr": "sku", "vbeln": "purchase id",
    # German
    "vorname": "first name", "nachname": "last name", "familienname": "last name", "anrede": "courtesy title",
    "geburtsdatum": "birth date", "geburtstag": "birth date", "geschlecht": "gender", "straße": "street1",
    "strasse": "street1", "ort": "city", "stadt": "city", "wohnort": "city", "postleitzahl": "postal code",
    "land": "country", "bundesland": "state province", "telefon": "phone number", "handy": "mobile phone number",
    "e mail adresse": "email address", "menge": "quantity",
    # French
    "prénom": "first name", "prenom": "first name", "nom": "last name", "nom de famille": "last name",
    "civilité": "courtesy title", "civilite": "courtesy title", "date de naissance": "birth date", "sexe": "gender",
    "rue": "street1", "adresse": "street1", "ville": "city", "code postal": "postal code", "pays": "country",
    "téléphone": "phone number", "courriel": "email", "quantité": "quantity",
    # Spanish, Italian
    "nombre": "first name", "apellido": "last name", "apellidos": "last name", "fecha de nacimiento": "birth date",
    "sexo": "gender", "calle": "street1", "ciudad": "city", "código postal": "postal code",
    "codigo postal": "postal code", "país": "country", "teléfono": "phone number", "telefono": "phone number",
    "correo": "email", "correo electrónico": "email", "cognome": "last name", "data di nascita": "birth date",
    "sesso": "gender", "via": "street1", "indirizzo": "street1", "città": "city", "cap": "postal code",
}  # fmt: skip

#: Words of a column that say where it comes from, not what it is.
_FILLERS = frozenset(
    {"mailing", "home", "primary", "contact", "customer", "person", "user", "client", "member", "field", "the", "of",
     "is", "has", "on", "at", "in", "c", "line", "item", "lineitem", "order", "product"}
)  # fmt: skip
#: Words that are in many names, so that one of them alone says nothing.
_GENERIC = frozenset(
    {"id", "name", "number", "no", "code", "type", "status", "value", "key", "date", "primary", "label"}
)
#: Names that say nothing of whose they are: without the words of the object they are in, they are no match.
_VAGUE = frozenset({"description", "status", "type", "label", "note", "notes", "source", "title", "value"})
#: Words of columns, with what fields say for them.
_PHRASES = (
    (re.compile(r"\b(?:line ?item|item)\b"), "product"),
    (re.compile(r"\baddress ?line ?(\d)\b"), r"street\1"),
    (re.compile(r"(?<=\w )zip(?: code)?$"), "postal code"),
)
#: Words of a column that is about one item of an order.
_ITEM = frozenset({"line", "item", "lineitem", "product", "sku", "qty", "quantity"})

#: Namespaces of identities and the names of their columns; the first that is found is primary.
_IDENTITIES = {
    "CRMID": r"crm ?id|kunnr|customer(?: id| no| number)?|client id|contact id",
    "LOYALTYID": r"loyalty(?: id| no| number)?|member(?:ship)?(?: id| no| number)",
    "ECID": r"ecid|marketing cloud id|mcid|experience cloud id",
    "Email": r"e ?mail(?: address)?",
    "Phone": r"(?:mobile )?phone(?: number)?",
}

#: Forms of dates that need a pattern, and the pattern; that of days and months between slashes depends on the values.
_DATES = {
    r"\d{1,2}/\d{1,2}/\d{4}": "M/d/yyyy",
    r"\d{1,2}\.\d{1,2}\.\d{4}": "d.M.yyyy",
    r"\d{4}/\d{1,2}/\d{1,2}": "yyyy/M/d",
    r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])": "yyyyMMdd",
}

_LOOKS: tuple[tuple[str, str], ...] = (
    ("courtesy title", r"(?i:mr|mrs|ms|miss|mx|dr|prof|rev|hon|honorable|honourable|sir|madam|herr|frau|mme|m)\.?"),
    ("order number", r"#\d{3,}"),
    ("ecid", r"\d{38}"),
    ("email", r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}"),
    ("uuid", r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"),
    ("url", r"https?://\S+"),
    ("date-time", r"\d{4}-\d{2}-\d{2}[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)? ?(?:Z|[+-]\d{2}:?\d{2})?"),
    ("date", rf"\d{{4}}-\d{{1,2}}-\d{{1,2}}|{'|'.join(_DATES)}"),
    ("year", r"(?:19|20)\d{2}"),
    ("birthday", r"[01]?\d-[0-3]?\d"),
    ("number", r"[-+]?\d{1,6}\.\d+"),
    ("phone", r"\+?[\d() ./-]{9,20}"),
    ("boolean", r"(?i:true|false|yes|no|y|n)"),
    ("integer", r"[-+]?\d{1,18}"),
    ("number", r"[-+]?\d+(?:\.\d+)?"),
    ("gender", r"(?i:m|f|male|female)"),
    ("country", r"[A-Z]{2}"),
    ("text", r".*"),
)

#: Which look speaks for a field whose path ends like this.
_EXPECTED = (
    ("email", r"[eE]mail\.address$"),
    ("phone", r"[pP]hone\.number$"),
    ("birthday", r"birthDayAndMonth$"),
    ("year", r"birthYear$"),
    ("country", r"(?:country|countryCode|nationality)$"),
    ("gender", r"gender$"),
    ("courtesy title", r"courtesyTitle$"),
    ("order number", r"purchaseID$"),
)


#: How the values of types look that are no strings.
_FITTING = {
    "date": ("date", "date-time"), "date-time": ("date-time", "date"), "boolean": ("boolean",),
    "number": ("number", "integer", "year"), "long": ("integer", "year"), "int": ("integer", "year"),
    "short": ("integer", "year"), "byte": ("integer",),
}  # fmt: skip
#: What messages call values that look so.
_WORDS_FOR = {
    "ecid": "ECIDs", "email": "e-mail addresses", "url": "web addresses", "uuid": "UUIDs", "phone": "phone numbers",
    "country": "country codes", "gender": "genders", "year": "years", "birthday": "a month and day",
}  # fmt: skip


def suggest_mapping(stream: Stream, schema: Schema, *, rows: int = 1000) -> list[Suggestion]:
    """A draft for mapping a stream by its first rows: a suggestion for each column, more for identities."""
    columns = _columns(stream, rows)
    targets = list(_targets(schema))
    pairs = [
        (score, -at, column, target, reason)
        for column in columns
        for at, target in enumerate(targets)
        for score, reason in [_score(column, target)]
        if score >= LEAST
    ]
    pairs.sort(key=lambda pair: pair[:2], reverse=True)
    taken: dict[str, Suggestion] = {}
    used: set[str] = set()
    for score, _, column, target, reason in pairs:
        if column.name in taken or target.path in used:
            continue
        used.add(target.path)
        source, how = _source(column, target.field)
        taken[column.name] = Suggestion(column.name, target.path, source, round(score), reason + how)
    identities = _identities(columns, schema)
    found: list[Suggestion] = []
    for column in columns:
        own = [one for one in identities if one.column == column.name]
        best = taken.get(column.name)
        is_id = any(one.confidence >= 80 for one in own if not one.destination.endswith("primary"))
        if best is not None and not (is_id and best.confidence < 80):
            found.append(best)
        found += own
        if best is None and not own:
            found.append(Suggestion(column.name, "", "", 0, "nothing in the schema is like it"))
    return found


def draft(suggestions: Sequence[Suggestion], *, least: int = 50) -> str:
    """The suggestions as a mapping file (YAML); those below `least` are comments."""
    lines = [
        "# A draft: read it, mend it, then check it with `xdmprep mapping check`.",
        "# Behind each line: the confidence (0 to 100) and the reason.",
    ]
    wide = max((len(one.destination) for one in suggestions), default=0)
    for one in suggestions:
        if not one.destination:
            lines.append(f"# column {one.column}: {one.reason}")
            continue
        left = f"{one.destination}:"
        text = f"{left:{wide + 1}} {_yaml(one.source)}"
        mark = "" if one.confidence >= least else "# "
        lines.append(f"{mark}{text}  # {one.confidence}  {one.reason}")
    return "\n".join(lines) + "\n"


def _yaml(source: str) -> str:
    """A YAML scalar for a source."""
    plain_scalar = re.fullmatch(r"[A-Za-z_][\w .()$\"/;-]*(?:, [\w .()$\"/;-]+)*", source) and ": " not in source
    return source if plain_scalar and " #" not in source else "'" + source.replace("'", "''") + "'"


def words(name: str) -> str:
    """A column or field name as plain lower-case words: ``birthDayAndMonth`` gives "birth day and month"."""
    split = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    split = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", split)
    return " ".join(re.findall(r"[^\W_]+", split)).lower()


def _columns(stream: Stream, rows: int) -> list[_Column]:
    table = stream.head(rows)
    made = []
    for name, array in _flat_columns(table):
        texts = [str(value) for value in to_pylist(array) if value is not None and str(value).strip()]
        values = tuple(dict.fromkeys(text.strip() for text in texts))[:200]
        names = dict.fromkeys(_phrased(words(part)) for part in (name, name.rsplit(".", 1)[-1]))
        looks = _look(values)
        known = [_ABBREVIATIONS.get(text, text) for text in names]
        if looks == "order number":
            known.append("purchase id")
        elif known[-1] == "name" and values and sum(" " in value for value in values) > 0.8 * len(values):
            known.append("full name")
        made.append(_Column(name, tuple(known), values, looks))
    return made


def _phrased(text: str) -> str:
    for pattern, instead in _PHRASES:
        text = pattern.sub(instead, text)
    return text


def _flat_columns(table: pa.Table) -> Iterator[tuple[str, pa.Array]]:
    """The columns that hold scalars, those inside objects by their path."""

    def visit(path: tuple[str, ...], array: pa.Array) -> Iterator[tuple[str, pa.Array]]:
        if pa.types.is_struct(array.type):
            for field, child in zip(array.type, array.flatten(), strict=True):
                yield from visit((*path, field.name), child)
        elif not pa.types.is_nested(array.type):
            yield path[0] if len(path) == 1 else format_path(path), plain(array)

    for name, column in zip(table.column_names, table.columns, strict=True):
        yield from visit((name,), column.combine_chunks())


def _look(values: Sequence[str]) -> str:
    if not values:
        return "nothing"
    return next(
        name
        for name, pattern in _LOOKS
        if sum(re.fullmatch(pattern, value, re.DOTALL) is not None for value in values) >= 0.9 * len(values)
    )


def _targets(schema: Schema) -> Iterator[_Target]:
    for field in schema.root.walk():
        path = [str(step) for step in field.path]
        if not path or not field.leaf or field.type in ("any", "object", "map", "array"):
            continue
        if path[0] == "identityMap" or any(step in ("{*}",) for step in path) or "primary" in path[-1:]:
            continue
        steps = tuple(0 if step == "[*]" else step for step in path)
        named = [step for step in path if step != "[*]" and not step.startswith("_")] or [path[-1]]
        names = [words(named[-1])] if path != ["_id"] else ["record id"]  # every second column has "id" in its name
        if len(named) > 1:
            names.append(f"{words(named[-2])} {words(named[-1])}")
        if field.title:
            names.append(words(field.title))
        known = {word for step in named for word in words(step).split()} | set(words(field.title or "").split())
        yield _Target(format_path(steps), field, tuple(dict.fromkeys(names)), frozenset(known))


def _score(column: _Column, target: _Target) -> tuple[float, str]:
    alike, name = max((likeness(own, text), text) for own in column.words for text in target.names)
    if len(target.names) > 1 and name == target.names[0]:
        alike -= 4 if target.path.count(".") > 2 else 1  # a bare last name says less than one with its parent
    alike -= _unexplained(column, target)
    bonus, why = _fit(column, target)
    if alike < 55 and bonus < 20:
        return 0, ""
    score = max(0.0, min(99.0, 0.85 * alike + bonus))
    same = "the name is" if alike >= 95 else "the name is like"
    reason = f"{same} '{name}'" if alike >= 60 else "the name says little"
    return score, f"{reason}{why}"


def _unexplained(column: _Column, target: _Target) -> float:
    """What is taken from the likeness of the names for words of the column that the target says nothing of."""
    least = 100.0
    for name in column.words:
        own = set(name.split())
        common = {word for word in own if any(_same_word(word, other) for other in target.words)}
        lost = 22.0 * len(own - common - _FILLERS)
        if own <= _VAGUE and len(target.names) > 1:
            lost += 60
        if own - common and not common - _GENERIC and len(target.names) > 1:
            lost += 25
        if ("[0]" in target.path) != bool(own & _ITEM):
            lost += 4
        least = min(least, lost)
    return least


def _same_word(a: str, b: str) -> bool:
    """Whether two words are one, but for an ending: item and items, create and created."""
    short, long = sorted((a, b), key=len)
    return a == b or (len(short) > 3 and long.startswith(short) and len(long) - len(short) <= 2)


def _fit(column: _Column, target: _Target) -> tuple[float, str]:
    """What the values add to the likeness of the names, and how to say it."""
    looks, kind = column.looks, target.field.type
    alike = f"; the values look like {_WORDS_FOR.get(looks, looks)}"
    if looks == "nothing":
        return 0, "; the column is empty in the rows looked at"
    expected = next((look for look, pattern in _EXPECTED if re.search(pattern, target.path)), "")
    if expected and expected == looks:
        return 14, alike
    if expected in ("email", "phone", "birthday", "year") and looks in ("boolean", "date-time", "url", "uuid"):
        return -45, alike
    if expected == "courtesy title":
        return -45, "; the values are no titles such as Mr or Dr"
    if looks in ("ecid", "uuid", "email", "url") and expected != looks and kind == "string":
        return -15, alike
    listed = target.field.constraints.get("enum")
    if isinstance(listed, list):
        known = {str(item).lower() for item in listed}
        share = sum(value.lower() in known for value in column.values) / len(column.values)
        return (14, "; the values are of the list") if share > 0.9 else (-10, "; the values are not of the list")
    fits = _FITTING.get(kind)
    if fits is None:
        return 8 if looks not in ("date", "date-time", "boolean") else 0, ""
    if kind == "boolean" and set(column.values) <= {"0", "1"}:
        return 10, "; the values are 0 and 1"
    return (
        (12, f"; the values fit the type {kind}") if looks in fits else (-35, f"; the values do not look like a {kind}")
    )


def _source(column: _Column, field: Field) -> tuple[str, str]:
    """The right side for a column: itself, or the expression that makes its values fit."""
    reference = column.name
    written = column.name if is_plain_path(column.name) else "${" + column.name + "}"
    listed = field.constraints.get("enum")
    if column.looks == "gender" and isinstance(listed, list) and all(word in listed for word in ("female", "male")):
        if not {value.lower() for value in column.values} <= {"female", "male"}:
            return (
                f'decode(lower({written}), "f", "female", "m", "male", lower({written}))',
                "; M and F are spelled out",
            )
        if not set(column.values) <= {"female", "male"}:
            return f"lower({written})", "; in lower case"
    if field.type == "boolean" and set(column.values) <= {"0", "1"}:
        return f'decode({written}, "1", true, "0", false)', ""
    if field.type in ("date", "date-time") and column.looks == "date":
        forms = {form: [value for value in column.values if re.fullmatch(form, value)] for form in _DATES}
        form, values = max(forms.items(), key=lambda pair: len(pair[1]))
        if 2 * len(values) >= len(column.values):
            pattern, others = _DATES[form], len(column.values) - len(values)
            how = f"; {others} of {len(column.values)} values have another form" if others else ""
            if "/d/" in pattern:
                day_first = any(int(value.split("/")[0]) > 12 for value in values)
                month_first = any(int(value.split("/")[1]) > 12 for value in values)
                if day_first and not month_first:
                    pattern = "d/M/yyyy"
                how += "" if day_first != month_first else "; whether day or month comes first is a guess"
            return f'date({written}, "{pattern}")', how
    return reference, ""


def _identities(columns: Sequence[_Column], schema: Schema) -> list[Suggestion]:
    """Suggestions for `identityMap`; the likely one whose namespace comes first is primary."""
    if not schema.has_identity_map:
        return []
    numbers = dict.fromkeys(_IDENTITIES, 0)
    made: list[tuple[str, Suggestion]] = []
    for column in columns:
        namespace, confidence, reason = _identity(column)
        if not namespace or (namespace == "Email" and numbers[namespace]):
            continue  # one column of e-mail addresses is enough for an identity
        destination = f"identityMap.{namespace}[{numbers[namespace]}].id"
        numbers[namespace] += 1
        made.append((namespace, Suggestion(column.name, destination, column.name, confidence, reason)))
    likely = [pair for pair in made if pair[1].confidence >= 50] or made
    order = list(_IDENTITIES)
    primary = min(likely, key=lambda pair: order.index(pair[0]), default=None)
    lines = []
    for pair in made:
        one, is_primary = pair[1], pair is primary
        why = "exactly one identity is primary; which is a guess" if is_primary else "not the primary identity"
        mark = one.destination.removesuffix("id") + "primary"
        lines += [one, Suggestion(one.column, mark, str(is_primary).lower(), one.confidence, why)]
    return lines


def _identity(column: _Column) -> tuple[str, int, str]:
    """The namespace of the identities in a column, the confidence and the reason; no namespace where it has none."""
    if column.looks == "ecid":
        return "ECID", 95, "the values are ECIDs (38 digits)"
    for namespace, pattern in _IDENTITIES.items():
        named = re.fullmatch(rf"(?:{pattern})(?: ?\d)?", words(column.name)) is not None
        if namespace == "Email" and column.looks == "email":
            return namespace, 75 if named else 60, "the values look like e-mail addresses"
        if named and namespace not in ("Email", "ECID"):
            return namespace, 45 if namespace == "Phone" else 85, f"the name is that of a {namespace}"
    return "", 0, ""


def ratio(a: str, b: str) -> float:
    """Twice the longest common subsequence as a share of both lengths, 0 to 100 (two empty texts are equal)."""
    if a == b:
        return 100.0
    if not a or not b:
        return 0.0
    places, whole = _places(a)
    # Hyyrö's bit-parallel subsequence: a bit of `row` is 0 where the length of the subsequence grows.
    row = whole
    for letter in b:
        if mask := places.get(letter):
            match = row & mask
            row = ((row + match) | (row - match)) & whole
    return 200.0 * (len(a) - row.bit_count()) / (len(a) + len(b))


@lru_cache(maxsize=4096)
def _places(text: str) -> tuple[dict[str, int], int]:
    """For each letter the places where it is, as bits; and all places."""
    places: dict[str, int] = {}
    for at, letter in enumerate(text):
        places[letter] = places.get(letter, 0) | 1 << at
    return places, (1 << len(text)) - 1


@lru_cache(maxsize=4096)
def _words(text: str) -> tuple[str, frozenset[str]]:
    """The words of a text sorted, and as a set."""
    words = text.split()
    return " ".join(sorted(words)), frozenset(words)


def likeness(a: str, b: str) -> float:
    """How alike two names are, 0 to 100, the best of three.

    Letters in order, words sorted, and (for a little less) the words not shared.
    """
    (sorted_a, ours), (sorted_b, theirs) = _words(a), _words(b)
    best = ratio(a, b)
    if (sorted_a, sorted_b) != (a, b):
        best = max(best, ratio(sorted_a, sorted_b))
    common = ours & theirs
    if common and (ours <= theirs or theirs <= ours):
        return max(best, 92.0)  # one holds all words of the other
    both = sorted(common)
    left, right = (" ".join([*both, *sorted(own - common)]) for own in (ours, theirs))
    best = max(best, 0.92 * ratio(left, right))
    if not both:
        return best
    shared = " ".join(both)
    return max(best, 0.92 * max(ratio(shared, left), ratio(shared, right)))
