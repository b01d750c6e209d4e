"""Signatures: each SDK's own way of building the string, signed here by independent code, must verify."""

from __future__ import annotations

import base64
import hashlib
import hmac as stdlib_hmac
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.wire.hmac import (
    EMPTY_BODY_HASH,
    AccessKey,
    Verifier,
    body_digest,
    candidate_hosts,
    candidate_targets,
    decode_key,
    sign,
)
from hookflash.wire.results import Refusal
from hookflash.wire.timestamps import imf_fixdate, parse_imf_fixdate

NOW = 1_795_327_305.0
DATE = imf_fixdate(NOW)
KEY_TEXT = base64.b64encode(b"the development access key of 32").decode()
SECRET = base64.b64decode(KEY_TEXT)
SECOND = b"another key that is also accepted"
PRIMARY = AccessKey("6d889502-3d7a-41a8-befa-d21fd80e8767", SECRET)
SECONDARY = AccessKey("6d889502-3d7a-41a8-befa-d21fd80e8767", SECOND, "secondary")
VERIFIER = Verifier([PRIMARY, SECONDARY])

PATH = "/calling/callConnections/cc-1/participants/4%3A%2B14255550123?api-version=2026-03-12"
BODY = b'{"callbackUri":"https://app.example.org/cb"}'


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def hashed(body: bytes) -> str:
    return b64(hashlib.sha256(body).digest())


def mac(text: str, secret: bytes = SECRET, encoding: str = "utf-8") -> str:
    return b64(stdlib_hmac.new(secret, text.encode(encoding), hashlib.sha256).digest())


def python_headers(method: str, url: str, body: bytes, endpoint: str) -> dict[str, str]:
    """Python: the endpoint minus its scheme is the host; path and query as in the URL."""
    parts = urlsplit(url)
    target = parts.path + ("?" + parts.query if parts.query else "")
    host = endpoint.replace("https://", "").replace("http://", "")
    text = method + "\n" + target + "\n" + DATE + ";" + host + ";" + hashed(body)
    return {
        "host": parts.netloc,
        "x-ms-date": DATE,
        "x-ms-content-sha256": hashed(body),
        "x-ms-return-client-request-id": "true",
        "authorization": "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="
        + mac(text),
    }


def javascript_headers(method: str, url: str, body: bytes) -> dict[str, str]:
    """JS: url.host (port only if not the default) and a re-encoded query."""
    parts = urlsplit(url)
    default = {"https": 443, "http": 80}[parts.scheme]
    host = parts.hostname or ""
    if parts.port not in (None, default):
        host += f":{parts.port}"
    query = urlencode(parse_qsl(parts.query))
    text = f"{method}\n{parts.path}{'?' + query if query else ''}\n{DATE};{host};{hashed(body)}"
    return {
        "host": host,
        "x-ms-date": DATE,
        "x-ms-content-sha256": hashed(body),
        "authorization": SCHEME + mac(text),
    }


def dotnet_headers(method: str, url: str, body: bytes) -> dict[str, str]:
    """.NET: Authority and PathAndQuery, ASCII, with a Date header beside x-ms-date."""
    parts = urlsplit(url)
    text = f"{method}\n{parts.path}?{parts.query}\n{DATE};{parts.netloc};{hashed(body)}"
    return {
        "host": parts.netloc,
        "date": DATE,
        "x-ms-date": DATE,
        "x-ms-content-sha256": hashed(body),
        "authorization": "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="
        + mac(text, encoding="ascii"),
    }


def java_headers(method: str, url: str, body: bytes) -> dict[str, str]:
    """Java: the host never has a port; the string to sign is echoed for debugging."""
    parts = urlsplit(url)
    text = f"{method}\n{parts.path}?{parts.query}\n{DATE};{parts.hostname};{hashed(body)}"
    return {
        "host": parts.hostname or "",
        "date": DATE,
        "x-ms-date": DATE,
        "x-ms-content-sha256": hashed(body),
        "x-ms-hmac-string-to-sign-base64": b64(text.encode()),
        "authorization": SCHEME + mac(text),
    }


