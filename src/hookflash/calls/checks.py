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
from hookflash.wire.results import invalid_argument, not_found, not_supported

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


def own_identity(model: CommunicationUserModel | None, field: str) -> Identifier | None:
    """The identity an app gives itself, if any. Raises Refusal 400/8523 unless it is a user."""
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
    return identity
