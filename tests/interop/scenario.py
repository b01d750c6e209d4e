"""SIPp scenarios written step by step: what a phone or trunk sends and expects, in order.

Anything else that arrives fails the call, as SIPp is strict about order. What is received can be checked by
regular expressions (POSIX, as SIPp has them).
"""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import quoteattr

METHODS = "INVITE, ACK, CANCEL, BYE, UPDATE, PRACK, INFO, REFER, NOTIFY"


def sdp(direction: str = "sendrecv", version: int = 1, port: str = "[media_port]") -> str:
    """An offer or answer of mu-law and keys; a higher ``version`` is a new one."""
    return "\n".join(
        [
            "v=0",
            f"o=sipp 1 {version} IN IP[local_ip_type] [local_ip]",
            "s=-",
            "c=IN IP[media_ip_type] [media_ip]",
            "t=0 0",
            f"m=audio {port} RTP/AVP 0 101",
            "a=rtpmap:0 PCMU/8000",
            "a=rtpmap:101 telephone-event/8000",
            "a=fmtp:101 0-15",
            f"a={direction}",
        ]
    )


class Scenario:
    """What both sides have in common. ``via`` is the transport in Via, ``contact`` host:port in Contact."""

    def __init__(self, via: str = "[transport]", contact: str = "[local_ip]:[local_port]") -> None:
        self._via = f"SIP/2.0/{via} [local_ip]:[local_port];branch=[branch];rport"
        self._contact = f"<sip:sipp@{contact};transport={via.lower()}>"
        self._steps: list[str] = []
        self._variables: list[str] = []
        self._cseq = 0

    # --- steps ------------------------------------------------------------------------------------------

    def receive(
        self,
        what: int | str,
        *,
        optional: bool = False,
        body: str = "",
        keep: dict[str, str] | None = None,
        timeout: int = 20_000,
        auth: bool = False,
        **headers: str,
    ) -> None:
        """Expect a response (by status) or a request (by method) within ``timeout`` ms.

        With ``auth`` it is a challenge, for SIPp's [authentication] (MD5).
        ``headers`` (``_`` for ``-``) and ``body`` must match; ``keep`` puts a header's value into a variable.
        """
        kind = "response" if isinstance(what, int) else "request"
        bounds = ' optional="true"' if optional else f' timeout="{timeout}"'
        bounds += ' auth="true"' if auth else ""
        checks = [
            f'<ereg regexp={quoteattr(regex)} search_in="hdr" header="{name.replace("_", "-")}:" '
            f'check_it="true" assign_to="{self._variable()}"/>'
            for name, regex in headers.items()
        ]
        if body:
            checks.append(
                f'<ereg regexp={quoteattr(body)} search_in="body" check_it="true" '
                f'assign_to="{self._variable()}"/>'
            )
        for variable, name in (keep or {}).items():
            checks.append(
                f'<ereg regexp="[^ ].*" search_in="hdr" header="{name}:" check_it="true" '
                f'assign_to="{variable}"/>'
            )
            if variable not in self._variables:
                self._variables.append(variable)
        actions = f"<action>{''.join(checks)}</action>" if checks else ""
        self._steps.append(f'<recv {kind}="{what}" rrs="true"{bounds}>{actions}</recv>')

    def pause(self, milliseconds: int) -> None:
        """Say nothing for a while."""
        self._steps.append(f'<pause milliseconds="{milliseconds}"/>')

    def reply(self, status: str, *headers: str, body: str = "") -> None:
        """Answer the request that came last."""
        last = ["[last_Via:]", "[last_From:]", "[last_To:]", "[last_Call-ID:]", "[last_CSeq:]"]
        self._send(f"SIP/2.0 {status}", [*last, f"Contact: {self._contact}", *headers], body)

    def takes(self, method: str, status: str = "200 OK", *, answer: str = "", **checks: str) -> None:
        """Expect a request and answer it, with the description ``answer``."""
        self.receive(method, **checks)  # type: ignore[arg-type]
        self.reply(status, body=answer)

    def is_left(self) -> None:
        """Expect the BYE."""
        self.takes("BYE")

    def reinvited(self, **checks: str) -> None:
        """Expect a re-INVITE; whatever comes between, :meth:`responds` answers it."""
        keep = {"rvia": "Via", "rfrom": "From", "rto": "To", "rcseq": "CSeq"}
        self.receive("INVITE", keep=keep, **checks)  # type: ignore[arg-type]

    def responds(self, status: str, *headers: str, body: str = "") -> None:
        """Answer the re-INVITE."""
        known = ["Via: [$rvia]", "From: [$rfrom]", "To: [$rto]", "Call-ID: [call_id]", "CSeq: [$rcseq]"]
        self._send(f"SIP/2.0 {status}", [*known, f"Contact: {self._contact}", *headers], body, repeated=True)
        self.receive("ACK")

    def _send(self, start: str, headers: list[str], body: str, *, repeated: bool = False) -> None:
        described = any(one.startswith("Content-Type:") for one in headers)
        if body and not described:
            headers = [*headers, "Content-Type: application/sdp"]
        lines = [
            start,
            *headers,
            "Content-Length: [len]" if body else "Content-Length: 0",
            "",
            *body.split("\n"),
        ]
        text = "\n".join(lines if body else lines[:-1])
        retrans = ' retrans="500"' if repeated else ""
        self._steps.append(f"<send{retrans}><![CDATA[\n{text}\n]]></send>")

    def _variable(self) -> str:
        self._variables.append(f"v{len(self._variables)}")
        return self._variables[-1]

    # --- the whole --------------------------------------------------------------------------------------

    def save(self, file: Path) -> Path:
        """Write it down; returns the file."""
        names = ",".join(self._variables)
        steps = [*self._steps, f'<Reference variables="{names}"/>'] if names else self._steps
        head = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n'
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f'{head}<scenario name="{file.stem}">\n' + "\n".join(steps) + "\n</scenario>\n")
        return file


