"""`adjustCredits`: a correction is booked once, says why, and may overdraw."""

import asyncio
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select, update
from structlog.testing import capture_logs

from billing import audit
from billing.access import Scope, Service
from billing.idempotency import KEPT
from models.base import CREDITS_MAX
from models.ledger import AdjustmentType, CreditAdjustment
from models.subscription import IdempotencyKey
from resolvers import ids
from tests import dying
from tests.resolvers.mutating import ADJUST_CREDITS, ALMIGHTY, TREASURER, mutate, refusal
from tests.resolvers.world import ACME, MIA, NOW, RIVAL, World, workspace_id

REMAINING = 1_241
"""What Acme has left before a test begins."""

HUGE = CREDITS_MAX - REMAINING
"""The most that can be added to it."""

ADJUSTMENTS = "query($id: ID!) { workspace(id: $id) { creditAdjustments(first: 3) { @ } } }"

OTHER = Service("other", frozenset({Scope.CREDITS_WRITE}))


def adjusting(amount: int = 100, **said: Any) -> dict[str, Any]:
    """Return an input of one key."""
    return {
        "workspaceId": workspace_id(),
        "amount": amount,
        "note": "Goodwill",
        "idempotencyKey": "goodwill",
    } | said


async def adjust(world: World, amount: int = 100, *, by: Service = TREASURER, **said: Any) -> Any:
    """Adjust Acme's credits; return the payload."""
    return await mutate(world, ADJUST_CREDITS, by, adjusting(amount, **said))


async def test_credits_are_added_with_a_note(world: World) -> None:
    """They never expire, and the adjustment says why they came."""
    document = ADJUST_CREDITS.replace(
        "balance",
        """creditAdjustment {
            type amount balanceAfter description createdAt detail {
                ... on AdminAdjustmentDetail { note }
            }
        } balance""",
    )

    payload = await mutate(world, document, ALMIGHTY, adjusting(250))

    assert payload == {
        "creditAdjustment": {
            "type": "ADMIN_ADJUSTMENT",
            "amount": 250,
            "balanceAfter": REMAINING + 250,
            "description": "Goodwill",
            "createdAt": "2026-11-15T12:00:00Z",
            "detail": {"note": "Goodwill"},
        },
        "balance": {"remaining": REMAINING + 250, "overdraft": 0},
        "userErrors": [],
    }
    lots = await world.answer(
        "query($id: ID!) { workspace(id: $id) { creditBalance { lots(last: 1) { nodes {"
        " kind granted remaining expiresAt } } } } }"
    )
    assert lots["workspace"]["creditBalance"]["lots"]["nodes"] == [
        {"kind": "GRANTED", "granted": 250, "remaining": 250, "expiresAt": None}
    ]


async def test_credits_are_removed_and_what_is_missing_is_owed(world: World) -> None:
    """A correction overdraws as usage does."""
    payload = await adjust(world, -(REMAINING + 9))

    assert payload["balance"] == {"remaining": 0, "overdraft": 9}
    assert await _audited(world) == []


