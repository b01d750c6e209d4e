"""The app of :mod:`bench.streaming`, in a process of its own: a WebSocket server that speaks.

``python -m bench.echo_app RATE`` prints its port, serves until its standard input ends, and then prints as
JSON what it knows of its connections, and how long it put off what came. ``/echo/N`` sends each frame of
audio back; ``/talk/N`` says a loud fifth of a second about once in 1.3 s, at any time, and in one go, as an
app does whose voice is synthesised. With its second beep an echo says StopAudio: while hundreds of streams
are opened at once, control hands out many frames in one go, and what is sent back like that would wait in the
stream's queue from then on. It speaks the protocol by hand, so as to be the small part of the load.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import gc
import hashlib
import json
import random
import struct
import sys
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import numpy as np
import uvloop

# Compiled where aiohttp is, as control does it too.
from aiohttp._websocket.helpers import websocket_mask

from hookflash.wire.streaming_frames import frame_length

LOUD = 2_000
"""Peak from which a frame is a beep."""
PERIOD = 1.3
"""Seconds from one word of a talker to the next, on average."""
FRAMES = 10
"""Frames of a word."""
_KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_HEAD = b'{"kind":"AudioData","audioData":{"data":"'
_TAIL = b'"}}'
_STOP = b'\x81\x14{"kind":"StopAudio"}'


def framed(data: bytes) -> bytes:
    """A message of a server, with audio (base64) for the call."""
    return struct.pack("!BBH", 0x81, 126, len(_HEAD) + len(data) + len(_TAIL)) + _HEAD + data + _TAIL


def word(rate: int) -> bytes:
    """What a talker says at a rate in Hz, all its messages in one."""
    t = np.arange(FRAMES * rate // 50) / rate
    pcm = (8_000 * np.sin(2 * np.pi * 1_000 * t + 1)).astype("<i2").tobytes()
    size = frame_length(rate)
    pieces = [pcm[at : at + size] for at in range(0, len(pcm), size)]
    return b"".join(framed(binascii.b2a_base64(piece, newline=False)) for piece in pieces)


class Work:
    """What is made of what has come, one piece between two looks for more: no part of the way of the next.

    ``waits`` has for each piece when it came, in nanoseconds of the monotonic clock, and how many of them it
    waited: who falls behind has put off what it was measured by.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, Callable[[int], None]]] = deque()
        self.waits: list[tuple[int, int]] = []

    def put(self, work: Callable[[int], None]) -> None:
        """One piece more; it is called with the time of now."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._do)
        self._waiting.append((time.monotonic_ns(), work))

    def _do(self) -> None:
        came, work = self._waiting.popleft()
        if self._waiting:
            # The loop looks for what has come in between.
            asyncio.get_running_loop().call_soon(self._do)
        self.waits.append((came, time.monotonic_ns() - came))
        work(came)


class Connection(asyncio.Protocol):
    """One stream.

    ``told`` is what there is to say of it: ``heard`` and ``said`` are the nanoseconds of the monotonic clock
    at which the first frame of a beep came and at which our own left; ``frames`` counts those that came,
    ``first`` and ``last`` are the time stamps in them.
    """

    def __init__(self, all_: list[dict[str, Any]], work: Work, words: bytes) -> None:
        self._work, self._words = work, words
        self.told: dict[str, Any] = {"heard": [], "said": [], "frames": 0, "first": "", "last": ""}
        self._all = all_
        self._buffer = b""
        self._open = self._echo = self._loud = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._work.put(partial(self._read, data))

    def _read(self, data: bytes, now: int) -> None:
        self._buffer += data
        if not self._open and not self._shake_hands():
            return
        at, buffer = 0, self._buffer
        while len(buffer) - at >= 8:
            size, head = buffer[at + 1] & 0x7F, at + 6
            if size == 126:
                size, head = int.from_bytes(buffer[at + 2 : at + 4]), at + 8
            if len(buffer) - head < size:
                break
            if buffer[at] == 0x81:
                text = bytearray(buffer[head : head + size])
                websocket_mask(buffer[head - 4 : head], text)
                self._take(now, text)
            at = head + size
        self._buffer = buffer[at:]

    def _shake_hands(self) -> bool:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return False
        self._open, self._buffer = True, rest
        request, *fields = head.decode().split("\r\n")
        _, kind, number = request.split(" ")[1].split("/")
        keys = [
            field.split(":")[1].strip() for field in fields if field.lower().startswith("sec-websocket-key")
        ]
        accept = base64.b64encode(hashlib.sha1(keys[0].encode() + _KEY).digest())
        self._transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        self.told |= {"kind": kind, "number": int(number)}
        self._all.append(self.told)
        self._echo = kind == "echo"
        if kind == "talk":
            self._later = asyncio.get_running_loop().call_later(random.uniform(1, 1 + PERIOD), self._talk)
        return True

    def _take(self, now: int, text: bytearray) -> None:
        if not text.startswith(b'{"kind":"AudioData"'):
            return
        # Of a mixed stream: ...,"timestamp":"2026-11-23T12:00:00.000Z","data":"...","silent":false}}
        begin = text.index(b'"data":"') + 8
        end = text.index(b'"', begin)
        told = self.told
        told["frames"] += 1
        told["last"] = bytes(text[begin - 34 : begin - 10])
        told["first"] = told["first"] or told["last"]
        data = bytes(text[begin:end])
        was_loud = self._loud
        self._loud = not text.endswith(b"true}}") and bool(
            np.abs(np.frombuffer(binascii.a2b_base64(data), "<i2")).max() > LOUD
        )
        began = self._loud and not was_loud
        if began:
            told["heard"].append(now)
        if self._echo:
            self._answer(data, began)

    def _answer(self, data: bytes, began: bool) -> None:
        if self._transport.is_closing():
            return
        told = self.told
        if began:
            if len(told["heard"]) == 2:
                self._transport.write(_STOP)
            told["said"].append(time.monotonic_ns())
        self._transport.write(framed(data))

    def _talk(self) -> None:
        if self._transport.is_closing():
            return
        self.told["said"].append(time.monotonic_ns())
        self._transport.write(self._words)
        pause = random.uniform(PERIOD - 0.5, PERIOD + 0.5)
        self._later = asyncio.get_running_loop().call_later(pause, self._talk)


async def main(rate: int) -> None:
    loop = asyncio.get_running_loop()
    # It lives for some seconds, and its pauses would be taken for the server's.
    gc.disable()
    told: list[dict[str, Any]] = []
    work, words = Work(), word(rate)
    server = await loop.create_server(lambda: Connection(told, work, words), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    for one in told:
        one["first"], one["last"] = one["first"].decode(), one["last"].decode()
    print(json.dumps({"connections": told, "waits": work.waits}), flush=True)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
