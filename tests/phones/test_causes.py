"""Why legs fail and end, as read from SIP and as written into it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from phones.exchange import Bench, dialled, incoming, up

from hookflash.calls.effects import EndLeg, RefuseLeg
from hookflash.calls.facts import Cause, LegDown, LegFailed
from hookflash.phones import isdn
from hookflash.phones.causes import MAX_TEXT, cause_of, parting, refusing
from hookflash.sip.fields import Headers
from hookflash.sip.headers import Reason
from hookflash.sip.status import REASONS
from hookflash.wire.leg_results import leg_result

FINAL = sorted({status for status in REASONS if status >= 300} | {399, 499, 599, 699})
BYE = Cause(200, "OK")


@pytest.mark.parametrize(
    ("reason", "q850", "text"),
    [
        ('Q.850;cause=16;text="Normal clearing"', 16, "Normal clearing"),
        ("SIP;cause=486, Q.850;cause=17", 17, "User busy"),
        ("Q.850;cause=99", 99, ""),
        ("SIP;cause=486", None, ""),
        ("Q.850;cause=x", None, ""),
    ],
)
def test_the_isdn_cause_is_read_from_reason(reason: str, q850: int | None, text: str) -> None:
    assert cause_of(486, "Busy", Headers([("Reason", reason)])) == Cause(486, "Busy", None, q850, text)


# --- what comes in --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", FINAL)
async def test_every_final_response_becomes_a_cause_and_a_result(status: int) -> None:
    bench = Bench()
    bench.far.refuse_calls(status, Reason='Q.850;cause=21;text="Call rejected"')
    bench.phones.dial(dialled())
    await bench.settle(1.0)
    (failed,) = bench.facts
    assert isinstance(failed, LegFailed)
    cause = failed.cause
    assert (cause.status, cause.sub_code, cause.q850, cause.q850_text) == (status, None, 21, "Call rejected")
    assert cause.reason == REASONS.get(status, cause.reason)
    result = leg_result(cause.status, cause.reason, True, q850=cause.q850, q850_text=cause.q850_text)
    assert (result.code, result.sub_code) == (status, 560000 + status)
    assert result.sip_details is not None
    assert result.q850_details is not None
    assert (result.sip_details.code, result.q850_details.code) == (status, 21)
    await bench.over()


@pytest.mark.parametrize("number", [1, 16, 17, 31, 99, 127])
async def test_the_isdn_cause_of_a_bye_is_reported(number: int) -> None:
    bench = Bench()
    await up(bench)
    reason = (("Reason", f"Q.850;cause={number}"),)
    bench.far.take(bench.far.agent.end(bench.clock.now(), 1, headers=reason))
    await bench.settle()
    assert bench.facts[-1] == LegDown(7, Cause(200, "OK", None, number, isdn.name_of(number)))
    await bench.over()


# --- what goes out --------------------------------------------------------------------------------------


def reasons(headers: Headers) -> list[tuple[str, int | None, str]]:
    found = [Reason.parse(value) for value in headers.all("Reason")]
    return [(one.protocol, one.cause, one.text) for one in found]


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (BYE, [("Q.850", 16, "Normal call clearing")]),
        (Cause(200, "OK", 5300), [("Q.850", 16, "Normal call clearing")]),
        (Cause(200, "OK", None, 31, "Normal"), [("Q.850", 31, "Normal")]),
        (Cause(487, "Request Terminated", 10004), [("Q.850", 19, "No answer from user")]),
        (Cause(487, "Request Terminated"), [("Q.850", 16, "Normal call clearing")]),
        (
            Cause(487, "Request Terminated", 10003),
            [("SIP", 200, "Call completed elsewhere"), ("Q.850", 26, "Non-selected user clearing")],
        ),
        (Cause(503, "No media"), [("SIP", 503, "No media"), ("Q.850", 41, "Temporary failure")]),
        (Cause(486, "Busy", None, 34), [("SIP", 486, "Busy"), ("Q.850", 34, isdn.NAMES[34])]),
        (Cause(491, "Request Pending"), [("SIP", 491, "Request Pending")]),
    ],
)
def test_what_a_bye_or_cancel_says(cause: Cause, said: list[tuple[str, int, str]]) -> None:
    assert reasons(Headers(parting(cause))) == said


@given(st.integers(200, 699), st.text(max_size=300), st.none() | st.integers(1, 127), st.text(max_size=300))
def test_any_cause_can_be_written_and_read(status: int, reason: str, q850: int | None, text: str) -> None:
    for protocol, number, said in reasons(Headers(parting(Cause(status, reason, None, q850, text)))):
        assert protocol in ("SIP", "Q.850")
        assert number is not None
        assert len(said) <= MAX_TEXT


@pytest.mark.parametrize("status", sorted(status for status in REASONS if status >= 300))
def test_a_refusal_says_its_isdn_cause_where_there_is_one(status: int) -> None:
    said = reasons(Headers(refusing(status)))
    number = isdn.cause_of_status(status)
    assert said == ([] if number is None else [("Q.850", number, isdn.NAMES[number])])


async def test_our_bye_says_why() -> None:
    bench = Bench()
    await up(bench)
    bench.phones.end(EndLeg(7, Cause(500, "The media worker died")))
    await bench.settle()
    (bye,) = bench.sent("BYE")
    assert reasons(bye.headers) == [("SIP", 500, "The media worker died"), ("Q.850", 41, "Temporary failure")]
    await bench.over()


async def test_our_cancel_says_that_somebody_else_has_the_call() -> None:
    bench = Bench()
    bench.phones.dial(dialled())
    await bench.settle()
    bench.far.take(bench.far.agent.ring(bench.clock.now(), 1))
    await bench.settle()
    bench.phones.end(EndLeg(7, Cause(487, "Request Terminated", 10003)))
    await bench.settle()
    (cancel,) = bench.sent("CANCEL")
    assert reasons(cancel.headers)[0] == ("SIP", 200, "Call completed elsewhere")
    await bench.over()


async def test_our_refusal_says_its_isdn_cause() -> None:
    bench = Bench()
    leg = await incoming(bench)
    bench.phones.refuse(RefuseLeg(leg, 486, "Busy Here"))
    await bench.settle()
    assert reasons(bench.far.events[-1].headers) == [("Q.850", 17, "User busy")]  # type: ignore[union-attr]
    await bench.over()


async def test_what_cannot_be_a_call_is_refused_with_its_isdn_cause() -> None:
    bench = Bench()
    bench.far.call("sip:nobody@192.0.2.2")
    await bench.settle()
    assert bench.far.events[-1].status == 404  # type: ignore[union-attr]
    said = reasons(bench.far.events[-1].headers)  # type: ignore[union-attr]
    assert said == [("Q.850", 1, "Unallocated (unassigned) number")]
