from __future__ import annotations

import re

import pytest

from hookflash.wire.connection_string import format_connection_string, parse_connection_string

KEY = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0Cg=="


@pytest.mark.parametrize(
    "endpoint", ["https://calls.example.org", "http://127.0.0.1:8080", "https://x.org:8443"]
)
def test_round_trip(endpoint: str) -> None:
    text = format_connection_string(endpoint + "/", KEY)
    parsed = parse_connection_string(text)
    assert (parsed.endpoint, parsed.access_key) == (endpoint, KEY)
    assert str(parsed) == text
    assert parsed.host == endpoint.partition("//")[2]
    assert parsed.secret.startswith(b"secret")
    assert KEY not in repr(parsed)


@pytest.mark.parametrize(
    "text",
    [
        f"endpoint=https://h/;accesskey={KEY}",
        f"Endpoint=https://h;AccessKey={KEY}",
        f" accesskey={KEY};ENDPOINT=https://h// ;",
    ],
)
def test_names_in_any_case_and_order(text: str) -> None:
    parsed = parse_connection_string(text)
    assert (parsed.endpoint, parsed.access_key) == ("https://h", KEY)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "lacks endpoint"),
        (f"accesskey={KEY}", "lacks endpoint"),
        ("endpoint=https://h/", "lacks accesskey"),
        (f"endpoint=h;accesskey={KEY}", "not an http or https URL"),
        ("endpoint=https://h;accesskey=!!!", "not base64"),
    ],
)
def test_what_is_wrong_is_said(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_connection_string(text)


def test_the_sdks_read_it() -> None:
    from azure.communication.callautomation._shared.utils import parse_connection_str

    text = format_connection_string("https://calls.example.org:8443", KEY)
    assert parse_connection_str(text) == ("calls.example.org:8443", KEY)
    # The JS SDK's expression, where the order matters.
    matched = re.match(r"endpoint=(.*);accesskey=(.*)", text, re.IGNORECASE)
    assert matched is not None
    assert matched.groups() == ("https://calls.example.org:8443/", KEY)
