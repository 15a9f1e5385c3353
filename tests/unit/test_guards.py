"""The guards of tests/conftest.py: unit tests open no network socket and never sleep; only marked tests are long."""

from __future__ import annotations

import socket
import time

import pytest
from conftest import pytest_collection_modifyitems


@pytest.mark.parametrize("name", ["connect", "connect_ex", "listen"])
def test_a_network_socket_is_refused(name: str) -> None:
    arguments = () if name == "listen" else (("127.0.0.1", 9),)
    with socket.socket(socket.AF_INET) as made, pytest.raises(pytest.fail.Exception, match="tests/integration"):
        getattr(made, name)(*arguments)


def test_a_pair_of_sockets_within_the_process_is_not() -> None:
    left, right = socket.socketpair()
    with left, right:
        left.sendall(b"x")
        assert right.recv(1) == b"x"


def test_a_sleep_is_refused() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"slept for 0\.06 s"):
        time.sleep(0.06)
    time.sleep(0.001)


@pytest.mark.parametrize("long", [True, False])
def test_only_marked_tests_are_long(
    long: bool, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkout in a folder `slow`, or a test of that name, is no long test: its tests would all be skipped."""
    monkeypatch.setattr(request.config.option, "slow", False)
    item = pytest.Function.from_parent(request.node.parent, name="slow", callobj=lambda: None)
    assert "slow" in item.keywords
    if long:
        item.add_marker("slow")
    pytest_collection_modifyitems(request.config, [item])
    assert [mark.name for mark in item.iter_markers()] == ["slow", "skip"] * long
