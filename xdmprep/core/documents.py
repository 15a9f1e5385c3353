"""Documents that people give: schemas, mapping sets, manifests, configurations.

One reader for all of them.  It takes regular files and pipes, of bounded size; JSON must be JSON (no ``NaN``, no number
that a double cannot hold), of bounded depth, so that code that walks the document needs no guard; texts are Unicode.
What each kind must hold is declared as a :data:`Shape` and checked at once, with the path of the place in each message.
"""

from __future__ import annotations

import json
import math
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import SchemaError, XdmPrepError, did_you_mean, shorten
from .packed import packing
from .remote import RemoteError, as_local, is_remote, pieces, shown
from .signatures import what_it_is

#: Largest document, in bytes.
MAX_BYTES = 256 << 20
#: Deepest nesting of a document.  Each level of XDM fields takes two.
MAX_DEPTH = 400
#: Most values of one level of a document.
MAX_VALUES = 10_000_000
#: Most values of a YAML document once its aliases are written out.
MAX_EXPANDED = 1_000_000
#: Errors of shape that one message lists.
MAX_FAULTS = 10

#: Most files below a folder that is searched.
MAX_ENTRIES = 200_000

_Pairs = Callable[[list[tuple[str, Any]]], Any]


class UnfitError(Exception):
    """Why a text is not a document; becomes an error of the document's kind."""


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether `path` is a regular file; False, never an error, for a path that cannot be looked at."""
    return os.path.isfile(path)  # noqa: PTH113 (pathlib raises for names that are too long)


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether `path` is a folder; False, never an error, for a path that cannot be looked at."""
    return os.path.isdir(path)  # noqa: PTH112


def files_below(
    folder: str | os.PathLike[str],
    fits: Callable[[str], bool],
    error: type[XdmPrepError] = SchemaError,
    enters: Callable[[str], bool] = bool,
    others: list[str] | None = None,
) -> list[Path]:
    """The files in a folder and the folders below it, sorted.

    Links are followed, each folder once.  Folders and files that vanish while they are listed are passed over.

    Args:
        folder: where to look.
        fits: whether a file of this name is wanted.
        error: what to raise.
        enters: whether a folder of this name is looked into.
        others: takes the files that do not fit, and the folders that are not entered, which end with ``/``.

    Returns:
        Their paths.

    Raises:
        XdmPrepError: of the type `error`; there are more than :data:`MAX_ENTRIES` names below the folder, a folder
            cannot be entered, or what has the name of a wanted file is none.
    """

    def refused(why: OSError) -> None:
        if not isinstance(why, FileNotFoundError | NotADirectoryError):
            raise error(f"{why.filename}: {why.strerror}.")

    found: list[Path] = []
    count = 0
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, onerror=refused, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        if others is not None:
            others += [f"{Path(place, name)}/" for name in folders if not enters(name)]
            others += [str(Path(place, name)) for name in names if not fits(name)]
        folders[:] = sorted(filter(enters, folders))
        count += len(names)
        if count > MAX_ENTRIES:
            raise error(f"{os.fspath(folder)}: holds more than {MAX_ENTRIES:,} files. Give a folder closer to them.")
        for name in filter(fits, names):
            file = Path(place, name)
            if why := why_no_file(file):
                raise error(f"{file}: {why}.")
            if is_file(file):
                found.append(file)
    return sorted(found)


def why_no_file(path: str | os.PathLike[str]) -> str | None:
    """Why a listed name cannot be read as a file, as the rest of a sentence; None if it can, or has vanished."""
    if os.path.islink(path) and not exists(path):  # noqa: PTH114
        return "is a link that leads nowhere. Remove or mend it"
    return why_no_source(path)


def exists(path: str | os.PathLike[str]) -> bool:
    """Whether `path` leads to anything; False, never an error, for a path that cannot be looked at."""
    return os.path.exists(path)  # noqa: PTH110


