"""The text frames on streaming and transcription sockets (contract sections 7.3, 7.4 and 8.2).

What we send is written exactly as the official parsers want it: ``kind`` in Pascal case, everything else in
camel case, no ``null``. What apps send comes in many casings, so names and kinds are read without regard to
case, and ``kind`` alone decides what a frame is: the JavaScript SDK puts an empty ``stopAudio`` beside audio.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import msgspec

from hookflash.wire.timestamps import millisecond_time

FRAME_MS = 20
MAX_MARK = 256
"""Characters of the name of a mark."""
MAX_QUOTES = 10_000
"""Quotation marks in a frame, two for each name of a member: no frame has more than some dozens."""


class _AudioMetadata(msgspec.Struct, rename="camel"):
    subscription_id: str
    encoding: str
    sample_rate: int
    channels: int
    length: int


class _TranscriptionMetadata(msgspec.Struct, rename="camel", omit_defaults=True):
    subscription_id: str
    locale: str
    call_connection_id: str
    correlation_id: str
    speech_recognition_model_endpoint_id: str | None = None


class Word(msgspec.Struct, frozen=True):
    """``offset`` and ``duration`` in ticks of 100 ns; ``offset`` never negative."""

    text: str
    offset: int
    duration: int


class _TranscriptionData(msgspec.Struct):
    text: str
    format: str
    confidence: float
    offset: int
    duration: int
    words: Sequence[Word]
    participantRawID: str
    resultStatus: str


_encoder = msgspec.json.Encoder()


def _frame(kind: str, member: str, body: msgspec.Struct | Mapping[str, str]) -> str:
    return _encoder.encode({"kind": kind, member: body}).decode()


def frame_length(sample_rate: int) -> int:
    """Octets of 20 ms of 16-bit mono audio: 640 at 16,000 Hz, 960 at 24,000 Hz."""
    return 2 * sample_rate * FRAME_MS // 1000


def audio_metadata(subscription_id: str, sample_rate: int) -> str:
    """The first frame of an audio stream."""
    body = _AudioMetadata(subscription_id, "PCM", sample_rate, 1, frame_length(sample_rate))
    return _frame("AudioMetadata", "audioMetadata", body)


def audio_data(time: float, pcm: bytes, *, silent: bool, participant: str | None = None) -> bytes:
    """20 ms of audio (int16 LE), as UTF-8; ``time`` is Unix time, ``participant`` a rawId in unmixed streams.

    There are fifty of these a second and stream, in which only the audio is new: the rest is put around it.
    """
    head, tail = audio_ends(time, silent=silent, participant=participant)
    return b"".join((head, b2a_base64(pcm, newline=False), tail))


def audio_ends(time: float, *, silent: bool, participant: str | None = None) -> tuple[bytes, bytes]:
    """What stands before and behind the base64 of 20 ms of audio in its frame."""
    return _audio_head(time, participant), _SILENT if silent else _AUDIBLE


_SILENT, _AUDIBLE = b'","silent":true}}', b'","silent":false}}'


@lru_cache(maxsize=1024)
def _audio_head(time: float, participant: str | None) -> bytes:
    """An audio frame up to its data; all mixed streams of a tick have the same."""
    whose = "" if participant is None else f'"participantRawID":{_encoder.encode(participant).decode()},'
    head = '{"kind":"AudioData","audioData":{"timestamp":"' + millisecond_time(time) + '",' + whose
    return head.encode() + b'"data":"'


def mark_data(mark: str, *, heard: bool) -> str:
    """All audio up to an app's mark has been heard in the call, or was dropped before.

    Like this the previews of the .NET SDK read it; the other SDKs do not know the kind.
    """
    return _frame("MarkData", "markData", {"id": mark, "status": "Completed" if heard else "Cancelled"})


def playback_state(time: float, *, playing: bool) -> str:
    """The app begins to be heard in the call, or nothing of what it sent is left; our own addition."""
    body = {"state": "playing" if playing else "finished", "timestamp": millisecond_time(time)}
    return _frame("PlaybackState", "playbackState", body)


def dtmf_data(key: str) -> str:
    """A key a participant pressed, one of "0123456789*#ABCD"."""
    return _frame("DtmfData", "dtmfData", {"data": key})


def transcription_metadata(
    subscription_id: str,
    locale: str,
    connection_id: str,
    correlation_id: str,
    speech_model: str | None = None,
) -> str:
    """The first frame of a transcript."""
    body = _TranscriptionMetadata(subscription_id, locale, connection_id, correlation_id, speech_model)
    return _frame("TranscriptionMetadata", "transcriptionMetadata", body)


def transcription_data(
    text: str,
    *,
    participant: str,
    confidence: float,
    offset: int,
    duration: int,
    words: Sequence[Word],
    final: bool,
) -> str:
    """What was said; times in ticks of 100 ns. ``words`` may be empty but is always sent."""
    status = "Final" if final else "Intermediate"
    body = _TranscriptionData(text, "display", confidence, offset, duration, words, participant, status)
    return _frame("TranscriptionData", "transcriptionData", body)


# --- what apps send -------------------------------------------------------------------------------------


class AppAudio(NamedTuple):
    """Audio for the call, int16 LE in the rate of the stream, of any length; ``mark`` stands behind it."""

    pcm: bytes
    mark: str | None = None


@dataclass(frozen=True, slots=True)
class StopAudio:
    """Whatever was sent and is not said yet shall not be said."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The app wants to be told when all that it sent before has been heard."""

    id: str


