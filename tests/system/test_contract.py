"""The wire contract's answers, events, calls and identities through a real server and the official SDK."""

from __future__ import annotations

import base64
import json
import re
import secrets
import socket
import time
import urllib.request
import uuid
from email.utils import formatdate
from typing import Any
from urllib.parse import quote

import jwt
import pytest
from azure.communication.callautomation import (
    CallRejectReason,
    CommunicationUserIdentifier,
    PhoneNumberIdentifier,
)
from azure.communication.identity import CommunicationIdentityClient, CommunicationTokenScope
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from system.handset import Handset
from system.harness import ACCESS_KEY, NUMBER, RESOURCE_ID
from system.room import (
    ALICE,
    BOB,
    NEWEST,
    OTHER_KEY,
    Call,
    Room,
    code,
    ended,
    result,
)

from hookflash.softphone.phone import CallFailed

# --- what every event and answer carries ----------------------------------------------------------------


def test_a_call_out_and_its_events(room: Room, single: Call) -> None:
    """Envelope, common fields, properties, roster (sections 1.4, 3, 5.2 to 5.5)."""
    connection = single.id
    events = {event["type"].rpartition(".")[2]: event for event in room.webhook.events(connection)}
    properties = single.sdk.get_call_properties()
    assert list(events) == ["CallConnected", "ParticipantsUpdated"]
    for event in events.values():
        source = f"calling/callConnections/{connection}"
        assert set(event) == {
            "id", "source", "type", "data", "time", "specversion", "datacontenttype", "subject",
        }  # fmt: skip
        assert event["source"] == event["subject"] == source
        assert (event["specversion"], event["datacontenttype"]) == ("1.0", "application/json")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}\+00:00", event["time"])
        uuid.UUID(event["id"])
        data = event["data"]
        assert data["version"] == NEWEST
        assert data["publicEventType"] == event["type"]
        assert data["resultInformation"] == {"code": 200, "subCode": 0, "message": ""}
        assert data["serverCallId"] == properties.server_call_id
        assert data["correlationId"] == properties.correlation_id
        assert data["callConnectionId"] == connection
    assert events["CallConnected"]["data"]["operationContext"] == "made"

    url = base64.b64decode(str(properties.server_call_id), validate=True).decode()
    ticks = int(url.rpartition("&e=")[2])
    assert abs((ticks - 621_355_968_000_000_000) / 1e7 - time.time()) < 300

    people = events["ParticipantsUpdated"]["data"]["participants"]
    app, phone = sorted(people, key=lambda one: one["identifier"]["kind"])
    assert phone == {
        "identifier": {"rawId": f"4:{ALICE}", "kind": "phoneNumber", "phoneNumber": {"value": ALICE}},
        "isMuted": False,
        "isOnHold": False,
    }
    assert app["identifier"]["communicationUser"]["id"] == app["identifier"]["rawId"]
    assert app["identifier"]["rawId"].startswith(f"8:acs:{RESOURCE_ID}_")

    assert properties.call_connection_state == "connected"
    assert properties.callback_url == room.callback
    assert properties.source.raw_id == app["identifier"]["rawId"]
    assert [target.raw_id for target in properties.targets] == [f"4:{ALICE}"]
    assert properties.source_caller_id_number.raw_id == f"4:{NUMBER}"


