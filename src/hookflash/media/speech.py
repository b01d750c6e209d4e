"""What is to be spoken and what is listened for, as plain data (contract sections 6.2 and 6.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Speech:
    """A text or an SSML document to be spoken; one of both is set.

    Attributes:
        text: plain text, at most 4,000 characters.
        ssml: a whole ``<speak>`` document.
        voice: name of a voice as apps write it ("en-US-JennyNeural"), "" for none.
        locale: BCP-47, "" for none.
        gender: "male" or "female", "" for none.
        cache_id: the playSourceCacheId, made distinct for each resource; None for none.
        endpoint: custom voice endpoint id, "" for none.
        strict: an unknown voice is an error, not replaced by another.
        owner: the GUID of the resource that asks, "" where nobody knows; it changes nothing of what is heard.
    """

    text: str = ""
    ssml: str = ""
    voice: str = ""
    locale: str = ""
    gender: str = ""
    cache_id: str | None = None
    endpoint: str = ""
    strict: bool = False
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Listening:
    """What somebody is listened to for.

    Attributes:
        locales: BCP-47 languages to expect, the likeliest first; never empty.
        phrases: what may be said, for choices; empty when anything may be.
        model: custom speech model endpoint id, "" for none.
        owner: the GUID of the resource that asks, "" where nobody knows.
        words: the single words and their times are wanted too.
        partial: what is understood so far is wanted while somebody speaks, not in pauses only.
    """

    locales: tuple[str, ...] = ("en-US",)
    phrases: tuple[str, ...] = ()
    model: str = ""
    owner: str = ""
    words: bool = False
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """What somebody was understood to say.

    Attributes:
        text: in the writing of the locale; "" when nothing was said.
        final: nothing more comes of this listening.
        confidence: 0 to 1.
        locale: BCP-47, "" where nobody knows.
        choice: the expected phrase a grammar took it for, "" for none.
    """

    text: str
    final: bool
    confidence: float = 0.0
    locale: str = ""
    choice: str = ""


def _every(locale: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Abilities:
    """What this server can do with words.

    Attributes:
        speaks: there is a voice to say texts and SSML with.
        understands: there is somebody to recognise speech.
        strict: a voice nobody has is an error, not replaced by another.
        knows: whether anybody is asked to recognise speech in a locale.
    """

    speaks: bool = False
    understands: bool = False
    strict: bool = False
    knows: Callable[[str], bool] = _every


WORDLESS = Abilities()
"""A server without any provider of speech."""
