"""The codecs of the media plane, for those who only want to know which: nothing here imports a kernel."""

from __future__ import annotations

from hookflash.plane.columns.sizes import G722, L16, L16_WIDE, OPUS, PCMA, PCMU

CODECS = {
    ("PCMU", 8000): PCMU,
    ("PCMA", 8000): PCMA,
    ("L16", 8000): L16,
    ("L16", 16000): L16_WIDE,
    ("G722", 8000): G722,
    ("OPUS", 48000): OPUS,
}
"""Codecs by name and RTP clock (that of G.722 is 8,000 Hz for historical reasons, RFC 3551 section 4.5.2)."""
PTIMES = (10, 20, 30, 40, 60)
"""ms of audio in a packet we send."""
