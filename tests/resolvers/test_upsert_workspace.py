"""`upsertWorkspace`: what the host product tells of its workspaces, their members and people."""

import asyncio
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select, update
from structlog.testing import capture_logs

from billing import audit, jobs, referrals
from billing.access import Person
from models.jobs import Job
from models.plan import Plan, ReferralReward
from models.workspace import Membership, User, Workspace, WorkspaceKey
from resolvers import ids
from tests import dying
from tests.resolvers.mutating import ALMIGHTY, REGISTRAR, UPSERT_WORKSPACE, mutate, refusal
from tests.resolvers.world import ACME, ADAM, MIA, NOW, OLGA, World

ADA = {"subject": "ada", "role": "OWNER", "name": "Ada", "email": "ada@example.com"}
BEN = {"subject": "ben", "role": "MEMBER", "name": "Ben", "email": "ben@example.com"}


async def upsert(world: World, external_id: str = "new", **said: Any) -> Any:
    """Upsert a workspace; return the payload."""
    return await mutate(world, UPSERT_WORKSPACE, REGISTRAR, {"externalId": external_id} | said)


async def created(world: World, external_id: str = "new", **said: Any) -> str:
    """Upsert a workspace that is called by its external id; return its global id."""
    payload = await upsert(world, external_id, **{"name": external_id.title()} | said)
    assert payload["userErrors"] == []
    id_: str = payload["workspaceId"]
    return id_


async def members(world: World, id_: str) -> dict[str, str]:
    """Return the roles of those who see the workspace, by subject."""
    workspace_id = ids.decode(id_, "Workspace").key
    async with world.database.snapshot() as snapshot:
        rows = await snapshot.all(
            select(User.subject, Membership.role)
            .join(Membership, Membership.user_id == User.id)
            .where(Membership.workspace_id == workspace_id, Membership.left_at.is_(None))
        )
    return {row.subject: row.role.value for row in rows}


async def grant_on_free(world: World, credits_: int, *, refreshes: bool) -> None:
    """Let the catalogue grant credits on Free."""
    async with world.database.write() as session:
        await session.execute(
            update(Plan)
            .where(Plan.id == "free")
            .values(credits_per_refresh=credits_, refreshes=refreshes)
        )


async def reward(world: World, stage: str, *, referrer: int, newcomer: int = 0) -> None:
    """Let the catalogue reward referrals."""
    async with world.database.write() as session:
        await session.execute(
            insert(ReferralReward).values(
                stage=stage, referrer_credits=referrer, newcomer_credits=newcomer
            )
        )


async def work(world: World) -> list[Exception | None]:
    """Do all that is queued; return what it failed of."""
    outcomes = []
    handlers = {referrals.KIND: referrals.reward}
    while outcome := await jobs.run_next(world.database, handlers=handlers, now=NOW):
        outcomes.append(outcome.error)
    return outcomes


async def test_a_new_workspace_begins_on_free_with_its_members(world: World) -> None:
    """Its owner sees it at once."""
    id_ = await created(world, members=[ADA, BEN])

    data = await world.answer(_WORKSPACE, Person("ada"), id=id_)
    assert data["workspace"] == {
        "name": "New",
        "createdAt": "2026-11-15T12:00:00Z",
        "viewerRole": "OWNER",
        "subscription": {
            "plan": {"name": "Free"},
            "kind": "FREE",
            "status": "ACTIVE",
            "currentPeriodStart": "2026-11-15T12:00:00Z",
            "currentPeriodEnd": None,
        },
        "creditBalance": {"remaining": 0, "refreshesAt": None, "lots": {"nodes": []}},
        "creditAdjustments": {"nodes": []},
    }
    assert data["viewer"] == {"name": "Ada", "email": "ada@example.com"}
    assert await members(world, id_) == {"ada": "OWNER", "ben": "MEMBER"}


