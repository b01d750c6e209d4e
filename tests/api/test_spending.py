"""What calls out have cost, as the own surface shows it."""

from __future__ import annotations

import pytest
from api.own_edge import FIRST, TWO, World, bearer, served

from hookflash.ports.spending import AccountView, SpendingView


class Purse:
    """Says who asked."""

    def __init__(self) -> None:
        self.askers: list[str | None] = []

    def accounts(self, asker: str | None) -> SpendingView:
        self.askers.append(asker)
        return SpendingView([AccountView("number", "a", 2, 1, 3.5, "+1", units_per_day=10.0)])


@pytest.fixture
def purse() -> Purse:
    return Purse()


@pytest.fixture
def client(purse):
    yield from served(World(), TWO, open_to_all=False, spending=purse)


def test_a_key_sees_the_accounts_of_its_resource(client, purse) -> None:
    assert client.get("/hookflash/spending").status_code == 401
    answer = client.get("/hookflash/spending", headers=bearer(FIRST))
    assert answer.json() == {
        "value": [
            {
                "kind": "number",
                "resource": "a",
                "number": "+1",
                "callsLastMinute": 2,
                "running": 1,
                "spent": 3.5,
                "unitsPerDay": 10.0,
            }
        ]
    }
    assert purse.askers == ["first"]
