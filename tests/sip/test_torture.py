"""The SIP torture tests (RFC 4475): what each message means, field by field, and what is wrong with bad ones.

What a user agent answers to them is in ``test_torture_answers.py``.
"""

from __future__ import annotations

import pytest
from sip.torture_messages import ALL, INVALID, LONG_NAME, SDP

from hookflash.sip.errors import ParseError
from hookflash.sip.headers import NameAddr
from hookflash.sip.message import Request, Response, parse, reply
from hookflash.sip.sdp import SessionDescription
from hookflash.sip.uri import OtherUri, SipUri, parse_uri


def read(name: str) -> Request:
    message = parse(ALL[name])
    assert isinstance(message, Request)
    return message


def heard(name: str) -> Response:
    message = parse(ALL[name])
    assert isinstance(message, Response)
    return message


def sip(name: NameAddr) -> SipUri:
    assert isinstance(name.uri, SipUri)
    return name.uri


# --- odd but valid (section 3.1.1) ------------------------------------------------------------------------


def test_3_1_1_1_a_short_tortuous_invite() -> None:
    message = read("wsinv")
    assert message.uri == "sip:vivekg@chair-dnrc.example.com;unknownparam"
    assert (sip(message.to).user, message.to.tag) == ("vivekg", "1918181833n")
    assert (message.from_.display_name, message.from_.tag) == ('J Rosenberg \\"', "98asjd8")
    assert (message.max_forwards, message.cseq.number, message.cseq.method) == (68, 9, "INVITE")
    assert message.headers.get("Subject") == ""
    assert message.headers.get("newfangledheader") == "newfangled value continued newfangled value"
    assert message.headers.get("UnknownHeaderWithUnusualValue") == ";;,,;;,;"
    assert (message.via.transport, message.via.host, message.via.branch) == ("UDP", "192.0.2.2", "390skdjuw")
    hops = [type(message.via).parse(value) for value in message.headers.all("Via")]
    assert [(hop.transport, hop.host, hop.branch) for hop in hops[1:]] == [
        ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
        ("UDP", "192.168.255.111", "z9hG4bK30239"),
    ]
    (contact,) = message.contacts
    assert (contact.display_name, dict(contact.params)) == (
        'Quoted string ""',
        {"newparam": "newvalue", "secondparam": None, "q": "0.33"},
    )
    (route,) = message.addresses("Route")
    assert sip(route).loose
    assert sip(route).params["unknownwith"] == "value"
    assert message.body == SDP


def test_3_1_1_2_a_wide_range_of_valid_characters() -> None:
    message = read("intmeth")
    assert message.method == message.cseq.method == "!interesting-Method0123456789_*+`.%indeed'~"
    target = SipUri.parse(message.uri)
    assert (target.host, target.password) == ("example.com", "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)")
    assert target.user == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
    assert message.to.display_name == "BEL:x NUL: DEL: "
    assert message.from_.tag == "_token~1'+`*%!-."
    assert message.from_.params["fromparam''~+*_!.-%"] == '"\\"\\\\"'
    assert message.via.branch == "z9hG4bK-.!%66*_+`'~"
    assert message.call_id == "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"
    assert (message.cseq.number, message.max_forwards) == (139122385, 255)
    assert message.headers.get("extensionHeader-!.%*+_`'~") == "\ufeff大停電"


def test_3_1_1_3_escapes_make_no_difference() -> None:
    message = read("esc01")
    target = SipUri.parse(message.uri)
    assert (target.user, target.host) == ("sips:user@example.com", "example.net")
    assert message.to.uri.matches(SipUri.parse("sip:user@example.com"))
    assert message.from_.uri.user == "I have spaces"
    (contact,) = message.contacts
    assert contact.uri.user == "caller"
    # Unescaped once: what is left is not read a second time.
    assert dict(sip(contact).params) == {"lr": None, "name": "value%41"}


def test_3_1_1_4_escaped_nulls_in_uris() -> None:
    message = read("escnull")
    assert message.to.uri.user == "null-\0-null"
    assert str(message.to.uri) == "sip:null-%00-null@example.com"
    one, two = message.contacts
    assert (one.uri.user, two.uri.user) == ("\0", "\0\0")
    assert not one.uri.matches(two.uri)