async def test_a_new_workspace_is_granted_the_first_package_of_free(world: World) -> None:
    """It expires with the month, when the next one comes."""
    await grant_on_free(world, 200, refreshes=True)

    id_ = await created(world)

    workspace = (await world.answer(_WORKSPACE, ALMIGHTY, id=id_))["workspace"]
    assert workspace["creditBalance"] == {
        "remaining": 200,
        "refreshesAt": "2026-12-15T12:00:00Z",
        "lots": {"nodes": [{"kind": "RECURRING", "expiresAt": "2026-12-15T12:00:00Z"}]},
    }
    assert workspace["creditAdjustments"]["nodes"] == [_FREE_GRANT]


async def test_a_free_plan_that_does_not_refresh_grants_a_gift(world: World) -> None:
    """It stays until it is used."""
    await grant_on_free(world, 200, refreshes=False)

    id_ = await created(world)

    workspace = (await world.answer(_WORKSPACE, ALMIGHTY, id=id_))["workspace"]
    assert workspace["creditBalance"] == {
        "remaining": 200,
        "refreshesAt": None,
        "lots": {"nodes": [{"kind": "GRANTED", "expiresAt": None}]},
    }
    assert workspace["creditAdjustments"]["nodes"] == [_FREE_GRANT]


async def test_without_a_free_plan_no_workspace_begins(world: World) -> None:
    """Nothing of it is left."""
    async with world.database.write() as session:
        await session.execute(update(Plan).where(Plan.id == "free").values(archived_at=NOW))
    before = await _rows(world)

    assert refusal(await upsert(world, name="New")) == ("FREE_PLAN_MISSING", ["input"])
    assert await _rows(world) == before


async def test_what_is_sent_again_changes_nothing(world: World) -> None:
    """The same workspace, and no more credits."""
    await grant_on_free(world, 200, refreshes=True)
    first = await created(world, members=[ADA, BEN])
    before = await _rows(world)

    assert await created(world, members=[ADA, BEN]) == first
    assert await _rows(world) == before


async def test_a_patch_leaves_what_it_does_not_say(world: World) -> None:
    """Null says nothing, as leaving out does."""
    id_ = await created(world, members=[ADA, BEN])

    await upsert(world)
    await upsert(world, name=None, members=None, leaving=None, referredBy=None)
    await upsert(world, members=[{"subject": "ben", "role": "ADMIN", "name": None}])
    await upsert(world, members=[{"subject": "ada", "email": "countess@example.com"}])
    await upsert(world, name="Newer")

    data = await world.answer(_WORKSPACE, Person("ada"), id=id_)
    assert data["workspace"]["name"] == "Newer"
    assert data["viewer"] == {"name": "Ada", "email": "countess@example.com"}
    assert await members(world, id_) == {"ada": "OWNER", "ben": "ADMIN"}


async def test_a_member_leaves_when_they_are_named_and_may_come_back(world: World) -> None:
    """Who is not named stays; who was never there does not mind."""
    id_ = await created(world, members=[ADA, BEN])

    payload = await upsert(world, leaving=["ben", "nobody", "olga"])
    assert payload["userErrors"] == []
    assert await members(world, id_) == {"ada": "OWNER"}
    assert (await world.answer(_WORKSPACE, Person("ben"), id=id_))["workspace"] is None

    await upsert(world, members=[{"subject": "ben", "role": "ADMIN"}])
    assert await members(world, id_) == {"ada": "OWNER", "ben": "ADMIN"}


async def test_who_left_needs_a_role_to_come_back(world: World) -> None:
    """The one that they had is not taken for granted."""
    id_ = await created(world, members=[ADA, BEN])
    await upsert(world, leaving=["ben"])

    payload = await upsert(world, members=[{"subject": "ben"}])

    assert refusal(payload) == ("VALUE_REQUIRED", ["input", "members", "0", "role"])
    assert await members(world, id_) == {"ada": "OWNER"}


async def test_a_person_is_one_in_all_workspaces(world: World) -> None:
    """Known by their subject; a new name is theirs everywhere."""
    id_ = await created(world, members=[{"subject": "mia", "role": "OWNER", "name": "Mia Marsh"}])

    people = await world.answer(
        "query($ids: [ID!]!) { nodes(ids: $ids) { ... on User { name email } } }",
        ALMIGHTY,
        ids=[ids.encode("User", MIA)],
    )
    assert people["nodes"] == [{"name": "Mia Marsh", "email": "mia@example.com"}]
    assert await members(world, id_) == {"mia": "OWNER"}


