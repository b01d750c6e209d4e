"""The voice gate: opened by voices within 60 ms, by nothing else; closed 300 ms after the last of them.

The sounds are the same in every run: what noise looks like is a matter of chance, and a rate no property.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from speech.sounds import (
    FRAME,
    RATE,
    VOWELS,
    Samples,
    Wave,
    breath,
    coloured,
    frames,
    knock,
    samples,
    silence,
    telephone,
    tones,
    vowel,
    white,
)

from hookflash.speech.gate import PITCHED, RELEASE, Change, VoiceGate, is_tone, periodicity

LOW, HIGH = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
seeds = st.integers(0, 2**32 - 1)


def changes(pcm: Samples) -> list[tuple[int, Change]]:
    """Each change, with the number of the frame that brought it."""
    gate = VoiceGate()
    found = ((number, gate.feed(frame)) for number, frame in enumerate(frames(pcm)))
    return [(number, change) for number, change in found if change is not None]


def over_line_noise(wave: Wave, seed: int, level: float = -66.0) -> Samples:
    return samples(wave + white(np.random.default_rng(seed), len(wave) / RATE, level))


@settings(deadline=None, derandomize=True, max_examples=150)
@given(
    name=st.sampled_from(sorted(VOWELS)),
    pitch=st.floats(85, 260),
    level=st.floats(-35, -12),
    noise=st.floats(-75, -58),
    begin=st.integers(RATE // 2, RATE // 2 + FRAME),
    seed=seeds,
    phone=st.booleans(),
)
def test_a_voice_opens_it_within_60_ms(name, pitch, level, noise, begin, seed, phone):
    wave = np.concatenate([silence(begin / RATE), vowel(name, pitch, 0.5, level), silence(1.0)])
    pcm = over_line_noise(wave, seed, noise)
    found = changes(telephone(pcm) if phone else pcm)
    assert [change.voice for _, change in found] == [True, False]
    decided, began = found[0]
    # The voice swells for 10 ms; it counts from the middle of that.
    heard = begin + RATE // 200
    assert (decided + 1) * FRAME - heard <= 0.060 * RATE
    assert abs(began.frame * FRAME - begin) <= 0.045 * RATE


@settings(deadline=None, derandomize=True, max_examples=60)
@given(name=st.sampled_from(sorted(VOWELS)), pitch=st.floats(85, 260), length=st.floats(0.2, 1.0), seed=seeds)
@example(name="eh", pitch=258.0, length=1.0, seed=0)  # two of its lines stand out as those of a key do
@example(name="eh", pitch=260.0, length=1.0, seed=0)
def test_the_end_of_a_voice_is_told_exactly_and_300_ms_later(name, pitch, length, seed):
    wave = np.concatenate([silence(0.5), vowel(name, pitch, length), silence(1.0)])
    found = changes(over_line_noise(wave, seed))
    decided, ended = found[-1]
    assert not ended.voice
    assert abs(ended.frame * FRAME - (0.5 + length) * RATE) <= 0.045 * RATE
    assert decided == ended.frame + RELEASE - 1


def test_pauses_between_words_do_not_close_it():
    words = [vowel("ah", 120, 0.3), silence(0.2), vowel("ee", 130, 0.3), silence(0.28), vowel("oo", 110, 0.3)]
    found = changes(over_line_noise(np.concatenate([silence(0.5), *words, silence(0.8)]), 7))
    assert [change.voice for _, change in found] == [True, False]


@settings(deadline=None, derandomize=True, max_examples=60)
@given(before=st.floats(-80, -50), level=st.floats(-65, -28), seed=seeds)
def test_noise_of_the_line_and_comfort_noise_do_not_open_it(before, level, seed):
    rng = np.random.default_rng(seed)
    assert not changes(samples(white(rng, 0.6, before), white(rng, 1.5, level), white(rng, 0.6, before)))


def test_breath_hardly_ever_opens_it():
    """Breath is noise, and noise may look like anything: two of 1,500 breaths did."""
    opened = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        length, level = rng.uniform(0.25, 0.9), rng.uniform(-40, -22)
        wave = np.concatenate([silence(0.6), breath(rng, length, level), silence(0.4)])
        opened += bool(changes(over_line_noise(wave, seed)))
    assert opened <= 2


def test_wind_and_traffic_that_begin_at_once_hardly_ever_open_it():
    opened = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        wave = np.concatenate([silence(0.5), coloured(rng, 1.0, rng.uniform(-55, -22))])
        opened += bool(changes(telephone(over_line_noise(wave, seed, -62.0))))
    assert opened <= 3


def test_knocks_hardly_ever_open_it():
    opened = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        wave = np.concatenate([silence(0.5), knock(rng, rng.uniform(-35, -10)), silence(0.1)])
        opened += bool(changes(telephone(over_line_noise(wave, seed, -62.0))))
    assert opened <= 3


@settings(deadline=None, derandomize=True, max_examples=60)
@given(count=st.integers(1, 6), length=st.floats(0.0005, 0.006), level=st.floats(-25, -8), seed=seeds)
def test_clicks_do_not_open_it(count, length, level, seed):
    rng = np.random.default_rng(seed)
    wave = silence(1.2)
    for _ in range(count):
        click = white(rng, length, level)
        at = int(rng.integers(RATE // 2, len(wave) - len(click)))
        wave[at : at + len(click)] += click
    assert not changes(telephone(over_line_noise(wave, seed, -62.0)))


@settings(deadline=None, derandomize=True, max_examples=80)
@given(
    name=st.sampled_from(sorted(VOWELS)),
    pitch=st.floats(85, 250),
    jitter=st.floats(0.05, 0.2),
    begin=st.integers(RATE // 2, RATE // 2 + FRAME),
    seed=seeds,
)
@example(name="ah", pitch=90.0, jitter=0.2, begin=RATE // 2 + 1, seed=1)
def test_a_voice_whose_first_periods_are_uneven_opens_it_in_time(name, pitch, jitter, begin, seed):
    rng = np.random.default_rng(seed)
    periods = [vowel(name, pitch * (1 + jitter * rng.standard_normal()), 1 / pitch) for _ in range(4)]
    periods = [one * rng.uniform(0.4, 1.0) for one in periods]
    wave = np.concatenate([silence(begin / RATE), *periods, vowel(name, pitch, 0.4), silence(0.2)])
    found = changes(telephone(over_line_noise(wave, seed, -62.0)))
    assert found, "it stayed shut"
    # Four periods and what is needed after them.
    heard = begin + RATE // 200
    assert (found[0][0] + 1) * FRAME - heard <= RATE * (4 / pitch + 0.060)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    keys=st.lists(st.tuples(st.sampled_from(LOW), st.sampled_from(HIGH)), min_size=1, max_size=4),
    length=st.floats(0.05, 0.3),
    gap=st.floats(0.05, 0.3),
    level=st.floats(-25, -9),
    begin=st.integers(0, FRAME),
    seed=seeds,
)
def test_keys_do_not_open_it(keys, length, gap, level, begin, seed):
    parts = [silence(0.5 + begin / RATE)]
    for key in keys:
        parts += [tones(key, length, level), silence(gap)]
    assert not changes(telephone(over_line_noise(np.concatenate(parts), seed)))


@settings(deadline=None, derandomize=True, max_examples=200)
@given(
    key=st.tuples(st.sampled_from(LOW), st.sampled_from(HIGH)),
    off=st.tuples(st.floats(-0.02, 0.02), st.floats(-0.02, 0.02)),
    twist=st.floats(-8, 6),
    begin=st.integers(0, FRAME),
    seed=seeds,
)
@example(key=(852, 1209), off=(-0.0046, 0.0195), twist=2.4, begin=130, seed=2)  # 12 ms of the first frame
@example(key=(941, 1336), off=(-0.0099, -0.0156), twist=-3.7, begin=139, seed=10)
def test_keys_that_are_off_do_not_open_it(key, off, twist, begin, seed):
    low, high = (tones((hz * (1 + by),), 0.15, -16.0) for hz, by in zip(key, off, strict=True))
    wave = np.concatenate([silence(0.5 + begin / RATE), low + high * 10 ** (twist / 20), silence(0.2)])
    assert not changes(telephone(over_line_noise(wave, seed, -62.0)))


@settings(deadline=None, derandomize=True, max_examples=100)
@given(
    name=st.sampled_from(sorted(VOWELS)), pitch=st.floats(240, 400), begin=st.integers(0, FRAME), seed=seeds
)
@example(name="aw", pitch=280.0, begin=0, seed=0)  # nearly all of it are its second and third overtone
@example(name="ah", pitch=380.0, begin=0, seed=0)
@example(name="oo", pitch=320.0, begin=0, seed=0)
def test_high_voices_open_it_though_few_lines_are_all_there_is_of_them(name, pitch, begin, seed):
    wave = np.concatenate([silence(0.5 + begin / RATE), vowel(name, pitch, 0.5), silence(0.2)])
    found = changes(telephone(over_line_noise(wave, seed, -62.0)))
    assert found, "it stayed shut"
    late = (found[0][0] + 1) * FRAME - RATE // 2 - begin - RATE // 200
    # A pitch near 300 Hz, and an "ee" or "oo", are a single line for as long as it takes the pitch to fall.
    assert late <= (0.060 if not 290 < pitch < 315 else 0.4) * RATE


@pytest.mark.parametrize(
    "frequencies", [(350, 440), (350, 450), (440, 480), (480, 620), (425,), (300,), (1000,), (2100,)]
)
def test_tones_of_machines_do_not_open_it(frequencies):
    wave = np.concatenate([silence(0.5), tones(frequencies, 1.0, -15.0), silence(0.5)])
    assert not changes(telephone(over_line_noise(wave, 3)))


def test_a_voice_is_heard_behind_a_key_and_over_noise_that_has_been_there():
    wave = np.concatenate([silence(0.5), tones((770, 1336), 0.2, -12), silence(0.1), vowel("ah", 110, 0.5)])
    (_, began), *_ = changes(over_line_noise(wave, 5, -45.0))
    assert began.voice
    assert abs(began.frame * FRAME / RATE - 0.8) < 0.05


def test_silence_and_direct_current_do_nothing():
    assert not changes(np.zeros(RATE, np.int16))
    assert not changes(np.full(RATE, 20_000, np.int16))


def test_lost_frames_count_as_silence():
    gate = VoiceGate()
    for frame in frames(over_line_noise(np.concatenate([silence(0.5), vowel("ah", 120, 0.5)]), 1)):
        gate.feed(frame)
    assert gate.open
    ended = gate.skip(1000)
    assert ended is not None
    assert not ended.voice
    assert ended.frame == 50
    assert not gate.open
    for number, frame in enumerate(frames(over_line_noise(vowel("ee", 150, 0.5), 2))):
        began = gate.feed(frame)
        if began is not None:
            assert 1050 <= began.frame <= 1050 + number
            break
    else:
        pytest.fail("the voice was not heard")


@settings(deadline=None, derandomize=True, max_examples=50)
@given(pitch=st.floats(75, 400), seed=seeds)
def test_what_repeats_itself_has_a_pitch_and_what_does_not_has_none(pitch, seed):
    rng = np.random.default_rng(seed)
    period = rng.standard_normal(round(RATE / pitch))
    smooth = np.convolve(np.tile(period, 40), np.ones(16) / 16, "valid")[: 2 * FRAME]
    assert periodicity((smooth * 6000).astype(np.int16)) > PITCHED
    assert periodicity(np.zeros(2 * FRAME, np.int16)) == 0.0


@settings(deadline=None, derandomize=True, max_examples=50)
@given(
    first=st.floats(350, 3000),
    second=st.floats(350, 3000),
    twist=st.floats(0.3, 1.0),
    size=st.sampled_from([1, 2]),
)
def test_one_and_two_lines_are_tones_and_vowels_are_not(first, second, twist, size):
    t = np.arange(size * FRAME) / RATE
    wave = 8000 * (np.sin(2 * np.pi * first * t) + twist * np.sin(2 * np.pi * second * t))
    assert is_tone(wave.astype(np.int16))
    assert not is_tone(np.zeros(size * FRAME, np.int16))
    assert not is_tone(samples(vowel("ah", 130, 0.1))[:640])
