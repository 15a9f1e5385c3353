"""The guards of tests/conftest.py: a unit test can neither open a network socket nor sleep."""

from __future__ import annotations

import socket
import time

import pytest


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
