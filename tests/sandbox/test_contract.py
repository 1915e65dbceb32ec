"""The gate itself: it must see what it is for."""

import copy
from typing import Any

import httpx
import pytest
import stripe

from tests import contract
from tests.sandbox import server
from tests.sandbox.shop import Shop

PATH = "/v1/subscriptions/sub_1"


async def _price(shop: Shop) -> Any:
    price = await shop.v1.prices.retrieve_async(shop.prices["pro"])
    return price.to_dict() | {"unit_amount_decimal": "5000"}


def _retrieved(price: Any) -> list[str]:
    return contract.violations("GET", "/v1/prices/price_1", {}, 200, price)


async def test_the_gate_lets_a_right_answer_pass(shop: Shop) -> None:
    """Otherwise the tests below would prove nothing."""
    assert _retrieved(await _price(shop)) == []


async def test_the_gate_sees_a_missing_field(shop: Shop) -> None:
    """Also one that is nested."""
    price = await _price(shop)
    del price["currency"], price["recurring"]["interval"]

    assert sorted(_retrieved(price)) == [
        "GET /v1/prices/price_1: answer.currency: is missing",
        "GET /v1/prices/price_1: answer.recurring.interval: is missing",
    ]


async def test_the_gate_sees_an_invented_field_and_a_wrong_type(shop: Shop) -> None:
    """A number in quotes is no number; a flag is no number either."""
    price = await _price(shop) | {"colour": "red", "unit_amount": "5000", "created": True}

    assert sorted(_retrieved(price)) == [
        "GET /v1/prices/price_1: answer.colour: Price has no such field",
        "GET /v1/prices/price_1: answer.created: true is not int",
        'GET /v1/prices/price_1: answer.unit_amount: "5000" is not int',
    ]


async def test_the_gate_sees_a_wrong_literal(shop: Shop) -> None:
    """Although stripe-python would take any string for it."""
    price = await _price(shop)
    changed = copy.deepcopy(price) | {"type": "weekly"}

    assert _retrieved(changed) == [
        "GET /v1/prices/price_1: answer.type: \"weekly\" is not one of ['one_time', 'recurring']"
    ]


def test_the_gate_sees_parameters_that_stripe_does_not_know() -> None:
    """Unknown names, unknown words and values of the wrong type, at any depth."""
    params = {
        "items": [{"id": "si_1", "prize": "price_1"}],
        "proration_behavior": "sometimes",
        "proration_date": "tomorrow",
    }
    error = {"error": {"type": "invalid_request_error", "message": ""}}

    found = contract.violations("POST", PATH, params, 400, error)

    assert len(found) == 3
    assert "params.items[0].prize: SubscriptionUpdateParamsItem has no such field" in found[0]
    assert "params.proration_behavior" in found[1]
    assert "params.proration_date" in found[2]


def test_the_gate_sees_a_missing_parameter_and_an_unknown_endpoint() -> None:
    """What stripe-python requires must be sent, to where it sends it."""
    error = {"error": {"type": "invalid_request_error", "message": ""}}

    missing = contract.violations("POST", "/v1/prices", {"product": "prod_1"}, 400, error)

    assert missing == ["POST /v1/prices: params.currency: is missing"]
    assert contract.violations("GET", "/v1/prizes", {}, 200, {}) != []


async def test_a_client_that_leaves_the_contract_fails_its_block(address: str) -> None:
    """Whatever the sandbox answered, and however the caller takes it."""
    client = stripe.HTTPXClient(timeout=30)
    api = stripe.StripeClient(
        "sk_test_x", base_addresses={"api": address}, http_client=client, max_network_retries=0
    )
    params: Any = {"naem": "Pro"}

    with pytest.raises(contract.Drift, match="naem: ProductCreateParams has no such field"):
        await _create(client, api, params)
    await client.close_async()  # type: ignore[no-untyped-call]  # stripe leaves it untyped


async def _create(client: stripe.HTTPXClient, api: stripe.StripeClient, params: Any) -> None:
    with contract.checked(client), pytest.raises(stripe.InvalidRequestError):
        await api.v1.products.create_async(params)


async def test_the_gate_can_read_what_another_process_said(shop: Shop, address: str) -> None:
    """The sandbox keeps every exchange; here the other process has left the contract."""
    key = {"Authorization": "Bearer sk_test_other"}
    async with httpx.AsyncClient(base_url=address, headers=key) as other:
        async with contract.checked_sandbox(address) as gate:
            await other.get("/v1/products", params={"limit": "1"})
        assert gate.exchanges == 1
        with pytest.raises(contract.Drift, match="limit"):
            await _say(other, address)
    assert shop.gate.violations == []


async def _say(other: httpx.AsyncClient, address: str) -> None:
    async with contract.checked_sandbox(address):
        await other.get("/v1/products", params={"limit": "many"})


async def test_a_sandbox_that_a_test_starts_is_behind_the_gate() -> None:
    """Also for a test that knows of no gate."""
    with pytest.raises(contract.Drift, match="limit"):
        await _start_and_say()


async def _start_and_say() -> None:
    key = {"Authorization": "Bearer sk_test_other"}
    async with (
        server.serving() as address,
        httpx.AsyncClient(base_url=address, headers=key, trust_env=False) as client,
    ):
        await client.get("/v1/products", params={"limit": "many"})


async def test_an_event_passes_with_the_object_in_it(shop: Shop) -> None:
    """And does not with another one."""
    event = (await shop.raw_events())[-1]
    assert contract.event_violations(event) == []

    event["data"]["object"]["active"] = "yes"

    assert contract.event_violations(event) == ['product.created.active: "yes" is not bool']
