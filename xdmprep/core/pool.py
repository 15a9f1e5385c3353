"""A fixed-size thread pool in which the calling thread also works.

A task is run by the first thread that takes it: a worker, or the caller when it needs the result and no worker has
started it. The caller therefore waits only for tasks that are running, and no more threads run than were requested;
one thread more than there are cores would fight for the interpreter lock at every kernel.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any


class Task:
    """Work that is done once, by the first thread that takes it out of the line it waits in."""

    def __init__(self, work: Callable[[], Any], line: deque[Task], first: bool = False) -> None:
        self._work = work
        self._made: Future[Any] = Future()
        self._line = line
        (line.appendleft if first else line.append)(self)

    def _taken(self) -> bool:
        """Take it out of the line; False if another thread has."""
        try:
            self._line.remove(self)
        except ValueError:
            return False
        return True

    def run_inline(self) -> bool:
        """Do the work here, unless some thread has begun; False if so.  What it raises is raised by :meth:`result`."""
        if not self._taken():
            return False
        work, self._work = self._work, _nothing  # what it holds makes room as soon as it is done
        try:
            self._made.set_result(work())
        except BaseException as error:
            if not self._made.done():
                self._made.set_exception(error)
            if not isinstance(error, Exception):
                raise
        return True

    def done(self) -> bool:
        """True once there is a result."""
        return self._made.done()

    def result(self) -> Any:
        """What the work gives; run here if no thread has started it."""
        self.run_inline()
        return self._made.result()

    def drop(self) -> None:
        """Cancel it if no thread has started it, else wait for it."""
        if self._taken():
            self._work = _nothing
            self._made.cancel()
        elif not self._made.cancelled():
            self._made.exception()


def _nothing() -> None:
    """A handle on work that was started."""


class Pool:
    """`jobs` threads, the calling one among them; None means one per core."""

    def __init__(self, jobs: int | None = None) -> None:
        self.jobs = max(1, os.cpu_count() or 1 if jobs is None else jobs)
        self._pool = ThreadPoolExecutor(self.jobs - 1, thread_name_prefix="xdmprep") if self.jobs > 1 else None
        self._line: deque[Task] = deque()

    def start(self, work: Callable[..., Any], *given: Any, first: bool = False) -> Task:
        """Have ``work(*given)`` done by the next free thread, or here; `first`: before all that waits."""
        task = Task(lambda: work(*given), self._line, first)
        if self._pool is None:
            task.run_inline()
        else:
            self._pool.submit(self._next)
        return task

    def _next(self) -> None:
        with suppress(IndexError):  # the calling thread took the last
            while not self._line[0].run_inline():
                pass

    def close(self) -> None:
        """End the pool's threads."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()


def ordered(work: Callable[[Any], Any], pieces: Iterator[Any], jobs: int | Pool | None) -> Generator[Any, None, None]:
    """`work` of each piece, in order, by `jobs` threads or a pool; at most as many pieces and 3 more are in flight.

    While the next result is not ready, the calling thread works on the first piece that is not started.
    """
    if not isinstance(jobs, Pool):
        with Pool(jobs) as pool:
            yield from ordered(work, pieces, pool)
        return
    pool = jobs
    if pool.jobs == 1:
        yield from map(work, pieces)
        return
    waiting: deque[Task] = deque()
    ended = object()
    piece: Any = next(pieces, ended)
    try:
        while waiting or piece is not ended:
            # a piece for each thread, and one for the first that is done with its own
            while (
                piece is not ended
                and len(waiting) < pool.jobs + 2
                and sum(not task.done() for task in waiting) <= pool.jobs
            ):
                waiting.append(pool.start(work, piece))
                piece = next(pieces, ended)
            if waiting[0].done() or not any(task.run_inline() for task in waiting):
                yield waiting.popleft().result()
    finally:
        for task in waiting:
            task.drop()
