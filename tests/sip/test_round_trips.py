"""Whatever we can read can be written and is read again as the same: every header, every body, every kind of
message, however it is laid out and cut.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sip.grammar_strategies import AUDIO, DESCRIPTIONS, FIELDS, Audio, Meant, messages

import hookflash
from hookflash.sip import audio_lines, crypto
from hookflash.sip.codecs import BY_NAME, NAMES
from hookflash.sip.message import parse
from hookflash.sip.offer import POLICIES, answer, objection, offer
from hookflash.sip.opus_terms import LEAST_BITRATE, LEAST_RATE, MOST_BITRATE, MOST_RATE, opus_terms
from hookflash.sip.sdp import MediaDescription, RtpMap, SessionDescription
from hookflash.sip.stream import StreamFramer

BESIDES = {"CSeq", "Content-Type", "Content-Length"}
"""Headers that the strategy of messages has without a field of their own."""


@given(messages())
def test_every_message_is_read_as_what_it_means(meant: Meant) -> None:
    message = meant.message
    read = parse(message.to_bytes())
    assert read.cseq == meant.cseq
    for name, value in meant.fields.items():
        assert FIELDS[name].read(read) == value, name
    assert read.body == meant.body.data
    if meant.body.kind:
        assert str(read.content_type) == meant.body.kind
        assert meant.body.read(read) == meant.body.means
    read.headers.remove("Content-Length")
    assert read == message
    assert parse(read.to_bytes()).to_bytes() == message.to_bytes()


COMPACT = {"Via": "v", "From": "f", "To": "t", "Call-ID": "i", "Contact": "m", "Supported": "k"}
COMPACT |= {"Content-Type": "c", "Content-Encoding": "e", "Content-Length": "l", "Event": "o"}
COMPACT |= {"Refer-To": "r", "Referred-By": "b", "Session-Expires": "x"}


@given(messages(), st.data())
def test_its_layout_changes_nothing(meant: Meant, data: st.DataObject) -> None:
    """Compact forms, case, folding and spaces."""
    head = meant.message.to_bytes()[: -len(meant.message.body) or None].decode().split("\r\n")
    lines = [head[0]]
    for line in head[1:-2]:
        name, _, value = line.partition(": ")
        if data.draw(st.booleans()):
            name = COMPACT.get(name, name)
        name = data.draw(st.sampled_from([name, name.upper(), name.lower()]))
        gap = data.draw(st.sampled_from([":", " :", ": ", "\t:\t ", ":\r\n "]))
        lines.append(name + gap + value + data.draw(st.sampled_from(["", " ", "\r\n "])))
    read = parse("\r\n".join([*lines, "", ""]).encode() + meant.message.body)
    for name, value in meant.fields.items():
        assert FIELDS[name].read(read) == value, name


@given(st.lists(messages(), min_size=1, max_size=4), st.lists(st.integers(1, 4000), max_size=12))
def test_a_stream_of_them_is_cut_into_the_same(many: list[Meant], cuts: list[int]) -> None:
    whole = [one.message.to_bytes() for one in many]
    data, framer, found, at = b"".join(whole), StreamFramer(), [], 0
    for end in [*sorted({cut % len(data) for cut in cuts}), len(data)]:
        found += framer.feed(data[at:end])
        at = end
    assert found == whole
    assert not framer.owing


# --- session descriptions ---------------------------------------------------------------------------------


@given(DESCRIPTIONS)
def test_descriptions_are_read_as_they_were_written(whole: SessionDescription) -> None:
    assert SessionDescription.parse(whole.to_bytes()) == whole
    assert SessionDescription.parse(whole.to_bytes().replace(b"\r\n", b"\n")) == whole


@given(AUDIO, st.integers(1, 65_534))
def test_every_attribute_we_know_is_read_as_what_it_means(audio: Audio, port: int) -> None:
    line = MediaDescription("audio", port, "RTP/AVP", tuple(map(str, audio.rtpmaps)), None, audio.attributes)
    whole = SessionDescription.parse(
        b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
        + "\r\n".join([*line.lines(), ""]).encode()
    )
    (read,) = whole.media
    for number, (name, rate, channels) in audio.rtpmaps.items():
        assert read.rtpmap(number) == RtpMap(name.upper(), rate, channels)
        wishes = opus_terms(read, number)
        bitrate = audio.opus.get("maxaveragebitrate", 0)
        assert wishes.bitrate == (bitrate if LEAST_BITRATE <= bitrate <= MOST_BITRATE else 0)
        playback = audio.opus.get("maxplaybackrate", MOST_RATE)
        assert wishes.rate == (playback if LEAST_RATE <= playback <= MOST_RATE else MOST_RATE)
        stated = (audio.opus.get("useinbandfec"), audio.opus.get("usedtx"), audio.opus.get("cbr"))
        assert (wishes.fec, wishes.dtx, wishes.constant) == tuple(value == 1 for value in stated)
    assert crypto.lines(read) == list(audio.crypto)
    assert whole.direction(read) == audio.direction
    assert (read.attribute("rtcp-mux") is not None) is audio.mux
    codec = BY_NAME["PCMU"]
    wished = min(audio.ptime, audio.maxptime)
    fitting = [one for one in codec.ptimes if one <= wished] or [min(codec.ptimes)]
    assert audio_lines.ptime(read, codec) == max(fitting)
    where = audio_lines.rtcp(read, "192.0.2.1")
    if audio.rtcp is None:
        assert where == ("192.0.2.1", port + 1)
    else:
        assert where in (audio.rtcp, ("192.0.2.1", port + 1))
        assert where == audio.rtcp or audio_lines.is_for_many(audio.rtcp[0])


@given(
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True),
    st.sampled_from(POLICIES),
    st.ip_addresses().map(str),
    st.integers(1, 65_534),
    st.booleans(),
    st.booleans(),
)
def test_our_offers_and_answers_are_read_as_they_were_meant(
    codecs: list[str], srtp: str, host: str, port: int, sending: bool, receiving: bool
) -> None:
    def key(suite: str) -> bytes:
        return bytes(crypto.SUITES[suite])

    ours = offer(
        host,
        port,
        session_id="1",
        codecs=codecs,
        srtp=srtp,
        key=key,
        sending=sending,
        receiving=receiving,
    )
    read = SessionDescription.parse(ours.to_bytes())
    assert read == ours
    theirs = answer(read, "192.0.2.2", 4000, session_id="2", codecs=codecs, srtp=srtp, key=key)
    if theirs is None:
        assert objection(read, codecs, srtp) is not None
        return
    assert SessionDescription.parse(theirs.description.to_bytes()) == theirs.description
    assert theirs.media.codec == codecs[0]
    assert (theirs.media.srtp is not None) is (srtp != "off")
    assert theirs.media.sending is (receiving and host not in ("0.0.0.0", "::"))
    assert theirs.media.receiving is sending


# --- nothing is left out ----------------------------------------------------------------------------------


def _read_headers() -> Iterator[tuple[str, str]]:
    """Header names that the code of SIP and of phones reads, and where."""
    root = Path(hookflash.__file__).parent
    for folder in ("sip", "phones"):
        for path in sorted((root / folder).rglob("*.py")):
            if path.name == "websocket.py":  # those of HTTP
                continue
            module = ".".join(["hookflash", *path.relative_to(root).with_suffix("").parts])
            for node in ast.walk(ast.parse(path.read_text())):
                for name in _named(node):
                    value = _constant(name, module)
                    if value is not None:
                        yield value, module


def _named(node: ast.AST) -> list[ast.expr]:
    """What stands where a header is named: in a look-up among headers, or in ``in headers``."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        on = node.func.value
        of_headers = (isinstance(on, ast.Attribute) and on.attr == "headers") or (
            isinstance(on, ast.Name) and on.id == "headers"
        )
        if of_headers and node.func.attr in ("get", "all", "lines", "tokens", "first"):
            return node.args[:1]
        if node.func.attr in ("addresses", "_need"):
            return node.args[-1:]
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In):
        where = node.comparators[0]
        if (isinstance(where, ast.Attribute) and where.attr == "headers") or (
            isinstance(where, ast.Name) and where.id == "headers"
        ):
            return [node.left]
    return []


