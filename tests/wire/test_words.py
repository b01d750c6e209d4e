"""Words for people."""

from __future__ import annotations

import pytest

from hookflash.wire.words import count_of


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 calls"), (1, "1 call"), (2, "2 calls"), (1000, "1000 calls")]
)
def test_one_thing_is_not_several(number: int, said: str) -> None:
    assert count_of(number, "call") == said
    assert count_of(number, "call is", "calls are") == said + (" is" if number == 1 else " are")
