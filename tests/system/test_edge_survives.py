"""The HTTP edge of a real process: answers after ``kill -9``, keys rotated by SIGHUP, tokens of an issuer."""

from __future__ import annotations

import base64
import http.server
import json
import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from api.issuing import Issuer
from azure.communication.callautomation import CallAutomationClient, PhoneNumberIdentifier
from azure.communication.identity import CommunicationIdentityClient, CommunicationTokenScope
from azure.communication.phonenumbers import PhoneNumbersClient
from azure.core.credentials import AccessToken, AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError, ResourceNotFoundError
from system import certificates
from system.harness import ACCESS_KEY, NUMBER, RESOURCE_ID, Server, Webhook

from hookflash.loopback import free_port
from hookflash.wire.hmac import decode_key, sign
from hookflash.wire.timestamps import imf_fixdate

NEW_KEY = base64.b64encode(b"the key that takes over from the old one, later").decode()
TOKEN = "a-static-token-for-development"


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    receiver = Webhook()
    yield receiver
    receiver.close()


def signed(
    server: Server, method: str, path: str, body: bytes = b"", key: str = ACCESS_KEY, **more: str
) -> requests.Response:
    """One raw signed request."""
    target = f"{path}?api-version=2026-03-12"
    host = server.url.removeprefix("http://")
    headers = sign(method, target, host, body, decode_key(key), time.time())
    if body:
        headers["Content-Type"] = "application/json"
    return requests.request(method, server.url + target, data=body, headers={**headers, **more}, timeout=30)


def test_a_repeated_request_is_answered_the_same_after_kill_nine(tmp_path: Path, webhook: Webhook) -> None:
    server = Server(tmp_path, webhook)
    try:
        server.start()
        create = json.dumps(
            {
                "targets": [{"rawId": f"8:acs:{RESOURCE_ID}_{uuid.uuid4()}"}],
                "callbackUri": f"{webhook.url}/callbacks",
                "operationContext": "once",
            }
        ).encode()
        repeat = {
            "Repeatability-Request-ID": str(uuid.uuid4()),
            "Repeatability-First-Sent": imf_fixdate(time.time()),
        }
        bad = {**repeat, "Repeatability-Request-ID": str(uuid.uuid4())}
        first = signed(server, "POST", "/calling/callConnections", create, **repeat)
        refused = signed(server, "POST", "/calling/callConnections", b"{}", **bad)
        server.kill()
        assert (first.status_code, refused.status_code) == (201, 400)
        connection = first.json()["callConnectionId"]
        chain = first.headers["X-Microsoft-Skype-Chain-ID"]
        assert chain == first.json()["correlationId"]

        server.start()
        again = signed(server, "POST", "/calling/callConnections", create, **repeat)
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers["X-Microsoft-Skype-Chain-ID"] == chain
        assert again.headers["Repeatability-Result"] == "accepted"
        assert again.headers["X-Azure-Ref"] != first.headers["X-Azure-Ref"]
        still = signed(server, "POST", "/calling/callConnections", b"{}", **bad)
        assert (still.status_code, still.content) == (refused.status_code, refused.content)
        # It was not run again: the call it made is over, and there is no other.
        counts = requests.get(f"{server.url}/hookflash/counts", timeout=10).json()
        assert counts["calls"] == 0
        # What is asked about the call that ended with the old process still has its correlation id.
        gone = signed(server, "GET", f"/calling/callConnections/{connection}")
        assert gone.status_code == 404
        assert gone.headers["X-Microsoft-Skype-Chain-ID"] == chain
    finally:
        server.stop()


