"""Repeatable requests: the two headers that make a POST safe to send again (contract section 1.6)."""

from __future__ import annotations

import re
from typing import NamedTuple

from hookflash.wire.results import invalid_argument
from hookflash.wire.timestamps import parse_imf_fixdate

REQUEST_ID = "Repeatability-Request-ID"
FIRST_SENT = "Repeatability-First-Sent"

_VERSION_4 = re.compile(
    r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-4[0-9A-Fa-f]{3}-[89ABab][0-9A-Fa-f]{3}-[0-9A-Fa-f]{12}"
)


class Repeatability(NamedTuple):
    """``request_id`` is a lower-case version 4 GUID, ``first_sent`` Unix time in seconds."""

    request_id: str
    first_sent: int


def repeatability(request_id: str | None, first_sent: str | None) -> Repeatability | None:
    """Read the two headers; None when the request carries neither.

    Raises Refusal 400/8523 when only one is there, when the id is no version 4 UUID or the date no
    IMF-fixdate.
    """
    if request_id is None and first_sent is None:
        return None
    if request_id is None:
        raise invalid_argument(REQUEST_ID, f"it is missing, but {FIRST_SENT} is there; send both or neither.")
    if first_sent is None:
        raise invalid_argument(FIRST_SENT, f"it is missing, but {REQUEST_ID} is there; send both or neither.")
    moment = parse_imf_fixdate(first_sent)
    if moment is None:
        raise invalid_argument(
            FIRST_SENT, f"expected a date such as 'Sun, 06 Nov 1994 08:49:37 GMT', got {first_sent[:64]!r}."
        )
    return Repeatability(_version_4(request_id), moment)


def _version_4(text: str) -> str:
    if _VERSION_4.fullmatch(text):
        return text.lower()
    raise invalid_argument(REQUEST_ID, f"expected a version 4 UUID, got {text[:64]!r}.")
