"""What the mutations of owners have in common: who asks, for which workspace, with which means."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from billing import access
from billing.access import WorkspaceAccess
from billing.errands import Errand
from billing.idempotency import Request
from resolvers import errands
from resolvers.context import Info
from resolvers.mutations import payload
from resolvers.types.workspace import Workspace


async def owned(info: Info, asked: Any) -> WorkspaceAccess:
    """Return the workspace of the input, which the viewer owns.

    Raises Unauthenticated, PersonRequired, InvalidId, WorkspaceNotFound and NotOwner.
    """
    access.person(info.context.viewer)
    workspace_id = payload.workspace_id(asked)
    found = await info.context.loaders.workspace.load(workspace_id)
    return access.owner(found, workspace_id=workspace_id)


def request(info: Info, asked: Any, *, mutation: str, owned: WorkspaceAccess) -> Request:
    """Return the request under the input's `idempotencyKey`. Raises IdempotencyKeyInvalid."""
    viewer = access.person(info.context.viewer)
    return payload.request(asked, viewer, mutation=mutation, workspace_id=owned.workspace_id)


@asynccontextmanager
async def errand(info: Info, owned: WorkspaceAccess) -> AsyncGenerator[Errand]:
    """Give what the errand is done with, in its time; what was read so far is let go of.

    Raises what `errands.errand` raises.
    """
    async with errands.errand(info, owned) as made:
        await info.context.renew()
        yield made


async def workspace(info: Info, workspace_id: UUID | None) -> Workspace | None:
    """Return the workspace after a mutation; None when that was refused."""
    if workspace_id is None:
        return None
    found = await info.context.loaders.workspace.load(workspace_id)
    return None if found is None else Workspace.of(found)
