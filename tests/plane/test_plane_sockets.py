"""Port pairs on real sockets, and a plane that talks to a socket on loopback."""

from __future__ import annotations

import errno
import os
import random
import select
import socket
import struct
import subprocess
import sys

import pytest

from hookflash.plane import sockets
from hookflash.plane.core import Plane
from hookflash.plane.memory import MemoryNetwork
from hookflash.plane.net import PortsExhausted
from hookflash.plane.sockets import BIND_TRIES, QUARANTINE, TAKEN_REST, UdpNetwork
from hookflash.ports.plane import CloseLeg, ConnectLeg, LegLatched, LegOpened, OpenLeg


def free_range(pairs: int) -> int:
    """An even port with so many free pairs behind it."""
    for _ in range(100):
        first = random.randrange(42000, 60000, 2)
        taken = []
        try:
            for port in range(first, first + 2 * pairs):
                one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                taken.append(one)
                one.bind(("127.0.0.1", port))
        except OSError:
            continue
        finally:
            for one in taken:
                one.close()
        return first
    raise AssertionError("no free ports on loopback")


@pytest.fixture
def net():
    first = free_range(3)
    network = UdpNetwork("127.0.0.1", first, first + 5)
    network.base = first
    yield network
    network.close()


@pytest.fixture
def peer():
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind(("127.0.0.1", 0))
    one.settimeout(5)
    yield one
    one.close()


def readable(endpoint):
    assert select.select([endpoint.rtp], [], [], 5)[0]


def test_pairs_are_even_and_run_out_with_a_reason(net):
    ports = [net.open(0.0).port for _ in range(3)]
    assert all(port % 2 == 0 for port in ports)
    with pytest.raises(PortsExhausted, match="3 in use"):
        net.open(0.0)


def test_freed_pairs_rest(net):
    endpoints = [net.open(0.0) for _ in range(3)]
    net.release(endpoints[1], 10.0)
    net.release(endpoints[1], 10.0)
    with pytest.raises(PortsExhausted, match="1 resting"):
        net.open(10.0)
    assert net.open(10.0 + QUARANTINE).port == endpoints[1].port


def hold(*ports):
    """Sockets of another program on these ports."""
    held = []
    for port in ports:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind(("127.0.0.1", port))
        held.append(one)
    return held


def test_ports_others_hold_are_passed_over_and_tried_again_later(net):
    first = net.open(0.0)
    net.release(first, 0.0)
    second = net.open(0.0)
    (third,) = {net.base, net.base + 2, net.base + 4} - {first.port, second.port}
    (blocker,) = hold(third + 1)  # its RTCP port is enough
    with pytest.raises(PortsExhausted, match=r"1 in use, 1 resting after use, 1 taken by other programs"):
        net.open(0.0)
    blocker.close()
    with pytest.raises(PortsExhausted, match="1 taken by other"):
        net.open(TAKEN_REST / 2)
    assert net.open(TAKEN_REST).port == third
    with pytest.raises(PortsExhausted, match=r"every RTP port pair .* is in use .*widen"):
        net.open(TAKEN_REST)


def test_a_range_others_have_taken_a_large_part_of_still_gives_ports():
    """Two programs with one range: what the other has does not make ours look full."""
    pairs = 300
    first = free_range(pairs)
    others = hold(*range(first, first + 400, 2))
    network = UdpNetwork("127.0.0.1", first, first + 2 * pairs - 1)
    try:
        opened = [network.open(0.0).port for _ in range(100)]
        assert min(opened) >= first + 400
        with pytest.raises(PortsExhausted, match=r"100 in use.* 200 taken by other programs"):
            network.open(0.0)
    finally:
        network.close()
        for one in others:
            one.close()


def test_the_search_for_a_pair_is_bounded_and_goes_on_where_it_stopped():
    pairs = BIND_TRIES + 10
    first = free_range(pairs)
    others = hold(*range(first, first + 2 * pairs, 2))
    network = UdpNetwork("127.0.0.1", first, first + 2 * pairs - 1)
    try:
        with pytest.raises(PortsExhausted, match=rf"{BIND_TRIES} taken by .*, 10 not tried this time"):
            network.open(0.0)
        with pytest.raises(PortsExhausted, match=rf"{pairs} taken by other programs \(EADDRINUSE\); give"):
            network.open(0.0)
    finally:
        network.close()
        for one in others:
            one.close()


FEW_FILES = """
import resource, sys
from hookflash.plane.net import PortsExhausted
from hookflash.plane.sockets import UdpNetwork

network = UdpNetwork("127.0.0.1", {first}, {last})
resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
opened = []
try:
    while True:
        opened.append(network.open(0.0))
except PortsExhausted as error:
    print(error)
network.release(opened[0], 0.0)
print(len(opened), network.open(0.0).port)
"""


def test_too_few_open_files_are_not_mistaken_for_taken_ports():
    first = free_range(20)
    script = FEW_FILES.format(first=first, last=first + 39)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    reason, after = done.stdout.splitlines()
    assert "(EMFILE); this process may have 16 files open" in reason
    assert "widen" not in reason
    opened, port = map(int, after.split())
    assert 1 <= opened < 8
    assert first <= port < first + 40


def files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_neither_files_nor_ports_leak_whatever_fails(net, monkeypatch):
    before, now = files(), 0.0

    def refuse(*_):
        raise OSError(errno.EACCES, "refused")

    for turn in range(50):
        now += QUARANTINE
        pairs = [net.open(now) for _ in range(3)]
        with pytest.raises(PortsExhausted):
            net.open(now)
        for pair in pairs:
            net.release(pair, now)
        with monkeypatch.context() as patch:
            # At the first socket, at the second one, and after both are bound.
            if turn % 3 == 2:
                patch.setattr(sockets, "UdpEndpoint", refuse)
            else:
                calls = iter([None] * (turn % 3))
                patch.setattr(net, "_mark", lambda one, calls=calls: next(calls, 0) == 0 and refuse())
            with pytest.raises(PortsExhausted, match="EACCES"):
                net.open(now + QUARANTINE)
        assert files() == before
    assert len({net.open(now + QUARANTINE).port for _ in range(3)}) == 3


