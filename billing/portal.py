"""The customer portal: cards, invoices and cancellation, on the payment provider's page."""

from functools import partial

from billing import customers
from billing.errands import Errand


async def visit(errand: Errand, *, return_url: str) -> str:
    """Return the address of the portal for the workspace, good for one visit.

    Raises WorkspaceNotFound, PaymentsUnavailable and PaymentsRefused.
    """
    return await customers.serve(
        errand, ask=partial(errand.payments.open_portal, return_url=return_url)
    )
