"""Nothing of one workspace is seen from another, and nothing tells that there is something."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from billing.access import Person, Viewer
from models.usage import ConversationUsage, ImportUsage, McpHttpCall
from models.workspace import Membership
from resolvers import ids
from tests.resolvers import busy
from tests.resolvers import world as worlds
from tests.resolvers.whole import CHECKOUT, FAY, FORMER, RITA, RIVAL_ADMIN
from tests.resolvers.world import (
    ACME,
    ADAM,
    ADMIN,
    EMPTY,
    KEY,
    MEMBER,
    MIA,
    NOW,
    OLGA,
    OWNER,
    RIVAL,
    RIVALS_KEY,
    SAM,
    SERVICE,
    STRANGER,
    Answer,
    World,
    workspace_id,
)

NOBODY = UUID("00000000000070008000000000000999")
"""The key of nothing."""

NODE = "query($id: ID!) { node(id: $id) { id } }"
NODES = "query($id: ID!) { nodes(ids: [$id]) { id } }"
WORKSPACE = "query($id: ID!) { workspace(id: $id) { id name } }"

_BACK = 'successUrl: "https://shop.example/", cancelUrl: "https://shop.example/"'
OWNERS_MUTATIONS = {
    name: f'{name}(input: {{workspaceId: $id, idempotencyKey: "key", {said}}})'
    for name, said in {
        "switchPlan": 'planId: "UGxhbjpwcm8", billingCycle: MONTHLY',
        "cancelPendingPlanChange": "",
        "createTopUpCheckout": f"packs: 1, {_BACK}",
    }.items()
} | {
    "createCustomerPortalSession": (
        'createCustomerPortalSession(input: {workspaceId: $id, returnUrl: "https://shop.example/"})'
    )
}
"""Every mutation that is an owner's, of the workspace `$id`."""

EVERYTHING = """
query($id: ID!) {
  workspace(id: $id) {
    id
    apiKeys { nodes { id } }
    conversationUsage(first: 100) { nodes {
      id user { id } charges { nodes { id payments { lot { id adjustment { id } } } } }
    } }
    mcpHttpCalls(first: 100) { nodes { id user { id } apiKey { id } } }
    importUsage(first: 100) { nodes { id user { id } } }
    creditBalance { lots { nodes { id adjustment { id } } } }
    creditAdjustments(first: 100) { nodes {
      id
      detail {
        ... on ExpirationDetail { lot { id adjustment { id } } }
        ... on PaymentReversalDetail { reversed { id } }
        ... on ReferralDetail { workspaceName }
      }
    } }
  }
}
"""


ENTRIES = {"CreditAdjustment": 3, "CreditLot": 3, "UsageCharge": 9}
SHARED_KEYS = {*ENTRIES, "TopUpCheckout"}
THINGS = {
    "ApiKey": RIVALS_KEY,
    "ConversationUsage": ConversationUsage,
    "ImportUsage": ImportUsage,
    "McpHttpCall": McpHttpCall,
    "TopUpCheckout": CHECKOUT,
    **ENTRIES,
}
"""A thing of Rival of each type: its key, or the table that holds it.

Those of `SHARED_KEYS` are keys of a thing of Acme too.
"""

OUTSIDERS = {
    "the owner of another": OWNER,
    "a member of another": MEMBER,
    "the admin of another": RIVAL_ADMIN,
    "who has left another": FORMER,
}


async def key_of(world: World, type_: str) -> Any:
    """Return the key of Rival's thing."""
    key: Any = THINGS[type_]
    if isinstance(key, type):
        [row] = await busy.rows_of(world.database, key, RIVAL)
        return row.id
    return key


async def heard(
    world: World, document: str, viewer: Viewer | None, **variables: Any
) -> tuple[Answer, list[str]]:
    """Return the answer of an operation, and the statements that it took."""
    statements: list[str] = []
    stop = world.database.on_statement(statements.append)
    answer = await world.ask(document, viewer, **variables)
    stop()
    return answer, statements


