"""Run as a program: does everything a plane can do after ``warm_up`` and prints what got compiled on the way.

A process of its own, because kernels that another test has compiled would hide the ones a worker lacks.
"""

from __future__ import annotations

import inspect
import json
import sys

import numpy as np
import test_bridge
import test_codecs
import test_concealment
import test_jitter
import test_latching
import test_packing
import test_plane_dtmf
import test_plane_kernels
import test_plane_pipeline
import test_plane_receive
import test_plane_rfc4733
import test_plane_rtcp
import test_plane_sockets
import test_plane_tapping
import test_quality
import test_srtp
import test_tones
import test_two_planes
import test_wide_mixing
from plane_bench import Bench, a_to_linear, alaw, linear, ulaw

from hookflash.plane import plays
from hookflash.plane.kernels.grading import grade
from hookflash.plane.sockets import UdpNetwork
from hookflash.plane.warmup import warm_up
from hookflash.ports.plane import (
    HearingRule,
    JoinMix,
    LeaveMix,
    MuteLeg,
    SendTones,
    SetGain,
    SetHearing,
    StopTones,
)


def kernels() -> dict[str, int]:
    """Every kernel with the number of its compiled forms."""
    found = {}
    for module in [m for name, m in sys.modules.items() if name.startswith("hookflash.plane")]:
        for name, value in inspect.getmembers(
            module, lambda v: not inspect.isclass(v) and hasattr(v, "nopython_signatures")
        ):
            found[f"{value.py_func.__module__}.{name}"] = len(value.signatures)
    return found


def bridges() -> None:
    """Gains, mutes, hearing rules few and many, voices and taps at both rates, calls that change theirs."""
    for change in (SetGain(0, -12.0), SetGain(0, 6.0), MuteLeg(0, True)):
        test_bridge.test_a_change_of_gain_is_a_slope(change)
    test_bridge.test_a_rule_comes_in_by_a_slope()
    test_bridge.test_the_loudest_four_have_places_that_do_not_flap()
    test_bridge.test_a_leg_that_joins_hears_by_the_rules_of_its_call()
    for wideband in (False, True):
        bench, readers = test_bridge.hall(14, range(100, 1500, 100))
        test_bridge.tap(bench, 20, "heard", 3, rate=16_000)
        test_bridge.tap(bench, 21, "heard", 3, itself=True, rate=16_000)
        if wideband:
            test_codecs.Peer(bench, 50, "G722")
            bench.do(JoinMix(50))
        for gain in (0.5, 2.0):
            # More than fit into the columns of a leg.
            rules = [HearingRule(listener, speaker, gain) for listener in (3, 50) for speaker in range(12)]
            bench.do(SetHearing(1, (*rules, HearingRule(5, 6, gain))), SetGain(6, 10 * gain))
            bench.tick(3)
        assert all(reader.take().any() for reader in readers)
    for source in test_wide_mixing.SOURCES:
        for guest in ("L16-16k", "G722", "OPUS"):
            test_wide_mixing.changing_call(source, guest)
    for guest in ("L16-16k", "G722", "OPUS"):
        test_wide_mixing.test_an_app_at_16_khz_is_heard_in_full_by_wideband_phones_alone(guest)


def scenes() -> None:
    """What phones and apps can make a plane do."""
    test_plane_kernels.scene()
    for module in (
        test_latching,
        test_packing,
        test_plane_pipeline,
        test_plane_receive,
        test_plane_rfc4733,
        test_plane_rtcp,
        test_plane_tapping,
        test_quality,
        test_srtp,
        test_tones,
        test_two_planes,
    ):
        for name, function in inspect.getmembers(module, inspect.isfunction):
            plain = not inspect.signature(function).parameters and not hasattr(function, "hypothesis")
            if name.startswith("test_") and plain:
                function()
    test_jitter.call(400, lambda i: i % 50 / 20, span=240, drift=1e-3, lost=lambda i: i % 40 == 7, twice=0.1)
    test_concealment.noisy_leg(bytes([45, 60]))
    for name in test_codecs.CODECS:
        test_codecs.test_a_plane_talks_to_another_plane(name)
        test_two_planes.test_keys_in_every_codec(name, -1, "AEAD_AES_128_GCM")
    for name in test_two_planes.NARROW:
        test_two_planes.test_packets_of_any_length_are_understood_to_the_bit(name, 30, "")
    for name in test_codecs.WIDE:
        test_codecs.test_loss_is_concealed(name)
    test_codecs.test_the_codec_changes_in_mid_call()
    test_codecs.test_one_lost_opus_packet_is_made_good_by_the_next()
    test_plane_dtmf.test_a_phone_without_events_is_understood()
    for codec, kind in (("PCMU", 0), ("PCMA", 8)):
        test_plane_dtmf.test_keys_sent_in_band_are_heard_by_another_plane(codec, kind)
    bridges()
    plays.MAX_CLIPS = 4
    bench = Bench(rows=300)
    phones = [
        bench.leg(n, n // 3, codec="PCMA" if n % 2 else "PCMU", kind=8 * (n % 2), event=101 if n % 3 else -1)
        for n in range(150)
    ]
    for n, phone in enumerate(phones):
        phone.kind = 8 * (n % 2)
        bench.do(JoinMix(n), SendTones(n, n, "0#", 50, 50))
        bench.play(n, np.full(333, n, np.int16), (n,), loop=n % 2 == 0, more=n % 3 == 0)
    for t in range(60):
        for phone in phones[t % 7 :: 2]:
            phone.say()
        if t == 20:
            bench.do(*(LeaveMix(n) for n in range(100)), *(StopTones(n) for n in range(50)))
            bench.connect(7, "198.51.100.7", 4000, sending=False, receiving=False)
        bench.tick()
    first = test_plane_sockets.free_range(3)
    network = UdpNetwork("127.0.0.1", first, first + 5)
    with test_plane_sockets.socket.socket(type=test_plane_sockets.socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(5)
        test_plane_sockets.test_a_plane_exchanges_rtp_with_a_socket(network, peer)


if __name__ == "__main__":
    warm_up()
    # The tests' own calls of kernels.
    grade(0, 1.0, 0.5)
    a_to_linear(alaw([1, 2]))
    linear(ulaw([1, 2]))
    before = kernels()
    scenes()
    after = kernels()
    assert len(before) > 20
    print(json.dumps([name for name, count in after.items() if count != before[name]]))
