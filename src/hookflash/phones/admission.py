"""Who may ask for what: trunks by their address or certificate, trunks by their password, strangers."""

from __future__ import annotations

import logging
from collections.abc import Callable

from hookflash.phones.config import PhonesConfig, TrunkConfig
from hookflash.phones.guard import Guard, Offence, is_scanner
from hookflash.ports.clock import Clock
from hookflash.sip.digest import DigestServer, Verdict
from hookflash.sip.flow import Flow
from hookflash.sip.grammar import printable
from hookflash.sip.message import Request
from hookflash.sip.stateless import SILENCE, BriefAnswer, Judge

log = logging.getLogger("hookflash.sip")

UNKNOWN = BriefAnswer(403, "Unknown trunk")


class Admission:
    """Judges requests that belong to no call.

    Attributes:
        proved: the trunk that the request judged last has proved to be by its password; None otherwise.
    """

    def __init__(
        self,
        config: PhonesConfig,
        guard: Guard,
        clock: Clock,
        entropy: Callable[[int], bytes],
    ) -> None:
        self._config = config
        self._guard = guard
        self._clock = clock
        self._challenged = {trunk.username: trunk for trunk in config.trunks if trunk.challenge}
        self._digest = DigestServer(config.realm, entropy(32), algorithms=config.algorithms)
        self.proved: TrunkConfig | None = None

    def judge(self, flow: Flow, trunk: TrunkConfig | None) -> Judge | None:
        """How to judge a message that came over a flow; None for a trunk that is welcome as it is.

        ``trunk`` is who it is by its address or certificate.
        """
        self.proved = None
        if trunk is not None and not trunk.challenge:
            return None
        return lambda request: self._judge(request, flow, trunk)

    def _judge(self, request: Request, flow: Flow, trunk: TrunkConfig | None) -> BriefAnswer | None:
        host = flow.remote[0]
        if trunk is None and is_scanner(request.headers.get("User-Agent")):
            self._guard.offend(host, Offence.SCANNER)
            return SILENCE
        credentials = request.headers.all("Authorization")
        if request.method == "INVITE" and self._challenged and (trunk or credentials or not self._open):
            return self._verify(request, flow, trunk, credentials)
        if trunk is not None or self._open:
            return None
        self._guard.offend(host, Offence.UNKNOWN)
        if self._config.silent:
            return SILENCE
        log.warning("stranger refused", extra={"peer": host, "call_id": printable(request.call_id)})
        return UNKNOWN

    @property
    def _open(self) -> bool:
        return self._config.accept_unknown

    def _verify(
        self, request: Request, flow: Flow, trunk: TrunkConfig | None, credentials: list[str]
    ) -> BriefAnswer | None:
        now, known = self._clock.now(), self._challenged

        def password_of(username: str) -> str | None:
            found = known.get(username)
            # Whose address is known may not be somebody else.
            return None if found is None or trunk not in (None, found) else found.password

        verified = self._digest.verify(credentials, request.method, request.uri, now, password_of)
        if verified.verdict is Verdict.OK:
            self.proved = known[verified.username]
            if trunk is None:
                self._guard.trust(flow.remote[0])
            return None
        if verified.verdict is Verdict.WRONG:
            log.warning("wrong credentials", extra={"peer": flow.remote[0]})
            if trunk is None:
                self._guard.offend(flow.remote[0], Offence.PASSWORD)
        elif verified.verdict is Verdict.MISSING and trunk is None:
            self._guard.offend(flow.remote[0], Offence.UNKNOWN)
        stale = verified.verdict is Verdict.STALE
        asked = [("WWW-Authenticate", value) for value in self._digest.challenges(now, stale=stale)]
        return BriefAnswer(401, "", tuple(asked))
