"""The Azure surfaces as one ASGI app.

The way of a request: route, read the body within bounds, verify the signature, read the api-version, answer a
repeated request from memory, run the operation, render. Everything that goes wrong ends as an error body of
contract section 4.1; nothing of our inside ever leaves.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from hookflash.api import keys, table
from hookflash.api.access import Access
from hookflash.api.answering import (
    answer_early,
    header_list,
    identity_headers,
    render,
    send_answer,
)
from hookflash.api.connections import whole_body
from hookflash.api.exchange import CHAIN_ID, Answer, Core, Operation, Request
from hookflash.api.links import base_url
from hookflash.api.ports import CallEngine, Identities, KeyDocuments
from hookflash.api.reading import (
    BodyReader,
    Disconnected,
    Receive,
    Scope,
    Send,
    check_content_type,
    check_length,
    read_headers,
    read_version,
    too_large,
)
from hookflash.api.references import new_reference
from hookflash.api.repeatability import Repeat, Repeatability, Write, read_repeatability
from hookflash.api.routing import Router
from hookflash.ports.clock import Clock
from hookflash.ports.journal import KeptAnswer, NotDurable
from hookflash.wire.catalogue import page_of
from hookflash.wire.hmac import body_digest
from hookflash.wire.ids import recording_connection
from hookflash.wire.operations import EARLIER_STATUSES
from hookflash.wire.responses import CallConnectionProperties, NoContent, RecordingStateResponse
from hookflash.wire.results import Refusal, internal_error, not_supported

log = logging.getLogger("hookflash.api")

STILL_SENDING = frozenset({408, 413})
"""Refusals that come before the body has."""
OF_IDENTITY = ("/identities", "/teamsUser/")
"""Paths of the identity service."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of the edge; bytes, seconds and entries."""

    request_bytes: int = 1 << 20
    request_timeout: float = 10.0
    repeatability_entries: int = 50_000
    repeatability_age: float = 86400.0
    participants_page: int = 100


