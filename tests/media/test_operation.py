"""What every kind of operation has to provide."""

from __future__ import annotations

import pytest

from hookflash.media.compatibility import Kind
from hookflash.media.line import Request
from hookflash.media.operation import Operation


def test_a_bare_operation_can_do_nothing(stage):
    bare = Operation(stage.line, Kind.PLAY_TO, Request("2026-03-12"), (stage.carol,), 0.0)
    with pytest.raises(NotImplementedError):
        bare.begin(stage.turn())
    with pytest.raises(NotImplementedError):
        bare.release(stage.turn())
    assert not bare.over
    assert not bare.without(99)
