"""What the engine asks of the edges: phones, media and the event room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hookflash.calls.audio_effects import (
    CloseStream,
    CloseTranscript,
    OpenStream,
    OpenTranscript,
    PauseRecording,
    ResumeRecording,
    StartRecording,
    StopRecording,
    StreamTone,
    UpdateRoster,
    UpdateTranscript,
)
from hookflash.calls.effects import (
    AddListener,
    AnswerLeg,
    DialLeg,
    EndLeg,
    MoveLeg,
    PlayAudio,
    PublishEvent,
    RaiseIncomingCall,
    ReferLeg,
    RefuseLeg,
    RemoveListener,
    RingLeg,
    SendTones,
    TellReferrer,
)
from hookflash.calls.facts import Fact
from hookflash.calls.speech_effects import FinishListening, StartListening, StopListening
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

    def move(self, effect: MoveLeg) -> None:
        """Bring an established leg into another call; LegMoved or LegNotMoved follows."""
        ...

    def refer(self, effect: ReferLeg) -> None:
        """Ask the far side to connect the phone elsewhere; LegReferred or LegNotReferred follows."""
        ...

    def tell_referrer(self, effect: TellReferrer) -> None:
        """Tell the far side what has become of what it asked for; no fact follows."""
        ...


class Media(Protocol):
    """Carries out the effects on audio. Every method returns at once; outcomes come back as facts."""

    def open_app_leg(self, leg: int, call: int) -> None: ...

    def close_app_leg(self, leg: int) -> None: ...

    def join_mix(self, leg: int) -> None: ...

    def leave_mix(self, leg: int) -> None: ...

    def mute(self, leg: int, muted: bool) -> None:
        """Nobody hears the leg while it is muted."""
        ...

    def play(self, effect: PlayAudio) -> None: ...

    def add_listener(self, effect: AddListener) -> None: ...

    def remove_listener(self, effect: RemoveListener) -> None: ...

    def stop_audio(self, play: int) -> None: ...

    def send_tones(self, effect: SendTones) -> None: ...

    def stop_tones(self, sending: int) -> None: ...


class Ears(Protocol):
    """Understands what is said in calls. Every method returns at once; outcomes come back as facts."""

    def listen(self, effect: StartListening) -> None: ...

    def finish(self, effect: FinishListening) -> None: ...

    def stop(self, effect: StopListening) -> None:
        """Drop a listening; unknown ones (they have ended meanwhile) are ignored."""
        ...


class Streams(Protocol):
    """Audio streaming and transcription. Every method returns at once; outcomes come back as facts."""

    def open_stream(self, effect: OpenStream) -> None: ...

    def close_stream(self, effect: CloseStream) -> None: ...

    def open_transcript(self, effect: OpenTranscript) -> None: ...

    def update_transcript(self, effect: UpdateTranscript) -> None: ...

    def close_transcript(self, effect: CloseTranscript) -> None: ...

    def tone(self, effect: StreamTone) -> None: ...

    def roster(self, effect: UpdateRoster) -> None:
        """Who is in a call now; calls that nothing streams are ignored."""
        ...


class Recorder(Protocol):
    """Recording. Every method returns at once; outcomes come back as facts."""

    def start(self, effect: StartRecording) -> None: ...

    def pause(self, effect: PauseRecording) -> None: ...

    def resume(self, effect: ResumeRecording) -> None: ...

    def stop(self, effect: StopRecording) -> None: ...

    def roster(self, effect: UpdateRoster) -> None:
        """Who is in a call now; calls that nothing records are ignored."""
        ...


class Publisher(Protocol):
    """Turns Event Grid events into deliveries."""

    def incoming_call(self, effect: RaiseIncomingCall, at: float) -> list[Delivery]:
        """The deliveries for every matching subscription; empty when nobody listens. ``at`` is Unix time."""
        ...

    def event(self, effect: PublishEvent, at: float) -> list[Delivery]:
        """As :meth:`incoming_call`, for the other events."""
        ...
