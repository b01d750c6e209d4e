"""The server of :mod:`bench.sip_media`, in a process of its own: calls with audio, and nothing besides.

``python -m bench.sip_media_server`` puts together what a whole server has for phones: the SIP transports and
user agent, the phones and their trunk, the desk of the media plane and its worker process. In place of the
engine, the API and the journal there is a function that has every call ring and answers it. It prints where
it listens, and serves until it is ended.
"""

from __future__ import annotations

import asyncio
import signal
from itertools import count

import uvloop

from hookflash.calls.effects import AnswerLeg, RingLeg
from hookflash.calls.facts import Fact, IncomingLeg
from hookflash.clock import LoopClock
from hookflash.composition.media import media_desk, prompt_limits
from hookflash.composition.signalling import SipEdge
from hookflash.composition.telephony import phones_config
from hookflash.config import parse
from hookflash.phones.trunk import TrunkPhones
from hookflash.plane.prompts import Prompts
from hookflash.sip.ua import Settings

SETTINGS = """
[sip]
bind = "127.0.0.1:0"
[media]
rtp_ports = "10000-31998"
[[trunk]]
name = "bench"
targets = ["127.0.0.1:9"]
allow = ["127.0.0.1"]
limits = { calls = 20000, calls_per_second = 10000 }
"""


class Answering:
    """Every call rings and is answered, into a call of its own."""

    def __init__(self) -> None:
        self.phones: TrunkPhones | None = None

    def told(self, fact: Fact) -> None:
        """What has become of a leg."""
        if isinstance(fact, IncomingLeg) and self.phones is not None:
            self.phones.ring(RingLeg(fact.leg))
            self.phones.answer(AnswerLeg(fact.leg, fact.leg))


async def main() -> None:
    settings = parse(SETTINGS)
    clock, answering, numbers = LoopClock(), Answering(), count(1)
    prompts = Prompts(prompt_limits(settings))
    desk = media_desk(settings, prompts, clock)
    desk.report_to(answering.told)
    phones = TrunkPhones(
        phones_config(settings),
        desk,
        answering.told,
        lambda: next(numbers),
        clock,
        settings=Settings(max_transactions=100_000),
    )
    answering.phones = phones
    edge = SipEdge(settings, phones, clock)
    await desk.start()
    await desk.wait_ready()
    await edge.listen()
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    print("listening on {}:{}".format(*edge.address), flush=True)
    await ended.wait()
    await phones.close()
    await edge.close()
    await desk.stop()


if __name__ == "__main__":
    uvloop.run(main())
