"""What a process that asks a service is told of it: plain data, and the key."""

from __future__ import annotations

import msgspec

CONCURRENCY = 32
"""Requests to a service at a time, where nobody says otherwise."""


class ServiceSettings(msgspec.Struct, frozen=True, omit_defaults=True):
    """A service and how it is asked; see the settings of the same names in
    :class:`hookflash.config.speech.SpeechProviderSettings`. ``key`` is "" for a service without one."""

    kind: str
    name: str
    key: str
    does: tuple[str, ...]
    endpoint: str = ""
    region: str = ""
    model: str = ""
    recognition_model: str = ""
    concurrency: int = CONCURRENCY
    timeout: float | None = None

    def __repr__(self) -> str:
        return f"ServiceSettings({self.kind!r}, {self.name!r})"  # without the key
