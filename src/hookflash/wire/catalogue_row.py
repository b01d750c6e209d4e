"""What the catalogue says about one code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Source = Literal["documented", "seen", "inferred", "ours"]
"""Where a code comes from: Microsoft's documentation, recorded traffic of the service, a deduction from both,
or Hookflash alone."""


@dataclass(frozen=True, slots=True)
class Row:
    """One code.

    ``code`` is the sub-code as text (``"8523"``), a family (``"560xyz"``) or a word. ``name`` is short,
    ``meaning`` says what happened, ``remedy`` what to do. ``answers`` are the HTTP statuses of refusals with
    it, ``events`` the event types by the ``code`` beside it. ``message`` and ``target`` make up the example.
    ``emitted`` False: the contract has it, this version never sends it.
    """

    code: str
    name: str
    meaning: str
    remedy: str
    source: Source = "documented"
    answers: tuple[int, ...] = ()
    events: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    message: str = ""
    target: str | None = None
    emitted: bool = True
