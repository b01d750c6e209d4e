"""Descriptions of a peer, line by line."""

from __future__ import annotations

from hookflash.sip.sdp import SessionDescription

US = ("192.0.2.10", 30_000)


def remote(*lines: str, connection: str = "IN IP4 198.51.100.1") -> SessionDescription:
    head = ["v=0", "o=- 7 1 IN IP4 198.51.100.1", "s=-", f"c={connection}", "t=0 0"]
    return SessionDescription.parse("\r\n".join([*head, *lines, ""]).encode())


def text(description: SessionDescription | None) -> list[str]:
    assert description is not None
    return description.to_bytes().decode().split("\r\n")
