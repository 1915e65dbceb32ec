"""What befalls a workspace of the demo: its plans, and every adjustment of its credits.

A thread of a story is a generator: it yields when its next thing happens, and does that thing
when it is resumed. `chapters` resumes the threads of a workspace between its usage, in one order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from math import ceil
from random import Random
from typing import Any
from uuid import UUID

from billing import calendar, compensation
from billing.book import Book
from billing.catalog_file import Catalogue, PlanEntry
from billing.demonstration import ids
from billing.demonstration.cast import Member
from billing.demonstration.traffic import DAY, Key, Traffic
from billing.details import (
    Administration,
    Compensation,
    Package,
    PaymentReversal,
    Purchase,
    Referral,
    ReferralStage,
    ReversalKind,
)
from billing.entries import Adjustment, Deduction, Grant
from models.ledger import AdjustmentType, LotKind
from models.plan import BillingCycle, PlanKind
from models.subscription import CheckoutKind, CheckoutStatus, SubscriptionStatus

Thread = Iterator[datetime]

_MONTHS = {BillingCycle.MONTHLY: 1, BillingCycle.YEARLY: 12}
_TICK = timedelta(microseconds=1)
_CLOCK_DELAY = timedelta(seconds=4)
_CHECKOUT_DELAY = timedelta(seconds=40)
_INVOICE_DELAY = timedelta(minutes=61)
_STOCK = timedelta(days=14)

RETURN_URL = "https://app.example.com/billing"
"""Where people came back to from the pages on which they paid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A plan that a workspace holds from `start`, which anchors its periods, until `end`.

    `switch` is when it went on with another plan, `pending` what it will go on with.
    """

    subscription_id: UUID
    plan: PlanEntry
    cycle: BillingCycle | None = None
    start: datetime
    end: datetime | None = None
    switch: tuple[datetime, PlanEntry] | None = None
    pending: tuple[PlanEntry, BillingCycle] | None = None

    @property
    def months(self) -> int | None:
        """How many months are paid at once; None on Free."""
        if self.cycle is None or self.cycle is BillingCycle.ONE_TIME:
            return self.plan.period_months
        return _MONTHS[self.cycle]

    def plan_at(self, time: datetime) -> PlanEntry:
        """Return the plan that is held at `time`."""
        return self.switch[1] if self.switch and time >= self.switch[0] else self.plan

    def is_paid_at(self, month: int) -> bool:
        """Return whether an invoice, not our clock, opens that month."""
        return self.months is not None and month % self.months == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What the payment provider calls a workspace and the plan that renews there.

    `checkout_id` is ours of the page on which it was bought. `switch_invoice_id` is of the switch
    that was paid since, `schedule_id` of what lets another plan follow.
    """

    customer_id: str
    checkout_id: UUID
    session_id: str
    price_id: str
    subscription_id: str
    switch_invoice_id: str | None = None
    schedule_id: str | None = None


