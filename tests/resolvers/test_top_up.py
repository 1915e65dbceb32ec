"""Buying credit packs: a page, its status, and the credits when it is paid."""

from typing import Any

import pytest

from models.ledger import AdjustmentType, CreditAdjustment
from models.subscription import Checkout
from resolvers import ids
from tests.resolvers import till as tills
from tests.resolvers.till import CANCEL_URL, SUCCESS_URL, Till
from tests.resolvers.world import ACME, ADMIN, EMPTY, MEMBER, OWNER, SERVICE, STRANGER

NODE = """query($id: ID!) { node(id: $id) { ... on TopUpCheckout {
    id status packs credits price { amountMinor currency } url createdAt expiresAt completedAt
} } }"""


async def top_up(till: Till, packs: int = 1, **given: Any) -> dict[str, Any]:
    """Ask for a page of packs; return the payload."""
    asked = {"packs": packs, "successUrl": SUCCESS_URL, "cancelUrl": CANCEL_URL}
    return await till.mutate(tills.TOP_UP, asked | given)


async def node(till: Till, id_: str, viewer: Any = OWNER) -> dict[str, Any] | None:
    """Return a purchase as its viewer sees it."""
    answer = await till.ask(NODE, viewer, id=id_)
    assert answer.errors == []
    found: dict[str, Any] | None = answer.data["node"]
    return found


def refusal(payload: dict[str, Any]) -> tuple[str, list[str]]:
    """Return the code and the path of a payload's only user error; it holds nothing else."""
    [error] = payload.pop("userErrors")
    assert payload == dict.fromkeys(payload)
    return error["code"], error["path"]


async def test_packs_are_paid_on_a_page_and_the_status_can_be_asked_for(till: Till) -> None:
    """The credits come with the payment, and never expire; the page is gone then."""
    await till.subscribe()
    checkout = (await top_up(till, 3))["topUpCheckout"]

    assert checkout["price"] == {"amountMinor": 6_000, "currency": "USD"}
    assert (checkout["status"], checkout["packs"], checkout["credits"]) == ("OPEN", 3, 1_500)
    assert [session["url"] for session in await till.sessions()] == [checkout["url"]]
    assert (await till.state())["remaining"] == 500

    await till.pay(checkout["url"])
    await till.hear()

    assert await node(till, checkout["id"]) == checkout | {
        "status": "COMPLETED",
        "url": None,
        "createdAt": "2026-11-15T12:00:00Z",
        "expiresAt": "2026-11-16T12:00:00Z",
        "completedAt": "2026-11-15T12:00:00Z",
    }
    assert (await till.state())["remaining"] == 2_000


async def test_a_payment_that_takes_days_brings_nothing_before_it_has_ended(till: Till) -> None:
    """Its status says so."""
    await till.subscribe()
    checkout = (await top_up(till))["topUpCheckout"]
    await till.pay(checkout["url"], tills.BANK)
    await till.hear()

    found = await node(till, checkout["id"])
    assert found is not None
    assert (found["status"], found["url"], found["completedAt"]) == ("PROCESSING", None, None)
    assert (await till.state())["remaining"] == 500

    [session] = [each for each in await till.sessions("complete") if each["mode"] == "payment"]
    await till.control(f"payments/{session['id']}/succeed")
    await till.hear()
    found = await node(till, checkout["id"])
    assert found is not None
    assert found["status"] == "COMPLETED"
    assert (await till.state())["remaining"] == 1_000


@pytest.mark.parametrize("packs", [0, -1, 21, 10**9])
async def test_so_many_packs_are_not_sold(till: Till, packs: int) -> None:
    """Stripe is not asked, and nothing is recorded."""
    await till.subscribe()
    before = await till.rows(Checkout)

    assert refusal(await top_up(till, packs)) == ("PACKS_OUT_OF_RANGE", ["input", "packs"])
    assert await till.sessions() == []
    assert await till.rows(Checkout) == before


async def test_the_most_packs_are_sold(till: Till) -> None:
    """Up to the maximum that the pack has."""
    await till.subscribe()

    assert (await top_up(till, 20))["topUpCheckout"]["credits"] == 10_000


