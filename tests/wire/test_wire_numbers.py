"""Numbers as the phone-number SDKs read them."""

from __future__ import annotations

import msgspec
import pytest

from hookflash.wire.calling_codes import CALLING_CODES
from hookflash.wire.numbers import country_of, purchased


def test_a_number_is_written_whole():
    written = msgspec.json.decode(
        msgspec.json.encode(purchased("+18005550100", "tollFree", None, "2026-02-01"))
    )
    assert written == {
        "id": "18005550100",
        "phoneNumber": "+18005550100",
        "countryCode": "US",
        "phoneNumberType": "tollFree",
        "capabilities": {"calling": "inbound+outbound", "sms": "none"},
        "assignmentType": "application",
        "purchaseDate": "2026-02-01T00:00:00Z",
        "cost": {"amount": 0.0, "currencyCode": "USD", "billingFrequency": "monthly"},
    }


def test_a_given_country_goes_before_the_calling_code():
    assert purchased("+14165550100", "mobile", "ca", "2026-02-01").country_code == "CA"


@pytest.mark.parametrize(
    ("number", "country"), [("+1", "US"), ("+49301", "DE"), ("+2125", "MA"), ("+0", "ZZ")]
)
def test_the_longest_code_that_fits_says_the_country(number, country):
    assert country_of(number) == country


def test_no_code_begins_another_and_every_country_has_two_letters():
    for code, country in CALLING_CODES.items():
        assert country.isalpha()
        assert country.isupper()
        assert len(country) == 2
        assert not any(other != code and other.startswith(code) for other in CALLING_CODES)
