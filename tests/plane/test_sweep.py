"""The sweeps over the sockets: kernels that call the C library, beside calls from Python."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_plane_sockets import free_range

from hookflash.plane import system_calls
from hookflash.plane.addresses import packed, unpacked
from hookflash.plane.columns import ADDRESS, RX_SIZE
from hookflash.plane.kernels.ingest import payload_bounds
from hookflash.plane.sockets import UdpNetwork
from hookflash.plane.sweep import Openings, Reads, Writes

SIZE = 64
native = pytest.mark.skipif(
    not system_calls.NATIVE, reason="this system's C library can not be called by name"
)


def reads(rows: int = 8, size: int = SIZE) -> Reads:
    return Reads(np.zeros((rows, size), np.uint8), np.full(rows, -7, np.int32))


def writes(rows: int = 8, size: int = SIZE) -> Writes:
    return Writes(np.zeros((rows, size), np.uint8), np.zeros(rows, np.int32))


def pair(stack: ExitStack) -> tuple[socket.socket, socket.socket]:
    """Two connected datagram sockets; what one sends, the other can read at once."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for end in ends:
        stack.enter_context(end)
        end.setblocking(False)
    return ends


def queued(end: socket.socket) -> list[bytes]:
    """All that can be read."""
    found = []
    try:
        while True:
            found.append(end.recv(4096))
    except BlockingIOError:
        return found


def test_rows_come_and_go_and_errors_stop_nobody():
    sweep = reads()

    def fails(view):
        raise BlockingIOError

    for row in range(6):
        sweep.add(row, fails if row % 2 else len)
    sweep.run()
    assert sweep.length.tolist() == [SIZE, 0, SIZE, 0, SIZE, 0, -7, -7]
    assert sweep.rows.tolist() == [0, 1, 2, 3, 4, 5]
    sweep.remove(1)
    sweep.remove(1)
    assert sweep.rows.tolist() == [0, 5, 2, 3, 4]
    sweep.length[:] = -7
    sweep.add(3, len)
    sweep.run(np.array([2, 3, 5]))
    assert sweep.length.tolist() == [-7, -7, SIZE, SIZE, -7, 0, -7, -7]
    assert 3 in sweep
    assert 1 not in sweep
    assert len(sweep) == 5


def test_what_is_sent_is_as_long_as_its_row_says():
    sweep = writes()
    sent: dict[int, bytes] = {}
    for row in range(3):
        sweep.add(row, lambda view, row=row: sent.__setitem__(row, bytes(view)))
    sweep.octets[:, :3] = (1, 2, 3)
    sweep.length[:3] = (3, 0, 1)
    sweep.run()
    assert sent == {0: b"\1\2\3", 2: b"\1"}
    sent.clear()
    sweep.run(np.array([1, 2]), np.full((8, 4), 9, np.uint8), np.full(8, 2, np.int32))
    assert sent == {1: b"\t\t", 2: b"\t\t"}


def test_other_errors_are_not_swallowed():
    sweep = reads()
    sweep.add(1, lambda view: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        sweep.run()


@native
@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.binary(min_size=1, max_size=SIZE + 9), max_size=3), min_size=1, max_size=6),
    st.lists(st.integers(0, 5), max_size=6),
)
def test_the_kernel_reads_what_python_reads(waiting, wanted):
    results = []
    for by_kernel in (True, False):
        with ExitStack() as stack:
            sweep = reads()
            for row, datagrams in enumerate(waiting):
                ours, theirs = pair(stack)
                for data in datagrams:
                    theirs.send(data)
                sweep.add(row, ours.recv_into, ours.fileno() if by_kernel else -1)
            seen = []
            for rows in (None, np.array([row for row in wanted if row in sweep], np.int64), None):
                sweep.run(rows)
                seen += [bytes(sweep.octets[row][:n]) for row, n in enumerate(sweep.length) if n >= 0]
                seen.append(bytes(sweep.length))
        results.append(seen)
    assert results[0] == results[1]


@native
@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-1, SIZE), min_size=1, max_size=6),
    st.lists(st.integers(0, 5), max_size=6),
    st.integers(0, 255),
)
def test_the_kernel_sends_what_python_sends(lengths, wanted, first):
    results = []
    for by_kernel in (True, False):
        with ExitStack() as stack:
            sweep, ends = writes(), []
            for row, length in enumerate(lengths):
                ours, theirs = pair(stack)
                ends.append(theirs)
                sweep.length[row] = length
                sweep.octets[row] = (np.arange(SIZE) + row + first) % 256
                sweep.add(row, ours.send, ours.fileno() if by_kernel else -1)
            sweep.run()
            sweep.run(np.array([row for row in wanted if row in sweep], np.int64))
            results.append([queued(end) for end in ends])
    assert results[0] == results[1]


