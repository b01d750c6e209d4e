"""How a setting is written down: a dataclass field with its kind."""

from __future__ import annotations

from copy import copy
from dataclasses import field
from typing import Any, TypeVar

from hookflash.config.kinds import Kind

T = TypeVar("T")


def setting(kind: Kind, default: T, *, loose: str = "") -> T:
    """A setting with a default. ``loose`` marks a looseness: true by default in dev mode, false in
    production; the text says what it allows."""
    metadata = {"kind": kind, "loose": loose}
    if isinstance(default, dict):
        made: T = field(default_factory=lambda: copy(default), metadata=metadata)
        return made
    value: T = field(default=default, repr=not kind.secret, metadata=metadata)
    return value


def required(kind: Kind) -> Any:
    """A setting without a default."""
    return field(repr=not kind.secret, metadata={"kind": kind, "loose": ""})
