"""The ideas of the SIP torture tests (RFC 4475), rebuilt as messages of our own.

Each case names the section it follows. A message that is malformed has to be refused with a status that says
so, and when it is a request, with enough of it left to be answered; one that only looks odd has to be read.
"""

from __future__ import annotations

import pytest

from hookflash.sip.errors import ParseError
from hookflash.sip.headers import NameAddr
from hookflash.sip.message import Request, Response, parse, reply
from hookflash.sip.uri import OtherUri, SipUri, parse_uri


def crlf(text: str, body: bytes = b"") -> bytes:
    return text.replace("\n", "\r\n").encode() + b"\r\n" + body


def request(
    start: str = "OPTIONS sip:user@example.com SIP/2.0", extra: str = "", body: bytes = b"", **headers: str
) -> bytes:
    """A plain request with ``headers`` put in the place of its own and the lines of ``extra`` at the end."""
    method = start.partition(" ")[0]
    values = {
        "To": "sip:user@example.com",
        "From": "<sip:caller@example.net>;tag=323",
        "Max-Forwards": "70",
        "Call-ID": "torture.1234@example.com",
        "CSeq": f"60 {method}",
        "Via": "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKkdjuw",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return crlf(start + "\n" + "".join(f"{n}: {v}\n" for n, v in values.items()) + extra, body)


def read(data: bytes) -> Request:
    message = parse(data)
    assert isinstance(message, Request)
    return message


def refused(data: bytes) -> ParseError:
    with pytest.raises(ParseError) as caught:
        parse(data)
    return caught.value


# --- odd but valid (section 3.1.1) ------------------------------------------------------------------------


def test_3_1_1_1_a_short_tortuous_invite() -> None:
    message = read(
        crlf(
            """INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0
TO :
 sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n
from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>
  ;
  tag = 98asjd8
MaX-fOrWaRdS: 0068
Call-ID: wsinv.ndaksdj@192.0.2.1
Content-Length   : 3
cseq: 0009
  INVITE
Via  : SIP  /   2.0
 /UDP
    192.0.2.2;branch=390skdjuw
s :
NewFangledHeader:   newfangled value
 continued newfangled value
UnknownHeaderWithUnusualValue: ;;,,;;,;
Content-Type: application/sdp
Route:
 <sip:services.example.com;lr;unknownwith=value;unknown-no-value>
v:  SIP  / 2.0  / TCP     spindle.example.com   ;
  branch  =   z9hG4bK9ikj8  ,
 SIP  /    2.0   / UDP  192.168.255.111   ; branch=
 z9hG4bK30239
m:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam =
      newvalue ;
  secondparam ; q = 0.33
""",
            b"v=0",
        )
    )
    assert message.to.tag == "1918181833n"
    assert (message.from_.display_name, message.from_.tag) == ('J Rosenberg \\"', "98asjd8")
    assert (message.max_forwards, message.cseq.number, message.cseq.method) == (68, 9, "INVITE")
    assert message.headers.get("Subject") == ""
    assert message.headers.get("newfangledheader") == "newfangled value continued newfangled value"
    assert message.headers.get("UnknownHeaderWithUnusualValue") == ";;,,;;,;"
    assert len(message.headers.all("Via")) == 3
    assert message.via.branch == "390skdjuw"
    (contact,) = message.contacts
    assert (contact.display_name, contact.params["q"], contact.params["secondparam"]) == (
        'Quoted string ""',
        "0.33",
        None,
    )
    (route,) = message.addresses("Route")
    assert isinstance(route.uri, SipUri)
    assert route.uri.loose
    assert message.body == b"v=0"


def test_3_1_1_2_a_wide_range_of_valid_characters() -> None:
    method = "!interesting-Method0123456789_*+`.%indeed'~"
    password = "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    uri = f"sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:{password}@example.com"
    message = read(
        request(
            f"{method} {uri} SIP/2.0",
            "extensionHeader-!.%*+_`'~: \ufeff大停電\n",
            Call_ID="intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{",
            CSeq=f"139122385 {method}",
            To='"BEL:\\x NUL:\\ DEL:" <sip:1_unusual@example.com>',
        )
    )
    assert message.method == message.cseq.method == method
    target = SipUri.parse(message.uri)
    assert (target.host, target.password) == ("example.com", password)
    assert message.call_id.startswith("intmeth.word%ZK")


def test_3_1_1_3_escapes_make_no_difference() -> None:
    message = read(
        request(
            "INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0",
            To="sip:%75se%72@example.com",
            From="<sip:I%20have%20spaces@example.net>;tag=938",
        )
    )
    assert SipUri.parse(message.uri).user == "sips:user@example.com"
    assert message.to.uri.matches(SipUri.parse("sip:user@example.com"))
    assert message.from_.uri.user == "I have spaces"


def test_3_1_1_4_escaped_nulls_in_uris() -> None:
    message = read(
        request(
            "REGISTER sip:example.com SIP/2.0",
            "Contact: <sip:%00@host5.example.com>\nContact: <sip:%00%00@host5.example.com>\n",
            To="sip:null-%00-null@example.com",
        )
    )
    assert message.to.uri.user == "null-\0-null"
    assert str(message.to.uri) == "sip:null-%00-null@example.com"
    one, two = message.contacts
    assert not one.uri.matches(two.uri)


def test_3_1_1_5_a_percent_that_is_no_escape() -> None:
    """In a method or a header name "%" is a character like others."""
    message = read(request("RE%47IST%45R sip:registrar.example.com SIP/2.0", "Cont%61ct: <sip:a@b>\n"))
    assert message.method == "RE%47IST%45R"
    assert message.contacts == []


def test_3_1_1_6_no_space_between_name_and_address() -> None:
    message = read(request(From="caller<sip:caller@example.com>;tag=323"))
    assert message.from_ == NameAddr("caller", SipUri("sip", "caller", "example.com"), {"tag": "323"})


def test_3_1_1_7_long_values() -> None:
    name, tag = "I have a user name of extraordinary " + "length " * 30, "longtag" * 40
    hops = ", ".join(f"SIP/2.0/TCP sip{n}.example.com;branch=z9hG4bK{'v' * n}" for n in range(34))
    message = read(
        request(
            "INVITE sip:user@example.com SIP/2.0",
            f"Unknown-{'Long' * 20}: {'value' * 50}; {'parameter' * 20}=x\n",
            To=f'"{name}" <sip:user@example.com:6000;{"unknown" * 20}=v>',
            From=f"sip:{'amazinglylongcallername' * 5}@example.net;tag={tag}",
            Via=hops,
        )
    )
    assert (message.to.display_name, message.from_.tag, len(message.headers.all("Via"))) == (name, tag, 34)


def test_3_1_1_8_bytes_after_the_message() -> None:
    data = request("REGISTER sip:example.com SIP/2.0", "l: 0\n") + request(
        "INVITE sip:joe@example.com SIP/2.0"
    )
    message = read(data)
    assert (message.method, message.body) == ("REGISTER", b"")


def test_3_1_1_9_a_semicolon_in_the_user_part() -> None:
    message = read(request("OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0"))
    uri = SipUri.parse(message.uri)
    assert (uri.user, dict(uri.params)) == ("user;par=u@example.net", {})


def test_3_1_1_10_transports_of_every_kind() -> None:
    kinds = ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]
    message = read(
        request(Via=", ".join(f"SIP/2.0/{kind} t{n};branch=z9hG4bK{n}" for n, kind in enumerate(kinds)))
    )
    assert [value.split(" ")[0] for value in message.headers.all("Via")] == [
        f"SIP/2.0/{kind}" for kind in kinds
    ]


