"""What is kept of a communication user, as one small JSON document each."""

from __future__ import annotations

import msgspec

from hookflash.ports.outbox import Documents

SPACE = "identities"
TEAMS = "8:orgid:"
"""What the rawId of a Teams user begins with."""


class User(msgspec.Struct, omit_defaults=True):
    """``generation`` counts the revocations: tokens of an earlier one are void. ``created`` is Unix time.

    A deleted user stays as a gravestone, so that its tokens stay void.
    """

    id: str
    resource: str
    created: float
    generation: int = 0
    deleted: bool = False

    @property
    def key(self) -> str:
        """What it is kept under. A Teams user is of no resource: each that it came to knows it by itself."""
        return key_of(self.id, self.resource)


def key_of(user_id: str, resource: str) -> str:
    """What a user is kept under."""
    return f"{user_id}@{resource}" if user_id.startswith(TEAMS) else user_id


class Users:
    """All users, in memory, with every change written through before it is acknowledged."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._users: dict[str, User] = {}

    async def load(self) -> None:
        """Read what outlived the last process."""
        found = await self._documents.documents(SPACE)
        self._users = {key: msgspec.json.decode(body, type=User) for key, body in found.items()}

    def find(self, user_id: str, resource: str) -> User | None:
        """The user, deleted or not; ``resource`` is who asks, and only matters for Teams users."""
        return self._users.get(key_of(user_id, resource))

    async def save(self, user: User) -> None:
        """Keep ``user``; returns once it is durable.

        When that fails it is as it was before, unless it was changed again meanwhile.
        """
        key = user.key
        former = self._users.get(key)
        self._users[key] = user
        try:
            await self._documents.put_document(SPACE, key, msgspec.json.encode(user))
        except BaseException:
            if self._users.get(key) is user:
                if former is None:
                    del self._users[key]
                else:
                    self._users[key] = former
            raise
