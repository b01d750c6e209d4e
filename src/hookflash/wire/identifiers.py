"""Communication identifiers: who takes part in a call (contract section 3).

One canonical text form, the rawId, names everybody. An :class:`Identifier` is that text, read once: two are
equal when their canonical rawIds are. What leaves is always rawId, kind and the matching sub-object.
"""

from __future__ import annotations

from typing import Self
from urllib.parse import unquote

import msgspec

from hookflash.wire.enums import Cloud, IdentifierKind
from hookflash.wire.results import invalid_argument

__all__ = [
    "Cloud",
    "CommunicationIdentifierModel",
    "CommunicationUserModel",
    "Identifier",
    "IdentifierKind",
    "MicrosoftTeamsAppModel",
    "MicrosoftTeamsUserModel",
    "PhoneNumberModel",
    "TeamsExtensionUserModel",
]

MAX_RAW_ID = 1024
"""Longest rawId accepted, in characters; real ones stay under 150."""


class PhoneNumberModel(msgspec.Struct, rename="camel", omit_defaults=True):
    """``value`` is E.164 with its plus, or ``anonymous``. ``assertedId`` tells apart several legs of one
    number.
    """

    value: str
    is_anonymous: bool | None = None
    asserted_id: str | None = None


class CommunicationUserModel(msgspec.Struct, rename="camel", omit_defaults=True):
    id: str


class MicrosoftTeamsUserModel(msgspec.Struct, rename="camel", omit_defaults=True):
    user_id: str
    is_anonymous: bool | None = None
    cloud: Cloud | None = None


class MicrosoftTeamsAppModel(msgspec.Struct, rename="camel", omit_defaults=True):
    app_id: str
    cloud: Cloud | None = None


class TeamsExtensionUserModel(msgspec.Struct, rename="camel", omit_defaults=True):
    user_id: str
    tenant_id: str
    resource_id: str
    cloud: Cloud | None = None


class CommunicationIdentifierModel(msgspec.Struct, rename="camel", omit_defaults=True):
    """An identifier as JSON. On input any subset may be there; see :meth:`Identifier.from_model`."""

    raw_id: str | None = None
    kind: IdentifierKind | None = None
    phone_number: PhoneNumberModel | None = None
    communication_user: CommunicationUserModel | None = None
    microsoft_teams_user: MicrosoftTeamsUserModel | None = None
    microsoft_teams_app: MicrosoftTeamsAppModel | None = None
    teams_extension_user: TeamsExtensionUserModel | None = None


_ANONYMOUS = "anonymous"
_TEAMS_USER = {"8:orgid:": Cloud.PUBLIC, "8:dod:": Cloud.DOD, "8:gcch:": Cloud.GCCH}
_TEAMS_VISITOR = "8:teamsvisitor:"
_TEAMS_APP = {"28:orgid:": Cloud.PUBLIC, "28:dod:": Cloud.DOD, "28:gcch:": Cloud.GCCH}
_ACS_USER = {"8:acs:": Cloud.PUBLIC, "8:dod-acs:": Cloud.DOD, "8:gcch-acs:": Cloud.GCCH}
_SPOOL = "8:spool:"
_TEAMS_USER_PREFIX = {cloud: prefix for prefix, cloud in _TEAMS_USER.items()}
_TEAMS_APP_PREFIX = {cloud: prefix for prefix, cloud in _TEAMS_APP.items()}
_ACS_USER_PREFIX = {cloud: prefix for prefix, cloud in _ACS_USER.items()}


def _kind_of(raw_id: str) -> IdentifierKind:
    if raw_id.startswith("4:"):
        return IdentifierKind.PHONE_NUMBER
    head, first, rest = raw_id.partition(":")
    middle, second, tail = rest.partition(":")
    if not first or not second or not tail:
        return IdentifierKind.UNKNOWN
    prefix = f"{head}:{middle}:"
    if prefix in _ACS_USER:
        segments = tail.split("_")
        if len(segments) == 3 and all(segments):
            return IdentifierKind.TEAMS_EXTENSION_USER
        return IdentifierKind.COMMUNICATION_USER
    if prefix == _SPOOL:
        return IdentifierKind.COMMUNICATION_USER
    if prefix in _TEAMS_USER or prefix == _TEAMS_VISITOR:
        return IdentifierKind.MICROSOFT_TEAMS_USER
    if prefix in _TEAMS_APP:
        return IdentifierKind.MICROSOFT_TEAMS_APP
    return IdentifierKind.UNKNOWN


