from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from events.doubles import App, FixedKeys, MemoryStore

from hookflash.events import Sender, TargetPolicy, TokenMinter
from hookflash.ports.outbox import SigningKey
from hookflash.testing.clock import VirtualClock


@pytest.fixture
async def app() -> AsyncIterator[App]:
    made = App()
    server = web.Server(made.handle)
    runner = web.ServerRunner(server, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    made.url = f"http://127.0.0.1:{port}"
    yield made
    made.release.set()
    await runner.cleanup()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def sender(clock: VirtualClock) -> AsyncIterator[Sender]:
    made = Sender(clock, TargetPolicy(allow_private=True, allow_http=True))
    yield made
    await made.close()


@pytest.fixture(scope="session")
def keys() -> FixedKeys:
    return FixedKeys(
        *(
            SigningKey(kid, 0.0, rsa.generate_private_key(public_exponent=65537, key_size=2048))
            for kid in ("new", "old")
        )
    )


@pytest.fixture
def tokens(keys: FixedKeys, clock: VirtualClock) -> TokenMinter:
    return TokenMinter(keys, clock)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()
