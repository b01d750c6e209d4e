"""How the deliveries of an outbox went, as its database tells it."""

from __future__ import annotations

from dataclasses import dataclass

from hookflash.ports.journal import UNTRIED, Delivery
from hookflash.ports.outbox import Settlement
from hookflash.store import SqliteJournal, outbox

_OF_LANE = f"SELECT {outbox.COLUMNS}, outcome, settled_at FROM outbox WHERE lane = ? ORDER BY seq"


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """A delivery with how it went: ``settlement`` is None while it is owed."""

    delivery: Delivery
    settlement: Settlement | None


async def deliveries_of_lane(journal: SqliteJournal, lane: str) -> list[StoredDelivery]:
    """The deliveries of a lane, in order."""
    found = []
    for row in await journal._rows(_OF_LANE, (lane,)):
        outcome, settled_at = row[15:]
        if outcome is None:
            found.append(StoredDelivery(outbox.owed(row), None))
            continue
        tries, status, note = row[9], row[10], row[12]
        delivery = outbox._delivery(row, UNTRIED)
        settled = Settlement(delivery.id, outcome == "delivered", status, tries, settled_at, note)
        found.append(StoredDelivery(delivery, settled))
    return found
