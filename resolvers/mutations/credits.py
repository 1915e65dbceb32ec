"""`adjustCredits`: corrections by the operator."""

from typing import Annotated
from uuid import UUID

import strawberry

from billing import access, administration, idempotency
from billing.access import Scope
from billing.idempotency import Answer, Claim
from resolvers.context import Info
from resolvers.fields import resolved
from resolvers.mutations import payload
from resolvers.mutations.payload import CreditStanding, Payload
from resolvers.types.adjustment import CreditAdjustment, adjustment_numbered
from resolvers.types.scalars import BigInt


@strawberry.input(description="A correction of a workspace's credits.")
class AdjustCreditsInput:
    """A correction."""

    workspace_id: strawberry.ID = strawberry.field(description="The workspace.")
    amount: BigInt = strawberry.field(
        description="The credits to add, or to remove if negative; what is added never expires."
    )
    note: str = strawberry.field(
        description="Why, for everybody who reads the adjustment;"
        f" at most {administration.NOTE_LENGTH_MAX:,} characters."
    )
    idempotency_key: str = strawberry.field(description=payload.IDEMPOTENCY_KEY)


@strawberry.type(description="The correction that was made.")
class AdjustCreditsPayload(Payload):
    """The correction."""

    workspace_id: strawberry.Private[UUID | None] = None
    entry_number: strawberry.Private[int | None] = None

    @resolved("The adjustment that was booked. Needs the scope `billing:read`.")
    async def credit_adjustment(self, info: Info) -> CreditAdjustment | None:
        """Return the entry."""
        if self.workspace_id is None or self.entry_number is None:
            return None
        found = await info.context.loaders.workspace.load(self.workspace_id)
        if found is None:
            return None
        return await adjustment_numbered(info, found, self.entry_number)

    @resolved("What the workspace has left now.")
    async def balance(self, info: Info) -> CreditStanding | None:
        """Return where the credits stand."""
        return await payload.standing(info, self.workspace_id)


@payload.mutation(
    AdjustCreditsPayload,
    "Add credits to a workspace or remove some, with a note that says why. Removing more than it"
    " has leaves an overdraft. Needs the scope `credits:write`.",
)
async def adjust_credits(
    info: Info, asked: Annotated[AdjustCreditsInput, payload.INPUT]
) -> AdjustCreditsPayload:
    """Book an `ADMIN_ADJUSTMENT`, once for its key."""
    service = access.service(info.context.viewer, Scope.CREDITS_WRITE)
    workspace_id = payload.workspace_id(asked)
    request = payload.request(asked, service, mutation="adjustCredits", workspace_id=workspace_id)
    async with info.context.write() as session:

        async def adjust(claim: Claim) -> Answer:
            entry = await administration.adjust(
                session,
                workspace_id=workspace_id,
                amount=asked.amount,
                note=asked.note,
                source_key=f"administration:{claim.claim_id}",
                now=info.context.now,
            )
            return {"entry_number": entry.number}

        answer = await idempotency.once(session, request=request, work=adjust, now=info.context.now)
    return AdjustCreditsPayload(workspace_id=workspace_id, entry_number=answer["entry_number"])
