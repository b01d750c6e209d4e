"""Dialogs (RFC 3261 section 12): the peer-to-peer relationship requests of a call travel in.

A dialog is *early* from a provisional response with a To tag until the 2xx that confirms it. It knows where
its requests go: the route set fixed when it was made, and the remote target, which INVITE and its 2xx
refresh.
"""

from __future__ import annotations

import ipaddress
from enum import Enum

from hookflash.sip.build import MAX_FORWARDS
from hookflash.sip.envelope import Envelope, contact_uri
from hookflash.sip.errors import ParseError
from hookflash.sip.fields import Headers
from hookflash.sip.flow import Address, Flow
from hookflash.sip.grammar import has_control
from hookflash.sip.headers import NameAddr
from hookflash.sip.message import Request, Response
from hookflash.sip.uri import SipUri, format_host_port, parse_uri

DialogKey = tuple[str, str, str]
"""Call-ID, local tag, remote tag."""

MAX_ROUTES = 32
"""Longer route sets are refused."""


class Offering(Enum):
    """Where offer and answer stand (RFC 3264, RFC 6337).

    NONE: nothing was offered yet. OURS: our offer waits for its answer, THEIRS: theirs for ours. AGREED:
    whoever wants may offer again.
    """

    NONE = "none"
    OURS = "ours"
    THEIRS = "theirs"
    AGREED = "agreed"


class Dialog:
    """One dialog as one of its ends sees it. ``local`` and ``remote`` are whole From/To values with tags.

    ``rseq`` is the number of the peer's last reliable provisional response (RFC 3262), 0 before the first,
    ``early_answer`` the session description a provisional response brought. ``methods`` are those the peer
    allows, None before it has said.
    """

    __slots__ = (
        "call_id",
        "confirmed",
        "contact",
        "early_answer",
        "flow",
        "local",
        "local_number",
        "local_tag",
        "methods",
        "offering",
        "remote",
        "remote_number",
        "remote_tag",
        "routes",
        "rseq",
        "target",
    )

    def __init__(self, call_id: str, local_tag: str, remote_tag: str, flow: Flow) -> None:
        self.call_id = call_id
        self.local_tag = local_tag
        self.remote_tag = remote_tag
        self.flow = flow
        self.local = ""
        self.remote = ""
        self.target = ""
        self.contact = ""
        self.routes: tuple[str, ...] = ()
        self.local_number = 0
        self.remote_number: int | None = None
        self.confirmed = False
        self.offering = Offering.NONE
        self.early_answer = b""
        self.rseq = 0
        self.methods: frozenset[str] | None = None

    @classmethod
    def serving(
        cls, envelope: Envelope, request: Request, local_tag: str, flow: Flow, contact: str
    ) -> Dialog:
        """The dialog an INVITE to us begins (section 12.1.1). Raises ParseError for a bad Contact or route
        set.
        """
        dialog = cls(envelope.call_id, local_tag, envelope.from_tag, flow)
        dialog.local = str(request.to.with_tag(local_tag))
        dialog.remote = request.headers.get("From") or ""
        dialog.remote_number = envelope.number
        dialog.routes = _routes(request)
        dialog.contact = contact
        target = contact_uri(request)
        if target is None:
            raise ParseError("a SIP URI is needed here: the dialog's requests go to it", header="Contact")
        dialog.target = target
        dialog._learn(request)
        return dialog

    @classmethod
    def calling(
        cls, request: Request, envelope: Envelope, response: Response, flow: Flow, contact: str
    ) -> Dialog:
        """The dialog a response to our INVITE begins (section 12.1.2)."""
        local_tag = envelope.from_tag
        dialog = cls(envelope.call_id, local_tag, envelope.to_tag, flow)
        dialog.local = request.headers.get("From") or ""
        dialog.remote = response.headers.get("To") or ""
        dialog.local_number = envelope.number
        dialog.routes = tuple(reversed(_routes(response)))
        dialog.contact = contact
        dialog.target = contact_uri(response) or request.uri
        dialog._learn(response)
        return dialog

    @property
    def key(self) -> DialogKey:
        return (self.call_id, self.local_tag, self.remote_tag)

    def described(self) -> None:
        """A description of ours has left in a response: it answers the peer's offer, or is ours."""
        if self.offering is Offering.NONE:
            self.offering = Offering.OURS
        elif self.offering is Offering.THEIRS:
            self.offering = Offering.AGREED

    def in_order(self, number: int) -> bool:
        """Take note of a request's CSeq number; False when it is older than one already seen (12.2.2)."""
        if self.remote_number is not None and number < self.remote_number:
            return False
        self.remote_number = number
        return True

    def refresh(self, message: Request | Response) -> None:
        """Take a new remote target from an INVITE, an UPDATE or their 2xx (section 12.2)."""
        self.target = contact_uri(message) or self.target
        self._learn(message)

    def allows(self, method: str) -> bool:
        """Whether the peer has said that it takes requests with this method."""
        return self.methods is not None and method in self.methods

    def forbid(self, method: str) -> None:
        """The peer does not take this method, whatever it said."""
        self.methods = (self.methods or frozenset()) - {method}

    def _learn(self, message: Request | Response) -> None:
        try:
            allowed = message.headers.all("Allow")
        except ParseError:
            return
        if allowed:
            self.methods = frozenset(allowed)

    def confirm(self, response: Response) -> None:
        """A 2xx confirms the dialog and recomputes its route set (section 13.2.2.4)."""
        self.confirmed = True
        self.routes = tuple(reversed(_routes(response)))
        self.refresh(response)

    def request(self, method: str, branch: str, number: int | None = None) -> Request:
        """A request inside the dialog (section 12.2.1.1); ``number`` only for the ACK of a 2xx.

        A first route without ``lr`` is an old strict router: it becomes the request URI, and the remote
        target goes to the end of Route.
        """
        uri, routes = self.target, list(self.routes)
        if routes:
            first = NameAddr.parse(routes[0]).uri
            if isinstance(first, SipUri) and not first.loose:
                uri = str(first)
                routes = [*routes[1:], f"<{self.target}>"]
        if number is None:
            self.local_number += 1
            number = self.local_number
        flow = self.path()
        headers = Headers()
        headers.add("Via", via_value(flow, branch))
        headers.add("Max-Forwards", MAX_FORWARDS)
        for route in routes:
            headers.add("Route", route)
        headers.add("From", self.local)
        headers.add("To", self.remote)
        headers.add("Call-ID", self.call_id)
        headers.add("CSeq", f"{number} {method}")
        return Request(method, uri, headers, b"")

    def path(self) -> Flow:
        """The flow of the next request: the open connection, or the next hop's address.

        The next hop is the first route or the remote target. When it has no address we can reach (a host
        name, or a private address behind a NAT seen from outside), requests go where the dialog's first
        message came from.
        """
        if self.flow.connection:
            return self.flow
        hop = NameAddr.parse(self.routes[0]).uri if self.routes else parse_uri(self.target)
        address = numeric(hop) if isinstance(hop, SipUri) else None
        if address is None or _hidden(address[0], self.flow.remote[0]):
            return self.flow
        return self.flow.towards(address)


