"""The files of recordings over HTTP: fetched whole or in ranges, and deleted (contract section 9.4).

They are served beside the operations, under the paths that events name as ``contentLocation``,
``metadataLocation`` and ``deleteLocation``. What is not there, is not finished or belongs to another resource
is answered alike: 404 without a body, as recorded of the real service.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from starlette.responses import Response

from hookflash.api.access import Access
from hookflash.api.answering import render
from hookflash.api.files import FileBody
from hookflash.api.ranges import Body, ranged
from hookflash.api.reading import Receive, Scope, Send, read_headers
from hookflash.wire.results import Refusal, internal_error

PREFIX = "/v1/objects/"
SOUND = frozenset({"video", "acsaudio"})
METADATA = "acsmetadata"
MAX_ID = 100
"""Characters of a document id that are looked at."""
_JSON = "application/json"
_EMPTY = b""

log = logging.getLogger("hookflash.api")


@dataclass(frozen=True, slots=True)
class RecordedObject:
    """A finished file of a recording: whose it is, and the type of its sound."""

    resource: str
    media_type: str


class RecordedObjects(Protocol):
    """Where the files of recordings are."""

    def find(self, document_id: str) -> RecordedObject | None:
        """A finished file by its document id."""
        ...

    async def open(self, document_id: str, *, metadata: bool) -> Path | Body:
        """The sound or the metadata of a finished file, on the disk or wherever it is.

        Raises FileNotFoundError when it is nowhere, OSError when it can not be read.
        """
        ...

    async def delete(self, document_id: str) -> bool:
        """Delete a finished file with its metadata; False when there is none. Raises OSError."""
        ...


class Contents:
    """The ASGI app under :data:`PREFIX`.

    Args:
        objects: what is served.
        access: whose keys and tokens open what.
        wall: Unix time, for signatures.
    """

    def __init__(self, objects: RecordedObjects, access: Access, wall: Callable[[], float]) -> None:
        self._objects = objects
        self._access = access
        self._wall = wall

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = read_headers(scope)
        try:
            response = await self._answer(scope, headers)
        except Refusal as refusal:
            log.info("refused: %s", refusal.message, extra={"path": scope["path"][:200]})
            answer = render(refusal)
            response = Response(answer.body, answer.status, media_type=_JSON)
            response.raw_headers.extend(answer.headers)
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, headers: dict[str, str]) -> Response:
        method: str = scope["method"]
        resource = await self._who(scope, method, headers)
        # Percent-encoding is undone: the ids are ours and need none.
        document, _, rest = scope["path"][len(PREFIX) :].partition("/")
        found = self._objects.find(document) if len(document) <= MAX_ID else None
        if found is None or found.resource != resource:
            return Response(status_code=404)
        if not rest:
            if method != "DELETE":
                return _not_allowed("DELETE")
            return await self._delete(document)
        container, _, kind = rest.partition("/")
        if container != "content" or kind not in (*SOUND, METADATA):
            return Response(status_code=404)
        if method not in ("GET", "HEAD"):
            return _not_allowed("GET, HEAD")
        metadata = kind == METADATA
        media_type = _JSON if metadata else found.media_type
        try:
            return await self._content(document, media_type, headers, metadata, head=method == "HEAD")
        except FileNotFoundError as error:
            log.error("a file of a recording is gone: %s", error)
            return Response(status_code=404)
        except OSError as error:
            log.error("recording %s can not be read: %s", document, error)
            raise internal_error("The file could not be read; the log of the server says why.") from error

    async def _content(
        self, document: str, media_type: str, headers: dict[str, str], metadata: bool, *, head: bool
    ) -> Response:
        found = await self._objects.open(document, metadata=metadata)
        if isinstance(found, Path):
            file = await asyncio.to_thread(FileBody, found)
            return await ranged(file, headers, media_type, file.tag, file.modified, head=head)
        tag = f'"{document}{"-m" if metadata else ""}-{found.size}"'
        return await ranged(found, headers, media_type, tag, head=head)

    async def _who(self, scope: Scope, method: str, headers: dict[str, str]) -> str:
        """The resource that asks. Raises Refusal 401."""
        wall = self._wall()
        if headers.get("authorization", "")[:7].lower() == "bearer ":
            return await self._access.bearer(headers["authorization"][7:].strip(), wall)
        target = scope["raw_path"].decode("latin-1")
        if scope["query_string"]:
            target += "?" + scope["query_string"].decode("latin-1")
        # No request here has a body: a signature of one that has does not fit.
        return self._access.signed(method, target, headers, _EMPTY, wall)

    async def _delete(self, document: str) -> Response:
        try:
            gone = await self._objects.delete(document)
        except OSError as error:
            log.error("recording %s could not be deleted: %s", document, error)
            raise internal_error("The file could not be deleted; the log of the server says why.") from error
        # 200 and not 204: contract section 9.4.
        return Response(status_code=200 if gone else 404)


def _not_allowed(methods: str) -> Response:
    return Response(status_code=405, headers={"Allow": methods})