REFUSED: dict[str, tuple[dict[str, Any], str, list[str]]] = {
    "no external id": ({"externalId": ""}, "TEXT_INVALID", ["externalId"]),
    "a blank external id": ({"externalId": " "}, "TEXT_INVALID", ["externalId"]),
    "a long external id": ({"externalId": "x" * 256}, "TEXT_INVALID", ["externalId"]),
    "NUL in the external id": ({"externalId": "a\0"}, "TEXT_INVALID", ["externalId"]),
    "no name": ({"name": None}, "VALUE_REQUIRED", ["name"]),
    "an empty name": ({"name": ""}, "TEXT_INVALID", ["name"]),
    "a long name": ({"name": "x" * 256}, "TEXT_INVALID", ["name"]),
    "half of a pair in the name": ({"name": "\ud800"}, "TEXT_INVALID", ["name"]),
    "an unknown referrer": ({"referredBy": "nobody"}, "REFERRER_NOT_FOUND", ["referredBy"]),
    "itself as referrer": ({"referredBy": "new"}, "REFERRER_NOT_FOUND", ["referredBy"]),
    "an empty referrer": ({"referredBy": ""}, "TEXT_INVALID", ["referredBy"]),
    "no subject": (
        {"members": [ADA, BEN | {"subject": ""}]},
        "TEXT_INVALID",
        ["members", "1", "subject"],
    ),
    **{
        f"the subject {subject!r}, which no token can carry": (
            {"members": [ADA, BEN | {"subject": subject}]},
            "TEXT_INVALID",
            ["members", "1", "subject"],
        )
        for subject in (" ben", "ben\n", "b\u200ben", "x" * 256)
    },
    "a new person without a name": (
        {"members": [ADA, BEN | {"name": None}]},
        "VALUE_REQUIRED",
        ["members", "1", "name"],
    ),
    "a new person without an address": (
        {"members": [{"subject": "ben", "role": "MEMBER", "name": "Ben"}]},
        "VALUE_REQUIRED",
        ["members", "0", "email"],
    ),
    "a new member without a role": (
        {"members": [{"subject": "mia"}]},
        "VALUE_REQUIRED",
        ["members", "0", "role"],
    ),
    "an empty name of a person": (
        {"members": [ADA | {"name": ""}]},
        "TEXT_INVALID",
        ["members", "0", "name"],
    ),
    "NUL in an address": (
        {"members": [ADA | {"email": "\0"}]},
        "TEXT_INVALID",
        ["members", "0", "email"],
    ),
    "a member twice": (
        {"members": [ADA, BEN, ADA]},
        "MEMBER_NAMED_TWICE",
        ["members", "2", "subject"],
    ),
    "a member who leaves": (
        {"members": [ADA], "leaving": ["ada"]},
        "MEMBER_NAMED_TWICE",
        ["leaving", "0"],
    ),
    "who leaves twice": ({"leaving": ["ada", "ada"]}, "MEMBER_NAMED_TWICE", ["leaving", "1"]),
    "nobody leaves": ({"leaving": [""]}, "TEXT_INVALID", ["leaving", "0"]),
    "too many": (
        {"leaving": [str(number) for number in range(1_001)]},
        "TOO_MANY_MEMBERS",
        ["members"],
    ),
}


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(("said", "code", "path"), REFUSED.values(), ids=REFUSED)
async def test_what_is_not_possible_is_refused_whole(
    shared_world: World, said: dict[str, Any], code: str, path: list[str]
) -> None:
    """Nothing of it is left: no workspace, no person."""
    before = await _rows(shared_world)
    asked = {"externalId": "new", "name": "New"} | said

    payload = await mutate(shared_world, UPSERT_WORKSPACE, REGISTRAR, asked)

    assert refusal(payload) == (code, ["input", *path])
    assert await _rows(shared_world) == before


