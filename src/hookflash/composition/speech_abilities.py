"""Who can speak and who can recognise, by the settings and what is installed, and why somebody cannot."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from hookflash.composition.hearing import ENGINE, LANGUAGE
from hookflash.composition.speaking import providers_of
from hookflash.config import Settings, SpeechProviderSettings
from hookflash.config.speech import SERVICES
from hookflash.speech.engines import ENGINES, EXTRA
from hookflash.speech.locales import covers
from hookflash.speech.remote.settings import problem

VOICE = "piper"
"""The engine of the built-in voice."""

MUTE = (
    "nobody can speak here: a play of text or SSML fails, and callers hear nothing; files are played as ever"
)
DEAF = "nobody recognises speech here: a Recognize for speech or spoken choices fails; keys work as ever"


class Ability(NamedTuple):
    """What a provider is asked for: ``does`` is "speak" or "recognise", ``locales`` those it is asked for
    (all when empty), ``engine`` the built-in engine that does it, "" for a service. ``problem`` is why it
    cannot, "" when nothing is known against it."""

    provider: str
    kind: str
    does: str
    locales: tuple[str, ...]
    engine: str = ""
    problem: str = ""

    @property
    def where(self) -> str:
        """Its locales, for people."""
        return ", ".join(self.locales) or "every locale"


def abilities(settings: Settings, environ: Mapping[str, str] = os.environ) -> list[Ability]:
    """Every provider, for each of what it is asked for, in the order in which they are asked."""
    recognisers = settings.speech_provider or (SpeechProviderSettings(kind="builtin"),)
    return [
        *(_speaks(one, environ) for one in providers_of(settings) if "speak" in one.does),
        *(_recognises(one, environ) for one in recognisers if "recognise" in one.does and one.kind != "beep"),
    ]


def described(settings: Settings) -> list[str]:
    """Who speaks and recognises, for ``hookflash check``, a line each; then what callers notice of it."""
    return list(_described(abilities(settings), bool(settings.speech_provider)))


def _described(found: Sequence[Ability], configured: bool) -> Iterator[str]:
    for does, verb, nobody in (("speak", "speaks", MUTE), ("recognise", "recognises speech", DEAF)):
        asked = [one for one in found if one.does == does]
        for one in asked:
            what = f"speech: {one.provider} ({one.kind}, {one.where})"
            yield f"{what} cannot {does}: {one.problem}" if one.problem else f"{what} {verb}"
        if all(one.problem for one in asked):
            yield f"speech: {nobody}"
    if not configured and any(one.kind == "beep" for one in found):
        yield f"speech: texts are played as beeps, because no voice is installed; {EXTRA}"


def _speaks(one: SpeechProviderSettings, environ: Mapping[str, str]) -> Ability:
    if one.kind in SERVICES:
        return Ability(one.label, one.kind, "speak", one.locales, "", problem(one, environ))
    if one.kind == "beep":
        return Ability(one.label, one.kind, "speak", one.locales)
    return Ability(one.label, one.kind, "speak", one.locales, VOICE, _lacks(VOICE))


def _recognises(one: SpeechProviderSettings, environ: Mapping[str, str]) -> Ability:
    if one.kind in SERVICES:
        return Ability(one.label, one.kind, "recognise", one.locales, "", problem(one, environ))
    wanted = one.locales or (LANGUAGE,)
    locales = tuple(locale for locale in wanted if covers(LANGUAGE, locale))
    why = _lacks(ENGINE)
    if not locales:
        why = (
            f"it understands English only, and its locales are {', '.join(wanted)}; name another provider "
            'for them, and leave "recognise" out of what this one does'
        )
    return Ability(one.label, one.kind, "recognise", locales or wanted, ENGINE, why)


def _lacks(engine: str) -> str:
    missing = ENGINES[engine].missing()
    return f"{', '.join(missing)} is not installed; {EXTRA}" if missing else ""