def via_value(flow: Flow, branch: str) -> str:
    """A Via of ours, asking for the real source to be filled in (RFC 3581).

    Over TLS it says that requests to us may come over the same connection (RFC 5923).
    """
    alias = ";alias" if flow.transport == "TLS" else ""
    return f"SIP/2.0/{flow.transport} {format_host_port(*flow.local)};branch={branch};rport{alias}"


def numeric(uri: SipUri) -> Address | None:
    """The address a URI names by number; None when it needs DNS."""
    try:
        ipaddress.ip_address(uri.host)
    except ValueError:
        return None
    return (uri.host, uri.effective_port)


def _hidden(host: str, seen: str) -> bool:
    """Whether ``host`` cannot be meant literally by a peer we see at ``seen``."""
    if host == seen:
        return False
    claimed = ipaddress.ip_address(host)
    if claimed.is_unspecified or claimed.is_multicast:
        return True
    try:
        source = ipaddress.ip_address(seen)
    except ValueError:
        return False
    if source.is_loopback:
        return False
    return claimed.is_loopback or (claimed.is_private and not source.is_private)


def _routes(message: Request | Response) -> tuple[str, ...]:
    routes = tuple(message.headers.all("Record-Route"))
    if len(routes) > MAX_ROUTES:
        raise ParseError(f"{len(routes)} values, more than {MAX_ROUTES}", header="Record-Route")
    for route in routes:
        NameAddr.parse(route)
        if has_control(route):
            raise ParseError("control characters", header="Record-Route")
    return routes
