"""What every test shares."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says something about the machine, not about the code.
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")

_EXTERNAL = "apt-get install sip-tester baresip nodejs npm; then: make interop"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the slow tests against other people's programs out unless they are asked for by ``-m``."""
    if config.option.markexpr:
        return
    kept = [item for item in items if item.get_closest_marker("interop") is None]
    left_out = [item for item in items if item.get_closest_marker("interop") is not None]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        config.stash[_LEFT_OUT] = len(left_out)
        items[:] = kept


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was left out, and how to run it."""
    count = config.stash.get(_LEFT_OUT, 0)
    if count:
        terminalreporter.write_line(
            f"left out: {count} interop tests that need SIPp, baresip or Node.js ({_EXTERNAL})"
        )


_LEFT_OUT: pytest.StashKey[int] = pytest.StashKey()
