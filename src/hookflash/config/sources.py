"""Where values come from: a TOML file (with line numbers), the environment, flags.

Each source yields the same shape, a :class:`Branch` of :class:`Leaf`, so that they can be laid over one
another and every leaf still knows its place.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hookflash.config.errors import Problem

PREFIX = "HOOKFLASH_"
RESERVED = frozenset({"HOOKFLASH_CONFIG"})
"""Variables of the command line itself."""

Path = tuple[str | int, ...]


@dataclass(slots=True)
class Leaf:
    """A raw value and its place; ``text`` marks a value that must still be read from text."""

    value: Any
    place: str
    text: bool = False


@dataclass(slots=True)
class Branch:
    """A table: settings and nested tables by name; ``rows`` for an array of tables."""

    place: str
    names: dict[str, Leaf | Branch] = field(default_factory=dict)
    rows: list[Branch] | None = None


# --- TOML -----------------------------------------------------------------------------------------------

_KEY = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)\s*""")
_OPEN_QUOTES = ('"""', "'''", '"', "'")


def _split_key(text: str) -> tuple[list[str], int]:
    """A dotted key at the start of ``text``: its parts and the position behind it."""
    parts: list[str] = []
    at = 0
    while match := _KEY.match(text, at):
        part = match[1]
        parts.append(json.loads(part) if part[0] == '"' else part.strip("'"))
        at = match.end()
        if text[at : at + 1] != ".":
            break
        at += 1
    return parts, at


def _skip_value(lines: list[str], line: int, at: int) -> int:
    """The index of the line on which the value that begins at ``lines[line][at]`` ends."""
    depth = 0
    quote = ""
    while line < len(lines):
        text = lines[line]
        while at < len(text):
            if quote:
                if text[at] == "\\" and quote[0] == '"':
                    at += 2
                elif text.startswith(quote, at):
                    at += len(quote)
                    quote = ""
                else:
                    at += 1
                continue
            if text[at] == "#":
                break
            quote = next((one for one in _OPEN_QUOTES if text.startswith(one, at)), "")
            at += len(quote) or 1
            if not quote:
                depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(text[at - 1], 0)
        if not quote and depth <= 0:
            return line
        line, at = line + 1, 0
    return line


def key_lines(text: str) -> dict[Path, int]:
    """The 1-based line of every table header and key of a valid TOML text.

    Keys inside inline tables have no entry; the key that holds the table has.
    """
    found: dict[Path, int] = {}
    rows: dict[Path, int] = {}
    lines = text.splitlines()
    table: Path = ()
    line = 0
    while line < len(lines):
        content = lines[line].strip()
        if content.startswith("["):
            double = content.startswith("[[")
            parts, _ = _split_key(content[2:] if double else content[1:])
            path: Path = ()
            for part in parts[:-1]:
                path = (*path, part)
                if path in rows:
                    path = (*path, rows[path])
            path = (*path, parts[-1])
            if double:
                rows[path] = rows.get(path, -1) + 1
                path = (*path, rows[path])
            table = path
            found.setdefault(table, line + 1)
        elif content and not content.startswith("#"):
            parts, at = _split_key(lines[line])
            found[(*table, *parts)] = line + 1
            for end in range(1, len(parts)):
                found.setdefault((*table, *parts[:end]), line + 1)
            line = _skip_value(lines, line, at + 1)
        line += 1
    return found


