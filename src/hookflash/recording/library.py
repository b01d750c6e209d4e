"""The library: which files there are, kept as documents in the store so that they can be found again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path

import msgspec
import soundfile

from hookflash.ports.outbox import Documents
from hookflash.recording import strays
from hookflash.recording.files import RATE, mend_wav
from hookflash.recording.metadata import Person, StoredFile, metadata, write_metadata
from hookflash.recording.sealed_files import mp3_frames
from hookflash.recording.sealing import KeyMissing, KeyRing, is_sealed, mend_sealed, seal_bytes

SPACE = "recordings"
"""Where the documents are."""
BROKEN_OFF = "ServerFailure"
"""End reason of a file that was being recorded when the server died."""

_log = logging.getLogger(__name__)


class Library:
    """The files of finished and running recordings.

    Args:
        folder: where they are.
        documents: where they are noted down.
        keys: what they are sealed with; None where they are not.

    Attributes:
        stored: told of every file that is finished, and noted down as such.
        broken_off: the recordings that were running when the server died, once the library is loaded: by
            their ids, one of their files.
    """

    def __init__(self, folder: Path, documents: Documents, keys: KeyRing | None = None) -> None:
        self.folder = folder
        self._keys = keys
        self._documents = documents
        self._files: dict[str, StoredFile] = {}
        self._of: dict[str, list[str]] = {}
        self.broken_off: dict[str, StoredFile] = {}
        self.stored: Callable[[StoredFile], None] | None = None

    def find(self, document_id: str) -> StoredFile | None:
        """A file by its document id."""
        return self._files.get(document_id)

    def files(self) -> list[StoredFile]:
        """Every file, the oldest first."""
        return sorted(self._files.values(), key=lambda file: file.started)

    def of(self, recording_id: str) -> list[StoredFile]:
        """The files of a recording, in their order."""
        files = [self._files[name] for name in self._of.get(recording_id, ())]
        return sorted(files, key=lambda file: file.index)

    def note(self, file: StoredFile) -> asyncio.Future[None]:
        """Remember a file as it is now; done once the store has the note."""
        self._keep(file)
        done = self._documents.put_document(SPACE, file.document_id, msgspec.json.encode(file))
        done.add_done_callback(tell_lost)
        if file.state == "stored" and self.stored is not None:
            self.stored(file)
        return done

    def forget(self, document_id: str) -> bool:
        """Remember a file no more; False when it was not known."""
        if (file := self._files.pop(document_id, None)) is None:
            return False
        name = file.label.recording_id
        self._of[name].remove(document_id)
        if not self._of[name]:
            del self._of[name]
        self._documents.delete_document(SPACE, document_id).add_done_callback(tell_lost)
        return True

    def _keep(self, file: StoredFile) -> None:
        if file.document_id not in self._files:
            self._of.setdefault(file.label.recording_id, []).append(file.document_id)
        self._files[file.document_id] = file

    async def delete(self, document_id: str) -> bool:
        """Delete a file with its metadata, and forget it; False when there is none. Raises OSError.

        Of several at once that delete the same file one is told that it did.
        """
        file = self._files.get(document_id)
        if file is None:
            return False
        await asyncio.to_thread(self.remove, file)
        return self.forget(document_id)

    def remove(self, file: StoredFile) -> None:
        """Take a file with its metadata from the disk, in a thread. Raises OSError."""
        for name in (file.path, file.metadata_path):
            (self.folder / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # somebody else may have put something there
            (self.folder / file.path).parent.rmdir()

    async def load(self) -> None:
        """Read what is there, and finish what was being recorded when the server died."""
        notes = await self._documents.documents(SPACE)
        for key, body in notes.items():
            try:
                file = msgspec.json.decode(body, type=StoredFile)
            except msgspec.MsgspecError as error:
                _log.error("the note on recording %s can not be read: %s", key, error)
                continue
            self._keep(file)
            if file.state == "stored":
                continue
            try:
                self.broken_off[file.label.recording_id] = file
                self.note(await asyncio.to_thread(self._finish, file))
                _log.warning("recording %s was broken off by the end of the server; its file is kept", key)
            except KeyMissing as error:
                # It will be, at a start with the key.
                self.broken_off.pop(file.label.recording_id, None)
                _log.error("recording %s was broken off and can not be finished: %s", key, error)
            except OSError as error:
                _log.error("recording %s was broken off, and its file is not usable: %s", key, error)
                await asyncio.to_thread(strays.discard, self.folder / file.document_id)
                self.forget(key)
        # Also those whose notes can not be read.
        await asyncio.to_thread(strays.clear, self.folder, notes.keys())

    def _finish(self, file: StoredFile) -> StoredFile:
        path = self.folder / file.path
        if is_sealed(path):
            frames, channels = self._finish_sealed(path)
        else:
            frames, channels = _finish_plain(path, file.label.format)
        stored = msgspec.structs.replace(
            file,
            state="stored",
            end_reason=BROKEN_OFF,
            bytes=path.stat().st_size,
            duration_ms=round(1000 * frames / RATE),
            paused_ms=round(1000 * sum(pause.seconds for pause in file.pauses)),
            people=(),
            channels={},
            pauses=(),
        )
        people = [Person(raw_id, file.channels.get(raw_id)) for raw_id in file.people]
        content = metadata(stored, channels, people, file.pauses)
        if self._keys is not None:
            content = seal_bytes(content, self._keys.current)
        write_metadata(self.folder / file.metadata_path, content)
        return stored

    def _finish_sealed(self, path: Path) -> tuple[int, int]:
        if self._keys is None:
            raise KeyMissing(f"{path.name} is sealed, and no key is configured")
        size, channels = mend_sealed(path, self._keys)
        return (size // (2 * channels), channels) if channels else (mp3_frames(size), 1)


def _finish_plain(path: Path, format: str) -> tuple[int, int]:
    """Frames and channels of a file that was broken off."""
    try:
        frames = mend_wav(path) if format == "wav" else soundfile.info(path).frames
        return frames, soundfile.info(path).channels
    except soundfile.SoundFileError as error:
        raise OSError(str(error)) from error


def tell_lost(done: asyncio.Future[None]) -> None:
    """Log that a note, of which ``done`` tells, was not kept."""
    if not done.cancelled() and done.exception() is not None:
        _log.error("a note on a recording could not be kept: %s", done.exception())
