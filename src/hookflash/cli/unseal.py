"""``hookflash unseal``: an encrypted recording in clear, for whoever has the file and the key."""

from __future__ import annotations

import os
from pathlib import Path

from rich.markup import escape

from hookflash.cli.settings import errors, read_settings
from hookflash.composition.storing import StorageUnusable, key_ring
from hookflash.recording.sealed_files import unsealed


def run(config: Path | None, sealed: Path, plain: Path) -> int:
    """Write ``plain``, a new file; code 1 when it can not be, code 2 when there is no key."""
    settings = read_settings(config)
    try:
        keys = key_ring(settings, os.environ)
    except StorageUnusable as error:
        errors.print(f"[red]error:[/red] {escape(str(error))}")
        return 2
    if keys is None:
        what = "there is no key; give recording.encryption_key_env or recording.encryption_key_file"
        errors.print(f"[red]error:[/red] {what}")
        return 2
    part = plain.with_name(f"{plain.name}.part")
    if plain.exists():
        errors.print(f"[red]error:[/red] {escape(str(plain))} is there already; name a new file")
        return 1
    try:
        with part.open("xb") as file:
            for piece in unsealed(sealed, keys):
                file.write(piece)
        part.replace(plain)
    except OSError as error:
        errors.print(f"[red]error:[/red] {escape(str(error))}")
        return 1
    finally:
        part.unlink(missing_ok=True)
    return 0
