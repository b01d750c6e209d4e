"""Which events a subscription wants: Event Grid's subject and advanced filters.

Values of a filter are alternatives, filters add up. Text compares without regard to case, as in Event Grid;
so do the names in a key's path, because documents write ``data.to.PhoneNumber.Value`` for what the wire calls
``data.to.phoneNumber.value`` (contract section 5.7). Limits and the meaning of a key that is not there are
Event Grid's: a positive operator does not match then, a negated one does.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

MAX_FILTERS = 25
MAX_VALUES = 25
"""Of all filters of a subscription together."""
MAX_TEXT = 512
"""Characters of one string value."""
MAX_KEY = 512

Range = tuple[float, float]
Value = str | float | bool | Range


class FilterError(ValueError):
    """A filter that cannot be used; the message names the filter, its key, the value and what is allowed."""


class Operator(NamedTuple):
    """What an operator type means.

    ``takes`` is the type of its values: "string", "number", "range", "boolean" or "" for none. ``single``
    ones take exactly one. ``test`` compares a field with one value, both of that type.
    """

    takes: str
    test: Callable[[Any, Any], bool]
    single: bool = False
    negated: bool = False


def _equal(found: Any, value: Any) -> bool:
    return bool(found == value)


def _within(found: float, value: Range) -> bool:
    return value[0] <= found <= value[1]


OPERATORS: Mapping[str, Operator] = {
    "StringIn": Operator("string", _equal),
    "StringNotIn": Operator("string", _equal, negated=True),
    "StringBeginsWith": Operator("string", str.startswith),
    "StringNotBeginsWith": Operator("string", str.startswith, negated=True),
    "StringEndsWith": Operator("string", str.endswith),
    "StringNotEndsWith": Operator("string", str.endswith, negated=True),
    "StringContains": Operator("string", str.__contains__),
    "StringNotContains": Operator("string", str.__contains__, negated=True),
    "NumberIn": Operator("number", _equal),
    "NumberNotIn": Operator("number", _equal, negated=True),
    "NumberInRange": Operator("range", _within),
    "NumberNotInRange": Operator("range", _within, negated=True),
    "NumberLessThan": Operator("number", lambda found, value: found < value, single=True),
    "NumberLessThanOrEquals": Operator("number", lambda found, value: found <= value, single=True),
    "NumberGreaterThan": Operator("number", lambda found, value: found > value, single=True),
    "NumberGreaterThanOrEquals": Operator("number", lambda found, value: found >= value, single=True),
    "BoolEquals": Operator("boolean", _equal, single=True),
    "IsNullOrUndefined": Operator("", lambda found, value: found is None),
    "IsNotNull": Operator("", lambda found, value: found is not None),
}
"""Operator types by Event Grid's names; a key that is not there counts as null."""

_BY_FOLDED_NAME = {name.casefold(): name for name in OPERATORS}

_TOP = {
    "id": "id",
    "eventid": "id",
    "topic": "topic",
    "source": "topic",
    "subject": "subject",
    "eventtype": "eventType",
    "type": "eventType",
    "dataversion": "dataVersion",
    "eventtypeversion": "dataVersion",
    "data": "data",
}
"""What a key may begin with, by the names of both schemas, and where that is in Event Grid's."""


