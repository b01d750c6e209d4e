"""Keys in INFO requests, and what else INFO may be."""

from __future__ import annotations

import pytest
from sip.agents import Probe
from sip.test_uac import hear, up
from sip.test_uas import TAGGED, established, message, status

from hookflash.sip import keys
from hookflash.sip.errors import ParseError
from hookflash.sip.events import Ended, Informed, KeyPressed
from hookflash.sip.message import Request, Response

RELAY, PLAIN = "Content-Type: application/dtmf-relay", "Content-Type: application/dtmf"


def info(probe: Probe, tag: str, *extra: str, body: bytes = b"", number: int = 4) -> Response:
    text = message("INFO", *extra, number=number, branch=f"z9hG4bKi{number}", to=TAGGED.format(tag=tag))
    (response,) = probe.tell(text, body)
    assert isinstance(response, Response)
    return response


@pytest.mark.parametrize(
    ("extra", "body", "key"),
    [
        (RELAY, b"Signal=5\r\nDuration=160\r\n", "5"),
        (RELAY, b"Signal= *\r\nDuration= 160", "*"),
        (RELAY, b"Duration=250\nsignal = a\n", "A"),
        (RELAY, b"Signal=11\r\n", "#"),
        (f"{RELAY};charset=utf-8", b"Signal=10", "*"),
        (PLAIN, b"7", "7"),
        (PLAIN, b" d\r\n", "D"),
        (PLAIN, b"Signal=0\r\nDuration=1\r\n", "0"),
    ],
)
def test_a_key_is_reported(extra: str, body: bytes, key: str) -> None:
    probe = Probe()
    tag = established(probe)
    assert info(probe, tag, extra, body=body).status == 200
    assert probe.events[-1] == KeyPressed(1, key)


def test_a_repeated_info_is_one_key() -> None:
    probe = Probe()
    tag = established(probe)
    for _ in range(3):
        info(probe, tag, PLAIN, body=b"7")
    assert probe.events.count(KeyPressed(1, "7")) == 1


@pytest.mark.parametrize(
    ("extra", "body", "expected", "header"),
    [
        (PLAIN, b"E", 400, "Warning"),
        (RELAY, b"Duration=160", 400, "Warning"),
        (RELAY, b"Signal=5\r\n" + b"x" * 300, 413, "Warning"),
        (PLAIN, b"\xff", 400, "Warning"),
        ("Content-Type: application/media_control+xml", b"<x/>", 415, "Accept"),
        ("Content-Type: rubbish", b"5", 400, None),
        ("Info-Package: nothing", b"", 469, "Recv-Info"),
        ("X-Nothing: 1", b"", 200, None),
        (RELAY, b"Signal=!\r\nDuration=1\r\n", 200, None),
    ],
)
def test_everything_else_is_answered_and_is_no_key(
    extra: str, body: bytes, expected: int, header: str | None
) -> None:
    probe = Probe()
    tag = established(probe)
    before = len(probe.events)
    response = info(probe, tag, extra, body=body)
    assert response.status == expected
    assert header is None or header in response.headers
    assert len(probe.events) == before


def test_outside_a_dialog_it_is_481() -> None:
    assert status(Probe().tell(message("INFO", PLAIN), b"5")) == [481]
    probe = Probe()
    tag = established(probe)
    probe.agent.end(0.0, 1)
    assert info(probe, tag, PLAIN, body=b"5").status == 481


def press(probe: Probe, key: str = "5") -> Request:
    sent, outputs = probe.agent.press(probe.now, 1, key, 160)
    assert sent
    (request,) = probe.take(outputs)
    assert isinstance(request, Request)
    return request


def test_ours_carries_a_key_and_its_answer_is_reported() -> None:
    probe = Probe()
    up(probe)
    request = press(probe, "#")
    assert (request.method, request.body) == ("INFO", b"Signal=#\r\nDuration=160\r\n")
    assert keys.read(request) == "#"
    hear(probe, request, 200)
    assert probe.events[-1] == Informed(1, 200)
    hear(probe, press(probe), 415)
    assert probe.events[-1] == Informed(1, 415)


def test_a_challenged_one_is_sent_again() -> None:
    probe = Probe()
    up(probe, username="u", password="p")
    (again,) = hear(probe, press(probe), 407, Proxy_Authenticate='Digest realm="r", nonce="n"')
    assert isinstance(again, Request)
    assert (again.body, again.headers.get("Content-Type")) == (
        b"Signal=5\r\nDuration=160\r\n",
        "application/dtmf-relay",
    )


@pytest.mark.parametrize("code", [0, 481])
def test_one_that_shows_the_dialog_is_gone_ends_the_call(code: int) -> None:
    probe = Probe()
    up(probe)
    request = press(probe)
    if code:
        hear(probe, request, code)
    probe.until(33.0)
    assert probe.events[-2] == Informed(1, code or 408)
    assert isinstance(probe.events[-1], Ended)


def test_nobody_presses_keys_in_a_call_that_is_not_up() -> None:
    probe = Probe()
    assert probe.agent.press(0.0, 1, "5", 160) == (False, [])
    up(probe)
    probe.agent.end(0.0, 1)
    assert probe.agent.press(0.0, 1, "5", 160) == (False, [])


@pytest.mark.parametrize("key", "0123456789*#ABCD")
def test_what_is_written_is_read(key: str) -> None:
    request = Request("INFO", "sip:a@b", body=keys.write(key, 100))
    assert keys.read(request) == key
    with pytest.raises(ParseError):
        keys.read(Request("INFO", "sip:a@b", body=b"Signal=" + key.encode() * 3))
