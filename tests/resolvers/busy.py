"""A workspace with a hundred busy days: rows of every kind, many of them equal in what orders them.

Everything is written by the ledger's own functions, the same each time.
"""

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select

from billing import details, ledger
from billing.entries import Deduction, Grant
from billing.usage import UsageEvent
from models.base import Base
from models.database import Database
from models.ledger import AdjustmentType, LotKind
from models.plan import BillingCycle
from models.subscription import Subscription, SubscriptionStatus
from models.usage import BillingType, ImportType
from models.workspace import ApiKey, Membership, Role, User, Workspace
from tests.resolvers import world as worlds
from tests.resolvers.world import ADAM, CREATED, MIA, NOW, OLGA

BUSY = UUID("00000000000070008000000000000009")
ZOE = UUID("00000000000070008000000000000109")
KEYS = [UUID(f"000000000000700080000000000009{i:02}") for i in range(3)]

PEOPLE = [OLGA, ADAM, MIA, ZOE]
"""Who uses the workspace; Zoë has left it since."""

TITLES = [
    "",
    "100% done",
    "1000 done",
    "snake_case",
    "snakeXcase",
    r"C:\temp",
    "C:/temp",
    "Émile's élan",
    "ÉLAN VITAL",
    "Straße",
    "日本の計画",
    "Plan, by Mia",
]

GRANTS: list[tuple[AdjustmentType, LotKind, details.Detail]] = [
    (
        AdjustmentType.FREE_WORKSPACE_GRANT,
        LotKind.GRANTED,
        details.Package("free", None),
    ),
    (
        AdjustmentType.PACKAGE_RESET,
        LotKind.RECURRING,
        details.Package("pro", BillingCycle.YEARLY),
    ),
    (
        AdjustmentType.CREDIT_PACKAGE_PURCHASE,
        LotKind.PURCHASED,
        details.Purchase(1, 1_999, "USD", None, None),
    ),
    (
        AdjustmentType.ADMIN_ADJUSTMENT,
        LotKind.GRANTED,
        details.Administration("With our apologies"),
    ),
]


async def fill(database: Database) -> None:
    """Add the workspace to a world."""
    ours = {"workspace_id": BUSY, "created_at": CREATED}
    roles = {OLGA: Role.OWNER, ADAM: Role.ADMIN, MIA: Role.MEMBER, ZOE: Role.MEMBER}
    left = {ZOE: NOW - timedelta(days=3)}
    rows: list[tuple[type[Base], dict[str, Any]]] = [
        (
            User,
            {
                "id": ZOE,
                "subject": "zoë",
                "name": "Zoë Ünal",
                "email": "zoe@example.com",
                "created_at": CREATED,
            },
        ),
        (Workspace, {"id": BUSY, "name": "Busy", "created_at": CREATED}),
        *(
            (Membership, ours | {"user_id": user, "role": role, "left_at": left.get(user)})
            for user, role in roles.items()
        ),
        *(
            (ApiKey, ours | {"id": key, "external_id": str(key), "name": f"Key {number}"})
            for number, key in enumerate(KEYS)
        ),
        (
            Subscription,
            ours
            | {
                "id": BUSY,
                "plan_id": "free",
                "status": SubscriptionStatus.ACTIVE,
                "period_start": CREATED,
            },
        ),
    ]
    async with database.write() as session:
        for model, row in rows:
            await session.execute(insert(model).values(**row))
        await ledger.create(session, workspace_id=BUSY, now=CREATED)
    chance = Random(20261115)  # noqa: S311 - the same each time is what it is for
    for day in range(101):
        await _spend_a_day(database, day, chance)


async def rows_of(database: Database, model: type[Base], workspace_id: UUID = BUSY) -> list[Any]:
    """Return every row of a workspace, for a computation of the test's own."""
    columns = model.__table__.c
    async with database.snapshot() as snapshot:
        statement = select(*columns).where(columns.workspace_id == workspace_id)
        return list(await snapshot.all(statement))


async def _spend_a_day(database: Database, day: int, chance: Random) -> None:
    """Grant and remove something now and then, then record what was used."""
    now = min(CREATED + timedelta(days=day, seconds=chance.choice([0, 43_200, 43_200])), NOW)
    if day % 4 == 0:
        type_, kind, detail = chance.choice(GRANTS)
        async with database.write() as session:
            await ledger.grant(
                session,
                workspace_id=BUSY,
                grant=Grant(
                    source_key=f"busy:{day}",
                    type=type_,
                    credits=chance.choice([5, 20, 20, 60]),
                    kind=kind,
                    expires_at=chance.choice([None, now + timedelta(days=chance.randint(1, 40))]),
                    detail=detail,
                ),
                now=now,
            )
    if day % 10 == 7:
        async with database.write() as session:
            await ledger.remove(
                session,
                workspace_id=BUSY,
                deduction=Deduction(
                    source_key=f"busy:{day}:removed",
                    type=AdjustmentType.ADMIN_ADJUSTMENT,
                    credits=chance.choice([1, 5]),
                    detail=details.Administration("Counted twice"),
                ),
                now=now,
            )
    events = [_event(f"{day}:{number}", chance) for number in range(chance.randint(1, 6))]
    dated = [
        replace(
            event, occurred_at=now - timedelta(seconds=chance.choice([0, 0, 0, 43_200, 90_000]))
        )
        for event in events
    ]
    await worlds.record(database, BUSY, dated, now=now)


def _event(name: str, chance: Random) -> UsageEvent:
    """Return an event of a new call or import, or of one of forty conversations."""
    by = chance.choice(PEOPLE)
    amount = chance.randint(0, 5)
    match chance.randint(0, 3):
        case 0:
            return worlds.call(name, key=chance.choice(KEYS), by=by, amount=amount)
        case 1:
            return worlds.job(name, type_=chance.choice(list(ImportType)), by=by, amount=amount)
        case _:
            return worlds.conversation(
                f"{chance.randint(0, 39):02}",
                by=by,
                title=chance.choice(TITLES),
                billing_type=chance.choice(list(BillingType)),
                messages=chance.randint(0, 3),
                amount=amount,
                event=name,
            )