def why_no_source(path: str | os.PathLike[str]) -> str | None:
    """Why the file `path` cannot be a source of rows, as the rest of a sentence; None if it may be one.

    Rows are read more than once, and to their end: that needs a regular file.  A path that leads nowhere is left to
    the process that opens it.
    """
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 (bytes and odd names too)
    except (OSError, ValueError):
        return None
    if stat.S_ISFIFO(mode):
        return "is a pipe, which can be read only once. Save it as a file first, or read it as standard input (`-`)"
    return None if stat.S_ISDIR(mode) else _special(mode)


def _special(mode: int) -> str | None:
    if stat.S_ISREG(mode):
        return None
    names = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a named pipe"), (stat.S_ISSOCK, "a socket"))
    return f"is {next((name for test, name in names if test(mode)), 'a device')}, not a file"


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"is no file name ({error})"


def why_explosive(node: Any) -> str | None:
    """Why a YAML document, composed but not constructed, must not be constructed; None if it may be.

    Aliases of aliases make a short text stand for billions of values, or for a value that holds itself.

    Args:
        node: what ``get_single_node`` of a loader of PyYAML gave.
    """
    sizes: dict[int, float] = {}

    def size(node: Any) -> float:
        found = sizes.get(id(node))
        if found is None:
            sizes[id(node)] = math.inf  # until it is known: who asks meanwhile is inside of it
            total = 1.0
            for part in node.value if isinstance(node.value, list) else ():
                total += sum(map(size, part)) if isinstance(part, tuple) else size(part)
            found = sizes[id(node)] = total
        return found

    if node is None or size(node) <= MAX_EXPANDED:
        return None
    return f"its aliases (*name) repeat parts to more than {MAX_EXPANDED:,} values; repeat less, or write the parts out"


@dataclass(frozen=True, slots=True)
class DocumentKind:
    """One kind of document, for reading it.

    Attributes:
        error: what is raised.
        hint: the sentence at the end of a message: what to give instead.
        folder_hint: the same where a folder was given; `hint` unless said.
        missing: what is said of a file that is not there.
        remote: whether URLs are read.
        limit: largest size, in bytes.
    """

    error: type[XdmPrepError]
    hint: str = ""
    folder_hint: str = ""
    missing: str = "No such file or directory"
    remote: bool = False
    limit: int = MAX_BYTES

    def fail(self, name: str | os.PathLike[str], reason: str, hint: str | None = None) -> XdmPrepError:
        """The error that says that the document `name` cannot be used because of `reason`."""
        said = self.hint if hint is None else hint
        place = shown(name)
        place = place if len(place) <= 1_000 else place[:997] + "..."
        return self.error(f"{place}: {reason}." + (f" {said}" if said else ""))

    def read_text(self, path: str | os.PathLike[str]) -> str:
        """The text of a file without a byte order mark; an error of this kind if it cannot be read or is not UTF-8."""
        try:
            if self.remote and is_remote(path):
                data = _bounded(pieces(str(path)), self.limit)
            else:
                data = _read(as_local(path), self.limit)
        except RemoteError as error:
            raise self.fail(path, str(error), "") from None
        except UnfitError as error:
            folder = str(error) == "is a folder"
            raise self.fail(path, str(error), self.folder_hint or None if folder else None) from None
        except FileNotFoundError:
            raise self.fail(path, self.missing) from None
        except (OSError, ValueError) as error:
            raise self.fail(path, _reason(error)) from None
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            kind = packing(data[:4]) or what_it_is(data[:4096], json_fits=True)
            if kind is None or kind.startswith("UTF-"):
                what = kind or f"not UTF-8 text (byte {error.start})"
                raise self.fail(path, f"is {what}", "Save the file as UTF-8.") from None
            raise self.fail(path, f"is not text: it is {kind}", "Unpack or convert it first.") from None

    def read_json(self, path: str | os.PathLike[str], pairs: _Pairs | None = None) -> Any:
        """The JSON of a file, see :meth:`read_text` and :meth:`parse_json`."""
        return self.parse_json(self.read_text(path), path, pairs)

    def parse_json(self, text: str, name: str | os.PathLike[str], pairs: _Pairs | None = None) -> Any:
        """The JSON of a text, whose objects `pairs` makes; an error of this kind if it is none."""
        try:
            return parse_json(text, pairs)
        except UnfitError as error:
            raise self.fail(name, str(error) if text.strip() else "is empty") from None

    def check(self, value: Any, shape: Shape, name: str | os.PathLike[str]) -> None:
        """Raise the error of this kind where `value` does not have the `shape`; all places are named."""
        faults = []
        for number, fault in enumerate(shape(value, "")):
            if number == MAX_FAULTS:
                faults.append("and more")
                break
            faults.append(fault)
        if faults:
            raise self.fail(name, "; ".join(faults))


