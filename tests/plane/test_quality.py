"""Quality: the E-model by hand and by its properties, reports once a second, totals at the end."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plane_bench import FRAME, Bench, sine

from hookflash.plane import rtcp
from hookflash.plane.columns.sizes import G722, L16, L16_WIDE, OPUS, PCMA, PCMU
from hookflash.plane.kernels.grading import grade
from hookflash.ports.plane import CloseLeg, LegClosed, LegQuality, LegReport, OpenLeg

CODECS = [PCMU, PCMA, L16, G722, L16_WIDE, OPUS]
VOICE = sine(300, FRAME, 6000)
RATED = {
    # codec, ms, loss: R worked out by hand from the equations.
    (PCMU, 0, 0.0): 93.2,
    (PCMU, 100, 0.0): 93.2,
    # Ie_eff = 95 * 1 / (1 + 25.1) = 3.6398
    (PCMU, 0, 0.01): 89.5602,
    # 95 * 5 / 30.1 = 15.7807
    (PCMA, 50, 0.05): 77.4193,
    # X = 1: 25 * (2 ** (1/6) - 3 * (1 + 3 ** -6) ** (1/6) + 2) = 3.0444
    (PCMU, 200, 0.0): 90.1556,
    # X = 2: 25 * (65 ** (1/6) - 3 * (1 + (2/3) ** 6) ** (1/6) + 2) = 24.0701
    (PCMU, 400, 0.0): 69.1299,
    # 3.3 + 91.7 * 2 / 22 = 11.6364
    (G722, 20, 0.02): 81.5636,
}


@pytest.mark.parametrize(("situation", "rating"), RATED.items())
def test_scores_by_hand(situation, rating):
    expected = 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6
    assert grade(*situation) == pytest.approx(expected, abs=2e-4)
    assert grade.py_func(*situation) == pytest.approx(grade(*situation), abs=1e-9)


def test_the_best_score_is_the_one_of_the_standard():
    # G.107: a rating of 93.2 is an opinion of 4.41.
    assert round(grade(PCMU, 0.0, 0.0), 2) == 4.41
    assert grade(PCMU, 5000.0, 1.0) == 1.0


delays = st.floats(0, 3000)
shares = st.floats(0, 1)


@given(st.sampled_from(CODECS), delays, shares, delays, shares)
def test_more_delay_or_loss_is_never_better(codec, delay, loss, more_delay, more_loss):
    score = grade(codec, delay, loss)
    assert 1 <= score <= 4.5
    assert math.isfinite(score)
    assert grade(codec, delay + more_delay, loss) <= score + 1e-9
    assert grade(codec, delay, min(loss + more_loss, 1.0)) <= score + 1e-9


def run(bench: Bench, phones, ticks: int, lose=lambda phone, i: False) -> None:
    for i in range(ticks):
        for phone in phones:
            if lose(phone, i):
                phone.skip()
            else:
                phone.say(VOICE)
        bench.tick()


def test_every_connected_leg_is_reported_once_a_second():
    bench = Bench(rows=192)
    phones = [bench.leg(n) for n in range(1, 101)]
    bench.do(OpenLeg(500, 1, True), OpenLeg(501, 1, False))
    bench.tick()
    bench.events.clear()
    run(bench, phones, 150)
    reports = bench.of(LegReport)
    for number in range(1, 101):
        assert len([r for r in reports if r.leg == number]) == 3
    assert {r.leg for r in reports} == set(range(1, 101))


def test_a_clean_leg_scores_better_than_a_lossy_one_and_both_are_counted():
    bench = Bench()
    clean, lossy = bench.leg(1), bench.leg(2)
    run(bench, [clean, lossy], 500, lambda phone, i: phone is lossy and i % 10 == 5)
    bench.do(CloseLeg(1), CloseLeg(2))
    bench.tick()
    first, second = (closed.quality for closed in bench.of(LegClosed))
    assert (first.received, first.lost, first.discarded) == (500, 0, 0)
    assert (second.received, second.lost) == (450, 50)
    assert first.sent == 501
    assert first.mos == pytest.approx(4.41, abs=0.02)
    # 95 * 10 / 35.1 = 27.07: R = 66.13
    assert second.mos == pytest.approx(3.4, abs=0.05)
    assert 20 <= first.buffer_ms <= 120
    assert (first.round_trip_ms, first.remote_loss, first.remote_jitter_ms) == (-1, -1, -1)
    assert bench.of(LegReport)[-1].quality.mos > 1


def test_a_leg_that_heard_nothing_has_no_score():
    bench = Bench()
    bench.leg(1)
    bench.tick(60)
    assert bench.of(LegReport)[-1].quality == LegQuality(sent=bench.of(LegReport)[-1].quality.sent)


def test_what_the_peer_reports_is_in_the_report():
    bench = Bench(wall_offset=1.6e9)
    phone = bench.leg(1)
    run(bench, [phone], 100)
    _, ours = bench.endpoint(1).sent_control[-1]
    sent = rtcp.parse(ours)
    assert sent is not None
    now = bench.plane.ticks * 0.02
    # It had our report for a second, and 60 ms more have passed on the way.
    stamp = rtcp.middle(1.6e9 + now - 1.06)
    block = rtcp.Reception(sent.ssrc, 64, 5, 100, 80, stamp, 65536)
    other = rtcp.Reception(sent.ssrc ^ 1, 255, 5, 100, 8000, stamp, 0)
    report = rtcp.build(1, "peer", None, block)
    both = report[:1].replace(b"\x81", b"\x82") + report[1:2] + b"\0\x0d" + report[4:32]
    foreign = rtcp.build(1, "peer", None, other)
    bench.net.deliver_control(phone.port, both + foreign[8:32] + report[32:], ("198.51.100.1", 4001))
    run(bench, [phone], 51)
    quality = bench.of(LegReport)[-1].quality
    assert quality.round_trip_ms == pytest.approx(60, abs=1)
    assert (quality.remote_loss, quality.remote_jitter_ms) == (0.25, 10.0)