async def test_on_free_no_packs_are_sold(till: Till) -> None:
    """Not even in the wrong number."""
    expected = ("PAID_PLAN_REQUIRED", ["input", "workspaceId"])

    assert refusal(await top_up(till)) == expected
    assert refusal(await top_up(till, 0)) == expected
    assert await till.rows(Checkout) == []


async def test_without_a_pack_in_the_catalogue_none_is_sold(till: Till) -> None:
    """The code says that it is not the number."""
    await till.subscribe()
    without = tills.CATALOGUE[: tills.CATALOGUE.index("[credit_pack]")]
    await till.sell(without)

    assert refusal(await top_up(till)) == ("PACK_NOT_SOLD", ["input"])


@pytest.mark.parametrize("field", ["successUrl", "cancelUrl"])
async def test_people_are_not_sent_elsewhere(till: Till, field: str) -> None:
    """The address is refused by itself."""
    await till.subscribe()

    elsewhere: dict[str, Any] = {field: "https://evil.test/"}
    payload = await top_up(till, **elsewhere)

    assert refusal(payload) == ("RETURN_URL_NOT_ALLOWED", ["input", field])
    assert await till.sessions() == []


async def test_the_same_key_opens_one_page(till: Till) -> None:
    """Twenty times at once, and after it is paid: the same purchase."""
    await till.subscribe()
    payloads = await till.gather(*(top_up(till, idempotencyKey="once") for _ in range(20)))

    assert all(payload == payloads[0] for payload in payloads)
    assert len(await till.sessions()) == 1
    checkout = payloads[0]["topUpCheckout"]
    await till.pay(checkout["url"])
    await till.hear()
    again = (await top_up(till, idempotencyKey="once"))["topUpCheckout"]
    assert (again["id"], again["status"]) == (checkout["id"], "COMPLETED")
    types = [row.type for row in await till.rows(CreditAdjustment)]
    assert types.count(AdjustmentType.CREDIT_PACKAGE_PURCHASE) == 1


async def test_a_key_is_answered_alike_when_nothing_is_sold_any_more(till: Till) -> None:
    """What was begun is not judged again: another key is refused, and no other page is opened."""
    await till.subscribe()
    checkout = (await top_up(till, idempotencyKey="once"))["topUpCheckout"]
    await till.sell(tills.CATALOGUE[: tills.CATALOGUE.index("[credit_pack]")])

    assert (await top_up(till, idempotencyKey="once"))["topUpCheckout"] == checkout
    assert refusal(await top_up(till, idempotencyKey="twice")) == ("PACK_NOT_SOLD", ["input"])
    assert len(await till.sessions()) == 1


async def test_the_same_key_with_another_number_is_refused(till: Till) -> None:
    """It would be another purchase."""
    await till.subscribe()
    await top_up(till, 1, idempotencyKey="once")

    payload = await top_up(till, 2, idempotencyKey="once")

    assert refusal(payload) == ("IDEMPOTENCY_KEY_REUSED", ["input", "idempotencyKey"])


async def test_another_key_is_another_purchase(till: Till) -> None:
    """Both can be paid."""
    await till.subscribe()
    for _ in range(2):
        await till.pay((await top_up(till))["topUpCheckout"]["url"])
    await till.hear()

    assert (await till.state())["remaining"] == 1_500


async def test_a_purchase_is_seen_by_the_members_and_paid_by_the_owner(till: Till) -> None:
    """Nobody else finds it; the page is for who pays."""
    await till.subscribe()
    checkout = (await top_up(till))["topUpCheckout"]
    elsewhere = ids.encode("TopUpCheckout", ids.decode(checkout["id"]).key, workspace_id=ACME)

    seen = await node(till, checkout["id"], STRANGER)
    assert seen is not None, "Sam is a member of this workspace"
    assert (seen["status"], seen["url"]) == ("OPEN", None)
    served = await node(till, checkout["id"], SERVICE)
    assert served is not None
    assert served["url"] is None
    for viewer in (ADMIN, MEMBER):
        assert await node(till, checkout["id"], viewer) is None
    assert await node(till, elsewhere) is None


async def test_a_plan_that_is_bought_is_no_purchase_of_packs(till: Till) -> None:
    """Its id is not found among them."""
    await till.outcome("pro", "MONTHLY")
    [row] = await till.rows(Checkout)

    assert await node(till, ids.encode("TopUpCheckout", row.id, workspace_id=EMPTY)) is None
