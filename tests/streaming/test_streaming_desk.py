"""The streaming desk against a real WebSocket server: what is sent and taken, what happens when it breaks."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime

import aiohttp
import numpy as np
import pytest
from streaming_bench import RESOURCE, App, Room, until

from hookflash.calls import audio_effects, facts
from hookflash.ports.audio import Heard, Said, Source
from hookflash.streaming import app_socket, dialling, websocket


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    app = App()
    room = Room(await app.start(), app)
    yield room
    await room.desk.close()
    await app.stop()


def samples(data: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(data), "<i2")


# --- what the app is sent ---------------------------------------------------------------------------------


async def test_the_handshake_carries_the_token_the_ids_and_the_query(room: Room) -> None:
    connection = await room.stream()
    assert connection.headers["Authorization"] == "Bearer token-1"
    assert room.tokens.minted == [(RESOURCE, 24 * 3600)]
    assert connection.headers["x-ms-call-correlation-id"] == "5683b58d-bb85-4073-ae9a-c03488d4291d"
    assert connection.headers["x-ms-call-connection-id"] == "2c006980-8ef1-46c2-84fa-357fefac0893"
    assert connection.path == "/audio?id=7&sig=a%2Fb%3D"
    assert room.facts == [facts.StreamOpened(1, False)]


@pytest.mark.parametrize(("rate", "length"), [(16_000, 640), (24_000, 960)])
async def test_mixed_audio_is_metadata_and_then_a_frame_a_tick(room: Room, rate: int, length: int) -> None:
    connection = await room.stream(sample_rate=rate)
    (listener,) = room.audio.listeners
    assert (listener.rate, listener.sources) == (rate, {Heard(9)})
    listener.give({Heard(9): 1000})
    room.clock.advance(0.02)
    listener.give({Heard(9): 16})
    await until(lambda: len(connection.texts) == 3)
    assert [frame["kind"] for frame in connection.frames] == ["AudioMetadata", "AudioData", "AudioData"]
    assert connection.of("AudioMetadata")[0]["length"] == length
    first, second = connection.of("AudioData")
    assert list(first) == ["timestamp", "data", "silent"]
    assert len(base64.b64decode(first["data"])) == length
    assert (samples(first["data"]) == 1000).all()
    assert (first["silent"], second["silent"]) == (False, True)
    step = datetime.fromisoformat(second["timestamp"]) - datetime.fromisoformat(first["timestamp"])
    assert step.total_seconds() == pytest.approx(0.02)


async def test_loopback_lets_the_app_hear_itself(room: Room) -> None:
    await room.stream(loopback=True)
    assert room.audio.listeners[0].sources == {Heard(9, itself=True)}


async def test_time_stamps_step_by_ticks_and_follow_the_clock_when_it_has_gone(room: Room) -> None:
    connection = await room.stream()
    (listener,) = room.audio.listeners
    for pause in (0.03, 0.01, 0.02, 0.3, 5.0):
        listener.give()
        room.clock.advance(pause)
    listener.tick += 3
    listener.give()
    await until(lambda: len(connection.texts) == 7)
    times = [datetime.fromisoformat(one["timestamp"]).timestamp() for one in connection.of("AudioData")]
    assert np.diff(times)[:4].tolist() == pytest.approx([0.02] * 4)
    assert times[5] - times[0] == pytest.approx(5.36, abs=0.001)


async def test_unmixed_audio_is_one_stream_for_each_other_participant(room: Room) -> None:
    connection = await room.stream(mixed=False)
    (listener,) = room.audio.listeners
    assert listener.sources == {Said(10), Said(11)}
    listener.give({Said(10): 100, Said(11): 200})
    await until(lambda: len(connection.texts) == 3)
    found = {one["participantRawID"]: samples(one["data"])[0] for one in connection.of("AudioData")}
    assert found == {"4:+14255550100": 100, "4:+14255550101": 200}
    assert list(connection.of("AudioData")[0]) == ["timestamp", "participantRawID", "data", "silent"]
    room.desk.roster(
        audio_effects.UpdateRoster(5, ((9, "8:acs:app"), (11, "4:+14255550101"), (12, "8:acs:new")))
    )
    room.desk.roster(audio_effects.UpdateRoster(6, ()))
    assert listener.sources == {Said(11), Said(12)}
    listener.give()
    await until(lambda: len(connection.texts) == 5)
    assert {one["participantRawID"] for one in connection.of("AudioData")[2:]} == {
        "4:+14255550101",
        "8:acs:new",
    }


CROWD = ((9, "app"), *((leg, f"p{leg}") for leg in range(10, 17)))


def ranked(*legs: int) -> dict[Source, int]:
    """These legs from the loudest on."""
    return {Said(leg): place for place, leg in enumerate(legs, 1)}


async def test_of_many_participants_the_four_loudest_are_sent(room: Room) -> None:
    """The plane says who they are; how loud their samples look is not asked."""
    connection = await room.stream(mixed=False, roster=CROWD)
    (listener,) = room.audio.listeners
    listener.give({Said(leg): 100 * (20 - leg) for leg in range(10, 17)}, ranks=ranked(16, 13, 15, 14))
    await until(lambda: len(connection.texts) == 5)
    assert [one["participantRawID"] for one in connection.of("AudioData")] == ["p13", "p14", "p15", "p16"]
    assert [int(samples(one["data"])[0]) for one in connection.of("AudioData")] == [700, 600, 500, 400]


async def test_who_falls_silent_keeps_the_place_until_another_one_speaks(room: Room) -> None:
    connection = await room.stream(mixed=False, roster=CROWD)
    (listener,) = room.audio.listeners
    story = [
        ((), [10, 11, 12, 13]),
        ((16, 13, 15, 14), [13, 14, 15, 16]),
        ((13, 15), [13, 14, 15, 16]),
        ((), [13, 14, 15, 16]),
        # 13 and 15 have spoken later than 16, and that one was louder than 14.
        ((12,), [12, 13, 15, 16]),
        ((11, 10), [10, 11, 12, 13]),
        # The app hears no loopback, but has a place in the call.
        ((9, 16, 15, 14), [11, 14, 15, 16]),
    ]
    for speaking, _ in story:
        listener.give(ranks=ranked(*speaking))
    await until(lambda: len(connection.texts) == 1 + 4 * len(story))
    sent = [one["participantRawID"] for one in connection.of("AudioData")]
    for at, (speaking, expected) in enumerate(story):
        assert sent[4 * at : 4 * at + 4] == [f"p{leg}" for leg in expected], speaking


async def test_one_of_the_loudest_who_leaves_gives_up_the_place(room: Room) -> None:
    connection = await room.stream(mixed=False, roster=CROWD)
    (listener,) = room.audio.listeners
    listener.give(ranks=ranked(16, 15, 14, 13))
    room.desk.roster(audio_effects.UpdateRoster(5, CROWD[:-1]))
    listener.give(ranks=ranked(15))
    room.desk.roster(audio_effects.UpdateRoster(5, CROWD[:4]))
    listener.give(ranks=ranked(12))
    await until(lambda: len(connection.texts) == 1 + 4 + 4 + 3)
    sent = [one["participantRawID"] for one in connection.of("AudioData")]
    assert sent[4:8] == ["p10", "p13", "p14", "p15"]
    assert sent[8:] == ["p10", "p11", "p12"]


async def test_everybody_ranked_is_sent_and_never_more_than_four(room: Room) -> None:
    connection = await room.stream(mixed=False, roster=CROWD)
    (listener,) = room.audio.listeners
    rng = np.random.default_rng(7)
    told = [rng.permutation(np.arange(10, 17))[: rng.integers(0, 5)].tolist() for _ in range(100)]
    for legs in told:
        listener.give(ranks=ranked(*legs))
    await until(lambda: len(connection.texts) == 401)
    sent = [one["participantRawID"] for one in connection.of("AudioData")]
    for at, legs in enumerate(told):
        named = sent[4 * at : 4 * at + 4]
        assert named == sorted(set(named))
        assert {f"p{leg}" for leg in legs} <= set(named)


@pytest.mark.parametrize("wanted", [True, False])
async def test_keys_are_sent_when_they_are_wanted(room: Room, wanted: bool) -> None:
    connection = await room.stream(dtmf_tones=wanted)
    room.desk.tone(audio_effects.StreamTone(1, 10, "#"))
    room.desk.tone(audio_effects.StreamTone(77, 10, "1"))
    room.audio.listeners[0].give()
    await until(lambda: connection.of("AudioData"))
    assert connection.of("DtmfData") == ([{"data": "#"}] if wanted else [])


# --- what the app says ------------------------------------------------------------------------------------


async def test_what_the_app_sends_is_said_and_stopping_hushes(room: Room) -> None:
    connection = await room.stream(bidirectional=True)
    (voice,) = room.audio.voices
    await connection.socket.send_str(
        '{"kind":"audioData","audioData":{"data":"AQID","isSilent":false},"stopAudio":{}}'
    )
    await connection.socket.send_str('{"Kind":"AudioData","AudioData":{"Data":"BAUGBw=="},"StopAudio":null}')
    await until(lambda: len(voice.said) == 2)
    assert b"".join(voice.said) == bytes(range(1, 8))
    await connection.socket.send_bytes(b"12")
    await connection.socket.send_str('{"kind":"StopAudio"}')
    await until(lambda: voice.hushed == 1)
    room.desk.close_stream(audio_effects.CloseStream(1))
    assert voice.closed


async def test_frames_that_can_not_be_read_are_passed_over_and_told_once(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    connection = await room.stream(bidirectional=True)
    (voice,) = room.audio.voices
    for text in ("nonsense", '{"kind":"AudioData","audioData":{"data":"?"}}', '{"kind":"Other"}'):
        await connection.socket.send_str(text)
    await connection.socket.send_str('{"kind":"AudioData","audioData":{"data":"AQIDBA=="}}')
    await until(lambda: len(voice.said) == 1)
    assert len([record for record in caplog.records if "can not be read" in record.message]) == 1
    assert not room.of(facts.StreamFailed)


async def test_an_app_that_sends_more_than_can_wait_is_told_why_it_is_left(room: Room) -> None:
    connection = await room.stream(bidirectional=True)
    room.audio.voices[0].room = 2
    for _ in range(3):
        await connection.socket.send_str('{"kind":"AudioData","audioData":{"data":"AQIDBA=="}}')
    failed = await room.failed()
    assert (failed.details, failed.code, failed.sub_code) == ("streamConnectionInterrupted", 500, 8603)
    assert "faster than it can be said" in failed.message
    await until(lambda: connection.code is not None)
    assert connection.code == aiohttp.WSCloseCode.INTERNAL_ERROR
    assert connection.reason.startswith("The app sent audio faster than it can be said")
    assert len(connection.reason.encode()) <= 123


# --- marks ------------------------------------------------------------------------------------------------

MARKED = "/audio?id=7&hookflash-marks=1"


def marked(mark: str) -> str:
    return json.dumps({"kind": "MarkData", "markData": {"id": mark}})


async def test_who_asks_for_marks_is_told_when_what_it_sent_has_been_heard(room: Room) -> None:
    connection = await room.stream(bidirectional=True, url=room.base + MARKED)
    (voice,) = room.audio.voices
    await connection.socket.send_str(
        '{"kind":"AudioData","audioData":{"data":"AQID","mark":{"sequence":"1"}}}'
    )
    await connection.socket.send_str(marked("two"))
    await until(lambda: len(voice.marks) == 2)
    (speaking,) = voice.watchers
    speaking(True)
    voice.marks[0](True)
    voice.marks[1](False)
    speaking(False)
    await until(lambda: len(connection.of("PlaybackState")) == 2)
    assert connection.of("MarkData") == [
        {"id": "1", "status": "Completed"},
        {"id": "two", "status": "Cancelled"},
    ]
    assert [one["state"] for one in connection.of("PlaybackState")] == ["playing", "finished"]
    assert datetime.fromisoformat(connection.of("PlaybackState")[0]["timestamp"])


async def test_who_does_not_ask_for_marks_sees_nothing_of_them(room: Room) -> None:
    connection = await room.stream(bidirectional=True)
    (voice,) = room.audio.voices
    await connection.socket.send_str(marked("one"))
    await connection.socket.send_str('{"kind":"AudioData","audioData":{"data":"AQID","mark":{"id":"1"}}}')
    await until(lambda: voice.said)
    assert (voice.marks, voice.watchers) == ([], [])


@pytest.mark.parametrize(
    ("query", "resources", "marked"),
    [
        ("", False, False),
        ("", True, True),
        ("&hookflash-marks=1", False, True),
        ("&hookflash-marks=0", True, False),
        ("&hookflash-marks=1", True, True),
        ("&hookflash-marks=yes", False, False),
    ],
)
async def test_a_resource_may_have_marks_unless_the_url_says_no(
    room: Room, query: str, resources: bool, marked: bool
) -> None:
    room.marking = {RESOURCE} if resources else {"another"}
    await room.stream(bidirectional=True, url=f"{room.base}/audio?id=7{query}")
    (voice,) = room.audio.voices
    assert bool(voice.watchers) is marked


async def test_a_mark_for_which_there_is_no_room_is_answered_at_once(
    room: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("hookflash.streaming.stream.MAX_MARKS", 2)
    connection = await room.stream(bidirectional=True, url=room.base + MARKED)
    (voice,) = room.audio.voices
    for mark in "abc":
        await connection.socket.send_str(marked(mark))
    await connection.socket.send_str('{"kind":"AudioData","audioData":{"data":"AQID","mark":{"id":"d"}}}')
    await until(lambda: len(connection.of("MarkData")) == 2)
    assert connection.of("MarkData") == [{"id": one, "status": "Cancelled"} for one in "cd"]
    assert voice.said == [b"\1\2\3"], "the audio before a mark is said as ever"
    room.clock.advance(60)
    await connection.socket.send_str(marked("e"))
    await until(lambda: len(connection.of("MarkData")) == 3)
    told = [line for line in caplog.records if "2 others waited" in line.message]
    assert [line.message[:7] for line in told] == ["1 marks", "2 marks"]
    assert {vars(line)["callConnectionId"] for line in told} == {room.effect().connection_id}
    # What waited is still told, and makes room.
    voice.marks[0](True)
    await connection.socket.send_str(marked("f"))
    await until(lambda: len(voice.marks) == 3)
    assert connection.of("MarkData")[3:] == [{"id": "a", "status": "Completed"}]


async def test_who_sends_marks_without_end_and_reads_nothing_is_dropped(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answers wait where all that is sent waits, so there is an end to them."""
    monkeypatch.setattr("hookflash.streaming.stream.MAX_MARKS", 0)
    room.app.reading = False
    connection = await room.stream(bidirectional=True, url=room.base + MARKED)
    with suppress(ConnectionError):
        for _ in range(100_000):
            await connection.socket.send_str(marked("m" * 256))
            if room.of(facts.StreamFailed):
                break
    failed = await room.failed()
    assert failed.details == "streamConnectionInterrupted"
    assert "does not read fast enough" in failed.message
    assert room.audio.voices[0].closed


