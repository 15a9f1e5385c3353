"""The forms a mapping set comes in, as JSON values: ours, and those of Data Prep.

=========  ========================================================================================================
own        destination -> source; top-level keys with ``$`` are options; a source in long form is an object
posted     what a user sends: ``sourceType`` ATTRIBUTE, EXPRESSION or STATIC with ``source`` and ``destination``
stored     what the service answers: media types as ``sourceType``, and both pairs of names
old        ``sourceAttribute`` and ``destinationXdmPath`` only, plain copies
=========  ========================================================================================================

Reading takes any mixture of the last three, bare lists of mappings, and lists of sets wrapped in ``data``.  Keys that
have no effect here are kept.  Source: Data Prep API reference, mapping sets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from numbers import Number
from typing import Any

from ..errors import ExpressionError, MappingError, did_you_mean, printable, shorten
from ..language import compile_expression
from .fields import FieldMapping, Kind, SetOptions, constant_text, is_plain_path, may_be_a_name

FORMS = ("own", "posted", "stored", "old")

#: What is said of a mapping that no file holds.
NO_TEXT = "{}: a Python callable has no text; the mapping is left out."

_OWN_FORM = "Write lines of `destination: source`."

#: Data Prep's limit for the text of one calculated field.
MAX_EXPRESSION = 4096

_POSTED: dict[Kind, str] = {"column": "ATTRIBUTE", "expression": "EXPRESSION", "constant": "STATIC"}
_STORED: dict[Kind, str] = {"column": "text/x.schema-path", "expression": "text/x.aep-xl", "constant": "text/plain"}
_KINDS = {word: kind for words in (_POSTED, _STORED) for kind, word in words.items()}
_LONG = ("column", "expression", "constant", "call")
_OPTIONS = ("$name", "$group_by", "$sorted", "$missing", "$language", "$values", "$dataprep")


class Pairs(dict[str, Any]):
    """A dict as read from a file: `lines` holds the line of each key, `repeated` what a second equal key said."""

    def __init__(self, pairs: Iterable[tuple[str, Any]] = (), lines: Mapping[str, int] | None = None) -> None:
        super().__init__()
        self.lines = dict(lines or {})
        self.repeated: list[tuple[str, Any]] = []
        for key, value in pairs:
            if key in self:
                self.repeated.append((key, value))
            else:
                self[key] = value


def read_content(content: Any, name: str = "") -> tuple[list[FieldMapping], SetOptions]:
    """The mappings and options of `content`, in whatever form it is; `name` is for messages.

    Raises:
        MappingError: with everything that is wrong with the form.
    """
    faults: list[str] = []
    if isinstance(content, Mapping) and isinstance(content.get("data"), list) and "mappings" not in content:
        content = _only_set(content["data"], name)
    if isinstance(content, Mapping) and isinstance(content.get("mappingSet"), Mapping):
        content = content["mappingSet"]
    if isinstance(content, Mapping) and isinstance(content.get("mappings"), list):
        fields = _read_list(content["mappings"], faults)
        extra = {key: value for key, value in content.items() if key not in ("mappings", "name")}
        options = SetOptions(str(content.get("name") or ""), missing="null", extra=extra)
    elif isinstance(content, list) and content and all(isinstance(item, FieldMapping) for item in content):
        fields, options = list(content), SetOptions()
    elif isinstance(content, list):
        fields = _read_list(content, faults)
        options = SetOptions(missing="null")
    elif isinstance(content, Mapping):
        if isinstance(listed := content.get("mappings", ""), Mapping | None) and not set(_LONG) & set(listed or ()):
            raise MappingError(f"'mappings' is a list of mappings, got {shorten(listed, 40)}.", name or None)
        fields = _read_own(content, faults)
        options = _read_options(content, faults)
    else:
        raise MappingError(
            f"a mapping set is an object of destination -> source, or a Data Prep mapping set; "
            f"got {shorten(content, 40)}. {_OWN_FORM}",
            name or None,
        )
    if faults:
        raise MappingError(faults, name or None)
    return fields, options


def _only_set(sets: list[Any], name: str) -> Any:
    if len(sets) == 1:
        return sets[0]
    ids = [str(item.get("id")) for item in sets if isinstance(item, Mapping)]
    count = f"{len(sets)} mapping sets ({', '.join(ids)})" if sets else "no mapping set"
    raise MappingError(f"the file holds {count}. Give a file with one.", name or None)


def _read_list(items: list[Any], faults: list[str]) -> list[FieldMapping]:
    fields = []
    for number, item in enumerate(items, 1):
        if not isinstance(item, Mapping):
            faults.append(f"mapping {number}: is not an object but {shorten(item, 40)}. {_OWN_FORM}")
            continue
        if item and not {"source", "sourceAttribute", "destination", "destinationXdmPath"} & set(item):
            names = shorten(", ".join(map(str, item)), 60)
            faults.append(f"mapping {number}: has no source and no destination, but {names}. {_OWN_FORM}")
            continue
        told: list[str] = []
        source = _one_of(item, "source", "sourceAttribute", told)
        destination = _one_of(item, "destination", "destinationXdmPath", told)
        word = item.get("sourceType")
        kind: Kind | None = "column" if word is None else _KINDS.get(word) if isinstance(word, str) else None
        if kind is None:
            hint = did_you_mean(word, _KINDS) or " It is ATTRIBUTE, EXPRESSION or STATIC."
            told.append(f"unknown sourceType {shorten(word, 40)}.{hint}")
        if destination is None or destination == "":
            told.append("has no destination.")
        elif not isinstance(destination, str):
            told.append(f"the destination is a string, got {shorten(destination, 40)}.")
        if source is None or (kind != "constant" and isinstance(source, str) and not source.strip()):
            told.append("has no source.")
        elif not isinstance(source, str | int | float if kind == "constant" else str):
            told.append(f"the source is a string, got {shorten(source, 40)}.")
        if told:
            ends = [printable(end, 300) if isinstance(end, str) and end else "?" for end in (destination, source)]
            faults += [f"mapping {number}: {' <- '.join(ends)}: {text}" for text in told]
        elif kind is not None:
            known = ("source", "sourceAttribute", "destination", "destinationXdmPath", "sourceType")
            fields.append(FieldMapping(str(destination), source, kind, number=number, **_told(item, known)))
    return fields


def _told(item: Mapping[str, Any], known: tuple[str, ...]) -> dict[str, Any]:
    """What a mapping says beside the keys that are known: its name and description, and what has no effect here."""
    extra = {key: value for key, value in item.items() if key not in (*known, "name", "description")}
    return {**{key: str(item.get(key) or "") for key in ("name", "description")}, "extra": extra}


def _one_of(item: Mapping[str, Any], new: str, old: str, faults: list[str]) -> Any:
    a, b = item.get(new), item.get(old)
    if a is not None and b is not None and a != b:
        faults.append(f"'{new}' says {shorten(a)} and '{old}' says {shorten(b)}. Leave one of them out.")
    return b if a is None else a


def _is_option(key: str) -> bool:
    """Whether a top-level key is an option; one that begins with a placeholder is a destination."""
    return key.startswith("$") and not key.startswith("${")


def _read_own(content: Mapping[str, Any], faults: list[str]) -> list[FieldMapping]:
    lines = getattr(content, "lines", {})
    odd = [key for key in content if not isinstance(key, str)]
    if odd:
        faults.append(f"a destination is a string, got {shorten(odd[0], 60)}.")
        return []
    pairs = [(key, value) for key, value in content.items() if not _is_option(key)]
    pairs += getattr(content, "repeated", [])
    return [
        made
        for destination, source in pairs
        if (made := read_source(str(destination), source, faults, lines.get(destination, 0))) is not None
    ]


def read_source(destination: str, source: Any, faults: list[str], line: int = 0) -> FieldMapping | None:
    """One entry of our own form.

    Args:
        destination: XDM path, as text.
        source: a FieldMapping, a callable, a constant, a string (column or expression), or a mapping (the long form).
        faults: gets one more message, if the source is wrong.
        line: number of the line in the mapping file, counted from 1; 0 where there is none.

    Returns:
        The mapping; None if the source is wrong.
    """
    if isinstance(source, FieldMapping):
        return source
    if callable(source):
        return FieldMapping(destination, source, "callable", line=line)
    if isinstance(source, bool | int | float):
        return FieldMapping(destination, source, "constant", line=line)
    if isinstance(source, str):
        if source.strip():
            return FieldMapping(destination, source.strip() if "\n" in source else source, "auto", line=line)
        faults.append(f"{destination}: the source is blank. Write nullify() to leave a field out on purpose.")
        return None
    if isinstance(source, Mapping):
        return _read_long(destination, source, faults, line)
    what = "nothing" if source is None else shorten(source, 40)
    faults.append(
        f"{destination}: a source is a column, an expression or a constant, got {what}. "
        "Write nullify() to leave a field out on purpose."
    )
    return None


def _read_long(destination: str, source: Mapping[str, Any], faults: list[str], line: int) -> FieldMapping | None:
    kinds = [key for key in _LONG if key in source]
    if len(kinds) != 1:
        near = "".join(did_you_mean(key, _LONG) for key in source)
        if source and not (kinds or near):
            name, value = next(iter(source.items()))
            near = f" If it is a field inside, write the whole path: {destination}.{name}."
            if value is None:  # {F_NAME} is YAML for an object
                near = f" A column is written without braces: {destination}: {name}."
        faults.append(f"{destination}: the long form has exactly one of {', '.join(_LONG)}.{near}")
        return None
    key, value = kinds[0], source[kinds[0]]
    kind: Kind = "callable" if key == "call" else key  # type: ignore[assignment]
    fits = {"callable": callable(value), "constant": isinstance(value, str | int | float | bool)}
    if not fits.get(kind, isinstance(value, str) and bool(value)):
        faults.append(f"{destination}: '{key}' cannot be {shorten(value, 40)}.")
        return None
    columns = _as_list(source.get("columns", ()))
    if not are_columns(columns):
        faults.append(f"{destination}: 'columns' is a list of columns, got {shorten(columns, 40)}.")
        return None
    more = _told(source, (*_LONG, "columns"))
    return FieldMapping(destination, value, kind, columns=tuple(columns), line=line, **more)


def _read_options(content: Mapping[str, Any], faults: list[str]) -> SetOptions:
    for key in content:
        if _is_option(str(key)) and key not in _OPTIONS:
            faults.append(f"unknown option {key!r}.{did_you_mean(key, _OPTIONS)}")

    def option(key: str, default: Any, what: str, fits: Callable[[Any], bool]) -> Any:
        value = content.get(key, default)
        if fits(value):
            return value
        faults.append(f"{key} is {what}, got {shorten(value, 40)}.")
        return default

    def mapping(key: str) -> dict[str, Any]:
        return dict(option(key, {}, "an object", lambda value: not value or isinstance(value, Mapping)) or {})

    group = option("$group_by", (), "a column or a list of columns", lambda value: are_columns(_as_list(value)))
    in_order = option("$sorted", False, "true or false", lambda value: isinstance(value, bool))
    missing = option("$missing", "error", "error or null", lambda value: value in ("error", "null", None))
    return SetOptions(
        str(content.get("$name") or ""), tuple(_as_list(group)), in_order, missing or "null",  # null needs no quotes
        mapping("$language"), value_texts(mapping("$values"), faults), mapping("$dataprep"),
    )  # fmt: skip


def _as_list(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def are_columns(value: Any) -> bool:
    """Whether a value is a list of names."""
    return isinstance(value, list | tuple | set | frozenset) and all(isinstance(name, str) for name in value)


def value_texts(values: Mapping[Any, Any], faults: list[str]) -> dict[str, str]:
    """The values of placeholders as strings; a fault is added for each of another type."""
    texts = {}
    for key, value in values.items():
        if isinstance(value, bool):
            texts[str(key)] = str(value).lower()
        elif isinstance(value, (str, date, Number)):
            texts[str(key)] = str(value)
        else:
            what = "nothing" if value is None else shorten(value, 40)
            faults.append(f"the placeholder ${{{key}}} is filled with a string, a number, true or false, got {what}.")
    return texts


def own_form(fields: Iterable[FieldMapping], options: SetOptions) -> dict[str, Any]:
    """Our form as plain values; the only one that holds everything, callables included."""
    return {**_written(options), **{item.destination: own_source(item) for item in fields}}


def _written(options: SetOptions) -> dict[str, Any]:
    """The options that are not as they are by default, as our form has them."""
    own = {
        "$name": options.name, "$group_by": list(options.group_by), "$sorted": options.sorted,
        "$missing": options.missing.replace("error", ""), "$language": dict(options.language),
        "$values": dict(options.values), "$dataprep": dict(options.extra),
    }  # fmt: skip
    return {key: value for key, value in own.items() if value}


def without_header(item: FieldMapping) -> tuple[Kind, tuple[str, ...]]:
    """The kind of a mapping, and the columns that it names, where no header is at hand.

    What was left open is a column where it is a path, or no expression and perhaps a name.
    """
    kind, source = item.kind, item.source
    if kind == "column" or (kind == "auto" and is_plain_path(source)):
        return "column", (source,)
    if kind not in ("auto", "expression"):
        return kind, item.columns
    try:
        return "expression", compile_expression(source).columns
    except ExpressionError:
        return ("column", (source,)) if kind == "auto" and may_be_a_name(source) else ("expression", ())


def _texts(item: FieldMapping) -> dict[str, str]:
    """Name and description of a mapping, where it has them."""
    return {key: value for key, value in (("name", item.name), ("description", item.description)) if value}


def own_source(item: FieldMapping) -> Any:
    """The shortest source in our own form that reads back as `item`."""
    more: dict[str, Any] = {**item.extra, **_texts(item)}
    if item.columns:
        more["columns"] = list(item.columns)
    short = item.source
    reads_otherwise = {
        "constant": isinstance(short, str),
        "column": not is_plain_path(str(short)),
        "expression": is_plain_path(str(short)),
    }
    if reads_otherwise.get(item.kind, False):
        return {item.kind: short, **more}
    if more:
        kind = without_header(item)[0]
        return {"call" if kind == "callable" else kind: short, **more}
    return short


def data_prep_form(fields: Iterable[FieldMapping], options: SetOptions, form: str) -> tuple[dict[str, Any], list[str]]:
    """A Data Prep mapping set (`form` is posted, stored or old) and what it could not hold, one line each."""
    losses: list[str] = []
    mappings = [made for item in fields if (made := _data_prep_mapping(item, form, losses)) is not None]
    lost = [key for key in _written(options) if key in ("$group_by", "$sorted", "$language", "$values")]
    losses += [f"{key}: Data Prep has no such option; it is left out." for key in lost]
    name = {"name": options.name} if options.name else {}
    return {**name, **options.extra, "mappings": mappings}, losses


def _data_prep_mapping(item: FieldMapping, form: str, losses: list[str]) -> dict[str, Any] | None:
    kind, source = without_header(item)[0], item.source
    if kind == "expression" and re.search(r"\bnvl\s*\(", source):
        losses.append(f"{item.destination}: nvl is not a function of Data Prep; write coalesce.")
    if kind == "callable":
        losses.append(NO_TEXT.format(item.destination))
        return None
    if kind == "constant" and not isinstance(source, str):
        kind, source = "expression", constant_text(source)
    if kind == "expression" and len(source) > MAX_EXPRESSION:
        losses.append(
            f"{item.destination}: the expression has {len(source)} characters; Data Prep takes {MAX_EXPRESSION}."
        )
    if form == "old" and kind != "column":
        losses.append(f"{item.destination}: the old form holds plain copies only; {item.text} is left out.")
        return None
    texts = _texts(item)
    both = {"sourceAttribute": source, "destinationXdmPath": item.destination}
    if form == "old":
        losses += [f"{item.destination}: the old form has no {what}; it is left out." for what in texts]
        return {**both, "identity": False, **item.extra}
    made = {"source": source, "destination": item.destination, **texts}
    if form == "posted":
        return {"sourceType": _POSTED[kind], **made, **item.extra}
    marks = {"identity": False, "primaryIdentity": False, "matchScore": 0.0, "functionVersion": 1}
    return {"sourceType": _STORED[kind], **made, **both, **marks, **item.extra}
