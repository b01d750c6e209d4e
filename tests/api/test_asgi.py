"""The ASGI app in process: every way a request can go wrong, and what every answer has."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid

import pytest
from api.edge import (
    CONNECTION,
    CORRELATION,
    DEVELOPMENT,
    NOON,
    Client,
    FakeEngine,
    FixedClock,
    surface,
)

from hookflash.api.ports import Resource
from hookflash.calls.commands import CreateCall, GetParticipant, Hold, Play, Terminate
from hookflash.ports.journal import NotDurable
from hookflash.wire.results import incompatible_operation, internal_error, throttled
from hookflash.wire.timestamps import imf_fixdate

CALLS = "/calling/callConnections"
CALL = f"{CALLS}/{CONNECTION}"
CREATE = {
    "targets": [{"phoneNumber": {"value": "+18005550100"}}],
    "callbackUri": "https://app.example.org/cb",
    "sourceCallerIdNumber": {"value": "+14255550123"},
}
PLAY = {"playSources": [{"kind": "file", "file": {"uri": "https://example.org/a.wav"}}]}
BODIES = {
    "createCall": CREATE,
    "answerCall": {"incomingCallContext": "ctx", "callbackUri": "https://app.example.org/cb"},
    "redirectCall": {"incomingCallContext": "ctx", "target": {"rawId": "4:+14255550123"}},
    "rejectCall": {"incomingCallContext": "ctx"},
    "connect": {
        "callLocator": {"serverCallId": "c2VydmVy", "kind": "serverCallLocator"},
        "callbackUri": "https://app.example.org/cb",
    },
    "transferToParticipant": {"targetParticipant": {"rawId": "4:+14255550123"}},
    "addParticipant": {
        "participantToAdd": {"rawId": "4:+14255550123"},
        "sourceCallerIdNumber": {"value": "+18005550100"},
    },
    "removeParticipant": {"participantToRemove": {"rawId": "4:+14255550123"}},
    "muteParticipants": {"targetParticipants": [{"rawId": "8:acs:a_b"}]},
    "unmuteParticipants": {"targetParticipants": [{"rawId": "8:acs:a_b"}]},
    "cancelAddParticipant": {"invitationId": "2c006980-8ef1-46c2-84fa-357fefac0899"},
    "moveParticipants": {"targetParticipants": [{"rawId": "4:+14255550123"}], "fromCall": "c-1"},
    "sendDtmfTones": {"tones": ["one"], "targetParticipant": {"rawId": "4:+14255550123"}},
    "startRecording": {"callLocator": {"serverCallId": "c2VydmVy", "kind": "serverCallLocator"}},
}
OTHER_KEY = "b3RoZXIgcmVzb3VyY2Uga2V5OiB0aGlydHktdHdvIGJ5dGVzIG9yIG1vcmUh"
OTHER = Resource("other", "0e0e0e0e-0000-4000-8000-000000000001", (OTHER_KEY,))


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def engine():
    return FakeEngine()


@pytest.fixture
def client(engine, clock):
    return Client(surface(engine, clock), clock)


# --- what goes well -------------------------------------------------------------------------------------


async def test_a_request_becomes_a_command_and_the_response_its_answer(client, engine):
    reply = await client.send("POST", CALLS, CREATE, headers={"x-ms-client-request-id": "me-1"})
    assert reply.status == 201
    assert reply.json["callConnectionId"] == CONNECTION
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    assert reply.headers["content-length"] == str(len(reply.body))
    assert reply.headers["x-ms-client-request-id"] == "me-1"
    assert reply.headers["x-microsoft-skype-chain-id"] == CORRELATION
    [command] = engine.commands
    assert isinstance(command, CreateCall)
    assert (command.resource, command.version) == (DEVELOPMENT.id, "2026-03-12")


async def test_an_answer_without_body_has_length_zero_and_204_has_no_length(client):
    reply = await client.send("POST", f"{CALL}:play", PLAY)
    assert (reply.status, reply.body, reply.headers["content-length"]) == (202, b"", "0")
    assert "content-type" not in reply.headers
    reply = await client.send("DELETE", CALL)
    assert (reply.status, reply.body) == (204, b"")
    assert "content-length" not in reply.headers


async def test_the_chain_id_follows_a_known_call(client):
    await client.send("GET", CALL)
    reply = await client.send("POST", f"{CALL}:play", PLAY)
    assert reply.headers["x-microsoft-skype-chain-id"] == CORRELATION


async def test_participant_ids_arrive_decoded_whether_encoded_or_not(client, engine):
    for raw in ("4%3A%2B14255550123", "4:+14255550123"):
        reply = await client.send("GET", f"{CALL}/participants/{raw}")
        assert reply.status == 200
        assert engine.commands[-1] == GetParticipant(
            DEVELOPMENT.id, "2026-03-12", CONNECTION, "4:+14255550123"
        )


async def test_an_empty_body_is_enough_where_the_operation_takes_none(client, engine):
    reply = await client.send("POST", f"{CALL}:terminate")
    assert reply.status == 204
    assert engine.commands == [Terminate(DEVELOPMENT.id, "2026-03-12", CONNECTION)]


async def test_bodies_in_several_pieces_are_joined(client, engine):
    raw = json.dumps({"targetParticipant": {"rawId": "4:+14255550123"}}).encode()
    reply = await client.send("POST", f"{CALL}:hold", chunks=[raw[:5], raw[5:20], raw[20:]])
    assert reply.status == 200
    assert isinstance(engine.commands[0], Hold)


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=UTF-8"])
async def test_json_is_taken_with_and_without_charset(client, content_type):
    reply = await client.send("POST", f"{CALL}:play", PLAY, headers={"content-type": content_type})
    assert reply.status == 202


@pytest.mark.parametrize("version", ["2023-03-06", "2025-08-15-PREVIEW", "2031-01-01"])
async def test_known_and_future_versions_are_taken(client, engine, version):
    assert (await client.send("GET", CALL, query=f"api-version={version}")).status == 200
    assert engine.commands[0].version in ("2023-03-06", "2025-08-15-preview", "2026-03-12")


async def test_the_signature_says_which_resource_it_is(engine, clock):
    app = surface(engine, clock, resources=(DEVELOPMENT, OTHER))
    for key, resource in ((OTHER_KEY, OTHER), (DEVELOPMENT.access_keys[0], DEVELOPMENT)):
        assert (await Client(app, clock, key).send("GET", CALL)).status == 200
        assert engine.commands[-1].resource == resource.id


async def test_a_second_key_of_a_resource_is_valid_too(engine, clock):
    both = Resource("r", DEVELOPMENT.id, (*DEVELOPMENT.access_keys, OTHER_KEY))
    app = surface(engine, clock, resources=(both,))
    assert (await Client(app, clock, OTHER_KEY).send("GET", CALL)).status == 200


async def test_the_key_documents_are_open_to_anybody(client):
    bare = {"authorization": None, "x-ms-date": None, "x-ms-content-sha256": None}
    reply = await client.send("GET", "/calling/.well-known/acsopenidconfiguration", headers=bare, query="")
    assert reply.json["jwks_uri"] == "http://127.0.0.1:8080/calling/keys"
    reply = await client.send("GET", "/calling/keys", headers=bare, query="")
    assert reply.json == {"keys": [{"kid": "kid-1"}]}


# --- authentication -------------------------------------------------------------------------------------


async def test_a_wrong_key_is_401(engine, clock):
    reply = await Client(surface(engine, clock), clock, OTHER_KEY).send("GET", CALL)
    assert (reply.status, reply.error["code"]) == (401, "7509")
    assert OTHER_KEY not in reply.body.decode()
    assert DEVELOPMENT.access_keys[0] not in reply.body.decode()
    assert engine.commands == []


@pytest.mark.parametrize("missing", ["authorization", "x-ms-date", "x-ms-content-sha256"])
async def test_a_missing_header_of_the_signature_is_401(client, missing):
    reply = await client.send("GET", CALL, headers={missing: None})
    assert (reply.status, reply.error["code"]) == (401, "7509")


@pytest.mark.parametrize("drift", [-901, 901])
async def test_a_date_out_of_the_window_is_401(client, drift):
    client.clock = FixedClock(NOON + drift)
    reply = await client.send("GET", CALL)
    assert (reply.status, reply.error["code"]) == (401, "7509")
    client.clock = FixedClock(NOON + drift * 0.99)
    assert (await client.send("GET", CALL)).status == 200


async def test_a_body_other_than_the_signed_one_is_401(client):
    other = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    reply = await client.send("POST", CALLS, CREATE, headers={"x-ms-content-sha256": other})
    assert (reply.status, reply.error["code"]) == (401, "7509")


# --- requests that are not right ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b"{", "JSON"),
        (b"\xff\xfe", "JSON"),
        (b"[]", "object"),
        (b'{"callbackUri":"https://app.example.org"}', "targets"),
        (b'{"targets":"4:+1","callbackUri":"https://app.example.org"}', "targets"),
        (b'{"targets":[{"rawId":7}],"callbackUri":"https://app.example.org"}', "rawId"),
        (b"", "JSON"),
    ],
)
async def test_bad_bodies_are_400_and_name_the_place(client, engine, body, names):
    reply = await client.send("POST", CALLS, body)
    assert (reply.status, reply.error["code"]) == (400, "8523")
    assert names in reply.error["message"]
    assert engine.commands == []


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "application/json; charset=utf-16", None]
)
async def test_other_media_types_are_415(client, content_type):
    reply = await client.send("POST", CALLS, CREATE, headers={"content-type": content_type})
    assert (reply.status, reply.error["code"]) == (415, "UnsupportedMediaType")
    assert "json" in reply.error["message"].lower()


@pytest.mark.parametrize("query", ["", "api-version=", "api-version=newest", "version=2026-03-12"])
async def test_a_missing_or_malformed_version_is_400(client, query):
    reply = await client.send("GET", CALL, query=query)
    assert (reply.status, reply.error["code"]) == (400, "UnsupportedApiVersion")
    assert "2026-03-12" in reply.error["message"]


async def test_a_query_without_end_is_414(client):
    reply = await client.send("GET", CALL, query="a=" + "b" * 3000)
    assert reply.status == 414


async def test_a_path_without_end_is_414(client):
    reply = await client.send("GET", "/calling/callConnections/" + "b" * 5000)
    assert reply.status == 414


async def test_an_announced_body_that_is_too_large_is_refused_without_reading_it(engine, clock):
    app = surface(engine, clock, request_bytes=1000)
    reads = 0

    async def receive():
        nonlocal reads
        reads += 1
        return {"type": "http.request", "body": b"x" * 600, "more_body": reads < 3}

    reply = await Client(app, clock).send("POST", CALLS, b"x" * 1800, receive=receive)
    assert (reply.status, reply.error["code"]) == (413, "RequestBodyTooLarge")
    assert reply.headers["connection"] == "close"
    assert "1800" in reply.error["message"]
    assert "1000" in reply.error["message"]
    assert reads == 3
    assert reply.finished


@pytest.mark.parametrize("chunks", [[b"x" * 1001], [b"x" * 600, b"x" * 600, b"x" * 600]])
async def test_an_unannounced_body_is_cut_at_the_limit(engine, clock, chunks):
    app = surface(engine, clock, request_bytes=1000)
    reply = await Client(app, clock).send("POST", CALLS, chunks=chunks)
    assert reply.status == 413
    assert engine.commands == []


async def test_draining_a_refused_body_has_an_end(engine, clock):
    app = surface(engine, clock, request_bytes=1000)
    taken = 0

    async def receive():
        nonlocal taken
        taken += 1 << 20
        return {"type": "http.request", "body": b"x" * (1 << 20), "more_body": True}

    reply = await Client(app, clock).send("POST", CALLS, b"x" * 1001, receive=receive)
    assert reply.status == 413
    assert taken == 16 << 20


async def test_an_absurd_content_length_is_413(client):
    reply = await client.send("POST", CALLS, b"{}", headers={"content-length": "9" * 40})
    assert reply.status == 413


async def test_a_body_that_does_not_come_is_408(engine, clock):
    app = surface(engine, clock, request_timeout=0.02)
    reads = 0

    async def receive():
        nonlocal reads
        reads += 1
        if reads == 1:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    reply = await Client(app, clock).send("POST", CALLS, b"{}", receive=receive)
    assert (reply.status, reply.error["code"]) == (408, "RequestTimeout")
    assert engine.commands == []


async def test_every_body_that_does_not_come_is_given_up_one_after_the_other(engine, clock):
    app = surface(engine, clock, request_timeout=0.02)

    async def receive():
        await asyncio.Event().wait()

    async def late(moments):
        for _ in range(moments):
            await asyncio.sleep(0.005)
        return await Client(app, clock).send("POST", CALLS, CREATE, receive=receive)

    replies = await asyncio.gather(*(late(moments) for moments in range(4)))
    assert [reply.status for reply in replies] == [408] * 4
    assert (await Client(app, clock).send("POST", CALLS, CREATE)).status == 201


async def test_a_request_that_is_cancelled_while_its_body_comes_is_not_answered(engine, clock):
    reading = asyncio.Event()

    async def receive():
        reading.set()
        await asyncio.Event().wait()

    app = surface(engine, clock)
    request = asyncio.create_task(Client(app, clock).send("POST", CALLS, CREATE, receive=receive))
    await reading.wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert engine.commands == []


async def test_a_client_that_leaves_gets_no_answer_and_runs_nothing(client, engine):
    async def receive():
        return {"type": "http.disconnect"}

    reply = await client.send("POST", CALLS, CREATE, receive=receive)
    assert reply.status == 0
    assert engine.commands == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("HEAD", "/calling/nothing"),
        ("POST", f"{CALL}:fly"),
        ("GET", "/calling/callConnections/a/b/c/d"),
        ("GET", "//calling/callConnections/a"),
        ("GET", "/favicon.ico"),
    ],
)
async def test_unknown_paths_are_404_and_say_where_things_are(client, method, path):
    reply = await client.send(method, path)
    assert (reply.status, reply.error["code"]) == (404, "NotFound")
    assert "/identities" in reply.error["message"]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", CALLS, "POST"),
        ("HEAD", CALL, "GET, DELETE"),
        ("GET", f"{CALL}:play", "POST"),
        ("PATCH", "/identities", "POST"),
    ],
)
async def test_wrong_methods_are_405_with_allow(client, method, path, allow):
    reply = await client.send(method, path)
    assert (reply.status, reply.error["code"]) == (405, "MethodNotAllowed")
    assert reply.headers["allow"] == allow


async def test_operations_of_later_versions_are_405_8520_and_named(engine, clock):
    app = surface(engine, clock)
    client = Client(app, clock)
    missing = [operation for operation in app.operations if operation.run is None]
    assert {operation.name for operation in missing} >= {"startDialog", "summarizeCall"}
    for operation in missing:
        reply = await client.send(operation.method, operation.path.replace("{}", "x"), {})
        assert (reply.status, reply.error["code"]) == (405, "8520")
        assert operation.name in reply.error["message"]


# --- refusals and faults of the engine ------------------------------------------------------------------


async def test_an_unknown_call_is_404(client):
    reply = await client.send("POST", f"{CALLS}/nobody:play", PLAY)
    assert (reply.status, reply.error["code"]) == (404, "8522")
    assert "nobody" in reply.error["message"]


async def test_refusals_keep_status_code_and_message(client, engine):
    engine.trouble = incompatible_operation("Recognize is running on the main leg.")
    reply = await client.send("POST", f"{CALL}:play", PLAY)
    assert reply.status == 412
    assert reply.error == {"code": "8583", "message": "Recognize is running on the main leg."}


async def test_throttling_says_when_to_come_back(client, engine):
    engine.trouble = throttled("Too many calls.", retry_after=7)
    reply = await client.send("POST", CALLS, CREATE)
    assert (reply.status, reply.headers["retry-after"]) == (429, "7")


async def test_a_fault_is_500_9999_with_an_id_that_the_log_has_and_no_trace(client, engine, caplog):
    engine.trouble = RuntimeError("secret inside")
    with caplog.at_level(logging.ERROR, "hookflash.api"):
        reply = await client.send("POST", f"{CALL}:play", PLAY)
    assert (reply.status, reply.error["code"]) == (500, "9999")
    assert "secret" not in reply.body.decode()
    assert "Traceback" not in reply.body.decode()
    [record] = caplog.records
    assert record.fault in reply.error["message"]
    assert record.exc_info[1].args == ("secret inside",)
    assert (await client.send("POST", f"{CALL}:play", PLAY)).status == 202


async def test_a_websocket_is_closed(client):
    sent = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    await client.app({"type": "websocket", "path": "/"}, receive, send)
    assert [message["type"] for message in sent] == ["websocket.close"]


async def test_a_client_request_id_without_end_is_not_echoed(client):
    reply = await client.send("GET", CALL, headers={"x-ms-client-request-id": "x" * 257})
    assert reply.status == 200
    assert "x-ms-client-request-id" not in reply.headers


# --- repeated requests ----------------------------------------------------------------------------------


def repeat(request_id: str | None = None, first_sent: str | None = None) -> dict[str, str | None]:
    return {
        "repeatability-request-id": request_id or str(uuid.uuid4()),
        "repeatability-first-sent": first_sent or imf_fixdate(NOON),
    }


async def test_a_repeated_request_gets_the_same_answer_and_runs_once(client, engine):
    headers = repeat()
    first = await client.send("POST", CALLS, CREATE, headers=headers)
    again = await client.send("POST", CALLS, CREATE, headers=headers)
    assert (again.status, again.body) == (first.status, first.body)
    assert again.headers.pop("x-azure-ref") != first.headers.pop("x-azure-ref")
    assert again.headers == first.headers
    assert first.headers["repeatability-result"] == "accepted"
    assert len(engine.commands) == 1


async def test_the_answer_goes_with_the_command_and_a_later_process_gives_it(client, engine, clock):
    headers = repeat()
    first = await client.send("POST", CALLS, CREATE, headers=headers)
    [kept] = engine.kept
    later = FakeEngine()
    app = surface(later, clock)
    app.load_answers([kept])
    again = await Client(app, clock).send("POST", CALLS, CREATE, headers=headers)
    assert (again.status, again.body) == (first.status, first.body) == (201, kept.body)
    assert again.headers["x-microsoft-skype-chain-id"] == CORRELATION
    assert again.headers["repeatability-result"] == "accepted"
    assert later.commands == []


async def test_every_repeatable_operation_hands_its_answer_to_the_engine(client, engine, clock):
    app = surface(engine, clock)
    for operation in app.operations:
        if not operation.repeatable or operation.run is None:
            continue
        engine.kept.clear()
        body = BODIES.get(operation.name)
        path = operation.path.replace("{}", CONNECTION)
        reply = await Client(app, clock).send(operation.method, path, body, headers=repeat())
        assert reply.status == operation.status, (operation.name, reply.body)
        assert [kept.status for kept in engine.kept] == [operation.status], operation.name


async def test_a_refusal_is_kept_too_and_made_durable(engine, clock):
    written = []

    async def write(answer):
        written.append(answer)

    client = Client(surface(engine, clock, write_answer=write), clock)
    engine.trouble = incompatible_operation("Something else is running.")
    headers = repeat()
    for _ in range(2):
        reply = await client.send("POST", CALLS, CREATE, headers=headers)
        assert (reply.status, reply.error["code"]) == (412, "8583")
        assert reply.headers["repeatability-result"] == "accepted"
    assert len(engine.commands) == 1
    assert [answer.status for answer in written] == [412]


async def test_the_same_id_with_another_body_is_refused(client, engine):
    headers = repeat()
    await client.send("POST", CALLS, CREATE, headers=headers)
    reply = await client.send("POST", CALLS, {**CREATE, "operationContext": "x"}, headers=headers)
    assert (reply.status, reply.error["code"]) == (400, "8523")
    assert reply.error["target"] == "Repeatability-Request-ID"
    assert "another body" in reply.error["message"]
    assert reply.headers["repeatability-result"] == "rejected"
    assert len(engine.commands) == 1


async def test_what_was_done_but_not_durable_is_not_done_again(engine, clock):
    down = True
    written = []

    async def write(answer):
        if down:
            raise NotDurable("the disk is full")
        written.append(answer)

    client = Client(surface(engine, clock, write_answer=write), clock)
    engine.undurable = internal_error("not durable")
    headers = repeat()
    assert (await client.send("POST", CALLS, CREATE, headers=headers)).status == 500
    engine.undurable = None
    reply = await client.send("POST", CALLS, CREATE, headers=headers)
    assert reply.status == 500
    assert "disk is full" in reply.error["message"]
    down = False
    for _ in range(2):
        assert (await client.send("POST", CALLS, CREATE, headers=headers)).status == 201
    assert len(engine.commands) == 1
    assert [answer.status for answer in written] == [201]


async def test_upper_case_is_the_same_id_another_path_or_resource_is_another_request(engine, clock):
    app = surface(engine, clock, resources=(DEVELOPMENT, OTHER))
    client = Client(app, clock)
    request_id = str(uuid.uuid4())
    await client.send("POST", CALLS, CREATE, headers=repeat(request_id))
    await client.send("POST", CALLS, CREATE, headers=repeat(request_id.upper()))
    assert len(engine.commands) == 1
    await client.send("POST", f"{CALL}:terminate", headers=repeat(request_id))
    await Client(app, clock, OTHER_KEY).send("POST", CALLS, CREATE, headers=repeat(request_id))
    assert len(engine.commands) == 3


async def test_a_duplicate_waits_for_the_first(client, engine):
    engine.gate = asyncio.Event()
    headers = repeat()
    both = [asyncio.create_task(client.send("POST", CALLS, CREATE, headers=headers)) for _ in range(3)]
    for _ in range(10):
        await asyncio.sleep(0)
    assert not any(task.done() for task in both)
    engine.gate.set()
    replies = await asyncio.gather(*both)
    assert len(engine.commands) == 1
    assert {reply.body for reply in replies} == {replies[0].body}


async def test_a_refusal_is_repeated_a_fault_and_throttling_are_not(client, engine):
    headers = repeat()
    engine.trouble = incompatible_operation("no")
    assert (await client.send("POST", CALLS, CREATE, headers=headers)).status == 412
    assert (await client.send("POST", CALLS, CREATE, headers=headers)).status == 412
    assert len(engine.commands) == 1
    for trouble, status in ((RuntimeError("fault"), 500), (throttled("wait"), 429)):
        headers = repeat()
        engine.trouble = trouble
        assert (await client.send("POST", CALLS, CREATE, headers=headers)).status == status
        assert (await client.send("POST", CALLS, CREATE, headers=headers)).status == 201


@pytest.mark.parametrize(
    "headers",
    [
        {"repeatability-request-id": str(uuid.uuid4())},
        {"repeatability-first-sent": imf_fixdate(NOON)},
        repeat("not-a-uuid"),
        repeat(first_sent="2026-11-22T12:00:00Z"),
    ],
)
async def test_half_or_malformed_repeatability_is_400(client, engine, headers):
    reply = await client.send("POST", CALLS, CREATE, headers=headers)
    assert (reply.status, reply.error["code"]) == (400, "8523")
    assert "Repeatability" in reply.error["message"]
    assert engine.commands == []


async def test_repeatability_from_before_memory_is_412(client):
    reply = await client.send("POST", CALLS, CREATE, headers=repeat(first_sent=imf_fixdate(NOON - 86401)))
    assert reply.status == 412


async def test_operations_without_repeatability_ignore_the_headers(client, engine):
    headers = repeat()
    for _ in range(2):
        assert (await client.send("POST", f"{CALL}:play", PLAY, headers=headers)).status == 202
    assert [type(command) for command in engine.commands] == [Play, Play]


# --- headers of every answer ----------------------------------------------------------------------------


async def test_every_answer_has_a_reference_of_its_own_and_is_not_cached(client, engine):
    engine.trouble = throttled("Too many calls.", retry_after=7)
    replies = [
        await client.send("POST", CALLS, CREATE),
        await client.send("POST", CALLS, CREATE),
        await client.send("GET", f"{CALLS}/nobody"),
        await client.send("GET", "/nowhere"),
        await client.send("GET", CALL, headers={"authorization": None}),
        await client.send("POST", CALLS, CREATE, headers={"content-length": "9" * 9}),
        await client.send("GET", "/calling/keys"),
    ]
    assert [reply.status for reply in replies] == [429, 201, 404, 404, 401, 413, 200]
    assert len({reply.headers["x-azure-ref"] for reply in replies}) == len(replies)
    assert {reply.headers["x-cache"] for reply in replies} == {"CONFIG_NOCACHE"}


async def test_the_correlation_id_is_told_in_errors_too_but_only_to_who_may_know_it(engine, clock):
    app = surface(engine, clock, resources=(DEVELOPMENT, OTHER))
    mine = Client(app, clock)
    reply = await mine.send("POST", f"{CALL}:play", b"{")
    assert (reply.status, reply.headers["x-microsoft-skype-chain-id"]) == (400, CORRELATION)
    for stranger in (
        await Client(app, clock, OTHER_KEY).send("GET", CALL),
        await mine.send("GET", CALL, headers={"authorization": None}),
        await mine.send("GET", f"{CALLS}/nobody"),
        await mine.send("GET", "/calling/recordings/nothing"),
    ):
        assert "x-microsoft-skype-chain-id" not in stranger.headers


async def test_the_reference_is_in_the_log_of_a_refusal(client, caplog):
    with caplog.at_level(logging.INFO, "hookflash.api"):
        reply = await client.send("GET", f"{CALLS}/nobody")
    assert [record.reference for record in caplog.records] == [reply.headers["x-azure-ref"]]


async def test_muting_was_answered_202_once(client):
    body = {"targetParticipants": [{"rawId": "8:acs:a_b"}]}
    for version, status in (("2023-06-15-preview", 202), ("2023-10-15", 200), ("2026-03-12", 200)):
        reply = await client.send("POST", f"{CALL}/participants:mute", body, query=f"api-version={version}")
        assert reply.status == status