@native
def test_a_row_longer_than_its_array_is_cut_to_it():
    with ExitStack() as stack:
        sweep = writes()
        ours, theirs = pair(stack)
        sweep.add(7, ours.send, ours.fileno())
        sweep.length[7] = SIZE + 1000
        sweep.run()
        assert [len(data) for data in queued(theirs)] == [SIZE]


@native
def test_a_full_socket_loses_the_datagram_and_nothing_waits():
    with ExitStack() as stack:
        sweep = writes()
        ours, theirs = pair(stack)
        sweep.add(0, ours.send, ours.fileno())
        sweep.length[0] = SIZE
        fds, rows = sweep.fds, sweep.rows
        sent = sum(system_calls.send(fds, sweep.to, sweep.octets, sweep.length, rows, 1) for _ in range(3000))
        assert 0 < sent < 3000
        assert len(queued(theirs)) == sent


@native
def test_a_datagram_that_was_cut_off_is_refused():
    first = free_range(1)
    network = UdpNetwork("127.0.0.1", first, first + 1)
    endpoint = network.open(0.0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        endpoint.connect(peer.getsockname())
        sweep = reads(size=RX_SIZE)
        sweep.add(0, endpoint.recv_into, endpoint.fd)
        for size, whole in ((RX_SIZE - 1, True), (RX_SIZE, False), (RX_SIZE + 500, False)):
            peer.sendto(b"\x80" + bytes(size - 1), ("127.0.0.1", endpoint.port))
            sweep.run()
            assert sweep.length[0] == min(size, RX_SIZE)
            assert (payload_bounds(sweep.octets[0], int(sweep.length[0]))[0] == 12) is whole
    network.close()


@native
def test_a_socket_that_was_removed_is_not_touched_again():
    """Its number may be another file's by then."""
    with ExitStack() as stack:
        reading, writing = reads(), writes()
        ours, theirs = pair(stack)
        for sweep, call in ((reading, ours.recv_into), (writing, ours.send)):
            sweep.add(0, call, ours.fileno())
            sweep.add(1, len)
        theirs.send(b"for somebody else")
        writing.length[:2] = 4
        rows = reading.rows
        reading.remove(0)
        writing.remove(0)
        # Also where the caller still has the rows of before.
        for _ in range(2):
            reading.run(rows)
            writing.run(rows)
            reading.run()
            writing.run()
        assert queued(ours) == [b"for somebody else"]
        assert queued(theirs) == []
        assert reading.fds.tolist() == writing.fds.tolist() == [-1] * 8


@native
def test_a_row_that_is_called_again_leaves_the_kernel():
    """A leg that learns anew has a socket that is not connected any more."""
    with ExitStack() as stack:
        sweep = writes()
        ours, theirs = pair(stack)
        sweep.length[3] = 2
        sweep.add(3, ours.send, ours.fileno())
        sent = []
        sweep.add(3, lambda view: sent.append(bytes(view)))
        sweep.run()
        assert sent == [bytes(2)]
        assert queued(theirs) == []
        sweep.add(3, ours.send, ours.fileno())
        sweep.run()
        assert len(sent) == 1
        assert queued(theirs) == [bytes(2)]


@native
def test_a_closed_socket_is_an_error_like_any_other():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    fd = os.dup(ours.fileno())
    with ours, theirs:
        os.close(fd)
        sweep = reads()
        sweep.add(0, ours.recv_into, fd)
        sweep.run()
        assert sweep.length[0] == 0


@pytest.mark.parametrize("by_kernel", [pytest.param(True, marks=native), False])
def test_a_peer_that_sends_but_cannot_be_reached_is_heard(by_kernel):
    """Every datagram to a closed port costs a read: ECONNREFUSED comes instead of what is queued."""
    first = free_range(1)
    network = UdpNetwork("127.0.0.1", first, first + 1)
    endpoint = network.open(0.0)
    peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peer.bind(("127.0.0.1", 0))
    endpoint.connect(peer.getsockname())
    for octets in (b"1", b"22", b"333"):
        peer.sendto(octets, ("127.0.0.1", endpoint.port))
    peer.close()
    reading, writing = reads(), writes()
    fd = endpoint.fd if by_kernel else -1
    reading.add(1, endpoint.recv_into, fd)
    writing.add(1, endpoint.send, fd)
    writing.length[1] = 4
    seen = []
    for _ in range(5):
        writing.run()  # and the network refuses it
        reading.run()
        seen.append(int(reading.length[1]))
    assert seen == [1, 2, 3, 0, 0]
    network.close()


def test_without_the_names_python_makes_the_calls(monkeypatch):
    monkeypatch.setattr(system_calls, "NATIVE", False)
    with ExitStack() as stack:
        sweep = reads()
        ours, theirs = pair(stack)
        sweep.add(2, ours.recv_into, ours.fileno())
        theirs.send(b"abc")
        sweep.run()
        assert sweep.length[2] == 3
        assert sweep.fds[2] == -1


def open_sockets(stack: ExitStack, family: socket.AddressFamily, count: int) -> list[socket.socket]:
    """Bound sockets of this machine."""
    host = "127.0.0.1" if family == socket.AF_INET else "::1"
    ends = [stack.enter_context(socket.socket(family, socket.SOCK_DGRAM)) for _ in range(count)]
    for end in ends:
        end.bind((host, 0))
        end.setblocking(False)
    return ends


def families() -> list[socket.AddressFamily]:
    found = [socket.AF_INET]
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as one:
            one.bind(("::1", 0))
        found.append(socket.AF_INET6)
    except OSError:
        pass
    return found


@pytest.mark.parametrize("family", families())
@settings(max_examples=40, deadline=None)
@given(
    waiting=st.lists(
        st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=3), min_size=1, max_size=6
    ),
    most=st.integers(0, 7),
)
@native
def test_the_kernel_reads_with_sources_what_python_reads_and_stops_where_it_does(family, waiting, most):
    results = []
    for by_kernel in (True, False):
        with ExitStack() as stack:
            ours = open_sockets(stack, family, len(waiting))
            peers = open_sockets(stack, family, 3)
            sweep = Openings(
                np.zeros((8, SIZE), np.uint8), np.full(8, -7, np.int32), np.zeros((8, ADDRESS), np.uint8)
            )
            for row, who in enumerate(waiting):
                for n, (peer, empty) in enumerate(who):
                    peers[peer].sendto(b"" if empty else bytes([row, n]), ours[row].getsockname()[:2])
                sweep.add(row, ours[row].recvfrom_into, ours[row].fileno() if by_kernel else -1)
            seen = []
            for _ in range(3):
                sweep.length[:] = -7
                seen.append(sweep.run(sweep.rows, most))
                for row in range(len(waiting)):
                    length = int(sweep.length[row])
                    names = [peer.getsockname()[:2] for peer in peers]
                    source = names.index(unpacked(sweep.source[row].tobytes())) if length >= 0 else -1
                    seen.append((length, bytes(sweep.octets[row, : max(length, 0)]), source))
            results.append(seen)
    assert results[0] == results[1]


