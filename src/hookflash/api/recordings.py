"""Recordings (contract section 1.2, rows 30 to 34): known, not in this version."""

from __future__ import annotations

from hookflash.api.exchange import Operation

RECORDINGS = "/calling/recordings"

OPERATIONS = (
    Operation("start recording", "POST", RECORDINGS, 200),
    Operation("get recording", "GET", f"{RECORDINGS}/{{}}", 200),
    Operation("stop recording", "DELETE", f"{RECORDINGS}/{{}}", 204),
    Operation("pause recording", "POST", f"{RECORDINGS}/{{}}:pause", 202),
    Operation("resume recording", "POST", f"{RECORDINGS}/{{}}:resume", 202),
    Operation("get recording result", "GET", f"{RECORDINGS}/{{}}/result", 200),
)
