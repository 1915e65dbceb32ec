"""Thirty-two writers, one workspace, two gateway processes: nothing is lost, nothing is forged."""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from billing import audit, balance, catalog_file, catalog_sync
from models.database import Database
from resolvers import ids
from tests import gateway_process
from tests.lifecycle import catalogue, graphql
from tests.lifecycle.graphql import Client

SPENDERS = 24
GRANTERS = 8
SECONDS = 20.0 if os.environ.get("TEST_PROFILE") == "long" else 3.0

CHARGE_MAX = 9
GRANT_MAX = 80
BATCH_MAX = 4
CONVERSATIONS = 5
AGAIN = 0.2
"""How often a writer sends again what it has sent: as one does that never saw the answer."""

_RECORDED = "results { eventId status } balance { remaining overdraft }"
_ADJUSTED = "balance { remaining overdraft }"


@dataclass
class Told:
    """What the writers have been told, all of them together."""

    charged: dict[str, int] = field(default_factory=dict)
    adjusted: dict[str, int] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)
    overdrafts: int = 0

    def hear(self, standing: dict[str, Any]) -> None:
        """Check what the workspace was said to have left, whoever wrote meanwhile."""
        assert standing["remaining"] == 0 or standing["overdraft"] == 0, standing
        self.overdrafts += standing["overdraft"] > 0


async def test_writers_of_one_workspace_lose_nothing_and_overspend_nothing(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was answered is what is booked: each event once, each correction once, no other."""
    told = Told()
    async with _opened(database_url) as database, _serving(database_url) as http:
        host = graphql.client(http, graphql.HOST_PRODUCT)
        workspace_id = await _workspace(host)
        began = time.monotonic()
        spending = [_spend(host, workspace_id, told, number) for number in range(SPENDERS)]
        granting = [_grant(host, workspace_id, told, number) for number in range(GRANTERS)]
        await asyncio.gather(*spending, *granting)
        seconds = time.monotonic() - began

        key = ids.decode(workspace_id, "Workspace").key
        async with database.snapshot() as snapshot:
            drifts = await audit.audit(snapshot, workspace_id=key)
            found = await balance.current(snapshot, workspace_ids=[key], now=datetime.now(UTC))

    spent, granted = sum(told.charged.values()), sum(told.adjusted.values())
    left = found[key]
    assert drifts == []
    assert left.remaining - left.overdraft == catalogue.PACKAGES["free"] + granted - spent
    assert left.remaining == 0 or left.overdraft == 0
    assert told.statuses["REFUSED"] == 0
    assert told.statuses["RECORDED"] == len(told.charged)
    assert told.overdrafts > 0, "the writers never met the end of the credits"
    _print(capsys, told, seconds)


async def _spend(host: Client, workspace_id: str, told: Told, number: int) -> None:
    """Record usage, batch after batch; some of them again."""
    chance = random.Random(number)  # noqa: S311 - repeatable, not secret
    ends_at = time.monotonic() + SECONDS
    batch = 0
    while time.monotonic() < ends_at:
        batch += 1
        events = [
            _event(f"{number}-{batch}-{index}", chance)
            for index in range(chance.randint(1, BATCH_MAX))
        ]
        asked = {"workspaceId": workspace_id, "events": events}
        for _ in range(2 if chance.random() < AGAIN else 1):
            answer = await host.mutate("recordUsage", _RECORDED, **asked)
            told.statuses.update(result["status"] for result in answer["results"])
            told.hear(answer["balance"])
        said = [event["conversation"] for event in events]
        told.charged |= {event["eventId"]: event["credits"] for event in said}


async def _grant(host: Client, workspace_id: str, told: Told, number: int) -> None:
    """Add credits and take some away, one after the other; some of it again."""
    chance = random.Random(-1 - number)  # noqa: S311 - repeatable, not secret
    ends_at = time.monotonic() + SECONDS
    turn = 0
    while time.monotonic() < ends_at:
        turn += 1
        key = f"{number}-{turn}"
        amount = chance.choice((1, 1, 1, -1)) * chance.randint(1, GRANT_MAX)
        asked = {
            "workspaceId": workspace_id,
            "amount": amount,
            "note": "a race",
            "idempotencyKey": key,
        }
        for _ in range(2 if chance.random() < AGAIN else 1):
            answer = await host.mutate("adjustCredits", _ADJUSTED, **asked)
            assert answer["userErrors"] == []
            told.hear(answer["balance"])
        told.adjusted[key] = amount


def _event(event_id: str, chance: random.Random) -> dict[str, Any]:
    # A few conversations, so that the writers meet at the records too.
    return {
        "conversation": {
            "eventId": event_id,
            "occurredAt": datetime.now(UTC).isoformat(),
            "userSubject": "racer",
            "credits": chance.randint(0, CHARGE_MAX),
            "conversationId": f"conversation-{chance.randrange(CONVERSATIONS)}",
            "billingType": "MESSAGE",
        }
    }


async def _workspace(host: Client) -> str:
    member = {"subject": "racer", "role": "OWNER", "name": "Rae", "email": "rae@race.test"}
    answer = await host.mutate(
        "upsertWorkspace", "workspaceId", externalId="race", name="Race", members=[member]
    )
    workspace_id: str = answer["workspaceId"]
    return workspace_id


@asynccontextmanager
async def _opened(database_url: str) -> AsyncIterator[Database]:
    """Yield the database, with something to be on."""
    database = Database(database_url)
    try:
        sold = catalog_file.parse(catalogue.FILE.read_text("utf-8"))
        await catalog_sync.sync(database, sold, payments=None, now=datetime.now(UTC))
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def _serving(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of a gateway of two processes."""
    pool = httpx.Limits(max_connections=SPENDERS + GRANTERS)
    async with (
        gateway_process.serve("--workers", "2", DATABASE_URL=database_url) as served,
        httpx.AsyncClient(base_url=served.url, timeout=60, trust_env=False, limits=pool) as http,
    ):
        yield http


def _print(capsys: pytest.CaptureFixture[str], told: Told, seconds: float) -> None:
    events = len(told.charged) + told.statuses["DUPLICATE"]
    with capsys.disabled():
        print(  # noqa: T201 - the throughput is what one wants to see
            f"\n{SPENDERS + GRANTERS} writers, one workspace, {seconds:.1f} s:"
            f" {events / seconds:.0f} usage events and {len(told.adjusted) / seconds:.0f}"
            f" corrections a second; {told.statuses['DUPLICATE']} duplicates,"
            f" {told.overdrafts} answers in overdraft"
        )
