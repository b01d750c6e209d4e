"""Abbreviations in plain English texts, written out."""

from __future__ import annotations

import re

_TITLES = {
    "Mr": "Mister",
    "Mrs": "Missus",
    "Ms": "Miz",
    "Prof": "Professor",
    "Rev": "Reverend",
    "Gov": "Governor",
    "Capt": "Captain",
    "Lt": "Lieutenant",
    "Sgt": "Sergeant",
    "Gen": "General",
    "Sen": "Senator",
}
"""Before a name."""
_DOTTED = {
    "Jr": "Junior",
    "Sr": "Senior",
    "Inc": "Incorporated",
    "Ltd": "Limited",
    "Corp": "Corporation",
    "Co": "Company",
    "Bros": "Brothers",
    "Ave": "Avenue",
    "Blvd": "Boulevard",
    "Rd": "Road",
    "Ln": "Lane",
    "Hwy": "Highway",
    "Pkwy": "Parkway",
    "Bldg": "Building",
    "Apt": "Apartment",
    "Dept": "Department",
    "dept": "department",
    "Govt": "Government",
    "etc": "et cetera",
    "approx": "approximately",
    "Approx": "Approximately",
    "appt": "appointment",
    "acct": "account",
    "incl": "including",
    "excl": "excluding",
    "misc": "miscellaneous",
    "tel": "telephone",
    "Tel": "Telephone",
    "vs": "versus",
    "min": "minimum",
    "max": "maximum",
}
"""With their full stop."""
_PHRASES = {"e.g": "for example", "i.e": "that is", "E.g": "For example", "I.e": "That is"}

_TITLE = re.compile(rf"\b({'|'.join(_TITLES)})\.?[ \u00a0](?=[A-Z]|and Mrs)")
_DOT = re.compile(rf"\b({'|'.join(_DOTTED)})\.(?![\w@])")
_PHRASE = re.compile(r"(?<![\w.])([eEiI]\.[ ]?[ge])\.(?!\w)")
_EXTENSION = re.compile(r"\b([Ee])xt\.?[ \u00a0]?(?=\d)")
_STREET = re.compile(r"\b(Dr|St)\b(\.?)(?![\w'’])")
_HOUSE = re.compile(r"\d\w{0,3}[ \u00a0](?:[NSEW]\.?[ \u00a0])?(?:[A-Z0-9][\w'’]{0,20}[ \u00a0]){1,3}$")
_NAMED = re.compile(r"(?<![.!?:\n] )(?<![\n.!?:])[ \u00a0][A-Z][\w'’]{1,20}[ \u00a0]$")
_BEFORE = 90
"""Characters that are looked at for a house number."""
_NAME_FOLLOWS = re.compile(r"[ \u00a0]{1,2}[A-Z]")
_END = re.compile(r"[\"'”’)\]]*(?:\s*$|\s*\n|\s+[\"'“‘(\[]*[A-Z])")


def write_out(text: str) -> str:
    """``text`` with its common abbreviations written out: "Dr. Lee, e.g." is "Doctor Lee, for example"."""
    text = _PHRASE.sub(lambda match: _PHRASES[match[1].replace(" ", "")], text)
    text = _EXTENSION.sub(lambda match: f"{match[1]}xtension ", text)
    text = _STREET.sub(_street, text)
    text = _TITLE.sub(lambda match: f"{_TITLES[match[1]]} ", text)
    return _DOT.sub(lambda match: _DOTTED[match[1]] + stop_after(match), text)


def stop_after(match: re.Match[str]) -> str:
    """The full stop of an abbreviation where it ends a sentence too, "" elsewhere."""
    return "." if _END.match(match.string, match.end()) else ""


def _street(match: re.Match[str]) -> str:
    """ "Dr" and "St" are a doctor and a saint before a name, and a drive and a street behind one."""
    short, dot = match[1], match[2]
    before = match.string[max(0, match.start() - _BEFORE) : match.start()]
    named = _NAME_FOLLOWS.match(match.string, match.end()) is not None
    behind = _HOUSE.search(before) is not None or (short == "St" and _NAMED.search(before) is not None)
    if named and not behind:
        return "Doctor" if short == "Dr" else "Saint"
    if not behind and not dot:
        return match[0]
    if short == "Dr" and not behind and not _NAMED.search(before):
        return "Doctor" + stop_after(match)
    return ("Drive" if short == "Dr" else "Street") + (stop_after(match) if dot else "")
