"""Purchases of credit packs on a checkout page."""

from datetime import datetime
from uuid import UUID

import strawberry

from billing.access import WorkspaceAccess
from billing.checkouts import Checkout, PackPurchase
from resolvers import ids
from resolvers.context import Info
from resolvers.types.enums import CheckoutStatus
from resolvers.types.node import Node
from resolvers.types.scalars import URL, BigInt, Money


@strawberry.type(
    description="A purchase of credit packs; `topUpCheckoutChanged` tells when it is paid."
)
class TopUpCheckout(Node):
    """A purchase of credit packs."""

    status: CheckoutStatus = strawberry.field(description="How far it has come.")
    packs: int = strawberry.field(description="The number of packs.")
    credits: BigInt = strawberry.field(description="The credits of all of them.")
    price: Money = strawberry.field(description="The price of all of them.")
    url: URL | None = strawberry.field(
        description="The page to pay it on; null unless it is open and the viewer is the owner."
    )
    created_at: datetime = strawberry.field(description="When it was begun.")
    expires_at: datetime | None = strawberry.field(
        description="When its page closes; null until it is open."
    )
    completed_at: datetime | None = strawberry.field(
        description="When it was paid; null until it is."
    )

    @classmethod
    def of(cls, checkout: Checkout, access: WorkspaceAccess) -> "TopUpCheckout":
        """Return the GraphQL value of a purchase of packs, for who may read its workspace."""
        purchase = checkout.purchase
        assert isinstance(purchase, PackPurchase)
        shows_page = access.is_owner and checkout.url is not None
        key = ids.encode("TopUpCheckout", checkout.id, workspace_id=checkout.workspace_id)
        return cls(
            id=strawberry.ID(key),
            status=checkout.status,
            packs=purchase.packs,
            credits=BigInt(purchase.credits),
            price=Money.of(purchase.price),
            url=URL(checkout.url) if shows_page and checkout.url else None,
            created_at=checkout.created_at,
            expires_at=checkout.expires_at,
            completed_at=checkout.completed_at,
        )


async def top_up(info: Info, access: WorkspaceAccess, checkout_id: UUID) -> TopUpCheckout | None:
    """Return a purchase of packs of a workspace that the viewer may read."""
    found = await info.context.loaders.top_up.load((access.workspace_id, checkout_id))
    return None if found is None else TopUpCheckout.of(found, access)
