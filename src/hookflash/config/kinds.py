"""The kinds of value a setting can have: how each is read from TOML and from text, and what is expected.

A kind turns a raw value into its Python value or raises :class:`Unfit` with what was expected. Text from the
environment and from flags is first read by :meth:`Kind.from_text` (JSON for lists and tables, commas for
simple lists), then checked like a value of the file.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

KEY_BYTES = 32
"""Least length of an access key in bytes, the length of the HMAC-SHA256 output."""


class Unfit(ValueError):
    """A value does not fit its kind; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class Kind:
    """``expected`` is for people; ``check`` returns the value to keep or raises ``Unfit``; ``secret`` values
    are never shown."""

    expected: str
    check: Callable[[Any], Any]
    read: Callable[[str], Any] = str
    secret: bool = False
    rows: type | None = None
    """The dataclass of a nested table, if the kind is one."""
    relative: bool = False
    """A path that starts at the configuration file."""

    def from_text(self, text: str) -> Any:
        """The raw value that ``text`` (an environment variable, a flag) stands for; raises ``Unfit``."""
        try:
            return self.read(text)
        except ValueError as error:
            raise Unfit(self.expected) from error

    def parse(self, value: Any) -> Any:
        try:
            return self.check(value)
        except Unfit:
            raise
        except (ValueError, TypeError) as error:
            raise Unfit(self.expected) from error


@dataclass(frozen=True, slots=True)
class Address:
    """A host (name or IP address) and a port to listen on."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class PortRange:
    """UDP ports ``first`` to ``last``, both included."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


