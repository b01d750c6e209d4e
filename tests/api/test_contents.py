"""The files of recordings over HTTP: who may have them, ranges, deleting."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from api.edge import NOON

from hookflash.api.access import Access
from hookflash.api.contents import Contents, RecordedObject
from hookflash.api.ports import Resource
from hookflash.api.ranges import CutShort
from hookflash.wire.hmac import decode_key, sign

HOST = "hookflash.asm.skype.com:8443"
ONE = Resource(
    "one", "11111111-1111-4111-8111-111111111111", (base64.b64encode(b"one").decode(),), ("one's",)
)
TWO = Resource("two", "22222222-2222-4222-8222-222222222222", (base64.b64encode(b"two").decode(),))
ID = "0-hf-d1-801b3f3fc462fe8a01e6810cbff729b8"
SOUND = bytes(range(256)) * 1000
METADATA = b'{"chunkIndex":0}'


class Elsewhere:
    """Content that is not a plain file; beyond ``cut`` it can not be read."""

    def __init__(self, data: bytes, cut: int) -> None:
        self._data = data
        self._cut = cut

    @property
    def size(self) -> int:
        return len(self._data)

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        for at in range(start, stop, 1000):
            if at >= self._cut:
                raise OSError("it was changed")
            yield self._data[at : min(at + 1000, stop)]


class Objects:
    """One recording of resource one."""

    def __init__(self, folder: Path) -> None:
        (folder / "audio.wav").write_bytes(SOUND)
        (folder / "metadata.json").write_bytes(METADATA)
        self.objects = {ID: RecordedObject(ONE.id, "audio/wav")}
        self.folder = folder
        self.broken = False
        self.elsewhere = False
        self.cut = len(SOUND)

    def find(self, document_id: str) -> RecordedObject | None:
        return self.objects.get(document_id)

    async def open(self, document_id: str, *, metadata: bool) -> Path | Elsewhere:
        if self.broken:
            raise OSError("it was changed")
        path = self.folder / ("metadata.json" if metadata else "audio.wav")
        return Elsewhere(path.read_bytes(), self.cut) if self.elsewhere else path

    async def delete(self, document_id: str) -> bool:
        if self.broken:
            raise PermissionError("not yours")
        return self.objects.pop(document_id, None) is not None


@dataclass
class Answered:
    """What came back."""

    status_code: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""

    def json(self) -> Any:
        return json.loads(self.content)


class Edge:
    def __init__(self, objects: Objects) -> None:
        self.objects = objects
        self._app = Contents(objects, Access([ONE, TWO]), lambda: NOON)

    async def __call__(
        self, method: str, target: str, *, key: str = ONE.access_keys[0], **headers: str
    ) -> Answered:
        signed = sign(method, target, HOST, b"", decode_key(key), NOON)
        return await self.send(method, target, {**signed, **headers})

    async def send(self, method: str, target: str, headers: dict[str, str]) -> Answered:
        answered = Answered()
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(target),
            "raw_path": target.encode(),
            "query_string": b"",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "headers": [(k.lower().encode(), v.encode()) for k, v in {"Host": HOST, **headers}.items()],
        }

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answered.status_code = message["status"]
                answered.headers = {k.decode(): v.decode() for k, v in message["headers"]}
            else:
                answered.content += message.get("body", b"")

        await self._app(scope, receive, send)  # type: ignore[arg-type]
        return answered


@pytest.fixture(params=["disk", "elsewhere"])
def edge(request: pytest.FixtureRequest, tmp_path: Path) -> Edge:
    """Everything holds for plain files on the disk as for content that is anywhere else."""
    objects = Objects(tmp_path)
    objects.elsewhere = request.param == "elsewhere"
    return Edge(objects)


OBJECT = f"/v1/objects/{ID}"
AUDIO = f"{OBJECT}/content/acsaudio"


@pytest.mark.parametrize("kind", ["acsaudio", "video"])
async def test_the_sound_whole(edge: Edge, kind: str) -> None:
    answer = await edge("GET", f"{OBJECT}/content/{kind}")
    assert (answer.status_code, answer.content) == (200, SOUND)
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.headers["accept-ranges"] == "bytes"


async def test_the_metadata(edge: Edge) -> None:
    answer = await edge("GET", f"{OBJECT}/content/acsmetadata")
    assert (answer.status_code, answer.content) == (200, METADATA)
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("asked", "status", "content", "said"),
    [
        ("bytes=0-99", 206, SOUND[:100], "bytes 0-99/256000"),
        ("bytes=255900-", 206, SOUND[255_900:], "bytes 255900-255999/256000"),
        ("bytes=-10", 206, SOUND[-10:], "bytes 255990-255999/256000"),
        ("bytes=100-9999999", 206, SOUND[100:], "bytes 100-255999/256000"),
        ("bytes=256000-", 416, b"", "bytes */256000"),
    ],
)
async def test_ranges(edge: Edge, asked: str, status: int, content: bytes, said: str) -> None:
    answer = await edge("GET", AUDIO, Range=asked)
    assert answer.status_code == status
    assert answer.headers["content-range"] == said
    if status == 206:
        assert answer.content == content


async def test_a_recording_in_pieces_is_the_whole(edge: Edge) -> None:
    whole = b""
    for at in itertools.count(0, 65_536):
        answer = await edge("GET", AUDIO, Range=f"bytes={at}-{at + 65_535}")
        if answer.status_code == 416:
            break
        whole += answer.content
    assert whole == SOUND


async def test_head_tells_the_size_alone(edge: Edge) -> None:
    answer = await edge("HEAD", AUDIO)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(SOUND))


async def test_a_token_opens_it_as_well(edge: Edge) -> None:
    answer = await edge.send("GET", AUDIO, {"Authorization": "Bearer one's"})
    assert answer.content == SOUND


async def test_deleting_is_answered_with_200_and_then_it_is_gone(edge: Edge) -> None:
    answer = await edge("DELETE", OBJECT)
    assert (answer.status_code, answer.content) == (200, b"")
    for method, target in (("DELETE", OBJECT), ("GET", AUDIO)):
        answer = await edge(method, target)
        assert (answer.status_code, answer.content) == (404, b"")


async def test_what_can_not_be_deleted_is_said(edge: Edge, caplog: pytest.LogCaptureFixture) -> None:
    edge.objects.broken = True
    answer = await edge("DELETE", OBJECT)
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "9999"
    assert b"not yours" not in answer.content
    assert "not yours" in caplog.text


@pytest.mark.parametrize(
    "target",
    [
        "/v1/objects/0-hf-d1-0/content/acsaudio",
        "/v1/objects/",
        f"{OBJECT}/content/other",
        f"{OBJECT}/content/",
        f"{OBJECT}/else/acsaudio",
        f"{OBJECT}/content/acsaudio/x",
        f"/v1/objects/..%2F{ID}/content/acsaudio",
        "/v1/objects/" + "x" * 5_000 + "/content/acsaudio",
    ],
)
async def test_what_is_not_there(edge: Edge, target: str) -> None:
    answer = await edge("GET", target)
    assert (answer.status_code, answer.content) == (404, b"")


async def test_another_resource_sees_nothing_of_it(edge: Edge) -> None:
    for method, target in (("GET", AUDIO), ("DELETE", OBJECT)):
        answer = await edge(method, target, key=TWO.access_keys[0])
        assert (answer.status_code, answer.content) == (404, b"")
    assert (await edge("GET", AUDIO)).status_code == 200


async def test_without_a_signature_nothing_is_given_away(edge: Edge) -> None:
    refused: list[dict[str, str]] = [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "HMAC-SHA256 nonsense"},
    ]
    for headers in refused:
        for target in (AUDIO, "/v1/objects/unknown"):
            answer = await edge.send("GET", target, headers)
            assert answer.status_code == 401
            assert "www-authenticate" in answer.headers
            assert answer.json()["error"]["code"] in ("7501", "7509")


@pytest.mark.parametrize(
    ("method", "target", "allowed"), [("DELETE", AUDIO, "GET, HEAD"), ("GET", OBJECT, "DELETE")]
)
async def test_other_methods_are_refused(edge: Edge, method: str, target: str, allowed: str) -> None:
    answer = await edge(method, target)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


async def test_a_file_that_somebody_took_away_is_not_there(edge: Edge) -> None:
    (edge.objects.folder / "audio.wav").unlink()
    assert (await edge("GET", AUDIO)).status_code == 404


async def test_what_can_not_be_read_is_said(edge: Edge, caplog: pytest.LogCaptureFixture) -> None:
    edge.objects.broken = True
    answer = await edge("GET", AUDIO)
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "9999")
    assert b"changed" not in answer.content
    assert "it was changed" in caplog.text


async def test_what_can_not_be_read_from_the_first_byte_on_is_not_begun(edge: Edge) -> None:
    edge.objects.elsewhere, edge.objects.cut = True, 0
    answer = await edge("GET", AUDIO)
    assert answer.status_code == 500
    edge.objects.cut = 100_000
    answer = await edge("GET", AUDIO, Range="bytes=0-99999")
    assert (answer.status_code, answer.content) == (206, SOUND[:100_000])


async def test_what_can_not_be_read_later_breaks_the_answer_off(edge: Edge) -> None:
    edge.objects.elsewhere, edge.objects.cut = True, 100_000
    with pytest.raises(CutShort, match="changed"):
        await edge("GET", AUDIO)


async def test_a_range_of_something_that_has_changed_is_the_whole(edge: Edge) -> None:
    tag = (await edge("HEAD", AUDIO)).headers["etag"]
    same = await edge("GET", AUDIO, Range="bytes=0-9", **{"If-Range": tag})
    other = await edge("GET", AUDIO, Range="bytes=0-9", **{"If-Range": '"other"'})
    assert (same.status_code, other.status_code) == (206, 200)
    assert other.content == SOUND
