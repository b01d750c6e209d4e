"""The search for a target that takes a call: which failures let the next one be tried, how far a search goes,
which redirects are followed, and which of many failures is the one to report.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hookflash.calls.facts import Cause
from hookflash.phones.config import SearchRules, TrunkConfig
from hookflash.phones.legs import Candidate
from hookflash.sip.errors import ParseError
from hookflash.sip.events import Failed
from hookflash.sip.fields import Headers
from hookflash.sip.headers import NameAddr
from hookflash.sip.uri import SipUri

REST, MOST_REST = 60.0, 3600.0
"""Seconds for which a server that failed is tried after the others: usually, and at most."""
MAX_CONTACTS = 10
"""Contacts of one redirect that are looked at."""
OF_THE_CALLEE = frozenset({1, 17, 18, 19, 21, 22, 28})
"""ISDN causes (Q.850) that tell of the callee, whatever the status beside them: nobody else knows better."""


def moves_on(event: Failed, cause: Cause) -> bool:
    """Whether another target may know better (RFC 3261 section 21.5, RFC 3263 section 4.3).

    So it is after 408 and every 5xx, which tell of a server and not of the callee, and where nothing answered
    at all; unless the ISDN cause in the answer is one of the callee.
    """
    if event.kind == "ring-timeout":
        return False
    return (event.status == 408 or 500 <= event.status <= 599) and cause.q850 not in OF_THE_CALLEE


def rest_of(event: Failed) -> float | None:
    """Seconds for which other servers are tried first; None where this one deserves none.

    A server that is silent, out of reach or overloaded (503) rests for as long as it asks for, or for
    :data:`REST`. Any other failure of a server says something about this call only, unless it asks for rest.
    """
    words = (event.headers.get("Retry-After") or "").split("(")[0].split(";")[0].strip()
    if 500 <= event.status <= 599 and words.isdecimal() and len(words) < 10:
        return float(min(int(words), MOST_REST))
    return REST if event.status == 503 or event.kind in ("timeout", "transport") else None


@dataclass(slots=True)
class Search:
    """How one search stands. ``began`` is in seconds of the clock."""

    began: float = 0.0
    attempts: int = 0
    """Calls that have gone out."""
    tried: set[str] = field(default_factory=set)
    """Request-URIs that were called, or are about to be after a redirect."""
    admitted: set[str] = field(default_factory=set)
    """Trunks that this call has been counted for: once, however many of their targets are tried."""
    failures: list[Cause] = field(default_factory=list)
    local: list[Cause] = field(default_factory=list)
    """What failed before anybody was asked."""

    def exhausted(self, now: float, rules: SearchRules) -> str:
        """Why no further target is called: "hops" or "time"; "" when one may be."""
        if self.attempts >= rules.hops:
            return "hops"
        return "time" if self.attempts and now - self.began >= rules.seconds else ""

    def best(self) -> Cause:
        """The failure to report, by RFC 3261 section 16.7: the lowest class, and another 5xx rather than 503.

        An answer goes before what was found out without asking; the later before the earlier.
        """
        if self.failures:
            return min(reversed(self.failures), key=_rank)
        return self.local[-1] if self.local else Cause(503, "no target of the trunk can be reached")


def _rank(cause: Cause) -> tuple[int, bool]:
    return (0 if cause.status >= 600 else cause.status // 100, cause.status == 503)


def request_uri(candidate: Candidate, transport: str) -> SipUri:
    """Whom the INVITE to a candidate is for; ``transport`` is the one it goes over."""
    if candidate.uri is not None:
        return candidate.uri
    trunk, (host, port) = candidate.trunk, candidate.target
    usual = 5061 if transport == "TLS" else 5060
    implied = transport == "UDP" or (trunk.sips and transport == "TLS")
    params = {} if implied else {"transport": transport.lower()}
    scheme = "sips" if trunk.sips else "sip"
    return SipUri(scheme, candidate.number, host.lower(), None if port == usual else port, params)


def redirects(headers: Headers, candidate: Candidate, knows: Callable[[str], bool]) -> list[Candidate]:
    """The candidates that the Contacts of a 3xx name (RFC 3261 section 8.1.3.4), the best first.

    Only ``sip:`` and ``sips:`` addresses at hosts of the trunk count: its targets, its ``redirect_hosts``,
    and the addresses ``knows`` says are its own. They are called over the transport of the trunk.
    """
    found: list[tuple[float, Candidate]] = []
    for value in headers.all("Contact")[:MAX_CONTACTS]:
        try:
            contact = NameAddr.parse(value)
            weight = float(contact.params.get("q") or 1.0)
        except (ParseError, ValueError):
            continue
        uri = contact.uri
        if not isinstance(uri, SipUri) or not (_belongs(uri.host, candidate.trunk) or knows(uri.host)):
            continue
        if candidate.trunk.sips and uri.scheme != "sips":
            continue
        user = uri.user or candidate.number
        params = {name: text for name, text in uri.params.items() if name not in ("method", "maddr", "ttl")}
        target = replace(uri, user=user, password=None, headers=(), params=params)
        asked = candidate.asked or replace(request_uri(candidate, "UDP"), port=None, params={})
        number = user.partition(";")[0]
        place = (uri.host, uri.port)
        found.append((weight, Candidate(candidate.trunk, number, place, uri=target, asked=asked)))
    return [one for _, one in sorted(found, key=lambda pair: -pair[0])]


def _belongs(host: str, trunk: TrunkConfig) -> bool:
    own = {target.lower() for target, _ in trunk.targets}
    for allowed in trunk.redirect_hosts:
        if allowed.startswith("*."):
            if host.endswith(allowed[1:].lower()):
                return True
        else:
            own.add(allowed.lower().strip("[]"))
    return host in own
