"""A far end that answers OPTIONS and REGISTER as a test wants."""

from __future__ import annotations

from collections.abc import Callable

from hookflash.sip.digest import DigestServer, Verdict
from hookflash.sip.flow import Address, Flow
from hookflash.sip.message import Request, Response, parse, reply
from tests.phones.exchange import US, Bench, Far

Answer = tuple[int, dict[str, str]] | None
"""Status and headers; None is silence."""


class Asked(Far):
    """Answers requests outside of calls by ``answer(request)``; other messages are for its user agent.

    With a ``password`` REGISTER is challenged first. ``seen`` is where it says it saw us.
    """

    def __init__(self, bench: Bench, address: Address, answer: Callable[[Request], Answer]) -> None:
        super().__init__(bench, address)
        bench.fars[address] = self
        self.answer = answer
        self.password = ""
        self.seen: Address | None = None
        self.requests: list[tuple[float, Request]] = []
        self._digest = DigestServer("far", b"0" * 16)

    def receive(self, data: bytes, flow: Flow) -> None:
        message = parse(data) if data.strip() else None
        if not isinstance(message, Request) or message.method not in ("REGISTER", "OPTIONS"):
            if message is not None:
                super().receive(data, flow)
            return
        now = self.bench.clock.now()
        if self.password and message.method == "REGISTER":
            values = message.headers.all("Authorization")
            verified = self._digest.verify(values, "REGISTER", message.uri, now, {"alice": self.password}.get)
            if verified.verdict is not Verdict.OK:
                response = reply(message, 401, to_tag="far")
                for value in self._digest.challenges(now, stale=verified.verdict is Verdict.STALE):
                    response.headers.add("WWW-Authenticate", value)
                self._send(response, flow)
                return
        self.requests.append((now, message))
        answer = self.answer(message)
        if answer is not None:
            response = reply(message, answer[0], to_tag="far")
            for name, value in answer[1].items():
                response.headers.add(name, value)
            self._send(response, flow)

    def _send(self, response: Response, flow: Flow) -> None:
        if self.seen is not None:
            via = f"{response.headers.get('Via')};received={self.seen[0]}"
            response.headers.replace_first("Via", via.replace(";rport", f";rport={self.seen[1]}"))
        self.bench.wire.append((response.to_bytes(), US, Flow(flow.transport, US, self.address)))

    def times(self, method: str = "REGISTER") -> list[float]:
        """When requests with this method came."""
        return [now for now, request in self.requests if request.method == method]

    def contacts(self) -> list[str]:
        """The Contacts of the latest REGISTER."""
        return [request for _, request in self.requests if request.method == "REGISTER"][-1].headers.all(
            "Contact"
        )


def granting(request: Request) -> Answer:
    """A registrar that grants what is asked for, and lists it; a phone that is there."""
    if request.method == "OPTIONS":
        return 200, {}
    kept = [value for value in request.headers.all("Contact") if not value.endswith("expires=0")]
    return 200, {"Contact": ", ".join(kept)} if kept else {}
