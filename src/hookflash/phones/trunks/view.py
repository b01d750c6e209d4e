"""Trunks as whoever runs the server sees them."""

from __future__ import annotations

from datetime import UTC, datetime

from hookflash.phones.trunks.desk import Carrier, TrunkDesk
from hookflash.phones.trunks.enrolment import Enrolment, EnrolmentState
from hookflash.ports.clock import Clock
from hookflash.ports.operating import RegistrationView, TargetView, TrunksView, TrunkView


def view(desk: TrunkDesk, clock: Clock) -> TrunksView:
    """All of them, as of now."""
    return TrunksView([_trunk(one, desk.active(name), clock) for name, one in desk.carriers.items()])


def _trunk(carrier: Carrier, calls: int, clock: Clock) -> TrunkView:
    care = carrier.care
    limits = {"calls": care.calls, "callsPerSecond": care.calls_per_second}
    names = {"calls": "calls", "calls_per_second": "callsPerSecond"}
    return TrunkView(
        carrier.trunk.name,
        carrier.trunk.transport.lower() or "auto",
        carrier.up,
        _targets(carrier),
        calls,
        {name: float(value) for name, value in limits.items() if value is not None},
        {names[limit]: count for limit, count in carrier.limits.refused.items()},
        None if carrier.enrolment is None else _registration(carrier.enrolment, clock),
    )


def _targets(carrier: Carrier) -> list[TargetView]:
    found = []
    for target, state in carrier.targets.items():
        one = TargetView(str(state), state.up, carrier.care.health_interval > 0, problem=state.problem)
        if state.since:
            one.since = _written(state.since)
        if carrier.care.shares:
            share = carrier.care.shares[carrier.trunk.targets.index(target)]
            one.priority, one.weight = share.priority, share.weight
        found.append(one)
    return found


def _registration(enrolment: Enrolment, clock: Clock) -> RegistrationView:
    registered, state = enrolment.registered, enrolment.state
    if state is EnrolmentState.REGISTERED and not registered:
        state = EnrolmentState.WAITING
    return RegistrationView(
        state.value,
        _written(enrolment.since),
        enrolment.registrar if registered else "",
        round(enrolment.until - clock.now(), 1) if registered else 0.0,
        enrolment.problem,
    )


def _written(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
