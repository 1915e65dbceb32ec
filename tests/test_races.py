"""Thirty-two writers, one workspace, two gateway processes: nothing is lost, nothing is forged."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from billing import balance
from models.database import Database
from tests.conftest import PROFILE
from tests.lifecycle import world as worlds
from tests.lifecycle.cards import PAID
from tests.lifecycle.catalogue import PACK_CREDITS
from tests.lifecycle.graphql import Client
from tests.lifecycle.owner import Owner
from tests.lifecycle.world import Gateway, World

SPENDERS = 22
GRANTERS = 7
BUYERS = 3
WRITERS = SPENDERS + GRANTERS + BUYERS
SECONDS = 20.0 if PROFILE == "long" else 3.0

CHARGE_MAX = 12
GRANT_MAX = 80
BATCH_MAX = 4
CONVERSATIONS = 5
AGAIN = 0.2
"""How often a writer sends again what it has sent: as one does that never saw the answer."""

_RECORDED = "results { eventId status } balance { remaining overdraft }"
_PATIENT = {
    "GATEWAY_OPERATION_TIMEOUT_SECONDS": "50",
    "DATABASE_STATEMENT_TIMEOUT_SECONDS": "40",
}
"""On a machine with more to do than the race, a turn may take long; it is not lost."""

_ADJUSTED = "balance { remaining overdraft }"


@dataclass
class Told:
    """What the writers have been told, all of them together."""

    charged: dict[str, int] = field(default_factory=dict)
    adjusted: dict[str, int] = field(default_factory=dict)
    bought: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    in_credit: int = 0
    in_overdraft: int = 0

    def hear(self, standing: dict[str, Any]) -> None:
        """Check what the workspace was said to have left, whoever wrote meanwhile."""
        assert standing["remaining"] == 0 or standing["overdraft"] == 0, standing
        self.in_credit += standing["remaining"] > 0
        self.in_overdraft += standing["overdraft"] > 0


async def test_writers_of_one_workspace_lose_nothing_and_overspend_nothing(
    postgres_url: str, template_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was answered and paid is what is booked: each once, and nothing else."""
    told = Told()
    async with _opened(postgres_url, template_url, tmp_path) as world:
        owner = await world.subscribed()
        # They begin with nothing, so that they meet the end of the credits from both sides.
        await world.use(owner, (await owner.state()).remaining, "everything")
        seconds = await _race(world, owner, told)
        await world.settled()

        left = await _left(world.database, owner, at=world.sandbox.told())
        assert await world.drifts() == []
        assert await world.untrue() == []

    spent, granted = sum(told.charged.values()), sum(told.adjusted.values())
    bought = told.bought * PACK_CREDITS
    assert left.remaining - left.overdraft == granted + bought - spent
    assert left.remaining == 0 or left.overdraft == 0
    assert told.bought >= BUYERS, "nobody has topped up"
    assert told.statuses["REFUSED"] == 0
    assert told.statuses["RECORDED"] == len(told.charged)
    assert told.in_overdraft > 0, "nobody has spent more than there was"
    assert told.in_credit > 0, "nobody has found credits"
    _print(capsys, told, seconds)


async def _race(world: World, owner: Owner, told: Told) -> float:
    """Let everybody write at once until the time is over; return how long they did."""
    began = time.monotonic()
    until = began + SECONDS
    await asyncio.gather(
        *(_spend(world, owner, told, number, until) for number in range(SPENDERS)),
        *(_grant(world.host, owner, told, number, until) for number in range(GRANTERS)),
        *(_buy(world, owner, told, until) for _ in range(BUYERS)),
    )
    return time.monotonic() - began


