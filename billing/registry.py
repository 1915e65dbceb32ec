"""What the host product tells us of its workspaces and their API keys.

Each call is a patch: what is not said stays as it is. A workspace is known by the host's own id
of it, and two calls that bring the same new id at once create one workspace. A new workspace has
a ledger, the Free plan, and what the catalogue grants on it.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, bindparam, func, null, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing import ledger, membership, referrals, refresh, rows, text
from billing.details import ReferralStage
from billing.errors import ReferrerFixed, ReferrerNotFound, ValueRequired, WorkspaceNotFound
from billing.membership import MembersPatch
from billing.use import ID_LENGTH_MAX
from models.base import new_id
from models.workspace import ApiKey, Workspace, WorkspaceKey

NAME_LENGTH_MAX = 255
"""The most characters of the name of a workspace or of an API key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspacePatch:
    """What the host says of the workspace that it knows by `external_id`; None says nothing.

    `referred_by` is the host's id of another one.
    """

    external_id: str
    name: str | None = None
    referred_by: str | None = None
    members: MembersPatch = field(default_factory=MembersPatch)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyPatch:
    """What the host says of the API key that it knows by `external_id`; None says nothing."""

    external_id: str
    name: str | None = None
    is_revoked: bool | None = None


async def upsert_workspace(session: AsyncSession, *, patch: WorkspacePatch, now: datetime) -> UUID:
    """Create or change a workspace; return its id.

    Raises TextInvalid, ValueRequired, ReferrerNotFound, ReferrerFixed, FreePlanMissing, and what
    `membership.change` raises.
    """
    text.check(patch.external_id, "external_id", maximum=ID_LENGTH_MAX)
    if patch.name is not None:
        text.check(patch.name, "name", maximum=NAME_LENGTH_MAX)
    referrer_id = await _referrer(session, patch)

    workspace_id, is_new = await _identify(session, patch, now)
    if is_new:
        await _create(session, workspace_id, patch, referrer_id, now)
    else:
        await _change(session, workspace_id, patch, referrer_id)
    await membership.change(session, workspace_id=workspace_id, patch=patch.members, now=now)
    return workspace_id


async def upsert_api_key(
    session: AsyncSession, *, workspace_id: UUID, patch: ApiKeyPatch, now: datetime
) -> UUID:
    """Create or change an API key of a workspace; return its id. A revoked one may come back.

    Raises TextInvalid, ValueRequired and WorkspaceNotFound.
    """
    text.check(patch.external_id, "external_id", maximum=ID_LENGTH_MAX)
    if patch.name is not None:
        text.check(patch.name, "name", maximum=NAME_LENGTH_MAX)
    if await session.scalar(_WORKSPACE, {"of_workspace": workspace_id}) is None:
        raise WorkspaceNotFound(workspace_id)
    known = select(_K.id).where(
        _K.workspace_id == workspace_id, _K.external_id == patch.external_id
    )
    if patch.name is None and await session.scalar(known) is None:
        raise ValueRequired("name", of="API key")

    new = insert(_API_KEYS).values(
        workspace_id=workspace_id,
        id=new_id(),
        external_id=patch.external_id,
        name=patch.name or "",
        created_at=now,
        revoked_at=now if patch.is_revoked else null(),
    )
    said: dict[str, Any] = {"external_id": new.excluded.external_id}
    if patch.name is not None:
        said["name"] = new.excluded.name
    if patch.is_revoked is not None:
        said["revoked_at"] = (
            func.coalesce(_K.revoked_at, new.excluded.revoked_at) if patch.is_revoked else null()
        )
    api_key_id: UUID | None = await session.scalar(
        new.on_conflict_do_update(
            index_elements=["workspace_id", "external_id"], set_=said
        ).returning(_K.id)
    )
    assert api_key_id is not None, "an upsert returns its row"
    return api_key_id


async def _referrer(session: AsyncSession, patch: WorkspacePatch) -> UUID | None:
    """Return the workspace that is said to have referred this one."""
    if patch.referred_by is None:
        return None
    text.check(patch.referred_by, "referred_by", maximum=ID_LENGTH_MAX)
    referrer_id = await _known(session, patch.referred_by)
    if referrer_id is None or patch.referred_by == patch.external_id:
        raise ReferrerNotFound
    return referrer_id


async def _identify(
    session: AsyncSession, patch: WorkspacePatch, now: datetime
) -> tuple[UUID, bool]:
    """Return the id of the workspace, and whether that is a new one's, taken in this transaction.

    Who brings the same new id in another transaction waits for the end of this one.
    """
    known = await _known(session, patch.external_id)
    if known is not None:
        return known, False
    if patch.name is None:
        raise ValueRequired("name", of="workspace")
    taken = await session.scalar(
        insert(_WORKSPACE_KEYS)
        .values(external_id=patch.external_id, workspace_id=new_id(), created_at=now)
        .on_conflict_do_nothing(index_elements=["external_id"])
        .returning(_WORKSPACE_KEYS.c.workspace_id)
    )
    if taken is not None:
        return taken, True
    known = await _known(session, patch.external_id)
    assert known is not None, "whoever took the id has committed"
    return known, False


async def _known(session: AsyncSession, external_id: str) -> UUID | None:
    return await session.scalar(_BY_EXTERNAL_ID, {"of_external_id": external_id})


async def _create(
    session: AsyncSession,
    workspace_id: UUID,
    patch: WorkspacePatch,
    referrer_id: UUID | None,
    now: datetime,
) -> None:
    """Write a new workspace: its ledger, the Free plan, its first credits, who is rewarded."""
    await session.execute(
        insert(_WORKSPACES).values(
            id=workspace_id,
            name=patch.name,
            referred_by_workspace_id=referrer_id,
            created_at=now,
        )
    )
    await ledger.create(session, workspace_id=workspace_id, now=now)
    await refresh.begin_free(session, workspace_id=workspace_id, at=now, is_new=True, now=now)
    await referrals.enqueue(session, workspace_id=workspace_id, stage=ReferralStage.SIGNUP, now=now)


async def _change(
    session: AsyncSession, workspace_id: UUID, patch: WorkspacePatch, referrer_id: UUID | None
) -> None:
    """Change a workspace that exists. Raises ReferrerFixed."""
    kept = await session.scalar(_WORKSPACE_REFERRER, {"of_workspace": workspace_id})
    if referrer_id is not None and referrer_id != kept:
        raise ReferrerFixed
    if patch.name is not None:
        await session.execute(
            update(_WORKSPACES)
            .where(_W.id == workspace_id, _W.name != patch.name)
            .values(name=patch.name)
        )


_WORKSPACES = rows.table(Workspace)
_W = _WORKSPACES.c
_WORKSPACE_KEYS = rows.table(WorkspaceKey)
_API_KEYS = rows.table(ApiKey)
_K = _API_KEYS.c

_OURS = bindparam("of_workspace", type_=Uuid())
_WORKSPACE = select(_W.id).where(_W.id == _OURS)
_WORKSPACE_REFERRER = select(_W.referred_by_workspace_id).where(_W.id == _OURS)
_BY_EXTERNAL_ID = select(_WORKSPACE_KEYS.c.workspace_id).where(
    _WORKSPACE_KEYS.c.external_id == bindparam("of_external_id")
)
