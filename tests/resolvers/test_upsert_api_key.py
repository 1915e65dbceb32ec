"""`upsertApiKey`: what the host product tells of API keys, by its own id of them."""

import asyncio
from itertools import count
from typing import Any

import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

from models.workspace import ApiKey
from resolvers import ids
from tests import dying
from tests.resolvers.mutating import REGISTRAR, UPSERT_API_KEY, mutate, refusal
from tests.resolvers.world import ACME, KEY, MIA, RIVAL, World, workspace_id

NOON = "2026-11-15T12:00:00Z"


async def upsert(world: World, external_id: str = "new", **said: Any) -> Any:
    """Upsert an API key of Acme; return the payload."""
    asked = {"workspaceId": workspace_id(), "externalId": external_id} | said
    return await mutate(world, UPSERT_API_KEY, REGISTRAR, asked)


async def test_a_new_key_works_until_it_is_revoked(world: World) -> None:
    """It stays the same key through all of that."""
    added = (await upsert(world, name="New"))["apiKey"]
    revoked = (await upsert(world, revoked=True))["apiKey"]
    restored = (await upsert(world, revoked=False))["apiKey"]

    assert added == {"id": added["id"], "name": "New", "createdAt": NOON, "revokedAt": None}
    assert revoked == added | {"revokedAt": NOON}
    assert restored == added


async def test_a_key_may_be_revoked_when_it_is_first_told_of(world: World) -> None:
    """Old usage names it still."""
    assert (await upsert(world, name="New", revoked=True))["apiKey"]["revokedAt"] == NOON


async def test_a_patch_leaves_what_it_does_not_say(world: World) -> None:
    """Nor does revoking a key again move the time of that."""
    named = (await upsert(world, "Old laptop", name="Older laptop"))["apiKey"]
    again = (await upsert(world, "Old laptop", revoked=True, name=None))["apiKey"]
    nothing = (await upsert(world, "Production"))["apiKey"]

    assert named["name"] == "Older laptop"
    assert named["revokedAt"] == "2026-11-10T12:00:00Z"
    assert again == named
    assert nothing["id"] == ids.encode("ApiKey", KEY, workspace_id=ACME)
    assert (nothing["name"], nothing["revokedAt"]) == ("Production", None)


async def test_each_workspace_has_keys_of_its_own(world: World) -> None:
    """The same external id names two."""
    ours = (await upsert(world, name="Ours"))["apiKey"]
    theirs = (await upsert(world, name="Theirs", workspaceId=workspace_id(RIVAL)))["apiKey"]

    assert ours["id"] != theirs["id"]
    assert (await upsert(world))["apiKey"] == ours


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("said", "code", "path"),
    [
        ({}, "VALUE_REQUIRED", "name"),
        ({"name": ""}, "TEXT_INVALID", "name"),
        ({"name": "x" * 256}, "TEXT_INVALID", "name"),
        ({"name": "a\0"}, "TEXT_INVALID", "name"),
        ({"name": "New", "externalId": ""}, "TEXT_INVALID", "externalId"),
        ({"name": "New", "externalId": "\ud800"}, "TEXT_INVALID", "externalId"),
        ({"workspaceId": ids.encode("Workspace", MIA)}, "WORKSPACE_NOT_FOUND", "workspaceId"),
        ({"workspaceId": ids.encode("User", MIA)}, "INVALID_ID", "workspaceId"),
    ],
)
async def test_what_is_not_possible_is_refused(
    shared_world: World, said: dict[str, Any], code: str, path: str
) -> None:
    """Nothing of it is left."""
    before = await _number(shared_world)

    assert refusal(await upsert(shared_world, **said)) == (code, ["input", path])
    assert await _number(shared_world) == before


async def test_many_that_bring_the_same_key_add_one(world: World) -> None:
    """And what each of them says is not lost."""
    before = await _number(world)
    patches: list[dict[str, Any]] = [{"name": "New"}, {"name": "New", "revoked": True}] * 8

    payloads = await asyncio.gather(*(upsert(world, **patch) for patch in patches))

    assert len({payload["apiKey"]["id"] for payload in payloads}) == 1
    assert await _number(world) == before + 1
    assert (await upsert(world))["apiKey"]["revokedAt"] == NOON


async def test_a_host_that_dies_anywhere_tells_it_again(world: World) -> None:
    """Before each statement and before the commit: the key, or none."""
    before = await _number(world)
    asked = {"workspaceId": workspace_id(), "externalId": "new", "name": "New", "revoked": True}
    for number in count(1):
        with dying.at_step(world.database, number) as death, capture_logs():
            answer = await world.ask(UPSERT_API_KEY, REGISTRAR, input=asked)
        if not death.has_come:
            break
        assert answer.codes == ["DATABASE_UNAVAILABLE"]
        if answer.data["upsertApiKey"] is None:
            assert await _number(world) == before

    assert answer.data["upsertApiKey"]["apiKey"]["revokedAt"] == NOON
    assert await _number(world) == before + 1


async def _number(world: World) -> int:
    async with world.database.snapshot() as snapshot:
        number: int = await snapshot.scalar(select(func.count()).select_from(ApiKey))
    return number
