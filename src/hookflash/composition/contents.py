"""The files of recordings as the HTTP side sees them."""

from __future__ import annotations

from hookflash.api.contents import RecordedObject
from hookflash.recording.library import Library

_MEDIA_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg"}


class LibraryObjects:
    """Implements :class:`hookflash.api.contents.RecordedObjects` over a library."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def find(self, document_id: str) -> RecordedObject | None:
        file = self._library.find(document_id)
        if file is None or file.state != "stored":
            return None
        folder = self._library.folder
        return RecordedObject(
            file.label.resource,
            folder / file.path,
            _MEDIA_TYPES[file.label.format],
            folder / file.metadata_path,
        )

    async def delete(self, document_id: str) -> bool:
        if self.find(document_id) is None:
            return False
        return await self._library.delete(document_id)
