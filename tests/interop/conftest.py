"""What the interop tests share: one server, and its trunks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from system.conftest import listener, phone, room, running_room, spoken, system, wav  # noqa: F401
from system.harness import Server, Webhook
from trunk_ports import PREFIXES, Trunks, configuration, quiet_port


@pytest.fixture(scope="session")
def running_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trunks]:
    folder = tmp_path_factory.mktemp("interop")
    ports: dict[str, int] = {}
    while len(set(ports.values())) < len(PREFIXES):
        ports = {name: quiet_port() for name in PREFIXES}
    webhook = Webhook()
    webhook.files["/short.wav"] = wav(0.3)
    try:
        # A busy machine may take its time to start the voice; what is late is not what these tests are about.
        with Server(folder, webhook, configuration(ports) + "[speech]\nfirst_audio = 30\n") as server:
            yield Trunks(server, webhook, "", Path(), ports)
    finally:
        webhook.close()
