"""How servers and gateways end: killed, told to, interrupted, one after the other."""

import os
import signal
from pathlib import Path

from gateway import embedded_postgres
from gateway.postgres_launcher import ParentWatch
from tests.embedded import servers


async def test_a_killed_server_is_started_again_with_what_was_committed(tmp_path: Path) -> None:
    """At the same URL, without what was not committed."""
    async with embedded_postgres.serve(tmp_path / "data") as server:
        killed, url = server.pid, server.url
        async with servers.connected(server) as connection:
            await connection.execute("CREATE TABLE kept (word text)")
            await connection.execute("INSERT INTO kept VALUES ('committed')")
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute("INSERT INTO kept VALUES ('uncommitted')")
            os.kill(killed, signal.SIGKILL)
            await servers.until(connection.is_closed)

        await servers.until(lambda: server.pid != killed)
        await servers.until(lambda: servers.is_ready(server))
        assert server.url == url
        async with servers.connected(server) as connection:
            rows = await connection.fetch("SELECT word FROM kept")
            assert [row["word"] for row in rows] == ["committed"]
    assert not servers.is_alive(server.pid)


@servers.watches
async def test_the_server_ends_with_a_killed_gateway(tmp_path: Path, watch: ParentWatch) -> None:
    """Not even a connection that keeps the server busy holds it back."""
    async with servers.gateway_process(tmp_path, watch=watch) as gateway:
        async with servers.connected(gateway) as connection:
            await connection.execute("CREATE TABLE kept (word text)")
            await connection.execute("INSERT INTO kept VALUES ('committed')")
            gateway.process.kill()
            await servers.until(connection.is_closed)
        await servers.until(lambda: not servers.is_alive(gateway.pid))
        await servers.until(lambda: servers.is_unlocked(tmp_path / "data" / "server.lock"))

    async with servers.served(tmp_path) as server, servers.connected(server) as connection:
        assert await connection.fetchval("SELECT word FROM kept") == "committed"


@servers.watches
async def test_the_server_stops_in_order_when_the_gateway_is_told_to_end(
    tmp_path: Path, watch: ParentWatch
) -> None:
    """It writes what is in memory; nothing of it is left running."""
    async with servers.gateway_process(tmp_path, watch=watch) as gateway:
        gateway.process.send_signal(signal.SIGTERM)
        await servers.until(lambda: gateway.process.poll() is not None)
        assert gateway.process.returncode == 0
        assert not servers.is_alive(gateway.pid)
        await servers.until(lambda: servers.is_unlocked(tmp_path / "data" / "server.lock"))
    log = (tmp_path / "data" / "server.log").read_text()
    assert "received fast shutdown request" in log
    assert "database system is shut down" in log
    assert not (tmp_path / "data" / "cluster" / "postmaster.pid").exists()


async def test_a_gateway_that_follows_a_killed_one_waits_for_its_server_to_end(
    tmp_path: Path,
) -> None:
    """Two servers never meet in one directory, and nobody has to wait and retry."""
    async with servers.gateway_process(tmp_path) as gateway:
        gateway.process.kill()
        await servers.until(lambda: gateway.process.poll() is not None)
        async with servers.served(tmp_path) as server:
            assert not servers.is_alive(gateway.pid)
            assert servers.can_connect(server.url)


@servers.watches
async def test_an_interrupted_creation_is_done_again(tmp_path: Path, watch: ParentWatch) -> None:
    """What is half made never has the name of the data directory."""
    with servers.process(servers.gateway_command(tmp_path / "data", watch=watch)) as creator:
        await servers.until((tmp_path / "data" / "cluster.unfinished" / "PG_VERSION").exists)
        creator.kill()
    assert not (tmp_path / "data" / "cluster").exists()

    async with servers.served(tmp_path) as server, servers.connected(server) as connection:
        assert await connection.fetchval("SELECT current_database()") == "gateway"
        assert not (tmp_path / "data" / "cluster.unfinished").exists()


async def test_a_process_that_got_a_dead_servers_number_is_not_taken_for_it(
    tmp_path: Path,
) -> None:
    """As after a restart of the machine; that process is left alone."""
    async with servers.served(tmp_path):
        pass
    cluster = tmp_path / "data" / "cluster"
    with servers.process(["sleep", "60"], account=servers.NOBODY_ACCOUNT) as namesake:
        for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            (cluster / name).write_text(f"{namesake.pid}\n")
            os.chown(cluster / name, cluster.stat().st_uid, cluster.stat().st_gid)
        async with servers.served(tmp_path) as server:
            assert servers.can_connect(server.url)
        assert namesake.poll() is None
