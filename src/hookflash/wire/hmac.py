"""HMAC-SHA256 request authentication, both ways (contract sections 2.1 - 2.3).

A request is signed over ``METHOD \\n path-and-query \\n date;host;body-hash``. The SDKs disagree about the
host they sign (with or without port, with a trailing slash, the endpoint's instead of the server's), and two
of them sign the path in another percent-encoding than the one they send, so :class:`Verifier` tries the
documented candidates in order; the first is right for nearly every request. Comparisons take constant time
and no message carries a signature.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from hmac import compare_digest
from urllib.parse import quote, unquote, urlsplit

from hookflash.wire.results import Refusal, invalid_token, unauthenticated
from hookflash.wire.timestamps import imf_fixdate, parse_imf_fixdate

DATE_WINDOW = 900.0
"""Seconds a request's date may differ from ours, either way."""

SCHEME = "HMAC-SHA256"
EMPTY_BODY_HASH = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

_SIGNED_HEADERS = "x-ms-date;host;x-ms-content-sha256"
_USUAL = f"{SCHEME} SignedHeaders={_SIGNED_HEADERS}&Signature="
"""What every SDK writes before the signature."""
_MAX_AUTHORIZATION = 1024
_MAX_SIGNED_HEADERS = 16
_MAX_HOST = 512
_MAX_TARGET = 16_384
_RAW_ID_PREFIXES = ("4:", "8:", "28:")


def decode_key(text: str) -> bytes:
    """The bytes of a base64 access key. ValueError, which does not repeat it, when it is not one."""
    try:
        secret = binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError("the access key is not base64") from None
    if not secret:
        raise ValueError("the access key is empty")
    return secret


@dataclass(frozen=True, slots=True)
class AccessKey:
    """One key of a resource. A resource may have two, so that keys can be rotated without a gap."""

    resource: str
    secret: bytes = field(repr=False)
    label: str = "primary"


class Verifier:
    """Verifies requests against the keys of all resources.

    ``public_hosts`` are the host names (with or without port) clients may have been configured with, beyond
    the Host header; ``window`` is the accepted difference of dates in seconds.
    """

    def __init__(
        self, keys: Iterable[AccessKey], *, public_hosts: Iterable[str] = (), window: float = DATE_WINDOW
    ) -> None:
        # Keyed once: a copy of the state costs less than taking in the key for each request.
        self._keys = tuple((key, hmac.new(key.secret, digestmod="sha256")) for key in keys)
        self._public_hosts = tuple(public_hosts)
        self._window = window

    def verify(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes,
        now: float,
        *,
        content: bool = False,
    ) -> AccessKey:
        """The key a request is signed with.

        ``target`` is path and query exactly as on the request line, ``headers`` have lower-case names,
        ``now`` is Unix time. ``content`` True also accepts the signatures of recording downloads, where JS
        leaves the query out. Raises Refusal 401/7509 that says what is wrong, 401/7501 for a bearer
        token.
        """
        signed, signature = _authorization(headers.get("authorization"))
        try:
            if signed is _SIGNED_HEADERS:
                layout = _USUAL_LAYOUT
                values = [headers["x-ms-date"], headers["host"], headers["x-ms-content-sha256"]]
            else:
                layout = _layout(signed)
                values = [headers[name] for name in layout.names]
        except KeyError as missing:
            message = f"the signed header {missing.args[0]} is missing from the request."
            raise unauthenticated(message, target=missing.args[0]) from None
        if not compare_digest(_body_hash(body), values[layout.digest].encode()):
            raise unauthenticated(
                "x-ms-content-sha256 does not match the body: hash the bytes exactly as they are sent, "
                f"{len(body)} arrived here.",
                target="x-ms-content-sha256",
            )
        moment = parse_imf_fixdate(values[layout.date])
        if moment is None or abs(moment - now) > self._window:
            raise self._wrong_date(values[layout.date], moment, now)
        if len(target) > _MAX_TARGET or len(values[layout.host]) > _MAX_HOST:
            raise unauthenticated("the request target or the Host header is too long to be verified.")
        verb = method.upper()
        found = self._try(f"{verb}\n{target}\n{';'.join(values)}", signature)
        if found is not None:
            return found
        hosts = list(candidate_hosts(headers, self._public_hosts))
        for other in (target, *candidate_targets(target, headers, content=content)):
            for candidate in hosts:
                values[layout.host] = candidate
                found = self._try(f"{verb}\n{other}\n{';'.join(values)}", signature)
                if found is not None:
                    return found
        raise unauthenticated(
            f"the signature matches none of the {len(self._keys)} access keys for {verb[:16]} "
            f"{target[:256]} with host {' or '.join(hosts)[:512]}. Check the access key, and that nothing "
            "between client and server rewrites the path or the Host header; if it must, name the clients' "
            "host as public URL."
        )

    def _try(self, text: str, signature: bytes) -> AccessKey | None:
        message = text.encode()
        for key, keyed in self._keys:
            state = keyed.copy()
            state.update(message)
            if compare_digest(state.digest(), signature):
                return key
        return None

    def _wrong_date(self, text: str, moment: int | None, now: float) -> Refusal:
        if moment is None:
            return unauthenticated(
                f"the signed date {text[:64]!r} is not of the form 'Sun, 06 Nov 1994 08:49:37 GMT'.",
                target="x-ms-date",
            )
        side = "ahead of" if moment > now else "behind"
        return unauthenticated(
            f"the signed date is {abs(moment - now):.0f} s {side} this server's clock ({imf_fixdate(now)}); "
            f"at most {self._window:.0f} s are accepted. Set the clocks, or sign each request anew.",
            target="x-ms-date",
        )


