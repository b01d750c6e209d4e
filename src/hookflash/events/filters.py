"""Which events a subscription wants: Event Grid's subject and advanced filters.

Values of a key are alternatives, filters add up. Text compares without regard to case, as in Event Grid; so
do the names in a key's path, because documents write ``data.to.PhoneNumber.Value`` for what the wire calls
``data.to.phoneNumber.value`` (contract section 5.7).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

MAX_FILTERS = 25
MAX_VALUES = 25

Value = str | float | bool
Ranges = tuple[Value, ...]


class FilterError(ValueError):
    """A filter that cannot be used; the message names the filter and what is allowed."""


def _texts(test: Callable[[str, str], bool]) -> Callable[[Any, Ranges], bool]:
    def matches(found: Any, wanted: Ranges) -> bool:
        if not isinstance(found, str):
            return False
        folded = found.casefold()
        return any(isinstance(value, str) and test(folded, value.casefold()) for value in wanted)

    return matches


def _numbers(test: Callable[[float, float], bool]) -> Callable[[Any, Ranges], bool]:
    def matches(found: Any, wanted: Ranges) -> bool:
        if not _is_number(found):
            return False
        return any(_is_number(value) and test(float(found), float(value)) for value in wanted)

    return matches


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _not(test: Callable[[Any, Ranges], bool]) -> Callable[[Any, Ranges], bool]:
    return lambda found, wanted: not test(found, wanted)


_in = _texts(lambda found, value: found == value)
_begins = _texts(str.startswith)
_ends = _texts(str.endswith)
_contains = _texts(lambda found, value: value in found)
_number_in = _numbers(lambda found, value: found == value)

OPERATORS: Mapping[str, Callable[[Any, Ranges], bool]] = {
    "StringIn": _in,
    "StringNotIn": _not(_in),
    "StringBeginsWith": _begins,
    "StringNotBeginsWith": _not(_begins),
    "StringEndsWith": _ends,
    "StringNotEndsWith": _not(_ends),
    "StringContains": _contains,
    "StringNotContains": _not(_contains),
    "NumberIn": _number_in,
    "NumberNotIn": _not(_number_in),
    "NumberLessThan": _numbers(lambda found, value: found < value),
    "NumberLessThanOrEquals": _numbers(lambda found, value: found <= value),
    "NumberGreaterThan": _numbers(lambda found, value: found > value),
    "NumberGreaterThanOrEquals": _numbers(lambda found, value: found >= value),
    "BoolEquals": lambda found, wanted: isinstance(found, bool) and found in wanted,
    "IsNullOrUndefined": lambda found, wanted: found is None,
    "IsNotNull": lambda found, wanted: found is not None,
}
"""Operator types by Event Grid's names; a key that is not there counts as null."""

_BY_FOLDED_NAME = {name.casefold(): name for name in OPERATORS}
_WITHOUT_VALUES = ("IsNullOrUndefined", "IsNotNull")


class AdvancedFilter(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One condition, in the shape of Event Grid's own; single-valued operators have ``value``."""

    operator_type: str
    key: str
    values: tuple[Value, ...] = ()
    value: Value | None = None

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether the event (Event Grid schema, decoded) meets the condition."""
        wanted = self.values if self.value is None else (*self.values, self.value)
        return OPERATORS[_BY_FOLDED_NAME[self.operator_type.casefold()]](lookup(event, self.key), wanted)

    def check(self) -> None:
        """Raises :class:`FilterError` for what Event Grid would not take."""
        name = _BY_FOLDED_NAME.get(self.operator_type.casefold())
        if name is None:
            raise FilterError(
                f"filter on {self.key!r} has operatorType {self.operator_type!r}; "
                f"use one of {', '.join(OPERATORS)}"
            )
        if not self.key:
            raise FilterError(f"a {name} filter has no key; give a path such as data.to.PhoneNumber.Value")
        if name not in _WITHOUT_VALUES and not self.values and self.value is None:
            raise FilterError(f"filter {name} on {self.key!r} has no values")
        if len(self.values) > MAX_VALUES:
            raise FilterError(
                f"filter {name} on {self.key!r} has {len(self.values)} values, at most {MAX_VALUES}"
            )


class Filters(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """All conditions of a subscription; empty ones let everything pass."""

    subject_begins_with: str = ""
    subject_ends_with: str = ""
    is_subject_case_sensitive: bool = False
    advanced_filters: tuple[AdvancedFilter, ...] = ()

    @classmethod
    def equal_to(cls, fields: Mapping[str, str]) -> Filters:
        """Filters from plain pairs of path and value: each field must have its value."""
        return cls(
            advanced_filters=tuple(
                AdvancedFilter(operator_type="StringIn", key=key, values=(value,))
                for key, value in fields.items()
            )
        )

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether the event (Event Grid schema, decoded) is wanted."""
        subject = str(event.get("subject", ""))
        begin, end = self.subject_begins_with, self.subject_ends_with
        if not self.is_subject_case_sensitive:
            subject, begin, end = subject.casefold(), begin.casefold(), end.casefold()
        return (
            subject.startswith(begin)
            and subject.endswith(end)
            and all(condition.matches(event) for condition in self.advanced_filters)
        )

    def check(self) -> None:
        """Raises :class:`FilterError` for what Event Grid would not take."""
        if len(self.advanced_filters) > MAX_FILTERS:
            raise FilterError(
                f"{len(self.advanced_filters)} advanced filters; at most {MAX_FILTERS} are taken"
            )
        for condition in self.advanced_filters:
            condition.check()


def lookup(event: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, names without regard to case; None where there is none."""
    found: Any = event
    for name in path.split("."):
        if not isinstance(found, Mapping):
            return None
        exact = found.get(name)
        if exact is None:
            folded = name.casefold()
            exact = next((value for key, value in found.items() if str(key).casefold() == folded), None)
        found = exact
    return found
