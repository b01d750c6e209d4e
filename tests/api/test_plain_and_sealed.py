"""Downloads are answered alike, whether a file is plain or sealed; nothing stays open after them."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from api.edge import NOON
from api.test_contents import AUDIO, HOST, ONE, SOUND, Answered, Edge, Objects
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect

from hookflash.api.ranges import CutShort
from hookflash.file_pieces import PIECE
from hookflash.recording.library import Library
from hookflash.recording.sealing import KeyRing, SealedContent, SealKey, seal_bytes
from hookflash.recording.shelf import Shelf
from hookflash.wire.hmac import decode_key, sign

KEY = SealKey(bytes(range(32)))
ALIKE = ("content-range", "content-length", "content-type", "accept-ranges")


class SealedObjects(Objects):
    """The same recording, sealed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._shelf = Shelf(Library(folder, None), KeyRing([KEY]))  # type: ignore[arg-type]
        for path in folder.iterdir():
            path.write_bytes(seal_bytes(path.read_bytes(), KEY))

    async def open(self, document_id: str, *, metadata: bool) -> SealedContent:  # type: ignore[override]
        found = self._shelf._open_local(self.folder / ("metadata.json" if metadata else "audio.wav"))
        assert isinstance(found, SealedContent)
        return found


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Edge, Edge]:
    return Edge(Objects(tmp_path_factory.mktemp("plain"))), Edge(
        SealedObjects(tmp_path_factory.mktemp("sealed"))
    )


NUMBERS = st.sampled_from(["", "0", "5", "2", "0007", "255999", "256000", "1_0", "a", "\xb2", "9" * 23])
ONE_RANGE = st.tuples(NUMBERS, st.sampled_from(["-", " - ", "", "--"]), NUMBERS).map("".join)
NEARLY = st.tuples(
    st.sampled_from(["bytes", "Bytes", "items", " bytes ", ""]),
    st.sampled_from(["=", " = ", "", "=="]),
    st.lists(ONE_RANGE, max_size=3).map(",".join),
).map("".join)
"""What is a range, or nearly one."""


@given(
    NEARLY | st.text(st.characters(codec="latin-1"), max_size=30),
    st.sampled_from(["GET", "HEAD"]),
    st.sampled_from([None, "its own", '"another"', "Wed, 21 Oct 2015 07:28:00 GMT", ""]),
)
@example("bytes=5-2", "GET", None)
@example("bytes=-", "GET", None)
@example("bytes=a-b", "GET", None)
@example("items=0-5", "GET", None)
@example("bytes=1_0-2_0", "GET", None)
@example("bytes=0-0,5-6", "GET", None)
@example("bytes=" + "9" * 23 + "-", "GET", None)
@example("bytes=5-" + "9" * 23, "GET", None)
@example("bytes=-5", "GET", "its own")
async def test_any_range(both: tuple[Edge, Edge], asked: str, method: str, given_tag: str | None) -> None:
    answers: list[Answered] = []
    for edge in both:
        headers = {"Range": asked}
        if given_tag == "its own":
            headers["If-Range"] = (await edge("HEAD", AUDIO)).headers["etag"]
        elif given_tag is not None:
            headers["If-Range"] = given_tag
        answers.append(await edge(method, AUDIO, **headers))
    plain, sealed = answers
    assert (plain.status_code, plain.content) == (sealed.status_code, sealed.content)
    for name in ALIKE:
        assert plain.headers.get(name) == sealed.headers.get(name)
    if method == "HEAD":
        assert (plain.status_code, plain.headers["content-length"], plain.content) == (200, "256000", b"")
    elif plain.status_code == 206:
        said = re.fullmatch(r"bytes (\d+)-(\d+)/256000", plain.headers["content-range"])
        assert said is not None
        assert plain.content == SOUND[int(said[1]) : int(said[2]) + 1]
    elif plain.status_code == 416:
        assert (plain.headers["content-range"], plain.content) == ("bytes */256000", b"")
    else:
        assert (plain.status_code, plain.content) == (200, SOUND)
        assert "content-range" not in plain.headers


@pytest.mark.parametrize(
    ("asked", "status", "content"),
    [
        ("bytes=5-2", 200, SOUND),
        ("bytes=-", 200, SOUND),
        ("bytes=a-b", 200, SOUND),
        ("items=0-5", 200, SOUND),
        ("bytes=1_0-2_0", 200, SOUND),
        ("bytes=0-0,5-6", 200, SOUND),
        ("bytes=" + "9" * 23 + "-", 416, b""),
        ("bytes=5-" + "9" * 23, 206, SOUND[5:]),
        ("bytes=-" + "9" * 23, 206, SOUND),
        ("bytes=0-0", 206, SOUND[:1]),
    ],
)
async def test_each_kind_of_range(both: tuple[Edge, Edge], asked: str, status: int, content: bytes) -> None:
    for edge in both:
        answer = await edge("GET", AUDIO, Range=asked)
        assert (answer.status_code, answer.content) == (status, content)


