"""Who understands speech, out of settings."""

from __future__ import annotations

import logging

from hookflash.composition.media import beside_media
from hookflash.composition.speech_services import SpeechServices
from hookflash.config import Settings
from hookflash.config.speech import SERVICES, SpeechProviderSettings
from hookflash.ports.audio import CallAudio
from hookflash.ports.clock import Clock
from hookflash.ports.edges import FactSink
from hookflash.speech.engines import ENGINES, EXTRA
from hookflash.speech.hearing import Hearer, HearingDesk
from hookflash.speech.listening import ListeningDesk
from hookflash.speech.locales import covers
from hookflash.speech.transcribing import TranscribingDesk, TranscribingLimits
from hookflash.speech.understanding import BuiltinRecogniser
from hookflash.speech.workers import PoolLimits, WorkerPool
from hookflash.tallying import Tally

log = logging.getLogger("hookflash.speech")

ENGINE = "whisper"
"""The engine of the built-in recogniser."""
LANGUAGE = "en"
"""What it understands."""


class Hearing:
    """The recognisers, and the processes of the built-in one.

    Attributes:
        desk: understands.
        transcribing: understands whole calls, as they go on.
    """

    def __init__(self, settings: Settings, clock: Clock, services: SpeechServices) -> None:
        self._clock = clock
        self._settings = settings
        self._pool: WorkerPool | None = None
        self._services = services
        self._listening: ListeningDesk | None = None
        self._left_out = Tally(
            clock, log, "the recogniser is busy: %d intermediate results of transcripts were left out"
        )
        hearers = [
            hearer
            for provider in settings.speech_provider or (SpeechProviderSettings(kind="builtin"),)
            if "recognise" in provider.does and (hearer := self._hearer(provider)) is not None
        ]
        self.desk = HearingDesk(hearers, _advice(settings))
        limits = TranscribingLimits(participants=settings.speech.transcribed)
        self.transcribing = TranscribingDesk(self.desk, clock, limits)

    def listen(self, audio: CallAudio, report: FactSink) -> ListeningDesk:
        """The ears of calls."""
        self._listening = ListeningDesk(audio, self.desk, self._clock, report)
        return self._listening

    def start(self) -> None:
        """Load what is to be loaded with the server."""
        if self._pool is not None:
            self._pool.start()

    async def close(self) -> None:
        """Stop listening, and end every process."""
        if self._listening is not None:
            await self._listening.close()
        if self._pool is not None:
            await self._pool.close()

    @property
    def pools(self) -> tuple[WorkerPool, ...]:
        """The worker processes with the built-in recogniser."""
        return () if self._pool is None else (self._pool,)

    @property
    def left_out(self) -> int:
        """Intermediate results for which no recogniser had time."""
        return self._left_out.count

    @property
    def listenings(self) -> int:
        """Participants who are listened to."""
        return 0 if self._listening is None else self._listening.open

    def _service(self, provider: SpeechProviderSettings) -> Hearer | None:
        listener = self._services.listener(provider)
        return None if listener is None else Hearer(listener, provider.locales)

    def _hearer(self, provider: SpeechProviderSettings) -> Hearer | None:
        if provider.kind in SERVICES:
            return self._service(provider)
        if provider.kind != "builtin":
            return None
        if missing := ENGINES[ENGINE].missing():
            if self._settings.speech_provider:
                log.warning(
                    "%s cannot recognise speech: %s missing; %s", provider.label, ", ".join(missing), EXTRA
                )
            return None
        wanted = provider.locales or (LANGUAGE,)
        locales = tuple(one for one in wanted if covers(LANGUAGE, one))
        if not locales:
            return None
        if self._pool is None:
            speech = self._settings.speech
            limits = PoolLimits(
                size=speech.recognising_workers,
                ready=1 if speech.start == "startup" else 0,
                waiting=speech.waiting,
            )
            self._pool = WorkerPool(ENGINE, self._clock, limits, cpus=beside_media(self._settings))
        recogniser = BuiltinRecogniser(provider.label, self._pool, left_out=self._left_out.add)
        return Hearer(recogniser, locales)


def _advice(settings: Settings) -> str:
    if ENGINES[ENGINE].missing():
        return f"Install a recogniser for English: {EXTRA}."
    if not settings.speech_provider:
        return "The built-in recogniser understands English only."
    return "Name a provider that does it in [[speech_provider]]."
