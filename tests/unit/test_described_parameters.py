"""Every public function with four or more parameters says what each of them is, what it gives and what it raises."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import house_figures
import pytest

MANY = 4
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

#: Files whose functions are described elsewhere, as patterns of their paths in the package, and where that is.
ELSEWHERE = {
    "language/functions/*.py": "the catalogue has a signature, a meaning and an example of each function",
    "kernels/_c.py": "kernels/interface.py describes the kernels",
    "kernels/_numpy.py": "kernels/interface.py describes the kernels",
    "kernels/walk.py": "kernels/interface.py describes the kernel `join`",
    "kernels/json_plain.py": "kernels/interface.py describes the kernel `parse_json`",
}
#: Decorators that say how the parameters are documented.
DECORATORS = {
    "command": "the help of a command's options is their documentation",
    "kernel": "the table of kernels has the kinds of a kernel's operands; their meaning is the catalogue's",
}


@dataclass(frozen=True)
class Found:
    """A public function, and the class that it is a method of."""

    file: str
    node: FunctionNode
    owner: ast.ClassDef | None = None

    @property
    def name(self) -> str:
        return f"{self.file}::{self.owner.name + '.' if self.owner else ''}{self.node.name}"

    @property
    def parameters(self) -> list[str]:
        """All but the unpacked ones and the object itself."""
        given = self.node.args
        names = [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
        return [name for name in names if name not in ("self", "cls")]

    @property
    def unpacked(self) -> set[str]:
        return {one.arg for one in (self.node.args.vararg, self.node.args.kwarg) if one}


def functions(tree: ast.Module, file: str) -> Iterator[Found]:
    """The public functions of a module, and the public methods of its public classes."""

    def inside(body: list[ast.stmt], owner: ast.ClassDef | None) -> Iterator[Found]:
        for node in body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield from inside(node.body, node)
            elif isinstance(node, FunctionNode) and not node.name.startswith("_"):
                yield Found(file, node, owner)

    yield from inside(tree.body, None)


@cache
def all_functions() -> list[Found]:
    return [one for file, tree in house_figures.modules().items() for one in functions(tree, file)]


@cache
def methods() -> dict[tuple[str, str], Found]:
    return {(one.owner.name, one.node.name): one for one in all_functions() if one.owner}


def decorators(node: FunctionNode) -> set[str]:
    calls = (one.func if isinstance(one, ast.Call) else one for one in node.decorator_list)
    return {ast.unparse(one).rpartition(".")[2] for one in calls}


def overrides(one: Found) -> bool:
    """Whether a base class of the package describes the method, with the same parameters."""
    bases = [ast.unparse(base).rpartition(".")[2] for base in one.owner.bases] if one.owner else []
    found = [methods()[base, one.node.name] for base in bases if (base, one.node.name) in methods()]
    return any(base.parameters == one.parameters for base in found)


def excused(one: Found) -> bool:
    return (
        any(Path(one.file).match(pattern) for pattern in ELSEWHERE)
        or bool(decorators(one.node) & DECORATORS.keys())
        or overrides(one)
    )


def section(text: str, title: str) -> str:
    found = re.search(rf"(?m)^{title}:\n((?:(?:    .*)?(?:\n|\Z))*)", text)
    return found[1] if found else ""


def own_raises(node: FunctionNode) -> bool:
    """Whether the function itself raises an error, not one that it caught, nor a function inside it."""
    todo: list[ast.AST] = list(node.body)
    while todo:
        one = todo.pop()
        if isinstance(one, ast.Raise) and one.exc is not None:
            return True
        if not isinstance(one, FunctionNode | ast.Lambda | ast.ClassDef):
            todo += ast.iter_child_nodes(one)
    return False


def lacks(one: Found) -> list[str]:
    """What is wrong with the description of a function's parameters, result and errors."""
    text = ast.get_docstring(one.node) or ""
    described = re.findall(r"(?m)^    \*{0,2}(\w+): \S", section(text, "Args"))  # one a line, as griffe reads them
    wrong = [f"leaves out {name}" for name in one.parameters if name not in described]
    wrong += [f"has no parameter {name}" for name in described if name not in {*one.parameters, *one.unpacked}]
    wrong += [f"describes {name} twice" for name in sorted({*described}) if described.count(name) > 1]
    gives = one.node.returns is not None and ast.unparse(one.node.returns) not in ("None", "NoReturn")
    if gives and not (section(text, "Returns") or section(text, "Yields")):
        wrong.append("does not say what it returns")
    if own_raises(one.node) and not section(text, "Raises"):
        wrong.append("does not say what it raises")
    return wrong


def long_ones() -> list[Found]:
    return [one for one in all_functions() if len(one.parameters) >= MANY]


def test_functions_with_many_parameters_describe_them() -> None:
    judged = {one.name: lacks(one) for one in long_ones() if not excused(one)}
    assert len(judged) > 50
    assert {name: wrong for name, wrong in judged.items() if wrong} == {}


@pytest.mark.parametrize("pattern", ELSEWHERE)
def test_files_that_are_excused_have_such_functions(pattern: str) -> None:
    assert [one for one in long_ones() if Path(one.file).match(pattern)]


@pytest.mark.parametrize("decorator", DECORATORS)
def test_decorators_that_excuse_are_in_use(decorator: str) -> None:
    assert [one for one in long_ones() if decorator in decorators(one.node)]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Args:\n        a: x.\n        b: x.\n        c: x.\n        d: x.", []),
        (
            "Args:\n        a: x.\n        b: x.\n        c: x,\n            e: y.\n        d: x.\n        more: x.",
            [],
        ),
        ("Args:\n        a: x.\n        b: x.\n        d: x.", ["leaves out c"]),
        ("Args:\n        a: x.\n        b: x.\n        c:\n        d: x.", ["leaves out c"]),
        ("Args:\n        a: x.\n        b: x.\n        c: x.\n        d: x.\n        e: x.", ["has no parameter e"]),
        ("Args:\n        a: x.\n        b: x.\n        b: x.\n        c: x.\n        d: x.", ["describes b twice"]),
        ("Args:\n        a, b: x.\n        c: x.\n        d: x.", ["leaves out a", "leaves out b"]),
        ("Says nothing.", ["leaves out a", "leaves out b", "leaves out c", "leaves out d"]),
    ],
)
def test_the_rule_finds_what_is_wrong(text: str, wrong: list[str]) -> None:
    """The result and the errors as well, if the section of either is missing."""

    def judged(returns: str, body: str, tail: str) -> list[str]:
        code = f'def f(a, b, c, *, d, **more) -> {returns}:\n    """One.\n\n    {text}{tail}\n    """\n    {body}\n'
        return lacks(next(functions(ast.parse(code), "made.py")))

    assert judged("None", "pass", "") == wrong
    assert judged("int", "return 1", "") == [*wrong, "does not say what it returns"]
    assert judged("int", "return 1", "\n\n    Returns:\n        One.") == wrong
    assert judged("None", "raise ValueError", "") == [*wrong, "does not say what it raises"]
    assert judged("None", "raise ValueError", "\n\n    Raises:\n        ValueError: always.") == wrong