@pytest.mark.parametrize("document", [NODE, NODES], ids=["node", "nodes"])
@pytest.mark.parametrize("viewer", OUTSIDERS.values(), ids=OUTSIDERS)
@pytest.mark.parametrize("type_", THINGS)
async def test_what_is_not_yours_is_like_what_does_not_exist(
    whole_world: World, type_: str, viewer: Viewer, document: str
) -> None:
    """The same answer, by the same statements; who may see it finds it."""
    key = await key_of(whole_world, type_)
    nothing: Any = 999 if isinstance(key, int) else NOBODY
    there = ids.encode(type_, key, workspace_id=RIVAL)

    theirs = await heard(whole_world, document, viewer, id=there)
    missing = await heard(
        whole_world, document, viewer, id=ids.encode(type_, nothing, workspace_id=RIVAL)
    )
    nowhere = await heard(
        whole_world, document, viewer, id=ids.encode(type_, key, workspace_id=NOBODY)
    )
    found = await whole_world.answer(document, STRANGER, id=there)

    assert theirs == missing == nowhere
    assert theirs[0].errors == []
    assert list(ids_in(theirs[0].data)) == []
    assert list(ids_in(found)) == [there]


@pytest.mark.parametrize("document", [WORKSPACE, NODE, NODES], ids=["workspace", "node", "nodes"])
@pytest.mark.parametrize("viewer", OUTSIDERS.values(), ids=OUTSIDERS)
async def test_a_workspace_that_is_not_yours_is_like_none(
    whole_world: World, viewer: Viewer, document: str
) -> None:
    """The same answer, by the same statement; also for who has left it."""
    theirs = await heard(whole_world, document, viewer, id=workspace_id(RIVAL))
    none = await heard(whole_world, document, viewer, id=workspace_id(NOBODY))

    assert theirs == none
    assert theirs[0].errors == []
    assert theirs[0].statements == 1
    assert list(ids_in(theirs[0].data)) == []


@pytest.mark.parametrize("mutation", OWNERS_MUTATIONS.values(), ids=OWNERS_MUTATIONS)
@pytest.mark.parametrize(
    "viewer", [each for each in OUTSIDERS.values() if isinstance(each, Person)], ids=str
)
async def test_a_mutation_tells_nothing_of_a_workspace_that_is_not_yours(
    whole_world: World, viewer: Viewer, mutation: str
) -> None:
    """It is refused to the letter as that of none is, by the same statement."""
    document = f"mutation($id: ID!) {{ {mutation} {{ userErrors {{ code message path }} }} }}"

    theirs = await heard(whole_world, document, viewer, id=workspace_id(RIVAL))
    none = await heard(whole_world, document, viewer, id=workspace_id(NOBODY))

    assert theirs == none
    assert len(theirs[1]) == 1
    [[refusal]] = [payload["userErrors"] for payload in theirs[0].data.values()]
    assert refusal["code"] == "WORKSPACE_NOT_FOUND"
    assert refusal["path"] == ["input", "workspaceId"]


@pytest.mark.parametrize("type_", sorted(THINGS.keys() - SHARED_KEYS))
async def test_a_key_of_another_workspace_is_none_of_ones_own(
    whole_world: World, type_: str
) -> None:
    """An id can be written by anybody: what it is of is looked for in its own workspace alone."""
    key = await key_of(whole_world, type_)
    forged = await heard(whole_world, NODE, OWNER, id=ids.encode(type_, key, workspace_id=ACME))
    unknown = await heard(whole_world, NODE, OWNER, id=ids.encode(type_, NOBODY, workspace_id=ACME))

    assert forged == unknown
    assert forged[0].data == {"node": None}


@pytest.mark.parametrize(
    ("viewer", "seen"),
    [
        pytest.param(OWNER, [OLGA, ADAM, MIA, FAY, SAM], id="owner"),
        pytest.param(ADMIN, [OLGA, ADAM, MIA, FAY], id="admin"),
        pytest.param(MEMBER, [MIA], id="member"),
        pytest.param(FORMER, [FAY], id="who has left"),
        pytest.param(RIVAL_ADMIN, [MIA, FAY, RITA], id="admin of another"),
        pytest.param(STRANGER, [SAM], id="stranger"),
        pytest.param(SERVICE, [OLGA, ADAM, MIA, SAM, FAY, RITA], id="service"),
    ],
)
async def test_people_are_seen_by_those_who_manage_them(
    whole_world: World, viewer: Viewer, seen: list[UUID]
) -> None:
    """Oneself, and as owner or admin who is or was in a workspace with one; no more is told."""
    everybody = [OLGA, ADAM, MIA, SAM, FAY, RITA]

    for user in everybody:
        id_ = ids.encode("User", user)
        theirs = await heard(whole_world, NODE, viewer, id=id_)
        nobody = await heard(whole_world, NODE, viewer, id=ids.encode("User", NOBODY))

        if user in seen:
            assert theirs[0].data == {"node": {"id": id_}}
        else:
            assert theirs == nobody
            assert theirs[0].data == {"node": None}
            assert theirs[0].errors == []


