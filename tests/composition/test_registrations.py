"""What whoever runs the server sees of registered phones."""

from __future__ import annotations

from phones.exchange import Bench
from phones.registering import BOB, DESK, HERS, RESOURCE, SOFT, Handset, office

from hookflash.composition.registrations import RegistrationBook


async def test_who_has_registered_from_where_and_for_how_long() -> None:
    bench = Bench(office())
    book = RegistrationBook(bench.phones.registrar, bench.clock)
    assert book.page(None, "", 10).value == []
    Handset(bench, DESK, "bob").register(300)
    await bench.settle(40.0)
    (row,) = book.page(None, "", 10).value
    assert (row.phone, row.user, row.contact) == ("bob", BOB.raw_id, "sip:bob@198.51.100.7:5062")
    assert (row.address, row.transport, row.since, row.seconds_left) == ("198.51.100.7:5062", "UDP", 40, 260)


async def test_pages_go_by_user_name_and_keys_see_their_own() -> None:
    bench = Bench(office())
    book = RegistrationBook(bench.phones.registrar, bench.clock)
    for address, name, password in (
        (HERS, "alice", None),
        (DESK, "bob", None),
        (SOFT, "bob-soft", "soft secret"),
    ):
        Handset(bench, address, name, password).register()
    first = book.page(None, "", 2)
    assert ([row.phone for row in first.value], first.next) == (["alice", "bob"], "bob")
    rest = book.page(None, first.next or "", 2)
    assert ([row.phone for row in rest.value], rest.next) == (["bob-soft"], None)
    assert len(book.page(RESOURCE.upper(), "", 10).value) == 3
    assert book.page("99999999-2222-3333-4444-555555555555", "", 10).value == []


async def test_why_a_phone_has_not_registered_is_told_until_it_has() -> None:
    bench = Bench(office())
    book = RegistrationBook(bench.phones.registrar, bench.clock)
    guesser = Handset(bench, DESK, "bob", "wrong")
    guesser.register()
    Handset(bench, SOFT, "nobody").register()
    await bench.settle(5.0)
    nobody, bob = book.page(None, "", 10).refused
    assert (nobody.phone, nobody.problem) == ("nobody", "nobody has that user name")
    assert (bob.phone, bob.address, bob.status, bob.times) == ("bob", DESK[0], 401, 1)
    assert (bob.problem, bob.since) == ("the password is wrong", 5)
    assert book.page(None, "a", 10).refused == []
    assert [row.phone for row in book.page("99999999-2222-3333-4444-555555555555", "", 10).refused] == [
        "nobody"
    ]
    Handset(bench, DESK, "bob").register()
    assert [row.phone for row in book.page(None, "", 10).refused] == ["nobody"]
    await bench.settle(3601.0)
    assert book.page(None, "", 10).refused == []


async def test_who_gives_up_at_the_challenge_is_told_apart_from_who_just_came() -> None:
    bench = Bench(office())
    book = RegistrationBook(bench.phones.registrar, bench.clock)
    phone = Handset(bench, DESK, "bob")
    phone.ask(phone.request())
    assert book.page(None, "", 10).refused == []
    await bench.settle(6.0)
    assert [row.phone for row in book.page(None, "", 10).refused] == ["bob"]
    phone.ask(phone.request())
    (row,) = book.page(None, "", 10).refused
    assert (row.phone, row.times) == ("bob", 2)
    assert 'sip.digest_algorithms = ["MD5"]' in row.problem


async def test_refusals_for_other_reasons_say_which() -> None:
    bench = Bench(office())
    book = RegistrationBook(bench.phones.registrar, bench.clock)
    phone = Handset(bench, DESK, "bob")
    assert phone.register(5).status == 423
    assert phone.send(f"Contact: {phone.contact()}", to="alice").status == 403
    assert [(row.status, row.problem) for row in book.page(None, "", 10).refused] == [
        (403, "it wants to register sip:alice@192.0.2.2"),
        (423, "5 s are less than 60"),
    ]
    assert phone.send().status == 200, "asking is registering nothing, and no failure either"