class _PlainBody(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    data: bytes
    isSilent: bool | None = None
    silent: bool | None = None
    timestamp: str | None = None
    participant: None = None
    participantRawId: str | None = None


class _PlainFrame(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Audio as the SDKs for JavaScript and Java and most apps written by hand send it."""

    kind: Literal["audioData", "AudioData"]
    audioData: _PlainBody
    stopAudio: msgspec.Raw = msgspec.Raw(b"null")


class _NetBody(msgspec.Struct, forbid_unknown_fields=True, gc=False, rename="pascal"):
    data: bytes
    timestamp: str | None = None
    participant: None = None
    is_silent: bool | None = None


class _NetFrame(msgspec.Struct, forbid_unknown_fields=True, gc=False, rename="pascal"):
    """Audio as that for .NET sends it, and the samples in Python."""

    kind: Literal["AudioData"]
    audio_data: _NetBody
    stop_audio: None = None


_plain = msgspec.json.Decoder(_PlainFrame)
_net = msgspec.json.Decoder(_NetFrame)
_NET_BEGINS = ('{"Kind"', b'{"Kind"')


class FrameError(ValueError):
    """A frame that can not be read; the message says why."""


def read_frame(text: str | bytes) -> AppAudio | StopAudio | Mark | None:
    """A frame from an app; None for kinds that mean nothing to us.

    Raises:
        FrameError: no JSON object, audio without data, data that is not base64, or a mark without an id.
    """
    # Nearly all frames look like one of two; the others, and all that is wrong, may take longer.
    try:
        if text[:7] in _NET_BEGINS:
            return AppAudio(_net.decode(text).audio_data.data)
        return AppAudio(_plain.decode(text).audioData.data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return _read_any_frame(text)


def _read_any_frame(text: str | bytes) -> AppAudio | StopAudio | Mark | None:
    """The same, whatever it looks like.

    Nothing is made of what it has besides: all that fits into eight MiB of JSON would take seconds.
    """
    if (text.count('"') if isinstance(text, str) else text.count(b'"')) > MAX_QUOTES:
        raise FrameError(f"it has more than {MAX_QUOTES} quotation marks, and no frame has")
    try:
        frame = _members.decode(text)
    except msgspec.ValidationError as error:
        raise FrameError("it is not a JSON object") from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise FrameError(f"it is not JSON: {error}") from error
    except RecursionError as error:
        raise FrameError("it is JSON nested deeper than anything that is meant for us") from error
    kind = _text(_member(frame, "kind"))
    match None if kind is None else kind.casefold():
        case "audiodata":
            body = _object(_member(frame, "audiodata"))
            pcm = _pcm(body)
            return AppAudio(pcm, _mark_id(_member(body, "mark")))
        case "markdata":
            mark = _mark_id(_member(frame, "markdata"))
            if mark is None:
                raise FrameError(f"it is MarkData, but has no markData.id of 1 to {MAX_MARK} characters")
            return Mark(mark)
        case "stopaudio":
            return StopAudio()
        case _:
            return None


_Members = dict[str, msgspec.Raw]

_members = msgspec.json.Decoder(_Members)
_texts = msgspec.json.Decoder(str)
_data = msgspec.json.Decoder(bytes)


def _mark_id(body: msgspec.Raw | None) -> str | None:
    """The name of a mark: ``id``, as it comes back, or ``sequence``, as the previews of .NET call it."""
    if _begins(body, b"{"):
        members = _object(body)
        found = _member(members, "id")
        body = _member(members, "sequence") if found is None else found
    name = _text(body)
    return name if name is not None and 0 < len(name) <= MAX_MARK else None


def _pcm(body: _Members) -> bytes:
    data = _member(body, "data")
    if data is None or not _begins(data, b'"'):
        raise FrameError("it is AudioData, but has no audioData.data")
    try:
        return _data.decode(data)
    except msgspec.ValidationError as error:
        raise FrameError("its audioData.data is not base64") from error


def _member(body: _Members, name: str) -> msgspec.Raw | None:
    """A member by its name in any casing; the first one that is not null."""
    for key, value in body.items():
        if key.casefold() == name and not _begins(value, b"null"):
            return value
    return None


def _object(value: msgspec.Raw | None) -> _Members:
    """The members of a value; none of what is no object."""
    return _members.decode(value) if value is not None and _begins(value, b"{") else {}


def _text(value: msgspec.Raw | None) -> str | None:
    """A value that is a text."""
    return _texts.decode(value) if value is not None and _begins(value, b'"') else None


def _begins(value: msgspec.Raw | None, what: bytes) -> bool:
    return value is not None and memoryview(value)[: len(what)] == what