def test_3_1_1_12_an_unusual_reason_phrase() -> None:
    message = parse(
        request().replace(
            b"OPTIONS sip:user@example.com SIP/2.0", "SIP/2.0 200 = 2**3 * 5**2 но сто".encode()
        )
    )
    assert isinstance(message, Response)
    assert message.reason == "= 2**3 * 5**2 но сто"


def test_3_1_1_13_an_empty_reason_phrase() -> None:
    message = parse(request().replace(b"OPTIONS sip:user@example.com SIP/2.0", b"SIP/2.0 100 "))
    assert isinstance(message, Response)
    assert (message.status, message.reason) == (100, "")


# --- invalid (section 3.1.2) ------------------------------------------------------------------------------

INVALID = {
    "3.1.2.1 separators without values": (request(Via="SIP/2.0/UDP 192.0.2.15;;,;,,"), "Via"),
    "3.1.2.2 Content-Length larger than the body": (
        request(extra="Content-Length: 9999\n"),
        "Content-Length",
    ),
    "3.1.2.3 negative Content-Length": (request(extra="Content-Length: -999\n"), "Content-Length"),
    "3.1.2.4 overlarge CSeq": (request(CSeq="36893488147419103232 OPTIONS"), "CSeq"),
    "3.1.2.6 unterminated quoted string": (request(To='"Mr. J. User <sip:j.user@example.com>'), "To"),
    "3.1.2.7 angle brackets around the Request-URI": (request("INVITE <sip:user@example.com> SIP/2.0"), ""),
    "3.1.2.8 space inside the Request-URI": (request("INVITE sip:user@example.com; lr SIP/2.0"), ""),
    "3.1.2.9 spaces between the parts of the start line": (
        request("INVITE  sip:user@example.com  SIP/2.0"),
        "",
    ),
    "3.1.2.10 space after the start line": (request("OPTIONS sip:user@example.com SIP/2.0  "), ""),
    "3.1.2.14 unclosed bracket around an address": (request(From="<sip:user@example.com;tag=1"), "From"),
    "3.1.2.15 a comma in a bare display name": (
        request(From="Bell, Alexander <sip:a.g.bell@example.com>;tag=43"),
        "From",
    ),
    "3.1.2.17 method and CSeq differ": (request(CSeq="8 INVITE"), "CSeq"),
    "3.1.2.18 unknown method and CSeq differ": (
        request("NEWMETHOD sip:a@example.com SIP/2.0", CSeq="8 INVITE"),
        "CSeq",
    ),
    "3.3.9 several values where one is allowed": (
        request(extra="To: sip:other@example.com\nCSeq: 5 OPTIONS\n"),
        "To",
    ),
}


