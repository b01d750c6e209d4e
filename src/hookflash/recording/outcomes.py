"""What became of recordings that are over, for those who ask later: from the notes on their files."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import msgspec

from hookflash.calls.facts import Fact, RecordingFailed
from hookflash.calls.recordings import KeptRecording
from hookflash.ports.edges import FactSink
from hookflash.ports.outbox import Documents
from hookflash.recording.library import Library, tell_lost
from hookflash.recording.metadata import StoredFile
from hookflash.recording.orders import stored_again
from hookflash.recording.uploads import Uploads
from hookflash.wire.results import ResultInformation, restarted

FAILURES = "recording-failures"
"""Where the documents are: why recordings broke off, by their ids."""

_log = logging.getLogger(__name__)


class Outcomes:
    """Answers with what there is now, so that it is the same after a restart.

    Args:
        library: the files.
        documents: where failures are noted down, which the files do not tell.
        report: where facts go on to.
        hours: how long a file is kept after its end; 0: for ever.

    Attributes:
        uploads: knows which files are on their way.
    """

    def __init__(self, library: Library, documents: Documents, report: FactSink, hours: float) -> None:
        self.uploads: Uploads | None = None
        self._library = library
        self._documents = documents
        self._report = report
        self._seconds = 3600 * hours
        self._failures: dict[str, ResultInformation] = {}

    def told(self, fact: Fact) -> None:
        """A fact about recordings on its way to who decides."""
        if isinstance(fact, RecordingFailed) and self._library.of(fact.recording):
            self._sweep()
            self._note(fact.recording, ResultInformation(fact.code, fact.sub_code, fact.message))
        self._report(fact)

    def _note(self, recording_id: str, failure: ResultInformation) -> None:
        self._failures[recording_id] = failure
        done = self._documents.put_document(FAILURES, recording_id, msgspec.json.encode(failure))
        done.add_done_callback(tell_lost)

    def kept(self, recording_id: str) -> KeptRecording | None:
        """What is kept of a recording that does not run; None while it is on its way, and when there is
        nothing (left)."""
        files = self._library.of(recording_id)
        if not files or any(file.state != "stored" for file in files):
            return None
        if self.uploads is not None and self.uploads.is_owed(recording_id):
            return None
        stored = stored_again(files)
        failure = self._failures.get(recording_id)
        if failure is None and stored.origin is not None and stored.origin.broken:
            failure = restarted("recording")
        return KeptRecording(stored, failure, self._expires(files))

    def _expires(self, files: Sequence[StoredFile]) -> float | None:
        """When the first of them is deleted for its age, if any is."""
        ends = [
            file.ended
            for file in files
            if self.uploads is None or not self.uploads.is_only_copy(file.document_id)
        ]
        return min(ends) + self._seconds if self._seconds and ends else None

    def _sweep(self) -> None:
        """Forget what has no files any more."""
        for name in [name for name in self._failures if not self._library.of(name)]:
            del self._failures[name]
            self._documents.delete_document(FAILURES, name).add_done_callback(tell_lost)

    async def load(self) -> None:
        """Read what is there; the library has been loaded. What has no files any more is forgotten."""
        for name, body in (await self._documents.documents(FAILURES)).items():
            if not self._library.of(name):
                self._documents.delete_document(FAILURES, name).add_done_callback(tell_lost)
                continue
            try:
                self._failures[name] = msgspec.json.decode(body, type=ResultInformation)
            except msgspec.MsgspecError as error:
                _log.error("the note on the failure of recording %s can not be read: %s", name, error)
        # Their last file, which tells it too, may be deleted before the others.
        for name in self._library.broken_off.keys() - self._failures.keys():
            if self._library.of(name):
                self._note(name, restarted("recording"))