def test_answers_carry_their_status_and_headers(room: Room, single: Call) -> None:
    """Sections 1.2 and 2.6, by hand, because SDKs hide them."""
    path = f"/calling/callConnections/{single.id}"
    version = f"?api-version={NEWEST}"
    target = {"targetParticipant": {"rawId": f"4:{ALICE}"}}
    playing = {"playSources": [{"kind": "FILE", "file": {"uri": room.file("short.wav").url}}], "playTo": None}
    for method, verb, body, status in (
        ("GET", "", None, 200),
        ("GET", "/participants", None, 200),
        ("GET", f"/participants/{quote(f'4:{ALICE}', safe='')}", None, 200),
        ("GET", f"/participants/4:{ALICE}", None, 200),
        ("POST", ":play", playing, 202),
        ("POST", ":cancelAllMediaOperations", None, 202),
        ("POST", ":startContinuousDtmfRecognition", target, 200),
        ("POST", ":stopContinuousDtmfRecognition", target, 200),
        ("POST", ":hold", target, 200),
        ("POST", ":unhold", target, 200),
        ("POST", ":sendDtmfTones", target | {"tones": ["ONE"], "operationContext": "t"}, 202),
        ("POST", ":terminate", None, 204),
    ):
        got, headers, answer = room.send(method, path + verb + version, body, x_ms_client_request_id="mine")
        assert got == status, (verb, answer)
        assert headers["x-ms-client-request-id"] == "mine"
        assert headers["x-microsoft-skype-chain-id"]
        assert "date" in headers
        assert (answer is None) == (status == 204 or (method == "POST" and verb != ":sendDtmfTones")), verb
        if answer is None and status != 204:
            assert headers["content-length"] == "0"
        if answer is not None:
            assert headers["content-type"] == "application/json; charset=utf-8"
        if verb == ":sendDtmfTones":
            assert answer == {"operationContext": "t"}
    status, _, answer = room.send("POST", f"{path}:play{version}", playing)
    assert (status, answer["error"]["code"]) == (400, "8528")
    status, _, answer = room.send("GET", path + version)
    assert (status, answer["error"]["code"]) == (404, "8522")


def test_participants(room: Room, group: Call) -> None:
    listed = {one.identifier.raw_id: one for one in group.sdk.list_participants()}
    assert {f"4:{ALICE}", f"4:{BOB}"} < set(listed)
    (app,) = set(listed) - {f"4:{ALICE}", f"4:{BOB}"}
    assert group.sdk.get_participant(CommunicationUserIdentifier(app)).identifier.raw_id == app
    alice = group.sdk.get_participant(PhoneNumberIdentifier(ALICE))
    assert (alice.is_muted, alice.is_on_hold) == (False, False)
    with pytest.raises(ResourceNotFoundError) as refused:
        group.sdk.get_participant(PhoneNumberIdentifier("+14255559999"))
    assert code(refused.value) == "8522"


# --- incoming calls -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "status"),
    [(None, 603), (CallRejectReason.BUSY, 486), (CallRejectReason.FORBIDDEN, 403), ("none", 603)],
)
def test_reject(room: Room, reason: Any, status: int) -> None:
    ringing = room.phone(ALICE).start(f"dial sip:{NUMBER}@127.0.0.1:{room.server.sip_port}")
    incoming = room.webhook.incoming.get(timeout=10)
    options = {} if reason is None else {"call_reject_reason": reason}
    room.client().reject_call(incoming["incomingCallContext"], **options)
    with pytest.raises(CallFailed) as failed:
        ringing.result(10)
    assert failed.value.status == status
    with pytest.raises(HttpResponseError) as refused:
        room.client().answer_call(incoming["incomingCallContext"], room.callback)
    assert (refused.value.status_code, code(refused.value)) == (404, "8522")


def test_an_answered_call_as_the_callee_sees_it(room: Room) -> None:
    ringing = room.phone(ALICE).start(f"dial sip:{NUMBER}@127.0.0.1:{room.server.sip_port}")
    incoming = room.webhook.incoming.get(timeout=10)
    target = f"/calling/callConnections:answer?api-version={NEWEST}"
    body = {"incomingCallContext": incoming["incomingCallContext"], "callbackUri": room.callback}
    status, _, answer = room.send("POST", target, body)
    ringing.result(10)
    assert status == 200
    answered_by = answer.pop("answeredBy")["id"]
    assert answered_by.startswith(f"8:acs:{RESOURCE_ID}_")
    connection = answer.pop("callConnectionId")
    assert answer == {
        "callConnectionState": "connecting",
        "callbackUri": room.callback,
        "serverCallId": incoming["serverCallId"],
        "correlationId": incoming["correlationId"],
        "source": incoming["from"],
        "targets": [incoming["to"]],
        "answeredFor": {"value": NUMBER},
    }
    people = room.roster(connection, lambda people: len(people) == 2)["participants"]
    assert {one["identifier"]["rawId"] for one in people} == {f"4:{ALICE}", answered_by}
    room.phone(ALICE).play("hangup")
    room.webhook.wait("CallDisconnected", callConnectionId=connection)


