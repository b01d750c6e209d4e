"""Request bodies from bytes: one call that gives a checked model or a refusal that names the field."""

from __future__ import annotations

from functools import cache
from typing import TypeVar

import msgspec

from hookflash.wire.results import Refusal, invalid_argument
from hookflash.wire.validation import check

T = TypeVar("T", bound=msgspec.Struct)


@cache
def _decoder(type_: type[T]) -> msgspec.json.Decoder[T]:
    return msgspec.json.Decoder(type_)


def decode(type_: type[T], data: bytes) -> T:
    """Read ``data`` as ``type_`` and check what the types cannot say (ranges, combinations).

    Unknown names are ignored; null and a missing field are the same. Raises Refusal 400/8523.
    """
    try:
        model: T = _decoder(type_).decode(data)
    except msgspec.ValidationError as error:
        raise invalid_argument("body", str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(400, 8523, f"The body is not JSON: {error}", target="body") from None
    check(model)
    return model
