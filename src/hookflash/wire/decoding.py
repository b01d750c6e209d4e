"""From the bytes of a request body to a model, or a refusal that names every field at fault."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

import msgspec

from hookflash.wire.request_gates import gated_request
from hookflash.wire.results import Refusal, invalid_argument, several
from hookflash.wire.stand_ins import all_refusals
from hookflash.wire.validation import check
from hookflash.wire.versions import NEWEST
from hookflash.wire.violations import violations

T = TypeVar("T", bound=msgspec.Struct)

_MAX_REPEATED = 128
"""How many characters of the decoder's own complaint a message repeats."""


@cache
def _decoder(type_: type[msgspec.Struct]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(type_)


_ANYTHING = msgspec.json.Decoder()


@cache
def _all_optional(type_: type[msgspec.Struct]) -> bool:
    return all(not field.required for field in msgspec.structs.fields(type_))


def decode(type_: type[T], data: bytes, version: str = NEWEST) -> T:
    """Read ``data`` as ``type_`` and check what the types cannot say (ranges, combinations).

    Unknown names are ignored, and so are fields that the api-version ``version`` does not know (see
    :mod:`hookflash.wire.request_gates`); null and a missing field are the same. A body that is empty or null
    is taken for ``{}`` where nothing is required. Raises Refusal 400/8523 whose target is the first field at
    fault by its JSON path; where several are, ``details`` has an entry for each, 20 at most.
    """
    model: T
    try:
        model = _decoder(type_).decode(data)
    except msgspec.ValidationError as error:
        if data.strip() != b"null" or not _all_optional(type_):
            raise _refusal(type_, data, str(error)) from None
        model = type_()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if data.strip():
            raise _unreadable(error) from None
        if not _all_optional(type_):
            raise _not_json("it is empty") from None
        model = type_()
    model = gated_request(model, version)
    try:
        check(model)
    except Refusal as refusal:
        raise several(all_refusals(model, refusal)) from None
    return model


def _not_json(problem: str) -> Refusal:
    return Refusal(
        400, 8523, f"The request body cannot be read: {problem}; expected a JSON object.", target="body"
    )


def _unreadable(error: Exception) -> Refusal:
    if isinstance(error, RecursionError):
        return _not_json("it is nested too deeply")
    return _not_json(str(error).rstrip("."))


def _refusal(type_: type[msgspec.Struct], data: bytes, complaint: str) -> Refusal:
    """Every violation of a body that is not a ``type_``; else the decoder's own ``complaint``."""
    try:
        found = violations(type_, _ANYTHING.decode(data))
    except msgspec.ValidationError:
        found = []  # A number that no float holds; the complaint names its place.
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # The fields were wrong before the point where the JSON is; that point is what to mend first.
        return _unreadable(error)
    if found:
        return several([invalid_argument(path or "body", problem) for path, problem in found])
    problem, _, path = complaint.partition(" - at `$")
    path = path.removesuffix("`").removeprefix(".")
    if len(problem) > _MAX_REPEATED:
        problem = f"{problem[:_MAX_REPEATED]}..."
    return invalid_argument(path or "body", f"{problem}.")
