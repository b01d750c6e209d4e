"""What has brought other SIP servers down, tried here: a test for each class of their security advisories.

Where the other classes are tested:

* connections that say nothing, half a message or half a handshake, and too many of them: the tests of the
  transports, of TLS and of WebSockets, and those of a hostile caller against a whole server
* calls that are never answered and take every RTP port, floods, forged requests of dialogs: the same; calls
  without end from one source: those of caps in the room of phones, and of hostile signalling against a whole
  server, where callers also close their connections in every moment, and broken credentials are tried
* session descriptions that make no sense: the tests of hostile descriptions in the room of phones
* one request by two ways (482), loops (483), lengths on streams: the torture tests and those of answering
* challenges without end, and those nobody can answer: the tests of calling
"""

from __future__ import annotations

import contextlib

import pytest
from sip.agents import ANSWER, OFFER, THEM, US, Probe
from sip.ladder import Ladder, ringing
from sip.test_uac import dial, hear, up
from sip.test_uas import established, message

from hookflash.sip.digest import DigestServer, Verdict, answer, strongest
from hookflash.sip.errors import ParseError
from hookflash.sip.events import Acked, Answered, Cancelled, IncomingInvite, Progress
from hookflash.sip.fields import Headers
from hookflash.sip.flow import Flow, Send
from hookflash.sip.grammar import MAX_LINE, parse_params, split_list
from hookflash.sip.headers import MAX_CSEQ, NameAddr, Reason, Via
from hookflash.sip.message import Request, Response, parse
from hookflash.sip.reliable import MAX_PRACKS
from hookflash.sip.session import SessionTerms
from hookflash.sip.stream import FramingError, StreamFramer
from hookflash.sip.ua import Settings

TCP = Flow("TCP", US, ("192.0.2.1", 40_000), 7)
TLS = TCP._replace(transport="TLS", connection=8)


# --- credentials ------------------------------------------------------------------------------------------

CREDENTIALS = [
    "",
    "Digest",
    "Digest ",
    "Digest ,,,",
    "Digest username",
    "Digest username=",
    'Digest username="',
    'Digest username="u',
    'Digest username="u\\',
    'Digest =u, realm="here"',
    'Digest realm="here"',
    'Digest realm=here, username=u, nonce=n, uri="sip:b@h", response=0',
    'Digest realm="here", username="u", realm="here"',
    'Digest realm="here", username="u", uri="sip:b@h", response="é", nonce="é"',
    'Digest realm="here", username="u", uri="sip:b@h", response="0", nonce="===="',
    'Digest realm="here", username="u", uri="sip:b@h", nonce="n", algorithm="", response="0"',
    'Digest realm="here", username="u", uri="sip:b@h", nonce="n", algorithm=SHA-1024, response="0"',
    'Digest realm="here", username="u", uri="sip:b@h", nonce="n", algorithm=MD5-sess, response="0"',
    'Digest realm="here", username="u", uri="sip:b@h", nonce="n", qop=auth, nc=zzzzzzzz, cnonce="c"',
    'Digest realm="here", username="u", uri="sip:b@h", nonce="n", qop=auth, nc=-0000001, cnonce="c"',
    'Digest realm="here", username="u", uri="sip:b@h", nonce="n", qop=auth-int, nc=00000001, response="0"',
    'Digest realm="here", username="u", uri="::::", nonce="n", response="0"',
    'Digest realm="here", username="\\"\\\\\\"", uri="sip:b@h", nonce="n", response="0"',
    "Digest " + ", ".join(f"a{n}=b" for n in range(500)),
    'Digest realm="here", username="' + "u" * 8000 + '"',
    "Digest " + '"' * 4001,
    "Basic dTpw",
    "NTLM",
]


@pytest.mark.parametrize("value", CREDENTIALS)
def test_broken_credentials_are_wrong_or_none(value: str) -> None:
    server = DigestServer("here", bytes(16))
    found = server.verify([value, value], "INVITE", "sip:b@h", 1.0, {"u": "secret", "": ""}.get)
    assert found.verdict in (Verdict.MISSING, Verdict.WRONG)
    assert found.username == ""
    challenge = strongest(server.challenges(1.0))
    assert challenge is not None
    good = answer(challenge, "INVITE", "sip:b@h", "u", "secret", cnonce="c")
    # The first that are for us count: good ones behind nonsense are found, behind wrong ones they are not.
    after = server.verify([value, good], "INVITE", "sip:b@h", 1.0, {"u": "secret"}.get)
    assert (after.verdict is Verdict.OK) == (found.verdict is Verdict.MISSING)


