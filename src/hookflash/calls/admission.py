"""Whether new calls are taken: what the edges have said of that, and how an app or a phone is told.

A call that could not be carried well is refused before anything has begun, with the time after which asking
again is worth while. The SDKs send a POST again that got 503, as late as ``Retry-After`` says, and with the
same repeatability id, so a refusal here is no answer to be kept.
"""

from __future__ import annotations

from hookflash.calls.facts import Pressure, Taking
from hookflash.wire.results import Refusal, media_unavailable, stopping, too_many_calls


class Admission:
    """What each source has said last. ``refused`` counts the calls that were turned away."""

    def __init__(self) -> None:
        self.refused = 0
        self._load = Pressure("media", Taking.ALL)
        self._server = Pressure("server", Taking.ALL)

    def press(self, fact: Pressure) -> None:
        """Take note of what an edge can take from now on."""
        if fact.source == "server":
            self._server = fact
        else:
            self._load = fact

    def turned_away(self) -> tuple[Pressure, int] | None:
        """Why a call from outside is refused, and the seconds after which it may come again; None when it is
        taken.
        """
        for pressure in (self._server, self._load):
            if pressure.taking is not Taking.ALL:
                self.refused += 1
                return pressure, self._wait(pressure)
        return None

    def require_call(self) -> None:
        """Before a new call. Raises Refusal 503."""
        found = self.turned_away()
        if found is not None:
            raise _refusal("No new call can be taken", *found)

    def require_leg(self) -> None:
        """Before one more comes into a call that is there. Raises Refusal 503."""
        if self._load.taking is Taking.NOTHING:
            self.refused += 1
            raise _refusal("Nobody more can come into a call", self._load, self._wait(self._load))

    def require_transfer(self) -> None:
        """Before somebody of a call is transferred: with the target they get a call of their own, which has
        to find room as any new one. A server that ends its calls in good order still transfers.

        Raises Refusal 503.
        """
        if self._load.taking is not Taking.ALL:
            self.refused += 1
            raise _refusal("Nobody can be transferred", self._load, self._wait(self._load))

    def require_place(self, placed: bool) -> None:
        """Before an app comes into a call that rings already; ``placed`` says that its audio has a place.

        A server that ends its calls in good order still lets those be answered that were there before. Raises
        Refusal 503.
        """
        if placed or self._load.taking is Taking.ALL:
            self.require_leg()
            return
        self.refused += 1
        raise _refusal("The call can not be taken", self._load, self._wait(self._load))

    def _wait(self, pressure: Pressure) -> int:
        """Not the same for all, or all would come again at once."""
        return pressure.retry_after + self.refused % (pressure.retry_after // 2 + 1)


def _refusal(what: str, pressure: Pressure, seconds: int) -> Refusal:
    message = f"{what} now: {pressure.reason}. Try again in {seconds} s."
    if pressure.source == "server":
        return stopping(message, seconds)
    if pressure.source == "load":
        return too_many_calls(message, seconds)
    return media_unavailable(message, seconds)
