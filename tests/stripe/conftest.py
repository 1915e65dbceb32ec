"""A sandbox for the tests of a session, and what the gateway has of it: an account, a catalogue."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from billing import (
    catalog,
    catalog_file,
    catalog_sync,
    checkouts,
    customers,
    events,
    handling,
    refresh,
)
from billing.catalog import Money
from billing.checkouts import PackPurchase, PlanPurchase, Purchase, Returns
from billing.clock import shared_time
from billing.handling import Outcome
from billing.payments import CheckoutState
from gateway.clock import OffsetClock
from gateway.stripe_client import StripePayments
from gateway.stripe_history import StripeHistory
from gateway.stripe_transport import Stripe
from models.base import new_id
from models.database import Database
from models.plan import BillingCycle
from tests import contract
from tests.billing.factories import Place, add_place
from tests.lifecycle import catalogue
from tests.sandbox import server

PAID = "4242424242424242"
RETURNS = Returns(success_url="https://app.test/done", cancel_url="https://app.test/plans")


@dataclass
class Till:
    """A database, a sandbox with the same catalogue, and what the gateway calls it with."""

    database: Database
    account: Stripe
    payments: StripePayments
    history: StripeHistory
    browser: httpx.AsyncClient
    clock: OffsetClock

    async def workspace(self) -> Place:
        """Return a new workspace on Free."""
        place, now = await add_place(self.database), self.clock.now()
        async with self.database.write() as session:
            await refresh.begin_free(
                session, workspace_id=place.workspace_id, at=now, is_new=True, now=now
            )
        return place

    async def open(self, place: Place, purchase: Purchase) -> CheckoutState:
        """Open the page of a purchase, as a mutation does."""
        customer_id = await customers.customer(
            self.database,
            self.payments,
            workspace_id=place.workspace_id,
            now=self.clock.now(),
        )
        async with self.database.write() as session:
            checkout = await checkouts.add(
                session,
                workspace_id=place.workspace_id,
                checkout_id=new_id(),
                user_id=place.user_id,
                purchase=purchase,
                now=self.clock.now(),
            )
        return await checkouts.page(self.database, self.payments, checkout, customer_id)

    async def packs(self, packs: int = 2) -> PackPurchase:
        """Return a purchase of packs."""
        async with self.database.snapshot() as snapshot:
            pack = await catalog.pack(snapshot)
        assert pack is not None
        assert pack.price_id is not None
        return PackPurchase(
            pack_id=pack.id,
            packs=packs,
            credits=packs * pack.credits,
            price_id=pack.price_id,
            price=Money(packs * pack.price.amount_minor, pack.price.currency),
            returns=RETURNS,
        )

    async def plan(self, plan_id: str, cycle: BillingCycle = BillingCycle.MONTHLY) -> PlanPurchase:
        """Return a purchase of a plan."""
        price_id = await self.price_id(plan_id, cycle)
        return PlanPurchase(
            plan_id=plan_id,
            billing_cycle=cycle,
            price_id=price_id,
            price=Money(1_000, "USD"),
            returns=RETURNS,
        )

    async def price_id(self, plan_id: str, cycle: BillingCycle = BillingCycle.MONTHLY) -> str:
        """Return the provider's price of a plan."""
        async with self.database.snapshot() as snapshot:
            plans = await catalog.plans(snapshot)
        [found] = [
            offer.price_id
            for plan in plans
            for offer in plan.prices
            if (plan.id, offer.billing_cycle) == (plan_id, cycle)
        ]
        assert found is not None
        return found

    async def pay(self, page: CheckoutState, number: str = PAID) -> None:
        """Pay on a page."""
        assert page.url is not None
        form = {"method": "card", "card_number": number}
        answer = await self.browser.post(page.url, data=form)
        assert answer.status_code == 303, answer.text

    async def control(self, path: str, /, **given: Any) -> Any:
        """Tell the sandbox something."""
        answer = await self.browser.post(f"/_sandbox/{path}", json=given)
        return answer.raise_for_status().json()

    async def hear(self) -> int:
        """Store all that the sandbox has told so far; return how much of it is new."""
        found = 0
        since = datetime.fromtimestamp(0, UTC)
        async for event in self.history.events(types=[*events.TYPES], since=since):
            async with self.database.write() as session:
                found += await events.store(
                    session, event, expects_live=False, at=self.clock.real()
                )
        return found

    async def settle(self) -> list[Outcome]:
        """Settle all that is due."""
        outcomes = []
        while outcome := await handling.run_next(self.database, self.payments, clock=self.clock):
            outcomes.append(outcome)
        return outcomes


@pytest.fixture(scope="session")
async def sandbox_address() -> AsyncIterator[str]:
    """Yield the address of a sandbox."""
    async with server.serving("--seed", "stripe") as address:
        yield address


@pytest.fixture
async def till(database_url: str, sandbox_address: str) -> AsyncIterator[Till]:
    """Yield a till at an empty sandbox; nothing that is said may leave Stripe's contract."""
    database = Database(database_url)
    account = Stripe("sk_test_of_the_till", api_base=sandbox_address)
    payments, history = StripePayments(account, time=shared_time(database)), StripeHistory(account)
    browser = httpx.AsyncClient(base_url=sandbox_address, timeout=30, trust_env=False)
    async with browser:
        with contract.checked(account.transport):
            till = Till(database, account, payments, history, browser, OffsetClock(None))
            await till.control("reset")
            sold = catalog_file.parse(catalogue.FILE.read_text("utf-8"))
            await catalog_sync.sync(database, sold, payments=payments, now=till.clock.now())
            yield till
    await account.close()
    await database.close()
