"""Calls of and to registered phones: whose they are, who rings, who gets the call, what the others hear."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from phones.exchange import THEM, US, Bench, sdp
from phones.registering import ALICE, BOB, DESK, HERS, PHONES, SOFT, Handset, office

from hookflash.calls.effects import AnswerLeg, DialLeg, EndLeg
from hookflash.calls.facts import Cause, IncomingLeg, LegDown, LegFailed, LegRinging, LegUp
from hookflash.phones.causes import ELSEWHERE, NO_ENDPOINT
from hookflash.phones.config import PhoneConfig, RouteConfig, TrunkConfig
from hookflash.ports.plane import LegUnavailable
from hookflash.sip.events import Answered, Cancelled, Ended, IncomingInvite
from hookflash.sip.headers import Reason
from hookflash.wire.identifiers import Identifier


def to_bob(**more: object) -> DialLeg:
    return DialLeg(7, 3, BOB, **({"caller": None, "source": ALICE} | more))  # type: ignore[arg-type]


async def both(**more: object) -> tuple[Bench, Handset, Handset]:
    """Bob's two phones, registered."""
    bench = Bench(office(**more))
    desk, soft = Handset(bench, DESK, "bob"), Handset(bench, SOFT, "bob-soft", "soft secret")
    desk.register()
    soft.register()
    bench.facts.clear()
    return bench, desk, soft


def session_of(phone: Handset) -> int:
    """The call that rings at a phone."""
    return next(one.session for one in reversed(phone.far.events) if isinstance(one, IncomingInvite))


def answer(phone: Handset, body: bytes | None = None) -> None:
    far = phone.far
    port = phone.address[1] + 1000
    reply = sdp(port=port, host=phone.address[0]) if body is None else body
    far.take(far.agent.answer(phone.bench.clock.now(), session_of(phone), reply))


def ring(phone: Handset) -> None:
    phone.far.take(phone.far.agent.ring(phone.bench.clock.now(), session_of(phone)))


def refuse(phone: Handset, status: int) -> None:
    phone.far.take(phone.far.agent.refuse(phone.bench.clock.now(), session_of(phone), status))


def hang_up(phone: Handset, session: int) -> None:
    phone.far.take(phone.far.agent.end(phone.bench.clock.now(), session))


# --- ringing --------------------------------------------------------------------------------------------


async def test_all_devices_ring_at_once_and_the_first_to_answer_has_the_call() -> None:
    bench, desk, soft = await both()
    bench.phones.dial(to_bob(display_name="Alice"))
    await bench.settle()
    assert desk.far.kinds() == soft.far.kinds() == ["IncomingInvite"]
    ring(desk)
    ring(soft)
    await bench.settle()
    assert bench.facts == [LegRinging(7)]
    answer(soft)
    await bench.settle()
    assert bench.facts == [LegRinging(7), LegUp(7)]
    assert [(one.host, one.port) for one in bench.plane.connected] == [(SOFT[0], SOFT[1] + 1000)]
    assert bench.plane.legs == {7}
    assert desk.far.kinds() == ["IncomingInvite", "Cancelled"]
    (cancel,) = bench.sent("CANCEL")
    first = Reason.parse(cancel.headers.all("Reason")[0])
    assert (first.protocol, first.cause, first.text) == ("SIP", 200, "Call completed elsewhere")
    bench.phones.end(EndLeg(7, Cause(200, "OK")))
    await bench.settle()
    assert isinstance(soft.far.events[-1], Ended)
    await bench.settle(400.0)
    await bench.over()