def test_3_1_1_5_a_percent_that_is_no_escape() -> None:
    message = read("esc02")
    assert message.method == "RE%47IST%45R"
    assert message.to.display_name == "%Z%45"
    assert message.via.branch == "z9hG4bK209%fzsnel234"
    assert [contact.uri.user for contact in message.contacts] == ["alias1", "alias3"]


def test_3_1_1_6_no_space_between_name_and_address() -> None:
    assert read("lwsdisp").from_ == NameAddr("caller", SipUri("sip", "caller", "example.com"), {"tag": "323"})


def test_3_1_1_7_long_values() -> None:
    message = read("longreq")
    assert message.to.display_name == LONG_NAME
    assert sip(message.to).port == 6000
    assert message.from_.tag == "12" + "982" * 50 + "424"
    assert len(message.headers.all("Via")) == 33
    assert (message.via.host, message.via.branch) == ("sip33.example.com", None)
    last = type(message.via).parse(message.headers.all("Via")[-1])
    assert (last.host, last.received, last.branch) == (
        "sip1.example.com",
        "192.0.2.5",
        "verylong" + "branch" * 50,
    )
    assert message.contacts[0].uri.user == "amazinglylongcallername" * 5
    assert message.body == SDP


def test_3_1_1_8_octets_after_the_message() -> None:
    message = read("dblreq")
    assert (message.method, message.body) == ("REGISTER", b"")
    assert message.call_id == "dblreq.0ha0isndaksdj99sdfafnl3lk233412"


def test_3_1_1_9_a_semicolon_in_the_user_part() -> None:
    message = read("semiuri")
    uri = SipUri.parse(message.uri)
    assert (uri.user, dict(uri.params)) == ("user;par=u@example.net", {})
    assert len(message.headers.all("Accept")) == 6


def test_3_1_1_10_transports_of_every_kind() -> None:
    message = read("transports")
    hops = [type(message.via).parse(value) for value in message.headers.all("Via")]
    assert [hop.transport for hop in hops] == ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]
    assert message.call_id == "transports.kijh4akdnaqjkwendsasfdj"


def test_3_1_1_11_a_body_of_several_parts() -> None:
    message = read("mpart01")
    kind = message.content_type
    assert kind is not None
    assert (kind.essence, kind.params["boundary"]) == ("multipart/mixed", "7a9cbec02ceef655")
    assert bytes(range(256)) in message.body
    assert message.body.endswith(b"--7a9cbec02ceef655--\r\n")
    assert message.headers.get("Identity-Info") == "<https://example.org/cert.cer>"
    assert parse(message.to_bytes()).body == message.body


def test_3_1_1_12_an_unusual_reason_phrase() -> None:
    message = heard("unreason")
    assert (message.status, message.reason) == (200, "= 2**3 * 5**2 но сто девяносто девять - простое")
    assert message.to_bytes().startswith(ALL["unreason"].partition(b"\r\n")[0] + b"\r\n")
    assert SessionDescription.parse(message.body).media[0].port == 49217


def test_3_1_1_13_an_empty_reason_phrase() -> None:
    message = heard("noreason")
    assert (message.status, message.reason, message.cseq.number) == (100, "", 35)
    assert message.to_bytes().startswith(b"SIP/2.0 100 \r\n")


# --- invalid (section 3.1.2) ------------------------------------------------------------------------------

