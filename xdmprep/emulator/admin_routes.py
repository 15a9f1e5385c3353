"""Routes of the emulator's own, under ``/_emulator``: faults, reset, tokens that expire now."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from .faults import Fault
from .responses import empty, pretty
from .state import Routes, State

routes = Routes("/_emulator")


@routes("GET /health")
def _health(state: State, request: Request) -> Response:
    return pretty({"status": "ok"})


@routes("GET /faults")
def _list_faults(state: State, request: Request) -> Response:
    return pretty(state.faults.listed())


@routes("POST /faults", media=())
def _add_faults(state: State, request: Request, body: Any) -> Response:
    """One rule or an array of them, objects or ``key=value,...`` texts."""
    apply(state, [Fault.of(item) for item in (body if isinstance(body, list) else [body])])
    return _list_faults(state, request)


def apply(state: State, faults: list[Fault]) -> None:
    """Put rules in force; stalls and retries belong to ingestion."""
    for fault in faults:
        state.ingestion.stalls["stall"] += fault.stall
        state.ingestion.stalls["retry"] += fault.retry
        if not fault.stall and not fault.retry:
            state.faults.add(fault)


@routes("DELETE /faults")
def _clear_faults(state: State, request: Request) -> Response:
    state.faults.clear()
    state.ingestion.stalls.clear()
    return empty(204)


@routes("POST /reset")
def _reset(state: State, request: Request) -> Response:
    """Forget all datasets, batches, profiles, tokens and faults."""
    state.store.reset()
    state.profiles.reset()
    return _clear_faults(state, request)


@routes("POST /expire-tokens")
def _expire_tokens(state: State, request: Request) -> Response:
    """Every token that was issued is expired from now on."""
    with state.store.transaction() as db:
        db.execute("UPDATE token SET expires = 0")
    return empty(204)
