"""The sandbox as a process of its own."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

DEADLINE_SECONDS = 60


@asynccontextmanager
async def serving(*options: str) -> AsyncIterator[str]:
    """Yield the address of a sandbox on a free port; options are those of `python -m sandbox`."""
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