async def test_what_a_device_is_shown_lets_it_call_back() -> None:
    bench, desk, _ = await both()
    bench.phones.dial(to_bob(display_name="Alice A."))
    await bench.settle()
    invite = desk.invites[0]
    assert invite.uri == "sip:bob@198.51.100.7:5062"
    assert invite.from_.display_name == "Alice A."
    assert (invite.from_.uri.user, invite.from_.uri.host) == ("alice", US[0])
    bench.phones.end(EndLeg(7, Cause(487, "")))
    await bench.settle()
    stranger = Identifier.parse("8:acs:99999999-2222-3333-4444-555555555555_app")
    for effect, user in (
        (to_bob(caller="+14255550100", source=stranger), "+14255550100"),
        (to_bob(source=stranger), stranger.raw_id),
        (to_bob(caller="anonymous"), "anonymous"),
    ):
        bench.phones.dial(effect)
        await bench.settle()
        assert desk.invites[-1].from_.uri.user == user
        bench.phones.end(EndLeg(7, Cause(487, "")))
        await bench.settle()
    await bench.settle(400.0)
    await bench.over()


async def test_custom_headers_reach_a_device() -> None:
    bench, desk, _ = await both()
    bench.phones.dial(to_bob(headers={"X-Case": "42", "Route": "<sip:evil>"}))
    await bench.settle()
    assert desk.invites[0].headers.get("X-Case") == "42"
    assert "Route" not in desk.invites[0].headers


async def test_busy_at_one_device_lets_the_other_ring() -> None:
    bench, desk, soft = await both()
    bench.phones.dial(to_bob())
    await bench.settle()
    refuse(desk, 486)
    await bench.settle()
    assert bench.facts == []
    answer(soft)
    await bench.settle()
    assert bench.facts == [LegUp(7)]


@pytest.mark.parametrize(
    ("statuses", "told"),
    [((486, 480), 486), ((480, 486), 486), ((500, 404), 404), ((503, 503), 503), ((302, 486), 302)],
)
async def test_when_nobody_takes_the_call_the_best_reason_is_told(
    statuses: tuple[int, int], told: int
) -> None:
    bench, desk, soft = await both()
    bench.phones.dial(to_bob())
    await bench.settle()
    for phone, status in zip((desk, soft), statuses, strict=True):
        refuse(phone, status)
        await bench.settle()
    (fact,) = bench.facts
    assert isinstance(fact, LegFailed)
    assert fact.cause.status == told
    await bench.settle(400.0)
    await bench.over()


async def test_a_refusal_for_all_places_ends_the_ringing_everywhere() -> None:
    bench, desk, soft = await both()
    bench.phones.dial(to_bob())
    await bench.settle()
    ring(soft)
    refuse(desk, 603)
    await bench.settle()
    (_, fact) = bench.facts
    assert isinstance(fact, LegFailed)
    assert fact.cause.status == 603
    assert isinstance(soft.far.events[-1], Cancelled)
    await bench.settle(400.0)
    await bench.over()


async def test_a_caller_who_gives_up_stops_every_device() -> None:
    bench, desk, soft = await both()
    bench.phones.dial(to_bob())
    await bench.settle()
    ring(desk)
    ring(soft)
    await bench.settle()
    bench.phones.end(EndLeg(7, Cause(487, "Answered elsewhere", ELSEWHERE)))
    await bench.settle()
    assert isinstance(desk.far.events[-1], Cancelled)
    assert isinstance(soft.far.events[-1], Cancelled)
    reasons = [Reason.parse(one.headers.all("Reason")[0]).text for one in bench.sent("CANCEL")]
    assert reasons == ["Call completed elsewhere"] * 2
    await bench.settle(400.0)
    await bench.over()


async def test_who_answers_a_moment_too_late_is_hung_up_on() -> None:
    """Both pick up before either has heard of the other."""
    bench, desk, soft = await both()
    bench.phones.dial(to_bob())
    await bench.settle()
    answer(desk)
    answer(soft)
    await bench.settle()
    assert bench.facts == [LegUp(7)]
    assert [one.uri for one in bench.sent("BYE")] == ["sip:hookflash@198.51.100.8:5064"]
    assert [(one.host, one.port) for one in bench.plane.connected] == [(DESK[0], DESK[1] + 1000)]
    bench.phones.end(EndLeg(7, Cause(200, "OK")))
    await bench.settle(400.0)
    await bench.over()


