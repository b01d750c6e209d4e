"""Taps of a whole call and of its prompts: they have what is played to legs on hold, bit for bit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plane_bench import FRAME, Bench
from test_codecs import Peer
from test_plane_tapping import Reader, app, say, tap

from hookflash.plane.kernels.limiting import fit
from hookflash.plane.kernels.playing import STOP_FADE
from hookflash.ports.plane import (
    AddPlayLeg,
    CloseLeg,
    JoinMix,
    LeaveMix,
    LoadClip,
    MoveLeg,
    MuteLeg,
    OpenLeg,
    OpenVoice,
    PlaneCommand,
    RemovePlayLeg,
    StartPlay,
    StopPlay,
)

RATES = {"L16": 8_000, "L16-16k": 16_000}
APP, ELSEWHERE = 9, 2


def noise(seed: int, samples: int, loudest: int = 5_000) -> np.ndarray:
    return np.random.default_rng(seed).integers(-loudest, loudest + 1, samples).astype(np.int16)


class Scene:
    """Call 1: phones that are sent what they hear as it is, and an app that speaks and is never on hold."""

    def __init__(self, codec: str, *phones: int) -> None:
        self.bench = Bench(jitter_ms=0)
        self.rate = RATES[codec]
        self.frame = self.rate // 50
        self.phones = {number: Peer(self.bench, number, codec) for number in phones}
        self.bench.do(*(JoinMix(number) for number in phones))
        app(self.bench, APP)
        self.bench.do(OpenVoice(0, APP, self.rate))
        self.whole = tap(self.bench, 0, "whole", 1, rate=self.rate)
        self.prompts = tap(self.bench, 1, "prompts", 1, rate=self.rate)
        self.said = tap(self.bench, 2, "said", APP, rate=self.rate)
        self.other = tap(self.bench, 3, "whole", ELSEWHERE, rate=self.rate)

    def music(self, play: int, *legs: int, loudest: int = 5_000) -> None:
        """Noise, again and again; its length is none of ticks."""
        samples = noise(play, 7 * self.frame + 22, loudest).astype("<i2").tobytes()
        self.bench.do(LoadClip(play, samples, self.rate), StartPlay(play, legs, (play,), True, False))

    def run(self, ticks: int, loudest: int = 5_000) -> None:
        """The app speaks, as do all phones, on hold or not."""
        say(self.bench, 0, noise(1_000 + self.bench.plane.ticks, ticks * self.frame, loudest))
        for tick in range(ticks):
            for number, phone in self.phones.items():
                phone.say(noise(100 * number + tick, self.frame, loudest))
            self.bench.tick()

    def forget(self) -> None:
        """Nothing was heard so far."""
        for reader in (self.whole, self.prompts, self.said, self.other):
            reader.take()
        for number in self.phones:
            self.bench.endpoint(number).sent.clear()
            self.phones[number].before = 0

    def heard(self, number: int) -> np.ndarray:
        """What a phone was sent."""
        return self.phones[number].heard().astype(int)


@pytest.fixture(params=RATES)
def scene_of(request: pytest.FixtureRequest) -> Callable[..., Scene]:
    """Makes a scene in which all phones have one codec."""
    return lambda *phones: Scene(request.param, *phones)


def test_music_is_in_the_call_and_the_voice_of_who_hears_it_is_not(scene_of) -> None:
    scene = scene_of(1)
    scene.run(10)
    scene.bench.do(LeaveMix(1))
    scene.run(2)
    scene.forget()
    scene.music(1, 1)
    scene.run(20)
    heard, said = scene.heard(1), scene.said.take()
    assert len(heard) == 20 * scene.frame
    assert heard.any()
    assert said.any()
    assert np.array_equal(scene.prompts.take(), heard)
    assert np.array_equal(scene.whole.take(), heard + said)
    assert not scene.other.take().any()


def test_the_end_of_music_is_in_the_call_as_it_fades(scene_of) -> None:
    """In the tick that ends the hold: the phone hears the others again in it, and is heard itself."""
    scene = scene_of(1)
    scene.bench.do(LeaveMix(1))
    scene.music(1, 1)
    scene.run(20)
    scene.forget()
    scene.bench.do(StopPlay(1), JoinMix(1))
    scene.bench.tick(4)
    heard, prompts = scene.heard(1), scene.prompts.take()
    assert np.array_equal(heard, prompts + scene.said.take())
    assert prompts[: STOP_FADE // 2].any()
    assert not prompts[scene.frame :].any()
    scene.run(5)
    assert scene.whole.take().any()


def test_everybody_on_hold(scene_of) -> None:
    """The call has nothing but what is played in it; all the more it is to be in the recording."""
    scene = scene_of(1, 2)
    scene.run(10)
    scene.bench.do(LeaveMix(1), LeaveMix(2), LeaveMix(APP))
    # Somebody else would have the row of a mix that is given up.
    stranger = Peer(scene.bench, 5, "L16", call=7)
    scene.bench.do(JoinMix(5))
    scene.run(2)
    scene.forget()
    scene.music(1, 1)
    stranger.say(noise(3, FRAME))
    scene.run(20)
    heard = scene.heard(1)
    assert heard.any()
    assert np.array_equal(scene.whole.take(), heard)
    assert np.array_equal(scene.prompts.take(), heard)
    scene.said.take()
    scene.bench.do(StopPlay(1), JoinMix(APP))
    scene.run(10)
    whole = scene.whole.take()
    assert whole[2 * scene.frame :].any()
    assert np.array_equal(whole, scene.prompts.take().astype(int) + scene.said.take())


def test_music_that_two_hear_counts_once_and_two_kinds_both(scene_of) -> None:
    scene = scene_of(1, 2, 3)
    scene.bench.do(LeaveMix(1), LeaveMix(2), LeaveMix(3))
    scene.run(4)
    scene.forget()
    scene.music(1, 1, 2)
    scene.music(2, 3)
    scene.run(20)
    heard = [scene.heard(number) for number in (1, 2, 3)]
    assert np.array_equal(heard[0], heard[1])
    assert not np.array_equal(heard[0], heard[2])
    assert np.array_equal(scene.prompts.take(), heard[0] + heard[2])
    assert np.array_equal(scene.whole.take(), heard[0] + heard[2] + scene.said.take())


def test_a_prompt_to_all_that_somebody_on_hold_hears_too_counts_once(scene_of) -> None:
    scene = scene_of(1, 2)
    scene.bench.do(LeaveMix(1), MuteLeg(2, True))
    scene.run(4)
    scene.forget()
    scene.music(1, 2)
    scene.bench.do(AddPlayLeg(1, 1))
    scene.run(20)
    heard = scene.heard(1)
    assert heard.any()
    assert np.array_equal(scene.prompts.take(), heard)
    scene.bench.do(RemovePlayLeg(1, 2))
    scene.forget()
    scene.run(5)
    assert np.array_equal(scene.prompts.take(), scene.heard(1))


def test_what_is_played_to_a_phone_that_has_not_been_joined_is_not_in_the_call(scene_of) -> None:
    scene = scene_of(1)
    scene.bench.do(OpenLeg(4, 1, False))
    scene.music(1, 4)
    scene.bench.do(LeaveMix(4))
    scene.run(10)
    assert not scene.prompts.take().any()
    scene.bench.do(JoinMix(4))
    scene.run(5)
    assert scene.prompts.take().any()
    scene.bench.do(CloseLeg(4))
    scene.run(5)
    assert not scene.prompts.take().any()
    # Who has the row of somebody who was on hold is not joined by that.
    scene.bench.do(OpenLeg(6, 1, False), AddPlayLeg(1, 6))
    scene.run(5)
    assert not scene.prompts.take().any()


def test_music_goes_with_the_call_of_its_leg(scene_of) -> None:
    """What it heard in the former call ends; what it is given in the other belongs to that, once it is in."""
    scene = scene_of(1)
    app(scene.bench, 20, call=ELSEWHERE)
    scene.bench.do(LeaveMix(1))
    scene.music(1, 1)
    scene.run(10)
    assert scene.prompts.take().any()
    scene.bench.do(MoveLeg(1, ELSEWHERE), AddPlayLeg(1, 1))
    scene.run(10)
    # The filter to 16,000 Hz is not done at once.
    assert not scene.prompts.take()[scene.frame :].any()
    assert not scene.other.take().any()
    scene.bench.do(JoinMix(1), LeaveMix(1))
    scene.forget()
    scene.run(10)
    heard = scene.heard(1)
    assert heard.any()
    # In the first tick a call that turns wideband is faded from one rate into the other.
    settled = scene.frame if scene.rate > 8_000 else 0
    assert np.array_equal(scene.other.take()[settled:], heard[settled:])
    assert not scene.prompts.take().any()


def test_a_call_has_a_mix_until_its_last_leg_is_gone() -> None:
    """However it goes; the row is another's then, and the tap has nothing of that one."""
    bench = Bench(jitter_ms=0)
    for leg in (1, 2):
        app(bench, leg)
    whole = tap(bench, 0, "whole", 1)
    bench.do(LeaveMix(1), LeaveMix(2), CloseLeg(1))
    bench.play(1, noise(1, 900), (2,), loop=True)
    bench.tick(5)
    assert whole.take().any()
    bench.do(MoveLeg(2, ELSEWHERE))
    app(bench, 3, call=7)
    assert bench.plane.mixes.rows == {7: 0}
    bench.do(AddPlayLeg(1, 3))
    bench.tick(5)
    assert not whole.take().any()
    app(bench, 4)
    bench.do(AddPlayLeg(1, 4))
    bench.tick(5)
    assert whole.take().any()


