"""A gateway and its workers that die at any step, at any moment, and are there again at once.

    python -m tests.chaos.keeper --port 8000 --workers 2 --seed 7 --logs DIRECTORY

What they are made of is loaded once, and a process forked for each life: to begin one takes no
time. A line on standard input says how they live from now on, in new processes: `calm`, until
told otherwise, or in a `storm`; with a `naive` receiver of webhooks, or with ours. The line is
said again when all of them live like that. The end of the input is their end.
"""

import gc
import math
import os
import random
import select
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway import cli, server, worker_commands
from tests.chaos import death, naive

LOADED: Final = (server, worker_commands)
"""What the command line loads when it needs it: every life shares it."""

STEPS_MEAN: Final = 200
"""How many steps of work a life has in a storm, on average."""

MOMENTS: Final = 0.25
"""How many of the lives end at a moment, if their steps don't end them before."""

MOMENT_SECONDS_MAX: Final = 3.0
"""When that is, after they began."""

_PAUSE_SECONDS: Final = 0.02


@dataclass(slots=True)
class Mortal:
    """A process that is born again whenever it dies; `number` counts its lives."""

    name: str
    arguments: tuple[str, ...]
    log: int
    number: int = 0
    process_id: int = 0
    dies_at: float = math.inf

    def is_born(self, words: list[str], *, seed: str) -> None:
        """Begin another life, in a storm with an end that the seed decides."""
        self.number += 1
        self.dies_at, steps = math.inf, None
        if "storm" in words:
            chance = random.Random(f"{seed}:{self.name}:{self.number}")  # noqa: S311 - repeatable
            steps = 1 + int(chance.expovariate(1 / STEPS_MEAN))
            if chance.random() < MOMENTS:
                self.dies_at = time.monotonic() + chance.uniform(0, MOMENT_SECONDS_MAX)
        sys.stdout.flush()
        self.process_id = os.fork()
        if self.process_id == 0:
            try:
                _live(self, steps=steps, is_naive="naive" in words)
            finally:
                os._exit(1)

    def dies(self) -> None:
        """End this life, and wait until it has ended."""
        os.kill(self.process_id, signal.SIGKILL)
        os.waitpid(self.process_id, 0)

    def has_died(self) -> bool:
        """Tell whether this life has ended, as it does when its moment has come."""
        if time.monotonic() >= self.dies_at:
            death.note(self.log, "at its moment")
            os.kill(self.process_id, signal.SIGKILL)
            self.dies_at = math.inf
        ended, status = os.waitpid(self.process_id, os.WNOHANG)
        if ended and not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
            raise SystemExit(f"{self.name} was not killed: it ended with status {status}")
        return ended != 0


def keep(
    *,
    port: Annotated[int, typer.Option(help="Where the gateway serves.")],
    workers: Annotated[int, typer.Option(help="How many workers there are.")],
    seed: Annotated[str, typer.Option(help="Decides when they die.")],
    logs: Annotated[Path, typer.Option(help="The directory of their logs.")],
) -> None:
    """Keep a gateway and its workers alive."""
    gc.collect()
    gc.freeze()
    commands: dict[str, tuple[str, ...]] = {"gateway": ("serve", "--port", str(port))}
    commands |= {f"worker-{number + 1}": ("worker",) for number in range(workers)}
    mortals = [
        Mortal(name, arguments, _log(logs / f"{name}.log")) for name, arguments in commands.items()
    ]
    words = ["calm"]
    for mortal in mortals:
        mortal.is_born(words, seed=seed)
    while (line := _heard()) is not None:
        if line:
            words = line.split()
            for mortal in mortals:
                mortal.dies()
                mortal.is_born(words, seed=seed)
            typer.echo(line)
        for mortal in mortals:
            if mortal.has_died():
                mortal.is_born(words, seed=seed)
    for mortal in mortals:
        mortal.dies()


def _log(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)


def _heard() -> str | None:
    """Return the line that was said, empty when nothing was; None when nothing will be."""
    heard, _, _ = select.select([sys.stdin], [], [], _PAUSE_SECONDS)
    if not heard:
        return ""
    return sys.stdin.readline().strip() or None


def _live(mortal: Mortal, *, steps: int | None, is_naive: bool) -> None:
    """Be the command, up to the step at which it is killed."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(mortal.log, 1)
    os.dup2(mortal.log, 2)
    if steps is not None:
        death.comes(after_steps=steps)
    if is_naive:
        naive.receives()
        if mortal.arguments == ("worker",):
            # No events are settled by it, and nothing is looked for.
            del os.environ["GATEWAY_STRIPE_SECRET_KEY"]
    sys.argv = ["gateway", *mortal.arguments]
    cli.main()


if __name__ == "__main__":
    typer.run(keep)
