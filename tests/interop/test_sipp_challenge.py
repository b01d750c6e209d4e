"""A trunk that has to prove who it is before its calls are taken, where strangers are not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from scenario import Caller, sdp
from sipp_process import Sipp
from system.conftest import System
from system.harness import NUMBER, Server, Webhook

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("sipp") is None, reason="needs SIPp: apt-get install sip-tester"),
]
TRUNK = """
[[trunk]]
name = "proving"
targets = ["192.0.2.1:5060"]
username = "carrier"
password = "not-a-secret"
challenge = true
"""
"""It calls from elsewhere than where it is called."""


@pytest.fixture(scope="module")
def proving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("challenge")
    webhook = Webhook()
    server = Server(folder, webhook, TRUNK)
    # SIPp knows MD5 only; the stronger hashes are tested against the user agent of our own.
    strict = 'unknown_callers = false\nanswer_strangers = false\ndigest_algorithms = ["MD5"]\n'
    server.config.write_text(server.config.read_text().replace("[sip]\n", f"[sip]\n{strict}"))
    try:
        with server:
            yield System(server, webhook, "", Path())
    finally:
        webhook.close()


def caller(
    system: System, folder: Path, password: str, *more: str, transport: str = "u1", timeout: int = 20
) -> Sipp:
    where = f"127.0.0.1:{system.server.sip_port}"
    credentials = ("-au", "carrier", "-ap", password, "-auth_uri", f"{NUMBER}@{where}")
    return Sipp(
        "caller_proves_itself",
        folder,
        remote=where,
        transport=transport,
        timeout=timeout,
        options=(*credentials, *more),
    )


@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_who_has_the_password_may_call(proving: System, tmp_path: Path, transport: str) -> None:
    proving.webhook.forget()
    sipp = caller(proving, tmp_path, "not-a-secret", "-d", "200", transport=transport)
    incoming = proving.webhook.incoming.get(timeout=10)
    proving.client().answer_call(incoming["incomingCallContext"], f"{proving.webhook.url}/callbacks")
    verdict = sipp.finish()
    assert (verdict.successful, verdict.failed) == (1, 0), verdict.output
    assert "qop=auth" in sipp.messages()


def test_who_has_not_is_refused_again(proving: System, tmp_path: Path) -> None:
    proving.webhook.forget()
    phone = Caller()
    phone.invite()
    phone.receive(401, auth=True)
    phone.ack_failure()
    phone.request("INVITE", "[authentication username=carrier password=wrong]", body=sdp(), to_tag=False)
    phone.receive(401)
    phone.ack_failure()
    sipp = Sipp(phone, tmp_path, remote=f"127.0.0.1:{proving.server.sip_port}")
    verdict = sipp.finish()
    assert (verdict.successful, verdict.failed) == (1, 0), verdict.output
    assert "Authorization: Digest " in sipp.messages()
    assert proving.webhook.incoming.empty()


def test_others_hear_a_challenge_and_get_no_further(proving: System, tmp_path: Path) -> None:
    """The trunk may call from anywhere, so anybody who calls may be the trunk."""
    proving.webhook.forget()
    phone = Caller()
    phone.invite()
    phone.receive(401, WWW_Authenticate="algorithm=MD5")
    phone.ack_failure()
    sipp = Sipp(phone, tmp_path, remote=f"127.0.0.1:{proving.server.sip_port}")
    verdict = sipp.finish()
    assert (verdict.successful, verdict.failed) == (1, 0), verdict.output
    assert "SIP/2.0 1" not in sipp.received()
    assert proving.webhook.incoming.empty()
