"""The whole tick in virtual time: prompts out, audio between legs, hold, plays."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from plane_bench import FRAME, Bench, a_to_linear, alaw, linear, sine, through_ulaw, ulaw

from hookflash.plane import plays
from hookflash.plane.kernels.codec import decode_alaw
from hookflash.plane.kernels.playing import STOP_FADE
from hookflash.ports.plane import (
    AddPlayLeg,
    ClipRefused,
    CloseLeg,
    DropClip,
    ExtendPlay,
    JoinMix,
    LeaveMix,
    LegClosed,
    LegOpened,
    LegRefused,
    LoadClip,
    OpenLeg,
    PlayFinished,
    PlayStarted,
    PlayUnheard,
    RemovePlayLeg,
    Shutdown,
    StartPlay,
    StopPlay,
)

PROMPT = (np.random.default_rng(7).normal(0, 4000, 3001)).clip(-30000, 30000).astype(np.int16)


@pytest.fixture
def few_clips(monkeypatch):
    """A play holds so few clips that they have to be joined."""
    monkeypatch.setattr(plays, "MAX_CLIPS", 32)


def padded(samples, ticks):
    return np.concatenate([samples, np.zeros(ticks * FRAME - len(samples), np.int16)])


def test_a_prompt_reaches_the_peer_sample_by_sample():
    bench = Bench()
    bench.leg(1)
    bench.play(1, PROMPT, (1,))
    bench.tick(25)
    expected = through_ulaw(padded(PROMPT, 25))
    assert np.array_equal(bench.heard_by_peer(1), expected)


def test_a_prompt_reaches_an_a_law_peer():
    bench = Bench()
    bench.leg(1, codec="PCMA", kind=8)
    bench.play(1, PROMPT, (1,))
    bench.tick(25)
    assert np.array_equal(bench.heard_by_peer(1, decode_alaw), a_to_linear(alaw(padded(PROMPT, 25))))
    assert {p.kind for p in bench.sent(1)} == {8}


def test_start_and_finish_are_told_in_their_ticks():
    bench = Bench()
    bench.leg(1)
    first = bench.plane.ticks
    bench.play(1, PROMPT[:320], (1,))
    bench.tick(5)
    assert bench.of(PlayStarted) == [PlayStarted(1, first)]
    assert bench.of(PlayFinished) == [PlayFinished(1, first + 1, 320)]


def test_clips_join_without_a_gap():
    bench = Bench()
    bench.leg(1)
    parts = [PROMPT[:7], PROMPT[7:500], PROMPT[500:500], PROMPT[500:1999], PROMPT[1999:]]
    for number, part in enumerate(parts):
        bench.do(LoadClip(number, part.tobytes()))
    bench.do(StartPlay(1, (1,), tuple(range(len(parts))), False, False))
    bench.tick(25)
    assert np.array_equal(bench.heard_by_peer(1), through_ulaw(padded(PROMPT, 25)))


def test_more_clips_than_a_row_holds_still_play_in_order(few_clips):
    bench = Bench()
    bench.leg(1)
    parts = np.array_split(PROMPT, 70)
    for number, part in enumerate(parts):
        bench.do(LoadClip(number, part.tobytes()))
    bench.do(StartPlay(1, (1,), tuple(range(40)), False, True))
    bench.tick(3)
    bench.do(ExtendPlay(1, tuple(range(40, 60)), True), ExtendPlay(1, tuple(range(60, 70)), False))
    bench.do(*(DropClip(number) for number in range(70)))
    bench.tick(22)
    assert np.array_equal(bench.heard_by_peer(1), through_ulaw(padded(PROMPT, 25)))
    assert len(bench.of(PlayFinished)) == 1


@pytest.mark.parametrize("first", [1, 2, 3, 5, 9, 14])
def test_extending_at_any_time_keeps_every_sample(first, few_clips):
    bench = Bench()
    bench.leg(1)
    parts = np.array_split(PROMPT, 100)
    for number, part in enumerate(parts):
        bench.do(LoadClip(number, part.tobytes()))
    bench.do(StartPlay(1, (1,), tuple(range(32)), False, True))
    bench.tick(first)
    for number in range(32, 100):
        bench.do(ExtendPlay(1, (number,), number < 99))
    bench.tick(30)
    heard = bench.heard_by_peer(1)
    quiet = heard[-FRAME:]
    assert not quiet.any()
    exact = through_ulaw(PROMPT)
    head = sum(len(part) for part in parts[:32])
    # If the first clips had run out, they faded, and the rest fades in on the next tick.
    start, fade = (head, 0) if first * FRAME < head else (first * FRAME, STOP_FADE)
    assert np.array_equal(heard[: head - fade], exact[: head - fade])
    assert not heard[head:start].any()
    assert np.array_equal(heard[start + fade : start + len(exact) - head], exact[head + fade :])


def test_a_loop_repeats_and_stop_fades():
    bench = Bench()
    bench.leg(1)
    clip = np.full(250, 8000, np.int16)
    bench.play(1, clip, (1,), loop=True)
    bench.tick(10)
    assert set(bench.heard_by_peer(1).tolist()) == {int(through_ulaw(clip[:1])[0])}
    bench.do(StopPlay(1))
    bench.tick(3)
    tail = bench.heard_by_peer(1)[10 * FRAME :]
    assert tail[0] > 7000
    assert (np.diff(tail[:41].astype(int)) <= 0).all()
    assert not tail[40:].any()
    assert bench.of(PlayFinished) == []


def edged(samples, *, rise: bool, fall: bool):
    """Samples as they are heard after a silence (``rise``), and before one that was not foreseen."""
    out = samples.astype(int)
    if rise:
        out[:STOP_FADE] = out[:STOP_FADE] * np.arange(STOP_FADE) // STOP_FADE
    if fall:
        n = min(len(out) % FRAME or FRAME, STOP_FADE)
        out[-n:] = out[-n:] * np.arange(n - 1, -1, -1) // n
    return out.astype(np.int16)


def test_a_loop_waits_until_its_list_is_whole():
    bench = Bench()
    bench.leg(1)
    first, second = PROMPT[: 2 * FRAME + 7], PROMPT[1000:1500]
    bench.play(1, first, (1,), loop=True, more=True)
    bench.tick(6)
    faded = edged(first, rise=False, fall=True)
    assert np.array_equal(bench.heard_by_peer(1), through_ulaw(padded(faded, 6)))
    bench.do(LoadClip(2, second.tobytes()), ExtendPlay(1, (2,), True))
    bench.tick(6)
    faded = edged(second, rise=True, fall=True)
    assert np.array_equal(bench.heard_by_peer(1)[6 * FRAME :], through_ulaw(padded(faded, 6)))
    bench.do(ExtendPlay(1, (), False))
    bench.tick(30)
    whole = edged(np.resize(np.concatenate([first, second]), 30 * FRAME), rise=True, fall=False)
    assert np.array_equal(bench.heard_by_peer(1)[12 * FRAME :], through_ulaw(whole))
    assert bench.of(PlayFinished) == []


@pytest.mark.parametrize("extend", [False, True])
def test_audio_there_is_no_room_for_is_told_and_passed_over(extend, few_clips):
    bench = Bench()
    bench.leg(1)
    bench.plane.plays.pool = plays.Pool(4000)
    bench.do(LoadClip(1, PROMPT[:2000].tobytes()), LoadClip(2, PROMPT[:2001].tobytes()))
    bench.do(StartPlay(1, (1,), (1, 2), False, extend))
    if extend:
        bench.do(ExtendPlay(1, (2,), False))
    bench.tick(20)
    assert [e.clip for e in bench.of(ClipRefused)] == [2]
    assert "2001 samples: 2000 of 4000 are free" in bench.of(ClipRefused)[0].reason
    assert np.array_equal(bench.heard_by_peer(1), through_ulaw(padded(PROMPT[:2000], 20)))
    assert len(bench.of(PlayFinished)) == 1
    bench.do(DropClip(1), LoadClip(2, PROMPT.tobytes()))
    bench.tick()
    assert len(bench.of(ClipRefused)) == 1


def test_clips_that_can_not_be_joined_are_left_out_and_the_play_still_ends(few_clips):
    bench = Bench()
    bench.leg(1)
    bench.plane.plays.pool = plays.Pool(40 * 10 + 5)
    for number in range(40):
        bench.do(LoadClip(number, PROMPT[number * 10 : number * 10 + 10].tobytes()))
    with pytest.raises(ValueError, match="no room"):
        bench.do(StartPlay(1, (1,), tuple(range(40)), False, True))
    bench.do(StartPlay(2, (1,), tuple(range(32)), False, True))
    with pytest.raises(ValueError, match="no room"):
        bench.do(ExtendPlay(2, (32,), False))
    bench.do(ExtendPlay(1, (), False))
    bench.tick(5)
    assert [e.play for e in bench.of(PlayFinished)] == [1, 2]
    assert np.array_equal(bench.heard_by_peer(1), through_ulaw(padded(PROMPT[:320], 5)))
    bench.do(*(DropClip(number) for number in range(40)))
    assert bench.plane.plays.pool.take(405) == 0


def test_a_loop_of_nothing_is_silence():
    bench = Bench()
    bench.leg(1)
    bench.play(1, [], (1,), loop=True)
    bench.tick(3)
    assert not bench.heard_by_peer(1).any()
    assert bench.of(PlayStarted) == []


def test_a_play_that_waits_for_more_finishes_only_then():
    bench = Bench()
    bench.leg(1)
    bench.play(1, PROMPT[:160], (1,), more=True)
    bench.tick(4)
    assert bench.of(PlayFinished) == []
    bench.do(LoadClip(2, PROMPT[160:320].tobytes()), ExtendPlay(1, (2,), False))
    bench.tick(1)
    assert len(bench.of(PlayFinished)) == 1
    heard = bench.heard_by_peer(1)
    assert np.array_equal(heard[-160:], through_ulaw(edged(PROMPT[160:320], rise=True, fall=False)))


def test_an_empty_play_starts_and_finishes_at_once():
    bench = Bench()
    bench.do(StartPlay(5, (), (), False, False))
    assert [type(e) for e in bench.tick()] == [PlayStarted, PlayFinished]


def test_a_play_without_legs_and_one_on_an_app_leg_advance():
    bench = Bench()
    bench.do(OpenLeg(9, 1, False))
    assert bench.tick() == [LegOpened(9, 0)]
    bench.play(1, PROMPT[:800], (9,))
    bench.play(2, PROMPT[:320], ())
    bench.tick(6)
    assert [e.play for e in bench.of(PlayFinished)] == [2, 1]


def test_two_plays_on_a_leg_add_up_and_saturate():
    bench = Bench()
    bench.leg(1)
    loud = np.full(160, 30000, np.int16)
    bench.play(1, loud, (1,))
    bench.play(2, loud, (1,))
    bench.tick(2)
    assert bench.heard_by_peer(1)[0] == 32124


def test_a_leg_that_joins_a_play_hears_it_from_there():
    bench = Bench()
    bench.leg(1)
    bench.play(1, PROMPT, (1,))
    bench.tick(5)
    bench.leg(2)
    bench.do(AddPlayLeg(1, 2), AddPlayLeg(1, 77), AddPlayLeg(77, 2))
    bench.tick(5)
    assert np.array_equal(bench.heard_by_peer(2)[-FRAME:], bench.heard_by_peer(1)[-FRAME:])


def test_a_leg_taken_out_of_a_play_hears_its_other_plays_only():
    bench = Bench()
    bench.leg(1)
    bench.leg(2)
    other = np.full(160, 1000, np.int16)
    bench.play(1, PROMPT, (1, 2))
    bench.play(2, np.tile(other, 20), (1,))
    bench.tick(5)
    bench.do(RemovePlayLeg(1, 1), RemovePlayLeg(1, 1), RemovePlayLeg(1, 77), RemovePlayLeg(77, 1))
    bench.tick(5)
    assert np.array_equal(bench.heard_by_peer(1)[-FRAME:], through_ulaw(other))
    assert np.array_equal(bench.heard_by_peer(2)[-FRAME:], through_ulaw(PROMPT[9 * FRAME : 10 * FRAME]))
    bench.do(AddPlayLeg(1, 1))
    bench.tick(20)
    assert [e.play for e in bench.of(PlayFinished)] == [1, 2]


def test_a_play_outlives_a_closed_leg():
    bench = Bench()
    bench.leg(1)
    bench.leg(2)
    bench.play(1, PROMPT, (1, 2))
    bench.tick(3)
    bench.do(CloseLeg(1))
    bench.tick(30)
    assert len(bench.of(PlayFinished)) == 1
    assert bench.of(LegClosed)[0].sent == 4


def test_three_parties_hear_the_other_two():
    bench = Bench()
    phones = [bench.leg(number) for number in (1, 2, 3)]
    bench.do(*(JoinMix(number) for number in (1, 2, 3)))
    before = [len(bench.sent(n)) for n in (1, 2, 3)]
    voices = [sine(hz, 40 * FRAME, 6000) for hz in (300, 500, 700)]
    for t in range(40):
        for phone, voice in zip(phones, voices, strict=True):
            phone.say(voice[t * FRAME : (t + 1) * FRAME])
        bench.tick()
    decoded = [through_ulaw(v).astype(int) for v in voices]
    for i in range(3):
        others = [decoded[j] for j in range(3) if j != i]
        heard = bench.heard_by_peer(i + 1)[before[i] * FRAME :]
        delay = 3 * FRAME
        expected = through_ulaw((others[0] + others[1]).clip(-32768, 32767).astype(np.int16))
        assert np.array_equal(heard[delay:], expected[: len(heard) - delay])
        assert not heard[:delay].any()


def test_mixing_saturates():
    bench = Bench()
    phones = [bench.leg(number) for number in (1, 2, 3)]
    bench.do(*(JoinMix(number) for number in (1, 2, 3)))
    for _ in range(8):
        for phone in phones:
            phone.say(np.full(FRAME, 30000, np.int16))
        bench.tick()
    assert bench.heard_by_peer(1)[-1] == 32124


def test_plays_are_heard_by_their_leg_only():
    bench = Bench()
    bench.leg(1)
    bench.leg(2)
    bench.do(JoinMix(1), JoinMix(2))
    bench.play(1, PROMPT, (1,))
    bench.tick(10)
    assert bench.heard_by_peer(1).any()
    assert not bench.heard_by_peer(2).any()


def test_a_held_leg_hears_only_its_music_and_is_not_heard():
    bench = Bench()
    phones = [bench.leg(1), bench.leg(2)]
    bench.do(JoinMix(1), JoinMix(2))

    def talk(ticks):
        for _ in range(ticks):
            phones[0].say(np.full(FRAME, 1000, np.int16))
            phones[1].say(np.full(FRAME, 4000, np.int16))
            bench.tick()

    talk(10)
    assert bench.heard_by_peer(1)[-1] > 3000
    bench.do(LeaveMix(1), LeaveMix(1))
    bench.play(9, np.full(800, 500, np.int16), (1,), loop=True)
    talk(10)
    assert 400 < bench.heard_by_peer(1)[-1] < 600
    assert bench.heard_by_peer(2)[-1] == 0
    bench.do(StopPlay(9), JoinMix(1), JoinMix(1))
    talk(10)
    assert bench.heard_by_peer(1)[-1] > 3000
    assert bench.heard_by_peer(2)[-1] > 900


def test_calls_do_not_hear_each_other():
    bench = Bench()
    speaker = bench.leg(1, call=1)
    bench.leg(2, call=1)
    bench.leg(3, call=2)
    bench.leg(4, call=2)
    bench.do(*(JoinMix(n) for n in (1, 2, 3, 4)))
    for _ in range(8):
        speaker.say(np.full(FRAME, 4000, np.int16))
        bench.tick()
    assert bench.heard_by_peer(2).any()
    assert not bench.heard_by_peer(1).any()
    assert not bench.heard_by_peer(3).any()
    assert not bench.heard_by_peer(4).any()


def test_packets_leave_every_tick_with_running_numbers():
    bench = Bench()
    bench.leg(1)
    bench.tick(10)
    packets = bench.sent(1)
    assert len(packets) == 10
    assert [p.marker for p in packets] == [True] + [False] * 9
    assert {(b.sequence - a.sequence) & 0xFFFF for a, b in itertools.pairwise(packets)} == {1}
    assert {(b.time - a.time) & 0xFFFFFFFF for a, b in itertools.pairwise(packets)} == {FRAME}
    assert {p.payload for p in packets} == {b"\xff" * FRAME}


def test_not_sending_keeps_time_running_and_marks_the_return():
    bench = Bench()
    bench.leg(1)
    bench.tick(2)
    bench.connect(1, "198.51.100.1", 4000, sending=False)
    bench.tick(5)
    assert len(bench.sent(1)) == 2
    bench.connect(1, "198.51.100.1", 4000)
    bench.tick(2)
    before, after = bench.sent(1)[1:3]
    assert after.marker
    assert (after.sequence - before.sequence) & 0xFFFF == 1
    assert (after.time - before.time) & 0xFFFFFFFF == 6 * FRAME


def test_rows_and_ports_run_out_politely():
    bench = Bench(rows=1)
    bench.do(*(OpenLeg(n, 1, False) for n in range(49)))
    events = bench.tick()
    assert isinstance(events[-1], LegRefused)
    assert "48" in events[-1].reason
    bench.do(OpenLeg(3, 1, False))
    assert isinstance(bench.tick()[0], LegRefused)
    bench.do(CloseLeg(3), OpenLeg(50, 1, False))
    assert [type(e) for e in bench.tick()] == [LegClosed, LegOpened]


def test_a_reused_row_starts_clean():
    bench = Bench()
    phone = bench.leg(1)
    bench.do(JoinMix(1))
    bench.play(1, PROMPT, (1,), loop=True)
    for _ in range(10):
        phone.say(PROMPT[:FRAME])
        bench.tick()
    bench.do(CloseLeg(1))
    bench.tick()
    bench.leg(2)
    bench.leg(3)
    bench.do(JoinMix(2), JoinMix(3))
    bench.tick(5)
    assert not bench.heard_by_peer(2).any()
    assert not bench.heard_by_peer(3).any()


def test_unknown_ids_are_ignored_and_shutdown_closes_everything():
    bench = Bench()
    bench.leg(1)
    bench.do(CloseLeg(99), JoinMix(99), LeaveMix(99), StopPlay(99), ExtendPlay(99, (1,), False), DropClip(99))
    bench.connect(99, "198.51.100.1", 4000)
    bench.do(Shutdown())
    assert bench.net.endpoints == {}
    assert [type(e) for e in bench.tick()] == [LegClosed]


def test_an_unknown_codec_is_named():
    bench = Bench()
    bench.do(OpenLeg(1, 1, True))
    with pytest.raises(ValueError, match="opus"):
        bench.connect(1, "198.51.100.1", 4000, codec="opus")


def test_growing_tables_keep_what_runs():
    bench = Bench()
    bench.leg(1)
    bench.play(1, PROMPT, (1,))
    bench.tick(5)
    for number in range(2, 40):
        bench.play(number, np.zeros(200000, np.int16), ())
        bench.do(OpenLeg(1000 + number, 1000 + number, False), JoinMix(1000 + number))
    bench.tick(20)
    assert np.array_equal(bench.heard_by_peer(1), through_ulaw(padded(PROMPT, 25)))
    assert np.array_equal(linear(ulaw(PROMPT)), through_ulaw(PROMPT))


def test_an_id_that_plays_already_and_clips_nobody_knows_are_ignored():
    bench = Bench()
    bench.leg(1)
    bench.play(1, PROMPT[:320], (1,))
    bench.do(StartPlay(1, (1,), (1,), True, False), StartPlay(2, (1,), (404,), False, False))
    bench.tick(5)
    assert sorted(e.play for e in bench.of(PlayFinished)) == [1, 2]
    assert not bench.heard_by_peer(1)[2 * FRAME :].any()


def test_a_long_list_of_clips_loops_whole(few_clips):
    bench = Bench()
    bench.leg(1)
    parts = np.array_split(PROMPT[:1600], 50)
    for number, part in enumerate(parts):
        bench.do(LoadClip(number, part.tobytes()))
    bench.do(StartPlay(1, (1,), tuple(range(50)), True, False))
    bench.tick(30)
    assert np.array_equal(bench.heard_by_peer(1), np.tile(through_ulaw(PROMPT[:1600]), 3))


def test_extending_a_full_row_in_the_middle_of_its_clips_loses_nothing(few_clips):
    bench = Bench()
    bench.leg(1)
    for number in range(31):
        bench.do(LoadClip(number, PROMPT[number * 60 : (number + 1) * 60].tobytes()))
    bench.do(LoadClip(31, PROMPT[1860:2400].tobytes()), LoadClip(32, PROMPT[2400:].tobytes()))
    bench.do(StartPlay(1, (1,), tuple(range(32)), True, True))
    bench.tick(2)
    bench.do(ExtendPlay(1, (32,), False))
    bench.tick(16)
    assert np.array_equal(bench.heard_by_peer(1), through_ulaw(PROMPT[: 18 * FRAME]))


def test_a_leg_hears_at_most_so_many_plays():
    bench = Bench()
    bench.leg(1)
    for number in range(12):
        bench.play(number, np.full(160, 400, np.int16), (1,))
    bench.tick()
    assert [(e.play, e.leg) for e in bench.of(PlayUnheard)] == [(n, 1) for n in range(8, 12)]
    assert "8 plays already" in bench.of(PlayUnheard)[0].reason
    assert bench.heard_by_peer(1)[0] == through_ulaw(np.array([8 * 400], np.int16))[0]
    assert len(bench.of(PlayFinished)) == 12


def test_ports_run_out_politely():
    bench = Bench(rows=300)
    bench.do(*(OpenLeg(n, 1, True) for n in range(201)), OpenLeg(500, 1, False))
    events = bench.tick()
    assert [type(e) for e in events] == [LegOpened] * 200 + [LegRefused, LegOpened]
    assert "200 port pairs" in events[200].reason


def test_an_app_leg_can_be_connected_without_harm():
    bench = Bench()
    bench.do(OpenLeg(1, 1, False))
    bench.connect(1, "198.51.100.1", 4000)
    bench.tick(3)
    bench.do(CloseLeg(1))
    assert bench.tick() == [LegClosed(1, 0, 0, 0, 0.0)]


def test_a_jitter_buffer_longer_than_its_ring_is_refused():
    with pytest.raises(ValueError, match="1000 ms"):
        Bench(jitter_ms=1000)
