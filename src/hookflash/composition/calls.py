"""The calls of the exchange as whoever runs the server sees them."""

from __future__ import annotations

import msgspec

from hookflash.calls.exchange import Exchange
from hookflash.calls.views import CallPage, TracedCall
from hookflash.ports.calls import Ambiguous
from hookflash.ports.clock import Clock


class CallBook:
    """Implements :class:`~hookflash.ports.calls.Calls`."""

    def __init__(self, exchange: Exchange, clock: Clock) -> None:
        self._exchange = exchange
        self._clock = clock

    def listed(self, asker: str | None, after: int | None, top: int) -> CallPage:
        return self._exchange.views(self._clock.now(), self._clock.wall(), after, top, asker)

    def story(self, asker: str | None, text: str) -> TracedCall | None:
        found, one_call = self._exchange.named(text, asker)
        if not one_call:
            raise Ambiguous(found)
        if not found:
            return None
        view = self._exchange.view(self._clock.now(), self._clock.wall(), found[0], asker)
        if view is None:
            return None
        same, _ = self._exchange.named(view.server_call_id, asker)
        others = [one for one in same if one != view.call_connection_id]
        return msgspec.structs.replace(view, other_connections=others)
