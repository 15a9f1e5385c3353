"""The emulator as a server: in a thread for notebooks and tests, in the foreground for the command."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..core.arguments import CALLABLE, COUNT, FILLED, INTEGER, PATH, PORT, SECONDS, nullable, one_of, takes
from ..core.batch_check import IngestCheck, ResolveSchema
from ..core.documents import kind_of
from ..errors import UsageError
from ..wire import SMALL_FILE_BYTES
from .admin_routes import apply
from .app import create_app
from .faults import Fault, Faults
from .ingest import Ingestion
from .profiles import Profiles
from .registry import Schemas
from .state import Answers, State
from .store import Store

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class _Protocol(H11Protocol):
    """uvicorn's protocol; each request can cut its connection, for faults on request."""

    def connection_made(self, transport: Any) -> None:
        """Hand the application a way to cut the connection, through a wrapper around it."""
        super().connection_made(transport)
        inner = self.app

        async def app(scope: Any, receive: Any, send: Any) -> None:
            scope["xdmprep.drop"] = transport.abort
            await inner(scope, receive, send)

        self.app = app


def _interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt


_RULES = kind_of(
    "a list of rules",
    lambda value: isinstance(value, list | tuple) and all(isinstance(one, str | dict) for one in value),
)


class EmulatorServer:
    """The batch ingestion API, Catalog, Data Access and profile look-ups on this machine.

    Args:
        data: folder that keeps everything; None keeps it until `stop` in a temporary folder.
        schemas: folder of XDM schemas and their components (JSON files, by ``$id``); datasets can then only refer to
            these, and to schemas that were created by requests.
        check: validates what is ingested; None takes `default_check`.
        host, port: where to listen; port 0 takes a free one.
        answers: ``guide`` or ``spec``, where the developer guide and the OpenAPI descriptions differ.
        token: the only bearer token to take besides those that the token route issues; None takes any.
        delay: seconds that a batch spends in each state of promotion.
        faults: faults on request, see :mod:`xdmprep.emulator.faults`.
        seed: of the draws of faults.
        token_seconds: how long issued tokens live.
        abandon_after: seconds until a batch that is not completed is ``abandoned``.
        collect_after: seconds until an ``inactive`` batch is ``deleted``.
        small_file_bytes: largest body of one PUT; the platform's limit unless given.

    Raises:
        UsageError: an argument is of another type or out of its range.

    Examples:
        >>> with Emulator(schemas="schemas/") as server:
        ...     Client(url=server.url).batches()
        []
    """

    #: What validates uploaded files unless `check` is given, and parses those of unknown schemas.
    default_check: ClassVar[IngestCheck]
    #: What puts schemas of several documents together.
    resolve_schema: ClassVar[ResolveSchema]

    @takes(
        data=nullable(PATH), schemas=nullable(PATH), check=nullable(CALLABLE), host=FILLED, port=PORT,
        answers=one_of("guide", "spec"), token=nullable(FILLED), delay=SECONDS, faults=_RULES, seed=INTEGER,
        token_seconds=COUNT, abandon_after=nullable(SECONDS), collect_after=nullable(SECONDS), small_file_bytes=COUNT,
    )  # fmt: skip
    def __init__(
        self,
        data: str | os.PathLike[str] | None = None,
        schemas: str | os.PathLike[str] | None = None,
        check: IngestCheck | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        answers: Answers = "guide",
        token: str | None = None,
        delay: float = 0.0,
        faults: Sequence[str | dict[str, Any]] = (),
        seed: int = 0,
        token_seconds: int = 86_399,
        abandon_after: float | None = None,
        collect_after: float | None = None,
        small_file_bytes: int = SMALL_FILE_BYTES,
    ) -> None:
        rules = [Fault.of(item) for item in faults]
        Schemas(schemas)  # whether it can be read, before the folder of data is taken
        self._host, self._port = host, port
        store = Store(data)
        known = Schemas(schemas, store, self.resolve_schema)
        profiles = Profiles(store.folder / "profiles.sqlite")
        ingestion = Ingestion(
            store, profiles, known, self.default_check, check or self.default_check, delay, abandon_after, collect_after
        )
        self.state = State(
            store, profiles, known, ingestion, Faults(seed), answers, token, token_seconds, small_file_bytes, host=host
        )
        apply(self.state, rules)
        self._socket: socket.socket | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it listens, such as ``http://127.0.0.1:8080``."""
        if self._socket is None:
            raise UsageError("The emulator is not started; use it in a 'with' block or call start().")
        host, port = self._socket.getsockname()[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def _open(self) -> uvicorn.Server:
        try:
            family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
            listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio then sets TCP_NODELAY
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self._host, self._port))
            listener.listen(128)
        except (OSError, OverflowError) as error:
            listener.close()
            self._close()
            why = getattr(error, "strerror", None) or error
            advice = "Check the host." if isinstance(error, socket.gaierror) else "Choose another port or host."
            raise UsageError(f"cannot listen on {self._host}:{self._port}: {why}. {advice}") from None
        self._socket = listener
        app = create_app(self.state, LOOPBACK if self._host in LOOPBACK else None)
        config = uvicorn.Config(
            app, http=_Protocol, ws="none", lifespan="off", log_config=None, access_log=False, server_header=False,
            timeout_keep_alive=75, timeout_graceful_shutdown=1, h11_max_incomplete_event_size=64 * 1024,
        )  # fmt: skip
        return uvicorn.Server(config)

    def start(self) -> Self:
        """Listen, in a thread of its own.

        Returns:
            The emulator itself.

        Raises:
            UsageError: the address cannot be listened on.

        Examples:
            >>> own = Emulator().start()
            >>> own.url.startswith("http://127.0.0.1:")
            True
            >>> own.stop()
        """
        if self._thread is not None:
            return self
        server = self._server = self._open()
        self._thread = threading.Thread(
            target=server.run, kwargs={"sockets": [self._socket]}, name="xdmprep-emulator", daemon=True
        )
        self._thread.start()
        self.state.ingestion.start()
        while not server.started and self._thread.is_alive():
            time.sleep(0.005)
        return self

    def stop(self) -> None:
        """End; without a folder of data everything is gone.

        Examples:
            >>> own = Emulator().start()
            >>> own.stop()
        """
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(timeout=30)
        self._close()

    def run(self) -> None:
        """Serve in the foreground until interrupted; call `open_url` first to learn the address.

        Examples:
            >>> Emulator(port=8080).run()  # doctest: +SKIP
        """
        if self._server is None:
            self._server = self._open()
        self.state.ingestion.start()
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, _interrupt)  # ends as Ctrl-C does: everything is closed
        try:
            self._server.run(sockets=[self._socket] if self._socket else None)
        except KeyboardInterrupt:
            pass
        finally:
            self._close()

    def open_url(self) -> str:
        """Bind the address without serving yet, and say what it is.

        Returns:
            The address.

        Raises:
            UsageError: the address cannot be listened on.

        Examples:
            >>> own = Emulator()
            >>> own.open_url().startswith("http://127.0.0.1:")
            True
            >>> own.stop()
        """
        if self._server is None:
            self._server = self._open()
        return self.url

    def _close(self) -> None:
        self.state.ingestion.stop()
        self.state.profiles.close()
        self.state.store.close()
        if self._socket is not None:
            self._socket.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()