REFUSED = {
    "badinv01": (400, "Via"),
    "clerr": (400, "Content-Length"),
    "ncl": (400, "Content-Length"),
    "scalar02": (400, "CSeq"),
    "quotbal": (400, "To"),
    "ltgtruri": (400, ""),
    "lwsruri": (400, ""),
    "lwsstart": (400, ""),
    "trws": (400, ""),
    "baddn": (400, "From"),
    "badvers": (505, ""),
    "mismatch01": (400, "CSeq"),
    "mismatch02": (400, "CSeq"),
    "insuf": (400, "From"),
    "multi01": (400, "CSeq"),
    "mcl01": (400, "Content-Length"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_breaks_the_grammar_is_refused_and_can_be_answered(name: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(ALL[name])
    error = caught.value
    assert (error.status, error.header) == REFUSED[name]
    assert error.request is not None
    answer = reply(error.request, error.status, to_tag="here").to_bytes()
    assert answer.startswith(b"SIP/2.0 %d " % error.status)
    assert answer.endswith(b"\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("name", ["scalarlg", "bigcode"])
def test_responses_out_of_range_are_dropped(name: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(INVALID[name])
    assert caught.value.request is None


def test_3_1_2_4_numbers_out_of_range_are_not_taken_from_any_header() -> None:
    message = parse(ALL["scalar02"].replace(b"36893488147419103232", b"7"))
    with pytest.raises(ParseError) as caught:
        _ = message.max_forwards
    assert (caught.value.status, caught.value.header) == (400, "Max-Forwards")


def test_3_1_2_11_headers_in_the_request_uri_stay_in_it() -> None:
    message = read("escruri")
    assert "Route" not in message.headers
    assert SipUri.parse(message.uri).headers == (("Route", "<sip:example.com>"),)


def test_3_1_2_12_an_invalid_time_zone_in_date_is_carried() -> None:
    assert read("baddate").headers.all("Date") == ["Fri, 01 Jan 2010 16:00:00 EST"]


def test_3_1_2_13_a_contact_with_uri_headers_but_no_brackets() -> None:
    message = read("regbadct")
    with pytest.raises(ParseError) as caught:
        _ = message.contacts
    assert (caught.value.status, caught.value.header) == (400, "Contact")


def test_3_1_2_14_spaces_within_the_brackets_are_passed_over() -> None:
    message = read("badaspec")
    assert message.to == NameAddr("Watson, Thomas", SipUri("sip", "t.watson", "example.org"))


# --- transactions and applications (sections 3.2, 3.3) ----------------------------------------------------


def test_3_2_1_a_branch_that_is_only_the_cookie() -> None:
    assert read("badbranch").via.branch == "z9hG4bK"


@pytest.mark.parametrize("name", ["unkscm", "novelsc"])
def test_3_3_2_and_3_3_3_unknown_schemes_in_the_request_uri(name: str) -> None:
    message = read(name)
    assert isinstance(parse_uri(message.uri), OtherUri)
    with pytest.raises(ParseError) as caught:
        SipUri.parse(message.uri)
    assert caught.value.status == 416


def test_3_3_4_unknown_schemes_in_headers() -> None:
    message = read("unksm2")
    assert [str(message.to.uri), str(message.from_.uri), str(message.contacts[0].uri)] == [
        "isbn:2983792873",
        "http://www.example.com",
        "name:John_Smith",
    ]


def test_3_3_5_unknown_option_tags_are_all_seen() -> None:
    message = read("bext01")
    assert message.headers.all("Require") == ["nothingSupportsThis", "nothingSupportsThisEither"]
    assert message.headers.tokens("Proxy-Require") == {"noproxiessupportthis", "nordoanyproxiessupportthis"}


def test_3_3_6_an_unknown_content_type() -> None:
    kind = read("invut").content_type
    assert kind is not None
    assert kind.essence == "application/unknownformat"


def test_3_3_7_an_unknown_authorization_scheme_is_carried() -> None:
    assert read("regaut01").headers.all("Authorization") == ["NoOneKnowsThisScheme opaque-data=here"]


def test_3_3_10_a_response_with_two_vias_was_passed_on() -> None:
    assert heard("bcast").passed_on
    assert not heard("unreason").passed_on


def test_3_3_11_no_hops_left() -> None:
    assert read("zeromf").max_forwards == 0


def test_3_3_12_to_3_3_14_parameters_and_headers_of_contacts() -> None:
    (outside,) = read("cparam01").contacts
    (inside,) = read("cparam02").contacts
    (escaped,) = read("regescrt").contacts
    assert (dict(outside.params), dict(sip(outside).params)) == ({"unknownparam": None}, {})
    assert (dict(inside.params), dict(sip(inside).params)) == ({}, {"unknownparam": None})
    assert sip(escaped).headers == (("Route", "<sip:sip.example.com>"),)


def test_3_3_15_an_accept_without_session_descriptions() -> None:
    assert read("sdp01").headers.all("Accept") == ["text/nobodyKnowsThis"]


# --- backward compatibility (section 3.4) -----------------------------------------------------------------


def test_3_4_1_an_invite_of_rfc_2543() -> None:
    message = read("inv2543")
    assert (message.via.branch, message.from_.tag, message.max_forwards) == (None, None, None)
    assert message.body == SDP
    assert dict(message.to.params) == {"user": "phone"}
    (route,) = message.addresses("Record-Route")
    assert not sip(route).loose
    assert sip(route).params["maddr"] == "ss1.example.com"
