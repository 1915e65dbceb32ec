"""The demo's command, as people use it: real processes, real kills."""

import asyncio
import signal
import socket
import stat
from pathlib import Path

import pytest

from gateway import demo, environment, postgres_cluster, settings
from gateway.demo import CannotDemonstrate
from gateway.postgres_errors import DirectoryInUse
from resolvers import ids
from tests import gateway_process, postgres
from tests.demo_process import (
    CHARGES,
    curl_line,
    events_in,
    facts,
    is_copying,
    is_running,
    names_in,
    number,
    pasted,
    postmaster,
    serving,
    started,
)
from tests.gateway_process import DEADLINE_SECONDS

WORKSPACES = [
    "Northwind Studio",
    "Café Lumière",
    "田中商店",
    "Atelier Munk & Søn",
    "Untitled workspace",
]


async def test_the_demo_is_started_asked_stopped_and_started_again(tmp_path: Path) -> None:
    """The printed line works when pasted; ids and data outlive the process, PostgreSQL does not."""
    directory = tmp_path / "demo"
    async with serving(directory, "--rows", "300") as served:
        first = facts(directory)
        answer = await pasted(await curl_line(served))
        server = postmaster(directory)
        assert await served.stop(signal.SIGINT) == 0
    names = [node["name"] for node in answer["data"]["viewer"]["workspaces"]["nodes"]]
    assert names == WORKSPACES
    assert first["pageUrl"] == f"{served.url}/"
    assert first["graphqlUrl"] == f"{served.url}/graphql"
    assert set(first["tokens"]) == {"owner", "admin", "member", "service"}
    assert [each["plan"] for each in first["workspaces"]] == [
        *("team", "team", "launch-pass", "free", "free"),
    ]
    assert all(ids.decode(each["id"], "Workspace") for each in first["workspaces"])
    assert not is_running(server)
    assert not (directory / "demo.json").exists()

    async with serving(directory, "--rows", "500") as served:
        again = facts(directory)
        assert await pasted(await curl_line(served)) == answer
        assert again["workspaces"] == first["workspaces"]
        server = postmaster(directory)
        assert await served.stop(signal.SIGTERM) == 0
    assert "300 usage events already" in " ".join(served.events())
    assert not is_running(server)

    async with serving(directory, "--fresh", "--rows", "200") as served:
        anew = facts(directory)
        await pasted(await curl_line(served))
        assert await events_in(directory) == 200
    assert anew["workspaces"] != first["workspaces"]


async def test_a_demo_that_was_killed_while_loading_is_loaded_again(tmp_path: Path) -> None:
    """What the first one had copied is not there: it was one transaction."""
    async with started(tmp_path, "--rows", "500000") as process, asyncio.timeout(DEADLINE_SECONDS):
        while not await is_copying(tmp_path):  # noqa: ASYNC110 - another process is asked
            await asyncio.sleep(0.01)
        process.kill()
        await process.wait()
    assert not (tmp_path / "demo.json").exists()

    async with serving(tmp_path, "--rows", "200") as served:
        await pasted(await curl_line(served))
        assert await events_in(tmp_path) == 200


async def test_a_database_of_ones_own_is_migrated_and_filled(
    postgres_url: str, tmp_path: Path
) -> None:
    """An empty one gets the tables too; the directory holds no PostgreSQL then."""
    async with postgres.database(postgres_url) as url:
        async with serving(tmp_path, "--rows", "100", DATABASE_URL=url) as served:
            assert (await pasted(await curl_line(served)))["data"]["viewer"]["name"]
        assert await number(url, CHARGES) == 100
    kept = {"sandbox.clock", "sandbox.json", "sandbox.lock", "sandbox.log"}
    assert names_in(tmp_path) == {"demo.secret"} | kept


