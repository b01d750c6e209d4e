"""ISDN causes (ITU-T Q.850): their names, and which one a SIP status stands for."""

from __future__ import annotations

from typing import Final

NORMAL = 16
NO_ANSWER = 19
NON_SELECTED = 26

NAMES: Final[dict[int, str]] = {
    1: "Unallocated (unassigned) number",
    2: "No route to specified transit network",
    3: "No route to destination",
    16: "Normal call clearing",
    17: "User busy",
    18: "No user responding",
    19: "No answer from user",
    20: "Subscriber absent",
    21: "Call rejected",
    22: "Number changed",
    23: "Redirection to new destination",
    25: "Exchange routing error",
    26: "Non-selected user clearing",
    27: "Destination out of order",
    28: "Invalid number format (address incomplete)",
    29: "Facility rejected",
    31: "Normal, unspecified",
    34: "No circuit/channel available",
    38: "Network out of order",
    41: "Temporary failure",
    42: "Switching equipment congestion",
    47: "Resource unavailable, unspecified",
    50: "Requested facility not subscribed",
    55: "Incoming calls barred within CUG",
    57: "Bearer capability not authorized",
    58: "Bearer capability not presently available",
    63: "Service or option not available, unspecified",
    65: "Bearer capability not implemented",
    79: "Service or option not implemented, unspecified",
    87: "User not member of CUG",
    88: "Incompatible destination",
    95: "Invalid message, unspecified",
    102: "Recovery on timer expiry",
    111: "Protocol error, unspecified",
    127: "Interworking, unspecified",
}
"""The names of the causes that are met in practice."""

_BY_STATUS: Final[dict[int, int]] = {
    200: NORMAL,
    400: 41,
    401: 21,
    402: 21,
    403: 21,
    404: 1,
    405: 63,
    406: 79,
    407: 21,
    408: 102,
    410: 22,
    413: 127,
    414: 127,
    415: 79,
    416: 127,
    420: 127,
    421: 127,
    423: 127,
    480: 18,
    481: 41,
    482: 25,
    483: 25,
    484: 28,
    485: 1,
    486: 17,
    500: 41,
    501: 79,
    502: 38,
    503: 41,
    504: 102,
    505: 127,
    513: 127,
    600: 17,
    603: 21,
    604: 1,
}
"""RFC 3398 section 8.2.6.1; a 200 is a normal end (section 7.2.4 and BYE)."""


def cause_of_status(status: int) -> int | None:
    """The cause a final SIP status stands for; None when it stands for none."""
    return _BY_STATUS.get(status)


def name_of(cause: int) -> str:
    """What a cause is called; "" for one without a name here."""
    return NAMES.get(cause, "")
