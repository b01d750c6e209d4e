"""What can be played and recognised, and how speech is refused without a provider."""

from __future__ import annotations

import msgspec
import pytest

from hookflash.calls import effects
from hookflash.media.sources import described
from hookflash.media.speech import Abilities, Speech
from hookflash.wire import requests
from hookflash.wire.enums import RecognizeInputType
from hookflash.wire.results import Refusal

SPEECH = [RecognizeInputType.SPEECH, RecognizeInputType.SPEECH_OR_DTMF, RecognizeInputType.CHOICES]
ENDPOINT = "https://speech.example.org/"


def acts(stage, url):
    return (
        lambda: stage.play(url),
        lambda: stage.play(url, to=[stage.CAROL]),
        lambda: stage.recognize(stage.CAROL, url),
        lambda: stage.music(url),
        lambda: stage.announce(url),
    )


@pytest.mark.parametrize("url", ["text:hello", "ssml:<speak/>", "text:"])
def test_speech_needs_an_endpoint_given_at_setup(stage, url):
    for act in acts(stage, url):
        with pytest.raises(Refusal, match="cognitiveServicesEndpoint") as refused:
            act()
        assert (refused.value.status, refused.value.code) == (405, "8522")
    assert stage.effects == []


@pytest.mark.parametrize("url", ["text:hello", "ssml:<speak/>"])
def test_with_an_endpoint_there_is_no_provider_behind_it(stage, url):
    stage.line.cognitive_endpoint = ENDPOINT
    for act in acts(stage, url):
        with pytest.raises(Refusal, match="this server has none") as refused:
            act()
        assert (refused.value.status, refused.value.code) == (400, "8567")
    assert stage.effects == []


@pytest.mark.parametrize("kind", SPEECH)
@pytest.mark.parametrize(("endpoint", "expected"), [(None, (405, "8522")), (ENDPOINT, (400, "8567"))])
def test_speech_cannot_be_recognised(stage, kind, endpoint, expected):
    stage.line.cognitive_endpoint = endpoint
    with pytest.raises(Refusal, match=f"recognizeInputType is {kind}") as refused:
        stage.recognize(kind=kind)
    assert (refused.value.status, refused.value.code) == expected


@pytest.mark.parametrize("url", ["text:", "text:  ", "ssml:"])
def test_an_empty_text_is_accepted_and_fails(stage, url):
    stage.line.cognitive_endpoint = ENDPOINT
    stage.play("https://x/a.wav", url, operation_context="c")
    assert stage.results() == [("PlayStarted", 200, 0), ("PlayFailed", 400, 8582)]
    assert stage.notes[-1].fields == {"failed_play_source_index": 1}
    assert stage.notes[-1].request.context == "c"
    assert stage.all(effects.PlayAudio) == []
    assert stage.at_rest()


def test_an_empty_text_lets_the_next_in_the_queue_begin(stage):
    stage.line.cognitive_endpoint = ENDPOINT
    stage.play("https://x/a.wav")
    for _ in range(50):
        stage.play("text:")
    stage.play("https://x/b.wav")
    stage.finished(1)
    assert stage.names().count("PlayFailed") == 50
    assert [one.sources[0].url for one in stage.all(effects.PlayAudio)] == [
        "https://x/a.wav",
        "https://x/b.wav",
    ]


def test_an_empty_prompt_is_a_prompt_that_cannot_be_played(stage):
    stage.line.cognitive_endpoint = ENDPOINT
    stage.recognize(stage.CAROL, "https://x/a.wav", "text:")
    assert stage.results() == [("RecognizeFailed", 500, 8511)]
    assert stage.notes[-1].fields == {"failed_play_source_index": 1}
    assert "empty" in stage.notes[-1].message
    assert stage.at_rest()


def test_empty_hold_music_fails_the_hold(stage):
    stage.line.cognitive_endpoint = ENDPOINT
    stage.music("text:")
    assert stage.results() == [("HoldFailed", 400, 8582)]
    assert stage.at_rest()


def test_an_empty_announcement_fails_and_hushes_nobody(stage):
    stage.line.cognitive_endpoint = ENDPOINT
    stage.play()
    stage.announce("text:")
    assert stage.results()[-1] == ("PlayFailed", 400, 8582)
    assert stage.all(effects.RemoveListener) == []