SCHEME = "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="
HOSTS = ["calls.example.org", "calls.example.org:8443", "127.0.0.1:8080", "[::1]:8080"]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(("method", "body"), [("POST", BODY), ("GET", b""), ("DELETE", b"")])
@pytest.mark.parametrize("language", ["python", "javascript", "dotnet", "java"])
def test_each_language(language: str, method: str, body: bytes, host: str) -> None:
    url = f"https://{host}{PATH}"
    if language == "python":
        headers = python_headers(method, url, body, f"https://{host}")
    else:
        make = {"javascript": javascript_headers, "dotnet": dotnet_headers, "java": java_headers}[language]
        headers = make(method, url, body)
    assert VERIFIER.verify(method, PATH, headers, body, NOW) is PRIMARY


def test_java_signs_without_the_port_that_is_sent() -> None:
    headers = java_headers("POST", f"https://calls.example.org:8443{PATH}", BODY)
    headers["host"] = "calls.example.org:8443"
    assert VERIFIER.verify("POST", PATH, headers, BODY, NOW) is PRIMARY


@pytest.mark.parametrize("sent", ["calls.example.org", "calls.example.org:8443"])
def test_python_with_a_trailing_slash_in_the_endpoint(sent: str) -> None:
    headers = python_headers("POST", f"https://{sent}{PATH}", BODY, f"https://{sent}/")
    assert VERIFIER.verify("POST", PATH, headers, BODY, NOW) is PRIMARY


@pytest.mark.parametrize("port", [443, 80])
def test_python_with_a_default_port_in_the_endpoint(port: int) -> None:
    headers = python_headers(
        "POST", f"https://calls.example.org{PATH}", BODY, f"https://calls.example.org:{port}"
    )
    assert VERIFIER.verify("POST", PATH, headers, BODY, NOW) is PRIMARY


def test_java_custom_endpoint_names_the_signed_host() -> None:
    headers = java_headers("POST", f"https://acs.example.org{PATH}", BODY)
    headers |= {"host": "10.0.0.5:8443", "x-forwarded-host": "acs.example.org"}
    assert VERIFIER.verify("POST", PATH, headers, BODY, NOW) is PRIMARY


def test_behind_a_proxy_the_public_host_is_tried() -> None:
    for endpoint in (
        "https://calls.example.org",
        "https://calls.example.org/",
        "https://calls.example.org:8443",
    ):
        headers = python_headers("POST", f"https://x{PATH}", BODY, endpoint)
        headers["host"] = "10.0.0.5:8443"
        with pytest.raises(Refusal, match="none of the 1 access keys"):
            Verifier([PRIMARY]).verify("POST", PATH, headers, BODY, NOW)
        behind = Verifier([PRIMARY], public_hosts=["calls.example.org"])
        assert behind.verify("POST", PATH, headers, BODY, NOW) is PRIMARY


def test_older_samples_sign_the_date_header() -> None:
    text = f"POST\n{PATH}\n{DATE};calls.example.org;{hashed(BODY)}"
    headers = {
        "host": "calls.example.org",
        "date": DATE,
        "x-ms-content-sha256": hashed(BODY),
        "authorization": f"HMAC-SHA256 SignedHeaders=date;host;x-ms-content-sha256&Signature={mac(text)}",
    }
    assert VERIFIER.verify("POST", PATH, headers, BODY, NOW) is PRIMARY


def test_signed_headers_in_any_order_with_others_among_them() -> None:
    text = f"POST\n{PATH}\n{hashed(BODY)};extra;calls.example.org;{DATE}"
    headers = {
        "host": "calls.example.org",
        "x-ms-date": DATE,
        "x-other": "extra",
        "x-ms-content-sha256": hashed(BODY),
        "authorization": "hmac-sha256 Signature="
        + mac(text)
        + "&SignedHeaders=X-MS-Content-SHA256;x-other;Host;x-ms-date",
    }
    assert VERIFIER.verify("post", PATH, headers, BODY, NOW) is PRIMARY


def test_the_second_key_is_told_apart() -> None:
    headers = {k.lower(): v for k, v in sign("GET", PATH, "h", b"", SECOND, NOW).items()} | {"host": "h"}
    assert VERIFIER.verify("GET", PATH, headers, b"", NOW) is SECONDARY


# --- the real SDK's policies ----------------------------------------------------------------------------


