"""`python -m tests.chaos`: storm after storm, until one leaves something wrong."""

import asyncio
import shutil
import signal
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer

from gateway import embedded_postgres
from models import migration
from tests import postgres
from tests.chaos import mortal, storm
from tests.chaos.storm import Aftermath, Ground
from tests.lifecycle import world as worlds


def main(
    *,
    seed: Annotated[int, typer.Option(help="The seed of the first storm.")] = 1,
    runs: Annotated[int, typer.Option(help="How many storms, each of the next seed.", min=1)] = 1,
) -> None:
    """Let storms come over a gateway, and look at what is left after each."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    directory = Path(tempfile.mkdtemp(prefix="gateway-chaos-"))
    if not asyncio.run(_weather(directory, range(seed, seed + runs))):
        raise typer.Exit(1)
    shutil.rmtree(directory)


async def _weather(directory: Path, seeds: range) -> bool:
    """Let the storms come, and tell of each; end with the first that leaves something wrong."""
    deaths: Counter[str] = Counter()
    async with _ground(directory) as ground:
        for seed in seeds:
            place = directory / str(seed)
            place.mkdir()
            began = time.monotonic()
            try:
                left = await storm.survive(ground, place, seed=str(seed))
            except Exception:  # noqa: BLE001 - whatever it is, this seed has found it
                traceback.print_exc()
                typer.echo(f"seed {seed}: did not come to its end; logs in {place}")
                return False
            typer.echo(_told(seed, left, time.monotonic() - began))
            if left.wrong:
                typer.echo("\n".join(f"  {words}" for words in left.wrong))
                typer.echo(f"seed {seed} leaves something wrong; logs in {place}")
                return False
            deaths.update(left.deaths)
            shutil.rmtree(place)
    typer.echo(f"{len(seeds)} storms, {deaths.total()} deaths:")
    typer.echo("\n".join(f"{number:7} {step}" for step, number in deaths.most_common()))
    return True


def _told(seed: int, left: Aftermath, seconds: float) -> str:
    phases = ", ".join(f"{spent:.1f} {phase}" for phase, spent in left.seconds.items())
    deliveries = ", ".join(f"{number} {name}" for name, number in sorted(left.deliveries.items()))
    return (
        f"seed {seed}: {seconds:.1f} s ({phases}),"
        f" {left.acts} acts, {left.refused.total()} refused,"
        f" {left.deaths.total()} deaths at {len(left.deaths)} steps, webhooks: {deliveries}"
    )


@asynccontextmanager
async def _ground(directory: Path) -> AsyncIterator[Ground]:
    async with (
        embedded_postgres.serve(directory / "postgres", durable=False) as server,
        postgres.database(server.url) as template_url,
        mortal.kept() as keeper,
    ):
        await migration.migrate(template_url)
        async with worlds.stocked(server.url, template_url, directory) as stock:
            yield Ground(server.url, stock, keeper)


if __name__ == "__main__":
    typer.run(main)
