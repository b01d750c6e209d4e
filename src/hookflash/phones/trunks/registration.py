"""What a registration with a trunk has to decide (RFC 3261 section 10.2, RFC 5626 section 4.5): when to come
again, what was granted, where the trunk sees us. No I/O, no clock.
"""

from __future__ import annotations

import hashlib

from hookflash.sip.errors import ParseError
from hookflash.sip.events import Replied
from hookflash.sip.fields import Headers
from hookflash.sip.flow import Address, Flow
from hookflash.sip.headers import NameAddr
from hookflash.sip.uri import SipUri

BASE, MOST = 30.0, 1800.0
"""Seconds: the first upper bound of a pause after a failure is twice the one, none is over the other."""
MOST_ASKED_FOR = 3600.0
"""Seconds of a Retry-After that is honoured at most."""
LEAST, LONGEST = 1, 86_400
"""Seconds of a registration that are taken."""


def contact_user(name: str) -> str:
    """The user part of our Contact with a trunk: it says which trunk a call to it comes from.

    The same after a restart, so that a registration that has outlived one still leads to us.
    """
    return f"hookflash-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def refresh_after(granted: int, draw: float) -> float:
    """Seconds after which to register again: between 75 and 90 % of what was granted, by ``draw`` in [0, 1).

    Spread, so that all clients of a registrar do not come at once for ever after it was restarted.
    """
    return max(LEAST / 2, granted * (0.75 + 0.15 * draw))


def wait_after(failures: int, draw: float, asked_for: float = 0.0) -> float:
    """Seconds to wait after ``failures`` in a row (1 or more), at least what the registrar asked for.

    RFC 5626 section 4.5: the bound doubles with each failure, and the pause is half of it at least.
    """
    bound = min(MOST, BASE * 2.0 ** min(failures, 16))
    return max(bound * (0.5 + 0.5 * draw), min(asked_for, MOST_ASKED_FOR))


def retry_after(headers: Headers) -> float:
    """The seconds of a Retry-After, 0 without a usable one."""
    return float(_number((headers.get("Retry-After") or "").split("(")[0].split(";")[0]) or 0)


def least_expires(outcome: Replied) -> int | None:
    """What a 423 asks for in Min-Expires; None where it is no such answer, or no use."""
    if outcome.status != 423:
        return None
    least = _number(outcome.headers.get("Min-Expires"))
    return least if least is not None and LEAST <= least <= LONGEST else None


def granted(headers: Headers, contact: SipUri, asked: int) -> int:
    """Seconds that a 200 grants our contact (section 10.2.4).

    Its own ``expires`` goes before Expires; ``asked`` where neither is there. 0 when the registrar lists
    contacts, and ours is not among them.
    """
    contact = SipUri.parse(str(contact))  # with its host as the registrar's are written when read
    usual = _number(headers.get("Expires"))
    usual = asked if usual is None else usual
    listed = False
    for value in headers.all("Contact"):
        try:
            found = NameAddr.parse(value)
        except ParseError:
            continue
        listed = True
        uri = found.uri
        if isinstance(uri, SipUri) and uri.user == contact.user and _same_place(uri, contact):
            own = _number(found.params.get("expires"))
            return min(LONGEST, usual if own is None else own)
    return 0 if listed else min(LONGEST, usual)


def outside(flow: Flow, seen: Address | None) -> Address | None:
    """Where the registrar sees us, if it is another place than we have named: we are behind a NAT then.

    The port counts over UDP only: over connections it is that of the connection, which calls need not use.
    """
    if seen is None or (seen[0] == flow.local[0] and (flow.reliable or seen[1] == flow.local[1])):
        return None
    return seen


def moves_to_next(outcome: Replied) -> bool:
    """Whether another server of the trunk may know better: so it is with no answer, and with 5xx."""
    return outcome.kind != "response" or outcome.status == 408 or 500 <= outcome.status <= 599


def _same_place(one: SipUri, other: SipUri) -> bool:
    return one.host == other.host and one.effective_port == other.effective_port


def _number(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 10 else None