async def test_a_one_way_stream_takes_nothing(room: Room) -> None:
    connection = await room.stream()
    await connection.socket.send_str('{"kind":"AudioData","audioData":{"data":"AQID"}}')
    room.audio.listeners[0].give()
    await until(lambda: connection.of("AudioData"))
    assert room.audio.voices == []


# --- endings ----------------------------------------------------------------------------------------------


async def test_closing_sends_what_waits_and_says_1000(room: Room) -> None:
    connection = await room.stream()
    (listener,) = room.audio.listeners
    listener.give(ticks=20)
    room.desk.close_stream(audio_effects.CloseStream(1))
    room.desk.close_stream(audio_effects.CloseStream(1))
    await until(lambda: connection.code)
    assert connection.code == 1000
    assert len(connection.of("AudioData")) == 20
    assert listener.closed
    await until(lambda: room.desk.open == 0)
    assert len(room.facts) == 1


async def test_closing_before_it_is_open_leaves_nothing(room: Room) -> None:
    room.desk.open_stream(room.effect())
    room.desk.close_stream(audio_effects.CloseStream(1))
    await room.clock.settle()
    assert room.facts == []
    assert room.audio.listeners == []


@pytest.mark.parametrize(
    ("status", "details"),
    [
        (401, "authenticationFailure"),
        (403, "forbidden"),
        (400, "badRequest"),
        (429, "tooManyRequests"),
        (504, "serviceTimeout"),
        (500, "initialWebSocketConnectionFailed"),
        (404, "initialWebSocketConnectionFailed"),
    ],
)
async def test_a_server_that_refuses(room: Room, status: int, details: str) -> None:
    room.app.status = status
    room.desk.open_stream(room.effect())
    failed = await room.failed()
    assert (failed.details, failed.code, failed.sub_code) == (details, 500, 8603)
    assert failed.message.startswith("Action failed, not able to establish WebSocket connection")
    assert str(status) in failed.message
    assert "sig" not in failed.message
    await until(lambda: room.desk.open == 0)


