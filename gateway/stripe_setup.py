"""Setting an account of Stripe's up: where its events go, and what its portal lets people do."""

from dataclasses import dataclass
from typing import Any, Final

from billing import events
from gateway.stripe_client import PORTAL_MARK
from gateway.stripe_transport import API_VERSION, Stripe, asked, paged

PORTAL: Final[dict[str, Any]] = {
    "features": {
        "customer_update": {"enabled": True, "allowed_updates": ["address", "email", "tax_id"]},
        "invoice_history": {"enabled": True},
        "payment_method_update": {"enabled": True},
        "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
        # Plans are switched here, where it is shown what that does to the credits.
        "subscription_update": {"enabled": False},
    },
    "metadata": PORTAL_MARK,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What there is at Stripe now; `secret` is known only of an endpoint that was made now."""

    endpoint_id: str
    endpoint_url: str
    secret: str | None
    portal_configuration_id: str


async def set_up(account: Stripe, *, endpoint_url: str) -> Done:
    """Have the webhook endpoint and the portal configuration as the gateway needs them.

    Raises PaymentsUnavailable and PaymentsRefused.
    """
    endpoint_id, secret = await _have_endpoint(account, endpoint_url)
    return Done(
        endpoint_id=endpoint_id,
        endpoint_url=endpoint_url,
        secret=secret,
        portal_configuration_id=await _have_portal(account),
    )


async def _have_endpoint(account: Stripe, url: str) -> tuple[str, str | None]:
    """Return the id of the endpoint at that address, and its secret if it is new."""
    wanted: Any = {"enabled_events": [*events.TYPES]}
    async for known in paged(account.v1.webhook_endpoints.list_async):
        if known["url"] == url:
            await asked(
                account.v1.webhook_endpoints.update_async(known["id"], wanted | {"disabled": False})
            )
            return known["id"], None
    made = await asked(
        account.v1.webhook_endpoints.create_async(wanted | {"url": url, "api_version": API_VERSION})
    )
    return made.id, made.secret


async def _have_portal(account: Stripe) -> str:
    """Return the id of the portal configuration that is ours."""
    wanted: Any = PORTAL
    async for known in paged(account.v1.billing_portal.configurations.list_async):
        if known["metadata"] == PORTAL_MARK:
            found = await asked(
                account.v1.billing_portal.configurations.update_async(
                    known["id"], wanted | {"active": True}
                )
            )
            return found.id
    made = await asked(account.v1.billing_portal.configurations.create_async(wanted))
    return made.id
