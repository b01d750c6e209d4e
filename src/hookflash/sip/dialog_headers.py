"""Typed values of the headers that extensions of the INVITE usage bring: RAck and RSeq (RFC 3262),
Session-Expires and Min-SE (RFC 4028), Replaces (RFC 3891).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hookflash.sip.errors import ParseError
from hookflash.sip.grammar import parse_number, parse_params, printable
from hookflash.sip.headers import MAX_CSEQ

MAX_RSEQ = 2**32 - 1
"""Largest number of a reliable provisional response (RFC 3262 section 7.1)."""

MAX_SECONDS = 2**32 - 1
"""Largest number of seconds a header may give."""

_RACK = re.compile(r"[ \t]*+([0-9]{1,12})[ \t]++([0-9]{1,12})[ \t]++([A-Za-z0-9\-.!%*_+`'~]{1,64})[ \t]*+")


@dataclass(frozen=True, slots=True)
class RAck:
    """Which provisional response a PRACK acknowledges (RFC 3262 section 7.2): its RSeq and its CSeq."""

    response: int
    number: int
    method: str

    @classmethod
    def parse(cls, text: str) -> RAck:
        """Read ``rseq cseq method``. Raises :class:`ParseError`."""
        match = _RACK.fullmatch(text)
        if match is None:
            raise ParseError(f'"{printable(text)}" is not two numbers and a method', header="RAck")
        response, number = int(match[1]), int(match[2])
        if not 0 < response <= MAX_RSEQ or number > MAX_CSEQ:
            raise ParseError(f'a number of "{printable(text)}" is out of range', header="RAck")
        return cls(response, number, match[3])

    def __str__(self) -> str:
        return f"{self.response} {self.number} {self.method}"


def parse_rseq(text: str) -> int:
    """The number of a reliable provisional response, from 1. Raises :class:`ParseError`."""
    try:
        number = parse_number(text.strip(" \t"), MAX_RSEQ, "the number")
    except ParseError as error:
        raise error.naming("RSeq") from None
    if number == 0:
        raise ParseError("the number is 0", header="RSeq")
    return number


@dataclass(frozen=True, slots=True)
class SessionExpires:
    """For how long a session is good without a refresh, and who refreshes it (RFC 4028 section 4).

    ``refresher`` is "uac" or "uas", seen from the request it goes with; "" when nothing is said.
    """

    seconds: int
    refresher: str = ""

    @classmethod
    def parse(cls, text: str) -> SessionExpires:
        """Read ``seconds;refresher=who``. Raises :class:`ParseError`."""
        seconds, params = _delta(text, "Session-Expires")
        refresher = (params.get("refresher") or "").lower()
        if refresher not in ("", "uac", "uas"):
            raise ParseError(f'the refresher "{printable(refresher)}" is nobody', header="Session-Expires")
        return cls(seconds, refresher)

    def __str__(self) -> str:
        return f"{self.seconds};refresher={self.refresher}" if self.refresher else str(self.seconds)


def parse_min_se(text: str) -> int:
    """The shortest session interval somebody takes, in seconds (RFC 4028 section 5)."""
    return _delta(text, "Min-SE")[0]


def _delta(text: str, header: str) -> tuple[int, dict[str, str | None]]:
    """Delta-seconds and parameters."""
    seconds, semicolon, rest = text.partition(";")
    try:
        number = parse_number(seconds.strip(" \t"), MAX_SECONDS, "the number of seconds")
        return number, parse_params(semicolon + rest)
    except ParseError as error:
        raise error.naming(header) from None


@dataclass(frozen=True, slots=True)
class Replaces:
    """The dialog a call is to take the place of (RFC 3891), as its tags are seen by who gets the header.

    ``to_tag`` is the tag of the receiver's side, ``from_tag`` of the other one. With ``early_only`` it is not
    to be replaced once it is answered.
    """

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False

    @classmethod
    def parse(cls, text: str) -> Replaces:
        """Read ``call-id;to-tag=x;from-tag=y;early-only``. Raises :class:`ParseError`."""
        call_id, semicolon, rest = text.partition(";")
        call_id = call_id.strip(" \t")
        try:
            params = parse_params(semicolon + rest)
        except ParseError as error:
            raise error.naming("Replaces") from None
        to_tag, from_tag = params.get("to-tag"), params.get("from-tag")
        if not call_id or not to_tag or not from_tag:
            raise ParseError(f'"{printable(text)}" lacks a Call-ID or a tag', header="Replaces")
        # A peer of RFC 2543 has no tag; 0 stands for that.
        return cls(call_id, to_tag, "" if from_tag == "0" else from_tag, "early-only" in params)
