"""Scripts for Node, which comes with the environment."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PACKAGES = HERE.parent.parent / "web" / "node_modules"


async def run(script: str, *arguments: str) -> Any:
    """Return what a script beside this file prints as JSON; fails with what it complains of."""
    assert PACKAGES.is_dir(), "the packages of web/ are not installed: run `make setup`"
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("node"),
        HERE / script,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(120):
            output, complaint = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, complaint.decode()
    return json.loads(output)
