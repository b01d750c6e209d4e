"""A whole server inside a test: for apps on an Azure SDK, with virtual phones instead of people.

    from hookflash.testing.server import Server

    with Server() as server:
        client = CallAutomationClient(server.url, AzureKeyCredential(server.access_key))
        phone = server.phones.add("alice", "+14255550100")
        client.create_call(PhoneNumberIdentifier("+14255550100"), server.webhook.url + "/callbacks",
                           source_caller_id_number=PhoneNumberIdentifier(server.number))
        phone.wait(state="up")
        server.webhook.wait("CallConnected")

The server runs on an event loop in a thread of its own, its media plane inside it, on loopback ports that
were free. The first start on a machine compiles the media kernels, which takes some seconds.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from hookflash.api.server import CannotListen
from hookflash.app import App
from hookflash.config import (
    DEVELOPMENT_ACCESS_KEY,
    DEVELOPMENT_RESOURCE_ID,
    DEVELOPMENT_RESOURCE_NAME,
    Address,
    MediaSettings,
    NumberSettings,
    ResourceSettings,
    ServerSettings,
    Settings,
    SipSettings,
    SpeechSettings,
    SubscriptionSettings,
    connection_string,
)
from hookflash.loopback import free_port
from hookflash.testing.phones import VirtualPhones
from hookflash.testing.webhook import EVENTS, Webhook

NUMBER = "+18005550100"
"""The number the app under test owns, unless told otherwise."""
START_TIMEOUT = 120.0
"""Seconds a start may take; the first one on a machine compiles."""
_ATTEMPTS = 10


class Server:
    """A context manager: a running server, the app's webhook, and a client of its virtual phones.

    Args:
        numbers: the numbers the app owns; calls to them raise IncomingCall.
        event_types: Event Grid events the app subscribes to.
        adjust: a last word on the settings.

    Attributes:
        url, access_key, resource_id, connection_string: for the app's SDK.
        number: the first of ``numbers``.
        webhook: what the server sends to the app, caught.
        phones: its virtual phones.
        sip_address: where SIP listens.
    """

    def __init__(
        self,
        *,
        numbers: Sequence[str] = (NUMBER,),
        event_types: Sequence[str] = ("Microsoft.Communication.IncomingCall",),
        adjust: Callable[[Settings], Settings] = lambda settings: settings,
    ) -> None:
        self._numbers = tuple(numbers)
        self._event_types = tuple(event_types)
        self._adjust = adjust
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="hookflash", daemon=True)
        self.access_key = DEVELOPMENT_ACCESS_KEY
        self.resource_id = DEVELOPMENT_RESOURCE_ID
        self.number = numbers[0] if numbers else ""
        self.url = ""
        self.connection_string = ""
        self.sip_address = ("", 0)

    def __enter__(self) -> Self:
        """Start, and wait until calls can be taken; raises what kept the server from starting."""
        self.webhook = Webhook()
        self._thread.start()
        if not self._started.wait(START_TIMEOUT):
            self._failure = TimeoutError(f"the server did not start within {START_TIMEOUT:g} s")
        if self._failure is not None:
            self.__exit__(None, None, None)
            raise self._failure
        self.phones = VirtualPhones(self.url, self.access_key)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every call, stop, and take the state away."""
        if self._loop is not None and self._stop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        self.webhook.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failure = error
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        with tempfile.TemporaryDirectory(prefix="hookflash-test-") as folder:
            app = await self._start(Path(folder))
            try:
                await asyncio.wait_for(app.wait_ready(), START_TIMEOUT)
                self.sip_address = app.sip_address
                self._started.set()
                await self._stop.wait()
            finally:
                await app.stop()

    async def _start(self, folder: Path) -> App:
        """Somebody else may take a port between our looking for it and using it: then another one."""
        for attempt in range(_ATTEMPTS):
            settings = self._settings(folder / str(attempt))
            app = App(settings)
            try:
                await app.start()
            except CannotListen:
                if attempt + 1 == _ATTEMPTS:
                    raise
                continue
            self.url = settings.public_url
            self.connection_string = connection_string(settings.resource[0], self.url)
            return app
        raise AssertionError("unreachable")

    def _settings(self, folder: Path) -> Settings:
        name = DEVELOPMENT_RESOURCE_NAME
        server = ServerSettings(bind=Address("127.0.0.1", free_port()), data_dir=str(folder))
        return self._adjust(
            Settings(
                server=replace(server, public_url=f"http://{server.bind}"),
                sip=SipSettings(bind=Address("127.0.0.1", 0)),
                resource=(ResourceSettings(name=name, id=self.resource_id, access_keys=(self.access_key,)),),
                number=tuple(NumberSettings(e164=number, resource=name) for number in self._numbers),
                subscription=(
                    SubscriptionSettings(
                        name="app",
                        resource=name,
                        endpoint=self.webhook.url + EVENTS,
                        event_types=self._event_types,
                    ),
                ),
                media=MediaSettings(workers=0),
                speech=SpeechSettings(start="demand"),  # most tests say nothing
            )
        )
