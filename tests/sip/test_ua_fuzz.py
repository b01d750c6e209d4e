"""Anything at all may come from the network: a user agent neither falls over nor remembers for ever."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sip.agents import ANSWER, OFFER, THEM, US, Probe

from hookflash.sip.build import ALLOW
from hookflash.sip.events import Cancelled, Ended, Failed, IncomingInvite
from hookflash.sip.flow import Flow, Send
from hookflash.sip.message import Request, parse
from hookflash.sip.ua import Outgoing, SessionTerms, Settings

METHODS = ["INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "PRACK", "UPDATE"]
ACTS = ["ring", "progress", "answer", "refuse", "end", "reoffer"]
ACTS += ["answer offer", "refuse offer", "update", "bare update"]
EXTRAS = [
    "X-Nothing: 2",
    "Require: 100rel",
    "Supported: 100rel, timer",
    f"Allow: {ALLOW}",
    "Retry-After: 3",
    "Session-Expires: 90;refresher=uac",
    "Session-Expires: 90;refresher=uas",
    "Session-Expires: 20",
    "Min-SE: 2000",
]
TERMS = SessionTerms(1800, 90)
STATUSES = [100, 180, 183, 200, 202, 302, 401, 405, 407, 408, 422, 481, 486, 487, 491, 500, 503, 603]


class Hostile(RuleBasedStateMachine):
    """A peer that knows the tags and branches in use and abuses them in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.probe = Probe(Settings(terms=TERMS))
        self.tags = ["", "far"]
        self.requests: list[Request] = []
        self.closed: set[int] = set()
        self.seen = 0
        self.rseq = 1

    def learn(self) -> None:
        for _, send in self.probe.sends[self.seen :]:
            message = parse(send.data)
            for tag in (message.to.tag, message.from_.tag):
                if tag and tag not in self.tags and len(self.tags) < 12:
                    self.tags.append(tag)
            if isinstance(message, Request):
                self.requests.append(message)
            self.rseq = int(message.headers.get("RSeq") or self.rseq)
        self.seen = len(self.probe.sends)

    @rule(
        method=st.sampled_from(METHODS),
        number=st.integers(0, 4),
        branch=st.integers(0, 3),
        call=st.integers(0, 1),
        data=st.data(),
        body=st.booleans(),
        extra=st.sampled_from(EXTRAS),
    )
    def request(
        self, method: str, number: int, branch: int, call: int, data: st.DataObject, body: bool, extra: str
    ) -> None:
        near, far = data.draw(st.sampled_from(self.tags)), data.draw(st.sampled_from(self.tags))
        self.probe.tell(
            f"""{method} sip:x@192.0.2.2 SIP/2.0
            Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{branch}
            Max-Forwards: 70
            From: <sip:a@192.0.2.1>{";tag=" + far if far else ""}
            To: <sip:b@192.0.2.2>{";tag=" + near if near else ""}
            Call-ID: call{call}
            Contact: <sip:a@192.0.2.1>
            {"Content-Type: application/sdp" if body else "X-Nothing: 1"}
            {extra}
            RAck: {self.rseq} {number} INVITE
            CSeq: {number} {method}""",
            OFFER if body else b"",
        )
        self.learn()

    @rule(
        status=st.sampled_from(STATUSES),
        which=st.integers(0, 20),
        tag=st.sampled_from(["", "p", "q"]),
        extra=st.sampled_from(EXTRAS),
    )
    def response(self, status: int, which: int, tag: str, extra: str) -> None:
        if not self.requests:
            return
        request = self.requests[which % len(self.requests)]
        to = request.headers.get("To") or ""
        self.probe.tell(
            f"""SIP/2.0 {status} Whatever
            Via: {request.headers.get("Via")}
            From: {request.headers.get("From")}
            To: {to + (";tag=" + tag if tag and ";tag" not in to else "")}
            Call-ID: {request.call_id}
            WWW-Authenticate: Digest realm="r", nonce="{which}"
            Contact: <sip:b@192.0.2.1>
            {extra}
            RSeq: {which + 1}
            CSeq: {request.cseq}"""
        )
        self.learn()

    @rule(seconds=st.sampled_from([0.1, 0.5, 4.0, 33.0, 900.0]))
    def wait(self, seconds: float) -> None:
        self.probe.until(self.probe.now + seconds)
        self.learn()

    @rule(user=st.sampled_from(["", "u"]))
    def call(self, user: str) -> None:
        outgoing = Outgoing(
            "sip:b@192.0.2.1",
            "<sip:us@192.0.2.2>",
            "<sip:b@192.0.2.1>",
            OFFER,
            Flow("UDP", US, THEM),
            username=user,
            password="p",
            ring_timeout=60.0,
            terms=TERMS,
        )
        self.probe.take(self.probe.agent.invite(self.probe.now, outgoing)[1])
        self.learn()

    @rule(session=st.integers(1, 6), what=st.sampled_from(ACTS))
    def act(self, session: int, what: str) -> None:
        agent, now = self.probe.agent, self.probe.now
        if what == "ring":
            outputs = agent.ring(now, session)
        elif what == "answer":
            outputs = agent.answer(now, session, ANSWER)
        elif what == "refuse":
            outputs = agent.refuse(now, session, 486)
        elif what == "progress":
            outputs = agent.ring(now, session, 183, ANSWER)
        elif what == "answer offer":
            outputs = agent.answer_offer(now, session, ANSWER)
        elif what == "refuse offer":
            outputs = agent.refuse_offer(now, session, 488)
        elif what == "update":
            outputs = agent.update(now, session, OFFER)[1]
        elif what == "bare update":
            outputs = agent.update(now, session)[1]
        elif what == "reoffer":
            outputs = agent.reoffer(now, session, OFFER)[1]
        else:
            outputs = agent.end(now, session)
        self.probe.take(outputs)
        self.learn()

    @rule()
    def lose(self) -> None:
        self.probe.take(self.probe.agent.broken(self.probe.now, self.probe.flow))

    @invariant()
    def sessions_close_once(self) -> None:
        closing = [e.session for e in self.probe.events if isinstance(e, Cancelled | Ended | Failed)]
        assert len(closing) == len(set(closing))

    def teardown(self) -> None:
        """Everybody hangs up: once the longest timers are over, nothing is remembered."""
        for session in range(1, self.probe.agent._core._count + 1):
            self.probe.take(self.probe.agent.end(self.probe.now, session))
        self.probe.until(self.probe.now + 300.0)
        assert self.probe.idle()


