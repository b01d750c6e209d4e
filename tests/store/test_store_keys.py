from __future__ import annotations

import stat
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.utils import base64url_decode

from hookflash.ports.outbox import KeyRing
from hookflash.store.keys import KeyFileError, KeyStore, thumbprint


def test_the_first_key_is_made_and_found_again(tmp_path: Path) -> None:
    ring: KeyRing = KeyStore.open(tmp_path, 100.0)
    again = KeyStore.open(tmp_path, 200.0)
    assert again.current.kid == ring.current.kid
    assert again.current.created == 100.0
    assert len(again.keys) == 1
    token = jwt.encode({"a": 1}, ring.current.private, algorithm="RS256")
    assert jwt.decode(token, again.current.private.public_key(), algorithms=["RS256"]) == {"a": 1}


def test_key_files_are_private(tmp_path: Path) -> None:
    KeyStore.open(tmp_path, 0.0)
    folder = tmp_path / "keys"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(p.stat().st_mode) for p in folder.iterdir()] == [0o600]


def test_rotation_keeps_older_keys_until_they_are_retired(tmp_path: Path) -> None:
    store = KeyStore.open(tmp_path, 100.0)
    first = store.current
    second = store.rotate(200.0)
    third = store.rotate(200.0)
    assert [k.kid for k in store.keys] == [third.kid, second.kid, first.kid]
    assert [k.kid for k in KeyStore.open(tmp_path, 300.0).keys] == [third.kid, second.kid, first.kid]
    assert store.retire(before=200.0005) == 1
    assert [k.kid for k in store.keys] == [third.kid, second.kid]
    assert [k.kid for k in KeyStore.open(tmp_path, 300.0).keys] == [third.kid, second.kid]
    assert store.retire(before=1000.0) == 1
    assert store.retire(before=1000.0) == 0
    assert store.current.kid == third.kid


def test_a_key_others_can_read_is_refused(tmp_path: Path) -> None:
    KeyStore.open(tmp_path, 0.0)
    path = next((tmp_path / "keys").iterdir())
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="has mode 0640, others can read it; chmod 600"):
        KeyStore.open(tmp_path, 0.0)


def test_files_that_are_no_rsa_keys_are_named(tmp_path: Path) -> None:
    KeyStore.open(tmp_path, 0.0)
    path = next((tmp_path / "keys").iterdir())
    path.write_bytes(b"garbage")
    with pytest.raises(KeyFileError, match=path.name):
        KeyStore.open(tmp_path, 0.0)
    path.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    with pytest.raises(KeyFileError, match="is not an RSA key"):
        KeyStore.open(tmp_path, 0.0)


def test_a_half_written_key_is_not_a_key(tmp_path: Path) -> None:
    store = KeyStore.open(tmp_path, 0.0)
    leftover = next((tmp_path / "keys").iterdir()).with_suffix(".new")
    leftover.write_bytes(b"half")
    assert [k.kid for k in KeyStore.open(tmp_path, 0.0).keys] == [store.current.kid]


def test_the_kid_is_the_rfc_7638_thumbprint() -> None:
    # The example of RFC 7638 section 3.1.
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3"
        "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA"
        "ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-"
        "kEgU8awapJzKnqDKgw"
    )
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    key = RSAPublicNumbers(65537, int.from_bytes(base64url_decode(modulus), "big")).public_key()
    assert thumbprint(key) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
