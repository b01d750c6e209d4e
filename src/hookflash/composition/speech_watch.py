"""Speech as whoever runs a server sees it: who works and who fails, and how much there is to do."""

from __future__ import annotations

from hookflash.composition.hearing import Hearing
from hookflash.composition.speaking import Speaking
from hookflash.composition.speech_abilities import Ability, abilities
from hookflash.composition.speech_metrics import SpeechFigures
from hookflash.composition.speech_services import SpeechServices
from hookflash.config import Settings
from hookflash.ports.operating import AbilityView, EngineView, SpeechView
from hookflash.speech.workers import WorkerPool


class SpeechWatch:
    """Looks at what speaks and recognises; ``settings`` are those the server was started with."""

    def __init__(
        self, settings: Settings, speaking: Speaking, hearing: Hearing, services: SpeechServices
    ) -> None:
        self._abilities = abilities(settings)
        self._speaking = speaking
        self._hearing = hearing
        self._services = services

    def figures(self) -> SpeechFigures:
        """For monitoring."""
        desk = self._speaking.desk
        return SpeechFigures(
            [*desk.standing.failures, *self._hearing.desk.standing.failures],
            desk.first_audio,
            desk.cache_use,
            desk.cached_bytes,
            [pool.figures() for pool in self._pools()],
        )

    def view(self) -> SpeechView:
        """For people."""
        return SpeechView(
            [self._ability(one) for one in self._abilities], [_engine(p) for p in self._pools()]
        )

    def _pools(self) -> list[WorkerPool]:
        return [*self._built_in(), *self._services.pools.values()]

    def _built_in(self) -> list[WorkerPool]:
        return [*self._speaking.pools, *self._hearing.pools]

    def _behind(self, one: Ability) -> list[WorkerPool]:
        """The processes that do it."""
        if one.engine:
            return [pool for pool in self._built_in() if pool.engine == one.engine]
        service = self._services.pools.get(one.provider)
        return [] if service is None else [service]

    def _ability(self, one: Ability) -> AbilityView:
        desk = self._speaking.desk if one.does == "speak" else self._hearing.desk
        # What was seen last tells more than what is known of the settings.
        problem = one.problem or desk.standing.failing.get(one.provider, "")
        if not problem:
            problems = (pool.health().problem for pool in self._behind(one))
            problem = next(filter(None, problems), "")
        return AbilityView(one.provider, one.kind, one.does, list(one.locales), not problem, problem)


def _engine(pool: WorkerPool) -> EngineView:
    figures = pool.figures()
    return EngineView(*figures, problem=pool.health().problem)
