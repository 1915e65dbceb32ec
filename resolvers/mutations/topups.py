"""`createTopUpCheckout`: the owner of a paid workspace buys credit packs."""

from typing import Annotated
from uuid import UUID

import strawberry

from billing import returning, topups
from billing.checkouts import Returns
from billing.topups import Wish
from resolvers.context import Info
from resolvers.fields import resolved
from resolvers.mutations import owners, payload
from resolvers.mutations.payload import Payload
from resolvers.types.checkout import TopUpCheckout, top_up
from resolvers.types.scalars import URL


@strawberry.input(description="How many credit packs to buy for which workspace.")
class CreateTopUpCheckoutInput:
    """So many credit packs."""

    workspace_id: strawberry.ID = strawberry.field(description="The workspace.")
    packs: int = strawberry.field(
        description="How many packs: 1 to the `quantityMax` of the `CreditPack`."
    )
    success_url: URL = strawberry.field(
        description="Where to return to from the checkout page when it is paid, of an allowed"
        " origin."
    )
    cancel_url: URL = strawberry.field(
        description="Where to return to from that page when it is not paid, of an allowed origin."
    )
    idempotency_key: str = strawberry.field(description=payload.IDEMPOTENCY_KEY)

    async def wish(self, info: Info) -> Wish:
        """Return what is wanted. Raises ReturnUrlNotAllowed."""
        said = {"success_url": self.success_url, "cancel_url": self.cancel_url}
        for name, url in said.items():
            returning.check(url, origins=info.context.return_origins, about=name)
        offer = await info.context.loaders.pack
        return Wish(offer=offer, packs=self.packs, returns=Returns(**said))


@strawberry.type(description="The purchase that was begun.")
class CreateTopUpCheckoutPayload(Payload):
    """The purchase."""

    key: strawberry.Private[tuple[UUID, UUID] | None] = None

    @resolved(
        "The purchase: send the person to its `url`, then follow its `status` by"
        " `topUpCheckoutChanged` or `node(id)`."
    )
    async def top_up_checkout(self, info: Info) -> TopUpCheckout | None:
        """Return the purchase as it now is."""
        if self.key is None:
            return None
        workspace_id, checkout_id = self.key
        found = await info.context.loaders.workspace.load(workspace_id)
        return None if found is None else await top_up(info, found, checkout_id)


@payload.mutation(
    CreateTopUpCheckoutPayload,
    "Open a checkout page for credit packs. The credits come when they are paid for. For the owner"
    " of a workspace on a paid plan.",
)
async def create_top_up_checkout(
    info: Info, asked: Annotated[CreateTopUpCheckoutInput, payload.INPUT]
) -> CreateTopUpCheckoutPayload:
    """Open a page, one for its key."""
    owned = await owners.owned(info, asked)
    wish = await asked.wish(info)
    request = owners.request(info, asked, mutation="createTopUpCheckout", owned=owned)
    async with owners.errand(info, owned) as errand:
        checkout_id = await topups.buy(errand, wish=wish, request=request)
    return CreateTopUpCheckoutPayload(key=(owned.workspace_id, checkout_id))
