"""sippy (BSD licence) as a server of calls, at its cheapest; run by a Python that has it, on its own.

``PYTHON sippy_server.py PORT``: every INVITE gets 100, 180 and 200 with a description that is always the
same, every BYE 200. Nothing is logged. It is no part of Hookflash and not imported by it.
"""

import sys

from sippy.CCEvents import CCEventConnect, CCEventRing, CCEventTry
from sippy.Core.EventDispatcher import ED2
from sippy.MsgBody import MsgBody
from sippy.SipConf import SipConf
from sippy.SipTransactionManager import SipTransactionManager
from sippy.UA import UA

SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 101\r\n"
    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\n"
)


class Silent:
    """A log that keeps nothing."""

    def write(self, *_, **__):
        """Forget it."""


class Server:
    """Answers every call."""

    def __init__(self, port):
        SipConf.my_address = "127.0.0.1"
        SipConf.my_port = port
        self.settings = {"_sip_address": "127.0.0.1", "_sip_port": port, "_sip_logger": Silent()}
        self.settings["_sip_tm"] = SipTransactionManager(self.settings, self.requested)

    def requested(self, request, transaction):
        """A request that belongs to no call."""
        if request.getMethod() == "INVITE":
            call = UA(self.settings, event_cb=self.happened)
            return call.recvRequest(request, transaction)
        return (request.genResponse(501, "Not Implemented"), None, None)

    def happened(self, event, call):
        """Something of a call."""
        if isinstance(event, CCEventTry):
            call.recvEvent(CCEventRing((180, "Ringing", None)))
            call.recvEvent(CCEventConnect((200, "OK", MsgBody(SDP))))


if __name__ == "__main__":
    server = Server(int(sys.argv[1]))
    print(f"listening on 127.0.0.1:{sys.argv[1]}", flush=True)
    ED2.loop()
