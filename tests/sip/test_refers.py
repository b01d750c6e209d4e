"""REFER (RFC 3515): as the one who is asked, as the one who asks, and both against each other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sip.agents import ANSWER, OFFER, THEM, US, Net, Peer, Probe

from hookflash.sip.dialog_headers import Replaces
from hookflash.sip.errors import ParseError
from hookflash.sip.events import (
    Answered,
    Ended,
    Event,
    IncomingInvite,
    ReferProgress,
    Referred,
    ReferRefused,
    ReferTaken,
)
from hookflash.sip.flow import Flow
from hookflash.sip.message import Request, Response, parse
from hookflash.sip.refer_headers import (
    ReferTo,
    SubscriptionState,
    fragment,
    read_fragment,
    refer_to,
    referrer,
    subscribes,
    written,
)
from hookflash.sip.ua import Asking, Outgoing
from hookflash.sip.uri import SipUri

HEAD = """
    Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{branch}
    From: <sip:a@192.0.2.1>;tag=theirs
    To: <sip:b@192.0.2.2>{tag}
    Call-ID: one
    CSeq: {number} {method}
    Max-Forwards: 70
    Contact: <sip:a@192.0.2.1>"""


ESCAPED = "a%3bto-tag%3db%3bfrom-tag%3dc"


class Asked(Probe):
    """A call that came in and is up; whoever called sends REFERs."""

    def __init__(self, refers: bool = True) -> None:
        super().__init__()
        self.number = 0
        self.tell(
            f"INVITE sip:b@192.0.2.2 SIP/2.0{self.head('INVITE')}\nContent-Type: application/sdp", OFFER
        )
        (invite,) = self.events
        assert isinstance(invite, IncomingInvite)
        self.session = invite.session
        if refers:
            self.agent.let_refer(self.session)
        (response,) = self.take(self.agent.answer(self.now, self.session, ANSWER))
        assert isinstance(response, Response)
        self.allowed = response.headers.tokens("Allow")
        self.tag = response.to.tag or ""
        self.tell(f"ACK sip:b@192.0.2.2 SIP/2.0{self.head('ACK', same=True)}")

    tag = ""

    def head(self, method: str, same: bool = False) -> str:
        self.number += 0 if same else 1
        tag = f";tag={self.tag}" if self.tag else ""
        return HEAD.format(branch=f"{method}{self.number}", tag=tag, number=self.number, method=method)

    def refer(self, *lines: str, to: str = "<sip:+14255550123@192.0.2.1>") -> list[Request | Response]:
        text = "\n".join([f"REFER sip:b@192.0.2.2 SIP/2.0{self.head('REFER')}", f"Refer-To: {to}", *lines])
        return self.tell(text)

    def referred(self) -> Referred:
        return next(event for event in reversed(self.events) if isinstance(event, Referred))

    def accept(self) -> list[Request | Response]:
        return self.take(self.agent.accept_refer(self.now, self.session, self.referred().refer))

    def say(self, status: int, reason: str = "") -> list[Request | Response]:
        return self.take(self.agent.notify_referrer(self.now, self.referred().refer, status, reason))

    def reply(self, request: Request | Response, status: int = 200) -> list[Request | Response]:
        """What comes of answering a request of its."""
        assert isinstance(request, Request)
        kept = [f"{name}: {request.headers.get(name)}" for name in ("Via", "From", "To", "Call-ID", "CSeq")]
        return self.tell("\n".join([f"SIP/2.0 {status} Word", *kept]))


def told(message: Request | Response) -> tuple[str, str, int]:
    """Event, Subscription-State and status of a NOTIFY."""
    assert isinstance(message, Request)
    assert message.method == "NOTIFY"
    assert message.headers.get("Content-Type") == "message/sipfrag;version=2.0"
    state = SubscriptionState.of(message.headers)
    return message.headers.get("Event") or "", state.state, read_fragment(message.body)[0]


def test_a_taken_refer_is_told_of_until_the_last_word() -> None:
    asked = Asked()
    assert "refer" in asked.allowed
    assert asked.refer("Referred-By: <sip:boss@192.0.2.1>") == []
    event = asked.referred()
    assert isinstance(event.target.uri, SipUri)
    assert (event.target.uri.user, event.by, event.subscribed) == (
        "+14255550123",
        "<sip:boss@192.0.2.1>",
        True,
    )
    accepted, first = asked.accept()
    assert isinstance(accepted, Response)
    assert accepted.status == 202
    assert told(first) == ("refer", "active", 100)
    # One at a time: what has been overtaken is not told.
    assert asked.say(180) == []
    assert asked.say(183) == []
    (second,) = asked.reply(first)
    assert told(second) == ("refer", "active", 183)
    assert asked.reply(second) == []
    (last,) = asked.say(200)
    assert told(last) == ("refer", "terminated", 200)
    assert asked.say(486) == [], "nothing follows the last word"
    assert asked.reply(last) == []
    assert len(asked.agent._server.referrals) == 0


def test_a_second_refer_is_told_apart_by_its_number() -> None:
    asked = Asked()
    asked.refer()
    first = asked.accept()[1]
    asked.refer()
    second = asked.accept()[1]
    assert told(first)[0] == "refer"
    assert told(second)[0] == f"refer;id={asked.number}"
    assert [m.status for m in asked.refer() if isinstance(m, Response)] == [491], "two at the same time"


def test_without_a_subscription_nothing_is_told() -> None:
    asked = Asked()
    asked.refer("Refer-Sub: false", "Require: norefersub", "Supported: norefersub")
    assert not asked.referred().subscribed
    (accepted,) = asked.accept()
    assert isinstance(accepted, Response)
    assert (accepted.status, accepted.headers.get("Refer-Sub")) == (200, "false")
    assert asked.say(200) == []
    assert len(asked.agent._server.referrals) == 0


@pytest.mark.parametrize("status", [403, 603])
def test_the_owner_refuses(status: int) -> None:
    asked = Asked()
    asked.refer()
    (refused,) = asked.take(
        asked.agent.refuse_refer(asked.now, asked.session, asked.referred().refer, status)
    )
    assert isinstance(refused, Response)
    assert refused.status == status
    assert asked.accept() == [], "it can be decided once"


def statuses(messages: list[Request | Response]) -> list[int]:
    return [message.status for message in messages if isinstance(message, Response)]


def test_who_may_not_refer_is_told_what_there_is() -> None:
    asked = Asked(refers=False)
    assert "refer" not in asked.allowed
    (refused,) = asked.refer()
    assert isinstance(refused, Response)
    assert refused.status == 405
    assert "refer" not in refused.headers.tokens("Allow")
    outside = HEAD.format(branch="x", tag="", number=9, method="REFER").replace("one", "two")
    target = "\n    Target-Dialog: one;local-tag=a;remote-tag=b\n    Refer-To: <sip:c@192.0.2.1>"
    assert statuses(asked.tell(f"REFER sip:b@192.0.2.2 SIP/2.0{outside}{target}")) == [405]
    nobody = HEAD.format(branch="y", tag=";tag=none", number=9, method="REFER").replace("one", "two")
    assert statuses(asked.tell(f"REFER sip:b@192.0.2.2 SIP/2.0{nobody}{target}")) == [481]


@pytest.mark.parametrize(
    ("to", "status"),
    [
        ("rubbish", 400),
        ("<mailto:a@b>", 416),
        ("<sip:c@192.0.2.1;method=SUBSCRIBE>", 501),
        ("<sip:c@192.0.2.1?Replaces=nothing>", 400),
        ("<sip:c@192.0.2.1?Replaces=a%0d%0aX-Evil:1%3bto-tag%3db%3bfrom-tag%3dc>", 400),
        (
            "<sip:c@192.0.2.1?Replaces=a%3bto-tag%3db%3bfrom-tag%3dc&replaces=a%3bto-tag%3db%3bfrom-tag%3dc>",
            400,
        ),
    ],
)
def test_what_cannot_be_called_is_refused(to: str, status: int) -> None:
    asked = Asked()
    assert statuses(asked.refer(to=to)) == [status]
    assert not any(isinstance(event, Referred) for event in asked.events)


def test_broken_words_are_refused() -> None:
    asked = Asked()
    assert statuses(asked.refer("Refer-Sub: perhaps")) == [400]
    assert statuses(asked.tell(f"REFER sip:b@192.0.2.2 SIP/2.0{asked.head('REFER')}")) == [400]


def test_a_subscription_outlives_the_session() -> None:
    """Many phones hang up as soon as their REFER is taken; the transfer goes on, and so do the NOTIFYs."""
    asked = Asked()
    asked.refer()
    first = asked.accept()[1]
    asked.tell(f"BYE sip:b@192.0.2.2 SIP/2.0{asked.head('BYE')}")
    assert isinstance(asked.events[-1], Ended)
    asked.reply(first)
    (last,) = asked.say(486)
    assert told(last) == ("refer", "terminated", 486)
    asked.reply(last)
    asked.until(200.0)
    assert asked.idle()


def test_the_last_word_does_not_wait_behind_our_bye() -> None:
    """Many phones forget the call with the BYE, and would call the transfer failed."""
    asked = Asked()
    asked.refer()
    first = asked.accept()[1]
    assert asked.say(200) == [], "the first is not answered yet"
    last, bye = asked.take(asked.agent.end(asked.now, asked.session))
    assert told(last) == ("refer", "terminated", 200)
    assert isinstance(bye, Request)
    assert bye.method == "BYE"
    assert isinstance(last, Request)
    assert isinstance(first, Request)
    assert first.cseq.number < last.cseq.number < bye.cseq.number
    for request in (first, last, bye):
        assert asked.reply(request) == []
    asked.until(100.0)
    assert asked.idle()


def test_without_a_last_word_nothing_more_is_said_before_our_bye() -> None:
    asked = Asked()
    asked.refer()
    first = asked.accept()[1]
    assert asked.say(180) == []
    (bye,) = asked.take(asked.agent.end(asked.now, asked.session))
    assert isinstance(bye, Request)
    assert bye.method == "BYE"
    (second,) = asked.reply(first)
    assert told(second) == ("refer", "active", 180)


def test_a_refer_nobody_decided_about_goes_with_its_call() -> None:
    asked = Asked()
    asked.refer()
    asked.tell(f"BYE sip:b@192.0.2.2 SIP/2.0{asked.head('BYE')}")
    assert asked.accept() == []
    asked.until(100.0)
    assert asked.idle()


@pytest.mark.parametrize("status", [481, 405, 500])
def test_who_does_not_want_to_know_is_not_told(status: int) -> None:
    asked = Asked()
    asked.refer()
    first = asked.accept()[1]
    assert asked.reply(first, status) == []
    assert asked.say(200) == []
    assert not any(isinstance(event, Ended) for event in asked.events), "the call goes on"


def test_a_subscription_ends_with_its_time() -> None:
    asked = Asked()
    asked.refer()
    asked.reply(asked.accept()[1])
    (ringing,) = asked.say(180)
    asked.reply(ringing)
    assert asked.until(179.0) == []
    (last,) = asked.until(180.2)
    assert isinstance(last, Request)
    assert told(last) == ("refer", "terminated", 180)
    assert SubscriptionState.of(last.headers).reason == "timeout"
    assert asked.say(200) == []


def test_a_refer_before_the_call_is_up_comes_too_early() -> None:
    probe = Probe()
    head = HEAD.format(branch="a", tag="", number=1, method="INVITE")
    probe.tell(f"INVITE sip:b@192.0.2.2 SIP/2.0{head}\nContent-Type: application/sdp", OFFER)
    (invite,) = probe.events
    assert isinstance(invite, IncomingInvite)
    probe.agent.let_refer(invite.session)
    (ringing,) = probe.take(probe.agent.ring(0.0, invite.session))
    assert isinstance(ringing, Response)
    early = HEAD.format(branch="b", tag=f";tag={ringing.to.tag}", number=2, method="REFER")
    (late,) = probe.tell(f"REFER sip:b@192.0.2.2 SIP/2.0{early}\nRefer-To: <sip:c@192.0.2.1>")
    assert isinstance(late, Response)
    assert late.status == 500
    assert "Retry-After" in late.headers


# --- as the one who asks --------------------------------------------------------------------------------


class Asking3(Probe):
    """A call of ours that is up with a peer of few words."""

    def __init__(self, allow: str = "INVITE, ACK, BYE, REFER, NOTIFY") -> None:
        super().__init__()
        flow = Flow("UDP", US, THEM)
        outgoing = Outgoing("sip:b@192.0.2.1", "<sip:a@192.0.2.2>", "<sip:b@192.0.2.1>", OFFER, flow)
        self.session, outputs = self.agent.invite(self.now, outgoing)
        (self.invite,) = self.take(outputs)
        said = [f"Allow: {allow}"] if allow else []
        extra = ["Contact: <sip:b@192.0.2.1>", *said, "Content-Type: application/sdp"]
        self.answer(self.invite, 200, extra, ANSWER)
        assert isinstance(self.events[-1], Answered)
        self.number = 0

    def answer(
        self, request: Request | Response, status: int, extra: list[str] | None = None, body: bytes = b""
    ) -> list[Request | Response]:
        assert isinstance(request, Request)
        kept = [f"{name}: {request.headers.get(name)}" for name in ("Via", "From", "To", "Call-ID", "CSeq")]
        kept = [line if not line.startswith("To:") or "tag=" in line else f"{line};tag=far" for line in kept]
        return self.tell("\n".join([f"SIP/2.0 {status} Word", *kept, *(extra or [])]), body)

    def refer(self, **more: object) -> list[Request | Response]:
        asking = Asking("sip:+14255550123@192.0.2.1", **more)  # type: ignore[arg-type]
        self.sent, outputs = self.agent.refer(self.now, self.session, asking)
        return self.take(outputs)

    def notify(
        self,
        status: int,
        state: str = "active;expires=60",
        event: str = "refer",
        kind: str = "message/sipfrag;version=2.0",
        body: bytes | None = None,
    ) -> list[int]:
        assert isinstance(self.invite, Request)
        self.number += 1
        lines = [
            "NOTIFY sip:a@192.0.2.2 SIP/2.0",
            f"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKn{self.number}",
            "From: <sip:b@192.0.2.1>;tag=far",
            f"To: {self.invite.headers.get('From')}",
            f"Call-ID: {self.invite.call_id}",
            f"CSeq: {self.number} NOTIFY",
            "Max-Forwards: 70",
            f"Event: {event}",
            f"Subscription-State: {state}",
            f"Content-Type: {kind}",
        ]
        return statuses(self.tell("\n".join(lines), fragment(status) if body is None else body))

    def heard(self) -> list[Event]:
        return [
            event for event in self.events if isinstance(event, ReferTaken | ReferProgress | ReferRefused)
        ]


def test_what_is_asked_and_what_comes_of_it() -> None:
    us = Asking3()
    (refer,) = us.refer(by="<sip:+12065550100@192.0.2.2>", headers=(("X-Case", "7 & 8"),))
    assert isinstance(refer, Request)
    target = ReferTo.of(refer)
    assert (str(target.uri), target.headers) == ("sip:+14255550123@192.0.2.1", (("X-Case", "7 & 8"),))
    assert referrer(refer.headers) == "<sip:+12065550100@192.0.2.2>"
    assert us.refer() == [], "one at a time"
    assert not us.sent
    us.answer(refer, 202)
    assert us.notify(100) == [200]
    assert us.notify(180, event=f"refer;id={refer.cseq.number}") == [200]
    assert us.notify(200, "terminated;reason=noresource") == [200]
    assert us.heard() == [
        ReferTaken(us.session, True),
        ReferProgress(us.session, 100, "Trying", False),
        ReferProgress(us.session, 180, "Ringing", False),
        ReferProgress(us.session, 200, "OK", True),
    ]
    assert us.notify(200) == [481], "nobody listens any more"
    us.refer()
    assert us.sent


def test_a_notify_may_come_before_the_answer() -> None:
    us = Asking3()
    (refer,) = us.refer()
    assert us.notify(100) == [200]
    assert us.notify(603, "terminated;reason=noresource") == [200]
    us.answer(refer, 202)
    assert [type(event) for event in us.heard()] == [ReferProgress, ReferProgress]
    assert us.heard()[-1] == ReferProgress(us.session, 603, "Decline", True)
    us.until(250.0)
    assert len(us.heard()) == 2


def test_a_subscription_that_ends_without_a_word() -> None:
    for reason, status in (("rejected", 603), ("timeout", 408), ("noresource", 500), ("", 500)):
        us = Asking3()
        (refer,) = us.refer()
        us.answer(refer, 202)
        us.notify(180, f"terminated;reason={reason}" if reason else "terminated")
        last = us.heard()[-1]
        assert isinstance(last, ReferProgress)
        assert (last.status, last.final) == (status, True)


def test_a_peer_that_never_tells_is_not_waited_for() -> None:
    us = Asking3()
    (refer,) = us.refer()
    us.answer(refer, 202)
    us.until(199.0)
    assert us.heard() == [ReferTaken(us.session, True)]
    us.until(201.0)
    assert us.heard()[-1] == ReferProgress(us.session, 408, "Nothing was told in time", True)


def test_a_refusal_leaves_the_call() -> None:
    us = Asking3()
    (refer,) = us.refer()
    us.answer(refer, 603)
    assert us.heard() == [ReferRefused(us.session, 603, "Word")]
    assert not any(isinstance(event, Ended) for event in us.events)


@pytest.mark.parametrize("status", [408, 481])
def test_an_answer_that_knows_no_call_ends_it(status: int) -> None:
    us = Asking3()
    (refer,) = us.refer()
    us.answer(refer, status)
    assert [type(event) for event in us.events[-2:]] == [ReferRefused, Ended]


def test_silence_ends_the_call() -> None:
    us = Asking3()
    us.refer()
    us.until(40.0)
    assert [type(event) for event in us.events[-2:]] == [ReferRefused, Ended]


def test_who_says_that_it_takes_none_is_not_asked() -> None:
    us = Asking3("INVITE, ACK, BYE")
    assert us.refer() == []
    assert not us.sent
    silent = Asking3("")
    silent.refer()
    assert silent.sent, "who has not said anything is asked"


def test_without_a_subscription() -> None:
    us = Asking3()
    (refer,) = us.refer(subscribe=False)
    assert isinstance(refer, Request)
    assert refer.headers.get("Refer-Sub") == "false"
    us.answer(refer, 200, ["Refer-Sub: false"])
    assert us.heard() == [ReferTaken(us.session, False)]
    assert us.notify(200, "terminated") == [481]


def test_notifies_we_do_not_take() -> None:
    us = Asking3()
    assert us.notify(200) == [481], "nothing was asked for"
    (refer,) = us.refer()
    us.answer(refer, 202)
    assert us.notify(200, event="presence") == [489]
    assert us.notify(200, event="refer;id=4711") == [481]
    assert us.notify(200, event="refer;id=x") == [400]
    assert us.notify(200, kind="text/plain") == [415]
    assert us.notify(200, state="") == [400]
    assert us.notify(200, body=b"rubbish") == [400]
    assert us.notify(200, body=b"SIP/2.0 200 OK\r\n" + b"x" * 5000) == [413]
    assert us.heard() == [ReferTaken(us.session, True)]


# --- against each other ---------------------------------------------------------------------------------


def takes_calls(peer: Peer, refers: bool = True) -> Callable[[Event], None]:
    def react(event: Event) -> None:
        if isinstance(event, IncomingInvite):
            if refers:
                peer.agent.let_refer(event.session)
            peer.take(peer.agent.answer(peer.net.now, event.session, ANSWER))

    return react


@given(seed=st.integers(0, 10_000), loss=st.sampled_from([0.0, 0.1, 0.3]), final=st.integers(200, 699))
@settings(max_examples=30, deadline=None)
def test_the_outcome_arrives_on_a_bad_network(seed: int, loss: float, final: int) -> None:
    """Whatever is lost or doubled: it is asked once, what came of it is heard once, and nothing is left."""
    net = Net(seed, loss, double=0.2)
    a, b = net.peer(5060), net.peer(5070)
    takes = takes_calls(b)
    referred: list[Referred] = []

    def react(event: Event) -> None:
        takes(event)
        if isinstance(event, Referred):
            referred.append(event)
            b.take(b.agent.accept_refer(net.now, event.session, event.refer))
            b.take(b.agent.notify_referrer(net.now, event.refer, 180))

    b.react = react
    session = a.call(b.address)
    net.run(net.now + 40.0)
    if not any(isinstance(event, Answered) for event in a.events):
        return
    sent, outputs = a.agent.refer(net.now, session, Asking("sip:+14255550123@192.0.2.9"))
    assert sent
    a.take(outputs)
    net.run(net.now + 20.0)
    for one in referred:
        b.take(b.agent.notify_referrer(net.now, one.refer, final))
    net.run(net.now + 300.0)
    finals = [event for event in a.events if isinstance(event, ReferProgress) and event.final]
    refused = [event for event in a.events if isinstance(event, ReferRefused)]
    assert len(referred) <= 1
    assert len(finals) + len(refused) == 1
    if loss == 0.0:
        assert [event.status for event in finals] == [final]
    a.take(a.agent.end(net.now, session))
    net.run(net.now + 100.0)
    for peer in (a, b):
        agent = peer.agent
        assert (agent.sessions, agent.dialogs, agent.transactions, agent.timers) == (0, 0, 0, 0)


def test_an_attended_transfer_among_three() -> None:
    """A is in calls with B and C, and asks B to take its place in the one with C."""
    net = Net(3)
    a, b, c = net.peer(5060), net.peer(5070), net.peer(5080)
    with_b, with_c = a.call(b.address), a.call(c.address)
    takes = takes_calls(b)
    replaced: list[int] = []

    def b_reacts(event: Event) -> None:
        takes(event)
        if isinstance(event, Referred):
            b.take(b.agent.accept_refer(net.now, event.session, event.refer))
            assert event.target.replaces is not None
            extra = (("Replaces", written(event.target.replaces)), ("Referred-By", event.by))
            flow = b.flow(c.address)
            outgoing = Outgoing(
                str(event.target.uri), "<sip:b@192.0.2.1>", "<sip:c@192.0.2.1>", OFFER, flow, extra
            )
            b.take(b.agent.invite(net.now, outgoing)[1])
            b.referred = event.refer  # type: ignore[attr-defined]
        if isinstance(event, Answered):
            b.take(b.agent.notify_referrer(net.now, b.referred, 200))  # type: ignore[attr-defined]

    def c_reacts(event: Event) -> None:
        if isinstance(event, IncomingInvite):
            value = event.request.headers.get("Replaces")
            c.take(c.agent.answer(net.now, event.session, ANSWER))
            if value is not None:
                asked = Replaces.parse(value)
                found = c.agent.find(asked.call_id, asked.to_tag, asked.from_tag)
                assert found is not None
                replaced.append(found)
                c.take(c.agent.end(net.now, found))

    b.react, c.react = b_reacts, c_reacts
    net.run(5.0)
    dialog = a.agent.dialog_of(with_c)
    sent, outputs = a.agent.refer(
        net.now, with_b, Asking("sip:c@192.0.2.1:5080", "<sip:a@192.0.2.1>", replaces=dialog)
    )
    assert sent
    a.take(outputs)
    net.run(10.0)
    assert len(replaced) == 1
    assert ReferProgress(with_b, 200, "OK", True) in a.events
    assert [event.session for event in a.events if isinstance(event, Ended)] == [with_c]


# --- the words ------------------------------------------------------------------------------------------


@given(status=st.integers(100, 699), reason=st.text(max_size=200))
def test_fragments_are_read_as_they_were_written(status: int, reason: str) -> None:
    body = fragment(status, reason)
    assert len(body) < 2048
    assert body.count(b"\n") == 1
    assert read_fragment(body)[0] == status


@given(body=st.binary(max_size=300))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    try:
        status, _ = read_fragment(body)
    except ParseError:
        return
    assert 100 <= status < 700


_TAG = st.text("abcdefghijklmnopqrstuvwxyz0123456789-.", min_size=1, max_size=20)


@given(
    call_id=st.text("abcXYZ019-.@%&=+?;", min_size=1, max_size=40).filter(lambda text: ";" not in text),
    to_tag=_TAG,
    from_tag=_TAG.filter(lambda tag: tag != "0"),
    early=st.booleans(),
    value=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
)
def test_what_is_asked_for_is_read_as_it_was_written(
    call_id: str, to_tag: str, from_tag: str, early: bool, value: str
) -> None:
    replaces = Replaces(call_id, to_tag, from_tag, early)
    text = refer_to("sip:+14255550123@192.0.2.1;transport=tcp", replaces, (("X-A", value),))
    request = parse(
        f"REFER sip:b@192.0.2.2 SIP/2.0{HEAD.format(branch='x', tag=';tag=t', number=1, method='REFER')}\n"
        f"Refer-To: {text}\nContent-Length: 0\n\n".replace("\n    ", "\n")
        .replace("\n", "\r\n")
        .encode()
    )
    assert isinstance(request, Request)
    target = ReferTo.of(request)
    assert (target.replaces, target.headers) == (replaces, (("X-A", value),))
    assert str(target.uri) == "sip:+14255550123@192.0.2.1;transport=tcp"


def test_who_referred() -> None:
    from hookflash.sip.fields import Headers

    assert (
        referrer(Headers([("Referred-By", '"Boss" <sip:b@x.example>;cid="1@x"')])) == "Boss <sip:b@x.example>"
    )
    assert referrer(Headers([("Referred-By", "rubbish")])) == ""
    assert referrer(Headers([("Referred-By", "<sip:" + "x" * 600 + "@x>")])) == ""
    assert referrer(Headers()) == ""
    assert subscribes(Headers([("Refer-Sub", "FALSE;x=1")])) is False
    with pytest.raises(ParseError):
        refer_to("mailto:x@y")