def _constant(name: ast.expr, module: str) -> str | None:
    if isinstance(name, ast.Constant):
        return name.value if isinstance(name.value, str) else None
    if isinstance(name, ast.Name):
        found = getattr(importlib.import_module(module), name.id, None)
        return found if isinstance(found, str) else None
    return None


def test_every_header_that_is_read_has_a_strategy() -> None:
    found = dict(_read_headers())
    assert len(found) > 30
    missing = {name: module for name, module in found.items() if name not in FIELDS and name not in BESIDES}
    assert not missing


def test_every_attribute_that_is_read_has_a_strategy() -> None:
    root = Path(hookflash.__file__).parent
    found: set[Any] = set()
    for folder in ("sip", "phones"):
        for path in (root / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                match node:
                    case ast.Call(ast.Attribute(attr="attribute"), [ast.Constant(value=name)]):
                        found.add(name)
    assert found >= {"rtcp", "rtcp-mux", "crypto"}
    key = crypto.Crypto(1, "AEAD_AES_128_GCM", bytes(28))
    everything = Audio({0: ("PCMU", 8000, 1)}, {}, 20, 20, "sendrecv", (key,), ("192.0.2.1", 1), True)
    assert found <= {name for name, _ in everything.attributes}


def test_headers_that_are_no_strategy_are_found_out() -> None:
    """The search itself: what it would miss could be missing."""
    tree = ast.parse(
        'request.headers.get("A"); headers.all("B"); m.addresses("C"); "D" in r.headers; x.get("E")'
    )
    names = [name for node in ast.walk(tree) for name in _named(node)]
    assert sorted(_constant(name, "ast") or "" for name in names) == ["A", "B", "C", "D"]