@pytest.mark.parametrize(
    ("viewer", "workspace"), [(OWNER, ACME), (STRANGER, RIVAL)], ids=["acme", "rival"]
)
async def test_everything_that_a_workspace_leads_to_is_its_own(
    whole_world: World, viewer: Viewer, workspace: UUID
) -> None:
    """Whatever is followed: charges, lots, adjustments and what they reverse, keys, people."""
    people = {ACME: {OLGA, ADAM, MIA, FAY}, RIVAL: {SAM}}[workspace]
    found = await whole_world.answer(EVERYTHING, viewer, id=workspace_id(workspace))

    met = [ids.decode(id_) for id_ in ids_in(found)]
    assert {each.workspace_id for each in met} == {workspace, None}
    assert {each.key for each in met if each.type == "User"} == people
    assert {each.key for each in met if each.type == "Workspace"} == {workspace}
    assert {each.type for each in met} == {*THINGS, "User", "Workspace"} - {"TopUpCheckout"}


@pytest.mark.parametrize(
    "list_",
    [
        "apiKeys",
        "conversationUsage",
        "mcpHttpCalls",
        "importUsage",
        "creditAdjustments",
        "creditBalance.lots",
    ],
)
async def test_a_cursor_of_another_workspace_is_stale(whole_world: World, list_: str) -> None:
    """Where it stands in its own list says nothing here, and is not told to who may not ask."""
    outer, inner = ["", *list_.split(".")][-2:]
    opening, closing = (f"{outer} {{", "}") if outer else ("", "")
    document = f"""query($id: ID!, $after: String) {{ workspace(id: $id) {{ {opening}
        {inner}(first: 1, after: $after) {{ edges {{ cursor }} }}
    {closing} }} }}"""

    def connection(data: Any) -> Any:
        return (data["workspace"][outer] if outer else data["workspace"])[inner]

    theirs = await whole_world.answer(document, STRANGER, id=workspace_id(RIVAL))
    cursor = connection(theirs)["edges"][0]["cursor"]

    ours = await whole_world.ask(document, OWNER, after=cursor)
    outside = await whole_world.ask(document, OWNER, id=workspace_id(RIVAL), after=cursor)

    assert ours.codes == ["STALE_CURSOR"]
    assert ours.statements == (2 if outer else 1)
    assert outside.data == {"workspace": None}
    assert outside.errors == []


async def test_a_cursor_of_another_conversation_or_person_is_stale(whole_world: World) -> None:
    """Lists below a list have their own cursors too."""
    charges = "query($id: ID!, $after: String) { node(id: $id) { ... on ConversationUsage {"
    charges += " charges(first: 1, after: $after) { edges { cursor } } } } }"
    mine = "query($after: String) { viewer { workspaces(first: 1, after: $after) {"
    mine += " edges { cursor } } } }"
    listed = await whole_world.answer(
        "query($id: ID!) { workspace(id: $id) { conversationUsage(first: 2) { nodes { id } } } }"
    )
    one, other = (node["id"] for node in listed["workspace"]["conversationUsage"]["nodes"])
    of_one = await whole_world.answer(charges, id=one)
    of_olga = await whole_world.answer(mine, OWNER)

    charge = of_one["node"]["charges"]["edges"][0]["cursor"]
    workspace = of_olga["viewer"]["workspaces"]["edges"][0]["cursor"]

    assert (await whole_world.ask(charges, id=other, after=charge)).codes == ["STALE_CURSOR"]
    assert (await whole_world.ask(mine, STRANGER, after=workspace)).codes == ["STALE_CURSOR"]


async def test_the_api_key_of_another_workspace_filters_to_nothing(whole_world: World) -> None:
    """Like one that does not exist, by the same statements."""
    document = """query($id: ID!, $keys: [ID!]) { workspace(id: $id) {
        mcpHttpCalls(filterBy: {apiKeyIds: $keys}) {
            nodes { id } totalCount summary { callCount credits }
        }
    } }"""
    written = {
        "theirs": ids.encode("ApiKey", RIVALS_KEY, workspace_id=RIVAL),
        "theirs as ours": ids.encode("ApiKey", RIVALS_KEY, workspace_id=ACME),
        "unknown": ids.encode("ApiKey", NOBODY, workspace_id=ACME),
    }

    found = {
        name: await heard(whole_world, document, OWNER, keys=[id_]) for name, id_ in written.items()
    }
    both = await whole_world.answer(
        document, keys=[written["theirs"], ids.encode("ApiKey", KEY, workspace_id=ACME)]
    )

    nothing = {"nodes": [], "totalCount": 0, "summary": {"callCount": 0, "credits": 0}}
    assert found["theirs"][0].data == {"workspace": {"mcpHttpCalls": nothing}}
    assert found["theirs"] == found["theirs as ours"] == found["unknown"]
    assert both["workspace"]["mcpHttpCalls"]["totalCount"] == 1