async def test_the_adjustment_is_shown_to_who_may_read(world: World) -> None:
    """Who may only write is told the balance."""
    document = ADJUST_CREDITS.replace("balance", "creditAdjustment { amount } balance")

    answer = await world.ask(document, TREASURER, input=adjusting())

    assert answer.codes == ["SCOPE_MISSING"]
    assert answer.data["adjustCredits"] == {
        "creditAdjustment": None,
        "balance": {"remaining": REMAINING + 100, "overdraft": 0},
        "userErrors": [],
    }


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"amount": 0}, ("CREDITS_OUT_OF_RANGE", ["input", "amount"])),
        ({"amount": CREDITS_MAX}, ("CREDITS_OUT_OF_RANGE", ["input", "amount"])),
        ({"note": ""}, ("TEXT_INVALID", ["input", "note"])),
        ({"note": " \n"}, ("TEXT_INVALID", ["input", "note"])),
        ({"note": "x" * 1_001}, ("TEXT_INVALID", ["input", "note"])),
        ({"note": "a\0b"}, ("TEXT_INVALID", ["input", "note"])),
        ({"note": "a\ud800b"}, ("TEXT_INVALID", ["input", "note"])),
        ({"idempotencyKey": ""}, ("IDEMPOTENCY_KEY_INVALID", ["input", "idempotencyKey"])),
        ({"idempotencyKey": "x" * 256}, ("IDEMPOTENCY_KEY_INVALID", ["input", "idempotencyKey"])),
        ({"idempotencyKey": "a\nb"}, ("IDEMPOTENCY_KEY_INVALID", ["input", "idempotencyKey"])),
        ({"idempotencyKey": "é"}, ("IDEMPOTENCY_KEY_INVALID", ["input", "idempotencyKey"])),
        ({"idempotencyKey": "a\0b"}, ("TEXT_INVALID", ["input", "idempotencyKey"])),
        (
            {"workspaceId": ids.encode("Workspace", MIA)},
            ("WORKSPACE_NOT_FOUND", ["input", "workspaceId"]),
        ),
        ({"workspaceId": "nonsense"}, ("INVALID_ID", ["input", "workspaceId"])),
        ({"workspaceId": "a\0b"}, ("TEXT_INVALID", ["input", "workspaceId"])),
    ],
)
async def test_a_correction_that_is_not_possible_is_refused_and_leaves_its_key_free(
    world: World, said: dict[str, Any], expected: tuple[str, list[str]]
) -> None:
    """The same key then does what is right."""
    assert refusal(await adjust(world, **said)) == expected
    assert await _adjustments(world) == []

    payload = await adjust(world)

    assert payload["userErrors"] == []
    assert await _adjustments(world) == [100]


async def test_a_key_is_answered_again_and_nothing_is_done_twice(world: World) -> None:
    """The same entry, whatever has happened since."""
    document = ADJUST_CREDITS.replace("balance", "creditAdjustment { id balanceAfter } balance")

    first = await mutate(world, document, ALMIGHTY, adjusting())
    await mutate(world, document, ALMIGHTY, adjusting(1, idempotencyKey="another"))
    again = await mutate(world, document, ALMIGHTY, adjusting())

    assert again["creditAdjustment"] == first["creditAdjustment"]
    assert again["balance"]["remaining"] == first["balance"]["remaining"] + 1
    assert await _adjustments(world) == [100, 1]


@pytest.mark.parametrize("said", [{"amount": 101}, {"amount": -100}, {"note": "Other"}])
async def test_a_key_with_another_input_is_refused(world: World, said: dict[str, Any]) -> None:
    """And the first answer stays."""
    await adjust(world)

    assert refusal(await adjust(world, **said)) == (
        "IDEMPOTENCY_KEY_REUSED",
        ["input", "idempotencyKey"],
    )
    assert await _adjustments(world) == [100]


async def test_a_key_is_of_one_workspace_and_one_actor(world: World) -> None:
    """Another service, or another workspace, may use the same word."""
    await adjust(world)
    await adjust(world, by=OTHER)
    await adjust(world, workspaceId=workspace_id(RIVAL))

    assert await _adjustments(world) == [100, 100]
    assert await _adjustments(world, of=RIVAL) == [100]


async def test_a_key_is_free_again_after_30_days(world: World) -> None:
    """Not a moment before."""
    await adjust(world)
    await _date_keys(world, NOW - KEPT + _SECOND)
    await adjust(world)
    assert await _adjustments(world) == [100]

    await _date_keys(world, NOW - KEPT)
    payload = await adjust(world, 7)

    assert payload["userErrors"] == []
    assert await _adjustments(world) == [100, 7]


async def test_one_key_sent_by_many_at_once_is_done_once(world: World) -> None:
    """One does the work; the others wait for it, and answer alike."""
    document = ADJUST_CREDITS.replace("balance", "creditAdjustment { id } balance")

    payloads = await asyncio.gather(
        *(mutate(world, document, ALMIGHTY, adjusting()) for _ in range(20))
    )

    assert [payload for payload in payloads if payload != payloads[0]] == []
    assert payloads[0]["userErrors"] == []
    assert await _adjustments(world) == [100]


