"""Public functions refuse arguments of other types with one sentence, and their documentation says so."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import xdmprep
import xdmprep as xp
from xdmprep.core.arguments import COUNT, FLAG, PATH, WORD, document, either, instance, takes
from xdmprep.errors import UsageError


def checked_functions() -> Iterator[tuple[str, Any]]:
    for info in pkgutil.walk_packages(xdmprep.__path__, "xdmprep."):
        if info.name.rsplit(".", 1)[-1] in ("spark", "__main__", "testing") or ".cli" in info.name:
            continue
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            if getattr(value, "__module__", None) != module.__name__:
                continue
            members = vars(value).items() if isinstance(value, type) else [(name, value)]
            for inner, member in members:
                function = getattr(member, "__func__", member)
                if hasattr(function, "argument_shapes"):
                    yield f"{module.__name__}.{name}.{inner}", value if inner.startswith("__") else function


def test_the_documentation_says_what_is_raised() -> None:
    found = dict(checked_functions())
    assert len(found) > 25
    lacking = [name for name, function in found.items() if "UsageError" not in (function.__doc__ or "")]
    assert lacking == []


@takes(path=PATH, flag=FLAG, count=COUNT, word=WORD, either_=either(instance(dict), FLAG), tree=document)
def call(
    path: Any = None,
    *,
    flag: Any = None,
    count: Any = None,
    word: Any = 5,
    either_: Any = None,
    tree: Any = None,
    **more: Any,
) -> str:
    return "called"


@pytest.mark.parametrize(("named", "message"), [
    ({"path": 5}, "call: path: expected a path, got 5."), ({"path": b"x"}, "got b'x'"), ({"path": ""}, "got ''"),
    ({"path": "a\0b"}, "expected a path"), ({"path": "x" * 5000}, "expected a path"),
    ({"path": "\ud800"}, "expected a path"),
    ({"flag": 1}, "call: flag: expected true or false, got 1."), ({"count": True}, "whole number from 0 on"),
    ({"count": -1}, "got -1"),
    ({"count": 10**5000}, "got <int>"), ({"word": "\ud800"}, "expected a string"),
    ({"either_": 5}, "expected a dict, got 5"),
    ({"tree": {1: 2}}, "strings as keys, got 1"), ({"tree": {"a": [{None: 1}]}}, "strings as keys, got None"),
    ({"tree": []}, "expected a dict"),
    ({"flag": object()}, "got <object>"), ({"flag": pa.table({"a": [1]})}, "got <Table>"),
])  # fmt: skip
def test_values_of_other_types(named: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        call(**named)
    assert message in str(caught.value)
    assert str(caught.value).endswith(".")
    assert len(str(caught.value)) < 300


def test_values_that_fit_and_defaults() -> None:
    assert (
        call(Path("x"), flag=True, count=0, word="w", either_=False, tree={"a": [{"b": None}]}, more=object())
        == "called"
    )
    assert call("\udcff") == "called"  # a file name that is no text
    assert call() == "called"  # defaults are not looked at
    with pytest.raises(TypeError, match="positional argument"):
        call(1, 2)  # type: ignore[misc]


@pytest.mark.parametrize(
    "wrong", [5, None, b"x", object(), [1], {"a": 1}, 10**5000, float("nan")], ids=lambda value: type(value).__name__
)
def test_public_functions(wrong: Any, tmp_path: Path, schemas: Path) -> None:
    schema = xp.Schema.load(schemas / "crm-profile.schema.json")
    calls: list[Any] = [
        lambda: xp.Registry.load(wrong), lambda: xp.Manifest.load(wrong), lambda: xp.MappingSet.load(wrong),
        lambda: xp.Schema.load(wrong), lambda: schema.find(wrong), lambda: xp.evaluate(wrong, {}),
        lambda: schema.check(wrong if wrong != {"a": 1} else [1]), lambda: xp.write_json(wrong, wrong),
        lambda: xp.prepare(wrong, wrong, wrong, wrong), lambda: xp.diff(wrong, wrong, wrong),
        lambda: schema.check({}, rules=wrong), lambda: xp.evaluate("a", {}, target_type=wrong or 5),
    ]  # fmt: skip
    for one in calls:
        with pytest.raises(xp.XdmPrepError) as caught:
            one()
        assert 10 < len(str(caught.value)) < 1_000