@pytest.mark.parametrize("family", families())
@pytest.mark.parametrize("by_kernel", [pytest.param(True, marks=native), False])
def test_a_socket_is_connected_to_where_its_datagram_came_from(family, by_kernel):
    with ExitStack() as stack:
        ours, peer, stranger = open_sockets(stack, family, 3)
        here, there = ours.getsockname()[:2], peer.getsockname()[:2]
        sweep = Openings(
            np.zeros((8, SIZE), np.uint8), np.zeros(8, np.int32), np.zeros((8, ADDRESS), np.uint8)
        )
        sweep.add(3, ours.recvfrom_into, ours.fileno() if by_kernel else -1, ours.connect)
        sweep.add(4, ours.recvfrom_into, 1_000_000 if by_kernel else -1, ours.connect)
        peer.sendto(b"here", here)
        assert sweep.run(np.array([3]), 9) == 1
        # What the other row has is no address at all, and no socket either.
        sweep.source[4] = 0 if by_kernel else np.frombuffer(packed(("255.255.255.255", 9)), np.uint8)
        assert sweep.connect(np.array([3, 4])).tolist() == [True, False]
        assert ours.getpeername()[:2] == there
        stranger.sendto(b"me too", here)
        sweep.run(np.array([3]), 9)
        assert sweep.length[3] == -1
        sweep.remove(3)
        sweep.remove(4)
        assert sweep.connect(np.zeros(0, np.int64)).tolist() == []


@pytest.mark.parametrize("family", families())
@native
def test_a_row_is_sent_to_an_address_until_its_socket_is_connected(family):
    with ExitStack() as stack:
        ours, first, second = open_sockets(stack, family, 3)
        sweep = writes()
        sweep.length[2] = 2
        to = [one.getsockname()[:2] for one in (first, second)]
        sweep.add(2, ours.send, ours.fileno(), packed(to[0]))
        sweep.run()
        sweep.add(2, ours.send, ours.fileno(), packed(to[1]))
        sweep.run()
        ours.connect(to[0])
        sweep.add(2, ours.send, ours.fileno())
        sweep.run()
        assert len(queued(first)) == 2
        assert queued(second) == [bytes(2)]
