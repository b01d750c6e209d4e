"""Who may ask for what: trunks by address or certificate, trunks and phones by password, strangers."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable

from hookflash.phones.call_caps import CallCaps, source_of_phone, source_of_stranger
from hookflash.phones.config import PhoneConfig, PhonesConfig, TrunkConfig
from hookflash.phones.guard import Guard, Offence, is_scanner
from hookflash.phones.registered.registrar import Registrar
from hookflash.ports.clock import Clock
from hookflash.sip.build import ALLOW
from hookflash.sip.digest import DigestServer, Verdict, Verified
from hookflash.sip.flow import Flow
from hookflash.sip.grammar import printable
from hookflash.sip.message import Request
from hookflash.sip.notices import Notices
from hookflash.sip.stateless import SILENCE, BriefAnswer, Judge
from hookflash.sip.uri import parse_uri

log = logging.getLogger("hookflash.sip")

UNKNOWN = BriefAnswer(403, "Unknown trunk")
NOT_FOR_PHONES = BriefAnswer(405, "", (("Allow", ALLOW),))


class Admission:
    """Judges requests that belong to no call.

    Attributes:
        proved: the trunk or phone that the request judged last has proved to be by its password; None
            otherwise.
    """

    def __init__(
        self,
        config: PhonesConfig,
        guard: Guard,
        clock: Clock,
        entropy: Callable[[int], bytes],
        registrar: Registrar,
        caps: CallCaps,
    ) -> None:
        self._config = config
        self._caps = caps
        self._guard = guard
        self._clock = clock
        self._registrar = registrar
        self._challenged = {trunk.username: trunk for trunk in config.trunks if trunk.challenge}
        self._digest = DigestServer(config.realm, entropy(32), algorithms=config.algorithms)
        self._notices = Notices()
        self.proved: TrunkConfig | PhoneConfig | None = None

    def judge(self, flow: Flow, trunk: TrunkConfig | None) -> Judge | None:
        """How to judge a message that came over a flow; None for a trunk that is welcome as it is.

        ``trunk`` is who it is by its address or certificate.
        """
        self.proved = None
        if trunk is not None and not trunk.challenge and not self._registrar:
            return None
        return lambda request: self._judge(request, flow, trunk)

    def _judge(self, request: Request, flow: Flow, trunk: TrunkConfig | None) -> BriefAnswer | None:
        host = flow.remote[0]
        if trunk is None and is_scanner(request.headers.get("User-Agent")):
            self._guard.offend(host, Offence.SCANNER)
            return SILENCE
        if request.method == "REGISTER" and self._registrar and not request.to.tag:
            return self._register(request, flow, trunk)
        if request.method == "INVITE" and self._asks(request, flow, trunk):
            return self._verify(request, flow, trunk)
        if trunk is not None:
            return None
        if self._open:
            return self._caps.refuses(source_of_stranger(host)) if request.method == "INVITE" else None
        if self._registrar.hosts(host):
            # At a phone's address: it may ask whether we are there, and is told what it cannot have.
            return NOT_FOR_PHONES
        self._guard.offend(host, Offence.UNKNOWN)
        if self._config.silent:
            return SILENCE
        if (more := self._notices.due(self._clock.now(), "stranger", host)) is not None:
            what = {"peer": host, "method": request.method, "call_id": printable(request.call_id)}
            log.warning("stranger refused", extra=what | more)
        return UNKNOWN

    @property
    def _open(self) -> bool:
        return self._config.accept_unknown

    # --- calls ------------------------------------------------------------------------------------------

    def _asks(self, request: Request, flow: Flow, trunk: TrunkConfig | None) -> bool:
        """Whether an INVITE has to prove by a password whom it is from.

        A registered phone always has: a connection over which it registered may be that of a proxy, which
        brings the calls of others as well.
        """
        if self._registrar.at(flow):
            return True
        if trunk is not None:
            return trunk.challenge
        if not self._challenged and not self._registrar:
            return False
        if request.headers.all("Authorization"):
            return True
        if self._open:
            return self._claims(request, flow)
        return bool(self._challenged) or self._registrar.hosts(flow.remote[0])

    def _claims(self, request: Request, flow: Flow) -> bool:
        """Whether a stranger who may call says that it is of this house.

        Everybody who names this server in From does: to ask only those whose name there is would tell who
        there is. On this machine, where programs are tried out, it is the name that counts.
        """
        caller, callee = request.from_.uri, parse_uri(request.uri)
        if ipaddress.ip_address(flow.remote[0].partition("%")[0]).is_loopback:
            return self._registrar.phone(caller.user or "") is not None
        return bool(self._registrar) and caller.host.lower() == callee.host.lower() != ""

    def _verify(self, request: Request, flow: Flow, trunk: TrunkConfig | None) -> BriefAnswer | None:
        known, registrar = self._challenged, self._registrar

        def password_of(username: str) -> str | None:
            found = known.get(username)
            if found is None:
                phone = registrar.phone(username)
                return None if phone is None else phone.password
            # Whose address is known may not be somebody else.
            return found.password if trunk in (None, found) else None

        verified = self._check(request, password_of)
        if verified.verdict is Verdict.OK:
            found = known.get(verified.username)
            self.proved = found or registrar.phone(verified.username)
            if trunk is None and found is not None:
                self._guard.trust(flow.remote[0])
            return None if found is not None else self._caps.refuses(source_of_phone(verified.username))
        return self._refused(verified, flow, trunk, Offence.UNKNOWN)

    # --- phones -----------------------------------------------------------------------------------------

    def _register(self, request: Request, flow: Flow, trunk: TrunkConfig | None) -> BriefAnswer:
        """Who there is no phone of that name gets the same answers as a phone with a wrong password."""
        registrar = self._registrar

        def password_of(username: str) -> str | None:
            phone = registrar.phone(username)
            return None if phone is None else phone.password

        verified = self._check(request, password_of)
        phone = registrar.phone(verified.username)
        if phone is not None and (
            verified.verdict is Verdict.OK
            # Its answer was lost: the same credentials come again, with what they have done already.
            or (verified.verdict is Verdict.STALE and registrar.repeated(request, flow, phone))
        ):
            return registrar.register(request, flow, phone)
        times = 0
        if verified.verdict is not Verdict.STALE:
            claimed = verified.claimed or request.to.uri.user or ""
            times = registrar.not_registered(claimed, flow, 401, verified.problem)
        answer = self._refused(verified, flow, trunk, Offence.REGISTERING)
        if verified.verdict is Verdict.WRONG and times > 1 and answer.status == 401:
            # Some phones try as long as they are challenged, until they are banned within the same second.
            return BriefAnswer(403, "Wrong credentials")
        return answer

    # --- both -------------------------------------------------------------------------------------------

    def _check(self, request: Request, password_of: Callable[[str], str | None]) -> Verified:
        credentials = request.headers.all("Authorization")
        return self._digest.verify(credentials, request.method, request.uri, self._clock.now(), password_of)

    def _refused(
        self, verified: Verified, flow: Flow, trunk: TrunkConfig | None, missing: Offence
    ) -> BriefAnswer:
        """Challenge, and put what was wrong to the account of a stranger; to be without credentials is
        ``missing``.

        The address of a registered phone is not banned for it, but may not go on guessing for ever.
        """
        host, now = flow.remote[0], self._clock.now()
        near = self._registrar.hosts(host)
        if verified.verdict is Verdict.WRONG:
            if (more := self._notices.due(now, "password", host)) is not None:
                name = printable(verified.claimed, 64)
                what = {"peer": host, "username": name, "problem": verified.problem}
                log.warning("wrong credentials", extra=what | more)
            if near and not self._guard.allows(host):
                return SILENCE
            if trunk is None and not near:
                self._guard.offend(host, Offence.PASSWORD)
        elif verified.verdict is Verdict.MISSING and trunk is None and not near:
            self._guard.offend(host, missing)
        stale = verified.verdict is Verdict.STALE
        asked = [("WWW-Authenticate", value) for value in self._digest.challenges(now, stale=stale)]
        return BriefAnswer(401, "", tuple(asked))