async def test_nobody_listens_there(room: Room) -> None:
    room.desk.open_stream(room.effect(url="ws://127.0.0.1:1/x?secret=1"))
    failed = await room.failed()
    assert (failed.details, failed.sub_code) == ("initialWebSocketConnectionFailed", 8603)
    assert "refused" in failed.message
    assert "secret" not in failed.message


async def test_a_server_that_never_answers(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialling, "CONNECT_TIMEOUT", 0.05)

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    room.desk.open_stream(room.effect(url=f"ws://127.0.0.1:{port}/"))
    assert (await room.failed()).details == "serviceTimeout"
    server.close()


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "ws:///x", "ws://a b/", "nonsense", "wss://"])
async def test_a_url_that_is_none(room: Room, url: str) -> None:
    room.desk.open_stream(room.effect(url=url))
    failed = await room.failed()
    assert (failed.details, failed.code, failed.sub_code) == ("initialWebSocketConnectionFailed", 400, 8581)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
async def test_private_addresses_are_refused_where_they_are_not_allowed(host: str) -> None:
    app = App()
    base = await app.start()
    room = Room(base, app, allow_private=False)
    room.desk.open_stream(room.effect(url=f"ws://{host}:{base.rpartition(':')[2]}/x"))
    failed = await room.failed()
    assert "not an address of the public internet" in failed.message
    assert app.connections == []
    await room.desk.close()
    await app.stop()


