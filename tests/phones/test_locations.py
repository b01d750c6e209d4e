"""The location table against the obvious reference: a list of contacts that is searched each time."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.phones.registered.locations import Binding, Bounds, Locations, NotRegistered
from hookflash.sip.flow import Flow
from hookflash.sip.message import Request, parse
from hookflash.sip.registration import Contact, Registration
from hookflash.sip.uri import SipUri

US = ("192.0.2.2", 5060)
BOUNDS = Bounds(least=10, most=100, longest_open=50, each=3, total=5)


def flow(number: int) -> Flow:
    """Even ones are datagrams from a host, odd ones connections."""
    host = f"198.51.100.{number % 3}"
    return Flow("TCP", US, (host, 40_000 + number), number) if number % 2 else Flow("UDP", US, (host, 5060))


@dataclass
class Reference:
    """What the table should say, found the slow way."""

    held: list[Binding] = field(default_factory=list)

    def alive(self, now: float) -> list[Binding]:
        return [one for one in self.held if one.until > now]

    def register(self, now: float, name: str, wish: Registration, path: Flow) -> bool:
        """Whether it is carried out."""
        mine = [one for one in self.held if one.name == name]
        if wish.clear:
            touched = mine
        else:
            touched = [one for one in mine for contact in wish.contacts if contact.same(one.contact)]
        brief = any(0 < contact.expires < BOUNDS.least for contact in wish.contacts)
        old = [one for one in touched if one.call_id == wish.call_id and wish.number <= one.number]
        fresh = [
            contact
            for contact in wish.contacts
            if contact.expires and not any(contact.same(one.contact) for one in mine)
        ]
        full = fresh and (len(mine) + len(fresh) > BOUNDS.each or len(self.held) + len(fresh) > BOUNDS.total)
        if brief or old or full:
            return False
        if wish.clear:
            self.held = [one for one in self.held if one.name != name]
        for contact in wish.contacts:
            self.held = [one for one in self.held if one.name != name or not contact.same(one.contact)]
            if contact.expires:
                most = BOUNDS.longest_open if path.connection else BOUNDS.most
                until = now + min(contact.expires, most)
                self.held.append(Binding(name, contact, path, path, wish.call_id, wish.number, now, until))
        return True


contacts = st.builds(
    Contact,
    st.integers(0, 4).map(lambda n: SipUri("sip", f"c{n}", "h.example")),
    st.sampled_from([1.0, 0.5]),
    st.sampled_from([0, 5, 10, 60, 1000]),
    st.sampled_from(["", "urn:a"]),
    st.sampled_from([0, 1, 2]),
)
wishes = st.builds(
    Registration,
    st.sampled_from(["one", "two"]),
    st.integers(1, 6),
    st.lists(contacts, max_size=3, unique_by=lambda one: (one.uri.user, one.reg_id)).map(tuple),
)
steps = st.one_of(
    st.tuples(st.just("register"), st.sampled_from(["a", "b", "c"]), wishes, st.integers(0, 6)),
    st.tuples(st.just("clear"), st.sampled_from(["a", "b"]), st.integers(1, 6), st.integers(0, 6)),
    st.tuples(st.just("wait"), st.integers(1, 70)),
    st.tuples(st.just("lost"), st.integers(0, 6)),
)


def shown(bindings: list[Binding]) -> list[tuple[str, str, float]]:
    return sorted((one.name, str(one.contact.uri), one.until) for one in bindings)


@given(st.lists(steps, max_size=40))
def test_the_table_is_what_a_slow_list_would_be(done: list[tuple[object, ...]]) -> None:
    table, reference, now = Locations(BOUNDS), Reference(), 0.0
    for step in done:
        match step:
            case ("wait", int(seconds)):
                now += seconds
                over = [one for one in reference.held if one.until <= now]
                assert shown(table.expire(now)) == shown(over)
                reference.held = reference.alive(now)
            case ("lost", int(number)):
                path = flow(number)
                gone = [one for one in reference.held if one.flow.connection and one.flow == path]
                assert shown(table.lost(path)) == shown(gone)
                reference.held = [one for one in reference.held if one not in gone]
            case ("register", str(name), Registration() as wish, int(number)):
                check(table, reference, now, name, wish, flow(number))
            case ("clear", str(name), int(order), int(number)):
                check(table, reference, now, name, Registration("one", order, clear=True), flow(number))
        assert shown(list(table.all())) == shown(reference.held)
        assert len(table) == len(reference.held) <= BOUNDS.total
        for name in "abc":
            held = [one for one in reference.held if one.name == name]
            assert shown(table.of(name, now)) == shown(held)
            assert table.count(name) == len(held) <= BOUNDS.each
        for number in range(7):
            path = flow(number)
            assert table.hosts(path.remote[0]) == any(
                one.flow.remote[0] == path.remote[0] for one in reference.held
            )
            assert table.at(path) == any(one.flow == path for one in reference.held)
        assert (table.next_due() is None) == (not reference.held)
        if reference.held:
            assert (table.next_due() or 0) <= min(one.until for one in reference.held)


def check(
    table: Locations, reference: Reference, now: float, name: str, wish: Registration, path: Flow
) -> None:
    before = len(reference.held)
    if _same_twice(wish):
        return
    if not reference.register(now, name, wish, path):
        with pytest.raises(NotRegistered) as refused:
            table.register(now, name, wish, path, path)
        assert refused.value.status in (423, 500, 503)
        return
    changes = table.register(now, name, wish, path, path)
    assert len(reference.held) - before == len(changes.added) - len(changes.removed)


def _same_twice(wish: Registration) -> bool:
    """Whether two contacts of a wish are one binding; which of them counts is for another test."""
    return any(
        one is not other and (one.same(other) or other.same(one))
        for one in wish.contacts
        for other in wish.contacts
    )


def put(table: Locations, now: float, *values: Contact, number: int = 1, path: Flow | None = None) -> None:
    where = path or flow(0)
    table.register(now, "a", Registration("x", number, values), where, where)


def one(user: str = "c", expires: int = 60, **more: object) -> Contact:
    return Contact(SipUri("sip", user, "h.example"), expires=expires, **more)  # type: ignore[arg-type]


def test_the_last_of_two_equal_contacts_counts() -> None:
    table = Locations(BOUNDS)
    put(table, 0, one(), one(expires=0))
    assert len(table) == 0
    put(table, 0, one(expires=0), one(), number=2)
    assert len(table) == 1


def test_refreshing_often_leaves_nothing_behind() -> None:
    table = Locations(Bounds())
    for number in range(1, 5000):
        put(table, number, one(expires=60 if number % 2 else 3600), number=number)
        table.expire(number)
    for number in range(5000, 10_000):
        put(table, number, one(expires=3600 * (number % 2)), one("other"), number=number)
    assert len(table._due) < 80


def test_a_phone_that_moves_is_where_it_came_from_last() -> None:
    table = Locations(BOUNDS)
    put(table, 0, one(), path=flow(1))
    put(table, 1, one(), number=2, path=flow(3))
    assert not table.at(flow(1))
    assert table.lost(flow(1)) == []
    assert [binding.path for binding in table.of("a", 2)] == [flow(3)]


# --- reading --------------------------------------------------------------------------------------------


def register(*lines: str) -> Request:
    head = [
        "REGISTER sip:h SIP/2.0",
        "Via: SIP/2.0/UDP h;branch=z9hG4bK1",
        "From: <sip:a@h>;tag=1",
        "To: <sip:a@h>",
        "Call-ID: x",
        "CSeq: 7 REGISTER",
        *lines,
    ]
    message = parse("\r\n".join([*head, "", ""]).encode())
    assert isinstance(message, Request)
    return message


def test_what_a_register_wants() -> None:
    wish = Registration.of(
        register(
            'Contact: "A" <sip:a@h:5062;transport=tcp;method=BYE;maddr=10.0.0.1?Route=x>;q=0.5;expires=90'
            ';+sip.instance="<urn:uuid:1>";reg-id=2, <sip:b@h>',
            "Expires: 120",
            "Supported: path, outbound",
        )
    )
    assert (wish.call_id, wish.number, wish.clear, wish.outbound) == ("x", 7, False, True)
    first, second = wish.contacts
    assert str(first.uri) == "sip:a@h:5062;transport=tcp"
    assert (first.quality, first.expires, first.instance, first.reg_id) == (0.5, 90, "<urn:uuid:1>", 2)
    assert (second.quality, second.expires, second.reg_id) == (1.0, 120, 0)


@pytest.mark.parametrize(
    ("lines", "expires"),
    [((), 3600), (("Expires: x",), 3600), (("Expires: 99999999999",), 2**32 - 1), (("Expires: 0",), 0)],
)
def test_how_long_is_meant(lines: tuple[str, ...], expires: int) -> None:
    assert Registration.of(register("Contact: <sip:a@h>", *lines)).contacts[0].expires == expires


@given(st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=200))
def test_no_contact_does_more_than_be_refused(value: str) -> None:
    try:
        wish = Registration.of(register(f"Contact: {value}"))
    except ValueError:
        return
    for contact in wish.contacts:
        assert contact.value(1).isprintable()
