"""Which virtual phones there are, by name and by identity."""

from __future__ import annotations

from hookflash.calls.facts import DevicesChanged
from hookflash.phones.virtual.phone import Phone
from hookflash.ports.edges import FactSink
from hookflash.ports.virtual_phones import Script
from hookflash.wire.identifiers import Identifier, IdentifierKind
from hookflash.wire.results import Refusal

MAX_PHONES = 10_000
"""Phones a server keeps."""


class Registry:
    """The phones of a server; says DevicesChanged when those of a user come and go."""

    def __init__(self, sink: FactSink) -> None:
        self._sink = sink
        self._phones: dict[str, Phone] = {}
        self._rung: dict[str, dict[str, Phone]] = {}

    def __len__(self) -> int:
        return len(self._phones)

    def all(self) -> list[Phone]:
        """Every phone, in order of their ids."""
        return [self._phones[id] for id in sorted(self._phones)]

    def get(self, id: str) -> Phone | None:
        return self._phones.get(id)

    def phones_of(self, identity: Identifier) -> list[Phone]:
        """The phones that ring for an identity, in the order they came."""
        return list(self._rung.get(_key(identity), {}).values())

    def put(self, id: str, identity: Identifier, display_name: str, script: Script) -> tuple[Phone, bool]:
        """Have a phone; True when it is new. Raises Refusal 429 when there are too many."""
        phone = self._phones.get(id)
        if phone is None:
            if len(self._phones) >= MAX_PHONES:
                raise Refusal(
                    429, "TooManyPhones", f"There are {MAX_PHONES} virtual phones already; DELETE some first."
                )
            phone = self._phones[id] = Phone(id, identity, display_name, script)
            self._ring_for(phone)
            return phone, True
        phone.display_name, phone.script = display_name, script
        if _key(identity) != _key(phone.identity):
            self._ring_no_more(phone)
            phone.identity = identity
            self._ring_for(phone)
        return phone, False

    def remove(self, phone: Phone) -> None:
        """Take a phone away; its calls are somebody else's concern."""
        del self._phones[phone.id]
        self._ring_no_more(phone)

    def _ring_for(self, phone: Phone) -> None:
        self._rung.setdefault(_key(phone.identity), {})[phone.id] = phone
        self._tell(phone.identity)

    def _ring_no_more(self, phone: Phone) -> None:
        key = _key(phone.identity)
        del self._rung[key][phone.id]
        if not self._rung[key]:
            del self._rung[key]
        self._tell(phone.identity)

    def _tell(self, identity: Identifier) -> None:
        if identity.kind is IdentifierKind.COMMUNICATION_USER:
            self._sink(DevicesChanged(identity.raw_id, len(self._rung.get(_key(identity), ()))))


def _key(identity: Identifier) -> str:
    """What two identities of the same phone have in common."""
    return identity.phone_number or identity.raw_id
