"""What the registrar makes of the registrations among the torture tests (RFC 4475)."""

from __future__ import annotations

import pytest
from phones.exchange import Bench
from phones.registering import DESK, Handset, contacts, office
from sip.torture_messages import ALL

from hookflash.calls.facts import DevicesChanged
from hookflash.sip.message import Response, parse

REGISTRATIONS = ["escnull", "dblreq", "regbadct", "unksm2", "regaut01", "cparam01", "cparam02", "regescrt"]


def contact_lines(name: str) -> list[str]:
    return [f"Contact: {line}" for line in parse(ALL[name]).headers.lines("Contact")]


@pytest.mark.parametrize("name", REGISTRATIONS)
async def test_without_a_password_nothing_is_registered(name: str) -> None:
    """Also with credentials of a scheme nobody knows, which are as good as none."""
    bench = Bench(office(silent=False))
    phone = Handset(bench, DESK, "bob")
    (answer,) = phone.ask(ALL[name])
    assert isinstance(answer, Response)
    assert answer.status in (400, 401, 403, 404)
    assert [fact for fact in bench.facts if isinstance(fact, DevicesChanged)] == []
    if name == "regaut01":
        assert answer.status == 401
        assert (answer.headers.get("WWW-Authenticate") or "").startswith("Digest ")
    await bench.over()


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        # Escaped NULs are characters of a name: two phones.
        ("escnull", ["<sip:%00@host5.example.com>", "<sip:%00%00@host5.example.com>"]),
        ("dblreq", ["<sip:j.user@host.example.com>"]),
        # A parameter of the header is none of the address; one of the address is.
        ("cparam01", ["<sip:+19725552222@gw1.example.net>"]),
        ("cparam02", ["<sip:+19725552222@gw1.example.net;unknownparam>"]),
        # Headers an address would put into our requests are not kept.
        ("regescrt", ["<sip:user@example.com>"]),
    ],
)
async def test_odd_contacts_are_kept_as_they_are_meant(name: str, kept: list[str]) -> None:
    bench = Bench(office())
    phone = Handset(bench, DESK, "bob")
    answer = phone.send(*contact_lines(name), "Expires: 300")
    assert answer.status == 200
    assert sorted(contacts(answer)) == sorted(f"{contact};expires=300" for contact in kept)


@pytest.mark.parametrize("name", ["regbadct", "unksm2"])
async def test_contacts_that_cannot_be_called_are_refused(name: str) -> None:
    bench = Bench(office())
    phone = Handset(bench, DESK, "bob")
    assert phone.send(*contact_lines(name)).status == 400
    assert contacts(phone.send()) == []


@pytest.mark.parametrize("seconds", ["4294967296", "1" + "0" * 100, "-1", "0x10", "soon"])
async def test_an_expiry_that_is_no_number_is_the_usual_one(seconds: str) -> None:
    """Section 3.1.2.4, and RFC 3261 section 10.2.1.1."""
    bench = Bench(office())
    phone = Handset(bench, DESK, "bob")
    answer = phone.send(f"Contact: <sip:bob@h>;expires={seconds}")
    assert answer.status == 200
    (granted,) = contacts(answer)
    assert 0 < int(granted.rpartition("=")[2]) <= 3600
