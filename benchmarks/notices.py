"""Measure what it costs to announce changes: within the transaction, or after the commit.

Thirty-two writers commit to thirty-two workspaces, on a server that keeps what is committed. They
are hand-written, one round trip a transaction, so that the server is what is measured: as many
gateways as it takes to keep it busy would be no slower. The ways take turns in one run, so that
whatever else the machine does meets all of them.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from benchmarks import limit
from gateway import embedded_postgres
from models import channel
from models.base import new_id
from models.database import Database

WRITERS = 32
WAYS = ("in silence", "within the transaction", "after the commit")


@dataclass
class Hall:
    """Thirty-two workspaces, a writer for each, and somebody who listens."""

    database: Database
    writers: dict[UUID, Any]
    notices: int = 0
    rates: dict[str, list[float]] = field(default_factory=lambda: {way: [] for way in WAYS})
    shares: dict[str, list[float]] = field(default_factory=lambda: {way: [] for way in WAYS})

    def hear(self, _: list[str]) -> None:
        """Count a notice; it may hold many topics."""
        self.notices += 1

    async def measure(self, way: str, seconds: float) -> None:
        """Write for so long; keep the commits a second, and the notices a commit."""
        before, ends_at = self.notices, time.perf_counter() + seconds
        writing = (self._write(way, key, ends_at) for key in self.writers)
        commits = sum(await asyncio.gather(*writing))
        self.rates[way].append(commits / seconds)
        self.shares[way].append((self.notices - before) / commits)

    async def _write(self, way: str, workspace_id: UUID, ends_at: float) -> int:
        topic = f"balance {workspace_id.hex}"
        notify = f"SELECT pg_notify('billing_gateway', '{topic}');" if way == WAYS[1] else ""
        change = f"UPDATE counters SET number = number + 1 WHERE id = '{workspace_id}'"
        commits = 0
        while time.perf_counter() < ends_at:
            await self.writers[workspace_id].execute(f"BEGIN; {change}; {notify} COMMIT")
            if way == WAYS[2]:
                self.database.announcer.tell([topic])
            commits += 1
        return commits


def main(given: Sequence[str] | None = None) -> None:
    """Print the commits a second of each way, and what they are of those without a word."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="alternating rounds")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long a round lasts")
    arguments = parser.parse_args(given)
    asyncio.run(_measure(arguments.rounds, arguments.seconds))


async def _measure(rounds: int, seconds: float) -> None:
    async with _open() as hall:
        for _ in range(rounds):
            for way in WAYS:
                await hall.measure(way, seconds)
    silence = statistics.median(hall.rates[WAYS[0]])
    print(f"{WRITERS} writers on {WRITERS} workspaces; medians of {rounds} rounds")
    print(f"{'announced':<24}{'commits/s':>12}{'of silence':>12}{'notices a commit':>18}")
    for way in WAYS:
        rate, share = statistics.median(hall.rates[way]), statistics.median(hall.shares[way])
        print(f"{way:<24}{rate:>12,.0f}{rate / silence:>12.2f}{share:>18.2f}")


@asynccontextmanager
async def _open() -> AsyncGenerator[Hall]:
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as directory:
        async with embedded_postgres.serve(Path(directory)) as server:
            writers = {new_id(): await limit.connect(server.url) for _ in range(WRITERS)}
            first, *_ = writers.values()
            await first.execute("CREATE TABLE counters (id uuid PRIMARY KEY, number bigint)")
            await first.executemany(
                "INSERT INTO counters VALUES ($1, 0)", [(key,) for key in writers]
            )
            hall = Hall(Database(server.url), writers)
            async with channel.listening(server.url, hall.hear):
                yield hall
            await hall.database.close()
            for writer in writers.values():
                await writer.close()


if __name__ == "__main__":
    main()
