"""A world for one test: a sandbox, a gateway with its worker, a database, and a clock they share.

What is the same in every world is made once (`stocked`): the catalogue in the database and at the
sandbox. Each test gets copies of both. Time begins at `BEGINS` and moves only when it is told to;
nothing waits for anything but for what it waits for.
"""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import Signals
from typing import Any

import httpx
from sqlalchemy import text

from billing import audit, catalog_file, catalog_sync, events, refresh
from gateway.stripe_client import StripePayments
from gateway.stripe_transport import Stripe
from models.database import Database
from tests import gateway_process, postgres
from tests.gateway_process import Served
from tests.lifecycle import catalogue, graphql, sandbox
from tests.lifecycle import truth as truths
from tests.lifecycle.graphql import Client
from tests.lifecycle.owner import Owner
from tests.lifecycle.sandbox import SECRET_KEY, WEBHOOK_PATH, WEBHOOK_SECRET, Sandbox

BEGINS = datetime(2040, 3, 10, 12, tzinfo=UTC)
"""When a test begins: before no short month, and after every real date."""

STRIPE_TIMEOUT_SECONDS = 3
"""How long the gateway waits for the sandbox."""

DEADLINE_SECONDS = 60.0
_PAUSE_SECONDS = 0.02

_PORTAL = {
    "features[invoice_history][enabled]": "true",
    "features[payment_method_update][enabled]": "true",
    "features[subscription_cancel][enabled]": "true",
    "features[subscription_cancel][mode]": "at_period_end",
    "metadata[made_by]": "billing-gateway",
}


@dataclass(frozen=True)
class Stock:
    """What every world begins with: a database, a sandbox's state, and the ports of both."""

    database_url: str
    sandbox_state: Path
    sandbox_port: int
    gateway_port: int

    @property
    def sandbox_options(self) -> tuple[str, ...]:
        """The options of every sandbox that is begun with it."""
        url = f"http://127.0.0.1:{self.gateway_port}{WEBHOOK_PATH}"
        return ("--webhook-url", url, "--webhook-secret", WEBHOOK_SECRET)


@dataclass
class Gateway:
    """A gateway that can be killed and started again at the same address."""

    port: int
    variables: dict[str, str]
    http: httpx.AsyncClient
    served: Served | None = None
    _life: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start(self) -> None:
        """Serve, with the worker inside."""
        assert self.served is None
        serving = gateway_process.serve("--port", str(self.port), **self.variables)
        self.served = await self._life.enter_async_context(serving)

    async def stop(self, number: Signals = Signals.SIGTERM) -> int:
        """End it by a signal, and return its exit status."""
        assert self.served is not None
        served, self.served = self.served, None
        status = await served.stop(number)
        await self._life.aclose()
        return status

    async def kill(self) -> None:
        """End it as a power cut does."""
        await self.stop(Signals.SIGKILL)

    async def end(self) -> None:
        """End it, if it has not ended."""
        if self.served is not None:
            await self.stop()


