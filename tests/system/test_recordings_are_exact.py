"""Recordings are what was said, to the sample: phones on a whole server, against slow references."""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import pytest
import soundfile
from azure.communication.callautomation import (
    AudioFormat,
    MediaStreamingAudioChannelType,
    MediaStreamingContentType,
    MediaStreamingOptions,
    PhoneNumberIdentifier,
    StreamingTransportType,
)
from system.exact import (
    FRAME,
    RATE,
    SIDE,
    Samples,
    limited,
    narrowed,
    near,
    noise,
    placed,
    through,
    where,
    widened,
)
from system.listener import Listener, until
from system.recorded import SETTLED, Recording, affinity, said, say, unsaid
from system.room import ALICE, BOB, Call, Room, ended, running

T = TypeVar("T")
ATTEMPTS = 5
"""Recordings of which one must be undisturbed: a machine that is busy keeps a phone from sending in time, and
what the jitter buffer makes of that is another matter."""
DELAY_MS = 120
"""What is said waits for so long, whatever the spread: buffers that fit themselves to it splice."""


@pytest.fixture(scope="module")
def running_room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """A server of its own."""
    lines = f"jitter_least_ms = {DELAY_MS}\njitter_most_ms = {DELAY_MS}"
    yield from running(tmp_path_factory.mktemp("exact"), media=lines)


def undisturbed(scene: Callable[[int], T | None]) -> T:
    """What a scene gives, which is None when a jitter buffer had to work; given a number to make noise of."""
    for attempt in range(ATTEMPTS):
        found = scene(100 * attempt)
        if found is not None:
            return found
    raise AssertionError(f"what was said is not whole in any of {ATTEMPTS} recordings")


def wav_of(samples: Samples) -> bytes:
    """A WAV file at 8,000 Hz."""
    out = io.BytesIO()
    soundfile.write(out, samples.astype(np.int16), RATE, format="WAV", subtype="PCM_16")
    return out.getvalue()


def low_and_between(samples: Samples) -> tuple[Samples, Samples]:
    """A recording at 16,000 Hz of a narrowband call: the samples at 8,000 Hz, and those between them.

    The filter makes the ones between from SIDE samples on either side, so that all come that much later.
    """
    return samples[2 * SIDE :: 2], samples[2 * SIDE + 1 :: 2]


def test_a_mixed_recording_is_the_sum_and_each_phone_hears_it_without_itself(room: Room, group: Call) -> None:
    alice, bob = room.phone(ALICE), room.phone(BOB)

    def scene(seed: int) -> tuple[Samples, list[Samples], list[int], Samples, Samples] | None:
        a, b, prompt = noise(seed, 1.0), noise(seed + 1, 1.0), noise(seed + 2, 1.0)
        a_loud, b_loud = noise(seed + 3, 1.2, 32_767), noise(seed + 4, 1.2, 32_767)
        room.webhook.files[f"/exact{seed}.wav"] = wav_of(prompt)
        threading.Event().wait(SETTLED)
        recording = Recording(room, group)
        say(alice, a)
        said(alice)
        say(bob, b)
        said(bob)
        context = f"exact{seed}"
        group.sdk.play_media_to_all(room.file(f"exact{seed}.wav"), operation_context=context)
        room.webhook.wait("PlayCompleted", operationContext=context)
        say(alice, a_loud)
        alice.play("wait 0.4")
        say(bob, b_loud)
        said(bob)
        samples = recording.stop().samples[:, 0]
        low, _ = low_and_between(samples)
        heard_by_alice, heard_by_bob = (phone.heard().astype(np.int64) for phone in (alice, bob))
        parts = [a, b, prompt, a_loud, b_loud]
        # The loud ones are not alone: they are exact where the other phone hears nobody else.
        alone = [where(one, low) for one in parts[:3]]
        whole = [where(a_loud, heard_by_bob), where(b_loud, heard_by_alice)]
        if min(*alone, *whole) < 0:
            return None
        return samples, parts, alone, heard_by_alice, heard_by_bob

    samples, parts, alone, heard_by_alice, heard_by_bob = undisturbed(scene)
    a, b, prompt, a_loud, b_loud = parts
    low, between = low_and_between(samples)
    places = [*alone, near(a_loud, low), near(b_loud, low)]
    assert abs(places[4] - places[3]) < len(a_loud), "both were to speak at the same time"

    # The file: nothing but these five, and where two were too loud together, what the limiter is to do.
    line = placed(len(low), *zip(places, parts, strict=True))
    loud = places[3]
    assert np.array_equal(low[:loud], line[:loud])
    assert np.abs(line).max() > 32_767
    assert np.abs(low - limited(line)).max() <= 1.05
    assert np.abs(low).max() <= 32_767
    # What is between the samples is the documented filter's, of what the limiter has let through.
    made = widened(np.concatenate([low, np.zeros(SIDE, np.int64)]))[2 * SIDE + 1 :: 2][: len(between)]
    made = np.clip(made, -32_768, 32_767)[: len(between) - SIDE]
    assert np.abs(between[: len(made)] - made).max() <= 0.51

    # Each phone: the file without what it said itself, through mu-law once more.
    for mine, others, heard in (
        ({0, 3}, ((1, b), (2, prompt), (4, b_loud)), heard_by_alice),
        ({1, 4}, ((0, a), (2, prompt), (3, a_loud)), heard_by_bob),
    ):
        own = placed(len(low), *((places[i], parts[i]) for i in mine))
        rest = line - own
        offset = where(others[0][1], heard) - places[others[0][0]]
        last = max(places[i] + len(one) for i, one in others)
        got = heard[max(offset, 0) + min(places) : offset + last]
        assert np.array_equal(got, through(rest[min(places) + max(-offset, 0) : last]))


