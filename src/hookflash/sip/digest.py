"""Digest authentication (RFC 2617, RFC 7616, RFC 8760): both the side that asks and the side that answers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from hookflash.sip.errors import ParseError
from hookflash.sip.grammar import MAX_PARAMS, printable, quote, unquote
from hookflash.sip.uri import SipUri

NONCE_LIFETIME = 60.0
"""Seconds for which a server takes a nonce; after that it says stale and gives a new one."""
NO_CREDENTIALS = "it gave no credentials"
"""What is wrong with a request that has to be challenged first."""
MAX_NONCES = 10_000
"""Most nonces whose counters a server remembers."""

_TICK = 0.001
"""Seconds that a nonce tells apart."""

_HASHES: Final = {"md5": "md5", "sha-256": "sha256", "sha-512-256": "sha512_256"}
_STRENGTH: Final = ("sha-512-256", "sha-256", "md5")
_PAIR = re.compile(
    r"[ \t]*+([A-Za-z0-9\-.!%*_+`'~]++)[ \t]*+=[ \t]*+(\"(?:[^\"\\]|\\.)*+\"|[^\s\",]++)[ \t]*+(?:,|$)"
)
_NC = re.compile(r"[0-9A-Fa-f]{8}")


def _hash(algorithm: str, data: bytes) -> str:
    return hashlib.new(_HASHES[algorithm], data, usedforsecurity=False).hexdigest()


def parse_pairs(value: str, header: str = "") -> dict[str, str]:
    """The ``name=value`` pairs after the scheme of a Digest header, unquoted, names in lower case.

    Raises :class:`ParseError` for another scheme, bad syntax, and names that come twice.
    """
    scheme, _, rest = value.strip(" \t").partition(" ")
    if scheme.lower() != "digest":
        raise ParseError(f'the scheme "{printable(scheme)}" is not Digest', header=header)
    pairs: dict[str, str] = {}
    position = 0
    while position < len(rest):
        match = _PAIR.match(rest, position)
        if match is None:
            if not rest[position:].strip(" \t,"):
                break
            raise ParseError(f'expected name=value at "{printable(rest[position:], 40)}"', header=header)
        name = match[1].lower()
        if name in pairs or len(pairs) >= MAX_PARAMS:
            raise ParseError(f'"{printable(name)}" comes twice or is one too many', header=header)
        pairs[name] = unquote(match[2])
        position = match.end()
    return pairs


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a server asks for; ``algorithm`` as written (MD5 when absent), ``qop`` the options offered."""

    realm: str
    nonce: str
    algorithm: str = "MD5"
    qop: tuple[str, ...] = ()
    opaque: str | None = None
    stale: bool = False

    @classmethod
    def parse(cls, value: str) -> Challenge:
        """Read one WWW-Authenticate or Proxy-Authenticate value. Raises :class:`ParseError`."""
        pairs = parse_pairs(value, "WWW-Authenticate")
        if "realm" not in pairs or "nonce" not in pairs:
            raise ParseError("realm or nonce is missing", header="WWW-Authenticate")
        options = tuple(o.strip(" \t").lower() for o in pairs.get("qop", "").split(",") if o.strip(" \t"))
        return cls(
            pairs["realm"],
            pairs["nonce"],
            pairs.get("algorithm", "MD5"),
            options,
            pairs.get("opaque"),
            pairs.get("stale", "").lower() == "true",
        )

    @property
    def base(self) -> str:
        """The hash, in lower case without "-sess"."""
        return self.algorithm.lower().removesuffix("-sess")

    @property
    def supported(self) -> bool:
        """Whether we can answer it."""
        return self.base in _HASHES and (not self.qop or "auth" in self.qop)

    def __str__(self) -> str:
        qop = f', qop="{",".join(self.qop)}"' if self.qop else ""
        opaque = "" if self.opaque is None else f", opaque={quote(self.opaque)}"
        stale = ", stale=true" if self.stale else ""
        identity = f"realm={quote(self.realm)}, nonce={quote(self.nonce)}"
        return f"Digest {identity}, algorithm={self.algorithm}{qop}{opaque}{stale}"


def strongest(values: Sequence[str]) -> Challenge | None:
    """The challenge to answer: the strongest hash we support, the first of equals, or None."""
    found: list[Challenge] = []
    for value in values:
        try:
            challenge = Challenge.parse(value)
        except ParseError:
            continue
        if challenge.supported:
            found.append(challenge)
    return min(found, key=lambda challenge: _STRENGTH.index(challenge.base), default=None)


