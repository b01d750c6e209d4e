"""The media desk with pretended workers: where calls go, what is sent, which facts come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from desk_room import FakeHost, FakePrompts, Room

from hookflash.calls import effects, facts
from hookflash.calls.effects import AudioFile
from hookflash.plane.link import MAX_CLIP
from hookflash.plane.playback import ClipShelf, Playback, pieces
from hookflash.plane.wav import Audio
from hookflash.ports import plane
from hookflash.ports.plane import LegUnavailable, WorkerReady


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    room = Room()
    await room.start()
    yield room
    await room.desk.stop()


# --- legs --------------------------------------------------------------------------------------------------


async def test_a_leg_opens_and_tells_its_port(room: Room) -> None:
    opening = asyncio.create_task(room.desk.open_leg(10, 1))
    await room.clock.settle()
    room.hosts[0].say(plane.LegOpened(10, 4000))
    assert await opening == 4000
    connect = plane.ConnectLeg(10, "127.0.0.1", 5000, 0, "PCMU", 101, True, True)
    room.desk.connect_leg(connect)
    room.desk.join_mix(10)
    room.desk.leave_mix(10)
    room.desk.close_leg(10)
    room.desk.close_leg(10)
    assert room.hosts[0].posted == [
        plane.OpenLeg(10, 1, True),
        connect,
        plane.JoinMix(10),
        plane.LeaveMix(10),
        plane.CloseLeg(10),
    ]


async def test_legs_of_a_call_stay_together_and_calls_spread(room: Room) -> None:
    first = await room.leg(10, 1)
    second = await room.leg(20, 2)
    assert first is not second
    assert await room.leg(11, 1) is first
    assert await room.leg(30, 3) is second
    assert [health.legs for health in room.desk.health()] == [2, 2]
    for leg in (10, 11, 20, 30):
        room.desk.close_app_leg(leg)
    assert [health.legs for health in room.desk.health()] == [0, 0]


async def test_a_leg_that_does_not_open_in_time_is_unavailable(room: Room) -> None:
    opening = asyncio.create_task(room.desk.open_leg(10, 1))
    await room.clock.elapse(1.9)
    assert not opening.done()
    await room.clock.elapse(0.2)
    with pytest.raises(LegUnavailable, match="within 2 s"):
        await opening
    assert room.hosts[0].posted[-1] == plane.CloseLeg(10)
    room.hosts[0].say(plane.LegOpened(10, 4000))  # too late: ignored
    assert room.desk.health()[0].legs == 0


async def test_a_refused_leg_is_unavailable_with_the_reason(room: Room) -> None:
    opening = asyncio.create_task(room.desk.open_leg(10, 1))
    await room.clock.settle()
    room.hosts[0].say(plane.LegRefused(10, "all 100 port pairs are in use"))
    with pytest.raises(LegUnavailable, match="all 100 port pairs"):
        await opening


async def test_a_leg_closed_while_it_opens_is_unavailable(room: Room) -> None:
    opening = asyncio.create_task(room.desk.open_leg(10, 1))
    await room.clock.settle()
    room.desk.close_leg(10)
    with pytest.raises(LegUnavailable, match="closed while"):
        await opening


async def test_a_caller_that_gives_up_leaves_no_leg(room: Room) -> None:
    opening = asyncio.create_task(room.desk.open_leg(10, 1))
    await room.clock.settle()
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)
    assert room.hosts[0].posted[-1] == plane.CloseLeg(10)
    assert room.desk.health()[0].legs == 0


async def test_without_a_ready_worker_there_is_no_leg() -> None:
    room = Room(1)
    await room.desk.start()
    await room.clock.settle()
    assert not room.desk.ready
    with pytest.raises(LegUnavailable, match="ready"):
        await room.desk.open_leg(10, 1)
    room.desk.open_app_leg(11, 1)
    waiting = asyncio.create_task(room.desk.wait_ready())
    await room.clock.settle()
    room.hosts[0].say(WorkerReady(1))
    await waiting
    assert room.desk.ready
    await room.desk.stop()
    assert room.hosts[0].stopped


async def test_an_app_leg_closed_while_it_opens_is_no_cause_for_alarm(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    """So it is with every call that is refused at once."""
    room.desk.open_app_leg(10, 1)
    room.desk.close_app_leg(10)
    with caplog.at_level("DEBUG"):
        await room.clock.settle()
    assert [record.levelname for record in caplog.records if "leg 10" in record.message] == ["DEBUG"]


async def test_an_app_leg_that_is_refused_is_given_up(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    room.desk.open_app_leg(10, 1)
    room.hosts[0].say(plane.LegRefused(10, "all rows are in use"))
    await room.clock.settle()
    assert "all rows are in use" in caplog.text
    assert room.desk.health()[0].legs == 0


async def test_the_same_leg_can_not_be_opened_twice(room: Room) -> None:
    await room.leg(10, 1)
    with pytest.raises(LegUnavailable, match="already open"):
        await room.desk.open_leg(10, 1)


async def test_legs_count_from_opening_to_closing(room: Room) -> None:
    opening = asyncio.create_task(room.desk.open_leg(10, 1))
    await room.clock.settle()
    assert room.desk.legs == 1
    await room.leg(11, 1)
    await room.leg(12, 2)
    assert room.desk.legs == 3
    for leg in (10, 11, 12):
        room.desk.close_leg(leg)
    await asyncio.gather(opening, return_exceptions=True)
    assert room.desk.legs == 0


async def test_closed_legs_add_up(room: Room) -> None:
    room.hosts[0].say(plane.LegClosed(1, 10, 20, 3, 0.5), plane.LegClosed(2, 1, 2, 3, 0.5))
    totals = room.desk.totals
    assert (totals.legs, totals.received, totals.sent, totals.lost) == (2, 11, 22, 6)


# --- tones -------------------------------------------------------------------------------------------------


async def test_keys_of_open_legs_are_reported(room: Room) -> None:
    host = await room.leg(10, 1)
    host.say(plane.ToneHeard(10, "5", "inband", 3), plane.ToneHeard(99, "6", "rfc4733", 3))
    assert room.facts == [facts.ToneHeard(10, "5", audible=True)]


async def test_tones_are_sent_and_done(room: Room) -> None:
    host = await room.leg(10, 1)
    room.desk.send_tones(effects.SendTones(5, 1, 10, "12#"))
    (sending,) = host.got(plane.SendTones)
    assert (sending.sending, sending.leg, sending.digits) == (5, 10, "12#")
    host.say(plane.TonesSent(5, 40), plane.TonesSent(5, 41))
    assert room.facts == [facts.TonesDone(5)]


async def test_stopped_tones_report_nothing(room: Room) -> None:
    host = await room.leg(10, 1)
    room.desk.send_tones(effects.SendTones(5, 1, 10, "12#"))
    room.desk.stop_tones(5)
    room.desk.stop_tones(5)
    host.say(plane.TonesSent(5, 40))
    assert host.got(plane.StopTones) == [plane.StopTones(5)]
    assert room.facts == []


async def test_tones_to_nobody_fail_but_not_at_once(room: Room) -> None:
    room.desk.send_tones(effects.SendTones(5, 1, 10, "1"))
    assert room.facts == []
    await room.clock.settle()
    assert isinstance(room.facts[0], facts.TonesFailed)


async def test_tones_fail_when_their_leg_goes(room: Room) -> None:
    await room.leg(10, 1)
    room.desk.send_tones(effects.SendTones(5, 1, 10, "1"))
    room.desk.close_leg(10)
    await room.clock.settle()
    assert isinstance(room.facts[0], facts.TonesFailed)


# --- plays -------------------------------------------------------------------------------------------------


async def test_one_file_is_loaded_once_and_played(room: Room) -> None:
    host = await room.leg(10, 1)
    room.prompts.have("a")
    await room.play("a")
    (clip,) = host.got(plane.LoadClip)
    assert host.got(plane.StartPlay) == [plane.StartPlay(1, (10,), (clip.clip,), loop=False, more=False)]
    host.say(plane.PlayStarted(1, 5), plane.PlayFinished(1, 15))
    assert room.facts == [facts.AudioStarted(1), facts.AudioFinished(1)]
    await room.play("a", play=2)
    assert len(host.got(plane.LoadClip)) == 1
    assert host.got(plane.StartPlay)[1].clips == (clip.clip,)


async def test_sources_are_fetched_together_and_played_in_order(room: Room) -> None:
    host = await room.leg(10, 1)
    await room.play("a", "b", "c")
    assert [url for url, _ in room.prompts.asked] == ["a", "b", "c"]
    room.prompts.have("c")
    room.prompts.have("b")
    await room.clock.settle()
    assert host.got(plane.StartPlay) == []
    room.prompts.have("a")
    await room.clock.settle()
    a, b, c = (load.clip for load in host.got(plane.LoadClip))
    assert host.got(plane.StartPlay) == [plane.StartPlay(1, (10,), (a,), loop=False, more=True)]
    assert host.got(plane.ExtendPlay) == [
        plane.ExtendPlay(1, (b,), True),
        plane.ExtendPlay(1, (c,), False),
    ]


async def test_playing_starts_with_the_first_source(room: Room) -> None:
    host = await room.leg(10, 1)
    room.prompts.have("a")
    await room.play("a", "b")
    assert host.got(plane.StartPlay)[0].more


async def test_a_long_file_travels_in_pieces(room: Room) -> None:
    host = await room.leg(10, 1)
    room.prompts.have("a", 2 * MAX_CLIP + 100)
    await room.play("a")
    assert [len(load.pcm) for load in host.got(plane.LoadClip)] == [MAX_CLIP, MAX_CLIP, 100]
    assert [start.more for start in host.got(plane.StartPlay)] == [True]
    assert [extend.more for extend in host.got(plane.ExtendPlay)] == [True, False]


async def test_audio_waits_for_a_worker_that_is_behind(room: Room) -> None:
    host = await room.leg(10, 1)
    host.room.clear()
    room.prompts.have("a")
    await room.play("a")
    assert host.got(plane.LoadClip) == []
    host.room.set()
    await room.clock.settle()
    assert len(host.got(plane.StartPlay)) == 1


async def test_a_first_source_that_fails_fails_the_play(room: Room) -> None:
    host = await room.leg(10, 1)
    room.prompts.have("b")
    room.prompts.fail("a", 8535, "it is an MP3 file")
    await room.play("a", "b")
    assert room.facts == [facts.AudioFailed(1, 0, 8535, "it is an MP3 file")]
    assert host.got(plane.StartPlay) == []


async def test_what_comes_before_a_bad_source_is_played(room: Room) -> None:
    host = await room.leg(10, 1)
    room.prompts.have("a")
    room.prompts.fail("b")
    await room.play("a", "b")
    assert host.got(plane.ExtendPlay) == [plane.ExtendPlay(1, (), False)]
    assert room.facts == []
    host.say(plane.PlayStarted(1, 5), plane.PlayFinished(1, 15))
    assert room.facts == [facts.AudioStarted(1), facts.AudioFailed(1, 1, 8536, "it is not there")]


async def test_a_loop_starts_when_it_is_whole(room: Room) -> None:
    host = await room.leg(10, 1)
    room.prompts.have("a")
    await room.play("a", "b", loop=True)
    assert host.got(plane.StartPlay) == []
    room.prompts.have("b")
    await room.clock.settle()
    assert [start.loop for start in host.got(plane.StartPlay)] == [True]
    assert [extend.more for extend in host.got(plane.ExtendPlay)] == [False]


async def test_a_loop_with_a_hole_is_played_once_and_fails(room: Room) -> None:
    host = await room.leg(10, 1)
    room.prompts.have("a")
    room.prompts.fail("b")
    await room.play("a", "b", loop=True)
    (start,) = host.got(plane.StartPlay)
    assert (start.loop, start.more) == (False, False)
    host.say(plane.PlayFinished(1, 15))
    assert room.facts == [facts.AudioFailed(1, 1, 8536, "it is not there")]


async def test_stopping_while_fetching_forgets_the_play(room: Room) -> None:
    host = await room.leg(10, 1)
    await room.play("a")
    room.desk.stop_audio(1)
    room.prompts.have("a")
    await room.clock.settle()
    assert [type(command) for command in host.posted] == [plane.OpenLeg, plane.JoinMix]
    assert room.facts == []


async def test_stopping_while_playing_stops_it(room: Room) -> None:
    host = await room.leg(10, 1)
    room.prompts.have("a")
    await room.play("a")
    room.desk.stop_audio(1)
    room.desk.stop_audio(1)
    host.say(plane.PlayFinished(1, 15))
    assert host.got(plane.StopPlay) == [plane.StopPlay(1)]
    assert room.facts == []


async def test_a_play_until_a_key_says_whose(room: Room) -> None:
    host = await room.leg(10, 1)
    room.prompts.have("a")
    room.desk.play(effects.PlayAudio(1, 1, (10,), (AudioFile("a"),), until_key=10))
    await room.clock.settle()
    assert [command.until_key for command in host.got(plane.StartPlay)] == [10]


async def test_listeners_join_before_and_after_the_start(room: Room) -> None:
    host = await room.leg(10, 1)
    await room.play("a")
    room.desk.add_listener(effects.AddListener(1, 11))
    room.prompts.have("a")
    await room.clock.settle()
    assert host.got(plane.StartPlay)[0].legs == (10, 11)
    room.desk.add_listener(effects.AddListener(1, 12))
    room.desk.add_listener(effects.AddListener(1, 12))
    room.desk.add_listener(effects.AddListener(9, 12))
    assert host.got(plane.AddPlayLeg) == [plane.AddPlayLeg(1, 12)]


async def test_a_leg_that_can_not_hear_a_play_is_logged_and_the_others_hear_it(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    host = await room.leg(10, 1)
    room.prompts.have("a")
    await room.play("a")
    room.desk.add_listener(effects.AddListener(1, 11))
    host.say(plane.PlayUnheard(1, 11, "it hears 8 plays already"), plane.PlayUnheard(1, 99, "so it is"))
    host.say(plane.PlayUnheard(404, 11, "nobody asked"))
    assert "play 1 is not heard on leg 11: it hears 8 plays already" in caplog.text
    assert room.facts == []
    host.say(plane.PlayFinished(1, 15))
    assert room.facts == [facts.AudioFinished(1)]


async def test_a_play_that_no_leg_can_hear_has_failed(room: Room) -> None:
    host = await room.leg(10, 1)
    room.prompts.have("a")
    await room.play("a")
    host.say(plane.PlayUnheard(1, 10, "it hears 8 plays already"), plane.PlayFinished(1, 15))
    assert room.facts == [facts.AudioFailed(1, 0, 9999, "it hears 8 plays already")]
    assert host.got(plane.StopPlay) == [plane.StopPlay(1)]


async def test_audio_a_worker_has_no_room_for_fails_its_source_and_is_sent_again(room: Room) -> None:
    host = await room.leg(10, 1)
    room.prompts.have("a")
    room.prompts.have("b")
    await room.play("a", "b")
    _, second = host.got(plane.LoadClip)
    host.say(plane.ClipRefused(second.clip, "no room"), plane.ClipRefused(404, "no room"))
    host.say(plane.PlayStarted(1, 1), plane.PlayFinished(1, 15))
    assert room.facts == [facts.AudioStarted(1), facts.AudioFailed(1, 1, 9999, "no room")]
    await room.play("a", "b", play=2)
    assert len(host.got(plane.LoadClip)) == 3
    host.say(plane.PlayFinished(2, 30))
    assert room.facts[-1] == facts.AudioFinished(2)


async def test_a_full_shelf_drops_what_was_used_longest_ago() -> None:
    host = FakeHost()
    numbers = iter(range(1, 10))
    shelf = ClipShelf(host, lambda: next(numbers), capacity=2500)
    one, two, three = (Audio(name, bytes(1000)) for name in (b"1", b"2", b"3"))
    assert [await shelf.clip(audio, 0) for audio in (one, two, one, three)] == [1, 2, 1, 3]
    assert host.got(plane.DropClip) == [plane.DropClip(2)]
    assert await shelf.clip(one, 0) == 1
    shelf.forget(3)
    assert shelf.bytes == 1000
    assert await shelf.clip(three, 0) == 4
    # One that is larger than the whole shelf is kept all the same, alone.
    assert await shelf.clip(Audio(b"4", bytes(9000)), 0) == 5
    assert [command.clip for command in host.got(plane.DropClip)] == [2, 1, 4]
    assert shelf.bytes == 9000


async def test_tones_a_worker_refuses_have_failed(room: Room) -> None:
    host = await room.leg(10, 1)
    room.desk.send_tones(effects.SendTones(3, 1, 10, "12"))
    host.say(plane.TonesRefused(3, "too many"), plane.TonesRefused(3, "again"))
    assert room.facts == [facts.TonesFailed(3, "too many")]


async def test_listeners_leave_before_and_after_the_start(room: Room) -> None:
    host = await room.leg(10, 1)
    await room.play("a")
    room.desk.add_listener(effects.AddListener(1, 11))
    room.desk.add_listener(effects.AddListener(1, 12))
    room.desk.remove_listener(effects.RemoveListener(1, 11))
    room.prompts.have("a")
    await room.clock.settle()
    assert host.got(plane.StartPlay)[0].legs == (10, 12)
    room.desk.remove_listener(effects.RemoveListener(1, 12))
    room.desk.remove_listener(effects.RemoveListener(1, 12))
    room.desk.remove_listener(effects.RemoveListener(9, 10))
    assert host.got(plane.RemovePlayLeg) == [plane.RemovePlayLeg(1, 12)]
    room.desk.add_listener(effects.AddListener(1, 12))
    assert host.got(plane.AddPlayLeg) == [plane.AddPlayLeg(1, 12)]


async def test_a_play_ends_with_its_call(room: Room) -> None:
    host = await room.leg(10, 1)
    room.prompts.have("a")
    await room.play("a")
    room.desk.close_leg(10)
    assert host.posted[-1] == plane.StopPlay(1)


async def test_a_play_in_no_call_fails(room: Room) -> None:
    await room.play("a", call=77)
    assert [type(fact) for fact in room.facts] == [facts.AudioFailed]


async def test_a_play_that_breaks_says_so(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    await room.leg(10, 1)
    room.prompts._future("a").set_exception(ZeroDivisionError("bug"))
    await room.play("a")
    (failed,) = room.facts
    assert isinstance(failed, facts.AudioFailed)
    assert failed.sub_code == 9999
    assert "ZeroDivisionError" in caplog.text


# --- workers come and go ------------------------------------------------------------------------------


async def test_a_lost_worker_takes_only_its_calls(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    first = await room.leg(10, 1)
    second = await room.leg(20, 2)
    room.desk.play(effects.PlayAudio(1, 1, (10,), (AudioFile("a"),)))
    room.desk.send_tones(effects.SendTones(5, 1, 10, "1"))
    opening = asyncio.create_task(room.desk.open_leg(11, 1))
    await room.clock.settle()
    first.lose("it was ended by signal SIGKILL")
    assert room.facts == [facts.MediaLost((1,))]
    with pytest.raises(LegUnavailable, match="SIGKILL"):
        await opening
    room.prompts.have("a")
    await room.clock.settle()
    assert len(room.facts) == 1
    assert "SIGKILL" in caplog.text
    assert [health.ready for health in room.desk.health()] == [False, True]
    assert await room.leg(30, 3) is second
    await room.clock.elapse(1.1)
    assert len(room.hosts) == 3
    room.hosts[2].say(WorkerReady(3))
    assert all(health.ready for health in room.desk.health())
    assert await room.leg(40, 4) is room.hosts[2]
    room.prompts.have("b")
    await room.play("a", play=2, call=4)
    assert len(room.hosts[2].got(plane.LoadClip)) == 1  # the new worker had none of the old one's clips


async def test_a_lost_worker_without_calls_loses_nothing(room: Room) -> None:
    room.hosts[0].lose("it ended with status 1")
    assert room.facts == []
    assert room.desk.totals.workers_lost == 1


async def test_a_frozen_worker_is_killed_and_replaced(room: Room) -> None:
    await room.leg(10, 1)
    beat = plane.Heartbeat(50, 1, 1.0, 2.0)
    for _ in range(10):
        await room.clock.elapse(1)
        for host in room.hosts:
            host.say(beat)
    assert (room.desk.health()[0].late_ms, room.desk.health()[0].busy_ms) == (1.0, 2.0)
    for _ in range(8):
        await room.clock.elapse(1)
        room.hosts[1].say(beat)
    assert room.hosts[0].killed
    assert not room.hosts[1].killed
    assert room.facts == [facts.MediaLost((1,))]
    assert len(room.hosts) == 3
    room.hosts[0].say(WorkerReady(1))  # the dead are not heard
    room.hosts[0].lose("it was ended by signal SIGKILL")
    assert not room.desk.health()[0].ready
    assert room.desk.totals.workers_lost == 1


async def test_a_control_process_that_stood_still_kills_nobody(room: Room) -> None:
    """Its own loop was blocked for half a minute: the heartbeats are there, but not read yet."""
    room.clock.stall(30)
    await room.clock.elapse(0)
    assert not any(host.killed for host in room.hosts)
    await room.clock.elapse(7)
    assert all(host.killed for host in room.hosts[:2]), "now they had their time to be heard"


async def test_a_worker_that_never_gets_ready_is_replaced() -> None:
    room = Room(1)
    await room.desk.start()
    await room.clock.elapse(59)
    assert not room.hosts[0].killed
    await room.clock.elapse(5)
    assert room.hosts[0].killed
    assert len(room.hosts) == 2
    await room.desk.stop()


async def test_workers_that_keep_failing_are_tried_ever_more_rarely() -> None:
    room = Room(1)
    room.failing = True
    await room.desk.start()
    starts = []
    for _ in range(32):
        await room.clock.elapse(1)
        starts.append(len(room.hosts))
    assert starts[0] == 2
    assert starts[-1] == 7  # at 0, 1, 3, 7, 15, 23 and 31 s
    await room.desk.stop()


async def test_after_the_stop_nothing_is_reported_or_started() -> None:
    room = Room(1)
    await room.start()
    host = await room.leg(10, 1)
    await room.play("a")
    opening = asyncio.create_task(room.desk.open_leg(11, 1))
    await room.clock.settle()
    await room.desk.stop()
    with pytest.raises(LegUnavailable, match="stopped"):
        await opening
    host.lose("it is gone")
    await room.clock.elapse(60)
    assert room.facts == []
    assert len(room.hosts) == 1


async def test_reports_go_where_they_were_last_sent(room: Room) -> None:
    elsewhere: list[facts.Fact] = []
    sink: Callable[[facts.Fact], None] = elsewhere.append
    room.desk.report_to(sink)
    host = await room.leg(10, 1)
    host.say(plane.ToneHeard(10, "5", "inband", 3))
    assert len(elsewhere) == 1
    assert room.facts == []


async def test_a_shelf_adds_the_wideband_version_when_it_is_first_wanted() -> None:
    host = FakeHost()
    numbers = iter(range(1, 10))
    shelf = ClipShelf(host, lambda: next(numbers), capacity=10_000)
    audio, plain = Audio(b"1", b"ab" * 50, b"cd" * 100), Audio(b"2", bytes(100))
    assert await shelf.clip(audio, 0) == 1
    assert await shelf.clip(audio, 0, wide=True) == 1
    assert await shelf.clip(audio, 0, wide=True) == 1
    assert await shelf.clip(plain, 0, wide=True) == 2
    loads = [(load.clip, load.pcm, load.rate) for load in host.got(plane.LoadClip)]
    assert loads == [(1, audio.pcm, 8000), (1, audio.wide, 16000), (2, plain.pcm, 8000)]
    assert shelf.bytes == 400
    shelf.forget(1)
    assert shelf.bytes == 100


async def test_pieces_of_both_rates_are_no_larger_than_a_clip_may_be() -> None:
    host = FakeHost()
    numbers = iter(range(1, 10))
    shelf = ClipShelf(host, lambda: next(numbers))
    audio = Audio(b"1", bytes(range(256)) * (MAX_CLIP // 256) + b"end.", bytes(2 * MAX_CLIP) + b"the end.")
    assert pieces(audio) == 3
    for piece in range(3):
        await shelf.clip(audio, piece, wide=True)
    loads = host.got(plane.LoadClip)
    assert b"".join(load.pcm for load in loads if load.rate == 8000) == audio.pcm
    assert b"".join(load.pcm for load in loads if load.rate == 16000) == audio.wide
    assert max(len(load.pcm) for load in loads) == MAX_CLIP


async def test_only_wideband_listeners_make_a_play_load_both_rates(room: Room) -> None:
    host = await room.leg(10, 1)
    prompts = FakePrompts()
    prompts._future("a").set_result(Audio(b"w", bytes(320), bytes(640)))
    for codec, clock, rates in (("PCMU", 8000, [8000]), ("L16", 16000, [8000, 16000])):
        room.desk.connect_leg(plane.ConnectLeg(10, "h", 1, 0, codec, -1, True, True, clock))
        playback = Playback(
            effects.PlayAudio(1, 1, (10,), (AudioFile("a"),)),
            host,
            ClipShelf(host, lambda: 1),
            prompts,
            wide=room.desk._legs.is_wideband,
        )
        before = len(host.got(plane.LoadClip))
        await playback.run()
        assert [load.rate for load in host.got(plane.LoadClip)[before:]] == rates
