from __future__ import annotations

import asyncio
from email.utils import formatdate

import pytest
from events.doubles import App, answering, arrived, hang_up

from hookflash.events import CourierSettings, Reply, Sender, TokenMinter
from hookflash.events.attempts import Overdue, attempt_delivery, describe, retry_after
from hookflash.events.policies import CallbackPolicy, GridPolicy, Verdict
from hookflash.ports.journal import Delivery
from hookflash.testing.clock import VirtualClock


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("-1", 0.0),
        ("1.5", 0.0),
        ("9999999999999", 0.0),
        ("soon", 0.0),
        (formatdate(1_000_030, usegmt=True), 30.0),
        (formatdate(1_000_030), 30.0),
        (formatdate(999_000, usegmt=True), 0.0),
        ("Thu, 99 Jan 1970 00:00:00 GMT", 0.0),
    ],
)
def test_retry_after_in_both_forms(value: str, seconds: float) -> None:
    assert retry_after(Reply(503, headers={"Retry-After": value}), 1_000_000.0) == seconds


def test_descriptions_are_one_short_line() -> None:
    assert describe(Reply(204, "No Content", body=b"ignored")) == "the endpoint answered 204 No Content"
    assert describe(Reply(404)) == "the endpoint answered 404"
    said = describe(Reply(500, "Oops", body=b"first\r\nsecond \x1b[31m" + b"x" * 5000 + b"\xff"))
    assert said.startswith("the endpoint answered 500 Oops: first second [31mxxx")
    assert len(said) < 260
    assert "redirects are not followed" in describe(Reply(301, "Moved"))


CALLBACK = CallbackPolicy(CourierSettings())


def delivery(url: str, audience: str = "guid", headers: dict[str, str] | None = None) -> Delivery:
    return Delivery(id="1", lane="l", url=url, body=b"[{}]", audience=audience, headers=headers or {})


async def test_a_webhook_has_its_type_and_a_fresh_token(
    app: App, sender: Sender, tokens: TokenMinter, clock: VirtualClock
) -> None:
    for earlier in range(2):
        attempt = await attempt_delivery(delivery(app.url), earlier, CALLBACK, sender, tokens, clock, 10.0)
        assert (attempt.verdict, attempt.status) == (Verdict.DELIVERED, 200)
    first, second = app.received
    assert first.headers["content-type"] == "application/json; charset=utf-8"
    assert first.headers["authorization"].startswith("Bearer ey")
    assert first.headers["authorization"] != second.headers["authorization"]
    assert "aeg-delivery-count" not in first.headers


async def test_event_grid_counts_attempts_and_has_no_token(
    app: App, sender: Sender, tokens: TokenMinter, clock: VirtualClock
) -> None:
    headers = {"aeg-event-type": "Notification", "Content-Type": "application/cloudevents+json"}
    for earlier in range(2):
        await attempt_delivery(
            delivery(app.url, "", headers), earlier, GridPolicy(), sender, tokens, clock, 10.0
        )
    assert [r.headers["aeg-delivery-count"] for r in app.received] == ["0", "1"]
    assert app.received[0].headers["content-type"] == "application/cloudevents+json"
    assert "authorization" not in app.received[0].headers


async def test_failures_say_what_happened(
    app: App, sender: Sender, tokens: TokenMinter, clock: VirtualClock
) -> None:
    app.answers.append(answering(503, "busy", {"Retry-After": "4"}))
    attempt = await attempt_delivery(delivery(app.url), 0, CALLBACK, sender, tokens, clock, 10.0)
    assert attempt.verdict is Verdict.RETRY
    assert attempt.said == "the endpoint answered 503 Service Unavailable: busy"
    assert attempt.retry_after == 4.0
    assert attempt.outcome == "Busy"
    refused = await attempt_delivery(delivery("ftp://x/"), 0, CALLBACK, sender, tokens, clock, 10.0)
    assert (refused.verdict, refused.status, refused.outcome) == (Verdict.REFUSED, 0, "Aborted")
    assert "ftp://x/ is not an absolute http(s) URL" in refused.said
    lost = await attempt_delivery(
        delivery("http://no-such-host.invalid/"), 0, CALLBACK, sender, tokens, clock, 10.0
    )
    assert (lost.verdict, lost.status, lost.outcome) == (Verdict.RETRY, 0, "ResolutionError")
    app.answers.append(hang_up)
    cut = await attempt_delivery(delivery(app.url), 0, CALLBACK, sender, tokens, clock, 10.0)
    assert (cut.verdict, cut.outcome) == (Verdict.RETRY, "SocketError")


async def test_a_silent_endpoint_timed_out(
    app: App, sender: Sender, tokens: TokenMinter, clock: VirtualClock
) -> None:
    app.answers.append(app.hold)
    asking = asyncio.create_task(
        attempt_delivery(delivery(app.url), 0, CALLBACK, sender, tokens, clock, 10.0)
    )
    await arrived(app, 1)
    clock.advance(10.0)
    assert (await asking).outcome == "TimedOut"


async def test_what_is_overdue_is_not_sent(
    app: App, sender: Sender, tokens: TokenMinter, clock: VirtualClock
) -> None:
    clock.advance(5.0)
    with pytest.raises(Overdue):
        await attempt_delivery(delivery(app.url), 0, CALLBACK, sender, tokens, clock, 10.0, latest=4.9)
    assert app.received == []
    attempt = await attempt_delivery(delivery(app.url), 0, CALLBACK, sender, tokens, clock, 10.0, latest=5.0)
    assert attempt.verdict is Verdict.DELIVERED
