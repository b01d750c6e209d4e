"""Failover, redirects, their limits, and the failure that is reported in the end."""

from __future__ import annotations

import pytest
from phones.exchange import BYE, THEM, Bench, Far, dialled, sdp

from hookflash.calls.effects import EndLeg
from hookflash.calls.facts import Cause, LegFailed, LegRinging, LegUp
from hookflash.phones.config import PhonesConfig, RouteConfig, SearchRules, TrunkConfig
from hookflash.phones.legs import Candidate
from hookflash.phones.searching import Search, moves_on, redirects, rest_of
from hookflash.sip.events import Failed, IncomingInvite
from hookflash.sip.fields import Headers
from hookflash.sip.flow import Address

SECOND: Address = ("192.0.2.71", 5060)
THIRD: Address = ("192.0.2.72", 5060)
ELSEWHERE: Address = ("198.51.100.9", 5060)


def bench(
    *targets: Address,
    rules: SearchRules | None = None,
    hosts: tuple[str, ...] = (),
    allow: tuple[str, ...] = (),
) -> tuple[Bench, list[Far]]:
    """Trunk phones whose one trunk has these targets, and the far ends at them."""
    trunk = TrunkConfig("carrier", targets or (THEM,), redirect_hosts=hosts, allow=allow)
    config = PhonesConfig((trunk,), (RouteConfig("*", "carrier"),), search=rules or SearchRules())
    made = Bench(config)
    return made, [made.at(target) for target in targets or (THEM,)]


def failure(made: Bench) -> Cause:
    (failed,) = made.facts
    assert isinstance(failed, LegFailed)
    return failed.cause


def uris(made: Bench) -> list[str]:
    return [invite.uri for invite in made.sent("INVITE")]


async def dial(made: Bench, seconds: float = 1.0) -> None:
    made.phones.dial(dialled())
    await made.settle(seconds)


# --- what moves on --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 500, 501, 502, 503, 504, 505, 513, 580])
async def test_what_a_server_cannot_do_is_asked_of_the_next(status: int) -> None:
    made, (first, second) = bench(THEM, SECOND)
    first.refuse_calls(status)
    second.answer_calls(sdp(host=SECOND[0]))
    await dial(made)
    assert made.facts == [LegRinging(7), LegUp(7)]
    made.phones.end(EndLeg(7, BYE))
    await made.over()


@pytest.mark.parametrize("status", [400, 403, 404, 480, 484, 486, 488, 600, 603, 604])
async def test_an_answer_about_the_callee_ends_the_search(status: int) -> None:
    made, (first, second) = bench(THEM, SECOND)
    first.refuse_calls(status)
    await dial(made)
    assert failure(made).status == status
    assert second.events == []
    await made.over()


@pytest.mark.parametrize(("cause", "goes_on"), [(17, False), (1, False), (21, False), (34, True), (41, True)])
async def test_an_isdn_cause_of_the_callee_ends_it_as_well(cause: int, goes_on: bool) -> None:
    made, (first, second) = bench(THEM, SECOND)
    first.refuse_calls(503, Reason=f"Q.850;cause={cause}")
    second.answer_calls(sdp(host=SECOND[0]))
    await dial(made)
    assert (LegUp(7) in made.facts) is goes_on
    if not goes_on:
        assert (failure(made).status, failure(made).q850) == (503, cause)


async def test_once_it_has_rung_no_other_target_is_called() -> None:
    made, (first, second) = bench(THEM, SECOND)

    def react(event: object) -> None:
        if isinstance(event, IncomingInvite):
            first.take(first.agent.ring(made.clock.now(), event.session))
            first.take(first.agent.refuse(made.clock.now(), event.session, 503))

    first.react = react
    await dial(made)
    assert made.facts[0] == LegRinging(7)
    assert second.events == []
    await made.over()


async def test_an_announcement_is_no_ringing() -> None:
    """Gateways open the audio with 183 before they know whether they can place the call."""
    made, (first, second) = bench(THEM, SECOND)

    def react(event: object) -> None:
        if isinstance(event, IncomingInvite):
            first.take(first.agent.ring(made.clock.now(), event.session, 183, sdp("8 101")))
            first.take(first.agent.refuse(made.clock.now(), event.session, 503))

    first.react = react
    second.answer_calls(sdp("0 101", 4400, host=SECOND[0]))
    await dial(made)
    assert made.facts == [LegRinging(7), LegUp(7)]
    assert (made.plane.connected[-1].host, made.plane.connected[-1].port) == (SECOND[0], 4400)
    made.phones.end(EndLeg(7, BYE))
    await made.over()


