"""Fixtures and options that all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A change lands on the same examples every time; runs by hand look further.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI") == "true":
    settings.load_profile("ci")

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the long tests")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if "slow" in item.keywords and not config.getoption("--slow"):
            item.add_marker(pytest.mark.skip(reason="a long test; run with --slow"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if "shared" in item.keywords and not SHARED.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(f"the reference material is missing: {SHARED}")
        pytest.skip("the reference material ../shared is not here")


@pytest.fixture
def shared() -> Path:
    """The folder of reference material; tests that use it carry the marker `shared`."""
    return SHARED


@pytest.fixture
def schemas() -> Path:
    """The folder of the schemas that ship with the project."""
    return ROOT / "schemas"
