"""A storm: owners live, while webhooks, Stripe, the clock and our own processes go wrong.

A seed decides what owners want, what is lost, doubled and overtaken, and when processes die. How
these meet, the machine decides: the same seed is the same storm, on another day.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import text

from tests.chaos import verdict
from tests.chaos.lives import Life
from tests.chaos.mortal import Keeper, MortalGateway
from tests.lifecycle import world as worlds
from tests.lifecycle.world import Stock, World

DELIVERIES = {"duplicate": 0.5, "drop": 0.15, "shuffle": True, "parallel": 6}
OWNERS = 4
ACTS = 12
HANDS = 2
"""How many things an owner does at once, as in two windows."""

ROUNDS_MAX = 5
"""How often it is compared with Stripe after a storm, at most: a day lies between."""

_PHASES = ("to begin", "of storm", "to recover")
_BUYERS = 2
_PURCHASES = 6
_RETRY_SECONDS = "0.1,0.3,1,2"
_TROUBLES = ("error", "error_after", "rate_limit", "drop", "drop_after")
_TROUBLED_MAX = 0.15
_LEAPS = (
    timedelta(minutes=16),
    timedelta(hours=1),
    timedelta(hours=7),
    timedelta(days=1),
    timedelta(days=6),
    timedelta(days=17),
)
_SHORT = timedelta(hours=7)
_LASTS = timedelta(days=75)
"""How far the clock is moved in a storm, at most."""


@dataclass(frozen=True)
class Ground:
    """What every storm stands on: a database server, what is sold, who keeps mortals alive."""

    server_url: str
    stock: Stock
    keeper: Keeper


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
    deliveries: Counter[str] = field(default_factory=Counter)

    async def owner(self) -> Life:
        """Let somebody more live here, referred by who came last."""
        name = f"owner-{len(self.lives)}"
        referrer = self.lives[-1] if self.lives else None
        owner = await self.world.owner(
            name, referred_by=None if referrer is None else referrer.name
        )
        self.lives.append(Life(self.world, owner, name, _chance(self.seed, name), referrer))
        return self.lives[-1]


Wind = Callable[[Scene, random.Random], Coroutine[Any, Any, None]]
"""Something that goes wrong, again and again."""


@asynccontextmanager
async def scene(ground: Ground, directory: Path, *, seed: str) -> AsyncIterator[Scene]:
    """Yield a world in peace, of which the logs are in the directory."""
    begin = partial(MortalGateway, keeper=ground.keeper, seed=seed, logs=directory)
    opening = worlds.opened(
        ground.server_url,
        ground.stock,
        directory,
        seed=seed,
        retry_seconds=_RETRY_SECONDS,
        begin=begin,
    )
    async with opening as world:
        assert isinstance(world.gateway, MortalGateway)
        yield Scene(world, world.gateway, seed)


async def survive(ground: Ground, directory: Path, *, seed: str) -> Aftermath:
    """Let a storm come over a few owners, let it pass, and look at what is left."""
    marks = [time.monotonic()]
    async with scene(ground, directory, seed=seed) as place:
        for _ in range(OWNERS):
            await place.owner()
        async with _raging(place, _trouble, _jam, _age, _wear):
            marks.append(time.monotonic())
            hands = [life.go_on(ACTS // HANDS) for life in place.lives for _ in range(HANDS)]
            await asyncio.gather(*hands)
            marks.append(time.monotonic())
        await place.gateway.lives()
        await recover(place.world)
        marks.append(time.monotonic())
        return await _left(place, await verdict.wrong(place.world, place.lives), marks)


async def survive_naively(
    ground: Ground, directory: Path, *, seed: str, in_storm: bool
) -> Aftermath:
    """Let owners buy packs, with a naive receiver in the place of ours; look at their credits."""
    async with scene(ground, directory, seed=seed) as place:
        for _ in range(_BUYERS):
            await place.world.buy((await place.owner()).owner, "starter", "YEARLY")
        winds = [_trouble, _jam, _wear] if in_storm else []
        async with _raging(place, *winds, is_naive=True):
            purchases = [life.top_up for life in place.lives for _ in range(_PURCHASES)]
            await asyncio.gather(*(buy() for buy in purchases))
        if in_storm:
            await place.gateway.lives(is_naive=True)
        await place.world.settled()
        wrong = [*map(str, await place.world.drifts()), *await place.world.untrue()]
        return await _left(place, wrong)


async def recover(world: World) -> None:
    """Let a week pass, so that banks have paid or not, and days until nothing fails any more.

    What has failed is tried again at once, and not after its rest.
    """
    await _run_out(world)
    await world.pass_time(days=7)
    for _ in range(ROUNDS_MAX):
        await world.pass_time(days=1, hours=1)
        await world.reconciled()
        await world.retry_failing()
        if not await world.failing():
            return


@asynccontextmanager
async def _raging(place: Scene, *winds: Wind, is_naive: bool = False) -> AsyncIterator[None]:
    """Let these winds blow meanwhile; where any does, webhooks suffer and processes die."""
    await place.gateway.lives(in_storm=bool(winds), is_naive=is_naive)
    if winds:
        await place.world.sandbox.control("webhooks", **DELIVERIES)
    chances = {wind: _chance(place.seed, wind.__name__) for wind in winds}
    blowing = [asyncio.create_task(wind(place, chance)) for wind, chance in chances.items()]
    try:
        yield
    finally:
        await _stop(blowing)
        await place.world.sandbox.forget_faults()
        place.deliveries.update((await place.world.sandbox.look("webhooks"))["counts"])
        await place.world.sandbox.control("webhooks")


async def _left(place: Scene, wrong: list[str], marks: Sequence[float] = ()) -> Aftermath:
    return Aftermath(
        wrong=wrong,
        deaths=place.gateway.deaths(),
        deliveries=place.deliveries,
        refused=sum((life.refused for life in place.lives), Counter()),
        acts=ACTS * len(place.lives),
        seconds={
            phase: later - earlier
            for phase, (earlier, later) in zip(_PHASES, pairwise(marks), strict=False)
        },
    )


async def _trouble(place: Scene, chance: random.Random) -> None:
    """Let Stripe fail now and then, in every way, before and after the deed."""
    while True:
        await place.world.sandbox.forget_faults()
        fraction = chance.uniform(0, _TROUBLED_MAX)
        await place.world.sandbox.control(
            "faults", kind=chance.choice(_TROUBLES), fraction=fraction
        )
        await asyncio.sleep(chance.uniform(0.1, 0.6))


async def _jam(place: Scene, chance: random.Random) -> None:
    """Hold all webhooks back for a while, and let them go, in any order."""
    while True:
        await asyncio.sleep(chance.uniform(0.2, 1.5))
        await place.world.sandbox.control("webhooks", **DELIVERIES, hold=True)
        await asyncio.sleep(chance.uniform(0.1, 0.8))
        await place.world.sandbox.control("webhooks", **DELIVERIES)


async def _age(place: Scene, chance: random.Random) -> None:
    """Let time leap: renewals fall due, packages are refreshed, pages and lots expire.

    Usage is reported within weeks: as long as somebody is at it, the leaps are short.
    """
    ends = await place.world.sandbox.now() + _LASTS
    while (now := await place.world.sandbox.now()) < ends:
        leap = chance.choice(_LEAPS)
        if any(life.reports for life in place.lives):
            leap = min(leap, _SHORT)
        await place.world.sandbox.move(now + leap)
        await asyncio.sleep(chance.uniform(0.3, 1.5))


async def _wear(place: Scene, chance: random.Random) -> None:
    """Let all leases run out: of who was killed, and of who is at work and too slow."""
    while True:
        await asyncio.sleep(chance.uniform(0.5, 2))
        await _run_out(place.world)


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


def _chance(seed: str, name: str) -> random.Random:
    return random.Random(f"{seed}:{name}")  # noqa: S311 - repeatable, not secret


_LEASES = [
    text(f"UPDATE {table} SET leased_until = 'epoch' WHERE leased_until > 'epoch'")  # noqa: S608
    for table in ("stripe_events", "reconciliations", "idempotency_keys")
]
