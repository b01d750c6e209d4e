"""What the types of a request cannot say."""

from __future__ import annotations

import msgspec


def check(model: msgspec.Struct) -> None:
    """Raise Refusal 400/8523 that names the first field that is out of bounds."""
