"""The demo's Stripe: the sandbox, a process that lives as long as the gateway.

    DIRECTORY/
    ├── sandbox.json    what that Stripe knows, so that the next start goes on
    ├── sandbox.clock   by how many seconds its time is ahead: the gateway follows
    ├── sandbox.lock    held by the process; in it, where it was to be reached last
    └── sandbox.log     what it complains of

Nothing is imported of it: it is started as a command and spoken to over HTTP.
"""

import asyncio
import os
import re
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from gateway import postgres_launcher
from gateway.postgres_launcher import ParentWatch, Program

START_TIMEOUT_SECONDS: Final = 60
STOP_TIMEOUT_SECONDS: Final = 10
LOCK_TIMEOUT_SECONDS: Final = 20
"""An earlier process whose gateway was killed has so long to write down what it knows."""

_HOST: Final = "127.0.0.1"
_KEPT: Final = ("sandbox.json", "sandbox.clock")
_CARD: Final = {"method": "card", "card_number": "4242424242424242"}
_SAYS_WHERE: Final = re.compile(r"Stripe sandbox: (\S+)\n")
_POLL_SECONDS: Final = 0.02


class SandboxFailed(Exception):
    """The sandbox cannot be used; the message is a line for who asked for the demo."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox that runs: its address, its clock's file, and a browser for its pages."""

    url: str
    clock_file: Path
    browser: httpx.AsyncClient

    async def pay(self, page_url: str) -> None:
        """Pay a Checkout page with a card that works."""
        answer = await self.browser.post(page_url, data=_CARD)
        if not answer.is_redirect:
            raise SandboxFailed(f"The Stripe sandbox took no payment: {answer.status_code}.")

    async def stand_at(self, moment: datetime) -> None:
        """Let its time stand still; what falls due until then is done. It never goes back."""
        await self._move_clock(frozen=True, at=int(moment.timestamp()))

    async def catch_up(self) -> None:
        """Let its time be the real one, and flow; return when the gateway will know."""
        moved = await self._move_clock(frozen=False)
        moved = await self._move_clock(seconds=-moved["offset_seconds"])
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while _text(self.clock_file) != str(moved["offset_seconds"]):
            if time.monotonic() >= deadline:
                raise SandboxFailed("The Stripe sandbox does not tell what time it is.")
            await asyncio.sleep(_POLL_SECONDS)

    async def _move_clock(self, **given: Any) -> dict[str, Any]:
        answer = await self.browser.post("/_sandbox/clock", json=given)
        moved: dict[str, Any] = answer.raise_for_status().json()
        return moved


@asynccontextmanager
async def serve(
    directory: Path, *, watch: ParentWatch = postgres_launcher.BEST_WATCH
) -> AsyncIterator[Sandbox]:
    """Serve the sandbox whose state is in `directory`, and stop it at the end.

    It answers at the address of the last time, so that its pages stay where they are, unless
    somebody else is there. Enter it from a thread that lives as long as the process.
    Raises SandboxFailed.
    """
    lock = await asyncio.to_thread(_lock, directory)
    try:
        program = _launch(directory, lock, watch)
        try:
            url = await _url(program, directory / "sandbox.log")
            _remember(lock, url)
            async with httpx.AsyncClient(
                base_url=url, timeout=START_TIMEOUT_SECONDS, trust_env=False
            ) as browser:
                yield Sandbox(url, directory / "sandbox.clock", browser)
        finally:
            await _stop(program)
    finally:
        os.close(lock)


def forget(directory: Path) -> None:
    """Let the next start begin with nothing, once nothing of an earlier process is left."""
    lock = _lock(directory)
    try:
        for name in _KEPT:
            (directory / name).unlink(missing_ok=True)
    finally:
        os.close(lock)


def _lock(directory: Path) -> int:
    """Return a descriptor that holds the lock, once an earlier process has let go of it."""
    lock = os.open(directory / "sandbox.lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
    while True:
        try:
            flock(lock, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(lock)
                raise SandboxFailed(f"Another demo is running in {directory}.") from None
        else:
            return lock
        time.sleep(_POLL_SECONDS)


def _launch(directory: Path, lock: int, watch: ParentWatch) -> Program:
    command = [
        *(sys.executable, "-P", "-m", "sandbox"),
        *("--host", _HOST, "--port", str(_port(lock))),
        *("--data", str(directory / "sandbox.json")),
        *("--clock-file", str(directory / "sandbox.clock")),
    ]
    log = directory / "sandbox.log"
    log.touch(mode=0o600)
    with (
        log.open("wb") as output,
        Path(os.devnull).open("rb") as nothing,
    ):
        return postgres_launcher.launch(
            command,
            directory=directory,
            account=None,
            lock=lock,
            log=output,
            stdin=nothing,
            watch=watch,
        )


def _port(lock: int) -> int:
    """Return the port of the last time if it is free, else 0."""
    last = urlsplit(os.pread(lock, 256, 0).decode("ascii", "replace").strip()).port or 0
    try:
        with socket.create_server((_HOST, last)):
            return last
    except OSError:
        return 0


def _remember(lock: int, url: str) -> None:
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{url}\n".encode("ascii"), 0)


async def _url(program: Program, output: Path) -> str:
    """Return where the sandbox says that it answers: from then on it takes connections."""
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while (said := _SAYS_WHERE.search(_text(output))) is None:
        if program.has_ended() or time.monotonic() >= deadline:
            last = _text(output).strip().splitlines()[-1:]
            raise SandboxFailed(" ".join(["The Stripe sandbox does not start.", *last]))
        await asyncio.sleep(_POLL_SECONDS)
    return said[1]


async def _stop(program: Program) -> None:
    """Let the sandbox write down what it knows, else cut it short."""
    program.process.terminate()
    if not await program.ended(timeout_seconds=STOP_TIMEOUT_SECONDS):
        program.process.kill()
        await program.ended()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
