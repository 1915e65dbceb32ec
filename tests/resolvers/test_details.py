"""The stories behind adjustments: one member of the union for each, with its fields."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from billing import details, ledger
from billing.details import Detail, ExpirationReason, ReferralStage, ReversalKind
from billing.entries import Deduction, Grant
from models.base import new_id
from models.ledger import AdjustmentType, LotKind
from models.plan import BillingCycle
from tests.resolvers.world import EMPTY, NOW, World, workspace_id

DETAILS = """
query($id: ID!) {
  workspace(id: $id) {
    creditAdjustments(orderBy: {direction: ASC}) {
      nodes {
        id type amount balanceAfter description
        detail {
          __typename
          ... on PackageDetail { plan { name } billingCycle }
          ... on CompensationDetail { fromPlan { name } toPlan { name } fractionLeft }
          ... on ReferralDetail { stage workspaceName }
          ... on PurchaseDetail { packs paid { amountMinor currency } receiptUrl }
          ... on PaymentReversalDetail { kind reversed { id type amount } }
          ... on AdminAdjustmentDetail { note }
          ... on ExpirationDetail { reason lot { id granted remaining } }
        }
      }
    }
  }
}
"""

Type = AdjustmentType

STORIES: dict[str, tuple[Type, Detail, dict[str, Any]]] = {
    "a first grant": (
        Type.FREE_WORKSPACE_GRANT,
        details.Package("free", None),
        {"__typename": "PackageDetail", "plan": {"name": "Free"}, "billingCycle": None},
    ),
    "a reset": (
        Type.PACKAGE_RESET,
        details.Package("team", BillingCycle.YEARLY),
        {"__typename": "PackageDetail", "plan": {"name": "Team"}, "billingCycle": "YEARLY"},
    ),
    "a renewal of an archived plan": (
        Type.SUBSCRIPTION_RENEWAL,
        details.Package("legacy", BillingCycle.MONTHLY),
        {"__typename": "PackageDetail", "plan": {"name": "Legacy"}, "billingCycle": "MONTHLY"},
    ),
    "a plan that the catalogue has forgotten": (
        Type.SUBSCRIPTION_RENEWAL,
        details.Package("gone", BillingCycle.ONE_TIME),
        {"__typename": "PackageDetail", "plan": None, "billingCycle": "ONE_TIME"},
    ),
    "a switch": (
        Type.SUBSCRIPTION_SWITCH_COMPENSATION,
        details.Compensation("pro", "team", 1 / 3),
        {
            "__typename": "CompensationDetail",
            "fromPlan": {"name": "Pro"},
            "toPlan": {"name": "Team"},
            "fractionLeft": 1 / 3,
        },
    ),
    "a switch of a whole period": (
        Type.SUBSCRIPTION_SWITCH_COMPENSATION,
        details.Compensation("pro", "gone", 1),
        {
            "__typename": "CompensationDetail",
            "fromPlan": {"name": "Pro"},
            "toPlan": None,
            "fractionLeft": 1.0,
        },
    ),
    "a referral": (
        Type.REFERRAL_SIGNUP_REWARD,
        details.Referral(ReferralStage.SIGNUP, EMPTY, "Newcomers"),
        {"__typename": "ReferralDetail", "stage": "SIGNUP", "workspaceName": "Newcomers"},
    ),
    "a referral that pays": (
        Type.REFERRAL_FIRST_PAID_PLAN_REWARD,
        details.Referral(ReferralStage.FIRST_PAID_PLAN, EMPTY, "Newcomers"),
        {"__typename": "ReferralDetail", "stage": "FIRST_PAID_PLAN", "workspaceName": "Newcomers"},
    ),
    "a purchase": (
        Type.CREDIT_PACKAGE_PURCHASE,
        details.Purchase(3, 5_997, "EUR", new_id(), "https://receipts.example/3"),
        {
            "__typename": "PurchaseDetail",
            "packs": 3,
            "paid": {"amountMinor": 5_997, "currency": "EUR"},
            "receiptUrl": "https://receipts.example/3",
        },
    ),
    "a purchase without a receipt": (
        Type.CREDIT_PACKAGE_PURCHASE,
        details.Purchase(1, 2_000, "JPY", None, None),
        {
            "__typename": "PurchaseDetail",
            "packs": 1,
            "paid": {"amountMinor": 2_000, "currency": "JPY"},
            "receiptUrl": None,
        },
    ),
    "a correction": (
        Type.ADMIN_ADJUSTMENT,
        details.Administration("With our apologies"),
        {"__typename": "AdminAdjustmentDetail", "note": "With our apologies"},
    ),
    "a dispute that was won": (
        Type.CREDIT_REFUND,
        details.PaymentReversal(ReversalKind.DISPUTE, 999),
        {"__typename": "PaymentReversalDetail", "kind": "DISPUTE", "reversed": None},
    ),
}


async def adjustments(world: World, key: UUID = EMPTY) -> list[Any]:
    """Return the adjustments of a workspace, oldest first."""
    data = await world.answer(DETAILS, id=workspace_id(key))
    nodes: list[Any] = data["workspace"]["creditAdjustments"]["nodes"]
    return nodes


async def grant(world: World, type_: Type, detail: Detail, amount: int = 10, **more: Any) -> int:
    """Add a lot to the empty workspace; return its number."""
    async with world.database.write() as session:
        adjustment = await ledger.grant(
            session,
            workspace_id=EMPTY,
            grant=Grant(
                source_key=str(new_id()),
                type=type_,
                credits=amount,
                kind=LotKind.GRANTED,
                detail=detail,
                **more,
            ),
            now=NOW,
        )
    return adjustment.number


@pytest.mark.parametrize(("type_", "detail", "expected"), STORIES.values(), ids=STORIES)
async def test_each_adjustment_has_its_story(
    world: World, type_: Type, detail: Detail, expected: dict[str, Any]
) -> None:
    """As it was stored, with what it leads to."""
    await grant(world, type_, detail, description="In a sentence.")

    [adjustment] = await adjustments(world)

    assert adjustment["type"] == type_
    assert adjustment["amount"] == adjustment["balanceAfter"] == 10
    assert adjustment["description"] == "In a sentence."
    assert adjustment["detail"] == expected


def test_every_type_has_a_story_here() -> None:
    """But for expirations, which only the ledger writes."""
    told = {type_ for type_, _, _ in STORIES.values()}

    assert told == set(Type) - {Type.CREDIT_EXPIRATION}


async def test_a_reversal_leads_to_what_it_reverses(world: World) -> None:
    """By the number of the entry, in the same workspace."""
    bought = await grant(
        world, Type.CREDIT_PACKAGE_PURCHASE, details.Purchase(1, 1_999, "USD", None, None)
    )
    async with world.database.write() as session:
        await ledger.remove(
            session,
            workspace_id=EMPTY,
            deduction=Deduction(
                source_key="reversal",
                type=Type.CREDIT_REFUND,
                credits=15,
                own_lots=[bought],
                detail=details.PaymentReversal(ReversalKind.REFUND, bought),
            ),
            now=NOW,
        )

    purchase, refund = await adjustments(world)

    assert refund["amount"] == -15
    assert refund["balanceAfter"] == -5
    assert refund["detail"] == {
        "__typename": "PaymentReversalDetail",
        "kind": "REFUND",
        "reversed": {"id": purchase["id"], "type": "CREDIT_PACKAGE_PURCHASE", "amount": 10},
    }


async def test_an_expiration_leads_to_its_lot(world: World) -> None:
    """Each with its reason: in time, by the renewal, by the end of the plan."""
    note = details.Administration("")
    await grant(world, Type.ADMIN_ADJUSTMENT, note, 1, expires_at=NOW)
    ended = await grant(world, Type.ADMIN_ADJUSTMENT, note, 2)
    async with world.database.write() as session:
        async with ledger.opened(session, workspace_id=EMPTY) as book:
            book.end([ended], source_key="end", now=NOW)
        for amount, period_end, renews_at in (
            (4, NOW, None),
            (8, NOW + timedelta(days=30), NOW),
        ):
            await ledger.grant(
                session,
                workspace_id=EMPTY,
                grant=Grant(
                    source_key=f"package:{amount}",
                    type=Type.SUBSCRIPTION_RENEWAL,
                    credits=amount,
                    kind=LotKind.RECURRING,
                    period_end=period_end,
                    expires_at=period_end + timedelta(days=1),
                    renews_at=renews_at,
                    detail=details.Package("pro", BillingCycle.MONTHLY),
                ),
                now=NOW,
            )

    found = [each for each in await adjustments(world) if each["type"] == "CREDIT_EXPIRATION"]

    assert [(each["amount"], each["detail"]["reason"]) for each in found] == [
        (-1, ExpirationReason.PERIOD_ENDED),
        (-2, ExpirationReason.SUBSCRIPTION_ENDED),
        (-4, ExpirationReason.REPLACED_BY_RENEWAL),
    ]
    for each in found:
        assert each["detail"]["__typename"] == "ExpirationDetail"
        assert each["detail"]["lot"]["granted"] == -each["amount"]
        assert each["detail"]["lot"]["remaining"] == 0


async def test_the_stories_of_a_page_take_a_statement_a_kind(world: World) -> None:
    """However many there are: the plans, the lots and the adjustments that they lead to."""
    package = details.Package("pro", BillingCycle.MONTHLY)
    reversal = details.PaymentReversal(ReversalKind.REFUND, 1)

    async def tell(number: int) -> None:
        for _ in range(number):
            await grant(world, Type.SUBSCRIPTION_RENEWAL, package)
            await grant(world, Type.ADMIN_ADJUSTMENT, package_note, expires_at=NOW)
            await grant(world, Type.CREDIT_REFUND, reversal)

    package_note = details.Administration("")
    await tell(1)
    few = await world.ask(DETAILS, id=workspace_id(EMPTY))
    await tell(5)
    many = await world.ask(DETAILS, id=workspace_id(EMPTY))

    kinds = {"workspace", "adjustments", "plans", "lots", "reversed adjustments"}
    assert len(many.data["workspace"]["creditAdjustments"]["nodes"]) == 24
    assert few.statements == many.statements == len(kinds)
