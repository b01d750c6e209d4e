"""Voices that know plain text only: SSML is read here, and each stretch of text given to them in turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hookflash.media.speech import Speech
from hookflash.ports.speech import RATE, SpeechError, Spoken
from hookflash.speech.script import Clip, Manner, Script, Segment, Silence, Utterance
from hookflash.speech.speaking_jobs import Pause, Say
from hookflash.speech.ssml import parse
from hookflash.speech.voices import VoiceTable, known

Fetch = Callable[[str], Awaitable[NDArray[np.int16]]]
"""Gets the audio behind a URL, int16 at 16,000 Hz. Raises SpeechError."""

Run = Callable[[Sequence[Say | Pause], str], AsyncGenerator[Spoken, None]]
"""Speaks some text and silence in one go, for an owner (:class:`~hookflash.media.speech.Speech`). Raises
SpeechError."""

Read = Callable[[str, str, str], str]
"""What a voice is given of a text; the second is its name, the third the text's locale, "" for none."""

MAX_NOTES = 20
"""Notes that one speech may have."""


def as_it_stands(text: str, voice: str, locale: str) -> str:
    """A :data:`Read` for voices that read everything by themselves."""
    return text


async def no_audio(url: str) -> NDArray[np.int16]:
    """A :data:`Fetch` where no audio can be had."""
    raise SpeechError("audio elements are not played here")


def script_of(speech: Speech) -> Script:
    """What there is to be heard. Raises SsmlError for a document that cannot be spoken."""
    if speech.ssml:
        return parse(speech.ssml, voice=speech.voice, locale=speech.locale, gender=speech.gender)
    text = " ".join(speech.text.split())
    if not text:
        raise SpeechError("there is nothing to say", sub_code=8582, final=True)
    # Paragraphs are kept: they part sentences that have no full stop.
    return Script((Utterance(speech.text, Manner(speech.voice, speech.locale, speech.gender)),))


class ScriptedVoice:
    """A synthesiser out of one that speaks plain text.

    Args:
        name: what settings and traces call it.
        version: changes whenever the same text sounds otherwise.
        table: its voices.
        run: speaks text.
        fetch: gets what audio elements name.
        read: makes words of what is written, for a voice that can not do so itself. Whoever asks for speech
            never sees them.
    """

    def __init__(
        self,
        name: str,
        version: str,
        table: VoiceTable,
        run: Run,
        fetch: Fetch = no_audio,
        read: Read = as_it_stands,
    ) -> None:
        self.name = name
        self.version = version
        self._table = table
        self._run = run
        self._fetch = fetch
        self._read = read

    async def synthesise(self, speech: Speech) -> AsyncGenerator[Spoken, None]:
        """See :class:`hookflash.ports.speech.Synthesiser`."""
        script = script_of(speech)
        chosen = _Voices(self._table, strict=speech.strict)
        for segment in _with_fallbacks(script.segments):
            if isinstance(segment, Utterance):
                chosen.of(segment.manner)
        notes = (*script.notes, *chosen.notes)[:MAX_NOTES]
        async with aclosing(self._segments(script.segments, chosen, speech.owner)) as spoken:
            async for piece in spoken:
                yield replace(piece, notes=(*notes, *piece.notes)) if notes else piece
                notes = ()

    async def _segments(
        self, segments: Sequence[Segment], chosen: _Voices, owner: str
    ) -> AsyncGenerator[Spoken, None]:
        run: list[Say | Pause] = []
        for segment in segments:
            match segment:
                case Utterance():
                    run.append(self._say(segment, chosen))
                case Silence():
                    run.append(Pause(segment.ms / 1000))
                case Clip():
                    async with aclosing(self._spoken(run, owner)) as spoken:
                        async for piece in spoken:
                            yield piece
                    run = []
                    async with aclosing(self._clip(segment, chosen, owner)) as spoken:
                        async for piece in spoken:
                            yield piece
        async with aclosing(self._spoken(run, owner)) as spoken:
            async for piece in spoken:
                yield piece

    def _say(self, utterance: Utterance, chosen: _Voices) -> Say:
        manner, voice = utterance.manner, chosen.of(utterance.manner)
        locale = manner.locale or known(manner.voice).locale
        text = self._read(utterance.text, voice, locale)
        return Say(text, voice, manner.rate, manner.gain_db, manner.pitch)

    async def _spoken(self, run: Sequence[Say | Pause], owner: str) -> AsyncGenerator[Spoken, None]:
        if not run:
            return
        async with aclosing(self._run(run, owner)) as pieces:
            async for piece in pieces:
                if len(piece.pcm):
                    yield piece

    async def _clip(self, clip: Clip, chosen: _Voices, owner: str) -> AsyncGenerator[Spoken, None]:
        try:
            pcm = await self._fetch(clip.url)
        except SpeechError as error:
            note: tuple[str, ...] = (f"an audio element was not played: {error}",)
            async with aclosing(self._segments(clip.fallback, chosen, owner)) as spoken:
                async for piece in spoken:
                    yield replace(piece, notes=(*note, *piece.notes))
                    note = ()
            if note:  # nothing stands in for it
                yield Spoken(np.zeros(RATE // 50, np.int16), note)
            return
        if len(pcm):
            # Beside the event loop: it may be an hour.
            yield Spoken(await asyncio.to_thread(louder, pcm, clip.gain_db) if clip.gain_db else pcm)


class _Voices:
    """The voice for each manner, asked for once, and what is to be said of it."""

    def __init__(self, table: VoiceTable, *, strict: bool) -> None:
        self._table = table
        self._strict = strict
        self._chosen: dict[tuple[str, str, str], str] = {}
        self.notes: list[str] = []

    def of(self, manner: Manner) -> str:
        wanted = (manner.voice, manner.locale, manner.gender)
        if wanted not in self._chosen:
            choice = self._table.choose(*wanted, strict=self._strict)
            self._chosen[wanted] = choice.name
            if choice.note and choice.note not in self.notes:
                self.notes.append(choice.note)
        return self._chosen[wanted]


def _with_fallbacks(segments: Iterable[Segment]) -> Iterable[Segment]:
    for segment in segments:
        yield segment
        if isinstance(segment, Clip):
            yield from _with_fallbacks(segment.fallback)


def louder(pcm: NDArray[np.int16], db: float) -> NDArray[np.int16]:
    """``pcm`` with another gain, clipped."""
    if not db:
        return pcm
    scaled = np.rint(pcm * np.float32(10.0 ** (db / 20.0)))
    clipped: NDArray[np.int16] = np.clip(scaled, -32768, 32767).astype(np.int16)
    return clipped
