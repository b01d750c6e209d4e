"""A user agent with somebody at the other end who says what an input tells them to."""

from __future__ import annotations

import random
from collections.abc import Callable

import driving

with driving.watched():
    from hookflash.sip.build import ALLOW
    from hookflash.sip.envelope import Envelope
    from hookflash.sip.errors import ParseError
    from hookflash.sip.events import Cancelled, Ended, Failed, IncomingInvite, Referred, Replied
    from hookflash.sip.flow import Flow, Send
    from hookflash.sip.message import Request, Response, parse
    from hookflash.sip.session import Guest
    from hookflash.sip.stateless import SILENCE, BriefAnswer
    from hookflash.sip.stream import StreamFramer
    from hookflash.sip.ua import Asking, Inquiry, Outgoing, Output, SessionTerms, Settings, UserAgent

US, THEM = ("192.0.2.2", 5060), ("192.0.2.1", 5060)
FLOWS = (Flow("UDP", US, THEM), Flow("TCP", US, ("192.0.2.3", 40_000), 7))
SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
SESSIONS, TRANSACTIONS, PER_SOURCE = 6, 24, 16
STEPS = 40
"""What happens in one input at most."""
LONGEST = 400.0
"""Seconds after which nothing of what has ended may be remembered."""

METHODS = (
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "PRACK",
    "UPDATE",
    "INFO",
    "OPTIONS",
    "REGISTER",
    "REFER",
    "NOTIFY",
    "X",
)
STATUSES = (100, 180, 183, 200, 202, 301, 302, 401, 407, 408, 422, 481, 486, 487, 491, 500, 503, 600, 603)
SECONDS = (0.01, 0.5, 1.0, 4.0, 33.0, 61.0, 200.0, 901.0)
HEADERS = (
    "Via",
    "From",
    "To",
    "Call-ID",
    "CSeq",
    "Contact",
    "Max-Forwards",
    "RAck",
    "RSeq",
    "Require",
    "Supported",
    "Session-Expires",
    "Min-SE",
    "Allow",
    "Record-Route",
    "Content-Type",
    "WWW-Authenticate",
    "Retry-After",
    "Replaces",
    "Refer-To",
    "Referred-By",
    "Refer-Sub",
    "Event",
    "Subscription-State",
    "Content-Length",
)


