"""What programs ask of virtual phones: checked here, and refused with a reason where it cannot be."""

from __future__ import annotations

import re

from hookflash.calls.facts import Cause
from hookflash.phones.identities import ANONYMOUS, is_custom
from hookflash.phones.virtual.call import Call
from hookflash.phones.virtual.lines import Lines, refusal
from hookflash.phones.virtual.phone import MAX_CALLS, Phone
from hookflash.phones.virtual.registry import Registry
from hookflash.phones.virtual.script import MAX_WAITING
from hookflash.phones.virtual.tables import State
from hookflash.ports.clock import Clock
from hookflash.ports.virtual_phones import (
    CallDocument,
    CallView,
    PhoneDocument,
    PhoneView,
    PressDocument,
    RejectDocument,
    Script,
    Wanted,
)
from hookflash.sip.grammar import has_control, is_token
from hookflash.wire.identifiers import Identifier, IdentifierKind
from hookflash.wire.results import Refusal, invalid_argument

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NUMBER = re.compile(r"\+[1-9][0-9]{1,14}")
STOPPING = Refusal(503, "Stopping", "The server is being stopped.")


class VirtualPhoneDesk:
    """Implements :class:`hookflash.ports.virtual_phones.VirtualPhones`."""

    def __init__(self, registry: Registry, lines: Lines, clock: Clock) -> None:
        self._registry = registry
        self._lines = lines
        self._clock = clock

    # --- phones -----------------------------------------------------------------------------------------

    def put(self, phone: str, document: PhoneDocument) -> tuple[PhoneView, bool]:
        """Have a phone; True when it is new. One that is there keeps its calls and gets the new script."""
        if not _ID.fullmatch(phone):
            raise invalid_argument("id", f"expected 1 to 64 of A-Z a-z 0-9 . _ -, got {phone[:64]!r}.")
        _check_text(document.display_name, "displayName")
        script = document.script or Script()
        if script.reason is not None:
            _check_text(script.reason, "script.reason")
        identity = _identity(document.identity, "identity")
        found, new = self._registry.put(phone, identity, document.display_name, script)
        return found.view(), new

    def listed(self, after: str, top: int) -> list[PhoneView]:
        """The phones in order of their ids, from beyond ``after``."""
        return [phone.view() for phone in self._registry.all() if phone.id > after][:top]

    def show(self, phone: str) -> PhoneView:
        return self._phone(phone).view()

    def remove(self, phone: str) -> None:
        """Take a phone away; its calls end."""
        self._remove(self._phone(phone))

    def remove_all(self) -> None:
        """Take every phone away."""
        for phone in self._registry.all():
            self._remove(phone)

    def stop(self) -> None:
        """Answer every request that waits for something: the server is being stopped."""
        for phone in self._registry.all():
            phone.give_up(STOPPING)

    def _remove(self, phone: Phone) -> None:
        self._registry.remove(phone)
        self._lines.drop(phone)
        phone.give_up(Refusal(404, "NotFound", f"Phone {phone.id!r} was taken away."))

    # --- waiting ----------------------------------------------------------------------------------------

    async def wait(self, phone: str, call: int | None, wanted: Wanted, timeout_ms: int) -> CallView:
        """A call once it is as wanted; one that has not come yet is waited for. None: the newest."""
        found = self._phone(phone)
        if call is not None and found.forgotten(call):
            raise Refusal(
                404,
                "NotFound",
                f"Call {call} of phone {phone!r} is forgotten: the newest {MAX_CALLS} are kept.",
            )

        def pick() -> Call | None:
            return found.newest() if call is None else found.calls.get(call)

        def check() -> CallView | None:
            one = pick()
            return one.view() if one is not None and one.fits(wanted) else None

        view = check()
        if view is not None:
            return view
        if not timeout_ms:
            raise _not_yet(phone, call, pick(), timeout_ms)
        future = found.wait(check)

        def expire() -> None:
            if not future.done():
                future.set_exception(_not_yet(phone, call, pick(), timeout_ms))

        timer = self._clock.call_at(self._clock.now() + timeout_ms / 1000, expire)
        try:
            return await future
        finally:
            timer.cancel()
            found.unwait(future)

    # --- what phones do ---------------------------------------------------------------------------------

    def call(self, phone: str, document: CallDocument) -> CallView:
        """Let a phone call somebody."""
        found = self._phone(phone)
        callee = _identity(document.to, "to")
        caller = _caller(found, document)
        shown = document.display_name
        if shown is None:
            shown = "" if document.anonymous else found.display_name
        _check_text(shown, "displayName")
        sip, voip = document.sip_headers or {}, document.voip_headers or {}
        for name, value in sip.items():
            if not (is_custom(name) and is_token(name)) or has_control(value):
                raise invalid_argument(
                    "sipHeaders",
                    f"{name[:64]!r} cannot be sent; expected User-To-User or X-..., and values without "
                    "control characters.",
                )
        for name, value in voip.items():
            _check_text(name, "voipHeaders")
            _check_text(value, f"voipHeaders.{name}")
        number = found.next_number()
        if number is None:
            raise Refusal(
                429, "TooManyCalls", f"Phone {phone!r} has {MAX_CALLS} calls at once; hang some up first."
            )
        return self._lines.start(found, number, caller, callee, shown, sip, voip).view()

    def answer(self, phone: str, call: int | None) -> CallView:
        """Pick up."""
        found = self._ringing(phone, call, "answered")
        self._lines.pick_up(found)
        return found.view()

    def reject(self, phone: str, call: int | None, document: RejectDocument) -> CallView:
        """Refuse."""
        if document.reason is not None:
            _check_text(document.reason, "reason")
        found = self._ringing(phone, call, "rejected")
        self._lines.reject(found, refusal(document))
        return found.view()

    def hang_up(self, phone: str, call: int | None) -> CallView:
        """End a call that is up, or one the phone has made that is not answered yet."""
        found = self._live(phone, call)
        if found.incoming and found.state is State.RINGING:
            raise _conflict(f"{_name(found)} is not answered yet; answer or reject it.")
        self._lines.hang_up(found)
        return found.view()

    def press(self, phone: str, call: int | None, document: PressDocument) -> CallView:
        """Press keys; they go out one after the other, five a second."""
        found = self._live(phone, call)
        if found.state is not State.UP:
            raise _conflict(f"{_name(found)} is not up; keys can be pressed once it is.")
        if not self._lines.press(found, document.digits):
            raise Refusal(
                429, "TooManyKeys", f"{MAX_WAITING} keys wait on {_name(found)} already; wait for some to go."
            )
        return found.view()

    # --- finding ----------------------------------------------------------------------------------------

    def _phone(self, id: str) -> Phone:
        phone = self._registry.get(id)
        if phone is None:
            raise Refusal(
                404, "NotFound", f"There is no phone {id[:64]!r}; PUT /hookflash/phones/<id> makes one."
            )
        return phone

    def _live(self, id: str, number: int | None) -> Call:
        phone = self._phone(id)
        if number is None:
            live = phone.live()
            if not live:
                raise _conflict(f"Phone {id!r} has no call.")
            return live[-1]
        call = phone.calls.get(number)
        if call is None:
            raise Refusal(404, "NotFound", f"Phone {id!r} has no call {number}.")
        if call.state is State.ENDED:
            raise _conflict(f"{_name(call)} has ended: {_cause(call.cause)}.")
        return call

    def _ringing(self, id: str, number: int | None, what: str) -> Call:
        call = self._live(id, number)
        if not call.incoming:
            raise _conflict(f"{_name(call)} was made by the phone itself and cannot be {what} by it.")
        if call.state is not State.RINGING:
            raise _conflict(f"{_name(call)} is answered already.")
        return call


