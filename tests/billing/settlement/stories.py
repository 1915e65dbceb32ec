"""What a payment provider says in the tests of settlement, with defaults: a month of Pro."""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from billing import settlement
from billing.catalog import Money
from billing.payments import (
    CheckoutMode,
    CheckoutProgress,
    CheckoutState,
    InvoiceLine,
    InvoiceReason,
    InvoiceState,
    PaymentState,
    ScheduledChange,
    SubscriptionProgress,
    SubscriptionState,
)
from billing.settlement import Story
from models.base import new_id
from models.database import Database
from models.ledger import CreditAdjustment
from models.plan import BillingCycle
from models.subscription import Checkout, CheckoutKind, CheckoutStatus, Subscription
from tests.billing import catalogue
from tests.billing.factories import Place, stored

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
END = datetime(2026, 4, 2, 12, tzinfo=UTC)
NEXT_END = datetime(2026, 5, 2, 12, tzinfo=UTC)
HALF = START + (END - START) / 2
DAY = timedelta(days=1)
PRO = catalogue.price_id("pro", BillingCycle.MONTHLY)
PRO_YEARLY = catalogue.price_id("pro", BillingCycle.YEARLY)
TEAM = catalogue.price_id("team", BillingCycle.MONTHLY)
TEAM_YEARLY = catalogue.price_id("team", BillingCycle.YEARLY)
PASS = catalogue.price_id("pass", BillingCycle.ONE_TIME)
SEASON = catalogue.price_id("season", BillingCycle.ONE_TIME)

_fetches = count(1)


def subscription(
    place: Place,
    *,
    subscription_id: str = "sub_1",
    progress: SubscriptionProgress = SubscriptionProgress.ACTIVE,
    price_id: str = PRO,
    start: datetime = START,
    end: datetime = END,
    cancels_at: datetime | None = None,
    ended_at: datetime | None = None,
    schedule_id: str | None = None,
    latest_invoice_id: str | None = "in_1",
    fetched_at: datetime | None = None,
) -> SubscriptionState:
    """Return a subscription, fetched later than those before it."""
    return SubscriptionState(
        subscription_id=subscription_id,
        workspace_id=place.workspace_id,
        customer_id=customer_id(place),
        progress=progress,
        price_id=price_id,
        period_start=start,
        period_end=end,
        cancels_at=cancels_at,
        ended_at=ended_at,
        schedule_id=schedule_id,
        latest_invoice_id=latest_invoice_id,
        has_pending_update=False,
        fetched_at=fetched_at or fetch_time(),
    )


def change(
    price_id: str, *, at: datetime = END, schedule_id: str = "sub_sched_1"
) -> ScheduledChange:
    """Return what a schedule changes a subscription to."""
    return ScheduledChange(
        schedule_id=schedule_id,
        subscription_id="sub_1",
        is_live=True,
        price_id=price_id,
        starts_at=at,
    )


def line(
    price_id: str | None = PRO,
    *,
    amount_minor: int = 2_900,
    start: datetime = START,
    end: datetime = END,
    is_proration: bool = False,
) -> InvoiceLine:
    """Return a line of an invoice."""
    return InvoiceLine(
        price_id=price_id,
        is_proration=is_proration,
        amount_minor=amount_minor,
        period_start=start,
        period_end=end,
    )


def pair(
    old: str = PRO,
    new: str = TEAM,
    *,
    at: datetime,
    end: datetime = END,
) -> list[InvoiceLine]:
    """Return the two prorations of a switch within a period."""
    return [
        line(old, amount_minor=-1_450, start=at, end=end, is_proration=True),
        line(new, amount_minor=4_950, start=at, end=end, is_proration=True),
    ]


def invoice(
    place: Place,
    *lines: InvoiceLine,
    invoice_id: str = "in_1",
    subscription_id: str = "sub_1",
    reason: InvoiceReason = InvoiceReason.SUBSCRIPTION_CREATE,
    is_paid: bool = True,
    paid_minor: int = 2_900,
) -> InvoiceState:
    """Return a paid invoice, of the first month of Pro unless other lines are given."""
    return InvoiceState(
        invoice_id=invoice_id,
        workspace_id=place.workspace_id,
        customer_id=customer_id(place),
        subscription_id=subscription_id,
        reason=reason,
        is_paid=is_paid,
        paid=Money(paid_minor, "USD"),
        lines=lines or [line()],
    )