class Script:
    """An input as choices."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def octet(self) -> int:
        """0 once the input is used up."""
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def octets(self, longest: int) -> bytes:
        """Some octets: how many stands before them."""
        size = self.octet()
        if longest > 255:
            size = size << 8 | self.octet()
        size = min(size, longest)
        self._at += size
        return self._data[self._at - size : self._at]


class FuzzedAgent:
    """One user agent; everything that leaves it is checked."""

    def __init__(self) -> None:
        settings = Settings(
            max_transactions=TRANSACTIONS,
            max_sessions=SESSIONS,
            transactions_per_source=PER_SOURCE,
            unanswered=120.0,
            terms=SessionTerms(1800, 90),
        )
        self.agent = UserAgent(settings, random.Random(1).randbytes)
        self.framer = StreamFramer()
        self.now = 0.0
        self.closed: set[int] = set()
        self.asked: list[Request] = []
        self.tags = ["", "far", "fork"]
        self.rseq = 1
        self.unreadable = False
        self.referred: list[tuple[int, int]] = [(1, 1)]
        self.inquiries: set[int] = set()

    def follow(self, script: Script) -> None:
        """Do as an input says, and then let everybody hang up: nothing may be left."""
        steps: tuple[Callable[[Script], None], ...] = (
            self._raw,
            self._request,
            self._request,
            self._response,
            self._response,
            self._act,
            self._act,
            self._wait,
            self._stream,
            self._call,
            self._refer,
        )
        for _ in range(STEPS):
            if not script:
                break
            steps[script.octet() % len(steps)](script)
            self._bounds()
        for session in list(self.agent._core.sessions):
            self._take(self.agent.end(self.now, session), LONGEST)
        self._until(self.now + LONGEST)
        agent = self.agent
        left = (agent.sessions, agent.dialogs, agent.transactions, agent.timers)
        assert left == (0, 0, 0, 0), left
        assert not agent._server.referrals
        assert not self.inquiries
        assert not agent._core.room.transactions._held
        assert not agent._server._responder._merge
        assert not agent._server._responder._merge_keys

    def _bounds(self) -> None:
        core = self.agent._core
        assert len(core.sessions) <= 2 * SESSIONS
        # What ends a call is taken where there is no room for anything else.
        ending = 2 * 2 * SESSIONS
        assert len(core.transactions._servers) <= TRANSACTIONS + ending
        held = core.room.transactions._held
        assert all(count <= PER_SOURCE + ending for count in held.values())
        assert sum(held.values()) == sum(bool(one.source) for one in core.transactions._servers.values())
        assert len(core.dialogs) <= 17 * len(core.sessions)
        assert len(core.transactions._clients) <= 40 * (len(core.sessions) + 4)
        # A session that has ended while a re-INVITE was pending leaves a timer behind for that, once each.
        assert len(core.timers) <= 3 * len(core.transactions) + 8 * len(core.sessions) + STEPS
        assert len(self.agent._server._responder._merge) <= TRANSACTIONS + ending
        assert not core.outputs

    def _take(self, outputs: list[Output], most: float = 40) -> None:
        assert len(outputs) <= most, len(outputs)
        for output in outputs:
            if not isinstance(output, Send):
                self._heard(output)
                continue
            message = self._written(output.data)
            if message is None:
                continue
            for tag in (message.to.tag, message.from_.tag):
                if tag and tag not in self.tags and len(self.tags) < 16:
                    self.tags.append(tag)
            if isinstance(message, Request):
                self.asked.append(message)
                del self.asked[:-32]
            said = message.headers.get("RSeq")
            self.rseq = int(said) if said else self.rseq

    def _written(self, data: bytes) -> Request | Response | None:
        """A message of ours, None for the refusal of one whose headers cannot be read: it repeats them."""
        head, _, _ = data.partition(b"\r\n\r\n")
        controls = bytes(octet for octet in range(32) if octet != 9) + b"\x7f"
        assert len(head) - len(head.translate(None, controls)) == 2 * head.count(b"\r\n")
        try:
            message = parse(data)
        except ParseError:
            assert self.unreadable
            assert data.startswith((b"SIP/2.0 4", b"SIP/2.0 5"))
            return None
        assert parse(message.to_bytes()) == message
        Envelope.of(message)
        return message

    def _heard(self, event: Output) -> None:
        if isinstance(event, Replied):
            self.inquiries.remove(event.inquiry)
            return
        session = event.session  # type: ignore[union-attr]
        assert session not in self.closed, event
        if isinstance(event, Cancelled | Ended | Failed):
            self.closed.add(session)
        if isinstance(event, IncomingInvite):
            assert event.request.method == "INVITE"
            self.agent.let_refer(session)
        if isinstance(event, Referred):
            self.referred.append((session, event.refer))

    def _until(self, when: float) -> None:
        fired = 0
        while (due := self.agent.next_timeout()) is not None and due <= when:
            fired += 1
            assert fired < 20_000
            self.now = max(self.now, due)
            self._take(self.agent.timeout(self.now), LONGEST)
        self.now = when

    def _receive(self, data: bytes, flow: Flow, asked: int) -> None:
        judges = (None, lambda request: BriefAnswer(403, "No"), lambda request: SILENCE, lambda request: None)
        quiet = asked & 16 == 16
        before = self.agent.broken_messages
        guest = Guest(SessionTerms(1800, 90), flow.remote[0] if asked & 32 else "")
        outputs = self.agent.receive(
            self.now, data, flow, judge=judges[asked >> 2 & 3], guest=lambda: guest, quiet=quiet
        )
        self.unreadable = self.agent.broken_messages > before
        assert not (self.unreadable and quiet and outputs)
        self._take(outputs)
        self.unreadable = False

    # --- what can happen --------------------------------------------------------------------------------

    def _raw(self, script: Script) -> None:
        how = script.octet()
        self._receive(script.octets(4000), FLOWS[how & 1], how)

    def _request(self, script: Script) -> None:
        method = METHODS[script.octet() % len(METHODS)]
        how, tags, where, number = script.octet(), script.octet(), script.octet(), script.octet()
        flow = FLOWS[how & 1]
        near, far = self.tags[(tags & 15) % len(self.tags)], self.tags[(tags >> 4) % len(self.tags)]
        body = SDP if how & 32 else b""
        lines = {
            "Via": f"SIP/2.0/{flow.transport} 192.0.2.1:5060;branch=z9hG4bK{where & 7}",
            "From": f"<sip:a@192.0.2.1>{';tag=' + far if far else ''}",
            "To": f"<sip:b@192.0.2.2>{';tag=' + near if near else ''}",
            "Call-ID": f"call{where >> 3 & 1}",
            "CSeq": f"{number} {method}",
            "Contact": "<sip:a@192.0.2.1>",
            "RAck": f"{self.rseq} {number & 3} INVITE",
            "Refer-To": "<sip:c@192.0.2.5>",
        }
        if method == "NOTIFY":
            body = f"SIP/2.0 {STATUSES[number % len(STATUSES)]} So\r\n".encode() if body else b""
            lines["Event"], lines["Subscription-State"] = "refer", "active" if how & 2 else "terminated"
        if where & 16 and self.asked:
            asked = self.asked[where % len(self.asked)]
            lines["Call-ID"] = asked.call_id
            lines["From"], lines["To"] = asked.headers.get("To") or "", asked.headers.get("From") or ""
        if where & 32:
            lines["Supported"], lines["Allow"] = "100rel, timer", ALLOW
        if where & 64:
            lines["Session-Expires"] = "90;refresher=uac" if number & 1 else "1800"
        if body:
            lines["Content-Type"] = "message/sipfrag" if method == "NOTIFY" else "application/sdp"
        self._send(f"{method} sip:b@192.0.2.2 SIP/2.0", lines, body, script, flow, how)

    def _response(self, script: Script) -> None:
        status, how = STATUSES[script.octet() % len(STATUSES)], script.octet()
        which, tag = script.octet(), script.octet()
        if not self.asked:
            return
        asked = self.asked[which % len(self.asked)]
        to = asked.headers.get("To") or ""
        if tag & 3 and ";tag=" not in to:
            to += f";tag={'pqr'[(tag & 3) - 1]}"
        lines = {
            "Via": asked.headers.get("Via") or "",
            "From": asked.headers.get("From") or "",
            "To": to,
            "Call-ID": asked.call_id,
            "CSeq": str(asked.cseq),
            "Contact": "<sip:b@192.0.2.1>",
        }
        if tag & 4:
            lines["Require"], lines["RSeq"] = "100rel", str(tag >> 4)
        if tag & 8:
            lines["Allow"], lines["Session-Expires"] = ALLOW, "90;refresher=uas"
        if status in (401, 407):
            name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
            lines[name] = f'Digest realm="r{tag >> 6}", nonce="{which}"'
        body = SDP if how & 32 else b""
        if body:
            lines["Content-Type"] = "application/sdp"
        self._send(f"SIP/2.0 {status} So", lines, body, script, FLOWS[how & 1], how)

    def _send(
        self, start: str, lines: dict[str, str], body: bytes, script: Script, flow: Flow, how: int
    ) -> None:
        """Send a message, one of its headers as the input has it."""
        text = {name: value.encode() for name, value in lines.items()}
        text["Content-Length"] = str(len(body)).encode()
        if how & 64:
            name = HEADERS[script.octet() % len(HEADERS)]
            text[name] = script.octets(255)
        extra = script.octets(255) if how & 128 else b""
        head = b"".join(b"%b: %b\r\n" % (name.encode(), value) for name, value in text.items())
        self._receive(start.encode() + b"\r\n" + head + extra + b"\r\n" + body, flow, how)

    def _wait(self, script: Script) -> None:
        self._until(self.now + SECONDS[script.octet() % len(SECONDS)])

    def _stream(self, script: Script) -> None:
        how, data = script.octet(), script.octets(2000)
        try:
            messages = self.framer.feed(data)
        except ParseError as error:
            self.unreadable = True
            self._take(self.agent.malformed(self.now, error, FLOWS[1], quiet=bool(how & 1)))
            self.unreadable = False
            self._take(self.agent.broken(self.now, FLOWS[1]))
            self.framer = StreamFramer()
            return
        for message in messages:
            self._receive(message, FLOWS[1], how)

    def _call(self, script: Script) -> None:
        how = script.octet()
        if self.agent.sessions >= SESSIONS:
            return
        outgoing = Outgoing(
            "sip:b@192.0.2.1",
            "<sip:us@192.0.2.2>",
            "<sip:b@192.0.2.1>",
            SDP if how & 1 else b"",
            FLOWS[how >> 1 & 1],
            username="u" if how & 4 else "",
            password="p",
            ring_timeout=60.0,
            terms=SessionTerms(1800 if how & 8 else 0, 90),
        )
        session, outputs = self.agent.invite(self.now, outgoing)
        self.agent.let_refer(session)
        self._take(outputs)

    def _refer(self, script: Script) -> None:
        """What is said about REFERs, and requests outside of every call."""
        what, which = script.octet(), script.octet()
        agent, now = self.agent, self.now
        session, number = self.referred[which % len(self.referred)]
        status = STATUSES[which % len(STATUSES)]
        asking = Asking("sip:c@192.0.2.5", subscribe=which & 1 == 1)
        alive = [*agent._core.sessions, 99]
        if what % 6 == 5:
            if len(self.inquiries) < SESSIONS:
                ends = "<sip:us@192.0.2.2>", "<sip:b@192.0.2.1>"
                flow = FLOWS[which & 1]
                patience = 5.0 if which & 2 else None
                asked, outputs = agent.ask(
                    now, Inquiry("OPTIONS", "sip:b@192.0.2.1", *ends, flow, patience=patience)
                )
                self.inquiries.add(asked)
                self._take(outputs)
            return
        acts: tuple[Callable[[], list[Output]], ...] = (
            lambda: agent.accept_refer(now, session, number),
            lambda: agent.refuse_refer(now, session, number, 603),
            lambda: agent.notify_referrer(now, number, status, "So"),
            lambda: agent.refer(now, alive[which % len(alive)], asking)[1],
            lambda: agent.notify_referrer(now, number, 180),
        )
        self._take(acts[what % 6]())

    def _act(self, script: Script) -> None:
        what, which = script.octet(), script.octet()
        sessions = [*self.agent._core.sessions, 99]
        agent, now, session = self.agent, self.now, sessions[which % len(sessions)]
        acts: tuple[Callable[[], list[Output]], ...] = (
            lambda: agent.ring(now, session),
            lambda: agent.ring(now, session, 183, SDP),
            lambda: agent.answer(now, session, SDP),
            lambda: agent.refuse(now, session, 486),
            lambda: agent.answer_offer(now, session, SDP),
            lambda: agent.refuse_offer(now, session, 488),
            lambda: agent.update(now, session)[1],
            lambda: agent.update(now, session, SDP)[1],
            lambda: agent.reoffer(now, session, SDP)[1],
            lambda: agent.press(now, session, "5", 160)[1],
            lambda: agent.end(now, session),
            lambda: agent.broken(now, FLOWS[which & 1]),
        )
        self._take(acts[what % len(acts)](), LONGEST)
        if what % len(acts) == 10:
            self.closed.add(session)
        agent.withdraw(session if what & 128 else 0)
