"""What routes a message to its transaction and dialog, read once."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from hookflash.sip.headers import Via
from hookflash.sip.message import Request, Response
from hookflash.sip.uri import SipUri


class Envelope(NamedTuple):
    """The identity of a message. Missing tags are "", as RFC 2543 peers send none (RFC 3261 section 12.1.1).

    ``uri`` is the Request-URI, "" for responses.
    """

    via: Via
    call_id: str
    from_tag: str
    to_tag: str
    number: int
    method: str
    uri: str

    @classmethod
    def of(cls, message: Request | Response) -> Envelope:
        """Read a parsed message. Raises ParseError (a parsed message has these headers in order already)."""
        cseq = message.cseq
        return cls(
            message.via,
            message.call_id,
            message.from_.tag or "",
            message.to.tag or "",
            cseq.number,
            cseq.method,
            message.uri if isinstance(message, Request) else "",
        )


def contact_uri(message: Request | Response) -> str | None:
    """The URI of the first Contact, ready to be a Request-URI; None when there is none we can call."""
    contacts = message.contacts
    if not contacts or not isinstance(uri := contacts[0].uri, SipUri):
        return None
    return str(replace(uri, headers=(), password=None))
