"""The directory of the embedded PostgreSQL: whose it is, what is in it, how it is made.

DIRECTORY/
├── owner.lock    held by the gateway that owns the directory; says who that is
├── server.lock   held by every process of the server: whoever gets it knows that none is left
├── server.log    what PostgreSQL wrote since its gateway started; before that: previous.log
└── cluster/      PostgreSQL's data directory, with its socket

Under root only `cluster/` belongs to the unprivileged user. Nothing above DIRECTORY is changed,
and the directories above may be closed to that user.
"""

import asyncio
import fcntl
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway import postgres_binaries, postgres_launcher
from gateway.postgres_binaries import Binaries
from gateway.postgres_errors import DirectoryInUse, MajorVersionMismatch, StartFailed
from gateway.postgres_launcher import DIRECTORY, Account, ParentWatch, Program

CREATE_TIMEOUT_SECONDS = 120
PREDECESSOR_TIMEOUT_SECONDS = 60
"""How long a server that was left behind may take to end."""

ROLE = "gateway"
DATABASE = "gateway"

_BUILTIN_LOCALE_MAJOR = 17
_CHARACTER_TYPES = ("C.UTF-8", "en_US.UTF-8")  # macOS has only the second
DATA = "cluster"
"""PostgreSQL's data, in a directory of ours."""

_FIRST_STATEMENTS = (
    f"CREATE ROLE {ROLE} LOGIN CREATEDB;\nCREATE DATABASE {DATABASE} OWNER {ROLE};\n"
)
_LOG_TAIL_BYTES = 2_000
_POLL_SECONDS = 0.01
_SOCKET = ".s.PGSQL.5432"
_SOCKET_PATH_BYTES_MAX = 103  # macOS; Linux has 107
_STATUS_LINE = 8


@dataclass(frozen=True, slots=True)
class Cluster:
    """A directory, and how programs run in it."""

    directory: Path
    binaries: Binaries
    account: Account | None
    durable: bool
    watch: ParentWatch

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory; it exists only when it is complete."""
        return self.directory / DATA

    @property
    def log(self) -> Path:
        """What PostgreSQL writes."""
        return self.directory / "server.log"


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What `postmaster.pid` says; `file` tells the files of two servers apart."""

    pid: int
    is_ready: bool
    file: tuple[int, int]