async def test_plain_ws_is_refused_where_it_is_not_allowed() -> None:
    app = App()
    room = Room(await app.start(), app, allow_http=False)
    room.desk.open_stream(room.effect())
    assert "plain ws; use wss" in (await room.failed()).message
    await room.desk.close()
    await app.stop()


async def test_a_redirect_is_not_followed(room: Room) -> None:
    """It could lead anywhere, and without TLS."""
    room.app.redirect = room.base.replace("ws://", "http://")
    room.desk.open_stream(room.effect())
    assert "302 instead of 101; redirects are not followed" in (await room.failed()).message
    await until(lambda: room.desk.open == 0)


async def test_what_is_read_at_one_go_is_little(room: Room) -> None:
    """A flood of empty frames is parsed in one piece with what has come: it must not be hundreds of KiB."""
    made = room.desk._dialler._socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 1)))
    with made:
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) <= 64 << 10  # twice what was asked for


# --- interruptions ----------------------------------------------------------------------------------------


async def test_a_broken_connection_is_opened_again(room: Room) -> None:
    connection = await room.stream(bidirectional=True)
    connection.cut()
    await until(lambda: room.clock.pending)
    assert room.clock.next_at == pytest.approx(1.0)
    room.audio.listeners[0].give(ticks=100)  # nobody hears it
    room.clock.advance(1.0)
    await until(lambda: len(room.of(facts.StreamOpened)) == 2)
    assert room.facts == [facts.StreamOpened(1, False), facts.StreamOpened(1, True)]
    again = room.app.connections[1]
    assert again.headers["Authorization"] == "Bearer token-2"
    room.audio.listeners[0].give()
    await until(lambda: len(again.texts) == 2)
    assert [frame["kind"] for frame in again.frames] == ["AudioMetadata", "AudioData"]
    assert len(room.audio.listeners) == len(room.audio.voices) == 1


