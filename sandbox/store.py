"""The account: every object, the time, and what is due, in memory, behind one lock."""

import asyncio
import hashlib
import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox import errors
from sandbox.errors import Object

API_VERSION = "2026-10-28.endive"

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_NOUNS = {
    "billing_portal.configuration": "configuration",
    "billing_portal.session": "billing portal session",
    "checkout.session": "checkout.session",
    "payment_method": "PaymentMethod",
    "subscription_schedule": "subscription schedule",
    "test_helpers.test_clock": "test clock",
}

Job = tuple[int, int, str, str]


@dataclass
class Account:
    """One Stripe account in test mode; everything in it can be written as JSON.

    `tables` holds the objects by their `object` field and id, in the order of their creation;
    `private` what Stripe knows of an object and never shows; `jobs` what is due, as a heap of
    (time, number, kind, id).
    """

    base_url: str
    seed: str
    tables: dict[str, dict[str, Object]] = field(default_factory=dict)
    private: dict[str, Object] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)
    answers: dict[str, Object] = field(default_factory=dict)
    number: int = 0
    offset_seconds: int = 0
    frozen_at: int | None = None
    request: Object = field(default_factory=lambda: {"id": None, "idempotency_key": None})
    listeners: list[Callable[[Object], None]] = field(default_factory=list)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def now(self) -> int:
        """Return the time of the sandbox, in Unix seconds: it flows unless it is frozen."""
        if self.frozen_at is not None:
            return self.frozen_at
        return int(time.time()) + self.offset_seconds


def next_number(account: Account) -> int:
    """Return the next of the numbers that order everything the account does."""
    account.number += 1
    return account.number


def new_id(account: Account, prefix: str, *, length: int = 24) -> str:
    """Return a fresh id: the same for the same seed and history."""
    digest = hashlib.sha512(f"{account.seed}:{next_number(account)}".encode()).digest()
    number = int.from_bytes(digest, "big")
    letters = []
    for _ in range(length):
        number, letter = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[letter])
    return f"{prefix}_{''.join(letters)}"


def table(account: Account, kind: str) -> dict[str, Object]:
    """Return the objects of a kind by id, oldest first."""
    return account.tables.setdefault(kind, {})


def add(account: Account, thing: Object) -> Object:
    """Keep a new object and return it."""
    table(account, thing["object"])[thing["id"]] = thing
    return thing


def get(account: Account, kind: str, name: str, *, param: str = "id") -> Object:
    """Return an object; raises the 404 that names `param` when there is none."""
    found = table(account, kind).get(name)
    if found is None:
        raise errors.missing_resource(_NOUNS.get(kind, kind), name, param=param)
    return found


def find(account: Account, name: str) -> Object | None:
    """Return the object that an id names, of whatever kind it is."""
    return next((kept[name] for kept in account.tables.values() if name in kept), None)


def secret(account: Account, name: str) -> Object:
    """Return what Stripe knows of an object and never shows."""
    return account.private.setdefault(name, {})


def schedule(account: Account, at: int, kind: str, name: str) -> None:
    """Note that something is due: whoever does it looks whether it still is."""
    heapq.heappush(account.jobs, (at, next_number(account), kind, name))


def reset(account: Account) -> None:
    """Forget everything but the place where the account lives."""
    account.tables.clear()
    account.private.clear()
    account.jobs.clear()
    account.answers.clear()
    account.number = 0
    account.offset_seconds = 0
    account.frozen_at = None


def dump(account: Account) -> Object:
    """Return everything as JSON values."""
    names = ("seed", "tables", "private", "jobs", "answers", "number", "offset_seconds")
    return {name: getattr(account, name) for name in (*names, "frozen_at")}


def load(account: Account, saved: Object) -> None:
    """Take over what `dump` returned."""
    for name, value in saved.items():
        setattr(account, name, value)
    jobs: list[Any] = account.jobs
    account.jobs = [(at, number, kind, target) for at, number, kind, target in jobs]
    heapq.heapify(account.jobs)
