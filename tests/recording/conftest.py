"""Makes the shared benches importable: the one beside the tests, and that of the streaming tests."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "streaming"))
