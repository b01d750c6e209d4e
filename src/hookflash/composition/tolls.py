"""What calls out may cost, out of settings, and where what they have cost is kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from hookflash.config import Settings
from hookflash.phones.callers import Owner
from hookflash.phones.tolls import NumberRules, TollGate, TollRules
from hookflash.ports.clock import Clock
from hookflash.ports.outbox import Documents
from hookflash.ports.spending import AccountView, SpendingView

log = logging.getLogger("hookflash")

SPACE = "tolls"
"""Where accounts are kept among the documents."""


def toll_rules(settings: Settings) -> TollRules:
    """Where calls may go, and at what expense."""
    tolls = settings.tolls
    return TollRules(
        allowed=tolls.allowed,
        denied=tolls.denied,
        calls_per_minute=tolls.calls_per_minute,
        resource_calls_per_minute=tolls.resource_calls_per_minute,
        units_per_day=tolls.units_per_day,
        resource_units_per_day=tolls.resource_units_per_day,
        price=tolls.price,
        prices=tolls.prices,
        end_calls=tolls.end_calls,
        numbers={
            one.e164: NumberRules(one.may_call, one.calls_per_minute, one.units_per_day)
            for one in settings.number
        },
    )


class KeptTolls:
    """The gate of a server, with its accounts in the journal's documents.

    Implements :class:`~hookflash.ports.spending.Spending`.
    """

    def __init__(self, settings: Settings, documents: Documents, clock: Clock, owner: Owner) -> None:
        self._documents = documents
        self.gate = TollGate(clock, toll_rules(settings), owner, self._save)

    async def load(self) -> None:
        """Go on with what was spent before."""
        self.gate.ledger.load(await self._documents.documents(SPACE))

    def become(self, settings: Settings) -> None:
        """Go by other settings from now on."""
        self.gate.become(toll_rules(settings))

    def accounts(self, asker: str | None) -> SpendingView:
        """See :class:`~hookflash.ports.spending.Spending`."""
        shown: Sequence[AccountView] = [
            AccountView(
                one.kind,
                one.resource,
                one.calls_last_minute,
                one.running,
                round(one.spent, 3),
                one.number or None,
                one.calls_per_minute or None,
                one.units_per_day or None,
            )
            for one in self.gate.view()
            if asker is None or one.resource == asker.casefold()
        ]
        return SpendingView(list(shown))

    def _save(self, name: str, body: bytes | None) -> None:
        documents = self._documents
        if body is None:
            written = documents.delete_document(SPACE, name)
        else:
            written = documents.put_document(SPACE, name, body)
        written.add_done_callback(_report)


def _report(written: asyncio.Future[None]) -> None:
    error = None if written.cancelled() else written.exception()
    if error is not None:
        log.warning("what calls have cost could not be kept: %s", error)
