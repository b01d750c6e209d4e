"""The binding to libopus: what comes back, what is lost, and what is no Opus at all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookflash.plane import opus
from hookflash.plane.opus import FRAME, LARGEST, LONGEST, UNSENT, OpusDecoder, OpusEncoder, why_no_opus
from hookflash.ports.plane import OpusTerms

SPEECH = (
    9000
    * np.sin(2 * np.pi * 220 * np.arange(32000) / 16000)
    * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * np.arange(32000) / 16000))
).astype(np.int16)


def packets(samples, encoder=None) -> list[bytes]:
    encoder = encoder or OpusEncoder()
    out = np.zeros(LARGEST, np.uint8)
    made = []
    for frame in samples.reshape(-1, FRAME):
        frame = np.ascontiguousarray(frame)
        size = encoder.encode(frame.ctypes.data, out.ctypes.data)
        assert size > 0
        made.append(out[:size].tobytes())
    return made


def alike(a, b, most=600) -> float:
    """The best correlation over the delays a codec may have."""
    a, b = a.astype(float), b.astype(float)
    size = min(len(a), len(b)) - most
    return max(float(np.corrcoef(a[:size], b[lag : lag + size])[0, 1]) for lag in range(0, most, 2))


def test_it_is_there():
    assert why_no_opus() == ""


def test_speech_comes_through():
    decoder = OpusDecoder()
    heard = []
    for packet in packets(SPEECH):
        assert decoder.samples(packet) == FRAME
        assert decoder.decode(packet) == FRAME
        heard.append(decoder.pcm[:FRAME].copy())
    assert alike(SPEECH[:20000], np.concatenate(heard)[:20600]) > 0.99


def test_what_is_lost_is_recovered_from_the_packet_behind_it():
    encoder = OpusEncoder()
    encoder.expect_loss(30)
    made = packets(SPEECH, encoder)
    errors = {}
    whole = OpusDecoder()
    exact = []
    for packet in made:
        whole.decode(packet)
        exact.append(whole.pcm[:FRAME].astype(float))
    for way in ("recover", "conceal"):
        decoder = OpusDecoder()
        error = 0.0
        for number, packet in enumerate(made[:-1]):
            if number > 20 and number % 7 == 0:
                done = (
                    decoder.recover(made[number + 1], FRAME) if way == "recover" else decoder.conceal(FRAME)
                )
                assert done == FRAME
                error += float(np.mean((decoder.pcm[:FRAME] - exact[number]) ** 2))
            else:
                decoder.decode(packet)
        errors[way] = error
    assert errors["recover"] < errors["conceal"]


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=1400))
def test_noise_is_told_from_packets_and_harms_nothing(payload):
    decoder = OpusDecoder()
    samples = decoder.samples(payload)
    done = decoder.decode(payload)
    assert samples == -1 or 0 < samples <= LONGEST or samples < 0
    assert done < 0 or done <= LONGEST
    good = packets(SPEECH[:FRAME])[0]
    assert decoder.decode(good) == FRAME
    decoder.close()
    decoder.close()


def test_expected_loss_stays_within_bounds():
    encoder = OpusEncoder()
    for percent in (-5, 0, 5, 100):
        encoder.expect_loss(percent)
        assert packets(SPEECH[:3200], encoder)
    encoder.close()


def test_without_the_library_there_is_a_reason(monkeypatch):
    why = "libopus could not be loaded (no such file): install opuslib-next-bundled to offer Opus"
    monkeypatch.setattr(opus, "_library", lambda: why)
    assert why_no_opus() == why
    with pytest.raises(RuntimeError, match="install opuslib-next-bundled"):
        OpusDecoder()


def test_a_library_that_does_not_load_is_told(monkeypatch):
    def fail(name):
        raise OSError("wrong ELF class")

    monkeypatch.setattr(opus.ctypes, "CDLL", fail)
    assert "wrong ELF class" in opus._library.__wrapped__()


def encoder(**terms) -> OpusEncoder:
    made = OpusEncoder()
    made.follow(OpusTerms(**terms))
    return made


def test_a_peer_gets_no_more_bits_than_it_wants_and_never_more_than_usual():
    sizes = {
        bound: sum(map(len, packets(SPEECH, encoder(bitrate=bound)))) for bound in (0, 6_000, 12_000, 500_000)
    }
    assert sizes[6_000] < sizes[12_000] < sizes[0]
    assert sizes[12_000] * 8 / 2 <= 12_000 * 1.15
    assert sizes[500_000] == sizes[0]


@pytest.mark.parametrize(("rate", "bandwidth"), [(8_000, 0), (12_000, 1), (16_000, 2), (48_000, 2)])
def test_a_peer_gets_no_more_bandwidth_than_it_can_play(rate, bandwidth):
    """RFC 6716 section 3.1: configurations 0-3, 4-7, 8-11 of the first octet are SILK in NB, MB, WB."""
    noise = np.random.default_rng(1).normal(0, 4000, 16_000).astype(np.int16)
    kinds = {packet[0] >> 3 for packet in packets(noise, encoder(rate=rate))}
    assert max(kind // 4 if kind < 12 else 2 for kind in kinds) <= bandwidth


def test_packets_are_of_one_size_where_that_is_wished():
    sizes = {len(packet) for packet in packets(SPEECH, encoder(constant=True, dtx=True))}
    assert len(sizes) == 1
    assert len({len(packet) for packet in packets(SPEECH)}) > 1


def test_copies_for_lost_packets_go_only_to_whom_they_are_of_use():
    def of(fec: bool) -> list[bytes]:
        made = encoder(fec=fec)
        made.expect_loss(20)
        return packets(SPEECH, made)

    decoder = OpusDecoder()
    assert sum(map(len, of(False))) != sum(map(len, of(True)))
    assert decoder.samples(of(False)[5]) == FRAME


def test_an_encoder_pauses_in_silence_only_when_told():
    silence = np.zeros(100 * FRAME, np.int16)
    paused = [len(packet) for packet in packets(silence, encoder(dtx=True))]
    assert sum(size <= UNSENT for size in paused) > 70
    assert not encoder().pauses
