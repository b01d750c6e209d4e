"""Header fields by name: an ordered multimap, and what RFC 3261 section 7.3.1 says about names and lists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from hookflash.sip.errors import ParseError
from hookflash.sip.grammar import has_control, is_token, printable, split_list

_COMPACT = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "n": "Identity-Info",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}
# fmt: off
# Headers whose grammar is a comma-separated list; all others keep their commas (Date, Authorization...).
_LISTS = [
    "Accept", "Accept-Contact", "Accept-Encoding", "Accept-Language", "Alert-Info", "Allow",
    "Allow-Events", "Call-Info", "Contact", "Content-Encoding", "Content-Language", "Diversion",
    "Error-Info", "History-Info", "In-Reply-To", "P-Asserted-Identity", "P-Associated-URI",
    "P-Early-Media", "P-Preferred-Identity", "Path", "Proxy-Require", "Reason", "Record-Route",
    "Reject-Contact", "Request-Disposition", "Require", "Resource-Priority", "Route", "Security-Client",
    "Security-Server", "Security-Verify", "Service-Route", "Supported", "Unsupported", "User-to-User",
    "Via", "Warning",
]
# Headers that may stand only once in a message.
_SINGLE = [
    "Call-ID", "Content-Disposition", "Content-Length", "Content-Type", "CSeq", "Date", "Event",
    "Expires", "From", "Max-Forwards", "MIME-Version", "Min-Expires", "Min-SE", "Organization",
    "Priority", "RAck", "Refer-To", "Referred-By", "Replaces", "Retry-After", "RSeq", "Session-Expires",
    "Subject", "Timestamp", "To",
]
_PLAIN = [
    "Authentication-Info", "Authorization", "Identity", "Identity-Info", "Join", "Privacy",
    "Proxy-Authenticate", "Proxy-Authorization", "Reply-To", "Server", "Session-ID", "Subscription-State",
    "User-Agent", "WWW-Authenticate",
]
# fmt: on

KNOWN: Final[dict[str, tuple[str, str]]] = {}
"""The usual spellings of known names and compact forms, to lookup key and canonical spelling."""
for _name in [*_LISTS, *_SINGLE, *_PLAIN]:
    for _spelling in {_name, _name.lower(), _name.upper(), _name.title()}:
        KNOWN[_spelling] = (_name.lower(), _name)
for _letter, _name in _COMPACT.items():
    KNOWN[_letter] = KNOWN[_letter.upper()] = (_name.lower(), _name)
_LIST_KEYS = frozenset(name.lower() for name in _LISTS)
_CREDENTIALS = frozenset(["authorization", "proxy-authorization"])
SINGLE: Final = frozenset(name.lower() for name in _SINGLE)
"""Keys of the headers that may stand only once in a message."""


def resolve(name: str) -> tuple[str, str]:
    """The lookup key and the canonical spelling of a header name. Raises :class:`ParseError`."""
    stripped = name.rstrip(" \t")
    known = KNOWN.get(stripped.lower())
    if known is not None:
        return known
    if not is_token(stripped):
        raise ParseError(f'"{printable(name)}" is not a header name')
    return stripped.lower(), stripped


def canonical_name(name: str) -> str:
    """The usual spelling of a header name; compact forms are expanded. Raises :class:`ParseError`."""
    return (KNOWN.get(name) or resolve(name))[1]


class Headers:
    """An ordered multimap of header fields; names compare without case and compact forms are expanded.

    Values are text as on the wire, trimmed and unfolded. Writing a value with control characters raises
    :class:`ValueError`: it would let a value break out of its line. Who puts lines into ``items`` itself does
    so before anything is looked up.
    """

    __slots__ = ("_first", "items")

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self.items: list[tuple[str, str, str]] = [self._entry(name, value) for name, value in items]
        self._first: dict[str, str] | None = None
        """The first line of each header by its key, made when one is looked up and dropped with a change."""

    @classmethod
    def read(cls, items: list[tuple[str, str, str]], first: dict[str, str]) -> Headers:
        """Of lines as they were read: key, canonical name and value each; ``first`` is their index."""
        headers = cls.__new__(cls)
        headers.items, headers._first = items, first
        return headers

    @staticmethod
    def _entry(name: str, value: str) -> tuple[str, str, str]:
        key, canonical = KNOWN.get(name) or resolve(name)
        if has_control(value):
            raise ValueError(f'the value of {canonical} holds control characters: "{printable(value)}"')
        return key, canonical, value

    def get(self, name: str) -> str | None:
        """The first line of a header, whole; None when there is none."""
        return self.index().get((KNOWN.get(name) or resolve(name))[0])

    def index(self) -> dict[str, str]:
        """The first line of each header by its key: the whole name in lower case. Not to be changed."""
        first = self._first
        if first is None:
            first = self._first = {key: value for key, _, value in reversed(self.items)}
        return first

    def lines(self, name: str) -> list[str]:
        """All lines of a header, not split."""
        key = (KNOWN.get(name) or resolve(name))[0]
        return [value for own, _, value in self.items if own == key]

    def all(self, name: str) -> list[str]:
        """All values of a header in order; comma lists are split where its grammar is a list.

        Raises :class:`ParseError` naming the header when a list is malformed.
        """
        key, canonical = KNOWN.get(name) or resolve(name)
        if key not in self.index():
            return []
        lines = [value for own, _, value in self.items if own == key]
        if key not in _LIST_KEYS:
            return lines
        try:
            return [value for line in lines for value in split_list(line)]
        except ParseError as error:
            raise error.naming(canonical) from None

    def tokens(self, name: str) -> frozenset[str]:
        """The values of a list of option tags (Supported, Require), lower-cased; not for methods (Allow)."""
        return frozenset(value.lower() for value in self.all(name))

    def add(self, name: str, value: str) -> None:
        """Append a line."""
        self._first = None
        self.items.append(self._entry(name, value))

    def extend(self, lines: Iterable[tuple[str, str]]) -> None:
        """Append lines."""
        self._first = None
        entry = self._entry
        self.items += [entry(name, value) for name, value in lines]

    def set(self, name: str, value: str) -> None:
        """Replace all lines of a header by one, in the place of the first; append when there was none."""
        entry = self._entry(name, value)
        self._first = None
        for index, item in enumerate(self.items):
            if item[0] == entry[0]:
                rest = [other for other in self.items[index + 1 :] if other[0] != entry[0]]
                self.items[index:] = [entry, *rest]
                return
        self.items.append(entry)

    def replace_first(self, name: str, value: str) -> None:
        """Replace the first value of a list header, leaving the others; append when there was none."""
        key, canonical, value = entry = self._entry(name, value)
        for index, (own, _, line) in enumerate(self.items):
            if own == key:
                if "," in line:
                    try:
                        value = ", ".join([value, *split_list(line)[1:]])
                    except ParseError as error:
                        raise error.naming(canonical) from None
                self.items[index] = (key, canonical, value)
                if self._first is not None:
                    self._first[key] = value
                return
        self._first = None
        self.items.append(entry)

    def remove(self, name: str) -> None:
        """Drop all lines of a header; nothing happens when there is none."""
        self._first = None
        key = (KNOWN.get(name) or resolve(name))[0]
        self.items = [item for item in self.items if item[0] != key]

    def copy(self) -> Headers:
        """An independent copy."""
        other = Headers()
        other.items = self.items.copy()
        return other

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter([(name, value) for _, name, value in self.items])

    def __len__(self) -> int:
        return len(self.items)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Headers):
            return NotImplemented
        return [(k, v) for k, _, v in self.items] == [(k, v) for k, _, v in other.items]

    def __repr__(self) -> str:
        """Without credentials: passwords can be guessed from them."""
        shown = [(name, "..." if key in _CREDENTIALS else value) for key, name, value in self.items]
        return f"Headers({shown!r})"