async def test_two_that_bring_the_same_workspace_create_one(world: World) -> None:
    """Twenty at once, each with a member of its own."""
    await grant_on_free(world, 200, refreshes=True)
    people = [ADA | {"subject": f"person {number}"} for number in range(20)]

    ids_ = await asyncio.gather(
        *(created(world, "new", members=[person, BEN]) for person in people)
    )

    assert len(set(ids_)) == 1
    assert await members(world, ids_[0]) == {
        **{person["subject"]: "OWNER" for person in people},
        "ben": "MEMBER",
    }
    workspace = (await world.answer(_WORKSPACE, ALMIGHTY, id=ids_[0]))["workspace"]
    assert workspace["creditBalance"]["remaining"] == 200
    assert await _audited(world, ids_[0]) == []


async def test_many_that_name_the_same_people_in_any_order_do_not_wait_in_a_circle(
    world: World,
) -> None:
    """Each of them gets through."""
    people = [ADA | {"subject": f"person {number:02}"} for number in range(30)]

    ids_ = await asyncio.gather(
        *(
            created(world, f"new {number}", members=people[:: 1 if number % 2 else -1])
            for number in range(16)
        )
    )

    assert len(set(ids_)) == 16
    for id_ in ids_:
        assert len(await members(world, id_)) == 30


async def test_who_referred_a_new_workspace_is_rewarded_and_so_is_that_one(world: World) -> None:
    """By a job, once, however often the workspace is told of."""
    await reward(world, "SIGNUP", referrer=250, newcomer=50)
    referrer = await created(world, "referrer")
    newcomer = await created(world, "newcomer", referredBy="referrer")
    await created(world, "newcomer", referredBy="referrer")
    assert await _remaining(world, referrer) == 0

    assert await work(world) == [None, None]

    assert await _remaining(world, referrer) == 250
    assert await _remaining(world, newcomer) == 50
    told = {
        "type": "REFERRAL_SIGNUP_REWARD",
        "detail": {"stage": "SIGNUP", "workspaceName": "Newcomer"},
    }
    for id_, amount in ((referrer, 250), (newcomer, 50)):
        workspace = (await world.answer(_WORKSPACE, ALMIGHTY, id=id_))["workspace"]
        assert workspace["creditAdjustments"]["nodes"] == [told | {"amount": amount}]
        assert await _audited(world, id_) == []
    assert await work(world) == []


async def test_a_reward_that_was_given_is_not_given_again(world: World) -> None:
    """Not by the same job, run twice by workers that die."""
    await reward(world, "SIGNUP", referrer=250)
    referrer = await created(world, "referrer")
    await created(world, "newcomer", referredBy="referrer")
    async with world.database.write() as session:
        [job] = await jobs.claim(session, kinds=[referrals.KIND], now=NOW)
    for _ in range(2):
        async with world.database.write() as session:
            await referrals.reward(session, job, NOW)

    assert await _remaining(world, referrer) == 250


async def test_without_a_reward_nothing_is_queued(world: World) -> None:
    """Nor without a referrer."""
    await created(world, "referrer")
    await created(world, "newcomer", referredBy="referrer")
    await reward(world, "SIGNUP", referrer=0)
    await created(world, "second newcomer", referredBy="referrer")
    await created(world, "of its own")

    async with world.database.snapshot() as snapshot:
        assert await snapshot.all(select(Job.id)) == []


async def test_the_reward_is_what_the_catalogue_said_then(world: World) -> None:
    """A change of the catalogue is for those who come after it."""
    await reward(world, "SIGNUP", referrer=250)
    referrer = await created(world, "referrer")
    await created(world, "newcomer", referredBy="referrer")
    async with world.database.write() as session:
        await session.execute(update(ReferralReward).values(referrer_credits=1))
    await work(world)

    assert await _remaining(world, referrer) == 250


async def test_who_referred_a_workspace_never_changes(world: World) -> None:
    """Said again it is the same; another one, or one that comes late, is refused."""
    await reward(world, "SIGNUP", referrer=250)
    for name in ("one", "two"):
        await created(world, name)
    await created(world, "referred", referredBy="one")
    await created(world, "on its own")
    await created(world, "referred", referredBy="one")

    for name, referrer in (("referred", "two"), ("on its own", "one")):
        payload = await upsert(world, name, name="Changed", referredBy=referrer)
        assert refusal(payload) == ("REFERRER_FIXED", ["input", "referredBy"])
    async with world.database.snapshot() as snapshot:
        names = await snapshot.all(select(Workspace.name).where(Workspace.name == "Changed"))
    assert names == []
    assert len(await work(world)) == 1


