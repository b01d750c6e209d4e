"""Services out of the configuration, and their keys."""

from __future__ import annotations

import pytest

from hookflash.config.speech import SERVICES, SpeechProviderSettings
from hookflash.ports.speech import SpeechError
from hookflash.speech.messages import Load
from hookflash.speech.remote.settings import KEYS, problem, service_settings

KEY = "sk-secret-0123456789"


def test_a_key_is_looked_for_where_its_kind_has_it() -> None:
    for kind in SERVICES:
        settings = SpeechProviderSettings(kind=kind, region="westeurope", timeout=3.0)
        made = service_settings(settings, {KEYS[kind]: f" {KEY}\n"})
        assert (made.kind, made.name, made.key) == (kind, kind, KEY)
        assert (made.does, made.concurrency, made.timeout) == (("speak", "recognise"), 32, 3.0)
        assert problem(settings, {KEYS[kind]: KEY}) == ""


def test_what_is_missing_is_said() -> None:
    mine = SpeechProviderSettings(kind="deepgram", name="mine", key_env="MY_KEY")
    with pytest.raises(SpeechError, match=r"mine: .* MY_KEY has no key") as caught:
        service_settings(mine, {})
    assert caught.value.code == 401
    assert problem(mine, {}) == str(caught.value)
    with pytest.raises(SpeechError, match="region"):
        service_settings(SpeechProviderSettings(kind="azure"), {"AZURE_SPEECH_KEY": KEY})
    with pytest.raises(SpeechError, match="characters that no key has") as caught:
        service_settings(SpeechProviderSettings(kind="deepgram"), {"DEEPGRAM_API_KEY": "a\r\nb"})
    assert "a\r\nb" not in str(caught.value)


def test_a_server_of_ones_own_is_not_shown_the_key_of_another() -> None:
    settings = SpeechProviderSettings(kind="openai", endpoint="http://127.0.0.1:8000/v1")
    assert service_settings(settings, {"OPENAI_API_KEY": KEY}).key == ""


def test_nothing_shows_a_key() -> None:
    made = service_settings(SpeechProviderSettings(kind="deepgram"), {"DEEPGRAM_API_KEY": KEY})
    load = Load({"name": "deepgram", "key": KEY})
    for shown in (repr(made), str(made), f"{[made]}", repr(load), str(load)):
        assert KEY not in shown
