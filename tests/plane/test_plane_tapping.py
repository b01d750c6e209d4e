"""Taps, voices, muting and moving, in the plane itself: sample by sample against a plain reference."""

from __future__ import annotations

import inspect
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plane_bench import FRAME, Bench, sine, through_ulaw

from hookflash.plane import bridge, core, taptable
from hookflash.plane.columns.wide import CODES
from hookflash.plane.kernels import gathering, mixing, output, playing, playout, ranking, tapping, voicing
from hookflash.plane.rings import LOOK, TAP_FRAMES, TAPS, VOICE_SAMPLES, make_file, map_rings
from hookflash.plane.warmup import warm_up
from hookflash.ports.plane import (
    AddPlayLeg,
    AudioTapped,
    CloseLeg,
    CloseTap,
    CloseVoice,
    ConnectLeg,
    JoinMix,
    LeaveMix,
    MoveLeg,
    MuteLeg,
    OpenLeg,
    OpenTap,
    OpenVoice,
    SendTones,
    StopPlay,
    TapClosed,
    TonesSent,
    VoiceClosed,
)

SILENCE = np.zeros(FRAME, np.int16)


class Reader:
    """Control's side of one tap."""

    def __init__(self, bench: Bench, tap: int, size: int = FRAME) -> None:
        self.rings = bench.plane.taps.rings
        self.tap = tap
        self.size = size
        self.ticks: list[int] = []

    def take(self) -> np.ndarray:
        """All frames since the last call, joined."""
        rings, tap = self.rings, self.tap
        frames = []
        for n in range(int(rings.read[tap]), int(rings.written[tap])):
            place = (n + int(rings.shift[tap])) % TAP_FRAMES
            frames.append(rings.frames[place, tap, : self.size].copy())
            self.ticks.append(int(rings.ticks[place, tap]))
        rings.read[tap] = rings.written[tap]
        return np.concatenate(frames) if frames else np.zeros(0, np.int16)


