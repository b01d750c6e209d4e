"""Requests outside of calls: sent, repeated, proved by digest, given up; one outcome each."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.sip.digest import DigestServer, Verdict
from hookflash.sip.events import Replied
from hookflash.sip.flow import Flow
from hookflash.sip.inquiries import Inquiry, Series
from hookflash.sip.message import Request
from tests.sip.agents import THEM, US, Probe

REGISTRAR = "sip:registrar.example"
ACCOUNT = "<sip:alice@registrar.example>"


def register(flow: Flow | None = None, **more: object) -> Inquiry:
    fields: dict[str, object] = {"headers": (("Contact", "<sip:us@192.0.2.2>"), ("Expires", "300"))}
    return Inquiry("REGISTER", REGISTRAR, ACCOUNT, ACCOUNT, flow or Flow("UDP", US, THEM), **(fields | more))  # type: ignore[arg-type]


def ask(probe: Probe, inquiry: Inquiry) -> Request:
    probe.take(probe.agent.ask(probe.now, inquiry)[1])
    return probe.requests(inquiry.method)[-1]


def reply(probe: Probe, request: Request, status: str, *headers: str, via: str = "") -> None:
    said = "\n".join(headers)
    probe.tell(
        f"""SIP/2.0 {status}
        Via: {request.headers.get("Via")}{via}
        From: {request.headers.get("From")}
        To: {request.headers.get("To")};tag=them
        Call-ID: {request.call_id}
        CSeq: {request.cseq}"""
        + (f"\n{said}" if said else "")
    )


def outcomes(probe: Probe) -> list[Replied]:
    found = [event for event in probe.events if isinstance(event, Replied)]
    assert len(found) == len(probe.events)
    return found


def test_a_request_is_written_sent_and_answered() -> None:
    probe = Probe()
    request = ask(probe, register())
    assert (request.method, request.uri) == ("REGISTER", REGISTRAR)
    assert request.from_.uri == request.to.uri
    assert request.from_.tag
    assert request.to.tag is None
    assert request.headers.get("Contact") == "<sip:us@192.0.2.2>"
    assert "rport" in (request.headers.get("Via") or "")
    reply(probe, request, "100 Trying")
    assert probe.events == []
    reply(probe, request, "200 OK", "Expires: 60")
    (outcome,) = outcomes(probe)
    assert (outcome.status, outcome.kind, outcome.headers.get("Expires")) == (200, "response", "60")
    reply(probe, request, "200 OK")
    probe.until(40.0)
    assert len(probe.events) == 1
    assert probe.idle()


def test_where_the_other_side_saw_us() -> None:
    probe = Probe()
    request = ask(probe, register())
    via = (request.headers.get("Via") or "").replace(";rport", ";rport=61000;received=203.0.113.9")
    request.headers.replace_first("Via", via)
    reply(probe, request, "200 OK")
    assert outcomes(probe)[0].seen == ("203.0.113.9", 61000)


def test_an_address_is_written_as_we_write_them() -> None:
    probe = Probe()
    request = ask(probe, register())
    via = (request.headers.get("Via") or "").replace(";rport", ";rport=61000;received=[2001:DB8:0:0::9]")
    request.headers.replace_first("Via", via)
    reply(probe, request, "200 OK")
    assert outcomes(probe)[0].seen == ("2001:db8::9", 61000)


@pytest.mark.parametrize("received", ["nat.example.org", "203.0.113.999", "x^y|z", "fe80::1%eth0"])
def test_what_is_no_address_is_not_where_it_saw_us(received: str) -> None:
    """It would become our Contact."""
    probe = Probe()
    request = ask(probe, register())
    via = (request.headers.get("Via") or "").replace(";rport", f";rport=61000;received={received}")
    request.headers.replace_first("Via", via)
    reply(probe, request, "200 OK")
    assert outcomes(probe)[0].seen is None


def test_without_an_answer_it_is_repeated_until_timer_f() -> None:
    probe = Probe()
    ask(probe, register())
    probe.until(31.9)
    assert len(probe.requests("REGISTER")) == 11  # 0, 0.5, 1.5, 3.5, 7.5, then each 4 s (section 17.1.2.2)
    assert probe.events == []
    probe.until(32.0)
    (outcome,) = outcomes(probe)
    assert (outcome.status, outcome.kind) == (408, "timeout")
    assert probe.idle()


def test_the_patience_of_who_asks_may_end_before() -> None:
    probe = Probe()
    request = ask(probe, register(patience=5.0))
    probe.until(5.0)
    assert [one.kind for one in outcomes(probe)] == ["timeout"]
    reply(probe, request, "200 OK")
    probe.until(60.0)
    assert len(probe.events) == 1
    assert probe.idle()


def test_a_broken_connection_is_told() -> None:
    flow = Flow("TCP", US, THEM, 7)
    probe = Probe(flow=flow)
    ask(probe, register(flow))
    probe.take(probe.agent.broken(probe.now, flow))
    assert [(one.status, one.kind) for one in outcomes(probe)] == [(503, "transport")]
    probe.until(60.0)
    assert probe.idle()


def test_who_is_not_wanted_any_more_tells_nothing() -> None:
    probe = Probe()
    number, outputs = probe.agent.ask(0.0, register(patience=10.0))
    probe.take(outputs)
    probe.agent.forget(number)
    probe.agent.forget(number)
    reply(probe, probe.requests("REGISTER")[0], "200 OK")
    probe.until(60.0)
    assert probe.events == []
    assert probe.idle()


@pytest.mark.parametrize("method", ["INVITE", "ACK", "CANCEL", "BYE"])
def test_what_belongs_to_a_call_is_not_sent(method: str) -> None:
    probe = Probe()
    with pytest.raises(ValueError, match="belongs to a call"):
        probe.agent.ask(0.0, Inquiry(method, REGISTRAR, ACCOUNT, ACCOUNT, probe.flow))
    with pytest.raises(ValueError, match=r"[Cc]ontrol|line|character"):
        probe.agent.ask(0.0, register(headers=(("X-A", "a\r\nEvil: b"),)))
    assert probe.idle()


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
@pytest.mark.parametrize("status", [401, 407])
def test_a_challenge_is_answered_and_what_was_learnt_is_used_again(status: int, algorithm: str) -> None:
    probe, series = Probe(), Series("alice", "open sesame")
    theirs, ours = (
        ("WWW-Authenticate", "Authorization")
        if status == 401
        else ("Proxy-Authenticate", "Proxy-Authorization")
    )
    server = DigestServer("far", b"0" * 16, algorithms=(algorithm,))

    def verdict(request: Request) -> Verdict:
        values = request.headers.all(ours)
        return server.verify(values, "REGISTER", REGISTRAR, probe.now, {"alice": "open sesame"}.get).verdict

    def challenge(request: Request, *, stale: bool = False) -> Request:
        reply(
            probe, request, f"{status} Prove it", f"{theirs}: {server.challenges(probe.now, stale=stale)[0]}"
        )
        return probe.requests("REGISTER")[-1]

    first = ask(probe, register(series=series))
    assert verdict(first) is Verdict.MISSING
    second = challenge(first)
    assert verdict(second) is Verdict.OK
    assert second.call_id == first.call_id
    assert second.from_.tag == first.from_.tag
    assert second.cseq.number == first.cseq.number + 1
    assert second.via.branch != first.via.branch
    reply(probe, second, "200 OK")
    # The next one of the series brings its credentials along, and a nonce that has aged is no refusal.
    probe.until(100.0)
    third = ask(probe, register(series=series))
    assert third.cseq.number == second.cseq.number + 1
    assert verdict(third) is Verdict.STALE
    fourth = challenge(third, stale=True)
    assert verdict(fourth) is Verdict.OK
    reply(probe, fourth, "200 OK")
    assert [one.status for one in outcomes(probe)] == [200, 200]


def test_wrong_credentials_are_not_tried_for_ever() -> None:
    probe = Probe()
    challenge = 'WWW-Authenticate: Digest realm="far", nonce="{}", algorithm=MD5, qop="auth"'
    request = ask(probe, register(series=Series("alice", "wrong")))
    reply(probe, request, "401 No", challenge.format("one"))
    reply(probe, probe.requests("REGISTER")[-1], "401 No", challenge.format("two"))
    assert len(probe.requests("REGISTER")) == 2
    assert [one.status for one in outcomes(probe)] == [401]
    # A server that calls every nonce stale is not followed for ever either.
    request = ask(probe, register(series=Series("alice", "right")))
    for count in range(9):
        stale = f"{challenge.format(count)}, stale=true"
        reply(probe, probe.requests("REGISTER")[-1], "401 No", stale)
    assert len(probe.requests("REGISTER")) == 2 + 4
    assert [one.status for one in outcomes(probe)] == [401, 401]


def test_without_credentials_a_challenge_is_a_refusal() -> None:
    probe = Probe()
    request = ask(probe, Inquiry("OPTIONS", REGISTRAR, ACCOUNT, ACCOUNT, probe.flow))
    reply(probe, request, "401 No", 'WWW-Authenticate: Digest realm="far", nonce="one"')
    assert [one.status for one in outcomes(probe)] == [401]


def test_the_response_is_that_of_rfc_2617() -> None:
    probe = Probe()
    request = ask(probe, register(series=Series("alice", "pw")))
    reply(probe, request, "401 No", 'WWW-Authenticate: Digest realm="r", nonce="n"')
    value = probe.requests("REGISTER")[-1].headers.get("Authorization") or ""

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    expected = md5(f"{md5('alice:r:pw')}:n:{md5(f'REGISTER:{REGISTRAR}')}")
    assert re.search(r'response="(\w+)"', value)[1] == expected  # type: ignore[index]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("wait"), st.floats(0.0, 20.0)),
            st.tuples(st.just("reply"), st.sampled_from([100, 180, 200, 301, 401, 407, 423, 503, 603])),
            st.tuples(st.just("challenge"), st.sampled_from([401, 407])),
            st.tuples(st.just("break"), st.none()),
        ),
        max_size=12,
    ),
    st.sampled_from(["UDP", "TCP"]),
    st.sampled_from([None, 3.0]),
)
def test_whatever_comes_there_is_one_outcome_and_nothing_is_left(
    steps: list[tuple[str, float | int | None]], transport: str, patience: float | None
) -> None:
    flow = Flow(transport, US, THEM, 7 if transport == "TCP" else 0)
    probe = Probe(flow=flow)
    ask(probe, register(flow, series=Series("alice", "pw"), patience=patience))
    for count, (what, value) in enumerate(steps):
        request = probe.requests("REGISTER")[-1]
        if what == "wait":
            probe.until(probe.now + float(value or 0))
        elif what == "reply":
            reply(probe, request, f"{value} Said")
        elif what == "challenge":
            name = "WWW" if value == 401 else "Proxy"
            reply(probe, request, f"{value} No", f'{name}-Authenticate: Digest realm="r", nonce="{count}"')
        else:
            probe.take(probe.agent.broken(probe.now, flow))
        assert len(outcomes(probe)) <= 1
    probe.until(probe.now + 200.0)
    assert len(outcomes(probe)) == 1
    assert len(probe.requests("REGISTER")) < 80
    assert probe.idle()