async def test_the_workspace_is_shown_to_who_may_read(world: World) -> None:
    """Who may only write is told its id."""
    document = UPSERT_WORKSPACE.replace("workspaceId", "workspaceId workspace { id name }")
    asked = {"externalId": "new", "name": "New"}

    payload = await mutate(world, document, ALMIGHTY, asked)
    blind = await world.ask(document, REGISTRAR, input=asked)

    assert payload["workspace"] == {"id": payload["workspaceId"], "name": "New"}
    assert blind.codes == ["SCOPE_MISSING"]
    assert blind.data["upsertWorkspace"] == {
        "workspaceId": payload["workspaceId"],
        "workspace": None,
        "userErrors": [],
    }


async def test_the_workspaces_of_others_stay_as_they_are(world: World) -> None:
    """A patch of one is no patch of another, though they share a member."""
    await created(world, members=[{"subject": "mia", "role": "OWNER"}], leaving=["olga", "adam"])

    async with world.database.snapshot() as snapshot:
        rows = await snapshot.all(
            select(Membership.user_id, Membership.role, Membership.left_at).where(
                Membership.workspace_id == ACME
            )
        )
    assert {row.user_id: row.role.value for row in rows} == {
        OLGA: "OWNER",
        ADAM: "ADMIN",
        MIA: "MEMBER",
    }
    assert {row.left_at for row in rows} == {None}


async def test_a_host_that_dies_anywhere_tells_it_again(world: World) -> None:
    """Before each statement and before the commit: all of the workspace, or none."""
    await grant_on_free(world, 200, refreshes=True)
    await reward(world, "SIGNUP", referrer=250, newcomer=50)
    await created(world, "referrer")
    asked = {"externalId": "new", "name": "New", "members": [ADA, BEN], "referredBy": "referrer"}
    before = await _rows(world)
    for number in count(1):
        with dying.at_step(world.database, number) as death, capture_logs():
            answer = await world.ask(UPSERT_WORKSPACE, REGISTRAR, input=asked)
        if not death.has_come:
            break
        assert answer.codes == ["DATABASE_UNAVAILABLE"]
        assert await _rows(world) == before

    assert number > 15
    id_ = answer.data["upsertWorkspace"]["workspaceId"]
    assert await _remaining(world, id_) == 200
    assert await members(world, id_) == {"ada": "OWNER", "ben": "MEMBER"}
    assert await work(world) == [None, None]
    assert await _remaining(world, id_) == 250
    assert await _audited(world, id_) == []


_FREE_GRANT = {"type": "FREE_WORKSPACE_GRANT", "amount": 200, "detail": {"plan": {"name": "Free"}}}

_WORKSPACE = """query($id: ID!) {
    workspace(id: $id) {
        name createdAt viewerRole
        subscription { plan { name } kind status currentPeriodStart currentPeriodEnd }
        creditBalance { remaining refreshesAt lots(first: 5) { nodes { kind expiresAt } } }
        creditAdjustments { nodes { type amount detail {
            ... on PackageDetail { plan { name } }
            ... on ReferralDetail { stage workspaceName }
        } } }
    }
    viewer { name email }
}"""


async def _remaining(world: World, id_: str) -> int:
    workspace = (await world.answer(_WORKSPACE, ALMIGHTY, id=id_))["workspace"]
    remaining: int = workspace["creditBalance"]["remaining"]
    return remaining


async def _rows(world: World) -> list[int]:
    """Return how many rows there are of what an upsert writes."""
    async with world.database.snapshot() as snapshot:
        return [
            await snapshot.scalar(select(func.count()).select_from(model))
            for model in (Workspace, WorkspaceKey, User, Membership, Job)
        ]


async def _audited(world: World, id_: str) -> list[audit.Drift]:
    workspace_id: UUID = ids.decode(id_, "Workspace").key
    async with world.database.snapshot() as snapshot:
        return await audit.audit(snapshot, workspace_id=workspace_id)
