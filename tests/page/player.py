"""The specs of `web/tests`, played by one Node in one Chromium."""

import asyncio
import json
import os
import re
import shutil
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.page.demo import Demo

CHROMIUM: Final = os.environ.get("CHROMIUM") or shutil.which("chromium")
SPECS: Final = Path(__file__).parents[2] / "web" / "tests"

_DEADLINE_SECONDS: Final = 90.0
_LINE_BYTES: Final = 2**22
_SENTENCE: Final = re.compile(r'^spec\(\s*"([^"]+)"', re.MULTILINE)


def sentences(file: str) -> Sequence[str]:
    """Return the sentences of a file of specs: each is a test of its own."""
    source = (SPECS / f"{file}.spec.ts").read_text(encoding="utf-8")
    found: list[str] = _SENTENCE.findall(source)
    assert len(found) == source.count("\nspec("), f"a spec of {file} is not told as a sentence"
    return found


@dataclass(frozen=True)
class Player:
    """A Node with a browser, and the demo that its specs are about."""

    demo: Demo
    _node: Process

    def beside(self, demo: Demo) -> "Player":
        """Return a player in the same browser whose specs are about another demo."""
        return Player(demo, self._node)

    async def play(self, file: str, sentence: str) -> None:
        """Play a spec; fails with what went wrong and what was seen."""
        spec = {"file": file, "sentence": sentence, "demo": self.demo.facts()}
        await self._say({"spec": spec})
        async with asyncio.timeout(_DEADLINE_SECONDS):
            said = await self._hear()
            while "wish" in said:
                await self._grant(said["wish"])
                await self._say({"granted": True})
                said = await self._hear()
        failure = said["ended"]["failure"]
        assert failure is None, failure

    async def _grant(self, wish: str) -> None:
        match wish:
            case "kill the gateway":
                await self.demo.kill()
            case "start the gateway":
                await self.demo.start()
            case _:
                raise AssertionError(wish)

    async def _say(self, message: dict[str, Any]) -> None:
        assert self._node.stdin is not None
        self._node.stdin.write(json.dumps(message).encode() + b"\n")
        await self._node.stdin.drain()

    async def _hear(self) -> dict[str, Any]:
        assert self._node.stdout is not None
        assert self._node.stderr is not None
        line = await self._node.stdout.readline()
        if not line:
            raise AssertionError((await self._node.stderr.read()).decode())
        said: dict[str, Any] = json.loads(line)
        return said


@asynccontextmanager
async def playing(demo: Demo) -> AsyncIterator[Player]:
    """Give a player, and leave nothing of its browser."""
    assert CHROMIUM is not None
    node = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("node"),
        SPECS / "play.ts",
        CHROMIUM,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        limit=_LINE_BYTES,
    )
    try:
        yield Player(demo, node)
    finally:
        await _end(node)


async def _end(node: Process) -> None:
    """Let Node close its browser and end; else end it, which leaves the browser behind."""
    assert node.stdin is not None
    node.stdin.close()
    try:
        async with asyncio.timeout(_DEADLINE_SECONDS):
            await node.wait()
    except TimeoutError:
        node.kill()
        raise