def page(
    place: Place,
    *,
    session_id: str = "cs_1",
    checkout_id: UUID | None = None,
    mode: CheckoutMode = CheckoutMode.PAYMENT,
    progress: CheckoutProgress = CheckoutProgress.PAID,
    price_id: str = catalogue.PACK_PRICE_ID,
    quantity: int = 2,
    paid_minor: int = 1_000,
    subscription_id: str | None = None,
) -> CheckoutState:
    """Return a checkout page, on which two packs are paid."""
    return CheckoutState(
        session_id=session_id,
        workspace_id=place.workspace_id,
        checkout_id=checkout_id,
        mode=mode,
        progress=progress,
        url="https://checkout.example.com" if progress is CheckoutProgress.OPEN else None,
        expires_at=END,
        customer_id=customer_id(place),
        subscription_id=subscription_id,
        payment_id=f"pi_of_{session_id}" if mode is CheckoutMode.PAYMENT else None,
        price_id=price_id,
        quantity=quantity,
        paid=Money(paid_minor, "USD"),
    )


def payment(
    place: Place,
    *,
    payment_id: str = "pi_of_cs_1",
    invoice_id: str | None = None,
    paid_minor: int = 1_000,
    refunded_minor: int = 0,
    disputed_minor: int = 0,
) -> PaymentState:
    """Return a payment, of which some may have gone back."""
    return PaymentState(
        payment_id=payment_id,
        customer_id=customer_id(place),
        workspace_id=place.workspace_id,
        invoice_id=invoice_id,
        paid_minor=paid_minor,
        refunded_minor=refunded_minor,
        disputed_minor=disputed_minor,
        receipt_url=f"https://receipts.example.com/{payment_id}",
    )


def customer_id(place: Place) -> str:
    """Return the customer of a workspace."""
    return f"cus_{place.workspace_id.hex}"


def fetch_time() -> datetime:
    """Return a time later than those before it."""
    return START + timedelta(seconds=next(_fetches))


async def tell(database: Database, *, now: datetime = START, **told: Any) -> UUID | None:
    """Settle a story in a transaction of its own; `told` is what the provider says."""
    async with database.write() as session:
        return await settlement.settle(session, Story(**told), now=now)


async def tell_all(database: Database, stories: Sequence[Story], *, now: datetime = START) -> None:
    """Settle stories, each in a transaction of its own."""
    for story in stories:
        async with database.write() as session:
            await settlement.settle(session, story, now=now)


def renamed(story: Story, suffix: str) -> Story:
    """Return the same story of other objects: their ids end with the suffix."""
    names = ("session_id", "subscription_id", "invoice_id", "payment_id", "latest_invoice_id")
    changes: dict[str, Any] = {}
    for field in fields(story):
        told = getattr(story, field.name)
        if is_dataclass(told) and not isinstance(told, type):
            known = {name: getattr(told, name) for name in names if getattr(told, name, None)}
            given = {name: f"{value}{suffix}" for name, value in known.items()}
            changes[field.name] = replace(told, **given)
    object_id = None if story.object_id is None else f"{story.object_id}{suffix}"
    return replace(story, **changes, object_id=object_id)


async def entries(database: Database, place: Place) -> list[tuple[str, int]]:
    """Return the type and the amount of each adjustment after the first, which is Free's."""
    rows = await stored(database, place, CreditAdjustment)
    return [(row["type"], row["amount"]) for row in rows][1:]


async def live(database: Database, place: Place) -> dict[str, Any]:
    """Return the row of the plan that is held."""
    [row] = [row for row in await plans(database, place) if row["ended_at"] is None]
    return row


async def plans(database: Database, place: Place) -> list[dict[str, Any]]:
    """Return the rows of the plans that are or were held."""
    return await stored(database, place, Subscription)


async def checkout(database: Database, place: Place, **values: Any) -> UUID:
    """Record a checkout, of two packs unless a plan is given; return its id."""
    checkout_id = new_id()
    bought = {
        "kind": CheckoutKind.TOP_UP,
        "pack_id": "pack",
        "packs": 2,
        "credits": 2 * catalogue.PACK_CREDITS,
    }
    if "plan_id" in values:
        bought = {"kind": CheckoutKind.PLAN, "billing_cycle": BillingCycle.ONE_TIME}
    row = {
        "workspace_id": place.workspace_id,
        "id": checkout_id,
        "user_id": place.user_id,
        "status": CheckoutStatus.OPEN,
        "amount_minor": 1_000,
        "currency": "USD",
        "success_url": "",
        "cancel_url": "",
        "created_at": START,
        **bought,
        **values,
    }
    async with database.write() as session:
        await session.execute(insert(Checkout).values(row))
    return checkout_id


async def status(database: Database, place: Place) -> list[str]:
    """Return the status of each checkout."""
    return [row["status"] for row in await stored(database, place, Checkout)]


async def buy_plan(
    database: Database, place: Place, session_id: str, price_id: str, *, now: datetime
) -> None:
    """Pay for a one-time plan on a page."""
    plan_id = {PASS: "pass", SEASON: "season"}[price_id]
    checkout_id = await checkout(database, place, plan_id=plan_id)
    paid = page(
        place,
        session_id=session_id,
        checkout_id=checkout_id,
        price_id=price_id,
        quantity=1,
        paid_minor=7_900,
    )
    await tell(database, checkout=paid, now=now)
