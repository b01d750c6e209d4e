"""Whole messages: reading, writing, refusing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.sip import grammar
from hookflash.sip.errors import ParseError
from hookflash.sip.message import Headers, Request, Response, parse, reply

BASE = {
    "Via": "SIP/2.0/UDP pc33.example.com;branch=z9hG4bK776asdhds",
    "Max-Forwards": "70",
    "To": "Bob <sip:bob@example.com>",
    "From": "Alice <sip:alice@example.org>;tag=1928301774",
    "Call-ID": "a84b4c76e66710@pc33.example.com",
    "CSeq": "314159 INVITE",
}


def raw(start: str = "INVITE sip:bob@example.com SIP/2.0", body: bytes = b"", **changes: str | None) -> bytes:
    """A message of BASE with some headers changed, added (``_`` for ``-``) or left out (None)."""
    headers: dict[str, str | None] = {**BASE}
    for name, value in changes.items():
        headers[name.replace("_", "-")] = value
    lines = [start, *(f"{name}: {value}" for name, value in headers.items() if value is not None)]
    return "\r\n".join([*lines, "", ""]).encode() + body


def refused(data: bytes) -> ParseError:
    with pytest.raises(ParseError) as caught:
        parse(data)
    return caught.value


TOKENS = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=10)
VALUES = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp")), max_size=30).map(
    lambda t: t.strip(" \t")
)
NAMES = TOKENS.map(lambda token: f"X-{token}")
TEXT = st.text('abc ;,<>"\\', max_size=10)


@st.composite
def header_lists(draw: st.DrawFn, method: str) -> Headers:
    headers = Headers()
    for _ in range(draw(st.integers(1, 3))):
        host = draw(st.sampled_from(["192.0.2.1", "[2001:db8::1]:5062", "proxy.example.com:5061"]))
        headers.add(
            "Via",
            f"SIP/2.0/{draw(st.sampled_from(['UDP', 'TCP', 'TLS']))} {host};branch=z9hG4bK{draw(TOKENS)}",
        )
    name = draw(TEXT)
    headers.add(
        "From",
        f"{grammar.quote(name)} <sip:{draw(st.sampled_from(['a', '+1425', '%40']))}@h>;tag={draw(TOKENS)}",
    )
    headers.add("To", "<tel:+14255550123>")
    headers.add("Call-ID", draw(TOKENS))
    headers.add("CSeq", f"{draw(st.integers(0, 2**31 - 1))} {method}")
    for name, value in draw(st.lists(st.tuples(NAMES, VALUES), max_size=5)):
        headers.add(name, value)
    return headers


@st.composite
def messages(draw: st.DrawFn) -> Request | Response:
    method = draw(st.sampled_from(["INVITE", "ACK", "BYE", "NEWMETHOD"]) | TOKENS)
    headers = draw(header_lists(method))
    body = draw(st.binary(max_size=60))
    if draw(st.booleans()):
        uri = draw(
            st.sampled_from(["sip:bob@example.com", "sips:[::1]:5061;lr", "tel:+1425", "soap.beep://x"])
        )
        return Request(method, uri, headers, body)
    response = Response(draw(st.integers(100, 699)), "", headers, body)
    response.reason = draw(VALUES)
    return response


@given(messages())
def test_messages_round_trip(message: Request | Response) -> None:
    read = parse(message.to_bytes())
    read.headers.remove("Content-Length")
    assert read == message


@given(messages(), st.data())
def test_layout_does_not_matter(message: Request | Response, data: st.DataObject) -> None:
    """Compact forms, case, folding and spaces change nothing."""
    compact = {"Via": "v", "From": "f", "To": "t", "Call-ID": "i", "Content-Length": "l"}
    lines = message.to_bytes()[: -len(message.body) or None].decode().split("\r\n")
    out = [lines[0]]
    for line in lines[1:-2]:
        name, _, value = line.partition(": ")
        if data.draw(st.booleans()):
            name = compact.get(name, name)
        name = data.draw(st.sampled_from([name, name.upper(), name.lower()]))
        gap = data.draw(st.sampled_from([":", " :", ": ", "\t:\t ", ":\r\n ", " : \r\n\t"]))
        out.append(name + gap + value + data.draw(st.sampled_from(["", " ", "\r\n "])))
    read = parse(b"\r\n\r\n" + "\r\n".join([*out, "", ""]).encode() + message.body)
    assert read == parse(message.to_bytes())


@given(st.binary(max_size=300))
def test_random_bytes_raise_nothing_but_parse_error(data: bytes) -> None:
    for whole in (data, b"INVITE sip:a@b SIP/2.0\r\n" + data + b"\r\n\r\n", raw()[:-2] + data + b"\r\n\r\n"):
        reason = ""
        try:
            parse(whole)
        except ParseError as error:
            reason = str(error)
        assert reason.isprintable()


@given(
    messages(),
    st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=3), st.integers(0, 3)), max_size=4),
)
def test_mutations_raise_nothing_but_parse_error(
    message: Request | Response, changes: list[tuple[int, bytes, int]]
) -> None:
    data = bytearray(message.to_bytes())
    for at, new, drop in changes:
        at %= len(data) + 1
        data[at : at + drop] = new
    broken: Request | None = None
    try:
        read = parse(bytes(data))
        assert read.via.transport
        assert read.from_.uri.scheme
        assert read.to.uri.scheme
        assert read.cseq.number >= 0
        Headers(read.headers)
        read.to_bytes()
    except ParseError as error:
        broken = error.request
    if broken is not None:
        assert reply(broken, 400, to_tag="t").to_bytes().startswith(b"SIP/2.0 400 Bad Request\r\n")


def test_the_typed_headers() -> None:
    request = parse(
        raw(
            Contact="<sip:alice@pc33>;expires=5, sip:x@y",
            Route='"a, b" <sip:p1;lr>,<sip:p2;lr>',
            Content_Type="application/sdp",
            Via="SIP/2.0/TCP a;branch=1, SIP/2.0/UDP b",
        )
    )
    assert isinstance(request, Request)
    assert (request.method, request.uri, request.max_forwards) == ("INVITE", "sip:bob@example.com", 70)
    assert (request.via.transport, request.via.branch) == ("TCP", "1")
    assert (request.from_.tag, request.to.tag, request.to.display_name) == ("1928301774", None, "Bob")
    assert (request.cseq.number, request.cseq.method) == (314159, "INVITE")
    assert request.call_id == "a84b4c76e66710@pc33.example.com"
    assert [contact.uri.user for contact in request.contacts] == ["alice", "x"]
    assert [str(route) for route in request.addresses("Route")] == ['"a, b" <sip:p1;lr>', "<sip:p2;lr>"]
    assert request.content_type is not None
    assert request.content_type.essence == "application/sdp"
    bare = parse(raw(Max_Forwards=None))
    assert (bare.max_forwards, bare.content_type, bare.contacts, bare.contact_is_star) == (
        None,
        None,
        [],
        False,
    )


def test_contact_star_stands_alone() -> None:
    assert parse(raw(Contact="*")).contact_is_star
    assert parse(raw(Contact="*")).contacts == []
    with pytest.raises(ParseError, match="must stand alone"):
        _ = parse(raw(Contact="*, <sip:a@b>")).contacts


def test_typed_access_names_the_header() -> None:
    request = parse(
        raw(Contact="<nonsense>", Record_Route="<sip:a@b", Max_Forwards="many", Content_Type="sdp")
    )
    for name, use in [
        ("Contact", lambda: request.contacts),
        ("Record-Route", lambda: request.addresses("record-route")),
        ("Max-Forwards", lambda: request.max_forwards),
        ("Content-Type", lambda: request.content_type),
        ("Call-ID", lambda: Request("BYE", "sip:a").call_id),
    ]:
        with pytest.raises(ParseError) as caught:
            use()
        assert caught.value.header == name


def test_reasons_and_representations() -> None:
    assert Response(486).reason == "Busy Here"
    assert Response(299).reason == ""
    assert Response(200, "Fine").to_bytes().startswith(b"SIP/2.0 200 Fine\r\n")
    assert "INVITE" in repr(Request("INVITE", "sip:a"))
    assert "486" in repr(Response(486))
    assert Request("A", "sip:a") != Response(200)
    assert Response(200) != Request("A", "sip:a")


@pytest.mark.parametrize(
    "message",
    [
        Request("IN VITE", "sip:a"),
        Request("INVITE", "sip:a b"),
        Request("INVITE", "sip:a\r\nX: y"),
        Request("INVITE", ""),
        Response(200, "OK\r\nX: y"),
        Response(99, "low"),
        Response(700, "high"),
    ],
)
def test_a_start_line_cannot_be_broken(message: Request | Response) -> None:
    with pytest.raises(ValueError, match="cannot send"):
        message.to_bytes()


def test_content_length_is_written_from_the_body() -> None:
    request = Request("INFO", "sip:a", Headers([("l", "9"), ("X-A", "1")]), b"abc")
    assert request.to_bytes() == b"INFO sip:a SIP/2.0\r\nX-A: 1\r\nContent-Length: 3\r\n\r\nabc"


def test_content_length_of_datagrams() -> None:
    assert parse(raw(body=b"all of it")).body == b"all of it"
    assert parse(raw(body=b"abcdef", Content_Length="4")).body == b"abcd"
    assert parse(raw(body=b"abcd", Content_Length="4")).body == b"abcd"
    for value in ("5", "-1", "x", "99999999999999", ""):
        error = refused(raw(body=b"abcd", Content_Length=value))
        assert (error.status, error.header) == (400, "Content-Length")
        assert error.request is not None


@pytest.mark.parametrize(
    ("changes", "header"),
    [
        *(({name.replace("-", "_"): None}, name) for name in ("Via", "From", "To", "Call-ID", "CSeq")),
        ({"CSeq": "1 BYE"}, "CSeq"),
        ({"CSeq": "9999999999 INVITE"}, "CSeq"),
        ({"Via": "nonsense"}, "Via"),
        ({"Via": 'SIP/2.0/UDP a, "'}, "Via"),
        ({"Via": ","}, "Via"),
        ({"From": "<sip:a@b"}, "From"),
        ({"To": "Bell, A <sip:a@b>"}, "To"),
        ({"Call_ID": ""}, "Call-ID"),
        ({"Call_ID": "a b"}, "Call-ID"),
        ({"Call_ID": "a" * 513}, "Call-ID"),
    ],
)
def test_what_every_message_needs(changes: dict[str, str | None], header: str) -> None:
    for start in ("INVITE sip:bob@example.com SIP/2.0", "SIP/2.0 200 OK"):
        if "BYE" in (changes.get("CSeq") or "") and start.startswith("SIP"):
            continue
        error = refused(raw(start, **changes))
        assert (error.status, error.header) == (400, header)
        missing = {name for name, value in changes.items() if value is None}
        answerable = start.startswith("INVITE") and missing.isdisjoint({"Via", "CSeq"})
        assert (error.request is not None) == answerable


@pytest.mark.parametrize(
    "name", ["CSeq", "Call-ID", "From", "To", "Max-Forwards", "Content-Length", "Content-Type"]
)
def test_single_headers_come_once(name: str) -> None:
    line = f"{name}: {BASE.get(name, '0')}\r\n".encode()
    data = raw().replace(b"\r\n", b"\r\n" + line, 1)
    error = refused(data if name in BASE else data.replace(b"\r\n", b"\r\n" + line, 1))
    assert (error.reason, error.header) == ("the header comes twice", name)


@pytest.mark.parametrize(
    ("start", "status"),
    [
        ("INVITE  sip:a@b SIP/2.0", 400),
        ("INVITE sip:a@b  SIP/2.0", 400),
        ("INVITE sip:a@b SIP/2.0 ", 400),
        ("INVITE <sip:a@b> SIP/2.0", 400),
        ("INVITE sip:a b@c SIP/2.0", 400),
        ("INV@ITE sip:a SIP/2.0", 400),
        ("INVITE sip:a", 400),
        ("INVITE", 400),
        ("INVITE sip:a SIP/7.0", 505),
        ("SIP/2.0", 400),
        ("SIP/2.0 99 Low", 400),
        ("SIP/2.0 700 High", 400),
        ("SIP/2.0 4294967301 Overflow", 400),
        ("SIP/3.0 200 OK", 505),
    ],
)
def test_bad_start_lines(start: str, status: int) -> None:
    error = refused(raw(start))
    assert error.status == status
    assert (error.request is not None) == (not start.startswith("SIP"))


def test_the_version_of_via_counts_too() -> None:
    error = refused(raw(Via="SIP/3.0/UDP a;branch=z9hG4bK1"))
    assert (error.status, error.header) == (505, "Via")


def test_start_lines_tolerate_the_case_of_the_version() -> None:
    assert isinstance(parse(raw("INVITE sip:a@b sip/2.0")), Request)
    assert isinstance(parse(raw("sip/2.0 180 Ringing")), Response)
    empty = parse(raw("SIP/2.0 200 "))
    assert isinstance(empty, Response)
    assert empty.reason == ""
    bare = parse(raw("SIP/2.0 200"))
    assert isinstance(bare, Response)
    assert bare.reason == ""


def test_a_broken_ack_is_never_answered() -> None:
    assert refused(raw("ACK sip:a@b SIP/2.0")).request is None


def test_a_broken_request_can_be_answered() -> None:
    error = refused(raw(body=b"", Content_Length="3", To="Bob <sip:bob@example.com"))
    assert error.request is not None
    answer = reply(error.request, error.status, to_tag="us")
    assert answer.status == 400
    assert answer.headers.get("To") == "Bob <sip:bob@example.com"


def test_replies_copy_what_the_rfc_says() -> None:
    request = parse(raw(Timestamp="54", Record_Route="<sip:p;lr>", Via="SIP/2.0/UDP a, SIP/2.0/UDP b"))
    assert isinstance(request, Request)
    ringing = reply(request, 180, to_tag="us")
    assert [name for name, _ in ringing.headers] == ["Via", "To", "From", "Call-ID", "CSeq"]
    assert (ringing.reason, ringing.to.tag, ringing.headers.get("Via")) == (
        "Ringing",
        "us",
        "SIP/2.0/UDP a, SIP/2.0/UDP b",
    )
    assert reply(request, 100).headers.get("Timestamp") == "54"
    assert reply(request, 100).to.tag is None
    tagged = parse(raw(To="<sip:a@b>;tag=them"))
    assert isinstance(tagged, Request)
    assert reply(tagged, 481, "Gone", to_tag="us").to.tag == "them"
    spec = parse(raw(To="sip:a@b"))
    assert isinstance(spec, Request)
    assert reply(spec, 200, to_tag="us").to.tag == "us"


@pytest.mark.parametrize("char", ["\x00", "\x07", "\x7f", "\n", "\r", "\x1b"])
def test_control_characters_are_refused(char: str) -> None:
    assert "control characters" in refused(raw(Subject=f"a{char}b")).reason
    assert "control characters" in refused(raw(f"INVITE sip:a{char}@b SIP/2.0")).reason


def test_bounds() -> None:
    assert refused(b"a" * (grammar.MAX_MESSAGE + 1)).status == 513
    assert refused(raw(X_Big="a" * grammar.MAX_HEAD)).status == 513
    long = refused(raw(X_Big="a" * grammar.MAX_LINE))
    assert "longer than" in long.reason
    assert long.request is not None
    many = refused(raw(**{f"X_{n}": "1" for n in range(grammar.MAX_HEADERS)}))
    assert (many.status, "header lines" in many.reason) == (513, True)
    assert refused(raw(Via=", ".join(["SIP/2.0/UDP a"] * 101))).header == "Via"


@pytest.mark.parametrize("line", ["no colon", ": no name", "bad name: x", "Ünicode: x"])
def test_malformed_header_lines(line: str) -> None:
    error = refused(raw().replace(b"\r\n", f"\r\n{line}\r\n".encode(), 1))
    assert error.request is not None
    assert "X-Broken" not in error.request.headers


def test_the_first_problem_is_reported() -> None:
    error = refused(raw(CSeq="x").replace(b"\r\n", b"\r\nfirst\r\nsecond\r\n", 1))
    assert "first" in error.reason


def test_not_a_message() -> None:
    for data in (b"", b"\r\n\r\n", b"hello", raw()[:-2], b"\x00" * 50):
        assert refused(data).request is None


def test_latin_1_from_old_phones_is_understood() -> None:
    request = parse(raw().replace(b"Alice ", b'"J\xf6rg" '))
    assert request.from_.display_name == "Jörg"
    assert parse(request.to_bytes()).from_.display_name == "Jörg"


@pytest.mark.parametrize("subject", ["a\x80b".encode("latin-1"), "a\x85b\u2028c".encode()])
def test_what_was_read_can_be_written_again(subject: bytes) -> None:
    """Controls beyond ASCII do not survive, so that no peer can make a later write fail."""
    request = parse(raw(Subject="here").replace(b"here", subject))
    for name, value in list(request.headers):
        request.headers.add(name, value)
    assert "\ufffd" in (request.headers.get("Subject") or "")
    assert request.to_bytes().decode().replace("\r\n", "").isprintable()
