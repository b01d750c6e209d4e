"""How much of our memory each source may take."""

from __future__ import annotations

import logging
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sip.agents import ANSWER, OFFER, THEM, US, Probe
from sip.test_uas import SDP, TAGGED, established, invite, message, status

from hookflash.sip.events import IncomingInvite
from hookflash.sip.flow import Flow
from hookflash.sip.message import Request, Response
from hookflash.sip.room import Holdings
from hookflash.sip.session import Guest, SessionTerms
from hookflash.sip.ua import Settings

OTHER = Flow("UDP", US, ("203.0.113.7", 5060))


class Guests(Probe):
    """Whose every request counts for the address it comes from; of ``uncounted`` ones it does not."""

    uncounted: tuple[str, ...] = ()

    def tell(self, text: str, body: bytes = b"", flow: Flow | None = None) -> list[Request | Response]:
        head = "\r\n".join(line.strip() for line in text.strip().splitlines())
        data = f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        flow = flow or self.flow
        host = flow.remote[0]
        guest = Guest(SessionTerms(), "" if host in self.uncounted else host)
        return self.take(self.agent.receive(self.now, data, flow, guest=lambda: guest))


def options(probe: Probe, number: int, flow: Flow | None = None) -> list[int]:
    asked = message("OPTIONS", branch=f"z9hG4bKo{number}", call_id=f"o{number}")
    return status(probe.tell(asked, flow=flow))


def test_a_source_has_so_many_transactions_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "hookflash.sip")
    probe = Guests(Settings(transactions_per_source=3))
    assert [options(probe, number) for number in range(3)] == [[200]] * 3
    (refusal,) = probe.tell(message("OPTIONS", branch="z9hG4bKx", call_id="x"))
    assert isinstance(refusal, Response)
    assert (refusal.status, refusal.headers.get("Retry-After")) == (503, "10")
    assert probe.agent.transactions == 3
    assert options(probe, 1) == [200]  # a repetition takes no room
    assert options(probe, 20, OTHER) == [200]
    for number in range(30, 50):
        assert options(probe, number) == [503]
    assert probe.agent.refused["transactions_per_source"] == 21
    lines = [one for one in caplog.records if one.message == "request refused"]
    assert len(lines) == 5
    assert (lines[0].peer, lines[0].limit) == (THEM[0], "transactions_per_source")  # type: ignore[attr-defined]
    probe.until(33.0)
    assert options(probe, 60) == [200]
    assert options(probe, 61) == options(probe, 62) == [200]
    assert options(probe, 63) == [503]
    assert [one for one in caplog.records if one.message == "request refused"][-1].left_out == 16  # type: ignore[attr-defined]


def test_whoever_is_not_counted_has_all_the_room_there_is() -> None:
    probe = Guests(Settings(transactions_per_source=1, max_transactions=9))
    probe.uncounted = (THEM[0],)
    assert [options(probe, number) for number in range(9)] == [[200]] * 9
    assert options(probe, 9) == [503]
    assert probe.agent.refused["transactions"] == 1


def test_there_are_so_many_calls_in_all() -> None:
    probe = Guests(Settings(max_sessions=1))
    assert status(invite(probe)) == [100]
    (refusal,) = invite(probe, branch="z9hG4bK3", call_id="three")
    assert isinstance(refusal, Response)
    assert (refusal.status, refusal.headers.get("Retry-After")) == (503, "10")
    assert probe.agent.refused["dialogs"] == 1


