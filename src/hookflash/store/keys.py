"""The keys that sign webhook tokens, kept in the data directory (contract section 5.8)."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import logging
import os
import re
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from hookflash.ports.outbox import SigningKey

log = logging.getLogger("hookflash.store")

DIRECTORY_NAME = "keys"
KEY_BITS = 2048
# Creation time in milliseconds, then the thumbprint: the names sort by age.
_NAME = re.compile(r"^(\d{13,15})\.([A-Za-z0-9_-]{43})\.pem$")


class KeyFileError(Exception):
    """A key file cannot be used; the message names it and says what to do."""


class KeyStore:
    """Implements ``ports.outbox.KeyRing`` over one PEM file (PKCS#8, mode 0600) a key.

    The newest key signs. Older ones stay published until :meth:`retire` removes them, so that tokens signed
    before a rotation still verify.
    """

    def __init__(self, directory: Path, keys: list[SigningKey]) -> None:
        self._directory = directory
        self._keys = keys

    @classmethod
    def open(cls, data_dir: Path | str, now: float) -> KeyStore:
        """Read the keys under ``data_dir``; make the first one if there is none. ``now`` is Unix time.

        Raises:
            KeyFileError: a file is not an RSA private key, or other users can read it.
        """
        directory = Path(data_dir) / DIRECTORY_NAME
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = sorted((p for p in directory.iterdir() if _NAME.match(p.name)), reverse=True)
        store = cls(directory, [_load(path) for path in found])
        if not store._keys:
            store.rotate(now)
        return store

    @property
    def current(self) -> SigningKey:
        return self._keys[0]

    @property
    def keys(self) -> Sequence[SigningKey]:
        return tuple(self._keys)

    def rotate(self, now: float) -> SigningKey:
        """Make a new key that signs from now on; it is on disk before this returns. ``now`` is Unix time."""
        private = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        newest = self._keys[0].created if self._keys else 0.0
        created = max(now, newest + 0.001)
        key = SigningKey(thumbprint(private.public_key()), created, private)
        _save(self._directory / f"{round(created * 1000):013d}.{key.kid}.pem", private)
        self._keys.insert(0, key)
        log.info("made webhook signing key %s", key.kid)
        return key

    def retire(self, before: float) -> int:
        """Remove keys superseded before ``before`` (Unix time), never the current one; returns how many."""
        kept = [self._keys[0]]
        for newer, key in zip(self._keys, self._keys[1:], strict=False):
            if newer.created >= before:
                kept.append(key)
            else:
                path = self._directory / f"{round(key.created * 1000):013d}.{key.kid}.pem"
                path.unlink(missing_ok=True)
        removed = len(self._keys) - len(kept)
        self._keys = kept
        return removed


def thumbprint(public: rsa.RSAPublicKey) -> str:
    """The RFC 7638 thumbprint (SHA-256, base64url) of an RSA key."""
    numbers = public.public_numbers()
    members = {"e": _base64url_uint(numbers.e), "kty": "RSA", "n": _base64url_uint(numbers.n)}
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True).encode()
    return _base64url(hashlib.sha256(canonical).digest())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _base64url_uint(value: int) -> str:
    return _base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _load(path: Path) -> SigningKey:
    match = _NAME.match(path.name)
    assert match is not None
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise KeyFileError(
            f"signing key {path} has mode {mode:04o}, others can read it; "
            f"chmod 600 it, or delete it to get a new one"
        )
    try:
        private = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except ValueError as error:
        raise KeyFileError(f"{path} is not a private key ({error}); delete it to get a new one") from error
    if not isinstance(private, rsa.RSAPrivateKey):
        raise KeyFileError(f"{path} is not an RSA key, RS256 needs one; delete it to get a new one")
    return SigningKey(thumbprint(private.public_key()), int(match[1]) / 1000, private)


def _save(path: Path, private: rsa.RSAPrivateKey) -> None:
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    unfinished = path.with_suffix(".new")
    with contextlib.suppress(FileNotFoundError):
        unfinished.unlink()
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
