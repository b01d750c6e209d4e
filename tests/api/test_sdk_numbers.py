"""The official phone-number SDK for Python, unmodified, over a real socket."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from api.conftest import Live
from api.edge import DEVELOPMENT, Client, FakeEngine, FixedClock, surface
from azure.communication.phonenumbers import (
    PhoneNumberAssignmentType,
    PhoneNumberCapabilities,
    PhoneNumberCapabilityType,
    PhoneNumbersClient,
    PhoneNumberType,
)
from azure.communication.phonenumbers.siprouting import SipRoutingClient, SipTrunk
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from hookflash.api.numbers import operations
from hookflash.api.ports import Resource
from hookflash.clock import LoopClock
from hookflash.composition.numbers import ConfiguredNumbers
from hookflash.config import DEVELOPMENT_ACCESS_KEY, DEVELOPMENT_RESOURCE_ID, parse
from hookflash.wire.numbers import PurchasedPhoneNumber, country_of, purchased

OTHER_KEY = "b3RoZXIgcmVzb3VyY2Uga2V5OiB0aGlydHktdHdvIGJ5dGVzIG9yIG1vcmUh"
OTHER = Resource("other", "0e0e0e0e-0000-4000-8000-000000000001", (OTHER_KEY,))
TRUNKS = f"""
[[resource]]
name = "dev"
id = "{DEVELOPMENT_RESOURCE_ID}"
access_keys = ["{DEVELOPMENT_ACCESS_KEY}"]

[[number]]
e164 = "+18005550100"
resource = "dev"
type = "tollFree"
since = "2026-02-01"

[[number]]
e164 = "+4930123456"
resource = "dev"

[[trunk]]
name = "carrier1"
targets = ["sip.carrier.example:5070", "backup.example"]

[[trunk]]
name = "sbc"
targets = ["sbc.example.org"]

[[route]]
pattern = "+49*"
trunk = "sbc"
priority = 1

