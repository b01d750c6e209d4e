"""What a user agent answers to the torture tests of RFC 4475, over UDP and over a stream."""

from __future__ import annotations

import pytest
from sip.agents import ANSWER, THEM, US, Probe
from sip.test_uac import dial
from sip.torture_messages import ALL, SDP, TRANSACTIONS, crlf

from hookflash.sip.errors import ParseError
from hookflash.sip.events import IncomingInvite
from hookflash.sip.flow import Flow, Send
from hookflash.sip.message import parse
from hookflash.sip.stream import FramingError, StreamFramer

CALLS = ["esc01", "longreq", "escruri", "baddate", "inv2543"]
"""Those that open a session; what is odd about them is none of a callee's business."""

ANSWERS = {
    "wsinv": 481,  # Its To has a tag, and we have no such dialog.
    "intmeth": 501,
    "esc02": 501,
    "lwsdisp": 200,
    "semiuri": 200,
    "transports": 200,
    "mpart01": 405,
    "badinv01": 400,
    "clerr": 400,
    "ncl": 400,
    "scalar02": 400,
    "quotbal": 400,
    "ltgtruri": 400,
    "lwsruri": 400,
    "lwsstart": 400,
    "trws": 400,
    "badaspec": 200,
    "baddn": 400,
    "badvers": 505,
    "mismatch01": 400,
    "mismatch02": 400,
    "badbranch": 200,
    "insuf": 400,
    "unkscm": 416,
    "novelsc": 416,
    "bext01": 420,
    "invut": 415,
    "multi01": 400,
    "mcl01": 400,
    "zeromf": 200,
    "sdp01": 406,
}
SILENT = ["unreason", "noreason", "scalarlg", "bigcode", "bcast"]
"""Responses to nothing we have sent."""
REGISTRATIONS = ["escnull", "dblreq", "regbadct", "unksm2", "regaut01", "cparam01", "cparam02", "regescrt"]
"""What becomes of these a registrar decides."""


def statuses(probe: Probe, data: bytes) -> list[int]:
    """What goes out, also where it repeats headers that cannot be read."""
    outputs = probe.agent.receive(probe.now, data, probe.flow)
    probe.events += [output for output in outputs if not isinstance(output, Send)]
    return [int(output.data[8:11]) for output in outputs if isinstance(output, Send)]


def test_every_message_has_its_answer_here() -> None:
    assert sorted([*CALLS, *ANSWERS, *SILENT, *REGISTRATIONS]) == sorted(ALL)


@pytest.mark.parametrize("name", CALLS)
def test_odd_invites_are_calls_like_others(name: str) -> None:
    probe = Probe()
    assert statuses(probe, ALL[name]) == [100]
    (event,) = probe.events
    assert isinstance(event, IncomingInvite)
    answer, *_ = probe.agent.answer(0.0, event.session, ANSWER)
    assert isinstance(answer, Send)
    assert answer.data.startswith(b"SIP/2.0 200 OK\r\n")
    assert parse(answer.data).headers.all("Via")[1:] == event.request.headers.all("Via")[1:]
    # An INVITE again is the same INVITE, also by the rules of RFC 2543.
    assert statuses(probe, ALL[name]) == []
    assert len(probe.events) == 1
    probe.until(200.0)
    assert probe.idle()


@pytest.mark.parametrize("name", ANSWERS)
def test_everything_else_gets_its_status(name: str) -> None:
    probe = Probe()
    assert statuses(probe, ALL[name]) == [ANSWERS[name]]
    assert probe.events == []
    probe.until(100.0)
    assert probe.idle()


@pytest.mark.parametrize("name", SILENT)
def test_stray_and_broken_responses_are_passed_over(name: str) -> None:
    probe = Probe()
    assert statuses(probe, ALL[name]) == []
    assert probe.idle()


@pytest.mark.parametrize("name", REGISTRATIONS)
def test_registrations_are_answered_once(name: str) -> None:
    probe = Probe()
    assert len(statuses(probe, ALL[name])) == 1
    probe.until(100.0)
    assert probe.idle()


def test_unknown_requirements_are_named_and_those_of_proxies_are_not_ours() -> None:
    probe = Probe()
    (refusal,) = probe.take(probe.agent.receive(0.0, ALL["bext01"], probe.flow))
    assert refusal.headers.get("Unsupported") == "nothingSupportsThis, nothingSupportsThisEither"


def test_an_unknown_body_is_told_what_is_known() -> None:
    probe = Probe()
    (refusal,) = probe.take(probe.agent.receive(0.0, ALL["invut"], probe.flow))
    assert refusal.headers.get("Accept") == "application/sdp"


def test_answers_repeat_every_via_with_the_source_in_the_first_alone() -> None:
    probe = Probe()
    (answer,) = probe.take(probe.agent.receive(0.0, ALL["transports"], probe.flow))
    first, *others = answer.headers.all("Via")
    assert first == "SIP/2.0/UDP t1.example.com;branch=z9hG4bKkdjuw;received=192.0.2.1"
    assert others == parse(ALL["transports"]).headers.all("Via")[1:]