def test_a_plane_gives_rows_files_and_ports_back(net):
    before = files()
    plane = Plane(net, rows=48)
    for turn in range(20):
        now = 2 * turn * QUARANTINE
        plane.tick(now)
        for leg in range(4):
            plane.apply(OpenLeg(leg, 1, True))
        events = plane.tick(now)
        assert [type(e).__name__ for e in events[-4:]] == ["LegOpened"] * 3 + ["LegRefused"]
        for leg in range(4):
            plane.apply(CloseLeg(leg))
        plane.tick(now + 0.02)
        assert files() == before
        assert not plane.legs.by_row
        assert not len(plane.legs.reads) + len(plane.legs.writes) + len(plane.legs.learning)
    assert len(net._free) + len(net._resting) + len(net._taken) == 3


def test_an_address_of_another_machine_is_named():
    network = UdpNetwork("192.0.2.77", 42000, 42009)
    with pytest.raises(PortsExhausted, match=r"192\.0\.2\.77.*\(EADDRNOTAVAIL\); this machine has no such"):
        network.open(0.0)
    network.close()


@pytest.mark.parametrize("number", [errno.ENFILE, errno.EACCES])
def test_other_refusals_are_told_as_they_are_and_cost_no_port(net, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(net, "_mark", refuse)
        with pytest.raises(PortsExhausted, match=errno.errorcode[number]):
            net.open(0.0)
    assert len({net.open(0.0).port for _ in range(3)}) == 3


@pytest.mark.parametrize(("first", "last"), [(80, 90), (20000, 20000), (65000, 70000)])
def test_bad_ranges_are_named(first, last):
    with pytest.raises(ValueError, match=str(last)):
        UdpNetwork("127.0.0.1", first, last)


def test_a_connected_endpoint_hears_only_its_peer_until_disconnected(net, peer):
    endpoint = net.open(0.0)
    view = memoryview(bytearray(100))
    with pytest.raises(BlockingIOError):
        endpoint.recv_into(view)
    endpoint.connect(("127.0.0.1", 9))
    peer.sendto(b"stranger", ("127.0.0.1", endpoint.port))
    with pytest.raises(OSError):
        endpoint.recv_into(view)
    endpoint.disconnect()
    peer.sendto(b"hello", ("127.0.0.1", endpoint.port))
    readable(endpoint)
    length, source = endpoint.recvfrom_into(view)
    assert (bytes(view[:length]), source) == (b"hello", peer.getsockname())
    endpoint.sendto(memoryview(b"answer"), peer.getsockname())
    assert peer.recv(100) == b"answer"


def test_control_datagrams_arrive_with_their_endpoint(net, peer):
    endpoint = net.open(0.0)
    assert net.receive_control(10) == []
    peer.sendto(b"report", ("127.0.0.1", endpoint.port + 1))
    found = net.receive_control(10)
    assert [(e.port, d, a) for e, d, a in found] == [(endpoint.port, b"report", peer.getsockname())]
    endpoint.send_control(b"ours", peer.getsockname())
    assert peer.recvfrom(100) == (b"ours", ("127.0.0.1", endpoint.port + 1))


def test_version_six_works():
    try:
        network = UdpNetwork("::1", 42000, 59999)
        endpoint = network.open(0.0)
    except (OSError, PortsExhausted):
        pytest.skip("no IPv6 on this machine")
    endpoint.connect(("::1", endpoint.port))
    endpoint.send(memoryview(b"self"))
    readable(endpoint)
    view = memoryview(bytearray(10))
    assert endpoint.recvfrom_into(view)[0] == 4
    network.close()


def test_a_plane_exchanges_rtp_with_a_socket(net, peer):
    plane = Plane(net, rows=48)
    plane.apply(OpenLeg(1, 1, True))
    (opened,) = plane.tick(0.0)
    assert isinstance(opened, LegOpened)
    host, port = peer.getsockname()
    plane.apply(ConnectLeg(1, host, port, 0, "PCMU", -1, True, True))
    plane.tick(0.02)
    assert len(peer.recv(2000)) == 172
    peer.sendto(struct.pack("!BBHII", 0x80, 0, 1, 160, 7) + bytes(160), ("127.0.0.1", opened.port))
    readable(plane.legs.by_number[1].endpoint)
    assert LegLatched(1, host, port) in plane.tick(0.04)
    for number in (2, 3):
        peer.recv(2000)
        packet = struct.pack("!BBHII", 0x80, 0, number, 160 * number, 7) + bytes(160)
        peer.sendto(packet, ("127.0.0.1", opened.port))
        readable(plane.legs.by_number[1].endpoint)
        plane.tick(0.02 * number)
    assert plane.columns.receive.total[0] == 3
    plane.close()


def test_a_memory_network_runs_out_politely():
    network = MemoryNetwork(pairs=1)
    endpoint = network.open(0.0)
    with pytest.raises(PortsExhausted):
        network.open(0.0)
    network.release(endpoint, 0.0)
    network.release(endpoint, 0.0)
    network.deliver(endpoint.port, b"x", ("192.0.2.9", 1))
    assert network.open(0.0).port == endpoint.port
    with pytest.raises(OSError, match="not connected"):
        network.endpoints[endpoint.port].send(memoryview(b"x"))
