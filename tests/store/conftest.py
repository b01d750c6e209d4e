from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hookflash.store import SqliteJournal


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[SqliteJournal]:
    opened = SqliteJournal.open(tmp_path)
    yield opened
    await opened.close()
