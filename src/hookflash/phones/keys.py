"""Keys that travel in INFO requests instead of the audio, both ways.

What a phone presses counts once, whichever way it comes. A key by INFO that the audio has just brought as
well is the same key; one that it has not makes INFO the way of that phone, and what sounds like a key is none
any more.

Towards a trunk that wants it so, keys go out by INFO, one after the other: the next when the last was
answered and has had its time.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from hookflash.calls.effects import SendTones
from hookflash.calls.facts import Fact, ToneHeard, TonesDone, TonesFailed
from hookflash.phones.leg_table import LegTable
from hookflash.phones.legs import Leg, LegState
from hookflash.phones.signalling import Signalling
from hookflash.ports.clock import Clock, Timer
from hookflash.ports.edges import FactSink

DURATION = 160
"""Milliseconds a key of ours lasts."""
PAUSE = 90
"""Milliseconds between two of them."""
SAME = 2.0
"""Seconds in which the same key in the audio and in an INFO is one key."""
PATIENCE = 35.0
"""Seconds after which an INFO without any outcome is given up: its session is gone."""


@dataclass(slots=True)
class _Sending:
    number: int
    digits: deque[str]
    timer: Timer | None = None


class InfoKeys:
    """Takes and sends the keys of trunk legs; facts go to ``sink``."""

    def __init__(self, signalling: Signalling, legs: LegTable, clock: Clock, sink: FactSink) -> None:
        self._signalling = signalling
        self._legs = legs
        self._clock = clock
        self._sink = sink
        self._queues: dict[int, deque[_Sending]] = {}

    # --- keys that come in ------------------------------------------------------------------------------

    def through(self, sink: FactSink) -> FactSink:
        """What the media report, on its way to ``sink``: without keys that came by INFO already."""

        def take(fact: Fact) -> None:
            if not isinstance(fact, ToneHeard) or self._counts(fact):
                sink(fact)

        return take

    def _counts(self, fact: ToneHeard) -> bool:
        leg = self._legs.get(fact.leg)
        if leg is None:
            return True
        leg.last_key = (fact.digit, self._clock.now())
        return not leg.presses_by_info

    def pressed(self, leg: Leg, key: str) -> None:
        """A phone has pressed a key and said so in an INFO."""
        if leg.state is not LegState.UP:
            return
        digit, at = leg.last_key
        if not leg.presses_by_info and digit == key and self._clock.now() - at <= SAME:
            leg.last_key = ("", 0.0)
            return
        leg.presses_by_info = True
        self._sink(ToneHeard(leg.leg, key))

    # --- keys that go out -------------------------------------------------------------------------------

    def takes(self, leg: int) -> bool:
        """Whether keys for this leg go out by INFO."""
        found = self._legs.get(leg)
        return found is not None and bool(found.info_keys)

    def send(self, effect: SendTones) -> None:
        """Press keys; TonesDone or TonesFailed follows."""
        queue = self._queues.setdefault(effect.leg, deque())
        queue.append(_Sending(effect.sending, deque(effect.digits)))
        if len(queue) == 1:
            self._later(effect.leg, 0.0)

    def stop(self, sending: int) -> bool:
        """Press no more keys of a sending; False when it is none of ours. No fact follows."""
        for leg, queue in self._queues.items():
            for one in queue:
                if one.number == sending:
                    first = one is queue[0]
                    queue.remove(one)
                    self._cancel(one)
                    if first:
                        self._follow(leg)
                    return True
        return False

    def close(self) -> None:
        """Nothing goes out any more; no facts follow."""
        for queue in self._queues.values():
            for one in queue:
                self._cancel(one)
        self._queues.clear()

    def informed(self, leg: Leg, status: int) -> None:
        """An INFO of ours was answered."""
        queue = self._queues.get(leg.leg)
        if not queue or not queue[0].digits:
            return
        if status >= 300:
            self._failed(leg.leg, f"the phone refused a key: SIP {status}")
            return
        queue[0].digits.popleft()
        self._later(leg.leg, (DURATION + PAUSE) / 1000)

    def _next(self, leg: int) -> None:
        """Press the next key of the first sending, or say that it is done."""
        queue = self._queues.get(leg)
        if not queue:
            return
        sending = queue[0]
        sending.timer = None
        found = self._legs.get(leg)
        if not sending.digits:
            queue.popleft()
            self._follow(leg)
            self._sink(TonesDone(sending.number))
            return
        # Set first: the outcome may come from within.
        sending.timer = self._clock.call_at(
            self._clock.now() + PATIENCE, lambda: self._failed(leg, "no answer to a key")
        )
        if found is None or not self._press(found, sending.digits[0]):
            self._failed(leg, "the phone is not in a call")

    def _press(self, leg: Leg, key: str) -> bool:
        return self._signalling.press(leg.session, key, DURATION, leg.info_keys)

    def _later(self, leg: int, delay: float) -> None:
        sending = self._queues[leg][0]
        self._cancel(sending)
        sending.timer = self._clock.call_at(self._clock.now() + delay, lambda: self._next(leg))

    def _failed(self, leg: int, message: str) -> None:
        queue = self._queues.get(leg)
        if queue:
            sending = queue.popleft()
            self._cancel(sending)
            self._follow(leg)
            self._sink(TonesFailed(sending.number, message))

    def _follow(self, leg: int) -> None:
        if self._queues[leg]:
            self._later(leg, PAUSE / 1000)
        else:
            del self._queues[leg]

    @staticmethod
    def _cancel(sending: _Sending) -> None:
        if sending.timer is not None:
            sending.timer.cancel()
            sending.timer = None
