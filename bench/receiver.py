"""The app of the benches of events: a webhook."""

from __future__ import annotations

import asyncio
import time


class Receiver:
    """An app's webhook at its cheapest: takes POSTs, answers 200, looks at nothing."""

    def __init__(self) -> None:
        self.taken = 0
        self.url = ""
        self.arrived: dict[str, list[float]] = {}
        self._watching = False
        self._server: asyncio.Server | None = None

    def watch(self) -> None:
        """From now on note when the events of each connection arrive."""
        self._watching = True
        self.arrived = {}

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/api/callbacks?secret=0123456789abcdef"

    def stop(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
                body = await reader.readexactly(length)
                self.taken += 1
                if self._watching:
                    now = time.monotonic()
                    connection = body.partition(b'"callConnectionId":"')[2][:36].decode()
                    self.arrived.setdefault(connection, []).append(now)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
