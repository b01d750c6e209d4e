"""Opening a WebSocket to an app: who may be called, what is shown there, what its refusals mean."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ipaddress
import os
import socket
import ssl
from dataclasses import dataclass
from typing import Any

import aiohttp
import yarl

from hookflash.outgoing import Connector
from hookflash.ports.outbound import BearerTokens, Targets
from hookflash.streaming.websocket import WebSocket

CONNECT_TIMEOUT = 10.0
"""Seconds until the handshake has to be done."""
TOKEN_LIFETIME = 24 * 3600
"""Seconds a token is good for (contract section 7.2)."""
MAX_MESSAGE = 8 << 20
"""Largest message taken from an app, in bytes."""
HEARTBEAT = 20.0
"""Seconds between pings; an app that does not answer half as long after one is gone."""
_SEND_BUFFER = 128 << 10
"""What the system keeps for a slow reader, in bytes: what waits there can not be taken back."""
_RECEIVE_BUFFER = 32 << 10
"""What the system keeps until we read it, in bytes. It is read at one go, and all the empty frames that
would fit into much more would hold up everybody else. Over 200 ms it lets through twice what speech at 24 kHz
takes.
"""
_DEAD_AFTER_MS = 20_000
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

NOT_ESTABLISHED = "Action failed, not able to establish WebSocket connection"
_DETAILS = {
    400: "badRequest",
    401: "authenticationFailure",
    403: "forbidden",
    408: "serviceTimeout",
    429: "tooManyRequests",
    504: "serviceTimeout",
}


@dataclass(frozen=True, slots=True)
class Ticket:
    """Where a socket leads and what it is about.

    ``failed`` is the status detail of a connection that can not be made, ``sub_code`` the code for it.
    """

    url: str
    resource: str
    connection_id: str
    correlation_id: str
    failed: str
    sub_code: int


class DialFailed(Exception):
    """No connection; ``details``, ``code`` and ``sub_code`` as in contract sections 4.4 and 5.3."""

    def __init__(self, reason: str, details: str, code: int, sub_code: int) -> None:
        super().__init__(f"{NOT_ESTABLISHED}: {reason}.")
        self.details = details
        self.code = code
        self.sub_code = sub_code


class Dialler:
    """Opens sockets over one client session."""

    def __init__(self, targets: Targets, tokens: BearerTokens) -> None:
        self._targets = targets
        self._tokens = tokens
        self._session: aiohttp.ClientSession | None = None

    async def dial(self, ticket: Ticket) -> WebSocket:
        """A connected socket, still to be started. Raises :class:`DialFailed`."""
        try:
            target = self._targets.check(ticket.url)
        except OSError as error:
            raise DialFailed(str(error), ticket.failed, 400, 8581) from error
        if target.user is not None:
            target = target.with_user(None)
        headers = {
            "Authorization": f"Bearer {self._tokens.mint(ticket.resource, TOKEN_LIFETIME)}",
            "x-ms-call-correlation-id": ticket.correlation_id,
            "x-ms-call-connection-id": ticket.connection_id,
        }
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                return await self._shake_hands(target, headers)
        except aiohttp.WSServerHandshakeError as error:
            details = _DETAILS.get(error.status, ticket.failed)
            reason = f"the server answered {error.status} instead of 101"
            raise DialFailed(reason, details, 500, ticket.sub_code) from error
        except TimeoutError as error:
            reason = f"no answer within {CONNECT_TIMEOUT:g} s"
            raise DialFailed(reason, "serviceTimeout", 500, ticket.sub_code) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise DialFailed(_words(error), ticket.failed, 500, ticket.sub_code) from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _shake_hands(self, target: yarl.URL, headers: dict[str, str]) -> WebSocket:
        """The opening handshake (RFC 6455 section 4), after which the connection is no more aiohttp's."""
        key = base64.b64encode(os.urandom(16))
        answer = await (self._session or self._open()).get(
            target,
            headers={
                "Upgrade": "websocket",
                "Connection": "Upgrade",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": key.decode(),
                **headers,
            },
            read_until_eof=False,
        )
        try:
            if answer.status != 101:
                raise aiohttp.WSServerHandshakeError(
                    answer.request_info, answer.history, status=answer.status
                )
            accept = base64.b64encode(hashlib.sha1(key + _GUID).digest()).decode()
            agreed = (
                answer.headers.get("Upgrade", "").casefold() == "websocket"
                and answer.headers.get("Connection", "").casefold() == "upgrade"
                and answer.headers.get("Sec-WebSocket-Accept") == accept
            )
            if not agreed:
                raise aiohttp.ClientError("what answered is no WebSocket server: its handshake is wrong")
            return _take_over(answer)
        except BaseException:
            answer.close()
            raise

    def _open(self) -> aiohttp.ClientSession:
        no_redirects = aiohttp.TraceConfig()
        no_redirects.on_request_redirect.append(_refuse_redirect)
        self._session = aiohttp.ClientSession(
            connector=Connector(limit=0, socket_factory=self._socket),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            trust_env=False,
            headers={"User-Agent": "hookflash"},
            trace_configs=[no_redirects],
        )
        return self._session

    def _socket(self, address: Any) -> socket.socket:
        """The socket for one address: the place where the address that is really connected to is known."""
        family, kind, protocol, _, where = address
        host = str(where[0])
        self._targets.check_address(host, ipaddress.ip_address(host.partition("%")[0]))
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _DEAD_AFTER_MS)
        return made


