"""The page's modules that need no browser, by the tests beside them."""

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path
from typing import Final

import pytest

WEB: Final = Path(__file__).parents[2] / "web"
TESTS: Final = sorted(path.relative_to(WEB) for path in WEB.glob("page/**/*.test.ts"))


def test_there_are_tests_beside_the_modules() -> None:
    """None would be run by a name that nothing has."""
    assert TESTS


@pytest.mark.parametrize("path", TESTS, ids=str)
async def test_the_modules_of_the_page(path: Path) -> None:
    """Node runs each file; its report tells what fails."""
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("node"),
        *("--test", "--test-reporter=spec", path),
        cwd=WEB,
        stdout=PIPE,
        stderr=STDOUT,
    )
    try:
        async with asyncio.timeout(60):
            report, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, report.decode()