async def test_a_search_stays_in_its_workspace(whole_world: World) -> None:
    """Neither a title nor a creator of another one is found."""
    document = """query($id: ID!, $search: String!) { workspace(id: $id) {
        conversationUsage(filterBy: {search: $search}) { nodes { id } totalCount }
    } }"""

    for term in ("secret", "Sam", "Stone"):
        found = await whole_world.answer(document, OWNER, search=term)
        there = await whole_world.answer(document, STRANGER, id=workspace_id(RIVAL), search=term)

        assert found["workspace"]["conversationUsage"] == {"nodes": [], "totalCount": 0}
        assert there["workspace"]["conversationUsage"]["totalCount"] == 1


async def test_who_was_referred_is_for_those_who_see_people(whole_world: World) -> None:
    """A member is told that there was a referral, and no more."""
    document = """query($id: ID!) { workspace(id: $id) {
        creditAdjustments(filterBy: {types: [REFERRAL_SIGNUP_REWARD]}) { nodes {
            description detail { ... on ReferralDetail { stage workspaceName } }
        } }
    } }"""

    details = {}
    for name, viewer in {"owner": OWNER, "admin": ADMIN, "member": MEMBER}.items():
        data = await whole_world.answer(document, viewer)
        [reward] = data["workspace"]["creditAdjustments"]["nodes"]
        details[name] = reward["detail"]
        assert "Newcomers" not in reward["description"]

    named = {"stage": "SIGNUP", "workspaceName": "Newcomers"}
    assert details["owner"] == details["admin"] == named
    assert details["member"] == {"stage": "SIGNUP", "workspaceName": None}


async def test_a_role_counts_in_its_own_workspace(world: World) -> None:
    """Sam owns Rival and is a member of Empty; one operation that reads both keeps them apart."""
    await worlds.record(
        world.database,
        EMPTY,
        [worlds.conversation("mine", by=SAM), worlds.conversation("hers", by=OLGA)],
    )
    document = """query($rival: ID!, $empty: ID!) {
        rival: workspace(id: $rival) { ...Usage }
        empty: workspace(id: $empty) { ...Usage }
    }
    fragment Usage on Workspace {
        viewerRole
        conversationUsage { nodes { user { name } } }
        sam: conversationUsage(filterBy: {search: "sam stone"}) { totalCount }
    }"""

    found = await world.answer(
        document, STRANGER, rival=workspace_id(RIVAL), empty=workspace_id(EMPTY)
    )

    assert found["rival"] == {
        "viewerRole": "OWNER",
        "conversationUsage": {"nodes": [{"user": {"name": "Sam Stone"}}]},
        "sam": {"totalCount": 1},
    }
    assert found["empty"] == {
        "viewerRole": "MEMBER",
        "conversationUsage": {"nodes": [{"user": None}, {"user": None}]},
        "sam": {"totalCount": 0},
    }


async def test_who_leaves_is_out_at_once(world: World) -> None:
    """Roles are read with each request: what was seen a moment ago is gone."""
    document = (
        "query($id: ID!) { workspace(id: $id) { name } viewer { workspaces { nodes { name } } } }"
    )
    before = await world.answer(document, ADMIN)
    await _leave(world, ADAM)

    after = await world.answer(document, ADMIN)

    assert before == {
        "workspace": {"name": "Acme"},
        "viewer": {"workspaces": {"nodes": [{"name": "Acme"}]}},
    }
    assert after == {"workspace": None, "viewer": {"workspaces": {"nodes": []}}}


async def _leave(world: World, user: UUID) -> None:
    async with world.database.write() as session:
        await session.execute(
            update(Membership)
            .where(Membership.workspace_id == ACME, Membership.user_id == user)
            .values(left_at=NOW)
        )


def ids_in(found: Any) -> Iterator[str]:
    """Yield every `id` of an answer."""
    if isinstance(found, list):
        for each in found:
            yield from ids_in(each)
    elif isinstance(found, dict):
        for name, value in found.items():
            if name == "id":
                yield value
            else:
                yield from ids_in(value)
