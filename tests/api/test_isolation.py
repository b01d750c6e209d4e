"""No resource reaches what belongs to another: every operation of the table, against a real exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from api.edge import DEVELOPMENT, Client, identity_service
from api.edge import Keys as FixedKeys

from hookflash.api.access import Access
from hookflash.api.asgi import AzureSurface
from hookflash.api.exchange import Operation
from hookflash.api.numbers import operations as number_operations
from hookflash.api.ports import Resource
from hookflash.api.table import operations as table
from hookflash.calls.directory import Directory
from hookflash.calls.directory import Resource as Owner
from hookflash.calls.effects import DialLeg, RaiseIncomingCall
from hookflash.calls.exchange import Exchange
from hookflash.calls.facts import IncomingLeg, LegUp
from hookflash.composition.numbers import ConfiguredNumbers
from hookflash.config import parse
from hookflash.engine import Engine
from hookflash.ports.journal import Delivery
from hookflash.testing.clock import VirtualClock
from hookflash.wire.constraints import CallbackRules
from hookflash.wire.identifiers import Identifier
from hookflash.wire.ids import Minter
from hookflash.wire.operations import BY_NAME

OTHER_KEY = "b3RoZXIgcmVzb3VyY2Uga2V5OiB0aGlydHktdHdvIGJ5dGVzIG9yIG1vcmUh"
OTHER = Resource("other", "0e0e0e0e-0000-4000-8000-000000000001", (OTHER_KEY,))
NUMBER = "+18005550100"
PHONE = {"rawId": "4:+14255550123"}
CALLBACK = "https://app.example.org/cb"

OF_NOBODY = {
    # They make something new, or list what is one's own.
    "createCall",
    "createIdentity",
    "listPhoneNumbers",
    "listAvailableCountries",
    "listAreaCodes",
    "listAvailableLocalities",
    "listOfferings",
    "listReservations",
    "getSipConfiguration",
    # A token says by itself whose it is.
    "exchangeTeamsUserAccessToken",
}
REFUSED_TO_ALL = {
    # 405/8520 or 404 whoever asks: there is nothing of anybody's in it.
    "browseAvailableNumbers",
    "searchAvailablePhoneNumbers",
    "purchasePhoneNumbers",
    "createOrUpdateReservation",
    "purchaseReservation",
    "deleteReservation",
    "getReservation",
    "getSearchResult",
    "getOperation",
    "cancelOperation",
    "operatorInformationSearch",
    "updateSipConfiguration",
}


class Edges:
    """Every edge in one: does nothing, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.raised: list[RaiseIncomingCall] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def note(*arguments: Any) -> list[Delivery]:
            self.asked += arguments
            return []

        return note

    def incoming_call(self, effect: RaiseIncomingCall, at: float) -> list[Delivery]:
        self.raised.append(effect)
        return [Delivery("grid", "grid", "https://app.example.org/in", b"[]")]


class NoJournal:
    """A journal in which everything is durable at once."""

    def write(self, *_: Any) -> asyncio.Future[None]:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


class World(NamedTuple):
    """A surface over a real exchange, and what the first resource has in it."""

    mine: Client
    theirs: Client
    things: dict[str, str]
    operations: dict[str, Operation]


def configured() -> ConfiguredNumbers:
    keys = f"id = '{DEVELOPMENT.id}'\naccess_keys = ['{DEVELOPMENT.access_keys[0]}']"
    text = f"[[resource]]\nname = 'dev'\n{keys}\n[[number]]\ne164 = '{NUMBER}'\nresource = 'dev'"
    return ConfiguredNumbers(lambda: parse(text))