def _split_phone(raw_id: str) -> tuple[str, str | None]:
    """The number and the asserted id of a ``4:`` rawId; the latter is the text after the last underscore."""
    value = raw_id[2:]
    number, mark, asserted = value.rpartition("_")
    return (number, asserted) if mark and number and asserted else (value, None)


class Identifier:
    """A participant's identity; immutable, hashable, equal by canonical rawId."""

    __slots__ = ("_kind", "_raw_id")

    def __init__(self, raw_id: str, kind: IdentifierKind) -> None:
        """Use :meth:`parse`, :meth:`phone`, :meth:`user` or :meth:`from_model` instead."""
        object.__setattr__(self, "_raw_id", raw_id)
        object.__setattr__(self, "_kind", kind)

    _raw_id: str
    _kind: IdentifierKind

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an Identifier cannot be changed ({name})")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"an Identifier cannot be changed ({name})")

    def __reduce__(self) -> tuple[type[Self], tuple[str, IdentifierKind]]:
        return (type(self), (self._raw_id, self._kind))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Identifier):
            return NotImplemented
        return self._raw_id == other._raw_id

    def __hash__(self) -> int:
        return hash(self._raw_id)

    def __repr__(self) -> str:
        return f"Identifier({self._raw_id!r})"

    def __str__(self) -> str:
        return self._raw_id

    @property
    def kind(self) -> IdentifierKind:
        return self._kind

    @property
    def raw_id(self) -> str:
        """The canonical text form."""
        return self._raw_id

    @property
    def phone_number(self) -> str | None:
        """The number of a phone in E.164 (``+14255550123``), or ``anonymous``; None for everybody else."""
        return _split_phone(self._raw_id)[0] if self._kind is IdentifierKind.PHONE_NUMBER else None

    @property
    def is_anonymous(self) -> bool:
        """A withheld number or an anonymous Teams visitor."""
        return self.phone_number == _ANONYMOUS or self._raw_id.startswith(_TEAMS_VISITOR)

    # --- constructors -----------------------------------------------------------------------------------

    @classmethod
    def phone(cls, number: str, asserted_id: str | None = None) -> Self:
        """A phone by its E.164 number (or ``anonymous``). ValueError when it is empty."""
        if not number:
            raise ValueError("a phone identifier needs a number such as +14255550123")
        return cls(f"4:{number}_{asserted_id}" if asserted_id else f"4:{number}", IdentifierKind.PHONE_NUMBER)

    @classmethod
    def user(cls, user_id: str) -> Self:
        """A communication user by its id (``8:acs:...``), which is its rawId. ValueError when it is empty."""
        if not user_id:
            raise ValueError("a communication user needs an id such as 8:acs:<resource>_<user>")
        return cls(user_id, IdentifierKind.COMMUNICATION_USER)

    @classmethod
    def parse(cls, raw_id: str) -> Self:
        """Read a rawId. What fits no form is of kind ``unknown``; ValueError when it is empty or far too
        long.
        """
        if not raw_id or len(raw_id) > MAX_RAW_ID:
            raise ValueError(f"a rawId has 1 to {MAX_RAW_ID} characters, this one has {len(raw_id)}")
        if raw_id == "4:":
            raise ValueError("the rawId '4:' lacks its phone number")
        return cls(raw_id, _kind_of(raw_id))

    @classmethod
    def from_model(cls, model: CommunicationIdentifierModel, field: str = "identifier") -> Self:
        """Read JSON: the sub-object that is present decides, then rawId; ``kind`` alone says nothing.

        Raises Refusal 400/8523 that names ``field`` when there is neither, or when it is out of bounds.
        """
        raw_id, kind = _canonical(model)
        if not raw_id or raw_id == "4:":
            raise invalid_argument(
                field,
                "expected an identifier with rawId or with a filled phoneNumber, communicationUser, "
                "microsoftTeamsUser, microsoftTeamsApp or teamsExtensionUser.",
            )
        if len(raw_id) > MAX_RAW_ID:
            raise invalid_argument(
                field, f"expected a rawId of at most {MAX_RAW_ID} characters, got {len(raw_id)}."
            )
        if not raw_id.isprintable():
            raise invalid_argument(field, f"expected a rawId of printable characters, got {raw_id[:64]!r}.")
        return cls(raw_id, kind)

    # --- output -----------------------------------------------------------------------------------------

    def to_model(self) -> CommunicationIdentifierModel:
        """The canonical JSON shape: rawId, kind and the sub-object of that kind."""
        raw_id = self._raw_id
        model = CommunicationIdentifierModel(raw_id=raw_id, kind=self._kind)
        if self._kind is IdentifierKind.PHONE_NUMBER:
            value, asserted = _split_phone(raw_id)
            anonymous = True if value == _ANONYMOUS else None
            model.phone_number = PhoneNumberModel(value=value, is_anonymous=anonymous, asserted_id=asserted)
        elif self._kind is IdentifierKind.COMMUNICATION_USER:
            model.communication_user = CommunicationUserModel(id=raw_id)
        elif self._kind is IdentifierKind.UNKNOWN:
            return model
        else:
            prefix, tail = _cut(raw_id)
            if self._kind is IdentifierKind.MICROSOFT_TEAMS_USER:
                model.microsoft_teams_user = MicrosoftTeamsUserModel(
                    user_id=tail,
                    is_anonymous=prefix == _TEAMS_VISITOR,
                    cloud=_TEAMS_USER.get(prefix, Cloud.PUBLIC),
                )
            elif self._kind is IdentifierKind.MICROSOFT_TEAMS_APP:
                model.microsoft_teams_app = MicrosoftTeamsAppModel(app_id=tail, cloud=_TEAMS_APP[prefix])
            else:
                resource, tenant, user = tail.split("_")
                model.teams_extension_user = TeamsExtensionUserModel(
                    user_id=user, tenant_id=tenant, resource_id=resource, cloud=_ACS_USER[prefix]
                )
        return model

    # --- lookups ----------------------------------------------------------------------------------------

    def matches(self, other: Identifier) -> bool:
        """Whether both name the same participant: equal rawIds, or the same phone number (contract section
        3.2).
        """
        if self._raw_id == other._raw_id:
            return True
        mine = self.phone_number
        return mine is not None and mine != _ANONYMOUS and mine == other.phone_number

    def matches_raw(self, text: str) -> bool:
        """Like :meth:`matches` for the text of a path segment, percent-decoded or not."""
        for candidate in (text, unquote(text)):
            if candidate == self._raw_id:
                return True
            if candidate.startswith("4:") and self.matches(
                Identifier(candidate, IdentifierKind.PHONE_NUMBER)
            ):
                return True
        return False


