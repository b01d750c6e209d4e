"""Requests byte by byte over a socket: ids in every encoding, and the short way of reading and answering."""

from __future__ import annotations

import json
import socket
import time
from urllib.parse import urlsplit

import pytest
from api.edge import CONNECTION
from azure.communication.callautomation import (
    CallAutomationClient,
    CommunicationUserIdentifier,
    MicrosoftTeamsAppIdentifier,
    PhoneNumberIdentifier,
    UnknownIdentifier,
)
from azure.core.credentials import AzureKeyCredential

from hookflash.config import DEVELOPMENT_ACCESS_KEY
from hookflash.wire.hmac import decode_key, sign

QUERY = "api-version=2026-03-12"
PEOPLE = f"/calling/callConnections/{CONNECTION}/participants"
CALLS = "/calling/callConnections"
CREATE = {
    "targets": [{"phoneNumber": {"value": "+18005550100"}}],
    "callbackUri": "https://app.example.org/cb",
    "sourceCallerIdNumber": {"value": "+14255550123"},
}


def request(
    url: str, method: str, path: bytes, body: bytes = b"", version: str = "1.1", **more: str
) -> bytes:
    """A signed request as it goes over the wire; the path is sent as it is."""
    host = urlsplit(url).netloc
    target = path.decode("latin-1") + "?" + QUERY
    headers = sign(method, target, host, body, decode_key(DEVELOPMENT_ACCESS_KEY), time.time())
    headers |= {"Host": host} | more
    if body:
        headers |= {"Content-Length": str(len(body)), "Content-Type": "application/json"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return method.encode() + b" " + path + f"?{QUERY} HTTP/{version}\r\n{lines}\r\n".encode()


class Wire:
    """One connection; reads answers one after the other."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=10)
        self.file = self.socket.makefile("rb")

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.socket.sendall(piece)

    def answer(self, bodiless: bool = False) -> tuple[int, dict[str, str], bytes]:
        status = int(self.file.readline().split()[1])
        headers = {}
        while line := self.file.readline().strip():
            name, _, value = line.decode().partition(": ")
            headers[name.lower()] = value
        length = 0 if bodiless else int(headers.get("content-length", "0"))
        return status, headers, self.file.read(length)

    def ended(self) -> bool:
        return self.file.read(1) == b""

    def close(self) -> None:
        self.file.close()
        self.socket.close()


@pytest.fixture
def wire(live):
    made = Wire(live.url)
    yield made
    made.close()


# --- ids ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    ["4%3A%2B14255550123", "4%3a%2b14255550123", "4:+14255550123", "4:%2B14255550123", "4%3A+14255550123"],
)
def test_a_participant_is_found_however_its_id_is_encoded(live, wire, sent):
    wire.send(request(live.url, "GET", f"{PEOPLE}/{sent}".encode()))
    assert wire.answer()[0] == 200
    assert live.engine.commands[-1].participant == "4:+14255550123"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"4%253A%252B14255550123", 400),
        (b"4%3A%00", 400),
        (b"%ff", 400),
        (b"4%3", 400),
        (b"", 400),
        (b"%41" * 600, 400),
        (b"4:\xe2\x82\xac", 400),
        (b"a" * 5000, 414),
    ],
)
def test_an_id_that_cannot_be_meant_is_refused_and_says_why(live, wire, sent, status):
    wire.send(request(live.url, "GET", PEOPLE.encode() + b"/" + sent))
    found, headers, body = wire.answer()
    assert found == status
    assert len(json.loads(body)["error"]["message"]) > 30
    assert live.engine.commands == []
    assert headers["content-type"].startswith("application/json")
    assert headers["x-cache"] == "CONFIG_NOCACHE"
    assert "-" in headers["x-azure-ref"]


@pytest.mark.parametrize(
    ("identifier", "raw_id"),
    [
        (PhoneNumberIdentifier("+14255550123"), "4:+14255550123"),
        (CommunicationUserIdentifier("8:acs:a-b_c-d"), "8:acs:a-b_c-d"),
        (
            MicrosoftTeamsAppIdentifier("45ab2481-1c1c-4005-be24-0ffb879b1130"),
            "28:orgid:45ab2481-1c1c-4005-be24-0ffb879b1130",
        ),
        (UnknownIdentifier("48:a.b/c d%\u00fc"), "48:a.b/c d%\u00fc"),
    ],
)
def test_the_sdk_names_participants_of_every_kind(live, identifier, raw_id):
    client = CallAutomationClient(live.url, AzureKeyCredential(DEVELOPMENT_ACCESS_KEY))
    client.get_call_connection(CONNECTION).get_participant(identifier)
    assert live.engine.commands[-1].participant == raw_id


# --- the short way --------------------------------------------------------------------------------------


def test_requests_in_one_packet_are_answered_in_order(live, wire):
    one = request(live.url, "GET", f"{PEOPLE}/4:+1".encode())
    two = request(live.url, "GET", f"{PEOPLE}/4:+2".encode())
    wire.send(one + two + one)
    references = [wire.answer()[1]["x-azure-ref"] for _ in range(3)]
    assert len(set(references)) == 3
    assert [command.participant for command in live.engine.commands] == ["4:+1", "4:+2", "4:+1"]


@pytest.mark.parametrize("pad", [0, 100_000, 500_000])
def test_a_body_may_come_in_pieces_or_be_large(live, wire, pad):
    body = json.dumps({**CREATE, "x": "y" * pad}).encode()
    head = request(live.url, "POST", CALLS.encode(), body)
    for pieces in ((head + body,), (head, body), (head[:50], head[50:], body[:10], body[10:])):
        wire.send(*pieces)
        status, headers, answered = wire.answer()
        assert status == 201
        assert int(headers["content-length"]) == len(answered)
        assert {"date", "x-cache", "x-azure-ref", "x-microsoft-skype-chain-id"} <= headers.keys()


def test_who_asks_whether_to_go_on_is_told_to(live, wire):
    body = json.dumps(CREATE).encode()
    wire.send(request(live.url, "POST", CALLS.encode(), body, Expect="100-continue"))
    assert wire.file.readline() == b"HTTP/1.1 100 Continue\r\n"
    assert wire.file.readline() == b"\r\n"
    wire.send(body)
    assert wire.answer()[0] == 201


@pytest.mark.parametrize(("version", "more"), [("1.0", {}), ("1.1", {"Connection": "close"})])
def test_a_connection_that_is_not_kept_is_closed_after_the_answer(live, wire, version, more):
    wire.send(request(live.url, "GET", f"{CALLS}/{CONNECTION}".encode(), version=version, **more))
    status, headers, _ = wire.answer()
    assert (status, headers["connection"]) == (200, "close")
    assert wire.ended()


def test_head_has_no_body_and_204_no_length(live, wire):
    wire.send(request(live.url, "HEAD", f"{CALLS}/{CONNECTION}".encode()))
    status, headers, _ = wire.answer(bodiless=True)
    assert (status, headers["allow"]) == (405, "GET, DELETE")
    wire.send(request(live.url, "DELETE", f"{CALLS}/{CONNECTION}".encode()))
    status, headers, _ = wire.answer()
    assert status == 204
    assert "content-length" not in headers
    assert "transfer-encoding" not in headers
    wire.send(request(live.url, "GET", f"{CALLS}/{CONNECTION}".encode()))
    assert wire.answer()[0] == 200


def test_a_body_beyond_the_limit_is_413_even_when_it_is_here_at_once(live, wire):
    body = b" " * 999_999 + b"{}" + b" " * 100_000
    wire.send(request(live.url, "POST", CALLS.encode(), body), body)
    status, _, answered = wire.answer()
    assert status == 413
    assert "1048576" in json.loads(answered)["error"]["message"]