class Story:
    """A workspace whose story is being told: its ledger, and what is written beside that."""

    def __init__(
        self,
        random: Random,
        catalogue: Catalogue,
        *,
        name: str,
        external_id: str,
        created_at: datetime,
        referred_by: UUID | None = None,
    ) -> None:
        self.id = ids.at(random, created_at)
        self.external_id = external_id
        self.name = name
        self.created_at = created_at
        self.referred_by = referred_by
        self.held: list[Held] = []
        self.members: Sequence[Member] = ()
        self.keys: Sequence[Key] = ()
        self.traffic: Traffic | None = None
        self.threads: list[Thread] = []
        self.checkouts: list[dict[str, Any]] = []
        self.account: Account | None = None
        self.book = Book(opened_at=created_at)
        self._random = random
        self._catalogue = catalogue

    @property
    def renewing(self) -> Held | None:
        """The plan that is held now and renews, if it does."""
        last = self.held[-1]
        return last if last.end is None and last.plan.kind is PlanKind.RECURRING else None

    def new_id(self, time: datetime) -> UUID:
        """Return an id of something that was made at `time`."""
        return ids.at(self._random, time)

    def hold(
        self,
        plan_id: str,
        cycle: BillingCycle | None = None,
        *,
        start: datetime,
        end: datetime | None = None,
        switch: tuple[datetime, str] | None = None,
        pending: tuple[str, BillingCycle] | None = None,
    ) -> None:
        """Let the workspace hold a plan, without its packages."""
        plan = self._catalogue.plan
        self.held.append(
            Held(
                subscription_id=self.new_id(start),
                plan=plan(plan_id),
                cycle=cycle,
                start=start,
                end=end,
                switch=(switch[0], plan(switch[1])) if switch else None,
                pending=(plan(pending[0]), pending[1]) if pending else None,
            )
        )

    def packages(self) -> None:
        """Let each plan that is held grant its packages, and a switch its compensation."""
        for held in self.held:
            self.threads.append(self._packages(held))
            if held.switch is not None:
                self.threads.append(self._compensation(held, *held.switch))

    def adjust(
        self, at: datetime, amount: int, note: str, *, expires_at: datetime | None = None
    ) -> Thread:
        """Let the operator add credits or, below zero, remove some."""
        yield at
        told: dict[str, Any] = {
            "source_key": f"administration:{self.new_id(at)}",
            "type": AdjustmentType.ADMIN_ADJUSTMENT,
            "credits": abs(amount),
            "detail": Administration(note),
            "description": note,
        }
        if amount > 0:
            self.book.grant(Grant(kind=LotKind.GRANTED, expires_at=expires_at, **told), now=at)
        else:
            self.book.remove(Deduction(**told), now=at)

    def rewards(self, newcomer: "Story") -> Thread:
        """Reward the workspace for another that it referred: when that came, when it paid."""
        referrals = self._catalogue.referrals
        yield newcomer.created_at
        self._reward(newcomer, ReferralStage.SIGNUP, referrals.signup, newcomer.created_at)
        paid_from = next((held.start for held in newcomer.held if held.months), None)
        if paid_from is not None:
            at = paid_from + _CHECKOUT_DELAY
            yield at
            self._reward(newcomer, ReferralStage.FIRST_PAID_PLAN, referrals.first_paid_plan, at)

    def purchase_with_refund(self, at: datetime, packs: int, *, refunded: int) -> Thread:
        """Buy packs, of which some are paid back three days later."""
        yield at
        bought = self._buy(packs, at)
        yield at + 3 * DAY
        pack = self._catalogue.credit_pack
        assert pack is not None
        deduction = Deduction(
            source_key=f"reversal:pi_demo_{bought.number}:1",
            type=AdjustmentType.CREDIT_REFUND,
            credits=refunded * pack.credits,
            own_lots=[bought.number],
            detail=PaymentReversal(ReversalKind.REFUND, bought.number),
            description="Bought too many",
        )
        self.book.remove(deduction, now=at + 3 * DAY)

    def top_ups(self, *, start: datetime, until: datetime) -> Thread:
        """Buy packs in the morning when today and tomorrow may use more than there is."""
        pack, traffic = self._catalogue.credit_pack, self.traffic
        assert pack is not None
        assert traffic is not None
        morning = calendar.midnight(start) + DAY
        while morning < until:
            at = morning + timedelta(hours=7, minutes=20)
            yield at
            if self.book.balance < traffic.expected_credits(morning, morning + 2 * DAY):
                wanted = traffic.expected_credits(morning, morning + _STOCK) - self.book.balance
                self._buy(min(max(ceil(wanted / pack.credits), 1), pack.quantity_max), at)
            morning += DAY

    def _reward(self, newcomer: "Story", stage: ReferralStage, amount: int, at: datetime) -> None:
        grant = Grant(
            source_key=f"referral:{stage}:{newcomer.id}",
            type=AdjustmentType[f"REFERRAL_{stage}_REWARD"],
            credits=amount,
            kind=LotKind.GRANTED,
            detail=Referral(stage, newcomer.id, newcomer.name),
        )
        self.book.grant(grant, now=at)

    def _packages(self, held: Held) -> Thread:
        """Grant the package of each month for as long as the plan is held."""
        for month in count():
            start = calendar.add_months(held.start, month)
            end = calendar.add_months(held.start, month + 1)
            if held.end is not None and start >= held.end:
                return
            is_paid = held.is_paid_at(month)
            first_delay = _CHECKOUT_DELAY if held.months else timedelta()
            later_delay = _INVOICE_DELAY if is_paid else _CLOCK_DELAY
            at = start + (later_delay if month else first_delay)
            yield at
            self.book.grant(self._package(held, month, start, end, is_paid=is_paid), now=at)

    def _package(
        self, held: Held, month: int, start: datetime, end: datetime, *, is_paid: bool
    ) -> Grant:
        plan = held.plan_at(start)
        type_ = AdjustmentType.SUBSCRIPTION_RENEWAL if is_paid else AdjustmentType.PACKAGE_RESET
        if held.plan.kind is PlanKind.FREE and month == 0:
            type_ = AdjustmentType.FREE_WORKSPACE_GRANT
        renews = held.plan.kind is PlanKind.RECURRING and held.is_paid_at(month + 1)
        return Grant(
            source_key=f"package:{held.subscription_id}:{start.isoformat()}",
            type=type_,
            credits=plan.credits_per_refresh,
            kind=LotKind.RECURRING,
            period_end=end,
            expires_at=end + self._catalogue.renewal_grace if renews else end,
            renews_at=start if is_paid else None,
            detail=Package(plan.id, held.cycle),
            description=f"{plan.name} package",
        )

    def _compensation(self, held: Held, at: datetime, plan: PlanEntry) -> Thread:
        """Grant what a switch to a greater plan adds to the rest of the month."""
        yield at
        period = calendar.refresh_period(held.start, now=at)
        left = compensation.fraction_left(period, at=at)
        credits_ = compensation.amount(
            old_package=held.plan.credits_per_refresh,
            new_package=plan.credits_per_refresh,
            left=left,
            begins_anew=False,
        )
        renews = held.months == 1
        invoice_id = f"in_demo_{held.subscription_id.hex}"
        if self.account is not None and self.account.switch_invoice_id is not None:
            invoice_id = self.account.switch_invoice_id
        grant = Grant(
            source_key=f"invoice:{invoice_id}",
            type=AdjustmentType.SUBSCRIPTION_SWITCH_COMPENSATION,
            credits=credits_,
            kind=LotKind.RECURRING,
            period_end=period.end,
            expires_at=period.end + self._catalogue.renewal_grace if renews else period.end,
            detail=Compensation(held.plan.id, plan.id, float(left)),
            description=f"From {held.plan.name} to {plan.name}",
        )
        self.book.grant(grant, now=at)

    def _buy(self, packs: int, at: datetime) -> Adjustment:
        """Buy packs by a checkout."""
        pack = self._catalogue.credit_pack
        assert pack is not None
        checkout_id = self.new_id(at - _CHECKOUT_DELAY)
        self.checkouts.append(
            self._checkout(
                id=checkout_id,
                kind=CheckoutKind.TOP_UP,
                pack_id=pack.id,
                packs=packs,
                credits=packs * pack.credits,
                amount_minor=packs * pack.price,
                created_at=at - _CHECKOUT_DELAY,
                completed_at=at,
            )
        )
        return self.book.grant(
            Grant(
                source_key=f"checkout:{checkout_id}",
                type=AdjustmentType.CREDIT_PACKAGE_PURCHASE,
                credits=packs * pack.credits,
                kind=LotKind.PURCHASED,
                detail=Purchase(
                    packs,
                    packs * pack.price,
                    self._catalogue.currency,
                    checkout_id,
                    f"https://receipts.example.com/{checkout_id.hex[:16]}",
                ),
                description=f"{packs} x {pack.name}",
            ),
            now=at,
        )

    def plan_checkouts(self) -> list[dict[str, Any]]:
        """Return the purchases of plans that the payment provider knows."""
        held = self.renewing
        if self.account is None or held is None or held.cycle is None:
            return []
        return [
            self._checkout(
                id=self.account.checkout_id,
                kind=CheckoutKind.PLAN,
                plan_id=held.plan.id,
                billing_cycle=held.cycle,
                amount_minor=held.plan.prices[held.cycle],
                stripe_price_id=self.account.price_id,
                stripe_session_id=self.account.session_id,
                created_at=held.start,
                completed_at=held.start + _CHECKOUT_DELAY,
            )
        ]

    def _checkout(self, **values: Any) -> dict[str, Any]:
        """Return the row of a purchase that is paid."""
        return {
            **dict.fromkeys(_ONE_OF_TWO),
            "user_id": self.members[0].person.id,
            "status": CheckoutStatus.COMPLETED,
            "currency": self._catalogue.currency,
            "success_url": f"{RETURN_URL}?bought=true",
            "cancel_url": RETURN_URL,
            **values,
        }