@pytest.mark.parametrize(("data", "header"), INVALID.values(), ids=INVALID)
def test_invalid_messages_are_refused_and_answered(data: bytes, header: str) -> None:
    error = refused(data)
    assert (error.status, error.header) == (400, header)
    assert error.request is not None
    answer = reply(error.request, error.status, to_tag="here").to_bytes()
    assert answer.startswith(b"SIP/2.0 400 Bad Request\r\n")
    assert b"Call-ID: torture.1234@example.com" in answer


def test_3_1_2_5_scalar_fields_out_of_range_in_a_response() -> None:
    data = request(CSeq="9292394834772304023312 OPTIONS").replace(
        b"OPTIONS sip:user@example.com SIP/2.0", b"SIP/2.0 503 Busy"
    )
    assert refused(data).request is None


def test_3_1_2_11_escaped_headers_in_the_request_uri_stay_in_it() -> None:
    """Nothing in a URI can become a header of the message."""
    message = read(request("INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0"))
    assert "Route" not in message.headers
    assert SipUri.parse(message.uri).headers == (("Route", "<sip:example.com>"),)


def test_3_1_2_12_an_invalid_time_zone_in_date_is_carried() -> None:
    assert read(request(extra="Date: Fri, 01 Jan 2010 16:00:00 EST\n")).headers.all("Date") == [
        "Fri, 01 Jan 2010 16:00:00 EST"
    ]