def sdk_headers(policy: Any, method: str, url: str, body: str | None) -> dict[str, str]:
    from azure.core.pipeline import PipelineContext, PipelineRequest
    from azure.core.rest import HttpRequest

    request = HttpRequest(method, url, content=body)
    request.body = body  # type: ignore[attr-defined]
    policy.on_request(PipelineRequest(request, PipelineContext(None)))
    return {name.lower(): value for name, value in request.headers.items()} | {"host": urlsplit(url).netloc}


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:8080", "https://calls.example.org", "https://x.org:8443/"]
)
@pytest.mark.parametrize("body", [BODY.decode(), None])
def test_the_python_sdk(endpoint: str, body: str | None) -> None:
    from azure.communication.callautomation._shared.policy import HMACCredentialsPolicy

    headers = sdk_headers(
        HMACCredentialsPolicy(endpoint, KEY_TEXT), "POST", endpoint.rstrip("/") + PATH, body
    )
    now = parse_imf_fixdate(headers["x-ms-date"])
    assert now is not None
    raw = (body or "").encode()
    assert VERIFIER.verify("POST", PATH, headers, raw, now) is PRIMARY
    with pytest.raises(Refusal):
        Verifier([SECONDARY]).verify("POST", PATH, headers, raw, now)


def test_the_python_sdk_over_aiohttp_signs_another_escaping() -> None:
    from azure.communication.callautomation._shared.policy import HMACCredentialsPolicy
    from yarl import URL

    url = "http://127.0.0.1:8080" + PATH
    headers = sdk_headers(HMACCredentialsPolicy("http://127.0.0.1:8080", KEY_TEXT), "GET", url, None)
    now = parse_imf_fixdate(headers["x-ms-date"])
    assert now is not None
    sent = URL(url).raw_path_qs
    assert sent != PATH
    assert VERIFIER.verify("GET", sent, headers, b"", now) is PRIMARY


def test_a_bearer_token_is_a_bad_token_and_no_bad_signature() -> None:
    with pytest.raises(Refusal, match="access key") as refused:
        VERIFIER.verify("GET", PATH, {"authorization": "Bearer a.b.c"}, b"", NOW)
    assert (refused.value.status, refused.value.code) == (401, "7501")


@pytest.mark.parametrize("decode_url", [False, True])
def test_the_identity_sdk(decode_url: bool) -> None:
    from azure.communication.identity._shared.policy import HMACCredentialsPolicy

    target = "/identities/8%3Aacs%3Aa_b/:issueAccessToken?api-version=2023-10-01"
    policy = HMACCredentialsPolicy("http://127.0.0.1:8080", KEY_TEXT, decode_url=decode_url)
    headers = sdk_headers(policy, "POST", "http://127.0.0.1:8080" + target, BODY.decode())
    now = parse_imf_fixdate(headers["x-ms-date"])
    assert now is not None
    for sent in (target, target.replace("%3A", ":")):
        assert VERIFIER.verify("POST", sent, headers, BODY, now) is PRIMARY


# --- recording content, contract section 2.3 ------------------------------------------------------------

CONTENT = "/v1/objects/0-eus-d12-801b/content/video?sig=1"


def test_python_download_signs_the_endpoint_host() -> None:
    headers = python_headers(
        "GET", f"https://calls.example.org:8443{CONTENT}", b"", "https://calls.example.org:8443"
    )
    headers |= {"host": "x.asm.skype.com:8443", "x-ms-host": "calls.example.org"}
    assert VERIFIER.verify("GET", CONTENT, headers, b"", NOW, content=True) is PRIMARY


def test_javascript_download_signs_without_the_query() -> None:
    headers = javascript_headers(
        "GET", "https://calls.example.org:8443/v1/objects/0-eus-d12-801b/content/video", b""
    )
    headers |= {
        "host": "x.asm.skype.com",
        "x-ms-host": "calls.example.org:8443",
        "originalurl": f"https://x.asm.skype.com{CONTENT}",
    }
    assert VERIFIER.verify("GET", CONTENT, headers, b"", NOW, content=True) is PRIMARY
    with pytest.raises(Refusal):
        VERIFIER.verify("GET", CONTENT, headers, b"", NOW)