async def test_one_key_sent_at_once_with_two_inputs_is_done_for_one_of_them(world: World) -> None:
    """The other is refused."""
    payloads = await asyncio.gather(adjust(world, 1), adjust(world, 2))

    codes = [[error["code"] for error in payload["userErrors"]] for payload in payloads]
    assert sorted(codes) == [[], ["IDEMPOTENCY_KEY_REUSED"]]
    assert await _adjustments(world) == [codes.index([]) + 1]


async def test_who_dies_anywhere_asks_again_with_the_same_key(world: World) -> None:
    """Before each statement and before the commit: the credits come once."""
    for number in count(1):
        with dying.at_step(world.database, number) as death, capture_logs():
            answer = await world.ask(ADJUST_CREDITS, TREASURER, input=adjusting())
        if not death.has_come:
            break
        assert set(answer.codes) == {"DATABASE_UNAVAILABLE"}
        if answer.data["adjustCredits"] is None:
            assert await _adjustments(world) == []
            assert await _keys(world) == 0

    assert number > 8
    assert await _adjustments(world) == [100]
    assert await _keys(world) == 1
    assert await _audited(world) == []


async def test_without_its_key_the_correction_would_be_done_twice(world: World) -> None:
    """What the tests above are for."""
    await adjust(world)
    async with world.database.write() as session:
        await session.execute(delete(IdempotencyKey))
    await adjust(world)

    assert await _adjustments(world) == [100, 100]


_SECOND = timedelta(seconds=1)
_OF_THE_WORLD = ("acme:removal:1", "rival:removal:1")


async def _adjustments(world: World, *, of: UUID = ACME) -> list[int]:
    """Return the amounts of the test's own corrections, in their order."""
    columns = CreditAdjustment.__table__.c
    async with world.database.snapshot() as snapshot:
        rows = await snapshot.all(
            select(columns.amount)
            .where(
                columns.workspace_id == of,
                columns.type == AdjustmentType.ADMIN_ADJUSTMENT,
                columns.source_key.not_in(_OF_THE_WORLD),
            )
            .order_by(columns.entry_number)
        )
    return [row.amount for row in rows]


async def _keys(world: World) -> int:
    """Return how many idempotency keys are kept."""
    async with world.database.snapshot() as snapshot:
        number: int = await snapshot.scalar(select(func.count()).select_from(IdempotencyKey))
    return number


async def _date_keys(world: World, created_at: datetime) -> None:
    async with world.database.write() as session:
        await session.execute(update(IdempotencyKey).values(created_at=created_at))


async def _audited(world: World) -> list[audit.Drift]:
    async with world.database.snapshot() as snapshot:
        return await audit.audit(snapshot, workspace_id=ACME)


@pytest.mark.usefixtures("quiet")
async def test_a_total_that_json_would_round_is_refused_and_the_rows_are_not(world: World) -> None:
    """Two mistakes of nine quadrillions each, one taken back: together they are too many."""
    for key, amount in (("once", HUGE), ("back", -HUGE), ("again", HUGE)):
        payload = await adjust(world, amount, idempotencyKey=key)
        assert payload["userErrors"] == []

    rows = await world.answer(ADJUSTMENTS.replace("@", "nodes { amount }"), id=workspace_id())
    totals = await world.ask(ADJUSTMENTS.replace("@", "summary { granted }"), id=workspace_id())

    newest = [node["amount"] for node in rows["workspace"]["creditAdjustments"]["nodes"]]
    assert newest == [HUGE, -HUGE, HUGE]
    assert totals.codes == ["NUMBER_TOO_LARGE"]
    assert ".".join(map(str, totals.errors[0].path or ())) == (
        "workspace.creditAdjustments.summary.granted"
    )
