"""The messages between control and a media worker, and the protocol control sees.

Control sends *commands*, the worker answers with *events*; both are small tagged structs, packed with
MessagePack and exchanged at most once a tick (20 ms) in each direction. A *leg* is one row of the plane's
columns; legs of one *call* hear each other (mix-minus). Ids are integers minted by control and never reused
in the life of the process. Audio in commands is signed 16-bit little-endian PCM,
mono, 8,000 Hz unless a rate is given. Commands and events have modules of their own; all are had from here.
"""

from __future__ import annotations

from typing import Protocol

from hookflash.ports.plane_commands import (
    AddPlayLeg,
    AskPlay,
    CloseLeg,
    CloseTap,
    CloseVoice,
    ConnectLeg,
    DropClip,
    ExtendPlay,
    HearingRule,
    JoinMix,
    LeaveMix,
    LoadClip,
    MoveLeg,
    MuteLeg,
    OpenLeg,
    OpenTap,
    OpenVoice,
    OpusTerms,
    PlaneCommand,
    RemovePlayLeg,
    SendTones,
    SetGain,
    SetHearing,
    Shutdown,
    SrtpKeys,
    StartPlay,
    StopPlay,
    StopTones,
)
from hookflash.ports.plane_events import (
    AudioTapped,
    ClipRefused,
    Heartbeat,
    LegClosed,
    LegLatched,
    LegOpened,
    LegRefused,
    LegReport,
    LegStarved,
    PlaneEvent,
    PlayFinished,
    PlayProgress,
    PlayStarted,
    PlayUnheard,
    TapClosed,
    ToneHeard,
    TonesRefused,
    TonesSent,
    VoiceClosed,
    WorkerReady,
)
from hookflash.ports.plane_messages import TICK, LegQuality, PlaneMessage, SrtpSource

__all__ = [
    "TICK",
    "AddPlayLeg",
    "AskPlay",
    "AudioTapped",
    "ClipRefused",
    "CloseLeg",
    "CloseTap",
    "CloseVoice",
    "ConnectLeg",
    "DropClip",
    "ExtendPlay",
    "HearingRule",
    "Heartbeat",
    "JoinMix",
    "LeaveMix",
    "LegClosed",
    "LegLatched",
    "LegMedia",
    "LegOpened",
    "LegQuality",
    "LegRefused",
    "LegReport",
    "LegStarved",
    "LegUnavailable",
    "LoadClip",
    "MoveLeg",
    "MuteLeg",
    "OpenLeg",
    "OpenTap",
    "OpenVoice",
    "OpusTerms",
    "PlaneCommand",
    "PlaneEvent",
    "PlaneMessage",
    "PlayFinished",
    "PlayProgress",
    "PlayStarted",
    "PlayUnheard",
    "RemovePlayLeg",
    "SendTones",
    "SetGain",
    "SetHearing",
    "Shutdown",
    "SrtpKeys",
    "SrtpSource",
    "StartPlay",
    "StopPlay",
    "StopTones",
    "TapClosed",
    "ToneHeard",
    "TonesRefused",
    "TonesSent",
    "VoiceClosed",
    "WorkerReady",
]


class LegUnavailable(Exception):
    """No media leg could be opened (ports, rows or workers exhausted); the message says which.

    ``retry_after`` is after how many seconds it may be possible, 0 when nothing is known about that; ``full``
    tells that the workers are there, but carry as much as they can.
    """

    def __init__(self, message: str, *, retry_after: int = 0, full: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.full = full


class LegMedia(Protocol):
    """What a phone needs from the plane: a leg with a port to put into SDP, and where to send."""

    async def open_leg(self, leg: int, call: int, *, socket: bool = True) -> int:
        """Open a leg; returns the local RTP port, 0 without ``socket``. Raises :class:`LegUnavailable`."""
        ...

    async def move_leg(self, leg: int, call: int) -> int:
        """Bring an open leg into another call; returns its local RTP port from now on.

        The port is another one when the call is on another worker: then the peer has to be told. Raises
        :class:`LegUnavailable`, and then the leg is where it was.
        """
        ...

    def connect_leg(self, command: ConnectLeg) -> None: ...

    def close_leg(self, leg: int) -> None:
        """Close the leg; unknown legs are ignored."""
        ...
