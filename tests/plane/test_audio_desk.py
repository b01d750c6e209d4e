"""Control's side of the rings, over a plane in this process: what listeners are handed, what voices say."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import pytest
from desk_room import FakePrompts

from hookflash.plane import ring_voice
from hookflash.plane.control import MediaDesk
from hookflash.plane.core import Plane
from hookflash.plane.inline import InlinePlane
from hookflash.plane.memory import MemoryNetwork
from hookflash.plane.rings import TAP_FRAMES, TAPS
from hookflash.ports import audio
from hookflash.ports.audio import AudioUnavailable, Heard, Prompts, Said, Whole
from hookflash.testing.clock import VirtualClock


def tone(hz: float, seconds: float, rate: int = 8_000, amplitude: float = 8_000) -> np.ndarray:
    n = np.arange(int(rate * seconds))
    return np.round(amplitude * np.sin(2 * np.pi * hz * n / rate)).astype("<i2")


def level(samples: np.ndarray, hz: float, rate: int = 8_000) -> float:
    n = np.arange(len(samples))
    return float(2 * abs((samples * np.exp(-2j * np.pi * hz * n / rate)).mean()))


class Ear:
    """Takes down what a listener is handed."""

    def __init__(self) -> None:
        self.ticks: list[int] = []
        self.frames: dict[audio.Source, list[np.ndarray]] = {}
        self.lost: list[str] = []

    def take(self, tick: int, frames) -> None:
        self.ticks.append(tick)
        for source, frame in frames.items():
            self.frames.setdefault(source, []).append(frame)

    def heard(self, source: audio.Source, skip: int = 0) -> np.ndarray:
        return np.concatenate(self.frames[source][skip:])


class Room:
    """A desk over an inline plane with two app legs (9 and 8) in call 1."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.net = MemoryNetwork()
        self.desk = MediaDesk(
            [lambda: InlinePlane(lambda: Plane(self.net, rows=48), self.clock)], FakePrompts(), self.clock
        )

    async def start(self) -> None:
        await self.desk.start()
        await self.desk.wait_ready()
        self.desk.open_app_leg(9, 1)
        self.desk.open_app_leg(8, 1)
        await self.clock.elapse(0.1)

    def listen(self, *sources: audio.Source, rate: int = 8_000) -> tuple[Ear, audio.Listener]:
        ear = Ear()
        listener = self.desk.audio.listen(1, rate, ear.take, ear.lost.append)
        for source in sources:
            listener.add(source)
        return ear, listener


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    room = Room()
    await room.start()
    yield room
    await room.desk.stop()


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000])
async def test_a_voice_is_heard_at_any_rate(room: Room, rate: int) -> None:
    ear, _ = room.listen(Heard(8), Said(9), Whole(1), Prompts(1), Heard(9), Heard(9, itself=True), rate=rate)
    voice = room.desk.audio.speak(9, rate)
    assert voice.say(tone(700, 1.0, rate).tobytes()) == 0
    await room.clock.elapse(0.9)
    assert {len(frame) for frames in ear.frames.values() for frame in frames} == {rate // 50}
    for source in (Heard(8), Said(9), Whole(1), Heard(9, itself=True)):
        assert level(ear.heard(source, 10), 700, rate) == pytest.approx(8_000, rel=0.05), source
    assert not ear.heard(Heard(9)).any()
    assert not ear.heard(Prompts(1)).any()
    assert ear.ticks == list(range(ear.ticks[0], ear.ticks[0] + len(ear.ticks)))


async def test_a_long_speech_in_odd_pieces_is_said_in_full(room: Room) -> None:
    ear, _ = room.listen(Said(9))
    speech = tone(500, 6.0)
    voice = room.desk.audio.speak(9, 8_000)
    octets = speech.tobytes()
    for at in range(0, len(octets), 7_777):
        voice.say(octets[at : at + 7_777])
    await room.clock.elapse(6.5)
    heard = ear.heard(Said(9))
    first = int(np.flatnonzero(heard)[0]) - 1
    assert np.array_equal(heard[first : first + len(speech)], speech)
    assert not heard[first + len(speech) :].any()


async def test_hushing_drops_what_waits(room: Room) -> None:
    ear, _ = room.listen(Said(9))
    voice = room.desk.audio.speak(9, 16_000)
    voice.say(tone(500, 30.0, 16_000).tobytes() + b"x")
    await room.clock.elapse(0.5)
    voice.hush()
    await room.clock.elapse(0.04)
    ear.frames.clear()
    await room.clock.elapse(1.0)
    assert not ear.heard(Said(9)).any()
    voice.say(tone(1_000, 1.0, 16_000).tobytes())
    ear.frames.clear()
    await room.clock.elapse(0.8)
    assert level(ear.heard(Said(9), 10), 1_000) == pytest.approx(8_000, rel=0.05)


async def test_a_mark_is_reached_when_all_before_it_has_been_heard(room: Room) -> None:
    ear, _ = room.listen(Said(9))
    voice = room.desk.audio.speak(9, 24_000)
    reached: list[tuple[str, bool, int]] = []

    def mark(name: str) -> None:
        voice.mark(lambda heard: reached.append((name, heard, len(ear.ticks))))

    mark("nothing")
    assert [one[:2] for one in reached] == [("nothing", True)]
    voice.say(tone(500, 1.0, 24_000).tobytes())
    mark("second")
    voice.say(tone(500, 2.01, 24_000).tobytes())
    mark("last")
    mark("last too")
    await room.clock.elapse(3.5)
    names = ["nothing", "second", "last", "last too"]
    assert [one[:2] for one in reached] == [(name, True) for name in names]
    # Frames of 20 ms, from the one in which it began: the one with the last sample is there, and no other.
    began = next(k for k, frame in enumerate(ear.frames[Said(9)]) if frame.any())
    assert [one[2] - began for one in reached[1:]] == pytest.approx([50, 151, 151], abs=1)


async def test_marks_behind_what_is_hushed_are_cancelled(room: Room) -> None:
    voice = room.desk.audio.speak(9, 16_000)
    reached: list[tuple[str, bool]] = []
    voice.say(tone(500, 0.1, 16_000).tobytes())
    voice.mark(lambda heard: reached.append(("heard", heard)))
    voice.say(tone(500, 30.0, 16_000).tobytes())
    voice.mark(lambda heard: reached.append(("hushed", heard)))
    await room.clock.elapse(0.5)
    voice.hush()
    assert reached == [("heard", True), ("hushed", False)]
    voice.say(tone(500, 0.1, 16_000).tobytes())
    voice.mark(lambda heard: reached.append(("again", heard)))
    await room.clock.elapse(0.2)
    assert reached[2:] == [("again", True)]
    voice.say(tone(500, 5.0, 16_000).tobytes())
    voice.mark(lambda heard: reached.append(("closed", heard)))
    voice.close()
    voice.mark(lambda heard: reached.append(("late", heard)))
    assert reached[3:] == [("closed", False), ("late", False)]


async def test_who_watches_a_voice_is_told_when_it_speaks(room: Room) -> None:
    voice = room.desk.audio.speak(9, 8_000)
    told: list[bool] = []
    voice.watch(told.append)
    await room.clock.elapse(0.2)
    assert told == []
    for _ in range(10):  # in real time, with pauses that are none
        voice.say(tone(500, 0.02).tobytes())
        await room.clock.elapse(0.03)
    assert told == [True]
    await room.clock.elapse(0.2)
    assert told == [True, False]
    voice.say(tone(500, 5.0).tobytes())
    await room.clock.elapse(0.1)
    voice.hush()
    await room.clock.elapse(0.2)
    assert told == [True, False, True, False]


async def test_a_voice_keeps_so_much_and_no_more(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring_voice, "VOICE_SECONDS", 2)
    voice = room.desk.audio.speak(9, 8_000)
    # What the ring takes at once does not wait.
    assert voice.say(bytes(2 * 8_000 * 2)) == 0
    assert voice.say(bytes(2 * 8_000 * 2)) > 0


async def test_a_leg_has_one_voice_at_a_time(room: Room) -> None:
    voice = room.desk.audio.speak(9, 8_000)
    with pytest.raises(AudioUnavailable, match="another stream"):
        room.desk.audio.speak(9, 8_000)
    voice.close()
    voice.close()
    assert voice.say(b"1234") == 4
    voice.hush()
    await room.clock.elapse(0.1)
    room.desk.audio.speak(9, 8_000).say(b"12")


async def test_a_leg_speaks_on_at_once_with_another_voice(room: Room) -> None:
    """The worker has not answered yet that it closed the first."""
    ear, _ = room.listen(Said(9))
    first = room.desk.audio.speak(9, 8_000)
    first.say(tone(500, 0.2).tobytes())
    await room.clock.elapse(0.1)
    for hz in (700, 900, 1_100):
        first.close()
        first = room.desk.audio.speak(9, 8_000)
        first.say(tone(hz, 1.0).tobytes())
    await room.clock.elapse(0.9)
    assert level(ear.heard(Said(9), 15), 1_100, 8_000) == pytest.approx(8_000, rel=0.05)
    assert room.desk.audio.open == 2, "a tap and a voice"


async def test_who_is_not_there_has_no_audio(room: Room) -> None:
    with pytest.raises(AudioUnavailable, match="the call has no audio"):
        room.desk.audio.listen(77, 8_000, lambda tick, frames: None, lambda reason: None)
    with pytest.raises(AudioUnavailable, match="the app has no audio"):
        room.desk.audio.speak(77, 8_000)
    with pytest.raises(ValueError, match="44100"):
        room.desk.audio.listen(1, 44_100, lambda tick, frames: None, lambda reason: None)


async def test_a_worker_that_is_going_has_no_audio(room: Room) -> None:
    (seat,) = room.desk._seats
    seat._host.kill()
    with pytest.raises(AudioUnavailable, match="not running"):
        room.desk.audio.listen(1, 8_000, lambda tick, frames: None, lambda reason: None)
    seat._host = None
    with pytest.raises(AudioUnavailable, match="media worker 0 is not running"):
        room.desk.audio.speak(9, 8_000)


async def test_sources_come_and_go_and_their_rings_are_used_again(room: Room) -> None:
    ear, listener = room.listen(Said(9))
    listener.add(Said(9))
    await room.clock.elapse(0.1)
    assert room.desk.audio.open == 1
    listener.add(Said(8))
    await room.clock.elapse(0.1)
    listener.remove(Said(9))
    listener.remove(Said(9))
    before = len(ear.frames[Said(9)])
    await room.clock.elapse(0.1)
    assert len(ear.frames[Said(9)]) == before
    listener.close()
    listener.close()
    listener.add(Said(9))
    await room.clock.elapse(0.1)
    assert room.desk.audio.open == 0
    for _ in range(3 * TAPS // 100):
        _, other = room.listen(*(Heard(leg) for leg in (8, 9)), Whole(1), Prompts(1))
        other.close()
        await room.clock.elapse(0.02)
    assert room.desk.audio.open == 0


async def test_a_source_that_ends_is_missing(room: Room) -> None:
    ear, listener = room.listen(Said(9), Said(8))
    await room.clock.elapse(0.1)
    room.desk.close_app_leg(9)
    await room.clock.elapse(0.1)
    ear.frames.clear()
    await room.clock.elapse(0.1)
    assert list(ear.frames) == [Said(8)]
    assert ear.lost == []
    room.desk.open_app_leg(9, 1)
    await room.clock.elapse(0.1)
    listener.add(Said(9))
    await room.clock.elapse(0.1)
    assert set(ear.frames) == {Said(8), Said(9)}


async def test_no_ring_is_left(room: Room) -> None:
    shelf_full = pytest.raises(AudioUnavailable, match="in use")
    _, listener = room.listen()
    shelf = room.desk.audio._shelves[next(iter(room.desk.audio._shelves))]
    shelf.free_taps.clear()
    shelf.free_voices.clear()
    with shelf_full:
        listener.add(Said(9))
    with shelf_full:
        room.desk.audio.speak(9, 8_000)


async def test_a_fault_of_one_listener_does_not_concern_the_others(room: Room) -> None:
    def fail(tick: int, frames: object) -> None:
        raise RuntimeError("a fault")

    room.desk.audio.listen(1, 8_000, fail, lambda reason: None).add(Said(9))
    ear, _ = room.listen(Said(9))
    await room.clock.elapse(0.1)
    assert len(ear.ticks) >= 4


async def test_audio_that_control_was_too_busy_for_is_a_gap_in_the_ticks(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    ear, _ = room.listen(Said(9))
    await room.clock.elapse(0.1)
    pump = room.desk.audio.tapped
    room.desk.audio.tapped = lambda seat, event: None  # type: ignore[method-assign]
    await room.clock.elapse(0.02 * (TAP_FRAMES + 5) - 0.005)
    room.desk.audio.tapped = pump  # type: ignore[method-assign]
    await room.clock.elapse(0.1)
    steps = np.diff(ear.ticks)
    assert sorted(set(steps.tolist())) == [1, 6]
    assert list(steps).count(6) == 1
    assert room.desk.audio.lost == 5
    assert [record.args for record in caplog.records if "too busy" in record.message] == [(5,)]


async def test_a_listener_may_close_while_it_is_handed_audio(room: Room) -> None:
    ticks: list[int] = []

    def take(tick: int, frames: object) -> None:
        ticks.append(tick)
        listener.close()

    listener = room.desk.audio.listen(1, 8_000, take, lambda reason: None)
    listener.add(Said(9))
    await room.clock.elapse(0.2)
    assert len(ticks) == 1


async def test_a_worker_that_dies_ends_voices_and_tells_listeners_once(room: Room) -> None:
    ear, listener = room.listen(Said(9), Whole(1))
    voice = room.desk.audio.speak(9, 8_000)
    assert room.desk.audio.open > 0
    (seat,) = room.desk._seats
    assert seat._host is not None
    seat._lost(seat._host, "it was killed")
    assert ear.lost == ["the media worker is gone: it was killed"]
    assert room.desk.audio.open == 0
    voice.say(tone(500, 0.1).tobytes())
    voice.close()
    listener.close()
    await room.clock.elapse(1)
    assert room.desk.ready, "another one has its place"
    room.desk.open_app_leg(7, 2)
    room.desk.open_app_leg(6, 2)
    again = Ear()
    room.desk.audio.listen(2, 8_000, again.take, again.lost.append).add(Said(7))
    room.desk.audio.speak(7, 8_000).say(tone(700, 1.0).tobytes())
    await room.clock.elapse(0.9)
    assert level(again.heard(Said(7), 10), 700) == pytest.approx(8_000, rel=0.05)
    assert len(ear.lost) == 1
