"""Credit adjustments, each with the story behind it."""

from datetime import datetime
from typing import Annotated, Any, Union

import strawberry

from billing import details
from billing.access import WorkspaceAccess
from billing.catalog import Money as Amount
from billing.records import AdjustmentFilter
from models.database import Record
from resolvers.context import Info
from resolvers.fields import resolved
from resolvers.types import record
from resolvers.types.enums import (
    AdjustmentType,
    BillingCycle,
    ExpirationReason,
    ReferralStage,
    ReversalKind,
)
from resolvers.types.lot import CreditLot, lot
from resolvers.types.node import Node
from resolvers.types.plan import Plan, plan_named
from resolvers.types.scalars import URL, BigInt, Money


@strawberry.type(description="The package of a plan: a first grant, a reset or a renewal.")
class PackageDetail:
    """The package of a plan."""

    detail: strawberry.Private[details.Package]
    billing_cycle: BillingCycle | None = strawberry.field(
        description="The plan's billing cycle; null for Free."
    )

    @resolved("The plan that brought the credits.")
    async def plan(self, info: Info) -> Plan | None:
        """Return the plan."""
        return await plan_named(info, self.detail.plan_id)


@strawberry.type(description="The difference that a plan switch made.")
class CompensationDetail:
    """The difference that a plan switch made."""

    detail: strawberry.Private[details.Compensation]
    fraction_left: float = strawberry.field(
        description="The part of the refresh period that was left, from 0 to 1."
    )

    @resolved("The plan before the switch.")
    async def from_plan(self, info: Info) -> Plan | None:
        """Return the plan before."""
        return await plan_named(info, self.detail.from_plan_id)

    @resolved("The plan after the switch.")
    async def to_plan(self, info: Info) -> Plan | None:
        """Return the plan after."""
        return await plan_named(info, self.detail.to_plan_id)


@strawberry.type(description="A reward for a workspace that was referred.")
class ReferralDetail:
    """A reward for a referral."""

    stage: ReferralStage = strawberry.field(description="What was rewarded.")
    workspace_name: str | None = strawberry.field(
        description="Who was referred; null for a member, who does not see people."
    )


@strawberry.type(description="Credit packs that were bought.")
class PurchaseDetail:
    """A purchase of packs."""

    packs: int = strawberry.field(description="The number of packs.")
    paid: Money = strawberry.field(description="The money paid.")
    receipt_url: URL | None = strawberry.field(description="The receipt, if there is one.")


@strawberry.type(description="A payment that was reversed, or whose reversal was undone.")
class PaymentReversalDetail:
    """A reversed payment."""

    access: strawberry.Private[WorkspaceAccess]
    detail: strawberry.Private[details.PaymentReversal]
    kind: ReversalKind = strawberry.field(description="How it was reversed.")

    @resolved("The adjustment that the payment had brought.")
    async def reversed(self, info: Info) -> "CreditAdjustment | None":
        """Return the adjustment whose payment was reversed."""
        return await adjustment_numbered(info, self.access, self.detail.of)


@strawberry.type(description="A correction by the operator.")
class AdminAdjustmentDetail:
    """A correction."""

    note: str = strawberry.field(description="Why it was made.")


@strawberry.type(description="Credits that were not used in time.")
class ExpirationDetail:
    """An expiration."""

    access: strawberry.Private[WorkspaceAccess]
    detail: strawberry.Private[details.Expiration]
    reason: ExpirationReason = strawberry.field(description="Why they expired.")

    @resolved("The lot that they were left in.")
    async def lot(self, info: Info) -> CreditLot | None:
        """Return the lot."""
        row = await info.context.loaders.lot.load(
            (self.access.workspace_id, self.detail.lot_number)
        )
        return None if row is None else lot(info, row, self.access)


CreditAdjustmentDetail = Annotated[
    Union[  # noqa: UP007 - Strawberry names the union by this form
        PackageDetail,
        CompensationDetail,
        ReferralDetail,
        PurchaseDetail,
        PaymentReversalDetail,
        AdminAdjustmentDetail,
        ExpirationDetail,
    ],
    strawberry.union(
        "CreditAdjustmentDetail", description="The story behind an adjustment, by its type."
    ),
]


@strawberry.type(description="Credits added or removed for a reason other than usage.")
class CreditAdjustment(Node):
    """Credits added or removed."""

    access: strawberry.Private[WorkspaceAccess]
    key: strawberry.Private[int]
    stored_detail: strawberry.Private[dict[str, Any]]
    type: AdjustmentType = strawberry.field(description="Where the change came from.")
    amount: BigInt = strawberry.field(description="The credits added, or removed if negative.")
    balance_after: BigInt = strawberry.field(
        description="The booked balance after it; negative in overdraft."
    )
    description: str = strawberry.field(
        description="What it was, in English; empty when its detail says it all."
    )
    created_at: datetime = strawberry.field(description="When it was booked.")

    @resolved("The story behind it.")
    async def detail(self) -> CreditAdjustmentDetail:
        """Return the story, one member of the union for each kind."""
        return _detail(details.parse(self.type, self.stored_detail), self.access)


def adjustment(row: Record, access: WorkspaceAccess) -> CreditAdjustment:
    """Return the adjustment of a row, with the columns that were read."""
    return record.node(CreditAdjustment, row, row.entry_number, access=access)


async def adjustment_numbered(
    info: Info, access: WorkspaceAccess, number: int
) -> CreditAdjustment | None:
    """Return the adjustment of a workspace that the viewer may read, by its entry number."""
    row = await info.context.loaders.record.load((AdjustmentFilter, access.workspace_id, number))
    return None if row is None else adjustment(row, access)


def _detail(detail: details.Detail, access: WorkspaceAccess) -> CreditAdjustmentDetail:
    made: CreditAdjustmentDetail
    match detail:
        case details.Package():
            made = PackageDetail(detail=detail, billing_cycle=detail.billing_cycle)
        case details.Compensation():
            made = CompensationDetail(detail=detail, fraction_left=detail.fraction_left)
        case details.Referral():
            name = detail.workspace_name if access.sees_people else None
            made = ReferralDetail(stage=detail.stage, workspace_name=name)
        case details.Purchase():
            url = detail.receipt_url
            paid = Money.of(Amount(detail.amount_minor, detail.currency))
            receipt_url = None if url is None else URL(url)
            made = PurchaseDetail(packs=detail.packs, paid=paid, receipt_url=receipt_url)
        case details.PaymentReversal():
            made = PaymentReversalDetail(access=access, detail=detail, kind=detail.kind)
        case details.Administration():
            made = AdminAdjustmentDetail(note=detail.note)
        case details.Expiration():
            made = ExpirationDetail(access=access, detail=detail, reason=detail.reason)
    return made
