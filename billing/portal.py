"""The customer portal: cards, invoices and cancellation, on the payment provider's page."""

from billing import customers
from billing.errands import Errand


async def visit(errand: Errand, *, return_url: str) -> str:
    """Return the address of the portal for the workspace, good for one visit.

    Raises WorkspaceNotFound, PaymentsUnavailable and PaymentsRefused.
    """
    customer_id = await customers.customer(
        errand.database, errand.payments, workspace_id=errand.workspace_id, now=errand.now
    )
    return await errand.payments.open_portal(customer_id=customer_id, return_url=return_url)
