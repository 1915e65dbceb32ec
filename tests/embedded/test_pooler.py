"""Behind a PgBouncer that gives out connections by the transaction, one after the other."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from tests import demo_process, gateway_process
from tests.embedded import servers

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
OPERATIONS = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
DEMO_CATALOG = "gateway/demo_catalog.toml"
LOCKS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"

WORKSPACES = "{ viewer { workspaces(first: 5) { nodes { name creditBalance { remaining } } } } }"
FOLLOW = "subscription($id: ID!) { creditBalanceChanged(workspaceId: $id) { remaining } }"
RECORD = """mutation($input: RecordUsageInput!) {
  recordUsage(input: $input) { results { status } userErrors { code } }
}"""

_CONFIGURATION = """\
[databases]
gateway = host={directory} port=5432 user=gateway
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = {directory}
auth_type = any
pool_mode = transaction
server_round_robin = 1
min_pool_size = 4
ignore_startup_parameters = {ignored}
"""

pytestmark = pytest.mark.skipif(
    PGBOUNCER is None and not os.environ.get("REQUIRE_PGBOUNCER"),
    reason="no PgBouncer: install it",
)


@dataclass(frozen=True)
class Pooled:
    """A database, and the way to it through the pooler."""

    direct_url: str
    url: str

    @property
    def variables(self) -> dict[str, Any]:
        """Return the settings that the docs tell of."""
        return {
            "DATABASE_URL": self.url,
            "DATABASE_LISTEN_URL": self.direct_url,
            "DATABASE_STATEMENT_CACHE": "0",
        }


@pytest.fixture
async def pooled(open_directory: Path) -> AsyncIterator[Pooled]:
    """Yield a database without tables behind a pooler, set up as the docs say but for the role."""
    assert PGBOUNCER is not None, "REQUIRE_PGBOUNCER is set"
    [ignored] = (
        line.partition("=")[2].strip()
        for line in OPERATIONS.splitlines()
        if line.strip().startswith("ignore_startup_parameters")
    )
    async with servers.served(open_directory) as server:
        directory = servers.socket_path(server.url).parent
        if servers.NOBODY_ACCOUNT:  # PgBouncer does not run as root either
            directory.parent.chmod(0o711)
            _also_let_in(servers.NOBODY_ACCOUNT.name, directory / "pg_ident.conf")
            await _reload(server.url)
        file = open_directory / "pgbouncer.ini"
        file.write_text(_CONFIGURATION.format(directory=directory, ignored=ignored))
        with servers.process([PGBOUNCER, "-q", str(file)], account=servers.NOBODY_ACCOUNT):
            await servers.until((directory / ".s.PGSQL.6432").exists)
            url = servers.dsn(server.url)
            yield Pooled(url, url.replace("port=5432", "port=6432"))


async def test_a_limit_that_the_pooler_keeps_to_itself_is_no_limit(pooled: Pooled) -> None:
    """Serving is refused, with the statements that put it right; /readyz would not know."""
    await gateway_process.run("migrate", **pooled.variables)

    refused = await gateway_process.run("serve", "--port", "0", **pooled.variables)

    assert (refused.status, refused.output) == (1, "")
    assert refused.errors.count("\n") == 1
    assert refused.errors.startswith("gateway: A pooler keeps statement_timeout, ")
    # The embedded server plans without a compiler anyway.
    asked = [statement for statement in _statements() if " jit " not in statement]
    assert refused.errors.rstrip().endswith(" ".join(asked))


async def test_everything_works_through_the_pooler(pooled: Pooled) -> None:
    """Probes of every process, a query, a mutation, and a subscription that hears of it."""
    await _ready(pooled)
    sync = await gateway_process.run("catalog", "sync", DEMO_CATALOG, **pooled.variables)
    assert sync.errors == ""
    service = await _token(
        "--service", "s", "--scope", "workspaces:write", "--scope", "usage:write"
    )
    owner = await _token("--subject", "ida")

    async with (
        gateway_process.serve("--workers", "2", **pooled.variables) as served,
        httpx.AsyncClient(base_url=served.url, timeout=30) as client,
    ):
        probes = [(await client.get("/readyz")).status_code for _ in range(20)]
        upserted = await _ask(
            client,
            service,
            "mutation($input: UpsertWorkspaceInput!)"
            " { upsertWorkspace(input: $input) { workspaceId userErrors { code path } } }",
            input={
                "externalId": "w",
                "name": "W",
                "members": [{"subject": "ida", "role": "OWNER", "name": "Ida", "email": "i@x.io"}],
            },
        )
        assert upserted["upsertWorkspace"]["userErrors"] == []
        workspace_id = upserted["upsertWorkspace"]["workspaceId"]
        heard = await _balances(client, owner, service, workspace_id)
        asked = await asyncio.gather(*(_ask(client, owner, WORKSPACES) for _ in range(40)))

    assert probes == [200] * 20
    assert heard == [200, 193]
    assert {json.dumps(each) for each in asked} == {json.dumps(asked[0])}
    assert "WARNING" not in {line.get("level", "").upper() for line in served.lines}


async def test_commands_leave_nothing_behind_in_the_pooler(pooled: Pooled) -> None:
    """Without a way past it: no lock that stops the next migration, no named statement."""
    variables = {**pooled.variables, "DATABASE_LISTEN_URL": ""}
    await _ready(pooled)

    for _ in range(2):
        for command in (["migrate"], ["audit"], ["jobs", "list"], ["events", "list"]):
            ended = await gateway_process.run(*command, **variables)
            assert (ended.status, ended.errors) == (0, ""), command
        assert await demo_process.number(_asyncpg(pooled.direct_url), LOCKS) == 0


def _also_let_in(name: str, map_: Path) -> None:
    """Let a server that root made take another account for the gateway too."""
    map_.write_text(f'{map_.read_text()}gateway "{name}" gateway\n')


async def _reload(url: str) -> None:
    connection = await asyncpg.connect(servers.dsn(url).replace("gateway@", "postgres@"))
    await connection.execute("SELECT pg_reload_conf()")
    await connection.close()


def _statements() -> list[str]:
    """Return what the docs tell to set on the role."""
    lines = (line.strip() for line in OPERATIONS.splitlines())
    found = [line for line in lines if line.startswith("ALTER ROLE CURRENT_USER SET")]
    assert found
    return found


async def _ready(pooled: Pooled) -> None:
    """Set the role up as the docs say, and make the tables."""
    engine = create_async_engine(_asyncpg(pooled.direct_url))
    async with engine.begin() as connection:
        for statement in _statements():
            await connection.execute(text(statement))
    await engine.dispose()
    ended = await gateway_process.run("migrate", **pooled.variables)
    assert (ended.status, ended.errors) == (0, "")


async def _token(*arguments: str) -> str:
    return (await gateway_process.run("token", *arguments)).output.strip()


async def _ask(client: httpx.AsyncClient, token: str, document: str, **variables: Any) -> Any:
    """Return the data of an answer without errors."""
    answer = await client.post(
        "/graphql",
        json={"query": document, "variables": variables},
        headers={"Authorization": f"Bearer {token}"},
    )
    body = answer.json()
    assert "errors" not in body, body
    return body["data"]


async def _balances(
    client: httpx.AsyncClient, owner: str, service: str, workspace_id: str
) -> list[int]:
    """Return what a follower is told of the credits, before usage is recorded and after."""
    used = {
        "eventId": "e",
        "credits": 7,
        "occurredAt": datetime.now(UTC).isoformat(),
        "userSubject": "ida",
        "conversationId": "c",
        "billingType": "MESSAGE",
    }
    heard: list[int] = []
    async with (
        asyncio.timeout(20),
        client.stream(
            "POST",
            "/graphql",
            json={"query": FOLLOW, "variables": {"id": workspace_id}},
            headers={"Authorization": f"Bearer {owner}", "Accept": "text/event-stream"},
        ) as stream,
    ):
        async for line in stream.aiter_lines():
            if not line.startswith("data:") or not line.removeprefix("data:").strip():
                continue
            told = json.loads(line.removeprefix("data:"))
            heard.append(told["data"]["creditBalanceChanged"]["remaining"])
            if len(heard) == 2:
                break
            await _ask(
                client,
                service,
                RECORD,
                input={"workspaceId": workspace_id, "events": [{"conversation": used}]},
            )
    return heard


def _asyncpg(url: str) -> str:
    return make_url(url).set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)
