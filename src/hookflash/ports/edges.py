"""What the engine asks of the edges: phones, media and the event room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hookflash.calls.effects import (
    AddListener,
    AnswerLeg,
    DialLeg,
    EndLeg,
    PlayAudio,
    RaiseIncomingCall,
    RefuseLeg,
    RemoveListener,
    RingLeg,
    SendTones,
)
from hookflash.calls.facts import Fact
from hookflash.ports.journal import Delivery

FactSink = Callable[[Fact], None]
"""Where an edge reports; called on the event loop, never blocks, never raises."""


class Phones(Protocol):
    """Carries out the effects on phone legs. Every method returns at once; outcomes come back as facts."""

    def dial(self, effect: DialLeg) -> None: ...

    def ring(self, effect: RingLeg) -> None: ...

    def answer(self, effect: AnswerLeg) -> None: ...

    def refuse(self, effect: RefuseLeg) -> None: ...

    def end(self, effect: EndLeg) -> None:
        """End a leg; unknown legs (app legs, legs already gone) are ignored."""
        ...


class Media(Protocol):
    """Carries out the effects on audio. Every method returns at once; outcomes come back as facts."""

    def open_app_leg(self, leg: int, call: int) -> None: ...

    def close_app_leg(self, leg: int) -> None: ...

    def join_mix(self, leg: int) -> None: ...

    def leave_mix(self, leg: int) -> None: ...

    def play(self, effect: PlayAudio) -> None: ...

    def add_listener(self, effect: AddListener) -> None: ...

    def remove_listener(self, effect: RemoveListener) -> None: ...

    def stop_audio(self, play: int) -> None: ...

    def send_tones(self, effect: SendTones) -> None: ...

    def stop_tones(self, sending: int) -> None: ...


class Publisher(Protocol):
    """Turns an IncomingCall into Event Grid deliveries."""

    def incoming_call(self, effect: RaiseIncomingCall, at: float) -> list[Delivery]:
        """The deliveries for every matching subscription; empty when nobody listens. ``at`` is Unix time."""
        ...
