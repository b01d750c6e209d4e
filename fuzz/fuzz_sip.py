"""Fuzz SIP: messages, streams of them, single headers, credentials, and a user agent with calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import driving

with driving.watched():
    from hookflash.sip import keys
    from hookflash.sip.dialog_headers import RAck, Replaces, SessionExpires, parse_min_se, parse_rseq
    from hookflash.sip.digest import Challenge, DigestServer, Verdict, answer, parse_pairs
    from hookflash.sip.errors import ParseError
    from hookflash.sip.fields import Headers
    from hookflash.sip.grammar import format_params, has_control, parse_params, printable, split_list
    from hookflash.sip.headers import CSeq, MediaType, NameAddr, Reason, Via
    from hookflash.sip.message import Message, Request, parse
    from hookflash.sip.registration import MAX_CONTACTS, Registration, unsupported
    from hookflash.sip.stream import StreamFramer
    from hookflash.sip.uri import parse_uri
    from hookflash.sip.websocket import WebSocketFramer
from sip_peer import FuzzedAgent, Script

SECRET = bytes(16)
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: sip\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
HEAD = (
    b"OPTIONS sip:b@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n"
    b"From: <sip:a@b>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n"
)
TYPED: tuple[Callable[[str], Any], ...] = (
    NameAddr.parse,
    Via.parse,
    CSeq.parse,
    Reason.parse,
    MediaType.parse,
    RAck.parse,
    SessionExpires.parse,
    Challenge.parse,
    parse_uri,
)
"""Readers of values whose ``str`` is what goes over the wire."""


def bare(message: Message) -> tuple[list[tuple[str, str]], bytes]:
    """What has to come back: everything but Content-Length, which is written anew."""
    return [item for item in message.headers if item[0] != "Content-Length"], message.body


def presentable(error: ParseError) -> None:
    """What is wrong can be logged, and told to the peer."""
    assert str(error).isprintable()
    assert 400 <= error.status <= 599


def message(data: bytes) -> None:
    """One datagram: what can be read can be written, and is read back the same."""
    try:
        found = parse(data)
    except ParseError as error:
        presentable(error)
        return
    for name in ("via", "from_", "to", "cseq"):
        value = getattr(found, name)
        assert type(value).parse(str(value)) == value
    for name in ("contacts", "content_type", "max_forwards"):
        try:
            getattr(found, name)
        except ParseError as error:
            presentable(error)
    if len(data) > 16_000 or any(has_control(value) for _, value in found.headers):
        return
    again = parse(found.to_bytes())
    assert bare(again) == bare(found)
    if isinstance(found, Request):
        assert isinstance(again, Request)
        assert (again.method, again.uri) == (found.method, found.uri)


def stream(data: bytes) -> None:
    """A stream is cut the same however its octets arrive."""
    whole = _cut(StreamFramer(), [data])
    assert _cut(StreamFramer(), [data[at : at + 1] for at in range(len(data))]) == whole
    assert _cut(StreamFramer(), [data[:7], data[7:40], data[40:]]) == whole
    for one in whole[0]:
        message(one)


def _cut(framer: StreamFramer, chunks: list[bytes]) -> tuple[list[bytes], bool]:
    found: list[bytes] = []
    for chunk in chunks:
        try:
            found += framer.feed(chunk)
        except ParseError as error:
            complete: list[bytes] = error.complete  # type: ignore[attr-defined]
            return found + complete, True
        assert len(framer) <= 65_535
        framer.take_pongs()
    return found, False


def websocket(data: bytes) -> None:
    """Frames after a good handshake, and the handshake itself."""
    for chunks in ([data], [HANDSHAKE, data], [HANDSHAKE[:-4] + data]):
        framer = WebSocketFramer()
        for chunk in chunks:
            for found in framer.feed(chunk):
                message(found)
            assert len(framer.take_pongs()) <= 4000 + 2 * len(data)


def values(data: bytes) -> None:
    """A header value through every reader."""
    try:
        found = parse(HEAD + b"X-Any: " + data + b"\r\n\r\n")
    except ParseError:
        return
    text = found.headers.get("X-Any") or ""
    assert printable(text).isprintable()
    for read in TYPED:
        try:
            value = read(text)
        except ParseError as error:
            presentable(error)
            continue
        assert read(str(value)) == value
    for read in (parse_rseq, parse_min_se, Replaces.parse, parse_pairs):
        try:
            read(text)
        except ParseError as error:
            presentable(error)
    try:
        params = parse_params(text)
        assert parse_params(format_params(params)) == params
    except ParseError:
        pass
    for mark in ",;":
        try:
            parts = split_list(text, mark)
        except ParseError:
            continue
        assert split_list(mark.join(parts), mark) == parts
    try:
        Headers([("Subject", text)])
    except ValueError:
        assert has_control(text)
    found.body = data
    try:
        assert keys.read(found) in "0123456789*#ABCD"
    except ParseError as error:
        presentable(error)


def registrations(data: bytes) -> None:
    """What a phone registers: each line of the input is a Contact, and what is answered can be read."""
    lines = b"".join(b"Contact: " + line + b"\r\n" for line in data.split(b"\n")[:12])
    head = HEAD.replace(b"OPTIONS", b"REGISTER")
    try:
        found = parse(head + lines + b"\r\n")
        assert isinstance(found, Request)
        wanted = Registration.of(found)
        assert all(value.isprintable() for _, value in unsupported(found))
    except ParseError as error:
        presentable(error)
        return
    assert len(wanted.contacts) <= MAX_CONTACTS
    for contact in wanted.contacts:
        assert 0 <= contact.quality <= 1
        assert 0 <= contact.expires < 2**32
        assert contact.same(contact)
        answer = head + b"Contact: " + contact.value(60).encode() + b"\r\n\r\n"
        (again,) = Registration.of(_request(answer)).contacts
        assert (again.uri, again.instance, again.reg_id) == (contact.uri, contact.instance, contact.reg_id)
        assert again.expires == 60


def _request(data: bytes) -> Request:
    found = parse(data)
    assert isinstance(found, Request)
    return found


def credentials(data: bytes) -> None:
    """Credentials never raise, and only the right ones pass."""
    server = DigestServer("here", SECRET)
    uri = "sip:b@192.0.2.2"
    good = answer(Challenge.parse(server.challenges(1.0)[0]), "INVITE", uri, "u", "secret", cnonce="c")
    try:
        text = parse(HEAD + b"Authorization: Digest " + data + b"\r\n\r\n").headers.get("Authorization") or ""
    except ParseError:
        return
    for value in (text, f"{good}, {text[7:]}", f"{text}, {good[7:]}"):
        known = {"u": "secret"}
        found = server.verify([value], "INVITE", uri, 2.0, known.get)
        assert found.verdict is not Verdict.OK or found.username == "u"
        if value is text and 'response="' not in good[:0] + text:
            assert found.verdict is not Verdict.OK
    assert server.verify([good], "INVITE", uri, 2.0, {"u": "secret"}.get).verdict in (
        Verdict.OK,
        Verdict.STALE,
    )


def calls(data: bytes) -> None:
    """A user agent with sessions, two flows and time that passes."""
    FuzzedAgent().follow(Script(data))


TARGETS = (message, stream, websocket, values, credentials, calls, calls, calls, registrations)


def target(data: bytes) -> None:
    """The first octet says which of them, the others are for it."""
    if data:
        TARGETS[data[0] % len(TARGETS)](data[1:])


if __name__ == "__main__":
    driving.run(target)
