"""Where a plane runs, as control sees it: one protocol, whether it is a process or this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from hookflash.plane.rings import Rings
from hookflash.ports.plane import PlaneCommand, PlaneEvent

Events = Callable[[Sequence[PlaneEvent]], None]
Lost = Callable[[str], None]


class Host(Protocol):
    """Runs one plane, once: after it is lost or stopped, control makes a new one."""

    watched: bool
    """Whether it sends heartbeats, so that silence means it is frozen."""

    @property
    def rings(self) -> Rings:
        """The rings through which audio leaves and comes in, once it is started."""
        ...

    async def start(self, on_events: Events, on_lost: Lost) -> None:
        """Start; the event WorkerReady says when it can be used.

        ``on_lost`` is called once with the reason, if the plane ends on its own.

        Raises:
            OSError: it can not be started.
            ValueError: its settings make no sense.
        """
        ...

    def post(self, command: PlaneCommand) -> None:
        """Carry out ``command`` at the next tick; ignored once the plane is gone."""
        ...

    async def writable(self) -> None:
        """Wait until the host can take more audio."""
        ...

    def kill(self) -> None:
        """End it at once, whatever state it is in; ``on_lost`` may still be called."""
        ...

    async def stop(self) -> None:
        """Shut it down in good order; ``on_lost`` is not called."""
        ...
