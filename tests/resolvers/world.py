"""A small world: two workspaces, their people, and one record of each kind for every case.

Everything is written by the ledger's own functions, at moments that are fixed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from billing import details, ledger, usage, use
from billing.access import Person, Service, Viewer
from billing.entries import Deduction, Grant
from billing.usage import Recorded, UsageEvent
from models.base import Base
from models.database import Database
from models.ledger import AdjustmentType, LotKind
from models.plan import BillingCycle, CreditPack, Plan, PlanKind, PlanPrice
from models.subscription import Subscription, SubscriptionStatus
from models.usage import BillingType, ImportType
from models.workspace import ApiKey, Membership, Role, User, Workspace
from resolvers import ids
from resolvers.context import Context
from resolvers.schema import schema

NOW = datetime(2026, 11, 15, 12, tzinfo=UTC)
CREATED = NOW - timedelta(days=100)
PERIOD_START = datetime(2026, 11, 1, tzinfo=UTC)
PERIOD_END = datetime(2026, 12, 1, tzinfo=UTC)
PACKAGE_EXPIRY = PERIOD_END + timedelta(days=1)

ACME, RIVAL, EMPTY = (UUID(f"0000000000007000800000000000000{i}") for i in (1, 2, 3))
OLGA, ADAM, MIA, SAM = (UUID(f"000000000000700080000000000001{i:02}") for i in range(4))
KEY, REVOKED_KEY, RIVALS_KEY = (UUID(f"000000000000700080000000000002{i:02}") for i in range(3))

OWNER, ADMIN, MEMBER, STRANGER = (
    Person("olga"),
    Person("adam"),
    Person("mia"),
    Person("sam"),
)
SERVICE = Service("reporting", frozenset({"billing:read"}))
POWERLESS_SERVICE = Service("recorder", frozenset({"usage:write"}))


def workspace_id(key: UUID = ACME) -> str:
    """Return the global id of a workspace."""
    return ids.encode("Workspace", key)


@dataclass(frozen=True)
class Refusal:
    """An error as a client sees it; its path is that of the response, if it is a field's."""

    code: str
    message: str
    path: tuple[str | int, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What an operation gave: its data, its errors, and how many statements it took."""

    data: Any
    errors: list[Refusal]
    statements: int

    @property
    def codes(self) -> list[str]:
        """The codes of the errors."""
        return [error.code for error in self.errors]


@dataclass(frozen=True)
class World:
    """The database of the world, the moment of asking, and the way to ask."""

    database: Database
    now: datetime = NOW

    def at(self, now: datetime) -> "World":
        """Return the same world at another moment."""
        return replace(self, now=now)

    async def ask(self, document: str, viewer: Viewer | None = OWNER, **variables: Any) -> Answer:
        """Run an operation as its viewer; `$id` is the workspace's unless it is given."""
        context = Context(viewer=viewer, database=self.database, now=self.now)
        variables = {"id": workspace_id()} | variables
        result = await schema.execute(document, variable_values=variables, context_value=context)
        errors = [
            Refusal(
                str((error.extensions or {}).get("code")), error.message, tuple(error.path or ())
            )
            for error in result.errors or ()
        ]
        return Answer(result.data, errors, context.snapshot.statements)

    async def answer(self, document: str, viewer: Viewer | None = OWNER, **variables: Any) -> Any:
        """Return the data of an operation that has no errors."""
        answer = await self.ask(document, viewer, **variables)
        assert answer.errors == [], answer.errors
        return answer.data


async def fill(database: Database) -> None:
    """Write the world into a database that has no rows."""
    async with database.write() as session:
        for model, rows in _ROWS.items():
            await session.execute(insert(model), rows)
    for key in (ACME, RIVAL, EMPTY):
        async with database.write() as session:
            await ledger.create(session, workspace_id=key, now=CREATED)
    await _write_ledger(database, ACME, "acme")
    await _write_ledger(database, RIVAL, "rival")
    await record(database, ACME, acme_events())
    await record(database, RIVAL, rival_events())


async def record(
    database: Database, key: UUID, events: list[UsageEvent], *, now: datetime = NOW
) -> None:
    """Record usage, all of it."""
    async with database.write() as session:
        outcome = await usage.record(session, workspace_id=key, events=events, now=now)
    assert all(isinstance(answer, Recorded) for answer in outcome.answers), outcome


def conversation(
    name: str,
    *,
    by: UUID = MIA,
    title: str = "",
    billing_type: BillingType = BillingType.MESSAGE,
    messages: int = 1,
    amount: int = 10,
    at: datetime = NOW,
    event: str = "first",
) -> UsageEvent:
    """Return an event of the conversation called `name`."""
    used = use.Conversation(f"conv_{name}", title or f"About {name}", billing_type, messages)
    return UsageEvent(
        event_id=f"{name}:{event}", occurred_at=at, user_id=by, credits=amount, use=used
    )


def call(
    name: str, *, key: UUID = KEY, by: UUID = MIA, amount: int = 3, at: datetime = NOW
) -> UsageEvent:
    """Return the event of an MCP-HTTP call."""
    used = use.McpHttpCall(f"call_{name}", key)
    return UsageEvent(event_id=f"call:{name}", occurred_at=at, user_id=by, credits=amount, use=used)


def job(
    name: str,
    *,
    type_: ImportType = ImportType.BRAND,
    by: UUID = ADAM,
    amount: int = 7,
    at: datetime = NOW,
) -> UsageEvent:
    """Return the event of an import job."""
    used = use.Import(f"task_{name}", type_, f"https://{name}.example/catalogue")
    return UsageEvent(event_id=f"job:{name}", occurred_at=at, user_id=by, credits=amount, use=used)


def acme_events() -> list[UsageEvent]:
    """Return what Acme's people did: each filter lets some of it through, and not the rest."""
    day = timedelta(days=1)
    return [
        conversation("invoices", title="Invoices of March", messages=12, amount=40),
        conversation("invoices", messages=2, amount=5, at=NOW - day, event="second"),
        conversation("poster", by=ADAM, billing_type=BillingType.IMAGE_GENERATION, amount=80),
        conversation("trailer", billing_type=BillingType.VIDEO_GENERATION, at=NOW - 8 * day),
        conversation("percent", title="100% of_it \\ done", at=NOW - 9 * day),
        conversation("old", title="Émile's élan", by=OLGA, at=NOW - 34 * day),
        call("lookup"),
        call("export", key=REVOKED_KEY, by=ADAM, amount=9, at=NOW - 10 * day),
        job("shoes"),
        job("shirts", type_=ImportType.PRODUCT, by=MIA, amount=70, at=NOW - 20 * day),
    ]


def rival_events() -> list[UsageEvent]:
    """Return what the other workspace's owner did: nothing of it is for Acme's people."""
    return [
        conversation("secret", by=SAM, title="Secret plans"),
        call("secret", key=RIVALS_KEY, by=SAM),
        job("secret", by=SAM),
    ]


async def _write_ledger(database: Database, key: UUID, name: str) -> None:
    """Write one adjustment of every kind."""
    package = details.Package("pro", BillingCycle.MONTHLY)
    gift = LotKind.GRANTED
    grants: list[tuple[AdjustmentType, int, LotKind, details.Detail]] = [
        (AdjustmentType.FREE_WORKSPACE_GRANT, 50, gift, details.Package("free", None)),
        (
            AdjustmentType.REFERRAL_SIGNUP_REWARD,
            20,
            gift,
            details.Referral(details.ReferralStage.SIGNUP, EMPTY, "Newcomers"),
        ),
        (
            AdjustmentType.CREDIT_PACKAGE_PURCHASE,
            1_000,
            LotKind.PURCHASED,
            details.Purchase(2, 3_998, "USD", None, "https://receipts.example/1"),
        ),
        (
            AdjustmentType.SUBSCRIPTION_SWITCH_COMPENSATION,
            30,
            gift,
            details.Compensation("free", "pro", 0.25),
        ),
    ]
    async with database.write() as session:
        for number, (type_, amount, kind, detail) in enumerate(grants, start=1):
            await ledger.grant(
                session,
                workspace_id=key,
                grant=Grant(
                    source_key=f"{name}:{number}",
                    type=type_,
                    credits=amount,
                    kind=kind,
                    detail=detail,
                ),
                now=CREATED + timedelta(days=number),
            )
        await ledger.grant(
            session,
            workspace_id=key,
            grant=Grant(
                source_key=f"{name}:package",
                type=AdjustmentType.SUBSCRIPTION_RENEWAL,
                credits=500,
                kind=LotKind.RECURRING,
                period_end=PERIOD_END,
                expires_at=PACKAGE_EXPIRY,
                detail=package,
            ),
            now=PERIOD_START,
        )
        removals: list[tuple[AdjustmentType, int, details.Detail]] = [
            (AdjustmentType.ADMIN_ADJUSTMENT, 15, details.Administration("Counted twice")),
            (
                AdjustmentType.CREDIT_REFUND,
                100,
                details.PaymentReversal(details.ReversalKind.REFUND, 3),
            ),
        ]
        for number, (type_, amount, detail) in enumerate(removals, start=1):
            await ledger.remove(
                session,
                workspace_id=key,
                deduction=Deduction(
                    source_key=f"{name}:removal:{number}",
                    type=type_,
                    credits=amount,
                    own_lots=[3],
                    detail=detail,
                ),
                now=PERIOD_START + timedelta(days=number),
            )


def _person(key: UUID, name: str) -> dict[str, Any]:
    subject = name.split(maxsplit=1)[0].lower()
    return {
        "id": key,
        "subject": subject,
        "name": name,
        "email": f"{subject}@example.com",
        "created_at": CREATED,
    }


def _member(workspace: UUID, user: UUID, role: Role) -> dict[str, Any]:
    return {"workspace_id": workspace, "user_id": user, "role": role, "created_at": CREATED}


def _plan(key: str, rank: int, kind: PlanKind, amount: int, **more: Any) -> dict[str, Any]:
    return {
        "id": key,
        "name": key.title(),
        "description": f"The {key} plan.",
        "rank": rank,
        "kind": kind,
        "features": ["Everything"],
        "credits_per_refresh": amount,
        "refreshes": amount > 0,
        "period_months": None,
        "created_at": CREATED,
        "archived_at": None,
    } | more


def _price(plan: str, cycle: BillingCycle, amount: int) -> dict[str, Any]:
    return {
        "plan_id": plan,
        "billing_cycle": cycle,
        "amount_minor": amount,
        "currency": "USD",
        "lookup_key": f"{plan}:{cycle}",
    }


def _subscription(workspace: UUID, plan: str, cycle: BillingCycle | None) -> dict[str, Any]:
    end = None if cycle is None else PERIOD_END
    return {
        "workspace_id": workspace,
        "id": workspace,
        "plan_id": plan,
        "billing_cycle": cycle,
        "status": SubscriptionStatus.ACTIVE,
        "period_start": PERIOD_START,
        "period_end": end,
        "refresh_period_start": end and PERIOD_START,
        "refresh_period_end": end,
        "created_at": PERIOD_START,
    }


def _key(workspace: UUID, key: UUID, name: str, revoked_at: datetime | None) -> dict[str, Any]:
    return {
        "workspace_id": workspace,
        "id": key,
        "external_id": name,
        "name": name,
        "created_at": CREATED,
        "revoked_at": revoked_at,
    }


_ROWS: Mapping[type[Base], list[dict[str, Any]]] = {
    User: [
        _person(OLGA, "Olga Orlova"),
        _person(ADAM, "Adam Abel"),
        _person(MIA, "Mia Moss"),
        _person(SAM, "Sam Stone"),
    ],
    Workspace: [
        {"id": ACME, "name": "Acme", "created_at": CREATED},
        {"id": RIVAL, "name": "Rival", "created_at": CREATED},
        {"id": EMPTY, "name": "Empty", "created_at": CREATED},
    ],
    Membership: [
        _member(ACME, OLGA, Role.OWNER),
        _member(ACME, ADAM, Role.ADMIN),
        _member(ACME, MIA, Role.MEMBER),
        _member(RIVAL, SAM, Role.OWNER),
        _member(EMPTY, OLGA, Role.OWNER),
        _member(EMPTY, SAM, Role.MEMBER),
    ],
    ApiKey: [
        _key(ACME, KEY, "Production", None),
        _key(ACME, REVOKED_KEY, "Old laptop", NOW - timedelta(days=5)),
        _key(RIVAL, RIVALS_KEY, "Rival's", None),
    ],
    Plan: [
        _plan("free", 0, PlanKind.FREE, 0),
        _plan("pro", 1, PlanKind.RECURRING, 500),
        _plan("team", 2, PlanKind.RECURRING, 2_000),
        _plan("sprint", 3, PlanKind.ONE_TIME, 900, period_months=3),
        _plan("legacy", 1, PlanKind.RECURRING, 100, archived_at=CREATED),
    ],
    PlanPrice: [
        _price("pro", BillingCycle.MONTHLY, 1_999),
        _price("pro", BillingCycle.YEARLY, 19_990),
        _price("team", BillingCycle.MONTHLY, 4_999),
        _price("team", BillingCycle.YEARLY, 49_990),
        _price("sprint", BillingCycle.ONE_TIME, 9_900),
    ],
    CreditPack: [
        {
            "id": "pack",
            "name": "500 credits",
            "credits": 500,
            "amount_minor": 1_999,
            "currency": "USD",
            "quantity_max": 20,
            "lookup_key": "pack",
            "created_at": CREATED,
        }
    ],
    Subscription: [
        _subscription(ACME, "pro", BillingCycle.MONTHLY),
        _subscription(RIVAL, "pro", BillingCycle.MONTHLY),
        _subscription(EMPTY, "free", None),
    ],
}
