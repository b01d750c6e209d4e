"""linphone and baresip registered as phones: each calls the other through the server, over UDP, TCP and TLS,
encrypted or not, with keys both ways and hold.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from linphone_phone import Linphone
from listening import babble, likeness, wav
from test_registered_phones import PHONES, Office, Phone, office, phone, said, system  # noqa: F401

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("baresip") is None, reason="needs baresip: apt-get install baresip-core"),
    pytest.mark.skipif(not shutil.which("linphonec"), reason="needs linphonec: apt-get install linphone-cli"),
]
ALIKE, UNLIKE = 0.7, 0.3
"""linphone takes what it says and hears through two rates, and stretches it to its own clock."""
Soft = Callable[..., Linphone]


def at(system: Office, transport: str) -> str:  # noqa: F811
    """Where it finds the server: its TLS takes a certificate for a name, not for an address."""
    return system.at(transport).replace("127.0.0.1", "localhost" if transport == "tls" else "127.0.0.1")


@pytest.fixture
def linphone(system: Office, tmp_path: Path) -> Iterator[Soft]:  # noqa: F811
    """Starts a linphone of a name and registers it; it says the babble of that name."""
    running: list[Linphone] = []

    def start(name: str, transport: str = "udp", **options: Any) -> Linphone:
        says = tmp_path / f"soft-{name}.wav"
        says.write_bytes(wav(babble(list(PHONES).index(name) + 1, 30)))
        one = Linphone(
            tmp_path / f"soft-{name}",
            number=name,
            says=says,
            transport=transport,
            trusted=system.ca if transport == "tls" else None,
            **options,
        )
        running.append(one)
        one.register(at(system, transport), f"{name}-secret")
        return one

    yield start
    for one in running:
        one.close()


@pytest.mark.parametrize("safe", [False, True])
@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_linphone_calls_baresip(
    system: Office,  # noqa: F811
    phone: Phone,  # noqa: F811
    linphone: Soft,
    transport: str,
    safe: bool,
) -> None:
    names = ("alice-safe", "bob-safe") if safe else ("alice", "bob")
    alice = linphone(names[0], transport, encryption="srtp" if safe else "")
    bob = phone(names[1], transport, encryption="srtp-mand" if safe else "")
    alice.dial(f"sip:{names[1]}@{at(system, transport)}")
    bob.wait("CALL_INCOMING")
    bob.command("accept")
    alice.wait("Call 1 with .* connected")
    bob.wait("CALL_ESTABLISHED")
    bob.listen(5)
    alice.press("12#")
    bob.press("5*")
    bob.wait("CALL_DTMF_START", param="#")
    alice.wait(r"Receiving tone \*")
    alice.command("terminate")
    bob.wait("CALL_CLOSED")
    alice.wait("Call 1 with .* ended")
    assert bob.digits == "12#"
    assert alice.digits == "5*"
    assert likeness(said(names[1]), alice.heard()) > ALIKE
    assert likeness(said(names[0]), bob.heard()) > ALIKE
    assert likeness(said(names[0]), alice.heard()) < UNLIKE, "the caller hears itself"


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_baresip_calls_linphone_which_holds(
    system: Office,  # noqa: F811
    phone: Phone,  # noqa: F811
    linphone: Soft,
    transport: str,
) -> None:
    bob, alice = linphone("bob", transport), phone("alice", transport)
    alice.command("dial", "bob")
    bob.wait("new incoming call from sip:alice@")
    bob.command("answer")
    alice.wait("CALL_ESTABLISHED")
    alice.listen(1)
    bob.command("pause")
    bob.wait("Call 1 with .* is now paused")
    alice.listen(2)
    bob.command("resume")
    bob.wait("Media streams established", times=2)
    # It says its file from the start again.
    alice.listen(5)
    alice.command("hangup")
    bob.wait("Call 1 with .* ended")
    assert likeness(said("bob"), alice.heard()) > ALIKE
