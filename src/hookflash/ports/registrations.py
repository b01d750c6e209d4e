"""Who has registered, as whoever runs the server sees it."""

from __future__ import annotations

from typing import Protocol

import msgspec

MAX_REGISTRATIONS = 1000
"""Most user names of one page."""


class RegistrationView(msgspec.Struct, rename="camel"):
    """One contact of a phone: ``phone`` is its user name, ``user`` the rawId of its communication user.

    It came from ``address`` (host and port) over ``transport``, ``since`` so many seconds ago, and holds for
    ``seconds_left`` more. ``quality`` is its q, ``agent`` what it calls itself.
    """

    phone: str
    user: str
    contact: str
    address: str
    transport: str
    quality: float
    since: float
    seconds_left: float
    agent: str


class RefusalView(msgspec.Struct, rename="camel"):
    """REGISTERs that were not carried out: ``phone`` is the user name they gave, ``address`` the host they
    came from, ``status`` what it was told and ``problem`` why.

    The last one came ``since`` so many seconds ago; there were ``times`` of them.
    """

    phone: str
    address: str
    status: int
    problem: str
    since: float
    times: int


class RegistrationPage(msgspec.Struct, omit_defaults=True):
    """Registrations by user name; ``next`` is the ``after`` of the next page, absent on the last.

    ``refused`` are the phones that have tried within the last hour and are not registered, on the first page.
    """

    value: list[RegistrationView]
    refused: list[RefusalView] = []
    next: str | None = None


class Registrations(Protocol):
    """Shows who has registered."""

    def page(self, asker: str | None, after: str, top: int) -> RegistrationPage:
        """Those of users of the resource that asks, by its GUID (None sees all), of the user names beyond
        ``after``: those of ``top`` names at most. User names that nobody has are shown to everybody.
        """
        ...
