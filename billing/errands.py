"""What an owner has us do at the payment provider: the means, and one careful way to call."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from billing import idempotency
from billing.catalog import PlanOffer
from billing.errors import PaymentsUnavailable
from billing.idempotency import Claim
from billing.payments import Payments
from models.database import Database

Found = TypeVar("Found")

ATTEMPTS = 2
"""How often a call is made that the provider answers with failures of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What is wanted in a workspace, by which person, with which means; `plans` are all there are.

    No transaction is open while the provider is asked.
    """

    database: Database
    payments: Payments
    workspace_id: UUID
    user_id: UUID
    plans: Sequence[PlanOffer]
    now: datetime


async def called(
    errand: Errand,
    claim: Claim,
    step: str,
    *,
    call: Callable[[str], Awaitable[Found]],
    happened: Callable[[], Awaitable[Found | None]],
) -> Found:
    """Return what a call gives that changes something, made under the claim's key for the step.

    A provider repeats a failure of its own under one key. When it fails, `happened` looks: if the
    change is there, its answer is the call's; if it is not, the next attempt has another key.
    Raises what the call raises.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return await call(claim.provider_key(step))
        except PaymentsUnavailable as failure:
            if not failure.is_final:
                raise
            found = await happened()
            if found is not None:
                return found
            async with errand.database.write() as session:
                await idempotency.retry(session, claim)
            if attempt == ATTEMPTS:
                raise
    raise AssertionError
