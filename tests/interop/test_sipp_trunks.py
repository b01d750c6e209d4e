"""Trunks that are looked after: registered with, asked whether they are there, and full."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.communication.callautomation import PhoneNumberIdentifier
from sipp_process import Sipp
from system.conftest import System
from system.harness import ACCESS_KEY, NUMBER, Server, Webhook
from trunk_ports import PASSWORD, USERNAME, quiet_port

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("sipp") is None, reason="needs SIPp: apt-get install sip-tester"),
]
PATIENCE = 20.0
ROUTE = """
[[route]]
pattern = "*"
trunk = "{trunk}"
priority = {priority}
"""


def trunk(name: str, port: int, *lines: str) -> str:
    return "\n".join(["[[trunk]]", f'name = "{name}"', f'targets = ["127.0.0.1:{port}"]', *lines, ""])


@contextmanager
def serving(folder: Path, extra: str) -> Iterator[System]:
    webhook = Webhook()
    try:
        with Server(folder, webhook, extra) as server:
            yield System(server, webhook, "", Path())
    finally:
        webhook.close()


def shown(system: System, name: str) -> dict[str, Any]:
    """A trunk as ``hookflash trunks`` sees it."""
    key = {"Authorization": f"Bearer {ACCESS_KEY}"}
    answer = requests.get(f"{system.server.url}/hookflash/trunks", headers=key, timeout=10).json()
    return next(one for one in answer["value"] if one["name"] == name)  # type: ignore[no-any-return]


def wait(system: System, name: str, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Wait until a trunk is as it should be."""
    deadline = time.monotonic() + PATIENCE
    while not condition(found := shown(system, name)):
        assert time.monotonic() < deadline, found
        threading.Event().wait(0.05)
    return found


# --- registration ---------------------------------------------------------------------------------------


def registrar(folder: Path, port: int, transport: str = "u1") -> Sipp:
    credentials = {"username": USERNAME, "password": PASSWORD}
    sipp = Sipp(
        "registrar_grants_seconds",
        folder,
        port=port,
        keys=credentials,
        transport=transport,
        timeout=60,
        # A server that has left closes its connection; that is no failure.
        options=("-reconnect_close", "false"),
    )
    sipp.wait_listening()
    return sipp


def registering(port: int, password: str, *lines: str) -> str:
    credentials = (f'username = "{USERNAME}"', f'password = "{password}"')
    return trunk("carrier", port, "register = true", "register_expires = 60", *credentials, *lines)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_registration_is_proved_refreshed_and_taken_back(tmp_path: Path, transport: str) -> None:
    port = quiet_port()
    sipp = registrar(tmp_path / "sipp", port, "t1" if transport == "tcp" else "u1")
    try:
        with serving(tmp_path, registering(port, PASSWORD, f'transport = "{transport}"')) as system:
            # One without credentials, one with, two refreshes.
            sipp.wait_message("CSeq: 4 REGISTER", PATIENCE)
            found = wait(system, "carrier", lambda one: one["registration"]["state"] == "registered")
            assert found["registration"]["registrar"] == f"127.0.0.1:{port}"
            assert 0 < found["registration"]["secondsLeft"] <= 2
        verdict = sipp.finish()
    finally:
        sipp.stop()
    assert (verdict.successful, verdict.failed) == (1, 0), verdict.output
    asked = sipp.received()
    assert asked.count("REGISTER sip:127.0.0.1 SIP/2.0") >= 5
    assert f"To: <sip:{USERNAME}@127.0.0.1>" in asked
    way = ";transport=tcp" if transport == "tcp" else ""
    assert f"@127.0.0.1:{system.server.sip_port}{way}>;expires=60" in asked
    assert "Expires: 0" in asked
    # A refresh proves itself at once: the challenge is the same one, used once more.
    assert sipp.messages().count("SIP/2.0 401") == 1
    assert "nc=00000002" in asked


def test_a_registration_that_is_refused_is_shown(tmp_path: Path) -> None:
    port = quiet_port()
    sipp = registrar(tmp_path / "sipp", port)
    try:
        with serving(tmp_path, registering(port, "wrong")) as system:
            found = wait(system, "carrier", lambda one: one["registration"]["state"] == "refused")
            assert "403" in found["registration"]["problem"]
            assert "registrar" not in found["registration"]
            assert "not registered" in system.server.log.read_text()
            assert "wrong" not in system.server.log.read_text()
    finally:
        sipp.stop()
    assert sipp.received().count("REGISTER sip:") == 2


# --- health ---------------------------------------------------------------------------------------------