def _bounded(data: Iterable[bytes], limit: int) -> bytes:
    """The pieces of a document as one; UnfitError if they are too large."""
    found = bytearray()
    for piece in data:
        found += piece
        if len(found) > limit:
            raise UnfitError(f"is larger than {limit >> 20} MB")
    return bytes(found)


def _read(path: str | os.PathLike[str], limit: int) -> bytes:
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    mode = os.fstat(handle).st_mode
    if stat.S_ISDIR(mode):
        os.close(handle)
        raise UnfitError("is a folder")
    with open(handle, "rb", buffering=0) as file:  # noqa: PTH123 (an open handle)
        if stat.S_ISFIFO(mode):
            os.set_blocking(handle, True)  # without a process at the other end it is empty, which ends at once
        elif (what := _special(mode)) is not None:
            raise UnfitError(what)
        return _bounded(iter(partial(file.read, 1 << 20), b""), limit)


def parse_json(text: str, pairs: _Pairs | None = None) -> Any:
    """The value of a JSON text; UnfitError if it is none, too deep (:data:`MAX_DEPTH`) or not Unicode."""
    try:
        value = json.loads(
            text, object_pairs_hook=pairs, parse_constant=_no_constant, parse_float=_double, parse_int=_integer
        )
    except json.JSONDecodeError as error:
        raise UnfitError(f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise UnfitError(f"is nested deeper than {MAX_DEPTH} levels") from None
    why = why_unfit(value, surrogates="\\u" in text)
    if why is not None:
        raise UnfitError(why)
    return value


def _no_constant(text: str) -> Any:
    raise UnfitError(f"{text} is not JSON")


def _double(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise UnfitError(f"holds the number {shorten(text, 40)}, which is beyond the range of a double")
    return value


def _integer(text: str) -> int:
    if len(text) > 400:
        raise UnfitError(f"holds a number of {len(text):,} digits")
    return int(text)


_SCALARS = frozenset({int, float, bool, type(None)})


def why_unfit(value: Any, surrogates: bool = True, keys: bool = False) -> str | None:
    """Why a value cannot be a document: too deep, halves of surrogate pairs, `keys` that are no strings; else None."""
    level: list[Any] = [value]
    for depth in range(MAX_DEPTH + 1):
        below: list[Any] = []
        for item in level:
            if type(item) in _SCALARS:  # most items; isinstance(…, Mapping) is slow
                continue
            texts: list[str] = []
            if isinstance(item, str):
                texts = [item]
            elif isinstance(item, list | tuple | Mapping):
                if depth == MAX_DEPTH:
                    return f"is nested deeper than {MAX_DEPTH} levels"
                if isinstance(item, Mapping):
                    below.extend(item.values())
                    texts = [key for key in item if isinstance(key, str)]
                    if keys and len(texts) < len(item):
                        odd = next(key for key in item if not isinstance(key, str))
                        return f"expected strings as keys, got {shorten(odd, 60)}"
                else:
                    below.extend(item)
            for text in texts if surrogates else ():
                if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
                    return f"holds the string {shorten(text, 40)} with half a surrogate pair, which is not Unicode"
        if not below:
            break
        if len(below) > MAX_VALUES:
            return f"holds more than {MAX_VALUES:,} values"
        level = below
    return None


#: Errors of a value, each with the path of its place: ``files[0].rows: expected a count, got 'x'``.
Shape = Callable[[Any, str], Iterator[str]]


def kind_of(what: str, fits: Callable[[Any], bool]) -> Shape:
    """A value that `fits`; `what` is how messages call it."""

    def shape(value: Any, path: str) -> Iterator[str]:
        if not fits(value):
            yield f"{path + ': ' if path else ''}expected {what}, got {shorten(value, 60)}"

    return shape


def _is_plain(name: str) -> bool:
    return name not in ("", ".", "..") and not any(char in name for char in "/\\\0")


TEXT = kind_of("a string", lambda value: isinstance(value, str))
FILLED = kind_of("a string that is not blank", lambda value: isinstance(value, str) and bool(value.strip()))
FILE_NAME = kind_of("the name of a file in the folder", lambda value: isinstance(value, str) and _is_plain(value))
FLAG = kind_of("true or false", lambda value: isinstance(value, bool))
COUNT = kind_of("a whole number from 0 on", lambda value: type(value) is int and 0 <= value <= sys.maxsize)
NUMBER = kind_of("a number", lambda value: type(value) in (int, float) and abs(value) < 1e18)
LIST = kind_of("a list", lambda value: isinstance(value, list))
OBJECT = kind_of("an object", lambda value: isinstance(value, dict))
ANYTHING = kind_of("anything", lambda value: True)


def one_of(*values: Any) -> Shape:
    """One of some simple values."""
    named = ", ".join(json.dumps(value) for value in values[:-1]) + f" or {json.dumps(values[-1])}"
    known = [(type(value), value) for value in values]
    fits = kind_of(named, lambda value: isinstance(value, str | int | bool | None) and (type(value), value) in known)

    words = [one for one in values if isinstance(one, str)]

    def shape(value: Any, path: str) -> Iterator[str]:
        for fault in fits(value, path):
            near = did_you_mean(value, words) if isinstance(value, str) else ""
            yield fault + (f".{near.rstrip('?')}" if near else "")

    return shape


def nullable(shape: Shape) -> Shape:
    """`shape`, or null."""
    return lambda value, path: iter(()) if value is None else shape(value, path)


def list_of(item: Shape) -> Shape:
    """A list of any length."""

    def shape(value: Any, path: str) -> Iterator[str]:
        yield from LIST(value, path)
        for number, inner in enumerate(value if isinstance(value, list) else ()):
            yield from item(inner, f"{path}[{number}]")

    return shape


def map_of(item: Shape) -> Shape:
    """An object of any keys."""

    def shape(value: Any, path: str) -> Iterator[str]:
        yield from OBJECT(value, path)
        for key, inner in value.items() if isinstance(value, dict) else ():
            yield from item(inner, f"{path}.{key}" if path else str(key))

    return shape


def record(required: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None) -> Shape:
    """An object with these keys; others may be there."""

    def shape(value: Any, path: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield from OBJECT(value, path)
            return
        lacking = [key for key in required if key not in value]
        if lacking:
            yield f"{path + ': ' if path else ''}lacks {', '.join(map(repr, lacking))}"
        for key, inner in {**required, **(optional or {})}.items():
            if key in value:
                yield from inner(value[key], f"{path}.{key}" if path else key)

    return shape


def descriptor_list(content: Any, name: str) -> list[dict[str, Any]]:
    """Descriptors from a list, or from the registry's object of lists; SchemaError if it is neither."""
    if isinstance(content, dict) and "@type" in content:
        content = [content]
    elif isinstance(content, dict):
        lists = [value for value in content.values() if isinstance(value, list)]
        content = [item for items in lists for item in items]
    if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
        raise SchemaError(f"{name}: expected a list of descriptors, each an object with '@type'.")
    return content