class Caller(Scenario):
    """SIPp calls."""

    _target = "sip:[service]@[remote_ip]:[remote_port]"

    def request(self, method: str, *headers: str, body: str = "", cseq: int = 0, to_tag: bool = True) -> None:
        """Send a request; ``cseq`` is counted up unless given."""
        self._cseq = cseq or self._cseq + 1
        tag = "[peer_tag_param]" if to_tag else ""
        fields = [
            f"Via: {self._via}",
            "Max-Forwards: 70",
            'From: "Caller" <sip:+12065550100@[local_ip]:[local_port]>;tag=[pid]from[call_number]',
            f"To: <{self._target}>{tag}",
            "Call-ID: [call_id]",
            f"CSeq: {self._cseq} {method}",
            f"Contact: {self._contact}",
            *headers,
        ]
        self._send(f"{method} {self._target} SIP/2.0", fields, body, repeated=method not in ("ACK", "CANCEL"))

    def invite(self, *headers: str, body: str | None = None) -> None:
        """Call; with ``body`` "" without an offer."""
        self.request("INVITE", *headers, body=sdp() if body is None else body, to_tag=False)

    def ack(self, body: str = "") -> None:
        """Acknowledge the 2xx to the INVITE that was sent last."""
        self.request("ACK", body=body, cseq=self._cseq)

    def ack_first(self) -> None:
        """Acknowledge the 2xx to the first INVITE, after other requests."""
        last, self._cseq = self._cseq, 1
        self.ack()
        self._cseq = last

    def cancel(self) -> None:
        """Cancel the first INVITE: in its transaction, to which SIPp counts back."""
        index, invite = next((n, step) for n, step in enumerate(self._steps) if "INVITE sip" in step)
        lines = invite.partition("CDATA[\n")[2].split("\n")
        kept = [line for line in lines if line.startswith(("Via", "Max", "From", "To", "Call-ID"))]
        fields = [line.replace("[branch]", f"[branch-{len(self._steps) - index}]") for line in kept]
        self._send(f"CANCEL {self._target} SIP/2.0", [*fields, "CSeq: 1 CANCEL"], "")

    def ack_failure(self) -> None:
        """Acknowledge the final response, no 2xx, that came last: its Via is that of the request."""
        fields = ["[last_Via:]", "Max-Forwards: 70", "[last_From:]", "[last_To:]", "[last_Call-ID:]"]
        self._send(f"ACK {self._target} SIP/2.0", [*fields, f"CSeq: {self._cseq} ACK"], "")

    def connect(self) -> None:
        """Call, until the app has answered."""
        self.invite()
        self.rings()
        self.receive(200)
        self.ack()

    def rings(self) -> None:
        """Let provisional responses come."""
        self.receive(100, optional=True)
        self.receive(180, optional=True)

    def hang_up(self) -> None:
        self.request("BYE")
        self.receive(200)


class Callee(Scenario):
    """SIPp is called."""

    def called(self, *, body: str = "m=audio", **checks: str) -> None:
        """Expect the call."""
        keep = {"via": "Via", "from": "From", "to": "To", "cseq": "CSeq"}
        self.receive("INVITE", keep=keep, body=body, **checks)  # type: ignore[arg-type]

    def respond(
        self, status: str, *headers: str, body: str = "", tag: str = "a", allow: str = METHODS
    ) -> None:
        """Respond to the INVITE that :meth:`called` has seen; a ``tag`` for each fork."""
        known = ["Via: [$via]", "From: [$from]", f"To: [$to];tag=[pid]{tag}[call_number]", "[last_Call-ID:]"]
        known += ["CSeq: [$cseq]", f"Contact: {self._contact}", f"Allow: {allow}"]
        self._send(f"SIP/2.0 {status}", [*known, *headers], body, repeated=status[0] != "1")

    def answer(self, *headers: str) -> None:
        """Take the call."""
        self.respond("200 OK", *headers, body=sdp())
        self.receive("ACK")

    def request(self, method: str, *headers: str, body: str = "", cseq: int = 0) -> None:
        """Send a request in the dialog of the first fork."""
        self._cseq = cseq or self._cseq + 1
        fields = [
            f"Via: {self._via}",
            "Max-Forwards: 70",
            "From: [$to];tag=[pid]a[call_number]",
            "To: [$from]",
            "Call-ID: [call_id]",
            f"CSeq: {self._cseq} {method}",
            f"Contact: {self._contact}",
            *headers,
        ]
        self._send(f"{method} [next_url] SIP/2.0", fields, body, repeated=method != "ACK")