async def test_an_answer_without_audio_counts_as_a_refusal() -> None:
    bench, desk, soft = await both()
    bench.phones.dial(to_bob())
    await bench.settle()
    answer(desk, sdp("18"))
    await bench.settle()
    assert bench.facts == []
    answer(soft)
    await bench.settle()
    assert bench.facts == [LegUp(7)]
    assert [(one.host, one.port) for one in bench.plane.connected] == [(SOFT[0], SOFT[1] + 1000)]


async def test_nobody_registered_is_an_offline_user() -> None:
    bench = Bench(office())
    bench.phones.dial(to_bob())
    await bench.settle()
    (fact,) = bench.facts
    assert isinstance(fact, LegFailed)
    assert (fact.cause.status, fact.cause.sub_code) == (480, NO_ENDPOINT)
    assert bench.plane.legs == set()
    await bench.over()


async def test_without_media_nobody_rings() -> None:
    bench, desk, _ = await both()
    bench.plane.full = LegUnavailable("all 100 RTP ports are in use")
    bench.phones.dial(to_bob())
    await bench.settle()
    (fact,) = bench.facts
    assert isinstance(fact, LegFailed)
    assert desk.invites == []


async def test_a_device_that_leaves_while_the_media_are_opened_does_not_ring() -> None:
    bench, desk, soft = await both()

    def leave(leg: int) -> None:
        for phone in (desk, soft):
            phone.register(0)

    bench.plane.opening = leave
    bench.phones.dial(to_bob())
    await bench.settle()
    assert desk.invites == soft.invites == []
    assert [type(fact) for fact in bench.facts if isinstance(fact, LegFailed)] == [LegFailed]
    await bench.over()


async def test_ending_the_call_while_its_media_are_opened_leaves_nothing() -> None:
    bench, desk, _ = await both()
    bench.phones.dial(to_bob())
    bench.phones.end(EndLeg(7, Cause(487, "")))
    await bench.settle()
    assert desk.invites == []
    await bench.settle(400.0)
    await bench.over()


async def test_a_call_goes_over_the_connection_the_phone_registered_over() -> None:
    bench = Bench(office())
    phone = Handset(bench, DESK, "bob", connection=9)
    phone.register()
    sent: list[object] = []
    bench.send = lambda data, flow: sent.append(flow)  # type: ignore[method-assign]
    bench.phones.dial(to_bob())
    await bench.settle()
    assert sent == [phone.flow]
    bench.phones.broken(phone.flow)
    await bench.settle()
    assert isinstance(bench.facts[-1], LegFailed)
    assert bench.plane.legs == set()


async def test_a_phone_behind_nat_is_reached_where_it_comes_from() -> None:
    bench = Bench(office())
    phone = Handset(bench, DESK, "bob")
    phone.send("Contact: <sip:bob@10.0.0.7:5060>", "Expires: 300")
    bench.phones.dial(to_bob())
    await bench.settle()
    assert phone.far.kinds() == ["IncomingInvite"]


# --- calling --------------------------------------------------------------------------------------------


async def calling(callee: str, phone: PhoneConfig = PHONES[0], **config: object) -> tuple[Bench, IncomingLeg]:
    """What the exchange hears of a call of Alice's phone."""
    others = [one for one in PHONES if one.username != phone.username]
    bench = Bench(office([phone, *others], **config))
    handset = Handset(bench, HERS, "alice")
    handset.register()
    handset.dial(callee, sdp(host=HERS[0]), "Alice", X_Case="7")
    await bench.settle()
    (fact,) = [fact for fact in bench.facts if isinstance(fact, IncomingLeg)]
    return bench, fact


@pytest.mark.parametrize(
    ("dialled", "callee"),
    [
        ("bob", BOB),
        ("bob-soft", BOB),
        (quote(BOB.raw_id), BOB),
        ("+14255550100", Identifier.phone("+14255550100")),
    ],
)
async def test_whom_a_phone_calls(dialled: str, callee: Identifier) -> None:
    bench, fact = await calling(dialled)
    assert (fact.caller, fact.callee, fact.display_name) == (ALICE, callee, "Alice")
    assert fact.headers == {"X-Case": "7"}
    assert fact.outward is None
    bench.phones.answer(AnswerLeg(fact.leg, 3))
    await bench.settle()
    assert bench.facts[-1] == LegUp(fact.leg)


