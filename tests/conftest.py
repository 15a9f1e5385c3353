"""Fixtures and options that all tests share."""

from __future__ import annotations

import gc
import itertools
import os
import random
import re
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import HealthCheck, settings

from xdmprep import kernels
from xdmprep.core.ndjson import parser

if TYPE_CHECKING:
    from xdmprep.emulator import Emulator
    from xdmprep.schema import Registry

# How long an example takes says something of the machine alone. Fixtures of one test serve all its examples.
settings.register_profile(
    "here", deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)  # fmt: skip
# A change lands on the same examples every time; runs by hand look further.
settings.register_profile("ci", settings.get_profile("here"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "here")

# What a developer has set for the command is nobody's business here; these are for the tests themselves.
OURS = {"XDMPREP_NATIVE", "XDMPREP_STORM_SEED", "XDMPREP_LARGE_MB"}
for _name in [name for name in os.environ if name.startswith("XDMPREP_") and name not in OURS]:
    del os.environ[_name]

# The processes that tests start keep what they compile of the package, a third of a second each.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# pandera sets it to 1 on import, for PySpark, and Arrow then drops the zones of the times that tests make.
os.environ.setdefault("PYARROW_IGNORE_TIMEZONE", "")

# The system may write to the disk when it likes: the tests that cut the power have a disk of their own, and those that
# kill start processes, which wait for it.
os.fsync = os.fstat  # type: ignore[assignment]

ROOT = Path(__file__).resolve().parent.parent
UNIT = ROOT / "tests" / "unit"
SHARED = ROOT.parent / "shared"
LONGEST_SLEEP = 0.05  # seconds, of a unit test


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the long tests")
    parser.addoption(
        "--examples", type=float, metavar="SHARE",
        help="of the examples that each property test states; otherwise 0.15, with --slow 1",
    )  # fmt: skip
    parser.addoption(
        "--fresh", type=float, metavar="SECONDS",
        help="tests in a random order, a few new examples each, for so long; give --hypothesis-seed as well",
    )  # fmt: skip


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """A run of folders uses all cores (pytest-xdist), unless `-n` says otherwise; named files run in one process.

    One process more than cores: some wait for sockets and processes.
    """
    if hasattr(config, "workerinput"):
        _take_turns(config)
    option = config.option
    alone = option.usepdb or option.collectonly or option.capture == "no" or hasattr(config, "workerinput")
    if getattr(option, "numprocesses", 0) is None and not alone and not all(".py" in named for named in config.args):
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        option.numprocesses, option.dist = min(cores + 1, 8), "worksteal"


def _take_turns(config: pytest.Config) -> None:
    """Each process imports the files of tests from another place on: what one has compiled, the others need not."""
    here = [Path(named.partition("::")[0]).resolve() for named in config.args]
    if all(path.is_dir() for path in here):
        files = [str(file) for path in here for file in sorted(path.rglob("test_*.py"))]
        first = int(config.workerinput["workerid"][2:]) * len(files) // config.workerinput["workercount"]
        config.args = [*files[first:], *files[:first]]


def _fewer(share: float, items: list[pytest.Item]) -> None:
    """Let each property test draw a share of the examples that it states, though not fewer than 20 in all its cases."""
    tests = Counter(getattr(item.obj, "__func__", item.obj) for item in items if isinstance(item, pytest.Function))
    for test, cases in tests.items():
        stated = getattr(test, "_hypothesis_internal_use_settings", None)
        if stated is not None:
            drawn = max(int(stated.max_examples * share), min(stated.max_examples, max(20 // cases, 5)))
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
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: str(item.path))  # the same order in all processes
    share = config.getoption("--examples")
    _fewer((1.0 if config.getoption("--slow") else 0.15) if share is None else share, items)
    if config.getoption("--fresh"):
        # without a seed, all processes still need the same order: the run's own number gives it
        run = getattr(config, "workerinput", {}).get("testrunuid")
        _freshen(config.getoption("--fresh"), config.getoption("--hypothesis-seed") or run, items)
    for item in items:
        if item.get_closest_marker("slow") and not config.getoption("--slow"):
            item.add_marker(pytest.mark.skip(reason="a long test; run with --slow"))


def pytest_collection_finish() -> None:
    """The thousands of collected tests stay until the end: the garbage collector need not look through them again.

    Nor often through what later tests leave, as a full look takes a quarter of a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 100)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if time.monotonic() > item.stash.get(_END, float("inf")):
        pytest.skip("the time of --fresh is up")
    if item.get_closest_marker("shared") and not SHARED.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(f"the reference material is missing: {SHARED}")
        pytest.skip("the reference material ../shared is not here")


@pytest.fixture(autouse=True)
def _no_network_and_no_sleep_in_unit_tests(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test in tests/unit fails if it connects, listens, or sleeps for longer than `LONGEST_SLEEP`."""
    if UNIT not in request.path.parents:
        return

    def sleep(seconds: float, _real: Callable[[float], None] = time.sleep) -> None:
        if seconds > LONGEST_SLEEP:
            pytest.fail(f"a unit test slept for {seconds} s; give it a clock, or move it to tests/integration")
        _real(seconds)

    monkeypatch.setattr(time, "sleep", sleep)
    for name in ("connect", "connect_ex", "listen"):  # not bind: urllib3 tries one for IPv6 when it is imported
        real = getattr(socket.socket, name)

        def guarded(at: socket.socket, *args: object, _real: Callable[..., object] = real) -> object:
            if at.family in (socket.AF_INET, socket.AF_INET6):
                pytest.fail("a unit test opened a network socket; move it to tests/integration")
            return _real(at, *args)

        monkeypatch.setattr(socket.socket, name, guarded)


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new folder; pytest's own fixture looks through the folders of all tests before for a free number."""
    name = re.sub(r"\W", "_", request.node.name)[:30]
    path = tmp_path_factory.getbasetemp() / f"{name}-{next(_FOLDERS)}"
    path.mkdir(mode=0o700)
    return path


_FOLDERS = itertools.count()


@cache
def open_repository() -> Registry:
    """The open XDM repository of the reference material, of which a process resolves each component once."""
    from xdmprep.schema import Registry

    return Registry.load(SHARED / "xdm" / "components")


@pytest.fixture
def shared() -> Path:
    """The folder of reference material; tests that use it carry the marker `shared`."""
    return SHARED


@pytest.fixture(scope="session")
def _running_emulator() -> Iterator[Emulator]:
    from xdmprep.emulator import Emulator

    with Emulator(schemas=ROOT / "schemas") as server:
        yield server


@pytest.fixture
def emulator(_running_emulator: Emulator) -> Emulator:
    """An emulator that knows the shipped schemas and has forgotten what other tests sent; one runs for all tests."""
    requests.post(_running_emulator.url + "/_emulator/reset", timeout=20).raise_for_status()
    return _running_emulator


@pytest.fixture
def url(emulator: Emulator) -> str:
    """The emulator's address."""
    return emulator.url


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[requests.PreparedRequest, requests.Response]]:
    """What is sent through `requests` from now on, and what came back."""
    seen: list[tuple[requests.PreparedRequest, requests.Response]] = []
    real = requests.Session.send

    def send(session: requests.Session, request: requests.PreparedRequest, **more: Any) -> requests.Response:
        response = real(session, request, **{**more, "stream": False})
        seen.append((request, response))
        return response

    monkeypatch.setattr(requests.Session, "send", send)
    return seen


@pytest.fixture
def few_lines_become_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of JSON become columns however few they are; the reader takes few one by one otherwise."""
    monkeypatch.setattr(parser, "FEWEST", 1)


@pytest.fixture
def schemas() -> Path:
    """The folder of the schemas that ship with the project."""
    return ROOT / "schemas"


@pytest.fixture
def job(schemas: Path) -> tuple[Path, Path, Path]:
    """The shipped rows of a CRM, the mapping set, and the schema."""
    crm = schemas / "crm-profile.schema.json"
    return schemas / "examples" / "crm-profiles.csv", schemas / "crm-profile.mapping.yaml", crm


@pytest.fixture(scope="module", params=["compiled", "plain"])
def both_ways(request: pytest.FixtureRequest) -> Iterator[None]:
    """The module's tests with the compiled inner loops, and without them."""
    if request.param == "compiled" and kernels.compiled is None:
        pytest.skip("the inner loops were not compiled here")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "active", getattr(kernels, request.param))
        yield
