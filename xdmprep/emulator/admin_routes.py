"""Routes of the emulator's own, under ``/_emulator``: faults, reset, tokens that expire now."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .faults import Fault
from .responses import empty, json_route, pretty
from .state import State


def routes() -> list[Route]:
    """The control routes."""
    return [
        Route("/_emulator/health", health, methods=["GET"]),
        Route("/_emulator/faults", list_faults, methods=["GET"]),
        Route("/_emulator/faults", json_route(add_faults), methods=["POST"]),
        Route("/_emulator/faults", clear_faults, methods=["DELETE"]),
        Route("/_emulator/reset", reset, methods=["POST"]),
        Route("/_emulator/expire-tokens", expire_tokens, methods=["POST"]),
    ]


def health(request: Request) -> Response:
    """``GET /_emulator/health``: it is there."""
    return pretty({"status": "ok"})


def list_faults(request: Request) -> Response:
    """``GET /_emulator/faults``."""
    return pretty(State.of(request).faults.listed())


def add_faults(request: Request, body: Any) -> Response:
    """``POST /_emulator/faults``: one rule or an array of them, objects or ``key=value,...`` texts."""
    apply(State.of(request), [Fault.of(item) for item in (body if isinstance(body, list) else [body])])
    return list_faults(request)


def apply(state: State, faults: list[Fault]) -> None:
    """Put rules in force; stalls and retries belong to ingestion."""
    for fault in faults:
        state.ingestion.stalls["stall"] += fault.stall
        state.ingestion.stalls["retry"] += fault.retry
        if not fault.stall and not fault.retry:
            state.faults.add(fault)


def clear_faults(request: Request) -> Response:
    """``DELETE /_emulator/faults``."""
    state = State.of(request)
    state.faults.clear()
    state.ingestion.stalls.clear()
    return empty(204)


def reset(request: Request) -> Response:
    """``POST /_emulator/reset``: forget all datasets, batches, profiles, tokens and faults."""
    state = State.of(request)
    state.store.reset()
    state.profiles.reset()
    return clear_faults(request)


def expire_tokens(request: Request) -> Response:
    """``POST /_emulator/expire-tokens``: every token that was issued is expired from now on."""
    state = State.of(request)
    with state.store.transaction() as db:
        db.execute("UPDATE token SET expires = 0")
    return empty(204)
