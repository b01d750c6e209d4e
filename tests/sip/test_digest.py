"""Digest: published vectors, both sides against each other, and everything that can be wrong."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.sip import digest
from hookflash.sip.digest import (
    Challenge,
    DigestClient,
    DigestServer,
    Verdict,
    Verified,
    parse_pairs,
    strongest,
)
from hookflash.sip.errors import ParseError

SECRET = b"0123456789abcdef"
TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=12)


def rfc7616(algorithm: str) -> Challenge:
    return Challenge(
        "http-auth@example.org",
        "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        algorithm,
        ("auth", "auth-int"),
        "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
    )


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_vectors_of_rfc_7616(algorithm: str, expected: str) -> None:
    """Section 3.9.1."""
    value = digest.answer(
        rfc7616(algorithm),
        "GET",
        "/dir/index.html",
        "Mufasa",
        "Circle of Life",
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )
    pairs = parse_pairs(value)
    assert pairs["response"] == expected
    assert (pairs["qop"], pairs["nc"], pairs["algorithm"]) == ("auth", "00000001", algorithm)
    assert pairs["opaque"] == "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"


def test_the_vector_of_rfc_2617() -> None:
    """Section 3.5."""
    assert (
        digest.response_hash(
            "MD5",
            "Mufasa",
            "testrealm@host.com",
            "Circle Of Life",
            "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            "GET",
            "/dir/index.html",
            qop="auth",
            nc="00000001",
            cnonce="0a4f113b",
        )
        == "6629fae49393a05397450978507c4ef1"
    )


def test_without_qop_the_older_formula_is_used() -> None:
    """RFC 2069, as corrected by its erratum."""
    challenge = Challenge("testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093")
    value = digest.answer(challenge, "GET", "/dir/index.html", "Mufasa", "CircleOfLife", cnonce="x")
    pairs = parse_pairs(value)
    assert pairs["response"] == "1949323746fe6a43ef61f9606e7febea"
    assert not pairs.keys() & {"qop", "nc", "cnonce"}


def client(password: str = "secret") -> DigestClient:
    counter = itertools.count()
    return DigestClient("alice", password, lambda n: next(counter).to_bytes(n, "big"))


def lookup(username: str) -> str | None:
    return {"alice": "secret"}.get(username)


def verify(
    server: DigestServer, value: str, now: float, method: str = "BYE", uri: str = "sip:b@h"
) -> Verified:
    return server.verify([value], method, uri, now, lookup)


@pytest.mark.parametrize(
    "algorithm", ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess", "SHA-512-256", "SHA-512-256-sess"]
)
def test_both_sides_agree(algorithm: str) -> None:
    server = DigestServer("example.com", SECRET, algorithms=[algorithm])
    challenge = strongest(server.challenges(10.0))
    assert challenge is not None
    assert challenge.algorithm == algorithm
    own = client()
    for use in range(3):
        value = own.answer(challenge, "BYE", "sip:b@h")
        assert f"nc={use + 1:08x}" in value
        assert verify(server, value, 11.0) == Verified(Verdict.OK, "alice")


@given(TEXT, TEXT, TEXT, st.sampled_from(["MD5", "SHA-256"]))
def test_any_name_password_and_realm_work(username: str, password: str, realm: str, algorithm: str) -> None:
    server = DigestServer(realm, SECRET, algorithms=[algorithm])
    challenge = strongest(server.challenges(0.0))
    assert challenge is not None
    own = DigestClient(username, password, bytes)
    value = own.answer(challenge, "INVITE", "sip:b@h")
    found = server.verify([value], "INVITE", "sip:b@h", 0.0, {username: password}.get)
    assert found == Verified(Verdict.OK, username)


def test_the_strongest_supported_challenge_is_answered() -> None:
    values = [
        'Basic realm="x"',
        'Digest realm="first", nonce="n", algorithm=MD5, qop="auth"',
        'Digest realm="new", nonce="n", algorithm=SHA-999',
        'Digest realm="int", nonce="n", algorithm=SHA-256, qop="auth-int"',
        'Digest realm="best", nonce="n", algorithm=sha-256, qop="auth-int, auth"',
        'Digest realm="second", nonce="n", algorithm=SHA-256',
        'Digest realm="broken", nonce',
    ]
    chosen = strongest(values)
    assert chosen is not None
    assert chosen.realm == "best"
    fallback = strongest(values[:3])
    assert fallback is not None
    assert fallback.realm == "first"
    assert strongest(values[2:4]) is None
    assert strongest([]) is None


def test_a_server_offers_each_algorithm_with_one_nonce() -> None:
    first, second = (
        Challenge.parse(v) for v in DigestServer('a "realm"', SECRET).challenges(5.0, stale=True)
    )
    assert (first.algorithm, second.algorithm) == ("SHA-256", "MD5")
    assert first.nonce == second.nonce
    assert (first.realm, first.stale, first.qop) == ('a "realm"', True, ("auth",))


def test_challenges_round_trip() -> None:
    for challenge in (
        Challenge("r", "n"),
        Challenge('q"', "n\\", "MD5-sess", ("auth", "auth-int"), "o", True),
    ):
        assert Challenge.parse(str(challenge)) == challenge
    assert Challenge.parse('digest Realm="r",nonce="n",STALE=TRUE').stale


def test_an_unsupported_challenge_is_not_answered() -> None:
    with pytest.raises(ValueError, match="SHA-999"):
        digest.answer(Challenge("r", "n", "SHA-999"), "BYE", "sip:a", "u", "p", cnonce="c")


@pytest.mark.parametrize(
    "value",
    ["", "Basic abc", "Digest realm", 'Digest realm="a', "Digest a=1, a=2", "Digest =1", 'Digest a="1" b=2',
     "Digest " + ",".join(f"p{n}=1" for n in range(65))],
)  # fmt: skip
def test_malformed_credentials_are_refused(value: str) -> None:
    with pytest.raises(ParseError):
        parse_pairs(value, "Authorization")
    assert verify(DigestServer("r", SECRET), value, 0.0).verdict is Verdict.MISSING


def test_pairs_tolerate_spaces_and_a_last_comma() -> None:
    assert parse_pairs('  DIGEST a = "x, y" ,B=2,,') == {"a": "x, y", "b": "2"}


@pytest.mark.parametrize("value", ['Digest nonce="n"', 'Digest realm="r"'])
def test_a_challenge_needs_realm_and_nonce(value: str) -> None:
    with pytest.raises(ParseError, match="realm or nonce"):
        Challenge.parse(value)


@given(
    st.text(max_size=80).map("Digest ".__add__)
    | st.text('realm="a",nonce=b qop\\', max_size=60).map("Digest ".__add__)
)
def test_random_credentials_raise_nothing_but_parse_error(value: str) -> None:
    with contextlib.suppress(ParseError):
        Challenge.parse(value)
    assert verify(DigestServer("a", SECRET), value, 0.0).verdict is not Verdict.OK


def answered(server: DigestServer, now: float = 0.0, password: str = "secret") -> str:
    challenge = strongest(server.challenges(now))
    assert challenge is not None
    return client(password).answer(challenge, "BYE", "sip:b@h")


def test_a_replayed_answer_is_stale() -> None:
    server = DigestServer("r", SECRET)
    value = answered(server)
    assert verify(server, value, 0.0).verdict is Verdict.OK
    assert verify(server, value, 0.0).verdict is Verdict.STALE


def test_an_old_nonce_is_stale_and_one_from_the_future_too() -> None:
    server = DigestServer("r", SECRET, lifetime=30.0)
    assert verify(server, answered(server, 100.0), 130.0).verdict is Verdict.OK
    assert verify(server, answered(server, 100.0), 130.1).verdict is Verdict.STALE
    assert verify(server, answered(server, 100.0), 99.0).verdict is Verdict.STALE


def test_two_nonces_of_one_instant_differ() -> None:
    server = DigestServer("r", SECRET)
    one, two = answered(server), answered(server)
    assert verify(server, one, 0.0).verdict is Verdict.OK
    assert verify(server, two, 0.0).verdict is Verdict.OK


def test_an_answer_without_qop_counts_once() -> None:
    server = DigestServer("r", SECRET)
    nonce = Challenge.parse(server.challenges(0.0)[0]).nonce
    value = digest.answer(Challenge("r", nonce, "MD5"), "BYE", "sip:b@h", "alice", "secret", cnonce="")
    assert verify(server, value, 0.0).verdict is Verdict.OK
    assert verify(server, value, 0.0).verdict is Verdict.STALE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('username="alice"', 'username="mallory"'),
        ('nonce="', 'nonce="x'),
        ('nonce="', 'nonce="ü'),
        ('nonce="A', 'nonce="B'),
        ("algorithm=SHA-256", "algorithm=SHA-512-256"),
        ("algorithm=SHA-256", "algorithm=MD5"),
        ('uri="sip:b@h"', 'uri="sip:c@h"'),
        ('uri="sip:b@h"', 'uri="nonsense"'),
        ("qop=auth", "qop=auth-int"),
        ("nc=00000001", "nc=1"),
        ("nc=00000001", "nc=00000002"),
        ("cnonce=", "other="),
        ('response="', 'response="0'),
        ('response="', 'response="ü'),
        ("response=", "other="),
    ],
)
def test_a_forged_answer_is_wrong(old: str, new: str) -> None:
    server = DigestServer("r", SECRET)
    value = answered(server)
    assert old in value
    assert verify(server, value.replace(old, new), 0.0).verdict is Verdict.WRONG


def test_a_wrong_password_method_or_secret_is_wrong() -> None:
    server = DigestServer("r", SECRET)
    assert verify(server, answered(server, password="guess"), 0.0).verdict is Verdict.WRONG
    assert verify(server, answered(server), 0.0, method="INVITE").verdict is Verdict.WRONG


def test_a_nonce_of_before_a_restart_is_stale_for_who_knows_the_password() -> None:
    """Otherwise a client that goes on with its nonce would take its password for wrong (RFC 7616 3.3)."""
    server, before = DigestServer("r", SECRET), DigestServer("r", b"another secret!!")
    assert verify(server, answered(before), 0.0).verdict is Verdict.STALE
    assert verify(server, answered(before, password="guess"), 0.0).verdict is Verdict.WRONG


def test_an_unknown_user_with_an_empty_password_is_wrong() -> None:
    server = DigestServer("r", SECRET)
    challenge = strongest(server.challenges(0.0))
    assert challenge is not None
    value = DigestClient("nobody", "", bytes).answer(challenge, "BYE", "sip:b@h")
    assert verify(server, value, 0.0).verdict is Verdict.WRONG


def test_the_uri_may_be_written_differently() -> None:
    server = DigestServer("r", SECRET)
    assert verify(server, answered(server), 0.0, uri="sip:b@H").verdict is Verdict.OK


def test_credentials_for_another_realm_are_passed_over() -> None:
    server = DigestServer("r", SECRET)
    other = answered(DigestServer("elsewhere", SECRET))
    assert verify(server, other, 0.0).verdict is Verdict.MISSING
    assert server.verify([other, answered(server)], "BYE", "sip:b@h", 0.0, lookup).verdict is Verdict.OK
    assert server.verify([], "BYE", "sip:b@h", 0.0, lookup).verdict is Verdict.MISSING


def test_counters_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "MAX_NONCES", 2)
    server = DigestServer("r", SECRET)
    for _ in range(4):
        assert verify(server, answered(server), 0.0).verdict is Verdict.OK
    own = client()
    for number in range(100):
        own.answer(Challenge("r", str(number)), "BYE", "sip:a")
    assert "nc=00000001" in own.answer(Challenge("r", "0", qop=("auth",)), "BYE", "sip:a")
    assert "nc=00000002" in own.answer(Challenge("r", "99", qop=("auth",)), "BYE", "sip:a")


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16"):
        DigestServer("r", b"short")
