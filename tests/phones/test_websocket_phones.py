"""Phones in browsers: calls reach them over the connection they came by, and end with it."""

from __future__ import annotations

from phones.exchange import THEM, US, Bench, configured, sdp
from phones.registering import ALICE, BOB, DESK, Handset, contacts, office

from hookflash.calls.effects import DialLeg
from hookflash.calls.facts import DevicesChanged, LegFailed
from hookflash.phones.config import TrunkConfig
from hookflash.phones.routes import Sources
from hookflash.sip.flow import Flow
from hookflash.sip.message import Request, parse

CONTACT = '<sip:df7jal23@l3a8b0f2.invalid;transport=ws;ob>;reg-id=1;+sip.instance="<urn:uuid:0>"'


class Browser(Handset):
    """A phone in a page. Nobody can reach it but over its connection."""

    def __init__(self, bench: Bench, connection: int, transport: str = "WSS") -> None:
        super().__init__(bench, DESK, "bob")
        self.flow = Flow(transport, US, DESK, connection)
        self.sent: list[tuple[Request, Flow]] = []
        send = bench.send

        def watch(data: bytes, flow: Flow) -> None:
            message = parse(data) if data.strip() else None
            if isinstance(message, Request):
                self.sent.append((message, flow))
            send(data, flow)

        bench.send = watch  # type: ignore[method-assign]

    def request(self, *lines: str, to: str = "", method: str = "REGISTER") -> bytes:
        plain = super().request(*lines, to=to, method=method)
        return plain.replace(f"{DESK[0]}:{DESK[1]};branch".encode(), b"l3a8b0f2.invalid;branch").replace(
            b";rport", b""
        )


async def registered(transport: str = "WSS") -> tuple[Bench, Browser]:
    bench = Bench(office())
    phone = Browser(bench, 9, transport)
    answer = phone.send(f"Contact: {CONTACT}", "Expires: 300", "Supported: path, gruu, outbound")
    assert answer.status == 200
    assert contacts(answer)[0].startswith("<sip:df7jal23@l3a8b0f2.invalid;transport=ws;ob>;")
    assert answer.headers.get("Require") == "outbound"
    bench.facts.clear()
    return bench, phone


async def test_a_page_is_called_over_its_connection_whatever_its_contact_says() -> None:
    for transport in ("WS", "WSS"):
        bench, phone = await registered(transport)
        bench.phones.dial(DialLeg(7, 3, BOB, caller=None, source=ALICE))
        await bench.settle()
        (invite, flow) = phone.sent[-1]
        assert invite.uri == "sip:df7jal23@l3a8b0f2.invalid;transport=ws;ob"
        assert flow == phone.flow
        assert invite.via.transport == transport
        (contact,) = invite.contacts
        assert str(contact.uri).endswith(";transport=ws")


async def test_a_page_that_closes_while_it_rings_ends_the_ringing_and_is_gone() -> None:
    bench, phone = await registered()
    bench.phones.dial(DialLeg(7, 3, BOB, caller=None, source=ALICE))
    await bench.settle()
    bench.phones.broken(phone.flow)
    await bench.settle()
    assert DevicesChanged(BOB.raw_id, 0, "registered") in bench.facts
    (failed,) = [fact for fact in bench.facts if isinstance(fact, LegFailed)]
    assert failed.leg == 7
    assert bench.phones.registrar.devices(BOB) == []
    await bench.over()


async def test_a_page_at_the_address_of_a_trunk_is_not_the_trunk() -> None:
    """Any page that somebody there has open could call at the trunk's expense."""
    trunk = TrunkConfig("carrier", (THEM,), allow=("192.0.2.0/24",))
    sources = Sources((trunk,))
    assert sources.of(Flow("TCP", US, THEM, 3)) is trunk
    assert sources.of(Flow("WS", US, THEM, 3)) is None
    assert sources.of(Flow("WSS", US, THEM, 3)) is None
    bench = Bench(configured(trunks=(trunk,), silent=True))
    before = len(bench.seen)
    bench.far.call(body=sdp())
    ((data, _, _),) = bench.wire
    bench.wire.clear()
    bench.phones.ingress.receive(data.replace(b"SIP/2.0/UDP", b"SIP/2.0/WS"), Flow("WS", US, THEM, 3))
    await bench.settle()
    assert bench.facts == []
    assert len(bench.seen) == before + 1, "it has got an answer"
