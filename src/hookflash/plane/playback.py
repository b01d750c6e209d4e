"""One play, from its sources to the worker: fetched and spoken side by side, handed over in order.

Contract section 6.2 says what an application sees of it.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from hookflash.calls.effects import PlayAudio
from hookflash.calls.facts import AudioFailed
from hookflash.plane.feeds import Feed, Part, PromptSource, SourceFailed, Voice
from hookflash.plane.link import MAX_CLIP
from hookflash.plane.wav import WIDE_RATE, Audio
from hookflash.ports.plane import (
    AddPlayLeg,
    DropClip,
    ExtendPlay,
    LoadClip,
    PlaneCommand,
    RemovePlayLeg,
    StartPlay,
    StopPlay,
)

UNKNOWN_ERROR = 9999
"""Sub-code for what should not happen (contract section 4.3)."""

AT_ONCE = 4
"""Sources of one play fetched or spoken at the same time."""

LATE = 0.04
"""Seconds that audio may come after what was before it has ended, without a word in the trace."""


class Worker(Protocol):
    """The worker a play runs on."""

    def post(self, command: PlaneCommand) -> None: ...

    async def writable(self) -> None: ...


@dataclass(slots=True)
class _Kept:
    """A clip of a worker, and the bytes it takes there."""

    clip: int
    size: int
    wide: bool = False


def _piece_size(audio: Audio) -> int:
    """Bytes at 8,000 Hz of a clip; at either rate a clip has at most :data:`MAX_CLIP`."""
    return MAX_CLIP // 2 if audio.wide else MAX_CLIP


def pieces(audio: Audio) -> int:
    """How many clips ``audio`` is sent as."""
    return -(-len(audio.pcm) // _piece_size(audio))


class ClipShelf:
    """The clips one worker holds: each piece of audio is sent to it once and dropped when the shelf is full.

    What wideband legs hear of it is sent as well, when one of them first listens.

    ``mint`` gives clip ids. A play that uses a dropped clip keeps its own reference in the worker, so the
    least recently used one can go at any time.
    """

    def __init__(self, worker: Worker, mint: Callable[[], int], capacity: int = 64 << 20) -> None:
        self._worker = worker
        self._mint = mint
        self._capacity = capacity
        self._clips: OrderedDict[tuple[bytes, int], _Kept] = OrderedDict()
        self.bytes = 0

    async def clip(self, audio: Audio, piece: int, *, wide: bool = False) -> int:
        """The id of the ``piece``-th part of ``audio``, loaded if it was not there; see :func:`pieces`.

        With ``wide`` its audio at 16,000 Hz is loaded too, where there is any. Use the id before the next
        await: from then on it may be dropped.
        """
        key = (audio.key, piece)
        wide = wide and bool(audio.wide)
        kept = self._clips.get(key)
        if kept is None or (wide and not kept.wide):
            await self._worker.writable()
            kept = self._clips.get(key)  # another play may have loaded it meanwhile
        size = _piece_size(audio)
        if kept is None:
            pcm = audio.pcm[piece * size : (piece + 1) * size]
            kept = self._clips[key] = _Kept(self._mint(), len(pcm))
            self.bytes += kept.size
            self._worker.post(LoadClip(kept.clip, pcm))
        if wide and not kept.wide:
            pcm = audio.wide[2 * piece * size : 2 * (piece + 1) * size]
            kept.wide = True
            kept.size += len(pcm)
            self.bytes += len(pcm)
            self._worker.post(LoadClip(kept.clip, pcm, WIDE_RATE))
        self._clips.move_to_end(key)
        while self.bytes > self._capacity and len(self._clips) > 1:
            _, old = self._clips.popitem(last=False)
            self.bytes -= old.size
            self._worker.post(DropClip(old.clip))
        return kept.clip

    def forget(self, clip: int) -> None:
        """The worker does not have it: it is loaded again when it is next needed."""
        for key, kept in self._clips.items():
            if kept.clip == clip:
                del self._clips[key]
                self.bytes -= kept.size
                return


Ready = Callable[[tuple[str, ...]], None]
"""Told when the first audio of a play is there, and of what else belongs into its trace."""


class Playback:
    """Gets the sources of ``effect`` and feeds them to ``worker``.

    Playing starts with the first part of the first source; the others are appended as they come. A loop
    starts when all of them are there, because it must not repeat half a list. When source n can not be had,
    what is before it is played and :attr:`failure` is set; a play that has nothing to play reports it by
    :meth:`run`'s return value.

    Args:
        effect: what to play to whom.
        worker, shelf: where to.
        prompts, voice: who has the audio.
        wide: tells whether a leg hears at 16,000 Hz: what it listens to is then sent at that rate too.
        ready: told before the first part is on its way, and whenever there is more to say.
        now: monotonic seconds.
    """

    def __init__(
        self,
        effect: PlayAudio,
        worker: Worker,
        shelf: ClipShelf,
        prompts: PromptSource,
        voice: Voice | None = None,
        *,
        wide: Callable[[int], bool] = lambda leg: False,
        ready: Ready = lambda notes: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.effect = effect
        self.failure: AudioFailed | None = None
        self.task: asyncio.Task[AudioFailed | None] | None = None
        self.source = 0
        self._worker = worker
        self._shelf = shelf
        self._prompts = prompts
        self._voice = voice
        self._wide = wide
        self._ready = ready
        self._now = now
        self._legs = list(effect.legs)
        self._clips: dict[int, int] = {}
        self._started = False
        self._ends_at = 0.0

    async def run(self) -> AudioFailed | None:
        """Feed the play until all its audio is with the worker; the failure if nothing will be played."""
        slots = asyncio.Semaphore(AT_ONCE)
        feeds = [Feed(source, slots, self._prompts, self._voice) for source in self.effect.sources]
        try:
            if self.effect.loop:
                await self._feed_loop(feeds)
            else:
                await self._feed(feeds)
        finally:
            await asyncio.gather(*(feed.close() for feed in feeds))
        return None if self._started else self.failure

    def add_leg(self, leg: int) -> None:
        """One more leg hears the play, now or as soon as it starts."""
        if leg in self._legs:
            return
        self._legs.append(leg)
        if self._started:
            self._worker.post(AddPlayLeg(self.effect.play, leg))

    def remove_leg(self, leg: int) -> None:
        """A leg does not hear the play, or what is left of it."""
        if leg not in self._legs:
            return
        self._legs.remove(leg)
        if self._started:
            self._worker.post(RemovePlayLeg(self.effect.play, leg))

    def forget_leg(self, leg: int) -> bool:
        """The worker could not let a leg hear the play; whether nobody is left who does."""
        if leg not in self._legs:
            return False
        self._legs.remove(leg)
        return not self._legs

    def miss(self, clip: int, reason: str) -> None:
        """The worker has no room for a clip; if it is one of this play's, that source has failed."""
        source = self._clips.get(clip)
        if source is not None and self.failure is None:
            self.failure = AudioFailed(self.effect.play, source, UNKNOWN_ERROR, reason)

    def stop(self) -> None:
        """Stop fetching and playing."""
        if self.task is not None:
            self.task.cancel()
        if self._started:
            self._worker.post(StopPlay(self.effect.play))

    async def _feed(self, feeds: Sequence[Feed]) -> None:
        whole = False
        for self.source, feed in enumerate(feeds):
            whole = False
            last = self.source == len(feeds) - 1
            try:
                async for part in feed.parts():
                    whole = last and part.last
                    await self._hand_over(part, self.source, loop=False, more=not whole)
            except SourceFailed as error:
                self._failed(error)
                break
        if self._started and not whole:
            self._worker.post(ExtendPlay(self.effect.play, (), False))

    async def _feed_loop(self, feeds: Sequence[Feed]) -> None:
        found: list[tuple[int, Part]] = []
        for self.source, feed in enumerate(feeds):
            source: list[tuple[int, Part]] = []
            try:
                async for part in feed.parts():
                    source.append((self.source, part))  # noqa: PERF401 - half a source must not count
            except SourceFailed as error:
                self._failed(error)
                break
            found += source
        # A list with a hole in it is played once, up to the hole.
        loop = self.failure is None
        for number, (source_number, part) in enumerate(found):
            await self._hand_over(part, source_number, loop=loop, more=number < len(found) - 1)

    def _failed(self, error: SourceFailed) -> None:
        if self.failure is None:
            self.failure = AudioFailed(self.effect.play, self.source, error.sub_code, str(error), error.code)

    async def _hand_over(self, part: Part, source: int, *, loop: bool, more: bool) -> None:
        audio = part.audio
        count = pieces(audio)
        self._tell(part, source)
        for piece in range(count):
            clip = await self._shelf.clip(audio, piece, wide=any(map(self._wide, self._legs)))
            self._clips[clip] = source
            follows = more or piece < count - 1
            if self._started:
                self._worker.post(ExtendPlay(self.effect.play, (clip,), follows))
            else:
                self._started = True
                self._worker.post(
                    StartPlay(
                        self.effect.play,
                        tuple(self._legs),
                        (clip,),
                        loop=loop,
                        more=follows,
                        until_key=self.effect.until_key,
                    )
                )

    def _tell(self, part: Part, source: int) -> None:
        """What belongs into the trace of a part that is about to go."""
        now = self._now()
        notes = part.notes
        if not self._started:
            self._ends_at = now
            self._ready(notes)
        else:
            late = now - self._ends_at
            if late > LATE:
                notes = (*notes, f"source {source} came {late:.2f} s late, which was silence")
            if notes:
                self._ready(notes)
        self._ends_at = max(self._ends_at, now) + part.audio.seconds
