"""The demo as people start it: a process, what it prints, and what it leaves."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from tests import contract, gateway_process
from tests.gateway_process import DEADLINE_SECONDS, Served

CHARGES = "SELECT count(*) FROM credit_charges"
COPIES = """SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY "credit_charges"%'"""


@dataclass(kw_only=True)
class ServedDemo(Served):
    """A demo that serves; once stopped, nothing said to its Stripe may have left the contract."""

    directory: Path

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit status, after a look at what was said; raises Drift."""
        gate = contract.Gate()
        if self.url:
            await contract.listen(gate, facts(self.directory)["stripeUrl"])
        status = await super().stop(number)
        gate.close()
        return status


@asynccontextmanager
async def serving(directory: Path, *arguments: str, **variables: str) -> AsyncIterator[ServedDemo]:
    """Run `gateway demo` on a free port; end it if the test has not."""
    async with started(directory, *arguments, **variables) as process:
        served = ServedDemo(process, directory=directory)
        yield await served._begin()
        if process.returncode is None:
            assert await served.stop() == 0


@asynccontextmanager
async def started(
    directory: Path, *arguments: str, **variables: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start `gateway demo`, and leave nothing of it."""
    process = await gateway_process._start(
        *("demo", "--port", "0", "--data", str(directory), *arguments), variables=variables
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def curl_line(served: Served) -> str:
    """Return the line that is to be pasted."""
    assert served.process.stdout is not None
    async with asyncio.timeout(DEADLINE_SECONDS):
        async for line in served.process.stdout:
            if line.startswith(b"curl "):
                return line.decode()
    raise AssertionError("no curl line was printed")


async def pasted(line: str) -> dict[str, Any]:
    """Run a line in a shell, as one does who pastes it; return the JSON that it prints."""
    shell = await asyncio.create_subprocess_exec(
        "bash", "-c", line, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, errors = await shell.communicate()
    assert shell.returncode == 0, errors
    answer: dict[str, Any] = json.loads(output)
    assert "errors" not in answer
    return answer


def facts(directory: Path) -> dict[str, Any]:
    """Return what demo.json says."""
    read: dict[str, Any] = json.loads((directory / "demo.json").read_bytes())
    return read


def postmaster(directory: Path) -> int:
    """Return the process id of the embedded PostgreSQL."""
    return int((directory / "cluster" / "postmaster.pid").read_text().splitlines()[0])


def is_running(process_id: int) -> bool:
    """Return whether there is such a process."""
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


async def events_in(directory: Path) -> int:
    """Return how many usage events the demo that is being served has."""
    return await number(url_of(directory), CHARGES)


async def is_copying(directory: Path) -> bool:
    """Return whether the demo's events are being copied."""
    url = url_of(directory)
    return url != "" and await number(url, COPIES) > 0


def url_of(directory: Path) -> str:
    """Return where the embedded PostgreSQL of a demo answers; empty when it does not yet."""
    owner = directory / "owner.lock"
    return owner.read_text().partition("\n")[2].strip() if owner.exists() else ""


async def number(url: str, statement: str) -> int:
    """Return the number that a statement asks a database for, beside whoever uses it."""
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            return int((await connection.execute(text(statement))).scalar_one())
    finally:
        await engine.dispose()


def names_in(directory: Path) -> set[str]:
    """Return the names of what is in a directory."""
    return {path.name for path in directory.iterdir()}
