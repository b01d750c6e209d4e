"""How long to wait after two offers have crossed (RFC 3261 section 14.1, RFC 3311 section 5.3)."""

from __future__ import annotations

from hookflash.sip.core import Core
from hookflash.sip.message import Response
from hookflash.sip.responder import MAX_WAIT
from hookflash.sip.session import Session

MAX_GLARES = 5
"""How often an offer is tried again after 491, or after 500 with Retry-After."""


def patience(core: Core, session: Session, response: Response) -> float | None:
    """Seconds after which to try again; None when the response says nothing of the kind.

    After 491 the owner of the Call-ID waits 2.1 to 4 s, the other one less than 2 s, both in units of 10 ms.
    After 500 it is what Retry-After says, 10 s at most.
    """
    if response.status == 491:
        base, span = (2.1, 1.9) if session.outgoing is not None else (0.0, 2.0)
        return base + round(core.random() * span, 2)
    if response.status == 500:
        said = (response.headers.get("Retry-After") or "").partition(";")[0].partition("(")[0].strip()
        if said.isascii() and said.isdigit() and len(said) <= 10:
            return float(min(int(said), MAX_WAIT))
    return None
