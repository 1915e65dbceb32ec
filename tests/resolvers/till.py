"""Where an owner pays: the world's workspaces, a real sandbox of Stripe, and what people click.

`WORKSPACE` begins on Free. Nobody listens to webhooks here: `hear` settles what one would tell.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx
from sqlalchemy import select

from billing import audit, catalog_file, catalog_sync, settlement
from billing.access import Viewer
from billing.settlement import Subject
from gateway.stripe_client import StripePayments
from gateway.stripe_transport import Stripe
from models.base import Base
from models.database import Database
from resolvers import ids
from resolvers.context import Context
from resolvers.schema import schema
from tests import contract
from tests.resolvers.world import EMPTY, NOW, OWNER, Answer, Refusal

WORKSPACE = EMPTY
"""A workspace that the owner of the world owns, on Free."""

ORIGIN = "https://app.test"
SUCCESS_URL = f"{ORIGIN}/billing?session={{CHECKOUT_SESSION_ID}}"
CANCEL_URL = f"{ORIGIN}/billing"
CARD = "4242424242424242"
DECLINED = "4000000000000341"
AUTHENTICATED = "4000002760003184"
BANK = "000123456789"
KEY = "sk_test_of_the_till"
TIMEOUT_SECONDS = 60

CATALOGUE = """
currency = "USD"

[[plans]]
id = "free"
name = "Free"
description = "The free plan."
rank = 0
kind = "FREE"
credits_per_refresh = 0
refreshes = false

[[plans]]
id = "pro"
name = "Pro"
description = "The pro plan."
rank = 1
kind = "RECURRING"
credits_per_refresh = 500
prices = { monthly = 3000, yearly = 30000 }

[[plans]]
id = "team"
name = "Team"
description = "The team plan."
rank = 2
kind = "RECURRING"
credits_per_refresh = 2000
prices = { monthly = 6000, yearly = 60000 }

[[plans]]
id = "sprint"
name = "Sprint"
description = "The sprint plan."
rank = 3
kind = "ONE_TIME"
credits_per_refresh = 900
period_months = 3
prices = { one_time = 9900 }

