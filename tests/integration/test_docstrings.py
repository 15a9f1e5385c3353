"""Every public name has an example that runs and prints what it shows; public functions say what they take and give."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import re
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import xdmprep as xp
from xdmprep.client import Client
from xdmprep.emulator import Emulator
from xdmprep.pipeline.upsert import PatchResult

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = Path(xp.__file__).parent / "docs" / "reference.md"
CLASSES = (
    xp.Schema, xp.MappingSet, xp.Stream, xp.Result, xp.Report, xp.Manifest, xp.Registry, xp.ArrowStage, Client,
    Emulator, PatchResult,
)  # fmt: skip
FLAGS = doctest.NORMALIZE_WHITESPACE


def methods(owner: type) -> Iterator[tuple[str, Any]]:
    """The public methods of a class that its own modules write, by name."""
    for part in reversed(owner.__mro__):
        for name, value in vars(part).items():
            function = getattr(value, "__func__", value)
            named = inspect.isfunction(function) and function.__name__ == name and not name.startswith("_")
            if named and function.__module__.startswith("xdmprep."):
                yield f"{owner.__name__}.{name}", getattr(owner, name)


def public() -> dict[str, Any]:
    found = {name: getattr(xp, name) for name in xp.__all__}
    found |= {owner.__name__: owner for owner in CLASSES}
    found |= {name: method for owner in CLASSES for name, method in methods(owner)}
    found["testing.records"] = importlib.import_module("xdmprep.testing").records
    return found


PUBLIC = public()


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What the reference page's first lines make, in a folder with the schemas."""
    folder = tmp_path_factory.mktemp("examples")
    shutil.copytree(ROOT / "schemas", folder / "schemas")
    code = re.findall(r"```python\n(.*?)```", REFERENCE.read_text(encoding="utf-8"), re.DOTALL)[0]
    made: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        exec(code, made)
        yield made
        made["client"].close()
        made["server"].stop()


def test_methods_are_found() -> None:
    assert {"Schema.check", "Client.from_config", "Emulator.start", "Report.head", "Stream.to_pandas"} <= set(PUBLIC)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_an_example_runs(name: str, names: dict[str, Any]) -> None:
    text = inspect.getdoc(PUBLIC[name]) or ""
    examples = doctest.DocTestParser().get_examples(text, name)
    assert examples, f"{name} has no example"
    told: list[str] = []
    test = doctest.DocTest(examples, dict(names), name, None, 0, text)
    outcome = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=told.append)
    assert outcome.failed == 0, "".join(told)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_a_public_function_says_what_it_takes_and_gives(name: str) -> None:
    function = PUBLIC[name]
    if inspect.isclass(function) and "__init__" not in vars(function):
        return  # an error, or a dataclass, whose attributes are described
    text, signature = inspect.getdoc(function) or "", inspect.signature(function)
    taken = [one for one in signature.parameters if one not in ("self", "cls") and not one.startswith("_")]
    if inspect.isclass(function) and issubclass(function, xp.XdmPrepError | xp.Schema | xp.Registry):
        return  # raised, or made by `load`
    described = text.partition("Args:")[2] or text.partition("Attributes:")[2]
    assert [one for one in taken if not re.search(rf"(?m)^ {{4}}(?:\w+, )*{one}(?:, \w+)*: ", described)] == []
    if not inspect.isclass(function):
        gives = signature.return_annotation not in ("None", inspect.Signature.empty)
        assert not (taken and gives) or "Returns:" in text
        node = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function))))
        assert not any(isinstance(one, ast.Raise) and one.exc for one in ast.walk(node)) or "Raises:" in text
