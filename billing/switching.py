"""What choosing a plan would do: the switch table, without calling anybody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from billing.catalog import Money, PlanOffer
from billing.errors import (
    AlreadyOnPlan,
    AlreadyScheduled,
    OneTimePlanLapses,
    PaidPlanFollows,
    PastDue,
    PlanNotFound,
    PlanUnavailable,
    RecurringPlanMustEndFirst,
)
from billing.subscriptions import LiveSubscription
from models.plan import BillingCycle, PlanKind
from models.subscription import SubscriptionStatus


class SwitchAction(StrEnum):
    """What choosing a plan does."""

    CURRENT = "CURRENT"
    CHECKOUT = "CHECKOUT"
    UPGRADE_NOW = "UPGRADE_NOW"
    SWITCH_AT_PERIOD_END = "SWITCH_AT_PERIOD_END"
    CANCEL_AT_PERIOD_END = "CANCEL_AT_PERIOD_END"
    UNAVAILABLE = "UNAVAILABLE"


class SwitchReason(StrEnum):
    """Why a plan can't be chosen."""

    PAST_DUE = "PAST_DUE"
    RECURRING_PLAN_MUST_END_FIRST = "RECURRING_PLAN_MUST_END_FIRST"
    ONE_TIME_PLAN_LAPSES = "ONE_TIME_PLAN_LAPSES"
    ALREADY_SCHEDULED = "ALREADY_SCHEDULED"
    PAID_PLAN_FOLLOWS = "PAID_PLAN_FOLLOWS"


@dataclass(frozen=True, slots=True)
class Choice:
    """A plan and billing cycle to choose, and what choosing it would do; Free has no cycle."""

    plan: PlanOffer
    billing_cycle: BillingCycle | None
    price: Money | None
    action: SwitchAction
    reason: SwitchReason | None = None

    @property
    def requires_confirmation(self) -> bool:
        """Whether the owner confirms a preview first: paid to paid does."""
        return self.action in {SwitchAction.UPGRADE_NOW, SwitchAction.SWITCH_AT_PERIOD_END}


def choices(subscription: LiveSubscription, plans: Sequence[PlanOffer]) -> list[Choice]:
    """Return every plan on sale, in each of its cycles, as seen from `subscription`."""
    held = next(plan for plan in plans if plan.id == subscription.plan_id)
    return [
        Choice(plan, cycle, price, *_action(subscription, held, plan, cycle))
        for plan in plans
        if not plan.archived
        for cycle, price in _offers(plan)
    ]


def choose(
    subscription: LiveSubscription,
    plans: Sequence[PlanOffer],
    *,
    plan_id: str,
    billing_cycle: BillingCycle | None,
) -> Choice:
    """Return what choosing a plan in a cycle would do, if it can be chosen.

    Raises PlanNotFound, AlreadyOnPlan, and the PlanUnavailable of the reason why it can't.
    """
    wanted = (plan_id, billing_cycle)
    if wanted == (subscription.plan_id, subscription.billing_cycle) and not _extends(billing_cycle):
        raise AlreadyOnPlan
    found = [
        choice
        for choice in choices(subscription, plans)
        if (choice.plan.id, choice.billing_cycle) == wanted
    ]
    if not found:
        raise PlanNotFound
    if found[0].reason is not None:
        raise _REFUSALS[found[0].reason]
    return found[0]


_Action = tuple[SwitchAction, SwitchReason | None]

_REFUSALS: Mapping[SwitchReason, type[PlanUnavailable]] = {
    SwitchReason.PAST_DUE: PastDue,
    SwitchReason.RECURRING_PLAN_MUST_END_FIRST: RecurringPlanMustEndFirst,
    SwitchReason.ONE_TIME_PLAN_LAPSES: OneTimePlanLapses,
    SwitchReason.ALREADY_SCHEDULED: AlreadyScheduled,
    SwitchReason.PAID_PLAN_FOLLOWS: PaidPlanFollows,
}

_CYCLE_RANK = {BillingCycle.MONTHLY: 0, BillingCycle.YEARLY: 1}


def _offers(plan: PlanOffer) -> list[tuple[BillingCycle | None, Money | None]]:
    if plan.kind is PlanKind.FREE:
        return [(None, None)]
    return [(offer.billing_cycle, offer.price) for offer in plan.prices]


def _extends(cycle: BillingCycle | None) -> bool:
    """Tell whether choosing what is held already makes it last longer."""
    return cycle is BillingCycle.ONE_TIME


def _action(
    subscription: LiveSubscription, held: PlanOffer, plan: PlanOffer, cycle: BillingCycle | None
) -> _Action:
    """Return the row of the switch table for going from `held` to `plan` in `cycle`.

    Buying the one-time plan that is held again extends it, so it is a checkout. Free is Free: who
    holds one that is no longer offered is on the one that is.
    """
    pending = subscription.pending
    is_held = held.id == plan.id and subscription.billing_cycle == cycle and not _extends(cycle)
    if is_held or held.kind is plan.kind is PlanKind.FREE:
        return SwitchAction.CURRENT, None
    if subscription.status is SubscriptionStatus.PAST_DUE:
        return SwitchAction.UNAVAILABLE, SwitchReason.PAST_DUE
    if pending and (pending.plan_id, pending.billing_cycle) == (plan.id, cycle):
        return SwitchAction.UNAVAILABLE, SwitchReason.ALREADY_SCHEDULED
    if held.kind is PlanKind.RECURRING:
        return _from_recurring(subscription, held, plan, cycle)
    return _from_free_or_one_time(subscription, held, plan)


def _from_free_or_one_time(
    subscription: LiveSubscription, held: PlanOffer, plan: PlanOffer
) -> _Action:
    pending = subscription.pending
    if plan.kind is PlanKind.FREE:
        return SwitchAction.UNAVAILABLE, SwitchReason.ONE_TIME_PLAN_LAPSES
    if pending and pending.billing_cycle and plan.id != held.id:
        return SwitchAction.UNAVAILABLE, SwitchReason.PAID_PLAN_FOLLOWS
    return SwitchAction.CHECKOUT, None


def _from_recurring(
    subscription: LiveSubscription, held: PlanOffer, plan: PlanOffer, cycle: BillingCycle | None
) -> _Action:
    if plan.kind is PlanKind.FREE:
        return SwitchAction.CANCEL_AT_PERIOD_END, None
    if plan.kind is PlanKind.ONE_TIME:
        return SwitchAction.UNAVAILABLE, SwitchReason.RECURRING_PLAN_MUST_END_FIRST

    assert cycle is not None
    assert subscription.billing_cycle is not None
    falls = plan.rank < held.rank or _CYCLE_RANK[cycle] < _CYCLE_RANK[subscription.billing_cycle]
    return (SwitchAction.SWITCH_AT_PERIOD_END if falls else SwitchAction.UPGRADE_NOW), None
