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
