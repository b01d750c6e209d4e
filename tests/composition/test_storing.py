"""Storage of recordings out of settings: which places, which credentials, which keys."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from hookflash.composition import storing
from hookflash.composition.storing import (
    Places,
    StorageUnusable,
    container_rules,
    described,
    key_ring,
)
from hookflash.config import ConfigError, RecordingSettings, Settings, parse
from hookflash.recording.cloud import Place
from hookflash.recording.orders import Order
from hookflash.recording.stores import StoreError

AZURE = "https://acct.blob.core.windows.net"
KEY = base64.b64encode(bytes(32)).decode()
GUID = "11111111-1111-4111-8111-111111111111"
RESOURCE = f"""
[[resource]]
name = "One"
id = "{GUID}"
access_keys = ["{base64.b64encode(bytes(64)).decode()}"]
"""


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Place]:
    """What stores are made of."""
    places: list[Place] = []
    monkeypatch.setattr(storing, "CloudStore", places.append)
    return places


def place(opened: list[Place], text: str, order: Order, **environ: str) -> Place:
    Places(parse(text), environ).open(order)
    return opened[-1]


def test_a_signature_of_an_app_opens_its_container(opened: list[Place]) -> None:
    found = place(opened, "", Order("r", f"{AZURE}/calls/a", "sig=x"))
    assert found == Place("azure", "calls", "a", AZURE, "acct", credential="sas", secret="sig=x")
    assert "sig=x" not in repr(found)


def test_without_a_signature_an_entry_has_to_cover_it(opened: list[Place]) -> None:
    with pytest.raises(StoreError, match="no credential for"):
        place(opened, "", Order("r", f"{AZURE}/calls"))
    text = f'[[storage]]\nurl = "{AZURE}/calls"\ncredential = "key"\nkey_env = "MINE"\n'
    found = place(opened, text, Order("r", f"{AZURE}/calls/a"), MINE=" k ")
    assert (found.credential, found.secret, found.prefix) == ("key", "k", "a")
    with pytest.raises(StoreError, match="the environment variable MINE has no key"):
        place(opened, text, Order("r", f"{AZURE}/calls/a"))


@pytest.mark.parametrize(
    ("credential", "variable", "value", "secret"),
    [("key", "AZURE_STORAGE_KEY", "k", "k"), ("sas", "AZURE_STORAGE_SAS_TOKEN", "?sig=1", "sig=1")],
)
def test_variables_have_their_usual_names(
    opened: list[Place], credential: str, variable: str, value: str, secret: str
) -> None:
    text = f'[[storage]]\nurl = "{AZURE}/calls"\ncredential = "{credential}"\n'
    found = place(opened, text, Order("r", f"{AZURE}/calls", own=True), **{variable: value})
    assert (found.credential, found.secret) == (credential, secret)


def test_the_entry_that_says_most_wins(opened: list[Place]) -> None:
    text = f"""
[[storage]]
url = "{AZURE}/calls"
credential = "key"
key_env = "WIDE"
[[storage]]
url = "{AZURE}/calls/secret"
credential = "sas"
key_env = "NARROW"
"""
    environ = {"WIDE": "w", "NARROW": "sig=n"}
    assert place(opened, text, Order("r", f"{AZURE}/calls/secret/x"), **environ).secret == "sig=n"
    assert place(opened, text, Order("r", f"{AZURE}/calls/secrets"), **environ).secret == "w"


def test_buckets(opened: list[Place]) -> None:
    order = Order("r", "s3://bucket/a/b", own=True)
    assert place(opened, "", order) == Place("s3", "bucket", "a/b")
    text = """
