"""Keys of SRTP and credentials stay out of what objects show of themselves, and so out of every log."""

from __future__ import annotations

from sip.agents import ANSWER, OFFER, Probe
from sip.test_uac import FLOW, hear
from sip.test_uas import message

from hookflash.sip.message import Request
from hookflash.sip.ua import Outgoing

SECRET = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
LINE = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{SECRET}\r\n".encode()


def shown(probe: Probe) -> str:
    """All that a user agent has and has said, as it would stand in a traceback."""
    core = probe.agent._core
    return repr([core.sessions, core.dialogs, core.transactions, probe.events, probe.sends])


def test_of_calls_that_come_in() -> None:
    probe = Probe()
    probe.tell(message("INVITE", "Content-Type: application/sdp", "Supported: 100rel"), OFFER + LINE)
    probe.take(probe.agent.ring(0.0, 1, 183, ANSWER + LINE))
    probe.take(probe.agent.ring(0.0, 1, 183, ANSWER + LINE))
    (session,) = probe.agent._core.sessions.values()
    assert session.provisional is not None
    assert SECRET.encode() in session.provisional.data
    assert session.queued
    assert SECRET not in shown(probe)


def test_of_answers_that_wait_for_their_ack() -> None:
    probe = Probe()
    probe.tell(message("INVITE", "Content-Type: application/sdp"), OFFER + LINE)
    probe.take(probe.agent.answer(0.0, 1, ANSWER + LINE))
    (session,) = probe.agent._core.sessions.values()
    assert session.success is not None
    assert SECRET.encode() in session.success.data
    assert SECRET not in shown(probe)


def test_of_calls_out_with_a_password() -> None:
    probe = Probe()
    caller, callee = "<sip:us@192.0.2.2>", "<sip:b@192.0.2.1>"
    outgoing = Outgoing(
        "sip:b@192.0.2.1", caller, callee, OFFER + LINE, FLOW, username="u", password="pass word"
    )
    (invite,) = probe.take(probe.agent.invite(0.0, outgoing)[1])
    assert isinstance(invite, Request)
    hear(probe, invite, 401, **{"WWW-Authenticate": 'Digest realm="r", nonce="n"'})
    again = probe.requests("INVITE")[-1]
    response = (again.headers.get("Authorization") or "").partition('response="')[2][:32]
    assert len(response) == 32
    hear(probe, again, 200, body=ANSWER + LINE)
    # The ACK, kept for the 200 that may come again, has the credentials too.
    assert response.encode() in probe.sends[-1][1].data
    found = shown(probe)
    for secret in (SECRET, "pass word", response):
        assert secret not in found
