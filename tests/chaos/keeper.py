"""Gateways and workers that die at any step, at any moment, and are there again at once.

What they are made of is loaded once, and a process forked for each life: to begin one takes no
time. An order is a line of JSON on standard input (`Order`); it is answered by a line when those
of the order before have ended and all of this one live: `done`, or who has died of something
else. The end of the input is the end of everybody.
"""

import gc
import json
import math
import os
import random
import select
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gateway import cli, server, worker_commands
from tests.chaos import death, naive

LOADED: Final = (server, worker_commands)
"""What the command line loads when it needs it: every life shares it."""

DONE: Final = "done"
STEPS_MEAN: Final = 200
"""How many steps of work a life has in a storm, on average."""

MOMENTS: Final = 0.25
"""How many of the lives end at a moment, if their steps don't end them before."""

MOMENT_SECONDS_MAX: Final = 3.0
"""When that is, after they began."""

_PAUSE_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Who is to live, by name, each with the arguments of `gateway`, and how.

    They live until told otherwise, in a storm until their time has come, which the seed decides.
    With a naive receiver of webhooks in the place of ours no worker asks Stripe for anything.
    """

    commands: dict[str, list[str]] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    logs: str = ""
    seed: str = ""
    in_storm: bool = False
    is_naive: bool = False


@dataclass(slots=True)
class Mortal:
    """A process that is born again whenever it dies; `number` counts its lives."""

    name: str
    order: Order
    log: int
    number: int = 0
    process_id: int = 0
    dies_at: float = math.inf

    def is_born(self) -> None:
        """Begin another life."""
        self.number += 1
        self.dies_at, steps = math.inf, None
        if self.order.in_storm:
            chance = random.Random(f"{self.order.seed}:{self.name}:{self.number}")  # noqa: S311 - repeatable
            steps = 1 + int(chance.expovariate(1 / STEPS_MEAN))
            if chance.random() < MOMENTS:
                self.dies_at = time.monotonic() + chance.uniform(0, MOMENT_SECONDS_MAX)
        self.process_id = os.fork()
        if self.process_id == 0:
            try:
                _live(self, steps=steps)
            finally:
                os._exit(1)

    def dies(self) -> None:
        """End this life, and wait until it has ended."""
        os.kill(self.process_id, signal.SIGKILL)
        os.waitpid(self.process_id, 0)
        os.close(self.log)

    def has_died(self) -> bool:
        """Tell whether this life has ended, as it does when its moment has come.

        Raises Unforeseen when it ended in another way.
        """
        if time.monotonic() >= self.dies_at:
            death.note(self.log, "at its moment")
            os.kill(self.process_id, signal.SIGKILL)
            self.dies_at = math.inf
        ended, status = os.waitpid(self.process_id, os.WNOHANG)
        if ended and not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
            raise Unforeseen(f"{self.name} was not killed: it ended with status {status}")
        return ended != 0


class Unforeseen(Exception):
    """Somebody died, and not because it was time."""


def main() -> None:
    """Keep alive whom the orders name, until there are no more of them."""
    gc.collect()
    gc.freeze()
    mortals: list[Mortal] = []
    unforeseen = ""
    while (heard := _heard()) is not None:
        if heard:
            _end(mortals)
            order = Order(**json.loads(heard))
            mortals = _begin(order)
            sys.stdout.write(f"{unforeseen or DONE}\n")
            sys.stdout.flush()
            unforeseen = ""
        for mortal in mortals:
            try:
                if mortal.has_died():
                    mortal.is_born()
            except Unforeseen as error:
                unforeseen = str(error)
                mortal.is_born()
    _end(mortals)


def _heard() -> str | None:
    """Return the line that was said, empty when nothing was; None when nothing will be."""
    heard, _, _ = select.select([sys.stdin], [], [], _PAUSE_SECONDS)
    if not heard:
        return ""
    return sys.stdin.readline() or None


def _begin(order: Order) -> list[Mortal]:
    mortals = []
    for name in order.commands:
        path = Path(order.logs, f"{name}.log")
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        mortals.append(Mortal(name, order, log))
        mortals[-1].is_born()
    return mortals


def _end(mortals: list[Mortal]) -> None:
    for mortal in mortals:
        mortal.dies()


def _live(mortal: Mortal, *, steps: int | None) -> None:
    """Be the command, up to the step at which it is killed."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(mortal.log, 1)
    os.dup2(mortal.log, 2)
    order = mortal.order
    os.environ.update(order.variables)
    command = order.commands[mortal.name]
    if steps is not None:
        death.comes(after_steps=steps)
    if order.is_naive:
        naive.receives()
        if command == ["worker"]:
            del os.environ["GATEWAY_STRIPE_SECRET_KEY"]
    sys.argv = ["gateway", *command]
    cli.main()


if __name__ == "__main__":
    main()
