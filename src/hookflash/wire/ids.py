"""Opaque ids in their documented formats, each with the owning node's short id inside (contract section 3.4).

Every id holds a version 4 GUID whose last group starts with the node:
``xxxxxxxx-xxxx-4xxx-yxxx-NNNNxxxxxxxx``, four hex digits, the rest random. :class:`Minter` is the only place
that writes ids, :func:`read_node` the only one that reads the node back, so a cluster can route by id without
a lookup.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from uuid import UUID

import msgspec

from hookflash.wire.timestamps import dotnet_ticks

_NODE_DIGITS = 4
_HEX = frozenset("0123456789abcdef")
_CONTEXT_HEADER = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode("ascii")
_MAX_LENGTH = 16_384
"""Longest id looked into; real ones stay under 8 kB."""


def node_of(name: str) -> str:
    """A node id (four hex digits) for a name such as a host name; equal names give equal ids."""
    return hashlib.sha256(name.encode()).hexdigest()[:_NODE_DIGITS]


class _Recording(msgspec.Struct):
    PlatformEndpointId: str
    ResourceSpecificId: str


class _Context(msgspec.Struct):
    cc: str


_ENCODE = msgspec.json.Encoder().encode
_RECORDING = msgspec.json.Decoder(_Recording)
_CONTEXT = msgspec.json.Decoder(_Context)


class Minter:
    """Mints ids for one node.

    ``node`` is one to four hex digits. ``entropy(n)`` returns n random bytes (``os.urandom`` outside tests),
    ``wall()`` Unix time in seconds. ``host`` appears in serverCallIds; it need not resolve.
    """

    def __init__(
        self,
        node: str,
        entropy: Callable[[int], bytes],
        *,
        wall: Callable[[], float] = lambda: 0.0,
        host: str = "hookflash.internal",
    ) -> None:
        folded = node.lower()
        if not 1 <= len(folded) <= _NODE_DIGITS or not _HEX.issuperset(folded):
            raise ValueError(
                f"node id {node!r} is not one to {_NODE_DIGITS} hex digits; node_of(name) gives one"
            )
        self.node = folded.zfill(_NODE_DIGITS)
        self._number = bytes.fromhex(self.node)
        self._entropy = entropy
        self._wall = wall
        self._host = host

    def _bytes(self) -> bytes:
        raw = bytearray(self._entropy(16))
        raw[6] = 0x40 | (raw[6] & 0x0F)
        raw[8] = 0x80 | (raw[8] & 0x3F)
        raw[10:12] = self._number
        return bytes(raw)

    def guid(self) -> str:
        """A lower-case version 4 GUID with the node inside."""
        digits = self._bytes().hex()
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def call_connection_id(self) -> str:
        """One a leg."""
        return self.guid()

    def correlation_id(self) -> str:
        """One a call, the same for all its legs."""
        return self.guid()

    def invitation_id(self) -> str:
        return self.guid()

    def subscription_id(self) -> str:
        """Of a media streaming or transcription subscription."""
        return self.guid()

    def event_id(self) -> str:
        """Of a CloudEvent or Event Grid event."""
        return self.guid()

    def server_call_id(self) -> str:
        """One a call: padded standard base64 of a URL; its ``e`` is the time in .NET ticks."""
        conversation = base64.urlsafe_b64encode(self._bytes()).rstrip(b"=").decode("ascii")
        url = f"https://{self._host}/conv/{conversation}?i=0&e={dotnet_ticks(self._wall())}"
        return base64.b64encode(url.encode()).decode("ascii")

    def recording_id(self, call_connection_id: str | None = None) -> str:
        """Unpadded base64url of a small JSON object; ``call_connection_id`` is the leg that started it, if
        one did.
        """
        pair = _Recording(call_connection_id or self.guid(), self.guid())
        return base64.urlsafe_b64encode(_ENCODE(pair)).rstrip(b"=").decode("ascii")

    def incoming_call_context(self) -> str:
        """A string shaped like an unsigned JWT: header, payload and a final dot. Safe in URLs and JSON."""
        claim = base64.b64encode(self._bytes() + self._entropy(16)).decode("ascii")
        payload = base64.urlsafe_b64encode(_ENCODE(_Context(claim))).rstrip(b"=").decode("ascii")
        return f"{_CONTEXT_HEADER}.{payload}."

    def user_id(self, resource: str) -> str:
        """A communication user of ``resource`` (its GUID): ``8:acs:<resource>_<guid>``, never another
        underscore.
        """
        return f"8:acs:{resource}_{self.guid()}"


def recording_connection(recording_id: str) -> str | None:
    """The ``PlatformEndpointId`` of a recordingId: the callConnectionId that started it, if one did.

    None when it is no recordingId.
    """
    if len(recording_id) > _MAX_LENGTH:
        return None
    try:
        return _RECORDING.decode(_unpadded(recording_id)).PlatformEndpointId
    except (ValueError, binascii.Error, msgspec.MsgspecError, RecursionError):
        return None


def read_node(text: str) -> str | None:
    """The node inside an id any :class:`Minter` minted, in four hex digits; None when the text is no such id.

    A GUID made elsewhere gives an arbitrary node: whether the id exists is for that node to say.
    """
    if not text or len(text) > _MAX_LENGTH:
        return None
    if text.startswith("8:acs:"):
        return _node_in_guid(text.rpartition("_")[2])
    if len(text) == 36:
        return _node_in_guid(text)
    try:
        return _node_in_context(text) if text.endswith(".") else _node_in_base64(text)
    except (ValueError, binascii.Error, msgspec.MsgspecError, RecursionError):
        return None


def _node_in_guid(text: str) -> str | None:
    try:
        guid = UUID(text)
    except ValueError:
        return None
    return _node_in_bytes(guid.bytes) if len(text) == 36 else None


def _node_in_bytes(raw: bytes) -> str | None:
    if len(raw) < 16 or raw[6] >> 4 != 4 or raw[8] >> 6 != 2:
        return None
    return raw[10:12].hex()


def _unpadded(text: str) -> bytes:
    padded = text + "=" * (-len(text) % 4)
    return base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)


def _node_in_context(text: str) -> str | None:
    segments = text.split(".")
    if len(segments) != 3:
        return None
    return _node_in_bytes(_unpadded(_CONTEXT.decode(_unpadded(segments[1])).cc))


def _node_in_base64(text: str) -> str | None:
    inner = _unpadded(text)
    if inner.startswith(b"{"):
        return _node_in_guid(_RECORDING.decode(inner).ResourceSpecificId)
    _, mark, tail = inner.decode("ascii").partition("/conv/")
    return _node_in_bytes(_unpadded(tail.partition("?")[0])) if mark else None