@contextmanager
def owned(directory: Path) -> Iterator[Callable[[str], None]]:
    """Own the directory; yield a function that tells others the URL where it is served.

    Raises DirectoryInUse.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (directory / "owner.lock").open("a+", encoding="utf-8") as owner:
        try:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner.seek(0)
            pid, _, url = owner.read().strip().partition("\n")
            holder = int(pid) if pid.isdecimal() else None
            raise DirectoryInUse(directory, pid=holder, url=url or None) from None

        def announce(url: str) -> None:
            owner.truncate(0)
            owner.write(f"{os.getpid()}\n{url}\n")
            owner.flush()

        announce("")
        log = directory / "server.log"
        if log.exists():
            log.replace(directory / "previous.log")
        log.touch(mode=0o600)  # statements that failed stand in it
        yield announce
        owner.truncate(0)


def account_for(directory: Path, *, default: str) -> Account | None:
    """Return whom the server runs as: None, ourselves, unless we are root.

    Root's server runs as the owner of the data that is there, or as the user named `default`.
    """
    if os.geteuid() != 0:
        return None
    data = directory / "cluster"
    owner = data.stat().st_uid if data.exists() else 0
    try:
        user = pwd.getpwuid(owner) if owner else pwd.getpwnam(default)
    except KeyError:
        raise StartFailed(
            f"PostgreSQL does not run as root, and the user {owner or default!r}, who would run "
            "it, does not exist. Create that user, or set DATABASE_URL."
        ) from None
    return Account(user.pw_name, user.pw_uid, user.pw_gid)


async def prepare(cluster: Cluster) -> None:
    """Make the data directory unless it is there, and let in nobody but the user that we are.

    Raises MajorVersionMismatch, StartFailed.
    """
    if cluster.data.exists():
        _refuse_other_major(cluster)
    else:
        await _create(cluster)
    _let_in_only_us(cluster.data)


async def launch(
    cluster: Cluster,
    command: Sequence[str],
    *,
    directory: Path,
    statements: str = "",
    environment: Mapping[str, str] | None = None,
) -> Program:
    """Start a PostgreSQL program on `directory`, once nothing of an earlier server is left.

    Raises DirectoryInUse when an earlier server does not end.
    """
    lock = await _server_lock(cluster)
    try:
        with cluster.log.open("ab") as log, tempfile.TemporaryFile() as stdin:
            stdin.write(statements.encode())
            stdin.seek(0)
            return postgres_launcher.launch(
                command,
                directory=directory,
                account=cluster.account,
                lock=lock,
                log=log,
                watch=cluster.watch,
                stdin=stdin,
                environment=environment,
            )
    finally:
        os.close(lock)  # from here on only the program holds it


@contextmanager
def socket_directory(cluster: Cluster) -> Iterator[Path]:
    """Yield the directory by which clients find the socket: the data, or a short alias of it."""
    if _can_name_socket(cluster.data):
        yield cluster.data
        return
    with tempfile.TemporaryDirectory(prefix="gateway-") as private:
        alias = Path(private) / "socket"
        alias.symlink_to(cluster.data)
        if not _can_name_socket(alias):
            raise StartFailed(f"{alias} is too long for a socket: set TMPDIR to a shorter path.")
        yield alias


def log_tail(cluster: Cluster) -> str:
    """Return the end of what PostgreSQL wrote."""
    return cluster.log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace").strip()


def postmaster(cluster: Cluster) -> Postmaster | None:
    """Return what the data directory says about a server that runs in it, or ran last."""
    path = cluster.data / "postmaster.pid"
    try:
        with path.open(encoding="utf-8") as file:
            status = os.fstat(file.fileno())
            lines = file.read().splitlines()
    except FileNotFoundError:
        return None
    if not lines or not lines[0].isdecimal():  # being written, or of a program that is no server
        return None
    is_ready = len(lines) >= _STATUS_LINE and lines[_STATUS_LINE - 1].strip() == "ready"
    return Postmaster(int(lines[0]), is_ready=is_ready, file=(status.st_ino, status.st_ctime_ns))


def _refuse_other_major(cluster: Cluster) -> None:
    try:
        found = int((cluster.data / "PG_VERSION").read_text(encoding="ascii").strip())
    except (FileNotFoundError, ValueError):
        raise StartFailed(
            f"{cluster.data} is not PostgreSQL's. Move it away, or choose another directory."
        ) from None
    wanted = cluster.binaries.major
    if found == wanted:
        return

    theirs = postgres_binaries.on_host(major=found)
    where = f" (it is in {theirs.directory})" if theirs else ""
    advice = (
        f"Serve it with PostgreSQL {found}{where} and set DATABASE_URL to that server; or dump "
        f"it there with pg_dump and restore the dump into a new directory; or move {cluster.data} "
        "away to start empty."
    )
    raise MajorVersionMismatch(cluster.data, found=found, wanted=wanted, advice=advice)


async def _create(cluster: Cluster) -> None:
    """Make the data directory aside and rename it: whatever has the name is complete."""
    unfinished = cluster.data.with_name("cluster.unfinished")
    os.close(await _server_lock(cluster))  # an initdb that was left behind may still write there
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(mode=0o700)
    if cluster.account:
        os.chown(unfinished, cluster.account.uid, cluster.account.gid)

    await _run(cluster, _initdb(cluster), directory=unfinished)
    postgres = cluster.binaries.path("postgres")
    alone = [postgres, "--single", "-D", DIRECTORY, "-c", "exit_on_error=on", "postgres"]
    await _run(cluster, alone, directory=unfinished, statements=_FIRST_STATEMENTS)
    unfinished.rename(cluster.data)
    _flush(cluster.directory)


def _initdb(cluster: Cluster) -> list[str]:
    # Order by code points, as C does, and fast; but letters and their cases by Unicode: plain C
    # would leave accents out of ILIKE and out of trigrams.
    command = [
        cluster.binaries.path("initdb"),
        f"--pgdata={DIRECTORY}",
        "--username=postgres",
        "--encoding=UTF8",
        "--locale=C",
        f"--lc-ctype={_character_type()}",
        "--auth-local=peer",
        "--auth-host=reject",
        "--no-instructions",
    ]
    if cluster.binaries.major >= _BUILTIN_LOCALE_MAJOR:
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    if not cluster.durable:
        command += ["--no-sync"]
    return command


def _character_type() -> str:
    """Return the name of a Unicode locale of the C library.

    Asked in another process: a locale belongs to a whole process.
    """
    probe = "import locale, sys; locale.setlocale(locale.LC_CTYPE, sys.argv[1])"
    for name in _CHARACTER_TYPES:
        command = [sys.executable, "-I", "-S", "-c", probe, name]
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:  # noqa: S603
            return name
    raise StartFailed(
        f"The C library has none of the locales {', '.join(_CHARACTER_TYPES)}, and PostgreSQL "
        "needs one to know letters beyond ASCII. Install one, or set DATABASE_URL."
    )


async def _run(
    cluster: Cluster, command: list[str], *, directory: Path, statements: str = ""
) -> None:
    program = await launch(cluster, command, directory=directory, statements=statements)
    try:
        in_time = await program.ended(timeout_seconds=CREATE_TIMEOUT_SECONDS)
    finally:
        if not program.has_ended():
            program.process.kill()
            await program.ended(timeout_seconds=CREATE_TIMEOUT_SECONDS)
    name = Path(command[0]).name
    if not in_time:
        raise StartFailed(f"{name} took over {CREATE_TIMEOUT_SECONDS} s.", log=log_tail(cluster))
    if program.process.returncode != 0:
        raise StartFailed(f"{name} failed.", log=log_tail(cluster))


async def _server_lock(cluster: Cluster) -> int:
    """Return a file descriptor with the lock that the processes of a server inherit.

    Each server gets a lock of its own making, so that not even we hold the last one's.
    """
    lock = os.open(cluster.directory / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = asyncio.get_running_loop().time() + PREDECESSOR_TIMEOUT_SECONDS
    try:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if asyncio.get_running_loop().time() >= deadline:
                    orphan = postmaster(cluster)
                    pid = orphan.pid if orphan else None
                    raise DirectoryInUse(cluster.directory, pid=pid, url=None) from None
                await asyncio.sleep(_POLL_SECONDS)
            else:
                return lock
    except BaseException:
        os.close(lock)
        raise


def _let_in_only_us(data: Path) -> None:
    try:
        us = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise StartFailed(
            f"PostgreSQL does not run for a user without a name, and user id {os.geteuid()} has "
            "none. Give it one in /etc/passwd, or set DATABASE_URL."
        ) from None
    _write(data / "pg_hba.conf", "local all all peer map=gateway\n")
    _write(data / "pg_ident.conf", f'gateway "{us}" {ROLE}\ngateway "{us}" postgres\n')


def _write(path: Path, text: str) -> None:
    # The directory may belong to a lesser user than we are: never write through a link of theirs.
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, 0o644)
        file.write(text)


def _flush(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _can_name_socket(directory: Path) -> bool:
    # A URL takes a comma for the next host.
    path = os.fsencode(directory / _SOCKET)
    return len(path) <= _SOCKET_PATH_BYTES_MAX and b"," not in path
