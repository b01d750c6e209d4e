"""What comes from the network: whose it is, and whether it is taken at all."""

from __future__ import annotations

from functools import partial

from hookflash.phones.admission import Admission
from hookflash.phones.call_caps import source_of_stranger
from hookflash.phones.config import PhonesConfig, TrunkConfig
from hookflash.phones.guard import Guard, Offence
from hookflash.phones.leg_table import LegTable
from hookflash.phones.registered.registrar import Registrar
from hookflash.phones.routes import Sources
from hookflash.phones.signalling import Signalling
from hookflash.sip.errors import ParseError
from hookflash.sip.flow import Flow
from hookflash.sip.session import Guest


class Ingress:
    """The way in of the messages of trunks, phones and strangers; the transports call it."""

    def __init__(
        self,
        config: PhonesConfig,
        signalling: Signalling,
        sources: Sources,
        guard: Guard,
        registrar: Registrar,
        admission: Admission,
        legs: LegTable,
    ) -> None:
        self._config = config
        self._signalling = signalling
        self._sources = sources
        self._guard = guard
        self._registrar = registrar
        self._admission = admission
        self._legs = legs

    def receive(self, data: bytes, flow: Flow) -> None:
        """One SIP message from the network."""
        trunk, host = self._sources.of(flow), flow.remote[0]
        stranger = trunk is None and not self._registrar.hosts(host)
        if flow.shown and trunk is not None and not self._guard.trusts(host):
            self._guard.trust(host)
        if stranger and not self._config.accept_unknown and not self._guard.allows(host):
            return
        judge = self._admission.judge(flow, trunk)
        quiet = stranger and self._config.silent
        before = self._signalling.belonged
        readable = self._signalling.receive(data, flow, judge, partial(self._guest, host, trunk), quiet=quiet)
        if stranger and not readable:
            self._guard.offend(host, Offence.MALFORMED)
        elif stranger and self._signalling.belonged > before:
            self._guard.excuse(host)

    def _guest(self, host: str, trunk: TrunkConfig | None) -> Guest:
        """Whose a request is that was judged; ``trunk`` is who it is by address or certificate.

        Trunks are not counted: how many calls they may have is in their own limits.
        """
        proved = self._admission.proved
        if isinstance(proved, TrunkConfig):
            trunk = proved
        counted = trunk is None and not self._guard.trusts(host)
        return Guest((trunk or self._config).session, source_of_stranger(host) if counted else "")

    def barred(self, host: str) -> bool:
        """Whether nothing is taken from an address: it is banned, no trunk's, no registered phone's, and no
        call is up with it.

        Otherwise a ban, earned by datagrams forged in its name, would cut a call off.
        """
        return self._guard.barred(host) and not (
            self._sources.trunk(host) is not None or self._registrar.hosts(host) or self._legs.talks_to(host)
        )

    def known(self, host: str) -> bool:
        """Whether an address is a trunk's, or has lately proved to be, or a phone is registered from it."""
        return (
            self._sources.trunk(host) is not None or self._guard.trusts(host) or self._registrar.hosts(host)
        )

    def failed_handshake(self, host: str) -> None:
        """Somebody wanted TLS and could not have it."""
        if self._sources.trunk(host) is None and not self._registrar.hosts(host):
            self._guard.offend(host, Offence.HANDSHAKE)

    def malformed(self, error: ParseError, flow: Flow) -> None:
        """A stream that cannot be cut into messages."""
        stranger = self._sources.of(flow) is None and not self._registrar.hosts(flow.remote[0])
        if stranger:
            self._guard.offend(flow.remote[0], Offence.MALFORMED)
        self._signalling.malformed(error, flow, quiet=stranger and self._config.silent)
