"""What an owner has us do at the payment provider: with which means, and in which time."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from billing.access import WorkspaceAccess
from billing.errands import Errand
from billing.errors import PaymentsUnavailable
from resolvers.context import Info


@asynccontextmanager
async def errand(info: Info, owned: WorkspaceAccess) -> AsyncGenerator[Errand]:
    """Give what the owner's errand is done with, in its time; nothing is held open while it is.

    Raises PaymentsUnavailable where no payment provider is set up, and when the time is over: who
    asks learns what it was that took too long, and that it may be asked again.
    """
    plans = await info.context.loaders.plans
    await info.context.snapshot.rest()
    payments = info.context.payments
    if payments is None:
        raise PaymentsUnavailable("No payment provider is set up")
    assert owned.user_id is not None, "an owner is a person"
    limit = asyncio.timeout_at(info.context.payments_until)
    try:
        async with limit:
            yield Errand(
                database=info.context.database,
                payments=payments,
                workspace_id=owned.workspace_id,
                user_id=owned.user_id,
                plans=plans,
                now=info.context.now,
            )
    except TimeoutError:
        if not limit.expired():
            raise
        raise PaymentsUnavailable from None
