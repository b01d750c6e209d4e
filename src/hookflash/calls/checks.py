"""Checks of requests, made before anything changes (contract sections 1.4 and 4.2)."""

from __future__ import annotations

from hookflash.wire.identifiers import (
    CommunicationIdentifierModel,
    CommunicationUserModel,
    Identifier,
    IdentifierKind,
)
from hookflash.wire.results import invalid_argument, not_supported

_REACHABLE = (IdentifierKind.PHONE_NUMBER, IdentifierKind.COMMUNICATION_USER)


def reachable(model: CommunicationIdentifierModel, field: str) -> Identifier:
    """Whoever shall be called. Raises Refusal 400/8523, or 405/8520 for whom nobody here can answer."""
    target = Identifier.from_model(model, field)
    if target.kind not in _REACHABLE:
        raise not_supported(
            f"{field} is {target.raw_id!r} of kind {target.kind}, which cannot be called from here; "
            "phone numbers and "
            "communication users can."
        )
    if target.is_anonymous:
        raise invalid_argument(field, "an anonymous caller has no number that could be called.")
    return target


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
