"""The outbox's rows: the statements on them, and how they read as deliveries."""

from __future__ import annotations

import json
from typing import Any

from hookflash.ports.journal import UNTRIED, Delivery, Progress
from hookflash.ports.outbox import Settlement

INSERT = (
    "INSERT INTO outbox (id, lane, url, body, audience, headers, attempts, expires_at, name)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
SETTLE = (
    "UPDATE outbox SET outcome = ?, status = ?, tries = ?, settled_at = ?, note = ?"
    " WHERE id = ? AND outcome IS NULL"
)
POSTPONE = (
    "UPDATE outbox SET parked = ?, tries = ?, status = ?, last_outcome = ?, note = ?, tried_at = ?,"
    " next_at = ? WHERE id = ? AND outcome IS NULL"
)
COLUMNS = (
    "id, lane, url, body, audience, headers, attempts, expires_at, name,"
    " tries, status, last_outcome, note, tried_at, next_at"
)
READY = f"SELECT {COLUMNS} FROM outbox WHERE outcome IS NULL AND parked = 0 ORDER BY seq LIMIT ?"
DUE = (
    f"SELECT {COLUMNS} FROM outbox WHERE outcome IS NULL AND parked = 1 AND next_at <= ?"
    " ORDER BY next_at LIMIT ?"
)
NEXT_DUE = "SELECT min(next_at) FROM outbox WHERE outcome IS NULL AND parked = 1"


def insert_row(d: Delivery) -> tuple[object, ...]:
    """The values of :data:`INSERT`."""
    headers = json.dumps(d.headers).encode() if d.headers else b"{}"
    return (d.id, d.lane, d.url, d.body, d.audience, headers, d.attempts, d.expires_at, d.name)


def settle_row(s: Settlement) -> tuple[object, ...]:
    """The values of :data:`SETTLE`."""
    return ("delivered" if s.delivered else "dropped", s.status, s.attempts, s.at, s.note, s.id)


def postpone_row(id: str, p: Progress, parked: bool) -> tuple[object, ...]:
    """The values of :data:`POSTPONE`."""
    return (parked, p.tries, p.status, p.outcome, p.note, p.at, p.next_at, id)


def owed(row: Any) -> Delivery:
    """A row of :data:`COLUMNS` that is not settled."""
    return _delivery(row, _progress(row))


def _delivery(row: Any, progress: Progress) -> Delivery:
    id_, lane, url, body, audience, headers, attempts, expires_at, name = row[:9]
    return Delivery(
        id=id_,
        lane=lane,
        url=url,
        body=bytes(body),
        audience=audience,
        headers=json.loads(headers),
        attempts=attempts,
        expires_at=expires_at,
        name=name,
        progress=progress,
    )


def _progress(row: Any) -> Progress:
    tries, status, outcome, note, tried_at, next_at = row[9:15]
    if next_at is None:
        return UNTRIED
    return Progress(tries or 0, status or 0, outcome or "", note or "", tried_at or 0.0, next_at)
