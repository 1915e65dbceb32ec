"""What the demo does at its Stripe: the past of its workspaces, and what the gateway needs there.

The past is lived through once more: at each moment of the story the sandbox's clock stands still,
and the same calls are made that an owner's choices make. So the subscriptions, invoices and the
schedule are real ones, and what settling them would grant is what the story has granted.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

from billing import catalog_sync
from billing.catalog_file import Catalogue, PlanEntry
from billing.demonstration.story import RETURN_URL, Account, Held, Story
from billing.errors import PaymentsRefused
from billing.payments import CheckoutMode, CheckoutRequest, Payments
from gateway import stripe_setup, webhooks
from gateway.demo_sandbox import Sandbox
from gateway.stripe_client import StripePayments
from gateway.stripe_transport import Stripe, asked, paged
from models.plan import BillingCycle

SECRET_KEY: Final = "sk_test_demo"  # noqa: S105 - the sandbox takes any


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a past is lived through: the sandbox, our calls of it, and its prices by lookup key."""

    sandbox: Sandbox
    payments: Payments
    prices: Mapping[str, str]

    def price_id(self, plan: PlanEntry, cycle: BillingCycle | None) -> str:
        """Return the id of the price of a plan that is paid every month or year."""
        assert cycle is not None
        return self.prices[catalog_sync.lookup_key(plan.id, cycle)]


Act = Callable[[], Awaitable[None]]


async def live(
    account: Stripe,
    sandbox: Sandbox,
    catalogue: Catalogue,
    stories: Sequence[Story],
    *,
    now: datetime,
) -> Mapping[str, str]:
    """Let a Stripe that knows nothing know the stories, and them its ids; return its prices.

    Afterwards it is `now` there. Raises SandboxFailed, and what a call of Stripe raises.
    """
    payments = StripePayments(account)
    prices = await catalog_sync.offer(catalogue, payments=payments)
    stage = Stage(sandbox, payments, prices)
    acts = [act for story in stories for act in _acts(stage, story, now=now)]
    for at, act in sorted(acts, key=lambda each: each[0]):
        await sandbox.stand_at(at)
        await act()
    await sandbox.catch_up()
    return prices


async def set_up(account: Stripe, *, address: str) -> str:
    """Have events told to the gateway at `address` alone, and a portal; return their secret."""
    hooks = account.v1.webhook_endpoints
    for known in [each["id"] async for each in paged(hooks.list_async)]:
        await asked(hooks.delete_async(known))
    done = await stripe_setup.set_up(account, endpoint_url=f"{address}{webhooks.PATH}")
    assert done.secret is not None
    return done.secret


async def is_known(account: Stripe, customer_ids: Sequence[str]) -> bool:
    """Tell whether these are customers of this Stripe; nobody's is, where there are none."""
    try:
        for customer_id in customer_ids:
            await asked(account.v1.customers.retrieve_async(customer_id))
    except PaymentsRefused:
        return False
    return bool(customer_ids)


def _acts(stage: Stage, story: Story, *, now: datetime) -> Iterator[tuple[datetime, Act]]:
    """Yield what the owner of a workspace did at Stripe, and when."""
    held = story.renewing
    if held is None:
        return
    yield held.start, partial(_subscribe, stage, story, held)
    if held.switch is not None:
        yield held.switch[0], partial(_switch, stage, story, held)
    if held.pending is not None:
        yield now, partial(_schedule, stage, story, held)


async def _subscribe(stage: Stage, story: Story, held: Held) -> None:
    """Buy the plan on a Checkout page."""
    checkout_id = story.new_id(held.start)
    price_id = stage.price_id(held.plan, held.cycle)
    customer_id = await stage.payments.create_customer(
        workspace_id=story.id, name=story.name, idempotency_key=f"customer:{story.id}"
    )
    request = CheckoutRequest(
        workspace_id=story.id,
        checkout_id=checkout_id,
        customer_id=customer_id,
        mode=CheckoutMode.SUBSCRIPTION,
        price_id=price_id,
        quantity=1,
        success_url=RETURN_URL,
        cancel_url=RETURN_URL,
    )
    page = await stage.payments.open_checkout(request, idempotency_key=f"checkout:{checkout_id}")
    assert page.url is not None
    await stage.sandbox.pay(page.url)

    paid = await stage.payments.checkout(page.session_id)
    assert paid.subscription_id is not None
    story.account = Account(
        customer_id=customer_id,
        checkout_id=checkout_id,
        session_id=page.session_id,
        price_id=price_id,
        subscription_id=paid.subscription_id,
    )


async def _switch(stage: Stage, story: Story, held: Held) -> None:
    """Switch to another plan at once."""
    assert story.account is not None
    assert held.switch is not None
    at, plan = held.switch
    result = await stage.payments.switch_now(
        await stage.payments.subscription(story.account.subscription_id),
        price_id=stage.price_id(plan, held.cycle),
        proration_at=at,
        idempotency_key=f"switch:{story.id}",
    )
    story.account = replace(story.account, switch_invoice_id=result.invoice_id)


async def _schedule(stage: Stage, story: Story, held: Held) -> None:
    """Let another plan follow when what is paid ends."""
    assert story.account is not None
    assert held.pending is not None
    change = await stage.payments.switch_later(
        await stage.payments.subscription(story.account.subscription_id),
        price_id=stage.price_id(*held.pending),
        idempotency_key=f"schedule:{story.id}",
    )
    story.account = replace(story.account, schedule_id=change.schedule_id)
