"""What every test shares."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says something about the machine, not about the code.
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")

# Every server that a test starts as a process: most say nothing, and a voice takes seconds to load.
os.environ.setdefault("HOOKFLASH_SPEECH__START", "demand")

_LEFT_OUT = {
    "interop": "that need SIPp, baresip, linphone or Node.js (apt-get install sip-tester baresip "
    "linphone-cli nodejs npm; then: make interop)",
    "slow": "that take minutes (make soak)",
}
"""Markers of tests that run only when asked for by ``-m``, and how to have them run."""
_COUNTS: pytest.StashKey[dict[str, int]] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    """A marker for what is not run once more with the kernels as plain Python (NUMBA_DISABLE_JIT=1)."""
    config.addinivalue_line("markers", "compiled: takes minutes, or makes no sense, without the compiler")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the marked tests out unless they are asked for by ``-m``."""
    if config.option.markexpr:
        return
    counts = dict.fromkeys(_LEFT_OUT, 0)
    kept, left_out = [], []
    for item in items:
        marker = next((name for name in _LEFT_OUT if item.get_closest_marker(name) is not None), None)
        if marker is None:
            kept.append(item)
        else:
            counts[marker] += 1
            left_out.append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept
    config.stash[_COUNTS] = counts


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was left out, and how to run it."""
    for marker, count in config.stash.get(_COUNTS, {}).items():
        if count:
            terminalreporter.write_line(f"left out: {count} {marker} tests {_LEFT_OUT[marker]}")