def from_toml(text: str, name: str) -> tuple[Branch, list[Problem]]:
    """The tree of a TOML text; ``name`` is the file's, for the places. A syntax error is the one problem."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        match = re.search(r"\s*\(at line (\d+), column \d+\)", message)
        where = f"{name}:{match[1]}" if match else f"{name}:{text.count(chr(10)) + 1}"
        what = message[: match.start()] if match else message.removesuffix(" (at end of document)")
        return Branch(name), [Problem(where, "syntax", f"this is not TOML: {what}", "correct the line")]
    lines = key_lines(text)

    def place(path: Path) -> str:
        while path and path not in lines:
            path = path[:-1]
        return f"{name}:{lines.get(path, 1)}"

    def grow(value: Any, path: Path) -> Leaf | Branch:
        if isinstance(value, dict):
            return table(value, path)
        if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            return Branch(place(path), rows=[table(one, (*path, index)) for index, one in enumerate(value)])
        return Leaf(value, place(path))

    def table(value: dict[str, Any], path: Path) -> Branch:
        return Branch(place(path), {key: grow(one, (*path, key)) for key, one in value.items()})

    return table(data, ()), []


# --- environment and flags ------------------------------------------------------------------------------


def assignments(environment: Mapping[str, str], flags: Mapping[str, str]) -> Iterator[tuple[Path, Leaf]]:
    """Every value of the environment, then of the flags, with its path; indexes are integers.

    ``HOOKFLASH_TRUNK__0__NAME`` and the flag ``trunk.0.name`` both have the path ("trunk", 0, "name").
    """
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in RESERVED:
            yield (
                _path(name[len(PREFIX) :].lower().split("__")),
                Leaf(environment[name], f"environment {name}", True),
            )
    for name, value in flags.items():
        yield _path(name.lower().replace("-", "_").split(".")), Leaf(value, f"flag --{name}", True)


def _path(parts: list[str]) -> Path:
    return tuple(int(part) if part.isascii() and part.isdigit() and len(part) < 6 else part for part in parts)


def lay_over(
    root: Branch, path: Path, leaf: Leaf, arrays: frozenset[str], tables: frozenset[str]
) -> Problem | None:
    """Put ``leaf`` into the tree at ``path``; ``arrays`` and ``tables`` name the sections.

    A whole section as text is JSON and replaces what was there. Returns a problem when the path leads
    nowhere.
    """
    key = ".".join(str(part) for part in path)
    if len(path) == 1 and (path[0] in arrays or path[0] in tables):
        grown = _from_json(leaf, list if path[0] in arrays else dict)
        if grown is None:
            wanted = "array of objects" if path[0] in arrays else "object"
            return Problem(leaf.place, key, "the value is not what was expected", f"give a JSON {wanted}")
        root.names[str(path[0])] = grown
        return None
    at = root
    for part in path[:-1]:
        step = _step(at, part, leaf.place, arrays)
        if isinstance(step, str):
            return Problem(leaf.place, key, step, "number the entries from 0, without gaps")
        at = step
    if at.rows is not None or isinstance(path[-1], int):
        return Problem(
            leaf.place, key, "this names no setting", "name the entry by its index, then the setting"
        )
    at.names[str(path[-1])] = leaf
    return None


def _step(at: Branch, part: str | int, place: str, arrays: frozenset[str]) -> Branch | str:
    """The branch one step down, made if need be, or what is wrong."""
    if isinstance(part, int):
        if at.rows is None:
            return f"{part} is an index, but there is no list here"
        if part > len(at.rows):
            return f"there is no entry {part - 1} before entry {part}"
        if part == len(at.rows):
            at.rows.append(Branch(place))
        return at.rows[part]
    if at.rows is not None:
        return f"{part!r} is not an index"
    below = at.names.get(part)
    if not isinstance(below, Branch):
        below = at.names[part] = Branch(place, rows=[] if part in arrays else None)
    return below


def _from_json(leaf: Leaf, shape: type) -> Branch | None:
    try:
        data = json.loads(leaf.value)
    except ValueError:
        return None

    def grow(value: dict[str, Any]) -> Branch:
        names: dict[str, Leaf | Branch] = {
            key: grow(one) if isinstance(one, dict) else Leaf(one, leaf.place) for key, one in value.items()
        }
        return Branch(leaf.place, names)

    if shape is list:
        if not isinstance(data, list) or not all(isinstance(one, dict) for one in data):
            return None
        return Branch(leaf.place, rows=[grow(one) for one in data])
    return grow(data) if isinstance(data, dict) else None
