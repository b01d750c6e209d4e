"""The voices that apps name, and the ones a provider has instead.

Apps name voices of the Azure speech service. A provider that has others is given a table of its own voices
and one of the user's; what is in neither is replaced by a voice of the same language and gender, with a note
for the trace, or refused where a call is strict.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hookflash.ports.speech import SpeechError
from hookflash.speech import voice_names

_VOICE_LOCALE = re.compile(r"([a-z]{2,3}(?:-[A-Z][a-z]{3})?-(?:[A-Z]{2}|\d{3}))-")
_OLD_VOICE = re.compile(r"Microsoft Server Speech Text to Speech Voice \(([^,()]+), ?([^,()]+)\)")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a voice an app names; "" for what is not."""

    locale: str = ""
    gender: str = ""


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of a provider.

    Attributes:
        name: as the provider has it.
        locale: BCP-47, or a language alone for all its regions; "" for a voice that speaks any language.
        gender: "male", "female", or "" for neither.
    """

    name: str
    locale: str = ""
    gender: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """The provider's voice to speak with; ``note`` says what is not as it was asked for, "" for nothing."""

    name: str
    note: str = ""


def voice_name(name: str) -> str:
    """A voice's name in its short form, "en-US-JennyNeural", where it is given in the long one:
    "Microsoft Server Speech Text to Speech Voice (en-US, JennyNeural)"."""
    name = " ".join(name.split())[:200]
    old = _OLD_VOICE.fullmatch(name)
    return f"{old[1]}-{old[2]}" if old else name


def voice_locale(name: str) -> str:
    """The locale that a voice's name begins with, "" where it does not."""
    match = _VOICE_LOCALE.match(name)
    return match[1] if match else ""


def known(name: str) -> Known:
    """Locale and gender of a voice by its name; of one not in the table, what the name itself says."""
    name = voice_name(name)
    plain = name.lower().removesuffix("hd")
    found = _table().get(plain)
    return Known(*found[1:]) if found else Known(voice_locale(name))


def standard(locale: str, gender: str = "") -> str:
    """The Azure voice for ``locale`` (a woman's where no gender is asked for), "" for none."""
    for name, its_locale, its_gender in _table().values():
        if its_locale.lower() == locale.lower() and its_gender == (gender or "female"):
            return name
    return ""


class VoiceTable:
    """What a provider speaks with.

    Args:
        provider: its name, for notes and errors.
        voices: its voices, the ones to be preferred first; at least one.
        mapping: the user's: from a voice as apps name it, a locale ("de-DE"), a language ("de") or "*", in
            any casing, to a voice of the provider. It may name voices that are not in ``voices``.
    """

    def __init__(
        self, provider: str, voices: Sequence[Voice], mapping: Mapping[str, str] | None = None
    ) -> None:
        if not voices:
            raise ValueError(f"{provider} has no voices")
        self._provider = provider
        self._voices = tuple(voices)
        self._own = {one.name.lower(): one for one in voices}
        self._mapping = {voice_name(key).lower(): value for key, value in (mapping or {}).items()}

    def choose(self, voice: str = "", locale: str = "", gender: str = "", *, strict: bool = False) -> Choice:
        """The voice for what was asked for; "" for what was not.

        Raises :class:`SpeechError` (400/8565) for a voice that is not there when ``strict``.
        """
        voice = voice_name(voice)
        named = self._mapping.get(voice.lower()) if voice else None
        if named is not None:
            return Choice(named)
        if voice.lower() in self._own:
            return Choice(self._own[voice.lower()].name)
        if not voice:
            chosen = self._by_language(locale, gender)
            if not locale or self._speaks(chosen, locale):
                return Choice(chosen)
            if strict:
                raise self._refusal(f'speaks "{locale}"')
            return Choice(
                chosen, f'no voice of {self._provider} speaks "{locale}"; {self._about(chosen)} does'
            )
        if strict:
            raise self._refusal(f'is called "{voice}"')
        facts = known(voice)
        chosen = self._by_language(facts.locale or locale, facts.gender or gender)
        return Choice(
            chosen, f'{self._provider} has no voice "{voice}"; {self._about(chosen)} speaks instead'
        )

    def _by_language(self, locale: str, gender: str) -> str:
        low = locale.lower()
        language = low.partition("-")[0]
        for key in filter(None, (f"{low}/{gender}", f"{language}/{gender}", low, language)):
            if key in self._mapping:
                return self._mapping[key]
        # Language before gender, gender before region: a prompt has to be understood first of all.
        ranked = sorted(
            self._voices,
            key=lambda one: (
                not _speaks(one, language),
                bool(gender) and one.gender != gender,
                one.locale.lower() not in (low, "") if locale else False,
            ),
        )
        best = ranked[0]
        if not _speaks(best, language) and "*" in self._mapping:
            return self._mapping["*"]
        return best.name

    def _speaks(self, name: str, locale: str) -> bool:
        voice = self._own.get(name.lower())
        return voice is None or _speaks(voice, locale.lower().partition("-")[0])

    def _about(self, name: str) -> str:
        voice = self._own.get(name.lower(), Voice(name))
        facts = ", ".join(filter(None, (voice.locale, voice.gender)))
        return f'"{name}" ({facts})' if facts else f'"{name}"'

    def _refusal(self, what: str) -> SpeechError:
        names = ", ".join(one.name for one in self._voices[:10])
        return SpeechError(
            f"No voice of {self._provider} {what}; its voices are {names}. Map voices in the `voices` of its "
            "[[speech_provider]] entry."
        )


def _speaks(voice: Voice, language: str) -> bool:
    return not language or not voice.locale or voice.locale.lower().partition("-")[0] == language


@functools.cache
def _table() -> dict[str, tuple[str, str, str]]:
    return voice_names.table()
