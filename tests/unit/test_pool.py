"""The pool: a fixed number of threads, each task done once, and a caller that helps."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections import deque
from typing import Any

import pytest

from xdmprep.core.pool import Pool, Task, ordered


def test_a_task_is_done_once_by_whoever_comes_first() -> None:
    calls: list[int] = []

    def work() -> str:
        calls.append(1)
        return "made"

    task = Task(work, deque())
    assert not task.done()
    assert (task.run_inline(), task.run_inline()) == (True, False)
    assert task.done()
    assert (task.result(), task.result()) == ("made", "made")
    assert calls == [1]


def test_nobody_waits_for_a_task_that_no_thread_has_begun() -> None:
    gate = threading.Event()
    with Pool(2) as pool:
        busy = pool.start(gate.wait)
        assert pool.start(threading.get_ident).result() == threading.get_ident()
        assert not busy.done()
        gate.set()
        assert busy.result() is True


def test_what_comes_first_is_done_before_what_waits() -> None:
    gate, order = threading.Event(), list[str]()
    with Pool(2) as pool:
        begun = threading.Event()
        busy = pool.start(lambda: begun.set() or gate.wait())
        assert begun.wait(10)
        tasks = [pool.start(order.append, "a"), pool.start(order.append, "b")]
        tasks.append(pool.start(order.append, "first", first=True))
        gate.set()
        while not all(task.done() for task in [busy, *tasks]):
            time.sleep(0.001)
    assert order == ["first", "a", "b"]


def test_a_task_that_is_done_is_forgotten_while_the_pool_is_busy() -> None:
    """What it made is large; only who asked for it may hold it."""

    class Made:
        pass

    gate = threading.Event()
    with Pool(2) as pool:
        pool.start(gate.wait)
        made = [weakref.ref(pool.start(Made).result()) for _ in range(5)]
        gc.collect()
        assert [one() for one in made] == [None] * 5
        gate.set()


def test_a_crew_of_one_works_at_once() -> None:
    with Pool(1) as pool:
        task = pool.start(threading.get_ident)
        assert task.done()
        assert task.result() == threading.get_ident()


def test_what_a_task_raises_is_raised_where_its_result_is_asked_for() -> None:
    def work() -> None:
        raise ValueError("boom")

    with Pool(1) as pool:
        task = pool.start(work)
        with pytest.raises(ValueError, match="boom"):
            task.result()


def test_an_interruption_is_raised_where_it_happens_and_kept_for_who_waits() -> None:
    def work() -> None:
        raise KeyboardInterrupt

    task = Task(work, deque())
    with pytest.raises(KeyboardInterrupt):
        task.run_inline()
    with pytest.raises(KeyboardInterrupt):
        task.result()


def test_a_dropped_task_is_never_begun_and_one_at_work_is_waited_for() -> None:
    calls: list[str] = []
    begun, gate = threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        gate.wait()
        calls.append("slow")

    with Pool(2) as pool:
        first = pool.start(slow)
        second = pool.start(calls.append, "second")
        assert begun.wait(10)
        second.drop()
        threading.Timer(0.05, gate.set).start()
        first.drop()
        assert calls == ["slow"]
    assert calls == ["slow"]


def test_pieces_and_other_work_share_the_threads() -> None:
    """However much is started beside the pieces, no more threads work than the pool has."""
    lock, active, most = threading.Lock(), 0, 0
    beside: list[Task] = []

    def work(number: int) -> int:
        nonlocal active, most
        with lock:
            active += 1
            most = max(most, active)
        time.sleep(0.002)
        with lock:
            active -= 1
        return number

    seen: list[Any] = []
    with Pool(3) as pool:
        for number in ordered(work, iter(range(40)), pool):
            seen.append(number)
            beside.append(pool.start(work, -number))
        found = [task.result() for task in beside]
    assert seen == list(range(40))
    assert found == [-number for number in range(40)]
    assert 1 < most <= 3