# --- how far --------------------------------------------------------------------------------------------


async def test_a_search_ends_after_so_many_hops(caplog: pytest.LogCaptureFixture) -> None:
    targets = tuple((f"192.0.2.{host}", 5060) for host in range(100, 110))
    made, fars = bench(*targets, rules=SearchRules(hops=3))
    for far in fars:
        far.refuse_calls(500)
    with caplog.at_level("INFO", logger="hookflash.sip"):
        await dial(made)
    assert failure(made).status == 500
    assert len(made.sent("INVITE")) == 3
    (line,) = [vars(record) for record in caplog.records if record.message == "search ended"]
    assert (line["limit"], line["skipped"]) == ("hops", 7)
    attempts = [vars(record)["attempt"] for record in caplog.records if record.message == "call out"]
    assert attempts == [1, 2, 3]
    await made.over()


async def test_no_target_is_tried_when_the_time_is_over() -> None:
    made, fars = bench(THEM, SECOND, THIRD, rules=SearchRules(seconds=40))
    for far in fars:
        far.silent = True
    await dial(made, 70.0)
    # The second is begun after 32 s of silence, and its own silence is waited for; the third is not called.
    assert [uri.partition("@")[2] for uri in uris(made)][-1] == SECOND[0]
    assert {uri.partition("@")[2] for uri in uris(made)} == {THEM[0], SECOND[0]}
    assert failure(made).status == 408
    await made.over()


# --- what is reported -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statuses", "best"),
    [
        ((500, 503), 500),
        ((503, 502), 502),
        ((503, 503), 503),
        ((504, 408, 503), 408),
        ((503, 486), 486),
        ((408, 603), 603),
    ],
)
async def test_the_best_failure_is_reported(statuses: tuple[int, ...], best: int) -> None:
    made, fars = bench(*(THEM, SECOND, THIRD)[: len(statuses)])
    for far, status in zip(fars, statuses, strict=True):
        far.refuse_calls(status)
    await dial(made)
    assert failure(made).status == best
    await made.over()


async def test_an_answer_goes_before_what_was_found_out_without_asking() -> None:
    made, (first, _) = bench(THEM, SECOND)
    made.unreachable.add(SECOND[0])
    first.refuse_calls(503, Reason='Q.850;cause=34;text="No circuit"')
    await dial(made)
    assert failure(made).q850 == 34


def test_nothing_that_failed_is_as_good_as_out_of_reach() -> None:
    assert Search().best().status == 503


# --- rest -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "headers", "rest"),
    [
        (503, "response", (), 60.0),
        (503, "response", (("Retry-After", "7 (soon)"),), 7.0),
        (500, "response", (("Retry-After", "30"),), 30.0),
        (500, "response", (), None),
        (408, "response", (), None),
        (486, "response", (("Retry-After", "30"),), None),
        (408, "timeout", (), 60.0),
        (503, "transport", (), 60.0),
    ],
)
def test_a_server_in_trouble_rests(
    status: int, kind: str, headers: tuple[tuple[str, str], ...], rest: float | None
) -> None:
    assert rest_of(Failed(1, status, "", kind, Headers(headers))) == rest


def test_a_ring_timeout_is_the_callee() -> None:
    assert not moves_on(Failed(1, 408, "", "ring-timeout", Headers()), Cause(408, ""))


# --- redirects ------------------------------------------------------------------------------------------


async def test_a_redirect_within_the_trunk_is_followed() -> None:
    made, (first, second) = bench(THEM, SECOND)
    first.refuse_calls(302, Contact=f"<sip:+14255550100@{SECOND[0]};user=phone>")
    second.answer_calls(sdp(host=SECOND[0]))
    await dial(made)
    assert made.facts == [LegRinging(7), LegUp(7)]
    first_invite, second_invite = made.sent("INVITE")
    assert second_invite.uri == f"sip:+14255550100@{SECOND[0]};user=phone"
    # To stays what was asked for (RFC 3261 section 8.1.3.4).
    assert str(second_invite.to.uri) == str(first_invite.to.uri) == f"sip:+14255550100@{THEM[0]}"
    made.phones.end(EndLeg(7, BYE))
    await made.over()


