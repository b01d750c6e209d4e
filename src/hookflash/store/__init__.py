"""Everything that must outlive the process: the journal with its outbox, documents and signing keys."""

from hookflash.store.journal import Retention, SqliteJournal, StoredEntry
from hookflash.store.keys import KeyStore
from hookflash.store.lock import DataDirectory, DataDirectoryInUse
from hookflash.store.writer import JournalError, JournalOverloaded

__all__ = [
    "DataDirectory",
    "DataDirectoryInUse",
    "JournalError",
    "JournalOverloaded",
    "KeyStore",
    "Retention",
    "SqliteJournal",
    "StoredEntry",
]
