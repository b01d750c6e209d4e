"""Keys in session descriptions (RFC 4568)."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sip.descriptions import remote

from hookflash.sip.crypto import MAX_LINES, SUITES, Crypto, lines, parse

KEY = bytes(range(30))
TEXT = base64.b64encode(KEY).decode()
SUITE = "AES_CM_128_HMAC_SHA1_80"


def test_a_line() -> None:
    """The example of RFC 4568 section 6.1."""
    one = parse("1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:32")
    assert one is None  # it names a master key identifier
    one = parse("1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20")
    assert one == Crypto(1, SUITE, base64.b64decode("d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"))


@pytest.mark.parametrize(
    "value",
    [
        f"1 {SUITE} inline:{TEXT}",
        f"1 {SUITE.lower()} INLINE:{TEXT}",
        f"1  {SUITE}\tinline:{TEXT}",
        f"1 {SUITE} inline:{TEXT}|2^31",
        f"1 {SUITE} inline:{TEXT}|2^48",
        f"1 {SUITE} inline:{TEXT}|281474976710656",
        f"1 {SUITE} inline:{TEXT}|2^20 WSH=128",
        f"1 {SUITE} inline:{TEXT} -XYZ=1 WSH=64",
    ],
)
def test_what_we_do(value: str) -> None:
    assert parse(value) == Crypto(1, SUITE, KEY)


def test_the_padding_may_be_left_out() -> None:
    assert parse(f"3 AEAD_AES_128_GCM inline:{'A' * 38}") == Crypto(3, "AEAD_AES_128_GCM", bytes(28))


@pytest.mark.parametrize(
    "value",
    [
        "",
        "1",
        f"x {SUITE} inline:{TEXT}",
        f"-1 {SUITE} inline:{TEXT}",
        f"1234567890 {SUITE} inline:{TEXT}",
        f"1 AES_CM_256_HMAC_SHA1_80 inline:{TEXT}",
        f"1 F8_128_HMAC_SHA1_80 inline:{TEXT}",
        f"1 AEAD_AES_128_GCM inline:{TEXT}",
        f"1 {SUITE} uri:{TEXT}",
        f"1 {SUITE} {TEXT}",
        f"1 {SUITE} inline:",
        f"1 {SUITE} inline:{TEXT[:-4]}",
        f"1 {SUITE} inline:{TEXT}AAAA",
        f"1 {SUITE} inline:{TEXT[:-1]}!",
        f"1 {SUITE} inline:{TEXT[:-1]}\u00e9",
        f"1 {SUITE} inline:{'A' * 36}====",
        f"1 {SUITE} inline:{TEXT}|1:4",
        f"1 {SUITE} inline:{TEXT}|2^20|1:4",
        f"1 {SUITE} inline:{TEXT}|2^20|",
        f"1 {SUITE} inline:{TEXT}|",
        f"1 {SUITE} inline:{TEXT}|2^19",
        f"1 {SUITE} inline:{TEXT}|2^49",
        f"1 {SUITE} inline:{TEXT}|2^99",
        f"1 {SUITE} inline:{TEXT}|1000",
        f"1 {SUITE} inline:{TEXT}|{'9' * 99}",
        f"1 {SUITE} inline:{TEXT};inline:{TEXT}",
        f"1 {SUITE} inline:{TEXT} KDR=1",
        f"1 {SUITE} inline:{TEXT} UNENCRYPTED_SRTP",
        f"1 {SUITE} inline:{TEXT} UNENCRYPTED_SRTCP",
        f"1 {SUITE} inline:{TEXT} UNAUTHENTICATED_SRTP",
        f"1 {SUITE} inline:{TEXT} FEC_ORDER=FEC_SRTP",
        f"1 {SUITE} inline:{TEXT} WSH=64 XYZ",
        f"1 {SUITE} inline:{TEXT} " + "-a " * 200,
        f"1 {SUITE} inline:{'A' * 10000}",
    ],
)
def test_what_is_passed_over(value: str) -> None:
    assert parse(value) is None


def test_of_lines_with_one_tag_the_first_counts() -> None:
    media = remote(
        "m=audio 4 RTP/SAVP 0",
        f"a=crypto:1 {SUITE} inline:{'A' * 40}",
        f"a=crypto:1 {SUITE} inline:{'B' * 40}",
        f"a=crypto:01 {SUITE} inline:{'C' * 40}",
        f"a=crypto:2 NONSENSE inline:{'D' * 40}",
        f"a=crypto:3 {SUITE} inline:{'E' * 40}",
        "a=crypto",
    ).media[0]
    assert [(one.tag, one.key[:1]) for one in lines(media)] == [(1, b"\0"), (3, b"\x10")]


def test_only_so_many_lines_are_looked_at() -> None:
    many = [f"a=crypto:{tag} {SUITE} inline:{TEXT}" for tag in range(1, 100)]
    assert len(lines(remote("m=audio 4 RTP/SAVP 0", *many).media[0])) == MAX_LINES


@given(st.integers(0, 10**9 - 1), st.sampled_from(sorted(SUITES)), st.data())
def test_what_is_written_is_read_again(tag: int, suite: str, data: st.DataObject) -> None:
    one = Crypto(tag, suite, data.draw(st.binary(min_size=SUITES[suite], max_size=SUITES[suite])))
    assert parse(str(one)) == one


WORDS = st.sampled_from(
    ["1", SUITE, "inline:", "AEAD_AES_128_GCM", TEXT, "|", "2^31", "1:4", ";", " ", "WSH=64", "-x", "\t", "="]
)


@given(st.lists(WORDS | st.text(max_size=3), max_size=40).map("".join))
def test_nothing_hostile_breaks_the_parser(value: str) -> None:
    one = parse(value)
    if one is not None:
        assert len(one.key) == SUITES[one.suite]
        assert parse(str(one)) == one


def test_the_key_is_not_shown() -> None:
    shown = repr(Crypto(1, SUITE, KEY))
    assert shown == f"Crypto(tag=1, suite='{SUITE}')"
