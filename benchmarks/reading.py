"""Measure the reading workloads against hand-written statements, side by side in one run.

Both sides have one process, one connection and the same database. The hand-written side is the
limit: raw asyncpg and orjson, no GraphQL, no authorisation. What is compared is CPU time.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib import resources
from pathlib import Path

from benchmarks import limit
from benchmarks.workloads import WORKLOADS, Gateway
from billing import catalog_file
from billing.demonstration import loading
from gateway import embedded_postgres
from models import migration
from models.database import Database


def main(given: Sequence[str] | None = None) -> None:
    """Print the CPU of each workload: the gateway's, the limit's, and the limit's share."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="usage events to load")
    parser.add_argument("--rounds", type=int, default=5, help="alternating rounds")
    parser.add_argument("--calls", type=int, default=50, help="calls a round")
    arguments = parser.parse_args(given)
    asyncio.run(_measure(arguments.rows, arguments.rounds, arguments.calls))


async def _measure(rows: int, rounds: int, calls: int) -> None:
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as directory:
        async with embedded_postgres.serve(Path(directory), durable=False) as server:
            await migration.migrate(server.url)
            database = Database(server.url)
            await loading.load(
                database, _catalogue(), rows=rows, advance=lambda _: None, now=datetime.now(UTC)
            )
            gateway = await Gateway.open(database)
            raw = await limit.connect(server.url)
            print(f"{rows:,} events; CPU ms a call (of this process), medians of {rounds} rounds")
            print(f"{'workload':<10}{'gateway':>10}{'limit':>10}{'share of the limit':>22}")
            for name, document in WORKLOADS.items():
                answer = partial(gateway.answer, document)
                by_hand = partial(limit.ANSWERS[name], raw, gateway)
                ours, theirs = [], []
                for _ in range(rounds):
                    ours.append(await _cpu(answer, calls))
                    theirs.append(await _cpu(by_hand, calls))
                mine, least = statistics.median(ours), statistics.median(theirs)
                print(f"{name:<10}{mine:>10.2f}{least:>10.2f}{least / mine:>22.2f}")
            await raw.close()
            await database.close()


def _catalogue() -> catalog_file.Catalogue:
    file = resources.files("gateway").joinpath("demo_catalog.toml")
    return catalog_file.parse(file.read_text(encoding="utf-8"))


async def _cpu(call: Callable[[], Awaitable[object]], calls: int) -> float:
    """Return the milliseconds of CPU that a call takes, after one to warm up."""
    await call()
    started = time.process_time()
    for _ in range(calls):
        await call()
    return (time.process_time() - started) * 1_000 / calls


if __name__ == "__main__":
    main()
