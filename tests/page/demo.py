"""The demo that the page is of: a process that can be killed and started again where it was."""

import time
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import Any

import jwt

from tests import gateway_process
from tests.demo_process import ServedDemo, facts

_ROWS = "1500"


@dataclass
class Demo:
    """`gateway demo` in a directory of its own."""

    directory: Path
    _port: int = 0
    _served: ServedDemo | None = None

    async def start(self) -> None:
        """Serve: the first time on a free port, then on the same."""
        assert self._served is None
        options = ("--port", str(self._port), "--data", str(self.directory), "--rows", _ROWS)
        process = await gateway_process._start("demo", *options, variables={})
        self._served = ServedDemo(process, directory=self.directory)
        await self._served._begin()
        self._port = int(self._served.url.rpartition(":")[2])

    async def kill(self) -> None:
        """End it as a power cut does."""
        await self.end(Signals.SIGKILL)

    async def end(self, number: Signals = Signals.SIGTERM) -> None:
        """End it, if it has not ended."""
        if self._served is not None:
            served, self._served = self._served, None
            await served.stop(number)

    def facts(self) -> dict[str, Any]:
        """Return what it says of itself, and a token that is too old."""
        known = facts(self.directory)
        known["tokens"]["expired"] = self._expired_token()
        return known

    def _expired_token(self) -> str:
        """Return a token of the owner that was valid until a minute ago."""
        secret = (self.directory / "demo.secret").read_text(encoding="ascii")
        now = int(time.time())
        claims = {"sub": "demo-owner", "iat": now - 3600, "exp": now - 60}
        return jwt.encode(claims, secret, algorithm="HS256")
