"""Services out of the configuration, with their keys out of the environment."""

from __future__ import annotations

from collections.abc import Mapping

from hookflash.config.speech import SpeechProviderSettings
from hookflash.ports.speech import SpeechError
from hookflash.speech.remote.service import CONCURRENCY, ServiceSettings

KEYS = {"azure": "AZURE_SPEECH_KEY", "openai": "OPENAI_API_KEY", "deepgram": "DEEPGRAM_API_KEY"}
"""Where a key is looked for when `key_env` names no variable."""


def service_settings(settings: SpeechProviderSettings, environ: Mapping[str, str]) -> ServiceSettings:
    """The service of an entry. Raises :class:`SpeechError`, which says what is missing for it."""
    key = _key(settings, environ)
    if settings.kind == "azure" and not settings.region and not settings.endpoint:
        raise SpeechError(f"{settings.label}: give the region of the speech resource, or its endpoint")
    return ServiceSettings(
        settings.kind,
        settings.label,
        key,
        settings.does,
        settings.endpoint or "",
        settings.region or "",
        settings.model or "",
        settings.recognition_model or "",
        settings.concurrency or CONCURRENCY,
        settings.timeout,
    )


def problem(settings: SpeechProviderSettings, environ: Mapping[str, str]) -> str:
    """What keeps the service of an entry from being asked, "" for nothing."""
    try:
        service_settings(settings, environ)
    except SpeechError as error:
        return str(error)
    return ""


def _key(settings: SpeechProviderSettings, environ: Mapping[str, str]) -> str:
    # A server of one's own often has no keys, and OpenAI's is not for it.
    local = settings.kind == "openai" and settings.endpoint is not None
    variable = settings.key_env or ("" if local else KEYS[settings.kind])
    key = environ.get(variable, "").strip()
    if not key and variable:
        problem = f"{settings.label}: the environment variable {variable} has no key"
        raise SpeechError(problem, code=401)
    if not all(" " <= one <= "~" for one in key):
        problem = f"{settings.label}: the key in {variable} has characters that no key has"
        raise SpeechError(problem, code=401)
    return key