[[route]]
pattern = "*"
trunk = "carrier1"
"""


class Owned(NamedTuple):
    resource: str
    model: PurchasedPhoneNumber


class Many(ConfiguredNumbers):
    """The configured numbers, and so many more that they take several pages; and one of another resource."""

    def __init__(self) -> None:
        super().__init__(lambda: parse(TRUNKS))

    def owned(self):
        more = [purchased(f"+1425555{number:04d}", "geographic", None, "2026-01-31") for number in range(150)]
        foreign = Owned(OTHER.id, purchased("+14155550199", "mobile", "ca", "2026-01-31"))
        return [foreign, *super().owned(), *(Owned(DEVELOPMENT.id, model) for model in more)]


@pytest.fixture(scope="module")
def url():
    made = Live(
        lambda: surface(FakeEngine(), LoopClock(), resources=(DEVELOPMENT, OTHER), more=operations(Many()))
    )
    made.start()
    yield made.url
    made.stop()


@pytest.fixture
def client(url):
    return PhoneNumbersClient(url, AzureKeyCredential(DEVELOPMENT_ACCESS_KEY))


def test_owned_numbers_are_listed_page_by_page(client):
    numbers = list(client.list_purchased_phone_numbers())
    assert len(numbers) == 152
    first, second = numbers[:2]
    assert (first.id, first.phone_number, first.country_code) == ("18005550100", "+18005550100", "US")
    assert first.phone_number_type == PhoneNumberType.TOLL_FREE
    assert first.assignment_type == PhoneNumberAssignmentType.APPLICATION
    assert first.capabilities.calling == PhoneNumberCapabilityType.INBOUND_OUTBOUND
    assert first.capabilities.sms == PhoneNumberCapabilityType.NONE
    assert first.purchase_date == datetime(2026, 2, 1, tzinfo=UTC)
    assert (first.cost.amount, first.cost.currency_code, first.cost.billing_frequency) == (
        0.0,
        "USD",
        "monthly",
    )
    assert (second.phone_number, second.country_code) == ("+4930123456", "DE")


@pytest.mark.parametrize("version", ["2022-12-01", "2025-02-11", "2025-04-01", "2025-06-01"])
def test_every_api_version_lists_them(url, version):
    client = PhoneNumbersClient(url, AzureKeyCredential(DEVELOPMENT_ACCESS_KEY), api_version=version)
    assert next(iter(client.list_purchased_phone_numbers(top=1))).phone_number == "+18005550100"


def test_the_other_resource_sees_its_own_only(url):
    client = PhoneNumbersClient(url, AzureKeyCredential(OTHER_KEY))
    [number] = client.list_purchased_phone_numbers()
    assert (number.phone_number, number.country_code) == ("+14155550199", "CA")
    with pytest.raises(HttpResponseError, match="another resource") as caught:
        client.get_purchased_phone_number("+18005550100")
    assert (caught.value.status_code, caught.value.error.code) == (403, "7507")


def test_one_number_is_got_and_a_strange_one_is_not_found(client):
    assert client.get_purchased_phone_number("+4930123456").phone_number_type == PhoneNumberType.GEOGRAPHIC
    with pytest.raises(ResourceNotFoundError, match="is not owned here"):
        client.get_purchased_phone_number("+15550000000")


def test_what_would_order_or_change_numbers_is_refused_with_a_reason(client):
    capabilities = PhoneNumberCapabilities(
        calling=PhoneNumberCapabilityType.INBOUND, sms=PhoneNumberCapabilityType.NONE
    )
    acts = [
        lambda: client.begin_search_available_phone_numbers(
            "US",
            PhoneNumberType.TOLL_FREE,
            PhoneNumberAssignmentType.APPLICATION,
            capabilities,
            polling=True,
        ),
        lambda: client.begin_purchase_phone_numbers("search", polling=True),
        lambda: client.begin_release_phone_number("+18005550100", polling=True),
        lambda: client.begin_update_phone_number_capabilities(
            "+18005550100", "none", "inbound", polling=True
        ),
        lambda: client.search_operator_information(["+18005550100"]),
        lambda: client.browse_available_phone_numbers(country_code="US", phone_number_type="tollFree"),
    ]
    for act in acts:
        with pytest.raises(HttpResponseError) as caught:
            act()
        assert (caught.value.status_code, caught.value.error.code) == (405, "8520")
        assert len(caught.value.error.message) > 40


def test_what_can_be_read_beside_is_empty(client):
    assert [country.country_code for country in client.list_available_countries()] == ["DE", "US"]
    assert list(client.list_available_localities("US")) == []
    assert list(client.list_available_offerings("US")) == []
    assert list(client.list_available_area_codes("US", "geographic")) == []
    assert list(client.list_reservations()) == []
    with pytest.raises(ResourceNotFoundError, match="no reservation"):
        client.get_reservation("6d889502-3d7a-41a8-befa-d21fd80e8767")


def test_trunks_and_routes_of_the_configuration_are_read(url):
    client = SipRoutingClient(url, AzureKeyCredential(DEVELOPMENT_ACCESS_KEY))
    trunks = {trunk.fqdn: trunk.sip_signaling_port for trunk in client.list_trunks()}
    assert trunks == {"sip.carrier.example": 5070, "sbc.example.org": 5060}
    assert client.get_trunk("sbc.example.org").sip_signaling_port == 5060
    routes = list(client.list_routes())
    assert [(route.number_pattern, route.trunks) for route in routes] == [
        (r"\+49(.*)", ["sbc.example.org"]),
        ("(.*)", ["sip.carrier.example"]),
    ]
    with pytest.raises(HttpResponseError, match="cannot be changed here"):
        client.set_trunk(SipTrunk(fqdn="new.example.org", sip_signaling_port=5060))


async def test_every_operation_of_the_services_answers_without_a_fault():
    clock = FixedClock()
    client = Client(surface(FakeEngine(), clock, more=operations(Many())), clock)
    for operation in operations(Many()):
        reply = await client.send(operation.method, operation.path.replace("{}", "%2B18005550100"))
        assert reply.status in (200, 404, 405), operation.name
        assert reply.headers["x-cache"] == "CONFIG_NOCACHE"


@pytest.mark.parametrize("query", ["top=0", "skip=-1", "skip=x", "top=1001"])
async def test_a_page_out_of_bounds_is_400(query):
    clock = FixedClock()
    client = Client(surface(FakeEngine(), clock, more=operations(Many())), clock)
    reply = await client.send("GET", "/phoneNumbers", query=f"api-version=2025-06-01&{query}")
    assert (reply.status, reply.error["code"]) == (400, "8523")


async def test_a_wrong_version_names_those_of_this_service():
    clock = FixedClock()
    client = Client(surface(FakeEngine(), clock, more=operations(Many())), clock)
    reply = await client.send("GET", "/phoneNumbers", query="")
    assert reply.status == 400
    assert "2025-06-01" in reply.error["message"]


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+18005550100", "US"),
        ("+442079460000", "GB"),
        ("+35312345678", "IE"),
        ("+99999999999", "ZZ"),
        ("+97141234567", "AE"),
        ("+7495", "RU"),
    ],
)
def test_the_calling_code_says_the_country(number, country):
    assert country_of(number) == country
