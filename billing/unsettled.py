"""Why something that the provider tells cannot be settled: for the operator, never for a user.

    Unsettled
    ├── PriceUnknown         a price that the catalogue has never had
    ├── InvoiceUnclear       what an invoice is for does not follow from its lines
    ├── CheckoutUnknown      a page of ours of which there is no record
    ├── SubscriptionUnknown  a subscription that we have not heard of
    ├── OwnersDiffer         objects of one story belong to several workspaces
    └── PurchaseRefused      a purchase that cannot be honoured: it is to be undone

Nothing is granted; the event stays visible with its error, and is tried again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID


class Unsettled(Exception):
    """The story cannot be settled as it is."""


class PriceUnknown(Unsettled):
    """The catalogue has never had a price."""

    def __init__(self, price_id: str | None) -> None:
        super().__init__(f"The catalogue knows no price {price_id}: sync it, then retry")


class InvoiceUnclear(Unsettled):
    """It does not follow from an invoice's lines what was bought."""


class CheckoutUnknown(Unsettled):
    """A page was opened for a workspace, and there is no record of it."""

    def __init__(self, session_id: str) -> None:
        super().__init__(f"No checkout is recorded for the page {session_id}")


class SubscriptionUnknown(Unsettled):
    """An invoice is for a subscription that we have not heard of."""

    def __init__(self, subscription_id: str) -> None:
        super().__init__(f"Nothing is known of the subscription {subscription_id} yet")


class OwnersDiffer(Unsettled):
    """One Stripe object never lands in two workspaces."""

    def __init__(self, stripe_ids: Iterable[str], owners: Iterable[UUID]) -> None:
        found = ", ".join(sorted(map(str, owners)))
        super().__init__(f"{', '.join(stripe_ids)}: they belong to several workspaces: {found}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """What is undone of a purchase: a subscription is ended, an invoice or a payment paid back.

    `in_the_way` is the subscription for which it cannot be honoured, if that is one.
    """

    workspace_id: UUID
    in_the_way: str | None
    subscription_id: str | None = None
    invoice_id: str | None = None
    payment_id: str | None = None


class PurchaseRefused(Unsettled):
    """The workspace holds what does not go together with the purchase."""

    def __init__(self, purchase: Purchase, reason: str) -> None:
        super().__init__(reason)
        self.purchase = purchase
