"""What the server does around the application."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import cast

import pytest

from hookflash.app import App
from hookflash.cli.serve import _say_when_ready


class Ready:
    async def wait_ready(self) -> None:
        assert gc.get_freeze_count() == 0, "workers are still to be started"


@pytest.fixture
def thawed() -> Iterator[None]:
    gc.unfreeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("thawed")
async def test_nobody_looks_for_garbage_among_what_start_up_has_made(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A full collection of all that would keep calls waiting for their audio."""
    caplog.set_level("INFO")
    before = len(gc.get_objects())
    await _say_when_ready(cast(App, Ready()))
    assert gc.get_freeze_count() > before / 2
    assert len(gc.get_objects()) < before / 10
    assert caplog.messages == ["ready for calls"]
