"""Keys of mutations that call somebody between two transactions: `across`, and what is kept.

What is one transaction, `once`, is tried through the mutations that use it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from billing import idempotency, ledger
from billing.errors import (
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    PaymentDeclined,
    PaymentsUnavailable,
    WorkspaceNotFound,
)
from billing.idempotency import KEPT, LEASE, Answer, Claim, Request
from models.base import new_id
from models.database import Database
from models.subscription import IdempotencyKey
from tests.billing.factories import NOON, Place, drifts, grant, stored

SECOND = timedelta(seconds=1)


class Killed(Exception):
    """The process ends here."""


@dataclass
class Shop:
    """A mutation that records an order, calls a provider, and grants what was paid for."""

    database: Database
    place: Place
    calls: list[str] = field(default_factory=list)
    orders: int = 0

    async def buy(
        self,
        *,
        key: str = "key",
        packs: int = 1,
        provider: Callable[[], Awaitable[None]] | None = None,
        now: datetime = NOON,
    ) -> Answer:
        """Buy packs of 100 credits; the provider may fail."""

        async def work(claim: Claim) -> Answer:
            if not claim.progress:
                self.orders += 1
                async with self.database.write() as session:
                    await idempotency.keep(session, claim, {"order": self.orders})
            self.calls.append(claim.provider_key("charge"))
            if provider is not None:
                await provider()
            async with self.database.write() as session:
                granted = await ledger.grant(
                    session,
                    workspace_id=self.place.workspace_id,
                    grant=grant(packs * 100, source_key=f"order:{claim.progress['order']}"),
                    now=now,
                )
                answer = {"order": claim.progress["order"], "entry": granted.number}
                return await idempotency.settle(session, claim, answer)

        return await idempotency.across(
            self.database, request=self.request(key=key, packs=packs), work=work, now=now
        )

    def request(self, *, key: str = "key", packs: int = 1) -> Request:
        """Return the request of a purchase."""
        return idempotency.request(
            workspace_id=self.place.workspace_id,
            actor="person:ada",
            mutation="buy",
            key=key,
            asked={"packs": packs},
        )

    async def balance(self) -> int:
        """Return the credits that were granted."""
        assert await drifts(self.database, self.place) == []
        async with (
            self.database.write() as session,
            ledger.opened(session, workspace_id=self.place.workspace_id) as book,
        ):
            return book.balance


@pytest.fixture
def shop(database: Database, place: Place) -> Shop:
    """Return the shop of a workspace."""
    return Shop(database, place)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait long for another request."""
    monkeypatch.setattr(idempotency, "WAIT_SECONDS", 0.1)


def failing(error: BaseException) -> Callable[[], Awaitable[None]]:
    """Return a provider that fails after it was called."""

    async def fail() -> None:
        raise error

    return fail


async def test_a_key_is_answered_again_without_a_call(shop: Shop) -> None:
    """The answer is the one that was kept."""
    first = await shop.buy()
    again = await shop.buy(now=NOON + KEPT - SECOND)

    assert first == again == {"order": 1, "entry": 1}
    assert len(shop.calls) == 1
    assert await shop.balance() == 100


async def test_another_input_is_refused(shop: Shop) -> None:
    """Without a call."""
    await shop.buy()

    with pytest.raises(IdempotencyKeyReused):
        await shop.buy(packs=2)
    assert len(shop.calls) == 1


async def test_another_key_is_another_purchase(shop: Shop) -> None:
    """With a provider key of its own."""
    await shop.buy()
    await shop.buy(key="another")

    assert len(set(shop.calls)) == 2
    assert await shop.balance() == 200


async def test_who_comes_meanwhile_waits_for_the_answer(shop: Shop) -> None:
    """The call is made once."""
    called, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        called.set()
        await go_on.wait()

    first = asyncio.create_task(shop.buy(provider=slow))
    await called.wait()
    others = [asyncio.create_task(shop.buy()) for _ in range(5)]
    await asyncio.wait(others, timeout=0.2)
    assert not any(other.done() for other in others)
    go_on.set()

    answers = await asyncio.gather(first, *others)
    assert answers == [{"order": 1, "entry": 1}] * 6
    assert len(shop.calls) == 1


@pytest.mark.usefixtures("impatient")
async def test_who_has_waited_long_enough_is_told(shop: Shop) -> None:
    """The first goes on."""
    called, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        called.set()
        await go_on.wait()

    first = asyncio.create_task(shop.buy(provider=slow))
    await called.wait()
    with pytest.raises(IdempotencyKeyInUse):
        await shop.buy()
    go_on.set()

    assert await first == {"order": 1, "entry": 1}
    assert len(shop.calls) == 1


@pytest.mark.parametrize(
    "error", [PaymentsUnavailable(), Killed(), asyncio.CancelledError()], ids=repr
)
async def test_who_asks_again_goes_on_where_it_ended(shop: Shop, error: BaseException) -> None:
    """With the order that was recorded, and the provider key that was used."""
    with pytest.raises(type(error)):
        await shop.buy(provider=failing(error))
    with pytest.raises(IdempotencyKeyReused):
        await shop.buy(packs=2)

    answer = await shop.buy()

    assert answer == {"order": 1, "entry": 1}
    assert len(shop.calls) == 2
    assert len(set(shop.calls)) == 1
    assert await shop.balance() == 100


