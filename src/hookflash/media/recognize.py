"""Recognising DTMF: prompt, barge-in, timers, stop tones (contract section 6.3).

The order of things: the prompt plays; when it ends, or at once if there is none, the initial-silence timer
starts. The first key stops that timer, every key restarts the inter-tone timer. With ``interruptPrompt`` a
key during the prompt stops it and is the first one collected; without, keys pressed during the prompt are
not collected.

How it ends: a stop tone (8514; it is not among the tones), enough tones (8531), no key at all (8510), or
too long between two keys (8532). The documents disagree about the last one; it is a RecognizeFailed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hookflash.media.compatibility import Kind
from hookflash.media.line import Audio, AudioFailure, Line, Party, Request, Turn
from hookflash.media.operation import Operation
from hookflash.media.sources import first_empty
from hookflash.media.tables import State, Step
from hookflash.wire import results
from hookflash.wire.enums import RecognitionType, Tone
from hookflash.wire.events import (
    DtmfResult,
    PlayStarted,
    RecognizeCanceled,
    RecognizeCompleted,
    RecognizeFailed,
)
from hookflash.wire.results import ResultInformation


@dataclass(frozen=True, slots=True)
class DtmfRules:
    """What to collect and how long to wait for it; times in seconds."""

    max_tones: int
    stop_tones: frozenset[Tone]
    initial_silence: float
    inter_tone: float
    interrupt_prompt: bool


class RecognizeDtmf(Operation):
    """Collects keys of one participant."""

    canceled_event = RecognizeCanceled
    failed_event = RecognizeFailed

    def __init__(
        self,
        line: Line,
        kind: Kind,
        request: Request,
        target: Party,
        since: float,
        prompts: Sequence[Audio],
        rules: DtmfRules,
    ) -> None:
        super().__init__(line, kind, request, (target,), since)
        self.target = target
        self.prompts = tuple(prompts)
        self.rules = rules
        self.tones: list[Tone] = []
        self.play: int | None = None
        self.timer: int | None = None

    def begin(self, turn: Turn) -> None:
        if self.prompts:
            self.machine.fire(Step.PREPARE)
            empty = first_empty(self.prompts)
            if empty is not None:
                known = results.PLAY_SOURCE_EMPTY
                self.audio_failed(turn, AudioFailure(empty, known.sub_code, known.message))
                return
            self.play = turn.start_play(self.line.call, (self.target.leg,), self.prompts, False, self)
        else:
            self._listen(turn)

    def release(self, turn: Turn) -> None:
        turn.stop_play(self.play)
        turn.stop_timer(self.timer)
        self.play = self.timer = None

    # --- the prompt -------------------------------------------------------------------------------------

    def audio_ready(self, turn: Turn, notes: Sequence[str]) -> None:
        """It is about to be heard."""

    def audio_started(self, turn: Turn) -> None:
        if self.state is State.PREPARING:
            self.machine.fire(Step.START)
            self.line.notify(turn, PlayStarted, results.ACTION_COMPLETED, self.request)

    def audio_finished(self, turn: Turn) -> None:
        self.audio_started(turn)
        self.play = None
        self._listen(turn)

    def audio_failed(self, turn: Turn, failure: AudioFailure) -> None:
        self.play = None
        known = results.PROMPT_FAILED
        result = ResultInformation(known.code, known.sub_code, f"{known.message} {failure.message}".rstrip())
        self.end(turn, Step.FAIL, RecognizeFailed, result, failed_play_source_index=failure.source)

    # --- keys and silence -------------------------------------------------------------------------------

    def heard(self, turn: Turn, digit: str) -> None:
        during_prompt = self.state in (State.PREPARING, State.PLAYING)
        if self.state is State.QUEUED or (during_prompt and not self.rules.interrupt_prompt):
            return
        self.release(turn)
        self.machine.fire(Step.TONE)
        tone = Tone.of_digit(digit)
        if tone in self.rules.stop_tones:
            self._complete(turn, results.STOP_TONE)
            return
        self.tones.append(tone)
        if len(self.tones) >= self.rules.max_tones:
            self._complete(turn, results.MAX_DIGITS)
        else:
            self.timer = turn.start_timer(turn.now + self.rules.inter_tone, self._silent)

    def _listen(self, turn: Turn) -> None:
        self.machine.fire(Step.LISTEN)
        self.timer = turn.start_timer(turn.now + self.rules.initial_silence, self._silent)

    def _silent(self, turn: Turn) -> None:
        nothing_yet = self.state is State.LISTENING
        self.timer = None
        self.fail(turn, results.INITIAL_SILENCE if nothing_yet else results.INTER_DIGIT_TIMEOUT)

    def _complete(self, turn: Turn, result: ResultInformation) -> None:
        self.end(
            turn,
            Step.COMPLETE,
            RecognizeCompleted,
            result,
            recognition_type=RecognitionType.DTMF,
            dtmf_result=DtmfResult(tones=list(self.tones)),
        )
