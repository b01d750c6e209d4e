"""Credentials for the requests of one call: remembers what was asked for, and answers it again in later
requests.
"""

from __future__ import annotations

from collections.abc import Callable

from hookflash.sip.digest import Challenge, DigestClient, strongest
from hookflash.sip.errors import ParseError
from hookflash.sip.message import Request, Response

_HEADERS = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}
MAX_REALMS = 4
"""Servers on the way that may each want their own credentials."""


class Authenticator:
    """One account in one call (RFC 3261 section 22). ``entropy(n)`` gives n unpredictable bytes."""

    def __init__(self, username: str, password: str, entropy: Callable[[int], bytes]) -> None:
        self._client = DigestClient(username, password, entropy)
        self._challenges: dict[tuple[str, str], Challenge] = {}
        self._fresh: set[tuple[str, str]] = set()

    def challenged(self, response: Response) -> bool:
        """Take note of a 401 or 407; False when nothing in it can be answered.

        Credentials refused at their first use with a nonce that is not called stale are wrong: asking again
        with them would only lock the account.
        """
        theirs, ours = _HEADERS[response.status]
        try:
            challenge = strongest(response.headers.all(theirs))
        except ParseError:
            return False
        if challenge is None:
            return False
        key = (ours, challenge.realm)
        if key in self._fresh and not challenge.stale:
            return False
        if key not in self._challenges and len(self._challenges) >= MAX_REALMS:
            return False
        self._challenges[key] = challenge
        self._fresh.discard(key)
        return True

    def apply(self, request: Request) -> None:
        """Add the credentials a request needs."""
        for key, challenge in self._challenges.items():
            value = self._client.answer(challenge, request.method, request.uri)
            request.headers.add(key[0], value)
            self._fresh.add(key)

    def accepted(self) -> None:
        """A request with these credentials passed: from now on a refusal means the nonce has aged."""
        self._fresh.clear()
