"""The sandbox as a process of its own."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests import contract

DEADLINE_SECONDS = 60


@asynccontextmanager
async def serving(*options: str) -> AsyncIterator[str]:
    """Yield the address of a sandbox on a free port; options are those of `python -m sandbox`.

    At the end nothing that anyone said to it since its last reset may have left Stripe's contract.
    """
    async with unchecked(*options) as address:
        yield address
        gate = contract.Gate()
        await contract.listen(gate, address)
        gate.close()


@asynccontextmanager
async def unchecked(*options: str) -> AsyncIterator[str]:
    """Yield the address of a sandbox that is told what Stripe does not know, on purpose."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox", "--port", "0", *options),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(DEADLINE_SECONDS):
            line = await process.stdout.readline()
        yield line.decode().split()[-1]
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(DEADLINE_SECONDS):
            await process.communicate()
