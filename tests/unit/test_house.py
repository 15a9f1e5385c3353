"""The house drawn from the imports: they go down the floors only, and there is no circle."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import house_figures
import pytest

import xdmprep

PACKAGE = Path(xdmprep.__file__).parent

#: room -> floor. A room may import rooms of lower floors only.
FLOORS = {
    "kernels": 1, "errors": 1,
    "core": 2, "regex": 2,
    "schema": 3, "language": 3, "read": 3, "write": 3, "wire": 3,
    "mapping": 4, "validate": 4, "patch": 4, "report": 4, "sample": 4, "client": 4, "emulator": 4,
    "pipeline": 5, "testing": 5,
    "spark": 6,
    "cli": 7, "__init__": 7,
    "__main__": 8,
}  # fmt: skip
NETWORK = {"wire", "client", "emulator"}
#: What of ``core`` the network wing may import: nothing that loads Arrow.
GROUND = {
    "remote", "remote_folder", "documents", "arguments", "rules", "batch_check", "notebook", "paths", "manifest",
    "transport",
}  # fmt: skip
HANDED_ON = house_figures.HANDED_ON


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def imports() -> dict[tuple[str, str], set[str]]:
    """(room, room it imports) -> the files that do so, from the syntax tree, function bodies included."""
    found: dict[tuple[str, str], set[str]] = {}
    for name, tree in house_figures.modules(PACKAGE).items():
        path, parts = PACKAGE / name, name.split("/")
        for node in ast.walk(tree):
            targets: list[str] = []
            if isinstance(node, ast.ImportFrom):
                if node.level == 0 and (node.module or "").split(".")[0] == "xdmprep":
                    targets = [".".join((node.module or "").split(".")[1:]) or a.name for a in node.names]
                elif node.level:
                    base = list(parts[:-1])[: len(parts) - node.level]
                    dotted = [*base, *((node.module or "").split(".") if node.module else [])]
                    targets = [".".join(dotted)] if dotted else [alias.name for alias in node.names]
            elif isinstance(node, ast.Import):
                targets = [
                    a.name.removeprefix("xdmprep").lstrip(".") for a in node.names if a.name.split(".")[0] == "xdmprep"
                ]
            for target in targets:
                name = target.split(".")[0]
                name = "__init__" if name == "__version__" else name
                if name != room(path) and ("/".join(parts), name) not in HANDED_ON:
                    found.setdefault((room(path), name), set()).add("/".join(parts))
    return found


def test_every_room_has_a_floor() -> None:
    assert {room(path) for path in PACKAGE.rglob("*.py")} == set(FLOORS)
    assert sorted({floor for name, floor in FLOORS.items() if name != "__main__"}) == list(range(1, 8))


def test_the_figures_show_the_floors_of_the_table() -> None:
    assert house_figures.floors(house_figures.arrows()) == max(FLOORS.values()) - 1  # `__main__` is not counted


def test_imports_go_down_only() -> None:
    wrong = []
    for (upper, lower), files in imports().items():
        if lower in ("__init__", "_native"):
            continue  # the version, which the face sets before anything else, and the compiled module
        fine = FLOORS[lower] < FLOORS[upper]
        if upper in NETWORK:
            fine = fine and (lower in ("core", "errors") or lower in NETWORK)
        if not fine:
            wrong.append(f"{upper} imports {lower}: {', '.join(sorted(files))}")
    assert wrong == []


def test_the_network_wing_meets_the_data_wing_in_plain_modules_only() -> None:
    """The manifest, errors and paths: nothing that loads Arrow."""
    found = set()
    for name in sorted(NETWORK):
        for path, tree in house_figures.modules(PACKAGE).items():
            if path.split("/")[0].removesuffix(".py") != name:
                continue
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom) and node.level and (node.module or "").startswith("core"):
                    inner = (node.module or "").removeprefix("core").lstrip(".")
                    found |= {inner} if inner else {alias.name for alias in node.names}
    assert found and found <= GROUND


def test_calls_upwards_wait_for_their_caller() -> None:
    """Nothing of a higher room loads with the modules that hand over to it."""
    for file, name in sorted(HANDED_ON):
        tree = house_figures.modules(PACKAGE)[file]
        inner = [
            node
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef)
            for node in ast.walk(function)
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == name
        ]
        everywhere = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == name
        ]
        assert inner and len(inner) == len(everywhere), file


def test_no_circle_between_rooms() -> None:
    edges: dict[str, set[str]] = {}
    for upper, lower in imports():
        if lower != "__init__":
            edges.setdefault(upper, set()).add(lower)
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name not in done:
            for other in sorted(edges.get(name, ())):
                visit(other, (*trail, name))
            done.add(name)

    for name in sorted(edges):
        visit(name, ())


def test_no_circle_between_modules() -> None:
    edges: dict[str, set[str]] = {}
    for name, tree in house_figures.modules(PACKAGE).items():
        parts = tuple(name.removesuffix(".py").split("/"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level:
                base = parts[: len(parts) - node.level]
                dotted = (*base, *(node.module.split(".") if node.module else ()))
                for alias in node.names:
                    whole = PACKAGE.joinpath(*dotted, alias.name)
                    target = (*dotted, alias.name) if whole.with_suffix(".py").exists() or whole.is_dir() else dotted
                    if (name, target[0] if target else "") in HANDED_ON:
                        continue
                    edges.setdefault(".".join(parts), set()).add(".".join(target))

    def real(name: str) -> str:
        return name + ".__init__" if name and PACKAGE.joinpath(*name.split("."), "__init__.py").exists() else name

    graph = {name: {real(other) for other in others} - {"", name} for name, others in edges.items()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name not in done:
            for other in sorted(graph.get(name, ())):
                visit(other, (*trail, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())


def test_the_face_loads_nothing_heavy() -> None:
    heavy = "pandas pyarrow numpy requests pandera jsonschema starlette uvicorn click duckdb".split()
    code = f"import sys, xdmprep; print([name for name in {heavy!r} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_help_loads_nothing_heavy() -> None:
    heavy = set("pandas pyarrow numpy requests pandera jsonschema starlette uvicorn duckdb".split())
    shown = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "xdmprep", "--help"], capture_output=True, text=True, check=True
    )
    loaded = {line.rpartition("|")[2].strip() for line in shown.stderr.splitlines()}
    assert "click" in loaded and not heavy & loaded and "Usage: xdmprep" in shown.stdout


def test_a_run_loads_what_it_uses(tmp_path: Path) -> None:
    """A run from CSV to JSON loads no reader, writer or library that it does without."""
    (tmp_path / "in.csv").write_text("id,born\n1,1990-01-01\n", encoding="utf-8")
    (tmp_path / "m.yaml").write_text("id: id\nage: to_integer(substr(born, 0, 4))\n", encoding="utf-8")
    (tmp_path / "s.json").write_text(
        '{"type": "object", "properties": {"id": {"type": "string"}, "age": {"type": "integer"}}}', encoding="utf-8"
    )
    shown = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "xdmprep", "prepare", "in.csv", "-m", "m.yaml", "-s", "s.json",
         "-o", "out"],
        capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    loaded = {line.rpartition("|")[2].strip() for line in shown.stderr.splitlines() if line.startswith("import time:")}
    unused = """pyarrow.dataset pyarrow.fs pyarrow.parquet requests
        http.client email jsonschema asyncio unittest importlib.metadata xml.etree.ElementTree""".split()
    ours = """client emulator patch report.page spark read.excel read.ndjson read.workbook schema.diff schema.lint
        mapping.groups pipeline.contract pipeline.resubmit pipeline.upsert write.parquet write.store""".split()
    assert "pyarrow" in loaded
    assert loaded & {*unused, *(f"xdmprep.{name}" for name in ours)} == set()
    assert sum(name.startswith("xdmprep.") for name in loaded) <= 184  # modules of ours


def test_one_place_puts_mapping_schema_rules_and_manifest_together() -> None:
    """Schemas and mappings that were given as paths are read, and manifests made, by one function each."""
    manifests, schemas = set(), set()
    for name, tree in house_figures.modules(PACKAGE).items():
        text = (PACKAGE / name).read_text(encoding="utf-8")
        if "Manifest(" in text and any(
            isinstance(node, ast.Call) and ast.unparse(node.func) == "Manifest" for node in ast.walk(tree)
        ):
            manifests.add(name)
        if "else Schema.load(" in text or "else MappingSet(" in text:
            schemas.add(name)
    assert manifests <= {"pipeline/assembly.py", "core/manifest.py"}
    assert schemas <= {
        "schema/model.py",
        "mapping/sets.py",
        "pipeline/stage.py",
    }  # a pickled stage has the mapping's content


def test_no_class_name_means_two_things() -> None:
    """No two modules define classes of one name, and a Batch is the platform's."""
    found = house_figures.classes(PACKAGE)
    assert house_figures.homonyms(PACKAGE) == {}
    assert all(place == "wire.py" for place in found.get("Batch", []))


def test_each_syntax_of_regular_expressions_has_one_reader() -> None:
    assert house_figures.regex_readers() == ["regex/ecma.py:_EcmaReader", "regex/java.py:_JavaReader"]


def test_a_homonym_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("class One: ...\nclass Two: ...\n")
    (tmp_path / "b.py").write_text("class One: ...\n")
    assert house_figures.homonyms(tmp_path) == {"One": ["a.py", "b.py"]}


def test_the_top_level_holds_what_the_project_is_made_of() -> None:
    """A file that a trial leaves beside the README is not committed."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        pytest.skip("not a checkout of git")
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True, cwd=root)
    top = {name.partition("/")[0] for name in listed.stdout.splitlines() if not name.startswith(".")}
    assert top == {
        "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "hatch_build.py", "mkdocs.yml",
        "mkdocs_notebooks.py", "notebooks", "pyproject.toml", "schemas", "tests", "xdmprep",
    }  # fmt: skip
