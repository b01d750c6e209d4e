"""The speaking desk: gives every text to the provider that is to speak it, or to the next, or to the cache.

Providers stand in the order of the configuration. The first one for the locale is asked; one that fails, or
from which nothing comes in time, before any audio is replaced by the next. What was spoken is kept, and
those who want the same at the same time share it while it is being made.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from typing import Protocol

from hookflash.media.speech import Speech
from hookflash.ports.clock import Clock
from hookflash.ports.speech import RATE, SpeechError, Spoken
from hookflash.speech.cache import DiskCache, MemoryCache, Prompt
from hookflash.speech.figures import CacheUse, Times
from hookflash.speech.flight import Flight, FlightLimits
from hookflash.speech.locales import covers
from hookflash.speech.script import Clip, Utterance
from hookflash.speech.scripted import script_of
from hookflash.speech.shares import Shelf
from hookflash.speech.standing import Standing
from hookflash.speech.voices import known

FIRST_PIECE = RATE // 2
"""Samples of the first piece of a cached prompt: it is on its way while the rest is made ready."""

PIECE = 10 * RATE
"""Samples of every other piece of it."""

MAX_IDS = 10_000
"""Cache ids that keep their meaning; beyond, the oldest of whoever has the most lose it."""


class Provider(Protocol):
    """A synthesiser as the desk sees it; :class:`~hookflash.speech.scripted.ScriptedVoice` is one.

    Attributes:
        name: what settings and traces call it.
        version: another one whenever the same text sounds otherwise; audio is kept by it.
    """

    name: str
    version: str

    def synthesise(self, speech: Speech) -> AsyncGenerator[Spoken, None]:
        """See :class:`hookflash.ports.speech.Synthesiser`; an asynchronous generator."""
        ...


@dataclass(frozen=True, slots=True)
class Speaker:
    """A provider and the locales it is asked for, all when empty ("en" stands for every region)."""

    provider: Provider
    locales: tuple[str, ...] = ()

    def takes(self, locale: str) -> bool:
        """Whether it is asked for ``locale``; "" is any."""
        return not self.locales or not locale or any(covers(one, locale) for one in self.locales)


@dataclass(frozen=True, slots=True)
class SpeakingLimits:
    """``first_audio``: seconds to the first audio and between pieces. ``seconds``: of a prompt at most.
    ``cache_id``: seconds that a cache id keeps its meaning."""

    first_audio: float = 6.0
    seconds: float = 600.0
    cache_id: float = 3600.0


class SpeakingDesk:
    """Speaks; see :meth:`speak`. Use within one event loop; :meth:`close` it at the end.

    Attributes:
        standing: who fails.
        first_audio: how long each provider took to its first audio, by name.
        cache_use: how often a prompt was found.
    """

    def __init__(
        self,
        speakers: Sequence[Speaker],
        clock: Clock,
        limits: SpeakingLimits | None = None,
        *,
        memory: MemoryCache | None = None,
        disk: DiskCache | None = None,
    ) -> None:
        self._speakers = tuple(speakers)
        self._clock = clock
        self._limits = limits or SpeakingLimits()
        self._memory = memory or MemoryCache(0)
        self._disk = disk
        self._flights: dict[str, Flight] = {}
        self._ids: dict[str, tuple[float, str]] = {}
        self._id_shelf = Shelf()
        self._keeping: set[asyncio.Task[None]] = set()
        self.standing = Standing("speak")
        self.first_audio = {one.provider.name: Times() for one in self._speakers}
        self.cache_use = CacheUse()

    @property
    def speaks(self) -> bool:
        """Whether there is anybody to speak."""
        return bool(self._speakers)

    @property
    def cached_bytes(self) -> dict[str, int]:
        """What is kept, in bytes, by where."""
        disk = {} if self._disk is None else {"disk": self._disk.bytes}
        return {"memory": self._memory.bytes, **disk}

    async def speak(self, speech: Speech) -> AsyncGenerator[Spoken, None]:
        """The audio of ``speech``, piece by piece; close the iterator to stop.

        The first piece has notes for the trace: who speaks, and what is not as it was asked for.

        Raises:
            SpeechError: nobody can speak it; before any audio, or in the middle when a provider breaks off.
        """
        kept = self._of_id(speech)
        if kept is not None and (prompt := await self._cached(kept, speech)) is not None:
            for piece in _in_pieces(prompt, ("from the cache, by its id",)):
                yield piece
            return
        locale, lasting = _look_at(speech)
        notes: list[str] = []
        failure: SpeechError | None = None
        missed = False
        for speaker in self._in_order(locale, notes):
            provider = speaker.provider
            key = key_of(provider, speech)
            if lasting and (prompt := await self._cached(key, speech)) is not None:
                self._remember(speech, key)
                for piece in _in_pieces(prompt, (*notes, f"{provider.name} spoke, from the cache")):
                    yield piece
                return
            self.cache_use.misses += lasting and not missed
            missed = True
            started, asked = False, self._clock.now()
            try:
                async with aclosing(self._fly(key, provider, speech, lasting)) as pieces:
                    async for piece in pieces:
                        if not started:
                            started = True
                            self.first_audio[provider.name].add(self._clock.now() - asked)
                            yield replace(piece, notes=(*notes, f"{provider.name} speaks", *piece.notes))
                        else:
                            yield piece
            except SpeechError as error:
                if error.final:
                    raise
                self.standing.failed(provider.name, error)
                if started:
                    raise
                failure = error
                notes.append(f"{provider.name} failed: {error}")
                continue
            if started:
                self.standing.worked(provider.name)
                return
            notes.append(f"{provider.name} had nothing to say")
        raise failure or SpeechError("; ".join(notes) or "nobody is here to speak")

    async def close(self) -> None:
        """Stop everything that is being spoken, and write what is to be kept."""
        await asyncio.gather(*(flight.stop() for flight in list(self._flights.values())))
        await asyncio.gather(*self._keeping, return_exceptions=True)

    # --- inside -------------------------------------------------------------------------------------------

    def _in_order(self, locale: str, notes: list[str]) -> list[Speaker]:
        """Who is to be asked: those for the locale; if there is none, all, which is noted."""
        fitting = [one for one in self._speakers if one.takes(locale)]
        if not fitting and self._speakers:
            notes.append(f'no provider is there for "{locale}"; all are asked')
            return list(self._speakers)
        return fitting

    async def _fly(
        self, key: str, provider: Provider, speech: Speech, lasting: bool
    ) -> AsyncGenerator[Spoken, None]:
        """Follow the synthesis of ``speech``, which is begun unless it goes on already."""
        flight = self._flights.get(key)
        if flight is None:
            limits = FlightLimits(self._limits.first_audio, self._limits.seconds)

            def landed(done: Flight) -> None:
                if self._flights.get(key) is done:
                    del self._flights[key]
                if done.whole is not None and lasting:
                    self._keep(key, speech, done.whole)

            flight = self._flights[key] = Flight(provider, speech, self._clock, limits, landed)
        async with aclosing(flight.follow()) as pieces:
            async for piece in pieces:
                yield piece

    async def _cached(self, key: str, speech: Speech) -> Prompt | None:
        prompt = self._memory.get(key)
        if prompt is not None:
            self.cache_use.hits["memory"] += 1
        elif self._disk is not None:
            prompt = await asyncio.to_thread(self._disk.get, key)
            if prompt is not None:
                self.cache_use.hits["disk"] += 1
                self._memory.put(key, prompt, speech.owner)
        return prompt

    def _keep(self, key: str, speech: Speech, prompt: Prompt) -> None:
        self._memory.put(key, prompt, speech.owner)
        self._remember(speech, key)
        if self._disk is not None:
            task = asyncio.create_task(asyncio.to_thread(self._disk.put, key, prompt, speech.owner))
            self._keeping.add(task)
            task.add_done_callback(self._keeping.discard)

    def _of_id(self, speech: Speech) -> str | None:
        """What the cache id of ``speech`` stands for, if it still does."""
        until, key = self._ids.get(speech.cache_id or "", (0.0, ""))
        return key if key and self._clock.now() < until else None

    def _remember(self, speech: Speech, key: str) -> None:
        if speech.cache_id and self._of_id(speech) is None:
            self._ids[speech.cache_id] = (self._clock.now() + self._limits.cache_id, key)
            self._id_shelf.add(speech.cache_id, 1, speech.owner)
            while len(self._id_shelf) > MAX_IDS:
                gone = self._id_shelf.first_to_go()
                self._id_shelf.remove(gone)
                del self._ids[gone]


def key_of(provider: Provider, speech: Speech) -> str:
    """What audio is kept by: all that changes how it sounds."""
    said = {name: value for name, value in asdict(speech).items() if name not in ("cache_id", "owner")}
    text = json.dumps([provider.name, provider.version, said], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _look_at(speech: Speech) -> tuple[str, bool]:
    """The locale that decides who speaks, and whether the same audio would come again.

    Raises SsmlError for a document that cannot be spoken by anybody.
    """
    segments = script_of(speech).segments
    first = next((one.manner for one in segments if isinstance(one, Utterance)), None)
    locale = (known(first.voice).locale or first.locale) if first is not None else ""
    # What an audio element names may change without its URL.
    return locale, not any(isinstance(one, Clip) for one in segments)


def _in_pieces(prompt: Prompt, notes: tuple[str, ...]) -> list[Spoken]:
    """A whole prompt in pieces, the first of them short."""
    cuts = [0, *range(FIRST_PIECE, len(prompt.pcm), PIECE)]
    lengths = [FIRST_PIECE, *[PIECE] * (len(cuts) - 1)]
    pieces = [Spoken(prompt.pcm[at : at + length]) for at, length in zip(cuts, lengths, strict=True)]
    return [replace(pieces[0], notes=(*notes, *prompt.notes)), *pieces[1:]]