def _cut(raw_id: str) -> tuple[str, str]:
    head, middle, tail = raw_id.split(":", 2)
    return f"{head}:{middle}:", tail


def _canonical(model: CommunicationIdentifierModel) -> tuple[str, IdentifierKind]:
    """rawId and kind of a model; an empty rawId when there is nothing to go by.

    A rawId that contradicts the sub-object loses, except for a communication user, whose id is opaque.
    """
    raw_id = model.raw_id or ""
    derived = ""
    if model.communication_user is not None:
        return raw_id or model.communication_user.id, IdentifierKind.COMMUNICATION_USER
    if (phone := model.phone_number) is not None:
        if raw_id.startswith("4:"):
            return raw_id, IdentifierKind.PHONE_NUMBER
        value = phone.value or (_ANONYMOUS if phone.is_anonymous else "")
        if value:
            derived = f"4:{value}_{phone.asserted_id}" if phone.asserted_id else f"4:{value}"
        kind = IdentifierKind.PHONE_NUMBER
    elif (teams := model.microsoft_teams_user) is not None:
        prefix = _TEAMS_VISITOR if teams.is_anonymous else _TEAMS_USER_PREFIX[teams.cloud or Cloud.PUBLIC]
        derived = prefix + teams.user_id if teams.user_id else ""
        kind = IdentifierKind.MICROSOFT_TEAMS_USER
    elif (app := model.microsoft_teams_app) is not None:
        derived = _TEAMS_APP_PREFIX[app.cloud or Cloud.PUBLIC] + app.app_id if app.app_id else ""
        kind = IdentifierKind.MICROSOFT_TEAMS_APP
    elif (user := model.teams_extension_user) is not None:
        prefix = _ACS_USER_PREFIX[user.cloud or Cloud.PUBLIC]
        derived = f"{prefix}{user.resource_id}_{user.tenant_id}_{user.user_id}"
        kind = IdentifierKind.TEAMS_EXTENSION_USER
    else:
        return raw_id, _kind_of(raw_id)
    if raw_id and _kind_of(raw_id) is kind:
        return raw_id, kind
    return (derived, kind) if _kind_of(derived) is kind else ("", kind)
