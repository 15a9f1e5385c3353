"""Fixtures and options that all tests share."""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from xdmprep import kernels

# A change lands on the same examples every time; runs by hand look further.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI") == "true":
    settings.load_profile("ci")

# pandera sets it to 1 on import, for PySpark, and Arrow then drops the zones of the times that tests make.
os.environ.setdefault("PYARROW_IGNORE_TIMEZONE", "")

ROOT = Path(__file__).resolve().parent.parent
UNIT = ROOT / "tests" / "unit"
SHARED = ROOT.parent / "shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the long tests")
    parser.addoption(
        "--examples", type=float, metavar="SHARE",
        help="of the examples that each property test states; otherwise 0.3, with --slow 1",
    )  # fmt: skip
    parser.addoption(
        "--fresh", type=float, metavar="SECONDS",
        help="tests in a random order, a few new examples each, for so long; give --hypothesis-seed as well",
    )  # fmt: skip


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """A run of folders uses all cores (pytest-xdist), unless `-n` says otherwise; named files run in one process."""
    option = config.option
    alone = option.usepdb or option.collectonly or option.capture == "no" or hasattr(config, "workerinput")
    if getattr(option, "numprocesses", 0) is None and not alone and not all(".py" in named for named in config.args):
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        option.numprocesses, option.dist = min(cores, 8), "worksteal"


def _fewer(share: float, items: list[pytest.Item]) -> None:
    """Let each property test draw a share of the examples that it states, though not fewer than 20 of them."""
    for test in {getattr(item.obj, "__func__", item.obj): None for item in items if isinstance(item, pytest.Function)}:
        stated = getattr(test, "_hypothesis_internal_use_settings", None)
        if stated is not None:
            drawn = max(int(stated.max_examples * share), min(stated.max_examples, 20))
            test._hypothesis_internal_use_settings = settings(stated, max_examples=drawn)


def _freshen(seconds: float, seed: str | None, items: list[pytest.Item]) -> None:
    """Shuffle the tests, let Hypothesis draw a few examples that depend on `seed` alone, skip what comes too late."""
    random.Random(seed).shuffle(items)
    end = time.monotonic() + seconds
    for item in items:
        test = getattr(item, "obj", None)
        known = getattr(test, "_hypothesis_internal_use_settings", None)
        if known is not None:
            few = settings(known, max_examples=min(known.max_examples, 20), derandomize=False, database=None)
            getattr(test, "__func__", test)._hypothesis_internal_use_settings = few
        item.stash[_END] = end


_END = pytest.StashKey[float]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    share = config.getoption("--examples")
    _fewer((1.0 if config.getoption("--slow") else 0.3) if share is None else share, items)
    if config.getoption("--fresh"):
        # without a seed, all processes still need the same order: the run's own number gives it
        run = getattr(config, "workerinput", {}).get("testrunuid")
        _freshen(config.getoption("--fresh"), config.getoption("--hypothesis-seed") or run, items)
    for item in items:
        if "slow" in item.keywords and not config.getoption("--slow"):
            item.add_marker(pytest.mark.skip(reason="a long test; run with --slow"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if time.monotonic() > item.stash.get(_END, float("inf")):
        pytest.skip("the time of --fresh is up")
    if "shared" in item.keywords and not SHARED.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(f"the reference material is missing: {SHARED}")
        pytest.skip("the reference material ../shared is not here")


@pytest.fixture(autouse=True)
def _no_network_in_unit_tests(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test in tests/unit that connects, or waits for connections, fails; such tests stand in tests/integration."""
    if UNIT not in request.path.parents:
        return

    for name in ("connect", "connect_ex", "listen"):  # not bind: urllib3 tries one for IPv6 when it is imported
        real = getattr(socket.socket, name)

        def guarded(at: socket.socket, *args: object, _real: Callable[..., object] = real) -> object:
            if at.family in (socket.AF_INET, socket.AF_INET6):
                pytest.fail("a unit test opened a network socket; move it to tests/integration")
            return _real(at, *args)

        monkeypatch.setattr(socket.socket, name, guarded)


@pytest.fixture
def shared() -> Path:
    """The folder of reference material; tests that use it carry the marker `shared`."""
    return SHARED


@pytest.fixture
def schemas() -> Path:
    """The folder of the schemas that ship with the project."""
    return ROOT / "schemas"


@pytest.fixture(scope="module", params=["compiled", "plain"])
def both_ways(request: pytest.FixtureRequest) -> Iterator[None]:
    """The module's tests with the compiled inner loops, and without them."""
    if request.param == "compiled" and kernels.compiled is None:
        pytest.skip("the inner loops were not compiled here")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "active", getattr(kernels, request.param))
        yield
