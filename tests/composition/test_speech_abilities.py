"""Who can speak and who can recognise, in the words of ``hookflash check``."""

from __future__ import annotations

import pytest

from hookflash.composition.speech_abilities import abilities, described
from hookflash.config import Settings, parse
from hookflash.speech.engines import EngineKind

AZURE = '[[speech_provider]]\nkind = "azure"\nname = "main"\nregion = "westeurope"\nkey_env = "HF_TEST_KEY"\n'


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EngineKind, "missing", lambda self: ())


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EngineKind, "missing", lambda self: self.needs[:1])


def test_the_built_in_provider_does_both(installed: None) -> None:
    assert described(Settings()) == [
        "speech: builtin (builtin, every locale) speaks",
        "speech: builtin (builtin, en) recognises speech",
    ]


def test_without_the_extra_it_is_said_what_callers_notice(bare: None) -> None:
    beeps, ears, deaf, why = described(Settings())
    assert beeps == "speech: beep (beep, every locale) speaks"
    assert ears.startswith("speech: builtin (builtin, en) cannot recognise: ctranslate2 is not installed")
    assert "keys work as ever" in deaf
    assert "played as beeps" in why


def test_a_missing_key_is_named_and_so_is_who_stands_in(installed: None) -> None:
    settings = parse(AZURE + '[[speech_provider]]\nkind = "builtin"\ndoes = ["speak"]\nlocales = ["en"]\n')
    lines = described(settings)
    why = "main: the environment variable HF_TEST_KEY has no key"
    assert lines[:2] == [
        f"speech: main (azure, every locale) cannot speak: {why}",
        "speech: builtin (builtin, en) speaks",
    ]
    assert lines[2] == f"speech: main (azure, every locale) cannot recognise: {why}"
    assert "nobody recognises speech here" in lines[3]
    assert not any(one.problem for one in abilities(settings, {"HF_TEST_KEY": "k"}))


def test_nobody_to_speak_at_all_is_said(bare: None) -> None:
    lines = described(parse('[[speech_provider]]\nkind = "builtin"\n'))
    assert any("nobody can speak here" in line for line in lines)


def test_a_recogniser_asked_for_what_it_does_not_know(installed: None) -> None:
    settings = parse('[[speech_provider]]\nkind = "builtin"\nlocales = ["de-DE", "fr"]\n')
    (ears,) = [one for one in abilities(settings) if one.does == "recognise"]
    assert "understands English only, and its locales are de-DE, fr" in ears.problem