def parse_address(text: str) -> Address:
    """``host:port``, ``[v6]:port``; raises ``ValueError``."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not re.fullmatch(r"\d{1,5}", port) or int(port) > 65535:
        raise ValueError(text)
    if host.startswith("[") and host.endswith("]"):
        return Address(str(IPv6Address(host[1:-1])), int(port))
    if not re.fullmatch(r"[A-Za-z0-9._-]+", host):
        raise ValueError(text)
    return Address(host, int(port))


def _string(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError
    return value


def text(expected: str = "a string", *, secret: bool = False) -> Kind:
    """A non-empty string."""
    return Kind(expected, _string, secret=secret)


def pattern(expected: str, regex: str) -> Kind:
    compiled = re.compile(regex)

    def check(value: Any) -> str:
        if not compiled.fullmatch(_string(value)):
            raise ValueError
        return str(value)

    return Kind(expected, check)


def choice(*names: str) -> Kind:
    """One of a few words, in any casing."""
    by_fold = {name.casefold(): name for name in names}

    def check(value: Any) -> str:
        try:
            return by_fold[_string(value).casefold()]
        except KeyError:
            raise ValueError from None

    return Kind("one of " + ", ".join(f'"{name}"' for name in names), check)


def integer(low: int, high: int, unit: str = "") -> Kind:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError
        return value

    return Kind(f"a whole number{unit and ' of ' + unit} from {low} to {high}", check, int)


def number(low: float, high: float, unit: str = "") -> Kind:
    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ValueError
        return float(value)

    return Kind(f"a number{unit and ' of ' + unit} from {low:g} to {high:g}", check, float)


_WORDS = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


def _read_boolean(value: str) -> bool:
    try:
        return _WORDS[value.strip().casefold()]
    except KeyError:
        raise ValueError(value) from None


def boolean() -> Kind:
    def check(value: Any) -> bool:
        if not isinstance(value, bool):
            raise TypeError
        return value

    return Kind("true or false", check, _read_boolean)


def address() -> Kind:
    return Kind(
        'an address "host:port", such as "127.0.0.1:8080"', lambda value: parse_address(_string(value))
    )


def _host(value: Any) -> str:
    host = _string(value)
    if re.fullmatch(r"[0-9.]+", host) or ":" in host:
        return str(ip_address(host))
    if not re.fullmatch(r"(?!-)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.?", host):
        raise ValueError
    return host


def host() -> Kind:
    return Kind('an IP address or host name, such as "203.0.113.7"', _host)


def peers() -> Kind:
    """Addresses or networks, kept as canonical text."""
    return listing(
        Kind(
            'an IP address or network, such as "203.0.113.0/24"',
            lambda v: str(ip_network(_string(v), strict=False)),
        )
    )


def url(*schemes: str) -> Kind:
    names = " or ".join(f"{scheme}://" for scheme in schemes)

    def check(value: Any) -> str:
        parts = urlsplit(_string(value))
        if parts.scheme not in schemes or not parts.hostname or parts.port == 0:
            raise ValueError
        return str(value)

    return Kind(f"a URL that begins with {names}", check)


def path(*, relative: bool = False) -> Kind:
    """A path; a ``relative`` one starts at the directory of the configuration file."""
    return Kind("a path", _string, relative=relative)


def guid() -> Kind:
    def check(value: Any) -> str:
        if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", _string(value)):
            raise ValueError
        return str(uuid.UUID(value))

    return Kind('a GUID, such as "6d889502-3d7a-41a8-befa-d21fd80e8767"', check)


def access_key() -> Kind:
    def check(value: Any) -> str:
        try:
            raw = base64.b64decode(_string(value), validate=True)
        except binascii.Error as error:
            raise ValueError from error
        if len(raw) < KEY_BYTES:
            raise ValueError
        return str(value)

    return Kind(
        f"base64 of at least {KEY_BYTES} bytes (make one: openssl rand -base64 64)", check, secret=True
    )


def token() -> Kind:
    """A static bearer token."""
    return Kind(
        "a token of 16 to 4096 letters, digits and -._~+/= (make one: openssl rand -hex 32)",
        pattern("", r"[A-Za-z0-9._~+/=-]{16,4096}").check,
        secret=True,
    )


def e164() -> Kind:
    return pattern('an E.164 number, such as "+14255550123"', r"\+[1-9]\d{1,14}")


def as_regex(pattern: str) -> str:
    """The regular expression of a number pattern: itself, or for a prefix ("+49", "+49*", "*") the prefix and
    a group of what follows."""
    if re.fullmatch(r"\+?\d*\*?", pattern):
        return re.escape(pattern.removesuffix("*")) + "(.*)"
    return pattern


def number_pattern() -> Kind:
    """A prefix or a regular expression, kept as it was written."""

    def check(value: Any) -> str:
        try:
            re.compile(as_regex(_string(value)))
        except re.error as error:
            raise ValueError from error
        return str(value)

    return Kind(r"a prefix such as '+49*', or a regular expression over the whole number, '\+49(\d+)'", check)


def rewriting_parts(text: str) -> tuple[str, str]:
    """Pattern and replacement of ``"PATTERN -> REPLACEMENT"``; raises ``ValueError``."""
    pattern, arrow, replacement = text.partition("->")
    if not arrow:
        raise ValueError(text)
    return pattern.strip(), replacement.strip()


def rewriting() -> Kind:
    """How numbers that match a pattern are written, kept as it was given."""

    def check(value: Any) -> str:
        pattern, replacement = rewriting_parts(_string(value))
        try:
            # The template is compiled against the pattern; the text itself does not matter.
            re.compile(f"(?:{as_regex(pattern)})|").sub(replacement, "")
        except (re.error, IndexError) as error:
            raise ValueError from error
        return str(value)

    return Kind(r"'PATTERN -> REPLACEMENT', such as '00* -> +\1' or '\+49(\d+) -> 0\1'", check)


def ports() -> Kind:
    def check(value: Any) -> PortRange:
        match = re.fullmatch(r"(\d{1,5})\s*-\s*(\d{1,5})", _string(value))
        if match is None:
            raise ValueError
        first, last = int(match[1]), int(match[2])
        if not 1024 <= first < last <= 65535:
            raise ValueError
        return PortRange(first, last)

    return Kind('a port range within 1024-65535, such as "20000-29999"', check)


def _read_list(value: str) -> Any:
    if value.lstrip().startswith("["):
        return json.loads(value)
    return [item.strip() for item in value.split(",") if item.strip()]


def listing(item: Kind, *, least: int = 0) -> Kind:
    """A list of one kind, kept as a tuple; as text: JSON, or items divided by commas."""
    count = f"at least {least} of: " if least else "each "

    def check(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple) or len(value) < least:
            raise TypeError
        return tuple(item.parse(one) for one in value)

    return Kind(f"a list, {count}{item.expected}", check, _read_list, secret=item.secret)


def cpus() -> Kind:
    """Numbers of CPUs, or "auto"; kept as a tuple or that word, and "none" as an empty tuple."""

    def read(value: str) -> Any:
        if value.strip().casefold() in ("auto", "none"):
            return value.strip()
        return [int(one) for one in _read_list(value)]

    def check(value: Any) -> str | tuple[int, ...]:
        if isinstance(value, str):
            if value.casefold() not in ("auto", "none"):
                raise ValueError
            return "auto" if value.casefold() == "auto" else ()
        if not isinstance(value, list | tuple):
            raise TypeError
        number = integer(0, 4095)
        return tuple(number.parse(one) for one in value)

    return Kind('a list of CPU numbers, such as [1, 2], or "auto" or "none"', check, read)


def record() -> Kind:
    """A table of any values; what it means is checked where it is used."""

    def check(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise TypeError
        return dict(value)

    return Kind("a table", check, json.loads)


def mapping(item: Kind) -> Kind:
    """A table from names to values of one kind; as text: JSON."""

    def check(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise TypeError
        return {_string(name): item.parse(one) for name, one in value.items()}

    return Kind(f"a table of names and values, each {item.expected}", check, json.loads, secret=item.secret)


def table(rows: type) -> Kind:
    """A nested table with settings of its own, a dataclass; the loader walks into it."""

    def check(value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise TypeError
        return value

    return Kind("a table", check, json.loads, rows=rows)