class AzureSurface:
    """The ASGI app.

    Args:
        engine, identities, key_documents: what the operations act on.
        access: who may ask.
        clock: monotonic and wall time.
        public_url: the base URL that applications reach us under.
        bounds: limits.
        write_answer: makes the answer to a repeatable request durable that no command carries.
        more: operations beside those of calls and users.
    """

    def __init__(
        self,
        *,
        engine: CallEngine,
        identities: Identities,
        key_documents: KeyDocuments,
        access: Access,
        clock: Clock,
        public_url: str,
        bounds: Bounds | None = None,
        write_answer: Write | None = None,
        more: Iterable[Operation] = (),
    ) -> None:
        self._bounds = bounds or Bounds()
        self._core = Core(engine, identities, self._bounds.participants_page)
        self._correlation_of = engine.correlation_of
        self._wall = clock.wall
        self._now = clock.now
        self._access = access
        self._public_url = public_url.rstrip("/")
        self._bodies = BodyReader(self._bounds.request_bytes, self._bounds.request_timeout)
        # A Content-Length of fewer digits than the limit is below it.
        self._short = len(str(self._bounds.request_bytes))
        self._router = Router([*table.operations(), *more, *keys.operations(key_documents, public_url)])
        writing = {} if write_answer is None else {"write": write_answer}
        self._repeatability = Repeatability(
            self._bounds.repeatability_entries, self._bounds.repeatability_age, clock.wall, **writing
        )
        self._encode = msgspec.json.Encoder().encode

    @property
    def operations(self) -> list[Operation]:
        """The operation table that is served."""
        return self._router.operations

    def load_answers(self, answers: Iterable[KeptAnswer]) -> None:
        """Answers to repeatable requests of an earlier process, oldest first; before the first request."""
        self._repeatability.load(answers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await _refuse_socket(scope, receive, send)
            return
        method: str = scope["method"]
        path: str = scope["raw_path"].decode("latin-1")
        headers = read_headers(scope)
        request = Request("", "", (), b"", path=path, query=scope["query_string"])
        reference = new_reference()
        began = self._now()
        early = False
        try:
            operation, request.ids = self._router.find(method, path)
            answer = await self._answer(operation, request, scope, headers, receive)
        except Refusal as refusal:
            _tell(method, request, reference, refusal)
            answer = render(refusal)
            early = refusal.status in STILL_SENDING
        except Disconnected:
            return
        except Exception:
            answer = _failed(method, path)
        chain = self._chain(request) if request.ids and request.resource else None
        out = header_list(answer, headers, chain, reference)
        if path.startswith(OF_IDENTITY):
            out += identity_headers(reference, self._now() - began)
        if early:
            await answer_early(answer, out, receive, send)
        else:
            await send_answer(answer, out, scope, send)

    def _chain(self, request: Request) -> str | None:
        """The correlation id of the call that a request is about, if its resource may know it."""
        if not request.path.startswith("/calling/"):
            return None
        connection = request.ids[0]
        if request.path.startswith("/calling/recordings"):
            connection = recording_connection(connection) or ""
        return self._correlation_of(request.resource, connection)

    async def _answer(
        self, operation: Operation, request: Request, scope: Scope, headers: dict[str, str], receive: Receive
    ) -> Answer:
        bounds = self._bounds
        if len(headers.get("content-length", "")) >= self._short:
            check_length(headers, bounds.request_bytes)
        body = whole_body(scope)
        if body is None:
            body = await self._bodies.read(receive)
        elif len(body) > bounds.request_bytes:
            raise too_large(len(body), bounds.request_bytes)
        request.body = body
        if not operation.signed:
            return await self._run(operation, request)
        query = request.query
        wall = self._wall()
        bearer = headers.get("authorization", "")[:7].lower() == "bearer "
        if bearer:
            request.resource = await self._access.bearer(headers["authorization"][7:].strip(), wall)
        else:
            target = f"{request.path}?{query.decode('latin-1')}" if query else request.path
            request.resource = self._access.signed(operation.method, target, headers, body, wall)
        request.version = read_version(query, operation.versions)
        if body and operation.takes_body:
            check_content_type(headers.get("content-type"))
        if operation.linking:
            request.base_url = base_url(scope, headers, self._public_url)
        if operation.repeatable:
            request_id = read_repeatability(headers, wall, bounds.repeatability_age)
            if request_id is not None:
                key = f"{request.resource} {operation.method} {request.path} {request_id}"
                # A signature covers the digest; without one nobody has looked at it yet.
                digest = body_digest(body) if bearer else headers["x-ms-content-sha256"]
                answering = partial(self._respond, operation, request)
                repeat = request.repeat = Repeat(key, digest, wall, answering)
                return await self._repeatability.once(repeat, self._run, operation, request)
        return await self._run(operation, request)

    async def _run(self, operation: Operation, request: Request) -> Answer:
        if operation.run is None:
            raise not_supported(
                f"The operation {operation.name!r} is known, but this version of Hookflash does not offer "
                "it; do without it. What is offered is in /hookflash/openapi.json."
            )
        try:
            result: Any = await operation.run(request, self._core)
        except NotDurable as error:
            raise internal_error(
                f"The request was not made durable ({error}); look at the server's disk and log, then retry."
            ) from error
        if request.repeat is not None and request.repeat.answer is not None:
            return request.repeat.answer
        return self._respond(operation, request, result)

    def _respond(self, operation: Operation, request: Request, result: Any) -> Answer:
        """The answer to an operation's result; with the correlation id of the call it is of."""
        if isinstance(result, Answer):
            return result
        status = operation.status
        if request.version in EARLIER_STATUSES:
            status = EARLIER_STATUSES[request.version].get(operation.name, status)
        if result is None:
            return Answer(status)
        chain = None if request.ids else self._chain_of(request, result)
        headers = () if chain is None else ((CHAIN_ID, chain.encode("latin-1", "replace")),)
        return Answer(status, b"" if isinstance(result, NoContent) else self._encode(result), headers)

    def _chain_of(self, request: Request, result: Any) -> str | None:
        """The correlation id of the call that a result is of, where the path did not name it."""
        if isinstance(result, CallConnectionProperties | NoContent):
            return result.correlation_id
        if isinstance(result, RecordingStateResponse):
            return self._correlation_of(request.resource, recording_connection(result.recording_id) or "")
        return None


def _failed(method: str, path: str) -> Answer:
    """The answer to a fault of ours; the trace stays in the log, under an id that both sides can name."""
    fault = str(uuid.uuid4())
    # With the method the line counts as a stranger's: a fault that can be called up at will fills no disk.
    log.exception(
        "%s %s failed, fault %s", method, path[:200], fault, extra={"fault": fault, "method": method[:20]}
    )
    message = f"Hookflash failed to carry this out; its log has the reason under fault {fault}."
    return render(internal_error(message))


def _tell(method: str, request: Request, reference: str, refusal: Refusal) -> None:
    """A refusal in the log: whoever develops an app looks there first."""
    ids = request.ids
    log.info(
        "refused: %s",
        refusal.message,
        extra={
            "method": method[:20],
            "path": request.path[:200],
            "status": refusal.status,
            "code": refusal.code,
            "page": page_of(refusal.code),
            "reference": reference,
            "callConnectionId": ids[0][:100] if ids else None,
        },
    )


async def _refuse_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """The Azure surfaces have no WebSocket: applications are called, they do not call."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1000, "reason": "there is no WebSocket here"})
