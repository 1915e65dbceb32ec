"""What is served, from which directory and to whom."""

import os
from pathlib import Path

import pytest

from gateway import embedded_postgres
from gateway.postgres_binaries import Binaries
from tests.embedded import servers


async def test_the_gateway_owns_its_database_and_is_no_superuser(
    tmp_path: Path, binaries: Binaries
) -> None:
    """From either source; whoever breaks into a statement cannot run programs."""
    async with (
        servers.served(tmp_path, binaries=binaries) as server,
        servers.connected(server) as connection,
    ):
        assert connection.get_server_version().major == binaries.major
        assert await connection.fetchval("SELECT current_user || '@' || current_database()") == (
            "gateway@gateway"
        )
        assert await connection.fetchval("SHOW is_superuser") == "off"
        assert await connection.fetchval("SHOW server_encoding") == "UTF8"
        assert await connection.fetchval("SHOW fsync") == "off"


async def test_letters_beyond_ascii_are_letters(tmp_path: Path, binaries: Binaries) -> None:
    """In searches, in trigrams and in lower case; the order is that of code points."""
    async with (
        servers.served(tmp_path, binaries=binaries) as server,
        servers.connected(server) as connection,
    ):
        await connection.execute("CREATE EXTENSION pg_trgm")
        await connection.execute("CREATE EXTENSION btree_gin")
        assert await connection.fetchval("SELECT 'CRÈME BRÛLÉE' ILIKE '%brûlée%'")
        assert not await connection.fetchval("SELECT 'CRÈME BRÛLÉE' ILIKE '%brulee%'")
        assert await connection.fetchval("SELECT lower('ÀÉΔЖ')") == "àéδж"
        # A word of letters has length + 1 trigrams; a word of unknown signs has none.
        assert await connection.fetchval("SELECT cardinality(show_trgm('привет'))") == 7
        ordered = "SELECT array_agg(word ORDER BY word) FROM unnest('{é,b,Z,a,z}'::text[]) word"
        assert await connection.fetchval(ordered) == ["Z", "a", "b", "z", "é"]


async def test_nobody_else_can_reach_the_server(tmp_path: Path) -> None:
    """There is no port, and the socket lies in a directory that is closed to others."""
    async with servers.served(tmp_path) as server, servers.connected(server) as connection:
        assert await connection.fetchval("SHOW listen_addresses") == ""
        assert servers.socket_path(server.url).parent.resolve() == tmp_path / "data" / "cluster"
        assert (tmp_path / "data" / "cluster").stat().st_mode & 0o077 == 0


async def test_data_is_durable_unless_told_otherwise(tmp_path: Path) -> None:
    """A power cut loses nothing that was committed."""
    async with (
        embedded_postgres.serve(tmp_path / "data") as server,
        servers.connected(server) as connection,
    ):
        assert await connection.fetchval("SHOW fsync") == "on"
        assert await connection.fetchval("SHOW synchronous_commit") == "on"


@servers.on_linux
async def test_the_server_sees_no_secret_of_the_gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its environment holds what it needs and nothing else."""
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_hidden")
    async with servers.served(tmp_path) as server:
        environment = servers.environment_of(server.pid)
    assert "LC_ALL" in environment
    assert "STRIPE_SECRET_KEY" not in environment
    assert "HOME" not in environment


@pytest.mark.parametrize("name", ["deep/" * 60, "a,b", "spaces and %20 and é"])
async def test_any_path_can_be_served(tmp_path: Path, name: str) -> None:
    """However long it is, and whatever a URL would make of its signs; no alias is left."""
    directory = tmp_path / name
    async with embedded_postgres.serve(directory, durable=False) as server:
        assert len(os.fsencode(servers.socket_path(server.url))) <= 103
        async with servers.connected(server) as connection:
            assert await connection.fetchval("SELECT 1") == 1
        assert (directory / "cluster" / ".s.PGSQL.5432").is_socket()
    assert not servers.socket_path(server.url).exists()
