"""Writing an answer: headers (contract section 2.6), error bodies, answers to bodies still on their way."""

from __future__ import annotations

import asyncio
import logging

from hookflash.api.exchange import Answer
from hookflash.api.reading import Receive, Send
from hookflash.api.routing import WrongMethod
from hookflash.wire.results import Refusal

log = logging.getLogger("hookflash.api")

JSON = (b"content-type", b"application/json; charset=utf-8")
CHAIN_ID = b"x-microsoft-skype-chain-id"
DRAIN_BYTES = 16 << 20
"""How much of a refused body is still taken off the wire, so that the client gets to read the refusal."""
DRAIN_SECONDS = 2.0
MAX_CLIENT_REQUEST_ID = 256
"""Longest x-ms-client-request-id that is echoed."""


def render(refusal: Refusal) -> Answer:
    """A refusal as an answer, with the headers that belong to its status."""
    if refusal.retry_after is not None:
        return Answer(refusal.status, refusal.body(), ((b"retry-after", b"%d" % refusal.retry_after),))
    if isinstance(refusal, WrongMethod):
        allowed = ", ".join(refusal.allowed).encode("ascii")
        return Answer(refusal.status, refusal.body(), ((b"allow", allowed),))
    return Answer(refusal.status, refusal.body())


def header_list(answer: Answer, headers: dict[str, str], chain: bytes | None) -> list[tuple[bytes, bytes]]:
    """The response headers (the server adds Date). ``headers`` are the request's, ``chain`` is the
    correlation id of the call, if known."""
    out: list[tuple[bytes, bytes]] = []
    if answer.status != 204:
        out.append((b"content-length", b"%d" % len(answer.body)))
        if answer.body:
            out.append(JSON)
    client_request_id = headers.get("x-ms-client-request-id")
    if client_request_id and len(client_request_id) <= MAX_CLIENT_REQUEST_ID:
        out.append((b"x-ms-client-request-id", client_request_id.encode("latin-1")))
    if chain is not None:
        out.append((CHAIN_ID, chain))
    if answer.headers:
        out.extend(answer.headers)
    return out


async def answer_early(answer: Answer, headers: dict[str, str], receive: Receive, send: Send) -> None:
    """Answer while the body is still coming, then throw the rest of it away, up to a bound, and close.

    A client that is still sending would otherwise see a reset connection instead of the answer.
    """
    out = [*header_list(answer, headers, None), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": answer.status, "headers": out})
    await send({"type": "http.response.body", "body": answer.body, "more_body": True})
    drained = 0
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            while drained < DRAIN_BYTES:
                message = await receive()
                drained += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    break
    except TimeoutError:
        log.info("stopped taking in a refused body after %d bytes", drained)
    await send({"type": "http.response.body", "body": b""})
