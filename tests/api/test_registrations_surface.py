"""Who has registered, as the own surface shows it."""

from __future__ import annotations

import pytest
from api.own_edge import FIRST, TWO, World, bearer, served

from hookflash.ports.registrations import MAX_REGISTRATIONS, RegistrationPage, RegistrationView

ROW = RegistrationView("bob", "8:acs:a_bob", "sip:bob@h", "192.0.2.7:5060", "UDP", 1.0, 2.5, 57.5, "desk")


class Book:
    """Remembers what was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str | None, str, int]] = []

    def page(self, asker: str | None, after: str, top: int) -> RegistrationPage:
        self.asked.append((asker, after, top))
        return RegistrationPage([ROW], next=None if after else "bob")


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def client(book):
    yield from served(World(), TWO, open_to_all=False, registrations=book)


def test_a_key_sees_the_phones_of_its_resource_page_by_page(client, book) -> None:
    assert client.get("/hookflash/registrations").status_code == 401
    page = client.get("/hookflash/registrations", headers=bearer(FIRST)).json()
    assert page == {
        "value": [
            {
                "phone": "bob",
                "user": "8:acs:a_bob",
                "contact": "sip:bob@h",
                "address": "192.0.2.7:5060",
                "transport": "UDP",
                "quality": 1.0,
                "since": 2.5,
                "secondsLeft": 57.5,
                "agent": "desk",
            }
        ],
        "next": "bob",
    }
    last = client.get("/hookflash/registrations?after=bob&top=2", headers=bearer(FIRST)).json()
    assert "next" not in last
    assert book.asked == [("first", "", 100), ("first", "bob", 2)]


@pytest.mark.parametrize("top", ["0", str(MAX_REGISTRATIONS + 1), "x"])
def test_a_page_of_no_sensible_size_is_refused(client, book, top) -> None:
    answer = client.get(f"/hookflash/registrations?top={top}", headers=bearer(FIRST))
    assert (answer.status_code, book.asked) == (400, [])
