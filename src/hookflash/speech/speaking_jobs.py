"""What voices are asked for: plain data between the server and a worker."""

from __future__ import annotations

import msgspec


class Say(msgspec.Struct, frozen=True, tag="say"):
    """Speak ``text``.

    ``voice`` is a name the engine knows, "" for its first. ``rate`` is a factor, ``gain_db`` against the
    voice's own loudness, ``pitch`` in semitones.
    """

    text: str
    voice: str = ""
    rate: float = 1.0
    gain_db: float = 0.0
    pitch: float = 0.0


class Pause(msgspec.Struct, frozen=True, tag="pause"):
    """Silence, in seconds."""

    seconds: float


class Speak(msgspec.Struct, frozen=True, tag="speak"):
    """A whole job: what is to be heard, in order."""

    parts: tuple[Say | Pause, ...]


class Document(msgspec.Struct, frozen=True, tag="document"):
    """A whole job of a service that reads SSML; ``endpoint`` is that of a custom voice, "" for none."""

    ssml: str
    endpoint: str = ""


class VoiceFile(msgspec.Struct, frozen=True):
    """A Piper voice on disk: the model, with its settings beside it in ``path`` + ".json"."""

    name: str
    path: str