@dataclass
class World:
    """All that there is in a test."""

    sandbox: Sandbox
    gateway: Gateway
    database: Database
    host: Client

    async def owner(self, name: str = "acme", *, referred_by: str | None = None) -> Owner:
        """Create a workspace as the host product does, and return its owner."""
        subject = f"owner-of-{name}"
        member = {"subject": subject, "role": "OWNER", "name": name, "email": f"{name}@app.test"}
        asked: dict[str, Any] = {"externalId": name, "name": name, "members": [member]}
        if referred_by is not None:
            asked["referredBy"] = referred_by
        answer = await self.host.mutate("upsertWorkspace", "workspaceId", **asked)
        assert answer["userErrors"] == [], answer
        return Owner(graphql.person(self.gateway.http, subject), answer["workspaceId"])

    async def subscribed(
        self,
        plan: str = "starter",
        cycle: str = "MONTHLY",
        *,
        name: str = "acme",
        number: str = "4242424242424242",
    ) -> Owner:
        """Return the owner of a workspace that has just paid for a plan."""
        owner = await self.owner(name)
        await self.buy(owner, plan, cycle, number=number)
        return owner

    async def buy(
        self, owner: Owner, plan: str, cycle: str, *, number: str = "4242424242424242"
    ) -> None:
        """Choose a plan and pay for it on its page."""
        outcome = await owner.outcome(plan, cycle)
        assert outcome["__typename"] == "PlanCheckoutRequired", outcome
        paid = await self.sandbox.pay(outcome["url"], number)
        assert paid.status_code == 303, paid.text
        if paid.headers["location"].endswith("/authenticate"):
            await self.sandbox.authenticate(paid.headers["location"])
        await self.settled()

    async def use(
        self,
        owner: Owner,
        credits_: int,
        event_id: str,
        *,
        name: str = "acme",
        at: datetime | None = None,
    ) -> None:
        """Record usage in an owner's workspace; recorded before is well, too."""
        event = {
            "eventId": event_id,
            "occurredAt": (at or await self.sandbox.now()).isoformat(),
            "userSubject": f"owner-of-{name}",
            "credits": credits_,
            "conversationId": "chat",
            "billingType": "MESSAGE",
        }
        answer = await self.host.mutate(
            "recordUsage",
            "results { status }",
            workspaceId=owner.workspace_id,
            events=[{"conversation": event}],
        )
        assert answer["results"][0]["status"] in {"RECORDED", "DUPLICATE"}, answer

    async def move(self, at: datetime) -> None:
        """Let it be another time, and everything that falls due until then be done."""
        await self.sandbox.move(at)
        await self.settled()

    async def pass_time(self, **duration: float) -> None:
        """Let time pass."""
        await self.move(await self.sandbox.now() + timedelta(**duration))

    async def settled(self) -> None:
        """Wait until every webhook has arrived and everything that is due is done.

        Events that fail again and again are none of it: `failing` tells of them.
        """
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                before = (await self.sandbox.control("idle", timeout_seconds=DEADLINE_SECONDS))[
                    "counts"
                ]
                if not await self.due():
                    after = await self.sandbox.look("webhooks")
                    if after["outstanding"] == 0 and after["counts"] == before:
                        return
                await asyncio.sleep(_PAUSE_SECONDS)

    async def reconciled(self) -> None:
        """Let the time come at which the worker compares with Stripe, and wait until it has."""
        await self.move(await self.sandbox.now() + timedelta(minutes=16))
        await until(self._is_reconciled)
        await self.settled()

    async def _is_reconciled(self) -> bool:
        async with self.database.snapshot() as snapshot:
            waiting = await snapshot.scalar(_UNRECONCILED, {"by": await self.sandbox.now()})
        return bool(waiting == 0)

    async def due(self) -> int:
        """Return how much there is that the worker has yet to do."""
        async with self.database.snapshot() as snapshot:
            found: int = await snapshot.scalar(_UNDER_WAY)
            late = await refresh.due(snapshot, now=await self.sandbox.now())
        return found + len(late)

    async def failing(self) -> list[tuple[str, str]]:
        """Return the events that fail, by type, each with its error."""
        async with self.database.snapshot() as snapshot:
            rows = await snapshot.all(_FAILING)
        return [(row.type, row.last_error) for row in rows]

    async def retry_failing(self) -> None:
        """Let what failed be tried again now, as `gateway events retry` does."""
        async with self.database.write() as session:
            await events.retry(session, event_ids=None, at=datetime.now(UTC))
        await self.settled()

    async def drifts(self) -> list[audit.Drift]:
        """Return what the audit finds, in all workspaces."""
        async with self.database.snapshot() as snapshot:
            ids = await audit.workspace_ids(snapshot)
            found = [await audit.audit(snapshot, workspace_id=each) for each in ids]
        return [drift for drifts in found for drift in drifts]

    async def untrue(self) -> list[str]:
        """Return where the credits are not what the sandbox's truth makes of them."""
        return await truths.differences(self.database, await self.sandbox.truth())


