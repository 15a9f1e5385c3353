"""A mapping set: which value of the source goes where in the record, as data.

It is read from YAML, JSON, the CSV template or a dict, can be edited like a dict, and is compiled when it meets a
header and a schema (:func:`xdmprep.mapping.compile_mapping`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from ..core.arguments import PATH, TEXT, WORD, either, instance, nullable, takes
from ..core.documents import kind_of
from ..core.manifest import whole_file
from ..core.remote import shown
from ..core.typing import Place
from ..errors import MappingError, counted
from .fields import FieldMapping, SetOptions
from .files import read_file, render
from .forms import FORMS, are_columns, data_prep_form, own_form, own_source, read_content, read_source, value_texts
from .placeholders import check_values, filled


class MappingSet(MutableMapping[str, Any]):
    """Destination path -> source, editable like a dict.

    A source is a column name, an expression, a number or boolean, a Python callable over Arrow arrays or pandas Series,
    or the long form ``{"column" | "expression" | "constant" | "call": ..., "name": ..., "description": ...}``.

    Args:
        content: a dict of our form, a Data Prep mapping set in any of its forms, a list of mappings, another set.
        name: what messages call the set.
        group_by: columns whose equal values make several rows one record.
        values: what the placeholders of a template stand for: ``${NAME}`` -> text.

    Raises:
        MappingError: with everything that is wrong with the form.
        UsageError: an argument is of another type.

    Examples:
        >>> mapping = xp.MappingSet({"person.name.firstName": "F_NAME", "person.birthYear": "to_integer(YOB)"})
        >>> mapping["homeAddress.country"] = '"NL"'
        >>> print(mapping)
        mapping set, 3 mappings
          person.name.firstName  <- F_NAME
          person.birthYear       <- to_integer(YOB)
          homeAddress.country    <- "NL"
    """

    options: SetOptions
    _fields: list[FieldMapping]

    @takes(name=TEXT, group_by=either(kind_of("a column or a list of columns", are_columns), WORD))
    def __init__(
        self,
        content: Mapping[str, Any] | Iterable[Any] = (),
        *,
        name: str = "",
        group_by: str | Iterable[str] = (),
        values: Mapping[str, Any] | None = None,
    ) -> None:
        self._file = ""
        if isinstance(content, MappingSet):
            self._fields, self.options, self._file = list(content.mappings), content.options, content._file
        else:
            is_list = isinstance(content, Iterable) and not isinstance(content, Mapping | str)
            known = list(content) if is_list else content
            self._fields, self.options = read_content(known, name)
        if name:
            self.options = replace(self.options, name=name)
        if group_by:
            keys = (group_by,) if isinstance(group_by, str) else tuple(group_by)
            self.options = replace(self.options, group_by=keys)
        self._give(values)

    @classmethod
    @takes(path=PATH)
    def load(cls, path: str | os.PathLike[str], *, values: Mapping[str, Any] | None = None) -> MappingSet:
        """Read a mapping file: YAML, JSON or the CSV template, in our form or any of Data Prep's.

        Args:
            path: the file, or its URL.
            values: what the placeholders of a template stand for: ``${NAME}`` -> text.

        Returns:
            The set.

        Raises:
            MappingError: the file cannot be read, or is no mapping set; or a value belongs to no placeholder.
            UsageError: an argument is of another type.

        Examples:
            >>> len(xp.MappingSet.load("schemas/crm-profile.mapping.yaml"))
            26
        """
        file = Path(shown(path))
        made = cls.__new__(cls)
        made._file = file.name
        made._fields, made.options = read_content(read_file(path), file.name)
        made._give(values)
        return made

    def _give(self, values: Mapping[str, Any] | None) -> None:
        """Takes values of placeholders."""
        if values:
            faults: list[str] = []
            texts = value_texts(values, faults)
            if faults:
                raise MappingError(faults, self.name or None)
            check_values(texts, self._fields, self.name or None)
            self.options = replace(self.options, values={**self.options.values, **texts})

    def filled(self, columns: Iterable[str] = ()) -> MappingSet:
        """A copy with its placeholders replaced by their values; ``${NAME}`` of a column in `columns` is left.

        Args:
            columns: names of the source's columns.

        Returns:
            A further set; this one stays as it is.

        Examples:
            >>> xp.MappingSet({"market": '"${MARKET}"'}, values={"MARKET": "nl"}).filled().to_dict()
            {'market': '"nl"'}
        """
        known = set(columns)
        made = self.copy()
        made._fields = [filled(item, self.options.values, known) for item in self._fields]
        made.options = replace(self.options, values={})
        return made

    @property
    def name(self) -> str:
        """What messages call the set: its name, or the file it was read from."""
        return self.options.name or self._file

    @property
    def mappings(self) -> tuple[FieldMapping, ...]:
        """The mappings in their order; a destination that was given twice is listed twice."""
        return tuple(self._fields)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Source, as people write it, and destination of each mapping."""
        return [(item.text, item.destination) for item in self._fields]

    @takes(destination=WORD)
    def __getitem__(self, destination: str) -> Any:
        return own_source(self._field(destination))

    @takes(destination=WORD)
    def __setitem__(self, destination: str, source: Any) -> None:
        faults: list[str] = []
        made = read_source(destination, source, faults)
        if made is None:
            raise MappingError(faults, self.name or None)
        if made.destination != destination:
            made = replace(made, destination=destination)
        at = [number for number, item in enumerate(self._fields) if item.destination == destination]
        if at:
            self._fields[at[0]] = made
            self._fields = [item for number, item in enumerate(self._fields) if number not in at[1:]]
        else:
            self._fields.append(made)

    def __delitem__(self, destination: str) -> None:
        self._field(destination)
        self._fields = [item for item in self._fields if item.destination != destination]

    def __contains__(self, destination: object) -> bool:
        return any(item.destination == destination for item in self._fields)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(item.destination for item in self._fields))

    def __len__(self) -> int:
        return len({item.destination for item in self._fields})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MappingSet):
            return NotImplemented
        return self._fields == other._fields and self.options == other.options

    __hash__ = None  # type: ignore[assignment]

    def _field(self, destination: str) -> FieldMapping:
        for item in self._fields:
            if item.destination == destination:
                return item
        raise KeyError(destination)

    def copy(self) -> MappingSet:
        """A copy that can be edited without changing this one.

        Examples:
            >>> copy = mapping.copy()
            >>> copy["person.name.middleName"] = "M_NAME"
            >>> len(copy) - len(mapping)
            1
        """
        return MappingSet(self)

    @takes(other=instance(Mapping, what="a mapping set or a dict"))
    def __or__(self, other: Mapping[str, Any]) -> MappingSet:
        made = self.copy()
        made.update(other)
        return made

    @takes(columns=kind_of("a list of columns", are_columns))
    def for_columns(self, columns: Iterable[str]) -> MappingSet:
        """A copy where a bare text that is one of `columns` is said to be a column, for forms that must tell.

        Args:
            columns: names of the source's columns.

        Returns:
            A further set; this one stays as it is.

        Raises:
            UsageError: an argument is of another type.

        Examples:
            >>> xp.MappingSet({"a": "upper(x)", "b": "y"}).for_columns(["y"]).mappings[1].kind
            'column'
        """
        known = set(columns)
        made = self.copy()
        made._fields = [
            replace(item, kind="column") if item.kind == "auto" and item.source in known else item
            for item in self._fields
        ]
        return made

    @takes(form=WORD)
    def to_dict(self, form: str = "own") -> dict[str, Any]:
        """The set as JSON values.  What a form cannot hold is left out; :meth:`losses` lists it.

        Args:
            form: ``own``, ``posted``, ``stored`` or ``old``.

        Returns:
            Destination -> source, or the content of the form.

        Raises:
            UsageError: an argument is of another type.

        Examples:
            >>> xp.MappingSet({"person.name.firstName": "upper(FIRST)"}).to_dict()
            {'person.name.firstName': 'upper(FIRST)'}
        """
        if form == "own":
            return own_form(self._fields, self.options)
        if form not in FORMS:
            raise MappingError(f"there is no form {form!r} of a mapping set. It is own, posted, stored or old.")
        return data_prep_form(self._fields, self.options, form)[0]

    @takes(form=WORD)
    def losses(self, form: str) -> list[str]:
        """What a form (``own``, ``posted``, ``stored``, ``old``, ``csv``) cannot hold, one line each.

        Args:
            form: the form to be written.

        Returns:
            The lines; empty if nothing is lost.

        Raises:
            UsageError: an argument is of another type.

        Examples:
            >>> xp.MappingSet({"a": "b"}).losses("posted")
            []
        """
        return render(self._fields, self.options, form, ".yaml")[1]

    @takes(form=WORD, suffix=WORD)
    def text(self, form: str = "own", suffix: str = ".yaml") -> str:
        """The text of a file in `form`; `suffix` decides between YAML and JSON for our own form.

        Args:
            form: ``own``, ``posted``, ``stored``, ``old`` or ``csv``.
            suffix: ``.yaml`` or ``.json``.

        Returns:
            The file's text.

        Raises:
            UsageError: an argument is of another type.

        Examples:
            >>> print(xp.MappingSet({"person.name.firstName": "upper(FIRST)"}).text())
            person.name.firstName: upper(FIRST)
        """
        return render(self._fields, self.options, form, suffix)[0]

    @takes(path=PATH, form=nullable(WORD))
    def save(self, path: str | os.PathLike[str], form: str | None = None) -> list[str]:
        """Write the set as a file.

        Args:
            path: ``.yaml``, ``.json`` or ``.csv``.
            form: ``own``, ``posted``, ``stored``, ``old`` or ``csv``; by default ``csv`` for a ``.csv`` file, else
                ``own``.

        Returns:
            What the form could not hold, one line each.

        Raises:
            OutputError: the file cannot be written.
            UsageError: an argument is of another type.

        Examples:
            >>> xp.MappingSet({"person.name.firstName": "upper(FIRST)"}).save("mine.mapping.yaml")
            []
        """
        suffix = Path(path).suffix.lower()
        text, losses = render(self._fields, self.options, form or ("csv" if suffix == ".csv" else "own"), suffix)
        with whole_file(path) as out:
            out.write(text.encode())
        return losses

    def source_contract(self, schema: Any) -> Any:
        """A pandera schema for the source columns: what `schema` means for each; see :mod:`xdmprep.pipeline.contract`.

        Args:
            schema: the schema of the destinations.

        Returns:
            A `pandera.DataFrameSchema` with one column a source column.

        Raises:
            MissingDependencyError: pandera is not installed.

        Examples:
            >>> contract = mapping.source_contract(schema)
            >>> sorted(contract.columns)[:3]
            ['CITY', 'COUNTRY', 'DOB']
        """
        from ..pipeline.contract import source_contract  # a higher floor, asked when called

        return source_contract(self, schema)

    def __str__(self) -> str:
        wide = min(60, max((len(item.destination) for item in self._fields), default=0))
        lines = [f"  {item.destination:{wide}}  <- {item.text}" for item in self._fields]
        group = f", grouped by {', '.join(self.options.group_by)}" if self.options.group_by else ""
        count = counted(len(self._fields), "mapping")
        return "\n".join([f"{self.name or 'mapping set'}, {count}{group}", *lines])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from ..core.notebook import grid, wrap

        title = f"{self.name or 'mapping set'}, {counted(len(self._fields), 'mapping')}"
        return wrap(title, grid(("source", "destination"), self.pairs))


#: A mapping set, what it is made from (destination -> source, or an exported list), or where its file is.
MappingLike: TypeAlias = "MappingSet | Mapping[str, Any] | Iterable[Mapping[str, Any]] | Place"


def as_mapping(given: MappingLike) -> MappingSet:
    """A mapping set, or the one that a dict or a file holds.

    Raises:
        MappingError: it holds none.
    """
    if isinstance(given, MappingSet):
        return given
    return MappingSet.load(given) if isinstance(given, str | os.PathLike) else MappingSet(given)
