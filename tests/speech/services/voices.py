"""The voices of services with their adapters behind them, in one process, so that time is virtual."""

from __future__ import annotations

from typing import Any

from hookflash.speech.remote import voices
from hookflash.speech.remote.voices import AzureVoice
from hookflash.speech.scripted import ScriptedVoice
from hookflash.speech.services.azure import AzureSpeaker
from hookflash.speech.services.deepgram import deepgram_speaker
from hookflash.speech.services.openai import openai_speaker
from hookflash.speech.services.service import Service


def azure_voice(service: Service, **more: Any) -> AzureVoice:
    speaker = AzureSpeaker(service)
    return AzureVoice(service.name, lambda document, owner: speaker.speak(document), **more)


def openai_voice(service: Service, *, model: str = "", **more: Any) -> ScriptedVoice:
    return voices.openai_voice(service.name, openai_speaker(service, model=model), **more)


def deepgram_voice(service: Service, **more: Any) -> ScriptedVoice:
    return voices.deepgram_voice(service.name, deepgram_speaker(service), **more)
