"""A gateway and its workers, in processes that die in a storm: how a world has them."""

import asyncio
import os
import sys
from asyncio.subprocess import Process
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import orjson

from tests.chaos import death
from tests.gateway_process import SECRET
from tests.lifecycle.world import Gateway

WORKERS = 2
DEADLINE_SECONDS = 60.0
_POLL_SECONDS = 0.2
_POOL_SIZE = 5
_PAUSE_SECONDS = 0.02


@dataclass
class MortalGateway(Gateway):
    """A gateway that serves, with workers beside it: `lives` says how they live."""

    seed: str = ""
    logs: Path = field(default_factory=Path)
    _keeper: Process | None = None

    async def start(self) -> None:
        """Serve, and work, in peace."""
        options = {
            "--port": str(self.port),
            "--workers": str(WORKERS),
            "--seed": self.seed,
            "--logs": str(self.logs),
        }
        self._keeper = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.chaos.keeper"),
            *(word for option in options.items() for word in option),
            env={
                **os.environ,
                "GATEWAY_AUTH_SHARED_SECRET": SECRET,
                **self.variables,
                "DATABASE_POOL_SIZE": str(_POOL_SIZE),
                "GATEWAY_WORKER": "false",
                "GATEWAY_WORKER_POLL_SECONDS": str(_POLL_SECONDS),
            },
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        await self._ready()

    async def lives(self, words: str) -> None:
        """Let all processes begin anew, and live in a `storm` or `calm`; perhaps `naive`."""
        assert self._keeper is not None
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        self._keeper.stdin.write(f"{words}\n".encode())
        async with asyncio.timeout(DEADLINE_SECONDS):
            said = await self._keeper.stdout.readline()
        assert said.decode().strip() == words, "somebody died of something else: see the logs"
        await self._ready()

    async def end(self) -> None:
        """End them all."""
        if self._keeper is None:
            return
        keeper, self._keeper = self._keeper, None
        assert keeper.stdin is not None
        keeper.stdin.close()
        async with asyncio.timeout(DEADLINE_SECONDS):
            await keeper.communicate()
        assert keeper.returncode == 0, "somebody died of something else: see the logs"

    def deaths(self) -> Counter[str]:
        """Return at which steps processes were killed, and how often."""
        lines = (line for log in self.logs.glob("*.log") for line in log.read_bytes().splitlines())
        last = (orjson.loads(line) for line in lines if f'"{death.KILLED}"'.encode() in line)
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
                assert self._keeper is not None
                assert self._keeper.returncode is None, "the keeper has died: see its errors"
                await asyncio.sleep(_PAUSE_SECONDS)