# --- a connection that is gone ----------------------------------------------------------------------------

MOMENTS = ["before our 100 could leave", "ringing", "early media", "answered", "acknowledged", "offered anew"]


@pytest.mark.parametrize("flow", [TCP, TLS], ids=["TCP", "TLS"])
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("told", [True, False], ids=["its owner ends it", "nobody cares"])
def test_a_caller_that_closes_its_connection_leaves_nothing(flow: Flow, moment: str, told: bool) -> None:
    probe = Probe(Settings(terms=SessionTerms(90, 90)), flow)
    place = MOMENTS.index(moment)
    extra = ["Supported: 100rel", "Content-Type: application/sdp"]
    probe.tell(message("INVITE", *extra), OFFER)
    if place >= 1:
        probe.take(probe.agent.ring(0.0, 1))
    if place == 2:
        probe.take(probe.agent.ring(0.0, 1, 183, ANSWER))
    tag = ""
    if place >= 3:
        (ok, *_) = probe.take(probe.agent.answer(0.0, 1, ANSWER))
        tag = ok.to.tag or ""
    to = f"To: <sip:b@192.0.2.2>;tag={tag}"
    if place >= 4:
        probe.tell(message("ACK", branch="z9hG4bKack", to=to))
        assert isinstance(probe.events[-1], Acked)
    if place == 5:
        probe.tell(message("INVITE", extra[1], number=2, branch="z9hG4bKnew", to=to), OFFER)
    before = len(probe.sends)
    probe.take(probe.agent.broken(0.0, flow))
    if told:
        probe.take(probe.agent.end(0.0, 1))
    probe.until(700.0)
    assert probe.idle()
    # Nothing is said on a connection that is gone; only where its caller may be found, or nowhere.
    assert {send.flow.connection for _, send in probe.sends[before:]} <= {0}


@pytest.mark.parametrize("stage", ["trying", "ringing", "up", "leaving"])
def test_a_callee_that_closes_its_connection_leaves_nothing(stage: str) -> None:
    probe = Probe(flow=TCP)
    invite = dial(probe, flow=TCP, ring_timeout=60.0, terms=SessionTerms(90, 90))
    if stage != "trying":
        hear(probe, invite, 180)
    if stage in ("up", "leaving"):
        hear(probe, invite, 200, body=ANSWER)
    if stage == "leaving":
        probe.take(probe.agent.end(0.0, 1))
    probe.take(probe.agent.broken(0.0, TCP))
    probe.until(400.0)
    assert probe.idle()


# --- control characters -----------------------------------------------------------------------------------


@pytest.mark.parametrize("octet", [*range(9), *range(11, 13), *range(14, 32), 127])
@pytest.mark.parametrize("place", ["name", "value", "quoted name", "before the colon", "method", "uri"])
def test_control_characters_end_a_message_wherever_they_stand(octet: int, place: str) -> None:
    """Also one before the colon: "Contact\\x01:" is no Contact for anybody, as it was for some proxies."""
    control = chr(octet)
    text = message("OPTIONS", f"Subject: a{control if place == 'value' else ''}b")
    if place == "quoted name":
        text = text.replace("From: ", f'From: "A{control}" ')
    elif place == "name":
        text = text.replace("From: ", f"From: A{control} ")
    elif place == "before the colon":
        text = text.replace("Subject:", f"Subject{control}:")
    elif place == "method":
        text = text.replace("OPTIONS sip", f"OPTIONS{control} sip")
    elif place == "uri":
        text = text.replace("sip:b@", f"sip:b{control}@")
    data = text.replace("\n", "\r\n").encode() + b"\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(ParseError) as caught:
        parse(data)
    assert control not in str(caught.value)


