"""The operations of docs/plans-and-purchases.md, run as they stand there, in a life's order."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from graphql import OperationDefinitionNode, build_schema, parse
from graphql.type import GraphQLUnionType

from tests.lifecycle.cards import ALWAYS_AUTHENTICATED, DECLINED_WHEN_CHARGED, PAID
from tests.lifecycle.catalogue import PACK_CREDITS
from tests.lifecycle.graphql import codes
from tests.lifecycle.owner import CANCEL_URL, SUCCESS_URL, Owner, plan_id
from tests.lifecycle.world import World

ROOT = Path(__file__).parents[2]
RETURNS = {"successUrl": SUCCESS_URL, "cancelUrl": CANCEL_URL}
PAGE = (ROOT / "docs" / "plans-and-purchases.md").read_text(encoding="utf-8")


@dataclass
class Guide:
    """The guide's operations by name, and an owner who does what it says; `run` are those done."""

    owner: Owner
    documents: dict[str, str]
    run: set[str] = field(default_factory=set)

    async def ask(self, name: str, **variables: Any) -> Any:
        """Run an operation; return its one field."""
        self.run.add(name)
        [found] = (await self.owner.client.ask(self.documents[name], **variables)).values()
        return found

    async def page(self) -> Any:
        """Return what the page shows."""
        return await self.ask("PlansPage", id=self.owner.workspace_id)

    async def do(self, name: str, **given: Any) -> Any:
        """Run a mutation for the workspace, under a key of its own unless one is given."""
        asked = {"workspaceId": self.owner.workspace_id} | given
        if name != "OpenPortal":
            asked = {"idempotencyKey": self.owner.fresh_key()} | asked
        return await self.ask(name, input=asked)

    async def choose(self, plan: str, cycle: str | None = None, **given: Any) -> Any:
        """Choose a plan, with addresses to return to."""
        chosen = {"planId": plan_id(plan), "billingCycle": cycle}
        return await self.do("ChoosePlan", **chosen, **RETURNS, **given)

    async def confirm(self, plan: str, cycle: str) -> tuple[Any, int]:
        """Choose a plan, and again with the token of what is shown, under the same key.

        Return the payload, and the credits that were shown.
        """
        key = self.owner.fresh_key()
        shown = await self.choose(plan, cycle, idempotencyKey=key)
        assert shown["outcome"]["__typename"] == "PlanSwitchConfirmationRequired", shown
        preview = shown["outcome"]["preview"]
        payload = await self.choose(plan, cycle, previewToken=preview["token"], idempotencyKey=key)
        return payload, preview["credits"]

    @asynccontextmanager
    async def followed(self, name: str, **variables: Any) -> AsyncIterator[AsyncIterator[Any]]:
        """Run a subscription over server-sent events; yield the values of its one field."""
        self.run.add(name)
        client = self.owner.client
        headers = {"Authorization": f"Bearer {client.token}", "Accept": "text/event-stream"}
        body = {"query": self.documents[name], "variables": variables}
        streaming = client.http.stream("POST", "/graphql", json=body, headers=headers)
        async with streaming as answer:
            yield _values(answer)


async def test_every_operation_of_the_guide_does_what_it_says(world: World) -> None:
    """From Free to paid, up, down, back, declined, authenticated; packs, followed; the portal."""
    owner = await world.owner()
    guide = Guide(owner, _operations())
    outcomes = {await _buys_a_plan(world, guide), *await _switches(guide)}
    await _buys_credits(world, guide)
    outcomes.add(await _pays_with_other_cards(world, guide))
    portal = await guide.do("OpenPortal", returnUrl=CANCEL_URL)
    assert (portal["url"] is None, codes(portal)) == (False, [])

    assert guide.run == {*guide.documents}
    assert outcomes | {"PlanSwitchConfirmationRequired"} == _outcomes()


def test_the_guide_tells_what_every_outcome_and_status_means() -> None:
    """And of none that there is not."""
    schema = build_schema((ROOT / "schema.graphql").read_text(encoding="utf-8"))
    told = {*re.findall(r"(?m)^\| `(\w+)` \|", PAGE)}

    for name in ("PlanOptionAction", "CheckoutStatus"):
        values = {*schema.type_map[name].values}  # type: ignore[attr-defined]  # an enum has them
        assert values <= told, name
    assert {name for name in told if name.startswith("Plan")} == _outcomes()