async def test_a_phone_with_a_numeric_name_is_called_by_it() -> None:
    bench = Bench(office([*PHONES, PhoneConfig("1001", "secret", BOB)]))
    handset = Handset(bench, HERS, "alice")
    handset.register()
    handset.dial("1001", sdp())
    await bench.settle()
    assert [fact.callee for fact in bench.facts if isinstance(fact, IncomingLeg)] == [BOB]


@pytest.mark.parametrize(
    ("numbers", "caller", "outward"),
    [
        ((r"\+1(.*)",), "+12065550100", "+12065550100"),
        ((r"\+1(.*)",), "", ""),
        ((r"\+49(.*)",), "+1206", None),
    ],
)
async def test_a_phone_dials_out_only_where_it_may(
    numbers: tuple[str, ...], caller: str, outward: str | None
) -> None:
    phone = PhoneConfig("alice", "alice's secret", ALICE, numbers=numbers, caller=caller)
    _, fact = await calling("+14255550100", phone)
    assert fact.outward == outward


async def test_a_call_of_a_phone_is_challenged_each_time() -> None:
    bench = Bench(office())
    handset = Handset(bench, HERS, "alice")
    handset.register()
    wrong = Handset(bench, HERS, "alice", "guessed")
    wrong.dial("bob", sdp())
    await bench.settle()
    assert not [fact for fact in bench.facts if isinstance(fact, IncomingLeg)]


async def test_on_a_server_open_to_all_a_phone_is_still_asked_for_its_password() -> None:
    bench = Bench(office(accept_unknown=True))
    handset = Handset(bench, HERS, "alice")
    handset.dial("bob", sdp())
    await bench.settle()
    assert [fact.caller for fact in bench.facts if isinstance(fact, IncomingLeg)] == [ALICE]
    Handset(bench, HERS, "alice", "guessed").dial("bob", sdp())
    await bench.settle()
    assert len([fact for fact in bench.facts if isinstance(fact, IncomingLeg)]) == 1
    # Whoever is no phone may call as before.
    bench.far.call(body=sdp())
    await bench.settle()
    assert len([fact for fact in bench.facts if isinstance(fact, IncomingLeg)]) == 2


async def test_a_trunk_calls_as_before_where_phones_register() -> None:
    trunk = TrunkConfig("carrier", (THEM,))
    bench = Bench(office(trunks=(trunk,), routes=(RouteConfig("+1", "carrier"),)))
    bench.far.call(body=sdp())
    await bench.settle()
    (fact,) = [fact for fact in bench.facts if isinstance(fact, IncomingLeg)]
    assert fact.caller == Identifier.phone("+12065550100")
    assert fact.outward is None


async def test_a_phone_that_is_called_and_hangs_up_is_down() -> None:
    bench, desk, soft = await both()
    bench.phones.dial(to_bob())
    await bench.settle()
    answer(desk)
    await bench.settle()
    hang_up(desk, session_of(desk))
    await bench.settle()
    assert isinstance(bench.facts[-1], LegDown)
    assert not any(isinstance(one, Answered) for one in soft.far.events)
    await bench.settle(400.0)
    await bench.over()


async def test_a_phone_that_registered_over_udp_is_called_over_udp_however_long_the_request() -> None:
    """Behind NAT there is nobody to take a TCP connection, and to find out takes seconds."""
    bench, desk, soft = await both()
    bench.phones.dial(to_bob(display_name="Alice " * 20, headers={"X-Case": "4" * 900}))
    await bench.settle()
    assert len(desk.invites[0].to_bytes()) > 1300
    assert [one.via.transport for one in (*desk.invites, *soft.invites)] == ["UDP", "UDP"]
