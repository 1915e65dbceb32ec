"""Requests: keys, idempotency, errors, faults, pages and expansions."""

import asyncio
from typing import Any

import httpx
import pytest
import stripe

from tests.sandbox.shop import Shop

KEY = {"Authorization": "Bearer sk_test_requests"}


async def _post(shop: Shop, path: str, form: Any, **headers: str) -> httpx.Response:
    """Post what the client would never send."""
    return await shop.browser.post(path, data=form, headers=KEY | headers)


async def test_a_key_replays_its_answer_and_creates_nothing_twice(shop: Shop) -> None:
    """With the same parameters; the answer says that it is a replay."""
    create = shop.v1.customers.create_async
    first = await create({"email": "a@shop.test"}, {"idempotency_key": "k1"})

    again = await create({"email": "a@shop.test"}, {"idempotency_key": "k1"})

    assert again.id == first.id
    assert again.last_response.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.last_response.headers
    assert len((await shop.v1.customers.list_async()).data) == 1


async def test_a_key_with_other_parameters_is_refused(shop: Shop) -> None:
    """Whatever the first request has become."""
    create = shop.v1.customers.create_async
    await create({"email": "a@shop.test"}, {"idempotency_key": "k1"})

    with pytest.raises(stripe.IdempotencyError, match="same parameters"):
        await create({"email": "b@shop.test"}, {"idempotency_key": "k1"})


async def test_a_stored_500_is_replayed_under_its_key_for_ever(shop: Shop) -> None:
    """Only another key gets the work done."""
    create = shop.v1.customers.create_async
    await shop.control("faults", kind="error", count=1, path="/v1/customers")

    for _ in range(2):
        with pytest.raises(stripe.APIError):
            await create({"email": "a@shop.test"}, {"idempotency_key": "k1"})

    assert (await shop.v1.customers.list_async()).data == []
    created = await create({"email": "a@shop.test"}, {"idempotency_key": "k2"})
    assert created.email == "a@shop.test"


async def test_a_500_may_hide_that_the_work_was_done(shop: Shop) -> None:
    """So that only a look tells."""
    await shop.control("faults", kind="error_after", count=1, path="/v1/customers")

    with pytest.raises(stripe.APIError):
        await shop.v1.customers.create_async({"email": "a@shop.test"})

    assert len((await shop.v1.customers.list_async()).data) == 1


async def test_a_lost_answer_is_found_again_under_its_key(shop: Shop) -> None:
    """The work was done, the connection was lost: the same key gets the answer."""
    create = shop.v1.customers.create_async
    await shop.control("faults", kind="drop_after", count=1, path="/v1/customers")

    with pytest.raises(stripe.APIConnectionError):
        await create({"email": "a@shop.test"}, {"idempotency_key": "k1"})

    found = await create({"email": "a@shop.test"}, {"idempotency_key": "k1"})
    assert found.last_response.headers["idempotent-replayed"] == "true"
    assert [row.id for row in (await shop.v1.customers.list_async()).data] == [found.id]


async def test_a_lost_request_has_done_nothing(shop: Shop) -> None:
    """And leaves its key unused."""
    create = shop.v1.customers.create_async
    await shop.control("faults", kind="drop", count=1, path="/v1/customers")

    with pytest.raises(stripe.APIConnectionError):
        await create({"email": "a@shop.test"}, {"idempotency_key": "k1"})

    assert (await shop.v1.customers.list_async()).data == []
    made = await create({"email": "a@shop.test"}, {"idempotency_key": "k1"})
    assert "idempotent-replayed" not in made.last_response.headers


async def test_a_request_that_was_turned_away_leaves_its_key_unused(shop: Shop) -> None:
    """A 429 is not stored, nor is a parameter that is wrong."""
    create = shop.v1.customers.create_async
    await shop.control("faults", kind="rate_limit", count=1)
    with pytest.raises(stripe.RateLimitError):
        await create({"email": "a@shop.test"}, {"idempotency_key": "k1"})
    wrong = await _post(shop, "/v1/customers", {"emial": ""}, **{"Idempotency-Key": "k1"})
    assert wrong.status_code == 400

    made = await create({"email": "a@shop.test"}, {"idempotency_key": "k1"})

    assert made.email == "a@shop.test"


async def test_the_same_key_at_the_same_time_is_a_conflict(shop: Shop) -> None:
    """While the first request is still slow."""
    await shop.control("faults", kind="slow", count=1, seconds=1.0, path="/v1/customers")
    same = {"Idempotency-Key": "k1"}
    slow = asyncio.create_task(_post(shop, "/v1/customers", {"email": "a@shop.test"}, **same))
    answer = await _post(shop, "/v1/customers", {"email": "a@shop.test"}, **same)

    answers = [answer, await slow]

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["error"]["code"] == "idempotency_key_in_use"


async def test_faults_by_fraction_strike_some_requests(shop: Shop) -> None:
    """Until they are cleared."""
    await shop.control("faults", kind="rate_limit", fraction=0.5, method="GET", path="/v1/products")
    statuses = [
        (await shop.browser.get("/v1/products", headers=KEY)).status_code for _ in range(40)
    ]

    await shop.browser.delete("/_sandbox/faults")

    assert set(statuses) == {200, 429}
    assert (await shop.browser.get("/v1/products", headers=KEY)).status_code == 200


