"""`xdmprep` as a process of its own, without paying for a new interpreter and its imports each time.

A server per test process has the command's modules loaded and forks for every call.  So each command still has its own
memory, folder, environment, standard streams and exit code, and ends as it does for a user.  Where the platform cannot
fork, or the environment says how Python itself starts, the command is a new interpreter.
"""

from __future__ import annotations

import array
import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

#: Variables that are read while an interpreter starts or modules load.
EARLY = ("PYTHON", "LD_", "XDMPREP_NATIVE", "ARROW_", "OMP_", "OPENBLAS_")
#: What nearly every command imports.
MODULES = ("xdmprep.cli.prepare", "xdmprep.cli.validate", "xdmprep.cli.network", "xdmprep.cli.dataset",
           "xdmprep.cli.schema", "xdmprep.cli.mapping", "xdmprep.cli.diff", "xdmprep.pipeline.prepare",
           "pyarrow.csv", "pyarrow.json", "pyarrow.parquet", "pyarrow.compute")  # fmt: skip


def command(
    *words: object, cwd: Path | None = None, env: Mapping[str, str] | None = None, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run ``xdmprep WORDS`` and wait for its end; a traceback fails the test.

    Args:
        words: what follows the command's name.
        cwd: the folder it runs in; None for that of the tests.
        env: its whole environment; None for that of the tests.
        timeout: seconds until it is killed and `subprocess.TimeoutExpired` raised.
    """
    line = [sys.executable, "-m", "xdmprep", *map(str, words)]
    environment = dict(os.environ if env is None else env)
    if hasattr(os, "fork") and _early(environment) == _early(os.environ):
        done = _server().run(line, cwd, environment, timeout)
    else:
        done = subprocess.run(
            line, capture_output=True, text=True, encoding="utf-8", cwd=cwd, env=env, timeout=timeout,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done


def _early(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(EARLY)}


class _Server:
    """The process that forks."""

    def __init__(self) -> None:
        self.connection, other = socket.socketpair()
        with other:
            self.process = subprocess.Popen(
                [sys.executable, __file__, str(other.fileno())], pass_fds=[other.fileno()], start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            )  # fmt: skip
        atexit.register(self.close)

    def run(
        self, line: list[str], cwd: Path | None, environment: dict[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        asked = {"words": line[3:], "cwd": str(cwd or Path.cwd()), "environment": environment}
        with (
            Path(os.devnull).open("rb") as nothing,
            tempfile.TemporaryFile() as output,
            tempfile.TemporaryFile() as errors,
        ):
            message = json.dumps(asked).encode()
            self.connection.settimeout(timeout)
            try:
                handles = [nothing.fileno(), output.fileno(), errors.fileno()]
                socket.send_fds(self.connection, [len(message).to_bytes(8, "little")], handles)
                self.connection.sendall(message)
                code = int.from_bytes(_received(self.connection, 4), "little", signed=True)
            except TimeoutError:
                self.close()
                raise subprocess.TimeoutExpired(line, timeout) from None
            texts = []
            for written in (output, errors):
                written.seek(0)
                texts.append(written.read().decode().replace("\r\n", "\n"))
        return subprocess.CompletedProcess(line, code, *texts)

    def close(self) -> None:
        """End the server, and the command that it waits for."""
        self.connection.close()
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        _server.cache_clear()


@cache
def _server() -> _Server:
    return _Server()


def _received(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise EOFError("the process that runs the commands has ended")
        data += piece
    return data


def _serve(connection: socket.socket) -> None:
    """Fork for each request that arrives, until nobody asks any more."""
    from importlib import import_module

    from xdmprep.cli.arrow_runtime import without_pandas

    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # no thread may run when a process forks
    without_pandas()
    for name in MODULES:
        import_module(name)
    while True:
        head, handles, _, _ = socket.recv_fds(connection, 8, 3)
        if not head:
            return
        asked = json.loads(_received(connection, int.from_bytes(head, "little")))
        child = os.fork()
        if child == 0:
            connection.close()
            _become(asked, handles)
        for handle in handles:
            os.close(handle)
        _, status = os.waitpid(child, 0)
        connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, "little", signed=True))


def _become(asked: dict[str, Any], handles: array.array[int] | list[int]) -> None:
    """Run the command in this process and end it."""
    from xdmprep.__main__ import main

    for number, handle in enumerate(handles):
        os.dup2(handle, number)
        os.close(handle)
    try:
        os.chdir(asked["cwd"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        sys.argv = ["xdmprep", *asked["words"]]
        main()
    finally:
        os._exit(70)  # the command ends its process itself


if __name__ == "__main__":
    sys.path.pop(0)  # the folder of the tests
    with socket.socket(fileno=int(sys.argv[1])) as asking:
        _serve(asking)