def response_hash(
    algorithm: str,
    username: str,
    realm: str,
    password: str,
    nonce: str,
    method: str,
    uri: str,
    *,
    qop: str | None = None,
    nc: str = "",
    cnonce: str = "",
) -> str:
    """The response (RFC 7616 section 3.4.1); ``algorithm`` may end in "-sess", ``nc`` is 8 hex digits."""
    base = algorithm.lower().removesuffix("-sess")
    first = _hash(base, f"{username}:{realm}:{password}".encode())
    if base != algorithm.lower():
        first = _hash(base, f"{first}:{nonce}:{cnonce}".encode())
    second = _hash(base, f"{method}:{uri}".encode())
    middle = f"{nonce}:{nc}:{cnonce}:{qop}" if qop else nonce
    return _hash(base, f"{first}:{middle}:{second}".encode())


def answer(
    challenge: Challenge,
    method: str,
    uri: str,
    username: str,
    password: str,
    *,
    cnonce: str,
    nc: int = 1,
) -> str:
    """The Authorization (or Proxy-Authorization) value for ``challenge``.

    ``cnonce`` is fresh randomness, ``nc`` how often this nonce has been used, from 1. Raises
    :class:`ValueError` for a challenge that is not ``supported``.
    """
    if not challenge.supported:
        raise ValueError(f"cannot answer a challenge with algorithm {printable(challenge.algorithm)}")
    qop = "auth" if challenge.qop else None
    count = f"{nc:08x}"
    digest = response_hash(
        challenge.algorithm,
        username,
        challenge.realm,
        password,
        challenge.nonce,
        method,
        uri,
        qop=qop,
        nc=count,
        cnonce=cnonce,
    )
    parts = [
        f"username={quote(username)}",
        f"realm={quote(challenge.realm)}",
        f"nonce={quote(challenge.nonce)}",
        f"uri={quote(uri)}",
        f'response="{digest}"',
        f"algorithm={challenge.algorithm}",
    ]
    if qop:
        parts += [f"qop={qop}", f"nc={count}"]
    if qop or challenge.base != challenge.algorithm.lower():
        parts.append(f"cnonce={quote(cnonce)}")
    if challenge.opaque is not None:
        parts.append(f"opaque={quote(challenge.opaque)}")
    return "Digest " + ", ".join(parts)


class DigestClient:
    """One account's side of digest: answers challenges and counts the uses of each nonce.

    ``entropy(n)`` returns n random bytes.
    """

    def __init__(self, username: str, password: str, entropy: Callable[[int], bytes]) -> None:
        self._username = username
        self._password = password
        self._entropy = entropy
        self._uses: OrderedDict[str, int] = OrderedDict()

    def answer(self, challenge: Challenge, method: str, uri: str) -> str:
        """Answer ``challenge``, also again for a later request with the same nonce."""
        count = self._uses.pop(challenge.nonce, 0) + 1
        self._uses[challenge.nonce] = count
        while len(self._uses) > 64:
            self._uses.popitem(last=False)
        cnonce = self._entropy(12).hex()
        return answer(challenge, method, uri, self._username, self._password, cnonce=cnonce, nc=count)


def _same_uri(claimed: str, uri: str) -> bool:
    if claimed == uri:
        return True
    try:
        return SipUri.parse(claimed).matches(SipUri.parse(uri))
    except ParseError:
        return False


class Verdict(Enum):
    """What a server makes of a request's credentials."""

    OK = "ok"
    MISSING = "missing"
    """None for our realm: challenge."""
    STALE = "stale"
    """Right password, but the nonce is too old, was used up or is none of ours: challenge with ``stale``."""
    WRONG = "wrong"
    """Wrong user, password or URI: challenge again, and count it against the peer."""


@dataclass(frozen=True, slots=True)
class Verified:
    """The outcome of :meth:`DigestServer.verify`; ``username`` is set where the password was right.

    ``claimed`` is the user name as the peer gave it, ``problem`` what was wrong: both are for those who run
    the server, and not to be told to the peer.
    """

    verdict: Verdict
    username: str = ""
    claimed: str = ""
    problem: str = ""