def _body_hash(body: bytes) -> bytes:
    return binascii.b2a_base64(sha256(body).digest(), newline=False)


def body_digest(body: bytes) -> str:
    """What x-ms-content-sha256 says of a body."""
    return _body_hash(body).decode("ascii")


def _authorization(header: str | None) -> tuple[str, bytes]:
    """The list of signed headers as written, and the signature's bytes."""
    if not header:
        raise unauthenticated("the Authorization header is missing; expected HMAC-SHA256.")
    if len(header) > _MAX_AUTHORIZATION:
        raise unauthenticated("the Authorization header is too long.")
    if header.startswith(_USUAL) and header.find("&", len(_USUAL)) < 0:
        signed, encoded = _SIGNED_HEADERS, header[len(_USUAL) :]
    else:
        signed, encoded = _parameters(header)
    try:
        return signed, binascii.a2b_base64(encoded.encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        raise unauthenticated("the Signature in the Authorization header is not base64.") from None


def _parameters(header: str) -> tuple[str, str]:
    """The list of signed headers and the signature, as written, in any order."""
    scheme, _, parameters = header.partition(" ")
    if scheme.lower() == "bearer":
        raise invalid_token(
            "Bearer tokens are not accepted by this server; sign requests with an access key of the resource."
        )
    if scheme.upper() != SCHEME:
        raise unauthenticated(f"the Authorization scheme {scheme[:32]!r} is not known; expected {SCHEME}.")
    signed = encoded = ""
    for parameter in parameters.split("&"):
        name, _, value = parameter.strip().partition("=")
        if name == "SignedHeaders":
            signed = value
        elif name == "Signature":
            encoded = value
    if not signed or not encoded:
        raise unauthenticated(
            "the Authorization header must read HMAC-SHA256 SignedHeaders=<names>&Signature=<base64>."
        )
    return signed, encoded


@dataclass(frozen=True, slots=True)
class _Layout:
    """The signed headers in order; which of them are the host, the date and the hash of the body."""

    names: tuple[str, ...]
    host: int
    date: int
    digest: int


@lru_cache(maxsize=64)
def _layout(signed: str) -> _Layout:
    names = tuple(signed.lower().split(";"))
    if len(names) > _MAX_SIGNED_HEADERS or len(set(names)) != len(names):
        raise unauthenticated(f"SignedHeaders lists a header twice or more than {_MAX_SIGNED_HEADERS}.")
    for required in ("host", "x-ms-content-sha256"):
        if required not in names:
            raise unauthenticated(f"SignedHeaders must list {required}; it lists {';'.join(names)}.")
    date = next((name for name in ("x-ms-date", "date") if name in names), None)
    if date is None:
        raise unauthenticated(f"SignedHeaders must list x-ms-date or date; it lists {';'.join(names)}.")
    return _Layout(names, names.index("host"), names.index(date), names.index("x-ms-content-sha256"))


_USUAL_LAYOUT = _layout(_SIGNED_HEADERS)


# --- what may have been signed instead of what arrived --------------------------------------------------


def _without_port(host: str) -> str:
    name, mark, port = host.rpartition(":")
    return name if mark and port.isdecimal() else host


def candidate_hosts(headers: Mapping[str, str], public_hosts: Iterable[str] = ()) -> Iterator[str]:
    """Hosts the client may have signed, likeliest first, none twice (contract section 2.2)."""
    host = headers.get("host", "")
    yield host
    seen = {host}
    for candidate in _more_hosts(host, headers, public_hosts):
        if candidate and candidate not in seen and len(candidate) <= _MAX_HOST:
            seen.add(candidate)
            yield candidate


def _more_hosts(host: str, headers: Mapping[str, str], public_hosts: Iterable[str]) -> Iterator[str]:
    bare = _without_port(host)
    yield bare
    if bare == host:
        yield host + ":443"
        yield host + ":80"
    yield host + "/"
    yield bare + "/"
    own_port = host[len(bare) :]
    for name in ("x-forwarded-host", "x-ms-host"):
        if other := headers.get(name):
            yield other
            yield _without_port(other)
            if own_port:
                yield _without_port(other) + own_port
    for public in public_hosts:
        stripped = _without_port(public)
        yield public
        yield stripped
        yield public + "/"
        yield stripped + "/"
        if own_port:
            yield stripped + own_port


def candidate_targets(target: str, headers: Mapping[str, str], *, content: bool = False) -> Iterator[str]:
    """Paths with query the client may have signed instead of ``target``, likeliest first.

    aiohttp sends ``4%3A%2B1...`` as ``4:%2B1...`` after Python's asynchronous Call Automation client has
    signed the former; its identity client signs the path with every escape undone. For recording content JS
    signs the path without its query, named again in the header OriginalUrl (contract section 2.3).
    """
    seen = {target}
    for candidate in _more_targets(target, headers, content):
        if candidate not in seen and len(candidate) <= _MAX_TARGET:
            seen.add(candidate)
            yield candidate


def _more_targets(target: str, headers: Mapping[str, str], content: bool) -> Iterator[str]:
    path, mark, query = target.partition("?")
    yield "/".join([_escaped(segment) for segment in path.split("/")]) + mark + query
    if "%" in target:
        yield unquote(target)
    if content:
        yield path
        original = headers.get("originalurl")
        if original:
            try:
                yield urlsplit(original).path
            except ValueError:
                return


def _escaped(segment: str) -> str:
    """A segment that holds a rawId in the generated clients' escaping; any other as it is."""
    plain = unquote(segment)
    return quote(plain, safe="") if plain.startswith(_RAW_ID_PREFIXES) else segment


# --- signing --------------------------------------------------------------------------------------------


def sign(method: str, target: str, host: str, body: bytes, secret: bytes, now: float) -> dict[str, str]:
    """Headers that authenticate a request of our own; the Host header sent must be ``host``. ``now`` is Unix
    time.
    """
    date = imf_fixdate(now)
    digest = _body_hash(body).decode("ascii")
    text = f"{method.upper()}\n{target}\n{date};{host};{digest}"
    signature = b64encode(hmac.digest(secret, text.encode(), "sha256")).decode("ascii")
    return {
        "x-ms-date": date,
        "x-ms-content-sha256": digest,
        "Authorization": f"{SCHEME} SignedHeaders={_SIGNED_HEADERS}&Signature={signature}",
    }


__all__ = [
    "DATE_WINDOW",
    "EMPTY_BODY_HASH",
    "AccessKey",
    "Verifier",
    "body_digest",
    "candidate_hosts",
    "candidate_targets",
    "decode_key",
    "sign",
]
