"""What our messages say of us, and messages that follow from others: the ACK of a failure, CANCEL."""

from __future__ import annotations

from hookflash.sip.fields import Headers
from hookflash.sip.message import Request, Response

Extra = tuple[tuple[str, str], ...]
"""Headers to add to a message."""

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, NOTIFY"
"""The methods the user agent answers; REFER as well, in calls in which it is taken."""

SUPPORTED = "100rel, timer, replaces, norefersub"
"""The extensions it knows."""

ACCEPT = "application/sdp"
"""The body types it understands."""

ABILITIES: Extra = (
    ("Allow", ALLOW),
    ("Accept", ACCEPT),
    ("Accept-Encoding", "identity"),
    ("Accept-Language", "en"),
    ("Supported", SUPPORTED),
)
"""What it can do, for OPTIONS."""

MAX_FORWARDS = "70"


def _within(request: Request, method: str, to: str) -> Request:
    """A request inside the transaction of ``request``: same URI, path, identity and number."""
    headers = Headers()
    headers.add("Via", request.headers.all("Via")[0])
    headers.add("Max-Forwards", MAX_FORWARDS)
    for value in request.headers.all("Route"):
        headers.add("Route", value)
    headers.add("From", request.headers.get("From") or "")
    headers.add("To", to)
    headers.add("Call-ID", request.call_id)
    headers.add("CSeq", f"{request.cseq.number} {method}")
    return Request(method, request.uri, headers, b"")


def acknowledge_failure(request: Request, response: Response) -> Request:
    """The ACK a client transaction sends for a 3xx-6xx (RFC 3261 section 17.1.1.3)."""
    return _within(request, "ACK", response.headers.get("To") or "")


def cancel(request: Request, extra: Extra = ()) -> Request:
    """The CANCEL of an INVITE of ours (RFC 3261 section 9.1), with ``extra`` headers."""
    made = _within(request, "CANCEL", request.headers.get("To") or "")
    for name, value in extra:
        made.headers.add(name, value)
    return made
