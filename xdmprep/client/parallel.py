"""Several files at the same time, in threads that do not hold up an interrupt.

The threads of `concurrent.futures` are waited for when the interpreter ends, so that Ctrl-C would last as long as the
slowest request.  These are daemons: an interrupt leaves at once, and what they were doing is done again by the next
run.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")


class Stopped(Exception):
    """The run is over; raised inside a thread that has not noticed yet."""


def each(work: Callable[[Item, threading.Event], None], items: Iterable[Item], jobs: int) -> None:
    """`work` of every item, with an event that says that the run is over; the first error ends it and is raised."""
    waiting = deque(items)
    stop, errors = threading.Event(), list[BaseException]()

    def run() -> None:
        while not stop.is_set():
            try:
                item = waiting.popleft()
            except IndexError:
                return
            try:
                work(item, stop)
            except Stopped:
                return
            except BaseException as error:
                errors.append(error)
                stop.set()

    threads = [
        threading.Thread(target=run, name=f"xdmprep-upload-{number}", daemon=True)
        for number in range(max(1, min(jobs, len(waiting))))
    ]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(0.5)  # in pieces, so that an interrupt is noticed on every system
    except BaseException:
        stop.set()
        raise
    if errors:
        raise errors[0]
