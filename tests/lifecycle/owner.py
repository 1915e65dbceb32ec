"""A workspace and its owner: what they ask of the gateway, and what it tells them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import UUID

from resolvers import ids
from tests.lifecycle.graphql import Client

SUCCESS_URL = "https://app.test/billing/done"
CANCEL_URL = "https://app.test/billing"

OUTCOME = """
    outcome {
        __typename
        ... on PlanSwitched { effectiveAt }
        ... on PlanSwitchScheduled { effectiveAt }
        ... on PlanCheckoutRequired { url }
        ... on PlanSwitchPaymentRequired { url expiresAt }
        ... on PlanSwitchConfirmationRequired {
            preview { token action amountDue { amountMinor } credits effectiveAt }
        }
    }
"""
TOP_UP = "topUpCheckout { id status packs credits url }"

_STATE = """
query ($id: ID!) {
  workspace(id: $id) {
    subscription {
      plan { id } billingCycle kind status currentPeriodStart currentPeriodEnd
      pendingChange { plan { id } billingCycle effectiveAt }
    }
    creditBalance { remaining overdraft recurring purchased granted refreshesAt }
  }
}
"""
_ADJUSTMENTS = """
query ($id: ID!, $after: String) {
  workspace(id: $id) {
    creditAdjustments(first: 100, after: $after, orderBy: {field: CREATED_AT, direction: ASC}) {
      nodes { type amount detail { __typename } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""


@dataclass
class State:
    """What a workspace holds and has left."""

    plan: str
    cycle: str | None
    status: str
    period_start: str
    period_end: str | None
    pending: tuple[str, str | None] | None
    remaining: int
    overdraft: int
    recurring: int
    purchased: int


Entry = tuple[str, int]
"""The type of an adjustment, and its amount."""


@dataclass
class Owner:
    """A person who owns a workspace."""

    client: Client
    workspace_id: str
    success_url: str = SUCCESS_URL
    cancel_url: str = CANCEL_URL
    keys: Iterator[int] = field(default_factory=count)

    @property
    def key(self) -> UUID:
        """The workspace's own id."""
        return UUID(str(ids.decode(self.workspace_id, "Workspace").key))

    def fresh_key(self) -> str:
        """Return an idempotency key that was not used before."""
        return f"{self.key}-{next(self.keys)}"

    async def switch(
        self,
        plan: str,
        cycle: str | None = None,
        *,
        token: str | None = None,
        key: str | None = None,
    ) -> dict[str, Any]:
        """Choose a plan; return the payload."""
        asked = {
            "workspaceId": self.workspace_id,
            "planId": plan_id(plan),
            "billingCycle": cycle,
            "previewToken": token,
            "successUrl": self.success_url,
            "cancelUrl": self.cancel_url,
            "idempotencyKey": key or self.fresh_key(),
        }
        given = {name: value for name, value in asked.items() if value is not None}
        return await self.client.mutate("switchPlan", OUTCOME, **given)

    async def outcome(
        self, plan: str, cycle: str | None = None, *, token: str | None = None
    ) -> dict[str, Any]:
        """Choose a plan, which must not be refused; return what becomes of it."""
        payload = await self.switch(plan, cycle, token=token)
        assert payload["userErrors"] == [], payload
        found: dict[str, Any] = payload["outcome"]
        return found

    async def confirmed(self, plan: str, cycle: str) -> dict[str, Any]:
        """Choose a plan, and confirm what is shown; return what becomes of it."""
        shown = await self.outcome(plan, cycle)
        assert shown["__typename"] == "PlanSwitchConfirmationRequired", shown
        return await self.outcome(plan, cycle, token=shown["preview"]["token"])

    async def undo(self, *, key: str | None = None) -> dict[str, Any]:
        """Cancel the change that is to come; return the payload."""
        return await self.client.mutate(
            "cancelPendingPlanChange",
            "workspace { id }",
            workspaceId=self.workspace_id,
            idempotencyKey=key or self.fresh_key(),
        )

    async def top_up(self, packs: int = 1, *, key: str | None = None) -> dict[str, Any]:
        """Ask for a page to buy packs on; return the payload."""
        return await self.client.mutate(
            "createTopUpCheckout",
            TOP_UP,
            workspaceId=self.workspace_id,
            packs=packs,
            successUrl=self.success_url,
            cancelUrl=self.cancel_url,
            idempotencyKey=key or self.fresh_key(),
        )

    async def open_portal(self) -> dict[str, Any]:
        """Open the customer portal; return the payload."""
        return await self.client.mutate(
            "createCustomerPortalSession",
            "url",
            workspaceId=self.workspace_id,
            returnUrl=self.cancel_url,
        )

    async def portal(self) -> str:
        """Return the address of the customer portal."""
        payload = await self.open_portal()
        assert payload["userErrors"] == [], payload
        url: str = payload["url"]
        return url

    async def checkout_status(self, checkout_id: str) -> str:
        """Return how far a purchase of packs has come."""
        document = "query ($id: ID!) { node(id: $id) { ... on TopUpCheckout { status } } }"
        status: str = (await self.client.ask(document, id=checkout_id))["node"]["status"]
        return status

    async def state(self) -> State:
        """Return what the workspace holds and has left."""
        found = (await self.client.ask(_STATE, id=self.workspace_id))["workspace"]
        subscription, balance = found["subscription"], found["creditBalance"]
        pending = subscription["pendingChange"]
        return State(
            plan=plan_of(subscription["plan"]["id"]),
            cycle=subscription["billingCycle"],
            status=subscription["status"],
            period_start=subscription["currentPeriodStart"],
            period_end=subscription["currentPeriodEnd"],
            pending=pending and (plan_of(pending["plan"]["id"]), pending["billingCycle"]),
            remaining=balance["remaining"],
            overdraft=balance["overdraft"],
            recurring=balance["recurring"],
            purchased=balance["purchased"],
        )

    async def adjustments(self) -> list[Entry]:
        """Return every adjustment, oldest first."""
        found: list[Entry] = []
        after = None
        while True:
            answer = await self.client.ask(_ADJUSTMENTS, id=self.workspace_id, after=after)
            page = answer["workspace"]["creditAdjustments"]
            found += [(node["type"], node["amount"]) for node in page["nodes"]]
            if not page["pageInfo"]["hasNextPage"]:
                return found
            after = page["pageInfo"]["endCursor"]


def plan_id(plan: str) -> str:
    """Return the global id of a plan."""
    return ids.encode("Plan", plan)


def plan_of(global_id: str) -> str:
    """Return the plan that a global id names."""
    return str(ids.decode(global_id, "Plan").key)


def of_type(entries: Sequence[Entry], *types: str) -> list[int]:
    """Return the amounts of the adjustments of these types."""
    return [amount for type_, amount in entries if type_ in types]
