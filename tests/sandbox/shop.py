"""A shop at the sandbox: its catalogue, its customers, and what they click."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import stripe
from stripe.params.checkout import SessionCreateParams

from tests import contract

PAID = "4242 4242 4242 4242"
DECLINED = "4000 0000 0000 0002"
DECLINED_LATER = "4000 0000 0000 0341"
AUTHENTICATED_ONCE = "4000 0025 0000 3155"
AUTHENTICATED_ALWAYS = "4000 0027 6000 3184"
REFUND_FAILS = "4000 0000 0000 5126"
BANK_PAYS = "000123456789"
BANK_FAILS = "000111111116"

SUCCESS_URL = "http://shop.test/done?session={CHECKOUT_SESSION_ID}"
CANCEL_URL = "http://shop.test/plans"
TIMEOUT_SECONDS = 30
_KEY = {"Authorization": "Bearer sk_test_shop"}


@dataclass
class Shop:
    """A client of the API, a browser for the pages, and the ids of what is sold.

    `prices` are by lookup key: `starter` 10.00 and `pro` 50.00 a month, `pro_yearly` 500.00 a
    year, `pack` 5.00 once.
    """

    v1: Any
    browser: httpx.AsyncClient
    gate: contract.Gate
    prices: dict[str, str]

    async def control(self, path: str, /, **given: Any) -> Any:
        """Tell the sandbox something, and return what it answers."""
        answer = await self.browser.post(f"/_sandbox/{path}", json=given)
        return answer.raise_for_status().json()

    async def now(self) -> int:
        """Return the time of the sandbox."""
        answer = await self.browser.get("/_sandbox/clock")
        return int(answer.json()["now"])

    async def move(self, at: int) -> None:
        """Move the time of the sandbox."""
        await self.control("clock", at=at)

    async def customer(self) -> stripe.Customer:
        """Create a customer."""
        params = {"email": "owner@shop.test"}
        customer: stripe.Customer = await self.v1.customers.create_async(params)
        return customer

    async def checkout(
        self, customer: stripe.Customer, price: str, *, quantity: int = 1
    ) -> stripe.checkout.Session:
        """Open a session for a price."""
        params: SessionCreateParams = {
            "customer": customer.id,
            "line_items": [{"price": self.prices[price], "quantity": quantity}],
            "metadata": {"workspace_id": "w1"},
            "mode": "payment" if price == "pack" else "subscription",
            "success_url": SUCCESS_URL,
            "cancel_url": CANCEL_URL,
        }
        if price == "pack":
            params["payment_intent_data"] = {"metadata": {"workspace_id": "w1"}}
        else:
            params["subscription_data"] = {"metadata": {"workspace_id": "w1"}}
        session: stripe.checkout.Session = await self.v1.checkout.sessions.create_async(params)
        return session

    async def pay(self, session: stripe.checkout.Session, number: str) -> httpx.Response:
        """Post the form of a session's page, by bank if the number is an account's."""
        assert session.url is not None
        by_bank = number.startswith("000")
        field = "account_number" if by_bank else "card_number"
        form = {"method": "bank" if by_bank else "card", field: number}
        return await self.browser.post(session.url, data=form)

    async def bought(self, number: str = PAID, *, quantity: int = 1) -> stripe.checkout.Session:
        """Return a session in which packs were bought."""
        session = await self.checkout(await self.customer(), "pack", quantity=quantity)
        answer = await self.pay(session, number)
        assert answer.status_code == 303, answer.text
        return await self.session(session.id)

    async def subscribed(self, price: str = "starter", number: str = PAID) -> stripe.Subscription:
        """Return a new subscription, authenticated where its card asks for it."""
        session = await self.checkout(await self.customer(), price)
        answer = await self.pay(session, number)
        assert answer.status_code == 303, answer.text
        if answer.headers["location"].endswith("/authenticate"):
            await self.answer_bank(answer.headers["location"], "complete")
        done = await self.session(session.id)
        assert isinstance(done.subscription, str)
        return await self.subscription(done.subscription)

    async def session(self, name: str) -> stripe.checkout.Session:
        """Return a session as it is now, with what it sells."""
        expand = {"expand": ["line_items"]}
        session: stripe.checkout.Session
        session = await self.v1.checkout.sessions.retrieve_async(name, expand)
        return session

    async def answer_bank(self, page: str, outcome: str) -> httpx.Response:
        """Complete or fail an authentication."""
        return await self.browser.post(page, data={"outcome": outcome})

    async def subscription(self, name: str) -> stripe.Subscription:
        """Return a subscription as it is now."""
        found: stripe.Subscription = await self.v1.subscriptions.retrieve_async(name)
        return found

    async def change_card(self, customer: str, number: str) -> None:
        """Give a customer another card."""
        await self.control(f"customers/{customer}/card", number=number.replace(" ", ""))

    async def events(self) -> list[stripe.Event]:
        """Return everything that has happened, oldest first."""
        page = await self.v1.events.list_async({"limit": 100})
        found: list[stripe.Event] = [event async for event in page.auto_paging_iter()]
        return found[::-1]

    async def raw_events(self) -> list[Any]:
        """Return everything that has happened as it was sent, newest first."""
        rows: list[Any] = []
        params: dict[str, Any] = {"limit": 100}
        while True:
            answer = await self.browser.get("/v1/events", params=params, headers=_KEY)
            page = answer.raise_for_status().json()
            rows.extend(page["data"])
            if not page["has_more"]:
                return rows
            params["starting_after"] = rows[-1]["id"]

    async def types(self, *beginnings: str) -> list[str]:
        """Return the types of events that begin with one of these words, oldest first."""
        wanted = beginnings or ("",)
        return [event.type for event in await self.events() if event.type.startswith(wanted)]


def item_of(subscription: stripe.Subscription) -> stripe.SubscriptionItem:
    """Return the one item of a subscription."""
    item: stripe.SubscriptionItem = subscription["items"].data[0]
    return item


def links(page: str) -> list[str]:
    """Return where the links of a page lead."""
    return [found.replace("&amp;", "&") for found in re.findall(r'<a href="([^"]+)"', page)]


def actions(page: str) -> list[str]:
    """Return where the forms of a page are posted."""
    return re.findall(r'action="([^"]+)"', page)


@asynccontextmanager
async def opened(address: str) -> AsyncIterator[Shop]:
    """Yield a shop at an empty sandbox; at the end nothing may have left the contract."""
    client = stripe.HTTPXClient(timeout=TIMEOUT_SECONDS)
    api = stripe.StripeClient(
        "sk_test_shop", base_addresses={"api": address}, http_client=client, max_network_retries=0
    )
    browser = httpx.AsyncClient(base_url=address, timeout=TIMEOUT_SECONDS, trust_env=False)
    try:
        async with browser:
            with contract.checked(client) as gate:
                shop = Shop(api.v1, browser, gate, {})
                await shop.control("reset")
                shop.prices |= await _catalogue(shop)
                yield shop
                for event in await shop.raw_events():
                    gate.violations.extend(contract.event_violations(event))
    finally:
        await client.close_async()  # type: ignore[no-untyped-call]  # stripe leaves it untyped


async def _catalogue(shop: Shop) -> dict[str, str]:
    rows = {
        "starter": ("Starter", 1000, "month"),
        "pro": ("Pro", 5000, "month"),
        "pro_yearly": ("Pro, yearly", 50000, "year"),
        "pack": ("Credits", 500, None),
    }
    prices = {}
    for key, (name, amount, interval) in rows.items():
        product = await shop.v1.products.create_async({"name": name})
        params: Any = {"product": product.id, "currency": "usd", "unit_amount": amount}
        if interval is not None:
            params["recurring"] = {"interval": interval}
        price = await shop.v1.prices.create_async(params | {"lookup_key": key})
        prices[key] = price.id
    return prices
