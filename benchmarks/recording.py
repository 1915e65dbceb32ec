"""Measure recording usage against hand-written statements that do the same, side by side.

Both sides have this process, as many callers, and the same durable server. The hand-written side
is the limit: raw asyncpg, a connection for each caller, no GraphQL, no authorisation; it takes the
word of whoever calls for who used what, and that no event was charged before.
"""

import argparse
import asyncio
import gc
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import resources
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select

from benchmarks import limit, recording_limit
from benchmarks.recording_limit import Event
from billing import catalog_file, catalog_sync, details, ledger, registry
from billing.access import Scope, Service
from billing.entries import Grant
from billing.membership import MemberPatch, MembersPatch
from billing.recorder import Recorder
from billing.registry import WorkspacePatch
from gateway import embedded_postgres
from models import bulk, migration
from models.base import new_id
from models.database import Database
from models.ledger import AdjustmentType, LotKind
from models.workspace import Membership, Role
from resolvers import ids
from resolvers.context import Context
from resolvers.schema import schema

CALLERS = 32
CONVERSATIONS = 200
SERVICE = Service("benchmark", frozenset({Scope.USAGE_WRITE}))
RECORD_USAGE = """mutation($input: RecordUsageInput!) { recordUsage(input: $input) {
    results { eventId status reason } balance { remaining overdraft } userErrors { code }
} }"""


class Load(NamedTuple):
    """Who calls: so many at once, on so many workspaces, with so many events each."""

    name: str
    callers: int
    workspaces: int
    events: int


LOADS = (
    Load("one event, one workspace", CALLERS, 1, 1),
    Load("one event, each its workspace", CALLERS, CALLERS, 1),
    Load("1,000 events, one caller", 1, 1, 1_000),
)


class Round(NamedTuple):
    """What one side did of a load: events a second, and milliseconds of CPU of this process."""

    rate: float
    cpu: float


@dataclass
class Hall:
    """The server, the workspaces, and both ways to record."""

    database: Database
    recorder: Recorder
    drivers: list[Any]
    workspace_ids: list[UUID]
    user_id: UUID
    numbers: Iterator[int] = field(default_factory=count)

    async def gateway(self, caller: int, load: Load) -> None:
        """Record by the gateway's mutation, as a service asks for it."""
        workspace_id = self.workspace_ids[caller % load.workspaces]
        events = [
            {
                "conversation": {
                    "eventId": event.event_id,
                    "occurredAt": event.occurred_at.isoformat(),
                    "userSubject": "somebody",
                    "credits": event.credits,
                    "conversationId": event.conversation_id,
                    "billingType": "MESSAGE",
                }
            }
            for event in self._events(load)
        ]
        asked = {"workspaceId": ids.encode("Workspace", workspace_id), "events": events}
        context = Context(viewer=SERVICE, database=self.database, recorder=self.recorder)
        result = await schema.execute(
            RECORD_USAGE, variable_values={"input": asked}, context_value=context
        )
        assert result.data is not None, result.errors
        assert {each["status"] for each in result.data["recordUsage"]["results"]} == {"RECORDED"}

    async def by_hand(self, caller: int, load: Load) -> None:
        """Record by hand."""
        workspace_id = self.workspace_ids[caller % load.workspaces]
        await recording_limit.record(
            self.drivers[caller], workspace_id, self.user_id, list(self._events(load))
        )

    async def measure(self, side: Any, load: Load, seconds: float) -> Round:
        """Let everybody call for so long."""
        ends_at = time.perf_counter() + seconds

        async def call(caller: int) -> int:
            calls = 0
            while time.perf_counter() < ends_at:
                await side(caller, load)
                calls += 1
            return calls

        began, cpu = time.perf_counter(), time.process_time()
        calls = sum(await asyncio.gather(*map(call, range(load.callers))))
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        return Round(calls * load.events / took, 1_000 * cpu / calls)

    def _events(self, load: Load) -> list[Event]:
        now = datetime.now(UTC)
        numbers = [next(self.numbers) for _ in range(load.events)]
        return [Event(f"event {n}", f"chat {n % CONVERSATIONS}", 3, now) for n in numbers]


def main(given: Sequence[str] | None = None) -> None:
    """Print the events a second of each load: the gateway's, the limit's, and its share of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="alternating rounds")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long a round lasts")
    arguments = parser.parse_args(given)
    asyncio.run(_measure(arguments.rounds, arguments.seconds))


async def _measure(rounds: int, seconds: float) -> None:
    async with _open() as hall:
        print(f"{CALLERS} callers or one; medians of {rounds} rounds of {seconds:g} s")
        print(f"{'events/s (CPU ms a call)':<32}{'gateway':>18}{'limit':>18}{'share':>8}")
        for load in LOADS:
            ours, theirs = [], []
            for side in (hall.gateway, hall.by_hand):
                await hall.measure(side, load, seconds / 4)
            for _ in range(rounds):
                ours.append(await hall.measure(hall.gateway, load, seconds))
                theirs.append(await hall.measure(hall.by_hand, load, seconds))
            mine, least = _median(ours), _median(theirs)
            print(f"{load.name:<32}{_shown(mine)}{_shown(least)}{mine.rate / least.rate:>8.2f}")


def _median(rounds: Sequence[Round]) -> Round:
    return Round(*map(statistics.median, zip(*rounds, strict=True)))


def _shown(round_: Round) -> str:
    return f"{f'{round_.rate:,.0f} ({round_.cpu:.2f})':>18}"


@asynccontextmanager
async def _open() -> AsyncGenerator[Hall]:
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as directory:
        async with embedded_postgres.serve(Path(directory)) as server:
            await migration.migrate(server.url)
            hall = await _furnish(server.url)
            yield hall
            await hall.recorder.close()
            await hall.database.close()
            for driver in hall.drivers:
                await driver.close()


async def _furnish(url: str) -> Hall:
    """Make the workspaces, and enough usage for the planner to know what the tables are like."""
    database = Database(url)
    file = resources.files("gateway").joinpath("demo_catalog.toml")
    catalogue = catalog_file.parse(file.read_text(encoding="utf-8"))
    await catalog_sync.sync(database, catalogue, payments=None, now=datetime.now(UTC))
    workspace_ids = [await _workspace(database, f"workspace {n}") for n in range(CALLERS)]
    async with database.snapshot() as snapshot:
        user_id = await snapshot.scalar(select(Membership.user_id))
    drivers = [await limit.connect(url) for _ in range(CALLERS)]
    hall = Hall(database, Recorder(database), drivers, workspace_ids, user_id)
    for caller in range(CALLERS):
        await hall.gateway(caller, Load("a beginning", CALLERS, CALLERS, CONVERSATIONS))
    await bulk.tidy(database)
    gc.collect()
    gc.freeze()  # as a gateway does when it begins to serve
    return hall


async def _workspace(database: Database, name: str) -> UUID:
    now = datetime.now(UTC)
    owner = MemberPatch(subject="somebody", role=Role.OWNER, name="S.", email="s@example.com")
    patch = WorkspacePatch(external_id=name, name=name, members=MembersPatch(staying=[owner]))
    grant = Grant(
        source_key=f"benchmark:{new_id()}",
        type=AdjustmentType.ADMIN_ADJUSTMENT,
        credits=10**9,
        kind=LotKind.GRANTED,
        detail=details.Administration(note=""),
    )
    async with database.write() as session:
        workspace_id = await registry.upsert_workspace(session, patch=patch, now=now)
        await ledger.grant(session, workspace_id=workspace_id, grant=grant, now=now)
    return workspace_id


if __name__ == "__main__":
    main()
