"""Mapping sets as files: YAML, JSON, and the CSV template of the platform's mapping screen.

YAML is read with the plain types of YAML 1.2 (``true``, ``false``, ``null``, numbers), so that a column called ``NO``
stays a column and a date stays text.  A destination that occurs twice is kept twice, so that it can be reported.
The layout of the CSV template is not published; it is read by the meaning of its headings, and written with the names
of the API (``sourceType``, ``source``, ``destination``).
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from ..core.documents import MAX_DEPTH, DocumentKind, why_explosive, why_unfit
from ..core.remote import shown
from ..errors import MappingError, shorten
from .fields import FieldMapping, SetOptions
from .forms import FORMS, NO_TEXT, Pairs, data_prep_form, own_form

#: Largest size of a mapping set, in bytes: a hundred times the largest that was seen, and read in seconds.
MAX_BYTES = 32 << 20

_FILE = DocumentKind(MappingError, "Give a mapping set: YAML, JSON or the CSV template.", remote=True, limit=MAX_BYTES)

#: Names of the forms a set can be written in; the suffix of a file decides between YAML and JSON for ``own``.
FILE_FORMS = (*FORMS, "csv")

_CSV_COLUMNS = ("sourceType", "source", "destination")
_HEADINGS = {
    "sourceType": ("sourcetype", "type", "mappingtype", "fieldtype", "fieldmappingtype"),
    "source": ("source", "sourcefield", "sourceattribute", "sourcedata", "sourcecolumn", "sourcepath", "mapping"),
    "destination": (
        "destination", "destinationxdmpath", "target", "targetfield", "targetxdmfield", "xdmfield", "destinationfield",
        "destinationpath", "targetpath",
    ),
    "name": ("name",),
    "description": ("description",),
}  # fmt: skip


class _Loader(yaml.SafeLoader):
    """Safe YAML with the plain types of YAML 1.2 and objects that know their lines."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"null|Null|NULL|~|", "nN~"),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+", "-+.0123456789"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), [*_first, *([""] if _tag == "null" else [])]
    )


def _pairs(loader: _Loader, node: yaml.MappingNode) -> Pairs:
    pairs = [
        (str(loader.construct_object(key, deep=True)), loader.construct_object(value, deep=True))
        for key, value in node.value
    ]
    return Pairs(pairs, {str(key.value): key.start_mark.line + 1 for key, _ in node.value})


_Loader.add_constructor("tag:yaml.org,2002:map", _pairs)


def read_file(path: str | os.PathLike[str]) -> Any:
    """The content of a mapping file.

    Raises:
        MappingError: it cannot be read, or is no YAML, JSON or CSV.
    """
    text = _FILE.read_text(path)
    file = Path(shown(path))
    if not text.strip():
        raise MappingError(f"{file}: is empty. Give lines of `destination: source`.")
    if file.suffix.lower() == ".csv":
        return read_csv_template(text, file.name)
    if file.suffix.lower() == ".json":
        return _FILE.parse_json(text, file, Pairs)
    return parse_yaml(text, str(file))