def test_keys_tokens_and_numbers_are_changed_by_sighup_while_it_runs(
    tmp_path: Path, webhook: Webhook
) -> None:
    server = Server(tmp_path, webhook)
    text = server.config.read_text()
    keys = f'access_keys = ["{ACCESS_KEY}"]'

    def become(changed: str) -> None:
        """Write the configuration, signal, and wait until the log tells that it was read."""
        before = server.log.read_text().count("reloaded")
        server.config.write_text(changed)
        assert server.process is not None
        os.kill(server.process.pid, signal.SIGHUP)
        deadline = time.monotonic() + 30
        while server.log.read_text().count("reloaded") == before:
            assert time.monotonic() < deadline, server.log.read_text()[-2000:]
            threading.Event().wait(0.02)

    def status(key: str) -> int:
        return signed(server, "GET", "/calling/callConnections/nobody", key=key).status_code

    def subscribed() -> set[str]:
        listed = requests.get(f"{server.url}/hookflash/subscriptions", timeout=10).json()["value"]
        return {one.get("name") or one["subscription"]["name"] for one in listed}

    try:
        server.start()
        assert (status(ACCESS_KEY), status(NEW_KEY)) == (404, 401)
        both = f'access_keys = ["{NEW_KEY}", "{ACCESS_KEY}"]\ntokens = ["{TOKEN}"]'
        number = '\n[[number]]\ne164 = "+4930123456"\nresource = "tests"\n'
        listener = f'[[subscription]]\nname = "more"\nresource = "tests"\nendpoint = "{webhook.url}/more"\n'
        become(text.replace(keys, both) + number + listener)
        assert subscribed() == {"app", "more"}
        assert (status(ACCESS_KEY), status(NEW_KEY)) == (404, 404)
        numbers = PhoneNumbersClient(server.url, AzureKeyCredential(NEW_KEY)).list_purchased_phone_numbers()
        assert [one.phone_number for one in numbers] == [NUMBER, "+4930123456"]
        with_token = requests.get(
            f"{server.url}/phoneNumbers?api-version=2025-06-01",
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=10,
        )
        assert with_token.status_code == 200
        used = requests.get(f"{server.url}/hookflash/credentials", timeout=10).json()["value"]
        assert [(one["name"], one.get("uses", 0) > 0) for one in used] == [
            ("primary", True),
            ("secondary", True),
            ("token 1", True),
        ]
        # A mistake changes nothing.
        become(text.replace(keys, "access_keys = []"))
        assert (status(ACCESS_KEY), status(NEW_KEY)) == (404, 404)
        assert "not reloaded" in server.log.read_text()
        become(
            text.replace(keys, f'access_keys = ["{NEW_KEY}"]').replace(
                "[sip]", 'public_url = "http://x"\n[sip]'
            )
        )
        assert (status(ACCESS_KEY), status(NEW_KEY)) == (401, 404)
        assert "only after a restart: server" in server.log.read_text()
        assert subscribed() == {"app"}
    finally:
        server.stop()


class Website:
    """Serves the documents of an issuer over HTTP."""

    def __init__(self, documents: dict[str, Any]) -> None:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                document = documents.get(self.path)
                body = json.dumps(document).encode()
                self.send_response(200 if document is not None else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Credential:
    """A credential as azure-identity makes them."""

    def __init__(self, issuer: Issuer, **claims: Any) -> None:
        self.issuer = issuer
        self.claims = claims
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.scopes += scopes
        now = int(time.time())
        return AccessToken(self.issuer.token(now, **self.claims), now + 3600)


def test_the_sdks_come_in_with_tokens_of_an_issuer_over_tls(tmp_path: Path, webhook: Webhook) -> None:
    documents: dict[str, Any] = {}
    website = Website(documents)
    issuer = Issuer(website.url, f"{website.url}/.well-known/openid-configuration", f"{website.url}/keys")
    for url, document in issuer.documents.items():
        documents[url.removeprefix(website.url)] = document
    ca, certificate, key = certificates.make(tmp_path)
    port = free_port()
    extra = f'[[issuer]]\nissuer = "{website.url}"\nresource = "tests"\ntenants = ["t-1"]\napps = ["app-1"]\n'
    tls = {"tls_bind": f"127.0.0.1:{port}", "tls_cert": str(certificate), "tls_key": str(key)}
    server = Server(tmp_path, webhook, extra, **tls)
    endpoint = f"https://127.0.0.1:{port}"
    try:
        server.start()
        credential = Credential(issuer)
        calls = CallAutomationClient(endpoint, credential, connection_verify=str(ca))
        with pytest.raises(ResourceNotFoundError, match="Call not found"):
            calls.get_call_connection("2c006980-8ef1-46c2-84fa-357fefac0893").get_call_properties()
        assert credential.scopes == ["https://communication.azure.com//.default"]
        users = CommunicationIdentityClient(endpoint, Credential(issuer), connection_verify=str(ca))
        user, token = users.create_user_and_token([CommunicationTokenScope.VOIP])
        assert user.raw_id.startswith(f"8:acs:{RESOURCE_ID}_")
        assert token.token.count(".") == 2
        teams = issuer.token(
            int(time.time()), aud="https://auth.msft.communication.azure.com", oid="user-1", azp="app-1"
        )
        exchanged = users.get_token_for_teams_user(teams, "app-1", "user-1")
        assert exchanged.token.count(".") == 2
        numbers = PhoneNumbersClient(endpoint, Credential(issuer), connection_verify=str(ca))
        assert [one.phone_number for one in numbers.list_purchased_phone_numbers()] == [NUMBER]
        for claims, says in (
            ({"azp": "app-9"}, "application"),
            ({"tid": "t-9"}, "tenant"),
            ({"aud": "https://graph.example.org"}, "audience"),
            ({"exp": 1_600_000_000}, "expired"),
        ):
            stranger = CallAutomationClient(endpoint, Credential(issuer, **claims), connection_verify=str(ca))
            with pytest.raises(ClientAuthenticationError, match=says) as caught:
                stranger.create_call(PhoneNumberIdentifier("+14255550123"), f"{webhook.url}/callbacks")
            assert caught.value.response is not None
            assert caught.value.response.headers["WWW-Authenticate"].startswith("Bearer")
    finally:
        server.stop()
        website.close()