def test_an_incoming_call_is_redirected_and_answered(room: Room) -> None:
    """IncomingCall (section 5.7), one for each target; the answer as the callee sees it (section 1.4)."""
    user = f"8:acs:{RESOURCE_ID}_{uuid.uuid4()}"
    ringing = room.phone(ALICE).start(f"dial sip:{NUMBER}@127.0.0.1:{room.server.sip_port}")
    first = room.webhook.incoming.get(timeout=10)
    phone = {"kind": "phoneNumber", "rawId": f"4:{ALICE}", "phoneNumber": {"value": ALICE}}
    number = {"kind": "phoneNumber", "rawId": f"4:{NUMBER}", "phoneNumber": {"value": NUMBER}}
    assert (first["from"], first["to"]) == (phone, number)
    assert set(first) >= {"serverCallId", "callerDisplayName", "incomingCallContext", "correlationId"}
    assert "customContext" not in first
    room.client().redirect_call(first["incomingCallContext"], CommunicationUserIdentifier(user))
    second = room.webhook.incoming.get(timeout=10)
    assert second["to"]["rawId"] == user
    assert second["from"] == phone
    assert second["correlationId"] == first["correlationId"]
    assert second["incomingCallContext"] != first["incomingCallContext"]
    answered = room.client().answer_call(
        second["incomingCallContext"], room.callback, operation_context="picked up"
    )
    ringing.result(10)
    assert answered.answered_by.raw_id == user
    assert answered.source.raw_id == f"4:{ALICE}"
    data = room.webhook.wait("CallConnected", callConnectionId=answered.call_connection_id)
    assert data["operationContext"] == "picked up"
    assert data["serverCallId"] == second["serverCallId"]
    room.phone(ALICE).play("hangup")
    data = room.webhook.wait("CallDisconnected", callConnectionId=answered.call_connection_id)
    assert result(data) == (200, 540000)
    assert data["operationContext"] == "picked up"


def test_a_call_that_nobody_answers_with_yes(room: Room) -> None:
    """CreateCallFailed comes before CallDisconnected, with the SIP answer's code (sections 4.5 and 5.4)."""
    refuser = Handset(ALICE, port=room.ports[ALICE], refusal=486)
    try:
        made = room.client().create_call(
            PhoneNumberIdentifier(ALICE), room.callback, source_caller_id_number=PhoneNumberIdentifier(NUMBER)
        )
        data = room.webhook.wait("CallDisconnected", callConnectionId=made.call_connection_id)
    finally:
        refuser.close()
    assert room.webhook.names(made.call_connection_id) == ["CreateCallFailed", "CallDisconnected"]
    assert result(data) == (486, 560486)
    assert data["resultInformation"]["sipDetails"]["code"] == 486
    assert data["resultInformation"]["message"].endswith("DiagCode: 486#560486.@")


# --- versions, repetition, tokens, identities -----------------------------------------------------------


def test_an_old_client_gets_what_its_version_knows(room: Room) -> None:
    """Section 5.3: no PlayStarted, no CreateCallFailed, no isOnHold, no failedPlaySourceIndex, no details."""
    connection = room.call(ALICE, api_version="2023-10-15")
    connection.sdk.play_media(room.file("short.wav"), operation_context="old")
    room.webhook.wait("PlayCompleted", operationContext="old")
    connection.sdk.play_media(room.file("text.wav"), operation_context="older")
    failed = room.webhook.wait("PlayFailed", operationContext="older")
    ended(room, connection)
    assert "failedPlaySourceIndex" not in failed
    assert "PlayStarted" not in room.webhook.names(connection.id)
    for event in room.webhook.events(connection.id):
        assert event["data"]["version"] == "2023-10-15"
        for one in event["data"].get("participants", ()):
            assert set(one) == {"identifier", "isMuted"}

    room.phones.pop(ALICE).close()
    refuser = Handset(ALICE, port=room.ports[ALICE], refusal=486)
    try:
        made = room.client(api_version="2024-04-15").create_call(
            PhoneNumberIdentifier(ALICE), room.callback, source_caller_id_number=PhoneNumberIdentifier(NUMBER)
        )
        data = room.webhook.wait("CallDisconnected", callConnectionId=made.call_connection_id)
    finally:
        refuser.close()
    assert room.webhook.names(made.call_connection_id) == ["CallDisconnected"]
    assert set(data["resultInformation"]) == {"code", "subCode", "message"}