class _Early:
    """What came right behind the answer: to aiohttp, the parser of what comes after an upgrade."""

    def __init__(self) -> None:
        self.data = b""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.data += data
        return False, b""

    def feed_eof(self) -> None:
        """The new owner is told."""


def _take_over(answer: aiohttp.ClientResponse) -> WebSocket:
    """Have the transport of an answer; whose it was is told of its end."""
    connection = answer.connection
    if connection is None or connection.protocol is None or connection.transport is None:
        raise aiohttp.ClientConnectionError("the connection was lost behind the handshake")
    former, transport, early = connection.protocol, connection.transport, _Early()
    former.set_parser(early, None)

    def lost(error: Exception | None) -> None:
        former.connection_lost(error)
        answer.close()

    return WebSocket(transport, early.data, limit=MAX_MESSAGE, heartbeat=HEARTBEAT, on_lost=lost)


async def _refuse_redirect(
    session: object, context: object, answer: aiohttp.TraceRequestRedirectParams
) -> None:
    """A redirect could lead from wss to a plain connection; nobody who may be called has to send one."""
    raise aiohttp.ClientError(
        f"the server answered {answer.response.status} instead of 101; redirects are not followed, use the "
        "final URL"
    )


def _words(error: Exception) -> str:
    """What to tell of an error, without the URL, whose query may hold secrets."""
    if isinstance(error, aiohttp.ClientConnectorError):
        # The numbers of TLS are its own: to the system they are "Operation not permitted".
        if isinstance(error.os_error, ssl.SSLCertVerificationError):
            reason = getattr(error.os_error, "verify_message", "") or str(error.os_error)
            return f"the certificate there is refused: {reason.rstrip('.')}"
        if isinstance(error.os_error, ssl.SSLError):
            return f"no TLS: {error.os_error.strerror or error.os_error}"
        # asyncio's own words for these are no help: "Connect call failed".
        number = error.os_error.errno or 0
        return os.strerror(number) if number > 0 else str(error.os_error)
    if isinstance(error, aiohttp.InvalidURL):
        return "the URL is not valid"
    if isinstance(error, aiohttp.ClientResponseError):
        return f"what came is no HTTP answer: {error.message.strip().partition(chr(10))[0][:200]}"
    return str(error) or type(error).__name__
