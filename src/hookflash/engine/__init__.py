"""The loop between decisions and edges.

``Engine`` takes commands from the API and facts from phones, media and timers, lets the pure rooms decide,
journals what was accepted, and carries the effects out through ports. It decides nothing itself.
"""

from hookflash.engine.engine import Engine

__all__ = ["Engine"]
