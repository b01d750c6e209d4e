"""The offers and answers of one dialog, one after the other (RFC 3264 sections 5 to 8)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hookflash.sip import codecs as known
from hookflash.sip.codecs import DEFAULT
from hookflash.sip.crypto import SUITES
from hookflash.sip.offer import AudioMedia, accept, answer, offer
from hookflash.sip.sdp import Origin, RtpMap, SessionDescription


@dataclass(slots=True)
class Negotiation:
    """The offers and answers of one dialog: keeps the o= line, its version, and the codec in use.

    ``host``/``port`` is our RTP address, ``session_id`` digits that are unique to the dialog. ``srtp`` is one
    of :data:`hookflash.sip.offer.POLICIES`. A description
    that equals the last one keeps its version, any other raises it by one (RFC 3264 section 8). ``media``
    is what is agreed so far; a failed attempt leaves it as it was.

    Payload types keep their meaning. Our key for a suite, made with ``entropy``, stays until the suite is no
    longer used, and never comes back then: the same key with packet numbers that begin anew would encrypt
    two packets alike (RFC 3711 section 9.1).
    """

    host: str
    port: int
    session_id: str
    codecs: Sequence[str] = DEFAULT
    events: bool = True
    media: AudioMedia | None = None
    local: SessionDescription | None = None
    srtp: str = "off"
    entropy: Callable[[int], bytes] = field(default=secrets.token_bytes, repr=False)
    _pending: SessionDescription | None = field(default=None, repr=False)
    _version: int = field(default=0, repr=False)
    _last: SessionDescription | None = field(default=None, repr=False)
    _numbers: dict[RtpMap, int] = field(default_factory=dict, repr=False)
    _keys: dict[str, bytes] = field(default_factory=dict, repr=False)

    def offer(self, *, sending: bool = True, receiving: bool = True) -> SessionDescription:
        """An offer: the first, a re-offer (codec in use first), or what an empty INVITE asks for."""
        description = offer(
            self.host,
            self.port,
            session_id=self.session_id,
            codecs=self.codecs,
            sending=sending,
            receiving=receiving,
            events=self.events,
            media=self.media,
            numbers=self._numbers,
            slots=self.local.media if self.local else (),
            srtp=self.srtp,
            key=self._key,
        )
        self._pending = self._numbered(description)
        return self._pending

    def restate(self) -> None:
        """What stands was offered again as it is, to refresh the session (RFC 4028); accept its answer."""
        self._pending = self.local

    def answer(
        self, remote: SessionDescription, *, sending: bool = True, receiving: bool = True
    ) -> SessionDescription | None:
        """The answer to send for the peer's offer; None when nothing is common: 488, no change."""
        found = answer(
            remote,
            self.host,
            self.port,
            session_id=self.session_id,
            codecs=self.codecs,
            sending=sending,
            receiving=receiving,
            events=self.events,
            keep=self.media,
            srtp=self.srtp,
            key=self._key,
        )
        if found is None:
            return None
        self._settle(found.media)
        self._pending = None
        self.local = self._numbered(found.description)
        return self.local

    def accept(self, remote: SessionDescription) -> AudioMedia | None:
        """Take the peer's answer to our last offer; None when it is no answer to it, and nothing changes.

        May be called again for the same offer: a 183 brings the answer early and the 200 repeats it.
        """
        if self._pending is None:
            return None
        media = accept(self._pending, remote, self.srtp)
        if media is not None:
            self._settle(media)
            self.local = self._pending
        return media

    def _settle(self, media: AudioMedia) -> None:
        former = self.media.srtp if self.media is not None else None
        if former is not None and (media.srtp is None or media.srtp.suite != former.suite):
            self._keys.pop(former.suite, None)
        self.media = media

    def _key(self, suite: str) -> bytes:
        if suite not in self._keys:
            self._keys[suite] = self.entropy(SUITES[suite])
        return self._keys[suite]

    def _numbered(self, description: SessionDescription) -> SessionDescription:
        last = self._last
        if last is None or (last.media, last.connection) != (description.media, description.connection):
            self._version += 1
        for media in description.media:
            if media.port:
                given = {form: number for number, form in known.formats(media)}
                kept = {form: one for form, one in self._numbers.items() if one not in given.values()}
                self._numbers = kept | given
        origin = Origin("-", self.session_id, self._version, self.host)
        self._last = SessionDescription(origin, description.connection, description.media)
        return self._last
