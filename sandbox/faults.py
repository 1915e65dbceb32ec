"""Faults on order: the API answers 500 or 429, is slow, or loses the connection."""

import random
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["error", "error_after", "rate_limit", "slow", "drop", "drop_after"]


@dataclass
class Fault:
    """What goes wrong, and with which requests.

    `error` answers 500 instead of working, `error_after` having worked: Stripe stores both
    under the idempotency key. `rate_limit` answers 429. `slow` works after `seconds`. `drop`
    loses the connection before working, `drop_after` having worked.

    It strikes the next `count` requests that match, or each with the probability `fraction`.
    """

    kind: Kind
    count: int = 0
    fraction: float = 0.0
    seconds: float = 0.0
    method: str = ""
    path: str = ""


@dataclass
class Faults:
    """The faults that are on order; the same seed strikes the same requests."""

    seed: str
    ordered: list[Fault] = field(default_factory=list)
    struck: int = 0
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.begin_anew()

    def order(self, fault: Fault) -> None:
        """Order a fault."""
        self.ordered.append(fault)

    def begin_anew(self) -> None:
        """Order nothing, and let the same seed strike the same requests again."""
        self.ordered.clear()
        self.struck = 0
        self.chance = random.Random(self.seed)  # noqa: S311 - faults are repeated, not secret

    def clear(self) -> None:
        """Let everything work again."""
        self.ordered.clear()

    def strike(self, method: str, path: str) -> Fault | None:
        """Return the fault that strikes a request, if any does."""
        for fault in list(self.ordered):
            if fault.method not in ("", method) or not path.startswith(fault.path):
                continue
            if fault.count > 0:
                fault.count -= 1
                if fault.count == 0:
                    self.ordered.remove(fault)
            elif self.chance.random() >= fault.fraction:
                continue
            self.struck += 1
            return fault
        return None