@pytest.fixture
async def world() -> World:
    clock = VirtualClock()
    edges: Any = Edges()
    count = iter(range(1 << 30))
    minter = Minter("ab", lambda n: next(count).to_bytes(n, "big"), wall=clock.wall)
    owners = [Owner(DEVELOPMENT.id, "dev"), Owner(OTHER.id, "other")]
    exchange = Exchange(
        Directory(owners, {NUMBER: DEVELOPMENT.id}), minter, callbacks=CallbackRules(http=True)
    )
    engine = Engine(
        exchange,
        clock=clock,
        journal=NoJournal(),
        phones=edges,
        media=edges,
        publisher=edges,
        streams=edges,
        recorder=edges,
        minter=minter,
    )
    azure = AzureSurface(
        engine=engine,
        identities=identity_service(clock),
        key_documents=FixedKeys(),
        access=Access([DEVELOPMENT, OTHER]),
        clock=clock,
        public_url="http://127.0.0.1:8080",
        more=number_operations(configured()),
    )
    mine, theirs = Client(azure, clock), Client(azure, clock, OTHER_KEY)
    create = {"targets": [PHONE], "sourceCallerIdNumber": {"value": NUMBER}, "callbackUri": CALLBACK}
    made = (await mine.send("POST", "/calling/callConnections", create)).json
    [leg] = [one.leg for one in edges.asked if isinstance(one, DialLeg)]
    engine.observe(LegUp(leg))
    connection = made["callConnectionId"]
    server_call = (await mine.send("GET", f"/calling/callConnections/{connection}")).json["serverCallId"]
    locator = {"callLocator": {"kind": "serverCallLocator", "serverCallId": server_call}}
    recorded = await mine.send("POST", "/calling/recordings", {**locator, "recordingContentType": "audio"})
    assert recorded.status == 200, recorded.body
    engine.observe(IncomingLeg(engine.new_leg(), Identifier.phone("+14255550199"), Identifier.phone(NUMBER)))
    things = {
        "connection": connection,
        "server": server_call,
        "recording": recorded.json["recordingId"],
        "context": edges.raised[-1].data.incoming_call_context,
        "incoming": edges.raised[-1].data.correlation_id,
        "user": (await mine.send("POST", "/identities", {})).json["identity"]["id"],
    }
    return World(mine, theirs, things, {one.name: one for one in azure.operations})


def body_of(name: str, things: dict[str, str]) -> Any:
    target = {"targetParticipant": PHONE}
    locator = {"callLocator": {"kind": "serverCallLocator", "serverCallId": things["server"]}}
    play = [{"kind": "file", "file": {"uri": "https://example.org/a.wav"}}]
    bodies: dict[str, Any] = {
        "answerCall": {"incomingCallContext": things["context"], "callbackUri": CALLBACK},
        "redirectCall": {"incomingCallContext": things["context"], "target": PHONE},
        "rejectCall": {"incomingCallContext": things["context"]},
        "connect": {**locator, "callbackUri": CALLBACK},
        "startRecording": {**locator, "recordingContentType": "audio"},
        "transferToParticipant": target,
        "addParticipant": {"participantToAdd": PHONE, "sourceCallerIdNumber": {"value": NUMBER}},
        "removeParticipant": {"participantToRemove": PHONE},
        "muteParticipants": {"targetParticipants": [{"rawId": things["user"]}]},
        "unmuteParticipants": {"targetParticipants": [{"rawId": things["user"]}]},
        "cancelAddParticipant": {"invitationId": things["connection"]},
        "moveParticipants": {"targetParticipants": [PHONE], "fromCall": things["connection"]},
        "play": {"playSources": play},
        "interruptAudioAndAnnounce": {"playSources": play, "playTo": PHONE},
        "startHoldMusic": {"playSourceInfo": play[0], **target},
        "recognize": {
            "recognizeInputType": "dtmf",
            "recognizeOptions": {
                "targetParticipant": PHONE,
                "interToneTimeoutInSeconds": 5,
                "dtmfOptions": {"maxTonesToCollect": 3},
            },
        },
        "sendDtmfTones": {"tones": ["one"], **target},
        "updateTranscription": {"locale": "en-US"},
        "issueAccessToken": {"scopes": ["voip"]},
    }
    return bodies.get(name, target)


def path_of(operation: Operation, things: dict[str, str]) -> str:
    first = things["connection"]
    if operation.path.startswith("/calling/recordings"):
        first = things["recording"]
    elif operation.path.startswith("/identities"):
        first = things["user"].replace(":", "%3A")
    elif operation.path.startswith("/phoneNumbers"):
        first = NUMBER.replace("+", "%2B")
    return operation.path.replace("{}", first, 1).replace("{}", "4%3A%2B14255550123")