def test_a_target_that_goes_is_passed_by_until_it_comes_back(tmp_path: Path) -> None:
    watched, spare = quiet_port(), quiet_port()
    extra = trunk("watched", watched, "health_interval = 0.5", "health_failures = 2") + trunk("spare", spare)
    extra += ROUTE.format(trunk="watched", priority=1) + ROUTE.format(trunk="spare", priority=2)
    running = [Sipp("target_is_there", tmp_path / "one", port=watched)]
    running[0].wait_listening()
    try:
        with serving(tmp_path, extra) as system:
            assert wait(system, "watched", lambda one: "since" in one["targets"][0])["up"]
            running[0].stop()
            gone = wait(system, "watched", lambda one: not one["up"])
            assert gone["targets"][0]["problem"]
            running.append(Sipp("callee_answers", tmp_path / "two", port=spare))
            running[1].wait_listening()
            client = system.client()
            call = client.create_call(
                PhoneNumberIdentifier("+12095550123"),
                f"{system.webhook.url}/callbacks",
                source_caller_id_number=PhoneNumberIdentifier(NUMBER),
            )
            system.webhook.wait("CallConnected")
            client.get_call_connection(call.call_connection_id).hang_up(is_for_everyone=True)
            verdict = running[1].finish()
            assert (verdict.successful, verdict.failed) == (1, 0), verdict.output
            running.append(Sipp("target_is_there", tmp_path / "three", port=watched))
            running[2].wait_listening()
            back = wait(system, "watched", lambda one: one["up"])
            assert not back["targets"][0].get("problem")
            log = system.server.log.read_text()
            assert log.count("target down") == log.count("target up again") == 1
            assert "next target" not in log  # nobody was called in vain
    finally:
        for one in running:
            one.stop()
    assert "INVITE" not in running[0].messages() + running[2].messages()


# --- limits ---------------------------------------------------------------------------------------------


def test_a_full_trunk_refuses_calls_both_ways_until_one_ends(tmp_path: Path) -> None:
    port = quiet_port()
    extra = trunk("small", port, "[trunk.limits]", "calls = 1") + ROUTE.format(trunk="small", priority=1)
    with serving(tmp_path, extra) as system:
        client, where = system.client(), f"127.0.0.1:{system.server.sip_port}"
        callbacks = f"{system.webhook.url}/callbacks"
        first = Sipp("callee_hangs_up", tmp_path / "first", remote=where)
        try:
            incoming = system.webhook.incoming.get(timeout=10)
            call = client.answer_call(incoming["incomingCallContext"], callbacks)
            system.webhook.wait("CallConnected")
            second = Sipp("caller_meets_a_full_trunk", tmp_path / "second", remote=where, calls=3)
            verdict = second.finish()
            assert (verdict.successful, verdict.failed) == (3, 0), verdict.output
            client.create_call(
                PhoneNumberIdentifier("+12095550123"),
                callbacks,
                source_caller_id_number=PhoneNumberIdentifier(NUMBER),
                operation_context="out",
            )
            failed = system.webhook.wait("CreateCallFailed", operationContext="out")
            assert failed["resultInformation"]["subCode"] == 8530, failed
            found = shown(system, "small")
            assert (found["calls"], found["limits"]["calls"], found["refused"]) == (1, 1.0, {"calls": 4})
            key = {"Authorization": f"Bearer {ACCESS_KEY}"}
            figures = requests.get(f"{system.server.url}/hookflash/metrics", headers=key, timeout=10).text
            for line in (
                'hookflash_trunk_calls{trunk="small"} 1',
                'hookflash_trunk_calls_refused_total{trunk="small",limit="calls"} 4',
                'hookflash_sip_refused_total{limit="transactions_per_source"} 0',
                'hookflash_sip_refused_total{limit="connections"} 0',
            ):
                assert line in figures.splitlines(), line
            command = [sys.executable, "-m", "hookflash", "trunks", "--config", str(system.server.config)]
            told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
            assert "1 of 1" in told, told
            assert "4 refused" in told, told
            client.get_call_connection(call.call_connection_id).hang_up(is_for_everyone=True)
            assert first.finish().successful == 1
        finally:
            first.stop()
        wait(system, "small", lambda one: one["calls"] == 0)
        third = Sipp("caller_hangs_up", tmp_path / "third", remote=where, options=("-d", "100"))
        incoming = system.webhook.incoming.get(timeout=10)
        client.answer_call(incoming["incomingCallContext"], callbacks)
        verdict = third.finish()
        assert (verdict.successful, verdict.failed) == (1, 0), verdict.output