def test_what_ends_a_call_is_taken_however_full_it_is() -> None:
    probe = Guests(Settings(transactions_per_source=2))
    tag = established(probe)
    to = TAGGED.format(tag=tag)
    assert status(invite(probe, branch="z9hG4bK2", call_id="two")) == [100]
    assert options(probe, 1) == [503]
    assert status(probe.tell(message("INFO", number=2, branch="z9hG4bKi", to=to))) == [503]
    # Not what only looks as if it did.
    assert status(probe.tell(message("BYE", branch="z9hG4bKn", to=TAGGED.format(tag="none")))) == [503]
    assert status(probe.tell(message("CANCEL", branch="z9hG4bKnone"))) == [503]
    assert status(probe.tell(message("BYE", number=0, branch="z9hG4bKold", to=to))) == [503]
    assert status(probe.tell(message("BYE", "Require: x", number=2, branch="z9hG4bKr", to=to))) == [503]
    assert status(probe.tell(message("CANCEL", branch="z9hG4bK2", call_id="two"))) == [200, 487]
    # An INVITE that is answered has nothing left to be cancelled.
    assert status(probe.tell(message("CANCEL", branch="z9hG4bKa"))) == [503]
    assert status(probe.tell(message("BYE", number=2, branch="z9hG4bKb", to=to))) == [200]
    assert probe.agent.sessions == 0
    assert status(probe.tell(message("BYE", number=3, branch="z9hG4bKb2", to=to))) == [503]


def test_calls_can_be_ended_where_there_is_no_room_for_anybody() -> None:
    probe = Probe(Settings(max_transactions=1))
    tag = established(probe)
    assert options(probe, 1) == [503]
    bye = message("BYE", number=2, branch="z9hG4bKb", to=TAGGED.format(tag=tag))
    assert status(probe.tell(bye)) == [200]
    assert probe.agent.sessions == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6))
def test_what_is_counted_is_what_is_there(seed: int, most: int) -> None:
    """However requests of several sources follow each other, and in the end nothing is left."""
    dice = random.Random(seed)
    probe = Guests(Settings(transactions_per_source=most))
    room, core = probe.agent._core.room, probe.agent._core
    flows = [Flow("UDP", US, (f"203.0.113.{last}", 5060)) for last in (1, 2, 3)]
    for number in range(40):
        flow, kind = dice.choice(flows), dice.randrange(5)
        name = f"{flow.remote[0]}-{dice.randrange(6)}"
        if kind == 0:
            options(probe, number, flow)
        elif kind == 1:
            asked = message("INVITE", SDP, branch=f"z9hG4bK{name}", call_id=name)
            probe.tell(asked, OFFER, flow)
        elif kind == 2:
            probe.tell(message("CANCEL", branch=f"z9hG4bK{name}", call_id=name), flow=flow)
        elif kind == 3 and probe.events:
            event = dice.choice(probe.events)
            if isinstance(event, IncomingInvite):
                if dice.random() < 0.5:
                    probe.take(probe.agent.end(probe.now, event.session))
                else:
                    probe.take(probe.agent.answer(probe.now, event.session, ANSWER))
        else:
            probe.until(probe.now + dice.uniform(0, 20))
        opened = core.transactions._servers.values()
        counted = Counter(one.source for one in opened)
        assert room.transactions._held == counted
        for source, count in counted.items():
            # What ends a call is taken beyond the bound.
            methods = Counter(one.key[-1] for one in opened if one.source == source)  # type: ignore[index]
            assert count - methods["CANCEL"] - methods["BYE"] <= most
            assert count <= most + 2 * methods["INVITE"]
    for session in list(core.sessions):
        probe.take(probe.agent.end(probe.now, session))
    probe.until(probe.now + 400.0)
    assert probe.idle()
    assert len(room.transactions) == 0


def test_without_a_bound_nothing_is_counted() -> None:
    held = Holdings(0)
    assert held.take("a") == ""
    assert not held.full("a")
    assert len(held) == 0
    held = Holdings(1)
    assert held.take("") == ""
    assert not held.full("")
    assert held.take("a") == "a"
    assert held.full("a")
    held.release("a")
    assert (held.full("a"), len(held)) == (False, 0)


def test_where_nobody_says_whose_a_request_is_its_address_counts() -> None:
    probe = Probe(Settings(transactions_per_source=2))
    assert [options(probe, number) for number in range(3)] == [[200], [200], [503]]
    six = [Flow("UDP", US, (f"2001:db8::{number}", 5060)) for number in range(3)]
    assert [options(probe, 10 + at, flow) for at, flow in enumerate(six)] == [[200], [200], [503]]
    assert [options(Probe(), number) for number in range(30)] == [[200]] * 30
