"""S3-compatible storage through the protocol of stores, against a server in memory."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from s3_fake import KEY, KEY_ID, FakeS3

from hookflash.recording import cloud
from hookflash.recording.cloud import CloudStore, Place
from hookflash.recording.stores import FileContent, StoreError


@pytest.fixture
async def s3() -> AsyncIterator[FakeS3]:
    fake = FakeS3("bucket")
    yield fake
    await fake.close()


@pytest.fixture
async def place(s3: FakeS3, monkeypatch: pytest.MonkeyPatch) -> Place:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    return Place(
        "s3",
        "bucket",
        "calls/a",
        await s3.start(),
        region="eu-central-1",
        credential="key",
        key_id=KEY_ID,
        secret=KEY,
    )


class Counting(FileContent):
    """Content that says how far ahead of the store it is read."""

    def __init__(self, path: Path, s3: FakeS3) -> None:
        super().__init__(path)
        self.s3 = s3
        self.most = 0

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        given = 0
        async for piece in super().read(start, stop):
            given += len(piece)
            kept = sum(len(part) for parts in self.s3.uploads.values() for part in parts.values())
            self.most = max(self.most, given - kept)
            yield piece


async def test_small_and_large_and_none(place: Place, s3: FakeS3, tmp_path: Path) -> None:
    store = CloudStore(place)
    for size in (0, 1, cloud.PART, cloud.PART + 1, 3 * cloud.PART + 5):
        path = tmp_path / "x"
        path.write_bytes(os.urandom(size))
        content = Counting(path, s3)
        await store.put("20260101/r/0-acsaudio.wav", content, "audio/wav")
        kept, media_type = s3.buckets["bucket"]["calls/a/20260101/r/0-acsaudio.wav"]
        assert kept == path.read_bytes()
        assert content.most <= (cloud.AT_ONCE + 2) * cloud.PART
        assert media_type == "audio/wav"
    assert s3.uploads == {}


async def test_objects_are_read_from_anywhere(
    place: Place, s3: FakeS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud, "PIECE", 100)
    data = os.urandom(1000)
    s3.buckets["bucket"]["calls/a/x"] = (data, "audio/wav")
    content = await CloudStore(place).open("x")
    assert content.size == 1000
    for start, stop in ((0, 1000), (0, 1), (150, 420), (999, 1000), (5, 5)):
        assert b"".join([piece async for piece in content.read(start, stop)]) == data[start:stop]


async def test_what_is_deleted_is_gone_and_may_be_deleted_again(place: Place, s3: FakeS3) -> None:
    s3.buckets["bucket"]["calls/a/x"] = (b"1", "audio/wav")
    store = CloudStore(place)
    for _ in range(2):
        await store.delete("x")
    assert s3.buckets["bucket"] == {}
    with pytest.raises(StoreError, match="x could not be looked at in bucket") as error:
        await store.open("x")
    assert error.value.gone


async def test_a_hiccup_is_passed_over(place: Place, s3: FakeS3, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"1")
    s3.fail = 1
    await CloudStore(place).put("x", FileContent(path), "audio/wav")
    assert s3.buckets["bucket"]["calls/a/x"][0] == b"1"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"secret": "another"}, "SignatureDoesNotMatch"),
        ({"container": "other"}, "NoSuchBucket"),
        ({"endpoint": "http://127.0.0.1:9"}, "error"),
    ],
)
async def test_what_goes_wrong_is_said_on_one_line(
    place: Place, tmp_path: Path, wrong: dict[str, str], words: str
) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"1")
    with pytest.raises(StoreError, match=words) as error:
        await CloudStore(replace(place, **wrong)).put("x", FileContent(path), "audio/wav")
    assert "\n" not in str(error.value)
    assert KEY not in str(error.value)
    assert len(str(error.value)) < 500


async def test_a_file_that_shrinks_while_it_is_sent_is_not_kept(
    place: Place, s3: FakeS3, tmp_path: Path
) -> None:
    path = tmp_path / "x"
    path.write_bytes(bytes(2 * cloud.PART))
    content = FileContent(path)
    path.write_bytes(b"short")
    with pytest.raises(StoreError, match="shorter than it was"):
        await CloudStore(place).put("x", content, "audio/wav")
    assert s3.buckets["bucket"] == {}


def test_a_signature_in_a_message_is_taken_out() -> None:
    error = ValueError(
        "Error performing PUT https://a.blob.core.windows.net/c/x?sig=s3cr3t&sp=w in 3 s\n\nDebug"
    )
    assert cloud._short(error) == "Error performing PUT https://a.blob.core.windows.net/c/x in 3 s"


def test_what_the_service_answered_is_said_and_no_more() -> None:
    text = "Object at location a/b not found: Error performing PUT x - Server returned non-2xx status code: "
    error = ValueError(
        text + '404 Not Found: <?xml version="1.0"?>\n<Error>\n <Code>ContainerNotFound</Code>'
    )
    assert cloud._short(error) == "404 Not Found (ContainerNotFound)"


async def test_what_the_environment_gives_is_used_for_an_identity_and_for_nothing_else(
    place: Place, s3: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY)
    identity = replace(place, credential="identity", key_id="", secret="")
    await CloudStore(identity).put("x", FileContent(path), "audio/wav")
    assert s3.buckets["bucket"]["calls/a/x"][0] == b"1"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    await CloudStore(place).put("y", FileContent(path), "audio/wav")
    assert s3.buckets["bucket"]["calls/a/y"][0] == b"1"


class FakeAzure:
    """The storage of an account, and where a machine in Azure gets its tokens."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        app = web.Application()
        app.router.add_get("/token", self._token)
        app.router.add_put("/acct/{rest:.*}", self._put)
        self.server = TestServer(app)

    async def _token(self, request: web.Request) -> web.Response:
        self.asked.append(("token", request.query["resource"]))
        return web.json_response(
            {"access_token": "t0ken", "expires_in": "3600", "expires_on": "1", "token_type": "Bearer"}
        )

    async def _put(self, request: web.Request) -> web.Response:
        secret = request.query.get("sig") or request.headers.get("Authorization", "")
        self.asked.append(("put", secret))
        return web.Response(status=201, headers={"ETag": '"1"'})


