"""How every command finds its configuration, and says what is wrong with it."""

from __future__ import annotations

import os
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape

from hookflash.config import DEFAULT_FILE, ConfigError, Settings, load

errors = Console(stderr=True, soft_wrap=True, highlight=False)


def configuration_file(config: Path | None) -> Path | None:
    """The file named by ``--config``, or ``hookflash.toml`` in the working directory if there is one."""
    if config is not None:
        return config
    default = Path(DEFAULT_FILE)
    return default if default.exists() else None


def read_settings(config: Path | None, flags: dict[str, str] | None = None) -> Settings:
    """The settings from file, environment and flags.

    Raises:
        typer.Exit: with code 2, after every mistake has been printed.
    """
    try:
        return load(configuration_file(config), os.environ, flags or {})
    except ConfigError as error:
        for problem in error.problems:
            errors.print(f"[red]error:[/red] {escape(str(problem))}")
        count = len(error.problems)
        errors.print(f"{count} mistake{'s' if count != 1 else ''} in the configuration; nothing was started")
        raise typer.Exit(2) from error
