"""The rules that a body breaks beside the first one, for the details of a refusal.

Rules are looked at in order and the first that is broken ends the look; good bodies pay nothing for it. What
is here runs only after a refusal: the field at fault is put right by a stand-in that no rule minds, and the
rules are looked at again. A field is told once.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from hookflash.wire.enums import PlaySourceKind
from hookflash.wire.identifiers import CommunicationIdentifierModel, CommunicationUserModel
from hookflash.wire.parts import CallLocator
from hookflash.wire.requests import FileSource, PlaySource
from hookflash.wire.results import Refusal
from hookflash.wire.validation import refusal_of
from hookflash.wire.violations import MOST

_URL = "https://stand-in.invalid/"
_USER = CommunicationIdentifierModel(
    communication_user=CommunicationUserModel("8:acs:00000000-0000-0000-0000-000000000000_stand-in")
)
_SOURCE = PlaySource(PlaySourceKind.FILE, file=FileSource(_URL))

_STAND_INS: dict[str, Any] = {
    "callback_uri": _URL,
    "call_locator": CallLocator(server_call_id="stand-in"),
    "from_call": "stand-in",
    "incoming_call_context": "stand-in",
    "invitation_id": "stand-in",
    "participant_to_add": _USER,
    "participant_to_remove": _USER,
    "play_source_info": _SOURCE,
    "play_sources": [_SOURCE],
    "play_to": _USER,
    "target": _USER,
    "target_participants": [_USER],
    "targets": [_USER],
}
"""For fields that cannot be left out: values that are good, and ask nothing of any other field."""


def all_refusals(model: msgspec.Struct, first: Refusal) -> list[Refusal]:
    """``first`` and the refusals that would follow if its field were put right, and so on; at most
    :data:`hookflash.wire.violations.MOST`, one a field of the body.
    """
    fields = {field.encode_name: field for field in msgspec.structs.fields(model)}
    found = [first]
    mended: set[str] = set()
    refusal: Refusal | None = first
    while refusal is not None and len(found) < MOST:
        name = re.split(r"[.\[]", refusal.target or "", maxsplit=1)[0]
        field = fields.get(name)
        if field is None or name in mended:
            break  # a fault between fields, or one that no stand-in mends
        if refusal is not first:
            found.append(refusal)
        mended.add(name)
        if field.required and field.name not in _STAND_INS:
            break
        good = _STAND_INS[field.name] if field.required else None
        model = msgspec.structs.replace(model, **{field.name: good})
        refusal = refusal_of(model)
    return found