@pytest.mark.parametrize(
    ("form", "param", "code"),
    [
        ({"emial": "x"}, "emial", "parameter_unknown"),
        ({"address[planet]": "Mars"}, "address[planet]", "parameter_unknown"),
        ({"balance": "much"}, "balance", "parameter_invalid_integer"),
        ({"metadata[k]": "v" * 501}, "metadata[k]", None),
    ],
)
async def test_a_wrong_parameter_is_named(
    shop: Shop, form: Any, param: str, code: str | None
) -> None:
    """By its path, with Stripe's code."""
    answer = await _post(shop, "/v1/customers", form)

    error = answer.json()["error"]
    assert answer.status_code == 400
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert error.get("code") == code


async def test_a_missing_parameter_and_a_missing_object_are_named(shop: Shop) -> None:
    """A 400 and a 404."""
    missing = await _post(shop, "/v1/prices", {"currency": "usd", "unit_amount": "100"})
    assert missing.json()["error"]["param"] == "product"
    assert missing.json()["error"]["code"] == "parameter_missing"

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await shop.v1.subscriptions.retrieve_async("sub_none")
    assert refusal.value.http_status == 404
    assert refusal.value.code == "resource_missing"
    assert str(refusal.value.user_message) == "No such subscription: 'sub_none'"


@pytest.mark.parametrize("authorization", ["", "Bearer sk_live_1", "Basic c2s6", "Bearer pk_test"])
async def test_only_secret_keys_of_test_mode_are_taken(shop: Shop, authorization: str) -> None:
    """Everything else is a 401."""
    answer = await shop.browser.get("/v1/products", headers={"Authorization": authorization})

    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_another_version_and_an_unknown_path_are_refused(shop: Shop) -> None:
    """The sandbox speaks one version, and only what it knows."""
    old = {"Stripe-Version": "2024-06-20"}
    assert (await shop.browser.get("/v1/products", headers=KEY | old)).status_code == 400

    answer = await shop.browser.get("/v1/quotes", headers=KEY)

    assert answer.status_code == 404
    assert "Unrecognized request URL (GET: /v1/quotes)" in answer.json()["error"]["message"]


async def test_every_answer_has_a_number_of_its_own(shop: Shop) -> None:
    """Which support would ask for."""
    answers = [await shop.browser.get("/v1/products", headers=KEY) for _ in range(2)]

    assert len({answer.headers["request-id"] for answer in answers}) == 2
    assert answers[0].headers["stripe-version"] == stripe.api_version


async def test_a_list_goes_on_after_and_before_an_id(shop: Shop) -> None:
    """Newest first, and it says whether there is more."""
    made = [(await shop.customer()).id for _ in range(5)][::-1]
    listing = shop.v1.customers.list_async

    first = await listing({"limit": 2})
    second = await listing({"limit": 2, "starting_after": made[1]})
    back = await listing({"limit": 2, "ending_before": made[3]})

    assert [row.id for row in first.data] == made[:2]
    assert [row.id for row in second.data] == made[2:4]
    assert [row.id for row in back.data] == made[1:3]
    assert (first.has_more, second.has_more, back.has_more) == (True, True, True)
    rest = await listing({"starting_after": made[3]})
    assert ([row.id for row in rest.data], rest.has_more) == (made[4:], False)
    with pytest.raises(stripe.InvalidRequestError):
        await listing({"starting_after": "cus_none"})


async def test_a_lookup_key_moves_to_another_price_only_when_told(shop: Shop) -> None:
    """A key names one price at a time."""
    old = await shop.v1.prices.retrieve_async(shop.prices["pro"])
    fresh: Any = {"product": old.product, "currency": "usd", "unit_amount": 6000}
    fresh |= {"recurring": {"interval": "month"}, "lookup_key": "pro"}

    with pytest.raises(stripe.InvalidRequestError, match="already uses that lookup key"):
        await shop.v1.prices.create_async(fresh)
    price = await shop.v1.prices.create_async(fresh | {"transfer_lookup_key": True})

    page = await shop.v1.prices.list_async({"lookup_keys": ["pro", "pack"], "active": True})
    assert [row.id for row in page.data] == [price.id, shop.prices["pack"]]
    assert (await shop.v1.prices.retrieve_async(old.id)).lookup_key is None


async def test_an_inactive_price_cannot_be_bought(shop: Shop) -> None:
    """Nor a recurring one in payment mode."""
    await shop.v1.prices.update_async(shop.prices["pack"], {"active": False})
    customer = await shop.customer()

    with pytest.raises(stripe.InvalidRequestError, match="inactive"):
        await shop.checkout(customer, "pack")
    with pytest.raises(stripe.InvalidRequestError, match="recurring price"):
        await shop.v1.checkout.sessions.create_async(
            {
                "mode": "payment",
                "line_items": [{"price": shop.prices["pro"], "quantity": 1}],
                "success_url": "http://shop.test/",
            }
        )


async def test_metadata_is_merged_key_by_key(shop: Shop) -> None:
    """An empty value unsets its key, an empty string all of them."""
    customer = await shop.v1.customers.create_async({"metadata": {"a": "1", "b": "2"}})
    update = shop.v1.customers.update_async

    merged = await update(customer.id, {"metadata": {"a": "", "c": "3"}})
    cleared = await update(customer.id, {"metadata": ""})

    assert merged.metadata.to_dict() == {"b": "2", "c": "3"}
    assert cleared.metadata.to_dict() == {}


async def test_ids_are_expanded_where_they_can_be(shop: Shop) -> None:
    """Through lists too; what cannot be expanded is refused."""
    subscription = await shop.subscribed()
    retrieve = shop.v1.subscriptions.retrieve_async

    found = await retrieve(
        subscription.id, {"expand": ["latest_invoice.payments", "items.data.price.product"]}
    )

    assert found.latest_invoice.payments.data[0].status == "paid"
    assert found["items"].data[0].price.product.name == "Starter"
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        await retrieve(subscription.id, {"expand": ["nonsense"]})