@asynccontextmanager
async def stocked(server_url: str, template_url: str, directory: Path) -> AsyncIterator[Stock]:
    """Yield what every world of this process begins with."""
    state = directory / "sandbox.json"
    async with postgres.database(server_url, template_url=template_url) as url:
        stock = Stock(url, state, _free_port(), _free_port())
        options = (*stock.sandbox_options, "--data", str(state))
        clock_file = directory / "clock"
        async with sandbox.serving(clock_file, *options, port=stock.sandbox_port) as running:
            await running.api("POST", "/v1/billing_portal/configurations", **_PORTAL)
            await _sell(url, running.address)
        yield stock


@asynccontextmanager
async def opened(
    server_url: str,
    stock: Stock,
    directory: Path,
    *,
    seed: str = "lifecycle",
    retry_seconds: str = "0,0,0",
    begin: Callable[[int, dict[str, str], httpx.AsyncClient], Gateway] = Gateway,
) -> AsyncIterator[World]:
    """Yield a world; at its end nothing that was said may have left Stripe's contract.

    `retry_seconds` are the pauses between attempts to deliver a webhook; `begin` makes the gateway.
    """
    clock_file, state = directory / "clock", directory / "sandbox.json"
    clock_file.write_text(str(_begin(stock.sandbox_state, state, seed)), "utf-8")
    options = (*stock.sandbox_options, "--data", str(state), "--retry-seconds", retry_seconds)
    async with AsyncExitStack() as stack:
        copied = postgres.database(server_url, template_url=stock.database_url)
        url = await stack.enter_async_context(copied)
        http = await stack.enter_async_context(_http(stock))
        gateway = begin(stock.gateway_port, _variables(stock, url, clock_file), http)
        serving = sandbox.serving(clock_file, *options, port=stock.sandbox_port)
        running, _ = await asyncio.gather(stack.enter_async_context(serving), gateway.start())
        stack.push_async_callback(gateway.end)
        database = Database(url)
        stack.push_async_callback(database.close)
        yield World(running, gateway, database, graphql.client(http, graphql.HOST_PRODUCT))


async def until(holds: Callable[[], Any]) -> None:
    """Wait until something that is asked for holds."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            if await holds():
                return
            await asyncio.sleep(_PAUSE_SECONDS)


def _variables(stock: Stock, database_url: str, clock_file: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "GATEWAY_STRIPE_SECRET_KEY": SECRET_KEY,
        "GATEWAY_STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "GATEWAY_STRIPE_API_BASE": f"http://127.0.0.1:{stock.sandbox_port}",
        "GATEWAY_CLOCK_OFFSET_FILE": str(clock_file),
        "GATEWAY_RETURN_ORIGINS": "https://app.test",
        "GATEWAY_WORKER_POLL_SECONDS": "0.05",
        "GATEWAY_STRIPE_TIMEOUT_SECONDS": str(STRIPE_TIMEOUT_SECONDS),
    }


def _begin(stocked_state: Path, state: Path, seed: str) -> int:
    """Copy a sandbox's state, with the time that a test begins at; return how far that is ahead."""
    saved = json.loads(stocked_state.read_text("utf-8"))
    offset_seconds = int(BEGINS.timestamp() - time.time())
    begun = saved | {"offset_seconds": offset_seconds, "seed": seed}
    state.write_text(json.dumps(begun), "utf-8")
    return offset_seconds


def _http(stock: Stock) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{stock.gateway_port}",
        timeout=DEADLINE_SECONDS,
        trust_env=False,
    )


async def _sell(database_url: str, address: str) -> None:
    """Bring the catalogue into a database and to a sandbox."""
    account = Stripe(SECRET_KEY, api_base=address)
    database = Database(database_url)
    try:
        sold = catalog_file.parse(catalogue.FILE.read_text("utf-8"))
        payments = StripePayments(account)
        await catalog_sync.sync(database, sold, payments=payments, now=datetime.now(UTC))
    finally:
        await database.close()
        await account.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


_UNDER_WAY = text("""
    SELECT (SELECT count(*) FROM stripe_events WHERE status = 'PENDING')
        + (SELECT count(*) FROM jobs WHERE last_error IS NULL)
""")
_UNRECONCILED = text("SELECT count(*) FROM reconciliations WHERE next_at <= :by")
_FAILING = text("""
    SELECT type, last_error FROM stripe_events WHERE status = 'FAILED' ORDER BY received_at, id
""")
