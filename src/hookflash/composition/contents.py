"""The files of recordings as the HTTP side sees them."""

from __future__ import annotations

from pathlib import Path

from hookflash.api.contents import RecordedObject
from hookflash.api.ranges import Body
from hookflash.recording.shelf import Shelf

_MEDIA_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg"}


class ShelfObjects:
    """Implements :class:`hookflash.api.contents.RecordedObjects` over a shelf."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def find(self, document_id: str) -> RecordedObject | None:
        file = self._shelf.library.find(document_id)
        if file is None or file.state != "stored":
            return None
        return RecordedObject(file.label.resource, _MEDIA_TYPES[file.label.format])

    async def open(self, document_id: str, *, metadata: bool) -> Path | Body:
        file = self._shelf.library.find(document_id)
        if file is None:
            raise FileNotFoundError(f"there is no recording {document_id}")
        return await self._shelf.open(file, metadata=metadata)

    async def delete(self, document_id: str) -> bool:
        if self.find(document_id) is None:
            return False
        return await self._shelf.delete(document_id)
