"""Identities of certificates in SIP, by RFC 5922."""

from __future__ import annotations

from typing import Any

import pytest

from hookflash.sip.certificates import identities, matching, mismatch


def certificate(*names: tuple[str, str], common_name: str = "cn.example") -> dict[str, Any]:
    return {"subject": ((("commonName", common_name),),), "subjectAltName": names}


def test_uris_dns_names_and_addresses_are_identities() -> None:
    shown = identities(
        certificate(
            ("URI", "sip:Example.ORG"),
            ("DNS", "proxy.example.org."),
            ("IP Address", "2001:DB8:0:0:0:0:0:1"),
            ("DNS", "PROXY.example.org"),
        )
    )
    assert shown == ("example.org", "proxy.example.org", "2001:db8::1")


@pytest.mark.parametrize(
    "name",
    [
        ("URI", "sip:alice@example.org"),
        ("URI", "sips:example.org"),
        ("URI", "https://example.org"),
        ("URI", "sip:exa mple"),
        ("email", "example.org"),
        ("IP Address", "<invalid>"),
    ],
)
def test_other_names_are_none_and_the_common_name_stands_in(name: tuple[str, str]) -> None:
    assert identities(certificate(name)) == ("cn.example",)


def test_the_common_name_counts_only_without_other_names() -> None:
    assert identities(certificate(("DNS", "a.example"))) == ("a.example",)
    assert identities({}) == ()


def test_names_are_compared_whole() -> None:
    assert matching(("example.org",), ("other.org", "EXAMPLE.org")) == "EXAMPLE.org"
    assert matching(("example.org",), ("sip.example.org",)) is None
    assert matching(("192.0.2.1",), ("192.0.2.1",)) == "192.0.2.1"
    assert matching((), ("example.org",)) is None


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ("a.example.org", True),
        ("A.Example.Org", True),
        ("example.org", False),
        ("a.b.example.org", False),
        (".example.org", False),
    ],
)
def test_a_wildcard_stands_for_one_label_where_it_is_let(wanted: str, fits: bool) -> None:
    shown = ("*.example.org",)
    assert matching(shown, (wanted,)) is None
    assert (matching(shown, (wanted,), wildcards=True) is not None) is fits


def test_a_wildcard_does_not_stand_for_a_whole_top_level_domain() -> None:
    assert matching(("*.org",), ("example.org",), wildcards=True) is None


def test_what_does_not_fit_is_told_without_controls() -> None:
    said = mismatch(("evil\n.example",), ("example.org",))
    assert "\n" not in said
    assert "example.org" in said
    assert "no name" in mismatch((), ("example.org",))
