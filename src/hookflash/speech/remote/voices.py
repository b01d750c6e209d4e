"""The voices of speech services: what they are called, and what a service is asked to say."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from xml.sax.saxutils import escape, quoteattr

from hookflash.media.speech import Speech
from hookflash.ports.speech import SpeechError, Spoken
from hookflash.speech.scripted import Fetch, Run, ScriptedVoice, no_audio, script_of
from hookflash.speech.speaking_jobs import Document
from hookflash.speech.voices import Voice, VoiceTable, known, standard, voice_name

VERSION = "1"
"""Another one when a service is asked otherwise, so that the same text sounds otherwise."""

OPENAI_VOICES = (
    Voice("alloy"),
    Voice("nova", "", "female"),
    Voice("onyx", "", "male"),
    Voice("coral", "", "female"),
    Voice("sage", "", "female"),
    Voice("shimmer", "", "female"),
    Voice("ash", "", "male"),
    Voice("ballad", "", "male"),
    Voice("echo", "", "male"),
    Voice("verse", "", "male"),
    Voice("fable"),
)

DEEPGRAM_VOICES = (
    Voice("aura-2-thalia-en", "en-US", "female"),
    Voice("aura-2-apollo-en", "en-US", "male"),
    Voice("aura-2-andromeda-en", "en-US", "female"),
    Voice("aura-2-arcas-en", "en-US", "male"),
    Voice("aura-2-draco-en", "en-GB", "male"),
    Voice("aura-2-pandora-en", "en-GB", "female"),
    Voice("aura-2-hyperion-en", "en-AU", "male"),
    Voice("aura-2-theia-en", "en-AU", "female"),
    Voice("aura-2-celeste-es", "es-CO", "female"),
    Voice("aura-2-nestor-es", "es-ES", "male"),
)

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_DEFAULT_LOCALE = "en-US"

Recite = Callable[[Document, str], AsyncGenerator[Spoken, None]]
"""Speaks a document for an owner. Raises SpeechError."""


class AzureVoice:
    """Speaks (:class:`hookflash.ports.speech.Synthesiser`).

    The voices, locales and SSML are those that apps name anyway, so everything is passed on as it is; SSML is
    read here all the same, so that a document that cannot be spoken is refused in the same words by every
    provider.

    Args:
        name: what settings and traces call it.
        recite: has the service speak.
        voice: for texts that name none; without it the standard voice of the locale and gender.
        mapping: voices of the resource for names that apps use, beside the service's own.
    """

    def __init__(
        self, name: str, recite: Recite, *, voice: str = "", mapping: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.version = VERSION
        self._recite = recite
        self._voice = voice
        self._mapping = {voice_name(key).lower(): value for key, value in (mapping or {}).items()}

    async def synthesise(self, speech: Speech) -> AsyncGenerator[Spoken, None]:
        """See :class:`hookflash.ports.speech.Synthesiser`."""
        script_of(speech)
        document = Document(speech.ssml or self._wrapped(speech), speech.endpoint)
        async with aclosing(self._recite(document, speech.owner)) as pieces:
            async for piece in pieces:
                yield piece

    def _wrapped(self, speech: Speech) -> str:
        """The document for a plain text."""
        asked = voice_name(speech.voice)
        name = self._mapping.get(asked.lower(), asked)
        if not name:
            fitting = standard(speech.locale or _DEFAULT_LOCALE, speech.gender)
            own = self._voice if not speech.locale or known(self._voice).locale == speech.locale else ""
            name = own or self._mapping.get(fitting.lower(), fitting)
        if not name:
            raise SpeechError(f'{self.name}: no voice is known for "{speech.locale}"; name one')
        locale = speech.locale or known(name).locale or _DEFAULT_LOCALE
        # What XML cannot hold is not spoken either.
        text = _CONTROLS.sub("", speech.text)
        return (
            f'<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang={quoteattr(locale)}>'
            f"<voice name={quoteattr(name)}>{escape(text)}</voice></speak>"
        )


def openai_voice(
    name: str,
    run: Run,
    *,
    voice: str = "",
    mapping: Mapping[str, str] | None = None,
    standard: bool = True,
    fetch: Fetch = no_audio,
) -> ScriptedVoice:
    """A server with OpenAI's interface, asked by ``run``.

    ``voice`` is the first choice where none fits. Not ``standard``: the server has none of OpenAI's voices,
    only ``voice`` and those of the ``mapping``.
    """
    own = dict.fromkeys((*([voice] if voice else ()), *(mapping or {}).values()))
    first = tuple(map(Voice, own)) if voice or not standard else ()
    table = VoiceTable(name, (*first, *(OPENAI_VOICES if standard or not first else ())), mapping)
    return ScriptedVoice(name, VERSION, table, run, fetch)


def deepgram_voice(
    name: str,
    run: Run,
    *,
    voice: str = "",
    mapping: Mapping[str, str] | None = None,
    fetch: Fetch = no_audio,
) -> ScriptedVoice:
    """Deepgram, asked by ``run``. ``voice`` is the first choice where none fits."""
    first = (Voice(voice),) if voice else ()
    return ScriptedVoice(name, VERSION, VoiceTable(name, (*first, *DEEPGRAM_VOICES), mapping), run, fetch)
