"""REFER on trunk legs: trunks that want a call to go on with somebody else, and trunks that are asked to."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from phones.exchange import BYE, THEM, Bench, answered, configured, dialled, sdp, up

from hookflash.calls.effects import EndLeg, ReferLeg, TellReferrer
from hookflash.calls.facts import LegDown, LegNotReferred, LegReferred, LegRefers, LegUp
from hookflash.phones.config import TrunkConfig
from hookflash.phones.rewriting import Rewrite
from hookflash.sip.dialog_headers import Replaces
from hookflash.sip.events import Event, IncomingInvite, ReferProgress, Referred, ReferRefused, ReferTaken
from hookflash.sip.refer_headers import written
from hookflash.sip.ua import Asking, SessionTerms
from hookflash.wire.identifiers import Identifier

OTHER = ("192.0.2.77", 5077)
TARGET = Identifier.phone("+14255550123")


def bench(**changes: object) -> Bench:
    trunk = TrunkConfig("carrier", (THEM,), caller="+12065550199", takes_refer=True, **changes)  # type: ignore[arg-type]
    return Bench(configured(trunks=(trunk,)))


async def refer(place: Bench, uri: str = "sip:+14255550123@192.0.2.1", **more: object) -> None:
    """The far side sends a REFER in its latest call."""
    session = max(place.far.agent._core.sessions)
    asking = Asking(uri, "<sip:pbx@192.0.2.1>", **more)  # type: ignore[arg-type]
    sent, outputs = place.far.agent.refer(place.clock.now(), session, asking)
    assert sent
    place.far.take(outputs)
    await place.settle()


def referred(place: Bench) -> LegRefers:
    (fact,) = [fact for fact in place.facts if isinstance(fact, LegRefers)]
    return fact


@pytest.mark.parametrize("ours", [True, False], ids=["we called", "it called"])
async def test_what_a_trunk_wants_is_reported_and_it_is_told_what_became_of_it(ours: bool) -> None:
    place = bench()
    leg = await (up if ours else answered)(place)
    await refer(place)
    fact = referred(place)
    assert fact == LegRefers(leg, fact.refer, TARGET, "<sip:pbx@192.0.2.1>")
    for status in (180, 200):
        place.phones.tell_referrer(TellReferrer(leg, fact.refer, status, ""))
        await place.settle()
    heard = [event for event in place.far.events if isinstance(event, ReferTaken | ReferProgress)]
    assert [getattr(event, "status", "taken") for event in heard] == ["taken", 100, 180, 200]
    place.phones.end(EndLeg(leg, BYE))
    await place.settle()
    await place.over()


async def test_only_the_number_counts_as_the_trunk_writes_it() -> None:
    place = bench(inbound_rewrite=(Rewrite("0", r"+49\1"),))
    await answered(place)
    await refer(place, "sip:0301234567@attacker.example;user=phone")
    assert referred(place).target == Identifier.phone("+49301234567")


@pytest.mark.parametrize("uri", ["sip:somebody@192.0.2.1", "sip:192.0.2.1"])
async def test_who_has_no_number_is_nobody(uri: str) -> None:
    place = bench()
    await answered(place)
    await refer(place, uri)
    assert [event.status for event in place.far.events if isinstance(event, ReferRefused)] == [404]
    assert not any(isinstance(fact, LegRefers) for fact in place.facts)


async def test_a_trunk_that_may_not_is_refused_and_its_call_goes_on() -> None:
    place = Bench()
    leg = await answered(place)
    session = max(place.far.agent._core.sessions)
    asking = Asking("sip:+14255550123@192.0.2.1")
    # What we allow has told the far side already.
    assert not place.far.agent.refer(place.clock.now(), session, asking)[0]
    place.far.agent._core.sessions[session].dialog.methods = None  # type: ignore[union-attr]
    await refer(place)
    assert [event.status for event in place.far.events if isinstance(event, ReferRefused)] == [405]
    assert place.phones.legs == 1
    assert leg


async def test_two_calls_of_the_trunk_are_joined() -> None:
    place = bench()
    first, second = await answered(place), await answered(place)
    dialog = place.far.agent.dialog_of(1)
    assert dialog is not None
    await refer(place, replaces=dialog)
    fact = referred(place)
    assert (fact.leg, fact.joins, fact.replaces) == (second, first, "")


async def test_a_dialog_of_another_server_is_passed_on() -> None:
    place = bench()
    await answered(place)
    await refer(place, replaces=Replaces("elsewhere", "x", "y"))
    fact = referred(place)
    assert (fact.joins, fact.replaces) == (None, "elsewhere;to-tag=x;from-tag=y")
    place.far.answer_calls(sdp())
    place.phones.dial(dialled(9, referrer=fact.by, replaces=fact.replaces))
    await place.settle()
    invite = place.sent("INVITE")[-1]
    assert invite.headers.get("Replaces") == written(Replaces("elsewhere", "x", "y"))
    assert invite.headers.get("Require") == "replaces"
    assert invite.headers.get("Referred-By") == "<sip:pbx@192.0.2.1>"


async def test_calls_of_another_trunk_are_none_of_its_business() -> None:
    carriers = (TrunkConfig("carrier", (THEM,), takes_refer=True), TrunkConfig("another", (OTHER,)))
    place = Bench(configured(trunks=carriers))
    await answered(place)
    far, place.far = place.far, place.at(OTHER)
    await answered(place)
    dialog = place.far.agent.dialog_of(1)
    place.far = far
    await refer(place, replaces=dialog)
    assert [event.status for event in far.events if isinstance(event, ReferRefused)] == [403]


# --- we ask ---------------------------------------------------------------------------------------------


def asking(**changes: object) -> Bench:
    """A trunk that transfers; the far side takes REFERs."""
    place = bench(transfers=True, **changes)
    return place


def takes(place: Bench, then: Callable[[Referred], None], body: bytes | None = None) -> None:
    def react(event: Event) -> None:
        far, now = place.far, place.clock.now()
        if isinstance(event, IncomingInvite):
            far.agent.let_refer(event.session)
            far.take(far.agent.answer(now, event.session, body or sdp()))
        elif isinstance(event, Referred):
            then(event)

    place.far.react = react


async def asked(place: Bench, then: Callable[[Referred], None]) -> None:
    takes(place, then)
    place.phones.dial(dialled())
    await place.settle()
    assert place.facts[-1] == LegUp(7, refers=True)
    place.phones.refer(ReferLeg(7, TARGET, "+12065550100", {"X-Case": "7", "Via": "evil"}))
    await place.settle()


def accept(place: Bench, event: Referred) -> None:
    place.far.take(place.far.agent.accept_refer(place.clock.now(), event.session, event.refer))


def tell(place: Bench, event: Referred, status: int) -> None:
    place.far.take(place.far.agent.notify_referrer(place.clock.now(), event.refer, status))


async def test_a_trunk_carries_a_transfer_out() -> None:
    place = asking(dial_rewrite=(Rewrite("+1", r"001\1"),), domain="us.example")
    events: list[Referred] = []

    def then(event: Referred) -> None:
        events.append(event)
        accept(place, event)
        tell(place, event, 180)

    await asked(place, then)
    (event,) = events
    assert str(event.target.uri) == "sip:0014255550123@192.0.2.1:5060"
    assert (event.target.headers, event.by) == ((("X-Case", "7"),), "<sip:+12065550100@us.example>")
    assert place.facts[-1] == LegUp(7, refers=True), "nothing is known yet"
    tell(place, event, 200)
    await place.settle()
    assert place.facts[-1] == LegReferred(7)
    place.phones.end(EndLeg(7, BYE))
    await place.settle()
    await place.over()


async def test_the_target_does_not_want_to() -> None:
    place = asking()

    def then(event: Referred) -> None:
        accept(place, event)
        tell(place, event, 486)

    await asked(place, then)
    fact = place.facts[-1]
    assert isinstance(fact, LegNotReferred)
    assert (fact.leg, fact.cause.status, fact.declined) == (7, 486, False)
    assert place.phones.legs == 1


@pytest.mark.parametrize(
    ("status", "declined"), [(403, True), (405, True), (501, True), (603, False), (500, False)]
)
async def test_a_trunk_that_refuses(status: int, declined: bool) -> None:
    place = asking()
    far = place.far
    await asked(
        place,
        lambda event: far.take(far.agent.refuse_refer(place.clock.now(), event.session, event.refer, status)),
    )
    fact = place.facts[-1]
    assert isinstance(fact, LegNotReferred)
    assert (fact.cause.status, fact.declined) == (status, declined)
    assert place.phones.legs == 1


async def test_a_trunk_whose_allow_lacks_refer_is_not_asked() -> None:
    place = asking()
    place.far.answer_calls(sdp())
    place.phones.dial(dialled())
    await place.settle()
    place.phones.refer(ReferLeg(7, TARGET))
    fact = place.facts[-1]
    assert isinstance(fact, LegNotReferred)
    assert fact.declined
    assert place.sent("REFER") == []


async def test_a_trunk_that_hangs_up_without_a_word_has_done_it() -> None:
    place = asking()

    def then(event: Referred) -> None:
        far, now = place.far, place.clock.now()
        outputs = far.agent.accept_refer(now, event.session, event.refer)
        # Only the 202: no NOTIFY of this trunk ever leaves.
        far.take([one for one in outputs if b"NOTIFY" not in getattr(one, "data", b"").split(b"\r\n")[0]])
        far.take(far.agent.end(now, event.session))

    await asked(place, then)
    assert [type(fact) for fact in place.facts[-2:]] == [LegReferred, LegDown]


async def test_a_trunk_that_vanishes_has_done_nothing() -> None:
    place = asking(session=SessionTerms(90, 90))

    def then(event: Referred) -> None:
        far = place.far
        outputs = far.agent.accept_refer(place.clock.now(), event.session, event.refer)
        far.take([one for one in outputs if b"NOTIFY" not in getattr(one, "data", b"").split(b"\r\n")[0]])

    await asked(place, then)
    place.far.silent, place.far.take = True, lambda outputs: None  # type: ignore[method-assign]
    await place.settle(180.0)
    down = place.facts[-1]
    assert isinstance(down, LegDown)
    assert down.cause.status == 408
    assert not any(isinstance(fact, LegReferred) for fact in place.facts)


async def test_a_phone_that_hangs_up_while_the_target_rings() -> None:
    place = asking()

    def then(event: Referred) -> None:
        accept(place, event)
        tell(place, event, 180)

    await asked(place, then)
    place.far.take(place.far.agent.end(place.clock.now(), 1))
    await place.settle()
    assert isinstance(place.facts[-1], LegDown)
    assert not any(isinstance(fact, LegReferred) for fact in place.facts)


async def test_a_transfer_whose_outcome_is_never_told_has_failed() -> None:
    place = asking()
    await asked(place, lambda event: accept(place, event))
    assert not any(isinstance(fact, LegReferred | LegNotReferred) for fact in place.facts)
    await place.settle(230.0)
    fact = next(fact for fact in place.facts if isinstance(fact, LegNotReferred))
    assert fact.cause.status == 408


async def test_no_leg_is_there() -> None:
    place = asking()
    place.phones.refer(ReferLeg(99, TARGET))
    fact = place.facts[-1]
    assert isinstance(fact, LegNotReferred)
    assert fact.declined
