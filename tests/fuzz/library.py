"""The public functions given values of other types, and odd values of the right type.

Each gives a result, or raises an error of the package, or a TypeError with a sentence; never anything else.
"""

from __future__ import annotations

import datetime
import decimal
import json
import math
import os
import random
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

import xdmprep as xp
from xdmprep.client import Client
from xdmprep.client.config import Config
from xdmprep.core.shipped import shipped
from xdmprep.emulator import Emulator
from xdmprep.errors import XdmPrepError

from . import engine, mutate
from .command import corpus

#: Longest message of an error.
MAX_MESSAGE = 20_000


class _Odd:
    """An object of the caller whose every method is hostile."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no equality")

    __hash__ = None  # type: ignore[assignment]


def _deep(depth: int, kind: str) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value] if kind == "list" else {"a": value}
    return value


def _itself(kind: str) -> Any:
    value: Any = [] if kind == "list" else {}
    if kind == "list":
        value.append(value)
    else:
        value["a"] = value
    return value


def odd(rng: random.Random) -> Any:
    """A value of any kind."""
    kinds: list[Callable[[], Any]] = [
        lambda: None, lambda: True, lambda: 0, lambda: -1, lambda: 10**400, lambda: 10**5000, lambda: float("nan"),
        lambda: math.inf, lambda: -1e308,
        lambda: "", lambda: "x", lambda: "\ud800", lambda: "\x00", lambda: "a\x1b[31m\n", lambda: "z" * 100_000,
            lambda: "(" * 3000, lambda: "a." * 2000,
        lambda: b"x", lambda: bytearray(b"x"), lambda: memoryview(b"x"), list, dict, lambda: (),
        lambda: set(), lambda: frozenset({1}),
        lambda: [1], lambda: [None], lambda: [[]], lambda: {1: 2}, lambda: {"a": None}, lambda: {None: "a"},
        lambda: {("a",): 1}, lambda: {"a": {"b": object()}},
        object, lambda: object, lambda: id, lambda: (lambda *_: 1 / 0), _Odd, lambda: {"a": _Odd()}, lambda: [_Odd()],
        lambda: _deep(200, "list"), lambda: _deep(5000, "list"), lambda: _deep(5000, "dict"),
        lambda: _deep(200, "dict"), lambda: _itself("list"), lambda: _itself("dict"),
        lambda: datetime.date(1, 1, 1), lambda: datetime.datetime.max, lambda: datetime.timedelta(1),
        lambda: datetime.time(1), lambda: decimal.Decimal("NaN"),
        lambda: decimal.Decimal("1e999999"), lambda: decimal.Decimal("0.1"), lambda: complex(1, 2),
        lambda: Path("nowhere"), lambda: Path("x" * 5000), lambda: Path("a\x00b"),
        lambda: range(3), lambda: iter([1]), lambda: (x for x in [{"a": 1}]), lambda: (1 / 0 for _ in [1]),
        lambda: sys.stdin, lambda: os, lambda: ...,
        lambda: np.int64(5), lambda: np.float32("nan"), lambda: np.array([1, 2]), lambda: np.array([["a"]]),
        lambda: pd.NA, lambda: pd.NaT, lambda: pd.Timestamp("2024-01-01"),
        lambda: pd.DataFrame(), lambda: pd.DataFrame({"a": [1, "x", None]}), lambda: pd.DataFrame({1: [1]}),
        lambda: pd.DataFrame([[1, 2]], columns=["a", "a"]),
        lambda: pd.Series([1]), lambda: pa.table({"a": [1]}), lambda: pa.table({}), lambda: pa.array([1]),
        lambda: pa.schema([]), lambda: pa.scalar(1),
        lambda: pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]),
        lambda: pa.table({"a": mutate.arrow_column(rng, 5)}), lambda: schema(), lambda: mapping(),
        lambda: xp.Stream, lambda: xp.CsvOptions(), lambda: ValueError("x"), lambda: xp.Registry(),
        lambda: mutate.scalar(rng), lambda: str(mutate.scalar(rng)),
        lambda: str(corpus() / rng.choice(["a.csv", "own.yaml", "schema.json", "records.json", "a.parquet", "used",
            "used/manifest.json", "config.json"])),
        lambda: rng.choice(["json", "csv", "parquet", "strict", "batch", "jsonschema", "utf-8", ",",
            "identityMap.LOYALTYID[0].id", "date-time", "string"]),
    ]  # fmt: skip
    return rng.choice(kinds)()


@lru_cache(maxsize=1)
def schema() -> Any:
    """A schema."""
    return xp.Schema.load(shipped("crm-profile.schema.json"))


def mapping() -> Any:
    """A mapping set."""
    return xp.MappingSet.load(corpus() / "own.yaml")


@lru_cache(maxsize=1)
def frame() -> Any:
    """A frame that the mapping fits."""
    return pd.read_csv(corpus() / "a.csv", dtype=str)


@lru_cache(maxsize=1)
def records() -> list[dict[str, Any]]:
    """Valid records."""
    return [json.loads(line) for line in (corpus() / "records.json").read_text(encoding="utf-8").splitlines()]


def _consumed(value: Any) -> Any:
    return value.to_table() if isinstance(value, xp.Stream) else value


def _opened(value: Any) -> Any:
    with value:
        return None


def calls(rng: random.Random, folder: Path) -> tuple[str, Callable[..., Any], list[Any], dict[str, Any]]:
    """One call with good arguments: its name, the function, positional and named arguments."""
    out = folder / "out"
    rows = corpus() / rng.choice(["a.csv", "a.ndjson", "a.parquet"])
    table = pa.Table.from_pandas(frame().head(3))
    own = {
        "person.name.firstName": "F_NAME",
        "person.birthYear": "to_integer(YOB)",
        "identityMap.LOYALTYID[0].id": "ID3",
    }
    posted = json.loads((corpus() / "posted.json").read_text(encoding="utf-8"))
    document = json.loads((corpus() / "schema.json").read_text(encoding="utf-8"))
    choices: list[tuple[str, Callable[..., Any], list[Any], dict[str, Any]]] = [
        ("prepare", xp.prepare, [rng.choice([rows, table, frame()]), rng.choice([mapping(), own, posted]), schema(),
            out], {
            "format": "json", "rules": "strict", "strict": False, "error_threshold": 50.0, "max_bytes": 10_000,
            "max_rows": 10, "multiline": False,
            "csv": None, "contract": None, "write": None, "jobs": 1, "overwrite": False, "on_start": None,
            "on_chunk": None}),
        ("map_rows", lambda *a, **k: _consumed(xp.map_rows(*a, **k)), [rng.choice([rows, table]), own, schema()],
            {"strict": False}),
        ("validate", xp.validate, [rng.choice([corpus() / "records.json", rows, records(), table]), schema()], {
            "mapping": None, "rules": "strict", "csv": None, "cap": 5, "jobs": 1}),
        ("diff", lambda *a, **k: _consumed(xp.diff(*a, **k)),
            [corpus() / "records.json", corpus() / "records.json", schema()], {
            "on": "identityMap.LOYALTYID[0].id", "mapping": None}),
        ("evaluate", xp.evaluate, [rng.choice(['concat(a, " ", b)', "to_integer(a)", "upper(x.y)",
            "map_get_values(m, k)", "date(a, b)", "a * b / c"]),
            rng.choice([{"a": "1", "b": 2, "c": None}, {"a": [1], "x": {"y": "z"}}])],
            {"strict": True, "target_type": "string"}),
        ("Schema.load", xp.Schema.load, [corpus() / "schema.json", None], {"compat": False}),
        ("Schema.from_dict", xp.Schema.from_dict,
            [mutate.tree(rng, document) if rng.random() < 0.7 else document, None], {}),
        ("schema.check", schema().check, [mutate.tree(rng, rng.choice(records())), ], {"rules": "jsonschema"}),
        ("schema.find", schema().find, ["person.name.firstName"], {}),
        ("schema.describe", schema().describe, [], {"depth": 2}),
        ("MappingSet", lambda *a, **k: str(xp.MappingSet(*a, **k)),
            [rng.choice([own, posted, mutate.tree(rng, posted), mutate.tree(rng, own)])], {
            "name": "x", "group_by": ["ID3"]}),
        ("MappingSet.load", xp.MappingSet.load, [corpus() / "own.yaml"], {}),
        ("MappingSet.to_dict", mapping().to_dict, ["own"], {}),
        ("MappingSet.save", mapping().save, [folder / "m.yaml", "own"], {}),
        ("MappingSet[]", mapping().__setitem__, ["person.name.firstName", "F_NAME"], {}),
        ("MappingSet|", mapping().__or__, [own], {}),
        ("Registry.load", xp.Registry.load, [corpus() / "folder"], {"compat": False}),
        ("Registry.add", xp.Registry().add, [mutate.tree(rng, document)], {"descriptors": []}),
        ("Registry[]", xp.Registry.load(corpus() / "folder").__getitem__, ["https://ns.adobe.com/acme/schemas/x"], {}),
        ("write_json", xp.write_json, [rng.choice([table, rows]), out],
            {"max_rows": 10, "overwrite": False, "max_bytes": 10_000, "multiline": False}),
        ("write_parquet", xp.write_parquet, [rng.choice([table, rows]), out], {"max_rows": 10, "overwrite": False}),
        ("write_csv", xp.write_csv, [rng.choice([table, rows]), out], {"max_rows": 10, "overwrite": False}),
        ("Manifest.load", xp.Manifest.load, [corpus() / "used"], {}),
        ("Manifest.load_all", xp.Manifest.load_all, [corpus() / "used"], {}),
        ("CsvOptions", lambda *a, **k: _consumed(xp.map_rows(corpus() / "a.csv",
            own) if not a else None) or xp.CsvOptions(*a, **k), [], {
            "delimiter": ",", "quote": '"', "encoding": "utf-8", "names": None, "null_values": ("",)}),
        ("Config.load", Config.load, [corpus() / "config.json"],
            {"url": "http://127.0.0.1:9", "timeout": 5, "retries": 1, "sandbox": "dev", "token": "x"}),
        ("Client", lambda *a, **k: _opened(Client(*a, **k)), [],
            {"url": "http://127.0.0.1:9", "timeout": 1, "retries": 1, "token": "x"}),
        ("Client.from_config", lambda *a, **k: _opened(Client.from_config(*a, **k)), [corpus() / "config.json"],
            {"sandbox": "dev", "url": "http://127.0.0.1:9"}),
        ("Emulator", Emulator, [None, corpus() / "folder"],
            {"port": 0, "seed": 0, "delay": 0.0, "faults": (), "answers": "guide", "token_seconds": 5}),
    ]  # fmt: skip
    return rng.choice(choices)


def case(rng: random.Random, folder: Path) -> tuple[str, list[str]]:
    """One call with some arguments changed."""
    os.chdir(folder)
    name, function, args, named = calls(rng, folder)
    named = {key: value for key, value in named.items() if rng.random() < 0.5}
    places: list[Any] = [*range(len(args)), *named]
    for place in rng.sample(places, min(len(places), rng.choice([0, 1, 1, 1, 2]))):
        was = args[place] if isinstance(place, int) else named[place]
        value = mutate.tree(rng, was) if isinstance(was, dict | list) and rng.random() < 0.5 else odd(rng)
        if isinstance(place, int):
            args[place] = value
        else:
            named[place] = value
    shown = partial(_shown, name, args, named)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            function(*args, **named)
    except XdmPrepError as error:
        return type(error).__name__, list(_judge_error(error, shown))
    except TypeError as error:
        if _is_sentence(error) or _is_the_callers(error):
            return "TypeError", []
        return "fault", [f"TypeError without a sentence: {error}\n{shown()}\n{engine.frames(traceback.format_exc())}"]
    except Exception as error:
        if _is_the_callers(error):
            return "caller's", []
        text = _text(error)
        return "fault", [f"{type(error).__name__}: {text[:300]}\n{shown()}\n{engine.frames(traceback.format_exc())}"]
    return "fine", []


def _judge_error(error: XdmPrepError, shown: Callable[[], str]) -> Iterator[str]:
    text = _text(error)
    if not text.strip():
        yield f"{type(error).__name__} without a message\n{shown()}"
    if len(text) > MAX_MESSAGE:
        yield f"{type(error).__name__} with a message of {len(text)} characters: {text[:300]}\n{shown()}"
    if "object at 0x" in text:
        yield f"{type(error).__name__} shows an address: {text[:300]}\n{shown()}"


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as worse:
        return f"({type(worse).__name__} when the message was asked for)" * 1000


def _is_sentence(error: TypeError) -> bool:
    """Whether a TypeError is meant for the caller: a wrong call of a function, or our own sentence."""
    text = str(error)
    if any(
        part in text
        for part in (
            "unexpected keyword argument",
            "positional argument",
            "multiple values for",
            "required keyword-only",
        )
    ):
        return True
    return text.endswith(".") and len(text) > 20


def _is_the_callers(error: Exception) -> bool:
    """Whether an error comes out of the caller's own object: a generator, a callable, a hostile class.

    A callback of C (`object`, `id`) has no frame of its own: the last one is the line that calls it.
    """
    last = traceback.extract_tb(error.__traceback__)[-1]
    return Path(last.filename) == Path(__file__) or re.match(r"on_(?:start|chunk|part)\(", last.line or "") is not None


def _shown(name: str, args: list[Any], named: dict[str, Any]) -> str:
    def one(value: Any) -> str:
        try:
            return repr(value)[:200]
        except Exception:
            return f"<{type(value).__name__}>"

    return f"{name}({', '.join([*map(one, args), *(f'{key}={one(value)}' for key, value in named.items())])})"
