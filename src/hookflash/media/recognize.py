"""Recognising what somebody presses or says: prompt, barge-in, timers, every end (contract section 6.3).

The order of things: the prompt plays; when it ends, or at once if there is none, the initial-silence timer
starts. With ``interruptPrompt`` a key or a voice during the prompt stops it and is the first input; without,
neither keys nor words during the prompt count.

Keys: the first one stops the initial-silence timer and every one restarts the inter-tone timer. It ends with
a stop tone (8514; it is not among the tones), enough tones (8531), no key at all (8510), or too long between
two keys (8532). The documents disagree about the last one; it is a RecognizeFailed here that has the tones so
far, and where any number of keys would do it is how they end, RecognizeCompleted.

Words: a voice stops the initial-silence timer, and when it has been silent for the end-silence time the last
words are asked for. They are the result (8569), or choose (8545) or do not (8547); no words at all are 8563.
A key chooses (8533) or is wrong (8534).

With speechOrDtmf the first input decides which of both it is. Keys after a voice that turns out to have said
nothing are taken after all: a cough is no input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hookflash.media.choices import meant, of_tone
from hookflash.media.compatibility import Kind
from hookflash.media.line import Audio, AudioFailure, Line, Party, Request, Turn
from hookflash.media.operation import Operation
from hookflash.media.recognition_rules import MAX_SPEECH, MAX_UNDERSTANDING, Rules
from hookflash.media.sources import described, first_empty
from hookflash.media.speech import Heard
from hookflash.media.tables import State, Step
from hookflash.media.wording import words
from hookflash.wire import results
from hookflash.wire.enums import RecognitionType, RecognizeInputType, Tone
from hookflash.wire.events import (
    ChoiceResult,
    DtmfResult,
    PlayStarted,
    RecognizeCanceled,
    RecognizeCompleted,
    RecognizeFailed,
    SpeechResult,
)
from hookflash.wire.results import ResultInformation

MAX_LATE = 100
"""Keys remembered that came after a voice."""
NOBODY_UNDERSTANDS = (
    "nobody here understands words: install hookflash[speech] or configure a [[speech_provider]]"
)

_PROMPTING = (State.PREPARING, State.PLAYING)
_SPEAKING = (State.HEARING, State.UNDERSTANDING)


class Recognize(Operation):
    """Collects keys or words of one participant."""

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
        rules: Rules,
    ) -> None:
        super().__init__(line, kind, request, (target,), since)
        self.target = target
        self.prompts = tuple(prompts)
        self.rules = rules
        self.tones: list[Tone] = []
        self.late: list[Tone] = []
        self.play: int | None = None
        self.timer: int | None = None
        self.limit: int | None = None
        self.listening: int | None = None

    def asked(self) -> str:
        prompt = f" after {described(self.prompts)}" if self.prompts else ""
        return f"{self.rules.described()}{prompt}"

    def begin(self, turn: Turn) -> None:
        self.note(turn, "begun")
        if self.rules.wish is not None and not self.line.abilities.understands:
            self.note(turn, "keys alone", NOBODY_UNDERSTANDS)
        if not self.prompts:
            self._listen(turn)
            return
        self.machine.fire(Step.PREPARE)
        empty = first_empty(self.prompts)
        if empty is not None:
            known = results.PLAY_SOURCE_EMPTY
            self.audio_failed(turn, AudioFailure(empty, known.sub_code, known.message))
            return
        # Every key counts from here on, so the plane need not wait to be told that it does.
        until_key = self.target.leg if self.rules.interrupt_prompt and self.rules.takes_keys else None
        self.play = turn.start_play(self.line.call, (self.target.leg,), self.prompts, False, self, until_key)

    def release(self, turn: Turn) -> None:
        turn.stop_play(self.play)
        turn.stop_listening(self.listening)
        self._stop_timers(turn)
        self.play = self.listening = None

    # --- the prompt -------------------------------------------------------------------------------------

    def audio_ready(self, turn: Turn, notes: Sequence[str]) -> None:
        self.note(turn, "audio ready", "; ".join(notes))

    def audio_started(self, turn: Turn) -> None:
        if self.state is State.PREPARING:
            self.machine.fire(Step.START)
            self.note(turn, "first sample")
            self.line.notify(turn, PlayStarted, results.ACTION_COMPLETED, self.request)
            if self.rules.interrupt_prompt:
                self._open_ears(turn)

    def audio_finished(self, turn: Turn) -> None:
        self.play = None
        if self.state in _PROMPTING:
            self.audio_started(turn)
            self.note(turn, "prompt ended")
            self._listen(turn)

    def audio_failed(self, turn: Turn, failure: AudioFailure) -> None:
        self.play = None
        known = results.PROMPT_FAILED
        result = ResultInformation(known.code, known.sub_code, f"{known.message} {failure.message}".rstrip())
        self.end(turn, Step.FAIL, RecognizeFailed, result, failed_play_source_index=failure.source)

    def _barge_in(self, turn: Turn, what: str) -> None:
        if self.state in _PROMPTING:
            self.note(turn, "barge-in", f"by {what}, the prompt stops")
        turn.stop_play(self.play)
        self.play = None

    # --- keys -------------------------------------------------------------------------------------------

    def heard(self, turn: Turn, digit: str) -> None:
        if self.state is State.QUEUED:
            return
        tone = Tone.of_digit(digit)
        if not self.rules.takes_keys:
            self.note(turn, "key ignored", f"{tone}: words are asked for, no keys")
        elif self.state in _PROMPTING and not self.rules.interrupt_prompt:
            self.note(turn, "key ignored", f"{tone}: the prompt must not be interrupted")
        elif self.state in _SPEAKING and self.rules.kind is RecognizeInputType.SPEECH_OR_DTMF:
            self.note(turn, "key", f"{tone}, but a voice came first")
            self.late = [*self.late, tone][:MAX_LATE]
        else:
            self.note(turn, "key", str(tone))
            self._key(turn, tone)

    def _key(self, turn: Turn, tone: Tone) -> None:
        self._barge_in(turn, "key")
        self.release(turn)
        self.machine.fire(Step.TONE)
        if self.rules.kind is RecognizeInputType.CHOICES:
            choice = of_tone(self.rules.choices, tone)
            if choice is None:
                self.fail(turn, results.INCORRECT_TONE)
            else:
                self._chosen(
                    turn,
                    results.DTMF_OPTION_MATCHED,
                    ChoiceResult(label=choice.label, recognized_phrase=None),
                )
            return
        if tone in self.rules.stop_tones:
            self._complete_keys(turn, results.STOP_TONE)
            return
        self.tones.append(tone)
        if self.rules.max_tones is not None and len(self.tones) >= self.rules.max_tones:
            self._complete_keys(turn, results.MAX_DIGITS)
        else:
            self._arm(turn, "inter-tone", turn.now + self.rules.inter_tone)

    def _complete_keys(self, turn: Turn, result: ResultInformation) -> None:
        self.end(
            turn,
            Step.COMPLETE,
            RecognizeCompleted,
            result,
            recognition_type=RecognitionType.DTMF,
            dtmf_result=DtmfResult(tones=list(self.tones)),
        )

    # --- words ------------------------------------------------------------------------------------------

    def voice_began(self, turn: Turn, at: float) -> None:
        self.note(turn, "voice began", self._ago(turn, at))
        if self.state is State.HEARING:
            turn.stop_timer(self.timer)
            self.timer = None
        elif self.machine.allows(Step.VOICE):
            self._speaks(turn, at)

    def voice_ended(self, turn: Turn, at: float) -> None:
        self.note(turn, "voice ended", self._ago(turn, at))
        if self.state is State.HEARING:
            self._arm(turn, "end silence", at + self.rules.end_silence)

    def words_heard(self, turn: Turn, heard: Heard) -> None:
        self.note(turn, "last words" if heard.final else "words", _described(heard))
        if not heard.final:
            return
        self.listening = None
        if self.machine.allows(Step.VOICE):
            self._speaks(turn, turn.now)
        if self.state is State.HEARING:
            self.machine.fire(Step.FINISH)
        self._understood(turn, heard)

    def listening_failed(self, turn: Turn, code: int, sub_code: int, message: str) -> None:
        self.listening = None
        self.fail(turn, results.recognize_failed(code, sub_code, message))

    def _speaks(self, turn: Turn, at: float) -> None:
        """Somebody speaks, with all the time they need, within reason."""
        self._barge_in(turn, "voice")
        self._stop_timers(turn)
        self.machine.fire(Step.VOICE)
        self.limit = turn.start_timer(max(turn.now, at + MAX_SPEECH), self._said_enough)

    def _said_enough(self, turn: Turn) -> None:
        self.limit = None
        self.note(turn, "timer fired", f"nobody is listened to for more than {MAX_SPEECH:g} s")
        self._finish(turn)

    def _finish(self, turn: Turn) -> None:
        """They have said what they have to say; now for what that was."""
        self._stop_timers(turn)
        self.machine.fire(Step.FINISH)
        turn.finish_listening(self.listening)
        self._arm(turn, "understanding", turn.now + MAX_UNDERSTANDING)

    def _understood(self, turn: Turn, heard: Heard) -> None:
        if not words(heard.text):
            late, self.late = self.late, []
            if not late:
                self.fail(turn, results.SPEECH_NOT_RECOGNIZED)
            for tone in late:
                if not self.over:
                    self._key(turn, tone)
        elif self.rules.kind is RecognizeInputType.CHOICES:
            self._choose(turn, heard)
        else:
            self.end(
                turn,
                Step.COMPLETE,
                RecognizeCompleted,
                results.SPEECH_RECOGNIZED,
                recognition_type=RecognitionType.SPEECH,
                speech_result=SpeechResult(speech=heard.text.strip(), confidence=_confidence(heard)),
            )

    def _choose(self, turn: Turn, heard: Heard) -> None:
        match = meant(self.rules.choices, heard.text, heard.choice)
        if match is None:
            self.note(turn, "no choice", "none of the choices is near, or several are")
            self.fail(turn, results.SPEECH_OPTION_NOT_MATCHED)
            return
        self.note(turn, "choice", f"{match.label!r}, by {match.how}, likeness {match.likeness:.2f}")
        confidence = _confidence(heard, match.likeness)
        chosen = ChoiceResult(label=match.label, recognized_phrase=match.phrase, confidence=confidence)
        self._chosen(turn, results.SPEECH_OPTION_MATCHED, chosen)

    def _chosen(self, turn: Turn, result: ResultInformation, chosen: ChoiceResult) -> None:
        self.end(
            turn,
            Step.COMPLETE,
            RecognizeCompleted,
            result,
            recognition_type=RecognitionType.CHOICES,
            choice_result=chosen,
        )

    # --- silence ----------------------------------------------------------------------------------------

    def _listen(self, turn: Turn) -> None:
        self.machine.fire(Step.LISTEN)
        self._open_ears(turn)
        self._arm(turn, "initial silence", turn.now + self.rules.initial_silence)

    def _open_ears(self, turn: Turn) -> None:
        if self.rules.wish is not None and self.listening is None and self.line.abilities.understands:
            wish = replace(self.rules.wish, owner=self.line.resource)
            self.listening = turn.start_listening(self.line.call, self.target.leg, wish, self)
            self.note(turn, "listening", f"for {', '.join(self.rules.wish.locales)}")

    def _arm(self, turn: Turn, name: str, at: float) -> None:
        due = max(turn.now, at)
        self.note(turn, "timer armed", f"{name}, due in {due - turn.now:.3f} s")
        turn.stop_timer(self.timer)
        self.timer = turn.start_timer(due, self._due)

    def _stop_timers(self, turn: Turn) -> None:
        turn.stop_timer(self.timer)
        turn.stop_timer(self.limit)
        self.timer = self.limit = None

    def _due(self, turn: Turn) -> None:
        """The timer has fired; what it was for follows from the state."""
        self.timer = None
        if self.state is State.HEARING:
            self.note(turn, "timer fired", "end silence")
            self._finish(turn)
        elif self.state is State.LISTENING:
            self.note(turn, "timer fired", "initial silence")
            self.fail(turn, results.INITIAL_SILENCE)
        elif self.state is State.UNDERSTANDING:
            self.note(turn, "timer fired", "understanding")
            late = f"It did not say within {MAX_UNDERSTANDING:g} s what it heard."
            self.fail(turn, results.recognize_failed(408, results.SPEECH_SERVICE_FAILED.sub_code, late))
        else:
            self.note(turn, "timer fired", "inter-tone")
            self._keys_stopped(turn)

    def _keys_stopped(self, turn: Turn) -> None:
        known = results.INTER_DIGIT_TIMEOUT
        if self.rules.max_tones is None:
            self._complete_keys(turn, known)
        else:
            partial = DtmfResult(tones=list(self.tones))
            self.end(turn, Step.FAIL, RecognizeFailed, known, dtmf_result=partial)

    def _ago(self, turn: Turn, at: float) -> str:
        return f"{max(0.0, turn.now - at):.3f} s ago"


def _confidence(heard: Heard, likeness: float = 1.0) -> float:
    return round(min(1.0, max(0.0, heard.confidence)) * likeness, 4)


def _described(heard: Heard) -> str:
    """For the trace."""
    more = [f"confidence {heard.confidence:.2f}"] if heard.final else []
    more += [heard.locale] if heard.locale else []
    more += [f"the grammar says {heard.choice!r}"] if heard.choice else []
    return " ".join([repr(heard.text), *([f"({', '.join(more)})"] if more else [])])
