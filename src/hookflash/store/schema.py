"""The journal's tables and how older files are brought up to date."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

Migration = Callable[[sqlite3.Connection], None]


class SchemaError(Exception):
    """The database file is not one this version can use; the message says which version it has."""


def _first(connection: sqlite3.Connection) -> None:
    for statement in (
        """CREATE TABLE entries (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            at REAL NOT NULL,
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            call TEXT NOT NULL,
            connection TEXT NOT NULL,
            data BLOB NOT NULL
        )""",
        "CREATE INDEX entries_of_call ON entries (call) WHERE call <> ''",
        "CREATE INDEX entries_of_connection ON entries (connection) WHERE connection <> ''",
        "CREATE INDEX connection_life ON entries (connection, name) WHERE kind = 'connection'",
        """CREATE TABLE outbox (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            lane TEXT NOT NULL,
            url TEXT NOT NULL,
            body BLOB NOT NULL,
            audience TEXT NOT NULL,
            headers BLOB NOT NULL,
            attempts INTEGER NOT NULL,
            expires_at REAL,
            name TEXT NOT NULL,
            outcome TEXT,
            status INTEGER,
            tries INTEGER,
            settled_at REAL,
            note TEXT
        )""",
        "CREATE INDEX outbox_of_lane ON outbox (lane)",
        "CREATE INDEX outbox_pending ON outbox (seq) WHERE outcome IS NULL",
        "CREATE INDEX outbox_settled ON outbox (settled_at) WHERE outcome IS NOT NULL",
        """CREATE TABLE documents (
            space TEXT NOT NULL,
            key TEXT NOT NULL,
            body BLOB NOT NULL,
            PRIMARY KEY (space, key)
        ) WITHOUT ROWID""",
    ):
        connection.execute(statement)


def _answers(connection: sqlite3.Connection) -> None:
    """What repeatable requests were answered."""
    connection.execute(
        """CREATE TABLE answers (
            seq INTEGER PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,
            digest TEXT NOT NULL,
            at REAL NOT NULL,
            status INTEGER NOT NULL,
            body BLOB NOT NULL,
            chain TEXT NOT NULL
        )"""
    )


def _attempts(connection: sqlite3.Connection) -> None:
    """What was tried for a delivery that is still owed, and when it is tried again."""
    for statement in (
        "ALTER TABLE outbox ADD COLUMN parked INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE outbox ADD COLUMN next_at REAL",
        "ALTER TABLE outbox ADD COLUMN tried_at REAL",
        "ALTER TABLE outbox ADD COLUMN last_outcome TEXT",
        # Parked deliveries may be many; whoever asks for the others must not have to step over them.
        "DROP INDEX outbox_pending",
        "CREATE INDEX outbox_ready ON outbox (seq) WHERE outcome IS NULL AND parked = 0",
        "CREATE INDEX outbox_parked ON outbox (next_at) WHERE outcome IS NULL AND parked = 1",
    ):
        connection.execute(statement)


MIGRATIONS: Sequence[Migration] = (_first, _answers, _attempts)
"""Step n (from 0) brings a file from version n to n + 1. Steps are only ever appended."""


def version_of(connection: sqlite3.Connection) -> int:
    """The schema version of a file, 0 for an empty one."""
    known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'schema_version'").fetchone()
    if known is None:
        return 0
    row = connection.execute("SELECT max(version) FROM schema_version").fetchone()
    return int(row[0] or 0)


def migrate(
    connection: sqlite3.Connection,
    at: float,
    migrations: Sequence[Migration] = MIGRATIONS,
    name: str = "journal",
) -> int:
    """Bring a file to the newest version, each step in a transaction of its own; returns that version.

    Args:
        connection: in autocommit mode (``isolation_level=None``).
        at: Unix time to record with each step.
        migrations: the steps.
        name: the file's name, for messages.

    Raises:
        SchemaError: the file was written by a newer version.
    """
    version = version_of(connection)
    if version > len(migrations):
        raise SchemaError(
            f"{name} has schema version {version}, this Hookflash knows versions up to {len(migrations)}; "
            "run the newer Hookflash that wrote it, or start with an empty data_dir"
        )
    for step in range(version, len(migrations)):
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS schema_version"
                " (version INTEGER PRIMARY KEY, applied_at REAL NOT NULL)"
            )
            migrations[step](connection)
            connection.execute("INSERT INTO schema_version VALUES (?, ?)", (step + 1, at))
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    return len(migrations)
