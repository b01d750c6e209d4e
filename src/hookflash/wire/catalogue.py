"""Every code we tell: what it means, where it appears, and what to do (contract sections 4.2 to 4.5).

One row a code. Numbers are sub-codes: a refusal carries them as ``error.code``, an event as ``subCode`` of
its ``resultInformation``. Words are the codes of refusals that are about HTTP and not about calls. The pages
under ``docs/reference/errors`` and the errors of the OpenAPI document are made from these rows; a test holds
them against the source.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from hookflash.wire.catalogue_answers import ANSWERS
from hookflash.wire.catalogue_legs import LEGS
from hookflash.wire.catalogue_results import RESULTS
from hookflash.wire.catalogue_row import Row
from hookflash.wire.catalogue_words import WORDS
from hookflash.wire.subcodes import SUB_CODES

__all__ = ["Row", "find", "help_link", "page_of", "rows", "unused"]

_INBOUND, _OUTBOUND = 540_000, 560_000
_FAMILY = 1000
"""Sub-codes of a family: 540000 to 540999 and 560000 to 560999."""


@cache
def _by_code() -> dict[str, Row]:
    found: dict[str, Row] = {}
    for row in (*RESULTS, *ANSWERS, *LEGS, *WORDS):
        if row.code in found:
            raise ValueError(f"{row.code} is in the catalogue twice")
        found[row.code] = row
    return found


def rows() -> list[Row]:
    """The whole table: numbers in order, families after them, words last."""
    return sorted(_by_code().values(), key=_order)


class _Order(NamedTuple):
    group: int
    number: int
    text: str


def _order(row: Row) -> _Order:
    if row.code.isdecimal():
        return _Order(0, int(row.code), row.code)
    return _Order(1 if row.code[0].isdecimal() else 2, 0, row.code)


def find(code: int | str) -> Row | None:
    """The row of a code; 560486 has that of its family, ``560xyz``."""
    text = str(code)
    row = _by_code().get(text)
    if row is None and text.isdecimal():
        number = int(text)
        for first, family in ((_INBOUND, "540xyz"), (_OUTBOUND, "560xyz")):
            if first <= number < first + _FAMILY:
                return _by_code()[family]
    return row


def page_of(code: int | str) -> str | None:
    """The name of the documentation page about a code, ``errors/8523``; None when there is none."""
    row = find(code)
    return f"errors/{row.code}" if row is not None and row.emitted else None


@cache
def help_link(code: str) -> str | None:
    """The ``Link`` header of a refusal with this code (RFC 8288): where the server's own page explains it."""
    row = find(code)
    return f'</hookflash/docs#{row.code}>; rel="help"' if row is not None else None


def unused() -> Iterator[tuple[int, str]]:
    """Sub-codes that the platform has and we never send: number and name."""
    sent = {row.code for row in rows() if row.emitted}
    for number, name in SUB_CODES.items():
        if str(number) not in sent:
            yield number, name
