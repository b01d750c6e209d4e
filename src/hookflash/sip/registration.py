"""What a REGISTER asks for (RFC 3261 section 10, RFC 5626): read with bounds, not yet carried out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from hookflash.sip.build import SUPPORTED, Extra
from hookflash.sip.errors import ParseError
from hookflash.sip.grammar import parse_number, printable, quote, unquote
from hookflash.sip.headers import NameAddr
from hookflash.sip.message import Request
from hookflash.sip.uri import SipUri

USUAL = 3600
"""Seconds meant by a contact that does not say in numbers how long it is good for (section 10.2.1.1)."""
MAX_CONTACTS = 10
"""Most contacts of one REGISTER."""
MAX_INSTANCE = 256
"""Longest +sip.instance, in characters."""
MAX_CALL_ID = 256
"""Longest Call-ID of a REGISTER, in characters: it is kept as long as the registration."""
MAX_URI = 512
"""Longest contact address, in characters."""

_SECONDS = re.compile(r"[0-9]{1,12}")
_QUALITY = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")
_KNOWN = frozenset(["outbound", *SUPPORTED.split(", ")])


@dataclass(frozen=True, slots=True)
class Contact:
    """One address of a phone.

    ``quality`` is its q, 1.0 when not given; ``expires`` how many seconds it shall be good for, 0 to take it
    away. ``instance`` and ``reg_id`` (RFC 5626) name the phone and its flow, "" and 0 when not given.
    """

    uri: SipUri
    quality: float = 1.0
    expires: int = USUAL
    instance: str = ""
    reg_id: int = 0

    def same(self, other: Contact) -> bool:
        """Whether both stand for one binding: the same flow of the same phone, or else the same address."""
        if self.reg_id or other.reg_id:
            return (self.instance, self.reg_id) == (other.instance, other.reg_id)
        return self.uri.matches(other.uri)

    def value(self, left: int) -> str:
        """The Contact value of an answer: it is good for ``left`` more seconds."""
        params: dict[str, str | None] = {}
        if self.quality != 1.0:
            params["q"] = f"{self.quality:g}"
        if self.instance:
            params["+sip.instance"] = quote(self.instance)
        if self.reg_id:
            params["reg-id"] = str(self.reg_id)
        return str(NameAddr("", self.uri, params | {"expires": str(left)}))


@dataclass(frozen=True, slots=True)
class Registration:
    """What one REGISTER wants: ``contacts`` put or taken away, or all of them (``clear``); neither is a
    question.

    ``number`` is its CSeq. ``outbound`` says that the phone knows RFC 5626.
    """

    call_id: str
    number: int
    contacts: tuple[Contact, ...] = ()
    clear: bool = False
    outbound: bool = False

    @classmethod
    def of(cls, request: Request) -> Registration:
        """Read a REGISTER. Raises ParseError."""
        stated = request.headers.get("Expires")
        usual = USUAL if stated is None else _seconds(stated)
        outbound = "outbound" in request.headers.tokens("Supported")
        call_id, number = request.call_id, request.cseq.number
        if len(call_id) > MAX_CALL_ID:
            raise ParseError(f"{len(call_id)} characters, more than {MAX_CALL_ID}", header="Call-ID")
        if request.contact_is_star:
            if usual != 0 or stated is None:
                raise ParseError('"*" goes with "Expires: 0" only', header="Contact")
            return cls(call_id, number, clear=True, outbound=outbound)
        addresses = request.contacts
        if len(addresses) > MAX_CONTACTS:
            raise ParseError(f"{len(addresses)} contacts, more than {MAX_CONTACTS}", header="Contact")
        contacts = tuple(_contact(address, usual) for address in addresses)
        return cls(call_id, number, contacts, outbound=outbound)


def unsupported(request: Request) -> Extra:
    """The header of a 420 (section 8.2.2.3): the extensions a REGISTER needs that are not here; () for none.

    A Path (RFC 3327) is one of them: calls go back the way the REGISTER came.
    """
    wanted = [tag for tag in request.headers.all("Require") if tag.lower() not in _KNOWN]
    if "Path" in request.headers and "path" not in wanted:
        wanted.append("path")
    return (("Unsupported", ", ".join(wanted)),) if wanted else ()


def _contact(address: NameAddr, usual: int) -> Contact:
    uri, params = address.uri, address.params
    if not isinstance(uri, SipUri):
        raise ParseError(f'"{printable(str(uri))}" is no sip or sips address', header="Contact")
    # What a URI would put into a request of ours is not the phone's to say.
    uri = replace(uri, headers=(), password=None, params=_harmless(uri.params))
    if len(str(uri)) > MAX_URI or not str(uri).isprintable():
        raise ParseError("an address that is too long, or has control characters", header="Contact")
    quality = params.get("q")
    if quality is not None and not _QUALITY.fullmatch(quality):
        raise ParseError(f'q="{printable(quality)}" is not between 0 and 1', header="Contact")
    expires = params.get("expires")
    instance = unquote(params.get("+sip.instance") or "")
    if len(instance) > MAX_INSTANCE or not instance.isprintable():
        raise ParseError("+sip.instance is too long, or has control characters", header="Contact")
    flow = params.get("reg-id")
    try:
        number = 0 if flow is None else parse_number(flow, 2**31 - 1, "reg-id")
    except ParseError as error:
        raise error.naming("Contact") from None
    return Contact(
        uri,
        1.0 if quality is None else float(quality),
        usual if expires is None else _seconds(unquote(expires)),
        instance,
        number if instance else 0,
    )


def _harmless(params: Mapping[str, str | None]) -> dict[str, str | None]:
    return {name: value for name, value in params.items() if name not in ("method", "maddr")}


def _seconds(text: str) -> int:
    text = text.strip(" \t")
    return min(int(text), 2**32 - 1) if _SECONDS.fullmatch(text) else USUAL
