"""What is wrong with a configuration, all of it at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake.

    ``place`` says where the value came from ("hookflash.toml:41", "environment HOOKFLASH_SERVER__BIND",
    "flag --server.bind"), ``key`` is the dotted name of the setting, ``what`` says what is wrong with it and
    names the value, ``remedy`` says what to do.
    """

    place: str
    key: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place}: {self.key}: {self.what}; {self.remedy}"


class ConfigError(Exception):
    """The configuration cannot be used; ``problems`` holds every mistake found, in the order of the tree."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(f"error: {problem}" for problem in problems))