[[storage]]
url = "s3://bucket"
credential = "key"
endpoint = "https://s3.example.org"
region = "eu-1"
"""
    found = place(opened, text, order, AWS_ACCESS_KEY_ID="id", AWS_SECRET_ACCESS_KEY="k")
    assert found == Place(
        "s3",
        "bucket",
        "a/b",
        "https://s3.example.org",
        region="eu-1",
        credential="key",
        key_id="id",
        secret="k",
    )
    with pytest.raises(StoreError, match="AWS_ACCESS_KEY_ID has no key"):
        place(opened, text, order)


def test_what_the_settings_name_is_looked_at_at_the_start() -> None:
    text = f'[[storage]]\nurl = "{AZURE}/calls"\ncredential = "key"\n'
    with pytest.raises(
        StorageUnusable, match=r"recording\.storage: the environment variable AZURE_STORAGE_KEY"
    ):
        Places(parse(text), {}).check(f"{AZURE}/calls")
    Places(parse(text), {"AZURE_STORAGE_KEY": KEY}).check(f"{AZURE}/calls")
    Places(parse(text), {}).check("s3://bucket")


def test_what_apps_may_name() -> None:
    rules = container_rules(parse(RESOURCE))
    assert rules.hosts == ("*.blob.core.windows.net",)
    assert rules.grants == []
    text = RESOURCE + f'[[storage]]\nurl = "{AZURE}/calls/"\nresources = ["one"]\n'
    (grant,) = container_rules(parse(text)).grants
    assert (grant.url, grant.resources) == (f"{AZURE}/calls", frozenset({GUID}))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[recording]\nstorage = "s3://b"\n', "is not s3://<bucket>"),
        ('[recording]\nstorage = "https://example.org/"\n', "names no container"),
        (f'[recording]\nstorage = "{AZURE}/calls?sig=abc"\n', "secrets have no place in a file"),
        ('[recording]\nencryption_key_env = "A"\nencryption_key_file = "b"\n', "give one of them"),
        ('[recording]\nexternal_hosts = ["*"]\n', "recording.external_hosts"),
        ('[[storage]]\nurl = "s3://bucket/../x"\n', "is not s3://<bucket>"),
        (f'[[storage]]\nurl = "{AZURE}/calls"\nregion = "x"\n', "is for S3"),
        (f'[[storage]]\nurl = "{AZURE}/calls"\nendpoint = "https://x.org"\n', "is for S3"),
        (f'[[storage]]\nurl = "{AZURE}/calls"\nkey_id_env = "X"\n', "is for S3"),
        (f'[[storage]]\nurl = "{AZURE}/calls"\nkey_env = "X"\n', "is not read with an identity"),
        ('[[storage]]\nurl = "s3://bucket"\ncredential = "sas"\n', "which is for Azure"),
        ('[[storage]]\nurl = "s3://bucket"\nresources = ["One"]\n', "may name containers only"),
        (f'[[storage]]\nurl = "{AZURE}/calls"\nresources = ["two"]\n', "'two', which is not configured"),
    ],
)
def test_what_does_not_go_together_is_said(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(RESOURCE + text)
    (problem,) = caught.value.problems
    assert words in str(problem)
    assert "abc" not in str(problem).replace("recording", "")


def settings(**recording: Any) -> Settings:
    return Settings(recording=RecordingSettings(**recording))


def test_keys_from_the_environment() -> None:
    assert key_ring(settings(), {}) is None
    assert key_ring(settings(encryption_key_env="K"), {"K": KEY}) is not None
    for value in ("", "AAAA"):
        with pytest.raises(
            StorageUnusable, match=r"recording\.encryption_key_env K: .*; make a key with openssl"
        ):
            key_ring(settings(encryption_key_env="K"), {"K": value})


def test_keys_from_a_file_that_nobody_else_may_read(tmp_path: Path) -> None:
    path = tmp_path / "key"
    wanted = settings(encryption_key_file=str(path))
    with pytest.raises(StorageUnusable, match="can not be read"):
        key_ring(wanted, {})
    path.write_text(KEY + "\n")
    path.chmod(0o640)
    with pytest.raises(StorageUnusable, match="others can read it"):
        key_ring(wanted, {})
    path.chmod(0o600)
    assert key_ring(wanted, {}) is not None


def test_check_says_where_recordings_go() -> None:
    wanted = settings(storage="s3://bucket/calls", encryption_key_env="K")
    assert described(wanted, {"K": KEY}) == ["recordings go to s3://bucket/calls", "recordings are encrypted"]
    assert described(settings(), {}) == []
    (line,) = described(settings(encryption_key_env="K"), {})
    assert line.startswith(
        "recordings cannot be encrypted, so the server will not start: recording.encryption_key"
    )
    text = f'[recording]\nstorage = "{AZURE}/calls"\n[[storage]]\nurl = "{AZURE}/calls"\ncredential = "key"\n'
    (line,) = described(parse(text), {})
    assert "will not start: recording.storage: the environment variable AZURE_STORAGE_KEY has no key" in line
