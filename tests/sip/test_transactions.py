"""The four transaction machines in virtual time: every retransmission and every time-out."""

from __future__ import annotations

import pytest

from hookflash.sip.envelope import Envelope
from hookflash.sip.fields import Headers
from hookflash.sip.flow import Flow
from hookflash.sip.machines import Signal, State
from hookflash.sip.message import Request, Response, parse, reply
from hookflash.sip.timers import TimerHeap, Timing
from hookflash.sip.transactions import Transaction, Transactions, server_key

UDP = Flow("UDP", ("192.0.2.1", 5060), ("192.0.2.9", 5060))
TCP = Flow("TCP", ("192.0.2.1", 5060), ("192.0.2.9", 5060), 7)


class Recorder:
    """A transaction user that writes everything down."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sent: list[tuple[float, bytes]] = []
        self.heard: list[tuple[float, int]] = []
        self.unheard: list[tuple[float, Signal]] = []
        self.over: list[Transaction] = []

    def send(self, data: bytes, flow: Flow) -> None:
        self.sent.append((self.now, data))

    def responded(self, now: float, transaction: Transaction, response: Response) -> None:
        self.heard.append((now, response.status))

    def unanswered(self, now: float, transaction: Transaction, signal: Signal) -> None:
        self.unheard.append((now, signal))

    def ended(self, transaction: Transaction) -> None:
        self.over.append(transaction)

    def times(self, start: bytes) -> list[float]:
        return [round(at, 3) for at, data in self.sent if data.startswith(start)]


class Bench:
    """A transaction layer whose time stands still until told."""

    def __init__(self, limit: int = 100) -> None:
        self.user = Recorder()
        self.heap = TimerHeap()
        self.layer = Transactions(self.heap, Timing(), self.user, limit)

    def until(self, when: float) -> None:
        while (due := self.heap.next()) is not None and due <= when:
            self.user.now = due
            self.heap.run(due)
        self.user.now = when

    def ask(self, method: str, flow: Flow = UDP) -> Transaction:
        return self.layer.request(self.user.now, request(method), "z9hG4bKx", flow, "owner")

    def hear(self, transaction: Transaction, status: int, method: str = "") -> bool:
        answered = transaction.request or request(method)
        response = reply(answered, status, to_tag="far")
        return self.layer.response(self.user.now, Envelope.of(response), response)

    def serve(self, method: str, flow: Flow = UDP) -> Transaction:
        asked = request(method)
        return self.layer.accept(Envelope.of(asked), asked, flow)

    def say(self, transaction: Transaction, status: int, method: str) -> None:
        self.layer.respond(self.user.now, transaction, reply(request(method), status, to_tag="near"))

    def again(self, method: str) -> bool:
        return self.layer.repeated(self.user.now, Envelope.of(request(method)))

    def ack(self) -> bool:
        return self.layer.acknowledged(self.user.now, Envelope.of(request("ACK")))


def request(method: str, branch: str = "z9hG4bKx", via: str = "") -> Request:
    headers = Headers()
    headers.add("Via", via or f"SIP/2.0/UDP 192.0.2.1:5060;branch={branch}")
    headers.add("Max-Forwards", "70")
    headers.add("Route", "<sip:proxy.example;lr>")
    headers.add("From", "<sip:a@192.0.2.1>;tag=near")
    headers.add("To", "<sip:b@192.0.2.9>")
    headers.add("Call-ID", "one")
    headers.add("CSeq", f"1 {method}")
    return Request(method, "sip:b@192.0.2.9", headers, b"")


# --- INVITE client (17.1.1) -----------------------------------------------------------------------------


def test_invite_is_repeated_at_doubling_intervals_until_timer_b() -> None:
    bench = Bench()
    bench.ask("INVITE")
    bench.until(100)
    assert bench.user.times(b"INVITE") == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert bench.user.unheard == [(32.0, Signal.EXPIRE)]
    assert len(bench.layer) == 0
    assert len(bench.heap) == 0


def test_invite_over_a_reliable_transport_is_sent_once_but_times_out_all_the_same() -> None:
    bench = Bench()
    bench.ask("INVITE", TCP)
    bench.until(100)
    assert bench.user.times(b"INVITE") == [0]
    assert bench.user.unheard == [(32.0, Signal.EXPIRE)]


def test_a_provisional_stops_repeating_the_invite_and_it_may_ring_for_ever() -> None:
    bench = Bench()
    transaction = bench.ask("INVITE")
    bench.until(1)
    assert bench.hear(transaction, 180)
    bench.until(1000)
    assert bench.user.times(b"INVITE") == [0, 0.5]
    assert bench.user.unheard == []
    assert transaction.state is State.PROCEEDING
    bench.hear(transaction, 183)
    assert bench.user.heard == [(1.0, 180), (1000.0, 183)]


def test_a_failure_is_acknowledged_each_time_it_comes_and_told_once() -> None:
    bench = Bench()
    transaction = bench.ask("INVITE")
    bench.hear(transaction, 486)
    bench.until(0.5)
    bench.hear(transaction, 486)
    assert bench.user.heard == [(0.0, 486)]
    assert bench.user.times(b"ACK") == [0, 0.5]
    ack = parse(bench.user.sent[-1][1])
    assert isinstance(ack, Request)
    assert ack.uri == "sip:b@192.0.2.9"
    assert ack.via.branch == "z9hG4bKx"
    assert str(ack.cseq) == "1 ACK"
    assert ack.to.tag == "far"
    assert ack.headers.all("Route") == ["<sip:proxy.example;lr>"]
    bench.until(31.9)
    assert len(bench.layer) == 1
    bench.until(32.0)
    assert len(bench.layer) == 0


def test_timer_d_is_zero_over_a_reliable_transport() -> None:
    bench = Bench()
    transaction = bench.ask("INVITE", TCP)
    bench.hear(transaction, 404)
    assert bench.user.times(b"ACK") == [0]
    assert bench.user.heard == [(0.0, 404)]
    assert len(bench.layer) == 0


def test_every_2xx_goes_up_until_timer_m() -> None:
    bench = Bench()
    transaction = bench.ask("INVITE")
    bench.hear(transaction, 200)
    bench.until(0.5)
    bench.hear(transaction, 200)
    assert bench.user.heard == [(0.0, 200), (0.5, 200)]
    assert bench.user.times(b"ACK") == []
    bench.hear(transaction, 486)
    bench.hear(transaction, 180)
    assert len(bench.user.heard) == 2
    bench.until(32.0)
    assert len(bench.layer) == 0
    assert not bench.hear(transaction, 200, "INVITE")


def test_a_failure_after_ringing_is_acknowledged() -> None:
    bench = Bench()
    transaction = bench.ask("INVITE")
    bench.hear(transaction, 180)
    bench.hear(transaction, 603)
    assert bench.user.times(b"ACK") == [0]
    assert transaction.state is State.COMPLETED


@pytest.mark.parametrize("method", ["INVITE", "BYE"])
def test_a_broken_transport_ends_a_request_that_nobody_has_answered(method: str) -> None:
    bench = Bench()
    bench.ask(method, TCP)
    bench.layer.broken(0.0, lambda flow: flow == TCP, lambda transaction: UDP)
    assert bench.user.unheard == [(0.0, Signal.BROKEN)]
    assert len(bench.layer) == 0
    assert len(bench.heap) == 0


def test_a_ringing_invite_outlives_its_connection() -> None:
    bench = Bench()
    transaction = bench.ask("INVITE", TCP)
    bench.hear(transaction, 180)
    bench.layer.broken(0.0, lambda flow: flow == TCP, lambda transaction: UDP)
    assert transaction.flow == UDP
    bench.hear(transaction, 200)
    assert bench.user.heard[-1] == (0.0, 200)


def test_an_abandoned_transaction_is_gone_at_once() -> None:
    bench = Bench()
    transaction = bench.ask("INVITE")
    bench.layer.abandon(transaction)
    bench.layer.abandon(transaction)
    assert len(bench.layer) == 0
    assert len(bench.heap) == 0
    assert bench.user.unheard == []


# --- non-INVITE client (17.1.2) -------------------------------------------------------------------------


def test_a_request_is_repeated_up_to_every_t2_until_timer_f() -> None:
    bench = Bench()
    bench.ask("BYE")
    bench.until(100)
    assert bench.user.times(b"BYE") == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert bench.user.unheard == [(32.0, Signal.EXPIRE)]
    assert len(bench.layer) == 0


def test_a_provisional_makes_the_repetitions_run_at_t2_but_does_not_stop_timer_f() -> None:
    bench = Bench()
    transaction = bench.ask("BYE")
    bench.until(0.2)
    bench.hear(transaction, 100)
    bench.until(100)
    assert bench.user.times(b"BYE") == [0, 0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5]
    assert bench.user.unheard == [(32.0, Signal.EXPIRE)]


@pytest.mark.parametrize("status", [200, 481])
def test_a_final_response_is_told_once_and_absorbed_until_timer_k(status: int) -> None:
    bench = Bench()
    transaction = bench.ask("BYE")
    bench.hear(transaction, 100)
    bench.hear(transaction, 100)
    bench.hear(transaction, status)
    bench.hear(transaction, status)
    assert [heard for _, heard in bench.user.heard] == [100, 100, status]
    bench.until(4.9)
    assert len(bench.layer) == 1
    bench.until(5.0)
    assert len(bench.layer) == 0


def test_timer_k_is_zero_over_a_reliable_transport() -> None:
    bench = Bench()
    transaction = bench.ask("BYE", TCP)
    bench.hear(transaction, 200)
    assert len(bench.layer) == 0
    assert bench.user.times(b"BYE") == [0]


def test_a_response_to_nothing_of_ours_belongs_to_nobody() -> None:
    bench = Bench()
    bench.ask("BYE")
    stray = reply(request("BYE", "z9hG4bKother"), 200)
    assert not bench.layer.response(0.0, Envelope.of(stray), stray)
    other = reply(request("OPTIONS"), 200)
    assert not bench.layer.response(0.0, Envelope.of(other), other)


# --- INVITE server (17.2.1) -----------------------------------------------------------------------------


def test_repeated_invites_get_the_last_provisional() -> None:
    bench = Bench()
    transaction = bench.serve("INVITE")
    assert bench.again("INVITE")
    assert bench.user.sent == []
    bench.say(transaction, 100, "INVITE")
    bench.say(transaction, 180, "INVITE")
    assert bench.again("INVITE")
    assert [data[:11] for _, data in bench.user.sent] == [b"SIP/2.0 100", b"SIP/2.0 180", b"SIP/2.0 180"]


def test_a_failure_is_repeated_by_timer_g_until_timer_h() -> None:
    bench = Bench()
    transaction = bench.serve("INVITE")
    bench.say(transaction, 486, "INVITE")
    bench.until(100)
    assert bench.user.times(b"SIP/2.0 486") == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert bench.user.over == [transaction]
    assert len(bench.layer) == 0
    assert len(bench.heap) == 0


def test_a_repeated_invite_gets_the_failure_again() -> None:
    bench = Bench()
    bench.say(bench.serve("INVITE"), 486, "INVITE")
    bench.until(0.1)
    bench.again("INVITE")
    assert bench.user.times(b"SIP/2.0 486") == [0, 0.1]


def test_ack_stops_the_failure_and_timer_i_absorbs_more_acks() -> None:
    bench = Bench()
    transaction = bench.serve("INVITE")
    bench.say(transaction, 486, "INVITE")
    bench.until(0.2)
    assert bench.ack()
    assert bench.ack()
    assert bench.again("INVITE")
    assert transaction.state is State.CONFIRMED
    bench.until(5.1)
    assert len(bench.layer) == 1
    bench.until(5.2)
    assert len(bench.layer) == 0
    assert bench.user.times(b"SIP/2.0 486") == [0]
    assert not bench.ack()


def test_over_a_reliable_transport_a_failure_is_sent_once_and_the_ack_ends_it() -> None:
    bench = Bench()
    transaction = bench.serve("INVITE", TCP)
    bench.say(transaction, 486, "INVITE")
    bench.until(10)
    assert bench.user.times(b"SIP/2.0 486") == [0]
    assert bench.ack()
    assert len(bench.layer) == 0
    assert bench.user.over == [transaction]


def test_after_a_2xx_repeated_invites_are_absorbed_and_the_ack_is_not_ours_until_timer_l() -> None:
    bench = Bench()
    transaction = bench.serve("INVITE")
    bench.say(transaction, 200, "INVITE")
    assert bench.again("INVITE")
    assert not bench.ack()
    bench.say(transaction, 200, "INVITE")
    assert bench.user.times(b"SIP/2.0 200") == [0, 0]
    bench.until(32)
    assert len(bench.layer) == 0


def test_a_finished_server_transaction_keeps_only_its_key_and_last_bytes() -> None:
    bench = Bench()
    transaction = bench.serve("INVITE")
    transaction.owner = object()
    bench.say(transaction, 180, "INVITE")
    assert transaction.owner is not None
    bench.say(transaction, 486, "INVITE")
    assert transaction.request is None
    assert transaction.owner is None
    assert transaction.last.startswith(b"SIP/2.0 486")


def test_a_failure_owed_over_a_dead_connection_is_given_up() -> None:
    bench = Bench()
    bench.say(bench.serve("INVITE", TCP), 486, "INVITE")
    bench.layer.broken(0.0, lambda flow: flow == TCP, lambda transaction: UDP)
    assert len(bench.layer) == 0


def test_a_ringing_server_transaction_outlives_its_connection() -> None:
    bench = Bench()
    transaction = bench.serve("INVITE", TCP)
    bench.layer.broken(0.0, lambda flow: flow == TCP, lambda transaction: UDP)
    assert transaction.flow == UDP
    assert transaction.state is State.PROCEEDING


# --- non-INVITE server (17.2.2) -------------------------------------------------------------------------


def test_before_any_response_repetitions_are_absorbed() -> None:
    bench = Bench()
    bench.serve("OPTIONS")
    assert bench.again("OPTIONS")
    assert bench.user.sent == []


def test_repetitions_get_the_last_response_until_timer_j() -> None:
    bench = Bench()
    transaction = bench.serve("OPTIONS")
    bench.say(transaction, 100, "OPTIONS")
    bench.again("OPTIONS")
    bench.say(transaction, 100, "OPTIONS")
    bench.say(transaction, 200, "OPTIONS")
    bench.until(1)
    bench.again("OPTIONS")
    bench.until(31.9)
    bench.again("OPTIONS")
    assert bench.user.times(b"SIP/2.0 100") == [0, 0, 0]
    assert bench.user.times(b"SIP/2.0 200") == [0, 1, 31.9]
    bench.until(32)
    assert len(bench.layer) == 0
    assert not bench.again("OPTIONS")


def test_timer_j_is_zero_over_a_reliable_transport() -> None:
    bench = Bench()
    transaction = bench.serve("BYE", TCP)
    bench.say(transaction, 200, "BYE")
    assert len(bench.layer) == 0
    assert bench.user.over == [transaction]


# --- which transaction (17.2.3) -------------------------------------------------------------------------


def key(method: str, branch: str = "z9hG4bKx", via: str = "", look_for: str = "") -> object:
    return server_key(Envelope.of(request(method, branch, via)), look_for or method)


def test_branch_sent_by_and_method_make_the_key() -> None:
    assert key("INVITE") == key("ACK", look_for="INVITE") == key("CANCEL", look_for="INVITE")
    assert key("INVITE") != key("CANCEL")
    assert key("INVITE") != key("INVITE", "z9hG4bKy")
    assert key("INVITE") != key("INVITE", via="SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKx")
    assert key("INVITE") != key("INVITE", via="SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKx")
    assert key("INVITE") == key("INVITE", via="SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx")


def test_without_the_magic_cookie_the_whole_request_makes_the_key() -> None:
    old = "SIP/2.0/UDP 192.0.2.1:5060;branch=1"
    assert key("INVITE", via=old) == key("ACK", via=old, look_for="INVITE")
    assert key("INVITE", via=old) != key("INVITE", via="SIP/2.0/UDP 192.0.2.1:5060;branch=2")
    bare = "SIP/2.0/UDP 192.0.2.1:5060"
    assert key("INVITE", via=bare) == key("INVITE", via=bare)
    assert key("INVITE", via=bare) != key("BYE", via=bare)


def test_the_number_of_server_transactions_is_bounded() -> None:
    bench = Bench(limit=1)
    assert not bench.layer.full
    transaction = bench.serve("OPTIONS")
    assert bench.layer.full
    assert bench.layer.find(transaction.key) is transaction
    bench.say(transaction, 200, "OPTIONS")
    bench.until(32)
    assert not bench.layer.full