async def test_a_plain_file_keeps_its_tag_and_its_time(tmp_path: Path) -> None:
    """A download that was begun before a restart, or an upgrade, goes on after it."""
    edge = Edge(Objects(tmp_path))
    os.utime(tmp_path / "audio.wav", (1_700_000_000, 1_700_000_000))
    for method, asked in (("GET", "bytes=0-9"), ("GET", "bytes=256000-"), ("HEAD", "")):
        headers = (await edge(method, AUDIO, Range=asked)).headers
        assert headers["etag"] == '"939f19a70646cd627caf24cc740b2fb8"'
        assert headers["last-modified"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    for same in (headers["etag"], headers["last-modified"]):
        answer = await edge("GET", AUDIO, Range="bytes=0-9", **{"If-Range": same})
        assert (answer.status_code, answer.content) == (206, SOUND[:10])
    for other in (f"W/{headers['etag']}", "Tue, 14 Nov 2023 22:13:21 GMT"):
        answer = await edge("GET", AUDIO, Range="bytes=0-9", **{"If-Range": other})
        assert (answer.status_code, answer.content) == (200, SOUND)


async def test_an_empty_file(tmp_path: Path) -> None:
    edge = Edge(Objects(tmp_path))
    (tmp_path / "audio.wav").write_bytes(b"")
    answer = await edge("GET", AUDIO)
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")
    answer = await edge("GET", AUDIO, Range="bytes=0-")
    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */0")


# --- what is read -------------------------------------------------------------------------------------------

LONG = 4 * PIECE


def is_open(path: Path) -> bool:
    """Whether this process has the file open."""
    files = Path("/proc/self/fd")
    return any(os.path.realpath(files / name) == str(path) for name in os.listdir(files))


async def ask(
    edge: Edge, spec: str, send: Callable[[Any], Awaitable[None]], receive: Callable[[], Awaitable[Any]]
) -> None:
    """Ask for the sound as a server of the ASGI version does."""
    signed = sign("GET", AUDIO, HOST, b"", decode_key(ONE.access_keys[0]), NOON)
    scope = {
        "type": "http",
        "method": "GET",
        "path": AUDIO,
        "raw_path": AUDIO.encode(),
        "query_string": b"",
        "asgi": {"version": "3.0", "spec_version": spec},
        "headers": [(k.lower().encode(), v.encode()) for k, v in {"Host": HOST, **signed}.items()],
    }
    await edge._app(scope, receive, send)  # type: ignore[arg-type]


@pytest.fixture
def long(tmp_path: Path) -> tuple[Edge, Path]:
    objects = Objects(tmp_path)
    path = (tmp_path / "audio.wav").resolve()
    with path.open("wb") as file:
        file.truncate(LONG)
    return Edge(objects), path


async def test_a_file_is_read_in_pieces_and_closed(long: tuple[Edge, Path]) -> None:
    edge, path = long
    pieces: list[int] = []

    async def send(message: Any) -> None:
        if body := message.get("body"):
            assert is_open(path)
            pieces.append(len(body))

    await ask(edge, "2.3", send, asyncio.Event().wait)
    assert sum(pieces) == LONG
    assert max(pieces) <= PIECE
    assert not is_open(path)


async def test_a_client_that_goes_away_lets_the_file_go(long: tuple[Edge, Path]) -> None:
    """Told by the server while an answer waits for a slow connection."""
    edge, path = long
    gone, opened = asyncio.Event(), []

    async def send(message: Any) -> None:
        if message.get("body"):
            opened.append(is_open(path))
            gone.set()
            await asyncio.Event().wait()

    async def receive() -> Any:
        await gone.wait()
        return {"type": "http.disconnect"}

    await ask(edge, "2.3", send, receive)
    assert opened == [True]
    assert not is_open(path)


@pytest.mark.parametrize("at", ["http.response.start", "http.response.body"])
async def test_a_connection_that_breaks_lets_the_file_go(long: tuple[Edge, Path], at: str) -> None:
    edge, path = long

    async def send(message: Any) -> None:
        if message["type"] == at:
            assert is_open(path)
            raise OSError("the connection is closed")

    with pytest.raises(ClientDisconnect):
        await ask(edge, "2.4", send, asyncio.Event().wait)
    assert not is_open(path)


async def test_a_file_that_becomes_shorter_breaks_the_answer_off(long: tuple[Edge, Path]) -> None:
    edge, path = long

    async def send(message: Any) -> None:
        if message.get("body"):
            os.truncate(path, PIECE)

    with pytest.raises(CutShort, match="shorter than it was"):
        await ask(edge, "2.4", send, asyncio.Event().wait)
    assert not is_open(path)


async def test_a_file_deleted_while_it_is_fetched_is_fetched_to_its_end(long: tuple[Edge, Path]) -> None:
    edge, path = long
    got = 0

    async def send(message: Any) -> None:
        nonlocal got
        path.unlink(missing_ok=True)
        got += len(message.get("body", b""))

    await ask(edge, "2.3", send, asyncio.Event().wait)
    assert got == LONG
