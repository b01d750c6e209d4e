"""In-band DTMF on bad lines: speech that is no key, clicks, and packets that do not arrive."""

from __future__ import annotations

import math

import numpy as np
import pytest
from plane_bench import CODES, FRAME, Bench, through_alaw, through_ulaw
from test_plane_dtmf import RNG, Lanes, level, quiet, tone

from hookflash.plane.memory import Faults

RATE = 8000
VOWELS = np.array(
    [
        (270, 2290, 3010, 3500),
        (390, 1990, 2550, 3500),
        (530, 1840, 2480, 3500),
        (660, 1720, 2410, 3500),
        (730, 1090, 2440, 3400),
        (570, 840, 2410, 3400),
        (440, 1020, 2240, 3300),
        (300, 870, 2240, 3300),
        (640, 1190, 2390, 3400),
        (490, 1350, 1690, 3300),
    ],
    float,
)
"""Formants of English vowels in Hz."""
WIDTHS = np.array([60.0, 90.0, 120.0, 175.0])


def glide(rng, voices, samples, choices, each):
    """Per voice a smooth path through random rows of ``choices``, a new one every ``each`` samples."""
    count = samples // each + 2
    points = np.asarray(choices)[rng.integers(0, len(choices), (voices, count))]
    at = np.arange(samples) / each
    left = at.astype(int)
    # Half of the time on the vowel, half on the way to the next one.
    part = np.clip(2 * (at - left) - 0.5, 0, 1)
    part = part.reshape(1, -1, *([1] * (points.ndim - 2)))
    return points[:, left] * (1 - part) + points[:, left + 1] * part


def speech(rng, voices, seconds):
    """Synthetic voices: pulses with gliding pitch through four gliding resonances, breath, pauses."""
    samples = int(seconds * RATE)
    n = np.arange(samples)
    base = rng.uniform(75, 320, (voices, 1))
    bend = glide(rng, voices, samples, np.linspace(0.75, 1.4, 12), 2400)
    shake = 1 + 0.01 * np.sin(2 * math.pi * rng.uniform(4, 7, (voices, 1)) * n / RATE)
    phase = np.cumsum(base * bend * shake / RATE, axis=1)
    pulses = np.diff(np.floor(phase), axis=1, prepend=0) + rng.normal(0, 0.02, phase.shape)
    formants = glide(rng, voices, samples, VOWELS, 1600)
    radius = np.exp(-math.pi * WIDTHS / RATE)
    turn = 2 * radius * np.cos(2 * math.pi * formants / RATE)
    gain = 1 - turn + radius**2
    out = np.zeros((samples, voices))
    glottis = np.zeros(voices)
    last, before = np.zeros((2, 4, voices))
    turn, gain = (np.ascontiguousarray(a.transpose(1, 2, 0)) for a in (turn, gain))
    square = (radius**2)[:, None]
    for t in range(samples):
        glottis = 0.9 * glottis + pulses[:, t]
        value = glottis
        for k in range(4):
            value = gain[t, k] * value + turn[t, k] * last[k] - square[k] * before[k]
            before[k] = last[k]
            last[k] = value
        out[t] = value
    loud = glide(rng, voices, samples, [0.0, 0.3, 0.7, 1.0, 1.0], 1200)
    voice = out.T * loud
    return voice * (level(-8) / np.abs(voice).max(axis=1, keepdims=True))


@pytest.fixture(autouse=True)
def same_noise():
    """Every test draws the same numbers, whichever tests run."""
    RNG.bit_generator.state = np.random.default_rng(20).bit_generator.state


@pytest.fixture(scope="module")
def voices():
    """Four minutes."""
    return speech(np.random.default_rng(12), 48, 5.0)


@pytest.mark.parametrize("law", [through_ulaw, through_alaw])
def test_four_minutes_of_speech_hold_no_key(law, voices):
    # At the level of speech on a line, and shouted into it.
    loud = [voice * factor for voice in voices for factor in (1.0, 3.0)]
    assert "".join(Lanes(len(loud)).run(loud, law)) == ""