async def test_the_contact_with_the_highest_q_comes_first_and_the_next_if_it_fails() -> None:
    hosts = ("*.gw.example",)
    made, (first, _, _) = bench(THEM, SECOND, THIRD, hosts=hosts)
    contacts = f"<sip:+1@{SECOND[0]}>;q=0.2, <sip:+1@{THIRD[0]}>;q=0.9, <tel:+1>, <sip:+1@x.gw.example.evil>"
    first.refuse_calls(302, Contact=contacts)
    made.fars[THIRD].refuse_calls(503)
    made.fars[SECOND].refuse_calls(404)
    await dial(made)
    assert uris(made)[1:] == [f"sip:+1@{THIRD[0]}", f"sip:+1@{SECOND[0]}"]
    assert failure(made).status == 404
    await made.over()


@pytest.mark.parametrize(
    "contact",
    [
        f"<sip:+14255550100@{ELSEWHERE[0]}>",
        "<sip:+19005550100@evil.example>",
        "<tel:+19005550100>",
        "<mailto:a@b.example>",
        "rubbish <",
        "<sip:+1@192.0.2.71>;q=high",
    ],
)
async def test_a_redirect_to_anybody_else_ends_the_call(contact: str) -> None:
    made, (first, second) = bench(THEM, SECOND)
    elsewhere = made.at(ELSEWHERE)
    first.refuse_calls(302, Contact=contact)
    await dial(made)
    assert failure(made).status == 302
    assert elsewhere.events == second.events == []
    await made.over()


async def test_addresses_the_trunk_calls_from_are_its_own() -> None:
    made, (first,) = bench(THEM, allow=("198.51.100.0/24",))
    first.refuse_calls(302, Contact=f"<sip:+14255550100@{ELSEWHERE[0]}>")
    made.at(ELSEWHERE).answer_calls(sdp(host=ELSEWHERE[0]))
    await dial(made)
    assert LegUp(7) in made.facts


async def test_a_loop_of_redirects_ends() -> None:
    made, (first, second) = bench(THEM, SECOND)
    first.refuse_calls(302, Contact=f"<sip:+14255550100@{SECOND[0]}>")
    second.refuse_calls(302, Contact=f"<sip:+14255550100@{THEM[0]}>")
    await dial(made)
    assert len(made.sent("INVITE")) == 2
    assert failure(made).status == 302
    await made.over()


async def test_redirects_without_end_are_bounded_like_targets() -> None:
    made, (first,) = bench(THEM)
    count = 0

    def react(event: object) -> None:
        nonlocal count
        if isinstance(event, IncomingInvite):
            count += 1
            headers = Headers([("Contact", f"<sip:+{count}@{THEM[0]}>")])
            first.take(first.agent.refuse(made.clock.now(), event.session, 302, "", headers))

    first.react = react
    await dial(made)
    assert count == SearchRules().hops
    assert failure(made) == Cause(503, "the call was redirected, and no further target may be tried")
    await made.over()


def test_a_redirect_keeps_a_trunk_secure_and_says_nothing_but_the_address() -> None:
    trunk = TrunkConfig("carrier", (("sbc.example", None),), transport="TLS", sips=True)
    candidate = Candidate(trunk, "+1", ("sbc.example", None))
    contacts = (
        "<sip:+1@sbc.example>, <sips:+1:pass@SBC.example:5071;maddr=192.0.2.9;x=y?Route=evil>, "
        "<sips:sbc.example>"
    )
    headers = Headers([("Contact", contacts)])
    found = redirects(headers, candidate, lambda host: False)
    assert [(str(one.uri), one.target) for one in found] == [
        ("sips:+1@sbc.example:5071;x=y", ("sbc.example", 5071)),
        ("sips:+1@sbc.example", ("sbc.example", None)),
    ]
    assert {str(one.asked) for one in found} == {"sips:+1@sbc.example"}


def test_only_the_first_contacts_are_looked_at() -> None:
    trunk = TrunkConfig("carrier", (("a.example", None),))
    contacts = ", ".join(f"<sip:+{number}@a.example>" for number in range(100))
    headers = Headers([("Contact", contacts)])
    assert len(redirects(headers, Candidate(trunk, "+1", ("a.example", None)), lambda host: True)) == 10
