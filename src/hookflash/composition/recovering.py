"""Recordings that a crash broke off, for those who tell apps of them."""

from __future__ import annotations

from hookflash.engine.recovery import LostRecording
from hookflash.recording.library import Library


def lost_recordings(library: Library) -> list[LostRecording]:
    """The recordings that ran when the server died, and whose apps want to be told."""
    began: dict[str, float] = {}
    for file in library.files():
        began.setdefault(file.label.recording_id, file.started)
    return [
        LostRecording(
            recording_id=name,
            resource=file.label.resource,
            connection_id=file.label.connection_id,
            server_call_id=file.label.server_call_id,
            correlation_id=file.label.correlation_id,
            version=file.label.version,
            began=began.get(name, file.started),
            callback_uri=file.label.callback,
        )
        for name, file in library.broken_off.items()
        if file.label.callback is not None
    ]