@pytest.mark.parametrize("code", [1001, 1011, 4000])
async def test_closing_for_trouble_is_an_interruption(room: Room, code: int) -> None:
    connection = await room.stream()
    await connection.socket.close(code=code)
    await until(lambda: room.clock.pending)
    room.clock.advance(1.0)
    await until(lambda: len(room.app.connections) == 2)


async def test_three_attempts_and_then_it_has_failed(room: Room) -> None:
    connection = await room.stream()
    room.app.status = 503
    connection.cut()
    for pause in (1.0, 2.0, 4.0):
        await until(lambda: room.clock.pending)
        assert room.clock.next_at == pytest.approx(room.clock.now() + pause)
        room.clock.advance(pause)
    failed = await room.failed()
    assert (failed.details, failed.code, failed.sub_code) == ("streamConnectionInterrupted", 500, 8603)
    assert "3 attempts" in failed.message
    assert "503" in failed.message
    assert room.audio.listeners[0].closed
    await until(lambda: room.desk.open == 0)


async def test_a_connection_that_breaks_again_and_again_is_given_up(room: Room) -> None:
    connection = await room.stream()
    for count, pause in enumerate((1.0, 2.0, 4.0), 2):
        connection.cut()
        await until(lambda: room.clock.pending)
        room.clock.advance(pause)
        await until(lambda count=count: len(room.of(facts.StreamOpened)) == count)
        connection = room.app.connections[-1]
    connection.cut()
    assert (await room.failed()).details == "streamConnectionInterrupted"


