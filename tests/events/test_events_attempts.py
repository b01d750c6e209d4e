from __future__ import annotations

from email.utils import formatdate

import pytest
from events.doubles import App, answering

from hookflash.events import CourierSettings, Reply, Sender, TokenMinter
from hookflash.events.attempts import Verdict, attempt_delivery, backoff, describe, judge, retry_after
from hookflash.ports.journal import Delivery
from hookflash.testing.clock import VirtualClock


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_is_delivered(status: int) -> None:
    assert judge(status) is Verdict.DELIVERED


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 599])
def test_what_may_pass_is_tried_again(status: int) -> None:
    assert judge(status) is Verdict.RETRY


@pytest.mark.parametrize("status", [300, 301, 307, 400, 401, 403, 404, 409, 410, 415, 499, 600])
def test_the_rest_is_final(status: int) -> None:
    assert judge(status) is Verdict.REFUSED


def test_waits_double_up_to_a_maximum() -> None:
    settings = CourierSettings(first_backoff=1.0, max_backoff=16.0)
    assert [backoff(settings, n) for n in range(7)] == [1, 2, 4, 8, 16, 16, 16]
    assert backoff(settings, 10_000) == 16


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


def delivery(url: str, audience: str = "guid", headers: dict[str, str] | None = None) -> Delivery:
    return Delivery(id="1", lane="l", url=url, body=b"[{}]", audience=audience, headers=headers or {})


async def test_a_webhook_has_its_type_and_a_fresh_token(
    app: App, sender: Sender, tokens: TokenMinter, clock: VirtualClock
) -> None:
    for earlier in range(2):
        attempt = await attempt_delivery(delivery(app.url), earlier, sender, tokens, clock, 10.0)
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
        await attempt_delivery(delivery(app.url, "", headers), earlier, sender, tokens, clock, 10.0)
    assert [r.headers["aeg-delivery-count"] for r in app.received] == ["0", "1"]
    assert app.received[0].headers["content-type"] == "application/cloudevents+json"
    assert "authorization" not in app.received[0].headers


async def test_failures_say_what_happened(
    app: App, sender: Sender, tokens: TokenMinter, clock: VirtualClock
) -> None:
    app.answers.append(answering(503, "busy", {"Retry-After": "4"}))
    attempt = await attempt_delivery(delivery(app.url), 0, sender, tokens, clock, 10.0)
    assert attempt.verdict is Verdict.RETRY
    assert attempt.said == "the endpoint answered 503 Service Unavailable: busy"
    assert attempt.retry_after == 4.0
    refused = await attempt_delivery(delivery("ftp://x/"), 0, sender, tokens, clock, 10.0)
    assert (refused.verdict, refused.status) == (Verdict.REFUSED, 0)
    assert "ftp://x/ is not an absolute http(s) URL" in refused.said
    lost = await attempt_delivery(delivery("http://no-such-host.invalid/"), 0, sender, tokens, clock, 10.0)
    assert (lost.verdict, lost.status) == (Verdict.RETRY, 0)
