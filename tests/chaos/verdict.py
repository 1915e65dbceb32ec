"""What must hold after a storm, however it went."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import text

from tests.chaos.lives import Life
from tests.lifecycle import truth as truths
from tests.lifecycle.world import World

_OVER = {"canceled", "incomplete", "incomplete_expired"}
_STATUSES = {"active": "ACTIVE", "past_due": "PAST_DUE", "unpaid": "PAST_DUE"}


async def wrong(world: World, lives: Sequence[Life]) -> list[str]:
    """Return everything that does not hold, in words."""
    truth = await world.sandbox.truth()
    found = [f"audit: {drift}" for drift in await world.drifts()]
    found += await world.untrue()
    found += [f"fails: {type_}: {error}" for type_, error in await world.failing()]
    async with world.database.snapshot() as snapshot:
        found += [f"job fails: {row.last_error}" for row in await snapshot.all(_FAILED_JOBS)]
        found += [f"put aside: {row.type}: {row.last_error}" for row in await snapshot.all(_ASIDE)]
        found += [
            f"{row.source_key} is booked {row.number} times" for row in await snapshot.all(_TWICE)
        ]
        charges = [tuple(row) for row in await snapshot.all(_CHARGES)]
        checkouts = [tuple(row) for row in await snapshot.all(_CHECKOUTS)]
        rewards = {tuple(row) for row in await snapshot.all(_REWARDS)}
    found += _of_usage(lives, charges)
    found += _of_checkouts(truth, dict(checkouts))
    for life in lives:
        told = (
            *_of_plan(life, await life.plan(), truth),
            *_of_rewards(life, truth, rewards),
        )
        found += [f"{life.name}: {words}" for words in told]
    return found


def _of_usage(lives: Sequence[Life], charges: list[Any]) -> Iterator[str]:
    """Tell of usage that was answered and is not booked once, or the other way round."""
    told = {(life.owner.key, id_): spent for life in lives for id_, spent in life.spent.items()}
    booked = {(workspace_id, id_): spent for workspace_id, id_, spent in charges}
    for source in {*told, *booked}:
        if told.get(source) != booked.get(source):
            yield f"usage {source}: {told.get(source)} recorded, {booked.get(source)} charged"
    if len(charges) != len(booked):
        yield f"{len(charges)} charges of {len(booked)} events"


def _of_checkouts(truth: Any, statuses: dict[str, str]) -> Iterator[str]:
    """Tell of pages that are paid, and not completed here; what was paid back has failed."""
    for customer in truth["customers"].values():
        for paid in customer["checkouts"]:
            status = statuses.get(paid["session"])
            is_given_back = paid["refunded"] >= paid["amount"]
            if paid["payment_status"] == "paid" and status != "COMPLETED" and not is_given_back:
                yield f"{paid['session']} is paid, and {status} here"


def _of_plan(life: Life, held: tuple[str, str | None, str], truth: Any) -> Iterator[str]:
    """Tell where the plan that is held is not the one of the one live subscription."""
    live = [
        (*subscription["lookup_key"].split("_", 1), subscription["status"])
        for customer in truth["customers"].values()
        for subscription in customer["subscriptions"]
        if subscription["metadata"].get("workspace_id") == str(life.owner.key)
        and subscription["status"] not in _OVER
    ]
    plan, cycle, status = held
    if len(live) > 1:
        yield f"has {len(live)} live subscriptions: {live}"
    elif live:
        expected = (live[0][0], live[0][1].upper(), _STATUSES[live[0][2]])
        if held != expected:
            yield f"holds {held}, and pays for {expected}"
    elif cycle not in {None, "ONE_TIME"}:
        yield f"holds {plan} ({cycle}, {status}), and pays for nothing"


def _of_rewards(life: Life, truth: Any, rewards: set[Any]) -> Iterator[str]:
    """Tell of rewards that whoever referred an owner should have."""
    if life.referrer is None:
        return
    sources = truths.sources(truth).get(life.owner.key, [])
    has_paid = any(
        source.type == truths.RENEWAL and not source.may_be_refused and not source.reversed
        for source in sources
    )
    for stage in ("SIGNUP", "FIRST_PAID_PLAN") if has_paid else ("SIGNUP",):
        if (life.referrer.owner.key, f"referral:{stage}:{life.owner.key}") not in rewards:
            yield f"brought no reward for {stage}"


_FAILED_JOBS = text("SELECT last_error FROM jobs WHERE last_error IS NOT NULL")
_ASIDE = text("""
    SELECT type, last_error FROM stripe_events
    WHERE status = 'UNAPPLIED' AND last_error IS NOT NULL
        AND last_error NOT LIKE '%: ended and paid back'
""")
_TWICE = text("""
    SELECT source_key, count(*) AS number FROM credit_adjustments
    WHERE split_part(source_key, ':', 1) IN ('checkout', 'invoice', 'package', 'reversal')
    GROUP BY source_key HAVING count(*) > 1
""")
_CHARGES = text("SELECT workspace_id, event_id, credits FROM credit_charges")
_REWARDS = text("""
    SELECT workspace_id, source_key FROM credit_adjustments WHERE source_key LIKE 'referral:%'
""")
_CHECKOUTS = text("SELECT stripe_session_id, status FROM checkouts")
