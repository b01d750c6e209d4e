"""A name server on loopback, for tests: answers out of a zone, over UDP and TCP."""

from __future__ import annotations

import asyncio
import struct
from types import TracebackType

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


class NameServer:
    """Serves ``zone``: (name, kind) to lines of records, at ``address`` once entered.

    A name without records of a kind has an empty answer; a name without any is NXDOMAIN. ``asked`` lists the
    questions as "name kind". ``broken`` lets every question fail, ``silent`` leaves them without an answer,
    ``short`` cuts answers over UDP, so that they are asked for over TCP.
    """

    def __init__(self, zone: dict[tuple[str, str], list[str]], ttl: int = 60) -> None:
        self.zone = zone
        self.ttl = ttl
        self.asked: list[str] = []
        self.broken = self.silent = self.short = False
        self.address = ("", 0)

    async def __aenter__(self) -> NameServer:
        loop = asyncio.get_running_loop()
        while True:  # a port that is free for UDP may not be for TCP
            self._transport, _ = await loop.create_datagram_endpoint(
                lambda: _Datagrams(self), local_addr=("127.0.0.1", 0)
            )
            self.address = self._transport.get_extra_info("sockname")[:2]
            try:
                self._server = await asyncio.start_server(self._over_tcp, *self.address)
            except OSError:
                self._transport.abort()
                continue
            break
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._transport.close()
        self._server.close()

    def answer(self, data: bytes, *, tcp: bool = False) -> bytes | None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True), question.rdtype.name
        self.asked.append(f"{name} {kind}" + (" tcp" if tcp else ""))
        if self.silent:
            return None
        response = dns.message.make_response(query)
        lines = self.zone.get((name.lower(), kind), [])
        if self.broken:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif self.short and not tcp:
            response.flags |= dns.flags.TC
        elif lines:
            response.answer.append(dns.rrset.from_text_list(question.name, self.ttl, "IN", kind, lines))
        elif all(known != name.lower() for known, _ in self.zone):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response.to_wire()

    async def _over_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        answer = self.answer(await reader.readexactly(length), tcp=True)
        if answer is not None:
            writer.write(struct.pack("!H", len(answer)) + answer)
            await writer.drain()
        writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, owner: NameServer) -> None:
        self._owner = owner

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._owner.answer(data)
        if answer is not None:
            self._transport.sendto(answer, addr)  # type: ignore[attr-defined]
