"""Figures of trunks."""

from __future__ import annotations

from hookflash.composition.trunk_metrics import trunk_families
from hookflash.ports.operating import RegistrationView, TargetView, TrunkView


def test_each_trunk_and_target_has_its_figures() -> None:
    one = TrunkView(
        'car"rier',
        "udp",
        True,
        [TargetView("a:5060", True, True), TargetView("b", False, True)],
        3,
        {"calls": 10.0},
        {"calls": 2},
        RegistrationView("registered", "2026-06-13T18:58:20.000Z", "192.0.2.1:5060", 12.0),
    )
    two = TrunkView("two", "tls", True, [], 0, {}, {})
    found = {name: samples for name, (_, _, samples) in trunk_families([one, two]).items()}
    assert found["trunk_calls"] == [('{trunk="car\\"rier"}', 3), ('{trunk="two"}', 0)]
    assert [value for _, value in found["trunk_target_up"]] == [True, False]
    assert found["trunk_registered"] == [('{trunk="car\\"rier"}', True)]
    assert found["trunk_calls_refused_total"] == [('{trunk="car\\"rier",limit="calls"}', 2)]
    assert trunk_families([]) == {}
