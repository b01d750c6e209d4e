"""What routes a message to its transaction and dialog, read once."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from hookflash.sip.errors import ParseError
from hookflash.sip.grammar import has_control
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
        """Read a parsed message. Raises ParseError for values that can be read but must not be written
        again.
        """
        first = message.headers.index()
        for key, name in (("from", "From"), ("to", "To"), ("call-id", "Call-ID")):
            if has_control(first.get(key, "")):
                raise ParseError("control characters", header=name)
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


def answers(envelope: Envelope, request: Request) -> bool:
    """Whether a response repeats what identifies a request of ours (RFC 3261 section 8.2.6.2): what a dialog
    is made of is not the peer's choice.
    """
    ours = (request.call_id, request.from_.tag or "", request.cseq.number)
    return (envelope.call_id, envelope.from_tag, envelope.number) == ours


def contact_uri(message: Request | Response) -> str | None:
    """The URI of the first Contact, ready to be a Request-URI; None when there is none we can call.

    Raises ParseError for a malformed one.
    """
    contacts = message.contacts
    if not contacts or not isinstance(uri := contacts[0].uri, SipUri):
        return None
    if uri.headers or uri.password is not None:
        uri = replace(uri, headers=(), password=None)
    text = str(uri)
    if not text.isprintable():
        raise ParseError("control characters", header="Contact")
    return text
