"""What the services that know plain text only have in common: texts in the lengths they take, their audio."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing

import aiohttp
import numpy as np

from hookflash.ports.speech import RATE, Spoken
from hookflash.speech.scripted import Run, louder
from hookflash.speech.services.pcm import NotPcm, PcmReader
from hookflash.speech.services.service import Service
from hookflash.speech.speaking_jobs import Pause, Say

_SENTENCE = re.compile(r"(?<=[.!?;。！？])\s+")

Ask = Callable[[Say, str], AbstractAsyncContextManager[aiohttp.ClientResponse]]
"""Asks a service to speak a text in the manner given; the answer's body is audio."""


async def spoken(
    service: Service, response: aiohttp.ClientResponse, rate: int
) -> AsyncGenerator[Spoken, None]:
    """The audio of an answer, raw at ``rate`` Hz or WAV; at least one sample. Raises SpeechError."""
    reader = PcmReader(rate)
    any_audio = False
    kind = response.content_type
    try:
        if "json" in kind or kind.startswith("text/"):
            raise NotPcm(f"it sent {kind} instead of audio")
        async with aclosing(_bytes(service, response)) as pieces:
            async for data, last in pieces:
                pcm = reader.read(data, last=last)
                if len(pcm):
                    any_audio = True
                    yield Spoken(pcm)
    except NotPcm as error:
        raise service.error(str(error)) from None
    if not any_audio:
        raise service.error("it sent no audio")


async def _bytes(
    service: Service, response: aiohttp.ClientResponse
) -> AsyncGenerator[tuple[bytes, bool], None]:
    async with aclosing(service.audio(response)) as pieces:
        async for data in pieces:
            yield data, False
    yield b"", True


def runner(service: Service, ask: Ask, rate: int, longest: int, cannot: Callable[[Say], str]) -> Run:
    """A way to speak text and silence in one go.

    Args:
        ask: asks for one text of at most ``longest`` characters.
        rate: Hz of what it answers.
        cannot: what of a manner the service cannot do, "" for nothing; told in a note.
    """

    async def run(parts: Sequence[Say | Pause], owner: str) -> AsyncGenerator[Spoken, None]:
        notes = tuple(dict.fromkeys(filter(None, (cannot(one) for one in parts if isinstance(one, Say)))))
        async with aclosing(_pieces(parts)) as pieces:
            async for piece in pieces:
                yield Spoken(piece.pcm, notes)
                notes = ()

    async def _pieces(parts: Sequence[Say | Pause]) -> AsyncGenerator[Spoken, None]:
        for part in parts:
            if isinstance(part, Pause):
                yield Spoken(np.zeros(max(1, round(part.seconds * RATE)), np.int16))
                continue
            for text in lengths(part.text, longest):
                async with ask(part, text) as response, aclosing(spoken(service, response, rate)) as pieces:
                    async for piece in pieces:
                        yield Spoken(louder(piece.pcm, part.gain_db))

    return run


def lengths(text: str, longest: int) -> list[str]:
    """``text`` in as few pieces as may be, none longer than ``longest`` characters, cut between sentences, or
    at a space where there is no other way."""
    made: list[str] = []
    for sentence in _SENTENCE.split(text.strip()):
        if made and len(made[-1]) + 1 + len(sentence) <= longest:
            made[-1] += " " + sentence
            continue
        while len(sentence) > longest:
            cut = sentence.rfind(" ", 1, longest + 1)
            cut = cut if cut > 0 else longest
            made.append(sentence[:cut])
            sentence = sentence[cut:].lstrip()
        if sentence:
            made.append(sentence)
    return made
