"""The composition root: the only place, beside the command line, that knows every room."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hookflash.api import numbers
from hookflash.api.access import Access
from hookflash.api.asgi import AzureSurface
from hookflash.api.contents import Contents
from hookflash.api.keysets import HttpFetch
from hookflash.api.openapi import openapi_routes
from hookflash.api.own import own_surface
from hookflash.api.server import CannotListen, HttpServers, shell
from hookflash.calls.exchange import Exchange
from hookflash.clock import LoopClock
from hookflash.composition.access import ConfiguredResources, bounds, directory_of, issuers, resources
from hookflash.composition.calls import CallBook
from hookflash.composition.contents import ShelfObjects
from hookflash.composition.draining import Draining
from hookflash.composition.eventing import Eventing
from hookflash.composition.hearing import Hearing
from hookflash.composition.media import media_desk, prompt_limits
from hookflash.composition.numbers import ConfiguredNumbers, configured_sip
from hookflash.composition.operating import Operator
from hookflash.composition.recordings import Recordings
from hookflash.composition.recovering import lost_recordings
from hookflash.composition.registrations import RegistrationBook
from hookflash.composition.reloading import reloaded
from hookflash.composition.signalling import CannotListenForSip, SipEdge
from hookflash.composition.sip_tables import SipTables
from hookflash.composition.speaking import Speaking
from hookflash.composition.speech_services import SpeechServices
from hookflash.composition.speech_watch import SpeechWatch
from hookflash.composition.storing import Places, container_rules, key_ring
from hookflash.composition.subscribing import SubscriptionDesk, subscriptions
from hookflash.composition.telephony import Telephony, app_trunk, registering, shown_trunks
from hookflash.composition.tolls import KeptTolls
from hookflash.composition.transcribing import TranscriptRecogniser
from hookflash.config import Settings
from hookflash.engine import Engine
from hookflash.engine.engine import Watch
from hookflash.engine.recovery import LostRecording, opened, recover
from hookflash.events.courier import OnDelivered
from hookflash.events.targets import TargetPolicy
from hookflash.identity.service import IdentityService
from hookflash.media.speech import Abilities
from hookflash.phones.trunks.view import view as trunks_view
from hookflash.plane.control import MediaDesk
from hookflash.plane.prompts import Prompts
from hookflash.ports.clock import Clock
from hookflash.sip.transports import TlsError
from hookflash.store.janitor import Janitor
from hookflash.store.journal import Retention, SqliteJournal
from hookflash.store.keys import KeyStore
from hookflash.store.lock import DataDirectory
from hookflash.streaming.desk import StreamDesk
from hookflash.wire.constraints import CallbackRules
from hookflash.wire.ids import Minter, node_of
from hookflash.wire.words import count_of

log = logging.getLogger("hookflash")


class App:
    """A whole server on the running event loop.

    Args:
        settings: what to be.
        watch: told of every journal entry as it is written (the demo's timeline).
        delivered: told of every delivered event, its status and the milliseconds it took.

    Attributes:
        http: the HTTP servers, with their real addresses once started.
        sip_address: where SIP listens, once started.
        sip_tls_address: where SIP over TLS listens; None when it does not.
        recordings: the recorded files.
        exchange, media, journal: for counting what is alive.
        draining: the way out of service, once started.
    """

    def __init__(
        self, settings: Settings, *, watch: Watch | None = None, delivered: OnDelivered | None = None
    ) -> None:
        self.settings = settings
        self._watch = watch
        self._delivered = delivered
        self._closers: list[Callable[[], Any]] = []
        self.sip_address: tuple[str, int] = ("", 0)
        self.sip_tls_address: tuple[str, int] | None = None
        self.draining: Draining | None = None

    async def start(self) -> None:
        """Start everything; calls can be taken once :meth:`problems` is empty.

        Raises:
            DataDirectoryInUse, JournalError, SchemaError, KeyFileError: the state cannot be used.
            CannotListen, OSError: an address cannot be used.
            StorageUnusable: recordings cannot be kept as the settings say.
            SubscriptionError, FilterError: a configured subscription cannot be used.
        """
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End calls and deliveries in good order, then let go of everything; idempotent."""
        closers, self._closers = self._closers, []
        for close in reversed(closers):
            try:
                result = close()
                if result is not None:
                    await result
            except Exception:
                # One part that cannot be closed must not keep the others from letting go.
                log.exception("a part of the server could not be closed in good order")

    async def reload(self, new: Settings) -> list[str]:
        """Put new resources, keys, tokens, issuers, numbers, subscriptions, tolls, phones into effect; calls
        go on.

        The files of SIP over TLS are read again, too.

        Returns the names of the other sections that differ: they wait for a restart.

        Raises:
            TlsError, NoCodec: a file of SIP over TLS, or the codecs of a phone, cannot be used; nothing has
                been changed.
            SubscriptionError, FilterError: a subscription cannot be used; the others have been changed.
        """
        former, (settings, waiting) = self.settings, reloaded(self.settings, new)
        phones = registering(settings)
        await self._sip.renew()
        self.settings = settings
        self.access.replace(resources(settings), issuers(settings, self._fetch))
        self._owners.become(directory_of(settings))
        self._desk.know(settings)
        self._tolls.become(settings)
        self._phones.trunks.registrar.become(phones)
        wanted = {one.name for one in settings.subscription}
        for one in former.subscription:
            if one.name not in wanted:
                await self.grid.remove(one.name)
        for subscription in subscriptions(settings):
            await self.grid.add(subscription)
        return waiting

    def problems(self) -> Sequence[str]:
        """What stands in the way of taking calls; empty when ready."""
        return self._operator.problems()

    def counts(self) -> dict[str, int]:
        """How much is alive: all but the lingering transactions is 0 when no call is up."""
        agent = self._phones.trunks.agent
        return {
            "calls": self.exchange.live_calls,
            "phones": self._phones.legs,
            "plays": self._phones.plays,
            "mediaLegs": self.media.legs,
            "audioTaps": self.media.audio.open,
            "streams": self._streams.open,
            "listenings": self._hearing.listenings,
            "transcribed": self._hearing.transcribing.participants,
            "recordings": self._recorder.open,
            "uploads": self.uploads.waiting,
            "sipSessions": agent.sessions,
            "sipDialogs": agent.dialogs,
            "sipTransactions": agent.transactions,
            "eventsOwed": self.courier.waiting,
            "journalRowsWaiting": self.journal.waiting,
        }

    async def wait_ready(self) -> None:
        """Wait until calls can be taken."""
        await self.media.wait_ready()

    # --- building ---------------------------------------------------------------------------------------

    async def _start(self) -> None:
        settings = self.settings
        configured = ConfiguredResources(lambda: self.settings)
        clock = LoopClock()
        seals = key_ring(settings, os.environ)
        stores = Places(settings, os.environ)
        if settings.recording.storage is not None:
            stores.check(settings.recording.storage)
        directory = DataDirectory.acquire(Path(settings.server.data_dir))
        self._closers.append(directory.release)
        journal = self.journal = SqliteJournal.open(
            directory.path, answers=settings.limits.repeatability_entries
        )
        self._closers.append(journal.close)
        keys = KeyStore.open(directory.path, clock.wall())
        node = node_of(f"{settings.server.bind} {settings.server.data_dir}")
        minter = Minter(node, os.urandom, wall=clock.wall)

        janitor = Janitor(journal, clock, Retention(answers=settings.limits.repeatability_age))
        self._closers.append(janitor.close)
        eventing = Eventing(settings, journal, keys, clock, configured.name, self._delivered)
        tokens, grid, courier = eventing.tokens, eventing.grid, eventing.courier
        self.grid, self.courier = grid, courier
        self._closers += eventing.closers

        services = SpeechServices(settings, clock)
        self._closers.append(services.close)
        media = self.media = self._media(clock, services)
        self._closers.append(media.stop)
        callbacks = CallbackRules(settings.server.http_callbacks, settings.server.private_targets)
        owners = self._owners = directory_of(settings)
        hearing = self._hearing = Hearing(settings, clock, services)
        self._closers.append(hearing.close)
        abilities = Abilities(
            speaks=self.speaking.desk.speaks,
            understands=hearing.desk.hears,
            strict=settings.speech.strict_voices,
            knows=hearing.desk.knows,
        )
        exchange = self.exchange = Exchange(
            owners,
            minter,
            callbacks=callbacks,
            files=settings.recording.content_url or settings.public_url,
            abilities=abilities,
            containers=container_rules(settings),
            kept=lambda recording_id: kept.outcomes.kept(recording_id),
        )

        def owner(number: str) -> str | None:
            return owners.numbers.get(number)

        tolls = self._tolls = KeptTolls(settings, journal, clock, owner)
        await tolls.load()
        phones = self._phones = Telephony(
            settings, media, self._report, exchange.new_leg, clock, owner, tolls.gate
        )
        self._closers.append(phones.close)
        sockets = TargetPolicy(
            allow_private=settings.server.private_targets,
            allow_http=settings.server.http_callbacks,
            schemes=("wss", "ws"),
        )
        recogniser = TranscriptRecogniser(hearing.transcribing)
        streams = self._streams = StreamDesk(
            media.audio, sockets, tokens, clock, self._report, recogniser, configured.marks
        )
        self._closers.append(streams.close)
        kept = Recordings(settings, media.audio, journal, clock, seals, stores, self._report)
        library, shelf, uploads, recorder = kept.library, kept.shelf, kept.uploads, kept.desk
        self.recordings, self.uploads, self._recorder = library, uploads, recorder
        await kept.load()
        self._closers += (kept.stop_sending, kept.keeping.close, recorder.close)
        self._engine = engine = Engine(
            exchange,
            clock=clock,
            journal=journal,
            phones=phones.phones,
            media=phones.media,
            publisher=grid,
            streams=streams,
            recorder=recorder,
            minter=minter,
            ears=hearing.listen(media.audio, self._report),
            watch=self._watch,
            undurable=courier.accept_undurable,
        )
        phones.report_to(engine.observe)
        media.watch_pressure(engine.observe)
        draining = self.draining = Draining(
            lambda: exchange.live_calls, engine.observe, clock, settings.server.drain_seconds
        )
        self._closers.append(draining.stop)
        watch = SpeechWatch(settings, self.speaking, hearing, services)
        operator = self._operator = Operator(
            media,
            exchange,
            draining,
            self.counts,
            configured.first,
            watch,
            lambda: {"recogniser": hearing.left_out, "app": streams.left_out},
            phones.guard,
            clock,
            lambda: asdict(uploads.figures),
            lambda: tolls.gate.refused,
            lambda: trunks_view(phones.trunks.desk, clock),
            lambda: {**phones.refused, **self._sip.refused},
            phones.trunks.registrar,
        )

        engine.remember(opened(entry) for entry in await journal.recent_connections())
        await self._recover(journal, minter, clock, lost_recordings(library))
        await courier.start()
        janitor.start()
        kept.keeping.start()
        await grid.start(subscriptions(settings))
        await uploads.load()
        await media.start()
        services.start()
        self.speaking.start()
        hearing.start()
        tables = SipTables(
            lambda: configured_sip(self.settings),
            shown_trunks(phones.config.trunks),
            journal,
            app_trunk(settings),
            phones.trunks,
        )
        if settings.sip.app_routing:
            await tables.load()
        await self._listen_sip(phones, clock)
        await phones.trunks.resolve_trunks()
        self._closers.append(engine.end_all)

        self._fetch = HttpFetch()
        self._closers.append(self._fetch.close)
        access = self.access = Access(
            resources(settings),
            public_hosts=(urlsplit(settings.public_url).netloc,),
            window=settings.limits.clock_skew,
            issuers=issuers(settings, self._fetch),
        )
        identities = IdentityService(
            journal,
            keys,
            new_user_id=minter.user_id,
            wall=clock.wall,
            verify_teams=lambda token: access.of_teams(token, clock.wall()),
        )
        await identities.load()
        azure = AzureSurface(
            engine=engine,
            identities=identities,
            key_documents=tokens,
            access=access,
            clock=clock,
            public_url=settings.public_url,
            bounds=bounds(settings),
            write_answer=lambda answer: journal.write([], [], [answer]),
            more=numbers.operations(ConfiguredNumbers(lambda: self.settings, tables)),
        )
        azure.load_answers(await journal.kept_answers(clock.wall() - settings.limits.repeatability_age))
        desk = self._desk = SubscriptionDesk(grid, settings)
        own = own_surface(
            subscriptions=desk,
            journal=journal,
            readiness=self,
            resources=access,
            open_to_all=settings.server.open_own_surface,
            counts=self.counts,
            credentials=access.uses,
            phones=phones.virtual,
            operating=operator,
            calls=CallBook(exchange, clock),
            spending=tolls,
            registrations=RegistrationBook(phones.trunks.registrar, clock),
            more=openapi_routes(azure.operations),
        )
        contents = Contents(ShelfObjects(shelf), access, clock.wall)
        self.http = HttpServers(shell(azure, own, contents), settings.server)
        self._closers.append(self.http.stop)
        self._closers.append(phones.stop_waiting)
        await self.http.start()

    def _report(self, fact: Any) -> None:
        self._engine.observe(fact)

    def _media(self, clock: Clock, services: SpeechServices) -> MediaDesk:
        prompts = Prompts(prompt_limits(self.settings))
        self._closers.append(prompts.close)
        speaking = self.speaking = Speaking(self.settings, prompts, clock, services)
        self._closers.append(speaking.close)
        return media_desk(self.settings, prompts, clock, speaking.desk)

    async def _listen_sip(self, phones: Telephony, clock: Clock) -> None:
        try:
            edge = self._sip = SipEdge(self.settings, phones.trunks, clock)
            self._closers.insert(self._closers.index(phones.close), edge.close)
            await edge.listen()
        except (CannotListenForSip, TlsError) as error:
            raise CannotListen(str(error)) from error
        self.sip_address, self.sip_tls_address = edge.address, edge.tls_address

    async def _recover(
        self, journal: SqliteJournal, minter: Minter, clock: Clock, recordings: Sequence[LostRecording]
    ) -> None:
        unclosed = await journal.unclosed_connections()
        if unclosed:
            log.warning(
                "%s up when the server died; their apps are told now",
                count_of(len(unclosed), "call was", "calls were"),
            )
        if unclosed or recordings:
            await journal.write(*recover(unclosed, minter, clock.wall(), recordings))
