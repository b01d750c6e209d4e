"""Why legs fail and end, in the exchange's words (contract section 4.5)."""

from __future__ import annotations

from hookflash.calls.facts import Cause
from hookflash.phones import isdn
from hookflash.ports.plane import LegUnavailable
from hookflash.sip.build import Extra
from hookflash.sip.errors import ParseError
from hookflash.sip.events import Failed
from hookflash.sip.fields import Headers
from hookflash.sip.grammar import printable
from hookflash.sip.headers import Reason

NO_TRUNK = 511532
"""Sub-code: no SIP trunk for this number (contract section 4.5)."""
RING_TIMEOUT = 10004
"""Sub-code: nobody answered in time (contract section 4.5)."""
NOT_ALLOWED = 510403
"""Sub-code: the call is not allowed to go out (contract section 4.5)."""
NO_ENDPOINT = 10037
"""Sub-code: the user has no phone (contract section 4.5)."""
ELSEWHERE = 10003
"""Sub-code: somebody else has the call (contract section 4.5)."""

WORKER_FULL = 8530
"""Sub-code: as much is carried as can be (contract section 4.3)."""
THROTTLED = 8516
"""Sub-code: more calls at once than may go out (contract section 4.3)."""
NO_WORKER = 9001
"""Sub-code: nothing carries the audio of calls at the moment (contract section 4.3)."""

MAX_TEXT = 128
"""Longest text of a Reason header we send, in characters."""


def cause_of(status: int, reason: str, headers: Headers, sub_code: int | None = None) -> Cause:
    """Why a leg ended, with the ISDN cause of a Reason header (RFC 3326) if there is one."""
    try:
        for value in headers.all("Reason"):
            stated = Reason.parse(value)
            if stated.protocol.upper() == "Q.850" and stated.cause is not None:
                text = stated.text or isdn.name_of(stated.cause)
                return Cause(status, reason, sub_code, stated.cause, text)
    except ParseError:
        pass
    return Cause(status, reason, sub_code)


def without_media(error: LegUnavailable) -> Cause:
    """There is no audio for a leg. Nobody else has said so: no sub-code of a SIP answer."""
    wait = f". Try again in {error.retry_after} s" if error.retry_after else ""
    reason = f"No media: {printable(str(error))}{wait}"
    return Cause(503, reason, WORKER_FULL if error.full else NO_WORKER)


def failure_of(event: Failed) -> Cause:
    """Why a session never came up."""
    reason = printable(event.reason)
    if event.kind == "ring-timeout":
        return Cause(487, f"not answered: {reason}", RING_TIMEOUT)
    return cause_of(event.status, reason, event.headers)


def parting(cause: Cause) -> Extra:
    """The Reason headers (RFC 3326) of a BYE or CANCEL: SIP's word for it where there is one, and ISDN's."""
    if cause.sub_code == ELSEWHERE:
        return (_reason("SIP", 200, "Call completed elsewhere"), _isdn(isdn.NON_SELECTED))
    if cause.sub_code == RING_TIMEOUT:
        return (_isdn(isdn.NO_ANSWER),)
    # 487 says no more than that it was cancelled, which a CANCEL says itself.
    if cause.status < 300 or cause.status == 487:
        return (_isdn(cause.q850 or isdn.NORMAL, cause.q850_text),)
    said = (_reason("SIP", cause.status, cause.reason),)
    number = cause.q850 or isdn.cause_of_status(cause.status)
    return said if number is None else (*said, _isdn(number, cause.q850_text))


def refusing(status: int) -> Extra:
    """The Reason header of a final response (RFC 6432): what it is called in ISDN, where it has a name."""
    number = isdn.cause_of_status(status)
    return () if number is None else (_isdn(number),)


def warning(objection: tuple[int, str] | None) -> Extra:
    """The Warning header (RFC 3261 section 20.43) of a 488: what about the offer we do not take."""
    return () if objection is None else (("Warning", f'{objection[0]} hookflash "{objection[1]}"'),)


def _isdn(number: int, text: str = "") -> tuple[str, str]:
    return _reason("Q.850", number, text or isdn.name_of(number))


def _reason(protocol: str, number: int, text: str) -> tuple[str, str]:
    return "Reason", str(Reason(protocol, number, printable(text)[:MAX_TEXT]))