def tap(bench: Bench, number: int, kind: str, subject: int, itself: bool = False, rate: int = 8000) -> Reader:
    bench.do(OpenTap(number, kind, subject, itself, rate))
    return Reader(bench, number, rate // 50)


def say(bench: Bench, voice: int, samples) -> None:
    """Control's side of a voice."""
    rings = bench.plane.taps.rings
    at = int(rings.said[voice])
    rings.samples[voice, (at + np.arange(len(samples))) % VOICE_SAMPLES] = samples
    rings.said[voice] = at + len(samples)


def app(bench: Bench, leg: int, call: int = 1) -> None:
    bench.do(OpenLeg(leg, call, False), JoinMix(leg))


def talk(bench: Bench, phones, ticks: int) -> None:
    """Each phone says its own tone for so many ticks."""
    for t in range(ticks):
        for phone, hz in phones:
            phone.say(sine(hz, FRAME, 6000, start=t * FRAME))
        bench.tick()


def levels(audio, *hertz) -> list[float]:
    """Amplitude of each tone."""
    n = np.arange(len(audio))
    return [2 * abs((audio * np.exp(-2j * np.pi * hz * n / 8000)).mean()) for hz in hertz]


def two_phones():
    bench = Bench(jitter_ms=0)
    phones = [(bench.leg(1), 400), (bench.leg(2), 1000)]
    bench.do(JoinMix(1), JoinMix(2))
    app(bench, 9)
    return bench, phones


# --- mute -------------------------------------------------------------------------------------------------


def test_a_muted_leg_is_not_heard_but_hears():
    bench, phones = two_phones()
    talk(bench, phones, 5)
    bench.do(MuteLeg(1, True))
    for number in (1, 2):
        bench.endpoint(number).sent.clear()
    talk(bench, phones, 10)
    assert levels(bench.heard_by_peer(1), 400, 1000) == pytest.approx([0, 6000], abs=150)
    assert bench.heard_by_peer(2)[: FRAME // 4].any()
    assert not bench.heard_by_peer(2)[FRAME // 4 :].any()
    bench.do(MuteLeg(1, False))
    bench.endpoint(2).sent.clear()
    talk(bench, phones, 10)
    assert levels(bench.heard_by_peer(2), 400, 1000) == pytest.approx([6000, 0], abs=150)


def test_a_muted_legs_keys_are_still_heard():
    bench, phones = two_phones()
    bench.do(MuteLeg(1, True))
    for packets in phones[0][0].press("5"):
        for packet in packets:
            phones[0][0].raw(packet)
        bench.tick()
    assert bench.keys(1) == "5"


def test_a_new_leg_on_a_muted_ones_row_is_heard():
    bench, _ = two_phones()
    bench.do(MuteLeg(1, True), CloseLeg(1))
    bench.tick()
    again = bench.leg(3)
    bench.do(JoinMix(3))
    talk(bench, [(again, 700)], 10)
    assert levels(bench.heard_by_peer(2)[-5 * FRAME :], 700)[0] == pytest.approx(6000, abs=150)


# --- move -------------------------------------------------------------------------------------------------


def test_a_moved_leg_is_in_the_other_call_once_it_joins():
    bench, phones = two_phones()
    third = bench.leg(3, call=2)
    bench.do(JoinMix(3))
    phones.append((third, 2000))
    talk(bench, phones, 5)
    bench.do(MoveLeg(1, 2))
    for number in (1, 2, 3):
        bench.endpoint(number).sent.clear()
    talk(bench, phones, 10)
    for number in (1, 2, 3):
        assert not bench.heard_by_peer(number).any()
    bench.do(JoinMix(1))
    for number in (1, 2, 3):
        bench.endpoint(number).sent.clear()
    talk(bench, phones, 10)
    assert levels(bench.heard_by_peer(1), 400, 1000, 2000) == pytest.approx([0, 0, 6000], abs=150)
    assert levels(bench.heard_by_peer(3), 400, 1000, 2000) == pytest.approx([6000, 0, 0], abs=150)
    assert not bench.heard_by_peer(2).any()


def test_a_moved_leg_leaves_its_plays_and_keeps_its_keys():
    bench, _ = two_phones()
    bench.play(1, sine(500, 8000), (1, 2), loop=True)
    bench.do(SendTones(5, 1, "12", 60, 60))
    bench.tick(3)
    bench.do(MoveLeg(1, 2))
    bench.endpoint(1).sent.clear()
    bench.endpoint(2).sent.clear()
    bench.tick(20)
    assert levels(bench.heard_by_peer(2), 500)[0] == pytest.approx(8000, abs=200)
    assert not bench.heard_by_peer(1).any()
    assert [e.sending for e in bench.of(TonesSent)] == [5]
    bench.do(AddPlayLeg(1, 1))
    bench.endpoint(1).sent.clear()
    bench.tick(5)
    assert bench.heard_by_peer(1).any()
    bench.do(CloseLeg(1), StopPlay(1))
    bench.tick(2)


def test_moving_to_where_a_leg_is_changes_nothing():
    bench, phones = two_phones()
    bench.do(MoveLeg(1, 1), MoveLeg(77, 1), MuteLeg(77, True))
    talk(bench, phones, 10)
    assert levels(bench.heard_by_peer(2)[-5 * FRAME :], 400)[0] == pytest.approx(6000, abs=150)


# --- taps -------------------------------------------------------------------------------------------------


def test_an_app_leg_hears_all_but_itself():
    bench, phones = two_phones()
    bench.do(OpenVoice(0, 9))
    heard, all_of_it = tap(bench, 0, "heard", 9), tap(bench, 1, "heard", 9, itself=True)
    say(bench, 0, sine(2500, 20 * FRAME, 3000))
    talk(bench, phones, 18)
    plain, looped = heard.take()[5 * FRAME :], all_of_it.take()[5 * FRAME :]
    assert levels(plain, 400, 1000, 2500) == pytest.approx([6000, 6000, 0], abs=150)
    assert levels(looped, 400, 1000, 2500) == pytest.approx([6000, 6000, 3000], abs=150)
    assert heard.ticks == list(range(heard.ticks[0], heard.ticks[0] + 18))


def test_a_leg_that_says_is_tapped_exactly():
    bench = Bench(jitter_ms=0)
    phone = bench.leg(1)
    bench.do(JoinMix(1))
    spoken = sine(600, 10 * FRAME)
    reader = tap(bench, 3, "said", 1)
    for t in range(10):
        phone.say(spoken[t * FRAME :][:FRAME])
        bench.tick()
    heard = reader.take()
    first = int(np.flatnonzero(heard)[0]) // FRAME * FRAME
    assert np.array_equal(heard[first:], through_ulaw(spoken)[: len(heard) - first])


def test_nothing_is_said_while_muted_or_on_hold():
    bench, phones = two_phones()
    reader = tap(bench, 0, "said", 1)
    talk(bench, phones, 5)
    reader.take()
    for command in (MuteLeg(1, True), LeaveMix(1)):
        bench.do(command)
        talk(bench, phones, 3)
        # Muting is a slope of 5 ms.
        assert not reader.take()[FRAME // 4 :].any()
        bench.do(MuteLeg(1, False))
    bench.do(JoinMix(1))
    talk(bench, phones, 3)
    assert reader.take().any()


@pytest.mark.parametrize("joined", [False, True])
def test_a_whole_call_has_its_prompts_once_and_hold_music(joined):
    """Not what is played to a phone that has not been joined."""
    bench, phones = two_phones()
    bench.leg(3)
    if joined:
        bench.do(JoinMix(3), LeaveMix(3))
    music = 2000 if joined else 0
    whole, prompts = tap(bench, 0, "whole", 1), tap(bench, 1, "prompts", 1)
    other = tap(bench, 2, "whole", 2)
    bench.play(1, sine(1500, 800, 2000), (1, 2), loop=True)
    bench.play(2, sine(3000, 800, 2000), (3,), loop=True)
    talk(bench, phones, 20)
    mixed, played = whole.take()[5 * FRAME :], prompts.take()[5 * FRAME :]
    assert levels(mixed, 400, 1000, 1500, 3000) == pytest.approx([6000, 6000, 2000, music], abs=150)
    assert levels(played, 400, 1000, 1500, 3000) == pytest.approx([0, 0, 2000, music], abs=150)
    assert not other.take().any()


@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_the_end_of_hold_music_is_heard_in_the_call(rate):
    """It fades in the very tick that brings back who heard it. What is played to all fades likewise."""
    bench, _ = two_phones()
    readers = [tap(bench, number, kind, 1, rate=rate) for number, kind in enumerate(("whole", "prompts"))]
    bench.do(LeaveMix(1))
    bench.play(1, sine(1500, 800, 2000), (1,), loop=True)
    bench.tick(20)
    bench.do(StopPlay(1), JoinMix(1))
    bench.tick(5)
    for reader in readers:
        sounds = np.flatnonzero(reader.take().reshape(-1, rate // 50).any(axis=1))
        assert len(sounds) == 21, "20 frames, and the one in which it fades"
    bench.play(2, sine(1500, 800, 2000), (1, 2), loop=True)
    bench.tick(20)
    bench.do(StopPlay(2))
    bench.tick(5)
    for reader in readers:
        sounds = np.flatnonzero(reader.take().reshape(-1, rate // 50).any(axis=1))
        assert len(sounds) == 21, "20 frames, and the one in which it fades"


def test_a_call_tap_follows_the_mix_through_its_end_and_return():
    bench, phones = two_phones()
    whole = tap(bench, 0, "whole", 1)
    bench.do(LeaveMix(1), LeaveMix(2), LeaveMix(9))
    stranger = bench.leg(5, call=7)
    bench.do(JoinMix(5))  # has a row of its own: those on hold keep theirs
    bench.play(1, sine(3000, 800, 2000), (2,), loop=True)
    talk(bench, [*phones, (stranger, 2000)], 10)
    assert levels(whole.take()[5 * FRAME :], 400, 2000, 3000) == pytest.approx([0, 0, 2000], abs=150)
    bench.do(MoveLeg(1, 3), CloseLeg(2), CloseLeg(9))
    another = bench.leg(6, call=8)
    bench.do(JoinMix(6))  # takes the row of the mix that is free now
    phones = [phones[0], (another, 1000)]
    talk(bench, [*phones, (stranger, 2000)], 5)
    assert not whole.take().any()
    bench.do(MoveLeg(1, 1), JoinMix(1))
    talk(bench, [*phones, (stranger, 2000)], 10)
    assert levels(whole.take()[5 * FRAME :], 400, 1000, 2000) == pytest.approx([6000, 0, 0], abs=150)


@pytest.mark.parametrize("patient", [False, True])
def test_who_hears_a_tick_is_told_before_its_packets_leave(patient):
    """By then the frames are there."""
    bench, phones = two_phones()
    bench.do(OpenTap(0, "heard", 9, patient=patient))
    reader = Reader(bench, 0)
    talk(bench, phones, 9)
    reader.take()
    bench.events.clear()
    sent, told = bench.endpoint(1).sent, []
    bench.plane.announce = lambda event: told.append((event.tick, len(sent), reader.take().any()))
    before, tick = len(sent), bench.plane.ticks
    talk(bench, phones, 10)
    assert len(sent) == before + 10
    ticks = range(tick, tick + 10)
    assert told == [(one, before + one - tick, True) for one in ticks if not patient or one % LOOK == 0]
    assert not bench.of(AudioTapped)


def test_many_calls_each_have_their_own():
    bench = Bench(rows=192, jitter_ms=0)
    phones = []
    for call in range(40):
        phones.append((bench.leg(call + 1, call), 300 + 80 * call))
        bench.do(JoinMix(call + 1))
    readers = [tap(bench, call, "whole", call) for call in range(40)]
    for call in range(40):
        bench.play(call, sine(3600, 800, 100 + call), (call + 1,), loop=True)
    talk(bench, phones, 20)
    for call, reader in enumerate(readers):
        audio = reader.take()[10 * FRAME :]
        found = levels(audio, 300 + 80 * call)[0]
        assert found == pytest.approx(6000, abs=350), call


def test_a_slow_reader_loses_frames_and_knows_which():
    bench, phones = two_phones()
    reader = tap(bench, 0, "heard", 9)
    talk(bench, phones, TAP_FRAMES + 7)
    assert bench.plane.taps.rings.lost[0] == 7
    assert len(reader.take()) == TAP_FRAMES * FRAME
    talk(bench, phones, 2)
    reader.take()
    assert np.diff(reader.ticks).tolist() == [1] * (TAP_FRAMES - 1) + [8, 1]
    assert len(bench.of(AudioTapped)) == TAP_FRAMES + 9


def test_many_taps_that_come_and_go_between_two_ticks_are_listed_once(monkeypatch):
    bench, phones = two_phones()
    listed = []
    monkeypatch.setattr(
        taptable, "_rows", lambda places: listed.append(1) or np.array(sorted(places), np.int64)
    )
    bench.do(*(OpenTap(number, "said", 1, False, 8000) for number in range(300)))
    bench.do(*(CloseTap(number) for number in range(1, 300)))
    reader = Reader(bench, 0)
    talk(bench, phones, 1)
    assert len(listed) == 2  # of taps, and of voices
    assert len(reader.take()) == FRAME
    assert not bench.plane.taps.rings.written[1:300].any()


def test_a_tap_ends_with_its_leg_and_when_told():
    bench, _ = two_phones()
    tap(bench, 0, "said", 1)
    tap(bench, 1, "said", 2)
    tap(bench, 2, "whole", 1)
    bench.do(OpenVoice(0, 9))
    bench.tick()
    bench.do(CloseLeg(1), CloseTap(2), MoveLeg(2, 5), CloseLeg(9), CloseTap(77), CloseVoice(78))
    bench.tick()
    closed = {e.tap: e.reason for e in bench.of(TapClosed)}
    assert closed == {
        0: "leg 1 was closed",
        1: "leg 2 was brought into another call",
        2: "",
    }
    assert [(e.voice, e.reason) for e in bench.of(VoiceClosed)] == [(0, "leg 9 was closed")]
    bench.events.clear()
    bench.tick()
    assert not bench.of(AudioTapped)


@pytest.mark.parametrize(
    "command",
    [
        OpenTap(0, "said", 55),
        OpenTap(TAPS, "said", 1),
        OpenTap(-1, "said", 1),
        OpenTap(0, "thought", 1),
        OpenTap(5, "said", 1),
    ],
)
def test_a_tap_that_can_not_be_is_refused(command):
    bench, _ = two_phones()
    tap(bench, 5, "said", 1)
    bench.do(command)
    bench.tick()
    assert [e.tap for e in bench.of(TapClosed)] == [command.tap]
    assert bench.of(TapClosed)[0].reason


def test_a_leg_has_one_voice():
    bench, _ = two_phones()
    bench.do(OpenVoice(0, 9), OpenVoice(1, 9), OpenVoice(0, 1), OpenVoice(2, 55), OpenVoice(-1, 1))
    bench.tick()
    assert sorted(e.voice for e in bench.of(VoiceClosed)) == [-1, 0, 1, 2]


# --- voices -----------------------------------------------------------------------------------------------


def test_a_voice_is_heard_sample_by_sample():
    bench, _ = two_phones()
    bench.do(OpenVoice(4, 9))
    bench.tick()
    bench.endpoint(1).sent.clear()
    spoken = sine(700, 12 * FRAME + 50)
    say(bench, 4, spoken)
    bench.tick(20)
    heard = bench.heard_by_peer(1)
    first = int(np.flatnonzero(heard)[0]) // FRAME * FRAME
    expected = np.zeros(len(heard) - first, np.int16)
    expected[: len(spoken)] = spoken
    assert np.array_equal(heard[first:], through_ulaw(expected))
    assert not bench.keys(9)


def test_a_voice_is_not_searched_for_keys():
    bench, _ = two_phones()
    bench.do(OpenVoice(0, 9))
    say(bench, 0, sine(770, 40 * FRAME, 6000) + sine(1336, 40 * FRAME, 6000))
    bench.tick(40)
    assert bench.heard_by_peer(1).any()
    assert bench.keys(9) == ""


def test_little_is_said_after_a_short_wait():
    bench, _ = two_phones()
    bench.do(OpenVoice(0, 9))
    bench.endpoint(1).sent.clear()
    say(bench, 0, np.full(40, 5000, np.int16))
    bench.tick(voicing.PATIENCE)
    assert not bench.heard_by_peer(1).any()
    bench.tick(2)
    assert np.count_nonzero(bench.heard_by_peer(1)) == 40


def test_what_is_void_is_not_heard():
    bench, _ = two_phones()
    bench.do(OpenVoice(0, 9))
    rings = bench.plane.taps.rings
    say(bench, 0, sine(700, 8000))
    bench.tick(10)
    rings.void[0] = rings.said[0]
    bench.endpoint(1).sent.clear()
    bench.tick(5)
    assert not bench.heard_by_peer(1).any()
    say(bench, 0, sine(700, 10 * FRAME))
    bench.tick(10)
    assert levels(bench.heard_by_peer(1)[-5 * FRAME :], 700)[0] == pytest.approx(8000, abs=200)


def test_a_muted_app_is_not_heard():
    bench, _ = two_phones()
    bench.do(OpenVoice(0, 9), MuteLeg(9, True))
    say(bench, 0, sine(700, 8000))
    bench.tick(20)
    assert not bench.heard_by_peer(1).any()


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 700), st.integers(0, 6)), max_size=40))
def test_whatever_the_chunks_all_is_said_once_in_order(chunks):
    """Against the plain rule: what comes out, without the silence between, is what went in."""
    bench = Bench(rows=48, jitter_ms=0)
    app(bench, 9)
    app(bench, 8)
    bench.do(OpenVoice(1, 9))
    reader = tap(bench, 0, "heard", 8)
    said: list[np.ndarray] = []
    heard: list[np.ndarray] = []
    counter = 1
    rings = bench.plane.taps.rings
    for size, ticks in [*chunks, (0, 60)]:
        room = VOICE_SAMPLES - int(rings.said[1] - max(rings.spoken[1], 0))
        samples = (np.arange(counter, counter + min(size, room)) % 30_000 + 1).astype(np.int16)
        counter += len(samples)
        say(bench, 1, samples)
        said.append(samples)
        for _ in range(ticks):
            bench.tick()
            heard.append(reader.take())
    everything = np.concatenate(heard)
    assert np.array_equal(everything[everything != 0], np.concatenate(said))


# --- the rest ---------------------------------------------------------------------------------------------


def busy_scene():
    bench, phones = two_phones()
    readers = [
        tap(bench, 0, "heard", 9),
        tap(bench, 1, "said", 1),
        tap(bench, 2, "whole", 1),
        tap(bench, 3, "prompts", 1),
        tap(bench, 4, "heard", 9, itself=True),
        tap(bench, 5, "whole", 99),
    ]
    bench.do(OpenVoice(0, 9))
    bench.play(1, sine(1500, 700, 20_000), (1, 2))
    bench.play(2, sine(500, 900, 20_000), (2,))
    bench.leg(3)
    bench.do(JoinMix(3), LeaveMix(3))
    bench.play(3, sine(900, 900, 9_000), (3,))
    for t in range(24):
        if t == 3:
            say(bench, 0, sine(2000, 1000))
        if t == 12:
            bench.do(MuteLeg(1, True))
            say(bench, 0, sine(2000, 100))
        talk(bench, phones, 1)
        if t == 18:
            readers = [*readers[1:], readers[0]]
    return [reader.take() for reader in sorted(readers, key=lambda r: r.tap)]


def test_it_is_the_same_without_the_compiler(monkeypatch):
    warm_up()
    fast = busy_scene()
    kernels = (gathering, mixing, output, playing, playout, ranking, tapping, voicing)
    for module in (bridge, core, taptable, *kernels):
        for name, value in inspect.getmembers(module, lambda v: hasattr(v, "py_func")):
            monkeypatch.setattr(module, name, value.py_func)
    slow = busy_scene()
    assert all(np.array_equal(a, b) for a, b in zip(fast, slow, strict=True))
    assert all(audio.any() for audio in fast[:5])


def test_two_mappings_of_one_file_are_the_same_rings():
    fd = make_file()
    one, two = map_rings(fd), map_rings(fd)
    os.close(fd)
    one.frames[3, 7, 5] = 99
    two.void[9] = 1 << 40
    assert two.frames[3, 7, 5] == 99
    assert one.void[9] == 1 << 40


def test_without_taps_no_memory_is_made():
    made = []
    bench = Bench(rings=lambda: made.append(1))
    bench.leg(1)
    bench.tick(10)
    assert not made


def test_nothing_speaks_for_a_phone_or_takes_its_slot():
    bench = Bench()
    bench.do(OpenLeg(1, 1, True))
    bench.do(ConnectLeg(1, "198.51.100.1", 4000, 9, "G722", 101, True, True))
    bench.do(OpenVoice(0, 1, 16_000))
    (closed,) = [event for event in bench.tick() if isinstance(event, VoiceClosed)]
    assert closed.voice == 0
    assert "speaks itself" in closed.reason
    setup, wide = bench.plane.columns.setup, bench.plane.columns.wide
    assert np.flatnonzero(wide.row >= 0).tolist() == [setup.wide[0]] == [0]
    bench.do(CloseLeg(1))
    bench.tick()
    assert not (wide.row >= 0).any()


def test_a_wideband_voice_gives_way_to_a_codec_and_frees_nothing_of_it():
    bench = Bench()
    app(bench, 1)
    bench.do(OpenVoice(0, 1, 16_000))
    bench.tick()
    setup, wide = bench.plane.columns.setup, bench.plane.columns.wide
    row = bench.plane.legs.by_number[1].row
    bench.do(ConnectLeg(1, "", 0, 9, "G722", 101, True, True))
    (closed,) = [event for event in bench.tick() if isinstance(event, VoiceClosed)]
    assert closed.voice == 0
    assert "speaks itself" in closed.reason
    slot = int(setup.wide[row])
    assert slot >= 0
    assert (wide.row[slot], wide.kind[slot]) == (row, CODES)
    # The next slot goes to somebody else.
    bench.do(CloseVoice(0), OpenLeg(2, 1, True))
    bench.do(ConnectLeg(2, "198.51.100.1", 4000, 9, "G722", 101, True, True))
    bench.tick()
    assert setup.wide[bench.plane.legs.by_number[2].row] not in (-1, slot)
    # A narrow codec leaves a voice its slot.
    bench.do(ConnectLeg(1, "", 0, 0, "PCMU", 101, True, True))
    assert setup.wide[row] == -1
    bench.do(OpenVoice(1, 1, 16_000), ConnectLeg(1, "", 0, 8, "PCMA", 101, True, True))
    assert not [event for event in bench.tick() if isinstance(event, VoiceClosed)]
    bench.do(CloseLeg(1), CloseLeg(2))
    bench.tick()
    assert not (wide.row >= 0).any()
