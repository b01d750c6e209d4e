"""[speech] and [[speech_provider]]: who speaks, and what they need."""

from __future__ import annotations

from pathlib import Path

import pytest

from hookflash.config import ConfigError, parse

PROVIDER = "[[speech_provider]]\n"


def mistake(text: str) -> str:
    with pytest.raises(ConfigError) as wrong:
        parse(text)
    assert len(wrong.value.problems) == 1, wrong.value
    return str(wrong.value.problems[0])


def test_providers_keep_the_order_of_the_file() -> None:
    settings = parse(
        PROVIDER
        + 'kind = "builtin"\nlocales = ["en"]\n'
        + PROVIDER
        + 'kind = "beep"\nname = "last"\ndoes = ["speak"]\nvoices = {"en-US-JennyNeural" = "low"}\n'
    )
    assert [(one.label, one.locales) for one in settings.speech_provider] == [
        ("builtin", ("en",)),
        ("last", ()),
    ]
    assert settings.speech_provider[1].voices == {"en-US-JennyNeural": "low"}


def test_a_provider_may_come_from_the_environment() -> None:
    settings = parse("", environment={"HOOKFLASH_SPEECH_PROVIDER__0__KIND": "beep"})
    assert [one.kind for one in settings.speech_provider] == ["beep"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('kind = "espeak"', "builtin"),
        ('kind = "azure"\nkey_env = "AZURE_KEY"', "give its region"),
        ('kind = "beep"\nlocales = ["english!"]', "a locale such as en-US"),
        ('kind = "builtin"\nkey_env = "KEY"', "needs no key"),
        ('kind = "beep"\nkey_env = "my key"', "the name of a variable"),
        ('kind = "builtin"\nvoice_files = ["/nowhere/voice.onnx"]', "name a Piper voice"),
        ('kind = "beep"\n' + PROVIDER + 'kind = "beep"', "was given before"),
        ('kind = "beep"\ndoes = []', "does"),
        ('kind = "builtin"\nconcurrency = 32', "set speech.speaking_workers and speech.recognising_workers"),
        ('kind = "builtin"\ntimeout = 3', "set speech.first_audio"),
        ('kind = "beep"\nconcurrency = 3', "asks none"),
    ],
)
def test_mistakes_are_told(text: str, what: str) -> None:
    assert what in mistake(PROVIDER + text)


def test_a_voice_file_that_is_there(tmp_path: Path) -> None:
    for name in ("de_DE-thorsten-medium.onnx", "de_DE-thorsten-medium.onnx.json"):
        (tmp_path / name).write_text("{}")
    path = tmp_path / "de_DE-thorsten-medium.onnx"
    settings = parse(f'{PROVIDER}kind = "builtin"\nvoice_files = ["{path}"]\n')
    assert settings.speech_provider[0].voice_files == (str(path),)
    with pytest.raises(ConfigError, match="has no files"):
        parse(f'{PROVIDER}kind = "beep"\nvoice_files = ["{path}"]\n')


@pytest.mark.parametrize("settings", ["", "{bad", "[]", "\x00"])
def test_a_voice_whose_settings_are_damaged_is_told_before_anything_starts(
    tmp_path: Path, settings: str
) -> None:
    path = tmp_path / "voice.onnx"
    path.write_bytes(b"model")
    Path(f"{path}.json").write_text(settings)
    with pytest.raises(ConfigError, match=r"voice\.onnx\.json"):
        parse(f'{PROVIDER}kind = "builtin"\nvoice_files = ["{path}"]\n')
