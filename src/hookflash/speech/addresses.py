"""E-mail and web addresses in plain English texts, as people say them on a telephone."""

from __future__ import annotations

import re

from hookflash.speech import numbers

_ENDINGS = frozenset(
    """com org net edu gov mil int info biz name mobi jobs travel museum app dev cloud online shop store site
    tech blog page agency io ai co tv fm uk ca au nz ie za de ch fr es nl dk se fi pl pt cz jp cn kr br mx
    ru eu example test invalid""".split()  # noqa: SIM905 - so many quotes cannot be read
)
"""What an address has to end with where nothing else says that it is one."""
_SIGNS = {
    ".": "dot",
    "/": "slash",
    "-": "dash",
    "_": "underscore",
    "@": "at",
    ":": "colon",
    "?": "question mark",
    "=": "equals",
    "&": "and",
    "#": "hash",
    "%": "percent",
    "+": "plus",
    "~": "tilde",
}
# Every part of a pattern begins with a character that the part before it can not have.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL}){{1,8}}"
_MAIL = re.compile(rf"(?<![\w.%+-])(?:mailto:)?([A-Za-z0-9._%+-]{{1,64}}@{_HOST})(?![\w@-])")
_WEB = re.compile(
    rf"(?<![\w.@/-])(?:https?://({_LABEL}(?:\.{_LABEL}){{0,8}})|({_HOST}))"
    r"(:\d{1,5})?((?:[/?#][\w./~%&=?#+:@-]{0,400})?)(?![\w@])",
    re.IGNORECASE | re.ASCII,
)
_PART = re.compile(r"[A-Za-z]+|\d+|[^A-Za-z\d]")


def say_addresses(text: str) -> str:
    """``text`` with its addresses in words: "a.b@example.com" is "a dot b at example dot com".

    ``http://`` and ``https://``, which every browser puts there itself, are left out.
    """
    if "@" in text:
        text = _MAIL.sub(lambda match: _spoken(match[1]), text)
    return _WEB.sub(_web, text) if "." in text or "://" in text else text


def _web(match: re.Match[str]) -> str:
    host, port, path = match[1] or match[2], match[3] or "", match[4]
    certain = match[1] is not None or host.lower().startswith("www.")
    if not certain and host.rpartition(".")[2] not in _ENDINGS:
        return match[0]
    bare = path.rstrip("/.?:")
    # What ends the sentence is not of the address.
    rest = path[len(bare) :].lstrip("/")
    return _spoken(host + port + bare) + rest


def _spoken(address: str) -> str:
    """An address, sign by sign; short endings ("uk") are spelled."""
    host = address.partition("/")[0]
    parts = _PART.findall(address)
    cut = len(_PART.findall(host)) - 1
    said = []
    for at, part in enumerate(parts):
        if part in _SIGNS:
            said.append(_SIGNS[part])
        elif at == cut and len(part) == 2 and part.isalpha():
            said.append(" ".join(part.upper()))
        elif part.isdigit() and (len(part) > 2 or part[0] == "0"):
            said.append(numbers.digits(part))
        else:
            said.append(part)
    return " ".join(said)