_ONE_OF_TWO = (
    *("pack_id", "packs", "credits"),
    *("plan_id", "billing_cycle", "stripe_price_id", "stripe_session_id"),
)
"""What a purchase of packs has, and what that of a plan has."""


def subscription(story: Story, held: Held, *, now: datetime) -> dict[str, Any]:
    """Return the row of a plan that is held, or was until its end."""
    at = held.end - _TICK if held.end else now
    refresh = calendar.refresh_period(held.start, now=at)
    start, end = held.start, None
    if held.months is not None:
        month = next(m for m in count() if calendar.add_months(held.start, m) == refresh.start)
        first = month - month % held.months
        start = calendar.add_months(held.start, first)
        end = calendar.add_months(held.start, first + held.months)
    account = story.account if held is story.renewing else None
    return {
        "id": held.subscription_id,
        "plan_id": held.plan_at(at).id,
        "billing_cycle": held.cycle,
        "status": SubscriptionStatus.ENDED if held.end else SubscriptionStatus.ACTIVE,
        "period_start": start,
        "period_end": end,
        "refresh_period_start": refresh.start,
        "refresh_period_end": refresh.end,
        "pending_plan_id": held.pending[0].id if held.pending else None,
        "pending_billing_cycle": held.pending[1] if held.pending else None,
        "pending_at": end if held.pending else None,
        "stripe_subscription_id": account.subscription_id if account else None,
        "stripe_schedule_id": account.schedule_id if account else None,
        "created_at": held.start,
        "ended_at": held.end,
    }
