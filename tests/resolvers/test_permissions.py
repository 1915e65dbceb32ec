"""Who sees what: every field of every type, by every way to it, for everybody who may ask."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from graphql import get_named_type, is_leaf_type

from billing.access import Person, Viewer
from resolvers import ids
from tests.resolvers.surface import OBJECTS
from tests.resolvers.whole import CHECKOUT, FORMER, RIVAL_ADMIN
from tests.resolvers.world import (
    ACME,
    ADMIN,
    MEMBER,
    OLGA,
    OWNER,
    POWERLESS_SERVICE,
    SERVICE,
    STRANGER,
    World,
    workspace_id,
)

UNKNOWN = Person("nobody that the host product told us about")
"""Who has a token, and is nobody here."""

VIEWERS: dict[str, Viewer | None] = {
    "nobody": None,
    "unknown": UNKNOWN,
    "stranger": STRANGER,
    "former admin": FORMER,
    "admin of another": RIVAL_ADMIN,
    "member": MEMBER,
    "admin": ADMIN,
    "owner": OWNER,
    "service": SERVICE,
    "service without scope": POWERLESS_SERVICE,
}
REFUSALS = {"nobody": ["UNAUTHENTICATED"], "service without scope": ["SCOPE_MISSING"]}
"""Who is told that they may not ask at all; everybody else finds nothing."""

SEEN, NULL, ABSENT = "seen", "null", "absent"
"""A field that shows something, one that is there and empty, and one that cannot be reached."""


@dataclass(frozen=True, eq=False)
class Rule:
    """What each viewer finds in a field."""

    name: str
    found: Mapping[str, str]

    def __getitem__(self, viewer: str) -> str:
        """Return what a viewer finds: nothing, unless it is said."""
        return self.found.get(viewer, ABSENT)


EVERYBODY = Rule("everybody", dict.fromkeys(VIEWERS, SEEN))
READERS = Rule("readers", dict.fromkeys(("member", "admin", "owner", "service"), SEEN))
ROLES = Rule("roles", dict.fromkeys(("member", "admin", "owner"), SEEN) | {"service": NULL})
PEOPLE = Rule("people", dict.fromkeys(("admin", "owner", "service"), SEEN) | {"member": NULL})
OF_PEOPLE = Rule("of people", dict.fromkeys(("admin", "owner", "service"), SEEN))
ONESELF = Rule("oneself", {"admin": SEEN, "owner": SEEN, "service": NULL})
PERSONS = Rule(
    "persons",
    dict.fromkeys(
        ("stranger", "former admin", "admin of another", "member", "admin", "owner"), SEEN
    ),
)

OWNERS = Rule("owners", {"owner": SEEN} | dict.fromkeys(("member", "admin", "service"), NULL))
QUOTED = Rule("quoted by the payment provider, to the owner", {})
"""What costs a question to the provider has a test of its own."""

TABLE: dict[str, dict[Rule, str]] = {
    "AdminAdjustmentDetail": {READERS: "note"},
    "ApiKey": {READERS: "id name createdAt revokedAt"},
    "ApiKeyConnection": {READERS: "edges nodes pageInfo totalCount"},
    "ApiKeyEdge": {READERS: "cursor node"},
    "ChargePayment": {READERS: "lot credits"},
    "CompensationDetail": {READERS: "fromPlan toPlan fractionLeft"},
    "ConversationUsage": {
        READERS: "id conversationId title messageCount credits billingType updatedAt charges",
        PEOPLE: "user",
    },
    "ConversationUsageConnection": {READERS: "edges nodes pageInfo totalCount summary"},
    "ConversationUsageEdge": {READERS: "cursor node"},
    "ConversationUsageSummary": {READERS: "conversationCount messageCount credits"},
    "CreditAdjustment": {READERS: "id type amount balanceAfter description createdAt detail"},
    "CreditAdjustmentConnection": {READERS: "edges nodes pageInfo totalCount summary"},
    "CreditAdjustmentEdge": {READERS: "cursor node"},
    "CreditAdjustmentSummary": {READERS: "adjustmentCount granted removed net"},
    "CreditBalance": {
        READERS: "workspace remaining overdraft recurring purchased granted nextExpiry refreshesAt"
        " nextRefreshAmount lots asOf projectedDepletionAt"
    },
    "CreditExpiry": {READERS: "amount expiresAt"},
    "CreditLot": {READERS: "id kind granted remaining createdAt expiresAt adjustment"},
    "CreditLotConnection": {READERS: "edges nodes pageInfo totalCount"},
    "CreditLotEdge": {READERS: "cursor node"},
    "CreditPack": {READERS: "name credits price quantityMax"},
    "ExpirationDetail": {READERS: "reason lot"},
    "ImportUsage": {READERS: "id taskId importType importUrl credits createdAt", PEOPLE: "user"},
    "ImportUsageConnection": {READERS: "edges nodes pageInfo totalCount summary"},
    "ImportUsageEdge": {READERS: "cursor node"},
    "ImportUsageSummary": {READERS: "importCount credits"},
    "McpHttpCall": {READERS: "id callId apiKey credits createdAt", PEOPLE: "user"},
    "McpHttpCallConnection": {READERS: "edges nodes pageInfo totalCount summary"},
    "McpHttpCallEdge": {READERS: "cursor node"},
    "McpHttpCallSummary": {READERS: "callCount credits"},
    "Money": {EVERYBODY: "amountMinor currency"},
    "PackageDetail": {READERS: "plan billingCycle"},
    "PageInfo": {READERS: "hasNextPage hasPreviousPage startCursor endCursor"},
    "PaymentReversalDetail": {READERS: "kind reversed"},
    "PendingPlanChange": {READERS: "plan billingCycle effectiveAt"},
    "Plan": {
        EVERYBODY: "id name description rank kind features creditsPerRefresh refreshes prices",
    },
    "PlanOption": {READERS: "plan billingCycle price action requiresConfirmation reason"},
    "PlanSwitchPreview": {
        QUOTED: "token action plan billingCycle amountDue credits effectiveAt expiresAt"
    },
    "PlanPrice": {EVERYBODY: "billingCycle price monthlyEquivalent"},
    "PurchaseDetail": {READERS: "packs paid receiptUrl"},
    "Query": {EVERYBODY: "plans node nodes", PERSONS: "viewer", READERS: "workspace"},
    "ReferralDetail": {READERS: "stage", PEOPLE: "workspaceName"},
    "Subscription": {
        READERS: "plan billingCycle kind status currentPeriodStart currentPeriodEnd pendingChange"
    },
    "TopUpCheckout": {
        READERS: "id status packs credits price createdAt expiresAt completedAt",
        OWNERS: "url",
    },
    "UsageCharge": {READERS: "id kind messageCount credits unpaid occurredAt createdAt payments"},
    "UsageChargeConnection": {READERS: "edges nodes pageInfo totalCount"},
    "UsageChargeEdge": {READERS: "cursor node"},
    "UsageKindCredits": {READERS: "kind credits"},
    "UsagePoint": {READERS: "start end credits byKind"},
    "User": {OF_PEOPLE: "id name email", ONESELF: "workspaces"},
    "UserWorkspaceConnection": {PERSONS: "edges nodes pageInfo totalCount"},
    "UserWorkspaceEdge": {PERSONS: "cursor node role"},
    "Workspace": {
        READERS: "id name createdAt viewerPermissions subscription creditBalance creditPack"
        " planOptions apiKeys conversationUsage mcpHttpCalls importUsage creditAdjustments"
        " usageSeries",
        ROLES: "viewerRole",
        QUOTED: "planSwitchPreview",
    },
    "WorkspacePermissions": {
        READERS: "canManagePlan canBuyCredits canOpenPortal canSeeUsers",
        Rule(
            "others than the owner", {"member": SEEN, "admin": SEEN, "service": SEEN, "owner": NULL}
        ): "reason",
    },
}
"""Who sees which field of a type, when it is looked for in Acme."""

PLACES = {
    "AdminAdjustmentDetail": "creditAdjustments nodes detail@",
    "ApiKey": "apiKeys nodes",
    "ApiKeyConnection": "apiKeys",
    "ApiKeyEdge": "apiKeys edges",
    "ChargePayment": "conversationUsage nodes charges nodes payments",
    "CompensationDetail": "creditAdjustments nodes detail@",
    "ConversationUsage": "conversationUsage nodes",
    "ConversationUsageConnection": "conversationUsage",
    "ConversationUsageEdge": "conversationUsage edges",
    "ConversationUsageSummary": "conversationUsage summary",
    "CreditAdjustment": "creditAdjustments nodes",
    "CreditAdjustmentConnection": "creditAdjustments",
    "CreditAdjustmentEdge": "creditAdjustments edges",
    "CreditAdjustmentSummary": "creditAdjustments summary",
    "CreditBalance": "creditBalance",
    "CreditExpiry": "creditBalance nextExpiry",
    "CreditLot": "creditBalance lots nodes",
    "CreditLotConnection": "creditBalance lots",
    "CreditLotEdge": "creditBalance lots edges",
    "CreditPack": "creditPack",
    "ExpirationDetail": "creditAdjustments nodes detail@",
    "ImportUsage": "importUsage nodes",
    "ImportUsageConnection": "importUsage",
    "ImportUsageEdge": "importUsage edges",
    "ImportUsageSummary": "importUsage summary",
    "McpHttpCall": "mcpHttpCalls nodes",
    "McpHttpCallConnection": "mcpHttpCalls",
    "McpHttpCallEdge": "mcpHttpCalls edges",
    "McpHttpCallSummary": "mcpHttpCalls summary",
    "Money": "/plans prices price",
    "PackageDetail": "creditAdjustments nodes detail@",
    "PageInfo": "conversationUsage pageInfo",
    "PaymentReversalDetail": "creditAdjustments nodes detail@",
    "PendingPlanChange": "subscription pendingChange",
    "Plan": "/plans",
    "PlanOption": "planOptions",
    "PlanPrice": "/plans prices",
    "PurchaseDetail": "creditAdjustments nodes detail@",
    "ReferralDetail": "creditAdjustments nodes detail@",
    "Subscription": "subscription",
    "UsageCharge": "conversationUsage nodes charges nodes",
    "UsageChargeConnection": "conversationUsage nodes charges",
    "UsageChargeEdge": "conversationUsage nodes charges edges",
    "UsageKindCredits": "usageSeries byKind",
    "UsagePoint": "usageSeries",
    "User": "conversationUsage nodes user",
    "UserWorkspaceConnection": "/viewer workspaces",
    "UserWorkspaceEdge": "/viewer workspaces edges",
    "Workspace": "",
    "WorkspacePermissions": "viewerPermissions",
}
"""Where an object of each type is met: fields from Acme on, or from the root after a slash.

