"""One scenario against the server: people, steps, and what every event must look like."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.core.messaging import CloudEvent
from matching import GUID, differences, fill
from sdk import Sdk

TIMEOUT = 15.0
"""Seconds an expectation may take to come true."""
PREFIX = "Microsoft.Communication."
VERSION = "2026-03-12"
OPENING = ("createCall", "createGroupCall", "answerCall", "connect")
OWN_SOURCE = ("RecordingStateChanged", "StartRecordingFailed")
"""Events whose source is the recording, not the connection."""


def event_of(body: str, versions: set[str]) -> dict[str, Any]:
    """The CloudEvent of a post, read as an app reads it, checked against the rules every event keeps.

    It is its name, and its data with identifiers as raw ids. ``versions`` are those the scenario asked in.
    """
    listed = json.loads(body)
    assert isinstance(listed, list), "a callback's body is an array"
    assert len(listed) == 1, f"a callback's body has {len(listed)} events, not one"
    event = CloudEvent.from_dict(listed[0])
    raw = listed[0]
    assert event.type.startswith(PREFIX), event.type
    assert isinstance(event.time, datetime), event.time
    assert raw["time"].endswith("+00:00"), raw["time"]
    assert GUID.fullmatch(event.id), event.id
    assert raw["specversion"] == "1.0"
    assert event.datacontenttype == "application/json"
    assert event.subject == event.source
    data = event.data
    assert isinstance(data, dict), data
    name = event.type.removeprefix(PREFIX)
    assert data["publicEventType"] == event.type
    assert data["version"] in versions, f"{name} has version {data['version']}"
    assert GUID.fullmatch(data["callConnectionId"]), data
    assert GUID.fullmatch(data["correlationId"]), data
    base64.b64decode(data["serverCallId"], validate=True)
    if name not in OWN_SOURCE:
        assert event.source == f"calling/callConnections/{data['callConnectionId']}", event.source
    result = data["resultInformation"]
    assert isinstance(result["code"], int), result
    assert isinstance(result["subCode"], int), result
    assert isinstance(result["message"], str), result
    return {"name": name, "data": simple(data)}


def simple(value: Any) -> Any:
    """Identifiers as their raw ids; each must carry its kind and the object of that kind."""
    if isinstance(value, list):
        return [simple(one) for one in value]
    if not isinstance(value, dict):
        return value
    if "rawId" in value:
        kind = value.get("kind")
        assert kind == "unknown" or kind in value, f"identifier {value} lacks its kind or that object"
        return value["rawId"]
    return {key: simple(one) for key, one in value.items()}


class World:
    """What one scenario has: its people, names, boxes and clients."""

    def __init__(
        self, scenario: dict[str, Any], serial: int, env: dict[str, str], clients: dict[str, Sdk]
    ) -> None:
        self.scenario = scenario
        self.env = env
        self.clients = clients
        flavour = env["CONFORMANCE_FLAVOUR"]
        self.box = f"{flavour}-{scenario['id']}"
        self.names: dict[str, Any] = {
            **json.loads(env["CONFORMANCE_NAMES"]),
            "files": f"{env['CONFORMANCE_CATCHER']}/files",
            "callback": f"{env['CONFORMANCE_CATCHER']}/box/{self.box}/callbacks?key=a%20b",
            "elsewhere": f"{env['CONFORMANCE_CATCHER']}/box/{self.box}-elsewhere/operation",
            "socket": f"{env['CONFORMANCE_CATCHER']}/socket/{self.box}-socket".replace("http:", "ws:"),
        }
        self.versions = {VERSION}
        self.phones: dict[str, str] = {}
        self.talkers: dict[str, str] = {}
        self.connections: dict[str, str] = {}
        self.serial = serial
        self.used: set[int] = set()
        self.offered: set[int] = set()
        self.read: dict[str, list[dict[str, Any]]] = {}

    # --- the run ----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Everything; raises AssertionError where the server is not as expected."""
        try:
            for number, (name, person) in enumerate(self.scenario.get("people", {}).items()):
                await self._person(name, number, dict(person))
            for number, step in enumerate(self.scenario["steps"], 1):
                if "python" in step.get("not", {}):
                    continue
                try:
                    await self._step(step)
                except AssertionError as error:
                    raise AssertionError(f"step {number}, {json.dumps(step)[:300]}: {error}") from None
                except (HttpResponseError, KeyError, TypeError, ValueError) as error:
                    shown = f"{type(error).__name__}: {error}"
                    raise AssertionError(f"step {number}, {json.dumps(step)[:300]}: {shown}") from error
        finally:
            await self._tidy()

    async def _person(self, name: str, number: int, person: dict[str, Any]) -> None:
        kind = person.pop("kind")
        run = self.env["CONFORMANCE_RUN"]
        if kind in ("phone", "nobody", "talker"):
            identity = f"+142555{run}{self.serial:03d}{number}"
            raw = f"4:{identity}"
        else:
            user = f"{run:0>8}-{self.serial:04d}-4000-8000-{number:012d}"
            raw = identity = f"8:acs:{self.names['resource']}_{user}"
        self.names[name] = raw
        if kind == "talker":
            self.talkers[name] = f"{self.env['CONFORMANCE_CATCHER']}/talkers/{identity}"
        if kind in ("phone", "user"):
            phone = f"c{run}-{self.serial}-{name}"
            display = person.pop("displayName", name)
            document = {"identity": identity, "displayName": display, "script": person}
            await self._control("PUT", phone, document)
            self.phones[name] = phone

    async def _step(self, step: dict[str, Any]) -> None:
        if "phone" in step:
            await self._phone(step)
        elif "do" in step:
            await self._do(step)
        elif "event" in step:
            await self._event(step)
        elif "incoming" in step:
            await self._incoming(step)
        elif "frame" in step:
            await self._frame(step)
        elif "order" in step:
            await self._order(step)
        elif "break" in step:
            await asyncio.to_thread(
                _send, "POST", f"{self.env['CONFORMANCE_CATCHER']}/fault/{step['break']}", None, {}
            )
        else:
            name = self.connections[step["of"]] if "of" in step else None
            seen = [e for e in await self._events() if e["name"] == step["none"]]
            bad = [e for e in seen if name in (None, e["data"]["callConnectionId"])]
            assert not bad, f"there should be no {step['none']}, but: {bad}"

    # --- operations -------------------------------------------------------------------------------------

    async def _do(self, step: dict[str, Any]) -> None:
        deadline = time.monotonic() + (TIMEOUT if step.get("retry") else 0)
        while True:
            try:
                await self._once(step)
                return
            except AssertionError:
                if time.monotonic() >= deadline:
                    raise
            await asyncio.sleep(0.05)

    async def _once(self, step: dict[str, Any]) -> None:
        operation = step["do"]
        arguments = fill(step.get("with", {}), self.names)
        if operation in OPENING:
            arguments.setdefault("callbackUri", self.names["callback"])
        on = self.connections.get(step.get("on", ""), step.get("on", ""))
        sdk = self.clients[step.get("client", "main")]
        self.versions.add(sdk.version)
        try:
            result = await sdk.call(operation, fill(on, self.names), arguments)
        except HttpResponseError as error:
            if "refused" not in step:
                raise
            found = {
                "status": error.status_code,
                "code": error.error.code if error.error else None,
                "says": error.error.message if error.error else str(error),
            }
            wrong = differences(fill(step["refused"], self.names), found)
            assert not wrong, f"refused, but {'; '.join(wrong)} in {found}"
            return
        assert "refused" not in step, f"it was not refused but answered {result!r}"
        if (connection := (result or {}).get("callConnectionId")) and "as" in step:
            self.connections[step["as"]] = connection
        elif connection and operation in OPENING:
            self.connections[f"unnamed{len(self.connections)}"] = connection
        wrong = differences(fill(step.get("expect", {}), self.names), result or {})
        assert not wrong, f"answered, but {'; '.join(wrong)}"
        if "as" in step:
            self.names[step["as"]] = result

    # --- events -----------------------------------------------------------------------------------------

    async def _posts(self, box: str, wait: float = 0.0) -> list[dict[str, Any]]:
        read = self.read.setdefault(box, [])
        query = f"after={len(read)}&timeoutMs={int(wait * 1000)}"
        answer = await asyncio.to_thread(_get, f"{self.env['CONFORMANCE_CATCHER']}/read/{box}?{query}")
        read.extend(answer["posts"])
        return read

    async def _events(self, box: str = "", wait: float = 0.0) -> list[dict[str, Any]]:
        found = []
        for post in await self._posts(box or self.box, wait):
            if "event" not in post:
                post["event"] = event_of(post["body"], self.versions)
                assert post["authorization"].startswith("Bearer "), "a callback without a token"
            found.append(post["event"])
        return found

    async def _event(self, step: dict[str, Any]) -> None:
        box = f"{self.box}-elsewhere" if step.get("box") == "elsewhere" else self.box
        wanted = fill(step.get("expect", {}), self.names)
        deadline = time.monotonic() + TIMEOUT
        wait = 0.0
        while True:
            near: list[str] = []
            events = await self._events(box, wait)
            for event in events:
                if event["name"] != step["event"] or id(event) in self.used:
                    continue
                if "of" in step and event["data"]["callConnectionId"] != self.connections[step["of"]]:
                    continue
                wrong = differences(wanted, event["data"])
                if not wrong:
                    self.used.add(id(event))
                    if "as" in step:
                        self.names[step["as"]] = event["data"]
                    return
                near.append("; ".join(wrong))
            left = deadline - time.monotonic()
            seen = [(e["name"], e["data"]["resultInformation"]) for e in events]
            assert left > 0, f"no such event; of that type: {near}; seen: {seen}"
            wait = min(left, 5.0)

    async def _incoming(self, step: dict[str, Any]) -> None:
        wanted = fill(step["incoming"], self.names)
        deadline = time.monotonic() + TIMEOUT
        wait = 0.0
        while True:
            for post in await self._posts("incoming", wait):
                (event,) = json.loads(post["body"])
                if event["eventType"] != f"{PREFIX}IncomingCall" or id(post) in self.offered:
                    continue
                data = simple(event["data"])
                if not differences(wanted, data):
                    self.offered.add(id(post))
                    if "as" in step:
                        self.names[step["as"]] = data
                    return
            left = deadline - time.monotonic()
            assert left > 0, f"no IncomingCall like {wanted}"
            wait = min(left, 5.0)

    async def _frame(self, step: dict[str, Any]) -> None:
        """A frame on the scenario's WebSocket. (The SDK has no parser of them.)"""
        wanted = fill(step.get("expect", {}), self.names)
        kind = step["frame"]
        deadline = time.monotonic() + TIMEOUT
        wait = 0.0
        while True:
            near: list[str] = []
            for post in await self._posts(f"{self.box}-socket", wait):
                frame = json.loads(post["body"])
                if frame["kind"] != kind or id(post) in self.used:
                    continue
                wrong = differences(wanted, frame[kind[0].lower() + kind[1:]])
                if not wrong:
                    self.used.add(id(post))
                    return
                near.append("; ".join(wrong))
            left = deadline - time.monotonic()
            assert left > 0, f"no such frame; of that kind: {near}"
            wait = min(left, 5.0)

    async def _order(self, step: dict[str, Any]) -> None:
        found = [
            event["name"]
            for event in await self._events()
            if event["data"]["callConnectionId"] == self.connections[step["of"]]
            and ("context" not in step or event["data"].get("operationContext") == step["context"])
            and ("context" in step or event["name"] in step["order"])
        ]
        assert found == step["order"], f"they came as {found}"

    # --- phones -----------------------------------------------------------------------------------------

    async def _phone(self, step: dict[str, Any]) -> None:
        if step["phone"] in self.talkers:
            await self._talk(step["phone"], step["do"], step.get("with", {}))
            return
        phone = self.phones[step["phone"]]
        if "do" in step:
            await self._control("POST", f"{phone}/{step['do']}", fill(step.get("with", {}), self.names))
            return
        wanted = fill(step.get("expect", {}), self.names)
        path = f"{phone}/calls/last?state={step['state']}&timeoutMs={int(TIMEOUT * 1000)}"
        deadline = time.monotonic() + TIMEOUT
        while True:
            call = await self._control("GET", path)
            wrong = differences(wanted, call)
            if not wrong:
                if "as" in step:
                    self.names[step["as"]] = call
                return
            assert time.monotonic() < deadline, f"the phone's call: {'; '.join(wrong)}; it is {call}"
            await asyncio.sleep(0.05)

    async def _talk(self, name: str, what: str, given: dict[str, Any]) -> None:
        await asyncio.to_thread(_send, "POST", f"{self.talkers[name]}/{what}", given, {})

    async def _control(self, method: str, path: str, body: Any = None) -> Any:
        url = f"{self.env['CONFORMANCE_CONTROL']}/hookflash/phones/{path}"
        key = {"Authorization": f"Bearer {self.env['CONFORMANCE_KEY']}"}
        return await asyncio.to_thread(_send, method, url, body, key)

    # --- the end ----------------------------------------------------------------------------------------

    async def _tidy(self) -> None:
        """End every call, check every event that came, take the phones away."""
        for connection in dict.fromkeys(self.connections.values()):
            with contextlib.suppress(HttpResponseError):  # it may have ended
                await self.clients["main"].call("terminateCall", connection, {})
        for phone in self.phones.values():
            await self._control("DELETE", phone)
        for talker in self.talkers:
            await self._talk(talker, "hangup", {})
        await self._events()
        await self._events(f"{self.box}-elsewhere")


def _get(url: str) -> Any:
    return _send("GET", url, None, {})


def _send(method: str, url: str, body: Any, headers: dict[str, str]) -> Any:
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        url, content, {**headers, "Content-Type": "application/json"}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=40) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{method} {url}: {error.code} {error.read()[:500]!r}") from None
    return json.loads(text) if text and re.match(rb"\s*[\[{]", text) else None
