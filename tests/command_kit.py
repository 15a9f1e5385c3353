"""`xdmprep` and Python code as processes of their own, without paying for a new interpreter and its imports each time.

A server per test process has the command's modules loaded and forks for every call.  So each process still has its own
memory, folder, environment, standard streams and exit code, and ends as it does for a user.  Where the platform cannot
fork, or the environment says how Python itself starts, the process is a new interpreter.
"""

from __future__ import annotations

import array
import atexit
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Mapping
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
    done = python("-m", "xdmprep", *words, cwd=cwd, env=env, timeout=timeout)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def python(
    *words: object, cwd: Path | None = None, env: Mapping[str, str] | None = None, timeout: float = 120,
    kill_after: float | None = None,
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """Run ``python WORDS`` and wait for its end.

    Args:
        words: ``-m xdmprep ...``, ``-c CODE ...``, or a script and its arguments.
        cwd: the folder it runs in; None for that of the tests.
        env: its whole environment; None for that of the tests.
        timeout: seconds until it is killed and `subprocess.TimeoutExpired` raised.
        kill_after: seconds until it is killed by SIGKILL, which its return code then says.
    """
    line = [sys.executable, *map(str, words)]
    environment = dict(os.environ if env is None else env)
    if hasattr(os, "fork") and _early(environment) == _early(os.environ):
        return _server().run(line, cwd, environment, timeout, kill_after)
    running = subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", cwd=cwd, env=env,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        output, errors = running.communicate(timeout=timeout if kill_after is None else kill_after)
    except subprocess.TimeoutExpired:
        running.kill()
        output, errors = running.communicate()
        if kill_after is None:
            raise
    return subprocess.CompletedProcess(line, running.returncode, output, errors)


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
        self, line: list[str], cwd: Path | None, environment: dict[str, str], timeout: float, kill_after: float | None
    ) -> subprocess.CompletedProcess[str]:
        asked = {
            "words": line[1:], "cwd": str(cwd or Path.cwd()), "environment": environment, "kill_after": kill_after,
        }  # fmt: skip
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
        if asked["kill_after"] is not None:
            end = time.monotonic() + asked["kill_after"]
            while os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                if time.monotonic() > end:
                    os.kill(child, signal.SIGKILL)
                    break
                time.sleep(0.001)
        _, status = os.waitpid(child, 0)
        connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, "little", signed=True))


def _become(asked: dict[str, Any], handles: array.array[int] | list[int]) -> None:
    """Run the command or the code in this process and end it."""
    for number, handle in enumerate(handles):
        os.dup2(handle, number)
        os.close(handle)
    try:
        os.chdir(asked["cwd"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        kind, *words = asked["words"]
        if kind == "-m":
            from xdmprep.__main__ import main

            sys.argv = words
            main()  # it ends the process itself
        elif kind == "-c":
            sys.argv = ["-c", *words[1:]]
            _end_after(lambda: exec(words[0], {"__name__": "__main__"}))
        else:
            sys.argv = [kind, *words]
            _end_after(lambda: runpy.run_path(kind, run_name="__main__"))
    finally:
        os._exit(70)


def _end_after(work: Callable[[], object]) -> None:
    """Do the work of a program and end the process as the interpreter would."""
    code: object = 0
    try:
        work()
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    sys.path.pop(0)  # the folder of the tests
    with socket.socket(fileno=int(sys.argv[1])) as asking:
        _serve(asking)
