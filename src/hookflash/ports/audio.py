"""The audio of calls, as streaming, recording and speech see it: frames of 20 ms out, a voice in.

Audio is signed 16-bit mono PCM in numpy arrays, at 8,000, 16,000 or 24,000 Hz as asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FRAMES_PER_SECOND = 50


@dataclass(frozen=True, slots=True)
class Heard:
    """What ``leg`` hears; with ``itself`` its own voice is among it."""

    leg: int
    itself: bool = False

    def __hash__(self) -> int:
        # Asked for several times a frame; what dataclasses make builds a tuple first.
        return self.leg


@dataclass(frozen=True, slots=True)
class Said:
    """What others hear of ``leg``: silence while it is muted or on hold."""

    leg: int

    def __hash__(self) -> int:
        return self.leg


@dataclass(frozen=True, slots=True)
class Whole:
    """All that is said in ``call``, and all that is played in it, as :class:`Prompts` has it."""

    call: int


@dataclass(frozen=True, slots=True)
class Prompts:
    """What is played in ``call``, each play once however many hear it; music on hold too."""

    call: int


Source = Heard | Said | Whole | Prompts


class Frames(dict[Source, "NDArray[np.int16]"]):
    """The 20 ms each source gave in one tick.

    Attributes:
        ranks: of each :class:`Said` among the loudest four of its call: its place, 1 the loudest.
        peaks: of each source the largest amplitude in it, before any resampling.
    """

    __slots__ = ("peaks", "ranks")

    def __init__(self) -> None:
        self.ranks: dict[Source, int] = {}
        self.peaks: dict[Source, int] = {}


Take = Callable[[int, Frames], None]
"""Called with a tick and the 20 ms each source gave in it; ticks go up by one unless audio was lost.

A source that has ended, or has not begun, is missing. The arrays are the receiver's to keep.
"""

W = TypeVar("W")
TakeTogether = Callable[[int, Sequence[W], "NDArray[np.int16]", Sequence[int]], None]
"""Called with a tick, who they are, [who, samples] the 20 ms of each, and the largest amplitude in each
before any resampling. The array is the receiver's to keep.
"""


@dataclass(frozen=True, slots=True)
class Together(Generic[W]):
    """How a listener of a single source is handed its frames with others, which costs a fraction of it.

    Neither sources nor ranks are told. What ``take`` raises costs all of them the tick.

    Attributes:
        take: one function for all of them.
        who: what it knows this one by.
    """

    take: TakeTogether[W]
    who: W


TakeBlock = Callable[[int, int, "Mapping[Source, NDArray[np.int16]]"], None]
"""Called with a tick, how many ticks from there on, and what each source gave in all of them, in one piece.

A source that was not there all the time is silent where it was not; one that was not there at all is
missing. The next block begins with the tick behind this one unless audio was lost.
"""


Job = Callable[[], bool]
"""Work for a thread."""
Done = Callable[[bool | Exception], None]
"""Told in the event loop what a job has returned or raised."""
Do = Callable[[Job, Done], None]
"""Has a job done in a thread, soon."""


@dataclass(frozen=True, slots=True, eq=False)
class Outlet:
    """A file into which the audio of one source is poured as it lies in memory, many ticks at a time.

    Attributes:
        fd: the file, which is nobody else's until ``done`` is called.
        offset: octets of it there are.
        limit: octets at which it is full: nothing more is written then.
        do: does the writing; one function for all who may write together.
        ends: called once, when nothing more will be begun: with the tick of the last frame that was taken,
            how many octets there are, and the audio behind them if it was taken back before it was written.
        done: called once after that, when nothing is being written any more: with what went wrong, or None.
            What was taken back may be written over now, and has to be.
    """

    fd: int
    offset: int
    limit: int
    do: Do
    ends: Callable[[int, int, NDArray[np.int16] | None], None]
    done: Callable[[Exception | None], None]


Lend = Callable[[int], Outlet | None]
"""Called with the tick of the next frame: where it and all behind it are to go as long as none is missing;
None if they are to be handed over."""

Lost = Callable[[str], None]
"""Called once, with the reason, when no more audio will come: the media worker died."""


class AudioUnavailable(Exception):
    """Nothing can be heard or said; the message says why."""


class Listener(Protocol):
    """Hears sources of one call."""

    def add(self, source: Source) -> None:
        """One more source; one that is there already stays. Raises :class:`AudioUnavailable`."""
        ...

    def remove(self, source: Source) -> None:
        """A source less; one that is not there is ignored."""
        ...

    def close(self) -> None:
        """Hear nothing more; idempotent."""
        ...


class BlockListener(Listener, Protocol):
    """Hears sources of one call a while later, many ticks at a time."""

    def flush(self) -> None:
        """Hand over what was heard until now; so do removing a source and closing."""
        ...


Played = Callable[[bool], None]
"""Told once of a mark: True, all that was said before it has been heard; False, that was dropped."""

Speaking = Callable[[bool], None]
"""Told when a voice begins to be heard, and when nothing of what was said is left."""


class Voice(Protocol):
    """Speaks for an app leg."""

    def say(self, pcm: bytes) -> int:
        """Append int16 LE audio to what waits to be said; bytes that found no room are dropped: how many."""
        ...

    def mark(self, played: Played) -> None:
        """Call ``played`` when all that was said until now has been heard, or never will be."""
        ...

    def watch(self, speaking: Speaking) -> None:
        """Call ``speaking`` whenever the voice begins to be heard or falls silent."""
        ...

    def hush(self) -> None:
        """Drop what has not been said yet."""
        ...

    def close(self) -> None:
        """Say nothing more; idempotent."""
        ...


class CallAudio(Protocol):
    """Where the audio of calls is had."""

    def listen(
        self, call: int, rate: int, take: Take, lost: Lost, together: Together[Any] | None = None
    ) -> Listener:
        """Hear sources of a call at ``rate`` Hz. Raises :class:`AudioUnavailable`.

        What comes in time of a listener with a single source is handed over as ``together`` says, if it is
        given; all else by ``take``.
        """
        ...

    def listen_in_blocks(
        self, call: int, rate: int, take: TakeBlock, lost: Lost, lend: Lend | None = None
    ) -> BlockListener:
        """The same, a second at a time, for who can wait: it costs a fraction of it.

        What there is of a single source is poured where ``lend`` says instead, which costs less still, until
        that is full, frames are missing, or it is flushed or closed, or has another source.
        """
        ...

    def speak(self, leg: int, rate: int) -> Voice:
        """Be the voice of an app leg. Raises :class:`AudioUnavailable` when it has one or has no audio."""
        ...

    def is_app_leg(self, leg: int) -> bool:
        """Whether the leg is the place of an app, not a phone."""
        ...
