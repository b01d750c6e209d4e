"""The 49 messages of RFC 4475 as data, by their names there, with the oddity each of them is about.

A message is written with plain line ends; ``crlf`` makes it what goes over the wire. Bodies are given apart,
their Content-Length stands in the message as the RFC has it wherever it matters.
"""

from __future__ import annotations

SDP = (
    b"v=0\r\no=mhandley 29739 7272939 IN IP4 192.0.2.3\r\ns=-\r\nc=IN IP4 192.0.2.4\r\nt=0 0\r\n"
    b"m=audio 49217 RTP/AVP 0 12\r\nm=video 3227 RTP/AVP 31\r\na=rtpmap:31 LPC\r\n"
)


def crlf(head: str, body: bytes = b"", length: bool = True) -> bytes:
    """A message as it goes over the wire; ``{length}`` in its head is the length of ``body``."""
    text = head.strip("\n").replace("{length}", str(len(body))) if length else head.strip("\n")
    return text.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body


LONG_NAME = "I have a user name of extraordinary proportion " + "extra " * 40
LONG_HOST = "sip.host." + "a" * 40 + ".example.com"

VALID: dict[str, bytes] = {
    # Folding, spaces in odd places, compact names, empty values, an old branch, commas in a display name.
    "wsinv": crlf(
        """
INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0
TO :
 sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n
from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>
  ;
  tag = 98asjd8
MaX-fOrWaRdS: 0068
Call-ID: wsinv.ndaksdj@192.0.2.1
Content-Length   : {length}
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
        SDP,
    ),
    # Every character a method, a user part, a password, a Call-ID, a header name and a quoted name may have.
    "intmeth": crlf(
        """
!interesting-Method0123456789_*+`.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0
Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~
To: "BEL:\\x NUL:\\ DEL:\\ " <sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com>
From: token1~` token2'+_ token3*%!.- <sip:mundane@example.com>;fromParam''~+*_!.-%="\\"\\\\";tag=_token~1'+`*%!-.
Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/"][?}{
CSeq: 139122385 !interesting-Method0123456789_*+`.%indeed'~
Max-Forwards: 255
extensionHeader-!.%*+_`'~: \ufeff大停電
Content-Length: 0
"""  # noqa: E501
    ),
    # Escapes in user parts and parameters; "%" counts for nothing beside them.
    "esc01": crlf(
        """
INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0
To: sip:%75se%72@example.com
From: <sip:I%20have%20spaces@example.net>;tag=938
Max-Forwards: 87
i: esc01.239409asdfakjkn23onasd0-3234
CSeq: 234234 INVITE
Via: SIP/2.0/UDP host5.example.net;branch=z9hG4bKkdjuw
C: application/sdp
Contact:
  <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>
Content-Length: {length}
""",
        SDP,
    ),
    # Escaped NULs are part of a name, and do not end it.
    "escnull": crlf(
        """
REGISTER sip:example.com SIP/2.0
To: sip:null-%00-null@example.com
From: sip:null-%00-null@example.com;tag=839923423
Max-Forwards: 70
Call-ID: escnull.39203ndfvkjdasfkq3w4otrq0adsfdfnavd
CSeq: 14398234 REGISTER
Via: SIP/2.0/UDP host5.example.com;branch=z9hG4bKkdjuw
Contact: <sip:%00@host5.example.com>
Contact: <sip:%00%00@host5.example.com>
L:0
"""
    ),
    # In a method, a header name and a display name "%" is a character like others.
    "esc02": crlf(
        """
RE%47IST%45R sip:registrar.example.com SIP/2.0
To: "%Z%45" <sip:resource@example.com>
From: "%Z%45" <sip:resource@example.com>;tag=f232jadfj23
Call-ID: esc02.asdfnqwo34rq23i34jrjasdcnl23nrlknsdf
Via: SIP/2.0/TCP host.example.com;branch=z9hG4bK209%fzsnel234
CSeq: 29344 RE%47IST%45R
Max-Forwards: 70
Contact: <sip:alias1@host1.example.com>
C%6Fntact: <sip:alias2@host2.example.com>
Contact: <sip:alias3@host3.example.com>
l: 0
"""
    ),
    # Nothing between a display name and its bracket.
    "lwsdisp": crlf(
        """
OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: caller<sip:caller@example.com>;tag=323
Max-Forwards: 70
Call-ID: lwsdisp.1234abcd@funky.example.com
CSeq: 60 OPTIONS
Via: SIP/2.0/UDP funky.example.com;branch=z9hG4bKkdjuw
l: 0
"""
    ),
    "longreq": crlf(
        f"""
INVITE sip:user@example.com SIP/2.0
To: "{LONG_NAME}" <sip:user@example.com:6000;unknownparam1=very{"long" * 20}value;longparam{"name" * 25}=shortvalue;very{"long" * 25}ParameterNameWithNoValue>
F: sip:{"amazinglylongcallername" * 5}@example.net;tag=12{"982" * 50}424;unknownheaderparam{"name" * 20}=unknowheaderparam{"value" * 15};unknownValueless{"paramname" * 10}
Call-ID: longreq.one{"really" * 20}longcallid
CSeq: 3882340 INVITE
Unknown-{"Long" * 20}-Name: unknown-{"long" * 20}-value; unknown-{"long" * 20}-parameter-name = unknown-{"long" * 20}-parameter-value
Via: SIP/2.0/TCP sip33.example.com
v: SIP/2.0/TCP sip32.example.com
V: SIP/2.0/TCP sip31.example.com
Via: SIP/2.0/TCP sip30.example.com
{"".join(f"ViA: SIP/2.0/TCP sip{n}.example.com" + chr(10) for n in range(29, 1, -1))}VIa: SIP/2.0/TCP sip1.example.com ;received=192.0.2.5;branch=verylong{"branch" * 50}
Max-Forwards: 70
Contact: <sip:{"amazinglylongcallername" * 5}@host5.example.net>
Content-Type: application/sdp
l: {{length}}
""",  # noqa: E501
        SDP,
    ),
    # The octets after a message in a datagram are not part of it, whatever they look like.
    "dblreq": crlf(
        """
REGISTER sip:example.com SIP/2.0
To: sip:j.user@example.com
From: sip:j.user@example.com;tag=43251j3j324
Max-Forwards: 8
I: dblreq.0ha0isndaksdj99sdfafnl3lk233412
Contact: sip:j.user@host.example.com
CSeq: 8 REGISTER
Via: SIP/2.0/UDP 192.0.2.125;branch=z9hG4bKkdjuw23492
Content-Length: 0


INVITE sip:joe@example.com SIP/2.0
t: sip:joe@example.com
From: sip:caller@example.net;tag=141334
Max-Forwards: 8
Call-ID: dblreq.0ha0isnda977644900765@192.0.2.15
CSeq: 8 INVITE
Via: SIP/2.0/UDP 192.0.2.15;branch=z9hG4bKkdjuw380234
Content-Type: application/sdp
Content-Length: {length}
""",
        SDP,
    ),
    # A semicolon before the "@" is part of the user, not the beginning of parameters.
    "semiuri": crlf(
        """
OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0
To: sip:j_user@example.com
From: sip:caller@example.org;tag=33242
Max-Forwards: 3
Call-ID: semiuri.0ha0isndaksdj
CSeq: 8 OPTIONS
Accept: application/sdp, application/pkcs7-mime,
        multipart/mixed, multipart/signed,
        message/sip, message/sipfrag
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKkdjuw
l: 0
"""
    ),
    "transports": crlf(
        """
OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: <sip:caller@example.com>;tag=323
Max-Forwards: 70
Call-ID:  transports.kijh4akdnaqjkwendsasfdj
Accept: application/sdp
CSeq: 60 OPTIONS
Via: SIP/2.0/UDP t1.example.com;branch=z9hG4bKkdjuw
Via: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKklasjdhf
Via: SIP/2.0/TLS t3.example.com;branch=z9hG4bK2980unddj
Via: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKasd0f3en
Via: SIP/2.0/TCP t5.example.com;branch=z9hG4bK0a9idfnee
l: 0
"""
    ),
    # A body of several parts, one of them octets of any value: nothing in it is looked at as text.
    "mpart01": crlf(
        """
MESSAGE sip:kumiko@example.org SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK-d87543-4dade06d0bdb11ee-1--d87543-;rport
Max-Forwards: 70
Route: <sip:127.0.0.1:5080>
Identity: r5mwreLuyDRYBi/0TiPwEsY3rEVsk/G2WxhgTV1PF7hHuLIK0YWVKZhKv9Mj8UeXqkMVbnVq37CD+813gvYjcBUaZngQmXc9WNZSDNGCzA==
Identity-Info: <https://example.org/cert.cer>
To: <sip:kumiko@example.org>
From: <sip:fluffy@example.com>;tag=5Iyi0ZmS
Call-ID: 3d9485ad0c49859b@Zmx1ZmZ5LW1hYy0xNi5sb2NhbA..
CSeq: 1 MESSAGE
Content-Transfer-Encoding: binary
Content-Type: multipart/mixed;boundary=7a9cbec02ceef655
Date: Sat, 15 Oct 2005 04:44:56 GMT
User-Agent: SIPimp.org/0.2.5 (curses)
Content-Length: {length}
""",  # noqa: E501
        b"--7a9cbec02ceef655\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        b"Hello\r\n--7a9cbec02ceef655\r\nContent-Type: application/octet-stream\r\n"
        b"Content-Transfer-Encoding: binary\r\n\r\n" + bytes(range(256)) + b"\r\n--7a9cbec02ceef655--\r\n",
    ),
    "unreason": crlf(
        """
SIP/2.0 200 = 2**3 * 5**2 но сто девяносто девять - простое
Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923
Call-ID: unreason.1234ksdfak3j2erwedfsASdf
CSeq: 35 INVITE
From: sip:user@example.com;tag=11141343
To: sip:user@example.edu;tag=2229
Content-Length: {length}
Content-Type: application/sdp
Contact: <sip:user@host198.example.com>
""",
        SDP,
    ),
    "noreason": crlf(
        """
SIP/2.0 100\x20
Via: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398ndaoe
Call-ID: noreason.asndj203insdf99223ndf
CSeq: 35 INVITE
From: <sip:user@example.com>;tag=39ansfi3
To: <sip:user@example.edu>;tag=902jndnke3
Content-Length: 0
Contact: <sip:user@host105.example.com>
"""
    ),
}
"""Section 3.1.1: odd, and right."""

_INVITE = """
Max-Forwards: 70
To: sip:user@example.com
From: sip:caller@example.net;tag=3919234
Call-ID: {name}.23o0pd9vanlq3wnrlnewofjas9ui32
CSeq: 8 {method}
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKkdjuw
Contact: <sip:caller@host5.example.net>
Content-Type: application/sdp
Content-Length: {length}
"""


def _plain(name: str, start: str, method: str = "INVITE", **instead: str) -> bytes:
    """An ordinary request but for its start line, and ``instead`` of some of its headers."""
    lines = _INVITE.replace("{name}", name).replace("{method}", method).strip("\n").split("\n")
    for header, value in instead.items():
        label = header.replace("_", "-")
        lines = [line for line in lines if not line.startswith(f"{label}:")] + [f"{label}: {value}"]
    return crlf("\n".join([start, *lines]), SDP)


INVALID: dict[str, bytes] = {
    # Separators of parameters without any, and a Contact whose bracket is empty.
    "badinv01": crlf(
        """
INVITE sip:user@example.com SIP/2.0
To: sip:j.user@example.com
From: sip:caller@example.net;tag=134161461246
Max-Forwards: 7
Call-ID: badinv01.0ha0isndaksdjasdf3234nas
CSeq: 8 INVITE
Via: SIP/2.0/UDP 192.0.2.15;;,;,,
Contact: "Joe" <sip:joe@example.org>;;;;
Content-Length: {length}
Content-Type: application/sdp
""",
        SDP,
    ),
    "clerr": _plain("clerr", "INVITE sip:user@example.com SIP/2.0", Content_Length="9999"),
    "ncl": _plain("ncl", "INVITE sip:user@example.com SIP/2.0", Content_Length="-999"),
    "scalar02": crlf(
        f"""
REGISTER sip:example.com SIP/2.0
Via: SIP/2.0/TCP host129.example.com;branch=z9hG4bK342sdfoi3
To: <sip:user@example.com>
From: <sip:user@example.com>;tag=239232jh3
CSeq: 36893488147419103232 REGISTER
Call-ID: scalar02.23o0pd9vanlq3wnrlnewofjas9ui32
Max-Forwards: 300
Expires: 1{"0" * 100}
Contact: <sip:user@host129.example.com>
  ;expires=280297596632815
Content-Length: 0
"""
    ),
    "scalarlg": crlf(
        """
SIP/2.0 503 Service Unavailable
Via: SIP/2.0/TCP host129.example.com;branch=z9hG4bKzzxdiwo34sw;received=192.0.2.129
To: <sip:user@example.com>
From: <sip:other@example.net>;tag=2easdjfejw
CSeq: 9292394834772304023312 OPTIONS
Call-ID: scalarlg.noase0of0234hn2qofoaf0232aewf2394r
Retry-After: 949302838503028349304023988
Warning: 1812 overture "In Progress"
Content-Length: 0
"""
    ),
    "quotbal": _plain(
        "quotbal", "INVITE sip:user@example.com SIP/2.0", To='"Mr. J. User <sip:j.user@example.com>'
    ),
    "ltgtruri": _plain("ltgtruri", "INVITE <sip:user@example.com> SIP/2.0"),
    "lwsruri": _plain("lwsruri", "INVITE sip:user@example.com; lr SIP/2.0"),
    "lwsstart": _plain("lwsstart", "INVITE  sip:user@example.com  SIP/2.0"),
    "trws": _plain("trws", "OPTIONS sip:remote-target@example.com SIP/2.0  ", "OPTIONS"),
    # Headers in the Request-URI: nothing of them may become a header of the message.
    "escruri": _plain("escruri", "INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0"),
    "baddate": _plain("baddate", "INVITE sip:user@example.com SIP/2.0", Date="Fri, 01 Jan 2010 16:00:00 EST"),
    # Without brackets the question mark belongs to nothing.
    "regbadct": _plain(
        "regbadct",
        "REGISTER sip:example.com SIP/2.0",
        "REGISTER",
        Contact="sip:user@example.com?Route=%3Csip:sip.example.com%3E",
    ),
    "badaspec": _plain(
        "badaspec",
        "OPTIONS sip:user@example.org SIP/2.0",
        "OPTIONS",
        To='"Watson, Thomas" < sip:t.watson@example.org >',
    ),
    "baddn": _plain(
        "baddn",
        "OPTIONS sip:t.watson@example.org SIP/2.0",
        "OPTIONS",
        From="Bell, Alexander <sip:a.g.bell@example.com>;tag=43",
    ),
    "badvers": _plain(
        "badvers",
        "OPTIONS sip:t.watson@example.org SIP/7.0",
        "OPTIONS",
        Via="SIP/7.0/UDP c.example.com;branch=z9hG4bKkdjuw",
    ),
    "mismatch01": _plain("mismatch01", "OPTIONS sip:user@example.com SIP/2.0", "INVITE"),
    "mismatch02": _plain("mismatch02", "NEWMETHOD sip:user@example.com SIP/2.0", "INVITE"),
    "bigcode": crlf(
        """
SIP/2.0 4294967301 better not break the receiver
Via: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398ndaoe
Call-ID: bigcode.asdof3uj203asdnf3429uasdhfas3ehjasdfas9i
CSeq: 353494 INVITE
From: <sip:user@example.com>;tag=39ansfi3
To: <sip:user@example.edu>;tag=902jndnke3
Content-Length: 0
Contact: <sip:user@host105.example.com>
"""
    ),
}
"""Section 3.1.2: what breaks a rule of the grammar."""

TRANSACTIONS: dict[str, bytes] = {
    # A branch that is the magic cookie and nothing else.
    "badbranch": _plain(
        "badbranch",
        "OPTIONS sip:user@example.com SIP/2.0",
        "OPTIONS",
        Via="SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK",
    ),
}
"""Section 3.2: transactions."""

_REGISTER = "REGISTER sip:example.com SIP/2.0"
APPLICATIONS: dict[str, bytes] = {
    # Neither Call-ID nor From nor To.
    "insuf": crlf(
        """
INVITE sip:user@example.com SIP/2.0
CSeq: 193942 INVITE
Via: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf
Content-Type: application/sdp
l: {length}
""",
        SDP,
    ),
    "unkscm": _plain("unkscm", "OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0", "OPTIONS"),
    "novelsc": _plain("novelsc", "OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0", "OPTIONS"),
    "unksm2": _plain(
        "unksm2",
        _REGISTER,
        "REGISTER",
        To="isbn:2983792873",
        From="<http://www.example.com>;tag=3234233",
        Contact="<name:John_Smith>",
    ),
    "bext01": _plain(
        "bext01",
        "OPTIONS sip:user@example.com SIP/2.0",
        "OPTIONS",
        Require="nothingSupportsThis, nothingSupportsThisEither",
        Proxy_Require="noProxiesSupportThis, norDoAnyProxiesSupportThis",
    ),
    "invut": _plain("invut", "INVITE sip:user@example.com SIP/2.0", Content_Type="application/unknownformat"),
    "regaut01": _plain(
        "regaut01", _REGISTER, "REGISTER", Authorization="NoOneKnowsThisScheme opaque-data=here"
    ),
    # Several of what there may be one of.
    "multi01": crlf(
        """
INVITE sip:user@company.com SIP/2.0
Contact: <sip:caller@host25.example.net>
Via: SIP/2.0/UDP 192.0.2.25;branch=z9hG4bKkdjuw
Max-Forwards: 70
CSeq: 5 INVITE
Call-ID: multi01.98asdh@192.0.2.1
CSeq: 59 INVITE
Call-ID: multi01.98asdh@192.0.2.2
From: sip:caller@example.com;tag=3413415
To: sip:user@example.com
To: sip:other@example.net
From: sip:caller@example.net;tag=2923420123
Content-Type: application/sdp
l: {length}
Contact: <sip:caller@host36.example.net>
Max-Forwards: 5
""",
        SDP,
    ),
    "mcl01": crlf(
        """
OPTIONS sip:user@example.com SIP/2.0
Via: SIP/2.0/UDP host5.example.net;branch=z9hG4bK293423
To: sip:user@example.com
From: sip:other@example.net;tag=3923942
Call-ID: mcl01.fhn2323orihawfdoa3o4r52o3irsdf
CSeq: 15932 OPTIONS
Content-Length: 13
Max-Forwards: 60
Content-Length: 5
Content-Type: text/plain
""",
        b"There's no way to know how many octets are supposed to be here.",
    ),
    # A response that would go to everybody: the second Via shows that it is not for us.
    "bcast": crlf(
        """
SIP/2.0 200 OK
Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923
Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23
Call-ID: bcast.0384840201234ksdfak3j2erwedfsASdf
CSeq: 35 INVITE
From: sip:user@example.com;tag=11141343
To: sip:user@example.edu;tag=2229
Content-Length: {length}
Content-Type: application/sdp
Contact: <sip:user@host28.example.com>
""",
        SDP,
    ),
    "zeromf": _plain("zeromf", "OPTIONS sip:user@example.com SIP/2.0", "OPTIONS", Max_Forwards="0"),
    # A parameter of Contact, one of its URI, and headers of its URI.
    "cparam01": _plain(
        "cparam01", _REGISTER, "REGISTER", Contact="sip:+19725552222@gw1.example.net;unknownparam"
    ),
    "cparam02": _plain(
        "cparam02", _REGISTER, "REGISTER", Contact="<sip:+19725552222@gw1.example.net;unknownparam>"
    ),
    "regescrt": _plain(
        "regescrt", _REGISTER, "REGISTER", Contact="<sip:user@example.com?Route=%3Csip:sip.example.com%3E>"
    ),
    "sdp01": _plain("sdp01", "INVITE sip:user@example.com SIP/2.0", Accept="text/nobodyKnowsThis"),
}
"""Section 3.3: what a user agent makes of it."""

OLD: dict[str, bytes] = {
    # No tag, no branch, no Max-Forwards, a strict router: RFC 2543.
    "inv2543": crlf(
        """
INVITE sip:UserB@example.com SIP/2.0
Via: SIP/2.0/UDP iftgw.example.com
From: <sip:+13035551111@ift.client.example.net;user=phone>
Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>
To: sip:+16505552222@ss1.example.net;user=phone
Call-ID: inv2543.1717@ift.client.example.com
CSeq: 56 INVITE
Contact: <sip:+13035551111@ift.client.example.net>
Content-Type: application/sdp
""",
        SDP,
    ),
}
"""Section 3.4: the SIP of before."""

ALL = {**VALID, **INVALID, **TRANSACTIONS, **APPLICATIONS, **OLD}
assert len(ALL) == 49