@pytest.mark.parametrize("character", ["\x80", "\x85", "\x9b", "\u2028", "\u2029"])
def test_controls_beyond_ascii_do_not_come_out_of_a_display_name(character: str) -> None:
    data = message("OPTIONS").replace("From: ", f'From: "A{character}B" ').replace("\n", "\r\n")
    found = parse(data.encode() + b"\r\nContent-Length: 0\r\n\r\n")
    assert found.from_.display_name == "A\ufffdB"


def test_what_is_escaped_in_a_uri_stays_escaped_on_the_wire() -> None:
    """Escapes hide line ends from the reader of lines; they must not come to light in what we write."""
    probe = Probe()
    probe.tell(message("INVITE", sender="From: <sip:a%0d%0aX-Evil%3a%201@192.0.2.1;x=%0d%0a>;tag=far"))
    (ok,) = probe.take(probe.agent.answer(0.0, 1, ANSWER))
    assert "X-Evil" not in ok.headers
    assert ok.from_.uri.user == "a\r\nX-Evil: 1"
    probe.take(probe.agent.end(0.0, 1))
    probe.until(40.0)
    assert all(b"\nX-Evil" not in send.data for _, send in probe.sends)
    with pytest.raises(ValueError, match="control characters"):
        Headers([("X-Name", ok.from_.uri.user or "")])


# --- sizes and nesting ------------------------------------------------------------------------------------

DEEP = {
    "comments": "(" * 4000 + ")" * 4000,
    "quotes": '"' * 8001,
    "escapes": '"' + "\\" * 8000,
    "brackets": "<" * 8000,
    "brackets in quotes": '"<' * 4000,
    "commas": "," * 8000,
    "semicolons": ";" * 8000,
    "parameters": ";a" * 4000,
    "equals": ";a=" * 2700,
    "spaces": " \t" * 4000 + "x",
    "colons": ":" * 8000,
    "percents": "sip:" + "%" * 8000 + "@h",
    "addresses": "<sip:a@b>, " * 700,
    "ats": "sip:" + "a@" * 4000 + "h",
    "hosts": "SIP/2.0/UDP " + "a." * 4000,
    "bracketed hosts": "sip:a@[" + ":" * 8000 + "]",
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_nesting_and_repetition_are_read_in_linear_time_or_refused(text: str) -> None:
    """With anything but linear time this would not end."""
    for read in (NameAddr.parse, Via.parse, Reason.parse, parse_params, split_list):
        with contextlib.suppress(ParseError):
            read(text)
    probe = Probe()
    for name in (
        "User-Agent",
        "Contact",
        "Accept",
        "Retry-After",
        "Supported",
        "Record-Route",
        "Session-Expires",
    ):
        probe.tell(message("INVITE", f"{name}: {text}", branch=f"z9hG4bK{name}", call_id=name))
    probe.until(400.0)
    assert probe.idle()


@pytest.mark.parametrize(
    "name", ["Accept", "Contact", "Via", "Route", "Record-Route", "Supported", "Allow", "X"]
)
@pytest.mark.parametrize("count", [33, 150, 400])
def test_very_many_headers_are_too_many_or_none_of_our_concern(name: str, count: int) -> None:
    values = {"Via": "SIP/2.0/UDP h;branch=z9hG4bKx", "Accept": "application/sdp"}
    value = values.get(name, "<sip:a@b;lr>")
    probe = Probe()
    (answer, *_) = probe.tell(message("INVITE", *[f"{name}: {value}"] * count))
    assert isinstance(answer, Response)
    assert answer.status in ((513,) if count > 200 else (100, 400))
    probe.until(400.0)
    assert probe.idle()


def test_a_line_too_long_is_refused() -> None:
    (answer,) = Probe().tell(message("OPTIONS", "X: " + "y" * MAX_LINE))
    assert isinstance(answer, Response)
    assert answer.status == 400


# --- lengths that lie -------------------------------------------------------------------------------------

LIES = ["-1", "+3", "3.0", "0x3", "3 3", "3,3", "three", "", "\u0663", "99999999999999999999", "65536", "1e1"]


@pytest.mark.parametrize("lie", LIES)
def test_a_length_that_is_none(lie: str) -> None:
    head = message("OPTIONS").replace("\n", "\r\n").encode() + f"\r\nContent-Length: {lie}\r\n\r\n".encode()
    with pytest.raises(ParseError) as caught:
        parse(head + b"abc")
    assert caught.value.header == "Content-Length"
    with pytest.raises(FramingError) as broken:
        StreamFramer().feed(head + b"abc")
    assert broken.value.request is not None


@pytest.mark.parametrize("order", [("3", "0"), ("0", "3"), ("3", "3")])
def test_two_lengths_are_no_length(order: tuple[str, str]) -> None:
    """Of two that agree a stream may believe one; the message they stand in is refused anyway."""
    lines = [f"Content-Length: {order[0]}", f"l: {order[1]}"]
    data = message("OPTIONS", *lines).replace("\n", "\r\n").encode() + b"\r\n\r\nabc"
    with pytest.raises(ParseError):
        parse(data)
    framer = StreamFramer()
    if order[0] != order[1]:
        with pytest.raises(FramingError):
            framer.feed(data)
    else:
        assert framer.feed(data) == [data]


def test_a_length_too_short_hides_no_second_request_in_a_datagram() -> None:
    hidden = message("BYE", branch="z9hG4bKhidden").replace("\n", "\r\n").encode() + b"\r\n\r\n"
    head = message("OPTIONS").replace("\n", "\r\n").encode() + b"\r\nContent-Length: 0\r\n\r\n"
    probe = Probe()
    (answer,) = probe.take(probe.agent.receive(0.0, head + hidden, probe.flow))
    assert answer.cseq.method == "OPTIONS"


# --- numbers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "number", ["-1", "2147483648", "4294967296", "9223372036854775808", "1.5", "0x10", ""]
)
def test_a_sequence_number_out_of_range_is_400(number: str) -> None:
    text = message("INVITE").replace("CSeq: 1 INVITE", f"CSeq: {number} INVITE")
    outputs = Probe().agent.receive(
        0.0, text.replace("\n", "\r\n").encode() + b"\r\n\r\n", Flow("UDP", US, THEM)
    )
    (refusal,) = outputs
    assert isinstance(refusal, Send)
    assert refusal.data.startswith(b"SIP/2.0 400 ")


