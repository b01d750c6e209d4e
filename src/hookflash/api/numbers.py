"""Owned numbers and SIP routing, for the phone-number SDKs.

Numbers come from a carrier and are named in the configuration; so whatever would order, release or change one
is refused with the place where it is done instead. Trunks and routes can be read, and set beside those of the
configuration.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from hookflash.api.exchange import Answer, Core, Operation, Request
from hookflash.api.paging import skip_and_top
from hookflash.wire.numbers import (
    SIP_VERSIONS,
    VERSIONS,
    PhoneNumberAreaCodes,
    PhoneNumberCountries,
    PhoneNumberCountry,
    PhoneNumberLocalities,
    PhoneNumberOfferings,
    PhoneNumbersReservations,
    PurchasedPhoneNumber,
    PurchasedPhoneNumbers,
    SipConfiguration,
    SipPatch,
)
from hookflash.wire.results import Refusal, not_found, not_supported, wrong_resource

_READ = "Numbers come from your carrier and are named in the configuration ([[number]])"


class OwnedNumber(Protocol):
    """A number and the GUID of the resource it belongs to."""

    @property
    def resource(self) -> str: ...

    @property
    def model(self) -> PurchasedPhoneNumber: ...


class Numbers(Protocol):
    """The numbers of this server, as they are now."""

    def owned(self) -> Sequence[OwnedNumber]:
        """In the order of the configuration."""
        ...

    def sip(self, resource: str) -> SipConfiguration:
        """Trunks and routes that hold for a resource."""
        ...

    async def set_sip(self, resource: str, patch: SipPatch) -> SipConfiguration:
        """Change those of a resource; Refusal 400, 405 or 422."""
        ...


Run = Callable[[Request, Core], Awaitable[Any]]


def operations(numbers: Numbers) -> list[Operation]:
    """Every operation of the phone-number and SIP-routing services."""

    async def list_numbers(request: Request, core: Core) -> PurchasedPhoneNumbers:
        mine = [one.model for one in numbers.owned() if one.resource == request.resource]
        page, link = skip_and_top(request, mine)
        return PurchasedPhoneNumbers(page, link)

    async def get_number(request: Request, core: Core) -> PurchasedPhoneNumber:
        return _owned(request, numbers)

    async def refuse_owned(request: Request, core: Core) -> None:
        _owned(request, numbers)
        raise not_supported(
            f"{_READ}: {request.ids[0]} cannot be released or changed here. Take it out of the configuration "
            "or change it there, and reload."
        )

    async def countries(request: Request, core: Core) -> PhoneNumberCountries:
        codes = sorted(
            {one.model.country_code for one in numbers.owned() if one.resource == request.resource}
        )
        return PhoneNumberCountries([PhoneNumberCountry(code, code) for code in codes])

    async def sip(request: Request, core: Core) -> SipConfiguration:
        return numbers.sip(request.resource)

    async def set_sip(request: Request, core: Core) -> SipConfiguration:
        return await numbers.set_sip(request.resource, request.read(SipPatch))

    available, owned = "/availablePhoneNumbers", "/phoneNumbers"
    reads = [
        ("listPhoneNumbers", "GET", owned, list_numbers),
        ("getPhoneNumber", "GET", f"{owned}/{{}}", get_number),
        ("listAvailableCountries", "GET", f"{available}/countries", countries),
        ("listAreaCodes", "GET", f"{available}/countries/{{}}/areaCodes", _empty(PhoneNumberAreaCodes([]))),
        (
            "listAvailableLocalities",
            "GET",
            f"{available}/countries/{{}}/localities",
            _empty(PhoneNumberLocalities([])),
        ),
        ("listOfferings", "GET", f"{available}/countries/{{}}/offerings", _empty(PhoneNumberOfferings([]))),
        ("listReservations", "GET", f"{available}/reservations", _empty(PhoneNumbersReservations([]))),
    ]
    refusals = [
        ("browseAvailableNumbers", "POST", f"{available}/countries/{{}}/:browse", _sold_nowhere),
        ("searchAvailablePhoneNumbers", "POST", f"{available}/countries/{{}}/:search", _sold_nowhere),
        ("purchasePhoneNumbers", "POST", f"{available}/:purchase", _sold_nowhere),
        ("createOrUpdateReservation", "PATCH", f"{available}/reservations/{{}}", _sold_nowhere),
        ("purchaseReservation", "POST", f"{available}/reservations/{{}}/:purchase", _sold_nowhere),
        ("deleteReservation", "DELETE", f"{available}/reservations/{{}}", _unknown("reservation")),
        ("getReservation", "GET", f"{available}/reservations/{{}}", _unknown("reservation")),
        ("getSearchResult", "GET", f"{available}/searchResults/{{}}", _unknown("search")),
        ("getOperation", "GET", f"{owned}/operations/{{}}", _unknown("operation")),
        ("cancelOperation", "DELETE", f"{owned}/operations/{{}}", _unknown("operation")),
        ("updateCapabilities", "PATCH", f"{owned}/{{}}/capabilities", refuse_owned),
        ("releasePhoneNumber", "DELETE", f"{owned}/{{}}", refuse_owned),
        ("operatorInformationSearch", "POST", "/operatorInformation/:search", _no_operators),
    ]
    made = [
        Operation(name, method, path, 200, run, linking=name == "listPhoneNumbers", versions=VERSIONS)
        for name, method, path, run in (*reads, *refusals)
    ]
    return [
        *made,
        Operation("getSipConfiguration", "GET", "/sip", 200, sip, versions=SIP_VERSIONS),
        Operation("updateSipConfiguration", "PATCH", "/sip", 200, set_sip, versions=SIP_VERSIONS),
    ]


def _owned(request: Request, numbers: Numbers) -> PurchasedPhoneNumber:
    """The number a path names. Raises Refusal 400, 403/7507 or 404."""
    wanted = request.ids[0]
    for one in numbers.owned():
        if one.model.phone_number == wanted or one.model.id == wanted:
            if one.resource != request.resource:
                raise wrong_resource(
                    f"The number {wanted!r} belongs to another resource; use the key of that one.",
                    target="phoneNumber",
                )
            return one.model
    raise Refusal(
        404,
        "PhoneNumberNotFound",
        f"The number {wanted[:200]!r} is not owned here; GET /phoneNumbers lists those that are.",
        target="phoneNumber",
    )


def _empty(answer: Any) -> Run:
    async def run(request: Request, core: Core) -> Any:
        return answer

    return run


async def _sold_nowhere(request: Request, core: Core) -> Answer:
    raise not_supported(f"{_READ}: none can be searched, reserved or purchased here.")


async def _no_operators(request: Request, core: Core) -> Answer:
    raise not_supported("Hookflash has no register of numbers and their operators; ask a carrier's.")


def _unknown(what: str) -> Run:
    async def run(request: Request, core: Core) -> Answer:
        raise not_found(f"There is no {what} {request.ids[0][:200]!r}. {_READ}, so none is ever begun here.")

    return run
