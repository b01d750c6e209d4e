"""A small IVR on Azure Communication Services Call Automation.

It answers every incoming call, asks for a three-digit code, then listens to every key:

    1   the app presses 4, 5 and 6 towards the caller
    2   the caller is put on hold, hears music for two seconds, and is taken off hold again
    #   the app stops listening

Nothing here knows which server is on the other end: it is the official SDK, an Event Grid webhook for
``IncomingCall`` and a callback for the call's events. Configuration, all from the environment:

    ACS_ENDPOINT      endpoint of the resource, without a trailing slash
    ACS_ACCESS_KEY    its access key
    APP_PORT          where this app listens (default 8000)
    APP_PUBLIC_URL    how the service reaches this app (default http://127.0.0.1:$APP_PORT)
    COGNITIVE_SERVICES_ENDPOINT
                      the speech service of the calls; where it is given, the code is read back to the caller,
                      otherwise a recorded file says thank you
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator

from aiohttp import web
from azure.communication.callautomation import (
    CommunicationIdentifier,
    CommunicationUserIdentifier,
    DtmfTone,
    FileSource,
    PhoneNumberIdentifier,
    RecognizeInputType,
    TextSource,
)
from azure.communication.callautomation.aio import CallAutomationClient, CallConnectionClient
from azure.core.credentials import AzureKeyCredential
from azure.core.messaging import CloudEvent

PORT = int(os.environ.get("APP_PORT", "8000"))
PUBLIC_URL = os.environ.get("APP_PUBLIC_URL", f"http://127.0.0.1:{PORT}")
SPEECH = os.environ.get("COGNITIVE_SERVICES_ENDPOINT")

log = logging.getLogger("ivr")
routes = web.RouteTableDef()
background: set[asyncio.Task[None]] = set()
CLIENT: web.AppKey[CallAutomationClient] = web.AppKey("client", CallAutomationClient)
CALLERS: web.AppKey[dict[str, CommunicationIdentifier]] = web.AppKey("callers", dict)


def prompt(name: str) -> FileSource:
    """A WAV that this app serves itself."""
    return FileSource(url=f"{PUBLIC_URL}/prompts/{name}.wav")


def thanks(tones: list[str]) -> FileSource | TextSource:
    """What a caller hears who has entered a code."""
    if not SPEECH:
        return prompt("thanks")
    return TextSource(text=f"Thank you. Your code is {', '.join(tones)}.", voice_name="en-US-JennyNeural")


def identifier(model: dict) -> CommunicationIdentifier:
    """The SDK's identifier of a caller as Event Grid describes it."""
    if model["kind"] == "phoneNumber":
        return PhoneNumberIdentifier(model["phoneNumber"]["value"])
    return CommunicationUserIdentifier(model["rawId"])


@routes.post("/api/incomingCall")
async def incoming_call(request: web.Request) -> web.Response:
    """Event Grid: prove that the webhook is ours, then answer the calls it tells of."""
    for event in await request.json():
        if event["eventType"] == "Microsoft.EventGrid.SubscriptionValidationEvent":
            return web.json_response({"validationResponse": event["data"]["validationCode"]})
        if event["eventType"] == "Microsoft.Communication.IncomingCall":
            data = event["data"]
            log.info("call from %s", data["from"]["rawId"])
            call = await request.app[CLIENT].answer_call(
                incoming_call_context=data["incomingCallContext"],
                callback_url=f"{PUBLIC_URL}/api/callbacks",
                operation_context="ivr",
                cognitive_services_endpoint=SPEECH,
            )
            request.app[CALLERS][call.call_connection_id] = identifier(data["from"])
    return web.Response()


@routes.post("/api/callbacks")
async def callbacks(request: web.Request) -> web.Response:
    """The events of our calls, one CloudEvent a request."""
    for item in await request.json():
        event = CloudEvent.from_dict(item)
        connection_id = event.data["callConnectionId"]
        name = event.type.removeprefix("Microsoft.Communication.")
        log.info("%s %s", name, event.data.get("operationContext") or "")
        caller = request.app[CALLERS].get(connection_id)
        if name == "CallDisconnected":
            request.app[CALLERS].pop(connection_id, None)
        elif caller is not None:
            call = request.app[CLIENT].get_call_connection(connection_id)
            await on_call_event(call, caller, name, event.data)
    return web.Response()


async def on_call_event(
    call: CallConnectionClient, caller: CommunicationIdentifier, name: str, data: dict
) -> None:
    """What the IVR does next."""
    if name == "CallConnected":
        await call.start_recognizing_media(
            input_type=RecognizeInputType.DTMF,
            target_participant=caller,
            play_prompt=prompt("welcome"),
            dtmf_max_tones_to_collect=3,
            interrupt_prompt=True,
            initial_silence_timeout=10,
            operation_context="code",
        )
    elif name == "RecognizeCompleted":
        log.info("the caller entered %s", data["dtmfResult"]["tones"])
        await call.start_continuous_dtmf_recognition(target_participant=caller, operation_context="keys")
        await call.play_media_to_all(thanks(data["dtmfResult"]["tones"]), operation_context="thanks")
    elif name == "RecognizeFailed":
        await call.hang_up(is_for_everyone=True)
    elif name == "ContinuousDtmfRecognitionToneReceived":
        await on_key(call, caller, data["tone"])


async def on_key(call: CallConnectionClient, caller: CommunicationIdentifier, tone: str) -> None:
    """A key pressed after the code."""
    if tone == DtmfTone.ONE:
        await call.send_dtmf_tones(
            tones=[DtmfTone.FOUR, DtmfTone.FIVE, DtmfTone.SIX],
            target_participant=caller,
            operation_context="digits",
        )
    elif tone == DtmfTone.TWO:
        await call.hold(target_participant=caller, play_source=prompt("music"), operation_context="hold")
        background.add(task := asyncio.create_task(take_off_hold(call, caller)))
        task.add_done_callback(background.discard)
    elif tone == DtmfTone.POUND:
        await call.stop_continuous_dtmf_recognition(target_participant=caller, operation_context="keys")


async def take_off_hold(call: CallConnectionClient, caller: CommunicationIdentifier) -> None:
    """End the hold after two seconds of music."""
    await asyncio.sleep(2)
    await call.unhold(target_participant=caller, operation_context="hold")


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
    app[CALLERS] = {}
    app.cleanup_ctx.append(client)
    app.add_routes(routes)
    app.router.add_static("/prompts", os.path.join(os.path.dirname(os.path.abspath(__file__)), "prompts"))
    web.run_app(app, host="127.0.0.1", port=PORT, print=None, access_log=None)


if __name__ == "__main__":
    main()
