"""Request bodies from bytes: one call that gives a checked model or a refusal that names the field."""

from __future__ import annotations

from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from hookflash.wire.results import Refusal, invalid_argument
from hookflash.wire.validation import check

T = TypeVar("T", bound=msgspec.Struct)

_MAX_SHOWN = 16
"""How many of an enumeration's values a message lists."""
_MAX_REPEATED = 128
"""How many characters of a bad value a message repeats."""


@cache
def _decoder(type_: type[msgspec.Struct]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(type_)


@cache
def _all_optional(type_: type[msgspec.Struct]) -> bool:
    return all(not field.required for field in msgspec.structs.fields(type_))


def decode(type_: type[T], data: bytes) -> T:
    """Read ``data`` as ``type_`` and check what the types cannot say (ranges, combinations).

    Unknown names are ignored; null and a missing field are the same. A body that is empty or null is taken
    for ``{}`` where nothing is required. Raises Refusal 400/8523 that names the field by its JSON path, what
    was wrong and what was expected.
    """
    try:
        model: T = _decoder(type_).decode(data)
    except msgspec.ValidationError as error:
        if data.strip() == b"null" and _all_optional(type_):
            return type_()
        raise _refusal(type_, str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if not data.strip():
            if _all_optional(type_):
                return type_()
            raise _not_json("it is empty") from None
        deep = isinstance(error, RecursionError)
        raise _not_json("it is nested too deeply" if deep else str(error).rstrip(".")) from None
    check(model)
    return model


def _not_json(problem: str) -> Refusal:
    return Refusal(
        400, 8523, f"The request body cannot be read: {problem}; expected a JSON object.", target="body"
    )


def _refusal(type_: type[msgspec.Struct], text: str) -> Refusal:
    """A library's complaint in our words: the field as the wire spells it, the problem, what would do."""
    problem, _, path = text.partition(" - at `$")
    path = path.removesuffix("`").removeprefix(".")
    if problem.startswith("Object missing required field"):
        name = problem.split("`")[1]
        return invalid_argument(f"{path}.{name}" if path else name, "it is required, but missing.")
    if problem.startswith("Invalid enum value"):
        value = _clipped(problem.removeprefix("Invalid enum value "))
        return invalid_argument(
            path, f"{value} is not one of its values; expected {_values_at(type_, path)}."
        )
    if problem.startswith("Expected ") and ", got " in problem:
        expected, _, got = problem.removeprefix("Expected ").partition(", got ")
        wanted = " or ".join(
            [_JSON_NAMES.get(name, name) for name in expected.strip("`").split(" | ") if name != "null"]
        )
        found = _JSON_NAMES.get(got.strip("`"), got.strip("`"))
        if found == "null":
            return invalid_argument(path or "body", f"it is required, but null; expected {wanted}.")
        return invalid_argument(path or "body", f"expected {wanted}, got {found}.")
    return invalid_argument(path or "body", f"{_clipped(problem)}.")


def _clipped(text: str) -> str:
    """Messages repeat what was sent, but not megabytes of it."""
    return text if len(text) <= _MAX_REPEATED else f"{text[:_MAX_REPEATED]}..."


_JSON_NAMES = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "an array",
    "null": "null",
}


def _values_at(type_: type[msgspec.Struct], path: str) -> str:
    """The values of the enumeration that ``path`` leads to, for a message."""
    at: Any = type_
    for step in path.replace("[", ".[").split("."):
        if step.startswith("["):
            at = _bare(get_args(at)[-1])
        else:
            names = {field.encode_name: field.name for field in msgspec.structs.fields(at)}
            at = _bare(get_type_hints(at)[names[step]])
    values = [str(member.value) for member in at]
    listed = ", ".join(values[:_MAX_SHOWN])
    return f"{listed}, ..." if len(values) > _MAX_SHOWN else listed


def _bare(hint: Any) -> Any:
    """A type without its ``| None``."""
    if get_origin(hint) in (Union, UnionType):
        return next(part for part in get_args(hint) if part is not NoneType)
    return hint
