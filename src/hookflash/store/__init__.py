"""Everything that must outlive the process: the journal with its outbox, documents and signing keys."""

from hookflash.store.janitor import Janitor
from hookflash.store.journal import Retention, SqliteJournal, StoredEntry
from hookflash.store.keys import KeyFileError, KeyStore
from hookflash.store.lock import DataDirectory, DataDirectoryInUse
from hookflash.store.schema import SchemaError
from hookflash.store.writer import JournalError, JournalOverloaded

__all__ = [
    "DataDirectory",
    "DataDirectoryInUse",
    "Janitor",
    "JournalError",
    "JournalOverloaded",
    "KeyFileError",
    "KeyStore",
    "Retention",
    "SchemaError",
    "SqliteJournal",
    "StoredEntry",
]
