"""What owners do while everything fails: patiently, as people and their programs are.

Whoever is not answered asks again, with the same idempotency key. What an owner has been answered
is kept, to be compared with what is booked.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from billing import idempotency
from tests.lifecycle.cards import ALWAYS_AUTHENTICATED, BANK_FAILS, BANK_PAYS, DECLINED, PAID
from tests.lifecycle.graphql import Failed, codes
from tests.lifecycle.owner import Owner
from tests.lifecycle.world import World

PATIENCE_SECONDS = 180.0
_PAUSE_SECONDS = 0.05
_TRY_AGAIN = {"PAYMENTS_UNAVAILABLE", "IDEMPOTENCY_KEY_IN_USE", "SWITCH_UNDER_WAY"}
_NEVER = {"PAYMENTS_REFUSED", "IDEMPOTENCY_KEY_REUSED", "WORKSPACE_NOT_FOUND"}
_OUTAGES = {"DATABASE_UNAVAILABLE", "TIMEOUT"}
_OFFERS = (
    *[("starter", "MONTHLY")] * 3,
    ("starter", "YEARLY"),
    *[("pro", "MONTHLY")] * 2,
    ("pro", "YEARLY"),
    ("pass", "ONE_TIME"),
    ("free", None),
)
_CARDS = (PAID, PAID, PAID, PAID, ALWAYS_AUTHENTICATED, BANK_PAYS, BANK_FAILS, DECLINED)

_DISPUTES = 0.4

Answer = TypeVar("Answer")


@dataclass
class Life:
    """An owner with habits; `reports` of usage are under way.

    What was answered is kept: `spent` is what was recorded as used, by event id, `refused` which
    refusals there were.
    """

    world: World
    owner: Owner
    name: str
    chance: random.Random
    referrer: "Life | None" = None
    spent: dict[str, int] = field(default_factory=dict)
    reversed: set[str] = field(default_factory=set)
    refused: Counter[str] = field(default_factory=Counter)
    reports: int = 0

    async def go_on(self, acts: int) -> None:
        """Do a few things, one after the other."""
        habits: Sequence[Callable[[], Awaitable[None]]] = (
            *[self._choose] * 5,
            *[self.top_up] * 4,
            *[self._use] * 3,
            *[self._reverse] * 2,
            self._undo,
            self._cancel_in_portal,
        )
        await self._choose()
        for _ in range(acts - 1):
            await self.chance.choice(habits)()

    async def plan(self) -> tuple[str, str | None, str]:
        """Return the plan that is held: its name, its cycle, its status."""
        state = await self.owner.state()
        return state.plan, state.cycle, state.status

    async def top_up(self) -> None:
        """Buy packs, if that is possible now."""
        packs, clicks = self.chance.randint(1, 4), self.chance.choice((1, 1, 2))
        payload = await self._asked(lambda key: self.owner.top_up(packs, key=key), clicks=clicks)
        checkout = payload["topUpCheckout"]
        if checkout is not None and checkout["url"] is not None:
            await self._pay(checkout["url"])

    async def _choose(self) -> None:
        """Choose a plan; pay, confirm or authenticate as asked; now and then don't."""
        plan, cycle = self.chance.choice(_OFFERS)
        payload = await self._asked(lambda key: self.owner.switch(plan, cycle, key=key))
        outcome = payload["outcome"]
        if outcome is None:
            return
        if outcome["__typename"] == "PlanSwitchConfirmationRequired":
            token = outcome["preview"]["token"]
            payload = await self._asked(
                lambda key: self.owner.switch(plan, cycle, token=token, key=key)
            )
            outcome = payload["outcome"] or {"__typename": "refused"}
        if outcome["__typename"] == "PlanCheckoutRequired":
            await self._pay(outcome["url"])
        elif outcome["__typename"] == "PlanSwitchPaymentRequired":
            answer = self.chance.choice(("complete", "complete", "fail"))
            await self.world.sandbox.authenticate(f"{outcome['url']}/authenticate", answer)

    async def _pay(self, url: str) -> None:
        """Pay on a page, twice if the finger slips."""
        number = self.chance.choice(_CARDS)
        clicks = self.chance.choice((1, 1, 2))
        answers = await asyncio.gather(
            *(self.world.sandbox.pay(url, number) for _ in range(clicks))
        )
        for answer in answers:
            page = answer.headers.get("location", "")
            if page.endswith("/authenticate"):
                await self.world.sandbox.authenticate(page)

    async def _use(self) -> None:
        amount = self.chance.randint(1, 400)
        event_id = self.owner.fresh_key()
        at = self.world.sandbox.told()
        self.reports += 1
        await patiently(lambda: self.world.use(self.owner, amount, event_id, name=self.name, at=at))
        self.reports -= 1
        self.spent[event_id] = amount

    async def _undo(self) -> None:
        await self._asked(lambda key: self.owner.undo(key=key))

    async def _cancel_in_portal(self) -> None:
        """Open the portal and click what there is: cancel, or don't cancel."""
        payload = await self._asked(lambda _: self.owner.open_portal())
        if payload["url"] is None:
            return
        for verb in ("cancel", "resume"):
            if await self.world.sandbox.offers(payload["url"], verb):
                with suppress(ValueError):  # it is offered no more
                    await self.world.sandbox.click(payload["url"], verb)
                return

    async def _reverse(self) -> None:
        """Have something paid go back: by a refund, in part perhaps, or a dispute."""
        paid = [
            (each["payment_intent"], each["amount"])
            for customer in (await self.world.sandbox.truth())["customers"].values()
            for each in (*customer["checkouts"], *customer["invoices"])
            if each["metadata"].get("workspace_id") == str(self.owner.key)
            and each["payment_intent"] not in {None, *self.reversed}
            and each["amount"]
            and each.get("payment_status", "paid") == "paid"
        ]
        if not paid:
            return
        intent, amount = self.chance.choice(paid)
        self.reversed.add(intent)
        if self.chance.random() < _DISPUTES:
            # What was paid back before can't be disputed.
            with suppress(httpx.HTTPStatusError):
                dispute = await self.world.sandbox.control(f"payments/{intent}/dispute")
                if self.chance.random() < _DISPUTES:
                    verdict = self.chance.choice(("win", "lose"))
                    await self.world.sandbox.control(f"disputes/{dispute['id']}/{verdict}")
            return
        part = self.chance.choice((amount, amount, max(1, amount // 3)))
        with suppress(httpx.TransportError):
            await self.world.sandbox.refund(intent, part)

    async def _asked(
        self, ask: Callable[[str], Awaitable[dict[str, Any]]], *, clicks: int = 1
    ) -> dict[str, Any]:
        """Return the answer to what is asked under one key, however often it has to be asked.

        With several clicks at once, they are answered by one page at most: for as long as keys are
        kept, which may pass by while they are answered.
        """
        key = self.owner.fresh_key()
        begun = await self.world.sandbox.now()

        async def once() -> dict[str, Any]:
            payload = await ask(key)
            if _TRY_AGAIN & {*codes(payload)}:
                raise Unanswered(payload)
            return payload

        answers = await asyncio.gather(*(patiently(once) for _ in range(clicks)))
        payload, *others = answers
        assert not _NEVER & {*codes(payload)}, payload
        is_kept = await self.world.sandbox.now() < begun + idempotency.KEPT
        assert not is_kept or all(_same(payload, other) for other in others), answers
        self.refused.update(codes(payload))
        return payload


class Unanswered(Exception):
    """The gateway asks to be asked again."""


async def patiently(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """Return what is answered in the end; a gateway that is away comes back."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                return await ask()
            except (httpx.HTTPError, Unanswered):
                pass
            except Failed as failed:
                if not {*failed.codes} <= _OUTAGES:
                    raise
            await asyncio.sleep(_PAUSE_SECONDS)


def _same(answer: dict[str, Any], other: dict[str, Any]) -> bool:
    """Tell whether two answers are not about two pages; a refusal leaves the key free."""
    pages = (answer["topUpCheckout"], other["topUpCheckout"])
    return len({page["id"] for page in pages if page is not None}) <= 1
