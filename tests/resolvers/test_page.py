"""The whole page in one request."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from billing.access import Viewer
from billing.usage import UsageEvent
from resolvers import ids
from tests.resolvers import world as worlds
from tests.resolvers.page import PAGE
from tests.resolvers.world import (
    ACME,
    ADMIN,
    KEY,
    MEMBER,
    MIA,
    NOW,
    OWNER,
    REVOKED_KEY,
    RIVALS_KEY,
    SERVICE,
    World,
)

STATEMENTS = {
    "who asks": 1,
    "the workspace, with the viewer's role": 1,
    "the subscription": 1,
    "the catalogue": 1,
    "the credit pack": 1,
    "the balance": 1,
    "a page of each list": 4,
    "the totals of each list": 4,
    "the people of all records": 1,
    "the API keys of the calls": 1,
}


async def test_the_page_adds_up(world: World) -> None:
    """What was booked less what was charged is what remains."""
    workspace = (await world.answer(PAGE))["workspace"]

    net = workspace["creditAdjustments"]["summary"]["net"]
    lists = ("conversationUsage", "mcpHttpCalls", "importUsage")
    charged = sum(workspace[list_]["summary"]["credits"] for list_ in lists)
    assert workspace["creditBalance"]["remaining"] == net - charged == 1_241


async def test_the_page_takes_the_same_statements_for_20_and_for_100_rows(world: World) -> None:
    """The number depends on the fields that are asked for, never on the rows."""
    few = await world.ask(PAGE, first=20)
    await _fill_pages(world)
    heard = Counter[str]()
    stop = world.database.on_statement(lambda text: heard.update([text]))
    many = await world.ask(PAGE, first=100)
    stop()

    assert few.errors == many.errors == []
    assert len(many.data["workspace"]["conversationUsage"]["nodes"]) == 100
    assert len(many.data["workspace"]["mcpHttpCalls"]["nodes"]) == 100
    assert few.statements == many.statements == sum(STATEMENTS.values())
    assert heard.total() == many.statements


async def test_the_viewers_workspaces_take_one_statement_however_many_records_ask(
    world: World,
) -> None:
    """A record's user may be the viewer, who sees their own workspaces at each."""
    document = """query($id: ID!, $first: Int) { workspace(id: $id) {
        importUsage(first: $first) { nodes { user { workspaces { nodes { name } } } } }
    } }"""
    own = {"user": {"workspaces": {"nodes": [{"name": "Acme"}]}}}

    few = await world.ask(document, ADMIN, first=1)
    await _fill_pages(world)
    many = await world.ask(document, ADMIN, first=100)

    assert few.data["workspace"]["importUsage"]["nodes"] == [own]
    assert many.data["workspace"]["importUsage"]["nodes"] == [own] * 100
    assert few.statements == many.statements == len({"workspace", "list", "people", "workspaces"})


async def test_the_charges_of_many_conversations_take_one_statement(world: World) -> None:
    """And what paid for them one more, however many there are."""
    document = """query($id: ID!, $first: Int) { workspace(id: $id) {
        conversationUsage(first: $first) { nodes {
            credits charges(first: 2) { nodes { credits payments { credits lot { kind } } } }
        } }
    } }"""

    few = await world.ask(document, first=1)
    await _fill_pages(world)
    many = await world.ask(document, first=100)

    assert few.statements == many.statements == len({"workspace", "list", "charges", "payments"})
    for usage in many.data["workspace"]["conversationUsage"]["nodes"]:
        charges = usage["charges"]["nodes"]
        assert sum(charge["credits"] for charge in charges) == usage["credits"]
        for charge in charges:
            paid = sum(payment["credits"] for payment in charge["payments"])
            assert paid == charge["credits"]


async def test_many_workspaces_take_as_many_statements_as_one(world: World) -> None:
    """Their plans, balances, lists and totals are read together."""
    document = """query($first: Int) { viewer { workspaces(first: $first) { edges { role node {
        name
        subscription { plan { name } }
        creditBalance { remaining asOf(at: "2026-11-10T00:00:00Z") lots(first: 1) { nodes { id } } }
        conversationUsage(first: 2) { totalCount nodes { title } }
        apiKeys(first: 1) { nodes { name } }
        usageSeries(filterBy: {occurredAt: {quickPick: LAST_7_DAYS}}) { credits }
    } } } } }"""

    one = await world.ask(document, first=1)
    both = await world.ask(document, first=2)

    assert one.errors == both.errors == []
    names = [edge["node"]["name"] for edge in both.data["viewer"]["workspaces"]["edges"]]
    assert names == ["Acme", "Empty"]
    acme, empty = (edge["node"] for edge in both.data["viewer"]["workspaces"]["edges"])
    assert acme == one.data["viewer"]["workspaces"]["edges"][0]["node"]
    assert acme["conversationUsage"]["totalCount"] == 5
    assert empty["conversationUsage"] == {"totalCount": 0, "nodes": []}
    assert empty["creditBalance"]["asOf"] == empty["creditBalance"]["remaining"] == 0
    assert one.statements == both.statements


@pytest.mark.parametrize("viewer", [OWNER, ADMIN, MEMBER, SERVICE], ids=str)
async def test_everybody_who_may_read_sees_the_same_numbers(world: World, viewer: Viewer) -> None:
    """A role changes what is seen of people, and nothing of credits."""
    document = """query($id: ID!) { workspace(id: $id) {
        creditBalance { remaining }
        conversationUsage { summary { credits } }
    } }"""

    workspace = (await world.answer(document, viewer))["workspace"]

    assert workspace["creditBalance"]["remaining"] == 1_241
    assert workspace["conversationUsage"]["summary"]["credits"] == 155


async def test_what_nobody_asks_for_is_not_read(world: World) -> None:
    """A list's totals without its page is one statement, and so is its page without totals."""
    totals = "query($id: ID!) { workspace(id: $id) { importUsage { totalCount } } }"
    page = "query($id: ID!) { workspace(id: $id) { importUsage { nodes { taskId } } } }"
    heard: list[str] = []

    stop = world.database.on_statement(heard.append)
    await world.answer(totals)
    await world.answer(page)
    stop()

    assert [text for text in heard if "count(*)" in text and "import_url" in text] == []
    assert ["count(*)" in text for text in heard] == [False, True, False, False]
    assert "import_url" not in heard[3]


async def test_any_number_of_api_keys_is_one_statement_to_prepare(world: World) -> None:
    """Its text does not grow with the keys that a list is filtered by."""
    document = """query($id: ID!, $keys: [ID!]) { workspace(id: $id) {
        mcpHttpCalls(filterBy: {apiKeyIds: $keys}) { totalCount }
    } }"""
    keys = [ids.encode("ApiKey", key, workspace_id=ACME) for key in (KEY, REVOKED_KEY, RIVALS_KEY)]
    heard: list[str] = []

    stop = world.database.on_statement(heard.append)
    two = await world.answer(document, keys=keys[:2])
    three = await world.answer(document, keys=keys)
    stop()

    assert two == three
    assert heard[:2] == heard[2:]


async def _fill_pages(world: World) -> None:
    """Add 120 conversations of two charges, 120 calls and 120 imports."""
    made: list[Callable[[str], UsageEvent]] = [
        lambda name: worlds.conversation(name, at=NOW - timedelta(minutes=2), amount=1),
        lambda name: worlds.conversation(name, at=NOW, amount=1, event="second", by=MIA),
        lambda name: worlds.call(name, amount=1),
        lambda name: worlds.job(name, amount=1),
    ]
    events = [make(f"more{number}") for make in made for number in range(120)]
    await worlds.record(world.database, ACME, events)
