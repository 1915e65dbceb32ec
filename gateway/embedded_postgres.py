"""A PostgreSQL of the gateway's own, for whoever has no server.

    async with embedded_postgres.serve(directory) as server:
        database = Database(server.url, ...)

The server is a child of this process, answers on a socket in a private directory and nowhere
else, is started again when it ends unasked, and ends with this process however that ends.
What can go wrong stands in `postgres_errors`; why it is built so, in
docs/decisions/embedded-postgres.md.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import structlog

from gateway import postgres_binaries, postgres_cluster, postgres_launcher
from gateway.postgres_binaries import OLDEST_MAJOR, Binaries
from gateway.postgres_cluster import DATABASE, ROLE, Cluster, Postmaster
from gateway.postgres_errors import BinariesNotFound, EmbeddedPostgresError, StartFailed
from gateway.postgres_launcher import DIRECTORY, Account, ParentWatch, Program

READY_TIMEOUT_SECONDS = 300
"""Recovery after a crash replays at most a checkpoint's worth of log, on the slowest disks."""

STOP_TIMEOUT_SECONDS = 30
"""How long a stop may take to write what is in memory; then it is cut short and recovered."""

RESTART_PAUSE_SECONDS_MAX = 30

CONNECTIONS_MAX = 100
"""How many connections the server takes, from all processes together."""

_STEADY_SECONDS = 60
_CUT_TIMEOUT_SECONDS = 5
_POLL_SECONDS = 0.01
_WATCH_SECONDS = 0.1

_PORT = 5432
_ENDINGS = (
    (signal.SIGINT, STOP_TIMEOUT_SECONDS),
    (signal.SIGQUIT, _CUT_TIMEOUT_SECONDS),
    (signal.SIGKILL, _CUT_TIMEOUT_SECONDS),
)
_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_directories": ".",  # the data directory: private already
    "port": str(_PORT),
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "max_connections": str(CONNECTIONS_MAX),
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",  # there is a solid-state disk or the page cache below
    "jit": "off",  # costs more than our small queries take
    "max_parallel_workers_per_gather": "0",  # a container's /dev/shm is too small for workers
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %d ",
}
_FORGETFUL_SETTINGS: Mapping[str, str] = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
}

_logger = structlog.get_logger(__name__)


@dataclass(slots=True)
class Server:
    """A server that is being served; `serve` gives it."""

    cluster: Cluster
    url: str
    """For SQLAlchemy; the same for as long as the server is served."""
    program: Program | None = None

    @property
    def pid(self) -> int:
        """The process id of the server; another one after it had to be started again."""
        assert self.program is not None
        return self.program.process.pid


@asynccontextmanager
async def serve(
    directory: Path,
    *,
    binaries: Binaries | None = None,
    durable: bool = True,
    account: str = "nobody",
    watch: ParentWatch = postgres_launcher.BEST_WATCH,
) -> AsyncIterator[Server]:
    """Serve PostgreSQL from `directory`, which is made if it is missing, and stop at the end.

    Its database `gateway` belongs to the role `gateway`, which may create databases. Not
    `durable`: fast, and lost when the machine stops; for tests. `account` is the unprivileged
    user to whom new data belongs when we are root. Raises EmbeddedPostgresError.

    Enter it from a thread that lives as long as the process, such as the main thread.
    """
    directory = _absolute(directory)
    with ExitStack() as stack:
        try:
            announce = stack.enter_context(postgres_cluster.owned(directory))
            user = postgres_cluster.account_for(directory, default=account)
            found = _usable(binaries or postgres_binaries.find(), user)
            cluster = Cluster(directory, found, user, durable=durable, watch=watch)
            url = _url(stack.enter_context(postgres_cluster.socket_directory(cluster)))
            await postgres_cluster.prepare(cluster)
            server = Server(cluster, url)
            await _start(server)
        except OSError as error:
            raise StartFailed(f"PostgreSQL cannot be served from {directory}: {error}") from error
        async with _kept_running(server):
            announce(url)
            yield server


@asynccontextmanager
async def _kept_running(server: Server) -> AsyncIterator[None]:
    keeper = asyncio.create_task(_keep_running(server))
    try:
        yield
    finally:
        keeper.cancel()
        try:
            await asyncio.wait([keeper])
        finally:
            await _stop(server)


