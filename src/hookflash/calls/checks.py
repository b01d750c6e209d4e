"""Checks of requests, made before anything changes (contract sections 1.4 and 4.2)."""

from __future__ import annotations

from hookflash.calls.reaching import Ways
from hookflash.calls.registry import Registry
from hookflash.wire.identifiers import (
    CommunicationIdentifierModel,
    CommunicationUserModel,
    Identifier,
    IdentifierKind,
    PhoneNumberModel,
)
from hookflash.wire.results import invalid_argument, not_found, not_supported, wrong_resource

_REACHABLE = (IdentifierKind.PHONE_NUMBER, IdentifierKind.COMMUNICATION_USER)


def reachable(model: CommunicationIdentifierModel, field: str) -> Identifier:
    """Whoever shall be called. Raises Refusal 400/8523, or 405/8520 for whom nobody here can answer."""
    target = Identifier.from_model(model, field)
    if target.kind not in _REACHABLE:
        raise not_supported(
            f"{field} is {target.raw_id!r} of kind {target.kind}, which cannot be called from here; "
            "phone numbers and communication users can.",
            target=field,
        )
    if target.is_anonymous:
        raise invalid_argument(field, "an anonymous caller has no number that could be called.")
    return target


def ways_to(registry: Registry, target: Identifier, field: str) -> Ways:
    """How to reach somebody. Raises Refusal 404/8522 for a user whom nobody here could answer for."""
    ways = Ways.to(registry, target)
    if ways.none:
        raise not_found(
            f"{field} is the user {target.raw_id!r}, whose resource does not exist on this server and who "
            "has no device registered; the GUID before the underscore must be that of a configured resource.",
            target=field,
        )
    return ways


def require_caller_id(target: Identifier, caller: PhoneNumberModel | None, field: str) -> None:
    """Raises Refusal 400/8523 when a phone number is to be called and no number is given to show."""
    if target.phone_number is not None and (caller is None or not caller.value):
        raise invalid_argument(
            "sourceCallerIdNumber",
            f"{field} is the phone number {target.phone_number}, and calling a phone number needs the number "
            "to show as the caller's.",
        )


def shown_number(registry: Registry, resource: str, model: PhoneNumberModel | None) -> str | None:
    """The number an app wants to be shown as the caller's, if any.

    Numbers that nobody owns here are the trunk's business. Raises Refusal 403/7507 for one that another
    resource owns: nobody calls in its name.
    """
    if model is None or not model.value:
        return None
    if registry.directory.numbers.get(model.value, resource.casefold()) != resource.casefold():
        raise wrong_resource(
            f"sourceCallerIdNumber is {model.value}, a number of another resource; show one of your own.",
            target="sourceCallerIdNumber",
        )
    return model.value


def own_identity(
    registry: Registry, resource: str, model: CommunicationUserModel | None, field: str
) -> Identifier | None:
    """The identity an app gives itself, if any.

    Raises Refusal 400/8523 unless it is a user, 403/7507 for a user of another resource of this server.
    """
    if model is None:
        return None
    try:
        identity = Identifier.parse(model.id)
    except ValueError as error:
        raise invalid_argument(f"{field}.id", f"{error}.") from None
    if identity.kind is not IdentifierKind.COMMUNICATION_USER:
        raise invalid_argument(
            f"{field}.id", f"{model.id!r} is not a communication user (8:acs:<resource>_<user>)."
        )
    if registry.directory.resource_of(identity) not in (None, resource.casefold()):
        raise wrong_resource(
            f"{field}.id is {identity.raw_id!r}, a user of another resource; give one of your own.",
            target=f"{field}.id",
        )
    return identity