def test_javascript_download_through_a_rewriting_proxy() -> None:
    headers = javascript_headers("GET", "https://calls.example.org/v1/objects/1", b"")
    headers |= {"x-ms-host": "calls.example.org", "originalurl": "https://x.asm.skype.com/v1/objects/1?q=1"}
    assert VERIFIER.verify("GET", "/prefix/v1/objects/1?q=1", headers, b"", NOW, content=True) is PRIMARY
    headers["originalurl"] = "https://[broken"
    with pytest.raises(Refusal):
        VERIFIER.verify("GET", "/prefix/v1/objects/1?q=1", headers, b"", NOW, content=True)


# --- what must not verify -------------------------------------------------------------------------------


def good() -> dict[str, str]:
    return python_headers("POST", f"https://calls.example.org{PATH}", BODY, "https://calls.example.org")


def refused(
    headers: dict[str, str], *, method: str = "POST", path: str = PATH, body: bytes = BODY, now: float = NOW
) -> str:
    with pytest.raises(Refusal) as info:
        VERIFIER.verify(method, path, headers, body, now)
    assert (info.value.status, info.value.code) == (401, "7509")
    message = info.value.message
    for secret in (mac(f"{method}\n{path}\n{DATE};{headers.get('host')};{hashed(body)}"), KEY_TEXT):
        assert secret not in message
    return message


def test_anything_signed_may_not_change() -> None:
    VERIFIER.verify("POST", PATH, good(), BODY, NOW)
    assert "none of the 2 access keys" in refused(good(), method="DELETE")
    assert "none of the 2 access keys" in refused(good(), path=PATH + "&x=1")
    assert "does not match the body" in refused(good(), body=BODY + b" ")
    assert "other.example.org" in refused(good() | {"host": "other.example.org"})
    later = imf_fixdate(NOW + 1)
    assert "access keys" in refused(good() | {"x-ms-date": later})


@pytest.mark.parametrize("name", ["host", "x-ms-date", "x-ms-content-sha256"])
def test_a_missing_header_is_named(name: str) -> None:
    headers = good()
    del headers[name]
    assert f"header {name} is missing" in refused(headers)


@pytest.mark.parametrize(
    ("authorization", "says"),
    [
        ("", "missing"),
        ("Basic dXNlcjpwYXNz", "'Basic'"),
        ("HMAC-SHA256", "must read"),
        ("HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256", "must read"),
        ("HMAC-SHA256 Signature=QUJD", "must read"),
        ("HMAC-SHA256 SignedHeaders=host;x-ms-content-sha256&Signature=QUJD", "x-ms-date or date"),
        ("HMAC-SHA256 SignedHeaders=x-ms-date;x-ms-content-sha256&Signature=QUJD", "must list host"),
        ("HMAC-SHA256 SignedHeaders=x-ms-date;host&Signature=QUJD", "must list x-ms-content-sha256"),
        ("HMAC-SHA256 SignedHeaders=host;host;x-ms-date;x-ms-content-sha256&Signature=QUJD", "twice"),
        (f"HMAC-SHA256 SignedHeaders={';'.join(map(str, range(17)))}&Signature=QUJD", "more than 16"),
        ("HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=%%%", "not base64"),
        ("HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=é", "not base64"),
        ("HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=QUJD", "access keys"),
        ("HMAC-SHA256 " + "x" * 2000, "too long"),
    ],
)
def test_authorization_grammar(authorization: str, says: str) -> None:
    assert says in refused(good() | {"authorization": authorization})


def test_no_authorization_at_all() -> None:
    headers = good()
    del headers["authorization"]
    assert "Authorization header is missing" in refused(headers)


@pytest.mark.parametrize(("drift", "side"), [(-901, "901 s ahead of"), (901, "901 s behind")])
def test_date_window(drift: int, side: str) -> None:
    message = refused(good(), now=NOW + drift)
    assert side in message
    assert VERIFIER.verify("POST", PATH, good(), BODY, NOW + (900 if drift > 0 else -900)) is PRIMARY
    assert Verifier([PRIMARY], window=3600.0).verify("POST", PATH, good(), BODY, NOW + drift) is PRIMARY


def test_a_date_in_another_format_is_shown() -> None:
    assert "'yesterday'" in refused(good() | {"x-ms-date": "yesterday"})


def test_a_body_hash_in_strange_characters_is_wrong() -> None:
    assert "does not match the body" in refused(good() | {"x-ms-content-sha256": "ßß"})


