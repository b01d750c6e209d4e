"""A voice agent without a mind: it says back whatever a caller says.

Every incoming call is answered with bidirectional audio streaming, so that the call's audio comes to this
app over a WebSocket, and what the app sends is what it says in the call:

* the caller talks, then pauses: the agent repeats it;
* the caller talks while the agent does: the agent stops at once (``StopAudio``) and listens.

Put a speech-to-speech model where :class:`Agent` only keeps and repeats, and it is a voice agent. Nothing
here knows which server is on the other end. Configuration, all from the environment:

    ACS_ENDPOINT      endpoint of the resource, without a trailing slash
    ACS_ACCESS_KEY    its access key
    APP_PORT          where this app listens (default 8000)
    APP_PUBLIC_URL    how the service reaches this app (default http://127.0.0.1:$APP_PORT)
"""

from __future__ import annotations

import array
import base64
import json
import logging
import os
from collections.abc import AsyncIterator

from aiohttp import WSMsgType, web
from azure.communication.callautomation import (
    AudioFormat,
    MediaStreamingAudioChannelType,
    MediaStreamingContentType,
    MediaStreamingOptions,
    StreamingTransportType,
)
from azure.communication.callautomation.aio import CallAutomationClient
from azure.core.credentials import AzureKeyCredential

PORT = int(os.environ.get("APP_PORT", "8000"))
PUBLIC_URL = os.environ.get("APP_PUBLIC_URL", f"http://127.0.0.1:{PORT}")
VOICE_URL = PUBLIC_URL.replace("http", "ws", 1) + "/voice"

FRAME_MS = 20
TALKS = 500
"""Mean amplitude of a frame from which on somebody talks."""
PAUSE_MS = 500
"""Silence after which it is the agent's turn."""
LONGEST_MS = 15_000
"""The most the agent remembers of what was said."""

log = logging.getLogger("agent")
routes = web.RouteTableDef()
CLIENT: web.AppKey[CallAutomationClient] = web.AppKey("client", CallAutomationClient)


class Agent:
    """Hears frames of 20 ms, and answers with what to send."""

    def __init__(self) -> None:
        self._heard: list[bytes] = []
        self._silence_ms = 0
        self._speaks_ms = 0

    def hear(self, pcm: bytes) -> list[dict]:
        """One frame of the caller; the frames to send for it."""
        self._speaks_ms = max(0, self._speaks_ms - FRAME_MS)
        if loudness(pcm) >= TALKS:
            answers = [stop_audio()] if self._speaks_ms else []
            self._speaks_ms = self._silence_ms = 0
            self._heard = [*self._heard, pcm][-LONGEST_MS // FRAME_MS :]
            return answers
        if not self._heard:
            return []
        self._silence_ms += FRAME_MS
        self._heard.append(pcm)
        if self._silence_ms < PAUSE_MS:
            return []
        said, self._heard, self._silence_ms = b"".join(self._heard), [], 0
        self._speaks_ms = len(said) // 32  # 32 bytes a millisecond: 16 bits at 16 kHz
        log.info("the caller said something %d ms long", self._speaks_ms)
        return [audio(said)]


def loudness(pcm: bytes) -> float:
    """Mean amplitude of 16-bit samples (little endian, as this machine's)."""
    samples = array.array("h", pcm)
    return sum(map(abs, samples)) / max(1, len(samples))


def audio(pcm: bytes) -> dict:
    """What the agent says, of any length; it waits its turn in the service."""
    return {"kind": "AudioData", "audioData": {"data": base64.b64encode(pcm).decode()}}


def stop_audio() -> dict:
    """Nothing more of what was sent before."""
    return {"kind": "StopAudio", "stopAudio": {}}


@routes.get("/voice")
async def voice(request: web.Request) -> web.WebSocketResponse:
    """The audio of one call."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    log.info("audio of call %s", request.headers["x-ms-call-connection-id"])
    agent = Agent()
    async for message in socket:
        if message.type is not WSMsgType.TEXT:
            continue
        frame = json.loads(message.data)
        if frame["kind"] != "AudioData":
            continue
        for answer in agent.hear(base64.b64decode(frame["audioData"]["data"])):
            await socket.send_json(answer)
    log.info("the audio has ended: %s", socket.close_code)
    return socket


@routes.post("/api/incomingCall")
async def incoming_call(request: web.Request) -> web.Response:
    """Event Grid: prove that the webhook is ours, then answer the calls it tells of."""
    for event in await request.json():
        if event["eventType"] == "Microsoft.EventGrid.SubscriptionValidationEvent":
            return web.json_response({"validationResponse": event["data"]["validationCode"]})
        if event["eventType"] == "Microsoft.Communication.IncomingCall":
            await request.app[CLIENT].answer_call(
                incoming_call_context=event["data"]["incomingCallContext"],
                callback_url=f"{PUBLIC_URL}/api/callbacks",
                media_streaming=MediaStreamingOptions(
                    transport_url=VOICE_URL,
                    transport_type=StreamingTransportType.WEBSOCKET,
                    content_type=MediaStreamingContentType.AUDIO,
                    audio_channel_type=MediaStreamingAudioChannelType.MIXED,
                    audio_format=AudioFormat.PCM16_K_MONO,
                    start_media_streaming=True,
                    enable_bidirectional=True,
                ),
            )
    return web.Response()


@routes.post("/api/callbacks")
async def callbacks(request: web.Request) -> web.Response:
    """The events of our calls."""
    for event in await request.json():
        detail = event["data"].get("mediaStreamingUpdate", {}).get("mediaStreamingStatusDetails", "")
        log.info("%s %s", event["type"].removeprefix("Microsoft.Communication."), detail)
    return web.Response()


async def client(app: web.Application) -> AsyncIterator[None]:
    """One client for the life of the app."""
    credential = AzureKeyCredential(os.environ["ACS_ACCESS_KEY"])
    async with CallAutomationClient(os.environ["ACS_ENDPOINT"], credential) as acs:
        app[CLIENT] = acs
        yield


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    logging.getLogger("azure").setLevel(logging.WARNING)
    app = web.Application()
    app.cleanup_ctx.append(client)
    app.add_routes(routes)
    web.run_app(app, host="127.0.0.1", port=PORT, print=None, access_log=None)


if __name__ == "__main__":
    main()
