"""When Stripe is down, slow, or fails having worked: nothing is done twice or left half done.

Whatever goes wrong, the owner is answered with a refusal or with what was asked for; asked again
under the same key, it is there once.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest

from models.database import Database
from models.subscription import Checkout, CheckoutStatus
from resolvers import ids
from tests import dying, postgres
from tests.conftest import PROFILE
from tests.dying import Death
from tests.resolvers import till as tills
from tests.resolvers.till import Till

KINDS = ("error", "error_after", "drop", "drop_after", "rate_limit")
SLOW_SECONDS = 0.6
KEYED: dict[str, Any] = {"idempotencyKey": "asked until it is answered"}


@dataclass(frozen=True)
class Story:
    """What is asked, of a till that is prepared for it, and what has to be true in the end.

    `path` is what begins the paths of the calls that go wrong.
    """

    name: str
    path: str
    prepare: Callable[[Till], Awaitable[dict[str, Any]]]
    ask: Callable[[Till, dict[str, Any]], Awaitable[dict[str, Any]]]
    proof: Callable[[Till], Awaitable[None]]

    def __str__(self) -> str:
        return self.name


async def _nothing(till: Till) -> dict[str, Any]:
    """Prepare nothing."""
    del till
    return {}


async def _pro(till: Till) -> dict[str, Any]:
    await till.subscribe()
    return {}


async def _shown(till: Till, plan: str, cycle: str) -> dict[str, Any]:
    return {"token": (await till.preview(plan, cycle))["token"]}


async def _upgrade_shown(till: Till) -> dict[str, Any]:
    await till.subscribe()
    return await _shown(till, "team", "MONTHLY")


async def _downgrade_shown(till: Till) -> dict[str, Any]:
    await till.subscribe("team", "MONTHLY")
    return await _shown(till, "pro", "MONTHLY")


async def _cancelled_upgrade_shown(till: Till) -> dict[str, Any]:
    await till.subscribe()
    await till.outcome("free")
    return await _shown(till, "team", "MONTHLY")


async def _downgraded(till: Till) -> dict[str, Any]:
    given = await _downgrade_shown(till)
    await till.outcome("pro", "MONTHLY", **given)
    return {}


async def _cancelled(till: Till) -> dict[str, Any]:
    await till.subscribe()
    await till.outcome("free")
    return {}


async def _choose_pro(till: Till, given: dict[str, Any]) -> dict[str, Any]:
    return await till.switch("pro", "MONTHLY", **given | KEYED)


async def _choose_team(till: Till, given: dict[str, Any]) -> dict[str, Any]:
    return await till.switch("team", "MONTHLY", **given | KEYED)


async def _choose_free(till: Till, given: dict[str, Any]) -> dict[str, Any]:
    return await till.switch("free", **given | KEYED)


async def _undo(till: Till, given: dict[str, Any]) -> dict[str, Any]:
    return await till.mutate(tills.UNDO, given | KEYED)


async def _top_up(till: Till, given: dict[str, Any]) -> dict[str, Any]:
    asked = {"packs": 2, "successUrl": tills.SUCCESS_URL, "cancelUrl": tills.CANCEL_URL}
    return await till.mutate(tills.TOP_UP, asked | given | KEYED)


async def _one_page(till: Till) -> None:
    [session] = await till.sessions()
    [checkout] = [row for row in await till.rows(Checkout) if row.url]
    assert checkout.status is CheckoutStatus.OPEN
    assert checkout.url == session["url"]
    assert len((await till.api("GET", "/v1/customers"))["data"]) == 1


async def _one_switch(till: Till) -> None:
    invoices = (await till.api("GET", "/v1/invoices"))["data"]
    assert [invoice["billing_reason"] for invoice in invoices] == [
        "subscription_update",
        "subscription_create",
    ]
    await till.hear()
    assert await till.state() == {
        "plan": "team",
        "cycle": "MONTHLY",
        "pending": None,
        "remaining": 2_000,
    }


async def _one_schedule(till: Till) -> None:
    [subscription] = await till.subscriptions()
    schedule = await till.api("GET", f"/v1/subscription_schedules/{subscription['schedule']}")
    assert len(schedule["phases"]) == 2
    await till.hear()
    assert (await till.state())["pending"] == ("pro", "MONTHLY")


async def _one_cancellation(till: Till) -> None:
    [subscription] = await till.subscriptions()
    assert subscription["cancel_at_period_end"] is True
    assert (await till.state())["pending"] == ("free", None)


async def _nothing_to_come(till: Till) -> None:
    [subscription] = await till.subscriptions()
    assert subscription["schedule"] is None
    assert subscription["cancel_at_period_end"] is False
    assert (await till.state())["pending"] is None


def _long(story: Story) -> Any:
    return pytest.param(story, marks=pytest.mark.long)


MANY = 10
"""The fewest steps that a story has: else none of them was cut off."""

STRIDE = 1 if PROFILE == "long" else 3
"""Of so many steps one is cut off; each takes a story of its own, from the beginning."""

SUBSCRIPTIONS, SCHEDULES = "/v1/subscriptions", "/v1/subscription_schedules"
STORIES = (
    Story("a customer", "/v1/customers", _nothing, _choose_pro, _one_page),
    Story("a plan's page", "/v1/checkout", _nothing, _choose_pro, _one_page),
    Story("a page of packs", "/v1/checkout", _pro, _top_up, _one_page),
    Story("an upgrade", SUBSCRIPTIONS, _upgrade_shown, _choose_team, _one_switch),
    Story("a kept upgrade", SUBSCRIPTIONS, _cancelled_upgrade_shown, _choose_team, _one_switch),
    Story("a downgrade", SCHEDULES, _downgrade_shown, _choose_pro, _one_schedule),
    Story("a cancellation", SUBSCRIPTIONS, _pro, _choose_free, _one_cancellation),
    Story("a released schedule", SCHEDULES, _downgraded, _undo, _nothing_to_come),
    Story("a kept subscription", SUBSCRIPTIONS, _cancelled, _undo, _nothing_to_come),
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("story", STORIES, ids=str)
@pytest.mark.parametrize(
    "times", [1, pytest.param(2, marks=pytest.mark.long), pytest.param(4, marks=pytest.mark.long)]
)
async def test_what_fails_is_asked_again_and_is_there_once(
    till: Till, story: Story, kind: str, times: int
) -> None:
    """Each refusal says that payments are not available, and asking again is safe."""
    given = await story.prepare(till)
    await till.fail(kind, story.path, times=times)

    for _ in range(times + 1):
        payload = await story.ask(till, given)
        if not payload["userErrors"]:
            break
        assert [error["code"] for error in payload["userErrors"]] == ["PAYMENTS_UNAVAILABLE"]

    assert payload["userErrors"] == []
    await story.proof(till)
    assert await story.ask(till, given) == payload


@pytest.mark.parametrize(
    "story",
    [story if story.name in {"a plan's page", "an upgrade"} else _long(story) for story in STORIES],
    ids=str,
)
async def test_whoever_dies_leaves_what_the_same_key_goes_on_with(
    postgres_url: str, world_url: str, sandbox_address: str, story: Story
) -> None:
    """Cut off before any statement and any commit of it: asked again, it is there once."""
    step, death = 1 - STRIDE, Death(has_come=True)
    while death.has_come:
        step += STRIDE
        async with postgres.database(postgres_url, template_url=world_url) as url:
            database = Database(url)
            async with tills.opened(database, sandbox_address) as till:
                given = await story.prepare(till)
                with dying.at_step(database, step) as death, suppress(tills.Failed):
                    payload = await story.ask(till, given)
                payload = await story.ask(till, given)
                assert payload["userErrors"] == [], step
                await story.proof(till)
                assert await till.drifts() == []
            await database.close()
    assert step > MANY


@pytest.mark.parametrize("kind", ["error", "error_after", "drop", "rate_limit"])
async def test_a_preview_that_fails_leaves_the_page_whole(till: Till, kind: str) -> None:
    """One null field with an error that says why; the rest is there."""
    await till.subscribe()
    await till.fail(kind, "/v1/invoices/create_preview", times=2)

    answer = await till.ask(tills.ASK_PREVIEW, plan=ids.encode("Plan", "team"), cycle="MONTHLY")

    assert answer.data == {"workspace": {"name": "Empty", "planSwitchPreview": None}}
    assert answer.codes == ["PAYMENTS_UNAVAILABLE"]
    assert answer.errors[0].path == ("workspace", "planSwitchPreview")


async def test_calls_that_are_slow_together_end_in_time(till: Till) -> None:
    """Each is quick enough. The refusal says what it was; the same key then does what was asked."""
    given = await _upgrade_shown(till)
    hurried = replace(till, payments_seconds=1.5 * SLOW_SECONDS)
    await till.control("faults", kind="slow", seconds=SLOW_SECONDS, fraction=1.0)

    refused = await _choose_team(hurried, given)
    shown = await hurried.ask(tills.ASK_PREVIEW, plan=ids.encode("Plan", "team"), cycle="MONTHLY")

    assert [error["code"] for error in refused["userErrors"]] == ["PAYMENTS_UNAVAILABLE"]
    assert (refused["outcome"], shown.codes) == (None, ["PAYMENTS_UNAVAILABLE"])
    await till.browser.delete("/_sandbox/faults")
    assert (await _choose_team(till, given))["userErrors"] == []
    await _one_switch(till)
