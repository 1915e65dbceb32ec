"""People, their workspaces, and the API keys of a workspace: reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, exists, select, true
from sqlalchemy.orm import aliased

from billing import keyset
from billing.access import Person, Service, Viewer
from models.database import Snapshot
from models.workspace import ApiKey, Membership, Role, User, Workspace


@dataclass(frozen=True, slots=True)
class Profile:
    """A person; `subject` is who their token says they are."""

    id: UUID
    subject: str
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class ApiKeyName:
    """An API key, without its secret."""

    id: UUID
    workspace_id: UUID
    name: str
    created_at: datetime
    revoked_at: datetime | None


async def person(snapshot: Snapshot, *, subject: str) -> Profile | None:
    """Return the person whom a token's subject names."""
    row = await snapshot.first(_PROFILE.where(User.subject == subject))
    return None if row is None else Profile(**row._asdict())


async def people(snapshot: Snapshot, *, user_ids: Sequence[UUID]) -> dict[UUID, Profile]:
    """Return the people by id; whether the viewer may see them is asked elsewhere."""
    rows = await snapshot.all(_PROFILE.where(User.id.in_(user_ids)))
    return {row.id: Profile(**row._asdict()) for row in rows}


async def visible_people(
    snapshot: Snapshot, viewer: Viewer, *, user_ids: Sequence[UUID]
) -> dict[UUID, Profile]:
    """Return those of the people whom the viewer may see.

    A person sees themselves and, as owner or admin, who is or was in a workspace with them. A
    service sees everybody.
    """
    if isinstance(viewer, Service):
        return await people(snapshot, user_ids=user_ids)
    mine, theirs, me = aliased(Membership), aliased(Membership), aliased(User)
    shared = exists(
        select(1)
        .select_from(me)
        .join(mine, mine.user_id == me.id)
        .join(theirs, theirs.workspace_id == mine.workspace_id)
        .where(
            me.subject == viewer.subject,
            mine.left_at.is_(None),
            mine.role.in_((Role.OWNER, Role.ADMIN)),
            theirs.user_id == User.id,
        )
    )
    visible = (User.subject == viewer.subject) | shared
    rows = await snapshot.all(_PROFILE.where(User.id.in_(user_ids), visible))
    return {row.id: Profile(**row._asdict()) for row in rows}


async def memberships(snapshot: Snapshot, viewer: Person, *, part: keyset.Slice) -> keyset.Page:
    """Return a page of the viewer's workspaces, in the order in which they joined them.

    A row has the attributes `id`, `name`, `created_at`, `role` and `user_id`.
    """
    found = await keyset.pages(
        snapshot,
        columns=_WORKSPACE_OF_MEMBER,
        parent=(User.__table__.c.subject,),
        parents=[(viewer.subject,)],
        where=_IS_MEMBER,
        order=keyset.Order(
            (Membership.__table__.c.created_at, Membership.__table__.c.workspace_id),
            descending=False,
        ),
        part=part,
    )
    return found[0]


async def membership_count(snapshot: Snapshot, viewer: Person) -> int:
    """Return the number of the viewer's workspaces."""
    [found] = await keyset.counts(
        snapshot,
        parent=(User.__table__.c.subject,),
        parents=[(viewer.subject,)],
        where=_IS_MEMBER,
    )
    return found


async def api_keys(
    snapshot: Snapshot, *, workspace_ids: Sequence[UUID], part: keyset.Slice
) -> list[keyset.Page]:
    """Return a page of each workspace's API keys, oldest first, revoked ones included.

    A row has the attributes of `ApiKeyName`.
    """
    return await keyset.pages(
        snapshot,
        columns=[getattr(_KEYS, name) for name in ApiKeyName.__slots__],
        parent=(_KEYS.workspace_id,),
        parents=[(workspace_id,) for workspace_id in workspace_ids],
        where=true(),
        order=keyset.Order((_KEYS.created_at, _KEYS.id), descending=False),
        part=part,
    )


async def api_key_counts(snapshot: Snapshot, *, workspace_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Return the number of each workspace's API keys."""
    found = await keyset.counts(
        snapshot,
        parent=(_KEYS.workspace_id,),
        parents=[(workspace_id,) for workspace_id in workspace_ids],
        where=true(),
    )
    return dict(zip(workspace_ids, found, strict=True))


async def api_keys_named(
    snapshot: Snapshot, *, keys: Sequence[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], ApiKeyName]:
    """Return the API keys by (workspace id, id)."""
    workspace_ids, ids = {key[0] for key in keys}, {key[1] for key in keys}
    rows = await snapshot.all(
        select(*(getattr(_KEYS, name) for name in ApiKeyName.__slots__)).where(
            _KEYS.workspace_id.in_(workspace_ids), _KEYS.id.in_(ids)
        )
    )
    return {(row.workspace_id, row.id): ApiKeyName(**row._asdict()) for row in rows}


_PROFILE = select(User.id, User.subject, User.name, User.email)
_KEYS = ApiKey.__table__.c
_IS_MEMBER = and_(
    Membership.user_id == User.id,
    Membership.left_at.is_(None),
    Workspace.id == Membership.workspace_id,
)
_WORKSPACE_OF_MEMBER = (
    Workspace.__table__.c.id,
    Workspace.__table__.c.name,
    Workspace.__table__.c.created_at,
    Membership.__table__.c.role,
    Membership.__table__.c.user_id,
)
