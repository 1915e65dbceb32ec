"""What the rules ask of a payment provider, asked of Stripe: the calls of `billing.payments`.

Every call has a time limit. An idempotency key, if a call takes one, is the caller's; a call that
is made of several steps gives each a key of its own, derived from it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from billing.clock import SharedTime, machine_time
from billing.errors import PaymentsRefused
from billing.payments import (
    CheckoutMode,
    CheckoutRequest,
    CheckoutState,
    InvoiceState,
    PaymentState,
    PriceRequest,
    ScheduledChange,
    SubscriptionProgress,
    SubscriptionState,
    SwitchPreview,
    SwitchResult,
)
from gateway import stripe_catalog, stripe_objects, stripe_switching
from gateway.stripe_objects import CHECKOUT_EXPANSIONS
from gateway.stripe_transport import PAGE, InvalidRequest, Stripe, asked, paged

PORTAL_MARK: Final = {"made_by": "billing-gateway"}
"""The metadata by which our portal configuration is known."""


class StripePayments:
    """The calls, on an account; who has opened that closes it.

    `time` tells when something was asked: the database's where several machines mirror answers.
    """

    def __init__(self, account: Stripe, *, time: SharedTime = machine_time) -> None:
        self.account = account
        self._time = time
        self._portal_configuration_id: str | None = None

    async def offer_price(self, request: PriceRequest) -> str:
        """Have a product and a price as asked for; return the price's id."""
        return await stripe_catalog.offer_price(self.account, request)

    async def create_customer(self, *, workspace_id: UUID, name: str, idempotency_key: str) -> str:
        """Create the customer of a workspace; return its id."""
        made = await asked(
            self.account.v1.customers.create_async(
                {"name": name, "metadata": {stripe_objects.WORKSPACE: str(workspace_id)}},
                {"idempotency_key": idempotency_key},
            )
        )
        return made.id

    async def find_customer(self, *, workspace_id: UUID, since: datetime) -> str | None:
        """Return the customer that was created for a workspace since then, if one was."""
        created = {"created": {"gte": stripe_objects.seconds(since)}}
        listed = paged(lambda position: self.account.v1.customers.list_async(created | position))
        async for found in listed:
            if found["metadata"].get(stripe_objects.WORKSPACE) == str(workspace_id):
                return str(found["id"])
        return None

    async def open_checkout(
        self, request: CheckoutRequest, *, idempotency_key: str
    ) -> CheckoutState:
        """Open a checkout page."""
        ours = {
            stripe_objects.WORKSPACE: str(request.workspace_id),
            stripe_objects.CHECKOUT: str(request.checkout_id),
        }
        params: Any = {
            "customer": request.customer_id,
            "line_items": [{"price": request.price_id, "quantity": request.quantity}],
            "success_url": request.success_url,
            "cancel_url": request.cancel_url,
            "client_reference_id": str(request.checkout_id),
            "metadata": ours,
            "mode": "payment",
            "expand": CHECKOUT_EXPANSIONS,
        }
        if request.mode is CheckoutMode.SUBSCRIPTION:
            params["mode"] = "subscription"
            params["subscription_data"] = {"metadata": ours}
        else:
            params["payment_intent_data"] = {"metadata": ours}
        made = await asked(
            self.account.v1.checkout.sessions.create_async(
                params, {"idempotency_key": idempotency_key}
            )
        )
        return stripe_objects.checkout(made.to_dict())

    async def expire_checkout(self, session_id: str) -> CheckoutState:
        """Close a checkout page that is open; return it as it then is, paid perhaps."""
        try:
            closed = await asked(
                self.account.v1.checkout.sessions.expire_async(
                    session_id, {"expand": CHECKOUT_EXPANSIONS}
                )
            )
        except InvalidRequest:
            return await self.checkout(session_id)
        return stripe_objects.checkout(closed.to_dict())

    async def checkout(self, session_id: str) -> CheckoutState:
        """Return a checkout page."""
        found = await asked(
            self.account.v1.checkout.sessions.retrieve_async(
                session_id, {"expand": CHECKOUT_EXPANSIONS}
            )
        )
        return stripe_objects.checkout(found.to_dict())

    async def open_checkouts(self, customer_id: str) -> Sequence[CheckoutState]:
        """Return a customer's checkout pages that are open, the newest first; 100 at most."""
        found = await asked(
            self.account.v1.checkout.sessions.list_async(
                {
                    "customer": customer_id,
                    "status": "open",
                    "limit": PAGE,
                    "expand": [f"data.{path}" for path in CHECKOUT_EXPANSIONS],
                }
            )
        )
        return [stripe_objects.checkout(session.to_dict()) for session in found.data]

    async def open_portal(self, customer_id: str, *, return_url: str) -> str:
        """Return the address of a customer portal, good for one visit."""
        session = await asked(
            self.account.v1.billing_portal.sessions.create_async(
                {
                    "customer": customer_id,
                    "return_url": return_url,
                    "configuration": await self._portal_configuration(),
                }
            )
        )
        return session.url

    async def subscription(self, subscription_id: str) -> SubscriptionState:
        """Return a subscription."""
        state, _ = await stripe_switching.fetched(self.account, subscription_id, time=self._time)
        return state

    async def preview_switch(
        self, subscription: SubscriptionState, *, price_id: str, proration_at: datetime
    ) -> SwitchPreview:
        """Return what switching to `price_id` at that moment would cost."""
        return await stripe_switching.preview(
            self.account, subscription, price_id=price_id, proration_at=proration_at
        )

    async def switch_now(
        self,
        subscription: SubscriptionState,
        *,
        price_id: str,
        proration_at: datetime,
        idempotency_key: str,
    ) -> SwitchResult:
        """Switch and charge the difference. A declined card changes nothing: PaymentDeclined."""
        return await stripe_switching.switch_now(
            self.account,
            subscription,
            price_id=price_id,
            proration_at=proration_at,
            idempotency_key=idempotency_key,
            time=self._time,
        )

    async def switch_later(
        self, subscription: SubscriptionState, *, price_id: str, idempotency_key: str
    ) -> ScheduledChange:
        """Schedule a switch for the end of the paid period, without proration."""
        return await stripe_switching.switch_later(
            self.account, subscription, price_id=price_id, idempotency_key=idempotency_key
        )

    async def release_schedule(self, schedule_id: str, *, idempotency_key: str) -> None:
        """Undo a scheduled switch; the subscription goes on as it is."""
        try:
            await asked(
                self.account.v1.subscription_schedules.release_async(
                    schedule_id, {}, {"idempotency_key": idempotency_key}
                )
            )
        except InvalidRequest:
            # Who has released it before us, or time that has, did what was wanted.
            if (await self.schedule(schedule_id)).is_live:
                raise

    async def cancel_at_period_end(
        self, subscription_id: str, *, idempotency_key: str
    ) -> SubscriptionState:
        """Let a subscription end with its paid period."""
        await asked(
            self.account.v1.subscriptions.update_async(
                subscription_id,
                {"cancel_at_period_end": True},
                {"idempotency_key": idempotency_key},
            )
        )
        return await self.subscription(subscription_id)

    async def keep(self, subscription_id: str, *, idempotency_key: str) -> SubscriptionState:
        """Undo a cancellation to come, whether for the period's end or for a date."""
        found = await asked(self.account.v1.subscriptions.retrieve_async(subscription_id))
        is_for_a_date = found.cancel_at is not None and not found.cancel_at_period_end
        # Somebody may have cancelled again since the key was used, and otherwise.
        undone = f"{found.cancel_at_period_end}:{found.cancel_at}:{found.canceled_at}"
        await asked(
            self.account.v1.subscriptions.update_async(
                subscription_id,
                {"cancel_at": ""} if is_for_a_date else {"cancel_at_period_end": False},
                {"idempotency_key": f"{idempotency_key}:{undone}"},
            )
        )
        return await self.subscription(subscription_id)

    async def drop_update(self, subscription_id: str, *, idempotency_key: str) -> SubscriptionState:
        """Give up a switch that waits for its payment: it can't be paid any more."""
        found, pending = await stripe_switching.fetched(
            self.account, subscription_id, time=self._time
        )
        if pending is not None and found.latest_invoice_id is not None:
            await asked(
                self.account.v1.invoices.void_invoice_async(
                    found.latest_invoice_id, {}, {"idempotency_key": idempotency_key}
                )
            )
        return await self.subscription(subscription_id)

    async def cancel_now(self, subscription_id: str, *, idempotency_key: str) -> SubscriptionState:
        """End a subscription at once, without proration."""
        try:
            await asked(
                self.account.v1.subscriptions.cancel_async(
                    subscription_id, {}, {"idempotency_key": idempotency_key}
                )
            )
        except InvalidRequest:
            # One that has ended cannot be ended again.
            found = await self.subscription(subscription_id)
            if found.progress is not SubscriptionProgress.ENDED:
                raise
            return found
        return await self.subscription(subscription_id)

    async def refund(self, payment_id: str, *, idempotency_key: str) -> None:
        """Give back all that was paid; what a dispute has taken is back already."""
        try:
            await asked(
                self.account.v1.refunds.create_async(
                    {"payment_intent": payment_id}, {"idempotency_key": idempotency_key}
                )
            )
        except InvalidRequest as error:
            if error.reason == "charge_already_refunded":
                return
            is_disputed = error.reason == "charge_disputed"
            if not is_disputed or not (await self.payment(payment_id)).disputed_minor:
                raise

    async def refund_invoice(self, invoice_id: str, *, idempotency_key: str) -> None:
        """Give back all that was paid of an invoice; nothing if nothing was."""
        payments = await asked(
            self.account.v1.invoice_payments.list_async(
                {"invoice": invoice_id, "status": "paid", "limit": PAGE}
            )
        )
        for paid in payments.data:
            payment_id = stripe_objects.id_of(paid.payment.payment_intent)
            if payment_id is not None:
                await self.refund(payment_id, idempotency_key=f"{idempotency_key}:{payment_id}")

    async def schedule(self, schedule_id: str) -> ScheduledChange:
        """Return a schedule."""
        found = await asked(self.account.v1.subscription_schedules.retrieve_async(schedule_id))
        return stripe_objects.schedule(found.to_dict())

    async def invoice(self, invoice_id: str) -> InvoiceState:
        """Return an invoice with all of its lines."""
        found = await asked(self.account.v1.invoices.retrieve_async(invoice_id))
        lines = [line.to_dict() for line in found.lines.data]
        if found.lines.has_more:
            rest = paged(
                lambda page: self.account.v1.invoices.line_items.list_async(invoice_id, page)
            )
            lines = [line async for line in rest]
        return stripe_objects.invoice(found.to_dict(), lines=lines)

    async def payment(self, payment_id: str) -> PaymentState:
        """Return a payment, with the sums of its refunds and disputes."""
        intent = await asked(
            self.account.v1.payment_intents.retrieve_async(
                payment_id, {"expand": ["latest_charge"]}
            )
        )
        refunds = paged(
            lambda page: self.account.v1.refunds.list_async({"payment_intent": payment_id} | page)
        )
        disputes = await asked(
            self.account.v1.disputes.list_async({"payment_intent": payment_id, "limit": PAGE})
        )
        invoices = await asked(
            self.account.v1.invoice_payments.list_async(
                {"payment": {"type": "payment_intent", "payment_intent": payment_id}, "limit": 1}
            )
        )
        return stripe_objects.payment(
            intent.to_dict(),
            invoice_id=stripe_objects.id_of(invoices.data[0].invoice) if invoices.data else None,
            refunds=[refund async for refund in refunds],
            disputes=[dispute.to_dict() for dispute in disputes.data],
        )

    async def checkout_of_payment(self, payment_id: str) -> CheckoutState | None:
        """Return the checkout page that a payment was made on, None if it was made elsewhere."""
        found = await asked(
            self.account.v1.checkout.sessions.list_async(
                {
                    "payment_intent": payment_id,
                    "limit": 1,
                    "expand": [f"data.{path}" for path in CHECKOUT_EXPANSIONS],
                }
            )
        )
        return stripe_objects.checkout(found.data[0].to_dict()) if found.data else None

    async def _portal_configuration(self) -> str:
        """Return the id of the portal configuration that `gateway stripe setup` has made."""
        if self._portal_configuration_id is None:
            found = await asked(
                self.account.v1.billing_portal.configurations.list_async(
                    {"active": True, "limit": PAGE}
                )
            )
            listed = [each.to_dict() for each in found.data]
            ours = [each["id"] for each in listed if each["metadata"] == PORTAL_MARK]
            if not ours:
                raise PaymentsRefused(
                    "Stripe has no portal of ours: `gateway stripe setup` makes it"
                )
            self._portal_configuration_id = ours[0]
        return self._portal_configuration_id