def test_the_largest_sequence_number_is_one_and_none_comes_after_it() -> None:
    probe = Probe()
    tag = established(probe)
    to = f"To: <sip:b@192.0.2.2>;tag={tag}"
    (ok,) = probe.tell(message("OPTIONS", number=MAX_CSEQ, branch="z9hG4bKmax", to=to))
    (late,) = probe.tell(message("BYE", number=2, branch="z9hG4bKbye", to=to))
    assert isinstance(ok, Response)
    assert isinstance(late, Response)
    assert (ok.status, late.status) == (200, 500)
    # Its own fault: the call ends when we hang up.
    probe.take(probe.agent.end(0.0, 1))
    probe.until(100.0)
    assert probe.idle()


@pytest.mark.parametrize(
    ("header", "value"),
    [("CSeq", f"{MAX_CSEQ} INVITE"), ("Call-ID", "other"), ("From", "<sip:us@192.0.2.2>;tag=other")],
)
def test_an_answer_does_not_choose_what_our_dialog_is(header: str, value: str) -> None:
    """It would be found where another call's dialog is, or count from where there is nothing left."""
    probe = Probe()
    invite = dial(probe)
    text = "\r\n".join(
        [
            "SIP/2.0 200 OK",
            *(
                f"{name}: {value if name == header else own}"
                for name, own in invite.headers
                if name in ("Via", "From", "Call-ID", "CSeq")
            ),
            "To: <sip:b@192.0.2.1>;tag=far",
            "Contact: <sip:b@192.0.2.1>",
            "Content-Length: 0\r\n\r\n",
        ]
    )
    assert probe.agent.receive(0.0, text.encode(), probe.flow) == []
    assert probe.events == []
    hear(probe, invite, 200, body=ANSWER)
    assert isinstance(probe.events[-1], Answered)


# --- tags and branches used again -------------------------------------------------------------------------


def test_a_branch_used_again_for_another_method_is_another_request() -> None:
    probe = Probe()
    probe.tell(message("INVITE"))
    (ok,) = probe.tell(message("OPTIONS", number=1))
    assert isinstance(ok, Response)
    assert (ok.status, ok.cseq.method) == (200, "OPTIONS")
    assert len(probe.events) == 1


