from __future__ import annotations

import sqlite3

import pytest

from hookflash.store.schema import MIGRATIONS, SchemaError, migrate, version_of


def memory() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None)


def test_a_new_file_gets_every_step_once() -> None:
    connection = memory()
    assert version_of(connection) == 0
    assert migrate(connection, 1.0) == len(MIGRATIONS)
    assert migrate(connection, 2.0) == len(MIGRATIONS)
    rows = connection.execute("SELECT version, applied_at FROM schema_version").fetchall()
    assert rows == [(n + 1, 1.0) for n in range(len(MIGRATIONS))]


def test_an_older_file_gets_only_the_steps_it_lacks() -> None:
    connection = memory()
    migrate(connection, 1.0)
    connection.execute("INSERT INTO documents VALUES ('s', 'k', 'kept')")

    def add_column(target: sqlite3.Connection) -> None:
        target.execute("ALTER TABLE documents ADD COLUMN extra TEXT DEFAULT 'new'")

    assert migrate(connection, 2.0, [*MIGRATIONS, add_column]) == len(MIGRATIONS) + 1
    assert connection.execute("SELECT body, extra FROM documents").fetchall() == [("kept", "new")]


def test_a_failing_step_leaves_the_file_as_it_was() -> None:
    connection = memory()
    migrate(connection, 1.0)

    def half_done(target: sqlite3.Connection) -> None:
        target.execute("CREATE TABLE half (n)")
        target.execute("no such statement")

    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, 2.0, [*MIGRATIONS, half_done])
    assert version_of(connection) == len(MIGRATIONS)
    assert connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'half'").fetchone() is None


def test_a_file_of_a_newer_version_is_left_alone() -> None:
    connection = memory()
    migrate(connection, 1.0, [*MIGRATIONS, lambda target: None], "journal.db")
    with pytest.raises(
        SchemaError, match=rf"journal.db has schema version {len(MIGRATIONS) + 1}, this Hookflash"
    ):
        migrate(connection, 2.0, name="journal.db")