def music_played(music: Samples, heard: Samples) -> Samples:
    """What a phone was played on hold, fade included, by how long it heard it: nothing but that.

    It is the same again and again, and fades over 5 ms at the beginning of a tick.
    """
    start = where(through(music[:HALF]), heard)
    assert start >= 0, "there was music"
    endless = np.resize(music, len(heard) - start)
    length = int(np.argmax(heard[start:] != through(endless))) // FRAME * FRAME
    faded = endless[length : length + FADE] * np.arange(FADE, 0, -1) // FADE
    line = np.concatenate([endless[:length], faded])
    assert np.array_equal(heard[start:], placed(len(heard) - start, (0, through(line))))
    return line


HALF = RATE // 2
FADE = 40
"""Samples over which what is stopped fades."""


@pytest.mark.parametrize("unmixed", [False, True], ids=["mixed", "unmixed"])
def test_hold_music_is_in_the_recording_and_what_is_said_on_hold_is_not(
    room: Room, group: Call, unmixed: bool
) -> None:
    alice, bob = room.phone(ALICE), room.phone(BOB)

    def scene(seed: int) -> bool | None:
        a, b, music = noise(seed, 1.0), noise(seed + 1, 1.0), noise(seed + 2, 2.0)
        name = f"music{seed}.wav"
        room.webhook.files[f"/{name}"] = wav_of(music)
        threading.Event().wait(SETTLED)
        recording = Recording(room, group, unmixed=unmixed)
        before = len(bob.heard())
        group.sdk.hold(PhoneNumberIdentifier(BOB), play_source=room.file(name))
        # Alone at first, so that it is found.
        until(lambda: where(through(music[:HALF]), bob.heard()[before:].astype(np.int64)) >= 0)
        say(bob, b)
        say(alice, a)
        said(alice)
        group.sdk.unhold(PhoneNumberIdentifier(BOB))
        alice.play("wait 0.4")
        recorded = recording.stop()
        played = music_played(music, bob.heard()[before:].astype(np.int64))
        assert len(played) > len(a)
        lows = [low_and_between(recorded.samples[:, channel])[0] for channel in range(1 + unmixed)]
        start = where(music[:HALF], lows[0])
        assert start >= 0
        lows[0] = lows[0] - placed(len(lows[0]), (start, played))
        at = where(a, lows[-1])
        if at < 0:
            return None
        assert np.array_equal(lows[-1], placed(len(lows[-1]), (at, a)))
        if unmixed:
            assert recorded.samples.shape[1] == 2
            assert not lows[0].any()
            channels = {one["participantId"]: one.get("channel") for one in recorded.metadata["participants"]}
            assert channels[f"4:{ALICE}"] == 1
            assert channels[f"4:{BOB}"] is None
            assert 0 in channels.values(), "that of the app"
        return True

    assert undisturbed(scene)