def test_far_too_long_targets_and_hosts_are_not_hashed() -> None:
    assert "too long" in refused(good(), path="/" + "a" * 20_000)
    assert "too long" in refused(good() | {"host": "a" * 600})


def test_no_keys_no_entry() -> None:
    with pytest.raises(Refusal, match="none of the 0"):
        Verifier([]).verify("POST", PATH, good(), BODY, NOW)


# --- candidates and the signer --------------------------------------------------------------------------


def test_candidate_hosts_in_order() -> None:
    headers = {"host": "h:8443", "x-forwarded-host": "f", "x-ms-host": "m:9443"}
    assert list(candidate_hosts(headers, ["p.example.org:7443"])) == [
        "h:8443", "h", "h:8443/", "h/", "f", "f:8443", "m:9443", "m", "m:8443",
        "p.example.org:7443", "p.example.org", "p.example.org:7443/", "p.example.org/", "p.example.org:8443",
    ]  # fmt: skip
    assert list(candidate_hosts({"host": "h"})) == ["h", "h:443", "h:80", "h/"]


def test_candidate_targets() -> None:
    assert list(candidate_targets("/calling/callConnections:answer?api-version=1", {})) == []
    sent = "/calling/callConnections/c/participants/4:%2B1?v=1"
    assert list(candidate_targets(sent, {})) == [
        "/calling/callConnections/c/participants/4%3A%2B1?v=1",
        "/calling/callConnections/c/participants/4:+1?v=1",
    ]
    assert quote("4:+1", safe="") == "4%3A%2B1"


def test_empty_body_hash() -> None:
    assert hashed(b"") == EMPTY_BODY_HASH


def test_keys_are_read_strictly_and_never_shown() -> None:
    assert decode_key(KEY_TEXT) == SECRET
    for text in ("not base64!", "", "é", "QUJ"):
        with pytest.raises(ValueError, match="access key") as info:
            decode_key(text)
        assert not text or text not in str(info.value)
    assert "secret" not in repr(PRIMARY)


@given(
    method=st.sampled_from(["GET", "post", "DELETE"]),
    path=st.text(st.characters(codec="ascii", categories=("L", "N")), max_size=30),
    host=st.sampled_from(HOSTS),
    body=st.binary(max_size=200),
    tampered=st.binary(min_size=1, max_size=5),
)
def test_what_we_sign_verifies(method: str, path: str, host: str, body: bytes, tampered: bytes) -> None:
    target = f"/{path}?api-version=2026-03-12"
    headers = {k.lower(): v for k, v in sign(method, target, host, body, SECRET, NOW).items()} | {
        "host": host
    }
    assert VERIFIER.verify(method, target, headers, body, NOW) is PRIMARY
    with pytest.raises(Refusal):
        VERIFIER.verify(method, target, headers, body + tampered, NOW)
    with pytest.raises(Refusal):
        Verifier([AccessKey("r", tampered)]).verify(method, target, headers, body, NOW)


HEADER_NAMES = st.sampled_from(
    [
        "host",
        "date",
        "x-ms-date",
        "x-ms-content-sha256",
        "authorization",
        "x-forwarded-host",
        "x-ms-host",
        "originalurl",
    ]
)
HEADER_VALUES = st.text(st.characters(codec="latin-1"), max_size=40) | st.sampled_from(
    [DATE, "h:80", "[::1]", EMPTY_BODY_HASH, SCHEME + "QUJD", SCHEME, "https://[", "https://x/y?z"]
)


@given(
    st.dictionaries(HEADER_NAMES, HEADER_VALUES),
    st.text(st.characters(codec="latin-1"), max_size=40),
    st.booleans(),
)
def test_anything_unsigned_is_refused_in_words(headers: dict[str, str], target: str, content: bool) -> None:
    headers = {"host": "h", "x-ms-date": DATE, "x-ms-content-sha256": EMPTY_BODY_HASH} | headers
    with pytest.raises(Refusal) as info:
        VERIFIER.verify("GET", target, headers, b"", NOW, content=content)
    assert info.value.code == "7509"
    assert len(info.value.message) < 2_000


def test_the_digest_of_a_body_is_what_the_header_says():
    assert body_digest(b"") == EMPTY_BODY_HASH
    assert body_digest(b"{}") == base64.b64encode(hashlib.sha256(b"{}").digest()).decode()
