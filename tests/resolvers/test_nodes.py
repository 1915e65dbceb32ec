"""Anything by its id: the same thing as in its list, and as many as are asked for."""

from typing import Any

import pytest
from sqlalchemy import AsyncAdaptedQueuePool

from resolvers import ids
from resolvers.ids import IDS_MAX
from tests.resolvers import world as worlds
from tests.resolvers.world import ACME, OLGA, RIVAL, World, workspace_id

FIELDS = {
    "Workspace": "name createdAt viewerRole creditBalance { remaining }",
    "User": "name email",
    "Plan": "name rank prices { billingCycle price { amountMinor } }",
    "ApiKey": "name createdAt revokedAt",
    "ConversationUsage": """
        conversationId title messageCount credits billingType updatedAt user { name }
        charges { nodes { id } }
    """,
    "McpHttpCall": "callId credits createdAt apiKey { name } user { name }",
    "ImportUsage": "taskId importType importUrl credits createdAt user { name }",
    "CreditAdjustment": "type amount balanceAfter description createdAt detail { __typename }",
    "CreditLot": "kind granted remaining createdAt expiresAt adjustment { id amount }",
    "UsageCharge": """
        usage: kind messageCount credits unpaid occurredAt createdAt
        payments { credits lot { id remaining } }
    """,
}
"""What is asked of a node of each type, but for its id."""

EVERYWHERE = """
query($id: ID!) {
  viewer { ...Asked }
  plans { ...Asked }
  workspace(id: $id) {
    ...Asked
    apiKeys { nodes { ...Asked } }
    conversationUsage { nodes { ...Asked sheet: charges { nodes { ...Asked } } } }
    mcpHttpCalls { nodes { ...Asked } }
    importUsage { nodes { ...Asked } }
    creditAdjustments { nodes { ...Asked } }
    balance: creditBalance { lots { nodes { ...Asked } } }
  }
}
"""

ASKED = "fragment Asked on Node { id __typename " + "".join(
    f"... on {type_} {{ {fields} }} " for type_, fields in FIELDS.items()
)
ASKED += "}"

NODES = "query($ids: [ID!]!) { nodes(ids: $ids) { ...Asked } } "
NAMES = "query($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }"


async def test_a_node_is_what_it_is_in_its_list(shared_world: World) -> None:
    """Each type, with all of its fields: a client may fetch again what it holds."""
    met = nodes_of(await shared_world.answer(EVERYWHERE + ASKED))

    ids_ = list(met)
    fetched = [
        node
        for start in range(0, len(ids_), IDS_MAX)
        for node in (await shared_world.answer(NODES + ASKED, ids=ids_[start : start + IDS_MAX]))[
            "nodes"
        ]
    ]

    assert {node["__typename"] for node in fetched} == set(FIELDS)
    for node in fetched:
        assert met[node["id"]] | node == met[node["id"]]


async def test_nodes_are_in_the_order_of_their_ids(shared_world: World) -> None:
    """Twice if they are asked for twice; null where there is nothing."""
    acme, nothing = workspace_id(), ids.encode("User", ACME)
    plan = ids.encode("Plan", "pro")

    found = (await shared_world.answer(NAMES, ids=[plan, nothing, acme, plan]))["nodes"]

    assert [node and node["id"] for node in found] == [plan, None, acme, plan]


async def test_no_ids_give_no_nodes(shared_world: World) -> None:
    """Without any statement."""
    answer = await shared_world.ask(NAMES, ids=[])

    assert answer.data == {"nodes": []}
    assert answer.statements == 0


@pytest.mark.usefixtures("quiet")
async def test_an_id_that_is_none_fails_alone(shared_world: World) -> None:
    """Its error is at its place, and the other nodes are there."""
    answer = await shared_world.ask(
        NAMES, ids=[workspace_id(), "nonsense", ids.encode("Plan", "pro")]
    )

    names = [node and node["__typename"] for node in answer.data["nodes"]]
    assert names == ["Workspace", None, "Plan"]
    assert [(error.code, error.path) for error in answer.errors] == [("INVALID_ID", ("nodes", 1))]


async def test_there_is_a_most_of_ids(shared_world: World) -> None:
    """One more is refused as a whole, before anything is read."""
    most = await shared_world.ask(NAMES, ids=[workspace_id()] * IDS_MAX)
    too_many = await shared_world.ask(NAMES, ids=[workspace_id()] * (IDS_MAX + 1))

    assert len(most.data["nodes"]) == IDS_MAX
    assert most.statements == 1
    assert too_many.codes == ["TOO_MANY_IDS"]
    assert too_many.data is None
    assert too_many.statements == 0