async def _buys_a_plan(world: World, guide: Guide) -> str:
    before = await guide.page()
    actions = {option["action"] for option in before["planOptions"]}
    assert (before["creditPack"], actions) == (None, {"CURRENT", "CHECKOUT"})

    bought = await guide.choose("starter", "MONTHLY")
    assert (await guide.choose("starter", "MONTHLY"))["outcome"] == bought["outcome"]
    await world.sandbox.pay(bought["outcome"]["url"], PAID)
    await world.settled()

    assert (await guide.page())["subscription"]["plan"]["name"] == "Starter"
    return str(bought["outcome"]["__typename"])


async def _switches(guide: Guide) -> set[str]:
    """Switch up and down, undo that; back to Free, undo that."""
    asked = {"planId": plan_id("pro"), "billingCycle": "MONTHLY"}
    preview = await guide.ask("PlanPreview", id=guide.owner.workspace_id, **asked)
    assert preview["planSwitchPreview"]["action"] == "UPGRADE_NOW"
    before = (await guide.page())["creditBalance"]["remaining"]

    up, credits_ = await guide.confirm("pro", "MONTHLY")
    workspace = up["workspace"]
    assert workspace["subscription"]["plan"]["name"] == "Pro"
    assert workspace["creditBalance"]["remaining"] == before + credits_

    down, _ = await guide.confirm("starter", "MONTHLY")
    free = await guide.choose("free")
    for payload, plan in ((down, "Starter"), (free, "Free")):
        subscription = payload["workspace"]["subscription"]
        assert (subscription["plan"]["name"], subscription["pendingChange"]["plan"]["name"]) == (
            "Pro",
            plan,
        )
    undone = await guide.do("UndoPlanChange")
    assert undone["workspace"]["subscription"] == {"plan": {"name": "Pro"}, "pendingChange": None}
    assert codes(await guide.do("UndoPlanChange")) == ["NO_PENDING_CHANGE"]
    return {payload["outcome"]["__typename"] for payload in (up, down, free)}


async def _buys_credits(world: World, guide: Guide) -> None:
    """Follow a purchase until it is paid, and ask for it."""
    before = await guide.page()
    packs = before["creditPack"]["quantityMax"]
    refused = await guide.do("BuyCredits", packs=packs + 1, **RETURNS)
    bought = (await guide.do("BuyCredits", packs=2, **RETURNS))["topUpCheckout"]

    async with guide.followed("PurchaseChanged", id=bought["id"]) as values:
        first = await anext(values)
        await world.sandbox.pay(bought["url"], PAID)
        async for last in values:
            if last["status"] == "COMPLETED":
                break

    assert codes(refused) == ["PACKS_OUT_OF_RANGE"]
    assert (first["status"], last["credits"]) == ("OPEN", 2 * PACK_CREDITS)
    assert await guide.ask("Purchase", id=bought["id"]) == last
    after = await guide.page()
    assert after["creditBalance"]["purchased"] == 2 * PACK_CREDITS


async def _pays_with_other_cards(world: World, guide: Guide) -> str:
    """Be declined, then be asked by the bank; a change that was to come is undone by the second."""
    customer, _ = await world.sandbox.customer()
    await guide.choose("free")
    await world.sandbox.control(f"customers/{customer}/card", number=DECLINED_WHEN_CHARGED)
    declined, _ = await guide.confirm("pro", "YEARLY")
    assert codes(declined) == ["PAYMENT_DECLINED"]
    assert (await guide.page())["subscription"]["pendingChange"]["plan"]["name"] == "Free"

    await world.sandbox.control(f"customers/{customer}/card", number=ALWAYS_AUTHENTICATED)
    required, _ = await guide.confirm("pro", "YEARLY")
    assert (await guide.page())["subscription"]["pendingChange"] is None
    await world.sandbox.click(required["outcome"]["url"], "authenticate", outcome="complete")
    await world.settled()
    assert (await guide.page())["subscription"]["billingCycle"] == "YEARLY"
    return str(required["outcome"]["__typename"])


async def _values(answer: httpx.Response) -> AsyncIterator[Any]:
    async for line in answer.aiter_lines():
        if line.startswith("data: {"):
            [value] = json.loads(line.removeprefix("data: "))["data"].values()
            yield value


def _operations() -> dict[str, str]:
    documents = {}
    for text in re.findall(r"(?ms)^```graphql\n(.*?)^```$", PAGE):
        [operation] = parse(text).definitions
        assert isinstance(operation, OperationDefinitionNode)
        assert operation.name is not None
        documents[operation.name.value] = text
    return documents


def _outcomes() -> set[str]:
    schema = build_schema((ROOT / "schema.graphql").read_text(encoding="utf-8"))
    union = schema.type_map["SwitchPlanOutcome"]
    assert isinstance(union, GraphQLUnionType)
    return {type_.name for type_ in union.types}
