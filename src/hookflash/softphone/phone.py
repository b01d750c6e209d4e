"""One SIP phone with one line, driven by code: dial or answer, talk, press keys, listen, hang up."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hookflash.ports.clock import Clock, Timer
from hookflash.sip.errors import ParseError
from hookflash.sip.events import (
    Acked,
    Answered,
    Cancelled,
    Ended,
    Event,
    Failed,
    IncomingInvite,
    Progress,
    Reoffered,
    Replied,
    Ringing,
)
from hookflash.sip.flow import Address, Flow, Send
from hookflash.sip.negotiation import Negotiation
from hookflash.sip.offer import AudioMedia
from hookflash.sip.sdp import SessionDescription
from hookflash.sip.ua import Outgoing, Output, Settings, UserAgent
from hookflash.sip.uri import SipUri
from hookflash.softphone.audio import Peer, RtpEndpoint, warm_up

Notice = Callable[[str, str], None]
"""Called with what happened ("ringing", "answered", "digit", "ended", ...) and a detail for people."""


def _described(media: AudioMedia | None) -> str:
    if media is None:
        return "without audio"
    return media.codec if media.srtp is None else f"{media.codec}, {media.srtp.suite}"


class CallFailed(Exception):
    """A dialled call did not come up; ``status`` is the final SIP status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}".strip())
        self.status = status


@dataclass(slots=True)
class _Call:
    """The call on the line."""

    session: int
    negotiation: Negotiation
    up: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    failure: CallFailed | None = None


