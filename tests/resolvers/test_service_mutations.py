"""Who may use the mutations of the host product's services, and how a refusal is told."""

import asyncio
from typing import Any

import pytest

from billing.access import Scope, Service, Viewer
from models.database import Database
from tests.resolvers.mutating import (
    ADJUST_CREDITS,
    ALMIGHTY,
    RECORD_USAGE,
    UPSERT_API_KEY,
    UPSERT_WORKSPACE,
)
from tests.resolvers.world import (
    ADMIN,
    MEMBER,
    OWNER,
    SERVICE,
    STRANGER,
    Refusal,
    World,
    workspace_id,
)

MUTATIONS: dict[str, tuple[str, Scope, dict[str, Any]]] = {
    "recordUsage": (
        RECORD_USAGE,
        Scope.USAGE_WRITE,
        {"workspaceId": workspace_id(), "events": []},
    ),
    "adjustCredits": (
        ADJUST_CREDITS,
        Scope.CREDITS_WRITE,
        {"workspaceId": workspace_id(), "amount": 1, "note": "Tried", "idempotencyKey": "key"},
    ),
    "upsertWorkspace": (
        UPSERT_WORKSPACE,
        Scope.WORKSPACES_WRITE,
        {"externalId": "tried", "name": "Tried"},
    ),
    "upsertApiKey": (
        UPSERT_API_KEY,
        Scope.WORKSPACES_WRITE,
        {"workspaceId": workspace_id(), "externalId": "tried", "name": "Tried"},
    ),
}
VIEWERS: dict[str, tuple[Viewer | None, str]] = {
    "nobody": (None, "UNAUTHENTICATED"),
    "stranger": (STRANGER, "SERVICE_REQUIRED"),
    "member": (MEMBER, "SERVICE_REQUIRED"),
    "admin": (ADMIN, "SERVICE_REQUIRED"),
    "owner": (OWNER, "SERVICE_REQUIRED"),
    "service that reads": (SERVICE, "SCOPE_MISSING"),
    "service without scopes": (Service("bare", frozenset()), "SCOPE_MISSING"),
}

mutations = pytest.mark.parametrize("mutation", MUTATIONS)


@pytest.mark.usefixtures("quiet")
@mutations
@pytest.mark.parametrize(("viewer", "code"), VIEWERS.values(), ids=VIEWERS)
async def test_who_is_no_service_with_the_scope_is_told_by_an_error(
    shared_world: World, mutation: str, viewer: Viewer | None, code: str
) -> None:
    """At the field; nothing is done, and nothing is asked of the database."""
    document, _, asked = MUTATIONS[mutation]
    heard: list[str] = []

    stop = shared_world.database.on_statement(heard.append)
    answer = await shared_world.ask(document, viewer, input=asked)
    stop()

    assert answer.data == {mutation: None}
    assert answer.codes == [code]
    assert heard == []


@pytest.mark.usefixtures("quiet")
@mutations
async def test_every_scope_but_the_one_is_not_enough(shared_world: World, mutation: str) -> None:
    """A service that may do all else is told which one it lacks."""
    document, scope, asked = MUTATIONS[mutation]
    others = Service("others", frozenset(Scope) - {scope})

    answer = await shared_world.ask(document, others, input=asked)

    assert answer.data == {mutation: None}
    assert answer.errors == [
        Refusal("SCOPE_MISSING", f"This needs a token with the scope {scope}", path=(mutation,))
    ]


@mutations
async def test_the_one_scope_is_enough(world: World, mutation: str) -> None:
    """For the mutation and for what its payload is for."""
    document, scope, asked = MUTATIONS[mutation]

    data = await world.answer(document, Service("one", frozenset({scope})), input=asked)

    assert data[mutation]["userErrors"] == []


@mutations
async def test_a_refusal_is_told_beside_what_others_did(world: World, mutation: str) -> None:
    """One request, two mutations: the second is refused, and the first is done."""
    document, _, asked = MUTATIONS[mutation]
    parameter, _, body = document.removeprefix("mutation(").partition(") { ")
    both = f"""mutation({parameter}, $note: AdjustCreditsInput!) {{
        first: adjustCredits(input: $note) {{ userErrors {{ code }} }}
        {body}"""
    note = {
        "workspaceId": workspace_id(),
        "amount": 5,
        "note": "First",
        "idempotencyKey": "first",
    }
    bad = asked | {"workspaceId": "x"} if "workspaceId" in asked else asked | {"externalId": ""}

    data = await world.answer(both, ALMIGHTY, input=bad, note=note)

    assert data["first"] == {"userErrors": []}
    [error] = data[mutation]["userErrors"]
    assert error["code"] in {"INVALID_ID", "TEXT_INVALID"}
    assert [name for name, value in data[mutation].items() if value is not None] == ["userErrors"]


@mutations
async def test_one_connection_is_enough_for_a_mutation(world: World, mutation: str) -> None:
    """What was read before it is let go: nobody waits for a connection that they hold."""
    document, _, asked = MUTATIONS[mutation]
    url = world.database.engine.url.render_as_string(hide_password=False)
    narrow = Database(url, pool_size=1)
    read = {"workspaceId": workspace_id(), "events": []}
    parameter, _, body = document.removeprefix("mutation(").partition(") { ")
    both = f"""mutation({parameter}, $read: RecordUsageInput!) {{
        read: recordUsage(input: $read) {{ balance {{ remaining }} }}
        {body}"""

    async with asyncio.timeout(10):
        data = await World(narrow).answer(both, ALMIGHTY, input=asked, read=read)
    await narrow.close()

    assert data["read"] == {"balance": {"remaining": 1_241}}
    assert data[mutation]["userErrors"] == []
