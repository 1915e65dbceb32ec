"""Starts a program, PostgreSQL's or another, as a child that cannot outlive the gateway.

This file is both ends of one agreement. The gateway calls `launch`, which runs this same file
in a fresh, isolated interpreter; there `main` puts the process in order and becomes the program
with `exec`. A fresh interpreter, because code between fork and exec is unsafe with threads.
So whatever `main` needs comes from the standard library.
"""

import asyncio
import ctypes
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

_PR_SET_PDEATHSIG = 1
DIRECTORY = "{directory}"
"""Stands in a command for the directory that the program works on."""

_DESCRIPTORS = Path("/proc/self/fd")
_KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")


class ParentWatch(StrEnum):
    """How a program learns that the gateway has died."""

    SIGNAL = "signal"
    """The kernel sends it SIGINT (Linux)."""
    PIPE = "pipe"
    """A helper process blocks on a pipe whose other end the gateway holds, then sends SIGINT."""


BEST_WATCH = ParentWatch.SIGNAL if sys.platform == "linux" else ParentWatch.PIPE


@dataclass(frozen=True, slots=True)
class Account:
    """The unprivileged user that a program runs as when the gateway is root."""

    name: str
    uid: int
    gid: int


@dataclass(slots=True)
class Program:
    """A launched program: a direct child in its own session."""

    process: subprocess.Popen[bytes]
    life: ExitStack
    """Holds our end of the helper's pipe: as long as it is open, the helper lets it be."""

    async def ended(self, *, timeout_seconds: float = math.inf, poll_seconds: float = 0.01) -> bool:
        """Wait for the program to end; return whether it has."""
        deadline = asyncio.get_running_loop().time() + timeout_seconds
        while not self.has_ended():
            if asyncio.get_running_loop().time() >= deadline:
                return False
            await asyncio.sleep(poll_seconds)
        return True

    def has_ended(self) -> bool:
        """Return whether the program has ended; if so it is reaped, and its helper let go."""
        if self.process.poll() is None:
            return False
        self.life.close()
        return True


def launch(
    command: Sequence[str],
    *,
    directory: Path,
    account: Account | None,
    lock: int,
    log: BinaryIO,
    stdin: BinaryIO,
    watch: ParentWatch,
    environment: Mapping[str, str] | None = None,
) -> Program:
    """Start `command`, as `account` if one is given; all its output goes to `log`.

    DIRECTORY in the command stands for the path of `directory`. Every process of the program
    inherits the file descriptor `lock`. It sees none of the gateway's environment (there are
    secrets in it) but the search paths, and `environment`.

    Call it from a thread that lives as long as the process: on Linux the kernel takes the end
    of the calling *thread* for the death of the parent.
    """
    with ExitStack() as launching:
        inherited = [lock]
        name = os.fspath(directory)
        if account and _DESCRIPTORS.is_dir():
            # The directories above may be closed to the account. What root has opened stays
            # open to it, and /proc names it without a walk through the directories above.
            inherited.append(os.open(directory, os.O_RDONLY))
            launching.callback(os.close, inherited[-1])
            name = str(_DESCRIPTORS / str(inherited[-1]))
        pipe, life = None, ExitStack()
        if watch is ParentWatch.PIPE:
            pipe, lifeline = os.pipe()
            inherited.append(pipe)
            launching.callback(os.close, pipe)
            launching.enter_context(life).callback(os.close, lifeline)
        order = {
            "account": [account.uid, account.gid] if account else None,
            "inherited": inherited,
            "parent": os.getpid(),
            "pipe": pipe,
        }
        words = [word.replace(DIRECTORY, name) for word in command]
        process = subprocess.Popen(  # noqa: S603 - our own program with our own arguments
            [sys.executable, "-I", "-S", __file__, json.dumps(order), *words],
            cwd="/",
            stdin=stdin,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=_kept_environment() | dict(environment or {}),
            pass_fds=inherited,
            start_new_session=True,
        )
        return Program(process, life.pop_all())


def main(order_text: str, *command: str) -> None:
    """Become `command`: without root's rights, bound to the gateway's life."""
    order = json.loads(order_text)
    os.umask(0o077)
    if order["account"]:
        _become(*order["account"])
    # Only now: the kernel forgets a parent-death signal when a process changes its user.
    if order["pipe"] is None:
        _end_with_parent(order["parent"])
    else:
        _end_with_pipe(order["pipe"], inherited=order["inherited"])
    os.execv(command[0], command)  # noqa: S606 - exec is the point, there is no shell


def _kept_environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return kept | {"LC_ALL": "C"}  # messages that we can read; macOS refuses to start without


def _become(uid: int, gid: int) -> None:
    os.setgroups([gid])
    os.setgid(gid)
    os.setuid(uid)


def _end_with_parent(parent: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl.argtypes = (ctypes.c_int, ctypes.c_ulong)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        sys.exit("The gateway died while this was starting.")


def _end_with_pipe(pipe: int, *, inherited: Sequence[int]) -> None:
    program = os.getpid()
    if os.fork():
        os.close(pipe)
        return
    for descriptor in (0, 1, 2, *inherited):  # the lock speaks of the program's life, not of ours
        if descriptor != pipe:
            os.close(descriptor)
    os.read(pipe, 1)  # nobody writes: this returns when the gateway's end is closed
    if os.getppid() == program:  # it still lives, so the number is still its own
        os.kill(program, signal.SIGINT)
    os._exit(0)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except OSError as error:
        sys.exit(f"The program could not be started: {error}")
