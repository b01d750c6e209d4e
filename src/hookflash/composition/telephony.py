"""Phones out of settings: trunks, phones that register, and virtual phones where they are wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hookflash.composition.codecs import codecs_of, codecs_of_strangers
from hookflash.config import Settings
from hookflash.config.kinds import as_regex, rewriting_parts
from hookflash.config.sip import TrunkSettings
from hookflash.phones.callers import Owner, nobody
from hookflash.phones.config import (
    PhoneConfig,
    PhonesConfig,
    RouteConfig,
    SearchRules,
    Target,
    TrunkConfig,
)
from hookflash.phones.guard import Guard, GuardRules
from hookflash.phones.keyed_media import KeyedMedia
from hookflash.phones.registered.locations import Bounds
from hookflash.phones.rewriting import Rewrite
from hookflash.phones.switchboard import Switchboard
from hookflash.phones.tolls import TollGate
from hookflash.phones.trunk import TrunkPhones
from hookflash.phones.trunks.config import Share, TrunkCare
from hookflash.phones.virtual.ears import Ears
from hookflash.phones.virtual.lines import Lines
from hookflash.phones.virtual.registry import Registry
from hookflash.phones.virtual.surface import VirtualPhoneDesk
from hookflash.plane.control import MediaDesk
from hookflash.ports.clock import Clock
from hookflash.ports.edges import FactSink, Media, Phones
from hookflash.sip import keys
from hookflash.sip.session import SessionTerms
from hookflash.sip.ua import Settings as AgentSettings
from hookflash.wire.identifiers import Identifier

_INFO_KEYS = {"rtp": "", "info": keys.RELAY, "info-dtmf": keys.PLAIN}
"""What keys go out in by INFO, by the setting ``dtmf``."""


class Telephony:
    """Every kind of phone of a server.

    Attributes:
        config: what is configured about trunks, routes and phones.
        trunks: the phones that speak SIP, behind trunks and registered here.
        guard: who among strangers is not listened to.
        phones: what the engine sees, all kinds behind one door.
        media: what the engine sees; it looks on for the virtual phones.
        virtual: the virtual phones' own surface; None when they are off.
    """

    def __init__(
        self,
        settings: Settings,
        desk: MediaDesk,
        sink: FactSink,
        new_leg: Callable[[], int],
        clock: Clock,
        owner: Owner = nobody,
        tolls: TollGate | None = None,
    ) -> None:
        config, agent = phones_config(settings), agent_settings(settings)
        self.config = config
        self.guard = Guard(clock, guard_rules(settings))
        self.trunks = TrunkPhones(
            config, desk, sink, new_leg, clock, settings=agent, guard=self.guard, owner=owner, tolls=tolls
        )
        self.phones: Phones = self.trunks
        self.media: Media = KeyedMedia(desk, self.trunks.keys)
        self.virtual: VirtualPhoneDesk | None = None
        self._desk = desk
        self._ears: Ears | None = None
        self._lines: Lines | None = None
        if settings.server.virtual_phones:
            registry = Registry(sink)
            self._lines = Lines(registry, desk, sink, new_leg, clock)
            self._ears = Ears(self.media, self._lines.call_of)
            self.media, self.phones = self._ears, Switchboard(self.trunks, self._lines)
            self.virtual = VirtualPhoneDesk(registry, self._lines, clock)

    @property
    def legs(self) -> int:
        """Legs alive, of all kinds."""
        return self.trunks.legs + (len(self._lines) if self._lines is not None else 0)

    @property
    def plays(self) -> int:
        """Plays that virtual phones listen for."""
        return self._ears.plays if self._ears is not None else 0

    @property
    def refused(self) -> Mapping[str, int]:
        """Messages of SIP that were refused or dropped so far, by the setting in ``sip`` that says so."""
        agent = self.trunks.agent
        return {
            **agent.refused,
            **self.guard.refused,
            "calls_per_source": self.trunks.caps.refused,
            "malformed": agent.broken_messages,
        }

    def report_to(self, sink: FactSink) -> None:
        """Send what the media report to ``sink``."""
        sink = self._ears.through(sink) if self._ears is not None else sink
        self._desk.report_to(self.trunks.keys.through(sink))

    def stop_waiting(self) -> None:
        """Answer every request that waits for a virtual phone to do something."""
        if self.virtual is not None:
            self.virtual.stop()

    async def close(self) -> None:
        """End every leg; no facts follow."""
        if self._lines is not None:
            await self._lines.close()
        await self.trunks.close()


def agent_settings(settings: Settings) -> AgentSettings:
    """How the user agent behaves."""
    sip = settings.sip
    return AgentSettings(
        max_datagram=sip.udp_bytes,
        max_sessions=sip.dialogs,
        max_transactions=sip.transactions,
        transactions_per_source=sip.transactions_per_source,
        reliable=sip.reliable,
    )


def guard_rules(settings: Settings) -> GuardRules:
    """When strangers are not listened to any more."""
    sip = settings.sip
    return GuardRules(
        points=sip.ban_points,
        ban=sip.ban_seconds,
        rate=sip.stranger_rate,
        burst=3 * sip.stranger_rate,
    )


def phones_config(settings: Settings) -> PhonesConfig:
    """The configured trunks, routes and phones.

    Raises:
        NoCodec: a trunk or phone speaks only codecs that cannot be done here.
    """
    return PhonesConfig(
        trunks=tuple(
            TrunkConfig(
                name=one.name,
                targets=tuple(_target(text.partition(";")[0]) for text in one.targets),
                care=_care(one),
                transport="" if one.transport == "auto" else one.transport.upper(),
                sips=one.sips,
                challenge=one.challenge,
                username=one.username or "",
                password=one.password or "",
                allow=tuple(str(peer) for peer in one.allow),
                codecs=codecs_of(f"trunk {one.name}", one.codecs),
                srtp=one.srtp,
                session=_session(settings, one),
                info_keys=_INFO_KEYS[one.dtmf],
                identity=one.identity,
                takes_refer=one.refer == "accept",
                transfers=one.transfer == "refer",
                redirect_hosts=one.redirect_hosts,
                caller=one.caller or "",
                callers=one.callers,
                otherwise=one.callers_otherwise,
                domain=one.domain or "",
                caller_rewrite=_rewrites(one.caller_rewrite),
                dial_rewrite=_rewrites(one.dial_rewrite),
                inbound_rewrite=_rewrites(one.inbound_rewrite),
                inbound_caller_rewrite=_rewrites(
                    one.inbound_rewrite if one.inbound_caller_rewrite is None else one.inbound_caller_rewrite
                ),
            )
            for one in settings.trunk
        ),
        routes=tuple(
            RouteConfig(one.pattern, one.trunk, one.priority, one.rewrite or "") for one in settings.route
        ),
        accept_unknown=settings.sip.unknown_callers,
        wildcards=settings.sip.tls_wildcards,
        silent=not settings.sip.answer_strangers,
        realm=settings.sip.realm,
        algorithms=settings.sip.digest_algorithms,
        codecs=codecs_of_strangers(),
        srtp="optional",
        session=SessionTerms(settings.sip.session_expires, settings.sip.min_session_expires),
        search=SearchRules(settings.sip.max_hops, settings.sip.failover_seconds),
        phones=registering(settings),
        bounds=Bounds(
            least=settings.sip.min_registration,
            most=settings.sip.max_registration,
            longest_open=max(1, int(settings.sip.idle_timeout) - 60),
        ),
        calls_per_source=settings.sip.calls_per_source,
    )


def registering(settings: Settings) -> tuple[PhoneConfig, ...]:
    """The phones that may register. What their codecs lack is said once, not for each of thousands.

    Raises NoCodec as :func:`phones_config` does.
    """
    able: dict[tuple[str, ...], tuple[str, ...]] = {}
    found: list[PhoneConfig] = []
    for one in settings.phone:
        if one.codecs not in able:
            able[one.codecs] = codecs_of(f"phone {one.username}", one.codecs)
        found.append(
            PhoneConfig(
                username=one.username,
                password=one.password,
                user=Identifier.parse(one.user),
                codecs=able[one.codecs],
                srtp=one.srtp,
                info_keys=_INFO_KEYS[one.dtmf],
                numbers=tuple(as_regex(pattern) for pattern in one.numbers),
                caller=one.caller or "",
            )
        )
    return tuple(found)


def _session(settings: Settings, trunk: TrunkSettings) -> SessionTerms:
    """The session timers of a trunk: its own where it has some."""
    expires, minimum = trunk.session_expires, trunk.min_session_expires
    return SessionTerms(
        settings.sip.session_expires if expires is None else expires,
        settings.sip.min_session_expires if minimum is None else minimum,
    )


def app_trunk(settings: Settings) -> TrunkConfig:
    """What a trunk that an app has set is, apart from its name and target."""
    transport = settings.sip.app_transport
    return TrunkConfig(
        name="",
        targets=(),
        transport="" if transport == "auto" else transport.upper(),
        codecs=codecs_of_strangers(),
        srtp="optional" if transport == "tls" else "off",
        session=SessionTerms(settings.sip.session_expires, settings.sip.min_session_expires),
        public_only=not settings.server.private_targets,
    )


def shown_trunks(trunks: tuple[TrunkConfig, ...]) -> dict[str, TrunkConfig]:
    """Configured trunks by the host under which the SIP-routing SDKs see them, that of the first target; the
    first where several have the same."""
    found: dict[str, TrunkConfig] = {}
    for trunk in trunks:
        found.setdefault(trunk.targets[0][0].lower(), trunk)
    return found


def _rewrites(rules: tuple[str, ...]) -> tuple[Rewrite, ...]:
    return tuple(Rewrite(*rewriting_parts(rule)) for rule in rules)


def _care(trunk: TrunkSettings) -> TrunkCare:
    """How a trunk is looked after."""
    shared = any(";" in text for text in trunk.targets)
    return TrunkCare(
        calls=trunk.limits.calls,
        calls_per_second=trunk.limits.calls_per_second,
        shares=tuple(_share(text) for text in trunk.targets) if shared else (),
        health_interval=trunk.health_interval,
        health_failures=trunk.health_failures,
        register=trunk.register,
        account=trunk.register_account or "",
        register_expires=trunk.register_expires,
    )


def _share(text: str) -> Share:
    """The priority and the weight behind a target."""
    given = dict(one.split("=") for one in text.split(";")[1:])
    return Share(int(given.get("priority", 0)), int(given.get("weight", 1)))


def _target(text: str) -> Target:
    """``host``, ``host:port`` or ``[v6]:port``, already checked by the configuration."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        return text.strip("[]"), None
    return host.strip("[]"), int(port)
