"""What every INVITE of ours needs, be it the first of a session or a later one."""

from __future__ import annotations

from hookflash.sip.build import ACCEPT, SUPPORTED
from hookflash.sip.core import Core
from hookflash.sip.dialogs import Dialog
from hookflash.sip.message import Request
from hookflash.sip.session import Session


def describe(session: Session, request: Request, body: bytes) -> None:
    """Add what an INVITE carries besides its addressing."""
    request.headers.add("Contact", session.contact)
    request.headers.add("Allow", session.allow)
    request.headers.add("Supported", SUPPORTED)
    if body:
        request.headers.add("Content-Type", ACCEPT)
        request.body = body


def acknowledge(core: Core, session: Session, dialog: Dialog, invite: Request, number: int) -> None:
    """ACK a 2xx with the credentials of its INVITE; kept for its repetitions (RFC 3261 section 13.2.2.4)."""
    ack = dialog.request("ACK", core.new_branch(), number)
    for name in ("Authorization", "Proxy-Authorization"):
        for value in invite.headers.all(name):
            ack.headers.add(name, value)
    ack.headers.add("User-Agent", core.settings.name)
    data, flow = ack.to_bytes(), dialog.path()
    session.acks[(dialog.remote_tag, number)] = (data, flow)
    core.send(data, flow)