class AdvancedFilter(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One condition, in the shape of Event Grid's own; single-valued operators may have ``value``."""

    operator_type: str
    key: str
    values: tuple[Value, ...] = ()
    value: Value | None = None

    @classmethod
    def read(cls, given: object, number: int) -> AdvancedFilter:
        """From plain data, as a file or a request gives it.

        Args:
            given: a table with ``operatorType``, ``key`` and ``values`` or ``value``.
            number: which of the subscription's filters it is, from 1, for messages.

        Raises:
            FilterError: it cannot be used.
        """
        here = f"advanced filter {number}"
        if not isinstance(given, Mapping):
            raise FilterError(f"{here} is {_shown(given)}; give a table with operatorType, key and values")
        known = ("operatorType", "key", "values", "value")
        for name in given:
            if name not in known:
                near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.0)[0]
                raise FilterError(f"{here} has {_shown(name)}, which no filter has; did you mean {near!r}?")
        for name in ("operatorType", "key"):
            if not isinstance(given.get(name), str):
                what = f"has {name} = {_shown(given[name])}" if name in given else f"has no {name}"
                raise FilterError(f"{here} {what}; give it as a string")
        values = given.get("values", ())
        if not isinstance(values, list | tuple):
            named = f"{here}, {given['operatorType']} on {given['key']!r},"
            raise FilterError(f"{named} has values = {_shown(values)}; give a list")
        made = cls(
            operator_type=given["operatorType"],
            key=given["key"],
            values=tuple(_plain(one) for one in values),
            value=_plain(given["value"]) if "value" in given else None,
        )
        made.check(number)
        return made

    @property
    def wanted(self) -> tuple[Value, ...]:
        """All values, however they were given."""
        return self.values if self.value is None else (*self.values, self.value)

    def matches(self, event: Mapping[str, Any], arrays: bool = False) -> bool:
        """Whether the event (Event Grid schema, decoded) meets the condition.

        ``arrays``: each element of an array is compared; otherwise an array meets nothing.
        """
        operator = OPERATORS[_BY_FOLDED_NAME[self.operator_type.casefold()]]
        found = lookup(event, self.key)
        if not operator.takes:
            return operator.test(found, None)
        if isinstance(found, list) and not arrays:
            return False
        fields = [_comparable(one, operator.takes) for one in (found if isinstance(found, list) else [found])]
        values = [one.casefold() if isinstance(one, str) else one for one in self.wanted]
        hit = any(operator.test(one, value) for one in fields if one is not None for value in values)
        return hit is not operator.negated

    def check(self, number: int = 1) -> None:
        """Raises :class:`FilterError` for what Event Grid would not take; ``number`` is for the message."""
        here = f"advanced filter {number}"
        name = _BY_FOLDED_NAME.get(self.operator_type.casefold())
        if name is None:
            near = difflib.get_close_matches(self.operator_type, OPERATORS, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise FilterError(
                f"{here} on {_shown(self.key)} has operatorType {_shown(self.operator_type)}; "
                f"{hint}use one of {', '.join(OPERATORS)}"
            )
        if not self.key:
            raise FilterError(f"{here}, {name}, has no key; give a path such as data.to.PhoneNumber.Value")
        head = self.key.partition(".")[0]
        if len(self.key) > MAX_KEY or head.casefold() not in _TOP or ".." in f".{self.key}.":
            raise FilterError(
                f"{here}, {name}, has key {_shown(self.key)}; "
                "use id, topic, subject, eventType, dataVersion or a path such as data.to.PhoneNumber.Value"
            )
        _check_values(f"{here}, {name} on {self.key!r},", OPERATORS[name], self.wanted)


class Filters(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """All conditions of a subscription; empty ones let everything pass."""

    subject_begins_with: str = ""
    subject_ends_with: str = ""
    is_subject_case_sensitive: bool = False
    enable_advanced_filtering_on_arrays: bool = False
    advanced_filters: tuple[AdvancedFilter, ...] = ()

    @classmethod
    def equal_to(cls, fields: Mapping[str, str]) -> Filters:
        """Filters from plain pairs of path and value: each field must have its value."""
        return cls(advanced_filters=equal_to(fields))

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether the event (Event Grid schema, decoded) is wanted."""
        subject = str(event.get("subject", ""))
        begin, end = self.subject_begins_with, self.subject_ends_with
        if not self.is_subject_case_sensitive:
            subject, begin, end = subject.casefold(), begin.casefold(), end.casefold()
        arrays = self.enable_advanced_filtering_on_arrays
        return (
            subject.startswith(begin)
            and subject.endswith(end)
            and all(condition.matches(event, arrays) for condition in self.advanced_filters)
        )

    def check(self) -> None:
        """Raises :class:`FilterError` for what Event Grid would not take."""
        for name, text in (
            ("subjectBeginsWith", self.subject_begins_with),
            ("subjectEndsWith", self.subject_ends_with),
        ):
            if len(text) > MAX_TEXT:
                raise FilterError(f"{name} has {len(text)} characters; at most {MAX_TEXT} are taken")
        count = len(self.advanced_filters)
        if count > MAX_FILTERS:
            raise FilterError(f"there are {count} advanced filters; at most {MAX_FILTERS} are taken")
        for number, condition in enumerate(self.advanced_filters, 1):
            condition.check(number)
        values = sum(len(condition.wanted) for condition in self.advanced_filters)
        if values > MAX_VALUES:
            raise FilterError(
                f"the advanced filters have {values} values together; at most {MAX_VALUES} are taken"
            )


def equal_to(fields: Mapping[str, str]) -> tuple[AdvancedFilter, ...]:
    """A StringIn filter for each pair of path and value."""
    return tuple(
        AdvancedFilter(operator_type="StringIn", key=key, values=(value,)) for key, value in fields.items()
    )


def read_filters(given: Iterable[object]) -> tuple[AdvancedFilter, ...]:
    """Advanced filters from plain data; raises :class:`FilterError`, naming the first that is no good."""
    return tuple(AdvancedFilter.read(one, number) for number, one in enumerate(given, 1))


def lookup(event: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, names without regard to case; None where there is none."""
    head, dot, rest = path.partition(".")
    found: Any = event
    for name in (_TOP.get(head.casefold(), head), *(rest.split(".") if dot else ())):
        if not isinstance(found, Mapping):
            return None
        exact = found.get(name)
        if exact is None:
            folded = name.casefold()
            exact = next((value for key, value in found.items() if str(key).casefold() == folded), None)
        found = exact
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_range(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(map(_is_number, value))


_FITS: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "range": _is_range,
    "boolean": lambda value: isinstance(value, bool),
}
_WANTED = {
    "string": "a string",
    "number": "a number",
    "range": "a range, [lowest, highest]",
    "boolean": "true or false",
}


def _check_values(here: str, operator: Operator, values: tuple[Value, ...]) -> None:
    if not operator.takes:
        if values:
            raise FilterError(
                f"{here} has the value {_shown(values[0])}; this operator takes none, leave it out"
            )
        return
    wanted = _WANTED[operator.takes]
    if not values:
        raise FilterError(f"{here} has no values; give {wanted}")
    if operator.single and len(values) > 1:
        raise FilterError(f"{here} has {len(values)} values; this operator takes one, {wanted}")
    for value in values:
        if not _FITS[operator.takes](value):
            raise FilterError(f"{here} has the value {_shown(value)}; give {wanted}")
        if isinstance(value, str) and len(value) > MAX_TEXT:
            raise FilterError(
                f"{here} has a value of {len(value)} characters, {_shown(value)}; "
                f"at most {MAX_TEXT} are taken"
            )
        if isinstance(value, tuple) and value[0] > value[1]:
            raise FilterError(f"{here} has the value {_shown(value)}; the lowest number comes first")


def _comparable(found: Any, takes: str) -> Any:
    """A field as its operator compares it; None when it is of another type."""
    if takes == "string":
        return found.casefold() if isinstance(found, str) else None
    if takes == "boolean":
        return found if isinstance(found, bool) else None
    return found if _is_number(found) else None


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        value = list(value)
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