def exists(directory: Path) -> bool:
    """Return whether `directory` holds the data of a server."""
    return (_absolute(directory) / postgres_cluster.DATA).exists()


def _absolute(directory: Path) -> Path:
    return directory.expanduser().resolve()


def _usable(binaries: Binaries | None, account: Account | None) -> Binaries:
    if binaries is None:
        raise BinariesNotFound(
            "There is no PostgreSQL to run: the package embedded-postgres is not installed, and "
            f"this machine has no server programs of PostgreSQL {OLDEST_MAJOR} or newer. Install "
            "one of them, or set DATABASE_URL."
        )
    if account is None:
        return binaries
    usable = postgres_binaries.for_account(binaries, account)
    if usable is None:
        raise BinariesNotFound(
            f"PostgreSQL does not run as root, and the user {account.name} cannot run the programs "
            f"in {binaries.directory}. Install them where every user can, or set DATABASE_URL."
        )
    return usable


def _url(socket_directory: Path) -> str:
    # The port is named, lest PGPORT of the environment count.
    host = quote(os.fspath(socket_directory))
    return f"postgresql+asyncpg://{ROLE}@/{DATABASE}?host={host}&port={_PORT}"


async def _start(server: Server) -> None:
    """Start the server and wait until it accepts connections; on failure it does not run.

    Raises DirectoryInUse, StartFailed.
    """
    last = postgres_cluster.postmaster(server.cluster)
    server.program = await postgres_cluster.launch(
        server.cluster,
        _command(server.cluster),
        directory=server.cluster.data,
        # A killed server's process id may be someone else's by now, whom PostgreSQL would take
        # for that server. It does not look at its "grandparent", yet still refuses memory that
        # a living server uses.
        environment={"PG_GRANDPARENT_PID": str(last.pid)} if last else None,
    )
    try:
        await _until_ready(server.cluster, server.program, last)
    except BaseException:
        await _stop(server)
        raise


def _command(cluster: Cluster) -> list[str]:
    settings = _SETTINGS if cluster.durable else {**_SETTINGS, **_FORGETFUL_SETTINGS}
    words = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    return [cluster.binaries.path("postgres"), "-D", DIRECTORY, *words]


async def _until_ready(cluster: Cluster, program: Program, last: Postmaster | None) -> None:
    clock = asyncio.get_running_loop()
    deadline = clock.time() + READY_TIMEOUT_SECONDS
    while not _is_ready(postgres_cluster.postmaster(cluster), program, last):
        if program.has_ended():
            problem = "PostgreSQL ended while it was starting."
            raise StartFailed(problem, log=postgres_cluster.log_tail(cluster))
        if clock.time() >= deadline:
            problem = f"PostgreSQL was not ready within {READY_TIMEOUT_SECONDS} s."
            raise StartFailed(problem, log=postgres_cluster.log_tail(cluster))
        await asyncio.sleep(_POLL_SECONDS)


def _is_ready(now: Postmaster | None, program: Program, last: Postmaster | None) -> bool:
    """Return whether `program` says that it is ready; `last` is what a killed server said."""
    if now is None or now.pid != program.process.pid:
        return False
    return now.is_ready and (last is None or now.file != last.file)


async def _keep_running(server: Server) -> None:
    """Start the server again whenever it ends: at once, then ever less eagerly."""
    assert server.program is not None
    clock = asyncio.get_running_loop()
    quick_ends = 0
    while True:
        started = clock.time()
        await server.program.ended(poll_seconds=_WATCH_SECONDS)
        quick_ends = quick_ends + 1 if clock.time() - started < _STEADY_SECONDS else 1
        exit_status = server.program.process.returncode
        _logger.error("embedded_postgres_ended", exit_status=exit_status)

        await asyncio.sleep(min(quick_ends - 1, RESTART_PAUSE_SECONDS_MAX))
        try:
            await _start(server)
        except (EmbeddedPostgresError, OSError):
            _logger.exception("embedded_postgres_not_restarted")
        else:
            _logger.warning("embedded_postgres_restarted", pid=server.pid)


async def _stop(server: Server) -> None:
    """Stop the server: let it write what is in memory, else cut it short."""
    assert server.program is not None
    for ending, timeout_seconds in _ENDINGS:
        server.program.process.send_signal(ending)
        if await server.program.ended(timeout_seconds=timeout_seconds):
            return
    raise AssertionError("a killed process did not end")