async def test_a_managed_identity_writes_to_a_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"1")
    azure = FakeAzure()
    await azure.server.start_server()
    monkeypatch.setenv("AZURE_MSI_ENDPOINT", str(azure.server.make_url("/token")))
    place = Place("azure", "calls", "", str(azure.server.make_url("/acct")), "acct")
    await CloudStore(place).put("x", FileContent(path), "audio/wav")
    assert azure.asked == [("token", "https://storage.azure.com"), ("put", "Bearer t0ken")]
    azure.asked.clear()
    # A key that is in the environment for something else has no say where there is a signature.
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "c2VjcmV0")
    signed = replace(place, credential="sas", secret="sp=cw&sig=s3cr3t")
    await CloudStore(signed).put("x", FileContent(path), "audio/wav")
    assert azure.asked == [("put", "s3cr3t")]
    await azure.server.close()


async def test_redirects_are_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"1")
    azure = FakeAzure()
    await azure.server.start_server()
    target = str(azure.server.make_url("/acct/calls/x"))

    async def elsewhere(request: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": target})

    app = web.Application()
    app.router.add_put("/{rest:.*}", elsewhere)
    server = TestServer(app)
    await server.start_server()
    place = Place(
        "azure", "calls", "", str(server.make_url("/acct")), "acct", credential="sas", secret="sig=s"
    )
    with pytest.raises(StoreError, match="307 Temporary Redirect"):
        await CloudStore(place).put("x", FileContent(path), "audio/wav")
    assert azure.asked == []
    await server.close()
    await azure.server.close()
