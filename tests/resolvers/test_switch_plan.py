"""Choosing a plan: every row of the switch table, as an owner and Stripe see it."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from billing import plan_changes, refresh
from models.ledger import AdjustmentType, CreditAdjustment
from models.plan import PlanPrice
from models.subscription import Checkout, CheckoutStatus, SwitchQuote
from tests.resolvers import till as tills
from tests.resolvers.till import Till

MARATHON = """
[[plans]]
id = "marathon"
name = "Marathon"
description = "The marathon plan."
rank = 4
kind = "ONE_TIME"
credits_per_refresh = 900
period_months = 6
prices = { one_time = 16900 }
"""

PRO = {"plan": "pro", "cycle": "MONTHLY", "pending": None, "remaining": 500}


def refusal(payload: dict[str, Any]) -> str:
    """Return the code of a payload's only user error; it holds nothing else."""
    [error] = payload.pop("userErrors")
    assert payload == dict.fromkeys(payload)
    return str(error["code"])


async def switched(till: Till, plan: str, cycle: str) -> dict[str, Any]:
    """Choose a plan and confirm what is shown; return what came of it."""
    shown = await till.outcome(plan, cycle)
    return await till.outcome(plan, cycle, token=shown["preview"]["token"])


async def compensations(till: Till) -> list[int]:
    """Return the credits that plan switches have brought or taken."""
    wanted = AdjustmentType.SUBSCRIPTION_SWITCH_COMPENSATION
    return [row.amount for row in await till.rows(CreditAdjustment) if row.type == wanted]


# To a paid plan, on a page


async def test_from_free_a_plan_is_paid_on_a_page(till: Till) -> None:
    """Nothing has changed before it is paid; after it, the plan and its package are there."""
    outcome = await till.outcome("pro", "MONTHLY")

    assert outcome["__typename"] == "PlanCheckoutRequired"
    assert (await till.state())["plan"] == "free"

    await till.pay(outcome["url"])
    await till.hear()
    assert await till.state() == PRO


async def test_the_same_choice_again_is_the_same_page(till: Till) -> None:
    """Under another key: the page that is open is given again."""
    first = await till.outcome("pro", "MONTHLY")
    again = await till.outcome("pro", "MONTHLY")

    assert first == again
    assert len(await till.sessions()) == 1


async def test_another_choice_closes_the_page_of_the_one_before(till: Till) -> None:
    """Only one page can be paid."""
    first = await till.outcome("pro", "MONTHLY")
    second = await till.outcome("team", "YEARLY")

    assert first["url"] != second["url"]
    assert [session["url"] for session in await till.sessions()] == [second["url"]]
    assert [row.status for row in await till.rows(Checkout)] == [
        CheckoutStatus.EXPIRED,
        CheckoutStatus.OPEN,
    ]


async def test_another_place_to_return_to_is_another_choice(till: Till) -> None:
    """A page returns to where it was told to when it was opened."""
    first = await till.outcome("pro", "MONTHLY")
    second = await till.outcome("pro", "MONTHLY", successUrl=f"{tills.ORIGIN}/elsewhere")

    assert first["url"] != second["url"]
    assert len(await till.sessions()) == 1


@pytest.mark.parametrize("same_key", [True, False])
async def test_twenty_clicks_at_once_open_one_page(till: Till, same_key: bool) -> None:  # noqa: FBT001 - a case
    """Whether the client says that they are one request or not."""
    given = {"idempotencyKey": "clicked"} if same_key else {}

    outcomes = await till.gather(*(till.outcome("pro", "MONTHLY", **given) for _ in range(20)))

    [session] = await till.sessions()
    assert {outcome["url"] for outcome in outcomes} == {session["url"]}
    assert len(await till.rows(Checkout)) == 1
    assert len((await till.api("GET", "/v1/customers", limit="100"))["data"]) == 1


async def test_twenty_choices_of_two_plans_leave_one_page(till: Till) -> None:
    """Whichever came last; who lost is told, or has a page that is closed."""
    plans = ("pro", "team") * 10
    payloads = await till.gather(*(till.switch(plan, "MONTHLY") for plan in plans))

    told = {error["code"] for payload in payloads for error in payload["userErrors"]}
    assert told <= {"SWITCH_UNDER_WAY"}
    assert len(await till.sessions()) == 1
    open_rows = [row for row in await till.rows(Checkout) if row.status is CheckoutStatus.OPEN]
    assert len(open_rows) == 1


