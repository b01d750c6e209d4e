"""Fuzz session descriptions: what is read can be written and is read back the same."""

from __future__ import annotations

import driving

with driving.watched():
    from hookflash.sip.errors import ParseError
    from hookflash.sip.sdp import SessionDescription

BEGIN = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"


def read(data: bytes) -> None:
    """One description."""
    try:
        found = SessionDescription.parse(data)
    except ParseError:
        return
    assert SessionDescription.parse(found.to_bytes()) == found


def target(data: bytes) -> None:
    """The octets as they are, and as the media of a description."""
    read(data)
    read(BEGIN + data)


if __name__ == "__main__":
    driving.run(target)