async def test_who_always_closes_with_a_code_that_may_not_be_sent_is_given_up(room: Room) -> None:
    connection = await room.stream()
    for count, pause in enumerate((1.0, 2.0, 4.0), 2):
        await connection.socket.close(code=999)
        await until(lambda: room.clock.pending)
        room.clock.advance(pause)
        await until(lambda count=count: len(room.of(facts.StreamOpened)) == count)
        connection = room.app.connections[-1]
    await connection.socket.close(code=999)
    failed = await room.failed()
    assert failed.details == "streamConnectionInterrupted"
    assert "a close frame with code 999, which may not be sent" in failed.message
    assert room.clock.pending == []


async def test_a_connection_that_lasted_has_all_its_attempts_again(room: Room) -> None:
    connection = await room.stream()
    for count in range(2, 8):
        room.clock.advance(app_socket.SETTLED)
        connection.cut()
        await until(lambda: room.clock.pending)
        room.clock.advance(1.0)
        await until(lambda count=count: len(room.of(facts.StreamOpened)) == count)
        connection = room.app.connections[-1]
    assert not room.of(facts.StreamFailed)


@pytest.mark.parametrize(
    ("code", "details"), [(1000, "streamConnectionInterrupted"), (1008, "authenticationFailure")]
)
async def test_an_app_that_wants_no_stream_is_left_alone(room: Room, code: int, details: str) -> None:
    connection = await room.stream()
    await connection.socket.close(code=code)
    failed = await room.failed()
    assert (failed.details, failed.sub_code) == (details, 8603)
    assert str(code) in failed.message
    assert room.clock.pending == []


async def test_closing_during_an_interruption_ends_it(room: Room) -> None:
    connection = await room.stream()
    connection.cut()
    await until(lambda: room.clock.pending)
    room.desk.close_stream(audio_effects.CloseStream(1))
    await until(lambda: not room.clock.pending)
    assert len(room.facts) == 1


async def test_a_reader_that_stops_reading_is_dropped(room: Room) -> None:
    room.app.reading = False
    await room.stream()
    (listener,) = room.audio.listeners
    for _ in range(200):
        listener.give(ticks=50)
        await asyncio.sleep(0.001)
        if room.of(facts.StreamFailed):
            break
    failed = await room.failed()
    assert failed.details == "streamConnectionInterrupted"
    assert "does not read fast enough" in failed.message
    assert listener.closed