class DigestServer:
    """Mints nonces and verifies answers.

    A nonce carries its time and an HMAC over it, so that nothing is kept for a challenge that is never
    answered; only the counters of used nonces are kept, to refuse replays. ``secret`` is at least 16 random
    bytes. ``now`` is in seconds, monotonic.
    """

    def __init__(
        self,
        realm: str,
        secret: bytes,
        *,
        lifetime: float = NONCE_LIFETIME,
        algorithms: Sequence[str] = ("SHA-256", "MD5"),
    ) -> None:
        if len(secret) < 16:
            raise ValueError(f"the nonce secret has {len(secret)} bytes; use at least 16 random ones")
        self.realm = realm
        self._secret = secret
        self._lifetime = lifetime
        self._algorithms = tuple(algorithms)
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._minted_so_far = 0
        self._forgot = b""

    def challenges(self, now: float, *, stale: bool = False) -> list[str]:
        """The header values to send, one an algorithm, the preferred one first (RFC 8760 section 2.3)."""
        nonce = self._mint(now)
        return [
            str(Challenge(self.realm, nonce, algorithm, ("auth",), stale=stale))
            for algorithm in self._algorithms
        ]

    def verify(
        self,
        values: Sequence[str],
        method: str,
        uri: str,
        now: float,
        password_of: Callable[[str], str | None],
    ) -> Verified:
        """Check the Authorization values of a request.

        ``uri`` is its Request-URI; the one in the credentials has to be the same. ``password_of`` gives a
        user's password or None. An unknown user takes as long as a wrong password. Raises nothing.
        """
        found = Verified(Verdict.MISSING, problem=NO_CREDENTIALS)
        for value in values:
            try:
                pairs = parse_pairs(value)
            except ParseError as error:
                found = Verified(Verdict.MISSING, problem=f"its credentials cannot be read: {error}")
                continue
            if pairs.get("realm") == self.realm:
                return self._verify(pairs, method, uri, now, password_of)
            problem = f'its credentials are for the realm "{printable(pairs.get("realm", ""), 60)}"'
            found = Verified(Verdict.MISSING, claimed=pairs.get("username", ""), problem=problem)
        return found

    def _verify(
        self,
        pairs: dict[str, str],
        method: str,
        uri: str,
        now: float,
        password_of: Callable[[str], str | None],
    ) -> Verified:
        username, nonce = pairs.get("username", ""), pairs.get("nonce", "")
        algorithm, qop, nc = pairs.get("algorithm", "MD5"), pairs.get("qop"), pairs.get("nc", "")
        offered = {own.lower() for own in self._algorithms}

        def wrong(problem: str) -> Verified:
            return Verified(Verdict.WRONG, claimed=username, problem=problem)

        if algorithm.lower() not in offered:
            return wrong(f'it used the algorithm "{printable(algorithm, 40)}", which was not offered')
        if not _same_uri(pairs.get("uri", ""), uri):
            return wrong("its credentials are for another address")
        if qop is not None and (qop.lower() != "auth" or not _NC.fullmatch(nc) or not pairs.get("cnonce")):
            return wrong("its credentials lack qop, nc or cnonce as they were asked for")
        password = password_of(username)
        expected = response_hash(
            algorithm,
            username,
            self.realm,
            password or "",
            nonce,
            method,
            pairs["uri"],
            qop=qop,
            nc=nc,
            cnonce=pairs.get("cnonce", ""),
        )
        same = hmac.compare_digest(expected.encode(), pairs.get("response", "").lower().encode())
        if not same or password is None:
            return wrong("nobody has that user name" if password is None else "the password is wrong")
        # A nonce that is none of ours was ours before a restart, most likely: the password is right.
        stamp = self._stamp(nonce)
        if stamp is None or not self._is_fresh(stamp, now) or self._forgotten(nonce, stamp):
            return Verified(Verdict.STALE, username)
        if not self._count(nonce, int(nc, 16) if qop else 1):
            return Verified(Verdict.STALE, username)
        return Verified(Verdict.OK, username)

    def _count(self, nonce: str, count: int) -> bool:
        """Whether ``count`` is a use of ``nonce`` not seen before; remembers it."""
        if count <= self._counts.get(nonce, 0):
            return False
        self._counts[nonce] = count
        self._counts.move_to_end(nonce)
        while len(self._counts) > MAX_NONCES:
            gone, _ = self._counts.popitem(last=False)
            self._forgot = max(self._forgot, self._stamp(gone) or b"")
        return True

    def _forgotten(self, nonce: str, stamp: bytes) -> bool:
        """Whether nobody knows any more how often a nonce was used: it is older than one that was dropped.

        Otherwise who can use many nonces could wait until one that was overheard counts from the beginning.
        """
        return stamp <= self._forgot and nonce not in self._counts

    def _is_fresh(self, stamp: bytes, now: float) -> bool:
        age = now - int.from_bytes(stamp[:8], "big") / 1000
        return -_TICK <= age <= self._lifetime

    def _mint(self, now: float) -> str:
        # The counter keeps nonces of one millisecond apart: two users must not share a use counter.
        self._minted_so_far += 1
        stamp = int(now * 1000).to_bytes(8, "big") + (self._minted_so_far % 2**48).to_bytes(6, "big")
        return base64.urlsafe_b64encode(stamp + self._seal(stamp)).decode()

    def _stamp(self, nonce: str) -> bytes | None:
        """When we minted ``nonce``, and in which order; None when we did not."""
        try:
            raw = base64.urlsafe_b64decode(nonce.encode("ascii"))
        except ValueError:
            return None
        if len(raw) != 30 or not hmac.compare_digest(raw[14:], self._seal(raw[:14])):
            return None
        return raw[:14]

    def _seal(self, stamp: bytes) -> bytes:
        return hmac.digest(self._secret, stamp + self.realm.encode(), "sha256")[:16]
