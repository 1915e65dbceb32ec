"""The sandbox as the lifecycle sees it: its control, its pages, its clock, its truth."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.sandbox import server

SECRET_KEY = "sk_test_of_the_lifecycle"
WEBHOOK_SECRET = "whsec_of_the_lifecycle"
WEBHOOK_PATH = "/webhooks/stripe"
TIMEOUT_SECONDS = 60


@dataclass
class Sandbox:
    """A sandbox that runs, and a browser; `clock_file` tells the gateway of its time."""

    address: str
    browser: httpx.AsyncClient
    clock_file: Path

    async def control(self, path: str, /, **given: Any) -> Any:
        """Tell the sandbox something, and return what it answers."""
        answer = await self.browser.post(f"/_sandbox/{path}", json=given)
        return answer.raise_for_status().json()

    async def look(self, path: str) -> Any:
        """Return what the sandbox tells."""
        answer = await self.browser.get(f"/_sandbox/{path}")
        return answer.raise_for_status().json()

    async def forget_faults(self) -> int:
        """Let everything work again; return how many requests something struck."""
        answer = await self.browser.delete("/_sandbox/faults")
        return int(answer.raise_for_status().json()["struck"])

    async def now(self) -> datetime:
        """Return the time that it is."""
        return datetime.fromtimestamp((await self.look("clock"))["now"], UTC)

    async def move(self, at: datetime) -> None:
        """Let it be another time, for the gateway too."""
        moved = await self.control("clock", at=int(at.timestamp()))
        self.tell_time(moved["offset_seconds"])

    def tell_time(self, offset_seconds: int) -> None:
        """Tell the gateway by how much the time is ahead."""
        fresh = self.clock_file.with_suffix(".new")
        fresh.write_text(str(offset_seconds), "utf-8")
        fresh.replace(self.clock_file)

    def told(self) -> datetime:
        """Return the time as the gateway has been told it."""
        offset_seconds = float(self.clock_file.read_text("utf-8"))
        return datetime.now(UTC) + timedelta(seconds=offset_seconds)

    async def truth(self) -> Any:
        """Return who paid for what, and what was taken back of it."""
        return await self.look("truth")

    async def customer(self) -> tuple[str, Any]:
        """Return the one customer who has paid for something: the id, and the truth of it."""
        customers = (await self.truth())["customers"]
        [name] = [name for name, paid in customers.items() if name and any(paid.values())]
        return name, customers[name]

    async def price(self, lookup_key: str) -> str:
        """Return the id of a price."""
        found = await self.api("GET", "/v1/prices", **{"lookup_keys[0]": lookup_key})
        price: str = found["data"][0]["id"]
        return price

    async def api(self, method: str, path: str, /, **params: str) -> Any:
        """Do something at Stripe that is not the gateway's to do, as in its dashboard."""
        answer = await self.browser.request(
            method,
            path,
            data=params if method == "POST" else None,
            params=params if method != "POST" else None,
            headers={"Authorization": f"Bearer {SECRET_KEY}"},
        )
        return answer.raise_for_status().json()

    async def pay(self, url: str, number: str) -> httpx.Response:
        """Post the form of a checkout page: a card's number, or the account's of a bank."""
        by_bank = number.startswith("000")
        field = "account_number" if by_bank else "card_number"
        form = {"method": "bank" if by_bank else "card", field: number}
        return await self.browser.post(url, data=form)

    async def authenticate(self, page: str, outcome: str = "complete") -> httpx.Response:
        """Answer a bank that asks whether it is you: `complete` or `fail`."""
        return await self.browser.post(page, data={"outcome": outcome})

    async def refund(self, intent: str, amount: int) -> None:
        """Give money back, in the dashboard; what a dispute holds cannot be given back."""
        asked = {"payment_intent": intent, "amount": str(amount)}
        with suppress(httpx.HTTPStatusError):
            await self.api("POST", "/v1/refunds", **asked)

    async def offers(self, page: str, verb: str) -> bool:
        """Tell whether a page has a form whose address ends with a verb."""
        shown = await self.browser.get(page)
        return f'/{verb}"' in shown.text

    async def click(self, page: str, verb: str, **form: str) -> httpx.Response:
        """Post the form of a page whose address ends with a verb."""
        shown = await self.browser.get(page)
        actions: list[str] = re.findall(r'action="([^"]+)"', shown.text)
        [action] = [found for found in actions if found.endswith(f"/{verb}")]
        return await self.browser.post(action, data=form)


@asynccontextmanager
async def serving(clock_file: Path, *options: str, port: int = 0) -> AsyncIterator[Sandbox]:
    """Yield a sandbox; options are those of `python -m sandbox`."""
    async with server.serving("--port", str(port), *options) as address:
        browser = httpx.AsyncClient(base_url=address, timeout=TIMEOUT_SECONDS, trust_env=False)
        async with browser:
            yield Sandbox(address, browser, clock_file)
