"""The server as whoever runs it sees it: media workers and legs, draining, metrics."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence

from hookflash.calls.exchange import Exchange
from hookflash.composition.draining import Draining
from hookflash.composition.metrics import Facts, render
from hookflash.composition.speech_watch import SpeechWatch
from hookflash.phones.guard import Guard
from hookflash.phones.registered.registrar import Registrar
from hookflash.plane.control import MediaDesk
from hookflash.plane.roster import WorkerHealth
from hookflash.ports.clock import Clock
from hookflash.ports.operating import (
    BansView,
    BanView,
    DrainView,
    LegPage,
    LegRow,
    MediaView,
    QualityView,
    SpeechView,
    TotalsView,
    TrunksView,
    WorkerView,
)
from hookflash.ports.plane import LegQuality

BY_COMMAND = "as it was told to be"


class Operator:
    """Implements :class:`~hookflash.ports.operating.Operating`.

    Args:
        desk, exchange, draining: what is looked at.
        counts: how much of what is alive, by name.
        operator: the GUID of the resource whose keys may tell the server what concerns everybody.
        speech: looks at what speaks and recognises.
        left_out: how many intermediate results of transcripts were left out, by who was too busy.
        guard: knows who is not listened to on SIP.
        clock: says how long they are not.
        uploads: how many files of recordings were sent to storage outside, by how it went.
        tolls: how many calls out were not allowed, by why.
        trunks: looks at the trunks.
        sip_refused: what of SIP was refused or dropped, by limit.
        registrar: knows who has registered; None where there is none.
    """

    def __init__(
        self,
        desk: MediaDesk,
        exchange: Exchange,
        draining: Draining,
        counts: Callable[[], Mapping[str, int]],
        operator: Callable[[], str | None],
        speech: SpeechWatch,
        left_out: Callable[[], Mapping[str, int]],
        guard: Guard,
        clock: Clock,
        uploads: Callable[[], Mapping[str, int]] = dict,
        tolls: Callable[[], Mapping[str, int]] = dict,
        trunks: Callable[[], TrunksView] = lambda: TrunksView([]),
        sip_refused: Callable[[], Mapping[str, int]] = dict,
        registrar: Registrar | None = None,
    ) -> None:
        self._registrar = registrar
        self._desk = desk
        self._exchange = exchange
        self._draining = draining
        self._counts = counts
        self._operator = operator
        self._speech = speech
        self._left_out = left_out
        self._guard = guard
        self._clock = clock
        self._uploads = uploads
        self._tolls = tolls
        self._trunks = trunks
        self._sip_refused = sip_refused

    def media(self) -> MediaView:
        return MediaView(
            [_worker(one) for one in self._desk.health()],
            self._totals(),
            self._drain_view() if self._draining.reason else None,
        )

    def speech(self) -> SpeechView:
        return self._speech.view()

    def legs(self, asker: str | None, after: int, top: int, *, worst: bool) -> LegPage:
        numbers = sorted(leg for leg in self._desk.leg_numbers() if leg > after)
        if worst:
            numbers = heapq.nsmallest(len(numbers), numbers, key=self._score)
        rows: list[LegRow] = []
        for leg in numbers:
            if len(rows) == top:
                return LegPage(rows, None if worst else rows[-1].leg)
            row = self._row(leg, asker)
            if row is not None:
                rows.append(row)
        return LegPage(rows)

    def metrics(self) -> str:
        return render(
            Facts(
                self._counts(),
                self._desk.health(),
                self._desk.totals,
                self._exchange.refused_calls,
                bool(self._draining.reason),
                self._speech.figures(),
                self._left_out(),
                self._uploads(),
                self._tolls(),
                self._trunks().value,
                self._sip_refused(),
                0 if self._registrar is None else len(self._registrar),
                self._registrar.outcomes if self._registrar else None,
            )
        )

    def drain_worker(self, worker: int) -> WorkerView | None:
        workers = self._desk.health()
        if not 0 <= worker < len(workers) or not self._desk.drain_worker(worker):
            return None
        return _worker(self._desk.health()[worker])

    def drain(self, seconds: float | None) -> DrainView:
        self._draining.begin(BY_COMMAND, seconds)
        return self._drain_view()

    def resume(self) -> bool:
        return self._draining.cancel()

    def bans(self) -> BansView:
        now = self._clock.now()
        return BansView(
            [
                BanView(
                    one.source, one.reason.name.lower(), round(one.until - now, 1), one.times, one.refused
                )
                for one in self._guard.bans()
            ]
        )

    def trunks(self) -> TrunksView:
        return self._trunks()

    def lift_bans(self, source: str | None) -> int:
        return self._guard.clear(source)

    def may_operate(self, asker: str | None) -> bool:
        return asker is None or asker == self._operator()

    def problems(self) -> Sequence[str]:
        draining = self._draining
        if draining.reason:
            return [
                f"the server is being drained, {draining.reason}: no new calls are taken; "
                f"{draining.calls} go on for up to {draining.seconds_left:.0f} s"
            ]
        if not self._desk.ready:
            return ["no media worker is ready yet (the first start compiles kernels)"]
        return []

    # --- inside -------------------------------------------------------------------------------------------

    def _drain_view(self) -> DrainView:
        draining = self._draining
        return DrainView(draining.reason, draining.calls, round(draining.seconds_left, 1))

    def _score(self, leg: int) -> tuple[float, int]:
        quality = self._desk.quality(leg)
        return (quality.mos if quality is not None and quality.mos > 0 else 5.0), leg

    def _row(self, leg: int, asker: str | None) -> LegRow | None:
        view, call = self._desk.leg(leg), self._exchange.call_of(leg)
        if view is None:
            return None
        correlation, connections = call or ("", [])
        shown = [
            connection
            for connection, owner in connections
            if asker is None or owner.casefold() == asker.casefold()
        ]
        if asker is not None and not shown:
            return None
        return LegRow(
            leg,
            view.kind,
            view.worker,
            correlation,
            shown,
            view.codec,
            view.port,
            view.remote,
            view.encrypted,
            _quality(self._desk.quality(leg)),
        )

    def _totals(self) -> TotalsView:
        totals = self._desk.totals
        scored = sum(totals.scores)
        return TotalsView(
            legs_open=self._desk.legs,
            legs_closed=totals.legs,
            legs_refused=totals.legs_refused,
            calls_refused=self._exchange.refused_calls,
            calls_lost=totals.calls_lost,
            workers_lost=totals.workers_lost,
            workers_replaced=totals.workers_replaced,
            packets_received=totals.received,
            packets_sent=totals.sent,
            packets_lost=totals.lost,
            packets_discarded=totals.discarded,
            concealed_seconds=round(totals.concealed_ms / 1000, 1),
            mean_mos=round(totals.score_sum / scored, 2) if scored else None,
        )


def _worker(health: WorkerHealth) -> WorkerView:
    return WorkerView(
        health.number,
        health.state,
        health.reason,
        health.pid,
        health.legs,
        round(health.load, 4),
        round(health.measured, 4),
        round(health.late_ms, 2),
        round(health.busy_ms, 2),
        health.skipped,
        health.starts,
        round(health.uptime, 1),
        round(health.silence, 1),
        health.cpu,
    )


def _quality(quality: LegQuality | None) -> QualityView | None:
    if quality is None:
        return None
    return QualityView(
        quality.received,
        quality.sent,
        quality.lost,
        quality.discarded,
        quality.duplicates,
        round(quality.jitter_ms, 2),
        round(quality.buffer_ms, 1),
        round(quality.concealed_ms),
        _known(quality.round_trip_ms, 1),
        _known(quality.remote_loss, 4),
        _known(quality.remote_jitter_ms, 2),
        round(quality.mos, 2) if quality.mos > 0 else None,
    )


def _known(value: float, digits: int) -> float | None:
    return round(value, digits) if value >= 0 else None
