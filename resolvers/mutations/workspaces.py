"""`upsertWorkspace` and `upsertApiKey`: what the host product tells of its workspaces."""

from typing import Annotated
from uuid import UUID

import strawberry

from billing import access, membership, registry
from billing.access import SUBJECT_LENGTH_MAX, Scope
from billing.membership import MemberPatch, MembersPatch
from billing.registry import ApiKeyPatch, WorkspacePatch
from resolvers import ids
from resolvers.context import Info
from resolvers.fields import resolved
from resolvers.mutations import payload
from resolvers.mutations.payload import Payload
from resolvers.types.enums import Role
from resolvers.types.usage import ApiKey
from resolvers.types.workspace import Workspace


@strawberry.input(description="A person who joins a workspace, or a member who changes.")
class WorkspaceMemberInput:
    """A member."""

    subject: str = strawberry.field(
        description="The `sub` of their tokens: the same person in every workspace."
        f" 1 to {SUBJECT_LENGTH_MAX} printable characters, without blanks around them."
    )
    role: Role | None = strawberry.field(
        default=strawberry.UNSET, description="What they may do; required for those who join."
    )
    name: str | None = strawberry.field(
        default=strawberry.UNSET, description="What they are called; required for a new person."
    )
    email: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Their email address; required for a new person.",
    )

    def patch(self) -> MemberPatch:
        """Return what is said of the member."""
        return MemberPatch(
            subject=self.subject,
            role=payload.given(self.role),
            name=payload.given(self.name),
            email=payload.given(self.email),
        )


@strawberry.input(description="What to set of a workspace: what is left out stays as it is.")
class UpsertWorkspaceInput:
    """What changes of a workspace."""

    external_id: str = strawberry.field(
        description="The host product's id of the workspace; a new id creates one."
    )
    name: str | None = strawberry.field(
        default=strawberry.UNSET, description="What it is called; required for a new one."
    )
    referred_by: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The host product's id of the workspace that referred it; never changes.",
    )
    members: list[WorkspaceMemberInput] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Those who join or change; members who are not named stay as they are.",
    )
    leaving: list[str] | None = strawberry.field(
        default=strawberry.UNSET,
        description="The subjects of those who leave; together with `members` at most"
        f" {membership.MEMBERS_MAX:,} people.",
    )

    def patch(self) -> WorkspacePatch:
        """Return what is said of the workspace."""
        staying = [member.patch() for member in payload.given(self.members) or ()]
        return WorkspacePatch(
            external_id=self.external_id,
            name=payload.given(self.name),
            referred_by=payload.given(self.referred_by),
            members=MembersPatch(staying=staying, leaving=payload.given(self.leaving) or ()),
        )


@strawberry.input(description="What to set of an API key: what is left out stays as it is.")
class UpsertApiKeyInput:
    """What changes of an API key."""

    workspace_id: strawberry.ID = strawberry.field(description="The workspace that it belongs to.")
    external_id: str = strawberry.field(
        description="The host product's id of the key, not its secret; a new id adds one."
    )
    name: str | None = strawberry.field(
        default=strawberry.UNSET, description="What it is called; required for a new one."
    )
    revoked: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Whether it is revoked; false lets it work again."
    )

    def patch(self) -> ApiKeyPatch:
        """Return what is said of the key."""
        return ApiKeyPatch(
            external_id=self.external_id,
            name=payload.given(self.name),
            is_revoked=payload.given(self.revoked),
        )


@strawberry.type(description="The workspace that was created or changed.")
class UpsertWorkspacePayload(Payload):
    """The workspace."""

    key: strawberry.Private[UUID | None] = None

    @resolved("Its global id, which other mutations take.")
    async def workspace_id(self) -> strawberry.ID | None:
        """Return the id."""
        return None if self.key is None else strawberry.ID(ids.encode("Workspace", self.key))

    @resolved("The workspace. Needs the scope `billing:read`.")
    async def workspace(self, info: Info) -> Workspace | None:
        """Return the workspace."""
        if self.key is None:
            return None
        found = await info.context.loaders.workspace.load(self.key)
        return None if found is None else Workspace.of(found)


@strawberry.type(description="The API key that was added or changed.")
class UpsertApiKeyPayload(Payload):
    """The API key."""

    key: strawberry.Private[tuple[UUID, UUID] | None] = None

    @resolved("The API key.")
    async def api_key(self, info: Info) -> ApiKey | None:
        """Return the API key."""
        if self.key is None:
            return None
        return ApiKey.of(await info.context.loaders.api_key.load(self.key))


@payload.mutation(
    UpsertWorkspacePayload,
    "Create a workspace, or change its name, its members or what those are called. A new one is on"
    " the Free plan and has the credits that it grants; the workspace that referred it is rewarded."
    " Sending the same again changes nothing. Needs the scope `workspaces:write`.",
)
async def upsert_workspace(
    info: Info, asked: Annotated[UpsertWorkspaceInput, payload.INPUT]
) -> UpsertWorkspacePayload:
    """Create or change a workspace."""
    access.service(info.context.viewer, Scope.WORKSPACES_WRITE)
    async with info.context.write() as session:
        key = await registry.upsert_workspace(session, patch=asked.patch(), now=info.context.now)
    return UpsertWorkspacePayload(key=key)


@payload.mutation(
    UpsertApiKeyPayload,
    "Add an API key to a workspace, or change its name or whether it is revoked. Sending the same"
    " again changes nothing. Needs the scope `workspaces:write`.",
)
async def upsert_api_key(
    info: Info, asked: Annotated[UpsertApiKeyInput, payload.INPUT]
) -> UpsertApiKeyPayload:
    """Add or change an API key."""
    access.service(info.context.viewer, Scope.WORKSPACES_WRITE)
    workspace_id = payload.workspace_id(asked)
    async with info.context.write() as session:
        key = await registry.upsert_api_key(
            session, workspace_id=workspace_id, patch=asked.patch(), now=info.context.now
        )
    return UpsertApiKeyPayload(key=(workspace_id, key))
