"""One real server for all requests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from openapi.fuzzing import Sink, World
from system.harness import running


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    sink = Sink()
    try:
        for server, webhook in running(tmp_path_factory.mktemp("openapi")):
            yield World(server, webhook, sink)
    finally:
        sink.close()
