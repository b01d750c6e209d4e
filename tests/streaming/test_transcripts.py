"""Transcripts against a real WebSocket server: what is sent, in which order, what happens when it breaks."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from streaming_bench import RESOURCE, App, Connection, Room, until

from hookflash.calls import audio_effects, facts
from hookflash.ports.audio import Said
from hookflash.streaming import app_socket
from hookflash.streaming.recogniser import RecognitionFailed, Wanted


class Bench(Room):
    """The room, with transcripts."""

    async def transcribe(self, **changes: Any) -> Connection:
        """Open a transcript, wait for it; the app's end."""
        self.desk.open_transcript(self.transcript(**changes))
        await until(lambda: self.of(facts.StreamOpened) and self.app.connections[-1].texts)
        return self.app.connections[-1]


@pytest.fixture
async def room() -> AsyncIterator[Bench]:
    app = App()
    room = Bench(await app.start(), app)
    yield room
    for number in list(room.desk._transcripts):
        room.desk.close_transcript(audio_effects.CloseTranscript(number))
    if room.recogniser.done is not None:
        room.recogniser.done()
    await room.desk.close()
    await app.stop()


def texts(connection: Connection) -> list[tuple[str, str]]:
    return [(one["text"], one["resultStatus"]) for one in connection.of("TranscriptionData")]


async def test_the_first_frame_is_the_metadata(room: Bench) -> None:
    connection = await room.transcribe(speech_model="m-1")
    assert room.facts == [facts.StreamOpened(2, False)]
    assert connection.headers["Authorization"] == "Bearer token-1"
    assert connection.frames == [
        {
            "kind": "TranscriptionMetadata",
            "transcriptionMetadata": {
                "subscriptionId": "835be116-f750-48a4-a5a4-ab85e070e5b0",
                "locale": "en-us",
                "callConnectionId": "2c006980-8ef1-46c2-84fa-357fefac0893",
                "correlationId": "5683b58d-bb85-4073-ae9a-c03488d4291d",
                "speechRecognitionModelEndpointId": "m-1",
            },
        }
    ]
    assert room.recogniser.wanted == [Wanted("en-US", "m-1", True, RESOURCE)]


@pytest.mark.parametrize("intermediate", [True, False])
async def test_what_is_said_is_sent_as_text(room: Bench, intermediate: bool) -> None:
    connection = await room.transcribe(intermediate=intermediate)
    (listener,) = room.audio.listeners
    assert listener.sources == {Said(10)}, "the app's own leg is nobody who speaks"
    assert room.recogniser.people == {10}
    listener.give()
    assert room.recogniser.heard == [(10, 101)]
    room.recogniser.says("he", final=False)
    room.recogniser.says("Hello.")
    room.recogniser.says("nobody", leg=77)
    room.recogniser.says("Bye.")
    await until(lambda: ("Bye.", "Final") in texts(connection))
    assert texts(connection) == [("he", "Intermediate")] * intermediate + [
        ("Hello.", "Final"),
        ("Bye.", "Final"),
    ]
    assert connection.of("TranscriptionData")[-1] == {
        "text": "Bye.",
        "format": "display",
        "confidence": 0.9,
        "offset": 1,
        "duration": 2,
        "words": [{"text": "hello", "offset": 1, "duration": 2}],
        "participantRawID": "4:+14255550100",
        "resultStatus": "Final",
    }


async def test_who_comes_is_heard_and_who_goes_is_told_to_the_last_word(room: Bench) -> None:
    connection = await room.transcribe()
    (listener,) = room.audio.listeners
    room.desk.roster(audio_effects.UpdateRoster(5, ((9, "8:acs:app"), (11, "4:+1"))))
    assert listener.sources == {Said(11)}
    assert room.recogniser.people == {11}
    room.recogniser.says("I have to go.", leg=10)
    room.recogniser.says("Hello.", leg=11)
    await until(lambda: len(texts(connection)) == 2)
    names = [one["participantRawID"] for one in connection.of("TranscriptionData")]
    assert names == ["4:+14255550100", "4:+1"]


async def test_of_very_many_who_have_left_the_first_are_forgotten(room: Bench) -> None:
    connection = await room.transcribe()
    for leg in range(100, 300):
        room.desk.roster(audio_effects.UpdateRoster(5, ((leg, f"p{leg}"),)))
    room.recogniser.says("long ago", leg=150)
    room.recogniser.says("just now", leg=250)
    await until(lambda: texts(connection))
    assert texts(connection) == [("just now", "Final")]


async def test_another_language_is_asked_for_and_told_after_an_interruption(room: Bench) -> None:
    connection = await room.transcribe()
    room.desk.update_transcript(audio_effects.UpdateTranscript(2, "fr-FR", "m"))
    room.desk.update_transcript(audio_effects.UpdateTranscript(77, "de-DE", None))
    assert room.recogniser.wanted == [
        Wanted("en-US", None, True, RESOURCE),
        Wanted("fr-FR", "m", True, RESOURCE),
    ]
    connection.cut()
    await until(lambda: room.clock.pending)
    room.clock.advance(1.0)
    await until(lambda: len(room.app.connections) == 2 and room.app.connections[1].texts)
    assert room.app.connections[1].of("TranscriptionMetadata")[0]["locale"] == "fr-fr"
    assert len(room.audio.listeners) == 1


