"""Which voice speaks for the one an app names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.ports.speech import SpeechError
from hookflash.speech import voice_names, voices
from hookflash.speech.voices import Choice, Known, Voice, VoiceTable

OWN = (
    Voice("joe", "en-US", "male"),
    Voice("amy", "en-US", "female"),
    Voice("alan", "en-GB", "male"),
    Voice("kathrin", "de-DE", "female"),
)


def table(mapping: dict[str, str] | None = None) -> VoiceTable:
    return VoiceTable("piper", OWN, mapping)


@pytest.mark.parametrize(
    ("name", "locale", "gender"),
    [
        ("en-US-JennyNeural", "en-US", "female"),
        ("EN-us-jennyneural", "en-US", "female"),
        ("en-US-GuyNeural", "en-US", "male"),
        ("en-US-AvaMultilingualNeural", "en-US", "female"),
        ("en-US-OnyxMultilingualNeuralHD", "en-US", "male"),
        ("de-DE-ConradNeural", "de-DE", "male"),
        ("sr-Latn-RS-SophieNeural", "sr-Latn-RS", "female"),
        ("zh-CN-sichuan-YunxiNeural", "zh-CN-sichuan", "male"),
        ("fil-PH-AngeloNeural", "fil-PH", "male"),
        ("es-419-NobodyNeural", "es-419", ""),
        ("en-US-NobodyNeural", "en-US", ""),
        ("Microsoft Server Speech Text to Speech Voice (fr-FR, HenriNeural)", "fr-FR", "male"),
        ("joe", "", ""),
        ("", "", ""),
    ],
)
def test_what_a_name_says(name: str, locale: str, gender: str) -> None:
    assert voices.known(name) == Known(locale, gender)


def test_the_table_of_names_is_whole() -> None:
    table = voice_names.table()
    assert len(table) > 400
    locales = {locale for _, locale, _ in table.values()}
    assert len(locales) > 140
    for key, (name, locale, gender) in table.items():
        assert key == name.lower()
        assert name.startswith(f"{locale}-")
        assert name.endswith("Neural")
        assert gender in ("male", "female")
        if locale.count("-") == 1:
            assert voices.standard(locale, gender)


def test_the_standard_voice_of_a_locale() -> None:
    assert voices.standard("en-US") == "en-US-JennyNeural"
    assert voices.standard("DE-de", "male") == "de-DE-ConradNeural"
    assert voices.standard("xx-XX") == ""


@pytest.mark.parametrize(
    ("voice", "locale", "gender", "name"),
    [
        ("", "", "", "joe"),
        ("", "", "female", "amy"),
        ("", "en-US", "", "joe"),
        ("", "en-GB", "", "alan"),
        ("", "en-GB", "female", "amy"),
        ("", "en-AU", "male", "joe"),
        ("", "de-DE", "male", "kathrin"),
        ("", "de", "", "kathrin"),
        ("amy", "de-DE", "male", "amy"),
        ("Amy", "", "", "amy"),
    ],
)
def test_without_a_name_language_comes_first_then_gender(
    voice: str, locale: str, gender: str, name: str
) -> None:
    assert table().choose(voice, locale, gender, strict=True) == Choice(name)


@pytest.mark.parametrize(
    ("voice", "name"),
    [("en-US-JennyNeural", "amy"), ("en-GB-RyanNeural", "alan"), ("de-AT-JonasNeural", "kathrin")],
)
def test_an_unknown_voice_is_replaced_by_one_of_its_language_and_gender(voice: str, name: str) -> None:
    choice = table().choose(voice)
    assert choice.name == name
    assert f'"{voice}"' in choice.note
    assert f'"{name}"' in choice.note


def test_the_note_says_who_speaks() -> None:
    assert table().choose("en-US-JennyNeural").note == (
        'piper has no voice "en-US-JennyNeural"; "amy" (en-US, female) speaks instead'
    )
    assert table().choose("", "fr-FR").note == 'no voice of piper speaks "fr-FR"; "joe" (en-US, male) does'


def test_what_was_asked_for_beside_the_name_counts_where_the_name_says_nothing() -> None:
    assert table().choose("MyVoice", "de-DE").name == "kathrin"
    assert table().choose("en-US-MyVoiceNeural", "de-DE", "female").name == "amy"


def test_a_strict_call_has_the_voice_or_none() -> None:
    for voice, locale in (("en-US-JennyNeural", ""), ("", "fr-FR")):
        with pytest.raises(SpeechError, match=r"joe, amy, alan, kathrin.*speech_provider") as caught:
            table().choose(voice, locale, strict=True)
        assert (caught.value.code, caught.value.sub_code) == (400, 8565)


def test_the_user_s_table_comes_first() -> None:
    mapping = {
        "en-us-jennyneural": "jenny-of-ours",
        "amy": "joe",
        "fr-FR": "pierre",
        "es/female": "maria",
        "*": "anybody",
    }
    mine = table(mapping)
    assert mine.choose("en-US-JennyNeural", strict=True) == Choice("jenny-of-ours")
    assert mine.choose("amy") == Choice("joe")
    assert mine.choose("", "fr-FR", strict=True) == Choice("pierre")
    assert mine.choose("", "es-MX", "female") == Choice("maria")
    assert mine.choose("", "ja-JP") == Choice("anybody")
    assert mine.choose("fr-FR-DeniseNeural").name == "pierre"
    assert mine.choose("", "en-US") == Choice("joe")


def test_a_voice_without_a_locale_speaks_everything() -> None:
    everyone = VoiceTable("x", (Voice("nova", "", "female"), Voice("onyx", "", "male")))
    assert everyone.choose("", "ja-JP", "male", strict=True) == Choice("onyx")


def test_a_provider_has_voices() -> None:
    with pytest.raises(ValueError, match="no voices"):
        VoiceTable("x", ())


_words = st.sampled_from(
    ["", "en", "en-US", "en-GB", "de-CH", "fr-FR", "male", "female", "joe", "amy"]
) | st.text(max_size=20)


@given(_words, _words, st.sampled_from(["", "male", "female"]), st.booleans())
def test_there_is_always_a_voice_or_the_one_error(voice: str, locale: str, gender: str, strict: bool) -> None:
    try:
        choice = table().choose(voice, locale, gender, strict=strict)
    except SpeechError:
        assert strict
        return
    assert choice.name in {one.name for one in OWN}
    language = locale.lower().partition("-")[0]
    if not voice and language in ("en", "de"):
        assert next(one for one in OWN if one.name == choice.name).locale.startswith(language)
