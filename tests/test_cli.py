"""The command line, run as its users run it."""

import asyncio
import json
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import httpx
import jwt
import pytest
import websockets
from sqlalchemy import text

from billing import ledger
from models.database import Database
from tests import gateway_process, postgres
from tests.billing import factories
from tests.gateway_process import SECRET

_PROTOCOL = websockets.Subprotocol("graphql-transport-ws")
ROOT = Path(__file__).parents[1]


@pytest.fixture
async def client() -> httpx.AsyncClient:
    """Give a client that waits as long as a start may take."""
    return httpx.AsyncClient(timeout=gateway_process.DEADLINE_SECONDS)


# Tokens and settings


async def test_a_token_for_a_person_is_printed_alone() -> None:
    """So that it can be taken into a variable; it lasts twelve hours unless told otherwise."""
    for arguments, seconds in (((), 43_200), (("--expires-in", "15m"), 900)):
        ended = await gateway_process.run("token", "--subject", "ada", *arguments)
        claims = jwt.decode(ended.output.strip(), SECRET, algorithms=["HS256"])
        assert claims["sub"] == "ada"
        assert claims["exp"] - claims["iat"] == seconds
        assert (ended.status, ended.errors) == (0, "")


async def test_a_token_for_a_service_carries_its_scopes() -> None:
    """Each option adds one."""
    ended = await gateway_process.run(
        *("token", "--service", "meter", "--scope", "usage:write", "--scope", "billing:read")
    )
    claims = jwt.decode(ended.output.strip(), SECRET, algorithms=["HS256"])
    assert (claims["sub"], claims["actor"]) == ("meter", "service")
    assert claims["scope"] == "billing:read usage:write"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give one of them"),
        (["--subject", "ada", "--service", "meter"], "give one of them"),
        (["--subject", "ada", "--scope", "usage:write"], "only a service has scopes"),
        (["--service", "meter", "--scope", "root"], "no such scope: root"),
        (["--subject", ""], "--subject"),
        (["--service", "x" * 256], "--subject"),
        (["--subject", "ada", "--expires-in", "soon"], "such as 12h"),
        (["--subject", "ada", "--expires-in", "0s"], "such as 12h"),
        (["--subject", "ada", "--expires-in", "999999999d"], "such as 12h"),
    ],
)
async def test_a_token_for_nobody_in_particular_is_a_usage_error(
    arguments: list[str], said: str
) -> None:
    """Exit status 2, and nothing on standard output."""
    ended = await gateway_process.run("token", *arguments)
    assert (ended.status, ended.output) == (2, "")
    assert said in ended.errors


async def test_without_the_secret_there_is_no_token() -> None:
    """One line that names the variable."""
    ended = await gateway_process.run("token", "--subject", "ada", GATEWAY_AUTH_SHARED_SECRET="")
    assert (ended.status, ended.output) == (1, "")
    assert ended.errors == (
        "gateway: GATEWAY_AUTH_SHARED_SECRET is not set: it signs development tokens\n"
    )


async def test_mistakes_in_the_settings_are_a_line_each() -> None:
    """Exit status 2, no traceback and no secret."""
    ended = await gateway_process.run(
        "serve",
        GATEWAY_PORT="http",
        GATEWAY_AUTH_SHARED_SECRET="hunter2",
        DATABASE_URL="mysql://ada:hunter2@db/billing",
    )
    assert (ended.status, ended.output) == (2, "")
    assert [line.split(":")[:2] for line in ended.errors.splitlines()] == [
        ["gateway", " DATABASE_URL"],
        ["gateway", " GATEWAY_PORT"],
        ["gateway", " GATEWAY_AUTH_SHARED_SECRET"],
    ]
    assert "hunter2" not in ended.errors


async def test_a_misspelt_setting_stops_every_command() -> None:
    """With the name that was meant."""
    for command in (("serve",), ("migrate",), ("token", "--subject", "ada")):
        ended = await gateway_process.run(*command, GATEWAY_LIMIT_DEPHT="5")
        assert ended.status == 2
        assert ended.errors == (
            "gateway: GATEWAY_LIMIT_DEPHT: unknown setting, did you mean GATEWAY_LIMIT_DEPTH?\n"
        )


async def test_the_printed_schema_is_the_committed_one() -> None:
    """`gateway schema print > schema.graphql` changes nothing."""
    ended = await gateway_process.run("schema", "print")
    assert ended.status == 0
    assert ended.output == (ROOT / "schema.graphql").read_text()


async def test_the_version_is_told() -> None:
    """And nothing else."""
    ended = await gateway_process.run("--version")
    assert ended.output.strip().replace(".", "").isdigit()


# The database


