"""A world in which no field is empty for want of something to show, with people on its edges."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, update

from billing import details, ledger
from billing.access import Person
from billing.entries import Grant
from models.base import Base
from models.database import Database
from models.ledger import AdjustmentType, LotKind
from models.plan import BillingCycle
from models.subscription import (
    Checkout,
    CheckoutKind,
    CheckoutStatus,
    Subscription,
    SubscriptionStatus,
)
from models.workspace import Membership, Role, User, Workspace
from tests.resolvers import world as worlds
from tests.resolvers.world import ACME, CREATED, MIA, NOW, OLGA, PERIOD_END, RIVAL, SAM

SHARED = UUID("00000000000070008000000000000004")
FAY, RITA = (UUID(f"000000000000700080000000000001{i:02}") for i in (20, 21))

CHECKOUT = UUID("00000000000070008000000000000301")
"""A purchase of packs: Acme and Rival have one each, under the same key."""

FORMER = Person("fay")
"""Who was the admin of Acme, and has left; she is a member of another workspace."""

RIVAL_ADMIN = Person("rita")
"""Who is the admin of another workspace, in which Acme's member is a member too."""


async def fill(database: Database) -> None:
    """Add a pending change, an expired lot, who has left, and another workspace's admin."""
    ours: dict[str, Any] = {"created_at": CREATED}
    rows: list[tuple[type[Base], dict[str, Any]]] = [
        *(
            (
                User,
                ours
                | {
                    "id": key,
                    "subject": subject,
                    "name": subject.title(),
                    "email": f"{subject}@example.com",
                },
            )
            for key, subject in ((FAY, "fay"), (RITA, "rita"))
        ),
        (Workspace, ours | {"id": SHARED, "name": "Shared"}),
        *(
            (
                Checkout,
                ours
                | {
                    "workspace_id": key,
                    "id": CHECKOUT,
                    "user_id": user,
                    "kind": CheckoutKind.TOP_UP,
                    "status": CheckoutStatus.OPEN,
                    "pack_id": "pack",
                    "packs": 2,
                    "credits": 1_000,
                    "amount_minor": 3_998,
                    "currency": "USD",
                    "success_url": "https://app.example/thanks",
                    "cancel_url": "https://app.example/",
                    "url": "https://pay.example/1",
                    "expires_at": NOW,
                    "completed_at": NOW,  # no open one is, but no field shall be empty
                },
            )
            for key, user in ((ACME, OLGA), (RIVAL, SAM))
        ),
        (
            Subscription,
            ours
            | {
                "workspace_id": SHARED,
                "id": SHARED,
                "plan_id": "free",
                "status": SubscriptionStatus.ACTIVE,
                "period_start": CREATED,
            },
        ),
        *(
            (
                Membership,
                ours | {"workspace_id": key, "user_id": user, "role": role, "left_at": left_at},
            )
            for key, user, role, left_at in (
                (ACME, FAY, Role.ADMIN, NOW - timedelta(days=1)),
                (SHARED, FAY, Role.MEMBER, None),
                (SHARED, MIA, Role.MEMBER, None),
                (SHARED, RITA, Role.ADMIN, None),
            )
        ),
    ]
    async with database.write() as session:
        for model, row in rows:
            await session.execute(insert(model).values(**row))
        await session.execute(
            update(Subscription)
            .where(Subscription.workspace_id == ACME)
            .values(
                pending_plan_id="team",
                pending_billing_cycle=BillingCycle.YEARLY,
                pending_at=PERIOD_END,
            )
        )
        await ledger.grant(
            session,
            workspace_id=ACME,
            grant=Grant(
                source_key="expired",
                type=AdjustmentType.ADMIN_ADJUSTMENT,
                credits=5,
                kind=LotKind.GRANTED,
                expires_at=NOW - timedelta(hours=1),
                detail=details.Administration("For a week"),
            ),
            now=NOW - timedelta(hours=1),
        )
    await worlds.record(
        database, ACME, [worlds.conversation("farewell", by=FAY, title="By who has left")]
    )
