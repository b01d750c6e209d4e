"""REGISTER as phones meet it: challenges, what is kept and for how long, and who hears nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from phones.exchange import THEM, US, Bench
from phones.registering import ALICE, BOB, DESK, HERS, PHONES, SOFT, Handset, contacts, office

from hookflash.calls.facts import DevicesChanged
from hookflash.phones.config import TrunkConfig
from hookflash.phones.registered.locations import Bounds
from hookflash.sip.flow import Flow


def devices(bench: Bench) -> list[tuple[str, int]]:
    return [(fact.user, fact.devices) for fact in bench.facts if isinstance(fact, DevicesChanged)]


async def test_a_phone_registers_refreshes_and_leaves() -> None:
    bench = Bench(office())
    phone = Handset(bench, DESK, "bob")
    answer = phone.register(300)
    assert answer.status == 200
    assert contacts(answer) == ["<sip:bob@198.51.100.7:5062>;expires=300"]
    assert answer.headers.get("Date") is not None
    await bench.settle(100.0)
    assert contacts(phone.send()) == ["<sip:bob@198.51.100.7:5062>;expires=200"]
    assert contacts(phone.register(300)) == ["<sip:bob@198.51.100.7:5062>;expires=300"]
    assert contacts(phone.register(0)) == []
    assert devices(bench) == [(BOB.raw_id, 1), (BOB.raw_id, 0)]
    await bench.over()


async def test_who_does_not_refresh_is_gone() -> None:
    bench = Bench(office())
    phone = Handset(bench, DESK, "bob")
    phone.register(100)
    await bench.settle(99.0)
    assert devices(bench) == [(BOB.raw_id, 1)]
    await bench.settle(2.0)
    assert devices(bench) == [(BOB.raw_id, 1), (BOB.raw_id, 0)]
    await bench.over()


async def test_refreshing_prolongs() -> None:
    bench = Bench(office())
    phone = Handset(bench, DESK, "bob")
    for _ in range(5):
        phone.register(100)
        await bench.settle(60.0)
    assert devices(bench) == [(BOB.raw_id, 1)]
    await bench.settle(60.0)
    assert devices(bench)[-1] == (BOB.raw_id, 0)


async def test_devices_of_a_user_are_counted_over_its_phones() -> None:
    bench = Bench(office())
    Handset(bench, DESK, "bob").register(60)
    Handset(bench, SOFT, "bob-soft", "soft secret").register(200)
    await bench.settle(61.0)
    assert devices(bench) == [(BOB.raw_id, 1), (BOB.raw_id, 2), (BOB.raw_id, 1)]


async def test_an_unknown_name_is_answered_like_a_wrong_password() -> None:
    told = []
    for name, password in (("bob", "wrong"), ("nobody", "wrong")):
        bench = Bench(office())
        phone = Handset(bench, DESK, name, password)
        first, *_ = phone.ask(phone.request("Contact: <sip:x@198.51.100.7>"))
        second = phone.ask(phone.request("Contact: <sip:x@198.51.100.7>", phone.proof(first)))[0]
        told.append(
            [
                (
                    one.status,
                    one.reason,
                    [header for header, _ in one.headers],
                    one.headers.get("WWW-Authenticate"),
                )
                for one in (first, second)
            ]
        )
        assert devices(bench) == []
    assert told[0] == told[1]
    assert [status for status, *_ in told[0]] == [401, 401]


async def test_who_is_wrong_twice_is_not_asked_again() -> None:
    """baresip answers a dozen challenges within a second, and would be banned for a typing error."""
    for name in ("bob", "nobody"):
        bench = Bench(office())
        phone = Handset(bench, DESK, name, "mistyped")
        assert [phone.register().status for _ in range(3)] == [401, 403, 403]
        assert not bench.phones.ingress.barred(DESK[0])
        if name == "bob":
            phone.password = "bob's secret"
            assert phone.register().status == 200
            phone.password = "mistyped"
            assert phone.register().status == 401, "what was before is forgotten"


async def test_guessing_passwords_leads_to_a_ban() -> None:
    bench = Bench(office())
    phone = Handset(bench, DESK, "bob", "wrong")
    answers = 0
    for _ in range(20):
        if bench.phones.ingress.barred(DESK[0]):
            break
        first = phone.ask(phone.request())
        answers += len(phone.ask(phone.request(phone.proof(first[0]))))
    assert bench.phones.ingress.barred(DESK[0])
    assert answers < 6


async def test_a_registered_phone_keeps_its_address_from_being_banned_but_nobody_guesses_for_ever() -> None:
    bench = Bench(office())
    Handset(bench, DESK, "bob").register()
    guesser = Handset(bench, (DESK[0], 6000), "alice", "wrong")
    heard = 0
    for _ in range(300):
        first = guesser.ask(guesser.request())
        heard += len(guesser.ask(guesser.request(guesser.proof(first[0]))))
    assert not bench.phones.ingress.barred(DESK[0])
    assert heard <= 60, "the burst a stranger has, and nothing more until time passes"


async def test_nobody_registers_somebody_else() -> None:
    bench = Bench(office())
    phone = Handset(bench, DESK, "bob")
    assert phone.send(f"Contact: {phone.contact()}", to="alice").status == 403
    assert devices(bench) == []


async def test_strangers_hear_nothing_but_the_challenge_of_a_register() -> None:
    bench = Bench(office())
    phone = Handset(bench, DESK, "bob")
    for method in ("INVITE", "OPTIONS", "SUBSCRIBE", "MESSAGE"):
        assert phone.ask(phone.request(method=method)) == []
    assert [one.status for one in phone.ask(phone.request())] == [401]


async def test_without_phones_a_register_is_what_it_was() -> None:
    bench = Bench(office(()))
    phone = Handset(bench, DESK, "bob")
    assert phone.ask(phone.request()) == []


async def test_a_registered_phone_may_ask_whether_we_are_there() -> None:
    bench = Bench(office())
    phone = Handset(bench, DESK, "bob")
    phone.register()
    assert [one.status for one in phone.ask(phone.request(method="OPTIONS"))] == [200]
    (refused,) = phone.ask(phone.request("Event: message-summary", method="SUBSCRIBE"))
    assert refused.status == 405
    assert "INVITE" in (refused.headers.get("Allow") or "")


@pytest.mark.parametrize(
    ("lines", "status", "header"),
    [
        (["Contact: <sip:b@h>", "Expires: 5"], 423, ("Min-Expires", "60")),
        (["Contact: *"], 400, None),
        (["Contact: *, <sip:b@h>", "Expires: 0"], 400, None),
        (["Contact: *", "Expires: 60"], 400, None),
        (["Contact: <mailto:b@h>"], 400, None),
        (["Contact: <sip:b@h>;q=2"], 400, None),
        (["Contact: <sip:b@h>", "Path: <sip:p.example;lr>"], 420, ("Unsupported", "path")),
        (["Contact: <sip:b@h>", "Require: gruu"], 420, ("Unsupported", "gruu")),
        ([f"Contact: {', '.join(f'<sip:b{n}@h>' for n in range(11))}"], 400, None),
    ],
)
async def test_what_cannot_be_registered(
    lines: list[str], status: int, header: tuple[str, str] | None
) -> None:
    bench = Bench(office())
    answer = Handset(bench, DESK, "bob").send(*lines)
    assert answer.status == status
    if header is not None:
        assert answer.headers.get(header[0]) == header[1]
    assert devices(bench) == []


async def test_time_is_granted_within_bounds() -> None:
    bench = Bench(office(bounds=Bounds(most=600)))
    phone = Handset(bench, DESK, "bob")
    assert contacts(phone.register(86400)) == ["<sip:bob@198.51.100.7:5062>;expires=600"]
    answer = phone.send(f"Contact: {phone.contact(';expires=90')}", "Expires: 500")
    assert contacts(answer) == ["<sip:bob@198.51.100.7:5062>;expires=90"]
    assert contacts(phone.send(f"Contact: {phone.contact()}", "Expires: soon"))[0].endswith("expires=600")
    assert phone.send("Contact: *", "Expires: 0").status == 200
    assert devices(bench)[-1] == (BOB.raw_id, 0)


@pytest.mark.parametrize(("asked", "status"), [(3599, 423), (3600, 200), (7200, 200), (0, 200)])
async def test_an_hour_is_never_too_brief(asked: int, status: int) -> None:
    bench = Bench(office(bounds=Bounds(least=7000, most=86_400)))
    answer = Handset(bench, DESK, "bob").register(asked)
    assert answer.status == status
    assert answer.headers.get("Min-Expires") == ("7000" if status == 423 else None)
    if asked and status == 200:
        assert contacts(answer)[0].endswith(f"expires={asked}")


async def test_contacts_come_back_by_preference_and_are_bounded() -> None:
    bench = Bench(office(bounds=Bounds(each=3)))
    phone = Handset(bench, DESK, "bob")
    answer = phone.send("Contact: <sip:low@h>;q=0.2, <sip:high@h>;q=0.9, <sip:plain@h>", "Expires: 60")
    assert [value.split("@")[0] for value in contacts(answer)] == ["<sip:plain", "<sip:high", "<sip:low"]
    assert phone.send("Contact: <sip:more@h>", "Expires: 60").status == 503
    assert phone.send("Contact: <sip:low@h>;expires=0, <sip:more@h>", "Expires: 60").status == 503
    assert len(contacts(phone.send())) == 3


async def test_a_repeated_register_is_answered_again_and_an_old_one_is_not_carried_out() -> None:
    bench = Bench(office())
    phone = Handset(bench, DESK, "bob")
    (first,) = phone.ask(phone.request())
    data = phone.request(f"Contact: {phone.contact()}", "Expires: 300", phone.proof(first))
    assert [one.status for one in phone.ask(data)] == [200]
    assert [one.status for one in phone.ask(data)] == [200]
    phone.register()
    phone.number -= 3
    late = phone.send(f"Contact: {phone.contact()}", "Expires: 0")
    assert late.status == 500
    assert devices(bench) == [(BOB.raw_id, 1)]


async def test_a_flow_of_an_instance_takes_the_place_of_its_earlier_one() -> None:
    bench = Bench(office())
    first = Handset(bench, DESK, "bob", connection=7)
    outbound = ';reg-id=1;+sip.instance="<urn:uuid:0>"'
    lines = (f"Contact: {first.contact(outbound)}", "Supported: path, outbound", "Expires: 300")
    answer = first.send(*lines)
    assert answer.headers.get("Require") == "outbound"
    assert contacts(answer) == [
        '<sip:bob@198.51.100.7:5062>;+sip.instance="<urn:uuid:0>";reg-id=1;expires=300'
    ]
    second = Handset(bench, (DESK[0], 7777), "bob", connection=8)
    second.call_id = "another"
    assert len(contacts(second.send(f"Contact: {second.contact(outbound)}", "Expires: 300"))) == 1
    # The end of the connection it has left takes nothing away.
    bench.phones.broken(first.flow)
    assert devices(bench) == [(BOB.raw_id, 1)]
    bench.phones.broken(second.flow)
    assert devices(bench) == [(BOB.raw_id, 1), (BOB.raw_id, 0)]


async def test_over_a_connection_the_grant_ends_before_the_connection_is_closed_for_being_idle() -> None:
    bench = Bench(office(bounds=Bounds(longest_open=200)))
    phone = Handset(bench, DESK, "bob", connection=7)
    assert contacts(phone.register(3600)) == ["<sip:bob@198.51.100.7:5062>;expires=200"]


async def test_phones_register_from_the_address_of_a_trunk_too() -> None:
    """A PBX and a phone behind one NAT, or all on one machine."""
    bench = Bench(office(trunks=(TrunkConfig("carrier", (THEM,)),)))
    phone = Handset(bench, (THEM[0], 6060), "alice")
    assert phone.register().status == 200
    assert devices(bench) == [(ALICE.raw_id, 1)]


async def test_a_challenged_trunk_does_not_register_as_a_phone() -> None:
    trunk = TrunkConfig("carrier", (THEM,), username="carrier", password="secret", challenge=True)
    bench = Bench(office(trunks=(trunk,)))
    phone = Handset(bench, HERS, "carrier", "secret")
    assert phone.register().status == 401


async def test_many_phones_behind_one_address_come_back_at_once() -> None:
    """After a power cut fifty of them register at the same time; nobody is banned for that."""
    phones = [PHONES[1], *(type(PHONES[1])(f"p{n}", "secret", BOB) for n in range(50))]
    bench = Bench(office(phones))
    sets = [Handset(bench, (DESK[0], 10_000 + n), f"p{n}", "secret") for n in range(50)]
    first = [phone.ask(phone.request()) for phone in sets]
    assert not bench.phones.ingress.barred(DESK[0])
    for phone, answers in zip(sets, first, strict=True):
        if answers:
            phone.ask(phone.request(f"Contact: {phone.contact()}", phone.proof(answers[0])))
    for phone in sets:
        assert phone.register().status == 200
    assert devices(bench)[-1] == (BOB.raw_id, 50)


def test_garbage_from_the_address_of_a_phone_is_no_offence() -> None:
    bench = Bench(office())
    Handset(bench, DESK, "bob").register()
    for _ in range(100):
        bench.phones.ingress.receive(b"garbage\r\n\r\n", Flow("UDP", US, DESK))
    assert not bench.phones.ingress.barred(DESK[0])


# --- other phones while it runs -------------------------------------------------------------------------


async def test_a_phone_that_was_lost_is_taken_out_and_the_others_stay() -> None:
    bench = Bench(office())
    Handset(bench, DESK, "bob").register()
    lost = Handset(bench, SOFT, "bob-soft", "soft secret")
    lost.register()
    hers = Handset(bench, HERS, "alice")
    hers.register()
    bench.facts.clear()
    bench.phones.registrar.become(one for one in PHONES if one.username != "bob-soft")
    assert devices(bench) == [(BOB.raw_id, 1)]
    assert lost.register().status == 401
    assert len(contacts(hers.send())) == 1
    assert [one.phone.username for one in bench.phones.registrar.devices(BOB)] == ["bob"]


async def test_another_password_or_user_has_to_be_proved_anew() -> None:
    bench = Bench(office())
    desk, hers = Handset(bench, DESK, "bob"), Handset(bench, HERS, "alice")
    desk.register()
    hers.register()
    bench.facts.clear()
    alice, bob, soft = PHONES
    bench.phones.registrar.become([replace(alice, user=BOB), replace(bob, password="new"), soft])
    assert devices(bench) == [(ALICE.raw_id, 0), (BOB.raw_id, 0)]
    assert desk.register().status == 401
    desk.password = "new"
    assert desk.register().status == 200
    assert hers.register().status == 200
    assert devices(bench)[2:] == [(BOB.raw_id, 1), (BOB.raw_id, 2)]
    bench.phones.registrar.become([])
    assert devices(bench)[-1] == (BOB.raw_id, 0)
    assert not bench.phones.registrar
    assert bench.clock.next_at is None


async def test_what_does_not_concern_who_it_is_changes_nothing_but_what_it_says() -> None:
    bench = Bench(office())
    Handset(bench, DESK, "bob").register()
    bench.facts.clear()
    bench.phones.registrar.become([replace(one, numbers=(r"\+49\d+",), srtp="required") for one in PHONES])
    assert devices(bench) == []
    (device,) = bench.phones.registrar.devices(BOB)
    assert device.phone.srtp == "required"
    assert bench.phones.registrar.may_dial(device.phone, "+4930123456")


async def test_what_becomes_of_contacts_is_counted() -> None:
    bench = Bench(office())
    phone = Handset(bench, DESK, "bob")
    phone.register(60)
    phone.register(60)
    await bench.settle(61.0)
    phone.register()
    phone.register(0)
    stream = Handset(bench, SOFT, "bob", connection=4)
    stream.register()
    bench.phones.broken(stream.flow)
    phone.register(5)
    Handset(bench, HERS, "alice", "wrong").register()
    assert bench.phones.registrar.outcomes == {
        "registered": 3,
        "unregistered": 1,
        "expired": 1,
        "lost": 1,
        "refused": 2,
    }
    phone.register()
    bench.phones.registrar.become([])
    assert bench.phones.registrar.outcomes["lost"] == 2
