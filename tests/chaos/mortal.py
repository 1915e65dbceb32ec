"""A gateway and its workers, in processes that die in a storm: how a world has them."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx

from tests.chaos import death, keeper
from tests.chaos.keeper import Order
from tests.gateway_process import SECRET
from tests.lifecycle.world import Gateway

WORKERS = 2
DEADLINE_SECONDS = 60.0
_PAUSE_SECONDS = 0.02

_SETTINGS = {
    "DATABASE_POOL_SIZE": "5",
    "GATEWAY_AUTH_SHARED_SECRET": SECRET,
    "GATEWAY_WORKER": "false",
    "GATEWAY_WORKER_POLL_SECONDS": "0.2",
}


@dataclass(frozen=True)
class Keeper:
    """The process that keeps mortals alive, for one world after the other."""

    process: Process

    async def keep(self, order: Order) -> None:
        """Let those of the order live, and nobody else; returns when they are born."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{json.dumps(asdict(order))}\n".encode())
        async with asyncio.timeout(DEADLINE_SECONDS):
            said = (await self.process.stdout.readline()).decode().strip()
        assert said == keeper.DONE, f"{said}: see its log in {order.logs}"


@asynccontextmanager
async def kept() -> AsyncIterator[Keeper]:
    """Yield a keeper; with it everybody ends that it keeps."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.chaos.keeper"),
        env={name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Keeper(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(DEADLINE_SECONDS):
            await process.wait()


@dataclass
class MortalGateway(Gateway):
    """A gateway that serves, with workers beside it, and `lives` in a storm or in calm."""

    keeper: Keeper = field(kw_only=True)
    seed: str = field(kw_only=True)
    logs: Path = field(kw_only=True)

    async def start(self) -> None:
        """Serve, and work, in calm."""
        await self.lives()

    async def lives(self, *, in_storm: bool = False, is_naive: bool = False) -> None:
        """Let all processes begin anew, and live like that."""
        serving = {"gateway": ["serve", "--port", str(self.port)]}
        working = {f"worker-{number + 1}": ["worker"] for number in range(WORKERS)}
        order = Order(
            commands=serving | working,
            variables=self.variables | _SETTINGS,
            logs=str(self.logs),
            seed=self.seed,
            in_storm=in_storm,
            is_naive=is_naive,
        )
        await self.keeper.keep(order)
        await self._ready()

    async def end(self) -> None:
        """End them all."""
        await self.keeper.keep(Order(logs=str(self.logs)))

    def deaths(self) -> Counter[str]:
        """Return at which steps processes were killed, and how often."""
        lines = (line for log in self.logs.glob("*.log") for line in log.read_bytes().splitlines())
        last = (json.loads(line) for line in lines if f'"{death.KILLED}"'.encode() in line)
        return Counter(word["step"] for word in last)

    async def _ready(self) -> None:
        """Wait until the gateway answers, for once."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                try:
                    if (await self.http.get("/readyz")).is_success:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(_PAUSE_SECONDS)
