"""Cutting streams into messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.sip.errors import ParseError
from hookflash.sip.grammar import MAX_HEAD, MAX_MESSAGE
from hookflash.sip.message import parse
from hookflash.sip.stream import PONG, FramingError, StreamFramer


def message(
    number: int = 1, body: bytes = b"", length: str | None = None, name: str = "Content-Length"
) -> bytes:
    head = (
        f"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK{number}\r\nFrom: <sip:a@b>;tag=1\r\n"
        f"To: <sip:a@b>\r\nCall-ID: {number}\r\nCSeq: {number} OPTIONS\r\n"
    )
    claimed = str(len(body)) if length is None else length
    return (head + (f"{name}: {claimed}\r\n" if name else "") + "\r\n").encode() + body


def refused(framer: StreamFramer, data: bytes) -> FramingError:
    with pytest.raises(FramingError) as caught:
        framer.feed(data)
    return caught.value


BODIES = st.binary(max_size=40) | st.sampled_from(
    [b"\r\n\r\n", b"INVITE sip:a SIP/2.0\r\n\r\n", b"\r\nContent-Length: 3\r\n"]
)


@given(
    st.lists(st.tuples(BODIES, st.sampled_from([b"", b"\r\n", b"\r\n\r\n", b"\r\n\r\n\r\n"])), max_size=5),
    st.lists(st.integers(1, 60), min_size=1, max_size=20),
)
def test_any_chunking_gives_the_same_messages(parts: list[tuple[bytes, bytes]], sizes: list[int]) -> None:
    sent = [message(n, body) for n, (body, _) in enumerate(parts)]
    stream = b"".join(gap + one for one, (_, gap) in zip(sent, parts, strict=True))
    framer = StreamFramer()
    got: list[bytes] = []
    at = index = 0
    while at < len(stream):
        size = sizes[index % len(sizes)]
        got += framer.feed(stream[at : at + size])
        at, index = at + size, index + 1
    assert [parse(one) for one in got] == [parse(one) for one in sent]
    assert len(framer) == 0


@given(st.lists(st.binary(max_size=50), max_size=8))
def test_random_bytes_raise_nothing_but_parse_error(chunks: list[bytes]) -> None:
    framer = StreamFramer()
    for chunk in chunks:
        try:
            framer.feed(chunk)
        except ParseError:
            return


def test_keep_alives_are_answered() -> None:
    framer = StreamFramer()
    assert framer.feed(b"\r\n") == []
    assert framer.take_pongs() == b""
    assert framer.feed(b"\r\n\r\n") == []
    assert framer.take_pongs() == PONG
    assert framer.take_pongs() == b""
    assert framer.feed(b"\r\n" + message()) == [message()]
    assert framer.take_pongs() == PONG
    assert framer.feed(b"\r\n" * 2000) == []
    assert len(framer.take_pongs()) <= 16


def test_a_lone_empty_line_before_a_message_is_skipped() -> None:
    framer = StreamFramer()
    assert framer.feed(b"\r\n" + message()) == [message()]
    assert framer.take_pongs() == b""


@pytest.mark.parametrize("name", ["Content-Length", "l", "CONTENT-LENGTH", "content-length ", "L "])
def test_the_length_is_found_in_every_spelling(name: str) -> None:
    assert StreamFramer().feed(message(1, b"abc", name=name)) == [message(1, b"abc", name=name)]


def test_a_folded_length_is_found() -> None:
    assert len(StreamFramer().feed(message(1, b"abc", length="\r\n 3"))) == 1


def test_long_runs_of_space_are_read_in_linear_time() -> None:
    """Quadratic reading would take minutes here."""
    spaces = " " * (MAX_HEAD - 1000)
    refused(StreamFramer(), message(length=f"{spaces}x"))
    refused(StreamFramer(), message(length=f"1{spaces}x"))
    (whole,) = StreamFramer().feed(message(1, b"abc", length=f"\r\n{spaces}3"))
    assert parse(whole).body == b"abc"
    with pytest.raises(ParseError):
        parse(message(length="\r\n " + " \t" * 16_000 + "x"))


def test_a_length_inside_another_header_does_not_count() -> None:
    data = message(1, b"abc").replace(b"Call-ID", b"Subject: x\r\n Content-Length: 9\r\nCall-ID")
    assert StreamFramer().feed(data) == [data]


@pytest.mark.parametrize(
    ("data", "status", "why"),
    [
        (message(name=""), 400, "no Content-Length"),
        (message(length="-1"), 400, "not usable"),
        (message(length="1 1"), 400, "not usable"),
        (message(length="0x10"), 400, "not usable"),
        (message(length=""), 400, "not usable"),
        (message(length=str(MAX_MESSAGE)), 513, "not usable"),
        (message(length="9" * 30), 513, "not usable"),
        (message(length="3\r\nl: 4"), 400, "differ"),
        (b"A" * (MAX_HEAD + 1), 513, "no end of the headers"),
        (b"A" * (MAX_HEAD + 1) + b"\r\n\r\n", 513, "no end of the headers"),
    ],
)
def test_what_cannot_be_cut_is_refused(data: bytes, status: int, why: str) -> None:
    framer = StreamFramer()
    error = refused(framer, message(1) + data)
    assert (error.status, error.complete) == (status, [message(1)])
    assert why in error.reason
    assert (error.request is not None) == data.startswith(b"OPTIONS")
    assert refused(framer, message()).reason.startswith("the stream was broken")
    assert len(framer) == 0


def test_an_ack_that_cannot_be_cut_is_not_answered() -> None:
    assert refused(StreamFramer(), message(name="").replace(b"OPTIONS", b"ACK")).request is None


def test_a_response_that_cannot_be_cut_is_not_answered() -> None:
    data = message(name="").replace(b"OPTIONS sip:a@b SIP/2.0", b"SIP/2.0 200 OK")
    assert refused(StreamFramer(), data).request is None


def test_what_is_held_is_bounded() -> None:
    framer = StreamFramer()
    framer.feed(message(length="60000"))
    for _ in range(59):
        assert framer.feed(b"x" * 1000) == []
    assert len(framer) < MAX_MESSAGE
    (whole,) = framer.feed(b"x" * 1000)
    assert len(whole) < MAX_MESSAGE


def test_a_pong_is_told_from_the_half_of_a_ping() -> None:
    framer = StreamFramer()
    assert framer.feed(b"\r\n") == []
    assert framer.answered == 0
    framer.feed(b"\r\n")
    assert framer.take_pongs() == b"\r\n"
    assert framer.ping() == b"\r\n\r\n"
    assert framer.feed(b"\r\n") == []
    assert (framer.answered, len(framer), framer.take_pongs()) == (1, 0, b"")
    framer.ping()
    assert framer.feed(b"\r\n\r\n") == []  # theirs, at the same time
    assert (framer.answered, framer.take_pongs()) == (1, b"\r\n")
    message = b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 0\r\n\r\n"
    assert framer.feed(b"\r\n" + message) == [message]
    assert framer.answered == 2