NAMES = [
    one.name
    for one in (*table(), *number_operations(configured()))
    if one.run is not None and one.name not in OF_NOBODY | REFUSED_TO_ALL
]


def test_what_is_left_out_is_left_out_by_name() -> None:
    known = {one.name for one in (*table(), *number_operations(configured()))}
    assert known >= OF_NOBODY | REFUSED_TO_ALL
    assert len(NAMES) >= 40


@pytest.mark.parametrize("name", NAMES)
async def test_what_belongs_to_another_resource_is_403_7507(world: World, name: str) -> None:
    operation = world.operations[name]
    path, body = path_of(operation, world.things), body_of(name, world.things)
    takes = body if operation.method in ("POST", "PATCH") else None
    version = BY_NAME[name].versions()[-1] if name in BY_NAME else "2025-06-01"
    query = f"api-version={version}"
    reply = await world.theirs.send(operation.method, path, takes, query=query)
    assert (reply.status, reply.error["code"]) == (403, "7507"), (name, reply.body)
    # Nor does the answer tell of it.
    assert "x-microsoft-skype-chain-id" not in reply.headers
    # It is there, for its own resource.
    own = await world.mine.send(operation.method, path, takes, query=query)
    assert (own.status, own.json["error"]["code"] if own.status >= 400 else "") != (403, "7507"), own.body
    assert own.status != 401
    if own.status >= 400:
        assert own.error["code"] not in ("NotFound", "PhoneNumberNotFound")


async def test_participants_are_not_moved_out_of_anothers_call(world: World) -> None:
    create = {
        "targets": [PHONE],
        "sourceCallerIdNumber": {"value": "+18005550199"},
        "callbackUri": CALLBACK,
    }
    theirs = (await world.theirs.send("POST", "/calling/callConnections", create)).json["callConnectionId"]
    body = {"targetParticipants": [PHONE], "fromCall": world.things["connection"]}
    reply = await world.theirs.send("POST", f"/calling/callConnections/{theirs}/participants:moveHere", body)
    assert reply.status in (400, 403), reply.body
    mine = await world.mine.send("GET", f"/calling/callConnections/{world.things['connection']}/participants")
    assert [one["identifier"]["rawId"] for one in mine.json["value"]].count(PHONE["rawId"]) == 1


async def test_every_answer_about_ones_own_call_names_its_correlation(world: World) -> None:
    connection, recording = world.things["connection"], world.things["recording"]
    for path in (
        f"/calling/callConnections/{connection}",
        f"/calling/callConnections/{connection.upper()}",
        f"/calling/callConnections/{connection}/participants/4%3A%2B1",
        f"/calling/recordings/{recording}",
    ):
        reply = await world.mine.send("GET", path)
        if path.startswith("/calling/recordings"):
            assert reply.status == 200
            continue
        assert "x-microsoft-skype-chain-id" in reply.headers, path
    await world.mine.send("POST", f"/calling/callConnections/{connection}:terminate")
    reply = await world.mine.send("POST", f"/calling/callConnections/{connection}:cancelAllMediaOperations")
    assert reply.status == 400
    assert "x-microsoft-skype-chain-id" in reply.headers


@pytest.mark.parametrize("name", ["redirectCall", "rejectCall", "answerCall", "startRecording"])
async def test_an_answer_names_the_correlation_of_a_call_that_its_path_does_not_name(
    world: World, name: str
) -> None:
    operation, body = world.operations[name], body_of(name, world.things)
    known = await world.mine.send("GET", f"/calling/callConnections/{world.things['connection']}")
    if name == "startRecording":
        await world.mine.send("DELETE", f"/calling/recordings/{world.things['recording']}")
    reply = await world.mine.send("POST", path_of(operation, world.things), body)
    assert reply.status == operation.status, reply.body
    chain = reply.headers["x-microsoft-skype-chain-id"]
    if name == "startRecording":
        assert chain == known.headers["x-microsoft-skype-chain-id"]
    elif name == "answerCall":
        assert chain == reply.json["correlationId"]
    else:
        assert chain == world.things["incoming"]
        assert (reply.body, "content-type" in reply.headers) == (b"", False)