async def test_many_nodes_take_as_many_statements_as_one_of_each_type(world: World) -> None:
    """A statement for the workspace, and one for the rows of each type."""
    await worlds.record(
        world.database,
        ACME,
        [
            event
            for number in range(20)
            for event in (
                worlds.conversation(f"n{number}"),
                worlds.call(f"n{number}"),
                worlds.job(f"n{number}"),
            )
        ],
    )
    listed = await world.answer(
        """query($id: ID!) { workspace(id: $id) {
            conversationUsage(first: 20) { nodes { id } }
            mcpHttpCalls(first: 20) { nodes { id } }
            importUsage(first: 20) { nodes { id } }
        } }"""
    )
    each = [[node["id"] for node in list_["nodes"]] for list_ in listed["workspace"].values()]
    types = {"workspace", "conversations", "calls", "imports"}

    few = await world.ask(NAMES, ids=[list_[0] for list_ in each])
    many = await world.ask(NAMES, ids=[id_ for list_ in each for id_ in list_])

    assert None not in few.data["nodes"] + many.data["nodes"]
    assert few.statements == many.statements == len(types)


async def test_a_plan_that_is_no_longer_sold_is_still_a_node(shared_world: World) -> None:
    """Workspaces may still hold it; the catalogue does not show it."""
    legacy = ids.encode("Plan", "legacy")

    found = await shared_world.answer(
        "query($id: ID!) { node(id: $id) { id } plans { id } }", id=legacy
    )

    assert found["node"] == {"id": legacy}
    assert {"id": legacy} not in found["plans"]


@pytest.mark.parametrize("key", [OLGA, RIVAL], ids=["a person", "another workspace"])
async def test_an_id_says_what_it_is_of(shared_world: World, key: Any) -> None:
    """The key of something else is the key of nothing."""
    found = await shared_world.answer(
        "query($id: ID!) { node(id: $id) { id } }",
        id=ids.encode("ApiKey", key, workspace_id=ACME),
    )

    assert found == {"node": None}


@pytest.mark.usefixtures("quiet")
async def test_a_field_that_fails_takes_no_answer_from_those_that_share_it(
    shared_world: World,
) -> None:
    """Its siblings are given up, while the same answers are still awaited elsewhere."""
    shared = (
        "creditBalance { remaining nextRefreshAmount } creditPack { name } planOptions { action }"
    )
    document = f"""query($id: ID!) {{
        failing: workspace(id: $id) {{
            {shared} conversationUsage {{ totalCount }}
            usageSeries(filterBy: {{occurredAt: {{range: {{}}}}}}) {{ credits }}
        }}
        sharing: workspace(id: $id) {{ {shared} conversationUsage {{ totalCount }} }}
    }}"""

    answer = await shared_world.ask(document)

    assert answer.data["failing"] is None
    assert answer.data["sharing"]["creditBalance"] == {"remaining": 1_241, "nextRefreshAmount": 500}
    assert answer.data["sharing"]["conversationUsage"]["totalCount"] == 5
    assert [(error.code, error.path) for error in answer.errors] == [
        ("PERIOD_OPEN", ("failing", "usageSeries"))
    ]


@pytest.mark.usefixtures("quiet")
async def test_a_series_that_is_refused_leaves_the_others_alone(
    shared_world: World,
) -> None:
    """They are read together, but only one of them asks for too much."""
    document = """query($id: ID!, $start: DateTime!) {
        good: workspace(id: $id) { usageSeries(filterBy: {occurredAt: {quickPick: LAST_7_DAYS}}) {
            credits
        } }
        bad: workspace(id: $id) { usageSeries(filterBy: {occurredAt: {range: {from: $start}}}) {
            credits
        } }
    }"""

    answer = await shared_world.ask(document, start="2000-01-01T00:00:00Z")

    assert len(answer.data["good"]["usageSeries"]) == 7
    assert answer.data["bad"] is None
    assert answer.codes == ["TOO_MANY_BUCKETS"]


@pytest.mark.usefixtures("quiet")
async def test_an_operation_that_fails_gives_its_connection_back(
    world: World,
) -> None:
    """However early it failed, and with whatever still under way."""
    document = """query($id: ID!) { workspace(id: $id) {
        creditBalance { remaining asOf(at: "2026-11-10T00:00:00Z") lots { nodes { id } } }
        conversationUsage(first: -1) { totalCount }
    } }"""
    pool = world.database.engine.pool
    assert isinstance(pool, AsyncAdaptedQueuePool)

    for _ in range(pool.size() + 1):
        assert (await world.ask(document)).codes == ["PAGE_SIZE_OUT_OF_RANGE"]

    assert pool.checkedout() == 0


def nodes_of(found: Any) -> dict[str, dict[str, Any]]:
    """Return every node of an answer, by its id; the same one must be the same everywhere."""
    met: dict[str, dict[str, Any]] = {}
    unread = [found]
    while unread:
        each = unread.pop()
        if isinstance(each, list):
            unread += each
        elif isinstance(each, dict):
            unread += each.values()
            if "__typename" in each and "id" in each:
                met[each["id"]] = met.get(each["id"], {}) | each
    return met