def test_3_1_2_13_a_contact_with_uri_parameters_but_no_brackets() -> None:
    """The question mark of a URI needs brackets around it in a header."""
    message = read(
        request(
            "REGISTER sip:example.com SIP/2.0",
            "Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E\n",
        )
    )
    with pytest.raises(ParseError) as caught:
        _ = message.contacts
    assert (caught.value.status, caught.value.header) == (400, "Contact")


def test_3_1_2_16_an_unknown_protocol_version() -> None:
    error = refused(
        request("OPTIONS sip:t1@example.com SIP/7.0", Via="SIP/7.0/UDP c.example.com;branch=z9hG4bKkdjuw")
    )
    assert error.status == 505
    assert error.request is not None
    assert reply(error.request, 505).status == 505


def test_3_1_2_19_an_overlarge_status_code() -> None:
    assert (
        refused(
            request().replace(b"OPTIONS sip:user@example.com SIP/2.0", b"SIP/2.0 4294967301 better")
        ).request
        is None
    )


# --- transaction and application layer (sections 3.2, 3.3) ------------------------------------------------


def test_3_2_1_a_branch_that_is_only_the_cookie() -> None:
    assert read(request(Via="SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK")).via.branch == "z9hG4bK"


def test_3_3_1_required_headers_missing() -> None:
    error = refused(
        crlf("INVITE sip:u@example.com SIP/2.0\nCSeq: 1 INVITE\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\n")
    )
    assert error.reason == "the header is missing"
    assert error.request is not None


@pytest.mark.parametrize(
    "uri", ["nobodyKnowsThisScheme:totallyopaquecontent", "soap.beep://192.0.2.103:3002"]
)
def test_3_3_2_and_3_3_3_unknown_schemes_in_the_request_uri(uri: str) -> None:
    message = read(request(f"OPTIONS {uri} SIP/2.0"))
    assert isinstance(parse_uri(message.uri), OtherUri)
    with pytest.raises(ParseError) as caught:
        SipUri.parse(message.uri)
    assert caught.value.status == 416


def test_3_3_4_unknown_schemes_in_headers() -> None:
    message = read(
        request(
            "REGISTER sip:example.com SIP/2.0",
            "Contact: <name:John_Smith>\n",
            To="isbn:2983792873",
            From="<http://www.example.com>;tag=3234233",
        )
    )
    assert [message.to.uri.scheme, message.from_.uri.scheme, message.contacts[0].uri.scheme] == [
        "isbn",
        "http",
        "name",
    ]


def test_3_3_8_unknown_option_tags_are_all_seen() -> None:
    message = read(request(extra="Require: nothingSupportsThis, nothingSupportsThisEither\n"))
    assert message.headers.tokens("Require") == {"nothingsupportsthis", "nothingsupportsthiseither"}


def test_3_3_15_an_unacceptable_accept_and_no_content_type() -> None:
    message = read(request(extra="Accept: text/nobodyKnowsThis\n", body=b"unknown"))
    assert message.content_type is None
    assert message.headers.all("Accept") == ["text/nobodyKnowsThis"]


# --- backward compatibility (section 3.4) -----------------------------------------------------------------


def test_3_4_1_an_invite_of_rfc_2543() -> None:
    message = read(
        crlf(
            "INVITE sip:UserB@example.com SIP/2.0\nVia: SIP/2.0/UDP iftgw.example.com\n"
            "From: <sip:+13035551111@ift.client.example.net;user=phone>\n"
            "Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>\n"
            "To: sip:+16505552222@ss1.example.net;user=phone\n"
            "Call-ID: inv2543.1717@ift.client.example.com\nCSeq: 56 INVITE\nContent-Type: application/sdp\n",
            b"v=0\r\n",
        )
    )
    assert (message.via.branch, message.from_.tag, message.max_forwards) == (None, None, None)
    assert message.body == b"v=0\r\n"
    assert message.to.params == {"user": "phone"}
