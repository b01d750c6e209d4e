"""Whatever comes over the network: nothing raises, no index leaves its array, the state stays sane."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from plane_bench import FRAME, Bench

from hookflash.ports.plane import ConnectLeg, OpenLeg

PROGRAMS = Path(__file__).parents[2] / "fuzz"
PEER = ("198.51.100.1", 4000)

headers = st.builds(
    lambda first, kind, sequence, time, ssrc: struct.pack("!BBHII", first, kind, sequence, time, ssrc),
    st.sampled_from([0x80, 0x80, 0x80, 0x90, 0xA0, 0xB3, 0x40]),
    st.sampled_from([0, 0x80, 13, 101, 0xE5, 200, 201, 203, 96]),
    st.integers(0, 65535) | st.integers(100, 140),
    st.integers(0, 2**32 - 1) | st.integers(5000, 5000 + 40 * FRAME),
    st.sampled_from([1, 1, 1, 2, 0, 2**32 - 1]),
)
datagrams = st.builds(bytes.__add__, headers, st.binary(max_size=400)) | st.binary(max_size=1490)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(datagrams, max_size=4), max_size=12),
    st.booleans(),
    st.sampled_from([("PCMU", 0), ("PCMA", 8)]),
)
@example([[b"\x80\x00\x00\xc8\x00\x00\x00\x00\x00\x00\x00\x01"]], False, ("PCMU", 0))
def test_any_datagrams_of_the_peer_leave_a_leg_sane(ticks, mux, codec):
    bench = Bench()
    bench.do(OpenLeg(1, 1, True))
    bench.tick()
    name, kind = codec
    bench.do(ConnectLeg(1, *PEER, kind, name, 101, True, True, rtcp_mux=mux))
    port = bench.ports[1]
    good = struct.pack("!BBHII", 0x80, kind, 100, 5000, 1) + b"\xd5" * FRAME
    bench.net.deliver(port, good, PEER)
    bench.tick()
    receive, jitter = bench.plane.columns.receive, bench.plane.columns.jitter
    for datagram_list in ticks:
        for data in datagram_list:
            bench.net.deliver(port, data, PEER)
            bench.net.deliver_control(port, data, (PEER[0], PEER[1] + 1))
        bench.tick()
        assert -1 <= receive.ssrc[0] < 2**32
        assert 0 <= receive.packets[0] <= receive.total[0]
        assert receive.ssrc[0] < 0 or receive.highest[0] >= receive.base[0] - 1
        assert np.isfinite(receive.jitter[0])
        assert receive.jitter[0] >= 0
        assert jitter.newest[0] - jitter.time[0] <= jitter.ring.shape[1]
        quality = bench.plane.columns.quality
        assert -1 <= quality.round_trip[0] <= 10_000
    # The leg still works: the same peer is heard again, at the latest when its other sources are forgotten.
    before = int(receive.total[0])
    bench.tick(30)
    # By numbers of which none has come yet: what comes twice is passed over.
    taken = {int.from_bytes(data[2:4]) for datagram_list in ticks for data in datagram_list}
    first = next(number for number in range(200, 1000, 5) if taken.isdisjoint(range(number, number + 5)))
    for i in range(5):
        said = struct.pack("!BBHII", 0x80, kind, first + i, 9000 + FRAME * i, 1) + b"\xd5" * FRAME
        bench.net.deliver(port, said, PEER)
        bench.tick()
    assert int(receive.total[0]) >= before + 5


@pytest.mark.parametrize("name", ["rtp", "rtcp", "rfc4733", "srtp", "sdp", "sip"])
def test_the_fuzzing_programs_run(name):
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "NUMBA_BOUNDSCHECK": "0"}
    command = [sys.executable, str(PROGRAMS / f"fuzz_{name}.py"), "--random", "20"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
