from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from speech.services.fakes import Vendor

from hookflash.testing.clock import VirtualClock


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    made = Vendor()
    runner = web.ServerRunner(web.Server(made.handle), shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    made.release.set()
    await runner.cleanup()