def test_the_music_of_all_who_are_on_hold_is_in_the_recording(room: Room, group: Call) -> None:
    """Nobody is in the mix."""
    phones = {number: room.phone(number) for number in (ALICE, BOB)}
    music = {number: noise(seed, 1.5) for seed, number in enumerate(phones)}
    before = {number: len(phone.heard()) for number, phone in phones.items()}

    def heard(number: str) -> Samples:
        return phones[number].heard()[before[number] :].astype(np.int64)

    recording = Recording(room, group)
    for number, samples in music.items():
        room.webhook.files[f"/{number}.wav"] = wav_of(samples)
        group.sdk.hold(PhoneNumberIdentifier(number), play_source=room.file(f"{number}.wav"))
        until(lambda number=number, samples=samples: where(through(samples[:HALF]), heard(number)) >= 0)
    for number in phones:
        group.sdk.unhold(PhoneNumberIdentifier(number))
    phones[ALICE].play("wait 0.4")
    low, _ = low_and_between(recording.stop().samples[:, 0])
    for number, samples in music.items():
        start = where(samples[:HALF], low)
        assert start >= 0
        low = low - placed(len(low), (start, music_played(samples, heard(number))))
    assert not low.any()


def streamed(room: Room, listener: Listener, *numbers: str) -> Call:
    """A call whose app hears it and may speak in it, at 16,000 Hz."""
    options = MediaStreamingOptions(
        transport_url=f"ws://127.0.0.1:{listener.port}/audio",
        transport_type=StreamingTransportType.WEBSOCKET,
        content_type=MediaStreamingContentType.AUDIO,
        audio_channel_type=MediaStreamingAudioChannelType.MIXED,
        audio_format=AudioFormat.PCM16_K_MONO,
        start_media_streaming=True,
        enable_bidirectional=True,
    )
    call = room.call(*numbers, streaming=options)
    room.webhook.wait("MediaStreamingStarted", callConnectionId=call.id)
    return call


def streamed_audio(listener: Listener) -> Samples:
    """All that the app has heard."""
    data = [one["audioData"]["data"] for one in list(listener.frames) if one["kind"] == "AudioData"]
    return np.frombuffer(b"".join(map(base64.b64decode, data)), "<i2").astype(np.int64)


@pytest.fixture
def app_in_group(room: Room, listener: Listener) -> Iterator[Call]:
    call = streamed(room, listener, ALICE, BOB)
    yield call
    ended(room, call)