[credit_pack]
id = "pack"
name = "500 credits"
credits = 500
price = 2000
quantity_max = 20
"""

OUTCOME = """outcome {
    __typename
    ... on PlanSwitched { effectiveAt }
    ... on PlanSwitchScheduled { effectiveAt }
    ... on PlanCheckoutRequired { url }
    ... on PlanSwitchPaymentRequired { url expiresAt }
    ... on PlanSwitchConfirmationRequired { preview { ...Preview } }
}"""
PREVIEW = """fragment Preview on PlanSwitchPreview {
    token action billingCycle amountDue { amountMinor currency } credits effectiveAt expiresAt
    plan { id }
}"""
_ERRORS = "userErrors { code message path }"

SWITCH = f"""mutation($input: SwitchPlanInput!) {{ switchPlan(input: $input) {{
    {OUTCOME} workspace {{ id }} {_ERRORS}
}} }} {PREVIEW}"""
UNDO = f"""mutation($input: CancelPendingPlanChangeInput!) {{
    cancelPendingPlanChange(input: $input) {{ workspace {{ id }} {_ERRORS} }}
}}"""
TOP_UP = f"""mutation($input: CreateTopUpCheckoutInput!) {{ createTopUpCheckout(input: $input) {{
    topUpCheckout {{ id status packs credits price {{ amountMinor currency }} url }} {_ERRORS}
}} }}"""
PORTAL = f"""mutation($input: CreateCustomerPortalSessionInput!) {{
    createCustomerPortalSession(input: $input) {{ url {_ERRORS} }}
}}"""
ASK_PREVIEW = f"""query($id: ID!, $plan: ID!, $cycle: BillingCycle!) {{
    workspace(id: $id) {{ name planSwitchPreview(planId: $plan, billingCycle: $cycle) {{
        ...Preview
    }} }}
}} {PREVIEW}"""
_STATE = """query($id: ID!) { workspace(id: $id) {
    subscription {
        plan { id } billingCycle status currentPeriodEnd
        pendingChange { plan { id } billingCycle effectiveAt }
    }
    creditBalance { remaining recurring purchased }
} }"""


class Failed(AssertionError):
    """A mutation was answered with errors of its field."""


@dataclass(frozen=True)
class Till:
    """The database, the sandbox, and the moment that both live in.

    An operation gives asking the sandbox up after `payments_seconds`.
    """

    database: Database
    payments: StripePayments
    browser: httpx.AsyncClient
    now: datetime = NOW
    payments_seconds: float | None = None
    keys: Iterator[int] = field(default_factory=count)

    async def ask(
        self, document: str, viewer: Viewer | None = OWNER, *, paying: bool = True, **given: Any
    ) -> Answer:
        """Run an operation as its viewer."""
        until = None
        if self.payments_seconds is not None:
            until = asyncio.get_running_loop().time() + self.payments_seconds
        context = Context(
            viewer=viewer,
            database=self.database,
            now=self.now,
            payments=self.payments if paying else None,
            payments_until=until,
            return_origins=(ORIGIN,),
        )
        variables = {"id": ids.encode("Workspace", WORKSPACE)} | given
        result = await schema.execute(document, variable_values=variables, context_value=context)
        errors = [
            Refusal(
                str((error.extensions or {}).get("code")), error.message, tuple(error.path or ())
            )
            for error in result.errors or ()
        ]
        return Answer(result.data, errors, 0)

    async def mutate(
        self,
        document: str,
        given: Mapping[str, Any],
        viewer: Viewer | None = OWNER,
        *,
        paying: bool = True,
    ) -> dict[str, Any]:
        """Return the payload of a mutation, asked under a key of its own unless one is given."""
        asked: dict[str, Any] = {"workspaceId": ids.encode("Workspace", WORKSPACE), **given}
        if document is not PORTAL:
            asked.setdefault("idempotencyKey", f"key {next(self.keys)}")
        answer = await self.ask(document, viewer, paying=paying, input=asked)
        if answer.errors:
            raise Failed(answer.errors)
        [payload] = answer.data.values()
        return dict(payload)

    async def switch(
        self, plan: str, cycle: str | None = None, *, token: str | None = None, **given: Any
    ) -> dict[str, Any]:
        """Choose a plan; return the payload."""
        asked = {
            "planId": ids.encode("Plan", plan),
            "billingCycle": cycle,
            "previewToken": token,
            "successUrl": SUCCESS_URL,
            "cancelUrl": CANCEL_URL,
        }
        return await self.mutate(SWITCH, asked | given)

    async def outcome(
        self, plan: str, cycle: str | None = None, *, token: str | None = None, **given: Any
    ) -> dict[str, Any]:
        """Return what came of choosing a plan, which was not refused."""
        payload = await self.switch(plan, cycle, token=token, **given)
        assert payload["userErrors"] == [], payload
        found: dict[str, Any] = payload["outcome"]
        return found

    async def preview(self, plan: str, cycle: str) -> dict[str, Any]:
        """Return what switching would do."""
        answer = await self.ask(ASK_PREVIEW, plan=ids.encode("Plan", plan), cycle=cycle)
        assert answer.errors == [], answer.errors
        found: dict[str, Any] = answer.data["workspace"]["planSwitchPreview"]
        return found

    async def subscribe(
        self, plan: str = "pro", cycle: str = "MONTHLY", *, number: str = CARD
    ) -> None:
        """Buy a plan on its page, and hear of it."""
        url = (await self.outcome(plan, cycle))["url"]
        await self.pay(url, number)
        await self.hear()

    async def pay(self, url: str, number: str = CARD) -> None:
        """Pay on a page, authenticating where a bank asks for it."""
        by_bank = number.startswith("000")
        named = {"account_number": number} if by_bank else {"card_number": number}
        paid = await self.browser.post(url, data={"method": "bank" if by_bank else "card"} | named)
        assert paid.status_code == httpx.codes.SEE_OTHER, paid.text
        if paid.headers["location"].endswith("/authenticate"):
            await self.browser.post(paid.headers["location"], data={"outcome": "complete"})

    async def sell(self, catalogue: str = CATALOGUE) -> None:
        """Bring a catalogue into the database and to the sandbox."""
        sold = catalog_file.parse(catalogue)
        await catalog_sync.sync(self.database, sold, payments=self.payments, now=self.now)

    async def hear(self) -> None:
        """Settle what webhooks would tell: each object that something happened to, as it is."""
        heard: dict[tuple[Subject, str], None] = {}
        page = (await self.api("GET", "/v1/events", limit="100"))["data"]
        for event in reversed(page):
            subject = _SUBJECTS.get(event["data"]["object"]["object"])
            if subject is not None:
                heard[subject, event["data"]["object"]["id"]] = None
        for subject, object_id in heard:
            story = await settlement.fetch(
                self.payments, subject, object_id, asked_at=datetime.now(UTC)
            )
            async with self.database.write() as session:
                await settlement.settle(session, story, now=self.now)

    async def state(self) -> dict[str, Any]:
        """Return what the workspace holds and has left."""
        answer = await self.ask(_STATE)
        assert answer.errors == [], answer.errors
        found: dict[str, Any] = answer.data["workspace"]
        subscription, balance = found["subscription"], found["creditBalance"]
        pending = subscription["pendingChange"]
        return {
            "plan": _plan(subscription["plan"]["id"]),
            "cycle": subscription["billingCycle"],
            "pending": pending and (_plan(pending["plan"]["id"]), pending["billingCycle"]),
            "remaining": balance["remaining"],
        }

    async def control(self, path: str, /, **given: Any) -> Any:
        """Tell the sandbox something."""
        answer = await self.browser.post(f"/_sandbox/{path}", json=given)
        return answer.raise_for_status().json()

    async def fail(self, kind: str, path: str, *, method: str = "POST", times: int = 1) -> None:
        """Let the next calls of an endpoint go wrong."""
        await self.control("faults", kind=kind, method=method, path=path, count=times)

    async def api(self, method: str, path: str, /, **params: str) -> Any:
        """Do something at Stripe that is not the gateway's to do."""
        placed: dict[str, Any] = {"data" if method == "POST" else "params": params}
        headers = {"Authorization": f"Bearer {KEY}"}
        answer = await self.browser.request(method, path, headers=headers, **placed)
        return answer.raise_for_status().json()

    async def sessions(self, status: str = "open") -> list[Any]:
        """Return the checkout pages in a state, as Stripe has them."""
        found = await self.api("GET", "/v1/checkout/sessions", limit="100", status=status)
        return list(found["data"])

    async def subscriptions(self) -> list[Any]:
        """Return the live subscriptions, as Stripe has them."""
        found = await self.api("GET", "/v1/subscriptions", limit="100")
        return [each for each in found["data"] if each["status"] != "canceled"]

    async def change_card(self, number: str) -> None:
        """Give the workspace's customer another card."""
        [subscription] = await self.subscriptions()
        await self.control(f"customers/{subscription['customer']}/card", number=number)

    async def requests(self, path: str) -> int:
        """Return how often an endpoint did something, whatever it answered."""
        answer = await self.browser.get("/_sandbox/exchanges")
        said = answer.raise_for_status().json()["exchanges"]
        asked = [row for row in said if row["method"] == "POST" and row["path"] == path]
        return sum(not row["replayed"] for row in asked)

    async def rows(self, model: type[Base]) -> list[Any]:
        """Return the rows of the workspace, oldest first."""
        table = model.__table__
        async with self.database.snapshot() as snapshot:
            found = await snapshot.all(
                select(table)
                .where(table.c.workspace_id == WORKSPACE)
                .order_by(table.c.created_at, *table.primary_key)
            )
        return list(found)

    async def drifts(self) -> list[audit.Drift]:
        """Return what an audit of the workspace finds."""
        async with self.database.snapshot() as snapshot:
            return await audit.audit(snapshot, workspace_id=WORKSPACE)

    async def later(self, **duration: float) -> "Till":
        """Return the same till later, in the sandbox too."""
        moved = replace(self, now=self.now + timedelta(**duration))
        await self.control("clock", at=int(moved.now.timestamp()))
        return moved

    async def gather(self, *asking: Any) -> list[Any]:
        """Do things at once."""
        return list(await asyncio.gather(*asking))


@asynccontextmanager
async def opened(database: Database, address: str) -> AsyncIterator[Till]:
    """Yield a till at an emptied sandbox; at its end nothing said may have left the contract."""
    account = Stripe(KEY, api_base=address)
    browser = httpx.AsyncClient(base_url=address, timeout=TIMEOUT_SECONDS, trust_env=False)
    async with browser:
        till = Till(database, StripePayments(account), browser)
        await till.control("reset")
        await till.control("clock", at=int(NOW.timestamp()), frozen=True)
        await till.api("POST", "/v1/billing_portal/configurations", **_PORTAL)
        await till.sell()
        try:
            with contract.checked(account.transport):
                yield till
        finally:
            await account.close()


def _plan(id_: str) -> str:
    return str(ids.decode(id_, "Plan").key)


_PORTAL = {
    "features[payment_method_update][enabled]": "true",
    "metadata[made_by]": "billing-gateway",
}
_SUBJECTS = {
    "checkout.session": Subject.CHECKOUT,
    "subscription": Subject.SUBSCRIPTION,
    "invoice": Subject.INVOICE,
}
