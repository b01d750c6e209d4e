"""``python -m bench.sip_core``: the SIP core without a network: messages read and written, memory of calls.

``sip_core`` is microseconds to read an INVITE of a kilobyte and write it again, each time another one;
``sip_core.read`` and ``.write`` are its halves. ``sip_core.dialog`` is what the process grows by with 10,000
calls that came in at once and are up, session timers running, when the transactions of their beginning are
over. Sockets cost nothing here: UDP has one for all.
"""

from __future__ import annotations

import gc
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from bench.figures import figure, refuse
from bench.media import BenchError, middle
from bench.memory import resident
from hookflash.sip.events import IncomingInvite
from hookflash.sip.flow import Flow, Send
from hookflash.sip.message import Request, Response, parse
from hookflash.sip.session import SessionTerms
from hookflash.sip.ua import Settings, UserAgent

T = TypeVar("T")
TARGET = 60.0
TARGET_DIALOG = 12.0
MESSAGES = 2000
ROUNDS = 9
DIALOGS = 10_000
LINGER = 33.0
"""Seconds after which the transactions of a call's beginning are over."""
FLOW = Flow("UDP", ("192.0.2.2", 5060), ("192.0.2.1", 5060))
ANSWER = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 101\r\n"
    b"a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\n"
)
OFFER = (
    "v=0\r\no=caller {n} {n} IN IP4 192.0.2.1\r\ns=call\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 0 8 9 101\r\n"
    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:9 G722/8000\r\n"
    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
)
INVITE = (
    "INVITE sip:+18005550100@192.0.2.2 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{n:016x};rport\r\n"
    "Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKfirst{n:011x};rport=5060;received=192.0.2.9\r\n"
    "Record-Route: <sip:192.0.2.1;lr>\r\n"
    "Max-Forwards: 69\r\n"
    'From: "Some Caller" <sip:+1425555{n:04d}@192.0.2.1>;tag={n:08x}\r\n'
    "To: <sip:+18005550100@192.0.2.2>\r\n"
    "Call-ID: {n:032x}@192.0.2.1\r\n"
    "CSeq: 1 INVITE\r\n"
    "Contact: <sip:+1425555{n:04d}@192.0.2.1:5060>\r\n"
    "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO\r\n"
    "Supported: timer, replaces\r\n"
    "Session-Expires: 1800;refresher=uac\r\n"
    "P-Asserted-Identity: <sip:+1425555{n:04d}@192.0.2.1>\r\n"
    "User-Agent: bench\r\n"
    "Content-Type: application/sdp\r\n"
    "Content-Length: {length}\r\n\r\n"
)
ACK = (
    "ACK sip:hookflash@192.0.2.2:5060 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKack{n:013x};rport\r\n"
    "Max-Forwards: 69\r\n"
    'From: "Some Caller" <sip:+1425555{n:04d}@192.0.2.1>;tag={n:08x}\r\n'
    "To: {to}\r\n"
    "Call-ID: {n:032x}@192.0.2.1\r\n"
    "CSeq: 1 ACK\r\n"
    "Content-Length: 0\r\n\r\n"
)


def invite(number: int) -> bytes:
    """The INVITE of a call."""
    body = OFFER.format(n=1_000_000 + number, port=20_000 + number % 10_000)
    return (INVITE.format(n=number, length=len(body)) + body).encode()


def fastest(work: Callable[[T], object], on: Sequence[T]) -> tuple[float, float]:
    """Microseconds of CPU a piece of work takes, and the noise."""
    found: list[float] = []
    for _ in range(ROUNDS):
        gc.collect()
        began = time.process_time()
        for one in on:
            work(one)
        found.append((time.process_time() - began) / len(on) * 1e6)
    # What else runs on the machine only ever adds.
    return min(found), middle(found)[1]


def read_and_write(data: bytes) -> bytes:
    """Both."""
    return parse(data).to_bytes()


def fill(agent: UserAgent) -> None:
    """Bring up so many calls, all at time 0."""
    for number in range(DIALOGS):
        outputs = agent.receive(0.0, invite(number), FLOW)
        event = next((one for one in outputs if isinstance(one, IncomingInvite)), None)
        if event is None:
            raise BenchError(f"call {number} was not taken")
        agent.ring(0.0, event.session)
        sent = agent.answer(0.0, event.session, ANSWER)
        answer = next(parse(one.data) for one in sent if isinstance(one, Send))
        if not isinstance(answer, Response) or answer.status != 200:
            raise BenchError(f"call {number} was not answered")
        agent.receive(0.0, ACK.format(n=number, to=answer.headers.get("To")).encode(), FLOW)


def memory() -> float:
    """Kilobytes a call that is up."""
    settings = Settings(
        max_transactions=2 * DIALOGS, max_sessions=DIALOGS, terms=SessionTerms(expires=1800, minimum=90)
    )
    agent = UserAgent(settings, random.Random(1).randbytes)
    invite(0)
    gc.collect()
    before = resident(os.getpid())
    fill(agent)
    while (due := agent.next_timeout()) is not None and due <= LINGER:
        agent.timeout(due)
    gc.collect()
    if agent.sessions != DIALOGS or agent.dialogs != DIALOGS or agent.transactions:
        raise BenchError(f"{agent.sessions} calls are up, with {agent.transactions} transactions")
    return (resident(os.getpid()) - before) / DIALOGS / 1000


def main() -> int:
    """Measure and print the figures."""
    # Memory first: what was freed before would hide what is taken.
    try:
        dialog = memory()
    except BenchError as error:
        return refuse("sip_core.dialog", error, "kB/dialog", TARGET_DIALOG)
    data = [invite(number) for number in range(MESSAGES)]
    messages = [message for one in data if isinstance(message := parse(one), Request)]
    cost, noise = fastest(read_and_write, data)
    figure("sip_core", cost, "us/INVITE", TARGET, noise=noise)
    figure("sip_core.read", fastest(parse, data)[0], "us/INVITE", None)
    figure("sip_core.write", fastest(Request.to_bytes, messages)[0], "us/INVITE", None)
    figure("sip_core.dialog", dialog, "kB/dialog", TARGET_DIALOG)
    print(f"sip_core: an INVITE has {len(data[0])} bytes", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
