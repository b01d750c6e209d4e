"""Routing with SIPp at the ends: failover, redirects, rewriting, caller id, routes of apps, tolls."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from azure.communication.callautomation import PhoneNumberIdentifier
from azure.communication.phonenumbers.siprouting import SipRoutingClient
from azure.communication.phonenumbers.siprouting import SipTrunk as AppTrunk
from azure.communication.phonenumbers.siprouting import SipTrunkRoute as AppRoute
from azure.core.credentials import AzureKeyCredential
from sipp_process import Sipp
from system.conftest import System
from system.harness import ACCESS_KEY, NUMBER, Server, Webhook
from test_sipp_caller import answer_all
from trunk_ports import quiet_port

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("sipp") is None, reason="needs SIPp: apt-get install sip-tester"),
]
PORTS = ("first", "second", "third", "app")
TARGETS = """
[[trunk]]
name = "carrier"
targets = ["127.0.0.1:{first}", "127.0.0.1:{second}"]
caller = "030100"
callers = ["owned"]
caller_rewrite = ['+1* -> 001\\1']
domain = "pbx.example.org"
identity = "asserted"
inbound_rewrite = ['0800* -> +1800\\1']

[[trunk]]
name = "national"
targets = ["127.0.0.1:{second}"]
dial_rewrite = ['+49* -> 0\\1']

[[route]]
pattern = "+49*"
trunk = "carrier"

[[route]]
pattern = "+4989*"
trunk = "national"
priority = 1

