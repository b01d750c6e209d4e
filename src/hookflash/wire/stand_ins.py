"""The rules that a body breaks beside the first one, for the details of a refusal.

Rules are looked at in order and the first that is broken ends the look; good bodies pay nothing for it. What
is here runs only after a refusal: the field at fault is put right by a stand-in that no rule minds, and the
rules are looked at again. What is put right is the smallest part that will do: a field of an object within
the body where the rule names one, else the object around it. A part is told once.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from hookflash.wire.enums import PlaySourceKind, Tone
from hookflash.wire.identifiers import CommunicationIdentifierModel, CommunicationUserModel, Identifier
from hookflash.wire.parts import CallLocator
from hookflash.wire.requests import DtmfOptions, FileSource, PlaySource, RecognitionChoice
from hookflash.wire.results import Refusal
from hookflash.wire.validation import refusal_of
from hookflash.wire.violations import MOST

_URL = "https://stand-in.invalid/"
_USER = CommunicationIdentifierModel(
    communication_user=CommunicationUserModel("8:acs:00000000-0000-0000-0000-000000000000_stand-in")
)
_PHONE = Identifier.phone("+15550100").to_model()
_SOURCE = PlaySource(PlaySourceKind.FILE, file=FileSource(_URL))

_STAND_INS: dict[str, Any] = {
    "callback_uri": _URL,
    "call_locator": CallLocator(server_call_id="stand-in"),
    "choices": [RecognitionChoice("stand-in", ["stand-in"])],
    "dtmf_options": DtmfOptions(max_tones_to_collect=1),
    "from_call": "stand-in",
    "incoming_call_context": "stand-in",
    "invitation_id": "stand-in",
    "label": "stand-in",
    "max_tones_to_collect": 1,
    "participant_to_add": _USER,
    "participant_to_remove": _USER,
    "play_source_info": _SOURCE,
    "play_sources": [_SOURCE],
    "play_to": _USER,
    "target": _USER,
    "target_participant": _PHONE,
    "target_participants": [_USER],
    "targets": [_USER],
    "tones": [Tone.ONE],
    "uri": _URL,
}
"""For fields that cannot be left out: values that are good, and ask nothing of any other field."""
_ASKED_FOR = frozenset({"choices", "dtmf_options", "max_tones_to_collect"})
"""Fields that may be left out, but that others ask for: they get their stand-ins, the rest is left out."""
_NOT_ALONE = frozenset({"tone", "kind"})
"""Fields that cannot be put right without others of the same object: all of it is."""
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_MOST_LOOKS = 4 * MOST
"""How often the rules of one body are looked at."""

Path = tuple[str | int, ...]
"""Names of fields as the wire spells them, and places in lists."""


class _NoStandIn(Exception):
    """Nothing is known to put a part right with."""


def all_refusals(model: msgspec.Struct, first: Refusal) -> list[Refusal]:
    """``first`` and the refusals that would follow if what it names were put right, and so on; at most
    :data:`hookflash.wire.violations.MOST`, one a part of the body.
    """
    found = [first]
    mended: set[Path] = set()
    refusal = first
    for _ in range(_MOST_LOOKS):
        path = _path(refusal.target or "")
        try:
            while path in mended:
                path = path[:-1]  # the stand-in did not do: try one for what is around it
            model, depth = _mend(model, path)
        except _NoStandIn:
            break  # a fault between fields, or one that no stand-in mends
        mended.add(path[:depth])
        following = refusal_of(model)
        if following is None or len(found) == MOST:
            break
        refusal = following
        path = _path(refusal.target or "")
        if not any(path[:length] in mended for length in range(1, len(path) + 1)):
            found.append(refusal)
    return found


def _path(target: str) -> Path:
    return tuple(name or int(place) for name, place in _STEP.findall(target))


def _mend(part: Any, path: Path, depth: int = 0) -> tuple[Any, int]:
    """``part`` with what lies at ``path`` in it put right, as small a piece of it as there is, and how many
    steps down the whole path that piece lies.
    """
    if not path:
        raise _NoStandIn
    step, rest = path[0], path[1:]
    if isinstance(part, list) and isinstance(step, int) and step < len(part):
        good, where = _mend(part[step], rest, depth + 1)
        return [*part[:step], good, *part[step + 1 :]], where
    if not isinstance(part, msgspec.Struct):
        raise _NoStandIn
    field = next((one for one in msgspec.structs.fields(part) if one.encode_name == step), None)
    if field is None or field.name in _NOT_ALONE:
        raise _NoStandIn
    try:
        good, where = _mend(getattr(part, field.name), rest, depth + 1)
    except _NoStandIn:
        wanted = field.required or field.name in _ASKED_FOR
        if wanted and field.name not in _STAND_INS:
            raise
        good, where = _STAND_INS[field.name] if wanted else None, depth + 1
    return msgspec.structs.replace(part, **{field.name: good}), where
