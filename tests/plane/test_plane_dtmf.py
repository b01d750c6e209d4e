"""In-band DTMF: the accept and reject rows of ITU-T Q.24 on synthesised signals, and the plane around it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from plane_bench import FRAME, Bench, sine, through_alaw, through_ulaw

from hookflash.plane.columns import HISTORY, PAST, clear_row, make_columns
from hookflash.plane.kernels import dtmf
from hookflash.plane.kernels.compiling import kernel
from hookflash.plane.kernels.tones import COLUMNS, ROWS
from hookflash.ports.plane import SendTones, TonesSent

CODES = "0123456789*#ABCD"
RNG = np.random.default_rng(20)


@pytest.fixture(autouse=True)
def same_noise():
    """Every test draws the same numbers, whichever tests run."""
    RNG.bit_generator.state = np.random.default_rng(20).bit_generator.state


def level(dbm0: float) -> float:
    """Amplitude of a tone at a level."""
    return 32767 * 10 ** ((dbm0 - 3.14) / 20)


def tone(key: str, ms: float, *, low=-10.0, high=-10.0, off_low=0.0, off_high=0.0):
    n = np.arange(round(8 * ms))
    code = CODES.index(key)
    parts = []
    for hz, dbm0, off in ((ROWS[code], low, off_low), (COLUMNS[code], high, off_high)):
        parts.append(
            level(dbm0) * np.sin(2 * math.pi * hz * (1 + off) * n / 8000 + RNG.uniform(0, 2 * math.pi))
        )
    return parts[0] + parts[1]


def quiet(ms: float):
    return np.zeros(round(8 * ms))


class Lanes:
    """Many signals at once through one call of the kernel a tick, each in a row of its own."""

    def __init__(self, rows: int) -> None:
        self.columns = make_columns(rows)
        for row in range(rows):
            clear_row(self.columns, row)
        self.columns.setup.open[:] = 1

    def run(self, signals, law=through_ulaw) -> list[str]:
        """The keys of each signal, after mu-law or A-law."""
        found = [""] * len(signals)
        frames = max(-(-len(s) // FRAME) for s in signals) + 4
        block = np.zeros((len(signals), frames * FRAME), np.int16)
        for row, signal in enumerate(signals):
            # Any phase against the tick.
            at = int(RNG.integers(0, FRAME))
            samples = np.round(np.clip(signal, -32768, 32767)).astype(np.int16)
            block[row, at : at + len(samples)] = samples
            block[row] = law(block[row])
        c = self.columns
        c.jitter.silent[:] = 9
        c.jitter.silent[: len(signals)] = 0
        for t in range(frames):
            heard = c.jitter.heard[: len(signals)]
            heard[:, :PAST] = heard[:, FRAME:].copy()
            heard[:, PAST:] = block[:, t * FRAME : (t + 1) * FRAME]
            dtmf.detect_keys(c.setup, c.receive, c.jitter, c.detect, len(signals), t)
            for row in np.flatnonzero(c.detect.key[: len(signals)] >= 0):
                found[row] += CODES[c.detect.key[row]]
        return found


def decide(make, trials: int = 3) -> list[tuple[str, str, str]]:
    """(law, key, what was heard) for every key and both laws, ``trials`` phases each."""
    keys = [key for key in CODES for _ in range(trials)]
    verdicts: list[tuple[str, str, str]] = []
    for law in (through_ulaw, through_alaw):
        heard = Lanes(len(keys)).run([make(key) for key in keys], law)
        verdicts += zip([law.__name__] * len(keys), keys, heard, strict=True)
    return verdicts


def accepts(make, trials: int = 3, repeat: int = 1) -> None:
    wrong = [verdict for verdict in decide(make, trials) if verdict[2] != verdict[1] * repeat]
    assert wrong == []


def rejects(make, trials: int = 3) -> None:
    wrong = [verdict for verdict in decide(make, trials) if verdict[2]]
    assert wrong == []


def test_nominal_keys():
    accepts(lambda k: tone(k, 50), trials=8)


@pytest.mark.parametrize("off", [0.015, -0.015, 0.018, -0.018])
def test_small_frequency_errors_are_accepted(off):
    accepts(lambda k: tone(k, 60, off_low=off, off_high=off))
    accepts(lambda k: tone(k, 60, off_low=off, off_high=-off))
    accepts(lambda k: tone(k, 60, off_low=off))
    accepts(lambda k: tone(k, 60, off_high=off))


@pytest.mark.parametrize("off", [0.03, -0.03, 0.035, -0.035])
def test_large_frequency_errors_are_rejected(off):
    rejects(lambda k: tone(k, 100, off_low=off, off_high=off))
    rejects(lambda k: tone(k, 100, off_low=off))
    rejects(lambda k: tone(k, 100, off_high=off))


@pytest.mark.parametrize("dbm0", [-3, -10, -20, -25])
def test_levels_in_range_are_accepted(dbm0):
    accepts(lambda k: tone(k, 50, low=dbm0, high=dbm0))


def test_the_loudest_level_is_accepted_although_it_clips():
    accepts(lambda k: tone(k, 50, low=0, high=0))


@pytest.mark.parametrize("dbm0", [-45, -55])
def test_levels_out_of_range_are_rejected(dbm0):
    rejects(lambda k: tone(k, 100, low=dbm0, high=dbm0))


@pytest.mark.parametrize("twist", [4, -8])
def test_allowed_twist_is_accepted(twist):
    accepts(lambda k: tone(k, 50, low=-14, high=-14 + twist))


@pytest.mark.parametrize("twist", [10, -12])
def test_extreme_twist_is_rejected(twist):
    rejects(lambda k: tone(k, 100, low=-14, high=-14 + twist))


def test_durations():
    accepts(lambda k: tone(k, 40), trials=8)
    rejects(lambda k: tone(k, 23), trials=8)


@pytest.mark.parametrize("pause", [30, 40])
def test_a_pause_makes_two_keys(pause):
    accepts(lambda k: np.concatenate([tone(k, 60), quiet(pause), tone(k, 60)]), trials=6, repeat=2)


def test_a_short_interruption_makes_one_key():
    accepts(lambda k: np.concatenate([tone(k, 60), quiet(10), tone(k, 60)]), trials=6)


def test_fast_dialling():
    accepts(lambda k: np.concatenate([tone(k, 50), quiet(43)] * 8), trials=2, repeat=8)


@pytest.mark.parametrize("snr", [24, 18, 15, 12])
def test_noise_is_borne(snr):
    def noisy(key):
        clean = np.concatenate([quiet(40), tone(key, 60), quiet(40)])
        # White over the band of a line: half of it falls outside what was asked for.
        power = level(-10) ** 2 / 10 ** (snr / 10)
        return clean + RNG.normal(0, math.sqrt(power), len(clean))

    accepts(noisy, trials=3)


def test_a_dial_tone_under_the_key_is_borne():
    def over_dial_tone(key):
        n = np.arange(8 * 160)
        dial = level(-16) * (np.sin(2 * math.pi * 350 * n / 8000) + np.sin(2 * math.pi * 440 * n / 8000))
        key_part = np.concatenate([quiet(50), tone(key, 60, low=-6, high=-6), quiet(50)])
        return dial + key_part

    accepts(over_dial_tone)


OTHER = {
    "ring": (440, 480),
    "busy": (480, 620),
    "dial": (350, 440),
    "dial 425": (425,),
    "sit 950": (950,),
    "sit 1400": (1400,),
    "sit 1800": (1800,),
    "fax calling": (1100,),
    "fax answer": (2100,),
    "row alone": (770,),
    "column alone": (1336,),
    "two rows": (697, 852),
    "two columns": (1209, 1477),
    "modem": (1200, 2200),
}


def test_other_tones_are_no_keys():
    n = np.arange(8 * 600)
    signals = [
        sum(level(-10) * np.sin(2 * math.pi * hz * n / 8000 + RNG.uniform(0, 6)) for hz in tones)
        for tones in OTHER.values()
    ]
    for law in (through_ulaw, through_alaw):
        heard = Lanes(len(signals)).run(signals, law)
        assert dict(zip(OTHER, heard, strict=True)) == dict.fromkeys(OTHER, "")


def test_noise_and_voiced_buzz_are_no_keys():
    n = np.arange(8000 * 4)
    signals = [RNG.normal(0, 5000, len(n))]
    for pitch in np.linspace(80, 280, 47):
        # A glottal buzz with moving formants: harmonics sweep over all the tones.
        sweep = pitch * (1 + 0.2 * np.sin(2 * math.pi * 0.7 * n / 8000))
        phase = 2 * math.pi * np.cumsum(sweep) / 8000
        voice = sum(np.sin(h * phase) / h for h in range(1, 14))
        signals.append(6000 * voice * (0.6 + 0.4 * np.sin(2 * math.pi * 3 * n / 8000)))
    assert "".join(Lanes(len(signals)).run(signals)) == ""


@pytest.mark.parametrize("hz", [833, 834, 836])
def test_a_note_and_its_octave_are_no_key(hz):
    # As near to C as the tolerance of each tone lets them, but the one is the other's second harmonic.
    n = np.arange(8 * 300)
    octave = level(-12) * (np.sin(2 * math.pi * hz * n / 8000) + np.sin(4 * math.pi * hz * n / 8000 + 1))
    for law in (through_ulaw, through_alaw):
        assert Lanes(1).run([octave], law) == [""]
        # Of the same two errors of frequency a little less is still a key.
        assert Lanes(1).run([tone("C", 60, off_low=-0.018, off_high=0.018)], law) == ["C"]


@pytest.mark.parametrize("hz_a_second", [-900, -600, 600, 900])
def test_tones_that_glide_through_a_key_are_none(hz_a_second):
    """As two overtones of a vowel do that ends: each is near enough to its frequency for 40 ms or so."""

    def gliding(key):
        t = np.arange(-600, 600) / 8000
        code = CODES.index(key)
        return sum(
            level(-10) * np.sin(2 * math.pi * (hz + hz_a_second * t / 2) * t + RNG.uniform(0, 2 * math.pi))
            for hz in (ROWS[code], COLUMNS[code])
        )

    rejects(gliding)


# --- the plain form, the gates ---


def test_silence_and_comfort_noise_are_not_looked_at():
    """Marked so, even a key is not heard; what began before is heard to its end, and ends."""
    for silent, noisy in ((1, 0), (0, 1)):
        lanes = make_columns(1)
        clear_row(lanes, 0)
        lanes.setup.open[0] = 1
        lanes.jitter.silent[0], lanes.jitter.noisy[0] = silent, noisy
        line = np.round(tone("5", 100)).astype(np.int16)
        for at in range(0, len(line) - FRAME, FRAME):
            lanes.jitter.heard[0, :PAST] = lanes.jitter.heard[0, FRAME:].copy()
            lanes.jitter.heard[0, PAST:] = line[at : at + FRAME]
            assert dtmf.detect_keys(lanes.setup, lanes.receive, lanes.jitter, lanes.detect, 1, at) == 0
        assert lanes.detect.candidate[0] == lanes.detect.near[0] == -1


@pytest.mark.parametrize("silent", [0, 1])
def test_a_key_that_ends_with_its_frame_is_heard_before_silence(silent):
    """40 ms in two frames: of 13 blocks that pass some end in the silent frame after."""
    for _ in range(20):
        lanes = make_columns(1)
        clear_row(lanes, 0)
        lanes.setup.open[0] = 1
        line = np.round(np.concatenate([tone("5", 40), quiet(100)])).astype(np.int16)
        found = held = 0
        for at in range(0, len(line), FRAME):
            lanes.jitter.silent[0] = silent * (at >= 320)
            lanes.jitter.heard[0, :PAST] = lanes.jitter.heard[0, FRAME:].copy()
            lanes.jitter.heard[0, PAST:] = line[at : at + FRAME]
            found += dtmf.detect_keys(lanes.setup, lanes.receive, lanes.jitter, lanes.detect, 1, at)
            held += lanes.detect.held[0] >= 0
        assert found == 1
        assert held >= 1
        assert lanes.detect.held[0] == -1


@kernel
def follow(detect, row, verdict):
    dtmf.follow(detect, row, verdict)


@kernel
def offset_hz(re, im, re_before, im_before, nominal):
    return dtmf.offset_hz(re, im, re_before, im_before, nominal)


@kernel
def amplitude(re, im, off):
    return dtmf.amplitude(re, im, off)


@kernel
def passes(energy, row, column, z, before):
    return dtmf.passes(energy, row, column, z, before)


def test_the_plain_form_decides_the_same():
    signals = [tone("5", 50), tone("5", 23), sine(770, 500)]
    fast = Lanes(3)
    assert fast.run(signals) == ["5", "", ""]
    columns = fast.columns
    x = np.zeros(HISTORY + FRAME, np.float32)
    z = np.zeros((2, 4), np.float32)
    power = np.zeros(1, np.float32)
    x[:] = tone("5", 42)
    assert dtmf.coarse.py_func(x, power) == dtmf.coarse(x, power) == 5
    assert dtmf.coarse.py_func(x * np.float32(0.001), power) == -1
    x[:] = sine(770, HISTORY + FRAME)
    assert dtmf.coarse.py_func(x, power) == dtmf.coarse(x, power) == -1
    x[:] = tone("5", 42)
    columns.detect.held[0] = -1
    dtmf.detect_frame(columns.detect, 0, 5, x, z)
    assert columns.detect.passes[0] == 8
    energy = dtmf.measure(x[:176], 1, 5, z[0])
    assert dtmf.measure.py_func(x[:176], 1, 5, z[1]) == pytest.approx(energy, rel=1e-3)
    assert np.allclose(z[0], z[1], rtol=1e-3, atol=100)


def test_the_plain_state_follows_the_same_way():
    verdicts = RNG.choice([-1, -1, 3, 3, 3, 3, 7], 3000)
    verdicts[500:520] = verdicts[700:720] = 3
    verdicts[520:560] = -1
    fast, plain = make_columns(48).detect, make_columns(48).detect
    for detect in (fast, plain):
        for name in ("near", "candidate", "held", "key"):
            getattr(detect, name)[0] = -1
    for verdict in verdicts:
        follow(fast, 0, verdict)
        dtmf.follow(plain, 0, verdict)
        assert [a[0] for a in fast] == [a[0] for a in plain]
    assert fast.key[0] >= 0


def test_the_offset_of_a_tone_is_measured_to_a_hertz():
    for off in (-40.0, -12.5, 0.0, 3.0, 39.0):
        n = np.arange(HISTORY + FRAME)
        x = (
            5000 * np.sin(2 * math.pi * (941 + off) * n / 8000) + 5000 * np.sin(2 * math.pi * 1633 * n / 8000)
        ).astype(np.float32)
        z = np.zeros((2, 4), np.float32)
        dtmf.measure(x[:176], 3, 7, z[0])
        dtmf.measure(x[20:196], 3, 7, z[1])
        for form in (offset_hz, dtmf.offset_hz):
            assert form(z[1, 0], z[1, 1], z[0, 0], z[0, 1], 941.0) == pytest.approx(off, abs=1.5)
        for form in (amplitude, dtmf.amplitude):
            assert form(z[1, 0], z[1, 1], off) == pytest.approx(5000, rel=0.03)
        assert passes(1e9, 3, 7, z[1], z[0]) == dtmf.passes(1e9, 3, 7, z[1], z[0])


# --- in the plane ---


def say(bench, phone, samples):
    for at in range(0, len(samples) - FRAME + 1, FRAME):
        phone.say(np.round(samples[at : at + FRAME]).astype(np.int16))
        bench.tick()


def test_a_phone_without_events_is_understood():
    bench = Bench()
    phone = bench.leg(1, event=-1)
    say(
        bench, phone, np.concatenate([np.concatenate([tone(k, 80), quiet(80)]) for k in CODES] + [quiet(200)])
    )
    assert bench.keys(1, "inband") == CODES


def test_events_switch_the_detector_off():
    bench = Bench()
    phone = bench.leg(1)
    for tick in phone.press("1"):
        for packet in tick:
            phone.raw(packet)
        bench.tick()
    say(bench, phone, np.concatenate([tone("5", 100), quiet(200)]))
    assert bench.keys(1) == "1"


def test_a_key_heard_both_ways_is_one():
    bench = Bench()
    phone = bench.leg(1)
    say(bench, phone, np.concatenate([tone("5", 140)]))
    for tick in phone.press("5"):
        for packet in tick:
            phone.raw(packet)
        bench.tick()
    say(bench, phone, quiet(200))
    assert bench.keys(1) == "5"
    for tick in phone.press("5"):
        for packet in tick:
            phone.raw(packet)
        bench.tick()
    assert bench.keys(1) == "55"


def test_a_lost_packet_inside_a_key_does_not_double_it():
    for lost in range(1, 5):
        bench = Bench()
        phone = bench.leg(1, event=-1)
        samples = np.concatenate([tone("8", 100), quiet(200)])
        for i in range(len(samples) // FRAME):
            if i == lost:
                phone.skip()
            else:
                phone.say(np.round(samples[i * FRAME : (i + 1) * FRAME]).astype(np.int16))
            bench.tick()
        assert bench.keys(1) in ("8", "")
        assert bench.keys(1) == "8" or lost in (2, 3)


@pytest.mark.parametrize(("codec", "kind"), [("PCMU", 0), ("PCMA", 8)])
def test_keys_sent_in_band_are_heard_by_another_plane(codec, kind):
    bench, other = Bench(), Bench(seed=1)
    bench.leg(1, event=-1, codec=codec, kind=kind)
    phone = other.leg(1, event=-1, codec=codec, kind=kind)
    bench.do(SendTones(1, 1, CODES, 80, 70))
    bench.tick(130)
    assert len(bench.of(TonesSent)) == 1
    for _, data in bench.endpoint(1).sent:
        other.net.deliver(phone.port, data, phone.address)
        other.tick()
    assert other.keys(1) == CODES


def test_in_band_keys_are_exact_to_the_sample_and_replace_the_audio():
    bench = Bench()
    bench.leg(1, event=-1)
    bench.play(1, np.full(8000, 3000, np.int16), (1,))
    bench.do(SendTones(1, 1, "19", 90, 50))
    bench.tick(20)
    heard = bench.heard_by_peer(1)
    assert np.abs(heard[:720]).max() > 10000
    assert not heard[720 : 720 + 400].any()
    assert heard[1121:1840].any()
    assert not heard[1840 : 1840 + 400].any()
    assert heard[14 * FRAME] == through_ulaw(np.array([3000], np.int16))[0]
    spectrum = np.abs(np.fft.rfft(heard[:720] * np.hanning(720)))
    loudest = sorted(int(i * 8000 / 720) for i in np.argsort(spectrum)[-2:])
    assert [round(f / 10) for f in loudest] in (
        [70, 121],
        [68, 121],
        [70, 120],
        [68, 120],
        [69, 121],
        [69, 120],
    )
