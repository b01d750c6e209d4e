"""baresip registered as phones: they call each other through the server, over UDP, TCP and TLS, encrypted or
not; the phones of a user ring together when an app calls, and a phone calls the app.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from azure.communication.callautomation import CommunicationUserIdentifier
from baresip_phone import Baresip
from listening import babble, likeness, wav
from sip.certificate_files import Authority
from system.conftest import System
from system.harness import NUMBER, RESOURCE_ID, Server, Webhook

from hookflash.loopback import free_port

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("baresip") is None, reason="needs baresip: apt-get install baresip-core"),
]
ALICE, BOB = f"8:acs:{RESOURCE_ID}_alice", f"8:acs:{RESOURCE_ID}_bob"
PHONES = {"alice": ALICE, "bob": BOB, "bob-soft": BOB, "alice-safe": ALICE, "bob-safe": BOB}
"""Those called safe speak SRTP and nothing else."""
ALIKE, UNLIKE = 0.9, 0.3
Phone = Callable[..., Baresip]


@dataclass
class Office(System):
    """A server that phones register with."""

    authority: Authority
    tls_port: int

    def at(self, transport: str) -> str:
        """Where phones find it."""
        return f"127.0.0.1:{self.tls_port if transport == 'tls' else self.server.sip_port}"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    authority = Authority(folder / "certificates")
    cert, key = authority.sign("server", dns=("localhost",), addresses=("127.0.0.1",))
    tls_port = free_port()
    entries = [
        f'[[phone]]\nusername = "{name}"\npassword = "{name}-secret"\nuser = "{user}"\n'
        f'srtp = "{"required" if name.endswith("safe") else "optional"}"\n'
        for name, user in PHONES.items()
    ]
    webhook = Webhook()
    server = Server(folder, webhook, "\n".join(entries), unowned_numbers=False)
    more = {"tls_bind": f"127.0.0.1:{tls_port}", "tls_cert": str(cert), "tls_key": str(key)}
    lines = "".join(f'{name} = "{value}"\n' for name, value in more.items())
    # The libre of this baresip gives up when it is offered anything beside MD5.
    lines += 'unknown_callers = false\nanswer_strangers = false\ndigest_algorithms = ["MD5"]\n'
    server.config.write_text(server.config.read_text().replace("[sip]\n", f"[sip]\n{lines}"))
    try:
        with server:
            yield Office(server, webhook, "", authority.path, authority, tls_port)
    finally:
        webhook.close()


@pytest.fixture
def system(office: Office) -> Office:
    office.webhook.forget()
    return office


@pytest.fixture
def phone(system: Office, tmp_path: Path) -> Iterator[Phone]:
    """Starts a phone of a name and waits until it has registered; each says babble of its own."""
    running: list[Baresip] = []

    def start(name: str, transport: str = "udp", **options: Any) -> Baresip:
        seed = list(PHONES).index(name) + 1
        says = tmp_path / f"says{seed}.wav"
        says.write_bytes(wav(babble(seed, 30)))
        one = Baresip(
            tmp_path / name,
            says=says,
            number=name,
            registrar=system.at(transport),
            password=f"{name}-secret",
            transport=transport,
            more=[f"sip_cafile {system.ca}"] if transport == "tls" else [],
            **options,
        )
        running.append(one)
        one.wait_printed("200 OK (Hookflash)")
        return one

    yield start
    for one in running:
        one.close()


def said(name: str) -> Any:
    """Two seconds out of what a phone says, after it has surely been connected."""
    return babble(list(PHONES).index(name) + 1, 30)[2 * 8000 : 4 * 8000]


@pytest.mark.parametrize("safe", [False, True])
@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_two_phones_call_each_other_and_press_keys(
    system: Office, phone: Phone, transport: str, safe: bool
) -> None:
    names, encryption = ("alice-safe", "bob-safe") if safe else ("alice", "bob"), "srtp-mand" if safe else ""
    alice, bob = (phone(name, transport, encryption=encryption) for name in names)
    alice.command("dial", names[1])
    # The first phone of the user who calls: what is called back reaches all of them.
    bob.wait("CALL_INCOMING", peeruri="sip:alice@127.0.0.1")
    bob.command("accept")
    alice.wait("CALL_ESTABLISHED")
    bob.wait("CALL_ESTABLISHED")
    alice.listen(5)
    alice.press("12#")
    bob.press("5*")
    alice.wait("CALL_DTMF_START", param="*")
    bob.wait("CALL_DTMF_START", param="#")
    bob.command("hangup")
    alice.wait("CALL_CLOSED")
    assert bob.digits == "12#"
    assert alice.digits == "5*"
    assert likeness(said(names[1]), alice.heard()) > ALIKE
    assert likeness(said(names[0]), bob.heard()) > ALIKE
    assert likeness(said(names[0]), alice.heard()) < UNLIKE, "the caller hears itself"
    if safe:
        assert alice.suites
        assert bob.suites


def test_a_phone_holds_the_other(system: Office, phone: Phone) -> None:
    bob, alice = phone("bob"), phone("alice")
    alice.command("dial", "bob")
    bob.wait("CALL_INCOMING")
    bob.command("accept")
    alice.wait("CALL_ESTABLISHED")
    alice.listen(1)
    alice.command("hold")
    alice.listen(2)
    alice.command("resume")
    alice.listen(4)
    alice.command("hangup")
    bob.wait("CALL_CLOSED")
    late = babble(1, 30)[5 * 8000 : 6 * 8000]
    assert likeness(late, bob.heard()) > ALIKE
    assert likeness(babble(1, 30)[int(1.8 * 8000) : int(2.6 * 8000)], bob.heard()) < UNLIKE, (
        "heard while on hold"
    )


def test_the_phones_of_a_user_ring_together_when_an_app_calls(system: Office, phone: Phone) -> None:
    desk, soft = phone("bob"), phone("bob-soft", "tcp")
    call = system.client().create_call(CommunicationUserIdentifier(BOB), f"{system.webhook.url}/callbacks")
    desk.wait("CALL_INCOMING")
    soft.wait("CALL_INCOMING")
    soft.command("accept")
    soft.wait("CALL_ESTABLISHED")
    desk.wait("CALL_CLOSED")
    system.webhook.wait("CallConnected")
    connection = system.client().get_call_connection(call.call_connection_id)
    assert BOB in {one.identifier.raw_id for one in connection.list_participants()}
    soft.command("hangup")
    assert system.webhook.wait("CallDisconnected")["callConnectionId"] == call.call_connection_id


def test_a_phone_calls_the_app_by_its_number(system: Office, phone: Phone) -> None:
    alice = phone("alice", "tls")
    alice.command("dial", NUMBER)
    incoming = system.webhook.incoming.get(timeout=10)
    assert incoming["from"]["rawId"] == ALICE
    assert incoming["to"]["rawId"] == f"4:{NUMBER}"
    system.client().answer_call(incoming["incomingCallContext"], f"{system.webhook.url}/callbacks")
    alice.wait("CALL_ESTABLISHED")
    system.webhook.wait("CallConnected")
    alice.command("hangup")
    system.webhook.wait("CallDisconnected")


def test_an_app_redirects_a_call_to_a_user_to_another_phone(system: Office, phone: Phone) -> None:
    alice, bob = phone("alice"), phone("bob")
    alice.command("dial", NUMBER)
    incoming = system.webhook.incoming.get(timeout=10)
    system.client().redirect_call(incoming["incomingCallContext"], CommunicationUserIdentifier(BOB))
    bob.wait("CALL_INCOMING")
    bob.command("accept")
    alice.wait("CALL_ESTABLISHED")
    alice.command("hangup")
    bob.wait("CALL_CLOSED")


def test_nobody_dials_out_at_the_expense_of_the_house(system: Office, phone: Phone) -> None:
    alice = phone("alice")
    alice.command("dial", "+14255550199")
    closed = alice.wait("CALL_CLOSED")
    assert "404" in closed["param"] or "403" in closed["param"]


def test_a_wrong_password_does_not_register(system: Office, tmp_path: Path) -> None:
    says = tmp_path / "says.wav"
    says.write_bytes(wav(babble(1, 1)))
    guesser = Baresip(
        tmp_path / "guesser", says=says, number="bob", registrar=system.at("udp"), password="guessed"
    )
    try:
        guesser.wait_printed("403 Wrong credentials")
    finally:
        guesser.close()


def test_hangs_up_when_nobody_is_there(system: Office, phone: Phone) -> None:
    """Bob has an app that hears of the call, and no phone: what is told is that nobody answers."""
    alice = phone("alice")
    alice.command("dial", "bob")
    incoming = system.webhook.incoming.get(timeout=10)
    assert incoming["to"]["rawId"] == BOB
    system.client().reject_call(incoming["incomingCallContext"])
    alice.wait("CALL_CLOSED")