class Softphone(asyncio.DatagramProtocol):
    """A phone on UDP. Use it as an asynchronous context manager.

    Args:
        clock: paces audio and SIP timers.
        number: user part of the phone's own address.
        host: local address, also put into SDP.
        notice: told what happens, for people.
        inband: send keys as tones in the audio and do not offer telephone-event.
        codecs: what it offers and takes, best first; out of :data:`hookflash.softphone.audio.CODECS`.
        srtp: whether its audio is encrypted: "off", "optional" or "required".
        refusal: when set, every call in is refused with this SIP status.

    Attributes:
        digits: keys received from the far side so far.
        audio: the RTP endpoint of the current or last call.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        number: str = "+14255550123",
        host: str = "127.0.0.1",
        port: int = 0,
        notice: Notice = lambda what, detail: None,
        inband: bool = False,
        refusal: int | None = None,
        codecs: Sequence[str] = ("PCMU", "PCMA"),
        srtp: str = "off",
    ) -> None:
        self._clock = clock
        self._number = number
        self._bind = (host, port)
        self._notice = notice
        self._inband = inband
        self._refusal = refusal
        self._codecs = tuple(codecs)
        self._srtp = srtp
        self._agent = UserAgent(Settings(name="hookflash phone", contact_user=number), secrets.token_bytes)
        self._transport: asyncio.DatagramTransport | None = None
        self._timer: Timer | None = None
        self._call: _Call | None = None
        self._waiting: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()
        self.address: Address = self._bind
        self.digits = ""
        self.audio = RtpEndpoint(clock, self._digit)

    async def __aenter__(self) -> Softphone:
        warm_up()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=self._bind)
        self._transport = transport
        self.address = transport.get_extra_info("sockname")[:2]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.hang_up()
        if self._timer is not None:
            self._timer.cancel()
        self.audio.close()
        if self._transport is not None:
            self._transport.close()

    # --- the call ---------------------------------------------------------------------------------------

    @property
    def talking(self) -> bool:
        """Whether a call is up."""
        return self._call is not None and self._call.up.is_set() and not self._call.over.is_set()

    async def dial(self, uri: str, within: float = 60.0) -> None:
        """Call ``uri`` and wait until it is answered.

        Raises:
            CallFailed: the call was refused, or nobody answered in ``within`` seconds (408).
            ValueError: ``uri`` is no SIP URI, or its host does not resolve.
        """
        try:
            target = SipUri.parse(uri)
        except ParseError as error:
            raise ValueError(
                f"{uri!r} is no SIP URI ({error}); for example sip:+18005550100@127.0.0.1"
            ) from error
        negotiation = await self._open_audio()
        flow = Flow("UDP", self.address, (await self._resolve(target.host), target.effective_port))
        session, outputs = self._agent.invite(
            self._clock.now(),
            Outgoing(
                uri=str(target),
                caller=f"<sip:{self._number}@{self.address[0]}>",
                callee=f"<{target}>",
                body=negotiation.offer().to_bytes(),
                flow=flow,
            ),
        )
        call = self._call = _Call(session, negotiation)
        self._carry_out(outputs)
        await self._until_up(call, within)

    async def answer(self, within: float = 60.0) -> None:
        """Wait for a call and answer it.

        Raises:
            CallFailed: no call came in time (408), or it could not be agreed on (488).
        """
        try:
            session, body = await asyncio.wait_for(self._waiting.get(), within)
        except TimeoutError:
            raise CallFailed(408, f"no call came in within {within:g} s") from None
        negotiation = await self._open_audio()
        call = self._call = _Call(session, negotiation)
        if body:
            description = negotiation.answer(SessionDescription.parse(body))
            if description is None:
                self._carry_out(self._agent.refuse(self._clock.now(), session, 488))
                raise CallFailed(488, "no codec in common")
        else:
            description = negotiation.offer()
        self._carry_out(self._agent.answer(self._clock.now(), session, description.to_bytes()))
        self._connect(negotiation.media)
        await self._until_up(call, within)

    def hang_up(self) -> None:
        """End the call, if there is one."""
        call = self._call
        if call is not None and not call.over.is_set():
            self._carry_out(self._agent.end(self._clock.now(), call.session))
            self._over(call, "hung up")

    async def ended(self, within: float) -> bool:
        """Wait until the call is over; False when it is not in time."""
        if self._call is None:
            return True
        try:
            await asyncio.wait_for(self._call.over.wait(), within)
        except TimeoutError:
            return False
        return True

    # --- inside -----------------------------------------------------------------------------------------

    async def _until_up(self, call: _Call, within: float) -> None:
        try:
            await asyncio.wait_for(call.up.wait(), within)
        except TimeoutError:
            self.hang_up()
            raise CallFailed(408, f"not answered within {within:g} s") from None
        if call.failure is not None:
            raise call.failure

    async def _open_audio(self) -> Negotiation:
        self.audio.close()
        self.audio = RtpEndpoint(self._clock, self._digit)
        self.audio.inband = self._inband
        port = await self.audio.open(self._bind[0])
        return Negotiation(
            self._bind[0],
            port,
            str(secrets.randbelow(1 << 31)),
            self._codecs,
            not self._inband,
            srtp=self._srtp,
        )

    async def _resolve(self, host: str) -> str:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, None, family=socket.AF_INET)
        except OSError as error:
            raise ValueError(
                f"{host!r} does not resolve to an IPv4 address ({error.strerror}); give a host that does"
            ) from error
        return str(found[0][4][0])

    def _connect(self, media: AudioMedia | None) -> None:
        if media is not None and media.host and media.port:
            self.audio.connect(
                Peer(
                    media.host,
                    media.port,
                    media.codec,
                    media.payload_type,
                    media.event_payload_type,
                    media.receive_payload_type,
                    media.receive_event_payload_type,
                    media.srtp,
                )
            )

    def _digit(self, digit: str) -> None:
        self.digits += digit
        self._notice("digit", digit)

    def _over(self, call: _Call, why: str) -> None:
        if call.over.is_set():
            return
        call.over.set()
        call.up.set()
        self.audio.close()
        self._notice("ended", why)

    def _carry_out(self, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, Send):
                if self._transport is not None and not self._transport.is_closing():
                    self._transport.sendto(output.data, output.flow.remote)
            else:
                self._observe(output)
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._agent.next_timeout()
        if due is not None:
            self._timer = self._clock.call_at(due, self._timeout)

    def _timeout(self) -> None:
        self._timer = None
        self._carry_out(self._agent.timeout(self._clock.now()))

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        flow = Flow("UDP", self.address, addr[:2])
        self._carry_out(self._agent.receive(self._clock.now(), data, flow))

    def _observe(self, event: Event) -> None:
        call = self._call
        if isinstance(event, IncomingInvite):
            self._incoming(event)
        elif call is not None and not isinstance(event, Replied) and event.session == call.session:
            self._on_call(call, event)

    def _incoming(self, event: IncomingInvite) -> None:
        now = self._clock.now()
        busy = self._call is not None and not self._call.over.is_set()
        if self._refusal is not None or busy:
            self._carry_out(self._agent.refuse(now, event.session, self._refusal or 486))
            return
        self._notice("incoming", str(event.request.headers.get("From")))
        self._carry_out(self._agent.ring(now, event.session))
        self._waiting.put_nowait((event.session, event.request.body))

    def _on_call(self, call: _Call, event: Event) -> None:
        match event:
            case Ringing():
                self._notice("ringing", f"{event.status} {event.reason}")
            case Progress(body=body):
                self._notice("ringing", f"{event.status} {event.reason}, early media")
                self._connect(call.negotiation.accept(SessionDescription.parse(body)))
            case Answered(body=body):
                media = call.negotiation.accept(SessionDescription.parse(body))
                self._connect(media)
                self._notice("answered", _described(media))
                call.up.set()
            case Acked():
                if event.body:
                    self._connect(call.negotiation.accept(SessionDescription.parse(event.body)))
                if event.first:
                    self._notice("answered", "we answered")
                    call.up.set()
            case Reoffered(body=body):
                self._reoffered(call, body)
            case Failed():
                call.failure = CallFailed(event.status, event.reason)
                self._over(call, f"{event.status} {event.reason}")
            case Cancelled():
                call.failure = CallFailed(487, "the caller gave up")
                self._over(call, "the caller gave up")
            case Ended():
                self._over(call, "the far side hung up")

    def _reoffered(self, call: _Call, body: bytes) -> None:
        now = self._clock.now()
        description = (
            call.negotiation.answer(SessionDescription.parse(body)) if body else call.negotiation.offer()
        )
        if description is None:
            self._carry_out(self._agent.refuse(now, call.session, 488))
            return
        self._carry_out(self._agent.answer(now, call.session, description.to_bytes()))
        self._connect(call.negotiation.media)