def test_a_repeated_request_runs_once(room: Room) -> None:
    user = f"8:acs:{RESOURCE_ID}_{uuid.uuid4()}"
    body = {"targets": [{"communicationUser": {"id": user}}], "callbackUri": room.callback}
    repeat = {
        "Repeatability_Request_ID": str(uuid.uuid4()),
        "Repeatability_First_Sent": formatdate(usegmt=True),
    }
    target = f"/calling/callConnections?api-version={NEWEST}"
    first = room.send("POST", target, body, **repeat)
    again = room.send("POST", target, body, **repeat)
    assert first[0] == again[0] == 201
    assert first[2] == again[2]
    room.webhook.incoming.get(timeout=10)
    room.send("DELETE", f"/calling/callConnections/{first[2]['callConnectionId']}?api-version={NEWEST}")
    room.webhook.wait("CallDisconnected", callConnectionId=first[2]["callConnectionId"])
    assert room.webhook.incoming.empty()
    del repeat["Repeatability_First_Sent"]
    status, _, answer = room.send("POST", target, body, **repeat)
    assert (status, answer["error"]["code"]) == (400, "8523")


def test_webhooks_carry_a_token_that_the_served_keys_verify(room: Room, single: Call) -> None:
    """Section 5.8, as an app does it: OpenID configuration, keys by kid, issuer, audience, expiry."""
    with urllib.request.urlopen(f"{room.server.url}/calling/.well-known/acsopenidconfiguration") as answer:
        configuration = json.load(answer)
    keys = jwt.PyJWKClient(configuration["jwks_uri"])
    tokens = set()
    for authorization, event in room.webhook.posts:
        if event["data"]["callConnectionId"] != single.id:
            continue
        scheme, _, token = authorization.partition(" ")
        assert scheme == "Bearer"
        tokens.add(token)
        claims = jwt.decode(
            token,
            keys.get_signing_key_from_jwt(token).key,
            algorithms=configuration["id_token_signing_alg_values_supported"],
            issuer="https://acscallautomation.communication.azure.com",
            audience=RESOURCE_ID,
        )
        assert claims["exp"] - claims["iat"] == 300
    assert len(tokens) >= 2
    assert configuration["issuer"] == "https://acscallautomation.communication.azure.com"


def test_identities(room: Room) -> None:
    """Section 11 through the official client."""
    client = CommunicationIdentityClient(room.server.url, AzureKeyCredential(ACCESS_KEY))
    user = client.create_user()
    assert re.fullmatch(rf"8:acs:{RESOURCE_ID}_[0-9a-f-]{{36}}", user.raw_id)
    issued = client.get_token(user, [CommunicationTokenScope.VOIP, CommunicationTokenScope.CHAT])
    claims = jwt.decode(issued.token, options={"verify_signature": False})
    assert f"8:{claims['skypeid']}" == user.raw_id
    assert set(claims["scp"].split(",")) == {"voip", "chat"}
    assert abs(claims["exp"] - time.time() - 86400) < 60
    client.revoke_tokens(user)
    both, token = client.create_user_and_token([CommunicationTokenScope.VOIP])
    assert both.raw_id != user.raw_id
    assert token.token.count(".") == 2
    client.delete_user(user)
    with pytest.raises(HttpResponseError) as refused:
        client.get_token(user, [CommunicationTokenScope.VOIP])
    assert refused.value.status_code == 404