async def test_what_waits_too_long_is_as_bad_as_too_much_of_it(room: Room) -> None:
    await room.stream()
    socket = room.desk._streams[1].socket
    assert socket._ws is not None
    socket._ws.pause_writing()
    socket.send("first")
    room.clock.advance(app_socket.LATE)
    socket.send("second")
    assert not room.of(facts.StreamFailed)
    room.clock.advance(0.02)
    socket.send("third")
    failed = await room.failed()
    assert failed.details == "streamConnectionInterrupted"
    assert "does not read fast enough: 0 KiB (3 frames)" in failed.message


async def test_who_reads_slowly_but_steadily_is_kept(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    await room.stream()
    socket = room.desk._streams[1].socket
    ws = socket._ws
    assert ws is not None
    ws.pause_writing()
    # There is room for one at a time.
    monkeypatch.setattr(ws, "send", lambda text: ws.pause_writing())
    for number in range(100):
        socket.send(f"{number}")
        room.clock.advance(1.0)
        if number >= 5:
            ws.resume_writing()
    assert len(socket._queue) == 5
    assert not room.of(facts.StreamFailed)
    monkeypatch.undo()
    ws.resume_writing()


async def test_one_who_never_takes_anything_is_not_called_for_ever(room: Room) -> None:
    await room.stream()
    for count, pause in enumerate((1.0, 2.0, 4.0), 2):
        room.clock.advance(app_socket.SETTLED)
        ws = room.desk._streams[1].socket._ws
        assert ws is not None
        ws.deaf = True
        ws._end(websocket.ABNORMAL)
        await until(lambda: room.clock.pending)
        room.clock.advance(pause)
        await until(lambda count=count: len(room.of(facts.StreamOpened)) == count)
    ws = room.desk._streams[1].socket._ws
    assert ws is not None
    ws._end(websocket.ABNORMAL)
    assert (await room.failed()).details == "streamConnectionInterrupted"


@pytest.mark.parametrize("stopped", [False, True])
async def test_an_app_that_ignores_our_good_bye_is_left_with_the_reason_told(
    room: Room, monkeypatch: pytest.MonkeyPatch, stopped: bool
) -> None:
    monkeypatch.setattr(app_socket, "CLOSE_TIMEOUT", 0.2)
    room.app.reading = False
    connection = await room.stream(bidirectional=True)
    socket = room.desk._streams[1].socket
    room.audio.voices[0].room = 2
    for _ in range(3):
        await connection.socket.send_str('{"kind":"AudioData","audioData":{"data":"AQIDBA=="}}')
    await until(lambda: socket._ws is None)
    if stopped:
        room.desk.close_stream(audio_effects.CloseStream(1))
    (failed,) = room.of(facts.StreamFailed)
    assert "faster than it can be said" in failed.message
    assert room.desk.open == 1, "there is still a socket"
    await until(lambda: room.desk.open == 0)
    await until(lambda: connection._request.transport is None or connection._request.transport.is_closing())
    assert len(room.of(facts.StreamFailed)) == 1


async def test_lost_audio_ends_the_stream(room: Room) -> None:
    connection = await room.stream()
    room.audio.listeners[0].lost("the media worker is gone")
    failed = await room.failed()
    assert (failed.details, failed.code, failed.sub_code) == ("serviceShutdown", 500, 8603)
    await until(lambda: connection.code)
    assert connection.code == 1011


async def test_audio_lost_during_an_interruption(room: Room) -> None:
    connection = await room.stream()
    connection.cut()
    await until(lambda: room.clock.pending)
    room.audio.listeners[0].lost("the media worker is gone")
    assert (await room.failed()).details == "serviceShutdown"
    room.desk.close_stream(audio_effects.CloseStream(1))
    await until(lambda: not room.clock.pending)


async def test_a_call_without_audio_can_not_be_streamed(room: Room) -> None:
    room.audio.gone = True
    room.desk.open_stream(room.effect())
    failed = await room.failed()
    assert (failed.details, failed.sub_code) == ("unspecifiedError", 8603)
    assert "the call has no audio" in failed.message
    assert not room.of(facts.StreamOpened)


async def test_a_fault_of_ours_is_told_and_ends_only_this_stream(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*arguments: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(room.audio, "listen", fault)
    room.desk.open_stream(room.effect())
    failed = await room.failed()
    assert (failed.details, failed.code) == ("unspecifiedError", 500)
    assert "a fault" in failed.message
