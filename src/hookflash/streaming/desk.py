"""The streaming desk: carries out the effects on streams and transcripts."""

from __future__ import annotations

import asyncio

from hookflash.calls.effects import (
    CloseStream,
    CloseTranscript,
    OpenStream,
    OpenTranscript,
    StreamTone,
    UpdateRoster,
    UpdateTranscript,
)
from hookflash.calls.facts import StreamFailed
from hookflash.ports.edges import FactSink


class StreamDesk:
    """Implements :class:`hookflash.ports.edges.Streams`; nothing can be streamed yet, and it says so."""

    def __init__(self, report: FactSink) -> None:
        self._report = report

    def open_stream(self, effect: OpenStream) -> None:
        self._fail(effect.stream, 8603)

    def open_transcript(self, effect: OpenTranscript) -> None:
        self._fail(effect.stream, 8578)

    def _fail(self, stream: int, sub_code: int) -> None:
        message = "This version cannot open the WebSocket."
        fact = StreamFailed(stream, "streamConnectionUnsuccessful", 500, sub_code, message)
        asyncio.get_running_loop().call_soon(self._report, fact)

    def close_stream(self, effect: CloseStream) -> None: ...

    def update_transcript(self, effect: UpdateTranscript) -> None: ...

    def close_transcript(self, effect: CloseTranscript) -> None: ...

    def tone(self, effect: StreamTone) -> None: ...

    def roster(self, effect: UpdateRoster) -> None: ...