def test_an_app_calls_an_app(room: Room) -> None:
    """Both ends have their own connection; the correlation id is one (sections 3.4 and 5.4)."""
    client = room.client()
    user = f"8:acs:{RESOURCE_ID}_{secrets.token_hex(8)}"
    made = client.create_call(CommunicationUserIdentifier(user), room.callback, operation_context="caller")
    incoming = room.webhook.incoming.get(timeout=10)
    answered = client.answer_call(incoming["incomingCallContext"], room.callback, operation_context="callee")
    assert answered.call_connection_id != made.call_connection_id
    assert answered.correlation_id == made.correlation_id == incoming["correlationId"]
    for connection in (made.call_connection_id, answered.call_connection_id):
        room.roster(str(connection), lambda people: len(people) == 2)
    client.get_call_connection(str(answered.call_connection_id)).hang_up(is_for_everyone=False)
    for connection in (made.call_connection_id, answered.call_connection_id):
        assert result(room.webhook.wait("CallDisconnected", callConnectionId=connection)) == (200, 7000)


# --- shapes of requests ---------------------------------------------------------------------------------


def test_requests_in_other_clients_shapes(room: Room, single: Call) -> None:
    """Rules 3 to 5: explicit nulls, any letter case, kind or none, rawId or none, versions of the future."""
    path = f"/calling/callConnections/{single.id}"
    file = {"kind": "File", "file": {"uri": room.file("short.wav").url}, "text": None, "ssml": None}
    nulls = ("playTo", "interruptCallMediaOperation", "playOptions", "operationCallbackUri")
    body = {"playSources": [file], "operationContext": "nulls", **dict.fromkeys(nulls)}
    assert room.send("POST", f"{path}:play?api-version=2031-01-01", body)[0] == 202
    assert room.webhook.wait("PlayCompleted", operationContext="nulls")["version"] == NEWEST
    alice = {
        "kind": "PhoneNumber",
        "rawId": f"4:{ALICE}",
        "phoneNumber": {"value": ALICE, "isAnonymous": False},
    }
    shapes = (alice, {"rawId": f"4:{ALICE}"}, {"phoneNumber": {"value": ALICE}}, {**alice, "kind": None})
    for number, shape in enumerate(shapes):
        body = {"targetParticipant": shape, "tones": ["POUND"], "operationContext": f"shape {number}"}
        assert room.send("POST", f"{path}:sendDtmfTones?api-version={NEWEST}", body)[0] == 202
        room.webhook.wait("SendDtmfTonesCompleted", operationContext=f"shape {number}")
    room.phone(ALICE).wait_digits("####")
    for query in ("", "?api-version=", "?api-version=latest"):
        status, _, answer = room.send("GET", path + query)
        assert (status, answer["error"]["code"]) == (400, "UnsupportedApiVersion")


def test_the_first_preview_nests_its_tones(room: Room) -> None:
    connection = room.call(ALICE)
    path = f"/calling/callConnections/{connection.id}:startContinuousDtmfRecognition"
    body = {"targetParticipant": {"rawId": f"4:{ALICE}"}}
    assert room.send("POST", f"{path}?api-version=2023-06-15-preview", body)[0] == 200
    room.phone(ALICE).play("press 5")
    data = room.webhook.wait("ContinuousDtmfRecognitionToneReceived")
    assert data["toneInfo"] == {"sequenceId": 1, "tone": "five"}
    assert "tone" not in data
    ended(room, connection)


def test_a_number_that_no_trunk_takes(room: Room) -> None:
    made = room.client().create_call(
        PhoneNumberIdentifier("+4930000000"),
        room.callback,
        source_caller_id_number=PhoneNumberIdentifier(NUMBER),
    )
    data = room.webhook.wait("CreateCallFailed", callConnectionId=made.call_connection_id)
    assert result(data) == (403, 511532)
    room.webhook.wait("CallDisconnected", callConnectionId=made.call_connection_id)
    with pytest.raises(HttpResponseError) as refused:
        room.client().create_call(PhoneNumberIdentifier(ALICE), room.callback)
    assert (refused.value.status_code, code(refused.value)) == (400, "8523")
    assert "sourceCallerIdNumber" in str(refused.value)