async def test_what_is_said_during_an_interruption_is_sent_after_it(room: Bench) -> None:
    connection = await room.transcribe()
    connection.cut()
    await until(lambda: room.clock.pending)
    room.recogniser.says("so far", final=False)
    room.recogniser.says("One.")
    room.recogniser.says("Two.")
    room.clock.advance(1.0)
    await until(lambda: len(room.app.connections) == 2 and len(room.app.connections[1].texts) == 3)
    again = room.app.connections[1]
    assert again.frames[0]["kind"] == "TranscriptionMetadata"
    assert texts(again) == [("One.", "Final"), ("Two.", "Final")]
    assert room.desk.left_out == 1


async def test_a_slow_reader_loses_intermediate_results_first(
    room: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    monkeypatch.setattr(app_socket, "MUCH_WAITING", 2_000)
    connection = await room.transcribe()
    # What the transport says when the app does not read, and when it does again.
    socket = room.desk._transcripts[2].socket._ws
    assert socket is not None
    socket.pause_writing()
    for number in range(30):
        room.recogniser.says("so far", final=False)
        room.recogniser.says(f"{number}")
    socket.resume_writing()
    await until(lambda: ("29", "Final") in texts(connection))
    finals = [text for text, status in texts(connection) if status == "Final"]
    assert finals == [str(number) for number in range(30)], "none of them is missing"
    partial = [text for text, status in texts(connection) if status == "Intermediate"]
    assert 0 < len(partial) < 30
    assert room.desk.left_out == 30 - len(partial)
    assert [one for one in caplog.messages if "intermediate results were left out" in one] == [
        "an app reads too slowly: 1 intermediate results were left out"
    ]


async def test_a_reader_that_stops_reading_is_dropped(room: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_socket, "MAX_WAITING", 20_000)
    await room.transcribe()
    socket = room.desk._transcripts[2].socket._ws
    assert socket is not None
    socket.pause_writing()
    for number in range(100):
        room.recogniser.says(f"{number}")
    failed = await room.failed()
    assert (failed.details, failed.code, failed.sub_code) == ("streamConnectionInterrupted", 500, 8578)
    assert "does not read fast enough" in failed.message


# --- endings ----------------------------------------------------------------------------------------------


async def test_closing_waits_for_the_last_words(room: Bench) -> None:
    connection = await room.transcribe()
    room.desk.close_transcript(audio_effects.CloseTranscript(2))
    assert room.audio.listeners[0].closed
    assert room.recogniser.done is not None
    room.recogniser.says("The end.")
    room.recogniser.done()
    await until(lambda: connection.code == 1000)
    assert texts(connection) == [("The end.", "Final")]
    assert len(room.facts) == 1


async def test_an_app_that_closes_while_the_last_words_are_awaited(room: Bench) -> None:
    connection = await room.transcribe()
    room.desk.close_transcript(audio_effects.CloseTranscript(2))
    await connection.socket.close()
    await until(lambda: room.recogniser.closed)
    assert len(room.facts) == 1


async def test_where_nobody_understands_nothing_is_opened(room: Bench) -> None:
    room.recogniser.refuses = RecognitionFailed("nobody", "badRequest", 400, 8565)
    room.desk.open_transcript(room.transcript())
    assert room.facts == [facts.StreamFailed(2, "badRequest", 400, 8565, "nobody")]
    assert room.desk.open == 0
    assert room.app.connections == []


async def test_where_there_is_no_room_nothing_is_opened(room: Bench) -> None:
    room.recogniser.room = 1
    roster = ((9, "8:acs:app"), (10, "4:+1"), (11, "4:+2"))
    room.desk.open_transcript(room.transcript(roster=roster))
    assert room.facts == [facts.StreamFailed(2, "tooManyRequests", 429, 8565, "no room")]
    assert (room.desk.open, room.recogniser.closed) == (0, 1)


async def test_where_there_is_no_room_for_who_comes_it_has_failed(room: Bench) -> None:
    room.recogniser.room = 1
    connection = await room.transcribe()
    room.desk.roster(audio_effects.UpdateRoster(5, ((10, "4:+14255550100"), (11, "4:+1"))))
    failed = await room.failed()
    assert (failed.details, failed.code, failed.sub_code) == ("tooManyRequests", 429, 8565)
    await until(lambda: connection.code == 1011)


async def test_a_recogniser_that_fails_ends_it_with_its_reason(room: Bench) -> None:
    connection = await room.transcribe()
    room.recogniser.failed(RecognitionFailed("gone", "speechServicesConnectionError", 408, 8565))
    failed = await room.failed()
    assert (failed.details, failed.code, failed.sub_code) == ("speechServicesConnectionError", 408, 8565)
    assert room.audio.listeners[0].closed
    assert room.recogniser.closed
    await until(lambda: connection.code == 1011)
    await until(lambda: room.desk.open == 0)


async def test_lost_audio_ends_it(room: Bench) -> None:
    await room.transcribe()
    room.audio.listeners[0].lost("gone")
    failed = await room.failed()
    assert (failed.details, failed.sub_code) == ("serviceShutdown", 8580)
    assert room.recogniser.closed


async def test_a_transcript_that_can_not_be_opened(room: Bench) -> None:
    room.app.status = 500
    room.desk.open_transcript(room.transcript())
    failed = await room.failed()
    assert (failed.details, failed.code, failed.sub_code) == ("streamConnectionUnsuccessful", 500, 8578)
    await until(lambda: room.desk.open == 0)
    assert room.recogniser.closed


async def test_a_transcript_of_a_call_without_audio(room: Bench) -> None:
    room.audio.gone = True
    room.desk.open_transcript(room.transcript())
    assert (await room.failed()).sub_code == 8578
