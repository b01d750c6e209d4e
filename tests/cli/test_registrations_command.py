"""``hookflash registrations`` against a server that answers as told."""

from __future__ import annotations

from cli.test_cli_media import Stub, invoke, stub  # noqa: F401

HELD = {
    "phone": "bob",
    "user": "8:acs:a_bob",
    "contact": "sip:bob@192.0.2.7",
    "address": "192.0.2.7:5062",
    "transport": "TLS",
    "quality": 1.0,
    "since": 3.0,
    "secondsLeft": 297.4,
    "agent": "desk \x1b[31mphone",
}
REFUSED = {
    "phone": "carol",
    "address": "192.0.2.9",
    "status": 401,
    "problem": "the password is wrong",
    "since": 12.2,
    "times": 7,
}


def test_pages_are_followed_and_refusals_shown(stub: Stub) -> None:  # noqa: F811
    first = {"value": [HELD], "refused": [REFUSED], "next": "bob b"}
    stub.answers["GET", "/hookflash/registrations?top=1000"] = (200, first)
    last = {"value": [{**HELD, "phone": "zoe"}]}
    stub.answers["GET", "/hookflash/registrations?top=1000&after=bob%20b"] = (200, last)
    result = invoke("registrations", "--url", stub.url)
    assert result.exit_code == 0, result.output
    for part in ("bob", "zoe", "TLS", "297 s", "carol", "192.0.2.9", "7", "12 s", "wrong"):
        assert part in result.stdout, part
    assert "\x1b[31mphone" not in result.stdout


def test_nobody_is_there(stub: Stub) -> None:  # noqa: F811
    stub.answers["GET", "/hookflash/registrations?top=1000"] = (200, {"value": []})
    assert invoke("registrations", "--url", stub.url).stdout == "no phone is registered\n"


def test_a_server_that_cannot_be_asked(stub: Stub) -> None:  # noqa: F811
    stub.answers["GET", "/hookflash/registrations?top=1000"] = (401, {"error": {"message": "no key"}})
    assert invoke("registrations", "--url", stub.url).exit_code == 1
