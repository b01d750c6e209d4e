"""What scenarios expect: substitution of ``${names}``, and patterns against plain values."""

from __future__ import annotations

import re
from typing import Any

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NAME = re.compile(r"\$\{([^}]+)\}")


def fill(value: Any, names: dict[str, Any]) -> Any:
    """``value`` with every ``${name}`` or ``${name.field}`` replaced; alone in a string it keeps its type.

    A key ``name@version`` is for SDKs of that version or newer, as this one is.
    """
    if isinstance(value, dict):
        return {key.partition("@")[0]: fill(one, names) for key, one in value.items()}
    if isinstance(value, list):
        return [fill(one, names) for one in value]
    if not isinstance(value, str):
        return value
    if (alone := NAME.fullmatch(value)) is not None:
        return look_up(alone[1], names)
    return NAME.sub(lambda found: str(look_up(found[1], names)), value)


def look_up(path: str, names: dict[str, Any]) -> Any:
    first, *rest = path.split(".")
    if first not in names:
        raise AssertionError(f"the scenario uses ${{{path}}}, which is not set; set are {sorted(names)}")
    value = names[first]
    for key in rest:
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


def differences(wanted: Any, found: Any, where: str = "") -> list[str]:
    """Where ``found`` is not as ``wanted``; empty when it is."""
    at = where or "it"
    if isinstance(wanted, str) and wanted.startswith("~"):
        return [] if _pattern(wanted, found) else [f"{at} is {found!r}, not {wanted}"]
    if isinstance(wanted, dict):
        if "~has" in wanted:
            if isinstance(found, list) and any(not differences(wanted["~has"], one) for one in found):
                return []
            return [f"{at} is {found!r}, without one like {wanted['~has']!r}"]
        if not isinstance(found, dict):
            return [f"{at} is {found!r}, not an object"]
        return [
            line for key, one in wanted.items() for line in differences(one, found.get(key), f"{where}.{key}")
        ]
    if isinstance(wanted, list):
        if not isinstance(found, list) or len(found) != len(wanted):
            return [f"{at} is {found!r}, not {len(wanted)} elements: {wanted!r}"]
        pairs = enumerate(zip(wanted, found, strict=True))
        return [line for n, (one, other) in pairs for line in differences(one, other, f"{where}[{n}]")]
    same = wanted == found and isinstance(wanted, bool) == isinstance(found, bool)
    return [] if same else [f"{at} is {found!r}, not {wanted!r}"]


def _pattern(wanted: str, found: Any) -> bool:
    kind, _, rest = wanted[1:].partition(":")
    if kind == "absent":
        return found is None
    if found is None:
        return False
    if kind == "any":
        return True
    if kind == "guid":
        return isinstance(found, str) and GUID.fullmatch(found) is not None
    if kind == "int":
        return isinstance(found, int) and not isinstance(found, bool)
    if kind == "count":
        return isinstance(found, list) and len(found) == int(rest)
    if kind == "contains":
        return isinstance(found, str) and rest.casefold() in found.casefold()
    if kind == "matches":
        return isinstance(found, str) and re.search(rest, found) is not None
    if kind == "not":
        return str(found) != rest
    raise AssertionError(f"the scenario uses an unknown pattern {wanted!r}")