def _identity(text: str, field: str) -> Identifier:
    """A number, with or without ``4:``, or a communication user."""
    bare = text.removeprefix("4:")
    if _NUMBER.fullmatch(bare):
        return Identifier.phone(bare)
    if text.startswith("8:") and text.isprintable() and " " not in text and len(text) <= 256:
        identity = Identifier.parse(text)
        if identity.kind is IdentifierKind.COMMUNICATION_USER:
            return identity
    raise invalid_argument(
        field,
        "expected a number such as +14255550100 or a communication user such as 8:acs:<resource>_<user>, "
        f"got {text[:64]!r}.",
    )


def _caller(phone: Phone, document: CallDocument) -> Identifier:
    """As whom a phone calls."""
    for field, given in (("anonymous", document.anonymous), ("assertedId", document.asserted_id is not None)):
        if given and phone.identity.kind is not IdentifierKind.PHONE_NUMBER:
            raise invalid_argument(field, f"only numbers have that, phone {phone.id!r} is {phone.address}.")
    if not document.anonymous:
        number = phone.identity.phone_number
        if document.asserted_id is None or number is None:
            return phone.identity
        return Identifier.phone(number, document.asserted_id)
    if document.asserted_id is not None:
        raise invalid_argument("assertedId", "an anonymous caller shows none; leave one of the two out.")
    if document.display_name:
        raise invalid_argument("displayName", "an anonymous caller shows none; leave one of the two out.")
    return Identifier.phone(ANONYMOUS)


def _check_text(text: str, field: str) -> None:
    if not text.isprintable():
        raise invalid_argument(field, f"expected printable characters, got {text[:64]!r}.")


def _conflict(message: str) -> Refusal:
    return Refusal(409, "Conflict", message)


def _name(call: Call) -> str:
    return f"Call {call.id} of phone {call.phone.id!r}"


def _cause(cause: Cause | None) -> str:
    return "" if cause is None else f"{cause.status} {cause.reason}"


def _not_yet(phone: str, number: int | None, call: Call | None, timeout_ms: int) -> Refusal:
    """A wait that came to nothing."""
    if call is None:
        what = f"Phone {phone!r} has no call" if number is None else f"Phone {phone!r} has no call {number}"
        if not timeout_ms:
            return Refusal(404, "NotFound", f"{what}; timeoutMs waits for one.")
        return Refusal(408, "Timeout", f"{what} after {timeout_ms} ms.")
    heard = ", ".join(one.state.value for one in call.heard.values()) or "nothing"
    ended = f" ended by {_cause(call.cause)}," if call.cause is not None else ""
    return Refusal(
        408,
        "Timeout",
        f"{_name(call)} was not as wanted within {timeout_ms} ms: it is {call.view().state.value},{ended} "
        f"muted {call.muted}, held {call.held}, heard {heard}, digits {call.digits[-100:]!r}.",
    )