async def test_migrate_fills_an_empty_database_and_leaves_a_current_one(postgres_url: str) -> None:
    """It says what it applied, once."""
    async with postgres.database(postgres_url) as url:
        first = await gateway_process.run("migrate", DATABASE_URL=url)
        again = await gateway_process.run("migrate", DATABASE_URL=url)
    assert (first.status, first.errors) == (0, "")
    applied = first.output.splitlines()
    assert applied[0] == "Applied 0001."
    assert applied[-1] == "The database is up to date."
    assert (again.status, again.output) == (0, "The database is up to date.\n")


async def test_a_database_without_its_migrations_is_not_served(postgres_url: str) -> None:
    """One line that says what to run; the database stays as it was."""
    async with postgres.database(postgres_url) as url:
        ended = await gateway_process.run("serve", "--port", "0", DATABASE_URL=url)
        database = Database(url)
        async with database.snapshot() as snapshot:
            tables = await snapshot.scalar(
                text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
            )
        await database.close()
    assert (ended.status, ended.output) == (1, "")
    (line,) = ended.errors.splitlines()
    assert line.startswith("gateway: The database lacks ")
    assert line.endswith("Run `gateway migrate` first.")
    assert tables == 0


async def test_the_audit_names_what_has_drifted_and_fails(database_url: str) -> None:
    """Books that are right are silent, but for how many they are."""
    database = Database(database_url)
    place = await factories.add_place(database)
    async with database.write() as session:
        await ledger.grant(
            session,
            workspace_id=place.workspace_id,
            grant=factories.grant(100),
            now=factories.NOON,
        )
    right = await gateway_process.run("audit", DATABASE_URL=database_url)
    async with database.write() as session:
        await session.execute(text("UPDATE credit_balances SET balance = 99"))
    wrong = await gateway_process.run("audit", DATABASE_URL=database_url)
    await database.close()
    assert (right.status, right.output) == (0, "Workspaces audited: 1. Drifts: 0.\n")
    assert wrong.status == 1
    *drifts, summary = wrong.output.splitlines()
    assert drifts
    assert all(line.startswith(f"{place.workspace_id} ") for line in drifts)
    assert summary == f"Workspaces audited: 1. Drifts: {len(drifts)}."


@pytest.mark.parametrize("command", ["serve", "migrate", "audit"])
async def test_a_database_that_cannot_be_reached_is_one_line(command: str) -> None:
    """Without the password, whatever the command."""
    options = ["--port", "0"] if command == "serve" else []
    url = "postgresql://ada:hunter2@127.0.0.1:1/billing"
    ended = await gateway_process.run(command, *options, DATABASE_URL=url)
    assert (ended.status, ended.output) == (1, "")
    (line,) = ended.errors.splitlines()
    assert line.startswith("gateway: The database cannot be used: ")
    assert "hunter2" not in line


@pytest.mark.parametrize("command", ["audit", "worker"])
async def test_a_command_makes_no_database_where_there_is_none(
    tmp_path: Path, command: str
) -> None:
    """A directory that is misspelt stays missing; `migrate` and `serve` are to make one."""
    missing = tmp_path / "misspelt"

    ended = await gateway_process.run(command, "--data", str(missing))

    assert (ended.status, ended.output) == (1, "")
    assert ended.errors.startswith(f"gateway: There is no database in {missing}. ")
    assert not missing.exists()


async def test_debug_shows_where_a_failure_comes_from() -> None:
    """For whoever has to look into it."""
    url = "postgresql://ada:hunter2@127.0.0.1:1/billing"
    ended = await gateway_process.run("--debug", "migrate", DATABASE_URL=url)
    assert ended.status == 1
    assert "Traceback" in ended.errors
    assert "hunter2" not in ended.errors


# Serving