async def test_a_refusal_frees_the_key(shop: Shop) -> None:
    """The next request with it begins anew, whatever it asks, with a provider key of its own."""
    with pytest.raises(PaymentDeclined):
        await shop.buy(provider=failing(PaymentDeclined()))
    assert await stored(shop.database, shop.place, IdempotencyKey) == []

    answer = await shop.buy(packs=3)

    assert answer == {"order": 2, "entry": 1}
    assert len(set(shop.calls)) == 2
    assert await shop.balance() == 300


async def test_an_answer_that_is_not_settled_frees_the_key(shop: Shop) -> None:
    """Such as a request for a confirmation."""

    async def ask(_: Claim) -> Answer:
        return {"confirm": True}

    request = shop.request()
    asked = await idempotency.across(shop.database, request=request, work=ask, now=NOON)

    assert asked == {"confirm": True}
    assert await stored(shop.database, shop.place, IdempotencyKey) == []


@pytest.mark.usefixtures("impatient")
async def test_a_killed_process_keeps_the_key_until_its_lease_ends(shop: Shop) -> None:
    """Then somebody else goes on with its work."""
    await _die_at_work(shop, {"order": 7})
    with pytest.raises(IdempotencyKeyInUse):
        await shop.buy(now=NOON + LEASE - SECOND)
    assert shop.calls == []

    answer = await shop.buy(now=NOON + LEASE)

    assert answer == {"order": 7, "entry": 1}
    assert await shop.balance() == 100


async def test_who_loses_the_lease_commits_nothing_and_answers_alike(shop: Shop) -> None:
    """Two have called the provider, under one key; one of them has granted."""
    called, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        called.set()
        await go_on.wait()

    slow_one = asyncio.create_task(shop.buy(provider=slow))
    await called.wait()
    quick_one = await shop.buy(now=NOON + LEASE)
    go_on.set()

    assert await slow_one == quick_one == {"order": 1, "entry": 1}
    assert len(set(shop.calls)) == 1
    assert await shop.balance() == 100


async def test_a_retry_has_another_provider_key_whoever_goes_on(shop: Shop) -> None:
    """It is kept that the first key is used up."""
    keys: list[str] = []

    async def work(claim: Claim) -> Answer:
        keys.append(claim.provider_key("charge"))
        if len(keys) > 2:
            async with shop.database.write() as session:
                return await idempotency.settle(session, claim, {"attempt": claim.attempt})
        async with shop.database.write() as session:
            await idempotency.retry(session, claim)
        keys.append(claim.provider_key("charge"))
        raise PaymentsUnavailable

    request = shop.request()
    with pytest.raises(PaymentsUnavailable):
        await idempotency.across(shop.database, request=request, work=work, now=NOON)
    answer = await idempotency.across(shop.database, request=request, work=work, now=NOON)

    first, second, resumed = keys
    assert first != second == resumed
    assert answer == {"attempt": 2}


async def test_the_steps_of_a_claim_have_keys_of_their_own(shop: Shop) -> None:
    """A provider takes a key for one call."""

    async def work(claim: Claim) -> Answer:
        assert claim.provider_key("customer") != claim.provider_key("charge")
        return {}

    await idempotency.across(shop.database, request=shop.request(), work=work, now=NOON)


async def test_an_unknown_workspace_has_no_keys(shop: Shop) -> None:
    """The work is not begun."""
    request = idempotency.request(
        workspace_id=new_id(), actor="service:x", mutation="buy", key="key", asked={}
    )

    async def work(_: Claim) -> Answer:
        raise AssertionError

    with pytest.raises(WorkspaceNotFound):
        await idempotency.across(shop.database, request=request, work=work, now=NOON)


async def test_old_keys_are_forgotten(shop: Shop) -> None:
    """After 30 days; the younger ones stay."""
    await shop.buy(key="old")
    await shop.buy(key="young", now=NOON + SECOND)

    async with shop.database.write() as session:
        assert await idempotency.forget(session, now=NOON + KEPT) == 1

    kept = await stored(shop.database, shop.place, IdempotencyKey)
    assert [row["key"] for row in kept] == ["young"]


async def test_the_input_tells_requests_apart_whatever_the_order_of_its_names() -> None:
    """And nothing else does."""

    def hash_of(**asked: Any) -> str:
        return idempotency.request(
            workspace_id=new_id(), actor="a", mutation="m", key="k", asked=asked
        ).input_hash

    assert hash_of(a=1, b=2) == hash_of(b=2, a=1)
    assert len({hash_of(a=1), hash_of(a="1"), hash_of(a=[1]), hash_of(b=1), hash_of()}) == 5


async def _die_at_work(shop: Shop, progress: Answer) -> None:
    """Leave a claim as a process does that is killed after it has kept its progress."""
    async with shop.database.write() as session:
        claim = await idempotency._claim(session, shop.request(), now=NOON)
        assert isinstance(claim, Claim)
        await idempotency.keep(session, claim, progress)
    [row] = await stored(shop.database, shop.place, IdempotencyKey)
    assert row["leased_until"] == NOON + LEASE
