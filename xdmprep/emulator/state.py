"""What all routes share: catalog, profiles, schemas, ingestion, and how to answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any, Literal, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..errors import XdmPrepError
from ..wire import SMALL_FILE_BYTES
from .faults import Faults
from .ingest import Ingestion
from .profiles import Profiles
from .registry import Schemas
from .responses import Refusal, content_type, json_body
from .store import Store, now_ms

Answers = Literal["guide", "spec"]
Handler = TypeVar("Handler", bound=Callable[..., Any])


def made_by(request: Request) -> dict[str, Any]:
    """What Catalog says of who made something, and when."""
    at, client = now_ms(), request.headers.get("x-api-key", "")
    user = f"{client}@AdobeID"
    return {
        "imsOrg": request.headers.get("x-gw-ims-org-id", ""), "created": at, "updated": at, "createdClient": client,
        "createdUser": user, "updatedUser": user,
    }  # fmt: skip


@dataclass
class State:
    """One emulator's parts and settings, as for :class:`.EmulatorServer`."""

    store: Store
    profiles: Profiles
    schemas: Schemas
    ingestion: Ingestion
    faults: Faults
    answers: Answers = "guide"
    token: str | None = None
    token_seconds: int = 86_399
    small_file_bytes: int = SMALL_FILE_BYTES
    unique_external_ids: bool = True  #: refuse a second batch with the same ``externalId``
    host: str = "127.0.0.1"

    def sandbox(self, request: Request) -> str:
        """The request's sandbox; ``prod`` unless it names one."""
        return request.headers.get("x-sandbox-name") or "prod"

    def batch(self, request: Request) -> dict[str, Any]:
        """The batch that the request's path names; a Refusal if there is none in its sandbox."""
        key = request.path_params["batch"]
        found = self.store.batch(key, self.sandbox(request))
        if found is None:
            raise Refusal(404, f"batch {key} does not exist")
        return found

    def dataset(self, request: Request) -> tuple[str, dict[str, Any]]:
        """The dataset that the request's path names, and its id; a Refusal if there is none in its sandbox."""
        key = request.path_params["dataset"]
        found = self.store.resource(self.sandbox(request), "dataSets", key)
        if found is None:
            raise Refusal(404, f"dataset {key} does not exist")
        return key, found

    def first_records(
        self, files: Sequence[Any], format: str, multiline: bool, options: dict[str, Any], wanted: int
    ) -> list[dict[str, Any]]:
        """The first records of some files of a batch.

        Args:
            files: rows of the store's table of files, with ``stored`` and ``name``; read in this order.
            format: ``json``, ``csv`` or ``parquet``.
            multiline: whether a JSON file is one array.
            options: the batch's options for CSV.
            wanted: greatest number of records to give.

        Returns:
            The records as JSON objects, fewer than `wanted` if the files hold fewer.

        Raises:
            Refusal: status 400; a file is not of its format.
        """
        found: list[dict[str, Any]] = []
        for row in files:
            try:
                for chunk in self.ingestion.parse(self.store.bytes / row["stored"], format, multiline, {}, options):
                    found += [record for _, record in chunk.records]
                    if len(found) >= wanted:
                        return found[:wanted]
            except XdmPrepError as error:
                raise Refusal(400, self.store.message_about(row, error)) from None
        return found


class Routes(list[Route]):
    """The routes of one service; all their addresses begin with `base`."""

    def __init__(self, base: str = "") -> None:
        self.base = base

    def __call__(self, *addresses: str, media: Sequence[str] | None = None) -> Callable[[Handler], Handler]:
        """Decorate a handler, which gets the state and the request.

        Args:
            addresses: each a method, or several with commas between, a blank, and a path below the base.
            media: the handler also gets the JSON of the body, which is of one of these types (empty for any); None
                where no JSON is read.
        """

        def decorate(handle: Handler) -> Handler:
            async def endpoint(request: Request) -> Response:
                given = [request.app.state.emulator, request]
                if iscoroutinefunction(handle):
                    answer: Response = await handle(*given)
                    return answer
                if media:
                    content_type(request, *media)
                if media is not None:
                    given.append(json_body(await request.body()))
                return await run_in_threadpool(handle, *given)

            for address in addresses:
                methods, _, path = address.partition(" ")
                self.append(Route(self.base + path, endpoint, methods=methods.split(",")))
            return handle

        return decorate
