"""How call legs end, in ``resultInformation`` (contract section 4.5)."""

from __future__ import annotations

from hookflash.wire.results import Detail, ResultInformation
from hookflash.wire.versions import at_least

BLOCKED = 510403
"""Sub-code: the call is not allowed to go out."""
_DETAILS_SINCE = "2026-03-12"

_ENDED = "The conversation has ended."

_OUTWARD_TEXTS: dict[int, str] = {
    0: _ENDED,
    403: "Call ended because the remote PSTN side refused it (forbidden).",
    404: "Call ended because the called number was not found.",
    408: "Call ended because the remote PSTN side did not respond in time.",
    480: "No answer.",
    484: "Call ended because the called number is incomplete.",
    486: "Call ended because remote PSTN participant was busy.",
    487: "Call was canceled before it was answered.",
    500: "Call ended because of an error in the remote PSTN network.",
    503: "Call ended because the remote PSTN network is unavailable.",
    603: "Declined.",
}
_PLATFORM_TEXTS: dict[int, str] = {
    0: _ENDED,
    4097: "Call was ended by its organizer.",
    4506: "Call timed out.",
    4521: "Call was left abruptly.",
    5000: "Participant was removed by another participant.",
    5002: _ENDED,
    5003: _ENDED,
    5300: "Participant was removed by another participant.",
    5317: "Participant left because its role changed.",
    7000: _ENDED,
    10003: "Call was accepted elsewhere.",
    10004: "Call was not answered before the ring timeout.",
    10009: "Participant is not authenticated.",
    10024: "Call was declined by every endpoint.",
    10037: "Called user has no endpoint to ring.",
    10057: "Callee was lost.",
    301005: "Media connection failed.",
    500001: "Gateway timed out.",
    BLOCKED: "Call was blocked.",
    511404: "Called number or its resource was not found.",
    511532: "No SIP trunk is configured for this call.",
    531004: "Media connection could not be established.",
}


def _diagnosed(text: str, code: int, sub_code: int) -> str:
    """``text`` with the DiagCode suffix; a code of 200 is written 0 there."""
    return f"{text} DiagCode: {0 if code == 200 else code}#{sub_code}.@"


def leg_result(
    status: int,
    reason: str,
    outbound: bool,
    sub_code: int | None = None,
    *,
    q850: int | None = None,
    q850_text: str = "",
    version: str = _DETAILS_SINCE,
) -> ResultInformation:
    """How a call leg ended, from its final SIP ``status`` and ``reason`` phrase.

    ``outbound`` chooses 560xyz over 540xyz; ``sub_code`` overrides both when the platform itself decided. A
    status of 200 (or 0) is a normal end. ``q850`` is the ISDN cause of a Reason header. SIP and Q.850 details
    are added for ``version`` 2026-03-12 and later, except where the platform decided and no SIP answer was
    seen.
    """
    normal = status in (0, 200)
    code = 200 if normal else status
    if sub_code is None:
        number = (560000 if outbound else 540000) + (0 if normal else status)
        fallback = f"Call ended with SIP {status} {reason}".rstrip() + "."
        text = _OUTWARD_TEXTS.get(0 if normal else status, fallback)
    else:
        number = sub_code
        text = _PLATFORM_TEXTS.get(sub_code) or (f"{reason.rstrip('.')}." if reason else _ENDED)
        if sub_code == BLOCKED and reason:
            # Whoever is blocked has to know by what: by the trunk, or by what the configuration allows.
            text = f"{text} {reason[:1].upper()}{reason[1:].rstrip('.')}."
    detailed = at_least(version, _DETAILS_SINCE)
    return ResultInformation(
        code,
        number,
        _diagnosed(text, code, number),
        sip_details=Detail(status, reason) if detailed and sub_code is None and not normal else None,
        q850_details=Detail(q850, q850_text) if detailed and q850 is not None else None,
    )