async def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    """And no database was started for nothing."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = await gateway_process.run("serve", "--port", port, "--data", str(tmp_path / "data"))
    assert (ended.status, ended.output) == (1, "")
    (line,) = ended.errors.splitlines()
    assert line.startswith(f"gateway: Cannot listen on port {port} of 127.0.0.1: ")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_without_a_server_the_gateway_brings_its_own(
    client: httpx.AsyncClient, tmp_path: Path, workers: str
) -> None:
    """It migrates it and serves; a command beside it uses it too; both end at SIGTERM."""
    data = str(tmp_path / "data")
    async with client, gateway_process.serve("--data", data, "--workers", workers) as served:
        ready = await client.get(f"{served.url}/readyz")
        assert ready.json() == {
            "status": "ready",
            "checks": {"database": "reachable", "migrations": "current"},
        }
        beside = await gateway_process.run("migrate", "--data", data)
        assert (beside.status, beside.output) == (0, "The database is up to date.\n")
        assert await served.stop() == 0
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{served.url}/healthz")
    assert served.events()[-1] == "stopped"
    assert not [line for line in served.lines if line.get("level") == "error"]
    assert not (tmp_path / "data" / "cluster" / "postmaster.pid").exists()


async def test_an_interrupted_start_ends_in_order(tmp_path: Path) -> None:
    """SIGTERM while the embedded PostgreSQL is being made leaves no process behind."""
    process = await gateway_process._start(
        "serve", "--port", "0", "--data", str(tmp_path / "data"), variables={}
    )
    async with asyncio.timeout(gateway_process.DEADLINE_SECONDS):
        await _until((tmp_path / "data" / "owner.lock").exists)
        process.send_signal(signal.SIGTERM)
        _, errors = await process.communicate()
    assert process.returncode == 0
    assert b"Traceback" not in errors
    assert not (tmp_path / "data" / "cluster" / "postmaster.pid").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_request_in_flight_is_answered_before_the_end(
    client: httpx.AsyncClient, database_url: str, number: signal.Signals
) -> None:
    """It waits in the database for a lock when the signal comes; nobody new is let in."""
    database = Database(database_url)
    async with client, gateway_process.serve(DATABASE_URL=database_url) as served:
        async with database.write() as session:
            await session.execute(text("LOCK TABLE plans IN ACCESS EXCLUSIVE MODE"))
            asked = asyncio.create_task(
                client.post(f"{served.url}/graphql", json={"query": "{ plans { id } }"})
            )
            await _until_locked_out(database)
            ending = asyncio.create_task(served.stop(number))
            await _until(lambda: not _listens(served.url))
            assert not asked.done()
        answer = await asked
        assert (answer.status_code, answer.json()) == (200, {"data": {"plans": []}})
        assert await ending == 0
    await database.close()


async def test_an_open_websocket_is_closed_at_the_end(database_url: str) -> None:
    """It is told to come again (1012), and holds nothing up; it was one line in the log."""
    async with gateway_process.serve(DATABASE_URL=database_url) as served:
        address = f"{served.url.replace('http', 'ws', 1)}/graphql"
        async with websockets.connect(address, subprotocols=[_PROTOCOL]) as websocket:
            await websocket.send('{"type": "connection_init"}')
            assert json.loads(await websocket.recv()) == {"type": "connection_ack"}
            await websocket.send(
                '{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }"}}'
            )
            answer = json.loads(await websocket.recv())
            assert answer["payload"] == {"data": {"__typename": "Query"}}
            assert await served.stop() == 0
            await websocket.wait_closed()
            assert websocket.close_code == 1012
    (line,) = [line for line in served.lines if line["event"] == "request"]
    assert (line["method"], line["path"], line["status"]) == ("WEBSOCKET", "/graphql", 101)


async def test_workers_do_not_outlive_a_killed_gateway(
    client: httpx.AsyncClient, database_url: str
) -> None:
    """`kill -9` of the first process ends them: nobody would look after them."""
    async with client, gateway_process.serve("--workers", "2", DATABASE_URL=database_url) as served:
        assert (await client.get(f"{served.url}/healthz")).status_code == 200
        assert await served.stop(signal.SIGKILL) == -signal.SIGKILL
        await _until(lambda: not _listens(served.url))


async def test_the_workers_tell_their_metrics_together(
    client: httpx.AsyncClient, database_url: str
) -> None:
    """Whichever answers."""
    variables = {"DATABASE_URL": database_url, "GATEWAY_METRICS": "true"}
    async with client, gateway_process.serve("--workers", "2", **variables) as served:
        for _ in range(20):
            # A connection for each, so that both workers get some.
            async with httpx.AsyncClient(timeout=gateway_process.DEADLINE_SECONDS) as once:
                await once.post(f"{served.url}/graphql", json={"query": "{ plans { id } }"})
        told = (await client.get(f"{served.url}/metrics")).text
    assert 'gateway_requests_total{route="/graphql",status="200"} 20.0' in told


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(gateway_process.DEADLINE_SECONDS):
        while True:
            if holds():
                return
            await asyncio.sleep(0.01)


def _listens(url: str) -> bool:
    host, _, port = url.removeprefix("http://").partition(":")
    try:
        socket.create_connection((host, int(port))).close()
    except OSError:
        return False
    return True


async def _until_locked_out(database: Database) -> None:
    """Return once a connection waits for a lock."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    async with asyncio.timeout(gateway_process.DEADLINE_SECONDS):
        while True:
            async with database.snapshot() as snapshot:
                if await snapshot.scalar(waiting):
                    return
            await asyncio.sleep(0.01)