An `@` narrows a union to the type. What only an id leads to has no place.
"""

PLAN = ids.encode("Plan", "pro")
ARGUMENTS = {
    "Query.node": f'(id: "{PLAN}")',
    "Query.nodes": f'(ids: ["{PLAN}"])',
    "Query.workspace": f'(id: "{workspace_id()}")',
    "CreditBalance.asOf": '(at: "2026-11-10T00:00:00Z")',
    "Workspace.usageSeries": "(filterBy: {occurredAt: {quickPick: LAST_30_DAYS}})",
}
"""What a field needs to be told."""


def test_every_field_of_every_type_has_a_row_in_the_table() -> None:
    """A new field is not there before somebody has said who may see it."""
    rows = {name: sorted(_fields(name)) for name in TABLE}

    assert rows == {name: sorted(type_.fields) for name, type_ in OBJECTS.items()}
    assert PLACES.keys() == OBJECTS.keys() - {"Query", "TopUpCheckout", "PlanSwitchPreview"}


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("viewer", VIEWERS)
@pytest.mark.parametrize("type_", PLACES)
async def test_who_sees_which_field(whole_world: World, type_: str, viewer: str) -> None:
    """Each field of the type where it is met first, in Acme or at the root."""
    path = PLACES[type_]
    start = path[1:].split() if path.startswith("/") else ["workspace", *path.split()]

    answer = await whole_world.ask(_document(start, type_), VIEWERS[viewer])

    expected = {name: rule[viewer] for name, rule in _asked(type_).items()}
    assert _observed(answer.data, start, type_) == expected
    refused = REFUSALS.get(viewer, []) if start[0] == "workspace" else []
    assert answer.codes == refused


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("viewer", VIEWERS)
@pytest.mark.parametrize("root", ["node", "nodes"])
async def test_a_node_shows_what_it_shows_where_it_is_met(
    whole_world: World, root: str, viewer: str
) -> None:
    """Each field of each node of Acme, by its id."""
    for type_, id_ in (await _nodes_of_acme(whole_world)).items():
        document = _document([f"{root}@"], type_).replace(PLAN, id_)

        answer = await whole_world.ask(document, VIEWERS[viewer])

        expected = {name: rule[viewer] for name, rule in _asked(type_).items()}
        if viewer == "member" and type_ == "User":
            expected = dict.fromkeys(expected, ABSENT)
        if type_ == "User" and viewer == "admin":
            expected["workspaces"] = NULL
        assert _observed(answer.data, [f"{root}@"], type_) == expected, type_
        assert answer.codes == ([] if type_ == "Plan" else REFUSALS.get(viewer, [])), type_


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("viewer", VIEWERS)
@pytest.mark.parametrize("field", OBJECTS["Query"].fields)
async def test_who_sees_what_at_the_root(whole_world: World, field: str, viewer: str) -> None:
    """Each root field by itself; `node` and `nodes` are asked for a plan, which is public."""
    answer = await whole_world.ask(f"{{ {_selection('Query', field)} }}", VIEWERS[viewer])

    found = SEEN if answer.data and answer.data[field] else ABSENT
    assert found == _fields("Query")[field][viewer]
    assert answer.codes == (REFUSALS.get(viewer, []) if field == "workspace" else [])


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("viewer", "codes"),
    [
        ("nobody", ["UNAUTHENTICATED"]),
        ("service without scope", ["SCOPE_MISSING"]),
        ("unknown", []),
        ("stranger", []),
        ("former admin", []),
        ("admin of another", []),
        ("member", ["NOT_OWNER"]),
        ("admin", ["NOT_OWNER"]),
        ("service", ["PERSON_REQUIRED"]),
        ("owner", ["PAYMENTS_UNAVAILABLE"]),
    ],
)
async def test_only_an_owner_asks_the_payment_provider(
    whole_world: World, viewer: str, codes: list[str]
) -> None:
    """Which this world has none of; who is refused sees the rest of the workspace."""
    answer = await whole_world.ask(
        f"""query($id: ID!) {{ workspace(id: $id) {{
            name planSwitchPreview(planId: "{PLAN}", billingCycle: YEARLY) {{ token }}
        }} }}""",
        VIEWERS[viewer],
    )

    reads = READERS[viewer] == SEEN
    shown = {"name": "Acme", "planSwitchPreview": None} if reads else None
    assert answer.data == {"workspace": shown}
    assert answer.codes == codes


def _fields(type_: str) -> dict[str, Rule]:
    return {name: rule for rule, names in TABLE[type_].items() for name in names.split()}


def _asked(type_: str) -> dict[str, Rule]:
    return {name: rule for name, rule in _fields(type_).items() if rule is not QUOTED}


def _document(path: list[str], type_: str) -> str:
    """Return a document that asks for every field of the type at the end of the path."""
    types: list[Any] = [OBJECTS["Query"]]
    for step in path:
        types.append(get_named_type(types[-1].fields[step.removesuffix("@")].type))
    document = " ".join(_selection(type_, name) for name in _asked(type_))
    for parent, step in reversed([*zip(types, path, strict=False)]):
        name = step.removesuffix("@")
        if step.endswith("@"):
            document = f"... on {type_} {{ {document} }}"
        document = f"{name}{ARGUMENTS.get(f'{parent}.{name}', '')} {{ {document} }}"
    return f"{{ {document} }}"


def _selection(type_: str, field: str) -> str:
    """Return a field with what it needs to be told, and something to show."""
    leaf = is_leaf_type(get_named_type(OBJECTS[type_].fields[field].type))
    arguments = ARGUMENTS.get(f"{type_}.{field}", "")
    return f"{field}{arguments}{'' if leaf else ' { __typename }'}"


def _observed(found: Any, path: list[str], type_: str) -> dict[str, str]:
    """Return what an answer shows of each field of the type, at the end of the path."""
    objects = [each for each in _at(found, [step.removesuffix("@") for step in path]) if each]
    return {
        name: ABSENT
        if not objects
        else SEEN
        if any(each[name] not in (None, []) for each in objects)
        else NULL
        for name in _asked(type_)
    }


def _at(found: Any, path: list[str]) -> Iterator[dict[str, Any]]:
    """Yield every object at the end of a path of fields through objects and lists."""
    if isinstance(found, list):
        for each in found:
            yield from _at(each, path)
    elif found is not None and path:
        yield from _at(found[path[0]], path[1:])
    elif found is not None:
        yield found


async def _nodes_of_acme(world: World) -> dict[str, str]:
    """Return the id of a node of each type, of Acme; each of its fields has something to show."""
    found = (
        await world.answer(
            """query($id: ID!) { workspace(id: $id) {
                apiKeys(last: 1) { nodes { id __typename } }
                conversationUsage(filterBy: {search: "poster"}) { nodes {
                    id __typename charges { nodes { id __typename } } user { id __typename }
                } }
                mcpHttpCalls(first: 1) { nodes { id __typename } }
                importUsage(first: 1) { nodes { id __typename } }
                creditAdjustments(first: 1) { nodes { id __typename } }
                creditBalance { lots(last: 1) { nodes { id __typename } } }
            } }"""
        )
    )["workspace"]
    [conversation] = found["conversationUsage"]["nodes"]
    nodes = [
        *found["apiKeys"]["nodes"],
        conversation,
        *conversation["charges"]["nodes"],
        *found["mcpHttpCalls"]["nodes"],
        *found["importUsage"]["nodes"],
        *found["creditAdjustments"]["nodes"],
        *found["creditBalance"]["lots"]["nodes"],
    ]
    return {node["__typename"]: node["id"] for node in nodes} | {
        "Workspace": workspace_id(),
        "Plan": ids.encode("Plan", "pro"),
        "User": ids.encode("User", OLGA),
        "TopUpCheckout": ids.encode("TopUpCheckout", CHECKOUT, workspace_id=ACME),
    }
