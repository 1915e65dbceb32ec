"""`createCustomerPortalSession`: the owner sees to cards, invoices and cancellation."""

from typing import Annotated

import strawberry

from billing import portal, returning
from resolvers.context import Info
from resolvers.mutations import owners, payload
from resolvers.mutations.payload import Payload
from resolvers.types.scalars import URL


@strawberry.input(description="The workspace whose portal is opened.")
class CreateCustomerPortalSessionInput:
    """The workspace."""

    workspace_id: strawberry.ID = strawberry.field(description="The workspace.")
    return_url: URL = strawberry.field(
        description="Where to return to from the portal, of an allowed origin."
    )


@strawberry.type(description="Where the customer portal is.")
class CreateCustomerPortalSessionPayload(Payload):
    """Where the portal is."""

    url: URL | None = strawberry.field(
        default=None, description="The portal, for one visit: send the person there at once."
    )


@payload.mutation(
    CreateCustomerPortalSessionPayload,
    "Open the customer portal, where the owner changes cards, sees invoices and cancels the plan."
    " Each call opens it for one more visit. For the owner of the workspace.",
)
async def create_customer_portal_session(
    info: Info, asked: Annotated[CreateCustomerPortalSessionInput, payload.INPUT]
) -> CreateCustomerPortalSessionPayload:
    """Open the portal."""
    owned = await owners.owned(info, asked)
    returning.check(asked.return_url, origins=info.context.return_origins, about="return_url")
    async with owners.errand(info, owned) as errand:
        url = await portal.visit(errand, return_url=asked.return_url)
    return CreateCustomerPortalSessionPayload(url=URL(url))
