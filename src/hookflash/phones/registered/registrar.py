"""The registrar: carries out the REGISTERs of phones that proved who they are, and knows who is there."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from hookflash.calls.facts import DevicesChanged
from hookflash.phones.config import PhoneConfig
from hookflash.phones.identities import callee_of
from hookflash.phones.registered.locations import Binding, Bounds, Locations, NotRegistered
from hookflash.phones.registered.refusals import Refusal, Refusals
from hookflash.ports.clock import Clock, Timer
from hookflash.ports.edges import FactSink
from hookflash.sip.build import Extra
from hookflash.sip.digest import NO_CREDENTIALS
from hookflash.sip.errors import ParseError
from hookflash.sip.flow import Flow
from hookflash.sip.grammar import printable
from hookflash.sip.message import Request
from hookflash.sip.notices import Notices
from hookflash.sip.registration import Registration, unsupported
from hookflash.sip.stateless import BriefAnswer
from hookflash.sip.uri import SipUri, parse_uri
from hookflash.wire.identifiers import Identifier, IdentifierKind
from hookflash.wire.timestamps import imf_fixdate

log = logging.getLogger("hookflash.sip")

KEEP_ALIVE = 120
"""Seconds after which a phone that knows RFC 5626 sends two empty lines over a silent connection."""
OUTCOMES = ("registered", "unregistered", "expired", "lost", "refused")
"""What can become of contacts, and of a REGISTER."""
GRANULARITY = 1.0
"""Seconds between two looks for who has not refreshed in time."""


@dataclass(frozen=True, slots=True)
class Device:
    """A place where a user can be rung: a phone and one of its contacts."""

    phone: PhoneConfig
    binding: Binding


class Registrar:
    """The phones that may register, and where those are that have.

    DevicesChanged goes to ``sink`` whenever the number of a user's contacts changes.

    Attributes:
        outcomes: how many contacts were ``registered``, ``unregistered``, ``expired`` and ``lost`` so far,
            and how many REGISTERs ``refused``, those without credentials aside, which every phone sends.
    """

    def __init__(self, phones: Iterable[PhoneConfig], bounds: Bounds, clock: Clock, sink: FactSink) -> None:
        self._phones: dict[str, PhoneConfig] = {}
        self._users: dict[str, list[PhoneConfig]] = {}
        self._allowed: dict[str, tuple[re.Pattern[str], ...]] = {}
        self._know(phones)
        self._clock = clock
        self._notices = Notices()
        self._sink = sink
        self._locations = Locations(bounds)
        self._refusals = Refusals()
        self.outcomes = Counter(dict.fromkeys(OUTCOMES, 0))
        self._devices: Counter[str] = Counter()
        self._timer: Timer | None = None
        self._armed = 0.0

    def _know(self, phones: Iterable[PhoneConfig]) -> None:
        self._phones = {phone.username: phone for phone in phones}
        self._users = {}
        for phone in self._phones.values():
            self._users.setdefault(phone.user.raw_id, []).append(phone)
        self._allowed = {
            phone.username: tuple(re.compile(pattern) for pattern in phone.numbers)
            for phone in self._phones.values()
            if phone.numbers
        }

    def become(self, phones: Iterable[PhoneConfig]) -> None:
        """Go by these phones from now on.

        A phone that is no more, or has another password or user, is not registered any longer; calls that are
        up go on. All others stay where they are.
        """
        former = self._phones
        self._know(phones)
        users: list[str] = []
        for name, phone in former.items():
            now = self._phones.get(name)
            if now is not None and (now.password, now.user) == (phone.password, phone.user):
                continue
            users.append(phone.user.raw_id)
            for binding in self._locations.forget(name):
                self.outcomes["lost"] += 1
                problem = "it is not configured any more" if now is None else "its configuration has changed"
                log.info("registration lost", extra=_fields(binding) | {"problem": problem})
        self._count(users)
        self._arm()

    def __len__(self) -> int:
        """Contacts that are registered."""
        return len(self._locations)

    def __bool__(self) -> bool:
        """Whether there is any phone that may register."""
        return bool(self._phones)

    # --- who is who -------------------------------------------------------------------------------------

    def phone(self, username: str) -> PhoneConfig | None:
        """The phone of that user name."""
        return self._phones.get(username)

    def phone_of(self, user: Identifier) -> PhoneConfig | None:
        """The first phone of a user, registered or not."""
        return next(iter(self._users.get(user.raw_id, ())), None)

    def callee(self, request: Request) -> Identifier | None:
        """Whom a phone calls: another one by its user name, else as for calls from anywhere.

        Raises ParseError when the Request-URI cannot be read.
        """
        uri = parse_uri(request.uri)
        named = self._phones.get(uri.user or "") if isinstance(uri, SipUri) else None
        return callee_of(request) if named is None else named.user

    def may_dial(self, phone: PhoneConfig, number: str) -> bool:
        """Whether a phone may dial a number (E.164) that nobody here owns."""
        return any(one.fullmatch(number) for one in self._allowed.get(phone.username, ()))

    # --- who is where -----------------------------------------------------------------------------------

    def hosts(self, host: str) -> bool:
        """Whether a phone is registered from an address."""
        return self._locations.hosts(host)

    def at(self, flow: Flow) -> bool:
        """Whether a phone is registered from just there: the connection, or address and port."""
        return self._locations.at(flow)

    def takes(self, target: Identifier) -> bool:
        """Whether ``target`` is a user with phones, be they there or not."""
        return target.kind is IdentifierKind.COMMUNICATION_USER and target.raw_id in self._users

    def devices(self, user: Identifier) -> list[Device]:
        """Where a user can be rung, preferred contacts first."""
        now = self._clock.now()
        found = [
            Device(phone, binding)
            for phone in self._users.get(user.raw_id, ())
            for binding in self._locations.of(phone.username, now)
        ]
        return sorted(found, key=lambda device: -device.binding.contact.quality)

    def bindings(self) -> list[Device]:
        """Every contact, by user name."""
        return [Device(self._phones[one.name], one) for one in self._locations.all()]

    def refusals(self) -> list[Refusal]:
        """Who was not registered within the last hour and has not been since, the latest first."""
        return self._refusals.lately(self._clock.now())

    # --- registering ------------------------------------------------------------------------------------

    def repeated(self, request: Request, flow: Flow, phone: PhoneConfig) -> bool:
        """Whether a REGISTER was carried out already and its answer got lost."""
        try:
            return self._locations.repeated(phone.username, Registration.of(request), flow)
        except ParseError:
            return False

    def register(self, request: Request, flow: Flow, phone: PhoneConfig) -> BriefAnswer:
        """Carry out a REGISTER of a phone that has proved to be ``phone``; its answer."""
        missing = unsupported(request)
        if missing:
            return self._refused(420, f"{missing[0][1]} is not supported", flow, phone, missing)
        uri = request.to.uri
        if uri.user != phone.username:
            return self._refused(403, f"it wants to register {printable(str(uri))}", flow, phone)
        now, name = self._clock.now(), phone.username
        try:
            wish = Registration.of(request)
            agent = printable(request.headers.get("User-Agent") or "", 60)
            if not self._locations.repeated(name, wish, flow):
                changes = self._locations.register(now, name, wish, flow, _path(request, flow), agent)
                self.outcomes["registered"] += len(changes.added)
                self.outcomes["unregistered"] += len(changes.removed)
                for binding in changes.added:
                    log.info("registered", extra=_fields(binding) | {"agent": agent})
                for binding in changes.removed:
                    log.info("unregistered", extra=_fields(binding))
                self._changed((*changes.added, *changes.removed))
        except ParseError as error:
            return self._refused(error.status, str(error), flow, phone)
        except NotRegistered as error:
            least = (("Min-Expires", str(self._locations.bounds.least)),)
            return self._refused(error.status, str(error), flow, phone, least if error.status == 423 else ())
        self._arm()
        self._refusals.settled(name, flow.remote[0])
        return BriefAnswer(200, "", self._granted(wish, flow, now, name))

    def _granted(self, wish: Registration, flow: Flow, now: float, name: str) -> Extra:
        headers = [
            ("Contact", one.contact.value(max(1, round(one.until - now))))
            for one in self._locations.of(name, now)
        ]
        if wish.outbound and flow.reliable and any(one.reg_id for one in wish.contacts):
            # Over UDP it would ping us with STUN, which is not answered here.
            headers += [("Require", "outbound"), ("Flow-Timer", str(KEEP_ALIVE))]
        return (*headers, ("Date", imf_fixdate(self._clock.wall())))

    def _refused(
        self, status: int, why: str, flow: Flow, phone: PhoneConfig, headers: Extra = ()
    ) -> BriefAnswer:
        if (more := self._notices.due(self._clock.now(), phone.username, flow.remote[0])) is not None:
            what = {"phone": phone.username, "peer": flow.remote[0], "status": status, "problem": why}
            log.warning("not registered", extra=what | more)
        self.not_registered(phone.username, flow, status, why)
        return BriefAnswer(status, "", headers)

    def not_registered(self, name: str, flow: Flow, status: int, why: str) -> int:
        """Remember for :meth:`refusals` that a REGISTER was refused; ``name`` is as the peer gave it.

        Returns how often this has happened of late.
        """
        now, peer = self._clock.now(), flow.remote[0]
        self.outcomes["refused"] += why != NO_CREDENTIALS
        return self._refusals.add(now, printable(name, 64), peer, status, printable(why))

    def lost(self, flow: Flow) -> None:
        """A connection is gone, and with it who registered over it."""
        gone = self._locations.lost(flow)
        self.outcomes["lost"] += len(gone)
        for binding in gone:
            log.info("registration lost", extra=_fields(binding) | {"problem": "its connection is gone"})
        self._changed(gone)
        self._arm()

    # --- time -------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Look for nobody any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        due = self._locations.next_due()
        if due is not None and self._timer is not None and self._armed <= due:
            return
        self.close()
        if due is not None:
            self._armed = max(due, self._clock.now() + GRANULARITY)
            self._timer = self._clock.call_at(self._armed, self._expire)

    def _expire(self) -> None:
        self._timer = None
        over = self._locations.expire(self._clock.now())
        self.outcomes["expired"] += len(over)
        for binding in over:
            log.info("registration expired", extra=_fields(binding))
        self._changed(over)
        self._arm()

    def _changed(self, bindings: Iterable[Binding]) -> None:
        """Contacts have come or gone."""
        self._count(self._phones[one.name].user.raw_id for one in bindings)

    def _count(self, users: Iterable[str]) -> None:
        """Tell how many contacts users have now, where that is another number."""
        for user in dict.fromkeys(users):
            count = sum(self._locations.count(phone.username) for phone in self._users.get(user, ()))
            if count != self._devices[user]:
                self._devices[user] = count
                self._sink(DevicesChanged(user, count, "registered"))


def _path(request: Request, flow: Flow) -> Flow:
    """Where requests go: over the connection, or where the answer to the REGISTER goes (RFC 3581)."""
    via = request.via
    return flow if flow.reliable else flow.towards((flow.remote[0], via.rport or via.effective_port))


def _fields(binding: Binding) -> dict[str, object]:
    """For log lines."""
    return {
        "phone": binding.name,
        "contact": printable(str(binding.contact.uri)),
        "peer": binding.flow.remote[0],
        "transport": binding.flow.transport,
        "seconds": round(binding.until - binding.since),
    }