async def test_who_is_overtaken_each_time_is_told_that_another_choice_is_under_way(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not that payments cannot be made. Closing the other page is all that there is time for."""
    monkeypatch.setattr(plan_changes, "ROUNDS", 1)
    await till.outcome("pro", "MONTHLY")

    [error] = (await till.switch("team", "MONTHLY"))["userErrors"]

    assert (error["code"], error["path"]) == ("SWITCH_UNDER_WAY", ["input", "workspaceId"])


async def test_who_returns_before_the_notice_and_chooses_again_switches(till: Till) -> None:
    """The page is looked at before another is opened: there is no second subscription."""
    await till.pay((await till.outcome("pro", "MONTHLY"))["url"])

    outcome = await till.outcome("team", "MONTHLY")

    assert outcome["__typename"] == "PlanSwitchConfirmationRequired"
    assert len(await till.subscriptions()) == 1
    assert await till.sessions() == []
    assert await till.state() == PRO
    await till.hear()
    assert await till.state() == PRO


async def test_who_returns_before_the_notice_has_the_plan(till: Till) -> None:
    """Choosing it again finds it paid."""
    await till.pay((await till.outcome("pro", "MONTHLY"))["url"])

    assert refusal(await till.switch("pro", "MONTHLY")) == "ALREADY_ON_PLAN"
    assert await till.state() == PRO


async def test_a_payment_that_takes_days_is_waited_for(till: Till) -> None:
    """No other plan is sold meanwhile."""
    await till.pay((await till.outcome("pro", "MONTHLY"))["url"], tills.BANK)
    await till.hear()

    assert refusal(await till.switch("team", "MONTHLY")) == "CHECKOUT_PROCESSING"
    assert await till.sessions() == []


async def test_a_one_time_plan_is_paid_once_and_extended_by_another_purchase(till: Till) -> None:
    """Its end moves, its package does not come twice."""
    await till.subscribe("sprint", "ONE_TIME")
    first = await till.state()
    await till.subscribe("sprint", "ONE_TIME")

    assert first == {"plan": "sprint", "cycle": "ONE_TIME", "pending": None, "remaining": 900}
    assert await till.state() == first
    assert await till.subscriptions() == []


async def test_from_a_one_time_plan_a_recurring_one_is_paid_on_a_page(till: Till) -> None:
    """What is left of the old package keeps its expiry."""
    await till.subscribe("sprint", "ONE_TIME")
    await till.subscribe("pro", "MONTHLY")

    assert await till.state() == PRO | {"remaining": 1_400}


async def test_a_price_that_stripe_does_not_have_cannot_be_bought(till: Till) -> None:
    """The catalogue was synced without a key."""
    async with till.database.write() as session:
        await session.execute(PlanPrice.__table__.update().values(stripe_price_id=None))  # type: ignore[attr-defined]  # a Table

    assert refusal(await till.switch("pro", "MONTHLY")) == "PAYMENTS_UNAVAILABLE"


# Where to return to


@pytest.mark.parametrize("field", ["successUrl", "cancelUrl"])
@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test/",
        "http://app.test/",
        "https://app.test:8443/",
        "https://app.test.evil.test/",
        "https://app.test@evil.test/",
        "https://evil.test\\@app.test/",
        "https://app.test%2eevil.test/",
        "HTTPS://app.test/",
        "https://app.test/" + "a" * 2_048,
    ],
)
async def test_people_are_not_sent_elsewhere(till: Till, field: str, url: str) -> None:
    """The address is refused by itself, and no page is opened."""
    payload = await till.switch("pro", "MONTHLY", **{field: url})

    assert payload["userErrors"][0]["path"] == ["input", field]
    assert refusal(payload) == "RETURN_URL_NOT_ALLOWED"
    assert await till.sessions() == []


@pytest.mark.parametrize("missing", [["successUrl"], ["cancelUrl"], ["successUrl", "cancelUrl"]])
async def test_a_page_needs_to_know_where_to_return_to(till: Till, missing: list[str]) -> None:
    """Both ways."""
    payload = await till.switch("pro", "MONTHLY", **dict.fromkeys(missing))

    assert payload["userErrors"][0]["path"] == ["input", missing[0]]
    assert refusal(payload) == "RETURN_URL_REQUIRED"
    assert await till.rows(Checkout) == []


# Between paid plans


async def test_a_switch_is_confirmed_first(till: Till) -> None:
    """Without a token nothing is done but to show what would be."""
    await till.subscribe()
    outcome = await till.outcome("team", "MONTHLY")

    assert outcome["__typename"] == "PlanSwitchConfirmationRequired"
    assert outcome["preview"] | {"token": None} == {
        "token": None,
        "action": "UPGRADE_NOW",
        "billingCycle": "MONTHLY",
        "amountDue": {"amountMinor": 3_000, "currency": "USD"},
        "credits": 1_500,
        "effectiveAt": "2026-11-15T12:00:00Z",
        "expiresAt": "2026-11-15T12:10:00Z",
        "plan": {"id": outcome["preview"]["plan"]["id"]},
    }
    assert await till.state() == PRO


async def test_an_upgrade_charges_what_was_shown(till: Till) -> None:
    """And brings the credits that were shown, at once; a notice of it adds nothing."""
    await till.subscribe()
    later = await till.later(days=15)
    preview = await later.preview("team", "MONTHLY")
    confirmed = await later.later(minutes=9)

    outcome = await confirmed.outcome("team", "MONTHLY", token=preview["token"])

    assert outcome == {"__typename": "PlanSwitched", "effectiveAt": preview["effectiveAt"]}
    assert preview["credits"] == 750
    assert await confirmed.state() == PRO | {"plan": "team", "remaining": 1_250}
    [invoice, _] = (await till.api("GET", "/v1/invoices"))["data"]
    assert invoice["amount_paid"] == preview["amountDue"]["amountMinor"] == 1_500
    await confirmed.hear()
    assert await compensations(confirmed) == [750]


async def test_to_a_longer_cycle_a_new_period_begins(till: Till) -> None:
    """The whole package, less what is left of the old one, which is still there."""
    await till.subscribe()
    later = await till.later(days=15)

    outcome = await switched(later, "pro", "YEARLY")

    assert outcome["__typename"] == "PlanSwitched"
    assert await compensations(later) == [250]
    assert await later.state() == PRO | {"cycle": "YEARLY", "remaining": 750}


@pytest.mark.parametrize(
    ("begun", "chosen"),
    [
        (("team", "MONTHLY"), ("pro", "MONTHLY")),
        (("pro", "YEARLY"), ("pro", "MONTHLY")),
        (("pro", "YEARLY"), ("team", "MONTHLY")),
        (("team", "MONTHLY"), ("pro", "YEARLY")),
    ],
)
async def test_what_falls_takes_effect_at_the_end_of_the_period(
    till: Till, begun: tuple[str, str], chosen: tuple[str, str]
) -> None:
    """Neither money nor credits move before."""
    await till.subscribe(*begun)
    before = await till.state()
    shown = (await till.outcome(*chosen))["preview"]

    outcome = await till.outcome(*chosen, token=shown["token"])

    assert shown["action"] == "SWITCH_AT_PERIOD_END"
    assert shown["amountDue"]["amountMinor"] == shown["credits"] == 0
    assert outcome == {
        "__typename": "PlanSwitchScheduled",
        "effectiveAt": shown["effectiveAt"],
    }
    assert await till.state() == before | {"pending": chosen}
    await till.hear()
    assert await till.state() == before | {"pending": chosen}
    assert refusal(await till.switch(*chosen)) == "ALREADY_SCHEDULED"


async def test_to_free_the_plan_ends_with_its_period(till: Till) -> None:
    """Without a preview: nothing is charged and nothing is lost before."""
    await till.subscribe()

    outcome = await till.outcome("free")

    assert outcome == {"__typename": "PlanSwitchScheduled", "effectiveAt": "2026-12-15T12:00:00Z"}
    assert await till.state() == PRO | {"pending": ("free", None)}
    assert refusal(await till.switch("free")) == "ALREADY_SCHEDULED"


async def test_from_a_recurring_plan_a_one_time_plan_cannot_be_bought(till: Till) -> None:
    """The reason says what to do first."""
    await till.subscribe()

    assert refusal(await till.switch("sprint", "ONE_TIME")) == "RECURRING_PLAN_MUST_END_FIRST"


async def test_a_one_time_plan_cannot_be_cancelled(till: Till) -> None:
    """It ends by itself."""
    await till.subscribe("sprint", "ONE_TIME")

    assert refusal(await till.switch("free")) == "ONE_TIME_PLAN_LAPSES"


async def test_what_is_paid_to_follow_a_one_time_plan_is_not_pushed_aside(till: Till) -> None:
    """Only the plan that is held can be prolonged meanwhile."""
    await till.sell(f"{tills.CATALOGUE}{MARATHON}")
    await till.subscribe("sprint", "ONE_TIME")
    await till.subscribe("marathon", "ONE_TIME")
    followed = await till.state()
    assert (followed["plan"], followed["pending"]) == ("sprint", ("marathon", "ONE_TIME"))

    assert refusal(await till.switch("pro", "MONTHLY")) == "PAID_PLAN_FOLLOWS"
    assert refusal(await till.switch("marathon", "ONE_TIME")) == "ALREADY_SCHEDULED"
    assert await till.sessions() == []
    assert await till.state() == followed

    await till.subscribe("sprint", "ONE_TIME")
    assert (await till.state())["pending"] == ("marathon", "ONE_TIME")


@pytest.mark.parametrize(
    ("plan", "cycle", "code"),
    [
        ("pro", "MONTHLY", "ALREADY_ON_PLAN"),
        ("pro", None, "PLAN_NOT_FOUND"),
        ("pro", "ONE_TIME", "PLAN_NOT_FOUND"),
        ("free", "MONTHLY", "PLAN_NOT_FOUND"),
        ("legacy", "MONTHLY", "PLAN_NOT_FOUND"),
        ("nothing", "MONTHLY", "PLAN_NOT_FOUND"),
    ],
)
async def test_what_is_held_or_not_sold_cannot_be_chosen(
    till: Till, plan: str, cycle: str | None, code: str
) -> None:
    """An archived plan is not sold."""
    await till.subscribe()

    assert refusal(await till.switch(plan, cycle)) == code


async def test_while_a_payment_is_due_only_the_portal_helps(till: Till) -> None:
    """No plan can be chosen."""
    await till.subscribe()
    await till.change_card(tills.DECLINED)
    later = await till.later(days=31)
    await later.hear()

    assert refusal(await later.switch("team", "MONTHLY")) == "PAST_DUE"
    assert refusal(await later.switch("free")) == "PAST_DUE"
    portal = await later.mutate(tills.PORTAL, {"returnUrl": tills.CANCEL_URL})
    assert portal["url"], portal


# What replaces what is to come


@pytest.mark.parametrize("pending", [("pro", "MONTHLY"), ("free", None)])
async def test_an_upgrade_undoes_what_is_to_come(
    till: Till, pending: tuple[str, str | None]
) -> None:
    """At Stripe too: there is neither a schedule nor a cancellation any more."""
    await till.subscribe("team", "MONTHLY")
    shown = await till.outcome(*pending)
    if "preview" in shown:
        await till.outcome(*pending, token=shown["preview"]["token"])
    assert (await till.state())["pending"] == pending

    await switched(till, "team", "YEARLY")

    assert await till.state() == {
        "plan": "team",
        "cycle": "YEARLY",
        "pending": None,
        "remaining": 2_000,
    }
    [subscription] = await till.subscriptions()
    assert subscription["schedule"] is None
    assert subscription["cancel_at_period_end"] is False


async def test_a_cancellation_replaces_a_scheduled_switch_and_the_other_way_round(
    till: Till,
) -> None:
    """The last choice is the one that counts."""
    await till.subscribe("team", "MONTHLY")
    await switched(till, "pro", "MONTHLY")
    await till.outcome("free")
    assert (await till.state())["pending"] == ("free", None)

    await switched(till, "pro", "YEARLY")
    assert (await till.state())["pending"] == ("pro", "YEARLY")


@pytest.mark.parametrize("pending", [("pro", "MONTHLY"), ("free", None)])
async def test_what_is_to_come_can_be_undone(till: Till, pending: tuple[str, str | None]) -> None:
    """Once: then nothing is to come."""
    await till.subscribe("team", "MONTHLY")
    before = await till.state()
    shown = await till.outcome(*pending)
    if "preview" in shown:
        await till.outcome(*pending, token=shown["preview"]["token"])

    payload = await till.mutate(tills.UNDO, {"idempotencyKey": "undo"})

    assert payload["userErrors"] == []
    assert payload["workspace"]["id"]
    assert await till.state() == before
    assert await till.mutate(tills.UNDO, {"idempotencyKey": "undo"}) == payload
    assert refusal(await till.mutate(tills.UNDO, {})) == "NO_PENDING_CHANGE"


async def test_a_cancellation_for_a_date_can_be_undone(till: Till) -> None:
    """The portal sets one, and Stripe keeps it in another field."""
    await till.subscribe()
    [subscription] = await till.subscriptions()
    at = str(int((till.now + timedelta(days=20)).timestamp()))
    await till.api("POST", f"/v1/subscriptions/{subscription['id']}", cancel_at=at)
    await till.hear()
    assert (await till.state())["pending"] == ("free", None)

    await till.mutate(tills.UNDO, {})

    assert await till.state() == PRO
    [subscription] = await till.subscriptions()
    assert subscription["cancel_at"] is None


async def test_on_free_there_is_nothing_to_undo(till: Till) -> None:
    """Nobody is asked."""
    assert refusal(await till.mutate(tills.UNDO, {})) == "NO_PENDING_CHANGE"


# What is shown and what is true


async def test_a_preview_is_true_for_ten_minutes(till: Till) -> None:
    """Then another is asked for; nothing was charged."""
    await till.subscribe()
    preview = await till.preview("team", "MONTHLY")
    later = await till.later(minutes=10)

    assert (
        refusal(await later.switch("team", "MONTHLY", token=preview["token"])) == "PREVIEW_EXPIRED"
    )
    assert await later.state() == PRO


async def test_a_preview_is_not_true_of_another_choice(till: Till) -> None:
    """Nor is what was never shown."""
    await till.subscribe()
    token = (await till.preview("team", "MONTHLY"))["token"]

    assert refusal(await till.switch("team", "YEARLY", token=token)) == "PREVIEW_EXPIRED"
    assert refusal(await till.switch("team", "MONTHLY", token="0" * 32)) == "PREVIEW_EXPIRED"
    assert refusal(await till.switch("team", "MONTHLY", token="nonsense")) == "PREVIEW_EXPIRED"
    assert await till.state() == PRO


async def test_a_preview_is_not_true_of_a_subscription_that_has_changed(till: Till) -> None:
    """Whoever changed it, and whether we have heard of it or not."""
    await till.subscribe()
    token = (await till.preview("team", "MONTHLY"))["token"]
    await switched(till, "pro", "YEARLY")

    assert refusal(await till.switch("team", "MONTHLY", token=token)) == "PREVIEW_EXPIRED"
    assert (await till.state())["plan"] == "pro"


async def test_a_preview_is_not_true_of_another_package(till: Till) -> None:
    """The month's credits that it adds to are gone when the next month's have come."""
    await till.subscribe("pro", "YEARLY")
    before = await till.later(days=30, minutes=-5)
    token = (await before.preview("team", "YEARLY"))["token"]
    after = await before.later(minutes=8)

    assert refusal(await after.switch("team", "YEARLY", token=token)) == "PREVIEW_EXPIRED"
    assert (await after.state())["plan"] == "pro"
    assert await compensations(after) == []


async def test_a_switch_is_of_the_present_package_however_late_the_clock_is(till: Till) -> None:
    """It is granted before it is added to, and not once more by the plan that is switched to."""
    await till.subscribe("pro", "YEARLY")
    later = await till.later(days=31)

    await switched(later, "team", "YEARLY")
    await later.hear()
    async with later.database.write() as session:
        await refresh.catch_up(session, workspace_id=tills.WORKSPACE, now=later.now)

    # 30 of the 31 days of the month are left: 2,000 credits instead of 500.
    assert await compensations(later) == [1_452]
    assert (await later.state())["remaining"] == 1_952
    types = [row.type for row in await later.rows(CreditAdjustment)]
    assert types.count(AdjustmentType.PACKAGE_RESET) == 1
    assert await later.drifts() == []


async def test_a_preview_stays_true_while_only_what_is_to_come_changes(till: Till) -> None:
    """No number of it depends on that; the switch undoes it first."""
    await till.subscribe()
    token = (await till.preview("team", "MONTHLY"))["token"]
    await till.outcome("free")

    outcome = await till.outcome("team", "MONTHLY", token=token)

    assert outcome["__typename"] == "PlanSwitched"
    assert (await till.state())["pending"] is None


async def test_a_preview_is_used_once(till: Till) -> None:
    """There and back again, it is not true any more."""
    await till.subscribe()
    token = (await till.preview("team", "MONTHLY"))["token"]
    await till.outcome("team", "MONTHLY", token=token)

    assert refusal(await till.switch("team", "MONTHLY", token=token)) == "ALREADY_ON_PLAN"


async def test_twenty_confirmations_at_once_are_one_switch(till: Till) -> None:
    """One invoice, one compensation; the others are told why not."""
    await till.subscribe()
    token = (await till.preview("team", "MONTHLY"))["token"]

    payloads = await till.gather(*(till.switch("team", "MONTHLY", token=token) for _ in range(20)))

    done = [payload for payload in payloads if payload["outcome"]]
    told = {error["code"] for payload in payloads for error in payload["userErrors"]}
    assert len(done) == 1
    assert told <= {"SWITCH_UNDER_WAY", "ALREADY_ON_PLAN", "PREVIEW_EXPIRED"}
    assert len((await till.api("GET", "/v1/invoices"))["data"]) == 2
    await till.hear()
    assert await compensations(till) == [1_500]


async def test_two_previews_confirmed_at_once_are_one_switch(till: Till) -> None:
    """The second one would not be charged what it was shown."""
    await till.subscribe()
    team = (await till.preview("team", "MONTHLY"))["token"]
    yearly = (await till.preview("pro", "YEARLY"))["token"]

    payloads = await till.gather(
        till.switch("team", "MONTHLY", token=team), till.switch("pro", "YEARLY", token=yearly)
    )

    assert sorted(len(payload["userErrors"]) for payload in payloads) == [0, 1]
    assert len((await till.api("GET", "/v1/invoices"))["data"]) == 2


async def test_old_quotes_are_let_go(till: Till) -> None:
    """When another one is made; one that made an invoice stays, since the invoice needs it."""
    await till.subscribe()
    await till.preview("pro", "YEARLY")
    await switched(till, "team", "MONTHLY")
    later = await till.later(minutes=21)

    await later.preview("team", "YEARLY")

    kept = await later.rows(SwitchQuote)
    assert [row.plan_id for row in kept] == ["team", "team"]
    assert [row.stripe_invoice_id is None for row in kept] == [False, True]


# The card


async def test_a_declined_card_changes_nothing(till: Till) -> None:
    """Another card, the same token and the same key: then it is switched."""
    await till.subscribe()
    token = (await till.preview("team", "MONTHLY"))["token"]
    await till.change_card(tills.DECLINED)
    asked: dict[str, Any] = {"token": token, "idempotencyKey": "declined"}

    payload = await till.switch("team", "MONTHLY", **asked)
    assert payload["userErrors"][0]["message"] == "Your card was declined."
    assert refusal(payload) == "PAYMENT_DECLINED"
    await till.hear()
    assert await till.state() == PRO

    await till.change_card(tills.CARD)
    outcome = await till.outcome("team", "MONTHLY", **asked)
    assert outcome["__typename"] == "PlanSwitched"
    assert await compensations(till) == [1_500]


@pytest.mark.parametrize("pending", [("pro", "MONTHLY"), ("free", None)])
async def test_what_was_to_come_still_comes_when_the_card_is_declined(
    till: Till, pending: tuple[str, str | None]
) -> None:
    """It was undone for the switch; nobody who has cancelled is charged for another month."""
    await till.subscribe("team", "MONTHLY")
    await (till.outcome("free") if pending[1] is None else switched(till, "pro", "MONTHLY"))
    before = await till.state()
    token = (await till.preview("team", "YEARLY"))["token"]
    await till.change_card(tills.DECLINED)

    payload = await till.switch("team", "YEARLY", token=token)

    assert refusal(payload) == "PAYMENT_DECLINED"
    assert before["pending"] == pending
    assert await till.state() == before
    [subscription] = await till.subscriptions()
    assert (subscription["schedule"] is None) == (pending[1] is None)
    assert subscription["cancel_at_period_end"] == (pending[1] is None)
    await till.hear()
    assert await till.state() == before


async def test_a_cardholder_who_has_to_authenticate_is_sent_to_a_page(till: Till) -> None:
    """Until then nothing has changed; after it, the switch is what was shown."""
    await till.subscribe()
    await till.change_card(tills.AUTHENTICATED)
    token = (await till.preview("team", "MONTHLY"))["token"]
    asked: dict[str, Any] = {"token": token, "idempotencyKey": "authenticated"}

    outcome = await till.outcome("team", "MONTHLY", **asked)

    assert outcome["__typename"] == "PlanSwitchPaymentRequired"
    assert outcome["expiresAt"] == "2026-11-16T11:00:00Z"
    assert await till.outcome("team", "MONTHLY", **asked) == outcome
    await till.hear()
    assert await till.state() == PRO

    later = await till.later(hours=2)
    page = await later.browser.get(outcome["url"])
    assert page.status_code == 200
    await till.browser.post(outcome["url"] + "/pay", data={"card_number": tills.CARD})
    await later.hear()
    assert await later.state() == PRO | {"plan": "team", "remaining": 2_000}
    assert await compensations(later) == [1_500]


# The key


async def test_the_same_key_is_answered_alike(till: Till) -> None:
    """Whatever has happened since."""
    await till.subscribe()
    token = (await till.preview("team", "MONTHLY"))["token"]
    asked: dict[str, Any] = {"token": token, "idempotencyKey": "once"}
    first = await till.switch("team", "MONTHLY", **asked)
    await till.outcome("free")

    assert await till.switch("team", "MONTHLY", **asked) == first
    assert (await till.state())["pending"] == ("free", None)


async def test_the_same_key_with_another_input_is_refused(till: Till) -> None:
    """An answer that was given is not given to another question."""
    await till.switch("pro", "MONTHLY", idempotencyKey="once")

    payload = await till.switch("team", "MONTHLY", idempotencyKey="once")

    assert refusal(payload) == "IDEMPOTENCY_KEY_REUSED"


async def test_a_confirmation_that_is_asked_for_does_not_use_the_key_up(till: Till) -> None:
    """Nor does a refusal."""
    await till.subscribe()
    refused = await till.switch("pro", "MONTHLY", idempotencyKey="kept")
    shown = await till.outcome("team", "MONTHLY", idempotencyKey="kept")

    outcome = await till.outcome(
        "team", "MONTHLY", token=shown["preview"]["token"], idempotencyKey="kept"
    )

    assert refusal(refused) == "ALREADY_ON_PLAN"
    assert outcome["__typename"] == "PlanSwitched"


async def test_a_cancellation_undoes_a_switch_that_is_scheduled_at_the_same_time(
    till: Till,
) -> None:
    """Stripe cancels nothing that a schedule manages: whoever comes last prevails."""
    await till.subscribe("team")
    [subscription] = await till.subscriptions()
    client = till.payments.account.transport._client_async
    scheduled: list[Any] = []

    async def schedule_first(request: httpx.Request) -> None:
        path = f"/v1/subscriptions/{subscription['id']}"
        if (request.method, request.url.path) == ("POST", path) and not scheduled:
            wanted = {"from_subscription": subscription["id"]}
            scheduled.append(await till.api("POST", "/v1/subscription_schedules", **wanted))

    client.event_hooks = client.event_hooks | {"request": [schedule_first]}
    outcome = await till.outcome("free")

    assert outcome["__typename"] == "PlanSwitchScheduled"
    assert len(scheduled) == 1
    [found] = await till.subscriptions()
    assert (found["cancel_at_period_end"], found["schedule"]) == (True, None)
    assert (await till.state())["pending"] == ("free", None)
