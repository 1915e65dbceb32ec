"""The `gateway` command as its users run it: a process, its output, its end."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

DEADLINE_SECONDS = 60
SECRET = "a shared secret of thirty-two bytes or more"

_COMMAND = Path(sys.executable).with_name("gateway")
_OURS = ("GATEWAY_", "DATABASE_", "PROMETHEUS_")


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    status: int
    output: str
    errors: str


@dataclass
class Served:
    """A gateway that serves; `lines` are those of its log so far."""

    process: asyncio.subprocess.Process
    url: str = ""
    lines: list[dict[str, Any]] = field(default_factory=list)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return await self.ended()

    async def ended(self) -> int:
        """Return the exit status once the process has ended."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            await self._reading
            return await self.process.wait()

    def events(self) -> list[str]:
        """Return what the lines of the log tell of."""
        return [str(line["event"]) for line in self.lines]

    async def _begin(self) -> Self:
        """Wait until it says where it serves, and go on reading what it says."""
        serving = asyncio.Event()
        self._reading = asyncio.create_task(self._read(serving))
        async with asyncio.timeout(DEADLINE_SECONDS):
            await serving.wait()
        assert self.url, self.lines
        return self

    async def _read(self, serving: asyncio.Event) -> None:
        assert self.process.stderr is not None
        async for text in self.process.stderr:
            line = json.loads(text) if text.startswith(b"{") else {"event": text.decode().strip()}
            self.lines.append(line)
            if line["event"] == "serving":
                self.url = line["url"]
                serving.set()
        serving.set()


async def run(*arguments: str, directory: Path | None = None, **variables: str) -> Ended:
    """Run a command to its end, in an environment with just these settings."""
    process = await _start(*arguments, directory=directory, variables=variables)
    async with asyncio.timeout(DEADLINE_SECONDS):
        output, errors = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, output.decode(), errors.decode())


@asynccontextmanager
async def serve(*arguments: str, **variables: str) -> AsyncIterator[Served]:
    """Run `gateway serve` on a free port; end it if the test has not."""
    process = await _start("serve", "--port", "0", *arguments, variables=variables)
    served = Served(process)
    try:
        yield await served._begin()
    finally:
        if process.returncode is None:
            await served.stop()


async def _start(
    *arguments: str, directory: Path | None = None, variables: Mapping[str, str]
) -> asyncio.subprocess.Process:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return await asyncio.create_subprocess_exec(
        _COMMAND,
        *arguments,
        cwd=directory,
        env={**inherited, "COLUMNS": "200", "GATEWAY_AUTH_SHARED_SECRET": SECRET, **variables},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