def test_music_and_voices_that_do_not_fit_are_turned_down_together(scene_of) -> None:
    scene = scene_of(1)
    scene.bench.do(LeaveMix(1))
    scene.run(4)
    scene.forget()
    scene.music(1, 1, loudest=30_000)
    scene.run(20, loudest=30_000)
    total = (scene.heard(1) + scene.said.take()).astype(np.int32)
    assert np.abs(total).max() > 32_767
    gain, room = np.float32(1.0), np.zeros(scene.frame, np.float32)
    expected = np.zeros(len(total), np.int16)
    for at in range(0, len(total), scene.frame):
        part = slice(at, at + scene.frame)
        gain = np.float32(fit(total[part], scene.frame, gain, room, expected[part]))
    assert np.array_equal(scene.whole.take(), expected)
    assert np.array_equal(scene.prompts.take(), scene.heard(1))


def test_a_wideband_phone_on_hold_keeps_its_call_wide_for_these_taps_alone() -> None:
    """And only while there is such a tap: what the others hear is summed at 8,000 Hz without it."""
    scene = Scene("L16-16k", 1)
    mixes = scene.bench.plane.mixes.mixes
    app(scene.bench, 8)
    heard = tap(scene.bench, 5, "heard", 8, rate=16_000)
    scene.run(5)
    assert (mixes.wide[0], mixes.whole[0]) == (1, 1)
    scene.bench.do(LeaveMix(1))
    scene.run(3)
    assert (mixes.wide[0], mixes.whole[0]) == (0, 1)
    heard.take()
    scene.forget()
    scene.run(20)
    spectra = [np.abs(np.fft.rfft(reader.take().astype(float))) for reader in (heard, scene.whole)]
    above = [float((one[len(one) * 5 // 8 :] ** 2).mean() / (one**2).mean()) for one in spectra]
    assert above[0] < 0.001
    assert above[1] > 0.8
    for number in (0, 1):
        scene.bench.plane.taps.close(number)
    scene.run(3)
    assert (mixes.wide[0], mixes.whole[0]) == (0, 0)
    assert mixes.wide_speakers[0] == 0


# --- anything ---------------------------------------------------------------------------------------------


class Model:
    """The plain rule, leg by leg and play by play."""

    def __init__(self) -> None:
        self.call: dict[int, int] = {}
        self.belongs: dict[int, int] = {}
        self.legs: dict[int, set[int]] = {}
        self.began: dict[int, int] = {}
        self.stopping: set[int] = set()

    def frames(self, tick: int) -> dict[int, np.ndarray]:
        """What each call is to have in its prompts; what stops is over with it."""
        out = {call: np.zeros(FRAME, int) for call in (1, 2)}
        for play, legs in list(self.legs.items()):
            at = (tick - self.began[play]) * FRAME
            line = clip(play)
            frame = line[np.arange(at, at + FRAME) % len(line)].astype(int)
            if play in self.stopping:
                over = np.maximum(STOP_FADE - np.arange(FRAME), 0)
                frame = frame * over // STOP_FADE
                del self.legs[play]
            for call in {self.belongs[leg] for leg in legs if leg in self.belongs}:
                out[call] += frame
        self.stopping.clear()
        return out


def clip(play: int) -> np.ndarray:
    return noise(play, 300 + 37 * (play % 5), 2_000)


steps = st.tuples(
    st.sampled_from(["join", "hold", "move", "close", "play", "add", "remove", "stop", "nothing"]),
    st.integers(1, 4),
    st.integers(0, 15),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(steps, max_size=3), max_size=25))
def test_whatever_happens_a_call_has_what_its_legs_are_played_once(ticks) -> None:
    bench, model = Bench(jitter_ms=0), Model()
    phones = {}
    said: dict[int, Reader] = {}
    for leg in (1, 2, 3, 4):
        phones[leg] = bench.leg(leg, call=1 + leg % 2)
        model.call[leg] = 1 + leg % 2
        said[leg] = tap(bench, leg, "said", leg)
    wholes = {call: tap(bench, 10 + call, "whole", call) for call in (1, 2)}
    prompts = {call: tap(bench, 20 + call, "prompts", call) for call in (1, 2)}
    last = 0

    def command(what: str, leg: int, mask: int) -> list[PlaneCommand]:
        nonlocal last
        mine = [play for play in sorted(model.legs) if model.legs[play] & near(leg)]
        play = mine[mask % len(mine)] if mine else 0
        match what:
            case "join":
                model.belongs[leg] = model.call[leg]
                return [JoinMix(leg)]
            case "hold":
                return [LeaveMix(leg)]
            case "move":
                leave(leg)
                model.call[leg] = 3 - model.call[leg]
                return [MoveLeg(leg, model.call[leg])]
            case "close":
                leave(leg)
                return [CloseLeg(leg), OpenLeg(leg, model.call[leg], False)]
            case "play" if len(model.legs) < 4:
                last += 1
                model.legs[last] = {one for one in near(leg) if mask >> one - 1 & 1}
                model.began[last] = bench.plane.ticks
                pcm = clip(last).astype("<i2").tobytes()
                return [
                    LoadClip(last, pcm),
                    StartPlay(last, tuple(model.legs[last]), (last,), True, False),
                ]
            case "add" if play:
                model.legs[play].add(leg)
                return [AddPlayLeg(play, leg)]
            case "remove" if play:
                model.legs[play].discard(leg)
                return [RemovePlayLeg(play, leg)]
            case "stop" if play:
                model.stopping.add(play)
                return [StopPlay(play)]
        return []

    def near(leg: int) -> set[int]:
        return {one for one, call in model.call.items() if call == model.call[leg]}

    def leave(leg: int) -> None:
        model.belongs.pop(leg, None)
        for legs in model.legs.values():
            legs.discard(leg)

    for tick in ticks:
        for what, leg, mask in tick:
            bench.do(*command(what, leg, mask))
            if what in ("move", "close"):
                said[leg] = tap(bench, leg, "said", leg)
        for leg, phone in phones.items():
            phone.say(noise(leg + 10 * bench.plane.ticks, FRAME, 2_000))
        now = bench.plane.ticks
        bench.tick()
        played = model.frames(now)
        voices = {call: np.zeros(FRAME, int) for call in (1, 2)}
        for leg, reader in said.items():
            voices[model.call[leg]] += reader.take()[-FRAME:]
        for call in (1, 2):
            assert np.array_equal(prompts[call].take(), played[call])
            assert np.array_equal(wholes[call].take(), played[call] + voices[call])
