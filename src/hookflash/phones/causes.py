"""Why legs fail and end, in the exchange's words (contract section 4.5)."""

from __future__ import annotations

from hookflash.calls.facts import Cause
from hookflash.sip.errors import ParseError
from hookflash.sip.events import Failed
from hookflash.sip.fields import Headers
from hookflash.sip.grammar import printable
from hookflash.sip.headers import Reason

NO_TRUNK = 511532
"""Sub-code: no SIP trunk for this number (contract section 4.5)."""
RING_TIMEOUT = 10004
"""Sub-code: nobody answered in time (contract section 4.5)."""
NO_ENDPOINT = 10037
"""Sub-code: the user has no phone (contract section 4.5)."""


def cause_of(status: int, reason: str, headers: Headers, sub_code: int | None = None) -> Cause:
    """Why a leg ended, with the ISDN cause of a Reason header (RFC 3326) if there is one."""
    try:
        for value in headers.all("Reason"):
            stated = Reason.parse(value)
            if stated.protocol.upper() == "Q.850" and stated.cause is not None:
                return Cause(status, reason, sub_code, stated.cause, stated.text)
    except ParseError:
        pass
    return Cause(status, reason, sub_code)


def failure_of(event: Failed) -> Cause:
    """Why a session never came up."""
    reason = printable(event.reason)
    if event.kind == "ring-timeout":
        return Cause(487, f"not answered: {reason}", RING_TIMEOUT)
    return cause_of(event.status, reason, event.headers)