TestHostile = Hostile.TestCase
TestHostile.settings = settings(deadline=None, max_examples=60, stateful_step_count=30)

VALID = (
    b"INVITE sip:+14255550100@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n"
    b'From: "A" <sip:a@192.0.2.1>;tag=1\r\nTo: <sip:b@192.0.2.2>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n'
    b"Contact: <sip:a@192.0.2.1>\r\nRecord-Route: <sip:192.0.2.3;lr>\r\nMax-Forwards: 70\r\n\r\n"
)


@settings(deadline=None, max_examples=300)
@given(at=st.integers(0, len(VALID)), length=st.integers(0, 30), junk=st.binary(max_size=30))
def test_damaged_requests_never_harm(at: int, length: int, junk: bytes) -> None:
    probe = Probe()
    for output in probe.agent.receive(0.0, VALID[:at] + junk + VALID[at + length :], probe.flow):
        if isinstance(output, Send):
            assert output.data.startswith(b"SIP/2.0 ")
        else:
            assert isinstance(output, IncomingInvite)
            probe.take(probe.agent.answer(0.0, output.session, ANSWER))
            probe.take(probe.agent.end(0.0, output.session))
    probe.until(300.0)
    assert probe.idle()


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=400))
def test_random_bytes_are_dropped(data: bytes) -> None:
    probe = Probe()
    assert probe.agent.receive(0.0, data, probe.flow) == []
    assert probe.idle()
