"""Trunks that want credentials (RFC 7616): 401 and 407, MD5 and SHA-256, stale nonces, requests in a call."""

from __future__ import annotations

import hashlib
import re
import shutil

import pytest
from scenario import Callee
from test_sipp_callee import Callee as Start
from test_sipp_callee import callee, check_success, dial, result  # noqa: F401
from trunk_ports import PASSWORD, USERNAME, Trunks

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("sipp") is None, reason="needs SIPp: apt-get install sip-tester"),
]
HEADERS = {401: ("401 Unauthorized", "WWW-Authenticate", "Authorization")}
HEADERS[407] = ("407 Proxy Authentication Required", "Proxy-Authenticate", "Proxy-Authorization")


def challenge(nonce: str, algorithm: str, status: int = 401, more: str = "") -> str:
    """The header of a challenge."""
    what = f'Digest realm="trunk.example", nonce="{nonce}", algorithm={algorithm}, qop="auth"{more}'
    return f"{HEADERS[status][1]}: {what}"


def challenges(phone: Callee, *headers: str, status: int = 401, **checks: str) -> None:
    """Refuse an INVITE."""
    phone.called(**checks)
    phone.respond(HEADERS[status][0], *headers, tag="c")
    phone.receive("ACK")


def proofs(received: str, status: int = 401) -> list[dict[str, str]]:
    """The credentials that came, each computed anew (RFC 7616 section 3.4.1); an ACK repeats its INVITE's."""
    found = []
    for message in re.split(r"^(?=[A-Z]+ \S+ SIP/2\.0\r?$)", received, flags=re.M):
        line = re.search(rf"^{HEADERS[status][2]}: Digest (.+?)\r?$", message, re.M)
        if line is None:
            continue
        method = message.split(" ", 1)[0]
        pairs = re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', line[1])
        given = {name: quoted or bare for name, quoted, bare in pairs}
        make = hashlib.sha256 if given["algorithm"] == "SHA-256" else hashlib.md5

        def hashed(*parts: str, make: object = make) -> str:
            return make(":".join(parts).encode(), usedforsecurity=False).hexdigest()  # type: ignore[operator]

        assert (given["username"], given["qop"]) == (USERNAME, "auth")
        secret = hashed(USERNAME, given["realm"], PASSWORD)
        what = hashed("INVITE" if method == "ACK" else method, given["uri"])
        proof = hashed(secret, given["nonce"], given["nc"], given["cnonce"], "auth", what)
        assert given["response"] == proof, method
        found.append({**given, "method": method})
    return found


def calls(system: Trunks, callee: Start, phone: Callee) -> str:  # noqa: F811
    """Call and hang up; what SIPp has received."""
    sipp = callee("digest", phone)
    call = dial(system, "digest")
    result(system, "CallConnected")
    call.hang_up(is_for_everyone=True)
    result(system, "CallDisconnected")
    check_success(sipp)
    return sipp.received()


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
@pytest.mark.parametrize("status", [401, 407])
def test_a_challenge_is_answered(system: Trunks, callee: Start, status: int, algorithm: str) -> None:  # noqa: F811
    phone = Callee()
    challenges(phone, challenge("n1", algorithm, status), status=status)
    phone.called()
    phone.answer()
    phone.is_left()
    found = proofs(calls(system, callee, phone), status)
    assert {(one["nonce"], one["algorithm"]) for one in found} == {("n1", algorithm)}
    assert found[0]["method"] == "INVITE"


def test_the_stronger_of_two_hashes_is_taken(system: Trunks, callee: Start) -> None:  # noqa: F811
    """A challenge for each, the best first (RFC 8760)."""
    phone = Callee()
    challenges(phone, challenge("strong", "SHA-256"), challenge("weak", "MD5"))
    phone.called()
    phone.answer()
    phone.is_left()
    assert {one["nonce"] for one in proofs(calls(system, callee, phone))} == {"strong"}


def test_a_stale_nonce_is_replaced(system: Trunks, callee: Start) -> None:  # noqa: F811
    phone = Callee()
    challenges(phone, challenge("old", "SHA-256"))
    challenges(phone, challenge("new", "SHA-256", more=", stale=true"), Authorization='nonce="old"')
    phone.called(Authorization='nonce="new"')
    phone.answer()
    phone.is_left()
    found = proofs(calls(system, callee, phone))
    assert [one["nonce"] for one in found if one["method"] == "INVITE"] == ["old", "new"]


def test_a_second_challenge_that_is_not_stale_is_the_answer(system: Trunks, callee: Start) -> None:  # noqa: F811
    """The password is wrong: it is not tried again and again."""
    phone = Callee()
    challenges(phone, challenge("one", "MD5"))
    challenges(phone, challenge("two", "MD5"))
    sipp = callee("digest", phone)
    dial(system, "digest")
    assert result(system, "CreateCallFailed")["code"] == 401
    result(system, "CallDisconnected")
    check_success(sipp)


def test_the_bye_is_challenged_as_well(system: Trunks, callee: Start) -> None:  # noqa: F811
    phone = Callee()
    challenges(phone, challenge("n1", "MD5"))
    phone.called()
    phone.answer()
    phone.receive("BYE")
    phone.reply("401 Unauthorized", challenge("n2", "SHA-256", more=", stale=true"))
    phone.takes("BYE", Authorization='nonce="n2"')
    found = proofs(calls(system, callee, phone))
    assert [one["nonce"] for one in found if one["method"] == "BYE"][-1] == "n2"