async def test_a_port_in_use_is_said_in_one_line(tmp_path: Path) -> None:
    """The exit status says so too, and no PostgreSQL is left."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        ended = await gateway_process.run("demo", "--data", str(tmp_path), "--port", port)
    assert ended.status == 1
    assert ended.errors.count("\n") == 1
    assert f"port {port}" in ended.errors
    assert not (tmp_path / "cluster").exists()


async def test_the_secret_and_the_tokens_are_for_their_owner_alone(tmp_path: Path) -> None:
    """Nobody else on the machine reads them, and each directory has its own."""
    secret = demo._prepare_directory(tmp_path / "a", is_embedded=True, fresh=False)
    other = demo._prepare_directory(tmp_path / "b", is_embedded=True, fresh=False)
    demo._write(tmp_path / "a" / "demo.json", b"{}")
    assert secret != other
    assert len(secret) >= settings.SHARED_SECRET_MINIMUM_BYTES
    for name in ("demo.secret", "demo.json"):
        assert stat.S_IMODE((tmp_path / "a" / name).stat().st_mode) == 0o600
    assert demo._prepare_directory(tmp_path / "a", is_embedded=True, fresh=False) == secret


@pytest.mark.parametrize("rows", [-1, 0, 99, 10_000_001])
async def test_rows_out_of_range_are_refused(tmp_path: Path, rows: int) -> None:
    """A wrong option, which says what is in range; nothing is made."""
    ended = await gateway_process.run("demo", "--data", str(tmp_path / "a"), f"--rows={rows}")

    assert (ended.status, ended.output) == (2, "")
    assert "takes 100 to 10,000,000 usage events" in ended.errors
    assert names_in(tmp_path) == set()


@pytest.mark.parametrize("fresh", [False, True])
async def test_a_directory_that_is_not_a_demos_is_left_alone(
    tmp_path: Path, *, fresh: bool
) -> None:
    """It may be that of a gateway with real workspaces."""
    (tmp_path / "cluster").mkdir()
    (tmp_path / "cluster" / "PG_VERSION").write_text("18\n")
    with pytest.raises(CannotDemonstrate, match="is not a demo's"):
        demo.run(environment.load({}, data_directory=tmp_path), fresh=fresh)
    assert names_in(tmp_path) == {"cluster"}
    assert (tmp_path / "cluster" / "PG_VERSION").exists()


async def test_fresh_never_touches_a_server_of_ones_own(tmp_path: Path) -> None:
    """What is in DATABASE_URL is not the demo's to delete."""
    chosen = environment.load({}, data_directory=tmp_path / "demo", database_url="postgresql://h/d")
    with pytest.raises(CannotDemonstrate, match="DATABASE_URL"):
        demo.run(chosen, fresh=True)
    assert names_in(tmp_path) == set()


async def test_fresh_deletes_only_what_the_demo_made(tmp_path: Path) -> None:
    """A file that somebody put beside it stays, and so does the secret of tokens given out."""
    secret = demo._prepare_directory(tmp_path, is_embedded=True, fresh=False)
    for name in ("cluster", "cluster.unfinished"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "something").touch()
    for name in ("demo.json", "sandbox.json", "sandbox.clock", "notes.txt"):
        (tmp_path / name).touch()
    assert demo._prepare_directory(tmp_path, is_embedded=True, fresh=True) == secret
    left = names_in(tmp_path)
    assert {"notes.txt", "demo.secret"} <= left
    erased = {"cluster", "cluster.unfinished", "demo.json", "sandbox.json", "sandbox.clock"}
    assert left.isdisjoint(erased)


async def test_a_demo_that_is_running_is_not_taken_over(tmp_path: Path) -> None:
    """Its file stays, and its data too, even when it should be fresh."""
    demo._prepare_directory(tmp_path, is_embedded=True, fresh=False)
    (tmp_path / "demo.json").touch()
    (tmp_path / "cluster").mkdir()
    with (
        postgres_cluster.owned(tmp_path),
        pytest.raises(DirectoryInUse),
    ):
        demo._prepare_directory(tmp_path, is_embedded=True, fresh=True)
    assert (tmp_path / "demo.json").exists()
    assert (tmp_path / "cluster").exists()


async def test_a_directory_that_cannot_be_made_is_said_in_one_line(tmp_path: Path) -> None:
    """The line names it and what the system says."""
    (tmp_path / "file").touch()
    with pytest.raises(CannotDemonstrate, match=r"cannot use .*file/demo: Not a directory"):
        demo.run(environment.load({}, data_directory=tmp_path / "file" / "demo"))


@pytest.mark.long
async def test_a_million_events_are_there_in_two_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the command until a query is answered; then every invariant holds."""
    monkeypatch.setattr(gateway_process, "DEADLINE_SECONDS", 120)
    async with asyncio.timeout(120):
        async with serving(tmp_path, "--rows", "1000000") as served:
            assert await pasted(await curl_line(served))
    ended = await gateway_process.run("audit", "--data", str(tmp_path))
    assert ended.status == 0, ended.output