def test_a_branch_of_another_sender_is_another_request() -> None:
    probe = Probe()
    probe.tell(message("INVITE"))
    probe.tell(message("CANCEL", via="192.0.2.77:5060"))
    assert probe.statuses()[-1] == 481
    assert probe.agent.sessions == 1
    probe.tell(message("CANCEL"))
    assert isinstance(probe.events[-1], Cancelled)


def test_a_new_call_may_use_the_branch_of_one_that_is_long_over() -> None:
    probe = Probe()
    for call_id in ("one", "two"):
        probe.tell(message("INVITE", call_id=call_id))
        probe.take(probe.agent.refuse(probe.now, len(probe.events), 486))
        probe.until(probe.now + 100.0)
    assert [type(event) for event in probe.events] == [IncomingInvite, IncomingInvite]


def test_our_tags_are_not_theirs_to_choose() -> None:
    """An INVITE that begins with a To tag is in no dialog of ours, not even if it is that of another call."""
    probe = Probe()
    tag = established(probe)
    for call_id, sender in (("one", "other"), ("other", "far")):
        (refusal,) = probe.tell(
            message(
                "INVITE",
                call_id=call_id,
                branch=f"z9hG4bK{call_id}{sender}",
                to=f"To: <sip:b@192.0.2.2>;tag={tag}",
                sender=f"From: <sip:a@192.0.2.1>;tag={sender}",
            )
        )
        assert isinstance(refusal, Response)
        assert refusal.status == 481
    assert probe.agent.sessions == 1


def test_acks_that_belong_to_nothing_are_dropped() -> None:
    """Also with a description, also with the tags of a call that waits for none, also in plenty."""
    probe = Probe()
    tag = established(probe)
    events = len(probe.events)
    for number in range(50):
        to = f"To: <sip:b@192.0.2.2>;tag={tag if number % 2 else 'none'}"
        extra = ["Content-Type: application/sdp"]
        assert (
            probe.tell(message("ACK", *extra, number=number, branch=f"z9hG4bK{number}", to=to), OFFER) == []
        )
    assert len(probe.events) == events


def test_a_reoffer_that_is_never_acknowledged_takes_the_call_with_it() -> None:
    """Otherwise its resources would be held by whoever says nothing (re-INVITE without ACK)."""
    probe = Probe()
    to = f"To: <sip:b@192.0.2.2>;tag={established(probe)}"
    probe.tell(message("INVITE", "Content-Type: application/sdp", number=2, branch="z9hG4bK2", to=to), OFFER)
    probe.take(probe.agent.answer(0.0, 1, ANSWER))
    probe.until(100.0)
    assert probe.idle()


# --- answers in plenty ------------------------------------------------------------------------------------


def test_reliable_responses_without_end_do_not_make_us_send_without_end() -> None:
    """Each wants a PRACK, which goes wherever its Contact says, eleven times when nobody answers it."""
    probe = Probe()
    invite = dial(probe)
    for number in range(1, 200):
        hear(probe, invite, 183, Require="100rel", RSeq=str(number))
    assert len(probe.requests("PRACK")) == MAX_PRACKS
    assert probe.agent.transactions == 1 + MAX_PRACKS
    for prack in probe.requests("PRACK"):
        hear(probe, prack, 200)
    hear(probe, invite, 183, Require="100rel", RSeq=str(MAX_PRACKS + 1), body=ANSWER)
    assert isinstance(probe.events[-1], Progress)


def test_provisionals_and_answers_in_any_order_leave_one_call() -> None:
    probe = Probe()
    invite = up(probe)
    for status in (100, 180, 183, 200, 486, 200, 302, 199, 603, 200):
        hear(probe, invite, status, body=ANSWER)
    assert probe.agent.sessions == probe.agent.dialogs == 1
    assert sum(isinstance(event, Answered) for event in probe.events) == 1


def test_a_peer_that_only_ever_says_trying_is_left() -> None:
    ladder = Ladder()
    ringing(ladder)
    ladder.call(ring_timeout=30.0)
    ladder.callee.react = lambda event: None
    ladder.wait(200.0)
    assert ladder.caller.agent.sessions == 0
    assert isinstance(ladder.last("> CANCEL"), Request)
