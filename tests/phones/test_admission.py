"""Who may ask for what: strangers in silence, trunks by their password, and what offences lead to."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from phones.exchange import THEM, US, Bench, Far, answered, sdp

from hookflash.calls.effects import AnswerLeg
from hookflash.calls.facts import IncomingLeg, LegDown
from hookflash.phones.config import PhonesConfig, TrunkConfig
from hookflash.phones.guard import GuardRules, Offence
from hookflash.sip.digest import Challenge
from hookflash.sip.errors import ParseError
from hookflash.sip.events import Failed
from hookflash.sip.flow import Flow
from hookflash.sip.message import Response
from hookflash.sip.session import SessionTerms
from hookflash.sip.ua import Outgoing
from hookflash.sip.ua import Settings as AgentSettings

STRANGER = ("203.0.113.9", 5060)
USER, PASSWORD = "carrier-user", "correct horse"
SECURED = TrunkConfig("secured", (THEM,), username=USER, password=PASSWORD, challenge=True)
OTHER = TrunkConfig("other", (("192.0.2.50", 5060),), username="other", password="other", challenge=True)


def request(method: str = "OPTIONS", *lines: str, branch: str = "1", tag: str = "") -> bytes:
    head = [
        f"{method} sip:+14255550100@192.0.2.2 SIP/2.0",
        f"Via: SIP/2.0/UDP 203.0.113.9:5060;branch=z9hG4bK{branch}",
        "Max-Forwards: 70",
        "From: <sip:a@b>;tag=1",
        f"To: <sip:c@d>{tag and ';tag=' + tag}",
        f"Call-ID: x{branch}",
        f"CSeq: 1 {method}",
        "Contact: <sip:a@203.0.113.9>",
        *lines,
    ]
    return "\r\n".join([*head, "Content-Length: 0", "", ""]).encode()


def told(bench: Bench, data: bytes, host: str = STRANGER[0]) -> list[int]:
    """The statuses a message from a source is answered with."""
    before = len(bench.seen)
    bench.phones.ingress.receive(data, Flow("UDP", US, (host, 5060)))
    return [message.status for message in bench.seen[before:] if isinstance(message, Response)]


def dial_in(far: Far, username: str = "", password: str = "", expires: int = 0) -> None:
    flow = Flow("UDP", far.address, US)
    outgoing = Outgoing(
        "sip:+14255550100@192.0.2.2",
        "<sip:+12065550100@carrier.example>",
        "<sip:x@192.0.2.2>",
        sdp(),
        flow,
        username=username,
        password=password,
        terms=SessionTerms(expires, 90),
    )
    _, outputs = far.agent.invite(far.bench.clock.now(), outgoing)
    far.take(outputs)


def incoming(bench: Bench) -> list[IncomingLeg]:
    return [fact for fact in bench.facts if isinstance(fact, IncomingLeg)]


# --- silence --------------------------------------------------------------------------------------------


async def test_strangers_hear_nothing_at_all_in_silence() -> None:
    bench = Bench(PhonesConfig((TrunkConfig("carrier", (THEM,)),), silent=True))
    for number, method in enumerate(("INVITE", "OPTIONS", "REGISTER", "BYE", "CANCEL", "MESSAGE")):
        assert told(bench, request(method, branch=str(number))) == []
    assert told(bench, request("BYE", branch="8", tag="none")) == []
    assert told(bench, b"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK9\r\n\r\n") == []
    assert told(bench, request("OPTIONS", "Content-Length: nonsense", branch="10")) == []
    bench.phones.ingress.malformed(ParseError("broken"), Flow("TCP", US, STRANGER, 3))
    assert told(bench, request("OPTIONS", branch="11"), THEM[0]) == [200]
    assert bench.phones.agent.transactions == 1


async def test_without_silence_they_are_told() -> None:
    bench = Bench(PhonesConfig((TrunkConfig("carrier", (THEM,)),)))
    assert told(bench, request("INVITE")) == [403]
    assert told(bench, request("OPTIONS", branch="2")) == [200]
    assert told(bench, request("BYE", branch="3", tag="none")) == [481]


async def test_scanners_hear_nothing_even_where_strangers_may_call() -> None:
    bench = Bench(PhonesConfig(accept_unknown=True))
    assert told(bench, request("OPTIONS", "User-Agent: friendly-scanner")) == []
    assert bench.phones.ingress.barred(STRANGER[0])
    assert told(bench, request("OPTIONS", branch="2"), "203.0.113.10") == [200]


# --- bans -----------------------------------------------------------------------------------------------


async def test_who_goes_on_and_on_is_banned_and_a_trunk_never() -> None:
    bench = Bench(PhonesConfig((TrunkConfig("carrier", (THEM,)),)))
    for number in range(20):
        assert not bench.phones.ingress.barred(STRANGER[0])
        told(bench, request("INVITE", branch=str(number)))
    assert bench.phones.ingress.barred(STRANGER[0])
    for _ in range(50):
        told(bench, b"garbage\r\n\r\n", THEM[0])
        bench.phones.ingress.failed_handshake(THEM[0])
        bench.phones.ingress.malformed(ParseError("broken"), Flow("TCP", US, THEM, 3))
    assert not bench.phones.ingress.barred(THEM[0])
    assert bench.phones.ingress.known(THEM[0])


@pytest.mark.parametrize("offence", [Offence.MALFORMED, Offence.HANDSHAKE])
async def test_garbage_and_failed_handshakes_count(offence: Offence) -> None:
    bench = Bench()
    for _ in range(14):
        if offence is Offence.MALFORMED:
            told(bench, b"garbage\r\n\r\n")
        else:
            bench.phones.ingress.failed_handshake(STRANGER[0])
    assert bench.phones.ingress.barred(STRANGER[0])


async def test_a_flood_of_a_stranger_is_dropped_unread() -> None:
    bench = Bench()
    answers = [told(bench, request("OPTIONS", branch=str(number))) for number in range(19)]
    assert answers == [[200]] * 19
    bench.clock.advance(300.0)
    bench = Bench(PhonesConfig((TrunkConfig("carrier", (THEM,)),)))
    data = request("ACK")  # costs nothing but being read
    for _ in range(60):
        bench.phones.ingress.receive(data, Flow("UDP", US, STRANGER))
    assert told(bench, request("OPTIONS", branch="x")) == []
    bench.clock.advance(1.0)
    assert told(bench, request("OPTIONS", branch="y")) == [200]
    # A trunk may be as fast as it likes.
    for number in range(200):
        assert told(bench, request("OPTIONS", branch=f"t{number}"), THEM[0]) == [200]


# --- passwords ------------------------------------------------------------------------------------------


def challenged(*trunks: TrunkConfig, **more: object) -> Bench:
    return Bench(PhonesConfig(trunks or (SECURED, OTHER), **more))  # type: ignore[arg-type]


@pytest.mark.parametrize("address", [THEM, STRANGER])
async def test_a_trunk_proves_who_it_is_from_anywhere(address: tuple[str, int]) -> None:
    bench = challenged(silent=True)
    far = bench.at(address)
    dial_in(far, USER, PASSWORD)
    await bench.settle(1.0)
    assert len(incoming(bench)) == 1
    first = next(message for message in bench.seen if isinstance(message, Response))
    assert first.status == 401
    asked = [Challenge.parse(value) for value in first.headers.all("WWW-Authenticate")]
    assert [(one.algorithm, one.qop, one.realm) for one in asked] == [
        ("SHA-256", ("auth",), "hookflash"),
        ("MD5", ("auth",), "hookflash"),
    ]
    used = bench.sent("INVITE")[-1].headers.get("Authorization") or ""
    assert "algorithm=SHA-256" in used
    # It is treated as that trunk: its word about the caller counts, its codecs are agreed.
    assert bench.phones._admission.proved is not None or address == THEM


@pytest.mark.parametrize(
    ("username", "password"),
    [(USER, "wrong"), ("nobody", PASSWORD), ("nobody", ""), ("other", "wrong"), ("", "")],
)
async def test_who_does_not_prove_it_is_refused(username: str, password: str) -> None:
    bench = challenged()
    stranger = bench.at(STRANGER)
    dial_in(stranger, username, password)
    await bench.settle(1.0)
    assert incoming(bench) == []
    failed = stranger.events[-1]
    assert isinstance(failed, Failed)
    assert failed.status == 401


async def test_who_is_known_by_address_may_not_be_somebody_else() -> None:
    bench = challenged()
    dial_in(bench.far, "other", "other")
    await bench.settle(1.0)
    assert incoming(bench) == []
    dial_in(bench.at(STRANGER), "other", "other")
    await bench.settle(1.0)
    assert len(incoming(bench)) == 1


async def test_guessing_is_a_ban_for_strangers() -> None:
    bench = challenged()
    for _ in range(6):
        dial_in(bench.at(STRANGER), USER, "guess")
        await bench.settle(0.1)
    assert bench.phones.ingress.barred(STRANGER[0])
    for _ in range(10):
        dial_in(bench.far, USER, "guess")
        await bench.settle(0.1)
    assert not bench.phones.ingress.barred(THEM[0])


async def test_a_trunk_may_call_as_often_as_it_likes_once_it_has_proved_who_it_is() -> None:
    bench = challenged(SECURED, silent=True)
    far = bench.at(STRANGER)
    for number in range(30):
        dial_in(far, USER, PASSWORD)
        await bench.settle()
        assert len(incoming(bench)) == number + 1
    for number in range(200):  # what belongs to its calls is not counted either
        bench.phones.ingress.receive(request("ACK", branch=f"a{number}"), Flow("UDP", US, STRANGER))
    assert not bench.phones.ingress.barred(STRANGER[0])
    for _ in range(50):  # forged in its name
        told(bench, b"garbage\r\n\r\n")
        told(bench, request("OPTIONS", "User-Agent: friendly-scanner"))
    assert not bench.phones.ingress.barred(STRANGER[0])


async def test_a_trunk_known_by_its_certificate_is_not_banned_in_its_name() -> None:
    carrier = TrunkConfig("carrier", (("sbc.example.org", 5061),), transport="TLS")
    bench = Bench(PhonesConfig((carrier,)))
    secure = Flow("TLS", US, STRANGER, 1, "", ("sbc.example.org",))
    assert not bench.phones.ingress.known(STRANGER[0])
    bench.phones.ingress.receive(request("OPTIONS"), secure)
    assert bench.phones.ingress.known(STRANGER[0])
    for number in range(50):
        told(bench, request("INVITE", branch=f"forged{number}"))
    assert not bench.phones.ingress.barred(STRANGER[0])


async def test_forged_offences_do_not_cut_off_a_call_that_is_up() -> None:
    bench = Bench(PhonesConfig(accept_unknown=True))
    far = bench.at(STRANGER)
    dial_in(far)
    await bench.settle()
    leg = bench.leg()
    bench.phones.answer(AnswerLeg(leg, 3))
    await bench.settle()
    told(bench, request("OPTIONS", "User-Agent: friendly-scanner"))
    assert not bench.phones.ingress.barred(STRANGER[0])
    (session,) = far.agent._core.sessions
    far.take(far.agent.end(bench.clock.now(), session))
    await bench.settle()
    assert isinstance(bench.facts[-1], LegDown)
    assert bench.phones.ingress.barred(STRANGER[0])


async def test_what_belongs_to_calls_is_not_counted_wherever_it_comes_from() -> None:
    """Many carriers send from other addresses than those they are called at."""
    bench = Bench()
    await answered(bench)
    ((call_id, local, remote),) = bench.phones.agent._core.dialogs
    for number in range(300):
        text = request("OPTIONS", branch=f"in{number}", tag=local).decode()
        text = text.replace("<sip:a@b>;tag=1", f"<sip:a@b>;tag={remote}")
        text = text.replace(f"Call-ID: xin{number}\r", f"Call-ID: {call_id}\r")
        text = text.replace("CSeq: 1 ", f"CSeq: {number + 100} ")
        assert told(bench, text.encode()) == [200], number
    assert not bench.phones.ingress.barred(STRANGER[0])


async def test_an_old_nonce_is_stale_and_a_used_one_too() -> None:
    bench = challenged()
    dial_in(bench.at(STRANGER), USER, PASSWORD)
    await bench.settle(1.0)
    invite = bench.sent("INVITE")[-1]
    for name, value in (("Via", "SIP/2.0/UDP 203.0.113.9;branch=z9hG4bKreplay"), ("Call-ID", "replay")):
        invite.headers.replace_first(name, value)
    before = len(bench.seen)
    bench.phones.ingress.receive(invite.to_bytes(), Flow("UDP", US, STRANGER))
    answers = [message for message in bench.seen[before:] if isinstance(message, Response)]
    assert [answer.status for answer in answers] == [401]
    assert Challenge.parse(answers[0].headers.all("WWW-Authenticate")[0]).stale
    assert len(incoming(bench)) == 1


async def test_calls_that_are_up_and_other_methods_are_not_challenged() -> None:
    bench = challenged(SECURED)
    assert told(bench, request("OPTIONS"), THEM[0]) == [200]
    dial_in(bench.far, USER, PASSWORD)
    await bench.settle(1.0)
    (session,) = bench.far.agent._core.sessions
    bench.far.take(bench.far.agent.end(bench.clock.now(), session))
    await bench.settle(1.0)
    assert any(isinstance(m, Response) and m.status == 487 for m in bench.seen)


async def test_in_development_strangers_may_call_without_and_the_trunk_with_its_password() -> None:
    bench = challenged(SECURED, accept_unknown=True)
    dial_in(bench.at(STRANGER))
    await bench.settle(1.0)
    assert len(incoming(bench)) == 1
    dial_in(bench.far)
    await bench.settle(1.0)
    assert len(incoming(bench)) == 1
    dial_in(bench.far, USER, PASSWORD)
    await bench.settle(1.0)
    assert len(incoming(bench)) == 2


# --- room -----------------------------------------------------------------------------------------------


async def test_strangers_and_phones_have_bounds_of_their_own_and_trunks_have_not() -> None:
    config = PhonesConfig((TrunkConfig("carrier", (THEM,)), SECURED), accept_unknown=True)
    bench = Bench(config, AgentSettings(transactions_per_source=3))
    for number in range(10):
        assert told(bench, request("OPTIONS", branch=f"t{number}"), THEM[0]) == [200]
    assert [told(bench, request("OPTIONS", branch=f"s{number}")) for number in range(4)] == [
        *[[200]] * 3,
        [503],
    ]
    six = [told(bench, request("OPTIONS", branch=f"6{n}"), f"2001:db8::{n}") for n in range(4)]
    assert six == [*[[200]] * 3, [503]]  # one customer
    bench.phones._guard.trust(STRANGER[0])  # it has proved to be a trunk
    assert told(bench, request("OPTIONS", branch="p")) == [200]
    assert bench.phones.agent.refused["transactions_per_source"] == 2


async def test_a_trunk_proved_by_password_has_its_own_terms_wherever_it_calls_from() -> None:
    """Those of its session timer, and bounds as trunks have them."""
    trunk = replace(SECURED, session=SessionTerms(600, 300))
    config = PhonesConfig((trunk, OTHER), session=SessionTerms(1800, 90), calls_per_source=1)
    bench = Bench(config, AgentSettings(transactions_per_source=1))
    far = bench.at(STRANGER)
    for _ in range(3):
        dial_in(far, USER, PASSWORD)
        await bench.settle()
    calls = bench.phones.agent._core.sessions.values()
    assert [(one.watch.wanted, one.watch.floor) for one in calls] == [(600, 300)] * 3
    dial_in(far, USER, PASSWORD, expires=120)
    await bench.settle()
    refused = [message for message in bench.seen if isinstance(message, Response) and message.status == 422]
    assert [one.headers.get("Min-SE") for one in refused] == ["300"]
    assert len(incoming(bench)) == 4
    assert "300" in (bench.sent("INVITE")[-1].headers.get("Session-Expires") or "")


# --- the log --------------------------------------------------------------------------------------------


async def test_strangers_cannot_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "hookflash.sip")
    trunk = TrunkConfig("carrier", (THEM,))
    bench = Bench(PhonesConfig((trunk,)), guard=GuardRules(ban=0, rate=1000.0, burst=1000.0))

    def lines(what: str) -> list[logging.LogRecord]:
        return [one for one in caplog.records if one.message == what]

    for number in range(100):
        assert told(bench, request("INVITE", branch=f"{number}")) == [403]
        told(bench, b"INVITE nonsense\r\n\r\n")
        bench.phones.ingress.malformed(ParseError("broken"), Flow("TCP", US, STRANGER, 3))
    assert (len(lines("stranger refused")), len(lines("malformed message"))) == (5, 5)
    first = lines("stranger refused")[0]
    assert (first.peer, first.method) == (STRANGER[0], "INVITE")  # type: ignore[attr-defined]
    assert told(bench, request("INVITE", branch="another"), "203.0.113.10") == [403]
    assert len(lines("stranger refused")) == 6
    bench.clock.advance(20.0)
    told(bench, request("INVITE", branch="later"))
    assert lines("stranger refused")[-1].left_out == 95  # type: ignore[attr-defined]


async def test_wrong_passwords_and_calls_without_common_media_cannot_fill_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "hookflash.sip")
    bench = challenged(SECURED)
    for _ in range(20):
        dial_in(bench.far, USER, "guess")
        await bench.settle()
    assert [one.message for one in caplog.records].count("wrong credentials") == 5
    bench = Bench()
    for _ in range(20):
        bench.far.call(body=sdp("3"))
        await bench.settle()
    assert [one.message for one in caplog.records].count("no common media") == 5


async def test_a_phone_in_a_call_cannot_fill_the_log_with_offers(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "hookflash.sip")
    bench = Bench()
    await answered(bench)
    (session,) = bench.far.agent._core.sessions
    for body in (sdp("3"), b"v=nonsense"):
        for _ in range(20):
            sent, outputs = bench.far.agent.reoffer(bench.clock.now(), session, body)
            assert sent
            bench.far.take(outputs)
            await bench.settle()
    found = [one.message for one in caplog.records]
    assert (found.count("re-offer refused"), found.count("bad re-offer")) == (5, 5)
    assert bench.phones.legs == 1
