"""Recordings out of settings: where they are kept, for how long, and where they go."""

from __future__ import annotations

from pathlib import Path

from hookflash.composition.storing import Places
from hookflash.config import Settings
from hookflash.ports.audio import CallAudio
from hookflash.ports.clock import Clock
from hookflash.ports.edges import FactSink
from hookflash.ports.outbox import Documents
from hookflash.recording.desk import RecordingDesk
from hookflash.recording.keeping import Keeping
from hookflash.recording.library import Library
from hookflash.recording.outcomes import Outcomes
from hookflash.recording.sealing import KeyRing
from hookflash.recording.shelf import Shelf
from hookflash.recording.uploads import Uploads

GRACE = 5.0
"""Seconds that what is being sent has when the server stops."""


class Recordings:
    """All that records, keeps and sends for a server; ``load`` comes first, that of ``uploads`` last."""

    def __init__(
        self,
        settings: Settings,
        audio: CallAudio,
        documents: Documents,
        clock: Clock,
        seals: KeyRing | None,
        stores: Places,
        report: FactSink,
    ) -> None:
        wanted = settings.recording
        folder = wanted.folder or Path(settings.server.data_dir, "recordings")
        self.library = Library(Path(folder), documents, seals)
        self.shelf = Shelf(self.library, seals)
        self.outcomes = Outcomes(self.library, documents, report, wanted.keep_hours)
        self.uploads = self.shelf.uploads = self.outcomes.uploads = Uploads(
            self.library,
            self.shelf,
            documents,
            stores.open,
            clock,
            self.outcomes.told,
            window=3600 * wanted.upload_hours,
            keep_local=wanted.keep_local,
        )
        self.keeping = Keeping(self.shelf, clock, wanted.keep_hours)
        self.desk = RecordingDesk(
            audio,
            self.library,
            clock,
            report,
            max_bytes=wanted.file_bytes,
            max_seconds=wanted.file_seconds,
            key=seals.current if seals is not None else None,
            uploads=self.uploads,
            storage=(wanted.storage or "").rstrip("/"),
        )

    async def load(self) -> None:
        """Read what is kept, and finish what was being recorded when the server died."""
        await self.library.load()
        await self.outcomes.load()

    async def stop_sending(self) -> None:
        """What is not acknowledged by then is taken up at the next start."""
        await self.uploads.close(grace=GRACE)
