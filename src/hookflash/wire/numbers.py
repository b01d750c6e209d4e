"""The phone-number and SIP-routing services: what their SDKs read (api-versions 2022-12-01 and later)."""

from __future__ import annotations

from hookflash.wire.calling_codes import CALLING_CODES
from hookflash.wire.parts import Model

VERSIONS = ("2022-12-01", "2025-02-11", "2025-04-01", "2025-06-01")
"""Stable api-versions of the phone-number service; any well-formed one is taken."""
SIP_VERSIONS = ("2023-03-01",)


class PhoneNumberCapabilities(Model):
    """Each is ``none``, ``inbound``, ``outbound`` or ``inbound+outbound``."""

    calling: str
    sms: str


class PhoneNumberCost(Model):
    """What a number costs: here nothing, its carrier sends the bill."""

    amount: float
    currency_code: str
    billing_frequency: str


class PurchasedPhoneNumber(Model):
    """``id`` is the number without its plus sign; ``purchaseDate`` is ISO 8601."""

    id: str
    phone_number: str
    country_code: str
    phone_number_type: str
    capabilities: PhoneNumberCapabilities
    assignment_type: str
    purchase_date: str
    cost: PhoneNumberCost


class PurchasedPhoneNumbers(Model):
    phone_numbers: list[PurchasedPhoneNumber]
    next_link: str | None = None


class PhoneNumberCountry(Model):
    localized_name: str
    country_code: str


class PhoneNumberCountries(Model):
    countries: list[PhoneNumberCountry]
    next_link: str | None = None


class PhoneNumberLocalities(Model):
    """Nobody sells numbers here, so there is never one to list; so with the three below."""

    phone_number_localities: list[str]


class PhoneNumberAreaCodes(Model):
    area_codes: list[str]


class PhoneNumberOfferings(Model):
    phone_number_offerings: list[str]


class PhoneNumbersReservations(Model):
    reservations: list[str]


class SipTrunk(Model):
    """``sipSignalingPort`` is where the trunk takes calls."""

    sip_signaling_port: int


class SipTrunkRoute(Model):
    """``numberPattern`` is a regular expression; ``trunks`` are names of trunks, tried in order."""

    name: str
    number_pattern: str
    trunks: list[str]
    description: str


class SipConfiguration(Model):
    """``trunks`` by the host name of each."""

    trunks: dict[str, SipTrunk]
    routes: list[SipTrunkRoute]


class SipRouteWish(Model):
    """A route as it is set."""

    name: str
    number_pattern: str
    trunks: list[str] | None = None
    description: str | None = None


class SipPatch(Model):
    """A merge patch: trunks that are named change, or go with null; routes change all together."""

    trunks: dict[str, SipTrunk | None] | None = None
    routes: list[SipRouteWish] | None = None


def country_of(number: str) -> str:
    """The country (ISO 3166, two letters) that the calling code of an E.164 number belongs to, "ZZ" if to
    none.

    Where several countries share a code, it is the largest: a number itself cannot tell.
    """
    digits = number.removeprefix("+")
    for length in (3, 2, 1):
        country = CALLING_CODES.get(digits[:length])
        if country is not None:
            return country
    return "ZZ"


def purchased(number: str, kind: str, country: str | None, since: str) -> PurchasedPhoneNumber:
    """An owned number as the SDKs read it. ``since`` is a date (2026-01-31)."""
    return PurchasedPhoneNumber(
        id=number.removeprefix("+"),
        phone_number=number,
        country_code=(country or country_of(number)).upper(),
        phone_number_type=kind,
        capabilities=PhoneNumberCapabilities(calling="inbound+outbound", sms="none"),
        assignment_type="application",
        purchase_date=f"{since}T00:00:00Z",
        cost=PhoneNumberCost(amount=0.0, currency_code="USD", billing_frequency="monthly"),
    )
