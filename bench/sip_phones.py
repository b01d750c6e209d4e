"""``python -m bench.sip_phones``: the CPU that 10,000 registered phones take which refresh every 5 minutes.

The phones register over UDP, each under a name and password of its own; every REGISTER is challenged anew and
repeated with the answer (SHA-256), as phones do whose last challenge is too old: two requests for a refresh.
Then some of them refresh, evenly spread, and the CPU of the server over their number is what a refresh costs.
The server is what a whole server has for phones and signalling, without media; nobody is told of who comes
and goes. It has CPU 0, the phones CPU 1.

``sip_phones`` is per cent of a core for all of them, ``sip_phones.refresh`` milliseconds of CPU a refresh,
``sip_phones.memory`` what a registered phone takes of the server's memory.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import secrets
import signal
import socket
import sys
import time

import uvloop

from bench.figures import figure, refuse
from bench.media import FAILURES, BenchError
from bench.memory import resident
from bench.sip_load import Server
from hookflash.calls.facts import Fact
from hookflash.clock import LoopClock
from hookflash.composition.signalling import SipEdge
from hookflash.config import parse as settings_of
from hookflash.phones.config import PhoneConfig, PhonesConfig
from hookflash.phones.trunk import TrunkPhones
from hookflash.ports.plane import ConnectLeg, LegUnavailable
from hookflash.sip.digest import DigestClient, strongest
from hookflash.sip.message import Response, parse
from hookflash.wire.identifiers import Identifier

TARGET = 10.0
EVERY = 300.0
"""Seconds from one refresh of a phone to the next."""
PATIENCE = 10.0
RESOURCE = "11111111-2222-3333-4444-555555555555"
SETTINGS = '[sip]\nbind = "127.0.0.1:0"\n'


class NoMedia:
    """A media plane that has no leg to give."""

    async def open_leg(self, leg: int, call: int, *, socket: bool = True) -> int:
        raise LegUnavailable("there are no media here")

    async def move_leg(self, leg: int, call: int) -> int:
        raise LegUnavailable("there are no media here")

    def connect_leg(self, command: ConnectLeg) -> None:
        """There is none."""

    def close_leg(self, leg: int) -> None:
        """There is none."""


def told(fact: Fact) -> None:
    """Nobody listens."""


async def serve(phones: int) -> None:
    """The server; prints where it listens, ends by SIGTERM."""
    clock = LoopClock()
    known = [
        PhoneConfig(f"phone{number}", f"secret{number}", Identifier.user(f"8:acs:{RESOURCE}_{number:08x}"))
        for number in range(phones)
    ]
    registrar = TrunkPhones(PhonesConfig(phones=tuple(known)), NoMedia(), told, lambda: 1, clock)
    edge = SipEdge(settings_of(SETTINGS), registrar, clock)
    await edge.listen()
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    print("listening on {}:{}".format(*edge.address), flush=True)
    await ended.wait()
    await registrar.close()
    await edge.close()


class Phones:
    """All the phones, on one socket."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", port))
        self._socket.settimeout(PATIENCE)
        self._port = port
        self._own = self._socket.getsockname()[1]
        self._count = 0

    def close(self) -> None:
        self._socket.close()

    def register(self, number: int) -> None:
        """One phone registers, or refreshes. BenchError when it is not taken."""
        challenged = self._ask(number, "")
        challenge = strongest(challenged.headers.all("WWW-Authenticate"))
        if challenged.status != 401 or challenge is None:
            raise BenchError(f"phone {number} got {challenged.status} instead of a challenge")
        client = DigestClient(f"phone{number}", f"secret{number}", secrets.token_bytes)
        proof = client.answer(challenge, "REGISTER", f"sip:127.0.0.1:{self._port}")
        taken = self._ask(number, f"Authorization: {proof}\r\n")
        if taken.status != 200 or f"sip:phone{number}@" not in (taken.headers.get("Contact") or ""):
            raise BenchError(f"phone {number} got {taken.status} {taken.reason}")

    def _ask(self, number: int, proof: str) -> Response:
        self._count += 1
        here, there = f"127.0.0.1:{self._own}", f"127.0.0.1:{self._port}"
        self._socket.send(
            (
                f"REGISTER sip:{there} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {here};branch=z9hG4bK{self._count:016x};rport\r\n"
                "Max-Forwards: 70\r\n"
                f"From: <sip:phone{number}@{there}>;tag={number:08x}\r\n"
                f"To: <sip:phone{number}@{there}>\r\n"
                f"Call-ID: {number:032x}\r\n"
                f"CSeq: {self._count} REGISTER\r\n"
                f"Contact: <sip:phone{number}@{here}>\r\n"
                f"Expires: {EVERY * 2:.0f}\r\n"
                "User-Agent: bench\r\n"
                f"{proof}Content-Length: 0\r\n\r\n"
            ).encode()
        )
        try:
            answer = parse(self._socket.recv(65_535))
        except TimeoutError:
            raise BenchError(f"phone {number} got no answer within {PATIENCE:g} s") from None
        if not isinstance(answer, Response) or answer.cseq.number != self._count:
            raise BenchError(f"phone {number} got something else than its answer")
        return answer


def measure(phones: int, refreshes: int, rate: float) -> tuple[float, float]:
    """Seconds of CPU a refresh, bytes a phone."""
    command = [sys.executable, "-m", "bench.sip_phones", "--phones", str(phones), "--serve"]
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, {1})
    with Server(command) as server:
        callers = Phones(server.port)
        try:
            empty = resident(server.pids[0])
            for number in range(phones):
                callers.register(number)
            taken = resident(server.pids[0]) - empty
            time.sleep(1)
            before, began = server.cpu(), time.monotonic()
            for one in range(refreshes):
                time.sleep(max(0.0, began + one / rate - time.monotonic()))
                callers.register(one * phones // refreshes)
            return (server.cpu() - before) / refreshes, taken / phones
        finally:
            callers.close()


def main() -> int:
    """Measure and print the figures."""
    parser = argparse.ArgumentParser(prog="bench.sip_phones")
    parser.add_argument("--phones", type=int, default=10_000, help="registered phones")
    parser.add_argument("--refreshes", type=int, default=2000, help="refreshes measured")
    parser.add_argument("--rate", type=float, default=200.0, help="refreshes a second")
    parser.add_argument("--serve", action="store_true", help="be the server")
    options = parser.parse_args()
    if options.serve:
        uvloop.run(serve(options.phones))
        return 0
    try:
        refresh, memory = measure(options.phones, options.refreshes, options.rate)
    except FAILURES as error:
        return refuse("sip_phones", error, "% of a core", TARGET)
    figure("sip_phones", refresh * options.phones / EVERY * 100, "% of a core", TARGET)
    figure("sip_phones.refresh", refresh * 1000, "ms", None)
    figure("sip_phones.memory", memory / 1000, "kB/phone", None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
