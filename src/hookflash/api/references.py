"""A name for each request, for people who look for it in a log (X-Azure-Ref, contract section 2.6)."""

from __future__ import annotations

import itertools
import os

_process = os.urandom(6).hex()
_requests = itertools.count(1)


def new_reference() -> str:
    """Unique among all requests to all processes."""
    return f"{_process}-{next(_requests):x}"
