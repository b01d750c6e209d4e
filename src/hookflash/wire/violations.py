"""Everything that is wrong with a body, not only the first thing, for the details of a refusal.

Decoding stops at the first value of a wrong type, and so it should: it is fast, and nearly every body is
good. What is here runs only after a body was refused. It walks the body beside the type it was to be and
names each field that is missing or does not fit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sized
from difflib import get_close_matches
from functools import cache
from itertools import islice
from typing import Any, NamedTuple

import msgspec
from msgspec import inspect

from hookflash.wire.urls import without_secrets

MOST = 20
"""How many violations of one body are told."""
_MAX_SHOWN = 16
"""How many of an enumeration's values a message lists."""
_MAX_REPEATED = 64
"""How many characters of a bad value a message repeats."""
_MAX_NAME = 100
"""How many characters of a name that the client chose a path repeats."""
_MAX_COMPARED = 64
"""How long, and how many, names may be to be looked through for a misspelt one."""
_SECRET = ("token", "key", "secret", "password", "context", "signature")
"""A field with one of these in its name is never repeated."""


class Violation(NamedTuple):
    """``path`` names the field as the wire spells it, empty for the body itself; ``problem`` says what is
    wrong with it and what would do.
    """

    path: str
    problem: str


def violations(type_: type[msgspec.Struct], value: object, most: int = MOST) -> list[Violation]:
    """What keeps ``value``, any decoded JSON, from being a ``type_``; the first ``most`` in the order of the
    fields. Empty when nothing does that the types can tell.
    """
    return list(islice(_walk(_info(type_), value, ""), most))


@cache
def _info(type_: type[msgspec.Struct]) -> inspect.Type:
    return inspect.type_info(type_)


_Found = Iterator[Violation]
_Sized = inspect.StrType | inspect.ListType | inspect.DictType


def _walk(info: inspect.Type, value: Any, path: str) -> _Found:
    if isinstance(info, inspect.UnionType):
        if value is None and info.includes_none:
            return
        # No model has a union of anything but a type and null.
        info = next(part for part in info.types if not isinstance(part, inspect.NoneType))
    if value is None:
        yield Violation(path, f"it is required, but null; expected {_wanted(info)}.")
    elif isinstance(info, inspect.StructType):
        yield from _struct(info, value, path)
    elif isinstance(info, inspect.ListType):
        if not isinstance(value, list):
            yield _mismatch(info, value, path)
            return
        yield from _length(info, value, path, "entries")
        for index, item in enumerate(value):
            yield from _walk(info.item_type, item, f"{path}[{index}]")
    elif isinstance(info, inspect.DictType):
        if not isinstance(value, dict):
            yield _mismatch(info, value, path)
            return
        yield from _length(info, value, path, "entries")
        for name, item in value.items():
            where = f"{path}.{name[:_MAX_NAME]}"
            yield from _walk(info.key_type, name, where)
            yield from _walk(info.value_type, item, where)
    elif isinstance(info, inspect.EnumType):
        if not isinstance(value, str):
            yield _mismatch(info, value, path)
        elif not _is_member(info, value):
            yield Violation(path, _not_a_value(info, value))
    elif not _fits(info, value):
        yield _mismatch(info, value, path)
    elif isinstance(info, inspect.IntType | inspect.FloatType):
        yield from _range(info, value, path)
    elif isinstance(info, inspect.StrType):
        yield from _length(info, value, path, "characters")
        if info.pattern is not None and not re.search(info.pattern, value):
            yield Violation(path, f"expected text of the form {info.pattern}, got {_got(value, path)}.")


def _range(info: inspect.IntType | inspect.FloatType, value: float, path: str) -> _Found:
    low, high = info.ge, info.le
    if (low is not None and value < low) or (high is not None and value > high):
        wanted = (
            f"{low} to {high}"
            if low is not None and high is not None
            else (f"at least {low}" if high is None else f"at most {high}")
        )
        yield Violation(path, f"expected {wanted}, got {_got(value, path)}.")


