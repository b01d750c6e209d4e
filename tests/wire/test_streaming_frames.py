"""Frames on streaming sockets, against the examples of the contract and what each SDK really sends."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.wire.streaming_frames import (
    MAX_QUOTES,
    AppAudio,
    FrameError,
    Mark,
    StopAudio,
    Word,
    _read_any_frame,
    audio_data,
    audio_metadata,
    dtmf_data,
    frame_length,
    mark_data,
    playback_state,
    read_frame,
    transcription_data,
    transcription_metadata,
)

PCM = bytes(range(256)) * 2 + bytes(128)
DATA = base64.b64encode(PCM).decode()


def same(text: str | bytes, expected: str) -> None:
    """Equal as documents, names in the same order, and nothing but the text differs in white space."""
    assert json.loads(text) == json.loads(expected)
    written = text.decode() if isinstance(text, bytes) else text
    assert written == json.dumps(json.loads(expected), separators=(",", ":"), ensure_ascii=False)


@pytest.mark.parametrize(("rate", "length"), [(16_000, 640), (24_000, 960)])
def test_audio_metadata(rate: int, length: int) -> None:
    same(
        audio_metadata("89e8cb59-b991-48b0-b154-1db84f16a077", rate),
        '{"kind":"AudioMetadata","audioMetadata":{"subscriptionId":"89e8cb59-b991-48b0-b154-1db84f16a077",'
        f'"encoding":"PCM","sampleRate":{rate},"channels":1,"length":{length}}}}}',
    )
    assert frame_length(rate) == length


def test_audio_of_one_participant() -> None:
    same(
        audio_data(1731698172.925, PCM, silent=False, participant="8:acs:3d20e1de-1_a"),
        '{"kind":"AudioData","audioData":{"timestamp":"2024-11-15T19:16:12.925Z",'
        f'"participantRawID":"8:acs:3d20e1de-1_a","data":"{DATA}","silent":false}}}}',
    )


def test_mixed_audio_names_nobody() -> None:
    same(
        audio_data(1731698172.925, PCM, silent=True),
        f'{{"kind":"AudioData","audioData":{{"timestamp":"2024-11-15T19:16:12.925Z","data":"{DATA}","silent":true}}}}',
    )


@given(st.text(max_size=60))
def test_whatever_a_participant_is_called_it_stays_json(name: str) -> None:
    body = json.loads(audio_data(0.0, b"", silent=True, participant=name))["audioData"]
    assert body["participantRawID"] == name


@pytest.mark.parametrize("key", list("0123456789*#ABCD"))
def test_a_key(key: str) -> None:
    same(dtmf_data(key), f'{{"kind":"DtmfData","dtmfData":{{"data":"{key}"}}}}')


def test_transcription_metadata() -> None:
    same(
        transcription_metadata(
            "835be116-f750-48a4-a5a4-ab85e070e5b0",
            "en-us",
            "2c006980-8ef1-46c2-84fa-357fefac0893",
            "5683b58d-bb85-4073-ae9a-c03488d4291d",
        ),
        '{"kind":"TranscriptionMetadata","transcriptionMetadata":{"subscriptionId":'
        '"835be116-f750-48a4-a5a4-ab85e070e5b0","locale":"en-us","callConnectionId":'
        '"2c006980-8ef1-46c2-84fa-357fefac0893","correlationId":"5683b58d-bb85-4073-ae9a-c03488d4291d"}}',
    )
    with_model = json.loads(transcription_metadata("s", "de-de", "c", "x", "model-1"))
    assert with_model["transcriptionMetadata"]["speechRecognitionModelEndpointId"] == "model-1"


def test_transcription_data() -> None:
    at = 2516998782481234400
    words = [Word("testing", at, 5200000), Word("transcription", at + 5200000, 7700000)]
    text = transcription_data(
        "Testing transcription.",
        participant="8:acs:a_b",
        confidence=0.695223331451416,
        offset=at,
        duration=12900000,
        words=words,
        final=True,
    )
    same(
        text,
        '{"kind":"TranscriptionData","transcriptionData":{"text":"Testing transcription.","format":"display",'
        '"confidence":0.695223331451416,"offset":2516998782481234400,"duration":12900000,"words":'
        '[{"text":"testing","offset":2516998782481234400,"duration":5200000},{"text":"transcription",'
        '"offset":2516998782486434400,"duration":7700000}],"participantRawID":"8:acs:a_b",'
        '"resultStatus":"Final"}}',
    )
    nothing = transcription_data(
        "a", participant="p", confidence=1.0, offset=0, duration=0, words=[], final=False
    )
    assert json.loads(nothing)["transcriptionData"]["words"] == []
    assert json.loads(nothing)["transcriptionData"]["resultStatus"] == "Intermediate"


AUDIO = {
    "JavaScript": '{"kind":"audioData","audioData":{"data":"%s","isSilent":false},"stopAudio":{}}',
    ".NET": '{"Kind":"AudioData","AudioData":{"Data":"%s","Timestamp":"0001-01-01T00:00:00",'
    '"Participant":null,"IsSilent":false},"StopAudio":null}',
    "Python, as documented": '{"Kind":"AudioData","AudioData":{"Data":"%s"},"StopAudio":null}',
    "Java": '{"kind":"AudioData","audioData":{"data":"%s","timestamp":null,"participant":null,'
    '"isSilent":false},"stopAudio":null}',
    "Java, camel": '{"kind":"audioData","audioData":{"data":"%s","timestamp":null},"stopAudio":null}',
    "hand-written": '{"kind":"AudioData","audioData":{"data":"%s"}}',
    "hand-written, with more": '{"kind":"AudioData","audioData":{"timestamp":"x","participantRawId":"p",'
    '"data":"%s","silent":false}}',
    "shouted": '{"KIND":"AUDIODATA","AUDIODATA":{"DATA":"%s"}}',
    "null first": '{"audioData":null,"Kind":"AudioData","AudioData":{"data":null,"Data":"%s"}}',
}
STOP = {
    "JavaScript": '{"kind":"stopAudio","stopAudio":{}}',
    ".NET": '{"Kind":"StopAudio","AudioData":null,"StopAudio":{}}',
    "Java": '{"kind":"StopAudio","stopAudio":{}}',
    "hand-written": '{"kind":"StopAudio"}',
    "hand-written, Pascal": '{"Kind":"StopAudio"}',
    "with audio beside": '{"kind":"StopAudio","audioData":{"data":""},"stopAudio":{}}',
}


@pytest.mark.parametrize("form", AUDIO)
def test_audio_from_apps(form: str) -> None:
    text = AUDIO[form] % DATA
    assert read_frame(text) == AppAudio(PCM)
    assert read_frame(text.encode()) == AppAudio(PCM)


@pytest.mark.parametrize("form", STOP)
def test_stopping_from_apps(form: str) -> None:
    assert read_frame(STOP[form]) == StopAudio()


@pytest.mark.parametrize(
    "text",
    [
        '{"kind":"MarkData","markData":{"id":"m 1"}}',
        '{"Kind":"MarkData","MarkData":{"Id":"m 1","Status":null}}',
        '{"kind":"markData","markData":{"sequence":"m 1"}}',
        '{"kind":"markData","markData":"m 1"}',
    ],
)
def test_marks_from_apps(text: str) -> None:
    assert read_frame(text) == Mark("m 1")


@pytest.mark.parametrize(("mark", "name"), [('{"sequence":"7"}', "7"), ('{"id":""}', None), ("7", None)])
def test_a_mark_behind_audio(mark: str, name: str | None) -> None:
    text = f'{{"Kind":"AudioData","AudioData":{{"Data":"{DATA}","Mark":{mark}}}}}'
    assert read_frame(text) == AppAudio(PCM, name)


def test_what_is_said_of_marks() -> None:
    same(mark_data("a", heard=True), '{"kind":"MarkData","markData":{"id":"a","status":"Completed"}}')
    same(mark_data("a", heard=False), '{"kind":"MarkData","markData":{"id":"a","status":"Cancelled"}}')
    same(
        playback_state(0.5, playing=False),
        '{"kind":"PlaybackState","playbackState":{"state":"finished","timestamp":"1970-01-01T00:00:00.500Z"}}',
    )


@pytest.mark.parametrize(
    "text", ['{"kind":"PlaybackState","playbackState":{}}', "{}", '{"kind":null}', '{"kind":7}']
)
def test_other_kinds_mean_nothing(text: str) -> None:
    assert read_frame(text) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("hello", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        ("[1]", "not a JSON object"),
        ('{"kind":"AudioData"}', r"no audioData\.data"),
        ('{"kind":"AudioData","audioData":"x"}', r"no audioData\.data"),
        ('{"kind":"AudioData","audioData":{"data":7}}', r"no audioData\.data"),
        ('{"kind":"MarkData"}', r"no markData\.id of 1 to 256"),
        ('{"kind":"MarkData","markData":{}}', r"no markData\.id of 1 to 256"),
        ('{"kind":"MarkData","markData":{"id":"' + 257 * "x" + '"}}', r"no markData\.id of 1 to 256"),
        ('{"kind":"AudioData","audioData":{"data":"a"}}', "not base64"),
        ('{"kind":"AudioData","audioData":{"data":"!!!!"}}', "not base64"),
        ('{"kind":"AudioData","audioData":{"data":"\\u00e4AAA"}}', "not base64"),
    ],
)
def test_what_can_not_be_read_says_why(text: str, why: str) -> None:
    with pytest.raises(FrameError, match=why):
        read_frame(text)


@pytest.mark.parametrize("members", ['"x":[[]' + 1_000 * ",[]" + "]", '"x":{"y":{"z":[1,"2",{}]}}'])
def test_nothing_is_made_of_what_means_nothing(members: str) -> None:
    """It may fill the largest message there is: lists of millions of empty lists would take seconds."""
    text = '{"kind":"StopAudio",' + members + "}"
    assert read_frame(text) == StopAudio()
    text = '{"kind":"AudioData","audioData":{"data":"' + DATA + '",' + members + "}," + members + "}"
    assert read_frame(text) == AppAudio(PCM)


@pytest.mark.parametrize(
    "place", ["%s", '{"kind":"x",%s}', '{"kind":"AudioData","audioData":{"data":"",%s}}']
)
def test_more_members_than_any_frame_has_are_refused(place: str) -> None:
    members = ",".join(f'"{number}":0' for number in range(MAX_QUOTES // 2 + 1))
    for text in (place % members, (place % members).encode()):
        with pytest.raises(FrameError, match="quotation marks"):
            read_frame(text)


def test_the_words_of_the_sdk_for_stopping_are_looked_at_no_more_than_that() -> None:
    """It stands beside audio, and the kind alone counts."""
    much = ",".join(f'"{number}":[]' for number in range(MAX_QUOTES))
    text = f'{{"kind":"AudioData","audioData":{{"data":"{DATA}"}},"stopAudio":{{{much}}}}}'
    assert read_frame(text) == AppAudio(PCM)


@given(st.binary(max_size=2000))
def test_audio_of_any_length_comes_through(pcm: bytes) -> None:
    data = base64.b64encode(pcm).decode()
    assert read_frame(f'{{"kind":"AudioData","audioData":{{"data":"{data}"}}}}') == AppAudio(pcm)


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_rubbish_never_does_harm(text: bytes | str) -> None:
    with contextlib.suppress(FrameError):
        read_frame(text)


ODD = st.sampled_from([b"\xff", b"\xef\xbb\xbf{}", "{}".encode("utf-16"), b"[" * 100_000, b'{"a":' * 100_000])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.binary(max_size=8).map(lambda data: base64.b64encode(data).decode())
    | st.sampled_from(
        ["AA=", "AAA", "AA-_", "AAAA\n", "=", "AA==AAAA", "audioData", "AudioData", "StopAudio"]
    ),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["data", "Data", "isSilent", "IsSilent", "timestamp", "participant", "mark", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=5,
)
FRAMES = st.lists(
    st.tuples(
        st.sampled_from(
            ["kind", "Kind", "KIND", "audioData", "AudioData", "stopAudio", "StopAudio", "other"]
        ),
        VALUES,
    ),
    max_size=5,
).map(
    lambda members: "{" + ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in members) + "}"
)


@given(FRAMES | st.text(max_size=40) | st.binary(max_size=40) | ODD)
def test_whatever_comes_is_read_in_one_way_or_refused_with_a_reason(text: str | bytes) -> None:
    """The short cut for the usual frames and the long way are of one mind."""

    def outcome(read: Callable[[str | bytes], object]) -> object:
        try:
            return read(text)
        except FrameError as error:
            return str(error)

    short = outcome(read_frame)
    assert short == outcome(_read_any_frame)
    assert not isinstance(short, str) or len(short) < 300


@pytest.mark.parametrize("form", AUDIO)
def test_every_app_s_audio_is_read_by_the_long_way_too(form: str) -> None:
    text = AUDIO[form] % DATA
    assert _read_any_frame(text) == read_frame(text)
