"""Figures of the package's structure: ``python tests/house_figures.py [PACKAGE FOLDER]``.

Lines and modules, floors and arrows of the imports between rooms (a room is a top-level module or folder), walkers of
schemas, readers of regular expressions, and class names that are defined in more than one module.  Without a folder
also the ways through this package: the calls that a block of a source and a single record take.
"""

from __future__ import annotations

import ast
import csv
import json
import random
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FrameType

#: The only calls upwards, as (module, room), each from within a function: methods that hand over to a higher room, and
#: the emulator, whose front gives the server the checks of the data wing. Arrows and floors leave them out.
HANDED_ON = {("schema/model.py", "validate"), ("mapping/sets.py", "pipeline"), ("emulator/__init__.py", "pipeline")}
HERE = Path(__file__).resolve().parent.parent / "xdmprep"


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def modules(package: Path = HERE) -> dict[str, ast.Module]:
    """The modules by path below the package; each is parsed once."""
    return {path.relative_to(package).as_posix(): _parsed(path) for path in sorted(package.rglob("*.py"))}


def classes(package: Path = HERE) -> dict[str, list[str]]:
    """Class name -> the modules that define it at their top level."""
    found: dict[str, list[str]] = {}
    for path, tree in modules(package).items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(path)
    return found


def homonyms(package: Path = HERE) -> dict[str, list[str]]:
    """Those that more than one module defines."""
    return {name: places for name, places in sorted(classes(package).items()) if len(places) > 1}


def arrows(package: Path = HERE) -> set[tuple[str, str]]:
    """(room, room that it imports), imports within functions included, without :data:`HANDED_ON`."""
    found = set()
    for path, tree in modules(package).items():
        parts = path.split("/")
        for node in ast.walk(tree):
            if not (isinstance(node, ast.ImportFrom) and node.level):
                continue
            base = parts[:-1][: len(parts) - node.level]
            dotted = [*base, *(node.module.split(".") if node.module else [])]
            for target in [dotted[0]] if dotted else [alias.name for alias in node.names]:
                room = parts[0].removesuffix(".py")
                own = target == room or target.startswith("_") or room == "__main__"
                if not own and (path, target) not in HANDED_ON:
                    found.add((room, target))
    return found


def floors(some: set[tuple[str, str]]) -> int:
    """The longest way down; arrows that close a circle are not followed."""
    depth: dict[str, int] = {}

    def of(room: str, trail: tuple[str, ...]) -> int:
        if room not in depth:
            lower = [other for one, other in sorted(some) if one == room and other not in trail]
            depth[room] = 1 + max((of(other, (*trail, room)) for other in lower), default=0)
        return depth[room]

    return max((of(room, ()) for room, _ in sorted(some)), default=1)


#: Names of parameters that are a part of a schema, or of the columns that stand for it.
_PARTS = {"node", "field", "tree", "shape"}


def walkers(folder: Path = HERE / "validate") -> list[list[str]]:
    """Functions that recurse through a schema: they take a part of one and call each other in a circle, by name.

    A function that calls only itself is a circle of one.
    """
    known: dict[str, list[str]] = {}
    called: dict[str, set[str]] = {}
    for path, tree in modules(folder).items():
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef) and _PARTS & {argument.arg for argument in function.args.args}:
                place = f"{path}:{function.name}"
                known.setdefault(function.name, []).append(place)
                heads = [
                    part
                    for call in ast.walk(function)
                    if isinstance(call, ast.Call)
                    for part in (call.func, *call.args)
                ]
                called.setdefault(place, set()).update(
                    head.attr if isinstance(head, ast.Attribute) else head.id
                    for head in heads
                    if isinstance(head, ast.Attribute | ast.Name)
                )
    below = {place: {other for name in names for other in known.get(name, ())} for place, names in called.items()}
    reached: dict[str, set[str]] = {}
    for place in below:
        found: set[str] = set()
        waiting = [place]
        while waiting:
            new = below[waiting.pop()] - found
            found |= new
            waiting += new
        reached[place] = found
    circles = {tuple(sorted(other for other in reached[place] if place in reached[other]))
               for place in below if place in reached[place]}  # fmt: skip
    return sorted(map(list, circles))


def regex_readers(package: Path = HERE) -> list[str]:
    """Classes that read the text of a regular expression: those built on the one cursor, or that have its methods."""
    found = []
    for path, tree in modules(package).items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
                methods = {part.name.strip("_") for part in node.body if isinstance(part, ast.FunctionDef)}
                if "Cursor" in bases or {"atom", "escape"} <= methods:
                    found.append(f"{path}:{node.name}")
    return found