def test_the_speech_is_loud_and_voiced_enough_to_be_looked_at(voices):
    """Silence would pass the test above as well."""
    power = 10 * np.log10((voices**2).mean() / level(0) ** 2 * 2)
    assert -30 < power < -8
    spectrum = np.abs(np.fft.rfft(voices * np.hanning(voices.shape[1]))) ** 2
    band = np.fft.rfftfreq(voices.shape[1], 1 / RATE)
    inside = spectrum[:, (band > 600) & (band < 1700)].sum() / spectrum[:, band > 50].sum()
    assert inside > 0.05


def test_a_key_over_faint_speech_is_heard_and_no_other_one(voices):
    keyed = []
    for key, voice in zip(CODES, voices[:16], strict=True):
        mixed = voice[:RATE] * 0.05
        mixed[2000 : 2000 + 800] += tone(key, 100, low=-8, high=-6)
        keyed.append(mixed)
    assert Lanes(16).run(keyed) == list(CODES)


def test_clicks_and_steps_are_no_keys():
    rng = np.random.default_rng(3)
    n = np.arange(RATE * 2)
    signals = []
    for every in (8, 9, 10, 11, 13, 40, 57, 80, 115, 160, 400, 1000):
        train = np.zeros(len(n))
        train[::every] = 30000
        signals.append(train)
        train = np.zeros(len(n))
        train[::every] = 30000 * rng.choice([-1, 1], len(train[::every]))
        signals.append(train)
    signals.append(np.where(rng.random(len(n)) < 0.01, rng.normal(0, 20000, len(n)), 0.0))
    signals.append(np.where(n // 800 % 2, 20000.0, -20000.0))
    signals += [np.where(np.sin(2 * math.pi * hz * n / RATE) > 0, 9000.0, -9000.0) for hz in (350, 697, 770)]
    for law in (through_ulaw, through_alaw):
        assert "".join(Lanes(len(signals)).run(signals, law)) == ""


def test_a_click_in_a_key_does_not_hide_or_double_it():
    signals = []
    for at in range(100, 1000, 60):
        signal = np.concatenate([tone("6", 160), quiet(100)])
        signal[at] = 30000
        signals.append(signal)
    assert Lanes(len(signals)).run(signals) == ["6"] * len(signals)


@pytest.mark.parametrize("loss", [0.01, 0.02, 0.03])
def test_events_survive_loss(loss):
    bench = Bench(faults=Faults(loss=loss), seed=round(1000 * loss))
    phone = bench.leg(1)
    keys = CODES * 12
    for key in keys:
        phone.say()
        bench.tick()
        for tick in phone.press(key, 5):
            for packet in tick:
                phone.raw(packet)
            bench.tick()
    bench.tick(10)
    assert bench.keys(1) == keys


@pytest.mark.parametrize("loss", [0.01, 0.02, 0.03])
@pytest.mark.parametrize("ms", [80, 100, 140])
def test_keys_in_the_audio_survive_loss(loss, ms):
    """No key is ever doubled or mistaken; two packets lost in a row may cost one."""
    bench = Bench(faults=Faults(loss=loss), seed=round(1000 * loss) + ms)
    lanes = 20
    phones = [bench.leg(n, n, event=-1) for n in range(lanes)]
    keys = CODES
    # Keys begin anywhere in a packet.
    line = np.concatenate([np.concatenate([tone(key, ms), quiet(93)]) for key in keys] + [quiet(300)])
    line = np.round(line).astype(np.int16)
    for at in range(0, len(line) - FRAME + 1, FRAME):
        for phone in phones:
            phone.say(line[at : at + FRAME])
        bench.tick()
    total = 0
    for n in range(lanes):
        heard = bench.keys(n)
        rest = iter(keys)
        assert all(key in rest for key in heard), heard
        total += len(heard)
    packets = lanes * (len(line) // FRAME)
    arrived = int(bench.plane.columns.receive.total[:lanes].sum())
    assert 0.5 * loss < (packets - arrived) / packets < 2 * loss
    assert total >= 0.985 * lanes * len(keys)