def test_another_resource_gets_nothing(room: Room, single: Call) -> None:
    """403/7507 for calls and contexts of others; and their cache ids name other files."""
    other = room.client(OTHER_KEY)
    with pytest.raises(HttpResponseError) as refused:
        other.get_call_connection(single.id).get_call_properties()
    assert (refused.value.status_code, code(refused.value)) == (403, "7507")
    user = CommunicationUserIdentifier(f"8:acs:{RESOURCE_ID}_{uuid.uuid4()}")
    made = other.create_call(user, room.callback)
    incoming = room.webhook.incoming.get(timeout=10)
    with pytest.raises(HttpResponseError) as refused:
        other.answer_call(incoming["incomingCallContext"], room.callback)
    assert (refused.value.status_code, code(refused.value)) == (403, "7507")
    answered = room.client().answer_call(incoming["incomingCallContext"], room.callback)
    room.webhook.wait("CallConnected", callConnectionId=made.call_connection_id)
    for client, connection, name in (
        (room.client(), answered.call_connection_id, "short.wav"),
        (other, made.call_connection_id, "text.wav"),
    ):
        source = room.file(name, play_source_cache_id="mine")
        client.get_call_connection(str(connection)).play_media(source, operation_context=name)
    room.webhook.wait("PlayCompleted", operationContext="short.wav")
    assert result(room.webhook.wait("PlayFailed", operationContext="text.wav")) == (400, 8535)
    other.get_call_connection(str(made.call_connection_id)).hang_up(is_for_everyone=True)


def test_headers_of_a_caller_reach_the_app(room: Room) -> None:
    """customContext of IncomingCall (section 5.7)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
        caller.bind(("127.0.0.1", 0))
        caller.settimeout(10)
        here = f"127.0.0.1:{caller.getsockname()[1]}"
        sdp = (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            "m=audio 40000 RTP/AVP 0\r\n"
        )
        lines = [
            f"INVITE sip:{NUMBER}@127.0.0.1 SIP/2.0",
            f"Via: SIP/2.0/UDP {here};branch=z9hG4bK{secrets.token_hex(8)}",
            "Max-Forwards: 70",
            f'From: "Ann O\'Nymous" <sip:{ALICE}@{here}>;tag=1',
            f"To: <sip:{NUMBER}@127.0.0.1>",
            f"Call-ID: {secrets.token_hex(8)}",
            "CSeq: 1 INVITE",
            f"Contact: <sip:{here}>",
            "user-to-user: 616263;encoding=hex",
            "X-MS-Custom-Dept: billing",
            "X-Shop: 7",
            "Content-Type: application/sdp",
            f"Content-Length: {len(sdp)}",
        ]
        caller.sendto(("\r\n".join(lines) + "\r\n\r\n" + sdp).encode(), ("127.0.0.1", room.server.sip_port))
        incoming = room.webhook.incoming.get(timeout=10)
        assert incoming["customContext"] == {
            "sipHeaders": {
                "User-To-User": "616263;encoding=hex",
                "X-MS-Custom-Dept": "billing",
                "X-Shop": "7",
            },
            "voipHeaders": {},
        }
        assert incoming["callerDisplayName"] == "Ann O'Nymous"
        room.client().reject_call(incoming["incomingCallContext"], call_reject_reason=CallRejectReason.BUSY)
        answers = [""]
        while " 486 " not in answers[-1]:
            answers.append(caller.recv(65536).decode().partition("\r\n")[0])
        to = f"To: <sip:{NUMBER}@127.0.0.1>;tag=x"
        ack = [line.replace("INVITE", "ACK") for line in lines[:7] if not line.startswith("To:")] + [to]
        caller.sendto(("\r\n".join(ack) + "\r\n\r\n").encode(), ("127.0.0.1", room.server.sip_port))
