"""Calls somebody, says how far the call is, and hangs up after a while.

``python calling.py sip:100@127.0.0.1:5060 [SECONDS]``; the URI names an IP address. No audio is sent.
"""

from __future__ import annotations

import asyncio
import sys

import uvloop

from hookflash.sip.events import Answered, Ended, Event, Failed, Progress, Ringing
from hookflash.sip.negotiation import Negotiation
from hookflash.sip.sdp import SessionDescription
from hookflash.sip.transports import Endpoint
from hookflash.sip.ua import Outgoing
from hookflash.sip.uri import SipUri

HOST, AUDIO_PORT = "127.0.0.1", 40_002


class Calling:
    """One call; ``answered`` is set once it is up, ``over`` when nothing more will become of it."""

    def __init__(self) -> None:
        self.endpoint = Endpoint(self.happened, host=HOST)
        self.audio = Negotiation(HOST, AUDIO_PORT, session_id="1")
        self.answered, self.over = asyncio.Event(), asyncio.Event()

    def call(self, uri: SipUri) -> int:
        """Send the INVITE; returns the session it opens."""
        flow = self.endpoint.path(uri.host, uri.effective_port)
        caller, offer = f"<sip:caller@{HOST}>", self.audio.offer().to_bytes()
        return self.endpoint.invite(Outgoing(str(uri), caller, f"<{uri}>", offer, flow))

    def happened(self, event: Event) -> None:
        """One thing that became of the call."""
        match event:
            case Ringing(status=status, reason=reason) | Progress(status=status, reason=reason):
                print(status, reason, flush=True)
            case Answered(body=body):
                media = self.audio.accept(SessionDescription.parse(body)) if body else None
                print("answered", "without audio" if media is None else media.codec, flush=True)
                self.answered.set()
            case Failed(status=status, reason=reason) | Ended(status=status, reason=reason):
                print("over:", status, reason, flush=True)
                self.answered.set()
                self.over.set()


async def main(uri: str, seconds: float) -> None:
    """Make the call."""
    calling = Calling()
    async with calling.endpoint as endpoint:
        session = calling.call(SipUri.parse(uri))
        await calling.answered.wait()
        try:
            await asyncio.wait_for(calling.over.wait(), seconds)
        except TimeoutError:
            endpoint.end(session)
        await endpoint.idle()  # once our BYE is answered


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], float(sys.argv[2]) if sys.argv[2:] else 5.0))
