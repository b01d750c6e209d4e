"""Finished recordings wherever they are: on the disk, sealed or not, or in a store of the server's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from hookflash.file_pieces import file_pieces
from hookflash.recording.library import Library
from hookflash.recording.metadata import StoredFile
from hookflash.recording.orders import Upload
from hookflash.recording.sealed_files import sealed_lead
from hookflash.recording.sealing import (
    MAGIC,
    KeyMissing,
    KeyRing,
    Sealed,
    SealedContent,
    is_sealed,
    open_sealed,
)
from hookflash.recording.stores import Content, FileContent, StoreError
from hookflash.recording.uploads import Uploads

_HEADER = 64


class Shelf:
    """The contents of files, and their end.

    Args:
        library: which files there are.
        keys: what sealed files are opened with; None when there are none.

    Attributes:
        uploads: where files have gone; None until it is known.
    """

    def __init__(self, library: Library, keys: KeyRing | None = None) -> None:
        self.library = library
        self.uploads: Uploads | None = None
        self._keys = keys

    # --- reading ------------------------------------------------------------------------------------------

    async def open(self, file: StoredFile, *, metadata: bool) -> Path | Content:
        """A file's sound or metadata: the path of a plain file on the disk, or content to be read.

        Raises:
            FileNotFoundError: it is not here (any more).
            OSError: it can not be read.
        """
        upload = self._upload(file.document_id)
        if upload is not None and not upload.local:
            return await self._remote(upload, metadata=metadata)
        path = self.library.folder / (file.metadata_path if metadata else file.path)
        sealed = await asyncio.to_thread(self._open_local, path)
        return path if sealed is None else sealed

    async def contents(self, file: StoredFile, *, plain: bool) -> tuple[Content, Content | None]:
        """Sound and metadata on the disk, plain or as they lie there. Raises OSError.

        The metadata is None where a full disk has kept it from being written.
        """
        sound, metadata = (self.library.folder / name for name in (file.path, file.metadata_path))
        found = await self._content(sound, plain=plain)
        try:
            return found, await self._content(metadata, plain=plain)
        except FileNotFoundError:
            return found, None

    async def _content(self, path: Path, *, plain: bool) -> Content:
        sealed = await asyncio.to_thread(self._open_local, path) if plain else None
        return await asyncio.to_thread(FileContent, path) if sealed is None else sealed

    def _open_local(self, path: Path) -> Content | None:
        """The content of a sealed file, None for a plain one."""
        if not is_sealed(path):
            return None
        return SealedContent(
            open_sealed(path, self._ring(path.name), sealed_lead), partial(file_pieces, path)
        )

    async def _remote(self, upload: Upload, *, metadata: bool) -> Content:
        if not upload.own:
            raise FileNotFoundError(f"recording {upload.document_id} is in the container of its app only")
        assert self.uploads is not None
        name = upload.metadata if metadata else upload.sound
        try:
            found = await self.uploads.store_of(upload).open(name)
            head = await _all(found.read(0, min(_HEADER, found.size)))
        except StoreError as error:
            if error.gone:
                raise FileNotFoundError(str(error)) from error
            raise
        if not head.startswith(MAGIC):
            return found
        sealed = Sealed(head, found.size, self._ring(name), name, sealed_lead)
        start, stop = sealed.extent(sealed.segments - 1, 1)
        sealed.unseal(sealed.segments - 1, await _all(found.read(start, stop)))
        return SealedContent(sealed, found.read)

    def _ring(self, name: str) -> KeyRing:
        if self._keys is None:
            raise KeyMissing(f"{name} is sealed, and no key is configured")
        return self._keys

    def _upload(self, document_id: str) -> Upload | None:
        return self.uploads.find(document_id) if self.uploads is not None else None

    # --- deleting -----------------------------------------------------------------------------------------

    def files(self) -> list[StoredFile]:
        """Every file that may be deleted when it is old: not those of which there is no other copy where they
        belong, be it that they are still being sent, be it that this was given up."""
        return [
            file
            for file in self.library.files()
            if self.uploads is None or not self.uploads.is_only_copy(file.document_id)
        ]

    async def delete(self, document_id: str) -> bool:
        """Delete a file here and in a store of the server's own; False when there is none. Raises OSError.

        What is in the container of an app stays there: it is the app's.
        """
        if self.library.find(document_id) is None:
            return False
        if self.uploads is not None:
            await self.uploads.forget(document_id)
        return await self.library.delete(document_id)

    async def remove(self, file: StoredFile) -> None:
        """Take a file from the disk; it is known as before. Raises OSError."""
        await asyncio.to_thread(self.library.remove, file)


async def _all(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])
