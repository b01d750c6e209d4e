"""Three apps on the official async SDK, and the phones that call them."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientSession, web
from azure.communication.callautomation import (
    CommunicationUserIdentifier,
    PhoneNumberIdentifier,
    ServerCallLocator,
)
from azure.communication.callautomation.aio import CallAutomationClient
from azure.core.credentials import AzureKeyCredential
from azure.core.messaging import CloudEvent
from system.harness import ACCESS_KEY, NUMBER, PREFIX, RESOURCE_ID

PATIENCE = 120.0
"""Seconds to wait for one event, on a machine that does everything at once."""


@dataclass
class Inbox:
    """What came in: CloudEvents by path, in order of first arrival; IncomingCalls by the called rawId."""

    events: dict[str, list[CloudEvent]] = field(default_factory=lambda: defaultdict(list))
    repeated: int = 0
    incoming: dict[str, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _waiting: dict[str, list[tuple[Callable[[CloudEvent], bool], asyncio.Future[CloudEvent]]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    async def post(self, request: web.Request) -> web.Response:
        """A callback."""
        (document,) = json.loads(await request.read())
        event = CloudEvent.from_dict(document)
        if event.id in self._seen:
            self.repeated += 1
            return web.Response()
        self._seen.add(event.id)
        self.events[request.path].append(event)
        waiting = self._waiting[request.path]
        for wanted, future in list(waiting):
            if wanted(event) and not future.done():
                future.set_result(event)
                waiting.remove((wanted, future))
        return web.Response()

    async def ring(self, request: web.Request) -> web.Response:
        """An Event Grid delivery."""
        for event in json.loads(await request.read()):
            data = event["data"]
            if event["eventType"] == "Microsoft.EventGrid.SubscriptionValidationEvent":
                return web.json_response({"validationResponse": data["validationCode"]})
            if event["eventType"] == f"{PREFIX}IncomingCall":
                called = self.called(data["to"]["rawId"], data["from"]["rawId"])
                if not called.done():
                    called.set_result(data)
        return web.Response()

    def called(self, to: str, by: str) -> asyncio.Future[dict[str, Any]]:
        """The IncomingCall to somebody by somebody, once it came."""
        # A user is called for one call only; the shared number is told apart by the caller.
        key = to if to.startswith("8:") else f"{to} {by}"
        return self.incoming.setdefault(key, asyncio.get_running_loop().create_future())

    async def wait(self, path: str, name: str, **match: object) -> CloudEvent:
        """The first event of this type with these values at ``path``."""

        def wanted(event: CloudEvent) -> bool:
            data: Any = event.data
            return event.type == PREFIX + name and all(data.get(key) == value for key, value in match.items())

        for event in self.events[path]:
            if wanted(event):
                return event
        future: asyncio.Future[CloudEvent] = asyncio.get_running_loop().create_future()
        self._waiting[path].append((wanted, future))
        try:
            return await asyncio.wait_for(future, PATIENCE)
        except TimeoutError:
            seen = [event.type.removeprefix(PREFIX) for event in self.events[path]]
            raise AssertionError(f"{path}: no {name} {match}; seen: {seen}") from None


async def serve_inbox(inbox: Inbox) -> tuple[web.AppRunner, str]:
    """The apps' HTTP side; its base URL."""
    app = web.Application()
    app.router.add_post("/incoming", inbox.ring)
    app.router.add_post("/{path:.*}", inbox.post)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=4096).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


@dataclass
class World:
    """Where everything is: ``server`` directly (phones, journal), ``api`` and ``callbacks`` through chaos."""

    server: str
    api: str
    callbacks: str
    inbox: Inbox
    http: ClientSession

    def client(self) -> CallAutomationClient:
        """An app's client."""
        return CallAutomationClient(self.api, AzureKeyCredential(ACCESS_KEY))

    async def phone(self, verb: str, path: str, document: object = None) -> Any:
        """Tell a virtual phone something."""
        async with self.http.request(verb, f"{self.server}/hookflash/phones/{path}", json=document) as answer:
            text = await answer.text()
            assert answer.status < 300, f"{verb} {path}: {answer.status} {text}"
            return json.loads(text) if text else None


async def one_call(world: World, number: int, clients: list[CallAutomationClient]) -> list[str]:
    """A phone calls app A, which brings in app B by invitation; app C joins by itself; keys; the end.

    Returns the three connection ids. The apps' callbacks are at ``/<number>/a``, ``/b`` and ``/c``.
    """
    caller = f"+1425{number:07d}"
    user = f"8:acs:{RESOURCE_ID}_{uuid.uuid4()}"
    base = f"{world.callbacks}/{number}"
    app_a, app_b, app_c = clients

    await world.phone("PUT", f"p{number}", {"identity": caller})
    await world.phone("POST", f"p{number}/call", {"to": NUMBER})
    ringing = await asyncio.wait_for(world.inbox.called(f"4:{NUMBER}", f"4:{caller}"), PATIENCE)
    answered = await app_a.answer_call(ringing["incomingCallContext"], f"{base}/a")
    first = app_a.get_call_connection(answered.call_connection_id or "")
    connected = await world.inbox.wait(f"/{number}/a", "CallConnected")
    await first.start_continuous_dtmf_recognition(PhoneNumberIdentifier(caller))

    async def bring_in_b() -> str:
        await first.add_participant(CommunicationUserIdentifier(user), operation_context=f"add {number}")
        asked = await asyncio.wait_for(world.inbox.called(user, ""), PATIENCE)
        taken = await app_b.answer_call(asked["incomingCallContext"], f"{base}/b")
        await world.inbox.wait(f"/{number}/a", "AddParticipantSucceeded", operationContext=f"add {number}")
        return str(taken.call_connection_id)

    async def let_c_in() -> str:
        data: Any = connected.data
        joined = await app_c.connect_call(
            callback_url=f"{base}/c", call_locator=ServerCallLocator(data["serverCallId"])
        )
        await world.inbox.wait(f"/{number}/c", "CallConnected")
        return str(joined.call_connection_id)

    second, third = await asyncio.gather(bring_in_b(), let_c_in())
    await world.phone("POST", f"p{number}/press", {"digits": "1#"})
    for sequence, tone in ((1, "one"), (2, "pound")):
        await world.inbox.wait(
            f"/{number}/a", "ContinuousDtmfRecognitionToneReceived", sequenceId=sequence, tone=tone
        )
    return [str(answered.call_connection_id), second, third]
