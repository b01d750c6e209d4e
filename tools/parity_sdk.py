"""What the installed Python SDKs can do, by introspection: operations, models, enums, client methods.

The generated layer of an SDK is the contract in code: one request builder an operation, one class a model
with its JSON names, one enum class a list of values. Nothing here is written down by hand.
"""

from __future__ import annotations

import enum
import importlib
import inspect
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any

SDKS = {
    "Call Automation": "azure.communication.callautomation",
    "Identity": "azure.communication.identity",
}
"""The SDKs that count, by their names on the page."""
CLIENTS = (
    ("azure.communication.callautomation", "CallAutomationClient"),
    ("azure.communication.callautomation", "CallConnectionClient"),
    ("azure.communication.callautomation.aio", "CallAutomationClient"),
    ("azure.communication.callautomation.aio", "CallConnectionClient"),
    ("azure.communication.identity", "CommunicationIdentityClient"),
    ("azure.communication.identity.aio", "CommunicationIdentityClient"),
)
HOUSEKEEPING = {"close", "from_connection_string", "get_call_connection"}
"""Methods that send nothing."""
SEGMENT = "SEGMENT"


@dataclass(frozen=True)
class Operation:
    """One request builder: ``pattern`` matches the path of its requests; models by class name, or None."""

    sdk: str
    name: str
    method: str
    path: str
    pattern: re.Pattern[str]
    request: str | None
    response: str | None


@cache
def models_of(sdk: str) -> dict[str, Any]:
    """The generated models and enums by name, those too that the package does not export."""
    found: dict[str, Any] = {}
    for part in ("models", "models._models", "models._models_py3", "models._enums"):
        with suppress(ModuleNotFoundError):
            found |= vars(importlib.import_module(f"{SDKS[sdk]}._generated.{part}"))
    return found


@cache
def operations(sdk: str) -> list[Operation]:
    """Every operation, in the order of its SDK."""
    module = importlib.import_module(f"{SDKS[sdk]}._generated.operations._operations")
    found = []
    for _, group in inspect.getmembers(module, inspect.isclass):
        if group.__module__ != module.__name__:
            continue
        for name, method in inspect.getmembers(group, inspect.isfunction):
            builder = re.search(r"request = (build_\w+_request)\(", inspect.getsource(method))
            if name.startswith("_") or builder is None:
                continue
            found.append(_operation(sdk, getattr(module, builder[1]), method))
    order = [name for name in vars(module) if name.startswith("build_")]
    return sorted(found, key=lambda one: order.index(f"build_{one.name}_request"))


def _operation(sdk: str, builder: Any, method: Any) -> Operation:
    given = [
        SEGMENT
        for one in inspect.signature(builder).parameters.values()
        if one.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    request = builder(*given)
    path = request.url.partition("?")[0]
    signature = inspect.signature(method)
    bodies = [_model(one.annotation) for one in signature.parameters.values()]
    answer = _model(signature.return_annotation)
    if "ItemPaged" in str(signature.return_annotation):
        answer = "GetParticipantsResponse"
    return Operation(
        sdk,
        builder.__name__.removeprefix("build_").removesuffix("_request"),
        request.method,
        path.replace(SEGMENT, "{id}"),
        re.compile(re.escape(path).replace(SEGMENT, "[^/]+?")),
        next((body for body in bodies if body), None),
        answer,
    )


def _model(annotation: Any) -> str | None:
    shown = annotation if isinstance(annotation, str) else str(annotation)
    found = re.search(r"(?:_models\.|models\._models(?:_py3)?\.)(\w+)", shown)
    return found[1] if found else None


@cache
def fields(sdk: str, model: str) -> dict[str, tuple[str, str | None, str | None]]:
    """Of a model: each JSON name, with its type as the SDK writes it, the model and the enum it leads to."""
    module = models_of(sdk)
    kind = module[model]
    enums = enums_of(sdk)
    documented = dict(
        re.findall(r":vartype (\w+):\s*((?:[^\n]*\n?)(?:    \s+[^:\n][^\n]*\n)*)", kind.__doc__ or "")
    )
    found = {}
    for attribute, one in kind._attribute_map.items():
        inner = re.sub(r"[\[\]{}]", "", one["type"])
        listed = [name for name in re.findall(r"\.(\w+)", documented.get(attribute, "")) if name in enums]
        # A field with the name of the sub object of a kind is one more model; "str" and the like are none.
        leads = inner if inner in module and inner not in enums else None
        found[one["key"]] = (one["type"], leads, inner if inner in enums else next(iter(listed), None))
    return found


def subtype(sdk: str, model: str, value: dict[str, Any]) -> str:
    """The class of a polymorphic model that ``value`` is."""
    kind = models_of(sdk)[model]
    for attribute, names in getattr(kind, "_subtype_map", {}).items():
        key = kind._attribute_map[attribute]["key"]
        return str(names.get(str(value.get(key)).lower(), model))
    return model


def closure(sdk: str, roots: set[str]) -> set[str]:
    """The models that can be reached from some, themselves included."""
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        model = waiting.pop()
        if model in found:
            continue
        found.add(model)
        waiting += [leads for _, leads, _ in fields(sdk, model).values() if leads]
        kind = models_of(sdk)[model]
        waiting += [name for names in getattr(kind, "_subtype_map", {}).values() for name in names.values()]
    # What has subtypes is only ever sent as one of them.
    return {one for one in found if not vars(models_of(sdk)[one]).get("_subtype_map")}


@cache
def enums_of(sdk: str) -> dict[str, list[str]]:
    """The values of every enum."""
    module = models_of(sdk)
    return {
        name: [str(one.value) for one in kind]
        for name, kind in module.items()
        if inspect.isclass(kind) and issubclass(kind, enum.Enum) and kind is not enum.Enum
    }


def walk(sdk: str, model: str, value: Any) -> Iterator[tuple[str, str, str | None, str]]:
    """Every field of ``value`` that is set: model, JSON name, and enum with value where it has one."""
    if isinstance(value, list):
        for one in value:
            yield from walk(sdk, model, one)
        return
    if not isinstance(value, dict):
        return
    model = subtype(sdk, model, value)
    for name, (type_, leads, enum_name) in fields(sdk, model).items():
        one = value.get(name)
        if one is None:
            continue
        values = one if isinstance(one, list) else [one]
        for each in values or [""]:
            yield model, name, enum_name, str(each)
        if leads:
            yield from walk(sdk, leads, list(one.values()) if type_.startswith("{") else one)


def methods() -> list[str]:
    """The public methods of the clients that send something."""
    found = []
    for module, name in CLIENTS:
        client = getattr(importlib.import_module(module), name)
        for method, _ in inspect.getmembers(client, callable):
            if not method.startswith("_") and method not in HOUSEKEEPING:
                found.append(f"{module}.{name}.{method}")
    return found


def versions() -> dict[str, str]:
    """The versions of the installed SDKs."""
    return {name: version(module.replace(".", "-")) for name, module in SDKS.items()}
