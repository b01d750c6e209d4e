"""The Azure surfaces as one ASGI app.

The way of a request: route, read the body within bounds, verify the signature, read the api-version, answer a
repeated request from memory, run the operation, render. Everything that goes wrong ends as an error body of
contract section 4.1; nothing of our inside ever leaves.
"""

from __future__ import annotations

import logging
import uuid
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from hookflash.api import keys, table
from hookflash.api.answering import CHAIN_ID, answer_early, header_list, render
from hookflash.api.exchange import Answer, Core, Operation, Request
from hookflash.api.ports import CallEngine, Identities, KeyDocuments, Resource
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
)
from hookflash.api.repeatability import Repeatability, read_repeatability
from hookflash.api.routing import Ids, Router
from hookflash.ports.clock import Clock
from hookflash.wire.hmac import AccessKey, Verifier, decode_key
from hookflash.wire.responses import CallConnectionProperties
from hookflash.wire.results import Refusal, internal_error, not_supported

log = logging.getLogger("hookflash.api")

KNOWN_CHAINS = 10_000
"""How many calls the correlation id is remembered of, for X-Microsoft-Skype-Chain-ID."""
STILL_SENDING = frozenset({408, 413})
"""Refusals that come before the body has."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of the edge; bytes and seconds."""

    request_bytes: int = 1 << 20
    request_timeout: float = 10.0
    clock_skew: float = 900.0
    repeatability_entries: int = 50_000
    repeatability_age: float = 86400.0


class AzureSurface:
    """The ASGI app.

    Args:
        engine, identities, key_documents: what the operations act on.
        resources: whose keys are accepted.
        clock: monotonic and wall time.
        public_url: the base URL that applications reach us under.
        bounds: limits.
    """

    def __init__(
        self,
        *,
        engine: CallEngine,
        identities: Identities,
        key_documents: KeyDocuments,
        resources: Iterable[Resource],
        clock: Clock,
        public_url: str,
        bounds: Bounds | None = None,
    ) -> None:
        self._core = Core(engine, identities)
        self._clock = clock
        self._bounds = bounds or Bounds()
        self._bodies = BodyReader(self._bounds.request_bytes, self._bounds.request_timeout)
        # A Content-Length of fewer digits than the limit is below it.
        self._short = len(str(self._bounds.request_bytes))
        self._router = Router([*table.operations(), *keys.operations(key_documents, public_url)])
        host = public_url.partition("://")[2].partition("/")[0]
        self._verifier = Verifier(
            [
                AccessKey(resource.id, decode_key(key), f"key {number}")
                for resource in resources
                for number, key in enumerate(resource.access_keys, 1)
            ],
            public_hosts=(host,) if host else (),
            window=self._bounds.clock_skew,
        )
        self._repeatability = Repeatability(
            self._bounds.repeatability_entries, self._bounds.repeatability_age, clock.now
        )
        self._chains: OrderedDict[str, bytes] = OrderedDict()
        self._encode = msgspec.json.Encoder().encode

    @property
    def operations(self) -> list[Operation]:
        """The operation table that is served."""
        return self._router.operations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await _refuse_socket(scope, receive, send)
            return
        method: str = scope["method"]
        path: str = scope["raw_path"].decode("latin-1")
        headers = read_headers(scope)
        ids: Ids = ()
        try:
            operation, ids = self._router.find(method, path)
            answer = await self._answer(operation, ids, scope, path, headers, receive)
        except Refusal as refusal:
            _tell(method, path, ids, refusal)
            answer = render(refusal)
            if refusal.status in STILL_SENDING:
                await answer_early(answer, headers, receive, send)
                return
        except Disconnected:
            return
        except Exception:
            answer = _failed(method, path)
        chain = self._chains.get(ids[0]) if ids else None
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": header_list(answer, headers, chain),
            }
        )
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(
        self,
        operation: Operation,
        ids: Ids,
        scope: Scope,
        path: str,
        headers: dict[str, str],
        receive: Receive,
    ) -> Answer:
        bounds = self._bounds
        if len(headers.get("content-length", "")) >= self._short:
            check_length(headers, bounds.request_bytes)
        body = await self._bodies.read(receive)
        if not operation.signed:
            return await self._run(operation, Request("", "", ids, body))
        query: bytes = scope["query_string"]
        target = f"{path}?{query.decode('latin-1')}" if query else path
        wall = self._clock.wall()
        resource = self._verifier.verify(operation.method, target, headers, body, wall).resource
        version = read_version(query)
        if body and operation.takes_body:
            check_content_type(headers.get("content-type"))
        request = Request(resource, version, ids, body)
        if operation.repeatable:
            request_id = read_repeatability(headers, wall, bounds.repeatability_age)
            if request_id is not None:
                key = f"{resource} {operation.method} {path} {request_id}"
                return await self._repeatability.once(key, self._run, operation, request)
        return await self._run(operation, request)

    async def _run(self, operation: Operation, request: Request) -> Answer:
        if operation.run is None:
            raise not_supported(
                f"The operation {operation.name!r} ({operation.method} {operation.path}) is not supported yet"
                " by this version of Hookflash."
            )
        result: Any = await operation.run(request, self._core)
        if result is None:
            return Answer(operation.status)
        if isinstance(result, CallConnectionProperties) and result.correlation_id:
            return self._remembering(operation, request, result, result.correlation_id)
        return Answer(operation.status, self._encode(result))

    def _remembering(
        self, operation: Operation, request: Request, result: CallConnectionProperties, correlation_id: str
    ) -> Answer:
        """An answer about a call; its correlation id goes with it and with later ones about the call."""
        chain = correlation_id.encode("latin-1", "replace")
        self._chains[result.call_connection_id] = chain
        if len(self._chains) > KNOWN_CHAINS:
            self._chains.popitem(last=False)
        # With an id in the path the header is added from memory.
        extra = () if request.ids else ((CHAIN_ID, chain),)
        return Answer(operation.status, self._encode(result), extra)


def _failed(method: str, path: str) -> Answer:
    """The answer to a fault of ours; the trace stays in the log, under an id that both sides can name."""
    fault = str(uuid.uuid4())
    log.exception("%s %s failed, fault %s", method, path, fault, extra={"fault": fault})
    message = f"Hookflash failed to carry this out; its log has the reason under fault {fault}."
    return render(internal_error(message))


def _tell(method: str, path: str, ids: Ids, refusal: Refusal) -> None:
    """A refusal in the log: whoever develops an app looks there first."""
    log.info(
        "refused: %s",
        refusal.message,
        extra={
            "method": method[:20],
            "path": path[:200],
            "status": refusal.status,
            "code": refusal.code,
            "callConnectionId": ids[0][:100] if ids else None,
        },
    )


async def _refuse_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """The Azure surfaces have no WebSocket: applications are called, they do not call."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1000, "reason": "there is no WebSocket here"})
