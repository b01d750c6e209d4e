"""The multimap of header fields."""

from __future__ import annotations

import pytest

from hookflash.sip.errors import ParseError
from hookflash.sip.fields import Headers, canonical_name


def sample() -> Headers:
    return Headers(
        [("v", "SIP/2.0/UDP a, SIP/2.0/UDP b"), ("Subject", "x, y"), ("VIA", "SIP/2.0/UDP c"), ("x-One", "1")]
    )


def test_names_ignore_case_and_expand_compact_forms() -> None:
    headers = sample()
    assert [name for name, _ in headers] == ["Via", "Subject", "Via", "x-One"]
    assert headers.get("via") == headers.get("V") == headers.get("ViA") == "SIP/2.0/UDP a, SIP/2.0/UDP b"
    assert headers.get("X-ONE") == "1"
    assert headers.get("X-Two") is None
    assert "s" in headers
    assert "To" not in headers
    assert len(headers) == 4


def test_lists_are_split_only_where_the_grammar_has_one() -> None:
    headers = sample()
    assert headers.all("Via") == ["SIP/2.0/UDP a", "SIP/2.0/UDP b", "SIP/2.0/UDP c"]
    assert headers.lines("Via") == ["SIP/2.0/UDP a, SIP/2.0/UDP b", "SIP/2.0/UDP c"]
    assert headers.all("Subject") == ["x, y"]
    for name, value in [
        ("Date", "Sat, 13 Nov 2010 23:29:00 GMT"),
        ("WWW-Authenticate", 'Digest realm="a", nonce="b"'),
        ("Authorization", 'Digest username="a", realm="b"'),
        ("X-List", "a, b"),
    ]:
        assert Headers([(name, value)]).all(name) == [value]


def test_a_malformed_list_names_its_header() -> None:
    with pytest.raises(ParseError) as caught:
        Headers([("k", 'a, "b')]).all("supported")
    assert caught.value.header == "Supported"


def test_tokens_are_compared_without_case() -> None:
    assert Headers([("Require", "100REL, timer"), ("Require", "x")]).tokens("require") == {
        "100rel",
        "timer",
        "x",
    }


def test_set_replaces_all_lines_in_the_place_of_the_first() -> None:
    headers = sample()
    headers.set("via", "only")
    assert list(headers) == [("Via", "only"), ("Subject", "x, y"), ("x-One", "1")]
    headers.set("To", "<sip:a@b>")
    assert list(headers)[-1] == ("To", "<sip:a@b>")


def test_adding_replacing_removing() -> None:
    headers = Headers()
    headers.add("route", "<sip:a;lr>")
    headers.add("Route", "<sip:b;lr>")
    assert headers.all("Route") == ["<sip:a;lr>", "<sip:b;lr>"]
    headers.replace_first("Route", "<sip:z;lr>")
    assert headers.lines("Route") == ["<sip:z;lr>", "<sip:b;lr>"]
    headers.remove("ROUTE")
    headers.remove("ROUTE")
    assert len(headers) == 0
    headers.replace_first("Route", "<sip:z;lr>")
    assert headers.lines("Route") == ["<sip:z;lr>"]


def test_copies_are_independent_and_equal() -> None:
    headers = sample()
    other = headers.copy()
    assert other == headers
    other.add("X-One", "2")
    assert other != headers
    assert headers != "headers"
    assert "x-One" in repr(headers)


@pytest.mark.parametrize("name", ["Authorization", "proxy-authorization"])
def test_credentials_are_not_shown(name: str) -> None:
    headers = Headers([(name, 'Digest username="u", response="c0ffee"'), ("Subject", "coffee")])
    assert "c0ffee" not in repr(headers)
    assert "coffee" in repr(headers)
    assert "c0ffee" in (headers.get(name) or "")


@pytest.mark.parametrize("value", ["a\r\nInjected: yes", "a\nb", "\x00", "a\x7fb"])
def test_a_value_cannot_break_out_of_its_line(value: str) -> None:
    headers = Headers()
    for write in (headers.add, headers.set, headers.replace_first):
        with pytest.raises(ValueError, match="control characters"):
            write("X-Custom", value)
    assert len(headers) == 0


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "ü"])
def test_a_name_is_a_token(name: str) -> None:
    with pytest.raises(ParseError, match="not a header name"):
        Headers().add(name, "x")


def test_canonical_names() -> None:
    assert canonical_name("CALL-ID") == canonical_name("i") == canonical_name("cALL-iD ") == "Call-ID"
    assert canonical_name("X-other") == "X-other"


def test_lines_are_appended_together_or_not_at_all() -> None:
    headers = Headers([("Via", "SIP/2.0/UDP a")])
    assert headers.get("Server") is None
    headers.extend([("m", "<sip:a@b>"), ("Server", "us"), ("server", "more")])
    assert list(headers) == [
        ("Via", "SIP/2.0/UDP a"),
        ("Contact", "<sip:a@b>"),
        ("Server", "us"),
        ("Server", "more"),
    ]
    assert headers.get("Server") == "us"
    with pytest.raises(ValueError, match="control characters"):
        headers.extend([("Allow", "BYE"), ("Warning", "a\r\nb")])
    assert len(headers) == 4
