"""A web server that does what it should not: behind a path is a function that writes to the socket."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import zlib
from collections import Counter
from collections.abc import Callable
from functools import cache

Behaviour = Callable[["HostileFiles", socket.socket], None]

GIGABYTE = 1 << 30
_BLOCK = bytes(1 << 20)
_TRICKLE = 0.05
"""Seconds between two bytes of what trickles: far less audio than is played in that time."""


def wav_head(size: int) -> bytes:
    """The head of a WAV file at 16,000 Hz that claims ``size`` bytes of samples."""
    form = struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16)
    return (
        struct.pack("<4sI4s4sI", b"RIFF", size + 36, b"WAVE", b"fmt ", 16)
        + form
        + struct.pack("<4sI", b"data", size)
    )


class HostileFiles:
    """Serves :data:`BEHAVIOURS` on loopback until it is closed.

    Attributes:
        sent: bytes of body that left for each path.
        asked: requests for each path.
    """

    def __init__(self) -> None:
        self.sent: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.closing = threading.Event()
        _packed(256)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.closing.set()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with peer, contextlib.suppress(OSError, IndexError):
            request = b""
            while b"\r\n\r\n" not in request:
                if not (piece := peer.recv(65536)):
                    return
                request += piece
            path = request.split(b" ")[1].decode().partition("?")[0].removeprefix("/")
            self.asked[path] += 1
            BEHAVIOURS[path](self, peer)

    def flood(self, peer: socket.socket, path: str, pieces: Callable[[bytes], bytes] = bytes) -> None:
        """Send a gigabyte, as fast as it is taken."""
        for _ in range(GIGABYTE // len(_BLOCK)):
            peer.sendall(pieces(_BLOCK))
            self.sent[path] += len(_BLOCK)

    def hold(self, peer: socket.socket) -> None:
        """Say nothing more until the other side hangs up."""
        while peer.recv(65536):
            pass


def _head(*fields: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", "Content-Type: audio/wav", *fields, "", ""]).encode()


@cache
def _packed(megabytes: int) -> bytes:
    """A WAV file of so much silence, compressed."""
    packer = zlib.compressobj(1, wbits=31)
    parts = [packer.compress(wav_head(megabytes << 20))]
    parts += [packer.compress(_BLOCK) for _ in range(megabytes)]
    return b"".join([*parts, packer.flush()])


def announced(files: HostileFiles, peer: socket.socket) -> None:
    """A gigabyte, as its Content-Length says."""
    peer.sendall(_head(f"Content-Length: {GIGABYTE + 44}") + wav_head(GIGABYTE))
    files.flood(peer, "announced")


def chunked(files: HostileFiles, peer: socket.socket) -> None:
    """A gigabyte of which nobody knows before."""
    peer.sendall(_head("Transfer-Encoding: chunked") + b"2c\r\n" + wav_head(GIGABYTE) + b"\r\n")
    files.flood(peer, "chunked", lambda block: b"%x\r\n%b\r\n" % (len(block), block))


def until_closed(files: HostileFiles, peer: socket.socket) -> None:
    """A gigabyte that ends with its connection."""
    peer.sendall(_head("Connection: close") + wav_head(GIGABYTE))
    files.flood(peer, "until_closed")


def understated(files: HostileFiles, peer: socket.socket) -> None:
    """A gigabyte behind a Content-Length of a few bytes."""
    peer.sendall(_head("Content-Length: 44") + wav_head(GIGABYTE))
    files.flood(peer, "understated")


def overstated(files: HostileFiles, peer: socket.socket) -> None:
    """Less than was announced, and the end."""
    peer.sendall(_head("Content-Length: 100000") + wav_head(1000) + bytes(1000))


def compressed(files: HostileFiles, peer: socket.socket) -> None:
    """A quarter of a gigabyte of silence, compressed to little, which nobody asked for."""
    packed = _packed(256)
    peer.sendall(_head("Content-Encoding: gzip", f"Content-Length: {len(packed)}") + packed)
    files.hold(peer)


def trickling(files: HostileFiles, peer: socket.socket) -> None:
    """A byte now and then, for ever."""
    peer.sendall(_head(f"Content-Length: {320_044}") + wav_head(320_000))
    while not files.closing.wait(_TRICKLE):
        peer.sendall(b"\0")
        files.sent["trickling"] += 1


def trickling_headers(files: HostileFiles, peer: socket.socket) -> None:
    """A header now and then, for ever."""
    peer.sendall(b"HTTP/1.1 200 OK\r\n")
    while not files.closing.wait(_TRICKLE):
        peer.sendall(b"X-More: to come\r\n")


def headers_for_ever(files: HostileFiles, peer: socket.socket) -> None:
    """Headers as fast as they are taken."""
    peer.sendall(b"HTTP/1.1 200 OK\r\n")
    line = b"X-%d: " + b"a" * 4000 + b"\r\n"
    for number in range(GIGABYTE // 4000):
        peer.sendall(line % number)
        files.sent["headers_for_ever"] += 4000


def one_header_for_ever(files: HostileFiles, peer: socket.socket) -> None:
    """One header that does not end."""
    peer.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    for _ in range(GIGABYTE // 4096):
        peer.sendall(b"a" * 4096)
        files.sent["one_header_for_ever"] += 4096


def silent(files: HostileFiles, peer: socket.socket) -> None:
    """No answer."""
    files.hold(peer)


def redirecting(files: HostileFiles, peer: socket.socket) -> None:
    """To itself, for ever."""
    where = f"{files.url}/redirecting?{files.asked['redirecting']}"
    fields = f"Location: {where}\r\nContent-Length: 0\r\nConnection: close"
    peer.sendall(f"HTTP/1.1 302 Found\r\n{fields}\r\n\r\n".encode())


def chunks_of_one(files: HostileFiles, peer: socket.socket) -> None:
    """Chunks of a byte, each with a kilobyte of chunk extension."""
    peer.sendall(_head("Transfer-Encoding: chunked"))
    while True:
        peer.sendall((b"1;" + b"x" * 1000 + b"\r\n\0\r\n") * 100)
        files.sent["chunks_of_one"] += 100


BEHAVIOURS: dict[str, Behaviour] = {
    one.__name__: one
    for one in (
        announced,
        chunked,
        until_closed,
        understated,
        overstated,
        compressed,
        trickling,
        trickling_headers,
        headers_for_ever,
        one_header_for_ever,
        silent,
        redirecting,
        chunks_of_one,
    )
}
