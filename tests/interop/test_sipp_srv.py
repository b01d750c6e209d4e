"""A trunk that is a domain: its servers come from DNS, and the next one takes the call when one is down."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from azure.communication.callautomation import PhoneNumberIdentifier
from phones.name_server import NameServer
from sipp_process import Sipp
from system.conftest import System
from system.harness import NUMBER, Server, Webhook
from trunk_ports import quiet_port

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("sipp") is None, reason="needs SIPp: apt-get install sip-tester"),
]
TRUNK = """
[[trunk]]
name = "domain"
targets = ["carrier.test"]
transport = "auto"
[[route]]
pattern = "*"
trunk = "domain"
"""


@dataclass
class Located(System):
    """A server whose only trunk is a domain."""

    names: NameServer
    port: int


@pytest.fixture
def located(tmp_path: Path) -> Iterator[Located]:
    down, port = quiet_port(), quiet_port()
    zone = {
        ("carrier.test", "NAPTR"): ['10 10 "s" "SIP+D2T" "" _sip._tcp.carrier.test.'],
        ("_sip._tcp.carrier.test", "SRV"): [f"1 0 {down} one.carrier.test.", f"2 0 {port} two.carrier.test."],
        ("one.carrier.test", "A"): ["127.0.0.1"],
        ("two.carrier.test", "A"): ["127.0.0.1"],
    }
    names, ready = NameServer(zone), threading.Event()
    stop: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        stop.append((asyncio.get_running_loop(), asyncio.Event()))
        async with names:
            ready.set()
            await stop[0][1].wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    webhook = Webhook()
    server = Server(tmp_path, webhook, TRUNK)
    address = "[{}]:{}".format(*names.address)
    server.config.write_text(
        server.config.read_text().replace("[sip]\n", f'[sip]\nname_servers = ["{address}"]\n')
    )
    try:
        with server:
            yield Located(server, webhook, "", Path(), names, port)
    finally:
        webhook.close()
        loop, over = stop[0]
        loop.call_soon_threadsafe(over.set)
        thread.join(10)


def test_the_next_server_of_the_domain_takes_the_call(located: Located, tmp_path: Path) -> None:
    sipp = Sipp("callee_answers", tmp_path / "sipp", port=located.port, transport="t1")
    sipp.wait_listening()
    client = located.client()
    client.create_call(
        PhoneNumberIdentifier("+12095550123"),
        f"{located.webhook.url}/callbacks",
        source_caller_id_number=PhoneNumberIdentifier(NUMBER),
        operation_context="out",
    )
    connected = located.webhook.wait("CallConnected", operationContext="out")
    client.get_call_connection(connected["callConnectionId"]).hang_up(is_for_everyone=True)
    located.webhook.wait("CallDisconnected")
    verdict = sipp.finish()
    assert (verdict.successful, verdict.failed) == (1, 0), verdict.output
    assert "INVITE sip:+12095550123@carrier.test;transport=tcp SIP/2.0" in sipp.received()
    assert "carrier.test NAPTR" in located.names.asked