class _Trail:
    """Calls of the package's functions while it is entered, and how often they change the module."""

    def __init__(self) -> None:
        self.modules: set[str] = set()
        self.calls = self.changes = 0
        self._at = ""

    def __enter__(self) -> _Trail:
        sys.setprofile(self._seen)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _seen(self, frame: FrameType, event: str, _: object) -> None:
        name = frame.f_code.co_filename
        if event == "call" and name.startswith(str(HERE)):
            self.calls += 1
            self.changes += name != self._at
            self.modules.add(name)
            self._at = name


def ways() -> dict[str, tuple[int, int, int]]:
    """The way of a block of rows through `prepare`, and of a record through `check`: modules, calls, changes of module.

    For a block it is what two blocks more cost, halved, so that what is done once a run does not count.
    """
    import xdmprep as xp
    from xdmprep.read import ndjson

    shipped = HERE.parent / "schemas"
    schema, mapping = shipped / "crm-profile.schema.json", shipped / "crm-profile.mapping.yaml"
    with (shipped / "examples" / "crm-profiles.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    source = random.Random(0)

    def as_csv(some: list[dict[str, str]], path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(some)

    def as_lines(some: list[dict[str, str]], path: Path) -> None:
        path.write_text("".join(json.dumps(row) + "\n" for row in some), encoding="utf-8")

    def shuffled(some: list[dict[str, str]], path: Path) -> None:
        as_lines([{key: row[key] for key in source.sample(list(row), len(row))} for row in some], path)

    def blocks(write: Callable[[list[dict[str, str]], Path], None], ending: str) -> tuple[int, int, int]:
        made = []
        with tempfile.TemporaryDirectory() as folder:
            for number, times in enumerate((2, 2, 4)):  # the first run pays for what is done once a process
                path = Path(folder, f"{number}.{ending}")
                chunks: list[object] = []
                write(rows * times, path)
                size = path.stat().st_size // times + 1000
                ndjson.BLOCK_BYTES = size
                with _Trail() as trail:
                    xp.prepare(path, mapping, schema, Path(folder, f"out-{number}"), jobs=1, on_chunk=chunks.append,
                               max_loss=100, csv=xp.CsvOptions(block_bytes=size))  # fmt: skip
                made.append((trail, len(chunks)))
        (before, few), (after, many) = made[1:]
        more = many - few
        return len(after.modules), (after.calls - before.calls) // more, (after.changes - before.changes) // more

    record = json.loads((shipped / "examples" / "crm-profile.valid.jsonl").read_text(encoding="utf-8").splitlines()[0])
    loaded = xp.Schema.load(schema)
    loaded.check(record)
    with _Trail() as trail:
        loaded.check(record)
    return {
        "CSV block": blocks(as_csv, "csv"),
        "NDJSON block": blocks(as_lines, "ndjson"),
        "the same, keys shuffled": blocks(shuffled, "ndjson"),
        "a record": (len(trail.modules), trail.calls, trail.changes),
    }


def main() -> None:
    """Print the figures."""
    package = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    python = list(package.rglob("*.py"))
    between = arrows(package)
    print(f"lines of Python  {sum(len(path.read_text(encoding='utf-8').splitlines()) for path in python):,}")
    print(f"lines of C       {sum(len(path.read_text().splitlines()) for path in package.glob('*.c')):,}")
    print(f"modules          {len(python)}")
    print(f"rooms            {len({path.relative_to(package).parts[0] for path in python})}")
    print(f"floors           {floors(between)}")
    print(f"arrows           {len(between)}")
    circles = walkers(package / "validate")
    print(f"schema walkers   {len(circles)}")
    for circle in circles:
        print(f"    {', '.join(circle[:4])}{', ...' if len(circle) > 4 else ''}")
    readers = regex_readers(package)
    print(f"regex readers    {len(readers)}: {', '.join(readers)}")
    print(f"homonyms         {len(homonyms(package))}")
    for name, places in homonyms(package).items():
        print(f"    {name}: {', '.join(places)}")
    if package == HERE:
        print("ways             modules   calls  changes of module")
        for name, (number, calls, changes) in ways().items():
            print(f"    {name:24} {number:3} {calls:7,} {changes:7,}")


if __name__ == "__main__":
    main()
