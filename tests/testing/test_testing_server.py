"""A whole server inside a test, and the client of its phones."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from hookflash.config import Address, NumberSettings, Settings, SipSettings
from hookflash.testing.phones import Phone, PhoneError, VirtualPhones
from hookflash.testing.server import Server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


def test_it_says_how_to_reach_it(server: Server) -> None:
    assert server.connection_string == f"endpoint={server.url}/;accesskey={server.access_key}"
    assert server.url.startswith("http://127.0.0.1:")
    assert server.sip_address[1] > 0
    assert server.number == "+18005550100"


def test_two_servers_run_side_by_side(server: Server) -> None:
    with Server(numbers=()) as other:
        assert other.url != server.url
        other.phones.add("ada", "+14255550100")
        with pytest.raises(PhoneError):
            Phone(server.phones, "ada").show()


def test_settings_may_be_adjusted_and_phones_may_ask_for_a_key() -> None:
    def adjust(settings: Settings) -> Settings:
        server = replace(settings.server, open_own_surface=False)
        return replace(settings, server=server, number=(*settings.number, other))

    other = NumberSettings(e164="+18005550199", resource="devresource")
    with Server(adjust=adjust) as server:
        server.phones.add("ada", "+14255550100")
        with pytest.raises(PhoneError, match="401/7501"):
            VirtualPhones(server.url).clear()


def test_what_keeps_it_from_starting_is_raised() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bind = Address("127.0.0.1", taken.getsockname()[1])
        with (
            pytest.raises(Exception, match="cannot listen"),
            Server(adjust=lambda settings: replace(settings, sip=SipSettings(bind=bind))),
        ):
            raise AssertionError("it started")


def test_a_phone_from_beginning_to_end(server: Server) -> None:
    phone = server.phones.add("a.b-c_1", "+14255550100", "Ada", onCall="ring")
    assert phone.show() == {
        "id": "a.b-c_1",
        "identity": "+14255550100",
        "displayName": "Ada",
        "calls": [],
    }
    made = phone.call("+18005550100", displayName="A")
    assert (made["id"], made["displayName"]) == (1, "A")
    assert phone.wait(1)["id"] == 1
    assert phone.hang_up(1)["state"] == "ended"
    for act in (phone.answer, phone.reject, phone.hang_up):
        with pytest.raises(PhoneError) as refused:
            act()
        assert (refused.value.status, refused.value.code) == (409, "Conflict")
    with pytest.raises(PhoneError, match="409"):
        phone.press("1")
    with pytest.raises(PhoneError, match="408"):
        phone.wait(2, timeout=0.05, state="up")
    phone.remove()
    with pytest.raises(PhoneError, match="404"):
        phone.show()
