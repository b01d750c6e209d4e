"""A phone that takes every call: it rings, answers, and takes its leave when the caller hangs up.

``python answering.py [PORT]``; it prints where it listens. No audio is played: what the answer says of audio
is where that would be received.
"""

from __future__ import annotations

import asyncio
import sys

import uvloop

from hookflash.sip.errors import ParseError
from hookflash.sip.events import Cancelled, Ended, Event, Failed, IncomingInvite, Reoffered
from hookflash.sip.negotiation import Negotiation
from hookflash.sip.sdp import SessionDescription
from hookflash.sip.transports import Endpoint
from hookflash.sip.ua import Settings

HOST, AUDIO_PORT = "127.0.0.1", 40_000


class Answering:
    """Answers calls on one endpoint; ``audio`` is what was agreed in each."""

    def __init__(self, port: int) -> None:
        room = Settings(name="answering", max_transactions=200_000, max_sessions=20_000)
        self.endpoint = Endpoint(self.happened, host=HOST, port=port, settings=room)
        self.audio: dict[int, Negotiation] = {}

    def happened(self, event: Event) -> None:
        """One thing that became of a call."""
        match event:
            case IncomingInvite(session=session, request=request):
                self.audio[session] = Negotiation(HOST, AUDIO_PORT, session_id=str(session))
                self.endpoint.ring(session)
                self.answer(session, request.body)
            case Reoffered(session=session, body=offer, method="INVITE"):
                self.answer(session, offer)
            case Reoffered(session=session):
                self.endpoint.refuse_offer(session, 488)
            case Cancelled(session=session) | Failed(session=session) | Ended(session=session):
                del self.audio[session]

    def answer(self, session: int, offer: bytes) -> None:
        """Agree on audio, or refuse the call (or the change of one that is up)."""
        audio = self.audio[session]
        try:
            description = audio.answer(SessionDescription.parse(offer)) if offer else audio.offer()
        except ParseError as error:
            self.endpoint.refuse(session, error.status)
            return
        if description is None:
            self.endpoint.refuse(session, 488)
        else:
            self.endpoint.answer(session, description.to_bytes())


async def main(port: int) -> None:
    """Take calls until the program is ended."""
    async with Answering(port).endpoint as endpoint:
        print("listening on {}:{}".format(*endpoint.address), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]) if sys.argv[1:] else 5060))
