"""Sealed files: whatever the writes and the ranges, what comes out is what went in, or nothing does."""

from __future__ import annotations

import base64
import itertools
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookflash.recording import sealing
from hookflash.recording.sealing import (
    MAGIC,
    SEGMENT,
    TAG,
    KeyRing,
    Sealed,
    SealedContent,
    SealedWriter,
    SealError,
    SealKey,
    is_sealed,
    mend_sealed,
    open_sealed,
    read_keys,
)

KEY = SealKey(bytes(range(32)))
RING = KeyRing([KEY])
HEAD = 64
NAMES = itertools.count()


def lead(channels: int, data: int) -> bytes:
    return f"<{channels} channels, {data} bytes>".encode()


def noise(size: int, seed: int = 1) -> bytes:
    """Bytes that differ from place to place."""
    return b"".join((seed * 1_000_003 + n).to_bytes(8, "big") for n in range(-(-size // 8)))[:size]


def new(folder: Path) -> Path:
    return folder / f"f{next(NAMES)}"


def written(path: Path, pieces: list[bytes], *, channels: int = 0, close: bool = True) -> SealedWriter:
    writer = SealedWriter(path, KEY, channels)
    for piece in pieces:
        writer.write(piece)
        assert writer.size == path.stat().st_size
    if close:
        writer.close()
        writer.close()
    return writer


def reading(path: Path) -> SealedContent:
    whole = path.read_bytes()

    async def fetch(start: int, stop: int) -> AsyncIterator[bytes]:
        data = whole[start:stop]
        middle = len(data) // 2
        yield data[:middle]
        yield data[middle:]

    return SealedContent(open_sealed(path, RING, lead), fetch)


async def ranged(content: SealedContent, start: int, stop: int) -> bytes:
    return b"".join([piece async for piece in content.read(start, stop)])


def opened(path: Path, *, finished: bool = True) -> bytes:
    """Everything, the slow and obvious way."""
    sealed = open_sealed(path, RING, lead, finished=finished)
    data = path.read_bytes()
    out = [sealed.lead]
    for number in range(sealed.segments):
        start, stop = sealed.extent(number, 1)
        out.append(sealed.unseal(number, data[start:stop], finished=finished))
    return b"".join(out)


sizes = st.one_of(
    st.integers(0, 200),
    st.sampled_from([SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT, 3 * SEGMENT - 7]),
    st.integers(0, 3 * SEGMENT),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sealed")


@settings(deadline=None, max_examples=60)
@given(st.lists(sizes, max_size=6), st.integers(0, 5), st.data())
async def test_any_split_of_writes_and_any_range_give_the_plain_bytes(
    folder: Path, lengths: list[int], channels: int, data: st.DataObject
) -> None:
    path = new(folder)
    pieces = [noise(length, seed + 1) for seed, length in enumerate(lengths)]
    plain = b"".join(pieces)
    written(path, pieces, channels=channels)
    whole = (lead(channels, len(plain)) if channels else b"") + plain
    content = reading(path)
    assert content.size == len(whole)
    assert opened(path) == whole == await ranged(content, 0, len(whole))
    start = data.draw(st.integers(0, len(whole) + 5))
    stop = data.draw(st.integers(0, len(whole) + SEGMENT))
    assert await ranged(content, start, stop) == whole[start:stop]


@settings(deadline=None, max_examples=40)
@given(st.lists(sizes, min_size=1, max_size=4), st.data())
def test_any_bit_that_is_flipped_is_found(folder: Path, lengths: list[int], data: st.DataObject) -> None:
    path = new(folder)
    written(path, [noise(length) for length in lengths])
    raw = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(raw)
    with pytest.raises(SealError):
        opened(path)


@settings(deadline=None, max_examples=40)
@given(st.lists(sizes, min_size=1, max_size=4), st.data())
def test_any_cut_and_anything_added_are_found(folder: Path, lengths: list[int], data: st.DataObject) -> None:
    path = new(folder)
    written(path, [noise(length) for length in lengths])
    raw = path.read_bytes()
    kept = data.draw(st.one_of(st.integers(0, len(raw) - 1), st.just(len(raw) - TAG), st.just(HEAD)))
    path.write_bytes(raw[:kept])
    with pytest.raises(SealError):
        open_sealed(path, RING, lead)
    path.write_bytes(raw + bytes(data.draw(st.integers(1, 2 * SEGMENT))))
    with pytest.raises(SealError):
        opened(path)


def test_a_cut_between_segments_is_found(folder: Path) -> None:
    path = new(folder)
    written(path, [noise(3 * SEGMENT)])
    raw = path.read_bytes()
    for segments in (1, 2):
        path.write_bytes(raw[: HEAD + segments * (SEGMENT + TAG)])
        with pytest.raises(SealError, match="does not open"):
            open_sealed(path, RING, lead)


def test_segments_can_not_change_places_or_files(folder: Path) -> None:
    one, other = new(folder), new(folder)
    for path in (one, other):
        written(path, [noise(3 * SEGMENT)])
    step = SEGMENT + TAG
    raw = one.read_bytes()
    parts = [raw[HEAD + n * step : HEAD + (n + 1) * step] for n in range(3)]
    one.write_bytes(raw[:HEAD] + parts[1] + parts[0] + parts[2])
    with pytest.raises(SealError, match="segment 0 does not open"):
        opened(one)
    one.write_bytes(raw[: HEAD + step] + other.read_bytes()[HEAD + step :])
    with pytest.raises(SealError):
        opened(one)


@settings(deadline=None, max_examples=40)
@given(st.lists(sizes, max_size=5), st.integers(0, 2 * SEGMENT), st.data())
def test_a_file_whose_writer_died_keeps_all_but_what_was_being_written(
    folder: Path, lengths: list[int], more: int, data: st.DataObject
) -> None:
    path = new(folder)
    writer = written(path, [noise(length, seed + 1) for seed, length in enumerate(lengths)], close=False)
    plain = b"".join(noise(length, seed + 1) for seed, length in enumerate(lengths))
    assert opened(path, finished=False) == plain if plain else True
    before = path.stat().st_size
    whole = plain + noise(more, 99)
    writer.write(noise(more, 99))
    # Of the last write, only a part has reached the disk.
    torn = new(folder)
    shutil.copy(path, torn)
    os.truncate(torn, data.draw(st.integers(before, path.stat().st_size)))
    kept, _ = mend_sealed(torn, RING)
    assert whole.startswith(opened(torn))
    assert kept == len(opened(torn)) > len(plain) - SEGMENT
    assert mend_sealed(torn, RING) == (kept, 0)
    # And where nothing was torn, nothing is lost.
    assert mend_sealed(path, RING) == (len(whole), 0)
    assert opened(path) == whole
    os.close(writer._file)


def test_what_is_not_ours_is_not_cut_when_it_can_not_be_mended(folder: Path) -> None:
    path = new(folder)
    written(path, [noise(5 * SEGMENT)], close=False)
    raw = bytearray(path.read_bytes())
    raw[20] ^= 1  # the salt: every segment is lost
    path.write_bytes(raw)
    with pytest.raises(SealError, match="none of its last segments"):
        mend_sealed(path, RING)
    assert path.read_bytes() == raw


def test_no_nonce_is_used_for_two_texts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[bytes, bytes] = {}
    real = sealing.AESGCM

    class Watched:
        def __init__(self, key: bytes) -> None:
            self.inner = real(key)

        def encrypt(self, nonce: bytes, data: bytes, head: bytes) -> bytes:
            assert seen.setdefault(nonce, data) == data
            return self.inner.encrypt(nonce, data, head)

        def decrypt(self, nonce: bytes, data: bytes, head: bytes) -> bytes:
            return self.inner.decrypt(nonce, data, head)

    monkeypatch.setattr(sealing, "AESGCM", Watched)
    path = new(folder)
    written(path, [noise(n, n) for n in (1, 0, 5000, 5000, 6383, 1, SEGMENT - 1, 3 * SEGMENT, 9)])
    assert len(seen) > 8
    seen.clear()
    path = new(folder)
    written(path, [noise(2 * SEGMENT)])
    assert sorted(nonce[-1] for nonce in seen) == [0, 0, 1]


def test_files_have_keys_of_their_own_and_hide_what_is_in_them(folder: Path) -> None:
    one, other = new(folder), new(folder)
    for path in (one, other):
        written(path, [b"the same words " * 4000])
        assert is_sealed(path)
    raw = one.read_bytes()
    assert raw[HEAD:] != other.read_bytes()[HEAD:]
    assert b"words" not in raw
    assert raw.startswith(MAGIC)


def test_keys_can_be_followed_by_others(folder: Path) -> None:
    path = new(folder)
    written(path, [b"old"])
    younger = SealKey(bytes(32))
    assert open_sealed(path, KeyRing([younger, KEY]), lead).data == 3
    with pytest.raises(SealError, match=f"sealed with key {KEY.id.hex()}, which is not configured"):
        open_sealed(path, KeyRing([younger]), lead)


def test_what_is_no_sealed_file_is_said_to_be_none(folder: Path) -> None:
    path = new(folder)
    path.write_bytes(b"RIFF" + bytes(100))
    assert not is_sealed(path)
    with pytest.raises(SealError, match="is not a sealed file"):
        open_sealed(path, RING, lead)
    head = bytearray(bytes(HEAD))
    head[:8], head[8:16], head[48:52] = MAGIC, KEY.id, (4096).to_bytes(4, "big")
    with pytest.raises(SealError, match="segments of 4096 bytes"):
        Sealed(bytes(head), 200, RING, "x", lead)


def test_keys_as_people_write_them() -> None:
    one, two = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))
    ring = read_keys(f" {one}\n{two} ")
    assert ring.current.id == SealKey(b"\1" * 32).id
    assert ring.find(SealKey(b"\2" * 32).id) is not None
    assert ring.find(b"x" * 8) is None
    for text, words in ((" ", "no key"), (f"{one},zz!", "key 2 is not base64"), ("AAAA", "3 bytes")):
        with pytest.raises(ValueError, match=words):
            read_keys(text)
    assert repr(ring.current).find("secret") == -1
    with pytest.raises(ValueError, match="31"):
        SealKey(bytes(31))
