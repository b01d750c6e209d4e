"""The HTTP servers: uvicorn on the running loop, plain HTTP and, with a certificate, HTTPS."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import uvicorn

from hookflash.api.connections import BoundedProtocol
from hookflash.api.contents import PREFIX as CONTENTS_PREFIX
from hookflash.api.reading import Receive, Scope, Send
from hookflash.config import Address, ServerSettings

log = logging.getLogger("hookflash.api")

BACKLOG = 2048
KEEP_ALIVE = 75
"""Seconds an idle connection is kept. SDKs keep theirs for about a minute; closing first would break a
request that is just being sent."""
GRACE = 5
"""Seconds that running requests get when the server stops."""
OWN_PREFIX = "/hookflash"


class CannotListen(Exception):
    """An address or a certificate cannot be used; the message says which, why and what to do."""


def shell(azure: Any, own: Any, contents: Any) -> Any:
    """One ASGI app of all surfaces: what is under /hookflash is our own, the files of recordings are
    contents, all else is Azure's."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        if path.startswith(OWN_PREFIX) and (len(path) == len(OWN_PREFIX) or path[len(OWN_PREFIX)] == "/"):
            await own(scope, receive, send)
        elif path.startswith(CONTENTS_PREFIX):
            await contents(scope, receive, send)
        else:
            await azure(scope, receive, send)

    return app


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the process belongs to ``app``."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServers:
    """Listens where the settings say; ``start`` and ``stop`` run on one loop.

    Args:
        app: the ASGI app.
        settings: bind, tls_bind and the certificate are used.
    """

    def __init__(self, app: Any, settings: ServerSettings) -> None:
        self._app = app
        self._settings = settings
        self._servers: list[tuple[_Server, asyncio.Task[None]]] = []
        self.http: Address | None = None
        """Where plain HTTP listens, with the real port, once started."""
        self.https: Address | None = None
        """Where HTTPS listens, once started; None without a certificate."""

    async def start(self) -> None:
        """Listen and take requests.

        Raises:
            CannotListen: an address is taken or not ours, or the certificate cannot be read.
        """
        settings = self._settings
        try:
            self.http = await self._serve(settings.bind, "server.bind")
            if settings.tls_cert and settings.tls_key:
                check_certificate(settings.tls_cert, settings.tls_key)
                self.https = await self._serve(
                    settings.tls_bind,
                    "server.tls_bind",
                    ssl_certfile=settings.tls_cert,
                    ssl_keyfile=settings.tls_key,
                )
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop listening, let running requests finish within :data:`GRACE`; idempotent."""
        servers, self._servers = self._servers, []
        for server, _ in servers:
            server.should_exit = True
        await asyncio.gather(*(task for _, task in servers))

    async def wait(self) -> None:
        """Until every server has ended."""
        await asyncio.gather(*(task for _, task in self._servers))

    async def _serve(self, address: Address, setting: str, **tls: str) -> Address:
        listener = listen(address, setting)
        config = uvicorn.Config(
            self._app,
            http=BoundedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=GRACE,
            **tls,  # type: ignore[arg-type]
        )
        server = _Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]), name=f"http {address}")
        self._servers.append((server, task))
        while not server.started:
            if task.done():
                await task
                raise CannotListen(f"{setting}: the server on {address} ended while it was starting")
            await asyncio.sleep(0.005)
        port: int = listener.getsockname()[1]
        return Address(address.host, port)


def listen(address: Address, setting: str) -> socket.socket:
    """A listening TCP socket; raises :class:`CannotListen`."""
    try:
        found = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise CannotListen(
            f"{setting}: {address.host!r} cannot be resolved: {error}; give an IP address"
        ) from error
    family, kind, protocol, _, where = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        message = f"{setting}: cannot listen on {address}: {error.strerror}; free the address or set another"
        raise CannotListen(message) from error
    return listener


def check_certificate(cert: str, key: str) -> None:
    """Raises :class:`CannotListen` when certificate and key cannot be used together."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise CannotListen(
            f"server.tls_cert {cert!r} and server.tls_key {key!r} cannot be used: {error}; "
            "give the PEM files of a certificate and its private key"
        ) from error
