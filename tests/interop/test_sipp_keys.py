"""SIPp presses keys: by RFC 4733, and in band; the app hears exactly those, in every call."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import sipp_process
from azure.communication.callautomation import DtmfTone, PhoneNumberIdentifier
from sdk_app import CollectingApp
from system.conftest import System
from test_sipp_callee import Callee, callee, check_success, dial, result  # noqa: F401
from trunk_ports import Trunks

from hookflash.plane.kernels.codec import encode_ulaw
from hookflash.softphone.audio import key_tone

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("sipp") is None, reason="needs SIPp: apt-get install sip-tester"),
]
CALLS = 20
RATE = 8000


def check(system: System, app: CollectingApp, keys: str) -> None:
    """Every call ended, and each heard exactly these keys, one by one and all together."""
    system.webhook.wait_count("CallDisconnected", CALLS)
    connections = {event["data"]["callConnectionId"] for event in system.webhook.events()}
    assert len(connections) == CALLS
    for connection in connections:
        assert app.heard(connection) == keys, system.webhook.names(connection)
        assert app.recognised(connection) == keys


@pytest.mark.parametrize("keys", ["1122334455", "67890*0986"])
def test_keys_by_rfc_4733(system: System, tmp_path: Path, keys: str) -> None:
    app = CollectingApp(system, len(keys))
    verdict = sipp_process.run(
        "caller_presses_keys",
        tmp_path,
        remote=f"127.0.0.1:{system.server.sip_port}",
        calls=CALLS,
        rate=10,
        keys={"keys": keys},
        options=("-d", "6000"),
    )
    assert (verdict.successful, verdict.failed) == (CALLS, 0), verdict.output
    check(system, app, keys)


def spoken(keys: str) -> bytes:
    """Mu-law of the keys, 80 ms each with 80 ms between them."""
    silence = np.zeros(RATE * 80 // 1000, np.int16)
    parts = [silence]
    for key in keys:
        parts += [key_tone(key, RATE * 80 // 1000), silence]
    samples = np.concatenate(parts)
    encoded = np.zeros(len(samples), np.uint8)
    encode_ulaw(samples, encoded)
    return encoded.tobytes()


@pytest.mark.parametrize("keys", ["1122334455", "67890*0986"])
def test_keys_in_band(system: System, tmp_path: Path, keys: str) -> None:
    (tmp_path / "keys.ulaw").write_bytes(spoken(keys))
    app = CollectingApp(system, len(keys))
    verdict = sipp_process.run(
        "caller_plays_keys",
        tmp_path,
        remote=f"127.0.0.1:{system.server.sip_port}",
        calls=CALLS,
        rate=10,
        options=("-d", "4000"),
    )
    assert (verdict.successful, verdict.failed) == (CALLS, 0), verdict.output
    check(system, app, keys)


def test_keys_by_info(system: System, tmp_path: Path) -> None:
    app = CollectingApp(system, 4)
    verdict = sipp_process.run(
        "caller_presses_keys_by_info",
        tmp_path,
        remote=f"127.0.0.1:{system.server.sip_port}",
        calls=CALLS,
        rate=10,
    )
    assert (verdict.successful, verdict.failed) == (CALLS, 0), verdict.output
    check(system, app, "127*")


def test_keys_to_a_trunk_that_wants_them_by_info(system: Trunks, callee: Callee) -> None:  # noqa: F811
    sipp = callee("info", "callee_takes_keys_by_info")
    call = dial(system, "info")
    result(system, "CallConnected")
    target = PhoneNumberIdentifier(system.number("info"))
    call.send_dtmf_tones([DtmfTone.FIVE, DtmfTone.POUND], target, operation_context="out")
    assert result(system, "SendDtmfTonesCompleted")["code"] == 200
    call.hang_up(is_for_everyone=False)
    result(system, "CallDisconnected")
    check_success(sipp)