def spoken_by_the_app(seed: int) -> Samples:
    """Half a second of all that 16,000 Hz can hold."""
    return np.random.default_rng(seed).integers(-6_000, 6_001, 16_000 // 2)


def test_what_an_app_says_is_recorded_as_it_was_sent(
    room: Room, listener: Listener, app_in_group: Call
) -> None:
    """In a narrowband call: through the filter to 8,000 Hz."""
    voice = spoken_by_the_app(1)
    threading.Event().wait(SETTLED)
    recording = Recording(room, app_in_group)
    alice = room.phone(ALICE)
    before = len(alice.heard())
    listener.say(voice.astype("<i2").tobytes())
    until(lambda: np.count_nonzero(alice.heard()[before:]) > len(voice) // 2 - 2 * FRAME)
    alice.play("wait 0.4")
    samples = recording.stop().samples[:, 0]
    low, _ = low_and_between(samples)
    wanted = narrowed(np.concatenate([voice, np.zeros(2 * FRAME, np.int64)]))
    at = near(np.rint(wanted).astype(np.int64), low)
    got = low[at : at + len(wanted)]
    assert np.abs(got - wanted).max() <= 0.51
    assert not low[:at].any()
    assert not low[at + len(wanted) :].any()


def test_the_channels_of_an_unmixed_recording_are_aligned_to_the_sample(
    room: Room, listener: Listener, app_in_group: Call
) -> None:
    """Everybody alone, as far from each other as in the mix that the app hears."""
    alice, bob = room.phone(ALICE), room.phone(BOB)

    def scene(seed: int) -> bool | None:
        a, b, prompt = noise(seed, 1.0), noise(seed + 1, 1.0), noise(seed + 2, 1.0)
        room.webhook.files[f"/unmixed{seed}.wav"] = wav_of(prompt)
        threading.Event().wait(SETTLED)
        recording = Recording(room, app_in_group, unmixed=True, channel_affinity=[affinity(ALICE, 2)])
        before = len(streamed_audio(listener))
        say(bob, b)
        alice.play("wait 0.3")
        say(alice, a)
        said(alice)
        context = f"unmixed{seed}"
        app_in_group.sdk.play_media_to_all(room.file(f"unmixed{seed}.wav"), operation_context=context)
        room.webhook.wait("PlayCompleted", operationContext=context)
        alice.play("wait 0.2")
        recorded = recording.stop()
        assert recorded.samples.shape[1] == 3
        lines = [low_and_between(recorded.samples[:, channel])[0] for channel in range(3)]
        # Whom nobody gave a channel has the next free one when first heard.
        spoken = (b, prompt, a)
        places = [where(one, line) for one, line in zip(spoken, lines, strict=True)]
        mixed = streamed_audio(listener)[before - before % 2 :]
        mix = low_and_between(mixed)[0]
        at = near(a, mix)
        ahead = places[2] - places[0]
        if min(places) < 0 or not np.array_equal(mix[at + len(b) - ahead : at + len(a)], a[len(b) - ahead :]):
            return None
        for line, place, one in zip(lines, places, spoken, strict=True):
            assert np.array_equal(line, placed(len(line), (place, one))), "nobody else on the channel"
        whole = placed(ahead + len(a), (0, b), (ahead, a))
        assert np.array_equal(mix[at - ahead : at + len(a)], whole)
        # Where the prompt is: as far behind the other's voice as the phone heard it.
        heard = bob.heard().astype(np.int64)
        assert where(through(prompt), heard) - where(a, heard) == places[1] - places[2]
        names = [(one["participantId"], one.get("channel")) for one in recorded.metadata["participants"]]
        assert (f"4:{ALICE}", 2) in names
        assert (f"4:{BOB}", 0) in names
        assert len(names) == 3
        return True

    assert undisturbed(scene)


def test_the_ordering_gives_channels_whoever_speaks_first(room: Room, group: Call) -> None:
    alice, bob = room.phone(ALICE), room.phone(BOB)

    def scene(seed: int) -> bool | None:
        a, b = noise(seed, 0.5), noise(seed + 1, 0.5)
        threading.Event().wait(SETTLED)
        ordering = [PhoneNumberIdentifier(BOB), PhoneNumberIdentifier(ALICE)]
        recording = Recording(room, group, unmixed=True, audio_channel_participant_ordering=ordering)
        say(alice, a)
        said(alice)
        say(bob, b)
        said(bob)
        recorded = recording.stop()
        lines = [low_and_between(recorded.samples[:, channel])[0] for channel in range(2)]
        places = where(b, lines[0]), where(a, lines[1])
        if min(places) < 0:
            return None
        assert recorded.samples.shape[1] == 2
        for line, place, one in zip(lines, places, (b, a), strict=True):
            assert np.array_equal(line, placed(len(line), (place, one)))
        return True

    assert undisturbed(scene)


LAG = (DELAY_MS + 60) * RATE // 1_000
"""Samples that what is said waits at most before it is heard."""


@pytest.mark.parametrize("unmixed", [False, True], ids=["mixed", "unmixed"])
def test_a_pause_leaves_nothing_of_what_was_said_in_it(room: Room, group: Call, unmixed: bool) -> None:
    """Alice goes on and on: what the file lacks of it is what was said between both answers, and no more."""
    alice = room.phone(ALICE)

    def scene(seed: int) -> bool | None:
        a = noise(seed, 5.0)
        threading.Event().wait(SETTLED)
        recording = Recording(room, group, unmixed=unmixed)
        say(alice, a)
        alice.play("wait 1.7")
        moments = [len(a) - unsaid(alice)]
        recording.client.pause_recording(recording.id)
        moments.append(len(a) - unsaid(alice))
        alice.play("wait 1.3")
        moments.append(len(a) - unsaid(alice))
        recording.client.resume_recording(recording.id)
        moments.append(len(a) - unsaid(alice))
        said(alice)
        low, _ = low_and_between(recording.stop().samples[:, 0])
        start = where(a[:RATE], low)
        if start < 0:
            return None
        there = low[start : start + len(a)]
        pause = int(np.argmax(there != a[: len(there)]))
        back = where(there[pause : pause + RATE], a)
        if back < 0 or not np.array_equal(
            low, placed(len(low), (start, np.concatenate([a[:pause], a[back:]])))
        ):
            return None
        asked, paused, asked_again, resumed = moments
        assert asked - LAG <= pause <= paused
        assert asked_again - LAG <= back <= resumed
        for at in range(paused, asked_again - LAG, FRAME):
            assert where(a[at : at + FRAME], low) < 0
        return True

    assert undisturbed(scene)
