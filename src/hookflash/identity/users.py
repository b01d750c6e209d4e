"""What is kept of a communication user, as one small JSON document each."""

from __future__ import annotations

import msgspec

from hookflash.ports.outbox import Documents

SPACE = "identities"


class User(msgspec.Struct, omit_defaults=True):
    """``generation`` counts the revocations: tokens of an earlier one are void. ``created`` is Unix time.

    A deleted user stays as a gravestone, so that its tokens stay void.
    """

    id: str
    resource: str
    created: float
    generation: int = 0
    deleted: bool = False


class Users:
    """All users, in memory, with every change written through before it is acknowledged."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._users: dict[str, User] = {}

    async def load(self) -> None:
        """Read what outlived the last process."""
        found = await self._documents.documents(SPACE)
        self._users = {key: msgspec.json.decode(body, type=User) for key, body in found.items()}

    def find(self, user_id: str) -> User | None:
        """The user, deleted or not."""
        return self._users.get(user_id)

    async def save(self, user: User) -> None:
        """Keep ``user``; returns once it is durable."""
        self._users[user.id] = user
        await self._documents.put_document(SPACE, user.id, msgspec.json.encode(user))