def test_words_to_be_spoken_travel_with_all_that_was_said_of_them(stage):
    stage.line.cognitive_endpoint, stage.line.abilities = ENDPOINT, Abilities(speaks=True, strict=True)
    text = {"text": "hi", "sourceLocale": "en-GB", "voiceKind": "male", "voiceName": "Ann"}
    body = msgspec.convert(
        {
            "playSources": [
                {
                    "kind": "text",
                    "text": {**text, "customVoiceEndpointId": "e"},
                    "playSourceCacheId": "id",
                },
                {"kind": "ssml", "ssml": {"ssmlText": "<speak>ho</speak>", "customVoiceEndpointId": "f"}},
                {"kind": "file", "file": {"uri": "https://x/a.wav"}},
                {"kind": "text", "text": {"text": "bye"}},
            ]
        },
        requests.PlayRequest,
    )
    stage.desk.play(stage.turn(), "2026-03-12", body)
    assert stage.all(effects.PlayAudio)[0].sources == (
        Speech("hi", "", "Ann", "en-GB", "male", "red/id", "e", strict=True, owner="red"),
        Speech(ssml="<speak>ho</speak>", endpoint="f", strict=True, owner="red"),
        effects.AudioFile("https://x/a.wav"),
        Speech("bye", strict=True, owner="red"),
    )


@pytest.mark.parametrize("url", ["text:hello", "ssml:<speak>hello</speak>"])
def test_words_can_be_said_wherever_something_is_played(stage, url):
    stage.line.cognitive_endpoint, stage.line.abilities = ENDPOINT, Abilities(speaks=True)
    for act in acts(stage, url):
        act()
        assert isinstance(stage.all(effects.PlayAudio)[-1].sources[0], Speech)
        stage.desk.close(stage.turn())


MENU = [{"label": "Yes", "phrases": ["yes"], "tone": "one"}, {"label": "No", "phrases": ["no"]}]


def test_where_nobody_understands_words_keys_are_taken(stage):
    stage.line.cognitive_endpoint, stage.line.abilities = ENDPOINT, Abilities(speaks=True)
    stage.recognize(stage.CAROL, "text:Say or press.", kind=RecognizeInputType.SPEECH_OR_DTMF, max_tones=1)
    stage.started(1)
    stage.finished(1)
    assert stage.pending.listenings == {}
    stage.press("7")
    assert stage.results()[-1] == ("RecognizeCompleted", 200, 8531)
    stage.recognize(stage.CAROL, kind=RecognizeInputType.CHOICES, max_tones=None, choices=MENU)
    stage.press("1")
    assert stage.notes[-1].fields["choice_result"].label == "Yes"
    said = [detail for what, detail in stage.traced() if what == "keys alone"]
    assert len(said) == 2
    assert "hookflash[speech]" in said[0]


@pytest.mark.parametrize(
    ("kind", "choices", "strict"),
    [
        (RecognizeInputType.SPEECH, None, False),
        (RecognizeInputType.CHOICES, MENU[1:], False),
        (RecognizeInputType.CHOICES, MENU, True),
        (RecognizeInputType.SPEECH_OR_DTMF, None, True),
    ],
)
def test_what_keys_can_not_answer_is_refused(stage, kind, choices, strict):
    stage.line.cognitive_endpoint = ENDPOINT
    stage.line.abilities = Abilities(speaks=True, strict=strict)
    with pytest.raises(Refusal, match="speech provider") as refused:
        stage.recognize(stage.CAROL, kind=kind, max_tones=None, choices=choices)
    assert (refused.value.status, refused.value.code) == (400, "8567")


def test_a_speech_provider_that_refuses_fails_with_its_own_code(stage):
    stage.line.cognitive_endpoint, stage.line.abilities = ENDPOINT, Abilities(speaks=True)
    stage.play("text:hello")
    stage.failed(1, 0, 8565, "Quota exceeded.", 429)
    assert stage.results() == [("PlayStarted", 200, 0), ("PlayFailed", 429, 8565)]
    assert stage.notes[-1].message == "Action failed, speech service error. Quota exceeded."
    stage.play("text:hello")
    stage.failed(2, 0, 8565, "")
    assert stage.results()[-1] == ("PlayFailed", 400, 8565)


def test_strict_is_what_the_server_says(stage):
    stage.line.cognitive_endpoint, stage.line.abilities = ENDPOINT, Abilities(speaks=True)
    stage.play("text:hello")
    assert stage.all(effects.PlayAudio)[0].sources == (Speech("hello", owner="red"),)


def test_ssml_with_a_mistake_is_not_called_empty(stage):
    stage.line.cognitive_endpoint, stage.line.abilities = ENDPOINT, Abilities(speaks=True)
    stage.play("ssml:<speak>hello")
    stage.failed(1, 0, 8582, "The SSML is not valid at line 1, column 13: no end.")
    assert stage.results()[-1] == ("PlayFailed", 400, 8582)
    assert "empty" not in stage.notes[-1].message
    assert "line 1, column 13" in stage.notes[-1].message


def test_what_is_shown_of_ssml_has_no_secrets_of_its_urls() -> None:
    ssml = "<speak><audio src='https://me:pw@x.example/a.wav?sig=SECRET'/></speak>"
    shown = described((Speech(ssml=ssml),))
    assert "https://x.example/a.wav'/>" in shown
    assert "SECRET" not in shown
    assert "pw" not in shown
    cut = described((Speech(ssml="<a b='https://x/?" + "Z" * 60_000),))
    assert "ZZ" not in cut
