from __future__ import annotations

import re

from hookflash.wire.connection_string import format_connection_string

KEY = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0Cg=="


def test_the_sdks_read_it() -> None:
    from azure.communication.callautomation._shared.utils import parse_connection_str

    text = format_connection_string("https://calls.example.org:8443", KEY)
    assert text == format_connection_string("https://calls.example.org:8443/", KEY)
    assert parse_connection_str(text) == ("calls.example.org:8443", KEY)
    # The JS SDK's expression, where the order matters.
    matched = re.match(r"endpoint=(.*);accesskey=(.*)", text, re.IGNORECASE)
    assert matched is not None
    assert matched.groups() == ("https://calls.example.org:8443/", KEY)
