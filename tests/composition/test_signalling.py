"""The SIP transports out of settings."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from sip.certificate_files import Authority

from hookflash.composition.signalling import CannotListenForSip, SipEdge, limits_of, tls_of
from hookflash.config import Settings, parse
from hookflash.sip.transports import ClientCertificates, TlsError
from hookflash.testing.clock import VirtualClock


class Phones:
    """Trunks that only know where messages go out."""

    def attach(self, network: Any) -> None:
        self.network = network

    @property
    def ingress(self) -> Phones:
        return self

    def __getattr__(self, name: str) -> Any:
        return lambda *given: None


def edge(settings: Settings) -> SipEdge:
    phones: Any = Phones()
    made = SipEdge(settings, phones, VirtualClock())
    assert phones.network is not None
    return made


@pytest.fixture
def files(tmp_path: Path) -> str:
    cert, key = Authority(tmp_path).sign("us", dns=("us.example",))
    return f'tls_cert = "{cert}"\ntls_key = "{key}"\ntls_authorities = "{tmp_path / "authority.pem"}"\n'


async def test_everything_listens_and_certificates_are_read_again(files: str, tmp_path: Path) -> None:
    text = f'[sip]\nbind = "127.0.0.1:0"\nbind_v6 = "[::1]:0"\ntls_bind = "127.0.0.1:0"\n{files}'
    made = edge(parse(text))
    await made.listen()
    assert made.address[0] == "127.0.0.1"
    assert made.tls_address is not None
    for transport in ("UDP", "TCP", "TLS"):
        assert made.transports.path(transport, ("127.0.0.1", 9)).local[1] != 0
    assert made.transports.path("UDP", ("::1", 9)).local[0] == "::1"
    await made.renew()
    (tmp_path / "us.pem").write_text("nothing")
    with pytest.raises(TlsError, match=r"us\.pem"):
        await made.renew()
    with pytest.raises(CannotListenForSip, match=r"sip\.bind: cannot listen"):
        await edge(parse(f'[sip]\nbind = "127.0.0.1:{made.address[1]}"\n')).listen()
    await made.close()


async def test_calls_go_on_while_certificates_are_read_again(files: str, tmp_path: Path) -> None:
    """The file of the authorities gives nothing for as long as this test wants."""
    slow = tmp_path / "slow.pem"
    slow.write_bytes((tmp_path / "authority.pem").read_bytes())
    text = files.replace("authority.pem", "slow.pem")
    made = edge(parse(f'[sip]\nbind = "127.0.0.1:0"\ntls_bind = "127.0.0.1:0"\n{text}'))
    slow.unlink()
    os.mkfifo(slow)
    went_on, seen = threading.Event(), []

    def give() -> None:
        # Gives in the end even where nothing went on: nobody shall wait for ever.
        seen.append(went_on.wait(20.0))
        slow.write_bytes((tmp_path / "authority.pem").read_bytes())

    writer = threading.Thread(target=give)
    writer.start()
    before = made.transports._tls
    renewing = asyncio.ensure_future(made.renew())
    for _ in range(10):
        await asyncio.sleep(0)
    assert not renewing.done() or seen
    went_on.set()
    await renewing
    writer.join()
    assert seen == [True]
    assert made.transports._tls is not before


async def test_websockets_listen_where_they_are_wanted(files: str) -> None:
    text = f'[sip]\nbind = "127.0.0.1:0"\nws_bind = "127.0.0.1:0"\nwss_bind = "127.0.0.1:0"\n{files}'
    made = edge(parse(text))
    await made.listen()
    assert len({port for _, port in made.ws_addresses}) == 2
    assert made.tls_address is None
    await made.close()


async def test_without_tls_nothing_is_read() -> None:
    made = edge(parse('[sip]\nbind = "127.0.0.1:0"\n'))
    await made.renew()
    await made.listen()
    assert made.tls_address is None
    await made.close()


def test_settings_become_bounds_and_rules(files: str) -> None:
    settings = parse(
        f'[sip]\ntls_bind = "127.0.0.1:0"\ntls_clients = "required"\ntls_wildcards = true\n{files}'
        "connections = 5\nconnections_per_source = 2\nmessage_timeout = 9\n"
        "idle_timeout = 60\nkeep_alive = 0\n"
    )
    limits = limits_of(settings.sip)
    assert (limits.connections, limits.per_peer, limits.message, limits.handshake) == (5, 2, 9, 3)
    assert (limits.idle, limits.keep_alive) == (60, 0)
    tls = tls_of(settings)
    assert tls is not None
    assert tls.settings.clients is ClientCertificates.REQUIRED
    assert tls.settings.wildcards
    assert tls.server is not None
    called = tls_of(parse('[[trunk]]\nname = "t"\ntargets = ["sbc.example"]\ntransport = "tls"\n'))
    assert called is not None
    assert called.server is None
