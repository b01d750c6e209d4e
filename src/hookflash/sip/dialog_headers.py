"""Typed values of the headers that extensions of the INVITE usage bring: RAck and RSeq (RFC 3262)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hookflash.sip.errors import ParseError
from hookflash.sip.grammar import parse_number, printable
from hookflash.sip.headers import MAX_CSEQ

MAX_RSEQ = 2**32 - 1
"""Largest number of a reliable provisional response (RFC 3262 section 7.1)."""

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
