"""What is wrong with a request before anybody looks at what it wants (RFC 3261 sections 8.2.1 to 8.2.3).

Each check gives the status and the headers of a refusal, or None when it finds nothing.
"""

from __future__ import annotations

from hookflash.sip.build import ACCEPT, ALLOW, SUPPORTED, Extra
from hookflash.sip.message import Request

_METHODS = frozenset(ALLOW.split(", "))
_RECOGNISED = frozenset(["REGISTER", "REFER", "SUBSCRIBE", "PUBLISH", "MESSAGE"])
_EXTENSIONS = frozenset(SUPPORTED.split(", "))
_DESCRIPTIONS = (ACCEPT, "application/*", "*/*")
_DESCRIBING = ("INVITE", "PRACK", "UPDATE")


def inspect_headers(request: Request) -> tuple[int, Extra] | None:
    """Method, scheme of the Request-URI, hops left and required extensions."""
    # Nobody is referred outside a call, not even with Target-Dialog (RFC 4538).
    referred = request.method == "REFER" and request.to.tag is not None
    if request.method not in _METHODS and not referred:
        return 405 if request.method in _RECOGNISED else 501, (("Allow", ALLOW),)
    scheme = request.uri.partition(":")[0].lower()
    if scheme not in ("sip", "sips", "tel"):
        return 416, ()
    # An endpoint does not look at Max-Forwards, but one that places calls itself can close a loop (RFC 7332).
    if request.max_forwards == 0 and request.method == "INVITE" and request.to.tag is None:
        return 483, ()
    unknown = [tag for tag in request.headers.all("Require") if tag.lower() not in _EXTENSIONS]
    if unknown:
        return 420, (("Unsupported", ", ".join(unknown)),)
    return None


def inspect_body(request: Request) -> tuple[int, Extra] | None:
    """Coding and type of a body that describes a session, and whether its sender takes a description of ours.

    ParseError for a malformed Content-Type.
    """
    if request.method == "INVITE" and not _takes_description(request):
        return 406, ()
    if request.body and request.method in _DESCRIBING:
        coding = (request.headers.get("Content-Encoding") or "identity").lower()
        if coding != "identity":
            return 415, (("Accept-Encoding", "identity"),)
        kind = request.content_type
        if kind is None or kind.essence != ACCEPT:
            return 415, (("Accept", ACCEPT),)
    return None


def _takes_description(request: Request) -> bool:
    """Whether Accept, if there is one, has room for a session description (RFC 3261 section 20.1)."""
    ranges = {value.partition(";")[0].strip(" \t").lower() for value in request.headers.all("Accept")}
    return not ranges or not ranges.isdisjoint(_DESCRIPTIONS)
