"""Session timers (RFC 4028): a session whose peer has vanished comes to an end.

One of both sides refreshes the session halfway through its interval, by UPDATE where the peer allows that and
by re-INVITE otherwise. Shortly before the interval is over without a refresh, the session is ended with BYE.

When the peer knows nothing of this we refresh all the same: a peer that answers at all is there, one that
answers 408, 481 or not at all is gone.
"""

from __future__ import annotations

from collections.abc import Callable

from hookflash.sip.build import Extra
from hookflash.sip.core import Core
from hookflash.sip.dialog_headers import SessionExpires, parse_min_se
from hookflash.sip.errors import ParseError
from hookflash.sip.fields import Headers
from hookflash.sip.headers import Reason
from hookflash.sip.message import Message, Request, Response
from hookflash.sip.session import Session, SessionTerms, Stage, Watch

OPTION = "timer"

MIN_SE = 90
"""The shortest interval the RFC recommends to take, and what no Min-SE stands for (sections 4 and 5)."""

SHORTEST = 10
"""A peer that grants less than this many seconds is refreshed as if it had granted so many."""

LONGEST = 86_400
"""The longest interval in seconds; whoever wants longer ones is refused or refreshed earlier."""

MAX_RAISES = 3
"""How many 422 of one request are given way to."""

_MARGIN = 32
_RETRY = 1.0


class SessionTimers:
    """Agrees on intervals and keeps to them. ``refresh(now, session)`` sends one; False when not now."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.refresh: Callable[[float, Session], bool] = lambda now, session: False

    @staticmethod
    def begin(session: Session, terms: SessionTerms) -> None:
        """A session opens."""
        floor = max(terms.minimum, MIN_SE)
        session.watch = Watch(max(terms.expires, floor) if terms.expires else 0, floor)

    # --- our requests -----------------------------------------------------------------------------------

    @staticmethod
    def asking(session: Session, first: bool = False) -> Extra:
        """What an INVITE or UPDATE of ours says; ``first`` for the one that opens the session."""
        watch = session.watch
        interval = watch.wanted if first or not watch.interval else max(watch.interval, watch.floor)
        if not interval or not (first or session.stage is Stage.UP):
            return ()
        refresher = "" if first else "uac" if watch.ours or not watch.interval else "uas"
        said = ("Session-Expires", str(SessionExpires(interval, refresher)))
        return (said,) if watch.floor <= MIN_SE else (said, ("Min-SE", str(watch.floor)))

    @staticmethod
    def raised(session: Session, response: Response) -> bool:
        """Whether a response is a 422 that we can give way to by asking for more (section 7.4)."""
        watch = session.watch
        if response.status != 422 or watch.raises >= MAX_RAISES:
            return False
        try:
            floor = parse_min_se(response.headers.get("Min-SE") or "")
        except ParseError:
            return False
        if not watch.floor < floor <= LONGEST:
            return False
        watch.raises += 1
        watch.floor = floor
        watch.wanted = max(watch.wanted, floor)
        return True

    def granted(self, now: float, session: Session, response: Response) -> None:
        """Our request was answered with a 2xx (section 7.2)."""
        watch = session.watch
        watch.raises = 0
        try:
            granted = _expires(response)
        except ParseError:
            granted = None
        watch.agreed = granted is not None
        if granted is not None:
            ours = granted.refresher != "uas"
            self._arm(now, session, min(max(granted.seconds, SHORTEST), LONGEST), ours)
        else:
            self._arm(now, session, watch.wanted, True)

    # --- their requests ---------------------------------------------------------------------------------

    @staticmethod
    def check(request: Request, minimum: int) -> tuple[int, Extra] | None:
        """The refusal of an interval that is too short (section 9). ParseError for malformed headers."""
        asked = _expires(request)
        if asked is not None and asked.seconds < minimum and _supports(request):
            return 422, (("Min-SE", str(minimum)),)
        return None

    def granting(self, now: float, session: Session, request: Request) -> Extra:
        """What our 2xx to an INVITE or UPDATE says; from now on the interval runs (section 9)."""
        watch = session.watch
        supported = _supports(request)
        try:
            asked = _expires(request)
            least = max(parse_min_se(request.headers.get("Min-SE") or "0"), watch.floor)
        except ParseError:
            asked, least = None, watch.floor
        interval = max(watch.wanted, least) if watch.wanted else 0
        if asked is not None:
            interval = min(asked.seconds, interval or LONGEST)
        if not interval:
            watch.interval = 0
            watch.stop()
            return ()
        present = ("uas" if watch.ours else "uac") if watch.interval else "uac"
        refresher = ((asked.refresher if asked is not None else "") or present) if supported else "uas"
        watch.agreed = supported
        self._arm(now, session, min(max(interval, SHORTEST), LONGEST), refresher == "uas")
        said = ("Session-Expires", str(SessionExpires(interval, refresher)))
        return (said, ("Require", OPTION)) if supported else (said,)

    # --- time -------------------------------------------------------------------------------------------

    def refused(self, now: float, session: Session) -> None:
        """A refresh was refused: the peer is there, but may not count it (section 10)."""
        watch = session.watch
        if not watch.interval or session.quiet:
            return
        if not watch.agreed:
            self._arm(now, session, watch.interval, True)
        elif watch.ours:
            self._set_refresh(now, session, max((watch.ends - now) / 2, _RETRY))

    def _arm(self, now: float, session: Session, interval: int, ours: bool) -> None:
        watch = session.watch
        watch.stop()
        watch.interval, watch.ours = interval, ours
        if not interval:
            return
        watch.ends = now + interval - min(_MARGIN, interval / 3)
        watch.end = self._core.timers.set(watch.ends, self._expired, session)
        if ours:
            self._set_refresh(now, session, interval / 2)

    def _set_refresh(self, now: float, session: Session, delay: float) -> None:
        watch = session.watch
        if watch.refresh is not None:
            watch.refresh.cancel()
        watch.refresh = self._core.timers.set(now + delay, self._due, session)

    def _due(self, session: Session, now: float) -> None:
        session.watch.refresh = None
        if session.stage in (Stage.UP, Stage.ANSWERED) and not self.refresh(now, session):
            # Something else is under way; if it changes the session, it is a refresh itself.
            self._set_refresh(now, session, _RETRY)

    def _expired(self, session: Session, now: float) -> None:
        """No refresh in time: the session is over (section 10)."""
        reason = "Session timer expired"
        session.watch.stop()
        session.parting = (("Reason", str(Reason("SIP", 408, reason))),)
        self._core.lost(now, session, 408, reason, Headers())


def _expires(message: Message) -> SessionExpires | None:
    value = message.headers.get("Session-Expires")
    return None if value is None else SessionExpires.parse(value)


def _supports(request: Request) -> bool:
    try:
        return OPTION in request.headers.tokens("Supported") | request.headers.tokens("Require")
    except ParseError:
        return False
