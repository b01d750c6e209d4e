"""Writing an answer: headers (contract section 2.6), error bodies, answers to bodies still on their way."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging

from hookflash.api.connections import respond
from hookflash.api.exchange import CHAIN_ID, Answer, HeadedRefusal, Headers
from hookflash.api.reading import Receive, Scope, Send
from hookflash.api.routing import WrongMethod
from hookflash.wire.catalogue import help_link
from hookflash.wire.results import Refusal
from hookflash.wire.versions import IDENTITY

log = logging.getLogger("hookflash.api")

JSON = (b"content-type", b"application/json; charset=utf-8")
NO_CACHE = (b"x-cache", b"CONFIG_NOCACHE")
DRAIN_BYTES = 16 << 20
"""How much of a refused body is still taken off the wire, so that the client gets to read the refusal."""
DRAIN_SECONDS = 2.0
MAX_CLIENT_REQUEST_ID = 256
"""Longest x-ms-client-request-id that is echoed."""
RETRY_AFTER = 1
"""Seconds a client is asked to wait when a refusal does not say."""

_CHALLENGES = {"7501": b'Bearer error="invalid_token"', "7509": b"HMAC-SHA256"}


def render(refusal: Refusal) -> Answer:
    """A refusal as an answer, with the headers that belong to its status."""
    status = refusal.status
    headers = refusal.headers if isinstance(refusal, HeadedRefusal) else ()
    if refusal.retry_after is not None or status in (429, 503):
        seconds = RETRY_AFTER if refusal.retry_after is None else refusal.retry_after
        headers = (*headers, (b"retry-after", b"%d" % seconds))
    elif status == 401:
        headers = (*headers, (b"www-authenticate", _CHALLENGES.get(refusal.code, b"Bearer, HMAC-SHA256")))
    elif isinstance(refusal, WrongMethod):
        headers = (*headers, (b"allow", ", ".join(refusal.allowed).encode("ascii")))
    return Answer(status, refusal.body(), (*headers, *help_headers(refusal.code)))


def help_headers(code: str) -> Headers:
    """What leads from a refusal with this code to the page about it."""
    link = help_link(code)
    return () if link is None else ((b"link", link.encode("ascii")),)


def header_list(
    answer: Answer, headers: dict[str, str], chain: str | None, reference: str
) -> list[tuple[bytes, bytes]]:
    """The response headers (the server adds Date). ``headers`` are the request's, ``chain`` is the
    correlation id of the call, if known."""
    out = [NO_CACHE, (b"x-azure-ref", reference.encode())]
    status, body, more = answer
    if status != 204:
        out.append((b"content-length", b"%d" % len(body)))
        if body:
            out.append(JSON)
    client_request_id = headers.get("x-ms-client-request-id")
    if client_request_id and len(client_request_id) <= MAX_CLIENT_REQUEST_ID:
        out.append((b"x-ms-client-request-id", client_request_id.encode("latin-1")))
    if chain is not None:
        out.append((CHAIN_ID, chain.encode("latin-1", "replace")))
    if more:
        out.extend(more)
    return out


def identity_headers(reference: str, seconds: float) -> list[tuple[bytes, bytes]]:
    """What the answers of the identity service have beside (contract section 2.6). ``seconds`` it took."""
    vector = base64.b64encode(hashlib.sha256(reference.encode()).digest()[:16])[:22]
    return [
        (b"api-supported-versions", ", ".join(IDENTITY).encode()),
        (b"ms-cv", vector + b".0"),
        (b"request-context", b"appId="),
        (b"x-processing-time", b"%dms" % max(0, round(seconds * 1000))),
    ]


async def send_answer(answer: Answer, out: list[tuple[bytes, bytes]], scope: Scope, send: Send) -> None:
    """Send a whole answer with the headers ``out``: by the short way where the server has one."""
    if respond(scope, answer.status, out, answer.body):
        return
    await send({"type": "http.response.start", "status": answer.status, "headers": out})
    await send({"type": "http.response.body", "body": answer.body})


async def answer_early(answer: Answer, out: list[tuple[bytes, bytes]], receive: Receive, send: Send) -> None:
    """Answer while the body is still coming, then throw the rest of it away, up to a bound, and close.

    A client that is still sending would otherwise see a reset connection instead of the answer.
    """
    out = [*out, (b"connection", b"close")]
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
