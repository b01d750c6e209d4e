"""The command line: ``serve``, ``check``, ``demo``, ``phone``, ``connection-string``."""

from hookflash.cli.commands import main

__all__ = ["main"]
