"""A storm: owners live, while webhooks, Stripe, the clock and our own processes go wrong.

A seed decides what owners want, what is lost, doubled and overtaken, and when processes die. How
these meet, the machine decides: the same seed is the same storm, on another day.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path

from sqlalchemy import text

from tests.chaos import verdict
from tests.chaos.lives import Life, patiently
from tests.chaos.mortal import MortalGateway
from tests.lifecycle import world as worlds
from tests.lifecycle.world import Stock, World

DELIVERIES = {"duplicate": 0.5, "drop": 0.15, "shuffle": True, "parallel": 6}
OWNERS = 4
ACTS = 7
ROUNDS_MAX = 5
"""How often it is compared with Stripe after a storm, at most: a day lies between."""

_PHASES = ("to begin", "of storm", "to recover")
_RETRY_SECONDS = "0.1,0.3,1,2"
_TROUBLES = ("error", "error_after", "rate_limit", "drop", "drop_after")
_TROUBLED_MAX = 0.15
_MOVES = (
    timedelta(minutes=16),
    timedelta(hours=1),
    timedelta(hours=7),
    timedelta(days=1),
    timedelta(days=6),
    timedelta(days=17),
)
_LASTS = timedelta(days=75)
"""How far the clock is moved in a storm, at most."""


@dataclass
class Aftermath:
    """What a storm was, and what is `wrong` after it, in words: nothing, if all is well.

    `deaths` counts by the step at which a process was killed, `seconds` are those of each phase.
    """

    wrong: list[str]
    deaths: Counter[str]
    deliveries: Counter[str]
    refused: Counter[str]
    acts: int
    seconds: dict[str, float]


@dataclass
class Scene:
    """A world with a gateway that can die, and who lives in it."""

    world: World
    gateway: MortalGateway
    seed: str
    lives: list[Life] = field(default_factory=list)

    async def owner(self, name: str, *, referred_by: str | None = None) -> Life:
        """Let somebody more live here."""
        owner = await patiently(lambda: self.world.owner(name, referred_by=referred_by))
        self.lives.append(Life(self.world, owner, name, _chance(self.seed, name)))
        return self.lives[-1]


@asynccontextmanager
async def scene(
    server_url: str, stock: Stock, directory: Path, *, seed: str
) -> AsyncIterator[Scene]:
    """Yield a world in peace, of which the logs are in the directory."""
    begin = partial(MortalGateway, seed=seed, logs=directory)
    opening = worlds.opened(
        server_url, stock, directory, seed=seed, retry_seconds=_RETRY_SECONDS, begin=begin
    )
    async with opening as world:
        assert isinstance(world.gateway, MortalGateway)
        yield Scene(world, world.gateway, seed)


async def survive(server_url: str, stock: Stock, directory: Path, *, seed: str) -> Aftermath:
    """Let a storm come over a few owners, let it pass, and look at what is left."""
    marks = [time.monotonic()]
    async with scene(server_url, stock, directory, seed=seed) as place:
        world, referrer = place.world, None
        for number in range(OWNERS):
            referrer = (await place.owner(f"owner-{number}", referred_by=referrer)).name
        await place.gateway.lives("storm")
        marks.append(time.monotonic())
        await world.sandbox.control("webhooks", **DELIVERIES)
        raging = [
            asyncio.create_task(_trouble(world, _chance(seed, "trouble"))),
            asyncio.create_task(_jam(world, _chance(seed, "jam"))),
            asyncio.create_task(_age(world, _chance(seed, "age"))),
            asyncio.create_task(_wear(world, _chance(seed, "wear"))),
        ]
        try:
            await asyncio.gather(*(life.go_on(ACTS) for life in place.lives))
        finally:
            await _stop(raging)
        marks.append(time.monotonic())
        deliveries = (await world.sandbox.look("webhooks"))["counts"]
        await place.gateway.lives("calm")
        await recover(world)
        marks.append(time.monotonic())
        return Aftermath(
            wrong=await verdict.wrong(world, place.lives),
            deaths=place.gateway.deaths(),
            deliveries=Counter(deliveries),
            refused=sum((life.refused for life in place.lives), Counter()),
            acts=ACTS * len(place.lives),
            seconds=dict(zip(_PHASES, _differences(marks), strict=True)),
        )


async def recover(world: World) -> None:
    """Let everything work again, and let a few days pass: nobody does anything by hand."""
    await world.sandbox.forget_faults()
    await world.sandbox.control("webhooks")
    await _run_out(world)
    for _ in range(ROUNDS_MAX):
        await world.pass_time(days=1, hours=1)
        await world.reconciled()
        await world.retry_failing()
        if not await world.failing():
            return


async def _trouble(world: World, chance: random.Random) -> None:
    """Let Stripe fail now and then, in every way, before and after the deed."""
    while True:
        await world.sandbox.forget_faults()
        fraction = chance.uniform(0, _TROUBLED_MAX)
        await world.sandbox.control("faults", kind=chance.choice(_TROUBLES), fraction=fraction)
        await asyncio.sleep(chance.uniform(0.1, 0.6))


async def _jam(world: World, chance: random.Random) -> None:
    """Hold all webhooks back for a while, and let them go, in any order."""
    while True:
        await asyncio.sleep(chance.uniform(0.2, 1.5))
        await world.sandbox.control("webhooks", **DELIVERIES, hold=True)
        await asyncio.sleep(chance.uniform(0.1, 0.8))
        await world.sandbox.control("webhooks", **DELIVERIES)


async def _age(world: World, chance: random.Random) -> None:
    """Let time leap: renewals fall due, packages are refreshed, pages and lots expire."""
    ends = await world.sandbox.now() + _LASTS
    while await world.sandbox.now() < ends:
        await asyncio.sleep(chance.uniform(0.3, 1.5))
        await world.sandbox.move(await world.sandbox.now() + chance.choice(_MOVES))


async def _wear(world: World, chance: random.Random) -> None:
    """Let all leases run out: of who was killed, and of who is at work and too slow."""
    while True:
        await asyncio.sleep(chance.uniform(0.5, 2))
        await _run_out(world)


async def _run_out(world: World) -> None:
    for lease in _LEASES:
        async with world.database.write() as session:
            await session.execute(lease)


async def _stop(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in ended:
        if isinstance(outcome, Exception):
            raise outcome


def _differences(marks: Sequence[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(marks)]


def _chance(seed: str, name: str) -> random.Random:
    return random.Random(f"{seed}:{name}")  # noqa: S311 - repeatable, not secret


_LEASES = [
    text(f"UPDATE {table} SET leased_until = 'epoch' WHERE leased_until > 'epoch'")  # noqa: S608
    for table in ("stripe_events", "reconciliations", "idempotency_keys")
]