async def _spend(world: World, owner: Owner, told: Told, number: int, until: float) -> None:
    """Record usage, batch after batch; some of them again."""
    chance = random.Random(number)  # noqa: S311 - repeatable, not secret
    batch = 0
    while time.monotonic() < until:
        batch += 1
        events = [
            _event(f"{number}-{batch}-{index}", chance, at=world.sandbox.told())
            for index in range(chance.randint(1, BATCH_MAX))
        ]
        asked = {"workspaceId": owner.workspace_id, "events": events}
        for _ in range(2 if chance.random() < AGAIN else 1):
            answer = await world.host.mutate("recordUsage", _RECORDED, **asked)
            told.statuses.update(result["status"] for result in answer["results"])
            told.hear(answer["balance"])
        said = [event["conversation"] for event in events]
        told.charged |= {event["eventId"]: event["credits"] for event in said}


async def _grant(host: Client, owner: Owner, told: Told, number: int, until: float) -> None:
    """Add credits and take some away, one after the other; some of it again."""
    chance = random.Random(-1 - number)  # noqa: S311 - repeatable, not secret
    turn = 0
    while time.monotonic() < until:
        turn += 1
        key = f"{number}-{turn}"
        amount = chance.choice((1, 1, 1, -1)) * chance.randint(1, GRANT_MAX)
        asked = {
            "workspaceId": owner.workspace_id,
            "amount": amount,
            "note": "a race",
            "idempotencyKey": key,
        }
        for _ in range(2 if chance.random() < AGAIN else 1):
            answer = await host.mutate("adjustCredits", _ADJUSTED, **asked)
            assert answer["userErrors"] == []
            told.hear(answer["balance"])
        told.adjusted[key] = amount


async def _buy(world: World, owner: Owner, told: Told, until: float) -> None:
    """Buy a pack on its page, and another one; its webhook comes when it comes."""
    while time.monotonic() < until:
        payload = await owner.top_up()
        assert payload["userErrors"] == [], payload
        paid = await world.sandbox.pay(payload["topUpCheckout"]["url"], PAID)
        assert paid.status_code == httpx.codes.SEE_OTHER, paid.text
        told.bought += 1


def _event(event_id: str, chance: random.Random, *, at: datetime) -> dict[str, Any]:
    # A few conversations, so that the writers meet at the records too.
    return {
        "conversation": {
            "eventId": event_id,
            "occurredAt": at.isoformat(),
            "userSubject": "owner-of-acme",
            "credits": chance.randint(0, CHARGE_MAX),
            "conversationId": f"conversation-{chance.randrange(CONVERSATIONS)}",
            "billingType": "MESSAGE",
        }
    }


async def _left(database: Database, owner: Owner, *, at: datetime) -> balance.Balance:
    """Return what the workspace has left."""
    async with database.snapshot() as snapshot:
        found = await balance.current(snapshot, workspace_ids=[owner.key], now=at)
    return found[owner.key]


@asynccontextmanager
async def _opened(server_url: str, template_url: str, directory: Path) -> AsyncIterator[World]:
    """Yield a world whose gateway has two processes."""

    def begin(port: int, variables: dict[str, str], http: httpx.AsyncClient) -> Gateway:
        return Gateway(port, variables | {"GATEWAY_WORKERS": "2"} | _PATIENT, http)

    stocks, lives = directory / "stock", directory / "life"
    stocks.mkdir()
    lives.mkdir()
    async with (
        worlds.stocked(server_url, template_url, stocks) as stock,
        worlds.opened(server_url, stock, lives, begin=begin) as world,
    ):
        yield world


def _print(capsys: pytest.CaptureFixture[str], told: Told, seconds: float) -> None:
    events = len(told.charged) + told.statuses["DUPLICATE"]
    with capsys.disabled():
        print(  # noqa: T201 - the throughput is what one wants to see
            f"\n{WRITERS} writers, one workspace, {seconds:.1f} s: {events / seconds:.0f} usage"
            f" events, {len(told.adjusted) / seconds:.0f} corrections and"
            f" {told.bought / seconds:.1f} purchases a second; {told.statuses['DUPLICATE']}"
            f" duplicates, {told.in_overdraft} answers in overdraft, {told.in_credit} in credit"
        )
