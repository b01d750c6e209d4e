"""What a recognize request asks for, with the defaults and ranges of contract section 6.3."""

from __future__ import annotations

from dataclasses import dataclass

from hookflash.media import choices as choosing
from hookflash.media.choices import Choice
from hookflash.media.speech import Listening
from hookflash.wire import requests
from hookflash.wire.constraints import (
    MAX_CHOICE_LANGUAGES,
    MAX_INITIAL_SILENCE_SPEECH,
    MAX_SPEECH_LANGUAGES,
)
from hookflash.wire.enums import RecognizeInputType, Tone
from hookflash.wire.results import invalid_argument

MAX_SPEECH = 60.0
"""Seconds that somebody may speak without a pause; then what has been said is what was said."""
MAX_UNDERSTANDING = 20.0
"""Seconds from the end of speech until the recogniser has to have said what it was."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What to collect and how long to wait for it; times in seconds.

    ``max_tones`` is None where any number of keys will do: they end with a stop tone or a pause. ``wish`` is
    what is listened for, None when words do not matter.
    """

    kind: RecognizeInputType
    initial_silence: float
    interrupt_prompt: bool
    max_tones: int | None = None
    stop_tones: frozenset[Tone] = frozenset()
    inter_tone: float = requests.DEFAULT_INTER_TONE_TIMEOUT
    end_silence: float = requests.DEFAULT_END_SILENCE_TIMEOUT_MS / 1000
    choices: tuple[Choice, ...] = ()
    wish: Listening | None = None

    @property
    def takes_keys(self) -> bool:
        return self.kind is not RecognizeInputType.SPEECH

    def described(self) -> str:
        """What is asked for, for people."""
        parts = [str(self.kind)]
        if self.max_tones is not None:
            parts.append(f"up to {self.max_tones} keys")
        if self.stop_tones:
            parts.append(f"until {' or '.join(sorted(map(str, self.stop_tones)))}")
        if self.choices:
            shown = ", ".join(choice.label for choice in self.choices[:8])
            parts.append(f"one of {shown}{', ...' if len(self.choices) > 8 else ''}")
        parts.append(f"initial silence {self.initial_silence:g} s")
        if self.takes_keys and not self.choices:
            parts.append(f"inter-tone {self.inter_tone:g} s")
        if self.wish is not None:
            parts.append(f"end silence {self.end_silence:g} s")
        parts.append(f"the prompt {'may' if self.interrupt_prompt else 'must not'} be interrupted")
        return ", ".join(parts)


def rules_of(request: requests.RecognizeRequest) -> Rules:
    """The rules of a request that is within the bounds of the wire. Raises Refusal 400/8523 where something
    is missing that its kind needs.
    """
    options, kind = request.recognize_options, request.recognize_input_type
    dtmf, speech = options.dtmf_options or requests.DtmfOptions(), options.speech_options
    most = dtmf.max_tones_to_collect
    if (kind is RecognizeInputType.DTMF and most is None) or (most is not None and most < 1):
        raise invalid_argument(
            "recognizeOptions.dtmfOptions.maxTonesToCollect", "recognition of DTMF needs it, and at least 1."
        )
    offered = tuple(
        Choice(one.label, tuple(one.phrases), one.tone)
        for one in (options.choices or () if kind is RecognizeInputType.CHOICES else ())
    )
    if kind is RecognizeInputType.CHOICES and not offered:
        raise invalid_argument("recognizeOptions.choices", "recognition of choices needs at least one.")
    silence, pause = options.initial_silence_timeout_in_seconds, dtmf.inter_tone_timeout_in_seconds
    if silence is not None and kind in (RecognizeInputType.SPEECH, RecognizeInputType.CHOICES):
        # Apps ask for more and do not expect a refusal; what they get is the most there is.
        silence = min(silence, MAX_INITIAL_SILENCE_SPEECH)
    interrupt = options.interrupt_prompt
    end = speech.end_silence_timeout_in_ms if speech is not None else None
    return Rules(
        kind=kind,
        initial_silence=requests.DEFAULT_INITIAL_SILENCE_TIMEOUT if silence is None else silence,
        interrupt_prompt=requests.DEFAULT_INTERRUPT_PROMPT if interrupt is None else interrupt,
        max_tones=most,
        stop_tones=frozenset(dtmf.stop_tones or ()),
        inter_tone=requests.DEFAULT_INTER_TONE_TIMEOUT if pause is None else pause,
        end_silence=(requests.DEFAULT_END_SILENCE_TIMEOUT_MS if end is None else end) / 1000,
        choices=offered,
        wish=None if kind is RecognizeInputType.DTMF else _wish(options, kind, offered),
    )


def _wish(
    options: requests.RecognizeOptions, kind: RecognizeInputType, offered: tuple[Choice, ...]
) -> Listening:
    """What to listen for; of the languages ``speechLanguage`` comes first."""
    languages = [options.speech_language, *(options.speech_languages or ())]
    named = tuple(dict.fromkeys(language for language in languages if language))
    most = MAX_CHOICE_LANGUAGES if kind is RecognizeInputType.CHOICES else MAX_SPEECH_LANGUAGES
    if len(named) > most:
        raise invalid_argument(
            "recognizeOptions.speechLanguages",
            f"{len(named)} languages were given, speechLanguage included; {kind} takes {most}.",
        )
    return Listening(
        named or (requests.DEFAULT_SPEECH_LANGUAGE,),
        choosing.phrases(offered),
        options.speech_recognition_model_endpoint_id or "",
    )