def test_a_via_that_cannot_be_read_is_answered_at_its_source() -> None:
    probe = Probe()
    (answer,) = probe.agent.receive(0.0, ALL["badinv01"], probe.flow)
    assert isinstance(answer, Send)
    assert answer.flow.remote == THEM
    assert b"\r\nVia: SIP/2.0/UDP 192.0.2.15;;,;,,\r\n" in answer.data


def test_a_bare_cookie_identifies_nothing() -> None:
    """Two requests of one sender, both with a branch that is only the cookie, are two requests."""
    probe = Probe()
    one = TRANSACTIONS["badbranch"]
    two = one.replace(b"Call-ID: badbranch", b"Call-ID: another")
    (first,) = probe.take(probe.agent.receive(0.0, one, probe.flow))
    (second,) = probe.take(probe.agent.receive(0.0, two, probe.flow))
    assert (first.call_id, second.call_id) == (
        "badbranch.23o0pd9vanlq3wnrlnewofjas9ui32",
        "another.23o0pd9vanlq3wnrlnewofjas9ui32",
    )
    (again,) = probe.take(probe.agent.receive(0.0, one, probe.flow))
    assert again.to_bytes() == first.to_bytes()


def test_a_response_that_also_names_somebody_behind_us_is_not_taken() -> None:
    probe = Probe()
    asked = dial(probe)
    lines = [
        f"{name}: {value}" for name, value in asked.headers if name in ("Via", "From", "Call-ID", "CSeq")
    ]
    text = "\n".join(["SIP/2.0 200 OK", *lines, "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bKx"])
    data = crlf(f"{text}\nTo: <sip:b@192.0.2.1>;tag=1\nContact: <sip:b@192.0.2.1>")
    assert probe.agent.receive(0.0, data, probe.flow) == []
    assert probe.events == []


def test_spent_hops_are_nothing_to_an_endpoint_but_close_the_loops_of_calls() -> None:
    probe = Probe()
    invite = ALL["esc01"].replace(b"Max-Forwards: 87", b"Max-Forwards: 0")
    assert statuses(probe, invite) == [483]
    assert statuses(probe, ALL["esc01"].replace(b"z9hG4bKkdjuw", b"z9hG4bKnext")) == [100]
    event = probe.events[-1]
    assert isinstance(event, IncomingInvite)
    (ok,) = probe.take(probe.agent.answer(0.0, event.session, ANSWER))
    bye = f"""
BYE sip:x@192.0.2.2 SIP/2.0
Via: SIP/2.0/UDP host5.example.net;branch=z9hG4bKbye
Max-Forwards: 0
From: {ok.headers.get("From")}
To: {ok.headers.get("To")}
Call-ID: {ok.call_id}
CSeq: 234235 BYE"""
    assert statuses(probe, crlf(bye)) == [200]


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/sdp;level=1, text/plain", 100),
        ("text/plain, Application/*", 100),
        ("*/*;q=0.1", 100),
        ("", 100),
        ("application/isup, multipart/mixed", 406),
    ],
)
def test_who_takes_no_session_description_cannot_be_answered(accept: str, status: int) -> None:
    data = ALL["sdp01"].replace(b"text/nobodyKnowsThis", accept.encode())
    assert statuses(Probe(), data) == [status]


# --- over a stream ----------------------------------------------------------------------------------------


def test_over_a_stream_a_second_message_is_one() -> None:
    framer = StreamFramer()
    first, second = framer.feed(ALL["dblreq"])
    assert [parse(first).cseq.method, parse(second).cseq.method] == ["REGISTER", "INVITE"]
    assert parse(second).body == SDP


def test_over_a_stream_a_length_that_is_too_large_waits_for_the_rest() -> None:
    framer = StreamFramer()
    assert framer.feed(ALL["clerr"]) == []
    (message,) = framer.feed(bytes(9999 - len(SDP)))
    assert len(parse(message).body) == 9999


@pytest.mark.parametrize("name", ["ncl", "mcl01"])
def test_over_a_stream_a_length_that_is_none_ends_it_with_an_answer(name: str) -> None:
    framer = StreamFramer()
    with pytest.raises(FramingError) as caught:
        framer.feed(ALL[name])
    assert caught.value.complete == []
    probe = Probe(flow=Flow("TCP", US, THEM, 7))
    (answer,) = probe.agent.malformed(0.0, caught.value, probe.flow)
    assert isinstance(answer, Send)
    assert answer.data.startswith(b"SIP/2.0 400 Bad Request\r\n")
    assert answer.flow == probe.flow


@pytest.mark.parametrize("name", ALL)
def test_no_message_survives_being_cut_off_anywhere(name: str) -> None:
    """Nothing but a refusal comes of the beginning of a message."""
    data, probe = ALL[name], Probe()
    head = data.index(b"\r\n\r\n")
    for end in range(0, head, 37):
        with pytest.raises(ParseError):
            parse(data[:end])
        assert probe.agent.receive(0.0, data[:end], probe.flow) == []
    assert probe.idle()


def test_nothing_but_responses_comes_of_them_all_together() -> None:
    probe = Probe()
    for data in ALL.values():
        for output in probe.agent.receive(0.0, data, probe.flow):
            assert not isinstance(output, Send) or output.data.startswith(b"SIP/2.0 ")
    probe.until(400.0)
    assert probe.idle()