def parse_yaml(text: str, name: str) -> Any:
    """The content of a YAML (or JSON) text.

    Raises:
        MappingError: it is no YAML; with line and column.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        why = why_explosive(node)
        if why is not None:
            raise MappingError(f"{name}: {why}.")
        value = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise MappingError(f"{name}{where}: is not YAML: {_yaml_fault(error)}") from None
    except yaml.YAMLError as error:
        raise MappingError(f"{name}: is not YAML: {error}.") from None
    except RecursionError:
        raise MappingError(f"{name}: is nested deeper than {MAX_DEPTH} levels.") from None
    except (ValueError, ArithmeticError, LookupError, AttributeError, TypeError) as error:  # such as !!bool maybe
        raise MappingError(f"{name}: holds a value that does not fit its tag ({shorten(str(error), 100)}).") from None
    why = why_unfit(value)
    if why is not None:
        raise MappingError(f"{name}: {why}.")
    return value


def _yaml_fault(error: yaml.MarkedYAMLError) -> str:
    """What YAML says is wrong, where what it was reading begins, and what to do."""
    said = error.problem or error.context or "it cannot be read"
    begin = error.context_mark
    if error.problem and error.context:
        said = f"{error.context}{f' that begins in line {begin.line + 1}' if begin else ''}, {said}"
    if "'\\t'" in said:
        return f"{said}. Write blanks for tabs where a line is indented."
    if "quoted scalar" in said:
        return f"{said}. Close the quote."
    if "flow" in said:
        return f"{said}. Close the bracket."
    return f"{said}. Put an expression that holds ': ' or ' #', or begins with a quote or a sign, in single quotes."


def read_csv_template(text: str, name: str) -> list[dict[str, str]]:
    """The mappings of a CSV template, each as an object of the API."""
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline="")) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise MappingError(f"{name}: is no CSV template ({error}).") from None
    if not rows:
        raise MappingError(f"{name}: is empty. Give a header and a row for each mapping.")
    header = [re.sub(r"[^a-z]", "", cell.lower()) for cell in rows[0]]
    at = {
        key: number
        for key, names in _HEADINGS.items()
        for number, cell in reversed([*enumerate(header)])
        if cell in names
    }
    if "source" not in at or "destination" not in at:
        raise MappingError(
            f"{name}: the first line has no headings for source and destination, "
            f"got {', '.join(rows[0])}. Write {','.join(_CSV_COLUMNS)} as the first line."
        )
    mappings = []
    for row in rows[1:]:
        item = {key: row[number].strip() for key, number in at.items() if number < len(row) and row[number].strip()}
        kind = item.get("sourceType", "")
        if kind and not kind.startswith("text/"):
            word = kind.upper().replace(" ", "_")
            item["sourceType"] = {"CALCULATED_FIELD": "EXPRESSION", "CALCULATED": "EXPRESSION"}.get(word, word)
        mappings.append(item)
    return mappings


def render(fields: Iterable[FieldMapping], options: SetOptions, form: str, suffix: str) -> tuple[str, list[str]]:
    """The text of a mapping file, and what the form could not hold, one line each.

    Args:
        fields: the mappings.
        options: the options of the set.
        form: one of :data:`FILE_FORMS`.
        suffix: ending of the file, such as ``.yaml``.

    Returns:
        The text, and one line for each thing that was left out.

    Raises:
        MappingError: there is no such form.
    """
    if form not in FILE_FORMS:
        raise MappingError(f"there is no form {form!r} of a mapping set. It is one of {', '.join(FILE_FORMS)}.")
    items = list(fields)
    if form == "own":
        content = own_form([item for item in items if item.kind != "callable"], options)
        losses = [NO_TEXT.format(item.destination) for item in items if item.kind == "callable"]
        if suffix != ".json":
            return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000), losses
    else:
        content, losses = data_prep_form(items, options, "posted" if form == "csv" else form)
    if form != "csv":
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n", losses
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, _CSV_COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(content["mappings"])
    for item in content["mappings"]:
        if kept := [key for key in item if key not in _CSV_COLUMNS]:
            losses.append(f"{item['destination']}: the CSV template has no {', '.join(kept)}; left out.")
    if kept := [key for key in content if key != "mappings"]:
        losses.append(f"the CSV template has no {', '.join(kept)} of the set; left out.")
    return out.getvalue(), losses


class _Dumper(yaml.SafeDumper):
    """YAML that reads back the same with :class:`_Loader` and with YAML 1.1 readers."""

    def ignore_aliases(self, data: Any) -> bool:
        """Never write anchors."""
        return True


# What was read from a file is kept in subclasses that know where it stood; they are written as what they are.
_Dumper.add_multi_representer(dict, yaml.SafeDumper.represent_dict)
_Dumper.add_multi_representer(list, yaml.SafeDumper.represent_list)
_Dumper.add_multi_representer(str, yaml.SafeDumper.represent_str)
for _first, _resolvers in _Loader.yaml_implicit_resolvers.items():  # quote what the loader takes for a number
    for _tag, _pattern in _resolvers:
        _Dumper.add_implicit_resolver(_tag, _pattern, [_first])
