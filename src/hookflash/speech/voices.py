"""The voices that apps name: what their names say."""

from __future__ import annotations

import re

_VOICE_LOCALE = re.compile(r"([a-z]{2,3}(?:-[A-Z][a-z]{3})?-(?:[A-Z]{2}|\d{3}))-")
_OLD_VOICE = re.compile(r"Microsoft Server Speech Text to Speech Voice \(([^,()]+), ?([^,()]+)\)")


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
