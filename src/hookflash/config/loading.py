"""From sources to :class:`~hookflash.config.tree.Settings`: merge, check every value, report every
mistake."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

from hookflash.config.checks import cross_check
from hookflash.config.development import (
    DEVELOPMENT_ACCESS_KEY,
    DEVELOPMENT_RESOURCE_ID,
    DEVELOPMENT_RESOURCE_NAME,
)
from hookflash.config.errors import ConfigError, Problem
from hookflash.config.kinds import Kind, Unfit
from hookflash.config.owners import ResourceSettings
from hookflash.config.places import Places
from hookflash.config.sources import Branch, Leaf, assignments, from_toml, lay_over
from hookflash.config.tree import ARRAYS, SECTIONS, Settings, loose_settings

DEFAULT_FILE = "hookflash.toml"


def load(
    path: Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, str] | None = None,
) -> Settings:
    """Read the configuration: flags over environment over file over defaults.

    Args:
        path: the TOML file; None for none at all.
        environment: variables; only names that begin with ``HOOKFLASH_`` are looked at.
        flags: values given on the command line, by dotted name ("server.bind").

    Raises:
        ConfigError: with every mistake, each naming its place, the value, what was expected and what to do.
    """
    text = ""
    name = DEFAULT_FILE
    if path is not None:
        name = str(path)
        try:
            text = path.read_text("utf-8")
        except OSError as error:
            remedy = "name a file that can be read, or leave --config out"
            raise ConfigError([Problem(name, "file", f"cannot be read: {error.strerror}", remedy)]) from error
        except UnicodeDecodeError as error:
            what = f"is not UTF-8 (byte {error.start})"
            raise ConfigError([Problem(name, "file", what, "save it as UTF-8")]) from error
    return parse(text, name=name, environment=environment, flags=flags, base=path.parent if path else None)


def parse(
    text: str,
    *,
    name: str = DEFAULT_FILE,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, str] | None = None,
    base: Path | None = None,
) -> Settings:
    """As :func:`load`, from the text of the file; ``base`` is the directory that certificate paths start
    at."""
    root, problems = from_toml(text, name)
    tables = frozenset(SECTIONS) - ARRAYS
    for where, leaf in assignments(environment or {}, flags or {}):
        problem = lay_over(root, where, leaf, ARRAYS, tables)
        if problem:
            problems.append(problem)
    builder = _Builder(name, base)
    settings = builder.build(root)
    problems += builder.problems
    problems += cross_check(settings, builder.places)
    if problems:
        raise ConfigError(problems)
    return settings


class _Builder:
    """Walks the raw tree along the dataclasses; collects problems and places."""

    def __init__(self, name: str, base: Path | None) -> None:
        self.problems: list[Problem] = []
        self.places = Places(name)
        self._base = base

    def build(self, root: Branch) -> Settings:
        self._unknown(root, SECTIONS, "", "section")
        mode = self._mode(root)
        values: dict[str, Any] = {}
        for name, section in SECTIONS.items():
            raw = root.names.get(name)
            if name in ARRAYS:
                values[name] = self._rows(name, section, raw)
            else:
                values[name] = self._section(name, section, raw, strict=mode == "production")
        if mode == "dev" and raw_is_missing(root, "resource"):
            values["resource"] = (
                ResourceSettings(
                    name=DEVELOPMENT_RESOURCE_NAME,
                    id=DEVELOPMENT_RESOURCE_ID,
                    access_keys=(DEVELOPMENT_ACCESS_KEY,),
                ),
            )
        return Settings(**values)

    def _mode(self, root: Branch) -> str:
        """The mode, before anything else is read: the defaults of the loosenesses hang on it."""
        server = root.names.get("server")
        leaf = server.names.get("mode") if isinstance(server, Branch) else None
        if isinstance(leaf, Leaf) and str(leaf.value).casefold() == "production":
            return "production"
        return "dev"

    def _rows(self, name: str, section: type, raw: Leaf | Branch | None) -> tuple[Any, ...]:
        if raw is None or (isinstance(raw, Leaf) and raw.value == []):
            return ()
        if not isinstance(raw, Branch) or raw.rows is None:
            self._report(
                raw.place, name, "this is not an array of tables", f"write [[{name}]] above each entry"
            )
            return ()
        rows = []
        for index, row in enumerate(raw.rows):
            self.places.put((name, index), row.place)
            made = self._table((name, index), section, row)
            if made is None:
                self.places.broken.add(name)
            else:
                self.places.follow(made, (name, index))
                rows.append(made)
        return tuple(rows)

    def _section(self, name: str, section: type, raw: Leaf | Branch | None, *, strict: bool) -> Any:
        preset = dict.fromkeys((loose for loose, _ in loose_settings(section)), False) if strict else {}
        if raw is None:
            return section(**preset)
        if not isinstance(raw, Branch) or raw.rows is not None:
            self._report(
                raw.place, name, "this is not a table", f"write [{name}] once, and its settings below"
            )
            return section(**preset)
        return self._table((name,), section, raw, preset) or section(**preset)

    def _table(
        self, path: tuple[str | int, ...], section: type, raw: Branch, preset: Mapping[str, Any] | None = None
    ) -> Any:
        """An instance of ``section``, or None when a required setting is missing or unfit."""
        key = ".".join(str(part) for part in path)
        known: dict[str, Field[Any]] = {one.name: one for one in fields(section)}
        self._unknown(raw, known, key, "setting")
        values = dict(preset or {})
        whole = True
        for name, one in known.items():
            leaf = raw.names.get(name)
            required = one.default is MISSING and one.default_factory is MISSING
            if leaf is None:
                if required:
                    kind: Kind = one.metadata["kind"]
                    self._report(raw.place, f"{key}.{name}", "is missing", f"give {kind.expected}")
                    whole = False
                continue
            self.places.put((*path, name), leaf.place)
            try:
                values[name] = self._value((*path, name), one.metadata["kind"], leaf)
            except Unfit:
                whole = whole and not required
        return section(**values) if whole else None

    def _value(self, path: tuple[str | int, ...], kind: Kind, leaf: Leaf | Branch) -> Any:
        """The value of one setting; reports and raises ``Unfit`` when it does not fit."""
        if kind.rows is not None and isinstance(leaf, Branch) and leaf.rows is None:
            made = self._table(path, kind.rows, leaf)
            if made is None:
                raise Unfit(kind.expected)
            return made
        raw = plain(leaf)
        try:
            if isinstance(leaf, Leaf) and leaf.text:
                raw = kind.from_text(leaf.value)
                if kind.rows is not None and isinstance(raw, dict):
                    branch = Branch(leaf.place, {name: Leaf(one, leaf.place) for name, one in raw.items()})
                    return self._value(path, kind, branch)
            if kind.rows is not None:
                raise Unfit(kind.expected)
            return self._located(kind, kind.parse(raw))
        except Unfit as error:
            shown = "the value" if kind.secret else _shown(raw)
            key = ".".join(str(part) for part in path)
            self._report(leaf.place, key, f"{shown} does not fit", f"give {error}")
            raise

    def _located(self, kind: Kind, value: Any) -> Any:
        """Certificate paths start at the configuration file."""
        if kind.relative and self._base is not None:
            return str(self._base / value)
        return value

    def _unknown(self, raw: Branch, known: Iterable[str], key: str, noun: str) -> None:
        names = list(known)
        for name, leaf in raw.names.items():
            if name in names:
                continue
            near = difflib.get_close_matches(name, names, n=1)
            what = f"there is no {noun} {name!r}" + (f" in {key!r}" if key else "")
            if near:
                remedy = f"did you mean {near[0]!r}?"
            elif names:
                remedy = f"those there are: {', '.join(sorted(names))}"
            else:
                remedy = "there is nothing to set here in this version"
            self._report(leaf.place, f"{key}.{name}" if key else name, what, remedy)

    def _report(self, place: str, key: str, what: str, remedy: str) -> None:
        self.problems.append(Problem(place, key, what, remedy))


def raw_is_missing(root: Branch, name: str) -> bool:
    """Whether a section has no entry at all."""
    raw = root.names.get(name)
    return raw is None or (isinstance(raw, Leaf) and raw.value == [])


def plain(leaf: Leaf | Branch) -> Any:
    """The raw value as plain data."""
    if isinstance(leaf, Leaf):
        return leaf.value
    if leaf.rows is not None:
        return [plain(row) for row in leaf.rows]
    return {name: plain(one) for name, one in leaf.names.items()}


def _shown(value: Any) -> str:
    """A value as people wrote it, cut short."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except TypeError:
        text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."
