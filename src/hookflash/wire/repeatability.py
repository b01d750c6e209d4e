"""Repeatable requests: the two headers that make a POST safe to send again (contract section 1.6)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from hookflash.wire.results import invalid_argument
from hookflash.wire.timestamps import parse_imf_fixdate

REQUEST_ID = "Repeatability-Request-ID"
FIRST_SENT = "Repeatability-First-Sent"


@dataclass(frozen=True, slots=True)
class Repeatability:
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
    if len(text) == 36:
        try:
            guid = UUID(text)
        except ValueError:
            guid = None
        if guid is not None and guid.version == 4:
            return str(guid)
    raise invalid_argument(REQUEST_ID, f"expected a version 4 UUID, got {text[:64]!r}.")
