"""Referrals: what a workspace earns for another that it referred, and that one for coming.

The catalogue says how much, for each stage: when the newcomer is created, and when it first pays.
A reward is a job, for it is written in another workspace's ledger than what it is for; its source
key makes sure that it comes once.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Uuid, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from billing import jobs, ledger, rows
from billing.details import Referral, ReferralStage
from billing.entries import Grant
from billing.jobs import Job
from models.ledger import AdjustmentType, LotKind
from models.plan import ReferralReward
from models.workspace import Workspace

KIND: Final = "referral_reward"
"""The kind of the jobs that `reward` does."""


async def enqueue(
    session: AsyncSession, *, workspace_id: UUID, stage: ReferralStage, now: datetime
) -> None:
    """Queue what the catalogue rewards now for a newcomer; nothing if nobody referred it."""
    newcomer = (await session.execute(_NEWCOMER, {"of_workspace": workspace_id})).one()
    if newcomer.referred_by_workspace_id is None:
        return
    rewards = (await session.execute(_REWARDS, {"of_stage": stage})).one_or_none()
    if rewards is None:
        return

    earned = {
        newcomer.referred_by_workspace_id: rewards.referrer_credits,
        workspace_id: rewards.newcomer_credits,
    }
    for earner_id, amount in earned.items():
        if amount:
            await jobs.enqueue(
                session,
                kind=KIND,
                key=f"{_source_key(stage, workspace_id)}:{earner_id}",
                payload={
                    "earner_id": str(earner_id),
                    "credits": amount,
                    "stage": stage,
                    "workspace_id": str(workspace_id),
                    "workspace_name": newcomer.name,
                },
                run_at=now,
                now=now,
            )


async def reward(session: AsyncSession, job: Job, now: datetime) -> None:
    """Grant what a job of `KIND` says; credits that were granted before stay as they are."""
    stage = ReferralStage(job.payload["stage"])
    newcomer_id = UUID(job.payload["workspace_id"])
    grant = Grant(
        source_key=_source_key(stage, newcomer_id),
        type=_TYPES[stage],
        credits=job.payload["credits"],
        kind=LotKind.GRANTED,
        detail=Referral(stage, newcomer_id, job.payload["workspace_name"]),
        description=_DESCRIPTIONS[stage],
    )
    earner_id = UUID(job.payload["earner_id"])
    await ledger.grant(session, workspace_id=earner_id, grant=grant, now=now)


def _source_key(stage: ReferralStage, newcomer_id: UUID) -> str:
    return f"referral:{stage}:{newcomer_id}"


_TYPES = {
    ReferralStage.SIGNUP: AdjustmentType.REFERRAL_SIGNUP_REWARD,
    ReferralStage.FIRST_PAID_PLAN: AdjustmentType.REFERRAL_FIRST_PAID_PLAN_REWARD,
}
_DESCRIPTIONS = {
    ReferralStage.SIGNUP: "Reward for a referral that signed up",
    ReferralStage.FIRST_PAID_PLAN: "Reward for a referral that paid for its first plan",
}

_WORKSPACES = rows.table(Workspace).c
_STAGES = rows.table(ReferralReward).c

_NEWCOMER = select(_WORKSPACES.name, _WORKSPACES.referred_by_workspace_id).where(
    _WORKSPACES.id == bindparam("of_workspace", type_=Uuid())
)
_REWARDS = select(_STAGES.referrer_credits, _STAGES.newcomer_credits).where(
    _STAGES.stage == bindparam("of_stage")
)
