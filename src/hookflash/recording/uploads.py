"""The way of finished recordings to where they belong outside this machine.

Where a recording goes is noted down when it begins (an *order*), what became of each of its files when that
file is finished (an *upload*). Both are documents of the store, so a server that was killed goes on where it
was: what no store has acknowledged is sent again. The order has the secret that an app gave with its
container's URL; it is deleted with it as soon as the recording is settled.

A recording is settled once each of its files was acknowledged or given up; its RecordingStored is held back
until then, so that apps are told of files that are where they asked for them. A file is given up when it
could not be sent for as long as the settings say; it stays on the disk however old it gets, since there is no
other copy, and is served from there.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar
from weakref import WeakValueDictionary

import msgspec

from hookflash.calls.facts import Fact, RecordingStored
from hookflash.ports.clock import Clock
from hookflash.ports.edges import FactSink
from hookflash.ports.outbox import Documents
from hookflash.recording.library import Library, tell_lost
from hookflash.recording.metadata import StoredFile
from hookflash.recording.orders import Order, Upload, object_names, stored_again
from hookflash.recording.stores import Content, Store
from hookflash.waiting import pause

ORDERS = "recording-orders"
UPLOADS = "recording-uploads"
"""Where the documents are."""
AT_ONCE = 6
AT_ONCE_THERE = 2
"""Files that are sent at the same time: altogether, and to one place. One that hangs holds up no other."""
FIRST_WAIT = 5.0
LONGEST_WAIT = 600.0
"""Seconds between two attempts: doubled from the first to the longest, and up to a quarter more or less."""

_OWN_ADVICE = "it is sent again at the next start of the server"
_ADVICE = "fetch it from its contentLocation, and then delete it at its deleteLocation"

_log = logging.getLogger(__name__)
_T = TypeVar("_T", bound=msgspec.Struct)


class Files(Protocol):
    """The files on the disk, as they are to be sent."""

    async def contents(self, file: StoredFile, *, plain: bool) -> tuple[Content, Content | None]:
        """Sound and metadata, if there is any: plain, or as they lie there. Raises OSError."""
        ...

    async def remove(self, file: StoredFile) -> None:
        """Take both from the disk. Raises OSError."""
        ...


@dataclass(slots=True)
class _Recording:
    order: Order
    fact: RecordingStored | None = None
    over: bool = False
    left: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Figures:
    """Counted since the start: files acknowledged, attempts that went wrong, files given up."""

    uploaded: int = 0
    retried: int = 0
    failed: int = 0


class Uploads:
    """Sends finished files to where they belong.

    Args:
        library: the files.
        files: their bytes.
        documents: where orders and uploads are noted down.
        open_store: the store behind an order; raises OSError (also StoreError).
        clock: for waiting.
        report: where the facts about recordings go that were held back.
        window: seconds for which a file is tried.
        keep_local: whether files stay on the disk once they are acknowledged.
        dice: a number from 0 to 1, to spread attempts.
    """

    def __init__(
        self,
        library: Library,
        files: Files,
        documents: Documents,
        open_store: Callable[[Order], Store],
        clock: Clock,
        report: FactSink,
        *,
        window: float,
        keep_local: bool,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self.figures = Figures()
        self._library = library
        self._files = files
        self._documents = documents
        self._open_store = open_store
        self._clock = clock
        self._report = report
        self._window = window
        self._keep_local = keep_local
        self._dice = dice
        self._recordings: dict[str, _Recording] = {}
        self._uploads: dict[str, Upload] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._sending: set[str] = set()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._places: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        library.stored = self._stored

    # --- what is there ------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Files that have not been acknowledged yet."""
        return len(self._tasks)

    def find(self, document_id: str) -> Upload | None:
        """What became of a file; None for one that goes nowhere."""
        return self._uploads.get(document_id)

    def is_only_copy(self, document_id: str) -> bool:
        """Whether a file should be elsewhere and is not: it is on its way, or was given up."""
        upload = self._uploads.get(document_id)
        return upload is not None and upload.state != "uploaded"

    def is_owed(self, recording_id: str) -> bool:
        """Whether it is still to be told that the files of a recording are complete and where they belong."""
        recording = self._recordings.get(recording_id)
        return recording is not None and (recording.fact is not None or not recording.over)

    def store_of(self, upload: Upload) -> Store:
        """Where an uploaded file of the server's own is. Raises OSError."""
        return self._open_store(Order(upload.recording_id, upload.url, own=upload.own))

    # --- what is asked ------------------------------------------------------------------------------------

    def order(self, order: Order) -> None:
        """A recording has begun whose files go somewhere."""
        self._recordings[order.recording_id] = _Recording(order)
        self._put(ORDERS, order.recording_id, order)

    def told(self, fact: Fact) -> None:
        """A fact about recordings on its way to who decides; RecordingStored may have to wait."""
        recording = self._recordings.get(fact.recording) if isinstance(fact, RecordingStored) else None
        if recording is None:
            self._report(fact)
            return
        assert isinstance(fact, RecordingStored)
        recording.fact = fact
        self._settle(recording)

    def over(self, recording_id: str) -> None:
        """Nothing more comes of a recording, whether it has files or not."""
        recording = self._recordings.get(recording_id)
        if recording is not None:
            recording.over = True
            self._settle(recording)

    async def forget(self, document_id: str) -> None:
        """A file shall be no more: stop sending it, and delete it where the server has put it.

        Raises OSError when it could not be deleted there; then nothing is forgotten.
        """
        upload = self._uploads.get(document_id)
        if upload is None:
            return
        task = self._tasks.get(document_id)
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))
        if upload.own:
            try:
                store = self.store_of(upload)
                await store.delete(upload.sound)
                await store.delete(upload.metadata)
            except OSError as error:
                # What was never acknowledged is most likely not there: that must not keep it here.
                now = self._uploads.get(document_id)
                if now is not None and now.state == "uploaded":
                    raise
                _log.warning("recording %s, never sent, could not be deleted there: %s", document_id, error)
        if self._uploads.pop(document_id, None) is None:
            return  # somebody else has deleted it meanwhile
        self._delete(UPLOADS, document_id)
        self._done(upload)

    async def load(self) -> None:
        """Take up what was left undone; the library has been loaded."""
        for upload in await self._read(UPLOADS, Upload):
            self._uploads[upload.document_id] = upload
            if self._library.find(upload.document_id) is None:
                del self._uploads[upload.document_id]
                self._delete(UPLOADS, upload.document_id)
        for order in await self._read(ORDERS, Order):
            self._recordings[order.recording_id] = _Recording(order, over=True)
        ordered = set(self._recordings)
        for file in self._library.files():
            if file.state == "stored":
                self._stored(file)
        for upload in list(self._uploads.values()):
            if upload.state == "failed" and upload.own:
                # Somebody may have set it right before the start.
                again = msgspec.structs.replace(upload, state="waiting", since=self._clock.wall())
                if upload.recording_id not in self._recordings:
                    order = Order(upload.recording_id, upload.url, own=True)
                    self._recordings[upload.recording_id] = _Recording(order)
                self._note(again)
                self._begin(again)
        wanted = ordered | self._library.broken_off.keys()
        files: dict[str, list[StoredFile]] = {}
        for file in self._library.files():
            if file.label.recording_id in wanted and file.state == "stored":
                files.setdefault(file.label.recording_id, []).append(file)
        for name, recording in list(self._recordings.items()):
            if recording.over and name in files:
                recording.fact = stored_again(files[name], broken=name in self._library.broken_off)
            recording.over = True
            self._settle(recording)
        for name in self._library.broken_off.keys() - ordered:
            if name in files:
                self._report(stored_again(files[name], broken=True))

    async def close(self, grace: float = 0.0) -> None:
        """Stop; what is being sent has ``grace`` seconds. What is left is taken up at the next start."""
        sending = [task for name, task in self._tasks.items() if name in self._sending]
        if sending and grace:
            await asyncio.wait(sending, timeout=grace)
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- one file -----------------------------------------------------------------------------------------

    def _stored(self, file: StoredFile) -> None:
        """A file is finished."""
        recording = self._recordings.get(file.label.recording_id)
        if recording is None or file.document_id in self._tasks:
            return
        upload = self._uploads.get(file.document_id)
        if upload is None:
            sound, metadata = object_names(file)
            order = recording.order
            upload = Upload(
                file.document_id,
                order.recording_id,
                order.url,
                order.own,
                sound,
                metadata,
                self._clock.wall(),
            )
            self._note(upload)
        if upload.state == "waiting":
            self._begin(upload)

    def _begin(self, upload: Upload) -> None:
        recording = self._recordings[upload.recording_id]
        recording.left.add(upload.document_id)
        self._tasks[upload.document_id] = asyncio.create_task(self._send(upload, recording.order))
        self._sending.add(upload.document_id)

    async def _send(self, upload: Upload, order: Order) -> None:
        try:
            while upload.state == "waiting":
                self._sending.add(upload.document_id)
                upload = await self._attempt(upload, order)
                self._sending.discard(upload.document_id)
                if upload.state == "waiting":
                    await pause(self._clock, self._wait(upload.tries))
        finally:
            del self._tasks[upload.document_id]
            self._sending.discard(upload.document_id)
        self._done(upload)

    async def _attempt(self, upload: Upload, order: Order) -> Upload:
        file = self._library.find(upload.document_id)
        assert file is not None
        try:
            place = self._places.setdefault(order.url, asyncio.Semaphore(AT_ONCE_THERE))
            async with place, self._slots:
                store = self._open_store(order)
                sound, metadata = await self._files.contents(file, plain=not order.own)
                await store.put(upload.sound, sound, _MEDIA_TYPES[file.label.format])
                if metadata is not None:
                    await store.put(upload.metadata, metadata, "application/json")
        except OSError as error:
            return self._went_wrong(upload, error)
        except Exception as error:
            # Whatever it is: a file that nobody sends any more would never be told of.
            _log.exception("recording %s could not be sent", upload.document_id)
            return self._went_wrong(upload, error)
        before, upload = (
            upload,
            msgspec.structs.replace(upload, state="uploaded", tries=upload.tries + 1, note=""),
        )
        # Durable before anything is removed: otherwise it would be looked for here after a crash.
        try:
            await self._note(upload)
        except Exception as error:
            # Whatever the store of notes raises: without the note the file is sent again.
            return self._went_wrong(before, error)
        self.figures.uploaded += 1
        _log.info("recording %s is at %s/%s", upload.document_id, upload.url, upload.sound)
        if not self._keep_local:
            try:
                await self._files.remove(file)
            except OSError as error:
                _log.error("recording %s was sent and could not be removed: %s", upload.document_id, error)
            else:
                upload = msgspec.structs.replace(upload, local=False)
                self._note(upload)
        return upload

    def _went_wrong(self, upload: Upload, error: Exception) -> Upload:
        late = self._clock.wall() - upload.since >= self._window
        upload = msgspec.structs.replace(
            upload, state="failed" if late else "waiting", tries=upload.tries + 1, note=str(error)[:500]
        )
        self._note(upload)
        if late:
            self.figures.failed += 1
            _log.error(
                "recording %s was not taken by %s for %g hours and stays on this disk, whatever "
                "recording.keep_hours says; %s: %s",
                upload.document_id,
                upload.url,
                self._window / 3600,
                _OWN_ADVICE if upload.own else _ADVICE,
                error,
            )
        else:
            self.figures.retried += 1
            level = logging.ERROR if upload.tries == 1 else logging.WARNING
            _log.log(
                level,
                "recording %s could not be sent (attempt %d) and will be tried again: %s",
                upload.document_id,
                upload.tries,
                error,
            )
        return upload

    def _wait(self, tries: int) -> float:
        wait = min(FIRST_WAIT * 2.0 ** min(tries - 1, 20), LONGEST_WAIT)
        return float(wait) * (0.75 + 0.5 * self._dice())

    def _done(self, upload: Upload) -> None:
        recording = self._recordings.get(upload.recording_id)
        if recording is not None:
            recording.left.discard(upload.document_id)
            self._settle(recording)

    def _settle(self, recording: _Recording) -> None:
        """Tell of a recording, and forget where it went, once nothing of it is left to do."""
        if recording.left or not (recording.fact or recording.over):
            return
        name = recording.order.recording_id
        if self._recordings.pop(name, None) is None:
            return
        self._delete(ORDERS, name)
        if recording.fact is not None:
            self._report(recording.fact)

    # --- notes --------------------------------------------------------------------------------------------

    async def _read(self, space: str, kind: type[_T]) -> list[_T]:
        found = []
        for key, body in (await self._documents.documents(space)).items():
            try:
                found.append(msgspec.json.decode(body, type=kind))
            except msgspec.MsgspecError as error:
                _log.error("the note %s in %s can not be read: %s", key, space, error)
        return found

    def _note(self, upload: Upload) -> asyncio.Future[None]:
        self._uploads[upload.document_id] = upload
        return self._put(UPLOADS, upload.document_id, upload)

    def _put(self, space: str, key: str, value: msgspec.Struct) -> asyncio.Future[None]:
        done = self._documents.put_document(space, key, msgspec.json.encode(value))
        done.add_done_callback(tell_lost)
        return done

    def _delete(self, space: str, key: str) -> None:
        self._documents.delete_document(space, key).add_done_callback(tell_lost)


_MEDIA_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg"}