[tolls]
denied = ["+49190*"]
"""


@dataclass
class Routed(System):
    """A server with several ways out, and where they lead."""

    ports: dict[str, int]

    def dial(self, number: str) -> None:  # type: ignore[override]
        """Call a number as the app, from the number of its own."""
        self.client().create_call(
            PhoneNumberIdentifier(number),
            f"{self.webhook.url}/callbacks",
            source_caller_id_number=PhoneNumberIdentifier(NUMBER),
            operation_context="out",
        )

    def hang_up(self) -> None:
        connected = self.webhook.wait("CallConnected", operationContext="out")
        call = self.client().get_call_connection(connected["callConnectionId"])
        call.hang_up(is_for_everyone=True)
        self.webhook.wait("CallDisconnected")


@pytest.fixture(scope="module")
def running_routed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Routed]:
    ports = dict(zip(PORTS, {quiet_port() for _ in range(40)}, strict=False))
    webhook = Webhook()
    try:
        with Server(tmp_path_factory.mktemp("routed"), webhook, TARGETS.format(**ports)) as server:
            yield Routed(server, webhook, "", Path(), ports)
    finally:
        webhook.close()


@pytest.fixture
def routed(running_routed: Routed) -> Routed:
    running_routed.webhook.forget()
    return running_routed


Place = Callable[..., Sipp]


@pytest.fixture
def place(routed: Routed, tmp_path: Path) -> Iterator[Place]:
    """Starts SIPp at one of the ports."""
    started: list[Sipp] = []

    def start(port: str, scenario: str, **options: object) -> Sipp:
        sipp = Sipp(scenario, tmp_path / port, port=routed.ports[port], **options)  # type: ignore[arg-type]
        started.append(sipp)
        sipp.wait_listening()
        return sipp

    yield start
    for sipp in started:
        sipp.stop()


def succeeded(sipp: Sipp) -> str:
    """What it received, once it has ended well."""
    verdict = sipp.finish()
    assert (verdict.successful, verdict.failed) == (1, 0), verdict.output
    return sipp.received()


def test_the_next_target_takes_the_call_after_503(routed: Routed, place: Place) -> None:
    first, second = place("first", "callee_unavailable"), place("second", "callee_answers")
    routed.dial("+4930123456")
    routed.hang_up()
    succeeded(first)
    assert f"INVITE sip:+4930123456@127.0.0.1:{routed.ports['second']} SIP/2.0" in succeeded(second)


def test_a_redirect_is_followed_within_the_trunk(routed: Routed, place: Place) -> None:
    third = place("third", "callee_answers")
    first = place("first", "callee_redirects", keys={"next": str(routed.ports["third"])})
    routed.dial("+4930123456")
    routed.hang_up()
    succeeded(first)
    received = succeeded(third)
    assert f"INVITE sip:+4930123456@127.0.0.1:{routed.ports['third']};user=phone SIP/2.0" in received
    assert "To: <sip:+4930123456@127.0.0.1>" in received


def test_a_trunk_sees_numbers_as_it_writes_them(routed: Routed, place: Place) -> None:
    first = place("first", "callee_answers")
    routed.dial("+4930123456")
    routed.hang_up()
    received = succeeded(first)
    assert re.search(r"^From: .*<sip:0018005550100@pbx\.example\.org>;tag=", received, re.MULTILINE)
    assert "P-Asserted-Identity: <sip:0018005550100@pbx.example.org>" in received


def test_what_is_dialled_is_written_nationally(routed: Routed, place: Place) -> None:
    second = place("second", "callee_answers")
    routed.dial("+4989123456")
    routed.hang_up()
    assert f"INVITE sip:089123456@127.0.0.1:{routed.ports['second']} SIP/2.0" in succeeded(second)


def test_a_number_without_its_country_reaches_its_owner(routed: Routed, tmp_path: Path) -> None:
    answer_all(routed)
    remote = f"127.0.0.1:{routed.server.sip_port}"
    succeeded(Sipp("caller_says_who_it_is", tmp_path, remote=remote, user="08005550100"))
    incoming = routed.webhook.incoming.get(timeout=10)
    assert incoming["to"]["phoneNumber"]["value"] == NUMBER
    routed.webhook.wait("CallDisconnected")
    routed.webhook.on_incoming = None


def test_routes_that_an_app_sets_hold_for_its_next_call(routed: Routed, place: Place) -> None:
    routes = SipRoutingClient(routed.server.url, AzureKeyCredential(ACCESS_KEY))
    routes.set_trunk(AppTrunk(fqdn="localhost", sip_signaling_port=routed.ports["app"]))
    routes.set_routes([AppRoute(name="new", number_pattern=r"^\+49", trunks=["localhost"])])
    app = place("app", "callee_answers")
    routed.dial("+4930123456")
    routed.hang_up()
    assert f"INVITE sip:+4930123456@localhost:{routed.ports['app']} SIP/2.0" in succeeded(app)
    routes.set_routes([])
    routes.delete_trunk("localhost")
    first = place("first", "callee_answers")
    routed.dial("+4930123456")
    routed.webhook.wait_for(lambda name, data: routed.webhook.names().count("CallConnected") == 2)
    for connected in routed.webhook.events():
        if connected["type"].endswith("CallConnected"):
            last = connected["data"]["callConnectionId"]
    routed.client().get_call_connection(last).hang_up(is_for_everyone=True)
    succeeded(first)


def test_a_number_that_is_denied_is_not_called_and_what_was_spent_is_shown(
    routed: Routed, place: Place
) -> None:
    first = place("first", "callee_answers")
    routed.dial("+4930123456")
    routed.hang_up()
    succeeded(first)
    routed.webhook.forget()
    routed.dial("+49190123456")
    failed = routed.webhook.wait("CreateCallFailed", operationContext="out")["resultInformation"]
    assert (failed["code"], failed["subCode"]) == (403, 510403)
    assert "tolls.denied" in failed["message"]
    headers = {"Authorization": f"Bearer {ACCESS_KEY}"}
    answer = requests.get(f"{routed.server.url}/hookflash/spending", headers=headers, timeout=10).json()
    (number,) = [one for one in answer["value"] if one["kind"] == "number"]
    assert (number["number"], number["running"]) == (NUMBER, 0)
    assert number["spent"] > 0
    metrics = requests.get(f"{routed.server.url}/hookflash/metrics", headers=headers, timeout=10).text
    assert 'hookflash_calls_not_allowed_total{why="prefix"} 1' in metrics