def _length(info: _Sized, value: Sized, path: str, what: str) -> _Found:
    if info.min_length is not None and len(value) < info.min_length:
        yield Violation(path, f"expected at least {info.min_length} {what}, got {len(value)}.")
    elif info.max_length is not None and len(value) > info.max_length:
        yield Violation(path, f"expected at most {info.max_length} {what}, got {len(value)}.")


def _struct(info: inspect.StructType, value: Any, path: str) -> _Found:
    if not isinstance(value, dict):
        yield _mismatch(info, value, path)
        return
    for field in info.fields:
        name = field.encode_name
        where = f"{path}.{name}" if path else name
        if name in value:
            yield from _walk(field.type, value[name], where)
        elif field.required:
            yield Violation(where, f"it is required, but missing{_misspelt(info, name, value)}.")
    if info.forbid_unknown_fields:
        known = [field.encode_name for field in info.fields]
        for name in value:
            if name not in known:
                shown = name[:_MAX_NAME]
                near = _nearest(name, known)
                hint = f"did you mean {near}?" if near else f"fields are {', '.join(known) or 'none'}."
                yield Violation(f"{path}.{shown}" if path else shown, f"there is no such field; {hint}")


def _misspelt(info: inspect.StructType, name: str, value: dict[str, Any]) -> str:
    """A hint at a name in the body that nobody knows and that looks like the missing one."""
    known = {field.encode_name for field in info.fields}
    unknown = [given for given in islice(value, _MAX_COMPARED) if given not in known]
    near = _nearest(name, [given for given in unknown if len(given) <= _MAX_COMPARED])
    return f"; {near!r} is no field here, write {name}" if near else ""


def _nearest(word: str, among: list[str]) -> str | None:
    folded = {one.casefold(): one for one in among}
    found = get_close_matches(word[:_MAX_COMPARED].casefold(), folded, n=1, cutoff=0.7)
    return folded[found[0]] if found else None


def _is_member(info: inspect.EnumType, value: str) -> bool:
    try:
        info.cls(value)
    except ValueError:
        return False
    return True


def _not_a_value(info: inspect.EnumType, value: str) -> str:
    values = [str(member.value) for member in info.cls]
    listed = ", ".join(values[:_MAX_SHOWN]) + (", ..." if len(values) > _MAX_SHOWN else "")
    near = _nearest(value, values)
    hint = f"; did you mean {near}?" if near else "."
    return f"{_clipped(value)!r} is not one of its values; expected {listed}{hint}"


def _fits(info: inspect.Type, value: object) -> bool:
    if isinstance(info, inspect.StrType):
        return isinstance(value, str)
    if isinstance(info, inspect.BoolType):
        return isinstance(value, bool)
    if isinstance(info, inspect.IntType):
        return isinstance(value, int) and not isinstance(value, bool)
    if isinstance(info, inspect.FloatType):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return True  # Nothing else is in a model; if it were, the decoder's own complaint would be told.


def _mismatch(info: inspect.Type, value: object, path: str) -> Violation:
    return Violation(path, f"expected {_wanted(info)}, got {_got(value, path)}.")


_WANTED: dict[type[inspect.Type], str] = {
    inspect.StrType: "a string",
    inspect.IntType: "an integer",
    inspect.FloatType: "a number",
    inspect.BoolType: "true or false",
    inspect.StructType: "an object",
    inspect.DictType: "an object",
    inspect.ListType: "an array",
    inspect.EnumType: "a string",
}


def _wanted(info: inspect.Type) -> str:
    return _WANTED.get(type(info), "something else")


def _got(value: object, path: str) -> str:
    """What was given, by kind, and where it is short and no secret, the value itself."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"an integer, {value}" if abs(value) < 1 << 63 else "an integer"
    if isinstance(value, float):
        return f"a number, {value}"
    if isinstance(value, str):
        secret = any(word in path.rpartition(".")[2].casefold() for word in _SECRET)
        return "a string" if secret else f"a string, {_clipped(value)!r}"
    return "an array" if isinstance(value, list) else "an object"


def _clipped(text: str) -> str:
    """Messages repeat what was sent, but neither megabytes of it nor the secrets of a URL."""
    if "://" in text:
        text = without_secrets(text)
    return text if len(text) <= _MAX_REPEATED else f"{text[:_MAX_REPEATED]}..."
